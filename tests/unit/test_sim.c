/* The simulated world: the same seed is the same run, and its checks see what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ring/table.h"
#include "sim/body.h"
#include "sim/net/link_model.h"
#include "sim/net/net.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/report.h"
#include "sim/rules/check.h"
#include "sim/viewer_model.h"

static const char small[] = "nodes 4\nzones 2\nkeys 20\nrequests 80\nsize-max 150KiB\nwarmup 4s\ntime 10s\n";

static void read_scenario(struct scenario *sc, const char *more, uint64_t seed)
{
    struct scenario_error err;

    scenario_init(sc, &words_of_run);
    assert_int_equal(scenario_parse(sc, slice_str(small), &err), 0);
    assert_int_equal(scenario_parse(sc, slice_str(more), &err), 0);
    assert_int_equal(scenario_check(sc, &err), 0);
    sc->seed = seed;
}

static void trace_of(const char *more, uint64_t seed, char text[TRACE_HASH_TEXT_MAX])
{
    struct scenario sc;

    read_scenario(&sc, more, seed);
    struct world *w = world_run(&sc, NULL);
    assert_non_null(w);
    trace_hash_text(&w->trace, text);
    world_free(w);
    scenario_fini(&sc);
}

static void the_same_seed_is_the_same_run(void **state)
{
    static const char faults[] = "loss-pct 3\nat 5s crash 2\nat 7s start 2\nat 8s cut 1 3\n";
    char a[TRACE_HASH_TEXT_MAX], b[TRACE_HASH_TEXT_MAX], c[TRACE_HASH_TEXT_MAX];

    (void)state;
    trace_of(faults, 3, a);
    trace_of(faults, 4, c); /* another run between: nothing of it is left */
    trace_of(faults, 3, b);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
}

struct seen_nodes {
    struct node_id at[8];
    size_t n;
};

/* It could start a real node: as a node file it is read, and keys, certificate and mesh belong together. */
static void see_node(void *ctx, const struct identity *id)
{
    struct seen_nodes *seen = ctx;
    struct buf text = BUF_EMPTY;
    struct identity again;

    assert_in_range(seen->n, 0, 7);
    assert_int_equal(identity_encode(&text, id), 0);
    assert_int_equal(identity_decode(&again, buf_slice(&text)), 0);
    seen->at[seen->n++] = again.cert.id;
    identity_wipe(&again);
    buf_free(&text);
}

static void who_nodes_are_is_told_before_they_start(void **state)
{
    static const char *const more[] = { "identities 0\n", "identities 0\n", "identities 1\n" };
    struct seen_nodes seen[3] = { { .n = 0 } };
    char plain[TRACE_HASH_TEXT_MAX], told[TRACE_HASH_TEXT_MAX];

    (void)state;
    trace_of(more[0], 3, plain);
    for (size_t i = 0; i < 3; i++) {
        const struct tap tap = { .node = see_node, .node_ctx = &seen[i] };
        struct scenario sc;

        read_scenario(&sc, more[i], 3);
        struct world *w = world_run(&sc, &tap);
        assert_non_null(w);
        assert_int_equal(seen[i].n, 4);
        for (size_t k = 0; k < 4; k++)
            assert_true(node_id_eq(&seen[i].at[k], &w->edges[k].id.cert.id));
        if (i == 0) { /* and changes nothing */
            trace_hash_text(&w->trace, told);
            assert_string_equal(told, plain);
        }
        world_free(w);
        scenario_fini(&sc);
    }
    assert_memory_equal(seen[0].at, seen[1].at, 4 * sizeof(seen[0].at[0]));
    assert_false(node_id_eq(&seen[0].at[0], &seen[2].at[0]));
}

