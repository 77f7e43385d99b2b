#include "node/io/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/core/methods.h"
#include "node/io/beneath.h"
#include "node/io/cause.h"
#include "node/io/directory_answer.h"
#include "node/io/exchange.h"
#include "node/io/thread.h"
#include "node/io/worker.h"
#include "proto/base/err.h"
#include "proto/base/obj.h"

#define READERS      3
#define ERRAND_MAGIC 0x64697265u

/* What a thread does next, and then the loop hears of. */
enum task { OPEN, READ };

struct errand {
    uint32_t magic;
    struct list all;  /* of the directory's */
    struct list link; /* of one of its queues, while a thread is to have it, or had it */
    struct directory *directory;
    struct fetch *fetch; /* the loop's; NULL: nobody wants it any more */
    bool busy;           /* a thread has it, or is to have it; else the loop */
    enum task task;
    int error;             /* an errno of what the thread did */
    bool no_root;          /* it was the root's */
    struct buf root, path; /* with a final zero each */
    int fd;
    struct stat st; /* as it was opened */
    uint64_t at, left;
    uint8_t *piece;
    size_t piece_len; /* read */
};

struct directory {
    struct worker *worker;
    ev_async news;
    bool started, closed;
    pthread_t threads[READERS];
    unsigned threads_n;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct list all;          /* errands */
    struct list asked, ended; /* under the lock */
};

/* ---- on a thread ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int open_it(struct errand *e)
{
    int root = open((const char *)e->root.data, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root < 0) {
        e->no_root = true;
        return errno;
    }
    e->fd = beneath_open(root, (const char *)e->path.data, BENEATH_KERNEL);
    close(root);
    if (e->fd < 0)
        return -e->fd;
    return fstat(e->fd, &e->st) == 0 ? 0 : errno;
}

/* The next piece, of the file as it was when it was opened. */
static int read_it(struct errand *e)
{
    size_t want = e->left < DIRECTORY_PIECE_BYTES ? (size_t)e->left : DIRECTORY_PIECE_BYTES;
    struct stat st;

    e->piece_len = 0;
    while (e->piece_len < want) {
        ssize_t n = pread(e->fd, e->piece + e->piece_len, want - e->piece_len, (off_t)(e->at + e->piece_len));
        if (n == 0)
            return ESTALE;
        if (n > 0)
            e->piece_len += (size_t)n;
        else if (errno != EINTR)
            return errno;
    }
    if (fstat(e->fd, &st) != 0)
        return errno;
    return same_file(&st, &e->st) ? 0 : ESTALE;
}

static void *thread_main(void *ctx)
{
    struct directory *d = ctx;

    pthread_mutex_lock(&d->lock);
    while (!d->closed) {
        if (list_empty(&d->asked)) {
            pthread_cond_wait(&d->work, &d->lock);
            continue;
        }
        struct errand *e = OBJ_OF(list_first(&d->asked), struct errand, link);
        list_remove(&e->link);
        pthread_mutex_unlock(&d->lock);
        e->error = e->task == OPEN ? open_it(e) : read_it(e);
        pthread_mutex_lock(&d->lock);
        bool first = list_empty(&d->ended);
        list_push_back(&d->ended, &e->link);
        if (first && !d->closed)
            ev_async_send(d->worker->loop, &d->news);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* ---- on the loop ---- */

static void ask(struct errand *e, enum task task)
{
    struct directory *d = e->directory;

    e->task = task;
    e->busy = true;
    pthread_mutex_lock(&d->lock);
    list_push_back(&d->asked, &e->link);
    pthread_cond_signal(&d->work);
    pthread_mutex_unlock(&d->lock);
}

static void errand_free(struct errand *e)
{
    list_remove(&e->all);
    if (e->fd >= 0)
        close(e->fd);
    buf_free(&e->root);
    buf_free(&e->path);
    free(e->piece);
    e->magic = 0;
    free(e);
}

static void end(struct errand *e, int err, enum cause cause)
{
    struct worker *w = e->directory->worker;
    struct fetch *f = e->fetch;

    f->io = NULL;
    f->cause = cause;
    errand_free(e);
    engine_fetch_end(w->engine, w->now, f, err);
}

/* A head and no body. */
static void refuse(struct directory *d, struct fetch *f, uint16_t status)
{
    struct worker *w = d->worker;
    struct directory_answer answer;

    directory_refusal(&answer, status, w->wall_us / 1000000);
    engine_fetch_head(w->engine, w->now, f, answer.status, &answer.fields, 0);
    engine_fetch_end(w->engine, w->now, f, 0);
}

static void end_refused(struct errand *e, uint16_t status)
{
    struct directory *d = e->directory;
    struct fetch *f = e->fetch;

    f->io = NULL;
    errand_free(e);
    refuse(d, f, status);
}

/* 0: it is no file's fault. */
static uint16_t status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EISDIR:
    case EINVAL:
    case ENXIO: return 404; /* a socket, or a pipe that nobody reads */
    case EACCES:
    case EPERM:
    case EXDEV:
    case ELOOP: return 403;
    default: return 0;
    }
}

