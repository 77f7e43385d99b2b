/* Paths and queries: how they are sent, and how they are signed. */
#include "node/sigv4/sigv4_impl.h"

/* The unreserved characters of RFC 3986 section 2.3. */
static bool plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void sigv4_put_byte(struct buf *out, uint8_t c)
{
    static const char hex[] = "0123456789ABCDEF";

    if (plain(c)) {
        buf_add_u8(out, c);
    } else {
        uint8_t text[3] = { '%', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15] };
        buf_add(out, text, sizeof(text));
    }
}

/* The byte at |*i|, decoded; |*i| moves behind it. |*escaped|: it was encoded. A % that encodes nothing is itself. */
static uint8_t take(struct slice s, size_t *i, bool *escaped)
{
    uint8_t c = s.data[(*i)++];

    *escaped = c == '%' && *i + 1 < s.len && hex_digit(s.data[*i]) >= 0 && hex_digit(s.data[*i + 1]) >= 0;
    if (!*escaped)
        return c;
    c = (uint8_t)(hex_digit(s.data[*i]) << 4 | hex_digit(s.data[*i + 1]));
    *i += 2;
    return c;
}

/* ---- as it is sent ---- */

/* Would |path| have a dot segment if its encoded slashes were slashes? */
static bool hides_dots(struct slice path)
{
    size_t i = 0, dots = 0, others = 0;
    bool escaped, found = false;

    while (i < path.len && !found) {
        uint8_t c = take(path, &i, &escaped);
        if (c == '/') {
            found = others == 0 && (dots == 1 || dots == 2);
            dots = others = 0;
        } else if (c == '.') {
            dots++;
        } else {
            others++;
        }
    }
    return found || (others == 0 && (dots == 1 || dots == 2));
}

static void put_path(struct buf *out, struct slice path)
{
    bool keep = hides_dots(path), escaped;

    for (size_t i = 0; i < path.len;) {
        uint8_t c = take(path, &i, &escaped);
        if (c == '/' && !(escaped && keep))
            buf_add_u8(out, c);
        else
            sigv4_put_byte(out, c);
    }
}

/* With its mark, if there is anything in it. */
static void put_query(struct buf *out, struct slice query)
{
    struct slice pair;
    bool first = true, escaped;

    while (slice_split(&query, '&', &pair)) {
        bool value = false;
        if (pair.len == 0)
            continue;
        buf_add_u8(out, first ? '?' : '&');
        first = false;
        for (size_t i = 0; i < pair.len;) {
            uint8_t c = take(pair, &i, &escaped);
            if (c == '=' && !escaped && !value) {
                buf_add_u8(out, c);
                value = true;
            } else {
                sigv4_put_byte(out, c == '+' && !escaped ? ' ' : c);
            }
        }
        if (!value)
            buf_add_u8(out, '=');
    }
}

void sigv4_target(struct buf *out, struct slice target)
{
    const uint8_t *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    size_t path = mark != NULL ? (size_t)(mark - target.data) : target.len;

    put_path(out, slice_head(target, path));
    put_query(out, slice_from(target, path + 1));
}

/* ---- as it is signed ---- */

/* Takes dot segments and empty ones out (RFC 3986 section 5.2.4, and then runs of slashes). */
static void put_normal(struct buf *out, struct slice path)
{
    struct slice segment;
    size_t start = out->len;
    bool open = false; /* ends in a slash */

    while (slice_split(&path, '/', &segment)) {
        bool up = slice_eq(segment, SLICE_LIT(".."));
        open = segment.len == 0 || up || slice_eq(segment, SLICE_LIT("."));
        if (up) {
            while (buf_ok(out) && out->len > start && out->data[--out->len] != '/')
                ;
        } else if (!open) {
            buf_add_u8(out, '/');
            buf_add_slice(out, segment);
        }
    }
    if (open || out->len == start)
        buf_add_u8(out, '/');
}

void sigv4_put_path(struct buf *out, const struct sigv4_scope *scope, struct slice path)
{
    struct buf normal = BUF_EMPTY;

    if (scope->normalise_path) {
        put_normal(&normal, path);
        out->failed = out->failed || !buf_ok(&normal);
        path = buf_slice(&normal);
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '/' || (path.data[i] == '%' && !scope->encode_path))
            buf_add_u8(out, path.data[i]);
        else
            sigv4_put_byte(out, path.data[i]);
    }
    buf_free(&normal);
}

static size_t put_decoded(struct buf *out, struct slice text)
{
    size_t start = out->len;
    bool escaped;

    for (size_t i = 0; i < text.len;)
        sigv4_put_byte(out, take(text, &i, &escaped));
    return out->len - start;
}

/* A parameter of the query, encoded, in |text|. */
struct param {
    size_t at, name, value; /* the value behind the name, both without a sign between them */
    const struct buf *text;
};

static int compare(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static struct slice name_of(const struct param *p)
{
    return slice_of(p->text->data + p->at, p->name);
}

static struct slice value_of(const struct param *p)
{
    return slice_of(p->text->data + p->at + p->name, p->value);
}

static int by_name_and_value(const void *a, const void *b)
{
    int order = compare(name_of(a), name_of(b));

    return order != 0 ? order : compare(value_of(a), value_of(b));
}

void sigv4_put_query(struct buf *out, struct slice query)
{
    struct buf text = BUF_EMPTY, params = BUF_EMPTY;
    struct slice pair;

    buf_reserve(&text, 1); /* for no bytes, too, there is a place */
    while (slice_split(&query, '&', &pair)) {
        const uint8_t *sign = pair.len > 0 ? memchr(pair.data, '=', pair.len) : NULL;
        size_t name = sign != NULL ? (size_t)(sign - pair.data) : pair.len;
        struct param p = { .at = text.len, .text = &text };
        if (pair.len == 0)
            continue;
        p.name = put_decoded(&text, slice_head(pair, name));
        p.value = put_decoded(&text, slice_from(pair, name + 1));
        buf_add(&params, &p, sizeof(p));
    }
    out->failed = out->failed || !buf_ok(&text) || !buf_ok(&params);
    if (!out->failed && params.len > 0) {
        struct param *all = (struct param *)(void *)params.data;
        size_t n = params.len / sizeof(*all);
        qsort(all, n, sizeof(*all), by_name_and_value);
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                buf_add_u8(out, '&');
            buf_add_slice(out, name_of(&all[i]));
            buf_add_u8(out, '=');
            buf_add_slice(out, value_of(&all[i]));
        }
    }
    buf_free(&text);
    buf_free(&params);
}
