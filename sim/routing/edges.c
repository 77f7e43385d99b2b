/* edges.c - nodes: node/steer and its rim, what they know of each other's lives, and datagrams between them.
 *
 * Membership is not run here, only what it gives: who ends is noticed by each node half of `notice` to all of it later,
 * who begins within a second. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/buf.h"
#include "sim/memory.h"
#include "sim/routing/places.h"
#include "sim/routing/routing.h"

enum { DRAW_ID = 110, DRAW_NOTICE, DRAW_DATAGRAM, DRAW_PROBE };

#define BEGIN_NOTICE  SEC(1)
#define ADDR_EDGES_V4 UINT32_C(0xc6120000) /* 198.18.0.0/15 */
#define DRAWS_EACH    4

static bool ours(const struct routing *w)
{
    return w->policy == POLICY_LATENCY;
}

uint32_t routing_edge_of(const struct routing *w, const struct node_id *id)
{
    uint32_t i = be32_get(id->bytes + 12);

    assert(i < w->edges_n && node_id_eq(&w->edges[i].id, id));
    return i;
}

static struct rand draws(struct routing *w, uint32_t i, uint64_t purpose)
{
    struct rand r = rand_of(w->sc.seed, i, purpose);
    r.counter = w->edges[i].draws++ << DRAWS_EACH;
    return r;
}

/* ---- what it does next ---- */

static void send_one(struct routing *w, uint32_t i, const struct steer_out *out)
{
    struct rand r = draws(w, i, DRAW_DATAGRAM);
    uint32_t to = routing_edge_of(w, &out->to);
    mesh_ns way = US(sites_rtt_us(&w->edges[i].site, &w->edges[to].site)) / 2 + draw_ns(&r, w->sc.jitter);

    assert(out->bytes.len <= STEER_DATAGRAM_MAX);
    w->f.datagrams++;
    w->datagram_bytes += out->bytes.len;
    trace_hash_add(&w->trace, w->now, NOTE_DATAGRAM_OUT, i, out->bytes);
    if (draw_ppm(&r, w->sc.loss)) {
        w->f.datagrams_lost++;
        return;
    }
    routing_at(w, w->now + way, ROUTING_DATAGRAM, parcel_new(&w->parcels, i, to, out->bytes), 0);
}

static void pump(struct routing *w, uint32_t i)
{
    struct routing_edge *e = &w->edges[i];
    struct steer_out out;

    if (e->steer == NULL)
        return;
    while (steer_poll(e->steer, &out))
        send_one(w, i, &out);
    mesh_ns at = steer_deadline(e->steer);
    if (at < w->now)
        at = w->now;
    if (at != MESH_NS_NEVER && at != e->armed) {
        e->armed = at;
        routing_at(w, at, ROUTING_TICK, i, e->life);
    }
}

void routing_edge_tick(struct routing *w, uint32_t i)
{
    w->edges[i].armed = MESH_NS_NEVER;
    steer_tick(w->edges[i].steer, w->now);
    pump(w, i);
}

void routing_edge_tell(struct routing *w, uint32_t i)
{
    const struct routing_edge *e = &w->edges[i];
    struct steer_facts facts = { .addrs_n = 2, .http = 80, .https = 443, .dns = 53, .ready = true };

    if (e->steer == NULL)
        return;
    facts.addrs[0] = mesh_addr_v4(ADDR_EDGES_V4 + i, 443);
    facts.addrs[1] = (struct mesh_addr){ .ip = { 0x20, 0x01, 0x0d, 0xb8 }, .port = 443 };
    be32_put(facts.addrs[1].ip + 12, i);
    facts.draining = e->draining;
    uint64_t load = e->cap > 0 ? 1000 * e->viewers / e->cap : 0;
    facts.load_permille = (uint16_t)(load < UINT16_MAX ? load : UINT16_MAX);
    if (w->sc.places != 0) {
        facts.located = true;
        facts.lat_e4 = place_of(e->site.region)->lat_e4;
        facts.lon_e4 = place_of(e->site.region)->lon_e4;
    }
    steer_self(e->steer, w->now, &facts);
    pump(w, i);
}

/* Gossip's probes, one a second, say how far members are. */
static void probe(struct routing *w, uint32_t i)
{
    struct routing_edge *e = &w->edges[i];
    struct rand r = draws(w, i, DRAW_PROBE);

    e->probe = (e->probe + 1) % w->edges_n;
    uint32_t to = e->probe;
    if (to == i || !w->edges[to].up || !e->lives[to] || draw_ppm(&r, w->sc.loss))
        return;
    mesh_ns rtt = US(sites_rtt_us(&e->site, &w->edges[to].site)) + draw_ns(&r, 2 * w->sc.jitter);
    steer_peer_rtt(e->steer, w->now, &w->edges[to].id, rtt);
}

void routing_edge_second(struct routing *w, uint32_t i)
{
    probe(w, i);
    routing_edge_tell(w, i);
    routing_at(w, w->now + SEC(1), ROUTING_SECOND, i, w->edges[i].life);
}

