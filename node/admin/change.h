/* change.h - what the admin address lets people change: POST, with the node's token. */
#ifndef HEDGEROW_ADMIN_CHANGE_H
#define HEDGEROW_ADMIN_CHANGE_H

#include "node/io/runtime.h"

/* change_find: does |path| change something? Then change_answer does it, or says why not. */
bool change_find(struct slice path);
unsigned change_answer(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type);

/* change_allowed: does whoever sends this Authorization have the node's token? Else |body| says what to do. */
bool change_allowed(const struct node *n, struct slice authorization, struct buf *body);

/* change_list appends the paths, one a line, for people. */
void change_list(struct buf *body);

#endif
