/* test_suspect.c - from a doubt to a death: who may say it, how soon, and on what evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossip_world.h"

#define LEAST MS(3500)
/* From a crash to the doubt: a ping within a period, and 2.5 ack timeouts of silence. */
#define DOUBT_FIRST MS(700)
#define DOUBT_LAST  MS(1800)

static const struct gossip_counters *counters(const struct world *w, size_t i)
{
    return gossip_counters(w->nodes[i].g);
}

static mesh_ns crash(struct world *w, size_t i, mesh_ns limit)
{
    world_crash(w, i);
    return world_until(w, i, MEMBER_DEAD, limit);
}

/* Three others say that they have no answer either: the least patience is enough. */
static void confirmed_by_others_it_is_dead_soon(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct world *w = world_joined(8, 30 + seed);
        assert_in_range(crash(w, 3, SEC(20)), LEAST + DOUBT_FIRST, LEAST + DOUBT_LAST);
        assert_in_range(WORLD_SUM(w, denials), 3, 200);
        assert_int_equal(w->wrong_deaths, 0);
        world_free(w);
    }
}

/* Nobody answers for it, but somebody else comes to doubt it too: half as long again. */
static void two_doubts_take_longer(void **state)
{
    struct world *w = world_joined(8, 31);
    (void)state;

    w->muted = PAYLOAD_NACK;
    assert_in_range(crash(w, 3, SEC(20)), LEAST * 3 / 2 + DOUBT_FIRST, LEAST * 3 / 2 + DOUBT_LAST);
    assert_int_equal(WORLD_SUM(w, denials), 0);
    world_free(w);
}

/* Where there is nobody who could confirm, none is waited for. */
static void of_two_the_other_one_needs_no_witness(void **state)
{
    struct world *w = world_joined(2, 32);
    (void)state;

    world_run(w, SEC(60));
    assert_in_range(crash(w, 1, SEC(20)), LEAST + DOUBT_FIRST, LEAST + DOUBT_LAST);
    world_free(w);
}

/* Where much is lost, time is not enough: there are only its own pings, and it takes many of them. */
static void loss_asks_for_more_evidence(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world *w = world_joined(2, 60 + seed);
        w->loss_ppm = 300000;
        world_run(w, SEC(180));
        assert_in_range(crash(w, 1, SEC(20)), LEAST + DOUBT_LAST + MS(500), 3 * LEAST + DOUBT_LAST);
        assert_int_equal(w->wrong_deaths, 0);
        world_free(w);
    }
}

static void tell(struct world *w, size_t at, size_t of, enum member_state what)
{
    struct member_record lie = *gossip_find(w->nodes[at].g, &(struct node_id){ { (uint8_t)(of + 1) } });

    lie.state = what;
    assert_int_equal(gossip_learn(w->nodes[at].g, w->now, &lie), 0);
    world_poll(w, at);
}

