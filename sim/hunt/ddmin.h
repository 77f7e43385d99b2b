/* ddmin.h - which of many things are needed for a failure: minimising delta debugging (Zeller, Hildebrandt: Simplifying
 * and Isolating Failure-Inducing Input, IEEE TSE 2002). What is left is 1-minimal: without any one of it nothing fails.
 * Pure. */
#ifndef HEDGEROW_SIM_HUNT_DDMIN_H
#define HEDGEROW_SIM_HUNT_DDMIN_H

#include <stdbool.h>
#include <stddef.h>

#define DDMIN_BATCH 8

/* Of |count| candidates, each |n| flags of what is kept, one behind the other, the index of the first that still fails;
 * |count|: none does. They may be tried all at once; the first counts, so the result is the same on any machine. */
typedef size_t (*ddmin_try)(void *ctx, const bool *candidates, size_t count, size_t n);

/* ddmin reduces |keep|, |n| flags, all set at first and known to fail. Returns how many are left. Out of memory: what
 * is left so far. |try| that says none of everything ends it soon. */
size_t ddmin(bool *keep, size_t n, ddmin_try try, void *ctx);

#endif
