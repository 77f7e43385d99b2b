/* fake_mesh.h - mesh.h without gossip: a test says who is in the ring, who is alive, and
 * which ring each node sees. It stands in for node/core/mesh.c where it is included, so
 * that stories about the engine hang on nothing else. Include once in a program. */
#ifndef HEDGEROW_TESTS_FAKE_MESH_H
#define HEDGEROW_TESTS_FAKE_MESH_H

#include <stdlib.h>

#include "node/core/distrust.h"
#include "node/core/mesh.h"
#include "proto/base/err.h"

#define FAKE_CASTS    16
#define FAKE_MEMBERS  8
#define FAKE_ARC_BITS 8

struct fake_member {
    struct member_record record;
    struct cert cert;
    uint8_t raw[CERT_BYTES_MAX];
    size_t raw_len;
    mesh_ns link_until; /* its link is unhealthy so long */
    bool down;          /* membership says so */
    mesh_ns rtt;
    struct distrust distrust;
    struct health health;
};

struct mesh {
    const struct identity *self;
    mesh_ns now;
    struct fake_member members[FAKE_MEMBERS]; /* ourselves first */
    size_t n;
    struct ring *ring, *before; /* the latter is there once a test has said fake_ring_changed */
    struct ring *parent;        /* of the parent region; NULL: none */
    bool sync_wanted, left, unreached, late, changed;
    struct node_id sync_with;
    struct mesh_addr outside;                                                   /* what was said last of where we are */
    const struct node_id *revoked;                                              /* by mesh_admits alone; NULL: nobody */
    unsigned takes;                                                             /* MEMBERS frames taken */
    void (*cast)(struct mesh *m, const struct node_id *to, struct slice bytes); /* NULL: what is cast is lost */
    struct fake_cast {
        struct node_id from;
        uint8_t bytes[MESH_CAST_MAX];
        size_t len;
    } casts[FAKE_CASTS], lent; /* what has come so */
    size_t casts_n;
    struct mesh_counters counters;
};

/* fake_cast: |from| has sent this; what is too much is lost. */
static inline void fake_cast(struct mesh *m, const struct node_id *from, struct slice bytes)
{
    if (m->casts_n == FAKE_CASTS)
        return;
    struct fake_cast *c = &m->casts[m->casts_n++];
    c->from = *from;
    c->len = bytes.len;
    memcpy(c->bytes, bytes.data, bytes.len);
}

static inline struct fake_member *fake_find(const struct mesh *m, const struct node_id *id)
{
    for (size_t i = 0; i < m->n; i++) {
        if (node_id_eq(&m->members[i].record.id, id))
            return (struct fake_member *)(uintptr_t)&m->members[i];
    }
    return NULL;
}

static inline void fake_add(struct mesh *m, const struct cert *cert, struct slice raw, const struct mesh_addr *addr)
{
    struct fake_member *f = fake_find(m, &cert->id);

    if (f != NULL || m->n == FAKE_MEMBERS)
        return;
    f = &m->members[m->n++];
    *f = (struct fake_member){ .cert = *cert, .raw_len = raw.len };
    memcpy(f->raw, raw.data, raw.len);
    f->record = (struct member_record){ .id = cert->id, .addrs = { *addr }, .addrs_n = 1, .weight = 100 };
}

static inline struct ring *fake_ring_of(const struct identity *const *ids, size_t n, bool steep)
{
    struct ring_member members[FAKE_MEMBERS];

    for (size_t i = 0, weight = CERT_WEIGHT_MAX; i < n; i++, weight /= 10)
        members[i] =
            (struct ring_member){ .id = ids[i]->cert.id, .zone = i + 1, .weight = steep ? (uint32_t)weight : 100 };
    struct ring *ring = ring_new(members, n, FAKE_ARC_BITS);
    if (ring == NULL)
        abort();
    return ring;
}

/* fake_ring: from now on the ring of |m| holds these, in zones of their own; none: an empty
 * ring. |steep|: the first ones are heavier by far, so on most arcs they rank in this order. */
