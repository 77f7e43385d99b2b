#include "proto/purge.h"

#include "proto/base/err.h"

#include <assert.h>

/* An array of the map below and a signature, as in a certificate. */
enum {
    KEY_VERSION = 0,
    KEY_MESH = 1,
    KEY_ISSUER = 2,
    KEY_BEGUN = 3,
    KEY_NUMBER = 4,
    KEY_AT = 5,
    KEY_WHO = 6,
    KEY_DISTRIBUTION = 7,
    KEY_SOFT = 8,
    KEY_TARGETS = 9,
    KEYS_N = 10
};

#define PURGE_VERSION 1
#define HEAD_BYTES    1                     /* an array of two */
#define TAIL_BYTES    (2 + SIGNATURE_BYTES) /* a binary of 64 */

static const char purge_domain[] = "hedgerow purge 1"; /* signed with their final zero */
static const char receipt_domain[] = "hedgerow purged 1";

static bool is_plain(struct slice s, uint8_t from)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < from || s.data[i] > 0x7e || s.data[i] == '"' || s.data[i] == '\\')
            return false;
    }
    return true;
}

bool purge_who_ok(struct slice who)
{
    return who.len <= PURGE_WHO_MAX && is_plain(who, ' ');
}

static bool is_tag(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((s.data[i] >= 'A' && s.data[i] <= 'Z') || s.data[i] == ',')
            return false;
    }
    return s.len > 0 && s.len <= PURGE_TAG_MAX;
}

bool purge_value_ok(enum purge_kind kind, struct slice value)
{
    if (!is_plain(value, '!'))
        return false;
    switch (kind) {
    case PURGE_URL:
    case PURGE_PREFIX: return value.len > 0 && value.len <= PURGE_VALUE_MAX && value.data[0] == '/';
    case PURGE_TAG: return is_tag(value);
    case PURGE_ALL: return value.len == 0;
    }
    return false;
}

/* ---- writing ---- */

static void put_map(struct buf *b, const struct purge *p, const struct purge_target *targets, size_t n,
                    const struct identity *id)
{
    wire_put_map(b, KEYS_N);
    wire_put_u64(b, KEY_VERSION);
    wire_put_u64(b, PURGE_VERSION);
    wire_put_u64(b, KEY_MESH);
    wire_put_bin(b, SLICE_OF(id->mesh.id.bytes));
    wire_put_u64(b, KEY_ISSUER);
    wire_put_bin(b, SLICE_OF(id->cert.id.bytes));
    wire_put_u64(b, KEY_BEGUN);
    wire_put_u64(b, p->log.begun);
    wire_put_u64(b, KEY_NUMBER);
    wire_put_u64(b, p->number);
    wire_put_u64(b, KEY_AT);
    wire_put_i64(b, p->at_s);
    wire_put_u64(b, KEY_WHO);
    wire_put_str(b, p->who);
    wire_put_u64(b, KEY_DISTRIBUTION);
    wire_put_str(b, p->distribution);
    wire_put_u64(b, KEY_SOFT);
    wire_put_bool(b, p->soft);
    wire_put_u64(b, KEY_TARGETS);
    wire_put_array(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        wire_put_array(b, 2);
        wire_put_u64(b, targets[i].kind);
        wire_put_str(b, targets[i].value);
    }
}

static bool in_range(const struct purge *p)
{
    return p->number > 0 && p->number <= PURGE_NUMBER_MAX && p->log.begun <= PURGE_NUMBER_MAX && p->at_s >= 0 &&
           p->at_s <= CERT_TIME_MAX_S && purge_who_ok(p->who) && p->distribution.len <= PURGE_NAME_MAX &&
           is_plain(p->distribution, '!') && p->targets_n > 0 && p->targets_n <= PURGE_TARGETS_MAX;
}

int purge_sign(struct buf *out, const struct purge *p, const struct purge_target *targets, size_t n,
               const struct identity *id)
{
    struct purge numbered = *p;
    struct buf part = BUF_EMPTY;
    uint8_t sig[SIGNATURE_BYTES];
    size_t before = out->len;
    int err;

    numbered.targets_n = n;
    if (!in_range(&numbered))
        return MESH_E_RANGE;
    for (size_t i = 0; i < n; i++) {
        if (!purge_value_ok(targets[i].kind, targets[i].value))
            return MESH_E_RANGE;
    }
    buf_add(&part, purge_domain, sizeof(purge_domain));
    put_map(&part, p, targets, n, id);
    if (buf_ok(&part)) {
        identity_sign(sig, id, buf_slice(&part));
        wire_put_array(out, 2);
        wire_put_raw(out, slice_from(buf_slice(&part), sizeof(purge_domain)));
        wire_put_bin(out, SLICE_OF(sig));
    }
    err = !buf_ok(&part) || !buf_ok(out) ? MESH_E_NOMEM : out->len - before > PURGE_BYTES_MAX ? MESH_E_RANGE : 0;
    buf_free(&part);
    if (err != 0)
        out->len = before;
    return err;
}

/* ---- reading ---- */

