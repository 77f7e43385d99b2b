/* test_build.c - tables made in slices, from nothing and from other tables: whatever the
 * way, the same bytes; and what a change of members moves, and what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "golden_ring.h"
#include "ring/table.h"

static void check_same_bytes(const struct ring *a, const struct ring *b)
{
    size_t arcs = ring_arcs(a);

    assert_int_equal(a->n, b->n);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->arc_bits, b->arc_bits);
    assert_memory_equal(a->owners, b->owners, arcs * RING_OWNERS * sizeof(*a->owners));
    assert_memory_equal(a->bars, b->bars, arcs);
    for (size_t i = 0; i < a->n; i++) { /* structs have holes */
        assert_memory_equal(a->members[i].id.bytes, b->members[i].id.bytes, NODE_ID_BYTES);
        assert_int_equal(a->members[i].weight, b->members[i].weight);
        assert_int_equal(a->members[i].zone, b->members[i].zone);
        assert_int_equal(a->shares[i], b->shares[i]);
    }
}

/* From |from| (NULL: from nothing) to members 0..n-1, in slices of different sizes. */
static struct ring *in_slices(const struct ring *from, size_t n, uint8_t arc_bits, struct rand *r)
{
    struct ring_build *b = ring_build_new(from, members, n, arc_bits);

    assert_non_null(b);
    assert_int_equal(ring_build_epoch(b), ring_digest(members, n));
    while (!ring_build_step(b, 1 + rand_below(r, 5000)))
        continue;
    assert_true(ring_build_step(b, 1)); /* done stays done */
    return ring_build_take(b);
}

/* A set with everything in it: some zones small, some large; weights from 0 to 400. */
static void make_mixed(size_t n, size_t zones, uint64_t seed)
{
    struct rand r = rand_of(seed, 1, 1);

    make(n, zones, 100, (uint8_t)seed);
    for (size_t i = 0; i < n; i++) {
        members[i].weight = rand_below(&r, 10) == 0 ? 0 : (uint32_t)(1 + rand_below(&r, 400));
        members[i].zone = rand_below(&r, 1 + rand_below(&r, zones)); /* low zones are large */
    }
}

/* Arrival in any order, one by one or many at once, with guests who leave again and
 * neighbours whose weight and zone were others before. */
static void every_way_to_a_set_ends_in_the_same_bytes(void **state)
{
    static const size_t zones[] = { 1, 2, 3, 12 };
    (void)state;

    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rand r = rand_of(seed, 2, 2);
        size_t n = 3 + rand_below(&r, 40);
        make_mixed(n + 3, zones[seed % 4], seed); /* the last three are guests */
        struct ring *scratch = ring_new(members, n, 9);
        for (uint64_t way = 0; way < 4; way++) {
            struct ring *ring = ring_new(NULL, 0, 9);
            shuffle(n, seed * 100 + way);
            for (size_t k = 0; k < n;) {
                struct ring_member kept = members[0], guest = members[k];
                k += 1 + rand_below(&r, way == 0 ? 1 : 6);
                k = k < n ? k : n;
                if (rand_below(&r, 3) == 0 && k < n) { /* somebody is not yet what it will be, and a guest is in */
                    members[0].weight += 50;
                    members[0].zone += rand_below(&r, 2);
                    guest = members[k];
                    members[k] = members[n + rand_below(&r, 3)];
                    struct ring *detour = in_slices(ring, k + 1, 9, &r);
                    ring_unref(ring);
                    ring = detour;
                    members[0] = kept;
                    members[k] = guest;
                }
                struct ring *next = in_slices(ring, k, 9, &r);
                ring_unref(ring);
                ring = next;
            }
            check_same_bytes(ring, scratch);
            ring_unref(ring);
        }
        ring_unref(scratch);
    }
}

/* A member's way out and back in moves what it owned, and nothing at all of the others'. */
static void nothing_moves_needlessly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        size_t n = 4 + seed * 5, needless = 0, lost = 0, gained = 0;
        make_mixed(n, 3 + seed % 5, seed);
        members[n - 1].weight = 100;
        struct node_id x = members[n - 1].id;
        struct ring *with = ring_new(members, n, 11), *without = ring_next(with, members, n - 1);
        struct ring *again = ring_next(without, members, n);
        struct ring_change c;
        for (uint32_t at = 0; ring_delta(with, without, &at, ring_arcs(with), &c);) {
            needless += ring_rank(with, c.arc, &x) < 0;
            lost += ring_change_lost(&c, &x);
            assert_int_equal(c.lost_n, 1); /* nobody else is put out, whatever the zones */
        }
        for (uint32_t at = 0; ring_delta(without, again, &at, ring_arcs(with), &c);) {
            needless += ring_rank(again, c.arc, &x) < 0;
            gained += ring_change_gained(&c, &x);
            assert_false(ring_change_lost(&c, &x));
        }
        assert_int_equal(needless, 0);
        assert_int_equal(lost, gained);
        assert_true(lost > 0);
        assert_int_equal(ring_moved(with, without),
                         ring_share(with, &x)); /* first owners: its real share, to the arc */
        assert_int_equal(ring_moved(without, again), ring_share(with, &x));
        check_same_bytes(with, again);
        ring_unref(with);
        ring_unref(without);
        ring_unref(again);
    }
}

