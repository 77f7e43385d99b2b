/* gossip.h - who is alive. SWIM (Das, Gupta, Motivala 2002) with incarnations of
 * (boot, counter): probe, indirect probe, suspect, dead, refute, leave, and an
 * eight-byte view digest on every packet. A pull-style state machine: payloads and
 * time go in, payloads and events come out of gossip_poll. Sealing, addresses'
 * sockets and certificates are the caller's: a member counts only once the caller
 * has said that it holds its certificate. Not thread safe. */
#ifndef HEDGEROW_GOSSIP_GOSSIP_H
#define HEDGEROW_GOSSIP_GOSSIP_H

#include "proto/base/addr.h"
#include "proto/base/buf.h"
#include "proto/base/time.h"
#include "proto/base/trace.h"
#include "proto/cert.h"

#define GOSSIP_ADDRS_MAX   4
#define GOSSIP_MEMBERS_MAX 16384
#define GOSSIP_PAYLOAD_MAX 1024

/* X(name, word on the status page) */
#define MEMBER_STATES(X) X(ALIVE, "alive") X(SUSPECT, "suspect") X(DEAD, "dead") X(LEFT, "left")
enum member_state {
#define X(name, word) MEMBER_##name,
    MEMBER_STATES(X)
#undef X
};
const char *member_state_word(enum member_state s);

/* What is digested and relayed of a member. */
struct member_record {
    struct node_id id;
    uint64_t boot;    /* incarnation: (boot, counter), larger wins; */
    uint32_t counter; /* at equal incarnation the graver state wins */
    enum member_state state;
    struct mesh_addr addrs[GOSSIP_ADDRS_MAX];
    size_t addrs_n;
    uint32_t weight; /* stated by the member itself */
    uint64_t serial; /* of its certificate */
};

/* Incarnations a peer may state. A counter may jump by so much at a time, so that a
 * forger cannot use up the numbers; a boot stays far from the end of its own. */
#define GOSSIP_JUMP_MAX (UINT32_C(1) << 20)
#define GOSSIP_BOOT_MAX (UINT64_C(1) << 62)

/* A record's bytes (one msgpack array), as in packets and in MEMBERS frames.
 * member_record_get: 0, MESH_E_SYNTAX, MESH_E_TYPE, MESH_E_RANGE, MESH_E_SHORT, MESH_E_NOMEM. */
void member_record_put(struct buf *b, const struct member_record *r);
int member_record_get(struct slice bytes, struct member_record *r);

struct roster;

struct gossip_config {
    struct member_record self; /* state and counter are ignored */
    uint64_t seed;             /* of the probe order and relay choice */
    mesh_ns probe_period;      /* 0 = 1 s */
    mesh_ns ack_timeout;       /* 0 = 300 ms: then indirect probes; suspected after 2.5 of it, or the period */
    mesh_ns suspect_timeout;   /* 0 = 4 s: a suspect has at least so long to refute, */
    mesh_ns suspect_max;       /* 0 = twice that: and so long if nobody confirms the doubt */
    mesh_ns unmet_timeout;     /* 0 = 10 s: who never answered us is not doubted sooner */
    mesh_ns dead_probe_period; /* 0 = 1 s for the first 10 min, then each 10 s */
    uint32_t indirect;         /* 0 = 3 relays */
    struct roster *roster;     /* shared by the nodes of one process (roster.h), outlives them; NULL: one of our own */
    struct trace trace;
};

struct gossip;

/* gossip_new returns a view with only ourselves, owned by the caller until
 * gossip_free (NULL is fine), or NULL when out of memory. */
struct gossip *gossip_new(const struct gossip_config *cfg, mesh_ns now);
void gossip_free(struct gossip *g);

/* gossip_seen tells where an authenticated packet of |id| came from, before it is
 * handed in: answers go there, and probes if the record names no address. */
void gossip_seen(struct gossip *g, const struct node_id *id, const struct mesh_addr *addr);

/* gossip_recv takes one authenticated payload from |from| (whose certificate the caller
 * therefore holds). 0, or MESH_E_SYNTAX, MESH_E_SHORT, MESH_E_TYPE, MESH_E_MISSING,
 * MESH_E_RANGE, MESH_E_STATE (from ourselves), MESH_E_NOMEM: dropped and counted,
 * nothing changed. */
int gossip_recv(struct gossip *g, mesh_ns now, const struct node_id *from, struct slice payload);

/* gossip_learn takes a record that came with a valid certificate over an
 * authenticated stream (a MEMBERS frame). 0 (also when it is no news), MESH_E_RANGE (an
 * incarnation out of bounds), MESH_E_FULL, MESH_E_NOMEM. */
int gossip_learn(struct gossip *g, mesh_ns now, const struct member_record *r);

/* gossip_certified tells that the caller holds |id|'s certificate: a record waiting for
 * it takes effect. It is not remembered: a caller that is asked (GOSSIP_NEED_CERT) for
 * one that it holds says so again. */
void gossip_certified(struct gossip *g, mesh_ns now, const struct node_id *id);

/* gossip_forget drops a member for good (revoked). */
void gossip_forget(struct gossip *g, mesh_ns now, const struct node_id *id);

void gossip_tick(struct gossip *g, mesh_ns now);
mesh_ns gossip_deadline(const struct gossip *g);

