/* test_shares.c - what one address may hold: to the last one, for whole networks, and as if nothing had been once all
 * is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/shares.h"
#include "proto/base/err.h"

static const uint8_t key[MAP_KEY_BYTES] = "sixteen secrets";

static struct mesh_addr v6(uint8_t network, uint8_t host)
{
    struct mesh_addr a = { .ip = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, network, [15] = host }, .port = 80 };
    return a;
}

static void an_address_holds_so_many(void **state)
{
    struct shares s = { 0 };
    struct share *held[3] = { NULL }, *other = NULL, *none = NULL;
    struct mesh_addr from = mesh_addr_v4(0x0a000001, 1), next = mesh_addr_v4(0x0a000002, 1);

    (void)state;
    assert_int_equal(shares_init(&s, key, 3), 0);
    for (uint16_t i = 0; i < 3; i++) {
        from.port = i; /* whatever its port */
        assert_int_equal(shares_take(&s, &from, &held[i]), 0);
    }
    assert_int_equal(shares_take(&s, &from, &none), MESH_E_FULL);
    assert_null(none);
    assert_int_equal(shares_take(&s, &next, &other), 0);
    shares_give(&s, held[1]);
    assert_int_equal(shares_take(&s, &from, &held[1]), 0);
    assert_int_equal(shares_take(&s, &from, &none), MESH_E_FULL);
    for (int i = 0; i < 3; i++)
        shares_give(&s, held[i]);
    shares_give(&s, other);
    assert_int_equal(s.map.count, 0);
    shares_fini(&s);
}

static void a_network_is_one(void **state)
{
    struct shares s = { 0 };
    struct share *a = NULL, *b = NULL, *none = NULL;
    struct mesh_addr here = v6(1, 1), beside = v6(1, 2), there = v6(2, 1);

    (void)state;
    assert_int_equal(shares_init(&s, key, 1), 0);
    assert_int_equal(shares_take(&s, &here, &a), 0);
    assert_int_equal(shares_take(&s, &beside, &none), MESH_E_FULL);
    assert_int_equal(shares_take(&s, &there, &b), 0);
    shares_give(&s, a);
    assert_int_equal(shares_take(&s, &beside, &a), 0);
    shares_give(&s, a);
    shares_give(&s, b);
    shares_fini(&s);
}

static void thousands_are_told_apart(void **state)
{
    static struct share *held[5000];
    struct shares s = { 0 };
    struct share *none = NULL;

    (void)state;
    assert_int_equal(shares_init(&s, key, 1), 0);
    for (uint32_t i = 0; i < 5000; i++) {
        struct mesh_addr from = mesh_addr_v4(0x0a000000 + i, 1);
        assert_int_equal(shares_take(&s, &from, &held[i]), 0);
        assert_int_equal(shares_take(&s, &from, &none), MESH_E_FULL);
    }
    for (uint32_t i = 0; i < 5000; i++)
        shares_give(&s, held[i]);
    shares_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_holds_so_many),
        cmocka_unit_test(a_network_is_one),
        cmocka_unit_test(thousands_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