/* Four steps of weight take four parts of the arcs, each once: no step gives one back. */
static void a_ramp_moves_each_arc_once(void **state)
{
    static const uint32_t ramp[] = { 12, 25, 50, 100 };
    uint32_t moved = 0;
    (void)state;

    make(20, 5, 100, 31);
    struct node_id x = members[0].id;
    struct ring *r = ring_new(members + 1, 19, 13), *before = ring_ref(r);
    for (size_t i = 0; i < 4; i++) {
        struct ring_change c;
        members[0].weight = ramp[i];
        struct ring *next = ring_next(r, members, 20);
        for (uint32_t at = 0; ring_delta(r, next, &at, ring_arcs(r), &c);) {
            assert_false(ring_change_lost(&c, &x));
            assert_true(ring_rank(next, c.arc, &x) >= 0);
        }
        moved += ring_moved(r, next);
        ring_unref(r);
        r = next;
    }
    assert_int_equal(moved, ring_share(r, &x));
    assert_int_equal(moved, ring_moved(before, r));
    ring_unref(r);
    ring_unref(before);
}

/* Keys as they come, not arcs: the busiest of 20, and what one that leaves takes along. */
static void a_hundred_thousand_keys_on_twenty_nodes(void **state)
{
    enum { KEYS = 100000, N = 20 };
    (void)state;

    for (uint8_t set = 1; set <= 3; set++) {
        uint32_t keys[N] = { 0 }, most = 0, moved = 0;
        make(N, 4, 100, set);
        struct ring *all = ring_new(members, N, 18), *less = ring_next(all, members + 1, N - 1);
        for (uint32_t k = 0; k < KEYS; k++) {
            const struct ring_member *was[RING_OWNERS], *is[RING_OWNERS];
            uint8_t name[4];
            struct digest d;
            be32_put(name, k);
            digest_one(&d, SLICE_OF(name));
            uint32_t arc = ring_arc(all, &d);
            assert_int_equal(ring_owners(all, arc, was), RING_OWNERS);
            ring_owners(less, arc, is);
            size_t i = 0;
            while (!node_id_eq(&members[i].id, &was[0]->id))
                i++;
            keys[i]++;
            bool moves = !node_id_eq(&was[0]->id, &is[0]->id);
            assert_int_equal(moves, i == 0);
            moved += moves;
        }
        for (size_t i = 0; i < N; i++)
            most = keys[i] > most ? keys[i] : most;
        assert_true(most * N * 100u <= KEYS * 115u);
        assert_in_range(moved, 1, KEYS * 12 / 10 / N);
        ring_unref(all);
        ring_unref(less);
    }
}

static void twice_the_weight_is_twice_the_keys(void **state)
{
    (void)state;
    for (uint8_t set = 1; set <= 3; set++) {
        uint64_t double_share = 0, share = 0;
        make(20, 4, 100, set);
        members[3].weight = members[11].weight = 200;
        struct ring *r = ring_new(members, 20, 18);
        for (size_t i = 0; i < 20; i++)
            *(i == 3 || i == 11 ? &double_share : &share) += ring_share(r, &members[i].id);
        uint64_t ratio = double_share * 1000 / 2 * 18 / share; /* of the means, in thousandths */
        assert_in_range(ratio, 1800, 2200);
        for (size_t i = 3; i <= 11; i += 8)
            assert_in_range(ring_share(r, &members[i].id) * 1000 * 18 / share, 1800, 2200);
        ring_unref(r);
    }
}

/* As many zones among the owners as there are, up to three; the first owner knows no zone. */
static void unequal_zones_are_used_as_far_as_they_go(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        size_t n = 3 + seed * 3;
        bool seen[16] = { false };
        size_t zones = 0;
        make_mixed(n, 2 + seed % 5, seed);
        for (size_t i = 0; i < n; i++) {
            members[i].weight += members[i].weight == 0;
            zones += !seen[members[i].zone];
            seen[members[i].zone] = true;
        }
        struct ring *r = ring_new(members, n, 10);
        for (size_t i = 0; i < n; i++)
            members[i].zone = 5;
        struct ring *blind = ring_new(members, n, 10);
        for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
            const struct ring_member *o[RING_OWNERS], *p[RING_OWNERS];
            assert_int_equal(ring_owners(r, arc, o), RING_OWNERS);
            ring_owners(blind, arc, p);
            size_t distinct = 1 + (o[1]->zone != o[0]->zone) + (o[2]->zone != o[0]->zone && o[2]->zone != o[1]->zone);
            assert_int_equal(distinct, zones < RING_OWNERS ? zones : RING_OWNERS);
            assert_memory_equal(o[0]->id.bytes, p[0]->id.bytes, NODE_ID_BYTES);
        }
        ring_unref(r);
        ring_unref(blind);
    }
}

