/* tls_impl.h - what the files of this folder share. Nobody else includes it. */
#ifndef HEDGEROW_TLS_TLS_IMPL_H
#define HEDGEROW_TLS_TLS_IMPL_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>

#include "node/tls/tls.h"
#include "proto/base/obj.h"

#define CERTS_MAGIC  0x74636572u
#define TRUST_MAGIC  0x74727573u
#define TLS_NAME_MAX 253 /* RFC 1035 section 2.3.4 */

/* One chain with its key. */
struct pair {
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned chain_n;
    gnutls_privkey_t key;
    gnutls_pk_algorithm_t kind;
    char **names; /* lower case, wildcards with their "*." */
    size_t names_n;
};

struct tls_certs {
    uint32_t magic;
    atomic_uint refs;
    struct pair *pairs;
    size_t n;
    gnutls_certificate_credentials_t cred;
    gnutls_priority_t priority;
    gnutls_datum_t ticket_key;
};

struct tls_trust {
    uint32_t magic;
    atomic_uint refs;
    gnutls_certificate_credentials_t cred;
    gnutls_priority_t priority;
};

/* pair_read fills |p|, which is zero, from |pem|: 0, or -1 with |why|. Either way pair_fini is due. */
int pair_read(struct pair *p, const struct tls_pem *pem, int64_t now_s, struct buf *why);
void pair_fini(struct pair *p);

int policy_priority(gnutls_priority_t *out, enum tls_policy policy);

/* The set that a server's session goes by; and whether a suite that the viewer offers goes with a key of |kind|. */
struct tls_certs *tls_certs_of(gnutls_session_t session);
bool tls_offers(gnutls_session_t session, gnutls_pk_algorithm_t kind);

#endif
