/* A chain of certificates and its key, out of PEM. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/tls/tls_impl.h"

#define LEAF_NAMES_MAX 256

static gnutls_datum_t datum_of(struct slice s)
{
    gnutls_datum_t d = { .size = (unsigned)s.len };

    memcpy(&d.data, &s.data, sizeof(d.data)); /* GnuTLS only reads it */
    return d;
}

static bool has(struct slice text, const char *word)
{
    return text.len > 0 && memmem(text.data, text.len, word, strlen(word)) != NULL;
}

static int bad_chain(const struct tls_pem *pem, int err, struct buf *why)
{
    const char *advice =
        "A PEM file is wanted, with the server's certificate first and those of its issuers behind it.";

    if (!has(pem->chain, "-----BEGIN CERTIFICATE-----"))
        buf_addf(why, "%s holds no certificate. %s", pem->chain_name, advice);
    else if (err == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
        buf_addf(why, "%s: its certificates are no chain: each must be issued by the one behind it. %s",
                 pem->chain_name, advice);
    else if (err == GNUTLS_E_SHORT_MEMORY_BUFFER)
        buf_addf(why, "%s holds more than %d certificates. %s", pem->chain_name, TLS_CHAIN_MAX, advice);
    else
        buf_addf(why, "%s: %s. %s", pem->chain_name, gnutls_strerror(err), advice);
    return -1;
}

static int bad_key(const struct tls_pem *pem, int err, struct buf *why)
{
    if (has(pem->key, "ENCRYPTED"))
        buf_addf(why,
                 "%s is encrypted, and nobody is there to be asked for its password. Write it without: openssl pkey "
                 "-in %s -out NEW",
                 pem->key_name, pem->key_name);
    else if (!has(pem->key, "PRIVATE KEY-----"))
        buf_addf(why, "%s holds no private key: a PEM file with one is wanted.", pem->key_name);
    else
        buf_addf(why, "%s: %s. A private key as PEM is wanted: RSA, ECDSA or Ed25519.", pem->key_name,
                 gnutls_strerror(err));
    return -1;
}

static bool add_name(struct pair *p, const char *name, size_t len)
{
    if (len == 0 || len > TLS_NAME_MAX || memchr(name, 0, len) != NULL)
        return true; /* no viewer can ask for it */
    char *copy = strndup(name, len);
    if (copy == NULL)
        return false;
    for (char *at = copy; *at != 0; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    p->names[p->names_n++] = copy;
    return true;
}

static int read_names(struct pair *p, gnutls_x509_crt_t leaf)
{
    p->names = calloc(LEAF_NAMES_MAX, sizeof(*p->names));
    if (p->names == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    for (unsigned i = 0; p->names_n < LEAF_NAMES_MAX; i++) {
        char name[TLS_NAME_MAX + 1];
        size_t len = sizeof(name);
        int kind = gnutls_x509_crt_get_subject_alt_name(leaf, i, name, &len, NULL);
        if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (kind == GNUTLS_SAN_DNSNAME && !add_name(p, name, len))
            return GNUTLS_E_MEMORY_ERROR;
    }
    return 0;
}

static void warn_of_time(const struct tls_pem *pem, gnutls_x509_crt_t leaf, int64_t now_s, struct buf *why)
{
    time_t from = gnutls_x509_crt_get_activation_time(leaf), until = gnutls_x509_crt_get_expiration_time(leaf);
    const char *what = now_s >= until ? "expired" : now_s < from ? "is not valid before" : NULL;
    char when[32];
    struct tm tm;

    if (what == NULL)
        return;
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(now_s >= until ? &until : &from, &tm));
    buf_addf(why, "%s: the certificate %s %s: viewers will refuse it. Renew it, and send SIGHUP.", pem->chain_name,
             what, when);
}

/* Both versions have the server sign. One without key usage is for everything (RFC 5280 section 4.2.1.3). */
static bool may_sign(gnutls_x509_crt_t leaf)
{
    unsigned usage = 0;

    return gnutls_x509_crt_get_key_usage(leaf, &usage, NULL) < 0 || (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) != 0;
}

/* Whether the key is the certificate's. */
static bool same_key(gnutls_x509_crt_t leaf, gnutls_x509_privkey_t key)
{
    unsigned char a[64], b[64];
    size_t a_len = sizeof(a), b_len = sizeof(b);

    return gnutls_x509_crt_get_key_id(leaf, GNUTLS_KEYID_USE_SHA256, a, &a_len) == 0 &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, b, &b_len) == 0 && a_len == b_len &&
           memcmp(a, b, a_len) == 0;
}

/* The key, once it is known to be the certificate's; |p| has it afterwards. */
static int read_key(struct pair *p, const struct tls_pem *pem, gnutls_x509_crt_t leaf, struct buf *why)
{
    gnutls_datum_t bytes = datum_of(pem->key);
    gnutls_x509_privkey_t key = NULL;
    int err;

    if ((err = gnutls_x509_privkey_init(&key)) != 0)
        return bad_key(pem, err, why);
    if ((err = gnutls_x509_privkey_import2(key, &bytes, GNUTLS_X509_FMT_PEM, NULL, 0)) != 0) {
        bad_key(pem, err, why);
    } else if (!same_key(leaf, key)) {
        buf_addf(why, "%s is not the key of the first certificate in %s: the two belong together.", pem->key_name,
                 pem->chain_name);
        err = -1;
    } else if ((err = gnutls_privkey_init(&p->key)) != 0 ||
               (err = gnutls_privkey_import_x509(p->key, key, GNUTLS_PRIVKEY_IMPORT_COPY)) != 0) {
        bad_key(pem, err, why);
    } else {
        p->kind = (gnutls_pk_algorithm_t)gnutls_privkey_get_pk_algorithm(p->key, NULL);
    }
    gnutls_x509_privkey_deinit(key);
    return err == 0 ? 0 : -1;
}

int pair_read(struct pair *p, const struct tls_pem *pem, int64_t now_s, struct buf *why)
{
    gnutls_datum_t bytes = datum_of(pem->chain);
    gnutls_x509_crt_t *crts = NULL;
    unsigned n = 0;

    int err = has(pem->chain, "-----BEGIN CERTIFICATE-----")
                  ? gnutls_x509_crt_list_import2(&crts, &n, &bytes, GNUTLS_X509_FMT_PEM,
                                                 GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED)
                  : GNUTLS_E_NO_CERTIFICATE_FOUND;
    if (err >= 0)
        err = n > TLS_CHAIN_MAX ? GNUTLS_E_SHORT_MEMORY_BUFFER : read_names(p, crts[0]);
    for (unsigned i = 0; i < n && err == 0; i++) {
        err = gnutls_pcert_import_x509(&p->chain[i], crts[i], 0);
        p->chain_n += err == 0;
    }
    if (err < 0) {
        err = bad_chain(pem, err, why);
    } else if (!may_sign(crts[0])) {
        buf_addf(why,
                 "%s: the first certificate is not for signing, which a server's must be: its key usage lacks "
                 "digitalSignature. Is it an authority's?",
                 pem->chain_name);
        err = -1;
    } else {
        err = read_key(p, pem, crts[0], why);
        if (err == 0)
            warn_of_time(pem, crts[0], now_s, why);
    }
    for (unsigned i = 0; i < n && crts != NULL; i++)
        gnutls_x509_crt_deinit(crts[i]);
    gnutls_free(crts);
    return err;
}

void pair_fini(struct pair *p)
{
    for (unsigned i = 0; i < p->chain_n; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    for (size_t i = 0; i < p->names_n; i++)
        free(p->names[i]);
    free(p->names);
    if (p->key != NULL)
        gnutls_privkey_deinit(p->key);
    *p = (struct pair){ .chain_n = 0 };
}
