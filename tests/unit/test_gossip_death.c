/* test_gossip_death.c - who is gone is missed by all, and nobody else is: crashes, leaving, loss, forged deaths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossip/payload.h"
#include "gossip_world.h"
#include "proto/base/err.h"

/* Crash to death everywhere: a ping within one period, 2.5 ack timeouts of silence, the
 * suspicion, and a little for the rumour. */
#define CRASH_BOUND MS(1000 + 750 + 3500 + 250)

static void crash_is_known_everywhere(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        static const size_t sizes[] = { 2, 3, 5, 20 };
        struct world *w = world_joined(sizes[seed % 4], 100 + seed);
        world_crash(w, 1);
        mesh_ns took = world_until(w, 1, MEMBER_DEAD, SEC(60));
        assert_in_range(took, SEC(4), CRASH_BOUND);
        assert_int_equal(w->wrong_deaths, 0);
        assert_int_equal(w->deaths, w->n - 1);
        world_run(w, SEC(3));
        assert_true(world_agree(w));
        world_free(w);
    }
}

/* A node and its neighbours in the order of probes fail together. All had answered all before: only
 * who had an answer may accuse. */
static void neighbours_that_crash_together(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world *w = world_joined(20, seed);
        world_run(w, SEC(20));
        mesh_ns crash = w->now;
        for (size_t i = 5; i < 9; i++)
            world_crash(w, i);
        for (size_t i = 5; i < 9; i++)
            world_until(w, i, MEMBER_DEAD, SEC(10));
        for (size_t i = 5; i < 9; i++)
            assert_true(world_all(w, i, MEMBER_DEAD));
        assert_in_range(w->now - crash, SEC(4), SEC(11));
        assert_int_equal(w->wrong_deaths, 0);
        world_run(w, SEC(3));
        assert_true(world_agree(w));
        world_free(w);
    }
}

/* The last of three still finds out, though it hears nobody and doubts itself first. */
static void the_last_one_finds_out(void **state)
{
    struct world *w = world_joined(3, 5);
    (void)state;

    world_crash(w, 1);
    world_crash(w, 2);
    world_run(w, SEC(12));
    assert_int_equal(world_view(w, 0, 1), MEMBER_DEAD);
    assert_int_equal(world_view(w, 0, 2), MEMBER_DEAD);
    world_free(w);
}

static void relayed_ack_keeps_the_target_alive(void **state)
{
    struct world *w = world_joined(3, 7);
    (void)state;

    world_cut(w, 0, 1, true); /* n0's packets do not reach n1 */
    w->nodes[0].trace[0] = 0;
    world_run(w, SEC(60));
    assert_int_equal(world_view(w, 0, 1), MEMBER_ALIVE);
    assert_int_equal(WORLD_SUM(w, suspicions), 0);
    assert_non_null(strstr(w->nodes[0].trace, "probe 02000000: no ack, ask 03000000\n"));
    assert_non_null(strstr(w->nodes[0].trace, "probe 02000000: acked through 03000000\n"));
    assert_null(strstr(w->nodes[0].trace, "suspect"));
    assert_true(world_agree(w));
    world_free(w);
}

/* With both directions cut the third still carries pings, and views too. */
static void two_that_cannot_talk_have_a_friend(void **state)
{
    struct world *w = world_joined(3, 8);
    (void)state;

    world_cut(w, 0, 1, true);
    world_cut(w, 1, 0, true);
    world_run(w, SEC(60));
    assert_int_equal(w->deaths, 0);
    assert_int_equal(WORLD_SUM(w, suspicions), 0);
    world_free(w);
}

