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
    struct slice ours = loop_param(text, mesh), element;
    struct fields_cursor at = { 0 };

    while (fields_list(fields, SLICE_LIT("cdn-loop"), &at, &element)) {
        struct slice part;
        while (slice_split(&element, ';', &part)) {
            if (slice_eq_nocase(slice_trim(part), ours))
                return true;
        }
    }
    return false;
}

static bool forwards(const struct fetch *f, struct slice name)
{
    return f->forward != NULL && fields_find(f->forward, name) != NULL;
}

static int put_forwarded(struct buf *out, const struct fields *all)
{
    /* Lists that each hop adds to (RFC 9110 section 7.6.3, RFC 8586). */
    static const char *const lists[] = { "Via", "CDN-Loop" };
    int err = 0;

    for (size_t i = 0; i < all->n && err == 0; i++) {
        bool list = slice_eq_nocase(all->at[i].name, SLICE_LIT("via")) ||
                    slice_eq_nocase(all->at[i].name, SLICE_LIT("cdn-loop"));
        if (!list && forward_passes(all, &all->at[i], false))
            err = http_put_field(out, all->at[i].name, all->at[i].value);
    }
    for (size_t i = 0; i < 2; i++) {
        const struct field *field = NULL;
        while (err == 0 && (field = fields_next(all, slice_str(lists[i]), field)) != NULL)
            err = http_put_field(out, slice_str(lists[i]), field->value);
    }
    return err;
}

static int put_condition(struct buf *out, struct slice name, struct slice value)
{
    return value.len > 0 ? http_put_field(out, name, value) : 0;
}

static int put_target(struct buf *out, const struct origin_url *url, const struct fetch *f)
{
    struct buf target = BUF_EMPTY;
    int err = MESH_E_NOMEM;

    buf_add_slice(&target, url->prefix);
    buf_add_slice(&target, f->path);
    if (buf_ok(&target))
        err = http_put_request_line(out, SLICE_LIT("GET"), buf_slice(&target));
    buf_free(&target);
    return err;
}

int upstream_request(struct buf *out, const struct origin_url *url, const struct fetch *f, struct slice node,
                     const struct mesh_id *mesh)
{
    char text[LOOP_HEX + sizeof("mesh=")];
    int err;

    if ((err = put_target(out, url, f)) != 0 || (err = http_put_field(out, SLICE_LIT("Host"), url->authority)) != 0 ||
        (f->forward != NULL && (err = put_forwarded(out, f->forward)) != 0) ||
        (err = http_put_field(out, SLICE_LIT("X-Request-Id"), f->request_id)) != 0 ||
        (err = put_condition(out, SLICE_LIT("If-None-Match"), f->if_none_match)) != 0 ||
        (err = put_condition(out, SLICE_LIT("If-Modified-Since"), f->if_modified_since)) != 0)
        return err;
    if (!forwards(f, SLICE_LIT("user-agent")))
        buf_add_str(out, "User-Agent: hedgerow\r\n");
    if (!forwards(f, SLICE_LIT("accept-encoding")))
        buf_add_str(out, "Accept-Encoding: identity\r\n");
    buf_add_str(out, "Via: 1.1 ");
    buf_add_slice(out, node);
    buf_add_str(out, " (hedgerow)\r\nCDN-Loop: " LOOP_NAME ";");
    buf_add_slice(out, loop_param(text, mesh));
    buf_add_str(out, "\r\n");
    http_put_end(out);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}
