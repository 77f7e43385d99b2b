/* topology.h - the nodes of a mesh that there is: which regions and zones they are in. Plain data. */
#ifndef HEDGEROW_SIM_TOPOLOGY_H
#define HEDGEROW_SIM_TOPOLOGY_H

#include "sim/scenario.h"

#define TOPOLOGY_NAME_MAX 64
struct topology_node {
    char name[TOPOLOGY_NAME_MAX], where[TOPOLOGY_NAME_MAX]; /* its own name; its zone as the mesh writes it */
    uint32_t region, zone;                                  /* from 0; zones are counted within a region */
};
struct topology {
    struct topology_node *nodes; /* in the order in which they are n1, n2 ... */
    uint64_t n, regions, zones;  /* zones: in the region with the most of them */
    uint64_t memory;             /* of a node's cache; 0: not said */
    char file[TOPOLOGY_NAME_MAX];
};
void topology_free(struct topology *t);

/* topology_place is where node |i| (from 0) of |sc| is: as its topology says, which is repeated where there are more
 * nodes than it has; without one, in turn. */
struct place_of_node {
    uint32_t region, zone;
};
struct place_of_node topology_place(const struct scenario *sc, uint64_t i);

/* topology_find is the node with the name |name|, from 0; UINT64_MAX: there is none. */
uint64_t topology_find(const struct scenario *sc, const char *name);

/* topology_put writes which node is which, a line each; nothing without a topology. */
void topology_put(struct buf *out, const struct scenario *sc);

#endif
