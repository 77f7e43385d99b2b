#include "node/cli/png.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#include "proto/base/err.h"

#define PIXEL_BYTES 3

enum { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH, FILTERS_N };

/* Clause 5.3: length, type, data, and the CRC of type and data. */
static void chunk(struct buf *out, const char type[4], struct slice data)
{
    uLong crc = crc32(crc32(0, (const Bytef *)type, 4), data.data, (uInt)data.len);

    if (data.len == 0) /* zlib starts anew at NULL */
        crc = crc32(0, (const Bytef *)type, 4);
    buf_add_u32(out, (uint32_t)data.len);
    buf_add(out, type, 4);
    buf_add_slice(out, data);
    buf_add_u32(out, (uint32_t)crc);
}

/* Clause 9.4: of the left, upper and upper left neighbour the one nearest to their plane. */
static uint8_t paeth(int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);

    return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

static void filter_row(uint8_t *to, int filter, const uint8_t *row, const uint8_t *above, size_t n)
{
    *to++ = (uint8_t)filter;
    for (size_t i = 0; i < n; i++) {
        int a = i >= PIXEL_BYTES ? row[i - PIXEL_BYTES] : 0;
        int b = above != NULL ? above[i] : 0;
        int c = above != NULL && i >= PIXEL_BYTES ? above[i - PIXEL_BYTES] : 0;
        int guess = 0;
        switch (filter) {
        case FILTER_NONE: guess = 0; break;
        case FILTER_SUB: guess = a; break;
        case FILTER_UP: guess = b; break;
        case FILTER_AVERAGE: guess = (a + b) / 2; break;
        case FILTER_PAETH: guess = paeth(a, b, c); break;
        }
        to[i] = (uint8_t)(row[i] - guess);
    }
}

/* Clause 12.8: the filter whose bytes, as signed numbers, have the smallest sum. */
static size_t cost(const uint8_t *filtered, size_t n)
{
    size_t sum = 0;

    for (size_t i = 1; i < n; i++)
        sum += (size_t)abs((int8_t)filtered[i]);
    return sum;
}

/* Writes each row, filtered, to |to|. |trial| has room for one filtered row. */
static void filter_all(uint8_t *to, uint8_t *trial, const uint8_t *pixels, size_t row_bytes, uint32_t height)
{
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *row = pixels + y * row_bytes, *above = y > 0 ? row - row_bytes : NULL;
        size_t best = SIZE_MAX;
        for (int filter = 0; filter < FILTERS_N; filter++) {
            filter_row(trial, filter, row, above, row_bytes);
            size_t c = cost(trial, row_bytes + 1);
            if (c < best) {
                best = c;
                memcpy(to, trial, row_bytes + 1);
            }
        }
        to += row_bytes + 1;
    }
}

int png_encode(struct buf *out, const uint8_t *pixels, uint32_t width, uint32_t height)
{
    static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    uint8_t header[13] = { [8] = 8 /* bits */, [9] = 2 /* RGB */ };
    size_t row_bytes = (size_t)width * PIXEL_BYTES, raw_bytes = (row_bytes + 1) * height;
    int err = MESH_E_NOMEM;

    assert(width >= 1 && width <= PNG_SIDE_MAX && height >= 1 && height <= PNG_SIDE_MAX);
    be32_put(header, width);
    be32_put(header + 4, height);
    uLongf packed_bytes = compressBound((uLong)raw_bytes);
    uint8_t *raw = malloc(raw_bytes), *trial = malloc(row_bytes + 1), *packed = malloc(packed_bytes);
    if (raw == NULL || trial == NULL || packed == NULL)
        goto out;
    filter_all(raw, trial, pixels, row_bytes, height);
    if (compress2(packed, &packed_bytes, raw, (uLong)raw_bytes, 6) != Z_OK)
        goto out;
    buf_add(out, signature, sizeof(signature));
    chunk(out, "IHDR", SLICE_OF(header));
    chunk(out, "IDAT", slice_of(packed, packed_bytes));
    chunk(out, "IEND", SLICE_EMPTY);
    err = buf_ok(out) ? 0 : MESH_E_NOMEM;
out:
    free(packed);
    free(trial);
    free(raw);
    return err;
}
