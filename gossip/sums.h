/* sums.h - where two views differ, found by comparing sums of buckets, so that only what is in
 * those buckets is exchanged (anti-entropy; after Demers and others 1987, and the buckets of
 * Dynamo's Merkle trees, one level deep). Members fall into buckets by their id. Two sums a bucket:
 * of the records, and of the certificates that are held, so that these travel only where one is
 * missing or another. Pure data. The bytes are specified in proto/PROTOCOL.md, "MEMBERS". */
#ifndef HEDGEROW_GOSSIP_SUMS_H
#define HEDGEROW_GOSSIP_SUMS_H

#include <stdbool.h>

#include "proto/base/slice.h"
#include "proto/cert.h"

#define SUMS_MIN       16 /* buckets; always a power of two */
#define SUMS_MAX       256
#define SUMS_ITEM      12 /* bytes of a bucket */
#define SUMS_BYTES_MAX (SUMS_MAX * SUMS_ITEM)
#define DIFF_BYTES_MAX (SUMS_MAX / 8 * 2)

struct sums {
    size_t n;
    struct sum {
        uint64_t records;
        uint32_t certs;
    } of[SUMS_MAX];
};

/* sums_init begins |n| buckets: of a view of |members|, or as many as another side has sent. */
size_t sums_wanted(size_t members);
void sums_init(struct sums *s, size_t n);
/* sums_add: |record_hash| is member_record_hash, |cert| what sums_cert says of the certificate held. */
void sums_add(struct sums *s, const struct node_id *id, uint64_t record_hash, uint32_t cert);
uint32_t sums_cert(const struct node_id *id, uint64_t serial, int64_t not_after_s);
void sums_put(const struct sums *s, struct buf *b);
/* sums_count: how many buckets |bytes| has, 0 if nobody puts so many. */
size_t sums_count(struct slice bytes);

/* Which buckets differ in records, and in which of them certificates are to be sent too. */
struct view_diff {
    size_t n; /* buckets */
    uint8_t records[SUMS_MAX / 8], certs[SUMS_MAX / 8];
};

/* sums_differ compares with |theirs|, which has as many (sums_count). */
void sums_differ(const struct sums *ours, struct slice theirs, struct view_diff *out);
void diff_put(const struct view_diff *d, struct buf *b);
/* diff_get: 0, or MESH_E_RANGE: nobody puts so many. */
int diff_get(struct slice bytes, struct view_diff *out);
/* diff_has: is |id|'s bucket to be sent, and |*cert|: with its certificates? */
bool diff_has(const struct view_diff *d, const struct node_id *id, bool *cert);

#endif
