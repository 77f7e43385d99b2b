#include "node/core/mesh_impl.h"

#include "proto/base/err.h"
#include "proto/base/obj.h"

#include <stdlib.h>

/* Two processes with one identity outgrow each other's boot for ever, so jumps that do
 * not stop are the sign of a twin. Whoever came last gives up first. */
#define TWIN_WINDOW      SEC(60)
#define TWIN_JUMPS_YOUNG 3
#define TWIN_JUMPS_OLD   6
#define OLD_AFTER        SEC(30) /* in company */
/* A claim that our boot was this much higher is a lie, or we would have jumped before. */
#define BOOT_JUMP_MAX (UINT64_C(1) << 32)

/* ---- events ---- */

static void item_free(struct mesh_item *item)
{
    if (item == NULL)
        return;
    buf_free(&item->bytes);
    free(item);
}

struct mesh_item *mesh_emit(struct mesh *m, enum mesh_out_kind kind)
{
    struct mesh_item *item = calloc(1, sizeof(*item));

    if (item == NULL)
        return NULL;
    item->out.kind = kind;
    list_push_back(&m->queue, &item->link);
    return item;
}

bool mesh_poll(struct mesh *m, struct mesh_out *out)
{
    OBJ_CHECK(m, MESH_MAGIC);
    item_free(m->lent);
    m->lent = NULL;
    struct list *first = list_first(&m->queue);
    if (first == NULL)
        return false;
    struct mesh_item *item = OBJ_OF(first, struct mesh_item, link);
    list_remove(&item->link);
    *out = item->out;
    out->bytes = buf_slice(&item->bytes);
    m->lent = item;
    if (out->kind == MESH_SEND) {
        m->sends--;
        m->counters.datagrams_out++;
        m->counters.datagram_bytes_out += out->bytes.len;
    }
    return true;
}

/* ---- what gossip wants done ---- */

/* A link that failed to an earlier run says nothing of this one. */
static void note_boot(struct mesh *m, struct mesh_peer *p)
{
    const struct member_record *r = gossip_find(m->gossip, &p->held->cert.id);

    if (r == NULL || r->boot <= p->told_boot)
        return;
    p->told_boot = r->boot;
    p->link_until = 0;
    if (p->more != NULL)
        breaker_good(&p->more->health.breaker);
    p->origin_us = p->parent = 0;
}

static void note_change(struct mesh *m, mesh_ns now, const struct gossip_out *g)
{
    struct mesh_peer *p = mesh_peer_find(m, &g->to);
    struct mesh_item *item = mesh_emit(m, MESH_CHANGED);

    if (p != NULL)
        note_boot(m, p);
    if (p != NULL)
        mesh_ring_state(m, p, now, g->was, g->is, g->is_new);
    if (item == NULL)
        return;
    item->out.id = g->to;
    item->out.was = g->was;
    item->out.is = g->is;
    item->out.is_new = g->is_new;
}

void mesh_outgrow(struct mesh *m, mesh_ns now, uint64_t seen)
{
    uint64_t own = m->self.boot.number;

    if (seen <= own || seen - own > BOOT_JUMP_MAX || seen >= GOSSIP_BOOT_MAX)
        return;
    trace_f(&m->cfg.trace, now, "our boot was %llu and is outgrown by %llu", (unsigned long long)own,
            (unsigned long long)seen);
    m->self.boot.number = seen + 1;
    gossip_reboot(m->gossip, now, seen + 1);
    if (m->jumps == 0 || now - m->jumps_since > TWIN_WINDOW) {
        m->jumps_since = now;
        m->jumps = 0;
    }
    bool old = m->company_since != 0 && m->jumps_since - m->company_since > OLD_AFTER;
    if (++m->jumps < (old ? TWIN_JUMPS_OLD : TWIN_JUMPS_YOUNG) || m->twin_told)
        return;
    struct mesh_item *item = mesh_emit(m, MESH_TWIN);
    if (item != NULL) {
        item->out.boot_seen = seen;
        m->twin_told = true;
    }
}

/* Gossip asks |via| for the certificate of |of|, unless we have it already. */
static void need_cert(struct mesh *m, mesh_ns now, const struct node_id *of, const struct node_id *via)
{
    struct mesh_peer *p = mesh_peer_find(m, via);

    if (roll_revoked(&m->roll, of) != NULL)
        gossip_forget(m->gossip, now, of); /* a rumour of those who do not know yet */
    else if (mesh_peer_find(m, of) != NULL)
        gossip_certified(m->gossip, now, of);
    else if (p != NULL)
        mesh_want_sync(m, now, p);
}

static void other_config(struct mesh *m, const struct node_id *id, uint64_t mark)
{
    struct mesh_item *item = mesh_peer_find(m, id) != NULL ? mesh_emit(m, MESH_CONFIG) : NULL;

    if (item == NULL)
        return;
    item->out.id = *id;
    item->out.mark = mark;
}

