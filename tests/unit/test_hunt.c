/* What hunts are made of, without their processes: ddmin, the difference of traces, drawn settings, smaller scenarios,
 * what must have happened, and the picture of the last moments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/faults/fault.h"
#include "sim/hunt/ddmin.h"
#include "sim/hunt/diagram.h"
#include "sim/hunt/reduce.h"
#include "sim/hunt/sometimes.h"
#include "sim/hunt/swarm.h"
#include "sim/hunt/trace_diff.h"
#include "sim/hunt/verdict.h"

/* ---- ddmin ---- */

#define ITEMS 40

struct needs {
    size_t items[4], n;
    size_t tries;
};

static size_t try_needs(void *ctx, const bool *candidates, size_t count, size_t n)
{
    struct needs *needs = ctx;

    assert_in_range(count, 1, DDMIN_BATCH);
    assert_int_equal(n, ITEMS);
    for (size_t i = 0; i < count; i++) {
        bool fails = true;
        needs->tries++;
        for (size_t k = 0; k < needs->n; k++)
            fails = fails && candidates[i * n + needs->items[k]];
        if (fails)
            return i;
    }
    return count;
}

static void expect_just(struct needs *needs)
{
    bool keep[ITEMS];

    memset(keep, true, sizeof(keep));
    assert_int_equal(ddmin(keep, ITEMS, try_needs, needs), needs->n);
    for (size_t i = 0; i < ITEMS; i++) {
        bool wanted = false;
        for (size_t k = 0; k < needs->n; k++)
            wanted = wanted || needs->items[k] == i;
        assert_int_equal(keep[i], wanted);
    }
    assert_in_range(needs->tries, 1, ITEMS * ITEMS);
}

static void ddmin_leaves_just_what_is_needed(void **state)
{
    struct needs none = { .n = 0 }, first = { { 0 }, 1, 0 }, last = { { ITEMS - 1 }, 1, 0 },
                 far = { { 0, 17, ITEMS - 1 }, 3, 0 }, near = { { 20, 21, 22, 23 }, 4, 0 };

    (void)state;
    expect_just(&none);
    expect_just(&first);
    expect_just(&last);
    expect_just(&far);
    expect_just(&near);
}

static size_t try_nothing(void *ctx, const bool *candidates, size_t count, size_t n)
{
    (void)candidates;
    (void)n;
    ++*(size_t *)ctx;
    return count;
}

static void ddmin_of_what_needs_all_ends(void **state)
{
    bool keep[ITEMS];
    size_t tries = 0;

    (void)state;
    memset(keep, true, sizeof(keep));
    assert_int_equal(ddmin(keep, ITEMS, try_nothing, &tries), ITEMS);
    assert_in_range(tries, 1, 4 * ITEMS);
    assert_int_equal(ddmin(keep, 0, try_nothing, &tries), 0);
}

/* ---- the difference ---- */

static void contains(const struct buf *text, const char *what)
{
    char *whole = calloc(1, text->len + 1);

    memcpy(whole, text->data, text->len);
    if (strstr(whole, what) == NULL)
        fail_msg("\"%s\" is not in:\n%s", what, whole);
    free(whole);
}

static void the_first_difference_is_found_with_what_came_before(void **state)
{
    static const char *const names[2] = { "left", "right" };
    struct trace_diff d;
    struct buf out = BUF_EMPTY;
    char line[32];

    (void)state;
    trace_diff_init(&d);
    for (int i = 1; i <= 9; i++) {
        snprintf(line, sizeof(line), "event <%d>", i);
        assert_true(trace_diff_add(&d, line, line));
    }
    assert_false(trace_diff_add(&d, "this", "that"));
    trace_diff_put(&d, names, &out);
    contains(&out, "They differ in event 10:\n\n      event <5>\n      event <6>");
    contains(&out, "event <9>\n  -   this\n  +   that\n");
    buf_free(&out);
}

