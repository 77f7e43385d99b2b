/* chunked.h - the chunked transfer coding (RFC 9112 section 7.1), decoded in place: bytes go
 * in as they arrive, cut anywhere, and runs of data are lent from them. Holds no bytes of its
 * own. Extensions and trailer fields are checked and dropped. Not thread safe. */
#ifndef HEDGEROW_HTTP_CHUNKED_H
#define HEDGEROW_HTTP_CHUNKED_H

#include "proto/base/slice.h"

#define HTTP_CHUNK_DIGITS_MAX     16
#define HTTP_CHUNK_EXTENSION_MAX  256  /* bytes in one chunk's size line, with the semicolon */
#define HTTP_CHUNK_EXTENSIONS_MAX 4096 /* and in all of them */
#define HTTP_TRAILER_MAX          8192 /* all that follows the last chunk's line, its empty line too */
/* What is not data may be this much, and so many times the data: one-byte chunks pass (five
 * for each byte), chunks that cost more than they bring do not. */
#define HTTP_CHUNKED_SLACK    (16 * 1024)
#define HTTP_CHUNKED_OVERHEAD 8

enum http_chunked_state {
    HTTP_CHUNKED_SIZE,
    HTTP_CHUNKED_EXTENSION,
    HTTP_CHUNKED_SIZE_LF,
    HTTP_CHUNKED_DATA,
    HTTP_CHUNKED_DATA_CR,
    HTTP_CHUNKED_DATA_LF,
    HTTP_CHUNKED_TRAILER,
    HTTP_CHUNKED_TRAILER_NAME,
    HTTP_CHUNKED_TRAILER_VALUE,
    HTTP_CHUNKED_TRAILER_LF,
    HTTP_CHUNKED_END_LF,
    HTTP_CHUNKED_DONE,
    HTTP_CHUNKED_FAILED,
};

struct http_chunked {
    enum http_chunked_state state;
    uint64_t left;        /* of this chunk's data */
    uint64_t data_bytes;  /* declared so far: what the body's length will be at least */
    uint64_t other_bytes; /* read so far that are not data */
    uint32_t digits, extension, extensions, trailer;
    int err;            /* once failed, for good */
    const char *reason; /* a short static text, with |err| */
};

void http_chunked_init(struct http_chunked *c);

/* http_chunked_read moves |in| past what it reads and lends the next run of data from it.
 * 0: |*data| is not empty, or the body has ended (http_chunked_done) and |in| is what follows
 * it. MESH_E_SHORT: |in| is used up. Else the body is malformed and |c->reason| says how:
 * MESH_E_SYNTAX, MESH_E_RANGE (a size), MESH_E_FULL (a limit): close the connection.
 *
 *     while ((err = http_chunked_read(&c, &in, &data)) == 0 && !http_chunked_done(&c))
 *         take(data); */
int http_chunked_read(struct http_chunked *c, struct slice *in, struct slice *data);

/* http_chunked_gather reads as http_chunked_read does, but copies runs shorter than a quarter of |room_len|, as many as
 * follow one another, to |room|, and lends those from there: for who pays for each call more than for each byte (row
 * S6).
 * |*data| may therefore come with any code: take it first, then look at the code and at http_chunked_done. */
int http_chunked_gather(struct http_chunked *c, struct slice *in, struct slice *data, uint8_t *room, size_t room_len);

static inline bool http_chunked_done(const struct http_chunked *c)
{
    return c->state == HTTP_CHUNKED_DONE;
}

#endif
