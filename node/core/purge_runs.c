#include "node/core/purge_runs.h"

#include <string.h>

void purge_runs_given(struct purge_runs *r, uint64_t run, uint64_t position)
{
    if (r->n == 0 || r->of[r->n - 1].run != run) {
        if (r->n == PURGE_RUNS_MAX)
            memmove(&r->of[0], &r->of[1], --r->n * sizeof(r->of[0]));
        r->of[r->n++].run = run;
    }
    r->of[r->n - 1].last = position;
}

uint64_t purge_runs_of(const struct purge_runs *r, uint64_t position)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->of[i].last >= position)
            return r->of[i].run;
    }
    return r->own;
}

bool purge_runs_hold(const struct purge_runs *r, uint64_t run, uint64_t position)
{
    for (size_t i = r->n; i > 0; i--) {
        if (r->of[i - 1].run == run)
            return r->of[i - 1].last >= position;
    }
    return false;
}
