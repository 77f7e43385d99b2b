#include "sim/edge.h"

#include <stdio.h>

#include "node/dist/dist_make.h"
#include "sim/config_model.h"
#include "sim/disk/disk_check.h"
#include "sim/disk/disk_model.h"
#include "sim/faults/fault_peer.h"
#include "sim/faults/short_memory.h"
#include "sim/net/net.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/random.h"
#include "sim/rules/check.h"
#include "sim/series.h"
#include "sim/settled.h"
#include "sim/topology.h"
#include "sim/viewer_model.h"

#define TICKS_AT_ONCE_MAX 1000
#define LEAVE_PATIENCE    SEC(30) /* as the real node's */
#define KNOWN             3       /* others that a node without seeds knows when it comes back */
#define FIRST_BOOT        1       /* what a node counts from when its boot file is gone */
#define LONG_PAUSE        SEC(4)  /* who stood still for so long must have noticed */

static void tick(struct world *w, struct event *ev);
static void stop_after_leaving(struct world *w, struct event *ev);
static void keep_done(struct world *w, struct event *ev);

void edge_region(const struct world *w, uint32_t region, char out[EDGE_REGION_MAX])
{
    uint32_t number = region + 1;
    size_t n = 1;

    if (w->sc.rings == 1) {
        memcpy(out, "sim", 4);
        return;
    }
    for (uint32_t left = number; left > 0; left /= 10) /* asked for too often for snprintf */
        n++;
    out[0] = 'r';
    out[n] = '\0';
    for (; number > 0; number /= 10)
        out[--n] = (char)('0' + number % 10);
}

void edge_init(struct world *w, struct edge *e, uint32_t index, const struct authority *a)
{
    struct admission what = { .not_before_s = 0,
                              .not_after_s = INT64_C(4102444800),
                              .serial = 1 + index,
                              .roles = CERT_ROLE_NODE | CERT_ROLE_OPERATOR };

    char region[EDGE_REGION_MAX];

    memset(e, 0, sizeof(*e));
    e->w = w;
    e->index = index;
    snprintf(e->name, sizeof(e->name), "n%u", index + 1);
    struct place_of_node at = topology_place(&w->sc, index);
    e->region = at.region;
    edge_region(w, e->region, region);
    snprintf(e->zone, sizeof(e->zone), "%s/z%u", region, 1 + at.zone);
    what.name = slice_str(e->name);
    what.zone = slice_str(e->zone);
    int err = authority_admit(&e->id, a, &what);
    assert(err == 0);
    e->tick.fire = tick;
    e->stop.fire = stop_after_leaving;
    e->keep.fire = keep_done;
    e->probe.fire = origin_model_probed;
    list_init(&e->viewers);
    list_init(&e->supplies);
    list_init(&e->ends);
    e->disk = disk_model_new(e);
}

void edge_fini(struct edge *e)
{
    if (e->w == NULL)
        return;
    edge_stop(e, EDGE_END);
    disk_model_free(e->disk);
    buf_free(&e->kept);
    buf_free(&e->config_keeping);
    config_forget(e);
    identity_wipe(&e->id);
}

/* ---- its clocks and its address ---- */

static mesh_ns shown_at(const struct edge_clock *c, mesh_ns world)
{
    mesh_ns span = world - c->world;
    return c->shown + span + span * c->ppm / 1000000;
}

mesh_ns edge_now(const struct edge *e)
{
    return shown_at(&e->clock, e->w->now);
}

/* When its clock will show |shown|. */
static mesh_ns edge_then(const struct edge *e, mesh_ns shown)
{
    const struct edge_clock *c = &e->clock;
    mesh_ns span = shown - c->shown;

    if (shown == MESH_NS_NEVER || (c->ppm == 0 && c->shown == c->world))
        return shown;
    mesh_ns at = c->world + span - span * c->ppm / (1000000 + c->ppm);
    while (shown_at(c, at) >= shown) /* divisions round: the first moment at which it does */
        at--;
    while (shown_at(c, at) < shown)
        at++;
    return at;
}

