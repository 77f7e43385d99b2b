/* verified.h - signatures that were verified lately, so that a cookie that comes with each of a thousand segments costs
 * one verification. Only what was good is kept, as a hash of key, signature and text: who sends bad ones displaces
 * nothing. Of fixed size: two places for each hash, and the older one goes. Not thread safe. */
#ifndef HEDGEROW_SIGNED_VERIFIED_H
#define HEDGEROW_SIGNED_VERIFIED_H

#include "proto/digest.h"

#define VERIFIED_PAIRS 1024 /* 64 KiB */

struct verified {
    struct digest at[VERIFIED_PAIRS][2];
};

/* A zeroed one is empty. verified_has: is |d| there? verified_add puts it there. */
bool verified_has(struct verified *v, const struct digest *d);
void verified_add(struct verified *v, const struct digest *d);

#endif
