/* range.h - byte ranges (RFC 9110 section 14). Pure functions. */
#ifndef HEDGEROW_CORE_RANGE_H
#define HEDGEROW_CORE_RANGE_H

#include "proto/base/slice.h"

#define RANGES_MAX 8

struct range {
    uint64_t first, length; /* length > 0, and the range ends within the body */
};

struct ranges {
    size_t n;
    struct range at[RANGES_MAX]; /* ascending, with gaps between them */
};

enum range_verdict {
    RANGE_WHOLE,         /* the field is to be ignored: the whole body is the answer */
    RANGE_PART,          /* 206, with |out|, which is else empty */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* ranges_read reads a Range field's |value| for a body of |length| bytes. Ignored are other units than bytes, what
 * is not well formed, ranges that do not ascend or that overlap, and more than RANGES_MAX of them after those
 * that touch were joined: a server may (section 14.2), and so no request costs more than the body once. */
enum range_verdict ranges_read(struct ranges *out, struct slice value, uint64_t length);

/* ranges_begin: where the first of the ranges begins, and how far it goes at most; false where |value| is to be
 * ignored, or asks for the end of a body whose length it does not know. */
bool ranges_begin(struct slice value, uint64_t *first, uint64_t *last);

/* content_range_read reads a Content-Range field of an answer with one range of a body whose length is told (section
 * 14.4). False: it is none. */
struct content_range {
    uint64_t first, last, length; /* first <= last < length */
};
bool content_range_read(struct content_range *out, struct slice value);

#endif
