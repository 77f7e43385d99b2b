/* test_ring.c - owners depend on the members alone, and on nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ring_members.h"

static void order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    make(40, 5, 100, 1);
    for (size_t i = 0; i < 40; i++)
        members[i].weight = (uint32_t)(i * 13 % 200);
    struct ring *a = ring_new(members, 40, 12);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        shuffle(40, seed);
        struct ring *b = ring_new(members, 40, 12);
        assert_int_equal(ring_epoch(a), ring_epoch(b));
        assert_int_equal(ring_epoch(a), ring_digest(members, 40));
        for (uint32_t arc = 0; arc < ring_arcs(a); arc++)
            assert_true(same_owners(a, b, arc));
        assert_int_equal(ring_moved(a, b), 0);
        ring_unref(b);
    }
    ring_unref(a);
}

/* The owners by the definition: sort all by cost, walk with the zone rule. Costs
 * are taken from the ring itself: with one member less, who comes first next. */
static void ranks_are_who_comes_first_without_the_better_ones(void **state)
{
    const struct ring_member *owners[RING_OWNERS], *first[RING_OWNERS];
    struct ring_member rest[12];
    (void)state;

    make(12, 4, 100, 2);
    members[3].weight = 300;
    struct ring *r = ring_new(members, 12, 6);
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
        assert_int_equal(ring_owners(r, arc, owners), 3);
        for (size_t rank = 1; rank < RING_OWNERS; rank++) {
            size_t n = 0;
            for (size_t i = 0; i < 12; i++) {
                bool used = false;
                for (size_t j = 0; j < rank; j++)
                    used |= owners[j]->zone == members[i].zone;
                if (!used)
                    rest[n++] = members[i];
            }
            struct ring *less = ring_new(rest, n, 6);
            assert_true(ring_owners(less, arc, first) >= 1);
            assert_memory_equal(first[0]->id.bytes, owners[rank]->id.bytes, NODE_ID_BYTES);
            ring_unref(less);
        }
    }
    ring_unref(r);
}

static void removal_moves_only_what_the_member_owned(void **state)
{
    (void)state;
    make(50, 7, 100, 3);
    struct ring *all = ring_new(members, 50, 14);
    struct node_id gone = members[20].id;
    members[20] = members[49];
    struct ring *less = ring_new(members, 49, 14);
    size_t touched = 0;
    for (uint32_t arc = 0; arc < ring_arcs(all); arc++) {
        const struct ring_member *before[RING_OWNERS], *after[RING_OWNERS];
        int rank = ring_rank(all, arc, &gone);
        assert_int_equal(ring_rank(less, arc, &gone), -1);
        if (rank < 0) {
            assert_true(same_owners(all, less, arc));
            continue;
        }
        touched++;
        assert_int_equal(ring_owners(all, arc, before), 3);
        assert_int_equal(ring_owners(less, arc, after), 3);
        for (int i = 0; i < rank; i++) /* those ranked above stay */
            assert_memory_equal(before[i]->id.bytes, after[i]->id.bytes, NODE_ID_BYTES);
        for (size_t i = 0; i < 3; i++) /* whoever stays an owner may come forward only to fill the gap */
            assert_true((int)i == rank || ring_rank(less, arc, &before[i]->id) >= 0);
    }
    assert_true(touched > 0);
    assert_int_equal(ring_moved(all, less), ring_share(all, &gone));
    assert_int_equal(ring_share(less, &gone), 0);
    ring_unref(all);
    ring_unref(less);
}

/* A heavier member takes arcs from the others and never moves one between them. */
static void weight_takes_and_never_shuffles(void **state)
{
    (void)state;
    make(20, 20, 100, 4);
    struct ring *even = ring_new(members, 20, 14);
    members[7].weight = 150;
    struct ring *heavy = ring_new(members, 20, 14);
    for (uint32_t arc = 0; arc < ring_arcs(even); arc++) {
        int before = ring_rank(even, arc, &members[7].id), after = ring_rank(heavy, arc, &members[7].id);
        assert_true(before < 0 || (after >= 0 && after <= before));
        if (before == after)
            assert_true(same_owners(even, heavy, arc));
    }
    assert_int_equal(ring_moved(even, heavy), ring_share(heavy, &members[7].id) - ring_share(even, &members[7].id));
    ring_unref(even);
    ring_unref(heavy);
}