static void a_slice_is_as_long_as_it_is_told(void **state)
{
    unsigned slices = 0;
    (void)state;

    make(100, 5, 100, 9);
    struct ring_build *b = ring_build_new(NULL, members, 100, 12);
    while (!ring_build_step(b, 10000))
        slices++;
    /* 4096 arcs of 100 bids, and a little more for each arc. */
    assert_in_range(slices, 40, 60);
    struct ring *r = ring_build_take(b), *anew = ring_new(members, 100, 12);
    check_same_bytes(r, anew);
    b = ring_build_new(r, members + 1, 99, 12);
    for (slices = 0; !ring_build_step(b, 10000); slices++)
        continue;
    assert_in_range(slices, 1, 8);
    ring_build_free(b); /* given up at the end, */
    b = ring_build_new(r, members, 100, 12);
    ring_build_step(b, 10);
    ring_build_free(b); /* and in the middle */
    ring_build_free(NULL);
    ring_unref(r);
    ring_unref(anew);
}

static void golden_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_RINGS; i++) {
        uint64_t got = golden_ring_digest(&golden_rings[i]);
        if (got != golden_rings[i].want)
            print_message("%s: %016llx\n", golden_rings[i].what, (unsigned long long)got);
        assert_true(got == golden_rings[i].want);
    }
}

static void check_same_arcs(const struct ring *lazy, const struct ring *whole, bool shares_first)
{
    const struct ring_member *a[RING_OWNERS], *b[RING_OWNERS];

    assert_int_equal(ring_epoch(lazy), ring_epoch(whole));
    for (size_t i = 0; i < whole->n; i++)
        assert_int_equal(ring_places(lazy, &whole->members[i].id), whole->shares[i] > 0);
    for (size_t i = 0; shares_first && i < whole->n; i++)
        assert_int_equal(ring_share(lazy, &whole->members[i].id), whole->shares[i]);
    for (uint32_t arc = 0; arc < ring_arcs(whole); arc += 1 + arc % 3) {
        size_t n = ring_owners(lazy, arc, a);
        assert_int_equal(n, ring_owners(whole, arc, b));
        for (size_t i = 0; i < n; i++)
            assert_true(node_id_eq(&a[i]->id, &b[i]->id));
    }
    for (size_t i = 0; i < whole->n; i++)
        assert_int_equal(ring_share(lazy, &whole->members[i].id), whole->shares[i]);
}

/* Of no member, of one, of equal weights and of others; shares asked for before any arc and after some; and a table
 * may be made from a lazy one. */
static void a_lazy_table_says_the_same(void **state)
{
    (void)state;

    for (size_t n = 0; n < 40; n += n < 4 ? 1 : 9) {
        for (int kind = 0; kind < 4; kind++) {
            if (kind < 2)
                make(n, 3, 100, 7);
            else
                make_mixed(n, 4, n);
            struct ring *none = ring_new(NULL, 0, 10), *whole = ring_new(members, n, 10);
            struct ring *lazy = ring_lazy(none, members, n);
            assert_non_null(lazy);
            check_same_arcs(lazy, whole, kind % 2 == 0);
            struct ring *next = ring_next(lazy, members, n > 0 ? n - 1 : 0);
            struct ring *scratch = ring_new(members, n > 0 ? n - 1 : 0, 10);
            check_same_arcs(next, scratch, false);
            ring_unref(scratch);
            ring_unref(next);
            ring_unref(lazy);
            ring_unref(whole);
            ring_unref(none);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_a_set_ends_in_the_same_bytes),
        cmocka_unit_test(nothing_moves_needlessly),
        cmocka_unit_test(a_ramp_moves_each_arc_once),
        cmocka_unit_test(a_hundred_thousand_keys_on_twenty_nodes),
        cmocka_unit_test(twice_the_weight_is_twice_the_keys),
        cmocka_unit_test(unequal_zones_are_used_as_far_as_they_go),
        cmocka_unit_test(a_slice_is_as_long_as_it_is_told),
        cmocka_unit_test(golden_tables),
        cmocka_unit_test(a_lazy_table_says_the_same),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
