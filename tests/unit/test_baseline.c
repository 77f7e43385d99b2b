/* SWIM and Lifeguard, as the simulator compares with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/base/err.h"
#include "sim/members/members_report.h"

static struct crowd *live(const char *mode, const char *text, uint64_t seed, struct members_figures *f)
{
    struct scenario sc;
    struct scenario_error err;
    char all[600];

    snprintf(all, sizeof(all), "mode %s\n%s", mode, text);
    scenario_init(&sc, &words_of_members);
    if (scenario_parse(&sc, slice_str(all), &err) != 0 || scenario_check(&sc, &err) != 0)
        fail_msg("line %u: %s", err.line, err.text);
    sc.seed = seed;
    struct crowd *c = crowd_run(&sc);
    assert_non_null(c);
    crowd_figures(c, f);
    scenario_fini(&sc);
    c->sc.actions_n = c->sc.expectations_n = 0;
    return c;
}

static const char *const modes[] = { "swim", "lifeguard" };

static void a_crash_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct members_figures f;
        crowd_free(live(modes[i], "nodes 32\njoin-every 20ms\nwarmup 5s\ntime 90s\nat 10s crashes all 3 20s\n", 1, &f));
        assert_int_equal(f.crashes, 3);
        assert_int_equal(f.crash_missed, 0);
        assert_true(f.crash_p50_ms > 4000); /* no sooner than a suspicion lasts */
        assert_true(f.crash_max_ms < 20000);
        assert_int_equal(f.wrong_deaths, 0);
        assert_int_equal(f.stuck, 0);
        assert_int_equal(f.malformed, 0);
    }
}

static void who_lives_refutes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct members_figures f;
        crowd_free(live(modes[i], "nodes 40\njoin-every 20ms\nloss-pct 10\nwarmup 10s\ntime 120s\n", 2, &f));
        assert_true(f.suspicions > 0);
        assert_true(f.refutations > 0);
        assert_int_equal(f.wrong_deaths, 0);
        assert_int_equal(f.stuck, 0);
    }
}

static void lifeguard_accuses_less_when_some_are_frozen(void **state)
{
    static const char storm[] = "nodes 64\njoin-every 10ms\nwarmup 10s\ntime 70s\nat 10s freeze 49-64 8s 9s\n";
    uint64_t wrong[2] = { 0 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct members_figures f;
            crowd_free(live(modes[i], storm, seed, &f));
            wrong[i] += f.wrong_deaths;
        }
    }
    assert_true(wrong[0] > 0);
    assert_true(wrong[1] * 2 <= wrong[0]);
}

static void the_same_seed_is_the_same_run(void **state)
{
    uint64_t trace[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct members_figures f;
        struct crowd *c =
            live("lifeguard", "nodes 20\nloss-pct 10\nwarmup 5s\ntime 20s\nat 6s restart all 5s\n", 4, &f);
        trace[i] = c->trace[0];
        crowd_free(c);
    }
    assert_true(trace[0] == trace[1]);
}

/* ---- one instance ---- */

#define N 16
static struct node_id ids[N];

static struct baseline *one(bool lifeguard)
{
    struct baseline_config cfg = { .lifeguard = lifeguard, .self = 0, .n = N, .ids = ids, .seed = 1, .boot = 1 };

    for (uint32_t i = 0; i < N; i++)
        ids[i].bytes[15] = (uint8_t)i;
    return baseline_new(&cfg, 0);
}

/* A packet with one statement about |node|: 1 alive, 2 suspect, 3 dead. */
static int hear(struct baseline *b, mesh_ns now, uint8_t said, uint32_t incarnation, uint32_t node, uint32_t from)
{
    uint8_t p[64] = { 1, 0, said == 1 ? 47 : 37, said, 0, 0, 0, (uint8_t)incarnation };

    p[8 + 15] = (uint8_t)node;
    if (said != 1)
        p[24 + 15] = (uint8_t)from;
    return baseline_recv(b, now, from, slice_of(p, 3u + p[2]));
}

static enum member_state state_of(struct baseline *b, uint32_t node)
{
    const struct member_record *r = baseline_find(b, node);
    assert_non_null(r);
    return r->state;
}

static void meet_all(struct baseline *b)
{
    for (uint32_t i = 1; i < N; i++)
        assert_int_equal(hear(b, 0, 1, 1, i, i), 0);
    assert_int_equal(baseline_count(b), N);
}

/* Lives until |node| is dead and returns when. All answer pings, |node| too: a failed probe of our own would be
 * one more confirmation. */
static mesh_ns dies_at(struct baseline *b, uint32_t node, mesh_ns until)
{
    struct baseline_out o;

    for (mesh_ns at; (at = baseline_deadline(b)) <= until;) {
        baseline_tick(b, at);
        while (baseline_poll(b, &o)) {
            if (o.kind != BASELINE_SEND || o.payload.data[3] != 10)
                continue;
            uint8_t ack[8] = { 1, 0, 5, 11 };
            memcpy(ack + 4, o.payload.data + 4, 4);
            baseline_recv(b, at, o.to, slice_of(ack, sizeof(ack)));
        }
        if (state_of(b, node) == MEMBER_DEAD)
            return at;
    }
    return MESH_NS_NEVER;
}

