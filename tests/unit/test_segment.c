/* test_segment.c - records and lists say what was put into them, or are none: whatever bit is turned, wherever they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/store/segment.h"

#define SEED 4711

static const struct record sample = { .kind = RECORD_ENTRY, .length = 100, .key = 0x1122334455667788, .body = 9, .variant = 3 };

static struct buf make(const struct record *r)
{
    struct buf b = BUF_EMPTY;
    uint8_t payload[300];

    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 7);
    struct slice pieces[] = { slice_of(payload, r->length / 2), slice_of(payload + r->length / 2, r->length - r->length / 2) };
    record_add(&b, SEED, 5, r, pieces, 2);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, record_bytes(r->length));
    return b;
}

static void a_record_says_what_was_put_into_it(void **state)
{
    struct slice payload;
    struct record r;

    (void)state;
    for (uint32_t n = 0; n <= 200; n++) {
        struct record want = sample;
        want.length = n;
        struct buf b = make(&want);
        assert_true(record_head(&r, SEED, 5, b.data));
        assert_false(record_head(&r, SEED, 6, b.data)); /* of another segment */
        assert_false(record_head(&r, SEED + 1, 5, b.data)); /* of another store */
        assert_true(record_sound(&r, SEED, buf_slice(&b), &payload));
        assert_int_equal(r.kind, want.kind);
        assert_int_equal(r.length, n);
        assert_true(r.key == want.key && r.body == want.body && r.variant == want.variant);
        assert_int_equal(payload.len, n);
        for (uint32_t i = 0; i < n; i++)
            assert_int_equal(payload.data[i], (uint8_t)(i * 7));
        struct buf copy = BUF_EMPTY;
        record_copy(&copy, SEED, 8, buf_slice(&b));
        assert_true(record_head(&r, SEED, 8, copy.data));
        assert_true(record_sound(&r, SEED, buf_slice(&copy), &payload));
        buf_free(&copy);
        buf_free(&b);
    }
}

static void rob_F2_no_bit_can_be_turned(void **state)
{
    struct buf b = make(&sample);
    struct slice payload;
    struct record r;

    (void)state;
    for (size_t bit = 0; bit < (STORE_UNIT + sample.length) * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(record_sound(&r, SEED, buf_slice(&b), &payload));
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(record_sound(&r, SEED, buf_slice(&b), &payload));
    buf_free(&b);
}

static void what_is_cut_is_none(void **state)
{
    struct buf b = make(&sample);
    struct slice payload;
    struct record r;

    (void)state;
    for (size_t n = 0; n < b.len; n++) {
        assert_false(record_sound(&r, SEED, slice_of(b.data, n), &payload));
        uint8_t torn[256] = { 0 }; /* the rest was never written */
        memcpy(torn, b.data, n);
        assert_int_equal(record_sound(&r, SEED, slice_of(torn, b.len), &payload), n >= STORE_UNIT + sample.length);
    }
    buf_free(&b);
}

static void a_header_is_of_its_segment(void **state)
{
    struct buf b = BUF_EMPTY;

    (void)state;
    segment_add_head(&b, SEED, 5, STORE_SEGMENT_MIN);
    assert_int_equal(b.len, STORE_UNIT);
    assert_true(segment_head(SEED, 5, STORE_SEGMENT_MIN, b.data));
    assert_false(segment_head(SEED, 6, STORE_SEGMENT_MIN, b.data));
    assert_false(segment_head(SEED + 1, 5, STORE_SEGMENT_MIN, b.data));
    assert_false(segment_head(SEED, 5, STORE_SEGMENT_MIN * 2, b.data));
    for (size_t bit = 0; bit < STORE_UNIT * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(segment_head(SEED, 5, STORE_SEGMENT_MIN, b.data));
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_free(&b);
}

static void a_list_is_whole_or_none(void **state)
{
    struct buf list = BUF_EMPTY, out = BUF_EMPTY;
    struct footer f;
    struct record r;
    uint32_t offset;

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        list_add(&list, &(struct record){ .kind = RECORD_DROP, .length = i, .key = i, .body = i + 1, .variant = i + 2 }, 64 * i);
    footer_add(&out, SEED, 5, buf_slice(&list), 640, true);
    assert_int_equal(out.len, 10 * STORE_LISTED_BYTES + STORE_UNIT);
    const uint8_t *end = out.data + out.len - STORE_UNIT;
    assert_true(footer_read(&f, SEED, 5, STORE_SEGMENT_MIN, end));
    assert_int_equal(f.at, STORE_SEGMENT_MIN - out.len);
    assert_int_equal(f.bytes, list.len);
    assert_int_equal(f.covered, 640);
    assert_true(f.sealed);
    assert_true(footer_list(SEED, end, slice_of(out.data, f.bytes)));
    for (uint32_t i = 0; i < 10; i++) {
        list_item(&r, &offset, buf_slice(&list), i);
        assert_true(r.kind == RECORD_DROP && r.length == i && r.key == i && r.body == i + 1 && r.variant == i + 2);
        assert_int_equal(offset, 64 * i);
    }
    assert_false(footer_read(&f, SEED, 6, STORE_SEGMENT_MIN, end));
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(footer_read(&f, SEED, 5, STORE_SEGMENT_MIN, end) &&
                     footer_list(SEED, end, slice_of(out.data, list.len)));
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_free(&list);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_says_what_was_put_into_it),
        cmocka_unit_test(rob_F2_no_bit_can_be_turned),
        cmocka_unit_test(what_is_cut_is_none),
        cmocka_unit_test(a_header_is_of_its_segment),
        cmocka_unit_test(a_list_is_whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
