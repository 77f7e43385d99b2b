/* index.h - what is on the disk and where, in memory: 40 bytes a record and 4 to 8 of tables.
 *
 * Two hash tables over one array of entries, by key and by body, and a list for each segment. Both grow one bucket at a
 * time (linear hashing: Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980), so that no insertion
 * costs more than another. A table's order is under a secret: nobody can aim keys at one chain. An entry is found by 64
 * bits of its key: who reads what it points to compares the rest. Not thread safe. */
#ifndef HEDGEROW_STORE_INDEX_H
#define HEDGEROW_STORE_INDEX_H

#include "node/store/segment.h"

#define INDEX_NONE      UINT32_MAX
#define INDEX_SLOTS_MAX (1u << 14)
#define INDEX_USES_MAX  3u

struct index_entry {
    uint64_t key;
    uint64_t slot : 14, unit : 23, units : 23, uses : 2, dead : 1, pad : 1; /* units of STORE_UNIT bytes */
    uint32_t body, variant;
    uint32_t next_of_key, next_of_body, before_of_body, next_of_slot;
};

/* Buckets in pieces, so that growing moves none. */
struct index_table {
    uint32_t **pieces;
    uint32_t pieces_n, buckets, low; /* |low|: the power of two that the buckets have reached */
};

struct index {
    struct index_entry **pieces;
    uint32_t pieces_n, used; /* entries ever handed out */
    uint32_t spare;          /* given back: chained by next_of_slot */
    uint32_t live;
    uint64_t secret;
    struct index_table keys, bodies;
    uint32_t slots[INDEX_SLOTS_MAX]; /* each one's latest entry */
    uint64_t bytes;                  /* of memory */
};

/* index_init: 0 or MESH_E_NOMEM. */
int index_init(struct index *ix, uint64_t secret);
void index_fini(struct index *ix);

/* index_add enters the record at |offset| of |slot| in front of others with its key; an entry of the same key and variant
 * that was there before is removed. INDEX_NONE: out of memory, and nothing is entered. */
uint32_t index_add(struct index *ix, const struct record *r, uint32_t slot, uint32_t offset);

struct index_entry *index_at(const struct index *ix, uint32_t i);
static inline uint32_t index_offset(const struct index_entry *e)
{
    return (uint32_t)e->unit * STORE_UNIT;
}
static inline uint32_t index_bytes(const struct index_entry *e) /* of the whole record */
{
    return (uint32_t)e->units * STORE_UNIT;
}

/* index_find is the latest entry with |key|, index_next the one before it; INDEX_NONE: there is none. */
uint32_t index_find(const struct index *ix, uint64_t key);
uint32_t index_next(const struct index *ix, uint32_t i);

/* index_remove takes an entry out of both tables; its segment's list has it, dead, until index_clear. */
void index_remove(struct index *ix, uint32_t i);

/* index_drop does what a RECORD_DROP or RECORD_DROP_BODY says, and returns how many entries that removed. */
uint32_t index_drop(struct index *ix, const struct record *r);

/* index_pop takes the latest entry, dead or not, off the list of |slot|; it stays in the tables until index_give, which
 * ends it. INDEX_NONE: there is none left. index_clear does both for all of them. */
uint32_t index_pop(struct index *ix, uint32_t slot);
void index_give(struct index *ix, uint32_t i);
void index_clear(struct index *ix, uint32_t slot);

#endif
