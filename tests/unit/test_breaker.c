/* test_breaker.c - who fails again and again is left alone, for longer each time, and tried by one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/breaker.h"

static const struct breaker_rule rule = { .failures = 5, .first = SEC(1), .most = SEC(30), .trial = SEC(2) };

/* Fails until it opens, at |now|; returns how long it stays so. */
static mesh_ns trip(struct breaker *b, mesh_ns now, uint64_t random)
{
    for (unsigned i = 1; !breaker_bad(b, &rule, now, random); i++)
        assert_true(i < rule.failures);
    return b->until - now;
}

static void five_failures_in_a_row_open_it(void **state)
{
    struct breaker b = { 0 };

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            assert_false(breaker_bad(&b, &rule, SEC(1), 7));
        assert_true(breaker_lets(&b, &rule, SEC(1)));
        breaker_good(&b); /* and a success begins the row anew */
    }
    for (int i = 0; i < 4; i++)
        assert_false(breaker_bad(&b, &rule, SEC(1), 7));
    assert_true(breaker_bad(&b, &rule, SEC(1), 7));
    assert_false(breaker_closed(&b));
    assert_false(breaker_lets(&b, &rule, SEC(1)));
}

static const struct breaker_rule slow = {
    .failures = 5, .span = SEC(1), .first = SEC(1), .most = SEC(30), .trial = SEC(2)
};

static void a_burst_does_not_open_one_that_takes_a_while(void **state)
{
    struct breaker b = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_false(breaker_bad(&b, &slow, SEC(10), 7));
    assert_true(breaker_closed(&b) && breaker_lets(&b, &slow, SEC(10)));
    assert_false(breaker_bad(&b, &slow, SEC(11) - 1, 7));
    assert_true(breaker_bad(&b, &slow, SEC(11), 7)); /* it has failed all the while */
    assert_false(breaker_lets(&b, &slow, SEC(11)));

    breaker_good(&b);
    for (int i = 0; i < 4; i++)
        assert_false(breaker_bad(&b, &slow, SEC(20 + i), 7)); /* a while alone is not enough */
    breaker_good(&b);
    for (int i = 0; i < 1000; i++)
        assert_false(breaker_bad(&b, &slow, SEC(30), 7)); /* another row */
    assert_false(breaker_bad(&b, &slow, SEC(31) - 1, 7));
    assert_true(breaker_bad(&b, &slow, SEC(31), 7));
}

/* However soon that is: the row goes on. */
static void a_trial_that_fails_opens_it_again_at_once(void **state)
{
    struct breaker b = { 0 };
    mesh_ns now = SEC(10);

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_false(breaker_bad(&b, &slow, now, 0));
    now += slow.span;
    assert_true(breaker_bad(&b, &slow, now, 0));
    for (unsigned i = 2; i < 10; i++) {
        breaker_wake(&b, now);
        assert_true(breaker_lets(&b, &slow, now));
        assert_true(breaker_bad(&b, &slow, now, 0));
        assert_false(breaker_lets(&b, &slow, now));
        assert_int_equal(b.trips, i);
    }
}

static void one_alone_tries_it(void **state)
{
    struct breaker b = { 0 };
    mesh_ns now = SEC(10);

    (void)state;
    now += trip(&b, now, 0);
    assert_false(breaker_lets(&b, &rule, now - 1));
    assert_true(breaker_lets(&b, &rule, now));
    assert_false(breaker_lets(&b, &rule, now)); /* all others pass it over */
    assert_false(breaker_lets(&b, &rule, now + rule.trial - 1));
    assert_true(breaker_lets(&b, &rule, now + rule.trial)); /* nothing was heard of the first one */
    breaker_good(&b);
    assert_true(breaker_lets(&b, &rule, now) && breaker_lets(&b, &rule, now));
}

static void what_was_begun_before_does_not_count_twice(void **state)
{
    struct breaker b = { 0 };
    mesh_ns now = SEC(10), open = trip(&b, now, 3);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_false(breaker_bad(&b, &rule, now + MS(i), 3));
    assert_int_equal(b.until, now + open);
    assert_int_equal(b.trips, 1);
}

static void each_trial_that_fails_makes_it_twice_as_long(void **state)
{
    (void)state;
    for (uint64_t random = 0; random < 3 * (uint64_t)SEC(1); random += (uint64_t)MS(777)) {
        struct breaker b = { 0 };
        mesh_ns now = SEC(10), want = rule.first, open = trip(&b, now, random);
        for (int i = 0; i < 40; i++) {
            assert_in_range(open, want - want / 4, want + want / 4);
            now += open;
            assert_true(breaker_lets(&b, &rule, now));
            want = mesh_ns_min(2 * want, rule.most);
            assert_true(breaker_bad(&b, &rule, now, random));
            open = b.until - now;
        }
        breaker_good(&b);
        assert_in_range(trip(&b, now, random), rule.first * 3 / 4, rule.first * 5 / 4);
    }
}

static void those_who_tripped_together_do_not_come_back_together(void **state)
{
    struct breaker a = { 0 }, b = { 0 };

    (void)state;
    assert_true(trip(&a, SEC(1), 1) != trip(&b, SEC(1), UINT64_C(300000001)));
}

static void hope_makes_it_a_trial(void **state)
{
    struct breaker b = { 0 };

    (void)state;
    breaker_wake(&b, SEC(10)); /* nothing to wake */
    assert_true(breaker_closed(&b));
    trip(&b, SEC(10), 0);
    breaker_wake(&b, SEC(10) + MS(10));
    assert_true(breaker_lets(&b, &rule, SEC(10) + MS(10)));
    assert_false(breaker_lets(&b, &rule, SEC(10) + MS(10)));
    assert_true(breaker_bad(&b, &rule, SEC(10) + MS(20), 0)); /* for longer than the first time */
    assert_true(b.until - SEC(10) > rule.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_failures_in_a_row_open_it),
        cmocka_unit_test(a_burst_does_not_open_one_that_takes_a_while),
        cmocka_unit_test(a_trial_that_fails_opens_it_again_at_once),
        cmocka_unit_test(one_alone_tries_it),
        cmocka_unit_test(what_was_begun_before_does_not_count_twice),
        cmocka_unit_test(each_trial_that_fails_makes_it_twice_as_long),
        cmocka_unit_test(those_who_tripped_together_do_not_come_back_together),
        cmocka_unit_test(hope_makes_it_a_trial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
