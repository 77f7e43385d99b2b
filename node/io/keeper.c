#include "node/io/keeper.h"

#include <stdlib.h>

#include "node/io/thread.h"

/* One of each kind is under way at most: the engine waits for its lines, and the file is not written anew twice at
 * once. */
struct job {
    bool wanted, made, done;
    uint64_t order;
    struct slice bytes;
};

struct keeper {
    struct ev_loop *loop;
    ev_async news;
    keeper_write *write;
    keeper_done *done;
    void *write_ctx, *done_ctx;
    struct buf whole;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    struct job jobs[2]; /* lines; all */
    uint64_t order;
    bool stop;
};

/* The next one to be made; -1: none. */
static int next_job(const struct keeper *k)
{
    int next = -1;

    for (int i = 0; i < 2; i++) {
        if (k->jobs[i].wanted && !k->jobs[i].made && (next < 0 || k->jobs[i].order < k->jobs[next].order))
            next = i;
    }
    return next;
}

static void *run(void *ctx)
{
    struct keeper *k = ctx;
    int i;

    pthread_mutex_lock(&k->lock);
    for (;;) {
        while ((i = next_job(k)) < 0 && !k->stop)
            pthread_cond_wait(&k->wake, &k->lock);
        if (i < 0)
            break;
        struct slice bytes = k->jobs[i].bytes;
        pthread_mutex_unlock(&k->lock);
        bool done = k->write(k->write_ctx, bytes, i == 1);
        pthread_mutex_lock(&k->lock);
        k->jobs[i].made = true;
        k->jobs[i].done = done;
        ev_async_send(k->loop, &k->news);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

static void on_news(struct ev_loop *loop, ev_async *news, int revents)
{
    struct keeper *k = news->data;

    (void)loop;
    (void)revents;
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&k->lock);
        bool made = k->jobs[i].wanted && k->jobs[i].made, done = k->jobs[i].done;
        if (made)
            k->jobs[i] = (struct job){ .wanted = false };
        pthread_mutex_unlock(&k->lock);
        if (!made)
            continue;
        if (i == 1)
            buf_free(&k->whole);
        k->done(k->done_ctx, done, i == 1);
    }
}

struct keeper *keeper_start(struct ev_loop *loop, keeper_write *write, void *write_ctx, keeper_done *done,
                            void *done_ctx)
{
    struct keeper *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    k->loop = loop;
    k->write = write;
    k->write_ctx = write_ctx;
    k->done = done;
    k->done_ctx = done_ctx;
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, NULL);
    ev_async_init(&k->news, on_news);
    k->news.data = k;
    if (thread_start(&k->thread, run, k) != 0) {
        pthread_mutex_destroy(&k->lock);
        pthread_cond_destroy(&k->wake);
        free(k);
        return NULL;
    }
    ev_async_start(loop, &k->news);
    return k;
}

void keeper_stop(struct keeper *k)
{
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    ev_async_stop(k->loop, &k->news);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    buf_free(&k->whole);
    free(k);
}

static void hand_over(struct keeper *k, int i, struct slice bytes)
{
    pthread_mutex_lock(&k->lock);
    k->jobs[i] = (struct job){ .wanted = true, .order = ++k->order, .bytes = bytes };
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
}

void keeper_append(struct keeper *k, struct slice bytes)
{
    hand_over(k, 0, bytes);
}

void keeper_put(struct keeper *k, struct buf *whole)
{
    buf_free(&k->whole);
    buf_take(&k->whole, whole);
    hand_over(k, 1, buf_slice(&k->whole));
}
