#include "node/io/exchange.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "node/core/methods.h"
#include "node/http/serialise.h"
#include "node/io/cause.h"
#include "node/io/exchange_log.h"
#include "node/io/purge_method.h"
#include "node/io/sock.h"
#include "node/io/upstream.h"
#include "node/io/upstream_request.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define SPARE_MAX          64
#define OUT_KEPT_MAX       8192 /* a spare exchange keeps buffers up to this size */
#define STATUS_VIEWER_LEFT 499
#define INTERIM_UNREAD_MAX 8192 /* of what precedes an answer; a viewer who does not read gets no more of it */

/* ---- life ---- */

static struct exchange *take_spare(struct worker *w)
{
    struct exchanges *xs = &w->viewers.exchanges;
    struct exchange *x = xs->spare;

    if (x == NULL)
        return calloc(1, sizeof(*x));
    xs->spare = x->next_spare;
    xs->spare_n--;
    struct buf out = x->out, words = x->words, wanted = x->wanted;
    struct exchange_log *log = x->log;
    memset(x, 0, sizeof(*x));
    x->log = log;
    x->out = out;
    x->words = words;
    x->wanted = wanted;
    return x;
}

static void exchange_free(struct exchange *x)
{
    buf_free(&x->out);
    buf_free(&x->words);
    buf_free(&x->wanted);
    exchange_log_free(x->log);
    free(x);
}

static void give_back(struct exchange *x)
{
    struct exchanges *xs = &x->worker->viewers.exchanges;

    if (xs->spare_n == SPARE_MAX) {
        exchange_free(x);
        return;
    }
    if (x->out.cap > OUT_KEPT_MAX)
        buf_free(&x->out);
    if (x->words.cap > OUT_KEPT_MAX)
        buf_free(&x->words);
    if (x->wanted.cap > OUT_KEPT_MAX)
        buf_free(&x->wanted);
    buf_clear(&x->out);
    buf_clear(&x->words);
    buf_clear(&x->wanted);
    if (x->log != NULL)
        exchange_log_clear(x->log);
    x->next_spare = xs->spare;
    xs->spare = x;
    xs->spare_n++;
}

void exchanges_fini(struct exchanges *xs)
{
    while (xs->spare != NULL) {
        struct exchange *x = xs->spare;
        xs->spare = x->next_spare;
        exchange_free(x);
    }
    xs->spare_n = 0;
}

static void draw_request_id(struct worker *w, char text[REQUEST_ID_BYTES])
{
    uint8_t random[REQUEST_ID_BYTES / 2];
    uint64_t nibbles[REQUEST_ID_BYTES / 8];

    worker_random(w, random, sizeof(random));
    for (size_t i = 0; i < REQUEST_ID_BYTES / 8; i++) { /* eight digits at a time, a nibble in each byte */
        uint64_t v = be32_get(random + 4 * i);
        v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
        v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
        v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
        uint64_t letters = ((v + UINT64_C(0x0606060606060606)) >> 4) & UINT64_C(0x0101010101010101);
        nibbles[i] = v + UINT64_C(0x3030303030303030) + letters * ('a' - '9' - 1);
    }
    memcpy(text, nibbles, REQUEST_ID_BYTES);
}

static struct exchange *exchange_new(struct viewer *v, const struct http_request *q)
{
    struct worker *w = v->worker;
    struct exchange *x = take_spare(w);

    if (x == NULL)
        return NULL;
    x->worker = w;
    x->viewer = v;
    x->began = w->now;
    x->wall_us = w->wall_us;
    x->host = q->host;
    x->method = q->method_text;
    x->uri = q->target;
    x->page_at = SIZE_MAX;
    x->body = q->body;
    draw_request_id(w, x->request_id);
    x->to = (struct answer_to){
        .node = slice_str(w->cfg->self->cert.name),
        .request_id = SLICE_OF(x->request_id),
        .date = worker_date(w),
        .pop = buf_slice(&w->pop),
        .hit = buf_slice(&w->hit),
        .policy = &x->r.policy,
        .minor = q->minor,
        .head_only = q->method == HTTP_HEAD,
        .close = !q->keep_alive || w->draining,
    };
    if (w->log_more)
        exchange_log_begin(x, q, w->head_bytes);
    return x;
}

