/* gossip_world.h - a few nodes of gossip on virtual time: latency, loss, duplicates,
 * cut links, crashes, freezes. Include after cmocka.h. */
#ifndef HEDGEROW_TESTS_GOSSIP_WORLD_H
#define HEDGEROW_TESTS_GOSSIP_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "gossip/gossip.h"
#include "gossip/payload.h"
#include "proto/base/rand.h"

#define WORLD_NODES 64
#define WORLD_TRACE 8192

enum event_kind { EVENT_PACKET, EVENT_CERT, EVENT_SYNC };
struct event {
    struct event *next;
    mesh_ns at;
    enum event_kind kind;
    size_t from, to;
    struct node_id subject;
    size_t len;
    uint8_t bytes[GOSSIP_PAYLOAD_MAX];
};

struct world_node {
    struct gossip *g;
    uint64_t boot;
    mesh_ns frozen_until;
    struct world *w;
    size_t index;
    char trace[WORLD_TRACE];
};

struct world {
    size_t n;
    mesh_ns now, latency, jitter;
    uint32_t loss_ppm, duplicate_ppm;
    bool cut[WORLD_NODES][WORLD_NODES]; /* from, to */
    bool withhold_certs;
    uint64_t muted; /* packets of this kind are lost; 0: none */
    struct rand rand;
    struct event *events; /* by time */
    struct world_node nodes[WORLD_NODES];
    struct gossip_config cfg; /* for new nodes */
    /* seen */
    size_t wrong_deaths; /* CHANGED to DEAD of a node that runs */
    size_t deaths, packets, syncs, cert_asks, self_boots, rolls_heard;
    uint32_t origins_heard[WORLD_NODES][WORLD_NODES]; /* by whom, of whom */
    uint64_t configs_heard[WORLD_NODES][WORLD_NODES]; /* other ones than its own */
    uint64_t bytes, hash;                             /* hash: of every packet and event */
};

static inline struct node_id world_id(size_t i)
{
    struct node_id id = { { (uint8_t)(i + 1) } };
    return id;
}

static inline size_t world_index(const struct node_id *id)
{
    return (size_t)id->bytes[0] - 1;
}

static inline struct mesh_addr world_addr(size_t i)
{
    return mesh_addr_v4(0x0a000001u + (uint32_t)i, 7400);
}

static inline void world_trace_line(void *ctx, mesh_ns now, const char *text)
{
    struct world_node *n = ctx;
    size_t at = strlen(n->trace);

    if (at + 120 < WORLD_TRACE)
        snprintf(n->trace + at, WORLD_TRACE - at, "[%d] %s\n", (int)(now / 1000000), text);
}

static inline void world_start(struct world *w, size_t i, uint64_t boot)
{
    struct world_node *n = &w->nodes[i];
    struct gossip_config cfg = w->cfg;

    assert_null(n->g);
    cfg.self = (struct member_record){ .id = world_id(i), .boot = boot, .weight = 100, .serial = i };
    cfg.self.addrs[cfg.self.addrs_n++] = world_addr(i);
    cfg.trace = (struct trace){ world_trace_line, n };
    n->boot = boot;
    n->trace[0] = 0;
    n->w = w;
    n->index = i;
    n->g = gossip_new(&cfg, w->now);
    assert_non_null(n->g);
}

static inline struct world *world_new(size_t n, uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->n = n;
    w->now = SEC(1000);
    w->latency = MS(5);
    w->jitter = MS(5);
    w->rand = rand_of(seed, 0, 99);
    w->cfg.seed = seed;
    for (size_t i = 0; i < n; i++)
        world_start(w, i, 1);
    return w;
}

static inline void world_crash(struct world *w, size_t i)
{
    gossip_free(w->nodes[i].g);
    w->nodes[i].g = NULL;
}

static inline void world_free(struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        world_crash(w, i);
    while (w->events != NULL) {
        struct event *e = w->events;
        w->events = e->next;
        free(e);
    }
    free(w);
}

static inline void world_cut(struct world *w, size_t from, size_t to, bool cut)
{
    w->cut[from][to] = cut;
}

/* Cuts or heals all links between nodes below |border| and the others. */
static inline void world_split(struct world *w, size_t border, bool cut)
{
    for (size_t i = 0; i < border; i++) {
        for (size_t j = border; j < w->n; j++)
            w->cut[i][j] = w->cut[j][i] = cut;
    }
}

