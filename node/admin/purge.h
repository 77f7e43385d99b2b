/* purge.h - POST /purge, GET /purge and GET /purge/ID. */
#ifndef HEDGEROW_ADMIN_PURGE_H
#define HEDGEROW_ADMIN_PURGE_H

#include "node/io/runtime.h"

/* purge_post answers a POST of whoever has the token; purge_find: is |path| one that purge_show answers? */
unsigned purge_post(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type);
bool purge_find(struct slice path);
unsigned purge_show(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type);

#endif
