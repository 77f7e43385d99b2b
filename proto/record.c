#include "proto/record.h"

#include "proto/base/err.h"

#include <assert.h>
#include <sodium.h>

static_assert(RECORD_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "record.h states the tag's length");
static_assert(RECORD_TAG_BYTES == crypto_aead_aes256gcm_ABYTES, "of either suite");
static_assert(RECORD_SCHEDULE_BYTES == sizeof(crypto_aead_aes256gcm_state), "record.h states the schedule's length");
static_assert(_Alignof(struct record_half) >= _Alignof(crypto_aead_aes256gcm_state), "and its alignment");

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

static crypto_aead_aes256gcm_state *schedule(struct record_half *half)
{
    return (void *)half->schedule;
}

/* Noise's nonces: 32 zero bits, then the counter, little-endian for ChaChaPoly and big-endian
 * for AESGCM (The Noise Protocol Framework, revision 34, sections 12.3 and 12.4). */
static void nonce_put(uint8_t nonce[12], enum record_suite suite, uint64_t counter)
{
    memset(nonce, 0, 4);
    for (unsigned i = 0; i < 8; i++)
        nonce[suite == RECORD_AES_256_GCM ? 11 - i : 4 + i] = (uint8_t)(counter >> (8 * i));
}

/* |out| may be |plain|. */
static void seal(struct record_half *half, uint64_t counter, struct slice ad, struct slice plain, uint8_t *out,
                 uint8_t tag[RECORD_TAG_BYTES])
{
    uint8_t nonce[12];

    nonce_put(nonce, half->suite, counter);
    if (half->suite == RECORD_AES_256_GCM)
        crypto_aead_aes256gcm_encrypt_detached_afternm(out, tag, NULL, plain.data, plain.len, ad.data, ad.len, NULL,
                                                       nonce, schedule(half));
    else
        crypto_aead_chacha20poly1305_ietf_encrypt_detached(out, tag, NULL, plain.data, plain.len, ad.data, ad.len, NULL,
                                                           nonce, half->key);
}

/* In place: |len| bytes at |at| and their tag behind them. */
static int unseal(struct record_half *half, struct slice ad, uint8_t *at, size_t len)
{
    uint8_t nonce[12];

    nonce_put(nonce, half->suite, half->counter);
    if (half->suite == RECORD_AES_256_GCM)
        return crypto_aead_aes256gcm_decrypt_detached_afternm(at, NULL, at, len, at + len, ad.data, ad.len, nonce,
                                                              schedule(half));
    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(at, NULL, at, len, at + len, ad.data, ad.len, nonce,
                                                              half->key);
}

static void expand(struct record_half *half)
{
    if (half->suite == RECORD_AES_256_GCM)
        crypto_aead_aes256gcm_beforenm(schedule(half), half->key);
}

/* REKEY(k): the first 32 bytes of ENCRYPT(k, 2^64-1, "", 32 zero bytes) (section 4.2). */
static void rekey(struct record_half *half)
{
    static const uint8_t zeros[32];
    uint8_t tag[RECORD_TAG_BYTES], fresh[32];

    seal(half, UINT64_MAX, SLICE_EMPTY, SLICE_OF(zeros), fresh, tag);
    memcpy(half->key, fresh, sizeof(fresh));
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

void record_init(struct record_half *half, enum record_suite suite, const uint8_t key[32])
{
    assert((record_suites() & RECORD_SUITE_BIT(suite)) != 0);
    memcpy(half->key, key, sizeof(half->key));
    half->counter = 0;
    half->suite = suite;
    expand(half);
}

void record_wipe(struct record_half *half)
{
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
    seal(half, half->counter, slice_of(head, RECORD_HEAD_BYTES), slice_of(plain, plain_len), plain, tag);
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
    if (unseal(half, slice_of(bytes, RECORD_HEAD_BYTES), at, plain_len) != 0)
        return MESH_E_SEAL;
    step(half);
    *used = RECORD_HEAD_BYTES + sealed_len;
    *plain = slice_of(at, plain_len);
    return 0;
}
