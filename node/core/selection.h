/* selection.h - what a viewer who asked conditionally, or for ranges, gets of an answer that we have (RFC 9110
 * sections 13 and 14, RFC 9111 section 4.3.2). Pure functions. */
#ifndef HEDGEROW_CORE_SELECTION_H
#define HEDGEROW_CORE_SELECTION_H

#include "node/core/kept_head.h"
#include "node/core/range.h"

/* The request's fields that decide about it; empty: absent. Lent. If-Match and If-Unmodified-Since are for
 * origins, and caches pass over them. */
struct wants {
    struct slice range, if_range, if_none_match, if_modified_since;
};

enum selected {
    SELECT_WHOLE,
    SELECT_NOT_MODIFIED,  /* 304 */
    SELECT_RANGES,        /* 206: one, or as multipart/byteranges */
    SELECT_UNSATISFIABLE, /* 416 */
};

struct selection {
    enum selected how;
    struct ranges ranges; /* of SELECT_RANGES, else none */
};

/* selection_make: |length| is the body's, if it is known. |head_only|: HEAD, for which there are no ranges.
 * Several ranges that would cost more than the whole body are not selected. |received_s|: when the answer came, Unix
 * time, for one that says nothing of its age. */
void selection_make(struct selection *out, const struct wants *w, const struct kept_head *head, bool has_length,
                    uint64_t length, bool head_only, int64_t received_s);

/* ---- validators (RFC 9110 section 8.8) ---- */

/* etag_weakly_equal: the same but for W/. etag_strongly_equal: the same, and neither is weak. */
bool etag_weakly_equal(struct slice a, struct slice b);
bool etag_strongly_equal(struct slice a, struct slice b);

#endif
