#include "node/io/upload.h"

#include <assert.h>
#include <stdlib.h>

#include "node/io/upstream.h"
#include "proto/base/err.h"

struct upload *upload_new(struct exchange *x, const struct http_request *q)
{
    struct upload *u = calloc(1, sizeof(*u));

    assert(q->body.framing == HTTP_BODY_LENGTH || q->body.framing == HTTP_BODY_CHUNKED);
    if (u == NULL)
        return NULL;
    u->x = x;
    u->body = q->body;
    u->left = q->body.length;
    u->expects = q->expect_continue;
    http_chunked_init(&u->chunked);
    return u;
}

void upload_free(struct upload *u)
{
    if (u == NULL)
        return;
    if (u->conn != NULL)
        upstream_forget(u);
    buf_free(&u->ready);
    free(u);
}

static size_t room(const struct upload *u)
{
    return UPLOAD_BYTES - (u->ready.len - u->at);
}

bool upload_wants(const struct upload *u)
{
    return !u->ended && !u->closed && room(u) > 0;
}

#define GATHER_BYTES 4096 /* where short chunks are gathered */

/* The next run of the body's bytes in |in|, no longer than there is room for; perhaps from |gathered|. It may come with
 * any code. */
static int next_run(struct upload *u, struct slice *in, struct slice *run, uint8_t gathered[GATHER_BYTES])
{
    /* Of what is not read here nothing may be lost: the decoder gets to see no more than there is room for. */
    struct slice part = slice_head(*in, room(u));
    size_t before = part.len;
    int err = 0;

    if (u->body.framing == HTTP_BODY_CHUNKED) {
        err = http_chunked_gather(&u->chunked, &part, run, gathered, GATHER_BYTES);
        err = err == MESH_E_SHORT ? 0 : err;
        u->ended = http_chunked_done(&u->chunked);
    } else {
        *run = u->left < part.len ? slice_head(part, (size_t)u->left) : part;
        part = slice_from(part, run->len);
        u->left -= run->len;
        u->ended = u->left == 0;
    }
    *in = slice_from(*in, before - part.len);
    return err;
}

int upload_take(struct upload *u, struct slice *in)
{
    uint8_t gathered[GATHER_BYTES];
    int err = 0;

    while (err == 0 && in->len > 0 && upload_wants(u)) {
        struct slice run = SLICE_EMPTY;
        err = next_run(u, in, &run, gathered);
        u->begun = true;
        u->expects = false; /* it did not wait: then there is nothing to be told (RFC 9110 section 10.1.1) */
        if (u->at > 0 && u->ready.len + run.len > UPLOAD_BYTES) {
            buf_drop(&u->ready, u->at);
            u->at = 0;
        }
        buf_add_slice(&u->ready, run);
        if (!buf_ok(&u->ready))
            return MESH_E_NOMEM;
    }
    return err;
}

struct slice upload_ready(const struct upload *u)
{
    return slice_from(buf_slice(&u->ready), u->at);
}

void upload_sent(struct upload *u, size_t n)
{
    assert(n <= u->ready.len - u->at);
    u->at += n;
    if (u->at == u->ready.len) {
        buf_clear(&u->ready);
        u->at = 0;
    }
}
