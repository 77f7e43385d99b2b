/* node_impl.h - what start.c and runtime.c share; nobody else includes it. */
#ifndef HEDGEROW_IO_NODE_IMPL_H
#define HEDGEROW_IO_NODE_IMPL_H

#include "node/io/dns_home.h"
#include "node/io/edge.h"
#include "node/io/keeper.h"
#include "node/io/worker.h"

#define NODE_MAGIC 0x6e6f6465u

struct node {
    uint32_t magic;
    struct node_config cfg;
    struct worker worker;            /* number 0 */
    struct worker *all[WORKERS_MAX]; /* it, and those that read, each in memory of its own */
    unsigned all_n;
    struct room room;
    _Atomic unsigned log_asked; /* how often the log was to be reopened */
    unsigned log_reopened;      /* up to which of these it was */
    struct mesh_addr http, https, mesh, admin;
    pthread_mutex_t certs_lock;
    struct tls_certs *certs; /* what new viewers get, under the lock; NULL: there is no https */
    mesh_ns started, stopped_at, drain_until;
    int64_t started_s;
    ev_signal term, interrupt, reopen, hangup;
    ev_async stop;
    bool ready_told, twin, roll_kept, kept, purges_kept;
    uint64_t purges_bytes;         /* of their file */
    struct keeper *keeper;         /* NULL: they are not kept */
    struct country_file countries; /* if worker 0 has it */
    mesh_ns countries_at;          /* when it was looked at last */
    struct dns_home dns;
    struct keeper *config_keeper;  /* of versions of the configuration; NULL: the same */
    bool configs_kept;
    struct keeper *judge;  /* a thread that judges versions which others send; NULL: the loop does */
    struct buf judged_why; /* the thread's as long as it is at it */
    int outcast;           /* as looked at last */
    uint32_t alarms;       /* as told */
    mesh_ns alarmed_at[ALARMS_N];
    uint64_t boot; /* as kept */
    struct edge edge;
    struct buf known;
    mesh_ns known_at; /* when it was looked at last */
};

/* A keeper has done what it was told last: the lines of purges, or the file as a |whole|. */
void node_kept(void *ctx, bool done, bool whole);
/* The same of a version of the configuration, which is always lent as bytes to be appended. */
void node_config_kept(void *ctx, bool done, bool whole);

/* The judge has judged. */
void node_config_judged(void *ctx, bool good, bool whole);

/* node_cannot_listen writes to |error|, NODE_ERROR_MAX bytes, what errno |err| means of |flag|'s address. */
void node_cannot_listen(char *error, const struct mesh_addr *addr, const char *flag, int err);

/* node->stop was sent. */
void node_stopping(struct ev_loop *loop, ev_async *stop, int revents);

#endif
