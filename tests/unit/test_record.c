#include "proto/base/err.h"
#include "proto/digest.h"
#include "proto/record.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t KEY[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

static void seal(struct record_half *half, struct buf *out, struct slice plain)
{
    size_t mark = record_begin(out);
    buf_add_slice(out, plain);
    assert_int_equal(record_finish(half, out, mark), 0);
}

static void records_open_in_the_order_they_were_sealed(void **state)
{
    struct record_half send, recv;
    struct buf out = BUF_EMPTY;
    struct slice plain;
    size_t used;

    (void)state;
    assert_int_equal(record_init(&send, RECORD_CHACHA20_POLY1305, KEY), 0);
    assert_int_equal(record_init(&recv, RECORD_CHACHA20_POLY1305, KEY), 0);
    buf_add_str(&out, "before"); /* a record may follow other bytes */
    seal(&send, &out, SLICE_LIT("one"));
    seal(&send, &out, SLICE_LIT("second"));
    assert_int_equal(out.len, 6 + (4 + 3 + 16) + (4 + 6 + 16));
    uint8_t *at = out.data + 6;
    size_t left = out.len - 6;
    assert_int_equal(record_open(&recv, at, left, &used, &plain), 0);
    assert_true(slice_eq(plain, SLICE_LIT("one")));
    assert_int_equal(used, 4 + 3 + 16);
    assert_int_equal(record_open(&recv, at + used, left - used, &used, &plain), 0);
    assert_true(slice_eq(plain, SLICE_LIT("second")));
    assert_int_equal(record_open(&recv, at, 0, &used, &plain), MESH_E_SHORT);
    buf_free(&out);
    record_wipe(&recv);
    record_wipe(&send);
}

/* The construction itself: RFC 8439 with Noise's nonce and the length as associated data. */
static void a_record_is_chacha20poly1305_with_a_little_endian_counter(void **state)
{
    struct record_half send;
    struct buf out = BUF_EMPTY;
    uint8_t want[4 + 5 + 16], nonce[12] = { 0, 0, 0, 0, 0x02, 0x01 };
    unsigned long long n;

    (void)state;
    assert_int_equal(record_init(&send, RECORD_CHACHA20_POLY1305, KEY), 0);
    send.counter = 0x0102;
    seal(&send, &out, SLICE_LIT("hello"));
    be32_put(want, 5 + 16);
    crypto_aead_chacha20poly1305_ietf_encrypt(want + 4, &n, (const uint8_t *)"hello", 5, want, 4, NULL, nonce, KEY);
    assert_int_equal(out.len, sizeof(want));
    assert_memory_equal(out.data, want, sizeof(want));
    buf_free(&out);
    record_wipe(&send);
}

/* SP 800-38D with Noise's nonce, which is big-endian for AESGCM. */
static void or_aes_256_gcm_with_a_big_endian_counter(void **state)
{
    struct record_half send;
    struct buf out = BUF_EMPTY;
    uint8_t want[4 + 5 + 16], nonce[12] = { [10] = 0x01, [11] = 0x02 };
    unsigned long long n;

    (void)state;
    if ((record_suites() & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) == 0)
        skip();
    assert_int_equal(record_init(&send, RECORD_AES_256_GCM, KEY), 0);
    send.counter = 0x0102;
    seal(&send, &out, SLICE_LIT("hello"));
    be32_put(want, 5 + 16);
    crypto_aead_aes256gcm_encrypt(want + 4, &n, (const uint8_t *)"hello", 5, want, 4, NULL, nonce, KEY);
    assert_int_equal(out.len, sizeof(want));
    assert_memory_equal(out.data, want, sizeof(want));
    buf_free(&out);
    record_wipe(&send);
}

