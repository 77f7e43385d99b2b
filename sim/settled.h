/* settled.h - what each node of a mesh that has run for long knows when a run begins, so that it need not join. */
#ifndef HEDGEROW_SIM_SETTLED_H
#define HEDGEROW_SIM_SETTLED_H

#include "sim/world.h"

struct settled;

/* settled_new: of all nodes of |w| that are not absent. settled_free accepts NULL. */
struct settled *settled_new(struct world *w);
void settled_free(struct settled *s);

/* settled_begin gives |e|, which has just begun its first life, all of it. Who was absent then joins, as those do that
 * begin again. */
void settled_begin(const struct settled *s, struct edge *e);

#endif
