/* The roll (proto/roll.h): what the authorities say, and what follows from it at once. Who
 * is revoked, or certified by an authority that is retired, is no peer any more: its
 * datagrams are dropped at their header, gossip forgets it, the ring stands without it, and
 * whoever owns the streams is told to cut them. */
#include "node/core/mesh_impl.h"

#include "proto/base/err.h"
#include "proto/base/obj.h"

#include <stdlib.h>

/* Somebody says that there is a later roll. Until it is here we are behind, and trust no
 * peer's bytes: but not for longer than this, and not on the word of the same peer again
 * soon, or one liar could keep everybody from sharing. */
#define BEHIND_MAX SEC(2)
#define HOLD_AGAIN SEC(60)
#define ASK_AGAIN  SEC(1)

const struct identity *mesh_self(const struct mesh *m)
{
    return &m->id;
}

const struct roll *mesh_roll(const struct mesh *m)
{
    return &m->roll;
}

struct slice mesh_roll_bytes(const struct mesh *m)
{
    return buf_slice(&m->roll_raw);
}

int mesh_admits(const struct mesh *m, const struct cert *cert)
{
    if (roll_revoked(&m->roll, &cert->id) != NULL)
        return MESH_E_REVOKED;
    return roll_live(&m->roll, cert->authority) ? 0 : MESH_E_SIGNATURE;
}

/* Its authority is retired, but the same keys were certified again. */
static bool known_otherwise(const struct mesh *m, const struct cert *cert)
{
    const struct mesh_peer *p = mesh_peer_find(m, &cert->id);
    const struct cert *other =
        node_id_eq(&cert->id, &m->id.cert.id) ? &m->id.cert : (p != NULL ? &p->held->cert : NULL);
    return other != NULL && memcmp(other->sign_key, cert->sign_key, SIGN_KEY_BYTES) == 0;
}

int mesh_vouches(const struct mesh *m, const struct cert *cert, struct slice raw)
{
    const struct roll_revoked *out = roll_revoked(&m->roll, &cert->id);
    const struct mesh_params *mesh = &m->id.mesh;

    if (out != NULL && out->drop)
        return MESH_E_REVOKED;
    if (!roll_live(&m->roll, cert->authority))
        return known_otherwise(m, cert) ? 0 : MESH_E_UNKNOWN;
    return cert_check(cert, raw, &mesh->id, mesh_trusted(mesh), mesh_trusted_n(mesh), -1);
}

bool mesh_still_vouches(const struct mesh *m, const struct cert *cert)
{
    const struct roll_revoked *out = roll_revoked(&m->roll, &cert->id);

    return (out == NULL || !out->drop) && (roll_live(&m->roll, cert->authority) || known_otherwise(m, cert));
}

bool mesh_once_admitted(const struct mesh *m, const struct cert *cert, struct slice raw)
{
    uint8_t keys[1 + 2 * ROLL_LINKS_MAX][SIGN_KEY_BYTES];
    size_t n = 0;

    memcpy(keys[n++], m->id.mesh.authorities[0], SIGN_KEY_BYTES);
    for (size_t i = 0; i < m->roll.links_n; i++) {
        memcpy(keys[n++], m->roll.links[i].key, SIGN_KEY_BYTES);
        memcpy(keys[n++], m->roll.links[i].by, SIGN_KEY_BYTES);
    }
    return cert_check(cert, raw, &m->id.mesh.id, (const uint8_t(*)[SIGN_KEY_BYTES])keys, n, -1) == 0;
}

/* ---- taking one ---- */

/* The authorities of |r| become those of our identity, by which all certificates are judged.
 * A node file later than the roll knows authorities that the roll does not: they count, too. */
static void trust(struct mesh *m, struct roll *r)
{
    struct mesh_params *mesh = &m->id.mesh;
    const struct mesh_params *file = &m->file;
    const uint8_t(*known)[SIGN_KEY_BYTES] = mesh_trusted(file);
    size_t n = 1;

    if (file->sequence > r->sequence) {
        for (size_t i = 0; i < mesh_trusted_n(file); i++) {
            if (!roll_live(r, known[i]) && r->live_n < ROLL_LIVE_MAX)
                memcpy(r->live[r->live_n++].key, known[i], SIGN_KEY_BYTES);
        }
    }
    mesh->founder_retired = !roll_live(r, mesh->authorities[0]);
    for (size_t i = 0; i < r->live_n; i++) {
        if (memcmp(r->live[i].key, mesh->authorities[0], SIGN_KEY_BYTES) != 0)
            memcpy(mesh->authorities[n++], r->live[i].key, SIGN_KEY_BYTES);
    }
    mesh->authorities_n = n;
    mesh->sequence = r->sequence;
}

