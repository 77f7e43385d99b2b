/* steer_fleet.h - nodes that measure, tell and hear, in virtual time, over a net that loses datagrams. Include after
 * cmocka.h. */
#ifndef HEDGEROW_TESTS_STEER_FLEET_H
#define HEDGEROW_TESTS_STEER_FLEET_H

#include <stdio.h>
#include <stdlib.h>

#include "node/steer/steer.h"
#include "proto/base/list.h"
#include "proto/base/rand.h"

#define FLEET_MAX 128

struct fleet_datagram {
    struct list in_queue;
    mesh_ns at;
    int from, to;
    size_t len;
    uint8_t bytes[STEER_DATAGRAM_MAX];
};

struct fleet {
    int n;
    mesh_ns now;
    struct steer *nodes[FLEET_MAX];
    bool dead[FLEET_MAX]; /* neither says nor hears anything */
    struct list queue;    /* by |at| */
    struct rand rand;
    unsigned lost_permille;
    mesh_ns delay_min, delay_more;
    size_t sent, largest, dropped;
};

static inline struct node_id fleet_id(int i)
{
    return (struct node_id){ { (uint8_t)(i + 1), (uint8_t)(i >> 8), 7 } };
}

static inline struct steer *fleet_node(int i, size_t own_max, size_t rows_max, mesh_ns now)
{
    static char names[FLEET_MAX][32], zones[FLEET_MAX][32]; /* lent for life */
    struct steer_config cfg = { .id = fleet_id(i), .name = names[i], .zone = zones[i], .hash_key = { 3 }, .seed = 5 };

    snprintf(names[i], sizeof(names[i]), "edge-%d", i);
    snprintf(zones[i], sizeof(zones[i]), "z/%d", i);
    cfg.own_max = own_max;
    cfg.rows_max = rows_max;
    struct steer *s = steer_new(&cfg, now);
    assert_non_null(s);
    return s;
}

static inline void fleet_member(struct fleet *f, int at, int whom, bool alive)
{
    char name[32], zone[32];
    struct node_id id = fleet_id(whom);

    snprintf(name, sizeof(name), "edge-%d", whom);
    snprintf(zone, sizeof(zone), "z/%d", whom);
    assert_int_equal(steer_member(f->nodes[at], f->now, &id, name, zone, alive), 0);
}

static inline struct steer_facts fleet_facts(int i)
{
    struct steer_facts facts = { .addrs_n = 1, .http = 80, .https = 443, .ready = true, .load_permille = 100 };

    facts.addrs[0] = mesh_addr_v4(0xc6336400u + (uint32_t)i, 0);
    return facts;
}

static inline void fleet_begin(struct fleet *f, int n, unsigned lost_permille)
{
    memset(f, 0, sizeof(*f));
    f->n = n;
    f->now = SEC(1000);
    f->rand = rand_of(11, (uint64_t)n, lost_permille);
    f->lost_permille = lost_permille;
    f->delay_min = MS(5);
    f->delay_more = MS(95);
    list_init(&f->queue);
    for (int i = 0; i < n; i++) {
        struct steer_facts facts = fleet_facts(i);
        f->nodes[i] = fleet_node(i, 0, 0, f->now);
        steer_self(f->nodes[i], f->now, &facts);
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            if (i != j)
                fleet_member(f, i, j, true);
        }
    }
}

static inline void fleet_end(struct fleet *f)
{
    LIST_EACH_SAFE (at, &f->queue)
        free(OBJ_OF(at, struct fleet_datagram, in_queue));
    for (int i = 0; i < f->n; i++)
        steer_free(f->nodes[i]);
}

