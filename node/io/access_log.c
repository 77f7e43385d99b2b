#include "node/io/access_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/thread.h"

#define GATHER_BYTES  (64u << 10) /* handed over early at this size */
#define WAITING_BYTES (32u << 20) /* what a stuck disk may hold up before lines are dropped */
#define RETRY_S       1

struct access_log {
    char *path; /* NULL: standard output */
    pthread_t writer;
    /* Shared: */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct buf waiting;
    uint64_t waiting_lines, dropped;
    bool reopen, closing;
    int error; /* told once */
    enum access_format format;
    /* The writer's: */
    int fd;
    struct slice heading; /* what is left to be written of it, before any line */
    bool failing;
};

static int open_path(const char *path)
{
    return path == NULL ? STDOUT_FILENO : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void report(struct access_log *log, int error)
{
    pthread_mutex_lock(&log->lock);
    if (!log->failing)
        log->error = error;
    pthread_mutex_unlock(&log->lock);
    log->failing = true;
}

/* A file without a byte, or whatever has no length, is to begin with the heading. */
static void begin_file(struct access_log *log)
{
    struct stat st;
    bool begun = fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;

    log->heading = begun ? SLICE_EMPTY : access_heading(log->format);
}

/* Writes what it can of |rest|; what is left is in |*rest|. */
static void write_some(struct access_log *log, struct slice *rest)
{
    while (rest->len > 0) {
        ssize_t n = write(log->fd, rest->data, rest->len);
        if (n > 0) {
            *rest = slice_from(*rest, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            /* Standard output may have been made non-blocking by whoever shares it. */
            struct pollfd p = { .fd = log->fd, .events = POLLOUT };
            if (poll(&p, 1, RETRY_S * 1000) == 0)
                break;
        } else if (n == 0 || errno != EINTR) {
            report(log, n == 0 ? EIO : errno);
            break;
        }
    }
}

/* Writes what it can of the heading and |b| and drops that from it; false when something is left. */
static bool write_out(struct access_log *log, struct buf *b)
{
    struct slice rest = buf_slice(b);

    write_some(log, &log->heading);
    if (log->heading.len > 0)
        return false;
    write_some(log, &rest);
    buf_drop(b, b->len - rest.len);
    if (b->len == 0)
        log->failing = false;
    return b->len == 0;
}

static void reopen(struct access_log *log)
{
    if (log->path == NULL)
        return;
    int fd = open_path(log->path);
    if (fd < 0) {
        report(log, errno); /* go on with the old file: better there than nowhere */
        return;
    }
    close(log->fd);
    log->fd = fd;
    begin_file(log);
}

/* Waits, with the lock held, until there is work; after a failure no longer than the time to
 * try again. */
static void wait_for_work(struct access_log *log, bool again)
{
    struct timespec until;

    if (again && !log->closing && !log->reopen) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += RETRY_S;
        pthread_cond_timedwait(&log->wake, &log->lock, &until);
    }
    while (!again && log->waiting.len == 0 && !log->reopen && !log->closing)
        pthread_cond_wait(&log->wake, &log->lock);
}

static void *writer_main(void *ctx)
{
    struct access_log *log = ctx;
    struct buf own = BUF_EMPTY;
    uint64_t own_lines = 0;
    bool closing, anew, left;

    left = !write_out(log, &own); /* the heading */
    do {
        pthread_mutex_lock(&log->lock);
        wait_for_work(log, left);
        if (own.len == 0) {
            struct buf spare = own;
            own = log->waiting;
            own_lines = log->waiting_lines;
            log->waiting = spare;
            log->waiting_lines = 0;
        }
        closing = log->closing;
        anew = log->reopen;
        log->reopen = false;
        pthread_mutex_unlock(&log->lock);

        /* What came before the call to reopen belongs into the old file. */
        left = !write_out(log, &own);
        if (anew) {
            reopen(log);
            left = !write_out(log, &own);
        }
        if (own.len == 0 && own.cap > 16 * GATHER_BYTES)
            buf_free(&own);
        pthread_mutex_lock(&log->lock);
        if (closing && left) { /* nobody is left to try again for */
            log->dropped += own_lines + log->waiting_lines;
            log->waiting_lines = 0;
            buf_clear(&log->waiting);
        }
        closing = closing && log->waiting.len == 0;
        pthread_mutex_unlock(&log->lock);
    } while (!closing);
    buf_free(&own);
    return NULL;
}

struct access_log *access_log_open(const char *path, enum access_format format)
{
    struct access_log *log = calloc(1, sizeof(*log));
    pthread_condattr_t attr;
    int err;

    if (log == NULL)
        return NULL;
    log->path = strcmp(path, "-") == 0 ? NULL : strdup(path);
    log->fd = open_path(log->path);
    if (log->fd < 0) {
        err = errno;
        goto fail;
    }
    log->format = format;
    begin_file(log);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->wake, &attr);
    pthread_condattr_destroy(&attr);
    if ((err = thread_start(&log->writer, writer_main, log)) == 0)
        return log;
    if (log->path != NULL)
        close(log->fd);
fail:
    free(log->path);
    free(log);
    errno = err;
    return NULL;
}

