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

/* A bar of an arc says, roughly and never too low, what the third of three owners in three zones
 * bid: cost / weight is below bar_limit. RANK_NO_BAR: whoever bids may be an owner. */
#define RANK_BARS   252
#define RANK_NO_BAR UINT8_MAX
uint64_t rank_bar_limit(uint8_t bar);

struct rank {
    const struct ring *ring; /* lent: its members, their hashes and its logarithms */
    struct rival *rivals;    /* in the order of members */
    struct call *calls;      /* room for |n| and one */
    size_t n, zones;
    bool even;                 /* all have the same weight */
    bool counted;              /* of a lazy table: its shares are */
    uint8_t *placed;           /* of a lazy table, by member: what rank_places said, and 1; 0: it was not asked */
    uint64_t limit;            /* of cost / weight: a few bids an arc are below */
    uint64_t reach[RANK_BARS]; /* by bar: of a weight of 1, see rival.reach */
};

/* rank_logs fills in what bids are computed with; the same everywhere. */
void rank_logs(struct logs *l);

/* False: out of memory. rank_fini may follow in either case. */
bool rank_init(struct rank *k, const struct ring *r);
void rank_fini(struct rank *k);

/* rank_arc finds the owners of |arc| among all, and returns its bar. */
uint8_t rank_arc(const struct rank *k, uint32_t arc, uint16_t owners[RING_OWNERS]);

/* rank_first is the first one of them alone, in a small part of the time. |n| is not 0. */
uint16_t rank_first(const struct rank *k, uint32_t arc);

/* rank_places: is |member|, which has a weight, the first one of any arc? */
bool rank_places(const struct rank *k, uint16_t member);

/* rank_arc_again finds them among |old|, all who owned it before, and |came|. That is
 * enough if none of |old| has left or changed: each newcomer can only put others back
 * by a place, and whoever was not good enough before is not now. Zones do no harm: of
 * two zones and of one, too, the best that remains was an owner. */
uint8_t rank_arc_again(const struct rank *k, uint32_t arc, const struct rival *const *old, size_t old_n,
                       const struct rival *const *came, size_t came_n, uint16_t owners[RING_OWNERS]);

/* rank_in_vain: is it sure, at a glance, that none of |came| becomes an owner where the bar is |bar|? */
bool rank_in_vain(const struct rank *k, uint32_t arc, uint8_t bar, const struct rival *const *came, size_t came_n);

#endif
