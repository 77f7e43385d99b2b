/* head.h - an object's head: what is signed, stored and sent of an answer besides its
 * body. The wire form is canonical msgpack (PROTOCOL.md, Objects). */
#ifndef HEDGEROW_CORE_HEAD_H
#define HEDGEROW_CORE_HEAD_H

#include "node/core/fields.h"
#include "proto/base/buf.h"
#include "proto/digest.h"

#define HEAD_BYTES_MAX 40000

struct head {
    struct digest key;   /* primary key */
    uint64_t generation; /* random, per representation fetched */
    uint16_t status;
    int64_t fetched_s;   /* Unix time at the signer, for provenance only */
    uint64_t origin;     /* which origin it came from (distribution_origin), for provenance only; 0: not said */
    bool has_length;     /* the origin announced the body's length ... */
    uint64_t length;     /* ... in bytes */
    struct fields fields;/* end-to-end fields, lent from the wire form; last, see head_copy */
};

/* head_encode appends the wire form; of |h->fields| it takes the end-to-end ones, without
 * Age, Content-Length and Cache-Status. 0, MESH_E_NOMEM, MESH_E_RANGE (longer than HEAD_BYTES_MAX). */
int head_encode(struct buf *out, const struct head *h);

/* head_decode reads one strictly; |h| lends from |bytes|. Names must be tokens, values free
 * of control bytes, fields such as head_encode takes, status 200..599, length at most
 * LEAF_BODY_MAX. MESH_E_SYNTAX, MESH_E_RANGE, MESH_E_MISSING, MESH_E_TYPE ... */
int head_decode(struct head *h, struct slice bytes);

/* head_copy copies |h|, as head_encode would send it, and all that it lends into one piece of memory, to be freed with
 * free(); |scratch| is overwritten. Fields past the n-th do not exist there. NULL: out of memory or too long. */
struct head *head_copy(const struct head *h, struct buf *scratch);

#endif
