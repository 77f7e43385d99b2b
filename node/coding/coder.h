/* coder.h - the content codings, and the coders of two of them: a body made smaller on its way to viewers by gzip
 * (RFC 1952) or Brotli (RFC 7932), a piece at a time. The same pieces in the same order give the same bytes. Not thread
 * safe. */
#ifndef HEDGEROW_CODING_CODER_H
#define HEDGEROW_CODING_CODER_H

#include "proto/base/slice.h"

enum coding {
    CODING_IDENTITY,
    CODING_GZIP,
    CODING_BR,
    CODING_ZSTD, /* has no coder: it is made of leaves as they are packed (node/core/coded.h) */
};
#define CODINGS          4
#define CODING_BIT(c)    (1u << (c))
#define CODINGS_ALL      (CODING_BIT(CODING_GZIP) | CODING_BIT(CODING_BR) | CODING_BIT(CODING_ZSTD))
#define CODER_ROOM_MIN   16 /* of output: with less, a flush may go on for ever */

/* coding_name: "gzip", "br", "zstd", "identity". */
struct slice coding_name(enum coding coding);

/* coder_new: for a body of |length| bytes in all. Owned by the caller until coder_free (NULL is fine). NULL: out of
 * memory. |coding| is CODING_GZIP or CODING_BR. */
struct coder *coder_new(enum coding coding, uint64_t length);
void coder_free(struct coder *c);

enum coder_step {
    CODER_MORE,  /* take the input in */
    CODER_FLUSH, /* and put out all that can be decoded so far */
    CODER_END,   /* and close the stream */
};

/* coder_run takes bytes off the front of |*in| and writes up to |room| (CODER_ROOM_MIN at least) bytes to |out|,
 * |*made| in all. |*done|: |in| is empty, and the step is over; else it is to be called again, for the same step. 0 or
 * MESH_E_NOMEM, after which the coder is only to be freed. */
int coder_run(struct coder *c, enum coder_step step, struct slice *in, uint8_t *out, size_t room, size_t *made,
              bool *done);

#endif
