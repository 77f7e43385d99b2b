/* Who asks for which key at which node and when: as a log says it, or drawn. */
#include <stdlib.h>

#include "sim/viewer_model.h"
#include "sim/viewers/viewer.h"
#include "sim/workload.h"
#include "sim/zipf.h"

static void arrive(struct world *w, struct event *ev);

struct viewers *viewers_new(struct world *w)
{
    struct viewers *v = world_alloc(sizeof(*v));
    uint64_t sum = 0;

    v->arrive.fire = arrive;
    v->key_asked = world_alloc((size_t)w->sc.keys);
    v->to_ask = w->sc.load != NULL ? workload_count(&w->sc)
                : w->sc.every_node ? w->sc.keys * w->sc.nodes
                                   : w->sc.requests;
    if (w->sc.zipf && w->sc.load == NULL) {
        uint64_t each = w->sc.sample, rank = 0; /* each key stands for so many ranks */
        v->popularity = world_alloc((size_t)w->sc.keys * sizeof(*v->popularity));
        for (uint64_t i = 0; i < w->sc.keys; v->popularity[i++] = sum) {
            for (uint64_t k = 0; k < each; k++)
                sum += zipf_weight(++rank, w->sc.zipf_exponent);
        }
    }
    return v;
}

void viewers_free(struct viewers *v)
{
    if (v == NULL)
        return;
    free(v->popularity);
    free(v->key_asked);
    free(v->first_byte_ns.at);
    free(v->last_byte_ns.at);
    for (size_t i = 0; i < 6; i++)
        free(v->by_result_ns[i].at);
    free(v);
}

/* The i-th of all requests comes at a random moment of the i-th of equal parts of the time. */
static mesh_ns arrival(const struct world *w, uint64_t i)
{
    if (w->sc.load != NULL)
        return workload_of(&w->sc, i).at;
    struct rand r = world_rand(w, i, DRAW_ARRIVAL);
    uint64_t span = w->sc.time - w->sc.warmup, n = w->viewers->to_ask;
    uint64_t part = span / n, at = part * i + span % n * i / n;

    return (mesh_ns)(w->sc.warmup + at + (part > 0 ? rand_below(&r, part) : 0));
}

void viewers_begin(struct world *w)
{
    if (w->viewers->to_ask > 0)
        world_at(w, &w->viewers->arrive, arrival(w, 0));
}

/* The node that a viewer is sent to: |wish|, or the next one that takes viewers. NULL: none does. */
static struct edge *pick_node(struct world *w, uint64_t wish)
{
    for (uint64_t i = 0; i < w->sc.nodes; i++) {
        struct edge *e = &w->edges[(wish + i) % w->sc.nodes];
        if (edge_serves(e) && (!w->sc.ready_only || engine_ready(e->engine, NULL)))
            return e;
    }
    return NULL;
}

static uint64_t pick_key(const struct world *w, struct rand *r)
{
    const struct viewers *v = w->viewers;
    uint64_t low = 0, high = w->sc.keys - 1;

    if (w->sc.hot > 0 && draw_ppm(r, w->sc.hot))
        return 1;
    if (v->popularity == NULL)
        return 1 + rand_below(r, w->sc.keys);
    uint64_t at = rand_below(r, v->popularity[high]);
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (v->popularity[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return 1 + low;
}

static void arrive(struct world *w, struct event *ev)
{
    struct viewers *all = w->viewers;
    uint64_t i = all->asked++, key, wish;
    struct rand r = world_rand(w, i, DRAW_VIEWER);

    if (w->sc.load != NULL) {
        struct workload_event logged = workload_of(&w->sc, i);
        wish = logged.node;
        key = logged.key;
    } else if (w->sc.every_node) {
        /* In an order that has each key at all nodes at different times. */
        wish = i / w->sc.keys;
        key = 1 + (i + wish * 7919) % w->sc.keys;
    } else {
        wish = w->sc.ask_from - 1 + rand_below(&r, w->sc.nodes - w->sc.ask_from + 1);
        key = pick_key(w, &r);
    }
    struct edge *e = pick_node(w, wish);
    if (e != NULL)
        viewer_new(w, e, i, key, &r);
    if (all->asked < all->to_ask)
        world_at(w, ev, arrival(w, all->asked));
}

void viewers_one(struct world *w, uint64_t node, uint64_t key)
{
    struct edge *e = pick_node(w, node);
    uint64_t number = (UINT64_C(1) << 32) + w->viewers->begun;
    struct rand r = world_rand(w, number, DRAW_VIEWER);

    if (e != NULL)
        viewer_new(w, e, number, key, &r);
}

void viewers_flash(struct world *w, uint64_t key, uint64_t n)
{
    uint64_t before = w->viewers->begun;

    for (uint64_t i = 0; i < n; i++)
        viewers_one(w, i, key);
    if (w->viewers->begun > before + 1)
        world_bit(w, FAULT_FLASH);
}
