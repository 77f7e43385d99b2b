#include "node/io/upstream_request.h"

#include "node/core/forward.h"
#include "node/http/serialise.h"
#include "proto/base/err.h"

#define LOOP_NAME "hedgerow"
#define LOOP_HEX  (2 * MESH_ID_BYTES)

/* The element that names us in CDN-Loop: "hedgerow;mesh=0123...". The mesh and not the node,
 * since a request may enter a loop at one node and come back through another. */
static struct slice loop_param(char text[LOOP_HEX + sizeof("mesh=")], const struct mesh_id *mesh)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = sizeof("mesh=") - 1;

    memcpy(text, "mesh=", at);
    for (size_t i = 0; i < MESH_ID_BYTES; i++) {
        text[at++] = hex[mesh->bytes[i] >> 4];
        text[at++] = hex[mesh->bytes[i] & 15];
    }
    return slice_of(text, at);
}

bool upstream_loops(const struct fields *fields, const struct mesh_id *mesh)
{
    char text[LOOP_HEX + sizeof("mesh=")];
    struct slice ours, element;
    struct fields_cursor at = { 0 };

    if (fields_find(fields, SLICE_LIT("cdn-loop")) == NULL)
        return false;
    ours = loop_param(text, mesh);
    while (fields_list(fields, SLICE_LIT("cdn-loop"), &at, &element)) {
        struct slice part;
        while (slice_split(&element, ';', &part)) {
            if (slice_eq_nocase(slice_trim(part), ours))
                return true;
        }
    }
    return false;
}

/* Does the origin's owner say what it gets as |name|? */
static bool is_fixed(const struct dist_origin *origin, struct slice name)
{
    for (size_t i = 0; i < origin->headers_n; i++) {
        if (slice_eq_nocase(origin->headers[i].name, name))
            return true;
    }
    return false;
}

static int put_fixed(struct buf *out, const struct dist_origin *origin)
{
    int err = 0;

    for (size_t i = 0; i < origin->headers_n && err == 0; i++)
        err = http_put_field(out, origin->headers[i].name, origin->headers[i].value);
    return err;
}

static bool forwards(const struct fetch *f, struct slice name)
{
    return f->forward != NULL && fields_find(f->forward, name) != NULL;
}

/* Each hop counts it down (RFC 9110 section 7.6.2); at 0 nobody forwards. One that is no number is not ours to read. */
static int put_hops_left(struct buf *out, const struct field *field)
{
    uint64_t left;

    if (slice_u64(field->value, &left) != 0 || left == 0)
        return http_put_field(out, field->name, field->value);
    http_put_number(out, field->name, left - 1);
    return 0;
}

static int put_one(struct buf *out, const struct dist_origin *origin, const struct fetch *f, const struct field *field)
{
    if (is_fixed(origin, field->name) ||
        !forward_passes(f->forward, field, f->method.len > 0 ? FORWARD_PASSAGE : FORWARD_ALONE))
        return 0;
    if (slice_eq(f->method, SLICE_LIT("OPTIONS")) && slice_eq_nocase(field->name, SLICE_LIT("max-forwards")))
        return put_hops_left(out, field);
    return http_put_field(out, field->name, field->value);
}

static int put_forwarded(struct buf *out, const struct dist_origin *origin, const struct fetch *f)
{
    const struct fields *all = f->forward;
    /* Lists that each hop adds to (RFC 9110 section 7.6.3, RFC 8586). */
    static const char *const lists[] = { "Via", "CDN-Loop" };
    int err = 0;

    for (size_t i = 0; i < all->n && err == 0; i++) {
        bool list = slice_eq_nocase(all->at[i].name, SLICE_LIT("via")) ||
                    slice_eq_nocase(all->at[i].name, SLICE_LIT("cdn-loop"));
        if (!list)
            err = put_one(out, origin, f, &all->at[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        const struct field *field = NULL;
        while (err == 0 && (field = fields_next(all, slice_str(lists[i]), field)) != NULL)
            err = http_put_field(out, slice_str(lists[i]), field->value);
    }
    return err;
}

static int put_wanted(struct buf *out, struct slice name, struct slice value)
{
    return value.len > 0 ? http_put_field(out, name, value) : 0;
}

static int put_target(struct buf *out, const struct dist_origin *origin, const struct fetch *f)
{
    struct buf target = BUF_EMPTY;
    int err = MESH_E_NOMEM;

    buf_add_slice(&target, origin->prefix);
    buf_add_slice(&target, f->path);
    if (buf_ok(&target))
        err = http_put_request_line(out, f->method.len > 0 ? f->method : SLICE_LIT("GET"), buf_slice(&target));
    buf_free(&target);
    return err;
}

/* POST, PUT and PATCH say that they have no content, which others need not (RFC 9110 section 8.6). */
static void put_body(struct buf *out, const struct fetch *f, const struct upstream_body *body)
{
    struct http_body b = { HTTP_BODY_NONE, false, 0 };

    if (f->method.len == 0)
        return;
    if (body != NULL)
        b = body->body;
    if (b.framing == HTTP_BODY_NONE &&
        (slice_eq(f->method, SLICE_LIT("POST")) || slice_eq(f->method, SLICE_LIT("PUT")) ||
         slice_eq(f->method, SLICE_LIT("PATCH"))))
        b = (struct http_body){ HTTP_BODY_LENGTH, true, 0 };
    if (b.framing != HTTP_BODY_NONE)
        http_put_framing(out, &b);
    if (body != NULL && body->expect)
        buf_add_str(out, "Expect: 100-continue\r\n");
}

int upstream_request(struct buf *out, const struct dist_origin *origin, const struct fetch *f,
                     const struct upstream_body *body, struct slice secret, struct slice node,
                     const struct mesh_id *mesh)
{
    char text[LOOP_HEX + sizeof("mesh=")];
    int err;

    if ((err = put_target(out, origin, f)) != 0 ||
        (err = http_put_field(out, SLICE_LIT("Host"),
                              f->viewer_host && f->host.len > 0 ? f->host : origin->authority)) != 0 ||
        (f->forward != NULL && (err = put_forwarded(out, origin, f)) != 0) || (err = put_fixed(out, origin)) != 0 ||
        (err = put_wanted(out, SLICE_LIT("X-Origin-Secret"), secret)) != 0 ||
        (err = http_put_field(out, SLICE_LIT("X-Request-Id"), f->request_id)) != 0 ||
        (err = put_wanted(out, SLICE_LIT("Range"), f->range)) != 0 ||
        (err = put_wanted(out, SLICE_LIT("If-Range"), f->if_range)) != 0 ||
        (err = put_wanted(out, SLICE_LIT("If-None-Match"), f->if_none_match)) != 0 ||
        (err = put_wanted(out, SLICE_LIT("If-Modified-Since"), f->if_modified_since)) != 0)
        return err;
    put_body(out, f, body);
    if (!forwards(f, SLICE_LIT("user-agent")) && !is_fixed(origin, SLICE_LIT("user-agent")))
        buf_add_str(out, "User-Agent: hedgerow\r\n");
    if (f->method.len == 0 && !forwards(f, SLICE_LIT("accept-encoding")) &&
        !is_fixed(origin, SLICE_LIT("accept-encoding")))
        buf_add_str(out, "Accept-Encoding: identity\r\n");
    buf_add_str(out, "Via: 1.1 ");
    buf_add_slice(out, node);
    buf_add_str(out, " (hedgerow)\r\nCDN-Loop: " LOOP_NAME ";");
    buf_add_slice(out, loop_param(text, mesh));
    buf_add_str(out, "\r\n");
    http_put_end(out);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}
