/* h1.h - what requests and responses have in common: lines, field lines, framing. Used by
 * the parsers of this folder only. */
#ifndef HEDGEROW_HTTP_H1_H
#define HEDGEROW_HTTP_H1_H

#include "node/http/parse.h"

/* h1_refuse fills |fault| and returns the code that goes with |status|. */
int h1_refuse(struct http_fault *fault, int status, const char *reason);

/* h1_line lends the next line of |in|, without its CRLF, and moves |at| behind it. |max|
 * bounds the offset where it may end. MESH_E_SHORT when it is not whole yet. Refuses (400)
 * control bytes and bare CR or LF as soon as they are seen, and (413) a head past |max|. */
int h1_line(struct slice in, struct http_cursor *at, size_t max, struct slice *line, struct http_fault *fault);

/* h1_fields adds field lines to |fields| up to and with the empty line that ends the head.
 * 0, MESH_E_SHORT, or refused. */
int h1_fields(struct slice in, struct http_cursor *at, size_t max, struct fields *fields, struct http_fault *fault);

/* h1_version reads "HTTP/1.x": 400 when it is none, 505 for another major version. */
int h1_version(struct slice text, uint8_t *minor, struct http_fault *fault);

/* The fields that decide about framing and the connection, gathered in one walk. */
struct h1_facts {
    const struct field *host, *expect, *transfer_encoding; /* the last one: "chunked" and nothing else */
    bool has_length, close, keep_alive;
    uint64_t length;
};

/* h1_facts reads them; refuses what RFC 9112 section 6 leaves ambiguous: more than one
 * Content-Length, or an odd one; Transfer-Encoding other than exactly "chunked", in HTTP/1.0,
 * or beside Content-Length; more than one Host. */
int h1_facts(const struct fields *fields, uint8_t minor, struct h1_facts *facts, struct http_fault *fault);

/* h1_keep_alive: may the connection be used again (RFC 9112 section 9.3)? */
bool h1_keep_alive(const struct h1_facts *facts, uint8_t minor);

#endif
