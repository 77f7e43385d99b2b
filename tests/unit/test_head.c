/* test_head.c - an object's head: what is signed, stored and sent besides the body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "golden.h"
#include "node/core/head.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/leaf.h"
#include "proto/wire.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct head plain_head(void)
{
    struct head h = { .generation = UINT64_C(0x0102030405060708), .status = 200, .fetched_s = 1800000000 };

    for (size_t i = 0; i < DIGEST_BYTES; i++)
        h.key.bytes[i] = (uint8_t)i;
    h.has_length = true;
    h.length = 70000;
    fields_add(&h.fields, SLICE_LIT("Content-Type"), SLICE_LIT("text/html"));
    fields_add(&h.fields, SLICE_LIT("ETag"), SLICE_LIT("\"x\""));
    return h;
}

static struct buf encoded(const struct head *h)
{
    struct buf b = BUF_EMPTY;
    assert_int_equal(head_encode(&b, h), 0);
    return b;
}

/* The bytes in a block of their own, so that a reader past the end is seen. */
static int decode_copy(struct head *h, const void *bytes, size_t len, uint8_t **copy)
{
    *copy = malloc(len > 0 ? len : 1);
    assert_non_null(*copy);
    memcpy(*copy, bytes, len);
    return head_decode(h, slice_of(*copy, len));
}

static void heads_are_the_same_everywhere(void **state)
{
    struct head h = plain_head();
    struct buf b = encoded(&h);

    (void)state;
    check_golden(buf_slice(&b), "86" /* map of six */
                                "01c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                                "02cf0102030405060708"
                                "03ccc8"
                                "04ce6b49d200"
                                "0594c40c436f6e74656e742d54797065c409746578742f68746d6cc40445546167c403227822"
                                "06ce00011170");
    buf_clear(&b);
    h.has_length = false;
    fields_clear(&h.fields);
    h.status = 599;
    h.fetched_s = -1;
    h.generation = 0;
    assert_int_equal(head_encode(&b, &h), 0);
    check_golden(buf_slice(&b), "8501c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                                "020003cd025704ff0590");
    buf_clear(&b);
    h.origin = UINT64_C(0x1122334455667788);
    assert_int_equal(head_encode(&b, &h), 0);
    check_golden(buf_slice(&b), "8601c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
                                "020003cd025704ff059007cf1122334455667788");
    buf_free(&b);
}

static bool same(const struct head *a, const struct head *b)
{
    if (!digest_eq(&a->key, &b->key) || a->generation != b->generation || a->status != b->status ||
        a->fetched_s != b->fetched_s || a->origin != b->origin || a->has_length != b->has_length || a->length != b->length ||
        a->fields.n != b->fields.n)
        return false;
    for (size_t i = 0; i < a->fields.n; i++) {
        if (!slice_eq(a->fields.at[i].name, b->fields.at[i].name) ||
            !slice_eq(a->fields.at[i].value, b->fields.at[i].value))
            return false;
    }
    return true;
}

static void what_is_written_is_read(void **state)
{
    static const char *const values[] = { "", "x", "a, b", "tab\there", "\xc3\xa9", "\"q\\\"\"" };
    struct rand r = rand_of(1, 2, 3);

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct head h = { .generation = rand_u64(&r), .status = (uint16_t)(200 + rand_below(&r, 400)) }, back;
        char names[FIELDS_MAX][12];
        size_t n = round == 0 ? FIELDS_MAX : (size_t)rand_below(&r, 8);
        for (size_t i = 0; i < DIGEST_BYTES; i++)
            h.key.bytes[i] = (uint8_t)rand_u64(&r);
        h.fetched_s = (int64_t)(rand_u64(&r) >> rand_below(&r, 64)) - 5;
        h.origin = rand_below(&r, 2) == 1 ? rand_u64(&r) : 0;
        h.has_length = rand_below(&r, 2) == 1;
        h.length = h.has_length ? rand_below(&r, LEAF_BODY_MAX) >> rand_below(&r, 48) : 0;
        for (size_t i = 0; i < n; i++) {
            snprintf(names[i], sizeof(names[i]), "x-%u", (unsigned)i);
            fields_add(&h.fields, slice_str(names[i]), slice_str(values[rand_below(&r, COUNT(values))]));
        }
        struct buf b = encoded(&h), again;
        uint8_t *copy;
        assert_int_equal(decode_copy(&back, b.data, b.len, &copy), 0);
        assert_true(same(&h, &back));
        again = encoded(&back);
        assert_true(slice_eq(buf_slice(&b), buf_slice(&again)));
        free(copy);
        buf_free(&b);
        buf_free(&again);
    }
}

