/* cache.h - which objects this node keeps: the index by primary key and what to evict.
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023)
 * counted in bytes: newcomers enter a small queue; what was asked for again moves to the
 * main queue, what was not leaves early; a ghost remembers lately evicted keys, whose
 * objects enter the main queue at once. Evicted objects live on while somebody reads
 * them and count until they are gone. Also remembers which keys are not worth sharing.
 * Not thread safe. */
#ifndef HEDGEROW_CORE_CACHE_H
#define HEDGEROW_CORE_CACHE_H

#include "node/core/object.h"

#define CACHE_MARKS_MAX 65536
#define CACHE_MARK_NS SEC(60)

struct cache;

/* cache_new: |limit| bytes in all. NULL: out of memory. cache_free wants no object of it
 * to be held elsewhere any more. */
struct cache *cache_new(uint64_t limit, const uint8_t hash_key[MAP_KEY_BYTES]);
void cache_free(struct cache *c);

/* Objects are made against this sum. */
struct object_memory *cache_memory(struct cache *c);

/* cache_get lends the object of |key|: fresh at |now|, or still filling; NULL: none. It
 * counts as a use. A stale or failed one is taken out on the way. */
struct object *cache_get(struct cache *c, mesh_ns now, const struct digest *key);
/* cache_peek is cache_get without counting, and without taking out. */
struct object *cache_peek(const struct cache *c, mesh_ns now, const struct digest *key);

/* cache_put indexes |o| under its key (taking a reference), in place of the one there. */
void cache_put(struct cache *c, struct object *o);

/* cache_remove takes |o| out of the index, if it is in. */
void cache_remove(struct cache *c, struct object *o);

/* cache_purge takes out all objects that |gone| says so of, and returns how many. */
uint64_t cache_purge(struct cache *c, bool (*gone)(void *ctx, const struct object *o), void *ctx);

/* cache_fit evicts until the bytes held fit the limit again; call after objects grew. */
void cache_fit(struct cache *c);

/* An object longer than this is not kept, only passed through. */
uint64_t cache_object_max(const struct cache *c);

/* Marks: answers under |key| turned out to be one request's alone; ask the origin
 * directly for a minute. At most CACHE_MARKS_MAX, oldest forgotten first. */
void cache_mark(struct cache *c, mesh_ns now, const struct digest *key);
void cache_unmark(struct cache *c, const struct digest *key);
bool cache_marked(struct cache *c, mesh_ns now, const struct digest *key);

uint64_t cache_objects(const struct cache *c);
uint64_t cache_bytes(const struct cache *c);
uint64_t cache_limit(const struct cache *c);
uint64_t cache_evictions(const struct cache *c);

#endif
