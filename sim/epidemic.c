#include "sim/epidemic.h"

#include <assert.h>
#include <string.h>

void epidemic_init(struct epidemic *e, uint64_t nodes, mesh_ns hop)
{
    assert(nodes >= 3 && hop > 0);
    memset(e, 0, sizeof(*e));
    e->nodes = nodes;
    e->hop = hop;
    e->ignorant = (nodes - 1) * 1024;
    e->fresh[0] = 1024;
    e->again = (size_t)((EPIDEMIC_AGAIN + hop - 1) / hop);
}

uint64_t epidemic_known(const struct epidemic *e)
{
    return 1000 - e->ignorant * 1000 / (e->nodes * 1024);
}

void epidemic_next(struct epidemic *e)
{
    uint64_t missed = UINT64_C(1) << 30, telling = 0, n = e->nodes;

    assert(e->hops + 1 < EPIDEMIC_HOPS);
    for (size_t k = 0; k * e->again <= e->hops; k++)
        telling += e->fresh[e->hops - k * e->again];
    for (uint64_t k = 0; k < EPIDEMIC_PUSHES * telling / 1024 && missed > 0; k++)
        missed = missed * (n - 2) / (n - 1);
    e->hops++;
    e->fresh[e->hops] = e->ignorant - (e->ignorant * missed >> 30);
    e->ignorant -= e->fresh[e->hops];
}