void edge_drift(struct edge *e, int64_t ppm)
{
    e->clock = (struct edge_clock){ e->w->now, edge_now(e), ppm };
    if (edge_up(e)) { /* its next deadline is at another moment now */
        edge_enter(e);
        edge_pump(e);
    }
}

void edge_wall_steps(struct edge *e, int64_t seconds)
{
    e->wall_off_s += seconds;
    if (edge_up(e) && seconds != 0)
        world_bit(e->w, FAULT_CLOCK_STEP);
}

static void says(void *ctx, mesh_ns now, const char *text)
{
    struct edge *e = ctx;
    (void)now;
    world_note(e->w, NOTE_SAYS, e->index, slice_str(text));
}

struct engine *edge_enter(struct edge *e)
{
    assert(e->engine != NULL);
    random_enter(1 + e->index);
    mesh_ns now = edge_now(e);
    if (e->clock.ppm != 0)
        world_bit(e->w, FAULT_DRIFT);
    engine_clock(e->engine, now, world_wall_s(e->w) + e->wall_off_s + (now / SEC(1) - e->w->now / SEC(1)));
    short_memory_over();
    if (e->memory_left > 0)
        short_memory_within(&e->memory_left, &e->memory_refused);
    return e->engine;
}

/* What the flags of a node that knows nothing but its origin say. */
static struct dist_set *make_set(void)
{
    struct dist_flags flags = {
        .url = { .host = SLICE_LIT("origin.example"), .authority = SLICE_LIT("origin.example"), .port = 80 }
    };

    dist_origin_default(&flags.origin);
    dist_behaviour_default(&flags.behaviour);
    struct dist_set *set = dist_set_of_origin(&flags);
    assert(set != NULL);
    return set;
}

/* The seeds' addresses as their names resolve now. */
static size_t seeds_of(const struct edge *e, struct mesh_addr seeds[ENGINE_SEEDS_MAX])
{
    const struct world *w = e->w;
    size_t n = 0;

    for (uint32_t i = 0; i < w->sc.seeds && i < w->sc.nodes; i++) {
        if (i != e->index && !w->sc.isolated)
            seeds[n++] = net_addr(w->net, i);
    }
    /* Who comes back knows a few that it met before. */
    for (uint32_t i = 1; !w->sc.isolated && e->life > 1 && n < i && i < w->sc.nodes && i <= KNOWN; i++)
        seeds[n++] = net_addr(w->net, (e->index + i) % (uint32_t)w->sc.nodes);
    return n;
}

void edge_moves(struct edge *e)
{
    struct world *w = e->w;
    struct mesh_addr seeds[ENGINE_SEEDS_MAX];

    e->moves++;
    if (edge_up(e))
        world_bit(w, FAULT_READDRESS);
    for (uint32_t i = 0; e->index < w->sc.seeds && i < w->sc.nodes; i++) { /* its name resolves otherwise now */
        struct edge *other = &w->edges[i];
        if (!edge_up(other))
            continue;
        size_t n = seeds_of(other, seeds);
        engine_seeds(edge_enter(other), edge_now(other), seeds, n);
        edge_pump(other);
    }
}

/* Do so many begin at this moment that it is news? */
static void note_start(const struct edge *e)
{
    struct world *w = e->w;

    if (w->started_at != w->now)
        w->started_n = 0;
    w->started_at = w->now;
    if (++w->started_n >= 3 && 2 * w->started_n >= w->sc.nodes)
        world_bit(w, FAULT_MASS_JOIN);
}

/* |e| is gone: was it the last one there, while there are others elsewhere? */
static void note_stop(const struct edge *e, enum edge_stop how)
{
    struct world *w = e->w;
    size_t here = 0, elsewhere = 0, down = 0;

    for (uint32_t i = 0; how == EDGE_VANISH && i < w->sc.nodes; i++) {
        const struct edge *other = &w->edges[i];
        bool near = w->sc.rings > 1 ? other->region == e->region : strcmp(other->zone, e->zone) == 0;
        down += near && !edge_up(other);
        here += near && edge_up(other);
        elsewhere += !near && edge_up(other);
    }
    if (how == EDGE_CRASH || how == EDGE_VANISH)
        world_bit(w, how == EDGE_CRASH ? FAULT_CRASH : FAULT_VANISH);
    if (here == 0 && down > 0 && elsewhere > 0)
        world_bit(w, FAULT_REGION_LOSS);
}

