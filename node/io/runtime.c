#include "node/io/runtime.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>

#include "node/core/known.h"
#include "node/io/node_impl.h"

#define SIGNALS_N    4
#define HOOK_WAIT    SEC(12) /* for the announce hook, at the end */
#define KNOWN_PERIOD SEC(60)
#define PURGES_FILE  (UINT64_C(64) << 20) /* bytes; then it is written anew */

/* ---- running, and how it ends ---- */

static void leave_now(struct node *n)
{
    ev_break(n->worker.loop, EVBREAK_ALL);
}

static void keep_known(struct node *n)
{
    struct buf now = BUF_EMPTY;

    n->known_at = n->worker.now;
    known_put(&now, engine_mesh(n->worker.engine));
    /* Alone we know nobody: what we knew is worth more. */
    if (buf_ok(&now) && mesh_alive(engine_mesh(n->worker.engine)) > 1 &&
        !slice_eq(buf_slice(&now), buf_slice(&n->known)) && n->cfg.keep_known != NULL) {
        n->kept = n->cfg.keep_known(n->cfg.keep_ctx, buf_slice(&now));
        buf_free(&n->known);
        buf_take(&n->known, &now);
    }
    buf_free(&now);
}

/* First time: off the mesh, no new viewers, and what is in flight is finished. Again: that's it. */
static void stop(struct node *n)
{
    struct worker *w = &n->worker;

    if (w->draining) {
        leave_now(n);
        return;
    }
    worker_now(w);
    n->stopped_at = w->now;
    n->drain_until = w->now + w->timers.drain;
    keep_known(n); /* while we still see who is there */
    engine_leave(w->engine, w->now);
    worker_drain(w);
    edge_tell(n);
    for (unsigned i = 1; i < n->all_n; i++)
        mailbox_say(&n->all[i]->mail, MAIL_DRAIN);
}

static bool drained(struct node *n)
{
    struct worker *w = &n->worker;
    struct engine_usage usage;

    if (w->now - n->stopped_at < HOOK_WAIT && !announce_over(&n->edge.announce))
        return false;
    if (w->now >= n->drain_until)
        return true;
    if (room_n(&n->room) > 0 || !engine_left(w->engine))
        return false;
    engine_usage(w->engine, &usage);
    if (usage.serves > 0)
        return false;
    engine_disk_close(w->engine, w->now);
    return engine_disk_closed(w->engine);
}

uint32_t node_alarms(struct node *n, mesh_ns since[ALARMS_N])
{
    mesh_ns now = worker_now(&n->worker);
    bool kept = n->kept && n->roll_kept && n->purges_kept && n->configs_kept;
    uint32_t bits = engine_alarms(n->worker.engine, now) | (kept ? 0 : ALARM_BIT(not_kept));

    for (unsigned a = 0; a < ALARMS_N; a++) {
        uint32_t bit = UINT32_C(1) << a;
        if ((bits & bit) != 0 && (n->alarms & bit) == 0) {
            n->alarmed_at[a] = now;
            worker_notice(&n->worker, "ALARM %s: %s", alarm_name(a), alarm_text(a));
        }
        since[a] = n->alarmed_at[a];
    }
    n->alarms = bits;
    return bits;
}

#define COUNTRIES_PERIOD SEC(10)

/* Is the file of countries another one? One that is none is said once, and what was known stays. */
static void look_at_countries(struct node *n)
{
    struct worker *w = &n->worker;
    struct buf why = BUF_EMPTY;

    n->countries_at = w->now;
    if (w->country_file == NULL)
        return;
    int news = country_file_refresh(w->country_file, &why);
    if (news > 0)
        worker_notice(w, "countries are taken from the new %s", n->cfg.countries);
    else if (news < 0)
        worker_notice(w, "%.*s; countries stay as they were", SLICE_FMT(buf_slice(&why)));
    buf_free(&why);
}

void node_second(struct node *n)
{
    struct mesh *mesh = engine_mesh(n->worker.engine);
    mesh_ns since[ALARMS_N];
    uint64_t boot = mesh_boot(mesh).number;

    node_alarms(n, since);
    edge_second(n);
    if (boot != n->boot && n->cfg.keep_boot != NULL) {
        n->kept = n->cfg.keep_boot(n->cfg.keep_ctx, boot);
        n->boot = boot;
    }
    if (n->worker.now - n->known_at >= KNOWN_PERIOD)
        keep_known(n);
    if (n->worker.now - n->countries_at >= COUNTRIES_PERIOD)
        look_at_countries(n);
}

unsigned node_log_asked(const struct node *n)
{
    return atomic_load(&n->log_asked);
}

/* Once all workers have handed over what belongs into the old file. */
static void reopen_log(struct node *n)
{
    unsigned asked = node_log_asked(n);

    if (asked == n->log_reopened)
        return;
    for (unsigned i = 1; i < n->all_n; i++) {
        if (atomic_load(&n->all[i]->log_handed) != asked)
            return;
    }
    n->log_reopened = asked;
    access_log_flush(n->worker.log, &n->worker.gather);
    access_log_reopen(n->worker.log);
}

