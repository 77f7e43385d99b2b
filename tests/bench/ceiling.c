/* ceiling.c - how fast HTTP over this machine's loopback can get at all: one thread that reads a request and writes an
 * answer made beforehand, with one call each. What a server costs beyond that is the server.
 *
 *     ceiling [--libev] [--stamp] [--port PORT]
 *
 * /N/anything is N bytes, the same for each path; with --stamp the body begins with the path, so that one object cannot
 * be taken for another: this is the bench's origin. /count is how many other requests there were. The loop is epoll's,
 * or libev's with --libev. Prints a line of JSON with the address once it listens. Reads no more of a request than its
 * first line, and knows no pipelining: for the generator and for caches, not for people. */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX   4096
#define STAMP_MAX     64
#define BODY_MAX      (64u << 20)
#define SIZES_MAX     16
#define EVENTS_MAX    256
#define LISTEN_QUEUE  4096

struct answer {
    size_t head_bytes, body_bytes;
    char *bytes;
};

enum want { WANT_READ, WANT_WRITE, WANT_CLOSE };

struct conn {
    ev_io io;
    int fd;
    enum want want;
    size_t got;                 /* bytes of a request that is not whole yet */
    struct iovec left[3];       /* of the answer under way */
    int left_count;
    char stamp[STAMP_MAX];
    char in[REQUEST_MAX];
};

static struct answer answers[SIZES_MAX];
static size_t answers_count;
static uint64_t requests;
static bool stamping;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Bytes that no compression makes less of. */
static void fill(char *out, size_t bytes)
{
    uint64_t x = 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < bytes; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (char)(x >> 32);
    }
}

/* answer_of returns the answer of this size, made at its first use; NULL beyond SIZES_MAX sizes. */
static const struct answer *answer_of(size_t body_bytes)
{
    char date[64], head[512];
    time_t now = time(NULL);

    for (size_t i = 0; i < answers_count; i++) {
        if (answers[i].body_bytes == body_bytes)
            return &answers[i];
    }
    if (answers_count == SIZES_MAX)
        return NULL;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    int head_bytes = snprintf(head, sizeof(head),
                              "HTTP/1.1 200 OK\r\nDate: %s\r\nServer: bench\r\n"
                              "Content-Type: application/octet-stream\r\nContent-Length: %zu\r\n"
                              "Cache-Control: public, max-age=86400\r\nETag: \"bench-%zu\"\r\n"
                              "Last-Modified: Mon, 06 Jan 2025 10:00:00 GMT\r\n\r\n",
                              date, body_bytes, body_bytes);
    struct answer *made = &answers[answers_count++];
    made->head_bytes = (size_t)head_bytes;
    made->body_bytes = body_bytes;
    made->bytes = malloc(made->head_bytes + body_bytes);
    if (!made->bytes)
        die("malloc");
    memcpy(made->bytes, head, made->head_bytes);
    fill(made->bytes + made->head_bytes, body_bytes);
    return made;
}

static void say(struct conn *c, const char *head, size_t bytes)
{
    /* Short and rare: what does not fit at once is a reader that has gone. */
    if (send(c->fd, head, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        shutdown(c->fd, SHUT_RDWR);
}

static void say_count(struct conn *c)
{
    char text[128], digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)requests);
    int bytes = snprintf(text, sizeof(text),
                         "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: no-store\r\n\r\n%s", len, digits);

    say(c, text, (size_t)bytes);
}

/* Hands over what is left of the answer; what the connection waits for next. */
static enum want conn_write(struct conn *c)
{
    while (c->left_count > 0) {
        ssize_t sent = writev(c->fd, c->left, c->left_count);
        if (sent < 0)
            return errno == EAGAIN ? WANT_WRITE : WANT_CLOSE;
        int first = 0;
        while (first < c->left_count && (size_t)sent >= c->left[first].iov_len)
            sent -= (ssize_t)c->left[first++].iov_len;
        c->left_count -= first;
        memmove(c->left, c->left + first, (size_t)c->left_count * sizeof(c->left[0]));
        if (c->left_count > 0) {
            c->left[0].iov_base = (char *)c->left[0].iov_base + sent;
            c->left[0].iov_len -= (size_t)sent;
            return WANT_WRITE;
        }
    }
    return WANT_READ;
}

