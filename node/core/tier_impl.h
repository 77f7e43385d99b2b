/* tier_impl.h - what the files of the disk tier share. Nobody else includes it.
 *
 *   tier.c   what is worth writing, and how a flight finds it
 *   spill.c  a body of more than one record is written piece by piece
 *   pages.c  and is read so, as far as somebody wants it */
#ifndef HEDGEROW_CORE_TIER_IMPL_H
#define HEDGEROW_CORE_TIER_IMPL_H

#include "node/core/object_pack.h"
#include "node/core/tier.h"
#include "proto/base/rand.h"

/* ---- names ---- */

static inline uint64_t key_of(const struct digest *d)
{
    return be64_get(d->bytes);
}

static inline uint32_t body_of(const struct digest *d)
{
    return be32_get(d->bytes);
}

static inline uint32_t variant_of(const struct digest *d)
{
    uint32_t v = be32_get(d->bytes);

    return v != 0 ? v : 1;
}

static inline uint32_t variant_in(const struct object *o)
{
    return o->varies ? variant_of(&o->more->variant) : 0;
}

static inline const struct digest *primary_of(const struct object *o)
{
    const struct object_part *part = object_part(o);

    return part != NULL ? &part->primary : &o->key;
}

static inline struct store_name tier_name(const struct object *o)
{
    return (struct store_name){ key_of(&o->key), body_of(primary_of(o)), variant_in(o) };
}

/* A piece is called by what it is a piece of, that very copy: of another one it is not found. */
static inline struct store_name piece_name(const struct object *o, uint32_t piece)
{
    uint64_t copy = rand_mix(key_of(&o->key) ^ o->head->generation);

    return (struct store_name){ rand_mix(copy + piece), body_of(&o->key), 0 };
}

/* ---- reads ---- */

/* A read for a flight, or of a piece. It outlives who does not wait. */
struct load {
    struct list link;      /* in the tier's */
    struct flight *flight; /* NULL: nobody waits */
    bool of_pages;
    struct paging *paging; /* as |flight| */
    uint32_t piece;
};

/* ---- tier.c ---- */
/* tier_frame: |rules| as an object has them, or those that hold for who wants one. */
struct pack_frame tier_frame(struct engine *e, uint16_t rules);
/* tier_write_head writes what makes the pieces of |o| that are there a body. store_put's codes. */
int tier_write_head(struct engine *e, struct object *o, uint32_t each);
/* tier_behind: something is not written, since the disk takes it not, or not now. */
static inline void tier_behind(struct engine *e)
{
    e->tier.behind++;
}
/* tier_forget: what is there under |o|'s name does not count any more. tier_remember: when it comes again, it is
 * written. */
void tier_forget(struct engine *e, const struct object *o);
void tier_remember(struct engine *e, const struct object *o);

/* ---- spill.c ---- */
/* spill_begin: |o|, complete or still coming, is written in pieces from now on. 0, MESH_E_FULL (too many are),
 * MESH_E_RANGE (it is not to be written so), MESH_E_NOMEM. spills_end: those that do not have all of it yet come to
 * nothing. */
int spill_begin(struct engine *e, struct object *o);
void spills_end(struct engine *e);
/* spill_says: a body under |o|'s name is being written of which |o|'s head says the same. */
bool spill_says(const struct engine *e, const struct object *o);
/* spill_stop_name stops all under |key|, of |*variant| if it is not NULL. */
void spill_stop_name(struct engine *e, const struct digest *key, const uint32_t *variant);
void spills_wake(struct engine *e); /* the disk has done something */
void spills_free(struct engine *e);

/* ---- pages.c ---- */
/* pages_are_there: are all pieces of |o|, if it has any, on the disk? If not, those that are go. */
bool pages_are_there(struct engine *e, struct object *o);
/* pages_come: the read |l| of a piece has ended. It takes |l| and |op|. */
void pages_come(struct engine *e, mesh_ns now, struct load *l, struct store_op *op, int err);
void pages_free(struct engine *e);

#endif
