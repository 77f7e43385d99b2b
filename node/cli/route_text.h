/* route_text.h - a node's answer to /route as text for a terminal. */
#ifndef HEDGEROW_CLI_ROUTE_TEXT_H
#define HEDGEROW_CLI_ROUTE_TEXT_H

#include <jansson.h>

#include "proto/base/buf.h"

/* route_text appends it: a sentence, then all edges in order, with figures and reasons. Plain ASCII. 0, or
 * MESH_E_MISSING when |route| is no such answer. */
int route_text(struct buf *out, const json_t *route);

#endif
