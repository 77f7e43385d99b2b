#include "proto/frame.h"

#include "proto/base/err.h"
#include "proto/record.h"

#include <assert.h>

/* ---- writing ---- */

struct frame_out frame_begin(struct buf *b, uint8_t type, uint32_t stream)
{
    struct frame_out o = { .b = b, .start = b->len };

    buf_add_u8(b, type);
    buf_add_u32(b, stream);
    return o;
}

/* The map was begun with the header of an empty one: a byte, which does for up to 15 pairs; more take three. */
static void put_pairs(struct frame_out *o)
{
    static const uint8_t more[2];
    size_t body = o->map + 1;

    if (o->n <= 15) {
        o->b->data[o->map] = (uint8_t)(0x80 | o->n);
        return;
    }
    buf_add(o->b, more, sizeof(more));
    if (!buf_ok(o->b))
        return;
    memmove(o->b->data + body + sizeof(more), o->b->data + body, o->b->len - sizeof(more) - body);
    o->b->data[o->map] = 0xde;
    o->b->data[o->map + 1] = 0;
    o->b->data[o->map + 2] = (uint8_t)o->n;
}

int frame_end(struct frame_out *o)
{
    int err = 0;

    assert(o->n <= FRAME_PAIRS_MAX);
    if (o->map != 0 && buf_ok(o->b))
        put_pairs(o);
    if (!buf_ok(o->b))
        err = MESH_E_NOMEM;
    else if (o->bad || o->b->len - o->start > RECORD_PLAIN_MAX)
        err = MESH_E_RANGE;
    if (err != 0)
        o->b->len = o->start;
    return err;
}

struct frame_out frame_map(struct buf *b, uint8_t type, uint32_t stream)
{
    struct frame_out o = frame_begin(b, type, stream);

    o.map = b->len;
    wire_put_map(b, 0);
    return o;
}

void frame_put_key(struct frame_out *o, uint64_t key)
{
    wire_put_u64(o->b, key);
    o->n++;
}

void frame_put_u64(struct frame_out *o, uint64_t key, uint64_t v)
{
    frame_put_key(o, key);
    wire_put_u64(o->b, v);
}

void frame_opt_u64(struct frame_out *o, uint64_t key, uint64_t v)
{
    if (v != 0)
        frame_put_u64(o, key, v);
}

void frame_opt_bool(struct frame_out *o, uint64_t key, bool v)
{
    if (!v)
        return;
    frame_put_key(o, key);
    wire_put_bool(o->b, v);
}

void frame_put_bin(struct frame_out *o, uint64_t key, struct slice s, size_t max)
{
    o->bad |= s.len > max;
    if (o->bad)
        return;
    frame_put_key(o, key);
    wire_put_bin(o->b, s);
}

void frame_opt_bin(struct frame_out *o, uint64_t key, struct slice s, size_t max)
{
    if (s.len > 0)
        frame_put_bin(o, key, s, max);
}

void frame_opt_str(struct frame_out *o, uint64_t key, struct slice s, size_t max)
{
    o->bad |= s.len > max;
    if (o->bad || s.len == 0)
        return;
    frame_put_key(o, key);
    wire_put_str(o->b, s);
}

/* ---- reading ---- */

struct frame_in frame_open(struct wire *w, struct slice body)
{
    struct frame_in in = { w, wire_open(w, body, true) };
    return in;
}

int frame_close(struct frame_in *in, bool all)
{
    if (all || in->err != 0)
        wire_close(in->w);
    return in->err;
}

bool frame_took(struct frame_in *in, int err, bool needed)
{
    if (err != 0 && (err != MESH_E_MISSING || needed))
        in->err = err;
    return err == 0;
}

static uint64_t get_number(struct frame_in *in, uint64_t key, bool needed, uint64_t max)
{
    uint64_t v = 0;

    if (in->err != 0 || !frame_took(in, wire_u64(in->w->root, key, &v), needed))
        return 0;
    if (v > max || (needed && v == 0)) {
        in->err = MESH_E_RANGE;
        return 0;
    }
    return v;
}

uint64_t frame_get_u64(struct frame_in *in, uint64_t key, uint64_t max)
{
    return get_number(in, key, false, max);
}

uint64_t frame_need_u64(struct frame_in *in, uint64_t key, uint64_t max)
{
    return get_number(in, key, true, max);
}

bool frame_get_bool(struct frame_in *in, uint64_t key)
{
    bool v = false;
    return in->err == 0 && frame_took(in, wire_bool(in->w->root, key, &v), false) && v;
}

typedef int (*get_bytes_fn)(const wire_value *map, uint64_t key, struct slice *out);

static struct slice get_bytes(struct frame_in *in, get_bytes_fn get, uint64_t key, bool needed, size_t max)
{
    struct slice s = SLICE_EMPTY;

    if (in->err != 0 || !frame_took(in, get(in->w->root, key, &s), needed))
        return SLICE_EMPTY;
    if (s.len > max || (needed && s.len == 0)) {
        in->err = MESH_E_RANGE;
        return SLICE_EMPTY;
    }
    return s;
}

struct slice frame_get_bin(struct frame_in *in, uint64_t key, size_t max)
{
    return get_bytes(in, wire_bin, key, false, max);
}

struct slice frame_need_bin(struct frame_in *in, uint64_t key, size_t max)
{
    return get_bytes(in, wire_bin, key, true, max);
}

struct slice frame_get_str(struct frame_in *in, uint64_t key, size_t max)
{
    return get_bytes(in, wire_str, key, false, max);
}

struct slice frame_need_str(struct frame_in *in, uint64_t key, size_t max)
{
    return get_bytes(in, wire_str, key, true, max);
}

void frame_need_fixed(struct frame_in *in, uint64_t key, void *out, size_t len)
{
    if (in->err == 0)
        in->err = wire_fixed(in->w->root, key, out, len);
}