static void a_suite_opens_only_its_own(void **state)
{
    struct record_half send, recv;
    struct buf out = BUF_EMPTY;
    struct slice plain;
    size_t used;

    (void)state;
    if ((record_suites() & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) == 0)
        skip();
    assert_int_equal(record_init(&send, RECORD_AES_256_GCM, KEY), 0);
    assert_int_equal(record_init(&recv, RECORD_CHACHA20_POLY1305, KEY), 0);
    seal(&send, &out, SLICE_LIT("hello"));
    assert_int_equal(record_open(&recv, out.data, out.len, &used, &plain), MESH_E_SEAL);
    buf_free(&out);
    record_wipe(&recv);
    record_wipe(&send);
}

static void a_cut_record_waits_and_changes_nothing(void **state)
{
    struct record_half send, recv;
    struct buf out = BUF_EMPTY;
    struct slice plain;
    size_t used;

    (void)state;
    assert_int_equal(record_init(&send, RECORD_CHACHA20_POLY1305, KEY), 0);
    assert_int_equal(record_init(&recv, RECORD_CHACHA20_POLY1305, KEY), 0);
    seal(&send, &out, SLICE_LIT("some bytes"));
    for (size_t n = 0; n < out.len; n++) {
        /* Its own memory, so that a sanitizer sees a read past the end. */
        uint8_t *part = malloc(n > 0 ? n : 1);
        assert_non_null(part);
        memcpy(part, out.data, n);
        assert_int_equal(record_open(&recv, part, n, &used, &plain), MESH_E_SHORT);
        free(part);
    }
    assert_int_equal(recv.counter, 0);
    assert_int_equal(record_open(&recv, out.data, out.len, &used, &plain), 0);
    buf_free(&out);
    record_wipe(&recv);
    record_wipe(&send);
}

static void flips(enum record_suite suite)
{
    struct record_half send, recv;
    struct buf out = BUF_EMPTY;
    struct slice plain;
    size_t used;

    assert_int_equal(record_init(&send, suite, KEY), 0);
    seal(&send, &out, SLICE_LIT("some bytes"));
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        uint8_t copy[64];
        memcpy(copy, out.data, out.len);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(record_init(&recv, suite, KEY), 0);
        /* Behind a longer claimed length there may be more bytes: give it some. */
        int err = record_open(&recv, copy, sizeof(copy), &used, &plain);
        assert_true(err == MESH_E_SEAL || err == MESH_E_RANGE || (err == MESH_E_SHORT && bit < 32));
        assert_int_equal(recv.counter, 0);
        record_wipe(&recv);
    }
    record_wipe(&send);
    buf_free(&out);
}

static void rob_M4_every_flipped_bit_breaks_the_record(void **state)
{
    (void)state;
    flips(RECORD_CHACHA20_POLY1305);
    if ((record_suites() & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) != 0)
        flips(RECORD_AES_256_GCM);
}

static void lengths_are_bounded_before_anything_is_waited_for(void **state)
{
    struct record_half half;
    struct slice plain;
    size_t used;
    uint8_t head[4];
    static const struct {
        uint32_t len;
        int err;
    } rows[] = {
        { 0, MESH_E_RANGE },
        { RECORD_TAG_BYTES, MESH_E_RANGE }, /* an empty frame */
        { RECORD_TAG_BYTES + 1, MESH_E_SHORT },
        { RECORD_PLAIN_MAX + RECORD_TAG_BYTES, MESH_E_SHORT },
        { RECORD_PLAIN_MAX + RECORD_TAG_BYTES + 1, MESH_E_RANGE },
        { UINT32_MAX, MESH_E_RANGE },
    };

    (void)state;
    assert_int_equal(record_init(&half, RECORD_CHACHA20_POLY1305, KEY), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        be32_put(head, rows[i].len);
        assert_int_equal(record_open(&half, head, sizeof(head), &used, &plain), rows[i].err);
    }
    record_wipe(&half);
}

