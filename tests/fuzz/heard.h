/* heard.h - what http_parser says of a message, in words of our own: its header and parse.h have names in common. */
#ifndef HEDGEROW_TESTS_HEARD_H
#define HEDGEROW_TESTS_HEARD_H

#include "proto/base/buf.h"

struct heard {
    bool head_request;       /* set by the caller: the response answers HEAD */
    bool failed, stricter;   /* |stricter|: with a refusal that it alone makes (heard.c has the list) */
    bool headers_done, done; /* the message ended within the bytes */
    bool chunked, has_length, until_close, keep_alive;
    unsigned major, minor, status;
    uint64_t left; /* of the body's length */
    size_t used;
    const char *error, *method;
    struct buf url, body, fields; /* |fields|: name, zero, value, zero ... */
    bool in_value, any;
};

/* heard_read reads one message; heard_free lets go of what it holds. */
void heard_read(struct heard *h, bool response, struct slice in);
void heard_free(struct heard *h);

#endif