static inline void fake_ring(struct mesh *m, const struct identity *const *ids, size_t n, bool steep)
{
    ring_unref(m->ring);
    m->ring = fake_ring_of(ids, n, steep);
}

/* fake_parent: and that of the parent region these; none: there is no such region. */
static inline void fake_parent(struct mesh *m, const struct identity *const *ids, size_t n, bool steep)
{
    ring_unref(m->parent);
    m->parent = n > 0 ? fake_ring_of(ids, n, steep) : NULL;
}

/* fake_ring_changed: the ring was that of |before| (taken over) until now. */
static inline void fake_ring_changed(struct mesh *m, struct ring *before)
{
    ring_unref(m->before);
    m->before = before;
    m->changed = true;
}

/* fake_down: membership holds |id| for dead. */
static inline void fake_down(struct mesh *m, const struct node_id *id, bool down)
{
    fake_find(m, id)->down = down;
}

/* fake_moved: |id| now says that it is found elsewhere than where it answered. */
static inline void fake_moved(struct mesh *m, const struct node_id *id)
{
    fake_find(m, id)->record.addrs[0].port++;
}

static inline void fake_sync(struct mesh *m, const struct node_id *id)
{
    m->sync_wanted = true;
    m->sync_with = *id;
}

/* ---- mesh.h ---- */

void mesh_config(struct mesh *m, uint64_t mark)
{
    (void)m;
    (void)mark;
}

struct mesh *mesh_new(const struct mesh_config *cfg, mesh_ns now)
{
    struct mesh *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->self = cfg->self;
    m->now = now;
    fake_add(m, &cfg->self->cert, identity_cert(cfg->self), &cfg->addrs[0]);
    fake_ring(m, NULL, 0, false);
    return m;
}

void mesh_free(struct mesh *m)
{
    if (m != NULL) {
        ring_unref(m->ring);
        ring_unref(m->before);
        ring_unref(m->parent);
    }
    free(m);
}

const struct identity *mesh_self(const struct mesh *m)
{
    return m->self;
}

/* There is never a roll here. */
static const struct roll fake_roll;

const struct roll *mesh_roll(const struct mesh *m)
{
    (void)m;
    return &fake_roll;
}

struct slice mesh_roll_bytes(const struct mesh *m)
{
    (void)m;
    return SLICE_EMPTY;
}

int mesh_roll_take(struct mesh *m, mesh_ns now, struct slice bytes)
{
    (void)m, (void)now, (void)bytes;
    return MESH_E_STATE;
}

bool mesh_roll_forked(const struct mesh *m)
{
    (void)m;
    return false;
}

void mesh_unreached(struct mesh *m, mesh_ns now, bool on)
{
    m->now = now;
    m->unreached = on;
}

void mesh_outside(struct mesh *m, mesh_ns now, const struct node_id *by, const struct mesh_addr *addr)
{
    (void)by;
    m->now = now;
    m->outside = *addr;
}

void mesh_drain(struct mesh *m, mesh_ns now, bool on)
{
    (void)m, (void)now, (void)on;
}

void mesh_roll_claimed(struct mesh *m, mesh_ns now, const struct node_id *by, uint64_t sequence, uint64_t mark)
{
    (void)m, (void)now, (void)by, (void)sequence, (void)mark;
}

bool mesh_behind(const struct mesh *m, mesh_ns now)
{
    (void)m, (void)now;
    return false;
}

int mesh_renew(struct mesh *m, mesh_ns now, const struct identity *id)
{
    (void)m, (void)now, (void)id;
    return MESH_E_STATE;
}

struct held_store *mesh_certs(const struct mesh *m)
{
    (void)m;
    return NULL;
}

int mesh_preload(struct mesh *m, mesh_ns now, const struct mesh_known *certs, size_t n, const struct gossip *view)
{
    (void)m, (void)now, (void)certs, (void)n, (void)view;
    return 0;
}

bool mesh_expire(struct mesh *m, mesh_ns now, int64_t wall_s)
{
    (void)m, (void)now, (void)wall_s;
    return true;
}

int mesh_admits(const struct mesh *m, const struct cert *cert)
{
    return m->revoked != NULL && node_id_eq(m->revoked, &cert->id) ? MESH_E_REVOKED : 0;
}

