/* purges_impl.h - what purges.c, purge_calls.c and purge_sync.c share; nobody else includes it. */
#ifndef HEDGEROW_CORE_PURGES_IMPL_H
#define HEDGEROW_CORE_PURGES_IMPL_H

#include "node/core/engine_impl.h"
#include "node/core/purges.h"

#define PURGE_UNKEPT_MAX                                                                         \
    (UINT64_C(16) << 20) /* bytes of lines that the disk does not take: no more purges are taken \
                          */

/* Another node's word on our own logs, the latest of each: a call waits for that of its log, whichever came later. */
struct purge_peer {
    struct list link;
    struct map_node by_id;
    struct node_id id;
    struct purge_word {
        struct purge_receipt receipt; /* number 0: none */
        uint8_t sig[SIGNATURE_BYTES];
    } words[PURGE_LOGS_EACH];
};

struct purge_call {
    struct list link; /* in purges->calls, latest first */
    char id[PURGE_ID_MAX];
    char who[PURGE_WHO_MAX + 1];
    uint8_t once[PURGE_ONCE_MAX];
    size_t once_len;
    struct purge_log_id log;
    uint64_t first, last; /* numbers */
    mesh_ns at;
    int64_t at_s;
    bool soft;
    size_t targets;
    struct purge_asked {
        struct node_id id;
        char name[CERT_NAME_MAX + 1];
        bool alive; /* when it was called for */
    } * members;    /* ourselves first; owned */
    size_t members_n;
};

struct purges {
    struct purge_logs logs;
    struct purge_stamps stamps;
    bool news; /* something was taken since purges_in_force */
    /* Lines for the disk: not told yet, and told */
    struct buf unkept, keeping;
    bool writing, refused; /* |refused|: the disk took none of it the last time */
    mesh_ns write_again;   /* the disk has refused them: not before */
    struct timer write_timer;
    /* Calls */
    struct list calls, peers;
    uint64_t own_begun, own_last; /* of our log: what lay on our disk, or was called for here since; 0: none */
    struct map peers_by_id;
    size_t calls_n, peers_n;
    struct timer call_timer;
    mesh_ns cast_since;
    unsigned casts;  /* since then */
    uint64_t spread; /* of our log: so far it was sent to all when it became durable */
    /* Frontiers */
    uint64_t question; /* what we ask by: another number each time that we may have missed something */
    bool caught_up;    /* a peer whom we asked so had nothing that we lacked */
    struct timer wake_timer;
    mesh_ns wake_until;  /* viewers wait no longer */
    struct list waiting; /* requests of theirs */
    struct timer sync_timer;
    size_t sync_turn;
    struct list held; /* serves that wait */
    uint64_t held_bytes;
};

/* Targets of an order with all that they may be called, and whose they are (purge_forms.c). */
struct purge_form {
    struct purge_target target;
    struct slice of; /* distribution; empty: all */
    bool made;       /* its value lies in |values|, from |at| on */
    size_t at;
};
struct purge_forms {
    struct purge_form *all;
    size_t n, cap;
    struct buf values;
};
/* False: out of memory. To be freed in any case. */
bool purge_forms_make(const struct engine *e, const struct purge_order *order, struct purge_forms *out);
void purge_forms_free(struct purge_forms *p);

void purge_wake_start(struct engine *e);
void purge_sure(struct engine *e, mesh_ns now); /* we lack nothing that a peer had when we asked it */
void purge_ask(struct engine *e, mesh_ns now, struct link *l);

/* purge_calls_receipt takes a receipt of |l|'s peer. False: it is not signed by it. */
bool purge_calls_receipt(struct engine *e, struct link *l, const struct msg_purged *m);

/* purge_sendable: so far our own log may be sent. What the disk refuses is sent all the same: content has to go. */
static inline uint64_t purge_sendable(const struct purges *s, const struct purge_log *own)
{
    return s->refused ? own->last : own->durable;
}

/* purge_cast sends what of our log lies behind |after| and is durable to all members. */
void purge_cast(struct engine *e, mesh_ns now, const struct purge_log *own, uint64_t after);

/* Is there a call that somebody has not confirmed, and that is worth to be repeated? */
bool purge_calls_pending(const struct engine *e);

#endif
