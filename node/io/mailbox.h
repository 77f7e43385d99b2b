/* mailbox.h - what other threads leave for a worker: viewers that are its own from then on, and words. However many are
 * left before it looks, it is woken once. */
#ifndef HEDGEROW_IO_MAILBOX_H
#define HEDGEROW_IO_MAILBOX_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

#include "proto/base/list.h"

struct worker;

enum mail {                 /* bits */
            MAIL_WAKE = 1,  /* look again at what you wait for */
            MAIL_DRAIN = 2, /* no new viewers; what is in flight is finished */
            MAIL_STOP = 4,  /* leave the loop */
            MAIL_SHED = 8,  /* another worker has no room for a viewer: let an idle one go */
            MAIL_ROOM = 16, /* there is room for a viewer again */
            MAIL_LOG = 32,  /* the access log is to be opened anew: hand over your lines */
};

struct mailbox {
    struct worker *worker;
    struct ev_loop *loop; /* NULL: not open */
    ev_async wake;
    pthread_mutex_t lock;
    struct list viewers; /* by their |link| */
    unsigned words;
    bool woken;
};

/* mailbox_open: |w|'s loop is woken by what comes. mailbox_close: nobody sends any more, and what has come was taken.
 */
void mailbox_open(struct mailbox *m, struct worker *w, struct ev_loop *loop);
void mailbox_close(struct mailbox *m);

/* Of any thread: |viewer|, linked nowhere, is the receiver's afterwards. */
void mailbox_send(struct mailbox *m, struct list *viewer);
void mailbox_say(struct mailbox *m, unsigned words);

/* The receiver's: moves all viewers behind |out|, and returns the words. */
unsigned mailbox_take(struct mailbox *m, struct list *out);

#endif
