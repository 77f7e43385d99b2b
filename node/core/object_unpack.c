/* Bytes from the disk, which may be anything, as an object again (object_pack.h). */
#include <stdlib.h>

#include "node/core/object_pack_impl.h"
#include "proto/base/err.h"
#include "proto/wire.h"

#define CLOCK_SLACK_S 2 /* by so much a clock may be behind when it is set */
#define AGE_MAX       SEC(UINT32_C(1) << 31)

struct unpacking {
    const struct pack_frame *f;
    const wire_value *map;
    struct slice rest; /* behind the map */
    struct object *o;
    struct slice batches, hashes, leaves;
    uint64_t length;
    uint32_t each;
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
    struct held_cert *signer = NULL;
    int err;

    if ((err = wire_bin(u->map, P_HEAD, &head)) != 0 || (err = wire_bin(u->map, P_CERT, &cert)) != 0 ||
        (err = wire_bin(u->map, P_ID, &id)) != 0)
        return err;
    bool own = cert.len == 0;
    if (!own && (err = u->f->signer(u->f->ctx, cert, &signer)) != 0)
        return err;
    u->o = object_new(u->f->memory, head, own ? u->f->self : NULL, signer);
    held_drop(signer);
    if (u->o == NULL)
        return MESH_E_NOMEM;
    return 0;
}

