/* answer.h - what a viewer sees besides the body: the head of an answer, and pages of our
 * own. Pure functions. */
#ifndef HEDGEROW_IO_ANSWER_H
#define HEDGEROW_IO_ANSWER_H

#include "node/core/engine.h"
#include "node/core/selection.h"
#include "node/http/proxy_status.h"

/* Who is answered, by whom. Slices are lent. */
struct answer_to {
    struct slice node; /* our name */
    struct slice request_id;
    struct slice date;             /* now, as the Date field has it */
    struct slice pop;              /* where we are, for X-Hedgerow-Pop: ZONE/NAME */
    struct slice hit;              /* answer_hit's; may be empty */
    const struct response *policy; /* what is said of the answer's fields; NULL: nothing */
    uint8_t minor;                 /* HTTP/1.x of the request */
    bool head_only;                /* it was HEAD */
    bool close;                    /* the connection ends with this answer */
};

enum answer_framing {
    ANSWER_BARE,        /* no body: HEAD, 204, 304 */
    ANSWER_LENGTH,      /* Content-Length */
    ANSWER_CHUNKED,     /* the length is not known yet */
    ANSWER_UNTIL_CLOSE, /* the same to HTTP/1.0: |close| must be set */
};
enum answer_framing answer_framing(const struct answer *a, const struct selection *s, const struct answer_to *to);

/* answer_head appends the head of what |s| selects of |a| (not SELECT_UNSATISFIABLE: that is a page). Returns its
 * status. */
uint16_t answer_head(struct buf *out, const struct answer *a, const struct selection *s, const struct answer_to *to);

/* answer_hit appends what our node called |node|, at |pop|, says of each hit, up to what differs. */
void answer_hit(struct buf *out, struct slice node, struct slice pop);

/* answer_lines appends what is the same at the beginning of all whole answers from one copy: answer_head then finds it
 * in |a->lines|, and adds what is said of this one. False, with nothing appended: this answer does not begin so. */
bool answer_lines(struct buf *out, const struct answer *a, const struct selection *s, const struct response *policy);

/* Of several ranges each is a part of a multipart/byteranges (RFC 9110 section 14.6), between delimiters that hold
 * the request's id. answer_part appends what goes before the |i|-th one's bytes; |i| = ranges.n: the end. */
void answer_part(struct buf *out, const struct answer *a, const struct selection *s, size_t i,
                 const struct answer_to *to);

/* An answer of our own, with a sentence for people. */
struct answer_page {
    unsigned status;
    const char *text;
    struct slice allow;      /* the Allow field's value; empty: none */
    struct slice location;   /* of a redirect, that is what it is; empty: it is none */
    uint32_t retry_after_s;  /* what Retry-After says; 0: nothing, but for 503 */
    const struct answer *of; /* 416: the answer of which there is no such range, or NULL */
    bool forwarded;          /* the fault lies behind us: the request went on and came to nothing */
    enum proxy_error error;  /* what Proxy-Status says; PROXY_OK: nothing */
    const char *details;     /* and this, besides; NULL: nothing */
    bool passed;             /* with |forwarded|: for its method */
};

/* answer_page appends the whole answer. Returns where in |out| the page begins. */
size_t answer_page(struct buf *out, const struct answer_page *page, const struct answer_to *to);

/* answer_purge appends the whole answer to a PURGE that was taken, by its |id|, as POST /purge has it. As answer_page.
 */
size_t answer_purge(struct buf *out, const char *id, const struct answer_to *to);

/* answer_list appends the whole answer that lists edges (request.list), for |ttl_s|; any site's player may read it. As
 * answer_page. */
size_t answer_list(struct buf *out, struct slice list, uint32_t ttl_s, const struct answer_to *to);

/* answer_preflight appends the whole answer to a preflight (response.h). */
void answer_preflight(struct buf *out, const struct answer_to *to);

/* answer_options appends the whole answer to OPTIONS about ourselves (RFC 9110 section 9.3.7): which methods we take.
 */
void answer_options(struct buf *out, struct slice allow, const struct answer_to *to);

#endif
