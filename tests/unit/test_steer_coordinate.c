/* test_steer_coordinate.c - nodes that never spoke know how far apart they are; roots and distances on the globe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/steer/coordinate.h"
#include "node/steer/globe.h"
#include "node/steer/integer.h"
#include "proto/base/rand.h"
#include "sim/net/link_model.h"

#define POINTS_MAX 26

static struct coordinate at[POINTS_MAX];
static mesh_ns rtt[POINTS_MAX][POINTS_MAX];
static uint64_t errors[POINTS_MAX * POINTS_MAX];

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Each samples each |rounds| times. The median error of what is told then, in thousandths. */
static uint64_t median_error(size_t n, int rounds, uint64_t seed)
{
    struct rand r = rand_of(seed, 1, 1);
    size_t k = 0;

    memset(at, 0, sizeof(at));
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                if (i != j)
                    coordinate_sample(&at[i], &at[j], rtt[i][j] + (mesh_ns)rand_below(&r, MS(1)), rand_u64(&r));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            errors[k++] = (uint64_t)(llabs(coordinate_between(&at[i], &at[j]) - rtt[i][j]) * 1000 / rtt[i][j]);
    qsort(errors, k, sizeof(errors[0]), by_size);
    return errors[k / 2];
}

static void twenty_points_of_a_plane_find_their_places(void **state)
{
    struct rand r = rand_of(1, 2, 3);
    int64_t x[20], y[20];
    (void)state;

    for (size_t i = 0; i < 20; i++) {
        x[i] = (int64_t)rand_below(&r, 100000);
        y[i] = (int64_t)rand_below(&r, 100000);
        for (size_t j = 0; j < i; j++) {
            int64_t dx = x[i] - x[j], dy = y[i] - y[j];
            rtt[i][j] = rtt[j][i] = US(2000 + integer_sqrt((uint64_t)(dx * dx + dy * dy)));
        }
    }
    for (uint64_t seed = 1; seed <= 3; seed++)
        assert_in_range(median_error(20, 40, seed), 0, 60);
}

/* Measured times between regions break the triangle inequality here and there; most are told well all the same. */
static void twenty_six_regions_are_told_with_a_median_error_below_15_percent(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LINK_REGIONS; i++)
        for (unsigned j = 0; j < LINK_REGIONS; j++)
            rtt[i][j] = 2 * link_region_delay(i, j);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        assert_in_range(median_error(LINK_REGIONS, 15, seed), 0, 150);
        for (size_t i = 0; i < LINK_REGIONS; i++)
            assert_in_range(at[i].error_permille, 1, 300);
    }
}

static void nobody_goes_by_who_knows_nothing_yet(void **state)
{
    struct coordinate a = { .at = { 1000 } }, b = { .at = { 5000 }, .error_permille = 100 };
    (void)state;

    assert_int_equal(coordinate_between(&a, &b), 0);
    assert_int_equal(coordinate_between(&b, &a), 0);
    a.error_permille = 1;
    a.height = 3000;
    b.height = 2000;
    assert_int_equal(coordinate_between(&a, &b), US(9000));
}

static void two_at_one_point_part(void **state)
{
    struct coordinate a = { .height = 0 }, b = { .height = 0 };
    (void)state;

    for (uint64_t i = 0; i < 200; i++) {
        coordinate_sample(&a, &b, MS(50), i);
        coordinate_sample(&b, &a, MS(50), i + 1000);
    }
    assert_in_range(coordinate_between(&a, &b), MS(48), MS(52));
}

static void a_sample_out_of_bounds_changes_nothing(void **state)
{
    struct coordinate a = { .at = { 1, 2, 3, 4 }, .height = 5, .error_permille = 6 }, before = a, b = { .height = 9 };
    (void)state;

    coordinate_sample(&a, &b, 0, 1);
    coordinate_sample(&a, &b, -MS(5), 1);
    coordinate_sample(&a, &b, SEC(10) + MS(1), 1);
    coordinate_sample(&a, &b, INT64_MAX, 1);
    assert_memory_equal(&a, &before, sizeof(a));
}

