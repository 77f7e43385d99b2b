/* answer.h - what a run says, in sentences that a person can act on: first in the report and on its page. */
#ifndef HEDGEROW_SIM_ANSWER_H
#define HEDGEROW_SIM_ANSWER_H

#include "sim/series.h"

struct answer_sums {
    uint64_t ends[SERIES_ENDS_N], answered, gone;
    uint64_t fetches_a_second; /* at the origin: tenths, in the busiest second */
    uint64_t bytes_a_second;   /* from it, likewise; bytes */
};
void answer_sums(const struct world *w, struct answer_sums *out);

/* answer_put writes the sentences; as |html| with what matters most in <b>. Without a full stop behind the last one. */
void answer_put(struct buf *out, struct world *w, const struct figures *f, bool html);

/* answer_load_put writes what was replayed, or sampled, a line each that begins with |before|; nothing where all is
 * drawn and whole. */
void answer_load_put(struct buf *out, const struct world *w, const char *before);

#endif
