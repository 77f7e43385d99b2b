/* What a server shows: a set of chains, and which one a viewer gets. */
#include <stdlib.h>

#include "node/tls/tls_impl.h"

/* RFC 7525 section 4.2, and RFC 9325 after it: ECDHE and AEAD alone. */
int policy_priority(gnutls_priority_t *out, enum tls_policy policy)
{
    static const char *const texts[] = {
        [TLS_INTERMEDIATE] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:"
                             "+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:-GROUP-ALL:+GROUP-X25519:"
                             "+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE",
        [TLS_MODERN] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
                       "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE",
    };
    return gnutls_priority_init(out, texts[policy], NULL);
}

/* How well |p| fits: 2 by name, 1 by wildcard, 0 not at all. */
static int fit(const struct pair *p, const char *name)
{
    const char *dot = strchr(name, '.');
    int best = 0;

    for (size_t i = 0; i < p->names_n; i++) {
        const char *own = p->names[i];
        if (strcmp(own, name) == 0)
            return 2;
        if (dot != NULL && dot != name && own[0] == '*' && own[1] == '.' && strcmp(own + 1, dot) == 0)
            best = 1;
    }
    return best;
}

/* Whether the viewer takes a signature of such a key (RFC 8446 section 4.2.3), in a suite that it offers. */
static bool knows(gnutls_session_t session, const struct pair *p)
{
    gnutls_sign_algorithm_t sign;

    for (size_t i = 0; gnutls_sign_algorithm_get_requested(session, i, &sign) == 0; i++) {
        if (gnutls_sign_supports_pk_algorithm(sign, p->kind))
            return tls_offers(session, p->kind);
    }
    return false;
}

/* Which one a viewer that asks for |name| (lower case, may be empty) gets. */
static const struct pair *pick(gnutls_session_t session, const char *name)
{
    const struct tls_certs *certs = tls_certs_of(session);
    const struct pair *best = NULL, *usable = NULL;
    int best_fit = 0;

    for (size_t i = 0; i < certs->n; i++) {
        const struct pair *p = &certs->pairs[i];
        if (!knows(session, p))
            continue;
        int how = name[0] != 0 ? fit(p, name) : 0;
        if (usable == NULL)
            usable = p;
        if (how > best_fit) {
            best = p;
            best_fit = how;
        }
    }
    return best != NULL ? best : usable != NULL ? usable : &certs->pairs[0];
}

/* The name that the viewer asks for, in lower case; empty: none, or none that is one. */
static void sni_of(gnutls_session_t session, char name[TLS_NAME_MAX + 1])
{
    size_t len = TLS_NAME_MAX + 1;
    unsigned kind;

    if (gnutls_server_name_get(session, name, &len, &kind, 0) != 0 || kind != GNUTLS_NAME_DNS) {
        name[0] = 0;
        return;
    }
    for (char *at = name; *at != 0; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
}

static int retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
                    unsigned *chain_n, gnutls_ocsp_data_st **ocsp, unsigned *ocsp_n, gnutls_privkey_t *key,
                    unsigned *flags)
{
    char name[TLS_NAME_MAX + 1];

    (void)info;
    sni_of(session, name);
    const struct pair *p = pick(session, name);
    *ocsp = NULL;
    *ocsp_n = *flags = 0;
    memcpy(chain, &(const gnutls_pcert_st *){ p->chain }, sizeof(*chain)); /* GnuTLS only reads it */
    *chain_n = p->chain_n;
    *key = p->key;
    return 0;
}

static int ticket_key(struct tls_certs *certs, const struct tls_certs *before)
{
    if (before == NULL)
        return gnutls_session_ticket_key_generate(&certs->ticket_key);
    certs->ticket_key.data = gnutls_malloc(before->ticket_key.size);
    if (certs->ticket_key.data == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    memcpy(certs->ticket_key.data, before->ticket_key.data, before->ticket_key.size);
    certs->ticket_key.size = before->ticket_key.size;
    return 0;
}

struct tls_certs *tls_certs_new(const struct tls_pem *pems, size_t n, enum tls_policy policy,
                                const struct tls_certs *before, int64_t now_s, struct buf *why)
{
    struct tls_certs *certs = calloc(1, sizeof(*certs));

    assert(n >= 1 && n <= TLS_CERTS_MAX);
    if (certs != NULL)
        certs->pairs = calloc(n, sizeof(*certs->pairs));
    if (certs == NULL || certs->pairs == NULL) {
        free(certs);
        buf_add_str(why, "out of memory.");
        return NULL;
    }
    certs->magic = CERTS_MAGIC;
    atomic_init(&certs->refs, 1);
    for (size_t i = 0; i < n; i++) {
        struct buf said = BUF_EMPTY;
        certs->n++;
        int err = pair_read(&certs->pairs[i], &pems[i], now_s, &said);
        if (err != 0)
            buf_clear(why); /* the warnings so far matter no more */
        if (said.len > 0)
            buf_addf(why, "%s%.*s", why->len > 0 ? " " : "", SLICE_FMT(buf_slice(&said)));
        buf_free(&said);
        if (err != 0) {
            tls_certs_unref(certs);
            return NULL;
        }
    }
    if (gnutls_certificate_allocate_credentials(&certs->cred) != 0 || policy_priority(&certs->priority, policy) != 0 ||
        ticket_key(certs, before) != 0) {
        tls_certs_unref(certs);
        buf_clear(why);
        buf_add_str(why, "out of memory.");
        return NULL;
    }
    gnutls_certificate_set_retrieve_function3(certs->cred, retrieve);
    return certs;
}

struct tls_certs *tls_certs_ref(struct tls_certs *certs)
{
    OBJ_CHECK(certs, CERTS_MAGIC);
    atomic_fetch_add_explicit(&certs->refs, 1, memory_order_relaxed);
    return certs;
}

void tls_certs_unref(struct tls_certs *certs)
{
    if (certs == NULL)
        return;
    OBJ_CHECK(certs, CERTS_MAGIC);
    if (atomic_fetch_sub_explicit(&certs->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < certs->n; i++)
        pair_fini(&certs->pairs[i]);
    free(certs->pairs);
    if (certs->cred != NULL)
        gnutls_certificate_free_credentials(certs->cred);
    if (certs->priority != NULL)
        gnutls_priority_deinit(certs->priority);
    if (certs->ticket_key.data != NULL)
        gnutls_memset(certs->ticket_key.data, 0, certs->ticket_key.size);
    gnutls_free(certs->ticket_key.data);
    certs->magic = 0;
    free(certs);
}

size_t tls_certs_n(const struct tls_certs *certs)
{
    OBJ_CHECK(certs, CERTS_MAGIC);
    return certs->n;
}