/* What a peer says of itself may be anything. */
static void rob_no_coordinate_leads_out_of_bounds(void **state)
{
    struct rand r = rand_of(5, 5, 5);
    (void)state;

    for (int i = 0; i < 20000; i++) {
        struct coordinate a, b;
        uint64_t raw[8];
        for (size_t k = 0; k < 8; k++)
            raw[k] = rand_below(&r, 4) == 0 ? UINT64_C(0x7fffffff80000000) : rand_u64(&r);
        memcpy(&a, raw, sizeof(a));
        memcpy(&b, (uint8_t *)raw + 24, sizeof(b));
        assert_true(coordinate_between(&a, &b) >= 0 && coordinate_between(&a, &b) <= SEC(120));
        coordinate_sample(&a, &b, 1 + (mesh_ns)rand_below(&r, SEC(10)), rand_u64(&r));
        for (int k = 0; k < COORDINATE_DIMENSIONS; k++)
            assert_true(llabs(a.at[k]) <= COORDINATE_REACH_US);
        assert_in_range(a.height, 0, COORDINATE_REACH_US);
        assert_in_range(a.error_permille, 0, COORDINATE_ERROR_MAX);
    }
}

static void a_root_is_right_to_a_ten_thousandth(void **state)
{
    struct rand r = rand_of(6, 6, 6);
    (void)state;

    assert_int_equal(integer_sqrt(0), 0);
    for (int i = 0; i < 100000; i++) {
        uint64_t root = rand_u64(&r) >> (33 + rand_below(&r, 31)), off = root / 10000 + 1;
        assert_true(llabs((int64_t)integer_sqrt(root * root) - (int64_t)root) <= (int64_t)off);
    }
    assert_true(integer_sqrt(UINT64_MAX) > 4294500000u);
}

/* By the haversine formula in floating point, a radius of 6,371 km. */
static void distances_on_the_globe_are_right_to_a_hundredth(void **state)
{
    static const struct {
        int32_t from[2], to[2];
        uint32_t km;
    } known[] = {
        { { 515074, -1278 }, { 488566, 23522 }, 344 },
        { { 407128, -740060 }, { 515074, -1278 }, 5570 },
        { { 515074, -1278 }, { -338688, 1512093 }, 16994 },
        { { 356762, 1396503 }, { 377749, -1224194 }, 8275 },
        { { -368485, 1747633 }, { 400000, -50000 }, 19664 },
        { { 0, 1790000 }, { 0, -1790000 }, 222 },
        { { 900000, 0 }, { -900000, 0 }, 20015 },
        { { 500000, 80000 }, { 500000, 80000 }, 0 },
    };
    int16_t a[3], b[3];
    (void)state;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(globe_point(a, known[i].from[0], known[i].from[1]));
        assert_true(globe_point(b, known[i].to[0], known[i].to[1]));
        uint32_t off = known[i].km / 100 + 3;
        assert_in_range(globe_km(globe_chord2(a, b)) + off, known[i].km, known[i].km + 2 * off);
    }
    assert_false(globe_point(a, 900001, 0));
    assert_false(globe_point(a, 0, -1800001));
}

static void who_is_beyond_reach_is_too_far_for_certain(void **state)
{
    struct rand r = rand_of(7, 7, 7);
    int16_t a[3], b[3];
    (void)state;

    for (int i = 0; i < 20000; i++) {
        globe_point(a, (int32_t)rand_below(&r, 1800001) - 900000, (int32_t)rand_below(&r, 3600001) - 1800000);
        globe_point(b, (int32_t)rand_below(&r, 1800001) - 900000, (int32_t)rand_below(&r, 3600001) - 1800000);
        uint32_t us = (uint32_t)rand_below(&r, 300000);
        uint64_t chord2 = globe_chord2(a, b);
        if (chord2 > globe_reach2(us))
            assert_true(globe_us(chord2) > us);
        assert_true(globe_least_us(chord2) < globe_us(chord2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_points_of_a_plane_find_their_places),
        cmocka_unit_test(twenty_six_regions_are_told_with_a_median_error_below_15_percent),
        cmocka_unit_test(nobody_goes_by_who_knows_nothing_yet),
        cmocka_unit_test(two_at_one_point_part),
        cmocka_unit_test(a_sample_out_of_bounds_changes_nothing),
        cmocka_unit_test(rob_no_coordinate_leads_out_of_bounds),
        cmocka_unit_test(a_root_is_right_to_a_ten_thousandth),
        cmocka_unit_test(distances_on_the_globe_are_right_to_a_hundredth),
        cmocka_unit_test(who_is_beyond_reach_is_too_far_for_certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
