#include "node/io/origin_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/io/origin_files.h"

#define LOOK_AGAIN SEC(1)

enum fault { UNREAD, GOOD, SHOWN, ABSENT, UNREADABLE, TOO_LONG, EMPTY, UNFIT };

struct secret {
    struct list link;
    char name[ORIGIN_FILE_NAME_MAX + 1];
    uint8_t value[ORIGIN_SECRET_MAX];
    size_t len; /* 0: none */
    mesh_ns until;
    enum fault fault; /* as it was said */
    int error;
};

void origin_secrets_init(struct origin_secrets *s, const char *data)
{
    *s = (struct origin_secrets){ .data = data };
    list_init(&s->all);
}

static void forget(struct origin_secrets *s, struct secret *one)
{
    list_remove(&one->link);
    s->n--;
    explicit_bzero(one, sizeof(*one));
    free(one);
}

void origin_secrets_fini(struct origin_secrets *s)
{
    LIST_EACH_SAFE (at, &s->all) {
        forget(s, OBJ_OF(at, struct secret, link));
    }
}

void origin_secrets_again(struct origin_secrets *s)
{
    LIST_EACH (at, &s->all) {
        struct secret *one = OBJ_OF(at, struct secret, link);
        one->until = 0;
        one->fault = UNREAD;
    }
}

/* ---- a file ---- */

/* The last line of |text| that is not empty. */
static enum fault take_line(struct secret *one, struct slice text)
{
    struct slice line, last = SLICE_EMPTY;

    while (slice_split(&text, '\n', &line)) {
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        line = slice_trim(line);
        if (line.len > 0)
            last = line;
    }
    if (last.len == 0)
        return EMPTY;
    if (last.len > ORIGIN_SECRET_MAX)
        return TOO_LONG;
    for (size_t i = 0; i < last.len; i++) {
        if (last.data[i] < 0x20 || last.data[i] > 0x7e) /* it has to stand in a field */
            return UNFIT;
    }
    explicit_bzero(one->value, sizeof(one->value));
    memcpy(one->value, last.data, last.len);
    one->len = last.len;
    return GOOD;
}

static enum fault read_open(struct secret *one, int fd)
{
    struct stat st;
    uint8_t *text;
    ssize_t got = -1;
    size_t n = 0;
    enum fault fault = UNREADABLE;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (text = malloc(ORIGIN_SECRET_FILE_MAX + 1)) == NULL) {
        one->error = EINVAL;
        return UNREADABLE;
    }
    while (n <= ORIGIN_SECRET_FILE_MAX && (got = read(fd, text + n, ORIGIN_SECRET_FILE_MAX + 1 - n)) > 0)
        n += (size_t)got;
    if (got < 0)
        one->error = errno;
    else if (n > ORIGIN_SECRET_FILE_MAX)
        fault = TOO_LONG;
    else if ((fault = take_line(one, slice_of(text, n))) == GOOD && (st.st_mode & 077) != 0)
        fault = SHOWN;
    explicit_bzero(text, n);
    free(text);
    return fault;
}

static enum fault look(struct secret *one, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe there must not hold us up */

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        explicit_bzero(one->value, sizeof(one->value));
        one->len = 0;
        return ABSENT;
    }
    if (fd < 0) {
        one->error = errno;
        return UNREADABLE;
    }
    enum fault fault = read_open(one, fd);
    close(fd);
    return fault;
}

static void say(const struct secret *one, enum fault fault, const char *path, struct buf *news)
{
    const char *then = one->len > 0 ? "What it said before goes on to be sent." : "Requests that want it fail.";

    switch (fault) {
    case UNREAD:
    case GOOD: break;
    case SHOWN: buf_addf(news, "others on this host can read the secret in %s: chmod 600 %s.", path, path); break;
    case ABSENT: buf_addf(news, "there is no secret %s. Requests to origins that want it fail.", path); break;
    case UNREADABLE:
        buf_addf(news, "the secret %s cannot be read: %s. %s", path,
                 one->error == EINVAL ? "it is no file" : strerror(one->error), then);
        break;
    case TOO_LONG:
        buf_addf(news, "the secret %s is too long: %d bytes in a line at the most. %s", path, ORIGIN_SECRET_MAX, then);
        break;
    case EMPTY: buf_addf(news, "the secret %s is empty. %s", path, then); break;
    case UNFIT: buf_addf(news, "the secret %s has bytes that are no printable ASCII. %s", path, then); break;
    }
}

static void look_again(struct origin_secrets *s, struct secret *one, struct buf *news)
{
    char path[4096];
    enum fault fault = UNREADABLE;
    int n = snprintf(path, sizeof(path), "%s/" ORIGIN_SECRETS "/%s", s->data, one->name);

    if (n < 0 || n >= (int)sizeof(path))
        one->error = ENAMETOOLONG;
    else
        fault = look(one, path);
    if (fault != one->fault)
        say(one, fault, path, news);
    one->fault = fault;
}

/* ---- all ---- */

static struct secret *find(struct origin_secrets *s, struct slice name)
{
    LIST_EACH (at, &s->all) {
        struct secret *one = OBJ_OF(at, struct secret, link);
        if (slice_eq(slice_str(one->name), name))
            return one;
    }
    return NULL;
}

static struct secret *make(struct origin_secrets *s, struct slice name)
{
    struct secret *one = calloc(1, sizeof(*one));

    if (one == NULL)
        return NULL;
    if (s->n == ORIGIN_SECRETS_MAX)
        forget(s, OBJ_OF(s->all.prev, struct secret, link));
    memcpy(one->name, name.data, name.len);
    list_init(&one->link);
    s->n++;
    return one;
}

bool origin_secret_of(struct origin_secrets *s, mesh_ns now, struct slice name, struct slice *out, struct buf *news)
{
    if (!origin_file_name_ok(name) || s->data == NULL)
        return false;
    struct secret *one = find(s, name);
    if (one == NULL && (one = make(s, name)) == NULL)
        return false;
    list_remove(&one->link);
    list_push_front(&s->all, &one->link);
    if (one->fault == UNREAD || now >= one->until) {
        look_again(s, one, news);
        one->until = now + LOOK_AGAIN;
    }
    *out = slice_of(one->value, one->len);
    return one->len > 0;
}
