#include "node/io/exchange_log.h"

#include <stdlib.h>

#include "node/io/access_mask.h"
#include "node/io/worker.h"

#define KEPT_MAX 8192 /* what is used again keeps buffers up to this size */

static struct slice field_of(const struct http_request *q, struct slice name)
{
    const struct field *f = fields_find(&q->fields, name);

    return f != NULL ? f->value : SLICE_EMPTY;
}

void exchange_log_begin(struct exchange *x, const struct http_request *q, size_t head_bytes)
{
    if (x->log == NULL && (x->log = calloc(1, sizeof(*x->log))) == NULL)
        return;
    x->log->more = (struct access_more){
        .client = x->viewer->from,
        .pop = x->to.pop,
        .authority = q->authority,
        .referer = field_of(q, SLICE_LIT("referer")),
        .user_agent = field_of(q, SLICE_LIT("user-agent")),
        .cookie = x->worker->cfg->access_cookies ? field_of(q, SLICE_LIT("cookie")) : SLICE_EMPTY,
        .forwarded_for = field_of(q, SLICE_LIT("x-forwarded-for")),
        .version = q->method_text.len == 0 ? SLICE_EMPTY
                   : q->minor == 0         ? SLICE_LIT("HTTP/1.0")
                                           : SLICE_LIT("HTTP/1.1"),
        .received = head_bytes,
        .first_byte_ns = -1,
    };
    if (x->viewer->tls != NULL && x->viewer->opened) {
        x->log->more.ssl_protocol = slice_str(tls_version(x->viewer->tls));
        x->log->more.ssl_cipher = slice_str(tls_cipher(x->viewer->tls));
    }
}

void exchange_log_dist(struct exchange_log *l, const struct dist *d)
{
    size_t i = 0;

    if (d->any_host || d->hosts_n == 0)
        return;
    while (i + 1 < d->hosts_n && d->hosts[i].data[0] == '*')
        i++;
    buf_clear(&l->domain);
    buf_add_slice(&l->domain, d->hosts[i].data[0] != '*' ? d->hosts[i] : d->hosts[0]);
    l->more.domain = buf_ok(&l->domain) ? buf_slice(&l->domain) : SLICE_EMPTY;
}

bool exchange_log_keep(struct exchange_log *l)
{
    struct slice *lent[] = { &l->more.authority, &l->more.referer, &l->more.user_agent, &l->more.cookie,
                             &l->more.forwarded_for };
    size_t n = sizeof(lent) / sizeof(lent[0]), at = 0;

    if (l->kept.len > 0)
        return true;
    for (size_t i = 0; i < n; i++)
        buf_add_slice(&l->kept, *lent[i]);
    if (!buf_ok(&l->kept))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct slice copy = slice_of(l->kept.data + at, lent[i]->len);
        at += copy.len;
        if (copy.len > 0)
            *lent[i] = copy;
    }
    return true;
}

/* "bytes 5-9/20"; of one that could not be had, "bytes * /20", there are no bounds. */
static void read_range(struct access_more *m, struct slice value)
{
    struct slice prefix = SLICE_LIT("bytes "), rest;

    if (value.len < prefix.len || !slice_eq(slice_head(value, prefix.len), prefix))
        return;
    rest = slice_from(value, prefix.len);
    const uint8_t *dash = memchr(rest.data, '-', rest.len), *slash = memchr(rest.data, '/', rest.len);
    if (dash == NULL || slash == NULL || dash > slash)
        return;
    size_t first = (size_t)(dash - rest.data), last = (size_t)(slash - dash) - 1;
    m->has_range =
        slice_u64(slice_head(rest, first), &m->first) == 0 && slice_u64(slice_of(dash + 1, last), &m->last) == 0;
}

