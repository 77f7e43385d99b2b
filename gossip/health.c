#include "gossip/health.h"

#define ONE    UINT32_C(65536)
#define START  (ONE / 4)  /* who has measured nothing yet is careful */
#define MARGIN (ONE / 16) /* a deviation and a half of the smoothed share, where it is largest */
#define WEIGHT 64         /* of the past; with three pings in two seconds that is 43 s */
#define WORST  (ONE * 5 / 8)
#define NEVER  UINT64_C(43) /* 10^-8 of 2^32 */

void health_init(struct health *h)
{
    *h = (struct health){ .lost = START };
}

void health_ping(struct health *h, bool lost)
{
    h->lost -= h->lost / WEIGHT;
    h->lost += lost ? ONE / WEIGHT : 0;
}

void health_worse(struct health *h)
{
    h->score += h->score < HEALTH_WORST;
}

void health_answer(struct health *h)
{
    h->score -= h->score > 0;
}

void health_silence(struct health *h, unsigned asked, unsigned denied)
{
    if (2 * denied < asked)
        health_worse(h);
}

mesh_ns health_span(const struct health *h, mesh_ns span)
{
    return span * (1 + (mesh_ns)h->score);
}

unsigned health_vain(const struct health *h)
{
    uint64_t share = h->lost + MARGIN < WORST ? h->lost + MARGIN : WORST, chance = UINT64_C(1) << 32;
    unsigned n = 0;

    while (chance > NEVER && n < HEALTH_VAIN_MAX) {
        chance = chance * share / ONE;
        n++;
    }
    return n;
}
