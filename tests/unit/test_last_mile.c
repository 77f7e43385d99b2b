/* The stretch between a node and its viewer, against slow start as RFC 5681 and RFC 6928 have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/net/last_mile.h"

#define FIRST LAST_MILE_FIRST

/* How long |bytes| take that are handed over at once. */
static mesh_ns at_once(uint64_t bytes)
{
    struct last_mile m = { .delay = MS(10) };

    last_mile_send(&m, SEC(1), bytes);
    return last_mile_end(&m, SEC(1)) - SEC(1);
}

static void each_round_trip_brings_twice_as_much(void **state)
{
    (void)state;
    assert_int_equal(at_once(0), MS(10));
    assert_int_equal(at_once(1), MS(10));
    assert_int_equal(at_once(FIRST), MS(10));
    assert_int_equal(at_once(FIRST + 1), MS(30));
    assert_int_equal(at_once(3 * FIRST), MS(30));
    assert_int_equal(at_once(3 * FIRST + 1), MS(50));
    assert_int_equal(at_once(7 * FIRST + 1), MS(70));
}

static void the_window_has_an_end(void **state)
{
    uint64_t doubling = 31 * FIRST; /* five flights; the next is no 32 times the first */

    (void)state;
    assert_int_equal(at_once(doubling), MS(90));
    assert_int_equal(at_once(doubling + LAST_MILE_WINDOW), MS(110));
    assert_int_equal(at_once(doubling + LAST_MILE_WINDOW + 1), MS(130));
    assert_int_equal(at_once(doubling + 100 * LAST_MILE_WINDOW), MS(90 + 100 * 20));
}

static void what_comes_slowly_waits_for_nothing(void **state)
{
    struct last_mile m = { .delay = MS(10) };
    mesh_ns now = 0;

    (void)state;
    for (int i = 0; i < 1000; i++, now += MS(20)) {
        last_mile_send(&m, now, FIRST / 2);
        assert_int_equal(m.waiting, 0);
    }
    assert_int_equal(last_mile_end(&m, now), now + MS(10));
}

/* A body that comes in while its beginning is under way: 2,000 bytes each millisecond. What is beyond the window leaves
 * with the acknowledgements. */
static void acknowledgements_let_more_go(void **state)
{
    struct last_mile m = { .delay = MS(10) };

    (void)state;
    for (int i = 0; i < 12; i++)
        last_mile_send(&m, MS(i), 2000);
    /* 14,480 left by 7 ms. The rest of 9,520 follows at 20 ms (4,000: twice what was acknowledged), 21 and 22 ms. */
    assert_int_equal(last_mile_end(&m, MS(11)), MS(22 + 10));
}

static void more_pieces_than_are_told_apart_are_no_sooner_there(void **state)
{
    struct last_mile m = { .delay = MS(10) };

    (void)state;
    for (int i = 0; i < 10 * LAST_MILE_BURSTS; i++)
        last_mile_send(&m, US(i), 1000);
    assert_in_range(last_mile_end(&m, US(10 * LAST_MILE_BURSTS)), at_once(10 * LAST_MILE_BURSTS * 1000),
                    at_once(10 * LAST_MILE_BURSTS * 1000) + MS(2));
    assert_int_equal(m.waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_round_trip_brings_twice_as_much),
        cmocka_unit_test(the_window_has_an_end),
        cmocka_unit_test(what_comes_slowly_waits_for_nothing),
        cmocka_unit_test(acknowledgements_let_more_go),
        cmocka_unit_test(more_pieces_than_are_told_apart_are_no_sooner_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
