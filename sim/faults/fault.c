#include "sim/faults/fault.h"

#include "node/core/key.h"
#include "proto/base/err.h"
#include "sim/body.h"
#include "sim/config_model.h"
#include "sim/disk/disk_model.h"
#include "sim/faults/fault_net.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/rules/check.h"
#include "sim/sample.h"
#include "sim/scenario_value.h"
#include "sim/topology.h"
#include "sim/viewer_model.h"
#include "sim/warmth.h"

/* The owners of a key, by the ring of the first live node; returns how many there are. */
static size_t owners(struct world *w, uint64_t key, const struct ring_member *out[RING_OWNERS])
{
    char text[BODY_PATH_MAX];
    struct slice path = body_path(key, text);

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        struct digest d;
        if (!edge_serves(e))
            continue;
        const struct ring *ring = mesh_ring(engine_mesh(e->engine));
        key_hash(&d, &e->id.mesh, SLICE_LIT("default"), SLICE_EMPTY, path);
        return ring_owners(ring, ring_arc(ring, &d), out);
    }
    return 0;
}

static bool owns(struct world *w, uint64_t key, uint32_t node)
{
    const struct ring_member *of[RING_OWNERS];

    return owners(w, key, of) > 0 && node_id_eq(&of[0]->id, &w->edges[node].id.cert.id);
}

static void warm(struct world *w)
{
    const struct ring_member *of[RING_OWNERS];

    for (uint64_t key = 1; key <= w->sc.keys; key++) {
        size_t n = owners(w, key, of);
        for (uint32_t i = 0; i < w->sc.nodes; i++) {
            for (size_t k = 0; k < n && k < 2; k++) {
                if (node_id_eq(&of[k]->id, &w->edges[i].id.cert.id))
                    viewers_one(w, i, key);
            }
        }
    }
}

static bool named(struct world *w, const struct node_set *s, uint32_t node)
{
    switch (s->by) {
    case NODES_LIST: return node_set_has(s, node);
    case NODES_ALL: return true;
    case NODES_ZONE: return topology_place(&w->sc, node).zone + 1 == s->number; /* of any region */
    case NODES_REGION: return w->edges[node].region + 1 == s->number;
    case NODES_OWNER: return owns(w, s->number, node);
    }
    return false;
}