/* n0 hears a doubt in n1, and neither the refutation nor anything else of it. */
static void a_doubt_of_others_kills_nobody(void **state)
{
    struct world *w = world_joined(2, 33);
    (void)state;

    world_run(w, SEC(30));
    w->cut[0][1] = w->cut[1][0] = true;
    tell(w, 0, 1, MEMBER_SUSPECT);
    uint64_t probes = counters(w, 0)->probes;
    w->cut[0][1] = w->cut[1][0] = false; /* what it said at once is lost */
    world_run(w, SEC(2));
    assert_true(counters(w, 0)->probes > probes);
    assert_int_equal(world_view(w, 0, 1), MEMBER_ALIVE); /* asked in its turn, and refuted */
    assert_int_equal(counters(w, 0)->suspicions, 0);
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

/* One who never had an answer of n1 hears a doubt in it: time alone does not make it a death,
 * three times the suspicion does, and only after it was asked. */
static void an_unsettled_doubt_becomes_a_question(void **state)
{
    struct world *w = world_new(2, 34);
    (void)state;

    world_cut(w, 0, 1, true);
    world_cut(w, 1, 0, true);
    world_join(w, 1, 0);
    tell(w, 0, 1, MEMBER_SUSPECT);
    world_run(w, 3 * LEAST - MS(1));
    assert_int_equal(world_view(w, 0, 1), MEMBER_SUSPECT);
    world_cut(w, 0, 1, false);
    world_cut(w, 1, 0, false);
    world_run(w, MS(50));
    assert_int_equal(world_view(w, 0, 1), MEMBER_ALIVE);
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

/* A death that comes out of the blue is believed once its subject could have refuted it. */
static void a_death_told_too_soon_waits(void **state)
{
    struct world *w = world_joined(6, 35);
    (void)state;

    world_crash(w, 4);
    tell(w, 0, 4, MEMBER_DEAD);
    assert_int_equal(world_view(w, 0, 4), MEMBER_SUSPECT);
    world_run(w, LEAST - MS(100));
    assert_int_equal(world_view(w, 0, 4), MEMBER_SUSPECT);
    world_run(w, MS(200));
    assert_int_equal(world_view(w, 0, 4), MEMBER_DEAD);
    world_free(w);
}

/* A quarter of all packets is lost, each way: nobody dies of it, and few doubts get about. */
static void a_quarter_lost_kills_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct world *w = world_joined(16, 40 + seed);
        w->loss_ppm = 250000;
        world_run(w, SEC(400));
        assert_true(WORLD_SUM(w, probes_indirect) > 10000); /* questions are many, */
        assert_in_range(WORLD_SUM(w, suspicions), 1, 60);   /* doubts that are said are few */
        assert_int_equal(w->deaths, 0);
        /* And who does die is found out, on more evidence. */
        assert_in_range(crash(w, 5, SEC(30)), LEAST, SEC(9));
        assert_int_equal(w->wrong_deaths, 0);
        world_free(w);
    }
}

/* n0 hears only two of the others: it doubts few, and moves nobody. */
static void who_hears_little_doubts_few(void **state)
{
    struct world *w = world_joined(32, 36);
    (void)state;

    world_run(w, SEC(40)); /* it has had an answer of most, and might accuse them */
    for (size_t i = 3; i < 32; i++)
        w->cut[i][0] = true;
    world_run(w, SEC(20));
    assert_in_range(counters(w, 0)->suspicions, 1, 4 + 20000 / 1750);
    for (size_t i = 1; i < 32; i++) {
        for (size_t j = 1; j < 32; j++)
            assert_int_equal(i == j ? MEMBER_ALIVE : world_view(w, i, j), MEMBER_ALIVE);
    }
    world_free(w);
}

/* It pings ten of them a second, none of which it hears: the budget keeps it from doubting all. */
static void accusations_have_a_budget(void **state)
{
    struct world *w = world_new(0, 37);
    (void)state;

    w->cfg.probe_period = MS(200);
    w->n = 24;
    for (size_t i = 0; i < w->n; i++)
        world_start(w, i, 1);
    for (size_t i = 1; i < w->n; i++) {
        world_join(w, i, 0);
        world_run(w, MS(20));
    }
    world_run(w, SEC(20));
    for (size_t i = 1; i < w->n; i++)
        w->cut[i][0] = true;
    world_run(w, SEC(5));
    assert_in_range(counters(w, 0)->suspicions, 4, 4 + 5000 / 1750);
    assert_true(counters(w, 0)->withheld > 0);
    world_free(w);
}

/* Neighbours in the order of probes fall together: who is silent does not hide who comes behind it,
 * and who is before them knows the next few, and so may accuse them. */
static void the_silent_do_not_hide_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct world *w = world_joined(60, 50 + seed);
        world_run(w, SEC(60));
        for (size_t i = 20; i < 24; i++)
            world_crash(w, i);
        world_run(w, LEAST + DOUBT_LAST + SEC(3)); /* another one each period */
        for (size_t i = 20; i < 24; i++)
            assert_true(world_all(w, i, MEMBER_DEAD));
        world_free(w);
    }
}

