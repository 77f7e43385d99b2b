/* ring_shelf.h - ring tables that the engines of a world share: who comes to the same members
 * takes the table that another has made (node/core/mesh.h, mesh_rings), instead of making it
 * again. Holds the last few; those in use live on with their users. */
#ifndef HEDGEROW_SIM_RING_SHELF_H
#define HEDGEROW_SIM_RING_SHELF_H

#include "node/core/mesh.h"

#define RING_SHELF_PLACES 16

struct ring_shelf {
    struct ring *rings[RING_SHELF_PLACES];
    size_t next;
    uint64_t made, found;
};

/* Zeroed at birth. ring_shelf_clear lets go of what it holds. */
void ring_shelf_clear(struct ring_shelf *s);

/* What an engine is told. */
struct mesh_rings ring_shelf_rings(struct ring_shelf *s);

#endif
