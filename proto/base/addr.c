#include "proto/base/addr.h"

#include <stdio.h>

#include "proto/base/err.h"

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct mesh_addr mesh_addr_v4(uint32_t ip, uint16_t port)
{
    struct mesh_addr a = { .port = port };

    memcpy(a.ip, v4_prefix, sizeof(v4_prefix));
    for (int i = 0; i < 4; i++)
        a.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
    return a;
}

bool mesh_addr_is_v4(const struct mesh_addr *a)
{
    return memcmp(a->ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool mesh_addr_is_loopback(const struct mesh_addr *a)
{
    static const uint8_t one[16] = { [15] = 1 };

    return mesh_addr_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

bool mesh_addr_eq(const struct mesh_addr *a, const struct mesh_addr *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* RFC 5952: lower case, no leading zeros, the longest run of zeros (two or more) as "::". */
static void v6_text(const uint8_t ip[16], char *text, size_t cap)
{
    unsigned part[8];
    int best = -1, best_len = 1;

    for (int i = 0; i < 8; i++)
        part[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && part[i + n] == 0)
            n++;
        if (n > best_len) {
            best = i;
            best_len = n;
        }
    }
    size_t at = 0;
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            at += (size_t)snprintf(text + at, cap - at, "::");
            i += best_len - 1;
            continue;
        }
        bool colon = i > 0 && i != best + (best >= 0 ? best_len : 0);
        at += (size_t)snprintf(text + at, cap - at, "%s%x", colon ? ":" : "", part[i]);
    }
}

const char *mesh_addr_text(const struct mesh_addr *a, char text[MESH_ADDR_TEXT_MAX])
{
    char v6[40];

    if (mesh_addr_is_v4(a)) {
        snprintf(text, MESH_ADDR_TEXT_MAX, "%u.%u.%u.%u:%u", a->ip[12], a->ip[13], a->ip[14], a->ip[15], a->port);
    } else {
        v6_text(a->ip, v6, sizeof(v6));
        snprintf(text, MESH_ADDR_TEXT_MAX, "[%s]:%u", v6, a->port);
    }
    return text;
}

static int parse_v4(struct slice s, uint8_t ip[4])
{
    struct slice part;
    int n = 0;

    while (slice_split(&s, '.', &part)) {
        uint64_t v;
        if (n == 4 || part.len > 3 || (part.len > 1 && part.data[0] == '0') || slice_u64(part, &v) != 0 || v > 255)
            return MESH_E_SYNTAX;
        ip[n++] = (uint8_t)v;
    }
    return n == 4 ? 0 : MESH_E_SYNTAX;
}

/* Groups before "::" fill from the front, those behind it are moved to the end. */
static int parse_v6(struct slice s, uint8_t ip[16])
{
    uint8_t raw[16] = { 0 };
    size_t n = 0, gap = SIZE_MAX, i = 0;

    while (i < s.len) {
        if (s.data[i] == ':') {
            if (i + 1 < s.len && s.data[i + 1] == ':') {
                if (gap != SIZE_MAX)
                    return MESH_E_SYNTAX;
                gap = n;
                i += 2;
                continue;
            }
            if (i == 0 || i + 1 == s.len || s.data[i - 1] == ':')
                return MESH_E_SYNTAX;
            i++;
        }
        struct slice rest = slice_from(s, i);
        if (memchr(rest.data, '.', rest.len) != NULL && memchr(rest.data, ':', rest.len) == NULL) {
            if (n > 12 || parse_v4(rest, raw + n) != 0)
                return MESH_E_SYNTAX;
            n += 4;
            break;
        }
        unsigned v = 0;
        int digits = 0;
        for (; i < s.len && hex_digit(s.data[i]) >= 0; i++, digits++)
            v = v << 4 | (unsigned)hex_digit(s.data[i]);
        if (digits < 1 || digits > 4 || n > 14 || (i < s.len && s.data[i] != ':'))
            return MESH_E_SYNTAX;
        raw[n++] = (uint8_t)(v >> 8);
        raw[n++] = (uint8_t)v;
    }
    if (gap == SIZE_MAX ? n != 16 : n > 14)
        return MESH_E_SYNTAX;
    if (gap != SIZE_MAX) {
        memmove(raw + 16 - (n - gap), raw + gap, n - gap);
        memset(raw + gap, 0, 16 - n);
    }
    memcpy(ip, raw, 16);
    return 0;
}

int mesh_addr_parse(struct slice text, struct mesh_addr *out)
{
    struct mesh_addr a = { .port = 0 };
    uint64_t port;
    size_t colon = text.len;

    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return MESH_E_SYNTAX;
    struct slice host = slice_head(text, colon - 1), digits = slice_from(text, colon);
    if (slice_u64(digits, &port) != 0 || port > 65535)
        return MESH_E_SYNTAX;
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        if (parse_v6(slice_of(host.data + 1, host.len - 2), a.ip) != 0)
            return MESH_E_SYNTAX;
    } else {
        memcpy(a.ip, v4_prefix, sizeof(v4_prefix));
        if (parse_v4(host, a.ip + 12) != 0)
            return MESH_E_SYNTAX;
    }
    a.port = (uint16_t)port;
    *out = a;
    return 0;
}
