/* Whose certificate we hold, how we come by it, and MEMBERS frames. */
#include "node/core/mesh_impl.h"

#include "gossip/payload.h"
#include "proto/base/err.h"

#include <stdlib.h>

#define MEMBERS_BYTES 60000 /* in one frame */
#define CHECKS_PERIOD SEC(1)
#define CHECKS_MAX    64 /* signatures checked for datagrams of strangers in a period */
#define ITEM_BYTES    16 /* msgpack around one certificate and record, generously */

struct mesh_peer *mesh_peer_find(const struct mesh *m, const struct node_id *id)
{
    struct map_node *node = map_find(&m->peers, map_hash_digest(&m->peers, id->bytes));

    for (; node != NULL; node = map_same(node)) {
        struct mesh_peer *p = OBJ_OF(node, struct mesh_peer, node);
        if (node_id_eq(&p->held->cert.id, id))
            return p;
    }
    return NULL;
}

struct mesh_more *mesh_more(struct mesh_peer *p)
{
    if (p->more == NULL && (p->more = calloc(1, sizeof(*p->more))) != NULL)
        p->more->peer = p;
    return p->more;
}

static void peer_free(struct mesh_peer *p)
{
    datagram_peer_wipe(&p->dg);
    held_drop(p->held);
    mesh_last_free(p);
    free(p->more);
    free(p);
}

void mesh_peers_free(struct mesh *m)
{
    LIST_EACH_SAFE (at, &m->peer_list)
        peer_free(OBJ_OF(at, struct mesh_peer, link));
    list_init(&m->peer_list);
    map_fini(&m->peers);
}

void mesh_drop(struct mesh *m, mesh_ns now, struct mesh_peer *p, int err)
{
    struct mesh_item *item = mesh_emit(m, MESH_OUT);

    if (item != NULL) {
        item->out.id = p->held->cert.id;
        item->out.err = err;
    }
    gossip_forget(m->gossip, now, &p->held->cert.id);
    m->ring_stale = true;
    if (p->more != NULL)
        heap_remove(&m->syncs, &p->more->sync_timer);
    map_remove(&m->peers, &p->node);
    list_remove(&p->link);
    m->peers_n--;
    m->far_n -= p->held->region != m->region;
    peer_free(p);
}

/* Of two certificates of one node the later issue counts, on every node alike. */
static bool supersedes(const struct cert *c, const struct cert *old)
{
    if (c->serial != old->serial)
        return c->serial > old->serial;
    if (c->not_after_s != old->not_after_s)
        return c->not_after_s > old->not_after_s;
    return c->not_before_s > old->not_before_s;
}

static void set_cert(struct mesh *m, struct mesh_peer *p, struct held_cert *held)
{
    m->far_n -= p->held != NULL && p->held->region != m->region;
    held_drop(p->held);
    p->held = held;
    m->far_n += held->region != m->region;
    m->ring_stale = true;
}

/* |held| is taken where it succeeds. */
static int peer_add(struct mesh *m, struct held_cert *held, struct mesh_peer **out)
{
    if (m->peers_n >= GOSSIP_MEMBERS_MAX - 1) /* and ourselves */
        return MESH_E_FULL;
    struct mesh_peer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return MESH_E_NOMEM;
    int err = datagram_peer_init(&p->dg, &m->self, &held->cert);
    if (err != 0) {
        peer_free(p);
        return err;
    }
    set_cert(m, p, held);
    list_push_back(&m->peer_list, &p->link);
    map_insert(&m->peers, &p->node, map_hash_digest(&m->peers, held->cert.id.bytes));
    m->peers_n++;
    *out = p;
    return 0;
}

int mesh_hold(struct mesh *m, mesh_ns now, const struct cert *cert, struct slice raw, struct mesh_peer **out)
{
    struct mesh_peer *p = mesh_peer_find(m, &cert->id);
    int err = 0;

    *out = p;
    if (p != NULL && !supersedes(cert, &p->held->cert))
        return 0;
    struct held_cert *held = held_take(m->certs, cert, raw);
    if (held == NULL)
        err = MESH_E_NOMEM;
    else if (p == NULL)
        err = peer_add(m, held, out);
    else if ((err = datagram_peer_init(&p->dg, &m->self, cert)) == 0)
        set_cert(m, p, held);
    if (err != 0)
        held_drop(held);
    m->links_lapse = 0; /* its name or zone may be another */
    if (err == 0)
        gossip_certified(m->gossip, now, &cert->id);
    return err;
}

