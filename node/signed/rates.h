/* rates.h - so many requests a second of one address, and some more at once after a rest: a leaky bucket for each
 * (ITU-T I.371, GCRA), of which one number is kept, when it will be empty. The addresses are anybody's, so the table
 * has a fixed size: sets of eight under a secret hash. Each that is there is counted exactly; where more than eight of
 * a set are busy the one that is empty first is forgotten, which lets somebody have more and refuses nobody. An address
 * is one IPv4 address or one IPv6 network of 64 bits. All threads of a node share one table, without a lock; two that
 * count the very same new address at once may let one more through. */
#ifndef HEDGEROW_SIGNED_RATES_H
#define HEDGEROW_SIGNED_RATES_H

#include <stdatomic.h>

#include "proto/base/addr.h"
#include "proto/base/map.h"
#include "proto/base/time.h"

#define RATES_WAYS 8
#define RATES_SETS 8192 /* a power of two: 65,536 addresses in 1 MiB */

struct rates {
    struct map keyed; /* for its hash alone */
    struct {
        _Atomic uint64_t who; /* 0: nobody */
        _Atomic int64_t empty_at;
    } at[RATES_SETS][RATES_WAYS];
};

/* rates_init: |key| is a secret of this run. */
void rates_init(struct rates *r, const uint8_t key[MAP_KEY_BYTES]);

/* rates_wait: may |address| have one more now of what |scope| stands for (a behaviour), which allows |per_second| > 0
 * and |burst| > 0 at once? 0: yes, and it is counted; else how long it is until it may. */
mesh_ns rates_wait(struct rates *r, mesh_ns now, uint64_t scope, const struct mesh_addr *address, uint32_t per_second,
                   uint32_t burst);

#endif
