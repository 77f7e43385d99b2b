/* dist_make.h - sets of distributions that are not read from text: from the node's flags, and by hand in tests. */
#ifndef HEDGEROW_DIST_MAKE_H
#define HEDGEROW_DIST_MAKE_H

#include "node/dist/arena.h"
#include "node/dist/dist.h"
#include "node/dist/url.h"

#define DIST_SET_BYTES_MAX     (UINT64_C(1) << 30)
#define DIST_TTL_DEFAULT_S     86400
#define DIST_TTL_MAX_DEFAULT_S 31536000
#define DIST_ERROR_TTL_S       10

/* dist_set_new makes a set of |n| distributions, held once by the caller. What they point to is lent from |arena|,
 * which is taken, also on an error; or from elsewhere, and must outlive the set then. In what order they come does not
 * matter. Filled in here: assigned, digest, index, what is private; of behaviours, index, of, own_identity and the
 * digest of what they say of answers; a behaviour of "*" has to be the last. Nothing is checked: dist_read.h does that.
 * NULL: out of memory. */
struct dist_set *dist_set_new(struct dist_arena *arena, const struct dist *dists, size_t n);

/* dist_set_of is dist_set_new with an arena of its own: what |dists| point to has to outlive the set. */
struct dist_set *dist_set_of(const struct dist *dists, size_t n);

/* dist_origin_default, dist_behaviour_default: what holds where nothing is said; the latter's path is "*", its target
 * the first origin. dist_http_origin is the former with |url|'s parts (copied into |arena|); its id is "origin". */
void dist_origin_default(struct dist_origin *out);
void dist_behaviour_default(struct dist_behaviour *out);
void dist_http_origin(struct dist_origin *out, struct dist_arena *arena, const struct origin_url *url);

/* What the flags of hedgerow run say of content. */
struct dist_flags {
    struct origin_url url;           /* not of a directory */
    struct dist_behaviour behaviour; /* all but its path and target counts */
    /* Of it count: timeouts, tls_ca, tls_client and credentials, which are no part of the digest; kind, region, sign
     * and root, which are. */
    struct dist_origin origin;
};

/* dist_set_of_origin makes the one distribution "default", which answers any Host, from the node's flags (copied).
 * NULL: out of memory. */
struct dist_set *dist_set_of_origin(const struct dist_flags *flags);

#endif
