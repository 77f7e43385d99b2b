/* vary.h - which requests a stored answer is for: those that say the same as the one it was made for in each field
 * that its Vary names (RFC 9111 section 4.1). Pure functions. */
#ifndef HEDGEROW_CORE_VARY_H
#define HEDGEROW_CORE_VARY_H

#include "node/core/fields.h"
#include "node/dist/dist.h"
#include "proto/base/buf.h"
#include "proto/digest.h"

/* A field of a stored head, ours alone, that says which of a request's fields and cookies the behaviour by which it was
 * fetched counts as part of the key: they hold as if Vary had named them. Neither an origin can say it nor a viewer see
 * it. "f" are fields and "c" cookies; "+" these, "-" all but these, "*" all: "f+accept,x-a c*". */
#define VARY_POLICY SLICE_LIT("x-edge-vary")

/* vary_policy appends its value for |c|; nothing where neither count. */
void vary_policy(struct buf *out, const struct dist_cache *c);

/* vary_names: does |response| name fields in Vary, or by the policy? */
bool vary_names(const struct fields *response);

/* vary_digest says in short what |request| (NULL: no fields) says in the fields that |response| names. Equal digests:
 * the same answer is for both. Lines of one field are one list, blanks around its elements do not count, and in
 * Accept-Language neither letter case nor the order of equals; what an origin is never shown (forward_passes) cannot
 * tell requests apart. */
void vary_digest(struct digest *out, const struct fields *response, const struct fields *request);

#endif
