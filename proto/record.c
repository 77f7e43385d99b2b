#include "proto/record.h"

#include "proto/base/err.h"

#include <assert.h>
#include <sodium.h>

static_assert(RECORD_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "record.h states the tag's length");

/* Noise's nonce for ChaChaPoly: 32 zero bits, then the counter, little-endian
 * (The Noise Protocol Framework, revision 34, section 12.3). */
static void nonce_put(uint8_t nonce[12], uint64_t counter)
{
    memset(nonce, 0, 4);
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(counter >> (8 * i));
}

/* REKEY(k): the first 32 bytes of ENCRYPT(k, 2^64-1, "", 32 zero bytes) (section 4.2). */
static void rekey(uint8_t key[32])
{
    static const uint8_t zeros[32];
    uint8_t nonce[12], tag[RECORD_TAG_BYTES], fresh[32];

    nonce_put(nonce, UINT64_MAX);
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(fresh, tag, NULL, zeros, sizeof(zeros), NULL, 0, NULL, nonce,
                                                       key);
    memcpy(key, fresh, sizeof(fresh));
    sodium_memzero(fresh, sizeof(fresh));
}

/* The counter never starts again, so a key and a nonce never meet twice. */
static void step(struct record_half *half)
{
    half->counter++;
    assert(half->counter < UINT64_MAX);
    if (half->counter % RECORD_REKEY == 0)
        rekey(half->key);
}

void record_init(struct record_half *half, const uint8_t key[32])
{
    memcpy(half->key, key, sizeof(half->key));
    half->counter = 0;
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
    uint8_t nonce[12];

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
    nonce_put(nonce, half->counter);
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(plain, tag, NULL, plain, plain_len, head, RECORD_HEAD_BYTES,
                                                       NULL, nonce, half->key);
    out->len += RECORD_TAG_BYTES;
    step(half);
    return 0;
}

int record_open(struct record_half *half, uint8_t *bytes, size_t len, size_t *used, struct slice *plain)
{
    uint8_t nonce[12];

    if (len < RECORD_HEAD_BYTES)
        return MESH_E_SHORT;
    uint32_t sealed_len = be32_get(bytes);
    if (sealed_len <= RECORD_TAG_BYTES || sealed_len > RECORD_PLAIN_MAX + RECORD_TAG_BYTES)
        return MESH_E_RANGE;
    if (len - RECORD_HEAD_BYTES < sealed_len)
        return MESH_E_SHORT;
    uint8_t *at = bytes + RECORD_HEAD_BYTES;
    size_t plain_len = sealed_len - RECORD_TAG_BYTES;
    nonce_put(nonce, half->counter);
    if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(at, NULL, at, plain_len, at + plain_len, bytes,
                                                           RECORD_HEAD_BYTES, nonce, half->key) != 0)
        return MESH_E_SEAL;
    step(half);
    *used = RECORD_HEAD_BYTES + sealed_len;
    *plain = slice_of(at, plain_len);
    return 0;
}
