/* sample.h - `sample N`: a run of one object in N, with what follows: an Nth of the requests and of each node's memory.
 * What is left does as the whole would (SHARDS: Waldspurger et al., FAST 2015); how often and how much is to be
 * multiplied by N. Of a log each object is in or out by its hash (input/gather.h). Of drawn ones, whose popularity is
 * known, one stands for each N neighbours in rank and has their mean popularity, so that no luck is in it. */
#ifndef HEDGEROW_SIM_SAMPLE_H
#define HEDGEROW_SIM_SAMPLE_H

#include "sim/scenario.h"

/* sample_keys is how many objects a run of |sc|, as it was said, has. sample_apply turns what was said into what a
 * world is made with. */
uint64_t sample_keys(const struct scenario *sc);
void sample_apply(struct scenario *sc);

#endif
