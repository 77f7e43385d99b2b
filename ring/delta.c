/* delta.c - what is different between two tables. */
#include <assert.h>

#include "ring/table.h"

/* An owner of an arc before and now has one place at most on either side. */
static int rank_in(const struct ring_member *const *owners, size_t n, const struct node_id *id)
{
    for (size_t i = 0; i < n; i++) {
        if (node_id_eq(&owners[i]->id, id))
            return (int)i;
    }
    return -1;
}

static void compare(struct ring_change *c)
{
    c->lost_n = c->gained_n = 0;
    for (size_t i = 0; i < c->was_n; i++) {
        if (rank_in(c->is, c->is_n, &c->was[i]->id) < 0)
            c->lost[c->lost_n++] = c->was[i];
    }
    for (size_t i = 0; i < c->is_n; i++) {
        if (rank_in(c->was, c->was_n, &c->is[i]->id) < 0)
            c->gained[c->gained_n++] = c->is[i];
    }
    c->first_moved = c->was_n == 0 || c->is_n == 0 ? c->was_n != c->is_n : !node_id_eq(&c->was[0]->id, &c->is[0]->id);
}

static bool differ(const struct ring_change *c)
{
    if (c->was_n != c->is_n)
        return true;
    for (size_t i = 0; i < c->was_n; i++) {
        if (!node_id_eq(&c->was[i]->id, &c->is[i]->id))
            return true;
    }
    return false;
}

bool ring_delta(const struct ring *was, const struct ring *is, uint32_t *at, uint32_t end, struct ring_change *out)
{
    assert(ring_arcs(was) == ring_arcs(is) && end <= ring_arcs(was));
    if (was->epoch == is->epoch && *at < end)
        *at = end; /* the same members, so the same bytes */
    while (*at < end) {
        out->arc = (*at)++;
        out->was_n = ring_owners(was, out->arc, out->was);
        out->is_n = ring_owners(is, out->arc, out->is);
        if (differ(out)) {
            compare(out);
            return true;
        }
    }
    return false;
}

bool ring_change_gained(const struct ring_change *c, const struct node_id *id)
{
    return rank_in(c->gained, c->gained_n, id) >= 0;
}

bool ring_change_lost(const struct ring_change *c, const struct node_id *id)
{
    return rank_in(c->lost, c->lost_n, id) >= 0;
}

uint32_t ring_moved(const struct ring *was, const struct ring *is)
{
    struct ring_change c;
    uint32_t at = 0, moved = 0;

    while (ring_delta(was, is, &at, ring_arcs(was), &c))
        moved += c.first_moved;
    return moved;
}
