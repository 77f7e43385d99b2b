#include "sim/stand_in.h"

#include <assert.h>
#include <sodium.h>

#include "proto/leaf.h"
#include "sim/mark.h"

static bool in_use;

void stand_in_use(bool on)
{
    in_use = on;
}

/* ---- sealing: the text as it is, and a tag ---- */

static void tag_of(uint8_t tag[16], const uint8_t *text, size_t len, const uint8_t *ad, size_t ad_len,
                   const uint8_t *nonce, size_t nonce_len, const uint8_t *key)
{
    struct mark m = { 1, 2 };

    mark_bytes(&m, key, 32);
    mark_bytes(&m, nonce, nonce_len);
    mark_bytes(&m, ad, ad_len);
    mark_bytes(&m, text, len);
    mark_put(m, tag, 16);
}

static void seal(uint8_t *out, uint8_t tag[16], const uint8_t *text, size_t len, const uint8_t *ad, size_t ad_len,
                 const uint8_t *nonce, size_t nonce_len, const uint8_t *key)
{
    tag_of(tag, text, len, ad, ad_len, nonce, nonce_len, key);
    if (len > 0)
        memmove(out, text, len);
}

static int unseal(uint8_t *out, const uint8_t *text, size_t len, const uint8_t *tag, const uint8_t *ad, size_t ad_len,
                  const uint8_t *nonce, size_t nonce_len, const uint8_t *key)
{
    uint8_t want[16];

    tag_of(want, text, len, ad, ad_len, nonce, nonce_len, key);
    if (memcmp(want, tag, sizeof(want)) != 0)
        return -1;
    if (len > 0)
        memmove(out, text, len);
    return 0;
}

/* ---- signatures: a mark under the public key ---- */

static void signature_of(uint8_t sig[crypto_sign_BYTES], const uint8_t *message, size_t len, const uint8_t *key)
{
    struct mark m = { 3, 4 };

    mark_bytes(&m, key, crypto_sign_PUBLICKEYBYTES);
    mark_bytes(&m, message, len);
    mark_put(m, sig, crypto_sign_BYTES);
}

/* ---- agreement: the public half is the secret and a constant, what is agreed on a mark over their sum ---- */

#define SHIFT UINT64_C(0x5bd1e9955bd1e995)

static void public_of(uint8_t key[32], const uint8_t secret[32])
{
    for (size_t i = 0; i < 32; i += 8)
        be64_put(key + i, be64_get(secret + i) + SHIFT);
}

static void agree(uint8_t out[32], const uint8_t secret[32], const uint8_t key[32])
{
    struct mark m = { 5, 6 };

    for (size_t i = 0; i < 32; i += 8)
        mark_word(&m, be64_get(secret + i) + be64_get(key + i) - SHIFT);
    mark_put(m, out, 32);
}

/* ---- where libsodium's calls arrive ---- */

#define ULL unsigned long long

/* REDIRECT(result, name, parameters): libsodium's own, and what comes in its place. */
#define REDIRECT(result, name, ...)    \
    result __real_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__)

REDIRECT(int, crypto_aead_chacha20poly1305_ietf_encrypt_detached, uint8_t *c, uint8_t *mac, ULL *mac_len,
         const uint8_t *m, ULL len, const uint8_t *ad, ULL ad_len, const uint8_t *no, const uint8_t *n,
         const uint8_t *k)
{
    if (!in_use)
        return __real_crypto_aead_chacha20poly1305_ietf_encrypt_detached(c, mac, mac_len, m, len, ad, ad_len, no, n, k);
    seal(c, mac, m, len, ad, ad_len, n, crypto_aead_chacha20poly1305_ietf_NPUBBYTES, k);
    if (mac_len != NULL)
        *mac_len = crypto_aead_chacha20poly1305_ietf_ABYTES;
    return 0;
}

REDIRECT(int, crypto_aead_chacha20poly1305_ietf_decrypt_detached, uint8_t *m, uint8_t *no, const uint8_t *c, ULL len,
         const uint8_t *mac, const uint8_t *ad, ULL ad_len, const uint8_t *n, const uint8_t *k)
{
    if (!in_use)
        return __real_crypto_aead_chacha20poly1305_ietf_decrypt_detached(m, no, c, len, mac, ad, ad_len, n, k);
    return unseal(m, c, len, mac, ad, ad_len, n, crypto_aead_chacha20poly1305_ietf_NPUBBYTES, k);
}

