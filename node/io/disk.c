#include "node/io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/io/thread.h"
#include "proto/base/err.h"

#define READERS     3
#define WRITE_TRIES 40
#define FORMAT      "format"
#define FORMAT_NEW  "format.new"
#define FORMAT_TEXT "hedgerow-store %u segment %u seed %016llx\n"

struct disk {
    int dir;
    int tail; /* the writer's: of the segment that is written; -1: none */
    uint32_t tail_segment;
    struct store *store;
    struct ev_loop *loop;
    ev_async news;
    disk_done *done;
    void *ctx;
    pthread_t threads[READERS + 1];
    unsigned threads_n;
    pthread_mutex_t lock;
    pthread_cond_t to_read, to_write;
    struct list reads, writes, ended;
    bool closed;
};

/* ---- files ---- */

static void name_of(char name[16], uint32_t segment)
{
    snprintf(name, 16, "seg-%08x", segment);
}

static int open_segment(const struct disk *d, uint32_t segment, int flags)
{
    char name[16];

    name_of(name, segment);
    return openat(d->dir, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int code_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return MESH_E_FULL;
    case ENOENT: return MESH_E_ABSENT;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return MESH_E_NOMEM; /* our want, not the disk's fault */
    default: return MESH_E_DISK;
    }
}

/* How many of |len| bytes there were, or a negative code. */
static int64_t read_at(int fd, uint32_t offset, uint8_t *into, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = pread(fd, into + at, len - at, (off_t)offset + (off_t)at);
        if (n == 0)
            break;
        if (n > 0)
            at += (size_t)n;
        else if (errno != EINTR)
            return code_of(errno);
    }
    return (int64_t)at;
}

static int do_read(const struct disk *d, struct store_op *op)
{
    int fd = open_segment(d, op->segment, O_RDONLY);

    if (fd < 0)
        return code_of(errno);
    int64_t n = read_at(fd, op->offset, op->bytes, op->len);
    close(fd);
    return n < 0 ? (int)n : n < (int64_t)op->len ? MESH_E_HASH : store_check(op);
}

/* The segment that is written stays open. A descriptor that is not to be had is waited for: nobody else waits here. */
static int writable(struct disk *d, const struct store_op *op)
{
    const struct timespec moment = { .tv_nsec = 50000000 };

    if (d->tail >= 0 && d->tail_segment == op->segment && !op->create)
        return d->tail;
    if (d->tail >= 0)
        close(d->tail);
    for (int tries = 0; tries < WRITE_TRIES; tries++) {
        d->tail = open_segment(d, op->segment, O_WRONLY | (op->create ? O_CREAT | O_TRUNC : 0));
        d->tail_segment = op->segment;
        if (d->tail >= 0 || code_of(errno) != MESH_E_NOMEM)
            break;
        nanosleep(&moment, NULL);
    }
    return d->tail;
}

