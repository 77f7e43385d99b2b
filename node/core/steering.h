/* steering.h - the engine's part in sending viewers to the nearest edge: introduces the mesh to what node/steer learns
 * and says. Which members there are and how they do, the time to them, and datagrams both ways. An engine's part, as
 * those in engine_impl.h, which includes it. */
#ifndef HEDGEROW_CORE_STEERING_H
#define HEDGEROW_CORE_STEERING_H

#include "node/steer/steer.h"

struct steering {
    struct steer *steer;
    bool edge; /* the rim has said what we are to viewers: before that we say nothing to others, and do no more than
                  listen */
    bool refused; /* a member was not taken for want of a place or memory since all were told */
    struct timer timer;
    size_t turn;     /* whose time is told next */
    unsigned untidy; /* seconds since those were looked for that are no members any more */
};

int steering_init(struct engine *e); /* 0 or MESH_E_NOMEM */
void steering_fini(struct engine *e);

/* steering_member: something about |id| may have changed: its state, or its links. */
void steering_member(struct engine *e, mesh_ns now, const struct node_id *id);

/* steering_link is mesh_link, for who asks of links learns of edges. */
void steering_link(struct engine *e, mesh_ns now, const struct node_id *id, mesh_ns until);

/* steering_take takes what a member has sent. False: it is none of ours. */
bool steering_take(struct engine *e, mesh_ns now, const struct node_id *from, struct slice datagram);

/* steering_say hands what is to be said to the mesh, whose datagrams it becomes. */
void steering_say(struct engine *e, mesh_ns now);

void steering_tick(struct engine *e, mesh_ns now);
mesh_ns steering_deadline(const struct engine *e);

#endif
