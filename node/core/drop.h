/* drop.h - copies that a request has made untrue, dropped here and at other nodes. Within the engine. */
#ifndef HEDGEROW_CORE_DROP_H
#define HEDGEROW_CORE_DROP_H

#include "proto/base/buf.h"
#include "proto/base/time.h"
#include "proto/msg.h"

struct engine;
struct fields;
struct flight;
struct link;
struct request;

/* drop_changed: a passage's answer has this head. If it says that something was changed, drops that, and lets the
 * answer wait for the key's owners (request.awaited). Before the request is attached to it. */
void drop_changed(struct engine *e, mesh_ns now, struct flight *f, uint16_t status, const struct fields *fields);

/* drop_key drops all variants of |key| that are here, and sees that no fetch under way is kept. */
void drop_key(struct engine *e, mesh_ns now, const struct digest *key);

/* drop_flight: |f| began before, and may bring what was there before: those who wait for it get it, but it is not kept, and
 * peers ask again. It may be gone. */
void drop_flight(struct engine *e, mesh_ns now, struct flight *f);

/* DROP or DROPPED came. |l| may be closing afterwards. */
void drop_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame);
void drop_opened(struct engine *e, struct link *l); /* a session is open: who waits to be told there is told */
void drop_request_ended(struct engine *e, struct request *r);
void drops_free(struct engine *e);

/* drop_target appends the path and query that |ref| (a Location) means for a request of |base| at |host| (both in
 * normal form), not in normal form yet. False: it is another host's, or nothing that we could have. */
bool drop_target(struct buf *out, struct slice base, struct slice host, struct slice ref);

#endif
