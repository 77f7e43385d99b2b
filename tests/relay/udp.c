/* udp.c - datagrams. Each caller gets a socket of its own towards the target, as a NAT would
 * give it, so that answers find their way back. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/relay/relay.h"

#define DATAGRAM_MAX 65536
#define PEERS_MAX    1024
#define PACKETS_MAX  16384
#define TURN_MAX     64 /* datagrams read before others get their turn */

struct peer {
    struct list in_port;
    struct port *port;
    struct mesh_addr addr;
    int fd; /* -1 after a new target, until it is used again */
    ev_io watch;
};

/* A datagram on its way. */
struct packet {
    struct heap_node due;
    struct peer *peer;
    enum faults_way way;
    size_t len;
    uint8_t bytes[];
};

static void arm(struct relay *r)
{
    mesh_ns at = heap_deadline(&r->packets);

    ev_timer_stop(r->loop, &r->packets_timer);
    if (at == MESH_NS_NEVER)
        return;
    ev_timer_set(&r->packets_timer, relay_seconds(at - relay_now()), 0.);
    ev_timer_start(r->loop, &r->packets_timer);
}

static void from_target(struct ev_loop *loop, ev_io *w, int events);

/* A peer's socket is connected to the target, so that only the target's answers come back. */
static bool peer_connect(struct peer *p)
{
    struct sockaddr_storage s;
    socklen_t len = relay_sockaddr(&p->port->udp_target, &s);

    if (p->fd >= 0)
        return true;
    if (p->port->udp_target.port == 0)
        return false;
    p->fd = socket(s.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return false;
    if (connect(p->fd, (struct sockaddr *)&s, len) != 0) {
        close(p->fd);
        p->fd = -1;
        return false;
    }
    ev_io_init(&p->watch, from_target, p->fd, EV_READ);
    p->watch.data = p;
    ev_io_start(p->port->relay->loop, &p->watch);
    return true;
}

static void peer_disconnect(struct peer *p)
{
    if (p->fd < 0)
        return;
    ev_io_stop(p->port->relay->loop, &p->watch);
    close(p->fd);
    p->fd = -1;
}

static struct peer *peer_of(struct port *port, const struct mesh_addr *addr)
{
    LIST_EACH (at, &port->peers) {
        struct peer *p = OBJ_OF(at, struct peer, in_port);
        if (mesh_addr_eq(&p->addr, addr))
            return p;
    }
    struct peer *p = port->peers_n < PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
    if (p == NULL)
        return NULL;
    p->port = port;
    p->addr = *addr;
    p->fd = -1;
    list_push_back(&port->peers, &p->in_port);
    port->peers_n++;
    return p;
}

/* The kernel may refuse (nobody listens, no room): so may a network. */
static void deliver(struct peer *p, enum faults_way way, const uint8_t *bytes, size_t len)
{
    struct sockaddr_storage s;

    if (way == FAULTS_UP) {
        if (peer_connect(p))
            (void)!send(p->fd, bytes, len, 0);
    } else {
        socklen_t s_len = relay_sockaddr(&p->addr, &s);
        (void)!sendto(p->port->udp_fd, bytes, len, 0, (struct sockaddr *)&s, s_len);
    }
}

static void send_later(struct peer *p, enum faults_way way, const uint8_t *bytes, size_t len, mesh_ns at)
{
    struct relay *r = p->port->relay;
    struct packet *k = r->packets_n < PACKETS_MAX ? calloc(1, sizeof(*k) + len) : NULL;

    if (k == NULL) {
        r->faults.seen.overflowed++;
        return;
    }
    k->peer = p;
    k->way = way;
    k->len = len;
    memcpy(k->bytes, bytes, len);
    heap_set(&r->packets, &k->due, at);
    r->packets_n++;
    arm(r);
}

static void carry(struct peer *p, enum faults_way way, uint8_t *bytes, size_t len)
{
    struct relay *r = p->port->relay;
    mesh_ns at[2], now = relay_now();
    unsigned copies = faults_datagram(&r->faults, way, now, len, at);

    /* A lost datagram takes no flips with it, and both copies carry the same ones. */
    if (copies > 0)
        faults_flip(&r->faults, way, bytes, len);
    for (unsigned i = 0; i < copies; i++) {
        if (at[i] <= now)
            deliver(p, way, bytes, len);
        else
            send_later(p, way, bytes, len, at[i]);
    }
}

void udp_received(struct ev_loop *loop, ev_io *w, int events)
{
    static uint8_t bytes[DATAGRAM_MAX];
    struct port *port = w->data;

    (void)loop;
    (void)events;
    for (int i = 0; i < TURN_MAX; i++) {
        struct sockaddr_storage s;
        socklen_t s_len = sizeof(s);
        ssize_t n = recvfrom(port->udp_fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&s, &s_len);
        if (n < 0)
            return;
        struct mesh_addr from = relay_addr(&s);
        struct peer *p = peer_of(port, &from);
        if (p != NULL)
            carry(p, FAULTS_UP, bytes, (size_t)n);
        else
            port->relay->faults.seen.overflowed++;
    }
}

static void from_target(struct ev_loop *loop, ev_io *w, int events)
{
    static uint8_t bytes[DATAGRAM_MAX];
    struct peer *p = w->data;

    (void)loop;
    (void)events;
    for (int i = 0; i < TURN_MAX; i++) {
        ssize_t n = recv(p->fd, bytes, sizeof(bytes), 0);
        if (n >= 0)
            carry(p, FAULTS_DOWN, bytes, (size_t)n);
        else if (errno != ECONNREFUSED && errno != EINTR)
            return;
    }
}

void udp_due(struct ev_loop *loop, ev_timer *w, int events)
{
    struct relay *r = w->data;
    struct heap_node *node;

    (void)loop;
    (void)events;
    while ((node = heap_pop(&r->packets, relay_now())) != NULL) {
        struct packet *k = OBJ_OF(node, struct packet, due);
        r->packets_n--;
        /* What was under way when the link was cut is lost with it. */
        if (faults_passes(&r->faults, k->way))
            deliver(k->peer, k->way, k->bytes, k->len);
        else
            r->faults.seen.lost++;
        free(k);
    }
    arm(r);
}

void udp_retarget(struct port *port)
{
    LIST_EACH (at, &port->peers)
        peer_disconnect(OBJ_OF(at, struct peer, in_port));
}

void udp_close_all(struct relay *r)
{
    struct heap_node *node;

    while ((node = heap_pop(&r->packets, MESH_NS_NEVER)) != NULL)
        free(OBJ_OF(node, struct packet, due));
    for (size_t i = 0; i < r->ports_n; i++) {
        LIST_EACH_SAFE (at, &r->ports[i].peers) {
            struct peer *p = OBJ_OF(at, struct peer, in_port);
            peer_disconnect(p);
            free(p);
        }
        list_init(&r->ports[i].peers);
    }
}
