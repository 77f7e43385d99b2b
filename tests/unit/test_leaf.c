#include "proto/base/err.h"
#include "proto/leaf.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Every byte a signature is about, where a test can reach and alter it. */
struct claim {
    struct identity id;
    struct mesh_id mesh;
    struct node_id signer;
    struct digest key;
    uint64_t generation;
    uint8_t head[16];
    size_t head_len;
    struct digest leaf;
    uint64_t length;
    struct leaf_batch batch;
    uint32_t slip_leaf, slip_offset;
    uint8_t slip[8];
    size_t slip_len;
    uint8_t sig[SIGNATURE_BYTES];
};

static void claim_init(struct claim *c)
{
    uint8_t seed[32];
    struct digest l0, l1;

    memset(c, 0, sizeof(*c));
    for (uint8_t i = 0; i < 32; i++) {
        seed[i] = i;
        c->key.bytes[i] = (uint8_t)(0x40 + i);
        if (i < MESH_ID_BYTES)
            c->mesh.bytes[i] = (uint8_t)(0xa0 + i);
    }
    crypto_sign_seed_keypair(c->id.sign_key, c->id.sign_secret, seed);
    node_id_of(&c->signer, c->id.sign_key);
    c->id.cert.id = c->signer;
    c->generation = UINT64_C(0x0102030405060708);
    c->head_len = 13;
    memcpy(c->head, "\x82\x01\x18\x02\x19the head", c->head_len);
    leaf_hash(&l0, SLICE_LIT("leaf bytes"));
    leaf_hash(&l1, SLICE_LIT("more"));
    c->leaf = l0;
    c->length = 10;
    c->batch = (struct leaf_batch){ .first = 3, .count = 2, .final = true, .length = 4 * LEAF_BYTES + 7 };
    leaf_chain_start(&c->batch.chain, c->generation);
    leaf_chain_step(&c->batch.chain, &l0);
    leaf_chain_step(&c->batch.chain, &l1);
    c->slip_leaf = 3;
    c->slip_offset = 100;
    c->slip_len = 7;
    memcpy(c->slip, "a piece", c->slip_len);
}

static struct leaf_claim lent(const struct claim *c)
{
    return (struct leaf_claim){ &c->mesh, &c->signer, &c->key, c->generation };
}

static void sign_head(struct claim *c)
{
    struct leaf_claim l = lent(c);
    leaf_sign_head(c->sig, &c->id, &l, slice_of(c->head, c->head_len));
}

static int verify_head(const struct claim *c)
{
    struct leaf_claim l = lent(c);
    return leaf_verify_head(c->sig, c->id.sign_key, &l, slice_of(c->head, c->head_len));
}

static void sign_one(struct claim *c)
{
    struct leaf_claim l = lent(c);
    leaf_sign_one(c->sig, &c->id, &l, slice_of(c->head, c->head_len), &c->leaf, c->length);
}

static int verify_one(const struct claim *c)
{
    struct leaf_claim l = lent(c);
    return leaf_verify_one(c->sig, c->id.sign_key, &l, slice_of(c->head, c->head_len), &c->leaf, c->length);
}

static void sign_batch(struct claim *c)
{
    struct leaf_claim l = lent(c);
    leaf_sign_batch(&c->batch, &c->id, &l);
    memcpy(c->sig, c->batch.sig, SIGNATURE_BYTES);
}

static int verify_batch(const struct claim *c)
{
    struct leaf_claim l = lent(c);
    struct leaf_batch b = c->batch;
    memcpy(b.sig, c->sig, SIGNATURE_BYTES);
    return leaf_verify_batch(&b, c->id.sign_key, &l);
}

static void sign_slip(struct claim *c)
{
    struct leaf_claim l = lent(c);
    leaf_sign_slip(c->sig, &c->id, &l, c->slip_leaf, c->slip_offset, slice_of(c->slip, c->slip_len));
}

static int verify_slip(const struct claim *c)
{
    struct leaf_claim l = lent(c);
    return leaf_verify_slip(c->sig, c->id.sign_key, &l, c->slip_leaf, c->slip_offset, slice_of(c->slip, c->slip_len));
}