static void a_quiet_world_breaks_no_rule(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    read_scenario(&sc, "", 1);
    struct world *w = world_run(&sc, NULL);
    report_figures(w, &f);
    assert_true(report_ok(w));
    assert_int_equal(f.requests, 80);
    assert_int_equal(f.hit + f.peer + f.miss, 80);
    assert_int_equal(f.origin_fetches, f.keys_asked);
    assert_int_equal(f.deaths, 0);
    assert_true(f.joined_ms != FIGURE_NEVER && f.agreed_ms != FIGURE_NEVER);
    world_free(w);
    scenario_fini(&sc);
}

static void a_settled_mesh_begins_as_one_that_has_run_for_long(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    read_scenario(
        &sc,
        "nodes 12\nsettled yes\nabsent 12\nwarmup 0s\ntime 20s\nat 5s start 12\nat 6s crash 3\nat 8s start 3\n"
        "real-crypto-nodes 0\n",
        1);
    struct world *w = world_run(&sc, NULL);
    report_figures(w, &f);
    assert_true(report_ok(w));
    assert_int_equal(f.joined_ms, 0);
    assert_int_equal(f.hit + f.peer + f.miss, 80);
    for (uint32_t i = 0; i < 12; i++) { /* who joins grows to its weight; nobody else does, whoever asks */
        struct mesh_member self;
        assert_true(mesh_member(engine_mesh(w->edges[i].engine), 0, &self));
        assert_int_equal(self.record->weight == CERT_WEIGHT_NORMAL, i != 11);
    }
    world_free(w);
    scenario_fini(&sc);

    read_scenario(&sc, "nodes 12\nsettled yes\ntime 1s\nquiet 0s\nwarmup 0s\nrequests 0\n", 1);
    w = world_run(&sc, NULL);
    for (uint32_t i = 0; i < 12; i++) {
        const struct mesh *m = engine_mesh(w->edges[i].engine);
        const struct ring *ring = mesh_ring(m);
        struct msg_members_out says;
        mesh_members_say(m, &w->edges[(i + 1) % 12].id.cert.id, &says);
        assert_int_equal(says.settled, 12); /* itself, too */
        assert_int_equal(mesh_alive(m), 12);
        assert_int_equal(ring_size(ring), 12);
        for (size_t k = 0; k < ring->n; k++)
            assert_int_equal(ring->members[k].weight, CERT_WEIGHT_NORMAL);
    }
    world_free(w);
    scenario_fini(&sc);
}

/* Each entry makes one book of a good run wrong; just its rule must notice. */
struct tamper {
    enum rule rule;
    void (*apply)(struct world *w);
};
static void lose_a_request(struct world *w)
{
    w->viewers->begun++;
}
static void fetch_twice(struct world *w)
{
    w->origin->keys[0].fetches = 2;
}
static void fetch_what_nobody_wants(struct world *w)
{
    w->viewers->key_asked[0] = 0;
}
static void count_a_hit_too_many(struct world *w)
{
    w->edges[2].counted[RESULT_HIT]++;
}
static void count_fewer_bytes(struct world *w)
{
    w->edges[1].body_bytes--;
}
static void count_a_datagram_too_many(struct world *w)
{
    w->edges[3].datagrams_in++;
}
static void move_an_arc(struct world *w)
{
    const struct ring *r = mesh_ring(engine_mesh(w->edges[0].engine));
    uint16_t *owner = &r->owners[(3 * CHECK_ARCS_APART + w->sc.seed % CHECK_ARCS_APART) * RING_OWNERS];
    *owner = (uint16_t)((*owner + 1) % r->n);
}

static void wrong_books_are_noticed(void **state)
{
    static const struct tamper tampers[] = {
        { RULE_ENDS, lose_a_request },
        { RULE_FETCHES, fetch_twice },
        { RULE_FETCHES, fetch_what_nobody_wants },
        { RULE_COUNTERS, count_a_hit_too_many },
        { RULE_COUNTERS, count_fewer_bytes },
        { RULE_COUNTERS, count_a_datagram_too_many },
        { RULE_AGREE, move_an_arc },
    };
    struct scenario sc;

    (void)state;
    read_scenario(&sc, "keys 3\n", 1);
    for (size_t i = 0; i < sizeof(tampers) / sizeof(tampers[0]); i++) {
        struct world *w = world_run(&sc, NULL);
        assert_true(report_ok(w));
        tampers[i].apply(w);
        check_end(w);
        for (size_t rule = 0; rule < RULES_N; rule++) {
            if ((w->check->broken[rule] > 0) != (rule == tampers[i].rule))
                fail_msg("tampering %zu: rule %zu is broken %llu times", i, rule,
                         (unsigned long long)w->check->broken[rule]);
        }
        world_free(w);
    }
    scenario_fini(&sc);
}

