/* http_get.h - one GET or POST and its whole answer, for commands. */
#ifndef HEDGEROW_CLI_HTTP_GET_H
#define HEDGEROW_CLI_HTTP_GET_H

#include "node/core/fields.h"
#include "proto/base/addr.h"
#include "proto/base/buf.h"
#include "proto/base/time.h"

#define HTTP_GET_BODY_MAX (UINT64_C(1) << 30)

struct http_get {
    uint16_t status;
    struct fields fields; /* lend from |raw| */
    struct buf raw;       /* the answer as it came */
    struct buf body;
};

struct http_call {
    const char *method, *path;
    const char *token, *if_match; /* NULL: none */
    const struct slice *body;     /* NULL: none */
};

/* http_get asks |addr| for |path| on a connection of its own; |token| (or NULL) is sent as a
 * bearer token; |timeout| bounds the connect and each read. 0 with the whole answer in |out|,
 * or -1 with the reason in |why|. http_get_free follows in both cases. */
int http_get(struct http_get *out, const struct mesh_addr *addr, const char *path, const char *token, mesh_ns timeout,
             struct buf *why);
/* http_post sends |body| there in the same way. */
int http_post(struct http_get *out, const struct mesh_addr *addr, const char *path, const char *token,
              struct slice body, mesh_ns timeout, struct buf *why);
/* http_send is either, and any other. */
int http_send(struct http_get *out, const struct mesh_addr *addr, const struct http_call *what, mesh_ns timeout,
              struct buf *why);
void http_get_free(struct http_get *g);

#endif
