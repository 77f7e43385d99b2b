/* test_store_memory.c - memory that is short in the midst of a removal or of a full segment: whichever piece is refused,
 * what was written is synced soon, a removal first of all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model_disk.h"
#include "sim/faults/short_memory.h"

#define PIECES 40 /* more than any of these steps asks for */

static const struct store_config small = { .limit = 8u << 20, .segment_bytes = 1u << 20, .seed = 77, .secret = 5 };

struct world {
    struct model_disk disk;
    struct store *s;
    uint64_t left, refused;
};

static struct world *start(void)
{
    static struct world w;

    memset(&w, 0, sizeof(w));
    model_init(&w.disk, true);
    w.s = store_new(&small);
    assert_non_null(w.s);
    return &w;
}

static void end(struct world *w)
{
    store_free(w->s);
    model_fini(&w->disk);
}

static void put(struct world *w, uint64_t key, size_t len)
{
    static const uint8_t bytes[250000];
    struct slice b = slice_of(bytes, len);

    store_put(w->s, SEC(1), &(struct store_name){ key, (uint32_t)key, 0 }, &b, 1);
}

/* All that the store wants done at |now|; while it thinks about it memory may be short. */
static void run(struct world *w, mesh_ns now)
{
    struct store_op *op;

    do {
        short_memory_within(&w->left, &w->refused);
        op = store_poll(w->s, now);
        short_memory_over();
        if (op != NULL) {
            int err = model_do(&w->disk, op);
            assert_false(store_done(w->s, now, op, &err));
        }
    } while (op != NULL);
}

/* Is each segment synced behind the last write to it? */
static bool all_synced(const struct world *w)
{
    bool owes[MODEL_FILES] = { false };
    bool all = true;

    for (size_t i = 0; i < w->disk.steps_n; i++) {
        const struct model_step *step = &w->disk.steps[i];
        owes[step->segment % MODEL_FILES] = step->kind == STORE_WRITE;
    }
    for (size_t i = 0; i < MODEL_FILES; i++)
        all = all && !owes[i];
    return all;
}

static void a_removal_is_synced_though_memory_was_short(void **state)
{
    uint64_t refused = 0;

    (void)state;
    for (uint64_t piece = 1; piece <= PIECES; piece++) {
        struct world *w = start();
        put(w, 1, 100);
        run(w, SEC(1));
        run(w, SEC(1) + STORE_SYNC_NS);
        assert_true(all_synced(w));
        mesh_ns now = SEC(10);
        w->left = piece;
        short_memory_within(&w->left, &w->refused);
        store_forget(w->s, now, 1, 0);
        short_memory_over();
        run(w, now);
        refused += w->refused;
        for (unsigned i = 1; i <= 10; i++)
            run(w, now + MS(100) * i);
        assert_true(all_synced(w));
        enum store_op_kind last = w->disk.steps[w->disk.steps_n - 1].kind;
        assert_true(last == STORE_SYNC || last == STORE_REMOVE); /* or all is given up */
        end(w);
    }
    assert_true(refused > 0 && refused < PIECES);
}

/* A segment gets full, and the log goes on in the next one: the syncs to come are of that one. */
static void a_full_segment_is_synced_though_memory_was_short(void **state)
{
    uint64_t refused = 0, two = 0;

    (void)state;
    for (uint64_t piece = 1; piece <= PIECES; piece++) {
        struct world *w = start();
        for (uint64_t key = 1; key <= 4; key++)
            put(w, key, 250000);
        run(w, SEC(1));
        w->left = piece;
        short_memory_within(&w->left, &w->refused);
        put(w, 5, 250000);
        short_memory_over();
        run(w, SEC(1));
        w->left = 0;
        refused += w->refused;
        put(w, 6, 250000);
        run(w, SEC(1));
        two += w->s->slots_used == 2;
        run(w, SEC(1) + STORE_SYNC_NS);
        run(w, SEC(2) + STORE_SYNC_NS);
        assert_true(all_synced(w));
        end(w);
    }
    assert_true(refused > 0 && refused < PIECES);
    assert_int_equal(two, PIECES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_is_synced_though_memory_was_short),
        cmocka_unit_test(a_full_segment_is_synced_though_memory_was_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
