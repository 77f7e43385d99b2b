/* fault_net.h - what goes wrong on a path between two nodes for a time: cuts, holds, holes; and old packets that come
 * again. Of the network alone (net.h): nothing of it shows in an engine's calls. */
#ifndef HEDGEROW_SIM_FAULT_NET_H
#define HEDGEROW_SIM_FAULT_NET_H

#include "sim/net/net.h"

/* From one node to another; zero: nothing wrong. */
struct path_trouble {
    enum fault_kind cut; /* which kind of cut; FAULT_LOSS: none */
    mesh_ns clogged_until;
    mesh_ns flap_from, flap_cut, flap_every; /* flap_every 0: it does not */
    uint64_t mtu;                            /* 0: any length passes */
};

/* The trouble of a path, to be changed; made when the first path has any. */
struct path_trouble *fault_path(struct net *n, uint32_t from, uint32_t to);

/* fault_pair does what |a| (of those that name two sets) says to |x| of the first and |y| of the second; a cut is
 * counted as |cut|. */
void fault_pair(struct world *w, const struct action *a, uint32_t x, uint32_t y, enum fault_kind cut);

/* net_blocked: nothing passes now; counts what it is. */
bool net_blocked(struct net *n, uint32_t from, uint32_t to);
/* A datagram of |len| bytes does not pass. */
bool net_hole(struct net *n, uint32_t from, uint32_t to, size_t len);
/* The moment at which what would arrive at |at| does. */
mesh_ns net_unclogged(struct net *n, uint32_t from, uint32_t to, mesh_ns at);
/* When the last bit of |bytes| is through |node|'s link, if that is narrow; else |at|. */
mesh_ns net_narrow(struct net *n, uint32_t node, size_t bytes, mesh_ns at);
/* How long a packet waits until it comes again. */
mesh_ns net_again_after(struct rand *r);
/* The first |cut| bytes of a datagram are what comes of it; all of it as a rule. */
size_t net_truncated(struct net *n, size_t len, struct rand *r);

/* net_calm ends all of these. What is under way comes. */
void net_calm(struct net *n);

/* ---- streams' first bytes ---- */
#define TAPE_MAX 4096

/* What a dialler said first, kept by somebody on the way, who says it again later. It outlives the stream. */
struct tape {
    struct event ev;
    struct list link;       /* in net->tapes */
    struct tape **recorder; /* the stream's pointer to it; NULL: it is gone */
    uint32_t from, to;
    size_t len;
    uint8_t bytes[TAPE_MAX];
};

/* tape_begin: a stream is dialled; |*recorder| is its tape, or NULL (as a rule). */
void tape_begin(struct net *n, uint32_t from, uint32_t to, struct tape **recorder);
void tape_add(struct tape *t, struct slice bytes);
/* The stream is gone; the tape is not. */
void tape_let_go(struct tape **recorder);
void tapes_free(struct net *n);
/* (stream.c) Plays it: a connection to |t->to| over which those bytes come, and nobody listens. */
void net_play(struct net *n, const struct tape *t);

#endif
