/* test_engine_hedge.c - an owner that is slow, busy or breaks off costs viewers nothing: the next one is asked beside
 * it, and after a few times it is passed over; that costs few asks more, and no fetch. */
#include "engine_stage.h"

/* All that is at "*" is owned by n1, n2 and n3 in this order, by n0's ring. */
static struct site *all(uint64_t length)
{
    return site_at(w, "*", length);
}

/* A path that n1 and n2 have, and n0 does not. */
static const char *at_both(void)
{
    const char *path = path_owned(w, 0, "12");

    ask(w, 2, path);
    world_run(w, SEC(1));
    return path;
}

/* |n| asks of n0's viewers that the first owner answers soon: what is usual is known by then. There is a session with
 * the second owner, too. */
static void accustom(unsigned n)
{
    ask(w, 0, path_owned(w, 0, "2"));
    for (unsigned i = 0; i < n; i++) {
        ask(w, 0, path_owned(w, 0, "12"));
        world_run(w, MS(200));
    }
}

static mesh_ns waited(const struct viewer *v, mesh_ns asked)
{
    check_whole(v);
    return v->first_at - asked;
}

static void feat_M17_a_slow_owner_is_overtaken(void **state)
{
    struct site *s = all(1000);
    const char *path = at_both();

    (void)state;
    accustom(3);
    unsigned fetches = s->fetches;
    w->nodes[1].slow = MS(300);
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(2));
    assert_true(waited(v, asked) < MS(80)); /* the usual at first, and a round trip */
    assert_string_equal(v->answer.peer_name, "n2");
    assert_int_equal(v->answer.result, RESULT_PEER);
    assert_int_equal(count(w, 0)->hedges, 1);
    assert_int_equal(count(w, 0)->hedges_won, 1);
    assert_int_equal(s->fetches, fetches);
    check_result(ask(w, 0, path), RESULT_HIT); /* and it is kept as any other */
}

static void an_owner_in_time_is_not_hedged(void **state)
{
    all(1000);
    (void)state;
    accustom(60);
    assert_int_equal(count(w, 0)->hedges, 0);
}

/* It fetches from the origin: that takes as long as it takes, and nobody else could do more. */
static void a_slow_origin_is_not_hedged(void **state)
{
    struct site *s = all(1000);

    (void)state;
    s->head_after = SEC(3);
    struct viewer *v = ask(w, 0, path_owned(w, 0, "12"));
    world_run(w, SEC(4));
    check_whole(v);
    assert_int_equal(count(w, 0)->hedges, 0);
    assert_int_equal(s->fetches, 1);
}

/* The second owner has nothing: it says so, and the first one's answer comes when it comes. */
static void a_hedge_is_no_fetch(void **state)
{
    struct site *s = all(100000);

    (void)state;
    accustom(1);
    unsigned fetches = s->fetches;
    w->nodes[1].slow = MS(200);
    struct viewer *v = ask(w, 0, path_owned(w, 0, "12"));
    world_run(w, SEC(2));
    check_result(v, RESULT_MISS);
    assert_string_equal(v->answer.peer_name, "n1");
    assert_int_equal(count(w, 0)->hedges, 1);
    assert_int_equal(count(w, 0)->hedges_won, 0);
    assert_int_equal(s->fetches, fetches + 1);
}

static void who_was_asked_first_may_still_be_first(void **state)
{
    const char *path;

    all(1000);
    path = at_both();
    (void)state;
    accustom(1);
    w->nodes[1].slow = MS(70); /* it answers while the hedge is on its way */
    w->nodes[2].slow = MS(200);
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(1));
    check_result(v, RESULT_PEER);
    assert_string_equal(v->answer.peer_name, "n1");
    assert_int_equal(count(w, 0)->hedges, 1);
    assert_int_equal(count(w, 0)->hedges_won, 0);
}

static void a_body_of_many_leaves_comes_from_who_won(void **state)
{
    struct site *s = all(7000000); /* more than is sent without being asked for more */
    const char *path = at_both();

    (void)state;
    accustom(1);
    unsigned fetches = s->fetches;
    w->nodes[1].slow = MS(390);
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(3));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n2");
    assert_int_equal(s->fetches, fetches);
    struct engine_usage u;
    engine_usage(engine_of(w, 1), &u);
    assert_int_equal(u.serves, 0); /* it was told that nobody waits any more */
}

/* A connection is made for a hedge, too, and one that is not made in time is overtaken. */
static void who_cannot_be_reached_is_overtaken(void **state)
{
    const char *path;

    all(1000);
    path = at_both();
    (void)state;
    node_freeze(w, 1); /* its kernel takes the connection, and that is all */
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(3));
    assert_true(waited(v, asked) < MS(350));
    assert_string_equal(v->answer.peer_name, "n2");
    node_thaw(w, 1);
}

