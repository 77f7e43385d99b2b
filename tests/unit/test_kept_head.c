/* test_kept_head.c - a head as it lies in memory: says the same, takes less, and its wire form comes out as it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/core/kept_head.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/leaf.h"
#include "proto/wire.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct buf encoded(const struct head *h)
{
    struct buf b = BUF_EMPTY;
    assert_int_equal(head_encode(&b, h), 0);
    return b;
}

/* All of |wire| comes out again, and its fields in their order. The sizes agree. */
static void check_kept(struct slice wire)
{
    struct kept_head *k = kept_head_of(wire), *copy;
    struct buf out = BUF_EMPTY;
    struct head h, back;

    assert_non_null(k);
    assert_int_equal(head_decode(&h, wire), 0);
    copy = kept_head_copy(k);
    assert_non_null(copy);
    free(k);
    kept_head_decode(copy, &h.key, h.length, &back);
    assert_true(back.generation == h.generation && back.status == h.status && back.fetched_s == h.fetched_s &&
                back.origin == h.origin);
    assert_true(back.has_length == h.has_length && back.length == h.length && digest_eq(&back.key, &h.key));
    assert_int_equal(back.fields.n, h.fields.n);
    assert_true(back.fields.names == h.fields.names);
    for (size_t i = 0; i < h.fields.n; i++) {
        const struct field *want = &h.fields.at[i], *first = fields_find(&h.fields, want->name);
        assert_true(slice_eq(back.fields.at[i].name, want->name) && slice_eq(back.fields.at[i].value, want->value));
        struct slice found;
        assert_true(kept_head_find(copy, want->name, &found) && slice_eq(found, first->value));
        assert_true(slice_eq(kept_head_value(copy, want->name), first->value));
    }
    struct slice none = slice_str("no-such-field");
    assert_int_equal(kept_head_value(copy, none).len, 0);
    assert_false(kept_head_find(copy, none, &none));
    assert_int_equal(kept_head_wire(copy, &h.key, h.length, &out), 0);
    assert_true(slice_eq(buf_slice(&out), wire));
    buf_free(&out);
    free(copy);
}

static void what_is_kept_says_the_same(void **state)
{
    static const char *const names[] = { "Date", "date", "DATE", "ETag", "etag", "Etag", "Content-Type", "x-y", "V" };
    static char long_value[300], longer[17000];
    const struct slice values[] = { SLICE_EMPTY,    SLICE_LIT("x"),      SLICE_LIT("\"q\""), SLICE_LIT("a, b"),
                                    slice_of(long_value, 127), slice_of(long_value, 128), SLICE_OF(long_value),
                                    slice_of(longer, 16384) };
    struct rand r = rand_of(1, 2, 3);

    (void)state;
    memset(long_value, 'v', sizeof(long_value));
    memset(longer, 'w', sizeof(longer));
    for (int round = 0; round < 2000; round++) {
        struct head h = { .generation = rand_u64(&r) >> rand_below(&r, 64),
                          .status = (uint16_t)(200 + rand_below(&r, 400)),
                          .fetched_s = (int64_t)(rand_u64(&r) >> rand_below(&r, 64)) };
        size_t n = rand_below(&r, round % 10 == 0 ? FIELDS_MAX + 1 : 8), longs = 0;
        h.key.bytes[31] = (uint8_t)round;
        h.origin = rand_below(&r, 2) == 1 ? rand_u64(&r) >> rand_below(&r, 64) : 0;
        h.has_length = rand_below(&r, 2) == 1;
        h.length = h.has_length ? rand_below(&r, LEAF_BODY_MAX) >> rand_below(&r, 48) : 0;
        for (size_t i = 0; i < n; i++) {
            struct slice value = values[rand_below(&r, COUNT(values))];
            longs += value.len > 1000;
            if (longs > 1)
                value = SLICE_EMPTY;
            fields_add(&h.fields, slice_str(names[rand_below(&r, COUNT(names))]), value);
        }
        struct buf b = encoded(&h);
        check_kept(buf_slice(&b));
        buf_free(&b);
    }
}

