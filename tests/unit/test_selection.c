/* What of an answer a conditional request or one for ranges gets (RFC 9110 sections 13 and 14). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/core/selection.h"

#define RECEIVED INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

/* "0+5,10+1": what is selected of |length| bytes; "whole", "none". */
static const char *ranges(const char *value, uint64_t length)
{
    static char text[256];
    struct ranges r;
    size_t at = 0;

    enum range_verdict verdict = ranges_read(&r, slice_str(value), length);
    assert_int_equal(r.n > 0, verdict == RANGE_PART);
    switch (verdict) {
    case RANGE_WHOLE: return "whole";
    case RANGE_UNSATISFIABLE: return "none";
    case RANGE_PART: break;
    }
    assert_in_range(r.n, 1, RANGES_MAX);
    for (size_t i = 0; i < r.n; i++) {
        assert_true(r.at[i].length > 0 && r.at[i].first < length && r.at[i].length <= length - r.at[i].first);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%llu+%llu", i > 0 ? "," : "",
                               (unsigned long long)r.at[i].first, (unsigned long long)r.at[i].length);
    }
    return text;
}

static void feat_R16_ranges_first_mid_suffix_open_and_beyond(void **state)
{
    static const struct {
        const char *value;
        uint64_t length;
        const char *is;
    } cases[] = {
        { "bytes=0-0", 100, "0+1" },
        { "bytes=0-99", 100, "0+100" },
        { "bytes=0-100", 100, "0+100" },
        { "bytes=40-59", 100, "40+20" },
        { "bytes=99-", 100, "99+1" },
        { "bytes=0-", 100, "0+100" },
        { "bytes=-1", 100, "99+1" },
        { "bytes=-100", 100, "0+100" },
        { "bytes=-101", 100, "0+100" },
        { "Bytes=1-2", 100, "1+2" },
        { "bytes=0-0,99-99", 100, "0+1,99+1" },
        { "bytes= 0-0 ,\t99-99", 100, "0+1,99+1" },
        { "bytes=0-9,10-19,20-", 100, "0+100" }, /* they touch */
        { "bytes=0-0,,2-2", 100, "0+1,2+1" },
        { "bytes=0-0,200-,5-5", 100, "0+1,5+1" }, /* one is beyond: those left are the answer */
        { "bytes=100-", 100, "none" },
        { "bytes=100-200,300-", 100, "none" },
        { "bytes=-0", 100, "none" },
        { "bytes=0-", 0, "none" },
        { "bytes=-5", 0, "none" },
        { "bytes=18446744073709551615-", 100, "none" },
        { "bytes=99999999999999999999999-", 100, "none" },
        { "bytes=5-99999999999999999999999", 100, "5+95" },
        { "bytes=-99999999999999999999999", 100, "0+100" },
        { "bytes=0-18446744073709551615", UINT64_MAX, "0+18446744073709551615" },
        /* not well formed, or not for us */
        { "bytes=5-4", 100, "whole" },
        { "bytes=", 100, "whole" },
        { "bytes=,", 100, "whole" },
        { "bytes=-", 100, "whole" },
        { "bytes=a-b", 100, "whole" },
        { "bytes=1", 100, "whole" },
        { "bytes=1-2-3", 100, "whole" },
        { "bytes=+1-2", 100, "whole" },
        { "bytes=1 - 2", 100, "whole" },
        { "bytes", 100, "whole" },
        { "", 100, "whole" },
        { "items=0-5", 100, "whole" },
        { "bytes =0-5", 100, "whole" },
        { "bytes=0-0,x", 100, "whole" },
        /* backwards, overlapping */
        { "bytes=50-59,0-9", 100, "whole" },
        { "bytes=0-10,10-19", 100, "whole" },
        { "bytes=0-,0-", 100, "whole" },
        { "bytes=0-0,-1", 1, "whole" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *is = ranges(cases[i].value, cases[i].length);
        if (strcmp(is, cases[i].is) != 0)
            fail_msg("%s of %llu bytes: %s, not %s", cases[i].value, (unsigned long long)cases[i].length, is,
                     cases[i].is);
    }
}

/* A thousand ranges, and never more bytes than the body has. */
static void rob_R1_many_ranges_cost_no_more_than_the_body(void **state)
{
    char value[16384] = "bytes=0-0";
    size_t at = strlen(value);

    (void)state;
    for (unsigned i = 1; i < RANGES_MAX; i++)
        at += (size_t)snprintf(value + at, sizeof(value) - at, ",%u-%u", 2 * i, 2 * i);
    assert_string_equal(ranges(value, 10000), "0+1,2+1,4+1,6+1,8+1,10+1,12+1,14+1");
    strcpy(value + at, ",16-16");
    assert_string_equal(ranges(value, 10000), "whole");
    at = 6;
    for (unsigned i = 0; i < 1000; i++)
        at += (size_t)snprintf(value + at, sizeof(value) - at, "%s%u-", i > 0 ? "," : "", i);
    assert_string_equal(ranges(value, 10000), "whole");
}

struct given {
    uint16_t status;
    const char *etag, *modified, *date;
};

static struct selection selected_of(const struct given *g, struct wants w, uint64_t length, const char *type)
{
    struct head *head = calloc(1, sizeof(*head));
    struct selection s;

    assert_non_null(head);
    head->status = g->status;
    if (g->etag != NULL)
        fields_add(&head->fields, SLICE_LIT("etag"), slice_str(g->etag));
    if (g->modified != NULL)
        fields_add(&head->fields, SLICE_LIT("Last-Modified"), slice_str(g->modified));
    if (g->date != NULL)
        fields_add(&head->fields, SLICE_LIT("Date"), slice_str(g->date));
    if (type != NULL)
        fields_add(&head->fields, SLICE_LIT("Content-Type"), slice_str(type));
    struct kept_head *kept = kept_head_new(head);
    assert_non_null(kept);
    selection_make(&s, &w, kept, true, length, false, RECEIVED);
    assert_int_equal(s.ranges.n > 0, s.how == SELECT_RANGES);
    free(kept);
    free(head);
    return s;
}

static struct selection selected(const struct given *g, struct wants w)
{
    return selected_of(g, w, 100, NULL);
}

/* Each range is a part with fields of its own: of a small body they would be longer than all of it. */
static void rob_R1_parts_are_not_longer_than_the_body(void **state)
{
    char type[30001];
    static const struct given g = { 200, NULL, NULL, NULL };
    struct wants w = { .range = SLICE_LIT("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14") };

    (void)state;
    memset(type, 'a', sizeof(type) - 1);
    type[sizeof(type) - 1] = '\0';
    assert_int_equal(selected_of(&g, w, 100, NULL).how, SELECT_WHOLE);
    assert_int_equal(selected_of(&g, w, 1500, NULL).how, SELECT_WHOLE);
    assert_int_equal(selected_of(&g, w, 20000, NULL).how, SELECT_RANGES);
    assert_int_equal(selected_of(&g, w, 20000, type).how, SELECT_WHOLE);
    w.range = SLICE_LIT("bytes=0-0"); /* alone it has no parts */
    assert_int_equal(selected_of(&g, w, 2, type).how, SELECT_RANGES);
}

static bool matches(const char *etag, const char *none_match)
{
    return selected(&(struct given){ 200, etag, NULL, NULL }, (struct wants){ .if_none_match = slice_str(none_match) })
               .how == SELECT_NOT_MODIFIED;
}

static void feat_R10_entity_tags_are_compared_weakly(void **state)
{
    (void)state;
    assert_true(matches("\"a\"", "\"a\""));
    assert_true(matches("\"a\"", "W/\"a\""));
    assert_true(matches("W/\"a\"", "\"a\""));
    assert_true(matches("W/\"a\"", "W/\"a\""));
    assert_true(matches("\"a\"", "*"));
    assert_true(matches("\"a\"", " * "));
    assert_true(matches("\"a\"", "\"b\", \"a\""));
    assert_true(matches("\"a\"", "\"b\",W/\"c\" ,\t\"a\""));
    assert_true(matches("\"a,b\"", "\"x\", \"a,b\""));
    assert_true(matches("\"a\\\"", "\"a\\\", \"b\"")); /* a backslash is a character */
    assert_true(matches("\"\"", "\"\""));
    assert_true(matches(NULL, "*"));
    assert_false(matches("\"a\"", "\"b\""));
    assert_false(matches("\"a\"", "\"A\""));
    assert_false(matches("\"a\"", "a"));
    assert_false(matches("a", "a")); /* no entity tag at all */
    assert_false(matches("\"a\"", "w/\"a\""));
    assert_false(matches("\"a\"", "\"b\", *"));
    assert_false(matches("\"a\"", "\"a"));
    assert_false(matches(NULL, "\"a\""));
    assert_false(matches("\"a\"", ",,"));
}

static enum selected since(const struct given *g, const char *date)
{
    return selected(g, (struct wants){ .if_modified_since = slice_str(date) }).how;
}

static void if_modified_since_is_judged_by_the_best_date_there_is(void **state)
{
    static const char before[] = "Sun, 06 Nov 1994 08:49:36 GMT", at[] = "Sun, 06 Nov 1994 08:49:37 GMT",
                      after[] = "Sunday, 06-Nov-94 08:49:38 GMT";

    (void)state;
    assert_int_equal(since(&(struct given){ 200, NULL, at, NULL }, at), SELECT_NOT_MODIFIED);
    assert_int_equal(since(&(struct given){ 200, NULL, at, NULL }, after), SELECT_NOT_MODIFIED);
    assert_int_equal(since(&(struct given){ 200, NULL, at, NULL }, before), SELECT_WHOLE);
    assert_int_equal(since(&(struct given){ 200, NULL, before, after }, before), SELECT_NOT_MODIFIED);
    assert_int_equal(since(&(struct given){ 200, NULL, NULL, at }, at), SELECT_NOT_MODIFIED);
    assert_int_equal(since(&(struct given){ 200, NULL, NULL, after }, at), SELECT_WHOLE);
    assert_int_equal(since(&(struct given){ 200, NULL, NULL, NULL }, at), SELECT_NOT_MODIFIED); /* it came then */
    assert_int_equal(since(&(struct given){ 200, NULL, NULL, NULL }, before), SELECT_WHOLE);
    assert_int_equal(since(&(struct given){ 200, NULL, at, NULL }, "yesterday"), SELECT_WHOLE);
    assert_int_equal(since(&(struct given){ 404, NULL, at, NULL }, at), SELECT_WHOLE);
    /* If-None-Match stands above it. */
    struct wants both = { .if_none_match = SLICE_LIT("\"b\""), .if_modified_since = slice_str(after) };
    assert_int_equal(selected(&(struct given){ 200, "\"a\"", at, NULL }, both).how, SELECT_WHOLE);
    both.if_none_match = SLICE_LIT("\"a\"");
    both.if_modified_since = slice_str(before);
    assert_int_equal(selected(&(struct given){ 200, "\"a\"", at, NULL }, both).how, SELECT_NOT_MODIFIED);
}

static enum selected if_range(const struct given *g, const char *value)
{
    return selected(g, (struct wants){ .range = SLICE_LIT("bytes=1-2"), .if_range = slice_str(value) }).how;
}

static void if_range_wants_a_strong_validator(void **state)
{
    static const char made[] = "Sun, 06 Nov 1994 08:49:37 GMT", later[] = "Sun, 06 Nov 1994 08:49:38 GMT";

    (void)state;
    assert_int_equal(if_range(&(struct given){ 200, "\"a\"", NULL, NULL }, "\"a\""), SELECT_RANGES);
    assert_int_equal(if_range(&(struct given){ 200, "\"a\"", NULL, NULL }, "\"b\""), SELECT_WHOLE);
    assert_int_equal(if_range(&(struct given){ 200, "W/\"a\"", NULL, NULL }, "W/\"a\""), SELECT_WHOLE);
    assert_int_equal(if_range(&(struct given){ 200, "\"a\"", NULL, NULL }, "W/\"a\""), SELECT_WHOLE);
    assert_int_equal(if_range(&(struct given){ 200, NULL, made, later }, made), SELECT_RANGES);
    assert_int_equal(if_range(&(struct given){ 200, NULL, made, later }, later), SELECT_WHOLE);
    assert_int_equal(if_range(&(struct given){ 200, NULL, made, made }, made), SELECT_WHOLE); /* in the same second */
    assert_int_equal(if_range(&(struct given){ 200, NULL, made, NULL }, made), SELECT_WHOLE);
    assert_int_equal(if_range(&(struct given){ 200, "\"a\"", made, later }, "nonsense"), SELECT_WHOLE);
}

static void ranges_are_of_a_plain_answer_to_get(void **state)
{
    struct wants w = { .range = SLICE_LIT("bytes=10-19") };
    static const struct head plain = { .status = 200 };
    struct kept_head *head = kept_head_new(&plain);
    struct selection s;

    (void)state;
    s = selected(&(struct given){ 200, NULL, NULL, NULL }, w);
    assert_int_equal(s.how, SELECT_RANGES);
    assert_true(s.ranges.n == 1 && s.ranges.at[0].first == 10 && s.ranges.at[0].length == 10);
    assert_int_equal(selected(&(struct given){ 404, NULL, NULL, NULL }, w).how, SELECT_WHOLE);
    w.range = SLICE_LIT("bytes=100-");
    assert_int_equal(selected(&(struct given){ 200, NULL, NULL, NULL }, w).how, SELECT_UNSATISFIABLE);
    w.if_none_match = SLICE_LIT("*"); /* conditions come first (section 13.2.2) */
    assert_int_equal(selected(&(struct given){ 200, "\"a\"", NULL, NULL }, w).how, SELECT_NOT_MODIFIED);
    w = (struct wants){ .range = SLICE_LIT("bytes=10-19") };
    assert_non_null(head);
    selection_make(&s, &w, head, true, 100, true, RECEIVED);
    assert_int_equal(s.how, SELECT_WHOLE);
    selection_make(&s, &w, head, false, 0, false, RECEIVED); /* nobody knows how long it will be */
    assert_int_equal(s.how, SELECT_WHOLE);
    free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_R16_ranges_first_mid_suffix_open_and_beyond),
        cmocka_unit_test(rob_R1_many_ranges_cost_no_more_than_the_body),
        cmocka_unit_test(rob_R1_parts_are_not_longer_than_the_body),
        cmocka_unit_test(feat_R10_entity_tags_are_compared_weakly),
        cmocka_unit_test(if_modified_since_is_judged_by_the_best_date_there_is),
        cmocka_unit_test(if_range_wants_a_strong_validator),
        cmocka_unit_test(ranges_are_of_a_plain_answer_to_get),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