int mesh_judge(struct mesh *m, mesh_ns now, int64_t wall_s, const struct cert *cert, struct slice raw)
{
    const struct mesh_params *mesh = &m->self.id->mesh;
    const struct mesh_peer *p = mesh_peer_find(m, &cert->id);

    if (p != NULL && slice_eq(held_raw(p->held), raw))
        return 0; /* checked when it came */
    int err = cert_check(cert, raw, &mesh->id, mesh_trusted(mesh), mesh_trusted_n(mesh), wall_s);
    if (err == 0)
        err = mesh_admits(m, cert);
    if (err != 0) {
        m->counters.certs_refused++;
        trace_f(&m->cfg.trace, now, "certificate of %s refused: %s", cert->name, mesh_strerror(err));
    }
    return err;
}

/* Anyone can send a CERT: what it may cost us in a second has an end. */
static bool may_check(struct mesh *m, mesh_ns now)
{
    if (now - m->checks_since >= CHECKS_PERIOD) {
        m->checks_since = now;
        m->checks = 0;
    }
    return m->checks++ < CHECKS_MAX;
}

void mesh_take_cert(struct mesh *m, mesh_ns now, int64_t wall_s, struct slice datagram)
{
    struct mesh_peer *p;
    struct cert cert;
    struct slice raw;

    if (datagram_cert_read(&m->self, datagram, &cert, &raw) != 0) {
        m->counters.datagrams_malformed++;
        return;
    }
    p = mesh_peer_find(m, &cert.id);
    if ((p != NULL && slice_eq(held_raw(p->held), raw)) || node_id_eq(&cert.id, &m->self.id->cert.id))
        return;
    if (!may_check(m, now) || mesh_judge(m, now, wall_s, &cert, raw) != 0)
        return;
    if (mesh_hold(m, now, &cert, raw, &p) != 0)
        m->counters.certs_refused++;
}

/* ---- MEMBERS ---- */

static void sum_up(const struct mesh *m, size_t n, struct sums *s)
{
    const struct cert *self = &m->self.id->cert;
    uint32_t own = sums_cert(&self->id, self->serial, self->not_after_s);

    sums_init(s, n);
    for (size_t i = 0; i < gossip_count(m->gossip); i++) {
        const struct node_id *id = &gossip_member(m->gossip, i)->id;
        const struct mesh_peer *p = i > 0 ? mesh_peer_find(m, id) : NULL;
        if (i == 0 || p != NULL)
            sums_add(s, id, gossip_member_hash(m->gossip, i), p != NULL ? p->held->sum : own);
    }
}

bool mesh_members_ask(const struct mesh *m, struct msg_members_out *out, struct buf *sums)
{
    struct buf record = BUF_EMPTY;
    struct mesh_member self;
    struct sums s;

    buf_clear(sums);
    if (gossip_count(m->gossip) <= 1 || !mesh_member(m, 0, &self))
        return false;
    member_record_put(&record, self.record);
    sum_up(m, sums_wanted(gossip_count(m->gossip)), &s);
    sums_put(&s, sums);
    bool ok = buf_ok(&record) && buf_ok(sums) && msg_members_add(out, self.cert_raw, buf_slice(&record));
    out->sums = buf_slice(sums);
    buf_free(&record);
    return ok;
}

int mesh_members_differ(const struct mesh *m, struct slice theirs, struct view_diff *out)
{
    size_t n = sums_count(theirs);
    struct sums ours;

    if (n == 0)
        return MESH_E_RANGE;
    sum_up(m, n, &ours);
    sums_differ(&ours, theirs, out);
    return 0;
}

size_t mesh_members_put(const struct mesh *m, size_t from, const struct view_diff *part, struct msg_members_out *out)
{
    struct buf record = BUF_EMPTY;
    struct mesh_member member;
    bool cert = true;
    size_t i = from;

    for (; i < gossip_count(m->gossip) && out->n < MSG_MEMBERS_MAX; i++) {
        if (!mesh_member(m, i, &member) || (part != NULL && !diff_has(part, &member.cert->id, &cert)))
            continue;
        if (!cert)
            member.cert_raw = SLICE_EMPTY;
        buf_clear(&record);
        member_record_put(&record, member.record);
        if (!buf_ok(&record))
            continue; /* short of memory: the next exchange brings it */
        if (out->items.len + member.cert_raw.len + record.len + ITEM_BYTES > MEMBERS_BYTES)
            break;
        if (!msg_members_add(out, member.cert_raw, buf_slice(&record)))
            break;
    }
    buf_free(&record);
    /* Nothing fits only when memory is short: then the exchange ends here. */
    return i < gossip_count(m->gossip) && out->n > 0 ? i : 0;
}

