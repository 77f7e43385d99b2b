/* A node comes up, part by part, each with an error that says what to do; and goes again. */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "node/core/known.h"
#include "node/io/node_impl.h"
#include "node/io/reserve.h"
#include "node/io/sock.h"
#include "proto/base/err.h"

#define PORT_PAIR_TRIES  32
#define ORIGIN_USUAL     1024
#define DESCRIPTORS_KEPT 32 /* for links, origins, files and the admin address, at least */

static void fill_timers(struct node_timers *t)
{
    static const struct node_timers usual = {
        .origin_connect = SEC(10),
        .dns = SEC(2),
        .viewer_head = SEC(10),
        .viewer_idle = SEC(60),
        .viewer_stall = SEC(30),
        .drain = SEC(30),
        .resolve_again = SEC(10),
    };

#define USUAL(name) t->name = t->name == 0 ? usual.name : t->name
    USUAL(origin_connect);
    USUAL(dns);
    USUAL(viewer_head);
    USUAL(viewer_idle);
    USUAL(viewer_stall);
    USUAL(drain);
    USUAL(resolve_again);
#undef USUAL
}

/* As many descriptors as we may have. */
static size_t descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = before;
    }
    return limit.rlim_cur > 1u << 20 ? 1u << 20 : (size_t)limit.rlim_cur;
}

