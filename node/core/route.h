/* route.h - what a request goes by: the distribution whose host it names, and the behaviour that its path has there.
 * From both come its key, and what of it the origin is shown. Pure functions, and sets by reference. */
#ifndef HEDGEROW_CORE_ROUTE_H
#define HEDGEROW_CORE_ROUTE_H

#include "node/dist/dist.h"
#include "proto/base/buf.h"
#include "proto/digest.h"
#include "proto/identity.h"

struct route {
    struct dist_set *set; /* all else is lent from it. NULL: it goes by nothing yet */
    const struct dist *dist;
    const struct dist_behaviour *behaviour;
    bool https;   /* the viewer's scheme */
    bool at_edge; /* it was asked for by its name at one edge, and is sent nowhere else */
};

/* route_main_host: |host|, in normal form, is changed to the name that it counts as, if it is one of a distribution at
 * one edge (dist_at_edge): true, and |host| may have failed. */
bool route_main_host(struct buf *host, const struct dist_set *set, struct slice zone);

/* route_find: |host| and |path| (with or without query) in normal form; the set is lent. False: that host is nobody's.
 */
bool route_find(struct route *out, struct dist_set *set, struct slice zone, struct slice host, struct slice path,
                bool https);

/* route_hold takes a reference to its set, if there is one, which route_drop gives back. */
static inline void route_hold(struct route *r)
{
    if (r->set != NULL)
        (void)dist_set_ref(r->set);
}
static inline void route_drop(struct route *r)
{
    dist_set_unref(r->set);
    *r = (struct route){ .set = NULL };
}

/* route_origin: the one that is asked; of a group the |member|th, 0 or 1. route_members: how many there are. */
const struct dist_origin *route_origin(const struct route *r, unsigned member);
unsigned route_members(const struct route *r);

/* route_rules: of the distribution's digest what is kept with an object. */
static inline uint16_t route_rules(const struct route *r)
{
    return (uint16_t)(r->dist->digest ^ r->dist->digest >> 32);
}

/* route_has_doors: is not everybody let in? */
static inline bool route_has_doors(const struct route *r)
{
    return r->dist->geo != DIST_GEO_ANY || r->behaviour->key_groups_n > 0 || r->behaviour->rate > 0;
}

/* route_by_words: do a request's host, target and fields alone decide about its answer, and not who asks? */
static inline bool route_by_words(const struct route *r)
{
    return !route_has_doors(r) && (r->at_edge || r->dist->steering.redirect == DIST_STEER_OFF);
}

/* route_path appends |path| (normal form, with its query) as the origin is asked for it: without the parameters that
 * are neither in the key nor sent beside it, and in order, where the key has one. 0 or MESH_E_NOMEM. route_shows_all:
 * that is |path| itself, always. */
int route_path(struct buf *out, const struct route *r, struct slice path);
static inline bool route_shows_all(const struct route *r)
{
    const struct dist_behaviour *b = r->behaviour;
    return (b->cache.query.which == DIST_ALL || b->request_query.which == DIST_ALL) && !b->cache.query_sorted;
}

/* route_key places an object: by distribution, host (unless any is answered), the viewer's scheme where that counts,
 * path, and those parameters of the query that count. |path| is route_path's, so that who is asked by another node for
 * it finds the same key. What else the key is said to hold tells variants under it apart (vary.h); of that only what it
 * is, not what a request says, is in here, so that answers of other rules are not found. 0 or MESH_E_NOMEM. */
int route_key(struct digest *out, const struct mesh_params *mesh, const struct route *r, struct slice host,
              struct slice path);

/* route_keys_field: is the field |name| one of those that the key is said to hold, by its name? */
bool route_keys_field(const struct dist_behaviour *b, struct slice name);

#endif
