/* store.h - what is kept on the disk, as a state machine without I/O: where each thing lies, what is to be written,
 * read and removed. The caller (a thread of the real node, or a model of a disk) does what store_poll says, and says
 * so.
 *
 * A log of segments. Everything goes to the log's end; the oldest segment is given up when a new one is begun and there
 * are as many as there may be. What was used of it since it was written goes to the log's end again, half a segment at
 * the most: FIFO with reinsertion, which is the main queue of S3-FIFO (Yang et al., SOSP 2023). What is worth writing
 * at all is the caller's to say. A removal is a record, too, and so is not undone by a restart.
 *
 * After a kill all is there that the kernel had taken, after a loss of power all that was synced: each segment when it
 * is full, all removals, and the rest within STORE_SYNC_NS. Not thread safe, but for store_check. */
#ifndef HEDGEROW_STORE_STORE_H
#define HEDGEROW_STORE_STORE_H

#include "node/store/index.h"
#include "proto/base/list.h"
#include "proto/base/time.h"

#define STORE_SEGMENTS_MIN 8u
#define STORE_LIMIT_MIN    ((uint64_t)STORE_SEGMENTS_MIN * STORE_SEGMENT_MIN)
#define STORE_LIMIT_MAX    ((uint64_t)INDEX_SLOTS_MAX * STORE_SEGMENT_MAX)
#define STORE_SYNC_NS      SEC(5)
#define STORE_PUT_MAX      (4u << 20)  /* bytes of one thing, or a quarter of a segment if that is less */
#define STORE_WAITING_MAX  (8u << 20)  /* bytes that are on their way to the disk; more is not kept */
#define STORE_READING_MAX  (32u << 20) /* bytes that are on their way from it; more is not read */
#define STORE_READS_MAX    256u

struct store;

struct store_config {
    uint64_t limit;         /* bytes on the disk; STORE_LIMIT_MIN and more */
    uint32_t segment_bytes; /* store_segment_bytes of the limit that the store was made with */
    uint64_t seed;          /* of checksums: drawn when the store was made, and kept with it */
    uint64_t secret;        /* of tables: random */
};

/* store_segment_bytes: a 64th of |limit|, between STORE_SEGMENT_MIN and _MAX. */
uint32_t store_segment_bytes(uint64_t limit);

/* store_new: NULL: out of memory, or the limit is out of range. store_free forgets all at once; no operation is under
 * way any more. */
struct store *store_new(const struct store_config *cfg);
void store_free(struct store *s);

/* ---- at the start ---- */
/* Reads |len| bytes of a segment into |into|; returns how many there were (fewer: it ends there), or a negative code.
 */
typedef int64_t store_reader(void *ctx, uint32_t segment, uint32_t offset, void *into, size_t len);

/* store_recover takes up the |n| segments that are there, |segments| ascending. Damaged ones lose what is damaged. 0 or
 * MESH_E_NOMEM. */
int store_recover(struct store *s, const uint32_t *segments, size_t n, store_reader *read, void *ctx);

/* ---- things kept ---- */
/* What something is called: parts of hashes of its whole name. */
struct store_name {
    uint64_t key;
    uint32_t body;    /* the body that it is, or is a part of */
    uint32_t variant; /* not 0 if it is not for all that ask with its key */
};

/* store_put appends a record of |n| pieces, in place of what had the same key and variant. 0, MESH_E_RANGE (too long),
 * MESH_E_FULL (the disk is behind, or does not take anything at present), MESH_E_NOMEM; then nothing is kept, and what
 * had the name before is still there. */
int store_put(struct store *s, mesh_ns now, const struct store_name *name, const struct slice *pieces, size_t n);
uint64_t store_put_max(const struct store *s); /* bytes that are not too long */
/* store_takes: is there a point in making something of |bytes|? */
bool store_takes(const struct store *s, mesh_ns now, uint64_t bytes);

/* store_forget: nothing that is there with |key| counts any more: with |variant| not 0 only what is of this variant or
 * for all. store_drop_body: nothing that is of |body|. Each returns how many things that were. */
uint32_t store_forget(struct store *s, mesh_ns now, uint64_t key, uint32_t variant);
uint32_t store_drop_body(struct store *s, mesh_ns now, uint32_t body);

