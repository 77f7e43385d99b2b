/* nearest.h - viewers sent to edges over HTTP: redirected to one that is much nearer, and told of all that are near.
 * By what is known of edges (node/steer) and what the owner wants of them (dist_steering). Pure functions of a view. */
#ifndef HEDGEROW_CORE_NEAREST_H
#define HEDGEROW_CORE_NEAREST_H

#include "node/dist/dist.h"
#include "node/steer/choose.h"
#include "proto/base/buf.h"

/* Who asks, of what, by what. Slices are lent. */
struct nearest_from {
    const struct dist *dist;
    struct slice zone;     /* the mesh's domain, below which edges have names; empty: they have none */
    struct mesh_addr addr; /* port 0: not known */
    const char *country;   /* "": not known */
    bool https;
    bool port_said; /* it named the port */
};

/* Another edge is much nearer where it is expected to be by more than both. */
#define NEAREST_MUCH_US       10000
#define NEAREST_MUCH_PER_CENT 20

/* nearest_other lends the edge that is to answer instead of us: it is much nearer, or we are not to be asked now
 * (draining, not ready, full, of a region that the owner leaves out). NULL: there is none, and we answer. */
const struct steer_edge *nearest_other(const struct steer_view *v, const struct nearest_from *from);

/* nearest_location appends the URL of |target| (as received, from its slash on) at |to|. */
void nearest_location(struct buf *out, const struct nearest_from *from, const struct steer_edge *to,
                      struct slice target);

/* What players are told of edges, below DIST_LISTS_PATH; JSON. */
enum nearest_list {
    NEAREST_NO_LIST,
    NEAREST_EDGES,    /* "edges": all that there is to know of the nearest ones */
    NEAREST_MANIFEST, /* "steering.json": of HLS (draft-pantos-hls-rfc8216bis section 7) and of DASH (ETSI TS 103 998),
                       * which have it alike */
};
#define NEAREST_LIST_MAX 16 /* edges of a list */

/* nearest_list_of: is |path|, with or without a query, one of |d|'s lists? */
enum nearest_list nearest_list_of(const struct dist *d, struct slice path);

/* nearest_list appends it and says for how long it holds. Of |query| a manifest heeds "base", the pathway that edges'
 * pathways are clones of ("." is the one of who names none); all else is the players' own affair. */
uint32_t nearest_list(struct buf *out, enum nearest_list which, const struct steer_view *v,
                      const struct nearest_from *from, struct slice query);

#endif
