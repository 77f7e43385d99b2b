#include "sim/viewers/times.h"

#include <stdlib.h>

#include "sim/figures.h"
#include "sim/world.h"

void times_add(struct times *t, mesh_ns ns)
{
    if (t->n == t->cap) {
        t->cap = 2 * t->cap + 256;
        uint64_t *grown = world_alloc(t->cap * sizeof(*grown));
        if (t->n > 0)
            memcpy(grown, t->at, t->n * sizeof(*grown));
        free(t->at);
        t->at = grown;
    }
    t->at[t->n++] = (uint64_t)ns;
    t->sorted = false;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t times_at(struct times *t, unsigned per_mille)
{
    if (t->n == 0)
        return FIGURE_NEVER;
    if (!t->sorted)
        qsort(t->at, t->n, sizeof(*t->at), compare); /* equal ones are the same: no ties to break */
    t->sorted = true;
    return t->at[(t->n - 1) * per_mille / 1000];
}
