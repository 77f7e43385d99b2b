/* upload.h - the body of a request on its way from its viewer to the origin: what was read and is not sent yet lies in a
 * buffer of fixed size, and nobody reads on while it is full. The exchange puts bytes in (upload_take), the origin
 * connection takes them out (upload_ready, upload_sent).
 *
 *   viewer --upload_take--> |ready| --upload_sent--> origin connection
 *
 * Either may end first: the viewer leaves (upload_free; the origin sees its connection end, never the end of the body), or
 * the origin has answered or is gone (|closed|; what the viewer still sends is not read). Not thread safe. */
#ifndef HEDGEROW_IO_UPLOAD_H
#define HEDGEROW_IO_UPLOAD_H

#include "node/http/chunked.h"
#include "node/http/parse.h"
#include "proto/base/buf.h"

#define UPLOAD_BYTES (128u << 10)

struct exchange;
struct conn;

struct upload {
    struct exchange *x;
    struct conn *conn;     /* which sends it; NULL: none yet, or no more */
    struct http_body body; /* as the viewer framed it */
    uint64_t left;         /* with a length: not read yet */
    struct http_chunked chunked;
    struct buf ready; /* read, not sent: from |at| on */
    size_t at;
    bool begun;   /* some of it was read */
    bool ended;   /* all of it was read */
    bool closed;  /* nobody will send it any more */
    bool expects; /* the viewer waits for "100 Continue" before it sends the body */
};

/* upload_new: owned by the caller until upload_free. NULL: out of memory. |q| has a body. */
struct upload *upload_new(struct exchange *x, const struct http_request *q);
void upload_free(struct upload *u);

/* upload_take moves |in| past what there is room for, and past no byte behind the body. 0, or what http_chunked_read
 * says, MESH_E_NOMEM: the body cannot be had any more. */
int upload_take(struct upload *u, struct slice *in);

/* upload_wants: is there room, and somebody to send it? */
bool upload_wants(const struct upload *u);

/* upload_ready lends what may be sent; upload_sent takes |n| bytes of it off. */
struct slice upload_ready(const struct upload *u);
void upload_sent(struct upload *u, size_t n);

#endif
