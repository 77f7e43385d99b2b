/* listener.h - accepts connections. When the process has no descriptors left it gives up a
 * spare one to take the next connection and close it at once: whoever comes learns it, and
 * the loop does not spin on a queue that it cannot empty. A listener that keeps answers that
 * connection instead, and takes no other until it has a spare again. */
#ifndef HEDGEROW_IO_LISTENER_H
#define HEDGEROW_IO_LISTENER_H

#include <ev.h>

#include "proto/base/addr.h"

struct worker;

struct listener {
    ev_io io;
    struct worker *worker;
    int fd, spare; /* -1: none */
    bool paused, starved;
    bool keeps; /* the spare descriptor is for one more connection, not for turning them away */
    /* A connection, now the callee's. */
    void (*accepted)(struct worker *w, int fd, const struct mesh_addr *from);
    /* Asked before each: is there room? "No" is to pause the listener. NULL: always. */
    bool (*room)(struct worker *w);
    /* One for which there is no descriptor to spare, now the callee's, to be closed at once. NULL: it is. */
    void (*refused)(struct worker *w, int fd);
};

/* listener_init sets |l| up so that listener_close is fine. listener_start takes the listening
 * socket |fd| over. */
void listener_init(struct listener *l);
void listener_start(struct listener *l, struct worker *w, int fd);
void listener_close(struct listener *l);

/* listener_pause leaves connections in the kernel's queue until listener_resume. */
void listener_pause(struct listener *l);
void listener_resume(struct listener *l);

/* listener_spare takes a spare descriptor again if it can: to be called when a connection of a
 * listener that keeps has ended. listener_second does so each second. */
void listener_spare(struct listener *l);
void listener_second(struct listener *l);

/* listener_sweep takes what waits now. */
void listener_sweep(struct listener *l);

#endif
