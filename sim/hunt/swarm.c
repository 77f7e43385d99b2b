#include "sim/hunt/swarm.h"

#include <assert.h>

#include "proto/base/rand.h"
#include "sim/hunt/swarm_faults.h"

#define SWARM_SETTINGS UINT64_C(0x5a43)
#define SWARM_ACTIONS  UINT64_C(0x5a44)
#define SWARM_DISKS    UINT64_C(0x5a47)
#define SWARM_OUTAGE   UINT64_C(0x5a46)

/* One setting's draw is a function of the seed and its number here: a setting more changes no other. */
struct swarm {
    struct rand r;
    uint64_t seed, next;
};

static uint64_t from_to(struct swarm *s, uint64_t least, uint64_t most)
{
    s->r = rand_of(s->seed, s->next++, SWARM_SETTINGS);
    return least + rand_below(&s->r, most - least + 1);
}

/* Each doubling from |least| on is equally likely. */
static uint64_t doubling(struct swarm *s, uint64_t least, unsigned doublings)
{
    s->r = rand_of(s->seed, s->next++, SWARM_SETTINGS);
    uint64_t base = least << rand_below(&s->r, doublings);
    return base + rand_below(&s->r, base);
}

/* |otherwise| in most seeds; in |pct| of a hundred between |least| and |most|. */
static uint64_t sometimes(struct swarm *s, uint64_t pct, uint64_t otherwise, uint64_t least, uint64_t most)
{
    s->r = rand_of(s->seed, s->next++, SWARM_SETTINGS);
    return rand_below(&s->r, 100) < pct ? least + rand_below(&s->r, most - least + 1) : otherwise;
}

/* Milliseconds, whole, so that what is drawn can be written down. */
static uint64_t sometimes_ms(struct swarm *s, uint64_t pct, mesh_ns otherwise, uint64_t least, uint64_t most)
{
    uint64_t ms = sometimes(s, pct, UINT64_MAX, least, most);
    return ms == UINT64_MAX ? (uint64_t)otherwise : ms * MS(1);
}

static void draw_mesh(struct scenario *sc, struct swarm *s)
{
    sc->nodes = from_to(s, 3, 12);
    sc->zones = from_to(s, 1, 3);
    sc->rings = sometimes(s, 25, 1, 2, 3);
    sc->parent = sometimes(s, 20, 0, 27, 27);
    sc->seeds = from_to(s, 1, 3);
    sc->join_every = sometimes_ms(s, 30, MS(50), 0, 500);
    sc->warmup = SEC(10);
    sc->time = sc->warmup + from_to(s, 15, 60) * SEC(1);
    sc->ready_only = sometimes(s, 30, 0, 1, 1);
    sc->hedge = sometimes(s, 20, 1, 0, 0);
}

static void draw_load(struct scenario *sc, struct swarm *s)
{
    sc->requests = doubling(s, 50, 5);
    sc->keys = doubling(s, 2, 7);
    sc->zipf = from_to(s, 0, 1);
    sc->hot = sometimes(s, 20, 0, 100000, 900000);
    sc->size_min = sometimes(s, 30, 0, 0, 1000);
    sc->size_max = doubling(s, 2048, 10);
    sc->slow_viewers = sometimes(s, 30, 0, 10000, 400000);
    sc->leavers = sometimes(s, 30, 0, 10000, 300000);
    sc->memory = sometimes(s, 35, 64 << 20, 1 << 20, 3 << 20);
    sc->eviction = from_to(s, 0, EVICT_POLICIES_N - 1);
    sc->spread_floor = sometimes(s, 25, 0, 1, 20);
}

static void draw_network(struct scenario *sc, struct swarm *s)
{
    sc->delay = sometimes_ms(s, 30, MS(1), 0, 20);
    sc->zone_delay = sometimes_ms(s, 30, MS(15), 1, 80);
    sc->jitter = sometimes_ms(s, 40, MS(1), 0, 40);
    sc->loss = sometimes(s, 35, 0, 1000, 80000);
    sc->dup = sometimes(s, 20, 0, 1000, 200000);
    sc->reorder = sometimes(s, 20, 0, 1000, 200000);
    sc->corrupt = sometimes(s, 15, 0, 10, 2000);
    sc->burst_loss = sometimes(s, 15, 0, 1000, 50000);
    sc->burst_length = from_to(s, 2, 20);
}

static void draw_origin(struct scenario *sc, struct swarm *s)
{
    sc->origin_delay = sometimes_ms(s, 40, MS(40), 0, 800);
    sc->origin_rate = doubling(s, 256 << 10, 8);
    sc->origin_fail = sometimes(s, 20, 0, 1000, 100000);
    sc->chunked = from_to(s, 0, 600000);
    sc->no_store = sometimes(s, 25, 0, 10000, 300000);
    sc->max_age = sometimes(s, 30, SEC(86400) / SEC(1), 1, 30) * SEC(1);
}

/* As small as they may be, so that they get full and their oldest segments go; with little memory most of it is
 * written. */