static void fail(struct errand *e)
{
    bool ours = e->error == EMFILE || e->error == ENFILE || e->error == ENOMEM;

    if (ours)
        end(e, MESH_E_FULL, CAUSE_FULL);
    else if (e->no_root)
        end(e, MESH_E_REFUSED, CAUSE_NOT_FOUND);
    else
        end(e, MESH_E_CLOSED, e->task == OPEN ? CAUSE_UNAVAILABLE : CAUSE_INCOMPLETE);
}

/* The next piece, if it is wanted, or the end. */
static void go_on(struct errand *e)
{
    if (e->left == 0)
        end(e, 0, CAUSE_NONE);
    else if (!e->fetch->paused)
        ask(e, READ);
}

static void opened(struct errand *e)
{
    struct worker *w = e->directory->worker;
    uint16_t status = e->no_root ? 0 : e->error != 0 ? status_of(e->error) : S_ISREG(e->st.st_mode) ? 200 : 404;
    struct directory_answer answer;

    if (status == 0) {
        fail(e);
        return;
    }
    if (status != 200) {
        end_refused(e, status);
        return;
    }
    struct directory_file file = { (uint64_t)e->st.st_size, e->st.st_mtim.tv_sec, (uint32_t)e->st.st_mtim.tv_nsec };
    directory_answer(&answer, &file, slice_head(buf_slice(&e->path), e->path.len - 1), e->fetch, w->wall_us / 1000000);
    e->at = answer.first;
    e->left = answer.length;
    if (e->left > 0 &&
        (e->piece = malloc(e->left < DIRECTORY_PIECE_BYTES ? (size_t)e->left : DIRECTORY_PIECE_BYTES)) == NULL) {
        end(e, MESH_E_NOMEM, CAUSE_INTERNAL);
        return;
    }
    e->fetch->cause = CAUSE_MALFORMED;
    engine_fetch_head(w->engine, w->now, e->fetch, answer.status, &answer.fields, (int64_t)e->left);
    go_on(e);
}

static void was_read(struct errand *e)
{
    struct worker *w = e->directory->worker;

    if (e->error != 0) {
        fail(e);
        return;
    }
    e->at += e->piece_len;
    e->left -= e->piece_len;
    engine_fetch_body(w->engine, w->now, e->fetch, slice_of(e->piece, e->piece_len));
    go_on(e);
}

static void on_news(struct ev_loop *loop, ev_async *news, int revents)
{
    struct directory *d = news->data;
    struct list ended;

    (void)loop;
    (void)revents;
    worker_now(d->worker);
    pthread_mutex_lock(&d->lock);
    list_take(&ended, &d->ended);
    pthread_mutex_unlock(&d->lock);
    while (!list_empty(&ended)) {
        struct errand *e = OBJ_OF(list_first(&ended), struct errand, link);
        OBJ_CHECK(e, ERRAND_MAGIC);
        list_remove(&e->link);
        e->busy = false;
        if (e->fetch == NULL)
            errand_free(e);
        else if (e->task == OPEN)
            opened(e);
        else
            was_read(e);
    }
}

