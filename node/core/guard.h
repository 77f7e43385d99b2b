/* guard.h - how often strangers may have something of us: a pace for each address, and one for all of
 * them. The addresses are many and anybody's, so they share a table of fixed size under a secret hash:
 * two rows, of which the better one counts, so that one who floods is felt by few others (Cormode and
 * Muthukrishnan, "An improved data stream summary: the count-min sketch", 2005; each cell is a leaky
 * bucket, ITU-T I.371, GCRA). Not thread safe. */
#ifndef HEDGEROW_CORE_GUARD_H
#define HEDGEROW_CORE_GUARD_H

#include "proto/base/addr.h"
#include "proto/base/map.h"
#include "proto/base/time.h"

#define GUARD_ROWS  2
#define GUARD_CELLS 1024 /* a power of two */

struct guard_pace {
    mesh_ns period; /* one each period in the long run, */
    uint32_t burst; /* and so many at once after a rest */
};

struct guard {
    struct guard_pace each, all;
    struct map keyed; /* for its hash alone */
    mesh_ns cells[GUARD_ROWS][GUARD_CELLS];
    mesh_ns total;
};

/* guard_init: |key| is a secret of this run. */
void guard_init(struct guard *g, const uint8_t key[MAP_KEY_BYTES], struct guard_pace each, struct guard_pace all);

/* guard_each, guard_all: may |from|, may anybody have one more now? True: it is counted. */
bool guard_each(struct guard *g, mesh_ns now, const struct mesh_addr *from);
bool guard_all(struct guard *g, mesh_ns now);

/* guard_net lends what of an address names one customer: one IPv4 address, or one IPv6 network of 64 bits.
 * guard_net_eq: do the two belong together? */
struct slice guard_net(const struct mesh_addr *a);
bool guard_net_eq(const struct mesh_addr *a, const struct mesh_addr *b);

#endif
