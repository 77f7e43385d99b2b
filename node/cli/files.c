#include "node/cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int files_read(const char *path, size_t max, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    uint8_t *to = buf_reserve(out, max + 1);
    int err = to == NULL ? ENOMEM : 0;
    size_t n = 0;
    while (err == 0) {
        ssize_t got = read(fd, to + n, max + 1 - n);
        if (got > 0)
            n += (size_t)got;
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            err = errno;
        if (n > max)
            err = EFBIG;
    }
    close(fd);
    if (err == 0)
        out->len += n;
    return err;
}

/* Makes the entry of |path| in its directory durable. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));

    if (folder == NULL)
        return ENOMEM;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 ? errno : 0;
    free(folder);
    if (err != 0)
        return err;
    /* Some file systems cannot sync a directory and say EINVAL: then there is nothing to do. */
    if (fsync(fd) != 0 && errno != EINVAL)
        err = errno;
    close(fd);
    return err;
}

int files_write(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n >= 0)
            bytes = slice_from(bytes, (size_t)n);
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

static int create(const char *path, struct slice bytes, bool durable)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno;
    int err = files_write(fd, bytes);
    if (err == 0 && durable && fsync(fd) != 0)
        err = errno;
    if (close(fd) != 0 && err == 0)
        err = errno;
    if (err == 0 && durable)
        err = sync_folder(path);
    if (err != 0)
        unlink(path);
    return err;
}

int files_create(const char *path, struct slice bytes)
{
    return create(path, bytes, true);
}

static int replace(const char *path, struct slice bytes, bool durable)
{
    struct buf name = BUF_EMPTY;

    buf_addf(&name, "%s.new", path);
    buf_add_u8(&name, 0);
    if (!buf_ok(&name)) {
        buf_free(&name);
        return ENOMEM;
    }
    const char *other = (const char *)name.data;
    unlink(other); /* left by a run that was cut short */
    int err = create(other, bytes, durable);
    if (err == 0 && rename(other, path) != 0) {
        err = errno;
        unlink(other);
    }
    if (err == 0 && durable)
        err = sync_folder(path);
    buf_free(&name);
    return err;
}

int files_replace(const char *path, struct slice bytes)
{
    return replace(path, bytes, true);
}

int files_put(const char *path, struct slice bytes)
{
    return replace(path, bytes, false);
}

int files_folder(const char *path)
{
    struct stat st;

    if (mkdir(path, 0700) == 0)
        return sync_folder(path);
    if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return errno;
}

void files_wipe(struct buf *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->cap);
    buf_free(b);
}
