#include "node/coding/coder.h"

#include <assert.h>
#include <brotli/encode.h>
#include <stdlib.h>
#include <zlib.h>

#include "proto/base/err.h"
#include "proto/base/obj.h"

#define CODER_MAGIC 0x636f6472u

/* What a viewer waits for: some 30 to 200 MB/s, and most of the gain. */
#define GZIP_LEVEL        6
#define GZIP_WINDOW       (15 + 16) /* 32 KiB, and the gzip header */
#define GZIP_MEMORY       8
#define BR_QUALITY        5
#define BR_WINDOW_LOG_MIN 16
#define BR_WINDOW_LOG_MAX 20

struct coder {
    uint32_t magic;
    enum coding coding;
    z_stream gzip;
    BrotliEncoderState *br;
};

struct slice coding_name(enum coding coding)
{
    switch (coding) {
    case CODING_GZIP: return SLICE_LIT("gzip");
    case CODING_BR: return SLICE_LIT("br");
    case CODING_ZSTD: return SLICE_LIT("zstd");
    case CODING_IDENTITY: break;
    }
    return SLICE_LIT("identity");
}

static bool start_br(struct coder *c, uint64_t length)
{
    uint32_t window = BR_WINDOW_LOG_MIN;

    while (window < BR_WINDOW_LOG_MAX && (UINT64_C(1) << window) < length)
        window++;
    c->br = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    return c->br != NULL && BrotliEncoderSetParameter(c->br, BROTLI_PARAM_QUALITY, BR_QUALITY) &&
           BrotliEncoderSetParameter(c->br, BROTLI_PARAM_LGWIN, window) &&
           BrotliEncoderSetParameter(c->br, BROTLI_PARAM_SIZE_HINT, (uint32_t)length);
}

struct coder *coder_new(enum coding coding, uint64_t length)
{
    struct coder *c = calloc(1, sizeof(*c));
    bool ok;

    assert(coding == CODING_GZIP || coding == CODING_BR);
    if (c == NULL)
        return NULL;
    c->magic = CODER_MAGIC;
    if (coding == CODING_GZIP)
        ok = deflateInit2(&c->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
    else
        ok = start_br(c, length);
    c->coding = ok ? coding : CODING_IDENTITY; /* nothing of zlib's is to be ended then */
    if (ok)
        return c;
    coder_free(c);
    return NULL;
}

void coder_free(struct coder *c)
{
    if (c == NULL)
        return;
    OBJ_CHECK(c, CODER_MAGIC);
    if (c->coding == CODING_GZIP)
        deflateEnd(&c->gzip);
    if (c->br != NULL)
        BrotliEncoderDestroyInstance(c->br);
    c->magic = 0;
    free(c);
}

static int run_gzip(struct coder *c, enum coder_step step, struct slice *in, uint8_t *out, size_t room, size_t *made,
                    bool *done)
{
    static const int flush[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH };
    z_stream *z = &c->gzip;

    assert(in->len <= UINT32_MAX && room <= UINT32_MAX);
    memcpy(&z->next_in, &in->data, sizeof(void *)); /* zlib only reads it */
    z->avail_in = (uInt)in->len;
    z->next_out = out;
    z->avail_out = (uInt)room;
    int result = deflate(z, flush[step]);
    if (result == Z_STREAM_ERROR)
        return MESH_E_NOMEM;
    *made = room - z->avail_out;
    *in = slice_from(*in, in->len - z->avail_in);
    *done = step == CODER_END ? result == Z_STREAM_END : z->avail_in == 0 && z->avail_out > 0;
    return 0;
}

static int run_br(struct coder *c, enum coder_step step, struct slice *in, uint8_t *out, size_t room, size_t *made,
                  bool *done)
{
    static const BrotliEncoderOperation ops[] = { BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH,
                                                  BROTLI_OPERATION_FINISH };
    size_t left = in->len, space = room;
    const uint8_t *from = in->data;

    if (!BrotliEncoderCompressStream(c->br, ops[step], &left, &from, &space, &out, NULL))
        return MESH_E_NOMEM;
    *made = room - space;
    *in = slice_from(*in, in->len - left);
    *done = step == CODER_END ? BrotliEncoderIsFinished(c->br) : left == 0 && !BrotliEncoderHasMoreOutput(c->br);
    return 0;
}

int coder_run(struct coder *c, enum coder_step step, struct slice *in, uint8_t *out, size_t room, size_t *made,
              bool *done)
{
    OBJ_CHECK(c, CODER_MAGIC);
    assert(room >= CODER_ROOM_MIN);
    return (c->coding == CODING_GZIP ? run_gzip : run_br)(c, step, in, out, room, made, done);
}
