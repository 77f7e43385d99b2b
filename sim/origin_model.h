/* origin_model.h - the origin: answers with bodies of body.h after a delay, at a rate, with
 * or without a length; counts what it was asked; refuses, hangs or cuts answers off when
 * the scenario says so. Each node has a connection of its own to it, which nothing cuts. */
#ifndef HEDGEROW_SIM_ORIGIN_MODEL_H
#define HEDGEROW_SIM_ORIGIN_MODEL_H

#include "sim/edge.h"

struct origin_key {
    uint32_t fetches, failures;
    uint32_t changes; /* by viewers' requests, and when the last one was made */
    mesh_ns changed_at;
    uint32_t parts;            /* fetches of a part, where viewers ask for such; no |fetches| */
    mesh_ns first_at, last_at; /* of its fetches */
    mesh_ns poisoned_at;       /* when it last answered for it what nobody asked; INT64_MIN: never */
    /* Who was last told that it has not changed, in which life, of which version, and when he had asked; NULL: nobody.
     */
    const struct edge *validated_by;
    uint32_t validated_life;
    uint64_t validated_version;
    mesh_ns validated_at;
    mesh_ns trouble_at; /* when a fetch of it last failed by the origin's fault; INT64_MIN: never */
};

struct origin_model {
    enum origin_state_kind state;
    mesh_ns trouble_from, trouble_until; /* the last time it was down or hung; until: NEVER while it is */
    uint64_t fetches, bytes;
    struct origin_key *keys; /* [0 .. sc.keys) */
};

struct origin_model *origin_model_new(struct world *w);
void origin_model_free(struct origin_model *o);
void origin_model_set(struct world *w, enum origin_state_kind state);

void origin_model_begin(struct edge *e, struct fetch *f);
void origin_model_flow(struct edge *e, struct fetch *f);
void origin_model_stop(struct edge *e, struct fetch *f);
void origin_model_node_stops(struct edge *e);

/* origin_model_probe has |e| told how long a connection takes. */
void origin_model_probe(struct edge *e);
void origin_model_probed(struct world *w, struct event *ev);

/* May a request for |key| that lived from |since| until now have failed by the origin's fault? */
bool origin_model_excuses(const struct world *w, uint64_t key, mesh_ns since);
/* Has the origin itself said since |since| that it is out of order (origin_poison.h)? */
bool origin_model_poisoned(const struct world *w, uint64_t key, mesh_ns since);

#endif
