/* view_impl.h - for makers of views (steer.h, tests): allocate, fill in, finish, hand out. */
#ifndef HEDGEROW_STEER_VIEW_IMPL_H
#define HEDGEROW_STEER_VIEW_IMPL_H

#include "node/steer/view.h"

/* What a choice reads of an edge, packed, so that it goes through a thousand of them in cache. */
enum {
    STEER_IS_ALIVE = 1,
    STEER_IS_HEARD = 2, /* its facts count: not too old */
    STEER_IS_READY = 4,
    STEER_IS_STAYING = 8, /* not draining */
    STEER_HAS_IPV4 = 16,
    STEER_HAS_IPV6 = 32,
    STEER_HAS_HTTP = 64,
    STEER_HAS_HTTPS = 128,
};
#define STEER_TRUST 32
struct steer_brief {
    struct coordinate at; /* within bounds, whatever was said */
    int16_t globe[3];     /* a unit vector, see globe.h; all 0: not known */
    uint16_t shed_permille, load_permille;
    uint32_t shed_seed; /* a hash of the id */
    uint16_t region;    /* in steer_view.regions */
    uint16_t rank;      /* in the order of names, then of ids */
    uint8_t is;         /* STEER_IS_*, STEER_HAS_* */
    uint8_t trust;      /* STEER_TRUST parts of a distance are certain; 0: none are, or where it stands is not known */
};

/* steer_view_new allocates a view with room for so many edges (at most STEER_EDGES_MAX) and rows in one piece, with one
 * reference, the caller's. NULL: out of memory. */
struct steer_view *steer_view_new(size_t edges_max, size_t rows_max, const uint8_t hash_key[16], mesh_ns made,
                                  uint64_t number);

/* The next edge or row to fill in; there must be room. An edge is all zero; of a row everything is to be set
 * (figures behind |n| need not be). |label| is filled in by steer_view_finish. Each prefix has one row. */
struct steer_edge *steer_view_add_edge(struct steer_view *v);
struct steer_row *steer_view_add_row(struct steer_view *v);

/* steer_view_finish makes the tables: after it nothing is changed any more. Facts older than |silent| do not count. */
void steer_view_finish(struct steer_view *v, mesh_ns silent);

/* steer_home is the edge to which a row's network is sent from now on: row->home, unless by the figures another one is
 * better by 10 % and 2 ms, or home has no figure that counts any more. UINT16_MAX: no figure counts. */
uint16_t steer_home(const struct steer_row *row);

/* steer_edge_region is the part of |e|'s zone before '/', or "default" (as cert_region); lends from |e|. */
struct slice steer_edge_region(const struct steer_edge *e);

#endif
