#include "node/core/kept_head.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "node/core/coding.h"
#include "proto/base/err.h"

/* A field is a name's number, or 0 and the name, and then the value; texts come behind their length. Behind the fields
 * comes when the head was fetched, and perhaps 8 bytes of whence, or the length of the wire form and that. Numbers are
 * seven bits a byte, the lowest first. */
#define ORIGIN_BYTES 8

/* Only in memory: the order may change. */
#define NAME(text)             \
    {                          \
        text, sizeof(text) - 1 \
    }
static const struct {
    const char *text;
    size_t len;
} names[] = {
    NAME("Date"),
    NAME("Content-Type"),
    NAME("Cache-Control"),
    NAME("ETag"),
    NAME("Last-Modified"),
    NAME("Server"),
    NAME("Expires"),
    NAME("Vary"),
    NAME("Accept-Ranges"),
    NAME("Via"),
    NAME("Content-Encoding"),
    NAME("Content-Language"),
    NAME("Content-Range"),
    NAME("Content-Disposition"),
    NAME("Content-Location"),
    NAME("Content-Security-Policy"),
    NAME("Access-Control-Allow-Origin"),
    NAME("Access-Control-Allow-Methods"),
    NAME("Access-Control-Allow-Headers"),
    NAME("Access-Control-Expose-Headers"),
    NAME("Access-Control-Max-Age"),
    NAME("Alt-Svc"),
    NAME("CDN-Cache-Control"),
    NAME("Cross-Origin-Resource-Policy"),
    NAME("Link"),
    NAME("Location"),
    NAME("Permissions-Policy"),
    NAME("Pragma"),
    NAME("Referrer-Policy"),
    NAME("Set-Cookie"),
    NAME("Strict-Transport-Security"),
    NAME("Surrogate-Control"),
    NAME("Surrogate-Key"),
    NAME("Timing-Allow-Origin"),
    NAME("X-Content-Type-Options"),
    NAME("X-Frame-Options"),
    NAME("X-Powered-By"),
    NAME("X-XSS-Protection"),
    NAME("date"),
    NAME("content-type"),
    NAME("cache-control"),
    NAME("etag"),
    NAME("last-modified"),
    NAME("server"),
    NAME("expires"),
    NAME("vary"),
    NAME("accept-ranges"),
    NAME("via"),
    NAME("content-encoding"),
    NAME("access-control-allow-origin"),
    NAME("strict-transport-security"),
    NAME("x-content-type-options"),
};
#undef NAME
#define NAMES_N (sizeof(names) / sizeof(names[0]))
static_assert(NAMES_N <= UINT8_MAX && FIELDS_MAX <= UINT8_MAX, "numbers are a byte");

/* The number that stands for |name|, written just so; 0: none. */
static uint8_t number_of(struct slice name)
{
    for (size_t i = 0; i < NAMES_N; i++) {
        if (names[i].len == name.len && memcmp(names[i].text, name.data, name.len) == 0)
            return (uint8_t)(i + 1);
    }
    return 0;
}

/* ---- numbers and texts ---- */

static size_t size_of_number(uint64_t n)
{
    size_t size = 1;

    for (; n >= 0x80; n >>= 7)
        size++;
    return size;
}

static uint8_t *put_number(uint8_t *at, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *at++ = (uint8_t)(n | 0x80);
    *at++ = (uint8_t)n;
    return at;
}

static uint64_t take_number(const uint8_t **at)
{
    uint64_t n = 0;
    unsigned shift = 0;

    for (; (**at & 0x80) != 0; shift += 7)
        n |= (uint64_t)(*(*at)++ & 0x7f) << shift;
    return n | (uint64_t)*(*at)++ << shift;
}

static size_t size_of_text(struct slice s)
{
    return size_of_number(s.len) + s.len;
}

static uint8_t *put_text(uint8_t *at, struct slice s)
{
    at = put_number(at, s.len);
    if (s.len > 0)
        memcpy(at, s.data, s.len);
    return at + s.len;
}

static struct slice take_text(const uint8_t **at)
{
    size_t len = (size_t)take_number(at);
    struct slice s = slice_of(*at, len);

    *at += len;
    return s;
}

/* Times before 1970 are as good as any. */
static uint64_t folded(int64_t n)
{
    return n < 0 ? ~(uint64_t)n << 1 | 1 : (uint64_t)n << 1;
}

static int64_t unfolded(uint64_t n)
{
    return (int64_t)((n & 1) != 0 ? ~(n >> 1) : n >> 1);
}

/* ---- making ---- */

static size_t size_of_fields(const struct fields *f)
{
    size_t size = 0;

    for (size_t i = 0; i < f->n; i++)
        size += 1 + (number_of(f->at[i].name) == 0 ? size_of_text(f->at[i].name) : 0) + size_of_text(f->at[i].value);
    return size;
}

/* Would |wire| be written otherwise than it came? Keys of its map that we do not know are lost in decoding. */
static bool is_verbatim(const struct head *h, struct slice wire)
{
    struct buf b = BUF_EMPTY;
    bool same = wire.len == 0 || (head_encode(&b, h) == 0 && slice_eq(buf_slice(&b), wire));

    buf_free(&b); /* without memory to see it, what came is kept */
    return !same;
}

