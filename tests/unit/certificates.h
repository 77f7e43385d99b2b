/* certificates.h - certificates and keys of tests, made when they run: authorities, leaves, and what is wrong with
 * them. */
#ifndef HEDGEROW_TESTS_CERTIFICATES_H
#define HEDGEROW_TESTS_CERTIFICATES_H

#include <assert.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/tls/tls.h"

struct made {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
    bool root;
    struct buf chain, pem_key; /* the leaf, and its issuers below the root; the key */
};

struct make {
    const char *const *names;  /* ended by NULL: DNS names, and IPv4 addresses behind a '#' */
    const struct made *issuer; /* NULL: itself */
    bool ca, rsa;
    int64_t from_s, until_s; /* from now on; 0: from an hour ago, for a day */
};

static inline void made_pem(struct buf *out, gnutls_x509_crt_t crt)
{
    gnutls_datum_t pem;

    assert(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0);
    buf_add(out, pem.data, pem.size);
    gnutls_free(pem.data);
}

static inline void make_names(gnutls_x509_crt_t crt, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++) {
        unsigned char ip[4];
        unsigned a, b, c, d;
        if (**names != '#') {
            assert(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, *names, (unsigned)strlen(*names),
                                                        GNUTLS_FSAN_APPEND) == 0);
            continue;
        }
        assert(sscanf(*names, "#%u.%u.%u.%u", &a, &b, &c, &d) == 4);
        ip[0] = (unsigned char)a, ip[1] = (unsigned char)b, ip[2] = (unsigned char)c, ip[3] = (unsigned char)d;
        assert(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 4, GNUTLS_FSAN_APPEND) == 0);
    }
}

static inline void made_new(struct made *m, const struct make *how)
{
    static unsigned char serial = 1;
    time_t now = time(NULL);
    gnutls_datum_t pem;
    char cn[64];

    *m = (struct made){ .root = how->issuer == NULL };
    assert(gnutls_x509_privkey_init(&m->key) == 0 && gnutls_x509_crt_init(&m->crt) == 0);
    assert(gnutls_x509_privkey_generate(m->key, how->rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
                                        how->rsa ? 2048 : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
    assert(gnutls_x509_crt_set_version(m->crt, 3) == 0 && gnutls_x509_crt_set_key(m->crt, m->key) == 0);
    assert(gnutls_x509_crt_set_serial(m->crt, &serial, 1) == 0);
    snprintf(cn, sizeof(cn), "Test %u", serial++);
    assert(gnutls_x509_crt_set_dn_by_oid(m->crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn, (unsigned)strlen(cn)) == 0);
    assert(gnutls_x509_crt_set_activation_time(m->crt, now + (how->from_s != 0 ? how->from_s : -3600)) == 0);
    assert(gnutls_x509_crt_set_expiration_time(m->crt, now + (how->until_s != 0 ? how->until_s : 86400)) == 0);
    assert(gnutls_x509_crt_set_basic_constraints(m->crt, how->ca, -1) == 0);
    if (how->ca)
        assert(gnutls_x509_crt_set_key_usage(m->crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE) == 0);
    make_names(m->crt, how->names);
    assert(gnutls_x509_crt_sign2(m->crt, how->issuer != NULL ? how->issuer->crt : m->crt,
                                 how->issuer != NULL ? how->issuer->key : m->key, GNUTLS_DIG_SHA256, 0) == 0);
    made_pem(&m->chain, m->crt);
    if (how->issuer != NULL && !how->issuer->root)
        buf_add_slice(&m->chain, buf_slice(&how->issuer->chain));
    assert(gnutls_x509_privkey_export2_pkcs8(m->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem) == 0);
    buf_add(&m->pem_key, pem.data, pem.size);
    gnutls_free(pem.data);
}

static inline void made_free(struct made *m)
{
    gnutls_x509_crt_deinit(m->crt);
    gnutls_x509_privkey_deinit(m->key);
    buf_free(&m->chain);
    buf_free(&m->pem_key);
}

static inline struct tls_pem made_show(const struct made *m)
{
    return (struct tls_pem){ "site.crt", "site.key", buf_slice(&m->chain), buf_slice(&m->pem_key) };
}

#endif