static void ask_to_reopen(struct node *n)
{
    atomic_fetch_add(&n->log_asked, 1);
    for (unsigned i = 1; i < n->all_n; i++)
        mailbox_say(&n->all[i]->mail, MAIL_LOG);
}

void node_turn(struct node *n)
{
    struct worker *w = &n->worker;

    reopen_log(n);
    dns_home_turn(&n->dns);
    if (w->draining) {
        if (drained(n))
            leave_now(n);
        return;
    }
    if (engine_outcast(w->engine) != n->outcast) { /* not to wait for the second */
        mesh_ns since[ALARMS_N];
        n->outcast = engine_outcast(w->engine);
        node_alarms(n, since);
        edge_tell(n);
    }
    if (!n->ready_told && engine_ready(w->engine, NULL)) {
        n->ready_told = true;
        edge_tell(n);
        if (n->cfg.on_ready != NULL)
            n->cfg.on_ready(n->cfg.ready_ctx, n);
    }
}

/* Most of a long file is purges that nobody needs any more. It may grow as much again, whatever comes of it. */
static void shorten(struct node *n)
{
    struct buf whole = BUF_EMPTY;

    n->purges_bytes = 0;
    engine_purges_whole(n->worker.engine, &whole);
    if (buf_ok(&whole))
        keeper_put(n->keeper, &whole);
    buf_free(&whole);
}

void node_kept(void *ctx, bool done, bool whole)
{
    struct node *n = ctx;

    n->purges_kept = done;
    if (whole)
        return;
    engine_kept(n->worker.engine, worker_now(&n->worker), done);
    if (done && n->purges_bytes > PURGES_FILE)
        shorten(n);
}

void node_keep(struct node *n, struct slice lines)
{
    n->purges_bytes += lines.len;
    if (n->keeper != NULL)
        keeper_append(n->keeper, lines);
    else
        engine_kept(n->worker.engine, n->worker.now, true);
}

void node_config_kept(void *ctx, bool done, bool whole)
{
    struct node *n = ctx;

    (void)whole;
    n->configs_kept = done;
    engine_config_kept(n->worker.engine, worker_now(&n->worker), done);
}

void node_config_judged(void *ctx, bool good, bool whole)
{
    struct node *n = ctx;

    (void)whole;
    engine_config_judged(n->worker.engine, worker_now(&n->worker), good, buf_slice(&n->judged_why));
}

void node_keep_config(struct node *n, struct slice bytes)
{
    if (n->config_keeper != NULL)
        keeper_append(n->config_keeper, bytes);
    else
        engine_config_kept(n->worker.engine, n->worker.now, true);
}

void node_twin(struct node *n)
{
    n->twin = true;
    worker_notice(&n->worker, "this node's identity runs elsewhere too: stopping. Two nodes "
                              "must not share one node file; admit another for this host");
    leave_now(n);
}

void node_stopping(struct ev_loop *loop, ev_async *async, int revents)
{
    (void)loop;
    (void)revents;
    stop(async->data);
}

static void on_signal(struct ev_loop *loop, ev_signal *sig, int revents)
{
    struct node *n = sig->data;

    (void)loop;
    (void)revents;
    if (sig->signum == SIGHUP) {
        upstream_renew(&n->worker.upstream);
        look_at_countries(n);
        upstream_reread(&n->worker.upstream);
        if (n->cfg.on_hangup != NULL)
            n->cfg.on_hangup(n->cfg.hangup_ctx, n);
    } else if (sig->signum != SIGUSR1) {
        stop(n);
    } else if (n->worker.log != NULL) {
        ask_to_reopen(n);
    }
}

int node_run(struct node *n)
{
    struct ev_loop *loop = n->worker.loop;
    ev_signal *signals[] = { &n->term, &n->interrupt, &n->reopen, &n->hangup };
    const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };

    OBJ_CHECK(n, NODE_MAGIC);
    for (size_t i = 0; i < SIGNALS_N; i++) {
        ev_signal_init(signals[i], on_signal, numbers[i]);
        signals[i]->data = n;
        ev_signal_start(loop, signals[i]);
    }
    ev_run(loop, 0);
    for (size_t i = 0; i < SIGNALS_N; i++)
        ev_signal_stop(loop, signals[i]);
    return n->twin ? 1 : 0;
}

int node_roll(struct node *n, struct slice bytes, bool *kept)
{
    n->roll_kept = true;
    int err = engine_roll(n->worker.engine, worker_now(&n->worker), bytes);
    *kept = n->roll_kept;
    return err;
}

struct tls_certs *node_certs_take(struct node *n)
{
    pthread_mutex_lock(&n->certs_lock);
    struct tls_certs *certs = tls_certs_ref(n->certs);
    pthread_mutex_unlock(&n->certs_lock);
    return certs;
}

