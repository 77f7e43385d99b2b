/* test_purge.c - what a purge says, who may say it, and all that it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "golden.h"
#include "proto/base/err.h"
#include "proto/purge.h"

static struct identity self, other;

static int setup(void **state)
{
    struct identity *both[] = { &self, &other };

    (void)state;
    assert_int_equal(crypto_start(), 0);
    for (uint8_t i = 0; i < 2; i++) {
        uint8_t seed[crypto_sign_SEEDBYTES];
        memset(seed, 0x50 + i, sizeof(seed));
        crypto_sign_seed_keypair(both[i]->sign_key, both[i]->sign_secret, seed);
        memset(both[i]->mesh.id.bytes, 0x11, MESH_ID_BYTES);
        both[i]->cert.mesh = both[i]->mesh.id;
        memcpy(both[i]->cert.sign_key, both[i]->sign_key, SIGN_KEY_BYTES);
        node_id_of(&both[i]->cert.id, both[i]->sign_key);
    }
    return 0;
}

static const struct purge_target all_kinds[] = {
    { PURGE_URL, { (const uint8_t *)"/a?b=1", 6 } },
    { PURGE_PREFIX, { (const uint8_t *)"/img/", 5 } },
    { PURGE_TAG, { (const uint8_t *)"red", 3 } },
    { PURGE_ALL, { NULL, 0 } },
};

static struct purge example(void)
{
    return (struct purge){ .log.begun = 3,
                           .number = 300,
                           .at_s = 1800000000,
                           .who = SLICE_LIT("Ada of the desk"),
                           .distribution = SLICE_LIT("default"),
                           .soft = true };
}

static void sign(struct buf *b)
{
    struct purge p = example();

    buf_clear(b);
    assert_int_equal(purge_sign(b, &p, all_kinds, 4, &self), 0);
}

static void the_bytes_are_golden(void **state)
{
    struct buf b = BUF_EMPTY;

    (void)state;
    sign(&b);
    check_golden(slice_head(buf_slice(&b), b.len - SIGNATURE_BYTES),
                 "928a000101c4101111111111111111111111111111111102c410426291b0f544fdf85e3dae479b6e"
                 "082d030304cd012c05ce6b49d20006af416461206f6620746865206465736b07a764656661756c74"
                 "08c309949201a62f613f623d319202a52f696d672f9203a37265649204a0c440");
    buf_free(&b);
}

static void what_is_signed_comes_back(void **state)
{
    struct purge want = example(), p;
    struct buf b = BUF_EMPTY;
    struct wire w;

    (void)state;
    sign(&b);
    assert_int_equal(purge_parse(&w, buf_slice(&b), &p), 0);
    assert_memory_equal(p.mesh.bytes, self.mesh.id.bytes, MESH_ID_BYTES);
    assert_true(node_id_eq(&p.log.issuer, &self.cert.id));
    assert_true(p.log.begun == 3 && p.number == 300 && p.at_s == want.at_s && p.soft);
    assert_true(slice_eq(p.who, want.who) && slice_eq(p.distribution, want.distribution));
    assert_int_equal(p.targets_n, 4);
    for (size_t i = 0; i < 4; i++) {
        struct purge_target t = purge_target(&p, i);
        assert_int_equal(t.kind, all_kinds[i].kind);
        assert_true(slice_eq(t.value, all_kinds[i].value));
    }
    assert_int_equal(purge_verify(&p, buf_slice(&b), &self.cert), 0);
    assert_int_equal(purge_verify(&p, buf_slice(&b), &other.cert), MESH_E_SIGNATURE);
    struct cert posing = self.cert; /* our id, another key */
    memcpy(posing.sign_key, other.sign_key, SIGN_KEY_BYTES);
    assert_int_equal(purge_verify(&p, buf_slice(&b), &posing), MESH_E_SIGNATURE);
    posing = self.cert;
    posing.mesh.bytes[0] ^= 1;
    assert_int_equal(purge_verify(&p, buf_slice(&b), &posing), MESH_E_SIGNATURE);
    wire_close(&w);
    buf_free(&b);
}