/* Fixes who is meant, before the action changes who owns what. */
static struct node_set fixed(struct world *w, const struct node_set *s)
{
    struct node_set out = { .by = NODES_LIST };

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (named(w, s, i))
            out.bits[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    return out;
}

static void to_node(struct world *w, const struct action *a, struct edge *e)
{
    if (a->kind == ACTION_CRASH || a->kind == ACTION_VANISH || a->kind == ACTION_LEAVE)
        warmth_node_goes(w);
    switch (a->kind) {
    case ACTION_START: edge_start(e, LOST_NOTHING); break;
    case ACTION_START_LOST: edge_start(e, LOST_BOOT); break;
    case ACTION_START_WIPED: edge_start(e, LOST_DISK); break;
    case ACTION_CRASH: edge_stop(e, EDGE_CRASH); break;
    case ACTION_VANISH: edge_stop(e, EDGE_VANISH); break;
    case ACTION_LEAVE: edge_leave(e); break;
    case ACTION_PAUSE:
        edge_pause(e, a->spans[0]);
        check_disturbed(w);
        break;
    case ACTION_SLOW:
        e->slow = a->spans[0];
        check_disturbed(w);
        break;
    case ACTION_DRAIN:
        if (!edge_up(e))
            break;
        check_disturbed(w);
        engine_drain(edge_enter(e), edge_now(e), true);
        edge_pump(e);
        break;
    case ACTION_CLOCK_AHEAD: edge_wall_steps(e, a->spans[0] / SEC(1)); break;
    case ACTION_CLOCK_BACK: edge_wall_steps(e, -(a->spans[0] / SEC(1))); break;
    case ACTION_CLOCK_FAST: edge_drift(e, (int64_t)a->numbers[0]); break;
    case ACTION_CLOCK_SLOW: edge_drift(e, -(int64_t)a->numbers[0]); break;
    case ACTION_REFUSE_MEMORY:
        e->memory_left = a->numbers[0];
        check_disturbed(w);
        break;
    case ACTION_LIE:
        e->lies_one_in = a->numbers[0];
        w->check->odd = true;
        check_disturbed(w);
        break;
    case ACTION_TRICKLE:
        e->trickle = a->spans[0];
        w->check->odd = true;
        check_disturbed(w);
        break;
    case ACTION_BUSY:
        e->busy = a->spans[0];
        check_disturbed(w);
        break;
    case ACTION_NARROW:
        w->net->access[e->index].narrow_rate = a->numbers[0];
        check_disturbed(w);
        break;
    case ACTION_READDRESS:
        edge_moves(e);
        check_disturbed(w);
        break;
    case ACTION_PURGE: purge_called(e, PURGE_URL, a->numbers[0]); break;
    case ACTION_PURGE_PREFIX: purge_called(e, PURGE_PREFIX, a->numbers[0]); break;
    case ACTION_PURGE_TAG: purge_called(e, PURGE_TAG, a->numbers[0]); break;
    case ACTION_PURGE_ALL: purge_called(e, PURGE_ALL, 0); break;
    case ACTION_CONFIGURE: config_called(e); break;
    default: {
        bool of_disks = disk_fault(e, a);
        assert(of_disks);
        check_disturbed(w);
    }
    }
}

/* Which kind of fault a cut is: are there nodes in neither set, who see both? */
static enum fault_kind cut_kind(struct world *w, const struct action *a, const struct node_set *first,
                                const struct node_set *second)
{
    for (uint32_t i = 0; a->kind == ACTION_CUT && i < w->sc.nodes; i++) {
        if (edge_up(&w->edges[i]) && !node_set_has(first, i) && !node_set_has(second, i))
            return FAULT_BRIDGE;
    }
    return a->kind == ACTION_CUT ? FAULT_PARTITION : FAULT_ONEWAY;
}

static bool takes_pairs(enum action_kind kind)
{
    return strncmp(action_words[kind].args, "NN", 2) == 0;
}

static void to_sets(struct world *w, const struct action *a)
{
    struct node_set first = fixed(w, &a->a), second = fixed(w, &a->b);
    enum fault_kind cut = cut_kind(w, a, &first, &second);

    for (uint32_t x = 0; x < w->sc.nodes; x++) {
        if (!node_set_has(&first, x))
            continue;
        if (!takes_pairs(a->kind)) {
            to_node(w, a, &w->edges[x]);
            continue;
        }
        for (uint32_t y = 0; y < w->sc.nodes; y++) {
            if (node_set_has(&second, y) && x != y)
                fault_pair(w, a, x, y, cut);
        }
    }
}

bool fault_is_none(const struct action *a)
{
    return a->kind == ACTION_PURGE || a->kind == ACTION_PURGE_PREFIX || a->kind == ACTION_PURGE_TAG ||
           a->kind == ACTION_PURGE_ALL;
}

void fault_apply(struct world *w, const struct action *a)
{
    struct buf text = BUF_EMPTY;

    scenario_put_action(&text, &w->sc, a);
    world_note(w, NOTE_ACTION, WORLD_NODE, buf_slice(&text));
    buf_free(&text);
    switch (a->kind) {
    case ACTION_HEAL:
        net_heal(w->net);
        w->check->cut_until = w->now;
        check_disturbed(w);
        break;
    case ACTION_ORIGIN: origin_model_set(w, a->origin); break;
    case ACTION_FLASH: viewers_flash(w, a->numbers[0], a->numbers[1]); break;
    case ACTION_WARM: warm(w); break;
    case ACTION_SET: *setting_of(&w->sc, a->setting) = a->value; break;
    case ACTION_CUT:
    case ACTION_CUT_ONEWAY:
    case ACTION_FLAP:
    case ACTION_MTU_HOLE:
        w->check->cut_until = MESH_NS_NEVER;
        check_disturbed(w);
        to_sets(w, a);
        break;
    case ACTION_RESET:
    case ACTION_CLOG:
        check_disturbed(w);
        to_sets(w, a);
        break;
    default: to_sets(w, a); break;
    }
}

void fault_calm(struct world *w)
{
    net_calm(w->net);
    if (w->check->cut_until == MESH_NS_NEVER)
        w->check->cut_until = w->now;
    w->sc.loss = w->sc.dup = w->sc.reorder = w->sc.burst_loss = w->sc.corrupt = w->sc.origin_fail = w->sc.rate =
        w->sc.up_rate = w->sc.down_rate = w->sc.replay = w->sc.truncate = w->sc.origin_poison = w->sc.origin_trickle =
            w->sc.rare = 0;
    origin_model_set(w, ORIGIN_UP);
    disks_calm(w);
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct edge *e = &w->edges[i];
        if (e->paused_until > w->now)
            e->paused_until = w->now;
        if (e->back_at > w->now)
            e->back_at = w->now;
        e->slow = e->busy = e->trickle = 0;
        e->lies_one_in = e->memory_left = 0;
        edge_drift(e, 0);
    }
}

/* ---- drawn faults ---- */

struct drawing {
    struct scenario *sc;
    struct rand r;
    mesh_ns from, to; /* of the fault at hand */
};

static mesh_ns between(struct drawing *d, mesh_ns least, mesh_ns most)
{
    return least + (mesh_ns)rand_below(&d->r, (uint64_t)(most - least) + 1);
}

/* Whole milliseconds, so that what is drawn can be written down. */
static mesh_ns whole(mesh_ns t)
{
    return t / MS(1) * MS(1);
}

static void lasts(struct drawing *d, mesh_ns least, mesh_ns most)
{
    mesh_ns begin = (mesh_ns)d->sc->warmup, end = (mesh_ns)d->sc->time;

    d->from = whole(between(d, begin, end));
    d->to = whole(mesh_ns_min(d->from + between(d, least, most), end));
}

