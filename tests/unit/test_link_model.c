/* The link model against theory: shares and lengths of loss, queues, streams, regions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/net/link_model.h"

#define PACKETS 2000000u

/* |a| is |b| within two per cent. */
static void near(uint64_t a, uint64_t b)
{
    uint64_t off = a > b ? a - b : b - a;
    assert_true(50 * off <= b);
}

static void lose(uint64_t ppm, uint64_t length)
{
    struct rand r = rand_of(7, ppm, length);
    struct link_burst b = { 0 };
    uint64_t lost = 0, bursts = 0;
    bool before = false;

    for (uint32_t i = 0; i < PACKETS; i++) {
        bool now = link_burst_lost(&b, ppm, length, &r);
        lost += now;
        bursts += now && !before;
        before = now;
    }
    near(lost, PACKETS * ppm / 1000000);
    near(lost * 1000 / bursts, length * 1000);
}

static void bursts_have_their_share_and_length(void **state)
{
    (void)state;
    lose(50000, 3);
    lose(100000, 5);
    lose(250000, 4);
    lose(500000, 2);
}

static void no_loss_is_none_and_ends_a_burst(void **state)
{
    struct rand r = rand_of(1, 1, 1);
    struct link_burst b = { .bad = true };

    (void)state;
    assert_false(link_burst_lost(&b, 0, 5, &r));
    assert_false(b.bad);
}

static void single_losses_have_their_share(void **state)
{
    struct rand r = rand_of(7, 1, 1);
    uint64_t lost = 0;

    (void)state;
    for (uint32_t i = 0; i < PACKETS; i++)
        lost += draw_ppm(&r, 30000);
    near(lost, PACKETS * 3 / 100);
    assert_false(draw_ppm(&r, 0));
    assert_true(draw_ppm(&r, 1000000));
}

static void a_full_queue_drops_the_last(void **state)
{
    struct link_queue q = { 0 };

    (void)state;
    /* 1,000 bytes a second, and 3,000 may wait: the fourth finds no room, until the first is through. */
    assert_int_equal(link_queue_pass(&q, SEC(10), 1000, 1000, 3000), SEC(11));
    assert_int_equal(link_queue_pass(&q, SEC(10), 1000, 1000, 3000), SEC(12));
    assert_int_equal(link_queue_pass(&q, SEC(10), 1000, 1000, 3000), SEC(13));
    assert_int_equal(link_queue_pass(&q, SEC(10), 1000, 1000, 3000), MESH_NS_NEVER);
    assert_int_equal(link_queue_pass(&q, SEC(11) - MS(1), 1000, 1000, 3000), MESH_NS_NEVER);
    assert_int_equal(link_queue_pass(&q, SEC(11), 1000, 1000, 3000), SEC(14));
    /* After a pause it is empty again. */
    assert_int_equal(link_queue_pass(&q, SEC(60), 500, 1000, 3000), SEC(60) + MS(500));
    /* Without a rate there is no queue. */
    assert_int_equal(link_queue_pass(&q, SEC(60), 1 << 30, 0, 1), SEC(60));
}

/* Twice as much comes as can leave: half of it is dropped, and the line is never idle. */
static void an_overloaded_link_carries_its_rate(void **state)
{
    struct link_queue q = { 0 };
    uint64_t passed = 0;

    (void)state;
    for (mesh_ns now = 0; now < SEC(100); now += MS(5))
        passed += link_queue_pass(&q, now, 1000, 100000, 20000) != MESH_NS_NEVER;
    near(passed * 1000, 100 * 100000);
}

static void a_stream_starts_slowly(void **state)
{
    (void)state;
    assert_int_equal(link_stream_time(1, MS(20)), MS(20));
    assert_int_equal(link_stream_time(14600, MS(20)), MS(20));     /* ten segments go at once */
    assert_int_equal(link_stream_time(14601, MS(20)), MS(60));     /* the next a round trip later */
    assert_int_equal(link_stream_time(14600 * 3, MS(20)), MS(60)); /* and they are twenty */
    assert_int_equal(link_stream_time(14600 * 3 + 1, MS(20)), MS(100));
}

static void a_lost_segment_costs_a_round_trip_or_a_timeout(void **state)
{
    struct rand r = rand_of(3, 1, 1);
    uint64_t sum = 0;

    (void)state;
    assert_int_equal(link_stream_losses(1000000, MS(20), 0, &r), 0);
    for (unsigned i = 0; i < 20000; i++)
        sum += (uint64_t)link_stream_losses(1460, MS(20), 10000, &r) / 1000;
    /* Alone it is one of the last: 240 ms in one case of a hundred, 400 more in one of ten thousand. */
    uint64_t want = 200 * UINT64_C(240000) + 2 * UINT64_C(400000);
    uint64_t off = sum > want ? sum - want : want - sum;
    assert_true(5 * off < want);
}

static void regions_are_as_far_one_way_as_the_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LINK_REGIONS; i++) {
        assert_int_equal(link_region_delay(i, i), US(500));
        for (unsigned j = 0; j < LINK_REGIONS; j++) {
            assert_int_equal(link_region_delay(i, j), link_region_delay(j, i));
            assert_true(i == j || link_region_delay(i, j) >= MS(1));
        }
    }
    assert_string_equal(link_region_name(0), "us-east");
    assert_string_equal(link_region_name(LINK_REGIONS - 1), "nz");
    assert_int_equal(link_region_delay(0, 11), MS(87) / 2); /* Virginia, Paris */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_have_their_share_and_length),
        cmocka_unit_test(no_loss_is_none_and_ends_a_burst),
        cmocka_unit_test(single_losses_have_their_share),
        cmocka_unit_test(a_full_queue_drops_the_last),
        cmocka_unit_test(an_overloaded_link_carries_its_rate),
        cmocka_unit_test(a_stream_starts_slowly),
        cmocka_unit_test(a_lost_segment_costs_a_round_trip_or_a_timeout),
        cmocka_unit_test(regions_are_as_far_one_way_as_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
