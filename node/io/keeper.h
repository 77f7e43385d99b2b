/* keeper.h - a thread that makes purges, or versions of the configuration, durable, since a disk may take its time and
 * the loop has none. What is to be written goes there in order, and the loop is told of each when it is done. Not
 * thread safe besides that. */
#ifndef HEDGEROW_IO_KEEPER_H
#define HEDGEROW_IO_KEEPER_H

#include <ev.h>

#include "proto/base/buf.h"

struct keeper;

/* On the thread: appends |bytes|, or replaces all by them (|whole|), durably. False: that failed. */
typedef bool keeper_write(void *ctx, struct slice bytes, bool whole);
/* On the loop: a write was made, or failed. */
typedef void keeper_done(void *ctx, bool done, bool whole);

/* NULL: there is no memory, or no thread to be had. */
struct keeper *keeper_start(struct ev_loop *loop, keeper_write *write, void *write_ctx, keeper_done *done,
                            void *done_ctx);
/* keeper_stop finishes what was handed over and ends; nobody is told any more. NULL is fine. */
void keeper_stop(struct keeper *k);

/* keeper_append: |bytes| are lent until that is done. keeper_put takes |whole|. Either is told of in any case. */
void keeper_append(struct keeper *k, struct slice bytes);
void keeper_put(struct keeper *k, struct buf *whole);

#endif