static void a_trace_that_ends_sooner_differs(void **state)
{
    static const char *const names[2] = { "left", "right" };
    struct trace_diff d;
    struct buf out = BUF_EMPTY;

    (void)state;
    trace_diff_init(&d);
    assert_true(trace_diff_add(&d, "one", "one"));
    assert_false(trace_diff_add(&d, NULL, "two"));
    trace_diff_put(&d, names, &out);
    contains(&out, "  -   (it has ended)\n  +   two\n");
    buf_clear(&out);
    trace_diff_init(&d);
    assert_true(trace_diff_add(&d, "one", "one"));
    assert_false(trace_diff_add(&d, NULL, NULL));
    trace_diff_put(&d, names, &out);
    contains(&out, "no difference in 1 events");
    buf_free(&out);
}

/* ---- drawn settings ---- */

/* Is the origin away for so long that a breaker opens? */
static bool has_outage(const struct scenario *sc)
{
    mesh_ns down_at = MESH_NS_NEVER;

    for (size_t i = 0; i < sc->actions_n; i++) {
        const struct action *a = &sc->actions[i];
        if (a->kind != ACTION_ORIGIN)
            continue;
        if (a->origin == ORIGIN_UP && down_at != MESH_NS_NEVER && a->at - down_at >= SEC(7))
            return true;
        down_at = a->origin == ORIGIN_DOWN ? a->at : MESH_NS_NEVER;
    }
    return false;
}

/* It hangs for longer than twice what a node waits, or is down for longer than a node leaves it alone, and then enough is
 * asked for to see whether it is asked again. */
static void draw_long_outages(const struct scenario *sc, size_t *hangs, size_t *downs)
{
    mesh_ns from = MESH_NS_NEVER;
    bool hung = false;

    for (size_t i = 0; i < sc->actions_n && sc->fetch_timeout < SEC(60); i++) {
        const struct action *a = &sc->actions[i];
        if (a->kind == ACTION_ORIGIN && a->origin == ORIGIN_HANGS)
            from = mesh_ns_min(from, a->at);
        hung = hung || (a->kind == ACTION_ORIGIN && a->origin == ORIGIN_UP && from != MESH_NS_NEVER &&
                        a->at - from >= 2 * (mesh_ns)sc->fetch_timeout + SEC(3));
    }
    *hangs += hung;
    *downs += sc->no_store >= 300000 && sc->requests >= 800 && sc->time >= sc->warmup + SEC(45) && has_outage(sc);
}

static void drawn_settings_are_lawful_and_differ_in_kind(void **state)
{
    size_t outages = 0, hangs = 0, downs = 0;
    size_t lossless = 0, lossy = 0, purges = 0, none = 0, small = 0, regions = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct scenario sc, again;
        struct scenario_error err;
        scenario_init(&sc, &words_of_run);
        scenario_init(&again, &words_of_run);
        swarm_draw(&sc, seed, false);
        swarm_draw(&again, seed, false);
        assert_memory_equal(&sc, &again, offsetof(struct scenario, absent));
        for (size_t i = 0; i < sc.words->settings_n; i++)
            assert_in_range(*setting_of(&sc, i), sc.words->settings[i].least, sc.words->settings[i].most);
        assert_in_range(sc.nodes, 3, 12);
        fault_draw(&sc);
        swarm_more(&sc);
        assert_int_equal(scenario_check(&sc, &err), 0);
        lossless += sc.loss == 0;
        lossy += sc.loss > 0;
        purges += sc.purges > 0;
        none += sc.purges == 0;
        small += sc.memory < 8 << 20;
        regions += sc.rings > 1;
        outages += has_outage(&sc);
        draw_long_outages(&sc, &hangs, &downs);
        scenario_fini(&sc);
        scenario_fini(&again);
    }
    assert_true(lossless > 50 && lossy > 50 && purges > 50 && none > 50 && small > 30 && regions > 30);
    assert_true(hangs > 15 && downs > 15);
    assert_in_range(outages, 50, 130);
}

