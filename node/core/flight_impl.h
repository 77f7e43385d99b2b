/* flight_impl.h - what the files of a flight share; nobody else includes it.
 *
 *   flight.c   one fetch per key, source after source
 *   waiters.c  who waits for it: attached, moved to another copy, sent on their own way
 *   filling.c  its object, from the head to the last byte, and who reads along
 *   prior.c    what it had when a source failed */
#ifndef HEDGEROW_CORE_FLIGHT_IMPL_H
#define HEDGEROW_CORE_FLIGHT_IMPL_H

#include "node/core/engine_impl.h"

/* The fields of the request that |f| is made for; NULL: none. */
static inline const struct fields *flight_fields(const struct flight *f)
{
    return f->forward != NULL ? &f->forward->fields : NULL;
}

/* From here on nobody finds |f| to join it. */
void flight_leave_map(struct engine *e, struct flight *f);
/* The flight's object is lost: nobody new may find it, its readers wait for another. */
void flight_lose(struct engine *e, mesh_ns now, struct flight *f);
/* A body that only passes through needs somebody to pass it to; so does a fetch for one request alone, and a large body of
 * which most is still to come. All others are finished for those who will ask next. */
bool flight_purposeless(const struct flight *f);

/* ---- shield.c ---- */
/* shield_begin: |f|, whose turn it is to ask the origin, has the parent region's owners as its sources now. False: there
 * are none for it, or it has had them. */
bool shield_begin(struct engine *e, struct flight *f);

/* ---- waiters.c ---- */
/* What |r|, who waits for |f|, wants: as a new flight of its own would. */
struct aim waiter_aim(const struct flight *f, const struct reader *r);
void waiter_fail(struct engine *e, mesh_ns now, struct reader *r, uint16_t status, const char *text);
/* waiters_attach lets those without a head read |o|; whom it is not for goes elsewhere. */
void waiters_attach(struct engine *e, mesh_ns now, struct flight *f, struct object *o);
/* waiters_move moves those whose viewers saw part of a lost copy, as far as |o| reaches by now. */
void waiters_move(struct engine *e, mesh_ns now, struct flight *f, struct object *o);

#endif
