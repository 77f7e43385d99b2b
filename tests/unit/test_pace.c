/* test_pace.c - what is usual for a peer: learnt from what it does, in constant room, and not from one answer alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/pace.h"
#include "proto/base/rand.h"

static void before_there_is_any_answer_the_round_trip_tells(void **state)
{
    struct pace p = { 0 };

    (void)state;
    assert_int_equal(pace_p95(&p, 0), MS(50));
    assert_int_equal(pace_p95(&p, MS(40)), MS(55));
    assert_int_equal(pace_p95(&p, SEC(5)), PACE_MOST);
    assert_true(sizeof(p) <= 8);
}

/* Which part of |n| answers, evenly from |least| to |most|, comes within what is usual by then. */
static unsigned within(struct pace *p, struct rand *r, unsigned n, mesh_ns least, mesh_ns most)
{
    unsigned early = 0;

    for (unsigned i = 0; i < n; i++) {
        mesh_ns took = least + (mesh_ns)rand_below(r, (uint64_t)(most - least));
        early += took <= pace_p95(p, MS(10));
        pace_took(p, MS(10), took);
    }
    return early;
}

static void nineteen_of_twenty_are_usual(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rand r = rand_of(seed, 1, 1);
        struct pace p = { 0 };
        within(&p, &r, 500, MS(10), MS(30)); /* from a guess of 17 ms */
        assert_in_range(within(&p, &r, 10000, MS(10), MS(30)), 9300, 9700);
        assert_in_range(pace_p95(&p, 0), MS(25), MS(33));
    }
}

static void a_peer_that_has_changed_is_known_to_have_so_before_long(void **state)
{
    struct rand r = rand_of(2, 1, 1);
    struct pace p = { 0 };

    (void)state;
    within(&p, &r, 1000, MS(10), MS(11));
    for (int i = 0; i < 5; i++) /* a bad moment is not how it is */
        pace_took(&p, 0, MS(300));
    assert_in_range(pace_p95(&p, 0), MS(11), MS(16));
    within(&p, &r, 60, MS(300), MS(301));
    assert_in_range(pace_p95(&p, 0), MS(280), MS(330));
    within(&p, &r, 1500, MS(10), MS(11));
    assert_in_range(pace_p95(&p, 0), MS(10), MS(12));
}

static void it_has_bounds(void **state)
{
    struct pace p = { 0 };

    (void)state;
    for (int i = 0; i < 5000; i++)
        pace_took(&p, 0, 0);
    assert_int_equal(pace_p95(&p, 0), PACE_LEAST);
    for (int i = 0; i < 5000; i++)
        pace_took(&p, 0, MESH_NS_NEVER);
    assert_int_equal(pace_p95(&p, 0), PACE_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_there_is_any_answer_the_round_trip_tells),
        cmocka_unit_test(nineteen_of_twenty_are_usual),
        cmocka_unit_test(a_peer_that_has_changed_is_known_to_have_so_before_long),
        cmocka_unit_test(it_has_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
