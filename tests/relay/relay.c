#include "tests/relay/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/err.h"

#define FREE_PORT_TRIES 64

mesh_ns relay_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return SEC(t.tv_sec) + t.tv_nsec;
}

double relay_seconds(mesh_ns ns)
{
    return ns > 0 ? (double)ns / 1e9 : 0;
}

socklen_t relay_sockaddr(const struct mesh_addr *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (mesh_addr_is_v4(a)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip + 12, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    memcpy(&in6->sin6_addr, a->ip, 16);
    return sizeof(*in6);
}

struct mesh_addr relay_addr(const struct sockaddr_storage *s)
{
    struct mesh_addr a = { .port = 0 };

    if (s->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)s;
        return mesh_addr_v4(ntohl(in->sin_addr.s_addr), ntohs(in->sin_port));
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)s;
    memcpy(a.ip, &in6->sin6_addr, 16);
    a.port = ntohs(in6->sin6_port);
    return a;
}

void relay_init(struct relay *r, struct ev_loop *loop, uint64_t seed)
{
    memset(r, 0, sizeof(*r));
    r->loop = loop;
    faults_init(&r->faults, seed);
    list_init(&r->conns);
    heap_init(&r->packets);
    ev_init(&r->packets_timer, udp_due);
    r->packets_timer.data = r;
}

void relay_fini(struct relay *r)
{
    tcp_close_all(r);
    udp_close_all(r);
    for (size_t i = 0; i < r->ports_n; i++) {
        struct port *p = &r->ports[i];
        ev_io_stop(r->loop, &p->tcp_watch);
        ev_io_stop(r->loop, &p->udp_watch);
        if (p->tcp_fd >= 0)
            close(p->tcp_fd);
        if (p->udp_fd >= 0)
            close(p->udp_fd);
    }
    ev_timer_stop(r->loop, &r->packets_timer);
}

/* The port that waits for its other half, if there is one with the same words. */
static struct port *half_port(struct relay *r, const struct mesh_addr *listen, bool tcp, bool udp)
{
    for (size_t i = 0; i < r->ports_n; i++) {
        struct port *p = &r->ports[i];
        if (mesh_addr_eq(&p->listen, listen) && p->tcp != tcp && p->udp != udp)
            return p;
    }
    return NULL;
}

int relay_port(struct relay *r, struct slice text, bool tcp, bool udp)
{
    struct mesh_addr listen, target = { .port = 0 };
    struct slice word;

    if (!slice_split(&text, '=', &word) || mesh_addr_parse(word, &listen) != 0)
        return MESH_E_SYNTAX;
    if (text.data != NULL && (mesh_addr_parse(text, &target) != 0 || target.port == 0))
        return MESH_E_SYNTAX;
    struct port *p = half_port(r, &listen, tcp, udp);
    if (p == NULL) {
        if (r->ports_n == RELAY_PORTS_MAX)
            return MESH_E_FULL;
        p = &r->ports[r->ports_n++];
        *p = (struct port){ .relay = r, .listen = listen, .tcp_fd = -1, .udp_fd = -1 };
        list_init(&p->peers);
        ev_init(&p->tcp_watch, tcp_accept);
        ev_init(&p->udp_watch, udp_received);
        p->tcp_watch.data = p->udp_watch.data = p;
    }
    if (tcp) {
        p->tcp = true;
        p->tcp_target = target;
    }
    if (udp) {
        p->udp = true;
        p->udp_target = target;
    }
    return 0;
}

/* A bound socket in |*fd|, with the real port in |at|. 0 or an errno value. */
static int bind_one(struct mesh_addr *at, int type, int *fd)
{
    struct sockaddr_storage s;
    socklen_t len = relay_sockaddr(at, &s);
    int on = 1, err;

    *fd = socket(s.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return errno;
    if (type == SOCK_STREAM)
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(*fd, (struct sockaddr *)&s, len) != 0 || (type == SOCK_STREAM && listen(*fd, 1024) != 0))
        goto fail;
    len = sizeof(s);
    if (getsockname(*fd, (struct sockaddr *)&s, &len) != 0)
        goto fail;
    *at = relay_addr(&s);
    return 0;
fail:
    err = errno;
    close(*fd);
    *fd = -1;
    return err;
}

/* Both kinds on one number; a free number for one may be taken for the other. */
static int bind_port(struct port *p)
{
    for (int tries = 0;; tries++) {
        struct mesh_addr at = p->listen;
        int err = p->tcp ? bind_one(&at, SOCK_STREAM, &p->tcp_fd) : 0;
        if (err == 0 && p->udp && (err = bind_one(&at, SOCK_DGRAM, &p->udp_fd)) != 0 && p->tcp) {
            close(p->tcp_fd);
            p->tcp_fd = -1;
        }
        if (err == 0)
            p->listen = at;
        if (err != EADDRINUSE || p->listen.port != 0 || tries == FREE_PORT_TRIES)
            return err;
    }
}

int relay_listen(struct relay *r, struct mesh_addr *about)
{
    for (size_t i = 0; i < r->ports_n; i++) {
        struct port *p = &r->ports[i];
        *about = p->listen;
        int err = bind_port(p);
        if (err != 0)
            return err;
        if (p->tcp)
            ev_io_set(&p->tcp_watch, p->tcp_fd, EV_READ);
        tcp_listen_update(p);
        if (p->udp) {
            ev_io_set(&p->udp_watch, p->udp_fd, EV_READ);
            ev_io_start(r->loop, &p->udp_watch);
        }
    }
    return 0;
}

void relay_changed(struct relay *r)
{
    for (size_t i = 0; i < r->ports_n; i++)
        tcp_listen_update(&r->ports[i]);
    tcp_changed(r);
}

void relay_stats(const struct relay *r, struct buf *out)
{
    buf_addf(out, "{\"connections\":%llu,\"open\":%llu,\"flips_left\":%llu", (unsigned long long)r->connections,
             (unsigned long long)r->open, (unsigned long long)r->faults.set.flips_left);
#define X(name) buf_addf(out, ",\"" #name "\":%llu", (unsigned long long)r->faults.seen.name);
    FAULTS_COUNTERS(X)
#undef X
    buf_add_str(out, "}");
}

static void add_ports(const struct relay *r, struct buf *out, const char *key, bool tcp, bool udp)
{
    const char *comma = "";
    char text[MESH_ADDR_TEXT_MAX];

    buf_addf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < r->ports_n; i++) {
        const struct port *p = &r->ports[i];
        if ((tcp && !p->tcp) || (udp && !p->udp))
            continue;
        buf_addf(out, "%s\"%s\"", comma, mesh_addr_text(&p->listen, text));
        comma = ",";
    }
    buf_add_str(out, "]");
}

void relay_ready(const struct relay *r, struct buf *out)
{
    buf_add_str(out, "{\"ready\":true");
    add_ports(r, out, "tcp", true, false);
    add_ports(r, out, "udp", false, true);
    add_ports(r, out, "mesh", true, true);
    buf_add_str(out, "}");
}