static const struct kind {
    const char *name;
    void (*sign)(struct claim *c);
    int (*verify)(const struct claim *c);
    const char *golden; /* made with other implementations of BLAKE2b, SHA-256 and Ed25519 */
} kinds[] = {
    { "head", sign_head, verify_head,
      "52b6565a507844e5df494525a4cb5124a7b310ae6cd15b985d0cdfb49004557d"
      "2cd22b89e0700f2453545f7f519b35a4fc6e3869a1a98a993a6f3fab6989270e" },
    { "one", sign_one, verify_one,
      "08ba8b273235d824ec6d0675dce7e068ad61560ac349c410b4a97650e96436c5"
      "5d7431afc854f8fc3fea1666b51ceb2470e03ced8c36d1221bc8bc8212122601" },
    { "batch", sign_batch, verify_batch,
      "808beb9d27a80d26e93ebd60b15abbe9fb285b7449872cb8fea2a55049c76315"
      "7278f795e16a8fa80094aab3b53822ae5389a20f1cdab397c4117785c7f29f05" },
    { "slip", sign_slip, verify_slip,
      "ef442360ad18188e94a08a7f5b34651d28f2414bccf169cbe8e66a81786fc9bd"
      "2e68b1ecc2a1c35e1301a9764a8d7702bd6e0c39399b56c2fc5c98257b34d90f" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void signatures_are_the_same_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct claim c;
        char hex[2 * SIGNATURE_BYTES + 1];
        claim_init(&c);
        kinds[i].sign(&c);
        sodium_bin2hex(hex, sizeof(hex), c.sig, sizeof(c.sig));
        assert_string_equal(hex, kinds[i].golden);
        assert_int_equal(kinds[i].verify(&c), 0);
    }
}

static void chain_values_are_the_same_everywhere(void **state)
{
    struct claim c;
    struct digest chain, start;
    char hex[65];

    (void)state;
    claim_init(&c);
    leaf_chain_start(&start, c.generation);
    assert_string_equal(sodium_bin2hex(hex, sizeof(hex), start.bytes, 32),
                        "cc0da6d322bf8932b1d3e45642e886e28c4aa5ba5fe83944d42142a20d573b84");
    assert_string_equal(sodium_bin2hex(hex, sizeof(hex), c.batch.chain.bytes, 32),
                        "f08abbe306b78776e63dd18326353d12d11bea6efdfd90caa4a3ea109a268c20");
    chain = start; /* the order of leaves matters */
    struct digest l0, l1;
    leaf_hash(&l0, SLICE_LIT("leaf bytes"));
    leaf_hash(&l1, SLICE_LIT("more"));
    leaf_chain_step(&chain, &l1);
    leaf_chain_step(&chain, &l0);
    assert_false(digest_eq(&chain, &c.batch.chain));
    leaf_chain_start(&chain, c.generation + 1);
    assert_false(digest_eq(&chain, &start));
}

/* Flips each bit of |len| bytes at |at|, which lies in |c|. */
static size_t flip_all(const struct kind *k, struct claim *c, void *at, size_t len)
{
    uint8_t *bytes = at;

    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (k->verify(c) != MESH_E_SIGNATURE)
            fail_msg("%s: bit %zu of %zu bytes at offset %td was not noticed", k->name, bit, len,
                     (char *)at - (char *)c);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(k->verify(c), 0);
    return len * 8;
}

static void feat_M9_every_flipped_bit_is_noticed(void **state)
{
    size_t flips = 0;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const struct kind *k = &kinds[i];
        struct claim c;
        claim_init(&c);
        k->sign(&c);
        flips += flip_all(k, &c, c.mesh.bytes, sizeof(c.mesh.bytes));
        flips += flip_all(k, &c, c.signer.bytes, sizeof(c.signer.bytes));
        flips += flip_all(k, &c, c.key.bytes, sizeof(c.key.bytes));
        flips += flip_all(k, &c, &c.generation, sizeof(c.generation));
        flips += flip_all(k, &c, c.id.sign_key, sizeof(c.id.sign_key));
        flips += flip_all(k, &c, c.sig, sizeof(c.sig));
        if (k->sign == sign_head || k->sign == sign_one)
            flips += flip_all(k, &c, c.head, c.head_len);
        if (k->sign == sign_one) {
            flips += flip_all(k, &c, c.leaf.bytes, sizeof(c.leaf.bytes));
            flips += flip_all(k, &c, &c.length, sizeof(c.length));
        }
        if (k->sign == sign_batch) {
            flips += flip_all(k, &c, &c.batch.first, sizeof(c.batch.first));
            flips += flip_all(k, &c, &c.batch.count, sizeof(c.batch.count));
            flips += flip_all(k, &c, &c.batch.length, sizeof(c.batch.length));
            flips += flip_all(k, &c, c.batch.chain.bytes, sizeof(c.batch.chain.bytes));
        }
        if (k->sign == sign_slip) {
            flips += flip_all(k, &c, &c.slip_leaf, sizeof(c.slip_leaf));
            flips += flip_all(k, &c, &c.slip_offset, sizeof(c.slip_offset));
            flips += flip_all(k, &c, c.slip, c.slip_len);
        }
    }
    assert_true(flips > 5000);
}

