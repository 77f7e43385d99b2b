/* test_steer_state.c - nodes that tell each other what they measure, in virtual time, over a net that loses datagrams:
 * all come to know it, and viewers follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/steer/choose.h"
#include "steer_fleet.h"

static struct fleet f;

static struct mesh_addr viewer(unsigned net)
{
    return mesh_addr_v4(0x65000001u + (net << 8), 5000);
}

static void sample(int node, unsigned net, mesh_ns rtt)
{
    struct mesh_addr a = viewer(net);

    steer_sample(f.nodes[node], f.now, &a, "", rtt);
}

static unsigned known(int at, unsigned net, int edge)
{
    struct mesh_addr a = viewer(net);
    struct steer_prefix p = prefix_of(&a, 0);

    return rtt_known(f.nodes[at], f.now, &p, edge);
}

static int home(int at, unsigned net)
{
    struct mesh_addr a = viewer(net);
    struct steer_prefix p = prefix_of(&a, 0);

    return home_of(f.nodes[at], f.now, &p);
}

/* Each edge has viewers somewhere, so something is known of it. */
static void all_have_viewers(void)
{
    for (int i = 0; i < f.n; i++)
        sample(i, 0x4000 + (unsigned)i, MS(80));
}

/* Where node |at| sends a viewer; -1: nowhere. */
static int sent_to(int at, unsigned net)
{
    struct steer_ask ask = { .client = viewer(net), .client_bits = 24, .draw = 1 };
    struct steer_view *v = steer_view(f.nodes[at], f.now);
    struct steer_choice c;

    assert_non_null(v);
    steer_choose(v, &ask, &c);
    int to = c.n > 0 ? v->edges[c.picks[0].edge].id.bytes[0] - 1 : -1;
    steer_view_unref(v);
    return to;
}

static struct steer_edge edge_seen(int at, int edge)
{
    struct steer_view *v = steer_view(f.nodes[at], f.now);

    assert_non_null(v);
    struct steer_edge e = v->edges[view_edge(v, edge)];
    steer_view_unref(v);
    return e;
}

/* How many of |nets| that node |of| measured all others know. */
static unsigned known_everywhere(int of, unsigned nets)
{
    unsigned n = 0;

    for (unsigned net = 0; net < nets; net++) {
        bool everywhere = true;
        for (int at = 0; at < f.n && everywhere; at++)
            everywhere = known(at, net, of) != 0;
        n += everywhere;
    }
    return n;
}

static void all_come_to_know(void **state)
{
    (void)state;
    fleet_begin(&f, 5, 0);
    for (int i = 0; i < 5; i++) {
        for (unsigned net = 0; net < 10; net++)
            sample(i, net, MS(10 + 10 * i));
    }
    fleet_run(&f, SEC(3));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(known_everywhere(i, 10), 10);
        for (unsigned net = 0; net < 10; net++)
            assert_int_equal(home(i, net), 0);
        struct steer_edge e = edge_seen(i, 3);
        assert_string_equal(e.name, "edge-3");
        assert_string_equal(e.label, "edge-3");
        assert_string_equal(e.zone, "z/3");
        assert_true(e.alive && e.facts.ready && e.heard > 0 && e.self == (i == 3));
        assert_int_equal(e.facts.https, 443);
    }
    assert_int_equal(steer_counters(f.nodes[0])->refused, 0);
    fleet_end(&f);
}

static void what_is_lost_comes_in_the_end(void **state)
{
    unsigned after_10 = 0, after_60 = 0;

    (void)state;
    fleet_begin(&f, 4, 300);
    for (unsigned net = 0; net < 2000; net++) {
        sample(0, net, MS(20));
        if (net % 20 == 0)
            fleet_run(&f, MS(200));
    }
    fleet_run(&f, SEC(10));
    after_10 = known_everywhere(0, 2000);
    fleet_run(&f, SEC(50));
    after_60 = known_everywhere(0, 2000);
    fleet_run(&f, SEC(540));
    print_message("%u of 2,000 known everywhere after 10 s, %u after 60 s, %u after 10 min; %zu of %zu lost\n",
                  after_10, after_60, known_everywhere(0, 2000), f.dropped, f.sent);
    assert_int_equal(known_everywhere(0, 2000), 2000);
    fleet_end(&f);
}

/* 101.0.7.0/24 is nearest to edge 0, then another provider takes it over; some are sent to edge 2 by chance. A sample
 * each two seconds, 30 % of datagrams lost. */
