/* test_directory_answer.c - what a file is answered with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/io/directory_answer.h"

#define MODIFIED INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define TAG      "\"2ebc98a1.5-3e8\""

static const struct directory_file file = { 1000, MODIFIED, 5 };

static struct slice value(const struct directory_answer *a, const char *name)
{
    const struct field *field = fields_find(&a->fields, slice_str(name));

    return field == NULL ? SLICE_EMPTY : field->value;
}

static void check_value(const struct directory_answer *a, const char *name, const char *want)
{
    if (!slice_eq(value(a, name), slice_str(want)))
        fail_msg("%s: %.*s, not %s", name, SLICE_FMT(value(a, name)), want);
}

static void check(struct fetch f, uint16_t status, uint64_t first, uint64_t length, const char *range)
{
    struct directory_answer a;

    directory_answer(&a, &file, SLICE_LIT("a/x.HTML"), &f, MODIFIED + 60);
    assert_int_equal(a.status, status);
    assert_int_equal(a.first, first);
    assert_int_equal(a.length, length);
    check_value(&a, "content-range", range);
    check_value(&a, "etag", TAG);
    check_value(&a, "last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    check_value(&a, "date", "Sun, 06 Nov 1994 08:50:37 GMT");
    check_value(&a, "content-type", status == 304 || status == 416 ? "" : "text/html; charset=utf-8");
}

#define ASKS(...) ((struct fetch){ __VA_ARGS__ })
#define S(text)   SLICE_LIT(text)

static void feat_C22_conditions_and_ranges(void **state)
{
    (void)state;
    check(ASKS(.method = SLICE_EMPTY), 200, 0, 1000, "");
    check(ASKS(.if_none_match = S(TAG)), 304, 0, 0, "");
    check(ASKS(.if_none_match = S("\"a\", W/" TAG)), 304, 0, 0, "");
    check(ASKS(.if_none_match = S("*")), 304, 0, 0, "");
    check(ASKS(.if_none_match = S("\"a\"")), 200, 0, 1000, "");
    check(ASKS(.if_modified_since = S("Sun, 06 Nov 1994 08:49:37 GMT")), 304, 0, 0, "");
    check(ASKS(.if_modified_since = S("Sun, 06 Nov 1994 08:49:36 GMT")), 200, 0, 1000, "");
    check(ASKS(.if_modified_since = S("yesterday")), 200, 0, 1000, "");
    /* The tag is the better one of both (RFC 9110 section 13.2.2). */
    check(ASKS(.if_none_match = S("\"a\""), .if_modified_since = S("Sun, 06 Nov 1994 08:49:37 GMT")), 200, 0, 1000, "");
    check(ASKS(.range = S("bytes=0-0")), 206, 0, 1, "bytes 0-0/1000");
    check(ASKS(.range = S("bytes=990-2000")), 206, 990, 10, "bytes 990-999/1000");
    check(ASKS(.range = S("bytes=-1")), 206, 999, 1, "bytes 999-999/1000");
    check(ASKS(.range = S("bytes=1000-")), 416, 0, 0, "bytes */1000");
    check(ASKS(.range = S("lines=1-2")), 200, 0, 1000, "");
    check(ASKS(.range = S("bytes=0-1,5-6")), 200, 0, 1000, "");
    check(ASKS(.range = S("bytes=0-0"), .if_range = S(TAG)), 206, 0, 1, "bytes 0-0/1000");
    check(ASKS(.range = S("bytes=0-0"), .if_range = S("\"a\"")), 200, 0, 1000, "");
    check(ASKS(.range = S("bytes=0-0"), .if_range = S("W/" TAG)), 200, 0, 1000, "");
    check(ASKS(.range = S("bytes=0-0"), .if_range = S("Sun, 06 Nov 1994 08:49:37 GMT")), 206, 0, 1, "bytes 0-0/1000");
    check(ASKS(.range = S("bytes=0-0"), .if_range = S("Sun, 06 Nov 1994 08:49:38 GMT")), 200, 0, 1000, "");
    check(ASKS(.range = S("bytes=0-0"), .if_none_match = S(TAG)), 304, 0, 0, "");
}

static void feat_C22_a_file_that_was_just_written_has_no_strong_tag(void **state)
{
    struct fetch plain = { .path = SLICE_EMPTY }, part = { .range = S("bytes=0-0"), .if_range = S("W/" TAG) };
    struct directory_answer a;

    (void)state;
    directory_answer(&a, &file, S("x"), &plain, MODIFIED + 1);
    check_value(&a, "etag", "W/" TAG);
    directory_answer(&a, &file, S("x"), &part, MODIFIED + 1);
    assert_int_equal(a.status, 200);
    directory_answer(&a, &file, S("x"), &plain, MODIFIED - 100); /* it is from tomorrow */
    check_value(&a, "etag", "W/" TAG);
    directory_answer(&a, &file, S("x"), &plain, MODIFIED + 2);
    check_value(&a, "etag", TAG);
    check_value(&a, "content-type", "application/octet-stream");
}

static void feat_C22_refusals_name_the_methods_where_they_must(void **state)
{
    struct directory_answer a;

    (void)state;
    directory_refusal(&a, 405, MODIFIED);
    check_value(&a, "allow", "GET, HEAD, OPTIONS");
    directory_refusal(&a, 404, MODIFIED);
    check_value(&a, "allow", "");
    assert_int_equal(a.status, 404);
    assert_int_equal(a.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C22_conditions_and_ranges),
        cmocka_unit_test(feat_C22_a_file_that_was_just_written_has_no_strong_tag),
        cmocka_unit_test(feat_C22_refusals_name_the_methods_where_they_must),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