static void draw_disks(struct scenario *sc, struct swarm *s, bool story)
{
    uint64_t bytes = sometimes(s, 35, 0, 8 << 20, 9 << 20), memory = sometimes(s, 70, sc->memory, 1 << 20, 2 << 20);
    uint64_t size = doubling(s, 128 << 10, 4), requests = doubling(s, 400, 2), keys = doubling(s, 32, 3);

    sc->disk_delay = sometimes_ms(s, 30, US(100), 1, 20);
    sc->disk_rate = doubling(s, 1 << 20, 9);
    sc->disk = bytes / (64 << 10) * (64 << 10);
    if (sc->disk == 0)
        return;
    sc->memory = memory;
    if (size < 1 << 20 && !story) { /* in two of three, more than there is room for */
        sc->size_max = size;
        sc->requests = requests;
        sc->keys = keys;
    }
}

/* What viewers and origins say besides. */
static void draw_traffic(struct scenario *sc, struct swarm *s)
{
    sc->not_modified = sometimes(s, 60, 0, 300000, 1000000);
    sc->last_modified = sometimes(s, 50, 0, 100000, 1000000);
    sc->heads = sometimes(s, 30, 0, 10000, 300000);
    sc->conditional = sometimes(s, 40, 0, 10000, 500000);
    sc->ranges = sometimes(s, 40, 0, 10000, 500000);
    sc->posts = sometimes(s, 30, 0, 5000, 150000);
}

/* What costs much and seldom finds anything else is in some seeds only: real cryptography, a ring of one's own. */
static void draw_cost(struct scenario *sc, struct swarm *s)
{
    sc->real_crypto = sometimes(s, 3, 0, 200, 200);
    sc->own_rings = sometimes(s, 10, 0, 1, 1);
}

/* How the origin is away for long in this seed, if it is. */
enum outage { OUTAGE_NONE, OUTAGE_SOME /* in the midst of whatever there is */, OUTAGE_HANGS, OUTAGE_DOWN };

static enum outage outage_of(uint64_t seed, struct rand *r)
{
    *r = rand_of(seed, 0, SWARM_OUTAGE);
    uint64_t draw = rand_below(r, 100);

    return draw < 15 ? OUTAGE_SOME : draw < 27 ? OUTAGE_HANGS : draw < 39 ? OUTAGE_DOWN : OUTAGE_NONE;
}

/* Nodes give up what waits for an origin that hangs within the time that it does. With one that is down enough is asked
 * for in vain that they leave it alone for as long as they ever do; and asked on when it is back, to see that they do
 * not longer. */
static void draw_outage(struct scenario *sc, bool story)
{
    struct rand r;
    enum outage outage = outage_of(sc->seed, &r);

    if (outage == OUTAGE_HANGS)
        sc->fetch_timeout = SEC(4) + SEC(1) * rand_below(&r, 3);
    if (story || outage <= OUTAGE_SOME)
        return;
    uint64_t least = sc->warmup + (outage == OUTAGE_HANGS ? SEC(30) : SEC(45));
    if (sc->time < least)
        sc->time = least;
    if (outage == OUTAGE_HANGS)
        return;
    sc->no_store = 300000 + rand_below(&r, 400000);
    sc->requests = sc->requests > 800 ? sc->requests : 800;
    sc->keys = sc->keys > 64 ? sc->keys : 64;
}

void swarm_draw(struct scenario *sc, uint64_t seed, bool story)
{
    struct swarm s = { .seed = seed };
    const struct scenario before = *sc;

    sc->seed = seed;
    draw_mesh(sc, &s);
    draw_load(sc, &s);
    if (story) {
        sc->nodes = before.nodes;
        sc->zones = before.zones;
        sc->rings = before.rings;
        sc->keys = before.keys;
        sc->requests = before.requests;
        sc->join_every = before.join_every;
        sc->warmup = before.warmup;
        sc->time = before.time;
    }
    draw_network(sc, &s);
    draw_origin(sc, &s);
    sc->faults = sometimes(&s, 70, 0, 1, 12);
    sc->purges = sometimes(&s, 40, 0, 1, 40);
    sc->keep = sometimes_ms(&s, 30, MS(2), 0, 200);
    sc->configs = sometimes(&s, 30, 0, 1, 6);
    sc->config_size = doubling(&s, 100, 9);
    draw_cost(sc, &s);
    sc->viewer_delay = sometimes_ms(&s, 30, 0, 1, 100);
    sc->afterwards = from_to(&s, 0, 1);
    draw_disks(sc, &s, story);
    sc->replay = sometimes(&s, 20, 0, 1000, 100000);
    sc->truncate = sometimes(&s, 15, 0, 100, 20000);
    sc->origin_poison = sometimes(&s, 15, 0, 1000, 100000);
    sc->origin_trickle = sometimes(&s, 10, 0, 1000, 30000);
    sc->older = sometimes(&s, 25, 0, 1, sc->nodes);
    sc->rare = sometimes(&s, 30, 0, 1000, 100000);
    draw_traffic(sc, &s);
    draw_outage(sc, story);
}

