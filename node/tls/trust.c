/* Whom a client trusts, and what it shows of itself. */
#include <stdlib.h>

#include "node/tls/tls_impl.h"

static int out_of_memory(struct buf *why)
{
    buf_add_str(why, "out of memory.");
    return -1;
}

static int add_anchors(struct tls_trust *trust, struct slice anchors, const char *name, struct buf *why)
{
    gnutls_datum_t bytes = { .size = (unsigned)anchors.len };
    int n;

    if (anchors.len == 0) {
        n = gnutls_certificate_set_x509_system_trust(trust->cred);
        if (n <= 0)
            buf_add_str(why,
                        "this system has no certificate authorities: install ca-certificates, or name a file of them.");
        return n <= 0 ? -1 : 0;
    }
    memcpy(&bytes.data, &anchors.data, sizeof(bytes.data)); /* GnuTLS only reads it */
    n = gnutls_certificate_set_x509_trust_mem(trust->cred, &bytes, GNUTLS_X509_FMT_PEM);
    if (n <= 0)
        buf_addf(why, "%s holds no certificate of an authority that can be read: a PEM file of them is wanted.", name);
    return n <= 0 ? -1 : 0;
}

/* The pair is read as a server's is, for the sake of its messages. */
static int add_client(struct tls_trust *trust, const struct tls_pem *client, struct buf *why)
{
    gnutls_datum_t chain = { .size = (unsigned)client->chain.len }, key = { .size = (unsigned)client->key.len };
    struct pair p = { .chain_n = 0 };

    int err = pair_read(&p, client, 0, why);
    pair_fini(&p);
    if (err != 0)
        return -1;
    buf_clear(why); /* whether it is in its time is the server's to judge */
    memcpy(&chain.data, &client->chain.data, sizeof(chain.data));
    memcpy(&key.data, &client->key.data, sizeof(key.data));
    return gnutls_certificate_set_x509_key_mem2(trust->cred, &chain, &key, GNUTLS_X509_FMT_PEM, NULL, 0) < 0
               ? out_of_memory(why)
               : 0;
}

struct tls_trust *tls_trust_new(struct slice anchors, const char *anchors_name, const struct tls_pem *client,
                                enum tls_policy policy, struct buf *why)
{
    struct tls_trust *trust = calloc(1, sizeof(*trust));
    int err;

    if (trust == NULL) {
        out_of_memory(why);
        return NULL;
    }
    trust->magic = TRUST_MAGIC;
    atomic_init(&trust->refs, 1);
    if (gnutls_certificate_allocate_credentials(&trust->cred) != 0 || policy_priority(&trust->priority, policy) != 0)
        err = out_of_memory(why);
    else if ((err = add_anchors(trust, anchors, anchors_name, why)) == 0 && client != NULL)
        err = add_client(trust, client, why);
    if (err == 0)
        return trust;
    tls_trust_unref(trust);
    return NULL;
}

struct tls_trust *tls_trust_ref(struct tls_trust *trust)
{
    OBJ_CHECK(trust, TRUST_MAGIC);
    atomic_fetch_add_explicit(&trust->refs, 1, memory_order_relaxed);
    return trust;
}

void tls_trust_unref(struct tls_trust *trust)
{
    if (trust == NULL)
        return;
    OBJ_CHECK(trust, TRUST_MAGIC);
    if (atomic_fetch_sub_explicit(&trust->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (trust->cred != NULL)
        gnutls_certificate_free_credentials(trust->cred);
    if (trust->priority != NULL)
        gnutls_priority_deinit(trust->priority);
    trust->magic = 0;
    free(trust);
}
