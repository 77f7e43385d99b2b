/* What an origin is sent: the head, and behind it the body as it comes from the viewer. The answer may begin before the
 * body has ended, and is read meanwhile. */
#include <errno.h>

#include "node/http/serialise.h"
#include "node/io/exchange.h"
#include "node/io/upstream_impl.h"
#include "node/io/upstream_sign.h"
#include "node/io/worker.h"

static bool again(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

void upstream_send_head(struct conn *c)
{
    while (c->sent < c->out.len) {
        struct slice left = slice_from(buf_slice(&c->out), c->sent);
        bool more = c->upload != NULL && upload_ready(c->upload).len > 0;
        ssize_t n = upstream_write(c, &left, 1, more);
        if (n < 0 && again(errno)) {
            c->blocked = true;
            upstream_settle(c);
            return;
        }
        if (n < 0) {
            upstream_broken(c);
            return;
        }
        c->sent += (size_t)n;
    }
    c->state = HEAD;
    c->sendings++;
    c->blocked = false;
    if (c->upload != NULL)
        upstream_send_body(c);
    else
        upstream_settle(c);
}

/* Nobody sends the body any more: either all of it went out, or nothing more of it shall. */
static void let_go(struct conn *c)
{
    struct upload *u = c->upload;

    u->conn = NULL;
    u->closed = !u->ended || upload_ready(u).len > 0;
    c->upload = NULL;
    c->blocked = c->asked = false;
}

void upstream_stop_body(struct conn *c)
{
    if (c->upload == NULL)
        return;
    c->cut = true;
    let_go(c);
}

void upstream_go_on(struct conn *c)
{
    struct upload *u = c->upload;

    c->asked = false;
    if (u == NULL || !u->expects)
        return;
    u->expects = false;
    exchange_continue(u->x);
}

/* As next_frame, of a body that is signed: its chunks are all of one size but for the last, since its length was said.
 */
static bool next_signed(struct conn *c)
{
    struct upload *u = c->upload;
    struct slice data = slice_head(upload_ready(u), UPSTREAM_CHUNK_BYTES);

    if (c->last || (data.len < UPSTREAM_CHUNK_BYTES && !u->ended))
        return false;
    buf_clear(&c->out);
    c->sent = 0;
    c->frame = data.len;
    upstream_chunk_line(&c->out, c->chain, data, !c->frame_begun);
    c->frame_begun = true;
    c->last = data.len == 0;
    return true;
}

/* Between frames: puts what stands in front of the next one. False: there is none (yet). */
static bool next_frame(struct conn *c)
{
    struct upload *u = c->upload;
    size_t n = upload_ready(u).len;

    if (c->chain != NULL)
        return next_signed(c);
    if (n == 0 && !u->ended)
        return false;
    c->frame = n;
    if (u->body.framing != HTTP_BODY_CHUNKED)
        return n > 0;
    if (c->last)
        return false;
    buf_clear(&c->out);
    c->sent = 0;
    if (c->frame_begun)
        buf_add_str(&c->out, HTTP_CHUNK_END);
    if (n > 0)
        buf_addf(&c->out, "%zx\r\n", n);
    else
        buf_add_str(&c->out, HTTP_LAST_CHUNK);
    c->frame_begun = true;
    c->last = n == 0;
    return true;
}

/* One write of what is there: 1 all of it went out, 0 the kernel is full, -1 the connection is not for sending any
 * more. */
static int write_some(struct conn *c)
{
    size_t line = c->out.len - c->sent;
    struct slice pieces[] = { slice_from(buf_slice(&c->out), c->sent),
                              slice_head(upload_ready(c->upload), (size_t)c->frame) };

    ssize_t n = upstream_write(c, pieces, 2, false);
    if (n < 0)
        return again(errno) ? 0 : -1;
    size_t of_line = (size_t)n < line ? (size_t)n : line, of_body = (size_t)n - of_line;
    c->sent += of_line;
    c->frame -= of_body;
    upload_sent(c->upload, of_body);
    return (size_t)n == line + pieces[1].len && !c->tls_full ? 1 : 0;
}

void upstream_send_body(struct conn *c)
{
    struct upload *u = c->upload;
    int all = 1;

    if (u->begun) /* the viewer did not wait to be told */
        c->asked = false;
    while (all == 1) {
        if (c->sent == c->out.len && c->frame == 0 && !next_frame(c))
            break;
        if (!buf_ok(&c->out))
            all = -1;
        else
            all = write_some(c);
    }
    c->blocked = all == 0;
    if (all < 0) /* it may have answered before it turned away: what came of that is still read */
        upstream_stop_body(c);
    else if (all == 1 && u->ended) /* and nothing is left of it */
        let_go(c);
    upstream_settle(c);
}

void upstream_more(struct upload *u)
{
    struct conn *c = u->conn;

    if (c == NULL || (c->state != HEAD && c->state != BODY) || c->blocked)
        return;
    upstream_send_body(c);
}

void upstream_forget(struct upload *u)
{
    struct conn *c = u->conn;

    upstream_stop_body(c);
    if (c->state == HEAD || c->state == BODY)
        upstream_settle(c);
}
