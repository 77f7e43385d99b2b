/* mesh_impl.h - what the files of the mesh share; nobody else includes it. */
#ifndef HEDGEROW_CORE_MESH_IMPL_H
#define HEDGEROW_CORE_MESH_IMPL_H

#include "node/core/distrust.h"
#include "node/core/guard.h"
#include "node/core/held.h"
#include "node/core/mesh.h"
#include "proto/base/heap.h"
#include "proto/base/list.h"
#include "proto/base/map.h"

#define MESH_MAGIC       UINT32_C(0x6d657368)
#define MESH_SYNC_PERIOD SEC(1) /* at most one MESH_SYNC per peer in it */
#define MESH_RESENDS     2      /* of one payload: once behind CERT, once behind BOOT */

/* A node whose certificate we hold. It need not be a member (yet). */
struct mesh_peer {
    struct map_node node;
    struct list link;
    struct held_cert *held;
    struct datagram_peer dg;
    uint32_t origin_us; /* how far it says that the origin is; 0: it does not */
    uint32_t parent;    /* mark of the region that it holds for the parent; 0: none */

    struct mesh_addr seen;  /* where it last spoke from; port 0 = nowhere yet */
    struct mesh_last *last; /* NULL: nothing was sent to it lately */
    struct mesh_more *more; /* NULL: none of it was needed yet */

    unsigned addr_at;   /* which of its addresses is dialled next */
    mesh_ns link_until; /* its link is unhealthy until then; 0 = healthy */
    uint64_t told_boot; /* the boot that its record had when we last looked */
    bool grace;         /* died at |died_at| and keeps its place in the ring for now */
    mesh_ns died_at;
    mesh_ns since;       /* it came to life here, and not as one that had only been out of sight, */
    uint64_t lived_boot; /* with this boot */
};

/* The last payload to a peer, and where it went, for when the peer could not open it: it is told so at once or never,
 * so that of thousands of members few have one. */
#define MESH_LAST_KEPT SEC(10)
struct mesh_last {
    struct list link; /* in mesh->lasts, the earliest first */
    struct mesh_peer *peer;
    mesh_ns at;
    struct mesh_addr addr;
    unsigned resends;
    size_t len;
    uint8_t bytes[];
};

/* What there is to know of those alone that are asked or exchanged with. */
struct mesh_more {
    struct mesh_peer *peer;
    struct distrust distrust;
    struct health health;
    struct heap_node sync_timer;    /* queued: a MESH_SYNC went out less than a period ago */
    bool sync_wanted;               /* another one is due when it fires */
    mesh_ns held_at, roll_asked_at; /* it spoke of a later roll (mesh_roll.c); 0: never */
};

struct mesh_item {
    struct list link;
    struct mesh_out out;
    struct buf bytes;
};

/* What we state as our weight, and why (mesh_weight.c). */
#define MESH_DAMP_DEATHS 3
struct mesh_weight {
    mesh_ns started;
    bool judged;                      /* our first company has told whether we ramp */
    bool late;                        /* and that most of it was there before us, or that we had been with it before */
    uint32_t told;                    /* how many settled members it counted */
    unsigned step;                    /* of the ramp: 0 is none, or over */
    mesh_ns step_at;                  /* the next one */
    bool drained, unreached;          /* it is 0 for as long */
    uint64_t refuted;                 /* our deaths that we refuted, as far as we have looked */
    mesh_ns deaths[MESH_DAMP_DEATHS]; /* the last of them, latest first */
    unsigned deaths_n;
    unsigned damped; /* times in a row */
    mesh_ns damped_until;
};

/* Where peers say that they see us (mesh_outside.c): the last ones, one of each peer. */
#define MESH_SIGHTS_MAX 8
struct mesh_sights {
    struct mesh_sight {
        struct node_id by;
        struct mesh_addr addr;
    } at[MESH_SIGHTS_MAX];
    size_t n, next;
    struct mesh_addr learnt; /* port 0: none */
};

