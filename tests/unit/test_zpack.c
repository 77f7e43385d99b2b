#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/zpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <zstd.h>

#include <cmocka.h>

#define LEAF 65536u

static uint8_t *text_bytes(size_t len)
{
    uint8_t *raw = malloc(len > 0 ? len : 1);
    struct rand r = rand_of(1, 2, 3);
    static const char *const words[] = {
        "the ", "edge ", "keeps ", "what ", "its ", "neighbour ", "fetched ", "once\n"
    };

    assert_non_null(raw);
    for (size_t at = 0; at < len;) {
        const char *word = words[rand_below(&r, 8)];
        for (size_t i = 0; word[i] != 0 && at < len; i++)
            raw[at++] = (uint8_t)word[i];
    }
    return raw;
}

static uint8_t *noise_bytes(size_t len)
{
    uint8_t *raw = malloc(len > 0 ? len : 1);
    struct rand r = rand_of(4, 5, 6);

    assert_non_null(raw);
    for (size_t i = 0; i < len; i++)
        raw[i] = (uint8_t)rand_u64(&r);
    return raw;
}

/* Decodes into memory of exactly |raw_len| bytes, so that a sanitizer sees one too many. */
static int inflate_exact(struct zpack *z, struct slice packed, size_t raw_len, const uint8_t *want)
{
    uint8_t *raw = malloc(raw_len > 0 ? raw_len : 1);
    uint8_t *copy = malloc(packed.len > 0 ? packed.len : 1);

    assert_non_null(raw);
    assert_non_null(copy);
    if (packed.len > 0)
        memcpy(copy, packed.data, packed.len);
    int err = zpack_inflate(z, slice_of(copy, packed.len), raw, raw_len);
    if (err == 0 && want != NULL && raw_len > 0)
        assert_memory_equal(raw, want, raw_len);
    free(copy);
    free(raw);
    return err;
}

static void what_is_packed_comes_back(void **state)
{
    struct zpack *z = zpack_new();
    static const size_t lens[] = { ZPACK_MIN, 1000, 4096, LEAF - 1, LEAF, 2 * LEAF, 4 * LEAF };

    (void)state;
    assert_non_null(z);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        uint8_t *raw = text_bytes(lens[i]);
        struct buf out = BUF_EMPTY;
        buf_add_str(&out, "before");
        assert_int_equal(zpack_deflate(z, slice_of(raw, lens[i]), &out), 0);
        assert_memory_equal(out.data, "before", 6);
        assert_true(out.len - 6 <= lens[i] - lens[i] / 16);
        assert_int_equal(inflate_exact(z, slice_from(buf_slice(&out), 6), lens[i], raw), 0);
        buf_free(&out);
        free(raw);
    }
    zpack_free(z);
}

static void text_packs_well_and_noise_goes_raw(void **state)
{
    struct zpack *z = zpack_new();
    uint8_t *text = text_bytes(LEAF), *noise = noise_bytes(LEAF);
    struct buf out = BUF_EMPTY;

    (void)state;
    assert_non_null(z);
    assert_int_equal(zpack_deflate(z, slice_of(text, ZPACK_MIN - 1), &out), MESH_E_NO_GAIN);
    assert_int_equal(zpack_deflate(z, SLICE_EMPTY, &out), MESH_E_NO_GAIN);
    assert_int_equal(zpack_deflate(z, slice_of(noise, LEAF), &out), MESH_E_NO_GAIN);
    assert_int_equal(out.len, 0);
    assert_true(buf_ok(&out));
    /* The context is as good as new after giving up. */
    assert_int_equal(zpack_deflate(z, slice_of(text, LEAF), &out), 0);
    assert_true(out.len < LEAF / 3);
    assert_int_equal(inflate_exact(z, buf_slice(&out), LEAF, text), 0);
    /* One in 16 must be saved: 15/16 noise does not pay, 13/16 does. */
    memset(noise + LEAF / 16 * 15, 0, LEAF / 16);
    buf_clear(&out);
    assert_int_equal(zpack_deflate(z, slice_of(noise, LEAF), &out), MESH_E_NO_GAIN);
    memset(noise + LEAF / 16 * 13, 0, LEAF / 16 * 3);
    assert_int_equal(zpack_deflate(z, slice_of(noise, LEAF), &out), 0);
    buf_free(&out);
    free(text);
    free(noise);
    zpack_free(z);
}

