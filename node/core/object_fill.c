/* An object's body as it comes: from the origin into the open leaf; from a peer leaf by leaf, with batches and slips.
 */
#include <stdlib.h>

#include "node/core/object_impl.h"
#include "proto/base/err.h"

void object_drop_fill(struct object *o)
{
    struct object_fill *f = o->fill;

    if (f == NULL)
        return;
    object_drop_bytes(o, f->tail, f->tail_cap);
    object_let_go(o, f->slips_cap * sizeof(*f->slips));
    object_let_go(o, sizeof(*f));
    free(f->slips);
    free(f);
    o->fill = NULL;
}

void object_set_flight(struct object *o, struct flight *f)
{
    if (o->fill == NULL) {
        assert(f == NULL);
        return;
    }
    o->fill->flight = f;
    if (f == NULL && o->state == OBJECT_COMPLETE)
        object_drop_fill(o);
}

/* ---- room ---- */

/* The body turns out to have more than one leaf. */
static bool make_many(struct object *o)
{
    union object_body b = { .many = { .leaves_cap = 2, .hashes_cap = 2 } };

    b.many.first_held = object_first_held(o);
    b.many.leaves = malloc(b.many.leaves_cap * sizeof(*b.many.leaves));
    b.many.hashes = malloc(b.many.hashes_cap * sizeof(*b.many.hashes));
    if (b.many.leaves == NULL || b.many.hashes == NULL) {
        free(b.many.leaves);
        free(b.many.hashes);
        return false;
    }
    b.many.leaves[0] = o->body.one.leaf;
    b.many.hashes[0] = o->body.one.hash;
    o->body = b;
    o->many = true;
    object_hold_block(o, b.many.leaves_cap * sizeof(*b.many.leaves));
    object_hold_block(o, b.many.hashes_cap * sizeof(*b.many.hashes));
    return true;
}

static bool room_for_hashes(struct object *o, uint32_t n)
{
    if (n <= 1 && !o->many)
        return true;
    return (o->many || make_many(o)) &&
           object_grow(o, &o->body.many.hashes, &o->body.many.hashes_cap, n, sizeof(*o->body.many.hashes));
}

static bool room_for_leaf(struct object *o)
{
    uint32_t n = o->leaves_n + 1;

    if (n <= 1 && !o->many)
        return true;
    return room_for_hashes(o, n) &&
           object_grow(o, &o->body.many.leaves, &o->body.many.leaves_cap, n, sizeof(*o->body.many.leaves));
}

static void set_hash(struct object *o, uint32_t i, const struct digest *hash)
{
    if (o->many)
        o->body.many.hashes[i] = *hash;
    else
        o->body.one.hash = *hash;
    if (o->fill->hashes_n <= i)
        o->fill->hashes_n = i + 1;
}

/* An array that will not grow any more gives back what it does not need. */
static void shrink(struct object *o, void *array_ptr, uint32_t *cap, uint32_t n, size_t item)
{
    void **array = array_ptr, *p = n < *cap ? realloc(*array, n * item) : NULL;

    if (p == NULL)
        return;
    *array = p;
    object_let_go(o, *cap * item);
    object_hold_block(o, n * item);
    *cap = n;
}

/* ---- the open leaf ---- */

static bool tail_room(struct object *o, uint32_t need)
{
    struct object_fill *f = o->fill;

    if (need <= f->tail_cap)
        return true;
    if (o->has_room && f->tail_cap == 0) { /* all that may come fits in */
        f->tail = object_room(o);
        f->tail_cap = (uint32_t)o->length;
        return true;
    }
    /* A leaf of known size gets just that; else it doubles. */
    uint64_t left = o->has_length ? o->length - (uint64_t)o->leaves_n * LEAF_BYTES : LEAF_BYTES;
    uint32_t to = f->tail_cap * 2 > need ? f->tail_cap * 2 : need;
    if (o->has_length && left <= LEAF_BYTES && left >= need)
        to = (uint32_t)left;
    if (to < 1024 && !o->has_length)
        to = 1024;
    if (to > LEAF_BYTES)
        to = LEAF_BYTES;
    uint8_t *p = realloc(f->tail, to);
    if (p == NULL)
        return false;
    object_let_go(o, f->tail_cap);
    object_hold_block(o, to);
    f->tail = p;
    f->tail_cap = to;
    return true;
}

