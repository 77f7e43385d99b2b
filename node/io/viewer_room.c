#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/io/viewer_impl.h"
#include "proto/base/err.h"

#define SHED_AFTER MS(250)

/* Idle for long enough that no request is likely to be under way to us, and none is here. */
static bool may_be_shed(const struct viewer *v)
{
    struct worker *w = v->worker;
    char byte;

    return w->now - (v->timeout.at - w->viewers.idle.span) >= SHED_AFTER && recv(v->io.fd, &byte, 1, MSG_PEEK) <= 0;
}

/* Who goes first; NULL: nobody may. */
static struct viewer *idlest(struct viewers *vs)
{
    LIST_EACH (at, &vs->idle.all) {
        struct viewer *v = viewer_of(OBJ_OF(at, struct timeout, link));
        if (may_be_shed(v))
            return v;
    }
    return NULL;
}

/* One after the other: nobody has to go for a place that another one has made meanwhile. */
static void ask_another(struct worker *w)
{
    unsigned n = w->all_n;

    if (n == 1)
        return;
    w->viewers.asked = (w->viewers.asked + 1) % n;
    if (w->viewers.asked == w->number)
        w->viewers.asked = (w->viewers.asked + 1) % n;
    mailbox_say(&w->all[w->viewers.asked]->mail, MAIL_SHED);
}

bool viewers_room(struct worker *w)
{
    struct viewers *vs = &w->viewers;

    if (!room_full(w->room) || idlest(vs) != NULL)
        return true;
    listener_pause(&w->http); /* others wait in the kernel's queue */
    listener_pause(&w->https);
    room_wait(w->room, w->number, true);
    timeout_set(&vs->full, &vs->look_again, w->now);
    ask_another(w);
    return false;
}

void viewers_look_for_room(struct worker *w)
{
    if (!w->http.paused)
        return;
    room_wait(w->room, w->number, false);
    listener_resume(&w->http);
    listener_resume(&w->https);
}

static void on_full(struct timeout *t)
{
    viewers_look_for_room(OBJ_OF(t, struct viewers, look_again)->worker);
}

void viewers_room_init(struct viewers *vs)
{
    timeouts_init(&vs->full, SHED_AFTER, on_full);
    timeout_init(&vs->look_again);
}

void viewers_one_less(struct worker *w)
{
    uint64_t waiting = room_waiting(w->room);

    viewers_look_for_room(w); /* there is room for one that waits in the kernel's queue */
    for (unsigned i = 0; waiting >> i != 0; i++) {
        if ((waiting >> i & 1) != 0 && i != w->number)
            mailbox_say(&w->all[i]->mail, MAIL_ROOM);
    }
    if (w->draining && w->number != 0 && room_n(w->room) == 0)
        mailbox_say(&worker_home(w)->mail, MAIL_WAKE);
}

void viewers_shed(struct worker *w)
{
    struct viewer *v = room_full(w->room) ? idlest(&w->viewers) : NULL;

    if (v == NULL)
        return; /* it has just spoken: then there is one too many for a while */
    w->counters.viewers_shed++;
    viewer_close(v);
}

static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nCache-Control: no-store\r\n"
                           "Retry-After: 1\r\nConnection: close\r\n\r\n";
const struct slice viewers_busy = { (const uint8_t *)busy, sizeof(busy) - 1 };

/* What was asked is read first, if it is here: closing would be a reset otherwise, which may destroy the answer
 * (RFC 9112 section 9.6). */
void viewers_say_busy(struct worker *w, int fd)
{
    (void)recv(fd, w->read_buf, WORKER_READ_BYTES, 0);
    (void)send(fd, viewers_busy.data, viewers_busy.len, MSG_NOSIGNAL);
}

void viewers_refused(struct worker *w, int fd)
{
    w->counters.viewers_refused++;
    viewers_say_busy(w, fd);
    close(fd);
}

void viewers_take(struct worker *w, int fd, const struct mesh_addr *from, bool https)
{
    struct share *share = NULL;
    int err = room_take(w->room, from, &share);
    struct viewer *v = err == 0 ? calloc(1, sizeof(*v)) : NULL;

    if (v == NULL) {
        if (err == 0)
            room_give(w->room, share);
        w->counters.viewers_too_many += err == MESH_E_FULL;
        (https ? viewers_refused_tls : viewers_refused)(w, fd);
        return;
    }
    if (room_n(w->room) > w->room->max)
        viewers_shed(w);
    w->counters.viewers_accepted++;
    v->magic = VIEWER_MAGIC;
    v->from = *from;
    v->share = share;
    v->https = https;
    v->worker = v->home = w;
    list_init(&v->link);
    list_init(&v->resume);
    timeout_init(&v->timeout);
    viewer_io_init(v, fd);
    viewer_begin(v);
}

void viewers_accepted(struct worker *w, int fd, const struct mesh_addr *from)
{
    viewers_take(w, fd, from, false);
}
