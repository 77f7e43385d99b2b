/* members_page.h - a run of members as a page with pictures, beside the baselines in the same world where they were
 * run. */
#ifndef HEDGEROW_SIM_MEMBERS_MEMBERS_PAGE_H
#define HEDGEROW_SIM_MEMBERS_MEMBERS_PAGE_H

#include "sim/members/crowd.h"

#define MEMBERS_PAGE_RUNS 3

struct members_run {
    const struct crowd *crowd; /* judged: members_report was called */
    const struct members_curves *curves;
    struct members_figures figures;
};

/* The first of |n| runs is what the page is about. |how| is the command that gives it again. Failing memory fails
 * |out|. */
void members_page(struct buf *out, const struct members_run *runs, size_t n, const char *how);

#endif
