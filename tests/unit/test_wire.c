/* test_wire.c - every limit of the scan, one story each, and what it lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <malloc.h>
#include <msgpack.h>

#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/wire.h"

#define SCAN(canonical, ...) \
    scan_bytes((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), canonical)

static int scan_bytes(const uint8_t *bytes, size_t len, bool canonical)
{
    size_t used = 0;
    /* An exact heap copy, so that a sanitizer sees any read behind the end. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    int err = wire_scan(slice_of(copy, len), canonical, &used);
    free(copy);
    if (err == 0)
        assert_int_equal(used, len);
    return err;
}

static void check_bytes(struct buf *b, const char *hex)
{
    char got[64] = "";

    assert_true(b->len < 24);
    for (size_t i = 0; i < b->len; i++)
        snprintf(got + 2 * i, 3, "%02x", b->data[i]);
    assert_string_equal(got, hex);
    assert_int_equal(scan_bytes(b->data, b->len, true), 0);
    buf_clear(b);
}

static void writers_make_shortest_forms(void **state)
{
    static const struct {
        uint64_t v;
        const char *hex;
    } u[] = { { 0, "00" },
              { 127, "7f" },
              { 128, "cc80" },
              { 255, "ccff" },
              { 256, "cd0100" },
              { 65535, "cdffff" },
              { 65536, "ce00010000" },
              { UINT32_MAX, "ceffffffff" },
              { UINT64_C(1) << 32, "cf0000000100000000" },
              { UINT64_MAX, "cfffffffffffffffff" } };
    static const struct {
        int64_t v;
        const char *hex;
    } i[] = { { 5, "05" },
              { INT64_MAX, "cf7fffffffffffffff" },
              { -1, "ff" },
              { -32, "e0" },
              { -33, "d0df" },
              { -128, "d080" },
              { -129, "d1ff7f" },
              { -32768, "d18000" },
              { -32769, "d2ffff7fff" },
              { INT32_MIN, "d280000000" },
              { (int64_t)INT32_MIN - 1, "d3ffffffff7fffffff" },
              { INT64_MIN, "d38000000000000000" } };
    struct buf b = BUF_EMPTY;
    (void)state;

    for (size_t n = 0; n < sizeof(u) / sizeof(u[0]); n++) {
        wire_put_u64(&b, u[n].v);
        check_bytes(&b, u[n].hex);
    }
    for (size_t n = 0; n < sizeof(i) / sizeof(i[0]); n++) {
        wire_put_i64(&b, i[n].v);
        check_bytes(&b, i[n].hex);
    }
    wire_put_bool(&b, true);
    check_bytes(&b, "c3");
    wire_put_bool(&b, false);
    check_bytes(&b, "c2");
    wire_put_bin(&b, SLICE_EMPTY);
    check_bytes(&b, "c400");
    wire_put_str(&b, SLICE_EMPTY);
    check_bytes(&b, "a0");
    wire_put_str(&b, SLICE_LIT("fra"));
    check_bytes(&b, "a3667261");
    buf_free(&b);
}

/* The header that each length gets, and that the value is canonical and survives a round trip. */
static void lengths_choose_their_headers(void **state)
{
    static const struct {
        size_t len;
        uint8_t str, bin;
        uint8_t header_str, header_bin;
    } rows[] = { { 31, 0xbf, 0xc4, 1, 2 },  { 32, 0xd9, 0xc4, 2, 2 },    { 255, 0xd9, 0xc4, 2, 2 },
                 { 256, 0xda, 0xc5, 3, 3 }, { 65535, 0xda, 0xc5, 3, 3 }, { 65536, 0xdb, 0xc6, 5, 5 } };
    uint8_t *bytes = calloc(1, 65536);
    struct buf b = BUF_EMPTY;
    struct wire w;
    struct slice got;
    (void)state;

    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wire_put_str(&b, slice_of(bytes, rows[i].len));
        assert_int_equal(b.data[0], rows[i].str);
        assert_int_equal(b.len, rows[i].len + rows[i].header_str);
        assert_int_equal(wire_open(&w, buf_slice(&b), true), 0);
        assert_int_equal(wire_as_str(w.root, &got), 0);
        assert_int_equal(got.len, rows[i].len);
        assert_int_equal(wire_as_bin(w.root, &got), MESH_E_TYPE);
        wire_close(&w);
        buf_clear(&b);
        wire_put_bin(&b, slice_of(bytes, rows[i].len));
        assert_int_equal(b.data[0], rows[i].bin);
        assert_int_equal(b.len, rows[i].len + rows[i].header_bin);
        assert_int_equal(wire_open(&w, buf_slice(&b), true), 0);
        assert_int_equal(wire_as_bin(w.root, &got), 0);
        assert_int_equal(got.len, rows[i].len);
        wire_close(&w);
        buf_clear(&b);
    }
    wire_put_array(&b, 15);
    assert_int_equal(b.data[0], 0x9f);
    buf_clear(&b);
    wire_put_array(&b, 16);
    assert_memory_equal(b.data, "\xdc\x00\x10", 3);
    buf_clear(&b);
    wire_put_array(&b, 65536);
    assert_memory_equal(b.data, "\xdd\x00\x01\x00\x00", 5);
    buf_clear(&b);
    wire_put_map(&b, 15);
    assert_int_equal(b.data[0], 0x8f);
    buf_clear(&b);
    wire_put_map(&b, 16);
    assert_memory_equal(b.data, "\xde\x00\x10", 3);
    buf_free(&b);
    free(bytes);
}