static inline void fleet_send(struct fleet *f, int from, const struct steer_out *out)
{
    struct fleet_datagram *d = malloc(sizeof(*d));
    struct list *behind = f->queue.prev;
    int to = 0;

    assert_non_null(d);
    for (struct node_id id = fleet_id(0); !node_id_eq(&id, &out->to); id = fleet_id(to))
        to++;
    assert_in_range(out->bytes.len, 1, STEER_DATAGRAM_MAX);
    assert_true(steer_is(out->bytes));
    f->sent++;
    f->largest = out->bytes.len > f->largest ? out->bytes.len : f->largest;
    *d = (struct fleet_datagram){ .from = from, .to = to, .len = out->bytes.len };
    memcpy(d->bytes, out->bytes.data, d->len);
    d->at = f->now + f->delay_min + (mesh_ns)rand_below(&f->rand, (uint64_t)f->delay_more);
    while (behind != &f->queue && OBJ_OF(behind, struct fleet_datagram, in_queue)->at > d->at)
        behind = behind->prev;
    list_push_front(behind, &d->in_queue);
}

static inline void fleet_step_node(struct fleet *f, int i)
{
    struct steer_out out;

    steer_tick(f->nodes[i], f->now);
    while (steer_poll(f->nodes[i], &out)) {
        if (!f->dead[i])
            fleet_send(f, i, &out);
    }
}

static inline void fleet_deliver(struct fleet *f, struct fleet_datagram *d)
{
    struct node_id from = fleet_id(d->from);

    list_remove(&d->in_queue);
    if (rand_below(&f->rand, 1000) < f->lost_permille)
        f->dropped++;
    else if (!f->dead[d->to])
        assert_int_equal(steer_take(f->nodes[d->to], f->now, &from, slice_of(d->bytes, d->len)), 0);
    free(d);
}

static inline void fleet_run(struct fleet *f, mesh_ns span)
{
    mesh_ns end = f->now + span;

    for (;;) {
        struct list *first = list_first(&f->queue);
        mesh_ns next = first != NULL ? OBJ_OF(first, struct fleet_datagram, in_queue)->at : MESH_NS_NEVER;
        for (int i = 0; i < f->n; i++)
            next = mesh_ns_min(next, steer_deadline(f->nodes[i]));
        if (next > end)
            break;
        f->now = next > f->now ? next : f->now;
        for (int i = 0; i < f->n; i++)
            fleet_step_node(f, i);
        while ((first = list_first(&f->queue)) != NULL && OBJ_OF(first, struct fleet_datagram, in_queue)->at <= f->now)
            fleet_deliver(f, OBJ_OF(first, struct fleet_datagram, in_queue));
    }
    f->now = end;
}

/* ---- views ---- */

static inline uint16_t view_edge(const struct steer_view *v, int i)
{
    struct node_id id = fleet_id(i);

    for (size_t e = 0; e < v->edges_n; e++) {
        if (node_id_eq(&v->edges[e].id, &id))
            return (uint16_t)e;
    }
    return UINT16_MAX;
}

static inline const struct steer_figure *view_figure(const struct steer_view *v, const struct steer_prefix *p, int edge)
{
    const struct steer_row *row = steer_view_row(v, p);

    for (size_t i = 0; row != NULL && i < row->n; i++) {
        if (row->figures[i].edge == view_edge(v, edge))
            return &row->figures[i];
    }
    return NULL;
}

/* In units of 100 us; 0: not known. */
static inline unsigned rtt_known(struct steer *s, mesh_ns now, const struct steer_prefix *p, int edge)
{
    struct steer_view *v = steer_view(s, now);
    assert_non_null(v);
    const struct steer_figure *f = view_figure(v, p, edge);
    unsigned rtt = f != NULL ? f->rtt : 0;

    steer_view_unref(v);
    return rtt;
}

/* The number of the edge that |p| is at home at; -1: none. */
static inline int home_of(struct steer *s, mesh_ns now, const struct steer_prefix *p)
{
    struct steer_view *v = steer_view(s, now);
    assert_non_null(v);
    const struct steer_row *row = steer_view_row(v, p);
    int home = row != NULL && row->home != UINT16_MAX ? v->edges[row->home].id.bytes[0] - 1 : -1;

    steer_view_unref(v);
    return home;
}

static inline struct steer_prefix prefix_of(const struct mesh_addr *a, unsigned level)
{
    struct steer_prefix p;

    assert_true(steer_prefix_of(&p, a, level));
    return p;
}

#endif
