/* tcp.c - streams. A connection is two one-way lanes, client to target and back; each lane holds
 * pieces until they are due, reads no more than faults_window ahead, and stands still while
 * its direction is cut, as TCP does while its segments are lost. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/relay/relay.h"

#define PIECE_MAX  65536
#define ACCEPT_MAX 64 /* a turn */

struct piece {
    struct list in_lane;
    mesh_ns at;
    size_t len, sent;
    uint8_t bytes[];
};

struct conn {
    struct list in_relay;
    struct relay *relay;
    bool connected;
    int fd[2]; /* [0] the client's, [1] the target's; -1: none */
    struct lane {
        struct conn *conn;
        enum faults_way way;
        struct list pieces;
        size_t held;      /* bytes in them */
        mesh_ns last;     /* for faults_stream */
        bool ended, said; /* the source has ended; the other end was told */
        ev_io reader, writer;
        ev_timer due;
    } lanes[2];
};

static int source(const struct lane *l)
{
    return l->conn->fd[l->way == FAULTS_UP ? 0 : 1];
}

static int sink(const struct lane *l)
{
    return l->conn->fd[l->way == FAULTS_UP ? 1 : 0];
}

static void lane_stop(struct lane *l)
{
    struct ev_loop *loop = l->conn->relay->loop;

    ev_io_stop(loop, &l->reader);
    ev_io_stop(loop, &l->writer);
    ev_timer_stop(loop, &l->due);
    LIST_EACH_SAFE (at, &l->pieces) {
        list_remove(at);
        free(OBJ_OF(at, struct piece, in_lane));
    }
    l->held = 0;
}

static void close_fd(int *fd, bool reset)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (*fd < 0)
        return;
    if (reset)
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(*fd);
    *fd = -1;
}

static void conn_close(struct conn *c, bool reset)
{
    lane_stop(&c->lanes[FAULTS_UP]);
    lane_stop(&c->lanes[FAULTS_DOWN]);
    close_fd(&c->fd[0], reset);
    close_fd(&c->fd[1], reset);
    list_remove(&c->in_relay);
    c->relay->open--;
    free(c);
}

/* ---- a lane ---- */

/* Reads while there is room and the way is free; swallows where the target's side is dead. */
static void lane_watch(struct lane *l)
{
    struct relay *r = l->conn->relay;
    bool dead = l->conn->fd[1] < 0;
    bool read = !l->ended &&
                (dead ? l->way == FAULTS_UP
                      : l->conn->connected && faults_passes(&r->faults, l->way) && l->held < faults_window(&r->faults));

    if (read && !ev_is_active(&l->reader)) {
        ev_io_set(&l->reader, source(l), EV_READ);
        ev_io_start(r->loop, &l->reader);
    } else if (!read) {
        ev_io_stop(r->loop, &l->reader);
    }
}

enum pumped {
    PUMP_OK,
    PUMP_RESET, /* the sink refused: the connection is over */
};

/* Writes what is due. */
static enum pumped lane_pump(struct lane *l)
{
    struct relay *r = l->conn->relay;
    struct list *first;
    mesh_ns now = relay_now();

    ev_timer_stop(r->loop, &l->due);
    ev_io_stop(r->loop, &l->writer);
    if (sink(l) < 0 || !faults_passes(&r->faults, l->way))
        return PUMP_OK;
    while ((first = list_first(&l->pieces)) != NULL) {
        struct piece *k = OBJ_OF(first, struct piece, in_lane);
        if (k->at > now) {
            ev_timer_set(&l->due, relay_seconds(k->at - now), 0.);
            ev_timer_start(r->loop, &l->due);
            return PUMP_OK;
        }
        ssize_t n = send(sink(l), k->bytes + k->sent, k->len - k->sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return PUMP_RESET;
        if (n > 0) {
            k->sent += (size_t)n;
            l->held -= (size_t)n;
        }
        if (k->sent < k->len) {
            ev_io_set(&l->writer, sink(l), EV_WRITE);
            ev_io_start(r->loop, &l->writer);
            return PUMP_OK;
        }
        list_remove(&k->in_lane);
        free(k);
    }
    if (l->ended && !l->said) {
        shutdown(sink(l), SHUT_WR);
        l->said = true;
    }
    return PUMP_OK;
}

/* Goes on with a lane; the connection may be gone afterwards. */
static void lane_go(struct lane *l)
{
    struct conn *c = l->conn;

    if (lane_pump(l) == PUMP_RESET) {
        conn_close(c, true);
        return;
    }
    if (c->lanes[FAULTS_UP].said && c->lanes[FAULTS_DOWN].said) {
        conn_close(c, false);
        return;
    }
    lane_watch(l);
}

static void on_due(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    lane_go(w->data);
}

static void on_connected(struct conn *c);

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
    struct lane *l = w->data;

    (void)loop;
    (void)events;
    if (l->conn->connected)
        lane_go(l);
    else
        on_connected(l->conn);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    struct lane *l = w->data;
    struct conn *c = l->conn;
    struct faults *f = &c->relay->faults;
    struct piece *k = malloc(sizeof(*k) + PIECE_MAX);

