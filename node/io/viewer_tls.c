/* Viewers over TLS: where their bytes go in and out. All else of a viewer knows nothing of it. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "node/io/node_impl.h"
#include "node/io/viewer_impl.h"
#include "proto/base/err.h"

/* The read buffer in two: plaintext, and behind it the ciphertext. What one read and a record before it make fits. */
#define PLAIN_BYTES (64u << 10)
#define PIECES_EACH 16

/* A signature takes a third of a millisecond, with RSA more than one: others are not to wait for a crowd of them. */
#define HANDSHAKES_PER_TURN 8

static_assert(PLAIN_BYTES >= VIEWER_READ_BYTES + (16u << 10), "tls_read takes all");
static_assert(PLAIN_BYTES + VIEWER_READ_BYTES <= WORKER_READ_BYTES, "both fit");

size_t viewer_tls_unsent(const struct viewer *v)
{
    return v->tls != NULL ? tls_out(v->tls).len : 0;
}

bool viewer_tls_half(const struct viewer *v)
{
    return v->tls != NULL && (tls_state(v->tls) == TLS_HANDSHAKE || tls_partial(v->tls) || v->worker->draining);
}

/* Sends what goes out at once. False: the connection is broken. */
static bool send_out(struct viewer *v)
{
    for (;;) {
        struct slice out = v->tls != NULL ? tls_out(v->tls) : SLICE_EMPTY;
        if (out.len == 0)
            return true;
        ssize_t n = send(v->io.fd, out.data, out.len, MSG_NOSIGNAL);
        if (n >= 0)
            tls_sent(v->tls, (size_t)n);
        else if (errno != EINTR)
            return errno == EAGAIN || errno == EWOULDBLOCK;
    }
}

ssize_t viewer_tls_put(struct viewer *v, const struct iovec *iov, size_t n)
{
    size_t total = 0, at = 0;

    if (v->tls == NULL || !send_out(v)) {
        errno = EPIPE;
        return -1;
    }
    while (n > 0 && viewer_tls_unsent(v) == 0) {
        struct slice pieces[PIECES_EACH];
        size_t pieces_n = 0;
        for (; pieces_n < PIECES_EACH && pieces_n < n; pieces_n++)
            pieces[pieces_n] = slice_of(iov[pieces_n].iov_base, iov[pieces_n].iov_len);
        pieces[0] = slice_from(pieces[0], at);
        size_t took = tls_write(v->tls, pieces, pieces_n), before = n;
        if (tls_state(v->tls) == TLS_BROKEN || !send_out(v)) {
            errno = EPIPE;
            return -1;
        }
        total += took;
        at += took;
        while (n > 0 && at >= iov->iov_len) {
            at -= iov->iov_len;
            iov++;
            n--;
        }
        if (took == 0 && n == before) { /* nothing can be said any more */
            errno = EPIPE;
            return -1;
        }
    }
    if (total > 0 || n == 0)
        return (ssize_t)total;
    errno = EAGAIN;
    return -1;
}

bool viewer_tls_send_held(struct viewer *v)
{
    if (v->held.len > 0) {
        struct iovec held = { v->held.data, v->held.len };
        ssize_t n = viewer_tls_put(v, &held, 1);
        if (n > 0)
            viewer_let_go(v, (size_t)n);
        return n >= 0 || errno == EAGAIN;
    }
    return send_out(v);
}

void viewer_tls_goodbye(struct viewer *v)
{
    if (v->tls == NULL)
        return;
    tls_close(v->tls);
    (void)send_out(v);
}

void viewer_tls_end(struct viewer *v)
{
    v->worker->counters.tls_failed += v->tls != NULL && !v->opened; /* also where it just went away */
    tls_free(v->tls);
    v->tls = NULL;
}

/* ---- reading ---- */

/* Somebody speaks HTTP in clear to this port: a link or a setting is wrong, and a person may read this. */
static void say_wrong_port(struct viewer *v)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                               "Content-Length: 39\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
                               "This port speaks https. Use https://...";

    v->worker->counters.requests_malformed++;
    (void)send(v->io.fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
    viewer_linger(v);
}

/* The first byte is here. False: |v| is being let go, or gone. */
static bool begin(struct viewer *v, uint8_t first)
{
    if (first >= 'A' && first <= 'Z') { /* a method; a handshake record is 22 (RFC 8446 section 5.1) */
        say_wrong_port(v);
        return false;
    }
    struct tls_certs *certs = node_certs_take(v->worker->node);
    v->tls = tls_server(certs);
    tls_certs_unref(certs);
    if (v->tls == NULL)
        viewer_close(v);
    return v->tls != NULL;
}

static void count_handshake(struct viewer *v)
{
    struct worker *w = v->worker;

    v->opened = true;
    w->counters.tls_handshakes++;
    w->counters.tls_resumed += tls_resumed(v->tls);
}

/* What it sent is no TLS, or none that we agree to: it gets our alert, which a reset would destroy. */
static void fail(struct viewer *v)
{
    if (v->x != NULL || v->held.len > 0 || tls_fault(v->tls) == TLS_FAULT_REFUSED)
        viewer_close(v);
    else
        viewer_linger(v);
}

/* No plaintext came: a piece of a record or of a handshake, or one that is none of a request's business. */
static void nothing_yet(struct viewer *v, bool opened)
{
    bool idle = v->wait == WAIT_IDLE && !viewer_tls_half(v) && viewer_tls_unsent(v) == 0;

    if (viewer_tls_unsent(v) > 0)
        v->blocked = true;
    if (!idle || opened) /* an idle one stays so, since what came was no request */
        viewer_settle(v);
}

void viewer_tls_readable(struct viewer *v)
{
    struct worker *w = v->worker;
    uint8_t *cipher = w->read_buf + PLAIN_BYTES;

    if (!v->opened && w->handshakes++ >= HANDSHAKES_PER_TURN)
        return; /* it is still readable next turn */
    ssize_t n = recv(v->io.fd, cipher, VIEWER_READ_BYTES, 0);

    if (n < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            viewer_close(v);
        return;
    }
    if (n == 0) { /* a request says itself where it ends: whether close-notify came changes nothing */
        viewer_came_to_end(v);
        return;
    }
    if (v->tls == NULL && !begin(v, cipher[0]))
        return;
    struct slice rest = slice_of(cipher, (size_t)n);
    bool before = tls_state(v->tls) == TLS_HANDSHAKE;
    size_t got = tls_read(v->tls, &rest, w->read_buf, PLAIN_BYTES);
    enum tls_state state = tls_state(v->tls);
    bool opened = before && (state == TLS_OPEN || state == TLS_ENDED);
    assert(rest.len == 0);
    if (opened)
        count_handshake(v);
    if (!send_out(v)) {
        viewer_close(v);
    } else if (state == TLS_BROKEN) {
        fail(v);
    } else if (got > 0) {
        v->eof = v->eof || state == TLS_ENDED;
        viewer_came(v, slice_of(w->read_buf, got));
    } else if (state == TLS_ENDED) {
        viewer_came_to_end(v);
    } else {
        nothing_yet(v, opened);
    }
}

void viewers_accepted_tls(struct worker *w, int fd, const struct mesh_addr *from)
{
    viewers_take(w, fd, from, true);
}

/* A handshake would cost more than what there is no room for. */
void viewers_refused_tls(struct worker *w, int fd)
{
    w->counters.viewers_refused++;
    close(fd);
}
