#include "node/io/backbone.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/io/sock.h"
#include "node/io/worker.h"

#define CONN_MAGIC 0x6c6b636eu
#define PEER_DEATH_S 20 /* a peer whose host is gone holds a connection so long */

/* DIALLING --connected--> UP --error, end or ENGINE_CLOSE--> gone */
struct conn {
    uint32_t magic;
    struct list link; /* in links->all */
    struct worker *worker;
    struct link *of;
    ev_io io;
    bool dialling;
};

static void watch(struct conn *c, int events)
{
    if (c->io.events == events && ev_is_active(&c->io))
        return;
    ev_io_stop(c->worker->loop, &c->io);
    ev_io_set(&c->io, c->io.fd, events);
    ev_io_start(c->worker->loop, &c->io);
}

/* The connection is gone; so is the link. */
static void conn_end(struct conn *c)
{
    struct worker *w = c->worker;
    struct link *of = c->of;

    OBJ_CHECK(c, CONN_MAGIC);
    ev_io_stop(w->loop, &c->io);
    close(c->io.fd);
    list_remove(&c->link);
    w->counters.links--;
    c->magic = 0;
    free(c);
    engine_disconnected(w->engine, w->now, of);
}

/* Writes what the link has, at most one turn's worth. False: the connection broke. */
static bool write_some(struct conn *c)
{
    struct worker *w = c->worker;
    size_t turn = WORKER_TURN_BYTES;

    for (;;) {
        struct slice out = slice_head(link_output(c->of), turn);
        if (out.len == 0)
            break;
        ssize_t n = send(c->io.fd, out.data, out.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        engine_sent(w->engine, w->now, c->of, (size_t)n);
        turn -= (size_t)n;
        if ((size_t)n < out.len)
            break; /* the kernel's buffer is full: asking again would only say so */
    }
    return true;
}

static void conn_write(struct conn *c)
{
    if (!write_some(c)) {
        conn_end(c);
        return;
    }
    watch(c, link_output(c->of).len > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void conn_read(struct conn *c)
{
    struct worker *w = c->worker;
    ssize_t n = recv(c->io.fd, w->read_buf, WORKER_READ_BYTES, 0);

    if (n > 0)
        engine_received(w->engine, w->now, c->of, slice_of(w->read_buf, (size_t)n));
    else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        conn_end(c);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct conn *c = io->data;
    struct worker *w = c->worker;

    (void)loop;
    OBJ_CHECK(c, CONN_MAGIC);
    worker_now(w);
    if (c->dialling) {
        if (sock_connect_error(io->fd) != 0) {
            conn_end(c);
            return;
        }
        c->dialling = false;
        watch(c, EV_READ);
        engine_connected(w->engine, w->now, c->of);
        return;
    }
    /* Writing first: it makes room, and reading may end the connection. */
    if ((revents & EV_WRITE) != 0) {
        if (!write_some(c)) {
            conn_end(c);
            return;
        }
        if (link_output(c->of).len == 0)
            watch(c, EV_READ);
    }
    if ((revents & EV_READ) != 0)
        conn_read(c);
}

/* NULL: out of memory; |fd| is then closed. */
static struct conn *conn_new(struct backbone *ls, struct link *of, int fd, bool dialling)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        close(fd);
        return NULL;
    }
    c->magic = CONN_MAGIC;
    c->worker = ls->worker;
    c->of = of;
    c->dialling = dialling;
    list_init(&c->link);
    list_push_back(&ls->all, &c->link);
    ls->worker->counters.links++;
    sock_notice_death(fd, PEER_DEATH_S);
    ev_io_init(&c->io, on_io, fd, dialling ? EV_WRITE : EV_READ);
    c->io.data = c;
    ev_io_start(ls->worker->loop, &c->io);
    link_set_io(of, c);
    return c;
}

void backbone_init(struct backbone *ls, struct worker *w)
{
    ls->worker = w;
    list_init(&ls->all);
}

void backbone_close(struct backbone *ls)
{
    LIST_EACH_SAFE (at, &ls->all) {
        struct conn *c = OBJ_OF(at, struct conn, link);
        ev_io_stop(c->worker->loop, &c->io);
        close(c->io.fd);
        list_remove(&c->link);
        ls->worker->counters.links--;
        c->magic = 0;
        free(c);
    }
}

void backbone_accepted(struct worker *w, int fd, const struct mesh_addr *from)
{
    struct link *of = engine_accept(w->engine, w->now, from);

    if (of == NULL) {
        close(fd);
        return;
    }
    w->counters.links_accepted++;
    if (conn_new(&w->backbone, of, fd, false) == NULL)
        engine_disconnected(w->engine, w->now, of);
}

void backbone_dial(struct backbone *ls, struct link *link, const struct mesh_addr *to)
{
    struct worker *w = ls->worker;
    int fd = sock_connect(to);

    w->counters.links_dialled++;
    if (fd < 0 || conn_new(ls, link, fd, true) == NULL)
        engine_disconnected(w->engine, w->now, link);
}

void backbone_write(struct backbone *ls, struct link *link)
{
    struct conn *c = link_io(link);

    (void)ls;
    OBJ_CHECK(c, CONN_MAGIC);
    if (!c->dialling && (c->io.events & EV_WRITE) == 0) /* else the kernel will say when */
        conn_write(c);
}

void backbone_end(struct backbone *ls, struct link *link)
{
    struct conn *c = link_io(link);
    struct worker *w = ls->worker;

    if (c == NULL) { /* a dial that is over before it began */
        engine_disconnected(w->engine, w->now, link);
        return;
    }
    OBJ_CHECK(c, CONN_MAGIC);
    if (!c->dialling && write_some(c)) {
        /* Unread bytes would turn the close into a reset, and a reset may overtake the last
         * words, such as a refusal by name. */
        shutdown(c->io.fd, SHUT_WR);
        for (int i = 0; i < 8 && recv(c->io.fd, w->read_buf, WORKER_READ_BYTES, 0) > 0; i++)
            ;
    }
    conn_end(c);
}
