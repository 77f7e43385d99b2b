/* members_report.h - what a run of members has shown. */
#ifndef HEDGEROW_SIM_MEMBERS_REPORT_H
#define HEDGEROW_SIM_MEMBERS_REPORT_H

#include "sim/members/crowd.h"

/* members_report writes the report, for people or as JSON, judges the scenario's
 * expectations and the views, and returns whether all held. |again| is the command line
 * that gives this run again. */
bool members_report(struct buf *out, struct crowd *c, const struct members_figures *f, bool json, const char *again);

#endif
