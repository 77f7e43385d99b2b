#include "node/io/room.h"

#include <assert.h>

int room_init(struct room *r, const uint8_t key[MAP_KEY_BYTES], size_t max, size_t each_max)
{
    pthread_mutex_init(&r->lock, NULL);
    r->max = max;
    return shares_init(&r->shares, key, each_max);
}

void room_fini(struct room *r)
{
    if (r->max == 0)
        return;
    assert(room_n(r) == 0);
    shares_fini(&r->shares);
    pthread_mutex_destroy(&r->lock);
}

int room_take(struct room *r, const struct mesh_addr *from, struct share **out)
{
    pthread_mutex_lock(&r->lock);
    int err = shares_take(&r->shares, from, out);
    pthread_mutex_unlock(&r->lock);
    if (err == 0)
        atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);
    return err;
}

void room_give(struct room *r, struct share *share)
{
    pthread_mutex_lock(&r->lock);
    shares_give(&r->shares, share);
    pthread_mutex_unlock(&r->lock);
    atomic_fetch_sub_explicit(&r->n, 1, memory_order_relaxed);
}

void room_wait(struct room *r, unsigned number, bool waits)
{
    uint64_t bit = UINT64_C(1) << number;

    if (waits)
        atomic_fetch_or(&r->waiting, bit);
    else
        atomic_fetch_and(&r->waiting, ~bit);
}
