#include "node/io/edge.h"

#include "node/io/node_impl.h"

#define SMOOTH SEC(5) /* a load that stays is seen to two thirds after so long */

uint32_t edge_permille(uint64_t of, uint64_t max)
{
    if (max == 0)
        return 0;
    return of >= EDGE_LOAD_MAX / 1000 * max ? EDGE_LOAD_MAX : (uint32_t)(of * 1000 / max);
}

/* Exponential smoothing, its factor drawn out straight: what is longer than |SMOOTH| counts whole. */
uint32_t edge_load(uint32_t was, uint32_t load_permille, mesh_ns since)
{
    int64_t target = (int64_t)load_permille * 1000, share_ms = (since < SMOOTH ? since : SMOOTH) / MS(1);

    return (uint32_t)((int64_t)was + (target - (int64_t)was) * share_ms / (SMOOTH / MS(1)));
}

/* The larger one of what connections and what requests say. */
static void look_at_load(struct node *n)
{
    struct engine_counters counters;
    mesh_ns now = n->worker.now, since = now - n->edge.at;

    node_engine_counters(n, &counters);
    uint64_t done = counters.requests - n->edge.requests;
    if (n->edge.at == 0 || since <= 0)
        done = since = 0;
    uint32_t load = edge_permille(room_n(&n->room), n->room.max);
    uint32_t asked = since > 0 ? edge_permille(done * SEC(1) / (uint64_t)since, n->cfg.capacity) : 0;
    n->edge.load = edge_load(n->edge.load, asked > load ? asked : load, since);
    n->edge.at = now;
    n->edge.requests = counters.requests;
}

static void take_samples(struct node *n)
{
    struct worker *w = &n->worker;
    char country[COUNTRY_BYTES];

    for (unsigned i = 0; i < n->all_n; i++) {
        unsigned taken = rtt_box_take(&n->all[i]->rtts, n->edge.taken);
        for (unsigned k = 0; k < taken; k++) {
            const struct rtt_sample *s = &n->edge.taken[k];
            country_find(w->country_file, &w->countries, &s->viewer, country);
            engine_viewer_rtt(w->engine, w->now, &s->viewer, country, US(s->us));
        }
    }
}

static bool is_any(const struct mesh_addr *a)
{
    static const uint8_t none[sizeof(a->ip)];
    struct mesh_addr any = mesh_addr_v4(0, a->port);

    return memcmp(a->ip, none, sizeof(none)) == 0 || mesh_addr_eq(a, &any);
}

static void add_addr(struct steer_facts *f, const struct mesh_addr *a)
{
    for (size_t i = 0; i < f->addrs_n; i++) {
        if (memcmp(f->addrs[i].ip, a->ip, sizeof(a->ip)) == 0)
            return;
    }
    if (f->addrs_n < STEER_ADDRS_MAX)
        f->addrs[f->addrs_n++] = *a;
}

/* Where viewers reach us: as it was said, else where we listen for them, else where the mesh reaches us. */
static void find_addrs(const struct node *n, struct steer_facts *f)
{
    struct mesh_member us;

    for (size_t i = 0; i < n->cfg.viewer_addrs_n; i++)
        add_addr(f, &n->cfg.viewer_addrs[i]);
    if (f->addrs_n == 0 && !is_any(&n->http))
        add_addr(f, &n->http);
    if (n->cfg.viewer_addrs_n == 0 && n->certs != NULL && !is_any(&n->https))
        add_addr(f, &n->https);
    if (f->addrs_n == 0 && mesh_member(engine_mesh(n->worker.engine), 0, &us)) {
        for (size_t i = 0; i < us.record->addrs_n; i++)
            add_addr(f, &us.record->addrs[i]);
    }
}

void edge_tell(struct node *n)
{
    struct worker *w = &n->worker;
    struct steer_facts f = {
        .http = n->http.port,
        .https = n->certs != NULL ? n->https.port : 0,
        .dns = n->edge.dns,
        .ready = node_ready(n, NULL),
        .draining = w->draining || engine_drained(w->engine),
        .load_permille = (uint16_t)(n->edge.load / 1000),
        .located = n->cfg.located,
        .lat_e4 = n->cfg.lat_e4,
        .lon_e4 = n->cfg.lon_e4,
    };

    find_addrs(n, &f);
    n->edge.told = true;
    n->edge.ready = f.ready && !f.draining;
    engine_edge(w->engine, w->now, &f);
    announce_want(&n->edge.announce, n->edge.ready, &f);
}

void edge_second(struct node *n)
{
    take_samples(n);
    look_at_load(n);
    edge_tell(n);
}

bool edge_ready(const struct node *n)
{
    return n->edge.told && n->edge.ready;
}

void node_country(struct node *n, const struct mesh_addr *address, char country[COUNTRY_BYTES])
{
    country_find(n->worker.country_file, &n->worker.countries, address, country);
}

void node_dns_port(struct node *n, uint16_t port)
{
    n->edge.dns = port;
    edge_tell(n);
}
