/* room.h - what the viewers of all workers share: how many there can be, what each address has of them, and which
 * workers' listeners wait for one to go. Any thread may call. */
#ifndef HEDGEROW_IO_ROOM_H
#define HEDGEROW_IO_ROOM_H

#include <pthread.h>
#include <stdatomic.h>

#include "node/core/shares.h"

struct room {
    pthread_mutex_t lock;
    struct shares shares; /* under |lock| */
    size_t max;           /* of all; more are left in the kernel's queues */
    _Atomic size_t n;
    _Atomic uint64_t waiting; /* a bit for each worker that does not accept for want of room */
};

/* room_init: |key| is a secret of this run; |max| connections, |each_max| of one address. 0 or MESH_E_NOMEM. room_fini:
 * all is given back; a zeroed one is fine. */
int room_init(struct room *r, const uint8_t key[MAP_KEY_BYTES], size_t max, size_t each_max);
void room_fini(struct room *r);

/* room_take is shares_take, and counts the connection; room_give takes both back. That all together are no more than
 * |max| is for the caller to see to: when two come at once there may be one too many for a while. */
int room_take(struct room *r, const struct mesh_addr *from, struct share **out);
void room_give(struct room *r, struct share *share);

static inline size_t room_n(const struct room *r)
{
    return atomic_load_explicit(&r->n, memory_order_relaxed);
}

static inline bool room_full(const struct room *r)
{
    return room_n(r) >= r->max;
}

/* room_wait says that worker |number| waits for room, or does so no more; room_waiting which ones do. */
void room_wait(struct room *r, unsigned number, bool waits);
static inline uint64_t room_waiting(const struct room *r)
{
    return atomic_load_explicit(&r->waiting, memory_order_relaxed);
}

#endif
