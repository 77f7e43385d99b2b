#include "node/io/upstream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/http/chunked.h"
#include "node/http/proxy_status.h"
#include "node/io/sock.h"
#include "node/io/upstream_request.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define CONN_MAGIC  0x6f72636eu
#define INTERIM_MAX 8       /* 1xx answers before the final one */
#define ADDRS_FRESH SEC(30) /* a name is looked up again after so long, beside the requests */
#define IDLE_MAX    256

enum conn_state { RESOLVING, CONNECTING, SENDING, HEAD, BODY, IDLE };

struct conn {
    uint32_t magic;
    struct list link; /* in one of the pool's lists */
    struct upstream_pool *pool;
    ev_io io; /* fd -1: none */
    struct timeout timeout;
    struct fetch *fetch; /* NULL when idle */
    enum conn_state state;
    bool reused; /* this request was begun on a connection that had served before */
    bool keep_alive;
    unsigned attempts, interim;
    size_t addr; /* being tried */
    struct buf out;
    size_t sent;
    struct buf in; /* read and not used yet */
    struct http_cursor cursor;
    enum http_framing framing;
    uint64_t left;
    struct http_chunked chunked;
};

static struct conn *conn_of(struct timeout *t)
{
    struct conn *c = OBJ_OF(t, struct conn, timeout);

    OBJ_CHECK(c, CONN_MAGIC);
    return c;
}

/* ---- the socket ---- */

static void watch(struct conn *c, int events)
{
    struct ev_loop *loop = c->pool->worker->loop;

    if (c->io.fd < 0 || (c->io.events == events && ev_is_active(&c->io)) || (events == 0 && !ev_is_active(&c->io)))
        return;
    ev_io_stop(loop, &c->io);
    if (events != 0) {
        ev_io_set(&c->io, c->io.fd, events);
        ev_io_start(loop, &c->io);
    }
}

static void hang_up(struct conn *c)
{
    if (c->io.fd < 0)
        return;
    ev_io_stop(c->pool->worker->loop, &c->io);
    close(c->io.fd);
    c->io.fd = -1;
    c->pool->worker->counters.origin_connections--;
}

static void move_to(struct conn *c, struct list *list)
{
    list_remove(&c->link);
    list_push_front(list, &c->link);
}

static void conn_free(struct conn *c)
{
    hang_up(c);
    timeout_clear(&c->timeout);
    if (c->state == IDLE)
        c->pool->worker->counters.origin_idle--;
    list_remove(&c->link);
    buf_free(&c->out);
    buf_free(&c->in);
    c->magic = 0;
    free(c);
}

/* ---- the end of a fetch: the connection is idle or gone afterwards ---- */

static void finish(struct conn *c, int err)
{
    struct upstream_pool *p = c->pool;
    struct worker *w = p->worker;
    struct fetch *f = c->fetch;
    bool keep = err == 0 && c->keep_alive && c->in.len == 0 && !w->draining && w->counters.origin_idle < IDLE_MAX;

    c->fetch = NULL;
    f->io = NULL;
    if (keep) {
        c->state = IDLE;
        w->counters.origin_idle++;
        buf_free(&c->in); /* idle connections hold no buffers */
        buf_free(&c->out);
        move_to(c, &p->idle);
        timeout_set(&p->keep, &c->timeout, w->now);
        watch(c, EV_READ);
    } else {
        conn_free(c);
    }
    engine_fetch_end(w->engine, w->now, f, err);
}

static void fail(struct conn *c, int err, enum proxy_error cause)
{
    c->fetch->cause = cause;
    finish(c, err);
}

/* ---- connecting ---- */

static enum proxy_error cause_of(int error)
{
    switch (error) {
    case ECONNREFUSED: return PROXY_CONNECTION_REFUSED;
    case ETIMEDOUT: return PROXY_CONNECTION_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH: return PROXY_DESTINATION_IP_UNROUTABLE;
    default: return PROXY_DESTINATION_UNAVAILABLE;
    }
}

/* Tries addresses until one attempt is under way, or gives up with |err| and |cause| of the last one. */
static void connect_next(struct conn *c, int err, enum proxy_error cause)
{
    struct upstream_pool *p = c->pool;
    struct worker *w = p->worker;

    hang_up(c);
    timeout_clear(&c->timeout);
    while (c->attempts < w->timers.origin_attempts) {
        c->addr = (p->first + c->attempts++) % p->addrs_n;
        c->io.fd = sock_connect(&p->addrs[c->addr]);
        if (c->io.fd >= 0) {
            w->counters.origin_connections++;
            c->state = CONNECTING;
            watch(c, EV_WRITE);
            timeout_set(&p->connect, &c->timeout, w->now);
            return;
        }
        err = MESH_E_REFUSED;
        cause = cause_of(errno);
    }
    p->fresh_until = w->now; /* perhaps the name has moved */
    fail(c, err, cause);
}