static void feat_L4_a_network_that_moves_is_rehomed_everywhere_within_a_minute(void **state)
{
    (void)state;
    fleet_begin(&f, 6, 300);
    all_have_viewers();
    for (int s = 0; s < 60; s++) {
        for (unsigned net = 0; net < 500; net++)
            sample(0, net, MS(12) + US(rand_below(&f.rand, 3000)));
        sample(2, 7, MS(38));
        sample(4, 7, MS(90));
        fleet_run(&f, SEC(2));
    }
    for (int i = 0; i < 6; i++)
        assert_int_equal(home(i, 7), 0);
    unsigned seconds = 0, there = 0;
    while (there < 6 && seconds < 120) {
        sample(0, 7, MS(140) + US(rand_below(&f.rand, 3000)));
        fleet_run(&f, SEC(2));
        seconds += 2;
        there = 0;
        for (int i = 0; i < 6; i++)
            there += home(i, 7) == 2 && sent_to(i, 7) == 2;
    }
    print_message("at home elsewhere, for all, after %u s\n", seconds);
    assert_in_range(seconds, 1, 60);
    assert_true(steer_counters(f.nodes[5])->rehomed >= 1);
    fleet_end(&f);
}

static void feat_L3_a_dead_edge_leaves_at_once(void **state)
{
    (void)state;
    fleet_begin(&f, 3, 0);
    all_have_viewers();
    for (int i = 0; i < 10; i++)
        sample(1, 5, MS(5));
    fleet_run(&f, SEC(5));
    assert_int_equal(sent_to(0, 5), 1);
    sample(0, 1, MS(60)); /* a view has just been made, */
    assert_int_equal(sent_to(0, 5), 1);
    fleet_member(&f, 0, 1, false); /* and the next one is made all the same */
    assert_int_equal(sent_to(0, 5) == 1, false);
    assert_false(edge_seen(0, 1).alive);
    assert_int_equal(known(0, 5, 1), 50); /* nothing is forgotten */
    fleet_run(&f, SEC(3));
    assert_true(sent_to(0, 5) != 1 && sent_to(0, 5) != -1);
    fleet_member(&f, 0, 1, true);
    assert_int_equal(sent_to(0, 5), 1);
    fleet_end(&f);
}

/* It is held alive, but its word to viewers is old. */
static void feat_L3_who_says_nothing_gets_no_viewers(void **state)
{
    (void)state;
    fleet_begin(&f, 3, 0);
    all_have_viewers();
    sample(1, 5, MS(5));
    fleet_run(&f, SEC(5));
    assert_int_equal(sent_to(0, 5), 1);
    f.dead[1] = true;
    fleet_run(&f, SEC(5));
    assert_int_equal(sent_to(0, 5), 1);
    fleet_run(&f, SEC(6));
    assert_true(sent_to(0, 5) != 1);
    assert_true(edge_seen(0, 1).alive && edge_seen(0, 1).facts.ready);
    f.dead[1] = false;
    fleet_run(&f, SEC(5));
    assert_int_equal(sent_to(0, 5), 1);
    fleet_end(&f);
}

static void feat_L3_who_drains_is_left_by_all_at_once(void **state)
{
    struct steer_facts facts = fleet_facts(1);

    (void)state;
    fleet_begin(&f, 40, 0);
    all_have_viewers();
    sample(1, 5, MS(5));
    fleet_run(&f, SEC(5));
    facts.draining = true;
    steer_self(f.nodes[1], f.now, &facts);
    assert_int_equal(steer_deadline(f.nodes[1]), f.now);
    fleet_run(&f, MS(101)); /* as long as a datagram takes at most */
    for (int i = 0; i < 40; i++) {
        assert_true(edge_seen(i, 1).facts.draining);
        assert_true(sent_to(i, 5) != 1);
    }
    fleet_end(&f);
}

/* A lost word is said again soon. */
static void a_change_of_state_is_said_twice(void **state)
{
    struct steer_facts facts = fleet_facts(1);
    int heard = 0;

    (void)state;
    fleet_begin(&f, 40, 300);
    fleet_run(&f, SEC(20));
    facts.ready = false;
    steer_self(f.nodes[1], f.now, &facts);
    fleet_run(&f, MS(601));
    for (int i = 0; i < 40; i++)
        heard += !edge_seen(i, 1).facts.ready;
    print_message("%d of 40 know it after 600 ms\n", heard);
    assert_in_range(heard, 32, 40);
    fleet_run(&f, SEC(12));
    for (int i = 0; i < 40; i++)
        assert_false(edge_seen(i, 1).facts.ready);
    fleet_end(&f);
}

#define NETS 500