static void what_each_hop_makes_anew_is_left_out(void **state)
{
    struct head h = plain_head(), back;

    (void)state;
    fields_clear(&h.fields);
    fields_add(&h.fields, SLICE_LIT("Connection"), SLICE_LIT("close, X-Hop"));
    fields_add(&h.fields, SLICE_LIT("Content-Type"), SLICE_LIT("text/html"));
    fields_add(&h.fields, SLICE_LIT("x-hop"), SLICE_LIT("1"));
    fields_add(&h.fields, SLICE_LIT("Age"), SLICE_LIT("7"));
    fields_add(&h.fields, SLICE_LIT("content-length"), SLICE_LIT("70000"));
    fields_add(&h.fields, SLICE_LIT("Cache-Status"), SLICE_LIT("x; hit"));
    fields_add(&h.fields, SLICE_LIT("Transfer-Encoding"), SLICE_LIT("chunked"));
    fields_add(&h.fields, SLICE_LIT("Keep-Alive"), SLICE_LIT("5"));
    fields_add(&h.fields, SLICE_LIT("Upgrade"), SLICE_LIT("h2c"));
    fields_add(&h.fields, SLICE_LIT("Trailer"), SLICE_LIT("x"));
    fields_add(&h.fields, SLICE_LIT("Proxy-Authenticate"), SLICE_LIT("Basic"));
    fields_add(&h.fields, SLICE_LIT("ETag"), SLICE_LIT("\"x\""));
    fields_add(&h.fields, SLICE_LIT("Cache-Control"), SLICE_LIT("max-age=5"));
    struct buf b = encoded(&h);
    assert_int_equal(head_decode(&back, buf_slice(&b)), 0);
    assert_int_equal(back.fields.n, 3);
    assert_true(slice_eq(back.fields.at[0].name, SLICE_LIT("Content-Type")));
    assert_true(slice_eq(back.fields.at[1].name, SLICE_LIT("ETag")));
    assert_true(slice_eq(back.fields.at[2].name, SLICE_LIT("Cache-Control")));
    buf_free(&b);
}

/* A head as a peer may make it up. */
struct made {
    uint64_t status;
    const char *name, *value;
    size_t fields, strings; /* how often name and value; elements in the array */
};

static int decode_made(const struct made *m)
{
    struct buf b = BUF_EMPTY;
    struct head h;

    wire_put_map(&b, 5);
    wire_put_u64(&b, 1);
    wire_put_bin(&b, SLICE_OF(plain_head().key.bytes));
    wire_put_u64(&b, 2);
    wire_put_u64(&b, 1);
    wire_put_u64(&b, 3);
    wire_put_u64(&b, m->status);
    wire_put_u64(&b, 4);
    wire_put_u64(&b, 1800000000);
    wire_put_u64(&b, 5);
    wire_put_array(&b, (uint32_t)m->strings);
    for (size_t i = 0; i < m->strings; i++)
        wire_put_bin(&b, slice_str(i % 2 == 0 ? m->name : m->value));
    int err = head_decode(&h, buf_slice(&b));
    assert_true(err != 0 || h.fields.n == m->strings / 2);
    buf_free(&b);
    return err;
}