void edge_start(struct edge *e, enum edge_lost lost)
{
    struct world *w = e->w;
    struct engine_config cfg = {
        .version = SLICE_LIT("simulated"),
        .mesh_port = net_addr(w->net, e->index).port,
        .suites = RECORD_SUITE_BIT(RECORD_CHACHA20_POLY1305), /* the same bytes on every processor */
        .memory_limit = w->sc.memory,
        .eviction = (enum evict_policy)w->sc.eviction,
        .unhedged = w->sc.hedge == 0,
        .uncopied = w->sc.second_copies == 0,
        .spread_floor = (uint32_t)w->sc.spread_floor,
        .zpack = w->zpack,
        .timers.fetch = (mesh_ns)w->sc.fetch_timeout,
        .trace = { says, e },
    };
    if (w->odd_peers) {
        cfg.outgoing = fault_peer_outgoing;
        cfg.outgoing_ctx = e;
    }
    struct slice configs[CONFIG_FILES_MAX];
    struct mesh_addr seeds[ENGINE_SEEDS_MAX];
    char parent[EDGE_REGION_MAX] = "none";

    if (edge_up(e))
        return;
    cfg.set = make_set();
    random_enter(1 + e->index);
    e->life++;
    e->boot = lost != LOST_NOTHING ? FIRST_BOOT : e->boot + 1;
    note_start(e);
    if (lost == LOST_DISK)
        disk_model_wipe(e->disk);
    if (lost != LOST_NOTHING) { /* and all that lay beside it */
        buf_free(&e->kept);
        purge_lost(e);
        config_forget(e);
        world_bit(w, FAULT_WIPE);
    }
    cfg.purges = buf_slice(&e->kept);
    config_fill(e, &cfg, configs);
    e->host_gone = e->leaving = false;
    e->paused_until = 0;
    e->started_at = w->now;
    secret_random(cfg.hash_key, sizeof(cfg.hash_key));
    cfg.mesh = (struct mesh_config){ .self = &e->id,
                                     .boot = { e->boot, secret_random_u64() | 1 },
                                     .addrs = { net_addr(w->net, e->index) },
                                     .learn_addr = w->moves,
                                     .port = cfg.mesh_port,
                                     .roster = w->roster,
                                     .certs = &w->certs,
                                     .addrs_n = 1,
                                     .seed = rand_mix(w->sc.seed ^ rand_mix((uint64_t)e->index << 32 | e->life)),
                                     .trace = cfg.trace };
    if (w->sc.parent > 0 && w->sc.parent <= w->sc.rings)
        edge_region(w, (uint32_t)w->sc.parent - 1, parent);
    cfg.mesh.parent_region = w->sc.parent == 0 ? SLICE_EMPTY : slice_str(parent);
    if (e->index >= w->sc.own_rings)
        cfg.mesh.rings = ring_shelf_rings(&w->rings);
    size_t seeds_n = seeds_of(e, seeds);
    cfg.has_seeds = seeds_n > 0;
    world_notef(w, NOTE_START, e->index, "boot %llu", (unsigned long long)e->boot);
    cfg.store = disk_model_open(e->disk);
    short_memory_over(); /* it is those who run that are short of it */
    e->engine = engine_new(&cfg, edge_now(e));
    dist_set_unref(cfg.set);
    assert(e->engine != NULL);
    edge_enter(e);
    if (w->settled != NULL && e->life == 1)
        settled_begin(w->settled, e);
    engine_seeds(e->engine, edge_now(e), seeds, seeds_n);
    check_members_changed(w, e, true);
    edge_pump(e);
}

static void add_counters(void *sums, const void *counters, size_t bytes)
{
    uint64_t *to = sums;
    const uint64_t *from = counters;
    for (size_t i = 0; i < bytes / sizeof(*to); i++)
        to[i] += from[i];
}

static void add_engine(struct edge_sums *sums, const struct edge *e)
{
    add_counters(&sums->engine, engine_counters(e->engine), sizeof(sums->engine));
    add_counters(&sums->mesh, mesh_counters(engine_mesh(e->engine)), sizeof(sums->mesh));
    add_counters(&sums->gossip, mesh_gossip_counters(engine_mesh(e->engine)), sizeof(sums->gossip));
}

