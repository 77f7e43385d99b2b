/* big_endian.c - the tables of golden_ring.h without any library, so that they can be made
 * on whatever CPU a compiler and an emulator are at hand for (big_endian.sh). It has a
 * BLAKE2b of its own (RFC 7693, unkeyed, one call), written without a thought of byte order. */
#include <stdio.h>

#include "golden_ring.h"

struct blake2b {
    uint64_t h[8], length;
    uint8_t block[128];
    size_t n;
};

static const uint64_t iv[8] = { UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
                                UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
                                UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
                                UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179) };

static const uint8_t sigma[10][16] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
    { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 }, { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
    { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 }, { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
    { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 }, { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
    { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 }, { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 }
};

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x >> by | x << (64 - by);
}

static void mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotate(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate(v[b] ^ v[c], 63);
}

static void compress(struct blake2b *s, bool last)
{
    uint64_t v[16], m[16] = { 0 };

    for (size_t i = 0; i < 128; i++)
        m[i / 8] |= (uint64_t)s->block[i] << 8 * (i % 8);
    for (size_t i = 0; i < 8; i++) {
        v[i] = s->h[i];
        v[i + 8] = iv[i];
    }
    v[12] ^= s->length;
    v[14] ^= last ? UINT64_MAX : 0;
    for (size_t round = 0; round < 12; round++) {
        const uint8_t *o = sigma[round % 10];
        for (int i = 0; i < 4; i++)
            mix(v, i, i + 4, i + 8, i + 12, m[o[2 * i]], m[o[2 * i + 1]]);
        for (int i = 0; i < 4; i++)
            mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[o[8 + 2 * i]], m[o[9 + 2 * i]]);
    }
    for (size_t i = 0; i < 8; i++)
        s->h[i] ^= v[i] ^ v[i + 8];
}

/* proto/digest.h's, for the ring and for the tables' digests. */
void digest_of(struct digest *out, const struct slice *parts, size_t n)
{
    struct blake2b s = { .n = 0 };

    memcpy(s.h, iv, sizeof(iv));
    s.h[0] ^= 0x01010000 ^ DIGEST_BYTES;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < parts[i].len; k++) {
            if (s.n == sizeof(s.block)) { /* a full block waits: it may be the last */
                s.length += s.n;
                compress(&s, false);
                s.n = 0;
            }
            s.block[s.n++] = parts[i].data[k];
        }
    }
    s.length += s.n;
    memset(s.block + s.n, 0, sizeof(s.block) - s.n);
    compress(&s, true);
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        out->bytes[i] = (uint8_t)(s.h[i / 8] >> 8 * (i % 8));
}

void digest_one(struct digest *out, struct slice bytes)
{
    digest_of(out, &bytes, 1);
}

uint64_t digest_u64(const struct digest *d)
{
    return be64_get(d->bytes);
}

int main(void)
{
    static const uint32_t one = 1;
    const char *order = *(const uint8_t *)&one == 1 ? "little" : "big";
    int failed = 0;

    for (size_t i = 0; i < GOLDEN_RINGS; i++) {
        const struct golden_ring *g = &golden_rings[i];
        uint64_t got = golden_ring_digest(g);
        failed |= got != g->want;
        printf("%s big-endian/%s: %s (%016llx)\n", got == g->want ? "ok" : "FAIL", order, g->what,
               (unsigned long long)got);
    }
    return failed;
}
