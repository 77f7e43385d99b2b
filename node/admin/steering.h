/* steering.h - what a node holds of edges and of its viewers' networks, as JSON: for /status and /route. */
#ifndef HEDGEROW_ADMIN_STEERING_H
#define HEDGEROW_ADMIN_STEERING_H

#include <jansson.h>

#include "node/admin/status.h"

/* All return an object that is the caller's; NULL: out of memory. */
json_t *steering_status(const struct status *s);
json_t *steering_edge(const struct steer_view *v, size_t edge, mesh_ns now);
json_t *steering_row(const struct steer_view *v, const struct steer_row *row);

/* An address without its port. */
json_t *steering_address(const struct mesh_addr *a);

#endif
