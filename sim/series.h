/* series.h - what happened over time, where, and how long it took: the books that a report's pictures are drawn from.
 * Buckets are of equal length and at most SERIES_BUCKETS_MAX; when a run is longer, two of them become one, and all
 * that follow are twice as long, so that memory is the same for any length. A pure bystander: nothing in it acts on the
 * run, draws, or gets into the trace. All integers. */
#ifndef HEDGEROW_SIM_SERIES_H
#define HEDGEROW_SIM_SERIES_H

#include "sim/world.h"

#define SERIES_BUCKETS_MAX 300
#define SERIES_FIRST       MS(100) /* length of a bucket at first: that of the world's samples */

/* How requests ended. X(name, what it is called) */
#define SERIES_ENDS(X)                                                                            \
    X(HIT, "hit at the edge asked") /* from its copy, or one that it confirmed with the origin */ \
    X(STALE, "expired copy")                                                                      \
    X(PEER, "from another node")                                                                  \
    X(ORIGIN, "waited for the origin")                                                            \
    X(FAILED, "failed or broken off")                                                             \
    X(GONE, "viewer went away")
enum series_end {
#define X(name, text) SERIES_##name,
    SERIES_ENDS(X)
#undef X
        SERIES_ENDS_N
};
extern const char *const series_end_texts[SERIES_ENDS_N];

/* Bytes by what they travelled on. X(name, what it is called) */
#define SERIES_FLOWS(X)                  \
    X(VIEWERS, "to viewers")             \
    X(NODES, "between nodes, as packed") \
    X(FETCHED, "from the origin")        \
    X(GOSSIP, "gossip")
enum series_flow {
#define X(name, text) SERIES_##name,
    SERIES_FLOWS(X)
#undef X
        SERIES_FLOWS_N
};
extern const char *const series_flow_texts[SERIES_FLOWS_N];

/* A histogram of times: LATENCY_STEPS steps in each doubling of microseconds, so a step is 1/16 wide at most. */
#define LATENCY_STEPS 16
#define LATENCY_SLOTS (LATENCY_STEPS * 33)
struct latency {
    uint64_t n;
    uint32_t slots[LATENCY_SLOTS];
};
/* The slot of |ns|; the first microsecond of |slot|. What is too long is in the last one. */
unsigned latency_slot(mesh_ns ns);
uint64_t latency_from_us(unsigned slot);
void latency_add(struct latency *l, mesh_ns ns);
/* The first microsecond of the slot that |per_mille| of all lie in or below; FIGURE_NEVER: there are none. */
uint64_t latency_at(const struct latency *l, unsigned per_mille);

struct series_bucket {
    uint64_t ends[SERIES_ENDS_N]; /* of requests made in it */
    uint64_t bytes[SERIES_FLOWS_N];
    uint64_t fetches;
    uint32_t looks, live; /* at the members; nodes that served at the last one */
    uint32_t apart;       /* of those that served, how many did not list just all of these, at the worst look */
    struct latency first_byte;
};

/* A change of the members, and when each node first knew it. */
#define SERIES_SPREADS_MAX 24
struct series_spread {
    mesh_ns at;
    uint32_t node;
    bool up, closed; /* closed: known to all, or another change of this node followed */
    uint32_t known;
    mesh_ns *known_at; /* [0 .. sc.nodes); NEVER: it does not, or was not there */
};

struct series_book {
    mesh_ns width;
    size_t n; /* buckets begun */
    struct series_bucket buckets[SERIES_BUCKETS_MAX];
    struct latency first_byte[SERIES_ENDS_N]; /* of those served */
    uint64_t *between;                        /* bytes on streams: places x places, from first */
    size_t places;
    struct series_spread spreads[SERIES_SPREADS_MAX]; /* after the beginning */
    size_t spreads_n, spreads_open, spreads_missed;
};

struct series_book *series_new(const struct world *w);
void series_free(struct series_book *s);

/* ---- what the world tells it, at the moment at which it happens ---- */

/* A request made at |asked_at| has ended; |first_byte_ns| is negative unless it was served. */
void series_request(struct world *w, mesh_ns asked_at, enum series_end how, mesh_ns first_byte_ns);
void series_bytes(struct world *w, enum series_flow flow, uint64_t bytes);
void series_stream(struct world *w, uint32_t from, uint32_t to, uint64_t bytes);
void series_fetch(struct world *w);
void series_sample(struct world *w, size_t live, size_t right);
/* |e| began or ended; then, each time a node has done something: does it know? */
void series_changed(struct world *w, const struct edge *e, bool up);
void series_looks(struct world *w, const struct edge *e);

/* series_coarser writes to |to| the buckets of |from|, |by| of them at a time; nothing else of it. */
void series_coarser(const struct series_book *from, size_t by, struct series_book *to);

/* Where a node stands on a map: its region of the matrix, else its ring, else its zone. The name is of |place|. */
size_t series_places(const struct scenario *sc);
uint32_t series_place_of(const struct scenario *sc, uint32_t node);
void series_place_name(const struct scenario *sc, uint32_t place, char out[24]);

/* series_csv: a line for each bucket, after one of names. */
void series_csv(struct buf *out, const struct series_book *s);

#endif
