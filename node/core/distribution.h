/* distribution.h - what the owner of content said of it. One distribution, made by
 * --origin, for now: it answers any Host. Immutable once made. */
#ifndef HEDGEROW_CORE_DISTRIBUTION_H
#define HEDGEROW_CORE_DISTRIBUTION_H

#include "proto/digest.h"

#define TTL_HEURISTIC       (-1)
#define TTL_DEFAULT_S       86400
#define ERROR_TTL_DEFAULT_S 10

/* What becomes of a Set-Cookie of an answer that could be kept without it. */
enum set_cookie {
    SET_COOKIE_PRIVATE, /* it speaks to one viewer: the answer is not kept */
    SET_COOKIE_STRIP,   /* it is kept, and goes to everybody, without it */
    SET_COOKIE_KEEP,    /* it is for everybody */
};

struct distribution {
    struct slice name;     /* part of every key */
    struct slice origin;   /* normal form of the origin's URL, for the digest and for people */
    int64_t default_ttl_s; /* for answers without freshness information; or TTL_HEURISTIC */
    int64_t error_ttl_s;   /* for errors without it, where default_ttl_s is not TTL_HEURISTIC; 0: they are not kept */
    enum set_cookie set_cookie;
    bool obeys_viewers; /* their Cache-Control counts (RFC 9111 section 5.2.1), else copies are used whatever it says */
};

/* Two nodes serve the same thing only if these are equal. */
uint64_t distribution_digest(const struct distribution *d);

/* distribution_origin: the number by which a signed head says that it came from this origin; never 0. */
uint64_t distribution_origin(struct slice origin);

#endif
