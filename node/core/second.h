/* second.h - a source that dies in mid-body, and what is there of it all the same. An engine's part, as those in
 * engine_impl.h.
 *
 *   prior.c    what a flight had when its source failed, and need not fetch again
 *   second.c   what we fetch as an owner, and that takes a while, the next owner reads along
 *   aside.c    what that one has when the first one fails, until somebody asks for it */
#ifndef HEDGEROW_CORE_SECOND_H
#define HEDGEROW_CORE_SECOND_H

#include "node/core/engine_impl.h"

/* ---- what a flight had when its source failed (prior.c) ---- */
/* prior_keep: |o| is lost to |f|, but what it has is not. prior_forget: it is needed no more. */
void prior_keep(struct flight *f, struct object *o);
void prior_forget(struct flight *f);
/* prior_leaves: how many leaves whoever is asked next may leave out. */
uint32_t prior_leaves(const struct flight *f);
/* prior_fill gives |f|'s object the leaves that were left out, as far as their hashes have come. 0, MESH_E_NOMEM, or
 * MESH_E_HASH: they are others; then prior_differs asks for those. |f| may be gone. */
int prior_fill(struct flight *f);
void prior_differs(struct engine *e, mesh_ns now, struct flight *f);
/* prior_give copies leaf |i| to |o|, whose next one it is. 0 or MESH_E_NOMEM. */
int prior_give(const struct object *prior, uint32_t i, struct object *o);
/* prior_rest: the body of which the origin can be asked for what lies behind the first |*leaves|; NULL: there is none. */
const struct object *prior_rest(const struct engine *e, const struct flight *f, uint32_t *leaves);

/* ---- the second owner (second.c) ---- */
/* second_begin, second_grew: |f| has a head, or more of the body; if we fetch it as an owner, and that takes a while, the
 * next owner is told. */
void second_begin(struct engine *e, mesh_ns now, struct flight *f);
void second_grew(struct engine *e, mesh_ns now, struct flight *f);
/* second_take: |l|'s peer says (TAKE_ALONG) that we are the second owner of what it fetches. */
void second_take(struct engine *e, mesh_ns now, const struct link *l, const struct msg_ask *what);
/* second_needless: |f| reads along for nobody, and has nobody to read along with. second_over: it ends. */
bool second_needless(const struct flight *f);
/* second_reads: it reads along, and nobody else reads what it has. */
bool second_reads(const struct flight *f);
/* second_fits: there is room for what |f| brings, or somebody waited for it, and it is no second's any more. */
bool second_fits(struct engine *e, struct flight *f);
/* second_leaves: it is one that asks the origin from now on. */
void second_leaves(struct engine *e, struct flight *f);
void second_over(struct engine *e, mesh_ns now, struct flight *f);

/* window_find lends an object that passes through a window which has |leaf|, though not the beginning (filling.c). */
struct object *window_find(const struct engine *e, const struct digest *key, const struct fields *fields, uint32_t leaf);

/* ---- what it has when the first one fails (aside.c) ---- */
void aside_start(struct engine *e);
void aside_stop(struct engine *e);
/* aside_put keeps |o|, which was got for who says |forward|, for a while. aside_take gives it to |f|, if it may begin with
 * something. */
void aside_put(struct engine *e, mesh_ns now, struct object *o, struct forward *forward);
void aside_take(struct engine *e, struct flight *f);
/* aside_drop: what is under |key| was changed. */
void aside_drop(struct engine *e, const struct digest *key);

#endif