size_t kept_head_size(const struct head *h, struct slice *wire)
{
    size_t fields = size_of_fields(&h->fields);

    if (!is_verbatim(h, *wire))
        *wire = SLICE_EMPTY;
    size_t origin = h->origin != 0 ? ORIGIN_BYTES : 0;
    size_t tail = wire->len > 0 ? size_of_text(*wire) : size_of_number(folded(h->fetched_s)) + origin;
    size_t size = offsetof(struct kept_head, bytes) + fields + tail;

    return fields > UINT16_MAX ? 0 : size < sizeof(struct kept_head) ? sizeof(struct kept_head) : size;
}

void kept_head_put(struct kept_head *out, const struct head *h, struct slice wire)
{
    uint8_t *at = out->bytes;

    out->generation = h->generation;
    out->status = h->status;
    out->has_length = h->has_length;
    out->codable = coding_head(h);
    out->varies_by_coding = fields_lists(&h->fields, SLICE_LIT("vary"), SLICE_LIT("accept-encoding")) ||
                            fields_lists(&h->fields, SLICE_LIT("vary"), SLICE_LIT("*"));
    for (size_t i = 0; i < h->fields.n; i++) {
        const struct field *f = &h->fields.at[i];
        uint8_t number = number_of(f->name);
        *at++ = number;
        if (number == 0)
            at = put_text(at, f->name);
        at = put_text(at, f->value);
    }
    out->fields_n = (uint8_t)h->fields.n;
    out->fields_len = (uint16_t)(at - out->bytes);
    out->verbatim = wire.len > 0;
    out->has_origin = h->origin != 0 && !out->verbatim;
    if (out->verbatim)
        put_text(at, wire);
    else
        at = put_number(at, folded(h->fetched_s));
    if (out->has_origin)
        be64_put(at, h->origin);
}

static struct kept_head *make(const struct head *h, struct slice wire)
{
    size_t size = kept_head_size(h, &wire);
    struct kept_head *k = size > 0 ? malloc(size) : NULL;

    if (k != NULL)
        kept_head_put(k, h, wire);
    return k;
}

struct kept_head *kept_head_of(struct slice wire)
{
    struct head h;
    return head_decode(&h, wire) == 0 ? make(&h, wire) : NULL;
}

struct kept_head *kept_head_new(const struct head *h)
{
    return make(h, SLICE_EMPTY);
}

size_t kept_head_bytes(const struct kept_head *k)
{
    const uint8_t *at = k->bytes + k->fields_len;

    if (k->verbatim)
        take_text(&at);
    else
        take_number(&at);
    size_t size = (size_t)(at - (const uint8_t *)k) + (k->has_origin ? ORIGIN_BYTES : 0);
    return size < sizeof(*k) ? sizeof(*k) : size;
}

struct kept_head *kept_head_copy(const struct kept_head *k)
{
    size_t size = kept_head_bytes(k);
    struct kept_head *copy = malloc(size);

    if (copy != NULL)
        memcpy(copy, k, size);
    return copy;
}

/* ---- reading ---- */

static struct field take_field(const uint8_t **at)
{
    uint8_t number = *(*at)++;
    struct field f;

    f.name = number > 0 ? slice_of(names[number - 1].text, names[number - 1].len) : take_text(at);
    f.value = take_text(at);
    return f;
}

void kept_head_fields(const struct kept_head *k, struct fields *out)
{
    const uint8_t *at = k->bytes;

    fields_clear(out);
    for (unsigned i = 0; i < k->fields_n; i++) {
        struct field f = take_field(&at);
        (void)fields_add(out, f.name, f.value); /* there is room for as many */
    }
}

bool kept_head_find(const struct kept_head *k, struct slice name, struct slice *value)
{
    const uint8_t *at = k->bytes;

    for (unsigned i = 0; i < k->fields_n; i++) {
        struct field f = take_field(&at);
        if (slice_eq_nocase(f.name, name)) {
            *value = f.value;
            return true;
        }
    }
    return false;
}

struct slice kept_head_value(const struct kept_head *k, struct slice name)
{
    struct slice value;
    return kept_head_find(k, name, &value) ? value : SLICE_EMPTY;
}

void kept_head_decode(const struct kept_head *k, const struct digest *key, uint64_t length, struct head *h)
{
    const uint8_t *at = k->bytes + k->fields_len;

    h->key = *key;
    h->generation = k->generation;
    h->status = k->status;
    h->has_length = k->has_length;
    h->length = k->has_length ? length : 0;
    kept_head_fields(k, &h->fields);
    if (k->verbatim) {
        struct head whole;
        int err = head_decode(&whole, take_text(&at));
        h->fetched_s = err == 0 ? whole.fetched_s : 0; /* it was decoded before; but memory may be short */
        h->origin = err == 0 ? whole.origin : 0;
    } else {
        h->fetched_s = unfolded(take_number(&at));
        h->origin = k->has_origin ? be64_get(at) : 0;
    }
}

int kept_head_wire(const struct kept_head *k, const struct digest *key, uint64_t length, struct buf *out)
{
    const uint8_t *at = k->bytes + k->fields_len;
    size_t before = out->len;
    struct head h;

    if (k->verbatim) {
        buf_add_slice(out, take_text(&at));
        if (buf_ok(out))
            return 0;
    } else {
        kept_head_decode(k, key, length, &h);
        if (head_encode(out, &h) == 0)
            return 0;
    }
    out->len = before;
    return MESH_E_NOMEM;
}
