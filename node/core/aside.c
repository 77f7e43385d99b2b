/* What we have of bodies as their second owner, and nobody has asked for yet: the next flight for one begins with
 * it. */
#include <stdlib.h>

#include "node/core/flight_impl.h"
#include "node/core/second.h"

#define ASIDE_MAX 64
#define ASIDE_FOR SEC(10) /* who loses an owner asks the next one at once */

struct aside {
    struct list link; /* in engine->aside.list, oldest first */
    mesh_ns until;
    struct object *object;   /* held */
    uint64_t bytes;          /* its own, when it came here */
    struct forward *forward; /* held: whom it was got for */
};

static void aside_free(struct engine *e, struct aside *a)
{
    list_remove(&a->link);
    e->aside.n--;
    e->aside.bytes -= a->bytes;
    object_unref(a->object);
    forward_unref(a->forward);
    free(a);
}

static struct aside *oldest(const struct engine *e)
{
    struct list *first = list_first(&e->aside.list);
    return first != NULL ? OBJ_OF(first, struct aside, link) : NULL;
}

static void aside_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    while (oldest(e) != NULL && oldest(e)->until <= now)
        aside_free(e, oldest(e));
    if (oldest(e) != NULL)
        timer_set(e, t, oldest(e)->until);
}

void aside_start(struct engine *e)
{
    list_init(&e->aside.list);
    e->aside.timer.fire = aside_fire;
}

void aside_stop(struct engine *e)
{
    while (oldest(e) != NULL)
        aside_free(e, oldest(e));
    timer_stop(e, &e->aside.timer);
}

void aside_put(struct engine *e, mesh_ns now, struct object *o, struct forward *forward)
{
    uint64_t max = cache_limit(e->cache) / 4;
    struct aside *a = object_bytes(o) <= max ? calloc(1, sizeof(*a)) : NULL;

    if (a == NULL)
        return;
    while (oldest(e) != NULL && (e->aside.n >= ASIDE_MAX || e->aside.bytes + object_bytes(o) > max))
        aside_free(e, oldest(e));
    *a = (struct aside){ .until = now + ASIDE_FOR, .object = object_ref(o), .bytes = object_bytes(o) };
    a->forward = forward_ref(forward);
    list_push_back(&e->aside.list, &a->link);
    e->aside.n++;
    e->aside.bytes += a->bytes;
    aside_fire(e, now, &e->aside.timer);
}

void aside_take(struct engine *e, struct flight *f)
{
    LIST_EACH_SAFE (at, &e->aside.list) {
        struct aside *a = OBJ_OF(at, struct aside, link);
        if (!digest_eq(&a->object->key, &f->key) || !cache_is_for(a->object, flight_fields(f)))
            continue;
        if (f->prior == NULL && !purges_overtook(e, a->object, &f->route, buf_slice(&f->path)))
            f->prior = object_ref(a->object);
        aside_free(e, a);
    }
}

void aside_drop(struct engine *e, const struct digest *key)
{
    LIST_EACH_SAFE (at, &e->aside.list) {
        struct aside *a = OBJ_OF(at, struct aside, link);
        if (digest_eq(&a->object->key, key))
            aside_free(e, a);
    }
}
