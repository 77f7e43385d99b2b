/* directory_answer.h - what a file is answered with: status, fields, and which bytes of it. Pure functions. */
#ifndef HEDGEROW_IO_DIRECTORY_ANSWER_H
#define HEDGEROW_IO_DIRECTORY_ANSWER_H

#include "node/core/date.h"
#include "node/core/engine.h"

struct directory_file {
    uint64_t bytes;
    int64_t modified_s;
    uint32_t modified_ns;
};

struct directory_answer {
    uint16_t status;
    uint64_t first, length; /* of the file: the body */
    struct fields fields;   /* lends from the texts below, and from static ones */
    char date[DATE_TEXT_BYTES + 1], modified[DATE_TEXT_BYTES + 1], etag[64], range[80];
};

/* directory_answer for |f|'s conditions and range, at |wall_s|. |path|: the file's, for its type. The ETag is strong
 * when the file has not been changed for a while: two changes within a tick of the clock look like one. */
void directory_answer(struct directory_answer *out, const struct directory_file *file, struct slice path,
                      const struct fetch *f, int64_t wall_s);

/* directory_refusal: an answer without a file; 405 and 204 (to OPTIONS) name the methods. */
void directory_refusal(struct directory_answer *out, uint16_t status, int64_t wall_s);

#endif
