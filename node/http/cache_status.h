/* cache_status.h - one member of the Cache-Status field (RFC 9211): what one cache did. */
#ifndef HEDGEROW_HTTP_CACHE_STATUS_H
#define HEDGEROW_HTTP_CACHE_STATUS_H

#include "proto/base/buf.h"

/* Why a request went on (RFC 9211 section 2.2). */
enum cache_status_fwd {
    CACHE_STATUS_HIT, /* it did not: "hit" */
    CACHE_STATUS_BYPASS,
    CACHE_STATUS_METHOD,
    CACHE_STATUS_URI_MISS,
    CACHE_STATUS_VARY_MISS,
    CACHE_STATUS_MISS,
    CACHE_STATUS_REQUEST,
    CACHE_STATUS_STALE,
    CACHE_STATUS_PARTIAL,
};

struct cache_status {
    struct slice name; /* the cache's */
    enum cache_status_fwd fwd;
    unsigned fwd_status; /* what the next hop answered, 0: not said */
    bool has_ttl;
    int64_t ttl_s;          /* freshness left, may be negative */
    bool stored, collapsed; /* said only where the request went on */
    struct slice key;       /* not said when empty */
    struct slice detail;
};

/* cache_status_put appends the member: `fra-1; hit; ttl=30`. Name and detail are tokens where
 * they can be, else strings; a byte that no string may hold is percent-encoded. */
void cache_status_put(struct buf *out, const struct cache_status *s);

#endif
