#include "node/signed/resource.h"

#define READINGS_MAX 8 /* question marks that may begin the query */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Does |c| fit what stands at |at| of |p|? Returns how many bytes of |p| that is, 0: no. */
static size_t fits_one(struct slice p, size_t at, uint8_t c, bool nocase)
{
    if (p.data[at] == '?')
        return 1;
    if (p.data[at] == '\\' && at + 1 < p.len && p.data[at + 1] == '?')
        return c == '?' ? 2 : 0;
    return p.data[at] == c || (nocase && lower(p.data[at]) == lower(c)) ? 1 : 0;
}

/* The last * alone is ever tried again: what stood for the ones before it need not be longer. */
static bool glob(struct slice p, struct slice t, bool nocase)
{
    size_t i = 0, j = 0, star = SIZE_MAX, mark = 0;

    while (j < t.len) {
        size_t step;
        if (i < p.len && p.data[i] == '*') {
            star = i++;
            mark = j;
        } else if (i < p.len && (step = fits_one(p, i, t.data[j], nocase)) > 0) {
            i += step;
            j++;
        } else if (star != SIZE_MAX) {
            i = star + 1;
            j = ++mark;
        } else {
            return false;
        }
    }
    while (i < p.len && p.data[i] == '*')
        i++;
    return i == p.len;
}

static bool ends_in_star(struct slice p)
{
    return p.len > 0 && p.data[p.len - 1] == '*';
}

/* |p| from its path on. */
static bool path_fits(struct slice p, const struct resource_url *url)
{
    for (size_t i = 0; i + 1 < p.len; i++) {
        if (p.data[i] == '\\' && p.data[i + 1] == '?')
            return glob(slice_head(p, i), url->path, false) && glob(slice_from(p, i + 2), url->query, false);
    }
    struct slice none = ends_in_star(p) ? SLICE_LIT("*") : SLICE_EMPTY;
    if (glob(p, url->path, false) && glob(none, url->query, false))
        return true;
    for (size_t i = 0, readings = 0; i < p.len && readings < READINGS_MAX; i++) {
        if (p.data[i] != '?')
            continue;
        readings++;
        if (glob(slice_head(p, i), url->path, false) && glob(slice_from(p, i + 1), url->query, false))
            return true;
    }
    return false;
}

/* Where the domain begins in |p|, and its protocol before "://"; 0: it says no protocol. */
static size_t protocol_of(struct slice p, struct slice *protocol)
{
    for (size_t i = 0; i + 2 < p.len; i++) {
        uint8_t c = p.data[i];
        if (c == ':' && p.data[i + 1] == '/' && p.data[i + 2] == '/') {
            *protocol = slice_head(p, i);
            return i + 3;
        }
        if (!(c >= 'a' && c <= 'z') && c != '*' && c != '?')
            break;
    }
    *protocol = SLICE_LIT("*");
    return 0;
}

bool resource_fits(struct slice pattern, const struct resource_url *url)
{
    struct slice protocol;
    size_t at = protocol_of(pattern, &protocol), slash;

    if (slice_eq(pattern, SLICE_LIT("*")))
        return true;
    if (at == 0 && (pattern.len == 0 || pattern.data[0] != '*'))
        return false;
    for (slash = at; slash < pattern.len && pattern.data[slash] != '/';)
        slash++;
    struct slice domain = slice_of(pattern.data + at, slash - at);
    if (!glob(protocol, url->scheme, false) || !glob(domain, url->host, true))
        return false;
    if (slash < pattern.len)
        return path_fits(slice_from(pattern, slash), url);
    return ends_in_star(domain) || (slice_eq(url->path, SLICE_LIT("/")) && url->query.len == 0);
}

bool resource_wild(struct slice pattern)
{
    return pattern.len > 0 &&
           (memchr(pattern.data, '*', pattern.len) != NULL || memchr(pattern.data, '?', pattern.len) != NULL);
}

/* The byte that stands at |at|, percent-encoded or not, and how long it is. */
static uint8_t byte_at(struct slice s, size_t at, size_t *len)
{
    *len = 1;
    if (s.data[at] == '%' && at + 2 < s.len) {
        int high = hex_digit(s.data[at + 1]), low = hex_digit(s.data[at + 2]);
        if (high >= 0 && low >= 0) {
            *len = 3;
            return (uint8_t)(high * 16 + low);
        }
    }
    return s.data[at];
}

bool resource_dots(struct slice path)
{
    unsigned dots = 0;
    bool other = false;
    size_t len;

    for (size_t i = 0; i < path.len; i += len) {
        uint8_t c = byte_at(path, i, &len);
        if (c == '/' || c == '\\') {
            if (!other && (dots == 1 || dots == 2))
                return true;
            dots = 0;
            other = false;
        } else if (c == '.') {
            dots++;
        } else {
            other = true;
        }
    }
    return !other && (dots == 1 || dots == 2);
}