/* The second owner dies, or falls silent, while both are asked. */
static void a_hedge_that_breaks_costs_nothing(void **state)
{
    (void)state;
    struct site *s = all(1000);
    for (int how = 0; how < 2; how++) {
        const char *path = at_both();
        accustom(2);
        unsigned fetches = s->fetches;
        w->nodes[1].slow = MS(390);
        w->nodes[2].slow = MS(300);
        struct viewer *v = ask(w, 0, path);
        world_run(w, MS(100));
        if (how == 0)
            node_stop(w, 2, true);
        else
            node_freeze(w, 2);
        world_run(w, SEC(3));
        check_whole(v);
        assert_string_equal(v->answer.peer_name, "n1");
        assert_int_equal(s->fetches, fetches);
        w->nodes[1].slow = w->nodes[2].slow = 0;
        if (how == 0)
            node_start(w, 2, true);
        else
            node_thaw(w, 2);
        world_run(w, SEC(40));
    }
}

static void a_viewer_who_leaves_takes_both_back(void **state)
{
    const char *path;

    all(1000);
    path = at_both();
    (void)state;
    accustom(1);
    w->nodes[1].slow = w->nodes[2].slow = MS(200);
    struct viewer *v = ask(w, 0, path);
    world_run(w, MS(100));
    viewer_end(v);
    world_run(w, SEC(2));
    assert_int_equal(count(w, 0)->hedges, 1);
}

/* Half of all answers are slow: two hedges for a hundred asks, and a few at first. */
static void feat_M17_hedges_are_few(void **state)
{
    uint64_t before;

    (void)state;
    all(100);
    accustom(5);
    before = count(w, 0)->asks_out;
    for (int i = 0; i < 600; i++) {
        w->nodes[1].slow = i % 2 == 0 ? MS(250) : 0; /* never five in a row */
        ask(w, 0, path_owned(w, 0, "12"));
        world_run(w, MS(500));
    }
    uint64_t asks = count(w, 0)->asks_out - before, hedges = count(w, 0)->hedges;
    assert_in_range(asks, 600, 700);
    assert_in_range(hedges, 10, 10 + asks / 50);
}

/* ---- passed over ---- */

static void feat_M17_who_is_slow_again_and_again_is_passed_over(void **state)
{
    struct site *s = all(1000);
    const char *paths[16];
    int slow = 0, over = 0;

    (void)state;
    for (int i = 0; i < 16; i++)
        paths[i] = at_both();
    accustom(3);
    unsigned fetches = s->fetches;
    w->nodes[1].slow = SEC(2);
    uint64_t asked_of_it = count(w, 1)->asks_in;
    for (int i = 0; i < 16; i++) {
        mesh_ns asked = w->now;
        bool passed = count(w, 0)->peers_passed_over > 0;
        struct viewer *v = ask(w, 0, paths[i]);
        world_run(w, passed ? MS(50) : MS(150));
        assert_true(waited(v, asked) <= MS(100));
        slow += waited(v, asked) > MS(10);
        over += waited(v, asked) == MS(10); /* the second one at once: a round trip */
    }
    assert_in_range(slow, 5, 9); /* some were outrun soon, and count for half */
    assert_int_equal(over, 16 - slow);
    assert_int_equal(count(w, 0)->peers_passed_over, 1);
    /* Who tries it after a while waits no longer than the first who found it slow. */
    world_run(w, SEC(2));
    const char *path = at_both();
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, path);
    world_run(w, MS(150));
    assert_in_range(waited(v, asked), MS(20), MS(60));
    assert_int_equal(count(w, 0)->peers_passed_over, 2);
    world_run(w, SEC(3));
    assert_int_equal(count(w, 1)->asks_in - asked_of_it, slow + 1 + 1); /* and n2's, which gets the last path */
    assert_int_equal(s->fetches, fetches + 2); /* n2's own, and n1's for it, which came too late */
}

/* Silence: each costs what it may take, but five are enough, also where nobody else has it. */
static void feat_M17_five_silences_are_enough(void **state)
{
    (void)state;
    all(1000);
    accustom(3);
    w->nodes[1].slow = SEC(2);
    for (int i = 0; i < 12; i++) {
        mesh_ns asked = w->now;
        struct viewer *v = ask(w, 0, path_owned(w, 0, "12"));
        world_run(w, SEC(3));
        check_whole(v);
        if (i >= 5 && count(w, 0)->peers_passed_over == 0)
            fail_msg("not passed over after %d, %lld ms", i, (long long)(waited(v, asked) / MS(1)));
    }
    assert_in_range(count(w, 0)->links_silent, 5, 9); /* and the trials */
}

/* It answers, and well before it would be called silent, but much later than it did. */
static void feat_M17_five_late_answers_are_enough(void **state)
{
    (void)state;
    all(1000);
    accustom(3);
    w->nodes[1].slow = MS(300);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(count(w, 0)->peers_passed_over, 0);
        struct viewer *v = ask(w, 0, path_owned(w, 0, "12"));
        world_run(w, MS(700));
        check_result(v, RESULT_MISS);
        assert_string_equal(v->answer.peer_name, "n1"); /* nobody else had it */
    }
    assert_int_equal(count(w, 0)->peers_passed_over, 1);
    assert_int_equal(count(w, 0)->links_silent, 0);
}