int mesh_vouches(const struct mesh *m, const struct cert *cert, struct slice raw)
{
    const struct mesh_params *mesh = &m->self->mesh;
    return cert_check(cert, raw, &mesh->id, mesh_trusted(mesh), mesh_trusted_n(mesh), -1);
}

bool mesh_once_admitted(const struct mesh *m, const struct cert *cert, struct slice raw)
{
    (void)m, (void)cert, (void)raw;
    return false;
}

bool mesh_still_vouches(const struct mesh *m, const struct cert *cert)
{
    (void)m, (void)cert;
    return true;
}

void mesh_recv(struct mesh *m, mesh_ns now, int64_t wall_s, const struct mesh_addr *from, struct slice datagram)
{
    (void)m, (void)now, (void)wall_s, (void)from, (void)datagram;
}

int mesh_met(struct mesh *m, mesh_ns now, const struct cert *cert, struct slice cert_raw, struct boot boot,
             const struct mesh_addr *addr)
{
    (void)now, (void)boot;
    fake_add(m, cert, cert_raw, addr);
    return 0;
}

/* A record is just an address here. */
size_t mesh_members_put(const struct mesh *m, size_t from, const struct view_diff *part, struct msg_members_out *out)
{
    (void)part;
    for (size_t i = from; i < m->n; i++) {
        const struct fake_member *f = &m->members[i];
        uint8_t record[18];
        memcpy(record, f->record.addrs[0].ip, 16);
        be16_put(record + 16, f->record.addrs[0].port);
        if (i - from == 2 || !msg_members_add(out, slice_of(f->raw, f->raw_len), SLICE_OF(record)))
            return i; /* two a frame, so that there are several */
    }
    return 0;
}

bool mesh_members_ask(const struct mesh *m, struct msg_members_out *out, struct buf *sums)
{
    (void)m, (void)out, (void)sums;
    return false;
}

int mesh_members_differ(const struct mesh *m, struct slice theirs, struct view_diff *out)
{
    (void)m, (void)theirs, (void)out;
    return MESH_E_RANGE;
}

/* Most stories have all of them lost: those about purges go by sessions. */
void mesh_cast(struct mesh *m, mesh_ns now, const struct mesh_member *to, struct slice bytes)
{
    (void)now;
    if (m->cast != NULL)
        m->cast(m, &to->record->id, bytes);
}

void mesh_spent(struct mesh *m, mesh_ns now, size_t bytes)
{
    (void)m, (void)now, (void)bytes;
}

bool mesh_affords(struct mesh *m, mesh_ns now)
{
    (void)m, (void)now;
    return true;
}

void mesh_members_say(const struct mesh *m, const struct node_id *to, struct msg_members_out *out)
{
    (void)to;
    out->settled = (uint32_t)m->n;
}

void mesh_members_take(struct mesh *m, mesh_ns now, int64_t wall_s, const struct msg_members *members)
{
    struct slice raw, record;
    struct mesh_addr addr;
    struct cert cert;

    (void)now, (void)wall_s;
    m->takes++;
    for (size_t i = 0; i < members->n; i++) {
        if (msg_members_item(members, i, &raw, &record) != 0 || record.len != 18 || cert_parse(&cert, raw) != 0)
            abort();
        memcpy(addr.ip, record.data, 16);
        addr.port = be16_get(record.data + 16);
        fake_add(m, &cert, raw, &addr);
    }
}

void mesh_tick(struct mesh *m, mesh_ns now)
{
    m->now = now;
    for (size_t i = 0; i < m->n; i++) {
        if (m->members[i].link_until <= now)
            m->members[i].link_until = 0;
    }
}

mesh_ns mesh_deadline(const struct mesh *m)
{
    mesh_ns at = MESH_NS_NEVER;

    for (size_t i = 0; i < m->n; i++) {
        if (m->members[i].link_until != 0)
            at = mesh_ns_min(at, m->members[i].link_until);
    }
    return at;
}

