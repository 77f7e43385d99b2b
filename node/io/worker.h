/* worker.h - one loop and everything that lives on it; what the files of this folder share.
 * Nobody outside includes it.
 *
 * Worker 0 is the home of every key: it has the engine, the mesh, the origin, the admin address, and viewers of its
 * own. All others have viewers alone, and answer what can be read without the engine; a viewer that asks for anything
 * else goes to worker 0, and comes back when that is done (viewer_pass.c). What is not said to be shared is one
 * worker's own, and is touched by its thread alone. */
#ifndef HEDGEROW_IO_WORKER_H
#define HEDGEROW_IO_WORKER_H

#include <ev.h>

#include "node/core/shelf_read.h"
#include "node/http/parse.h"
#include "node/io/access_log.h"
#include "node/io/admin_server.h"
#include "node/io/backbone.h"
#include "node/io/country_file.h"
#include "node/io/directory.h"
#include "node/io/disk.h"
#include "node/io/listener.h"
#include "node/io/mailbox.h"
#include "node/io/resolve.h"
#include "node/io/room.h"
#include "node/io/rtt_box.h"
#include "node/io/runtime.h"
#include "node/io/seeds.h"
#include "node/io/timeouts.h"
#include "node/io/udp.h"
#include "node/io/upstream.h"
#include "node/io/viewer.h"

#define WORKER_READ_BYTES (128u << 10) /* links and origins are read in pieces of this size */
#define WORKER_TURN_BYTES (1u << 20)   /* one connection writes no more before the others have their turn */
#define WORKER_RANDOM     4096

/* Written by one worker, read by any. */
struct worker_counters {
#define X(name, help) _Atomic uint64_t name;
    NODE_COUNTERS(X)
#undef X
    _Atomic uint64_t origin_connections, origin_idle, links;
};

struct worker {
    struct buf masked[3]; /* what is written of target, referer and cookies in the line at hand */
    struct node *node;
    unsigned number; /* in |all|; 0: it has the engine */
    struct worker *const *all;
    unsigned all_n;
    struct room *room; /* shared */
    const struct node_config *cfg;
    struct node_timers timers; /* the configuration's, defaults filled in */
    struct ev_loop *loop;
    int epoll; /* the loop's, to be told of descriptors that go to another one; -1: it has none */
    struct mailbox mail;
    pthread_t thread;
    bool started;
    struct engine *engine;      /* NULL: this one reads ... */
    struct shelf_reader reader; /* ... by this */
    struct worker_counters counters;
    mesh_ns now;
    int64_t wall_us;
    bool draining;
    unsigned handshakes; /* of viewers that were looked at in this turn */

    /* pump.c */
    ev_check turn_begins;
    ev_prepare turn_ends;
    ev_timer alarm;
    ev_timer each_second;

    /* Scratch of one callback: nothing in it lives on. */
    uint8_t *read_buf;
    struct http_request request;
    struct http_response response;
    struct buf head;
    size_t head_bytes;   /* of the request's head */
    struct buf hit, pop; /* answer_hit's, and who we are to viewers; made once */

    uint8_t random[WORKER_RANDOM]; /* drawn in bulk: a system call per request would cost too much */
    size_t random_used;
    char date[32]; /* the Date field's value for |date_s| */
    int64_t date_s;

    struct access_log *log; /* shared */
    bool log_more;          /* its format wants more than JSON does */
    struct access_gather gather;
    _Atomic unsigned log_handed;       /* the call to reopen the log before which its lines were handed over */
    struct country_file *country_file; /* NULL: none; worker 0's */
    struct country_view countries;
    struct disk *disk;                        /* NULL: none; worker 0's */
    struct listener http, https, mesh, admin; /* |https| may be none */
    struct viewers viewers;
    struct rtt_box rtts; /* of them; worker 0 takes them out */
    struct admin_server admin_server;
    struct resolver *resolver; /* worker 0's */
    struct upstreams upstream;
    struct directory *directory; /* answers for origins that are directories; worker 0's */
    struct backbone backbone;
    struct udp udp;
    struct seeds seeds;
};

static inline struct worker *worker_home(const struct worker *w)
{
    return w->all[0];
}

/* worker_init makes one of |n|'s workers, whose |all|, |room| and |timers| are there; worker_open makes its loop: 0, or
 * MESH_E_NOMEM. worker_start lets one that reads run on a thread of its own, beside the engine: 0 or an errno.
 * worker_join ends that: it is the caller's thread's then. worker_fini wants the engine to be gone already. */
void worker_init(struct worker *w, struct node *n, unsigned number);
int worker_open(struct worker *w);
int worker_start(struct worker *w);
void worker_join(struct worker *w);
void worker_fini(struct worker *w);

/* worker_mail takes what other threads left. */
void worker_mail(struct worker *w);

/* worker_drain: no new viewers; those who are here are answered to their end. */
void worker_drain(struct worker *w);

/* worker_now reads the clock; time never goes back. */
mesh_ns worker_now(struct worker *w);

/* worker_date is the Date field's value for this turn. */
struct slice worker_date(struct worker *w);

/* worker_random writes |len| random bytes. */
void worker_random(struct worker *w, void *out, size_t len);

/* worker_notice tells the operator. */
void worker_notice(struct worker *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- pump.c ---- */
void pump_start(struct worker *w);
void pump_stop(struct worker *w);

/* ---- runtime.c ---- */
/* node_turn is called at the end of each turn of the loop: it sees that the node is ready, or
 * that what a drain waits for is over. node_second is called each second: alarms, and what is
 * to be kept over a restart. node_keep: purges are to be kept, node_keep_config: a version of the configuration.
 * node_twin: this identity runs elsewhere, with a higher boot. */
void node_turn(struct node *n);
void node_second(struct node *n);
void node_keep_config(struct node *n, struct slice bytes);
void node_keep(struct node *n, struct slice lines);
void node_twin(struct node *n);

/* node_certs_take returns what a new viewer is shown, with a reference that is the caller's. Any thread. */
struct tls_certs *node_certs_take(struct node *n);

/* node_log_asked is how often the log was to be reopened so far. Any thread. */
unsigned node_log_asked(const struct node *n);

#endif