enum access_format access_log_format(const struct access_log *log)
{
    return log->format;
}

void access_log_close(struct access_log *log)
{
    if (log == NULL)
        return;
    pthread_mutex_lock(&log->lock);
    log->closing = true;
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
    pthread_join(log->writer, NULL);
    pthread_mutex_destroy(&log->lock);
    pthread_cond_destroy(&log->wake);
    if (log->path != NULL)
        close(log->fd);
    buf_free(&log->waiting);
    free(log->path);
    free(log);
}

void access_log_add(struct access_log *log, struct access_gather *g, const struct access_entry *e)
{
    size_t before = g->lines.len;

    if (e->off)
        return;
    access_line(&g->lines, log->format, &g->second, e);
    atomic_store_explicit(&g->taken, atomic_load_explicit(&g->taken, memory_order_relaxed) + 1, memory_order_relaxed);
    g->lines_n++;
    if (!buf_ok(&g->lines)) { /* out of memory: this line is lost, not those before it */
        g->lines.failed = false;
        g->lines.len = before;
        g->lines_n--;
        pthread_mutex_lock(&log->lock);
        log->dropped++;
        pthread_mutex_unlock(&log->lock);
    }
    if (g->lines.len >= GATHER_BYTES)
        access_log_flush(log, g);
}

void access_log_flush(struct access_log *log, struct access_gather *g)
{
    if (g->lines.len == 0)
        return;
    pthread_mutex_lock(&log->lock);
    if (log->waiting.len + g->lines.len <= WAITING_BYTES) {
        if (log->waiting.len == 0) {
            struct buf spare = log->waiting;
            log->waiting = g->lines;
            g->lines = spare;
        } else {
            buf_add_slice(&log->waiting, buf_slice(&g->lines));
        }
    } else {
        log->waiting.failed = true;
    }
    if (log->waiting.failed) {
        log->waiting.failed = false;
        log->dropped += g->lines_n;
    } else {
        log->waiting_lines += g->lines_n;
    }
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
    buf_clear(&g->lines);
    g->lines_n = 0;
}

void access_gather_fini(struct access_gather *g)
{
    buf_free(&g->lines);
}

void access_log_reopen(struct access_log *log)
{
    pthread_mutex_lock(&log->lock);
    log->reopen = true;
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
}

uint64_t access_log_dropped(struct access_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t dropped = log->dropped;
    pthread_mutex_unlock(&log->lock);
    return dropped;
}

int access_log_error(struct access_log *log)
{
    pthread_mutex_lock(&log->lock);
    int error = log->error;
    log->error = 0;
    pthread_mutex_unlock(&log->lock);
    return error;
}
