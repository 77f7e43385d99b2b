/* mesh_world.h - a few meshes with real identities in a world of virtual time: they join
 * by what streams tell, talk by sealed datagrams, and must agree on the ring. */
#ifndef HEDGEROW_TESTS_MESH_WORLD_H
#define HEDGEROW_TESTS_MESH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/core/mesh.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define WALL  INT64_C(1800000000)
#define NODES 6
#define DELAY MS(5)

/* ---- randomness that repeats ---- */

static struct rand source;

static inline const char *source_name(void)
{
    return "test";
}

static inline uint32_t source_u32(void)
{
    return (uint32_t)rand_u64(&source);
}

static inline void source_buf(void *const out, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rand_u64(&source);
}

static struct randombytes_implementation repeatable = { source_name, source_u32, NULL, NULL, source_buf, NULL };

static struct authority authority;
static struct identity identities[NODES];

static inline struct identity admit(const struct authority *a, const char *name, const char *zone, uint64_t serial)
{
    struct identity id;
    const struct admission what = {
        .name = slice_str(name), .zone = slice_str(zone), .not_after_s = WALL + 86400, .serial = serial
    };
    assert_int_equal(authority_admit(&id, a, &what), 0);
    return id;
}

static inline int setup(void **state)
{
    (void)state;
    source = rand_of(1, 1, 1);
    randombytes_set_implementation(&repeatable);
    assert_int_equal(crypto_start(), 0);
    authority_make(&authority, MESH_ARC_BITS_MIN);
    for (int i = 0; i < NODES; i++) {
        char name[16], zone[16];
        snprintf(name, sizeof(name), "n%d", i);
        snprintf(zone, sizeof(zone), "eu/z%d", i);
        identities[i] = admit(&authority, name, zone, 1);
    }
    return 0;
}

/* ---- the world ---- */

struct node {
    struct mesh *mesh; /* NULL: not running */
    const struct identity *id;
    struct mesh_addr addr;
    uint64_t boot;
    unsigned rings, syncs, twins, deaths, outs, rolls, asks; /* events seen */
    uint64_t twin_boot;
    unsigned casts;
    struct buf cast; /* the last one */
    unsigned probes;
    mesh_ns origin_rtt; /* 0: it is out of reach */
};

struct packet {
    mesh_ns at;
    struct mesh_addr from, to;
    uint8_t bytes[DATAGRAM_MAX];
    size_t len;
    struct packet *next;
};

struct world {
    mesh_ns now;
    struct node nodes[NODES];
    struct packet *first, **last; /* all links are alike, so packets arrive in the order they left */
    bool no_streams;              /* dials fail: only datagrams get through */
    struct packet caught;         /* the last datagram to node |catch| */
    int catch;
    size_t wanted[NODES * NODES][2], wanted_n; /* exchanges asked for by MESH_SYNC */
};

static inline struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->now = SEC(100);
    w->last = &w->first;
    w->catch = -1;
    for (int i = 0; i < NODES; i++) {
        w->nodes[i].id = &identities[i];
        w->nodes[i].addr = mesh_addr_v4(0x0a000001u + (uint32_t)i, 7400);
    }
    return w;
}

static inline void stop(struct world *w, int n)
{
    mesh_free(w->nodes[n].mesh);
    w->nodes[n].mesh = NULL;
    buf_free(&w->nodes[n].cast);
}

static inline void world_free(struct world *w)
{
    for (int i = 0; i < NODES; i++)
        stop(w, i);
    while (w->first != NULL) {
        struct packet *k = w->first;
        w->first = k->next;
        free(k);
    }
    free(w);
}

static inline struct mesh *mesh_of(struct world *w, int n)
{
    assert_non_null(w->nodes[n].mesh);
    return w->nodes[n].mesh;
}

static inline const struct node_id *id_of(struct world *w, int n)
{
    return &w->nodes[n].id->cert.id;
}

static inline struct mesh_config config_of(struct world *w, int n)
{
    struct node *node = &w->nodes[n];
    return (struct mesh_config){ .self = node->id,
                                 .boot = { node->boot, secret_random_u64() },
                                 .addrs = { node->addr },
                                 .addrs_n = 1,
                                 .seed = (uint64_t)n + 1 };
}

static inline void start_with(struct world *w, int n, const struct mesh_config *cfg)
{
    assert_null(w->nodes[n].mesh);
    w->nodes[n].mesh = mesh_new(cfg, w->now);
    assert_non_null(w->nodes[n].mesh);
}

static inline void start(struct world *w, int n, uint64_t boot)
{
    w->nodes[n].boot = boot;
    struct mesh_config cfg = config_of(w, n);
    start_with(w, n, &cfg);
}

