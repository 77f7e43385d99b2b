/* ring.h - which nodes own a key. The ring is cut into 2^bits equal arcs; each arc
 * ranks the members by weighted rendezvous (Thaler and Ravishankar 1998; weights
 * after Schindelhauer and Schomaker 2005, here in integers only). The first owner
 * is the best score; each next one the best score in a zone not used yet; when
 * zones run out, the best that remains. Pure data: no I/O, no clock, no randomness
 * and no history: the same members give the same bytes everywhere. Not thread safe
 * while being built; immutable (shareable) after. */
#ifndef HEDGEROW_RING_RING_H
#define HEDGEROW_RING_RING_H

#include "proto/cert.h"

#define RING_OWNERS      3
#define RING_MEMBERS_MAX 4096
#define RING_NOBODY      UINT16_MAX

struct ring_member {
    struct node_id id;
    uint64_t zone;   /* hash of the zone's name: equal zones, equal numbers */
    uint32_t weight; /* 100 = normal; 0 = a member that owns nothing */
};

struct ring;

/* ring_new builds the table of |n| <= RING_MEMBERS_MAX members (copied, any order,
 * distinct ids) over 2^arc_bits arcs (1..20). NULL when out of memory.
 * Reference counted: ring_ref, ring_unref (NULL is fine). */
struct ring *ring_new(const struct ring_member *members, size_t n, uint8_t arc_bits);
struct ring *ring_ref(struct ring *r);
void ring_unref(struct ring *r);

/* ring_next is ring_new(members, n, bits of |from|), to the byte, but many times faster
 * when few members differ from those of |from|. */
struct ring *ring_next(const struct ring *from, const struct ring_member *members, size_t n);

/* ring_lazy is ring_next, too, but the owners of an arc are found when they are asked for first: for who asks for few,
 * or makes many tables and looks at each only a little. The ring, and references to it, are for one thread. */
struct ring *ring_lazy(const struct ring *from, const struct ring_member *members, size_t n);

/* The same in slices, for those who must not stop for long: ring_build_new (|from| NULL or
 * lent until the end; NULL when out of memory), ring_build_step until it is true,
 * ring_build_take: the table. A step looks at about |bids| bids, some ns each. ring_build_take
 * frees the build; ring_build_free gives it up (NULL is fine). */
struct ring_build;
struct ring_build *ring_build_new(const struct ring *from, const struct ring_member *members, size_t n,
                                  uint8_t arc_bits);
bool ring_build_step(struct ring_build *b, uint64_t bids);
struct ring *ring_build_take(struct ring_build *b);
void ring_build_free(struct ring_build *b);
uint64_t ring_build_epoch(const struct ring_build *b);

/* ring_zone is the number for a zone's name. */
uint64_t ring_zone(struct slice name);

/* ring_digest is the digest of an eligible set, order-free: a built ring's epoch. */
uint64_t ring_digest(const struct ring_member *members, size_t n);
/* ring_digest_beside is the same, for less: what is as it is in |r| is not hashed anew. */
uint64_t ring_digest_beside(const struct ring *r, const struct ring_member *members, size_t n);
uint64_t ring_epoch(const struct ring *r);

size_t ring_size(const struct ring *r);
uint32_t ring_arcs(const struct ring *r);

/* ring_arc is the arc of a key: the top arc_bits of its hash. */
uint32_t ring_arc(const struct ring *r, const struct digest *key);

/* ring_owners lends the owners of |arc|, best first, and returns how many (0 on an empty ring). */
size_t ring_owners(const struct ring *r, uint32_t arc, const struct ring_member *owners[RING_OWNERS]);

/* ring_rank is |id|'s place among the owners of |arc|, or -1. */
int ring_rank(const struct ring *r, uint32_t arc, const struct node_id *id);

/* ring_share is how many arcs have |id| as their first owner. */
uint32_t ring_share(const struct ring *r, const struct node_id *id);

/* ring_places: is that more than none? */
bool ring_places(const struct ring *r, const struct node_id *id);

/* An arc whose owners are others than they were, or in another order. All lent by the two
 * tables. |lost|: those who were owners and are no more, |gained|: the new ones, best first. */
struct ring_change {
    uint32_t arc;
    const struct ring_member *was[RING_OWNERS], *is[RING_OWNERS], *lost[RING_OWNERS], *gained[RING_OWNERS];
    size_t was_n, is_n, lost_n, gained_n;
    bool first_moved;
};

/* ring_delta finds the next such arc from |*at| on and before |end|, moves |*at| behind it
 * and returns true; false when there is none. Begin with |*at| 0 and end with ring_arcs, in
 * as many slices as you like. Same arc count in both. */
bool ring_delta(const struct ring *was, const struct ring *is, uint32_t *at, uint32_t end, struct ring_change *out);
bool ring_change_gained(const struct ring_change *c, const struct node_id *id);
bool ring_change_lost(const struct ring_change *c, const struct node_id *id);

/* ring_moved counts the arcs whose first owner differs; same arc count in both. */
uint32_t ring_moved(const struct ring *was, const struct ring *is);

#endif