static void tail_forget(struct object *o)
{
    struct object_fill *f = o->fill;

    f->tail = NULL;
    f->tail_len = f->tail_cap = 0;
    f->tail_since = MESH_NS_NEVER;
    f->slips_n = f->slipped = 0;
}

static void push_leaf(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len)
{
    *object_leaf(o, o->leaves_n++) = (struct object_leaf){ raw, packed, raw_len, packed_len };
    if (raw != NULL && raw != object_room(o))
        object_hold_block(o, raw_len);
    if (packed != NULL)
        object_hold_block(o, packed_len);
}

int object_close_tail(struct object *o)
{
    struct object_fill *f = o->fill;
    uint8_t *raw = f->tail;
    uint32_t len = f->tail_len;

    assert(len > 0);
    if (!room_for_leaf(o))
        return MESH_E_NOMEM;
    if (o->is_ours) {
        struct digest hash;
        leaf_hash(&hash, slice_of(raw, len));
        set_hash(o, o->leaves_n, &hash);
    }
    if (raw != object_room(o)) {
        uint8_t *smaller = f->tail_cap > len ? realloc(raw, len) : NULL;
        if (smaller != NULL)
            raw = smaller;
        object_let_go(o, f->tail_cap);
    }
    tail_forget(o);
    push_leaf(o, raw, len, NULL, 0);
    return 0;
}

int object_append(struct object *o, mesh_ns now, struct slice bytes)
{
    struct object_fill *f = o->fill;
    uint64_t have = object_available(o);

    OBJ_CHECK(o, OBJECT_MAGIC);
    assert(o->state == OBJECT_FILLING && o->is_ours);
    if (o->has_length && bytes.len > o->length - have)
        return MESH_E_RANGE;
    while (bytes.len > 0) {
        uint32_t room = LEAF_BYTES - f->tail_len;
        uint32_t n = bytes.len < room ? (uint32_t)bytes.len : room;
        if (!tail_room(o, f->tail_len + n))
            return MESH_E_NOMEM;
        memcpy(f->tail + f->tail_len, bytes.data, n);
        f->tail_len += n;
        if (f->tail_since == MESH_NS_NEVER)
            f->tail_since = now;
        bytes = slice_from(bytes, n);
        if (f->tail_len == LEAF_BYTES && object_close_tail(o) != 0)
            return MESH_E_NOMEM;
    }
    return 0;
}

/* ---- from a peer ---- */

int object_add_batch(struct object *o, const struct leaf_batch *batch, const struct digest *hashes)
{
    struct object_proof *p = object_proof_of(o);
    uint32_t n = o->fill->hashes_n;

    if (p == NULL)
        return MESH_E_NOMEM;
    if (batch->first != p->batched || batch->first != n)
        return MESH_E_STATE;
    if (!object_grow(o, &p->batches, &p->batches_cap, p->batches_n + 1, sizeof(*p->batches)) ||
        !room_for_hashes(o, n + batch->count))
        return MESH_E_NOMEM;
    for (uint32_t i = 0; i < batch->count; i++)
        set_hash(o, n + i, &hashes[i]);
    p->batched += batch->count;
    p->chain = batch->chain;
    p->batches[p->batches_n++] = *batch;
    return 0;
}

int object_add_leaf(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len)
{
    assert(o->state == OBJECT_FILLING && raw_len > 0 && raw_len <= LEAF_BYTES);
    if (!room_for_leaf(o))
        return MESH_E_NOMEM;
    if (o->fill->tail != NULL) {
        object_drop_bytes(o, o->fill->tail, o->fill->tail_cap);
        tail_forget(o);
    }
    if (o->has_room && o->leaves_n == 0 && raw_len <= o->length) {
        memcpy(object_room(o), raw, raw_len);
        free(raw);
        raw = object_room(o);
    }
    push_leaf(o, raw, raw_len, packed, packed_len);
    return 0;
}