static inline int node_at(struct world *w, const struct mesh_addr *addr)
{
    for (int i = 0; i < NODES; i++) {
        if (w->nodes[i].mesh != NULL && mesh_addr_eq(&w->nodes[i].addr, addr))
            return i;
    }
    return -1;
}

static inline int node_called(struct world *w, const struct node_id *id)
{
    for (int i = 0; i < NODES; i++) {
        if (w->nodes[i].mesh != NULL && node_id_eq(id_of(w, i), id))
            return i;
    }
    return -1;
}

static inline void post(struct world *w, const struct mesh_addr *from, const struct mesh_addr *to, struct slice bytes)
{
    struct packet *k = calloc(1, sizeof(*k));

    assert_non_null(k);
    assert_in_range(bytes.len, 1, DATAGRAM_MAX);
    k->at = w->now + DELAY;
    k->from = *from;
    k->to = *to;
    memcpy(k->bytes, bytes.data, bytes.len);
    k->len = bytes.len;
    *w->last = k;
    w->last = &k->next;
}

/* What a stream from |from| to node |n| would bring. */
static inline void give_roll(struct world *w, const struct node_id *from, int n)
{
    int of = node_called(w, from);

    if (of >= 0 && !w->no_streams && mesh_roll_bytes(w->nodes[of].mesh).len > 0)
        mesh_roll_take(w->nodes[n].mesh, w->now, mesh_roll_bytes(w->nodes[of].mesh));
}

static inline void drain(struct world *w, int n)
{
    struct node *node = &w->nodes[n];
    struct mesh_out out;

    while (mesh_poll(node->mesh, &out)) {
        switch (out.kind) {
        case MESH_CAST:
            node->casts++;
            buf_clear(&node->cast);
            buf_add_slice(&node->cast, out.bytes);
            break;
        case MESH_SEND: post(w, &node->addr, &out.addr, out.bytes); break;
        case MESH_CHANGED: node->deaths += out.is == MEMBER_DEAD && !out.is_new; break;
        case MESH_RING: node->rings++; break;
        case MESH_OUT: node->outs++; break;
        case MESH_ROLL: node->rolls++; break;
        case MESH_CONFIG: break;
        case MESH_ASK_ROLL: /* it answers on a stream */
            node->asks++;
            give_roll(w, &out.id, n);
            break;
        case MESH_PROBE: /* the origin is so far */
            node->probes++;
            if (node->origin_rtt > 0)
                mesh_origin_rtt(node->mesh, w->now, node->origin_rtt);
            break;
        case MESH_TWIN:
            node->twins++;
            node->twin_boot = out.boot_seen;
            break;
        case MESH_SYNC: {
            int to = node_called(w, &out.id);
            node->syncs++;
            if (to >= 0 && !w->no_streams && w->wanted_n < NODES * NODES) {
                w->wanted[w->wanted_n][0] = (size_t)n;
                w->wanted[w->wanted_n++][1] = (size_t)to;
            }
            break;
        }
        }
    }
}

static inline void met(struct world *w, int n, int peer)
{
    struct node *p = &w->nodes[peer];
    assert_int_equal(mesh_met(mesh_of(w, n), w->now, &p->id->cert, identity_cert(p->id), mesh_boot(p->mesh), &p->addr),
                     0);
}

/* All of |from|'s members by way of real frames. */
static inline void give_members(struct world *w, int from, int to)
{
    size_t at = 0;

    do {
        struct msg_members_out out = { .n = 0 };
        struct buf frame = BUF_EMPTY;
        struct msg_members in;
        struct msg_frame f;
        struct wire wire = { 0 };

        at = mesh_members_put(mesh_of(w, from), at, NULL, &out);
        mesh_members_say(mesh_of(w, from), id_of(w, to), &out);
        assert_int_equal(msg_put_members(&frame, &out, false), 0);
        assert_int_equal(msg_open(buf_slice(&frame), &f), 0);
        assert_int_equal(msg_get_members(&wire, f.body, &in), 0);
        mesh_members_take(mesh_of(w, to), w->now, WALL, &in);
        wire_close(&wire);
        buf_free(&frame);
    } while (at != 0);
}

/* A MEMBERS frame with one member, as any peer can send it. */
static inline void tell(struct mesh *m, mesh_ns now, int64_t wall_s, struct slice cert,
                        const struct member_record *record)
{
    struct msg_members_out out = { .n = 0 };
    struct buf bytes = BUF_EMPTY, frame = BUF_EMPTY;
    struct msg_members in;
    struct msg_frame f;
    struct wire wire = { 0 };

    member_record_put(&bytes, record);
    msg_members_add(&out, cert, buf_slice(&bytes));
    assert_int_equal(msg_put_members(&frame, &out, false), 0);
    assert_int_equal(msg_open(buf_slice(&frame), &f), 0);
    assert_int_equal(msg_get_members(&wire, f.body, &in), 0);
    mesh_members_take(m, now, wall_s, &in);
    wire_close(&wire);
    buf_free(&bytes);
    buf_free(&frame);
}

