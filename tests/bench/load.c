/* load.c - asks one HTTP/1.1 server for things as fast as it answers: N keep-alive connections, each with one request
 * under way at a time, on one thread. Each answer's status and length is looked at; with --stamped also that it begins
 * with its own path. Once the time is over what is under way is waited for, so that each request asked is one
 * answered. Prints one line of JSON, and ends with 1 when an answer was wrong or stayed away.
 *
 *     load --to PORT --path /1024/x --bytes 1024 [--targets K [--first N]] [--in-turn] [--seed S] [--list FILE]
 *          [--connections 64] [--seconds S | --requests N] [--stamped] [--hold]
 *
 * --targets K     asks for K things: a number from N (0) to N + K - 1 stands behind the path
 * --list FILE     asks for what the file names, a path a line
 * --in-turn       one after the other, and again from the first; else at random, by the seed
 * --hold          one request a connection; then they stay open and idle until standard input ends
 *
 * Bodies are counted by the kernel and thrown away there (MSG_TRUNC), so that the generator costs less than the server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX     8192
#define PATH_BYTES   256
#define EVENTS_MAX   256
#define SILENCE_MS   20000
#define WRONG_MAX    100
#define LATENCY_BITS 4                      /* 16 steps an octave: within 6 % */
#define LATENCIES    (64 << LATENCY_BITS)

struct conn {
    int fd;
    bool busy, close_after, in_body;
    uint64_t asked_ns;
    size_t got, left;                       /* of the head; of the body */
    size_t path_bytes;
    char path[PATH_BYTES];
    char in[HEAD_MAX];
};

static struct {
    unsigned long port, connections, targets, first, requests, bytes;
    const char *path, *list;
    uint64_t seed, duration_ns;
    bool in_turn, stamped, hold;
} opt = { .connections = 64, .targets = 0, .seed = 1, .path = "/1024/x" };

static char **listed;
static uint64_t asked, answered, wrong, again, reconnects, body_bytes, turn, random_state;
static uint64_t latencies[LATENCIES];
static uint64_t end_ns;
static char why[400];
static int poll_fd;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fault(const char *what, const struct conn *c)
{
    if (wrong++ == 0)
        snprintf(why, sizeof(why), "%s: %.100s", c->path, what);
    for (char *p = why; *p; p++) {      /* it becomes a string of JSON, and a server may have said part of it */
        if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
            *p = '?';
    }
}

static uint64_t next_number(uint64_t count)
{
    if (opt.in_turn)
        return turn++ % count;
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 16) % count;
}

static void choose_path(struct conn *c)
{
    int len;

    if (listed)
        len = snprintf(c->path, sizeof(c->path), "%s", listed[next_number(opt.targets)]);
    else if (opt.targets)
        len = snprintf(c->path, sizeof(c->path), "%s%llu", opt.path,
                       (unsigned long long)(opt.first + next_number(opt.targets)));
    else if (c->path_bytes)
        return;
    else
        len = snprintf(c->path, sizeof(c->path), "%s", opt.path);
    c->path_bytes = (size_t)len;
}

static void conn_open(struct conn *c)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll_ctl");
    c->close_after = false;
}

static void conn_send(struct conn *c)
{
    char out[PATH_BYTES + 128];
    int len = snprintf(out, sizeof(out),
                       "GET %s HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n", c->path);

    c->got = c->left = 0;
    c->in_body = false;
    c->busy = true;
    if (send(c->fd, out, (size_t)len, MSG_NOSIGNAL) != len && errno != EPIPE && errno != ECONNRESET)
        die("send");        /* a server that has just closed is found out by reading */
}

/* Asks for the next thing, if there is to be another. */
static void conn_next(struct conn *c, uint64_t now)
{
    if (opt.requests ? asked == opt.requests : now >= end_ns)
        return;
    choose_path(c);
    asked++;
    c->asked_ns = now;
    conn_send(c);
}

static void conn_reopen(struct conn *c)
{
    close(c->fd);
    conn_open(c);
    reconnects++;
}