/* What a flipped bit in a leaf, or leaves that changed places, do to a batch. */
static void feat_M9_every_flipped_bit_of_the_body_is_noticed(void **state)
{
    struct claim c;
    uint8_t body[40] = "forty bytes of a leaf that travel along";
    struct digest hash, before, swapped;

    (void)state;
    claim_init(&c);
    leaf_chain_start(&before, c.generation);
    leaf_hash(&hash, SLICE_OF(body));
    c.batch = (struct leaf_batch){ .first = 0, .count = 1, .final = true, .length = sizeof(body), .chain = before };
    leaf_chain_step(&c.batch.chain, &hash);
    sign_batch(&c);
    assert_int_equal(verify_batch(&c), 0);
    for (size_t bit = 0; bit < sizeof(body) * 8; bit++) {
        body[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        leaf_hash(&hash, SLICE_OF(body));
        c.batch.chain = before;
        leaf_chain_step(&c.batch.chain, &hash);
        assert_int_equal(verify_batch(&c), MESH_E_SIGNATURE);
        body[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    claim_init(&c);
    sign_batch(&c);
    leaf_hash(&hash, SLICE_LIT("more"));
    leaf_hash(&swapped, SLICE_LIT("leaf bytes"));
    leaf_chain_start(&c.batch.chain, c.generation);
    leaf_chain_step(&c.batch.chain, &hash);
    leaf_chain_step(&c.batch.chain, &swapped);
    assert_int_equal(verify_batch(&c), MESH_E_SIGNATURE);
}

/* FINAL is what tells a whole body from a cut one. */
static void feat_M9_final_cannot_be_added_or_taken(void **state)
{
    struct claim c;

    (void)state;
    claim_init(&c);
    sign_batch(&c);
    c.batch.final = false;
    assert_int_equal(verify_batch(&c), MESH_E_SIGNATURE);
    c.batch.length = 0; /* now it could be an honest batch in the middle */
    assert_int_equal(verify_batch(&c), MESH_E_SIGNATURE);
    c.batch.final = false;
    sign_batch(&c);
    assert_int_equal(verify_batch(&c), 0);
    c.batch.final = true;
    c.batch.length = 4 * LEAF_BYTES + 7;
    assert_int_equal(verify_batch(&c), MESH_E_SIGNATURE);
}

static void feat_M9_no_kind_passes_for_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct claim c;
        claim_init(&c);
        kinds[i].sign(&c);
        for (size_t j = 0; j < KINDS; j++)
            assert_int_equal(kinds[j].verify(&c), i == j ? 0 : MESH_E_SIGNATURE);
    }
}

/* The same bytes with another border between them, or fewer of them. */
static void feat_M9_no_field_runs_into_the_next(void **state)
{
    struct claim c;

    (void)state;
    claim_init(&c);
    sign_head(&c);
    c.head_len--;
    assert_int_equal(verify_head(&c), MESH_E_SIGNATURE);
    c.head_len += 2;
    assert_int_equal(verify_head(&c), MESH_E_SIGNATURE);
    claim_init(&c);
    sign_one(&c);
    c.head_len = 0;
    assert_int_equal(verify_one(&c), MESH_E_SIGNATURE);
    claim_init(&c);
    sign_slip(&c);
    c.slip_len--;
    assert_int_equal(verify_slip(&c), MESH_E_SIGNATURE);
    c.slip_len = 0;
    assert_int_equal(verify_slip(&c), MESH_E_SIGNATURE);
}

/* S + L verifies under a careless Ed25519 (RFC 8032, section 5.1.7, asks for S < L). */
static void a_signature_has_one_form(void **state)
{
    static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                       0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                       0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10 };
    struct claim c;

    (void)state;
    claim_init(&c);
    sign_head(&c);
    sodium_add(c.sig + 32, order, sizeof(order));
    assert_int_equal(verify_head(&c), MESH_E_SIGNATURE);
    /* The all-zero signature under the all-zero key (a point of small order). */
    memset(c.sig, 0, sizeof(c.sig));
    memset(c.id.sign_key, 0, sizeof(c.id.sign_key));
    assert_int_equal(verify_head(&c), MESH_E_SIGNATURE);
}

static void another_signers_key_does_not_verify(void **state)
{
    struct claim c;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        uint8_t key[SIGN_KEY_BYTES], secret[SIGN_SECRET_BYTES];
        claim_init(&c);
        kinds[i].sign(&c);
        crypto_sign_keypair(key, secret);
        memcpy(c.id.sign_key, key, sizeof(key));
        assert_int_equal(kinds[i].verify(&c), MESH_E_SIGNATURE);
    }
}

