#include "node/core/forward.h"

#include <stdlib.h>

#include "node/core/cookies.h"
#include "proto/base/err.h"
#include "proto/wire.h"

enum { K_FIELDS = 1 };

#define FORWARDED_FOR SLICE_LIT("X-Forwarded-For")

/* A name that ends in a hyphen stands for all that begin so. */
static bool named(struct slice name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice one = slice_str(names[i]);
        if (slice_eq_nocase(one.data[one.len - 1] == '-' ? slice_head(name, one.len) : name, one))
            return true;
    }
    return false;
}

static bool is_forwarded_for(const struct field *field)
{
    return slice_eq_nocase(field->name, FORWARDED_FOR);
}

/* Written by us, another protocol's, or an edge's own word. */
static const char *const ours[] = {
    "host", "content-length", "expect", "x-request-id", "http2-settings", "x-edge-", "x-origin-secret",
};
/* Another answer than the key says; conditions (if-...) too. */
static const char *const of_copies[] = { "range", "max-forwards" };

#define NAMED(name, list) named(name, list, sizeof(list) / sizeof((list)[0]))

static bool is_of_copies(struct slice name)
{
    return NAMED(name, of_copies) || slice_eq_nocase(slice_head(name, 3), SLICE_LIT("if-"));
}

bool forward_may(const struct fields *all, const struct field *field, enum forward_into into)
{
    return !fields_hop_by_hop(all, field) && !(into != FORWARD_PASSAGE && is_of_copies(field->name)) &&
           !NAMED(field->name, ours);
}

bool forward_passes(const struct fields *all, const struct field *field, enum forward_into into)
{
    static const char *const never[] = {
        /* a proxy's word that an origin may trust, or another target in no key */
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-host",
        /* what some server behind us would make a variable */
        "proxy",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-host",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
    };
    static const char *const alone[] = { "accept-encoding", "authorization", "cookie", "x-forwarded-for" };

    return forward_may(all, field, into) && !NAMED(field->name, never) &&
           !(into == FORWARD_SHARED && NAMED(field->name, alone));
}

/* ---- by what is said of a path ---- */

static bool lists(const struct dist_names *names, struct slice name)
{
    return names->which == DIST_LISTED && dist_named(names, name, true);
}

static bool is_cookie(const struct field *field)
{
    return slice_eq_nocase(field->name, SLICE_LIT("cookie"));
}

static bool is_authorization(const struct field *field)
{
    return slice_eq_nocase(field->name, SLICE_LIT("authorization"));
}

/* Are cookies picked by their names, and not by whom the answer is for? */
static bool picks_cookies(const struct dist_behaviour *b, enum forward_into into)
{
    return b != NULL && (b->cache.cookies.which != DIST_NONE || b->request_cookies.which != DIST_NONE ||
                         into == FORWARD_SHARED || b->request_fields.which != DIST_ALL);
}

bool forward_by(const struct dist_behaviour *b, const struct fields *all, const struct field *field,
                enum forward_into into)
{
    static const char *const of_bodies[] = { "content-" };

    if (b == NULL || is_forwarded_for(field))
        return forward_passes(all, field, into);
    if (is_cookie(field))
        return !picks_cookies(b, into) && forward_passes(all, field, into);
    if (lists(&b->cache.fields, field->name))
        return forward_may(all, field, into);
    if (b->own_identity && is_authorization(field))
        return false;
    if ((b->cache.fields.which != DIST_LISTED && dist_named(&b->cache.fields, field->name, true)) ||
        dist_named(&b->request_fields, field->name, true))
        return forward_passes(all, field, into);
    return into == FORWARD_PASSAGE && (NAMED(field->name, of_bodies) || is_of_copies(field->name)) &&
           forward_passes(all, field, into);
}

static bool decode(struct fields *f, const wire_value *array, size_t n)
{
    fields_clear(f);
    if (n % 2 != 0)
        return false;
    for (size_t i = 0; i < n; i += 2) {
        struct slice name, value;
        if (wire_as_bin(wire_at(array, i), &name) != 0 || wire_as_bin(wire_at(array, i + 1), &value) != 0 ||
            !field_is_sound(name, value) || fields_add(f, name, value) != 0)
            return false;
    }
    return true;
}

static struct forward *kept(struct slice raw, const struct fields *lent)
{
    size_t head = offsetof(struct forward, fields.at) + lent->n * sizeof(struct field);
    struct forward *f = malloc(head + raw.len);

    if (f == NULL)
        return NULL;
    uint8_t *bytes = (uint8_t *)f + head;
    memcpy(bytes, raw.data, raw.len);
    f->refs = 1;
    f->raw = slice_of(bytes, raw.len);
    f->fields.n = lent->n;
    f->fields.names = lent->names;
    for (size_t i = 0; i < lent->n; i++) {
        const struct field *from = &lent->at[i];
        f->fields.at[i].name = slice_of(bytes + (from->name.data - raw.data), from->name.len);
        f->fields.at[i].value = slice_of(bytes + (from->value.data - raw.data), from->value.len);
    }
    return f;
}

