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

#endif
