/* demo_origin.h - the demo's origin server: serves the example site, and counts what it is
 * asked. Single-purpose: GET and HEAD, conditions on the entity tag, one byte range. */
#ifndef HEDGEROW_CLI_DEMO_ORIGIN_H
#define HEDGEROW_CLI_DEMO_ORIGIN_H

#include <stdatomic.h>

#include "node/cli/demo_site.h"

/* May lie in memory that the demo's processes share. */
struct demo_origin_counts {
    atomic_uint files[DEMO_SITE_FILES]; /* requests for each */
    atomic_uint others;
};

/* demo_origin_serve answers connections to |listener| for good, each in a thread of its own;
 * with |say| it tells of each request on stdout. Returns an errno value if it cannot go on.
 * |site| and |counts| must outlive the process's threads. */
int demo_origin_serve(int listener, const struct demo_site *site, struct demo_origin_counts *counts, bool say);

#endif
