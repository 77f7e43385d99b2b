/* engine_four.h - stories of four engines that know each other, and are calm at the end. */
#ifndef HEDGEROW_TESTS_ENGINE_FOUR_H
#define HEDGEROW_TESTS_ENGINE_FOUR_H

#include "engine_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct world *w;

static inline int begin(void **state)
{
    (void)state;
    w = world_new(NODES);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    world_run(w, SEC(3));
    world_calm(w);
    world_free(w);
    return 0;
}

/* The sum of one counter over all nodes. */
#define SUM(name) (count(w, 0)->name + count(w, 1)->name + count(w, 2)->name + count(w, 3)->name)

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
