#include "sim/door/log_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "proto/base/buf.h"
#include "sim/input/gather.h"

#define CHUNK_BYTES (256u << 10)
#define LINE_BYTES  (1u << 20)
#define SHOWN_MAX   5
#define SHOWN_BYTES 80

struct reading {
    const char *path;
    struct gather *gather;
    uint64_t line, bad;
    struct buf part; /* a line whose end has not been read */
    bool too_long;   /* ... and is passed over */
};

/* A part of a line as it can be shown on a terminal. */
static void show(const struct reading *r, struct slice line, const char *why)
{
    char text[SHOWN_BYTES + 1];
    size_t n = line.len < SHOWN_BYTES ? line.len : SHOWN_BYTES;

    for (size_t i = 0; i < n; i++)
        text[i] = line.data[i] >= ' ' && line.data[i] < 127 ? (char)line.data[i] : '?';
    text[n] = '\0';
    fprintf(stderr, "%s:%llu: %s: %s%s\n", r->path, (unsigned long long)r->line, why, text, n < line.len ? "..." : "");
}

static void take_line(struct reading *r, struct slice line)
{
    const char *why;

    r->line++;
    if (r->too_long) {
        gather_broken(r->gather);
        why = "it is longer than a mebibyte";
    } else {
        why = gather_line(r->gather, line);
    }
    if (why != NULL && r->bad++ < SHOWN_MAX)
        show(r, line, why);
}

static void take_bytes(struct reading *r, struct slice bytes)
{
    while (bytes.len > 0) {
        const uint8_t *end = memchr(bytes.data, '\n', bytes.len);
        struct slice piece = end != NULL ? slice_head(bytes, (size_t)(end - bytes.data)) : bytes;
        bytes = end != NULL ? slice_from(bytes, piece.len + 1) : SLICE_EMPTY;
        if (end != NULL && r->part.len == 0 && !r->too_long) { /* nearly always: no copy */
            take_line(r, piece);
            continue;
        }
        if (r->part.len + piece.len > LINE_BYTES)
            r->too_long = true;
        else
            buf_add_slice(&r->part, piece);
        if (end == NULL)
            continue;
        take_line(r, buf_slice(&r->part));
        buf_clear(&r->part);
        r->too_long = false;
    }
}

/* zlib's reader passes on what is not packed as it is. false: it said why. */
static bool read_all(struct reading *r)
{
    bool standard = strcmp(r->path, "-") == 0;
    gzFile f = standard ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(r->path, "rb");
    struct buf chunk = BUF_EMPTY;
    uint8_t *to = buf_reserve(&chunk, CHUNK_BYTES);
    int n = 0, code = Z_OK;

    if (f == NULL || to == NULL) {
        fprintf(stderr, "hedgerow-sim: %s cannot be read: %s\n", r->path,
                f == NULL ? strerror(errno) : "out of memory");
        buf_free(&chunk);
        if (f != NULL)
            gzclose(f);
        return false;
    }
    while (gather_ok(r->gather) && buf_ok(&r->part) && (n = gzread(f, to, CHUNK_BYTES)) > 0)
        take_bytes(r, slice_of(to, (size_t)n));
    const char *why = gzerror(f, &code);
    bool ok = n == 0 && (code == Z_OK || code == Z_STREAM_END);
    if (!ok)
        fprintf(stderr, "hedgerow-sim: %s cannot be read to its end: %s\n", r->path,
                n > 0             ? "out of memory; --sample 16 keeps one object of 16"
                : code == Z_ERRNO ? strerror(errno)
                                  : why);
    if (ok && (r->part.len > 0 || r->too_long))
        take_line(r, buf_slice(&r->part));
    gzclose(f);
    buf_free(&chunk);
    return ok;
}

static void say_understood(const char *name)
{
    fprintf(stderr,
            "hedgerow-sim: nothing in %s is understood: wanted is an access log of Hedgerow (JSON), CloudFront (with "
            "its #Fields line), Apache or nginx (common or combined), or CSV whose first line names time, uri and "
            "perhaps bytes, host, method, status, edge, client, max_age\n",
            name);
}

/* The log of a node that nobody asked is empty, and no mistake. */
static bool judge(const struct reading *r, uint64_t understood)
{
    if (r->bad > SHOWN_MAX)
        fprintf(stderr, "%s: %llu lines more were not understood\n", r->path, (unsigned long long)(r->bad - SHOWN_MAX));
    if (understood == 0 && r->bad > 0)
        say_understood(r->path);
    return understood > 0 || r->bad == 0;
}

static bool judge_all(const struct workload *l)
{
    if (l->n + l->methods + l->statuses + l->others == 0)
        say_understood(l->name);
    else if (l->n == 0)
        fprintf(stderr,
                "hedgerow-sim: %s has nothing to replay: of %llu lines %llu are no GET, %llu were answered with what "
                "is no object, %llu are not in the sample\n",
                l->name, (unsigned long long)l->lines, (unsigned long long)l->methods, (unsigned long long)l->statuses,
                (unsigned long long)l->others);
    return l->n > 0;
}

/* ---- all of them ---- */

static bool read_one(struct gather *g, const char *path)
{
    struct reading r = { .path = path, .gather = g };
    uint64_t before = gather_understood(g);
    bool ok = read_all(&r) && judge(&r, gather_understood(g) - before);

    buf_free(&r.part);
    return ok;
}

static void name_of(const char *const paths[], char name[WORKLOAD_NAME_MAX])
{
    const char *slash = strrchr(paths[0], '/'), *last = slash != NULL && slash[1] != '\0' ? slash + 1 : paths[0];
    size_t others = 0;

    while (paths[others + 1] != NULL)
        others++;
    if (others == 0)
        snprintf(name, WORKLOAD_NAME_MAX, "%s", last);
    else
        snprintf(name, WORKLOAD_NAME_MAX, "%.32s and %zu more", last, others);
}

struct workload *log_files_read(const char *const paths[], uint64_t sample)
{
    struct gather *g = gather_new(sample);
    struct workload *l = NULL;
    bool ok = g != NULL;

    if (!ok)
        fprintf(stderr, "hedgerow-sim: out of memory\n");
    for (size_t i = 0; ok && paths[i] != NULL; i++) {
        if (i > 0)
            gather_next(g);
        ok = read_one(g, paths[i]);
    }
    if (ok && (l = gather_end(g)) == NULL)
        fprintf(stderr, "hedgerow-sim: %s does not fit into memory; --sample 16 keeps one object of 16\n", paths[0]);
    if (l != NULL) {
        name_of(paths, l->name);
        ok = judge_all(l);
    }
    if (l != NULL && !ok) {
        workload_free(l);
        l = NULL;
    }
    gather_free(g);
    return l;
}
