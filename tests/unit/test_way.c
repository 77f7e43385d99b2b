/* How long packets take in tests/distance: as said, streams in order, the same from the same seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/distance/way.h"

#define PACKETS 1000

/* Three devices: 0 beside everybody, 1 and 2 at places of their own. */
static struct ways *ways(uint64_t seed, mesh_ns jitter)
{
    static struct ways w;

    memset(&w, 0, sizeof(w));
    w.seed = seed;
    w.place[1] = 1;
    w.place[2] = 2;
    w.delay[1][2] = w.delay[2][1] = MS(10);
    w.jitter[1][2] = w.jitter[2][1] = jitter;
    return &w;
}

static void a_way_takes_as_long_as_was_said(void **state)
{
    struct ways *w = ways(1, 0);

    (void)state;
    assert_int_equal(way_arrival(w, 1, 2, 1, SEC(1)), SEC(1) + MS(10));
    assert_int_equal(way_arrival(w, 2, 1, 0, SEC(1)), SEC(1) + MS(10));
    assert_int_equal(way_arrival(w, 0, 2, 1, SEC(1)), SEC(1));
    assert_int_equal(way_arrival(w, 2, 0, 0, SEC(1)), SEC(1));
}

static void jitter_is_drawn_and_streams_stay_in_order(void **state)
{
    struct ways *w = ways(7, MS(5));
    mesh_ns before = 0, least = SEC(1), most = 0;
    unsigned overtaken = 0;

    (void)state;
    for (int i = 0; i < PACKETS; i++) {
        mesh_ns at = way_arrival(w, 1, 2, 1, US(100) * i);
        assert_in_range(at - US(100) * i, MS(10), MS(15));
        assert_true(at >= before);
        before = at;
    }
    w = ways(7, MS(5));
    before = 0;
    for (int i = 0; i < PACKETS; i++) {
        mesh_ns at = way_arrival(w, 1, 2, 0, US(100) * i), took = at - US(100) * i;
        least = took < least ? took : least;
        most = took > most ? took : most;
        overtaken += at < before;
        before = at;
    }
    assert_in_range(least, MS(10), MS(10) + US(100));
    assert_in_range(most, MS(15) - US(100), MS(15));
    assert_true(overtaken > PACKETS / 4);
}

static void the_seed_decides(void **state)
{
    mesh_ns first[PACKETS];
    bool same = true;

    (void)state;
    struct ways *w = ways(3, MS(5));
    for (int i = 0; i < PACKETS; i++)
        first[i] = way_arrival(w, 1, 2, 0, 0);
    w = ways(3, MS(5));
    for (int i = 0; i < PACKETS; i++)
        assert_int_equal(way_arrival(w, 1, 2, 0, 0), first[i]);
    w = ways(4, MS(5));
    for (int i = 0; i < PACKETS; i++)
        same = same && way_arrival(w, 1, 2, 0, 0) == first[i];
    assert_false(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_way_takes_as_long_as_was_said),
        cmocka_unit_test(jitter_is_drawn_and_streams_stay_in_order),
        cmocka_unit_test(the_seed_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
