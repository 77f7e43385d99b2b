#include "node/core/object_pack.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/wire.h"

#define FORMAT        1u
#define CLOCK_SLACK_S 2 /* by so much a clock may be behind when it is set */
#define BATCH_BYTES   (4 + 4 + 1 + 8 + DIGEST_BYTES + SIGNATURE_BYTES)
#define LEAVES_MAX    4096u
#define HEAD_SLACK    4096u /* names that are kept as one byte each */
#define AGE_MAX       SEC(UINT32_C(1) << 31)

enum {
    P_FORMAT,
    P_DISTRIBUTION,
    P_HEAD,
    P_PRIMARY,
    P_INDEX,
    P_FLAGS,
    P_VARIANT,
    P_CERT, /* of the signer; empty: we are that ... */
    P_ID,   /* ... under this id */
    P_HEAD_SIG,
    P_ONE_SIG,
    P_BATCHES,
    P_HASHES,
    P_LEAVES, /* two u32 each: bytes, and bytes as they are here if that is less */
    P_LENGTH,
    P_AGE,
    P_WALL,
    P_RUN,
    P_MONOTONIC,
    P_LIFETIME,
    P_STALE_REVALIDATE,
    P_STALE_ERROR,
    P_POSITION, /* of the last purge that was looked at, see purge_log.h */
    P_FIELDS
};
enum { FLAG_LEAF = 1, FLAG_VARIES = 2, FLAG_AUTHORIZED = 4, FLAG_HEAD_SIG = 8, FLAG_ONE_SIG = 16 };

static const struct object_proof *proof_of(const struct object *o)
{
    return o->more != NULL ? o->more->proof : NULL;
}

bool object_pack_fits(const struct object *o)
{
    return o->state == OBJECT_COMPLETE && !o->uncacheable && !o->pass_through && object_first_held(o) == 0 &&
           o->lifetime > 0 && o->leaves_n <= LEAVES_MAX;
}

