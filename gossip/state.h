/* state.h - what the parts of gossip share: one member, the whole, and the few calls
 * from one part to another. Not for others to include. */
#ifndef HEDGEROW_GOSSIP_STATE_H
#define HEDGEROW_GOSSIP_STATE_H

#include "gossip/gossip.h"
#include "gossip/health.h"
#include "gossip/payload.h"
#include "gossip/roster.h"
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
#define ASKED_MAX        16 /* members asked to ping another, and not heard of yet */
#define CONFIRMED_MAX    3  /* members whose confirmation shortens our patience */
#define RUMOUR_LEVELS    64 /* more than any retransmit limit */
#define ACCEPTED_RUMOURS 3  /* sends of what came over a stream: others know most of it */

/* Purposes of random numbers. */
enum { RAND_PHASE = 1, RAND_ORDER, RAND_RELAY, RAND_PUSH, RAND_SEQ, RAND_MAP };

enum timer_kind { TIMER_PROBE, TIMER_SUSPICION, TIMER_ROUND, TIMER_PUSH, TIMER_LEAVE, TIMER_RELAY };
struct timer {
    struct heap_node node;
    enum timer_kind kind;
};

/* One probe of one member; see probe.c for the states. INQUIRY is suspect.c's. Those who are
 * asked are told apart by four bytes of their ids, which are hashes of keys. */
enum probe_state { PROBE_IDLE, PROBE_DIRECT, PROBE_INDIRECT, PROBE_INQUIRY };
struct probe {
    enum probe_state state;
    mesh_ns began;
    uint64_t seq[2]; /* of the ping and of its repetition */
    mesh_ns sent[2];
    mesh_ns silent_since;      /* asked in vain for as long as is usual; what follows is only for evidence */
    unsigned repeated;         /* since then */
    mesh_ns unmet_since;       /* the first in vain of one that never answered us; 0: none */
    uint32_t asked[ASKED_MAX]; /* who was asked to ping it; 0: nobody, or has answered */
    unsigned asked_n;
    uint32_t deniers[CONFIRMED_MAX]; /* some of those that had no answer either; 0: nobody */
    unsigned denied;                 /* so often */
    struct timer timer;
};

/* Our own accusation, while it lasts. */
struct inquiry {
    mesh_ns began;  /* the suspect can refute since then */
    unsigned vain;  /* pings without an answer: ours, and of those we asked */
    bool first;     /* the doubt is ours, not one that we heard of */
    bool heard;     /* it has answered in the meantime */
    bool sentenced; /* others, who asked it, say that it is dead */
    unsigned confirmed_n;
    uint32_t confirmed[CONFIRMED_MAX];
};

#define WATCH_NONE UINT16_MAX
#define LIVE_NONE  UINT16_MAX
#define SLOT_NONE  UINT16_MAX

/* One member, in as little as it takes while nothing happens to it. Members move when one
 * is added or forgotten: no pointer to one is kept over that. */
struct member {
    struct fact *fact;    /* what is believed of it */
    uint32_t rtt_us : 31; /* 0: not known */
    uint32_t acked : 1;   /* it has answered a ping of ours in this boot: we may accuse it */
    uint16_t watch;       /* in g->watches */
    uint16_t live_at;     /* in g->live_slots */
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct member) == 16, "10^8 of them are simulated at once");

/* What there is to remember of a member to which something happens. Stays where it is. */
struct watch {
    uint16_t slot, index;   /* of its member; its own in g->watches */
    mesh_ns since;          /* when it left ALIVE, or came back to it */
    struct timer suspicion; /* of others: until we ask ourselves */
    struct probe probe;
    struct inquiry inquiry;
    struct mesh_addr seen; /* where its packets come from, if not from its first address; port 0: from there */

    struct list rumour;                /* in g->rumours[rumour_sent] */
    unsigned rumour_sent, rumour_left; /* spent so often; so often more */
    struct list gone;                  /* DEAD or LEFT, in g->gone in the order of their probes */
    mesh_ns gone_next;
    unsigned gone_tries;
    struct list changed; /* in g->changed: an event waits to be polled */
    struct list recent;  /* in g->recent, what changed in the last seconds, the latest last */
    mesh_ns changed_at;
    bool told; /* the caller knew of it before that, */
    enum member_state told_state;
};

