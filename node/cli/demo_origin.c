#include "node/cli/demo_origin.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "node/core/date.h"
#include "node/http/parse.h"
#include "node/io/blocking.h"
#include "proto/base/err.h"

#define CONNECTIONS_MAX 256
#define IDLE_TIME       SEC(60)
#define PIECE_BYTES     65536

struct server {
    const struct demo_site *site;
    struct demo_origin_counts *counts;
    bool say;
    atomic_int connections;
};

struct connection {
    struct server *server;
    int fd;
    struct buf in;
    uint8_t piece[PIECE_BYTES];
};

struct answer_head {
    unsigned status;
    const char *reason;
    uint64_t first, length, whole; /* of the body, within the file */
};

/* "bytes=A-B", "bytes=A-" or "bytes=-N" within |whole|; anything else is left unread, as RFC
 * 9110 section 14.2 allows. False: not satisfiable. */
static bool read_range(struct slice text, uint64_t whole, struct answer_head *h)
{
    uint64_t first, last = whole - 1;
    struct slice rest, from;

    if (!slice_eq(slice_head(text, 6), SLICE_LIT("bytes=")))
        return true;
    rest = slice_from(text, 6);
    slice_split(&rest, '-', &from);
    if (rest.data == NULL || (from.len == 0 && rest.len == 0))
        return true;
    if (from.len == 0) {
        if (slice_u64(rest, &last) != 0)
            return true;
        first = last < whole ? whole - last : 0;
        last = whole - 1;
    } else if (slice_u64(from, &first) != 0 || (rest.len > 0 && (slice_u64(rest, &last) != 0 || last < first))) {
        return true;
    }
    if (first >= whole)
        return false;
    if (last >= whole)
        last = whole - 1;
    *h = (struct answer_head){ 206, "Partial Content", first, last - first + 1, whole };
    return true;
}

static struct slice field(const struct http_request *r, const char *name)
{
    const struct field *f = fields_find(&r->fields, slice_str(name));
    return f != NULL ? f->value : SLICE_EMPTY;
}

static struct answer_head judge(const struct http_request *r, const struct demo_file *f)
{
    struct answer_head h = { 200, "OK", 0, f->length, f->length };
    struct slice etag = slice_str(f->etag), if_range = field(r, "if-range"), range = field(r, "range");

    if (fields_lists(&r->fields, SLICE_LIT("if-none-match"), etag) ||
        fields_lists(&r->fields, SLICE_LIT("if-none-match"), SLICE_LIT("*")))
        return (struct answer_head){ 304, "Not Modified", 0, 0, f->length };
    if (r->method == HTTP_GET && range.len > 0 && (if_range.len == 0 || slice_eq(if_range, etag)) &&
        !read_range(range, f->length, &h))
        return (struct answer_head){ 416, "Range Not Satisfiable", 0, 0, f->length };
    return h;
}

static void put_head(struct buf *out, const struct demo_site *site, const struct demo_file *f,
                     const struct answer_head *h, bool keep_alive)
{
    char now[DATE_TEXT_BYTES + 1], made[DATE_TEXT_BYTES + 1];

    date_format((int64_t)time(NULL), now);
    date_format(site->made_s, made);
    buf_addf(out,
             "HTTP/1.1 %u %s\r\nDate: %s\r\nServer: hedgerow-demo-origin\r\nETag: %s\r\nLast-Modified: %s\r\n"
             "Cache-Control: %s\r\nAccept-Ranges: bytes\r\n",
             h->status, h->reason, now, f->etag, made, f->cache_control);
    if (h->status != 304)
        buf_addf(out, "Content-Type: %s\r\nContent-Length: %llu\r\n", f->type, (unsigned long long)h->length);
    if (h->status == 206)
        buf_addf(out, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)h->first,
                 (unsigned long long)(h->first + h->length - 1), (unsigned long long)h->whole);
    if (h->status == 416)
        buf_addf(out, "Content-Range: bytes */%llu\r\n", (unsigned long long)h->whole);
    buf_addf(out, "Connection: %s\r\n\r\n", keep_alive ? "keep-alive" : "close");
}

static int send_body(struct connection *c, const struct demo_file *f, const struct answer_head *h)
{
    uint64_t at = h->first, end = h->first + h->length;

    while (at < end) {
        size_t n = end - at < PIECE_BYTES ? (size_t)(end - at) : PIECE_BYTES;
        demo_site_read(f, at, c->piece, n);
        int err = blocking_write(c->fd, slice_of(c->piece, n));
        if (err != 0)
            return err;
        at += n;
    }
    return 0;
}

