/* Frugal streaming with steps in proportion (Ma, Muthukrishnan, Sandler: Frugal Streaming for Estimating Quantiles,
 * 2013): each answer above the estimate raises it by 19 steps, each below lowers it by one, so that it rests where 19 of
 * 20 are below. A peer that has become ten times as slow is taken for such a one after some forty answers. */
#include "node/core/pace.h"

#define BEGINNER 32u /* until so many were seen it falls faster: the first estimate is a guess */

static mesh_ns within(mesh_ns t)
{
    return t < PACE_LEAST ? PACE_LEAST : t > PACE_MOST ? PACE_MOST : t;
}

/* By one time alone: that of a packet, or of an answer. */
static mesh_ns guess(mesh_ns once)
{
    return within(mesh_ns_min(once, PACE_MOST) * 5 / 4 + MS(5));
}

mesh_ns pace_p95(const struct pace *p, mesh_ns rtt)
{
    if (p->seen > 0)
        return US(p->p95_us);
    return rtt > 0 ? guess(rtt) : MS(50);
}

void pace_took(struct pace *p, mesh_ns rtt, mesh_ns took)
{
    uint32_t us = (uint32_t)(pace_p95(p, rtt) / US(1));
    uint32_t step = us / 320 + 1;

    if (p->seen == 0)
        us = (uint32_t)(mesh_ns_min(US(us), guess(took)) / US(1));
    else
        us = took > US(us) ? us + 19 * step : us - (p->seen < BEGINNER ? 5 : 1) * step;
    p->p95_us = (uint32_t)(within(US(us)) / US(1));
    p->seen += p->seen < BEGINNER;
}
