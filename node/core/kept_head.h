/* kept_head.h - an object's head as it lies in memory with the copy: a few bytes beside the fields' values. Names that
 * many answers have are a number. Its wire form, which is what is signed, is made of it when a peer wants it, and comes
 * out byte for byte as it came in. Never changed once it is made: any number may read it. */
#ifndef HEDGEROW_CORE_KEPT_HEAD_H
#define HEDGEROW_CORE_KEPT_HEAD_H

#include "node/core/head.h"

struct kept_head {
    uint64_t generation;
    uint16_t status;
    uint16_t fields_len; /* of bytes[] */
    uint8_t fields_n;
    bool has_length : 1;       /* the origin announced the body's length */
    bool codable : 1;          /* coding_head says so */
    bool varies_by_coding : 1; /* its Vary names Accept-Encoding, or all */
    bool has_origin : 1;       /* it says from which one it is */
    bool verbatim : 1;         /* its wire form has what we do not know, and is kept whole */
    uint8_t bytes[];
};

/* kept_head_of makes one of a wire form, strictly as head_decode reads it; kept_head_new of |h|, with all of its
 * fields. One piece of memory, to be freed with free(). NULL: out of memory, or does not decode, or is too long. */
struct kept_head *kept_head_of(struct slice wire);
struct kept_head *kept_head_new(const struct head *h);
struct kept_head *kept_head_copy(const struct kept_head *k);

/* The same where the caller has the memory, aligned as for malloc: kept_head_size is how many bytes kept_head_put
 * writes (0: too long). |h| was decoded from |*wire| (empty: it is what head_encode makes of |h|), which is emptied
 * unless it has to be kept: what is left of it goes to kept_head_put. */
size_t kept_head_size(const struct head *h, struct slice *wire);
void kept_head_put(struct kept_head *out, const struct head *h, struct slice wire);
/* kept_head_bytes: how many those were. */
size_t kept_head_bytes(const struct kept_head *k);

/* kept_head_fields lends the fields from |k|. kept_head_find lends the value of the first one called |name| (without
 * case); false: there is none. kept_head_value is empty then. */
void kept_head_fields(const struct kept_head *k, struct fields *out);
bool kept_head_find(const struct kept_head *k, struct slice name, struct slice *value);
struct slice kept_head_value(const struct kept_head *k, struct slice name);

/* kept_head_decode: all of it; |key| and |length| (if it was announced) are kept with the object. |h| lends from |k|.
 * kept_head_wire appends the wire form: 0 or MESH_E_NOMEM, with |out| as before. */
void kept_head_decode(const struct kept_head *k, const struct digest *key, uint64_t length, struct head *h);
int kept_head_wire(const struct kept_head *k, const struct digest *key, uint64_t length, struct buf *out);

#endif
