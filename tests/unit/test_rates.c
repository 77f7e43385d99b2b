/* test_rates.c - so many requests a second of one address: in the long run, at once, and among many others. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/signed/rates.h"
#include "proto/base/rand.h"

static const uint8_t key[MAP_KEY_BYTES] = "sixteen secrets";
static struct rates r;

static struct mesh_addr v4(uint32_t ip)
{
    return mesh_addr_v4(ip, 80);
}

static struct mesh_addr v6(uint32_t network, uint8_t host)
{
    struct mesh_addr a = { .ip = { 0x20, 1, 0xd, 0xb8, (uint8_t)(network >> 24), (uint8_t)(network >> 16),
                                   (uint8_t)(network >> 8), (uint8_t)network, [15] = host },
                           .port = 80 };
    return a;
}

/* How many of |address| are let through that come every |every|, for |of| seconds. */
static unsigned passed(mesh_ns *now, struct mesh_addr address, mesh_ns every, unsigned of, uint32_t rate,
                       uint32_t burst)
{
    unsigned n = 0;

    for (mesh_ns end = *now + SEC(of); *now < end; *now += every)
        n += rates_wait(&r, *now, 1, &address, rate, burst) == 0;
    return n;
}

static void feat_S10_a_hundred_a_second_are_a_hundred_within_five_percent(void **state)
{
    static const uint32_t askers[] = { 90, 100, 101, 150, 1000, 20000 };
    mesh_ns now = SEC(5);

    (void)state;
    rates_init(&r, key);
    for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
        unsigned n = passed(&now, v4(i), SEC(1) / askers[i], 10, 100, 20),
                 want = askers[i] < 100 ? askers[i] * 10 : 1000;
        if (n * 100 < want * 95 || n * 100 > want * 105)
            fail_msg("of %u a second %u in 10 s", askers[i], n);
    }
}

static void feat_S10_after_a_rest_a_burst_and_the_wait_is_true(void **state)
{
    struct mesh_addr a = v4(1);
    mesh_ns now = SEC(9), wait = 0;
    unsigned n = 0;

    (void)state;
    rates_init(&r, key);
    while ((wait = rates_wait(&r, now, 1, &a, 10, 7)) == 0)
        n++;
    assert_int_equal(n, 7);
    assert_int_equal(wait, MS(100));
    assert_true(rates_wait(&r, now + wait - 1, 1, &a, 10, 7) > 0);
    assert_int_equal(rates_wait(&r, now + wait, 1, &a, 10, 7), 0);
    assert_true(rates_wait(&r, now + wait, 1, &a, 10, 7) > 0);
    assert_int_equal(rates_wait(&r, now + wait, 2, &a, 10, 7), 0); /* another behaviour's */
    /* The greatest figures overflow nothing. */
    assert_int_equal(rates_wait(&r, now, 3, &a, UINT32_MAX, UINT32_MAX), 0);
    assert_int_equal(rates_wait(&r, now, 4, &a, 1, UINT32_MAX), 0);
    assert_int_equal(rates_wait(&r, now, 4, &a, 1, UINT32_MAX), 0);
}

static void feat_S10_an_ipv6_network_of_64_bits_is_one(void **state)
{
    mesh_ns now = SEC(9);
    struct mesh_addr a = v6(1, 1), b = v6(1, 2), c = v6(2, 1);

    (void)state;
    rates_init(&r, key);
    assert_int_equal(rates_wait(&r, now, 1, &a, 1, 1), 0);
    assert_true(rates_wait(&r, now, 1, &b, 1, 1) > 0);
    assert_int_equal(rates_wait(&r, now, 1, &c, 1, 1), 0);
}

/* Who floods from everywhere is not felt by one who keeps to the limit. */
static void feat_S10_a_flood_of_addresses_refuses_nobody_else(void **state)
{
    struct rand source = rand_of(1, 2, 3);
    mesh_ns now = SEC(9);
    unsigned refused = 0;

    (void)state;
    rates_init(&r, key);
    for (unsigned i = 0; i < 1000000; i++) {
        struct mesh_addr a = v6((uint32_t)rand_u64(&source), 1), honest = v4(i / 100 % 100);
        rates_wait(&r, now, 1, &a, 100, 10);
        if (i % 100 == 0)
            refused += rates_wait(&r, now, 1, &honest, 100, 10) != 0;
        now += US(1);
    }
    assert_int_equal(refused, 0);
}

/* Who has used up what it may is not forgotten for others who come and go. */
static void feat_S10_who_is_busy_is_not_forgotten(void **state)
{
    enum { BUSY = 1000 };
    mesh_ns now = SEC(9);
    unsigned refused = 0;

    (void)state;
    rates_init(&r, key);
    for (unsigned i = 0; i < BUSY; i++) {
        struct mesh_addr a = v4(i);
        while (rates_wait(&r, now, 1, &a, 1, 20) == 0)
            continue;
    }
    for (unsigned i = 0; i < 1000000; i++) {
        struct mesh_addr a = v6(i, 1);
        rates_wait(&r, now += US(1), 1, &a, 1, 20);
    }
    for (unsigned i = 0; i < BUSY; i++) {
        struct mesh_addr a = v4(i);
        refused += rates_wait(&r, now - US(1000000), 1, &a, 1, 20) > 0;
    }
    assert_int_equal(refused, BUSY);
}

/* 20,000 addresses, each at half as much again as it may: none gets far more. */
static void feat_S10_many_addresses_are_each_held(void **state)
{
    enum { ADDRESSES = 20000 };
    static uint16_t got[ADDRESSES];
    mesh_ns now = SEC(9);
    unsigned over = 0;

    (void)state;
    rates_init(&r, key);
    for (unsigned i = 0; i < 15 * ADDRESSES * 4; i++) { /* in four seconds */
        struct mesh_addr a = v4(i % ADDRESSES);
        got[i % ADDRESSES] += rates_wait(&r, now, 1, &a, 10, 1) == 0;
        now += SEC(1) / (15 * ADDRESSES);
    }
    for (unsigned i = 0; i < ADDRESSES; i++)
        over += got[i] > 42;
    if (over > ADDRESSES / 50)
        fail_msg("%u of %u had more than they may", over, ADDRESSES);
}

static void *flood(void *passed_n)
{
    struct mesh_addr a = v4(7);

    for (mesh_ns now = SEC(9); now < SEC(10); now += US(20))
        atomic_fetch_add((_Atomic unsigned *)passed_n, rates_wait(&r, now, 1, &a, 100, 10) == 0);
    return NULL;
}

static void feat_S10_threads_share_one_count(void **state)
{
    _Atomic unsigned n = 0;
    pthread_t threads[4];

    (void)state;
    rates_init(&r, key);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flood, &n), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(n, 95, 114); /* 100, a burst of 10, and one for each that came first */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_S10_a_hundred_a_second_are_a_hundred_within_five_percent),
        cmocka_unit_test(feat_S10_after_a_rest_a_burst_and_the_wait_is_true),
        cmocka_unit_test(feat_S10_an_ipv6_network_of_64_bits_is_one),
        cmocka_unit_test(feat_S10_a_flood_of_addresses_refuses_nobody_else),
        cmocka_unit_test(feat_S10_who_is_busy_is_not_forgotten),
        cmocka_unit_test(feat_S10_many_addresses_are_each_held),
        cmocka_unit_test(feat_S10_threads_share_one_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