static struct node_set one_node(struct drawing *d)
{
    struct node_set s = { .by = NODES_LIST };
    uint64_t i = rand_below(&d->r, d->sc->nodes);

    s.bits[i / 8] = (uint8_t)(1u << (i % 8));
    return s;
}

/* Some nodes and the others, at least one on each side; needs two nodes. */
static void two_sides(struct drawing *d, struct node_set *a, struct node_set *b)
{
    uint64_t in_a = 1 + rand_below(&d->r, 4), first = rand_below(&d->r, d->sc->nodes);

    memset(a, 0, sizeof(*a));
    memset(b, 0, sizeof(*b));
    a->by = b->by = NODES_LIST;
    for (uint64_t i = 0; i < d->sc->nodes; i++) {
        bool to_a = rand_below(&d->r, 8) < in_a;
        if (i == first || i == (first + 1) % d->sc->nodes)
            to_a = i == first;
        (to_a ? a : b)->bits[i / 8] |= (uint8_t)(1u << (i % 8));
    }
}

static void add(struct drawing *d, struct action a)
{
    int err = scenario_add(d->sc, &a);
    assert(err == 0);
}

static void draw_stop(struct drawing *d, enum action_kind stop)
{
    struct node_set who = one_node(d);

    lasts(d, MS(200), SEC(20));
    add(d, (struct action){ .at = d->from, .kind = stop, .a = who });
    add(d,
        (struct action){ .at = d->to, .kind = rand_below(&d->r, 4) == 0 ? ACTION_START_LOST : ACTION_START, .a = who });
}

static void draw_cut(struct drawing *d, enum action_kind kind)
{
    struct action a = { .kind = kind };

    lasts(d, MS(200), SEC(15));
    two_sides(d, &a.a, &a.b);
    a.at = d->from;
    add(d, a);
    add(d, (struct action){ .at = d->to, .kind = ACTION_HEAL });
}

static void draw_setting(struct drawing *d, const char *name, uint64_t most)
{
    struct action a = { .kind = ACTION_SET };

    while (strcmp(d->sc->words->settings[a.setting].name, name) != 0)
        a.setting++;
    lasts(d, MS(500), SEC(10));
    a.at = d->from;
    a.value = d->sc->words->settings[a.setting].kind == SETTING_MS ? (uint64_t)whole((mesh_ns)rand_below(&d->r, most))
                                                                   : rand_below(&d->r, most);
    add(d, a);
    a.at = d->to;
    a.value = *setting_of(d->sc, a.setting);
    add(d, a);
}

static void draw_origin(struct drawing *d)
{
    lasts(d, MS(100), SEC(5));
    add(d, (struct action){ .at = d->from,
                            .kind = ACTION_ORIGIN,
                            .origin = rand_below(&d->r, 2) == 0 ? ORIGIN_DOWN : ORIGIN_HANGS });
    add(d, (struct action){ .at = d->to, .kind = ACTION_ORIGIN, .origin = ORIGIN_UP });
}

static void draw_one(struct drawing *d)
{
    struct action a = { 0 };
    uint64_t kind = rand_below(&d->r, 16);

    if (d->sc->nodes == 1 && kind >= 7 && kind <= 9)
        kind = 0; /* one node has nobody to be cut off from */
    switch (kind) {
    case 0:
    case 1: draw_stop(d, ACTION_CRASH); break;
    case 2:
    case 3: draw_stop(d, ACTION_VANISH); break;
    case 4: draw_stop(d, ACTION_LEAVE); break;
    case 5:
    case 6:
        lasts(d, MS(50), SEC(8));
        add(d, (struct action){ .at = d->from, .kind = ACTION_PAUSE, .a = one_node(d), .spans[0] = d->to - d->from });
        break;
    case 7: draw_cut(d, ACTION_CUT); break;
    case 8: draw_cut(d, ACTION_CUT_ONEWAY); break;
    case 9:
        lasts(d, 0, 0);
        a = (struct action){ .at = d->from, .kind = ACTION_RESET };
        two_sides(d, &a.a, &a.b);
        add(d, a);
        break;
    case 10: draw_setting(d, "loss-pct", 300000); break;
    case 11: draw_setting(d, "delay-ms", (uint64_t)MS(300)); break;
    case 12: draw_setting(d, "jitter-ms", (uint64_t)MS(200)); break;
    case 13: draw_setting(d, rand_below(&d->r, 2) == 0 ? "dup-pct" : "reorder-pct", 500000); break;
    case 14: draw_origin(d); break;
    default:
        lasts(d, 0, 0);
        a = (struct action){ .at = d->from, .kind = ACTION_FLASH };
        a.numbers[0] = 1 + rand_below(&d->r, sample_keys(d->sc));
        a.numbers[1] = 1 + rand_below(&d->r, 4 * d->sc->nodes);
        add(d, a);
        break;
    }
}

void fault_draw(struct scenario *sc)
{
    for (uint64_t i = 0; i < sc->faults; i++) {
        struct drawing d = { .sc = sc, .r = rand_of(sc->seed, i, 0xfa17) };
        draw_one(&d);
    }
}
