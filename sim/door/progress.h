/* progress.h - how far a long run is, for who watches it: a line on the error stream, once a second, where that is a
 * terminal. */
#ifndef HEDGEROW_SIM_DOOR_PROGRESS_H
#define HEDGEROW_SIM_DOOR_PROGRESS_H

#include "sim/world.h"

struct progress {
    bool terminal;
    int64_t began, told; /* seconds of this host's clock */
};

void progress_begin(struct progress *p);
/* progress_moment is for struct tap: the world is at |now| of |time|. */
void progress_moment(void *p, mesh_ns now, mesh_ns time);
/* progress_end takes the line away. */
void progress_end(struct progress *p);

#endif
