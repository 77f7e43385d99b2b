/* watch.h - what must hold at each moment, looked at with each sample of the world: incarnations only grow, and nobody
 * holds a later one than the member itself ever had, which only a forged or damaged record could bring about; what
 * membership costs stays within its budget. A pure bystander. */
#ifndef HEDGEROW_SIM_WATCH_H
#define HEDGEROW_SIM_WATCH_H

#include "sim/edge.h"

/* Gossip that a node may send, purges and news of steering included: 14 KiB a second and 8 KiB at once, as they travel
 * (gossip/rumour.c). Probes and their answers do not wait for it, and what comes after them waits the longer. More
 * news at a time is granted more, so that larger meshes are not judged. */
#define WATCH_SPAN  SEC(10)
#define WATCH_BYTES (UINT64_C(10) * (16 << 10))
#define WATCH_NODES 100

struct watched {
    bool met;             /* since its last start */
    uint64_t boot;        /* of its own record, when last looked at in this life, */
    uint32_t counter;     /* ... */
    uint64_t latest_boot; /* and the latest that it ever had */
    uint32_t latest_counter;
    uint64_t digest;       /* of the view of it that was looked through */
    uint64_t bytes_before; /* datagram bytes at the beginning of the span */
};

struct watch {
    struct watched *nodes; /* [0 .. sc.nodes) */
    mesh_ns span_from;
};

struct watch *watch_new(struct world *w);
void watch_free(struct watch *watch);

void watch_sample(struct world *w);
/* The last look at an engine before it goes. */
void watch_node_stops(struct edge *e);

#endif
