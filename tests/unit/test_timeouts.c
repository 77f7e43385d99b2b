/* test_timeouts.c - deadlines fire in time, once, in order, and not when moved or dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/io/timeouts.h"

static struct timeout t[3];
static int fired[16];
static size_t fired_n;

static void note(struct timeout *which)
{
    assert_false(timeout_waits(which));
    fired[fired_n++] = (int)(which - t);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        timeout_init(&t[i]);
    fired_n = 0;
    return 0;
}

static void fires_in_time_and_once(void **state)
{
    struct timeouts q;

    (void)state;
    timeouts_init(&q, MS(10), note);
    assert_int_equal(timeouts_deadline(&q), MESH_NS_NEVER);
    timeout_set(&q, &t[1], MS(1));
    timeout_set(&q, &t[0], MS(2));
    assert_int_equal(timeouts_deadline(&q), MS(11));
    timeouts_run(&q, MS(11) - 1);
    assert_int_equal(fired_n, 0);
    timeouts_run(&q, MS(11));
    assert_int_equal(fired_n, 1);
    assert_int_equal(fired[0], 1);
    assert_int_equal(timeouts_deadline(&q), MS(12));
    timeouts_run(&q, SEC(1));
    assert_int_equal(fired_n, 2);
    assert_int_equal(fired[1], 0);
    timeouts_run(&q, SEC(2));
    assert_int_equal(fired_n, 2);
}

static void moving_and_dropping(void **state)
{
    struct timeouts q, other;

    (void)state;
    timeouts_init(&q, MS(10), note);
    timeouts_init(&other, MS(5), note);
    for (size_t i = 0; i < 3; i++)
        timeout_set(&q, &t[i], MS(i));
    timeout_set(&q, &t[0], MS(3));     /* behind the others now */
    timeout_set(&other, &t[1], MS(3)); /* waits for something else instead */
    assert_int_equal(timeouts_deadline(&other), MS(8));
    timeout_clear(&t[2]);
    timeout_clear(&t[2]);
    timeouts_run(&q, MS(12));
    assert_int_equal(fired_n, 0);
    timeouts_run(&q, MS(13));
    assert_int_equal(fired_n, 1);
    assert_int_equal(fired[0], 0);
    assert_true(timeout_waits(&t[1]));
}

static struct timeouts chain;

/* Drops its neighbour and sets itself anew, as a connection's timer may. */
static void meddle(struct timeout *which)
{
    note(which);
    timeout_clear(&t[1]);
    if (fired_n < 3)
        timeout_set(&chain, which, SEC(1));
}

static void a_firing_timer_may_change_the_queue(void **state)
{
    (void)state;
    timeouts_init(&chain, MS(10), meddle);
    timeout_set(&chain, &t[0], 0);
    timeout_set(&chain, &t[1], 0);
    timeouts_run(&chain, SEC(1));
    assert_int_equal(fired_n, 1);
    assert_int_equal(timeouts_deadline(&chain), SEC(1) + MS(10));
    timeouts_run(&chain, SEC(2)); /* due again at once: twice, then it ends itself */
    assert_int_equal(fired_n, 3);
    assert_int_equal(timeouts_deadline(&chain), MESH_NS_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fires_in_time_and_once, set_up),
        cmocka_unit_test_setup(moving_and_dropping, set_up),
        cmocka_unit_test_setup(a_firing_timer_may_change_the_queue, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
