/* /status: the facts as JSON. */
#include "node/admin/status.h"

#include <jansson.h>
#include <stdlib.h>

#include "node/admin/steering.h"
#include "proto/base/err.h"

/* 64-bit digests are text: JSON's readers take numbers for doubles. */
static json_t *hex(uint64_t v)
{
    return json_sprintf("%016llx", (unsigned long long)v);
}

static json_t *whole(uint64_t v)
{
    return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static json_t *id_text(const struct node_id *id)
{
    char text[NODE_ID_TEXT_MAX];
    return json_string(node_id_text(id, text));
}

static json_t *key_id(const uint8_t key[SIGN_KEY_BYTES])
{
    struct node_id id;

    authority_id(&id, key);
    return id_text(&id);
}

static double share(uint32_t part, uint32_t all)
{
    return all > 0 ? (double)part / (double)all : 0.0;
}

static json_t *json_addr(const struct mesh_addr *addr)
{
    char text[MESH_ADDR_TEXT_MAX];
    return addr != NULL ? json_string(mesh_addr_text(addr, text)) : json_null();
}

static json_t *json_node(const struct status *s)
{
    const struct status_member *self = &s->members[0];

    return json_pack("{s:s, s:o, s:s, s:s, s:s%, s:o, s:i, s:b, s:o, s:o}", "name", self->name, "id",
                     id_text(&self->id), "zone", self->zone, "version", HEDGEROW_VERSION, "region",
                     (const char *)self->region.data, self->region.len, "uptime_s",
                     whole((uint64_t)(s->uptime / SEC(1))), "workers", (int)s->workers, "drained", (int)s->drained,
                     "http", json_addr(s->http), "https", json_addr(s->https));
}

/* The session with a member, null when there is none: they are made when somebody asks. */
static json_t *json_session(const struct status_member *m)
{
    if (!m->has_session)
        return json_null();
    return json_pack("{s:s, s:I, s:b}", "suite", m->suite, "age_s", (json_int_t)(m->session_age / SEC(1)), "dialled",
                     (int)m->dialled);
}

/* |load| is stated by each member in its own packets once nodes measure it; null until then. */
static json_t *json_member(const struct status *s, const struct status_member *m)
{
    char addr[MESH_ADDR_TEXT_MAX];

    json_t *rtt = m->rtt > 0 ? json_real((double)(m->rtt / 1000) / 1000.0) : json_null();
    json_t *address = m->addr.port != 0 ? json_string(mesh_addr_text(&m->addr, addr)) : json_null();
    return json_pack("{s:s, s:o, s:s, s:s%, s:o, s:s, s:o, s:I, s:n, s:f, s:o, s:o, s:o, s:I, s:I}", "name", m->name,
                     "id", id_text(&m->id), "zone", m->zone, "region", (const char *)m->region.data, m->region.len,
                     "address", address, "state", member_state_word(m->state), "rtt_ms", rtt, "weight",
                     (json_int_t)m->weight, "load", "ring_share", share(m->arcs, s->arcs), "serial", whole(m->serial),
                     "authority", key_id(m->authority), "session", json_session(m), "distrusted_s",
                     (json_int_t)((m->distrusted + SEC(1) - 1) / SEC(1)), "passed_over_s",
                     (json_int_t)((m->passed_over + SEC(1) - 1) / SEC(1)));
}

static json_t *json_mesh(const struct status *s)
{
    json_t *members = json_array();

    for (size_t i = 0; i < s->members_n; i++)
        json_array_append_new(members, json_member(s, &s->members[i]));
    return json_pack("{s:o, s:o, s:o}", "view_digest", hex(s->view_digest), "size", whole(s->members_n), "members",
                     members);
}

/* Which region's nodes turn to the origin, and how near each is to it by what its members state. */
static json_t *json_parent(const struct status *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->regions_n; i++) {
        const struct parent_region *r = &s->regions[i];
        json_t *median = r->stated > 0 ? json_real((double)r->median_us / 1000.0) : json_null();
        json_array_append_new(list,
                              json_pack("{s:s%, s:o, s:o, s:o}", "region", (const char *)r->name.data, r->name.len,
                                        "origin_ms", median, "stated", whole(r->stated), "members", whole(r->members)));
    }
    json_t *name = s->parent.len > 0 ? json_stringn((const char *)s->parent.data, s->parent.len) : json_null();
    return json_pack("{s:o, s:b, s:o, s:o}", "region", name, "measured", (int)s->parent_measured, "nodes",
                     whole(s->parent_nodes), "regions", list);
}

