/* report.h - what a run found: for people, and as JSON. Both only from the world's state,
 * so that the same seed gives the same report, byte for byte. */
#ifndef HEDGEROW_SIM_REPORT_H
#define HEDGEROW_SIM_REPORT_H

#include "proto/base/buf.h"
#include "sim/world.h"

void report_figures(struct world *w, struct figures *out);
/* |how| is the command line that gives this run again. */
void report_text(struct buf *out, struct world *w, const struct figures *f, const char *how);
void report_json(struct buf *out, struct world *w, const struct figures *f, const char *how);
/* --json has so many quantiles of the time until answers began: of these, in thousandths. */
#define REPORT_QUANTILES 54
unsigned report_quantile(size_t i);
/* |text| as JSON has it, quotes included. */
void report_quoted(struct buf *out, const char *text);
/* Did everything hold? */
bool report_ok(const struct world *w);

#endif
