/* test_sunset.c - the PNG writer, read back by a decoder of the test's own; and the picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <zlib.h>

#include "node/cli/png.h"
#include "node/cli/sunset.h"

/* One chunk at |*at|: checks its CRC and moves on. */
static struct slice next_chunk(struct slice png, size_t *at, const char *type)
{
    assert_true(png.len - *at >= 12);
    const uint8_t *p = png.data + *at;
    size_t len = be32_get(p);
    assert_true(png.len - *at >= 12 + len);
    assert_memory_equal(p + 4, type, 4);
    assert_int_equal(be32_get(p + 8 + len), (uint32_t)crc32(crc32(0, NULL, 0), p + 4, (uInt)(len + 4)));
    *at += 12 + len;
    return slice_of(p + 8, len);
}

static int predictor(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Decodes 8-bit RGB; counts the filters that were used. */
static uint8_t *decode(struct slice png, uint32_t *width, uint32_t *height, unsigned used[5])
{
    static const uint8_t rgb8[5] = { 8, 2, 0, 0, 0 };
    size_t at = 8;

    assert_memory_equal(png.data, "\x89PNG\r\n\x1a\n", 8);
    struct slice head = next_chunk(png, &at, "IHDR");
    assert_int_equal(head.len, 13);
    *width = be32_get(head.data);
    *height = be32_get(head.data + 4);
    assert_memory_equal(head.data + 8, rgb8, 5);
    size_t row = (size_t)*width * 3;
    uLongf raw_len = (uLongf)((row + 1) * *height);
    uint8_t *raw = malloc(raw_len), *out = calloc(*height, row);
    assert_true(raw != NULL && out != NULL);
    struct slice packed = next_chunk(png, &at, "IDAT");
    assert_int_equal(uncompress(raw, &raw_len, packed.data, (uLong)packed.len), Z_OK);
    assert_int_equal(raw_len, (row + 1) * *height);
    assert_int_equal(next_chunk(png, &at, "IEND").len, 0);
    assert_int_equal(at, png.len);
    for (size_t y = 0; y < *height; y++) {
        const uint8_t *in = raw + y * (row + 1);
        uint8_t *line = out + y * row;
        assert_true(in[0] < 5);
        used[in[0]]++;
        for (size_t x = 0; x < row; x++) {
            const uint8_t *here = line + x;
            int a = x >= 3 ? *(here - 3) : 0, b = y > 0 ? *(here - row) : 0,
                c = x >= 3 && y > 0 ? *(here - row - 3) : 0;
            const int guess[5] = { 0, a, b, (a + b) / 2, predictor(a, b, c) };
            line[x] = (uint8_t)(in[x + 1] + guess[in[0]]);
        }
    }
    free(raw);
    return out;
}

static void what_is_written_is_read_back(void **state)
{
    static const uint32_t sides[][2] = { { 1, 1 }, { 3, 1 }, { 1, 5 }, { 37, 41 }, { 256, 3 } };
    unsigned used[5] = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        uint32_t w = sides[i][0], h = sides[i][1], got_w, got_h;
        uint8_t *pixels = malloc((size_t)w * h * 3);
        struct buf png = BUF_EMPTY;
        assert_non_null(pixels);
        for (size_t k = 0; k < (size_t)w * h * 3; k++) /* slopes of several kinds, and some noise */
            pixels[k] = (uint8_t)(k / 3 % w * 3 + k / 3 / w * (k % 3) + (k * 2654435761u >> 29));
        assert_int_equal(png_encode(&png, pixels, w, h), 0);
        uint8_t *back = decode(buf_slice(&png), &got_w, &got_h, used);
        assert_int_equal(got_w, w);
        assert_int_equal(got_h, h);
        assert_memory_equal(back, pixels, (size_t)w * h * 3);
        free(back);
        free(pixels);
        buf_free(&png);
    }
    assert_true(used[1] + used[2] + used[3] + used[4] > 0);
}

static unsigned light(const uint8_t *pixels, uint32_t w, uint32_t x, uint32_t y)
{
    const uint8_t *p = pixels + 3 * ((size_t)y * w + x);
    return (unsigned)p[0] + p[1] + p[2];
}

static unsigned row_light(const uint8_t *pixels, uint32_t w, uint32_t y)
{
    unsigned sum = 0;

    for (uint32_t x = 0; x < w; x++)
        sum += light(pixels, w, x, y);
    return sum / w;
}

static void the_sun_is_where_it_should_be(void **state)
{
    enum { W = 160, H = 90 };
    struct buf png = BUF_EMPTY, again = BUF_EMPTY, other = BUF_EMPTY;
    unsigned used[5] = { 0 };
    uint32_t w, h;

    (void)state;
    assert_int_equal(sunset_draw(&png, W, H, 7), 0);
    assert_int_equal(sunset_draw(&again, W, H, 7), 0);
    assert_int_equal(sunset_draw(&other, W, H, 8), 0);
    assert_true(slice_eq(buf_slice(&png), buf_slice(&again)));
    assert_false(slice_eq(buf_slice(&png), buf_slice(&other)));
    uint8_t *pixels = decode(buf_slice(&png), &w, &h, used);
    assert_true(w == W && h == H);
    assert_true(light(pixels, w, 99, 42) > 600);                         /* the disc */
    assert_true(row_light(pixels, w, 1) * 2 < row_light(pixels, w, 48)); /* darker above than at the horizon */
    assert_true(light(pixels, w, 99, 60) > light(pixels, w, 10, 60));    /* its path on the water */
    assert_true(light(pixels, w, 2, 88) < 100);                          /* the hedge */
    free(pixels);
    buf_free(&png);
    buf_free(&again);
    buf_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_sun_is_where_it_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
