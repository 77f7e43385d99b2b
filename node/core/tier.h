/* tier.h - the disk behind the cache: what of memory is worth writing, and how a flight finds it there. An engine's
 * part, as those in engine_impl.h.
 *
 * Memory is the small queue and the disk the main queue of S3-FIFO (Yang et al., SOSP 2023): written is what is used
 * again while it is in memory, what comes again soon after it was evicted unused, and what memory evicts although it
 * was used. At a clean end all else is written as well, as long as there is time. A flight's first source is the disk.
 */
#ifndef HEDGEROW_CORE_TIER_H
#define HEDGEROW_CORE_TIER_H

#include "node/core/engine_impl.h"

/* tier_start begins to use |cfg.store|, if there is one. 0 or MESH_E_NOMEM. tier_free ends it. */
int tier_start(struct engine *e);
void tier_free(struct engine *e);

/* tier_has: is there, most likely, something under |key|? */
bool tier_has(const struct engine *e, const struct digest *key);

/* tier_load looks for what |f| is to bring: true, it is being read, and the flight goes on when that has ended. Once a
 * flight, and twice where the variants are not known. tier_leave: the flight does not wait for that any more. */
bool tier_load(struct engine *e, mesh_ns now, struct flight *f);
void tier_leave(struct engine *e, struct flight *f);

/* tier_complete: |o| is complete, and may be worth writing because it came again. tier_passes: |o|, whose body comes,
 * is too large for memory; if it came before it is written as it comes. tier_grew: more of it is there. */
void tier_complete(struct engine *e, struct object *o);
void tier_passes(struct engine *e, struct object *o);
void tier_grew(struct engine *e, struct object *o);
/* tier_written: the leaf of |o| that is to be written next; UINT32_MAX: none is. tier_stop: none is any more. */
uint32_t tier_written(const struct object *o);
void tier_stop(struct engine *e, struct object *o);

/* ---- bodies whose leaves lie on the disk (pages.c) ---- */
/* pages_body is request_body for who reads a copy as it is; what is absent is being read then, for all readers of the
 * copy at where they are. pages_want does that alone: false, |o|'s leaves are not there, or there is no memory.
 * pages_moved: a reader of |o| has moved on, or left. */
size_t pages_body(struct request *r, struct slice *pieces, size_t max);
bool pages_want(struct engine *e, struct object *o);
void pages_moved(struct engine *e, struct object *o);

/* tier_drop: nothing under |key|, or of the body with that key, counts any more. */
void tier_drop(struct engine *e, const struct digest *key);

/* tier_poll: the next operation; NULL: none. */
struct store_op *tier_poll(struct engine *e);
mesh_ns tier_due(const struct engine *e);
void tier_count(struct engine *e); /* brings the engine's counters up to date */

#endif