static void rob_M1_longer_forms_pass_only_when_not_canonical(void **state)
{
#define LONGER(...)                                \
    assert_int_equal(SCAN(false, __VA_ARGS__), 0); \
    assert_int_equal(SCAN(true, __VA_ARGS__), MESH_E_SYNTAX)
    (void)state;

    LONGER(0xcc, 0x7f);
    LONGER(0xcd, 0x00, 0xff);
    LONGER(0xce, 0x00, 0x00, 0xff, 0xff);
    LONGER(0xcf, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);
    LONGER(0xd0, 0x05); /* >= 0 in a signed form */
    LONGER(0xd0, 0xe0); /* -32 */
    LONGER(0xd1, 0xff, 0x80);
    LONGER(0xd1, 0x7f, 0xff);
    LONGER(0xd2, 0xff, 0xff, 0x80, 0x00);
    LONGER(0xd3, 0xff, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00);
    LONGER(0xd3, 0, 0, 0, 0, 0, 0, 0, 1);
    LONGER(0xd9, 0x01, 'a');
    LONGER(0xda, 0x00, 0x01, 'a');
    LONGER(0xdb, 0, 0, 0, 1, 'a');
    LONGER(0xc5, 0x00, 0x01, 'a');
    LONGER(0xc6, 0, 0, 0, 1, 'a');
    LONGER(0xdc, 0x00, 0x01, 0x00);
    LONGER(0xdd, 0, 0, 0, 1, 0x00);
    LONGER(0xde, 0x00, 0x01, 0x00, 0x00);
    LONGER(0xdf, 0, 0, 0, 1, 0x00, 0x00);
    LONGER(0x81, 0xd0, 0x05, 0x00); /* a key too */
}

static void rob_M1_nil_floats_and_extensions_are_refused(void **state)
{
    static const uint8_t refused[] = { 0xc0, 0xc1, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8 };
    uint8_t bytes[32] = { 0 };
    size_t used, seen = 0;
    (void)state;

    for (unsigned tag = 0xc0; tag <= 0xff; tag++) {
        bytes[0] = (uint8_t)tag;
        int err = wire_scan(SLICE_OF(bytes), false, &used);
        bool is_refused = memchr(refused, (int)tag, sizeof(refused)) != NULL;
        assert_int_equal(err, is_refused ? MESH_E_SYNTAX : 0);
        seen += is_refused;
    }
    assert_int_equal(seen, sizeof(refused));
}

static void rob_M1_map_keys_are_unsigned_ascending_and_unique(void **state)
{
    (void)state;
    for (int canonical = 0; canonical < 2; canonical++) {
        assert_int_equal(SCAN(canonical, 0x82, 0, 9, 1, 9), 0);
        assert_int_equal(SCAN(canonical, 0x82, 1, 9, 1, 9), MESH_E_SYNTAX);
        assert_int_equal(SCAN(canonical, 0x82, 2, 9, 1, 9), MESH_E_SYNTAX);
        assert_int_equal(SCAN(canonical, 0x81, 0xff, 9), MESH_E_SYNTAX);       /* negative */
        assert_int_equal(SCAN(canonical, 0x81, 0xd0, 0x80, 9), MESH_E_SYNTAX); /* negative */
        assert_int_equal(SCAN(canonical, 0x81, 0xa1, 'a', 9), MESH_E_SYNTAX);  /* a string */
        assert_int_equal(SCAN(canonical, 0x81, 0x90, 9), MESH_E_SYNTAX);       /* an array */
        assert_int_equal(SCAN(canonical, 0x81, 0xc3, 9), MESH_E_SYNTAX);       /* a boolean */
        /* A map inside has an order of its own, and the outer one goes on behind it. */
        assert_int_equal(SCAN(canonical, 0x82, 3, 0x81, 1, 9, 4, 9), 0);
        assert_int_equal(SCAN(canonical, 0x82, 3, 0x81, 9, 9, 2, 9), MESH_E_SYNTAX);
    }
    /* The same key in two forms is still the same key. */
    assert_int_equal(SCAN(false, 0x82, 1, 9, 0xcc, 1, 9), MESH_E_SYNTAX);
    assert_int_equal(SCAN(false, 0x82, 1, 9, 0xcc, 2, 9), 0);
}