/* ---- purges ---- */

static const char purging[] =
    "keys 3\ntime 14s\nat 6s purge 2 1\nat 7s purge-tag 3 2\nat 8s purge-prefix 1 3\nat 9s purge-all 4\n";

static void feat_I2_in_a_quiet_world_purges_reach_all_and_no_rule_breaks(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    read_scenario(&sc, purging, 1);
    struct world *w = world_run(&sc, NULL);
    report_figures(w, &f);
    assert_true(report_ok(w));
    assert_int_equal(f.purges, 4);
    assert_int_equal(f.purges_missed, 0);
    assert_true(f.purge_max_us >= 2000 && f.purge_max_us < 1000000);
    assert_int_equal(purge_version(w, 1), 4);
    assert_true(f.origin_fetches > f.keys_asked && f.origin_fetches <= f.keys_asked + 6);
    world_free(w);
    scenario_fini(&sc);
}

/* On from where |w| has ended. */
static void live_on(struct world *w, mesh_ns span)
{
    mesh_ns until = w->now + span;
    struct heap_node *n;

    while ((n = heap_pop(&w->events, until)) != NULL) {
        struct event *ev = OBJ_OF(n, struct event, node);
        w->now = n->at;
        ev->fire(w, ev);
    }
    w->now = until;
}

static void feat_I2_an_old_body_is_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    read_scenario(&sc, purging, 1);
    struct world *w = world_run(&sc, NULL);
    viewers_flash(w, 1, 4);
    live_on(w, SEC(1));
    assert_true(report_ok(w));
    w->purges->entries[3].version++; /* as if what was purged last had been newer: node 2 has confirmed that, too */
    viewers_flash(w, 1, 2);
    live_on(w, SEC(1));
    assert_int_equal(w->check->broken[RULE_PURGED], 2);
    world_free(w);
    scenario_fini(&sc);
}

static void fetch_long_ago(struct world *w)
{
    w->origin->keys[0].last_at = w->now - (mesh_ns)w->sc.max_age - SEC(60);
}
static void forbid_to_keep(struct world *w)
{
    w->sc.no_store = 1000000;
}
static void a_copy_beyond_its_lifetime_is_noticed(void **state)
{
    void (*const tampers[])(struct world * w) = { fetch_long_ago, forbid_to_keep };
    struct scenario sc;

    (void)state;
    read_scenario(&sc, "keys 3\n", 1);
    for (size_t i = 0; i < sizeof(tampers) / sizeof(tampers[0]); i++) {
        struct world *w = world_run(&sc, NULL);
        viewers_flash(w, 1, 4);
        live_on(w, SEC(1));
        assert_true(report_ok(w));
        tampers[i](w);
        viewers_flash(w, 1, 2);
        live_on(w, SEC(1));
        assert_int_equal(w->check->broken[RULE_LIFETIME], 2);
        world_free(w);
    }
    scenario_fini(&sc);
}

