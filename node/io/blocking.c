#include "node/io/blocking.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

union sockaddr_any {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t to_sockaddr(const struct mesh_addr *a, union sockaddr_any *out)
{
    memset(out, 0, sizeof(*out));
    if (mesh_addr_is_v4(a)) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(a->port);
        memcpy(&out->v4.sin_addr, a->ip + 12, 4);
        return sizeof(out->v4);
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(a->port);
    memcpy(&out->v6.sin6_addr, a->ip, 16);
    return sizeof(out->v6);
}

static int close_with(int fd, int err)
{
    close(fd);
    return err;
}

int blocking_listen(const struct mesh_addr *addr, int *fd, struct mesh_addr *bound)
{
    union sockaddr_any sa;
    socklen_t len = to_sockaddr(addr, &sa);
    int on = 1;

    int s = socket(sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return errno;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(s, &sa.any, len) != 0 || listen(s, 128) != 0 || getsockname(s, &sa.any, &len) != 0)
        return close_with(s, errno);
    *bound = *addr;
    bound->port = ntohs(sa.any.sa_family == AF_INET ? sa.v4.sin_port : sa.v6.sin6_port);
    *fd = s;
    return 0;
}

int blocking_accept(int listener, int *fd)
{
    int on = 1;

    do
        *fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (*fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (*fd < 0)
        return errno;
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return 0;
}

int blocking_timeout(int fd, mesh_ns timeout)
{
    struct timeval tv = { .tv_sec = (time_t)(timeout / SEC(1)), .tv_usec = (suseconds_t)(timeout % SEC(1) / US(1)) };

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) != 0)
        return errno;
    return 0;
}

int blocking_connect(const struct mesh_addr *addr, mesh_ns timeout, int *fd)
{
    union sockaddr_any sa;
    socklen_t len = to_sockaddr(addr, &sa);
    int on = 1, err;

    int s = socket(sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return errno;
    if ((err = blocking_timeout(s, timeout)) != 0) /* SO_SNDTIMEO bounds connect, too */
        return close_with(s, err);
    if (connect(s, &sa.any, len) != 0)
        return close_with(s, errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    *fd = s;
    return 0;
}

int blocking_read(int fd, void *to, size_t cap, size_t *n)
{
    ssize_t got;

    do
        got = recv(fd, to, cap, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;
    *n = (size_t)got;
    return 0;
}

int blocking_write(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (n >= 0)
            bytes = slice_from(bytes, (size_t)n);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return ETIMEDOUT;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

void blocking_close(int fd)
{
    close(fd);
}
