/* shrinker.h - `hedgerow-sim shrink`: the smallest run that still breaks the same rule. */
#ifndef HEDGEROW_SIM_DOOR_SHRINKER_H
#define HEDGEROW_SIM_DOOR_SHRINKER_H

#include "sim/options.h"

/* |sc| is the run that fails; it is reduced in place. Returns the exit code: 0, something smaller or as small was
 * found. */
int shrinker_run(const struct options *o, struct scenario *sc);

#endif
