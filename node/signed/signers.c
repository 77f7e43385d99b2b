#include "node/signed/signers.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"

struct signer {
    uint8_t id[SIGNERS_ID_MAX];
    size_t id_len;
    enum signer_kind kind;
    gnutls_pubkey_t key;
    uint8_t ed25519[crypto_sign_PUBLICKEYBYTES];
    struct digest print;
};

struct group {
    uint8_t id[SIGNERS_ID_MAX];
    size_t id_len, n;
    uint16_t keys[SIGNERS_IN_GROUP_MAX];
};

struct signers {
    struct signer *keys; /* room for SIGNERS_KEYS_MAX is never asked for at once */
    struct group *groups;
    size_t keys_n, groups_n;
};

struct signers *signers_new(void)
{
    return calloc(1, sizeof(struct signers));
}

void signers_free(struct signers *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->keys_n; i++)
        gnutls_pubkey_deinit(s->keys[i].key);
    free(s->keys);
    free(s->groups);
    free(s);
}

static bool id_ok(struct slice id)
{
    if (id.len < 1 || id.len > SIGNERS_ID_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

static const struct signer *key_of(const struct signers *s, struct slice id)
{
    for (size_t i = 0; i < s->keys_n; i++) {
        if (slice_eq(slice_of(s->keys[i].id, s->keys[i].id_len), id))
            return &s->keys[i];
    }
    return NULL;
}

static const struct group *group_of(const struct signers *s, struct slice id)
{
    for (size_t i = 0; i < s->groups_n; i++) {
        if (slice_eq(slice_of(s->groups[i].id, s->groups[i].id_len), id))
            return &s->groups[i];
    }
    return NULL;
}

static bool has(struct slice text, const char *word)
{
    return text.len > 0 && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

static int read_ed25519(struct signer *k)
{
    gnutls_datum_t x = { NULL, 0 };
    int err = gnutls_pubkey_export_ecc_raw2(k->key, NULL, &x, NULL, 0);

    if (err == 0 && x.size == sizeof(k->ed25519))
        memcpy(k->ed25519, x.data, sizeof(k->ed25519));
    else
        err = -1;
    gnutls_free(x.data);
    return err == 0 ? 0 : MESH_E_TYPE;
}

/* Which of the three kinds the key is of. */
static int read_kind(struct signer *k, struct buf *why)
{
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    unsigned bits = 0;

    switch (gnutls_pubkey_get_pk_algorithm(k->key, &bits)) {
    case GNUTLS_PK_RSA:
        k->kind = SIGNER_RSA;
        if (bits >= SIGNERS_RSA_BITS && bits <= 4096)
            return 0;
        buf_addf(why, "is an RSA key of %u bits; 2,048 to 4,096 are allowed", bits);
        return MESH_E_TYPE;
    case GNUTLS_PK_ECDSA:
        k->kind = SIGNER_P256;
        if (gnutls_pubkey_export_ecc_raw2(k->key, &curve, NULL, NULL, 0) == 0 && curve == GNUTLS_ECC_CURVE_SECP256R1)
            return 0;
        buf_add_str(why, "is an elliptic curve key of another curve than P-256");
        return MESH_E_TYPE;
    case GNUTLS_PK_EDDSA_ED25519: k->kind = SIGNER_ED25519; return read_ed25519(k);
    default: buf_add_str(why, "is neither an RSA key, nor one of P-256, nor of Ed25519"); return MESH_E_TYPE;
    }
}

static int read_key(struct signer *k, struct slice pem, struct buf *why)
{
    gnutls_datum_t text = { (unsigned char *)(uintptr_t)pem.data, (unsigned)pem.len }, der = { NULL, 0 };
    int err;

    if (pem.len > SIGNERS_PEM_MAX || !has(pem, "-----BEGIN PUBLIC KEY-----")) {
        buf_add_str(why,
                    has(pem, "PRIVATE KEY-----")
                        ? "is a private key, which belongs to who signs and nowhere else; its public half is wanted"
                        : "is no public key in PEM form (-----BEGIN PUBLIC KEY-----)");
        return MESH_E_SYNTAX;
    }
    if (gnutls_pubkey_init(&k->key) != 0)
        return MESH_E_NOMEM;
    if (gnutls_pubkey_import(k->key, &text, GNUTLS_X509_FMT_PEM) != 0) {
        buf_add_str(why, "is a damaged public key, or of a kind that is not known");
        err = MESH_E_SYNTAX;
    } else if ((err = read_kind(k, why)) == 0 && gnutls_pubkey_export2(k->key, GNUTLS_X509_FMT_DER, &der) == 0) {
        digest_one(&k->print, slice_of(der.data, der.size));
        gnutls_free(der.data);
        return 0;
    }
    gnutls_pubkey_deinit(k->key);
    return err != 0 ? err : MESH_E_NOMEM;
}

/* The common rules of a new id: what is wrong is said. */
static int id_new(struct slice id, bool there, bool full, struct buf *why)
{
    if (!id_ok(id)) {
        buf_addf(why, "an id has 1 to %d letters, digits, - and _", SIGNERS_ID_MAX);
        return MESH_E_SYNTAX;
    }
    if (there)
        buf_add_str(why, "is there twice");
    else if (full)
        buf_add_str(why, "is one too many");
    return there ? MESH_E_EXISTS : full ? MESH_E_FULL : 0;
}

int signers_add(struct signers *s, struct slice id, struct slice pem, struct buf *why)
{
    struct signer k = { .id_len = id.len };
    int err = id_new(id, key_of(s, id) != NULL, s->keys_n == SIGNERS_KEYS_MAX, why);

    if (err != 0)
        return err;
    struct signer *room = realloc(s->keys, (s->keys_n + 1) * sizeof(*room));
    if (room == NULL)
        return MESH_E_NOMEM;
    s->keys = room;
    memcpy(k.id, id.data, id.len);
    if ((err = read_key(&k, pem, why)) == 0)
        s->keys[s->keys_n++] = k;
    return err;
}

int signers_group(struct signers *s, struct slice id, const struct slice *keys, size_t n, struct buf *why)
{
    struct group g = { .id_len = id.len, .n = n };
    int err = id_new(id, group_of(s, id) != NULL, s->groups_n == SIGNERS_GROUPS_MAX, why);

    if (err != 0)
        return err;
    if (n > SIGNERS_IN_GROUP_MAX) {
        buf_addf(why, "has %zu keys; %d are allowed", n, SIGNERS_IN_GROUP_MAX);
        return MESH_E_FULL;
    }
    for (size_t i = 0; i < n; i++) {
        const struct signer *k = key_of(s, keys[i]);
        if (k == NULL) {
            buf_addf(why, "names the key %.*s, which is not there", SLICE_FMT(slice_head(keys[i], SIGNERS_ID_MAX)));
            return MESH_E_ABSENT;
        }
        g.keys[i] = (uint16_t)(k - s->keys);
    }
    struct group *room = realloc(s->groups, (s->groups_n + 1) * sizeof(*room));
    if (room == NULL)
        return MESH_E_NOMEM;
    s->groups = room;
    memcpy(g.id, id.data, id.len);
    s->groups[s->groups_n++] = g;
    return 0;
}

static int add_all(struct signers *s, const struct dist *d, struct buf *why)
{
    struct slice ids[SIGNERS_IN_GROUP_MAX];
    int err = 0;

    for (size_t i = 0; i < d->keys_n && err == 0; i++) {
        size_t before = why->len;
        buf_addf(why, "key %.*s ", SLICE_FMT(d->keys[i].id));
        if ((err = signers_add(s, d->keys[i].id, d->keys[i].pem, why)) == 0)
            why->len = before;
    }
    for (size_t i = 0; i < d->key_groups_n && err == 0; i++) {
        const struct dist_key_group *g = &d->key_groups[i];
        size_t before = why->len;
        buf_addf(why, "key group %.*s ", SLICE_FMT(g->id));
        for (size_t k = 0; k < g->n && k < SIGNERS_IN_GROUP_MAX; k++)
            ids[k] = d->keys[g->keys[k]].id;
        if ((err = signers_group(s, g->id, ids, g->n, why)) == 0)
            why->len = before;
    }
    return err;
}

int signers_of(struct signers **out, const struct dist *d, struct buf *why)
{
    struct signers *s = signers_new();
    int err = s != NULL ? add_all(s, d, why) : MESH_E_NOMEM;

    if (err != 0) {
        signers_free(s);
        s = NULL;
    }
    *out = s;
    return err;
}

const struct signer *signers_find(const struct signers *s, const struct slice *groups, size_t n, struct slice id)
{
    for (size_t i = 0; i < n; i++) {
        const struct group *g = group_of(s, groups[i]);
        for (size_t k = 0; g != NULL && k < g->n; k++) {
            const struct signer *key = &s->keys[g->keys[k]];
            if (slice_eq(slice_of(key->id, key->id_len), id))
                return key;
        }
    }
    return NULL;
}

enum signer_kind signer_kind(const struct signer *k)
{
    return k->kind;
}

const struct digest *signer_print(const struct signer *k)
{
    return &k->print;
}

bool signer_verified(const struct signer *k, bool sha256, struct slice text, struct slice signature)
{
    gnutls_datum_t data = { (unsigned char *)(uintptr_t)text.data, (unsigned)text.len };
    gnutls_datum_t sig = { (unsigned char *)(uintptr_t)signature.data, (unsigned)signature.len };
    gnutls_sign_algorithm_t algorithm;

    if (k->kind == SIGNER_ED25519)
        return signature.len == crypto_sign_BYTES &&
               crypto_sign_verify_detached(signature.data, text.data, text.len, k->ed25519) == 0;
    if (k->kind == SIGNER_RSA)
        algorithm = sha256 ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_RSA_SHA1;
    else
        algorithm = sha256 ? GNUTLS_SIGN_ECDSA_SHA256 : GNUTLS_SIGN_ECDSA_SHA1;
    /* SHA-1 is what unmodified signers use; a distribution may forbid it (signed.h). */
    return signature.len > 0 &&
           gnutls_pubkey_verify_data2(
               k->key, algorithm, GNUTLS_VERIFY_ALLOW_BROKEN | GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1, &data, &sig) >= 0;
}
