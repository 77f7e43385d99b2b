/* test_health.c - what a node thinks of itself and of its links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossip/health.h"
#include "proto/base/rand.h"

/* As if |lost| of |of| pings had failed, for long. */
static struct health measured(unsigned lost, unsigned of)
{
    struct health h;

    health_init(&h);
    for (unsigned i = 0; i < 2000; i++)
        health_ping(&h, i * lost / of != (i + 1) * lost / of);
    return h;
}

static void more_loss_takes_more_evidence(void **state)
{
    struct health none = measured(0, 1), ten = measured(19, 100), quarter = measured(7, 16), all = measured(1, 1);
    (void)state;

    assert_int_equal(health_vain(&none), 7);
    assert_in_range(health_vain(&ten), 13, 15);     /* 10 % each way */
    assert_in_range(health_vain(&quarter), 25, 29); /* 25 % each way */
    assert_int_equal(health_vain(&all), HEALTH_VAIN_MAX);
    for (unsigned lost = 1, before = 7; lost <= 100; lost++) {
        struct health h = measured(lost, 100);
        assert_true(health_vain(&h) >= before);
        before = health_vain(&h);
    }
}

/* The promise: so many pings in a row fail for a living member less than once in 10^8 times. */
static void the_living_are_not_that_unlucky(void **state)
{
    (void)state;
    for (unsigned lost = 1; lost <= 50; lost++) {
        struct health h = measured(lost, 100);
        double chance = 1;
        for (unsigned i = 0; i < health_vain(&h); i++)
            chance *= lost / 100.0;
        assert_true(chance < 1e-8);
    }
}

static void who_has_measured_nothing_is_careful(void **state)
{
    struct health fresh, none = measured(0, 1);
    (void)state;

    health_init(&fresh);
    assert_true(health_vain(&fresh) > 2 * health_vain(&none));
    for (int i = 0; i < 400; i++) /* four minutes */
        health_ping(&fresh, false);
    assert_int_equal(health_vain(&fresh), health_vain(&none));
}

/* A measure of the last minute or so: it follows when the loss comes, and when it goes. */
static void the_measure_follows(void **state)
{
    struct health h = measured(0, 1);
    struct rand r = rand_of(1, 2, 3);
    (void)state;

    for (int i = 0; i < 150; i++)
        health_ping(&h, rand_below(&r, 16) < 7);
    assert_in_range(health_vain(&h), 18, HEALTH_VAIN_MAX);
    for (int i = 0; i < 250; i++)
        health_ping(&h, false);
    assert_in_range(health_vain(&h), 7, 8);
}

static void ill_health_lengthens_what_we_wait(void **state)
{
    struct health h;
    (void)state;

    health_init(&h);
    assert_int_equal(health_span(&h, MS(300)), MS(300));
    health_worse(&h);
    assert_int_equal(health_span(&h, MS(300)), MS(600));
    for (int i = 0; i < 10; i++)
        health_worse(&h);
    assert_int_equal(h.score, HEALTH_WORST);
    assert_int_equal(health_span(&h, MS(300)), MS(1500));
    for (int i = 0; i < 10; i++)
        health_answer(&h);
    assert_int_equal(health_span(&h, MS(300)), MS(300));
}

/* That one is silent says nothing of us while those we asked speak; if they are silent too, it does. */
static void silence_of_all_is_our_own_fault(void **state)
{
    struct health h;
    (void)state;

    health_init(&h);
    health_silence(&h, 3, 3);
    health_silence(&h, 3, 2);
    health_silence(&h, 0, 0); /* nobody to ask */
    assert_int_equal(h.score, 0);
    health_silence(&h, 3, 1);
    assert_int_equal(h.score, 1);
    health_silence(&h, 1, 0);
    assert_int_equal(h.score, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_loss_takes_more_evidence),       cmocka_unit_test(the_living_are_not_that_unlucky),
        cmocka_unit_test(who_has_measured_nothing_is_careful), cmocka_unit_test(the_measure_follows),
        cmocka_unit_test(ill_health_lengthens_what_we_wait),   cmocka_unit_test(silence_of_all_is_our_own_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
