#include "node/io/sock.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LISTEN_BACKLOG 4096
#define UDP_BUFFER     (1 << 20) /* a burst of gossip must outlast a busy turn of the loop */

union sock_addr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* As |family|: an IPv4 address for an IPv6 socket stays mapped. */
static socklen_t sock_addr_to(union sock_addr *sa, const struct mesh_addr *addr, int family)
{
    memset(sa, 0, sizeof(*sa));
    if (family == AF_INET) {
        sa->v4.sin_family = AF_INET;
        sa->v4.sin_port = htons(addr->port);
        memcpy(&sa->v4.sin_addr, addr->ip + 12, 4);
        return sizeof(sa->v4);
    }
    sa->v6.sin6_family = AF_INET6;
    sa->v6.sin6_port = htons(addr->port);
    memcpy(&sa->v6.sin6_addr, addr->ip, 16);
    return sizeof(sa->v6);
}

static int family_of(const struct mesh_addr *addr)
{
    return mesh_addr_is_v4(addr) ? AF_INET : AF_INET6;
}

bool sock_addr_of(const struct sockaddr *sa, struct mesh_addr *out)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sa;
        *out = mesh_addr_v4(ntohl(v4->sin_addr.s_addr), ntohs(v4->sin_port));
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sa;
        memcpy(out->ip, &v6->sin6_addr, 16);
        out->port = ntohs(v6->sin6_port);
        return true;
    }
    return false;
}

static void set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int fail_closed(int fd)
{
    int err = errno;

    close(fd);
    errno = err;
    return -1;
}

static int bind_either(int fd, struct mesh_addr *addr, bool v6_only)
{
    union sock_addr sa;
    socklen_t len = sock_addr_to(&sa, addr, family_of(addr));

    if (family_of(addr) == AF_INET6)
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
    if (bind(fd, &sa.any, len) != 0)
        return -1;
    len = sizeof(sa);
    if (getsockname(fd, &sa.any, &len) != 0)
        return -1;
    addr->port = ntohs(sa.any.sa_family == AF_INET ? sa.v4.sin_port : sa.v6.sin6_port);
    return 0;
}

static int bind_port(int fd, struct mesh_addr *addr)
{
    return bind_either(fd, addr, false);
}

int sock_listen(struct mesh_addr *addr)
{
    int fd = socket(family_of(addr), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (bind_port(fd, addr) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
        return fail_closed(fd);
    return fd;
}

int sock_listen_too(int first, const struct mesh_addr *addr)
{
    struct mesh_addr same = *addr;
    int fd = socket(family_of(addr), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_int(first, SOL_SOCKET, SO_REUSEPORT, 1);
    set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (bind_port(fd, &same) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
        return fail_closed(fd);
    return fd;
}

int sock_udp(struct mesh_addr *addr)
{
    int fd = socket(family_of(addr), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_int(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
    set_int(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER);
    if (bind_port(fd, addr) != 0)
        return fail_closed(fd);
    return fd;
}

int sock_bind(int type, struct mesh_addr *addr, bool v6_only, int first)
{
    int fd = socket(family_of(addr), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (first >= 0) {
        set_int(first, SOL_SOCKET, SO_REUSEPORT, 1);
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (type == SOCK_STREAM) {
        set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    } else {
        set_int(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
        set_int(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER);
    }
    if (bind_either(fd, addr, v6_only) != 0 || (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) != 0))
        return fail_closed(fd);
    return fd;
}

void sock_tell_destination(int fd, const struct mesh_addr *bound)
{
    if (family_of(bound) == AF_INET)
        set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
    else
        set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

int sock_connect(const struct mesh_addr *addr)
{
    union sock_addr sa;
    socklen_t len = sock_addr_to(&sa, addr, family_of(addr));
    int fd = socket(family_of(addr), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (connect(fd, &sa.any, len) != 0 && errno != EINPROGRESS)
        return fail_closed(fd);
    return fd;
}

int sock_connect_error(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 ? err : errno;
}

int sock_accept(int listener, struct mesh_addr *from)
{
    union sock_addr sa;
    socklen_t len = sizeof(sa);
    int fd = accept4(listener, &sa.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0 && !sock_addr_of(&sa.any, from))
        memset(from, 0, sizeof(*from));
    return fd;
}

bool sock_send_to(int fd, const struct mesh_addr *bound, const struct mesh_addr *to, struct slice bytes)
{
    union sock_addr sa;
    socklen_t len = sock_addr_to(&sa, to, family_of(bound));

    if (family_of(bound) == AF_INET && !mesh_addr_is_v4(to))
        return false;
    return sendto(fd, bytes.data, bytes.len, MSG_NOSIGNAL, &sa.any, len) == (ssize_t)bytes.len;
}

ssize_t sock_recv_from(int fd, void *data, size_t cap, struct mesh_addr *from)
{
    union sock_addr sa;
    socklen_t len = sizeof(sa);
    ssize_t n = recvfrom(fd, data, cap, 0, &sa.any, &len);

    if (n >= 0 && !sock_addr_of(&sa.any, from))
        memset(from, 0, sizeof(*from));
    return n;
}

void sock_notice_death(int fd, int seconds)
{
    enum { PROBES = 4 };

    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, (seconds + 1) / 2);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, (seconds + 2 * PROBES - 1) / (2 * PROBES));
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
}

size_t sock_unsent(int fd)
{
    int n = 0;

    return ioctl(fd, TIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

void sock_reset(int fd)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static bool is_any(const struct mesh_addr *addr)
{
    static const uint8_t zero[16];

    return mesh_addr_is_v4(addr) ? memcmp(addr->ip + 12, zero, 4) == 0 : memcmp(addr->ip, zero, 16) == 0;
}

static bool is_link_local(const struct mesh_addr *addr)
{
    return mesh_addr_is_v4(addr) ? addr->ip[12] == 169 && addr->ip[13] == 254
                                 : addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0x80;
}

/* Adds those of the interfaces that others can reach. With none, peers find us where they see us. */
static size_t add_interfaces(const struct ifaddrs *all, const struct mesh_addr *bound, struct mesh_addr *out,
                             size_t max)
{
    size_t n = 0;

    for (const struct ifaddrs *at = all; at != NULL && n < max; at = at->ifa_next) {
        struct mesh_addr addr;
        if (at->ifa_addr == NULL || (at->ifa_flags & IFF_UP) == 0 || !sock_addr_of(at->ifa_addr, &addr))
            continue;
        if (mesh_addr_is_loopback(&addr) || is_link_local(&addr) ||
            (mesh_addr_is_v4(bound) && !mesh_addr_is_v4(&addr)))
            continue;
        addr.port = bound->port;
        out[n++] = addr;
    }
    return n;
}

size_t sock_own_addrs(const struct mesh_addr *bound, struct mesh_addr *out, size_t max)
{
    struct ifaddrs *all = NULL;
    size_t n;

    if (!is_any(bound)) {
        out[0] = *bound;
        return 1;
    }
    if (getifaddrs(&all) != 0)
        return 0;
    n = add_interfaces(all, bound, out, max);
    freeifaddrs(all);
    return n;
}