static int do_write(struct disk *d, const struct store_op *op)
{
    int fd = writable(d, op);
    size_t at = 0;
    int err = 0;

    if (fd < 0)
        return code_of(errno);
    while (at < op->len && err == 0) {
        ssize_t n = pwrite(fd, op->bytes + at, op->len - at, (off_t)op->offset + (off_t)at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            err = n == 0 ? MESH_E_DISK : code_of(errno);
    }
    return err;
}

/* What was written to the segment, and that it is there at all. */
static int do_sync(struct disk *d, const struct store_op *op)
{
    int fd = writable(d, op);

    return fd < 0 || fdatasync(fd) != 0 || fsync(d->dir) != 0 ? code_of(errno) : 0;
}

static int do_remove(const struct disk *d, const struct store_op *op)
{
    char name[16];

    name_of(name, op->segment);
    return unlinkat(d->dir, name, 0) == 0 || errno == ENOENT ? 0 : code_of(errno);
}

static int do_op(struct disk *d, struct store_op *op)
{
    switch (op->kind) {
    case STORE_READ: return do_read(d, op);
    case STORE_WRITE: return do_write(d, op);
    case STORE_SYNC: return do_sync(d, op);
    case STORE_REMOVE: break;
    }
    return do_remove(d, op);
}

/* ---- threads ---- */

/* One turn of a thread that has the lock: false, there was nothing to do. */
static bool work(struct disk *d, struct list *queue)
{
    if (list_empty(queue))
        return false;
    struct store_op *op = OBJ_OF(list_first(queue), struct store_op, link);
    list_remove(&op->link);
    pthread_mutex_unlock(&d->lock);
    op->err = do_op(d, op);
    pthread_mutex_lock(&d->lock);
    bool first = list_empty(&d->ended);
    list_push_back(&d->ended, &op->link);
    if (first && !d->closed)
        ev_async_send(d->loop, &d->news);
    return true;
}

static void *read_main(void *ctx)
{
    struct disk *d = ctx;

    pthread_mutex_lock(&d->lock);
    while (!d->closed) { /* what is still to be read nobody waits for any more */
        if (!work(d, &d->reads))
            pthread_cond_wait(&d->to_read, &d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static void *write_main(void *ctx)
{
    struct disk *d = ctx;

    pthread_mutex_lock(&d->lock);
    while (work(d, &d->writes) || !d->closed) {
        if (list_empty(&d->writes) && !d->closed)
            pthread_cond_wait(&d->to_write, &d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

static void on_news(struct ev_loop *loop, ev_async *news, int revents)
{
    struct disk *d = news->data;
    struct list ended;

    (void)loop;
    (void)revents;
    pthread_mutex_lock(&d->lock);
    list_take(&ended, &d->ended);
    pthread_mutex_unlock(&d->lock);
    while (!list_empty(&ended)) {
        struct store_op *op = OBJ_OF(list_first(&ended), struct store_op, link);
        list_remove(&op->link);
        d->done(d->ctx, op, op->err);
    }
}

void disk_do(struct disk *d, struct store_op *op)
{
    bool reads = op->kind == STORE_READ;

    pthread_mutex_lock(&d->lock);
    list_push_back(reads ? &d->reads : &d->writes, &op->link);
    pthread_cond_signal(reads ? &d->to_read : &d->to_write);
    pthread_mutex_unlock(&d->lock);
}

int disk_start(struct disk *d, struct ev_loop *loop, disk_done *done, void *ctx)
{
    d->loop = loop;
    d->done = done;
    d->ctx = ctx;
    ev_async_init(&d->news, on_news);
    d->news.data = d;
    ev_async_start(loop, &d->news);
    for (; d->threads_n < READERS + 1; d->threads_n++) {
        if (thread_start(&d->threads[d->threads_n], d->threads_n == 0 ? write_main : read_main, d) != 0)
            return MESH_E_NOMEM;
    }
    return 0;
}

void disk_stop(struct disk *d)
{
    if (d == NULL || d->loop == NULL)
        return;
    pthread_mutex_lock(&d->lock);
    d->closed = true;
    pthread_cond_broadcast(&d->to_read);
    pthread_cond_broadcast(&d->to_write);
    pthread_mutex_unlock(&d->lock);
    while (d->threads_n > 0)
        pthread_join(d->threads[--d->threads_n], NULL);
    ev_async_stop(d->loop, &d->news);
    d->loop = NULL;
}

/* ---- the directory ---- */

struct opening {
    struct disk *d;
    const char *data;
    char *why;
    size_t why_len;
    uint32_t segment_bytes;
    uint64_t seed;
    uint32_t *segments;
    size_t segments_n;
    int fd; /* of |number|, for store_recover */
    uint32_t number;
};

static int refuse(const struct opening *o, const char *what, const char *advice)
{
    snprintf(o->why, o->why_len, "%s/store: %s: %s", o->data, what, advice);
    return -1;
}

static int refuse_errno(const struct opening *o, const char *what)
{
    char text[160];
    int err = errno;
    const char *advice = "is the disk in order?";

    if (err == EACCES || err == EPERM)
        advice = "give it to the user that hedgerow runs as (chown -R), or choose another --data";
    else if (err == EROFS)
        advice = "the file system is read-only: mount it for writing, choose another --data, or run with --disk 0";
    else if (err == ENOSPC || err == EDQUOT)
        advice = "make room there, choose another --data, or run with --disk 0";
    else if (err == ENOTDIR || err == ELOOP)
        advice = "it must be a directory: move away what is there";
    snprintf(text, sizeof(text), "%s: %s", what, strerror(err));
    return refuse(o, text, advice);
}

static int open_directory(struct opening *o)
{
    int data = open(o->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (data < 0)
        return refuse_errno(o, "its parent cannot be opened");
    int made = mkdirat(data, "store", 0700);
    if (made != 0 && errno != EEXIST) {
        close(data);
        return refuse_errno(o, "it cannot be made");
    }
    o->d->dir = openat(data, "store", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int err = errno;
    close(data);
    errno = err;
    if (o->d->dir < 0 || fstat(o->d->dir, &st) != 0)
        return refuse_errno(o, "it cannot be opened");
    if (st.st_uid != geteuid())
        return refuse(o, "it belongs to another user",
                      "chown it to the user that hedgerow runs as, or choose another --data");
    if ((st.st_mode & 0077) != 0 && fchmod(o->d->dir, 0700) != 0)
        return refuse_errno(o, "others may read it, and that cannot be changed");
    return 0;
}

/* The numbers of the segments that are there, ascending; with |wipe| they are removed instead. */
static int list_segments(struct opening *o, bool wipe)
{
    int fd = dup(o->d->dir);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *at;
    size_t cap = 0;

    if (dir == NULL)
        return refuse_errno(o, "it cannot be listed");
    rewinddir(dir);
    while ((at = readdir(dir)) != NULL) {
        char name[16];
        unsigned number;
        if (sscanf(at->d_name, "seg-%8x", &number) != 1)
            continue;
        name_of(name, number);
        if (strcmp(name, at->d_name) != 0 || number == 0)
            continue;
        if (wipe) {
            unlinkat(o->d->dir, name, 0);
            continue;
        }
        if (o->segments_n == cap) {
            cap = cap == 0 ? 128 : 2 * cap;
            uint32_t *more = realloc(o->segments, cap * sizeof(*more));
            if (more == NULL) {
                closedir(dir);
                return refuse(o, "out of memory", "give this node more");
            }
            o->segments = more;
        }
        o->segments[o->segments_n++] = number;
    }
    closedir(dir);
    return 0;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int write_format(struct opening *o, uint64_t limit)
{
    char text[96];

    o->segment_bytes = store_segment_bytes(limit);
    if (getrandom(&o->seed, sizeof(o->seed), 0) != (ssize_t)sizeof(o->seed))
        return refuse_errno(o, "no random number is to be had");
    int len = snprintf(text, sizeof(text), FORMAT_TEXT, STORE_VERSION, o->segment_bytes, (unsigned long long)o->seed);
    int fd = openat(o->d->dir, FORMAT_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, (size_t)len) == len && fdatasync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (!ok || renameat(o->d->dir, FORMAT_NEW, o->d->dir, FORMAT) != 0 || fsync(o->d->dir) != 0)
        return refuse_errno(o, "it cannot be written");
    return 0;
}

/* What the directory says of itself: 1 there is nothing in it, 0 it can be taken up, -1 refused. */
static int read_format(struct opening *o, bool wipe)
{
    char text[96] = "";
    unsigned version = 0, bytes = 0;
    unsigned long long seed = 0;
    int fd = openat(o->d->dir, FORMAT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 1 : refuse_errno(o, "its file \"" FORMAT "\" cannot be read");
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    int found = n > 0 ? sscanf(text, FORMAT_TEXT, &version, &bytes, &seed) : 0;
    if (found >= 1 && version > STORE_VERSION && !wipe)
        return refuse(o, "a later version of hedgerow wrote it",
                      "run that one, choose another --data, or add --disk-wipe to lose what is cached there");
    bool sound = found == 3 && version == STORE_VERSION && bytes >= STORE_SEGMENT_MIN && bytes <= STORE_SEGMENT_MAX &&
                 bytes % STORE_UNIT == 0;
    if (!sound && !wipe)
        return refuse(o,
                      found >= 1 && version < STORE_VERSION ? "an earlier version of hedgerow wrote it"
                                                            : "its file \"" FORMAT "\" is damaged",
                      "choose another --data, or add --disk-wipe to lose what is cached there");
    o->segment_bytes = bytes;
    o->seed = seed;
    return sound ? 0 : 1;
}

static int64_t read_segment(void *ctx, uint32_t segment, uint32_t offset, void *into, size_t len)
{
    struct opening *o = ctx;

    if (o->fd < 0 || o->number != segment) {
        if (o->fd >= 0)
            close(o->fd);
        o->fd = open_segment(o->d, segment, O_RDONLY);
        o->number = segment;
    }
    return o->fd >= 0 ? read_at(o->fd, offset, into, len) : MESH_E_ABSENT;
}

/* Can anything be written here at all? */
static int try_writing(struct opening *o)
{
    int fd = openat(o->d->dir, FORMAT_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return refuse_errno(o, "it cannot be written");
    close(fd);
    unlinkat(o->d->dir, FORMAT_NEW, 0);
    return 0;
}

static int take_up(struct opening *o, uint64_t limit, bool wipe)
{
    struct store_config cfg = { .limit = limit };
    int is_new;

    if (open_directory(o) != 0 || (is_new = read_format(o, wipe)) < 0 || try_writing(o) != 0)
        return -1;
    if (is_new && (list_segments(o, true) != 0 || write_format(o, limit) != 0))
        return -1;
    if (!is_new && list_segments(o, false) != 0)
        return -1;
    if (o->segments_n > 0)
        qsort(o->segments, o->segments_n, sizeof(*o->segments), ascending);
    cfg.segment_bytes = o->segment_bytes;
    cfg.seed = o->seed;
    if (getrandom(&cfg.secret, sizeof(cfg.secret), 0) != (ssize_t)sizeof(cfg.secret))
        return refuse_errno(o, "no random number is to be had");
    if (limit / o->segment_bytes < STORE_SEGMENTS_MIN)
        return refuse(o, "it was made for a much larger --disk", "give it more, or add --disk-wipe to begin anew");
    if ((o->d->store = store_new(&cfg)) == NULL ||
        store_recover(o->d->store, o->segments, o->segments_n, read_segment, o) != 0)
        return refuse(o, "out of memory",
                      "an entry on the disk costs 48 bytes of it: give this node more, or less --disk");
    return 0;
}

struct disk *disk_open(const char *data, uint64_t limit, bool wipe, char *why, size_t why_len)
{
    struct disk *d = calloc(1, sizeof(*d));
    struct opening o = { .d = d, .data = data, .why = why, .why_len = why_len, .fd = -1 };

    if (d == NULL) {
        snprintf(why, why_len, "out of memory");
        return NULL;
    }
    d->dir = d->tail = -1;
    list_init(&d->reads);
    list_init(&d->writes);
    list_init(&d->ended);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->to_read, NULL);
    pthread_cond_init(&d->to_write, NULL);
    int err = take_up(&o, limit, wipe);
    if (o.fd >= 0)
        close(o.fd);
    free(o.segments);
    if (err == 0)
        return d;
    disk_close(d);
    return NULL;
}

struct store *disk_store(struct disk *d)
{
    return d != NULL ? d->store : NULL;
}

void disk_close(struct disk *d)
{
    if (d == NULL)
        return;
    disk_stop(d);
    store_free(d->store);
    if (d->dir >= 0)
        close(d->dir);
    if (d->tail >= 0)
        close(d->tail);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->to_read);
    pthread_cond_destroy(&d->to_write);
    free(d);
}
