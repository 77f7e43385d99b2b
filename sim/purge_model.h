/* purge_model.h - purges in the world: what the origin has changes, then a purge of it is called for at a node. The
 * world keeps a book of who has each purge on its disk, and judges by it what is served from then on. A purge is known
 * to the world by its id alone, as callers know it and as it stands in a node's file. */
#ifndef HEDGEROW_SIM_PURGE_MODEL_H
#define HEDGEROW_SIM_PURGE_MODEL_H

#include "sim/edge.h"
#include "sim/viewer_model.h"

/* What the book says of one purge at one node. */
struct purge_at {
    mesh_ns kept_at; /* it lies on its disk since; NEVER: it does not (any more) */
    bool ever;       /* it lay there once */
    bool listed;     /* the caller's node had it as a member, when the purge was called for */
    uint32_t life;   /* it took viewers then, in this life; 0: it did not */
};

struct purge_entry {
    char id[PURGE_ID_MAX];
    mesh_ns called_at;
    uint64_t version; /* of what it covers, from then on */
    enum purge_kind kind;
    uint64_t value;
    uint32_t caller, life;
    struct purge_at *at; /* [0 .. sc.nodes) */
};

struct purge_book {
    struct purge_entry *entries; /* in the order in which they were called for */
    size_t n, cap;
    uint64_t *versions; /* of the origin's bodies: [0 .. sc.keys) */
    mesh_ns *made_at;   /* when each version was made: [1 .. version], the first ones at the beginning */
    size_t made_cap;
    uint64_t version, refused;
    uint64_t old, old_max_ms;  /* answers older than a purge that was called for before they were asked for */
    mesh_ns rough_at, down_at; /* the network was last not as planned; a node last stopped or stood still */
};

struct purge_book *purge_book_new(struct world *w);
void purge_book_free(struct purge_book *b);

/* purges_draw adds sc->purges purges to the scenario's actions. Before fault_draw: they come in order of time. */
void purges_draw(struct scenario *sc);

/* purge_called: what |kind| and |value| mean at the origin is another version now, and |e| is told to purge it. */
void purge_called(struct edge *e, enum purge_kind kind, uint64_t value);

/* purge_version is that of what the origin has of |key| now. purge_covered: how many purges may have had it fetched
 * again. */
uint64_t purge_version(const struct world *w, uint64_t key);
uint64_t purge_covered(const struct world *w, uint64_t key);

/* purge_changed: the origin has another version of |key| alone now, which is returned; nobody is told. */
uint64_t purge_changed(struct world *w, uint64_t key);
/* purge_version_made: when that version was made, in Unix seconds. */
int64_t purge_version_made(const struct world *w, uint64_t version);

/* |lines| lie on |e|'s disk now; what lay there is lost. */
void purge_kept(struct edge *e, struct slice lines);
void purge_lost(struct edge *e);

/* purge_floor: who asks |e| for |key| now must get no older version. purge_served: it got |version|, having asked at
 * |asked_at|. */
uint64_t purge_floor(const struct edge *e, uint64_t key);
void purge_served(struct world *w, uint64_t key, uint64_t version, mesh_ns asked_at);

/* purge_sample looks at what callers are told; purge_settled: has every live node all purges, and does each caller
 * know? purge_end judges that. */
void purge_sample(struct world *w);
bool purge_settled(const struct world *w);
void purge_end(struct world *w);

/* purge_times adds how long each purge took to the disk of each node that was there, from its call on; returns how many
 * have not got there. */
uint64_t purge_times(const struct world *w, struct times *out);

#endif
