#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/date.h"
#include "proto/base/err.h"

static void three_forms_name_one_second(void **state)
{
    (void)state;
    /* The example of RFC 9110 section 5.6.7. */
    static const char *const forms[] = { "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                         "Sun Nov  6 08:49:37 1994" };
    for (size_t i = 0; i < 3; i++) {
        int64_t s = 0;
        assert_int_equal(date_parse(slice_str(forms[i]), &s), 0);
        assert_int_equal(s, 784111777);
    }
}

static void names_may_have_any_case(void **state)
{
    (void)state;
    static const char *const forms[] = { "sun, 06 nov 1994 08:49:37 gmt", "SUNDAY, 06-NOV-94 08:49:37 Gmt",
                                         "sUN nOV  6 08:49:37 1994" };
    for (size_t i = 0; i < 3; i++) {
        int64_t s = 0;
        assert_int_equal(date_parse(slice_str(forms[i]), &s), 0);
        assert_int_equal(s, 784111777);
    }
}

static void edges_of_the_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t s;
    } rows[] = { { "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
                 { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
                 { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 }, /* a leap second is the next second */
                 { "Tue, 19 Jan 2038 03:14:08 GMT", INT64_C(2147483648) },
                 { "Friday, 01-Jan-70 00:00:00 GMT", 0 },
                 { "Friday, 31-Dec-99 23:59:59 GMT", 946684799 },
                 { "Saturday, 01-Jan-00 00:00:00 GMT", 946684800 },
                 { "Tuesday, 31-Dec-69 23:59:59 GMT", INT64_C(3155759999) },
                 { "Mon, 01 Jan 0001 00:00:00 GMT", INT64_C(-62135596800) },
                 { "Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799) } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t s = 42;
        assert_int_equal(date_parse(slice_str(rows[i].text), &s), 0);
        assert_int_equal(s, rows[i].s);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "0",
                                       "-1",
                                       "Sun, 06 Nov 1994 08:49:37",
                                       "Sun, 06 Nov 1994 08:49:37 PST",
                                       "Sun, 6 Nov 1994 08:49:37 GMT",
                                       "Sun, 31 Feb 1994 08:49:37 GMT",
                                       "Wed, 29 Feb 1995 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 24:00:00 GMT",
                                       "Sun, 06 Nov 0000 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:37 GMT ",
                                       "Sun, 00 Nov 1994 08:49:37 GMT",
                                       "Thu, 29 Feb 1900 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:60:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:61 GMT",
                                       "Sun, 06 Nov 94 08:49:37 GMT",
                                       "Sun, 06 Nov 19940 08:49:37 GMT",
                                       "Sun, 06-Nov-1994 08:49:37 GMT",
                                       "Sun, 06  Nov 1994 08:49:37 GMT",
                                       "Sun 06 Nov 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 08.49.37 GMT",
                                       "Sun, 06 Nov 1994 8:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:37 UTC",
                                       "Sun, 06 Nov 1994 08:49:37 AEST",
                                       "Sun, 06 Now 1994 08:49:37 GMT",
                                       "Sun, -6 Nov 1994 08:49:37 GMT",
                                       "Sun Nov 6 08:49:37 1994",
                                       "Sun Nov  6 08:49:37 94",
                                       "Sunday, 06-Nov-1994 08:49:37 GMT" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t s = 42;
        assert_int_equal(date_parse(slice_str(bad[i]), &s), MESH_E_SYNTAX);
        assert_int_equal(s, 42);
    }
}

static void formatting_and_parsing_are_inverse(void **state)
{
    (void)state;
    char text[DATE_TEXT_BYTES + 1];
    date_format(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    date_format(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    date_format(-1, text);
    assert_string_equal(text, "Wed, 31 Dec 1969 23:59:59 GMT");
    date_format(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    for (int64_t s = INT64_C(-62135596800); s < INT64_C(253402300799); s += INT64_C(39916801) * 7) {
        int64_t back;
        date_format(s, text);
        assert_int_equal(date_parse(slice_str(text), &back), 0);
        assert_int_equal(back, s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_forms_name_one_second),
        cmocka_unit_test(names_may_have_any_case),
        cmocka_unit_test(edges_of_the_calendar),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(formatting_and_parsing_are_inverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
