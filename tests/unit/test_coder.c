/* test_coder.c - each coding gives back what went in, in the same bytes each time, and after a flush as far as it got.
 */
#include "decoded.h"

#include "proto/base/err.h"
#include "proto/base/rand.h"

#define BODY 300000

static uint8_t body[BODY];

static int make_body(void **state)
{
    struct rand r = rand_of(3, 4, 5);

    (void)state;
    for (size_t i = 0; i < BODY; i++)
        body[i] = (uint8_t) "etaoin shrdlu"[rand_u64(&r) % 13];
    return 0;
}

/* One step, whose output is written |room| bytes at a time. */
static void run(struct coder *c, enum coder_step step, size_t from, size_t to, size_t room, struct buf *out)
{
    struct slice in = slice_of(body + from, to - from);
    bool done = false;

    for (unsigned calls = 0; !done; calls++) {
        size_t made;
        uint8_t *at = buf_reserve(out, room);
        assert_non_null(at);
        assert_int_equal(coder_run(c, step, &in, at, room, &made, &done), 0);
        assert_true(made <= room);
        assert_true(calls < BODY); /* each call moves something on */
        out->len += made;
    }
    assert_int_equal(in.len, 0);
}

static void code(enum coding coding, size_t length, size_t room, struct buf *out)
{
    struct coder *c = coder_new(coding, length);

    assert_non_null(c);
    for (size_t at = 0; at < length; at += 65536) {
        size_t to = length - at < 65536 ? length : at + 65536;
        run(c, to == length ? CODER_END : CODER_MORE, at, to, room, out);
    }
    coder_free(c);
}

static void what_goes_in_comes_out(void **state)
{
    static const size_t lengths[] = { 1, 1000, 65536, 65537, BODY };

    (void)state;
    for (int coding = CODING_GZIP; coding <= CODING_BR; coding++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            struct buf wide = BUF_EMPTY, narrow = BUF_EMPTY, back = BUF_EMPTY;
            code((enum coding)coding, lengths[i], 65536, &wide);
            code((enum coding)coding, lengths[i], CODER_ROOM_MIN, &narrow);
            assert_true(slice_eq(buf_slice(&wide), buf_slice(&narrow)));
            assert_true(lengths[i] < 1000 || wide.len < lengths[i] * 3 / 4);
            assert_true(decoded((enum coding)coding, buf_slice(&wide), lengths[i] + 1, &back));
            assert_true(slice_eq(buf_slice(&back), slice_of(body, lengths[i])));
            buf_clear(&back);
            assert_false(
                decoded((enum coding)coding, slice_head(buf_slice(&wide), wide.len - 1), lengths[i] + 1, &back));
            buf_free(&wide);
            buf_free(&narrow);
            buf_free(&back);
        }
    }
}

static void a_flush_lets_read_all_there_is(void **state)
{
    (void)state;
    for (int coding = CODING_GZIP; coding <= CODING_BR; coding++) {
        struct coder *c = coder_new((enum coding)coding, BODY);
        struct buf out = BUF_EMPTY, back = BUF_EMPTY;
        assert_non_null(c);
        run(c, CODER_MORE, 0, 40000, 4096, &out);
        run(c, CODER_FLUSH, 40000, 65536, 4096, &out);
        assert_false(decoded((enum coding)coding, buf_slice(&out), BODY, &back));
        assert_true(slice_eq(buf_slice(&back), slice_of(body, 65536)));
        coder_free(c); /* in mid-stream */
        buf_free(&out);
        buf_free(&back);
    }
}

static void each_has_its_name(void **state)
{
    (void)state;
    assert_true(slice_eq(coding_name(CODING_GZIP), SLICE_LIT("gzip")));
    assert_true(slice_eq(coding_name(CODING_BR), SLICE_LIT("br")));
    assert_true(slice_eq(coding_name(CODING_ZSTD), SLICE_LIT("zstd")));
    assert_true(slice_eq(coding_name(CODING_IDENTITY), SLICE_LIT("identity")));
    coder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(a_flush_lets_read_all_there_is),
        cmocka_unit_test(each_has_its_name),
    };

    return cmocka_run_group_tests(tests, make_body, NULL);
}