void exchange_page(struct exchange *x, const struct answer_page *page)
{
    if (exchange_unread(x))
        x->to.close = true;
    x->status = (uint16_t)page->status;
    x->page_at = answer_page(&x->out, page, &x->to);
}

/* An error of ours about the request itself: nothing behind it on this connection is executed,
 * since we may not agree with the viewer on where it ends. */
static void refuse_by(struct exchange *x, unsigned status, const char *text, struct slice allow)
{
    struct answer_page page = { .status = status, .text = text, .allow = allow };

    if (x->refused == ACCESS_UNKNOWN)
        exchange_refused(x, access_refused(status));
    page.error = status == 508   ? PROXY_PROXY_LOOP_DETECTED
                 : status == 403 ? PROXY_HTTP_REQUEST_DENIED
                                 : PROXY_HTTP_REQUEST_ERROR;
    x->to.close = true;
    x->linger = true;
    exchange_page(x, &page);
}

static void refuse(struct exchange *x, unsigned status, const char *text)
{
    refuse_by(x, status, text, SLICE_EMPTY);
}

/* What is known of a failure: of a fetch of another node no more than its status. */
static enum proxy_error error_of(const struct request *r)
{
    if (r->error_cause == FETCH_CAUSE_FULL)
        return PROXY_CONNECTION_LIMIT_REACHED;
    if (r->error_cause != CAUSE_NONE)
        return cause_error((enum cause)r->error_cause);
    switch (r->error_status) {
    case 502: return PROXY_DESTINATION_UNAVAILABLE;
    case 504: return PROXY_HTTP_RESPONSE_TIMEOUT;
    default: return PROXY_PROXY_INTERNAL_ERROR;
    }
}

void exchange_failed(struct exchange *x)
{
    const struct request *r = &x->r;
    struct answer_page page = {
        .status = r->error_status,
        .text = r->error_text,
        .forwarded = true,
        .passed = x->passes,
        .error = error_of(r),
        .details = r->error_cause == FETCH_CAUSE_FULL ? NULL : cause_details((enum cause)r->error_cause),
    };

    if (r->policy.preflight) {
        x->status = 204;
        x->to.close = x->to.close || exchange_unread(x);
        answer_preflight(&x->out, &x->to);
        x->page_at = x->out.len;
        return;
    }
    if (r->list.len > 0) {
        x->status = 200;
        x->to.close = x->to.close || exchange_unread(x);
        x->page_at = answer_list(&x->out, r->list, r->list_ttl_s, &x->to);
        return;
    }
    if (request_redirects(r) || r->error_status == 421 || r->detail != NULL) {
        /* the request is well formed, and may be followed by others */
        exchange_refused(x, access_refused_by(r));
        page.forwarded = false;
        page.location = r->location;
        page.retry_after_s = r->retry_after_s;
        page.error = request_redirects(r) ? PROXY_OK
                     : r->detail != NULL  ? PROXY_HTTP_REQUEST_DENIED
                                          : PROXY_DESTINATION_NOT_FOUND;
        exchange_page(x, &page);
    } else if (r->allow.len > 0) {
        exchange_refused(x, ACCESS_INVALID_METHOD);
        refuse_by(x, 403, r->error_text, r->allow);
    } else if (r->error_status < 500) {
        x->worker->counters.requests_malformed++;
        refuse(x, r->error_status, r->error_text);
    } else {
        exchange_page(x, &page);
    }
}

struct exchange *exchange_refuse(struct viewer *v, const struct http_request *q)
{
    struct exchange *x = exchange_new(v, q);

