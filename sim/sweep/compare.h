/* compare.h - runs beside each other, as `run --json` wrote them: what differs, and by how much. Plain data; pure. */
#ifndef HEDGEROW_SIM_SWEEP_COMPARE_H
#define HEDGEROW_SIM_SWEEP_COMPARE_H

#include "sim/figures.h"
#include "sim/report.h"
#include "sim/series.h"
#include "sim/sweep/sweep.h"

#define COMPARE_RUNS 6

struct compare_run {
    char name[64]; /* of its file */
    char command[1024];
    bool ok;
    struct figures figures; /* FIGURE_NEVER: it has none of that name, either */
    uint64_t step_ms;       /* of what follows; 0: it says nothing about time */
    size_t steps;
    uint64_t requests[SERIES_BUCKETS_MAX], fetches[SERIES_BUCKETS_MAX];
    uint64_t first_byte_us[REPORT_QUANTILES]; /* FIGURE_NEVER: nothing was answered */
};

/* Each of |n| >= 2 runs beside the first one. compare_answer is a sentence or two. */
void compare_answer(struct buf *out, const struct compare_run *runs, size_t n);
void compare_text(struct buf *out, const struct compare_run *runs, size_t n);
void compare_page(struct buf *out, const struct compare_run *runs, size_t n);

#endif
