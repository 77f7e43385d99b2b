#include "node/io/access_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "node/io/thread.h"
#include "node/sf/chars.h"

#define GATHER_BYTES  (64u << 10) /* handed over early at this size */
#define WAITING_BYTES (32u << 20) /* what a stuck disk may hold up before lines are dropped */
#define RETRY_S       1

/* ---- a line ---- */

static void add_digits(struct buf *out, uint64_t v, unsigned width)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    while (sizeof(text) - at < width)
        text[--at] = '0';
    buf_add(out, text + at, sizeof(text) - at);
}

/* Days since 1970 to a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible
 * low-level date algorithms"): gmtime_r takes a lock. */
static void write_second(char text[20], uint64_t s)
{
    uint64_t z = s / 86400 + 719468, era = z / 146097, day_of_era = z % 146097;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t mp = (5 * day_of_year + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
    const uint64_t parts[] = { year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * mp + 2) / 5 + 1,
                               s / 3600 % 24, s / 60 % 60, s % 60 };
    static const char ends[] = "--T::.";

    for (size_t i = 0; i < 6; i++) {
        if (i == 0) {
            *text++ = (char)('0' + parts[0] / 1000 % 10);
            *text++ = (char)('0' + parts[0] / 100 % 10);
        }
        *text++ = (char)('0' + parts[i] / 10 % 10);
        *text++ = (char)('0' + parts[i] % 10);
        *text++ = ends[i];
    }
}

/* Requests come many to the second, whose digits stay the same. */
static void add_time(struct buf *out, struct access_second *kept, int64_t wall_us)
{
    uint64_t us = wall_us < 0 ? 0 : (uint64_t)wall_us;

    if (kept->text[0] == '\0' || kept->s != us / 1000000) {
        kept->s = us / 1000000;
        write_second(kept->text, kept->s);
    }
    buf_add(out, kept->text, sizeof(kept->text));
    add_digits(out, us / 1000 % 1000, 3);
    buf_add_u8(out, 'Z');
}

/* Length of the UTF-8 sequence at |s|'s start (RFC 3629: shortest form, no surrogates), 0 if
 * there is none. */
static size_t utf8_len(struct slice s)
{
    const uint8_t *p = s.data;
    uint8_t low = 0x80, high = 0xbf;
    size_t n;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        if (p[0] == 0xe0)
            low = 0xa0;
        if (p[0] == 0xed)
            high = 0x9f;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        if (p[0] == 0xf0)
            low = 0x90;
        if (p[0] == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    if (s.len < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

static void add_string(struct buf *out, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    size_t i = 0;

    buf_add_u8(out, '"');
    while (i < s.len) {
        size_t n = chars_span(slice_from(s, i), CHARS_PLAIN);
        buf_add(out, s.data + i, n);
        i += n;
        if (i == s.len)
            break;
        uint8_t c = s.data[i];
        if (c == '"' || c == '\\') {
            buf_add(out, (const uint8_t[]){ '\\', c }, 2);
            i++;
        } else if (c >= 0x80 && (n = utf8_len(slice_from(s, i))) > 0) {
            buf_add(out, s.data + i, n);
            i += n;
        } else {
            buf_add(out, (const char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
            i++;
        }
    }
    buf_add_u8(out, '"');
}

void access_line(struct buf *out, struct access_second *kept, const struct access_entry *e)
{
    buf_add_str(out, "{\"time\":\"");
    add_time(out, kept, e->wall_us);
    buf_add_str(out, "\",\"node\":\"");
    buf_add_slice(out, e->node); /* a name, a word and hex digits have nothing to be escaped */
    buf_add_str(out, "\",\"host\":");
    add_string(out, e->host);
    buf_add_str(out, ",\"method\":");
    add_string(out, e->method);
    buf_add_str(out, ",\"uri\":");
    add_string(out, e->uri);
    buf_add_str(out, ",\"status\":");
    add_digits(out, e->status, 1);
    buf_add_str(out, ",\"bytes\":");
    add_digits(out, e->bytes, 1);
    buf_add_str(out, ",\"result\":\"");
    buf_add_str(out, request_result_word(e->result));
    buf_add_str(out, "\",\"request_id\":\"");
    buf_add_slice(out, e->request_id);
    buf_add_str(out, "\",\"duration_us\":");
    add_digits(out, e->duration_ns < 0 ? 0 : (uint64_t)e->duration_ns / 1000, 1);
    buf_add_str(out, "}\n");
}

/* ---- the file ---- */

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
    /* The writer's: */
    int fd;
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

/* Writes what it can of |b| and drops that from it; false when something is left. */
static bool write_out(struct access_log *log, struct buf *b)
{
    size_t at = 0;

    while (at < b->len) {
        ssize_t n = write(log->fd, b->data + at, b->len - at);
        if (n > 0) {
            at += (size_t)n;
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
    buf_drop(b, at);
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
    bool closing, anew, left = false;

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

struct access_log *access_log_open(const char *path)
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

    access_line(&g->lines, &g->second, e);
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
