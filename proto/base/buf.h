/* buf.h - bytes we own and may append to. An append that finds no memory marks
 * the buf as failed and is otherwise a no-op, so a writer checks once, at its
 * end, with buf_ok. Not thread safe. */
#ifndef HEDGEROW_BASE_BUF_H
#define HEDGEROW_BASE_BUF_H

#include "proto/base/slice.h"

struct buf {
    uint8_t *data;
    size_t len, cap;
    bool failed;
};

#define BUF_EMPTY ((struct buf){ NULL, 0, 0, false })

/* buf_free gives the bytes back and leaves an empty buf. An empty one is fine. */
void buf_free(struct buf *b);

/* buf_reserve makes room for |more| bytes behind the end and returns where they
 * go, or NULL when out of memory (the buf is then failed). */
uint8_t *buf_reserve(struct buf *b, size_t more);

/* buf_add appends. |data| must not lie inside |b|. Where there is room, which is nearly always, it is no more than the
 * copy; buf_add_growing is its other half. */
void buf_add_growing(struct buf *b, const void *data, size_t len);
static inline void buf_add(struct buf *b, const void *data, size_t len)
{
    if (b->failed || len == 0 || len > b->cap - b->len) {
        buf_add_growing(b, data, len);
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}
static inline void buf_add_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.data, s.len);
}
static inline void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}
static inline void buf_add_u8(struct buf *b, uint8_t v)
{
    buf_add(b, &v, 1);
}
/* Big-endian. */
void buf_add_u16(struct buf *b, uint16_t v);
void buf_add_u32(struct buf *b, uint32_t v);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* buf_drop removes |n| <= len bytes from the front (moves what is left). */
void buf_drop(struct buf *b, size_t n);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

static inline void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data, b->len);
}

/* buf_take moves |from|'s bytes into |to| (which must be empty); |from| is empty afterwards. */
static inline void buf_take(struct buf *to, struct buf *from)
{
    *to = *from;
    *from = BUF_EMPTY;
}

/* Big-endian readers and writers; the caller has checked the length. Inline: all that is read and written goes
 * through them, and a compiler makes one instruction of each. */
static inline uint16_t be16_get(const uint8_t *p)
{
    return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64_get(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32 |
           (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
    p[0] = (uint8_t)(v >> 56);
    p[1] = (uint8_t)(v >> 48);
    p[2] = (uint8_t)(v >> 40);
    p[3] = (uint8_t)(v >> 32);
    p[4] = (uint8_t)(v >> 24);
    p[5] = (uint8_t)(v >> 16);
    p[6] = (uint8_t)(v >> 8);
    p[7] = (uint8_t)v;
}

#endif
