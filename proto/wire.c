#include "proto/wire.h"

#include <assert.h>
#include <msgpack.h>

#include "proto/base/err.h"

/* ---- writing ---- */

static void put_tagged(struct buf *b, uint8_t tag, uint64_t v, unsigned bytes)
{
    uint8_t raw[9] = { tag };

    for (unsigned i = 0; i < bytes; i++)
        raw[1 + i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    buf_add(b, raw, 1 + bytes);
}

void wire_put_u64(struct buf *b, uint64_t v)
{
    if (v < 0x80)
        buf_add_u8(b, (uint8_t)v);
    else if (v <= UINT8_MAX)
        put_tagged(b, 0xcc, v, 1);
    else if (v <= UINT16_MAX)
        put_tagged(b, 0xcd, v, 2);
    else if (v <= UINT32_MAX)
        put_tagged(b, 0xce, v, 4);
    else
        put_tagged(b, 0xcf, v, 8);
}

void wire_put_i64(struct buf *b, int64_t v)
{
    if (v >= 0)
        wire_put_u64(b, (uint64_t)v);
    else if (v >= -32)
        buf_add_u8(b, (uint8_t)v);
    else if (v >= INT8_MIN)
        put_tagged(b, 0xd0, (uint64_t)v, 1);
    else if (v >= INT16_MIN)
        put_tagged(b, 0xd1, (uint64_t)v, 2);
    else if (v >= INT32_MIN)
        put_tagged(b, 0xd2, (uint64_t)v, 4);
    else
        put_tagged(b, 0xd3, (uint64_t)v, 8);
}

void wire_put_bool(struct buf *b, bool v)
{
    buf_add_u8(b, v ? 0xc3 : 0xc2);
}

/* A length: in the tag itself below |fix_n|, else behind |tag8| (0: there is none), tag16 or tag32. */
static void put_length(struct buf *b, size_t n, uint8_t fix_tag, unsigned fix_n, uint8_t tag8, uint8_t tag16)
{
    assert(n <= UINT32_MAX);
    if (n < fix_n)
        buf_add_u8(b, (uint8_t)(fix_tag | n));
    else if (tag8 != 0 && n <= UINT8_MAX)
        put_tagged(b, tag8, n, 1);
    else if (n <= UINT16_MAX)
        put_tagged(b, tag16, n, 2);
    else
        put_tagged(b, (uint8_t)(tag16 + 1), n, 4);
}

void wire_put_map(struct buf *b, uint32_t pairs)
{
    put_length(b, pairs, 0x80, 16, 0, 0xde);
}

void wire_put_array(struct buf *b, uint32_t n)
{
    put_length(b, n, 0x90, 16, 0, 0xdc);
}

void wire_put_bin(struct buf *b, struct slice s)
{
    put_length(b, s.len, 0, 0, 0xc4, 0xc5);
    buf_add_slice(b, s);
}

void wire_put_str(struct buf *b, struct slice s)
{
    put_length(b, s.len, 0xa0, 32, 0xd9, 0xda);
    buf_add_slice(b, s);
}

void wire_put_raw(struct buf *b, struct slice s)
{
    buf_add_slice(b, s);
}

/* ---- the scan ----
 * msgpack-c reserves memory for the counts a header declares, so nothing reaches it
 * before this pass has seen every byte. */

enum form_kind { FORM_REFUSED, FORM_PLAIN, FORM_UINT, FORM_INT, FORM_BYTES, FORM_ARRAY, FORM_MAP };

/* A form: |bytes| of number behind the tag, and in canonical mode the number's least
 * magnitude that no shorter form has room for. */
struct form {
    enum form_kind kind;
    unsigned bytes;
    uint64_t least;
};

/* Tags 0xc0 to 0xdf. Nil, floats and extensions are no part of the wire. */
static const struct form forms[32] = {
    [0x02] = { FORM_PLAIN, 0, 0 }, /* false */
    [0x03] = { FORM_PLAIN, 0, 0 }, /* true */
    [0x04] = { FORM_BYTES, 1, 0 }, /* bin */
    [0x05] = { FORM_BYTES, 2, 0x100 },  [0x06] = { FORM_BYTES, 4, 0x10000 },
    [0x0c] = { FORM_UINT, 1, 0x80 },    [0x0d] = { FORM_UINT, 2, 0x100 },
    [0x0e] = { FORM_UINT, 4, 0x10000 }, [0x0f] = { FORM_UINT, 8, UINT64_C(0x100000000) },
    [0x10] = { FORM_INT, 1, 0x21 },     [0x11] = { FORM_INT, 2, 0x81 },
    [0x12] = { FORM_INT, 4, 0x8001 },   [0x13] = { FORM_INT, 8, 0x80000001 },
    [0x19] = { FORM_BYTES, 1, 0x20 }, /* str */
    [0x1a] = { FORM_BYTES, 2, 0x100 },  [0x1b] = { FORM_BYTES, 4, 0x10000 },
    [0x1c] = { FORM_ARRAY, 2, 0x10 },   [0x1d] = { FORM_ARRAY, 4, 0x10000 },
    [0x1e] = { FORM_MAP, 2, 0x10 },     [0x1f] = { FORM_MAP, 4, 0x10000 },
};

/* What was read: |n| is the value of a FORM_UINT, else a declared length or count. */
struct token {
    enum form_kind kind;
    uint64_t n;
};

/* The tag, and a number that lies in it. */
static struct form form_of(uint8_t tag, uint64_t *n)
{
    *n = 0;
    if (tag < 0x80) {
        *n = tag;
        return (struct form){ FORM_UINT, 0, 0 };
    }
    if (tag < 0xa0) {
        *n = tag & 0x0f;
        return (struct form){ tag < 0x90 ? FORM_MAP : FORM_ARRAY, 0, 0 };
    }
    if (tag < 0xc0) {
        *n = tag & 0x1f;
        return (struct form){ FORM_BYTES, 0, 0 };
    }
    return tag < 0xe0 ? forms[tag - 0xc0] : (struct form){ FORM_PLAIN, 0, 0 };
}

/* A signed form may hold a number >= 0, but not canonically. */
static int signed_token(const struct form *f, uint64_t raw, bool canonical, struct token *t)
{
    uint64_t sign = UINT64_C(1) << (8 * f->bytes - 1);
    bool negative = (raw & sign) != 0;

    if (canonical && (!negative || sign - (raw ^ sign) < f->least))
        return MESH_E_SYNTAX;
    *t = (struct token){ negative ? FORM_PLAIN : FORM_UINT, raw };
    return 0;
}

/* Reads one token at |*at|, with the bytes of a string or binary. */
static int token_read(struct slice s, size_t *at, bool canonical, struct token *t)
{
    uint64_t n;

    if (*at == s.len)
        return MESH_E_SHORT;
    struct form f = form_of(s.data[(*at)++], &n);
    if (f.kind == FORM_REFUSED)
        return MESH_E_SYNTAX;
    if (s.len - *at < f.bytes)
        return MESH_E_SHORT;
    for (unsigned i = 0; i < f.bytes; i++)
        n = n << 8 | s.data[(*at)++];
    if (f.kind == FORM_INT)
        return signed_token(&f, n, canonical, t);
    if (canonical && n < f.least)
        return MESH_E_SYNTAX;
    if (f.kind == FORM_BYTES) {
        if (n > s.len - *at)
            return MESH_E_SHORT;
        *at += n;
    }
    *t = (struct token){ f.kind, n };
    return 0;
}

/* An open container: values still to come (a pair is two), and the last key of a map. */
struct level {
    uint64_t left;
    bool map, has_key;
    uint64_t key;
};

/* Keys of a map are unsigned and ascending, which also makes them unique. */
static int level_take(struct level *l, const struct token *t)
{
    bool is_key = l->map && l->left % 2 == 0;

    l->left--;
    if (!is_key)
        return 0;
    if (t->kind != FORM_UINT || (l->has_key && t->n <= l->key))
        return MESH_E_SYNTAX;
    l->key = t->n;
    l->has_key = true;
    return 0;
}

int wire_scan(struct slice s, bool canonical, size_t *used)
{
    struct level levels[WIRE_DEPTH_MAX];
    size_t at = 0, depth = 0, elements = 0;
    struct token t;

    do {
        int err = token_read(s, &at, canonical, &t);
        if (err == 0 && depth > 0)
            err = level_take(&levels[depth - 1], &t);
        if (err != 0)
            return err;
        if (t.kind == FORM_ARRAY || t.kind == FORM_MAP) {
            uint64_t values = t.kind == FORM_MAP ? 2 * t.n : t.n;
            if (depth == WIRE_DEPTH_MAX || values > WIRE_ELEMENTS_MAX - elements)
                return MESH_E_RANGE;
            if (values > s.len - at) /* each takes a byte at least */
                return MESH_E_SHORT;
            elements += values;
            levels[depth++] = (struct level){ .left = values, .map = t.kind == FORM_MAP };
        }
        while (depth > 0 && levels[depth - 1].left == 0)
            depth--;
    } while (depth > 0);
    *used = at;
    return 0;
}

/* ---- reading ---- */

int wire_open(struct wire *w, struct slice s, bool canonical)
{
    msgpack_unpacked got;
    size_t used, off = 0;

    *w = (struct wire){ NULL, NULL };
    int err = wire_scan(s, canonical, &used);
    if (err != 0)
        return err;
    if (used != s.len)
        return MESH_E_SYNTAX;
    msgpack_unpacked_init(&got);
    int rc = msgpack_unpack_next(&got, (const char *)s.data, s.len, &off);
    /* Whatever the scan lets through is whole and valid: only memory can be missing. */
    assert(rc == MSGPACK_UNPACK_SUCCESS || rc == MSGPACK_UNPACK_NOMEM_ERROR);
    if (rc != MSGPACK_UNPACK_SUCCESS)
        return MESH_E_NOMEM;
    assert(off == s.len);
    w->zone = got.zone != NULL ? got.zone : msgpack_zone_new(sizeof(wire_value));
    wire_value *root = w->zone != NULL ? msgpack_zone_malloc(w->zone, sizeof(*root)) : NULL;
    if (root == NULL) {
        wire_close(w);
        return MESH_E_NOMEM;
    }
    *root = got.data;
    w->root = root;
    return 0;
}

int wire_open_pair(struct wire *w, struct slice s, size_t max, size_t len)
{
    struct slice second;

    if (s.len > max)
        return MESH_E_RANGE;
    int err = wire_open(w, s, true);
    if (err != 0)
        return err == MESH_E_SHORT ? MESH_E_SYNTAX : err;
    if (wire_as_array(w->root) != 2)
        err = MESH_E_TYPE;
    else if ((err = wire_as_bin(wire_at(w->root, 1), &second)) == 0 && second.len != len)
        err = MESH_E_RANGE;
    if (err != 0)
        wire_close(w);
    return err;
}

void wire_close(struct wire *w)
{
    if (w->zone != NULL)
        msgpack_zone_free(w->zone);
    *w = (struct wire){ NULL, NULL };
}

static int field(const wire_value *map, uint64_t key, const wire_value **out)
{
    if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
        return MESH_E_TYPE;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *kv = &map->via.map.ptr[i];
        if (kv->key.type == MSGPACK_OBJECT_POSITIVE_INTEGER && kv->key.via.u64 == key) {
            *out = &kv->val;
            return 0;
        }
    }
    return MESH_E_MISSING;
}