/* SEALED(name): text and tag in one piece. */
#define SEALED(name)                                                                                                  \
    REDIRECT(int, crypto_aead_##name##_encrypt, uint8_t *c, ULL *c_len, const uint8_t *m, ULL len, const uint8_t *ad, \
             ULL ad_len, const uint8_t *no, const uint8_t *n, const uint8_t *k)                                       \
    {                                                                                                                 \
        if (!in_use)                                                                                                  \
            return __real_crypto_aead_##name##_encrypt(c, c_len, m, len, ad, ad_len, no, n, k);                       \
        uint8_t tag[16];                                                                                              \
        seal(c, tag, m, len, ad, ad_len, n, crypto_aead_##name##_NPUBBYTES, k);                                       \
        memcpy(c + len, tag, sizeof(tag));                                                                            \
        if (c_len != NULL)                                                                                            \
            *c_len = len + sizeof(tag);                                                                               \
        return 0;                                                                                                     \
    }                                                                                                                 \
    REDIRECT(int, crypto_aead_##name##_decrypt, uint8_t *m, ULL *m_len, uint8_t *no, const uint8_t *c, ULL c_len,     \
             const uint8_t *ad, ULL ad_len, const uint8_t *n, const uint8_t *k)                                       \
    {                                                                                                                 \
        if (!in_use)                                                                                                  \
            return __real_crypto_aead_##name##_decrypt(m, m_len, no, c, c_len, ad, ad_len, n, k);                     \
        ULL len = c_len >= 16 ? c_len - 16 : 0;                                                                       \
        int err = c_len < 16 ? -1 : unseal(m, c, len, c + len, ad, ad_len, n, crypto_aead_##name##_NPUBBYTES, k);     \
        if (m_len != NULL)                                                                                            \
            *m_len = err == 0 ? len : 0;                                                                              \
        return err;                                                                                                   \
    }

SEALED(chacha20poly1305_ietf)
SEALED(xchacha20poly1305_ietf)

REDIRECT(int, crypto_sign_detached, uint8_t *sig, ULL *sig_len, const uint8_t *m, ULL len, const uint8_t *secret)
{
    if (!in_use)
        return __real_crypto_sign_detached(sig, sig_len, m, len, secret);
    signature_of(sig, m, len, secret + crypto_sign_SEEDBYTES); /* a secret key ends with its public one */
    if (sig_len != NULL)
        *sig_len = crypto_sign_BYTES;
    return 0;
}

REDIRECT(int, crypto_sign_verify_detached, const uint8_t *sig, const uint8_t *m, ULL len, const uint8_t *key)
{
    if (!in_use)
        return __real_crypto_sign_verify_detached(sig, m, len, key);
    uint8_t want[crypto_sign_BYTES];
    signature_of(want, m, len, key);
    return memcmp(want, sig, sizeof(want)) == 0 ? 0 : -1;
}

REDIRECT(int, crypto_scalarmult_base, uint8_t *key, const uint8_t *secret)
{
    if (!in_use)
        return __real_crypto_scalarmult_base(key, secret);
    public_of(key, secret);
    return 0;
}

REDIRECT(int, crypto_scalarmult, uint8_t *out, const uint8_t *secret, const uint8_t *key)
{
    if (!in_use)
        return __real_crypto_scalarmult(out, secret, key);
    agree(out, secret, key);
    return 0;
}

REDIRECT(int, crypto_box_keypair, uint8_t *key, uint8_t *secret)
{
    if (!in_use)
        return __real_crypto_box_keypair(key, secret);
    randombytes_buf(secret, crypto_box_SECRETKEYBYTES);
    public_of(key, secret);
    return 0;
}

/* ---- hashes ----
 *
 * Leaves, keyed hashes of tables, and those of a handshake; in the memory of the real one's state lies a mark. BLAKE2b
 * stays: it says where keys and nodes are on the ring, which is to be the same in both kinds of world. */

REDIRECT(void, leaf_hash, struct digest *out, struct slice raw)
{
    struct mark m = { 7, 8 };

    if (!in_use) {
        __real_leaf_hash(out, raw);
        return;
    }
    mark_bytes(&m, raw.data, raw.len);
    mark_put(m, out->bytes, sizeof(out->bytes));
}

REDIRECT(int, crypto_shorthash, uint8_t *out, const uint8_t *text, ULL len, const uint8_t *key)
{
    struct mark m = { 9, 10 };

    if (!in_use)
        return __real_crypto_shorthash(out, text, len, key);
    mark_word(&m, mark_word_at(key));
    mark_word(&m, mark_word_at(key + 8));
    mark_bytes(&m, text, len);
    mark_put(m, out, crypto_shorthash_BYTES);
    return 0;
}

/* MARKED(name): what is added piece by piece must be cut the same way to be the same. So it is in a handshake, whose
 * two sides run the same code. */
#define MARKED(name)                                                                                  \
    REDIRECT(int, crypto_##name##_update, crypto_##name##_state *st, const uint8_t *text, ULL len)    \
    {                                                                                                 \
        if (!in_use)                                                                                  \
            return __real_crypto_##name##_update(st, text, len);                                      \
        struct mark m;                                                                                \
        memcpy(&m, st, sizeof(m));                                                                    \
        mark_bytes(&m, text, len);                                                                    \
        memcpy(st, &m, sizeof(m));                                                                    \
        return 0;                                                                                     \
    }                                                                                                 \
    REDIRECT(int, crypto_##name##_final, crypto_##name##_state *st, uint8_t *out)                     \
    {                                                                                                 \
        if (!in_use)                                                                                  \
            return __real_crypto_##name##_final(st, out);                                             \
        struct mark m;                                                                                \
        memcpy(&m, st, sizeof(m));                                                                    \
        mark_put(m, out, 32);                                                                         \
        return 0;                                                                                     \
    }

static_assert(sizeof(crypto_hash_sha256_state) >= sizeof(struct mark) &&
                  sizeof(crypto_auth_hmacsha256_state) >= sizeof(struct mark),
              "a mark fits where the real state was");

MARKED(hash_sha256)
MARKED(auth_hmacsha256)

REDIRECT(int, crypto_hash_sha256_init, crypto_hash_sha256_state *st)
{
    const struct mark m = { 11, 12 };

    if (!in_use)
        return __real_crypto_hash_sha256_init(st);
    memcpy(st, &m, sizeof(m));
    return 0;
}

REDIRECT(int, crypto_auth_hmacsha256_init, crypto_auth_hmacsha256_state *st, const uint8_t *key, size_t len)
{
    struct mark m = { 13, 14 };

    if (!in_use)
        return __real_crypto_auth_hmacsha256_init(st, key, len);
    mark_bytes(&m, key, len);
    memcpy(st, &m, sizeof(m));
    return 0;
}
