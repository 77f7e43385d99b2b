/* last_mile.h - the stretch between a node and its viewer: TCP's slow start from ten segments, a window more for each
 * one acknowledged (RFC 5681 section 3.1, RFC 6928), up to LAST_MILE_WINDOW; nothing is lost. What is handed over waits
 * with the node's kernel, which takes all: so a viewer's way holds nothing up but itself. Pure: the clock is handed in.
 */
#ifndef HEDGEROW_SIM_LAST_MILE_H
#define HEDGEROW_SIM_LAST_MILE_H

#include "proto/base/time.h"

#define LAST_MILE_BURSTS 32
#define LAST_MILE_WINDOW (256u << 10)
#define LAST_MILE_FIRST  14480u /* ten segments of 1,448 bytes: each has a timestamp (RFC 7323) */

struct last_mile { /* zeroed at birth, but for |delay| */
    mesh_ns delay; /* one way */
    uint64_t waiting, under_way, window;
    struct {
        mesh_ns acked_at;
        uint64_t bytes;
    } bursts[LAST_MILE_BURSTS]; /* under way: a ring, oldest first */
    unsigned first, n;
};

/* last_mile_send hands over |bytes| at |now|, which never goes back. */
void last_mile_send(struct last_mile *m, mesh_ns now, uint64_t bytes);
/* last_mile_end: when the last byte handed over by |now| is with the viewer. Nothing may be sent afterwards. */
mesh_ns last_mile_end(struct last_mile *m, mesh_ns now);

#endif
