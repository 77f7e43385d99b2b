/* test_signers.c - which keys are taken, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/signed/signers.h"
#include "node/signed/verified.h"
#include "proto/base/err.h"
#include "tests/unit/signing_keys.h"

static void refused(struct slice id, struct slice pem, int err, const char *said)
{
    struct signers *s = signers_new();
    struct buf why = BUF_EMPTY;

    assert_int_equal(signers_add(s, id, pem, &why), err);
    buf_add_u8(&why, 0);
    if (strstr((const char *)why.data, said) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", (const char *)why.data, said);
    assert_null(signers_find(s, &id, 1, id));
    buf_free(&why);
    signers_free(s);
}

static void feat_S6_what_is_no_key_of_ours_is_refused_with_its_reason(void **state)
{
    struct test_key rsa, small, curve, ed;
    gnutls_x509_privkey_t secret;
    gnutls_datum_t pem;
    struct slice id = SLICE_LIT("K1");

    (void)state;
    assert_int_equal(crypto_start(), 0);
    test_key_make(&rsa, TEST_RSA);
    test_key_make(&ed, TEST_ED25519);
    test_key_make_bits(&small, GNUTLS_PK_RSA, 1024);
    test_key_make_bits(&curve, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1));
    assert_int_equal(gnutls_privkey_export_x509(rsa.secret, &secret), 0);
    assert_int_equal(gnutls_x509_privkey_export2(secret, GNUTLS_X509_FMT_PEM, &pem), 0);
    refused(id, slice_of(pem.data, pem.size), MESH_E_SYNTAX, "is a private key");
    refused(id, buf_slice(&small.pem), MESH_E_TYPE, "RSA key of 1024 bits");
    refused(id, buf_slice(&curve.pem), MESH_E_TYPE, "another curve than P-256");
    refused(id, SLICE_LIT("ssh-ed25519 AAAA"), MESH_E_SYNTAX, "no public key in PEM form");
    refused(id, SLICE_EMPTY, MESH_E_SYNTAX, "no public key in PEM form");
    refused(id, slice_head(buf_slice(&rsa.pem), 100), MESH_E_SYNTAX, "damaged");
    refused(SLICE_LIT("K 1"), buf_slice(&rsa.pem), MESH_E_SYNTAX, "1 to 64 letters");
    refused(SLICE_EMPTY, buf_slice(&ed.pem), MESH_E_SYNTAX, "1 to 64 letters");
    gnutls_free(pem.data);
    gnutls_x509_privkey_deinit(secret);
    test_key_free(&rsa);
    test_key_free(&small);
    test_key_free(&curve);
    test_key_free(&ed);
}

static void feat_S6_groups_are_of_keys_that_are_there(void **state)
{
    struct signers *s = signers_new();
    struct slice ids[] = { SLICE_LIT("A"), SLICE_LIT("B"), SLICE_LIT("A"),
                           SLICE_LIT("A"), SLICE_LIT("A"), SLICE_LIT("A") };
    struct buf why = BUF_EMPTY;
    struct test_key k;

    (void)state;
    test_key_make(&k, TEST_ED25519);
    assert_int_equal(signers_add(s, ids[0], buf_slice(&k.pem), &why), 0);
    assert_int_equal(signers_add(s, ids[0], buf_slice(&k.pem), &why), MESH_E_EXISTS);
    assert_int_equal(signers_group(s, SLICE_LIT("g"), ids, 2, &why), MESH_E_ABSENT);
    assert_int_equal(signers_group(s, SLICE_LIT("g"), ids, 6, &why), MESH_E_FULL);
    assert_null(signers_find(s, ids, 1, ids[0]));
    assert_int_equal(signers_group(s, SLICE_LIT("g"), ids, 1, &why), 0);
    assert_int_equal(signers_group(s, SLICE_LIT("g"), ids, 1, &why), MESH_E_EXISTS);
    struct slice g = SLICE_LIT("g");
    assert_non_null(signers_find(s, &g, 1, ids[0]));
    assert_null(signers_find(s, &g, 1, ids[1]));
    assert_null(signers_find(s, &g, 0, ids[0]));
    assert_true(signer_kind(signers_find(s, &g, 1, ids[0])) == SIGNER_ED25519);
    buf_free(&why);
    signers_free(s);
    test_key_free(&k);
}

/* A distribution's keys and groups, and what is said of a wrong one. */
static void feat_S6_a_distribution_brings_its_signers(void **state)
{
    struct test_key k;
    struct signers *s;
    struct buf why = BUF_EMPTY;
    const uint16_t members[] = { 1 };

    (void)state;
    test_key_make(&k, TEST_P256);
    struct dist_key keys[] = { { SLICE_LIT("OLD"), buf_slice(&k.pem) }, { SLICE_LIT("NEW"), buf_slice(&k.pem) } };
    struct dist_key_group groups[] = { { SLICE_LIT("staff"), members, 1 } };
    struct dist d = { .keys = keys, .keys_n = 2, .key_groups = groups, .key_groups_n = 1 };
    assert_int_equal(signers_of(&s, &d, &why), 0);
    assert_int_equal(why.len, 0);
    assert_non_null(signers_find(s, &groups[0].id, 1, SLICE_LIT("NEW")));
    assert_null(signers_find(s, &groups[0].id, 1, SLICE_LIT("OLD")));
    signers_free(s);
    keys[1].pem = SLICE_LIT("nonsense");
    assert_int_equal(signers_of(&s, &d, &why), MESH_E_SYNTAX);
    assert_null(s);
    assert_true(memmem(why.data, why.len, "key NEW is no public key", 24) != NULL);
    buf_free(&why);
    test_key_free(&k);
}

/* A table that is fuller than it can be forgets, and never makes anything up. */
static void feat_S1_what_was_verified_is_remembered_within_bounds(void **state)
{
    static struct verified v;
    struct digest d;
    unsigned n = 0;

    (void)state;
    for (uint32_t i = 0; i < 8 * VERIFIED_PAIRS; i++) {
        digest_one(&d, slice_of(&i, sizeof(i)));
        assert_false(verified_has(&v, &d));
        verified_add(&v, &d);
        assert_true(verified_has(&v, &d));
    }
    for (uint32_t i = 0; i < 8 * VERIFIED_PAIRS; i++) {
        digest_one(&d, slice_of(&i, sizeof(i)));
        n += verified_has(&v, &d);
    }
    assert_true(n > VERIFIED_PAIRS && n <= 2 * VERIFIED_PAIRS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_S6_what_is_no_key_of_ours_is_refused_with_its_reason),
        cmocka_unit_test(feat_S6_groups_are_of_keys_that_are_there),
        cmocka_unit_test(feat_S6_a_distribution_brings_its_signers),
        cmocka_unit_test(feat_S1_what_was_verified_is_remembered_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
