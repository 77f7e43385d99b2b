/* serialise.h - HTTP/1.1 message heads and chunk framing, written from structs. Nothing that
 * somebody else sent is copied as it came: each part is checked where it is written, so that
 * no byte of a value can end a line. Running out of memory marks the buf (buf_ok); then
 * what it holds is of no use. Thread safe (no state of its own). */
#ifndef HEDGEROW_HTTP_SERIALISE_H
#define HEDGEROW_HTTP_SERIALISE_H

#include "node/http/parse.h"
#include "proto/base/buf.h"

/* ---- whole heads ---- */
struct http_request_head {
    struct slice method, target, host; /* |host|: with port, as the origin is to see it */
    const struct fields *fields;       /* the rest; may be NULL */
    struct http_body body;
    bool close;           /* this is the connection's last request */
    struct slice upgrade; /* a protocol to change to, or empty */
};

/* http_put_request appends a request head: request line, Host, the end-to-end ones of
 * |fields|, framing and connection as told here. Of |fields| it leaves out what stops at this
 * hop (RFC 9110 section 7.6.1) and what it writes itself: Host, Content-Length, Expect.
 * 0, or MESH_E_SYNTAX (a part is not what its grammar allows) with |out| as before. */
int http_put_request(struct buf *out, const struct http_request_head *head);

struct http_response_head {
    unsigned status;             /* its standard phrase is written */
    uint8_t minor;               /* of the request: HTTP/1.0 must be told "keep-alive" */
    const struct fields *fields; /* may be NULL */
    struct http_body body;       /* chunked: not to HTTP/1.0; until close: with |close| */
    bool close;
    struct slice date;    /* written when |fields| has no Date; may be empty */
    struct slice upgrade; /* with 101 */
};

/* http_put_response does the same for a response. 1xx and 204 get no framing. */
int http_put_response(struct buf *out, const struct http_response_head *head);

/* ---- their parts ---- */
/* http_put_field appends "name: value" CRLF. 0, or MESH_E_SYNTAX with nothing written: the name
 * is no token, or the value holds CR, LF, NUL or another control byte. */
int http_put_field(struct buf *out, struct slice name, struct slice value);
/* http_put_sound does so for a field that was judged before. */
void http_put_sound(struct buf *out, struct slice name, struct slice value);
void http_put_number(struct buf *out, struct slice name, uint64_t value);

/* http_put_request_line: |method| a token, |target| visible ASCII without #. As above. */
int http_put_request_line(struct buf *out, struct slice method, struct slice target);
void http_put_status_line(struct buf *out, unsigned status);

/* http_put_framing appends Content-Length or Transfer-Encoding, or nothing. */
void http_put_framing(struct buf *out, const struct http_body *body);

/* http_put_end appends the empty line. */
void http_put_end(struct buf *out);

/* http_put_continue appends the whole interim answer 100. */
void http_put_continue(struct buf *out);

/* http_reason is the standard phrase of |status|, "" for one that has none. */
const char *http_reason(unsigned status);

/* http_put_uri appends |text| with each byte that no URI may hold percent-encoded: for a
 * Location or Link made of what a viewer sent. An encoded byte is not encoded again. */
void http_put_uri(struct buf *out, struct slice text);

/* ---- chunks ---- */
/* A chunk is its line, |size| bytes of data, CRLF; http_put_last_chunk ends the body. */
#define HTTP_CHUNK_LINE_MAX 18
#define HTTP_CHUNK_END      "\r\n"
#define HTTP_LAST_CHUNK     "0\r\n\r\n"

/* http_chunk_line writes the line of a chunk of |size| > 0 bytes; returns its length. */
size_t http_chunk_line(uint8_t line[HTTP_CHUNK_LINE_MAX], uint64_t size);
/* http_put_chunk appends |data| as one chunk; nothing when it is empty, which would end the body. */
void http_put_chunk(struct buf *out, struct slice data);
void http_put_last_chunk(struct buf *out);

#endif
