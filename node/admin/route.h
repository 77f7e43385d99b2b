/* route.h - GET /route: which edge a viewer of that address is sent to, and why: the choice as DNS and redirects make
 * it, without exploring, and all edges beside it. Changes nothing. */
#ifndef HEDGEROW_ADMIN_ROUTE_H
#define HEDGEROW_ADMIN_ROUTE_H

#include "node/io/runtime.h"

/* |req|: address=IP, and host=HOST, family=4 or 6 if wanted. Appends JSON, or what is wrong with it in a line, and
 * returns the status. */
unsigned route_answer(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type);

#endif