bool mesh_poll(struct mesh *m, struct mesh_out *out)
{
    if (m->changed) {
        m->changed = false;
        *out = (struct mesh_out){ .kind = MESH_RING };
        return true;
    }
    if (m->casts_n > 0) {
        m->lent = m->casts[0];
        memmove(&m->casts[0], &m->casts[1], --m->casts_n * sizeof(m->casts[0]));
        *out =
            (struct mesh_out){ .kind = MESH_CAST, .id = m->lent.from, .bytes = slice_of(m->lent.bytes, m->lent.len) };
        return true;
    }
    if (!m->sync_wanted)
        return false;
    m->sync_wanted = false;
    *out = (struct mesh_out){ .kind = MESH_SYNC, .id = m->sync_with };
    return true;
}

const struct ring *mesh_ring(const struct mesh *m)
{
    return m->ring;
}

const struct ring *mesh_ring_before(const struct mesh *m)
{
    return m->before;
}

bool mesh_came_late(const struct mesh *m)
{
    return m->late;
}

const struct ring *mesh_parent_ring(const struct mesh *m)
{
    return m->parent;
}

void mesh_origin_rtt(struct mesh *m, mesh_ns now, mesh_ns rtt)
{
    (void)m, (void)now, (void)rtt;
}

void mesh_origin_other(struct mesh *m, mesh_ns now)
{
    (void)m, (void)now;
}

size_t mesh_count(const struct mesh *m)
{
    return m->n;
}

bool mesh_member(const struct mesh *m, size_t i, struct mesh_member *out)
{
    const struct fake_member *f = &m->members[i];

    if (i >= m->n)
        return false;
    *out = (struct mesh_member){ .record = &f->record,
                                 .cert = &f->cert,
                                 .cert_raw = slice_of(f->raw, f->raw_len),
                                 .addr = f->record.addrs[0],
                                 .rtt = f->rtt,
                                 .reachable = i > 0 && !f->down && f->link_until == 0,
                                 .distrusted_until = f->distrust.until,
                                 .rests_until = f->health.breaker.until };
    return true;
}

bool mesh_find(const struct mesh *m, const struct node_id *id, struct mesh_member *out)
{
    const struct fake_member *f = fake_find(m, id);
    return f != NULL && mesh_member(m, (size_t)(f - m->members), out);
}

const struct member_record *mesh_record(const struct mesh *m, size_t i)
{
    return i < m->n ? &m->members[i].record : NULL;
}

const struct member_record *mesh_record_of(const struct mesh *m, const struct node_id *id)
{
    const struct fake_member *f = fake_find(m, id);
    return f != NULL ? &f->record : NULL;
}

size_t mesh_alive(const struct mesh *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++)
        n += !m->members[i].down;
    return n;
}

void mesh_link(struct mesh *m, const struct node_id *id, mesh_ns until)
{
    struct fake_member *f = fake_find(m, id);
    if (f != NULL)
        f->link_until = until;
}

/* One may always have become healthy. */
mesh_ns mesh_links_lapse(struct mesh *m)
{
    (void)m;
    return 0;
}

mesh_ns mesh_distrust(struct mesh *m, mesh_ns now, const struct node_id *id, mesh_ns first)
{
    struct fake_member *f = fake_find(m, id);
    if (f == NULL)
        return 0;
    distrust_add(&f->distrust, now, first);
    return f->distrust.until;
}

struct health *mesh_health(struct mesh *m, const struct node_id *id)
{
    struct fake_member *f = fake_find(m, id);
    return f != NULL ? &f->health : NULL;
}

void mesh_leave(struct mesh *m, mesh_ns now)
{
    (void)now;
    m->left = true;
}

bool mesh_left(const struct mesh *m)
{
    return m->left;
}

struct boot mesh_boot(const struct mesh *m)
{
    (void)m;
    return (struct boot){ 1, 1 };
}

uint64_t mesh_digest(const struct mesh *m)
{
    return m->n;
}

const struct gossip_counters *mesh_gossip_counters(const struct mesh *m)
{
    static const struct gossip_counters none;
    (void)m;
    return &none;
}

const struct mesh_counters *mesh_counters(const struct mesh *m)
{
    return &m->counters;
}

#endif
