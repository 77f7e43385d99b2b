#include "node/io/admin_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/http/serialise.h"
#include "node/io/purge_from.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define CONN_MAGIC 0x61646d63u
#define CONNS_MAX  64
#define QUIET_SPAN SEC(30)
#define TEXT_TYPE  "text/plain; charset=utf-8"

struct conn {
    uint32_t magic;
    struct list link;
    struct admin_server *server;
    ev_io io;
    struct timeout timeout;
    struct buf in, out;
    size_t out_at;
    struct http_cursor cursor;
    bool close, continued, eof;
};

static void conn_free(struct conn *c)
{
    struct admin_server *s = c->server;

    OBJ_CHECK(c, CONN_MAGIC);
    ev_io_stop(s->worker->loop, &c->io);
    close(c->io.fd);
    timeout_clear(&c->timeout);
    list_remove(&c->link);
    buf_free(&c->in);
    buf_free(&c->out);
    c->magic = 0;
    free(c);
    s->n--;
    listener_spare(&s->worker->admin);
}

static void watch(struct conn *c, int events)
{
    struct ev_loop *loop = c->server->worker->loop;

    if (ev_is_active(&c->io) && c->io.events == events)
        return;
    ev_io_stop(loop, &c->io);
    ev_io_set(&c->io, c->io.fd, events);
    ev_io_start(loop, &c->io);
}

bool admin_host_ok(struct slice host)
{
    char text[80];
    struct mesh_addr addr;

    if (host.len == 0 || slice_eq_nocase(host, SLICE_LIT("localhost")))
        return true;
    int n = snprintf(text, sizeof(text), "%.*s:1", SLICE_FMT(host));
    return n > 0 && (size_t)n < sizeof(text) && mesh_addr_parse(slice_str(text), &addr) == 0;
}

static void add_answer(struct conn *c, const struct http_request *q, unsigned status, const char *type,
                       const char *etag, struct slice body)
{
    buf_addf(&c->out,
             "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nDate: %.*s\r\nCache-Control: no-store\r\n"
             "X-Content-Type-Options: nosniff\r\n%s%s%s%s%s\r\n",
             status, http_reason(status), type, body.len, SLICE_FMT(worker_date(c->server->worker)),
             etag[0] != 0 ? "ETag: " : "", etag, etag[0] != 0 ? "\r\n" : "",
             status == 405 ? "Allow: GET, HEAD, POST\r\n" : "",
             c->close ? "Connection: close\r\n" : (q->minor == 0 ? "Connection: keep-alive\r\n" : ""));
    if (q->method != HTTP_HEAD)
        buf_add_slice(&c->out, body);
}

static void refuse(struct conn *c, const struct http_request *q, unsigned status, const char *text)
{
    struct buf body = BUF_EMPTY;

    c->close = true;
    buf_addf(&body, "%s\n", text);
    add_answer(c, q, status, TEXT_TYPE, "", buf_slice(&body));
    buf_free(&body);
}

static void answer(struct conn *c, const struct http_request *q, struct slice body)
{
    struct worker *w = c->server->worker;
    const struct field *authorization = fields_find(&q->fields, SLICE_LIT("authorization"));
    const struct field *if_match = fields_find(&q->fields, SLICE_LIT("if-match"));
    const char *type = TEXT_TYPE;
    char etag[NODE_ADMIN_ETAG_MAX] = "";
    struct buf out = BUF_EMPTY;
    struct node_admin_request req = {
        .method = q->method_text,
        .path = q->path,
        .query = q->query,
        .authorization = authorization != NULL ? authorization->value : SLICE_EMPTY,
        .if_match = if_match != NULL ? if_match->value : SLICE_EMPTY,
        .body = body,
        .etag = etag,
    };
    unsigned status = 404;

    if (w->cfg->admin_handler != NULL)
        status = w->cfg->admin_handler(w->cfg->admin_ctx, w->node, &req, &out, &type);
    if (!buf_ok(&out)) {
        refuse(c, q, 503, "out of memory");
    } else {
        bool last = w->admin.spare < 0; /* of all descriptors: the next caller needs it */
        c->close = c->close || !q->keep_alive || last;
        add_answer(c, q, status, type, etag, buf_slice(&out));
    }
    buf_free(&out);
}

static bool is_document(const struct http_request *q)
{
    static const char prefix[] = NODE_ADMIN_DOCUMENTS;
    return slice_eq(slice_head(q->path, sizeof(prefix) - 1), SLICE_LIT(prefix));
}

/* A stranger makes us hold little. */
static size_t body_max(const struct worker *w, const struct http_request *q)
{
    const struct field *authorization = fields_find(&q->fields, SLICE_LIT("authorization"));

    if (is_document(q) && authorization != NULL && token_given(w->cfg->admin_token, authorization->value))
        return CONFIG_FILE_MAX;
    return NODE_ADMIN_BODY_MAX;
}

static bool is_answered(const struct http_request *q)
{
    return q->method == HTTP_GET || q->method == HTTP_HEAD || q->method == HTTP_POST ||
           (is_document(q) && (q->method == HTTP_PUT || q->method == HTTP_DELETE));
}

/* 0: a request with its body was answered and |*used| bytes are done with; MESH_E_SHORT: more
 * is needed; else it was refused. */
