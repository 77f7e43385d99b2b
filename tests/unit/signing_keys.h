/* signing_keys.h - keys of the kinds that sign URLs, made when a test starts, and what they sign. */
#ifndef HEDGEROW_TESTS_SIGNING_KEYS_H
#define HEDGEROW_TESTS_SIGNING_KEYS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "node/signed/b64.h"

enum test_key_kind { TEST_RSA, TEST_P256, TEST_ED25519 };

struct test_key {
    gnutls_privkey_t secret;
    struct buf pem; /* its public half */
};

static inline void test_key_make_bits(struct test_key *k, gnutls_pk_algorithm_t kind, unsigned bits)
{
    gnutls_pubkey_t public;
    gnutls_datum_t pem;

    assert_int_equal(gnutls_privkey_init(&k->secret), 0);
    assert_int_equal(gnutls_privkey_generate(k->secret, kind, bits, 0), 0);
    assert_int_equal(gnutls_pubkey_init(&public), 0);
    assert_int_equal(gnutls_pubkey_import_privkey(public, k->secret, 0, 0), 0);
    assert_int_equal(gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &pem), 0);
    k->pem = BUF_EMPTY;
    buf_add(&k->pem, pem.data, pem.size);
    gnutls_free(pem.data);
    gnutls_pubkey_deinit(public);
}

static inline void test_key_make(struct test_key *k, enum test_key_kind kind)
{
    static const gnutls_pk_algorithm_t algorithms[] = { GNUTLS_PK_RSA, GNUTLS_PK_ECDSA, GNUTLS_PK_EDDSA_ED25519 };
    const unsigned bits[] = { 2048, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0 };

    test_key_make_bits(k, algorithms[kind], bits[kind]);
}

static inline void test_key_free(struct test_key *k)
{
    gnutls_privkey_deinit(k->secret);
    buf_free(&k->pem);
}

/* Appends the signature of |text| as it stands in a URL. */
static inline void test_key_sign(const struct test_key *k, enum test_key_kind kind, bool sha256, struct slice text,
                                 struct buf *out)
{
    static const gnutls_sign_algorithm_t algorithms[][2] = {
        [TEST_RSA] = { GNUTLS_SIGN_RSA_SHA1, GNUTLS_SIGN_RSA_SHA256 },
        [TEST_P256] = { GNUTLS_SIGN_ECDSA_SHA1, GNUTLS_SIGN_ECDSA_SHA256 },
        [TEST_ED25519] = { GNUTLS_SIGN_EDDSA_ED25519, GNUTLS_SIGN_EDDSA_ED25519 },
    };
    gnutls_datum_t data = { (unsigned char *)(uintptr_t)text.data, (unsigned)text.len }, sig;

    assert_int_equal(gnutls_privkey_sign_data2(k->secret, algorithms[kind][sha256], 0, &data, &sig), 0);
    b64_put(out, slice_of(sig.data, sig.size), kind == TEST_ED25519 ? B64_URL : B64_CLOUDFRONT);
    gnutls_free(sig.data);
}

#endif
