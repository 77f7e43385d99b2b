/* cache_control.h - what an answer says to a shared cache (RFC 9111 section 5.2.2), or to a CDN alone (RFC 9213), and what a
 * request says to caches (section 5.2.1). Pure functions over header fields. */
#ifndef HEDGEROW_CORE_CACHE_CONTROL_H
#define HEDGEROW_CORE_CACHE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "node/core/fields.h"
#include "proto/base/time.h"

#define DELTA_SECONDS_MAX INT64_C(3153600000) /* a hundred years: what is longer is that long */

/* Seconds; -1: absent. |no_cache| and |is_private| with names of fields are set if one of those is there: such an answer
 * is validated, or not stored, as a whole. */
struct cache_control {
    bool targeted; /* from CDN-Cache-Control: then neither Cache-Control nor Expires counts */
    bool no_store, no_cache, is_private, is_public, must_revalidate, proxy_revalidate, must_understand;
    bool immutable; /* RFC 8246: while it is fresh nobody needs to ask; here nobody does anyway */
    int64_t max_age_s, s_maxage_s;
    int64_t stale_while_revalidate_s, stale_if_error_s; /* RFC 5861 */
};

/* cache_control_read takes CDN-Cache-Control where that is a structured field with any member, else Cache-Control. Of a
 * directive that is there twice Cache-Control's first counts, and CDN-Cache-Control's last. */
void cache_control_read(struct cache_control *cc, const struct fields *f);

/* What a request wants of copies. Seconds; -1: absent. */
struct request_control {
    bool no_cache, no_store, only_if_cached;
    int64_t max_age_s, min_fresh_s, max_stale_s;
};

/* request_control_read takes Cache-Control, or Pragma where that is absent (section 5.4). */
void request_control_read(struct request_control *rc, const struct fields *f);

/* request_takes: is a copy of |age| with a freshness lifetime of |lifetime|, stale or not, good enough? Whether a stale one
 * may be served at all is the answer's to say. */
bool request_takes(const struct request_control *rc, mesh_ns age, mesh_ns lifetime);

/* delta_seconds reads RFC 9111 section 1.2.2: too large a number is the largest one, and what is no number is 0, that is
 * stale at once (section 4.2.1). A quoted number is accepted. */
int64_t delta_seconds(struct slice v);

#endif
