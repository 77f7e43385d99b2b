/* purges.h - purges within the engine: in force here, on their way to others, and who is as far as we are.
 *
 *   purge_cast.c   to all members as datagrams, beside the sessions
 *   purge_calls.c  called for here: signed, spread at once, again each 500 ms to who has not confirmed
 *   purges.c       taken: durable and in force, for what is here and what is on its way here
 *   purge_wake.c   what we have was not looked after for a while
 *   purge_sync.c   frontiers compared, what one side lacks sent; asks that wait for it */
#ifndef HEDGEROW_CORE_PURGES_H
#define HEDGEROW_CORE_PURGES_H

#include "node/core/purge_calls.h"
#include "node/core/purge_log.h"
#include "node/core/purge_stamps.h"
#include "proto/msg.h"

struct aim;
struct flight;
struct link;
struct object;
struct route;
struct request;
struct serve;
struct timer;

/* ---- purges.c ---- */
/* purges_init reads what was kept; 0 or MESH_E_NOMEM. */
int purges_init(struct engine *e);
void purges_fini(struct engine *e);

/* purges_take takes a purge whose certificate counts. 0: it is news; see purge_logs_take, and MESH_E_FULL, or what
 * purge_parse and purge_verify say. Afterwards, of all of a frame together, purges_in_force. */
int purges_take(struct engine *e, struct slice raw, const struct cert *cert, struct slice cert_raw, bool folded);
void purges_in_force(struct engine *e, mesh_ns now);

/* purges_runs lends which run of this node has given which position. */
const struct purge_runs *purges_runs(const struct engine *e);

/* purges_tell lets other threads know that we are at it, and what their copies must have been looked at since: in each
 * turn, and before anything is confirmed. */
void purges_tell(struct engine *e);

/* purges_settle sees that of what is under |key|, a body or a leaf of that at |path|, only that is left which was not
 * purged since it was fetched. To be called before anything is looked for. */
void purges_settle(struct engine *e, mesh_ns now, const struct digest *key, const struct route *route,
                   struct slice path);
/* purges_overtook: was |o|, of |path|, purged since its fetch began? For what is in no index. */
bool purges_overtook(const struct engine *e, const struct object *o, const struct route *route, struct slice path);

/* purges_settle_leaves does so for all leaves of the body with |key|. */
void purges_settle_leaves(struct engine *e, mesh_ns now, const struct digest *key, const struct route *route,
                          struct slice path);

/* purges_keep: are there lines to be kept? Then |*out| lends them until engine_kept. */
bool purges_keep(struct engine *e, struct slice *out);

/* purges_are_complete: have we all purges that a peer knows, or waited for one as long as it is worth? */
bool purges_are_complete(const struct engine *e);

/* purges_revoked: there is a new roll. */
void purges_revoked(struct engine *e);

/* ---- purge_calls.c ---- */
void purge_calls_start(struct engine *e);
void purge_calls_fini(struct engine *e);
/* purge_calls_kept: all that was taken up to now is durable; who issued it is told, if a session is open. */
void purge_calls_kept(struct engine *e, mesh_ns now);
/* purge_calls_sendable: more of our own log may be sent than before. */
void purge_calls_sendable(struct engine *e, mesh_ns now);
/* purge_receipts tells the peer on |l| what of its logs is durable here. */
void purge_receipts(struct engine *e, struct link *l);
void purge_calls_again(struct engine *e, mesh_ns now); /* to whom a call waits for since it has come back */
void purge_calls_opened(struct engine *e, mesh_ns now, struct link *l);

/* ---- purge_wake.c ---- */
/* purge_late: nothing was heard of for PURGE_STOPPED, and the turn that was due at |due| comes at |now|. Were we
 * stopped, then e->unsure until a peer has told what was purged, or nobody has for too long. */
#define PURGE_STOPPED SEC(2)
void purge_late(struct engine *e, mesh_ns due, mesh_ns now);
/* purge_wait lets |r| wait for that, which then goes on by request_seek_again. False: no memory. */
bool purge_wait(struct request *r, const struct aim *aim);
void purge_waited(struct request *r); /* |r| ends */

/* ---- purge_cast.c ---- */
/* purge_cast_take takes a purge that |from| has cast, its own. */
void purge_cast_take(struct engine *e, mesh_ns now, const struct node_id *from, struct slice raw);

/* ---- purge_sync.c ---- */
void purge_sync_start(struct engine *e);
void purge_sync_on(struct engine *e); /* there are purges, and peers may lack some */
void purge_sync_fini(struct engine *e);
void purge_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame);
void purge_greet(struct engine *e, mesh_ns now, struct link *l);
/* purge_send sends of |log| what lies behind |after|, as long as the link's backlog allows. */
void purge_send(struct engine *e, struct link *l, const struct purge_log *log, uint64_t after);
/* purge_frontier is our own, as asks say it. purge_may_answer: have we all that is in an asker's? Else purge_hold asks
 * it for that, |s| waits, and the ask in |body| is answered later (serve_held). False: there is no room. */
uint64_t purge_frontier(const struct engine *e);
bool purge_may_answer(struct engine *e, mesh_ns now, struct link *l, uint64_t frontier);
bool purge_hold(struct engine *e, mesh_ns now, struct serve *s, struct slice body);
void purge_unhold(struct engine *e, struct serve *s);

#endif