/* All that was asked of it in one moment comes late: perhaps we ourselves stood still. That is one failure. */
static void late_answers_of_one_moment_are_one_failure(void **state)
{
    (void)state;
    all(1000);
    accustom(3);
    w->nodes[1].slow = MS(300);
    for (int i = 0; i < 12; i++)
        ask(w, 0, path_owned(w, 0, "12"));
    world_run(w, MS(700));
    assert_int_equal(count(w, 0)->peers_passed_over, 0);
    ask(w, 0, path_owned(w, 0, "12"));
    world_run(w, MS(700));
    assert_int_equal(count(w, 0)->peers_passed_over, 1);
}

static void it_is_tried_by_one_and_then_by_all(void **state)
{
    (void)state;
    all(1000);
    for (int well = 0; well < 2; well++) {
        struct health *h = mesh_health(mesh_of(w, 0), id_of(1));
        accustom(3);
        assert_true(breaker_closed(&h->breaker));
        w->nodes[1].slow = MS(390);
        while (breaker_closed(&h->breaker)) {
            ask(w, 0, at_both());
            world_run(w, MS(10));
        }
        mesh_ns until = h->breaker.until;
        if (well == 1)
            w->nodes[1].slow = 0;
        const char *paths[5];
        for (int i = 0; i < 5; i++)
            paths[i] = at_both();
        world_run(w, until > w->now ? until - w->now : 0);
        uint64_t before = count(w, 1)->asks_in;
        for (int i = 0; i < 5; i++)
            ask(w, 0, paths[i]);
        world_run(w, MS(500));
        assert_int_equal(count(w, 1)->asks_in - before, 1);
        assert_int_equal(breaker_closed(&h->breaker), well);
        w->nodes[1].slow = 0;
        world_run(w, SEC(40));
        ask(w, 0, at_both());
        world_run(w, SEC(1));
        assert_true(breaker_closed(&h->breaker));
    }
}

static void a_new_session_is_reason_to_try(void **state)
{
    struct health *h;

    (void)state;
    all(1000);
    accustom(1);
    h = mesh_health(mesh_of(w, 0), id_of(1));
    w->nodes[1].slow = MS(390);
    while (breaker_closed(&h->breaker)) {
        ask(w, 0, at_both());
        world_run(w, MS(10));
    }
    node_stop(w, 1, true);
    w->nodes[1].slow = 0;
    node_start(w, 1, true);
    ask(w, 1, path_owned(w, 1, "0")); /* which dials us */
    world_run(w, MS(100));
    assert_true(h->breaker.until <= w->now);
    struct viewer *v = ask(w, 0, path_owned(w, 0, "12"));
    world_run(w, MS(100));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n1");
    assert_true(breaker_closed(&h->breaker));
}

/* BUSY tells how busy: one that is full is not asked the next time, nor five times more. */
static void who_is_full_is_passed_over_at_once(void **state)
{
    struct site *s = all(100);

    (void)state;
    accustom(1);
    s->head_after = SEC(3);
    struct viewer *v = NULL;
    for (int i = 0; i < 1024; i++)
        v = ask(w, 0, path_owned(w, 0, "12"));
    world_run(w, MS(50));
    assert_int_equal(count(w, 0)->peers_passed_over, 0);
    uint64_t asked = count(w, 1)->asks_in;
    for (int i = 0; i < 3; i++) {
        v = ask(w, 0, path_owned(w, 0, "12"));
        world_run(w, MS(50));
    }
    assert_int_equal(count(w, 0)->peers_passed_over, 1);
    assert_int_equal(count(w, 1)->asks_in - asked, 1 + 3); /* and n2's, whether it has it */
    world_run(w, SEC(5));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n2");
}

static void unhedged_all_wait(void **state)
{
    const char *path;

    (void)state;
    node_stop(w, 0, false);
    w->nodes[0].cfg.unhedged = true;
    node_start(w, 0, true);
    all(1000);
    path = at_both();
    accustom(1);
    w->nodes[1].slow = MS(300);
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(1));
    assert_true(waited(v, asked) > MS(300));
    assert_int_equal(count(w, 0)->hedges, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOUR(feat_M17_a_slow_owner_is_overtaken),
        FOUR(an_owner_in_time_is_not_hedged),
        FOUR(a_slow_origin_is_not_hedged),
        FOUR(a_hedge_is_no_fetch),
        FOUR(who_was_asked_first_may_still_be_first),
        FOUR(a_body_of_many_leaves_comes_from_who_won),
        FOUR(who_cannot_be_reached_is_overtaken),
        FOUR(a_hedge_that_breaks_costs_nothing),
        FOUR(a_viewer_who_leaves_takes_both_back),
        FOUR(feat_M17_hedges_are_few),
        FOUR(feat_M17_who_is_slow_again_and_again_is_passed_over),
        FOUR(feat_M17_five_silences_are_enough),
        FOUR(feat_M17_five_late_answers_are_enough),
        FOUR(late_answers_of_one_moment_are_one_failure),
        FOUR(it_is_tried_by_one_and_then_by_all),
        FOUR(a_new_session_is_reason_to_try),
        FOUR(who_is_full_is_passed_over_at_once),
        FOUR(unhedged_all_wait),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
