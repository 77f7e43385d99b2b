#include "proto/identity.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

#include "proto/base/err.h"
#include "proto/wire.h"

/* ---- the constants of a mesh ---- */

void mesh_params_digest(struct digest *out, const struct mesh_params *p)
{
    static const char domain[] = "hedgerow mesh 1";

    assert(p->authorities_n > 0);
    const struct slice parts[] = { SLICE_OF(domain), SLICE_OF(p->id.bytes), SLICE_OF(p->salt),
                                   slice_of(&p->arc_bits, 1), SLICE_OF(p->authorities[0]) };
    digest_of(out, parts, sizeof(parts) / sizeof(parts[0]));
}

void mesh_dns_secret(const struct mesh_params *p, uint8_t out[MESH_DNS_SECRET_BYTES])
{
    static const char domain[] = "hedgerow dns cookies 1";
    const struct slice parts[] = { SLICE_OF(domain) };
    struct digest d;

    digest_keyed(&d, p->salt, parts, 1);
    memcpy(out, d.bytes, MESH_DNS_SECRET_BYTES);
    sodium_memzero(&d, sizeof(d));
}

/* ---- the text form shared by both files ----
 * One readable line, then base64 of an array: a map, and 8 bytes of its hash, so that
 * a damaged file is told from a wrong one. */

enum {
    KEY_SIGN_SEED = 1,
    KEY_DH_SECRET = 2,
    KEY_CERT = 3,
    KEY_MESH = 4,
    KEY_SALT = 5,
    KEY_ARC_BITS = 6,
    KEY_AUTHORITIES = 7,
    KEY_SEQUENCE = 8,
    KEY_FOUNDER_RETIRED = 9
};

#define CHECK_BYTES    8
#define BASE64_COLUMNS 64

static const char node_title[] = "hedgerow node file v";
static const char authority_title[] = "hedgerow authority file v";

/* A buf for secrets is never grown by realloc, which would leave copies behind. */
static bool secret_buf(struct buf *b)
{
    *b = BUF_EMPTY;
    return buf_reserve(b, NODE_FILE_MAX) != NULL;
}

static void secret_buf_free(struct buf *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->cap);
    buf_free(b);
}

static void body_check(uint8_t check[CHECK_BYTES], struct slice map)
{
    static const char domain[] = "hedgerow file 1";
    struct digest d;

    digest_of(&d, (const struct slice[]){ SLICE_OF(domain), map }, 2);
    memcpy(check, d.bytes, CHECK_BYTES);
}

/* Appends |line| and the base64 of |map| with its check. */
static int text_put(struct buf *out, const char *line, const struct buf *map)
{
    struct buf body;
    char row[sodium_base64_ENCODED_LEN(BASE64_COLUMNS / 4 * 3, sodium_base64_VARIANT_ORIGINAL)];
    uint8_t check[CHECK_BYTES];
    size_t mark = out->len;

    if (!secret_buf(&body))
        return MESH_E_NOMEM;
    assert(buf_ok(map) && map->len + 16 < NODE_FILE_MAX);
    body_check(check, buf_slice(map));
    wire_put_array(&body, 2);
    wire_put_raw(&body, buf_slice(map));
    wire_put_bin(&body, SLICE_OF(check));
    buf_reserve(out, NODE_FILE_MAX); /* once, for the reason above */
    buf_addf(out, "%s\n", line);
    for (struct slice s = buf_slice(&body); s.len > 0; s = slice_from(s, BASE64_COLUMNS / 4 * 3)) {
        struct slice piece = slice_head(s, BASE64_COLUMNS / 4 * 3);
        sodium_bin2base64(row, sizeof(row), piece.data, piece.len, sodium_base64_VARIANT_ORIGINAL);
        buf_add_str(out, row);
        buf_add_u8(out, '\n');
    }
    sodium_memzero(row, sizeof(row));
    secret_buf_free(&body);
    if (!buf_ok(out)) {
        out->len = mark;
        return MESH_E_NOMEM;
    }
    assert(out->len - mark <= NODE_FILE_MAX);
    return 0;
}

/* Reads the first line into |line|, checks its title and version, and opens the rest:
 * |bytes| holds what |w| lends from. |*map| is the map. */
