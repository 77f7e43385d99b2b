#include "node/io/dns_server.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "node/io/dns_impl.h"
#include "node/io/sock.h"
#include "node/io/thread.h"
#include "proto/base/rand.h"
#include "proto/digest.h"

#define PORT_PAIR_TRIES 32

/* ---- what is answered from ---- */

void dns_server_publish(struct dns_server *s, struct dns_site *site)
{
    pthread_mutex_lock(&s->lock);
    struct dns_site *before = s->site;
    s->site = dns_site_ref(site);
    atomic_fetch_add(&s->number, 1);
    pthread_mutex_unlock(&s->lock);
    if (before != NULL)
        dns_site_unref(before);
}

static void take_site(struct dns_thread *t)
{
    struct dns_server *s = t->server;
    struct dns_site *before = t->site;

    pthread_mutex_lock(&s->lock);
    t->site = dns_site_ref(s->site);
    t->site_number = atomic_load(&s->number);
    pthread_mutex_unlock(&s->lock);
    if (before != NULL)
        dns_site_unref(before);
}

bool dns_turn(struct dns_thread *t)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    t->from.now = SEC(now.tv_sec) + now.tv_nsec;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    t->from.wall_s = now.tv_sec;
    if (t->site_number != atomic_load_explicit(&t->server->number, memory_order_acquire))
        take_site(t);
    return t->site != NULL;
}

size_t dns_one(struct dns_thread *t, const struct mesh_addr *from, bool tcp, struct slice query, uint8_t *out)
{
    t->from.addr = *from;
    t->from.tcp = tcp;
    t->from.draw = rand_mix(t->seed + t->drawn++);
    return dns_answer(t->site, t->places.find != NULL ? &t->places : NULL, t->limits, &t->counters.answer, &t->from,
                      query, out);
}

static void find_place(void *ctx, const struct mesh_addr *a, char country[3], bool *located, int32_t *lat_e4,
                       int32_t *lon_e4)
{
    struct dns_thread *t = ctx;
    struct place p;

    place_find(t->server->cfg.places, &t->view, a, &p);
    memcpy(country, p.country, sizeof(p.country));
    *located = p.located;
    *lat_e4 = p.lat_e4;
    *lon_e4 = p.lon_e4;
}

/* ---- counters ---- */

#define COUNTERS_N (sizeof(struct dns_server_counters) / sizeof(uint64_t))

void dns_show(struct dns_thread *t)
{
    const uint64_t *own = (const uint64_t *)&t->counters;

    for (size_t i = 0; i < COUNTERS_N; i++)
        atomic_store_explicit(&t->shown[i], own[i], memory_order_relaxed);
}

void dns_server_counters(const struct dns_server *s, struct dns_server_counters *out)
{
    uint64_t *sums = (uint64_t *)out;

    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < s->cfg.threads; i++) {
        for (size_t c = 0; c < COUNTERS_N; c++)
            sums[c] += atomic_load_explicit(&s->threads[i].shown[c], memory_order_relaxed);
    }
}

/* ---- sockets ---- */

static bool is_any(const struct mesh_addr *a)
{
    static const uint8_t zero[16];

    return mesh_addr_is_v4(a) ? memcmp(a->ip + 12, zero, 4) == 0 : memcmp(a->ip, zero, 16) == 0;
}

/* "[::]" takes IPv4, too, unless that has an address of its own. */
static bool has_v4(const struct dns_server_config *cfg)
{
    for (size_t i = 0; i < cfg->addrs_n; i++) {
        if (mesh_addr_is_v4(&cfg->addrs[i]))
            return true;
    }
    return false;
}

/* One number for UDP and TCP. One that is free for TCP may be taken for UDP: then another is drawn. */
static int bind_pair(struct dns_door *d, struct mesh_addr *addr, bool v6_only)
{
    bool any_port = addr->port == 0;

    for (int i = 0; i < (any_port ? PORT_PAIR_TRIES : 1); i++) {
        if (any_port)
            addr->port = 0;
        if ((d->tcp_fd = sock_bind(SOCK_STREAM, addr, v6_only, -1)) < 0)
            return -1;
        if ((d->udp_fd = sock_bind(SOCK_DGRAM, addr, v6_only, -1)) >= 0)
            return 0;
        int err = errno;
        close(d->tcp_fd);
        d->tcp_fd = -1;
        errno = err;
    }
    return -1;
}