/* The connection ended. Before any byte of an answer that is the server's right: it is asked again. */
static void conn_ended(struct conn *c)
{
    conn_reopen(c);
    if (!c->busy)
        return;
    if (c->got > 0 || c->in_body || ++again > 1000 + answered / 10) {
        fault("the connection ended before its answer did", c);
        c->busy = false;
        conn_next(c, now_ns());
    } else {
        conn_send(c);
    }
}

static void note_latency(uint64_t ns)
{
    unsigned octave = ns < (1u << LATENCY_BITS) ? 0 : 63u - (unsigned)__builtin_clzll(ns) - LATENCY_BITS;

    latencies[(octave << LATENCY_BITS) + (ns >> octave)]++;
}

static double latency_us(double share)
{
    uint64_t below = 0, rank = (uint64_t)(share * (double)answered);

    for (size_t i = 0; i < LATENCIES; i++) {
        below += latencies[i];
        if (below > rank) {
            size_t octave = i < (2u << LATENCY_BITS) ? 0 : (i >> LATENCY_BITS) - 1;
            return (double)((uint64_t)(i - (octave << LATENCY_BITS) + 1) << octave) / 1000;
        }
    }
    return 0;
}

static void conn_done(struct conn *c)
{
    uint64_t now = now_ns();

    note_latency(now - c->asked_ns);
    answered++;
    body_bytes += opt.bytes;
    c->busy = false;
    c->path_bytes = opt.targets ? 0 : c->path_bytes;
    if (c->close_after)
        conn_reopen(c);
    if (!opt.hold)
        conn_next(c, now);
}

/* Reads the fields of the head [in, end); false, with the fault noted, when the answer is not the one asked for. */
static bool read_head(struct conn *c, const char *end)
{
    long long length = -1;

    if (memcmp(c->in, "HTTP/1.1 200", 12) != 0) {
        c->in[12] = '\0';
        fault(c->in, c);
        return false;
    }
    for (const char *line = memchr(c->in, '\n', (size_t)(end - c->in)); line && line + 2 < end;
         line = memchr(line, '\n', (size_t)(end - line))) {
        line++;
        if ((*line | 0x20) != 'c')
            continue;
        if (strncasecmp(line, "content-length:", 15) == 0)
            length = strtoll(line + 15, NULL, 10);
        else if (strncasecmp(line, "connection: close", 17) == 0)
            c->close_after = true;
    }
    if (length != (long long)opt.bytes) {
        fault(length < 0 ? "no length" : "another length", c);
        return false;
    }
    return true;
}

/* Reads what came up to the body. False when the connection can no longer be read sensibly. */
static bool conn_read_head(struct conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->got, HEAD_MAX - c->got, 0);

    if (n < 0 && errno == EAGAIN)
        return true;
    if (n <= 0) {
        conn_ended(c);
        return true;
    }
    c->got += (size_t)n;
    char *end = memmem(c->in, c->got, "\r\n\r\n", 4);
    if (!end) {
        if (c->got == HEAD_MAX)
            fault("a long head", c);
        return c->got < HEAD_MAX;
    }
    end += 4;
    size_t beyond = c->got - (size_t)(end - c->in);
    if (!read_head(c, end))
        return false;
    if (beyond > opt.bytes) {
        fault("more than its length", c);
        return false;
    }
    if (opt.stamped && beyond >= c->path_bytes && memcmp(end, c->path, c->path_bytes) != 0) {
        fault("another object", c);
        return false;
    }
    c->in_body = true;
    c->left = opt.bytes - beyond;
    return true;
}

static void conn_readable(struct conn *c)
{
    if (!c->busy) {
        conn_ended(c);
        return;
    }
    if (!c->in_body) {
        if (!conn_read_head(c)) {
            c->busy = false;
            conn_reopen(c);
            conn_next(c, now_ns());
            return;
        }
    } else {
        ssize_t n = recv(c->fd, NULL, c->left, MSG_TRUNC);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            conn_ended(c);
            return;
        }
        c->left -= n > 0 ? (size_t)n : 0;
    }
    if (c->in_body && c->left == 0)
        conn_done(c);
}