/* The one line of cookies that may go along: those that are named, in their order. */
static bool cookies_fit(const struct dist_behaviour *b, const struct fields *fields, const struct field *field)
{
    struct buf line = BUF_EMPTY;

    cookies_put(&line, fields, &b->cache.cookies, &b->request_cookies);
    bool fit = buf_ok(&line) && line.len > 0 && slice_eq(buf_slice(&line), field->value);
    buf_free(&line);
    return fit;
}

static bool fits(const struct dist_behaviour *b, const struct fields *fields, const struct field *field,
                 enum forward_into into)
{
    return is_cookie(field) && picks_cookies(b, into) ? cookies_fit(b, fields, field)
                                                      : forward_by(b, fields, field, into);
}

static int read(struct forward **out, const struct dist_behaviour *b, struct slice raw, enum forward_into into)
{
    struct fields lent;
    struct wire w = { 0 };
    const wire_value *array;
    size_t n;
    int err;

    if (raw.len > FORWARD_BYTES_MAX)
        return MESH_E_RANGE;
    if ((err = wire_open(&w, raw, true)) != 0)
        return err;
    err = wire_array(w.root, K_FIELDS, &array, &n);
    if (err == 0 && !decode(&lent, array, n))
        err = MESH_E_SYNTAX;
    for (size_t i = 0; err == 0 && i < lent.n; i++) {
        if (!fits(b, &lent, &lent.at[i], into))
            err = MESH_E_SYNTAX;
    }
    wire_close(&w);
    if (err == 0 && (*out = kept(raw, &lent)) == NULL)
        err = MESH_E_NOMEM;
    return err;
}

int forward_read(struct forward **out, const struct dist_behaviour *b, struct slice raw)
{
    return read(out, b, raw, FORWARD_SHARED);
}

/* Behind what the viewer says of those before it, in their order, stands what we know: its own address. */
static void put_forwarded_for(struct buf *raw, const struct fields *all, const struct mesh_addr *viewer)
{
    char text[MESH_ADDR_TEXT_MAX];
    struct buf line = BUF_EMPTY;

    for (size_t i = 0; all != NULL && i < all->n; i++) {
        if (!is_forwarded_for(&all->at[i]) || all->at[i].value.len == 0)
            continue;
        buf_add_slice(&line, all->at[i].value);
        buf_add_str(&line, ", ");
    }
    struct slice address = slice_str(mesh_addr_text(viewer, text));
    while (address.data[--address.len] != ':') /* without the port, and an IPv6 address without its brackets */
        ;
    if (address.data[0] == '[')
        address = slice_of(address.data + 1, address.len - 2);
    buf_add_slice(&line, address);
    if (!buf_ok(&line))
        raw->failed = true;
    wire_put_bin(raw, FORWARDED_FOR);
    wire_put_bin(raw, buf_slice(&line));
    buf_free(&line);
}

static void put_field(struct buf *raw, struct slice name, struct slice value)
{
    wire_put_bin(raw, name);
    wire_put_bin(raw, value);
}

struct forward *forward_for(const struct dist_behaviour *b, const struct fields *all, enum forward_into into,
                            const struct mesh_addr *viewer)
{
    bool tell = into != FORWARD_SHARED && viewer != NULL && viewer->port != 0;
    struct buf raw = BUF_EMPTY, cookies = BUF_EMPTY;
    struct forward *f = NULL;
    uint32_t n = tell;

    if (picks_cookies(b, into))
        cookies_put(&cookies, all, &b->cache.cookies, &b->request_cookies);
    n += cookies.len > 0;
    for (size_t i = 0; all != NULL && i < all->n; i++)
        n += forward_by(b, all, &all->at[i], into) && !is_forwarded_for(&all->at[i]);
    wire_put_map(&raw, 1);
    wire_put_u64(&raw, K_FIELDS);
    wire_put_array(&raw, 2 * n);
    for (size_t i = 0; all != NULL && i < all->n; i++) {
        if (forward_by(b, all, &all->at[i], into) && !is_forwarded_for(&all->at[i]))
            put_field(&raw, all->at[i].name, all->at[i].value);
    }
    if (cookies.len > 0)
        put_field(&raw, SLICE_LIT("Cookie"), buf_slice(&cookies));
    if (tell)
        put_forwarded_for(&raw, all, viewer);
    if (buf_ok(&raw) && buf_ok(&cookies))
        (void)read(&f, b, buf_slice(&raw), into);
    buf_free(&raw);
    buf_free(&cookies);
    return f;
}

struct forward *forward_of(const struct fields *all, enum forward_into into, const struct mesh_addr *viewer)
{
    return forward_for(NULL, all, into, viewer);
}

struct forward *forward_ref(struct forward *f)
{
    if (f != NULL)
        f->refs++;
    return f;
}

void forward_unref(struct forward *f)
{
    if (f != NULL && --f->refs == 0)
        free(f);
}
