#include "node/steer/shed.h"

#include <assert.h>

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The part to shed for SHED_AIM of the load that would come if nothing were shed. */
static uint32_t wanted(const struct shed *d, uint32_t load_permille)
{
    uint32_t all = 1000 * SHED_MEMORY_S, come = all - d->sum;
    uint64_t leave = load_permille > 0 ? (uint64_t)SHED_AIM * come / load_permille : all;

    return leave >= all ? 0 : least((uint32_t)(all - leave) / SHED_MEMORY_S, SHED_MAX);
}

void shed_step(struct shed *d, uint32_t load_permille)
{
    d->sum += d->permille - d->stated[d->at];
    d->stated[d->at] = d->permille;
    d->at = (d->at + 1) % SHED_MEMORY_S;

    uint32_t to = wanted(d, load_permille);
    if (load_permille > SHED_HIGH && to > d->permille)
        d->permille += (uint16_t)least((to - d->permille + 3) / 4, SHED_RISE_MAX);
    else if (load_permille < SHED_LOW && to < d->permille)
        d->permille -= (uint16_t)least(d->permille - to, SHED_FALL_MAX);
    assert(d->permille <= SHED_MAX && d->sum <= SHED_MEMORY_S * SHED_MAX);
}
