/* estimate.h - what memory a run will take, before it is begun: from above, within a factor of about two. Pure. */
#ifndef HEDGEROW_SIM_ESTIMATE_H
#define HEDGEROW_SIM_ESTIMATE_H

#include "sim/scenario.h"

struct estimate {
    uint64_t caches;   /* what nodes keep of bodies: each its memory, or all that there is, or was asked for */
    uint64_t nodes;    /* engines, and what each knows of each other */
    uint64_t objects;  /* books of each key */
    uint64_t requests; /* those of a log, and the times of all */
    uint64_t all;
};
void estimate_run(struct estimate *out, const struct scenario *sc);

/* estimate_sample is the least `sample`, a power of two, with which |sc| takes no more than |bytes|; 0: none that this
 * memory can be divided by. */
uint64_t estimate_sample(const struct scenario *sc, uint64_t bytes);

#endif
