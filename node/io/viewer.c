#include "node/io/viewer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/io/sock.h"
#include "node/io/viewer_impl.h"
#include "proto/base/err.h"

#define REQUESTS_PER_TURN 32
#define LINGER_SPAN       SEC(2)
#define LINGER_BYTES      (1u << 20)

void viewer_begin(struct viewer *v)
{
    struct worker *w = v->worker;

    list_push_back(&w->viewers.all, &v->link);
    w->viewers.n++;
    ev_io_set(&v->io, v->io.fd, EV_READ);
    ev_io_start(w->loop, &v->io);
    viewer_wait(v, WAIT_IDLE);
}

void viewer_end(struct viewer *v)
{
    struct worker *w = v->worker;

    ev_io_stop(w->loop, &v->io);
    timeout_clear(&v->timeout);
    list_remove(&v->link);
    list_remove(&v->resume);
    w->viewers.n--;
}

/* How far it is from here. The kernel has known since the connection was made, and knows better once bytes of ours were
 * confirmed: so this is looked at when an answer has gone out, or a part of one. */
static void look_at_rtt(struct viewer *v)
{
    struct worker *w = v->worker;
    uint32_t us = rtt_measured(v->io.fd);

    v->rtt_after = w->now + RTT_AGAIN;
    if (us > 0)
        rtt_box_put(&w->rtts, &v->from, us);
}

void viewer_close(struct viewer *v)
{
    struct worker *w = v->worker;

    OBJ_CHECK(v, VIEWER_MAGIC);
    if (v->moved > 0 && v->rtt_after == 0) /* in the midst of its first answer */
        look_at_rtt(v);
    if (v->x != NULL)
        exchange_cut(v->x);
    else if (v->https)
        viewer_tls_goodbye(v);
    viewer_end(v);
    if (v->https)
        viewer_tls_end(v);
    close(v->io.fd);
    buf_free(&v->in);
    buf_free(&v->held);
    v->magic = 0;
    room_give(w->room, v->share);
    free(v);
    viewers_one_less(w);
}

void viewer_let_go(struct viewer *v, size_t n)
{
    buf_drop(&v->held, n);
    if (v->held.len == 0)
        buf_free(&v->held);
}

