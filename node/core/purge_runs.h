/* purge_runs.h - which run of the process has given which positions (purge_log.h). A position is a number in this
 * node's own file of purges, and when the file is lost, or its end is, the same number is given again, to another
 * purge. A copy on the disk may have been looked at by the one or by the other; so it bears a run as well, and its
 * position counts only where the file still has a line of that run, there or behind: then all before it are the same,
 * since lines are lost from the end. Pure. Not thread safe. */
#ifndef HEDGEROW_CORE_PURGE_RUNS_H
#define HEDGEROW_CORE_PURGE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PURGE_RUNS_MAX 64 /* runs that have given any; the oldest is forgotten, and its copies are looked at anew */

struct purge_runs {
    uint64_t own; /* what this run is called: no other one is, most likely. 0: lines and copies that do not say it */
    size_t n;
    struct {
        uint64_t run, last; /* the last position that it has given */
    } of[PURGE_RUNS_MAX];   /* by ascending position */
};

/* purge_runs_given: |position|, later than all before, is one that |run| has given. */
void purge_runs_given(struct purge_runs *r, uint64_t run, uint64_t position);

/* purge_runs_of is the run by which |position| is known here: one that has given it, or a later one. */
uint64_t purge_runs_of(const struct purge_runs *r, uint64_t position);

/* purge_runs_hold: is |position|, known by |run|, what it was when that was written? */
bool purge_runs_hold(const struct purge_runs *r, uint64_t run, uint64_t position);

#endif
