/* Networks of viewers and their times to edges, and which one is near. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/steer/prefix.h"
#include "sim/routing/network_model.h"
#include "sim/routing/places.h"

static struct scenario settings(void)
{
    struct scenario sc;

    scenario_init(&sc, &words_of_routing);
    return sc;
}

static void near_is_within_5_ms_or_a_tenth(void **state)
{
    (void)state;
    assert_true(network_near(15000, 10000));
    assert_false(network_near(15001, 10000));
    assert_true(network_near(220000, 200000));
    assert_false(network_near(220001, 200000));
}

static void a_coarse_network_is_mostly_in_one_region(void **state)
{
    struct scenario sc = settings();
    unsigned same = 0;
    struct network first = { 0 }, n;

    (void)state;
    for (uint32_t i = 0; i < 1600; i++) {
        network_draw(&n, &sc, i);
        if (i % 16 == 0)
            first = n;
        same += n.region == first.region;
    }
    assert_in_range(same, 1300, 1580);
    sc.coarse_same = 0;
    same = 0;
    for (uint32_t i = 0; i < 1600; i++) {
        network_draw(&n, &sc, i);
        if (i % 16 == 0)
            first = n;
        same += n.region == first.region;
    }
    assert_in_range(same, 100, 300); /* the first ones themselves, and one of 26 */
    scenario_fini(&sc);
}

static void a_round_trip_is_the_matrix_a_detour_and_both_accesses(void **state)
{
    struct scenario sc = settings();
    struct site edge = { .region = 3, .access_us = 400 };
    struct network n;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        network_draw(&n, &sc, i);
        uint32_t us = (uint32_t)(2 * link_region_delay(n.region, 3) / 1000), more = n.access_us + 400;
        assert_in_range(network_rtt_us(&n, &sc, &edge), us + us / 10 + more, us + us / 2 + more);
    }
    scenario_fini(&sc);
}

static void viewers_of_a_network_share_its_prefix_with_what_is_asked_by(void **state)
{
    struct scenario sc = settings();
    struct network n;
    unsigned v6 = 0, bits;

    (void)state;
    for (uint32_t i = 0; i < 400; i++) {
        struct steer_prefix a, b;
        network_draw(&n, &sc, i);
        v6 += !n.v4;
        struct mesh_addr viewer = network_viewer(&n, &sc, i), asks = network_asks(&n, &sc, &bits);
        assert_true(steer_prefix_of(&a, &viewer, 0) && steer_prefix_of(&b, &asks, 0));
        assert_true(steer_prefix_eq(&a, &b));
        assert_int_equal(bits, n.v4 ? 24 : 48);
    }
    assert_in_range(v6, 1, 200);
    scenario_fini(&sc);
}

static void who_moves_is_elsewhere_and_no_file_of_places_notices(void **state)
{
    struct scenario sc = settings();
    struct network n, was;

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        network_draw(&n, &sc, i);
        was = n;
        network_move(&n, &sc);
        assert_int_not_equal(n.region, was.region);
        assert_int_equal(n.told, was.told);
    }
    scenario_fini(&sc);
}

static void places_are_as_far_apart_as_on_the_globe(void **state)
{
    (void)state;
    /* Ireland and London, Frankfurt and Sydney, Tokyo and California or Ireland */
    assert_true(places_apart(8, 9) < places_apart(12, 24));
    assert_true(places_apart(22, 3) < places_apart(22, 8));
    assert_int_equal(places_apart(5, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_is_within_5_ms_or_a_tenth),
        cmocka_unit_test(a_coarse_network_is_mostly_in_one_region),
        cmocka_unit_test(a_round_trip_is_the_matrix_a_detour_and_both_accesses),
        cmocka_unit_test(viewers_of_a_network_share_its_prefix_with_what_is_asked_by),
        cmocka_unit_test(who_moves_is_elsewhere_and_no_file_of_places_notices),
        cmocka_unit_test(places_are_as_far_apart_as_on_the_globe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