static int text_get(struct slice text, const char *title, struct slice *line, struct buf *bytes, struct wire *w,
                    const wire_value **map)
{
    struct slice rest = text, sum;
    uint8_t check[CHECK_BYTES];
    size_t n;

    if (text.len > NODE_FILE_MAX)
        return MESH_E_RANGE;
    if (!slice_split(&rest, '\n', line) || rest.data == NULL)
        return MESH_E_SYNTAX;
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    size_t title_len = strlen(title);
    if (!slice_eq(slice_head(*line, title_len), slice_str(title)))
        return MESH_E_SYNTAX;
    if (!slice_eq(slice_head(slice_from(*line, title_len), 2), SLICE_LIT("1:")))
        return MESH_E_VERSION;
    /* libsodium 1.0.18 takes 0xaf for '/', and a zero for a character to ignore. */
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.data[i] == 0 || rest.data[i] >= 0x80)
            return MESH_E_SYNTAX;
    }
    if (!secret_buf(bytes))
        return MESH_E_NOMEM;
    if (sodium_base642bin(bytes->data, bytes->cap, (const char *)rest.data, rest.len, "\r\n \t", &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return MESH_E_SYNTAX;
    bytes->len = n;
    int err = wire_open(w, buf_slice(bytes), true);
    if (err != 0)
        return err == MESH_E_SHORT ? MESH_E_SYNTAX : err;
    if (wire_as_array(w->root) != 2 || wire_as_bin(wire_at(w->root, 1), &sum) != 0)
        return MESH_E_TYPE;
    if (n < 1 + 2 + CHECK_BYTES || sum.len != CHECK_BYTES)
        return MESH_E_RANGE;
    body_check(check, slice_of(bytes->data + 1, n - 1 - 2 - CHECK_BYTES));
    if (memcmp(check, sum.data, CHECK_BYTES) != 0)
        return MESH_E_HASH;
    *map = wire_at(w->root, 0);
    return 0;
}

static void put_params(struct buf *b, const struct mesh_params *p)
{
    assert(p->authorities_n > 0 && p->authorities_n <= MESH_AUTHORITIES_MAX);
    wire_put_u64(b, KEY_MESH);
    wire_put_bin(b, SLICE_OF(p->id.bytes));
    wire_put_u64(b, KEY_SALT);
    wire_put_bin(b, SLICE_OF(p->salt));
    wire_put_u64(b, KEY_ARC_BITS);
    wire_put_u64(b, p->arc_bits);
    wire_put_u64(b, KEY_AUTHORITIES);
    wire_put_array(b, (uint32_t)p->authorities_n);
    for (size_t i = 0; i < p->authorities_n; i++)
        wire_put_bin(b, SLICE_OF(p->authorities[i]));
    if (p->sequence > 0) {
        wire_put_u64(b, KEY_SEQUENCE);
        wire_put_u64(b, p->sequence);
    }
    if (p->founder_retired) {
        wire_put_u64(b, KEY_FOUNDER_RETIRED);
        wire_put_bool(b, true);
    }
}

/* Pairs that put_params writes. */
static uint32_t params_pairs(const struct mesh_params *p)
{
    return 4u + (p->sequence > 0) + p->founder_retired;
}

static int get_params(const wire_value *map, struct mesh_params *p)
{
    const wire_value *list;
    struct slice key;
    uint64_t bits;
    size_t n;
    int err;

    if ((err = wire_fixed(map, KEY_MESH, p->id.bytes, MESH_ID_BYTES)) != 0 ||
        (err = wire_fixed(map, KEY_SALT, p->salt, MESH_SALT_BYTES)) != 0 ||
        (err = wire_u64(map, KEY_ARC_BITS, &bits)) != 0 || (err = wire_array(map, KEY_AUTHORITIES, &list, &n)) != 0)
        return err;
    if (bits < MESH_ARC_BITS_MIN || bits > MESH_ARC_BITS_MAX || n < 1 || n > MESH_AUTHORITIES_MAX)
        return MESH_E_RANGE;
    for (size_t i = 0; i < n; i++) {
        if ((err = wire_as_bin(wire_at(list, i), &key)) != 0)
            return err;
        if (key.len != SIGN_KEY_BYTES)
            return MESH_E_RANGE;
        memcpy(p->authorities[i], key.data, SIGN_KEY_BYTES);
    }
    p->arc_bits = (uint8_t)bits;
    p->authorities_n = n;
    if ((err = wire_u64(map, KEY_SEQUENCE, &p->sequence)) != 0 && err != MESH_E_MISSING)
        return err;
    if ((err = wire_bool(map, KEY_FOUNDER_RETIRED, &p->founder_retired)) != 0 && err != MESH_E_MISSING)
        return err;
    return p->founder_retired && n < 2 ? MESH_E_RANGE : 0;
}

/* The Ed25519 pair from its seed, which is the first half of libsodium's secret. */
static int get_sign_pair(const wire_value *map, uint8_t key[SIGN_KEY_BYTES], uint8_t secret[SIGN_SECRET_BYTES])
{
    uint8_t seed[crypto_sign_SEEDBYTES];

    int err = wire_fixed(map, KEY_SIGN_SEED, seed, sizeof(seed));
    if (err == 0)
        crypto_sign_seed_keypair(key, secret, seed);
    sodium_memzero(seed, sizeof(seed));
    return err;
}

/* ---- the authority ---- */

void authority_make(struct authority *out, uint8_t arc_bits)
{
    assert(arc_bits >= MESH_ARC_BITS_MIN && arc_bits <= MESH_ARC_BITS_MAX);
    memset(out, 0, sizeof(*out));
    crypto_sign_keypair(out->key, out->secret);
    secret_random(out->mesh.id.bytes, MESH_ID_BYTES);
    secret_random(out->mesh.salt, MESH_SALT_BYTES);
    out->mesh.arc_bits = arc_bits;
    memcpy(out->mesh.authorities[0], out->key, SIGN_KEY_BYTES);
    out->mesh.authorities_n = 1;
}

void authority_make_next(struct authority *out, const struct authority *old)
{
    out->mesh = old->mesh;
    crypto_sign_keypair(out->key, out->secret);
}

static void authority_line(char line[128], const struct authority *a)
{
    char mesh[2 * MESH_ID_BYTES + 1];

    sodium_bin2hex(mesh, sizeof(mesh), a->mesh.id.bytes, MESH_ID_BYTES);
    snprintf(line, 128, "%s1: mesh %s, keep secret and offline", authority_title, mesh);
}

int authority_encode(struct buf *out, const struct authority *a)
{
    struct buf map;
    char line[128];

    if (!secret_buf(&map))
        return MESH_E_NOMEM;
    wire_put_map(&map, 1 + params_pairs(&a->mesh));
    wire_put_u64(&map, KEY_SIGN_SEED);
    wire_put_bin(&map, slice_of(a->secret, crypto_sign_SEEDBYTES));
    put_params(&map, &a->mesh);
    authority_line(line, a);
    int err = text_put(out, line, &map);
    secret_buf_free(&map);
    return err;
}

static bool authority_known(const struct mesh_params *p, const uint8_t key[SIGN_KEY_BYTES])
{
    for (size_t i = 0; i < p->authorities_n; i++) {
        if (memcmp(p->authorities[i], key, SIGN_KEY_BYTES) == 0)
            return true;
    }
    return false;
}

int authority_decode(struct authority *out, struct slice text)
{
    struct wire w = { NULL, NULL };
    struct buf bytes = BUF_EMPTY;
    const wire_value *map;
    struct slice line;
    char want[128];
    int err;

    memset(out, 0, sizeof(*out));
    if ((err = text_get(text, authority_title, &line, &bytes, &w, &map)) != 0)
        goto out;
    if ((err = get_sign_pair(map, out->key, out->secret)) != 0 || (err = get_params(map, &out->mesh)) != 0)
        goto out;
    authority_line(want, out);
    if (!authority_known(&out->mesh, out->key))
        err = MESH_E_STATE;
    else if (!slice_eq(line, slice_str(want)))
        err = MESH_E_SYNTAX;
out:
    wire_close(&w);
    secret_buf_free(&bytes);
    if (err != 0)
        authority_wipe(out);
    return err;
}

void authority_wipe(struct authority *a)
{
    sodium_memzero(a, sizeof(*a));
}

static int copy_text(char *to, size_t max, struct slice from)
{
    if (from.len < 1 || from.len > max || memchr(from.data, 0, from.len) != NULL)
        return MESH_E_RANGE;
    memcpy(to, from.data, from.len);
    to[from.len] = 0;
    return 0;
}

/* Certifies the keys that |out| has. */
static int certify(struct identity *out, const struct authority *a, const struct admission *what)
{
    struct buf raw = BUF_EMPTY;
    struct cert *c = &out->cert;
    int err;

    out->mesh = a->mesh;
    c->mesh = a->mesh.id;
    if (what->weight_max > CERT_WEIGHT_MAX) {
        err = MESH_E_RANGE;
        goto out;
    }
    memcpy(c->sign_key, out->sign_key, SIGN_KEY_BYTES);
    memcpy(c->dh_key, out->dh_key, DH_KEY_BYTES);
    c->weight_max = what->weight_max != 0 ? what->weight_max : CERT_WEIGHT_NORMAL;
    c->roles = what->roles != 0 ? what->roles : CERT_ROLE_NODE;
    c->not_before_s = what->not_before_s;
    c->not_after_s = what->not_after_s;
    c->serial = what->serial;
    if ((err = copy_text(c->name, CERT_NAME_MAX, what->name)) != 0 ||
        (err = copy_text(c->zone, CERT_ZONE_MAX, what->zone)) != 0 || (err = cert_sign(&raw, c, a->secret)) != 0)
        goto out;
    assert(raw.len <= CERT_BYTES_MAX);
    memcpy(out->cert_raw, raw.data, raw.len);
    out->cert_len = raw.len;
    err = cert_parse(c, identity_cert(out)); /* fills what is derived */
    assert(err == 0);
out:
    buf_free(&raw);
    if (err != 0)
        identity_wipe(out);
    return err;
}

int authority_admit(struct identity *out, const struct authority *a, const struct admission *what)
{
    memset(out, 0, sizeof(*out));
    crypto_sign_keypair(out->sign_key, out->sign_secret);
    crypto_box_keypair(out->dh_key, out->dh_secret);
    return certify(out, a, what);
}

int authority_readmit(struct identity *out, const struct identity *old, const struct authority *a,
                      const struct admission *what)
{
    if (out != old)
        *out = *old;
    return certify(out, a, what);
}

/* ---- the node file ---- */

static void node_line(char line[256], const struct cert *c)
{
    snprintf(line, 256, "%s1: %s in %s, keep secret", node_title, c->name, c->zone);
}

int identity_encode(struct buf *out, const struct identity *id)
{
    struct buf map;
    char line[256];

    if (!secret_buf(&map))
        return MESH_E_NOMEM;
    wire_put_map(&map, 3 + params_pairs(&id->mesh));
    wire_put_u64(&map, KEY_SIGN_SEED);
    wire_put_bin(&map, slice_of(id->sign_secret, crypto_sign_SEEDBYTES));
    wire_put_u64(&map, KEY_DH_SECRET);
    wire_put_bin(&map, SLICE_OF(id->dh_secret));
    wire_put_u64(&map, KEY_CERT);
    wire_put_bin(&map, identity_cert(id));
    put_params(&map, &id->mesh);
    node_line(line, &id->cert);
    int err = text_put(out, line, &map);
    secret_buf_free(&map);
    return err;
}

static int get_identity(struct identity *id, const wire_value *map)
{
    struct slice cert;
    int err;

    if ((err = get_sign_pair(map, id->sign_key, id->sign_secret)) != 0 ||
        (err = wire_fixed(map, KEY_DH_SECRET, id->dh_secret, DH_KEY_BYTES)) != 0 ||
        (err = wire_bin(map, KEY_CERT, &cert)) != 0 || (err = get_params(map, &id->mesh)) != 0 ||
        (err = cert_parse(&id->cert, cert)) != 0)
        return err;
    memcpy(id->cert_raw, cert.data, cert.len); /* cert_parse bounds the length */
    id->cert_len = cert.len;
    crypto_scalarmult_base(id->dh_key, id->dh_secret);
    if (memcmp(id->sign_key, id->cert.sign_key, SIGN_KEY_BYTES) != 0 ||
        memcmp(id->dh_key, id->cert.dh_key, DH_KEY_BYTES) != 0)
        return MESH_E_STATE;
    return cert_check(&id->cert, cert, &id->mesh.id, mesh_trusted(&id->mesh), mesh_trusted_n(&id->mesh), -1);
}

int identity_decode(struct identity *out, struct slice text)
{
    struct wire w = { NULL, NULL };
    struct buf bytes = BUF_EMPTY;
    const wire_value *map;
    struct slice line;
    char want[256];
    int err;

    memset(out, 0, sizeof(*out));
    if ((err = text_get(text, node_title, &line, &bytes, &w, &map)) == 0 && (err = get_identity(out, map)) == 0) {
        node_line(want, &out->cert);
        if (!slice_eq(line, slice_str(want)))
            err = MESH_E_SYNTAX;
    }
    wire_close(&w);
    secret_buf_free(&bytes);
    if (err != 0)
        identity_wipe(out);
    return err;
}

void identity_wipe(struct identity *id)
{
    sodium_memzero(id, sizeof(*id));
}

void identity_sign(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, struct slice bytes)
{
    crypto_sign_detached(sig, NULL, bytes.data, bytes.len, id->sign_secret);
}

int identity_verify(const uint8_t sig[SIGNATURE_BYTES], const uint8_t key[SIGN_KEY_BYTES], struct slice bytes)
{
    return crypto_sign_verify_detached(sig, bytes.data, bytes.len, key) == 0 ? 0 : MESH_E_SIGNATURE;
}