/* One of our own lines: NAME, a colon and a blank, the value. */
static void read_line(struct exchange_log *l, struct slice line)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);

    if (colon == NULL || line.len < (size_t)(colon - line.data) + 2)
        return;
    struct slice name = slice_head(line, (size_t)(colon - line.data)), value = slice_from(line, name.len + 2);
    if (slice_eq_nocase(name, SLICE_LIT("content-length"))) {
        l->more.has_length = slice_u64(value, &l->more.length) == 0;
    } else if (slice_eq_nocase(name, SLICE_LIT("content-range"))) {
        read_range(&l->more, value);
    } else if (slice_eq_nocase(name, SLICE_LIT("content-type"))) {
        buf_clear(&l->type);
        buf_add_slice(&l->type, value);
        l->more.type = buf_ok(&l->type) ? buf_slice(&l->type) : SLICE_EMPTY;
    }
}

void exchange_log_head(struct exchange_log *l, struct slice head)
{
    while (head.len > 0) {
        const uint8_t *end = memchr(head.data, '\r', head.len);
        if (end == NULL)
            return;
        size_t n = (size_t)(end - head.data);
        if (n > 0)
            read_line(l, slice_head(head, n));
        head = slice_from(head, n + 2 < head.len ? n + 2 : head.len);
    }
}

void exchange_log_wrote(struct exchange *x, size_t n)
{
    if (x->log->more.first_byte_ns < 0)
        x->log->more.first_byte_ns = worker_now(x->worker) - x->began;
    x->log->more.sent += n;
}

static enum access_detail detail_of(const struct exchange *x, enum request_result result, bool unanswered)
{
    const struct request *r = &x->r;

    if (result == RESULT_HIT && !x->cut && x->refused == ACCESS_UNKNOWN)
        return ACCESS_HIT;
    struct access_end end = {
        .result = result,
        .refused = (enum access_detail)x->refused,
        .unanswered = unanswered,
        .cut = x->cut,
        .begun = r->head_sent,
        .error_status = r->state == REQUEST_FAILED ? r->error_status : x->status,
        .error_cause = r->state == REQUEST_FAILED ? r->error_cause : 0,
        .answer = r->state == REQUEST_BODY ? &r->answer : NULL,
    };

    return access_detail_of(&end);
}

/* What lets a viewer in does so until it expires, also somebody who reads the log. */
static void hide_secrets(struct worker *w, struct access_entry *e, struct access_more *m)
{
    struct buf *rooms = w->masked;

    e->uri = access_masked(&rooms[0], e->uri);
    if (m == NULL)
        return;
    m->referer = access_masked(&rooms[1], m->referer);
    m->cookie = access_masked_cookies(&rooms[2], m->cookie);
}

void exchange_log_line(struct exchange *x, enum request_result result, bool unanswered)
{
    struct worker *w = x->worker;
    struct access_entry entry = {
        .wall_us = x->wall_us,
        .node = x->to.node,
        .host = x->host,
        .method = x->method,
        .uri = x->uri,
        .status = x->status,
        .bytes = x->sent,
        .result = result,
        .detail = detail_of(x, result, unanswered),
        .said = (enum access_detail)x->said,
        .reason = x->r.state == REQUEST_FAILED && x->r.detail != NULL ? slice_str(x->r.detail) : SLICE_EMPTY,
        .request_id = x->to.request_id,
        .duration_ns = worker_now(w) - x->began,
        .off = x->off_log,
    };

    if (x->log != NULL) {
        if (x->page_at != SIZE_MAX) /* all of it is still in |out| */
            exchange_log_head(x->log, slice_head(buf_slice(&x->out), x->page_at));
        entry.more = &x->log->more;
    }
    if (!entry.off)
        hide_secrets(w, &entry, x->log != NULL ? &x->log->more : NULL);
    access_log_add(w->log, &w->gather, &entry);
}

void exchange_log_clear(struct exchange_log *l)
{
    struct buf *bufs[] = { &l->kept, &l->type, &l->domain };

    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++) {
        if (bufs[i]->cap > KEPT_MAX)
            buf_free(bufs[i]);
        buf_clear(bufs[i]);
    }
}

void exchange_log_free(struct exchange_log *l)
{
    if (l == NULL)
        return;
    buf_free(&l->kept);
    buf_free(&l->type);
    buf_free(&l->domain);
    free(l);
}
