/* reduce.h - scenarios that are a little less than another: candidates of shrinking. Pure. */
#ifndef HEDGEROW_SIM_HUNT_REDUCE_H
#define HEDGEROW_SIM_HUNT_REDUCE_H

#include "sim/scenario.h"

#define REDUCE_CANDIDATES 8

/* reduce_copy makes |to| (not initialised) the same as |from|. */
void reduce_copy(struct scenario *to, const struct scenario *from);
/* reduce_actions is reduce_copy with those actions alone whose flag is set. */
void reduce_actions(struct scenario *to, const struct scenario *from, const bool *keep);

/* The ways, counted from 0: fewer nodes, a shorter time, fewer requests, fewer keys, smaller bodies, and each setting
 * of noise as it is without being said. reduce_candidates fills up to REDUCE_CANDIDATES scenarios, the smallest first,
 * and returns how many there are; all pass scenario_check, and none is |sc| itself. */
size_t reduce_ways(void);
const char *reduce_way(size_t way); /* the setting's name */
size_t reduce_candidates(const struct scenario *sc, size_t way, struct scenario out[REDUCE_CANDIDATES]);

#endif
