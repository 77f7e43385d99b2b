/* handoff.h - a new ring without cold owners. An engine's part, as those in engine_impl.h.
 *
 * Who has become an owner asks who was one before, as well as whom it will share the key with, before it turns to the
 * origin (handoff_former). And who was an owner tells the new ones what is warm of what they own now (TAKE): so a node
 * that is drained, and serves on, has handed over what is warm when it goes. */
#ifndef HEDGEROW_CORE_HANDOFF_H
#define HEDGEROW_CORE_HANDOFF_H

#include "node/core/engine_impl.h"

/* handoff_new: NULL when out of memory; handoff_free accepts NULL. */
struct handoff *handoff_new(void);
void handoff_free(struct handoff *h);

/* handoff_note remembers that what |aim| names, a whole body that does not vary, is warm and kept here as one of the
 * first two owners. Of more than there is room for those used most are remembered. */
void handoff_note(struct engine *e, mesh_ns now, const struct aim *aim);

/* handoff_begin: there is a new ring. True: handoff_step has something to do. */
bool handoff_begin(struct engine *e, mesh_ns now);

/* handoff_step looks through some more of what is remembered, the hottest first, as far as there is room for what is to
 * be told. True: there is more. */
bool handoff_step(struct engine *e, mesh_ns now);

/* handoff_former adds to |f|'s sources, all of which are asked without origin, who may have what lies at |place| from
 * before the ring was as it is, or we were in it. */
void handoff_former(struct engine *e, mesh_ns now, const struct digest *place, struct flight *f);

#endif
