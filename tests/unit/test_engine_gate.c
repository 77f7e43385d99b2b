/* test_engine_gate.c - an origin that fails is left alone and costs nobody's time; one that has as much to do as it may
 * have is not given more; and a fetch whose viewer has left goes on only where that is worth it. */
#include "engine_stage.h"

#define MIB (UINT64_C(1) << 20)

static struct viewer *asked(int n, const char *path)
{
    struct viewer *v = ask(w, n, path);
    world_run(w, SEC(1));
    return v;
}

/* A node with other settings than its kind. */
static void anew(unsigned fetches, uint64_t memory)
{
    node_stop(w, 0, false);
    w->nodes[0].cfg.origin_fetches = fetches;
    if (memory != 0)
        w->nodes[0].cfg.memory_limit = memory;
    node_start(w, 0, true);
    world_run(w, SEC(1));
}

/* ---- an origin that fails ---- */

#define SPAN SEC(1) /* failures of less than that are one failure */

/* |n| fetches that fail at once. */
static void fail_together(int n)
{
    struct viewer *v[100];

    for (int i = 0; i < n; i++)
        v[i] = ask(w, 0, path_owned(w, 0, "0"));
    world_run(w, MS(30));
    for (int i = 0; i < n; i++)
        check_failed(v[i], 502);
}

/* Five that fail, the last of them a while after the others. */
static void fail_five(void)
{
    fail_together(4);
    world_run(w, SPAN);
    fail_together(1);
}

static void rob_OR1_a_dead_origin_is_asked_a_few_times(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    s->cut_at = 0;
    s->cut_err = MESH_E_REFUSED;
    for (int i = 0; i < 300; i++) { /* thirty seconds of viewers */
        struct viewer *v = ask(w, 0, path_owned(w, 0, "0"));
        if (v->ended) /* at once: nothing is tried */
            assert_int_equal(v->end_at, w->now);
        world_run(w, MS(100));
        check_failed(v, 502);
    }
    /* Those of a second, then after 1/4, 1/2, 1, 2, 4, 4 ... seconds, more or less. */
    assert_in_range(s->fetches, 11 + 8, 11 + 14);
    assert_int_equal(count(w, 0)->origin_spared, 300 - s->fetches);
    assert_int_equal(count(w, 0)->origin_fetches, s->fetches);
    s->cut_at = UINT64_MAX;
    world_run(w, SEC(5)); /* the longest that it is left alone */
    check_result(asked(0, path_owned(w, 0, "0")), RESULT_MISS);
    check_result(asked(0, path_owned(w, 0, "0")), RESULT_MISS);
}

/* However many they are; the one that fails when the others did so a while ago is another matter. */
static void rob_OR1_a_burst_of_failures_is_not_a_dead_origin(void **state)
{
    struct site *good = site_at(w, "/good", 1000), *s = site_at(w, "*", 1000);

    (void)state;
    good->lines = "Cache-Control: no-store\n";
    s->cut_at = 0;
    fail_together(100);
    check_result(asked(0, "/good"), RESULT_MISS);
    fail_together(100); /* a second after those, but there was an answer between them */
    fail_together(100);
    check_result(asked(0, "/good"), RESULT_MISS);
    assert_int_equal(count(w, 0)->origin_spared, 0);
    assert_int_equal(count(w, 0)->origin_failures, 300);
    fail_together(4);
    world_run(w, SPAN);
    fail_together(1);
    check_failed(ask(w, 0, "/good"), 502);
    assert_int_equal(count(w, 0)->origin_spared, 1);
    assert_int_equal(good->fetches, 2);
}

static void rob_OR1_what_is_stale_stands_in_at_once(void **state)
{
    struct site *old = site_at(w, "/old", 1000), *s = site_at(w, "*", 1000);

    (void)state;
    old->lines = "ETag: \"1\"\nCache-Control: max-age=60, stale-if-error=3600\n";
    check_result(asked(0, "/old"), RESULT_MISS);
    world_run(w, SEC(60));
    s->cut_at = 0;
    s->cut_err = MESH_E_REFUSED;
    fail_five();
    check_failed(ask(w, 0, path_owned(w, 0, "0")), 502);
    old->cut_at = 0;
    check_result(ask(w, 0, "/old"), RESULT_STALE);
    assert_int_equal(old->fetches, 1);
}

