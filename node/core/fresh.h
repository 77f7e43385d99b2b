/* fresh.h - may an answer be stored, and for how long is it fresh (RFC 9111, RFC 5861, RFC 9213). Pure functions over
 * header fields. */
#ifndef HEDGEROW_CORE_FRESH_H
#define HEDGEROW_CORE_FRESH_H

#include "node/core/distribution.h"
#include "node/core/fields.h"
#include "proto/base/time.h"

struct freshness {
    bool storable;       /* by a shared cache, and worth it: it can be used again, be it only after validation. It
                            may be stale already, by its age: then those who wait share it, nobody else */
    bool for_authorized; /* also if the request had Authorization (RFC 9111 section 3.5) */
    mesh_ns lifetime_ns; /* from age 0; 0: each use is to be validated */
    mesh_ns stale_while_revalidate_ns; /* beyond the lifetime: served while it is validated; 0: not so */
    mesh_ns stale_if_error_ns;         /* beyond the lifetime: served when the origin fails; 0: not so, without a
                                          word of the origin's a hundred years */
    mesh_ns age_ns;                    /* corrected initial age (RFC 9111 section 4.2.3) */
};
/* fresh_of judges a response to a GET that carried no Authorization, by what the owner of the content says of
 * lifetimes: |c|, and of errors |error| (NULL: nothing). |wall_s| is now, |response_delay_ns| the time since the
 * request was sent.
 *
 * Of what is no error a lifetime lies between the least and the most (CloudFront's developer guide, "Manage how long
 * content stays in the cache", the table); a least one above zero is the owner's word against the origin's no-store,
 * no-cache and private. Of errors |error->ttl_s|, if there is one, is the least, also where the origin says nothing. */
void fresh_of(struct freshness *out, const struct dist_cache *c, const struct dist_error *error, uint16_t status,
              const struct fields *f, int64_t wall_s, mesh_ns response_delay_ns);

#endif
