#include "node/core/breaker.h"

#define TRIPS_MAX 30 /* of which each doubles the time: more than any |most| */

bool breaker_lets(struct breaker *b, const struct breaker_rule *rule, mesh_ns now)
{
    if (breaker_closed(b))
        return true;
    if (now < b->until)
        return false;
    b->trial = true;
    b->until = now + rule->trial;
    return true;
}

void breaker_good(struct breaker *b)
{
    *b = (struct breaker){ .until = 0 };
}

/* Within a quarter of it, either way. */
static mesh_ns spread(mesh_ns span, uint64_t random)
{
    return span - span / 4 + (mesh_ns)(random % (uint64_t)(span / 2 + 1));
}

bool breaker_bad(struct breaker *b, const struct breaker_rule *rule, mesh_ns now, uint64_t random)
{
    if (!breaker_closed(b) && !b->trial)
        return false; /* it was begun before */
    if (b->failures == 0)
        b->since = now;
    if (b->failures < rule->failures)
        b->failures++;
    /* It is the same row until there is a success, so that a trial that fails always opens it again. */
    if (b->failures < rule->failures || now - b->since < rule->span)
        return false;
    mesh_ns span = rule->first;
    for (unsigned i = 0; i < b->trips && span < rule->most; i++)
        span *= 2;
    b->trips += b->trips < TRIPS_MAX;
    b->trial = false;
    b->until = now + spread(mesh_ns_min(span, rule->most), random);
    return true;
}

void breaker_wake(struct breaker *b, mesh_ns now)
{
    if (!breaker_closed(b) && now < b->until)
        b->until = now;
}