/* The table of one region's members, and what is to follow it (mesh_ring.c). Off: |ring| is NULL. */
struct mesh_table {
    uint64_t region;
    struct ring *ring, *before; /* the latter may be NULL */
    struct ring_build *building;
    mesh_ns slice_at;
    mesh_ns lapse_at; /* the earliest end of a dead member's grace */
    bool pending;     /* |want| is not the table's epoch yet */
    bool lapsed;      /* and somebody's grace is over: it has waited long enough */
    uint64_t want;
    mesh_ns first, last; /* first and last change that it waits for */
};
enum { TABLE_OWN, TABLE_PARENT, TABLES_N };

/* Which region is the origin's parent (mesh_parent.c). */
struct mesh_parent {
    bool measured;                /* it follows from what members state, else it is as configured */
    char name[CERT_ZONE_MAX + 1]; /* empty: none */
    uint32_t mark;                /* of |name| */
    uint32_t own_us;              /* how far the origin is; 0: not known */
    bool heard;                   /* somebody states something */
    mesh_ns look_at, probe_at;
};

struct mesh {
    uint32_t magic;
    struct mesh_config cfg;
    struct identity id;      /* our own, with the authorities trusted now */
    struct mesh_params file; /* as the node file has them */
    struct datagram_self self;
    struct gossip *gossip;
    mesh_ns now;
    struct mesh_counters counters;

    struct held_store own_certs; /* where none is handed in */
    struct held_store *certs;
    struct guard guard; /* of answers to who has proved nothing */
    struct map peers;
    struct list peer_list;
    struct list lasts;
    size_t peers_n;
    mesh_ns links_lapse; /* the least link_until of peers that was to come when we last looked, or 0: look */
    struct heap syncs;
    mesh_ns checks_since; /* signatures checked for strangers' datagrams since then */
    unsigned checks;

    struct list queue;
    size_t sends; /* datagrams in it */
    struct mesh_item *lent;
    struct buf payload;

    struct mesh_table tables[TABLES_N];
    struct ring_member *eligible;
    size_t eligible_cap;
    uint64_t zone, region; /* our own */
    uint64_t viewed;       /* gossip_digest at the last look */
    bool ring_stale;       /* a certificate changed since */
    mesh_ns looked_at, look_at;

    struct mesh_parent parent;
    size_t far_n; /* peers of other regions */
    struct mesh_weight weight;
    struct mesh_sights sights;

    struct roll roll; /* live authorities also before there is one */
    struct buf roll_raw;
    bool roll_forked;
    uint64_t behind_over; /* somebody has a later one than that number: we are behind so long */
    mesh_ns behind_until;

    mesh_ns company_since; /* 0 = heard nobody yet */
    mesh_ns jumps_since;
    unsigned jumps;
    bool twin_told;
};

/* mesh_emit queues an event and returns it to be filled in, or NULL when out of memory. */
struct mesh_item *mesh_emit(struct mesh *m, enum mesh_out_kind kind);

/* mesh_outgrow: a peer knows us, under its seal, with boot |seen|: above ours only if our boot file was lost, or if
 * somebody else runs with our identity. Either way we go on above it. */
void mesh_outgrow(struct mesh *m, mesh_ns now, uint64_t seen);

/* mesh_pump does what gossip wants done, and what follows from it. */
void mesh_pump(struct mesh *m, mesh_ns now);

/* ---- mesh_datagram.c ---- */
void mesh_datagrams_start(struct mesh *m, const uint8_t key[MAP_KEY_BYTES]);

/* mesh_send_payload seals |payload| for |p| and sends it to |to| (port 0: to where it last spoke from). */
void mesh_send_payload(struct mesh *m, struct mesh_peer *p, const struct mesh_addr *to, struct slice payload);

/* mesh_last_free forgets the last payload to |p|, if there is one. */
void mesh_last_free(struct mesh_peer *p);

/* ---- mesh_cast.c ---- */
/* mesh_cast_take: is |payload| one that was cast? Then it is emitted. */
bool mesh_cast_take(struct mesh *m, const struct mesh_peer *from, struct slice payload);

