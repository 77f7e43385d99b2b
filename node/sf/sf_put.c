/* Structured fields, written (RFC 9651 section 4.1). */
#include <stdlib.h>

#include "node/sf/chars.h"
#include "node/sf/sf.h"
#include "proto/base/err.h"

/* ---- values ---- */

static bool in_range(int64_t v)
{
    return v >= -SF_INTEGER_MAX && v <= SF_INTEGER_MAX;
}

int sf_put_integer(struct buf *out, int64_t v)
{
    if (!in_range(v))
        return MESH_E_RANGE;
    char text[20];
    size_t at = sizeof(text);
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0)
        text[--at] = '-';
    buf_add(out, text + at, sizeof(text) - at);
    return 0;
}

static int put_decimal(struct buf *out, int64_t thousandths)
{
    if (!in_range(thousandths))
        return MESH_E_RANGE;
    long long whole = llabs((long long)thousandths) / 1000, part = llabs((long long)thousandths) % 1000;
    unsigned digits = 3;
    for (; digits > 1 && part % 10 == 0; digits--)
        part /= 10;
    buf_addf(out, "%s%lld.%0*lld", thousandths < 0 ? "-" : "", whole, (int)digits, part);
    return 0;
}

static bool is_token(struct slice s)
{
    return chars_all(s, CHARS_SF_TOKEN) && (s.data[0] == '*' || chars_is(s.data[0], CHARS_ALPHA));
}

int sf_put_token(struct buf *out, struct slice text)
{
    if (!is_token(text))
        return MESH_E_SYNTAX;
    buf_add_slice(out, text);
    return 0;
}

static bool in_string(uint8_t c)
{
    return c >= 0x20 && c <= 0x7E;
}

void sf_put_escaped(struct buf *out, struct slice text)
{
    buf_add_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!in_string(c)) {
            uint8_t escape[3];
            chars_escape(c, escape);
            buf_add(out, escape, sizeof(escape));
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_u8(out, '\\');
        buf_add_u8(out, c);
    }
    buf_add_u8(out, '"');
}

void sf_put_word(struct buf *out, struct slice text)
{
    if (sf_put_token(out, text) != 0)
        sf_put_escaped(out, text);
}

int sf_put_string(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!in_string(text.data[i]))
            return MESH_E_SYNTAX;
    }
    sf_put_escaped(out, text);
    return 0;
}

static void put_bytes(struct buf *out, struct slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    buf_add_u8(out, ':');
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t bits = (uint32_t)s.data[i] << 16;
        bits |= n > 1 ? (uint32_t)s.data[i + 1] << 8 : 0;
        bits |= n > 2 ? s.data[i + 2] : 0;
        for (unsigned k = 0; k < 4; k++)
            buf_add_u8(out, k <= n ? (uint8_t)digits[bits >> (18 - 6 * k) & 63] : '=');
    }
    buf_add_u8(out, ':');
}

static int put_display(struct buf *out, struct slice text)
{
    if (!sf_utf8(text))
        return MESH_E_SYNTAX;
    buf_add_str(out, "%\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!in_string(c) || c == '%' || c == '"')
            buf_addf(out, "%%%02x", c);
        else
            buf_add_u8(out, c);
    }
    buf_add_u8(out, '"');
    return 0;
}

int sf_put(struct buf *out, const struct sf_value *v)
{
    switch (v->type) {
    case SF_INTEGER: return sf_put_integer(out, v->number);
    case SF_DECIMAL: return put_decimal(out, v->number);
    case SF_STRING: return sf_put_string(out, v->text);
    case SF_TOKEN: return sf_put_token(out, v->text);
    case SF_BYTES: put_bytes(out, v->text); return 0;
    case SF_BOOLEAN: buf_add_str(out, v->number != 0 ? "?1" : "?0"); return 0;
    case SF_DATE:
        if (!in_range(v->number))
            return MESH_E_RANGE;
        buf_add_u8(out, '@');
        return sf_put_integer(out, v->number);
    case SF_DISPLAY: return put_display(out, v->text);
    }
    return MESH_E_SYNTAX;
}

/* ---- members ---- */

int sf_put_pair(struct buf *out, struct slice key, const struct sf_value *v)
{
    size_t before = out->len;
    int err;

    if (!sf_key(key))
        return MESH_E_SYNTAX;
    buf_add_slice(out, key);
    if (v->type == SF_BOOLEAN && v->number != 0)
        return 0;
    buf_add_u8(out, '=');
    if ((err = sf_put(out, v)) != 0)
        out->len = before;
    return err;
}

/* ---- a field that was parsed, in canonical form ---- */

/* |plain| is room for the value's decoded text. */
static int put_parsed(struct buf *out, const struct sf_member *m, struct buf *plain)
{
    struct sf_value v = m->value;

    buf_clear(plain);
    sf_text(plain, &m->value);
    v.text = buf_slice(plain);
    if (!buf_ok(plain))
        return MESH_E_NOMEM;
    return m->key.len > 0 ? sf_put_pair(out, m->key, &v) : sf_put(out, &v);
}

static int put_params(struct buf *out, const struct sf_member *of, struct buf *plain)
{
    struct sf_cursor c = sf_params(of);
    struct sf_member m;
    int err = 0;

    while (err == 0 && sf_next(&c, &m)) {
        buf_add_u8(out, ';');
        err = put_parsed(out, &m, plain);
    }
    return err;
}

static int put_inner(struct buf *out, const struct sf_member *of, struct buf *plain)
{
    struct sf_cursor c = sf_items(of);
    struct sf_member m;
    const char *gap = "";
    int err = 0;

    if (of->key.len > 0) {
        buf_add_slice(out, of->key);
        buf_add_u8(out, '=');
    }
    buf_add_u8(out, '(');
    for (; err == 0 && sf_next(&c, &m); gap = " ") {
        buf_add_str(out, gap);
        if ((err = put_parsed(out, &m, plain)) == 0)
            err = put_params(out, &m, plain);
    }
    buf_add_u8(out, ')');
    return err;
}

int sf_put_field(struct buf *out, enum sf_kind kind, struct slice field)
{
    struct buf plain = BUF_EMPTY;
    struct sf_cursor c;
    struct sf_member m;
    const char *gap = "";
    size_t before = out->len;
    int err = sf_open(&c, kind, field);

    for (; err == 0 && sf_next(&c, &m); gap = ", ") {
        buf_add_str(out, gap);
        err = m.inner ? put_inner(out, &m, &plain) : put_parsed(out, &m, &plain);
        if (err == 0)
            err = put_params(out, &m, &plain);
    }
    buf_free(&plain);
    if (err == 0 && !buf_ok(out))
        err = MESH_E_NOMEM;
    if (err != 0)
        out->len = before;
    return err;
}

int64_t sf_thousandths(int64_t value, unsigned digits)
{
    int64_t unit = 1;

    for (; digits < 3; digits++) {
        if (!in_range(value))
            return value; /* beyond the range, and so it stays */
        value *= 10;
    }
    for (; digits > 3; digits--)
        unit *= 10;
    int64_t whole = value / unit, rest = value % unit, twice = 2 * (rest < 0 ? -rest : rest);
    if (twice > unit || (twice == unit && whole % 2 != 0))
        whole += value < 0 ? -1 : 1;
    return whole;
}
