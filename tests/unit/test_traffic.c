/* Traffic that is more than GET: what the origin answers to conditions, and what must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/origin_answer.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/report.h"
#include "sim/rules/check_change.h"
#include "sim/rules/check_fetch.h"
#include "sim/rules/check_wish.h"
#include "sim/viewer_model.h"

static struct world *world_of(struct scenario *sc, const char *more)
{
    static const char base[] = "nodes 4\nkeys 20\nrequests 200\nsize-max 8KiB\nwarmup 4s\ntime 14s\n";
    struct scenario_error err;

    scenario_init(sc, &words_of_run);
    assert_int_equal(scenario_parse(sc, slice_str(base), &err), 0);
    assert_int_equal(scenario_parse(sc, slice_str(more), &err), 0);
    assert_int_equal(scenario_check(sc, &err), 0);
    struct world *w = world_run(sc, NULL);
    assert_non_null(w);
    assert_true(report_ok(w));
    return w;
}

static void over(struct world *w, struct scenario *sc)
{
    world_free(w);
    scenario_fini(sc);
}

static void only_broken(const struct world *w, enum rule rule)
{
    for (size_t i = 0; i < RULES_N; i++)
        assert_int_equal(w->check->broken[i] > 0, i == rule);
}

/* ---- the origin ---- */

static enum origin_kind answered(const struct world *w, const struct fetch *f)
{
    struct origin_answer a;

    origin_answer_to(&a, w, f, 7, 1);
    if (a.kind == ORIGIN_UNCHANGED)
        assert_int_equal(a.end, 0);
    return a.kind;
}

static void the_origin_says_what_has_not_changed(void **state)
{
    struct scenario sc;
    char etag[BODY_ETAG_MAX], made[DATE_TEXT_BYTES + 1], before[DATE_TEXT_BYTES + 1];

    (void)state;
    struct world *w = world_of(&sc, "requests 0\nnot-modified-pct 100\nlast-modified-pct 100\nat 9s purge 1 7\n");
    assert_int_equal(purge_version(w, 7), 1);
    struct slice now = body_etag(&sc, 7, 1, etag);
    struct fetch f = { .if_none_match = now };
    assert_int_equal(answered(w, &f), ORIGIN_UNCHANGED);
    assert_int_equal(purge_version_made(w, 1) - purge_version_made(w, 0), 9);
    date_format(purge_version_made(w, 1), made);
    date_format(purge_version_made(w, 0), before);
    f = (struct fetch){ .if_modified_since = slice_str(made) };
    assert_int_equal(answered(w, &f), ORIGIN_UNCHANGED);
    f.if_modified_since = slice_str(before);
    assert_int_equal(answered(w, &f), ORIGIN_WHOLE);
    f.if_none_match = now; /* which alone counts then */
    assert_int_equal(answered(w, &f), ORIGIN_UNCHANGED);
    f.if_none_match = body_etag(&sc, 7, 0, etag);
    f.if_modified_since = slice_str(made);
    assert_int_equal(answered(w, &f), ORIGIN_WHOLE);
    over(w, &sc);
}

static void copies_are_made_fresh_again(void **state)
{
    struct scenario sc;
    struct edge_sums sums;
    uint64_t validated = 0, refreshed = 0;

    (void)state;
    struct world *w = world_of(&sc, "max-age 1s\nnot-modified-pct 100\n");
    for (uint32_t i = 0; i < 4; i++) {
        edge_counters(&w->edges[i], &sums);
        validated += sums.engine.origin_validated;
        refreshed += w->edges[i].counted[RESULT_REFRESH];
        assert_int_equal(sums.engine.origin_validated, w->edges[i].unchanged);
    }
    assert_true(validated > 20);
    assert_true(refreshed > 5);
    over(w, &sc);
}

static void who_asks_too_soon_again_is_noticed(void **state)
{
    struct scenario sc;
    char etag[BODY_ETAG_MAX];

    (void)state;
    struct world *w = world_of(&sc, "requests 0\nmax-age 10s\n");
    struct edge *e = &w->edges[1];
    struct fetch f = { .if_none_match = body_etag(&sc, 7, 0, etag) };
    check_fetch(e, 7, &f);
    check_fetch_validated(e, 7, 0, w->now);
    w->now += SEC(10);
    check_fetch(e, 7, &f); /* its time is over */
    w->now--;
    check_fetch(&w->edges[2], 7, &f); /* somebody else */
    assert_true(report_ok(w));
    check_fetch(e, 7, &f);
    assert_int_equal(w->check->broken[RULE_RENEWED], 1);
    f.if_none_match = SLICE_LIT("\"7-1-99\"");
    check_fetch(&w->edges[2], 7, &f);
    assert_int_equal(w->check->broken[RULE_RENEWED], 2);
    only_broken(w, RULE_RENEWED);
    over(w, &sc);
}

