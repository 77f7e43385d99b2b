/* Faults of the simulated world: clocks that drift, rare sites, poison, and who is held for a liar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/rules/check.h"
#include "sim/faults/fault_net.h"
#include "sim/faults/fault_peer.h"
#include "sim/faults/origin_poison.h"
#include "sim/faults/rare.h"

static struct world *live(const char *text)
{
    static struct scenario sc;
    struct scenario_error err;

    scenario_init(&sc, &words_of_run);
    assert_int_equal(scenario_parse(&sc, slice_str("nodes 4\nkeys 20\nrequests 80\nwarmup 4s\ntime 10s\n"), &err), 0);
    assert_int_equal(scenario_parse(&sc, slice_str(text), &err), 0);
    assert_int_equal(scenario_check(&sc, &err), 0);
    struct world *w = world_run(&sc, NULL);
    assert_non_null(w);
    for (size_t i = 0; i < RULES_N; i++)
        assert_int_equal(w->check->broken[i], 0);
    scenario_fini(&sc);
    return w;
}

/* A clock gains until it is told to go as others do, never goes back, and keeps what it has gained. */
static void clocks_gain_and_lose_as_told(void **state)
{
    (void)state;
    struct world *w = live("at 5s clock-fast 1 20000\nat 7s clock-fast 1 0\nat 5s clock-slow 2 10000\n");

    assert_int_equal(edge_now(&w->edges[0]) - w->now, MS(40)); /* 2 s at 20,000 millionths */
    assert_int_equal(edge_now(&w->edges[1]) - w->now, -MS(50)); /* 5 s, until all is calm */
    assert_int_equal(edge_now(&w->edges[2]), w->now);
    assert_true(w->bit[FAULT_DRIFT] > 0);
    world_free(w);
}

static void rare_sites_are_drawn_from_the_seed(void **state)
{
    uint64_t ppm = 300000, hits[RARE_SITES_N] = { 0 }, on = 0;
    bool first[RARE_SITES_N][100];

    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        rare_install(7, &ppm, hits);
        for (enum rare_site i = 0; i < RARE_SITES_N; i++) {
            for (unsigned k = 0; k < 100; k++) {
                bool is = rare_here(i);
                assert_true(turn == 0 || is == first[i][k]);
                first[i][k] = is;
            }
        }
    }
    for (enum rare_site i = 0; i < RARE_SITES_N; i++) {
        assert_true(hits[i] == 0 || (hits[i] > 20 && hits[i] < 120)); /* of 200 visits, 30 per cent */
        on += hits[i] > 0;
    }
    assert_in_range(on, 2, RARE_SITES_N - 2);
    ppm = 0;
    for (enum rare_site i = 0; i < RARE_SITES_N; i++)
        assert_false(rare_here(i));
    rare_install(0, NULL, NULL);
    assert_false(rare_here(RARE_BUF_TIGHT));
}

static void all_kinds_of_poison_are_drawn(void **state)
{
    unsigned seen[POISON_FIELDS + 1] = { 0 };

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct rand r = rand_of(1, i, 2);
        seen[poison_draw(500000, &r)]++;
    }
    assert_in_range(seen[POISON_NONE], 420, 580);
    for (enum poison p = POISON_PAGE; p <= POISON_FIELDS; p++)
        assert_in_range(seen[p], 80, 170);
    assert_int_equal(poison_status(POISON_FIELDS, 200), 200);
}

/* One who never lied and is held for a liar all the same is noticed. */
static void who_is_wrongly_named_is_noticed(void **state)
{
    (void)state;
    struct world *w = live("at 4s lie 2 1\nkeys 60\n");

    assert_true(w->edges[1].lies > 0);
    assert_int_equal(fault_peer_named(w), 1);
    w->edges[1].lies = 0;
    fault_peer_end(w);
    assert_int_equal(w->check->broken[RULE_FAULT], 1);
    world_free(w);
}

static void paths_are_blocked_and_held_as_told(void **state)
{
    (void)state;
    struct world *w = live("");
    struct action flap = { .kind = ACTION_FLAP, .spans = { MS(100), MS(400) } };
    struct action clog = { .kind = ACTION_CLOG, .spans = { MS(700) } };
    struct action hole = { .kind = ACTION_MTU_HOLE, .numbers = { 500 } };

    fault_pair(w, &flap, 0, 1, FAULT_PARTITION);
    fault_pair(w, &clog, 0, 1, FAULT_PARTITION);
    fault_pair(w, &hole, 0, 1, FAULT_PARTITION);
    mesh_ns begin = w->now;
    for (unsigned i = 0; i < 80; i++, w->now += MS(10)) {
        assert_true(net_blocked(w->net, 1, 0) == (i % 40 < 10));
        assert_false(net_blocked(w->net, 0, 2));
    }
    assert_int_equal(net_unclogged(w->net, 0, 1, begin + MS(1)), begin + MS(700));
    assert_int_equal(net_unclogged(w->net, 0, 1, begin + MS(701)), begin + MS(701));
    assert_true(net_hole(w->net, 0, 1, 501) && !net_hole(w->net, 0, 1, 500) && !net_hole(w->net, 2, 1, 501));
    net_heal(w->net);
    assert_false(net_blocked(w->net, 0, 1) || net_hole(w->net, 0, 1, 501));
    w->now = begin;
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_gain_and_lose_as_told),       cmocka_unit_test(rare_sites_are_drawn_from_the_seed),
        cmocka_unit_test(all_kinds_of_poison_are_drawn),      cmocka_unit_test(who_is_wrongly_named_is_noticed),
        cmocka_unit_test(paths_are_blocked_and_held_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
