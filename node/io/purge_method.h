/* purge_method.h - PURGE, as caches answer it by custom: what the request's URL has goes, at all nodes of the mesh.
 * Only from those whom the configuration names (purge_from.h). */
#ifndef HEDGEROW_IO_PURGE_METHOD_H
#define HEDGEROW_IO_PURGE_METHOD_H

#include "node/io/exchange.h"

/* purge_method answers |q|, whose method is PURGE; |path| is its target in origin form. */
void purge_method(struct exchange *x, const struct http_request *q, struct slice path);

/* purge_method_is: is it one that is answered here, and not passed on? */
bool purge_method_is(const struct exchange *x, const struct http_request *q);

#endif
