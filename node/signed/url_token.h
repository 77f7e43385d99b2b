/* url_token.h - the short form of a signed URL: one parameter or cookie, signed by an Ed25519 key (RFC 8032). Pure
 * functions.
 *
 *   Hedgerow=1~KEY~eENDS[~sSTARTS][~pBYTES][~aNETWORK]~SIGNATURE
 *
 * ENDS and STARTS are Unix times: allowed before the one and after the other. BYTES: so many first bytes of the path
 * are what is signed, and all URLs with them are let in, whatever their query; without it one URL is, with its query
 * (and without the token). NETWORK is the viewer's, in CIDR form. The fields come in this order, each once at the most.
 * SIGNATURE is base64url without padding, of
 *
 *   "hedgerow-url-1\n" what is before its ~ "\n" host, lower case, without port "\n" path and query, or the path's
 * start
 *
 * With a key's id of 24 characters, the longest allowed, the URL grows by 199 at the most. */
#ifndef HEDGEROW_SIGNED_URL_TOKEN_H
#define HEDGEROW_SIGNED_URL_TOKEN_H

#include "node/signed/network.h"
#include "proto/base/buf.h"

#define URL_TOKEN_NAME      "Hedgerow"
#define URL_TOKEN_ID_MAX    24
#define URL_TOKEN_MAX       189 /* of the value */
#define URL_TOKEN_SIGNATURE 64

struct url_token {
    struct slice key_id, head, signature; /* lent: |signature| as text, |head| what is before its ~ */
    int64_t ends_s, starts_s;             /* < 0: not said */
    bool by_prefix;
    size_t prefix; /* bytes of the path */
    bool has_net;
    struct network net;
};

/* url_token_read: 0, or MESH_E_SYNTAX. */
int url_token_read(struct url_token *out, struct slice text);

/* url_token_text appends what is signed. |target| has no token in it any more. MESH_E_RANGE: its path is shorter than
 * the prefix, or has segments of dots while a prefix counts; MESH_E_NOMEM. */
int url_token_text(struct buf *out, const struct url_token *t, struct slice host, struct slice target);

/* url_token_head appends all before the last ~; an empty |net|, a |starts_s| < 0 and |prefix| SIZE_MAX are left out. */
void url_token_head(struct buf *out, struct slice key_id, int64_t ends_s, int64_t starts_s, size_t prefix,
                    struct slice net);

#endif
