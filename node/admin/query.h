/* query.h - what stands behind the question mark of a request to the admin address. Pure functions. */
#ifndef HEDGEROW_ADMIN_QUERY_H
#define HEDGEROW_ADMIN_QUERY_H

#include "proto/base/buf.h"

/* query_get appends the value of |name|, with its percent-encoding taken off. False: it is not there, or empty. */
bool query_get(struct slice query, const char *name, struct buf *out);

#endif
