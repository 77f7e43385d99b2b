/* upstream_request.h - what we ask an origin, and how we see that we ask ourselves. Pure
 * functions. */
#ifndef HEDGEROW_IO_UPSTREAM_REQUEST_H
#define HEDGEROW_IO_UPSTREAM_REQUEST_H

#include "node/core/engine.h"
#include "node/dist/dist.h"
#include "node/http/parse.h"

/* What goes along with the head of a request that has a method (fetch.method); NULL: nothing. */
struct upstream_body {
    struct http_body body; /* as the viewer framed it: its framing is ours anew */
    bool expect;           /* the viewer waits to be told to go on (Expect: 100-continue) */
};

/* upstream_request appends the head of the request for |f|. The origin's own fields take the place of the viewer's of
 * the same names. Of a viewer's fields only those pass that are end to end, that cannot change what is stored, and that
 * do not claim to be somebody's who stands before us. |secret| goes along as X-Origin-Secret; empty: none. 0, or
 * MESH_E_SYNTAX (a part could not stand in a request), MESH_E_NOMEM; |out| is then of no use. */
int upstream_request(struct buf *out, const struct dist_origin *origin, const struct fetch *f,
                     const struct upstream_body *body, struct slice secret, struct slice node,
                     const struct mesh_id *mesh);

/* upstream_loops: did a request with |fields| come from a node of this mesh (RFC 8586)? Then its
 * origin is, in the end, ourselves. */
bool upstream_loops(const struct fields *fields, const struct mesh_id *mesh);

#endif
