/* trace_diff.h - the first line in which two traces differ, with what came before it in each. Lines are handed in as
 * they come, from either side; only a few are kept. Pure. */
#ifndef HEDGEROW_SIM_HUNT_TRACE_DIFF_H
#define HEDGEROW_SIM_HUNT_TRACE_DIFF_H

#include "proto/base/buf.h"

#define TRACE_DIFF_BEFORE 5
#define TRACE_DIFF_LINE   512 /* longer ones are compared so far */

struct trace_diff {
    char before[TRACE_DIFF_BEFORE][TRACE_DIFF_LINE]; /* the last lines that were the same, in a ring */
    uint64_t same;                                   /* so many lines were */
    bool differs;
    char lines[2][TRACE_DIFF_LINE]; /* those that differ; "" and |ended|: there is no more */
    bool ended[2];
};

void trace_diff_init(struct trace_diff *d);
/* trace_diff_add compares the next line of each; NULL: that one has ended. Returns false when there is no more to
 * compare: they differ, or both have ended. */
bool trace_diff_add(struct trace_diff *d, const char *a, const char *b);
/* What was found, for people; |names| of the two. */
void trace_diff_put(const struct trace_diff *d, const char *const names[2], struct buf *out);

#endif