static void connect_first(struct conn *c)
{
    c->attempts = 0;
    move_to(c, &c->pool->busy);
    connect_next(c, MESH_E_REFUSED, PROXY_DESTINATION_UNAVAILABLE);
}

static void on_addresses(void *ctx, const struct mesh_addr *addrs, size_t n, const char *error)
{
    struct upstream_pool *p = ctx;
    struct worker *w = p->worker;

    worker_now(w);
    p->asked = false;
    if (n > 0) {
        memcpy(p->addrs, addrs, n * sizeof(addrs[0]));
        p->addrs_n = n;
        p->first = 0;
        p->fresh_until = w->now + ADDRS_FRESH;
    } else if (p->addrs_n == 0) {
        worker_notice(w, "origin %.*s: %s", SLICE_FMT(p->url->host), error);
    }
    while (!list_empty(&p->waiting)) {
        struct conn *c = OBJ_OF(list_first(&p->waiting), struct conn, link);
        if (p->addrs_n > 0)
            connect_first(c);
        else
            fail(c, MESH_E_REFUSED, PROXY_DNS_ERROR);
    }
}

/* Looks the name up where that is due. False: there will be no address. */
static bool refresh_addresses(struct upstream_pool *p)
{
    struct worker *w = p->worker;

    if (p->resolver == NULL || p->asked || (p->addrs_n > 0 && w->now < p->fresh_until))
        return true;
    p->asked = resolver_ask(p->resolver, p->url->host, p->url->port, on_addresses, p) == 0;
    return p->asked || p->addrs_n > 0;
}

/* A request on a reused connection died unheard: once more, on a fresh one. */
static void start_over(struct conn *c)
{
    c->pool->worker->counters.origin_retried++;
    c->reused = false;
    c->sent = 0;
    connect_first(c);
}

/* The connection broke or ended where it should not. */
static void broken(struct conn *c)
{
    if (c->reused && (c->state == SENDING || c->state == HEAD) && c->in.len == 0 && c->interim == 0)
        start_over(c);
    else if (c->state == BODY || c->in.len > 0 || c->interim > 0)
        fail(c, MESH_E_CLOSED, PROXY_HTTP_RESPONSE_INCOMPLETE);
    else
        fail(c, MESH_E_CLOSED, PROXY_CONNECTION_TERMINATED);
}

/* ---- the answer ---- */

/* Hands one piece of body over. |*in| moves on; |*done| is set behind the body's last byte. 0 or
 * a MESH_E_*. */
static int body_piece(struct conn *c, struct slice *in, bool *done)
{
    struct worker *w = c->pool->worker;
    struct slice piece = SLICE_EMPTY;

    if (c->framing == HTTP_BODY_CHUNKED) {
        int err = http_chunked_read(&c->chunked, in, &piece);
        if (err != 0 && err != MESH_E_SHORT)
            return err;
        *done = http_chunked_done(&c->chunked);
    } else {
        bool all = c->framing == HTTP_BODY_LENGTH && in->len >= c->left;
        piece = all ? slice_head(*in, (size_t)c->left) : *in;
        *in = slice_from(*in, piece.len);
        c->left -= c->framing == HTTP_BODY_LENGTH ? piece.len : 0;
        *done = all;
    }
    if (piece.len > 0)
        engine_fetch_body(w->engine, w->now, c->fetch, piece);
    return 0;
}

/* Uses what it can of |*in|. True: more is needed (or wanted, where the engine paused us); false:
 * the fetch is over and |c| may be gone. */
static bool take_body(struct conn *c, struct slice *in)
{
    bool done = c->framing == HTTP_BODY_LENGTH && c->left == 0;
    int err = 0;

    while (err == 0 && !done && in->len > 0 && !c->fetch->paused)
        err = body_piece(c, in, &done);
    if (err == 0 && !done)
        return true;
    /* Bytes behind the end: somebody is wrong about where this answer ends (RFC 9112
     * section 11.2), so it is not to be trusted. */
    if (err != 0 || in->len > 0) {
        c->pool->worker->counters.origin_malformed++;
        err = MESH_E_SYNTAX;
    }
    buf_clear(&c->in);
    fail(c, err, err != 0 ? PROXY_HTTP_PROTOCOL_ERROR : PROXY_OK);
    return false;
}

