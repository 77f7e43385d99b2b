/* Queries over TCP (RFC 7766): each message behind its length; as many on a connection as its client likes, answered in
 * their order. Who is idle, slow, or sends what is no query is cut; where there are as many as there may be, the one
 * that was idle for longest makes room. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/io/dns_impl.h"
#include "node/io/sock.h"

#define ACCEPTS_PER_TURN 32
#define READ_PER_TURN    16384 /* bytes of one connection */
#define ONE_ADDRESS      4     /* of all there may be, a quarter is for one address */

struct dns_conn {
    struct list link; /* in thread->conns, by |since| */
    struct dns_thread *thread;
    ev_io io;
    int fd;
    struct mesh_addr from;
    mesh_ns since; /* its last whole query with all before it answered, or its begin */
    bool ending;   /* the client sends no more */
    size_t in_n;
    uint8_t in[2 + DNS_TCP_QUERY_MAX];
    struct buf out;
    size_t out_at; /* of |out|, what the kernel has taken */
};

static void conn_end(struct dns_conn *c)
{
    struct dns_thread *t = c->thread;

    ev_io_stop(t->loop, &c->io);
    list_remove(&c->link);
    t->conns_n--;
    close(c->fd);
    buf_free(&c->out);
    free(c);
}

static void conn_cut(struct dns_conn *c)
{
    c->thread->counters.cut++;
    conn_end(c);
}

static size_t unsent(const struct dns_conn *c)
{
    return c->out.len - c->out_at;
}

/* Reads while there is room for answers, writes while there are any. */
static void watch(struct dns_conn *c)
{
    int events = (unsent(c) > 0 ? EV_WRITE : 0) | (!c->ending && unsent(c) < DNS_TCP_UNSENT_MAX ? EV_READ : 0);

    if (c->io.events == events)
        return;
    ev_io_stop(c->thread->loop, &c->io);
    ev_io_set(&c->io, c->fd, events);
    ev_io_start(c->thread->loop, &c->io);
}

/* Answers the whole queries that are there, as far as there is room. False: it is to be cut. */
static bool answer_all(struct dns_conn *c)
{
    struct dns_thread *t = c->thread;
    size_t at = 0;

    while (c->in_n - at >= 2 && unsent(c) < DNS_TCP_UNSENT_MAX) {
        size_t len = be16_get(c->in + at);
        if (len == 0 || len > DNS_TCP_QUERY_MAX)
            return false;
        if (c->in_n - at < 2 + len)
            break;
        if (unsent(c) == 0) {
            c->since = t->from.now;
            list_remove(&c->link);
            list_push_back(&t->conns, &c->link);
        }
        size_t n = dns_one(t, &c->from, true, slice_of(c->in + at + 2, len), t->scratch + 2);
        if (n == 0)
            return false;
        be16_put(t->scratch, (uint16_t)n);
        buf_add(&c->out, t->scratch, 2 + n);
        at += 2 + len;
    }
    memmove(c->in, c->in + at, c->in_n - at);
    c->in_n -= at;
    return buf_ok(&c->out);
}

