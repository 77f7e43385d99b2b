/* disk_model.h - a node's disk: does what its store wants done (node/store), on virtual time and with the disk's
 * faults. As in the real node (node/io/disk) writes, syncs and removals come one after the other and three reads beside
 * them; all share the disk's rate, and each takes `disk-delay-ms` to twice that besides. The files outlive the process.
 *
 *   the process ends    what the system has taken is there, of a write that it is taking a part; what waits is lost
 *   the host goes       and what was not synced is lost, or cut (disk_files.h)
 *   an orderly end      the engine closes its store first; what is on its way to the disk gets there
 *
 * What a start reads of it takes no time. */
#ifndef HEDGEROW_SIM_DISK_MODEL_H
#define HEDGEROW_SIM_DISK_MODEL_H

#include "node/store/store.h"
#include "sim/disk/disk_files.h"
#include "sim/edge.h"

#define DISK_READERS 3
#define DISK_LANES   (1 + DISK_READERS) /* the first one is the writer's */

/* What is wrong with it, from an action to the next, or to the end of all faults. */
struct disk_faults {
    uint64_t read_errors, write_errors, corrupt, torn; /* parts per million */
    uint64_t room;                                     /* bytes that it has room for; 0: no end of them */
    mesh_ns slow;                                      /* an operation takes so much longer */
};

/* How often that was felt, and what the world counts beside the engine. */
struct disk_counts {
    uint64_t read_errors, write_errors, corrupt, torn, full, slow, lost, back, wiped;
    uint64_t written_bytes, reads, read_bytes, failures, unsound;
};

struct disk_lane {
    struct event ev;
    struct disk_model *disk;
    struct store_op *op; /* NULL: idle */
};

struct disk_model {
    struct edge *edge;
    struct disk_files files;
    struct store *store; /* NULL: its node is down */
    uint64_t seed;       /* of checksums; another one after a wipe */
    uint64_t ops, opens; /* what draws are keyed by */
    struct disk_lane lanes[DISK_LANES];
    struct list reads, writes; /* that wait for a lane */
    mesh_ns busy_until;        /* its rate is used up until then */
    bool closing;
    bool late; /* an operation took longer than anybody waits for one */
    struct disk_faults faults;
    struct disk_counts counts;
    struct disk_book *book; /* disk_check.h */
};

/* disk_model_new: NULL without a disk in the scenario, and all calls below accept that. */
struct disk_model *disk_model_new(struct edge *e);
void disk_model_free(struct disk_model *d);

/* disk_model_open is called at a node's start: a store of what is there, lent until disk_model_ended. NULL: no disk.
 * disk_model_stops: the node ends so; its engine is still there. disk_model_ended: it is not any more. */
struct store *disk_model_open(struct disk_model *d);
void disk_model_stops(struct disk_model *d, enum edge_stop how);
void disk_model_ended(struct disk_model *d);
/* disk_model_power_lost: the host goes, whose process had ended before. disk_model_wipe: it is another disk now. */
void disk_model_power_lost(struct disk_model *d);
void disk_model_wipe(struct disk_model *d);

/* disk_model_do does |op|, for engine_disk_done later. disk_model_closed: its node leaves, and all is said: begins to
 * close, and tells whether it has. */
void disk_model_do(struct disk_model *d, struct store_op *op);
bool disk_model_closed(struct disk_model *d);
bool disk_model_idle(const struct disk_model *d);

/* disk_fault sets what |a|, an action of disks, says; false: it is none. disks_calm ends all faults of disks. */
bool disk_fault(struct edge *e, const struct action *a);
void disks_calm(struct world *w);
/* disks_counted adds up all disks. */
struct disk_counts disks_counted(const struct world *w);
void disk_figures(struct world *w, struct figures *f);

#endif
