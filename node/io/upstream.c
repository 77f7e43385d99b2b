#include "node/io/upstream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/core/methods.h"
#include "node/io/exchange.h"
#include "node/io/sock.h"
#include "node/io/upstream_impl.h"
#include "node/io/upstream_request.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define IDLE_MAX      256
#define CONTINUE_WAIT SEC(1) /* an origin that does not say whether it wants a body gets it */
/* One that has been idle for longer may just be closed by the origin: no matter to a request that can be sent again. */
#define IDLE_SURE SEC(1)

static struct worker *worker_of(const struct conn *c)
{
    return c->pool->all->worker;
}

/* ---- the socket ---- */

static void watch(struct conn *c, int events)
{
    struct ev_loop *loop = worker_of(c)->loop;

    if (c->tls_full)
        events |= EV_WRITE;
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
    race_stop(&c->race);
    if (c->io.fd < 0)
        return;
    upstream_unsecure(c, c->state == IDLE);
    ev_io_stop(worker_of(c)->loop, &c->io);
    close(c->io.fd);
    c->io.fd = -1;
    worker_of(c)->counters.origin_connections--;
}

static void move_to(struct conn *c, struct list *list)
{
    list_remove(&c->link);
    list_push_front(list, &c->link);
}

/* Not idle any more. */
static void use(struct conn *c)
{
    list_remove(&c->idle_link);
    worker_of(c)->counters.origin_idle--;
}

static void unchain(struct conn *c)
{
    if (c->chain != NULL)
        sigv4_wipe(c->chain, sizeof(*c->chain));
    free(c->chain);
    c->chain = NULL;
}

void upstream_let_go(struct conn *c)
{
    struct upstream_pool *p = c->pool;

    upstream_stop_body(c);
    hang_up(c);
    heap_remove(&p->all->timers, &c->timer);
    if (c->state == IDLE)
        use(c);
    list_remove(&c->link);
    buf_free(&c->out);
    buf_free(&c->in);
    unchain(c);
    p->n--;
    p->all->n--;
    c->magic = 0;
    free(c);
    upstream_pool_left(p);
}

/* ---- time: of what is waited for, and of the answer as a whole ---- */

static void set_timer(struct conn *c)
{
    mesh_ns at = mesh_ns_min(c->due, c->whole_until);

    if (at == MESH_NS_NEVER)
        heap_remove(&c->pool->all->timers, &c->timer);
    else
        heap_set(&c->pool->all->timers, &c->timer, at);
}

static void wait_for(struct conn *c, enum conn_wait what, mesh_ns span)
{
    c->waits = what;
    c->due = what == WAIT_NOTHING ? MESH_NS_NEVER : worker_of(c)->now + span;
    set_timer(c);
}

/* ---- the end of a fetch: the connection is idle or gone afterwards ---- */

static void rest(struct conn *c)
{
    struct upstreams *u = c->pool->all;

    c->state = IDLE;
    c->idle_since = u->worker->now;
    c->whole_until = MESH_NS_NEVER;
    u->worker->counters.origin_idle++;
    buf_free(&c->in); /* idle connections hold no buffers */
    buf_free(&c->out);
    unchain(c);
    move_to(c, &c->pool->idle);
    list_push_back(&u->idle, &c->idle_link);
    wait_for(c, WAIT_UNUSED, c->pool->terms.idle_timeout);
    watch(c, EV_READ);
}

void upstream_finish(struct conn *c, int err)
{
    struct worker *w = worker_of(c);
    struct fetch *f = c->fetch;

    upstream_stop_body(c);
    bool keep = err == 0 && c->keep_alive && !c->cut && c->in.len == 0 && !w->draining && !c->pool->retired &&
                !upstream_ended(c) && !c->tls_full && w->counters.origin_idle < IDLE_MAX;

    c->fetch = NULL;
    c->origin = NULL;
    f->io = NULL;
    if (keep)
        rest(c);
    else
        upstream_let_go(c);
    engine_fetch_end(w->engine, w->now, f, err);
}

