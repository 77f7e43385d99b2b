/* Another set of distributions while requests come. Who is under way goes on by the set that it began with, of which it
 * has a reference (struct route); other threads, which only look, by the set that they saw at the begin of their turn.
 */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key_memo.h"

/* A set that is in force no more, and that readers may still see. */
struct retired {
    struct list link; /* in engine->retired */
    struct dist_set *set;
    uint64_t turn;
};

static void let_go(struct retired *r)
{
    list_remove(&r->link);
    dist_set_unref(r->set);
    free(r);
}

/* Is what was measured of |before| no measure of |set|? */
static bool measures_another(const struct dist_set *before, const struct dist_set *set)
{
    const struct dist_origin *a = dist_measured(before), *b = dist_measured(set);

    return a == NULL || b == NULL ? a != b : !slice_eq(a->url, b->url);
}

int engine_configure(struct engine *e, mesh_ns now, struct dist_set *set)
{
    struct retired *old = calloc(1, sizeof(*old));
    struct shelf *shelf = cache_shelf(e->cache);

    if (old == NULL)
        return MESH_E_NOMEM;
    e->now = now;
    int err = admit_configure(e, set);
    if (err != 0) {
        free(old);
        return err;
    }
    list_init(&old->link);
    if (measures_another(e->cfg.set, set))
        mesh_origin_other(e->mesh, now);
    old->set = e->cfg.set;
    e->cfg.set = dist_set_ref(set);
    cache_tell_set(e->cache, set);
    key_memo_fini(&e->memo);
    e->coding_memo = (struct coding_memo){ .len = 0 };
    list_push_back(&e->retired, &old->link);
    old->turn = shelf != NULL ? shelf_turn(shelf) : 0;
    sets_settle(e);
    return 0;
}

void sets_settle(struct engine *e)
{
    const struct shelf *shelf = cache_shelf(e->cache);
    struct list *first;

    while ((first = list_first(&e->retired)) != NULL) {
        struct retired *r = OBJ_OF(first, struct retired, link);
        if (shelf != NULL && !shelf_turned(shelf, r->turn))
            return;
        let_go(r);
    }
}

void sets_free(struct engine *e)
{
    while (e->retired.next != NULL && !list_empty(&e->retired))
        let_go(OBJ_OF(list_first(&e->retired), struct retired, link));
    dist_set_unref(e->cfg.set);
}