static int get_target(const wire_value *v, struct purge_target *t)
{
    uint64_t kind;
    int err;

    if (wire_as_array(v) != 2)
        return MESH_E_TYPE;
    if ((err = wire_as_u64(wire_at(v, 0), &kind)) != 0 || (err = wire_as_str(wire_at(v, 1), &t->value)) != 0)
        return err;
    if (kind < PURGE_URL || kind > PURGE_ALL)
        return MESH_E_RANGE;
    t->kind = (enum purge_kind)kind;
    return purge_value_ok(t->kind, t->value) ? 0 : MESH_E_RANGE;
}

static int get_map(const wire_value *map, struct purge *p)
{
    struct purge_target t;
    uint64_t version;
    int err;

    if ((err = wire_u64(map, KEY_VERSION, &version)) != 0)
        return err;
    if (version != PURGE_VERSION)
        return MESH_E_VERSION;
    if ((err = wire_fixed(map, KEY_MESH, p->mesh.bytes, MESH_ID_BYTES)) != 0 ||
        (err = wire_fixed(map, KEY_ISSUER, p->log.issuer.bytes, NODE_ID_BYTES)) != 0 ||
        (err = wire_u64(map, KEY_BEGUN, &p->log.begun)) != 0 || (err = wire_u64(map, KEY_NUMBER, &p->number)) != 0 ||
        (err = wire_i64(map, KEY_AT, &p->at_s)) != 0 || (err = wire_str(map, KEY_WHO, &p->who)) != 0 ||
        (err = wire_str(map, KEY_DISTRIBUTION, &p->distribution)) != 0 ||
        (err = wire_bool(map, KEY_SOFT, &p->soft)) != 0 ||
        (err = wire_array(map, KEY_TARGETS, &p->targets, &p->targets_n)) != 0)
        return err;
    if (!in_range(p))
        return MESH_E_RANGE;
    for (size_t i = 0; i < p->targets_n; i++) {
        if ((err = get_target(wire_at(p->targets, i), &t)) != 0)
            return err;
    }
    return 0;
}

int purge_parse(struct wire *w, struct slice bytes, struct purge *p)
{
    struct slice sig;
    int err;

    *w = (struct wire){ 0 };
    *p = (struct purge){ .number = 0 };
    if (bytes.len > PURGE_BYTES_MAX)
        return MESH_E_RANGE;
    if ((err = wire_open(w, bytes, true)) != 0)
        return err == MESH_E_SHORT ? MESH_E_SYNTAX : err;
    if (wire_as_array(w->root) != 2)
        err = MESH_E_TYPE;
    else if ((err = wire_as_bin(wire_at(w->root, 1), &sig)) == 0 && sig.len != SIGNATURE_BYTES)
        err = MESH_E_RANGE;
    if (err == 0)
        err = get_map(wire_at(w->root, 0), p);
    if (err != 0)
        wire_close(w);
    return err;
}

struct purge_target purge_target(const struct purge *p, size_t i)
{
    struct purge_target t = { .kind = PURGE_ALL };
    int err = get_target(wire_at(p->targets, i), &t);

    assert(err == 0);
    return t;
}

int purge_verify(const struct purge *p, struct slice bytes, const struct cert *issuer)
{
    struct buf message = BUF_EMPTY;

    if (!node_id_eq(&p->log.issuer, &issuer->id) || memcmp(p->mesh.bytes, issuer->mesh.bytes, MESH_ID_BYTES) != 0)
        return MESH_E_SIGNATURE;
    buf_add(&message, purge_domain, sizeof(purge_domain));
    buf_add(&message, bytes.data + HEAD_BYTES, bytes.len - HEAD_BYTES - TAIL_BYTES);
    int err = !buf_ok(&message)
                  ? MESH_E_NOMEM
                  : identity_verify(bytes.data + bytes.len - SIGNATURE_BYTES, issuer->sign_key, buf_slice(&message));
    buf_free(&message);
    return err;
}

/* ---- receipts ---- */

#define RECEIPT_BYTES (sizeof(receipt_domain) + MESH_ID_BYTES + 2 * NODE_ID_BYTES + 24)

static void receipt_message(uint8_t out[RECEIPT_BYTES], const struct purge_receipt *r)
{
    uint8_t *at = out;

    memcpy(at, receipt_domain, sizeof(receipt_domain));
    at += sizeof(receipt_domain);
    memcpy(at, r->mesh.bytes, MESH_ID_BYTES);
    at += MESH_ID_BYTES;
    memcpy(at, r->node.bytes, NODE_ID_BYTES);
    at += NODE_ID_BYTES;
    memcpy(at, r->log.issuer.bytes, NODE_ID_BYTES);
    at += NODE_ID_BYTES;
    be64_put(at, r->log.begun);
    be64_put(at + 8, r->number);
    be64_put(at + 16, (uint64_t)r->at_s);
}

void purge_receipt_sign(uint8_t sig[SIGNATURE_BYTES], const struct purge_receipt *r, const struct identity *id)
{
    uint8_t message[RECEIPT_BYTES];

    receipt_message(message, r);
    identity_sign(sig, id, SLICE_OF(message));
}

int purge_receipt_verify(const uint8_t sig[SIGNATURE_BYTES], const struct purge_receipt *r,
                         const uint8_t sign_key[SIGN_KEY_BYTES])
{
    uint8_t message[RECEIPT_BYTES];

    receipt_message(message, r);
    return identity_verify(sig, sign_key, SLICE_OF(message));
}