int object_add_one(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len,
                   const struct digest *hash)
{
    int err = object_add_leaf(o, raw, raw_len, packed, packed_len);
    if (err == 0)
        set_hash(o, o->leaves_n - 1, hash);
    return err;
}

int object_add_absent(struct object *o, uint32_t raw_len, const struct digest *hash)
{
    assert(o->state == OBJECT_FILLING && raw_len > 0 && raw_len <= LEAF_BYTES);
    if ((!o->many && !make_many(o)) || !room_for_leaf(o)) /* of one leaf, an absent one would count as dropped */
        return MESH_E_NOMEM;
    push_leaf(o, NULL, raw_len, NULL, 0);
    set_hash(o, o->leaves_n - 1, hash);
    return 0;
}

int object_add_dropped(struct object *o, uint32_t raw_len, const struct digest *hash)
{
    assert(o->state == OBJECT_FILLING && !o->has_room && object_first_held(o) == o->leaves_n);
    if (!room_for_leaf(o))
        return MESH_E_NOMEM;
    *object_leaf(o, o->leaves_n++) = (struct object_leaf){ .raw_len = raw_len };
    if (o->many)
        o->body.many.first_held++;
    set_hash(o, o->leaves_n - 1, hash);
    return 0;
}

void object_put_leaf(struct object *o, uint32_t i, uint8_t *raw, uint8_t *packed, uint32_t packed_len)
{
    struct object_leaf *l = object_leaf(o, i);

    assert(l->raw == NULL && l->packed == NULL);
    *l = (struct object_leaf){ raw, packed, l->raw_len, packed_len };
    object_hold_block(o, l->raw_len);
    if (packed != NULL)
        object_hold_block(o, packed_len);
}

static int push_slip(struct object *o, const struct object_slip *slip)
{
    struct object_fill *f = o->fill;

    if (!object_grow(o, &f->slips, &f->slips_cap, f->slips_n + 1, sizeof(*f->slips)))
        return MESH_E_NOMEM;
    f->slips[f->slips_n++] = *slip;
    f->slipped = slip->offset + slip->len;
    f->tail_since = MESH_NS_NEVER;
    return 0;
}

int object_add_slip(struct object *o, const struct object_slip *slip, struct slice bytes)
{
    struct object_fill *f = o->fill;

    if (slip->offset != f->tail_len || slip->len != bytes.len || bytes.len == 0 || bytes.len > LEAF_BYTES - f->tail_len)
        return MESH_E_STATE;
    if (o->has_length && bytes.len > o->length - object_available(o))
        return MESH_E_RANGE;
    if (!tail_room(o, f->tail_len + slip->len) || push_slip(o, slip) != 0)
        return MESH_E_NOMEM;
    memcpy(f->tail + f->tail_len, bytes.data, bytes.len);
    f->tail_len += slip->len;
    return 0;
}

/* ---- the end ---- */

int object_finish(struct object *o)
{
    uint64_t have = object_available(o);
    int err;

    assert(o->state == OBJECT_FILLING);
    if (o->has_length && have != o->length)
        return MESH_E_SHORT;
    if (o->fill->tail_len > 0 && (err = object_close_tail(o)) != 0)
        return err;
    o->has_length = true;
    o->length = have;
    o->state = OBJECT_COMPLETE;
    o->fill->tail_since = MESH_NS_NEVER;
    if (o->many) {
        shrink(o, &o->body.many.leaves, &o->body.many.leaves_cap, o->leaves_n, sizeof(*o->body.many.leaves));
        shrink(o, &o->body.many.hashes, &o->body.many.hashes_cap, o->leaves_n, sizeof(*o->body.many.hashes));
    }
    if (o->fill->flight == NULL)
        object_drop_fill(o);
    return 0;
}

void object_fail(struct object *o)
{
    if (o->state == OBJECT_FILLING)
        o->state = OBJECT_FAILED;
    if (o->fill != NULL)
        o->fill->tail_since = MESH_NS_NEVER;
}