void routing_edge_take(struct routing *w, uint32_t number)
{
    struct parcel *p = parcel_of(&w->parcels, number);
    struct routing_edge *e = &w->edges[p->to];
    uint32_t to = p->to;

    if (e->steer != NULL && w->edges[p->from].life > 0) {
        struct slice bytes = slice_of(p->bytes, p->len);
        trace_hash_add(&w->trace, w->now, NOTE_DATAGRAM_IN, to, bytes);
        assert(steer_is(bytes));
        if (steer_take(e->steer, w->now, &w->edges[p->from].id, bytes) != 0)
            w->f.refused_datagrams++;
        pump(w, to);
    }
    parcel_drop(&w->parcels, number);
}

struct steer_view *routing_edge_view(struct routing *w, uint32_t i)
{
    struct steer_view *v = memory_kept(steer_view(w->edges[i].steer, w->now));

    pump(w, i);
    return v;
}

/* ---- lives ---- */

/* What the mesh at |i| holds of |other|, which may have changed. */
void routing_edge_notice(struct routing *w, uint32_t i, uint32_t other)
{
    struct routing_edge *e = &w->edges[i];
    const struct routing_edge *o = &w->edges[other];

    if (!e->up || i == other)
        return;
    e->lives[other] = o->up;
    if (e->steer == NULL)
        return;
    if (steer_member(e->steer, w->now, &o->id, o->name, o->zone, o->up) != 0)
        memory_kept(NULL);
    pump(w, i);
}

static void tell_others(struct routing *w, uint32_t i, mesh_ns least, mesh_ns most)
{
    struct rand r = draws(w, i, DRAW_NOTICE);

    for (uint32_t j = 0; j < w->edges_n; j++) {
        mesh_ns after = least + draw_ns(&r, (uint64_t)(most - least));
        if (j != i)
            routing_at(w, w->now + after, ROUTING_NOTICE, j, i);
    }
}

static void begin(struct routing *w, uint32_t i)
{
    struct routing_edge *e = &w->edges[i];

    e->up = true;
    e->draining = false;
    e->life++;
    e->armed = e->ended = e->drained = MESH_NS_NEVER;
    trace_hash_add(&w->trace, w->now, NOTE_START, i, SLICE_EMPTY);
    if (!ours(w))
        return;
    struct steer_config cfg = { .id = e->id, .name = e->name, .zone = e->zone, .seed = rand_mix(w->sc.seed + i) };
    be32_put(cfg.hash_key, i);
    e->steer = memory_kept(steer_new(&cfg, w->now));
    routing_at(w, w->now + MS(1000) * i / w->edges_n, ROUTING_SECOND, i, e->life);
}

void routing_edge_start(struct routing *w, uint32_t i)
{
    begin(w, i);
    for (uint32_t j = 0; j < w->edges_n; j++)
        routing_edge_notice(w, i, j);
    routing_edge_tell(w, i);
    tell_others(w, i, 0, BEGIN_NOTICE);
}

void routing_edge_crash(struct routing *w, uint32_t i)
{
    struct routing_edge *e = &w->edges[i];

    e->up = false;
    e->ended = w->now;
    steer_free(e->steer);
    e->steer = NULL;
    trace_hash_add(&w->trace, w->now, NOTE_STOP, i, SLICE_EMPTY);
    tell_others(w, i, (mesh_ns)w->sc.notice / 2, (mesh_ns)w->sc.notice);
}

/* At the beginning all who are there know each other. */
void routing_edges_make(struct routing *w)
{
    w->edges_n = (uint32_t)w->sc.nodes;
    w->edges = memory_new(w->edges_n * sizeof(*w->edges));
    for (uint32_t i = 0; i < w->edges_n; i++) {
        struct routing_edge *e = &w->edges[i];
        struct rand r = rand_of(w->sc.seed, i, DRAW_ID);
        be64_put(e->id.bytes, rand_u64(&r));
        be32_put(e->id.bytes + 8, (uint32_t)rand_u64(&r));
        be32_put(e->id.bytes + 12, i);
        site_draw(&e->site, &w->sc, i);
        snprintf(e->name, sizeof(e->name), "n%u", i + 1);
        snprintf(e->zone, sizeof(e->zone), "%s/a", link_region_name(e->site.region));
        e->lives = memory_new(w->edges_n * sizeof(*e->lives));
        e->lives[i] = true;
        e->ended = e->drained = MESH_NS_NEVER;
        if (!node_set_has(&w->sc.absent, i))
            begin(w, i);
    }
    for (uint32_t i = 0; i < w->edges_n; i++) {
        for (uint32_t j = 0; j < w->edges_n; j++) {
            if (w->edges[j].up)
                routing_edge_notice(w, i, j);
        }
    }
    for (uint32_t i = 0; i < w->edges_n; i++)
        routing_edge_tell(w, i);
}

void routing_edges_free(struct routing *w)
{
    for (uint32_t i = 0; i < w->edges_n; i++) {
        steer_free(w->edges[i].steer);
        free(w->edges[i].lives);
    }
    free(w->edges);
}