void mesh_pump(struct mesh *m, mesh_ns now)
{
    struct gossip_out g;

    mesh_weight_tick(m, now);
    while (gossip_poll(m->gossip, &g)) {
        struct mesh_peer *p;
        switch (g.kind) {
        case GOSSIP_SEND:
            p = mesh_peer_find(m, &g.to);
            if (p != NULL)
                mesh_send_payload(m, p, &g.addr, g.payload);
            break;
        case GOSSIP_CHANGED: note_change(m, now, &g); break;
        case GOSSIP_NEED_CERT: need_cert(m, now, &g.to, &g.via); break;
        case GOSSIP_SELF_BOOT: mesh_outgrow(m, now, g.boot); break;
        case GOSSIP_ROLL: mesh_roll_claimed(m, now, &g.to, g.roll, 0); break;
        case GOSSIP_CONFIG: other_config(m, &g.to, g.config); break;
        case GOSSIP_ORIGIN: mesh_parent_told(m, &g.to, g.origin_us, g.parent); break;
        case GOSSIP_SYNC:
            p = mesh_peer_find(m, &g.to);
            if (p != NULL)
                mesh_want_sync(m, now, p);
            break;
        }
    }
    mesh_parent_tick(m, now);
    mesh_ring_tick(m, now);
}

/* ---- from streams ---- */

int mesh_met(struct mesh *m, mesh_ns now, const struct cert *cert, struct slice cert_raw, struct boot boot,
             const struct mesh_addr *addr)
{
    struct mesh_peer *p;

    OBJ_CHECK(m, MESH_MAGIC);
    assert(now >= m->now);
    m->now = now;
    int err = mesh_admits(m, cert);
    if (err == 0)
        err = mesh_hold(m, now, cert, cert_raw, &p);
    if (err != 0)
        return err;
    datagram_peer_boot(&p->dg, &m->self, boot);
    if (addr->port != 0) {
        p->seen = *addr;
        gossip_seen(m->gossip, &cert->id, addr);
    }
    const struct member_record *r = gossip_find(m->gossip, &cert->id);
    if (r == NULL || r->boot < boot.number)
        mesh_want_sync(m, now, p);
    mesh_pump(m, now);
    return 0;
}

void mesh_spent(struct mesh *m, mesh_ns now, size_t bytes)
{
    OBJ_CHECK(m, MESH_MAGIC);
    gossip_spent(m->gossip, now, bytes);
}

bool mesh_affords(struct mesh *m, mesh_ns now)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_affords(m->gossip, now);
}

void mesh_members_take(struct mesh *m, mesh_ns now, int64_t wall_s, const struct msg_members *members)
{
    OBJ_CHECK(m, MESH_MAGIC);
    assert(now >= m->now);
    m->now = now;
    mesh_learn(m, now, wall_s, members);
    mesh_weight_told(m, now, members->settled, members->placed);
    mesh_pump(m, now);
}

void mesh_config(struct mesh *m, uint64_t mark)
{
    OBJ_CHECK(m, MESH_MAGIC);
    gossip_config(m->gossip, mark);
}

void mesh_link(struct mesh *m, const struct node_id *id, mesh_ns until)
{
    OBJ_CHECK(m, MESH_MAGIC);
    struct mesh_peer *p = mesh_peer_find(m, id);
    if (p == NULL)
        return;
    p->link_until = until;
    p->addr_at += until != 0;
    if (until != 0)
        m->links_lapse = mesh_ns_min(m->links_lapse, until);
}

mesh_ns mesh_links_lapse(struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    mesh_ns lapse = m->links_lapse;

    if (m->now < lapse)
        return lapse;
    m->links_lapse = MESH_NS_NEVER;
    LIST_EACH (at, &m->peer_list) {
        const struct mesh_peer *p = OBJ_OF(at, struct mesh_peer, link);
        if (p->link_until > m->now)
            m->links_lapse = mesh_ns_min(m->links_lapse, p->link_until);
    }
    return lapse;
}

mesh_ns mesh_distrust(struct mesh *m, mesh_ns now, const struct node_id *id, mesh_ns first)
{
    OBJ_CHECK(m, MESH_MAGIC);
    struct mesh_peer *p = mesh_peer_find(m, id);
    struct mesh_more *more = p != NULL ? mesh_more(p) : NULL;
    if (more == NULL)
        return 0;
    distrust_add(&more->distrust, now, first);
    return more->distrust.until;
}

struct health *mesh_health(struct mesh *m, const struct node_id *id)
{
    OBJ_CHECK(m, MESH_MAGIC);
    struct mesh_peer *p = mesh_peer_find(m, id);
    struct mesh_more *more = p != NULL ? mesh_more(p) : NULL;
    return more != NULL ? &more->health : NULL;
}

/* ---- time ---- */

