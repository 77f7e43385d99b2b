/* mesh.h - the company we keep: introduces gossip, certificates, sealed datagrams and
 * the ring to each other. Knows every member's certificate, opens and seals gossip
 * datagrams, keeps link health (local, fast) apart from membership (shared, slow), and
 * builds a new ring when the eligible members have changed and the hold-down is over.
 * Pull-style; no I/O. Not thread safe. */
#ifndef HEDGEROW_CORE_MESH_H
#define HEDGEROW_CORE_MESH_H

#include "gossip/gossip.h"
#include "gossip/sums.h"
#include "node/core/health.h"
#include "node/core/parent.h"
#include "proto/datagram.h"
#include "proto/identity.h"
#include "proto/msg.h"
#include "ring/ring.h"

struct held_store;

/* Tables that many meshes of one process share, by their epoch. In a node all NULL. */
struct mesh_rings {
    void *ctx;
    struct ring *(*find)(void *ctx, uint64_t epoch, uint32_t arcs); /* returns a reference, or NULL */
    void (*made)(void *ctx, struct ring *ring);                     /* lends a new one; ring_ref keeps it */
};

struct mesh_config {
    const struct identity *self; /* lent for the mesh's life; see mesh_self */
    struct slice roll;           /* the last one kept, lent to mesh_new; what does not check is as if not there */
    /* Keeps a new roll durably, before anything follows from it. NULL: it is not kept. */
    void (*keep_roll)(void *ctx, struct slice roll);
    void *keep_ctx;
    struct boot boot;
    struct mesh_addr addrs[GOSSIP_ADDRS_MAX]; /* where we are reached */
    size_t addrs_n;
    uint16_t port;            /* where we listen */
    bool learn_addr;          /* where peers see us is one more: mesh_outside */
    uint32_t weight;          /* 0 = the certificate's, capped by it */
    uint64_t seed;            /* of gossip's choices */
    mesh_ns ring_join_delay;  /* 0 = 1 s: a joined, healed or left member moves the ring so much later */
    mesh_ns ring_death_delay; /* 0 = 10 s: a death moves it only then */
    mesh_ns ramp;             /* 0 = 60 s: a cold newcomer grows to its weight in four steps over so long */
    /* The origin's parent region: its name; "none"; empty or "auto": the nearest one. Lent to mesh_new. */
    struct slice parent_region;
    mesh_ns parent_period; /* 0 = 60 s: which one is nearest is asked so often */
    struct mesh_rings rings;
    struct roster *roster;    /* gossip's, shared by the nodes of one process; NULL: one of our own */
    struct held_store *certs; /* likewise (held.h) */
    mesh_ns probe_period, ack_timeout, suspect_timeout; /* gossip's; 0 = its defaults */
    struct trace trace;
};

struct mesh;

/* Owned by the caller until mesh_free (NULL is fine). NULL: out of memory. */
struct mesh *mesh_new(const struct mesh_config *cfg, mesh_ns now);
void mesh_free(struct mesh *m);

/* mesh_self is our identity as it stands: its authorities are those trusted now. Lent for
 * the mesh's life. */
const struct identity *mesh_self(const struct mesh *m);

/* mesh_certs is where certificates are held. */
struct held_store *mesh_certs(const struct mesh *m);

/* ---- the roll (proto/roll.h) ---- */
const struct roll *mesh_roll(const struct mesh *m); /* lends; number 0: none yet */
struct slice mesh_roll_bytes(const struct mesh *m); /* lends; empty: none yet */
bool mesh_roll_forked(const struct mesh *m);        /* two rolls of one number were seen */

/* mesh_roll_take takes a roll, from a peer or handed in. 0: it is news, kept and in force;
 * MESH_E_EXISTS: we have this one; MESH_E_STATE: we have a later one (or it is signed by
 * nobody that itself names); MESH_E_SIGNATURE: by no authority we could know of;
 * MESH_E_WRONG_MESH; what roll_parse says. */
int mesh_roll_take(struct mesh *m, mesh_ns now, struct slice bytes);

/* mesh_config: the configuration that we have has this mark. */
void mesh_config(struct mesh *m, uint64_t mark);

