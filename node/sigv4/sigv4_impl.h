/* sigv4_impl.h - what the files of a signature share. Nobody else includes it. */
#ifndef HEDGEROW_SIGV4_IMPL_H
#define HEDGEROW_SIGV4_IMPL_H

#include <stdlib.h>

#include "node/sigv4/sigv4.h"

/* Percent-encoded, unless it is one of the unreserved. */
void sigv4_put_byte(struct buf *out, uint8_t c);

/* The path and the query (without its mark) as they stand in a canonical request. */
void sigv4_put_path(struct buf *out, const struct sigv4_scope *scope, struct slice path);
void sigv4_put_query(struct buf *out, struct slice query);

#endif