/* It takes requests and says nothing: those under way wait for what a fetch may take, later ones do not. */
static void rob_OR2_a_silent_origin_holds_nobody_who_comes_later(void **state)
{
    struct site *s = site_at(w, "*", 1000);
    struct viewer *v[5];

    (void)state;
    s->head_after = SEC(100000);
    for (int i = 0; i < 5; i++)
        v[i] = ask(w, 0, path_owned(w, 0, "0"));
    world_run(w, SPAN);
    struct viewer *last = ask(w, 0, path_owned(w, 0, "0"));
    world_run(w, SEC(60));
    for (int i = 0; i < 5; i++)
        check_failed(v[i], 504);
    check_failed(last, 504);
    check_failed(ask(w, 0, path_owned(w, 0, "0")), 504); /* at once */
    unsigned fetches = s->fetches;
    for (int i = 0; i < 100; i++) {
        ask(w, 0, path_owned(w, 0, "0"));
        world_run(w, MS(200));
    }
    /* One each five seconds, of which nothing is heard either. */
    assert_in_range(s->fetches - fetches, 2, 6);
}

static void one_path_that_fails_is_not_the_origin(void **state)
{
    struct site *bad = site_at(w, "/bad", 1000), *s = site_at(w, "*", 1000);

    (void)state;
    bad->cut_at = 0;
    for (int i = 0; i < 20; i++) {
        check_failed(asked(0, "/bad"), 502);
        check_result(asked(0, path_owned(w, 0, "0")), RESULT_MISS);
    }
    assert_int_equal(bad->fetches, 20);
    assert_int_equal(s->fetches, 20);
    assert_int_equal(count(w, 0)->origin_spared, 0);
}

/* What is cut in mid-body, or is an answer of whatever kind, says that somebody is there. */
static void an_answer_is_an_answer(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    s->status = 503;
    for (int i = 0; i < 10; i++)
        assert_int_equal(asked(0, path_owned(w, 0, "0"))->status, 503);
    s->status = 200;
    s->piece = 100;
    s->cut_at = 500;
    for (int i = 0; i < 10; i++)
        check_failed(asked(0, path_owned(w, 0, "0")), 0);
    assert_int_equal(count(w, 0)->origin_spared, 0);
    assert_int_equal(s->fetches, 20);
}

static void methods_are_spared_too(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    s->cut_at = 0;
    s->cut_err = MESH_E_REFUSED;
    fail_five();
    struct viewer *v = by("POST", 0, "/p0");
    check_failed(v, 502);
    assert_int_equal(s->fetches, 5);
}

/* ---- an origin that has enough to do ---- */

static void rob_R4_feat_A12_beyond_the_budget_wait_a_few_for_a_while(void **state)
{
    struct site *s = site_at(w, "*", 1000);
    struct viewer *v[12];

    (void)state;
    anew(3, 0);
    s->head_after = MS(1500);
    for (int i = 0; i < 12; i++)
        v[i] = ask(w, 0, path_owned(w, 0, "0"));
    assert_int_equal(s->open, 3);
    for (int i = 6; i < 12; i++)
        check_failed(v[i], 503); /* at once: three wait already */
    world_run(w, MS(1600));
    assert_int_equal(s->open, 3); /* those who waited */
    world_run(w, SEC(3));
    for (int i = 0; i < 6; i++)
        check_whole(v[i]);
    assert_int_equal(count(w, 0)->origin_waited, 3);
    assert_int_equal(count(w, 0)->origin_turned_away, 6);

    s->head_after = SEC(5);
    for (int i = 0; i < 6; i++)
        v[i] = ask(w, 0, path_owned(w, 0, "0"));
    world_run(w, MS(1900));
    for (int i = 3; i < 6; i++)
        assert_false(v[i]->ended);
    world_run(w, MS(200)); /* two seconds are enough */
    for (int i = 3; i < 6; i++)
        check_failed(v[i], 503);
    assert_int_equal(v[3]->r.error_cause, FETCH_CAUSE_FULL);
    world_run(w, SEC(5));
    for (int i = 0; i < 3; i++)
        check_whole(v[i]);
    assert_int_equal(count(w, 0)->origin_fetches, s->fetches);
}

