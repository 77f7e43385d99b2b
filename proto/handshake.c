#include "proto/handshake.h"

#include "proto/base/err.h"
#include "proto/base/obj.h"
#include "proto/digest.h"

#include <sodium.h>

#define HANDSHAKE_MAGIC UINT32_C(0x68616e64)
#define TAG_BYTES       16

/* Section numbers are those of The Noise Protocol Framework, revision 34. */

enum token { TOKEN_END, TOKEN_E, TOKEN_S, TOKEN_EE, TOKEN_ES, TOKEN_SE, TOKEN_SS };

#define STEPS_MAX  3
#define TOKENS_MAX 5

/* Section 7.5. Messages alternate, the initiator's first. In IK the responder's
 * static key is known beforehand. */
static const struct {
    const char *name;
    bool responder_known;
    unsigned steps;
    uint8_t tokens[STEPS_MAX][TOKENS_MAX];
} patterns[] = {
    [HANDSHAKE_XX] = { "Noise_XX_25519_ChaChaPoly_SHA256",
                       false,
                       3,
                       { { TOKEN_E }, { TOKEN_E, TOKEN_EE, TOKEN_S, TOKEN_ES }, { TOKEN_S, TOKEN_SE } } },
    [HANDSHAKE_IK] = { "Noise_IK_25519_ChaChaPoly_SHA256",
                       true,
                       2,
                       { { TOKEN_E, TOKEN_ES, TOKEN_S, TOKEN_SS }, { TOKEN_E, TOKEN_EE, TOKEN_SE } } },
};

/* ---- SymmetricState and CipherState (sections 5.1, 5.2) ---- */

static void hmac(uint8_t out[32], const uint8_t key[32], const void *a, size_t a_len, const void *b, size_t b_len)
{
    crypto_auth_hmacsha256_state st;

    crypto_auth_hmacsha256_init(&st, key, 32);
    crypto_auth_hmacsha256_update(&st, a, a_len);
    crypto_auth_hmacsha256_update(&st, b, b_len);
    crypto_auth_hmacsha256_final(&st, out);
    sodium_memzero(&st, sizeof(st));
}

/* HKDF with two outputs (section 4.3); |out1| may be |ck|. */
static void hkdf(const uint8_t ck[32], const uint8_t *input, size_t len, uint8_t out1[32], uint8_t out2[32])
{
    static const uint8_t one = 1, two = 2;
    uint8_t temp[32];

    hmac(temp, ck, input, len, NULL, 0);
    hmac(out1, temp, &one, 1, NULL, 0);
    hmac(out2, temp, out1, 32, &two, 1);
    sodium_memzero(temp, sizeof(temp));
}

static void mix_hash(struct handshake *hs, const void *data, size_t len)
{
    crypto_hash_sha256_state st;

    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, hs->h, sizeof(hs->h));
    crypto_hash_sha256_update(&st, data, len);
    crypto_hash_sha256_final(&st, hs->h);
}

static void mix_key(struct handshake *hs, const uint8_t input[32])
{
    hkdf(hs->ck, input, 32, hs->ck, hs->k);
    hs->n = 0;
    hs->has_key = true;
}

/* Few messages are sealed in a handshake: the counter fits one byte of the nonce. */
static void nonce_put(uint8_t nonce[12], uint64_t n)
{
    assert(n < 256);
    memset(nonce, 0, 12);
    nonce[4] = (uint8_t)n;
}

static int encrypt_and_hash(struct handshake *hs, struct slice plain, struct buf *out)
{
    uint8_t nonce[12];
    size_t len = plain.len + (hs->has_key ? TAG_BYTES : 0);
    uint8_t *to = buf_reserve(out, len);

    if (to == NULL)
        return MESH_E_NOMEM;
    if (hs->has_key) {
        nonce_put(nonce, hs->n++);
        crypto_aead_chacha20poly1305_ietf_encrypt(to, NULL, plain.data, plain.len, hs->h, sizeof(hs->h), NULL, nonce,
                                                  hs->k);
    } else if (len > 0) {
        memcpy(to, plain.data, len);
    }
    mix_hash(hs, to, len);
    out->len += len;
    return 0;
}

