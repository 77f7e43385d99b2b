/* prove.h - GET /prove?url=URL: what proves who fetched a copy, as JSON (node/core/prove.h). */
#ifndef HEDGEROW_ADMIN_PROVE_H
#define HEDGEROW_ADMIN_PROVE_H

#include "node/io/runtime.h"

unsigned prove_answer(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type);

#endif