/* ---- mesh_certs.c ---- */
struct mesh_peer *mesh_peer_find(const struct mesh *m, const struct node_id *id);

/* mesh_more is |p|'s, which it has from now on. NULL: out of memory. */
struct mesh_more *mesh_more(struct mesh_peer *p);

/* mesh_hold keeps a checked certificate, or a renewed one in place of the old, and
 * tells gossip. 0, MESH_E_FULL, MESH_E_NOMEM, MESH_E_RANGE (a weak key, or our own id). */
int mesh_hold(struct mesh *m, mesh_ns now, const struct cert *cert, struct slice raw, struct mesh_peer **out);

/* mesh_judge checks a certificate in our mesh; counts what is refused. 0 or MESH_E_*. */
int mesh_judge(struct mesh *m, mesh_ns now, int64_t wall_s, const struct cert *cert, struct slice raw);

/* mesh_drop forgets the peer and its certificate: it is out, for reason |err|. */
void mesh_drop(struct mesh *m, mesh_ns now, struct mesh_peer *p, int err);

/* mesh_take_cert handles a CERT datagram. */
void mesh_take_cert(struct mesh *m, mesh_ns now, int64_t wall_s, struct slice datagram);

/* mesh_learn is mesh_members_take without what follows from it. */
void mesh_learn(struct mesh *m, mesh_ns now, int64_t wall_s, const struct msg_members *members);

void mesh_want_sync(struct mesh *m, mesh_ns now, struct mesh_peer *p);
void mesh_syncs_tick(struct mesh *m, mesh_ns now);
void mesh_peers_free(struct mesh *m);

/* ---- mesh_roll.c ---- */
/* mesh_roll_start takes the roll that was kept, if |bytes| is one that checks. 0 or MESH_E_*. */
int mesh_roll_start(struct mesh *m, struct slice bytes);

/* ---- mesh_ring.c ---- */
/* mesh_ring_now makes the table of who is left, without waiting for anything. */
void mesh_ring_now(struct mesh *m, mesh_ns now);
/* mesh_ring_start makes the first table. 0 or MESH_E_NOMEM. */
int mesh_ring_start(struct mesh *m, mesh_ns now);
void mesh_ring_stop(struct mesh *m);
/* mesh_ring_parent: from now on a table of |region|, too, or of none (0, or our own). */
void mesh_ring_parent(struct mesh *m, mesh_ns now, uint64_t region);
/* mesh_ring_state notes that |p| went from |was| to |is|. */
void mesh_ring_state(struct mesh *m, struct mesh_peer *p, mesh_ns now, enum member_state was, enum member_state is,
                     bool is_new);
void mesh_ring_tick(struct mesh *m, mesh_ns now);
mesh_ns mesh_ring_deadline(const struct mesh *m);

/* ---- mesh_parent.c ---- */
void mesh_parent_start(struct mesh *m, mesh_ns now);
/* mesh_parent_told: |by| says how far the origin is from it, and which region it holds for the parent. */
void mesh_parent_told(struct mesh *m, const struct node_id *by, uint32_t us, uint32_t parent);
void mesh_parent_tick(struct mesh *m, mesh_ns now);
mesh_ns mesh_parent_deadline(const struct mesh *m);

/* ---- mesh_weight.c ---- */
void mesh_weight_start(struct mesh *m, mesh_ns now);
/* mesh_weight_settled: we have been there for as long as a ramp takes. */
void mesh_weight_settled(struct mesh *m, mesh_ns now);
/* mesh_weight_seen notes that |p| lives, and that it did not before. */
void mesh_weight_seen(struct mesh *m, struct mesh_peer *p, mesh_ns now, bool came);
/* mesh_weight_told takes what a peer said of its ring along with its members. */
void mesh_weight_told(struct mesh *m, mesh_ns now, uint32_t settled, bool placed);
void mesh_weight_tick(struct mesh *m, mesh_ns now);
mesh_ns mesh_weight_deadline(const struct mesh *m);

#endif