/* As take_body, for a head. */
static bool take_head(struct conn *c, struct slice *in)
{
    struct worker *w = c->pool->worker;
    struct http_response *r = &w->response;
    size_t used;
    int err;

    while ((err = http_parse_response(*in, &c->cursor, false, r, &used)) == 0) {
        *in = slice_from(*in, used);
        if (r->status >= 200)
            break;
        if (r->status == 101 || ++c->interim > INTERIM_MAX) {
            err = MESH_E_SYNTAX;
            break;
        }
    }
    if (err == MESH_E_SHORT)
        return true;
    if (err != 0) {
        w->counters.origin_malformed++;
        buf_clear(&c->in);
        fail(c, MESH_E_SYNTAX, PROXY_HTTP_PROTOCOL_ERROR);
        return false;
    }
    c->state = BODY;
    c->keep_alive = r->keep_alive && r->body.framing != HTTP_BODY_UNTIL_CLOSE;
    c->framing = r->body.framing;
    c->left = r->body.length;
    http_chunked_init(&c->chunked);
    if (c->framing == HTTP_BODY_NONE) { /* an empty one of a known length */
        c->framing = HTTP_BODY_LENGTH;
        c->left = 0;
    }
    c->fetch->cause = PROXY_HTTP_PROTOCOL_ERROR; /* should the engine find it too bad to keep */
    engine_fetch_head(w->engine, w->now, c->fetch, r->status, &r->fields,
                      c->framing == HTTP_BODY_LENGTH ? (int64_t)c->left : -1);
    return take_body(c, in);
}

/* Uses |bytes| behind what was left of earlier ones. False: |c| may be gone. */
static bool take(struct conn *c, struct slice bytes)
{
    struct slice in = bytes;
    size_t before = c->in.len;

    if (before > 0) {
        buf_add_slice(&c->in, bytes);
        in = buf_slice(&c->in);
    }
    if (!buf_ok(&c->in)) {
        fail(c, MESH_E_NOMEM, PROXY_PROXY_INTERNAL_ERROR);
        return false;
    }
    if (c->state == HEAD ? !take_head(c, &in) : !take_body(c, &in))
        return false;
    if (before > 0)
        buf_drop(&c->in, c->in.len - in.len);
    else
        buf_add_slice(&c->in, in);
    if (!buf_ok(&c->in)) {
        fail(c, MESH_E_NOMEM, PROXY_PROXY_INTERNAL_ERROR);
        return false;
    }
    return true;
}

/* Reads on, or not, as the engine wishes. */
static void read_on(struct conn *c)
{
    struct upstream_pool *p = c->pool;

    if (c->state == BODY && c->fetch->paused) {
        watch(c, 0);
        timeout_clear(&c->timeout);
        return;
    }
    watch(c, EV_READ);
    timeout_set(c->state == HEAD && c->in.len == 0 ? &p->first_byte : &p->between, &c->timeout, p->worker->now);
}

static void on_end(struct conn *c)
{
    if (c->state == BODY && c->framing == HTTP_BODY_UNTIL_CLOSE)
        finish(c, 0);
    else
        broken(c);
}

static void on_readable(struct conn *c)
{
    struct worker *w = c->pool->worker;
    ssize_t n = recv(c->io.fd, w->read_buf, WORKER_READ_BYTES, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (c->state == IDLE) { /* the origin closed it, or speaks without being asked */
        conn_free(c);
        return;
    }
    if (n < 0) {
        broken(c);
        return;
    }
    if (n == 0) {
        on_end(c);
        return;
    }
    if (take(c, slice_of(w->read_buf, (size_t)n)))
        read_on(c);
}

/* ---- the request ---- */

static void send_request(struct conn *c)
{
    struct upstream_pool *p = c->pool;

    while (c->sent < c->out.len) {
        ssize_t n = send(c->io.fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(c, EV_WRITE);
            timeout_set(&p->first_byte, &c->timeout, p->worker->now);
            return;
        }
        if (n < 0) {
            broken(c);
            return;
        }
        c->sent += (size_t)n;
    }
    c->state = HEAD;
    read_on(c);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct conn *c = io->data;
    struct worker *w = c->pool->worker;
    int error;

    (void)loop;
    (void)revents;
    OBJ_CHECK(c, CONN_MAGIC);
    worker_now(w);
    switch (c->state) {
    case CONNECTING:
        error = sock_connect_error(io->fd);
        if (error != 0) {
            connect_next(c, MESH_E_REFUSED, cause_of(error));
            break;
        }
        w->counters.origin_opened++;
        c->pool->first = c->addr;
        c->state = SENDING;
        send_request(c);
        break;
    case SENDING: send_request(c); break;
    case HEAD:
    case BODY:
    case IDLE: on_readable(c); break;
    case RESOLVING: assert(!"a connection without a socket has no events");
    }
}

static struct conn *conn_new(struct upstream_pool *p)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->magic = CONN_MAGIC;
    c->pool = p;
    list_init(&c->link);
    timeout_init(&c->timeout);
    ev_io_init(&c->io, on_io, -1, 0);
    c->io.data = c;
    return c;
}

