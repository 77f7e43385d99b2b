#include "node/cli/data_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/files.h"
#include "node/core/known.h"
#include "proto/digest.h"
#include "proto/roll.h"

#define PATH_BYTES       (DATA_FOLDER_MAX + 32)
#define TOKEN_BYTES      32
#define PURGES_BYTES_MAX (UINT64_C(256) << 20)

static const char *path_of(char path[PATH_BYTES], const char *folder, const char *name)
{
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return path;
}

static int complain(struct buf *why, const char *what, const char *path, int err)
{
    buf_addf(why, "cannot %s %s: %s.", what, path, strerror(err));
    return -1;
}

static int lock(struct data_folder *d, const char *folder, struct buf *why)
{
    char path[PATH_BYTES];

    d->lock = open(path_of(path, folder, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0)
        return complain(why, "write", path, errno);
    if (flock(d->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return complain(why, "lock", path, errno);
    buf_addf(why, "another node runs with --data %s. Each node needs a directory of its own.", folder);
    return -1;
}

/* A number and a line end. */
static bool read_number(struct slice text, uint64_t *out)
{
    return text.len > 1 && text.data[text.len - 1] == '\n' && slice_u64(slice_head(text, text.len - 1), out) == 0 &&
           *out < INT64_MAX;
}

/* Each start takes a higher number, and it is durable before anybody hears of it. Where none
 * is known the clock's seconds are taken: no node starts once a second, so they are above
 * every number of an earlier life of this node; and where the clock is wrong, the salt of
 * each start keeps the keys apart and peers tell the node of a higher boot. */
static int count_start(struct data_folder *d, const char *folder, int64_t now_s, struct buf *why)
{
    char path[PATH_BYTES];
    struct buf text = BUF_EMPTY;
    uint64_t last;
    int err = files_read(path_of(path, folder, "boot"), 64, &text);

    if (err != 0 && err != ENOENT && err != EFBIG) {
        buf_free(&text);
        return complain(why, "read", path, err);
    }
    if (err == 0 && read_number(buf_slice(&text), &last)) {
        d->boot = last + 1;
    } else {
        d->boot = now_s > 0 ? (uint64_t)now_s : 1;
        d->boot_lost = err != ENOENT;
    }
    buf_free(&text);
    err = data_folder_keep_boot(d, d->boot);
    return err == 0 ? 0 : complain(why, "write", path, err);
}

/* The token of an earlier start. */
static bool read_token(struct data_folder *d, const char *path)
{
    struct buf text = BUF_EMPTY;
    bool whole = files_read(path, 2 * TOKEN_BYTES + 1, &text) == 0 && text.len == 2 * TOKEN_BYTES + 1;

    for (size_t i = 0; whole && i < 2 * TOKEN_BYTES; i++)
        whole = hex_digit(text.data[i]) >= 0;
    if (whole)
        memcpy(d->token, text.data, 2 * TOKEN_BYTES);
    files_wipe(&text);
    return whole;
}

/* The token stays the same from start to start, so that scripts may keep it. */
static int keep_token(struct data_folder *d, const char *folder, struct buf *why)
{
    char path[PATH_BYTES], text[2 * TOKEN_BYTES + 2];
    uint8_t secret[TOKEN_BYTES];
    struct stat st;

    path_of(path, folder, "admin.token");
    if (read_token(d, path)) {
        if (stat(path, &st) == 0 && ((st.st_mode & 077) == 0 || chmod(path, 0600) == 0))
            return 0;
        return complain(why, "make private", path, errno);
    }
    secret_random(secret, sizeof(secret));
    for (size_t i = 0; i < TOKEN_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", secret[i]);
    text[2 * TOKEN_BYTES] = '\n';
    memcpy(d->token, text, 2 * TOKEN_BYTES);
    int err = files_replace(path, slice_of(text, 2 * TOKEN_BYTES + 1));
    explicit_bzero(secret, sizeof(secret));
    explicit_bzero(text, sizeof(text));
    return err == 0 ? 0 : complain(why, "write", path, err);
}

static int open_purges(struct data_folder *d)
{
    char path[PATH_BYTES];

    d->purges_log = open(path_of(path, d->path, "purges.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return d->purges_log >= 0 ? 0 : errno;
}

/* What a write that was cut short has left goes, or the next line would be spoilt with it. */
static int read_purges(struct data_folder *d, struct buf *why)
{
    char path[PATH_BYTES];
    struct stat st;
    int err = 0;

    if (stat(path_of(path, d->path, "purges.log"), &st) != 0)
        err = errno;
    else if ((uint64_t)st.st_size > PURGES_BYTES_MAX)
        err = EFBIG;
    else if (st.st_size > 0)
        err = files_read(path, (size_t)st.st_size, &d->purges);
    if (err != 0 && err != ENOENT)
        return complain(why, "read", path, err);
    while (d->purges.len > 0 && d->purges.data[d->purges.len - 1] != '\n')
        d->purges.len--;
    d->purges_len = d->purges.len;
    if ((err = open_purges(d)) != 0 || (ftruncate(d->purges_log, (off_t)d->purges_len) != 0 && (err = errno) != 0))
        return complain(why, "write", path_of(path, d->path, "purges.log"), err);
    return 0;
}

static int read_kept(struct data_folder *d, struct buf *why)
{
    char path[PATH_BYTES];
    int err = files_read(path_of(path, d->path, "roll"), ROLL_BYTES_MAX, &d->roll);

    if (err != 0 && err != ENOENT)
        return complain(why, "read", path, err);
    if (files_read(path_of(path, d->path, "known"), KNOWN_BYTES_MAX, &d->known) != 0)
        buf_clear(&d->known); /* then the seeds must do */
    return data_folder_read_configs(d, why) == 0 ? read_purges(d, why) : -1;
}

int data_folder_open(struct data_folder *d, const char *path, int64_t now_s, struct buf *why)
{
    int err;

    *d = (struct data_folder){ .lock = -1, .purges_log = -1 };
    if (strlen(path) > DATA_FOLDER_MAX) {
        buf_add_str(why, "the directory's name is too long.");
        return -1;
    }
    if ((err = files_folder(path)) != 0)
        return complain(why, "make the directory", path, err);
    memcpy(d->path, path, strlen(path) + 1);
    if (lock(d, path, why) != 0 || count_start(d, path, now_s, why) != 0 || keep_token(d, path, why) != 0 ||
        read_kept(d, why) != 0) {
        data_folder_close(d);
        return -1;
    }
    return 0;
}

void data_folder_close(struct data_folder *d)
{
    if (d->lock >= 0)
        close(d->lock); /* and unlocks */
    d->lock = -1;
    if (d->purges_log >= 0)
        close(d->purges_log);
    d->purges_log = -1;
    data_folder_forget_configs(d);
    buf_free(&d->purges);
    buf_free(&d->roll);
    buf_free(&d->known);
    explicit_bzero(d->token, sizeof(d->token));
}

int data_folder_salt(const struct data_folder *d, uint8_t salt[MESH_SALT_BYTES], struct buf *why)
{
    char path[PATH_BYTES];
    struct buf kept = BUF_EMPTY;
    int err = files_read(path_of(path, d->path, "salt"), MESH_SALT_BYTES, &kept);

    if (err == 0 && kept.len == MESH_SALT_BYTES)
        memcpy(salt, kept.data, MESH_SALT_BYTES);
    else
        err = files_replace(path, slice_of(salt, MESH_SALT_BYTES)); /* that of this start */
    files_wipe(&kept);
    return err == 0 ? 0 : complain(why, "write", path, err);
}

int data_folder_keep_roll(struct data_folder *d, struct slice roll)
{
    char path[PATH_BYTES];
    return files_replace(path_of(path, d->path, "roll"), roll);
}

int data_folder_keep_known(struct data_folder *d, struct slice known)
{
    char path[PATH_BYTES];
    return files_put(path_of(path, d->path, "known"), known);
}

int data_folder_keep_purges(struct data_folder *d, struct slice lines)
{
    int err = d->purges_log >= 0 ? files_write(d->purges_log, lines) : EBADF;

    if (err == 0 && fdatasync(d->purges_log) != 0)
        err = errno;
    if (err == 0)
        d->purges_len += lines.len;
    else if (d->purges_log >= 0 && ftruncate(d->purges_log, (off_t)d->purges_len) != 0)
        err = errno;
    return err;
}

int data_folder_put_purges(struct data_folder *d, struct slice whole)
{
    char path[PATH_BYTES], old[PATH_BYTES];

    path_of(path, d->path, "purges.log");
    unlink(path_of(old, d->path, "purges.log.1"));
    if (link(path, old) != 0) /* so that there is one at any time */
        return errno;
    int err = files_replace(path, whole);
    if (err != 0)
        return err;
    close(d->purges_log);
    d->purges_len = whole.len;
    return open_purges(d);
}

int data_folder_keep_boot(struct data_folder *d, uint64_t boot)
{
    char path[PATH_BYTES], line[32];
    int n = snprintf(line, sizeof(line), "%llu\n", (unsigned long long)boot);

    return files_replace(path_of(path, d->path, "boot"), slice_of(line, (size_t)n));
}
