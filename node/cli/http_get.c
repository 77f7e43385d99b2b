#include "node/cli/http_get.h"

#include <string.h>

#include "node/http/chunked.h"
#include "node/http/parse.h"
#include "node/io/blocking.h"
#include "proto/base/err.h"

#define READ_BYTES 65536

static int complain(struct buf *why, const char *what)
{
    buf_add_str(why, what);
    return -1;
}

static int ask(int fd, const struct mesh_addr *addr, const struct http_call *what)
{
    const struct slice *body = what->body;
    char host[MESH_ADDR_TEXT_MAX];
    struct buf out = BUF_EMPTY;

    buf_addf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: hedgerow/" HEDGEROW_VERSION "\r\nAccept: */*\r\n",
             what->method, what->path, mesh_addr_text(addr, host));
    if (body != NULL)
        buf_addf(&out, "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n", body->len);
    if (what->token != NULL)
        buf_addf(&out, "Authorization: Bearer %s\r\n", what->token);
    if (what->if_match != NULL)
        buf_addf(&out, "If-Match: %s\r\n", what->if_match);
    buf_add_str(&out, "Connection: close\r\n\r\n");
    if (body != NULL)
        buf_add_slice(&out, *body);
    int err = buf_ok(&out) ? blocking_write(fd, buf_slice(&out)) : -1;
    buf_free(&out);
    return err;
}

/* To the connection's end: it was asked to close behind the answer. */
static int read_all(int fd, struct buf *raw, struct buf *why)
{
    size_t n = 1;

    while (n > 0) {
        uint8_t *to = raw->len <= HTTP_GET_BODY_MAX ? buf_reserve(raw, READ_BYTES) : NULL;
        if (to == NULL)
            return complain(why, "the answer is too large");
        int err = blocking_read(fd, to, READ_BYTES, &n);
        if (err != 0)
            return complain(why, strerror(err));
        raw->len += n;
    }
    return 0;
}

static int take_chunks(struct http_get *out, struct slice rest, struct buf *why)
{
    struct http_chunked c;
    struct slice data;
    int err;

    http_chunked_init(&c);
    while ((err = http_chunked_read(&c, &rest, &data)) == 0 && !http_chunked_done(&c))
        buf_add_slice(&out->body, data);
    if (err != 0)
        return complain(why, err == MESH_E_SHORT ? "the answer broke off" : c.reason);
    return buf_ok(&out->body) ? 0 : complain(why, "out of memory");
}

static int take_body(struct http_get *out, const struct http_body *body, struct slice rest, struct buf *why)
{
    switch (body->framing) {
    case HTTP_BODY_NONE: return 0;
    case HTTP_BODY_LENGTH:
        if (rest.len != body->length)
            return complain(why, "the answer's body is cut short or too long");
        break;
    case HTTP_BODY_CHUNKED: return take_chunks(out, rest, why);
    case HTTP_BODY_UNTIL_CLOSE: break;
    }
    buf_add_slice(&out->body, rest);
    return buf_ok(&out->body) ? 0 : complain(why, "out of memory");
}

static int understand(struct http_get *out, struct buf *why)
{
    struct http_response r;
    struct slice rest = buf_slice(&out->raw);
    size_t used;

    do { /* past interim answers */
        struct http_cursor at = { 0 };
        int err = http_parse_response(rest, &at, false, &r, &used);
        if (err != 0)
            return complain(why, err == MESH_E_SHORT ? "the answer broke off" : "the answer is not HTTP/1.1");
        rest = slice_from(rest, used);
    } while (r.status < 200);
    out->status = r.status;
    out->fields = r.fields;
    return take_body(out, &r.body, rest, why);
}

int http_send(struct http_get *out, const struct mesh_addr *addr, const struct http_call *what, mesh_ns timeout,
              struct buf *why)
{
    int fd;

    *out = (struct http_get){ .raw = BUF_EMPTY, .body = BUF_EMPTY };
    int err = blocking_connect(addr, timeout, &fd);
    if (err != 0)
        return complain(why, strerror(err));
    int code = ask(fd, addr, what) != 0 ? complain(why, "the connection broke") : read_all(fd, &out->raw, why);
    blocking_close(fd);
    return code == 0 ? understand(out, why) : code;
}

int http_get(struct http_get *out, const struct mesh_addr *addr, const char *path, const char *token, mesh_ns timeout,
             struct buf *why)
{
    return http_send(out, addr, &(struct http_call){ .method = "GET", .path = path, .token = token }, timeout, why);
}

int http_post(struct http_get *out, const struct mesh_addr *addr, const char *path, const char *token,
              struct slice body, mesh_ns timeout, struct buf *why)
{
    struct http_call what = { .method = "POST", .path = path, .token = token, .body = &body };
    return http_send(out, addr, &what, timeout, why);
}

void http_get_free(struct http_get *g)
{
    buf_free(&g->raw);
    buf_free(&g->body);
}