static void more_validations_than_there_were_are_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "max-age 1s\nnot-modified-pct 100\n");
    for (uint32_t i = 0; i < 4; i++)
        w->edges[i].unchanged = 0;
    check_end(w);
    only_broken(w, RULE_COUNTERS);
    over(w, &sc);
}

/* ---- viewers ---- */

static void no_content_where_none_was_wanted(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "head-pct 100\n");
    assert_int_equal(w->viewers->ends[VIEWER_SERVED], 200);
    assert_int_equal(w->viewers->bytes, 0);
    over(w, &sc);

    w = world_of(&sc, "conditional-pct 100\nlast-modified-pct 50\n");
    assert_int_equal(w->viewers->ends[VIEWER_SERVED], 200);
    assert_true(w->viewers->bytes > 0 && w->viewers->bytes < w->origin->bytes * 10);
    over(w, &sc);
}

/* What the rule says of an answer for |x| by a whole copy of key 7, whose version is 1: rightly? */
static bool right(struct world *w, const struct wish *x, enum selected how, uint64_t first, uint64_t length)
{
    struct selection s = { .how = how };
    struct kept_head head = { .status = 200 };
    struct answer a = { .head = &head, .has_length = true, .length = body_size(&w->sc, 7) };
    uint64_t before = w->check->broken[RULE_WISHED];
    struct span span;

    if (how == SELECT_RANGES)
        s.ranges = (struct ranges){ .n = 1, .at = { { first, length } } };
    check_wish(w, &w->edges[0], 7, 1, x, &a, &s, false, &span);
    return w->check->broken[RULE_WISHED] == before;
}

static void wrong_answers_to_conditions_are_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "requests 0\nlast-modified-pct 100\nat 9s purge 1 7\n");
    struct wish x = { .has = { 0, 1 }, .has_n = 2 };
    assert_true(right(w, &x, SELECT_NOT_MODIFIED, 0, 0));
    assert_false(right(w, &x, SELECT_WHOLE, 0, 0));
    x.has_n = 1; /* the one before */
    assert_true(right(w, &x, SELECT_WHOLE, 0, 0));
    assert_false(right(w, &x, SELECT_NOT_MODIFIED, 0, 0));
    x = (struct wish){ .since = true, .since_s = purge_version_made(w, 1) };
    assert_true(right(w, &x, SELECT_NOT_MODIFIED, 0, 0));
    x.since_s--;
    assert_false(right(w, &x, SELECT_NOT_MODIFIED, 0, 0));
    only_broken(w, RULE_WISHED);
    over(w, &sc);
}

static void part_is(struct world *w, const char *range, const char *if_range, enum origin_kind kind, uint64_t at,
                    uint64_t end)
{
    struct fetch f = { .range = slice_str(range), .if_range = slice_str(if_range) };
    struct origin_answer a;

    origin_answer_to(&a, w, &f, 7, 1);
    assert_int_equal(a.kind, kind);
    assert_int_equal(a.at, at);
    assert_int_equal(a.end, end);
}

static void the_origin_knows_parts(void **state)
{
    struct scenario sc;
    char etag[BODY_ETAG_MAX];

    (void)state;
    struct world *w = world_of(&sc, "requests 0\nsize-min 1000\nsize-max 1000\nrange-pct 1\nat 9s purge 1 7\n");
    part_is(w, "bytes=0-0", "", ORIGIN_PART, 0, 1);
    part_is(w, "bytes=10-", "", ORIGIN_PART, 10, 1000);
    part_is(w, "bytes=-10", "", ORIGIN_PART, 990, 1000);
    part_is(w, "bytes=-2000", "", ORIGIN_PART, 0, 1000);
    part_is(w, "bytes=999-5000", "", ORIGIN_PART, 999, 1000);
    part_is(w, "bytes=1000-", "", ORIGIN_BEYOND, 0, 0);
    part_is(w, "bytes=0-1,5-6", "", ORIGIN_WHOLE, 0, 1000);
    part_is(w, "bytes=5-1", "", ORIGIN_WHOLE, 0, 1000);
    part_is(w, "bytes=-", "", ORIGIN_WHOLE, 0, 1000);
    part_is(w, "leaves=1-2", "", ORIGIN_WHOLE, 0, 1000);
    (void)body_etag(&sc, 7, 0, etag);
    part_is(w, "bytes=0-0", etag, ORIGIN_WHOLE, 0, 1000);
    (void)body_etag(&sc, 7, 1, etag);
    part_is(w, "bytes=0-0", etag, ORIGIN_PART, 0, 1);
    over(w, &sc);
}

