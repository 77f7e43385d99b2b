/* comparer.h - `hedgerow-sim report`: runs beside each other, from the files that `run --json` wrote. */
#ifndef HEDGEROW_SIM_DOOR_COMPARER_H
#define HEDGEROW_SIM_DOOR_COMPARER_H

#include "sim/options.h"

/* Returns the exit code; what there is to say was said by then. */
int comparer_run(const struct options *o);

#endif
