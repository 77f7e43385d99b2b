/* hunter.h - `hedgerow-sim hunt`: many seeds, each in a process of its own, on all cores. */
#ifndef HEDGEROW_SIM_DOOR_HUNTER_H
#define HEDGEROW_SIM_DOOR_HUNTER_H

#include "sim/options.h"

/* Returns the exit code; what was found is on the output by then. */
int hunter_run(const struct options *o);

/* Of each run, whether of a hunt or of shrinking. */
#define RUN_CPU_S        120
#define RUN_MEMORY_BYTES (UINT64_C(4) << 30)

#endif
