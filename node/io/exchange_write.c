/* Writing an answer: its head, the body as it comes from the engine in the framing that the head promised, or a page of
 * ours. */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "node/io/exchange.h"
#include "node/io/exchange_log.h"
#include "node/io/worker.h"

#define PIECES_MAX  62          /* of a body in one write: almost 4 MiB of leaves */
#define GATHER_EACH (16u << 10) /* answers up to this size go out together, where requests come so */
#define GATHER_MAX  (64u << 10)

/* What is used a second time may well be so a third: by others, too. */
static void keep_copy(struct exchange *x)
{
    static const struct selection whole = { .how = SELECT_WHOLE };
    struct buf *lines = &x->worker->head;

    if (x->worker->engine == NULL || x->r.answer.result != RESULT_HIT || x->r.parts != NULL)
        return;
    if (x->r.answer.lines.len == 0) {
        buf_clear(lines);
        if (answer_lines(lines, &x->r.answer, &whole, &x->r.policy) && buf_ok(lines))
            request_keep(&x->r, buf_slice(lines));
    }
    if (x->worker->all_n > 1)
        request_lay_out(&x->r);
}

static void begin_body(struct exchange *x)
{
    struct worker *w = x->worker;
    struct answer *a = &x->r.answer;
    const struct selection *s = &x->selection;

    request_answer(w->engine, w->now, &x->r);
    x->to.date = worker_date(w);
    x->to.close = x->to.close || w->draining || (x->upload != NULL && x->upload->closed);
    selection_make(&x->selection, &x->wants, a->head, a->has_length, a->length, x->to.head_only,
                   x->wall_us / 1000000 - a->age_ns / SEC(1));
    request_code(w->engine, w->now, &x->r, x->to.minor == 0 || x->wants.range.len > 0,
                 x->to.head_only || s->how == SELECT_NOT_MODIFIED);
    x->r.head_sent = true;
    x->said = (uint8_t)access_detail_plain(a->result);
    if (s->how == SELECT_NOT_MODIFIED || s->how == SELECT_UNSATISFIABLE || x->to.head_only)
        x->r.until = 0; /* no byte of the body is wanted */
    if (s->how == SELECT_UNSATISFIABLE) {
        struct answer_page page = { .status = 416, .text = "There are no such bytes.", .of = a };
        exchange_page(x, &page);
        return;
    }
    x->framing = answer_framing(a, s, &x->to);
    if (x->framing == ANSWER_UNTIL_CLOSE)
        x->to.close = true;
    keep_copy(x);
    size_t head_at = x->out.len;
    x->status = answer_head(&x->out, a, s, &x->to);
    if (x->log != NULL)
        exchange_log_head(x->log, slice_from(buf_slice(&x->out), head_at));
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
    case REQUEST_WAITING: *flow = EXCHANGE_ENGINE; return x->out_at < x->out.len; /* an interim answer */
    case REQUEST_BODY:
        if (!x->in_body)
            begin_body(x);
        return true;
    case REQUEST_FAILED:
        if (!x->r.head_sent) {
            exchange_failed(x);
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
        request_seek(x->worker->engine, x->worker->now, &x->r, r->at[x->part].first, r->at[x->part].length);
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

    x->viewer->moved += n;
    if (x->log != NULL)
        exchange_log_wrote(x, n);
    x->spoke = true;
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
    if (!x->in_body)
        return false;
    switch (x->framing) {
    case ANSWER_BARE: return true;
    case ANSWER_LENGTH: return x->left == 0 && ranges_begun(x);
    case ANSWER_CHUNKED: return x->last_chunk;
    case ANSWER_UNTIL_CLOSE: return request_done(&x->r);
    }
    return false;
}

/* An answer that is whole in these |want| bytes, and small, waits for the next one's where more requests lie here. */
static bool may_wait(const struct exchange *x, size_t want)
{
    const struct viewer *v = x->viewer;
    bool whole = x->page_at != SIZE_MAX || (x->in_body && x->framing == ANSWER_BARE) ||
                 (x->in_body && x->framing == ANSWER_LENGTH && want == x->out.len - x->out_at + x->left &&
                  x->selection.how == SELECT_WHOLE);

    return v->more && whole && want <= GATHER_EACH && v->held.len + want <= GATHER_MAX && !x->to.close &&
           !x->worker->draining && x->upload == NULL;
}

/* Hands |iov| to the kernel, or has it wait for more. As sendmsg; |iov[0]| is for what waits already. */
static ssize_t put(struct exchange *x, struct iovec *iov, size_t n, size_t want)
{
    struct viewer *v = x->viewer;
    size_t before = v->held.len;

    if (may_wait(x, want)) {
        for (size_t i = 1; i <= n; i++)
            buf_add(&v->held, iov[i].iov_base, iov[i].iov_len);
        if (buf_ok(&v->held))
            return (ssize_t)want;
        v->held.len = before; /* no memory: they go at once */
        v->held.failed = false;
    }
    iov[0] = (struct iovec){ v->held.data, before };
    struct msghdr msg = { .msg_iov = before > 0 ? iov : iov + 1, .msg_iovlen = before > 0 ? n + 1 : n };
    ssize_t sent = v->https ? viewer_tls_put(v, msg.msg_iov, msg.msg_iovlen) : sendmsg(v->io.fd, &msg, MSG_NOSIGNAL);
    if (sent < 0 || before == 0)
        return sent;
    viewer_let_go(v, (size_t)sent < before ? (size_t)sent : before);
    if ((size_t)sent >= before)
        return sent - (ssize_t)before;
    errno = EAGAIN;
    return -1;
}

enum exchange_flow exchange_run(struct exchange *x, size_t *turn)
{
    struct iovec iov[PIECES_MAX + 2], *own = iov + 1;
    enum exchange_flow flow;

    for (;;) {
        if (!look_at_engine(x, &flow))
            return flow;
        if (*turn == 0)
            return EXCHANGE_SOCKET;
        size_t n_iov = gather(x, own, *turn);
        if (!buf_ok(&x->out))
            return EXCHANGE_BROKEN;
        size_t want = 0;
        for (size_t i = 0; i < n_iov; i++)
            want += own[i].iov_len;
        if (want > 0) {
            ssize_t n = put(x, iov, n_iov, want);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return errno == EAGAIN || errno == EWOULDBLOCK ? EXCHANGE_SOCKET : EXCHANGE_BROKEN;
            wrote(x, (size_t)n);
            *turn -= (size_t)n < *turn ? (size_t)n : *turn;
            if ((size_t)n < want)
                return EXCHANGE_SOCKET; /* the kernel's buffer is full: asking again would only say so */
        }
        if (all_written(x)) /* over TLS some may still have to go out */
            return x->viewer->https && viewer_tls_unsent(x->viewer) > 0 ? EXCHANGE_SOCKET : EXCHANGE_DONE;
        if (want == 0)
            return EXCHANGE_ENGINE;
    }
}
