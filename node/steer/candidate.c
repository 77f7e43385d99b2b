#include "node/steer/expect.h"

#include "proto/base/rand.h"

/* The same networks at each node, and of another edge other ones. */
static bool sheds(const struct asker *a, const struct steer_brief *b)
{
    uint64_t who = 0;

    if (b->shed_permille == 0)
        return false;
    for (size_t i = 0; i < sizeof(a->net.net); i++)
        who = who << 8 | a->net.net[i];
    if (a->net.kind == STEER_ALL)
        who = a->ask->draw; /* no network is known: so many of those who ask */
    return rand_mix(rand_mix(who) ^ b->shed_seed) % 1000 < b->shed_permille;
}

bool asker_allows(const struct asker *a, uint16_t i, unsigned gone)
{
    const struct steer_brief *b = &a->v->briefs[i];
    unsigned is = a->is;

    if (gone & ASKER_DRAINING)
        is &= ~(unsigned)STEER_IS_STAYING;
    if (gone & ASKER_NOT_READY)
        is &= ~(unsigned)STEER_IS_READY;
    if ((b->is & is) != is || (b->is & a->has_one_of) == 0)
        return false;
    if (a->ask->regions_n > 0 && !(gone & ASKER_REGION) && !a->allowed[b->region])
        return false;
    return (gone & ASKER_FULL) || !sheds(a, b);
}

enum steer_reason asker_reason(const struct asker *a, uint16_t i)
{
    const struct steer_brief *b = &a->v->briefs[i];
    unsigned ports = a->is & (STEER_HAS_HTTP | STEER_HAS_HTTPS);

    if (!(b->is & STEER_IS_ALIVE))
        return STEER_REASON_DEAD;
    if (!(b->is & STEER_IS_HEARD))
        return STEER_REASON_SILENT;
    if (!(b->is & a->has_one_of))
        return STEER_REASON_NO_ADDRESS;
    if ((b->is & ports) != ports)
        return STEER_REASON_NO_PORT;
    if (!(b->is & STEER_IS_STAYING)) /* it may be both, and then this says more */
        return STEER_REASON_DRAINING;
    if (!(b->is & STEER_IS_READY))
        return STEER_REASON_NOT_READY;
    if (a->ask->regions_n > 0 && !a->allowed[b->region])
        return STEER_REASON_REGION;
    return sheds(a, b) ? STEER_REASON_FULL : STEER_REASON_OK;
}
