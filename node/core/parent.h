/* parent.h - which region is the parent of the others: the one that is nearest to the origin by the median of what its
 * members state. Pure functions, so that whoever heard the same comes to the same; thread safe. */
#ifndef HEDGEROW_CORE_PARENT_H
#define HEDGEROW_CORE_PARENT_H

#include "proto/base/slice.h"

/* What one live member says. */
struct parent_vote {
    struct slice region; /* lent */
    uint32_t mark;       /* of that region */
    uint32_t us;         /* so far is the origin from it; 0: it says nothing */
    uint32_t holds;      /* mark of the region that it holds for the parent; 0: none */
};

struct parent_region {
    struct slice name;
    uint32_t median_us; /* the lower one of two; 0: nobody there says anything */
    size_t stated, members;
    uint32_t mark;
};

/* parent_sort brings |votes| into the order that the others want: by region. */
void parent_sort(struct parent_vote *votes, size_t n);

/* parent_next tells of the next region from |*at| on, which moves behind it; false: there is none. Begin with 0. */
bool parent_next(const struct parent_vote *votes, size_t n, size_t *at, struct parent_region *out);

/* parent_choose names the parent. The one that most hold for it stays (so that all come to the same, newcomers too),
 * unless another is nearer by 15 % and by 5 ms, or nobody there states anything any more. Lends from |votes|; empty:
 * nobody does anywhere. */
struct slice parent_choose(const struct parent_vote *votes, size_t n);

#endif