    if (x == NULL)
        return NULL;
    v->worker->counters.requests_malformed++;
    x->to.minor = 1;
    refuse(x, (unsigned)q->fault.status, q->fault.reason);
    return x;
}

static bool has_body(const struct http_request *q)
{
    return q->body.framing == HTTP_BODY_CHUNKED || (q->body.framing == HTTP_BODY_LENGTH && q->body.length > 0);
}

/* Origin form; an absolute target's path and query are put together anew. */
static struct slice origin_form(struct worker *w, const struct http_request *q)
{
    if (q->form == HTTP_FORM_ORIGIN)
        return q->target;
    buf_clear(&w->head);
    buf_add_slice(&w->head, q->path);
    if (q->has_query) {
        buf_add_u8(&w->head, '?');
        buf_add_slice(&w->head, q->query);
    }
    return buf_slice(&w->head);
}

/* Copies what decides about the answer, for when it is there. A field of several lines is one list; where there
 * may be only one line, several say nothing. */
static void keep_wants(struct exchange *x, const struct fields *f)
{
    static const struct slice names[] = { SLICE_LIT("range"), SLICE_LIT("if-range"), SLICE_LIT("if-none-match"),
                                          SLICE_LIT("if-modified-since") };
    struct slice *wants[] = { &x->wants.range, &x->wants.if_range, &x->wants.if_none_match,
                              &x->wants.if_modified_since };
    size_t ends[4];

    for (size_t i = 0; i < 4; i++) {
        const struct field *first = fields_find(f, names[i]), *at = first;
        bool one = first == NULL || fields_next(f, names[i], first) == NULL;
        if (at != NULL && (one || i == 2))
            buf_add_slice(&x->wanted, at->value);
        while (at != NULL && i == 2 && (at = fields_next(f, names[i], at)) != NULL) {
            buf_add_str(&x->wanted, ", ");
            buf_add_slice(&x->wanted, at->value);
        }
        ends[i] = x->wanted.len;
    }
    if (x->wanted.len == 0 || !buf_ok(&x->wanted))
        return; /* short of memory: then it is answered whole */
    for (size_t i = 0, begin = 0; i < 4; begin = ends[i++])
        *wants[i] = slice_of(x->wanted.data + begin, ends[i] - begin);
}

/* OPTIONS that asks us: about the server as such, or by the last hop that it allows (RFC 9110 sections 7.6.2, 9.3.7).
 */
static bool asks_us(const struct http_request *q)
{
    const struct field *hops = fields_find(&q->fields, SLICE_LIT("max-forwards"));
    uint64_t left;

    return q->method == HTTP_OPTIONS &&
           (q->form == HTTP_FORM_ASTERISK || (hops != NULL && slice_u64(hops->value, &left) == 0 && left == 0));
}

static void answer_here(struct exchange *x)
{
    struct buf allow = BUF_EMPTY;

    methods_text(&allow, &x->worker->cfg->methods);
    x->status = 200;
    x->here = true;
    x->to.close = x->to.close || exchange_unread(x);
    answer_options(&x->out, buf_slice(&allow), &x->to);
    x->page_at = x->out.len;
    if (!buf_ok(&allow))
        x->out.failed = true;
    buf_free(&allow);
}

static void refuse_method(struct exchange *x, const struct http_request *q)
{
    struct buf allow = BUF_EMPTY;
    bool never = q->method == HTTP_TRACE || q->method == HTTP_CONNECT || purge_method_is(x, q);

    methods_text(&allow, &x->worker->cfg->methods);
    exchange_refused(x, ACCESS_INVALID_METHOD);
    refuse_by(x, never ? 405 : 403, "This server does not answer requests of this kind.", buf_slice(&allow));
    buf_free(&allow);
}