void upstream_fail(struct conn *c, int err, enum cause cause)
{
    c->fetch->cause = cause;
    upstream_finish(c, err);
}

/* ---- connecting ---- */

/* The socket is there, and open to what we send. */
static void connected(struct conn *c)
{
    c->state = SENDING;
    upstream_send_head(c);
}

static void shake(struct conn *c)
{
    enum cause cause;
    int done = upstream_shake(c, &cause);

    if (done < 0)
        upstream_fail(c, done, cause);
    else if (done > 0)
        connected(c);
    else
        watch(c, EV_READ);
}

static void on_race(void *ctx, const struct race_end *end)
{
    struct conn *c = ctx;
    struct upstream_pool *p = c->pool;
    struct worker *w = worker_of(c);

    if (end->fd < 0) {
        addresses_doubt(&p->addrs, w->now);
        upstream_fail(c, end->err, end->cause);
        return;
    }
    ev_io_set(&c->io, end->fd, 0);
    w->counters.origin_opened++;
    addresses_worked(&p->addrs, &end->addr);
    if (p->all->measured != NULL && digest_eq(&p->id, &p->all->measured_id))
        engine_origin_rtt(w->engine, w->now, end->took);
    if (!p->https) {
        connected(c);
        return;
    }
    c->state = SHAKING;
    wait_for(c, WAIT_SHAKE, c->origin->connect_timeout);
    if (upstream_secure(c))
        shake(c);
    else
        upstream_fail(c, MESH_E_NOMEM, CAUSE_INTERNAL);
}

static void connect_first(struct conn *c)
{
    struct upstream_pool *p = c->pool;
    struct race_rule rule = { .attempts = c->origin->attempts,
                              .timeout = c->origin->connect_timeout,
                              .extra = &p->all->extra,
                              .extra_max = p->all->extra_max };

    hang_up(c);
    move_to(c, &p->busy);
    c->state = CONNECTING;
    wait_for(c, WAIT_NOTHING, 0); /* the race has times of its own */
    race_start(&c->race, worker_of(c), p->addrs.at, p->addrs.n, &rule, on_race, c);
}

/* Connects, now or once there is an address. */
static void set_out(struct conn *c)
{
    struct upstream_pool *p = c->pool;

    if (p->https && p->trust == NULL) {
        upstream_fail(c, MESH_E_REFUSED, CAUSE_TLS_SETTINGS);
    } else if (!upstream_pool_look_up(p)) {
        upstream_fail(c, MESH_E_REFUSED, p->unresolved);
    } else if (p->addrs.n > 0) {
        connect_first(c);
    } else {
        c->state = RESOLVING;
        list_remove(&c->link);
        list_push_back(&p->waiting, &c->link);
    }
}

void upstream_resolved(struct upstream_pool *p, bool whole)
{
    p->n++; /* it is not to go before we are done */
    LIST_EACH_SAFE (at, &p->busy) {
        race_more(&OBJ_OF(at, struct conn, link)->race, p->addrs.at, p->addrs.n);
    }
    while (!list_empty(&p->waiting) && (p->addrs.n > 0 || whole)) {
        struct conn *c = OBJ_OF(list_first(&p->waiting), struct conn, link);
        if (p->addrs.n > 0)
            connect_first(c);
        else
            upstream_fail(c, MESH_E_REFUSED, p->unresolved);
    }
    p->n--;
    upstream_pool_left(p);
}

/* ---- once more ---- */

/* On a fresh connection. */
static void start_over(struct conn *c)
{
    worker_of(c)->counters.origin_retried++;
    hang_up(c);
    c->reused = false;
    c->blocked = false;
    c->sent = 0;
    c->cursor = (struct http_cursor){ 0 };
    set_out(c);
}

/* A request on a reused connection died unheard. May it be sent once more? What may have been heard must do no harm
 * when it is heard twice, and a body is gone once it was sent (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). */
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
    if (may_start_over(c)) {
        c->sendings = 0;
        start_over(c);
    } else if (c->state == BODY || c->in.len > 0 || c->interim > 0) {
        upstream_fail(c, MESH_E_CLOSED, CAUSE_INCOMPLETE);
    } else {
        upstream_fail(c, MESH_E_CLOSED, CAUSE_TERMINATED);
    }
}

