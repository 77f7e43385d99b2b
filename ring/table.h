/* table.h - what building and looking up share. Not for others to include. */
#ifndef HEDGEROW_RING_TABLE_H
#define HEDGEROW_RING_TABLE_H

#include <stdatomic.h>

#include "proto/base/obj.h"
#include "ring/ring.h"

#define RING_MAGIC        0x52494e47u
#define RING_LOG_SEGMENTS 256

/* -log2 of RING_LOG_SEGMENTS + 1 points of one octave, from 1/2 to 1, in units of 2^-57. */
struct logs {
    uint64_t at[RING_LOG_SEGMENTS + 1];
};

/* Of a member, kept from table to table because a hash costs as much as hundreds of bids. */
struct member_hashes {
    uint64_t rival; /* of its id: what it bids with */
    uint64_t mark;  /* of all its facts: its part in the epoch */
};

struct ring {
    uint32_t magic;
    atomic_uint refs;
    uint64_t epoch;
    size_t n, zones; /* zones of those that have a weight */
    uint8_t arc_bits;
    struct ring_member *members; /* ascending ids */
    struct member_hashes *hashes;
    uint32_t *shares; /* by member */
    bool whole;       /* of all arcs the owners are in |owners|. Else: */
    uint16_t sole;    /* there are no tables, and this member owns all, or RING_NOBODY: each node begins with that; */
    struct rank *lazy; /* or this finds the owners of those arcs whose bar is still 0 */
    uint16_t *owners; /* RING_OWNERS per arc: members, RING_NOBODY behind the last */
    uint8_t *bars;    /* by arc: what a newcomer must bid to become an owner, see rank.h; never 0 */
    struct logs logs;
};

struct rank;

/* For qsort and bsearch over members. */
int ring_member_by_id(const void *a, const void *b);

static inline bool ring_member_same(const struct ring_member *a, const struct ring_member *b)
{
    return node_id_eq(&a->id, &b->id) && a->weight == b->weight && a->zone == b->zone;
}

/* table_mark is a member's part in the epoch, table_epoch what the sum of all parts makes. */
uint64_t table_mark(const struct ring_member *m);
uint64_t table_epoch(uint64_t marks, size_t n);

/* table_mix is a 64-bit mixer: the finaliser of splitmix64 without its increment, here
 * because a build runs it some ten million times and wants it inlined. */
static inline uint64_t table_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
