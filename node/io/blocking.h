/* blocking.h - TCP for commands that do one thing at a time and may wait for it: hedgerow
 * status, the demo and its origin. A node never uses it. Each call returns 0 or an errno
 * value (ETIMEDOUT when the time set for the descriptor is over). Thread safe. */
#ifndef HEDGEROW_IO_BLOCKING_H
#define HEDGEROW_IO_BLOCKING_H

#include "proto/base/addr.h"
#include "proto/base/time.h"

/* blocking_listen binds |addr| (port 0: a free one) and says in |*bound| what it got. */
int blocking_listen(const struct mesh_addr *addr, int *fd, struct mesh_addr *bound);

/* blocking_accept waits for the next connection. */
int blocking_accept(int listener, int *fd);

/* blocking_connect gives up after |timeout|, which then also holds for each read and write. */
int blocking_connect(const struct mesh_addr *addr, mesh_ns timeout, int *fd);

/* blocking_timeout sets how long one read or write may wait. */
int blocking_timeout(int fd, mesh_ns timeout);

/* blocking_read takes what is there, up to |cap| bytes; |*n| = 0 is the other side's end. */
int blocking_read(int fd, void *to, size_t cap, size_t *n);

/* blocking_write hands all of |bytes| to the kernel. A connection that is gone is EPIPE or
 * ECONNRESET, never a signal. */
int blocking_write(int fd, struct slice bytes);

void blocking_close(int fd);

#endif
