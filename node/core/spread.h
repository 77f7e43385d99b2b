/* spread.h - no owner melts: one that is asked for far more than others answer lets those answer who have just had the
 * object from it. An engine's part, as those in engine_impl.h.
 *
 *   asker --ASK (what it answers itself)--> busy owner --BUSY, another node--> asker --ASK, no origin--> that one
 *                                                                   `--not there--> the owner, which answers now
 *
 * How much others answer each other is what their asks say. One hint an ask at the most, and only of a node that took
 * all of the copy that is here now: so nobody asks the origin for it, and nothing goes round. What an owner may answer
 * grows with what others do: it is a ceiling, and no rule that swings. */
#ifndef HEDGEROW_CORE_SPREAD_H
#define HEDGEROW_CORE_SPREAD_H

#include "node/core/engine_impl.h"

struct spread;

struct spread *spread_new(void); /* NULL: out of memory */
void spread_free(struct spread *s);

/* spread_answered: we answer a peer with an object. */
void spread_answered(struct engine *e, mesh_ns now);

/* spread_load is how much we answered lately, as our asks say it: never 0. */
uint32_t spread_load(const struct engine *e, mesh_ns now);

/* spread_heard: the peer on |l| says how much it does. */
void spread_heard(struct link *l, mesh_ns now, uint32_t load);

/* spread_elsewhere: is the ask |m|, on |l|, for |o|, which is here, one for |*other| to answer? */
bool spread_elsewhere(struct engine *e, mesh_ns now, const struct link *l, const struct msg_ask *m,
                      const struct object *o, struct node_id *other);

/* spread_taken: |peer| has got all of |o| from here. */
void spread_taken(struct engine *e, const struct object *o, const struct node_id *peer);

/* spread_hint: the source that |f| has just asked names |other|, which is to be asked before it is asked again. */
void spread_hint(struct flight *f, const struct node_id *other);

#endif
