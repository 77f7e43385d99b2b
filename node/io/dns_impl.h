/* dns_impl.h - what dns_server.c, dns_udp.c and dns_tcp.c share; nobody else includes it. */
#ifndef HEDGEROW_IO_DNS_IMPL_H
#define HEDGEROW_IO_DNS_IMPL_H

#include <ev.h>
#include <pthread.h>

#include "node/io/dns_server.h"
#include "proto/base/list.h"

#define DNS_BATCH         32
#define DNS_UDP_QUERY_MAX 2048 /* longer datagrams are not looked at */

struct dns_thread;
struct dns_conn;

/* One address in one thread. */
struct dns_door {
    struct dns_thread *thread;
    ev_io udp, tcp;
    int udp_fd, tcp_fd; /* -1: none yet */
    bool any_address;   /* answers name the address that was asked */
};

/* Datagrams of one batch; dns_udp.c's. */
struct dns_batch;

struct dns_thread {
    struct dns_server *server;
    pthread_t thread;
    bool started;
    struct ev_loop *loop;
    ev_async stop;
    ev_timer second;
    struct dns_door doors[DNS_LISTEN_MAX];
    struct dns_site *site; /* a reference; NULL: none yet */
    uint64_t site_number;
    struct dns_limits *limits; /* NULL: none */
    struct dns_places places;
    struct country_view view;
    struct dns_from from; /* of the query at hand; clocks are of the batch */
    uint64_t seed, drawn;
    struct dns_batch *batch;
    struct list conns; /* least lately used first */
    size_t conns_n, conns_max;
    bool starved;                        /* of descriptors: no connection is taken until the next second */
    uint8_t *scratch;                    /* DNS_MESSAGE_MAX and two bytes of length before it */
    struct dns_server_counters counters; /* the thread's own */
    _Atomic uint64_t shown[sizeof(struct dns_server_counters) / sizeof(uint64_t)]; /* the same, for others */
};

struct dns_server {
    struct dns_server_config cfg;
    struct dns_thread *threads;
    pthread_mutex_t lock;
    struct dns_site *site;   /* under the lock */
    _Atomic uint64_t number; /* of |site|; 0: none yet */
};

/* dns_turn begins to answer what has come: reads the clocks and takes the site that is published now. False: there is
 * none. dns_show tells others what was counted. */
bool dns_turn(struct dns_thread *t);
void dns_show(struct dns_thread *t);

/* dns_one answers one query of |from|, into |out| of DNS_MESSAGE_MAX bytes. 0: nothing is said. */
size_t dns_one(struct dns_thread *t, const struct mesh_addr *from, bool tcp, struct slice query, uint8_t *out);

/* ---- dns_udp.c ---- */
struct dns_batch *dns_batch_new(void); /* NULL: out of memory; freed with free */
void dns_udp_start(struct dns_door *d);

/* ---- dns_tcp.c ---- */
void dns_tcp_start(struct dns_door *d);
void dns_tcp_second(struct dns_thread *t); /* ends who was idle for too long */
void dns_tcp_close(struct dns_thread *t);  /* all connections */

#endif
