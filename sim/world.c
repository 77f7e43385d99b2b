#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gossip/roster.h"
#include "sim/config_model.h"
#include "sim/disk/disk_check.h"
#include "sim/edge.h"
#include "sim/faults/fault.h"
#include "sim/faults/rare.h"
#include "sim/faults/short_memory.h"
#include "sim/net/net.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/random.h"
#include "sim/rules/afterwards.h"
#include "sim/rules/check.h"
#include "sim/rules/check_change.h"
#include "sim/rules/watch.h"
#include "sim/sample.h"
#include "sim/series.h"
#include "sim/settled.h"
#include "sim/stand_in.h"
#include "sim/viewer_model.h"
#include "sim/warmth.h"

#define WALL_START_S INT64_C(1700000000)
#define SAMPLE_EVERY MS(100)

void *world_alloc(size_t bytes)
{
    void *p = short_memory_spared(bytes > 0 ? bytes : 1);

    if (p == NULL)
        abort();
    return p;
}

uint64_t world_rare(const struct world *w)
{
    uint64_t hits = 0;

    for (size_t i = 0; i < RARE_SITES_N; i++)
        hits += w->rare[i];
    return hits;
}

uint64_t world_bitten(const struct world *w, enum fault_kind kind)
{
    return kind == FAULT_RARE ? world_rare(w) : w->bit[kind];
}

/* ---- time ---- */

void world_at(struct world *w, struct event *ev, mesh_ns at)
{
    assert(at >= w->now && ev->fire != NULL);
    heap_set(&w->events, &ev->node, at);
}

void world_drop(struct world *w, struct event *ev)
{
    heap_remove(&w->events, &ev->node);
}

int64_t world_wall_s(const struct world *w)
{
    return WALL_START_S + w->now / SEC(1);
}

/* ---- the trace ---- */

static bool comes_in(enum note kind)
{
    return kind == NOTE_DATAGRAM_IN || kind == NOTE_STREAM_IN || kind == NOTE_ACCEPT || kind == NOTE_CLOSED;
}

static void tell(struct world *w, enum note kind, uint32_t node, uint32_t peer, struct slice bytes)
{
    char line[256], who[16] = "-";
    struct digest d;

    if (node != WORLD_NODE)
        snprintf(who, sizeof(who), "n%u", node + 1);
    int n = snprintf(line, sizeof(line), "%lld.%09lld %s %s", (long long)(w->now / SEC(1)),
                     (long long)(w->now % SEC(1)), who, note_word(kind));
    if (peer != WORLD_NODE)
        n += snprintf(line + n, sizeof(line) - (size_t)n, " %s n%u", comes_in(kind) ? "from" : "to", peer + 1);
    bool text = kind == NOTE_ACTION || kind == NOTE_START || kind == NOTE_STOP || kind == NOTE_SAYS ||
                kind == NOTE_FETCH || kind >= NOTE_FETCH_END || kind == NOTE_FETCH_HEAD;
    if (text) {
        snprintf(line + n, sizeof(line) - (size_t)n, " %.*s", SLICE_FMT(bytes));
    } else if (bytes.len > 0) {
        digest_one(&d, bytes);
        snprintf(line + n, sizeof(line) - (size_t)n, " %zu %016llx", bytes.len, (unsigned long long)digest_u64(&d));
    }
    w->tap.line(w->tap.ctx, line);
}

void world_note_peer(struct world *w, enum note kind, uint32_t node, uint32_t peer, struct slice bytes)
{
    trace_hash_add(&w->trace, w->now, kind, node, bytes);
    if (w->tap.line != NULL)
        tell(w, kind, node, peer, bytes);
}

void world_note(struct world *w, enum note kind, uint32_t node, struct slice bytes)
{
    world_note_peer(w, kind, node, WORLD_NODE, bytes);
}

void world_notef(struct world *w, enum note kind, uint32_t node, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    world_note(w, kind, node, slice_of(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1));
}

/* ---- chance ---- */

struct rand world_rand(const struct world *w, uint64_t entity, enum world_draw purpose)
{
    return rand_of(w->sc.seed, entity, purpose);
}

/* ---- the story ---- */

static void step(struct world *w, struct event *ev)
{
    const struct action *a = &w->sc.actions[w->action_at++];

    fault_apply(w, a);
    if (!fault_is_none(a))
        w->check->acted_at = w->now;
    if (w->action_at < w->sc.actions_n)
        world_at(w, ev, w->sc.actions[w->action_at].at);
}

static void sample(struct world *w, struct event *ev)
{
    check_sample(w);
    purge_sample(w);
    config_sample(w);
    disk_check_sample(w);
    if (w->tap.moment != NULL)
        w->tap.moment(w->tap.moment_ctx, w->now, (mesh_ns)w->sc.time);
    world_at(w, ev, w->now + SAMPLE_EVERY);
}

struct start {
    struct event ev;
    struct edge *edge;
};

static void start(struct world *w, struct event *ev)
{
    (void)w;
    edge_start(OBJ_OF(ev, struct start, ev)->edge, LOST_NOTHING);
}

