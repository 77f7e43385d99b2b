/* pace.h - how soon a peer answers: the 95th percentile of what it took, in eight bytes a peer. Plain data. */
#ifndef HEDGEROW_CORE_PACE_H
#define HEDGEROW_CORE_PACE_H

#include <stdint.h>

#include "proto/base/time.h"

#define PACE_LEAST MS(2)   /* sooner than that nobody is called late: a turn of the loop may take so long */
#define PACE_MOST  MS(400) /* a peer that is silent for so long is passed over anyway */

struct pace { /* all zero: it was never seen to answer */
    uint32_t p95_us;
    uint32_t seen; /* answers, as far as that matters */
};

/* pace_p95: 95 of 100 answers come within that time, as far as is known. Before there is any: a round trip, |rtt|, and a
 * bit, or 50 ms where that is not known (0); from the first one on no more than that one and a bit. */
mesh_ns pace_p95(const struct pace *p, mesh_ns rtt);

/* pace_took: one more answer came after |took|, or had not come by then. */
void pace_took(struct pace *p, mesh_ns rtt, mesh_ns took);

#endif
