#include "node/io/upstream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/core/methods.h"
#include "node/http/proxy_status.h"
#include "node/io/exchange.h"
#include "node/io/sock.h"
#include "node/io/upstream_impl.h"
#include "node/io/upstream_request.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define ADDRS_FRESH   SEC(30) /* a name is looked up again after so long, beside the requests */
#define IDLE_MAX      256
#define CONTINUE_WAIT SEC(1) /* an origin that does not say whether it wants a body gets it */
/* One that has been idle for longer may just be closed by the origin: no matter to a request that can be sent again. */
#define IDLE_SURE SEC(1)

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
    upstream_stop_body(c);
    hang_up(c);
    timeout_clear(&c->timeout);
    if (c->state == IDLE)
        c->pool->worker->counters.origin_idle--;
    list_remove(&c->link);
    buf_free(&c->out);
    buf_free(&c->in);
    c->pool->n--;
    c->magic = 0;
    free(c);
}

/* ---- the end of a fetch: the connection is idle or gone afterwards ---- */

void upstream_finish(struct conn *c, int err)
{
    struct upstream_pool *p = c->pool;
    struct worker *w = p->worker;
    struct fetch *f = c->fetch;

    upstream_stop_body(c);
    bool keep = err == 0 && c->keep_alive && !c->cut && c->in.len == 0 && !w->draining &&
                w->counters.origin_idle < IDLE_MAX;

    c->fetch = NULL;
    f->io = NULL;
    if (keep) {
        c->state = IDLE;
        c->idle_since = w->now;
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

void upstream_fail(struct conn *c, int err, enum proxy_error cause)
{
    c->fetch->cause = cause;
    upstream_finish(c, err);
}

/* ---- connecting ---- */

static enum proxy_error cause_of(int error)
{
    switch (error) {
    case ECONNREFUSED: return PROXY_CONNECTION_REFUSED;
    case ETIMEDOUT: return PROXY_CONNECTION_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH: return PROXY_DESTINATION_IP_UNROUTABLE;
    case EMFILE:
    case ENFILE: return PROXY_CONNECTION_LIMIT_REACHED; /* our own */
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
            c->connect_began = w->now;
            watch(c, EV_WRITE);
            timeout_set(&p->connect, &c->timeout, w->now);
            return;
        }
        cause = cause_of(errno);
        err = cause == PROXY_CONNECTION_LIMIT_REACHED ? MESH_E_FULL : MESH_E_REFUSED;
    }
    p->fresh_until = w->now; /* perhaps the name has moved */
    upstream_fail(c, err, cause);
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
            upstream_fail(c, MESH_E_REFUSED, PROXY_DNS_ERROR);
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

/* May the request be sent once more? What may have been heard must do no harm when it is heard twice, and a body is gone
 * once it was sent (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). */
static bool may_start_over(const struct conn *c)
{
    if (!c->reused || (c->state != SENDING && c->state != HEAD) || c->in.len > 0 || c->interim > 0)
        return false;
    bool unheard = c->state == SENDING && c->sent == 0;
    bool bodiless = c->upload == NULL && !c->cut && !c->had_body;
    return unheard || (bodiless && method_idempotent(c->fetch->method));
}

void upstream_broken(struct conn *c)
{
    if (may_start_over(c))
        start_over(c);
    else if (c->state == BODY || c->in.len > 0 || c->interim > 0)
        upstream_fail(c, MESH_E_CLOSED, PROXY_HTTP_RESPONSE_INCOMPLETE);
    else
        upstream_fail(c, MESH_E_CLOSED, PROXY_CONNECTION_TERMINATED);
}

/* ---- events ---- */

void upstream_settle(struct conn *c)
{
    struct upstream_pool *p = c->pool;
    bool paused = c->state == BODY && c->fetch->paused;
    bool reads = (c->state == HEAD || c->state == BODY) && !paused;

    watch(c, (reads ? EV_READ : 0) | (c->blocked ? EV_WRITE : 0));
    if (c->asked)
        timeout_set(&p->on_hold, &c->timeout, p->worker->now);
    else if (!c->blocked && (c->upload != NULL || paused)) /* it is the viewer's turn, and its connection's timer */
        timeout_clear(&c->timeout);
    else if (c->state == SENDING || (!c->blocked && c->state == HEAD && c->in.len == 0))
        timeout_set(&p->first_byte, &c->timeout, p->worker->now);
    else
        timeout_set(&p->between, &c->timeout, p->worker->now);
}

static void connected(struct conn *c)
{
    int error = sock_connect_error(c->io.fd);

    if (error != 0) {
        connect_next(c, MESH_E_REFUSED, cause_of(error));
        return;
    }
    c->pool->worker->counters.origin_opened++;
    c->pool->first = c->addr;
    c->state = SENDING;
    engine_origin_rtt(c->pool->worker->engine, c->pool->worker->now, c->pool->worker->now - c->connect_began);
    upstream_send_head(c);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct conn *c = io->data;
    struct upload *u = c->upload;
    struct viewer *v = u != NULL ? u->x->viewer : NULL;

    (void)loop;
    OBJ_CHECK(c, CONN_MAGIC);
    worker_now(c->pool->worker);
    switch (c->state) {
    case CONNECTING: connected(c); break;
    case SENDING: upstream_send_head(c); break;
    case HEAD:
    case BODY:
        if ((revents & EV_READ) != 0) /* what else there is to do is so next turn, too */
            upstream_readable(c);
        else if (c->upload != NULL)
            upstream_send_body(c);
        break;
    case IDLE: conn_free(c); break; /* the origin closed it, or speaks without being asked */
    case RESOLVING: assert(!"a connection without a socket has no events");
    }
    if (v != NULL) /* there may be room for more of its body */
        viewers_resume(v);
}

/* NULL: no memory, or there may be no more. */
static struct conn *conn_new(struct upstream_pool *p)
{
    if (p->n >= p->max && !list_empty(&p->idle)) /* the one used longest ago is of less use than a new one */
        conn_free(OBJ_OF(p->idle.prev, struct conn, link));
    struct conn *c = p->n < p->max ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL)
        return NULL;
    p->n++;
    c->magic = CONN_MAGIC;
    c->pool = p;
    list_init(&c->link);
    timeout_init(&c->timeout);
    ev_io_init(&c->io, on_io, -1, 0);
    c->io.data = c;
    return c;
}

/* An idle connection, or a new one; NULL as conn_new. */
static struct conn *conn_for(struct upstream_pool *p, const struct fetch *f, bool has_body)
{
    struct list *first = list_first(&p->idle);
    struct conn *c = first != NULL ? OBJ_OF(first, struct conn, link) : NULL;
    bool again = !has_body && method_idempotent(f->method);

    if (c == NULL || (!again && p->worker->now - c->idle_since > IDLE_SURE))
        return conn_new(p);
    c->reused = true;
    p->worker->counters.origin_idle--;
    p->worker->counters.origin_reused++;
    c->state = SENDING;
    move_to(c, &p->busy);
    return c;
}

static void prepare(struct conn *c, struct fetch *f, struct upload *u)
{
    f->io = c;
    c->fetch = f;
    c->sent = 0;
    c->frame = 0;
    c->interim = 0;
    c->cursor = (struct http_cursor){ 0 };
    c->frame_begun = c->last = c->blocked = c->cut = false;
    c->upload = u;
    c->had_body = u != NULL;
    c->asked = u != NULL && u->expects;
    if (u != NULL)
        u->conn = c;
}

void upstream_begin(struct upstream_pool *p, struct fetch *f)
{
    struct worker *w = p->worker;
    const struct exchange *x = f->from;
    struct upload *u = x != NULL ? x->upload : NULL;
    struct conn *c = conn_for(p, f, u != NULL);

    f->io = NULL;
    if (c == NULL) {
        bool full = p->n >= p->max;
        w->counters.origin_refused += full;
        f->cause = full ? PROXY_CONNECTION_LIMIT_REACHED : PROXY_PROXY_INTERNAL_ERROR;
        engine_fetch_end(w->engine, w->now, f, full ? MESH_E_FULL : MESH_E_NOMEM);
        return;
    }
    prepare(c, f, u);
    struct upstream_body body = { .expect = c->asked };
    if (x != NULL)
        body.body = x->body;
    int err = upstream_request(&c->out, p->url, f, &body, slice_str(w->cfg->self->cert.name), &w->cfg->self->mesh.id);
    if (err != 0) {
        upstream_fail(c, err, PROXY_PROXY_INTERNAL_ERROR);
    } else if (!refresh_addresses(p)) {
        upstream_fail(c, MESH_E_REFUSED, PROXY_DNS_ERROR);
    } else if (c->reused) {
        upstream_send_head(c);
    } else if (p->addrs_n > 0) {
        connect_first(c);
    } else {
        c->state = RESOLVING;
        list_remove(&c->link);
        list_push_back(&p->waiting, &c->link);
    }
}

/* The first one may come to nothing, since the name is only being looked up. */
void upstream_probe(struct upstream_pool *p)
{
    if (refresh_addresses(p) && p->addrs_n > 0)
        origin_probe_start(&p->probe, p->worker, &p->addrs[p->first]);
}

void upstream_flow(struct upstream_pool *p, struct fetch *f)
{
    struct conn *c = f->io;

    (void)p;
    if (c == NULL)
        return;
    OBJ_CHECK(c, CONN_MAGIC);
    if (c->state != BODY || (!f->paused && c->in.len > 0 && !upstream_take(c, SLICE_EMPTY)))
        return;
    upstream_settle(c);
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
    bool writes = c->state == SENDING || (c->blocked && c->state == HEAD);

    upstream_fail(c, MESH_E_TIMEOUT, writes ? PROXY_CONNECTION_WRITE_TIMEOUT : PROXY_CONNECTION_READ_TIMEOUT);
}

static void on_held_long(struct timeout *t)
{
    struct conn *c = conn_of(t);

    upstream_go_on(c);
    upstream_settle(c);
}

static void on_unused(struct timeout *t)
{
    conn_free(conn_of(t));
}

mesh_ns upstream_deadline(const struct upstream_pool *p)
{
    return mesh_ns_min(mesh_ns_min(timeouts_deadline(&p->connect), timeouts_deadline(&p->first_byte)),
                       mesh_ns_min(mesh_ns_min(timeouts_deadline(&p->between), timeouts_deadline(&p->on_hold)),
                                   timeouts_deadline(&p->keep)));
}

void upstream_run(struct upstream_pool *p, mesh_ns now)
{
    timeouts_run(&p->connect, now);
    timeouts_run(&p->first_byte, now);
    timeouts_run(&p->between, now);
    timeouts_run(&p->on_hold, now);
    timeouts_run(&p->keep, now);
}

int upstream_start(struct upstream_pool *p, struct worker *w)
{
    p->worker = w;
    p->url = &w->cfg->origin;
    p->max = w->cfg->origin_connections_max;
    list_init(&p->waiting);
    list_init(&p->busy);
    list_init(&p->idle);
    timeouts_init(&p->connect, w->timers.origin_connect, on_connect_timeout);
    timeouts_init(&p->first_byte, w->timers.origin_first_byte, on_silence);
    timeouts_init(&p->between, w->timers.origin_between, on_silence);
    timeouts_init(&p->on_hold, CONTINUE_WAIT, on_held_long);
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
    origin_probe_stop(&p->probe);
    resolver_free(p->resolver);
    p->resolver = NULL;
}
