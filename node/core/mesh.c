#include "node/core/mesh_impl.h"

#include "proto/base/err.h"
#include "proto/base/obj.h"

#include <stdlib.h>

#define SENDS_MAX  8192 /* datagrams waiting to be polled; more are dropped, as a network would */

/* Two processes with one identity outgrow each other's boot for ever, so jumps that do
 * not stop are the sign of a twin. Whoever came last gives up first. */
#define TWIN_WINDOW      SEC(60)
#define TWIN_JUMPS_YOUNG 3
#define TWIN_JUMPS_OLD   6
#define OLD_AFTER        SEC(30) /* in company */
/* A claim that our boot was this much higher is a lie, or we would have jumped before. */
#define BOOT_JUMP_MAX (UINT64_C(1) << 32)

/* BOOT and UNKNOWN: a restart is answered by each peer once, and a lost answer again. */
static const struct guard_pace answers_each = { .period = MS(10), .burst = 256 };
static const struct guard_pace answers_all = { .period = US(500), .burst = 4096 };

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

/* Queues |bytes| (taken) for |to|. */
static void send_bytes(struct mesh *m, const struct mesh_addr *to, struct buf *bytes)
{
    struct mesh_item *item = to->port != 0 && m->sends < SENDS_MAX ? mesh_emit(m, MESH_SEND) : NULL;

    if (item != NULL) {
        item->out.addr = *to;
        buf_take(&item->bytes, bytes);
        m->sends++;
    }
    buf_free(bytes);
}

/* ---- datagrams out ---- */

static void send_last(struct mesh *m, struct mesh_peer *p)
{
    struct buf bytes = BUF_EMPTY;

    if (datagram_seal(&p->dg, &m->self, slice_of(p->last->bytes, p->last->len), &bytes) == 0)
        send_bytes(m, &p->last->addr, &bytes);
    buf_free(&bytes);
}

void mesh_last_free(struct mesh_peer *p)
{
    if (p->last == NULL)
        return;
    list_remove(&p->last->link);
    free(p->last);
    p->last = NULL;
}

static void forget_lasts(struct mesh *m)
{
    struct list *first;

    while ((first = list_first(&m->lasts)) != NULL) {
        const struct mesh_last *l = OBJ_OF(first, struct mesh_last, link);
        if (m->now - l->at < MESH_LAST_KEPT)
            return;
        mesh_last_free(l->peer);
    }
}

void mesh_send_payload(struct mesh *m, struct mesh_peer *p, const struct mesh_addr *to, struct slice payload)
{
    forget_lasts(m);
    mesh_last_free(p);
    struct mesh_last *l = malloc(sizeof(*l) + payload.len);
    if (l == NULL)
        return;
    *l = (struct mesh_last){ .peer = p, .at = m->now, .addr = to->port != 0 ? *to : p->seen, .len = payload.len };
    if (payload.len > 0)
        memcpy(l->bytes, payload.data, payload.len);
    list_push_back(&m->lasts, &l->link);
    p->last = l;
    send_last(m, p);
}

/* BOOT and UNKNOWN call for more bytes than they have, and whoever stands on the way can have a true
 * one come from anywhere. So what they call for goes where the peer says that it is, or else where our
 * datagram went. */
static struct mesh_addr called_to(const struct mesh *m, const struct mesh_peer *p, const struct mesh_addr *from)
{
    const struct member_record *r = gossip_find(m->gossip, &p->held->cert.id);

    for (size_t i = 0; r != NULL && i < r->addrs_n; i++) {
        if (mesh_addr_eq(&r->addrs[i], from))
            return *from;
    }
    return p->last != NULL ? p->last->addr : (struct mesh_addr){ .port = 0 };
}

