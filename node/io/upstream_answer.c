/* What an origin answers: interim heads, head, body, in order and no byte more. */
#include <errno.h>

#include "node/io/sock.h"
#include "node/io/upstream_impl.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define INTERIM_MAX 8    /* 1xx answers before the final one */
#define ROOM_BYTES  4096 /* where short chunks are gathered */

/* Hands one piece of body over. |*in| moves on; |*done| is set behind the body's last byte. 0 or
 * a MESH_E_*. */
static int body_piece(struct conn *c, struct slice *in, bool *done)
{
    struct worker *w = c->pool->all->worker;
    struct slice piece = SLICE_EMPTY;
    uint8_t room[ROOM_BYTES];
    int err = 0;

    if (c->framing == HTTP_BODY_CHUNKED) {
        err = http_chunked_gather(&c->chunked, in, &piece, room, sizeof(room));
        *done = http_chunked_done(&c->chunked);
    } else {
        bool all = c->framing == HTTP_BODY_LENGTH && in->len >= c->left;
        piece = all ? slice_head(*in, (size_t)c->left) : *in;
        *in = slice_from(*in, piece.len);
        c->left -= c->framing == HTTP_BODY_LENGTH ? piece.len : 0;
        *done = all;
    }
    if (piece.len > 0)
        engine_fetch_body(w->engine, w->now, c->fetch, piece);
    return err == MESH_E_SHORT ? 0 : err;
}

/* Uses what it can of |*in|. True: more is needed (or wanted, where the engine paused us); false:
 * the fetch is over and |c| may be gone. */
static bool take_body(struct conn *c, struct slice *in)
{
    bool done = c->framing == HTTP_BODY_LENGTH && c->left == 0;
    int err = 0;

    while (err == 0 && !done && in->len > 0 && !c->fetch->paused)
        err = body_piece(c, in, &done);
    if (err == 0 && !done)
        return true;
    /* Bytes behind the end: somebody is wrong about where this answer ends (RFC 9112
     * section 11.2), so it is not to be trusted. */
    if (err != 0 || in->len > 0) {
        c->pool->all->worker->counters.origin_malformed++;
        err = MESH_E_SYNTAX;
    }
    buf_clear(&c->in);
    upstream_fail(c, err, err != 0 ? CAUSE_MALFORMED : CAUSE_NONE);
    return false;
}

/* 100 is the answer to our own question; others are for who asked. */
static void interim(struct conn *c, const struct http_response *r)
{
    struct request *asker = r->status == 100 ? NULL : fetch_asker(c->fetch);

    if (r->status == 100)
        upstream_go_on(c);
    else if (asker != NULL)
        exchange_interim(asker->io, r->status, &r->fields);
}

/* As take_body, for a head. */
static bool take_head(struct conn *c, struct slice *in)
{
    struct worker *w = c->pool->all->worker;
    struct http_response *r = &w->response;
    size_t used;
    int err;

    while ((err = http_parse_response(*in, &c->cursor, false, r, &used)) == 0) {
        *in = slice_from(*in, used);
        if (r->status >= 200)
            break;
        if (r->status == 101 || ++c->interim > INTERIM_MAX) {
            err = MESH_E_SYNTAX;
            break;
        }
        interim(c, r);
    }
    if (err == MESH_E_SHORT)
        return true;
    if (err != 0) {
        w->counters.origin_malformed++;
        buf_clear(&c->in);
        upstream_fail(c, MESH_E_SYNTAX, err == MESH_E_FULL ? CAUSE_HEADER_SIZE : CAUSE_MALFORMED);
        return false;
    }
    /* Who answers so, or before he said that he wants the body, has no use for the rest of it. Else it goes on: some
     * answer as they read. */
    if (c->asked || r->status >= 300)
        upstream_stop_body(c);
    c->state = BODY;
    c->keep_alive = r->keep_alive && r->body.framing != HTTP_BODY_UNTIL_CLOSE;
    c->framing = r->body.framing;
    c->left = r->body.length;
    http_chunked_init(&c->chunked);
    if (c->framing == HTTP_BODY_NONE) { /* an empty one of a known length */
        c->framing = HTTP_BODY_LENGTH;
        c->left = 0;
    }
    c->fetch->cause = CAUSE_MALFORMED; /* should the engine find it too bad to keep */
    engine_fetch_head(w->engine, w->now, c->fetch, r->status, &r->fields,
                      c->framing == HTTP_BODY_LENGTH ? (int64_t)c->left : -1);
    return take_body(c, in);
}

/* Uses |bytes| behind what was left of earlier ones. False: |c| may be gone. */
bool upstream_take(struct conn *c, struct slice bytes)
{
    struct slice in = bytes;
    size_t before = c->in.len;

    if (before > 0) {
        buf_add_slice(&c->in, bytes);
        in = buf_slice(&c->in);
    }
    if (!buf_ok(&c->in)) {
        upstream_fail(c, MESH_E_NOMEM, CAUSE_INTERNAL);
        return false;
    }
    if (c->state == HEAD ? !take_head(c, &in) : !take_body(c, &in))
        return false;
    if (before > 0)
        buf_drop(&c->in, c->in.len - in.len);
    else
        buf_add_slice(&c->in, in);
    if (!buf_ok(&c->in)) {
        upstream_fail(c, MESH_E_NOMEM, CAUSE_INTERNAL);
        return false;
    }
    return true;
}

void upstream_end(struct conn *c)
{
    if (c->state == BODY && c->framing == HTTP_BODY_UNTIL_CLOSE)
        upstream_finish(c, 0);
    else
        upstream_broken(c);
}

void upstream_readable(struct conn *c)
{
    struct slice bytes;
    ssize_t n = upstream_read(c, &bytes);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        if (c->tls != NULL) /* it may have something to say itself */
            upstream_settle(c);
    } else if (n < 0) {
        upstream_broken(c);
    } else if (n == 0) {
        upstream_end(c);
    } else if (upstream_take(c, bytes)) {
        if (upstream_ended(c) && c->in.len == 0)
            upstream_end(c);
        else
            upstream_settle(c);
    }
}
