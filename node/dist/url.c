#include "node/dist/url.h"

#include <assert.h>
#include <stdio.h>

#include "proto/base/err.h"

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A registered name or an IPv4 address; nothing that DNS could not look up. */
static bool name_ok(struct slice host)
{
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        if (!is_alnum(c) && c != '-' && c != '.' && c != '_')
            return false;
    }
    return host.data[0] != '.' && host.data[0] != '-';
}

static bool v6_ok(struct slice host)
{
    char text[64];
    struct mesh_addr addr;
    int n = snprintf(text, sizeof(text), "[%.*s]:1", SLICE_FMT(host));

    return n > 0 && (size_t)n < sizeof(text) && memchr(host.data, ':', host.len) != NULL &&
           mesh_addr_parse(slice_str(text), &addr) == 0;
}

static int port_parse(struct slice text, uint16_t *port)
{
    uint64_t v = 0;

    if (text.len > 5 || slice_u64(text, &v) != 0 || v == 0 || v > 65535)
        return MESH_E_SYNTAX;
    *port = (uint16_t)v;
    return 0;
}

/* "host", "host:port", "[v6]", "[v6]:port". |*has_port| says that a colon was there. */
static int authority_parse(struct slice text, struct slice *host, bool *has_port, uint16_t *port)
{
    struct slice rest;

    if (text.len > 0 && text.data[0] == '[') {
        const uint8_t *end = memchr(text.data, ']', text.len);
        if (end == NULL)
            return MESH_E_SYNTAX;
        *host = slice_of(text.data + 1, (size_t)(end - text.data) - 1);
        rest = slice_from(text, (size_t)(end - text.data) + 1);
        if (!v6_ok(*host))
            return MESH_E_SYNTAX;
    } else {
        const uint8_t *colon = text.len == 0 ? NULL : memchr(text.data, ':', text.len);
        *host = colon == NULL ? text : slice_head(text, (size_t)(colon - text.data));
        rest = slice_from(text, host->len);
        if (!name_ok(*host))
            return MESH_E_SYNTAX;
    }
    *has_port = rest.len > 0;
    if (!*has_port)
        return 0;
    return rest.data[0] == ':' ? port_parse(slice_from(rest, 1), port) : MESH_E_SYNTAX;
}

int host_port_parse(struct slice text, struct slice *host, uint16_t *port)
{
    struct slice h;
    uint16_t p = 0;
    bool has_port;

    if (authority_parse(text, &h, &has_port, &p) != 0 || !has_port)
        return MESH_E_SYNTAX;
    *host = h;
    *port = p;
    return 0;
}

/* pchar of RFC 3986 and the slash. */
static bool prefix_char(uint8_t c)
{
    return is_alnum(c) || (c != 0 && strchr("-._~!$&'()*+,;=:@/", c) != NULL);
}

static bool is_dots(struct slice segment)
{
    return slice_eq(segment, SLICE_LIT(".")) || slice_eq(segment, SLICE_LIT(".."));
}

static const char *prefix_check(struct slice path)
{
    struct slice rest = path, segment;

    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        if (c == '?' || c == '#')
            return "an origin has no query and no fragment";
        if (c == '%') {
            if (i + 2 >= path.len || !is_hex(path.data[i + 1]) || !is_hex(path.data[i + 2]))
                return "a % in the path is not followed by two hex digits";
            i += 2;
        } else if (!prefix_char(c)) {
            return "the path holds a byte that may not stand in a URL";
        }
    }
    while (slice_split(&rest, '/', &segment)) {
        if (is_dots(segment))
            return "the path holds a \".\" or \"..\" segment";
    }
    return NULL;
}

static size_t scheme_skip(struct slice text, bool *https)
{
    if (slice_eq_nocase(slice_head(text, 7), SLICE_LIT("http://"))) {
        *https = false;
        return 7;
    }
    if (slice_eq_nocase(slice_head(text, 8), SLICE_LIT("https://"))) {
        *https = true;
        return 8;
    }
    return 0;
}

int origin_url_parse(struct slice text, struct origin_url *out, const char **why)
{
    struct origin_url u = { 0 };
    bool has_port;
    size_t scheme = scheme_skip(text, &u.https), end;
    struct slice rest = slice_from(text, scheme), authority;

    if (scheme == 0) {
        *why = "it does not begin with http:// or https://";
        return MESH_E_SYNTAX;
    }
    for (end = 0; end < rest.len && strchr("/?#", rest.data[end]) == NULL; end++)
        ;
    authority = slice_head(rest, end);
    u.prefix = slice_from(rest, end);
    if (end > 0 && memchr(authority.data, '@', end) != NULL) {
        *why = "a user name or password may not stand in it";
        return MESH_E_SYNTAX;
    }
    u.port = u.https ? 443 : 80;
    uint16_t default_port = u.port;
    if (authority_parse(authority, &u.host, &has_port, &u.port) != 0) {
        *why = "its host or port is malformed";
        return MESH_E_SYNTAX;
    }
    /* The port goes only where it says something: some origins compare Host byte by byte. */
    if (has_port && u.port == default_port)
        authority.len -= authority.data + authority.len - (const uint8_t *)memrchr(authority.data, ':', authority.len);
    u.authority = authority;
    if ((*why = prefix_check(u.prefix)) != NULL)
        return MESH_E_SYNTAX;
    while (u.prefix.len > 0 && u.prefix.data[u.prefix.len - 1] == '/')
        u.prefix.len--;
    *out = u;
    return 0;
}

void origin_url_normal(struct buf *out, const struct origin_url *u)
{
    buf_add_str(out, u->https ? "https://" : "http://");
    for (size_t i = 0; i < u->authority.len; i++) {
        uint8_t c = u->authority.data[i];
        buf_add_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
    buf_add_slice(out, u->prefix);
}
