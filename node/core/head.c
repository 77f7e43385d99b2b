#include "node/core/head.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/leaf.h"
#include "proto/wire.h"

enum { K_KEY = 1, K_GENERATION = 2, K_STATUS = 3, K_FETCHED = 4, K_FIELDS = 5, K_LENGTH = 6, K_ORIGIN = 7 };

/* What every hop makes anew is not part of an object, whoever sends it: its own framing
 * would meet ours in one answer. */
static bool left_out(const struct fields *f, const struct field *field)
{
    return slice_eq_nocase(field->name, SLICE_LIT("age")) ||
           slice_eq_nocase(field->name, SLICE_LIT("content-length")) ||
           slice_eq_nocase(field->name, SLICE_LIT("cache-status")) || fields_hop_by_hop(f, field);
}

int head_encode(struct buf *out, const struct head *h)
{
    size_t start = out->len;
    bool keeps[FIELDS_MAX];
    uint32_t kept = 0;

    for (size_t i = 0; i < h->fields.n; i++)
        kept += keeps[i] = !left_out(&h->fields, &h->fields.at[i]);
    wire_put_map(out, 5 + h->has_length + (h->origin != 0));
    wire_put_u64(out, K_KEY);
    wire_put_bin(out, SLICE_OF(h->key.bytes));
    wire_put_u64(out, K_GENERATION);
    wire_put_u64(out, h->generation);
    wire_put_u64(out, K_STATUS);
    wire_put_u64(out, h->status);
    wire_put_u64(out, K_FETCHED);
    wire_put_i64(out, h->fetched_s);
    wire_put_u64(out, K_FIELDS);
    wire_put_array(out, 2 * kept);
    for (size_t i = 0; i < h->fields.n; i++) {
        if (!keeps[i])
            continue;
        wire_put_bin(out, h->fields.at[i].name);
        wire_put_bin(out, h->fields.at[i].value);
    }
    if (h->has_length) {
        wire_put_u64(out, K_LENGTH);
        wire_put_u64(out, h->length);
    }
    if (h->origin != 0) {
        wire_put_u64(out, K_ORIGIN);
        wire_put_u64(out, h->origin);
    }
    if (!buf_ok(out))
        return MESH_E_NOMEM;
    if (out->len - start > HEAD_BYTES_MAX) {
        out->len = start;
        return MESH_E_RANGE;
    }
    return 0;
}

static int decode_fields(struct fields *f, const wire_value *array, size_t n)
{
    int err;

    if (n % 2 != 0)
        return MESH_E_SYNTAX;
    for (size_t i = 0; i < n; i += 2) {
        struct slice name, value;
        if ((err = wire_as_bin(wire_at(array, i), &name)) != 0 ||
            (err = wire_as_bin(wire_at(array, i + 1), &value)) != 0)
            return err;
        if (!field_is_sound(name, value))
            return MESH_E_SYNTAX;
        if ((err = fields_add(f, name, value)) != 0)
            return err;
        if (left_out(f, &f->at[f->n - 1]))
            return MESH_E_SYNTAX;
    }
    return 0;
}

int head_decode(struct head *h, struct slice bytes)
{
    struct wire w = { 0 };
    const wire_value *array;
    uint64_t status;
    size_t n;
    int err;

    if (bytes.len > HEAD_BYTES_MAX)
        return MESH_E_RANGE;
    if ((err = wire_open(&w, bytes, true)) != 0)
        return err;
    fields_clear(&h->fields);
    if ((err = wire_fixed(w.root, K_KEY, h->key.bytes, DIGEST_BYTES)) != 0 ||
        (err = wire_u64(w.root, K_GENERATION, &h->generation)) != 0 ||
        (err = wire_u64(w.root, K_STATUS, &status)) != 0 || (err = wire_i64(w.root, K_FETCHED, &h->fetched_s)) != 0 ||
        (err = wire_array(w.root, K_FIELDS, &array, &n)) != 0)
        goto out;
    if (status < 200 || status > 599) {
        err = MESH_E_RANGE;
        goto out;
    }
    h->status = (uint16_t)status;
    h->length = 0;
    err = wire_u64(w.root, K_LENGTH, &h->length);
    h->has_length = err == 0;
    if (err == MESH_E_MISSING)
        err = 0;
    h->origin = 0;
    if (err == 0 && (err = wire_u64(w.root, K_ORIGIN, &h->origin)) == MESH_E_MISSING)
        err = 0;
    if (err == 0 && h->length > LEAF_BODY_MAX)
        err = MESH_E_RANGE;
    if (err == 0)
        err = decode_fields(&h->fields, array, n); /* bins lend from |bytes|, not from |w| */
out:
    wire_close(&w);
    return err;
}

static size_t size_with(size_t fields)
{
    return offsetof(struct head, fields.at) + fields * sizeof(struct field);
}

struct head *head_copy(const struct head *h, struct buf *scratch)
{
    size_t room = size_with(h->fields.n);
    struct head whole;

    buf_clear(scratch);
    if (head_encode(scratch, h) != 0)
        return NULL;
    uint8_t *copy = malloc(room + scratch->len);
    if (copy == NULL)
        return NULL;
    memcpy(copy + room, scratch->data, scratch->len);
    if (head_decode(&whole, slice_of(copy + room, scratch->len)) != 0) {
        free(copy);
        return NULL;
    }
    memcpy(copy, &whole, size_with(whole.fields.n)); /* no more fields than |h| has */
    return (struct head *)(void *)copy;
}
