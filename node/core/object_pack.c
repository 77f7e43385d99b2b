#include "node/core/object_pack_impl.h"

#include "proto/base/err.h"
#include "proto/wire.h"

#define HEAD_SLACK 4096u /* names that are kept as one byte each */

static const struct object_proof *proof_of(const struct object *o)
{
    return o->more != NULL ? o->more->proof : NULL;
}

bool object_pack_fits(const struct object *o)
{
    return o->state == OBJECT_COMPLETE && !o->uncacheable && !o->pass_through && object_first_held(o) == 0 &&
           object_pieces(o) == NULL && o->lifetime > 0 && o->leaves_n <= PACK_LEAVES_MAX;
}

uint64_t object_pack_bytes(const struct object *o)
{
    const struct object_proof *p = proof_of(o);

    return o->length + HEAD_SLACK + 2 * kept_head_bytes(o->head) + o->leaves_n * (DIGEST_BYTES + 8 + 10) +
           (p != NULL ? p->batches_n : 0) * PACK_BATCH + CERT_BYTES_MAX + 512;
}

/* Batches grow: most are of 16 leaves. */
uint64_t object_pack_head_bytes(uint64_t leaves)
{
    return HEAD_SLACK + 2 * (uint64_t)UINT16_MAX + leaves * (DIGEST_BYTES + PACK_BATCH / 8) + CERT_BYTES_MAX;
}

/* ---- there ---- */

static void put_batches(struct buf *b, const struct object *o)
{
    const struct object_proof *p = proof_of(o);

    for (uint32_t i = 0; p != NULL && i < p->batches_n; i++) {
        const struct leaf_batch *x = &p->batches[i];
        buf_add_u32(b, x->first);
        buf_add_u32(b, x->count);
        buf_add_u8(b, x->final);
        buf_add_u64(b, x->length);
        buf_add(b, x->chain.bytes, DIGEST_BYTES);
        buf_add(b, x->sig, SIGNATURE_BYTES);
    }
}

static bool goes_packed(const struct object_leaf *l)
{
    return l->packed != NULL && l->packed_len < l->raw_len;
}

static void put_leaves(struct buf *b, struct slice *leaves, const struct object *o, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct object_leaf *l = object_leaf(o, first + i);
        bool packed = goes_packed(l);
        leaves[i] = packed ? slice_of(l->packed, l->packed_len) : slice_of(l->raw, l->raw_len);
        buf_add_u32(b, l->raw_len);
        buf_add_u32(b, (uint32_t)leaves[i].len);
    }
}

static void put_times(struct buf *out, const struct object *o, const struct pack_frame *f)
{
    wire_put_u64(out, P_AGE);
    wire_put_u64(out, f->now > o->born ? (uint64_t)(f->now - o->born) : 0);
    wire_put_u64(out, P_WALL);
    wire_put_u64(out, f->wall_s > 0 ? (uint64_t)f->wall_s : 0);
    wire_put_u64(out, P_RUN);
    wire_put_u64(out, f->run);
    wire_put_u64(out, P_MONOTONIC);
    wire_put_u64(out, (uint64_t)f->now);
    wire_put_u64(out, P_LIFETIME);
    wire_put_u64(out, (uint64_t)o->lifetime);
    wire_put_u64(out, P_STALE_REVALIDATE);
    wire_put_u64(out, o->stale_while_revalidate_s);
    wire_put_u64(out, P_STALE_ERROR);
    wire_put_u64(out, o->stale_if_error_s);
    wire_put_u64(out, P_POSITION);
    wire_put_u64(out, o->position);
}

static void put_bin(struct buf *out, unsigned key, struct slice s)
{
    wire_put_u64(out, key);
    wire_put_bin(out, s);
}

