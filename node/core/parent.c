#include "node/core/parent.h"

#include <stdlib.h>
#include <string.h>

/* Regions whose distances differ by less take turns with the weather of the network. */
#define GAIN_US  5000
#define GAIN_PCT 15

static int by_region(const void *a, const void *b)
{
    const struct parent_vote *x = a, *y = b;
    size_t common = x->region.len < y->region.len ? x->region.len : y->region.len;
    int order = common > 0 ? memcmp(x->region.data, y->region.data, common) : 0;

    if (order == 0)
        order = (x->region.len > y->region.len) - (x->region.len < y->region.len);
    return order != 0 ? order : (x->us > y->us) - (x->us < y->us);
}

void parent_sort(struct parent_vote *votes, size_t n)
{
    if (n > 0)
        qsort(votes, n, sizeof(*votes), by_region);
}

bool parent_next(const struct parent_vote *votes, size_t n, size_t *at, struct parent_region *out)
{
    size_t from = *at, silent = 0, end = from;

    if (from >= n)
        return false;
    while (end < n && slice_eq(votes[end].region, votes[from].region))
        silent += votes[end++].us == 0; /* these come first */
    size_t stated = end - from - silent;
    *at = end;
    *out = (struct parent_region){
        .name = votes[from].region, .stated = stated, .members = end - from, .mark = votes[from].mark
    };
    if (stated > 0)
        out->median_us = votes[from + silent + (stated - 1) / 2].us;
    return true;
}

static bool much_nearer(uint32_t us, uint32_t than_us)
{
    return (uint64_t)us + GAIN_US <= than_us && (uint64_t)us * 100 <= (uint64_t)than_us * (100 - GAIN_PCT);
}

static size_t holders(const struct parent_vote *votes, size_t n, uint32_t mark)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += votes[i].holds == mark;
    return found;
}

struct slice parent_choose(const struct parent_vote *votes, size_t n)
{
    struct parent_region r, best = { .median_us = 0 }, present = { .median_us = 0 };
    size_t most = 0;

    for (size_t at = 0; parent_next(votes, n, &at, &r);) {
        if (r.median_us == 0)
            continue;
        size_t held = holders(votes, n, r.mark);
        if (held > most) {
            most = held;
            present = r;
        }
        if (best.median_us == 0 || r.median_us < best.median_us)
            best = r;
    }
    if (most > 0 && !much_nearer(best.median_us, present.median_us))
        return present.name;
    return best.name;
}