static void what_a_peer_makes_up_is_refused(void **state)
{
    static const char *const names[] = { "",      " x",  "x ",  "x:",  "x y",   "x\r", "x\n", "x\x7f",
                                         "x\x80", "(x)", "x@y", "x\t", "\"x\"", "x/y", "[x]", "{x}",
                                         "x,y",   "x;y", "x<y", "x=y", "x?y",   "x\\y" };
    static const char *const values[] = { "a\r\nb", "\r", "\n", "a\x01", "\x1f", "a\x7f" };
    static const char *const own[] = { "Age", "CONTENT-LENGTH", "cache-status", "connection", "Transfer-Encoding",
                                       "te",  "keep-alive",     "upgrade",      "trailer",    "proxy-connection" };
    struct made m = { 200, "x-name!#$%&'*+-.^_`|~09AZ", "value \t \xff", 1, 2 };

    (void)state;
    assert_int_equal(decode_made(&m), 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct made bad = m;
        bad.name = names[i];
        assert_int_equal(decode_made(&bad), MESH_E_SYNTAX);
    }
    for (size_t i = 0; i < COUNT(values); i++) {
        struct made bad = m;
        bad.value = values[i];
        assert_int_equal(decode_made(&bad), MESH_E_SYNTAX);
    }
    for (size_t i = 0; i < COUNT(own); i++) { /* such as a second framing of the answer */
        struct made bad = m;
        bad.name = own[i];
        assert_int_equal(decode_made(&bad), MESH_E_SYNTAX);
    }
    static const uint64_t statuses[] = { 0, 1, 100, 199, 600, 65736 /* 200 in sixteen bits */, UINT64_MAX };
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct made bad = m;
        bad.status = statuses[i];
        assert_int_equal(decode_made(&bad), MESH_E_RANGE);
    }
    m.strings = 1; /* a name without a value */
    assert_int_equal(decode_made(&m), MESH_E_SYNTAX);
    m.strings = 2 * FIELDS_MAX;
    assert_int_equal(decode_made(&m), 0);
    m.strings += 2;
    assert_int_equal(decode_made(&m), MESH_E_FULL);
}

static void lengths_are_bounded(void **state)
{
    static char text[HEAD_BYTES_MAX];
    struct head h = plain_head(), back;
    struct buf b = encoded(&h);

    (void)state;
    size_t base = b.len;
    memset(text, 'v', sizeof(text));
    fields_add(&h.fields, SLICE_LIT("x"), slice_of(text, HEAD_BYTES_MAX - base - 6));
    buf_free(&b);
    b = encoded(&h); /* "x" and its header are 3 bytes, those of the value 3 */
    assert_int_equal(b.len, HEAD_BYTES_MAX);
    assert_int_equal(head_decode(&back, buf_slice(&b)), 0);
    h.fields.at[2].value.len++;
    assert_int_equal(head_encode(&b, &h), MESH_E_RANGE);
    assert_int_equal(b.len, HEAD_BYTES_MAX); /* as before */
    buf_add_u8(&b, 0);
    assert_int_equal(head_decode(&back, buf_slice(&b)), MESH_E_RANGE);
    buf_free(&b);

    h = plain_head();
    h.length = LEAF_BODY_MAX;
    b = encoded(&h);
    assert_int_equal(head_decode(&back, buf_slice(&b)), 0);
    assert_true(back.length == LEAF_BODY_MAX);
    buf_clear(&b);
    h.length++;
    assert_int_equal(head_encode(&b, &h), 0);
    assert_int_equal(head_decode(&back, buf_slice(&b)), MESH_E_RANGE);
    buf_free(&b);
}

