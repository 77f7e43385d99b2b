/* Signing what we fetched, when somebody first needs it, and packing it for the road. */
#include <stdlib.h>

#include "node/core/object_impl.h"
#include "proto/base/err.h"

void object_claim(const struct object *o, struct leaf_claim *claim)
{
    const struct cert *cert = o->is_ours ? &o->by.self->cert : &o->by.signer->cert;

    *claim = (struct leaf_claim){ &cert->mesh, &cert->id, &o->key, o->head->generation };
}

bool object_keep_head_sig(struct object *o, const uint8_t sig[SIGNATURE_BYTES])
{
    struct object_proof *p = object_proof_of(o);

    if (p == NULL)
        return false;
    memcpy(p->head_sig, sig, SIGNATURE_BYTES);
    p->has_head_sig = true;
    return true;
}

bool object_keep_one_sig(struct object *o, const uint8_t sig[SIGNATURE_BYTES])
{
    if (o->one_sig == NULL) {
        if ((o->one_sig = malloc(SIGNATURE_BYTES)) == NULL)
            return false;
        object_hold_block(o, SIGNATURE_BYTES);
    }
    memcpy(o->one_sig, sig, SIGNATURE_BYTES);
    return true;
}

bool object_sign_head(struct object *o)
{
    struct buf wire = BUF_EMPTY;
    struct leaf_claim claim;
    uint8_t sig[SIGNATURE_BYTES];

    if (o->more != NULL && o->more->proof != NULL && o->more->proof->has_head_sig)
        return true;
    if (!o->is_ours)
        return false;
    bool ok = object_head_wire(o, &wire) == 0;
    if (ok) {
        object_claim(o, &claim);
        leaf_sign_head(sig, o->by.self, &claim, buf_slice(&wire));
        ok = object_keep_head_sig(o, sig);
    }
    buf_free(&wire);
    return ok;
}

bool object_sign_one(struct object *o)
{
    struct buf wire = BUF_EMPTY;
    struct leaf_claim claim;
    struct digest leaf;
    uint8_t sig[SIGNATURE_BYTES];

    if (o->one_sig != NULL)
        return true;
    if (!o->is_ours || o->state != OBJECT_COMPLETE || o->leaves_n > 1)
        return false;
    if (o->leaves_n == 1)
        leaf = object_hashes(o)[0];
    else
        leaf_hash(&leaf, SLICE_EMPTY);
    bool ok = object_head_wire(o, &wire) == 0;
    if (ok) {
        object_claim(o, &claim);
        leaf_sign_one(sig, o->by.self, &claim, buf_slice(&wire), &leaf, o->length);
        ok = object_keep_one_sig(o, sig);
    }
    buf_free(&wire);
    return ok;
}

/* The ramp 1, 2, 4, 8, 16 while the body comes: first bytes leave at once, long bodies cost few signatures. */
static uint32_t ramp(const struct object *o, uint32_t batches_n)
{
    return batches_n < 4 && o->state != OBJECT_COMPLETE ? 1u << batches_n : LEAF_BATCH_MAX;
}

/* Closes a batch over the leaves that are there, up to the ramp; the last one says FINAL.
 * An empty final batch ends an empty body, or one whose end came after its last leaf had gone. */
static const struct leaf_batch *close_batch(struct object *o)
{
    struct object_proof *p = object_proof_of(o);
    bool complete = o->state == OBJECT_COMPLETE;
    struct leaf_claim claim;

    if (p == NULL)
        return NULL;
    uint32_t there = o->leaves_n - p->batched, count = ramp(o, p->batches_n);
    if (count > there)
        count = there;
    bool final = complete && p->batched + count == o->leaves_n;
    if (count == 0 && !final)
        return NULL;
    if (!object_grow(o, &p->batches, &p->batches_cap, p->batches_n + 1, sizeof(*p->batches)))
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        leaf_chain_step(&p->chain, &object_hashes(o)[p->batched + i]);
    struct leaf_batch *b = &p->batches[p->batches_n++];
    *b = (struct leaf_batch){ .first = p->batched, .count = count, .final = final, .length = final ? o->length : 0 };
    b->chain = p->chain;
    object_claim(o, &claim);
    leaf_sign_batch(b, o->by.self, &claim);
    p->batched += count;
    return b;
}

const struct leaf_batch *object_batch(struct object *o, uint32_t leaf)
{
    const struct object_proof *p = o->more != NULL ? o->more->proof : NULL;
    uint32_t n = p != NULL ? p->batches_n : 0, lo = 0, hi = n;

    while (lo < hi) { /* the first batch that ends behind |leaf| */
        uint32_t mid = lo + (hi - lo) / 2;
        const struct leaf_batch *b = &p->batches[mid];
        if (b->first + b->count > leaf || (b->count == 0 && b->first >= leaf))
            hi = mid;
        else
            lo = mid + 1;
    }
    if (lo < n)
        return &p->batches[lo];
    if (!o->is_ours)
        return NULL;
    assert(leaf <= object_batched(o)); /* leaves are announced in order */
    if (n > 0 && p->batches[n - 1].final)
        return NULL;
    return close_batch(o);
}

static bool peer_reads(const struct object *o)
{
    LIST_EACH (at, &o->readers) {
        if (OBJ_OF(at, struct reader, link)->of_peer)
            return true;
    }
    return false;
}

void object_batch_anew(struct object *o)
{
    struct object_proof *p = o->more != NULL ? o->more->proof : NULL;

    if (p == NULL || !o->is_ours || o->state != OBJECT_COMPLETE || peer_reads(o) ||
        p->batches_n <= (o->leaves_n + LEAF_BATCH_MAX - 1) / LEAF_BATCH_MAX)
        return;
    p->batches_n = p->batched = 0;
    leaf_chain_start(&p->chain, o->head->generation);
}

void object_slip(struct object *o)
{
    struct object_fill *f = o->fill;
    struct leaf_claim claim;

    if (f == NULL || !o->is_ours || f->tail_len == f->slipped)
        return;
    struct object_slip slip = { .offset = f->slipped, .len = f->tail_len - f->slipped };
    object_claim(o, &claim);
    leaf_sign_slip(slip.sig, o->by.self, &claim, o->leaves_n, slip.offset, slice_of(f->tail + slip.offset, slip.len));
    if (!object_grow(o, &f->slips, &f->slips_cap, f->slips_n + 1, sizeof(*f->slips)))
        return; /* it goes with the whole leaf then */
    f->slips[f->slips_n++] = slip;
    f->slipped = f->tail_len;
    f->tail_since = MESH_NS_NEVER;
}

bool object_pack_known(const struct object *o, uint32_t i)
{
    const struct object_leaf *l = object_leaf(o, i);

    return l->packed != NULL || l->packed_len == UINT32_MAX || l->raw_len < ZPACK_MIN;
}

bool object_packed(struct object *o, uint32_t i, struct zpack *z)
{
    struct object_leaf *l = object_leaf(o, i);
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
    object_hold_block(o, out.len);
    return true;
}
