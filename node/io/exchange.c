#include "node/io/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "node/io/sock.h"
#include "node/io/upstream_request.h"
#include "node/io/worker.h"

#define SPARE_MAX          64
#define OUT_KEPT_MAX       8192 /* a spare exchange keeps buffers up to this size */
#define PIECES_MAX         62   /* of a body in one write: almost 4 MiB of leaves */
#define STATUS_VIEWER_LEFT 499

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
    memset(x, 0, sizeof(*x));
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
    static const char hex[] = "0123456789abcdef";
    uint8_t random[REQUEST_ID_BYTES / 2];

    worker_random(w, random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        text[2 * i] = hex[random[i] >> 4];
        text[2 * i + 1] = hex[random[i] & 15];
    }
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
    draw_request_id(w, x->request_id);
    x->to = (struct answer_to){
        .node = slice_str(w->cfg->self->cert.name),
        .request_id = SLICE_OF(x->request_id),
        .date = worker_date(w),
        .minor = q->minor,
        .head_only = q->method == HTTP_HEAD,
        .close = !q->keep_alive || w->draining,
    };
    return x;
}

static void set_page(struct exchange *x, const struct answer_page *page)
{
    x->status = (uint16_t)page->status;
    x->page_at = answer_page(&x->out, page, &x->to);
}

/* An error of ours about the request itself: nothing behind it on this connection is executed,
 * since we may not agree with the viewer on where it ends. */
static void refuse(struct exchange *x, unsigned status, const char *text, const char *allow)
{
    struct answer_page page = { .status = status, .text = text, .allow = allow };

    page.error = status == 508   ? PROXY_PROXY_LOOP_DETECTED
                 : status == 403 ? PROXY_HTTP_REQUEST_DENIED
                                 : PROXY_HTTP_REQUEST_ERROR;
    x->to.close = true;
    x->linger = true;
    set_page(x, &page);
}

/* What is known of a failure: of a fetch of another node no more than its status. */
static enum proxy_error error_of(const struct request *r)
{
    if (r->error_cause != PROXY_OK)
        return (enum proxy_error)r->error_cause;
    switch (r->error_status) {
    case 502: return PROXY_DESTINATION_UNAVAILABLE;
    case 504: return PROXY_HTTP_RESPONSE_TIMEOUT;
    default: return PROXY_PROXY_INTERNAL_ERROR;
    }
}

/* The engine could not answer: the request was at fault, or what is behind us. */
static void engine_failed(struct exchange *x)
{
    const struct request *r = &x->r;
    struct answer_page page = {
        .status = r->error_status, .text = r->error_text, .forwarded = true, .error = error_of(r)
    };

    if (r->error_status < 500) {
        x->worker->counters.requests_malformed++;
        refuse(x, r->error_status, r->error_text, NULL);
    } else {
        set_page(x, &page);
    }
}

struct exchange *exchange_refuse(struct viewer *v, const struct http_request *q)
{
    struct exchange *x = exchange_new(v, q);

    if (x == NULL)
        return NULL;
    v->worker->counters.requests_malformed++;
    x->to.minor = 1;
    refuse(x, (unsigned)q->fault.status, q->fault.reason, NULL);
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

struct exchange *exchange_begin(struct viewer *v, const struct http_request *q)
{
    struct worker *w = v->worker;
    struct exchange *x = exchange_new(v, q);