/* ---- the authorities, and who was sent away ---- */

static json_t *json_authorities(const struct roll *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->live_n; i++)
        json_array_append_new(
            list, json_pack("{s:o, s:I}", "id", key_id(r->live[i].key), "since", (json_int_t)r->live[i].since_s));
    return list;
}

static json_t *json_revoked(const struct roll *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->revoked_n; i++) {
        const struct roll_revoked *v = &r->revoked[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:I, s:b}", "name", v->name, "id", id_text(&v->id), "serial",
                                        whole(v->serial), "time", (json_int_t)v->at_s, "drop_objects", (int)v->drop));
    }
    return list;
}

static json_t *json_certificate(const struct cert *c)
{
    return json_pack("{s:o, s:I, s:I, s:o}", "serial", whole(c->serial), "not_before", (json_int_t)c->not_before_s,
                     "not_after", (json_int_t)c->not_after_s, "authority", key_id(c->authority));
}

static json_t *json_roll(const struct status *s)
{
    static const struct roll none;
    const struct roll *r = s->roll != NULL ? s->roll : &none;

    return json_pack("{s:o, s:I, s:b, s:b, s:o, s:o, s:o}", "number", whole(r->sequence), "time", (json_int_t)r->at_s,
                     "behind", (int)s->behind, "forked", (int)s->roll_forked, "authorities", json_authorities(r),
                     "revoked", json_revoked(r), "certificate", json_certificate(&s->cert));
}

static json_t *json_refusals(const struct status *s)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->refusals.n; i++) {
        const struct refusal *r = &s->refusals.at[i];
        char addr[MESH_ADDR_TEXT_MAX];
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:s, s:s, s:s, s:o, s:I}", "name", r->name, "proven",
                                        (int)r->proven, "address", mesh_addr_text(&r->addr, addr), "by",
                                        r->by_us ? "us" : "them", "reason", msg_refusal_text(r->reason), "count",
                                        whole(r->count), "seconds_ago", (json_int_t)((s->now - r->last) / SEC(1))));
    }
    return list;
}

static json_t *json_alarms(const struct status *s)
{
    json_t *list = json_array();

    for (unsigned a = 0; a < ALARMS_N; a++) {
        if ((s->alarms & (UINT32_C(1) << a)) != 0)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "name", alarm_name(a), "text", alarm_text(a),
                                                  "seconds", (json_int_t)((s->now - s->alarmed_at[a]) / SEC(1))));
    }
    return list;
}

static json_t *json_requests(const struct engine_counters *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "total", whole(c->requests), "hit", whole(c->requests_hit),
                     "refresh", whole(c->requests_refresh), "stale", whole(c->requests_stale), "peer",
                     whole(c->requests_peer), "origin", whole(c->requests_origin), "error", whole(c->requests_error));
}

static json_t *json_bytes(const struct engine_counters *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "viewer", whole(c->bytes_viewer), "peer_in", whole(c->bytes_peer_in),
                     "peer_out", whole(c->bytes_peer_out), "peer_in_wire", whole(c->bytes_peer_in_wire), "origin",
                     whole(c->bytes_origin));
}