/* Nothing at all came of a GET in time. */
static bool may_ask_again(const struct conn *c)
{
    return c->state == HEAD && !c->blocked && c->in.len == 0 && c->interim == 0 && c->fetch->method.len == 0 &&
           c->sendings < c->origin->attempts;
}

/* ---- events ---- */

void upstream_settle(struct conn *c)
{
    bool paused = c->state == BODY && c->fetch->paused;
    bool reads = (c->state == HEAD || c->state == BODY) && !paused;

    watch(c, (reads ? EV_READ : 0) | (c->blocked ? EV_WRITE : 0));
    if (c->asked)
        wait_for(c, WAIT_CONTINUE, CONTINUE_WAIT);
    else if (!c->blocked && !c->tls_full && (c->upload != NULL || paused)) /* it is the viewer's turn, and its timer */
        wait_for(c, WAIT_NOTHING, 0);
    else
        wait_for(c, WAIT_ORIGIN, c->origin->response_timeout);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct conn *c = io->data;
    struct upload *u = c->upload;
    struct viewer *v = u != NULL ? u->x->viewer : NULL;

    (void)loop;
    OBJ_CHECK(c, CONN_MAGIC);
    worker_now(worker_of(c));
    if ((revents & EV_WRITE) != 0 && c->tls_full && !upstream_flush(c) && c->state != IDLE)
        revents |= EV_READ; /* which tells how it ended */
    switch (c->state) {
    case SHAKING: shake(c); break;
    case SENDING: upstream_send_head(c); break;
    case HEAD:
    case BODY:
        if ((revents & EV_READ) != 0) /* what else there is to do is so next turn, too */
            upstream_readable(c);
        else if (c->upload != NULL)
            upstream_send_body(c);
        else
            upstream_settle(c);
        break;
    case IDLE:
        if (!upstream_hush(c)) /* the origin closed it, or speaks without being asked */
            upstream_let_go(c);
        break;
    case CONNECTING:
    case RESOLVING: assert(!"a connection without a socket has no events");
    }
    if (v != NULL) /* there may be room for more of its body */
        viewers_resume(v);
}

/* Of those that are idle the one used longest ago is of less use than a new one: in this pool, and in all. An origin's
 * own bound is the engine's affair, whose requests wait for their turn: there are no more of its busy ones. Origins
 * that share a pool have that many each. */
static bool make_room(struct upstream_pool *p)
{
    struct upstreams *u = p->all;
    unsigned most = p->terms.connections;

    if (most > 0 && p->n >= most && !list_empty(&p->idle))
        upstream_let_go(OBJ_OF(p->idle.prev, struct conn, link));
    if (u->n >= u->max && !list_empty(&u->idle))
        upstream_let_go(OBJ_OF(u->idle.next, struct conn, idle_link));
    return u->n < u->max;
}

static struct conn *conn_new(struct upstream_pool *p)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    p->n++;
    p->all->n++;
    c->magic = CONN_MAGIC;
    c->pool = p;
    c->due = c->whole_until = MESH_NS_NEVER;
    list_init(&c->link);
    list_init(&c->idle_link);
    ev_io_init(&c->io, on_io, -1, 0);
    c->io.data = c;
    return c;
}

/* An idle connection that will do, out of the idle ones; NULL: there is none. */
static struct conn *idle_for(struct upstream_pool *p, const struct fetch *f, bool has_body)
{
    struct list *first = list_first(&p->idle);
    struct conn *c = first != NULL ? OBJ_OF(first, struct conn, link) : NULL;
    struct worker *w = p->all->worker;
    bool again = !has_body && method_idempotent(f->method);

