/* baseline.h - what our membership is compared with: SWIM (Das, Gupta, Motivala 2002) and
 * Lifeguard (Dadgar, Phillips, Currey 2017), with the rules and the published LAN defaults of
 * HashiCorp's memberlist. SWIM is Lifeguard without its three parts: no local health, a fixed
 * suspicion timeout, no buddy system. A pull-style state machine like gossip/, for the simulator
 * alone: members are numbers below |n|, and messages have the sizes of their fields. */
#ifndef HEDGEROW_SIM_MEMBERS_BASELINE_H
#define HEDGEROW_SIM_MEMBERS_BASELINE_H

#include "gossip/gossip.h"

#define BASELINE_PACKET_MAX       1400
#define BASELINE_PROBE_INTERVAL   SEC(1)
#define BASELINE_PROBE_TIMEOUT    MS(500)
#define BASELINE_RELAYS           3
#define BASELINE_SUSPICION_MULT   4
#define BASELINE_SUSPICION_MAX    6 /* times the least timeout; Lifeguard */
#define BASELINE_CONFIRMATIONS    (BASELINE_SUSPICION_MULT - 2)
#define BASELINE_AWARENESS_MAX    8
#define BASELINE_RETRANSMIT_MULT  4
#define BASELINE_GOSSIP_INTERVAL  MS(200)
#define BASELINE_GOSSIP_NODES     3
#define BASELINE_GOSSIP_TO_DEAD   SEC(30)
#define BASELINE_PUSH_PULL        SEC(30)
#define BASELINE_PUSH_PULL_SCALES 32 /* above so many members it becomes rarer */

struct baseline_config {
    bool lifeguard;
    uint32_t self, n;
    const struct node_id *ids; /* of all n, lent */
    uint64_t seed;
    uint64_t boot; /* carried for the observer; the protocol has no use for it */
    uint32_t weight;
};

struct baseline;

struct baseline *baseline_new(const struct baseline_config *cfg, mesh_ns now);
void baseline_free(struct baseline *b);

/* baseline_recv takes a packet. 0, or MESH_E_SHORT, MESH_E_TYPE, MESH_E_RANGE: the rest of it is dropped. */
int baseline_recv(struct baseline *b, mesh_ns now, uint32_t from, struct slice packet);
/* baseline_learn takes one member of a push/pull exchange. */
void baseline_learn(struct baseline *b, mesh_ns now, const struct member_record *r);
/* baseline_reached: a probe over a stream has been answered. */
void baseline_reached(struct baseline *b, mesh_ns now, uint32_t node);
void baseline_tick(struct baseline *b, mesh_ns now);
mesh_ns baseline_deadline(const struct baseline *b);
void baseline_weight(struct baseline *b, mesh_ns now, uint32_t weight);
void baseline_leave(struct baseline *b, mesh_ns now);
bool baseline_left(const struct baseline *b);

enum baseline_out_kind {
    BASELINE_SEND,
    BASELINE_CHANGED, /* as GOSSIP_CHANGED */
    BASELINE_PUSH_PULL_WITH,
    BASELINE_STREAM_PING, /* the fallback probe */
};
struct baseline_out {
    enum baseline_out_kind kind;
    uint32_t to;
    struct slice payload; /* lent until the next call on |b| */
    enum member_state was, is;
    bool is_new;
};
bool baseline_poll(struct baseline *b, struct baseline_out *out);

/* The view, ourselves first; a record is lent until the next call on |b|. Its |boot| and |weight| are what
 * its subject stated, its |counter| is the incarnation. */
size_t baseline_count(const struct baseline *b);
const struct member_record *baseline_member(struct baseline *b, size_t i);
const struct member_record *baseline_find(struct baseline *b, uint32_t node);
/* Of the set of live members: equal sets, equal digests. */
uint64_t baseline_digest(const struct baseline *b);
const struct gossip_counters *baseline_counters(const struct baseline *b);

/* For a group of n: the suspicion timeout at least, and how often a message is sent. */
mesh_ns baseline_suspicion_min(size_t n);
unsigned baseline_transmits(size_t n);
unsigned baseline_awareness(const struct baseline *b);

#endif
