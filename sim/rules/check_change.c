#include "sim/rules/check_change.h"

#include <stdlib.h>

#define OWNERS_WAIT MS(100) /* an answer waits so long for owners to hear of it */
#define LATE        SEC(1)  /* where that is less than it may take them */
#define NEWS        SEC(3)  /* all others have heard by then: two seconds for who must be dialled */
#define PACE        40      /* a second: well below what a node tells all others */

struct change_book *change_book_new(void)
{
    return world_alloc(sizeof(struct change_book));
}

void change_book_free(struct change_book *b)
{
    if (b == NULL)
        return;
    free(b->told);
    free(b);
}

/* Of this node's changes, of whatever key, how many within the last second? */
static unsigned lately(const struct edge *e)
{
    const struct change_book *b = e->w->changes;
    unsigned n = 0;

    for (size_t i = b->n; i > 0 && b->told[i - 1].told_at > e->w->now - SEC(1); i--)
        n += b->told[i - 1].node == e->index;
    return n;
}

void check_change_told(struct edge *e, uint64_t key, uint64_t version, mesh_ns began)
{
    struct change_book *b = e->w->changes;

    if (b->n == b->cap) {
        b->cap = 2 * b->cap + 64;
        struct change_told *grown = world_alloc(b->cap * sizeof(*grown));
        if (b->n > 0)
            memcpy(grown, b->told, b->n * sizeof(*grown));
        free(b->told);
        b->told = grown;
    }
    b->told[b->n++] = (struct change_told){ key, version, began, e->w->now, e->index, lately(e) < PACE };
}

/* There and back, and again for a connection that has to be made, as far as it is planned. */
static mesh_ns path(const struct world *w)
{
    const struct scenario *sc = &w->sc;
    mesh_ns one = (mesh_ns)(sc->delay + sc->zone_delay + sc->jitter + (sc->rings > 1 ? sc->region_delay : 0));

    return sc->regions > 0 ? SEC(1) : 6 * one;
}

uint64_t check_change_floor(const struct edge *e, uint64_t key)
{
    const struct world *w = e->w;
    const struct change_book *b = w->changes;
    mesh_ns here = path(w) < OWNERS_WAIT ? 0 : LATE;

    for (size_t i = b->n; i > 0; i--) {
        const struct change_told *c = &b->told[i - 1];
        mesh_ns heard = c->told_at + (c->node == e->index ? here : NEWS);
        if (c->key != key || w->now < heard || (c->node != e->index && !c->all))
            continue;
        return check_was_disturbed(w, c->began) ? 0 : c->version;
    }
    return 0;
}

void check_change_end(struct world *w)
{
    const struct change_book *b = w->changes;

    if (b->made > b->asked)
        check_broken(w, RULE_CHANGED, "the origin was told %llu times to change something, by %llu viewers",
                     (unsigned long long)b->made, (unsigned long long)b->asked);
}
