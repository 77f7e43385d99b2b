#include "proto/roll.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/wire.h"

/* An array of the map below and a signature, as in a certificate. */
enum {
    KEY_VERSION = 0,
    KEY_MESH = 1,
    KEY_SEQUENCE = 2,
    KEY_AT = 3,
    KEY_SIGNER = 4,
    KEY_LIVE = 5,
    KEY_LINKS = 6,
    KEY_REVOKED = 7,
    KEYS_N = 8
};

#define ROLL_VERSION 1
#define HEAD_BYTES   1                     /* an array of two */
#define TAIL_BYTES   (2 + SIGNATURE_BYTES) /* a binary of 64 */

static const char roll_domain[] = "hedgerow roll 1"; /* signed with their final zero */
static const char link_domain[] = "hedgerow authority 1";

void roll_init(struct roll *r, const struct mesh_params *mesh)
{
    *r = (struct roll){ .mesh = mesh->id };
    for (size_t i = 0; i < mesh->authorities_n && r->live_n < ROLL_LIVE_MAX; i++) {
        if (i > 0 || !mesh->founder_retired)
            memcpy(r->live[r->live_n++].key, mesh->authorities[i], SIGN_KEY_BYTES);
    }
}

void roll_free(struct roll *r)
{
    free(r->revoked);
    *r = (struct roll){ .sequence = 0 };
}

bool roll_live(const struct roll *r, const uint8_t key[SIGN_KEY_BYTES])
{
    for (size_t i = 0; i < r->live_n; i++) {
        if (memcmp(r->live[i].key, key, SIGN_KEY_BYTES) == 0)
            return true;
    }
    return false;
}

