/* /metrics: every counter comes from the tables that count, so none can be forgotten. */
#include "node/admin/status.h"

static void counter(struct buf *out, const char *prefix, const char *name, const char *help, uint64_t v)
{
    buf_addf(out, "# HELP hedgerow_%s%s_total %s\n# TYPE hedgerow_%s%s_total counter\nhedgerow_%s%s_total %llu\n",
             prefix, name, help, prefix, name, prefix, name, (unsigned long long)v);
}

static void gauge_head(struct buf *out, const char *name, const char *help)
{
    buf_addf(out, "# HELP hedgerow_%s %s\n# TYPE hedgerow_%s gauge\n", name, help, name);
}

static void gauge(struct buf *out, const char *name, const char *help, uint64_t v)
{
    gauge_head(out, name, help);
    buf_addf(out, "hedgerow_%s %llu\n", name, (unsigned long long)v);
}

static void counters(struct buf *out, const struct status *s)
{
#define X(name, help) counter(out, "", #name, help, s->engine.name);
    ENGINE_COUNTERS(X)
#undef X
#define X(name, help) counter(out, "", #name, help, s->node.name);
    NODE_COUNTERS(X)
#undef X
#define X(name, help) counter(out, "mesh_", #name, help, s->mesh.name);
    MESH_COUNTERS(X)
#undef X
#define X(name, help) counter(out, "gossip_", #name, help, s->gossip.name);
    GOSSIP_COUNTERS(X)
#undef X
#define X(name, help) counter(out, "dns_", #name, help, s->dns.answer.name);
    DNS_COUNTERS(X)
#undef X
#define X(name, help) counter(out, "dns_", #name, help, s->dns.name);
    DNS_SERVER_COUNTERS(X)
#undef X
#define X(name, help) counter(out, "steer_", #name, help, s->steer.name);
    STEER_COUNTERS(X)
#undef X
}

static void members(struct buf *out, const struct status *s)
{
    gauge_head(out, "members", "members of the mesh as seen from here, ourselves included");
#define X(name, word)                                                  \
    do {                                                               \
        unsigned n = 0;                                                \
        for (size_t i = 0; i < s->members_n; i++)                      \
            n += s->members[i].state == MEMBER_##name;                 \
        buf_addf(out, "hedgerow_members{state=\"%s\"} %u\n", word, n); \
    } while (0);
    MEMBER_STATES(X)
#undef X
    gauge_head(out, "member_rtt_seconds", "round-trip time to a member");
    for (size_t i = 0; i < s->members_n; i++) {
        const struct status_member *m = &s->members[i];
        if (m->rtt > 0)
            buf_addf(out, "hedgerow_member_rtt_seconds{name=\"%s\",zone=\"%s\"} %.6f\n", m->name, m->zone,
                     (double)m->rtt / 1e9);
    }
}

/* Names and zones hold letters, digits and . _ - / only (cert.h), so labels need no escapes. */
void status_metrics(struct buf *out, const struct status *s)
{
    const struct engine_usage *u = &s->usage;
    const struct status_member *self = &s->members[0];

    gauge_head(out, "build_info", "who this is; always 1");
    buf_addf(out, "hedgerow_build_info{version=\"" HEDGEROW_VERSION "\",name=\"%s\",zone=\"%s\"} 1\n", self->name,
             self->zone);
    gauge(out, "uptime_seconds", "since the start", (uint64_t)(s->uptime / SEC(1)));
    gauge(out, "ready", "1 when viewers may be sent here", s->ready);
    gauge(out, "drained", "1 while the operator has drained this node", s->drained);
    counters(out, s);
    members(out, s);
    gauge(out, "roll_number", "number of the authorities' roll that is in force; 0: none yet",
          s->roll != NULL ? s->roll->sequence : 0);
    gauge(out, "roll_revoked", "nodes that it revokes", s->roll != NULL ? s->roll->revoked_n : 0);
    gauge(out, "config_version", "counter of the mesh's configuration that is in force; 0: none",
          s->configs.version.counter);
    gauge(out, "config_superseded", "changes of it that are kept, but lost to others", s->configs.superseded);
    gauge(out, "config_refused", "1 while the mesh has one that this node cannot work by",
          s->configs.refused.counter > s->configs.version.counter);
    gauge(out, "certificate_not_after_seconds", "when our certificate ends, Unix time",
          (uint64_t)(s->cert.not_after_s > 0 ? s->cert.not_after_s : 0));
    gauge_head(out, "alarm", "1 while something calls for attention; /status says what to do");
    for (unsigned a = 0; a < ALARMS_N; a++)
        buf_addf(out, "hedgerow_alarm{name=\"%s\"} %u\n", alarm_name(a), (unsigned)(s->alarms >> a & 1));
    gauge_head(out, "ring_owned_ratio", "of all arcs, those whose first owner we are");
    buf_addf(out, "hedgerow_ring_owned_ratio %.6f\n", s->arcs > 0 ? (double)self->arcs / (double)s->arcs : 0.0);
    gauge(out, "cache_objects", "objects in the cache", u->objects);
    gauge(out, "cache_memory_bytes", "bytes of memory that the cache holds", u->memory_bytes);
    gauge(out, "cache_memory_limit_bytes", "bytes of memory that it may hold", u->memory_limit);
    gauge(out, "cache_disk_objects", "objects on the disk, and on their way to it", u->disk_objects);
    gauge(out, "cache_disk_pending", "those on their way, which a kill may cost; with what was replaced meanwhile",
          u->disk_pending);
    gauge(out, "cache_disk_bytes", "bytes of the disk that they take, with what is given up yet", u->disk_bytes);
    gauge(out, "cache_disk_limit_bytes", "bytes of the disk that they may take", u->disk_limit);
    gauge(out, "cache_disk_index_bytes", "bytes of memory that the disk's index and queues take", u->disk_index_bytes);
    gauge(out, "purge_position", "purges that this node has taken ever", s->purges.position);
    gauge(out, "purge_logs", "logs of purges that its frontier has", s->purges.logs);
    gauge(out, "purge_pending", "purges called for here that not all have confirmed", s->purges.pending);
    gauge(out, "steer_networks_own", "networks of viewers, and countries, whose round-trip time is measured here",
          s->steer_size.own);
    gauge(out, "steer_networks", "the same as known of all edges together", s->steer_size.rows);
    gauge(out, "steer_memory_bytes", "bytes of memory that these take", s->steer_size.bytes);
    gauge(out, "flights_open", "fetches under way", u->flights);
    gauge(out, "requests_open", "viewer requests under way", u->requests);
    gauge(out, "serves_open", "answers to other nodes under way", u->serves);
    gauge(out, "links_open", "backbone connections", u->links);
    gauge(out, "sessions_open", "backbone sessions that are established", u->sessions);
    gauge(out, "handshakes_open", "handshakes of others with us that are under way", u->handshakes);
    gauge(out, "viewers_open", "viewer connections", s->node.viewers);
    gauge(out, "origin_connections_open", "connections to origins", s->node.origin_connections);
    gauge(out, "origin_connections_idle", "of them, those that wait for a request", s->node.origin_idle);
}
