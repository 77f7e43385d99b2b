#include "sim/faults/fault_net.h"

#include <stdlib.h>

#include "sim/edge.h"

#define AGAIN_LEAST MS(2000)
#define AGAIN_MOST  MS(30000)

struct path_trouble *fault_path(struct net *n, uint32_t from, uint32_t to)
{
    if (n->troubles == NULL)
        n->troubles = world_alloc(n->nodes * n->nodes * sizeof(*n->troubles));
    return &n->troubles[(size_t)from * n->nodes + to];
}

static const struct path_trouble *trouble(const struct net *n, uint32_t from, uint32_t to)
{
    static const struct path_trouble none;

    return n->troubles != NULL ? &n->troubles[(size_t)from * n->nodes + to] : &none;
}

static void cut(struct net *n, uint32_t from, uint32_t to, enum fault_kind kind)
{
    net_cut(n, from, to);
    fault_path(n, from, to)->cut = kind;
}

/* One direction of those faults that have two. */
static void one_way(struct net *n, const struct action *a, uint32_t from, uint32_t to)
{
    struct path_trouble *t = fault_path(n, from, to);

    switch (a->kind) {
    case ACTION_CLOG: t->clogged_until = n->w->now + a->spans[0]; break;
    case ACTION_FLAP:
        t->flap_from = n->w->now;
        t->flap_cut = a->spans[0];
        t->flap_every = a->spans[1];
        break;
    case ACTION_MTU_HOLE: t->mtu = a->numbers[0] > 0 ? a->numbers[0] : 1; break;
    default: assert(false);
    }
}

void fault_pair(struct world *w, const struct action *a, uint32_t x, uint32_t y, enum fault_kind kind)
{
    switch (a->kind) {
    case ACTION_RESET: net_reset(w->net, x, y); break;
    case ACTION_CUT_ONEWAY: cut(w->net, x, y, kind); break;
    case ACTION_CUT:
        cut(w->net, x, y, kind);
        cut(w->net, y, x, kind);
        break;
    default:
        one_way(w->net, a, x, y);
        one_way(w->net, a, y, x);
    }
}

bool net_blocked(struct net *n, uint32_t from, uint32_t to)
{
    const struct path_trouble *t = trouble(n, from, to);

    if (net_path(n, from, to)->cut) {
        world_bit(n->w, t->cut != FAULT_LOSS ? t->cut : FAULT_PARTITION);
        return true;
    }
    if (t->flap_every == 0 || (n->w->now - t->flap_from) % t->flap_every >= t->flap_cut)
        return false;
    world_bit(n->w, FAULT_FLAP);
    return true;
}

bool net_hole(struct net *n, uint32_t from, uint32_t to, size_t len)
{
    uint64_t mtu = trouble(n, from, to)->mtu;

    if (mtu == 0 || len <= mtu)
        return false;
    world_bit(n->w, FAULT_MTU_HOLE);
    return true;
}

mesh_ns net_unclogged(struct net *n, uint32_t from, uint32_t to, mesh_ns at)
{
    mesh_ns until = trouble(n, from, to)->clogged_until;

    if (at >= until)
        return at;
    world_bit(n->w, FAULT_CLOG);
    return until;
}

mesh_ns net_narrow(struct net *n, uint32_t node, size_t bytes, mesh_ns at)
{
    struct access *a = &n->access[node];

    if (a->narrow_rate == 0)
        return at;
    mesh_ns passed = link_queue_pass(&a->narrow, at, bytes, a->narrow_rate, UINT64_MAX);
    if (passed > at)
        world_bit(n->w, FAULT_NARROW);
    return passed;
}

mesh_ns net_again_after(struct rand *r)
{
    return AGAIN_LEAST + draw_ns(r, (uint64_t)(AGAIN_MOST - AGAIN_LEAST));
}

size_t net_truncated(struct net *n, size_t len, struct rand *r)
{
    if (len == 0 || !draw_ppm(r, n->w->sc.truncate))
        return len;
    n->counts.damaged++;
    world_bit(n->w, FAULT_TRUNCATE);
    return (size_t)rand_below(r, len);
}

void net_calm(struct net *n)
{
    net_heal(n);
    for (size_t i = 0; n->troubles != NULL && i < n->nodes * n->nodes; i++)
        n->troubles[i].clogged_until = 0;
    for (size_t i = 0; i < n->nodes; i++)
        n->access[i].narrow_rate = 0;
}

/* ---- tapes ---- */

static void tape_free(struct tape *t)
{
    if (t->recorder != NULL)
        *t->recorder = NULL;
    list_remove(&t->link);
    free(t);
}

static void play(struct world *w, struct event *ev)
{
    struct tape *t = OBJ_OF(ev, struct tape, ev);
    struct edge *to = &w->edges[t->to];

    if (edge_held(to, ev))
        return;
    if (edge_up(to) && t->len > 0 && !w->calm)
        net_play(w->net, t);
    tape_free(t);
}

void tape_begin(struct net *n, uint32_t from, uint32_t to, struct tape **recorder)
{
    struct world *w = n->w;
    struct rand r = world_rand(w, n->dials, DRAW_TAPE);

    if (!draw_ppm(&r, w->sc.replay))
        return;
    struct tape *t = world_alloc(sizeof(*t));
    t->ev.fire = play;
    t->from = from;
    t->to = to;
    t->recorder = recorder;
    *recorder = t;
    list_push_back(&n->tapes, &t->link);
    world_at(w, &t->ev, w->now + net_again_after(&r));
}

void tape_add(struct tape *t, struct slice bytes)
{
    size_t n = bytes.len < TAPE_MAX - t->len ? bytes.len : TAPE_MAX - t->len;

    if (n > 0)
        memcpy(t->bytes + t->len, bytes.data, n);
    t->len += n;
}

void tape_let_go(struct tape **recorder)
{
    if (*recorder != NULL)
        (*recorder)->recorder = NULL;
    *recorder = NULL;
}

void tapes_free(struct net *n)
{
    LIST_EACH_SAFE (at, &n->tapes) {
        struct tape *t = OBJ_OF(at, struct tape, link);
        world_drop(n->w, &t->ev);
        tape_free(t);
    }
}