/* mesh_roll_claimed: the peer |by| says which roll it has. If it is a later one than ours we
 * are behind until it comes (for 2 s at most): mesh_behind. Bytes of peers are then not to
 * be trusted, since we may not know who of them was revoked. */
void mesh_roll_claimed(struct mesh *m, mesh_ns now, const struct node_id *by, uint64_t sequence, uint64_t mark);
bool mesh_behind(const struct mesh *m, mesh_ns now);

/* mesh_admits: may the holder of this sound certificate be a peer? 0, MESH_E_REVOKED,
 * MESH_E_SIGNATURE (its authority is retired). mesh_vouches: do signatures by it count on
 * stored objects? 0, MESH_E_REVOKED, MESH_E_UNKNOWN (certified by nobody that we know of, or
 * not any more), or what cert_check says; expiry does not matter.
 * mesh_still_vouches: the same of one that did count before, without looking at its bytes. */
int mesh_admits(const struct mesh *m, const struct cert *cert);
int mesh_vouches(const struct mesh *m, const struct cert *cert, struct slice raw);
bool mesh_still_vouches(const struct mesh *m, const struct cert *cert);
/* mesh_once_admitted: is it by an authority of this mesh, retired or not? */
bool mesh_once_admitted(const struct mesh *m, const struct cert *cert, struct slice raw);

/* mesh_renew takes a renewed certificate of our own: the same keys, name and zone, a later
 * serial. Sessions that stand are not touched, and members fetch it. 0, MESH_E_EXISTS (it is the
 * one we have), MESH_E_STATE (other keys, name or zone), MESH_E_RANGE (an earlier one),
 * MESH_E_WRONG_MESH, or what mesh_admits says; nothing has changed then. */
int mesh_renew(struct mesh *m, mesh_ns now, const struct identity *id);

/* mesh_expire drops members whose certificates ran out an hour ago and more: until then
 * sessions that stand go on, and none is begun. To be called now and then. False: that would be
 * more than half of them, so it is our clock that is wrong, and nothing is done. */
bool mesh_expire(struct mesh *m, mesh_ns now, int64_t wall_s);

/* mesh_recv takes a datagram from |from|. Never fails: what is malformed, replayed,
 * forged or unknown is dropped and counted. |wall_s| judges certificates. */
void mesh_recv(struct mesh *m, mesh_ns now, int64_t wall_s, const struct mesh_addr *from, struct slice datagram);

/* mesh_met tells of a peer that proved itself on a backbone stream: certificate (checked
 * by the session), boot, and the address it listens on as we see it (port 0: unknown).
 * 0, MESH_E_FULL, MESH_E_NOMEM, or what mesh_admits says. */
int mesh_met(struct mesh *m, mesh_ns now, const struct cert *cert, struct slice cert_raw, struct boot boot,
             const struct mesh_addr *addr);

/* mesh_outside: |by| sees us at |addr| (port 0: at that ip; all zero: it does not say). What two
 * peers say alike, and is no address we know or that nobody could reach, becomes one more of
 * those we state, in place of what was learnt so before. Only if cfg.learn_addr. */
void mesh_outside(struct mesh *m, mesh_ns now, const struct node_id *by, const struct mesh_addr *addr);

/* mesh_members_ask writes ourselves to |out| and the sums of our view to |sums|, which |out| lends:
 * the question after what differs. False: there is nothing to sum up yet (or memory is short), so
 * everything is to be asked for. */
bool mesh_members_ask(const struct mesh *m, struct msg_members_out *out, struct buf *sums);
/* mesh_members_differ compares our view with the sums that a peer sent. 0, MESH_E_RANGE (no such sums). */
int mesh_members_differ(const struct mesh *m, struct slice theirs, struct view_diff *out);
/* mesh_members_put writes the |from|-th and further members (certificate and record,
 * ourselves included) to |out|, at most MSG_MEMBERS_MAX and about 60,000 bytes, and
 * returns where to go on, 0 when all are written. |part|: only those in its buckets, and certificates
 * only where it says so; NULL: all. */
size_t mesh_members_put(const struct mesh *m, size_t from, const struct view_diff *part, struct msg_members_out *out);
/* What is exchanged in part shares a budget with what is pushed (gossip_spent, gossip_affords). */
void mesh_spent(struct mesh *m, mesh_ns now, size_t bytes);
bool mesh_affords(struct mesh *m, mesh_ns now);
/* mesh_members_say adds what |to| must know of our ring to weigh itself: how many of its members
 * are no newcomers, and whether |to| is in it. */