static void a_story_keeps_its_nodes_and_moments(void **state)
{
    struct scenario sc;

    (void)state;
    scenario_init(&sc, &words_of_run);
    struct scenario before = sc;
    swarm_draw(&sc, 5, true);
    assert_int_equal(sc.nodes, before.nodes);
    assert_int_equal(sc.time, before.time);
    assert_int_equal(sc.keys, before.keys);
    assert_int_not_equal(sc.origin_rate, before.origin_rate);
    scenario_fini(&sc);
}

static void what_is_drawn_can_be_written_and_read(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct scenario sc, back;
        struct scenario_error err;
        struct buf first = BUF_EMPTY, second = BUF_EMPTY;
        scenario_init(&sc, &words_of_run);
        scenario_init(&back, &words_of_run);
        swarm_draw(&sc, seed, false);
        fault_draw(&sc);
        swarm_more(&sc);
        scenario_put(&first, &sc);
        if (scenario_parse(&back, buf_slice(&first), &err) != 0)
            fail_msg("seed %llu, line %u: %s", (unsigned long long)seed, err.line, err.text);
        scenario_put(&second, &back);
        assert_int_equal(first.len, second.len);
        assert_memory_equal(first.data, second.data, first.len);
        buf_free(&first);
        buf_free(&second);
        scenario_fini(&sc);
        scenario_fini(&back);
    }
}

/* ---- smaller scenarios ---- */

static void read_scenario(struct scenario *sc, const char *text)
{
    struct scenario_error err;

    scenario_init(sc, &words_of_run);
    assert_int_equal(scenario_parse(sc, slice_str(text), &err), 0);
    assert_int_equal(scenario_check(sc, &err), 0);
}

static void each_candidate_is_lawful_and_less(void **state)
{
    struct scenario sc, candidates[REDUCE_CANDIDATES];
    size_t seen = 0;

    (void)state;
    read_scenario(&sc, "nodes 6\nrequests 40\nkeys 9\nloss-pct 2\nmemory 2MiB\nabsent 6\nat 20s crash 5\n"
                       "at 30s cut 1-2 5-6\nat 40s purge 1-6 9\nexpect miss >= 1\n");
    assert_string_equal(reduce_way(reduce_way_of("requests")), "requests");
    assert_string_equal(reduce_way(reduce_way_of("disk")), "disk");
    for (size_t way = 0; way < reduce_ways(); way++) {
        size_t n = reduce_candidates(&sc, way, candidates);
        for (size_t i = 0; i < n; i++) {
            struct scenario_error err;
            assert_int_equal(scenario_check(&candidates[i], &err), 0);
            assert_true(memcmp(&candidates[i], &sc, offsetof(struct scenario, absent)) != 0);
            assert_true(candidates[i].nodes <= 6 && candidates[i].requests <= 40 && candidates[i].keys <= 9 &&
                        candidates[i].time <= sc.time && candidates[i].time >= sc.warmup);
            assert_int_equal(candidates[i].expectations_n, 1);
            if (candidates[i].nodes == 1)
                assert_int_equal(candidates[i].actions_n, 1); /* nobody is left to crash or to be cut off */
            scenario_fini(&candidates[i]);
            seen++;
        }
    }
    assert_true(seen > 12);
    scenario_fini(&sc);
}

static void only_the_actions_kept_are_copied(void **state)
{
    static const bool keep[] = { true, false, true };
    struct scenario sc, less;

    (void)state;
    read_scenario(&sc, "nodes 3\nat 20s crash 1\nat 21s crash 2\nat 22s start 1\n");
    reduce_actions(&less, &sc, keep);
    assert_int_equal(less.actions_n, 2);
    assert_int_equal(less.actions[0].kind, ACTION_CRASH);
    assert_int_equal(less.actions[1].kind, ACTION_START);
    scenario_fini(&less);
    scenario_fini(&sc);
}

