/* heap.h - intrusive pairing heap of deadlines, earliest first, ties in order of
 * insertion, so that the order is the same in every run. No allocation, so a
 * timer can always be armed. (Fredman, Sedgewick, Sleator, Tarjan, "The pairing
 * heap", 1986.) Not thread safe. */
#ifndef HEDGEROW_BASE_HEAP_H
#define HEDGEROW_BASE_HEAP_H

#include <stdbool.h>

#include "proto/base/time.h"

struct heap_node {
    mesh_ns at;
    uint64_t seq;
    struct heap_node *child, *next, *prev; /* prev: left sibling, or parent */
    bool queued;
};

struct heap {
    struct heap_node *root;
    uint64_t seq;
};

static inline void heap_init(struct heap *h)
{
    h->root = 0;
    h->seq = 0;
}

/* heap_set queues |n| (zeroed at birth) for |at|, moving it if it is queued. */
void heap_set(struct heap *h, struct heap_node *n, mesh_ns at);

/* heap_remove takes |n| out; not being queued is fine. */
void heap_remove(struct heap *h, struct heap_node *n);

/* heap_deadline is the earliest time, MESH_NS_NEVER when empty. */
mesh_ns heap_deadline(const struct heap *h);

/* heap_pop takes out and returns the earliest node if its time is <= |now|, else NULL. */
struct heap_node *heap_pop(struct heap *h, mesh_ns now);

#endif
