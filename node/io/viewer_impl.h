/* viewer_impl.h - what the files about viewers share. Nobody else includes it.
 *
 *   viewer.c       one connection: reading, timers, keep-alive, draining
 *   viewer_room.c  how many there can be: accepting, turning away, making room
 *   viewer_pass.c  connections from worker to worker
 *   viewer_tls.c   those over TLS: their bytes in and out */
#ifndef HEDGEROW_IO_VIEWER_IMPL_H
#define HEDGEROW_IO_VIEWER_IMPL_H

#include "node/io/worker.h"

#define VIEWER_MAGIC 0x76696577u

enum viewer_wait {
    WAIT_NOTHING, /* the engine's timers watch over this */
    WAIT_IDLE,
    WAIT_HEAD,
    WAIT_STALL,
    WAIT_LINGER,
};

static inline struct viewer *viewer_of(struct timeout *t)
{
    struct viewer *v = OBJ_OF(t, struct viewer, timeout);

    OBJ_CHECK(v, VIEWER_MAGIC);
    return v;
}

/* viewer_begin: |v| is v->worker's from now on, and idle. viewer_end: it is nobody's. viewer_close is its end for good.
 */
void viewer_begin(struct viewer *v);
void viewer_end(struct viewer *v);
void viewer_close(struct viewer *v);

void viewer_wait(struct viewer *v, enum viewer_wait wait);

/* viewer_run goes on with |fresh| bytes behind those kept, viewer_readable with what the socket has. |v| may be gone
 * afterwards, or another worker's. */
void viewer_run(struct viewer *v, struct slice fresh);
void viewer_readable(struct viewer *v);

/* viewer_came: |bytes| of the worker's read buffer came of it; viewer_came_to_end: no more will. |v| may be gone, too.
 */
void viewer_came(struct viewer *v, struct slice bytes);
void viewer_came_to_end(struct viewer *v);

/* viewer_settle sets timer and interest by what |v| is at. viewer_linger reads and throws away what still comes, before
 * it closes. */
void viewer_settle(struct viewer *v);
void viewer_linger(struct viewer *v);

/* Over TLS: viewer_tls_readable is viewer_readable. viewer_tls_half: a handshake or a record has begun that is not
 * whole. viewer_tls_send_held sends what goes out at once of what waits; false: the connection is broken.
 * viewer_tls_goodbye: it ends as it should (close-notify), which is never said of an answer that is cut short.
 * viewer_tls_end frees what there is of TLS. */
void viewer_tls_readable(struct viewer *v);
bool viewer_tls_half(const struct viewer *v);
bool viewer_tls_send_held(struct viewer *v);
void viewer_tls_goodbye(struct viewer *v);
void viewer_tls_end(struct viewer *v);

/* viewer_unsent: bytes for it wait outside of |v->held|. */
static inline bool viewer_unsent(const struct viewer *v)
{
    return v->https && viewer_tls_unsent(v) > 0;
}

/* viewer_pass leaves |v|, which is between requests, to another worker. */
void viewer_pass(struct viewer *v, struct worker *to);

/* viewer_drain closes an idle one of which nothing is here. */
void viewer_drain(struct viewer *v);

void viewer_io_init(struct viewer *v, int fd);
void viewers_room_init(struct viewers *vs);

/* viewers_take is viewers_accepted. */
void viewers_take(struct worker *w, int fd, const struct mesh_addr *from, bool https);

/* viewers_one_less: one of |w|'s has gone, which others may wait for. */
void viewers_one_less(struct worker *w);

/* viewers_say_busy is for where there is no memory, or no will, for more than a word: viewers_busy. */
void viewers_say_busy(struct worker *w, int fd);
extern const struct slice viewers_busy;

#endif
