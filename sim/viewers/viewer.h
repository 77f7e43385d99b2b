/* viewer.h - what the files about viewers share. Nobody else includes it. */
#ifndef HEDGEROW_SIM_VIEWERS_VIEWER_H
#define HEDGEROW_SIM_VIEWERS_VIEWER_H

#include "sim/edge.h"

/* viewer_new: a viewer with a question for |e|, now; |r| draws what kind of viewer it is. */
void viewer_new(struct world *w, struct edge *e, uint64_t number, uint64_t key, struct rand *r);

#endif
