/* test_guard.c - paces: what is let through after a rest and in the long run, and whom a flood is felt by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/guard.h"

static const uint8_t key[MAP_KEY_BYTES] = "sixteen secrets";

static struct mesh_addr v4(uint32_t ip, uint16_t port)
{
    return mesh_addr_v4(ip, port);
}

static struct mesh_addr v6(uint8_t network, uint8_t host)
{
    struct mesh_addr a = { .ip = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, network, [15] = host }, .port = 7400 };
    return a;
}

static struct guard guard_of(uint32_t each, uint32_t all)
{
    struct guard g;

    guard_init(&g, key, (struct guard_pace){ MS(10), each }, (struct guard_pace){ MS(1), all });
    return g;
}

static unsigned taken(struct guard *g, mesh_ns now, struct mesh_addr from, unsigned tries)
{
    unsigned n = 0;

    while (tries-- > 0)
        n += guard_each(g, now, &from);
    return n;
}

static void a_burst_passes_and_then_the_pace(void **state)
{
    struct guard g = guard_of(8, 1000);
    mesh_ns now = SEC(5);

    (void)state;
    assert_int_equal(taken(&g, now, v4(1, 1), 100), 8);
    assert_int_equal(taken(&g, now + MS(10) - 1, v4(1, 1), 100), 0);
    assert_int_equal(taken(&g, now + MS(10), v4(1, 1), 100), 1);
    assert_int_equal(taken(&g, now + MS(55), v4(1, 1), 100), 4);
    assert_int_equal(taken(&g, now + SEC(100), v4(1, 1), 100), 8); /* a long rest is worth one burst */
    /* Ten seconds of knocking at all times: a burst and what the pace gives, no more. */
    g = guard_of(8, 1000);
    unsigned n = 0;
    for (mesh_ns at = 0; at < SEC(10); at += US(700))
        n += taken(&g, now + at, v4(1, 1), 3);
    assert_in_range(n, 1000, 1008);
}

static void one_burst_of_one(void **state)
{
    struct guard g = guard_of(1, 1);

    (void)state;
    assert_int_equal(taken(&g, SEC(1), v4(1, 1), 3), 1);
    assert_true(guard_all(&g, SEC(1)));
    assert_false(guard_all(&g, SEC(1)));
    assert_false(guard_all(&g, SEC(1) + MS(1) - 1));
    assert_true(guard_all(&g, SEC(1) + MS(1)));
}

static void an_address_is_one_for_all_its_ports_and_a_v6_network_too(void **state)
{
    struct guard g = guard_of(4, 1000);
    struct mesh_addr a = v6(1, 1), b = v6(1, 2), c = v6(2, 1), d = v4(9, 1), e = v4(9, 2), f = v4(10, 1);

    (void)state;
    assert_true(guard_net_eq(&a, &b));
    assert_false(guard_net_eq(&a, &c));
    assert_true(guard_net_eq(&d, &e));
    assert_false(guard_net_eq(&d, &f));
    assert_int_equal(taken(&g, SEC(1), d, 3) + taken(&g, SEC(1), e, 3), 4);
    assert_int_equal(taken(&g, SEC(1), a, 3) + taken(&g, SEC(1), b, 3), 4);
    assert_int_equal(taken(&g, SEC(1), c, 9), 4);
}

/* The table is of fixed size, so some share cells with a flood; few share both. */
static void a_flood_is_felt_by_few_others(void **state)
{
    struct guard g = guard_of(4, 1000);
    unsigned hurt = 0;

    (void)state;
    for (uint32_t i = 0; i < 64; i++)
        taken(&g, SEC(1), v4(0x0b000000 + i, 1), 1000);
    for (uint32_t i = 0; i < 1000; i++)
        hurt += taken(&g, SEC(1), v4(0x0c000000 + i, 1), 1) == 0;
    assert_in_range(hurt, 0, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_the_pace),
        cmocka_unit_test(one_burst_of_one),
        cmocka_unit_test(an_address_is_one_for_all_its_ports_and_a_v6_network_too),
        cmocka_unit_test(a_flood_is_felt_by_few_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