/* Sends what of |v->held| goes out at once. False: the connection is broken. */
static bool send_held(struct viewer *v)
{
    if (v->https)
        return viewer_tls_send_held(v);
    while (v->held.len > 0) {
        ssize_t n = send(v->io.fd, v->held.data, v->held.len, MSG_NOSIGNAL);
        if (n >= 0)
            viewer_let_go(v, (size_t)n);
        else if (errno != EINTR)
            return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    return true;
}

/* The same; what is left waits for the socket. False: the viewer is gone. */
static bool flush(struct viewer *v)
{
    if (!send_held(v)) {
        viewer_close(v);
        return false;
    }
    v->blocked = v->blocked || v->held.len > 0 || viewer_unsent(v);
    return true;
}

/* What it asked comes to nothing, for want of memory or of what the answer was made from. */
static void give_up(struct viewer *v)
{
    bool unanswered = v->x == NULL || exchange_gave_up(v->x);

    if (unanswered && send_held(v) && v->held.len == 0) {
        if (v->https && v->tls != NULL) {
            (void)tls_write(v->tls, &viewers_busy, 1);
            (void)send_held(v);
        } else {
            viewers_say_busy(v->worker, v->io.fd);
        }
    }
    viewer_close(v);
}

static void watch(struct viewer *v, int events)
{
    struct ev_loop *loop = v->worker->loop;

    if (ev_is_active(&v->io) ? v->io.events == events : events == 0)
        return;
    ev_io_stop(loop, &v->io);
    if (events != 0) {
        ev_io_set(&v->io, v->io.fd, events);
        ev_io_start(loop, &v->io);
    }
}

void viewer_wait(struct viewer *v, enum viewer_wait wait)
{
    struct viewers *vs = &v->worker->viewers;
    struct timeouts *queue[] = {
        [WAIT_IDLE] = &vs->idle,
        [WAIT_HEAD] = &vs->head,
        [WAIT_STALL] = &vs->stall,
        [WAIT_LINGER] = &vs->linger,
    };

    v->wait = (uint8_t)wait;
    if (wait == WAIT_NOTHING)
        timeout_clear(&v->timeout);
    else
        timeout_set(queue[wait], &v->timeout, v->worker->now);
}

/* How much has gone through so far, either way. */
static uint64_t gone_through(const struct viewer *v)
{
    size_t unsent = sock_unsent(v->io.fd) + v->held.len + (v->https ? viewer_tls_unsent(v) : 0);

    return v->moved > unsent ? v->moved - unsent : 0;
}

/* It is the viewer's turn from now on. */
static void begin_turn(struct viewer *v)
{
    v->reached = gone_through(v);
    viewer_wait(v, WAIT_STALL);
}

void viewer_settle(struct viewer *v)
{
    bool read = !v->eof && v->in.len < VIEWER_READ_BYTES;

    watch(v, (read ? EV_READ : 0) | (v->blocked ? EV_WRITE : 0));
    if (v->x == NULL && v->held.len == 0 && !viewer_unsent(v)) {
        if (v->in.len == 0 && !(v->https && viewer_tls_half(v)))
            viewer_wait(v, WAIT_IDLE);
        else if (v->wait != WAIT_HEAD) /* the deadline stands, however the head trickles in */
            viewer_wait(v, WAIT_HEAD);
    } else if (v->blocked || exchange_waits_for_body(v->x)) {
        if (v->wait != WAIT_STALL)
            begin_turn(v);
    } else if (v->wait != WAIT_NOTHING) {
        viewer_wait(v, WAIT_NOTHING);
    }
}

/* The answer is out, but bytes of the viewer's may be unread: closing now would send a reset,
 * and that may destroy the answer before the viewer has read it (RFC 9112 section 9.6). */
void viewer_linger(struct viewer *v)
{
    v->blocked = false;
    if (v->https)
        viewer_tls_goodbye(v);
    shutdown(v->io.fd, SHUT_WR);
    viewer_wait(v, WAIT_LINGER);
    watch(v, EV_READ);
    buf_free(&v->in);
}

static void discard(struct viewer *v)
{
    struct worker *w = v->worker;
    ssize_t n = recv(v->io.fd, w->read_buf, WORKER_READ_BYTES, 0);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    v->discarded += n > 0 ? (size_t)n : 0;
    if (n <= 0 || v->discarded > LINGER_BYTES)
        viewer_close(v);
}

/* Begins the next request of |*rest|; without an exchange there was no memory for it. False: there is none (yet). */
static bool next_request(struct viewer *v, struct slice *rest)
{
    struct worker *w = v->worker;
    size_t used = 0;

    if (rest->len == 0)
        return false;
    int err = http_parse_request(*rest, &v->cursor, &w->request, &used);
    if (err == MESH_E_SHORT)
        return false;
    w->head_bytes = err == 0 ? used : rest->len;
    if (w->engine == NULL) {
        v->x = err == 0 ? exchange_read(v, &w->request) : NULL;
        v->passes = v->x == NULL;
        *rest = slice_from(*rest, v->passes ? 0 : used);
        return !v->passes;
    }
    *rest = slice_from(*rest, err == 0 ? used : rest->len);
    v->x = err == 0 ? exchange_begin(v, &w->request) : exchange_refuse(v, &w->request);
    return true;
}

/* Answers the requests that are there. False: the viewer is gone. */
static bool answer_all(struct viewer *v, struct slice *rest)
{
    struct worker *w = v->worker;
    size_t turn = WORKER_TURN_BYTES;

    for (unsigned i = 0;; i++) {
        if (v->x == NULL && i == REQUESTS_PER_TURN && rest->len > 0) {
            v->blocked = true; /* the socket is writable: we are called again next turn */
            return true;
        }
        if (v->x == NULL && !next_request(v, rest))
            break;
        if (v->x == NULL) {
            give_up(v);
            return false;
        }
        if (!exchange_upload(v->x, rest, v->eof)) {
            viewer_close(v);
            return false;
        }
        v->more = rest->len > 0;
        enum exchange_flow flow = exchange_run(v->x, &turn);
        v->blocked = flow == EXCHANGE_SOCKET || viewer_unsent(v);
        if (flow == EXCHANGE_SOCKET || flow == EXCHANGE_ENGINE)
            return true;
        if (flow == EXCHANGE_BROKEN) {
            give_up(v);
            return false;
        }
        if (w->now >= v->rtt_after)
            look_at_rtt(v);
        bool unread = exchange_unread(v->x), last = v->x->to.close || w->draining || unread;
        unread = unread && !v->eof;
        exchange_end(v->x);
        v->x = NULL;
        assert(v->held.len == 0 || !last); /* the last one took along what waited */
        if (v->wait == WAIT_HEAD)          /* the next one has its own deadline; a slow reader's turn goes on */
            v->wait = WAIT_NOTHING;
        if (last && unread)
            viewer_linger(v);
        else if (last)
            viewer_close(v);
        if (last)
            return false;
    }
    v->blocked = false;
    return true;
}

/* Sends and answers what can be. False: the viewer is gone. */
static bool serve(struct viewer *v, struct slice *rest)
{
    if (!flush(v))
        return false;
    if (v->held.len > 0 || (v->x == NULL && viewer_unsent(v)))
        return true;
    if (!answer_all(v, rest) || !flush(v))
        return false;
    bool over = v->eof || (v->worker->draining && rest->len == 0); /* nothing can follow */
    if (over && v->x == NULL && !v->blocked && !v->passes) {
        viewer_close(v);
        return false;
    }
    return true;
}

void viewer_run(struct viewer *v, struct slice fresh)
{
    bool kept = v->in.len > 0;
    struct slice rest = fresh;

    if (kept) {
        buf_add_slice(&v->in, fresh);
        rest = buf_slice(&v->in);
    }
    if (!serve(v, &rest))
        return;
    /* What was lent from the bytes is copied before they go. */
    bool ok = v->x == NULL || exchange_keep(v->x);
    if (kept)
        buf_drop(&v->in, v->in.len - rest.len);
    else if (rest.len > 0)
        buf_add_slice(&v->in, rest);
    if (!ok || !buf_ok(&v->in)) {
        give_up(v);
        return;
    }
    if (v->in.len == 0)
        buf_free(&v->in);
    if (v->passes) {
        v->worker->counters.viewers_passed++;
        viewer_pass(v, worker_home(v->worker));
    } else if (v->home != v->worker && v->x == NULL && v->in.len == 0 && v->held.len == 0 && !v->eof &&
               !v->worker->draining && !viewer_unsent(v)) {
        viewer_pass(v, v->home); /* what it asks for next may be read there */
    } else {
        viewer_settle(v);
    }
}

void viewer_came(struct viewer *v, struct slice bytes)
{
    if (v->x == NULL || exchange_waits_for_body(v->x)) {
        viewer_run(v, bytes);
        return;
    }
    buf_add_slice(&v->in, bytes); /* ahead of the answer under way */
    if (buf_ok(&v->in))
        viewer_settle(v);
    else
        viewer_close(v);
}

void viewer_came_to_end(struct viewer *v)
{
    v->eof = true;
    if (v->x == NULL && !v->blocked)
        viewer_close(v);
    else if (v->x != NULL && exchange_waits_for_body(v->x))
        viewer_run(v, SLICE_EMPTY);
    else
        viewer_settle(v);
}

void viewer_readable(struct viewer *v)
{
    struct worker *w = v->worker;

    if (v->https) {
        viewer_tls_readable(v);
        return;
    }
    ssize_t n = recv(v->io.fd, w->read_buf, VIEWER_READ_BYTES, 0);
    if (n > 0) {
        viewer_came(v, slice_of(w->read_buf, (size_t)n));
    } else if (n == 0) {
        viewer_came_to_end(v);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        viewer_close(v);
    }
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct viewer *v = io->data;

    (void)loop;
    OBJ_CHECK(v, VIEWER_MAGIC);
    worker_now(v->worker);
    if (v->wait == WAIT_LINGER) {
        discard(v);
    } else if ((revents & EV_WRITE) != 0 && v->blocked) {
        v->blocked = false;
        viewer_run(v, SLICE_EMPTY); /* what may be read is so next turn, too */
    } else if ((revents & EV_READ) != 0) {
        viewer_readable(v);
    }
}

void viewer_io_init(struct viewer *v, int fd)
{
    ev_io_init(&v->io, on_io, fd, EV_READ);
    v->io.data = v;
}

void viewers_news(struct viewers *vs, struct request *r)
{
    struct exchange *x = r->io;
    struct viewer *v = x->viewer;

    (void)vs;
    OBJ_CHECK(v, VIEWER_MAGIC);
    if (!v->blocked || r->state == REQUEST_FAILED)
        viewer_run(v, SLICE_EMPTY);
}

void viewers_resume(struct viewer *v)
{
    if (!list_linked(&v->resume))
        list_push_back(&v->worker->viewers.resumed, &v->resume);
}

static void run_resumed(struct viewers *vs)
{
    struct list last; /* who comes back while we are at it waits for the next turn */

    list_init(&last);
    list_push_back(&vs->resumed, &last);
    while (list_first(&vs->resumed) != &last) {
        struct viewer *v = OBJ_OF(list_first(&vs->resumed), struct viewer, resume);
        list_remove(&v->resume);
        if (v->x != NULL)
            viewer_run(v, SLICE_EMPTY);
    }
    list_remove(&last);
}

/* ---- time ---- */

static void on_late(struct timeout *t)
{
    struct viewer *v = viewer_of(t);

    v->worker->counters.viewers_timed_out++;
    viewer_close(v);
}

/* Its turn has lasted for a span of the timer. */
static void on_slow(struct timeout *t)
{
    struct viewer *v = viewer_of(t);
    uint64_t wanted = (uint64_t)v->worker->timers.viewer_stall * VIEWER_RATE / SEC(1);

    if (gone_through(v) - v->reached >= wanted)
        begin_turn(v);
    else
        on_late(t);
}

static void on_unused(struct timeout *t)
{
    viewer_close(viewer_of(t));
}

mesh_ns viewers_deadline(const struct viewers *vs)
{
    mesh_ns at = mesh_ns_min(timeouts_deadline(&vs->head), timeouts_deadline(&vs->idle));

    if (!list_empty(&vs->resumed))
        return 0;
    at = mesh_ns_min(at, mesh_ns_min(timeouts_deadline(&vs->stall), timeouts_deadline(&vs->linger)));
    return mesh_ns_min(at, timeouts_deadline(&vs->full));
}

void viewers_run(struct viewers *vs, mesh_ns now)
{
    run_resumed(vs);
    timeouts_run(&vs->head, now);
    timeouts_run(&vs->idle, now);
    timeouts_run(&vs->stall, now);
    timeouts_run(&vs->linger, now);
    timeouts_run(&vs->full, now);
}

void viewers_init(struct viewers *vs, struct worker *w)
{
    vs->worker = w;
    list_init(&vs->all);
    list_init(&vs->resumed);
    timeouts_init(&vs->head, w->timers.viewer_head, on_late);
    timeouts_init(&vs->idle, w->timers.viewer_idle, on_unused);
    timeouts_init(&vs->stall, w->timers.viewer_stall, on_slow);
    timeouts_init(&vs->linger, LINGER_SPAN, on_unused);
    viewers_room_init(vs);
}

/* A request that is here already is still answered: it is read, now or when the loop sees it. */
void viewer_drain(struct viewer *v)
{
    char byte;

    if (v->wait == WAIT_IDLE && recv(v->io.fd, &byte, 1, MSG_PEEK) <= 0)
        viewer_close(v);
}

void viewers_drain(struct viewers *vs)
{
    LIST_EACH_SAFE (at, &vs->all)
        viewer_drain(OBJ_OF(at, struct viewer, link));
}

void viewers_close(struct viewers *vs)
{
    struct list come;

    list_init(&come);
    if (vs->worker->mail.loop != NULL)
        (void)mailbox_take(&vs->worker->mail, &come);
    while (!list_empty(&come)) {
        struct viewer *v = OBJ_OF(list_first(&come), struct viewer, link);
        list_remove(&v->link);
        viewer_begin(v);
    }
    while (!list_empty(&vs->all))
        viewer_close(OBJ_OF(list_first(&vs->all), struct viewer, link));
    exchanges_fini(&vs->exchanges);
}