uint64_t object_pack_bytes(const struct object *o)
{
    const struct object_proof *p = proof_of(o);

    return o->length + HEAD_SLACK + 2 * kept_head_bytes(o->head) + o->leaves_n * (DIGEST_BYTES + 8 + 10) +
           (p != NULL ? p->batches_n : 0) * BATCH_BYTES + CERT_BYTES_MAX + 512;
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

static void put_leaves(struct buf *b, struct slice *leaves, const struct object *o)
{
    for (uint32_t i = 0; i < o->leaves_n; i++) {
        const struct object_leaf *l = object_leaf(o, i);
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

static void put_map(struct buf *out, struct buf *scratch, struct slice *leaves, const struct object *o,
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
    wire_put_u64(out, FORMAT);
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
    put_bin(out, P_CERT, o->is_ours ? SLICE_EMPTY : slice_of(o->by.signer->cert_raw, o->by.signer->cert_len));
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
    put_leaves(scratch, leaves, o);
    put_bin(out, P_LEAVES, buf_slice(scratch));
    wire_put_u64(out, P_LENGTH);
    wire_put_u64(out, o->length);
    put_times(out, o, f);
}

int object_pack(struct buf *head, struct slice *leaves, const struct object *o, const struct pack_frame *f)
{
    struct buf scratch = BUF_EMPTY;

    buf_add_u32(head, 0);
    put_map(head, &scratch, leaves, o, f);
    bool ok = buf_ok(head) && buf_ok(&scratch);
    buf_free(&scratch);
    if (!ok)
        return MESH_E_NOMEM;
    be32_put(head->data, (uint32_t)head->len - 4);
    return 0;
}

/* ---- and back ---- */

struct unpacking {
    const struct pack_frame *f;
    const wire_value *map;
    struct slice rest; /* behind the map */
    struct object *o;
    struct slice batches, hashes, leaves;
    uint64_t length;
};

static int take_u64(const struct unpacking *u, unsigned key, uint64_t max, uint64_t *out)
{
    int err = wire_u64(u->map, key, out);

    return err != 0 ? err : *out > max ? MESH_E_RANGE : 0;
}

/* Who has signed it. */
static int make(struct unpacking *u)
{
    struct slice head, cert, id;
    struct signer *signer = NULL;
    int err;

    if ((err = wire_bin(u->map, P_HEAD, &head)) != 0 || (err = wire_bin(u->map, P_CERT, &cert)) != 0 ||
        (err = wire_bin(u->map, P_ID, &id)) != 0)
        return err;
    bool own = cert.len == 0;
    if (!own && (err = u->f->signer(u->f->ctx, cert, &signer)) != 0)
        return err;
    u->o = object_new(u->f->memory, head, own ? u->f->self : NULL, signer);
    signer_unref(signer);
    if (u->o == NULL)
        return MESH_E_NOMEM;
    return 0;
}

/* What an earlier identity of ours has signed we sign anew when it is needed. */
static bool signatures_hold(const struct unpacking *u)
{
    struct slice id;

    return !u->o->is_ours ||
           (wire_bin(u->map, P_ID, &id) == 0 && slice_eq(id, SLICE_OF(u->o->by.self->cert.id.bytes)));
}

static int take_signatures(struct unpacking *u, uint64_t flags)
{
    uint8_t sig[SIGNATURE_BYTES];
    int err;

    if ((flags & FLAG_HEAD_SIG) != 0) {
        if ((err = wire_fixed(u->map, P_HEAD_SIG, sig, sizeof(sig))) != 0)
            return err;
        if (!object_keep_head_sig(u->o, sig))
            return MESH_E_NOMEM;
    }
    if ((flags & FLAG_ONE_SIG) == 0)
        return 0;
    if ((err = wire_fixed(u->map, P_ONE_SIG, sig, sizeof(sig))) != 0)
        return err;
    return object_keep_one_sig(u->o, sig) ? 0 : MESH_E_NOMEM;
}

static int take_what(struct unpacking *u)
{
    struct object *o = u->o;
    struct digest primary;
    uint64_t flags, index;
    int err;

    if ((err = take_u64(u, P_FLAGS, UINT32_MAX, &flags)) != 0 || (err = take_u64(u, P_INDEX, UINT32_MAX, &index)) != 0 ||
        (err = wire_fixed(u->map, P_PRIMARY, primary.bytes, DIGEST_BYTES)) != 0)
        return err;
    o->for_authorized = (flags & FLAG_AUTHORIZED) != 0;
    if ((flags & FLAG_LEAF) != 0 && !object_set_part(o, (uint32_t)index, &primary))
        return MESH_E_NOMEM;
    if ((flags & FLAG_VARIES) != 0) {
        if (object_more_of(o) == NULL)
            return MESH_E_NOMEM;
        if ((err = wire_fixed(u->map, P_VARIANT, o->more->variant.bytes, DIGEST_BYTES)) != 0)
            return err;
        o->varies = true;
    }
    return signatures_hold(u) ? take_signatures(u, flags) : 0;
}

static int take_times(struct unpacking *u)
{
    const struct pack_frame *f = u->f;
    struct object *o = u->o;
    uint64_t age, wall, run, monotonic, lifetime, revalidate, error, position;
    int err;

    if ((err = take_u64(u, P_AGE, (uint64_t)AGE_MAX, &age)) != 0 ||
        (err = take_u64(u, P_WALL, INT64_MAX, &wall)) != 0 || (err = take_u64(u, P_RUN, UINT64_MAX, &run)) != 0 ||
        (err = take_u64(u, P_MONOTONIC, INT64_MAX, &monotonic)) != 0 ||
        (err = take_u64(u, P_LIFETIME, INT64_MAX, &lifetime)) != 0 ||
        (err = take_u64(u, P_STALE_REVALIDATE, UINT32_MAX, &revalidate)) != 0 ||
        (err = take_u64(u, P_STALE_ERROR, UINT32_MAX, &error)) != 0 ||
        (err = take_u64(u, P_POSITION, UINT64_MAX, &position)) != 0)
        return err;
    o->position = run == f->run || position < f->purged ? position : f->purged;
    o->lifetime = (mesh_ns)lifetime;
    o->stale_while_revalidate_s = (uint32_t)revalidate;
    o->stale_if_error_s = (uint32_t)error;
    if (run == f->run && (mesh_ns)monotonic <= f->now) {
        age += (uint64_t)(f->now - (mesh_ns)monotonic);
    } else if (wall == 0 || f->wall_s < (int64_t)wall - CLOCK_SLACK_S) {
        o->stale_while_revalidate_s = 0; /* nobody knows how old it is */
        age = age > lifetime ? age : lifetime;
    } else {
        int64_t since = f->wall_s > (int64_t)wall ? f->wall_s - (int64_t)wall : 0;
        age += (uint64_t)SEC(since < (INT64_C(1) << 31) ? since : INT64_C(1) << 31);
    }
    o->born = f->now - (mesh_ns)age;
    return 0;
}

static int take_batches(struct unpacking *u)
{
    struct digest none[LEAF_BATCH_MAX];
    struct object *o = u->o;
    uint64_t covered = 0;

    if (u->batches.len % BATCH_BYTES != 0)
        return MESH_E_RANGE;
    if (!signatures_hold(u))
        return 0;
    for (size_t at = 0; at < u->batches.len; at += BATCH_BYTES) {
        const uint8_t *p = u->batches.data + at;
        struct leaf_batch b = {
            .first = be32_get(p), .count = be32_get(p + 4), .final = p[8] != 0, .length = be64_get(p + 9)
        };
        memcpy(b.chain.bytes, p + 17, DIGEST_BYTES);
        memcpy(b.sig, p + 17 + DIGEST_BYTES, SIGNATURE_BYTES);
        covered += b.count;
        if (!leaf_batch_ok(&b) || covered * DIGEST_BYTES > u->hashes.len || b.first != object_batched(o))
            return MESH_E_RANGE;
        for (uint32_t i = 0; i < b.count; i++)
            memcpy(none[i].bytes, u->hashes.data + (b.first + i) * DIGEST_BYTES, DIGEST_BYTES);
        int err = object_add_batch(o, &b, none);
        if (err != 0)
            return err;
    }
    return 0;
}

static int add_leaf(struct unpacking *u, struct slice bytes, uint32_t raw_len, const uint8_t *want)
{
    bool packed = bytes.len < raw_len;
    uint8_t *raw = malloc(raw_len), *kept = packed ? malloc(bytes.len) : NULL;
    struct digest got;
    int err = 0;

    if (raw == NULL || (packed && kept == NULL))
        err = MESH_E_NOMEM;
    else if (packed)
        err = zpack_inflate(u->f->zpack, bytes, raw, raw_len);
    else
        memcpy(raw, bytes.data, raw_len);
    if (err == 0) {
        leaf_hash(&got, slice_of(raw, raw_len));
        if (memcmp(got.bytes, want, DIGEST_BYTES) != 0)
            err = MESH_E_HASH;
    }
    if (err == 0 && packed)
        memcpy(kept, bytes.data, bytes.len);
    if (err == 0)
        err = object_add_one(u->o, raw, raw_len, kept, packed ? (uint32_t)bytes.len : 0, &got);
    if (err != 0) {
        free(raw);
        free(kept);
    }
    return err;
}

static int take_leaves(struct unpacking *u)
{
    struct object *o = u->o;
    size_t n = u->leaves.len / 8;
    int err;

    if (u->leaves.len % 8 != 0 || n > LEAVES_MAX || u->hashes.len != n * DIGEST_BYTES || leaf_count(u->length) != n ||
        (o->has_length && o->length != u->length))
        return MESH_E_RANGE;
    o->has_length = true;
    o->length = u->length;
    for (size_t i = 0; i < n; i++) {
        uint32_t raw_len = be32_get(u->leaves.data + 8 * i), len = be32_get(u->leaves.data + 8 * i + 4);
        uint64_t left = u->length - i * LEAF_BYTES;
        if (raw_len != (left < LEAF_BYTES ? left : LEAF_BYTES) || len > raw_len || len > u->rest.len)
            return MESH_E_RANGE;
        err = add_leaf(u, slice_head(u->rest, len), raw_len, u->hashes.data + i * DIGEST_BYTES);
        if (err != 0)
            return err;
        u->rest = slice_from(u->rest, len);
    }
    return u->rest.len == 0 ? object_finish(o) : MESH_E_SYNTAX;
}

static int unpack(struct unpacking *u)
{
    uint64_t format, distribution;
    int err;

    if ((err = take_u64(u, P_FORMAT, UINT32_MAX, &format)) != 0 ||
        (err = take_u64(u, P_DISTRIBUTION, UINT64_MAX, &distribution)) != 0)
        return err;
    if (format != FORMAT || distribution != u->f->distribution)
        return MESH_E_STATE;
    if ((err = make(u)) != 0 || (err = take_what(u)) != 0 || (err = take_times(u)) != 0 ||
        (err = wire_bin(u->map, P_BATCHES, &u->batches)) != 0 || (err = wire_bin(u->map, P_HASHES, &u->hashes)) != 0 ||
        (err = wire_bin(u->map, P_LEAVES, &u->leaves)) != 0 ||
        (err = take_u64(u, P_LENGTH, LEAF_BODY_MAX, &u->length)) != 0 || (err = take_batches(u)) != 0)
        return err;
    return take_leaves(u);
}

int object_unpack(struct object **out, struct slice bytes, const struct pack_frame *f)
{
    struct unpacking u = { .f = f };
    struct wire w = { 0 };
    int err;

    if (bytes.len < 4 || be32_get(bytes.data) > bytes.len - 4)
        return MESH_E_SHORT;
    size_t len = be32_get(bytes.data);
    if ((err = wire_open(&w, slice_of(bytes.data + 4, len), true)) != 0)
        return err;
    u.map = w.root;
    u.rest = slice_from(bytes, 4 + len);
    err = unpack(&u);
    wire_close(&w);
    if (err == 0)
        *out = u.o;
    else
        object_unref(u.o);
    return err;
}