/* Writes sealed.len - (the tag) bytes to |to|. */
static int decrypt_and_hash(struct handshake *hs, struct slice sealed, uint8_t *to)
{
    uint8_t nonce[12];

    if (hs->has_key) {
        nonce_put(nonce, hs->n++);
        if (crypto_aead_chacha20poly1305_ietf_decrypt(to, NULL, NULL, sealed.data, sealed.len, hs->h, sizeof(hs->h),
                                                      nonce, hs->k) != 0)
            return MESH_E_SEAL;
    } else if (sealed.len > 0) {
        memcpy(to, sealed.data, sealed.len);
    }
    mix_hash(hs, sealed.data, sealed.len);
    return 0;
}

/* ---- HandshakeState (section 5.3) ---- */

/* An all-zero result means that the other key is of small order: it would add
 * nothing secret (section 12.1 leaves it to us; we refuse). */
static int mix_dh(struct handshake *hs, const uint8_t secret[32], const uint8_t key[32])
{
    uint8_t shared[32];
    int err = 0;

    if (crypto_scalarmult(shared, secret, key) != 0)
        err = MESH_E_SEAL;
    else
        mix_key(hs, shared);
    sodium_memzero(shared, sizeof(shared));
    return err;
}

static int do_dh(struct handshake *hs, enum token token)
{
    bool initiator = hs->role == HANDSHAKE_INITIATOR;

    switch (token) {
    case TOKEN_EE: return mix_dh(hs, hs->e_secret, hs->re_key);
    case TOKEN_SS: return mix_dh(hs, hs->s_secret, hs->rs_key);
    case TOKEN_ES: return initiator ? mix_dh(hs, hs->e_secret, hs->rs_key) : mix_dh(hs, hs->s_secret, hs->re_key);
    case TOKEN_SE: return initiator ? mix_dh(hs, hs->s_secret, hs->re_key) : mix_dh(hs, hs->e_secret, hs->rs_key);
    case TOKEN_END:
    case TOKEN_E:
    case TOKEN_S: break;
    }
    assert(!"not a DH token");
    return MESH_E_STATE;
}

void handshake_init(struct handshake *hs, enum handshake_pattern pattern, enum handshake_role role,
                    const uint8_t secret[32], const uint8_t key[32], const uint8_t *remote, struct slice prologue)
{
    assert(pattern == HANDSHAKE_XX || pattern == HANDSHAKE_IK);
    bool knows = patterns[pattern].responder_known && role == HANDSHAKE_INITIATOR;
    assert((remote != NULL) == knows);

    memset(hs, 0, sizeof(*hs));
    hs->magic = HANDSHAKE_MAGIC;
    hs->pattern = pattern;
    hs->role = role;
    memcpy(hs->s_secret, secret, 32);
    memcpy(hs->s_key, key, 32);
    /* Both names are exactly HASHLEN bytes long, so h is the name itself (section 5.2). */
    assert(strlen(patterns[pattern].name) == sizeof(hs->h));
    memcpy(hs->h, patterns[pattern].name, sizeof(hs->h));
    memcpy(hs->ck, hs->h, sizeof(hs->ck));
    mix_hash(hs, prologue.data, prologue.len);
    if (knows) {
        memcpy(hs->rs_key, remote, 32);
        hs->has_rs = true;
    }
    if (patterns[pattern].responder_known)
        mix_hash(hs, knows ? hs->rs_key : hs->s_key, 32);
}

void handshake_fix_ephemeral(struct handshake *hs, const uint8_t secret[32])
{
    OBJ_CHECK(hs, HANDSHAKE_MAGIC);
    memcpy(hs->e_secret, secret, 32);
    hs->fixed_e = true;
}

bool handshake_done(const struct handshake *hs)
{
    OBJ_CHECK(hs, HANDSHAKE_MAGIC);
    return !hs->failed && hs->step == patterns[hs->pattern].steps;
}

bool handshake_my_turn(const struct handshake *hs)
{
    OBJ_CHECK(hs, HANDSHAKE_MAGIC);
    return !hs->failed && !handshake_done(hs) && (hs->step % 2 == 0) == (hs->role == HANDSHAKE_INITIATOR);
}

/* After an error nothing of the other side counts as known, and nothing goes on. */
static int fail(struct handshake *hs, int err)
{
    handshake_wipe(hs);
    return err;
}

