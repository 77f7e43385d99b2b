/* upstream_sign.h - a request for an S3-compatible bucket, signed (node/sigv4). Pure: it takes the head that
 * upstream_request.h wrote and writes it anew.
 *
 * What is signed: Host, Range, Content-Type, Content-MD5 and all X-Amz-*: what S3 wants signed, and what says which
 * bytes are meant. Fields that proxies on the way may change (Via, Accept-Encoding, conditions) are not.
 *
 * A signature lends the origin's trust in us to a viewer, so what viewers say with it is little: none of their X-Amz-*
 * goes into a GET or HEAD, and into other methods none that belongs to a signature. */
#ifndef HEDGEROW_IO_UPSTREAM_SIGN_H
#define HEDGEROW_IO_UPSTREAM_SIGN_H

#include "node/sigv4/profile.h"
#include "node/sigv4/sigv4.h"

enum upstream_signing {
    UPSTREAM_SIGN_ALWAYS,      /* a viewer's Authorization is replaced */
    UPSTREAM_SIGN_NO_OVERRIDE, /* a request that a viewer has signed goes on as it is */
    UPSTREAM_SIGN_NEVER,
};

#define UPSTREAM_CHUNK_BYTES (64u << 10) /* of a payload that is signed chunk by chunk; the last one may be shorter */
#define UPSTREAM_REGION_MAX  63

struct upstream_signing_by {
    enum upstream_signing how;
    struct slice region;
    const struct profile *keys;
    struct sigv4_memo *memo;
    bool https; /* the payload may go unsigned */
};

/* upstream_sign signs the request whose whole head |head| holds. Over https a payload is not signed; over http one of
 * known length is, in chunks: then |*chunks| is set, |chain| begun, and the body must follow as upstream_chunk_line
 * says. 0; MESH_E_RANGE (the clock), MESH_E_FULL (too many fields), MESH_E_NOMEM, MESH_E_SYNTAX (it is no head): then
 * |head| is of no use. */
int upstream_sign(struct buf *head, const struct upstream_signing_by *by, int64_t wall_s, struct sigv4_chain *chain,
                  bool *chunks);

/* upstream_chunk_line appends what stands between the chunk before and |data|, which follows: UPSTREAM_CHUNK_BYTES, or
 * the rest; nothing at all ends the body. */
void upstream_chunk_line(struct buf *out, struct sigv4_chain *chain, struct slice data, bool first);

#endif
