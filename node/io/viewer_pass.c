/* Connections from worker to worker: to worker 0 with the request that only it can answer, and back to whose they are
 * when that is done. The bytes that were read and not taken go along, and are parsed anew there. */
#include <sys/epoll.h>

#include "node/io/viewer_impl.h"

/* libev keeps who is not watched any more in the kernel's set, until an event comes of it: by then another thread may
 * have closed the descriptor, or have another one of this number, and the whole set would be made anew. */
static void forget(struct worker *w, int fd)
{
    struct epoll_event none = { 0 };

    if (w->epoll >= 0)
        (void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, &none);
}

void viewer_pass(struct viewer *v, struct worker *to)
{
    struct worker *w = v->worker;

    assert(v->x == NULL && to != w);
    viewer_end(v);
    forget(w, v->io.fd);
    v->worker = to;
    v->passes = v->blocked = false;
    v->cursor = (struct http_cursor){ 0 };
    mailbox_send(&to->mail, &v->link);
}

static void arrive(struct worker *w, struct list *link)
{
    struct viewer *v = OBJ_OF(link, struct viewer, link);

    OBJ_CHECK(v, VIEWER_MAGIC);
    assert(v->worker == w);
    list_remove(&v->link);
    viewer_begin(v);
    if (v->in.len > 0)
        viewer_run(v, SLICE_EMPTY);
    else if (w->draining)
        viewer_drain(v);
}

unsigned viewers_mail(struct worker *w)
{
    struct list come;

    list_init(&come);
    unsigned words = mailbox_take(&w->mail, &come);
    while (!list_empty(&come))
        arrive(w, list_first(&come));
    return words;
}
