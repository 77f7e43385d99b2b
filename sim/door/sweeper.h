/* sweeper.h - `hedgerow-sim sweep`: a setting's values, each with the same seeds, on all cores. */
#ifndef HEDGEROW_SIM_DOOR_SWEEPER_H
#define HEDGEROW_SIM_DOOR_SWEEPER_H

#include "sim/options.h"

/* Returns the exit code; what was found is on the output by then. */
int sweeper_run(const struct options *o);

#endif
