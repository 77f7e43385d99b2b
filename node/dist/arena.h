/* arena.h - memory that is given back all at once: what a set of distributions is made of. Not thread safe. */
#ifndef HEDGEROW_DIST_ARENA_H
#define HEDGEROW_DIST_ARENA_H

#include "proto/base/buf.h"

struct dist_arena;

/* dist_arena_new: an empty one that never holds more than |limit| bytes. NULL: out of memory. _free accepts NULL. */
struct dist_arena *dist_arena_new(size_t limit);
void dist_arena_free(struct dist_arena *a);

/* dist_arena_get returns |n| things of |size| bytes, all zero and aligned for anything, lent until dist_arena_free; for
 * |n| 0 some pointer that is not NULL. NULL: out of memory, or of the limit; |a| has failed then, and gives no more. */
void *dist_arena_get(struct dist_arena *a, size_t n, size_t size);

/* dist_arena_copy copies |s|; one of no bytes is SLICE_EMPTY. SLICE_EMPTY too when out of memory: see dist_arena_ok. */
struct slice dist_arena_copy(struct dist_arena *a, struct slice s);

/* dist_arena_ok: has nothing failed so far? */
bool dist_arena_ok(const struct dist_arena *a);

/* dist_arena_bytes: what has been handed out. */
size_t dist_arena_bytes(const struct dist_arena *a);

#endif