int wire_u64(const wire_value *map, uint64_t key, uint64_t *out)
{
    const wire_value *v = NULL;
    int err = field(map, key, &v);
    return err != 0 ? err : wire_as_u64(v, out);
}

int wire_i64(const wire_value *map, uint64_t key, int64_t *out)
{
    const wire_value *v = NULL;
    int err = field(map, key, &v);

    if (err != 0)
        return err;
    if (v->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        if (v->via.u64 > INT64_MAX)
            return MESH_E_RANGE;
        *out = (int64_t)v->via.u64;
        return 0;
    }
    if (v->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return MESH_E_TYPE;
    *out = v->via.i64;
    return 0;
}

int wire_bool(const wire_value *map, uint64_t key, bool *out)
{
    const wire_value *v = NULL;
    int err = field(map, key, &v);

    return err != 0 ? err : wire_as_bool(v, out);
}

int wire_bin(const wire_value *map, uint64_t key, struct slice *out)
{
    const wire_value *v = NULL;
    int err = field(map, key, &v);
    return err != 0 ? err : wire_as_bin(v, out);
}

int wire_str(const wire_value *map, uint64_t key, struct slice *out)
{
    const wire_value *v = NULL;
    int err = field(map, key, &v);
    return err != 0 ? err : wire_as_str(v, out);
}

int wire_fixed(const wire_value *map, uint64_t key, void *out, size_t len)
{
    struct slice s = SLICE_EMPTY;
    int err = wire_bin(map, key, &s);

    if (err != 0)
        return err;
    if (s.len != len)
        return MESH_E_RANGE;
    if (len > 0)
        memcpy(out, s.data, len);
    return 0;
}

int wire_array(const wire_value *map, uint64_t key, const wire_value **array, size_t *n)
{
    const wire_value *v = NULL;
    int err = field(map, key, &v);

    if (err != 0)
        return err;
    if (v->type != MSGPACK_OBJECT_ARRAY)
        return MESH_E_TYPE;
    *array = v;
    *n = v->via.array.size;
    return 0;
}

const wire_value *wire_at(const wire_value *array, size_t i)
{
    assert(array->type == MSGPACK_OBJECT_ARRAY && i < array->via.array.size);
    return &array->via.array.ptr[i];
}

int wire_as_u64(const wire_value *v, uint64_t *out)
{
    if (v->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return MESH_E_TYPE;
    *out = v->via.u64;
    return 0;
}

int wire_as_bin(const wire_value *v, struct slice *out)
{
    if (v->type != MSGPACK_OBJECT_BIN)
        return MESH_E_TYPE;
    *out = slice_of(v->via.bin.ptr, v->via.bin.size);
    return 0;
}

int wire_as_str(const wire_value *v, struct slice *out)
{
    if (v->type != MSGPACK_OBJECT_STR)
        return MESH_E_TYPE;
    *out = slice_of(v->via.str.ptr, v->via.str.size);
    return 0;
}

int wire_as_bool(const wire_value *v, bool *out)
{
    if (v->type != MSGPACK_OBJECT_BOOLEAN)
        return MESH_E_TYPE;
    *out = v->via.boolean;
    return 0;
}

int64_t wire_as_array(const wire_value *v)
{
    return v->type == MSGPACK_OBJECT_ARRAY ? (int64_t)v->via.array.size : MESH_E_TYPE;
}
