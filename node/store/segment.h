/* segment.h - what lies on the disk: segments of records. Pure functions over bytes; thread safe.
 *
 *   segment:  header | record | record | ... | free room | list of the records | footer
 *   record:   head of 64 bytes | payload | zeros up to the next multiple of 64
 *
 * A record is there when the checksums of its head and of its payload hold: there is no other mark of being committed, so
 * that what was cut short is absent and never half. Checksums are XXH3 (xxhash), seeded with a number that is drawn for
 * each store and known to nobody who only chooses what is kept in it: no body can look like a record. A head bears its
 * segment's number, so that what an earlier segment left in the same blocks is no record either.
 *
 * The list, with the footer that says where it is and how far it reaches, spares the reading of heads at a start (as the
 * hint files of Bitcask: Sheehy and Smith, "Bitcask: a log-structured hash table for fast key/value data", 2010). It is
 * never needed: heads alone tell the same. Numbers are big-endian. */
#ifndef HEDGEROW_STORE_SEGMENT_H
#define HEDGEROW_STORE_SEGMENT_H

#include "proto/base/buf.h"

#define STORE_VERSION      1u
#define STORE_UNIT         64u /* bytes of a head, and what a record's length is a multiple of */
#define STORE_SEGMENT_MIN  (1u << 20)
#define STORE_SEGMENT_MAX  (256u << 20)
#define STORE_LISTED_BYTES 32u /* of one record in the list */

enum record_kind {
    RECORD_ENTRY = 1, /* something kept; of the same key and variant the last one counts */
    RECORD_DROP,      /* nothing before this one with the same key and, if it has one, variant counts any more ... */
    RECORD_DROP_BODY, /* ... or with the same body */
};

/* What is told of a record besides its payload. Names are hashes, and not all of them: who finds a record by them
 * compares the whole name, which is in the payload. */
struct record {
    enum record_kind kind;
    uint32_t length;  /* of the payload, in bytes */
    uint64_t key;
    uint32_t body;    /* of the body that it is of or is a part of */
    uint32_t variant; /* 0: it is for all */
};

/* record_bytes: what a record with so long a payload takes. */
static inline uint64_t record_bytes(uint64_t payload_bytes)
{
    return (STORE_UNIT + payload_bytes + STORE_UNIT - 1) / STORE_UNIT * STORE_UNIT;
}

/* record_add appends a whole record of |segment|, its payload in |n| pieces (their lengths are |r|'s in all). On want of
 * memory |out| is failed. record_copy appends |whole|, a sound record of another segment, as one of |segment|. */
void record_add(struct buf *out, uint64_t seed, uint32_t segment, const struct record *r, const struct slice *pieces,
                size_t n);
void record_copy(struct buf *out, uint64_t seed, uint32_t segment, struct slice whole);

/* record_head reads the head of a record of |segment|: false, this is none. record_sound checks a whole record, whichever
 * segment it is of, and lends its payload. */
bool record_head(struct record *out, uint64_t seed, uint32_t segment, const uint8_t head[STORE_UNIT]);
bool record_sound(struct record *out, uint64_t seed, struct slice whole, struct slice *payload);

/* A segment's first bytes. segment_head: false, this is no header of |segment|, or not one of this size. */
void segment_add_head(struct buf *out, uint64_t seed, uint32_t segment, uint32_t segment_bytes);
bool segment_head(uint64_t seed, uint32_t segment, uint32_t segment_bytes, const uint8_t head[STORE_UNIT]);

/* The list: one item a record, in order. list_item reads the |i|th of a list that is sound. */
void list_add(struct buf *list, const struct record *r, uint32_t offset);
void list_item(struct record *out, uint32_t *offset, struct slice list, size_t i);

/* Where the list lies, and behind which byte records are that it does not name. */
struct footer {
    uint32_t at, bytes, covered;
    bool sealed; /* there is nothing behind it, and will not be */
};
/* footer_add appends list and footer, to lie at the segment's end. */
void footer_add(struct buf *out, uint64_t seed, uint32_t segment, struct slice list, uint32_t covered, bool sealed);
/* footer_read reads the segment's last bytes: false, there is no list. footer_list: is |list| what it speaks of? */
bool footer_read(struct footer *out, uint64_t seed, uint32_t segment, uint32_t segment_bytes,
                 const uint8_t bytes[STORE_UNIT]);
bool footer_list(uint64_t seed, const uint8_t footer[STORE_UNIT], struct slice list);

#endif