static inline void fill_request(struct exchange *x, const struct http_request *q)
{
    struct worker *w = x->worker;

    x->r.io = x;
    x->r.host = q->host;
    x->r.authority = q->authority;
    x->r.target = origin_form(w, q);
    x->r.method = q->method_text;
    x->r.fields = &q->fields;
    x->r.request_id = x->to.request_id;
    x->passes = !method_asks(q->method_text);
    if (!x->passes)
        keep_wants(x, &q->fields);
    if (q->method == HTTP_GET && x->wants.range.len > 0) {
        x->r.range = x->wants.range;
        x->r.if_range = x->wants.if_range;
    }
    x->r.from = x->viewer->from;
    x->r.https = x->viewer->https;
}

/* What its distribution says of its line: that is lent for this turn alone. */
static inline void learn_dist(struct exchange *x)
{
    const struct dist *d = x->r.dist;

    if (d == NULL)
        return;
    x->off_log = d->log == DIST_LOG_OFF;
    if (x->log != NULL)
        exchange_log_dist(x->log, d);
}

static void hand_in(struct exchange *x, const struct http_request *q)
{
    fill_request(x, q);
    country_find(x->worker->country_file, &x->worker->countries, &x->r.from, x->r.country);
    engine_request(x->worker->engine, x->worker->now, &x->r);
    learn_dist(x);
}

struct exchange *exchange_begin(struct viewer *v, const struct http_request *q)
{
    struct worker *w = v->worker;
    struct exchange *x = exchange_new(v, q);

    if (x == NULL)
        return NULL;
    if (purge_method_is(x, q) && purge_from_any(&w->cfg->purge_from) && !has_body(q)) {
        purge_method(x, q, origin_form(w, q));
    } else if (purge_method_is(x, q) || q->method == HTTP_TRACE || q->method == HTTP_CONNECT ||
               (asks_us(q) && !methods_admit(&w->cfg->methods, q->method_text))) {
        refuse_method(x, q);
    } else if (has_body(q) && method_asks(q->method_text)) {
        exchange_refused(x, ACCESS_INVALID_REQUEST);
        refuse(x, 403, "A GET or HEAD request must not have a body.");
    } else if (has_body(q) && (x->upload = upload_new(x, q)) == NULL) {
        refuse(x, 503, "This node is out of memory for more requests.");
    } else if (asks_us(q)) {
        answer_here(x);
    } else if (upstream_loops(&q->fields, &w->cfg->self->mesh.id)) {
        refuse(x, 508, "This request has been here before: the origin leads back to this mesh.");
    } else {
        hand_in(x, q);
    }
    return x;
}

struct exchange *exchange_read(struct viewer *v, const struct http_request *q)
{
    struct worker *w = v->worker;
    struct exchange *x;

    if ((q->method != HTTP_GET && q->method != HTTP_HEAD) || has_body(q) ||
        upstream_loops(&q->fields, &w->cfg->self->mesh.id) || (x = exchange_new(v, q)) == NULL)
        return NULL;
    fill_request(x, q);
    if (shelf_request(&w->reader, w->now, &x->r)) {
        learn_dist(x);
        return x;
    }
    give_back(x);
    return NULL;
}

/* ---- the request's body ---- */

bool exchange_unread(const struct exchange *x)
{
    return x->linger || (x->upload != NULL && !x->upload->ended);
}

bool exchange_waits_for_body(const struct exchange *x)
{
    return x->upload != NULL && upload_wants(x->upload);
}

/* The body is not well formed: where it ends, and what follows it, is anybody's guess. */
static bool body_at_fault(struct exchange *x, int err)
{
    struct upload *u = x->upload;
    const char *text = u->chunked.reason;

    x->worker->counters.requests_malformed++;
    if (u->conn != NULL)
        upstream_forget(u);
    u->closed = true;
    if (x->status != 0)
        return false; /* an answer is on its way */
    if (x->r.state != REQUEST_IDLE)
        x->r.state = REQUEST_FAILED;
    refuse(x, err == MESH_E_NOMEM ? 503 : 400, err == MESH_E_NOMEM ? "This node is out of memory." : text);
    return true;
}