/* The same address in all threads: the kernel deals out what comes. */
static int bind_all(struct dns_server *s, struct mesh_addr *addr, size_t at)
{
    struct dns_door *first = &s->threads[0].doors[at];
    bool v6_only = has_v4(&s->cfg);

    if (bind_pair(first, addr, v6_only) != 0)
        return -1;
    for (unsigned i = 1; i < s->cfg.threads; i++) {
        struct dns_door *d = &s->threads[i].doors[at];
        if ((d->tcp_fd = sock_bind(SOCK_STREAM, addr, v6_only, first->tcp_fd)) < 0 ||
            (d->udp_fd = sock_bind(SOCK_DGRAM, addr, v6_only, first->udp_fd)) < 0)
            return -1;
    }
    for (unsigned i = 0; is_any(addr) && i < s->cfg.threads; i++) {
        s->threads[i].doors[at].any_address = true;
        sock_tell_destination(s->threads[i].doors[at].udp_fd, addr);
    }
    return 0;
}

/* ---- threads ---- */

static void on_stop(struct ev_loop *loop, ev_async *async, int revents)
{
    (void)async;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    dns_tcp_second(timer->data);
}

static void *run(void *ctx)
{
    struct dns_thread *t = ctx;

    for (size_t i = 0; i < t->server->cfg.addrs_n; i++) {
        dns_udp_start(&t->doors[i]);
        dns_tcp_start(&t->doors[i]);
    }
    ev_run(t->loop, 0);
    dns_tcp_close(t);
    return NULL;
}

static bool thread_open(struct dns_server *s, struct dns_thread *t)
{
    const struct dns_server_config *cfg = &s->cfg;
    uint8_t key[16];

    if ((t->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV)) == NULL || (t->batch = dns_batch_new()) == NULL ||
        (t->scratch = malloc(2 + DNS_MESSAGE_MAX)) == NULL)
        return false;
    secret_random(key, sizeof(key));
    t->seed = secret_random_u64();
    if (cfg->rate > 0 &&
        (t->limits = dns_limits_new(key, (cfg->rate - 1) / cfg->threads + 1)) == NULL) /* its share of who asks */
        return false;
    t->conns_max = DNS_CONNECTIONS_MAX / cfg->threads;
    t->places.ctx = t;
    t->places.find = cfg->places != NULL ? find_place : NULL;
    t->from.secret = s->cfg.secret;
    ev_async_init(&t->stop, on_stop);
    ev_timer_init(&t->second, on_second, 1., 1.);
    t->second.data = t;
    ev_async_start(t->loop, &t->stop);
    ev_timer_start(t->loop, &t->second);
    return true;
}

struct dns_server *dns_server_open(struct dns_server_config *cfg, int *failed)
{
    struct dns_server *s = calloc(1, sizeof(*s));
    bool ok;

    *failed = -1;
    if (s == NULL)
        return NULL;
    s->cfg = *cfg;
    pthread_mutex_init(&s->lock, NULL);
    s->threads = calloc(cfg->threads, sizeof(*s->threads));
    ok = s->threads != NULL;
    for (unsigned i = 0; ok && i < cfg->threads; i++) {
        struct dns_thread *t = &s->threads[i];
        t->server = s;
        list_init(&t->conns);
        for (size_t at = 0; at < DNS_LISTEN_MAX; at++)
            t->doors[at] = (struct dns_door){ .thread = t, .udp_fd = -1, .tcp_fd = -1 };
    }
    for (unsigned i = 0; ok && i < cfg->threads; i++)
        ok = thread_open(s, &s->threads[i]);
    for (size_t at = 0; ok && at < cfg->addrs_n; at++) {
        if (bind_all(s, &cfg->addrs[at], at) != 0) {
            *failed = (int)at;
            ok = false;
        }
    }
    if (ok) {
        memcpy(s->cfg.addrs, cfg->addrs, sizeof(cfg->addrs)); /* with their ports */
        return s;
    }
    int err = errno;
    dns_server_free(s);
    errno = err;
    return NULL;
}

int dns_server_start(struct dns_server *s)
{
    for (unsigned i = 0; i < s->cfg.threads; i++) {
        int err = thread_start(&s->threads[i].thread, run, &s->threads[i]);
        if (err != 0)
            return err;
        s->threads[i].started = true;
    }
    return 0;
}

static void thread_free(struct dns_thread *t)
{
    if (t->started) {
        ev_async_send(t->loop, &t->stop);
        pthread_join(t->thread, NULL);
    }
    for (size_t at = 0; at < DNS_LISTEN_MAX; at++) {
        if (t->doors[at].udp_fd >= 0)
            close(t->doors[at].udp_fd);
        if (t->doors[at].tcp_fd >= 0)
            close(t->doors[at].tcp_fd);
    }
    if (t->loop != NULL)
        ev_loop_destroy(t->loop);
    if (t->site != NULL)
        dns_site_unref(t->site);
    dns_limits_free(t->limits);
    country_view_fini(&t->view);
    free(t->batch);
    free(t->scratch);
}

void dns_server_free(struct dns_server *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; s->threads != NULL && i < s->cfg.threads; i++)
        thread_free(&s->threads[i]);
    if (s->site != NULL)
        dns_site_unref(s->site);
    pthread_mutex_destroy(&s->lock);
    free(s->threads);
    free(s);
}
