/* Bytes to and from an origin: as they are, or inside of TLS (node/tls), whose state machine stands between the socket
 * and all else here. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "node/io/upstream_impl.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define CIPHER_BYTES (32u << 10) /* are read at a time, into the end of the worker's buffer ... */
#define PLAIN_BYTES  (WORKER_READ_BYTES - CIPHER_BYTES) /* ... and what is in them goes to its beginning */
#define SESSION_MAX  (16u << 10)
#define PIECES_MAX   2

_Static_assert(PLAIN_BYTES >= CIPHER_BYTES + (16u << 10), "tls_read takes all that was read");

/* ---- sending ---- */

static ssize_t send_pieces(int fd, const struct slice *pieces, size_t n, bool more)
{
    struct iovec iov[PIECES_MAX];
    struct msghdr msg = { .msg_iov = iov };

    for (size_t i = 0; i < n; i++) {
        if (pieces[i].len == 0)
            continue;
        iov[msg.msg_iovlen].iov_len = pieces[i].len;
        memcpy(&iov[msg.msg_iovlen++].iov_base, &pieces[i].data, sizeof(void *)); /* sendmsg only reads it */
    }
    for (;;) {
        ssize_t sent = sendmsg(fd, &msg, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        if (sent >= 0 || errno != EINTR)
            return sent;
    }
}

bool upstream_flush(struct conn *c)
{
    struct slice out;

    while (c->tls != NULL && (out = tls_out(c->tls)).len > 0) {
        ssize_t n = send_pieces(c->io.fd, &out, 1, false);
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return false;
        if (n <= 0)
            break;
        tls_sent(c->tls, (size_t)n);
    }
    c->tls_full = c->tls != NULL && tls_out(c->tls).len > 0;
    return true;
}

ssize_t upstream_write(struct conn *c, const struct slice *pieces, size_t n, bool more)
{
    if (c->tls == NULL)
        return send_pieces(c->io.fd, pieces, n, more);
    size_t taken = c->tls_full ? 0 : tls_write(c->tls, pieces, n);
    if (!upstream_flush(c))
        return -1;
    if (taken == 0) {
        errno = tls_state(c->tls) == TLS_OPEN || tls_state(c->tls) == TLS_ENDED ? EAGAIN : EPIPE;
        return -1;
    }
    return (ssize_t)taken;
}

/* ---- reading ---- */

/* What TLS has to say of |cipher|, in the worker's buffer. */
static ssize_t open_records(struct conn *c, struct slice cipher, struct slice *bytes)
{
    uint8_t *room = c->pool->all->worker->read_buf;
    size_t n = tls_read(c->tls, &cipher, room, PLAIN_BYTES);

    *bytes = slice_of(room, n);
    (void)upstream_flush(c); /* an alert, or new keys; if it cannot go out, reading will tell */
    if (n > 0)
        return (ssize_t)n;
    if (tls_state(c->tls) == TLS_ENDED)
        return 0;
    errno = tls_state(c->tls) == TLS_BROKEN ? EPROTO : EAGAIN;
    return -1;
}

ssize_t upstream_read(struct conn *c, struct slice *bytes)
{
    uint8_t *room = c->pool->all->worker->read_buf;
    uint8_t *cipher = room + PLAIN_BYTES;
    ssize_t n;

    *bytes = SLICE_EMPTY;
    if (c->tls == NULL) {
        n = recv(c->io.fd, room, WORKER_READ_BYTES, 0);
        if (n > 0)
            *bytes = slice_of(room, (size_t)n);
        return n;
    }
    n = recv(c->io.fd, cipher, CIPHER_BYTES, 0);
    if (n > 0)
        return open_records(c, slice_of(cipher, (size_t)n), bytes);
    if (n == 0 && tls_state(c->tls) != TLS_ENDED) { /* somebody cut it (RFC 8446 section 6.1) */
        errno = ECONNRESET;
        return -1;
    }
    return n;
}

bool upstream_ended(const struct conn *c)
{
    return c->tls != NULL && tls_state(c->tls) == TLS_ENDED;
}

bool upstream_hush(struct conn *c)
{
    struct slice bytes;

    /* Tickets may come behind an answer (RFC 8446 section 4.6.1); nothing else has a place here. */
    return c->tls != NULL && upstream_read(c, &bytes) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !c->tls_full;
}

/* ---- TLS begins and ends ---- */

bool upstream_secure(struct conn *c)
{
    struct upstream_pool *p = c->pool;
    struct tls_want want = { .name = p->terms.tls_name, .session = buf_slice(&p->session) };

    c->tls = tls_client(p->trust, &want);
    c->tls_full = false;
    return c->tls != NULL;
}

int upstream_shake(struct conn *c, enum cause *cause)
{
    struct slice bytes;
    ssize_t n = -1;

    *cause = CAUSE_TERMINATED;
    if (!upstream_flush(c))
        return MESH_E_REFUSED;
    do
        n = upstream_read(c, &bytes);
    while (n < 0 && errno == EINTR);
    if (tls_state(c->tls) == TLS_BROKEN) {
        *cause = cause_of_tls(tls_fault(c->tls));
        return tls_fault(c->tls) == TLS_FAULT_NOMEM ? MESH_E_NOMEM : MESH_E_REFUSED;
    }
    if (n > 0) { /* it speaks before it was asked anything */
        *cause = CAUSE_MALFORMED;
        return MESH_E_SYNTAX;
    }
    if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        return MESH_E_REFUSED;
    return tls_state(c->tls) == TLS_OPEN ? 1 : 0;
}

static void keep_session(struct conn *c)
{
    struct upstream_pool *p = c->pool;
    struct buf session = BUF_EMPTY;

    if (tls_session(c->tls, &session) && buf_ok(&session) && session.len <= SESSION_MAX) {
        if (p->session.len > 0)
            explicit_bzero(p->session.data, p->session.len);
        buf_free(&p->session);
        buf_take(&p->session, &session);
    }
    buf_free(&session);
}

void upstream_unsecure(struct conn *c, bool clean)
{
    if (c->tls == NULL)
        return;
    if (tls_state(c->tls) == TLS_OPEN || tls_state(c->tls) == TLS_ENDED)
        keep_session(c);
    if (clean) {
        tls_close(c->tls);
        (void)upstream_flush(c);
    }
    tls_free(c->tls);
    c->tls = NULL;
    c->tls_full = false;
}