static void shares_follow_weights(void **state)
{
    static const uint32_t weights[] = { 1, 100, 3000000000u };
    (void)state;

    for (size_t w = 0; w < 3; w++) {
        make(10, 10, weights[w], 5);
        members[0].weight = members[1].weight = weights[w] == 3000000000u ? 1500000000u : 2 * weights[w];
        struct ring *r = ring_new(members, 10, 17);
        /* Two of double weight beside eight, or two of half: |total| in units of the lesser. */
        uint32_t total = w < 2 ? 12 : 18, unit = (UINT32_C(1) << 17) / total;
        for (size_t i = 0; i < 10; i++) {
            uint32_t want = (i < 2) == (w < 2) ? 2 * unit : unit;
            uint32_t share = ring_share(r, &members[i].id);
            assert_true(share > want * 96 / 100 && share < want * 104 / 100);
        }
        ring_unref(r);
    }
}

static uint32_t percent_of_mean(size_t n, uint8_t arc_bits)
{
    struct ring *r = ring_new(members, n, arc_bits);
    uint32_t most = 0, sum = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t share = ring_share(r, &members[i].id);
        most = share > most ? share : most;
        sum += share;
    }
    assert_int_equal(sum, ring_arcs(r)); /* no arc without a first owner */
    ring_unref(r);
    return (uint32_t)((uint64_t)most * 100 * n / sum);
}

static void arcs_are_shared_out_evenly(void **state)
{
    (void)state;
    for (uint8_t set = 0; set < 3; set++) {
        make(100, 10, 100, (uint8_t)(10 + set));
        assert_in_range(percent_of_mean(100, 18), 100, 108);
        make(20, 4, 100, (uint8_t)(20 + set));
        assert_in_range(percent_of_mean(20, 16), 100, 115);
    }
    make(600, 12, 100, 30);
    assert_in_range(percent_of_mean(600, 16), 100, 150);
}

static void owners_sit_in_distinct_zones(void **state)
{
    const struct ring_member *o[RING_OWNERS];
    (void)state;

    for (size_t zones = 1; zones <= 5; zones++) {
        make(15, zones, 100, 6);
        struct ring *r = ring_new(members, 15, 10);
        for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
            assert_int_equal(ring_owners(r, arc, o), 3);
            assert_false(node_id_eq(&o[0]->id, &o[1]->id));
            assert_false(node_id_eq(&o[0]->id, &o[2]->id));
            assert_false(node_id_eq(&o[1]->id, &o[2]->id));
            assert_true(zones < 2 || o[0]->zone != o[1]->zone);
            assert_true(zones < 3 || (o[2]->zone != o[0]->zone && o[2]->zone != o[1]->zone));
        }
        ring_unref(r);
    }
}

/* The zone rule never changes the first owner, and with one zone there is no rule. */
static void zones_do_not_move_the_first_owner(void **state)
{
    (void)state;
    make(15, 1, 100, 7);
    struct ring *one = ring_new(members, 15, 12);
    for (size_t zones = 2; zones <= 15; zones++) {
        make(15, zones, 100, 7);
        struct ring *r = ring_new(members, 15, 12);
        assert_int_equal(ring_moved(one, r), 0);
        assert_int_not_equal(ring_epoch(one), ring_epoch(r));
        if (zones == 15) { /* every member a zone: as good as no zones */
            for (uint32_t arc = 0; arc < ring_arcs(r); arc++)
                assert_true(same_owners(one, r, arc));
        }
        ring_unref(r);
    }
    ring_unref(one);
}

/* Nine members of one zone, one of another: the one is always first or second. */
static void two_zones_then_the_best_that_remains(void **state)
{
    const struct ring_member *o[RING_OWNERS], *p[RING_OWNERS];
    (void)state;

    make(10, 1, 100, 8);
    members[4].zone = 77;
    struct ring *r = ring_new(members, 10, 10);
    struct node_id lone = members[4].id;
    members[4] = members[9];
    struct ring *nine = ring_new(members, 9, 10);
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
        int rank = ring_rank(r, arc, &lone);
        assert_in_range(rank, 0, 1);
        assert_int_equal(ring_owners(r, arc, o), 3);
        assert_int_equal(ring_owners(nine, arc, p), 3);
        assert_true(o[1 - rank]->zone == 1000);
        assert_true(node_id_eq(&o[1 - rank]->id, &p[0]->id));
        assert_true(node_id_eq(&o[2]->id, &p[1]->id));
    }
    ring_unref(r);
    ring_unref(nine);
}

