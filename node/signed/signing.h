/* signing.h - makes what signed.h takes: signed URLs and cookies, tokens, and keys for them. Pure, but for the
 * randomness of a new key; the same wish signed twice with the same key is the same (ECDSA as in RFC 6979). */
#ifndef HEDGEROW_SIGNED_SIGNING_H
#define HEDGEROW_SIGNED_SIGNING_H

#include "node/signed/signers.h"

#define SIGNING_PARTS_MAX 5

struct signing_key;

/* signing_key_read reads a private key in PEM (PKCS#8, or as openssl writes RSA and EC keys). 0, or MESH_E_SYNTAX,
 * MESH_E_TYPE, MESH_E_NOMEM with a sentence in |why|. The key is the caller's until signing_key_free, which takes NULL.
 */
int signing_key_read(struct signing_key **out, struct slice pem, struct buf *why);
int signing_key_new(struct signing_key **out, enum signer_kind kind);
void signing_key_free(struct signing_key *k);

enum signer_kind signing_key_kind(const struct signing_key *k);

/* signing_key_pem appends its two halves, in PEM. 0 or MESH_E_NOMEM. Wiping |secret| is the caller's affair. */
int signing_key_pem(const struct signing_key *k, struct buf *secret, struct buf *public);

struct signing_wish {
    struct slice url; /* absolute, as the viewer will ask for it */
    struct slice key_id;
    int64_t ends_s;
    int64_t starts_s; /* < 0: not said; */
    struct slice net; /* or empty; */
    struct slice
        resource; /* or empty: one of these makes a custom policy (for the URL itself, where it is the resource) */
    struct slice prefix; /* of the URL's path, for a token; empty: this URL alone */
    bool sha256;
};

/* What is to be added to the URL, or is to become cookies: CloudFront- and the name, but for a token's. */
struct signing_made {
    struct {
        const char *name;
        struct buf value;
    } part[SIGNING_PARTS_MAX];
    size_t n;
    struct buf policy; /* what was signed */
};

/* signing_make signs. 0; MESH_E_SYNTAX, MESH_E_RANGE with what is wrong in |why|, MESH_E_NOMEM. |out| is to be given to
 * signing_fini in any case. */
int signing_make(struct signing_made *out, const struct signing_key *k, const struct signing_wish *w, struct buf *why);
void signing_fini(struct signing_made *m);

/* signing_url appends the URL with its parts. signing_cookie appends "NAME=VALUE" of part |i|. */
void signing_url(struct buf *out, struct slice url, const struct signing_made *m);
void signing_cookie(struct buf *out, const struct signing_made *m, size_t i);

#endif
