#include "node/cli/ledger.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/files.h"
#include "proto/base/err.h"

#define LEDGER_MAX (16u << 20)
#define COLUMN_ID  5

static const char head[] = "# serial\tname\tzone\troles\tnot after\tnode id\tadmitted\n";

int ledger_create(const char *path)
{
    return files_create(path, slice_str(head));
}

/* A line's first three columns; the rest is for people. */
static bool read_line(struct slice line, uint64_t *serial, struct slice *name, struct slice *zone)
{
    struct slice number;

    return slice_split(&line, '\t', &number) && slice_u64(number, serial) == 0 && slice_split(&line, '\t', name) &&
           cert_name_ok(*name) && slice_split(&line, '\t', zone) && cert_zone_ok(*zone);
}

int ledger_open(struct ledger *l, const char *path, unsigned *line)
{
    struct slice rest, text, name, zone;
    uint64_t serial;
    int err;

    *l = (struct ledger){ .fd = -1, .text = BUF_EMPTY, .next_serial = 1 };
    *line = 0;
    l->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    if (l->fd < 0)
        return errno;
    while (flock(l->fd, LOCK_EX) != 0) {
        if (errno != EINTR)
            return errno;
    }
    if ((err = files_read(path, LEDGER_MAX, &l->text)) != 0)
        return err;
    rest = buf_slice(&l->text);
    while (slice_split(&rest, '\n', &text)) {
        ++*line;
        if (text.len == 0 || text.data[0] == '#')
            continue;
        if (!read_line(text, &serial, &name, &zone) || serial == UINT64_MAX)
            return EBADMSG;
        if (serial >= l->next_serial)
            l->next_serial = serial + 1;
    }
    return 0;
}

void ledger_close(struct ledger *l)
{
    if (l->fd >= 0)
        close(l->fd); /* and unlocks */
    l->fd = -1;
    buf_free(&l->text);
}

bool ledger_next(struct slice *rest, struct ledger_row *row)
{
    struct slice text, part;

    while (slice_split(rest, '\n', &text)) {
        if (text.len == 0 || text.data[0] == '#' || !read_line(text, &row->serial, &row->name, &row->zone))
            continue;
        memset(&row->id, 0, sizeof(row->id));
        for (int column = 0; slice_split(&text, '\t', &part); column++) {
            if (column == COLUMN_ID)
                node_id_read(&row->id, part); /* for people until now: one that does not parse is none */
        }
        return true;
    }
    return false;
}

bool ledger_uses(const struct ledger *l, const char *name, struct slice *zone)
{
    struct slice rest = buf_slice(&l->text);
    struct ledger_row row;
    bool found = false;

    while (ledger_next(&rest, &row)) {
        if (slice_eq(row.name, slice_str(name))) {
            *zone = row.zone;
            found = true;
        }
    }
    return found;
}

int ledger_add(struct ledger *l, const struct cert *cert, int64_t now_s)
{
    char id[NODE_ID_TEXT_MAX], after[LEDGER_TIME_MAX], now[LEDGER_TIME_MAX];
    char row[512];

    int n = snprintf(row, sizeof(row), "%llu\t%s\t%s\t%s\t%s\t%s\t%s\n", (unsigned long long)cert->serial, cert->name,
                     cert->zone, cert->roles & CERT_ROLE_OPERATOR ? "node,operator" : "node",
                     ledger_time(cert->not_after_s, after), node_id_text(&cert->id, id), ledger_time(now_s, now));
    assert(n > 0 && (size_t)n < sizeof(row));
    ssize_t written = write(l->fd, row, (size_t)n);
    if (written != n)
        return written < 0 ? errno : ENOSPC;
    return fsync(l->fd) == 0 ? 0 : errno;
}

const char *ledger_time(int64_t unix_s, char text[LEDGER_TIME_MAX])
{
    time_t t = (time_t)unix_s;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(text, LEDGER_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(text, LEDGER_TIME_MAX, "%lld", (long long)unix_s);
    return text;
}

/* |n| digits at |*p|, moved on. */
static bool digits(const char **p, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool skip(const char **p, char c)
{
    if (**p != c)
        return false;
    ++*p;
    return true;
}

bool ledger_time_read(const char *text, int64_t *unix_s)
{
    struct tm tm = { .tm_isdst = 0 };
    const char *p = text;
    uint64_t number;

    if (slice_u64(slice_str(text), &number) == 0 && number <= CERT_TIME_MAX_S) {
        *unix_s = (int64_t)number;
        return true;
    }
    if (!digits(&p, 4, &tm.tm_year) || !skip(&p, '-') || !digits(&p, 2, &tm.tm_mon) || !skip(&p, '-') ||
        !digits(&p, 2, &tm.tm_mday))
        return false;
    if (*p != 0 && (!skip(&p, 'T') || !digits(&p, 2, &tm.tm_hour) || !skip(&p, ':') || !digits(&p, 2, &tm.tm_min) ||
                    !skip(&p, ':') || !digits(&p, 2, &tm.tm_sec) || !skip(&p, 'Z') || *p != 0))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    struct tm given = tm;
    time_t t = timegm(&tm);
    /* timegm mends what is no date, such as 31 February: then the fields differ. */
    if (t < 0 || tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon || tm.tm_hour != given.tm_hour ||
        tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec || t > CERT_TIME_MAX_S)
        return false;
    *unix_s = (int64_t)t;
    return true;
}