static void confirmations_shorten_a_suspicion(void **state)
{
    mesh_ns least = baseline_suspicion_min(N), at[3];

    (void)state;
    assert_true(least > MS(4800) && least < MS(4820)); /* 4 x log10(16) s */
    for (unsigned confirmations = 0; confirmations < 3; confirmations++) {
        struct baseline *b = one(true);
        meet_all(b);
        hear(b, 0, 2, 1, 5, 1);
        hear(b, 0, 2, 1, 5, 1); /* the same again confirms nothing */
        for (uint32_t k = 0; k < confirmations; k++)
            hear(b, 0, 2, 1, 5, 2 + k);
        assert_int_equal(state_of(b, 5), MEMBER_SUSPECT);
        at[confirmations] = dies_at(b, 5, SEC(60));
        baseline_free(b);
    }
    assert_true(at[0] == 6 * least);
    assert_true(at[1] < at[0] && at[1] > at[2]);
    assert_true(at[2] == least);

    struct baseline *b = one(false);
    meet_all(b);
    hear(b, 0, 2, 1, 5, 1);
    assert_true(dies_at(b, 5, SEC(60)) == least); /* SWIM: fixed */
    baseline_free(b);
}

static void incarnations_decide(void **state)
{
    struct baseline *b = one(true);

    (void)state;
    meet_all(b);
    hear(b, 0, 2, 1, 3, 1);
    assert_int_equal(state_of(b, 3), MEMBER_SUSPECT);
    hear(b, 0, 1, 1, 3, 3);
    assert_int_equal(state_of(b, 3), MEMBER_SUSPECT); /* no newer */
    hear(b, 0, 1, 2, 3, 3);
    assert_int_equal(state_of(b, 3), MEMBER_ALIVE);
    hear(b, 0, 3, 1, 3, 1);
    assert_int_equal(state_of(b, 3), MEMBER_ALIVE); /* old news */
    hear(b, 0, 3, 2, 3, 1);
    assert_int_equal(state_of(b, 3), MEMBER_DEAD);
    hear(b, 0, 3, 1, 4, 4);
    assert_int_equal(state_of(b, 4), MEMBER_LEFT);

    assert_int_equal(baseline_awareness(b), 0);
    hear(b, 0, 2, 1, 0, 1); /* of ourselves */
    assert_int_equal(baseline_member(b, 0)->counter, 2);
    assert_int_equal(baseline_awareness(b), 1);
    hear(b, 0, 3, 9, 0, 1);
    assert_int_equal(baseline_member(b, 0)->counter, 10);
    assert_int_equal(baseline_counters(b)->refutations, 2);
    baseline_free(b);
}

static void what_is_told_is_told_so_often(void **state)
{
    struct baseline *b = one(false);
    struct baseline_out o;
    unsigned told = 0;

    (void)state;
    assert_int_equal(baseline_transmits(1), 4);
    assert_int_equal(baseline_transmits(9), 4);
    assert_int_equal(baseline_transmits(10), 8);
    assert_int_equal(baseline_transmits(999), 12);
    assert_int_equal(baseline_transmits(1000), 16);
    meet_all(b);
    while (baseline_poll(b, &o))
        ;
    for (mesh_ns at; (at = baseline_deadline(b)) < MS(5000);) {
        baseline_tick(b, at);
        while (baseline_poll(b, &o)) {
            if (o.kind != BASELINE_SEND)
                continue;
            assert_true(o.payload.len <= BASELINE_PACKET_MAX);
            struct slice rest = slice_from(o.payload, 1);
            while (rest.len > 0) {
                told += rest.data[2] == 1 && rest.data[7 + 15] == 7;
                rest = slice_from(rest, 2u + ((size_t)rest.data[0] << 8 | rest.data[1]));
            }
        }
    }
    assert_int_equal(told, baseline_transmits(N));
    baseline_free(b);
}

static void bad_packets_are_refused(void **state)
{
    static const uint8_t cut[] = { 1, 0, 40, 2 }, unknown[] = { 1, 0, 5, 99, 0, 0, 0, 0 }, few[] = { 1, 0 };
    struct baseline *b = one(true);

    (void)state;
    assert_int_equal(baseline_recv(b, 0, 1, SLICE_EMPTY), MESH_E_SHORT);
    assert_int_equal(baseline_recv(b, 0, 1, slice_of(cut, sizeof(cut))), MESH_E_SHORT);
    assert_int_equal(baseline_recv(b, 0, 1, slice_of(few, sizeof(few))), MESH_E_SHORT);
    assert_int_equal(baseline_recv(b, 0, 1, slice_of(unknown, sizeof(unknown))), MESH_E_TYPE);
    assert_int_equal(hear(b, 0, 1, 1, N, 1), MESH_E_RANGE);
    assert_int_equal(baseline_counters(b)->malformed, 5);
    baseline_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_is_noticed),
        cmocka_unit_test(who_lives_refutes),
        cmocka_unit_test(lifeguard_accuses_less_when_some_are_frozen),
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(confirmations_shorten_a_suspicion),
        cmocka_unit_test(incarnations_decide),
        cmocka_unit_test(what_is_told_is_told_so_often),
        cmocka_unit_test(bad_packets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
