#include "sim/members/drawn.h"

#include "proto/base/rand.h"
#include "sim/memory.h"

#define PURPOSE 77 /* of the numbers drawn here */

struct drawing {
    struct scenario *sc;
    struct rand r;
    mesh_ns from, to; /* of the fault at hand */
};

static mesh_ns between(struct drawing *d, mesh_ns least, mesh_ns most)
{
    return least + (mesh_ns)rand_below(&d->r, (uint64_t)(most - least) / (uint64_t)MS(1) + 1) * MS(1);
}

static void lasts(struct drawing *d, mesh_ns least, mesh_ns most)
{
    mesh_ns begin = (mesh_ns)d->sc->warmup, end = (mesh_ns)d->sc->time;

    d->from = begin + between(d, 0, end - begin) / MS(1) * MS(1);
    d->to = mesh_ns_min(d->from + between(d, least, most), end);
}

/* A few nodes next to each other in number, which are anywhere in the order of ids. */
static struct node_set some(struct drawing *d, uint64_t most)
{
    struct node_set s = { .by = NODES_LIST };
    uint64_t n = 1 + rand_below(&d->r, most < d->sc->nodes ? most : d->sc->nodes);
    uint64_t first = rand_below(&d->r, d->sc->nodes);

    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = (first + i) % d->sc->nodes;
        s.bits[at / 8] |= (uint8_t)(1u << (at % 8));
    }
    return s;
}

static struct node_set others(const struct drawing *d, const struct node_set *s)
{
    struct node_set out = { .by = NODES_LIST };

    for (uint64_t i = 0; i < d->sc->nodes; i++) {
        if (!node_set_has(s, (uint32_t)i))
            out.bits[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    return out;
}

static void add(struct drawing *d, const struct action *a)
{
    memory_kept(scenario_add(d->sc, a) == 0 ? d->sc : NULL);
}

static void add_pair(struct drawing *d, struct action a, enum action_kind end)
{
    a.at = d->from;
    add(d, &a);
    a.at = d->to;
    a.kind = end;
    a.spans[0] = a.spans[1] = 0;
    add(d, &a);
}

static void draw_cut(struct drawing *d, enum action_kind kind, uint64_t most)
{
    struct action a = { .kind = kind, .a = some(d, most) };

    a.b = kind == ACTION_CUT_ONEWAY ? some(d, most) : others(d, &a.a);
    lasts(d, MS(500), SEC(40));
    add_pair(d, a, ACTION_HEAL);
}

static void draw_setting(struct drawing *d, const char *name, uint64_t most_ppm)
{
    struct action a = { .kind = ACTION_SET };

    while (strcmp(d->sc->words->settings[a.setting].name, name) != 0)
        a.setting++;
    lasts(d, SEC(1), SEC(20));
    a.at = d->from;
    a.value = rand_below(&d->r, most_ppm);
    add(d, &a);
    a.at = d->to;
    a.value = *setting_of(d->sc, a.setting);
    add(d, &a);
}

static void draw_spell(struct drawing *d, enum action_kind kind, enum action_kind end)
{
    struct action a = { .kind = kind, .a = some(d, d->sc->nodes / 4 + 1) };

    lasts(d, SEC(2), SEC(30));
    if (kind == ACTION_SLOW) {
        a.spans[0] = between(d, MS(1), MS(60));
    } else {
        a.spans[1] = between(d, MS(200), SEC(10));
        a.spans[0] = between(d, MS(100), a.spans[1]);
    }
    add_pair(d, a, end);
}

static void draw_single(struct drawing *d, enum action_kind kind)
{
    struct action a = { .kind = kind, .a = some(d, d->sc->nodes) };

    lasts(d, MS(100), SEC(15));
    a.at = d->from;
    a.spans[0] = kind == ACTION_UPDATE ? MS(100) : d->to - d->from;
    a.numbers[0] = 1 + rand_below(&d->r, 20);
    add(d, &a);
}

static void draw_one(struct drawing *d)
{
    static const struct {
        enum action_kind kind, end;
    } ends[] = { { ACTION_CRASH, ACTION_START },
                 { ACTION_VANISH, ACTION_START_LOST },
                 { ACTION_LEAVE, ACTION_START },
                 { ACTION_CRASH, ACTION_START_LOST } };
    uint64_t kind = rand_below(&d->r, 16);

    switch (kind) {
    case 0:
    case 1:
    case 2:
    case 3: {
        struct action a = { .kind = ends[kind].kind, .a = some(d, 1 + d->sc->nodes / 8) };
        lasts(d, MS(100), SEC(30));
        add_pair(d, a, ends[kind].end);
        break;
    }
    case 4: draw_cut(d, ACTION_CUT, d->sc->nodes / 2 + 1); break;
    case 5: draw_cut(d, ACTION_CUT, 1); break;
    case 6: draw_cut(d, ACTION_CUT_ONEWAY, 2); break;
    case 7: draw_setting(d, "loss-pct", 400000); break;
    case 8: draw_setting(d, "burst-loss-pct", 300000); break;
    case 9: draw_setting(d, "dup-pct", 300000); break;
    case 10: draw_setting(d, "reorder-pct", 500000); break;
    case 11: draw_spell(d, ACTION_FREEZE, ACTION_THAW); break;
    case 12: draw_spell(d, ACTION_SLOW, ACTION_SLOW); break;
    case 13: draw_single(d, ACTION_PAUSE); break;
    case 14: draw_single(d, rand_below(&d->r, 2) == 0 ? ACTION_RESTART : ACTION_RESTART_LOST); break;
    default: draw_single(d, ACTION_UPDATE); break;
    }
}

void drawn_faults(struct scenario *sc)
{
    for (uint64_t i = 0; i < sc->faults; i++) {
        struct drawing d = { .sc = sc, .r = rand_of(sc->seed, i, PURPOSE) };
        draw_one(&d);
    }
}