static void another_length_than_promised_is_refused(void **state)
{
    struct zpack *z = zpack_new();
    uint8_t *raw = text_bytes(5000);
    struct buf out = BUF_EMPTY;

    (void)state;
    assert_int_equal(zpack_deflate(z, slice_of(raw, 5000), &out), 0);
    assert_int_equal(inflate_exact(z, buf_slice(&out), 4999, NULL), MESH_E_RANGE);
    assert_int_equal(inflate_exact(z, buf_slice(&out), 5001, NULL), MESH_E_RANGE);
    assert_int_equal(inflate_exact(z, buf_slice(&out), 0, NULL), MESH_E_RANGE);
    assert_int_equal(inflate_exact(z, buf_slice(&out), 5000, raw), 0);
    buf_free(&out);
    free(raw);
    zpack_free(z);
}

static void cut_or_followed_frames_are_refused(void **state)
{
    struct zpack *z = zpack_new();
    uint8_t *raw = text_bytes(3000);
    struct buf out = BUF_EMPTY;

    (void)state;
    assert_int_equal(zpack_deflate(z, slice_of(raw, 3000), &out), 0);
    for (size_t n = 0; n < out.len; n++)
        assert_int_equal(inflate_exact(z, slice_head(buf_slice(&out), n), 3000, NULL), MESH_E_SYNTAX);
    size_t whole = out.len;
    buf_add_u8(&out, 0);
    assert_int_equal(inflate_exact(z, buf_slice(&out), 3000, NULL), MESH_E_SYNTAX);
    out.len = whole;
    /* A second frame, and an empty skippable one. */
    buf_add_str(&out, "\x50\x2a\x4d\x18");
    buf_add_u32(&out, 0);
    assert_int_equal(inflate_exact(z, buf_slice(&out), 3000, NULL), MESH_E_SYNTAX);
    out.len = whole;
    struct buf twice = BUF_EMPTY;
    buf_add_slice(&twice, buf_slice(&out));
    buf_add_slice(&twice, buf_slice(&out));
    assert_int_equal(inflate_exact(z, buf_slice(&twice), 3000, NULL), MESH_E_SYNTAX);
    assert_int_equal(inflate_exact(z, buf_slice(&twice), 6000, NULL), MESH_E_RANGE);
    assert_int_equal(inflate_exact(z, buf_slice(&out), 3000, raw), 0);
    buf_free(&twice);
    buf_free(&out);
    free(raw);
    zpack_free(z);
}

/* Damage is either seen or changes no length: the leaf's hash is what proves the bytes. */
static void no_flipped_bit_crashes_or_overruns(void **state)
{
    struct zpack *z = zpack_new();
    uint8_t *raw = text_bytes(2000);
    struct buf out = BUF_EMPTY;

    (void)state;
    assert_int_equal(zpack_deflate(z, slice_of(raw, 2000), &out), 0);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        int err = inflate_exact(z, buf_slice(&out), 2000, NULL);
        assert_true(err == 0 || err == MESH_E_SYNTAX || err == MESH_E_RANGE);
        if (bit < 32)
            assert_int_equal(err, MESH_E_SYNTAX);
        out.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(inflate_exact(z, buf_slice(&out), 2000, raw), 0);
    buf_free(&out);
    free(raw);
    zpack_free(z);
}

/* Frames by hand, RFC 8878 section 3.1.1: magic, descriptor and what |head| adds. */
static void frame_begin(struct buf *b, const uint8_t *head, size_t len)
{
    buf_clear(b);
    buf_add(b, "\x28\xb5\x2f\xfd", 4);
    buf_add(b, head, len);
}

/* A run-length block: |n| times |byte|. */
static void frame_run(struct buf *b, uint8_t byte, uint32_t n, bool last)
{
    uint32_t head = (last ? 1u : 0u) | 1u << 1 | n << 3;

    buf_add_u8(b, (uint8_t)head);
    buf_add_u8(b, (uint8_t)(head >> 8));
    buf_add_u8(b, (uint8_t)(head >> 16));
    buf_add_u8(b, byte);
}

