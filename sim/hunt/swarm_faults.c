#include "sim/hunt/swarm_faults.h"

#include <assert.h>

#include "proto/base/rand.h"

#define SWARM_FAULTS UINT64_C(0x5a45)

struct drawing {
    struct scenario *sc;
    struct rand r;
    mesh_ns from, to; /* of the fault at hand, whole milliseconds */
};

static uint64_t within(struct drawing *d, uint64_t least, uint64_t most)
{
    return least + rand_below(&d->r, most - least + 1);
}

static void lasts(struct drawing *d, uint64_t least_ms, uint64_t most_ms)
{
    uint64_t span = (d->sc->time - d->sc->warmup) / MS(1);

    d->from = (mesh_ns)d->sc->warmup / MS(1) * MS(1) + MS(1) * (mesh_ns)rand_below(&d->r, span);
    d->to = mesh_ns_min(d->from + MS(1) * (mesh_ns)within(d, least_ms, most_ms), (mesh_ns)d->sc->time);
}

static void put_in(struct node_set *s, uint64_t node)
{
    s->bits[node / 8] |= (uint8_t)(1u << (node % 8));
}

/* One node in |one_in|, and one at least. */
static struct node_set some(struct drawing *d, uint64_t one_in)
{
    struct node_set s = { .by = NODES_LIST };

    for (uint64_t i = 0; i < d->sc->nodes; i++) {
        if (rand_below(&d->r, one_in) == 0)
            put_in(&s, i);
    }
    put_in(&s, rand_below(&d->r, d->sc->nodes));
    return s;
}

static struct node_set other_than(const struct drawing *d, const struct node_set *s)
{
    struct node_set out = { .by = NODES_LIST };

    for (uint64_t i = 0; i < d->sc->nodes; i++) {
        if (!node_set_has(s, (uint32_t)i))
            put_in(&out, i);
    }
    return out;
}

static void add(struct drawing *d, struct action a)
{
    int err = scenario_add(d->sc, &a);
    assert(err == 0);
}

static void at(struct drawing *d, mesh_ns when, enum action_kind kind, const struct node_set *who)
{
    struct action a = { .at = when, .kind = kind };

    if (who != NULL)
        a.a = *who;
    add(d, a);
}

/* Two sets that a third one sees: there is a node in neither. */
static void draw_bridge(struct drawing *d)
{
    struct action a = { .kind = ACTION_CUT };
    uint64_t turn = rand_below(&d->r, d->sc->nodes);

    lasts(d, 500, 15000);
    for (uint64_t i = 1; i < d->sc->nodes; i++) {
        uint64_t node = (turn + i) % d->sc->nodes; /* |turn| sees all */
        put_in(i == 1 || (i > 2 && rand_below(&d->r, 2) == 0) ? &a.a : &a.b, node);
    }
    a.at = d->from;
    add(d, a);
    at(d, d->to, ACTION_HEAL, NULL);
}

/* Held back, cut again and again, or too narrow for what is long. */
static void draw_path(struct drawing *d, enum action_kind kind)
{
    struct action a = { .kind = kind };

    lasts(d, 200, 10000);
    a.at = d->from;
    a.a = some(d, 3);
    a.b = other_than(d, &a.a);
    a.spans[0] = kind == ACTION_CLOG ? d->to - d->from + MS(1) : MS(1) * (mesh_ns)within(d, 20, 2000);
    a.spans[1] = a.spans[0] + MS(1) * (mesh_ns)within(d, 20, 4000);
    a.numbers[0] = within(d, 130, 260);
    add(d, a);
    if (kind != ACTION_CLOG)
        at(d, d->to, ACTION_HEAL, NULL);
}

