/* baseline_parts.h - what the parts of the baseline share. */
#ifndef HEDGEROW_SIM_MEMBERS_BASELINE_PARTS_H
#define HEDGEROW_SIM_MEMBERS_BASELINE_PARTS_H

#include <assert.h>

#include "proto/base/heap.h"
#include "proto/base/list.h"
#include "proto/base/rand.h"
#include "sim/members/baseline.h"

#define NOBODY           UINT32_MAX
#define TRANSMITS_MAX    64
#define BASELINE_RELAYED 64 /* pings under way for others */

enum timer_kind { TIMER_ROUND, TIMER_ASK, TIMER_GIVE_UP, TIMER_GOSSIP, TIMER_PUSH_PULL, TIMER_SUSPICION, TIMER_NACK };
struct baseline_timer {
    struct heap_node node;
    enum timer_kind kind;
};

/* What is said of a member. |from| says it; of itself: it leaves. */
enum said { SAID_ALIVE = 1, SAID_SUSPECT, SAID_DEAD };
struct statement {
    enum said said;
    uint32_t node, from, incarnation;
    uint32_t boot, weight; /* SAID_ALIVE */
};

struct broadcast {
    struct list link; /* in queue[transmits] */
    struct statement what;
    unsigned transmits;
};

struct suspicion {
    struct baseline_timer timer;
    uint32_t node;
    mesh_ns since, least, most;
    unsigned need, confirmed;
    uint32_t by[BASELINE_CONFIRMATIONS + 1];
};

struct peer {
    uint32_t node, incarnation, boot, weight;
    enum member_state state;
    mesh_ns changed;
    struct suspicion *suspicion;
    struct broadcast *news; /* a later one takes its place */
};

/* A ping for another member. */
struct relayed {
    struct baseline_timer timer;
    bool used;
    uint32_t seq, asker, asker_seq;
};

struct baseline {
    struct baseline_config cfg;
    mesh_ns now;
    struct heap timers;
    struct baseline_timer round, ask, give_up, gossip, push_pull;
    struct rand rand;
    struct gossip_counters counters;

    struct peer *peers; /* ourselves at 0 */
    uint32_t peers_n, peers_cap;
    uint32_t *slots; /* of a node: 1 + where in peers; 0: unknown */
    uint64_t digest;
    uint32_t incarnation; /* our own, the largest used */
    bool leaving;

    uint32_t *order; /* nodes, as they are probed */
    uint32_t order_n, order_at;

    uint32_t seq;
    uint32_t target; /* of the probe under way; NOBODY */
    uint32_t target_seq;
    unsigned nacks_due, nacks;
    unsigned awareness;
    struct relayed relayed[BASELINE_RELAYED];

    struct list queue[TRANSMITS_MAX]; /* broadcasts by how often they were sent */
    struct baseline_out *out;
    size_t *out_at; /* where in |bytes| their payloads begin */
    size_t out_first, out_n, out_cap;
    struct buf bytes, packet;
    struct member_record lent;
};

static inline struct peer *peer_of(const struct baseline *b, uint32_t node)
{
    return b->slots[node] == 0 ? NULL : &b->peers[b->slots[node] - 1];
}

static inline bool is_live(const struct peer *p)
{
    return p->state == MEMBER_ALIVE || p->state == MEMBER_SUSPECT;
}

static inline void timer_set(struct baseline *b, struct baseline_timer *t, mesh_ns at)
{
    heap_set(&b->timers, &t->node, at);
}

static inline void timer_stop(struct baseline *b, struct baseline_timer *t)
{
    heap_remove(&b->timers, &t->node);
}

struct baseline_out *baseline_put(struct baseline *b, enum baseline_out_kind kind, uint32_t to);
/* Up to |n| different random members but |but| and ourselves: alive ones, or with |all| also the suspected
 * and those not dead for long. Returns how many. */
size_t baseline_pick(struct baseline *b, uint32_t but, bool all, size_t n, uint32_t *out);

/* ---- baseline_news.c ---- */

void news_alive(struct baseline *b, const struct statement *s);
void news_suspect(struct baseline *b, const struct statement *s);
void news_dead(struct baseline *b, const struct statement *s);
void news_suspicion_over(struct baseline *b, struct suspicion *s);
void news_own(struct baseline *b);
void news_forget(struct baseline *b, uint32_t node);

/* ---- baseline_probe.c ---- */

void baseline_probe_start(struct baseline *b);
void baseline_probe_add(struct baseline *b, uint32_t node);
void baseline_probe_ask(struct baseline *b);
void baseline_probe_give_up(struct baseline *b);
void baseline_probe_acked(struct baseline *b, uint32_t seq);
void baseline_probe_nacked(struct baseline *b, uint32_t seq);
void baseline_probe_relay(struct baseline *b, uint32_t asker, uint32_t asker_seq, uint32_t target);
void baseline_probe_nack(struct baseline *b, struct relayed *r);
void baseline_probe_health(struct baseline *b, int delta);

/* ---- baseline_wire.c ---- */

enum message { MESSAGE_PING = 10, MESSAGE_ACK, MESSAGE_NACK, MESSAGE_ASK };
/* wire_send sends one message, with what is to be told and still fits behind it. |told|: only this. */
void wire_send(struct baseline *b, uint32_t to, enum message kind, uint32_t seq, uint32_t target,
               const struct statement *told);
void wire_gossip(struct baseline *b);
void wire_broadcast(struct baseline *b, const struct statement *s);
void wire_drop(struct baseline *b, struct peer *p);

#endif