/* 1 GiB of zeros in 32 KiB: it must stop at the promised length, whatever the header says. */
static void rob_Z1_a_bomb_stops_at_the_promised_length(void **state)
{
    struct zpack *z = zpack_new();
    struct buf b = BUF_EMPTY;
    static const uint8_t no_size[] = { 0x00, 7 << 3 };                             /* window 128 KiB */
    static const uint8_t claims[] = { 0xc0, 7 << 3, 0, 0, 0, 0x40, 0, 0, 0, 0 };   /* 1 GiB */
    static const uint8_t claims_leaf[] = { 0xc0, 7 << 3, 0, 0, 1, 0, 0, 0, 0, 0 }; /* 64 KiB */
    static const uint8_t single[] = { 0xe0, 0, 0, 0, 0x40, 0, 0, 0, 0 };           /* 1 GiB, one segment */
    static const struct {
        const uint8_t *head;
        size_t len;
        int err;
    } rows[] = {
        { no_size, sizeof(no_size), MESH_E_RANGE },
        { claims, sizeof(claims), MESH_E_RANGE },
        { claims_leaf, sizeof(claims_leaf), MESH_E_SYNTAX },
        { single, sizeof(single), MESH_E_RANGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        frame_begin(&b, rows[i].head, rows[i].len);
        for (unsigned n = 0; n < 8192; n++)
            frame_run(&b, 0, 128 * 1024, n == 8191);
        assert_true(b.len < 33 * 1024);
        int err = inflate_exact(z, buf_slice(&b), LEAF, NULL);
        assert_true(err == rows[i].err || (rows[i].err == MESH_E_SYNTAX && err == MESH_E_RANGE));
    }
    buf_free(&b);
    zpack_free(z);
}

/* A frame without a stated size is fine if it makes exactly what was promised. */
static void the_end_is_found_in_a_frame_without_a_size(void **state)
{
    struct zpack *z = zpack_new();
    struct buf b = BUF_EMPTY;
    static const uint8_t head[] = { 0x00, 7 << 3 };
    uint8_t want[1000];

    (void)state;
    memset(want, 'x', sizeof(want));
    frame_begin(&b, head, sizeof(head));
    frame_run(&b, 'x', 400, false);
    frame_run(&b, 'x', 600, false);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 1000, NULL), MESH_E_SYNTAX); /* all bytes, no end */
    frame_run(&b, 'x', 0, true);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 1000, want), 0);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 999, NULL), MESH_E_RANGE);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 1001, NULL), MESH_E_RANGE);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 0, NULL), MESH_E_RANGE);
    frame_begin(&b, head, sizeof(head));
    frame_run(&b, 0, 0, true);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 0, NULL), 0);
    buf_free(&b);
    zpack_free(z);
}

