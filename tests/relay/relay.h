/* relay.h - the relay's sockets: ports that are listened on, streams and datagrams that are
 * carried to a target and back, each as late and as damaged as faults.h decides. libev. */
#ifndef HEDGEROW_RELAY_RELAY_H
#define HEDGEROW_RELAY_RELAY_H

#include <ev.h>
#include <sys/socket.h>

#include "proto/base/addr.h"
#include "proto/base/buf.h"
#include "proto/base/heap.h"
#include "proto/base/list.h"
#include "tests/relay/faults.h"

#define RELAY_PORTS_MAX 16

struct relay {
    struct ev_loop *loop;
    struct faults faults;
    struct port {
        struct relay *relay;
        struct mesh_addr listen;
        struct mesh_addr tcp_target, udp_target; /* port 0: not known yet */
        bool tcp, udp;
        int tcp_fd, udp_fd;
        ev_io tcp_watch, udp_watch;
        struct list peers; /* of udp.c */
        size_t peers_n;
    } ports[RELAY_PORTS_MAX];
    size_t ports_n;
    struct list conns; /* of tcp.c */
    uint64_t connections, open;
    struct heap packets; /* datagrams on their way, of udp.c */
    size_t packets_n;
    ev_timer packets_timer;
};

/* relay_init leaves an empty relay; relay_fini closes everything. */
void relay_init(struct relay *r, struct ev_loop *loop, uint64_t seed);
void relay_fini(struct relay *r);

/* relay_port adds LISTEN[=TARGET] for streams, datagrams or both. A port that is there
 * already for the other kind only, with the same words, takes this one in: the two then
 * share one number. 0, MESH_E_SYNTAX, MESH_E_FULL. */
int relay_port(struct relay *r, struct slice text, bool tcp, bool udp);

/* relay_listen binds all ports. 0, or an errno value with the address that it is about. */
int relay_listen(struct relay *r, struct mesh_addr *about);

/* relay_changed lets new settings take effect: what was held up goes on. */
void relay_changed(struct relay *r);

/* relay_stats appends one JSON object, without a line end; relay_ready that of the start. */
void relay_stats(const struct relay *r, struct buf *out);
void relay_ready(const struct relay *r, struct buf *out);

mesh_ns relay_now(void);
double relay_seconds(mesh_ns ns); /* for ev_timer; not negative */
socklen_t relay_sockaddr(const struct mesh_addr *a, struct sockaddr_storage *out);
struct mesh_addr relay_addr(const struct sockaddr_storage *s);

/* tcp.c */
void tcp_listen_update(struct port *p); /* accepts, or leaves callers in the backlog */
void tcp_accept(struct ev_loop *loop, ev_io *w, int events);
void tcp_changed(struct relay *r);
void tcp_close_all(struct relay *r);

/* udp.c */
void udp_received(struct ev_loop *loop, ev_io *w, int events);
void udp_due(struct ev_loop *loop, ev_timer *w, int events);
void udp_retarget(struct port *p);
void udp_close_all(struct relay *r);

#endif