/* store_has: is there anything with |key|, of |variant| if |of_variant|? INDEX_NONE, or the latest. */
uint32_t store_find(const struct store *s, uint64_t key);
uint32_t store_find_variant(const struct store *s, uint64_t key, uint32_t variant);
/* store_used: it was used, if only in memory: it is worth another lap. */
void store_used(struct store *s, uint32_t found);

/* store_read has |found| read, for store_done. 0, MESH_E_FULL, MESH_E_NOMEM. It counts as a use, unless it is
 * store_look. */
int store_read(struct store *s, uint32_t found, void *token);
int store_look(struct store *s, uint32_t found, void *token);

/* ---- what is to be done ---- */
enum store_op_kind {
    STORE_READ,   /* |len| bytes at |offset| of |segment| into |bytes|, then store_check */
    STORE_WRITE,  /* |bytes| to |offset| of |segment|; with |create| the file is new, and was not there */
    STORE_SYNC,   /* what was written to |segment| is to be durable */
    STORE_REMOVE, /* |segment| is to be gone; if it is not there that is fine */
};
struct store_op {
    struct list link; /* these two are whoever's has it */
    int err;
    enum store_op_kind kind;
    uint32_t segment, offset;
    uint8_t *bytes;
    size_t len;
    bool create;
    void *token;
    /* The store's: */
    uint32_t slot;
    uint64_t seed;
    struct list own;
    bool reclaims, lists;
    uint32_t things;
    uint64_t removals;
};

/* store_poll lends the next operation until store_done. Reads may be done in any order and beside all others, which are
 * done one after the other in the order that they are told. NULL: there is nothing to be done. */
struct store_op *store_poll(struct store *s, mesh_ns now);
/* store_due: when to poll again although nothing has happened; MESH_NS_NEVER. */
mesh_ns store_due(const struct store *s);

/* store_check tells whether what a STORE_READ has brought is sound: 0 or MESH_E_HASH. Touches |op| alone: any thread
 * may call it. */
int store_check(const struct store_op *op);

/* store_done: |op| was done, with 0, MESH_E_FULL (no room on the disk), MESH_E_ABSENT (no such segment), MESH_E_HASH
 * (not sound), MESH_E_NOMEM (want of memory or descriptors) or any other code (the disk failed). True: it is a read of
 * the caller's, who has it now until store_op_free: it is good if |*err| is still 0, for what was dropped meanwhile is
 * MESH_E_ABSENT. */
bool store_done(struct store *s, mesh_ns now, struct store_op *op, int *err);
void store_op_free(struct store_op *op);
struct slice store_op_payload(const struct store_op *op);

/* store_close has all written and synced that is in the store; then store_poll comes to an end. */
void store_close(struct store *s, mesh_ns now);

/* store_idle: nothing is to be done, and nothing is being done. */
bool store_idle(const struct store *s);

/* ---- being seen ---- */
/* X(name, help) */
#define STORE_COUNTERS(X)                                                         \
    X(written, "things written to the disk")                                      \
    X(written_bytes, "bytes written to the disk, all told")                       \
    X(again, "of them, those written again, since they had been used")            \
    X(behind, "things not written: the disk was behind, or took nothing")         \
    X(reads, "things read from the disk")                                         \
    X(read_bytes, "bytes read from the disk")                                     \
    X(busy, "things not read: too many were being read")                          \
    X(corrupt, "things on the disk that turned out to be damaged")                \
    X(failed_reads, "reads that the disk failed")                                 \
    X(failed_writes, "writes and syncs that the disk failed, or had no room for") \
    X(abandoned, "segments given up after such a failure")                        \
    X(reclaimed, "segments given up because their time was over")
struct store_counters {
#define X(name, help) uint64_t name;
    STORE_COUNTERS(X)
#undef X
};
const struct store_counters *store_counters(const struct store *s);
uint64_t store_limit(const struct store *s);
uint32_t store_segment(const struct store *s); /* bytes of one */
bool store_full(const struct store *s);        /* has anything had to go for want of room? */
uint64_t store_bytes(const struct store *s);   /* of all segments that are there */
/* store_things: what would be found. store_pending: what a kill at this moment may cost, since it is still on its way
 * to the disk; what was replaced or removed meanwhile counts, too, until it is there. */
uint64_t store_things(const struct store *s);
uint64_t store_pending(const struct store *s);
uint64_t store_memory(const struct store *s); /* the index and what waits */
/* store_failing: the disk takes nothing at present, or less than it should: 0, or the code of its last failure. */
int store_failing(const struct store *s, mesh_ns now);

#endif
