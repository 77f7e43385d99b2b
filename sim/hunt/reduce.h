/* reduce.h - scenarios that are a little less than another: candidates of shrinking. Pure. */
#ifndef HEDGEROW_SIM_HUNT_REDUCE_H
#define HEDGEROW_SIM_HUNT_REDUCE_H

#include "sim/scenario.h"

#define REDUCE_CANDIDATES 8

/* reduce_copy makes |to| (not initialised) the same as |from|. */
void reduce_copy(struct scenario *to, const struct scenario *from);
/* reduce_actions is reduce_copy with those actions alone whose flag is set. */
void reduce_actions(struct scenario *to, const struct scenario *from, const bool *keep);
/* reduce_nodes is reduce_copy with those nodes alone whose flag is set; they are numbered anew, and so are they in the
 * actions: what concerned only the others is gone. False: that is no scenario (it has no nodes); |to| is then nothing. */
bool reduce_nodes(struct scenario *to, const struct scenario *from, const bool *keep);

/* reduce_reseeded fills scenarios that have one node or one action less and another seed: what is less draws otherwise,
 * and may break the same rule only by another chance. |turn| counts from 0; by turn (nodes + actions) / REDUCE_CANDIDATES
 * each was left out once, then they come again, with seeds that were not tried. Returns how many there are. */
size_t reduce_reseeded(const struct scenario *sc, uint64_t turn, struct scenario out[REDUCE_CANDIDATES]);

/* The ways, counted from 0: fewer nodes, a shorter time, fewer requests, fewer keys, smaller bodies, and each setting
 * of noise as it is without being said. reduce_candidates fills up to REDUCE_CANDIDATES scenarios, the smallest first,
 * and returns how many there are; all pass scenario_check, and none is |sc| itself. */
size_t reduce_ways(void);
const char *reduce_way(size_t way);     /* the setting's name */
size_t reduce_way_of(const char *name); /* the way of a setting that is one */
size_t reduce_candidates(const struct scenario *sc, size_t way, struct scenario out[REDUCE_CANDIDATES]);

#endif