static void put_map(struct buf *out, struct buf *scratch, struct slice *leaves, const struct object *o, uint32_t each,
                    const struct pack_frame *f)
{
    const struct object_part *part = object_part(o);
    const struct object_proof *proof = proof_of(o);
    bool head_sig = proof != NULL && proof->has_head_sig;
    uint64_t flags = (part != NULL ? FLAG_LEAF : 0) | (o->varies ? FLAG_VARIES : 0) |
                     (o->for_authorized ? FLAG_AUTHORIZED : 0) | (head_sig ? FLAG_HEAD_SIG : 0) |
                     (o->one_sig != NULL ? FLAG_ONE_SIG : 0);

    wire_put_map(out, P_FIELDS);
    wire_put_u64(out, P_FORMAT);
    wire_put_u64(out, PACK_FORMAT);
    wire_put_u64(out, P_DISTRIBUTION);
    wire_put_u64(out, f->distribution);
    (void)object_head_wire(o, scratch); /* which is looked at in the end */
    put_bin(out, P_HEAD, buf_slice(scratch));
    put_bin(out, P_PRIMARY, slice_of(part != NULL ? part->primary.bytes : o->key.bytes, DIGEST_BYTES));
    wire_put_u64(out, P_INDEX);
    wire_put_u64(out, part != NULL ? part->index : 0);
    wire_put_u64(out, P_FLAGS);
    wire_put_u64(out, flags);
    put_bin(out, P_VARIANT, o->varies ? SLICE_OF(o->more->variant.bytes) : SLICE_EMPTY);
    put_bin(out, P_CERT, o->is_ours ? SLICE_EMPTY : held_raw(o->by.signer));
    put_bin(out, P_ID, o->is_ours ? SLICE_OF(o->by.self->cert.id.bytes) : SLICE_EMPTY);
    put_bin(out, P_HEAD_SIG, head_sig ? SLICE_OF(proof->head_sig) : SLICE_EMPTY);
    put_bin(out, P_ONE_SIG, o->one_sig != NULL ? slice_of(o->one_sig, SIGNATURE_BYTES) : SLICE_EMPTY);
    if (buf_ok(scratch))
        buf_clear(scratch);
    put_batches(scratch, o);
    put_bin(out, P_BATCHES, buf_slice(scratch));
    put_bin(out, P_HASHES, slice_of(object_hashes(o), o->leaves_n * DIGEST_BYTES));
    if (buf_ok(scratch))
        buf_clear(scratch);
    if (each == 0)
        put_leaves(scratch, leaves, o, 0, o->leaves_n);
    put_bin(out, P_LEAVES, buf_slice(scratch));
    wire_put_u64(out, P_LENGTH);
    wire_put_u64(out, o->length);
    put_times(out, o, f);
    wire_put_u64(out, P_EACH);
    wire_put_u64(out, each);
    wire_put_u64(out, P_PURGES);
    wire_put_u64(out, purge_runs_of(f->purges, o->position));
}

static int pack(struct buf *head, struct slice *leaves, const struct object *o, uint32_t each,
                const struct pack_frame *f)
{
    struct buf scratch = BUF_EMPTY;

    buf_add_u32(head, 0);
    put_map(head, &scratch, leaves, o, each, f);
    bool ok = buf_ok(head) && buf_ok(&scratch);
    buf_free(&scratch);
    if (!ok)
        return MESH_E_NOMEM;
    be32_put(head->data, (uint32_t)head->len - 4);
    return 0;
}

int object_pack(struct buf *head, struct slice *leaves, const struct object *o, const struct pack_frame *f)
{
    return pack(head, leaves, o, 0, f);
}

int object_pack_head(struct buf *head, const struct object *o, uint32_t each, const struct pack_frame *f)
{
    return pack(head, NULL, o, each, f);
}

int object_pack_piece(struct buf *head, struct slice *leaves, const struct object *o, uint32_t first, uint32_t n)
{
    put_leaves(head, leaves, o, first, n);
    return buf_ok(head) ? 0 : MESH_E_NOMEM;
}