static void the_header_is_judged(void **state)
{
    struct zpack *z = zpack_new();
    struct buf b = BUF_EMPTY;
    static const struct {
        uint8_t head[10];
        size_t len;
        int err; /* for 300 bytes of 'x' */
    } rows[] = {
        { { 0x00, 0 }, 2, 0 },                      /* 1 KiB window */
        { { 0x00, 7 << 3 }, 2, 0 },                 /* 128 KiB */
        { { 0x00, 7 << 3 | 1 }, 2, MESH_E_SYNTAX }, /* 144 KiB */
        { { 0x00, 6 << 3 | 7 }, 2, 0 },             /* 120 KiB */
        { { 0x00, 0xff }, 2, MESH_E_SYNTAX },       /* the largest there is */
        { { 0x40, 0, 44, 0 }, 4, 0 },               /* size 300 in two bytes: less 256 */
        { { 0x40, 0, 45, 0 }, 4, MESH_E_RANGE },    /* 301 */
        { { 0x60, 44, 0 }, 3, 0 },                  /* one segment */
        { { 0x20, 44 }, 2, MESH_E_RANGE },          /* one byte holds 44 */
        { { 0x80, 0, 44, 1, 0, 0 }, 6, 0 },         /* four bytes */
        { { 0xe0, 44, 1, 0, 0, 0, 0, 0, 0 }, 9, 0 },
        { { 0xe0, 44, 1, 0, 0, 0, 0, 0, 1 }, 9, MESH_E_RANGE },
        { { 0x01, 0, 1 }, 3, MESH_E_SYNTAX }, /* a dictionary */
        { { 0x08, 0 }, 2, MESH_E_SYNTAX },    /* the reserved bit */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        frame_begin(&b, rows[i].head, rows[i].len);
        frame_run(&b, 'x', 300, true);
        assert_int_equal(inflate_exact(z, buf_slice(&b), 300, NULL), rows[i].err);
    }
    buf_clear(&b); /* a skippable frame makes nothing, and is none of ours */
    buf_add(&b, "\x50\x2a\x4d\x18\0\0\0\0", 8);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 0, NULL), MESH_E_SYNTAX);
    buf_clear(&b); /* a frame of zstd 0.7 */
    buf_add(&b, "\x27\xb5\x2f\xfd\0\0\0\0", 8);
    assert_int_equal(inflate_exact(z, buf_slice(&b), 0, NULL), MESH_E_SYNTAX);
    buf_free(&b);
    zpack_free(z);
}

/* What does not pack, in a frame all the same: the library opens it as we do. */
static void a_raw_leaf_with_a_head_is_a_frame(void **state)
{
    struct zpack *z = zpack_new();
    static const size_t lens[] = { 1, 255, 256, 65535, LEAF, ZPACK_RAW_MAX };
    uint8_t *noise = noise_bytes(ZPACK_RAW_MAX), *back = malloc(ZPACK_RAW_MAX);

    (void)state;
    assert_non_null(back);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct buf b = BUF_EMPTY;
        zpack_raw_head(buf_reserve(&b, ZPACK_RAW_HEAD), lens[i]);
        b.len = ZPACK_RAW_HEAD;
        buf_add(&b, noise, lens[i]);
        assert_int_equal(inflate_exact(z, buf_slice(&b), lens[i], noise), 0);
        assert_int_equal(ZSTD_getFrameContentSize(b.data, b.len), lens[i]);
        assert_int_equal(ZSTD_decompress(back, ZPACK_RAW_MAX, b.data, b.len), lens[i]);
        assert_memory_equal(back, noise, lens[i]);
        assert_int_equal(inflate_exact(z, slice_head(buf_slice(&b), b.len - 1), lens[i], NULL), MESH_E_SYNTAX);
        buf_free(&b);
    }
    free(back);
    free(noise);
    zpack_free(z);
}

/* Frames of another maker: the library at other levels, with a checksum. */
static void other_makers_frames_open(void **state)
{
    struct zpack *z = zpack_new();
    ZSTD_CCtx *c = ZSTD_createCCtx();
    uint8_t *raw = text_bytes(LEAF), packed[LEAF];

    (void)state;
    for (int level = -1; level <= 6; level++) {
        ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
        size_t n = ZSTD_compress2(c, packed, sizeof(packed), raw, LEAF);
        assert_false(ZSTD_isError(n));
        assert_int_equal(inflate_exact(z, slice_of(packed, n), LEAF, raw), 0);
        packed[n - 1] ^= 1; /* its checksum counts */
        assert_int_equal(inflate_exact(z, slice_of(packed, n), LEAF, NULL), MESH_E_SYNTAX);
    }
    ZSTD_freeCCtx(c);
    free(raw);
    zpack_free(z);
    zpack_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(text_packs_well_and_noise_goes_raw),
        cmocka_unit_test(another_length_than_promised_is_refused),
        cmocka_unit_test(cut_or_followed_frames_are_refused),
        cmocka_unit_test(no_flipped_bit_crashes_or_overruns),
        cmocka_unit_test(rob_Z1_a_bomb_stops_at_the_promised_length),
        cmocka_unit_test(the_end_is_found_in_a_frame_without_a_size),
        cmocka_unit_test(the_header_is_judged),
        cmocka_unit_test(a_raw_leaf_with_a_head_is_a_frame),
        cmocka_unit_test(other_makers_frames_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
