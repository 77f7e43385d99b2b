/* warm.h - copies of what is popular at two of a key's owners. An engine's part, as those in engine_impl.h.
 *
 *   a copy answers --warm_answered--> worth a second one --TAKE--> another owner --ASK, no origin--> back to who told it
 *
 * A copy that answers a peer is warm at once: that peer answers its own viewers unseen from now on. One that answers
 * viewers is with the second of them. What follows is bounded and paced, costs the origin nothing, and is lost without
 * harm: TAKE is a hint. */
#ifndef HEDGEROW_CORE_WARM_H
#define HEDGEROW_CORE_WARM_H

#include "node/core/engine_impl.h"

struct handoff;

struct warm {
    uint16_t mark;      /* in an object's note: what was to be done under the present ring was done */
    struct list takes;  /* to be sent, oldest first */
    size_t takes_n, takes_bytes;
    struct timer timer; /* the next of them, or the next step of a hand-off ... */
    mesh_ns next;       /* ... which may not come before */
    unsigned copying;   /* flights that bring copies for nobody */
    struct handoff *handoff;
};

/* What an object's note (evict_node.note) says, below the marks of rings. */
enum {
    WARM_COLD = 0,
    WARM_SEEN = 1, /* it has answered a viewer, or was got for a peer, who has viewers */
    WARM_DUE = 2,  /* that was not the only one while it came: it is warm when it is complete */
    WARM_MARKS = 3
};

int warm_init(struct engine *e); /* 0 or MESH_E_NOMEM */
void warm_fini(struct engine *e);

/* warm_settled: is there nothing to be done about |o|, whoever it answers? */
static inline bool warm_settled(const struct engine *e, const struct object *o)
{
    return o->evict.note == e->warm->mark;
}

/* warm_answered: |o|, got for |aim|, answers from here: |peer|, or (NULL) a viewer with |fields|. */
void warm_answered(struct engine *e, mesh_ns now, struct object *o, const struct aim *aim, const struct fields *fields,
                   const struct node_id *peer);

/* warm_joined: a peer, or a viewer, reads |o| from when it comes; |leader|: it was got for that one. */
static inline void warm_joined(struct object *o, bool peer, bool leader)
{
    if (o->evict.note >= WARM_DUE)
        return;
    if (leader)
        o->evict.note = peer ? WARM_SEEN : o->evict.note;
    else
        o->evict.note = peer || o->evict.note == WARM_SEEN ? WARM_DUE : WARM_SEEN;
}

/* warm_came: |f| is complete. Where its source had it before, hits at owners are counted there. */
void warm_came(struct engine *e, mesh_ns now, const struct flight *f);

/* warm_place says of |o|, which |f| brought and which is not in the cache yet, whether it is upon us, one of its first two
 * owners, to keep it, or |away|. */
void warm_place(const struct engine *e, const struct flight *f, struct object *o);

/* warm_tell has |to| told, in its turn, to take what |aim| names. False: there is no room, or no memory. */
bool warm_tell(struct engine *e, const struct node_id *to, const struct aim *aim, enum msg_take_reason reason);
size_t warm_waiting(const struct engine *e); /* how many are to be told */

/* warm_frame: TAKE came. |l| may be closing afterwards. */
void warm_frame(struct engine *e, mesh_ns now, struct link *l, struct slice body);

/* warm_failed: |f|, which was to bring a copy for nobody, has no source any more. It is gone, unless somebody has joined
 * it: then it goes on as others do. */
void warm_failed(struct engine *e, mesh_ns now, struct flight *f);
void warm_ended(struct engine *e, struct flight *f); /* |f| is being freed, or goes on for somebody */

/* warm_reached: may |id| be asked or told anything now? */
bool warm_reached(const struct engine *e, mesh_ns now, const struct node_id *id);

/* warm_ring: there is a new ring. */
void warm_ring(struct engine *e, mesh_ns now);

#endif