static void times_of_all_years(void **state)
{
    static const int64_t times[] = { 0, -1, 1, 63, 64, -64, -65, 1800000000, INT64_MAX, INT64_MIN };

    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        const struct head h = { .status = 204, .fetched_s = times[i] };
        struct buf b = encoded(&h);
        check_kept(buf_slice(&b));
        buf_free(&b);
    }
}

/* A later version may say more of an object than we understand. Its signature is over all of that. */
static void what_nobody_here_knows_is_kept_too(void **state)
{
    struct buf b = BUF_EMPTY;
    const uint8_t key[DIGEST_BYTES] = { 1, 2, 3 };

    (void)state;
    wire_put_map(&b, 6);
    wire_put_u64(&b, 1);
    wire_put_bin(&b, SLICE_OF(key));
    wire_put_u64(&b, 2);
    wire_put_u64(&b, 77);
    wire_put_u64(&b, 3);
    wire_put_u64(&b, 200);
    wire_put_u64(&b, 4);
    wire_put_u64(&b, 1800000000);
    wire_put_u64(&b, 5);
    wire_put_array(&b, 2);
    wire_put_bin(&b, SLICE_LIT("ETag"));
    wire_put_bin(&b, SLICE_LIT("\"1\""));
    wire_put_u64(&b, 99);
    wire_put_str(&b, SLICE_LIT("news"));
    check_kept(buf_slice(&b));
    struct kept_head *k = kept_head_of(buf_slice(&b));
    assert_true(k->verbatim && k->generation == 77 && k->status == 200);
    free(k);
    buf_free(&b);
}

static void what_does_not_decode_is_not_kept(void **state)
{
    struct head h = { .status = 200 };

    (void)state;
    fields_add(&h.fields, SLICE_LIT("Date"), SLICE_LIT("x"));
    struct buf b = encoded(&h);
    for (size_t len = 0; len < b.len; len++)
        assert_null(kept_head_of(slice_head(buf_slice(&b), len)));
    buf_free(&b);
}

static void what_each_answer_asks_is_settled(void **state)
{
    static const struct {
        const char *type, *vary;
        bool codable, varies;
    } rows[] = {
        { "text/html", NULL, true, false },
        { "image/png", "Accept", false, false },
        { "text/html", "origin, ACCEPT-ENCODING", true, true },
        { "text/html", "*", true, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct head h = { .status = 200 };
        fields_add(&h.fields, SLICE_LIT("Content-Type"), slice_str(rows[i].type));
        if (rows[i].vary != NULL)
            fields_add(&h.fields, SLICE_LIT("Vary"), slice_str(rows[i].vary));
        struct kept_head *k = kept_head_new(&h);
        assert_non_null(k);
        assert_int_equal(k->codable, rows[i].codable);
        assert_int_equal(k->varies_by_coding, rows[i].varies);
        free(k);
    }
}

/* What most answers say takes little more than their values. */
static void common_names_take_a_byte(void **state)
{
    struct head h = { .generation = UINT64_MAX, .status = 200, .fetched_s = 1800000000, .has_length = true };
    static const char *const names[] = { "Date", "Server", "Content-Type", "Cache-Control", "ETag", "Last-Modified" };
    struct slice none = SLICE_EMPTY;

    (void)state;
    h.length = 1024;
    for (size_t i = 0; i < COUNT(names); i++)
        fields_add(&h.fields, slice_str(names[i]), SLICE_LIT("twenty bytes of value"));
    assert_true(kept_head_size(&h, &none) <= 20 + 6 * (21 + 2));
    struct buf b = encoded(&h);
    check_kept(buf_slice(&b));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_says_the_same),
        cmocka_unit_test(times_of_all_years),
        cmocka_unit_test(what_nobody_here_knows_is_kept_too),
        cmocka_unit_test(what_does_not_decode_is_not_kept),
        cmocka_unit_test(what_each_answer_asks_is_settled),
        cmocka_unit_test(common_names_take_a_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
