#include "node/io/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) /* a pipe or a terminal holds nobody up */
#define RACES_MAX  16

/* ---- paths ---- */

static int judge_part(struct slice part)
{
    if (slice_eq(part, SLICE_LIT("..")))
        return 403;
    bool hidden = part.len > 0 && part.data[0] == '.' && !slice_eq(part, SLICE_LIT(".well-known"));
    return part.len == 0 || hidden || memchr(part.data, 0, part.len) != NULL ? 404 : 0;
}

/* Decodes |part| to the end of |out|. What an encoded slash parts is judged as well. */
static int put_part(struct buf *out, struct slice part)
{
    size_t start = out->len;
    int status = 0;

    if (part.len == 0)
        return 404;
    for (size_t i = 0; i < part.len; i++) {
        uint8_t c = part.data[i];
        if (c == '%' && i + 2 < part.len && hex_digit(part.data[i + 1]) >= 0 && hex_digit(part.data[i + 2]) >= 0) {
            c = (uint8_t)(hex_digit(part.data[i + 1]) << 4 | hex_digit(part.data[i + 2]));
            i += 2;
        }
        buf_add_u8(out, c);
    }
    if (!buf_ok(out))
        return 0; /* told by the buf */
    struct slice rest = slice_from(buf_slice(out), start), piece;
    bool slash = rest.len > 0 && memchr(rest.data, '/', rest.len) != NULL;
    while (slice_split(&rest, '/', &piece)) {
        int one = judge_part(piece);
        status = one == 403 || status == 0 ? one : status;
    }
    return status == 0 && slash ? 404 : status;
}

int beneath_path(struct buf *out, struct slice path, struct slice index)
{
    struct slice part;
    int status = 0;

    if (path.len == 0 || path.data[0] != '/')
        return 404;
    if (path.len > PATH_MAX)
        return 414;
    path = slice_from(path, 1);
    while (status == 0 && path.data != NULL && path.len > 0 && slice_split(&path, '/', &part)) {
        if (out->len > 0)
            buf_add_u8(out, '/');
        status = put_part(out, part);
        if (status == 0 && path.data != NULL && path.len == 0) { /* a final slash */
            if (out->len > 0)
                buf_add_u8(out, '/');
            buf_add_slice(out, index);
            return out->len >= PATH_MAX ? 414 : 0;
        }
    }
    if (status == 0 && out->len == 0)
        buf_add_slice(out, index);
    return status == 0 && out->len >= PATH_MAX ? 414 : status;
}

/* ---- opening ---- */

/* The next name of |*path|, without its slash. */
static bool next_name(const char **path, char name[NAME_MAX + 1])
{
    size_t n = strcspn(*path, "/");

    if (n > NAME_MAX)
        return false;
    memcpy(name, *path, n);
    name[n] = 0;
    *path += n + ((*path)[n] == '/');
    return true;
}

/* A link is never followed, so the way that was looked at is the way that is gone. */
static int open_by_steps(int root, const char *path)
{
    char name[NAME_MAX + 1];
    struct stat st;
    int at = root, next = -ENOENT;

    do {
        if (!next_name(&path, name)) {
            next = -ENAMETOOLONG;
            break;
        }
        bool last = *path == 0;
        next = openat(at, name, last ? OPEN_FLAGS | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            next = -errno;
            if (next == -ENOTDIR && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
                next = -ELOOP;
        }
        if (at != root)
            close(at);
        at = next;
    } while (next >= 0 && *path != 0);
    if (next < 0 && at != next && at != root)
        close(at);
    return next;
}

int beneath_open(int root, const char *path, enum beneath_way way)
{
    struct open_how how = { .flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

    for (int i = 0; way == BENEATH_KERNEL && i < RACES_MAX; i++) {
        long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM) /* an old kernel, or a sandbox that does not know the call */
            break;
        if (errno != EAGAIN && errno != EINTR) /* somebody renamed on the way */
            return -errno;
    }
    return open_by_steps(root, path);
}
