/* disk.h - the store's files (node/store): a directory of segments, and the threads that read and write them, so that no
 * loop ever waits for a disk. Names are numbers: nothing that was asked for is in them. The directory is ours alone, 0700,
 * its files 0600; links in it are not followed. */
#ifndef HEDGEROW_IO_DISK_H
#define HEDGEROW_IO_DISK_H

#include <ev.h>

#include "node/store/store.h"

struct disk;

/* disk_open makes DATA/store, or takes up what is in it. |wipe|: what another version wrote there is removed, instead of
 * refused. NULL: |why| says what is wrong, where, and what to do about it. */
struct disk *disk_open(const char *data, uint64_t limit, bool wipe, char *why, size_t why_len);

/* The store, for the engine; disk_close frees it, after the engine's end. NULL is fine. */
struct store *disk_store(struct disk *d);
void disk_close(struct disk *d);

/* disk_start starts the threads; |done| is called on |loop| for each operation that has come to its end. 0 or MESH_E_NOMEM.
 * disk_stop ends them: what was handed in before is written, and of nothing |done| is told any more. */
typedef void disk_done(void *ctx, struct store_op *op, int err);
int disk_start(struct disk *d, struct ev_loop *loop, disk_done *done, void *ctx);
void disk_stop(struct disk *d);

void disk_do(struct disk *d, struct store_op *op);

#endif
