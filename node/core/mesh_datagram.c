/* Datagrams: sealed payloads, and what answers those that cannot be opened (PROTOCOL.md): BOOT, UNKNOWN, CERT. */
#include "node/core/mesh_impl.h"

#include "proto/base/err.h"
#include "proto/base/obj.h"

#include <stdlib.h>

#define SENDS_MAX 8192 /* datagrams waiting to be polled; more are dropped, as a network would */

/* BOOT and UNKNOWN: a restart is answered by each peer once, and a lost answer again. */
static const struct guard_pace answers_each = { .period = MS(10), .burst = 256 };
static const struct guard_pace answers_all = { .period = US(500), .burst = 4096 };

void mesh_datagrams_start(struct mesh *m, const uint8_t key[MAP_KEY_BYTES])
{
    list_init(&m->lasts);
    guard_init(&m->guard, key, answers_each, answers_all);
}

/* ---- out ---- */

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

/* ---- in ---- */

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
    mesh_outgrow(m, now, own_boot_seen);
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
    mesh_pump(m, now);
}
