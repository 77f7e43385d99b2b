/* access_mask.h - signatures, policies, keys' names and tokens of private content (credential.h) do not stand in the
 * log: until they expire they let in whoever reads it. A "*" stands for each value; what they are called stays. Pure.
 */
#ifndef HEDGEROW_IO_ACCESS_MASK_H
#define HEDGEROW_IO_ACCESS_MASK_H

#include "proto/base/buf.h"

/* access_masked is |url|, a target or a URL, as it may be written: lent from |url| where there is nothing to hide, else
 * from |room|, which is cleared. Out of memory: without its query. */
struct slice access_masked(struct buf *room, struct slice url);

/* access_masked_cookies: the same of a Cookie field's value. Out of memory: nothing. */
struct slice access_masked_cookies(struct buf *room, struct slice cookies);

#endif
