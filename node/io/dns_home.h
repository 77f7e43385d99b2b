/* dns_home.h - worker 0's side of DNS: what is answered from is made anew, and published to the threads, when edges,
 * what is known of viewers, or what is served has changed. */
#ifndef HEDGEROW_IO_DNS_HOME_H
#define HEDGEROW_IO_DNS_HOME_H

#include <ev.h>

#include "node/io/dns_server.h"
#include "node/io/runtime.h"

struct dns_home {
    struct dns_server *server; /* NULL: this node answers no DNS */
    struct node *node;
    struct mesh_addr addrs[DNS_LISTEN_MAX]; /* with their ports */
    size_t addrs_n;
    bool published;
    uint64_t view;        /* number of what was published last, */
    struct dist_set *set; /* and its distributions: a reference */
    uint32_t serial;
    ev_timer wake;
    mesh_ns looked;
};

/* dns_home_open binds the addresses of |n|'s configuration; nothing if there are none. dns_home_start, once there is an
 * engine, publishes the first site and lets the threads begin. 0, or -1 with a sentence in |error|. */
int dns_home_open(struct dns_home *h, struct node *n, char *error);
int dns_home_start(struct dns_home *h, char *error);

/* dns_home_turn is called at the end of each turn of the loop. */
void dns_home_turn(struct dns_home *h);

/* dns_home_stop ends the threads: before the engine goes. */
void dns_home_stop(struct dns_home *h);

#endif
