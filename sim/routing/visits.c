/* visits.c - viewers: they ask, keep the answer for its time, and connect. */
#include "proto/base/buf.h"
#include "sim/memory.h"
#include "sim/routing/routing.h"

enum { DRAW_VIEWER = 120, DRAW_MOVED };

/* Whoever has not ended may be asked: a resolver tries another one where nothing answers. */
static uint32_t answering(struct routing *w, struct routing_viewer *v)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < w->edges_n; i++)
        n += w->edges[i].up;
    uint64_t take = n > 0 ? rand_below(&v->draws, n) : 0;
    for (uint32_t i = 0; i < w->edges_n; i++) {
        if (w->edges[i].up && take-- == 0)
            return i;
    }
    return w->edges_n;
}

static void ask(struct routing *w, struct routing_viewer *v)
{
    uint32_t node = answering(w, v);
    uint8_t said[2 * STEER_PICKS];
    mesh_ns ttl = 0;

    v->picks_n = 0;
    if (node == w->edges_n)
        return;
    w->f.asks++;
    v->picks_n = (uint8_t)policy_answer(w, node, v, v->picks, &ttl);
    v->until = w->now + ttl;
    measure_answer(w, node, v->picks, v->picks_n);
    for (size_t i = 0; i < v->picks_n; i++)
        be16_put(said + 2 * i, v->picks[i]);
    trace_hash_add(&w->trace, w->now, NOTE_ANSWER, v->number, slice_of(said, 2 * (size_t)v->picks_n));
}

static void connected(struct routing *w, struct routing_viewer *v, uint16_t at)
{
    struct routing_edge *e = &w->edges[at];
    struct mesh_addr from = network_viewer(&w->networks[v->network], &w->sc, v->number);
    mesh_ns rtt = network_measured(&w->sc, routing_rtt_us(w, v->network, at), &v->draws);

    measure_connection(w, v, at);
    if (v->at != at) {
        if (v->at != ROUTING_NOWHERE)
            w->edges[v->at].viewers--;
        e->viewers++;
        v->at = at;
    }
    if (e->steer != NULL)
        steer_sample(e->steer, w->now, &from, "", rtt);
}

void visit(struct routing *w, uint32_t viewer)
{
    struct routing_viewer *v = &w->viewers[viewer];

    if (w->now >= v->until)
        ask(w, v);
    size_t i = 0;
    while (i < v->picks_n && !w->edges[v->picks[i]].up) {
        w->f.refused++;
        i++;
    }
    if (i < v->picks_n)
        connected(w, v, v->picks[i]);
    else
        v->until = w->now; /* and asks anew the next time */
    mesh_ns every = (mesh_ns)w->sc.connect_every;
    routing_at(w, w->now + every / 2 + draw_ns(&v->draws, (uint64_t)every), ROUTING_VISIT, viewer, 0);
}

static void measure_ways(struct routing *w, uint32_t network)
{
    for (uint32_t i = 0; i < w->edges_n; i++)
        w->rtt_us[(size_t)network * w->edges_n + i] = network_rtt_us(&w->networks[network], &w->sc, &w->edges[i].site);
}

void visits_make(struct routing *w)
{
    w->networks_n = (uint32_t)w->sc.networks;
    w->viewers_n = (uint32_t)(w->sc.networks * w->sc.network_viewers);
    w->networks = memory_new(w->networks_n * sizeof(*w->networks));
    w->rtt_us = memory_new((size_t)w->networks_n * w->edges_n * sizeof(*w->rtt_us));
    w->viewers = memory_new(w->viewers_n * sizeof(*w->viewers));
    for (uint32_t i = 0; i < w->networks_n; i++) {
        network_draw(&w->networks[i], &w->sc, i);
        measure_ways(w, i);
    }
    for (uint32_t i = 0; i < w->viewers_n; i++) {
        struct routing_viewer *v = &w->viewers[i];
        v->network = i % w->networks_n;
        v->number = i;
        v->at = ROUTING_NOWHERE;
        v->moved = MESH_NS_NEVER;
        v->draws = rand_of(w->sc.seed, i, DRAW_VIEWER);
        routing_at(w, w->begun + draw_ns(&v->draws, w->sc.arrive), ROUTING_VISIT, i, 0);
    }
}

void visits_move(struct routing *w, uint64_t networks)
{
    struct rand r = rand_of(w->sc.seed, w->action_at, DRAW_MOVED);
    uint64_t left = networks < w->networks_n ? networks : w->networks_n;

    for (uint32_t i = 0; i < w->viewers_n; i++)
        w->viewers[i].follows = false;
    for (uint32_t i = 0; i < w->networks_n && left > 0; i++) {
        if (rand_below(&r, w->networks_n - i) >= left)
            continue;
        left--;
        w->f.moved++;
        network_move(&w->networks[i], &w->sc);
        measure_ways(w, i);
        for (uint32_t v = i; v < w->viewers_n; v += w->networks_n) {
            w->viewers[v].moved = w->now;
            w->viewers[v].follows = true;
        }
    }
    routing_at(w, w->now + SEC(60), ROUTING_MOVED, 0, 0);
}
