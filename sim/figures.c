#include <stdlib.h>

#include "sim/rules/check.h"
#include "sim/config_model.h"
#include "sim/disk/disk_model.h"
#include "sim/faults/fault_peer.h"
#include "sim/net/net.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/report.h"
#include "sim/viewer_model.h"
#include "sim/warmth.h"

static uint64_t ms(mesh_ns from, mesh_ns to)
{
    return to == MESH_NS_NEVER ? FIGURE_NEVER : (uint64_t)(to > from ? (to - from) / MS(1) : 0);
}

static uint64_t us(struct times *t, unsigned per_mille)
{
    uint64_t ns = times_at(t, per_mille);
    return ns == FIGURE_NEVER ? FIGURE_NEVER : ns / (uint64_t)US(1);
}

/* From the last start of the beginning until all listed all. */
static uint64_t joined_ms(const struct world *w)
{
    const struct check *c = w->check;
    mesh_ns last = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (!node_set_has(&w->sc.absent, i))
            last = (mesh_ns)(i * w->sc.join_every);
    }
    for (size_t i = 0; i < c->changes_n; i++) {
        if (c->changes[i].at == last)
            return ms(last, c->changes[i].agreed_at);
    }
    return FIGURE_NEVER;
}

static void add_nodes(struct world *w, struct figures *f)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct edge *e = &w->edges[i];
        struct edge_sums s;
        edge_counters(e, &s);
        f->ring_changes += s.mesh.ring_changes;
        f->deaths += s.gossip.deaths;
        f->refutations += s.gossip.refutations;
        f->peer_bytes += s.engine.bytes_peer_in;
        f->far_bytes += s.engine.bytes_far_in;
        f->parent_asks += s.engine.asks_parent;
        f->peer_wire_bytes += s.engine.bytes_peer_in_wire;
        f->asks += s.engine.asks_out;
        f->hedges += s.engine.hedges;
        f->hedges_won += s.engine.hedges_won;
        f->passed_over += s.engine.peers_passed_over;
        f->collapsed += s.engine.collapsed;
        f->moved += s.engine.moved;
        f->evictions += s.engine.evictions;
        f->silent_links += s.engine.links_silent;
        f->broken_sessions += s.engine.sessions_broken;
        f->rejected_transfers += s.engine.transfers_rejected;
        f->hit += e->counted[RESULT_HIT];
        f->refresh += e->counted[RESULT_REFRESH];
        f->stale += e->counted[RESULT_STALE];
        f->peer += e->counted[RESULT_PEER];
        f->miss += e->counted[RESULT_MISS];
        f->error += e->counted[RESULT_ERROR];
    }
}

/* How evenly nodes are asked by each other, and what each answers in all. */
static void add_loads(struct world *w, struct figures *f)
{
    uint64_t most = 0, most_all = 0, asked = 0, all = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct edge_sums s;
        edge_counters(&w->edges[i], &s);
        uint64_t owned = s.engine.asks_in - s.engine.asks_spread, both = owned + s.engine.requests;
        most = owned > most ? owned : most;
        most_all = both > most_all ? both : most_all;
        asked += owned;
        all += both;
        f->copies += s.engine.copies;
    }
    f->busiest_owner_pct = asked == 0 ? FIGURE_NEVER : most * 100 * w->sc.nodes / asked;
    f->busiest_node_pct = all == 0 ? FIGURE_NEVER : most_all * 100 * w->sc.nodes / all;
    f->owner_traffic_pct = f->requests == 0 ? FIGURE_NEVER : asked * 100 / f->requests;
}

static void add_world(struct world *w, struct figures *f)
{
    const struct net_counts *n = &w->net->counts;

    f->origin_fetches = w->origin->fetches;
    f->origin_bytes = w->origin->bytes;
    for (uint64_t i = 0; i < w->sc.keys; i++) {
        if (w->origin->keys[i].fetches > f->origin_fetches_max)
            f->origin_fetches_max = w->origin->keys[i].fetches;
    }
    f->datagrams = n->datagrams;
    f->datagram_bytes = n->datagram_bytes;
    f->datagrams_lost = n->lost;
    f->streams = n->connections;
    f->stream_bytes = n->stream_bytes;
    f->stalls = n->stalls;
    f->liars_named = fault_peer_named(w);
    for (size_t i = 0; i < FAULT_KINDS_N; i++)
        f->fault_kinds += world_bitten(w, (enum fault_kind)i) > 0;
    for (size_t i = 0; i < RARE_SITES_N; i++)
        f->rare_sites += w->rare[i] > 0;
    f->virtual_ms = (uint64_t)(w->now / MS(1));
    f->events = w->trace.events;
}

static void add_purges(struct world *w, struct figures *f)
{
    const struct purge_book *b = w->purges;
    struct times t = { 0 };
    uint64_t sum = 0;

    f->purges = b->n;
    f->purges_refused = b->refused;
    f->purges_missed = purge_times(w, &t);
    f->old = b->old;
    f->old_max_ms = b->old_max_ms;
    for (size_t i = 0; i < t.n; i++)
        sum += t.at[i] / (uint64_t)US(1);
    f->purge_mean_us = t.n > 0 ? sum / t.n : FIGURE_NEVER;
    f->purge_p99_us = us(&t, 990);
    f->purge_p999_us = us(&t, 999);
    f->purge_max_us = us(&t, 1000);
    free(t.at);
}

void report_figures(struct world *w, struct figures *f)
{
    const struct check *c = w->check;
    struct viewers *v = w->viewers;

    memset(f, 0, sizeof(*f));
    f->joined_ms = joined_ms(w);
    f->agreed_ms = ms(c->calm_at, c->settled_at);
    for (size_t i = 0; i < c->changes_n; i++) {
        uint64_t took = ms(c->changes[i].at, c->changes[i].agreed_at);
        if (took > f->slowest_agreement_ms)
            f->slowest_agreement_ms = took;
    }
    f->wrong_deaths = c->wrong_deaths;
    f->unexplained = c->unexplained;
    f->keys_asked = v->keys_asked;
    f->requests = v->begun;
    f->cut = v->ends[VIEWER_CUT];
    f->gone = v->ends[VIEWER_GONE];
    f->viewer_bytes = v->bytes;
    f->p50_us = us(&v->last_byte_ns, 500);
    f->p99_us = us(&v->last_byte_ns, 990);
    f->p999_us = us(&v->last_byte_ns, 999);
    f->max_us = us(&v->last_byte_ns, 1000);
    f->first_byte_p50_us = us(&v->first_byte_ns, 500);
    f->first_byte_p99_us = us(&v->first_byte_ns, 990);
    add_nodes(w, f);
    add_loads(w, f);
    f->near_pct = f->peer_bytes > 0 ? 100 * (f->peer_bytes - f->far_bytes) / f->peer_bytes : 100;
    add_world(w, f);
    add_purges(w, f);
    config_figures(w, f);
    disk_figures(w, f);
    warmth_figures(w, f);
}
