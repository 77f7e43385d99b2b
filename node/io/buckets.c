#include "node/io/buckets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/err.h"
#include "proto/base/list.h"

#define LOOK_EACH          SEC(1)
#define BUCKET_PROFILE_MAX 128

/* Which state of the file was read: any change shows in one of these. */
struct mark {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

struct bucket {
    struct list link; /* of |all|: the one used last comes first */
    char region[UPSTREAM_REGION_MAX + 1], profile[BUCKET_PROFILE_MAX + 1];
    bool ready;
    struct profile keys;
    struct sigv4_memo memo;
    struct mark mark;
    mesh_ns looked_at;
};

struct buckets {
    const char *path;
    struct list all;
    size_t n;
};

static struct mark mark_of(const struct stat *st)
{
    struct mark m;

    memset(&m, 0, sizeof(m)); /* it is compared as bytes */
    m.dev = st->st_dev;
    m.ino = st->st_ino;
    m.size = st->st_size;
    m.changed = st->st_ctim;
    return m;
}

/* The whole file in one allocation that does not move. 0 or an errno. */
static int read_file(const char *path, struct buf *out, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0; /* a pipe must not hold us up */
    ssize_t n;

    if (fd < 0)
        return errno;
    if (fstat(fd, st) != 0)
        err = errno;
    else if (!S_ISREG(st->st_mode))
        err = EINVAL;
    else if (st->st_size > (off_t)PROFILE_FILE_MAX)
        err = EFBIG;
    uint8_t *to = err == 0 ? buf_reserve(out, (size_t)st->st_size + 1) : NULL;
    if (err == 0 && to == NULL)
        err = ENOMEM;
    while (err == 0 && out->len < (size_t)st->st_size) {
        n = read(fd, to + out->len, (size_t)st->st_size - out->len);
        if (n == 0)
            break;
        if (n > 0)
            out->len += (size_t)n;
        else if (errno != EINTR)
            err = errno;
    }
    close(fd);
    return err;
}

static void wipe_buf(struct buf *b)
{
    if (b->data != NULL)
        sigv4_wipe(b->data, b->cap);
    buf_free(b);
}

static void read_keys(const struct buckets *all, struct bucket *b, struct buf *said)
{
    struct buf text = BUF_EMPTY, fault = BUF_EMPTY;
    struct profile keys;
    struct stat st = { .st_size = 0 };
    size_t line = 0;
    int error = read_file(all->path != NULL ? all->path : "", &text, &st), err = MESH_E_ABSENT;

    b->mark = mark_of(&st);
    if (all->path == NULL || all->path[0] == 0) {
        buf_add_str(said, "a bucket's requests are to be signed, and no --origin-s3-credentials was given.");
    } else if (error != 0) {
        buf_addf(said, "%s cannot be read: %s.", all->path, error == EINVAL ? "it is no file" : strerror(error));
    } else if ((err = profile_read(&keys, buf_slice(&text), slice_str(b->profile), &line, &fault)) != 0) {
        buf_add_str(said, all->path);
        if (line > 0)
            buf_addf(said, ", line %zu", line);
        buf_addf(said, ": %.*s", SLICE_FMT(buf_slice(&fault)));
    } else {
        b->keys = keys;
        b->ready = true;
        if ((st.st_mode & 077) != 0)
            buf_addf(said, "other users can read %s, and with it use the bucket: chmod 600 %s", all->path, all->path);
    }
    if (err != 0 && b->ready)
        buf_add_str(said, " The keys in use stay.");
    sigv4_wipe(&keys, sizeof(keys));
    wipe_buf(&text);
    buf_free(&fault);
}

static void refresh(const struct buckets *all, struct bucket *b, struct buf *said)
{
    struct stat st;

    if (all->path == NULL || stat(all->path, &st) != 0)
        memset(&st, 0, sizeof(st)); /* gone: it is told once, and when it is there again it has changed */
    struct mark mark = mark_of(&st);
    if (memcmp(&mark, &b->mark, sizeof(mark)) != 0)
        read_keys(all, b, said);
}

static void forget(struct buckets *all, struct bucket *b)
{
    list_remove(&b->link);
    all->n--;
    sigv4_wipe(b, sizeof(*b));
    free(b);
}

static struct bucket *bucket_new(struct buckets *all, struct slice region, struct slice profile, struct buf *said)
{
    struct bucket *b = NULL;

    if (region.len < sizeof(b->region) && profile.len < sizeof(b->profile))
        b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    if (all->n == BUCKETS_MAX)
        forget(all, OBJ_OF(all->all.prev, struct bucket, link));
    memcpy(b->region, region.data, region.len);
    memcpy(b->profile, profile.data, profile.len);
    list_init(&b->link);
    list_push_front(&all->all, &b->link);
    all->n++;
    read_keys(all, b, said);
    return b;
}

struct bucket *buckets_find(struct buckets *all, struct slice region, struct slice profile, mesh_ns now,
                            struct buf *said)
{
    LIST_EACH (at, &all->all) {
        struct bucket *b = OBJ_OF(at, struct bucket, link);
        if (!slice_eq(slice_str(b->region), region) || !slice_eq(slice_str(b->profile), profile))
            continue;
        list_remove(&b->link);
        list_push_front(&all->all, &b->link);
        if (now - b->looked_at >= LOOK_EACH) {
            b->looked_at = now;
            refresh(all, b, said);
        }
        return b;
    }
    struct bucket *b = bucket_new(all, region, profile, said);
    if (b != NULL)
        b->looked_at = now;
    return b;
}

void buckets_reread(struct buckets *all, struct buf *said)
{
    LIST_EACH (at, &all->all) {
        refresh(all, OBJ_OF(at, struct bucket, link), said);
    }
}

bool bucket_ready(const struct bucket *b)
{
    return b->ready;
}

int bucket_sign(struct bucket *b, enum upstream_signing how, struct buf *head, bool https, int64_t wall_s,
                struct sigv4_chain *chain, bool *chunks)
{
    struct upstream_signing_by by = { how, slice_str(b->region), &b->keys, &b->memo, https };

    return b->ready ? upstream_sign(head, &by, wall_s, chain, chunks) : MESH_E_MISSING;
}

struct buckets *buckets_new(const char *path)
{
    struct buckets *all = calloc(1, sizeof(*all));

    if (all == NULL)
        return NULL;
    all->path = path;
    list_init(&all->all);
    return all;
}

void buckets_free(struct buckets *all)
{
    if (all == NULL)
        return;
    LIST_EACH_SAFE (at, &all->all) {
        forget(all, OBJ_OF(at, struct bucket, link));
    }
    free(all);
}
