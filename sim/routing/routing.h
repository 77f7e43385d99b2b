/* routing.h - a world of edges and of viewers who ask which one to go to: each edge runs node/steer (the code that
 * ships: what it learns, says to others in datagrams that are lost and late, and chooses by), without engines. The same
 * scenario gives the same run. Each policy has the same world for itself.
 *
 * Every viewer keeps the answer that some live node gave it for its TTL, connects again and again to the first edge of
 * it (to the next one, when that is down), and that edge measures how long it took.
 */
#ifndef HEDGEROW_SIM_ROUTING_ROUTING_H
#define HEDGEROW_SIM_ROUTING_ROUTING_H

#include <assert.h>

#include "node/steer/choose.h"
#include "node/steer/steer.h"
#include "sim/members/parcel.h"
#include "sim/members/queue.h"
#include "sim/routing/figures.h"
#include "sim/routing/network_model.h"
#include "sim/trace_hash.h"

/* X(name, word): by whom viewers are sent */
#define ROUTING_POLICIES(X)                                                            \
    X(LATENCY, "latency")         /* node/steer */                                     \
    X(RANDOM, "random")           /* any edge that the answering node holds to live */ \
    X(GEOGRAPHIC, "geographic")   /* the nearest one of these on the globe */          \
    X(ROUND_ROBIN, "round-robin") /* these in their turn, each node for itself */
enum routing_policy {
#define X(name, word) POLICY_##name,
    ROUTING_POLICIES(X)
#undef X
        POLICIES_N
};
const char *routing_policy_word(enum routing_policy p);

/* What may happen, with what |a| and |b| of the event mean. */
enum routing_event {
    ROUTING_ACTION,   /* the scenario's next one */
    ROUTING_TICK,     /* edge, life */
    ROUTING_SECOND,   /* edge, life: its load, a round trip to one more member */
    ROUTING_DATAGRAM, /* parcel */
    ROUTING_NOTICE,   /* edge: it looks again whether the other one, |b|, lives */
    ROUTING_VISIT,    /* viewer */
    ROUTING_LOOK,     /* all are measured */
    ROUTING_MOVED,    /* the networks that moved are measured, a minute later */
};

#define ROUTING_NOWHERE UINT16_MAX

struct routing_edge {
    struct site site;
    struct node_id id;
    char name[16], zone[24];
    uint32_t life; /* starts so far; 0: none */
    bool up, draining, left_out;
    struct steer *steer; /* NULL: down, or another policy */
    mesh_ns armed;       /* of the TICK that counts */
    bool *lives;         /* which others do, as far as it knows */
    uint32_t turn, probe;
    uint64_t cap, viewers; /* 0: no cap; who connected here last */
    uint64_t draws;
    mesh_ns ended, drained; /* MESH_NS_NEVER: not */
};

struct routing_viewer {
    uint32_t network;
    uint32_t number;
    struct rand draws;
    uint16_t picks[STEER_PICKS];
    uint8_t picks_n;
    uint16_t at;   /* where it connected last, ROUTING_NOWHERE: not yet */
    mesh_ns until; /* its answer counts */
    mesh_ns moved; /* its network did; MESH_NS_NEVER: it did not, or the viewer has been near since */
    bool follows;  /* it is among those of the last move */
};

struct series_us {
    uint32_t *values;
    size_t n, cap;
};
void series_us_add(struct series_us *s, uint32_t us);
/* The |per_mille|-th value by nearest rank; sorts. FIGURE_NEVER: there are none. */
uint64_t series_us_at(struct series_us *s, unsigned per_mille);

struct routing {
    struct scenario sc; /* a copy that `set` changes; lists are the caller's */
    enum routing_policy policy;
    struct routing_edge *edges;
    uint32_t edges_n;
    struct network *networks;
    uint32_t networks_n;
    uint32_t *rtt_us; /* of networks to edges: networks_n x edges_n */
    struct routing_viewer *viewers;
    uint32_t viewers_n;
    struct queue queue;
    struct parcels parcels;
    struct trace_hash trace;
    mesh_ns now, begun; /* begun: where a scenario's times count from; edges are there before */
    size_t action_at;
    mesh_ns capped_from; /* the last `cap`; MESH_NS_NEVER: none */
    uint32_t capped;
    int cap_side; /* of the load that was seen last beyond the edges: -1, 1; 0: none yet */

    struct series_us rehomed_ms;
    uint64_t rtt_sum, best_sum;         /* of connections */
    uint64_t moved_viewers, moved_near; /* a minute later */
    uint64_t cap_sum, cap_looks, spilled_sum, spilled_second;
    uint64_t switched, datagram_bytes;
    struct routing_figures f; /* counted on the way, filled up by measure_end */
};

/* routing_run plays |sc|, which must outlive it. NULL: the cryptography library cannot be used. */
struct routing *routing_run(const struct scenario *sc, enum routing_policy policy);
void routing_free(struct routing *w);

/* ---- for the parts of the world ---- */

void routing_at(struct routing *w, mesh_ns at, enum routing_event kind, uint32_t a, uint32_t b);
static inline uint32_t routing_rtt_us(const struct routing *w, uint32_t network, uint32_t edge)
{
    return w->rtt_us[(size_t)network * w->edges_n + edge];
}
bool routing_has(const struct routing *w, const struct node_set *s, uint32_t edge);

/* edges.c: nodes, what they know of each other, datagrams. */
void routing_edges_make(struct routing *w);
void routing_edges_free(struct routing *w);
void routing_edge_start(struct routing *w, uint32_t i);
void routing_edge_crash(struct routing *w, uint32_t i);
void routing_edge_tell(struct routing *w, uint32_t i); /* what it is to viewers has changed */
void routing_edge_tick(struct routing *w, uint32_t i);
void routing_edge_second(struct routing *w, uint32_t i);
void routing_edge_take(struct routing *w, uint32_t parcel);
void routing_edge_notice(struct routing *w, uint32_t i, uint32_t other);
struct steer_view *routing_edge_view(struct routing *w, uint32_t i);
uint32_t routing_edge_of(const struct routing *w, const struct node_id *id);

/* policy.c: the answer of a node. Returns how many edges it put into |picks|; |ttl|: how long it counts. */
size_t policy_answer(struct routing *w, uint32_t node, struct routing_viewer *v, uint16_t picks[STEER_PICKS],
                     mesh_ns *ttl);

/* visits.c: viewers. */
void visits_make(struct routing *w);
void visit(struct routing *w, uint32_t viewer);
void visits_move(struct routing *w, uint64_t networks);

/* measure.c: how good it is. measure_best gives the edge that is the best one for a network among those that serve
 * (edges_n: there is none), and the time to the second best. */
void measure_begin(struct routing *w);
uint32_t measure_best(const struct routing *w, uint32_t network, uint32_t *second_us);
void measure_answer(struct routing *w, uint32_t node, const uint16_t *picks, size_t n);
void measure_connection(struct routing *w, struct routing_viewer *v, uint16_t edge);
void measure_look(struct routing *w);
void measure_moved(struct routing *w);
void measure_end(struct routing *w);

#endif