static struct start *set_starts(struct world *w)
{
    struct start *starts = world_alloc((size_t)w->sc.nodes * sizeof(*starts));

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        starts[i].ev.fire = start;
        starts[i].edge = &w->edges[i];
        if (!node_set_has(&w->sc.absent, i))
            world_at(w, &starts[i].ev, (mesh_ns)(i * w->sc.join_every));
    }
    return starts;
}

void world_live(struct world *w, mesh_ns until, bool (*settled)(struct world *w))
{
    struct heap_node *n;
    mesh_ns looked = w->now;

    while ((n = heap_pop(&w->events, until)) != NULL) {
        struct event *ev = OBJ_OF(n, struct event, node);
        assert(n->at >= w->now);
        w->now = n->at;
        ev->fire(w, ev);
        if (settled != NULL && w->now - looked >= SAMPLE_EVERY) {
            looked = w->now;
            if (settled(w))
                return;
        }
    }
    if (until > w->now) /* it may be later already */
        w->now = until;
}

static int make(struct world *w, const struct scenario *sc)
{
    /* Other keys of nodes are another ring; with 0 they follow from the seed as all else does. */
    uint64_t keys = sc->identities == 0 ? sc->seed : rand_mix(sc->seed ^ rand_mix(sc->identities));
    static const uint8_t certs_key[MAP_KEY_BYTES] = "nobody attacks";
    struct authority authority;

    w->plan = sc;
    w->sc = *sc;
    sample_apply(&w->sc);
    if (sc->settled != 0)
        w->sc.join_every = 0;
    w->step.fire = step;
    w->sample.fire = sample;
    heap_init(&w->events);
    trace_hash_init(&w->trace);
    random_install(keys);
    rare_install(sc->seed, &w->sc.rare, w->rare);
    stand_in_use(world_stand_in(sc));
    if (crypto_start() != 0)
        return -1;
    random_install(keys); /* libsodium drew for itself as it began, in a process's first world only */
    random_enter(RANDOM_WORLD);
    w->started_at = -1;
    w->odd_peers = sc->older > 0;
    for (size_t i = 0; i < sc->actions_n; i++) {
        w->moves = w->moves || sc->actions[i].kind == ACTION_READDRESS;
        w->odd_peers = w->odd_peers || sc->actions[i].kind == ACTION_LIE;
    }
    authority_make(&authority, (uint8_t)sc->arc_bits);
    w->edges = world_alloc((size_t)sc->nodes * sizeof(*w->edges));
    for (uint32_t i = 0; i < sc->nodes; i++)
        edge_init(w, &w->edges[i], i, &authority);
    for (uint32_t i = 0; w->tap.node != NULL && i < sc->nodes; i++)
        w->tap.node(w->tap.node_ctx, &w->edges[i].id);
    authority_wipe(&authority);
    w->roster = roster_new(sc->seed);
    w->zpack = zpack_new();
    if (w->roster == NULL || w->zpack == NULL || held_store_init(&w->certs, certs_key) != 0)
        abort();
    w->net = net_new(w);
    if (sc->settled != 0)
        w->settled = settled_new(w);
    w->origin = origin_model_new(w);
    w->viewers = viewers_new(w);
    w->purges = purge_book_new(w);
    w->configs = config_book_new();
    w->check = check_new(w);
    w->warmth = warmth_new(w);
    w->watch = watch_new(w);
    w->changes = change_book_new();
    w->series = series_new(w);
    return 0;
}

struct world *world_run(const struct scenario *sc, const struct tap *tap)
{
    struct world *w = world_alloc(sizeof(*w));

    if (tap != NULL)
        w->tap = *tap;
    if (make(w, sc) != 0) {
        world_free(w);
        return NULL;
    }
    struct start *starts = set_starts(w);
    if (sc->actions_n > 0)
        world_at(w, &w->step, sc->actions[0].at);
    world_at(w, &w->sample, 0);
    viewers_begin(w);
    world_live(w, (mesh_ns)sc->time, NULL);

    w->calm = true;
    w->check->calm_at = w->now;
    fault_calm(w);
    world_live(w, w->now + (mesh_ns)sc->quiet, check_settled);
    if (check_settled(w)) {
        w->check->settled_at = w->now;
        if (sc->afterwards)
            afterwards_ask(w, check_settled);
    }
    check_end(w);
    free(starts);
    return w;
}

void world_free(struct world *w)
{
    if (w == NULL)
        return;
    rare_install(0, NULL, NULL);
    for (uint32_t i = 0; w->edges != NULL && i < w->sc.nodes; i++)
        edge_fini(&w->edges[i]);
    settled_free(w->settled);
    roster_free(w->roster);
    zpack_free(w->zpack);
    held_store_fini(&w->certs);
    ring_shelf_clear(&w->rings);
    net_free(w->net);
    origin_model_free(w->origin);
    viewers_free(w->viewers);
    purge_book_free(w->purges);
    change_book_free(w->changes);
    config_book_free(w->configs);
    check_free(w->check);
    warmth_free(w->warmth);
    watch_free(w->watch);
    series_free(w->series);
    free(w->edges);
    free(w);
}