/* Where |id| is, or would be. */
static size_t place_of(const struct roll *r, const struct node_id *id)
{
    size_t from = 0, to = r->revoked_n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (node_id_cmp(&r->revoked[middle].id, id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const struct roll_revoked *roll_revoked(const struct roll *r, const struct node_id *id)
{
    size_t i = place_of(r, id);
    return i < r->revoked_n && node_id_eq(&r->revoked[i].id, id) ? &r->revoked[i] : NULL;
}

uint64_t roll_mark(struct slice bytes)
{
    struct digest d;

    if (bytes.len == 0)
        return 0;
    digest_one(&d, bytes);
    return be64_get(d.bytes);
}

/* ---- links ---- */

static void link_message(uint8_t out[sizeof(link_domain) + MESH_ID_BYTES + SIGN_KEY_BYTES], const struct mesh_id *mesh,
                         const uint8_t key[SIGN_KEY_BYTES])
{
    memcpy(out, link_domain, sizeof(link_domain));
    memcpy(out + sizeof(link_domain), mesh->bytes, MESH_ID_BYTES);
    memcpy(out + sizeof(link_domain) + MESH_ID_BYTES, key, SIGN_KEY_BYTES);
}

static bool link_sound(const struct roll *r, const struct roll_link *l)
{
    uint8_t message[sizeof(link_domain) + MESH_ID_BYTES + SIGN_KEY_BYTES];

    link_message(message, &r->mesh, l->key);
    return crypto_sign_verify_detached(l->sig, message, sizeof(message), l->by) == 0;
}

/* ---- writing ---- */

static void put_lists(struct buf *b, const struct roll *r)
{
    wire_put_u64(b, KEY_LIVE);
    wire_put_array(b, (uint32_t)r->live_n);
    for (size_t i = 0; i < r->live_n; i++) {
        wire_put_array(b, 2);
        wire_put_bin(b, SLICE_OF(r->live[i].key));
        wire_put_i64(b, r->live[i].since_s);
    }
    wire_put_u64(b, KEY_LINKS);
    wire_put_array(b, (uint32_t)r->links_n);
    for (size_t i = 0; i < r->links_n; i++) {
        wire_put_array(b, 3);
        wire_put_bin(b, SLICE_OF(r->links[i].key));
        wire_put_bin(b, SLICE_OF(r->links[i].by));
        wire_put_bin(b, SLICE_OF(r->links[i].sig));
    }
    wire_put_u64(b, KEY_REVOKED);
    wire_put_array(b, (uint32_t)r->revoked_n);
    for (size_t i = 0; i < r->revoked_n; i++) {
        const struct roll_revoked *v = &r->revoked[i];
        wire_put_array(b, 5);
        wire_put_bin(b, SLICE_OF(v->id.bytes));
        wire_put_str(b, slice_str(v->name));
        wire_put_u64(b, v->serial);
        wire_put_i64(b, v->at_s);
        wire_put_bool(b, v->drop);
    }
}

static void put_map(struct buf *b, const struct roll *r)
{
    wire_put_map(b, KEYS_N);
    wire_put_u64(b, KEY_VERSION);
    wire_put_u64(b, ROLL_VERSION);
    wire_put_u64(b, KEY_MESH);
    wire_put_bin(b, SLICE_OF(r->mesh.bytes));
    wire_put_u64(b, KEY_SEQUENCE);
    wire_put_u64(b, r->sequence);
    wire_put_u64(b, KEY_AT);
    wire_put_i64(b, r->at_s);
    wire_put_u64(b, KEY_SIGNER);
    wire_put_bin(b, SLICE_OF(r->signer));
    put_lists(b, r);
}

int roll_sign(struct buf *out, struct roll *r, const uint8_t secret[SIGN_SECRET_BYTES])
{
    struct buf part = BUF_EMPTY;
    uint8_t sig[SIGNATURE_BYTES];
    size_t mark = out->len;

    crypto_sign_ed25519_sk_to_pk(r->signer, secret);
    if (r->sequence == 0 || r->sequence > ROLL_SEQUENCE_MAX)
        return MESH_E_RANGE;
    if (!roll_live(r, r->signer))
        return MESH_E_STATE;
    buf_add(&part, roll_domain, sizeof(roll_domain));
    put_map(&part, r);
    if (buf_ok(&part)) {
        crypto_sign_detached(sig, NULL, part.data, part.len, secret);
        wire_put_array(out, 2);
        wire_put_raw(out, slice_from(buf_slice(&part), sizeof(roll_domain)));
        wire_put_bin(out, SLICE_OF(sig));
    }
    bool ok = buf_ok(&part) && buf_ok(out);
    buf_free(&part);
    if (!ok) {
        out->len = mark;
        return MESH_E_NOMEM;
    }
    assert(out->len - mark <= ROLL_BYTES_MAX); /* the limits of the lists see to it */
    return 0;
}

/* ---- reading ---- */

static int get_fixed(const wire_value *array, size_t i, void *out, size_t len)
{
    struct slice s;
    int err = wire_as_bin(wire_at(array, i), &s);

    if (err != 0)
        return err;
    if (s.len != len)
        return MESH_E_RANGE;
    memcpy(out, s.data, len);
    return 0;
}

static int get_time(const wire_value *array, size_t i, int64_t *out)
{
    uint64_t v;
    int err = wire_as_u64(wire_at(array, i), &v);

    if (err != 0)
        return err;
    if (v > (uint64_t)CERT_TIME_MAX_S)
        return MESH_E_RANGE;
    *out = (int64_t)v;
    return 0;
}

/* An array of |least| values or more: what a later version adds is ignored. */
static int arity(const wire_value *v, int64_t least)
{
    int64_t n = wire_as_array(v);
    return n < 0 ? MESH_E_TYPE : (n < least ? MESH_E_MISSING : 0);
}

static int get_live(const wire_value *map, struct roll *r)
{
    const wire_value *list;
    size_t n;
    int err = wire_array(map, KEY_LIVE, &list, &n);

    if (err != 0)
        return err;
    if (n < 1 || n > ROLL_LIVE_MAX)
        return MESH_E_RANGE;
    for (size_t i = 0; i < n; i++) {
        struct roll_authority a = { .since_s = 0 };
        const wire_value *v = wire_at(list, i);
        if ((err = arity(v, 2)) != 0 || (err = get_fixed(v, 0, a.key, SIGN_KEY_BYTES)) != 0 ||
            (err = get_time(v, 1, &a.since_s)) != 0)
            return err;
        if (roll_live(r, a.key))
            return MESH_E_SYNTAX;
        r->live[r->live_n++] = a;
    }
    return 0;
}

static int get_links(const wire_value *map, struct roll *r)
{
    const wire_value *list;
    size_t n;
    int err = wire_array(map, KEY_LINKS, &list, &n);

    if (err != 0)
        return err;
    if (n > ROLL_LINKS_MAX)
        return MESH_E_RANGE;
    for (r->links_n = 0; r->links_n < n; r->links_n++) {
        struct roll_link *l = &r->links[r->links_n];
        const wire_value *v = wire_at(list, r->links_n);
        if ((err = arity(v, 3)) != 0 || (err = get_fixed(v, 0, l->key, SIGN_KEY_BYTES)) != 0 ||
            (err = get_fixed(v, 1, l->by, SIGN_KEY_BYTES)) != 0 ||
            (err = get_fixed(v, 2, l->sig, SIGNATURE_BYTES)) != 0)
            return err;
    }
    return 0;
}

static int get_revoked_one(const wire_value *v, struct roll_revoked *out)
{
    struct slice name;
    int err;

    if ((err = arity(v, 5)) != 0 || (err = get_fixed(v, 0, out->id.bytes, NODE_ID_BYTES)) != 0 ||
        (err = wire_as_str(wire_at(v, 1), &name)) != 0 || (err = wire_as_u64(wire_at(v, 2), &out->serial)) != 0 ||
        (err = get_time(v, 3, &out->at_s)) != 0 || (err = wire_as_bool(wire_at(v, 4), &out->drop)) != 0)
        return err;
    if (!cert_name_ok(name))
        return MESH_E_RANGE;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = 0;
    return 0;
}

static int get_revoked(const wire_value *map, struct roll *r)
{
    const wire_value *list;
    size_t n;
    int err = wire_array(map, KEY_REVOKED, &list, &n);

    if (err != 0)
        return err;
    if (n > ROLL_REVOKED_MAX)
        return MESH_E_RANGE;
    if (n > 0 && (r->revoked = calloc(n, sizeof(*r->revoked))) == NULL)
        return MESH_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if ((err = get_revoked_one(wire_at(list, i), &r->revoked[i])) != 0)
            return err;
        if (i > 0 && node_id_cmp(&r->revoked[i - 1].id, &r->revoked[i].id) >= 0)
            return MESH_E_SYNTAX;
        r->revoked_n++;
    }
    return 0;
}

static int get_map(struct roll *r, const wire_value *map)
{
    uint64_t version;
    int err;

    if ((err = wire_u64(map, KEY_VERSION, &version)) != 0)
        return err;
    if (version != ROLL_VERSION)
        return MESH_E_VERSION;
    if ((err = wire_fixed(map, KEY_MESH, r->mesh.bytes, MESH_ID_BYTES)) != 0 ||
        (err = wire_u64(map, KEY_SEQUENCE, &r->sequence)) != 0 || (err = wire_i64(map, KEY_AT, &r->at_s)) != 0 ||
        (err = wire_fixed(map, KEY_SIGNER, r->signer, SIGN_KEY_BYTES)) != 0 || (err = get_live(map, r)) != 0 ||
        (err = get_links(map, r)) != 0 || (err = get_revoked(map, r)) != 0)
        return err;
    if (r->sequence == 0 || r->sequence > ROLL_SEQUENCE_MAX || r->at_s < 0 || r->at_s > CERT_TIME_MAX_S)
        return MESH_E_RANGE;
    return roll_live(r, r->signer) ? 0 : MESH_E_STATE;
}

int roll_parse(struct roll *out, struct slice bytes)
{
    struct wire w;

    *out = (struct roll){ .sequence = 0 };
    int err = wire_open_pair(&w, bytes, ROLL_BYTES_MAX, SIGNATURE_BYTES);
    if (err != 0)
        return err;
    err = get_map(out, wire_at(w.root, 0));
    wire_close(&w);
    if (err != 0)
        roll_free(out);
    return err;
}

/* ---- judging ---- */

/* What is trusted grows along the links; each is looked at once, in order. */
static bool reaches(const struct roll *r, const uint8_t (*trusted)[SIGN_KEY_BYTES], size_t trusted_n)
{
    const uint8_t *known[MESH_AUTHORITIES_MAX + ROLL_LINKS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < trusted_n && i < MESH_AUTHORITIES_MAX; i++)
        known[n++] = trusted[i];
    for (size_t i = 0; i <= r->links_n; i++) {
        bool by = false;
        for (size_t k = 0; k < n; k++) {
            if (memcmp(known[k], r->signer, SIGN_KEY_BYTES) == 0)
                return true;
            by = by || (i < r->links_n && memcmp(known[k], r->links[i].by, SIGN_KEY_BYTES) == 0);
        }
        if (by && link_sound(r, &r->links[i]))
            known[n++] = r->links[i].key;
    }
    return false;
}

int roll_check(const struct roll *r, struct slice bytes, const struct mesh_id *mesh,
               const uint8_t (*trusted)[SIGN_KEY_BYTES], size_t trusted_n)
{
    struct buf message = BUF_EMPTY;

    if (memcmp(r->mesh.bytes, mesh->bytes, MESH_ID_BYTES) != 0)
        return MESH_E_WRONG_MESH;
    if (bytes.len <= HEAD_BYTES + TAIL_BYTES || !reaches(r, trusted, trusted_n))
        return MESH_E_SIGNATURE;
    buf_add(&message, roll_domain, sizeof(roll_domain));
    buf_add(&message, bytes.data + HEAD_BYTES, bytes.len - HEAD_BYTES - TAIL_BYTES);
    int err = !buf_ok(&message)
                  ? MESH_E_NOMEM
                  : identity_verify(bytes.data + bytes.len - SIGNATURE_BYTES, r->signer, buf_slice(&message));
    buf_free(&message);
    return err;
}

/* ---- changing ---- */

int roll_revoke(struct roll *r, const struct roll_revoked *entry)
{
    size_t at = place_of(r, &entry->id);

    if (at < r->revoked_n && node_id_eq(&r->revoked[at].id, &entry->id)) {
        if (r->revoked[at].drop || !entry->drop)
            return MESH_E_EXISTS;
        r->revoked[at].drop = true;
        return 0;
    }
    if (r->revoked_n >= ROLL_REVOKED_MAX)
        return MESH_E_FULL;
    struct roll_revoked *grown = realloc(r->revoked, (r->revoked_n + 1) * sizeof(*grown));
    if (grown == NULL)
        return MESH_E_NOMEM;
    r->revoked = grown;
    memmove(&grown[at + 1], &grown[at], (r->revoked_n - at) * sizeof(*grown));
    grown[at] = *entry;
    r->revoked_n++;
    return 0;
}

int roll_add(struct roll *r, const uint8_t key[SIGN_KEY_BYTES], int64_t since_s,
             const uint8_t by_secret[SIGN_SECRET_BYTES])
{
    uint8_t message[sizeof(link_domain) + MESH_ID_BYTES + SIGN_KEY_BYTES];
    struct roll_link l;

    crypto_sign_ed25519_sk_to_pk(l.by, by_secret);
    if (!roll_live(r, l.by))
        return MESH_E_STATE;
    if (roll_live(r, key))
        return MESH_E_EXISTS;
    if (r->live_n >= ROLL_LIVE_MAX || r->links_n >= ROLL_LINKS_MAX)
        return MESH_E_FULL;
    memcpy(l.key, key, SIGN_KEY_BYTES);
    link_message(message, &r->mesh, key);
    crypto_sign_detached(l.sig, NULL, message, sizeof(message), by_secret);
    r->links[r->links_n++] = l;
    r->live[r->live_n].since_s = since_s;
    memcpy(r->live[r->live_n++].key, key, SIGN_KEY_BYTES);
    return 0;
}

int roll_retire(struct roll *r, const uint8_t key[SIGN_KEY_BYTES])
{
    for (size_t i = 0; i < r->live_n; i++) {
        if (memcmp(r->live[i].key, key, SIGN_KEY_BYTES) != 0)
            continue;
        if (r->live_n == 1)
            return MESH_E_STATE;
        memmove(&r->live[i], &r->live[i + 1], (r->live_n - i - 1) * sizeof(r->live[0]));
        r->live_n--;
        return 0;
    }
    return MESH_E_ABSENT;
}