void mesh_tick(struct mesh *m, mesh_ns now)
{
    OBJ_CHECK(m, MESH_MAGIC);
    assert(now >= m->now);
    m->now = now;
    mesh_weight_tick(m, now); /* what it states goes out with this tick */
    gossip_tick(m->gossip, now);
    mesh_syncs_tick(m, now);
    mesh_pump(m, now);
}

mesh_ns mesh_deadline(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    mesh_ns at = mesh_ns_min(gossip_deadline(m->gossip), heap_deadline(&m->syncs));
    return mesh_ns_min(at, mesh_ns_min(mesh_ring_deadline(m), mesh_parent_deadline(m)));
}

static void weigh_nothing(struct mesh *m, mesh_ns now, bool *why, bool on)
{
    OBJ_CHECK(m, MESH_MAGIC);
    assert(now >= m->now);
    m->now = now;
    *why = on;
    mesh_pump(m, now);
}

void mesh_drain(struct mesh *m, mesh_ns now, bool on)
{
    weigh_nothing(m, now, &m->weight.drained, on);
}

void mesh_unreached(struct mesh *m, mesh_ns now, bool on)
{
    weigh_nothing(m, now, &m->weight.unreached, on);
}

void mesh_leave(struct mesh *m, mesh_ns now)
{
    OBJ_CHECK(m, MESH_MAGIC);
    assert(now >= m->now);
    m->now = now;
    gossip_leave(m->gossip, now);
    mesh_pump(m, now);
}

bool mesh_left(const struct mesh *m)
{
    OBJ_CHECK(m, MESH_MAGIC);
    return gossip_left(m->gossip);
}

/* ---- birth and end ---- */

static struct gossip *start_gossip(const struct mesh_config *cfg, mesh_ns now)
{
    const struct cert *cert = &cfg->self->cert;
    struct gossip_config g = { .seed = cfg->seed,
                               .probe_period = cfg->probe_period,
                               .ack_timeout = cfg->ack_timeout,
                               .suspect_timeout = cfg->suspect_timeout,
                               .roster = cfg->roster,
                               .trace = cfg->trace };

    g.self.id = cert->id;
    g.self.boot = cfg->boot.number;
    g.self.weight = cfg->weight != 0 && cfg->weight < cert->weight_max ? cfg->weight : cert->weight_max;
    g.self.serial = cert->serial;
    assert(cfg->addrs_n <= GOSSIP_ADDRS_MAX);
    g.self.addrs_n = cfg->addrs_n;
    memcpy(g.self.addrs, cfg->addrs, sizeof(g.self.addrs));
    return gossip_new(&g, now);
}

struct mesh *mesh_new(const struct mesh_config *cfg, mesh_ns now)
{
    uint8_t key[MAP_KEY_BYTES];
    struct mesh *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->magic = MESH_MAGIC;
    m->cfg = *cfg;
    if (m->cfg.ring_join_delay == 0)
        m->cfg.ring_join_delay = SEC(1);
    if (m->cfg.ring_death_delay == 0)
        m->cfg.ring_death_delay = SEC(10);
    if (m->cfg.ramp == 0)
        m->cfg.ramp = SEC(60);
    if (m->cfg.parent_period == 0)
        m->cfg.parent_period = SEC(60);
    m->id = *cfg->self;
    m->region = ring_zone(cert_region(&cfg->self->cert));
    m->file = cfg->self->mesh;
    m->self = (struct datagram_self){ &m->id, cfg->boot };
    m->now = m->checks_since = now;
    mesh_weight_start(m, now);
    list_init(&m->peer_list);
    list_init(&m->queue);
    heap_init(&m->syncs);
    secret_random(key, sizeof(key));
    mesh_datagrams_start(m, key);
    m->certs = cfg->certs != NULL ? cfg->certs : &m->own_certs;
    bool ok = held_store_init(&m->own_certs, key) == 0 && map_init(&m->peers, key) == 0 &&
              mesh_roll_start(m, cfg->roll) != MESH_E_NOMEM && (m->gossip = start_gossip(cfg, now)) != NULL &&
              mesh_ring_start(m, now) == 0;
    m->cfg.roll = SLICE_EMPTY;
    if (!ok) {
        mesh_free(m);
        return NULL;
    }
    mesh_parent_start(m, now);
    gossip_roll(m->gossip, m->roll.sequence);
    return m;
}

void mesh_free(struct mesh *m)
{
    if (m == NULL)
        return;
    OBJ_CHECK(m, MESH_MAGIC);
    LIST_EACH_SAFE (at, &m->queue)
        item_free(OBJ_OF(at, struct mesh_item, link));
    item_free(m->lent);
    gossip_free(m->gossip);
    mesh_ring_stop(m);
    mesh_peers_free(m);
    held_store_fini(&m->own_certs);
    free(m->eligible);
    buf_free(&m->payload);
    buf_free(&m->roll_raw);
    roll_free(&m->roll);
    identity_wipe(&m->id);
    m->magic = 0;
    free(m);
}
