/* upstream_impl.h - what the files of origin connections share. Nobody else includes it.
 *
 *   upstream.c  a connection's life, and time     upstream_pool.c  pools, names and addresses
 *   upstream_send.c    the request and its body   upstream_answer.c  the answer
 *   upstream_bytes.c   bytes over TCP, or TLS over it */
#ifndef HEDGEROW_IO_UPSTREAM_IMPL_H
#define HEDGEROW_IO_UPSTREAM_IMPL_H

#include <ev.h>

#include "node/http/chunked.h"
#include "node/io/addresses.h"
#include "node/io/cause.h"
#include "node/io/race.h"
#include "node/io/upload.h"
#include "node/io/upstream.h"
#include "node/io/upstream_key.h"
#include "node/sigv4/sigv4.h"
#include "node/tls/tls.h"

#define CONN_MAGIC 0x6f72636eu

struct upstream_pool {
    struct upstreams *all;
    struct map_node node; /* in by_id, unless it is retired */
    struct list link;
    struct digest id;
    struct dist_origin
        terms;        /* of its origins: host, what is said of TLS, connections, idle_timeout; nothing else ... */
    struct buf texts; /* ... which is here */
    bool https;
    bool retired;
    uint16_t port;
    size_t n; /* connections, idle ones too */
    mesh_ns used_at;
    struct list waiting, busy, idle; /* connections; the idle one used last comes first */
    struct resolve_query *query;     /* under way */
    bool numeric;                    /* the host is an address */
    struct addresses addrs;
    enum cause unresolved;   /* why there is no address */
    struct tls_trust *trust; /* https; NULL: it cannot be had, which was said */
    struct buf session;      /* with which the next TLS connection resumes; a secret */
};

enum conn_state { RESOLVING, CONNECTING, SHAKING, SENDING, HEAD, BODY, IDLE };
enum conn_wait { WAIT_NOTHING, WAIT_SHAKE, WAIT_CONTINUE, WAIT_ORIGIN, WAIT_UNUSED };

struct conn {
    uint32_t magic;
    struct list link;      /* in one of the pool's lists */
    struct list idle_link; /* in the list of all that are idle */
    struct upstream_pool *pool;
    ev_io io; /* fd -1: none */
    struct race race;
    struct tls *tls; /* NULL: http, or not connected */
    bool tls_full;   /* it has bytes that the kernel did not take */
    struct heap_node timer;
    enum conn_wait waits;             /* for what until ... */
    mesh_ns due;                      /* ... then */
    mesh_ns whole_until;              /* the whole answer has to be here by then */
    struct fetch *fetch;              /* NULL when idle */
    const struct dist_origin *origin; /* the fetch's */
    enum conn_state state;
    bool reused; /* this request was begun on a connection that had served before */
    bool keep_alive;
    unsigned sendings, interim; /* how often the request was sent since an answer did not come */
    mesh_ns idle_since;
    /* The request: its head, then in HEAD and BODY too, while |upload| is not NULL, its body. */
    struct buf out; /* the head; then the lines between chunks */
    size_t sent;    /* of |out| */
    struct upload *upload;
    uint64_t frame;            /* bytes of the body that may be sent before the next line */
    bool frame_begun, last;    /* a chunk's data ends with a line end; the last chunk is in |out| */
    bool blocked;              /* the kernel takes no more at present */
    bool asked;                /* whether the body is wanted: no answer yet (Expect: 100-continue) */
    bool had_body;             /* the request had one, whatever became of it */
    struct sigv4_chain *chain; /* the body is signed chunk by chunk (upstream_sign.h); NULL: it is not */
    bool cut;                  /* the request ended before its end: the connection is of no use behind it */
    /* The answer */
    struct buf in; /* read and not used yet */
    struct http_cursor cursor;
    enum http_framing framing;
    uint64_t left;
    struct http_chunked chunked;
};

/* ---- upstream.c ---- */

/* upstream_finish ends the fetch with |err|: |c| is idle or gone afterwards. upstream_fail says why, besides.
 * upstream_broken: the connection broke or ended where it should not; the request is sent once more, or the fetch ends.
 */
void upstream_finish(struct conn *c, int err);
void upstream_fail(struct conn *c, int err, enum cause cause);
void upstream_broken(struct conn *c);

/* upstream_settle waits for what |c| is at: sets interest and timer. */
void upstream_settle(struct conn *c);

/* upstream_resolved: the pool's addresses are other ones, or (|whole|) no more will come. */
void upstream_resolved(struct upstream_pool *p, bool whole);

/* upstream_let_go frees |c|. */
void upstream_let_go(struct conn *c);

/* ---- upstream_pool.c ---- */

/* upstream_pool_for: what there is to |o|. |viewer_https|: as the viewer asked. NULL: no memory, or there are as many
 * pools as there may be. */
struct upstream_pool *upstream_pool_for(struct upstreams *u, const struct dist_origin *o, bool viewer_https);

/* upstream_pool_look_up looks the name up where that is due. False: there will be no address. */
bool upstream_pool_look_up(struct upstream_pool *p);

/* upstream_pool_left: a connection has gone; |p| may be gone, too. */
void upstream_pool_left(struct upstream_pool *p);

/* ---- upstream_send.c, upstream_answer.c ---- */

/* upstream_send_head sends what it can of the request's head, and goes on with the body behind it. upstream_send_body
 * goes on with the body. |c| may be gone afterwards. */
void upstream_send_head(struct conn *c);
void upstream_send_body(struct conn *c);
/* upstream_stop_body: no more of it is sent, however much is left. */
void upstream_stop_body(struct conn *c);
/* upstream_go_on: the origin wants the body, or says nothing to the contrary. */
void upstream_go_on(struct conn *c);

/* upstream_readable reads what there is. upstream_take uses |bytes| behind what was left of earlier ones; false: |c|
 * may be gone. */
void upstream_readable(struct conn *c);
bool upstream_take(struct conn *c, struct slice bytes);
/* upstream_end: nothing more will come of the origin. |c| may be gone. */
void upstream_end(struct conn *c);

/* ---- upstream_bytes.c ---- */

/* upstream_secure begins TLS over |c|'s socket. upstream_shake goes on with its handshake: 1 it is done, 0 there is
 * more to come, negative: it failed, for |*cause|. */
bool upstream_secure(struct conn *c);
int upstream_shake(struct conn *c, enum cause *cause);

/* upstream_read reads into |*room|, the worker's buffer: how many bytes; 0: the end, for certain; -1 with errno
 * (EAGAIN; else it broke). upstream_ended: bytes that were read were the last ones, for certain, and no event will tell
 * so. */
ssize_t upstream_read(struct conn *c, struct slice *bytes);
bool upstream_ended(const struct conn *c);

/* upstream_write takes bytes from the front of |n| pieces: how many, or -1 with errno (EAGAIN: none). |more| follow.
 * What was taken and the kernel has no room for is held, and |c->tls_full| set, until upstream_flush: false, it broke.
 */
ssize_t upstream_write(struct conn *c, const struct slice *pieces, size_t n, bool more);
bool upstream_flush(struct conn *c);

/* upstream_hush looks at what came on an idle connection: false: it is of no more use. */
bool upstream_hush(struct conn *c);

/* upstream_unsecure ends TLS: |clean|: with a farewell. What resumes it is kept with the pool. */
void upstream_unsecure(struct conn *c, bool clean);

#endif
