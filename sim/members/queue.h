/* queue.h - the future of a large world: tens of millions of small events on a virtual
 * clock. Events at one time come in the order in which they were added. A wheel of short
 * slots holds the next seconds, a heap all that is later; only the slot at hand is sorted.
 * Events are plain data, pooled, and cannot be taken back: who changed its mind ignores
 * the event when it comes. Not thread safe. */
#ifndef HEDGEROW_SIM_MEMBERS_QUEUE_H
#define HEDGEROW_SIM_MEMBERS_QUEUE_H

#include "proto/base/slice.h"
#include "proto/base/time.h"

struct queue_event {
    mesh_ns at;
    uint64_t seq; /* set by the queue */
    uint32_t kind, a, b;
    uint32_t next; /* the queue's own */
};

/* A binary heap by (at, seq). */
struct queue_heap {
    struct queue_event *events;
    size_t n, cap;
};

#define QUEUE_SLOT_BITS 18         /* a slot is 2^18 ns = 262 us, */
#define QUEUE_SLOTS     (1u << 14) /* all together 4.3 s */

struct queue {
    uint64_t seq;
    uint64_t slot;                   /* the one at hand, counted from time 0 */
    struct queue_heap near, far;     /* of the slot at hand; beyond the wheel */
    uint32_t *heads;                 /* of lists in the pool, 0: empty */
    uint64_t full[QUEUE_SLOTS / 64]; /* which slots are not empty */
    struct queue_event *pool;        /* [0] is not used */
    uint32_t pool_n, pool_cap, free;
    size_t n;
};

/* Memory that cannot be had ends the program with a message: a run is of no use then. */
void queue_init(struct queue *q);
void queue_fini(struct queue *q);
/* queue_add sets an event; |at| is not before the last one taken. */
void queue_add(struct queue *q, mesh_ns at, uint32_t kind, uint32_t a, uint32_t b);
/* queue_take gives the earliest event that is at |until| or before; false if there is none. */
bool queue_take(struct queue *q, mesh_ns until, struct queue_event *out);

#endif
