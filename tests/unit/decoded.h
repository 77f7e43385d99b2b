/* decoded.h - what a viewer makes of a coded body: decoders of zlib, Brotli and zstd, for tests. */
#ifndef HEDGEROW_TESTS_DECODED_H
#define HEDGEROW_TESTS_DECODED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "node/coding/coder.h"
#include "proto/base/buf.h"

static inline bool decode_gzip(struct slice in, uint8_t *out, size_t cap, size_t *len)
{
    z_stream z = { .avail_in = (uInt)in.len, .next_out = out, .avail_out = (uInt)cap };

    memcpy(&z.next_in, &in.data, sizeof(void *));
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    int result = inflate(&z, Z_SYNC_FLUSH);
    *len = cap - z.avail_out;
    bool whole = result == Z_STREAM_END && z.avail_in == 0;
    inflateEnd(&z);
    return whole;
}

static inline bool decode_br(struct slice in, uint8_t *out, size_t cap, size_t *len)
{
    BrotliDecoderState *s = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    size_t room = cap, left = in.len;

    assert_non_null(s);
    BrotliDecoderResult result = BrotliDecoderDecompressStream(s, &left, &in.data, &room, &out, NULL);
    BrotliDecoderDestroyInstance(s);
    *len = cap - room;
    return result == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
}

/* With no more window than RFC 9659 grants; of any number of frames. */
static inline bool decode_zstd(struct slice in, uint8_t *out, size_t cap, size_t *len)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    ZSTD_inBuffer from = { in.data, in.len, 0 };
    ZSTD_outBuffer to = { out, cap, 0 };
    size_t hint = 1;

    assert_non_null(z);
    assert_false(ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 23)));
    while (from.pos < from.size) {
        size_t before = from.pos + to.pos;
        hint = ZSTD_decompressStream(z, &to, &from);
        assert_false(ZSTD_isError(hint));
        if (from.pos + to.pos == before)
            break;
    }
    ZSTD_freeDCtx(z);
    *len = to.pos;
    return hint == 0 && from.pos == from.size;
}

/* decoded appends what |in| decodes to, |cap| bytes at most. False: the stream is not whole. */
static inline bool decoded(enum coding coding, struct slice in, size_t cap, struct buf *out)
{
    uint8_t *to = buf_reserve(out, cap);
    size_t len = 0;
    bool whole = false;

    assert_non_null(to);
    switch (coding) {
    case CODING_GZIP: whole = decode_gzip(in, to, cap, &len); break;
    case CODING_BR: whole = decode_br(in, to, cap, &len); break;
    case CODING_ZSTD: whole = decode_zstd(in, to, cap, &len); break;
    case CODING_IDENTITY: fail();
    }
    out->len += len;
    return whole;
}

#endif
