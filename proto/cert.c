#include "proto/cert.h"

#include <sodium.h>

#include "proto/base/err.h"
#include "proto/wire.h"

/* The wire form is an array of the map below and a signature over the domain and the
 * map's own bytes; keys are never reused. */
enum {
    KEY_VERSION = 0,
    KEY_MESH = 1,
    KEY_SIGN = 2,
    KEY_DH = 3,
    KEY_NAME = 4,
    KEY_ZONE = 5,
    KEY_WEIGHT_MAX = 6,
    KEY_ROLES = 7,
    KEY_NOT_BEFORE = 8,
    KEY_NOT_AFTER = 9,
    KEY_SERIAL = 10,
    KEY_AUTHORITY = 11,
    KEYS_N = 12
};

#define CERT_VERSION 1
#define HEAD_BYTES   1                     /* an array of two */
#define TAIL_BYTES   (2 + SIGNATURE_BYTES) /* a binary of 64 */

static const char domain[] = "hedgerow certificate 1"; /* signed with its final zero */

const char *node_id_text(const struct node_id *id, char text[NODE_ID_TEXT_MAX])
{
    return sodium_bin2hex(text, NODE_ID_TEXT_MAX, id->bytes, NODE_ID_BYTES);
}

int node_id_read(struct node_id *out, struct slice text)
{
    struct node_id id;

    if (text.len != 2 * NODE_ID_BYTES)
        return MESH_E_SYNTAX;
    for (size_t i = 0; i < NODE_ID_BYTES; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return MESH_E_SYNTAX;
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return 0;
}

void node_id_of(struct node_id *out, const uint8_t sign_key[SIGN_KEY_BYTES])
{
    struct digest d;

    digest_one(&d, slice_of(sign_key, SIGN_KEY_BYTES));
    memcpy(out->bytes, d.bytes, NODE_ID_BYTES);
}

bool cert_name_ok(struct slice name)
{
    if (name.len < 1 || name.len > CERT_NAME_MAX || name.data[0] == '-' || name.data[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

bool cert_zone_ok(struct slice zone)
{
    struct slice part;
    int n = 0;

    if (zone.len < 1 || zone.len > CERT_ZONE_MAX)
        return false;
    while (slice_split(&zone, '/', &part)) {
        if (++n > 2 || !cert_name_ok(part))
            return false;
    }
    return true;
}

struct slice cert_region(const struct cert *c)
{
    const char *slash = strchr(c->zone, '/');
    return slash != NULL ? slice_of(c->zone, (size_t)(slash - c->zone)) : SLICE_LIT("default");
}

static bool limits_ok(const struct cert *c)
{
    return c->not_before_s >= 0 && c->not_before_s <= c->not_after_s && c->not_after_s <= CERT_TIME_MAX_S;
}

static void put_map(struct buf *b, const struct cert *c, const uint8_t *authority)
{
    wire_put_map(b, KEYS_N);
    wire_put_u64(b, KEY_VERSION);
    wire_put_u64(b, CERT_VERSION);
    wire_put_u64(b, KEY_MESH);
    wire_put_bin(b, SLICE_OF(c->mesh.bytes));
    wire_put_u64(b, KEY_SIGN);
    wire_put_bin(b, SLICE_OF(c->sign_key));
    wire_put_u64(b, KEY_DH);
    wire_put_bin(b, SLICE_OF(c->dh_key));
    wire_put_u64(b, KEY_NAME);
    wire_put_str(b, slice_str(c->name));
    wire_put_u64(b, KEY_ZONE);
    wire_put_str(b, slice_str(c->zone));
    wire_put_u64(b, KEY_WEIGHT_MAX);
    wire_put_u64(b, c->weight_max);
    wire_put_u64(b, KEY_ROLES);
    wire_put_u64(b, c->roles);
    wire_put_u64(b, KEY_NOT_BEFORE);
    wire_put_i64(b, c->not_before_s);
    wire_put_u64(b, KEY_NOT_AFTER);
    wire_put_i64(b, c->not_after_s);
    wire_put_u64(b, KEY_SERIAL);
    wire_put_u64(b, c->serial);
    wire_put_u64(b, KEY_AUTHORITY);
    wire_put_bin(b, slice_of(authority, SIGN_KEY_BYTES));
}

int cert_sign(struct buf *out, const struct cert *c, const uint8_t authority_secret[SIGN_SECRET_BYTES])
{
    struct buf signed_part = BUF_EMPTY;
    uint8_t authority[SIGN_KEY_BYTES], sig[SIGNATURE_BYTES];

    if (!cert_name_ok(slice_str(c->name)) || !cert_zone_ok(slice_str(c->zone)) || !limits_ok(c))
        return MESH_E_RANGE;
    crypto_sign_ed25519_sk_to_pk(authority, authority_secret);
    buf_add(&signed_part, domain, sizeof(domain));
    put_map(&signed_part, c, authority);
    if (!buf_ok(&signed_part)) {
        buf_free(&signed_part);
        return MESH_E_NOMEM;
    }
    crypto_sign_detached(sig, NULL, signed_part.data, signed_part.len, authority_secret);

    size_t mark = out->len;
    wire_put_array(out, 2);
    wire_put_raw(out, slice_from(buf_slice(&signed_part), sizeof(domain)));
    wire_put_bin(out, SLICE_OF(sig));
    buf_free(&signed_part);
    if (!buf_ok(out)) {
        out->len = mark;
        return MESH_E_NOMEM;
    }
    return 0;
}

static int get_text(const wire_value *map, uint64_t key, bool (*ok)(struct slice), char *out)
{
    struct slice s;

    int err = wire_str(map, key, &s);
    if (err != 0)
        return err;
    if (!ok(s))
        return MESH_E_RANGE;
    memcpy(out, s.data, s.len); /* |ok| bounds the length */
    out[s.len] = 0;
    return 0;
}

static int get_u32(const wire_value *map, uint64_t key, uint32_t *out)
{
    uint64_t v;

    int err = wire_u64(map, key, &v);
    if (err != 0)
        return err;
    if (v > UINT32_MAX)
        return MESH_E_RANGE;
    *out = (uint32_t)v;
    return 0;
}

static int get_map(struct cert *c, const wire_value *map)
{
    uint64_t version;
    int err;

    if ((err = wire_u64(map, KEY_VERSION, &version)) != 0)
        return err;
    if (version != CERT_VERSION)
        return MESH_E_VERSION;
    if ((err = wire_fixed(map, KEY_MESH, c->mesh.bytes, MESH_ID_BYTES)) != 0 ||
        (err = wire_fixed(map, KEY_SIGN, c->sign_key, SIGN_KEY_BYTES)) != 0 ||
        (err = wire_fixed(map, KEY_DH, c->dh_key, DH_KEY_BYTES)) != 0 ||
        (err = get_text(map, KEY_NAME, cert_name_ok, c->name)) != 0 ||
        (err = get_text(map, KEY_ZONE, cert_zone_ok, c->zone)) != 0 ||
        (err = get_u32(map, KEY_WEIGHT_MAX, &c->weight_max)) != 0 || (err = get_u32(map, KEY_ROLES, &c->roles)) != 0 ||
        (err = wire_i64(map, KEY_NOT_BEFORE, &c->not_before_s)) != 0 ||
        (err = wire_i64(map, KEY_NOT_AFTER, &c->not_after_s)) != 0 ||
        (err = wire_u64(map, KEY_SERIAL, &c->serial)) != 0 ||
        (err = wire_fixed(map, KEY_AUTHORITY, c->authority, SIGN_KEY_BYTES)) != 0)
        return err;
    return limits_ok(c) ? 0 : MESH_E_RANGE;
}

int cert_parse(struct cert *out, struct slice bytes)
{
    struct cert c = { .weight_max = 0 };
    struct slice sig;
    struct wire w;

    if (bytes.len > CERT_BYTES_MAX)
        return MESH_E_RANGE;
    int err = wire_open(&w, bytes, true);
    if (err != 0)
        return err == MESH_E_SHORT ? MESH_E_SYNTAX : err;
    if (wire_as_array(w.root) != 2)
        err = MESH_E_TYPE;
    else if ((err = wire_as_bin(wire_at(w.root, 1), &sig)) == 0 && sig.len != SIGNATURE_BYTES)
        err = MESH_E_RANGE;
    if (err == 0)
        err = get_map(&c, wire_at(w.root, 0));
    wire_close(&w);
    if (err != 0)
        return err;
    node_id_of(&c.id, c.sign_key);
    *out = c;
    return 0;
}

static bool among(const uint8_t key[SIGN_KEY_BYTES], const uint8_t (*keys)[SIGN_KEY_BYTES], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(keys[i], key, SIGN_KEY_BYTES) == 0)
            return true;
    }
    return false;
}

static int check_signature(const struct cert *c, struct slice bytes)
{
    uint8_t message[sizeof(domain) + CERT_BYTES_MAX];

    if (bytes.len <= HEAD_BYTES + TAIL_BYTES || bytes.len > CERT_BYTES_MAX)
        return MESH_E_SIGNATURE;
    size_t map_len = bytes.len - HEAD_BYTES - TAIL_BYTES;
    memcpy(message, domain, sizeof(domain));
    memcpy(message + sizeof(domain), bytes.data + HEAD_BYTES, map_len);
    const uint8_t *sig = bytes.data + bytes.len - SIGNATURE_BYTES;
    return crypto_sign_verify_detached(sig, message, sizeof(domain) + map_len, c->authority) == 0 ? 0
                                                                                                  : MESH_E_SIGNATURE;
}

int cert_check(const struct cert *c, struct slice bytes, const struct mesh_id *mesh,
               const uint8_t (*authorities)[SIGN_KEY_BYTES], size_t authorities_n, int64_t wall_s)
{
    if (memcmp(c->mesh.bytes, mesh->bytes, MESH_ID_BYTES) != 0)
        return MESH_E_WRONG_MESH;
    if (!among(c->authority, authorities, authorities_n) || check_signature(c, bytes) != 0)
        return MESH_E_SIGNATURE;
    if (c->weight_max > CERT_WEIGHT_MAX)
        return MESH_E_OVERWEIGHT;
    if (wall_s < 0)
        return 0;
    /* Parsed times lie within CERT_TIME_MAX_S, so neither side can overflow. */
    if (wall_s < c->not_before_s - CERT_CLOCK_TOLERANCE_S)
        return MESH_E_NOT_YET;
    if (wall_s > c->not_after_s + CERT_CLOCK_TOLERANCE_S)
        return MESH_E_EXPIRED;
    return 0;
}