/* Each fourth one. */
static void freeze(struct world *w, size_t n, mesh_ns span)
{
    for (size_t i = 0; i < n; i++)
        w->nodes[4 * i].frozen_until = w->now + span;
}

/* Many fall silent at once: that is more likely a switch or a hypervisor, and is given more time. */
static void many_silent_at_once_are_given_time(void **state)
{
    struct world *w = world_joined(40, 38);
    (void)state;

    world_run(w, SEC(30));
    freeze(w, 10, SEC(7));
    world_run(w, SEC(12));
    assert_true(WORLD_SUM(w, suspicions) >= 10);
    assert_int_equal(w->deaths, 0);
    assert_true(world_agree(w));
    freeze(w, 2, SEC(7)); /* two of forty are no landslide */
    world_run(w, SEC(12));
    assert_true(w->deaths > 0);
    /* If they really are gone, that is known a little later. */
    for (size_t i = 0; i < 40; i += 4)
        world_crash(w, i);
    world_run(w, SEC(13));
    for (size_t i = 0; i < 40; i += 4)
        assert_true(world_all(w, i, MEMBER_DEAD));
    world_free(w);
}

/* A newcomer that falls before anybody had an answer of it: those that ask each other find out. */
static void who_fell_before_it_ever_answered(void **state)
{
    struct world *w = world_joined(6, 39);
    (void)state;

    w->n = 7;
    world_start(w, 6, 1);
    world_teach(w, 6, 0); /* over a stream; then it is gone */
    world_crash(w, 6);
    world_poll(w, 0);
    world_run(w, SEC(9));
    assert_true(world_all(w, 6, MEMBER_ALIVE));
    world_run(w, SEC(16)); /* ten seconds of pings in vain, and then as anybody else */
    assert_true(world_all(w, 6, MEMBER_DEAD));
    assert_int_equal(w->wrong_deaths, 0);
    world_free(w);
}

/* The same, and whoever could be asked has fallen, too. */
static void who_fell_with_all_who_could_tell(void **state)
{
    struct world *w = world_joined(2, 41);
    (void)state;

    w->n = 3;
    world_start(w, 2, 1);
    world_teach(w, 2, 0);
    world_crash(w, 2);
    world_crash(w, 1);
    world_poll(w, 0);
    world_run(w, SEC(15));
    assert_int_equal(world_view(w, 0, 1), MEMBER_DEAD);
    assert_int_equal(world_view(w, 0, 2), MEMBER_ALIVE);
    world_run(w, SEC(20));
    assert_int_equal(world_view(w, 0, 2), MEMBER_DEAD);
    world_free(w);
}

/* One that can be reached by some is not accused by the others, however long their own way fails. */
static void a_path_that_never_worked_is_no_reason(void **state)
{
    struct world *w = world_new(5, 40);
    (void)state;

    for (size_t i = 0; i < 2; i++)
        w->cut[i][4] = w->cut[4][i] = true;
    for (size_t i = 1; i < 5; i++) {
        world_join(w, i, i < 4 ? 0 : 3);
        world_run(w, MS(20));
    }
    world_run(w, SEC(180));
    assert_true(world_all(w, 4, MEMBER_ALIVE));
    assert_int_equal(WORLD_SUM(w, suspicions), 0);
    world_free(w);
}

/* One with evidence enough is cut off before its patience ends: it goes on asking at its pace, and dies
 * with its company when nobody was heard for twice the time. */
static void who_goes_deaf_keeps_its_pace(void **state)
{
    struct world *w = world_joined(8, 43);
    (void)state;

    world_run(w, SEC(60));
    world_crash(w, 1);
    for (int i = 0; i < 300 && world_view(w, 0, 1) != MEMBER_SUSPECT; i++)
        world_run(w, MS(10));
    world_run(w, SEC(1));
    world_split(w, 1, true);
    size_t packets = w->packets;
    world_run(w, SEC(12));
    assert_in_range(w->packets - packets, 100, 3000);
    assert_int_equal(world_view(w, 0, 1), MEMBER_DEAD);
    world_free(w);
}

