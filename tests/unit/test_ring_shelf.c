/* Tables that engines share: found by what is in them, kept only for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/ring_shelf.h"

/* A table of members 1 to n. */
static struct ring *table(size_t n, uint8_t bits)
{
    struct ring_member members[40] = { 0 };

    for (size_t i = 0; i < n; i++) {
        members[i].id.bytes[0] = (uint8_t)(i + 1);
        members[i].zone = i % 3;
        members[i].weight = 100;
    }
    return ring_new(members, n, bits);
}

static void a_table_is_found_by_members_and_arcs(void **state)
{
    struct ring_shelf shelf = { 0 };
    struct mesh_rings rings = ring_shelf_rings(&shelf);
    struct ring *three = table(3, 4), *four = table(4, 4);

    (void)state;
    assert_null(rings.find(rings.ctx, ring_epoch(three), 16));
    rings.made(rings.ctx, three);
    rings.made(rings.ctx, four);
    struct ring *got = rings.find(rings.ctx, ring_epoch(three), 16);
    assert_ptr_equal(got, three);
    assert_null(rings.find(rings.ctx, ring_epoch(three), 32)); /* the same members over other arcs */
    assert_null(rings.find(rings.ctx, ring_epoch(three) + 1, 16));
    assert_int_equal(shelf.made, 2);
    assert_int_equal(shelf.found, 1);

    /* Each has a reference of its own. */
    ring_unref(three);
    ring_unref(four);
    ring_shelf_clear(&shelf);
    assert_int_equal(ring_size(got), 3);
    ring_unref(got);
}

static void old_tables_make_room(void **state)
{
    struct ring_shelf shelf = { 0 };
    struct mesh_rings rings = ring_shelf_rings(&shelf);
    uint64_t epochs[RING_SHELF_PLACES + 1];

    (void)state;
    for (size_t i = 0; i <= RING_SHELF_PLACES; i++) {
        struct ring *r = table(i + 2, 2), *lone = table(1, 2);
        epochs[i] = ring_epoch(r);
        rings.made(rings.ctx, r);
        rings.made(rings.ctx, lone); /* a node alone: takes nobody's place */
        ring_unref(r);
        ring_unref(lone);
    }
    assert_null(rings.find(rings.ctx, epochs[0], 4));
    for (size_t i = 1; i <= RING_SHELF_PLACES; i++) {
        struct ring *r = rings.find(rings.ctx, epochs[i], 4);
        assert_int_equal(ring_size(r), i + 2);
        ring_unref(r);
    }
    ring_shelf_clear(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_found_by_members_and_arcs),
        cmocka_unit_test(old_tables_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
