/* world.h - the simulated world: one queue of events on a virtual clock, and everybody in
 * it. Events at the same time happen in the order in which they were set. */
#ifndef HEDGEROW_SIM_WORLD_H
#define HEDGEROW_SIM_WORLD_H

#include "node/core/engine.h"
#include "node/core/held.h"
#include "proto/base/heap.h"
#include "proto/base/list.h"
#include "proto/base/rand.h"
#include "proto/base/rare.h"
#include "sim/faults/fault_kinds.h"
#include "sim/net/link_model.h"
#include "sim/ring_shelf.h"
#include "sim/scenario.h"
#include "sim/trace_hash.h"

struct world;
struct edge;
struct net;
struct origin_model;
struct viewers;
struct purge_book;
struct config_book;
struct check;
struct warmth;
struct watch;
struct series_book;
struct change_book;

/* Embedded in whatever waits. Zeroed at birth. */
struct event {
    struct heap_node node;
    bool has_turn; /* it waits for a busy node, and its turn comes when it fires */
    void (*fire)(struct world *w, struct event *ev);
};

/* Who reads along: --trace, --answers (a line for each viewer's end, its fields as ANSWERS_HEAD has them; times in
 * microseconds), and --node-files (each node, before the first one starts). What they are given is lent for the call.
 */
struct tap {
    void (*line)(void *ctx, const char *text);
    void *ctx;
    void (*answer)(void *ctx, const char *text);
    void *answer_ctx;
    void (*node)(void *ctx, const struct identity *id);
    void *node_ctx;
    void (*moment)(void *ctx, mesh_ns now, mesh_ns time); /* each 100 ms of virtual time */
    void *moment_ctx;
};
#define ANSWERS_HEAD "number,asked_us,edge,uri,end,result,first_byte_us,last_byte_us,bytes"

struct settled;

struct world {
    const struct scenario *plan;
    struct scenario sc; /* as it is now: `set` changes it */
    mesh_ns now;
    bool calm;          /* the quiet phase: no faults, no new requests */
    bool moves;         /* nodes change their addresses, and so learn them from each other */
    bool odd_peers;     /* some lie, or have other software */
    mesh_ns started_at; /* when the last node began, and how many did so at that moment */
    size_t started_n;
    uint64_t bit[FAULT_KINDS_N]; /* how often each kind of fault bit */
    uint64_t rare[RARE_SITES_N]; /* how often each rare site went the rare way */
    struct heap events;
    struct trace_hash trace;
    struct tap tap;
    struct event step;   /* the scenario's next action */
    struct event sample; /* looks whether all agree */
    size_t action_at;
    struct edge *edges; /* sc.nodes of them */
    struct ring_shelf rings;
    struct roster *roster; /* of what all nodes believe of each other */
    struct zpack *zpack;
    struct held_store certs; /* that nodes hold of each other */
    struct settled *settled; /* what nodes know at the beginning; NULL: they join */
    struct net *net;
    struct origin_model *origin;
    struct viewers *viewers;
    struct purge_book *purges;
    struct config_book *configs;
    struct check *check;
    struct warmth *warmth;
    struct watch *watch;
    struct series_book *series;
    struct change_book *changes;
};

/* world_run lives through |sc| (checked; lent for the world's life) to its end and returns
 * the world as it is then, its nodes still up, its check filled. NULL: libsodium is unusable. */
struct world *world_run(const struct scenario *sc, const struct tap *tap);
void world_free(struct world *w);
/* world_live goes on until |until|, or, seen each 100 ms, until all has |settled| (NULL: is not asked). */
void world_live(struct world *w, mesh_ns until, bool (*settled)(struct world *w));

void world_at(struct world *w, struct event *ev, mesh_ns at);
void world_drop(struct world *w, struct event *ev);

/* world_note adds to the trace. |node| counts from 0; WORLD_NODE is nobody in particular. world_note_peer says, too,
 * whose bytes these are or for whom: who reads along is told, and the hash is the same. */
#define WORLD_NODE UINT32_MAX
void world_note_peer(struct world *w, enum note kind, uint32_t node, uint32_t peer, struct slice bytes);
void world_note(struct world *w, enum note kind, uint32_t node, struct slice bytes);
void world_notef(struct world *w, enum note kind, uint32_t node, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* world_stand_in: is there something in cryptography's place (stand_in.h)? */
static inline bool world_stand_in(const struct scenario *sc)
{
    return sc->nodes > sc->real_crypto;
}

static inline void world_bit(struct world *w, enum fault_kind kind)
{
    w->bit[kind]++;
}

/* How often rare sites went the rare way, all together; how often a kind of fault bit, that one among them. */
uint64_t world_rare(const struct world *w);
uint64_t world_bitten(const struct world *w, enum fault_kind kind);

/* Unix time, as all clocks of the world have it. */
int64_t world_wall_s(const struct world *w);

/* A number of its own for each use: keyed by entity and purpose, so that one more draw
 * somewhere changes nothing elsewhere. */
enum world_draw {
    DRAW_DATAGRAM = 1,
    DRAW_SEGMENT,
    DRAW_DIAL,
    DRAW_ORIGIN,
    DRAW_VIEWER,
    DRAW_ARRIVAL,
    DRAW_FAULT,
    DRAW_KEEP,
    DRAW_KEEP_FATE,
    DRAW_CONFIG_KEEP,
    DRAW_CONFIG_FATE,
    DRAW_TAPE,
    DRAW_POISON,
    DRAW_LIE,
    DRAW_DISK,
    DRAW_AFTERWARDS,
    DRAW_UNCHANGED,
    DRAW_WISH,
    DRAW_CHANGE,
    DRAW_END,
};
struct rand world_rand(const struct world *w, uint64_t entity, enum world_draw purpose);
/* Memory that a run cannot do without: ends the program with a message when there is none. */
void *world_alloc(size_t bytes);

#endif
