/* worker.h - one loop and everything that lives on it; what the files of this folder share.
 * Nobody outside includes it. */
#ifndef HEDGEROW_IO_WORKER_H
#define HEDGEROW_IO_WORKER_H

#include <ev.h>

#include "node/http/parse.h"
#include "node/io/access_log.h"
#include "node/io/admin_server.h"
#include "node/io/backbone.h"
#include "node/io/listener.h"
#include "node/io/resolve.h"
#include "node/io/runtime.h"
#include "node/io/seeds.h"
#include "node/io/timeouts.h"
#include "node/io/udp.h"
#include "node/io/upstream.h"
#include "node/io/viewer.h"

#define WORKER_READ_BYTES (128u << 10) /* links and origins are read in pieces of this size */
#define WORKER_TURN_BYTES (1u << 20)   /* one connection writes no more before the others have their turn */
#define WORKER_RANDOM     4096

struct worker {
    struct node *node;
    const struct node_config *cfg;
    struct node_timers timers; /* the configuration's, defaults filled in */
    struct ev_loop *loop;
    struct engine *engine;
    struct node_counters counters;
    mesh_ns now;
    int64_t wall_us;
    bool draining;

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
    struct buf hit; /* answer_hit's, made once */

    uint8_t random[WORKER_RANDOM]; /* drawn in bulk: a system call per request would cost too much */
    size_t random_used;
    char date[32]; /* the Date field's value for |date_s| */
    int64_t date_s;

    struct access_log *log;
    struct listener http, mesh, admin;
    struct viewers viewers;
    struct admin_server admin_server;
    struct upstream_pool upstream;
    struct backbone backbone;
    struct udp udp;
    struct seeds seeds;
};

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
 * to be kept over a restart. node_twin: this identity runs elsewhere, with a higher
 * boot. */
void node_turn(struct node *n);
void node_second(struct node *n);
void node_twin(struct node *n);

#endif
