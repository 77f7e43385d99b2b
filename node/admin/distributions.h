/* distributions.h - the mesh's configuration over the admin address: /distributions and what is below it. */
#ifndef HEDGEROW_ADMIN_DISTRIBUTIONS_H
#define HEDGEROW_ADMIN_DISTRIBUTIONS_H

#include "node/io/runtime.h"

/* distributions_find: is |path| one of these? distributions_answer answers it, whatever the method; who changes
 * something needs the token. */
bool distributions_find(struct slice path);
unsigned distributions_answer(struct node *n, const struct node_admin_request *req, struct buf *body,
                              const char **type);

#endif