/* All viewers are nearest to edge 0, and three times as many as it is for. They go where the other node says, and stay
 * for the 60 s that an answer may be kept. */
static void feat_L5_an_edge_at_its_cap_sheds_without_oscillation(void **state)
{
    static int at[NETS];
    unsigned lowest = UINT32_MAX, highest = 0, first = 0;
    struct steer_facts facts = fleet_facts(0);
    uint64_t load = 3000;

    (void)state;
    fleet_begin(&f, 2, 100);
    all_have_viewers();
    for (unsigned t = 0; t < 1000; t++) {
        unsigned here = 0;
        for (unsigned net = 0; net < NETS; net++) {
            if (t % 60 == net % 60) {
                sample(0, net, MS(5));
                at[net] = sent_to(1, net);
            }
            here += at[net] == 0;
        }
        load = t == 0 ? 3000 * here / NETS : (load * 9 + 3000 * here / NETS) / 10;
        facts.load_permille = (uint16_t)load;
        steer_self(f.nodes[0], f.now, &facts);
        fleet_run(&f, SEC(1));
        first = first == 0 && t > 60 && load <= 1000 ? t : first;
        if (t < 400)
            continue;
        lowest = load < lowest ? (unsigned)load : lowest;
        highest = load > highest ? (unsigned)load : highest;
    }
    print_message("at most its capacity after %u s; from 400 s to 1,000 s %u to %u permille\n", first, lowest, highest);
    assert_in_range(first, 60, 240);
    assert_in_range(lowest, 700, 1050);
    assert_in_range(highest, 700, 1050);
    fleet_end(&f);
}

static void views_are_made_when_something_has_changed_and_not_often(void **state)
{
    (void)state;
    fleet_begin(&f, 2, 0);
    struct steer *s = f.nodes[0];
    struct steer_view *a = steer_view(s, f.now), *b = steer_view(s, f.now += SEC(1));
    assert_ptr_equal(a, b);
    sample(0, 1, MS(3));
    struct steer_view *c = steer_view(s, f.now);
    assert_int_equal(c->number, a->number + 1);
    sample(0, 2, MS(3));
    struct steer_view *d = steer_view(s, f.now += MS(199)), *e = steer_view(s, f.now += MS(1));
    assert_ptr_equal(d, c);
    assert_int_equal(e->number, c->number + 1);
    assert_int_equal(e->rows_n, 4); /* two networks, the coarser one, all */
    assert_int_equal(c->rows_n, 3); /* who holds an old one sees the old one */
    steer_view_unref(a);
    steer_view_unref(b);
    steer_view_unref(c);
    steer_view_unref(d);
    f.now += SEC(30);
    struct steer_view *g = steer_view(s, f.now);
    assert_ptr_equal(g, e);
    steer_view_unref(e);
    steer_view_unref(g);
    fleet_end(&f);
}

/* Edges along a line, 10 ms apart. */
static void coordinates_tell_what_nobody_measured(void **state)
{
    (void)state;
    fleet_begin(&f, 6, 100);
    for (int round = 0; round < 150; round++) {
        for (int i = 0; i < 6; i++) {
            int j = (int)rand_below(&f.rand, 6);
            struct node_id id = fleet_id(j);
            bool never = (i == 0 && j == 5) || (i == 5 && j == 0);
            if (j != i && !never)
                steer_peer_rtt(f.nodes[i], f.now, &id, MS(4 + 10 * abs(i - j)));
        }
        fleet_run(&f, SEC(1));
    }
    struct coordinate a = edge_seen(2, 0).facts.at, b = edge_seen(2, 5).facts.at;
    unsigned us = (unsigned)(coordinate_between(&a, &b) / 1000);
    print_message("told: %u us\n", us);
    assert_in_range(us, 38000, 70000); /* 54 */
    fleet_end(&f);
}

/* Beyond STEER_ROUND members facts come as often as ever, figures in turns. */
#define MANY 80 /* more than figures go to in one period */
static void in_a_large_mesh_all_are_heard(void **state)
{
    (void)state;
    fleet_begin(&f, MANY, 0);
    for (unsigned net = 0; net < 300; net++)
        sample(0, net, MS(20));
    fleet_run(&f, SEC(20));
    size_t before = f.sent;
    for (int s = 0; s < 20; s++) {
        fleet_run(&f, SEC(1));
        for (int i = 0; i < MANY; i++) {
            struct steer_edge e = edge_seen(i, (i + 1 + s) % MANY);
            assert_true(f.now - e.heard <= SEC(4) + MS(300));
        }
    }
    size_t each = (f.sent - before) / 20 / MANY;
    print_message("%zu datagrams a second from each of %d\n", each, MANY);
    assert_in_range(each, MANY / 2 - 8, MANY / 2);
    fleet_run(&f, SEC(60));
    assert_int_equal(known_everywhere(0, 300), 300);
    fleet_end(&f);
}

