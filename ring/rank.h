/* rank.h - who owns one arc: bids and podiums. For build.c alone. */
#ifndef HEDGEROW_RING_RANK_H
#define HEDGEROW_RING_RANK_H

#include "ring/table.h"

/* A member that can own something. |zone| is dense. */
struct rival {
    uint64_t hash;
    uint64_t reach; /* no bid whose hash lies further than this from the top is below the limit */
    uint32_t weight;
    uint16_t zone, member;
};

/* A rival whose bid on an arc is worth a look. */
struct call {
    uint64_t hash;
    uint16_t rival;
};

struct rank {
    const struct ring *ring; /* lent: its members, their hashes and its logarithms */
    struct rival *rivals;    /* in the order of members */
    struct call *calls;      /* room for |n| and one */
    size_t n, zones;
    uint64_t limit; /* of cost / weight: a few bids an arc are below */
};

/* rank_logs fills in what bids are computed with; the same everywhere. */
void rank_logs(struct logs *l);

/* False: out of memory. rank_fini may follow in either case. */
bool rank_init(struct rank *k, const struct ring *r);
void rank_fini(struct rank *k);

/* rank_arc finds the owners of |arc| among all. */
void rank_arc(const struct rank *k, uint32_t arc, uint16_t owners[RING_OWNERS]);

/* rank_arc_again finds them among |old|, all who owned it before, and |came|. That is
 * enough if none of |old| has left or changed: each newcomer can only put others back
 * by a place, and whoever was not good enough before is not now. Zones do no harm: of
 * two zones and of one, too, the best that remains was an owner. */
void rank_arc_again(const struct rank *k, uint32_t arc, const struct rival *const *old, size_t old_n,
                    const struct rival *const *came, size_t came_n, uint16_t owners[RING_OWNERS]);

/* rank_in_vain: is it sure, at a glance, that none of |came| gets before |last|, the third
 * of three owners in three zones? */
bool rank_in_vain(const struct rank *k, uint32_t arc, const struct rival *last, const struct rival *const *came,
                  size_t came_n);

#endif