static void rob_M1_depth_is_bounded(void **state)
{
    uint8_t bytes[WIRE_DEPTH_MAX + 2];
    (void)state;

    memset(bytes, 0x91, sizeof(bytes));
    bytes[WIRE_DEPTH_MAX] = 0x00;
    assert_int_equal(scan_bytes(bytes, WIRE_DEPTH_MAX + 1, true), 0);
    bytes[WIRE_DEPTH_MAX] = 0x91;
    bytes[WIRE_DEPTH_MAX + 1] = 0x00;
    assert_int_equal(scan_bytes(bytes, WIRE_DEPTH_MAX + 2, true), MESH_E_RANGE);
    bytes[WIRE_DEPTH_MAX] = 0x90; /* an empty one too */
    assert_int_equal(scan_bytes(bytes, WIRE_DEPTH_MAX + 1, true), MESH_E_RANGE);
    /* Depth is what is open, not what was seen. */
    assert_int_equal(SCAN(true, 0x9a, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90), 0);
}

static void rob_M1_one_budget_counts_all_elements(void **state)
{
    struct buf b = BUF_EMPTY;
    size_t used;
    (void)state;

    /* 8 + 8 * 1023 = 8192 */
    wire_put_array(&b, 8);
    for (int i = 0; i < 8; i++) {
        wire_put_array(&b, 1023);
        for (int n = 0; n < 1023; n++)
            wire_put_u64(&b, 1);
    }
    assert_int_equal(wire_scan(buf_slice(&b), true, &used), 0);
    b.data[b.len - 1] = 0x91; /* one more element */
    buf_add_u8(&b, 1);
    assert_int_equal(wire_scan(buf_slice(&b), true, &used), MESH_E_RANGE);
    buf_clear(&b);
    wire_put_map(&b, WIRE_ELEMENTS_MAX / 2 + 1); /* pairs count twice */
    for (uint32_t i = 0; i <= WIRE_ELEMENTS_MAX / 2; i++) {
        wire_put_u64(&b, i);
        wire_put_u64(&b, i);
    }
    assert_int_equal(wire_scan(buf_slice(&b), true, &used), MESH_E_RANGE);
    buf_free(&b);
}

/* rob_M1: a header of five bytes makes the library map gigabytes. */
static void rob_M1_declared_counts_never_exceed_the_bytes(void **state)
{
    (void)state;
    assert_int_equal(SCAN(false, 0xdd, 0xff, 0xff, 0xff, 0xff), MESH_E_RANGE);
    assert_int_equal(SCAN(false, 0xdf, 0xff, 0xff, 0xff, 0xff), MESH_E_RANGE);
    assert_int_equal(SCAN(true, 0xdc, 0x20, 0x00), MESH_E_SHORT); /* within the budget, yet not there */
    assert_int_equal(SCAN(true, 0x93, 1, 2), MESH_E_SHORT);
    assert_int_equal(SCAN(true, 0x82, 1, 2, 3), MESH_E_SHORT);
    assert_int_equal(SCAN(false, 0xdb, 0xff, 0xff, 0xff, 0xff, 'a'), MESH_E_SHORT);
    assert_int_equal(SCAN(false, 0xc6, 0xff, 0xff, 0xff, 0xff, 'a'), MESH_E_SHORT);
    assert_int_equal(SCAN(true, 0xc4, 2, 'a'), MESH_E_SHORT);
    assert_int_equal(SCAN(true, 0xa2, 'a'), MESH_E_SHORT);
}

/* What the heap holds now. A sanitizer's heap does not tell. */
static size_t held(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return 0;
#else
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
#endif
}

