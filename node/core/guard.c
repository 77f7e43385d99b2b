#include "node/core/guard.h"

#include <assert.h>

struct slice guard_net(const struct mesh_addr *a)
{
    return slice_of(a->ip, mesh_addr_is_v4(a) ? sizeof(a->ip) : 8);
}

bool guard_net_eq(const struct mesh_addr *a, const struct mesh_addr *b)
{
    return slice_eq(guard_net(a), guard_net(b));
}

void guard_init(struct guard *g, const uint8_t key[MAP_KEY_BYTES], struct guard_pace each, struct guard_pace all)
{
    assert(each.period > 0 && each.burst > 0 && all.period > 0 && all.burst > 0);
    memset(g, 0, sizeof(*g));
    g->each = each;
    g->all = all;
    memcpy(g->keyed.key, key, MAP_KEY_BYTES);
}

/* A cell holds when it will be empty; one that ran out is as good as new. */
static bool fits(mesh_ns cell, mesh_ns now, struct guard_pace pace)
{
    return cell <= now || cell - now <= pace.period * (mesh_ns)(pace.burst - 1);
}

static mesh_ns filled(mesh_ns cell, mesh_ns now, struct guard_pace pace)
{
    return (cell > now ? cell : now) + pace.period;
}

bool guard_each(struct guard *g, mesh_ns now, const struct mesh_addr *from)
{
    uint64_t hash = map_hash(&g->keyed, guard_net(from));
    mesh_ns *cell[GUARD_ROWS], least = MESH_NS_NEVER;

    for (unsigned row = 0; row < GUARD_ROWS; row++) {
        cell[row] = &g->cells[row][hash >> 16 * row & (GUARD_CELLS - 1)];
        least = mesh_ns_min(least, *cell[row]);
    }
    if (!fits(least, now, g->each))
        return false;
    mesh_ns next = filled(least, now, g->each);
    for (unsigned row = 0; row < GUARD_ROWS; row++) {
        if (*cell[row] < next)
            *cell[row] = next;
    }
    return true;
}

bool guard_all(struct guard *g, mesh_ns now)
{
    if (!fits(g->total, now, g->all))
        return false;
    g->total = filled(g->total, now, g->all);
    return true;
}
