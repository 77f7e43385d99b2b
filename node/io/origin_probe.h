/* origin_probe.h - how far is the origin? One connection, made and closed; no request is sent. Nodes that have a parent
 * region, and so no connections of their own to the origin, learn it so. */
#ifndef HEDGEROW_IO_ORIGIN_PROBE_H
#define HEDGEROW_IO_ORIGIN_PROBE_H

#include <ev.h>

#include "proto/base/addr.h"
#include "proto/base/time.h"

struct worker;

struct origin_probe { /* zeroed at birth */
    struct worker *worker;
    ev_io io;
    ev_timer patience;
    mesh_ns began;
    bool under_way;
};

/* origin_probe_start connects to |addr|, unless that is being done, and tells the engine how long it took. Nothing is
 * told of what fails: the engine asks again some day. */
void origin_probe_start(struct origin_probe *p, struct worker *w, const struct mesh_addr *addr);
void origin_probe_stop(struct origin_probe *p);

#endif