static void members_are_bounded(void **state)
{
    struct node_id id = { { 0 } };

    (void)state;
    fleet_begin(&f, 1, 0);
    for (int i = 1; i < STEER_EDGES_MAX; i++) {
        id.bytes[1] = (uint8_t)(1 + i / 256);
        id.bytes[2] = (uint8_t)i;
        assert_int_equal(steer_member(f.nodes[0], f.now, &id, "n", "z", true), 0);
    }
    id.bytes[0] = 200;
    assert_int_equal(steer_member(f.nodes[0], f.now, &id, "n", "z", true), -7);
    id.bytes[0] = 0;
    assert_int_equal(steer_member(f.nodes[0], f.now, &id, "m", "z", true), 0); /* one that is there already */
    steer_gone(f.nodes[0], f.now, &id);
    id.bytes[0] = 200;
    assert_int_equal(steer_member(f.nodes[0], f.now, &id, "n", "z", true), 0);
    struct steer_view *v = steer_view(f.nodes[0], f.now);
    assert_int_equal(v->edges_n, STEER_EDGES_MAX);
    steer_view_unref(v);
    fleet_end(&f);
}

static bool drains(int at, int whom)
{
    struct steer_view *v = steer_view(f.nodes[at], f.now);
    bool on = v->edges[view_edge(v, whom)].facts.draining;

    steer_view_unref(v);
    return on;
}

/* Other news wait for the next view, which is made when the last one is 200 ms old. */
static void feat_L3_a_change_of_state_is_in_a_view_at_once(void **state)
{
    struct steer_facts facts = fleet_facts(0);
    struct steer_out out;
    const struct node_id self = fleet_id(0), other = fleet_id(1);
    bool told = false;

    (void)state;
    fleet_begin(&f, 2, 0);
    fleet_run(&f, SEC(5));
    assert_false(drains(0, 0) || drains(1, 0));
    facts.draining = true;
    steer_self(f.nodes[0], f.now, &facts);
    assert_true(drains(0, 0));
    steer_tick(f.nodes[0], f.now);
    while (steer_poll(f.nodes[0], &out)) {
        assert_true(node_id_eq(&out.to, &other));
        assert_int_equal(steer_take(f.nodes[1], f.now, &self, out.bytes), 0);
        told = true;
    }
    assert_true(told && drains(1, 0));
    fleet_end(&f);
}

/* Who asks for a view has looked at the clock later than who tells of what came before. */
static void an_earlier_time_counts_as_the_last_one(void **state)
{
    const struct mesh_addr viewer = mesh_addr_v4(0xcb007107, 1);

    (void)state;
    fleet_begin(&f, 2, 0);
    steer_view_unref(steer_view(f.nodes[0], f.now + SEC(5)));
    steer_sample(f.nodes[0], f.now, &viewer, "", MS(20));
    steer_tick(f.nodes[0], f.now);
    struct steer_view *v = steer_view(f.nodes[0], f.now + SEC(6));
    struct steer_prefix p;
    assert_true(steer_prefix_of(&p, &viewer, 0));
    const struct steer_row *row = steer_view_row(v, &p);
    assert_non_null(row);
    assert_int_equal(row->figures[0].age_s, 1);
    steer_view_unref(v);
    fleet_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_come_to_know),
        cmocka_unit_test(what_is_lost_comes_in_the_end),
        cmocka_unit_test(feat_L4_a_network_that_moves_is_rehomed_everywhere_within_a_minute),
        cmocka_unit_test(feat_L3_a_dead_edge_leaves_at_once),
        cmocka_unit_test(feat_L3_who_says_nothing_gets_no_viewers),
        cmocka_unit_test(feat_L3_who_drains_is_left_by_all_at_once),
        cmocka_unit_test(a_change_of_state_is_said_twice),
        cmocka_unit_test(feat_L5_an_edge_at_its_cap_sheds_without_oscillation),
        cmocka_unit_test(views_are_made_when_something_has_changed_and_not_often),
        cmocka_unit_test(coordinates_tell_what_nobody_measured),
        cmocka_unit_test(in_a_large_mesh_all_are_heard),
        cmocka_unit_test(members_are_bounded),
        cmocka_unit_test(feat_L3_a_change_of_state_is_in_a_view_at_once),
        cmocka_unit_test(an_earlier_time_counts_as_the_last_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
