/* timeouts.h - deadlines of one length in a queue: since each new one is later than those
 * before it, setting, moving and dropping one costs a few stores and no system call. Not
 * thread safe. */
#ifndef HEDGEROW_IO_TIMEOUTS_H
#define HEDGEROW_IO_TIMEOUTS_H

#include "proto/base/list.h"
#include "proto/base/time.h"

struct timeout {
    struct list link;
    mesh_ns at;
};

struct timeouts {
    struct list all; /* earliest first */
    mesh_ns span;
    void (*fire)(struct timeout *t); /* |t| is out of the queue then */
};

static inline void timeouts_init(struct timeouts *q, mesh_ns span, void (*fire)(struct timeout *t))
{
    list_init(&q->all);
    q->span = span;
    q->fire = fire;
}

static inline void timeout_init(struct timeout *t)
{
    list_init(&t->link);
}

/* timeout_set lets |t| fire |q->span| from |now|, whatever it waited for before. Times
 * handed in for one queue never go back. */
static inline void timeout_set(struct timeouts *q, struct timeout *t, mesh_ns now)
{
    list_remove(&t->link);
    t->at = now + q->span;
    list_push_back(&q->all, &t->link);
}

static inline void timeout_clear(struct timeout *t)
{
    list_remove(&t->link);
}

static inline bool timeout_waits(const struct timeout *t)
{
    return list_linked(&t->link);
}

static inline mesh_ns timeouts_deadline(const struct timeouts *q)
{
    return list_empty(&q->all) ? MESH_NS_NEVER : OBJ_OF(q->all.next, struct timeout, link)->at;
}

/* timeouts_run fires what is due. */
static inline void timeouts_run(struct timeouts *q, mesh_ns now)
{
    while (timeouts_deadline(q) <= now) {
        struct timeout *t = OBJ_OF(list_first(&q->all), struct timeout, link);
        timeout_clear(t);
        q->fire(t);
    }
}

#endif
