/* map.h - intrusive chained hash table under keyed SipHash-2-4, so that nobody
 * outside can choose colliding keys (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012). There is no iteration on purpose: keep a list beside
 * the map where order matters. Not thread safe. */
#ifndef HEDGEROW_BASE_MAP_H
#define HEDGEROW_BASE_MAP_H

#include "proto/base/slice.h"

#define MAP_KEY_BYTES 16

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

struct map {
    struct map_node **slots;
    size_t slots_n; /* power of two */
    size_t count;
    uint8_t key[MAP_KEY_BYTES];
};

/* map_init makes an empty map keyed by |key| (copied). 0 or MESH_E_NOMEM. */
int map_init(struct map *m, const uint8_t key[MAP_KEY_BYTES]);

/* map_fini frees the table, not the nodes. A zeroed map is fine. */
void map_fini(struct map *m);

uint64_t map_hash(const struct map *m, struct slice key);

/* map_find returns the first node with |hash|, map_same the next one with the
 * same hash, NULL at the end: the caller compares the whole key. */
struct map_node *map_find(const struct map *m, uint64_t hash);
struct map_node *map_same(const struct map_node *node);

/* map_insert links |node|. It cannot fail: when the table cannot grow, the
 * chains get longer. Duplicates are the caller's affair. */
void map_insert(struct map *m, struct map_node *node, uint64_t hash);

/* map_remove unlinks |node|, which must be in |m|. */
void map_remove(struct map *m, struct map_node *node);

#endif
