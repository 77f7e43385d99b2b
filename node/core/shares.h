/* shares.h - how much of a common good each address holds: a count for each one that holds any, one IPv4 address or one
 * IPv6 network of 64 bits (guard.h), under a secret hash. Exact, where a guard's paces are not: who comes late must not
 * be refused for what others hold. Bounded by what there is to hold. Not thread safe. */
#ifndef HEDGEROW_CORE_SHARES_H
#define HEDGEROW_CORE_SHARES_H

#include "proto/base/addr.h"
#include "proto/base/map.h"

struct share {
    struct map_node node;
    struct mesh_addr net;
    size_t n;
};

struct shares {
    struct map map;
    size_t max; /* of each */
};

/* shares_init: |key| is a secret of this run, |max| at least 1. 0 or MESH_E_NOMEM. shares_fini: all is given back; a
 * zeroed one is fine. */
int shares_init(struct shares *s, const uint8_t key[MAP_KEY_BYTES], size_t max);
void shares_fini(struct shares *s);

/* shares_take: one more for |from|, to be given back by shares_give. 0, or with |*out| untouched MESH_E_FULL (it holds
 * |max|) or MESH_E_NOMEM. */
int shares_take(struct shares *s, const struct mesh_addr *from, struct share **out);
void shares_give(struct shares *s, struct share *share);

#endif