static void lose_a_purge(struct world *w)
{
    w->purges->entries[1].at[3].ever = false;
}
static void leave_a_node_without(struct world *w)
{
    w->purges->entries[2].at[1].kept_at = MESH_NS_NEVER;
}
static void feat_I6_who_has_a_purge_is_judged_by_the_worlds_book(void **state)
{
    void (*const tampers[])(struct world * w) = { lose_a_purge, leave_a_node_without };
    struct scenario sc;

    (void)state;
    read_scenario(&sc, purging, 1);
    for (size_t i = 0; i < sizeof(tampers) / sizeof(tampers[0]); i++) {
        struct world *w = world_run(&sc, NULL);
        assert_true(report_ok(w));
        tampers[i](w);
        check_end(w);
        for (size_t rule = 0; rule < RULES_N; rule++)
            assert_int_equal(w->check->broken[rule] > 0, rule == RULE_COMPLETE);
        world_free(w);
    }
    scenario_fini(&sc);
}

/* All but the first take over each other's tables; the first one makes the same by itself, in slices. */
static void tables_are_shared_and_are_what_one_makes_alone(void **state)
{
    struct scenario sc;

    (void)state;
    read_scenario(&sc, "at 6s crash 2\n", 1);
    struct world *w = world_run(&sc, NULL);
    assert_true(report_ok(w));
    const struct ring *alone = mesh_ring(engine_mesh(w->edges[0].engine));
    const struct ring *shared = mesh_ring(engine_mesh(w->edges[2].engine));
    assert_ptr_equal(mesh_ring(engine_mesh(w->edges[3].engine)), shared);
    assert_ptr_not_equal(alone, shared);
    assert_int_equal(ring_epoch(alone), ring_epoch(shared));
    assert_true(w->rings.found > 0);
    world_free(w);
    scenario_fini(&sc);
}

/* The same events, whether packets are sealed or only marked; damage is refused in either. */
static void a_stand_in_for_cryptography_changes_nothing_else(void **state)
{
    struct figures f[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scenario sc;
        read_scenario(&sc, i == 0 ? "corrupt-pct 0.5\n" : "corrupt-pct 0.5\nreal-crypto-nodes 0\n", 3);
        struct world *w = world_run(&sc, NULL);
        report_figures(w, &f[i]);
        assert_true(report_ok(w));
        assert_true(w->net->counts.damaged > 0);
        world_free(w);
        scenario_fini(&sc);
    }
    assert_int_equal(f[0].requests, f[1].requests);
    assert_int_equal(f[0].error, f[1].error);
}

static void a_node_that_vanished_at_the_end_is_seen_to_be_missing(void **state)
{
    struct scenario sc;

    (void)state;
    read_scenario(&sc, "quiet 1s\nat 10s vanish 4\n", 1); /* too short for all to notice */
    struct world *w = world_run(&sc, NULL);
    assert_true(w->check->broken[RULE_AGREE] > 0);
    assert_false(report_ok(w));
    world_free(w);
    scenario_fini(&sc);
}

static void a_dead_origin_explains_failures(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    read_scenario(&sc, "at 5s origin down\n", 1);
    struct world *w = world_run(&sc, NULL);
    report_figures(w, &f);
    assert_true(f.error > 0);
    assert_int_equal(f.unexplained, 0);
    assert_true(report_ok(w));
    world_free(w);
    scenario_fini(&sc);
}

static void expectations_are_judged(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    read_scenario(&sc, "expect requests = 80\nexpect requests <= 79\nexpect requests >= 81\n", 1);
    struct world *w = world_run(&sc, NULL);
    report_figures(w, &f);
    check_expectations(w, &f);
    assert_int_equal(w->check->broken[RULE_EXPECT], 2);
    world_free(w);
    scenario_fini(&sc);
}

/* A fifth of the packets lost, within a few per cent; streams still bring all, in order. */
static void loss_is_as_told(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    read_scenario(&sc, "loss-pct 20\ntime 60s\n", 1);
    struct world *w = world_run(&sc, NULL);
    report_figures(w, &f);
    assert_true(f.datagrams > 1000);
    assert_true(f.datagrams_lost * 100 > f.datagrams * 17 && f.datagrams_lost * 100 < f.datagrams * 23);
    assert_true(w->net->counts.stalls > 0);
    assert_int_equal(w->check->broken[RULE_BODY], 0);
    world_free(w);
    scenario_fini(&sc);
}

