#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/core/fields.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"

static struct fields f;

static void add(const char *name, const char *value)
{
    assert_int_equal(fields_add(&f, slice_str(name), slice_str(value)), 0);
}

static int empty(void **state)
{
    (void)state;
    fields_clear(&f);
    return 0;
}

static void full_after_its_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIELDS_MAX; i++)
        add("A", "b");
    assert_int_equal(fields_add(&f, SLICE_LIT("A"), SLICE_LIT("b")), MESH_E_FULL);
    assert_int_equal(f.n, FIELDS_MAX);
}

static void found_without_case_in_order_of_arrival(void **state)
{
    (void)state;
    add("Vary", "a");
    add("ETag", "x");
    add("VARY", "b");
    add("Vary2", "c");
    const struct field *first = fields_find(&f, SLICE_LIT("vary"));
    assert_ptr_equal(first, &f.at[0]);
    const struct field *second = fields_next(&f, SLICE_LIT("vary"), first);
    assert_ptr_equal(second, &f.at[2]);
    assert_null(fields_next(&f, SLICE_LIT("vary"), second));
    assert_null(fields_find(&f, SLICE_LIT("var")));
    assert_null(fields_find(&f, SLICE_LIT("varyx")));
}

/* The elements of |name|, with | between them. */
static void check_list(const char *name, const char *want)
{
    struct fields_cursor at = { 0 };
    struct slice element;
    struct buf got = BUF_EMPTY;

    while (fields_list(&f, slice_str(name), &at, &element))
        buf_addf(&got, "%.*s|", SLICE_FMT(element));
    assert_false(fields_list(&f, slice_str(name), &at, &element)); /* and it stays at its end */
    buf_add_u8(&got, 0);
    assert_string_equal((char *)got.data, want);
    buf_free(&got);
}

static void lists_are_one_line(void **state)
{
    (void)state;
    check_list("L", "");
    add("L", "a, b ,\tc");
    add("M", "no");
    add("l", "");
    add("l", " , ,");
    add("L", "d");
    check_list("L", "a|b|c|d|");
}

static void commas_inside_strings_are_kept(void **state)
{
    (void)state;
    add("L", "a=\"x, y\", b");
    add("L", "\"a\\\",b\",c");
    add("L", "\"open, to the end");
    add("L", "\"ends in a backslash\\");
    add("L", "last");
    check_list("L", "a=\"x, y\"|b|\"a\\\",b\"|c|\"open, to the end|\"ends in a backslash\\|last|");
}

static void lists_asks_for_whole_elements_without_case(void **state)
{
    (void)state;
    add("Cache-Control", "max-age=1, No-Store");
    add("Cache-Control", "private");
    assert_true(fields_lists(&f, SLICE_LIT("cache-control"), SLICE_LIT("no-store")));
    assert_true(fields_lists(&f, SLICE_LIT("cache-control"), SLICE_LIT("private")));
    assert_false(fields_lists(&f, SLICE_LIT("cache-control"), SLICE_LIT("no-stor")));
    assert_false(fields_lists(&f, SLICE_LIT("cache-control"), SLICE_LIT("max-age")));
}

static void fixed_names_stop_at_this_hop(void **state)
{
    (void)state;
    static const char *const stop[] = { "Connection",
                                        "Keep-Alive",
                                        "Proxy-Connection",
                                        "TE",
                                        "Trailer",
                                        "Upgrade",
                                        "Transfer-Encoding",
                                        "Proxy-Authenticate",
                                        "Proxy-Authorization",
                                        "connection",
                                        "TRANSFER-ENCODING",
                                        "Proxy-Authentication-Info" };
    static const char *const pass[] = { "Trailers", "Host",       "Content-Length", "Cookie",
                                        "Vary",     "Keep_Alive", "Connectiom" };
    for (size_t i = 0; i < sizeof(stop) / sizeof(stop[0]); i++) {
        struct field field = { slice_str(stop[i]), SLICE_LIT("") };
        if (!fields_hop_by_hop(&f, &field))
            fail_msg("%s passes", stop[i]);
    }
    for (size_t i = 0; i < sizeof(pass) / sizeof(pass[0]); i++) {
        struct field field = { slice_str(pass[i]), SLICE_LIT("") };
        if (fields_hop_by_hop(&f, &field))
            fail_msg("%s stops", pass[i]);
    }
}

static void named_by_connection_stops_too(void **state)
{
    (void)state;
    add("X-One", "1");
    add("X-Two", "2");
    add("X-Three", "3");
    add("Connection", "close, x-one");
    add("connection", "X-TWO");
    assert_true(fields_hop_by_hop(&f, &f.at[0]));
    assert_true(fields_hop_by_hop(&f, &f.at[1]));
    assert_false(fields_hop_by_hop(&f, &f.at[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(full_after_its_limit, empty),
        cmocka_unit_test_setup(found_without_case_in_order_of_arrival, empty),
        cmocka_unit_test_setup(lists_are_one_line, empty),
        cmocka_unit_test_setup(commas_inside_strings_are_kept, empty),
        cmocka_unit_test_setup(lists_asks_for_whole_elements_without_case, empty),
        cmocka_unit_test_setup(fixed_names_stop_at_this_hop, empty),
        cmocka_unit_test_setup(named_by_connection_stops_too, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