static void an_unacceptable_plaintext_leaves_the_buffer_as_it_was(void **state)
{
    struct record_half send, recv;
    struct buf out = BUF_EMPTY;
    struct slice plain;
    size_t used;

    (void)state;
    assert_int_equal(record_init(&send, RECORD_CHACHA20_POLY1305, KEY), 0);
    assert_int_equal(record_init(&recv, RECORD_CHACHA20_POLY1305, KEY), 0);
    buf_add_str(&out, "kept");
    size_t mark = record_begin(&out);
    assert_int_equal(record_finish(&send, &out, mark), MESH_E_RANGE); /* empty */
    assert_int_equal(out.len, 4);

    uint8_t *big = calloc(1, RECORD_PLAIN_MAX + 1);
    assert_non_null(big);
    mark = record_begin(&out);
    buf_add(&out, big, RECORD_PLAIN_MAX + 1);
    assert_int_equal(record_finish(&send, &out, mark), MESH_E_RANGE);
    assert_int_equal(out.len, 4);
    assert_int_equal(send.counter, 0);

    mark = record_begin(&out); /* the longest that fits */
    buf_add(&out, big, RECORD_PLAIN_MAX);
    assert_int_equal(record_finish(&send, &out, mark), 0);
    assert_int_equal(record_open(&recv, out.data + 4, out.len - 4, &used, &plain), 0);
    assert_int_equal(plain.len, RECORD_PLAIN_MAX);

    size_t len = out.len; /* no memory: as if an append had failed */
    mark = record_begin(&out);
    buf_add_str(&out, "lost");
    out.failed = true;
    assert_int_equal(record_finish(&send, &out, mark), MESH_E_NOMEM);
    assert_int_equal(out.len, len);
    free(big);
    buf_free(&out);
    record_wipe(&recv);
    record_wipe(&send);
}

static void rob_M3_a_replayed_or_swapped_record_does_not_open(void **state)
{
    struct record_half send, recv;
    struct buf first = BUF_EMPTY, second = BUF_EMPTY;
    struct slice plain;
    size_t used;
    uint8_t again[32];

    (void)state;
    assert_int_equal(record_init(&send, RECORD_CHACHA20_POLY1305, KEY), 0);
    assert_int_equal(record_init(&recv, RECORD_CHACHA20_POLY1305, KEY), 0);
    seal(&send, &first, SLICE_LIT("one"));
    seal(&send, &second, SLICE_LIT("two"));
    memcpy(again, second.data, second.len);
    assert_int_equal(record_open(&recv, again, second.len, &used, &plain), MESH_E_SEAL); /* too early */
    memcpy(again, first.data, first.len);
    assert_int_equal(record_open(&recv, again, first.len, &used, &plain), 0);
    assert_int_equal(record_open(&recv, first.data, first.len, &used, &plain), MESH_E_SEAL); /* twice */
    assert_int_equal(record_open(&recv, second.data, second.len, &used, &plain), 0);
    buf_free(&first);
    buf_free(&second);
    record_wipe(&recv);
    record_wipe(&send);
}

/* The nonce is 64 bits: at 2^32 it does not begin anew, and what was sealed before does not open after. */
static void rob_M3_records_pass_every_edge(void **state)
{
    static const uint64_t edges[] = { UINT64_C(1) << 32, UINT64_C(1) << 48, UINT64_C(1) << 63, UINT64_MAX - 3 };
    struct slice plain;
    size_t used;

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(edges) / sizeof(edges[0]); i++) {
        enum record_suite suite = i % 2 == 0 ? RECORD_CHACHA20_POLY1305 : RECORD_AES_256_GCM;
        struct record_half send, recv;
        struct buf kept[6] = { BUF_EMPTY };
        uint8_t copy[64];
        if ((record_suites() & RECORD_SUITE_BIT(suite)) == 0)
            continue;
        assert_int_equal(record_init(&send, suite, KEY), 0);
        assert_int_equal(record_init(&recv, suite, KEY), 0);
        send.counter = recv.counter = edges[i / 2] - 3;
        for (int n = 0; n < 6; n++) {
            if (send.counter == UINT64_MAX - 1)
                break; /* the end of all numbers; nobody gets there in a thousand years */
            seal(&send, &kept[n], SLICE_LIT("record"));
            memcpy(copy, kept[n].data, kept[n].len);
            assert_int_equal(record_open(&recv, copy, kept[n].len, &used, &plain), 0);
            for (int before = 0; before <= n; before++) {
                memcpy(copy, kept[before].data, kept[before].len);
                assert_int_equal(record_open(&recv, copy, kept[before].len, &used, &plain), MESH_E_SEAL);
            }
        }
        assert_int_equal(recv.counter, send.counter);
        record_wipe(&send);
        record_wipe(&recv);
        for (int n = 0; n < 6; n++)
            buf_free(&kept[n]);
    }
}

