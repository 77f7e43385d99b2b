/* parse.h - HTTP/1.x message heads (RFC 9112), strictly. The parser copies nothing: slices
 * lend from the bytes handed in, so they live as long as those bytes stay in place. It keeps
 * no state but the caller's cursor and may be cut at every byte: what it returns depends on
 * the bytes alone, not on how they arrived. There is no lenient switch: what two readers
 * could read differently is refused. Thread safe (no state of its own). */
#ifndef HEDGEROW_HTTP_PARSE_H
#define HEDGEROW_HTTP_PARSE_H

#include "node/core/fields.h"

/* CloudFront's numbers for a request: 8,192 B of URL, 20,480 B of head (with its last empty
 * line, without a tolerated leading one). One byte more is 413. */
#define HTTP_TARGET_MAX        8192
#define HTTP_REQUEST_HEAD_MAX  20480
#define HTTP_RESPONSE_HEAD_MAX 32768
#define HTTP_METHOD_MAX        32

/* Where a head that arrives in pieces was left. Zero it for each new message and hand it in
 * with the same bytes plus more; the bytes may have moved. Each byte is looked at a constant
 * number of times, however small the pieces are. A head that is whole zeroes it again. */
struct http_cursor {
    size_t line;   /* start of the first line not parsed yet */
    size_t seen;   /* up to here there is no line end */
    size_t fields; /* how many field lines came before */
};

/* Why a message was refused: the status for the viewer and a short static text. */
struct http_fault {
    int status;
    const char *reason;
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_PATCH,
    HTTP_TRACE,
    HTTP_CONNECT,
    HTTP_OTHER, /* any other token, in the request's |method_text|; methods have a case */
};

/* The forms of a request target (RFC 9112 section 3.2). */
enum http_form {
    HTTP_FORM_ORIGIN,    /* /path?query */
    HTTP_FORM_ABSOLUTE,  /* http://authority/path?query */
    HTTP_FORM_AUTHORITY, /* host:port, CONNECT only */
    HTTP_FORM_ASTERISK,  /* *, OPTIONS only */
};

enum http_scheme {
    HTTP_SCHEME_NONE, /* not said: the connection's */
    HTTP_SCHEME_HTTP,
    HTTP_SCHEME_HTTPS,
};

/* How the body is framed (RFC 9112 section 6.3). |has_length| says that Content-Length was
 * given: always so with HTTP_BODY_LENGTH, perhaps so with HTTP_BODY_NONE (an answer to HEAD,
 * a 304), where |length| tells what a GET would have brought. */
enum http_framing {
    HTTP_BODY_NONE,
    HTTP_BODY_LENGTH,
    HTTP_BODY_CHUNKED,
    HTTP_BODY_UNTIL_CLOSE, /* responses only */
};
struct http_body {
    enum http_framing framing;
    bool has_length;
    uint64_t length; /* at most INT64_MAX */
};

struct http_request {
    enum http_method method;
    enum http_form form;
    enum http_scheme scheme; /* of an absolute target: what the viewer says, not what it used */
    uint8_t minor;           /* HTTP/1.0: 0; HTTP/1.1 and later 1.x: 1 */
    bool has_query;          /* a ? was there, though |query| may be empty */
    bool keep_alive;         /* the viewer is willing to send more on this connection */
    bool expect_continue;    /* wants "100 Continue" before it sends its body */
    uint16_t port;           /* 0: none given */
    struct slice method_text, target;
    struct slice path;      /* with its leading slash, "*" in asterisk form, empty for CONNECT */
    struct slice query;     /* behind the ? */
    struct slice authority; /* RFC 9112 section 3.2.2: an absolute target's, else Host's; empty */
    struct slice host;      /*   only for HTTP/1.0 without Host. |host| is it without the port, */
                            /*   case as sent, IPv6 with its brackets */
    struct http_body body;
    struct fields fields;
    struct http_fault fault; /* set with an error */
};

/* http_parse_request parses the head at the start of |in|.
 * 0: |*out| is whole, |*used| bytes were the head, the body follows.
 * MESH_E_SHORT: so far so good, more bytes are needed; |*out| means nothing.
 * Else refused, and |out->fault| says how: MESH_E_SYNTAX (400, 417, 501), MESH_E_FULL (413,
 * 431), MESH_E_VERSION (505). |method_text|, |method|, |target| are then what was sent, or
 * empty and HTTP_OTHER if the request line itself was at fault. Answer, close, and execute
 * nothing behind it. One empty line before the request line is skipped. */
int http_parse_request(struct slice in, struct http_cursor *at, struct http_request *out, size_t *used);

struct http_response {
    uint16_t status; /* 100..599 */
    uint8_t minor;
    bool keep_alive; /* the connection may be used again once the body has been read to its end */
    struct slice reason;
    struct http_body body;
    struct fields fields;
    struct http_fault fault; /* set with an error; its status is always 502 */
};

/* http_parse_response does the same for a response; |head_request| says that it answers
 * HEAD. An interim answer (1xx) is returned like any other: parse on behind it; the caller
 * bounds their number. Errors as above; close the connection then and store nothing. */
int http_parse_response(struct slice in, struct http_cursor *at, bool head_request, struct http_response *out,
                        size_t *used);

#endif
