/* differ.h - `hedgerow-sim diff` and `bisect`: where two runs part. */
#ifndef HEDGEROW_SIM_DOOR_DIFFER_H
#define HEDGEROW_SIM_DOOR_DIFFER_H

#include "sim/options.h"

/* Both return the exit code: 0, there is no difference. */
int differ_files(const struct options *o);
/* Runs |sc| by this program and by o->with, and compares the traces as they come. */
int differ_programs(const struct options *o, const struct scenario *sc);

#endif
