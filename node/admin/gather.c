/* From a running node to plain facts. */
#include <assert.h>
#include <stdlib.h>

#include "node/admin/status.h"
#include "proto/base/err.h"

static void gather_member(struct status_member *out, const struct mesh_member *m, const struct ring *ring, mesh_ns now)
{
    *out = (struct status_member){
        .id = m->record->id,
        .state = m->record->state,
        .rtt = m->rtt,
        .distrusted = now < m->distrusted_until ? m->distrusted_until - now : 0,
        .passed_over = now < m->rests_until ? m->rests_until - now : 0,
        .weight = m->record->weight < m->cert->weight_max ? m->record->weight : m->cert->weight_max,
        .arcs = ring_share(ring, &m->record->id),
    };
    if (m->record->addrs_n > 0)
        out->addr = m->record->addrs[0];
    out->serial = m->cert->serial;
    memcpy(out->authority, m->cert->authority, sizeof(out->authority));
    memcpy(out->name, m->cert->name, sizeof(out->name));
    memcpy(out->zone, m->cert->zone, sizeof(out->zone));
    const char *slash = strchr(out->zone, '/');
    out->region = slash != NULL ? slice_of(out->zone, (size_t)(slash - out->zone)) : cert_region(m->cert);
}

static void gather_session(struct status_member *out, const struct engine *e, mesh_ns now)
{
    struct engine_session s;

    if (!engine_session(e, &out->id, &s))
        return;
    out->has_session = true;
    out->dialled = s.dialled;
    out->session_age = now - s.opened_at;
    out->suite = record_suite_word(s.suite);
}

static bool is_behind(const struct engine *e, const struct mesh_member *m, const struct config_version *ours)
{
    struct config_peer_state s;

    return m->reachable && engine_config_of(e, &m->record->id, &s) && config_version_cmp(&s.version, ours) < 0;
}

int status_gather(struct status *out, struct node *n)
{
    struct engine *e = node_engine(n);
    struct mesh *mesh = engine_mesh(e);
    const struct ring *ring = mesh_ring(mesh);
    size_t count = mesh_count(mesh);

    *out = (struct status){
        .uptime = node_uptime(n),
        .workers = node_workers(n),
        .http = node_http_addr(n),
        .https = node_https_addr(n),
        .view_digest = mesh_digest(mesh),
        .ring_epoch = ring_epoch(ring),
        .config_digest = engine_config(e)->set->digest,
        .arcs = ring_arcs(ring),
        .mesh = *mesh_counters(mesh),
        .gossip = *mesh_gossip_counters(mesh),
        .roll = mesh_roll(mesh),
        .roll_forked = mesh_roll_forked(mesh),
        .cert = mesh_self(mesh)->cert,
        .refusals = *engine_refusals(e),
        .now = node_now(n),
    };
    out->parent = mesh_parent_name(mesh, &out->parent_measured);
    out->parent_nodes = mesh_parent_ring(mesh) != NULL ? ring_size(mesh_parent_ring(mesh)) : 0;
    out->regions_n = mesh_parent_regions(mesh, out->regions, STATUS_REGIONS_MAX);
    out->behind = mesh_behind(mesh, out->now);
    out->drained = engine_drained(e);
    out->alarms = node_alarms(n, out->alarmed_at);
    out->ready = node_ready(n, &out->why_not);
    node_counters(n, &out->node);
    out->dns_addrs = node_dns_addrs(n, &out->dns_n);
    out->dns_serial = node_dns_serial(n);
    node_dns_counters(n, &out->dns);
    node_engine_counters(n, &out->engine);
    engine_usage(e, &out->usage);
    engine_purges(e, &out->purges);
    engine_configs(e, &out->configs);
    struct steer *steer = engine_steer(e);
    out->view = steer_view(steer, out->now);
    out->steer = *steer_counters(steer);
    steer_size(steer, &out->steer_size);
    out->busiest_n = steer_busiest(steer, out->busiest, STATUS_NETWORKS_MAX);
    out->members = calloc(count > 0 ? count : 1, sizeof(*out->members));
    if (out->members == NULL)
        return MESH_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct mesh_member m;
        if (!mesh_member(mesh, i, &m))
            continue;
        out->configs_behind += is_behind(e, &m, &out->configs.version);
        gather_member(&out->members[out->members_n], &m, ring, out->now);
        gather_session(&out->members[out->members_n++], e, out->now);
    }
    assert(out->members_n > 0); /* we know ourselves */
    return 0;
}

void status_free(struct status *s)
{
    steer_view_unref(s->view);
    s->view = NULL;
    free(s->members);
    s->members = NULL;
    s->members_n = 0;
}
