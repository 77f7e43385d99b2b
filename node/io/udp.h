/* udp.h - the gossip socket. */
#ifndef HEDGEROW_IO_UDP_H
#define HEDGEROW_IO_UDP_H

#include <ev.h>

#include "proto/base/addr.h"

struct worker;

struct udp {
    ev_io io;
    struct worker *worker;
    struct mesh_addr bound;
    int fd; /* -1: none */
};

void udp_init(struct udp *u);
void udp_start(struct udp *u, struct worker *w, int fd, const struct mesh_addr *bound);
void udp_close(struct udp *u);

/* udp_send sends or drops: gossip repeats what matters. */
void udp_send(struct udp *u, const struct mesh_addr *to, struct slice bytes);

#endif