static void nodes_left_out_are_left_out_everywhere(void **state)
{
    static const bool keep[] = { false, true, false, true, true };
    static const bool alone[] = { false, false, true, false, false }, nobody[5] = { false };
    struct scenario sc, less;
    struct buf text = BUF_EMPTY;

    (void)state;
    read_scenario(&sc, "nodes 5\nabsent 4\nat 20s crash 1\nat 21s crash 1,5\nat 22s cut 1-2 3-4\nat 23s cut 2,4 1,3\n"
                       "at 24s pause all 1s\nat 25s origin down\n");
    assert_true(reduce_nodes(&less, &sc, keep));
    assert_int_equal(less.nodes, 3);
    assert_true(!node_set_has(&less.absent, 0) && node_set_has(&less.absent, 1) && !node_set_has(&less.absent, 2));
    scenario_put(&text, &less);
    contains(&text, "at 21s crash 3\nat 22s cut 1 2\nat 24s pause all 1s\nat 25s origin down\n");
    assert_int_equal(less.actions_n, 4);
    assert_int_equal(sc.actions_n, 6);
    buf_free(&text);
    scenario_fini(&less);
    assert_true(reduce_nodes(&less, &sc, alone));
    assert_int_equal(less.actions_n, 2);
    scenario_fini(&less);
    assert_false(reduce_nodes(&less, &sc, nobody));
    scenario_fini(&sc);
}

static void each_thing_is_left_out_with_several_seeds(void **state)
{
    struct scenario sc, out[REDUCE_CANDIDATES];
    size_t nodes = 0, actions = 0;
    uint64_t seed = 7;

    (void)state;
    read_scenario(&sc, "seed 7\nnodes 3\nat 20s crash 1\nat 21s crash 2\n");
    for (uint64_t turn = 0; turn < 5; turn++) { /* 40 candidates: each of five things eight times */
        size_t n = reduce_reseeded(&sc, turn, out);
        for (size_t i = 0; i < n; i++) {
            assert_true(out[i].seed > seed);
            seed = out[i].seed;
            nodes += out[i].nodes == 2;
            actions += out[i].nodes == 3 && out[i].actions_n == 1;
            assert_true(out[i].nodes + out[i].actions_n < sc.nodes + sc.actions_n);
            scenario_fini(&out[i]);
        }
    }
    assert_int_equal(nodes, 24);
    assert_int_equal(actions, 16);
    scenario_fini(&sc);
}

/* ---- what happened ---- */

static void a_verdict_says_what_broke_and_what_happened(void **state)
{
    struct scenario sc;
    struct verdict *v = calloc(1, sizeof(*v));
    char name[64];
    bool crash = false, never = false;

    (void)state;
    read_scenario(&sc, "nodes 3\nkeys 5\nrequests 20\nwarmup 5s\ntime 9s\nat 6s crash 2\nexpect hit <= 0\n");
    verdict_run(v, &sc, NULL);
    assert_true(v->ended && v->usable && !verdict_held(v));
    assert_int_equal(verdict_rule(v), RULE_EXPECT);
    assert_non_null(strstr(verdict_message(v, RULE_EXPECT), "hit is "));
    assert_string_equal(verdict_message(v, RULE_BODY), "");
    for (size_t i = 0; i < sometimes_n(); i++) {
        sometimes_name(i, name);
        if (strcmp(name, "action crash") == 0)
            crash = v->sometimes.count[i] == 1;
        if (strcmp(name, "action cut") == 0)
            never = v->sometimes.count[i] == 0;
        if (strcmp(name, "note datagram-in") == 0 || strcmp(name, "result PeerHit") == 0 ||
            strcmp(name, "counter bytes_origin") == 0)
            assert_true(v->sometimes.count[i] > 0);
        if (strcmp(name, "action freeze") == 0)
            assert_non_null(sometimes_exempt(i));
        if (strcmp(name, "note datagram-in") == 0)
            assert_null(sometimes_exempt(i));
    }
    assert_true(crash && never);
    struct sometimes *seen = calloc(1, sizeof(*seen));
    sometimes_seen(seen, &v->sometimes);
    sometimes_seen(seen, &v->sometimes);
    size_t rarest[3];
    assert_int_equal(sometimes_rarest(seen, rarest, 3), 3);
    assert_true(rarest[0] < rarest[1] && rarest[1] < rarest[2]); /* of equals the first in the table */
    assert_int_equal(seen->count[rarest[0]], 0);
    assert_null(sometimes_exempt(rarest[0]));
    for (size_t i = 0; i < sometimes_n(); i++)
        assert_int_equal(seen->count[i], v->sometimes.count[i] > 0 ? 2 : 0);
    for (size_t i = 0; i < sometimes_n(); i++) {
        sometimes_name(i, name);
        bool cannot = strcmp(name, "counter audits_failed") == 0, may = strcmp(name, "counter audits") == 0;
        seen->count[i] = cannot || may;
        assert_int_equal(sometimes_untrue(seen, i), cannot);
    }
    free(seen);
    free(v);
    scenario_fini(&sc);
}