static int write_token(struct handshake *hs, enum token token, struct buf *out)
{
    switch (token) {
    case TOKEN_E:
        if (!hs->fixed_e)
            secret_random(hs->e_secret, sizeof(hs->e_secret));
        if (crypto_scalarmult_base(hs->e_key, hs->e_secret) != 0)
            return MESH_E_SEAL;
        buf_add(out, hs->e_key, sizeof(hs->e_key));
        mix_hash(hs, hs->e_key, sizeof(hs->e_key));
        return buf_ok(out) ? 0 : MESH_E_NOMEM;
    case TOKEN_S: return encrypt_and_hash(hs, slice_of(hs->s_key, sizeof(hs->s_key)), out);
    default: return do_dh(hs, token);
    }
}

int handshake_write(struct handshake *hs, struct slice payload, struct buf *out)
{
    size_t before = out->len;
    int err = 0;

    if (!handshake_my_turn(hs))
        return fail(hs, MESH_E_STATE);
    if (payload.len > HANDSHAKE_PAYLOAD_MAX)
        return fail(hs, MESH_E_RANGE);
    const uint8_t *tokens = patterns[hs->pattern].tokens[hs->step];
    for (size_t i = 0; i < TOKENS_MAX && tokens[i] != TOKEN_END && err == 0; i++)
        err = write_token(hs, (enum token)tokens[i], out);
    if (err == 0)
        err = encrypt_and_hash(hs, payload, out);
    if (err != 0) {
        out->len = before;
        return fail(hs, err);
    }
    assert(out->len - before <= HANDSHAKE_MESSAGE_MAX);
    hs->step++;
    return 0;
}

static int read_token(struct handshake *hs, enum token token, struct slice *rest)
{
    size_t len;
    int err;

    switch (token) {
    case TOKEN_E:
        if (rest->len < 32)
            return MESH_E_SHORT;
        memcpy(hs->re_key, rest->data, 32);
        mix_hash(hs, hs->re_key, 32);
        *rest = slice_from(*rest, 32);
        return 0;
    case TOKEN_S:
        len = 32 + (hs->has_key ? TAG_BYTES : 0);
        if (rest->len < len)
            return MESH_E_SHORT;
        if ((err = decrypt_and_hash(hs, slice_head(*rest, len), hs->rs_key)) != 0)
            return err;
        hs->has_rs = true;
        *rest = slice_from(*rest, len);
        return 0;
    default: return do_dh(hs, token);
    }
}

static int read_payload(struct handshake *hs, struct slice sealed, struct buf *payload)
{
    size_t tag = hs->has_key ? TAG_BYTES : 0;

    if (sealed.len < tag)
        return MESH_E_SHORT;
    uint8_t *to = buf_reserve(payload, sealed.len - tag);
    if (to == NULL)
        return MESH_E_NOMEM;
    int err = decrypt_and_hash(hs, sealed, to);
    if (err == 0)
        payload->len += sealed.len - tag;
    return err;
}

int handshake_read(struct handshake *hs, struct slice message, struct buf *payload)
{
    struct slice rest = message;
    int err = 0;

    OBJ_CHECK(hs, HANDSHAKE_MAGIC);
    if (hs->failed || handshake_done(hs) || handshake_my_turn(hs))
        return fail(hs, MESH_E_STATE);
    if (message.len > HANDSHAKE_MESSAGE_MAX)
        return fail(hs, MESH_E_RANGE);
    const uint8_t *tokens = patterns[hs->pattern].tokens[hs->step];
    for (size_t i = 0; i < TOKENS_MAX && tokens[i] != TOKEN_END && err == 0; i++)
        err = read_token(hs, (enum token)tokens[i], &rest);
    if (err == 0)
        err = read_payload(hs, rest, payload);
    if (err != 0)
        return fail(hs, err);
    hs->step++;
    return 0;
}

void handshake_split(const struct handshake *hs, uint8_t send_key[32], uint8_t recv_key[32])
{
    assert(handshake_done(hs));
    if (hs->role == HANDSHAKE_INITIATOR)
        hkdf(hs->ck, NULL, 0, send_key, recv_key);
    else
        hkdf(hs->ck, NULL, 0, recv_key, send_key);
}

void handshake_wipe(struct handshake *hs)
{
    sodium_memzero(hs->ck, sizeof(hs->ck));
    sodium_memzero(hs->k, sizeof(hs->k));
    sodium_memzero(hs->s_secret, sizeof(hs->s_secret));
    sodium_memzero(hs->e_secret, sizeof(hs->e_secret));
    hs->has_key = false;
    hs->has_rs = false;
    hs->failed = true;
}