static inline struct event *world_event(struct world *w, enum event_kind kind, size_t from, size_t to, mesh_ns delay)
{
    struct event *e = calloc(1, sizeof(*e)), **at = &w->events;

    assert_non_null(e);
    e->kind = kind;
    e->from = from;
    e->to = to;
    e->at = w->now + delay + (w->jitter > 0 ? (mesh_ns)rand_below(&w->rand, (uint64_t)w->jitter) : 0);
    while (*at != NULL && (*at)->at <= e->at)
        at = &(*at)->next;
    e->next = *at;
    *at = e;
    return e;
}

static inline void world_note(struct world *w, uint64_t what)
{
    w->hash = rand_mix(w->hash ^ what ^ (uint64_t)w->now);
}

/* All records of |from| to |to|, as a MEMBERS frame brings them. */
static inline void world_teach(struct world *w, size_t from, size_t to)
{
    const struct member_record *r;

    for (size_t i = 0; (r = gossip_member(w->nodes[from].g, i)) != NULL; i++)
        assert_int_equal(gossip_learn(w->nodes[to].g, w->now, r), 0);
}

static inline bool world_muted(const struct world *w, struct slice payload)
{
    static struct payload p;

    if (w->muted == 0)
        return false;
    assert_int_equal(payload_get(payload, &p), 0);
    return p.kind == w->muted;
}

static inline void world_send(struct world *w, size_t i, const struct gossip_out *out)
{
    size_t to = world_index(&out->to);

    assert_in_range(out->payload.len, 1, GOSSIP_PAYLOAD_MAX);
    assert_int_not_equal(out->addr.port, 0);
    w->packets++;
    w->bytes += out->payload.len;
    world_note(w, i << 8 | to);
    for (int copy = 0; copy < 2; copy++) {
        bool lost = w->cut[i][to] || world_muted(w, out->payload) || rand_below(&w->rand, 1000000) < w->loss_ppm;
        if (!lost) {
            struct event *e = world_event(w, EVENT_PACKET, i, to, w->latency);
            e->len = out->payload.len;
            memcpy(e->bytes, out->payload.data, e->len);
        }
        if (rand_below(&w->rand, 1000000) >= w->duplicate_ppm)
            break;
    }
}

static inline void world_changed(struct world *w, size_t i, const struct gossip_out *out)
{
    size_t subject = world_index(&out->to);

    world_note(w, i << 16 | subject << 8 | out->is);
    assert_int_equal(out->is, gossip_find(w->nodes[i].g, &out->to)->state);
    if (out->is == MEMBER_DEAD && out->was != MEMBER_DEAD) {
        w->deaths++;
        if (w->nodes[subject].g != NULL && !gossip_left(w->nodes[subject].g))
            w->wrong_deaths++;
    }
}

static inline void world_poll(struct world *w, size_t i)
{
    struct gossip_out out;

    while (gossip_poll(w->nodes[i].g, &out)) {
        switch (out.kind) {
        case GOSSIP_SEND: world_send(w, i, &out); break;
        case GOSSIP_CHANGED: world_changed(w, i, &out); break;
        case GOSSIP_NEED_CERT:
            w->cert_asks++;
            world_event(w, EVENT_CERT, i, world_index(&out.via), 2 * w->latency)->subject = out.to;
            break;
        case GOSSIP_SYNC:
            w->syncs++;
            world_event(w, EVENT_SYNC, i, world_index(&out.to), 4 * w->latency);
            break;
        case GOSSIP_SELF_BOOT:
            w->self_boots++;
            gossip_reboot(w->nodes[i].g, w->now, out.boot + 1);
            break;
        case GOSSIP_ROLL: w->rolls_heard++; break;
        case GOSSIP_CONFIG: w->configs_heard[i][world_index(&out.to)] = out.config; break;
        case GOSSIP_ORIGIN: w->origins_heard[i][world_index(&out.to)] = out.origin_us; break;
        }
    }
}

static inline bool world_up(const struct world *w, size_t i)
{
    return w->nodes[i].g != NULL && w->nodes[i].frozen_until <= w->now;
}