/* What was done lately for a member, one place for many: a collision only repeats it. */
#define LATELY_SLOTS 64
struct lately {
    uint32_t who; /* identity's index + 1 */
    mesh_ns spoken_at, sync_after;
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
    struct timer timer; /* then we say that there was no answer */
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
    struct roster *roster;
    bool own_roster;
    struct member *members; /* first sight first, ourselves at 0 */
    size_t members_n, members_cap;
    uint16_t *slot_of; /* by identity's index */
    size_t slot_of_cap;
    uint16_t *live_slots; /* others that are ALIVE or SUSPECT, before order_at those already pinged in this lap */
    size_t live, order_at, live_cap;
    struct watch **watches;
    uint16_t *watch_vacant;
    size_t watches_n, watches_cap, watch_vacant_n;
    uint64_t digest;
    struct lately lately[LATELY_SLOTS];
    struct list pending;
    size_t pending_n;
    bool asking; /* one of those that wait may have to be asked for */
    struct list changed, gone, recent;
    bool self_boot;
    uint64_t self_boot_seen;

    uint32_t origin_us, parent; /* what we state of the origin, */
    bool origin_heard;          /* and what |origin_from| does */
    uint32_t origin_seen, parent_seen;
    struct node_id origin_from;
    uint64_t roll;     /* ours, */
    uint64_t config;   /* mark of ours; 0: none, */
    bool config_heard; /* and another one, of |config_from| */
    uint64_t config_seen;
    struct node_id config_from;
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
    uint64_t seq;
    struct rand rand_order, rand_relay;
    struct relay relays[RELAYS_MAX];
    size_t relays_at;
    mesh_ns heard_at; /* an authenticated packet of anybody */
    struct health health;
    size_t suspects;       /* in the view */
    mesh_ns accused_until; /* the budget: what our accusations have used up */

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
    return &g->members[0];
}

static inline const struct member_record *member_rec(const struct member *m)
{
    return &m->fact->rec;
}

static inline bool state_live(enum member_state state)
{
    return state == MEMBER_ALIVE || state == MEMBER_SUSPECT;
}

static inline bool member_live(const struct member *m)
{
    return state_live(m->fact->rec.state);
}

static inline struct watch *member_watch(const struct gossip *g, const struct member *m)
{
    return m->watch != WATCH_NONE ? g->watches[m->watch] : NULL;
}

static inline struct member *watch_member(const struct gossip *g, const struct watch *w)
{
    return &g->members[w->slot];
}

#define SHORT_ID_MAX 9
/* short_id writes the first four bytes in hex, for traces. */
const char *short_id(const struct node_id *id, char text[SHORT_ID_MAX]);

/* ---- view.c: the members and what is believed of them ---- */

int view_init(struct gossip *g);
void view_fini(struct gossip *g);
struct member *view_find(const struct gossip *g, const struct node_id *id);
struct lately *view_lately(struct gossip *g, const struct member *m);

/* ---- members.c: the tables ---- */

int members_init(struct gossip *g);
void members_fini(struct gossip *g);
/* members_add takes over the caller's use of |f|. NULL: out of memory. */
struct member *members_add(struct gossip *g, struct fact *f);
void members_remove(struct gossip *g, struct member *m);
/* members_live_set follows the record: in the list of the living or not. */
void members_live_set(struct gossip *g, struct member *m, bool live);
/* watch_need returns |m|'s, a new one if need be, or NULL when out of memory. watch_rest
 * frees it if there is nothing left to remember. */
struct watch *watch_need(struct gossip *g, struct member *m);
void watch_rest(struct gossip *g, struct watch *w);
/* member_addr is where |m| is best answered; port 0: nowhere. */
struct mesh_addr member_addr(const struct gossip *g, const struct member *m);

