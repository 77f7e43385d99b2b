/* edge.h - what this node is to viewers' ends: where they reach it, whether it is ready, how busy it is; and how far
 * its own viewers are. Worker 0's: it tells the engine, which tells the others (node/steer). */
#ifndef HEDGEROW_IO_EDGE_H
#define HEDGEROW_IO_EDGE_H

#include "node/io/announce.h"
#include "node/io/rtt_box.h"
#include "node/io/runtime.h"

struct edge {
    uint16_t dns;      /* node_dns_port */
    mesh_ns at;        /* the load was looked at then, */
    uint64_t requests; /* when so many had been answered */
    uint32_t load;     /* smoothed; thousandths of a thousandth */
    struct announce announce;
    bool told, ready; /* what was told last */
    struct rtt_sample taken[RTT_BOX_MAX];
};

/* edge_second takes what the sockets have shown, and looks how busy we are; edge_tell tells what we are now.
 * edge_ready: it has been told that we are ready for viewers. */
void edge_second(struct node *n);
void edge_tell(struct node *n);
bool edge_ready(const struct node *n);

/* edge_load is |load| of |was| smoothed over some seconds: pure. edge_permille is |of| in thousandths of |max|, 0 if
 * that is 0, and no more than STEER_LOAD_MAX. */
#define EDGE_LOAD_MAX 10000
uint32_t edge_load(uint32_t was, uint32_t load_permille, mesh_ns since);
uint32_t edge_permille(uint64_t of, uint64_t max);

#endif
