/* table.h - what building and looking up share. Not for others to include. */
#ifndef HEDGEROW_RING_TABLE_H
#define HEDGEROW_RING_TABLE_H

#include <stdatomic.h>

#include "proto/base/obj.h"
#include "ring/ring.h"

#define RING_MAGIC 0x52494e47u

struct ring {
    uint32_t magic;
    atomic_uint refs;
    uint64_t epoch;
    size_t n;
    uint8_t arc_bits;
    struct ring_member *members; /* ascending ids */
    uint32_t *shares;            /* by member */
    uint16_t *owners;            /* RING_OWNERS per arc: members, RING_NOBODY behind the last */
};

/* For qsort and bsearch over members. */
int ring_member_by_id(const void *a, const void *b);

/* table_mix is a 64-bit mixer: the finaliser of splitmix64 without its increment, here
 * because a build runs it some ten million times and wants it inlined. */
static inline uint64_t table_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