void upstream_begin(struct upstream_pool *p, struct fetch *f)
{
    struct worker *w = p->worker;
    struct list *first = list_first(&p->idle);
    struct conn *c = first != NULL ? OBJ_OF(first, struct conn, link) : conn_new(p);

    f->io = NULL;
    if (c == NULL) {
        engine_fetch_end(w->engine, w->now, f, MESH_E_NOMEM);
        return;
    }
    f->io = c;
    c->fetch = f;
    c->sent = 0;
    c->interim = 0;
    c->cursor = (struct http_cursor){ 0 };
    c->reused = first != NULL;
    if (c->reused) {
        w->counters.origin_idle--;
        w->counters.origin_reused++;
        c->state = SENDING;
        move_to(c, &p->busy);
    }
    int err = upstream_request(&c->out, p->url, f, slice_str(w->cfg->self->cert.name), &w->cfg->self->mesh.id);
    if (err != 0) {
        fail(c, err, PROXY_PROXY_INTERNAL_ERROR);
    } else if (!refresh_addresses(p)) {
        fail(c, MESH_E_REFUSED, PROXY_DNS_ERROR);
    } else if (c->reused) {
        send_request(c);
    } else if (p->addrs_n > 0) {
        connect_first(c);
    } else {
        c->state = RESOLVING;
        list_remove(&c->link);
        list_push_back(&p->waiting, &c->link);
    }
}

void upstream_flow(struct upstream_pool *p, struct fetch *f)
{
    struct conn *c = f->io;

    (void)p;
    if (c == NULL)
        return;
    OBJ_CHECK(c, CONN_MAGIC);
    if (c->state != BODY || (!f->paused && c->in.len > 0 && !take(c, SLICE_EMPTY)))
        return;
    read_on(c);
}

void upstream_drop(struct upstream_pool *p, struct fetch *f)
{
    struct conn *c = f->io;

    (void)p;
    if (c == NULL)
        return;
    OBJ_CHECK(c, CONN_MAGIC);
    conn_free(c);
}

/* ---- time ---- */

static void on_connect_timeout(struct timeout *t)
{
    connect_next(conn_of(t), MESH_E_TIMEOUT, PROXY_CONNECTION_TIMEOUT);
}

static void on_silence(struct timeout *t)
{
    struct conn *c = conn_of(t);

    fail(c, MESH_E_TIMEOUT, c->state == SENDING ? PROXY_CONNECTION_WRITE_TIMEOUT : PROXY_CONNECTION_READ_TIMEOUT);
}

static void on_unused(struct timeout *t)
{
    conn_free(conn_of(t));
}

mesh_ns upstream_deadline(const struct upstream_pool *p)
{
    return mesh_ns_min(mesh_ns_min(timeouts_deadline(&p->connect), timeouts_deadline(&p->first_byte)),
                       mesh_ns_min(timeouts_deadline(&p->between), timeouts_deadline(&p->keep)));
}

void upstream_run(struct upstream_pool *p, mesh_ns now)
{
    timeouts_run(&p->connect, now);
    timeouts_run(&p->first_byte, now);
    timeouts_run(&p->between, now);
    timeouts_run(&p->keep, now);
}

int upstream_start(struct upstream_pool *p, struct worker *w)
{
    p->worker = w;
    p->url = &w->cfg->origin;
    list_init(&p->waiting);
    list_init(&p->busy);
    list_init(&p->idle);
    timeouts_init(&p->connect, w->timers.origin_connect, on_connect_timeout);
    timeouts_init(&p->first_byte, w->timers.origin_first_byte, on_silence);
    timeouts_init(&p->between, w->timers.origin_between, on_silence);
    timeouts_init(&p->keep, w->timers.origin_idle, on_unused);
    if (resolve_numeric(p->url->host, p->url->port, &p->addrs[0])) {
        p->addrs_n = 1;
        return 0;
    }
    p->resolver = resolver_new(w->loop);
    return p->resolver == NULL ? MESH_E_NOMEM : 0;
}

static void free_all(struct list *conns)
{
    LIST_EACH_SAFE (at, conns) {
        conn_free(OBJ_OF(at, struct conn, link));
    }
}

void upstream_stop(struct upstream_pool *p)
{
    if (p->worker == NULL)
        return;
    free_all(&p->waiting);
    free_all(&p->busy);
    free_all(&p->idle);
    resolver_free(p->resolver);
    p->resolver = NULL;
}