static void add(struct scenario *sc, const struct action *a)
{
    int err = scenario_add(sc, a);
    assert(err == 0);
}

/* What happens to a disk, and to what is on it: faults that end after a while, and restarts. */
static void more_of_disks(struct scenario *sc)
{
    static const enum action_kind kinds[] = {
        ACTION_DISK_ERRORS, ACTION_DISK_WRITE_ERRORS, ACTION_DISK_CORRUPT, ACTION_DISK_TORN, ACTION_DISK_FULL,
        ACTION_DISK_SLOW,   ACTION_START_WIPED,       ACTION_CRASH,        ACTION_VANISH
    };
    struct rand r = rand_of(sc->seed, 0, SWARM_DISKS);
    uint64_t n = rand_below(&r, 6), span = (sc->time - sc->warmup) / MS(1);

    while (sc->disk > 0 && n-- > 0 && span > 0) {
        struct action a = { .kind = kinds[rand_below(&r, sizeof(kinds) / sizeof(kinds[0]))] };
        uint64_t node = rand_below(&r, sc->nodes), lasts = 1 + rand_below(&r, 15000);
        a.at = (mesh_ns)sc->warmup + MS(1) * (mesh_ns)rand_below(&r, span);
        a.a.bits[node / 8] = (uint8_t)(1u << (node % 8));
        a.numbers[0] =
            a.kind == ACTION_DISK_FULL ? UINT64_C(65536) << rand_below(&r, 3) : 10000 * (1 + rand_below(&r, 100));
        a.spans[0] = (mesh_ns)(1 + rand_below(&r, 1500)) * MS(1);
        if (a.kind == ACTION_DISK_FULL) /* until something is written there */
            lasts += 10000;
        bool stops = a.kind == ACTION_CRASH || a.kind == ACTION_VANISH || a.kind == ACTION_START_WIPED;
        struct action later = a;
        if (a.kind == ACTION_START_WIPED)
            a.kind = ACTION_CRASH;
        else if (stops)
            later.kind = ACTION_START;
        later.at = mesh_ns_min(a.at + MS(1) * (mesh_ns)lasts, (mesh_ns)sc->time);
        later.numbers[0] = 0;
        later.spans[0] = 0;
        add(sc, &a);
        add(sc, &later);
    }
}

/* In some seeds the origin is away for so long that nodes give up what they asked it, or asking it. */
static void long_outage(struct scenario *sc)
{
    struct rand r;
    enum outage outage = outage_of(sc->seed, &r);
    uint64_t span = (sc->time - sc->warmup) / MS(1);

    if (outage == OUTAGE_NONE || span < 6)
        return;
    struct action down = { .kind = ACTION_ORIGIN, .origin = outage == OUTAGE_HANGS ? ORIGIN_HANGS : ORIGIN_DOWN };
    struct action up = { .kind = ACTION_ORIGIN };
    uint64_t within = outage == OUTAGE_SOME ? span / 2 : span / 6;
    mesh_ns least = outage == OUTAGE_SOME ? SEC(8) : SEC(16);
    uint64_t more = outage == OUTAGE_SOME ? 20000 : outage == OUTAGE_HANGS ? 8000 : 4000;
    down.at = (mesh_ns)sc->warmup + MS(1) * (mesh_ns)rand_below(&r, within);
    up.at = mesh_ns_min(down.at + least + MS(1) * (mesh_ns)rand_below(&r, more), (mesh_ns)sc->time);
    int err = scenario_add(sc, &down) | scenario_add(sc, &up);
    assert(err == 0);
}

void swarm_more(struct scenario *sc)
{
    static const enum action_kind kinds[] = { ACTION_SLOW, ACTION_CLOCK_AHEAD, ACTION_CLOCK_BACK, ACTION_DRAIN,
                                              ACTION_WARM };
    struct rand r = rand_of(sc->seed, 0, SWARM_ACTIONS);
    uint64_t n = rand_below(&r, 4), span = (sc->time - sc->warmup) / MS(1);

    while (n-- > 0 && span > 0) {
        struct action a = { .kind = kinds[rand_below(&r, sizeof(kinds) / sizeof(kinds[0]))] };
        uint64_t node = rand_below(&r, sc->nodes);
        a.at = (mesh_ns)sc->warmup + MS(1) * (mesh_ns)rand_below(&r, span);
        a.a.bits[node / 8] = (uint8_t)(1u << (node % 8));
        uint64_t most = a.kind == ACTION_SLOW ? 300 : 120000;
        a.spans[0] = (mesh_ns)(1 + rand_below(&r, most)) * MS(1);
        int err = scenario_add(sc, &a);
        assert(err == 0);
        a.spans[0] = 0;
        a.at = (mesh_ns)sc->time;
        if (a.kind == ACTION_SLOW)
            err = scenario_add(sc, &a);
        assert(err == 0);
    }
    more_of_disks(sc);
    swarm_faults(sc);
    long_outage(sc);
}