static json_t *json_cache(const struct status *s)
{
    const struct engine_usage *u = &s->usage;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "objects", whole(u->objects), "memory_bytes",
                     whole(u->memory_bytes), "memory_limit", whole(u->memory_limit), "disk_objects",
                     whole(u->disk_objects), "disk_pending", whole(u->disk_pending), "disk_bytes", whole(u->disk_bytes),
                     "disk_limit", whole(u->disk_limit), "store_corrupt", whole(s->engine.disk_corrupt), "evictions",
                     whole(s->engine.evictions));
}

/* How many bytes one byte on the wire stood for; 1 when nothing has travelled. */
static double compression(const struct engine_counters *c)
{
    return c->bytes_peer_in_wire > 0 ? (double)c->bytes_peer_in / (double)c->bytes_peer_in_wire : 1.0;
}

/* The frontier is empty text before anything was ever purged. */
static json_t *json_purge(const struct status *s)
{
    const struct engine_purges *p = &s->purges;

    return json_pack("{s:o, s:I, s:o, s:I, s:I, s:b}", "frontier", p->digest != 0 ? hex(p->digest) : json_string(""),
                     "pending", (json_int_t)p->pending, "position", whole(p->position), "logs", (json_int_t)p->logs,
                     "kept", (json_int_t)p->kept, "caught_up", (int)p->caught_up);
}

static json_t *json_config(const struct status *s)
{
    const struct engine_configs *c = &s->configs;
    char id[CONFIG_VERSION_TEXT_MAX], refused[CONFIG_VERSION_TEXT_MAX];

    return json_pack("{s:I, s:I, s:s, s:b, s:I, s:I, s:s, s:s, s:b, s:b, s:o}", "behind", (json_int_t)s->configs_behind,
                     "version", (json_int_t)c->version.counter, "id", config_version_text(&c->version, id), "kept",
                     (int)c->kept, "versions", (json_int_t)c->versions, "superseded", (json_int_t)c->superseded,
                     "refused", c->refused.counter > 0 ? config_version_text(&c->refused, refused) : "", "refused_why",
                     c->refused_why != NULL ? c->refused_why : "", "caught_up", (int)c->caught_up, "operator",
                     (int)c->is_operator, "digest", hex(s->config_digest));
}

/* Null where this node answers no DNS. */
static json_t *json_dns(const struct status *s)
{
    if (s->dns_n == 0)
        return json_null();
    json_t *addresses = json_array();
    for (size_t i = 0; i < s->dns_n; i++)
        json_array_append_new(addresses, json_addr(&s->dns_addrs[i]));
    json_t *j = json_pack("{s:o, s:I}", "addresses", addresses, "serial", (json_int_t)s->dns_serial);
#define X(name, help) json_object_set_new(j, #name, whole(s->dns.answer.name));
    DNS_COUNTERS(X)
#undef X
#define X(name, help) json_object_set_new(j, #name, whole(s->dns.name));
    DNS_SERVER_COUNTERS(X)
#undef X
    return j;
}

int status_json(struct buf *out, const struct status *s)
{
    const struct engine_counters *c = &s->engine;

    json_t *j = json_pack(
        "{s:i, s:o, s:o, s:{s:o, s:I, s:f}, s:o, s:o, s:o, s:{s:o, s:o, s:f}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "schema", STATUS_SCHEMA, "node", json_node(s), "mesh", json_mesh(s), "ring", "epoch", hex(s->ring_epoch),
        "arcs", (json_int_t)s->arcs, "owned_share", share(s->members[0].arcs, s->arcs), "requests", json_requests(c),
        "bytes", json_bytes(c), "cache", json_cache(s), "transfers", "verified", whole(c->transfers_verified),
        "rejected", whole(c->transfers_rejected), "compression_ratio", compression(c), "purge", json_purge(s), "config",
        json_config(s), "parent", json_parent(s), "authority", json_roll(s), "refusals", json_refusals(s), "alarms",
        json_alarms(s), "dns", json_dns(s), "steering", steering_status(s));
    char *text = j != NULL ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(j);
    if (text == NULL)
        return MESH_E_NOMEM;
    buf_add_str(out, text);
    buf_add_u8(out, '\n');
    free(text);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}