void edge_counters(const struct edge *e, struct edge_sums *out)
{
    *out = e->past;
    if (edge_up(e))
        add_engine(out, e);
}

/* ---- what it keeps of purges ---- */

static void keep(struct edge *e, struct slice lines)
{
    struct world *w = e->w;
    struct rand r = world_rand(w, (uint64_t)e->index << 32 | ++e->keeps, DRAW_KEEP);

    buf_add_slice(&e->keeping, lines);
    assert(buf_ok(&e->keeping));
    world_at(w, &e->keep, w->now + (mesh_ns)w->sc.keep + draw_ns(&r, w->sc.keep));
}

static void on_disk(struct edge *e)
{
    world_note(e->w, NOTE_KEPT, e->index, buf_slice(&e->keeping));
    purge_kept(e, buf_slice(&e->keeping));
    buf_add_slice(&e->kept, buf_slice(&e->keeping));
    assert(buf_ok(&e->kept));
    buf_free(&e->keeping);
}

static void keep_done(struct world *w, struct event *ev)
{
    struct edge *e = OBJ_OF(ev, struct edge, keep);

    (void)w;
    if (edge_held(e, ev))
        return;
    on_disk(e);
    engine_kept(edge_enter(e), edge_now(e), true);
    edge_pump(e);
}

/* What was on its way to the disk gets there at an orderly end; else it did, without anybody's knowing, or did not. */
static void keep_stops(struct edge *e, enum edge_stop how)
{
    struct rand r = world_rand(e->w, (uint64_t)e->index << 32 | e->keeps, DRAW_KEEP_FATE);

    bool orderly = how == EDGE_LEFT || how == EDGE_END;

    if (e->keep.node.queued && (orderly || rand_below(&r, 2) == 0))
        on_disk(e);
    world_drop(e->w, &e->keep);
    buf_free(&e->keeping);
}

void edge_stop(struct edge *e, enum edge_stop how)
{
    if (!edge_up(e)) {
        if (how == EDGE_VANISH && !e->host_gone)
            disk_model_power_lost(e->disk);
        e->host_gone = e->host_gone || how == EDGE_VANISH;
        return;
    }
    edge_enter(e);
    short_memory_over();
    viewers_node_stops(e);
    origin_model_node_stops(e);
    net_drop_all(e, how == EDGE_VANISH);
    world_drop(e->w, &e->tick);
    world_drop(e->w, &e->stop);
    keep_stops(e, how);
    config_stops(e, how == EDGE_LEFT || how == EDGE_END);
    e->w->purges->down_at = e->w->now;
    world_drop(e->w, &e->probe);
    disk_model_stops(e->disk, how);
    add_engine(&e->past, e);
    check_node_stops(e);
    engine_free(e->engine);
    e->engine = NULL;
    disk_model_ended(e->disk);
    e->host_gone = how == EDGE_VANISH;
    e->paused_until = 0;
    e->leaving = false;
    world_notef(e->w, NOTE_STOP, e->index, "%d", (int)how);
    note_stop(e, how);
    if (how != EDGE_END)
        check_members_changed(e->w, e, false);
}

static void stop_after_leaving(struct world *w, struct event *ev)
{
    (void)w;
    edge_stop(OBJ_OF(ev, struct edge, stop), EDGE_LEFT);
}

void edge_leave(struct edge *e)
{
    if (!edge_serves(e))
        return;
    e->leaving = true;
    edge_enter(e);
    check_members_changed(e->w, e, false);
    engine_leave(e->engine, edge_now(e));
    world_at(e->w, &e->stop, e->w->now + LEAVE_PATIENCE);
    edge_pump(e);
}

void edge_pause(struct edge *e, mesh_ns span)
{
    if (!edge_up(e) || e->w->now + span <= e->paused_until)
        return;
    e->paused_until = e->w->now + span;
    e->w->purges->down_at = e->w->now;
    if (span >= LONG_PAUSE)
        e->back_at = e->paused_until;
}