/* What an earlier identity of ours has signed we sign anew when it is needed. */
static bool signatures_hold(const struct unpacking *u)
{
    struct slice id;

    return !u->o->is_ours || (wire_bin(u->map, P_ID, &id) == 0 && slice_eq(id, SLICE_OF(u->o->by.self->cert.id.bytes)));
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

    if ((err = take_u64(u, P_FLAGS, UINT32_MAX, &flags)) != 0 ||
        (err = take_u64(u, P_INDEX, UINT32_MAX, &index)) != 0 ||
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

/* What it was looked at by counts as far as those purges are the same ones still. */
static int take_position(struct unpacking *u)
{
    uint64_t position, run = 0;
    int err = take_u64(u, P_POSITION, UINT64_MAX, &position);

    if (err == 0 && (err = take_u64(u, P_PURGES, UINT64_MAX, &run)) == MESH_E_MISSING)
        err = 0; /* an earlier version has put it there */
    if (err == 0)
        u->o->position = purge_runs_hold(u->f->purges, run, position) ? position : 0;
    return err;
}

static int take_times(struct unpacking *u)
{
    const struct pack_frame *f = u->f;
    struct object *o = u->o;
    uint64_t age, wall, run, monotonic, lifetime, revalidate, error;
    int err;

    if ((err = take_u64(u, P_AGE, (uint64_t)AGE_MAX, &age)) != 0 ||
        (err = take_u64(u, P_WALL, INT64_MAX, &wall)) != 0 || (err = take_u64(u, P_RUN, UINT64_MAX, &run)) != 0 ||
        (err = take_u64(u, P_MONOTONIC, INT64_MAX, &monotonic)) != 0 ||
        (err = take_u64(u, P_LIFETIME, INT64_MAX, &lifetime)) != 0 ||
        (err = take_u64(u, P_STALE_REVALIDATE, UINT32_MAX, &revalidate)) != 0 ||
        (err = take_u64(u, P_STALE_ERROR, UINT32_MAX, &error)) != 0)
        return err;
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

    if (u->batches.len % PACK_BATCH != 0)
        return MESH_E_RANGE;
    if (!signatures_hold(u))
        return 0;
    for (size_t at = 0; at < u->batches.len; at += PACK_BATCH) {
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

/* A leaf as it was put there, verified. */
struct leaf_bytes {
    uint8_t *raw, *packed; /* NULL: it does not lie there packed */
    uint32_t packed_len;
};

static void leaf_bytes_free(struct leaf_bytes *l)
{
    free(l->raw);
    free(l->packed);
    *l = (struct leaf_bytes){ NULL, NULL, 0 };
}

static int read_leaf(struct leaf_bytes *out, struct slice bytes, uint32_t raw_len, const uint8_t *want, struct zpack *z)
{
    bool packed = bytes.len < raw_len;
    struct leaf_bytes l = { malloc(raw_len), packed ? malloc(bytes.len) : NULL, packed ? (uint32_t)bytes.len : 0 };
    struct digest got;
    int err = 0;

    if (l.raw == NULL || (packed && l.packed == NULL))
        err = MESH_E_NOMEM;
    else if (packed)
        err = zpack_inflate(z, bytes, l.raw, raw_len);
    else
        memcpy(l.raw, bytes.data, raw_len);
    if (err == 0) {
        leaf_hash(&got, slice_of(l.raw, raw_len));
        if (memcmp(got.bytes, want, DIGEST_BYTES) != 0)
            err = MESH_E_HASH;
    }
    if (err != 0) {
        leaf_bytes_free(&l);
        return err;
    }
    if (packed)
        memcpy(l.packed, bytes.data, bytes.len);
    *out = l;
    return 0;
}

static uint32_t raw_length(const struct object *o, uint64_t i)
{
    uint64_t left = o->length - i * LEAF_BYTES;

    return left < LEAF_BYTES ? (uint32_t)left : LEAF_BYTES;
}

static void hash_at(struct digest *out, const struct unpacking *u, size_t i)
{
    memcpy(out->bytes, u->hashes.data + i * DIGEST_BYTES, DIGEST_BYTES);
}

/* They lie elsewhere. */
static int take_absent(struct unpacking *u, size_t n)
{
    struct digest hash;
    int err = 0;

    for (size_t i = 0; i < n && err == 0; i++) {
        hash_at(&hash, u, i);
        err = object_add_absent(u->o, raw_length(u->o, i), &hash);
    }
    if (err != 0)
        return err;
    return object_set_pieces(u->o, u->each, u->f->host, u->f->path) ? 0 : MESH_E_NOMEM;
}

static int take_here(struct unpacking *u, size_t n)
{
    struct leaf_bytes l = { NULL, NULL, 0 };
    struct digest hash;

    for (size_t i = 0; i < n; i++) {
        uint32_t raw_len = be32_get(u->leaves.data + 8 * i), len = be32_get(u->leaves.data + 8 * i + 4);
        if (raw_len != raw_length(u->o, i) || len > raw_len || len > u->rest.len)
            return MESH_E_RANGE;
        hash_at(&hash, u, i);
        int err = read_leaf(&l, slice_head(u->rest, len), raw_len, hash.bytes, u->f->zpack);
        if (err == 0 && (err = object_add_one(u->o, l.raw, raw_len, l.packed, l.packed_len, &hash)) != 0)
            leaf_bytes_free(&l);
        if (err != 0)
            return err;
        u->rest = slice_from(u->rest, len);
    }
    return 0;
}

static int take_leaves(struct unpacking *u)
{
    struct object *o = u->o;
    size_t n = u->hashes.len / DIGEST_BYTES, here = u->each == 0 ? n : 0;
    int err;

    if (u->leaves.len != 8 * here || here > PACK_LEAVES_MAX || u->hashes.len != n * DIGEST_BYTES ||
        leaf_count(u->length) != n || (o->has_length && o->length != u->length))
        return MESH_E_RANGE;
    o->has_length = true;
    o->length = u->length;
    if ((err = u->each == 0 ? take_here(u, n) : take_absent(u, n)) != 0)
        return err;
    return u->rest.len == 0 ? object_finish(o) : MESH_E_SYNTAX;
}

int object_unpack_piece(struct object *o, struct slice bytes, uint32_t first, uint32_t n, struct zpack *z)
{
    struct leaf_bytes *all = calloc(n, sizeof(*all));
    struct slice rest = slice_from(bytes, 8 * (size_t)n < bytes.len ? 8 * (size_t)n : bytes.len);
    int err = all == NULL ? MESH_E_NOMEM : bytes.len < 8 * (size_t)n ? MESH_E_SYNTAX : 0;

    for (uint32_t i = 0; i < n && err == 0; i++) {
        uint32_t raw_len = be32_get(bytes.data + 8 * i), len = be32_get(bytes.data + 8 * i + 4);
        if (raw_len != raw_length(o, first + i) || len > raw_len || len > rest.len)
            err = MESH_E_SYNTAX;
        else
            err = read_leaf(&all[i], slice_head(rest, len), raw_len, object_hashes(o)[first + i].bytes, z);
        rest = slice_from(rest, len < rest.len ? len : rest.len);
    }
    if (err == 0 && rest.len > 0)
        err = MESH_E_SYNTAX;
    for (uint32_t i = 0; i < n && all != NULL; i++) {
        if (err == 0)
            object_put_leaf(o, first + i, all[i].raw, all[i].packed, all[i].packed_len);
        else
            leaf_bytes_free(&all[i]);
    }
    free(all);
    return err;
}

static int unpack(struct unpacking *u)
{
    uint64_t format, distribution, each;
    int err;

    if ((err = take_u64(u, P_FORMAT, UINT32_MAX, &format)) != 0 ||
        (err = take_u64(u, P_DISTRIBUTION, UINT64_MAX, &distribution)) != 0)
        return err;
    if (format != PACK_FORMAT || distribution != u->f->distribution)
        return MESH_E_STATE;
    if ((err = make(u)) != 0 || (err = take_what(u)) != 0 || (err = take_times(u)) != 0 ||
        (err = take_position(u)) != 0 || (err = wire_bin(u->map, P_BATCHES, &u->batches)) != 0 ||
        (err = wire_bin(u->map, P_HASHES, &u->hashes)) != 0 || (err = wire_bin(u->map, P_LEAVES, &u->leaves)) != 0 ||
        (err = take_u64(u, P_LENGTH, LEAF_BODY_MAX, &u->length)) != 0 ||
        (err = take_u64(u, P_EACH, PACK_LEAVES_MAX, &each)) != 0 || (err = take_batches(u)) != 0)
        return err;
    u->each = (uint32_t)each;
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