static void a_field_of_the_wrong_type_is_no_missing_field(void **state)
{
    struct head h = plain_head(), back;
    struct buf b = encoded(&h);

    (void)state;
    b.len -= 6; /* the length: key and five bytes */
    buf_add(&b, "\x06\xc4\x00", 3);
    assert_int_equal(head_decode(&back, buf_slice(&b)), MESH_E_TYPE);
    b.len -= 3;
    buf_add(&b, "\x07\xc4\x00", 3);
    assert_int_equal(head_decode(&back, buf_slice(&b)), MESH_E_TYPE);
    b.len -= 3;
    buf_add(&b, "\x08\xc4\x00", 3); /* a field of the future */
    assert_int_equal(head_decode(&back, buf_slice(&b)), 0);
    assert_false(back.has_length);
    assert_true(back.length == 0);
    b.data[0] = 0x85;
    b.len -= 3;
    assert_int_equal(head_decode(&back, buf_slice(&b)), 0);
    b.data[1] = 0; /* no key 1 any more */
    assert_int_equal(head_decode(&back, buf_slice(&b)), MESH_E_MISSING);
    buf_free(&b);
}

static void a_copy_lends_nothing(void **state)
{
    struct head h = plain_head();
    struct buf scratch = BUF_EMPTY, other = BUF_EMPTY;
    static char value[HEAD_BYTES_MAX + 1];

    (void)state;
    fields_add(&h.fields, SLICE_LIT("Age"), SLICE_LIT("7"));
    struct buf b = encoded(&h);
    struct head *copy = head_copy(&h, &scratch);
    assert_non_null(copy);
    assert_int_equal(copy->fields.n, 2);
    buf_clear(&scratch); /* and what it was made from */
    memset(&h, 0, sizeof(h));
    assert_int_equal(head_encode(&other, copy), 0);
    assert_true(slice_eq(buf_slice(&b), buf_slice(&other)));
    free(copy);
    h = plain_head();
    memset(value, 'x', sizeof(value));
    fields_add(&h.fields, SLICE_LIT("Long"), slice_of(value, sizeof(value)));
    assert_null(head_copy(&h, &scratch));
    buf_free(&b);
    buf_free(&other);
    buf_free(&scratch);
}

static void every_cut_is_refused(void **state)
{
    struct head h = plain_head(), back;
    struct buf b = encoded(&h);
    uint8_t *copy;

    (void)state;
    for (size_t len = 0; len < b.len; len++) {
        assert_int_not_equal(decode_copy(&back, b.data, len, &copy), 0);
        free(copy);
    }
    buf_add_u8(&b, 0);
    assert_int_equal(head_decode(&back, buf_slice(&b)), MESH_E_SYNTAX); /* and so is what follows */
    buf_free(&b);
}

/* One or two flipped bits: no crash, and what still decodes is a head that can be. */
static void any_flipped_bits_are_survived(void **state)
{
    struct head h = plain_head(), back;
    struct buf b = encoded(&h);
    unsigned good = 0, bad = 0;

    (void)state;
    for (size_t i = 0; i < 8 * b.len; i++) {
        for (size_t k = i; k < 8 * b.len; k += i % 8 == 0 ? 5 : 8 * b.len) {
            uint8_t *copy;
            b.data[i / 8] ^= (uint8_t)(1u << i % 8);
            if (k != i)
                b.data[k / 8] ^= (uint8_t)(1u << k % 8);
            if (decode_copy(&back, b.data, b.len, &copy) == 0) {
                struct buf again = BUF_EMPTY;
                assert_in_range(back.status, 200, 599);
                assert_int_equal(head_encode(&again, &back), 0);
                good++;
                buf_free(&again);
            } else {
                bad++;
            }
            free(copy);
            b.data[i / 8] ^= (uint8_t)(1u << i % 8);
            if (k != i)
                b.data[k / 8] ^= (uint8_t)(1u << k % 8);
        }
    }
    assert_true(good > 1000 && bad > 1000); /* the signature is what refuses the rest */
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_the_same_everywhere),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_each_hop_makes_anew_is_left_out),
        cmocka_unit_test(what_a_peer_makes_up_is_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(a_field_of_the_wrong_type_is_no_missing_field),
        cmocka_unit_test(a_copy_lends_nothing),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(any_flipped_bits_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
