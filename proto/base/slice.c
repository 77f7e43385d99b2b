#include "proto/base/slice.h"

#include "proto/base/err.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool slice_same_nocase(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

bool slice_split(struct slice *rest, uint8_t sep, struct slice *part)
{
    if (rest->data == NULL)
        return false;
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, sep, rest->len) : NULL;
    if (at == NULL) {
        *part = *rest;
        *rest = SLICE_EMPTY;
        return true;
    }
    size_t n = (size_t)(at - rest->data);
    *part = slice_of(rest->data, n);
    *rest = slice_of(at + 1, rest->len - n - 1);
    return true;
}

int slice_u64(struct slice s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0)
        return MESH_E_SYNTAX;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return MESH_E_SYNTAX;
        if (i >= 19)
            return MESH_E_RANGE;
        v = v * 10 + (uint64_t)(s.data[i] - '0');
    }
    *out = v;
    return 0;
}

int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}
