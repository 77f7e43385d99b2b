#include "node/core/distrust.h"

void distrust_add(struct distrust *d, mesh_ns now, mesh_ns first)
{
    if (now - d->until > first << DISTRUST_DOUBLINGS)
        d->lies = 0;
    d->until = now + (first << d->lies);
    if (d->lies < DISTRUST_DOUBLINGS)
        d->lies++;
}