    if (c == NULL || (!again && w->now - c->idle_since > IDLE_SURE))
        return NULL;
    c->reused = true;
    use(c);
    w->counters.origin_reused++;
    c->state = SENDING;
    move_to(c, &p->busy);
    return c;
}

/* Nothing is begun. */
static void refuse(struct upstreams *u, struct fetch *f, int err, enum cause cause)
{
    struct worker *w = u->worker;

    w->counters.origin_refused += cause == CAUSE_FULL;
    f->cause = cause;
    engine_fetch_end(w->engine, w->now, f, err);
}

/* The secret that |o| wants, lent; false: we have none. */
static bool secret_for(struct upstreams *u, const struct dist_origin *o, struct slice *secret)
{
    struct buf news = BUF_EMPTY;
    bool has = true;

    *secret = SLICE_EMPTY;
    if (o->secret.len > 0)
        has = origin_secret_of(&u->secrets, u->worker->now, o->secret, secret, &news);
    if (news.len > 0)
        worker_notice(u->worker, "%.*s", SLICE_FMT(buf_slice(&news)));
    buf_free(&news);
    return has;
}

/* The connection that |f| is to have; NULL: none, and the engine knows. */
static struct conn *conn_for(struct upstreams *u, const struct dist_origin *o, struct fetch *f, bool has_body)
{
    struct upstream_pool *p = upstream_pool_for(u, o, f->https);
    struct conn *c = p != NULL ? idle_for(p, f, has_body) : NULL;
    bool room = p != NULL && (c != NULL || make_room(p));

    if (room && c == NULL)
        c = conn_new(p);
    if (c == NULL)
        refuse(u, f, p != NULL && !room ? MESH_E_FULL : MESH_E_NOMEM, p != NULL && !room ? CAUSE_FULL : CAUSE_INTERNAL);
    return c;
}

