/* announce.h - a program of the operator's that is told when viewers may come here and when they may not, such as one
 * that has a BGP daemon announce the node's addresses: PROGRAM announce|withdraw, with HEDGEROW_NAME and
 * HEDGEROW_ADDRESSES (between spaces) in its environment. One at a time, and never the same twice in a row, unless it
 * failed: that is said, and tried again. One that hangs is killed. Worker 0's. */
#ifndef HEDGEROW_IO_ANNOUNCE_H
#define HEDGEROW_IO_ANNOUNCE_H

#include <ev.h>
#include <sys/types.h>

#include "node/steer/view.h"
#include "proto/base/time.h"

struct worker;

struct announce {
    struct worker *worker;
    const char *program; /* NULL: there is none */
    enum {
        SAID_WITHDRAW,
        SAID_ANNOUNCE,
        SAID_UNSURE
    } said;               /* what was done last; at first nothing is to be withdrawn */
    bool want, what;      /* to be announced; what is under way */
    pid_t pid;            /* 0: nothing is */
    mesh_ns began, again; /* not before */
    struct mesh_addr addrs[STEER_ADDRS_MAX];
    size_t addrs_n;
    ev_timer look;
};

void announce_init(struct announce *a, struct worker *w, const char *program);
void announce_fini(struct announce *a); /* what still runs is killed */

/* announce_want: that is how it is to be now. announce_step is called now and then. announce_over: nothing runs, and
 * nothing is announced. */
void announce_want(struct announce *a, bool on, const struct steer_facts *facts);
void announce_step(struct announce *a);
bool announce_over(const struct announce *a);

#endif