/* A record of one whose certificate we hold. If we do not any more, the sums will tell so next time. */
static void take_record(struct mesh *m, mesh_ns now, struct slice raw)
{
    struct member_record record;

    if (member_record_get(raw, &record) != 0)
        m->counters.certs_refused++;
    else if (mesh_peer_find(m, &record.id) != NULL || node_id_eq(&record.id, &m->self.id->cert.id))
        gossip_learn(m->gossip, now, &record);
}

static void take_member(struct mesh *m, mesh_ns now, int64_t wall_s, struct slice raw, struct slice record_raw)
{
    struct member_record record;
    struct mesh_peer *p;
    struct cert cert;

    if (raw.len == 0) {
        take_record(m, now, record_raw);
        return;
    }
    if (cert_parse(&cert, raw) != 0 || member_record_get(record_raw, &record) != 0 ||
        !node_id_eq(&cert.id, &record.id)) {
        m->counters.certs_refused++;
        return;
    }
    if (node_id_eq(&cert.id, &m->self.id->cert.id)) {
        gossip_learn(m->gossip, now, &record); /* what is said of us: to be refuted or outgrown */
        return;
    }
    if (mesh_judge(m, now, wall_s, &cert, raw) != 0)
        return;
    if (mesh_hold(m, now, &cert, raw, &p) != 0) {
        m->counters.certs_refused++;
        return;
    }
    gossip_learn(m->gossip, now, &record); /* a record it refuses it counts itself */
}

void mesh_learn(struct mesh *m, mesh_ns now, int64_t wall_s, const struct msg_members *members)
{
    for (size_t i = 0; i < members->n; i++) {
        struct slice cert, record;
        if (msg_members_item(members, i, &cert, &record) == 0)
            take_member(m, now, wall_s, cert, record);
        else
            m->counters.certs_refused++;
    }
}

/* ---- a mesh that is settled from the beginning ---- */

int mesh_preload(struct mesh *m, mesh_ns now, const struct mesh_known *certs, size_t n, const struct gossip *view)
{
    struct mesh_peer *p;
    int err = 0;

    OBJ_CHECK(m, MESH_MAGIC);
    for (size_t i = 0; i < n && err == 0; i++) {
        if (!node_id_eq(&certs[i].cert->id, &m->self.id->cert.id))
            err = mesh_hold(m, now, certs[i].cert, certs[i].raw, &p);
    }
    if (err == 0)
        err = gossip_preload(m->gossip, view);
    if (err != 0)
        return err;
    LIST_EACH (at, &m->peer_list) {
        p = OBJ_OF(at, struct mesh_peer, link);
        const struct member_record *r = gossip_find(m->gossip, &p->held->cert.id);
        if (r != NULL)
            p->told_boot = p->lived_boot = r->boot;
        p->since = now - m->cfg.ramp;
    }
    mesh_weight_settled(m, now);
    mesh_ring_now(m, now);
    return 0;
}

/* ---- MESH_SYNC, at most one per peer and period ---- */

static void emit_sync(struct mesh *m, mesh_ns now, struct mesh_peer *p)
{
    struct mesh_item *item = mesh_emit(m, MESH_SYNC);

    if (item != NULL)
        item->out.id = p->held->cert.id;
    struct mesh_more *more = mesh_more(p);
    if (more == NULL)
        return;
    more->sync_wanted = false;
    heap_set(&m->syncs, &more->sync_timer, now + MESH_SYNC_PERIOD);
}

void mesh_want_sync(struct mesh *m, mesh_ns now, struct mesh_peer *p)
{
    if (p->more != NULL && p->more->sync_timer.queued)
        p->more->sync_wanted = true;
    else
        emit_sync(m, now, p);
}

void mesh_syncs_tick(struct mesh *m, mesh_ns now)
{
    struct heap_node *node;

    while ((node = heap_pop(&m->syncs, now)) != NULL) {
        const struct mesh_more *more = OBJ_OF(node, struct mesh_more, sync_timer);
        if (more->sync_wanted)
            emit_sync(m, now, more->peer);
    }
}