static void fewer_members_than_owners(void **state)
{
    const struct ring_member *o[RING_OWNERS];
    (void)state;

    make(2, 1, 100, 9);
    for (size_t n = 0; n <= 2; n++) {
        struct ring *r = ring_new(n > 0 ? members : NULL, n, 8);
        assert_non_null(r);
        assert_int_equal(ring_size(r), n);
        assert_int_equal(ring_arcs(r), 256);
        for (uint32_t arc = 0; arc < 256; arc++)
            assert_int_equal(ring_owners(r, arc, o), n);
        assert_int_equal(ring_share(r, &members[0].id), n == 0 ? 0 : n == 1 ? 256 : ring_share(r, &members[0].id));
        ring_unref(r);
    }
    struct ring *none = ring_new(NULL, 0, 8), *one = ring_new(members, 1, 8);
    assert_int_equal(ring_moved(none, one), 256);
    assert_int_equal(ring_moved(none, none), 0);
    assert_int_equal(ring_rank(none, 3, &members[0].id), -1);
    ring_unref(none);
    ring_unref(one);
    ring_unref(NULL);
}

static void weight_zero_owns_nothing(void **state)
{
    const struct ring_member *o[RING_OWNERS];
    (void)state;

    make(4, 4, 100, 9);
    members[1].weight = members[2].weight = 0;
    struct ring *r = ring_new(members, 4, 10);
    assert_int_equal(ring_size(r), 4);
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
        assert_int_equal(ring_owners(r, arc, o), 2);
        assert_int_equal(ring_rank(r, arc, &members[1].id), -1);
        assert_int_equal(ring_rank(r, arc, &members[2].id), -1);
    }
    assert_int_equal(ring_share(r, &members[0].id) + ring_share(r, &members[3].id), ring_arcs(r));
    /* Without them the owners are the same, but it is another set. */
    members[1] = members[3];
    struct ring *two = ring_new(members, 2, 10);
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++)
        assert_true(same_owners(r, two, arc));
    assert_int_not_equal(ring_epoch(r), ring_epoch(two));
    ring_unref(r);
    ring_unref(two);

    make(3, 3, 0, 9);
    r = ring_new(members, 3, 10);
    assert_int_equal(ring_owners(r, 0, o), 0);
    assert_int_equal(ring_share(r, &members[0].id), 0);
    ring_unref(r);
}

/* A walk over all kinds of changes: each next table is the one that is built from nothing. */
static void next_is_as_if_built_anew(void **state)
{
    struct rand r = rand_of(11, 0, 0);
    size_t n = 1;
    (void)state;

    make(60, 3, 100, 13);
    struct ring *ring = ring_new(members, 0, 9);
    for (int step = 0; step < 400; step++) {
        struct ring_member *m = &members[rand_below(&r, n)], kept;
        switch (rand_below(&r, 8)) {
        case 0: m->weight = (uint32_t)rand_below(&r, 300); break;
        case 1: m->weight = 0; break;
        case 2: m->zone = 1000 + rand_below(&r, step < 200 ? 2 : 6); break;
        case 3:
            for (size_t i = 0; i < n; i++) /* all in one zone, or each in its own */
                members[i].zone = step % 2 == 0 ? 1 : i;
            break;
        case 4:
        case 5: n += n < 59 ? rand_below(&r, 3) : 0; break;
        default: /* one leaves, and may come back later */
            if (n > 1 && rand_below(&r, 2) == 0) {
                kept = *m;
                *m = members[n - 1];
                members[--n] = kept;
            }
        }
        struct ring *next = ring_next(ring, members, n), *anew = ring_new(members, n, 9);
        assert_int_equal(ring_epoch(next), ring_epoch(anew));
        for (uint32_t arc = 0; arc < ring_arcs(next); arc++)
            assert_true(same_owners(next, anew, arc));
        for (size_t i = 0; i < n; i++)
            assert_int_equal(ring_share(next, &members[i].id), ring_share(anew, &members[i].id));
        ring_unref(ring);
        ring_unref(anew);
        ring = next;
    }
    ring_unref(ring);
}

static void epoch_sees_every_input(void **state)
{
    (void)state;
    make(5, 5, 100, 9);
    uint64_t was = ring_digest(members, 5);
    members[2].weight = 101;
    assert_int_not_equal(ring_digest(members, 5), was);
    members[2].weight = 100;
    members[2].zone++;
    assert_int_not_equal(ring_digest(members, 5), was);
    members[2].zone--;
    assert_int_equal(ring_digest(members, 5), was);
    members[2].id.bytes[15] ^= 1;
    assert_int_not_equal(ring_digest(members, 5), was);
    assert_int_not_equal(ring_digest(members, 4), was);
    /* Two members that swap their weights are another set. */
    make(2, 2, 100, 9);
    members[0].weight = 50;
    was = ring_digest(members, 2);
    members[0].weight = 100;
    members[1].weight = 50;
    assert_int_not_equal(ring_digest(members, 2), was);
}

