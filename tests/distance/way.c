#include "tests/distance/way.h"

#include "proto/base/rand.h"

#define PURPOSE_JITTER 1

mesh_ns way_arrival(struct ways *w, unsigned from, unsigned to, int stream, mesh_ns now)
{
    struct way *way = &w->between[from][to];
    struct rand r = rand_of(w->seed, (uint64_t)from << 32 | to, PURPOSE_JITTER);
    mesh_ns at = now;

    if (w->place[from] == 0 || w->place[to] == 0)
        return at;
    at += w->delay[w->place[from]][w->place[to]];
    mesh_ns jitter = w->jitter[w->place[from]][w->place[to]];
    r.counter = way->packets++;
    if (jitter > 0)
        at += (mesh_ns)rand_below(&r, (uint64_t)jitter + 1);
    if (!stream)
        return at;
    way->last = at > way->last ? at : way->last;
    return way->last;
}
