#include "node/io/resolve.h"

#include <ares.h>
#include <assert.h>
#include <ev.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "node/io/sock.h"
#include "proto/base/buf.h"
#include "proto/base/list.h"

#define TRIES           2
#define HOST_BYTES      256
#define SERVERS_MAX     4
#define FILE_TTL        SEC(30) /* what the hosts file says is looked at again after so long */
#define AAAA_PATIENCE_S 0.05    /* addresses of IPv4 alone wait so long for those of IPv6 (RFC 8305 section 3) */
#define RESOLV_CONF     "/etc/resolv.conf"

/* One socket of c-ares. */
struct watch {
    struct list link;
    struct resolver *resolver;
    ev_io io;
};

struct resolver {
    struct ev_loop *loop;
    ares_channel channel;
    const char *servers; /* NULL: the system's */
    mesh_ns patience;
    struct timespec conf_at; /* when RESOLV_CONF was changed last */
    struct list watches, queries;
    ev_timer timer; /* c-ares' own deadlines */
    size_t asked;   /* parts that c-ares works on */
};

/* What is asked for one family. */
struct part {
    struct resolve_query *query;
    struct mesh_addr addrs[RESOLVE_FAMILY_MAX];
    size_t n;
    int status;
};

/*  asked --part--> (patience) --timer--> told of what there is --part--> told of all: gone
 * |pending| counts the parts that c-ares still has; it lets go of none of them before its time. */
struct resolve_query {
    struct list link;
    struct resolver *resolver;
    ev_timer tell;
    resolve_done *done; /* NULL: forgotten */
    void *ctx;
    uint16_t port;
    unsigned pending;
    mesh_ns ttl;
    struct part v6, v4;
};

bool resolve_numeric(struct slice host, uint16_t port, struct mesh_addr *out)
{
    char text[80];
    bool v6 = host.len > 0 && memchr(host.data, ':', host.len) != NULL;
    int n = snprintf(text, sizeof(text), v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_FMT(host), port);

    return n > 0 && (size_t)n < sizeof(text) && mesh_addr_parse(slice_str(text), out) == 0;
}

bool resolve_servers_ok(struct slice text)
{
    struct slice one;
    struct mesh_addr addr;
    size_t n = 0;

    while (slice_split(&text, ',', &one)) {
        if (++n > SERVERS_MAX || mesh_addr_parse(one, &addr) != 0 || addr.port == 0)
            return false;
    }
    return n > 0;
}

/* ---- at once ---- */

static bool name_text(char text[HOST_BYTES], struct slice host)
{
    if (host.len == 0 || host.len >= HOST_BYTES || memchr(host.data, 0, host.len) != NULL)
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = 0;
    return true;
}

size_t resolve_now(struct slice host, uint16_t port, struct mesh_addr addrs[RESOLVE_ADDRS_MAX], const char **error)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;
    char text[HOST_BYTES];
    size_t n = 0;

    if (resolve_numeric(host, port, &addrs[0]))
        return 1;
    if (!name_text(text, host)) {
        *error = "the name is too long";
        return 0;
    }
    int err = getaddrinfo(text, NULL, &hints, &found);
    if (err != 0) {
        *error = gai_strerror(err);
        return 0;
    }
    for (struct addrinfo *at = found; at != NULL && n < RESOLVE_ADDRS_MAX; at = at->ai_next) {
        if (sock_addr_of(at->ai_addr, &addrs[n]))
            addrs[n++].port = port;
    }
    freeaddrinfo(found);
    *error = n == 0 ? "it has no address" : NULL;
    return n;
}

/* ---- c-ares on the loop ---- */

