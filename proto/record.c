#include "proto/record.h"

#include "proto/base/err.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <sodium.h>

static_assert(RECORD_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "record.h states the tag's length");
static_assert(RECORD_TAG_BYTES == crypto_aead_aes256gcm_ABYTES, "of either suite");

unsigned record_suites(void)
{
    unsigned suites = RECORD_SUITE_BIT(RECORD_CHACHA20_POLY1305);

    if (crypto_aead_aes256gcm_is_available())
        suites |= RECORD_SUITE_BIT(RECORD_AES_256_GCM);
    return suites;
}

const char *record_suite_word(enum record_suite suite)
{
    return suite == RECORD_AES_256_GCM ? "AES-256-GCM" : "ChaCha20-Poly1305";
}

/* Noise's nonces: 32 zero bits, then the counter, little-endian for ChaChaPoly and big-endian
 * for AESGCM (The Noise Protocol Framework, revision 34, sections 12.3 and 12.4). */
static void nonce_put(uint8_t nonce[12], enum record_suite suite, uint64_t counter)
{
    memset(nonce, 0, 4);
    for (unsigned i = 0; i < 8; i++)
        nonce[suite == RECORD_AES_256_GCM ? 11 - i : 4 + i] = (uint8_t)(counter >> (8 * i));
}

/* GnuTLS seals AES-256-GCM two to three times as fast as Debian 12's libsodium, which has no better use for the
 * processor's instructions. */
static int seal_aes(const struct record_half *half, const uint8_t nonce[12], struct slice ad, struct slice plain,
                    uint8_t *out)
{
    size_t len = plain.len + RECORD_TAG_BYTES;

    return half->aes == NULL ? MESH_E_NOMEM
           : gnutls_aead_cipher_encrypt(half->aes, nonce, 12, ad.data, ad.len, RECORD_TAG_BYTES, plain.data, plain.len,
                                        out, &len) != 0
               ? MESH_E_SEAL
               : 0;
}

/* |plain.len| bytes to |out|, which may be |plain|, and their tag behind them. 0, or MESH_E_NOMEM. */
static int seal(struct record_half *half, uint64_t counter, struct slice ad, struct slice plain, uint8_t *out)
{
    uint8_t nonce[12];

    nonce_put(nonce, half->suite, counter);
    if (half->suite == RECORD_AES_256_GCM)
        return seal_aes(half, nonce, ad, plain, out);
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(out, out + plain.len, NULL, plain.data, plain.len, ad.data,
                                                       ad.len, NULL, nonce, half->key);
    return 0;
}

/* In place: |len| bytes at |at| and their tag behind them. 0, MESH_E_NOMEM, or MESH_E_SEAL. */
static int unseal(struct record_half *half, struct slice ad, uint8_t *at, size_t len)
{
    uint8_t nonce[12];
    size_t plain_len = len;
    int err;

    nonce_put(nonce, half->suite, half->counter);
    if (half->suite != RECORD_AES_256_GCM)
        err = crypto_aead_chacha20poly1305_ietf_decrypt_detached(at, NULL, at, len, at + len, ad.data, ad.len, nonce,
                                                                 half->key);
    else if (half->aes == NULL)
        return MESH_E_NOMEM;
    else
        err = gnutls_aead_cipher_decrypt(half->aes, nonce, sizeof(nonce), ad.data, ad.len, RECORD_TAG_BYTES, at,
                                         len + RECORD_TAG_BYTES, at, &plain_len);
    return err == 0 ? 0 : MESH_E_SEAL;
}

/* Takes |half->key| into use. Without memory for it nothing is sealed or opened any more. */
static void expand(struct record_half *half)
{
    gnutls_datum_t key = { half->key, sizeof(half->key) };

    if (half->suite != RECORD_AES_256_GCM)
        return;
    if (half->aes != NULL)
        gnutls_aead_cipher_deinit(half->aes);
    if (gnutls_aead_cipher_init(&half->aes, GNUTLS_CIPHER_AES_256_GCM, &key) != 0)
        half->aes = NULL;
}