static void prepare(struct conn *c, const struct dist_origin *o, struct fetch *f, struct upload *u)
{
    f->io = c;
    c->fetch = f;
    c->origin = o;
    c->whole_until = o->whole_timeout > 0 ? worker_of(c)->now + o->whole_timeout : MESH_NS_NEVER;
    c->sent = 0;
    c->sendings = 0;
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

static void tell(struct worker *w, struct buf *said)
{
    if (said->len > 0)
        worker_notice(w, "%.*s", SLICE_FMT(buf_slice(said)));
    buf_free(said);
}

void upstream_reread(struct upstreams *u)
{
    struct buf said = BUF_EMPTY;

    if (u->buckets == NULL)
        return;
    buckets_reread(u->buckets, &said);
    tell(u->worker, &said);
}

/* The head is whole, and not sent yet. 0 or a MESH_E_*. */
static int sign(struct conn *c)
{
    static const enum upstream_signing words[] = { [DIST_SIGN_ALWAYS] = UPSTREAM_SIGN_ALWAYS,
                                                   [DIST_SIGN_NO_OVERRIDE] = UPSTREAM_SIGN_NO_OVERRIDE,
                                                   [DIST_SIGN_NEVER] = UPSTREAM_SIGN_NEVER };
    struct worker *w = worker_of(c);
    const struct dist_origin *o = c->origin;
    enum upstream_signing how = words[o->sign];
    struct buf said = BUF_EMPTY;
    struct sigv4_chain chain;
    bool chunks;

    if (how == UPSTREAM_SIGN_NEVER)
        return 0;
    struct bucket *b = buckets_find(w->upstream.buckets, o->region, o->credentials, w->now, &said);
    tell(w, &said);
    if (b == NULL)
        return MESH_E_NOMEM;
    int err = bucket_sign(b, how, &c->out, c->pool->https, w->wall_us / 1000000, &chain, &chunks);
    if (err == 0 && chunks) {
        c->chain = malloc(sizeof(chain));
        if (c->chain != NULL)
            *c->chain = chain;
        else
            err = MESH_E_NOMEM;
        sigv4_wipe(&chain, sizeof(chain));
    }
    return err;
}

void upstream_begin(struct upstreams *u, struct fetch *f)
{
    struct worker *w = u->worker;
    const struct dist_origin *o = f->origin;
    const struct exchange *x = f->from;
    struct upload *upload = x != NULL ? x->upload : NULL;

    f->io = NULL;
    struct slice secret;
    if (!secret_for(u, o, &secret)) {
        refuse(u, f, MESH_E_REFUSED, CAUSE_SECRET);
        return;
    }
    struct conn *c = conn_for(u, o, f, upload != NULL);
    if (c == NULL)
        return;
    prepare(c, o, f, upload);
    struct upstream_body body = { .expect = c->asked };
    if (x != NULL)
        body.body = x->body;
    int err =
        upstream_request(&c->out, o, f, &body, secret, slice_str(w->cfg->self->cert.name), &w->cfg->self->mesh.id);
    if (err == 0 && o->kind == DIST_S3)
        err = sign(c);
    if (err != 0) {
        upstream_fail(c, err, err == MESH_E_MISSING ? CAUSE_SIGNING : CAUSE_INTERNAL);
    } else if (c->reused) {
        (void)upstream_pool_look_up(c->pool); /* for the next one */
        upstream_send_head(c);
    } else {
        set_out(c);
    }
}

/* The first one may come to nothing, since the name is only being looked up. */
void upstream_probe(struct upstreams *u)
{
    const struct dist_origin *o = u->measured;
    struct upstream_pool *p;

    if (o == NULL && u->set->n > 0) /* directories alone: no way at all */
        engine_origin_rtt(u->worker->engine, u->worker->now, US(1));
    else if (o != NULL && (p = upstream_pool_for(u, o, false)) != NULL && upstream_pool_look_up(p) && p->addrs.n > 0)
        origin_probe_start(&u->probe, u->worker, &p->addrs.at[0]);
}

void upstream_flow(struct upstreams *u, struct fetch *f)
{
    struct conn *c = f->io;

    (void)u;
    if (c == NULL)
        return;
    OBJ_CHECK(c, CONN_MAGIC);
    if (c->state != BODY || (!f->paused && c->in.len > 0 && !upstream_take(c, SLICE_EMPTY)))
        return;
    if (!f->paused && upstream_ended(c))
        upstream_end(c); /* it was read with the bytes that waited */
    else
        upstream_settle(c);
}

void upstream_drop(struct upstreams *u, struct fetch *f)
{
    struct conn *c = f->io;

    (void)u;
    if (c == NULL)
        return;
    OBJ_CHECK(c, CONN_MAGIC);
    upstream_let_go(c);
}

/* ---- time ---- */

static void on_silence(struct conn *c)
{
    bool writes = c->state == SENDING || (c->blocked && c->state == HEAD);

    if (may_ask_again(c))
        start_over(c);
    else
        upstream_fail(c, MESH_E_TIMEOUT, writes ? CAUSE_WRITE_TIMEOUT : CAUSE_READ_TIMEOUT);
}

static void on_time(struct conn *c, mesh_ns now)
{
    if (now >= c->whole_until) {
        upstream_fail(c, MESH_E_TIMEOUT, CAUSE_WHOLE_TIMEOUT);
        return;
    }
    switch (c->waits) {
    case WAIT_NOTHING: set_timer(c); break;
    case WAIT_SHAKE: upstream_fail(c, MESH_E_TIMEOUT, CAUSE_TLS_TIMEOUT); break;
    case WAIT_CONTINUE:
        upstream_go_on(c);
        upstream_settle(c);
        break;
    case WAIT_ORIGIN: on_silence(c); break;
    case WAIT_UNUSED: upstream_let_go(c); break;
    }
}

mesh_ns upstream_deadline(const struct upstreams *u)
{
    return heap_deadline(&u->timers);
}

void upstream_run(struct upstreams *u, mesh_ns now)
{
    struct heap_node *node;

    while ((node = heap_pop(&u->timers, now)) != NULL) {
        struct conn *c = OBJ_OF(node, struct conn, timer);
        OBJ_CHECK(c, CONN_MAGIC);
        on_time(c, now);
    }
}