static int send_text(struct connection *c, unsigned status, const char *reason, bool keep_alive, bool head_only)
{
    struct buf out = BUF_EMPTY;
    char now[DATE_TEXT_BYTES + 1];

    date_format((int64_t)time(NULL), now);
    buf_addf(&out,
             "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
             "Cache-Control: no-store\r\nConnection: %s\r\n\r\n",
             status, reason, now, strlen(reason) + 1, keep_alive ? "keep-alive" : "close");
    if (!head_only)
        buf_addf(&out, "%s\n", reason);
    int err = buf_ok(&out) ? blocking_write(c->fd, buf_slice(&out)) : ENOMEM;
    buf_free(&out);
    return err;
}

static int answer(struct connection *c, const struct http_request *r)
{
    struct server *s = c->server;
    const struct demo_file *f = demo_site_find(s->site, r->path);
    /* A request's body is not read, so nothing behind it can be. */
    bool keep_alive = r->keep_alive && r->body.framing == HTTP_BODY_NONE;

    atomic_fetch_add(f != NULL ? &s->counts->files[f - s->site->files] : &s->counts->others, 1);
    if (s->say) {
        printf("  the origin was asked: %.*s %.*s\n", SLICE_FMT(r->method_text), SLICE_FMT(r->target));
        fflush(stdout);
    }
    int err;
    if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
        err = send_text(c, 405, "Method Not Allowed", keep_alive, false);
    } else if (f == NULL) {
        err = send_text(c, 404, "Not Found", keep_alive, r->method == HTTP_HEAD);
    } else {
        struct buf head = BUF_EMPTY;
        struct answer_head h = judge(r, f);
        put_head(&head, s->site, f, &h, keep_alive);
        err = buf_ok(&head) ? blocking_write(c->fd, buf_slice(&head)) : ENOMEM;
        buf_free(&head);
        if (err == 0 && r->method == HTTP_GET)
            err = send_body(c, f, &h);
    }
    return err != 0 || !keep_alive ? -1 : 0;
}

/* One request after the other; returns when the connection is over. */
static void converse(struct connection *c, struct http_request *r)
{
    struct http_cursor at = { 0 };
    size_t used, n;

    for (;;) {
        int err = http_parse_request(buf_slice(&c->in), &at, r, &used);
        if (err == 0) {
            if (answer(c, r) != 0)
                return;
            buf_drop(&c->in, used);
            continue;
        }
        if (err != MESH_E_SHORT) {
            send_text(c, (unsigned)r->fault.status, r->fault.reason, false, false);
            return;
        }
        uint8_t *to = buf_reserve(&c->in, 4096);
        if (to == NULL || blocking_read(c->fd, to, 4096, &n) != 0 || n == 0)
            return;
        c->in.len += n;
    }
}

static void *serve_connection(void *arg)
{
    struct connection *c = arg;
    struct http_request *r = calloc(1, sizeof(*r));

    if (r != NULL && blocking_timeout(c->fd, IDLE_TIME) == 0)
        converse(c, r);
    free(r);
    close(c->fd);
    buf_free(&c->in);
    atomic_fetch_sub(&c->server->connections, 1);
    free(c);
    return NULL;
}

static void start(struct server *s, int fd)
{
    struct connection *c = calloc(1, sizeof(*c));
    pthread_t thread;

    if (c == NULL || atomic_load(&s->connections) >= CONNECTIONS_MAX) {
        free(c);
        close(fd);
        return;
    }
    c->server = s;
    c->fd = fd;
    atomic_fetch_add(&s->connections, 1);
    if (pthread_create(&thread, NULL, serve_connection, c) != 0) {
        atomic_fetch_sub(&s->connections, 1);
        close(fd);
        free(c);
        return;
    }
    pthread_detach(thread);
}

int demo_origin_serve(int listener, const struct demo_site *site, struct demo_origin_counts *counts, bool say)
{
    struct server *s = calloc(1, sizeof(*s));
    int fd, err = s == NULL ? ENOMEM : 0;

    if (s != NULL)
        *s = (struct server){ .site = site, .counts = counts, .say = say };
    while (err == 0) {
        err = blocking_accept(listener, &fd);
        if (err == 0) {
            start(s, fd);
        } else if (err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM) {
            nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
            err = 0;
        }
    }
    return err; /* |s| stays: threads may look at it */
}
