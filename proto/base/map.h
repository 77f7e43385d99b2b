/* map.h - intrusive hash table under keyed SipHash-2-4, so that nobody outside can
 * choose colliding keys (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012). Seven chains with a byte of their nodes' hash each share a cache line, so that
 * a look-up reads that line and mostly no other node than its own; 11 to 22 bytes a node.
 * There is no iteration on purpose: keep a list beside the map where order matters. Not
 * thread safe. */
#ifndef HEDGEROW_BASE_MAP_H
#define HEDGEROW_BASE_MAP_H

#include "proto/base/slice.h"

#define MAP_KEY_BYTES 16

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

struct map_chunk;

struct map {
    struct map_chunk *chunks;
    size_t chunks_n; /* power of two */
    size_t count;
    uint8_t key[MAP_KEY_BYTES];
    uint64_t mix[2]; /* of the key: for map_hash_digest */
};

/* map_init makes an empty map keyed by |key| (copied). 0 or MESH_E_NOMEM. */
int map_init(struct map *m, const uint8_t key[MAP_KEY_BYTES]);

/* map_fini frees the table, not the nodes. A zeroed map is fine. */
void map_fini(struct map *m);

size_t map_table_bytes(const struct map *m);

uint64_t map_hash(const struct map *m, struct slice key);

/* map_hash_digest is for keys that are cryptographic hashes already, or ids that an authority draws: one multiplication
 * of their first 16 bytes under the secret. Who can only choose what was hashed, and does not see the secret, can aim
 * at nothing with it; and a processor can begin with the next look-up while it waits for memory. Not equal to map_hash.
 */
uint64_t map_hash_digest(const struct map *m, const uint8_t digest[16]);

/* map_find returns the latest inserted node with |hash|, map_same the one before it
 * with the same hash, NULL at the end: the caller compares the whole key. */
struct map_node *map_find(const struct map *m, uint64_t hash);
struct map_node *map_same(const struct map_node *node);

/* map_insert links |node|. It cannot fail: when the table cannot grow, the
 * chains get longer. Duplicates are the caller's affair. */
void map_insert(struct map *m, struct map_node *node, uint64_t hash);

/* map_remove unlinks |node|, which must be in |m|. */
void map_remove(struct map *m, struct map_node *node);

#endif