static void numbers_that_cannot_be_are_refused(void **state)
{
    static const struct {
        uint32_t first, count;
        bool final;
        uint64_t length;
        bool ok;
    } rows[] = {
        { 0, 1, false, 0, true },
        { 0, LEAF_BATCH_MAX, false, 0, true },
        { 0, LEAF_BATCH_MAX + 1, false, 0, false },
        { 0, 0, false, 0, false },
        { 5, 1, false, 1, false }, /* a length without FINAL */
        { UINT32_MAX - 1, 1, false, 0, true },
        { UINT32_MAX, 1, false, 0, false },
        { 0, 0, true, 0, true }, /* an empty body */
        { 0, 0, true, 1, false },
        { 4, 0, true, 4 * LEAF_BYTES, true }, /* the end came after the leaves */
        { 4, 0, true, 4 * LEAF_BYTES - 1, true },
        { 4, 0, true, 4 * LEAF_BYTES + 1, false },
        { 0, 1, true, 1, true },
        { 0, 1, true, LEAF_BYTES, true },
        { 0, 1, true, 0, false },
        { 0, 1, true, LEAF_BYTES + 1, false },
        { 2, 3, true, 5 * LEAF_BYTES, true },
        { 2, 3, true, 4 * LEAF_BYTES, false },
        { UINT32_MAX - 1, 1, true, LEAF_BODY_MAX, true },
        { UINT32_MAX - 1, 1, true, LEAF_BODY_MAX + 1, false },
        { 0, 1, true, UINT64_MAX, false },
    };
    struct claim c;

    (void)state;
    claim_init(&c);
    struct leaf_claim l = lent(&c);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct leaf_batch b = { .first = rows[i].first, .count = rows[i].count, .final = rows[i].final };
        b.length = rows[i].length;
        assert_int_equal(leaf_batch_ok(&b), rows[i].ok);
        if (!rows[i].ok) {
            assert_int_equal(leaf_verify_batch(&b, c.id.sign_key, &l), MESH_E_SIGNATURE);
            continue;
        }
        leaf_sign_batch(&b, &c.id, &l);
        assert_int_equal(leaf_verify_batch(&b, c.id.sign_key, &l), 0);
    }
    assert_true(leaf_slip_ok(0, 0, LEAF_BYTES));
    assert_true(leaf_slip_ok(UINT32_MAX - 1, LEAF_BYTES - 1, 1));
    assert_false(leaf_slip_ok(0, 0, LEAF_BYTES + 1));
    assert_false(leaf_slip_ok(0, 1, LEAF_BYTES));
    assert_false(leaf_slip_ok(0, 0, 0));
    assert_false(leaf_slip_ok(0, LEAF_BYTES, 1));
    assert_false(leaf_slip_ok(0, UINT32_MAX, 1));
    assert_false(leaf_slip_ok(UINT32_MAX, 0, 1));
    sign_one(&c);
    c.length = LEAF_BYTES + 1;
    assert_int_equal(verify_one(&c), MESH_E_SIGNATURE);
}

static void empty_things_can_be_signed(void **state)
{
    struct claim c;

    (void)state;
    claim_init(&c);
    c.length = 0;
    leaf_hash(&c.leaf, SLICE_EMPTY);
    sign_one(&c);
    assert_int_equal(verify_one(&c), 0);
    c.head_len = 0;
    assert_int_equal(verify_one(&c), MESH_E_SIGNATURE);
    assert_int_equal(leaf_count(0), 0);
    assert_int_equal(leaf_count(1), 1);
    assert_int_equal(leaf_count(LEAF_BYTES), 1);
    assert_int_equal(leaf_count(LEAF_BYTES + 1), 2);
    assert_int_equal(leaf_count(LEAF_BODY_MAX), LEAF_COUNT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_the_same_everywhere),
        cmocka_unit_test(chain_values_are_the_same_everywhere),
        cmocka_unit_test(feat_M9_every_flipped_bit_is_noticed),
        cmocka_unit_test(feat_M9_every_flipped_bit_of_the_body_is_noticed),
        cmocka_unit_test(feat_M9_final_cannot_be_added_or_taken),
        cmocka_unit_test(feat_M9_no_kind_passes_for_another),
        cmocka_unit_test(feat_M9_no_field_runs_into_the_next),
        cmocka_unit_test(a_signature_has_one_form),
        cmocka_unit_test(another_signers_key_does_not_verify),
        cmocka_unit_test(numbers_that_cannot_be_are_refused),
        cmocka_unit_test(empty_things_can_be_signed),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
