/* viewer.h - viewers' connections: HTTP/1.x with keep-alive; requests that arrive together
 * are answered one after the other.
 *
 *   (idle) --bytes--> (head) --whole--> (busy) --answered--> idle, or (linger) --> closed
 *
 * While it is the viewer's turn, to take what we hold or to send what we have room for, it has to move VIEWER_RATE
 * bytes a second on average over each span of the stall timer. What waits in the kernel for it has not moved.
 *
 * An idle connection holds no buffer. A hit is answered from within the read that brought its
 * request: one recv and one sendmsg. Small answers to requests that came together go out together. */
#ifndef HEDGEROW_IO_VIEWER_H
#define HEDGEROW_IO_VIEWER_H

#include <ev.h>

#include "node/core/shares.h"
#include "node/http/parse.h"
#include "node/io/exchange.h"
#include "node/io/timeouts.h"
#include "node/tls/tls.h"

#define VIEWER_READ_BYTES (32u << 10) /* read ahead of what is answered */
#define VIEWER_RATE       512         /* bytes a second: slower ones only hold what others could use */

struct viewer {
    uint32_t magic;
    uint8_t wait; /* what its timer stands for */
    bool eof;     /* the viewer will send no more; it may still read */
    bool blocked; /* waits for the socket to take more, or for its next turn */
    bool passes;  /* the next request is for worker 0 */
    bool https;   /* it speaks TLS */
    bool opened;  /* and both sides have agreed */
    struct mesh_addr from;
    struct share *share;   /* of its address */
    struct worker *worker; /* which has it now */
    struct worker *home;   /* which took it, and has it between requests */
    struct list link;
    ev_io io;
    struct timeout timeout;
    struct tls *tls;    /* NULL: it speaks none, or has not begun */
    struct exchange *x; /* NULL between requests */
    struct buf in;      /* read and not parsed yet */
    struct buf held;    /* whole answers that go out with the next one */
    bool more;          /* requests lie behind the one under way */
    struct http_cursor cursor;
    size_t discarded;   /* while lingering */
    mesh_ns rtt_after;  /* the next look at its round-trip time, not before; 0: there was none */
    uint64_t moved;     /* bytes of bodies that it sent, and of answers that the kernel took for it */
    uint64_t reached;   /* of those, had gone through when its turn began, or was last looked at */
    struct list resume; /* in viewers->resumed */
};

struct viewers {
    struct worker *worker;
    struct list all, resumed;
    size_t n;
    unsigned asked; /* which other worker was asked last to make room */
    struct timeouts head, idle, stall, linger, full;
    struct timeout look_again; /* in |full|: perhaps one is idle for long enough by then */
    struct exchanges exchanges;
};

/* viewers_close ends all that are here, or in |w|'s mailbox. */
void viewers_init(struct viewers *vs, struct worker *w);
void viewers_close(struct viewers *vs);

/* viewers_room: can there be one more? If not the listener pauses. viewers_accepted takes a new connection, and closes
 * the one that was idle for longest where that makes the room; or it turns the new one away, whose address has its
 * share: nobody else has to go for that one. viewers_refused turns one away that cannot be kept. */
bool viewers_room(struct worker *w);
void viewers_accepted(struct worker *w, int fd, const struct mesh_addr *from);
void viewers_refused(struct worker *w, int fd);
void viewers_accepted_tls(struct worker *w, int fd, const struct mesh_addr *from);
void viewers_refused_tls(struct worker *w, int fd);

/* viewer_tls_put is sendmsg for a viewer over TLS: how much was taken, some of which may wait in viewer_tls_unsent
 * until the socket takes more; or -1 with errno, EAGAIN while something waits. */
struct iovec;
ssize_t viewer_tls_put(struct viewer *v, const struct iovec *iov, size_t n);
size_t viewer_tls_unsent(const struct viewer *v);

/* viewers_look_for_room: one has gone somewhere. viewers_shed: another worker has no room, and an idle one of ours
 * goes, if that still makes it some. */
void viewers_look_for_room(struct worker *w);
void viewers_shed(struct worker *w);

/* viewers_mail takes those that other workers passed on, and returns what else they said (enum mail). */
unsigned viewers_mail(struct worker *w);

/* viewers_drain closes connections that are between requests; the others close after theirs. */
void viewers_drain(struct viewers *vs);

/* viewers_news: the engine has news of |r|. */
void viewers_news(struct viewers *vs, struct request *r);

/* viewer_let_go: the first |n| bytes of |v->held| are out. */
void viewer_let_go(struct viewer *v, size_t n);

/* viewers_resume: |v| looks again before this turn of the loop ends, or in the next: whoever calls is not disturbed. */
void viewers_resume(struct viewer *v);

mesh_ns viewers_deadline(const struct viewers *vs);
void viewers_run(struct viewers *vs, mesh_ns now);

#endif
