/* engine_disks.h - stories of engines with a disk each, a model that outlives them. Who includes it says before how large:
 * LIMIT of memory, and DISK_BYTES. */
#ifndef HEDGEROW_TESTS_ENGINE_DISKS_H
#define HEDGEROW_TESTS_ENGINE_DISKS_H

#include "engine_wants.h"

static const struct store_config disk_config = { .limit = DISK_BYTES, .segment_bytes = 1u << 20, .seed = 77, .secret = 5 };
static struct model_disk disks[3];
static struct store *stores[3];

/* |run|: of the process, which keys its tables. */
static inline void start_node(int n, uint8_t run)
{
    stores[n] = model_open(&disks[n], &disk_config);
    w->nodes[n].cfg.memory_limit = LIMIT;
    w->nodes[n].cfg.store = stores[n];
    w->nodes[n].cfg.hash_key[0] = run;
    w->nodes[n].disk = &disks[n];
    node_start(w, n, true);
}

/* A kill: nothing is closed. */
static inline void stop_node(int n)
{
    node_stop(w, n, true);
    store_free(stores[n]);
    stores[n] = NULL;
    list_init(&disks[n].held);
}

static inline int open_with_disks(int n)
{
    w = world_bare(n);
    for (int i = 0; i < n; i++) {
        model_init(&disks[i], false);
        start_node(i, 1);
    }
    world_run(w, SEC(1));
    return 0;
}

static inline int one_disk(void **state)
{
    (void)state;
    return open_with_disks(1);
}

static inline int three_disks(void **state)
{
    (void)state;
    return open_with_disks(3);
}

static inline int close_disks(void **state)
{
    int n = w->n;

    close_world(state);
    for (int i = 0; i < n; i++) {
        store_free(stores[i]);
        model_fini(&disks[i]);
    }
    return 0;
}

#define DISK(f)  cmocka_unit_test_setup_teardown(f, one_disk, close_disks)
#define DISKS(f) cmocka_unit_test_setup_teardown(f, three_disks, close_disks)

#endif
