#include "node/io/udp.h"

#include <unistd.h>

#include "node/io/sock.h"
#include "node/io/worker.h"

#define DATAGRAMS_PER_TURN 64
#define DATAGRAM_ROOM      2048 /* longer ones are cut here and refused by the engine */

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    struct udp *u = io->data;
    struct worker *w = u->worker;
    struct mesh_addr from;

    (void)loop;
    (void)revents;
    worker_now(w);
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
        ssize_t n = sock_recv_from(u->fd, w->read_buf, DATAGRAM_ROOM, &from);
        if (n < 0)
            return;
        engine_datagram(w->engine, w->now, &from, slice_of(w->read_buf, (size_t)n));
    }
}

void udp_init(struct udp *u)
{
    *u = (struct udp){ .fd = -1 };
}

void udp_start(struct udp *u, struct worker *w, int fd, const struct mesh_addr *bound)
{
    u->worker = w;
    u->fd = fd;
    u->bound = *bound;
    ev_io_init(&u->io, on_readable, fd, EV_READ);
    u->io.data = u;
    ev_io_start(w->loop, &u->io);
}

void udp_close(struct udp *u)
{
    if (u->fd < 0)
        return;
    ev_io_stop(u->worker->loop, &u->io);
    close(u->fd);
    u->fd = -1;
}

void udp_send(struct udp *u, const struct mesh_addr *to, struct slice bytes)
{
    if (!sock_send_to(u->fd, &u->bound, to, bytes))
        u->worker->counters.datagrams_unsent++;
}