/* The record of a node that exists on paper only. */
static inline struct member_record paper(const struct identity *id, uint32_t weight)
{
    struct member_record r = {
        .id = id->cert.id, .boot = 1, .weight = weight, .serial = id->cert.serial, .addrs_n = 1
    };
    r.addrs[0] = mesh_addr_v4(0x0b000000u + id->cert.id.bytes[0], 7400);
    return r;
}

/* What a stream between the two brings about. */
static inline void exchange(struct world *w, int a, int b)
{
    met(w, a, b);
    met(w, b, a);
    give_members(w, a, b);
    give_members(w, b, a);
}

static inline void settle(struct world *w)
{
    for (int i = 0; i < NODES; i++) {
        if (w->nodes[i].mesh != NULL)
            drain(w, i);
    }
    while (w->wanted_n > 0) {
        w->wanted_n--;
        size_t *pair = w->wanted[w->wanted_n];
        if (w->nodes[pair[0]].mesh != NULL && w->nodes[pair[1]].mesh != NULL)
            exchange(w, (int)pair[0], (int)pair[1]);
    }
    for (int i = 0; i < NODES; i++) {
        if (w->nodes[i].mesh != NULL)
            drain(w, i);
    }
}

static inline void deliver(struct world *w)
{
    struct packet *k = w->first;
    int to = node_at(w, &k->to);

    w->first = k->next;
    if (w->first == NULL)
        w->last = &w->first;
    if (to >= 0) {
        if (to == w->catch)
            w->caught = *k;
        mesh_recv(mesh_of(w, to), w->now, WALL, &k->from, slice_of(k->bytes, k->len));
    }
    free(k);
}

static inline void run_for(struct world *w, mesh_ns time)
{
    mesh_ns end = w->now + time;

    for (;;) {
        mesh_ns next = MESH_NS_NEVER;
        settle(w);
        for (int i = 0; i < NODES; i++) {
            if (w->nodes[i].mesh != NULL)
                next = mesh_ns_min(next, mesh_deadline(w->nodes[i].mesh));
        }
        if (w->first != NULL)
            next = mesh_ns_min(next, w->first->at);
        if (next > end)
            break;
        w->now = next > w->now ? next : w->now;
        if (w->first != NULL && w->first->at <= w->now) {
            deliver(w);
            continue;
        }
        for (int i = 0; i < NODES; i++) {
            if (w->nodes[i].mesh != NULL && mesh_deadline(w->nodes[i].mesh) <= w->now) {
                mesh_tick(w->nodes[i].mesh, w->now);
                assert_true(mesh_deadline(w->nodes[i].mesh) > w->now); /* no spinning */
            }
        }
    }
    w->now = end;
}

static inline void join(struct world *w, int n, uint64_t boot, int seed)
{
    start(w, n, boot);
    exchange(w, n, seed);
}

/* |n| nodes in company, all settled. */
static inline struct world *company(int n)
{
    struct world *w = world_new();

    start(w, 0, 10);
    for (int i = 1; i < n; i++)
        join(w, i, 10 + (uint64_t)i, 0);
    run_for(w, SEC(8));
    return w;
}

static inline enum member_state view(struct world *w, int n, int of)
{
    struct mesh_member m;
    assert_true(mesh_find(mesh_of(w, n), id_of(w, of), &m));
    return m.record->state;
}

static inline uint64_t epoch(struct world *w, int n)
{
    return ring_epoch(mesh_ring(mesh_of(w, n)));
}

/* All that run agree with node 0, on |alive| members and on a ring of |placed|. */
static inline void check_agreed(struct world *w, size_t alive, size_t placed)
{
    for (int i = 0; i < NODES; i++) {
        if (w->nodes[i].mesh == NULL)
            continue;
        assert_int_equal(mesh_alive(w->nodes[i].mesh), alive);
        assert_int_equal(ring_size(mesh_ring(w->nodes[i].mesh)), placed);
        assert_int_equal(epoch(w, i), epoch(w, 0));
        assert_int_equal(mesh_digest(w->nodes[i].mesh), mesh_digest(w->nodes[0].mesh));
    }
}

static inline uint64_t ring_changes(struct world *w, int n)
{
    assert_int_equal(mesh_counters(mesh_of(w, n))->ring_changes, w->nodes[n].rings);
    return w->nodes[n].rings;
}

#endif
