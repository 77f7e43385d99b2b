/* store_impl.h - what the files of the store share. Nobody else includes it.
 *
 *   store.c    names, reads, what is to be done
 *   log.c      the log's end: appending, sealing, syncing, failures
 *   reclaim.c  the oldest segment is given up
 *   recover.c  what is there at a start */
#ifndef HEDGEROW_STORE_STORE_IMPL_H
#define HEDGEROW_STORE_STORE_IMPL_H

#include "node/store/store.h"

#define RECLAIM_READS  4u
#define REMOVALS_MAX   65536u   /* that wait to be durable; beyond that all there is is given up */
#define WIDEN_NS       SEC(600) /* a disk that was full is tried again */
#define FAILING_NS     SEC(2)   /* after a failure nothing is written for so long, ... */
#define FAILING_MAX_NS SEC(60)  /* ... doubling up to this */

struct segment {
    uint32_t number;  /* 0: the slot is free */
    uint32_t written; /* what lies before was written, and may be read */
};

/* The segment that the log ends in. */
struct tail {
    bool open;
    uint32_t slot;
    uint32_t end;    /* where the next record goes */
    struct buf fill; /* what lies before |end| and is in no operation yet, ... */
    uint32_t things; /* ... and how many things that are */
    uint32_t removals; /* in all of it */
    struct buf list;
};

struct reclaim {
    bool on, more; /* |more|: there is something to be done at once */
    uint32_t slot;
    uint32_t held[RECLAIM_READS], held_n; /* entries that are being read */
    uint64_t room;                        /* bytes that may still be written again */
};

struct store {
    struct store_config cfg;
    struct index index;
    struct segment *segments;     /* by slot */
    uint32_t slots_n, slots_used; /* how many there may be, and are */
    uint32_t slots_wanted;        /* by the limit */
    mesh_ns widen_at;             /* fewer fit than are wanted: when to try one more */
    uint32_t next_number;
    struct tail tail;
    struct reclaim reclaim;
    struct list todo;          /* writes, syncs and removals in their order, and reads */
    struct list running;       /* told */
    uint64_t waiting, reading; /* bytes of them; those of the tail's fill too */
    uint64_t pending;          /* things in the tail's fill and in writes */
    uint32_t reads, writes;    /* told or to be told */
    mesh_ns sync_at;           /* MESH_NS_NEVER: all is synced */
    struct buf removals;       /* struct record of removals whose segment may yet be given up: not sealed and synced */
    uint64_t removals_base;    /* how many came before the first of them */
    bool removals_owed;        /* they are to be written (again) before anything else */
    mesh_ns failing_until, failing_for;
    int failing;
    bool closing;
    struct store_counters counters;
};

/* ---- log.c ---- */
/* log_append: as store_put. log_again: |whole|, a sound record of another segment, is written again. */
int log_append(struct store *s, mesh_ns now, const struct record *r, const struct slice *pieces, size_t n);
int log_again(struct store *s, mesh_ns now, const struct record *r, struct slice whole);
/* log_removed writes, sooner or later, that |r| was removed. log_owed does so with what could not be written before. */
void log_removed(struct store *s, mesh_ns now, const struct record *r);
void log_owed(struct store *s, mesh_ns now);
/* log_remembers: |r| is a removal in the tail. 0 or MESH_E_NOMEM. */
int log_remembers(struct store *s, const struct record *r);
/* log_flush makes an operation of what waits to be written. */
void log_flush(struct store *s);
void log_sync(struct store *s, mesh_ns now);
void log_close(struct store *s);
/* log_done: a write, sync or removal has ended. */
void log_done(struct store *s, mesh_ns now, struct store_op *op, int err);
/* log_takes: may anything be written at present? */
bool log_takes(const struct store *s, mesh_ns now);

/* ---- reclaim.c ---- */
void reclaim_look(struct store *s, mesh_ns now); /* begins or goes on, if there is need */
void reclaim_now(struct store *s);               /* gives up the oldest at once, used or not */
void reclaim_read(struct store *s, mesh_ns now, struct store_op *op, int err);
/* segment_remove gives up |slot| and all in it; false: out of memory, and its file stays for now. */
bool segment_remove(struct store *s, uint32_t slot);
uint32_t segment_oldest(const struct store *s); /* INDEX_NONE: there is none besides the tail's */

/* ---- store.c ---- */
struct store_op *op_new(struct store *s, enum store_op_kind kind, uint32_t slot);
int read_start(struct store *s, uint32_t i, void *token, bool reclaims);

#endif
