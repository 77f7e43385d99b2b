/* credential.h - what a request brings to show that it may: the parameters of a signed URL, or cookies. Where the URL
 * has any, the cookies do not count. Pure functions.
 *
 *   canned  Expires, Signature, Key-Pair-Id; cookies CloudFront-Expires, -Signature, -Key-Pair-Id
 *   custom  Policy, Signature, Key-Pair-Id; cookies CloudFront-Policy, -Signature, -Key-Pair-Id
 *   either  Hash-Algorithm, CloudFront-Hash-Algorithm: SHA1 (also when not said) or SHA256
 *   token   Hedgerow; cookie Hedgerow (url_token.h)
 *
 * Of cookies the first of a name counts, which is the one of the longest path (RFC 6265 section 5.4), and a policy
 * before a time; a parameter that comes twice is refused. */
#ifndef HEDGEROW_SIGNED_CREDENTIAL_H
#define HEDGEROW_SIGNED_CREDENTIAL_H

#include "proto/base/buf.h"

#define CREDENTIAL_VALUE_MAX 8192

enum credential_kind { CREDENTIAL_NONE, CREDENTIAL_CANNED, CREDENTIAL_CUSTOM, CREDENTIAL_TOKEN };

struct credential {
    enum credential_kind kind;
    bool of_url;
    bool sha256;
    struct slice key_id, expires, policy, signature; /* lent from the request, or from |room| */
    struct slice token;
    struct slice target; /* without them: lent from the request, or from |room| */
};

/* credential_read looks at |target| (path and query) and the |n| values of Cookie fields. |room| is cleared first, and
 * holds what is lent from it. 0; MESH_E_SYNTAX: some are there and do not make one, |out->target| stands; MESH_E_RANGE:
 * too long, likewise; MESH_E_NOMEM. */
int credential_read(struct credential *out, struct slice target, const struct slice *cookies, size_t n,
                    struct buf *room);

/* credential_cookie: is a cookie of this name one of them? The origin does not get those. */
bool credential_cookie(struct slice name);

/* credential_secret: is a parameter of a query, or with |cookie| a cookie, of this name one that helps a stranger in,
 * and has to stay out of logs? Times and algorithms are none. */
bool credential_secret(struct slice name, bool cookie);

#endif
