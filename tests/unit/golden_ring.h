/* golden_ring.h - tables that every CPU, compiler and build must make alike: for the unit
 * test, and for tests/bench/big_endian.c. Each is digested in a byte order of its own
 * making: epoch, shares, and the owners of each arc by their ids. */
#ifndef HEDGEROW_TESTS_GOLDEN_RING_H
#define HEDGEROW_TESTS_GOLDEN_RING_H

#include <assert.h>

#include "ring_members.h"

#define GOLDEN_RINGS 4

static const struct golden_ring {
    const char *what;
    size_t n, zones;
    uint8_t arc_bits;
    bool by_steps; /* member after member, from table to table, in small slices */
    uint64_t want; /* the first 8 bytes of the digest */
} golden_rings[GOLDEN_RINGS] = {
    { "one zone", 10, 1, 12, false, UINT64_C(0x07c4c8bc6098d7b5) },
    { "two zones", 30, 2, 12, false, UINT64_C(0x5bceb81f5826dd76) },
    { "seven zones", 200, 7, 14, false, UINT64_C(0x89f56e5ad00e23e7) },
    { "seven zones, grown", 60, 7, 12, true, UINT64_C(0x4c02dccbd7f794c9) },
};

static inline struct ring *golden_grown(size_t n, uint8_t arc_bits)
{
    struct ring *r = ring_new(members, 1, arc_bits);

    for (size_t i = 2; i <= n; i++) {
        struct ring_build *b = ring_build_new(r, members, i, arc_bits);
        assert(b != NULL);
        while (!ring_build_step(b, 1000))
            continue;
        struct ring *next = ring_build_take(b);
        ring_unref(r);
        r = next;
    }
    return r;
}

static inline uint64_t golden_ring_digest(const struct golden_ring *g)
{
    struct digest sum = { { 0 } };
    uint8_t numbers[12];

    make(g->n, g->zones, 100, 77);
    for (size_t i = 0; i < g->n; i++)
        members[i].weight = (uint32_t)(i * i * 31 % 1000); /* 0 among them */
    struct ring *r = g->by_steps ? golden_grown(g->n, g->arc_bits) : ring_new(members, g->n, g->arc_bits);
    assert(r != NULL);
    be64_put(numbers, ring_epoch(r));
    for (size_t i = 0; i < g->n; i++) {
        be32_put(numbers + 8, ring_share(r, &members[i].id));
        struct slice parts[] = { SLICE_OF(sum.bytes), SLICE_OF(numbers) };
        digest_of(&sum, parts, 2);
    }
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
        const struct ring_member *o[RING_OWNERS];
        size_t n = ring_owners(r, arc, o);
        struct slice parts[1 + RING_OWNERS] = { SLICE_OF(sum.bytes) };
        for (size_t i = 0; i < n; i++)
            parts[1 + i] = SLICE_OF(o[i]->id.bytes);
        digest_of(&sum, parts, 1 + n);
    }
    ring_unref(r);
    return digest_u64(&sum);
}

#endif
