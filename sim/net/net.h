/* net.h - the network between the nodes. Datagrams are delayed, lost, doubled, overtaken
 * and damaged. Streams are as TCP: reliable and in order; a lost segment comes a
 * retransmission timeout later, and everything behind it too; only so much is under way
 * at once; a peer whose host is gone says nothing, one whose process is gone resets. */
#ifndef HEDGEROW_SIM_NET_H
#define HEDGEROW_SIM_NET_H

#include "sim/world.h"

/* From one node to another. */
struct path {
    bool cut;
    uint64_t draws;     /* datagrams and segments so far: each draws for itself */
    mesh_ns busy_until; /* of a link with a rate */
};

/* What lies between one node and the rest: streams and datagrams have half of its rate each. */
struct access {
    struct link_queue up, down, up_stream, down_stream;
    struct link_burst burst; /* of what it sends */
    uint64_t narrow_rate;    /* bytes a second, both ways; 0: as the settings say */
    struct link_queue narrow;
};

struct net_counts {
    uint64_t datagrams, datagram_bytes, lost, queue_drops, doubled, overtaken, damaged;
    uint64_t dials, refused, connections, segments, stream_bytes, stalls, replayed;
};

struct path_trouble;

struct net {
    struct world *w;
    size_t nodes;
    struct path *paths;            /* nodes x nodes */
    struct path_trouble *troubles; /* likewise; NULL: nothing was ever wrong (fault_net.h) */
    struct list tapes;
    struct access *access;
    struct list flying; /* datagrams under way */
    struct list streams;
    uint64_t dials;
    struct net_counts counts;
};

struct net *net_new(struct world *w);
void net_free(struct net *n);
struct mesh_addr net_addr(const struct net *n, uint32_t node);

void net_datagram(struct edge *from, const struct mesh_addr *to, struct slice bytes);

/* ---- streams (stream.c) ---- */
void net_dial(struct edge *from, struct link *l, const struct mesh_addr *to);
/* net_write takes from the link's output what may be under way; the rest goes later. */
void net_write(struct edge *e, struct link *l);
void net_close(struct edge *e, struct link *l);
/* The engine is going, and its links with it: peers see a reset, or nothing. */
void net_drop_all(struct edge *e, bool silently);
void net_reset(struct net *n, uint32_t a, uint32_t b);
void net_streams_free(struct net *n);

/* ---- for both ---- */
struct path *net_path(struct net *n, uint32_t from, uint32_t to);
struct rand net_rand(struct net *n, uint32_t from, uint32_t to);
/* Is a packet on this way lost? Cuts not counted. */
bool net_lost(struct net *n, uint32_t from, struct rand *r);
/* When |bytes| of a stream are through both access links, if they need |delay| between them. */
mesh_ns net_stream_at(struct net *n, uint32_t from, uint32_t to, size_t bytes, mesh_ns delay);
/* One way, jitter included; with a rate, |bytes| wait for what was sent before. */
mesh_ns net_delay(struct net *n, uint32_t from, uint32_t to, size_t bytes, struct rand *r);
void net_damage(struct net *n, uint8_t *bytes, size_t len, struct rand *r);
/* The node at |addr|, NULL: nobody has it. */
struct edge *net_at(struct net *n, const struct mesh_addr *addr);

void net_cut(struct net *n, uint32_t from, uint32_t to);
void net_heal(struct net *n);

#endif
