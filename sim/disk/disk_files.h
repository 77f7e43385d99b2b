/* disk_files.h - the files of a simulated disk: what the operating system has taken, and what of it a loss of power
 * leaves. Plain data, without time or chance of its own: both are handed in.
 *
 * A write is there at once for whoever reads, and safe once its file was synced, or when it is older than
 * DISK_WRITEBACK. Until then a loss of power takes it, all of it or some of its blocks, or cuts it anywhere. That a
 * file was made or removed is safe when any file was synced since (a sync of the directory goes with it); of those that
 * are not, the last ones are undone, as a journal does it: none without those after it. */
#ifndef HEDGEROW_SIM_DISK_FILES_H
#define HEDGEROW_SIM_DISK_FILES_H

#include "proto/base/rand.h"
#include "proto/base/slice.h"
#include "proto/base/time.h"

#define DISK_BLOCK     4096u
#define DISK_WRITEBACK SEC(30) /* a kernel waits no longer by default (Linux, dirty_expire_centisecs) */

/* A write that is not safe. */
struct disk_extent {
    uint32_t offset, len;
    uint8_t *before; /* what lay there; NULL: zeros */
    mesh_ns at;
};

struct disk_file {
    struct disk_file *next;
    uint32_t number, len;
    uint64_t made, gone; /* which change of the directory that was; 0: it is safe, or is not gone */
    mesh_ns made_at, gone_at;
    uint8_t *bytes;  /* |file_bytes| of them */
    uint8_t *blocks; /* a bit for each that was ever written */
    struct disk_extent *extents;
    size_t extents_n, extents_cap;
};

struct disk_files {
    struct disk_file *first; /* by number, ascending; among them those that are gone and may come back */
    uint32_t file_bytes;     /* the most that one may have */
    uint64_t changes;
};

void disk_files_init(struct disk_files *d, uint32_t file_bytes);
/* disk_files_wipe removes all for good. */
void disk_files_wipe(struct disk_files *d);

/* disk_files_find: NULL, there is none. disk_files_after: the one with the next higher number. */
struct disk_file *disk_files_find(const struct disk_files *d, uint32_t number);
const struct disk_file *disk_files_after(const struct disk_files *d, uint32_t number);

/* disk_files_write: 0, or MESH_E_ABSENT. With |create| the file is made, or made empty. */
int disk_files_write(struct disk_files *d, mesh_ns now, uint32_t number, uint32_t offset, struct slice bytes,
                     bool create);
/* disk_files_read: how many bytes there were, or MESH_E_ABSENT. */
int64_t disk_files_read(const struct disk_files *d, uint32_t number, uint32_t offset, void *into, size_t len);
int disk_files_sync(struct disk_files *d, mesh_ns now, uint32_t number);
void disk_files_remove(struct disk_files *d, mesh_ns now, uint32_t number);

/* disk_files_used: bytes of all blocks. disk_files_growth: how many more a write would take. */
uint64_t disk_files_used(const struct disk_files *d);
uint64_t disk_files_growth(const struct disk_files *d, uint32_t number, uint32_t offset, size_t len);
uint32_t disk_files_n(const struct disk_files *d);

/* disk_files_unsafe_since: since when the oldest write lies there that a loss of power may take; MESH_NS_NEVER: none.
 */
mesh_ns disk_files_unsafe_since(const struct disk_files *d, mesh_ns now);

/* disk_files_lose: power is lost. Returns how many bytes, files made and removals came to nothing. */
struct disk_loss {
    uint64_t bytes;
    uint32_t made, removed;
};
struct disk_loss disk_files_lose(struct disk_files *d, mesh_ns now, struct rand *r);

#endif
