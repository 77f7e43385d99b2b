/* swarm.h - settings drawn from a seed, so that seeds differ in kind: some have no loss at all and some much, some a
 * tiny cache, some regions, some purges ... A run with a little of everything never sees what only shows where one
 * thing is absent (Groce et al., Swarm Testing, ISSTA 2012). Pure. */
#ifndef HEDGEROW_SIM_HUNT_SWARM_H
#define HEDGEROW_SIM_HUNT_SWARM_H

#include "sim/scenario.h"

/* swarm_draw sets |sc|'s settings (of `run`, from scenario_init) by |seed|. What a scenario or an option says is
 * applied afterwards, and so wins. Where a story is to be told, with nodes and moments by number, |story|, how many
 * nodes and keys there are and how long it lasts is not drawn. */
void swarm_draw(struct scenario *sc, uint64_t seed, bool story);

/* swarm_more adds actions of kinds that `faults` does not draw. Called when all settings are known; |sc|'s seed is
 * another than it was drawn with only when somebody said so. */
void swarm_more(struct scenario *sc);

#endif
