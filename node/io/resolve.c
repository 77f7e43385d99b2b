#include "node/io/resolve.h"

#include <ev.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/io/sock.h"
#include "node/io/thread.h"
#include "proto/base/err.h"
#include "proto/base/list.h"

struct question {
    struct list link;
    char host[256];
    uint16_t port;
    resolve_done *done;
    void *ctx;
    struct mesh_addr addrs[RESOLVE_ADDRS_MAX];
    size_t n;
    const char *error;
};

/* What loop and thread share. The last one to leave frees it: nobody waits for a look-up
 * that hangs. */
struct shared {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list asked, answered;
    unsigned refs;
    bool closed;
    struct ev_loop *loop; /* not touched once closed */
    ev_async *news;
};

struct resolver {
    struct shared *shared;
    struct ev_loop *loop;
    ev_async news;
    bool running;
};

bool resolve_numeric(struct slice host, uint16_t port, struct mesh_addr *out)
{
    char text[80];
    bool v6 = host.len > 0 && memchr(host.data, ':', host.len) != NULL;
    int n = snprintf(text, sizeof(text), v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_FMT(host), port);

    return n > 0 && (size_t)n < sizeof(text) && mesh_addr_parse(slice_str(text), out) == 0;
}

static size_t look_up(const char *host, uint16_t port, struct mesh_addr addrs[RESOLVE_ADDRS_MAX], const char **error)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;
    size_t n = 0;
    int err = getaddrinfo(host, NULL, &hints, &found);

    if (err != 0) {
        *error = gai_strerror(err);
        return 0;
    }
    for (struct addrinfo *at = found; at != NULL && n < RESOLVE_ADDRS_MAX; at = at->ai_next) {
        if (sock_addr_of(at->ai_addr, &addrs[n]))
            addrs[n++].port = port;
    }
    freeaddrinfo(found);
    *error = n == 0 ? "it has no address" : NULL;
    return n;
}

size_t resolve_now(struct slice host, uint16_t port, struct mesh_addr addrs[RESOLVE_ADDRS_MAX], const char **error)
{
    char text[256];

    if (resolve_numeric(host, port, &addrs[0]))
        return 1;
    if (host.len >= sizeof(text)) {
        *error = "the name is too long";
        return 0;
    }
    memcpy(text, host.data, host.len);
    text[host.len] = 0;
    return look_up(text, port, addrs, error);
}

static void drop_all(struct list *questions)
{
    LIST_EACH_SAFE (at, questions) {
        list_remove(at);
        free(OBJ_OF(at, struct question, link));
    }
}

/* Called with the lock held; it is gone afterwards. */
static void leave(struct shared *s)
{
    bool last = --s->refs == 0;

    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    drop_all(&s->asked);
    drop_all(&s->answered);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
}

static void *thread_main(void *ctx)
{
    struct shared *s = ctx;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (list_empty(&s->asked) && !s->closed)
            pthread_cond_wait(&s->wake, &s->lock);
        if (s->closed)
            break;
        struct question *q = OBJ_OF(list_first(&s->asked), struct question, link);
        list_remove(&q->link);
        pthread_mutex_unlock(&s->lock);
        q->n = look_up(q->host, q->port, q->addrs, &q->error);
        pthread_mutex_lock(&s->lock);
        list_push_back(&s->answered, &q->link);
        if (!s->closed)
            ev_async_send(s->loop, s->news);
    }
    leave(s);
    return NULL;
}

static void on_news(struct ev_loop *loop, ev_async *news, int revents)
{
    struct resolver *r = news->data;
    struct list answers;

    (void)loop;
    (void)revents;
    list_init(&answers);
    pthread_mutex_lock(&r->shared->lock);
    while (!list_empty(&r->shared->answered)) {
        struct list *first = list_first(&r->shared->answered);
        list_remove(first);
        list_push_back(&answers, first);
    }
    pthread_mutex_unlock(&r->shared->lock);
    while (!list_empty(&answers)) {
        struct question *q = OBJ_OF(list_first(&answers), struct question, link);
        list_remove(&q->link);
        q->done(q->ctx, q->addrs, q->n, q->error);
        free(q);
    }
}

struct resolver *resolver_new(struct ev_loop *loop)
{
    struct resolver *r = calloc(1, sizeof(*r));
    struct shared *s = calloc(1, sizeof(*s));

    if (r == NULL || s == NULL) {
        free(r);
        free(s);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    list_init(&s->asked);
    list_init(&s->answered);
    s->refs = 1;
    s->loop = r->loop = loop;
    s->news = &r->news;
    r->shared = s;
    ev_async_init(&r->news, on_news);
    r->news.data = r;
    ev_async_start(loop, &r->news);
    return r;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    ev_async_stop(r->loop, &r->news);
    pthread_mutex_lock(&r->shared->lock);
    r->shared->closed = true;
    pthread_cond_signal(&r->shared->wake);
    leave(r->shared);
    free(r);
}

/* The thread starts with the first question: most nodes have none. */
static int ensure_thread(struct resolver *r)
{
    if (r->running)
        return 0;
    pthread_mutex_lock(&r->shared->lock);
    r->running = thread_start(NULL, thread_main, r->shared) == 0;
    if (r->running)
        r->shared->refs++;
    pthread_mutex_unlock(&r->shared->lock);
    return r->running ? 0 : MESH_E_NOMEM;
}

int resolver_ask(struct resolver *r, struct slice host, uint16_t port, resolve_done *done, void *ctx)
{
    struct question *q = calloc(1, sizeof(*q));

    if (q == NULL || host.len >= sizeof(q->host) || ensure_thread(r) != 0) {
        free(q);
        return MESH_E_NOMEM;
    }
    memcpy(q->host, host.data, host.len);
    q->port = port;
    q->done = done;
    q->ctx = ctx;
    list_init(&q->link);
    pthread_mutex_lock(&r->shared->lock);
    list_push_back(&r->shared->asked, &q->link);
    pthread_cond_signal(&r->shared->wake);
    pthread_mutex_unlock(&r->shared->lock);
    return 0;
}