/* A busy one does one thing after the other, in the order in which they came. */
static bool waits_its_turn(struct edge *e, struct event *ev)
{
    struct world *w = e->w;

    if (ev->has_turn) {
        ev->has_turn = false;
        return false;
    }
    if (e->free_at <= w->now) {
        e->free_at = w->now + e->busy;
        return false;
    }
    world_bit(w, FAULT_BUSY);
    ev->has_turn = true;
    world_at(w, ev, e->free_at);
    e->free_at += e->busy;
    return true;
}

bool edge_held(struct edge *e, struct event *ev)
{
    if (!edge_up(e))
        return false;
    if (e->w->now < e->paused_until) {
        world_bit(e->w, FAULT_PAUSE);
        world_at(e->w, ev, e->paused_until);
        return true;
    }
    return (e->busy > 0 || e->free_at > e->w->now) && waits_its_turn(e, ev);
}

bool edge_serves(const struct edge *e)
{
    return edge_up(e) && !e->leaving;
}

static void tick(struct world *w, struct event *ev)
{
    struct edge *e = OBJ_OF(ev, struct edge, tick);

    if (edge_held(e, ev))
        return;
    world_note(w, NOTE_TICK, e->index, SLICE_EMPTY);
    engine_tick(edge_enter(e), edge_now(e));
    edge_pump(e);
}

static void act(struct edge *e, const struct engine_out *out)
{
    struct world *w = e->w;

    switch (out->kind) {
    case ENGINE_DATAGRAM: net_datagram(e, &out->addr, out->bytes); break;
    case ENGINE_DIAL: net_dial(e, out->link, &out->addr); break;
    case ENGINE_WRITE: net_write(e, out->link); break;
    case ENGINE_CLOSE: net_close(e, out->link); break;
    case ENGINE_FETCH: origin_model_begin(e, out->fetch); break;
    case ENGINE_FETCH_FLOW: origin_model_flow(e, out->fetch); break;
    case ENGINE_FETCH_STOP: origin_model_stop(e, out->fetch); break;
    case ENGINE_REQUEST: viewer_news(e, out->request); break;
    case ENGINE_DISK: disk_model_do(e->disk, out->op); break;
    case ENGINE_KEEP: keep(e, out->bytes); break;
    case ENGINE_CONFIG: config_keep(e, out->bytes); break;
    case ENGINE_PROBE: origin_model_probe(e); break;
    case ENGINE_TWIN: check_broken(w, RULE_PROGRESS, "%s says that its identity runs elsewhere", e->name); break;
    }
}

static void act_all(struct edge *e)
{
    struct engine_out out;

    while (engine_poll(e->engine, &out)) {
        short_memory_over(); /* what the world does about it is not the engine's */
        act(e, &out);
        if (e->memory_left > 0)
            short_memory_within(&e->memory_left, &e->memory_refused);
    }
    short_memory_over();
}

/* Its last requests are answered; then its disk is closed. */
static bool has_left(struct edge *e)
{
    if (!e->leaving || !engine_left(e->engine) || !list_empty(&e->viewers))
        return false;
    bool closed = disk_model_closed(e->disk);
    act_all(e);
    return closed;
}

void edge_pump(struct edge *e)
{
    struct world *w = e->w;

    act_all(e);
    bool memory_short = e->memory_refused > e->memory_told;
    w->bit[FAULT_MEMORY] += e->memory_refused - e->memory_told;
    e->memory_told = e->memory_refused;
    series_looks(w, e);
    if (has_left(e))
        world_at(w, &e->stop, w->now);
    if (e->disk != NULL)
        disk_check_pumped(e->disk, memory_short);
    mesh_ns at = edge_then(e, engine_deadline(e->engine));
    if (at == MESH_NS_NEVER) {
        world_drop(w, &e->tick);
        return;
    }
    if (at > w->now) {
        e->ticks_at_once = 0;
    } else if (++e->ticks_at_once > TICKS_AT_ONCE_MAX) {
        check_broken(w, RULE_PROGRESS, "%s wants to be woken again and again at the same moment", e->name);
        at = w->now + MS(1);
    } else {
        at = w->now;
    }
    world_at(w, &e->tick, at);
}