/* Each input, those that the table does not know yet or any more too. */
static void a_digest_beside_a_table_is_the_same(void **state)
{
    (void)state;
    make(40, 5, 100, 9);
    struct ring *r = ring_new(members, 30, 10);
    assert_non_null(r);
    for (size_t n = 0; n <= 40; n += 5)
        assert_int_equal(ring_digest_beside(r, members, n), ring_digest(members, n));
    members[2].weight++;
    members[3].zone++;
    members[4].id.bytes[15] ^= 1;
    assert_int_equal(ring_digest_beside(r, members, 30), ring_digest(members, 30));
    assert_int_not_equal(ring_digest_beside(r, members, 30), ring_epoch(r));
    ring_unref(r);
}

static void arc_is_the_top_of_the_hash(void **state)
{
    struct digest key = { { 0x80, 0x00, 0x00, 0xff, 0xff } };
    (void)state;

    struct ring *r = ring_new(NULL, 0, 1);
    assert_int_equal(ring_arc(r, &key), 1);
    ring_unref(r);
    r = ring_new(NULL, 0, 20);
    assert_int_equal(ring_arc(r, &key), 0x80000);
    memset(key.bytes, 0xff, sizeof(key.bytes));
    assert_int_equal(ring_arc(r, &key), 0xfffff);
    ring_unref(r);
}

static void zone_numbers(void **state)
{
    (void)state;
    assert_int_equal(ring_zone(SLICE_LIT("eu/fra")), ring_zone(slice_str("eu/fra")));
    assert_int_not_equal(ring_zone(SLICE_LIT("eu/fra")), ring_zone(SLICE_LIT("eu/ams")));
    assert_int_not_equal(ring_zone(SLICE_EMPTY), ring_zone(SLICE_LIT("eu/ams")));
}

static void references_keep_a_ring(void **state)
{
    (void)state;
    make(3, 3, 100, 9);
    struct ring *r = ring_new(members, 3, 4);
    struct ring *same = ring_ref(r);
    assert_ptr_equal(same, r);
    ring_unref(r);
    assert_int_equal(ring_size(same), 3);
    ring_unref(same);
}

/* The constants were computed by an independent implementation in another language
 * with big integers: builds, compilers and versions must agree on them. */
static void golden_values(void **state)
{
    (void)state;
    make(24, 6, 100, 42);
    for (size_t i = 0; i < 24; i++)
        members[i].weight = (uint32_t)(10 + i * i * 17);
    struct ring *r = ring_new(members, 24, 16);
    uint64_t sum = 0;
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
        const struct ring_member *o[RING_OWNERS];
        size_t n = ring_owners(r, arc, o);
        for (size_t i = 0; i < n; i++)
            sum = rand_mix(sum ^ (uint64_t)o[i]->id.bytes[0]);
    }
    assert_int_equal(ring_zone(SLICE_LIT("eu/fra")), UINT64_C(0x12800263f46fbd37));
    assert_int_equal(ring_epoch(r), UINT64_C(0x0999cee670fa1819));
    assert_int_equal(ring_share(r, &members[0].id), 5);
    assert_int_equal(ring_share(r, &members[23].id), 8173);
    assert_int_equal(sum, UINT64_C(0x7115f5d8d04d89c0));
    ring_unref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_arrival_does_not_matter),
        cmocka_unit_test(ranks_are_who_comes_first_without_the_better_ones),
        cmocka_unit_test(removal_moves_only_what_the_member_owned),
        cmocka_unit_test(weight_takes_and_never_shuffles),
        cmocka_unit_test(shares_follow_weights),
        cmocka_unit_test(arcs_are_shared_out_evenly),
        cmocka_unit_test(owners_sit_in_distinct_zones),
        cmocka_unit_test(zones_do_not_move_the_first_owner),
        cmocka_unit_test(two_zones_then_the_best_that_remains),
        cmocka_unit_test(fewer_members_than_owners),
        cmocka_unit_test(weight_zero_owns_nothing),
        cmocka_unit_test(next_is_as_if_built_anew),
        cmocka_unit_test(epoch_sees_every_input),
        cmocka_unit_test(a_digest_beside_a_table_is_the_same),
        cmocka_unit_test(arc_is_the_top_of_the_hash),
        cmocka_unit_test(zone_numbers),
        cmocka_unit_test(references_keep_a_ring),
        cmocka_unit_test(golden_values),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