/* c-ares is asked anew after each of its turns: its deadlines move. */
static void set_timer(struct resolver *r)
{
    struct timeval tv, *next = r->channel != NULL ? ares_timeout(r->channel, NULL, &tv) : NULL;

    ev_timer_stop(r->loop, &r->timer);
    if (next == NULL)
        return;
    ev_timer_set(&r->timer, (ev_tstamp)next->tv_sec + (ev_tstamp)next->tv_usec / 1e6, 0.);
    ev_timer_start(r->loop, &r->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct resolver *r = timer->data;

    (void)loop;
    (void)revents;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int revents)
{
    struct resolver *r = ((struct watch *)io->data)->resolver;
    int fd = io->fd; /* the watch may go meanwhile */

    (void)loop;
    ares_process_fd(r->channel, (revents & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
                    (revents & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static void watch_free(struct watch *w)
{
    ev_io_stop(w->resolver->loop, &w->io);
    list_remove(&w->link);
    free(w);
}

/* c-ares wants to hear of |fd|, or (neither) closes it. Without memory it does not hear, and its deadline comes. */
static void on_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = ctx;
    struct watch *w = NULL;
    int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);

    LIST_EACH (at, &r->watches) {
        if (OBJ_OF(at, struct watch, link)->io.fd == fd)
            w = OBJ_OF(at, struct watch, link);
    }
    if (events == 0) {
        if (w != NULL)
            watch_free(w);
        return;
    }
    if (w == NULL) {
        if ((w = calloc(1, sizeof(*w))) == NULL)
            return;
        w->resolver = r;
        ev_io_init(&w->io, on_socket, fd, events);
        w->io.data = w;
        list_push_back(&r->watches, &w->link);
    } else {
        ev_io_stop(r->loop, &w->io);
        ev_io_set(&w->io, fd, events);
    }
    ev_io_start(r->loop, &w->io);
}

static struct timespec conf_changed(void)
{
    struct stat st;

    return stat(RESOLV_CONF, &st) == 0 ? st.st_mtim : (struct timespec){ 0, 0 };
}

static bool channel_open(struct resolver *r)
{
    static char lookups[] = "b"; /* the hosts file is ours to read: it holds for both families or for none */
    struct ares_options opts = {
        .timeout = (int)(r->patience / MS(1)),
        .tries = TRIES,
        .lookups = lookups,
        .sock_state_cb = on_state,
        .sock_state_cb_data = r,
    };

    r->conf_at = conf_changed();
    if (ares_init_options(&r->channel, &opts,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB) !=
        ARES_SUCCESS) {
        r->channel = NULL;
        return false;
    }
    if (r->servers == NULL || ares_set_servers_ports_csv(r->channel, r->servers) == ARES_SUCCESS)
        return true;
    ares_destroy(r->channel);
    r->channel = NULL;
    return false;
}

struct resolver *resolver_new(struct ev_loop *loop, const char *servers, mesh_ns patience)
{
    struct resolver *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->servers = servers;
    r->patience = patience;
    list_init(&r->watches);
    list_init(&r->queries);
    ev_timer_init(&r->timer, on_timer, 0., 0.);
    r->timer.data = r;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        free(r);
        return NULL;
    }
    if (!channel_open(r)) {
        ares_library_cleanup();
        free(r);
        return NULL;
    }
    return r;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    LIST_EACH_SAFE (at, &r->queries) {
        resolve_forget(OBJ_OF(at, struct resolve_query, link));
    }
    if (r->channel != NULL)
        ares_destroy(r->channel); /* each part is called back, and with its last one each query goes */
    assert(r->asked == 0);
    LIST_EACH_SAFE (at, &r->watches) {
        watch_free(OBJ_OF(at, struct watch, link));
    }
    ev_timer_stop(r->loop, &r->timer);
    ares_library_cleanup();
    free(r);
}

/* ---- a question ---- */

void resolve_forget(struct resolve_query *q)
{
    q->done = NULL;
    ev_timer_stop(q->resolver->loop, &q->tell);
    list_remove(&q->link);
    if (q->pending == 0)
        free(q);
}

static bool is_absent(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

/* Of two families' troubles the one that is not the name's own comes first. */
static const char *fault_of(const struct resolve_query *q)
{
    int status = is_absent(q->v4.status) ? q->v6.status : q->v4.status;

    switch (status) {
    case ARES_ENOTFOUND: return "there is no such name";
    case ARES_ENODATA: return "the name has no address";
    case ARES_ETIMEOUT: return "no DNS server answers";
    case ARES_ECONNREFUSED: return "no DNS server is there";
    case ARES_ESERVFAIL: return "the DNS server failed";
    default: return ares_strerror(status);
    }
}

static void on_tell(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct resolve_query *q = timer->data;
    struct mesh_addr all[RESOLVE_ADDRS_MAX];
    struct resolve_answer a = { .addrs = all, .whole = q->pending == 0, .ttl = q->ttl };
    resolve_done *done = q->done;
    void *ctx = q->ctx;

    (void)loop;
    (void)revents;
    for (size_t i = 0; i < q->v6.n; i++)
        all[a.n++] = q->v6.addrs[i];
    for (size_t i = 0; i < q->v4.n; i++)
        all[a.n++] = q->v4.addrs[i];
    if (a.n == 0) {
        a.ttl = RESOLVE_TTL_MIN;
        a.absent = is_absent(q->v4.status) && is_absent(q->v6.status);
        a.timed_out = q->v4.status == ARES_ETIMEOUT || q->v6.status == ARES_ETIMEOUT;
        a.error = fault_of(q);
    }
    if (a.whole)
        resolve_forget(q);
    done(ctx, &a);
}

static void tell_in(struct resolve_query *q, ev_tstamp s)
{
    ev_timer_stop(q->resolver->loop, &q->tell);
    ev_timer_set(&q->tell, s, 0.);
    ev_timer_start(q->resolver->loop, &q->tell);
}

static void add_addr(struct part *p, const struct sockaddr *sa)
{
    if (p->n == RESOLVE_FAMILY_MAX || !sock_addr_of(sa, &p->addrs[p->n]))
        return;
    p->addrs[p->n++].port = p->query->port;
}

static void lower_ttl(struct resolve_query *q, int s)
{
    mesh_ns ttl = SEC(s < 0 ? 0 : s);

    q->ttl = mesh_ns_min(q->ttl, ttl < RESOLVE_TTL_MIN ? RESOLVE_TTL_MIN : ttl);
}

static void on_part(void *ctx, int status, int timeouts, struct ares_addrinfo *res)
{
    struct part *p = ctx;
    struct resolve_query *q = p->query;

    (void)timeouts;
    q->resolver->asked--;
    q->pending--;
    p->status = status;
    if (status == ARES_SUCCESS && q->done != NULL) {
        for (struct ares_addrinfo_cname *at = res->cnames; at != NULL; at = at->next)
            lower_ttl(q, at->ttl);
        for (struct ares_addrinfo_node *at = res->nodes; at != NULL; at = at->ai_next) {
            add_addr(p, at->ai_addr);
            lower_ttl(q, at->ai_ttl);
        }
        if (p->n == 0)
            p->status = ARES_ENODATA;
    }
    ares_freeaddrinfo(res);
    if (q->done == NULL) {
        if (q->pending == 0)
            free(q);
        return;
    }
    if (q->pending == 0 || p->n > 0)
        tell_in(q, q->pending == 0 || p == &q->v6 ? 0. : AAAA_PATIENCE_S);
}

/* What the hosts file has of |name|. False: nothing. */
static bool ask_file(struct resolve_query *q, const char *name)
{
    struct part *parts[] = { &q->v6, &q->v4 };
    static const int families[] = { AF_INET6, AF_INET };

    for (size_t i = 0; i < 2; i++) {
        struct hostent *found = NULL;
        if (ares_gethostbyname_file(q->resolver->channel, name, families[i], &found) != ARES_SUCCESS)
            continue;
        for (char **at = found->h_addr_list; *at != NULL && parts[i]->n < RESOLVE_FAMILY_MAX; at++) {
            struct mesh_addr *addr = &parts[i]->addrs[parts[i]->n++];
            if (found->h_addrtype == AF_INET)
                *addr = mesh_addr_v4(be32_get((const uint8_t *)*at), q->port);
            else
                memcpy(addr->ip, *at, sizeof(addr->ip));
            addr->port = q->port;
        }
        ares_free_hostent(found);
    }
    q->ttl = FILE_TTL;
    return q->v6.n + q->v4.n > 0;
}

static void ask_dns(struct resolve_query *q, const char *name)
{
    struct resolver *r = q->resolver;
    struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT, .ai_socktype = SOCK_STREAM };

    q->ttl = RESOLVE_TTL_MAX;
    q->pending = 2;
    r->asked += 2;
    hints.ai_family = AF_INET6; /* first, since it is preferred (RFC 8305 section 3) */
    ares_getaddrinfo(r->channel, name, NULL, &hints, on_part, &q->v6);
    hints.ai_family = AF_INET;
    ares_getaddrinfo(r->channel, name, NULL, &hints, on_part, &q->v4);
    set_timer(r);
}

/* Other servers, as the system says now: c-ares reads that once. */
static void renew_channel(struct resolver *r)
{
    struct timespec at = conf_changed();

    if (r->channel != NULL && (r->asked > 0 || (at.tv_sec == r->conf_at.tv_sec && at.tv_nsec == r->conf_at.tv_nsec)))
        return;
    if (r->channel != NULL)
        ares_destroy(r->channel);
    channel_open(r);
}

struct resolve_query *resolver_ask(struct resolver *r, struct slice host, uint16_t port, resolve_done *done, void *ctx)
{
    struct resolve_query *q;
    char name[HOST_BYTES];

    renew_channel(r);
    if (r->channel == NULL || !name_text(name, host) || (q = calloc(1, sizeof(*q))) == NULL)
        return NULL;
    q->resolver = r;
    q->done = done;
    q->ctx = ctx;
    q->port = port;
    q->v6.query = q->v4.query = q;
    ev_timer_init(&q->tell, on_tell, 0., 0.);
    q->tell.data = q;
    list_push_back(&r->queries, &q->link);
    if (ask_file(q, name))
        tell_in(q, 0.);
    else
        ask_dns(q, name);
    return q;
}