    (void)loop;
    (void)events;
    if (k == NULL)
        return;
    ssize_t n = recv(source(l), k->bytes, PIECE_MAX, 0);
    if (n <= 0 || sink(l) < 0) {
        int err = n < 0 ? errno : 0;
        free(k);
        if (err == EAGAIN || err == EINTR || n > 0)
            return; /* nothing yet, or swallowed */
        /* A reset travels on as one; so does the end, behind what came before it. */
        if (err != 0 || sink(l) < 0) {
            conn_close(c, true);
            return;
        }
        l->ended = true;
        lane_go(l);
        return;
    }
    k->len = (size_t)n;
    k->sent = 0;
    k->at = faults_stream(f, l->way, relay_now(), k->len, &l->last);
    faults_flip(f, l->way, k->bytes, k->len);
    struct piece *fitting = realloc(k, sizeof(*k) + k->len);
    k = fitting != NULL ? fitting : k;
    list_push_back(&l->pieces, &k->in_lane);
    l->held += k->len;
    lane_go(l);
}

/* ---- connections ---- */

static void lane_init(struct conn *c, enum faults_way way)
{
    struct lane *l = &c->lanes[way];

    l->conn = c;
    l->way = way;
    list_init(&l->pieces);
    ev_init(&l->reader, on_readable);
    ev_init(&l->writer, on_writable);
    ev_init(&l->due, on_due);
    l->reader.data = l->writer.data = l->due.data = l;
}

/* The target's answer to our connect. Nobody there: the client hears it as a reset. */
static void on_connected(struct conn *c)
{
    int err = 0;
    socklen_t len = sizeof(err);

    ev_io_stop(c->relay->loop, &c->lanes[FAULTS_UP].writer);
    if (getsockopt(c->fd[1], SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err != 0) {
        conn_close(c, true);
        return;
    }
    c->connected = true;
    lane_watch(&c->lanes[FAULTS_UP]);
    lane_watch(&c->lanes[FAULTS_DOWN]);
}

/* Connects onward, unless the target's side is dead. False: the connection is closed. */
static bool conn_dial(struct conn *c, const struct mesh_addr *target)
{
    struct sockaddr_storage s;
    socklen_t len = relay_sockaddr(target, &s);
    int on = 1;

    if (c->relay->faults.set.half_open) {
        lane_watch(&c->lanes[FAULTS_UP]);
        return true;
    }
    c->fd[1] = socket(s.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd[1] < 0 || (connect(c->fd[1], (struct sockaddr *)&s, len) != 0 && errno != EINPROGRESS)) {
        conn_close(c, true);
        return false;
    }
    setsockopt(c->fd[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ev_io_set(&c->lanes[FAULTS_UP].writer, c->fd[1], EV_WRITE);
    ev_io_start(c->relay->loop, &c->lanes[FAULTS_UP].writer);
    return true;
}

void tcp_accept(struct ev_loop *loop, ev_io *w, int events)
{
    struct port *p = w->data;
    int on = 1;

    (void)loop;
    (void)events;
    for (int i = 0; i < ACCEPT_MAX; i++) {
        int fd = accept4(p->tcp_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct conn *c = calloc(1, sizeof(*c));
        if (c == NULL) {
            close(fd);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        c->relay = p->relay;
        c->fd[0] = fd;
        c->fd[1] = -1;
        lane_init(c, FAULTS_UP);
        lane_init(c, FAULTS_DOWN);
        list_push_back(&p->relay->conns, &c->in_relay);
        p->relay->connections++;
        p->relay->open++;
        conn_dial(c, &p->tcp_target);
    }
}

/* While a direction is cut a handshake cannot complete, and without a target there is nobody
 * to shake hands with: callers wait in the kernel's backlog. */
void tcp_listen_update(struct port *p)
{
    const struct faults_setting *s = &p->relay->faults.set;
    bool accept = p->tcp && p->tcp_fd >= 0 && p->tcp_target.port != 0 &&
                  (s->half_open || (!s->cut[FAULTS_UP] && !s->cut[FAULTS_DOWN]));

    if (accept)
        ev_io_start(p->relay->loop, &p->tcp_watch);
    else
        ev_io_stop(p->relay->loop, &p->tcp_watch);
}

/* The target's side dies: its end sees a reset, the client's sees nothing. */
static void conn_die(struct conn *c)
{
    lane_stop(&c->lanes[FAULTS_UP]);
    lane_stop(&c->lanes[FAULTS_DOWN]);
    close_fd(&c->fd[1], true);
    c->connected = true;
    lane_watch(&c->lanes[FAULTS_UP]);
}

void tcp_changed(struct relay *r)
{
    bool half_open = r->faults.set.half_open;

    LIST_EACH_SAFE (at, &r->conns) {
        struct conn *c = OBJ_OF(at, struct conn, in_relay);
        bool dead = c->fd[1] < 0;
        if (half_open && !dead) {
            conn_die(c);
        } else if (!half_open && dead) {
            conn_close(c, true); /* a live target knows nothing of it */
        } else if (!dead && c->connected) {
            /* The first may end the connection; then it has left the list. */
            uint64_t open = r->open;
            lane_go(&c->lanes[FAULTS_UP]);
            if (r->open == open)
                lane_go(&c->lanes[FAULTS_DOWN]);
        }
    }
}

void tcp_close_all(struct relay *r)
{
    LIST_EACH_SAFE (at, &r->conns)
        conn_close(OBJ_OF(at, struct conn, in_relay), false);
}