static void a_place_in_the_line_is_given_up_by_who_leaves(void **state)
{
    struct site *s = site_at(w, "*", 1000);
    struct viewer *v[4];

    (void)state;
    anew(1, 0);
    s->head_after = MS(1000);
    v[0] = ask(w, 0, path_owned(w, 0, "0"));
    v[1] = by("POST", 0, "/p0");
    viewer_end(v[1]);
    v[2] = by("POST", 0, "/p0");
    v[3] = by("POST", 0, "/p0");
    check_failed(v[3], 503);
    world_run(w, SEC(3));
    check_whole(v[0]);
    check_whole(v[2]);
    assert_int_equal(s->fetches, 2);
}

static void what_one_request_alone_gets_counts_too(void **state)
{
    struct site *s = site_at(w, "/mine", 1000);
    struct viewer *v[4];
    unsigned most = 0;

    (void)state;
    anew(2, 0);
    s->lines = "Cache-Control: private\n";
    check_result(asked(0, "/mine"), RESULT_MISS);
    s->head_after = MS(100);
    for (int i = 0; i < 4; i++)
        v[i] = ask(w, 0, "/mine");
    for (int i = 0; i < 30; i++) {
        world_run(w, MS(10));
        most = s->open > most ? s->open : most;
    }
    for (int i = 0; i < 4; i++)
        check_whole(v[i]);
    assert_int_equal(most, 2);
}

/* An owner whose line is full says so, and the next owner is asked. */
static void a_full_owner_sends_to_the_next(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    node_stop(w, 1, false);
    w->nodes[1].cfg.origin_fetches = 1;
    node_start(w, 1, true);
    world_run(w, SEC(1));
    s->head_after = MS(500);
    const char *paths[3];
    for (int i = 0; i < 3; i++)
        paths[i] = path_owned(w, 0, "12");
    ask(w, 0, paths[0]);
    ask(w, 0, paths[1]);
    struct viewer *v = ask(w, 0, paths[2]);
    world_run(w, SEC(3));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n2");
    assert_int_equal(count(w, 1)->origin_turned_away, 1);
    assert_int_equal(s->fetches, 3);
    assert_int_equal(count(w, 0)->origin_fetches, 0);
}

/* ---- how long askers have ---- */

/* The asker has two seconds, the owner does not know of any haste but from the ask. */
static void an_owner_that_cannot_make_it_says_so_in_time(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    node_stop(w, 0, false);
    w->nodes[0].cfg.timers.fetch = SEC(2);
    node_start(w, 0, true);
    node_stop(w, 1, false);
    w->nodes[1].cfg.origin_fetches = 1;
    w->nodes[1].cfg.timers.origin_wait = SEC(30);
    node_start(w, 1, true);
    world_run(w, SEC(1));
    s->head_after = SEC(30);
    const char *hard = path_owned(w, 0, "12"), *path = path_owned(w, 0, "12");
    ask(w, 1, hard); /* n1 has all that it may have */
    world_run(w, MS(10));
    s->head_after = MS(20);
    mesh_ns began = w->now;
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(3));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n2");
    assert_in_range(v->first_at - began, MS(1800), MS(2000));
    world_run(w, SEC(60));
    assert_int_equal(s->fetches, 2); /* n1's turn came when nobody waited for that any more */
}

static void an_origin_too_slow_for_the_asker_is_told_so_in_time(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    node_stop(w, 0, false);
    w->nodes[0].cfg.timers.fetch = SEC(4);
    node_start(w, 0, true);
    world_run(w, SEC(1));
    s->head_after = SEC(10);
    mesh_ns began = w->now;
    struct viewer *v = ask(w, 0, path_owned(w, 0, "12"));
    world_run(w, SEC(5));
    check_failed(v, 504);
    assert_in_range(v->end_at - began, MS(3700), MS(3900));
    world_run(w, SEC(10));
    assert_int_equal(s->fetches, 1); /* and what came is kept for the next */
}

