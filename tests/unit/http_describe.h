/* http_describe.h - a parsed head, or why there is none, as one line of text; and the same
 * bytes fed in pieces. The unit tests compare with literal lines, the fuzz targets compare
 * the line of the whole with the line of the pieces. */
#ifndef HEDGEROW_TESTS_HTTP_DESCRIBE_H
#define HEDGEROW_TESTS_HTTP_DESCRIBE_H

#include <stdlib.h>

#include "node/http/parse.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"

static inline const char *describe_framing(const struct http_body *body)
{
    static const char *const words[] = { "none", "length", "chunked", "until-close" };

    return words[body->framing];
}

static inline void describe_fields(struct buf *out, const struct fields *fields)
{
    for (size_t i = 0; i < fields->n; i++)
        buf_addf(out, " [%.*s|%.*s]", SLICE_FMT(fields->at[i].name), SLICE_FMT(fields->at[i].value));
}

static inline void describe_fault(struct buf *out, int err, const struct http_fault *fault)
{
    if (err == MESH_E_SHORT)
        buf_add_str(out, "short");
    else
        buf_addf(out, "%d %s", fault->status, fault->reason);
}

static inline void describe_body(struct buf *out, const struct http_body *body)
{
    buf_addf(out, "%s", describe_framing(body));
    if (body->has_length)
        buf_addf(out, "=%llu", (unsigned long long)body->length);
}

/* GET path=/ query=a host=example.com:80 1.1 keep body=none, and what the head left of the input. */
static inline void describe_request(struct buf *out, int err, const struct http_request *r, bool with_fields)
{
    static const char *const forms[] = { "origin", "absolute", "authority", "asterisk" };
    static const char *const schemes[] = { "", "http:", "https:" };

    if (err != 0) {
        describe_fault(out, err, &r->fault);
        return;
    }
    buf_addf(out, "%.*s %s %s%.*s", SLICE_FMT(r->method_text), forms[r->form], schemes[r->scheme], SLICE_FMT(r->path));
    if (r->has_query)
        buf_addf(out, "?%.*s", SLICE_FMT(r->query));
    buf_addf(out, " at %.*s:%u 1.%u %s ", SLICE_FMT(r->host), (unsigned)r->port, (unsigned)r->minor,
             r->keep_alive ? "keep" : "close");
    describe_body(out, &r->body);
    if (r->expect_continue)
        buf_add_str(out, " expect");
    if (with_fields)
        describe_fields(out, &r->fields);
}

static inline void describe_response(struct buf *out, int err, const struct http_response *r, bool with_fields)
{
    if (err != 0) {
        describe_fault(out, err, &r->fault);
        return;
    }
    buf_addf(out, "%u '%.*s' 1.%u %s ", (unsigned)r->status, SLICE_FMT(r->reason), (unsigned)r->minor,
             r->keep_alive ? "keep" : "close");
    describe_body(out, &r->body);
    if (with_fields)
        describe_fields(out, &r->fields);
}

/* One call with exactly |len| bytes on the heap, so that a sanitizer sees a read behind them
 * and any slice kept from an earlier call. |at| is the cursor from call to call. The line is
 * owned by the caller. |head|: NULL for requests, else whether the response answers HEAD. */
static inline struct buf describe_call(const uint8_t *data, size_t len, struct http_cursor *at, const bool *head,
                                       bool with_fields, int *err)
{
    struct buf line = BUF_EMPTY;
    uint8_t *copy = malloc(len > 0 ? len : 1);
    size_t used = 0;

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, data, len);
    if (head == NULL) {
        struct http_request *r = malloc(sizeof(*r));
        if (r == NULL)
            abort();
        *err = http_parse_request(slice_of(copy, len), at, r, &used);
        describe_request(&line, *err, r, with_fields);
        free(r);
    } else {
        struct http_response *r = malloc(sizeof(*r));
        if (r == NULL)
            abort();
        *err = http_parse_response(slice_of(copy, len), at, *head, r, &used);
        describe_response(&line, *err, r, with_fields);
        free(r);
    }
    if (*err == 0)
        buf_addf(&line, " +%zu", len - used);
    free(copy);
    return line;
}

#endif
