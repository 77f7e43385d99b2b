/* test_engine_spread.c - no owner answers far more than others do. */
#include "engine_four.h"

#define KEYS 60

static char paths[KEYS][16];

static int begin_hot(void **state)
{
    begin(state);
    site_at(w, "*", 1000);
    for (unsigned n = 0, serial = 0; n < KEYS; serial++) {
        snprintf(paths[n], sizeof(paths[n]), "/key%u", serial);
        n += owned(w, 0, paths[n], "12");
    }
    return 0;
}

static int end_honest(void **state)
{
    check_honest(w);
    return end(state);
}

static void asked(int n, const char *path)
{
    struct viewer *v = ask(w, n, path);

    world_run(w, MS(50));
    check_whole(v);
}

/* Each of the three others asks for the first |n|, which n1 owns. */
static void all_want(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        asked(0, paths[i]);
        asked(2, paths[i]);
        asked(3, paths[i]);
    }
}

/* What |n| has answered, viewers and peers. */
static uint64_t answers(int n)
{
    return count(w, n)->requests + count(w, n)->asks_in - count(w, n)->asks_spread;
}

/* One node owns all that three others want. */
static void feat_M16_a_busy_owner_leaves_asks_to_who_has_it(void **state)
{
    (void)state;
    all_want(KEYS);
    uint64_t all = answers(0) + answers(1) + answers(2) + answers(3);
    assert_int_equal(SUM(origin_fetches), KEYS);
    assert_true(count(w, 1)->asks_spread > KEYS / 3);
    assert_true(answers(1) * NODES <= all * 3 / 2); /* it would be twice the mean */
    assert_int_equal(count(w, 0)->asks_spread + count(w, 2)->asks_spread + count(w, 3)->asks_spread, 0);
    assert_int_equal(SUM(asks_not_owner), 0);
}

/* Little to do is no reason to send anybody away, however unevenly it lies. */
static void an_idle_owner_answers_itself(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEYS; i++) {
        for (int n = 0; n < 4; n += n == 0 ? 2 : 1)
            asked(n, paths[i]);
        world_run(w, SEC(3));
    }
    assert_int_equal(SUM(asks_spread), 0);
}

/* As it comes, an owner sends nobody away for a few asks a second, be it all of them. */
static void a_few_a_second_are_never_too_many(void **state)
{
    (void)state;
    node_stop(w, 1, true);
    w->nodes[1].cfg.spread_floor = 0;
    node_start(w, 1, true);
    world_run(w, SEC(1));
    all_want(KEYS);
    assert_int_equal(SUM(asks_spread), 0);
}

/* Who is said to have it may have lost it: the owner is asked again, and answers. */
static void a_hint_that_fails_costs_an_ask(void **state)
{
    (void)state;
    all_want(KEYS - 1);
    asked(0, paths[KEYS - 1]);
    uint64_t spread = count(w, 1)->asks_spread, in = count(w, 1)->asks_in - SUM(copies);
    node_stop(w, 0, true);
    node_start(w, 0, true);
    struct viewer *v = ask(w, 3, paths[KEYS - 1]);
    world_run(w, MS(200));
    check_result(v, RESULT_PEER);
    assert_string_equal(v->answer.peer_name, "n1");
    assert_int_equal(count(w, 1)->asks_spread, spread + 1);
    assert_int_equal(count(w, 1)->asks_in - SUM(copies), in + 2);
    assert_int_equal(count(w, 0)->asks_in, 1);
    assert_int_equal(count(w, 1)->origin_fetches, KEYS);
    assert_int_equal(count(w, 3)->origin_fetches, 0);
}

/* ... and who has just died is not waited for longer than any dead node. */
static void a_hint_at_a_dead_node(void **state)
{
    (void)state;
    all_want(KEYS - 1);
    asked(0, paths[KEYS - 1]);
    node_freeze(w, 0);
    struct viewer *v = ask(w, 3, paths[KEYS - 1]);
    world_run(w, SEC(2));
    check_result(v, RESULT_PEER);
    assert_string_equal(v->answer.peer_name, "n1");
    assert_int_equal(count(w, 1)->origin_fetches, KEYS);
    node_thaw(w, 0);
}

#define HOT(f) cmocka_unit_test_setup_teardown(f, begin_hot, end_honest)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOT(feat_M16_a_busy_owner_leaves_asks_to_who_has_it),
        HOT(an_idle_owner_answers_itself),
        HOT(a_few_a_second_are_never_too_many),
        HOT(a_hint_that_fails_costs_an_ask),
        HOT(a_hint_at_a_dead_node),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