    if (x == NULL)
        return NULL;
    if (q->method != HTTP_GET && q->method != HTTP_HEAD) {
        refuse(x, 405, "This server answers GET and HEAD.", "GET, HEAD");
    } else if (has_body(q)) {
        refuse(x, 403, "A GET or HEAD request must not have a body.", NULL);
    } else if (upstream_loops(&q->fields, &w->cfg->self->mesh.id)) {
        refuse(x, 508, "This request has been here before: the origin leads back to this mesh.", NULL);
    } else {
        x->r.io = x;
        x->r.host = q->host;
        x->r.target = origin_form(w, q);
        x->r.fields = &q->fields;
        x->r.request_id = x->to.request_id;
        keep_wants(x, &q->fields);
        engine_request(w->engine, w->now, &x->r);
    }
    return x;
}

void exchange_cut(struct exchange *x)
{
    if (x->in_body && x->framing == ANSWER_UNTIL_CLOSE)
        sock_reset(x->viewer->io.fd);
    exchange_end(x);
}

bool exchange_keep(struct exchange *x)
{
    size_t host = x->host.len, method = x->method.len;

    if (x->words.len > 0)
        return true;
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

    if (r->state == REQUEST_IDLE) {
        engine_count_error(w->engine);
    } else {
        if (r->state == REQUEST_WAITING || (r->state == REQUEST_BODY && x->status == 0))
            r->state = REQUEST_FAILED; /* the viewer left before there was an answer */
        if (r->state == REQUEST_BODY)
            result = r->answer.result;
    }
    if (x->status == 0)
        x->status = STATUS_VIEWER_LEFT;
    if (x->page_at < x->out_at && !x->to.head_only)
        x->sent = x->out_at - x->page_at;
    engine_count_sent(w->engine, x->sent);
    struct access_entry entry = {
        .wall_us = x->wall_us,
        .node = x->to.node,
        .host = x->host,
        .method = x->method,
        .uri = x->uri,
        .status = x->status,
        .bytes = x->sent,
        .result = result,
        .request_id = x->to.request_id,
        .duration_ns = worker_now(w) - x->began,
    };
    if (w->log != NULL)
        access_log_add(w->log, &entry);
    if (r->state != REQUEST_IDLE)
        engine_request_end(w->engine, w->now, r, true);
    give_back(x);
}

/* ---- writing ---- */

static void begin_body(struct exchange *x)
{
    struct worker *w = x->worker;
    struct answer *a = &x->r.answer;
    const struct selection *s = &x->selection;

    request_answer(w->engine, w->now, &x->r);
    x->to.date = worker_date(w);
    x->to.close = x->to.close || w->draining;
    selection_make(&x->selection, &x->wants, a->head, a->has_length, a->length, x->to.head_only,
                   x->wall_us / 1000000 - a->age_ns / SEC(1));
    x->r.head_sent = true;
    if (s->how == SELECT_UNSATISFIABLE) {
        struct answer_page page = { .status = 416, .text = "There are no such bytes.", .of = a };
        set_page(x, &page);
        return;
    }
    x->framing = answer_framing(a, s, &x->to);
    if (x->framing == ANSWER_UNTIL_CLOSE)
        x->to.close = true;
    x->status = answer_head(&x->out, a, s, &x->to);
    if (s->how != SELECT_RANGES)
        x->left = x->framing == ANSWER_LENGTH ? a->length : x->framing == ANSWER_UNTIL_CLOSE ? UINT64_MAX : 0;
    x->in_body = true;
}

/* What the engine has done since: |*flow| is set where there is nothing to write. */
static bool look_at_engine(struct exchange *x, enum exchange_flow *flow)
{
    if (x->page_at != SIZE_MAX)
        return true;
    switch (x->r.state) {
    case REQUEST_WAITING: *flow = EXCHANGE_ENGINE; return false;
    case REQUEST_BODY:
        if (!x->in_body)
            begin_body(x);
        return true;
    case REQUEST_FAILED:
        if (!x->r.head_sent) {
            engine_failed(x);
            return true;
        }
        x->worker->counters.viewers_aborted++;
        *flow = EXCHANGE_BROKEN;
        return false;
    case REQUEST_IDLE: break;
    }
    assert(!"an exchange without a page was handed to the engine");
    return false;
}

static size_t sum(const struct slice *pieces, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += pieces[i].len;
    return total;
}

/* Between chunks: puts the next one's size, or the last one, behind what is written. The line
 * end that closes a chunk's data goes out with what follows it. */
static void next_chunk(struct exchange *x, size_t available)
{
    const char *end = x->chunk_begun ? "\r\n" : "";

    if (available > 0) {
        buf_addf(&x->out, "%s%zx\r\n", end, available);
        x->left = available;
        x->chunk_begun = true;
    } else if (request_done(&x->r)) {
        buf_addf(&x->out, "%s0\r\n\r\n", end);
        x->last_chunk = true;
    }
}

/* Between ranges: goes to where the next one begins. */
static void next_range(struct exchange *x)
{
    const struct ranges *r = &x->selection.ranges;

    if (r->n > 1)
        answer_part(&x->out, &x->r.answer, &x->selection, x->part, &x->to);
    if (x->part < r->n) {
        request_seek(x->worker->engine, x->worker->now, &x->r, r->at[x->part].first);
        x->left = r->at[x->part].length;
    }
    x->part++;
}

/* After one range, or behind the end of several, nothing follows. */
static bool ranges_begun(const struct exchange *x)
{
    const struct ranges *r = &x->selection.ranges;
    return x->part == (r->n > 1 ? r->n + 1 : r->n);
}

/* Gathers what can be written now; returns how many parts. */
static size_t gather(struct exchange *x, struct iovec iov[PIECES_MAX + 1], size_t turn)
{
    struct slice pieces[PIECES_MAX];
    size_t n = 0, pieces_n = 0, room = turn;

    if (x->in_body && x->framing == ANSWER_LENGTH && x->left == 0 && !ranges_begun(x))
        next_range(x);
    if (x->in_body && x->framing != ANSWER_BARE && !x->last_chunk)
        pieces_n = request_body(&x->r, pieces, PIECES_MAX);
    if (x->framing == ANSWER_CHUNKED && x->in_body && x->left == 0 && !x->last_chunk)
        next_chunk(x, sum(pieces, pieces_n));
    if (x->out_at < x->out.len)
        iov[n++] = (struct iovec){ x->out.data + x->out_at, x->out.len - x->out_at };
    if (x->left < room)
        room = (size_t)x->left;
    for (size_t i = 0; i < pieces_n && room > 0; i++) {
        size_t len = pieces[i].len < room ? pieces[i].len : room;
        iov[n].iov_len = len;
        memcpy(&iov[n++].iov_base, &pieces[i].data, sizeof(void *)); /* sendmsg only reads it */
        room -= len;
    }
    return n;
}

static void wrote(struct exchange *x, size_t n)
{
    struct worker *w = x->worker;
    size_t head = x->out.len - x->out_at;

    x->moved = true;
    if (n < head) {
        x->out_at += n;
        return;
    }
    x->out_at = x->out.len;
    if (x->page_at == SIZE_MAX) { /* a page's offsets are still needed to count it */
        buf_clear(&x->out);
        x->out_at = 0;
    }
    if (n > head) {
        request_take(w->engine, w->now, &x->r, n - head);
        x->sent += n - head;
        x->left -= x->framing == ANSWER_UNTIL_CLOSE ? 0 : n - head;
    }
}

static bool all_written(const struct exchange *x)
{
    if (x->out_at < x->out.len)
        return false;
    if (x->page_at != SIZE_MAX)
        return true;
    switch (x->framing) {
    case ANSWER_BARE: return true;
    case ANSWER_LENGTH: return x->left == 0 && ranges_begun(x);
    case ANSWER_CHUNKED: return x->last_chunk;
    case ANSWER_UNTIL_CLOSE: return request_done(&x->r);
    }
    return false;
}

enum exchange_flow exchange_run(struct exchange *x, size_t *turn)
{
    struct iovec iov[PIECES_MAX + 1];
    enum exchange_flow flow;

    for (;;) {
        if (!look_at_engine(x, &flow))
            return flow;
        if (*turn == 0)
            return EXCHANGE_SOCKET;
        struct msghdr msg = { .msg_iov = iov, .msg_iovlen = gather(x, iov, *turn) };
        if (!buf_ok(&x->out))
            return EXCHANGE_BROKEN;
        size_t want = 0;
        for (size_t i = 0; i < msg.msg_iovlen; i++)
            want += iov[i].iov_len;
        if (want > 0) {
            ssize_t n = sendmsg(x->viewer->io.fd, &msg, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return errno == EAGAIN || errno == EWOULDBLOCK ? EXCHANGE_SOCKET : EXCHANGE_BROKEN;
            wrote(x, (size_t)n);
            *turn -= (size_t)n < *turn ? (size_t)n : *turn;
            if ((size_t)n < want)
                return EXCHANGE_SOCKET; /* the kernel's buffer is full: asking again would only say so */
        }
        if (all_written(x))
            return EXCHANGE_DONE;
        if (want == 0)
            return EXCHANGE_ENGINE;
    }
}