/* ---- the picture ---- */

static void arrows_lead_from_who_sent_to_who_received(void **state)
{
    struct diagram *d = calloc(1, sizeof(*d));
    struct buf out = BUF_EMPTY;

    (void)state;
    diagram_init(d, "3.000 s: n7 has what n2 lacks", 9);
    assert_int_equal(d->nodes_n, 2);
    assert_int_equal(d->nodes[0], 2);
    diagram_line(d, "1.000000000 n2 datagram-out to n7 90 0123456789abcdef");
    diagram_line(d, "1.015000000 n7 datagram-in from n2 90 0123456789abcdef");
    diagram_line(d, "1.500000000 - action at 1500ms crash 4");
    diagram_line(d, "1.600000000 n4 stop 0");
    diagram_line(d, "2.000000000 n7 datagram-lost to n2");
    diagram_line(d, "3.500000000 n7 stop 0");
    diagram_put(d, &out);
    assert_int_equal(d->rows_n, 3);
    assert_int_equal(d->rows[0].sent_at, SEC(1));
    contains(&out, "1.015   +------->|         datagram of 90 bytes\n");
    contains(&out, "1.500   |        |         !!  at 1500ms crash 4\n");
    contains(&out, "2.000   |x-------+         datagram-lost\n");
    buf_clear(&out);
    diagram_put_svg(d, "a < b", &out);
    contains(&out, "<svg ");
    contains(&out, "a &lt; b");
    contains(&out, "class=\"lost\"");
    contains(&out, "</svg>\n");
    buf_free(&out);
    free(d);
}

static void only_the_last_moments_are_kept(void **state)
{
    struct diagram *d = calloc(1, sizeof(*d));
    struct buf out = BUF_EMPTY;
    size_t lines = 0;

    (void)state;
    diagram_init(d, "", 3);
    assert_int_equal(d->nodes_n, 3);
    for (int i = 0; i < 500; i++) {
        char line[64];
        snprintf(line, sizeof(line), "%d.0 n%d fetch /k/1", i, 1 + i % 5);
        diagram_line(d, line);
    }
    diagram_put(d, &out);
    for (size_t i = 0; i < out.len; i++)
        lines += out.data[i] == '\n';
    assert_int_equal(lines, 1 + DIAGRAM_ROWS);
    contains(&out, "497.000");
    buf_free(&out);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ddmin_leaves_just_what_is_needed),
        cmocka_unit_test(ddmin_of_what_needs_all_ends),
        cmocka_unit_test(the_first_difference_is_found_with_what_came_before),
        cmocka_unit_test(a_trace_that_ends_sooner_differs),
        cmocka_unit_test(drawn_settings_are_lawful_and_differ_in_kind),
        cmocka_unit_test(a_story_keeps_its_nodes_and_moments),
        cmocka_unit_test(what_is_drawn_can_be_written_and_read),
        cmocka_unit_test(each_candidate_is_lawful_and_less),
        cmocka_unit_test(only_the_actions_kept_are_copied),
        cmocka_unit_test(nodes_left_out_are_left_out_everywhere),
        cmocka_unit_test(each_thing_is_left_out_with_several_seeds),
        cmocka_unit_test(a_verdict_says_what_broke_and_what_happened),
        cmocka_unit_test(arrows_lead_from_who_sent_to_who_received),
        cmocka_unit_test(only_the_last_moments_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
