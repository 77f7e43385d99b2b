/* Whom we know, as others look at it. */
#include "node/core/mesh_impl.h"

#include "proto/base/obj.h"

const struct ring *mesh_ring(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return m->tables[TABLE_OWN].ring;
}

const struct ring *mesh_ring_before(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return m->tables[TABLE_OWN].before;
}

static bool worth_asking(const struct mesh *m, const struct mesh_peer *p, enum member_state state)
{
    if (state != MEMBER_ALIVE && state != MEMBER_SUSPECT)
        return false;
    return p == NULL || p->link_until == 0 || m->now >= p->link_until;
}

/* The addresses it states, and where it was last seen speaking from (a node behind a translator
 * of addresses knows only inner ones), one after the other as they fail. */
static struct mesh_addr dial_at(const struct mesh_peer *p, const struct member_record *r)
{
    bool seen = p->seen.port != 0 && (r->addrs_n == 0 || !mesh_addr_is_loopback(&p->seen));

    for (size_t i = 0; i < r->addrs_n; i++)
        seen = seen && !mesh_addr_eq(&r->addrs[i], &p->seen);
    size_t n = r->addrs_n + seen;
    if (n == 0)
        return (struct mesh_addr){ .port = 0 };
    size_t at = p->addr_at % n;
    return at < r->addrs_n ? r->addrs[at] : p->seen;
}

/* The first of all is ourselves. */
static bool describe(const struct mesh *m, size_t i, struct mesh_member *out)
{
    const struct member_record *r = gossip_member(m->gossip, i);
    bool us = i == 0;
    const struct mesh_peer *p = r == NULL || us ? NULL : mesh_peer_find(m, &r->id);

    if (r == NULL || (p == NULL && !us))
        return false;
    *out = (struct mesh_member){ .record = r,
                                 .cert = us ? &m->self.id->cert : &p->held->cert,
                                 .cert_raw = us ? identity_cert(m->self.id) : held_raw(p->held),
                                 .addr = us ? (struct mesh_addr){ .port = 0 } : dial_at(p, r),
                                 .rtt = us ? 0 : gossip_member_rtt(m->gossip, i),
                                 .reachable = worth_asking(m, p, r->state),
                                 .distrusted_until = p != NULL && p->more != NULL ? p->more->distrust.until : 0,
                                 .rests_until = p != NULL && p->more != NULL ? p->more->health.breaker.until : 0 };
    return true;
}

size_t mesh_count(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_count(m->gossip);
}

bool mesh_member(const struct mesh *m, size_t i, struct mesh_member *out)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return describe(m, i, out);
}

bool mesh_find(const struct mesh *m, const struct node_id *id, struct mesh_member *out)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return describe(m, gossip_at(m->gossip, id), out);
}

size_t mesh_alive(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_alive(m->gossip);
}

struct held_store *mesh_certs(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return m->certs;
}

const struct member_record *mesh_record(const struct mesh *m, size_t i)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_member(m->gossip, i);
}

const struct member_record *mesh_record_of(const struct mesh *m, const struct node_id *id)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_find(m->gossip, id);
}

struct boot mesh_boot(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return m->self.boot;
}

bool mesh_roll_forked(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return m->roll_forked;
}

uint64_t mesh_digest(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_digest(m->gossip);
}

const struct gossip_counters *mesh_gossip_counters(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_counters(m->gossip);
}

const struct mesh_counters *mesh_counters(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return &m->counters;
}
