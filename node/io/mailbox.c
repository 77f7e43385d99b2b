#include "node/io/mailbox.h"

#include "node/io/worker.h"

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    struct mailbox *m = wake->data;

    (void)loop;
    (void)revents;
    worker_mail(m->worker);
}

void mailbox_open(struct mailbox *m, struct worker *w, struct ev_loop *loop)
{
    m->worker = w;
    m->loop = loop;
    m->words = 0;
    m->woken = false;
    list_init(&m->viewers);
    pthread_mutex_init(&m->lock, NULL);
    ev_async_init(&m->wake, on_wake);
    m->wake.data = m;
    ev_async_start(loop, &m->wake);
}

void mailbox_close(struct mailbox *m)
{
    if (m->loop == NULL)
        return;
    assert(list_empty(&m->viewers));
    ev_async_stop(m->loop, &m->wake);
    pthread_mutex_destroy(&m->lock);
    m->loop = NULL;
}

static void leave(struct mailbox *m, struct list *viewer, unsigned words)
{
    pthread_mutex_lock(&m->lock);
    bool first = !m->woken;
    m->woken = true;
    m->words |= words;
    if (viewer != NULL)
        list_push_back(&m->viewers, viewer);
    pthread_mutex_unlock(&m->lock);
    if (first)
        ev_async_send(m->loop, &m->wake);
}

void mailbox_send(struct mailbox *m, struct list *viewer)
{
    leave(m, viewer, 0);
}

void mailbox_say(struct mailbox *m, unsigned words)
{
    leave(m, NULL, words);
}

unsigned mailbox_take(struct mailbox *m, struct list *out)
{
    pthread_mutex_lock(&m->lock);
    unsigned words = m->words;
    m->words = 0;
    m->woken = false;
    while (!list_empty(&m->viewers)) {
        struct list *first = list_first(&m->viewers);
        list_remove(first);
        list_push_back(out, first);
    }
    pthread_mutex_unlock(&m->lock);
    return words;
}