static void run(struct conn *conns)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t began = now_ns();

    end_ns = began + opt.duration_ns;
    for (unsigned long i = 0; i < opt.connections; i++) {
        conn_open(&conns[i]);
        conn_next(&conns[i], began);
    }
    while (answered + wrong < asked && wrong < WRONG_MAX) {
        int count = epoll_wait(poll_fd, events, EVENTS_MAX, SILENCE_MS);
        if (count == 0) {
            snprintf(why, sizeof(why), "no answer for %d s", SILENCE_MS / 1000);
            wrong += asked - answered - wrong;
        }
        for (int i = 0; i < count; i++)
            conn_readable(events[i].data.ptr);
    }
    end_ns = now_ns() - began;      /* from here on: how long it took */
}

static void report(void)
{
    struct rusage used;
    double seconds = (double)end_ns / 1e9;

    getrusage(RUSAGE_SELF, &used);
    printf("{\"requests\": %llu, \"wrong\": %llu, \"why\": \"%s\", \"again\": %llu, \"reconnects\": %llu, "
           "\"bytes\": %llu, \"seconds\": %.6f, \"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"cpu_seconds\": %.3f}\n",
           (unsigned long long)answered, (unsigned long long)wrong, why, (unsigned long long)again,
           (unsigned long long)reconnects, (unsigned long long)body_bytes, seconds, (double)answered / seconds,
           latency_us(0.5), latency_us(0.99),
           (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    fflush(stdout);
}

static void read_list(void)
{
    FILE *file = fopen(opt.list, "r");
    char line[PATH_BYTES];
    size_t room = 0;

    if (!file)
        die(opt.list);
    opt.targets = 0;
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (opt.targets == room) {
            room = room ? 2 * room : 256;
            listed = realloc(listed, room * sizeof(*listed));
        }
        if (!listed || !(listed[opt.targets++] = strdup(line)))
            die("list");
    }
    fclose(file);
    if (opt.targets == 0) {
        fprintf(stderr, "load: %s is empty\n", opt.list);
        exit(2);
    }
}

static bool read_option(const char *name, const char *value)
{
    static const struct {
        const char *name;
        unsigned long *to;
    } numbers[] = { { "--to", &opt.port },       { "--connections", &opt.connections }, { "--targets", &opt.targets },
                    { "--first", &opt.first },   { "--requests", &opt.requests },       { "--bytes", &opt.bytes },
                    { "--seed", &opt.seed } };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].to = strtoul(value, NULL, 10);
            return true;
        }
    }
    if (strcmp(name, "--path") == 0)
        opt.path = value;
    else if (strcmp(name, "--list") == 0)
        opt.list = value;
    else if (strcmp(name, "--seconds") == 0)
        opt.duration_ns = (uint64_t)(strtod(value, NULL) * 1e9);
    else
        return false;
    return true;
}

static bool read_flag(const char *name)
{
    if (strcmp(name, "--in-turn") == 0)
        opt.in_turn = true;
    else if (strcmp(name, "--stamped") == 0)
        opt.stamped = true;
    else if (strcmp(name, "--hold") == 0)
        opt.hold = true;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (read_flag(argv[i]))
            continue;
        if (i + 1 == argc || !read_option(argv[i], argv[i + 1])) {
            fprintf(stderr, "load: what is %s? The usage stands at the top of load.c.\n", argv[i]);
            return 2;
        }
        i++;
    }
    if (opt.list)
        read_list();
    if (opt.hold)
        opt.requests = opt.connections;
    if (opt.port == 0 || opt.connections == 0 || (opt.requests == 0 && opt.duration_ns == 0)) {
        fprintf(stderr, "load: --to, and --seconds or --requests, must be given\n");
        return 2;
    }
    random_state = opt.seed * 0x9e3779b97f4a7c15u + 1;
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct conn *conns = calloc(opt.connections, sizeof(*conns));
    if (poll_fd < 0 || !conns)
        die("start");
    run(conns);
    report();
    if (opt.hold) {
        char c;
        while (read(STDIN_FILENO, &c, 1) > 0)
            continue;
    }
    return wrong > 0;
}
