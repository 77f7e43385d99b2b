#include "node/signed/b64.h"

#include "proto/base/err.h"

static const char alphabets[][65] = {
    [B64_CLOUDFRONT] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~",
    [B64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static int value_of(uint8_t c, enum b64_kind kind)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == (kind == B64_URL ? '_' : '~') ? 63 : -1;
}

/* Padding fills the last four characters, or is not there at all. */
static struct slice unpadded(struct slice text, enum b64_kind kind)
{
    size_t pads = 0;

    while (kind == B64_CLOUDFRONT && pads < 2 && pads < text.len && text.data[text.len - 1 - pads] == '_')
        pads++;
    return pads > 0 && text.len % 4 != 0 ? text : slice_head(text, text.len - pads);
}

int b64_read(struct buf *out, struct slice text, enum b64_kind kind)
{
    struct slice t = unpadded(text, kind);
    size_t n = t.len / 4 * 3 + (t.len % 4 > 0 ? t.len % 4 - 1 : 0), made = 0;
    uint32_t bits = 0;
    unsigned held = 0;

    if (t.len % 4 == 1)
        return MESH_E_SYNTAX;
    if (n == 0)
        return 0;
    uint8_t *to = buf_reserve(out, n);
    if (to == NULL)
        return MESH_E_NOMEM;
    for (size_t i = 0; i < t.len; i++) {
        int v = value_of(t.data[i], kind);
        if (v < 0)
            return MESH_E_SYNTAX;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[made++] = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0)
        return MESH_E_SYNTAX;
    out->len += n;
    return 0;
}

void b64_put(struct buf *out, struct slice bytes, enum b64_kind kind)
{
    const char *alphabet = alphabets[kind];

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t v = (uint32_t)bytes.data[i] << 16;
        v |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        v |= left > 2 ? bytes.data[i + 2] : 0;
        char four[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63], left > 1 ? alphabet[v >> 6 & 63] : '_',
                         left > 2 ? alphabet[v & 63] : '_' };
        buf_add(out, four, kind == B64_URL ? left + 1 : 4);
    }
}