static int adopt(struct mesh *m, struct roll *r, struct slice bytes)
{
    struct buf copy = BUF_EMPTY;

    buf_add_slice(&copy, bytes);
    if (!buf_ok(&copy)) {
        buf_free(&copy);
        return MESH_E_NOMEM;
    }
    roll_free(&m->roll);
    m->roll = *r;
    *r = (struct roll){ .sequence = 0 };
    buf_free(&m->roll_raw);
    buf_take(&m->roll_raw, &copy);
    trust(m, &m->roll);
    return 0;
}

/* Whoever is not admitted any more, certificate and all. */
static bool expel(struct mesh *m, mesh_ns now)
{
    bool any = false;

    LIST_EACH_SAFE (at, &m->peer_list) {
        struct mesh_peer *p = OBJ_OF(at, struct mesh_peer, link);
        int err = mesh_admits(m, &p->held->cert);
        if (err == 0)
            continue;
        trace_f(&m->cfg.trace, now, "%s is out: %s", p->held->cert.name, mesh_strerror(err));
        any = true;
        mesh_drop(m, now, p, err);
    }
    for (size_t i = 0; i < m->roll.revoked_n; i++) /* also records that wait for a certificate */
        gossip_forget(m->gossip, now, &m->roll.revoked[i].id);
    return any;
}

static bool is_news(const struct mesh *m, uint64_t sequence, uint64_t mark)
{
    if (sequence != m->roll.sequence)
        return sequence > m->roll.sequence;
    return mark > roll_mark(buf_slice(&m->roll_raw));
}

/* Reads and judges |bytes| into |r|. */
static int judge(const struct mesh *m, struct roll *r, struct slice bytes)
{
    uint8_t trusted[ROLL_LIVE_MAX][SIGN_KEY_BYTES];

    int err = roll_parse(r, bytes);
    if (err != 0)
        return err;
    for (size_t i = 0; i < m->roll.live_n; i++)
        memcpy(trusted[i], m->roll.live[i].key, SIGN_KEY_BYTES);
    if (!is_news(m, r->sequence, roll_mark(bytes)))
        err = r->sequence == m->roll.sequence ? MESH_E_EXISTS : MESH_E_STATE;
    else
        err = roll_check(r, bytes, &m->id.mesh.id, (const uint8_t(*)[SIGN_KEY_BYTES])trusted, m->roll.live_n);
    if (err != 0)
        roll_free(r);
    return err;
}

int mesh_roll_take(struct mesh *m, mesh_ns now, struct slice bytes)
{
    struct roll r;
    int err;

    assert(now >= m->now);
    m->now = now;
    if ((err = judge(m, &r, bytes)) != 0)
        return err;
    bool forked = r.sequence == m->roll.sequence;
    if (m->cfg.keep_roll != NULL)
        m->cfg.keep_roll(m->cfg.keep_ctx, bytes);
    if ((err = adopt(m, &r, bytes)) != 0) {
        roll_free(&r);
        return err;
    }
    m->counters.rolls_taken++;
    m->roll_forked = m->roll_forked || forked;
    gossip_roll(m->gossip, m->roll.sequence);
    trace_f(&m->cfg.trace, now, "roll %llu: %zu revoked, %zu authorities", (unsigned long long)m->roll.sequence,
            m->roll.revoked_n, m->roll.live_n);
    if (expel(m, now))
        mesh_ring_now(m, now);
    mesh_emit(m, MESH_ROLL);
    return 0;
}

int mesh_roll_start(struct mesh *m, struct slice bytes)
{
    struct roll r;
    int err = 0;

    roll_init(&m->roll, &m->id.mesh);
    if (bytes.len > 0 && (err = judge(m, &r, bytes)) == 0 && (err = adopt(m, &r, bytes)) != 0)
        roll_free(&r);
    return err;
}

/* ---- knowing that there is a later one ---- */