void node_certs(struct node *n, struct tls_certs *certs)
{
    assert(n->certs != NULL);
    if (certs == NULL) {
        n->worker.counters.certificates_refused++;
        return;
    }
    pthread_mutex_lock(&n->certs_lock);
    struct tls_certs *before = n->certs;
    n->certs = tls_certs_ref(certs);
    pthread_mutex_unlock(&n->certs_lock);
    tls_certs_unref(before);
    n->worker.counters.certificates_reloaded++;
}

const struct tls_certs *node_certs_now(const struct node *n)
{
    return n->certs; /* nobody but this thread changes it */
}

int node_configure(struct node *n, struct dist_set *set)
{
    struct worker *w = &n->worker;
    int err = engine_configure(w->engine, worker_now(w), set);

    if (err == 0) {
        upstream_keep(&w->upstream, set);
        upstream_renew(&w->upstream);
    }
    return err;
}

static void notice_lines(struct node *n, struct slice lines)
{
    struct slice one;

    while (slice_split(&lines, '\n', &one)) {
        if (one.len > 0)
            worker_notice(&n->worker, "%.*s", SLICE_FMT(one));
    }
}

bool node_reload(struct node *n, struct buf *said)
{
    size_t from = said->len;
    bool taken = false;

    if (n->cfg.reload == NULL)
        buf_add_str(said, "There is no configuration file to be read again: the node runs without -c FILE.\n");
    else
        taken = n->cfg.reload(n->cfg.hangup_ctx, n, said);
    if (taken)
        n->worker.counters.config_reloads++;
    else
        n->worker.counters.config_reload_failures++;
    if (buf_ok(said))
        notice_lines(n, slice_from(buf_slice(said), from));
    return taken;
}

void node_drain(struct node *n, bool on)
{
    engine_drain(n->worker.engine, worker_now(&n->worker), on);
    edge_tell(n);
}

int node_renew(struct node *n, const struct identity *id)
{
    return engine_renew(n->worker.engine, worker_now(&n->worker), id);
}

void node_stop(struct node *n)
{
    ev_async_send(n->worker.loop, &n->stop);
}

/* ---- being seen ---- */

const struct mesh_addr *node_http_addr(const struct node *n)
{
    return &n->http;
}

const struct mesh_addr *node_https_addr(const struct node *n)
{
    return n->certs != NULL ? &n->https : NULL;
}

const struct mesh_addr *node_mesh_addr(const struct node *n)
{
    return &n->mesh;
}

const struct mesh_addr *node_admin_addr(const struct node *n)
{
    return &n->admin;
}

const struct mesh_addr *node_dns_addrs(const struct node *n, size_t *count)
{
    *count = n->dns.addrs_n;
    return n->dns.addrs;
}

uint32_t node_dns_serial(const struct node *n)
{
    return n->dns.serial;
}

void node_dns_counters(const struct node *n, struct dns_server_counters *out)
{
    if (n->dns.server != NULL)
        dns_server_counters(n->dns.server, out);
    else
        memset(out, 0, sizeof(*out));
}

struct engine *node_engine(struct node *n)
{
    return n->worker.engine;
}

const struct node_config *node_config(const struct node *n)
{
    return &n->cfg;
}

mesh_ns node_now(struct node *n)
{
    return worker_now(&n->worker);
}

mesh_ns node_uptime(struct node *n)
{
    return worker_now(&n->worker) - n->started;
}

int64_t node_started_s(const struct node *n)
{
    return n->started_s;
}

unsigned node_workers(const struct node *n)
{
    return n->all_n;
}

bool node_draining(const struct node *n)
{
    return n->worker.draining;
}

bool node_ready(struct node *n, const char **why_not)
{
    if (n->worker.draining) {
        if (why_not != NULL)
            *why_not = "the node is stopping";
        return false;
    }
    return engine_ready(n->worker.engine, why_not);
}

static void add_counters(struct node_counters *out, const struct worker *w)
{
#define X(name, help) out->name += atomic_load_explicit(&w->counters.name, memory_order_relaxed);
    NODE_COUNTERS(X)
#undef X
    out->origin_connections += w->counters.origin_connections;
    out->origin_idle += w->counters.origin_idle;
    out->links += w->counters.links;
    out->log_lines += atomic_load_explicit(&w->gather.taken, memory_order_relaxed);
}

void node_engine_counters(const struct node *n, struct engine_counters *out)
{
    *out = *engine_counters(n->worker.engine);
    for (unsigned i = 1; i < n->all_n; i++)
        shelf_reader_count(&n->all[i]->reader, out);
}

void node_counters(const struct node *n, struct node_counters *out)
{
    *out = (struct node_counters){ .viewers = room_n(&n->room) };
    for (unsigned i = 0; i < n->all_n; i++)
        add_counters(out, n->all[i]);
    if (n->worker.log != NULL)
        out->log_dropped = access_log_dropped(n->worker.log);
}