/* False: the connection is gone. */
static bool flush(struct dns_conn *c)
{
    while (unsent(c) > 0) {
        ssize_t n = send(c->fd, c->out.data + c->out_at, unsent(c), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        c->out_at += (size_t)n;
    }
    c->out_at = 0;
    buf_free(&c->out); /* an idle connection holds nothing */
    return true;
}

/* Is a whole query there, and room for its answer? */
static bool can_answer(const struct dns_conn *c)
{
    return c->in_n >= 2 && c->in_n - 2 >= be16_get(c->in) && unsent(c) < DNS_TCP_UNSENT_MAX;
}

/* What has come is answered; true: the connection is still there. */
static bool step(struct dns_conn *c)
{
    do {
        if (!answer_all(c)) {
            conn_cut(c);
            return false;
        }
        if (!flush(c) || (c->ending && unsent(c) == 0)) {
            conn_end(c);
            return false;
        }
    } while (can_answer(c));
    return true;
}

/* Returns whether the connection is still there. */
static bool read_more(struct dns_conn *c)
{
    for (size_t taken = 0; taken < READ_PER_TURN && unsent(c) < DNS_TCP_UNSENT_MAX;) {
        size_t room = sizeof(c->in) - c->in_n;
        ssize_t n = recv(c->fd, c->in + c->in_n, room, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (n <= 0) {
            /* The end: what was asked before it is answered still, a part of a query is nothing. */
            c->ending = true;
            if (n < 0 || unsent(c) == 0) {
                conn_end(c);
                return false;
            }
            c->in_n = 0;
            return true;
        }
        c->in_n += (size_t)n;
        taken += (size_t)n;
        if (!step(c))
            return false;
        if ((size_t)n < room)
            return true;
    }
    return true;
}

static void on_event(struct ev_loop *loop, ev_io *io, int revents)
{
    struct dns_conn *c = io->data;
    struct dns_thread *t = c->thread;
    bool there = true;

    (void)loop;
    if (!dns_turn(t)) {
        conn_cut(c);
        return;
    }
    if ((revents & EV_WRITE) != 0 && !flush(c)) {
        conn_end(c);
        there = false;
    } else if ((revents & EV_WRITE) != 0) {
        there = step(c); /* queries that waited for room */
    }
    if (there && (revents & EV_READ) != 0)
        there = read_more(c);
    if (there)
        watch(c);
    dns_show(t);
}

/* ---- connections come and go ---- */

static bool same_network(const struct mesh_addr *a, const struct mesh_addr *b)
{
    return memcmp(a->ip, b->ip, mesh_addr_is_v4(a) ? 16 : 8) == 0;
}

/* The one that was idle for longest: of the newcomer's own address, if that has its share already. */
static void make_room(struct dns_thread *t, const struct mesh_addr *from)
{
    struct dns_conn *own = NULL;
    size_t n = 0;

    LIST_EACH (at, &t->conns) {
        struct dns_conn *c = OBJ_OF(at, struct dns_conn, link);
        if (!same_network(&c->from, from))
            continue;
        n++;
        if (own == NULL)
            own = c;
    }
    if (own != NULL && n >= t->conns_max / ONE_ADDRESS)
        conn_cut(own);
    else if (t->conns_n >= t->conns_max)
        conn_cut(OBJ_OF(list_first(&t->conns), struct dns_conn, link));
}

static void begin(struct dns_door *d, int fd, const struct mesh_addr *from)
{
    struct dns_thread *t = d->thread;

    make_room(t, from);
    struct dns_conn *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        close(fd);
        t->counters.cut++;
        return;
    }
    t->counters.connections++;
    t->conns_n++;
    c->thread = t;
    c->fd = fd;
    c->from = *from;
    c->since = t->from.now;
    list_init(&c->link);
    list_push_back(&t->conns, &c->link);
    ev_io_init(&c->io, on_event, fd, EV_READ);
    c->io.data = c;
    ev_io_start(t->loop, &c->io);
}

static void on_connections(struct ev_loop *loop, ev_io *io, int revents)
{
    struct dns_door *d = io->data;
    struct dns_thread *t = d->thread;
    struct mesh_addr from;

    (void)loop;
    (void)revents;
    dns_turn(t);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = sock_accept(d->tcp_fd, &from);
        if (fd >= 0) {
            begin(d, fd, &from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            t->starved = true;
            ev_io_stop(t->loop, &d->tcp);
            break;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        }
    }
    dns_show(t);
}

void dns_tcp_start(struct dns_door *d)
{
    ev_io_init(&d->tcp, on_connections, d->tcp_fd, EV_READ);
    d->tcp.data = d;
    ev_io_start(d->thread->loop, &d->tcp);
}

void dns_tcp_second(struct dns_thread *t)
{
    struct list *first;

    dns_turn(t);
    while ((first = list_first(&t->conns)) != NULL) {
        struct dns_conn *c = OBJ_OF(first, struct dns_conn, link);
        if (t->from.now - c->since < DNS_TCP_IDLE)
            break;
        conn_cut(c);
    }
    for (size_t i = 0; t->starved && i < t->server->cfg.addrs_n; i++)
        ev_io_start(t->loop, &t->doors[i].tcp);
    t->starved = false;
    dns_show(t);
}

void dns_tcp_close(struct dns_thread *t)
{
    struct list *first;

    while ((first = list_first(&t->conns)) != NULL)
        conn_end(OBJ_OF(first, struct dns_conn, link));
}
