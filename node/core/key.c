#include "node/core/key.h"

#include "node/sf/chars.h"
#include "proto/base/err.h"

static void put_encoded(struct buf *out, uint8_t c)
{
    uint8_t escape[3];

    chars_escape(c, escape);
    buf_add(out, escape, sizeof(escape));
}

/* A "%" that begins no encoding is itself encoded, so that no two readers can differ on it. What needs no encoding and
 * has one is the same as without (RFC 3986 section 2.3). |raw|: the class of what may stand as it is. */
static int normal_bytes(struct buf *out, struct slice s, unsigned raw)
{
    while (s.len > 0) {
        size_t n = chars_span(s, raw), used = 1;
        buf_add(out, s.data, n);
        s = slice_from(s, n);
        if (s.len == 0)
            break;
        uint8_t c = s.data[0];
        if (c < 0x20 || c == 0x7f || c == '#')
            return MESH_E_SYNTAX;
        if (c == '%' && s.len > 2 && hex_digit(s.data[1]) >= 0 && hex_digit(s.data[2]) >= 0) {
            c = (uint8_t)(hex_digit(s.data[1]) << 4 | hex_digit(s.data[2]));
            used = 3;
        }
        if (c == 0)
            return MESH_E_SYNTAX;
        if (used == 3 && chars_is(c, CHARS_UNRESERVED))
            buf_add_u8(out, c);
        else
            put_encoded(out, c);
        s = slice_from(s, used);
    }
    return 0;
}

/* RFC 3986 section 5.2.4 on |out| from |start|, in place: what is behind |to| is done. */
static void remove_dots(struct buf *out, size_t start)
{
    uint8_t *p = out->data;
    size_t from = start, to = start;

    while (from < out->len) {
        size_t end = from + 1; /* p[from] is '/' */
        while (end < out->len && p[end] != '/')
            end++;
        size_t len = end - from - 1;
        bool dot = len == 1 && p[from + 1] == '.';
        bool dots = len == 2 && p[from + 1] == '.' && p[from + 2] == '.';
        if (dots) {
            while (to > start && p[--to] != '/')
                ;
        }
        if (!dot && !dots) {
            if (to != from)
                memmove(p + to, p + from, end - from);
            to += end - from;
        } else if (end == out->len) {
            p[to++] = '/'; /* a final "." or ".." names a directory */
        }
        from = end;
    }
    out->len = to;
}

int key_path(struct buf *out, struct slice target)
{
    size_t start = out->len, question = 0;
    int err;

    if (target.len == 0 || target.data[0] != '/')
        return MESH_E_SYNTAX;
    if (target.len > KEY_PATH_MAX)
        return MESH_E_RANGE;
    while (question < target.len && target.data[question] != '?')
        question++;
    if ((err = normal_bytes(out, slice_head(target, question), CHARS_PATH)) == 0 && buf_ok(out)) {
        remove_dots(out, start);
        if (question < target.len) {
            buf_add_u8(out, '?');
            err = normal_bytes(out, slice_from(target, question + 1), CHARS_QUERY);
        }
    }
    if (err == 0 && !buf_ok(out))
        err = MESH_E_NOMEM;
    if (err == 0 && out->len - start > KEY_PATH_MAX)
        err = MESH_E_RANGE;
    if (err != 0)
        out->len = start;
    return err;
}

int key_host(struct buf *out, struct slice host)
{
    size_t start = out->len;
    struct slice name = host, rest;

    if (host.len > 0 && host.data[0] == '[') { /* an IPv6 literal: its colons are its own */
        const uint8_t *end = memchr(host.data, ']', host.len);
        if (end == NULL)
            return MESH_E_SYNTAX;
        name = slice_head(host, (size_t)(end - host.data) + 1);
        rest = slice_from(host, name.len);
        if (rest.len > 0 && rest.data[0] != ':')
            return MESH_E_SYNTAX;
    } else if (host.len > 0) {
        rest = host;
        slice_split(&rest, ':', &name);
    }
    if (name.len > 0 && name.data[name.len - 1] == '.') {
        name.len--;
        if (name.len == 0 || name.data[name.len - 1] == '.') /* only one is the root's */
            return MESH_E_SYNTAX;
    }
    if (name.len > 255)
        return MESH_E_SYNTAX;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        if (!chars_is(c, CHARS_UNRESERVED) && (c == 0 || strchr("[]:!$&'()*+,;=%", c) == NULL)) {
            out->len = start;
            return MESH_E_SYNTAX;
        }
        buf_add_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c);
    }
    if (!buf_ok(out)) {
        out->len = start;
        return MESH_E_NOMEM;
    }
    return 0;
}

void key_hash(struct digest *out, const struct mesh_params *mesh, struct slice name, struct slice host,
              struct slice path)
{
    uint8_t frame[16];

    be64_put(frame, name.len);
    be64_put(frame + 8, host.len);
    struct slice parts[] = { SLICE_LIT("hedgerow key 1"), SLICE_OF(frame), name, host, path };
    digest_keyed(out, mesh->salt, parts, sizeof(parts) / sizeof(parts[0]));
}

static void derive(struct digest *out, struct slice what, const struct digest *primary, uint32_t number)
{
    uint8_t frame[8];

    be64_put(frame, number);
    struct slice parts[] = { what, SLICE_OF(primary->bytes), SLICE_OF(frame) };
    digest_of(out, parts, sizeof(parts) / sizeof(parts[0]));
}

void key_leaf(struct digest *out, const struct digest *primary, uint32_t index)
{
    derive(out, SLICE_LIT("hedgerow leaf 1"), primary, index);
}

void key_stripe(struct digest *out, const struct digest *primary, uint32_t index)
{
    if (index < KEY_STRIPE_LEAVES)
        *out = *primary;
    else
        derive(out, SLICE_LIT("hedgerow stripe 1"), primary, index / KEY_STRIPE_LEAVES);
}