/* Whatever byte is changed or missing, nobody takes it for what was signed. */
static void no_byte_can_be_changed(void **state)
{
    struct buf b = BUF_EMPTY;
    struct wire w;
    struct purge p;

    (void)state;
    sign(&b);
    for (size_t i = 0; i < b.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b.data[i] ^= (uint8_t)(1u << bit);
            if (purge_parse(&w, buf_slice(&b), &p) == 0) {
                assert_int_not_equal(purge_verify(&p, buf_slice(&b), &self.cert), 0);
                wire_close(&w);
            }
            b.data[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_not_equal(purge_parse(&w, slice_head(buf_slice(&b), i), &p), 0);
    }
    buf_add_u8(&b, 0);
    assert_int_not_equal(purge_parse(&w, buf_slice(&b), &p), 0);
    buf_free(&b);
}

static void values_are_bounded(void **state)
{
    static uint8_t longest[PURGE_VALUE_MAX + 1];
    static const struct {
        enum purge_kind kind;
        const char *value;
        bool ok;
    } rows[] = {
        { PURGE_URL, "/", true },          { PURGE_URL, "", false },           { PURGE_URL, "a", false },
        { PURGE_URL, "/a b", false },      { PURGE_URL, "/a\"", false },       { PURGE_URL, "/a\\", false },
        { PURGE_URL, "/\xc3\xa4", false }, { PURGE_URL, "/\n", false },        { PURGE_PREFIX, "/a", true },
        { PURGE_PREFIX, "a", false },      { PURGE_TAG, "a-b:c", true },       { PURGE_TAG, "A", false },
        { PURGE_TAG, "a,b", false },       { PURGE_TAG, "", false },           { PURGE_ALL, "", true },
        { PURGE_ALL, "/", false },         { (enum purge_kind)0, "/", false }, { (enum purge_kind)5, "/", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (purge_value_ok(rows[i].kind, slice_str(rows[i].value)) != rows[i].ok)
            fail_msg("row %zu", i);
    }
    memset(longest, 'a', sizeof(longest));
    assert_true(purge_value_ok(PURGE_TAG, slice_of(longest, PURGE_TAG_MAX)));
    assert_false(purge_value_ok(PURGE_TAG, slice_of(longest, PURGE_TAG_MAX + 1)));
    longest[0] = '/';
    assert_true(purge_value_ok(PURGE_URL, slice_of(longest, PURGE_VALUE_MAX)));
    assert_false(purge_value_ok(PURGE_URL, slice_of(longest, PURGE_VALUE_MAX + 1)));
}

static void what_is_out_of_range_is_not_signed(void **state)
{
    static struct purge_target many[PURGE_TARGETS_MAX + 1];
    static uint8_t longest[PURGE_VALUE_MAX];
    struct purge p = example();
    struct buf b = BUF_EMPTY;
    struct wire w;

    (void)state;
    for (size_t i = 0; i < PURGE_TARGETS_MAX + 1; i++)
        many[i] = all_kinds[1];
    assert_int_equal(purge_sign(&b, &p, many, 0, &self), MESH_E_RANGE);
    assert_int_equal(purge_sign(&b, &p, many, PURGE_TARGETS_MAX + 1, &self), MESH_E_RANGE);
    assert_int_equal(purge_sign(&b, &p, many, PURGE_TARGETS_MAX, &self), 0);
    assert_int_equal(purge_parse(&w, buf_slice(&b), &p), 0); /* the scan's budget allows as many */
    wire_close(&w);
    buf_clear(&b);
    memset(longest, '/', sizeof(longest));
    for (size_t i = 0; i < 3; i++)
        many[i] = (struct purge_target){ PURGE_URL, SLICE_OF(longest) };
    p = example();
    assert_int_equal(purge_sign(&b, &p, many, 3, &self), MESH_E_RANGE); /* more than PURGE_BYTES_MAX */
    assert_int_equal(b.len, 0);
    assert_int_equal(purge_sign(&b, &p, many, 2, &self), 0);
    buf_clear(&b);
    p.number = 0;
    assert_int_equal(purge_sign(&b, &p, all_kinds, 4, &self), MESH_E_RANGE);
    p.number = PURGE_NUMBER_MAX + 1;
    assert_int_equal(purge_sign(&b, &p, all_kinds, 4, &self), MESH_E_RANGE);
    p = example();
    p.who = SLICE_LIT("a\nb");
    assert_int_equal(purge_sign(&b, &p, all_kinds, 4, &self), MESH_E_RANGE);
    p = example();
    p.who = slice_of(longest, PURGE_WHO_MAX + 1);
    assert_int_equal(purge_sign(&b, &p, all_kinds, 4, &self), MESH_E_RANGE);
    many[0] = (struct purge_target){ PURGE_TAG, SLICE_LIT("A") };
    p = example();
    assert_int_equal(purge_sign(&b, &p, many, 1, &self), MESH_E_RANGE);
    buf_free(&b);
}

static void a_receipt_is_for_what_it_says(void **state)
{
    struct purge_receipt r = { .mesh = self.mesh.id,
                               .node = other.cert.id,
                               .log = { self.cert.id, 3 },
                               .number = 300,
                               .at_s = 1800000001 },
                         changed;
    uint8_t sig[SIGNATURE_BYTES];

    (void)state;
    purge_receipt_sign(sig, &r, &other);
    assert_int_equal(purge_receipt_verify(sig, &r, other.sign_key), 0);
    assert_int_equal(purge_receipt_verify(sig, &r, self.sign_key), MESH_E_SIGNATURE);
#define CHANGED(what) \
    changed = r;      \
    what;             \
    assert_int_equal(purge_receipt_verify(sig, &changed, other.sign_key), MESH_E_SIGNATURE)
    CHANGED(changed.mesh.bytes[0] ^= 1);
    CHANGED(changed.node.bytes[0] ^= 1);
    CHANGED(changed.log.issuer.bytes[0] ^= 1);
    CHANGED(changed.log.begun++);
    CHANGED(changed.number++);
    CHANGED(changed.at_s++);
#undef CHANGED
    check_golden(SLICE_OF(sig), "7a1524c18e2fd30aeb02a83e060b0a9c3fef3fb89457e09750a6f2d18c41f3ec"
                                "5709a5bc8c686005eee341d32dd3ff38a2c1c4845bd06d1795c6d57e9a353701");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_golden),
        cmocka_unit_test(what_is_signed_comes_back),
        cmocka_unit_test(no_byte_can_be_changed),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(what_is_out_of_range_is_not_signed),
        cmocka_unit_test(a_receipt_is_for_what_it_says),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