static inline void world_deliver(struct world *w, struct event *e)
{
    struct world_node *from = &w->nodes[e->from], *to = &w->nodes[e->to];

    if (e->kind == EVENT_PACKET) {
        if (to->g == NULL)
            return;
        if (to->frozen_until > w->now) { /* it waits in the socket */
            struct event *again = world_event(w, EVENT_PACKET, e->from, e->to, to->frozen_until - w->now + MS(1));
            again->len = e->len;
            memcpy(again->bytes, e->bytes, e->len);
            return;
        }
        struct node_id id = world_id(e->from);
        struct mesh_addr addr = world_addr(e->from);
        gossip_seen(to->g, &id, &addr);
        assert_int_equal(gossip_recv(to->g, w->now, &id, slice_of(e->bytes, e->len)), 0);
        world_poll(w, e->to);
        return;
    }
    if (!world_up(w, e->from) || !world_up(w, e->to) || w->cut[e->from][e->to] || w->cut[e->to][e->from])
        return;
    if (e->kind == EVENT_CERT) {
        if (!w->withhold_certs && gossip_find(to->g, &e->subject) != NULL)
            gossip_certified(from->g, w->now, &e->subject);
    } else {
        world_teach(w, e->from, e->to);
        world_teach(w, e->to, e->from);
        world_poll(w, e->to);
    }
    world_poll(w, e->from);
}

static inline void world_run(struct world *w, mesh_ns span)
{
    mesh_ns until = w->now + span;

    for (;;) {
        mesh_ns next = w->events != NULL ? w->events->at : MESH_NS_NEVER;
        size_t due = w->n;
        for (size_t i = 0; i < w->n; i++) {
            if (w->nodes[i].g == NULL)
                continue;
            mesh_ns at = gossip_deadline(w->nodes[i].g);
            at = at < w->nodes[i].frozen_until ? w->nodes[i].frozen_until : at;
            if (at < next) {
                next = at;
                due = i;
            }
        }
        if (next > until)
            break;
        assert_true(next >= w->now);
        w->now = next;
        if (due < w->n) {
            gossip_tick(w->nodes[due].g, w->now);
            world_poll(w, due);
            continue;
        }
        struct event *e = w->events;
        w->events = e->next;
        world_deliver(w, e);
        free(e);
    }
    w->now = until;
}

/* Everybody learns from node |seed| over a stream, one after the other. */
static inline void world_join(struct world *w, size_t i, size_t seed)
{
    world_teach(w, i, seed);
    world_teach(w, seed, i);
    world_poll(w, i);
    world_poll(w, seed);
}

static inline struct world *world_joined(size_t n, uint64_t seed)
{
    struct world *w = world_new(n, seed);

    for (size_t i = 1; i < n; i++) {
        world_join(w, i, 0);
        world_run(w, MS(20));
    }
    world_run(w, SEC(10));
    return w;
}

static inline int world_view(const struct world *w, size_t at, size_t of)
{
    struct node_id id = world_id(of);
    const struct member_record *r = gossip_find(w->nodes[at].g, &id);

    return r != NULL ? (int)r->state : -1;
}

static inline uint32_t world_counter(const struct world *w, size_t at, size_t of)
{
    struct node_id id = world_id(of);
    return gossip_find(w->nodes[at].g, &id)->counter;
}

/* Do all that run hold |of| to be in |state|? */
static inline bool world_all(const struct world *w, size_t of, int state)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->nodes[i].g != NULL && i != of && world_view(w, i, of) != state)
            return false;
    }
    return true;
}

static inline bool world_agree(const struct world *w)
{
    uint64_t digest = 0;
    bool first = true;

    for (size_t i = 0; i < w->n; i++) {
        if (w->nodes[i].g == NULL)
            continue;
        if (!first && gossip_digest(w->nodes[i].g) != digest)
            return false;
        digest = gossip_digest(w->nodes[i].g);
        first = false;
    }
    return true;
}

/* How long until |of| is |state| everywhere; |limit| if not before. */
static inline mesh_ns world_until(struct world *w, size_t of, int state, mesh_ns limit)
{
    mesh_ns start = w->now;

    while (!world_all(w, of, state) && w->now - start < limit)
        world_run(w, MS(10));
    return w->now - start;
}

static inline uint64_t world_sum(const struct world *w, size_t offset)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (w->nodes[i].g != NULL) {
            const char *counters = (const char *)gossip_counters(w->nodes[i].g);
            uint64_t v;
            memcpy(&v, counters + offset, sizeof(v));
            sum += v;
        }
    }
    return sum;
}
#define WORLD_SUM(w, name) world_sum(w, offsetof(struct gossip_counters, name))

#endif
