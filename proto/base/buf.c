#include "proto/base/buf.h"
#include "proto/base/rare.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_free(struct buf *b)
{
    free(b->data);
    *b = BUF_EMPTY;
}

uint8_t *buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return NULL;
    if (more <= b->cap - b->len && b->data != NULL)
        return b->data + b->len;
    if (more > SIZE_MAX / 2 - b->len) {
        b->failed = true;
        return NULL;
    }
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap - b->len < more)
        cap *= 2;
    if (RARE(BUF_TIGHT))
        cap = b->len + more;
    uint8_t *data = realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return NULL;
    }
    b->data = data;
    b->cap = cap;
    return data + b->len;
}

void buf_add_growing(struct buf *b, const void *data, size_t len)
{
    uint8_t *to = buf_reserve(b, len);
    if (to == NULL || len == 0)
        return;
    memcpy(to, data, len);
    b->len += len;
}

void buf_add_u16(struct buf *b, uint16_t v)
{
    uint8_t raw[2];
    be16_put(raw, v);
    buf_add(b, raw, sizeof(raw));
}

void buf_add_u32(struct buf *b, uint32_t v)
{
    uint8_t raw[4];
    be32_put(raw, v);
    buf_add(b, raw, sizeof(raw));
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    uint8_t raw[8];
    be64_put(raw, v);
    buf_add(b, raw, sizeof(raw));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char small[256];

    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    assert(n >= 0);
    if ((size_t)n < sizeof(small)) {
        buf_add(b, small, (size_t)n);
        return;
    }
    char *to = (char *)buf_reserve(b, (size_t)n + 1);
    if (to == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}
