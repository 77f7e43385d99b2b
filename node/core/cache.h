/* cache.h - which objects this node keeps: the index by primary key. What has to go when
 * there is no room is the policy's choice (evict.h). Evicted objects live on while somebody
 * reads them and count until they are gone. Also remembers which keys are not worth sharing.
 * Not thread safe. */
#ifndef HEDGEROW_CORE_CACHE_H
#define HEDGEROW_CORE_CACHE_H

#include "node/core/shelved.h"

#define CACHE_MARKS_MAX 65536
#define CACHE_MARK_NS   SEC(60)

struct cache;

/* Whoever keeps what memory loses. Each is told of |o|, which is held during the call: used again; evicted, and whether
 * it had been used; put, so that what is elsewhere under its name is outdated; and gone for another reason than room.
 */
struct cache_hooks {
    void (*used)(void *ctx, struct object *o);
    void (*evicted)(void *ctx, struct object *o, bool worth);
    void (*put)(void *ctx, struct object *o);
    void (*gone)(void *ctx, struct object *o);
    void *ctx;
};
/* cache_new: |limit| bytes in all. NULL: out of memory. cache_free wants no object of it
 * to be held elsewhere any more. */
struct cache *cache_new(uint64_t limit, enum evict_policy eviction, const uint8_t hash_key[MAP_KEY_BYTES]);
void cache_free(struct cache *c);

/* cache_hook sets them; NULL: nobody is told. Lent until the cache's end, or another call. */
void cache_hook(struct cache *c, const struct cache_hooks *hooks);

/* Objects are made against this sum. */
struct object_memory *cache_memory(struct cache *c);

/* ---- what other threads read ---- */
/* cache_share makes a shelf for |readers| threads, keyed by |key|: 0 or MESH_E_NOMEM. cache_shelf is it; NULL: there is
 * none. They are away for good before cache_free. */
int cache_share(struct cache *c, unsigned readers, const uint8_t key[SHELF_KEY_BYTES]);
struct shelf *cache_shelf(const struct cache *c);

/* What other threads are told in each turn of the one that has the cache. */
struct cache_word {
    _Atomic mesh_ns turned;  /* when that was; MESH_NS_NEVER: not yet */
    _Atomic uint64_t purged; /* the position (purge_log.h) that a copy must have been looked at since, to be good */
    /* What is served, and how often that has changed, told in this order. What a reader has seen at the begin of its
     * turn stays as long (shelf_turn). */
    _Atomic(struct dist_set *) set;
    _Atomic uint64_t configured;
};
const struct cache_word *cache_word(const struct cache *c);
void cache_tell(struct cache *c, mesh_ns now, uint64_t purged);
void cache_tell_set(struct cache *c, struct dist_set *set);

/* cache_lay_out lets others find |o|, which has just answered as cache_get gave it, if it may be: whole, for others,
 * too, and the one that is meant by whomever it is for. What is taken out of the index, or has one put beside it under
 * its key, is taken in again before that call returns; cache_take_in does no more than that. A look-up that begins
 * afterwards does not find it (shelf.h). */
void cache_lay_out(struct cache *c, struct object *o);
void cache_take_in(struct cache *c, struct object *o);

/* cache_settle lets go of what others have read: call it once a turn. */
void cache_settle(struct cache *c);

/* Under one key there may be several objects, for different requests: |fields| are the asking one's, NULL being none.
 * Of those that are for it the latest put is meant. */

/* cache_get lends the object that answers at once: fresh at |now|, or still filling and not to be validated for each
 * use; NULL: none. It counts as a use. */
struct object *cache_get(struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields);
/* cache_peek is cache_get without counting. */
struct object *cache_peek(const struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields);

/* cache_stale lends the complete object that is to be validated first, or served as staleness allows. Counts as a use.
 */
struct object *cache_stale(struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields);

/* cache_fingerprint: what the policy takes |key| for (evict.h). */
uint32_t cache_fingerprint(const struct cache *c, const struct digest *key);

/* cache_hot: is |o| used as often as is counted? */
bool cache_hot(const struct cache *c, const struct object *o);

/* cache_varying lends the latest object under |key| that is not for all; NULL: none. */
struct object *cache_varying(const struct cache *c, const struct digest *key);

/* cache_is_for: does |o| answer somebody with |fields|? */
bool cache_is_for(const struct object *o, const struct fields *fields);

/* cache_put indexes |o|, got for |fields|, under its key (taking a reference), in place of those that are for them.
 * More than CACHE_VARIANTS_MAX under one key: the oldest goes. */
void cache_put(struct cache *c, struct object *o, const struct fields *fields);
#define CACHE_VARIANTS_MAX 32

/* cache_put_back indexes |o|, which was evicted once, unless there is something by now that is for the same requests.
 * False: it was not. */
bool cache_put_back(struct cache *c, struct object *o);

/* cache_each calls |visit| for all that are in, those first that were used. */
void cache_each(struct cache *c, void (*visit)(void *ctx, struct object *o), void *ctx);

/* cache_remove takes |o| out of the index, if it is in. */
void cache_remove(struct cache *c, struct object *o);

/* cache_let_pass is cache_remove for one that cannot be kept as it is: nobody is told, for nothing has changed. */
void cache_let_pass(struct cache *c, struct object *o);

/* cache_next_under lends the objects under |key| one after the other, whatever they are good for: the one behind |o|
 * (NULL: the first), and NULL behind the last. */
struct object *cache_next_under(const struct cache *c, const struct digest *key, struct object *o);

/* cache_drop takes out all that is under |key|, cache_drop_leaves only leaves of the body that it is the key of. */
void cache_drop(struct cache *c, const struct digest *key);
void cache_drop_leaves(struct cache *c, const struct digest *key);

/* cache_next_leaf lends the leaves of the body with |key| one after the other, in no order, fresh or not: the one
 * behind |o| (NULL: the first), and NULL behind the last. */
struct object *cache_next_leaf(const struct cache *c, const struct digest *key, struct object *o);

/* cache_purge takes out all objects that |gone| says so of, and returns how many. */
uint64_t cache_purge(struct cache *c, bool (*gone)(void *ctx, const struct object *o), void *ctx);

/* cache_fit evicts until the bytes held fit the limit again, or will as soon as other threads' present turns are over:
 * up to 8 MiB, or a sixteenth of the limit, may be beyond it so long. Call after objects grew. */
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
