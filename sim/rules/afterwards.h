/* afterwards.h - the mesh is as good as before its faults: when they are over and all is at rest, somebody at each node
 * asks for an object that may be kept, and asks again. Each gets it, the second time from the node's own copy. */
#ifndef HEDGEROW_SIM_AFTERWARDS_H
#define HEDGEROW_SIM_AFTERWARDS_H

#include "sim/world.h"

/* afterwards_ask lives on through |w|, which is calm and at rest, until all have been answered and it has |settled|
 * again; what does not hold is told by check_broken. */
void afterwards_ask(struct world *w, bool (*settled)(struct world *w));

#endif