static void a_suspect_refutes(void **state)
{
    struct world *w = world_joined(5, 9);
    (void)state;

    struct member_record lie = *gossip_find(w->nodes[0].g, &(struct node_id){ { 4 } });
    lie.state = MEMBER_SUSPECT;
    assert_int_equal(gossip_learn(w->nodes[0].g, w->now, &lie), 0);
    world_poll(w, 0);
    assert_int_equal(world_view(w, 0, 3), MEMBER_SUSPECT);
    world_run(w, SEC(1));
    assert_true(world_all(w, 3, MEMBER_ALIVE));
    assert_int_equal(world_counter(w, 0, 3), 1);
    assert_int_equal(gossip_counters(w->nodes[3].g)->refutations, 1);
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

/* Somebody declares the living dead: it counts as a suspicion, so nobody is moved. */
static void a_death_out_of_the_blue_is_a_suspicion(void **state)
{
    struct world *w = world_joined(5, 10);
    (void)state;

    for (size_t i = 1; i < 5; i++) {
        struct node_id id = world_id(i);
        struct member_record lie = *gossip_find(w->nodes[0].g, &id);
        lie.state = MEMBER_DEAD;
        assert_int_equal(gossip_learn(w->nodes[0].g, w->now, &lie), 0);
        assert_int_equal(world_view(w, 0, i), MEMBER_SUSPECT);
    }
    world_poll(w, 0);
    world_run(w, SEC(10));
    for (size_t i = 0; i < 5; i++)
        assert_true(world_all(w, i, MEMBER_ALIVE));
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

static void leaving_is_no_death(void **state)
{
    struct world *w = world_joined(6, 11);
    (void)state;

    gossip_leave(w->nodes[2].g, w->now);
    world_poll(w, 2);
    assert_false(gossip_left(w->nodes[2].g));
    world_run(w, MS(100));
    assert_true(gossip_left(w->nodes[2].g));
    world_crash(w, 2);
    assert_in_range(world_until(w, 2, MEMBER_LEFT, SEC(5)), 0, MS(500));
    world_run(w, SEC(20));
    assert_true(world_all(w, 2, MEMBER_LEFT));
    assert_int_equal(w->deaths, 0);
    assert_true(world_agree(w));
    /* It may come back. */
    world_start(w, 2, 2);
    world_join(w, 2, 4);
    assert_in_range(world_until(w, 2, MEMBER_ALIVE, SEC(5)), 0, SEC(1));
    world_free(w);
}

static void leaving_alone_takes_a_second_at_most(void **state)
{
    struct world *w = world_joined(3, 12);
    (void)state;

    world_crash(w, 1);
    world_crash(w, 2);
    gossip_leave(w->nodes[0].g, w->now);
    world_run(w, MS(999));
    assert_false(gossip_left(w->nodes[0].g));
    world_run(w, MS(1));
    assert_true(gossip_left(w->nodes[0].g));
    world_free(w);
}

/* Somebody who missed it all is told by whoever it speaks to. */
static void a_stale_alive_is_contradicted(void **state)
{
    struct world *w = world_joined(2, 18);
    (void)state;

    world_cut(w, 0, 1, true);
    world_cut(w, 1, 0, true);
    world_run(w, SEC(20));
    assert_int_equal(world_view(w, 0, 1), MEMBER_DEAD);
    assert_int_equal(world_view(w, 1, 0), MEMBER_DEAD);
    world_cut(w, 0, 1, false);
    world_cut(w, 1, 0, false);
    world_run(w, SEC(2));
    assert_int_equal(world_view(w, 0, 1), MEMBER_ALIVE);
    assert_int_equal(world_view(w, 1, 0), MEMBER_ALIVE);
    assert_int_equal(world_counter(w, 0, 1), 1);
    assert_true(world_agree(w));
    world_free(w);
}

static void two_percent_loss_kills_nobody(void **state)
{
    struct world *w = world_joined(10, 20);
    (void)state;

    w->loss_ppm = 20000;
    w->jitter = MS(100);
    world_run(w, SEC(600));
    assert_int_equal(w->deaths, 0);
    w->loss_ppm = 0;
    world_run(w, SEC(5));
    assert_true(world_agree(w));
    world_free(w);
}

static void ten_percent_loss_still_finds_a_crash(void **state)
{
    struct world *w = world_joined(20, 21);
    (void)state;

    w->loss_ppm = 100000;
    world_run(w, SEC(60));
    world_crash(w, 7);
    assert_in_range(world_until(w, 7, MEMBER_DEAD, SEC(60)), SEC(4), SEC(8));
    assert_int_equal(w->wrong_deaths, 0);
    world_free(w);
}

/* A frozen node is suspected and may be declared dead; when it thaws it accuses nobody. */
static void who_was_frozen_accuses_nobody(void **state)
{
    struct world *w = world_joined(6, 22);
    (void)state;

    w->nodes[2].frozen_until = w->now + SEC(8);
    world_run(w, SEC(20));
    for (size_t i = 0; i < 6; i++)
        assert_true(world_all(w, i, MEMBER_ALIVE));
    assert_true(gossip_counters(w->nodes[2].g)->stalls >= 1);
    assert_int_equal(gossip_counters(w->nodes[2].g)->suspicions, 0);
    assert_int_equal(gossip_counters(w->nodes[2].g)->deaths, 0);
    assert_int_equal(w->deaths, w->wrong_deaths); /* of n2 only */
    assert_in_range(w->deaths, 0, 5);
    world_free(w);
}

/* A path that never worked proves nothing: no accusation without an earlier ack. */
static void who_never_answered_is_not_accused(void **state)
{
    struct world *w = world_new(2, 23);
    (void)state;

    world_cut(w, 0, 1, true);
    world_cut(w, 1, 0, true);
    world_join(w, 1, 0);
    world_run(w, SEC(60));
    assert_int_equal(world_view(w, 0, 1), MEMBER_ALIVE);
    assert_true(gossip_counters(w->nodes[0].g)->probes >= 59);
    assert_int_equal(WORLD_SUM(w, suspicions), 0);
    assert_int_equal(gossip_rtt(w->nodes[0].g, &(struct node_id){ { 2 } }), 0);
    world_free(w);
}

/* ---- a member that lies about another ---- */

/* Node |liar| tells all nodes from |first| on that node |of| is as |r| says. */
static void lie_to_all(struct world *w, size_t liar, size_t first, const struct member_record *r)
{
    struct payload p = { .kind = PAYLOAD_NEWS, .boot = 1 };
    struct buf raw = BUF_EMPTY, b = BUF_EMPTY;
    struct node_id id = world_id(liar);

    member_record_put(&raw, r);
    payload_put(&b, &p, buf_slice(&raw), 1);
    for (size_t i = first; i < w->n; i++) {
        assert_int_equal(gossip_recv(w->nodes[i].g, w->now, &id, buf_slice(&b)), 0);
        world_poll(w, i);
    }
    buf_free(&raw);
    buf_free(&b);
}

static void rob_G4_a_forged_death_is_refuted_within_three_rounds(void **state)
{
    static const enum member_state forged[] = { MEMBER_SUSPECT, MEMBER_DEAD };
    (void)state;

    for (size_t f = 0; f < 2; f++) {
        struct world *w = world_joined(32, 34 + f);
        struct node_id id = world_id(5);
        struct member_record r = *gossip_find(w->nodes[1].g, &id);

        r.state = forged[f];
        lie_to_all(w, 0, 8, &r); /* its victim hears of it from those who were lied to */
        assert_int_equal(world_view(w, 20, 5), MEMBER_SUSPECT);
        world_run(w, SEC(3));
        for (size_t i = 0; i < w->n; i++) {
            assert_int_equal(world_view(w, i, 5), MEMBER_ALIVE);
            assert_int_equal(world_counter(w, i, 5), r.counter + 1);
        }
        world_run(w, SEC(10));
        assert_int_equal(w->deaths, 0);
        assert_true(world_agree(w));
        world_free(w);
    }
}

static void rob_G4_a_jump_of_the_incarnation_is_refused(void **state)
{
    struct world *w = world_joined(32, 36);
    struct node_id id = world_id(5);
    struct member_record r = *gossip_find(w->nodes[1].g, &id);
    uint32_t before = r.counter;
    (void)state;

    for (enum member_state s = MEMBER_ALIVE; s <= MEMBER_LEFT; s++) {
        r.state = s;
        r.counter = UINT32_MAX;
        lie_to_all(w, 0, 1, &r);
        r.counter = before + GOSSIP_JUMP_MAX + 1;
        lie_to_all(w, 0, 1, &r);
    }
    world_run(w, SEC(10));
    for (size_t i = 1; i < w->n; i++) { /* its victim too */
        assert_int_equal(gossip_counters(w->nodes[i].g)->jumps, 8);
        assert_int_equal(world_view(w, i, 5), MEMBER_ALIVE);
        assert_int_equal(world_counter(w, i, 5), before);
    }
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_is_known_everywhere),
        cmocka_unit_test(neighbours_that_crash_together),
        cmocka_unit_test(the_last_one_finds_out),
        cmocka_unit_test(relayed_ack_keeps_the_target_alive),
        cmocka_unit_test(two_that_cannot_talk_have_a_friend),
        cmocka_unit_test(a_suspect_refutes),
        cmocka_unit_test(a_death_out_of_the_blue_is_a_suspicion),
        cmocka_unit_test(leaving_is_no_death),
        cmocka_unit_test(leaving_alone_takes_a_second_at_most),
        cmocka_unit_test(a_stale_alive_is_contradicted),
        cmocka_unit_test(two_percent_loss_kills_nobody),
        cmocka_unit_test(ten_percent_loss_still_finds_a_crash),
        cmocka_unit_test(who_was_frozen_accuses_nobody),
        cmocka_unit_test(who_never_answered_is_not_accused),
        cmocka_unit_test(rob_G4_a_forged_death_is_refuted_within_three_rounds),
        cmocka_unit_test(rob_G4_a_jump_of_the_incarnation_is_refused),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