void mesh_members_say(const struct mesh *m, const struct node_id *to, struct msg_members_out *out);
/* mesh_came_late: did we come into a mesh that had been at work before us, or back to it? */
bool mesh_came_late(const struct mesh *m);
/* mesh_members_take learns from a MEMBERS frame; certificates that do not check are
 * skipped and counted. */
void mesh_members_take(struct mesh *m, mesh_ns now, int64_t wall_s, const struct msg_members *members);

/* mesh_preload makes a mesh that knows nobody one that has known all of |certs| (our own may be among them), and
 * |view|, which has the same roster, for long: nothing is told or spread, and the ring is as it would be. For worlds
 * that begin settled. 0, or what mesh_hold and gossip_preload say (|m| can only be freed). */
struct mesh_known {
    const struct cert *cert;
    struct slice raw;
};
int mesh_preload(struct mesh *m, mesh_ns now, const struct mesh_known *certs, size_t n, const struct gossip *view);

void mesh_tick(struct mesh *m, mesh_ns now);
mesh_ns mesh_deadline(const struct mesh *m);

enum mesh_out_kind {
    MESH_SEND,     /* a datagram: |bytes| to |addr| */
    MESH_CHANGED,  /* member |id| went from |was| to |is|; |is_new| at first sight. With |was| == |is| its
                      record changed in something else: boot, addresses, weight */
    MESH_RING,     /* mesh_ring() is a new table */
    MESH_OUT,      /* |id| is no peer any more, for reason |err|: cut its sessions, now */
    MESH_ASK_ROLL, /* |id| has a later roll: say to it which one we have */
    MESH_CONFIG,   /* |id| has another configuration than we, with |mark| */
    MESH_ROLL,     /* a new roll is in force: send it to everybody */
    MESH_SYNC,     /* exchange what differs with |id| over a stream (asked also for missing certificates) */
    MESH_CAST,     /* |id| has sent |bytes| so (mesh_cast) */
    MESH_PROBE,    /* connect to the origin and say how long it took: mesh_origin_rtt */
    MESH_TWIN,     /* told once: our identity runs elsewhere too. We outgrew its boot again and again,
                      and it ours; |boot_seen| was its last */
};
struct mesh_out {
    enum mesh_out_kind kind;
    struct node_id id;
    struct mesh_addr addr;
    struct slice bytes; /* lent until the next call on |m| */
    enum member_state was, is;
    bool is_new;
    uint64_t boot_seen, mark;
    int err;
};
bool mesh_poll(struct mesh *m, struct mesh_out *out);

/* The present table; lends. Empty before anybody is eligible, never NULL. */
const struct ring *mesh_ring(const struct mesh *m);
/* The one before it, for what changed hands (ring_delta); lends. NULL before the first
 * change, and again while the next one is being made. */
const struct ring *mesh_ring_before(const struct mesh *m);

/* ---- the parent region (mesh_parent.c) ---- */
/* mesh_origin_rtt: a connection to the origin took so long. mesh_origin_other: it is another origin from now on, and
 * what is known of the one before is forgotten. */
void mesh_origin_rtt(struct mesh *m, mesh_ns now, mesh_ns rtt);
void mesh_origin_other(struct mesh *m, mesh_ns now);
/* The table of the parent region, where that is another one than ours; lends. NULL: it is ours, or there is none. */
const struct ring *mesh_parent_ring(const struct mesh *m);
/* Its name, empty for none; |*measured|: that follows from what members state. */
struct slice mesh_parent_name(const struct mesh *m, bool *measured);
/* mesh_parent_regions writes up to |cap| regions, by name, and returns how many. Names are lent as members are. */
size_t mesh_parent_regions(const struct mesh *m, struct parent_region *out, size_t cap);