enum gossip_out_kind {
    GOSSIP_SEND,      /* seal |payload| to |to| at |addr| */
    GOSSIP_CHANGED,   /* member |to| went from |was| to |is|; |is_new| at birth. With |was| == |is| its
                       * record has changed in something else: boot, addresses, weight, serial */
    GOSSIP_NEED_CERT, /* ask |via| for the certificate of |to| */
    GOSSIP_SYNC,      /* our view and |to|'s differ persistently: exchange what differs (sums.h) with it */
    GOSSIP_SELF_BOOT, /* others know us under |boot|, above our own: our boot file was lost, or we have a
                       * twin. To go on, jump above it: gossip_reboot */
    GOSSIP_CONFIG,    /* |to| has a configuration with the mark |config|, and not ours */
    GOSSIP_ROLL,      /* |to| has roll |roll|, and ours is older */
    GOSSIP_ORIGIN,    /* |to| says that the origin is |origin_us| from it, and that |parent| is the parent */
};
struct gossip_out {
    enum gossip_out_kind kind;
    struct node_id to, via;
    struct mesh_addr addr;
    struct slice payload; /* lent until the next call on |g| */
    enum member_state was, is;
    bool is_new;
    uint64_t boot;
    uint64_t roll;
    uint64_t config;
    uint32_t origin_us, parent;
};
/* gossip_poll fills |out| and returns true while there is something to do. */
bool gossip_poll(struct gossip *g, struct gossip_out *out);

/* gossip_reboot goes on under |boot|, which is above ours (and at most GOSSIP_BOOT_MAX). */
void gossip_reboot(struct gossip *g, mesh_ns now, uint64_t boot);

/* gossip_leave says goodbye: spreads LEFT for ourselves; done when gossip_left: three
 * members have confirmed it (or all, if fewer), or after 1 s. */
void gossip_leave(struct gossip *g, mesh_ns now);
bool gossip_left(const struct gossip *g);

/* gossip_weight changes our own stated weight. gossip_restate changes all that we state
 * of ourselves: addresses, weight, serial; the rest of |self| is ignored. */
void gossip_weight(struct gossip *g, mesh_ns now, uint32_t weight);
void gossip_restate(struct gossip *g, mesh_ns now, const struct member_record *self);

/* gossip_config says the mark of the configuration that we have (0: none): every packet carries it. */
void gossip_config(struct gossip *g, uint64_t mark);

/* gossip_roll says which roll of the authorities we have: every packet carries its number. */
void gossip_roll(struct gossip *g, uint64_t sequence);

/* gossip_origin says how far the origin is from us, in microseconds, and which region we hold for its parent, by a
 * number that the caller gives it; 0: no word of it. Soft facts: they are in our own packets alone, nobody passes them
 * on, and the view's digest knows nothing of them. */
void gossip_origin(struct gossip *g, uint32_t origin_us, uint32_t parent);

/* Exchanges over streams share the budget of bytes with what is pushed: gossip_spent tells of |bytes|
 * that went into one, gossip_affords says whether one may be made, or answered, just now. */
void gossip_spent(struct gossip *g, mesh_ns now, size_t bytes);
bool gossip_affords(struct gossip *g, mesh_ns now);

/* gossip_preload takes over the view of |from|, which has the same roster, as if all of it had
 * been known for long: nothing is spread and no events are told. Both must have nobody
 * dead; |g| only itself. For worlds that begin settled. 0, MESH_E_NOMEM (|g| can only be freed). */
int gossip_preload(struct gossip *g, const struct gossip *from);

/* The view. Members are in order of first sight, ourselves first (index 0); the last one takes
 * the place of one that is forgotten. Records lend until the next call that takes |g| and |now|.
 * gossip_member: NULL past the end. */
size_t gossip_count(const struct gossip *g);
size_t gossip_alive(const struct gossip *g); /* those that are ALIVE or SUSPECT, ourselves included */
const struct member_record *gossip_member(const struct gossip *g, size_t i);
const struct member_record *gossip_find(const struct gossip *g, const struct node_id *id);
/* gossip_at: which one |id| is, or gossip_count. What gossip_member's record adds to the digest, and gossip_rtt of it.
 */
size_t gossip_at(const struct gossip *g, const struct node_id *id);
uint64_t gossip_member_hash(const struct gossip *g, size_t i);
mesh_ns gossip_member_rtt(const struct gossip *g, size_t i);
/* Smoothed round-trip time to a member, 0 = not known. */
mesh_ns gossip_rtt(const struct gossip *g, const struct node_id *id);
/* Digest of the view: equal views, equal digests; RTT and other soft facts are not in it. */
uint64_t gossip_digest(const struct gossip *g);

/* X(name, help) */
#define GOSSIP_COUNTERS(X)                                                             \
    X(probes, "direct probes sent")                                                    \
    X(probes_indirect, "indirect probes asked for")                                    \
    X(acks, "acks received")                                                           \
    X(suspicions, "members we began to suspect")                                       \
    X(deaths, "members we declared dead")                                              \
    X(withheld, "suspicions kept to ourselves: our budget of accusations was used up") \
    X(denials, "answers of others that they have no answer either")                    \
    X(refutations, "times we refuted what is said of us")                              \
    X(deaths_refuted, "times we refuted that we are dead")                             \
    X(malformed, "payloads that did not parse")                                        \
    X(syncs, "full view exchanges asked for")                                          \
    X(jumps, "records refused: their incarnation jumps")                               \
    X(overflows, "records or packets dropped: a limit was reached")                    \
    X(stalls, "times we were frozen and accused nobody for it")
struct gossip_counters {
#define X(name, help) uint64_t name;
    GOSSIP_COUNTERS(X)
#undef X
};
const struct gossip_counters *gossip_counters(const struct gossip *g);

#endif
