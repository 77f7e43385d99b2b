/* upstream_impl.h - what the files of an origin connection share. Nobody else includes it.
 *
 *   upstream.c  the pool: connecting, idle connections, time    upstream_send.c    the request and its body
 *   upstream_answer.c  the answer */
#ifndef HEDGEROW_IO_UPSTREAM_IMPL_H
#define HEDGEROW_IO_UPSTREAM_IMPL_H

#include <ev.h>

#include "node/http/chunked.h"
#include "node/http/proxy_status.h"
#include "node/io/upload.h"
#include "node/io/upstream.h"

#define CONN_MAGIC 0x6f72636eu

enum conn_state { RESOLVING, CONNECTING, SENDING, HEAD, BODY, IDLE };

struct conn {
    uint32_t magic;
    struct list link; /* in one of the pool's lists */
    struct upstream_pool *pool;
    ev_io io; /* fd -1: none */
    struct timeout timeout;
    struct fetch *fetch; /* NULL when idle */
    enum conn_state state;
    bool reused; /* this request was begun on a connection that had served before */
    bool keep_alive;
    unsigned attempts, interim;
    size_t addr; /* being tried */
    mesh_ns idle_since, connect_began;
    /* The request: its head, then in HEAD and BODY too, while |upload| is not NULL, its body. */
    struct buf out; /* the head; then the lines between chunks */
    size_t sent;    /* of |out| */
    struct upload *upload;
    uint64_t frame;         /* bytes of the body that may be sent before the next line */
    bool frame_begun, last; /* a chunk's data ends with a line end; the last chunk is in |out| */
    bool blocked;           /* the kernel takes no more at present */
    bool asked;             /* whether the body is wanted: no answer yet (Expect: 100-continue) */
    bool had_body;          /* the request had one, whatever became of it */
    bool cut;               /* the request ended before its end: the connection is of no use behind it */
    /* The answer */
    struct buf in; /* read and not used yet */
    struct http_cursor cursor;
    enum http_framing framing;
    uint64_t left;
    struct http_chunked chunked;
};

/* upstream_finish ends the fetch with |err|: |c| is idle or gone afterwards. upstream_fail says why, besides. upstream_broken: the connection broke or
 * ended where it should not; the request is sent once more, or the fetch ends. */
void upstream_finish(struct conn *c, int err);
void upstream_fail(struct conn *c, int err, enum proxy_error cause);
void upstream_broken(struct conn *c);

/* upstream_settle waits for what |c| is at: sets interest and timer. */
void upstream_settle(struct conn *c);

/* upstream_send_head sends what it can of the request's head, and goes on with the body behind it. upstream_send_body goes
 * on with the body. |c| may be gone afterwards. */
void upstream_send_head(struct conn *c);
void upstream_send_body(struct conn *c);
/* upstream_stop_body: no more of it is sent, however much is left. */
void upstream_stop_body(struct conn *c);
/* upstream_go_on: the origin wants the body, or says nothing to the contrary. */
void upstream_go_on(struct conn *c);

/* upstream_readable reads what there is. upstream_take uses |bytes| behind what was left of earlier ones; false: |c| may be
 * gone. */
void upstream_readable(struct conn *c);
bool upstream_take(struct conn *c, struct slice bytes);

#endif
