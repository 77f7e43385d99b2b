#include "node/signed/rates.h"

#include <assert.h>

#include "proto/base/buf.h"

#define TRIES 4

void rates_init(struct rates *r, const uint8_t key[MAP_KEY_BYTES])
{
    memset(r, 0, sizeof(*r));
    memcpy(r->keyed.key, key, MAP_KEY_BYTES);
}

static uint64_t who_is(const struct rates *r, uint64_t scope, const struct mesh_addr *address)
{
    uint8_t text[8 + 16];
    size_t net = mesh_addr_is_v4(address) ? 16 : 8;

    be64_put(text, scope);
    memcpy(text + 8, address->ip, net);
    uint64_t hash = map_hash(&r->keyed, slice_of(text, 8 + net));
    return hash != 0 ? hash : 1;
}

/* Where |who| is counted; it takes the place of who is empty first. NULL: others are quicker again and again. */
static _Atomic int64_t *place_of(struct rates *r, uint64_t who, mesh_ns now)
{
    unsigned set = (unsigned)(who & (RATES_SETS - 1));

    for (unsigned try = 0; try < TRIES; try++) {
        unsigned oldest = 0;
        int64_t least = INT64_MAX;
        for (unsigned way = 0; way < RATES_WAYS; way++) {
            if (atomic_load_explicit(&r->at[set][way].who, memory_order_acquire) == who)
                return &r->at[set][way].empty_at;
            int64_t at = atomic_load_explicit(&r->at[set][way].empty_at, memory_order_relaxed);
            if (at < least) {
                least = at;
                oldest = way;
            }
        }
        uint64_t was = atomic_load_explicit(&r->at[set][oldest].who, memory_order_relaxed);
        if (was != who && atomic_compare_exchange_strong(&r->at[set][oldest].who, &was, who)) {
            atomic_store_explicit(&r->at[set][oldest].empty_at, now, memory_order_relaxed);
            return &r->at[set][oldest].empty_at;
        }
    }
    return NULL;
}

mesh_ns rates_wait(struct rates *r, mesh_ns now, uint64_t scope, const struct mesh_addr *address, uint32_t per_second,
                   uint32_t burst)
{
    assert(per_second > 0 && burst > 0);
    mesh_ns period = SEC(1) / per_second > 0 ? SEC(1) / per_second : 1;
    mesh_ns ahead = period > (SEC(1) << 20) / burst ? SEC(1) << 20 : period * (mesh_ns)(burst - 1);
    _Atomic int64_t *place = place_of(r, who_is(r, scope, address), now);

    if (place == NULL)
        return 0;
    int64_t was = atomic_load_explicit(place, memory_order_relaxed);
    for (;;) {
        int64_t from = was > now ? was : now;
        if (from - now > ahead)
            return from - now - ahead;
        if (atomic_compare_exchange_weak_explicit(place, &was, from + period, memory_order_relaxed,
                                                  memory_order_relaxed))
            return 0;
    }
}
