/* Signing what we fetched, when somebody first needs it, and packing it for the road. */
#include <stdlib.h>

#include "node/core/object.h"
#include "proto/base/err.h"

void object_claim(const struct object *o, struct leaf_claim *claim)
{
    const struct cert *cert = o->self != NULL ? &o->self->cert : &o->signer->cert;

    *claim = (struct leaf_claim){ &cert->mesh, &cert->id, &o->head->key, o->head->generation };
}

bool object_sign_head(struct object *o)
{
    struct leaf_claim claim;

    if (!o->has_head_sig && o->self != NULL) {
        object_claim(o, &claim);
        leaf_sign_head(o->head_sig, o->self, &claim, slice_of(o->head_raw, o->head_len));
        o->has_head_sig = true;
    }
    return o->has_head_sig;
}

bool object_sign_one(struct object *o)
{
    struct leaf_claim claim;
    struct digest leaf;

    if (o->has_one_sig)
        return true;
    if (o->self == NULL || o->state != OBJECT_COMPLETE || o->leaves_n > 1)
        return false;
    if (o->leaves_n == 1)
        leaf = o->hashes[0];
    else
        leaf_hash(&leaf, SLICE_EMPTY);
    object_claim(o, &claim);
    leaf_sign_one(o->one_sig, o->self, &claim, slice_of(o->head_raw, o->head_len), &leaf, o->length);
    o->has_one_sig = true;
    return true;
}

/* The ramp 1, 2, 4, 8, 16: first bytes leave at once, long bodies cost few signatures. */
static uint32_t ramp(uint32_t batches_n)
{
    return batches_n < 4 ? 1u << batches_n : LEAF_BATCH_MAX;
}

/* Closes a batch over the leaves that are there, up to the ramp; the last one says FINAL.
 * An empty final batch ends an empty body, or one whose end came after its last leaf had gone. */
static const struct leaf_batch *close_batch(struct object *o)
{
    uint32_t there = o->leaves_n - o->batched, count = ramp(o->batches_n);
    bool complete = o->state == OBJECT_COMPLETE;
    struct leaf_claim claim;

    if (count > there)
        count = there;
    bool final = complete && o->batched + count == o->leaves_n;
    if (count == 0 && !final)
        return NULL;
    if (o->batches_n == o->batches_cap) {
        uint32_t cap = o->batches_cap == 0 ? 2 : o->batches_cap * 2;
        struct leaf_batch *p = realloc(o->batches, cap * sizeof(*p));
        if (p == NULL)
            return NULL;
        o->batches = p;
        object_hold(o, (int64_t)((cap - o->batches_cap) * sizeof(*p)));
        o->batches_cap = cap;
    }
    for (uint32_t i = 0; i < count; i++)
        leaf_chain_step(&o->chain, &o->hashes[o->batched + i]);
    struct leaf_batch *b = &o->batches[o->batches_n++];
    *b = (struct leaf_batch){ .first = o->batched, .count = count, .final = final, .length = final ? o->length : 0 };
    b->chain = o->chain;
    object_claim(o, &claim);
    leaf_sign_batch(b, o->self, &claim);
    o->batched += count;
    return b;
}

const struct leaf_batch *object_batch(struct object *o, uint32_t leaf)
{
    uint32_t lo = 0, hi = o->batches_n;

    while (lo < hi) { /* the first batch that ends behind |leaf| */
        uint32_t mid = lo + (hi - lo) / 2;
        const struct leaf_batch *b = &o->batches[mid];
        if (b->first + b->count > leaf || (b->count == 0 && b->first >= leaf))
            hi = mid;
        else
            lo = mid + 1;
    }
    if (lo < o->batches_n)
        return &o->batches[lo];
    if (o->self == NULL)
        return NULL;
    assert(leaf <= o->batched); /* leaves are announced in order */
    if (o->batches_n > 0 && o->batches[o->batches_n - 1].final)
        return NULL;
    return close_batch(o);
}

void object_slip(struct object *o)
{
    struct object_slip slip = { .offset = o->slipped, .len = o->tail_len - o->slipped };
    struct leaf_claim claim;

    if (o->self == NULL || slip.len == 0)
        return;
    object_claim(o, &claim);
    leaf_sign_slip(slip.sig, o->self, &claim, o->leaves_n, slip.offset, slice_of(o->tail + slip.offset, slip.len));
    if (o->slips_n == o->slips_cap) {
        uint32_t cap = o->slips_cap == 0 ? 8 : o->slips_cap * 2;
        struct object_slip *p = realloc(o->slips, cap * sizeof(*p));
        if (p == NULL)
            return; /* it goes with the whole leaf then */
        o->slips = p;
        object_hold(o, (int64_t)((cap - o->slips_cap) * sizeof(*p)));
        o->slips_cap = cap;
    }
    o->slips[o->slips_n++] = slip;
    o->slipped = o->tail_len;
    o->tail_since = MESH_NS_NEVER;
}

bool object_pack_known(const struct object *o, uint32_t i)
{
    const struct object_leaf *l = &o->leaves[i];

    return l->packed != NULL || l->packed_len == UINT32_MAX || l->raw_len < ZPACK_MIN;
}

bool object_packed(struct object *o, uint32_t i, struct zpack *z)
{
    struct object_leaf *l = &o->leaves[i];
    struct buf out = BUF_EMPTY;

    if (object_pack_known(o, i))
        return l->packed != NULL;
    if (zpack_deflate(z, slice_of(l->raw, l->raw_len), &out) != 0) {
        buf_free(&out);
        l->packed_len = UINT32_MAX;
        return false;
    }
    uint8_t *exact = realloc(out.data, out.len);
    l->packed = exact != NULL ? exact : out.data;
    l->packed_len = (uint32_t)out.len;
    object_hold(o, (int64_t)out.len);
    return true;
}