/* Whatever is refused has cost nothing, and what is not costs no more than the elements it has. */
static void rob_M1_bombs_cost_no_memory(void **state)
{
    static const uint8_t heads[][6] = {
        { 5, 0xdd, 0xff, 0xff, 0xff, 0xff }, { 5, 0xdf, 0xff, 0xff, 0xff, 0xff }, { 5, 0xdb, 0xff, 0xff, 0xff, 0xff },
        { 5, 0xc6, 0xff, 0xff, 0xff, 0xff }, { 5, 0xc9, 0xff, 0xff, 0xff, 0xff }, { 3, 0xdc, 0xff, 0xff },
        { 3, 0xde, 0xff, 0xff },             { 3, 0xda, 0xff, 0xff },             { 3, 0xc5, 0xff, 0xff },
        { 3, 0xc8, 0xff, 0xff },             { 1, 0x91 },                         { 2, 0x81, 0x01 },
        { 2, 0xd4, 0x01 },                   { 1, 0xc0 },                         { 5, 0xdd, 0x00, 0x00, 0x20, 0x01 },
    };
    static uint8_t bytes[66560];

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        for (size_t repeat = 1; repeat <= 4096; repeat *= 16) { /* alone, and inside each other */
            struct wire w = { 0 };
            size_t at = 0;
            for (size_t n = 0; n < repeat && at + heads[i][0] < sizeof(bytes); n++, at += heads[i][0])
                memcpy(bytes + at, heads[i] + 1, heads[i][0]);
            memset(bytes + at, 0xc2, sizeof(bytes) - at);
            for (int full = 0; full < 2; full++) {
                size_t before = held();
                assert_true(wire_open(&w, slice_of(bytes, full ? sizeof(bytes) : at), true) != 0);
                assert_true(held() <= before + 65536);
                assert_null(w.zone);
            }
        }
    }
}

/* A message of every type: 0 u64, 1 i64, 2 bool, 3 bin, 4 str, 5 array, 6 map. */
static void sample(struct buf *b)
{
    wire_put_map(b, 7);
    wire_put_u64(b, 0);
    wire_put_u64(b, UINT64_MAX);
    wire_put_u64(b, 1);
    wire_put_i64(b, -70000);
    wire_put_u64(b, 2);
    wire_put_bool(b, true);
    wire_put_u64(b, 3);
    wire_put_bin(b, SLICE_LIT("\0bin"));
    wire_put_u64(b, 4);
    wire_put_str(b, SLICE_LIT("string"));
    wire_put_u64(b, 5);
    wire_put_array(b, 3);
    wire_put_u64(b, 300);
    wire_put_array(b, 0);
    wire_put_str(b, SLICE_LIT("x"));
    wire_put_u64(b, 60000);
    wire_put_map(b, 1);
    wire_put_u64(b, 9);
    wire_put_u64(b, 10);
}

