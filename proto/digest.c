#include "proto/digest.h"

#include <assert.h>
#include <sodium.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"

static void hash(struct digest *out, const uint8_t *key, size_t key_len, const struct slice *parts, size_t n)
{
    crypto_generichash_state st;

    int err = crypto_generichash_init(&st, key, key_len, DIGEST_BYTES);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0)
            err |= crypto_generichash_update(&st, parts[i].data, parts[i].len);
    }
    err |= crypto_generichash_final(&st, out->bytes, DIGEST_BYTES);
    assert(err == 0);
    sodium_memzero(&st, sizeof(st)); /* the state holds the key, and parts may be secret */
}

void digest_of(struct digest *out, const struct slice *parts, size_t n)
{
    hash(out, NULL, 0, parts, n);
}

void digest_one(struct digest *out, struct slice bytes)
{
    hash(out, NULL, 0, &bytes, 1);
}

void digest_keyed(struct digest *out, const uint8_t key[32], const struct slice *parts, size_t n)
{
    hash(out, key, 32, parts, n);
}

uint64_t digest_u64(const struct digest *d)
{
    return be64_get(d->bytes);
}

/* BLAKE2b-256 of "abc". Two nodes whose hashes differ would name every object and
 * owner differently, so a miscompiled library must not get as far as a socket. */
static int self_check(void)
{
    static const uint8_t want[DIGEST_BYTES] = { 0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72, 0x31, 0x71, 0xef,
                                                0x3f, 0xee, 0x98, 0x57, 0x9b, 0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb,
                                                0x3e, 0x42, 0x72, 0x62, 0xc8, 0xc0, 0x68, 0xd5, 0x23, 0x19 };
    struct digest got;

    digest_one(&got, SLICE_LIT("abc"));
    return memcmp(got.bytes, want, DIGEST_BYTES) == 0 ? 0 : MESH_E_HASH;
}

int crypto_start(void)
{
    if (sodium_init() < 0)
        return MESH_E_STATE;
    return self_check();
}

void secret_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

uint64_t secret_random_u64(void)
{
    uint8_t raw[8];

    secret_random(raw, sizeof(raw));
    return be64_get(raw);
}