void mesh_roll_claimed(struct mesh *m, mesh_ns now, const struct node_id *by, uint64_t sequence, uint64_t mark)
{
    struct mesh_peer *p = mesh_peer_find(m, by);

    assert(now >= m->now);
    m->now = now;
    if (p == NULL || !is_news(m, sequence, mark))
        return;
    struct mesh_more *more = mesh_more(p);
    if (more == NULL)
        return; /* short of memory: it says so again */
    if (more->held_at == 0 || now - more->held_at >= HOLD_AGAIN) {
        more->held_at = now;
        m->behind_over = m->roll.sequence;
        m->behind_until = now + BEHIND_MAX;
    }
    if (more->roll_asked_at == 0 || now - more->roll_asked_at >= ASK_AGAIN) {
        struct mesh_item *item = mesh_emit(m, MESH_ASK_ROLL);
        if (item != NULL)
            item->out.id = *by;
        more->roll_asked_at = now;
    }
}

bool mesh_behind(const struct mesh *m, mesh_ns now)
{
    return now < m->behind_until && m->roll.sequence == m->behind_over;
}

/* ---- a renewed certificate of our own ---- */

static int may_renew(const struct mesh *m, const struct identity *id)
{
    const struct cert *old = &m->id.cert;

    if (memcmp(id->cert.mesh.bytes, m->id.mesh.id.bytes, MESH_ID_BYTES) != 0)
        return MESH_E_WRONG_MESH;
    if (memcmp(id->sign_key, m->id.sign_key, SIGN_KEY_BYTES) != 0 ||
        memcmp(id->dh_key, m->id.dh_key, DH_KEY_BYTES) != 0 || strcmp(id->cert.name, old->name) != 0 ||
        strcmp(id->cert.zone, old->zone) != 0)
        return MESH_E_STATE;
    if (id->cert_len == m->id.cert_len && memcmp(id->cert_raw, m->id.cert_raw, id->cert_len) == 0)
        return MESH_E_EXISTS;
    return id->cert.serial < old->serial ? MESH_E_RANGE : 0;
}

int mesh_renew(struct mesh *m, mesh_ns now, const struct identity *id)
{
    assert(now >= m->now);
    m->now = now;
    int err = may_renew(m, id);
    if (err != 0)
        return err;
    m->file = id->mesh;
    trust(m, &m->roll); /* the new file may know authorities that no roll has told us of */
    if ((err = mesh_admits(m, &id->cert)) != 0)
        return err;
    m->id.cert = id->cert;
    memcpy(m->id.cert_raw, id->cert_raw, sizeof(m->id.cert_raw));
    m->id.cert_len = id->cert_len;
    struct member_record own = *gossip_member(m->gossip, 0);
    own.serial = id->cert.serial;
    if (own.weight > id->cert.weight_max)
        own.weight = id->cert.weight_max;
    gossip_restate(m->gossip, now, &own);
    m->ring_stale = true;
    trace_f(&m->cfg.trace, now, "our certificate is now serial %llu", (unsigned long long)id->cert.serial);
    return 0;
}

/* ---- certificates that have run out ---- */

#define EXPIRY_GRACE_S 3600 /* what stands goes on so long; nothing new is begun */

static bool ran_out(const struct cert *c, int64_t wall_s)
{
    return wall_s > c->not_after_s + CERT_CLOCK_TOLERANCE_S + EXPIRY_GRACE_S;
}

bool mesh_expire(struct mesh *m, mesh_ns now, int64_t wall_s)
{
    size_t gone = 0;

    assert(now >= m->now);
    m->now = now;
    LIST_EACH (at, &m->peer_list)
        gone += ran_out(&OBJ_OF(at, struct mesh_peer, link)->held->cert, wall_s);
    if (gone > 1 && 2 * gone > m->peers_n)
        return false; /* our clock rather than all of them */
    LIST_EACH_SAFE (at, &m->peer_list) {
        struct mesh_peer *p = OBJ_OF(at, struct mesh_peer, link);
        if (!ran_out(&p->held->cert, wall_s))
            continue;
        trace_f(&m->cfg.trace, now, "%s is out: its certificate ran out", p->held->cert.name);
        mesh_drop(m, now, p, MESH_E_EXPIRED);
    }
    if (gone > 0)
        mesh_ring_now(m, now);
    return true;
}
