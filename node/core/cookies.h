/* cookies.h - of a request's cookies (RFC 6265 section 4.2.1) those that have certain names. Pure functions. */
#ifndef HEDGEROW_CORE_COOKIES_H
#define HEDGEROW_CORE_COOKIES_H

#include "node/core/fields.h"
#include "node/dist/dist.h"
#include "proto/base/buf.h"

/* cookies_put appends those of |request|'s Cookie fields (NULL: no fields) that |one| or |other| (NULL: nothing) mean,
 * as one line, in the order of their names and then of their arrival: the same cookies give the same line. Nothing:
 * there are none. Signed cookies (node/signed/credential.h) are for us, and never among them. A pair without "=" is all
 * value, its name is empty. */
void cookies_put(struct buf *out, const struct fields *request, const struct dist_names *one,
                 const struct dist_names *other);

#define COOKIES_MAX 128 /* further ones are not looked at */

#endif
