/* faults.h - what is wrong with a file: one line each, FILE:LINE:COLUMN: what, as compilers say it. */
#ifndef HEDGEROW_DIST_FAULTS_H
#define HEDGEROW_DIST_FAULTS_H

#include "proto/base/buf.h"

#define FAULTS_MAX 20 /* what comes behind is not said */

struct mark { /* from 1 on; 0: the file as a whole */
    uint32_t line, column;
};

struct faults {
    const char *file;
    struct buf *text; /* lines are appended */
    size_t n;
};

/* fault says one; behind the last, once, that there are more. Only printable bytes of what is quoted are shown: quote
 * with fault_quoted. */
void fault(struct faults *f, struct mark at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool faults_enough(const struct faults *f);

/* fault_quoted writes |text| between quotes, cut and without control characters, and returns |out|. */
#define FAULT_QUOTED_MAX 72
const char *fault_quoted(struct slice text, char out[FAULT_QUOTED_MAX]);

/* nearest_name: which of |n| names, each a const char * |stride| bytes behind the one before, |word| was probably meant
 * to be; NULL: none. nearest_slice likewise, of struct slice. */
const char *nearest_name(struct slice word, const char *const *names, size_t n, size_t stride);
const struct slice *nearest_slice(struct slice word, const void *names, size_t n, size_t stride);

#endif