/* Between nodes with nothing else in the way, a body takes as long as slow start says: one way for the
 * question, and the answer's round trips. */
static void bodies_start_slowly(void **state)
{
    const size_t size = 400u << 10;
    const mesh_ns one_way = MS(50);
    struct scenario sc;

    (void)state;
    read_scenario(&sc,
                  "nodes 5\nzones 5\nzone-delay-ms 50\njitter-ms 0\nsize-min 400KiB\nsize-max 400KiB\nkeys 40\n"
                  "time 200s\nslow-viewers-pct 0\nleavers-pct 0\n",
                  1);
    struct world *w = world_run(&sc, NULL);
    struct times *t = &w->viewers->by_result_ns[RESULT_PEER];
    assert_true(t->n >= 5);
    mesh_ns theory = one_way + link_stream_time(size, one_way),
            seen = (mesh_ns)times_at(t, 1000); /* a body that does not pack */
    assert_true(theory > 9 * one_way);         /* it does matter */
    assert_true(seen > theory - theory / 20 && seen < theory + theory / 20);
    world_free(w);
    scenario_fini(&sc);
}

static void any_piece_of_a_body_is_the_same_bytes(void **state)
{
    uint8_t whole[4096], piece[100];
    struct scenario sc;

    (void)state;
    scenario_init(&sc, &words_of_run);
    for (uint64_t key = 1; key <= 30; key++) {
        body_fill(&sc, key, 0, 0, whole, sizeof(whole));
        for (uint64_t at = 0; at + sizeof(piece) <= sizeof(whole); at += 37) {
            body_fill(&sc, key, 0, at, piece, sizeof(piece));
            assert_memory_equal(piece, whole + at, sizeof(piece));
        }
        assert_true(body_same(&sc, key, 0, 5, slice_of(whole + 5, 4000)));
        whole[4000] ^= 1;
        assert_false(body_same(&sc, key, 0, 5, slice_of(whole + 5, 4000)));
    }
    scenario_fini(&sc);
}

static void sizes_stay_in_bounds_and_reach_the_edges(void **state)
{
    struct scenario sc;
    bool empty = false, leaf = false;

    (void)state;
    scenario_init(&sc, &words_of_run);
    sc.size_min = 0;
    sc.size_max = 1 << 20;
    for (uint64_t key = 1; key <= 1000; key++) {
        uint64_t size = body_size(&sc, key);
        assert_true(size <= sc.size_max);
        empty = empty || size == 0;
        leaf = leaf || size == 65536;
    }
    assert_true(empty && leaf);
    sc.size_min = sc.size_max = 777;
    assert_int_equal(body_size(&sc, 5), 777);
    scenario_fini(&sc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_piece_of_a_body_is_the_same_bytes),
        cmocka_unit_test(sizes_stay_in_bounds_and_reach_the_edges),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(who_nodes_are_is_told_before_they_start),
        cmocka_unit_test(a_quiet_world_breaks_no_rule),
        cmocka_unit_test(a_settled_mesh_begins_as_one_that_has_run_for_long),
        cmocka_unit_test(wrong_books_are_noticed),
        cmocka_unit_test(a_copy_beyond_its_lifetime_is_noticed),
        cmocka_unit_test(feat_I2_in_a_quiet_world_purges_reach_all_and_no_rule_breaks),
        cmocka_unit_test(feat_I2_an_old_body_is_noticed),
        cmocka_unit_test(feat_I6_who_has_a_purge_is_judged_by_the_worlds_book),
        cmocka_unit_test(tables_are_shared_and_are_what_one_makes_alone),
        cmocka_unit_test(a_stand_in_for_cryptography_changes_nothing_else),
        cmocka_unit_test(a_node_that_vanished_at_the_end_is_seen_to_be_missing),
        cmocka_unit_test(a_dead_origin_explains_failures),
        cmocka_unit_test(expectations_are_judged),
        cmocka_unit_test(loss_is_as_told),
        cmocka_unit_test(bodies_start_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
