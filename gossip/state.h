/* state.h - what the parts of gossip share: one member, the whole, and the few calls
 * from one part to another. Not for others to include. */
#ifndef HEDGEROW_GOSSIP_STATE_H
#define HEDGEROW_GOSSIP_STATE_H

#include "gossip/gossip.h"
#include "gossip/payload.h"
#include "proto/base/heap.h"
#include "proto/base/list.h"
#include "proto/base/map.h"
#include "proto/base/obj.h"
#include "proto/base/rand.h"

#define GOSSIP_MAGIC     0x474f5353u
#define PENDING_MAX      256 /* records that wait for a certificate */
#define RELAYS_MAX       32  /* pings in hand for others */
#define EVIDENCE_MAX     4   /* contradicting records put in front of one packet */
#define INTENTS_MAX      1024
#define RUMOUR_LEVELS    64 /* more than any retransmit limit */
#define ACCEPTED_RUMOURS 3  /* sends of what came over a stream: others know most of it */

/* Purposes of random numbers. */
enum { RAND_PHASE = 1, RAND_ORDER, RAND_RELAY, RAND_PUSH, RAND_SEQ, RAND_MAP };

enum timer_kind { TIMER_PROBE, TIMER_SUSPICION, TIMER_ROUND, TIMER_PUSH, TIMER_LEAVE };
struct timer {
    struct heap_node node;
    enum timer_kind kind;
};

/* One probe of one member; see probe.c for the states. */
enum probe_state { PROBE_IDLE, PROBE_DIRECT, PROBE_INDIRECT };
struct probe {
    enum probe_state state;
    mesh_ns began;
    uint64_t seq[2]; /* of the ping and of its repetition */
    mesh_ns sent[2];
    struct timer timer;
};

struct member {
    struct map_node by_id;
    struct member_record rec;
    uint64_t hash; /* what it adds to the digest */
    mesh_ns since; /* when it left ALIVE, or came back to it */
    struct timer suspicion;
    bool excused; /* its suspicion was prolonged once, because we heard nobody */
    struct probe probe;
    bool acked;            /* it has answered a ping of ours in this run: we may accuse it */
    mesh_ns rtt;           /* 0: not known */
    struct mesh_addr seen; /* where its packets come from; port 0: not known */
    mesh_ns spoken_at;     /* when we last spoke to it out of turn */
    mesh_ns sync_after;

    struct list rumour;                /* in g->rumours[rumour_sent] */
    unsigned rumour_sent, rumour_left; /* spent so often; so often more */
    struct list gone;                  /* DEAD or LEFT, in g->gone in the order of their probes */
    mesh_ns gone_next;
    unsigned gone_tries;
    struct list changed; /* in g->changed: an event waits to be polled */
    struct list recent;  /* in g->recent, all that changed, the latest last */
    mesh_ns changed_at;
    bool told; /* the caller knows of it, with state */
    enum member_state told_state;
};

/* A record that waits for its certificate. */
struct pending {
    struct list link;
    struct member_record rec;
    struct node_id via;
    mesh_ns born;
    bool ask; /* GOSSIP_NEED_CERT is to be polled */
};

/* A ping that we sent for another member. */
struct relay {
    uint64_t seq, asker_seq;
    struct node_id asker, target;
    mesh_ns until;
};

/* A packet to be written when it is polled, so that it carries the latest. */
struct intent {
    enum payload_kind kind;
    struct node_id to, target;
    struct mesh_addr addr;
    uint64_t seq;
    bool has_target, want, own;                        /* |own|: our own record goes first */
    enum { VIEW_UNKNOWN, VIEW_SAME, VIEW_OTHER } view; /* the receiver's, beside ours */
    size_t evidence_n;
    struct node_id evidence[EVIDENCE_MAX];
};

struct gossip {
    uint32_t magic;
    struct gossip_config cfg; /* the defaults filled in */
    uint64_t entity;          /* ourselves, for random numbers and traces */
    mesh_ns now;
    struct heap timers;
    struct gossip_counters counters;

    /* the view */
    struct map by_id;
    struct member **members; /* first sight first, ourselves at 0 */
    size_t members_n, members_cap;
    size_t live; /* others that are ALIVE or SUSPECT */
    uint64_t digest;
    struct list pending;
    size_t pending_n;
    struct list changed, gone, recent;
    bool self_boot;
    uint64_t self_boot_seen;

    uint64_t roll;   /* ours, */
    bool roll_heard; /* and a later one, of |roll_from| */
    uint64_t roll_seen;
    struct node_id roll_from;

    /* rumours */
    struct list rumours[RUMOUR_LEVELS];
    size_t rumours_n;
    struct timer push;
    mesh_ns push_after; /* not sooner than this */
    int64_t budget;     /* bytes that may be sent before pushes must wait */
    mesh_ns budget_at;
    struct rand rand_push;