static int take_request(struct conn *c, struct slice in, size_t *used)
{
    struct worker *w = c->server->worker;
    struct http_request *q = &w->request;
    struct http_cursor before = c->cursor;
    int err = http_parse_request(in, &c->cursor, q, used);

    if (err == MESH_E_SHORT)
        return err;
    w->counters.admin_requests++;
    if (err != 0) {
        q->minor = 1;
        refuse(c, q, (unsigned)q->fault.status, q->fault.reason);
        return MESH_E_SYNTAX;
    }
    if (!admin_host_ok(q->host)) {
        refuse(c, q, 403, "Ask for this node by its address or as localhost: other names are refused here.");
        return MESH_E_REFUSED;
    }
    if (!is_answered(q)) {
        refuse(c, q, 405, "GET, HEAD and POST are answered here.");
        return MESH_E_REFUSED;
    }
    if (q->body.framing == HTTP_BODY_CHUNKED) {
        refuse(c, q, 411, "Send the body with a Content-Length.");
        return MESH_E_REFUSED;
    }
    size_t body = q->body.framing == HTTP_BODY_LENGTH ? (size_t)q->body.length : 0;
    if (q->body.framing == HTTP_BODY_LENGTH && q->body.length > body_max(w, q)) {
        refuse(c, q, 413, "The body is too long.");
        return MESH_E_FULL;
    }
    if (in.len - *used < body) {
        if (q->expect_continue && !c->continued && q->minor > 0)
            http_put_continue(&c->out);
        c->continued = true;
        c->cursor = before; /* the head is parsed again with the whole body behind it */
        w->counters.admin_requests--;
        return MESH_E_SHORT;
    }
    answer(c, q, slice_of(in.data + *used, body));
    *used += body;
    c->continued = false;
    return 0;
}

/* Writes what it can. False: the connection is gone. */
static bool flush(struct conn *c)
{
    while (c->out_at < c->out.len) {
        ssize_t n = send(c->io.fd, c->out.data + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL);
        if (n > 0) {
            c->out_at += (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(c, EV_WRITE);
            return true;
        } else if (n == 0 || errno != EINTR) {
            conn_free(c);
            return false;
        }
    }
    buf_free(&c->out);
    c->out_at = 0;
    if (c->close) {
        shutdown(c->io.fd, SHUT_WR);
        if (c->eof) {
            conn_free(c);
            return false;
        }
    }
    watch(c, EV_READ);
    return true;
}

/* One request after the other, each answered before the next is looked at. */
static void advance(struct conn *c)
{
    for (;;) {
        size_t used = 0;
        int err = c->close || c->in.len == 0 ? MESH_E_SHORT : take_request(c, buf_slice(&c->in), &used);
        if (err == 0) {
            buf_drop(&c->in, used);
            timeout_set(&c->server->quiet, &c->timeout, c->server->worker->now);
        }
        if (!buf_ok(&c->out)) {
            conn_free(c);
            return;
        }
        if (!flush(c) || err != 0 || c->out.len > 0)
            break;
    }
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct conn *c = io->data;
    struct worker *w = c->server->worker;

    (void)loop;
    OBJ_CHECK(c, CONN_MAGIC);
    worker_now(w);
    if ((revents & EV_WRITE) != 0) {
        if (flush(c) && c->out.len == 0)
            advance(c);
        return;
    }
    ssize_t n = recv(io->fd, w->read_buf, WORKER_READ_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        conn_free(c);
        return;
    }
    if (c->close) /* the answer is out; what still comes is of no interest */
        return;
    buf_add(&c->in, w->read_buf, (size_t)n);
    if (!buf_ok(&c->in))
        conn_free(c);
    else
        advance(c);
}

void admin_accepted(struct worker *w, int fd, const struct mesh_addr *from)
{
    struct admin_server *s = &w->admin_server;
    struct conn *c;

    (void)from;
    if (s->n >= CONNS_MAX) /* the one that was quiet for longest makes room */
        conn_free(OBJ_OF(OBJ_OF(list_first(&s->quiet.all), struct timeout, link), struct conn, timeout));
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        close(fd);
        return;
    }
    c->magic = CONN_MAGIC;
    c->server = s;
    s->n++;
    list_init(&c->link);
    list_push_back(&s->all, &c->link);
    timeout_init(&c->timeout);
    timeout_set(&s->quiet, &c->timeout, w->now);
    ev_io_init(&c->io, on_io, fd, EV_READ);
    c->io.data = c;
    ev_io_start(w->loop, &c->io);
}

static void on_quiet(struct timeout *t)
{
    conn_free(OBJ_OF(t, struct conn, timeout));
}

void admin_init(struct admin_server *s, struct worker *w)
{
    s->worker = w;
    list_init(&s->all);
    timeouts_init(&s->quiet, QUIET_SPAN, on_quiet);
}

void admin_close(struct admin_server *s)
{
    while (!list_empty(&s->all))
        conn_free(OBJ_OF(list_first(&s->all), struct conn, link));
}

mesh_ns admin_deadline(const struct admin_server *s)
{
    return timeouts_deadline(&s->quiet);
}

void admin_run(struct admin_server *s, mesh_ns now)
{
    timeouts_run(&s->quiet, now);
}
