/* test_parent.c - which region is the origin's parent, by what its members state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/parent.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t mark_of(struct slice region)
{
    return region.len > 1 ? (uint32_t)region.data[0] << 8 | region.data[1] : region.len;
}

/* "eu 5 7, us 80": a region and what each of its members states, in ms; 0: nothing. The first of all hold a region each
 * for the parent: "eu us". */
static size_t read_votes(const char *text, const char *now, struct parent_vote *votes)
{
    struct slice rest = slice_str(text), region, word, name;
    size_t n = 0;

    while (slice_split(&rest, ',', &region)) {
        region = slice_trim(region);
        slice_split(&region, ' ', &name);
        while (slice_split(&region, ' ', &word)) {
            uint64_t ms;
            assert_int_equal(slice_u64(word, &ms), 0);
            votes[n++] = (struct parent_vote){ name, mark_of(name), (uint32_t)(1000 * ms), 0 };
        }
    }
    rest = slice_str(now);
    for (size_t i = 0; i < n && slice_split(&rest, ' ', &word); i++)
        votes[i].holds = mark_of(word);
    parent_sort(votes, n);
    return n;
}

static void check_choice(const char *text, const char *now, const char *want)
{
    struct parent_vote votes[32];
    size_t n = read_votes(text, now, votes);
    struct slice got = parent_choose(votes, n);

    if (!slice_eq(got, slice_str(want)))
        fail_msg("\"%s\", now \"%s\": \"%.*s\", not \"%s\"", text, now, SLICE_FMT(got), want);
}

static void the_lowest_median_is_the_parent(void **state)
{
    (void)state;
    check_choice("", "", "");
    check_choice("eu 0 0, us 0", "", ""); /* nobody knows anything */
    check_choice("eu 0 0, us 80", "", "us"); /* one word is enough */
    check_choice("eu 10, us 80", "", "eu");
    check_choice("us 80 81 82, eu 10 11 12, as 200", "", "eu");
    check_choice("eu 90 90 1, us 80 80 300", "", "us"); /* one member that lies moves no median */
    check_choice("eu 0 0 0 0 90, us 0 80", "", "us");   /* who says nothing counts for nothing */
    check_choice("us 20, eu 20", "", "eu");             /* the same for all who heard the same */
    check_choice("eu 20, e 20, eup 20", "", "e");
}

static void it_changes_only_for_a_gain_of_15_pct_and_5_ms(void **state)
{
    (void)state;
    check_choice("eu 100, us 86", "eu", "eu"); /* 14 % */
    check_choice("eu 100, us 85", "eu", "us");
    check_choice("eu 20, us 16", "eu", "eu"); /* 20 %, but 4 ms */
    check_choice("eu 20, us 15", "eu", "us");
    check_choice("eu 20, us 15", "us", "us");
    check_choice("eu 0, us 15", "eu", "us"); /* nobody of it says anything any more */
    check_choice("us 15", "eu", "us");
    check_choice("us 0", "eu", "");
    check_choice("eu 100, us 80, as 60", "eu", "as");
}

/* Else who chose early, and each newcomer, would stay with what was nearest in his first seconds. */
static void what_most_hold_is_what_stays(void **state)
{
    (void)state;
    check_choice("eu 20 20, us 19 19", "us us eu eu", "eu"); /* as many: the first by name, for all */
    check_choice("eu 20 20, us 21 21", "us us us eu", "us");
    check_choice("eu 20 20, us 21 21", "us eu", "eu");
    check_choice("eu 20 20, us 80 80", "us us us eu", "eu");
    check_choice("eu 20 20, us 80 80", "xx xx xx us", "eu"); /* a region that is not there */
}

static void regions_are_told_of_one_by_one(void **state)
{
    struct parent_vote votes[8];
    size_t n = read_votes("us 80 0 90 70, eu 0, as 5 7", "", votes), at = 0;
    struct parent_region r[4];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(parent_next(votes, n, &at, &r[i]));
    assert_false(parent_next(votes, n, &at, &r[3]));
    assert_true(slice_eq(r[0].name, SLICE_LIT("as")) && r[0].median_us == 5000 && r[0].stated == 2);
    assert_true(slice_eq(r[1].name, SLICE_LIT("eu")) && r[1].median_us == 0 && r[1].stated == 0 && r[1].members == 1);
    assert_true(slice_eq(r[2].name, SLICE_LIT("us")) && r[2].median_us == 80000 && r[2].stated == 3 && r[2].members == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_median_is_the_parent),
        cmocka_unit_test(it_changes_only_for_a_gain_of_15_pct_and_5_ms),
        cmocka_unit_test(what_most_hold_is_what_stays),
        cmocka_unit_test(regions_are_told_of_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