/* As many as there are cores that we may use. */
static unsigned workers_usual(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

/* Who may use how many of them, where nobody has said. Returns how many are for viewers. */
static size_t share_descriptors(struct node_config *cfg)
{
    size_t all = descriptors(), kept = all / 8 > DESCRIPTORS_KEPT ? all / 8 : DESCRIPTORS_KEPT;
    size_t viewers = all > kept ? all - kept : 1;

    if (cfg->viewers_each_max == 0)
        cfg->viewers_each_max = (uint32_t)(viewers + 1) / 2;
    if (cfg->origin_connections_max == 0)
        cfg->origin_connections_max = (uint32_t)(kept / 2 < ORIGIN_USUAL ? kept / 2 : ORIGIN_USUAL);
    return viewers;
}

void node_cannot_listen(char *error, const struct mesh_addr *addr, const char *flag, int err)
{
    char text[MESH_ADDR_TEXT_MAX];
    const char *advice = "";

    if (err == EADDRINUSE)
        advice = ". Another process listens there: stop it or choose another port (port 0 picks a free one)";
    else if (err == EADDRNOTAVAIL)
        advice = ". This machine has no such address: choose one of its own, or 0.0.0.0 for all of them";
    else if (err == EACCES)
        advice = ". Ports below 1024 are for the privileged: choose a higher one, or grant CAP_NET_BIND_SERVICE";
    snprintf(error, NODE_ERROR_MAX, "cannot listen on %s (%s): %s%s", mesh_addr_text(addr, text), flag, strerror(err),
             advice);
}

static int listen_at(struct mesh_addr *addr, const char *flag, char *error)
{
    int fd = sock_listen(addr);

    if (fd < 0)
        node_cannot_listen(error, addr, flag, errno);
    return fd;
}

/* One number for TCP and UDP. A free one for TCP may be taken for UDP: then another is drawn. */
static int listen_mesh(struct node *n, int *udp, char *error)
{
    bool any = n->mesh.port == 0;

    for (int i = 0; i < (any ? PORT_PAIR_TRIES : 1); i++) {
        if (any)
            n->mesh.port = 0;
        int tcp = listen_at(&n->mesh, "--mesh", error);
        if (tcp < 0)
            return -1;
        *udp = sock_udp(&n->mesh);
        if (*udp >= 0)
            return tcp;
        node_cannot_listen(error, &n->mesh, "--mesh, UDP", errno);
        close(tcp);
    }
    return -1;
}

/* For viewers, in all workers: worker->http or ->https. */
static int listen_for_viewers(struct node *n, struct mesh_addr *addr, bool https, char *error)
{
    const char *flag = https ? "--https" : "--http";
    int first = listen_at(addr, flag, error);

    if (first < 0)
        return -1;
    listener_start(https ? &n->worker.https : &n->worker.http, &n->worker, first);
    for (unsigned i = 1; i < n->all_n; i++) {
        struct worker *w = n->all[i];
        int fd = sock_listen_too(first, addr);
        if (fd < 0) {
            snprintf(error, NODE_ERROR_MAX, "cannot listen on one port with several sockets (%s): %s. Try --workers 1",
                     flag, strerror(errno));
            return -1;
        }
        listener_start(https ? &w->https : &w->http, w, fd);
    }
    return 0;
}

static int start_listening(struct node *n, char *error)
{
    struct worker *w = &n->worker;
    int fd, udp;

    if (listen_for_viewers(n, &n->http, false, error) != 0 ||
        (n->certs != NULL && listen_for_viewers(n, &n->https, true, error) != 0))
        return -1;
    if ((fd = listen_at(&n->admin, "--admin", error)) < 0)
        return -1;
    listener_start(&w->admin, w, fd);
    if ((fd = listen_mesh(n, &udp, error)) < 0)
        return -1;
    listener_start(&w->mesh, w, fd);
    udp_start(&w->udp, w, udp, &n->mesh);
    w->admin.accepted = admin_accepted;
    w->admin.keeps = true;
    w->mesh.accepted = backbone_accepted;
    return 0;
}

/* Where the mesh reaches us: one address of each name before the second of any. */
static int own_addrs(const struct node *n, struct mesh_config *mesh, char *error)
{
    struct mesh_addr found[GOSSIP_ADDRS_MAX][RESOLVE_ADDRS_MAX];
    size_t found_n[GOSSIP_ADDRS_MAX] = { 0 };
    const char *why = "it is no HOST:PORT";
    struct slice host;
    uint16_t port;

    if (n->cfg.advertise_n == 0) {
        mesh->addrs_n = sock_own_addrs(&n->mesh, mesh->addrs, GOSSIP_ADDRS_MAX);
        return 0;
    }
    for (size_t i = 0; i < n->cfg.advertise_n; i++) {
        if (host_port_parse(slice_str(n->cfg.advertise[i]), &host, &port) == 0)
            found_n[i] = resolve_now(host, port, found[i], &why);
        if (found_n[i] == 0) {
            snprintf(error, NODE_ERROR_MAX, "--advertise %s: %s", n->cfg.advertise[i], why);
            return -1;
        }
    }
    for (size_t turn = 0; turn < RESOLVE_ADDRS_MAX; turn++) {
        for (size_t i = 0; i < n->cfg.advertise_n && mesh->addrs_n < GOSSIP_ADDRS_MAX; i++) {
            if (turn < found_n[i])
                mesh->addrs[mesh->addrs_n++] = found[i][turn];
        }
    }
    return 0;
}

static void keep_roll(void *ctx, struct slice roll)
{
    struct node *n = ctx;

    n->roll_kept = n->cfg.keep_roll == NULL || n->cfg.keep_roll(n->cfg.keep_ctx, roll);
}

/* On the keeper's thread. */
static bool keep_config(void *ctx, struct slice bytes, bool whole)
{
    const struct node *n = ctx;

    (void)whole;
    return n->cfg.keep_config(n->cfg.keep_ctx, bytes);
}

/* On the judge's thread, which is a keeper that keeps nothing. */
static bool judge(void *ctx, struct slice text, bool whole)
{
    struct node *n = ctx;

    (void)whole;
    buf_clear(&n->judged_why);
    return n->cfg.judge_config(n->cfg.config.ctx, text, &n->judged_why);
}

static void begin_judging(void *ctx, struct slice text)
{
    struct node *n = ctx;
    keeper_append(n->judge, text);
}

static int start_engine(struct node *n, char *error)
{
    const struct node_config *cfg = &n->cfg;
    struct worker *w = &n->worker;
    struct config_hooks hooks = cfg->config;
    hooks.judge = cfg->judge_config != NULL ? begin_judging : NULL;
    hooks.judge_ctx = n;
    struct engine_config e = {
        .mesh = {
            .self = cfg->self,
            .roll = cfg->roll,
            .keep_roll = keep_roll,
            .keep_ctx = n,
            .boot = cfg->boot,
            .port = n->mesh.port,
            .learn_addr = cfg->advertise_n == 0,
            .weight = cfg->weight,
            .seed = secret_random_u64(),
            .ring_join_delay = cfg->ring_join_delay,
            .ramp = cfg->ramp,
            .parent_period = cfg->parent_period,
            .parent_region = cfg->parent_region != NULL ? slice_str(cfg->parent_region) : SLICE_EMPTY,
            .ring_death_delay = cfg->ring_death_delay,
            .probe_period = cfg->probe_period,
            .ack_timeout = cfg->ack_timeout,
            .suspect_timeout = cfg->suspect_timeout,
            .trace = cfg->trace,
        },
        .version = SLICE_LIT(HEDGEROW_VERSION),
        .purges = cfg->purges,
        .configs = cfg->configs,
        .configs_n = cfg->configs_n,
        .config = hooks,
        .mesh_port = n->mesh.port,
        .set = cfg->set,
        .zone = cfg->dns_domain != NULL ? slice_str(cfg->dns_domain) : SLICE_EMPTY,
        .memory_limit = cfg->memory_limit,
        .store = disk_store(w->disk),
        .codings_off = cfg->codings_off,
        .audit_one_in = cfg->audit_one_in,
        .readers = n->all_n - 1,
        .origin_fetches = cfg->origin_connections_max,
        .has_seeds = n->worker.seeds.known_n > 0 || cfg->seeds_n > 0,
        .timers = cfg->engine,
        .outgoing = cfg->outgoing,
        .outgoing_ctx = cfg->outgoing_ctx,
        .trace = cfg->trace,
    };

    if (own_addrs(n, &e.mesh, error) != 0)
        return -1;
    secret_random(e.hash_key, sizeof(e.hash_key));
    w->engine = engine_new(&e, worker_now(w));
    if (w->engine == NULL)
        snprintf(error, NODE_ERROR_MAX, "out of memory");
    return w->engine == NULL ? -1 : 0;
}

static int open_countries(struct node *n, char *error)
{
    struct buf why = BUF_EMPTY;

    if (n->cfg.countries == NULL)
        return 0;
    if (country_file_open(&n->countries, n->cfg.countries, &why) == 0)
        n->worker.country_file = &n->countries;
    else
        snprintf(error, NODE_ERROR_MAX, "--countries: %.*s", SLICE_FMT(buf_slice(&why)));
    buf_free(&why);
    return n->worker.country_file != NULL ? 0 : -1;
}

static int open_log(struct node *n, char *error)
{
    const char *path = n->cfg.access_log;

    if (path == NULL)
        return 0;
    struct access_log *log = access_log_open(path, n->cfg.access_format);
    if (log == NULL)
        snprintf(error, NODE_ERROR_MAX, "cannot write the access log %s: %s", path, strerror(errno));
    for (unsigned i = 0; i < n->all_n; i++) {
        n->all[i]->log = log;
        n->all[i]->log_more = log != NULL && access_more_wanted(n->cfg.access_format);
    }
    return log == NULL ? -1 : 0;
}

static void on_disk(void *ctx, struct store_op *op, int err)
{
    struct worker *w = ctx;

    engine_disk_done(w->engine, worker_now(w), op, err);
}

static int open_disk(struct node *n, char *error)
{
    struct worker *w = &n->worker;

    if (n->cfg.disk_limit == 0)
        return 0;
    w->disk = disk_open(n->cfg.data, n->cfg.disk_limit, n->cfg.disk_wipe, error, NODE_ERROR_MAX);
    if (w->disk == NULL)
        return -1;
    if (disk_start(w->disk, w->loop, on_disk, w) == 0)
        return 0;
    snprintf(error, NODE_ERROR_MAX, "the threads of the disk cannot be started: allow more, or run with --disk 0");
    return -1;
}

static int start_rest(struct node *n, char *error)
{
    struct worker *w = &n->worker;
    const char *bad = NULL;
    int err;

    pump_start(w);
    if (n->cfg.keep_purges != NULL &&
        (n->keeper = keeper_start(w->loop, n->cfg.keep_purges, n->cfg.keep_ctx, node_kept, n)) == NULL) {
        snprintf(error, NODE_ERROR_MAX, "no thread is to be had for what is kept of purges");
        return MESH_E_NOMEM;
    }
    if (n->cfg.keep_config != NULL &&
        (n->config_keeper = keeper_start(w->loop, keep_config, n, node_config_kept, n)) == NULL) {
        snprintf(error, NODE_ERROR_MAX, "no thread is to be had for what is kept of the configuration");
        return MESH_E_NOMEM;
    }
    if (n->cfg.judge_config != NULL && (n->judge = keeper_start(w->loop, judge, n, node_config_judged, n)) == NULL) {
        snprintf(error, NODE_ERROR_MAX, "no thread is to be had that judges configurations");
        return MESH_E_NOMEM;
    }
    w->directory = directory_new(w);
    w->resolver = resolver_new(w->loop, n->cfg.dns_servers, w->timers.dns);
    err = w->resolver != NULL && w->directory != NULL ? upstream_start(&w->upstream, w) : MESH_E_NOMEM;
    if (err == 0)
        err = seeds_start(&w->seeds, w, &bad);
    if (bad != NULL)
        snprintf(error, NODE_ERROR_MAX, "seed %s: it is no HOST:PORT", bad);
    else if (err != 0)
        snprintf(error, NODE_ERROR_MAX, "%s", mesh_strerror(err));
    return err;
}

/* All workers, with what they share. */
static int make_workers(struct node *n)
{
    unsigned wanted = n->cfg.workers > 0 ? n->cfg.workers : workers_usual();
    uint8_t key[MAP_KEY_BYTES];

    assert(wanted <= WORKERS_MAX);
    n->all[0] = &n->worker;
    for (n->all_n = 1; n->all_n < wanted; n->all_n++) {
        if ((n->all[n->all_n] = calloc(1, sizeof(struct worker))) == NULL)
            break;
    }
    for (unsigned i = 0; i < n->all_n; i++) {
        struct worker *w = n->all[i];
        w->all = n->all;
        w->all_n = n->all_n;
        w->room = &n->room;
        w->timers = n->worker.timers;
        worker_init(w, n, i);
    }
    if (n->all_n < wanted)
        return MESH_E_NOMEM;
    size_t viewers_max = share_descriptors(&n->cfg);
    worker_random(&n->worker, key, sizeof(key));
    return room_init(&n->room, key, viewers_max, n->cfg.viewers_each_max);
}

static int open_workers(struct node *n)
{
    int err = 0;

    for (unsigned i = 0; i < n->all_n && err == 0; i++)
        err = worker_open(n->all[i]);
    return err;
}

static int start_readers(struct node *n, char *error)
{
    for (unsigned i = 1; i < n->all_n; i++) {
        int err = worker_start(n->all[i]);
        if (err != 0) {
            snprintf(error, NODE_ERROR_MAX, "cannot start a thread: %s. Try --workers 1", strerror(err));
            return -1;
        }
    }
    return 0;
}

struct node *node_start(const struct node_config *cfg, char error[NODE_ERROR_MAX])
{
    struct node *n = calloc(1, sizeof(*n));
    struct worker *w;

    snprintf(error, NODE_ERROR_MAX, "out of memory");
    if (n == NULL)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    n->magic = NODE_MAGIC;
    n->cfg = *cfg;
    n->http = cfg->http;
    n->https = cfg->https;
    n->certs = cfg->certs != NULL ? tls_certs_ref(cfg->certs) : NULL;
    pthread_mutex_init(&n->certs_lock, NULL);
    n->mesh = cfg->mesh;
    n->admin = cfg->admin;
    w = &n->worker;
    n->kept = n->roll_kept = n->purges_kept = n->configs_kept = true;
    n->purges_bytes = cfg->purges.len;
    n->boot = cfg->boot.number;
    w->timers = cfg->timers;
    fill_timers(&w->timers);
    int err = make_workers(n);
    w->seeds.known_n = known_get(cfg->known, w->seeds.known, KNOWN_MAX);
    buf_add_slice(&n->known, cfg->known);
    udp_init(&w->udp);
    backbone_init(&w->backbone, w);
    admin_init(&w->admin_server, w);
    reserve_use();
    if (err != 0 || open_workers(n) != 0)
        goto fail;
    ev_async_init(&n->stop, node_stopping);
    n->stop.data = n;
    ev_async_start(w->loop, &n->stop);
    announce_init(&n->edge.announce, w, n->cfg.announce_hook);
    if (start_listening(n, error) != 0 || open_log(n, error) != 0 || open_countries(n, error) != 0 ||
        dns_home_open(&n->dns, n, error) != 0 || open_disk(n, error) != 0 || start_engine(n, error) != 0 ||
        start_rest(n, error) != 0 || start_readers(n, error) != 0 || dns_home_start(&n->dns, error) != 0)
        goto fail;
    n->started = w->now;
    n->started_s = w->wall_us / 1000000;
    return n;
fail:
    node_free(n);
    return NULL;
}

void node_free(struct node *n)
{
    if (n == NULL)
        return;
    OBJ_CHECK(n, NODE_MAGIC);
    struct worker *w = &n->worker;
    struct access_log *log = w->log;

    for (unsigned i = n->all_n; i-- > 1;)
        worker_join(n->all[i]);
    for (unsigned i = 0; i < n->all_n; i++) {
        n->all[i]->draining = true; /* nothing is begun anew while the parts go */
        listener_close(&n->all[i]->http);
        listener_close(&n->all[i]->https);
    }
    listener_close(&w->mesh);
    listener_close(&w->admin);
    admin_close(&w->admin_server);
    for (unsigned i = 0; i < n->all_n; i++)
        viewers_close(&n->all[i]->viewers);
    upstream_stop(&w->upstream);
    directory_free(w->directory);
    w->directory = NULL;
    seeds_stop(&w->seeds);
    resolver_free(w->resolver);
    backbone_close(&w->backbone);
    udp_close(&w->udp);
    disk_stop(w->disk);
    keeper_stop(n->judge);
    buf_free(&n->judged_why);
    keeper_stop(n->config_keeper);
    dns_home_stop(&n->dns);
    keeper_stop(n->keeper); /* what it writes is lent from the engine */
    engine_free(w->engine);
    disk_close(w->disk);
    announce_fini(&n->edge.announce);
    if (w->loop != NULL)
        ev_async_stop(w->loop, &n->stop);
    for (unsigned i = n->all_n; i-- > 0;) {
        worker_fini(n->all[i]);
        if (i > 0)
            free(n->all[i]);
    }
    access_log_close(log);
    if (n->countries.path != NULL && n->countries.db != NULL)
        country_file_close(&n->countries);
    room_fini(&n->room);
    buf_free(&n->known);
    tls_certs_unref(n->certs);
    pthread_mutex_destroy(&n->certs_lock);
    n->magic = 0;
    free(n);
}