static void hand_nack(struct world *w, size_t at, size_t from, size_t target, uint64_t seq)
{
    const struct payload p = {
        .kind = PAYLOAD_NACK, .seq = seq, .boot = 1, .has_target = true, .target = world_id(target)
    };
    struct node_id id = world_id(from);
    struct buf b = BUF_EMPTY;

    payload_put(&b, &p, SLICE_EMPTY, 0);
    assert_int_equal(gossip_recv(w->nodes[at].g, w->now, &id, buf_slice(&b)), 0);
    world_poll(w, at);
    buf_free(&b);
}

/* The number under which n0 had others ask n1; 0: it asked nobody. */
static uint64_t asked_seq(struct world *w)
{
    static struct payload p;

    for (const struct event *e = w->events; e != NULL; e = e->next) {
        if (e->kind == EVENT_PACKET && e->from == 0 && payload_get(slice_of(e->bytes, e->len), &p) == 0 &&
            p.kind == PAYLOAD_ASK)
            return p.seq;
    }
    return 0;
}

/* A confirmation counts once for each time that its sender was asked, and for nothing if it was not. */
static void nobody_confirms_twice(void **state)
{
    struct world *w = world_joined(6, 41);
    uint64_t seq = 0;
    (void)state;

    w->muted = PAYLOAD_NACK;
    w->latency = MS(40);
    world_crash(w, 1);
    for (int i = 0; i < 1000 && (seq = asked_seq(w)) == 0; i++)
        world_run(w, MS(10));
    assert_int_not_equal(seq, 0);
    for (int again = 0; again < 20; again++) {
        for (size_t i = 2; i < 6; i++)
            hand_nack(w, 0, i, 1, seq);
    }
    assert_int_equal(counters(w, 0)->denials, 3); /* three of the four were asked */
    hand_nack(w, 0, 2, 3, seq);                   /* of another target, under another number */
    hand_nack(w, 0, 2, 1, seq + 1);
    assert_int_equal(counters(w, 0)->denials, 3);
    world_free(w);
}

/* Others have to say that they ask in vain; and a target that answers them late is passed on all the same. */
static void a_late_answer_still_counts(void **state)
{
    struct world *w = world_joined(5, 42);
    (void)state;

    world_run(w, SEC(30));
    w->cut[0][1] = w->cut[1][0] = true;
    w->latency = MS(160); /* there and back is more than a relay waits before it says so */
    world_run(w, SEC(60));
    assert_true(counters(w, 0)->denials > 5);
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confirmed_by_others_it_is_dead_soon),
        cmocka_unit_test(two_doubts_take_longer),
        cmocka_unit_test(of_two_the_other_one_needs_no_witness),
        cmocka_unit_test(loss_asks_for_more_evidence),
        cmocka_unit_test(a_doubt_of_others_kills_nobody),
        cmocka_unit_test(an_unsettled_doubt_becomes_a_question),
        cmocka_unit_test(a_death_told_too_soon_waits),
        cmocka_unit_test(a_quarter_lost_kills_nobody),
        cmocka_unit_test(who_hears_little_doubts_few),
        cmocka_unit_test(accusations_have_a_budget),
        cmocka_unit_test(the_silent_do_not_hide_each_other),
        cmocka_unit_test(many_silent_at_once_are_given_time),
        cmocka_unit_test(who_fell_before_it_ever_answered),
        cmocka_unit_test(who_fell_with_all_who_could_tell),
        cmocka_unit_test(a_path_that_never_worked_is_no_reason),
        cmocka_unit_test(who_goes_deaf_keeps_its_pace),
        cmocka_unit_test(nobody_confirms_twice),
        cmocka_unit_test(a_late_answer_still_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