static void wrong_parts_are_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "requests 0\nsize-min 1000\nsize-max 1000\nat 9s purge 1 7\n");
    struct wish x = { .range = "bytes=10-19", .at = { { 10, 19, false } }, .at_n = 1 };
    assert_true(right(w, &x, SELECT_RANGES, 10, 10));
    assert_false(right(w, &x, SELECT_RANGES, 10, 9));
    assert_false(right(w, &x, SELECT_RANGES, 11, 10));
    assert_false(right(w, &x, SELECT_WHOLE, 0, 0));
    assert_false(right(w, &x, SELECT_UNSATISFIABLE, 0, 0));
    x.if_range = IF_RANGE_WEAK;
    x.if_range_of = 1;
    assert_true(right(w, &x, SELECT_WHOLE, 0, 0));
    assert_false(right(w, &x, SELECT_RANGES, 10, 10));
    x.if_range = IF_RANGE_TAG;
    assert_true(right(w, &x, SELECT_RANGES, 10, 10));
    x.if_range_of = 0;
    assert_false(right(w, &x, SELECT_RANGES, 10, 10));
    x = (struct wish){ .range = "bytes=1000-", .at = { { 1000, UINT64_MAX, false } }, .at_n = 1 };
    assert_true(right(w, &x, SELECT_UNSATISFIABLE, 0, 0));
    assert_false(right(w, &x, SELECT_WHOLE, 0, 0));
    x = (struct wish){ .range = "bytes=-10", .at = { { 10, 0, true } }, .at_n = 1 };
    assert_true(right(w, &x, SELECT_RANGES, 990, 10));
    assert_false(right(w, &x, SELECT_RANGES, 0, 11));
    only_broken(w, RULE_WISHED);
    over(w, &sc);
}

/* ---- changes ---- */

static void what_viewers_change_is_another_version(void **state)
{
    struct scenario sc;
    uint64_t dropped = 0;

    (void)state;
    struct world *w = world_of(&sc, "post-pct 20\nzone-delay-ms 3\n");
    assert_true(w->changes->asked > 20 && w->changes->made > 10 && w->changes->made < w->changes->asked);
    assert_int_equal(w->changes->n, w->changes->made);
    for (uint32_t i = 0; i < 4; i++) {
        struct edge_sums sums;
        edge_counters(&w->edges[i], &sums);
        dropped += sums.engine.drops;
    }
    assert_true(dropped >= 4 * w->changes->made);
    over(w, &sc);
}

static void older_copies_of_what_was_changed_are_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "requests 0\nzone-delay-ms 3\n");
    check_change_told(&w->edges[1], 7, 5, w->now - MS(50));
    assert_int_equal(check_change_floor(&w->edges[1], 7), 5);
    assert_int_equal(check_change_floor(&w->edges[1], 8), 0);
    assert_int_equal(check_change_floor(&w->edges[2], 7), 0); /* it may not have heard */
    w->now += SEC(3);
    assert_int_equal(check_change_floor(&w->edges[2], 7), 5);
    w->check->acted_at = w->now; /* something is wrong: who was cut off has its copy */
    assert_int_equal(check_change_floor(&w->edges[1], 7), 0);
    w->changes->made = 1; /* twice what nobody wanted once */
    check_end(w);
    only_broken(w, RULE_CHANGED);
    over(w, &sc);

    /* A copy that is older than a viewer was told of, still served: the book says that there was a later one. */
    scenario_init(&sc, &words_of_run);
    struct scenario_error err;
    assert_int_equal(scenario_parse(&sc, slice_str("nodes 3\nkeys 3\nrequests 10\nwarmup 4s\ntime 8s\n"), &err), 0);
    w = world_run(&sc, NULL);
    check_change_told(&w->edges[0], 1, 9, w->now);
    world_live(w, w->now + SEC(1), NULL);
    viewers_one(w, 0, 1);
    world_live(w, w->now + SEC(5), NULL);
    assert_int_equal(w->check->broken[RULE_CHANGED], 1);
    over(w, &sc);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_origin_says_what_has_not_changed),
        cmocka_unit_test(copies_are_made_fresh_again),
        cmocka_unit_test(who_asks_too_soon_again_is_noticed),
        cmocka_unit_test(more_validations_than_there_were_are_noticed),
        cmocka_unit_test(no_content_where_none_was_wanted),
        cmocka_unit_test(wrong_answers_to_conditions_are_noticed),
        cmocka_unit_test(the_origin_knows_parts),
        cmocka_unit_test(wrong_parts_are_noticed),
        cmocka_unit_test(what_viewers_change_is_another_version),
        cmocka_unit_test(older_copies_of_what_was_changed_are_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
