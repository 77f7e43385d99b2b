/* edge.h - one simulated node: a whole engine, and a rim made of the world's network,
 * origin and viewers instead of sockets. It outlives the engine: a node that was stopped
 * starts again with the same identity and its next boot. */
#ifndef HEDGEROW_SIM_EDGE_H
#define HEDGEROW_SIM_EDGE_H

#include "sim/world.h"

/* Counters of engines that have ended, so that nothing is lost with them. */
struct edge_sums {
    struct engine_counters engine;
    struct mesh_counters mesh;
    struct gossip_counters gossip;
};

/* Its time since it began, against the world's: at |world| it showed |shown|, and gains |ppm| millionths since. */
struct edge_clock {
    mesh_ns world, shown;
    int64_t ppm;
};

struct edge {
    struct world *w;
    uint32_t index, region; /* from 0 */
    char name[16], zone[32];
    struct identity id;
    struct engine *engine; /* NULL: down */
    bool host_gone;        /* down, and nobody even refuses connections */
    bool leaving;
    uint32_t life; /* how often it was started */
    uint64_t boot;
    mesh_ns paused_until, started_at;
    struct edge_clock clock;
    uint64_t lies;                /* told so far */
    uint64_t lies_one_in, frames; /* of so many frames about bodies one is altered; 0: none. Frames so far */
    uint64_t memory_left;         /* the so manieth piece of memory that its engine asks for is refused; 0: none */
    uint64_t memory_refused;      /* how many were, and of them those that the world has counted */
    uint64_t memory_told;
    mesh_ns trickle;       /* what it sends on streams comes a byte each such time; 0: as it is */
    mesh_ns busy, free_at; /* each thing takes it so long; it has something to do until then */
    uint32_t moves;        /* how often it changed its address */
    mesh_ns slow;          /* what is sent to it takes so much longer */
    int64_t wall_off_s;    /* its wall clock against the world's */
    struct event tick, stop;
    unsigned held;      /* datagrams that came while it stood still, and wait */
    mesh_ns back_at;    /* stood still for long, until then */
    struct buf kept;    /* its file of purges: outlives it */
    struct buf keeping; /* ... and what is on its way there */
    struct event keep;
    uint64_t keeps;
    struct buf configs[16]; /* versions of the configuration on its disk, as they came */
    size_t configs_n;
    struct buf config_keeping; /* ... and what is on its way there */
    struct event config_keep;
    uint64_t config_keeps;
    unsigned ticks_at_once;
    struct disk_model *disk; /* for copies; NULL: none. Outlives it */
    struct event probe;      /* of the origin, and since when */
    mesh_ns probe_began;
    struct list viewers, supplies, ends; /* of this life */
    struct edge_sums past;
    /* The world's own count, against the engine's counters. */
    uint64_t counted[6]; /* by enum request_result */
    uint64_t body_bytes, fetches, fetch_bytes, unchanged, datagrams_in, datagrams_out, datagram_bytes_out;
};

/* The name of region |region|. */
#define EDGE_REGION_MAX 16
void edge_region(const struct world *w, uint32_t region, char out[EDGE_REGION_MAX]);

void edge_init(struct world *w, struct edge *e, uint32_t index, const struct authority *a);
void edge_fini(struct edge *e);

/* edge_start begins it, or begins it again. What is lost: nothing; its boot counter and what lies beside it; its disk,
 * too. */
enum edge_lost { LOST_NOTHING, LOST_BOOT, LOST_DISK };
void edge_start(struct edge *e, enum edge_lost lost);
enum edge_stop { EDGE_CRASH, EDGE_VANISH, EDGE_LEFT, EDGE_END /* of the world */ };
void edge_stop(struct edge *e, enum edge_stop how);
void edge_leave(struct edge *e);
void edge_pause(struct edge *e, mesh_ns span);

/* edge_now is what its clock shows now, and what engines are told. edge_drift: it gains so much from now on. */
mesh_ns edge_now(const struct edge *e);
void edge_drift(struct edge *e, int64_t ppm);
void edge_wall_steps(struct edge *e, int64_t seconds);
/* edge_moves: it has another address from now on. What it had open over the old one hears nothing more. */
void edge_moves(struct edge *e);

/* Everything that hands something to an engine goes: edge_enter, the call, edge_pump. */
struct engine *edge_enter(struct edge *e);
void edge_pump(struct edge *e);

/* edge_held: the node stands still, or is busy; |ev| was set anew for when it goes on. */
bool edge_held(struct edge *e, struct event *ev);

/* Takes new viewers: up, not leaving. */
bool edge_serves(const struct edge *e);
static inline bool edge_up(const struct edge *e)
{
    return e->engine != NULL;
}

/* The counters of all its lives. */
void edge_counters(const struct edge *e, struct edge_sums *out);

#endif
