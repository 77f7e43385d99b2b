#include "node/io/race.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "node/io/sock.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

/* Takes the socket out. */
static int release(struct racer *one)
{
    struct race *r = one->race;
    int fd = one->io.fd;

    ev_io_stop(r->worker->loop, &one->io);
    one->io.fd = -1;
    if (--r->running > 0)
        (*r->extra)--;
    return fd;
}

static void lose(struct racer *one)
{
    close(release(one));
    one->race->worker->counters.origin_connections--;
}

static void lose_all(struct race *r)
{
    for (size_t i = 0; i < RACERS_MAX; i++) {
        if (r->racers[i].io.fd >= 0)
            lose(&r->racers[i]);
    }
}

void race_stop(struct race *r)
{
    if (!r->under_way)
        return;
    r->under_way = false;
    lose_all(r);
    ev_timer_stop(r->worker->loop, &r->timer);
}

static void finish(struct race *r, const struct race_end *end)
{
    struct race_end copy = *end;

    race_stop(r);
    r->done(r->ctx, &copy);
}

static void note_failure(struct race *r, int error)
{
    r->end.cause = cause_of_errno(error);
    r->end.err = r->end.cause == CAUSE_FULL ? MESH_E_FULL : MESH_E_REFUSED;
}

static void go_on(struct race *r);

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct racer *one = io->data;
    struct race *r = one->race;
    int error = sock_connect_error(io->fd);

    (void)loop;
    (void)revents;
    worker_now(r->worker);
    if (error == 0) {
        struct race_end end = { .addr = one->addr, .took = r->worker->now - one->began };
        end.fd = release(one);
        finish(r, &end);
        return;
    }
    lose(one);
    note_failure(r, error);
    r->next_at = r->worker->now;
    go_on(r);
}

/* Begins with the next address, which may fail at once. */
static void begin_one(struct race *r)
{
    struct racer *one = NULL;

    for (size_t i = 0; one == NULL; i++) {
        if (r->racers[i].io.fd < 0)
            one = &r->racers[i];
    }
    one->addr = r->addrs[r->next];
    r->next = (r->next + 1) % r->n;
    r->tried++;
    int fd = sock_connect(&one->addr);
    if (fd < 0) {
        note_failure(r, errno);
        return;
    }
    if (r->running++ > 0)
        (*r->extra)++;
    r->worker->counters.origin_connections++;
    one->began = r->worker->now;
    ev_io_set(&one->io, fd, EV_WRITE);
    ev_io_start(r->worker->loop, &one->io);
    r->next_at = r->worker->now + RACE_STAGGER;
}

/* May one more be begun beside those under way? Time is another matter. */
static bool may_begin(const struct race *r)
{
    return r->tried < r->n && (r->running == 0 || (r->running < RACERS_MAX && *r->extra < r->extra_max));
}

static void begin_attempt(struct race *r)
{
    r->attempts--;
    r->tried = 0;
    r->next_at = r->worker->now;
    r->attempt_until = r->worker->now + r->span;
}

static void sleep_until(struct race *r, mesh_ns at)
{
    mesh_ns in = at - r->worker->now;

    ev_timer_stop(r->worker->loop, &r->timer);
    ev_timer_set(&r->timer, in > 0 ? (ev_tstamp)in / 1e9 : 0., 0.);
    ev_timer_start(r->worker->loop, &r->timer);
}

/* Does all that is due, until there is something to be waited for, or nothing left to do. */
static void go_on(struct race *r)
{
    mesh_ns now = r->worker->now;

    if (r->running > 0 && now >= r->attempt_until) {
        lose_all(r);
        r->end.err = MESH_E_TIMEOUT;
        r->end.cause = CAUSE_CONNECT_TIMEOUT;
        r->tried = r->n;
    }
    for (;;) {
        if (r->running > 0 && !(may_begin(r) && now >= r->next_at))
            break;
        if (r->running == 0 && r->tried == r->n) {
            if (r->attempts == 0) {
                r->end.fd = -1;
                finish(r, &r->end);
                return;
            }
            begin_attempt(r);
        }
        begin_one(r);
    }
    /* Where sockets are scarce there may be one in a moment. */
    mesh_ns next = r->tried < r->n && r->running < RACERS_MAX ? r->next_at : MESH_NS_NEVER;
    if (next <= now)
        next = now + RACE_STAGGER;
    sleep_until(r, mesh_ns_min(next, r->attempt_until));
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct race *r = timer->data;

    (void)loop;
    (void)revents;
    worker_now(r->worker);
    go_on(r);
}

void race_start(struct race *r, struct worker *w, const struct mesh_addr *addrs, size_t n, const struct race_rule *rule,
                race_done *done, void *ctx)
{
    assert(!r->under_way && n > 0 && n <= RESOLVE_ADDRS_MAX && rule->attempts > 0);
    memcpy(r->addrs, addrs, n * sizeof(addrs[0]));
    r->n = n;
    r->next = 0;
    r->running = 0;
    r->worker = w;
    r->attempts = rule->attempts;
    r->span = rule->timeout;
    r->extra = rule->extra;
    r->extra_max = rule->extra_max;
    r->done = done;
    r->ctx = ctx;
    r->under_way = true;
    r->end = (struct race_end){ .err = MESH_E_REFUSED, .cause = CAUSE_UNAVAILABLE };
    for (size_t i = 0; i < RACERS_MAX; i++) {
        r->racers[i].race = r;
        ev_io_init(&r->racers[i].io, on_io, -1, EV_WRITE);
        r->racers[i].io.data = &r->racers[i];
    }
    ev_timer_init(&r->timer, on_timer, 0., 0.);
    r->timer.data = r;
    begin_attempt(r);
    go_on(r);
}

static bool knows(const struct race *r, const struct mesh_addr *addr)
{
    for (size_t i = 0; i < r->n; i++) {
        if (mesh_addr_eq(&r->addrs[i], addr))
            return true;
    }
    return false;
}

void race_more(struct race *r, const struct mesh_addr *addrs, size_t n)
{
    if (!r->under_way)
        return;
    for (size_t i = 0; i < n && r->n < RESOLVE_ADDRS_MAX; i++) {
        if (knows(r, &addrs[i]))
            continue;
        if (r->tried == r->n) /* all had their turn: it is this one's */
            r->next = r->n;
        r->addrs[r->n++] = addrs[i];
    }
    go_on(r);
}