/* For a time: slow processors, slow links, clocks that go wrong, peers that lie or drip. */
static void draw_slowness(struct drawing *d, enum action_kind kind)
{
    struct action a = { .kind = kind };

    lasts(d, 500, 20000);
    a.at = d->from;
    a.a = some(d, 3);
    a.spans[0] = kind == ACTION_TRICKLE ? MS(1) * (mesh_ns)within(d, 1, 1500) : US(100) * (mesh_ns)within(d, 1, 40);
    a.numbers[0] = kind == ACTION_NARROW ? UINT64_C(16384) << rand_below(&d->r, 7) : within(d, 10, 10000);
    if (kind == ACTION_LIE)
        a.numbers[0] = within(d, 1, 30);
    add(d, a);
    a.at = d->to;
    a.spans[0] = 0;
    a.numbers[0] = 0;
    add(d, a);
}

static void draw_address(struct drawing *d)
{
    struct node_set who = some(d, 8);
    bool ends = rand_below(&d->r, 2) == 0;

    lasts(d, 200, 10000);
    if (ends)
        at(d, d->from, ACTION_CRASH, &who);
    at(d, d->from, ACTION_READDRESS, &who);
    if (ends)
        at(d, d->to, ACTION_START, &who);
}

static void draw_region(struct drawing *d)
{
    struct node_set who = { .by = d->sc->rings > 1 ? NODES_REGION : NODES_ZONE };

    who.number = within(d, 1, d->sc->rings > 1 ? d->sc->rings : d->sc->zones);
    lasts(d, 200, 15000);
    at(d, d->from, ACTION_VANISH, &who);
    at(d, d->to, ACTION_START, &who);
}

/* Many end one after the other, and all begin at once. */
static void draw_mass(struct drawing *d)
{
    struct node_set who = some(d, 2);

    for (uint64_t i = 0, n = (d->sc->nodes + 1) / 2; i < n; i++)
        put_in(&who, i);
    lasts(d, 200, 10000);
    at(d, d->from, rand_below(&d->r, 2) == 0 ? ACTION_LEAVE : ACTION_CRASH, &who);
    at(d, d->to, ACTION_START, &who);
}

/* Some pieces in a row, at one node. */
static void draw_memory(struct drawing *d)
{
    struct action a = { .kind = ACTION_REFUSE_MEMORY };
    uint64_t n = within(d, 1, 12);

    lasts(d, 0, 8000);
    put_in(&a.a, rand_below(&d->r, d->sc->nodes));
    while (n-- > 0) {
        a.at = d->from + MS(1) * (mesh_ns)rand_below(&d->r, (uint64_t)(d->to - d->from) / MS(1) + 1);
        a.numbers[0] = within(d, 1, 100);
        add(d, a);
    }
}

static void draw_one(struct drawing *d)
{
    static const enum action_kind slowness[] = { ACTION_BUSY,       ACTION_NARROW, ACTION_CLOCK_FAST,
                                                 ACTION_CLOCK_SLOW, ACTION_LIE,    ACTION_TRICKLE };

    switch (rand_below(&d->r, 14)) {
    case 0: draw_bridge(d); break;
    case 1: draw_path(d, ACTION_CLOG); break;
    case 2: draw_path(d, ACTION_FLAP); break;
    case 3: draw_path(d, ACTION_MTU_HOLE); break;
    case 4: draw_address(d); break;
    case 5: draw_region(d); break;
    case 6: draw_mass(d); break;
    case 7: draw_memory(d); break;
    default: draw_slowness(d, slowness[rand_below(&d->r, 6)]); break;
    }
}

void swarm_faults(struct scenario *sc)
{
    struct rand r = rand_of(sc->seed, 0, SWARM_FAULTS);
    uint64_t n = rand_below(&r, 2) == 0 ? 0 : 1 + rand_below(&r, SWARM_FAULTS_MAX);

    if (sc->nodes < 3 || sc->time < sc->warmup + MS(1))
        return;
    for (uint64_t i = 1; i <= n; i++) {
        struct drawing d = { .sc = sc, .r = rand_of(sc->seed, i, SWARM_FAULTS) };
        draw_one(&d);
    }
}
