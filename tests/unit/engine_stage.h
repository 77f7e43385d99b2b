/* engine_stage.h - stories of one engine, of three or of four, in a world of their own each, which is calm and honest at the end. */
#ifndef HEDGEROW_TESTS_ENGINE_STAGE_H
#define HEDGEROW_TESTS_ENGINE_STAGE_H

#include "engine_world.h"

static struct world *w;

static inline int open_world(void **state, int n)
{
    (void)state;
    w = world_new(n);
    world_run(w, SEC(1));
    return 0;
}

static inline int one(void **state)
{
    return open_world(state, 1);
}

static inline int three(void **state)
{
    return open_world(state, 3);
}

static inline int four(void **state)
{
    return open_world(state, NODES);
}

static inline int close_world(void **state)
{
    (void)state;
    world_run(w, SEC(100));
    world_calm(w);
    check_honest(w);
    world_free(w);
    return 0;
}

#define ONE(f)   cmocka_unit_test_setup_teardown(f, one, close_world)
#define THREE(f) cmocka_unit_test_setup_teardown(f, three, close_world)
#define FOUR(f)  cmocka_unit_test_setup_teardown(f, four, close_world)

/* by: a viewer at |n| does |method| to |path|. */
static inline struct viewer *by(const char *method, int n, const char *path)
{
    struct viewer *v = viewer_new(w, n, path);

    v->r.method = slice_str(method);
    viewer_ask(v);
    return v;
}

#endif
