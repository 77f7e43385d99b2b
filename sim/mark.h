/* mark.h - 128 bits over bytes, in whole words and a few instructions each: for what nobody forges on purpose.
 *
 * Two lanes of 64 bits. Each step is one-to-one in the word that it takes, so that two messages of one length that
 * differ in one word never have the same mark, and others do by chance only. Bytes are read as little-endian words,
 * whatever the machine. */
#ifndef HEDGEROW_SIM_MARK_H
#define HEDGEROW_SIM_MARK_H

#include <stdint.h>
#include <string.h>

#include "proto/base/buf.h"

struct mark {
    uint64_t a, b;
};

static inline uint64_t mark_word_at(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
           (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static inline void mark_word(struct mark *m, uint64_t word)
{
    m->a = (m->a ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    m->a ^= m->a >> 29;
    m->b = (m->b + word) * UINT64_C(0xd6e8feb86659fd93);
    m->b ^= m->b >> 32;
}

/* mark_bytes adds |len| bytes and how many they are. */
static inline void mark_bytes(struct mark *m, const uint8_t *p, size_t len)
{
    uint8_t last[8] = { 0 };
    size_t at = 0;

    for (; at + 8 <= len; at += 8)
        mark_word(m, mark_word_at(p + at));
    if (at < len)
        memcpy(last, p + at, len - at);
    mark_word(m, mark_word_at(last));
    mark_word(m, len);
}

/* mark_put writes |len| bytes that follow from the mark. */
static inline void mark_put(struct mark m, uint8_t *out, size_t len)
{
    uint8_t word[8];

    for (size_t at = 0; at < len; at += 8) {
        mark_word(&m, at);
        be64_put(word, m.a ^ m.b);
        memcpy(out + at, word, len - at < 8 ? len - at : 8);
    }
}

#endif