/* REKEY(k): the first 32 bytes of ENCRYPT(k, 2^64-1, "", 32 zero bytes) (section 4.2). */
static void rekey(struct record_half *half)
{
    static const uint8_t zeros[32];
    uint8_t fresh[32 + RECORD_TAG_BYTES];
    int err = seal(half, UINT64_MAX, SLICE_EMPTY, SLICE_OF(zeros), fresh);

    assert(err == 0); /* the record before was sealed or opened with the same */
    memcpy(half->key, fresh, sizeof(half->key));
    sodium_memzero(fresh, sizeof(fresh));
    expand(half);
}

/* The counter never starts again, so a key and a nonce never meet twice. */
static void step(struct record_half *half)
{
    half->counter++;
    assert(half->counter < UINT64_MAX);
    if (half->counter % RECORD_REKEY == 0)
        rekey(half);
}

int record_init(struct record_half *half, enum record_suite suite, const uint8_t key[32])
{
    assert((record_suites() & RECORD_SUITE_BIT(suite)) != 0);
    memcpy(half->key, key, sizeof(half->key));
    half->counter = 0;
    half->suite = suite;
    half->aes = NULL;
    expand(half);
    return suite == RECORD_AES_256_GCM && half->aes == NULL ? MESH_E_NOMEM : 0;
}

void record_wipe(struct record_half *half)
{
    if (half->aes != NULL)
        gnutls_aead_cipher_deinit(half->aes); /* which wipes what it had of the key */
    sodium_memzero(half, sizeof(*half));
}

size_t record_begin(struct buf *out)
{
    size_t mark = out->len;

    buf_add_u32(out, 0); /* record_finish writes the length */
    return mark;
}

int record_finish(struct record_half *half, struct buf *out, size_t mark)
{
    assert(mark <= out->len);
    uint8_t *tag = buf_reserve(out, RECORD_TAG_BYTES);
    if (tag == NULL) {
        out->len = mark;
        return MESH_E_NOMEM;
    }
    assert(out->len - mark >= RECORD_HEAD_BYTES);
    size_t plain_len = out->len - mark - RECORD_HEAD_BYTES;
    if (plain_len == 0 || plain_len > RECORD_PLAIN_MAX) {
        out->len = mark;
        return MESH_E_RANGE;
    }
    uint8_t *head = out->data + mark, *plain = head + RECORD_HEAD_BYTES;
    be32_put(head, (uint32_t)(plain_len + RECORD_TAG_BYTES));
    int err = seal(half, half->counter, slice_of(head, RECORD_HEAD_BYTES), slice_of(plain, plain_len), plain);
    if (err != 0) {
        out->len = mark;
        return err;
    }
    out->len += RECORD_TAG_BYTES;
    step(half);
    return 0;
}

int record_open(struct record_half *half, uint8_t *bytes, size_t len, size_t *used, struct slice *plain)
{
    if (len < RECORD_HEAD_BYTES)
        return MESH_E_SHORT;
    uint32_t sealed_len = be32_get(bytes);
    if (sealed_len <= RECORD_TAG_BYTES || sealed_len > RECORD_PLAIN_MAX + RECORD_TAG_BYTES)
        return MESH_E_RANGE;
    if (len - RECORD_HEAD_BYTES < sealed_len)
        return MESH_E_SHORT;
    uint8_t *at = bytes + RECORD_HEAD_BYTES;
    size_t plain_len = sealed_len - RECORD_TAG_BYTES;
    int err = unseal(half, slice_of(bytes, RECORD_HEAD_BYTES), at, plain_len);
    if (err != 0)
        return err;
    step(half);
    *used = RECORD_HEAD_BYTES + sealed_len;
    *plain = slice_of(at, plain_len);
    return 0;
}