/* The peer could not open our last datagram and now can: no need to wait for the next period. */
static void resend(struct mesh *m, struct mesh_peer *p, const struct mesh_addr *to)
{
    if (p->last == NULL || p->last->len == 0 || p->last->resends >= MESH_RESENDS)
        return;
    p->last->resends++;
    p->last->addr = *to;
    send_last(m, p);
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

/* A peer knows us, under its seal, with boot |seen|: above ours only if our boot file
 * was lost, or if somebody else runs with our identity. Either way we go on above it. */
static void outgrow(struct mesh *m, mesh_ns now, uint64_t seen)
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

static void pump(struct mesh *m, mesh_ns now)
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
        case GOSSIP_SELF_BOOT: outgrow(m, now, g.boot); break;
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

/* ---- datagrams in ---- */

static void count_dropped(struct mesh *m, int err)
{
    if (err == MESH_E_REPLAY)
        m->counters.datagrams_replayed++;
    else if (err == MESH_E_SEAL)
        m->counters.datagrams_unsealed++;
    else if (err != MESH_E_NOMEM)
        m->counters.datagrams_malformed++;
}

/* BOOT or UNKNOWN to whoever claims to be at |to|: never more bytes than came, and not for ever. */
static void answer(struct mesh *m, mesh_ns now, const struct mesh_addr *to, struct mesh_peer *p, struct slice request)
{
    struct buf bytes = BUF_EMPTY;

    if (!guard_each(&m->guard, now, to) || !guard_all(&m->guard, now)) {
        m->counters.answers_limited++;
        return;
    }
    int err =
        p != NULL ? datagram_boot(&p->dg, &m->self, request, &bytes) : datagram_unknown(&m->self, request, &bytes);

    if (err == 0)
        send_bytes(m, to, &bytes);
    buf_free(&bytes);
}

static void recv_sealed(struct mesh *m, mesh_ns now, const struct mesh_addr *from, struct mesh_peer *p,
                        enum datagram_kind kind, struct slice datagram)
{
    uint64_t own_boot_seen = 0;
    int err = datagram_open(&p->dg, &m->self, datagram, &m->payload, &own_boot_seen);

    if (err != 0 && err != MESH_E_STATE) {
        count_dropped(m, err);
        return;
    }
    if (m->company_since == 0)
        m->company_since = now;
    outgrow(m, now, own_boot_seen);
    if (err == MESH_E_STATE) {
        answer(m, now, from, p, datagram);
    } else if (kind == DATAGRAM_BOOT) {
        struct mesh_addr to = called_to(m, p, from);
        resend(m, p, &to);
    } else {
        p->seen = *from;
        gossip_seen(m->gossip, &p->held->cert.id, from);
        if (!mesh_cast_take(m, p, buf_slice(&m->payload)))
            gossip_recv(m->gossip, now, &p->held->cert.id, buf_slice(&m->payload)); /* counts what it drops */
    }
}

/* UNKNOWN: the peer lost or never had our certificate. */
static void recv_unknown(struct mesh *m, const struct mesh_addr *from, struct mesh_peer *p, struct slice datagram)
{
    struct buf bytes = BUF_EMPTY;
    struct mesh_addr to = called_to(m, p, from);

    if (!datagram_unknown_answers(&p->dg, &m->self, datagram)) {
        m->counters.datagrams_unsealed++;
        return;
    }
    if (p->last != NULL && p->last->resends >= MESH_RESENDS)
        return; /* it does not take our certificate: try again with the next payload */
    if (datagram_cert(&m->self, &p->held->cert.id, &bytes) == 0)
        send_bytes(m, &to, &bytes);
    buf_free(&bytes);
    resend(m, p, &to);
}

void mesh_recv(struct mesh *m, mesh_ns now, int64_t wall_s, const struct mesh_addr *from, struct slice datagram)
{
    struct datagram_head head;

    OBJ_CHECK(m, MESH_MAGIC);
    assert(now >= m->now);
    m->now = now;
    m->counters.datagrams_in++;
    m->counters.datagram_bytes_in += datagram.len;
    if (datagram_peek(datagram, &head) != 0) {
        m->counters.datagrams_malformed++;
        return;
    }
    const struct node_id *own = &m->self.id->cert.id;
    if (!node_id_eq(&head.to, own) || node_id_eq(&head.from, own)) {
        m->counters.datagrams_unknown++;
        return;
    }
    if (roll_revoked(&m->roll, &head.from) != NULL) {
        m->counters.datagrams_revoked++;
        return;
    }
    struct mesh_peer *p = mesh_peer_find(m, &head.from);
    if (head.kind == DATAGRAM_CERT) {
        mesh_take_cert(m, now, wall_s, datagram);
    } else if (p == NULL) {
        m->counters.datagrams_unknown++;
        if (head.kind == DATAGRAM_DATA)
            answer(m, now, from, NULL, datagram);
    } else if (head.kind == DATAGRAM_UNKNOWN) {
        recv_unknown(m, from, p, datagram);
    } else {
        recv_sealed(m, now, from, p, head.kind, datagram);
    }
    pump(m, now);
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
    pump(m, now);
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
    pump(m, now);
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
    pump(m, now);
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
    pump(m, now);
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
    pump(m, now);
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
    list_init(&m->lasts);
    list_init(&m->queue);
    heap_init(&m->syncs);
    secret_random(key, sizeof(key));
    guard_init(&m->guard, key, answers_each, answers_all);
    m->certs = cfg->certs != NULL ? cfg->certs : &m->own_certs;
    bool ok = held_store_init(&m->own_certs, key) == 0 && map_init(&m->peers, key) == 0 && mesh_roll_start(m, cfg->roll) != MESH_E_NOMEM &&
              (m->gossip = start_gossip(cfg, now)) != NULL && mesh_ring_start(m, now) == 0;
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

/* ---- the view ---- */

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
