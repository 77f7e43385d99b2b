/* pump.c - what goes round: the clock is read when a turn of the loop begins; when all events
 * of the turn are handled the engine is told the time and asked what is to be done, until
 * there is nothing more; then the loop sleeps until the next deadline. */
#include <time.h>

#include "node/io/reserve.h"
#include "node/io/worker.h"

static mesh_ns clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

mesh_ns worker_now(struct worker *w)
{
    mesh_ns now = clock_ns(CLOCK_MONOTONIC);

    if (now > w->now)
        w->now = now;
    return w->now;
}

struct slice worker_date(struct worker *w)
{
    int64_t s = w->wall_us / 1000000;
    time_t t = (time_t)s;
    struct tm tm;

    if (s != w->date_s) {
        w->date_s = s;
        gmtime_r(&t, &tm);
        strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    }
    return slice_str(w->date);
}

static void read_clocks(struct worker *w)
{
    worker_now(w);
    w->wall_us = clock_ns(CLOCK_REALTIME) / 1000;
    if (w->engine != NULL)
        engine_clock(w->engine, w->now, w->wall_us / 1000000);
}

/* To whoever asks origins of its kind. */
static void dispatch_fetch(struct worker *w, const struct engine_out *out)
{
    struct fetch *f = out->fetch;
    const struct dist_origin *o = f->origin;

    if (out->kind == ENGINE_FETCH && o->kind == DIST_DIRECTORY)
        directory_begin(w->directory, f, o->root);
    else if (out->kind == ENGINE_FETCH)
        upstream_begin(&w->upstream, f);
    else if (out->kind == ENGINE_FETCH_FLOW)
        directory_has(f) ? directory_flow(w->directory, f) : upstream_flow(&w->upstream, f);
    else
        directory_has(f) ? directory_drop(w->directory, f) : upstream_drop(&w->upstream, f);
}

static void dispatch(struct worker *w, const struct engine_out *out)
{
    switch (out->kind) {
    case ENGINE_DATAGRAM: udp_send(&w->udp, &out->addr, out->bytes); break;
    case ENGINE_DIAL: backbone_dial(&w->backbone, out->link, &out->addr); break;
    case ENGINE_WRITE: backbone_write(&w->backbone, out->link); break;
    case ENGINE_CLOSE: backbone_end(&w->backbone, out->link); break;
    case ENGINE_FETCH:
    case ENGINE_FETCH_FLOW:
    case ENGINE_FETCH_STOP: dispatch_fetch(w, out); break;
    case ENGINE_REQUEST: viewers_news(&w->viewers, out->request); break;
    case ENGINE_DISK: disk_do(w->disk, out->op); break;
    case ENGINE_KEEP: node_keep(w->node, out->bytes); break;
    case ENGINE_CONFIG: node_keep_config(w->node, out->bytes); break;
    case ENGINE_PROBE: upstream_probe(&w->upstream); break;
    case ENGINE_TWIN: node_twin(w->node); break;
    }
}

static mesh_ns next_deadline(const struct worker *w)
{
    mesh_ns at = viewers_deadline(&w->viewers);

    if (w->engine == NULL)
        return at;
    at = mesh_ns_min(at, engine_deadline(w->engine));
    at = mesh_ns_min(at, upstream_deadline(&w->upstream));
    return mesh_ns_min(at, admin_deadline(&w->admin_server));
}

static void set_alarm(struct worker *w)
{
    mesh_ns at = next_deadline(w);

    ev_timer_stop(w->loop, &w->alarm);
    if (at == MESH_NS_NEVER)
        return;
    mesh_ns in = at - worker_now(w);
    ev_timer_set(&w->alarm, in > 0 ? (ev_tstamp)in / 1e9 : 0., 0.);
    ev_timer_start(w->loop, &w->alarm);
}

static void on_turn_begins(struct ev_loop *loop, ev_check *check, int revents)
{
    (void)loop;
    (void)revents;
    struct worker *w = check->data;
    w->handshakes = 0;
    if (w->engine == NULL)
        shelf_reader_begin(&w->reader);
    read_clocks(w);
}

/* What only worker 0 has. */
static void run_home(struct worker *w)
{
    struct engine_out out;

    upstream_run(&w->upstream, w->now);
    admin_run(&w->admin_server, w->now);
    if (engine_deadline(w->engine) <= w->now)
        engine_tick(w->engine, w->now);
    while (engine_poll(w->engine, &out)) {
        worker_now(w);
        dispatch(w, &out);
    }
    node_turn(w->node);
}

static void on_turn_ends(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
    struct worker *w = prepare->data;

    (void)loop;
    (void)revents;
    worker_now(w);
    viewers_run(&w->viewers, w->now);
    if (w->engine != NULL)
        run_home(w);
    set_alarm(w);
    if (w->engine == NULL)
        shelf_reader_end(&w->reader);
}

/* The alarm only wakes the loop: the end of the turn does the rest. */
static void on_alarm(struct ev_loop *loop, ev_timer *alarm, int revents)
{
    (void)loop;
    (void)alarm;
    (void)revents;
}

static void on_second(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct worker *w = timer->data;

    (void)loop;
    (void)revents;
    worker_now(w);
    listener_second(&w->http);
    listener_second(&w->https);
    if (w->log != NULL)
        access_log_flush(w->log, &w->gather);
    if (w->engine == NULL)
        return;
    reserve_fill();
    listener_second(&w->mesh);
    listener_second(&w->admin);
    seeds_second(&w->seeds);
    upstream_second(&w->upstream);
    node_second(w->node);
    if (w->log == NULL)
        return;
    int error = access_log_error(w->log);
    if (error != 0)
        worker_notice(w, "access log %s: %s; it is tried again, lines wait in memory meanwhile", w->cfg->access_log,
                      strerror(error));
}

void pump_start(struct worker *w)
{
    ev_check_init(&w->turn_begins, on_turn_begins);
    ev_set_priority(&w->turn_begins, EV_MAXPRI); /* before any event of the turn */
    ev_prepare_init(&w->turn_ends, on_turn_ends);
    ev_timer_init(&w->alarm, on_alarm, 0., 0.);
    ev_timer_init(&w->each_second, on_second, 1., 1.);
    w->turn_begins.data = w->turn_ends.data = w->alarm.data = w->each_second.data = w;
    ev_check_start(w->loop, &w->turn_begins);
    ev_prepare_start(w->loop, &w->turn_ends);
    ev_timer_start(w->loop, &w->each_second);
    read_clocks(w);
}

void pump_stop(struct worker *w)
{
    ev_check_stop(w->loop, &w->turn_begins);
    ev_prepare_stop(w->loop, &w->turn_ends);
    ev_timer_stop(w->loop, &w->alarm);
    ev_timer_stop(w->loop, &w->each_second);
}