/* ---- after the viewer left ---- */

static struct viewer *reader_of(struct site *s, uint64_t until)
{
    struct viewer *v = ask(w, 0, s->path);

    while (v->got < until)
        world_run(w, MS(1));
    viewer_end(v);
    return v;
}

static void feat_R35_at_80_per_cent_it_is_finished(void **state)
{
    struct site *s = site_at(w, "/a", 100 * MIB);

    (void)state;
    anew(0, UINT64_C(4) << 30);
    s->every = MS(1);
    reader_of(s, 80 * MIB);
    world_run(w, SEC(1));
    assert_int_equal(s->sent, 100 * MIB);
    check_result(asked(0, "/a"), RESULT_HIT);
    assert_int_equal(s->fetches, 1);
}

static void feat_R35_at_1_per_cent_of_a_gibibyte_it_is_stopped(void **state)
{
    struct site *s = site_at(w, "/a", 1024 * MIB);

    (void)state;
    anew(0, UINT64_C(64) << 30); /* it would be kept */
    s->every = MS(1);
    reader_of(s, 11 * MIB);
    world_run(w, MS(10));
    assert_int_equal(s->open, 0);
    assert_true(s->sent < 20 * MIB);
}

static void feat_R35_what_is_little_is_finished_whatever_has_come(void **state)
{
    struct site *s = site_at(w, "/a", 8 * MIB), *unknown = site_at(w, "/b", 6 * MIB),
                *endless = site_at(w, "/c", 90 * MIB);

    (void)state;
    anew(0, UINT64_C(4) << 30);
    s->every = unknown->every = endless->every = MS(1);
    unknown->chunked = endless->chunked = true;
    reader_of(s, 1);
    reader_of(unknown, 1);
    reader_of(endless, 1);
    world_run(w, SEC(1));
    check_result(asked(0, "/a"), RESULT_HIT);
    check_result(asked(0, "/b"), RESULT_HIT);
    assert_in_range(endless->sent, 8 * MIB, 10 * MIB); /* nobody knows how much there is */
    assert_int_equal(endless->open, 0);
}

/* Another one reads on: nothing is stopped; and through an owner it is the same. */
static void feat_R35_the_last_reader_decides(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 60 * MIB);

    (void)state;
    for (int i = 0; i < 2; i++) {
        node_stop(w, i, false);
        w->nodes[i].cfg.memory_limit = UINT64_C(4) << 30;
        node_start(w, i, true);
    }
    world_run(w, SEC(1));
    s->every = MS(10);
    struct viewer *v = ask(w, 0, path);
    reader_of(s, 2 * MIB);
    world_run(w, MS(100));
    assert_int_equal(s->open, 1);
    viewer_end(v);
    world_run(w, MS(100));
    assert_int_equal(s->open, 0);
    assert_true(s->sent < 30 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(rob_OR1_a_dead_origin_is_asked_a_few_times),
        ONE(rob_OR1_a_burst_of_failures_is_not_a_dead_origin),
        ONE(rob_OR1_what_is_stale_stands_in_at_once),
        ONE(rob_OR2_a_silent_origin_holds_nobody_who_comes_later),
        ONE(one_path_that_fails_is_not_the_origin),
        ONE(an_answer_is_an_answer),
        ONE(methods_are_spared_too),
        ONE(rob_R4_feat_A12_beyond_the_budget_wait_a_few_for_a_while),
        ONE(a_place_in_the_line_is_given_up_by_who_leaves),
        ONE(what_one_request_alone_gets_counts_too),
        THREE(a_full_owner_sends_to_the_next),
        THREE(an_owner_that_cannot_make_it_says_so_in_time),
        THREE(an_origin_too_slow_for_the_asker_is_told_so_in_time),
        ONE(feat_R35_at_80_per_cent_it_is_finished),
        ONE(feat_R35_at_1_per_cent_of_a_gibibyte_it_is_stopped),
        ONE(feat_R35_what_is_little_is_finished_whatever_has_come),
        THREE(feat_R35_the_last_reader_decides),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
