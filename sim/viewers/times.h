/* times.h - how long things took, to be asked for the value below which so many lie. */
#ifndef HEDGEROW_SIM_VIEWERS_TIMES_H
#define HEDGEROW_SIM_VIEWERS_TIMES_H

#include "proto/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct times {
    uint64_t *at;
    size_t n, cap;
    bool sorted;
};

void times_add(struct times *t, mesh_ns ns);
/* times_at is the value below which |per_mille| of all lie; sorts. FIGURE_NEVER: there are none. */
uint64_t times_at(struct times *t, unsigned per_mille);

#endif