static void fields_come_back_by_key_and_type(void **state)
{
    struct buf b = BUF_EMPTY;
    struct wire w;
    const wire_value *array;
    struct slice s;
    uint64_t u = 1;
    int64_t i = 1;
    bool flag = false;
    uint8_t fixed[4];
    size_t n;
    (void)state;

    sample(&b);
    assert_int_equal(wire_open(&w, buf_slice(&b), true), 0);
    assert_int_equal(wire_u64(w.root, 0, &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(wire_i64(w.root, 0, &i), MESH_E_RANGE);
    assert_int_equal(wire_i64(w.root, 1, &i), 0);
    assert_int_equal(i, -70000);
    assert_int_equal(wire_u64(w.root, 1, &u), MESH_E_TYPE);
    assert_true(u == UINT64_MAX); /* unchanged */
    assert_int_equal(wire_bool(w.root, 2, &flag), 0);
    assert_true(flag);
    assert_int_equal(wire_bool(w.root, 0, &flag), MESH_E_TYPE);
    assert_int_equal(wire_bin(w.root, 3, &s), 0);
    assert_true(slice_eq(s, SLICE_LIT("\0bin")));
    assert_int_equal(wire_bin(w.root, 4, &s), MESH_E_TYPE);
    assert_int_equal(wire_fixed(w.root, 3, fixed, 4), 0);
    assert_memory_equal(fixed, "\0bin", 4);
    assert_int_equal(wire_fixed(w.root, 3, fixed, 3), MESH_E_RANGE);
    assert_int_equal(wire_str(w.root, 4, &s), 0);
    assert_true(slice_eq(s, SLICE_LIT("string")));
    assert_int_equal(wire_array(w.root, 5, &array, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(wire_as_u64(wire_at(array, 0), &u), 0);
    assert_int_equal(u, 300);
    assert_int_equal(wire_as_array(wire_at(array, 1)), 0);
    assert_int_equal(wire_as_array(wire_at(array, 2)), MESH_E_TYPE);
    assert_int_equal(wire_array(w.root, 60000, &array, &n), MESH_E_TYPE);
    assert_int_equal(wire_u64(w.root, 7, &u), MESH_E_MISSING);
    assert_int_equal(wire_fixed(w.root, 7, fixed, 4), MESH_E_MISSING);
    assert_int_equal(wire_i64(w.root, 7, &i), MESH_E_MISSING);
    /* A value that is no map has no fields. */
    assert_int_equal(wire_u64(wire_at(array, 0), 0, &u), MESH_E_TYPE);
    wire_close(&w);
    assert_null(w.root);
    wire_close(&w); /* twice is fine */
    buf_free(&b);
}

static void rob_M1_every_cut_is_short_and_every_tail_refused(void **state)
{
    struct buf b = BUF_EMPTY;
    struct wire w;
    size_t used;
    (void)state;

    sample(&b);
    for (size_t n = 0; n < b.len; n++) {
        assert_int_equal(scan_bytes(b.data, n, true), MESH_E_SHORT);
        assert_int_equal(wire_open(&w, slice_of(b.data, n), true), MESH_E_SHORT);
        assert_null(w.zone);
    }
    size_t len = b.len;
    buf_add_u8(&b, 0);
    assert_int_equal(wire_open(&w, buf_slice(&b), true), MESH_E_SYNTAX);
    assert_null(w.zone);
    assert_int_equal(wire_scan(buf_slice(&b), true, &used), 0); /* a scan takes one value */
    assert_int_equal(used, len);
    buf_free(&b);
}

static void a_bare_value_opens_too(void **state)
{
    struct wire w;
    uint64_t u;
    (void)state;

    assert_int_equal(wire_open(&w, SLICE_LIT("\xcc\x80"), true), 0);
    assert_int_equal(wire_as_u64(w.root, &u), 0);
    assert_int_equal(u, 128);
    wire_close(&w);
}

/* Whatever the scan accepts, canonical or not, the library must accept in full
 * (wire_open asserts that), and canonical bytes must come out again when repacked. */
static void accepted_noise_decodes_and_repacks_to_itself(void **state)
{
    struct rand r = rand_of(1, 2, 3);
    struct buf b = BUF_EMPTY;
    int accepted[2] = { 0, 0 };
    (void)state;

    for (int round = 0; round < 60000; round++) {
        struct wire w;
        bool canonical = round % 2 == 0;
        buf_clear(&b);
        if (rand_below(&r, 2) == 0) {
            sample(&b);
            for (uint64_t n = rand_below(&r, 3) + 1; n > 0; n--)
                b.data[rand_below(&r, b.len)] = (uint8_t)rand_u64(&r);
        } else {
            for (uint64_t n = rand_below(&r, 12) + 1; n > 0; n--)
                buf_add_u8(&b, (uint8_t)rand_u64(&r));
        }
        if (wire_open(&w, buf_slice(&b), canonical) != 0)
            continue;
        accepted[canonical]++;
        if (canonical) {
            msgpack_sbuffer again;
            msgpack_packer pk;
            msgpack_sbuffer_init(&again);
            msgpack_packer_init(&pk, &again, msgpack_sbuffer_write);
            assert_int_equal(msgpack_pack_object(&pk, *w.root), 0);
            assert_true(slice_eq(slice_of(again.data, again.size), buf_slice(&b)));
            msgpack_sbuffer_destroy(&again);
        }
        wire_close(&w);
    }
    assert_true(accepted[0] > 1000);
    assert_true(accepted[1] > 1000);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writers_make_shortest_forms),
        cmocka_unit_test(lengths_choose_their_headers),
        cmocka_unit_test(rob_M1_longer_forms_pass_only_when_not_canonical),
        cmocka_unit_test(rob_M1_nil_floats_and_extensions_are_refused),
        cmocka_unit_test(rob_M1_map_keys_are_unsigned_ascending_and_unique),
        cmocka_unit_test(rob_M1_depth_is_bounded),
        cmocka_unit_test(rob_M1_one_budget_counts_all_elements),
        cmocka_unit_test(rob_M1_declared_counts_never_exceed_the_bytes),
        cmocka_unit_test(rob_M1_bombs_cost_no_memory),
        cmocka_unit_test(fields_come_back_by_key_and_type),
        cmocka_unit_test(rob_M1_every_cut_is_short_and_every_tail_refused),
        cmocka_unit_test(a_bare_value_opens_too),
        cmocka_unit_test(accepted_noise_decodes_and_repacks_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
