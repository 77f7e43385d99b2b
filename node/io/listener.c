#include "node/io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "node/io/sock.h"
#include "node/io/worker.h"

#define ACCEPTS_PER_TURN 64

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void watch(struct listener *l)
{
    if (l->fd < 0)
        return;
    if (l->paused || l->starved)
        ev_io_stop(l->worker->loop, &l->io);
    else
        ev_io_start(l->worker->loop, &l->io);
}

/* Out of descriptors: the spare one is given up for the next connection, which is turned away,
 * or kept where answering matters more than a spare. Without one we wait. */
static void shed(struct listener *l)
{
    struct mesh_addr from;

    if (l->spare >= 0) {
        close(l->spare);
        l->spare = -1;
        int fd = sock_accept(l->fd, &from);
        if (fd >= 0 && l->keeps) {
            l->accepted(l->worker, fd, &from);
        } else if (fd >= 0 && l->refused != NULL) {
            l->refused(l->worker, fd);
        } else if (fd >= 0) {
            close(fd);
        }
    }
    listener_spare(l);
}

void listener_spare(struct listener *l)
{
    if (l->fd < 0)
        return;
    if (l->spare < 0)
        l->spare = open_spare();
    l->starved = l->spare < 0;
    watch(l);
}

static bool out_of_descriptors(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

void listener_sweep(struct listener *l)
{
    struct mesh_addr from;

    for (int i = 0; i < ACCEPTS_PER_TURN && l->fd >= 0 && !l->paused && !l->starved; i++) {
        if (l->room != NULL && !l->room(l->worker))
            return;
        int fd = sock_accept(l->fd, &from);
        if (fd >= 0)
            l->accepted(l->worker, fd, &from);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        else if (out_of_descriptors(errno))
            shed(l);
        /* What else there is (ECONNABORTED and the like, accept(2)) concerns that one alone. */
    }
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    struct listener *l = io->data;

    (void)loop;
    (void)revents;
    worker_now(l->worker);
    listener_sweep(l);
}

void listener_init(struct listener *l)
{
    *l = (struct listener){ .fd = -1, .spare = -1 };
}

void listener_start(struct listener *l, struct worker *w, int fd)
{
    l->worker = w;
    l->fd = fd;
    l->spare = open_spare();
    ev_io_init(&l->io, on_readable, fd, EV_READ);
    l->io.data = l;
    ev_io_start(w->loop, &l->io);
}

void listener_close(struct listener *l)
{
    if (l->fd < 0)
        return;
    ev_io_stop(l->worker->loop, &l->io);
    close(l->fd);
    if (l->spare >= 0)
        close(l->spare);
    l->fd = l->spare = -1;
}

void listener_pause(struct listener *l)
{
    l->paused = true;
    watch(l);
}

void listener_resume(struct listener *l)
{
    l->paused = false;
    watch(l);
}

void listener_second(struct listener *l)
{
    if (l->starved)
        listener_spare(l);
}
