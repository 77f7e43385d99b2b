/* digest.h - BLAKE2b-256 (RFC 7693), plain and keyed, and the secret random source. */
#ifndef HEDGEROW_PROTO_DIGEST_H
#define HEDGEROW_PROTO_DIGEST_H

#include "proto/base/slice.h"

#define DIGEST_BYTES 32

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* digest_of hashes |n| parts one after the other (no separators: callers frame them). */
void digest_of(struct digest *out, const struct slice *parts, size_t n);
void digest_one(struct digest *out, struct slice bytes);

/* digest_keyed is BLAKE2b-256 under a 32-byte |key|: places object keys. */
void digest_keyed(struct digest *out, const uint8_t key[32], const struct slice *parts, size_t n);

/* digest_u64 is the first 8 bytes, big-endian. */
uint64_t digest_u64(const struct digest *d);

static inline bool digest_eq(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

/* crypto_start must be called once before anything of proto/. 0 or negative. */
int crypto_start(void);

/* secret_random fills |out| from libsodium's source (the simulator seeds it). */
void secret_random(void *out, size_t len);
uint64_t secret_random_u64(void);

#endif
