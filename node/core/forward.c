#include "node/core/forward.h"

#include <stdlib.h>

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

bool forward_passes(const struct fields *all, const struct field *field, enum forward_into into)
{
    static const char *const never[] = {
        /* written by us */
        "host",
        "content-length",
        "expect",
        "x-request-id",
        /* a proxy's word that an origin may trust, or another target in no key */
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-host",
        /* what some server behind us would make a variable, another protocol or an edge's own word of */
        "proxy",
        "http2-settings",
        "x-edge-",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-host",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
    };
    /* another answer than the key says; conditions (if-...) too */
    static const char *const of_copies[] = { "range", "max-forwards" };
    static const char *const alone[] = { "accept-encoding", "authorization", "cookie", "x-forwarded-for" };

    if (fields_hop_by_hop(all, field))
        return false;
    if (into != FORWARD_PASSAGE && (named(field->name, of_copies, sizeof(of_copies) / sizeof(of_copies[0])) ||
                                    slice_eq_nocase(slice_head(field->name, 3), SLICE_LIT("if-"))))
        return false;
    return !named(field->name, never, sizeof(never) / sizeof(never[0])) &&
           !(into == FORWARD_SHARED && named(field->name, alone, sizeof(alone) / sizeof(alone[0])));
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

static int read(struct forward **out, struct slice raw, enum forward_into into)
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
        if (!forward_passes(&lent, &lent.at[i], into))
            err = MESH_E_SYNTAX;
    }
    wire_close(&w);
    if (err == 0 && (*out = kept(raw, &lent)) == NULL)
        err = MESH_E_NOMEM;
    return err;
}

int forward_read(struct forward **out, struct slice raw)
{
    return read(out, raw, FORWARD_SHARED);
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

struct forward *forward_of(const struct fields *all, enum forward_into into, const struct mesh_addr *viewer)
{
    bool tell = into != FORWARD_SHARED && viewer != NULL && viewer->port != 0;
    struct buf raw = BUF_EMPTY;
    struct forward *f = NULL;
    uint32_t n = tell;

    for (size_t i = 0; all != NULL && i < all->n; i++)
        n += forward_passes(all, &all->at[i], into) && !is_forwarded_for(&all->at[i]);
    wire_put_map(&raw, 1);
    wire_put_u64(&raw, K_FIELDS);
    wire_put_array(&raw, 2 * n);
    for (size_t i = 0; all != NULL && i < all->n; i++) {
        if (!forward_passes(all, &all->at[i], into) || is_forwarded_for(&all->at[i]))
            continue;
        wire_put_bin(&raw, all->at[i].name);
        wire_put_bin(&raw, all->at[i].value);
    }
    if (tell)
        put_forwarded_for(&raw, all, viewer);
    if (buf_ok(&raw))
        (void)read(&f, buf_slice(&raw), into);
    buf_free(&raw);
    return f;
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
