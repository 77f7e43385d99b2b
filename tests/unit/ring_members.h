/* ring_members.h - sets of members for tests of the ring. */
#ifndef HEDGEROW_TESTS_RING_MEMBERS_H
#define HEDGEROW_TESTS_RING_MEMBERS_H

#include "proto/base/rand.h"
#include "ring/ring.h"

#define MANY 600

static struct ring_member members[MANY];

/* Numbered members, |zones| in turn. The set |salt| gives other ids. */
static inline void make(size_t n, size_t zones, uint32_t weight, uint8_t salt)
{
    for (size_t i = 0; i < n; i++) {
        struct digest d;
        uint8_t name[] = { salt, (uint8_t)(i >> 8), (uint8_t)i };
        digest_one(&d, SLICE_OF(name));
        memcpy(members[i].id.bytes, d.bytes, NODE_ID_BYTES);
        members[i].zone = 1000 + i % zones;
        members[i].weight = weight;
    }
}

static inline void shuffle(size_t n, uint64_t seed)
{
    struct rand r = rand_of(seed, 0, 0);

    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rand_below(&r, i);
        struct ring_member t = members[i - 1];
        members[i - 1] = members[j];
        members[j] = t;
    }
}

static inline bool same_owners(const struct ring *a, const struct ring *b, uint32_t arc)
{
    const struct ring_member *x[RING_OWNERS], *y[RING_OWNERS];
    size_t n = ring_owners(a, arc, x);

    if (n != ring_owners(b, arc, y))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!node_id_eq(&x[i]->id, &y[i]->id))
            return false;
    }
    return true;
}

#endif