/* A member as seen from here. Pointers lend until the next call that takes |m| and |now|. */
struct mesh_member {
    const struct member_record *record;
    const struct cert *cert;
    struct slice cert_raw;
    struct mesh_addr addr;    /* where to dial it now: another one after each failure (mesh_link); port 0: nowhere */
    mesh_ns rtt;              /* 0: not known */
    bool reachable;           /* alive or suspect, and its link is healthy: worth asking */
    mesh_ns distrusted_until; /* it lied, and is not asked for an object before; 0: it never did */
    mesh_ns rests_until;      /* it failed again and again, and is passed over until then; 0: it is well */
};
size_t mesh_count(const struct mesh *m); /* members seen, ourselves (index 0) included */
bool mesh_member(const struct mesh *m, size_t i, struct mesh_member *out);
bool mesh_find(const struct mesh *m, const struct node_id *id, struct mesh_member *out);
size_t mesh_alive(const struct mesh *m); /* ourselves included */
/* The record alone, as mesh_member and mesh_find have it, for a fraction of the time. NULL: there is none. */
const struct member_record *mesh_record(const struct mesh *m, size_t i);
const struct member_record *mesh_record_of(const struct mesh *m, const struct node_id *id);

/* mesh_cast sends |bytes|, MESH_CAST_MAX at most, to a member in one sealed datagram, which may be lost. */
#define MESH_CAST_MAX 1000
void mesh_cast(struct mesh *m, mesh_ns now, const struct mesh_member *to, struct slice bytes);

/* mesh_link notes what a backbone link shows: unhealthy until |until| (0: healthy). */
void mesh_link(struct mesh *m, const struct node_id *id, mesh_ns until);

/* mesh_links_lapse: no link that is unhealthy until some moment becomes healthy by itself before this one. */
mesh_ns mesh_links_lapse(struct mesh *m);

/* mesh_distrust: what |id| answered did not verify: it is not asked for |first|, or longer (distrust.h). Returns
 * until when; 0, and nothing is changed: nobody of that name is here. */
mesh_ns mesh_distrust(struct mesh *m, mesh_ns now, const struct node_id *id, mesh_ns first);

/* mesh_health lends what asks of |id| have shown, to be read and written until the next call that takes |m| and |now|.
 * NULL: nobody of that name is here. A new boot of its begins with a closed breaker. */
struct health *mesh_health(struct mesh *m, const struct node_id *id);

/* mesh_drain: while |on| we are a member that owns nothing (weight 0). */
void mesh_drain(struct mesh *m, mesh_ns now, bool on);
/* mesh_unreached: the same while nobody can dial us. */
void mesh_unreached(struct mesh *m, mesh_ns now, bool on);

void mesh_leave(struct mesh *m, mesh_ns now);
bool mesh_left(const struct mesh *m);

/* mesh_boot is our boot as it stands. Its number grows while running when peers remember
 * a higher one (the boot file was lost): persist it, and state it in HELLO. */
struct boot mesh_boot(const struct mesh *m);

uint64_t mesh_digest(const struct mesh *m);
const struct gossip_counters *mesh_gossip_counters(const struct mesh *m);

/* X(name, help) */
#define MESH_COUNTERS(X)                                                 \
    X(datagrams_in, "gossip datagrams received")                         \
    X(datagrams_out, "gossip datagrams sent")                            \
    X(datagram_bytes_in, "bytes of gossip datagrams received")           \
    X(datagram_bytes_out, "bytes of gossip datagrams sent")              \
    X(datagrams_malformed, "datagrams dropped: malformed")               \
    X(datagrams_unsealed, "datagrams dropped: the seal did not open")    \
    X(datagrams_replayed, "datagrams dropped: seen before")              \
    X(datagrams_unknown, "datagrams dropped: unknown sender")            \
    X(datagrams_revoked, "datagrams dropped: the sender is revoked")     \
    X(answers_limited, "BOOT and UNKNOWN not sent: asked for too often") \
    X(certs_refused, "certificates refused")                             \
    X(rolls_taken, "new rolls of the authorities taken")                 \
    X(rolls_refused, "rolls refused: not signed, or malformed")          \
    X(ring_changes, "new ring tables")                                   \
    X(dampings, "times we gave up our place in the ring, having been declared dead too often")
struct mesh_counters {
#define X(name, help) uint64_t name;
    MESH_COUNTERS(X)
#undef X
};
const struct mesh_counters *mesh_counters(const struct mesh *m);

#endif