    /* probes */
    struct timer round;
    uint64_t round_n;
    struct member **order; /* the random round, from order_at on */
    size_t order_n, order_at, order_cap;
    uint64_t seq;
    struct rand rand_order, rand_relay;
    struct relay relays[RELAYS_MAX];
    size_t relays_at;
    mesh_ns heard_at; /* an authenticated packet of anybody */

    /* view digests that differ */
    unsigned differ;
    mesh_ns sync_after;
    bool sync;
    struct node_id sync_with;

    /* leaving */
    bool leaving, left;
    struct timer leave;
    mesh_ns leave_until;
    uint64_t leave_seq; /* of the first farewell */
    unsigned leave_acks, leave_need;

    /* out */
    struct intent *intents; /* ring of a power of two */
    size_t intents_at, intents_n, intents_cap;
    struct node_id seen_id; /* where a stranger's last packet came from */
    struct mesh_addr seen_addr;
    struct buf payload, records;
};

static inline struct member *gossip_self(const struct gossip *g)
{
    return g->members[0];
}

static inline bool member_live(const struct member *m)
{
    return m->rec.state == MEMBER_ALIVE || m->rec.state == MEMBER_SUSPECT;
}

#define SHORT_ID_MAX 9
/* short_id writes the first four bytes in hex, for traces. */
const char *short_id(const struct node_id *id, char text[SHORT_ID_MAX]);

/* ---- view.c: the members and what is believed of them ---- */

int view_init(struct gossip *g);
void view_fini(struct gossip *g);
struct member *view_find(const struct gossip *g, const struct node_id *id);

/* view_merge weighs |r| against what is known. |via| told it; NULL: the record's subject
 * or a stream, so its certificate is held. |stream|: it came over a stream. The verdict, or a negative
 * code (MESH_E_RANGE, MESH_E_FULL, MESH_E_NOMEM) with nothing changed. */
enum verdict { VERDICT_KNOWN, VERDICT_OLD, VERDICT_NEWS, VERDICT_WAITS };
int view_merge(struct gossip *g, const struct member_record *r, const struct node_id *via, bool stream);

/* view_state moves |m| to a graver state at its present incarnation. */
void view_state(struct gossip *g, struct member *m, enum member_state state);
/* view_restate replaces our own record, which is then spread. */
void view_restate(struct gossip *g, const struct member_record *r);
/* view_own_next raises the counter in |own|; false, with the caller told, when the numbers are used up. */
bool view_own_next(struct gossip *g, struct member_record *own, uint32_t above);
void view_pending_sweep(struct gossip *g);

/* ---- rumour.c: which records ride on which packet ---- */

void rumour_init(struct gossip *g);
/* rumour_start spreads |m|'s record from now on, at most |sends| times (0: the usual limit). */
void rumour_start(struct gossip *g, struct member *m, unsigned sends);
void rumour_stop(struct gossip *g, struct member *m);
/* rumour_known: somebody told us what we know of |m|, so it spreads without us. */
void rumour_known(struct gossip *g, struct member *m);
/* rumour_same_view: somebody holds just our view, so knows all that we spread. */
void rumour_same_view(struct gossip *g);
/* rumour_write makes the payload of |i| in g->payload. */
bool rumour_write(struct gossip *g, const struct intent *i);
/* rumour_push sends fresh ones at once to a few members. */
void rumour_push(struct gossip *g);

/* ---- probe.c: who answers ---- */

void probe_init(struct gossip *g);
void probe_fini(struct gossip *g);
void probe_round(struct gossip *g);
void probe_timeout(struct gossip *g, struct member *m);
void probe_suspicion_over(struct gossip *g, struct member *m);
void probe_acked(struct gossip *g, struct member *from, const struct payload *p);
void probe_asked(struct gossip *g, struct member *from, const struct payload *p);
/* probe_member_state follows a change of state: rounds, timers, lists. */
void probe_member_state(struct gossip *g, struct member *m, bool was_live, bool is_new);
void probe_member_gone(struct gossip *g, struct member *m); /* it is about to be freed */
/* probe_stalled: we were frozen, so nobody's silence means anything. */
void probe_stalled(struct gossip *g);
/* probe_pick fills |out| with up to |n| random members in |state_max| or better, without |but|. */
size_t probe_pick(struct gossip *g, struct rand *r, enum member_state state_max, const struct member *but, size_t n,
                  struct member **out);

/* ---- gossip.c ---- */

/* gossip_intend queues a packet to |to|, at |addr| or, if that is NULL or no address,
 * where the member is best reached. Returns it for details, or NULL when it cannot be sent. */
struct intent *gossip_intend(struct gossip *g, enum payload_kind kind, const struct node_id *to,
                             const struct mesh_addr *addr, uint64_t seq);

#endif
