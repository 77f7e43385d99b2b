#include "proto/zpack.h"

#include "proto/base/err.h"
#include "proto/base/rare.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG  17 /* 128 KiB */
#define WINDOW_MAX  (UINT64_C(1) << WINDOW_LOG)
#define FRAME_MAGIC UINT32_C(0xFD2FB528)

/* Of a frame header's descriptor and of a block's head, whose type in bits 1 and 2 is 0 where it is raw. */
#define SIZE_IN_FOUR   0x80
#define SINGLE_SEGMENT 0x20
#define LAST_BLOCK     1u

struct zpack {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
};

struct zpack *zpack_new(void)
{
    struct zpack *z = calloc(1, sizeof(*z));

    if (z == NULL)
        return NULL;
    z->pack = ZSTD_createCCtx();
    z->unpack = ZSTD_createDCtx();
    if (z->pack == NULL || z->unpack == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(z->pack, ZSTD_c_compressionLevel, ZPACK_LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(z->pack, ZSTD_c_windowLog, WINDOW_LOG)) ||
        ZSTD_isError(ZSTD_DCtx_setParameter(z->unpack, ZSTD_d_windowLogMax, WINDOW_LOG))) {
        zpack_free(z);
        return NULL;
    }
    return z;
}

void zpack_free(struct zpack *z)
{
    if (z == NULL)
        return;
    ZSTD_freeCCtx(z->pack);
    ZSTD_freeDCtx(z->unpack);
    free(z);
}

int zpack_deflate(struct zpack *z, struct slice raw, struct buf *out)
{
    if (raw.len < ZPACK_MIN || RARE(PACK_SKIPPED))
        return MESH_E_NO_GAIN;
    /* Given no more room than would pay, zstd gives up by itself. */
    size_t room = raw.len - (raw.len + 15) / 16;
    uint8_t *to = buf_reserve(out, room);
    if (to == NULL)
        return MESH_E_NOMEM;
    size_t n = ZSTD_compress2(z->pack, to, room, raw.data, raw.len);
    if (ZSTD_isError(n))
        return ZSTD_getErrorCode(n) == ZSTD_error_dstSize_tooSmall ? MESH_E_NO_GAIN : MESH_E_NOMEM;
    out->len += n;
    return 0;
}

/* The frame header of RFC 8878, section 3.1.1.1, read by ourselves so that the same
 * frames are refused by every version of the library: no dictionary, no skippable or
 * old frame, a window of at most 128 KiB, and a content size, where one is stated,
 * that is the promised one. */
static int judge_header(struct slice packed, size_t raw_len)
{
    const uint8_t *p = packed.data;

    if (packed.len < 5)
        return MESH_E_SYNTAX;
    if (((uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]) != FRAME_MAGIC)
        return MESH_E_SYNTAX;
    uint8_t descriptor = p[4];
    if ((descriptor & 0x0b) != 0) /* a dictionary, or the reserved bit */
        return MESH_E_SYNTAX;
    bool single = (descriptor & SINGLE_SEGMENT) != 0;
    unsigned size_flag = descriptor >> 6;
    size_t at = single ? 5 : 6;
    size_t size_bytes = size_flag == 0 ? (single ? 1 : 0) : (size_t)1 << size_flag;
    if (packed.len < at + size_bytes)
        return MESH_E_SYNTAX;

    uint64_t content = size_bytes == 2 ? 256 : 0;
    for (size_t i = 0; i < size_bytes; i++)
        content += (uint64_t)p[at + i] << (8 * i);
    if (size_bytes > 0 && content != raw_len)
        return MESH_E_RANGE;
    uint64_t window = content;
    if (!single) {
        uint64_t base = UINT64_C(1) << (10 + (p[5] >> 3));
        window = base + base / 8 * (p[5] & 7);
    }
    return window > WINDOW_MAX ? MESH_E_SYNTAX : 0;
}

int zpack_inflate(struct zpack *z, struct slice packed, uint8_t *raw, size_t raw_len)
{
    uint8_t spill;
    int err = judge_header(packed, raw_len);

    if (err != 0)
        return err;
    ZSTD_inBuffer in = { packed.data, packed.len, 0 };
    ZSTD_outBuffer out = { raw, raw_len, 0 };
    ZSTD_outBuffer over = { &spill, 1, 0 };
    ZSTD_DCtx_reset(z->unpack, ZSTD_reset_session_only);
    for (;;) {
        /* Once all promised bytes are there the frame may only end: whatever it still
         * makes lands in |over| and damns it. */
        ZSTD_outBuffer *to = out.pos < out.size ? &out : &over;
        size_t before_in = in.pos, before_out = to->pos;
        size_t left = ZSTD_decompressStream(z->unpack, to, &in);
        if (ZSTD_isError(left))
            return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? MESH_E_NOMEM : MESH_E_SYNTAX;
        if (over.pos > 0)
            return MESH_E_RANGE;
        if (left == 0)
            break;
        if (in.pos == before_in && to->pos == before_out)
            return MESH_E_SYNTAX; /* cut short */
    }
    if (in.pos < in.size)
        return MESH_E_SYNTAX;
    return out.pos == raw_len ? 0 : MESH_E_RANGE;
}

static void put_le(uint8_t *p, size_t bytes, uint32_t v)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* A header that states the content's size in four bytes, which is the window, too; then the head of one raw block, the
 * last (RFC 8878 sections 3.1.1.1 and 3.1.1.2). */
void zpack_raw_head(uint8_t *head, size_t raw_len)
{
    assert(raw_len > 0 && raw_len <= ZPACK_RAW_MAX);
    put_le(head, 4, FRAME_MAGIC);
    head[4] = SIZE_IN_FOUR | SINGLE_SEGMENT;
    put_le(head + 5, 4, (uint32_t)raw_len);
    put_le(head + 9, 3, (uint32_t)raw_len << 3 | LAST_BLOCK);
}