/* Past the threshold both sides go on under a key that the old one does not open. |want|: the first
 * replacement. */
static void rekeys(enum record_suite suite, const uint8_t want[32])
{
    static const uint8_t zeros[32];
    struct record_half send, recv, stale;
    struct buf out = BUF_EMPTY;
    struct slice plain;
    size_t used;

    assert_int_equal(record_init(&send, suite, KEY), 0);
    assert_int_equal(record_init(&recv, suite, KEY), 0);
    for (uint64_t i = 0; i < 2 * RECORD_REKEY + 2; i++) {
        buf_clear(&out);
        seal(&send, &out, slice_of(&i, sizeof(i)));
        assert_int_equal(record_open(&recv, out.data, out.len, &used, &plain), 0);
        assert_memory_equal(plain.data, &i, sizeof(i));
        if (i + 1 < RECORD_REKEY)
            assert_memory_equal(send.key, KEY, 32);
        else if (i + 1 < 2 * RECORD_REKEY)
            assert_memory_equal(send.key, want, 32);
        else
            assert_memory_not_equal(send.key, want, 32);
    }
    assert_int_equal(send.counter, 2 * RECORD_REKEY + 2);

    assert_int_equal(record_init(&stale, suite, KEY), 0); /* one that missed the change */
    stale.counter = send.counter;
    buf_clear(&out);
    seal(&send, &out, SLICE_LIT("x"));
    assert_int_equal(record_open(&stale, out.data, out.len, &used, &plain), MESH_E_SEAL);
    record_wipe(&recv);
    record_wipe(&stale);
    record_wipe(&send);
    assert_memory_equal(send.key, zeros, 32);
    buf_free(&out);
}

static void the_key_is_replaced_after_so_many_records(void **state)
{
    static const uint8_t zeros[32];
    uint8_t want[32 + 16], nonce[12] = { [4] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    unsigned long long n;

    (void)state;
    crypto_aead_chacha20poly1305_ietf_encrypt(want, &n, zeros, sizeof(zeros), NULL, 0, NULL, nonce, KEY);
    rekeys(RECORD_CHACHA20_POLY1305, want);
    if ((record_suites() & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) == 0)
        skip();
    crypto_aead_aes256gcm_encrypt(want, &n, zeros, sizeof(zeros), NULL, 0, NULL, nonce, KEY);
    rekeys(RECORD_AES_256_GCM, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_open_in_the_order_they_were_sealed),
        cmocka_unit_test(a_record_is_chacha20poly1305_with_a_little_endian_counter),
        cmocka_unit_test(or_aes_256_gcm_with_a_big_endian_counter),
        cmocka_unit_test(a_suite_opens_only_its_own),
        cmocka_unit_test(a_cut_record_waits_and_changes_nothing),
        cmocka_unit_test(rob_M4_every_flipped_bit_breaks_the_record),
        cmocka_unit_test(lengths_are_bounded_before_anything_is_waited_for),
        cmocka_unit_test(an_unacceptable_plaintext_leaves_the_buffer_as_it_was),
        cmocka_unit_test(rob_M3_a_replayed_or_swapped_record_does_not_open),
        cmocka_unit_test(rob_M3_records_pass_every_edge),
        cmocka_unit_test(the_key_is_replaced_after_so_many_records),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