/* The body of a request that nobody takes: the viewer is told with the answer, and then both are done. */
static void pass_over_body(const struct fetch *f)
{
    const struct exchange *x = f->from;

    if (x != NULL && x->upload != NULL)
        x->upload->closed = true;
}

static bool start(struct directory *d)
{
    if (!d->started) {
        ev_async_init(&d->news, on_news);
        d->news.data = d;
        ev_async_start(d->worker->loop, &d->news);
        d->started = true;
    }
    while (d->threads_n < READERS && thread_start(&d->threads[d->threads_n], thread_main, d) == 0)
        d->threads_n++;
    return d->threads_n > 0;
}

static struct errand *errand_new(struct directory *d, struct fetch *f, struct slice root)
{
    struct errand *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    *e = (struct errand){ .magic = ERRAND_MAGIC, .directory = d, .fetch = f, .fd = -1 };
    list_init(&e->link);
    list_push_back(&d->all, &e->all);
    buf_add_slice(&e->root, root);
    buf_add_u8(&e->root, 0);
    return e;
}

void directory_begin(struct directory *d, struct fetch *f, struct slice root)
{
    struct worker *w = d->worker;
    const uint8_t *mark = f->path.len > 0 ? memchr(f->path.data, '?', f->path.len) : NULL;
    struct slice path = mark != NULL ? slice_head(f->path, (size_t)(mark - f->path.data)) : f->path;

    f->io = NULL;
    if (!method_asks(f->method)) {
        pass_over_body(f);
        refuse(d, f, slice_eq(f->method, SLICE_LIT("OPTIONS")) ? 204 : 405);
        return;
    }
    struct errand *e = start(d) ? errand_new(d, f, root) : NULL;
    int status = 0;
    if (e != NULL) {
        status = beneath_path(&e->path, path, SLICE_LIT(DIRECTORY_INDEX));
        buf_add_u8(&e->path, 0);
    }
    if (e == NULL) {
        f->cause = CAUSE_INTERNAL;
        engine_fetch_end(w->engine, w->now, f, MESH_E_NOMEM);
    } else if (!buf_ok(&e->path) || !buf_ok(&e->root)) {
        end(e, MESH_E_NOMEM, CAUSE_INTERNAL);
    } else if (status != 0) {
        end_refused(e, (uint16_t)status);
    } else {
        f->io = e;
        ask(e, OPEN);
    }
}

bool directory_has(const struct fetch *f)
{
    return f->io != NULL && *(const uint32_t *)f->io == ERRAND_MAGIC; /* all that a fetch can have begin with theirs */
}

void directory_flow(struct directory *d, struct fetch *f)
{
    struct errand *e = f->io;

    (void)d;
    if (e == NULL || e->busy)
        return;
    OBJ_CHECK(e, ERRAND_MAGIC);
    if (!f->paused)
        ask(e, READ);
}

void directory_drop(struct directory *d, struct fetch *f)
{
    struct errand *e = f->io;

    (void)d;
    if (e == NULL)
        return;
    OBJ_CHECK(e, ERRAND_MAGIC);
    e->fetch = NULL;
    if (!e->busy)
        errand_free(e);
}

/* ---- its life ---- */

bool directory_check(const char *root, char *why, size_t why_len)
{
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        snprintf(why, why_len, "--origin: the directory %s cannot be opened: %s", root, strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

struct directory *directory_new(struct worker *w)
{
    struct directory *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->worker = w;
    list_init(&d->all);
    list_init(&d->asked);
    list_init(&d->ended);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->work, NULL);
    return d;
}

void directory_free(struct directory *d)
{
    if (d == NULL)
        return;
    pthread_mutex_lock(&d->lock);
    d->closed = true;
    pthread_cond_broadcast(&d->work);
    pthread_mutex_unlock(&d->lock);
    while (d->threads_n > 0)
        pthread_join(d->threads[--d->threads_n], NULL);
    if (d->started)
        ev_async_stop(d->worker->loop, &d->news);
    LIST_EACH_SAFE (at, &d->all) {
        errand_free(OBJ_OF(at, struct errand, all));
    }
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->work);
    free(d);
}
