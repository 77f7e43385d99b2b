/* distribution.h - where content comes from, as a signed head says it; what the model of distributions (node/dist) says
 * in numbers, by its name here. */
#ifndef HEDGEROW_CORE_DISTRIBUTION_H
#define HEDGEROW_CORE_DISTRIBUTION_H

#include "node/dist/dist.h"
#include "proto/digest.h"

#define TTL_HEURISTIC       DIST_TTL_HEURISTIC
#define TTL_DEFAULT_S       86400
#define ERROR_TTL_DEFAULT_S 10

/* What becomes of a Set-Cookie of an answer that could be kept without it: dist_cache.set_cookie. */
enum set_cookie {
    SET_COOKIE_PRIVATE = DIST_COOKIE_PRIVATE, /* it speaks to one viewer: the answer is not kept */
    SET_COOKIE_STRIP = DIST_COOKIE_STRIP,     /* it is kept, and goes to everybody, without it */
    SET_COOKIE_KEEP = DIST_COOKIE_KEEP,       /* it is for everybody */
};

/* distribution_origin: the number by which a signed head says that it came from the origin of this URL (normal form);
 * never 0. */
uint64_t distribution_origin(struct slice origin);

#endif