/* Chooses the answer to the request in c->in. */
static void conn_answer(struct conn *c)
{
    static const char none[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    char *path = memchr(c->in, ' ', c->got), *after = path;
    unsigned long bytes = path && path[1] == '/' ? strtoul(path + 2, &after, 10) : 0;
    const struct answer *answer = after != path && *after == '/' && bytes <= BODY_MAX ? answer_of(bytes) : NULL;

    if (path && strncmp(path, " /count ", 8) == 0) {
        say_count(c);
        return;
    }
    requests++;
    if (!answer) {
        say(c, none, sizeof(none) - 1);
        return;
    }
    c->left[0] = (struct iovec){ answer->bytes, answer->head_bytes + answer->body_bytes };
    c->left_count = 1;
    if (!stamping)
        return;
    size_t stamp = strcspn(path + 1, " ");
    if (stamp > STAMP_MAX)
        stamp = STAMP_MAX;
    if (stamp > answer->body_bytes)
        stamp = answer->body_bytes;
    memcpy(c->stamp, path + 1, stamp);
    c->left[0].iov_len = answer->head_bytes;
    c->left[1] = (struct iovec){ c->stamp, stamp };
    c->left[2] = (struct iovec){ answer->bytes + answer->head_bytes + stamp, answer->body_bytes - stamp };
    c->left_count = 3;
}

/* The socket is ready for what the connection wanted: goes on, and returns what it wants next. */
static enum want conn_ready(struct conn *c)
{
    if (c->left_count > 0)
        return conn_write(c);
    ssize_t n = read(c->fd, c->in + c->got, sizeof(c->in) - 1 - c->got);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? WANT_READ : WANT_CLOSE;
    c->got += (size_t)n;
    c->in[c->got] = '\0';
    if (c->got < 4 || memcmp(c->in + c->got - 4, "\r\n\r\n", 4) != 0)
        return c->got == sizeof(c->in) - 1 ? WANT_CLOSE : WANT_READ;
    conn_answer(c);
    c->got = 0;
    return conn_write(c);
}

/* The next connection of the listener, or NULL. */
static struct conn *conn_accept(int listener)
{
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct conn *c = malloc(sizeof(*c));
    if (!c)
        die("malloc");
    c->fd = fd;
    c->want = WANT_READ;
    c->got = 0;
    c->left_count = 0;
    return c;
}

static void conn_close(struct conn *c)
{
    close(c->fd);
    free(c);
}

static void epoll_want(int poll, int how, struct conn *c)
{
    struct epoll_event event = { .events = c->want == WANT_WRITE ? EPOLLOUT : EPOLLIN, .data.ptr = c };

    if (epoll_ctl(poll, how, c->fd, &event) != 0)
        die("epoll_ctl");
}

static void run_epoll(int listener)
{
    struct epoll_event events[EVENTS_MAX], event = { .events = EPOLLIN, .data.ptr = NULL };
    int poll = epoll_create1(EPOLL_CLOEXEC);

    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0)
        die("epoll");
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) {
                while ((c = conn_accept(listener)) != NULL)
                    epoll_want(poll, EPOLL_CTL_ADD, c);
                continue;
            }
            enum want want = conn_ready(c);
            if (want == WANT_CLOSE) {
                conn_close(c);
            } else if (want != c->want) {
                c->want = want;
                epoll_want(poll, EPOLL_CTL_MOD, c);
            }
        }
    }
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
    struct conn *c = io->data;
    enum want want = conn_ready(c);

    (void)events;
    if (want == c->want)
        return;
    ev_io_stop(loop, io);
    if (want == WANT_CLOSE) {
        conn_close(c);
        return;
    }
    c->want = want;
    ev_io_set(io, c->fd, want == WANT_WRITE ? EV_WRITE : EV_READ);
    ev_io_start(loop, io);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    struct conn *c;

    (void)events;
    while ((c = conn_accept(io->fd)) != NULL) {
        ev_io_init(&c->io, on_ready, c->fd, EV_READ);
        c->io.data = c;
        ev_io_start(loop, &c->io);
    }
}

static void run_libev(int listener)
{
    struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
    ev_io accepting;

    if (!loop)
        die("libev");
    ev_io_init(&accepting, on_accept, listener, EV_READ);
    ev_io_start(loop, &accepting);
    ev_run(loop, 0);
}

static void end(int number)
{
    (void)number;
    _exit(0);
}

static int listen_on(unsigned long port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(to);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&to, len) != 0 || listen(fd, LISTEN_QUEUE) != 0 ||
        getsockname(fd, (struct sockaddr *)&to, &len) != 0)
        die("listen");
    printf("{\"http\": \"127.0.0.1:%u\"}\n", ntohs(to.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    bool libev = false;
    unsigned long port = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--libev") == 0) {
            libev = true;
        } else if (strcmp(argv[i], "--stamp") == 0) {
            stamping = true;
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            port = strtoul(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: ceiling [--libev] [--stamp] [--port PORT]\n");
            return 2;
        }
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, end);
    signal(SIGINT, end);
    int listener = listen_on(port);
    if (libev)
        run_libev(listener);
    else
        run_epoll(listener);
    return 0;
}
