#include "node/io/origin_probe.h"

#include <unistd.h>

#include "node/io/sock.h"
#include "node/io/worker.h"

void origin_probe_stop(struct origin_probe *p)
{
    if (!p->under_way)
        return;
    p->under_way = false;
    ev_io_stop(p->worker->loop, &p->io);
    ev_timer_stop(p->worker->loop, &p->patience);
    close(p->io.fd);
}

static void on_connected(struct ev_loop *loop, ev_io *io, int revents)
{
    struct origin_probe *p = io->data;
    struct worker *w = p->worker;
    bool good = sock_connect_error(io->fd) == 0;
    mesh_ns rtt = worker_now(w) - p->began;

    (void)loop;
    (void)revents;
    origin_probe_stop(p);
    if (good)
        engine_origin_rtt(w->engine, w->now, rtt);
}

static void on_silence(struct ev_loop *loop, ev_timer *patience, int revents)
{
    (void)loop;
    (void)revents;
    origin_probe_stop(patience->data);
}

void origin_probe_start(struct origin_probe *p, struct worker *w, const struct mesh_addr *addr)
{
    int fd = p->under_way ? -1 : sock_connect(addr);

    if (fd < 0)
        return;
    p->under_way = true;
    p->worker = w;
    p->began = worker_now(w);
    ev_io_init(&p->io, on_connected, fd, EV_WRITE);
    ev_timer_init(&p->patience, on_silence, (ev_tstamp)w->timers.origin_connect / 1e9, 0.);
    p->io.data = p->patience.data = p;
    ev_io_start(w->loop, &p->io);
    ev_timer_start(w->loop, &p->patience);
}
