/* routing_report.h - what a run of `routing` found: for people, and as JSON. */
#ifndef HEDGEROW_SIM_ROUTING_ROUTING_REPORT_H
#define HEDGEROW_SIM_ROUTING_ROUTING_REPORT_H

#include "proto/base/buf.h"
#include "sim/routing/routing.h"

/* |worlds| are |n| of one scenario, by enum routing_policy; expectations are judged by the first, ours. |again| is the
 * command line that gives this run again. Returns whether everything held. */
bool routing_report(struct buf *out, struct routing *const *worlds, size_t n, bool json, const char *again);

#endif