bool exchange_upload(struct exchange *x, struct slice *rest, bool eof)
{
    struct upload *u = x->upload;

    while (u != NULL && rest->len > 0 && upload_wants(u)) {
        size_t before = rest->len;
        int err = upload_take(u, rest);
        x->viewer->moved += before - rest->len;
        if (x->log != NULL)
            x->log->more.received += before - rest->len;
        if (err != 0)
            return body_at_fault(x, err);
        upstream_more(u);
    }
    /* What ends too early is not whole, and nobody may take it for that. */
    return u == NULL || u->ended || u->closed || !eof || rest->len > 0;
}

void exchange_continue(struct exchange *x)
{
    if (x->in_body || x->page_at != SIZE_MAX)
        return; /* the answer has begun */
    http_put_continue(&x->out);
    viewers_resume(x->viewer);
}

void exchange_interim(struct exchange *x, uint16_t status, const struct fields *fields)
{
    struct http_response_head head = { .status = status, .fields = fields, .minor = 1 };
    bool begun = x->in_body || x->page_at != SIZE_MAX;

    if (begun || x->to.minor == 0 || x->out.len - x->out_at > INTERIM_UNREAD_MAX)
        return;
    if (http_put_response(&x->out, &head) == 0)
        viewers_resume(x->viewer);
}

void exchange_cut(struct exchange *x)
{
    x->cut = true;
    if (x->in_body && x->framing == ANSWER_UNTIL_CLOSE)
        sock_reset(x->viewer->io.fd);
    exchange_end(x);
}

bool exchange_gave_up(struct exchange *x)
{
    if (!x->spoke) {
        x->status = 503;
        exchange_refused(x, ACCESS_CAPACITY_EXCEEDED);
    }
    return !x->spoke;
}

bool exchange_keep(struct exchange *x)
{
    size_t host = x->host.len, method = x->method.len;

    request_hold(&x->r);
    if (x->words.len > 0)
        return true;
    if (x->log != NULL && !exchange_log_keep(x->log))
        return false;
    buf_add_slice(&x->words, x->host);
    buf_add_slice(&x->words, x->method);
    buf_add_slice(&x->words, x->uri);
    if (!buf_ok(&x->words))
        return false;
    x->host = slice_of(x->words.data, host);
    x->method = slice_of(x->words.data + host, method);
    x->uri = slice_from(buf_slice(&x->words), host + method);
    return true;
}

void exchange_end(struct exchange *x)
{
    struct worker *w = x->worker;
    struct request *r = &x->r;
    enum request_result result = RESULT_ERROR;

    if (r->state == REQUEST_IDLE && x->here) {
        engine_count_here(w->engine);
        result = RESULT_HIT;
    } else if (r->state == REQUEST_IDLE) {
        engine_count_error(w->engine);
    } else {
        if (r->state == REQUEST_WAITING || (r->state == REQUEST_BODY && x->status == 0))
            r->state = REQUEST_FAILED; /* the viewer left before there was an answer */
        if (r->state == REQUEST_BODY)
            result = r->answer.result;
        else if (request_here(r))
            result = RESULT_HIT;
    }
    bool unanswered = x->status == 0;
    if (unanswered)
        x->status = STATUS_VIEWER_LEFT;
    if (x->page_at < x->out_at && !x->to.head_only)
        x->sent = x->out_at - x->page_at;
    if (w->engine != NULL)
        engine_count_sent(w->engine, x->sent);
    else
        shelf_count_sent(&w->reader, x->sent);
    if (w->log != NULL)
        exchange_log_line(x, result, unanswered);
    if (r->state != REQUEST_IDLE)
        engine_request_end(w->engine, w->now, r, true);
    upload_free(x->upload);
    give_back(x);
}