/* view_merge weighs |r| against what is known. |via| told it; NULL: the record's subject
 * or a stream, so its certificate is held. |stream|: it came over a stream. The verdict, or a negative
 * code (MESH_E_RANGE, MESH_E_FULL, MESH_E_NOMEM) with nothing changed. */
/* view_seen notes where |m|'s packets come from. */
void view_seen(struct gossip *g, struct member *m, const struct mesh_addr *addr);
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
void rumour_stop(struct gossip *g, struct watch *w);
/* rumour_known: somebody told us what we know of |m|, so it spreads without us. */
void rumour_known(struct gossip *g, struct member *m);
/* rumour_same_view: somebody holds just our view, so knows all that we spread. */
void rumour_same_view(struct gossip *g);
/* rumour_recent notes that |w|'s record changed now; the sweep forgets what is no longer recent. */
void rumour_recent(struct gossip *g, struct watch *w);
void rumour_recent_sweep(struct gossip *g);
/* rumour_affords: pushes and exchanges need not stand back just now. */
bool rumour_affords(struct gossip *g);
/* rumour_write makes the payload of |i| in g->payload. */
bool rumour_write(struct gossip *g, const struct intent *i);
/* rumour_push sends fresh ones at once to a few members. */
void rumour_push(struct gossip *g);

/* ---- probe.c: who answers ---- */

void probe_init(struct gossip *g);
void probe_round(struct gossip *g);
void probe_timeout(struct gossip *g, struct watch *w);
void probe_acked(struct gossip *g, struct member *from, const struct payload *p);
void probe_asked(struct gossip *g, struct member *from, const struct payload *p);
/* probe_denied: |from|, whom we asked, has no answer either. */
void probe_denied(struct gossip *g, struct member *from, const struct payload *p);
void probe_relay_over(struct gossip *g, struct relay *r);
/* probe_repeat pings it once more; probe_ask_relays has others ping it. probe_end: it is decided. */
void probe_repeat(struct gossip *g, struct watch *w);
void probe_ask_relays(struct gossip *g, struct watch *w);
void probe_end(struct gossip *g, struct watch *w);
/* probe_member_state follows a change of state: rounds, timers, lists. */
void probe_member_state(struct gossip *g, struct watch *w, bool was_live, bool is_new);
void probe_watch_gone(struct gossip *g, struct watch *w); /* it is about to be freed */
/* probe_stalled: we were frozen, so nobody's silence means anything. */
void probe_stalled(struct gossip *g);
/* probe_pick fills |out| with up to |n| random members in |state_max| or better, without |but|. */
size_t probe_pick(struct gossip *g, struct rand *r, enum member_state state_max, const struct member *but, size_t n,
                  struct member **out);

/* ---- suspect.c: from a doubt to a death ---- */

/* suspect_accuse: a probe ended in silence. False if that is no reason to accuse. */
bool suspect_accuse(struct gossip *g, struct watch *w);
/* suspect_timeout is the next step of our own accusation, PROBE_INQUIRY. */
void suspect_timeout(struct gossip *g, struct watch *w);
/* suspect_sentenced: others say that it is dead, and it has not had the time to refute that.
 * suspect_unheard: that time is over, or a doubt of others led to nothing for too long. */
void suspect_sentenced(struct gossip *g, struct watch *w);
void suspect_unheard(struct gossip *g, struct watch *w);
/* suspect_heard: it answered. suspect_denied: |who| had no answer either. */
void suspect_heard(struct gossip *g, struct watch *w);
void suspect_denied(struct gossip *g, struct watch *w, uint32_t who);
/* suspect_state follows a new state or incarnation. */
void suspect_state(struct gossip *g, struct watch *w, bool was_suspect);
void suspect_stalled(struct gossip *g, struct watch *w);

/* ---- gossip.c ---- */

/* gossip_intend queues a packet to |to|, at |addr| or, if that is NULL or no address,
 * where the member is best reached. Returns it for details, or NULL when it cannot be sent. */
struct intent *gossip_intend(struct gossip *g, enum payload_kind kind, const struct node_id *to,
                             const struct mesh_addr *addr, uint64_t seq);

#endif
