/* test_store.c - what was put is found, read, replaced and removed; the oldest goes, what was used stays; and a disk
 * that fails, is full or slow costs what lay there, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model_disk.h"

static const struct store_config small = { .limit = 8u << 20, .segment_bytes = 1u << 20, .seed = 77, .secret = 5 };

struct world {
    struct model_disk disk;
    struct store *s;
    struct model_got got;
    mesh_ns now;
};

static struct world *start_with(const struct store_config *cfg)
{
    static struct world w;

    memset(&w, 0, sizeof(w));
    model_init(&w.disk, false);
    w.s = store_new(cfg);
    w.now = SEC(1);
    assert_non_null(w.s);
    return &w;
}

static struct world *start(void)
{
    return start_with(&small);
}

static void end(struct world *w)
{
    store_free(w->s);
    free(w->got.bytes);
    model_fini(&w->disk);
}

static void run(struct world *w)
{
    model_run(&w->disk, w->s, w->now, &w->got);
}

/* The body of |key|'s version |v|. */
static struct slice body(uint64_t key, uint32_t v, size_t len)
{
    static uint8_t bytes[1 << 20];
    struct rand r = rand_of(key, v, 1);

    for (size_t i = 0; i < len; i++)
        bytes[i] = i % 8 == 0 ? (uint8_t)rand_u64(&r) : (uint8_t)(bytes[i - 1] + 1);
    return slice_of(bytes, len);
}

static int put(struct world *w, uint64_t key, uint32_t variant, uint32_t v, size_t len)
{
    struct slice all = body(key, v, len), pieces[] = { slice_head(all, len / 3), slice_from(all, len / 3) };

    return store_put(w->s, w->now, &(struct store_name){ key, (uint32_t)key, variant }, pieces, 2);
}

static bool there(struct world *w, uint64_t key, uint32_t variant, uint32_t v, size_t len)
{
    int err = model_get(&w->disk, w->s, key, variant, &w->got);

    if (err != 0)
        return false;
    assert_int_equal(w->got.len, len);
    assert_memory_equal(w->got.bytes, body(key, v, len).data, len);
    return true;
}

static void what_was_put_is_read(void **state)
{
    struct world *w = start();
    static const size_t sizes[] = { 0, 1, 2, 63, 64, 65, 1000, 65536, 200000 };

    (void)state;
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(put(w, i, 0, 0, sizes[i]), 0);
    assert_int_equal(store_read(w->s, store_find(w->s, 3), NULL), MESH_E_FULL); /* it is not on the disk yet */
    run(w);
    for (size_t i = 0; i < 9; i++)
        assert_true(there(w, i, 0, 0, sizes[i]));
    assert_int_equal(store_find(w->s, 99), INDEX_NONE);
    assert_int_equal(store_things(w->s), 9);
    assert_int_equal(put(w, 10, 0, 0, (size_t)store_put_max(w->s)), 0);
    assert_int_equal(put(w, 11, 0, 0, (size_t)store_put_max(w->s) + 1), MESH_E_RANGE);
    end(w);
}

static void a_name_has_one_thing_and_a_variant_its_own(void **state)
{
    struct world *w = start();

    (void)state;
    put(w, 1, 0, 0, 100);
    put(w, 1, 7, 1, 100);
    put(w, 1, 8, 2, 100);
    put(w, 1, 7, 3, 200);
    run(w);
    assert_true(there(w, 1, 0, 0, 100));
    assert_true(there(w, 1, 7, 3, 200));
    assert_true(there(w, 1, 8, 2, 100));
    assert_int_equal(store_things(w->s), 3);
    assert_int_equal(index_at(&w->s->index, store_find(w->s, 1))->variant, 7); /* the latest */
    assert_int_equal(store_forget(w->s, w->now, 1, 7), 2);                     /* and what was for all */
    assert_false(there(w, 1, 7, 3, 200));
    assert_false(there(w, 1, 0, 0, 100));
    assert_true(there(w, 1, 8, 2, 100));
    assert_int_equal(store_forget(w->s, w->now, 1, 0), 1);
    assert_int_equal(store_things(w->s), 0);
    end(w);
}

static void a_body_goes_with_all_its_parts(void **state)
{
    struct world *w = start();

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        struct slice b = body(i, 0, 500);
        assert_int_equal(store_put(w->s, w->now, &(struct store_name){ i, i % 2 == 0 ? 4 : 5, 0 }, &b, 1), 0);
    }
    run(w);
    assert_int_equal(store_drop_body(w->s, w->now, 4), 50);
    assert_int_equal(store_drop_body(w->s, w->now, 4), 0);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(there(w, i, 0, 0, 500), i % 2 == 1);
    end(w);
}

/* What is removed while it is being read is not served. */
static void what_is_removed_meanwhile_is_not_read(void **state)
{
    struct world *w = start();
    struct store_op *op;
    int err = 0;

    (void)state;
    put(w, 1, 0, 0, 100);
    run(w);
    assert_int_equal(store_read(w->s, store_find(w->s, 1), NULL), 0);
    op = store_poll(w->s, w->now);
    assert_int_equal(op->kind, STORE_READ);
    assert_int_equal(model_do(&w->disk, op), 0);
    store_forget(w->s, w->now, 1, 0);
    put(w, 1, 0, 1, 100);
    assert_true(store_done(w->s, w->now, op, &err));
    assert_int_equal(err, MESH_E_ABSENT);
    store_op_free(op);
    run(w);
    assert_true(there(w, 1, 0, 1, 100));
    end(w);
}

static void the_oldest_goes_and_what_was_used_stays(void **state)
{
    struct world *w = start();
    uint64_t i;

    (void)state;
    for (i = 0; i < 4000; i++) { /* 12 MB in 8 */
        assert_int_equal(put(w, i, 0, 0, 3000), 0);
        run(w);
        assert_true(there(w, i < 10 ? i : 5, 0, 0, 3000)); /* the first ten are used */
        if (i > 10)
            assert_true(there(w, i % 10, 0, 0, 3000));
        assert_true(store_bytes(w->s) <= 8u << 20);
        assert_true(model_bytes(&w->disk) <= 8u << 20);
    }
    for (i = 0; i < 10; i++)
        assert_true(there(w, i, 0, 0, 3000));
    for (i = 10; i < 1000; i++)
        assert_false(there(w, i, 0, 0, 3000));
    for (i = 4000 - 1500; i < 4000; i++)
        assert_true(there(w, i, 0, 0, 3000));
    assert_true(store_counters(w->s)->again >= 10);
    assert_true(store_counters(w->s)->reclaimed >= 5);
    end(w);
}

static void what_was_only_looked_at_goes(void **state)
{
    struct world *w = start();

    (void)state;
    put(w, 1, 0, 0, 3000);
    put(w, 2, 0, 0, 3000);
    run(w);
    assert_int_equal(store_look(w->s, store_find(w->s, 1), NULL), 0);
    assert_int_equal(store_read(w->s, store_find(w->s, 2), NULL), 0);
    run(w);
    assert_int_equal(w->got.n, 2);
    assert_false(store_full(w->s));
    for (uint64_t i = 10; i < 3000; i++) {
        assert_int_equal(put(w, i, 0, 0, 3000), 0);
        run(w);
    }
    assert_true(store_full(w->s));
    assert_false(there(w, 1, 0, 0, 3000));
    assert_true(there(w, 2, 0, 0, 3000));
    end(w);
}

/* All of it is used all the time: half of each segment may be kept, and newcomers find room. */
static void what_is_all_used_still_makes_room(void **state)
{
    struct world *w = start();
    unsigned kept = 0;

    (void)state;
    for (uint64_t i = 0; i < 8000; i++) {
        assert_int_equal(put(w, i, 0, 0, 3000), 0);
        run(w);
        for (int n = 0; n < 3; n++)
            store_used(w->s, store_find(w->s, i));
        assert_true(store_bytes(w->s) <= 8u << 20);
    }
    for (uint64_t i = 0; i < 8000; i++)
        kept += there(w, i, 0, 0, 3000);
    assert_in_range(kept, 1700, 2800);
    assert_true(there(w, 7999, 0, 0, 3000));
    end(w);
}

static void a_slow_disk_bounds_what_waits(void **state)
{
    struct store_config cfg = { .limit = 32u << 20, .segment_bytes = 1u << 20, .seed = 1, .secret = 2 };
    struct world *w = start_with(&cfg);
    uint64_t i;

    (void)state;
    w->disk.slow = true;
    for (i = 0; i < 100000 && put(w, i, 0, 0, 30000) == 0; i++)
        run(w);
    assert_in_range(i, 200, 300); /* of 8 MiB */
    assert_true(w->s->waiting <= STORE_WAITING_MAX);
    assert_true(store_counters(w->s)->behind == 1);
    assert_int_equal(store_forget(w->s, w->now, 3, 0), 1); /* a removal does not wait for that */
    model_catch_up(&w->disk, w->s, w->now);
    assert_false(there(w, 3, 0, 0, 30000));
    assert_true(there(w, i - 1, 0, 0, 30000));
    assert_int_equal(put(w, 7, 0, 0, 100), 0);
    assert_int_equal(w->s->waiting, w->s->tail.fill.len);
    end(w);
}

static void what_is_on_its_way_is_told(void **state)
{
    struct world *w = start();

    (void)state;
    assert_int_equal(store_pending(w->s), 0);
    put(w, 1, 0, 0, 1000);
    put(w, 2, 0, 0, 1000);
    assert_int_equal(store_pending(w->s), 2);
    w->disk.slow = true;
    run(w); /* told, not done */
    put(w, 3, 0, 0, 1000);
    assert_int_equal(store_pending(w->s), 3);
    put(w, 3, 0, 1, 1000);
    assert_int_equal(store_forget(w->s, w->now, 1, 0), 1);
    assert_int_equal(store_pending(w->s), 4); /* what does not count any more is written all the same */
    assert_int_equal(store_things(w->s), 2);
    assert_int_equal(put(w, 9, 0, 0, (size_t)store_put_max(w->s) + 1), MESH_E_RANGE);
    assert_int_equal(store_pending(w->s), 4);
    struct store_op *op = OBJ_OF(list_first(&w->disk.held), struct store_op, link);
    int err = model_do(&w->disk, op);
    list_remove(&op->link);
    assert_false(store_done(w->s, w->now, op, &err));
    assert_int_equal(store_pending(w->s), 2);
    model_catch_up(&w->disk, w->s, w->now);
    assert_int_equal(store_pending(w->s), 0);
    assert_int_equal(store_things(w->s), 2);
    end(w);
}

/* One write fails, with its segment's later ones told already, and the next segment begun. */
static void what_the_disk_did_not_take_is_not_on_its_way(void **state)
{
    struct world *w = start();
    uint64_t i;
    int err = MESH_E_DISK;

    (void)state;
    put(w, 0, 0, 0, 1000);
    run(w);
    w->disk.slow = true;
    put(w, 1, 0, 0, 1000);
    run(w);
    for (i = 2; w->s->slots_used < 2; i++)
        assert_int_equal(put(w, i, 0, 0, 60000), 0);
    run(w);
    put(w, i, 0, 0, 1000);
    assert_int_equal(store_pending(w->s), i);
    struct store_op *op = OBJ_OF(list_first(&w->disk.held), struct store_op, link);
    list_remove(&op->link);
    assert_false(store_done(w->s, w->now, op, &err));
    assert_int_equal(store_pending(w->s), i - 1);
    assert_int_equal(store_things(w->s), 2); /* those of the second segment */
    model_catch_up(&w->disk, w->s, w->now);
    assert_int_equal(store_pending(w->s), 0);
    assert_int_equal(store_things(w->s), 2);

    w->now += SEC(100);
    w->disk.slow = true;
    put(w, 100, 0, 0, 1000);
    run(w);
    put(w, 101, 0, 0, 1000); /* it waits behind the one that fails */
    assert_int_equal(store_pending(w->s), 2);
    w->disk.fail_write = MESH_E_DISK;
    model_catch_up(&w->disk, w->s, w->now);
    assert_int_equal(store_pending(w->s), 0);
    assert_int_equal(store_things(w->s), 0);
    end(w);
}

static void a_read_too_many_is_a_miss(void **state)
{
    struct world *w = start();
    int n;

    (void)state;
    put(w, 1, 0, 0, 200000);
    run(w);
    w->disk.slow = true;
    for (n = 0; n < 1000 && store_read(w->s, store_find(w->s, 1), NULL) == 0; n++)
        run(w);
    assert_int_equal(n, STORE_READING_MAX / record_bytes(200000));
    assert_int_equal(store_counters(w->s)->busy, 1);
    model_catch_up(&w->disk, w->s, w->now);
    assert_true(there(w, 1, 0, 0, 200000));
    end(w);
}

static void rob_F2_what_is_damaged_is_gone_and_counted(void **state)
{
    struct world *w = start();

    (void)state;
    put(w, 1, 0, 0, 100);
    put(w, 2, 0, 0, 100);
    run(w);
    w->disk.files[1].bytes[STORE_UNIT * 2 + 50] ^= 1;
    assert_int_equal(model_get(&w->disk, w->s, 1, 0, &w->got), MESH_E_HASH);
    assert_int_equal(store_counters(w->s)->corrupt, 1);
    assert_int_equal(store_find(w->s, 1), INDEX_NONE);
    assert_true(there(w, 2, 0, 0, 100));
    end(w);
}

static void rob_DK2_a_read_that_fails_costs_what_was_to_be_read(void **state)
{
    struct world *w = start();

    (void)state;
    put(w, 1, 0, 0, 100);
    put(w, 2, 0, 0, 100);
    run(w);
    w->disk.fail_read = MESH_E_DISK;
    assert_int_equal(model_get(&w->disk, w->s, 1, 0, &w->got), MESH_E_DISK);
    w->disk.fail_read = 0;
    assert_false(there(w, 1, 0, 0, 100));
    assert_true(there(w, 2, 0, 0, 100));
    assert_int_equal(store_counters(w->s)->failed_reads, 1);
    end(w);
}

/* What a failed sync was about is given up, file and all; a removal that was among it is not. */
static void rob_DK2_a_sync_that_fails_gives_up_its_segment(void **state)
{
    struct world *w = start();

    (void)state;
    put(w, 1, 0, 0, 250000);
    put(w, 5, 0, 0, 250000);
    put(w, 2, 0, 0, 250000);
    put(w, 3, 0, 0, 250000);
    put(w, 4, 0, 0, 250000); /* in another segment */
    run(w);
    assert_int_equal(w->s->slots_used, 2);
    assert_int_equal(store_forget(w->s, w->now, 2, 0), 1);
    w->disk.fail_sync = MESH_E_DISK;
    run(w);
    assert_false(there(w, 4, 0, 0, 250000));
    assert_true(there(w, 3, 0, 0, 250000));
    assert_false(w->disk.files[2].there);
    assert_int_equal(store_failing(w->s, w->now), MESH_E_DISK);
    assert_int_equal(put(w, 6, 0, 0, 100), MESH_E_FULL);
    w->disk.fail_sync = 0;
    w->now = store_due(w->s);
    run(w); /* the removal is written again, and synced */
    assert_int_equal(store_failing(w->s, w->now), 0);
    struct store *again = model_open(&w->disk, &small);
    assert_int_equal(store_find(again, 2), INDEX_NONE);
    assert_int_not_equal(store_find(again, 3), INDEX_NONE);
    store_free(again);
    assert_int_equal(put(w, 6, 0, 0, 100), 0);
    run(w);
    assert_true(there(w, 6, 0, 0, 100));
    end(w);
}

/* Key 1 lies in one segment, and its removal in the next one, where the log ends. */
static void remove_from_the_next(struct world *w)
{
    for (uint64_t key = 1; key <= 5; key++)
        put(w, key, 0, 0, 250000);
    run(w);
    assert_int_equal(w->s->slots_used, 2);
    assert_int_equal(store_forget(w->s, w->now, 1, 0), 1);
    run(w);
}

/* The log's end is given up as a whole; what was removed in it stays removed. */
static void fail_a_write(struct world *w)
{
    w->disk.fail_write = MESH_E_DISK;
    assert_int_equal(put(w, 6, 0, 0, 100), 0);
    run(w);
    assert_false(w->disk.files[2].there);
    w->disk.fail_write = 0;
    w->now = store_due(w->s);
    run(w);
    struct store *again = model_open(&w->disk, &small);
    assert_int_equal(store_find(again, 1), INDEX_NONE);
    assert_int_not_equal(store_find(again, 2), INDEX_NONE);
    store_free(again);
}

static void rob_DK2_a_synced_removal_outlives_its_segment(void **state)
{
    struct world *w = start();

    (void)state;
    remove_from_the_next(w);
    fail_a_write(w);
    end(w);
}

static void rob_DK2_a_removal_of_a_run_before_outlives_its_segment(void **state)
{
    struct world *w = start();

    (void)state;
    remove_from_the_next(w);
    struct store *again = model_open(&w->disk, &small);
    store_free(w->s);
    w->s = again;
    run(w);
    fail_a_write(w);
    end(w);
}

/* They are remembered as long as their segment may be given up, so there are not too many of them in one. */
static void a_segment_of_many_removals_is_ended_early(void **state)
{
    static const struct store_config large = { .limit = 64u << 20, .segment_bytes = 8u << 20, .seed = 7, .secret = 5 };
    struct world *w = start_with(&large);

    (void)state;
    for (uint64_t i = 0; i < 3 * (uint64_t)REMOVALS_MAX / 4; i++) {
        assert_int_equal(put(w, 1, 0, 0, 10), 0);
        assert_int_equal(store_forget(w->s, w->now, 1, 0), 1);
        if (i % 1000 == 0)
            run(w);
    }
    run(w);
    assert_int_equal(w->s->slots_used, 2);
    assert_int_equal(store_counters(w->s)->abandoned, 0);
    assert_true(w->s->removals.len / sizeof(struct record) <= REMOVALS_MAX / 2);
    end(w);
}

/* What an end of the process left unsynced is synced at the next start. */
static void what_is_there_at_a_start_is_synced(void **state)
{
    struct world *w = start();
    struct store_op *op;

    (void)state;
    put(w, 1, 0, 0, 100);
    run(w); /* written, and to be synced later */
    struct store *again = model_open(&w->disk, &small);
    op = store_poll(again, w->now);
    assert_non_null(op);
    assert_int_equal(op->kind, STORE_SYNC);
    assert_int_equal(op->segment, 1);
    int err = 0;
    store_done(again, w->now, op, &err);
    assert_null(store_poll(again, w->now));
    assert_true(store_due(again) == MESH_NS_NEVER);
    store_free(again);
    end(w);
}

/* A disk with less room than it should have: the store lives in what there is, says so, and tries again. */
static void rob_DK1_a_full_disk_is_lived_with(void **state)
{
    struct world *w = start();
    unsigned kept = 0;

    (void)state;
    w->disk.room = (4u << 20) - 5000;
    for (uint64_t i = 0; i < 6000; i++) {
        put(w, i, 0, 0, 3000);
        run(w);
        w->now += MS(20);
        assert_true(model_bytes(&w->disk) <= w->disk.room);
    }
    assert_int_equal(store_failing(w->s, w->now), MESH_E_FULL);
    for (uint64_t i = 0; i < 6000; i++)
        kept += there(w, i, 0, 0, 3000);
    assert_in_range(kept, 450, 1400);
    w->disk.room = UINT64_MAX;
    for (uint64_t i = 0; i < 40000; i++) {
        put(w, i, 0, 0, 3000);
        run(w);
        w->now += MS(200);
    }
    assert_int_equal(store_failing(w->s, w->now), 0);
    assert_true(store_things(w->s) > 1700);
    end(w);
}

/* More removals than can be remembered while the disk takes none: then nothing of it counts any more. */
static void removals_that_cannot_be_written_are_not_lost(void **state)
{
    struct world *w = start();
    struct store *again;

    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        put(w, i, 0, 0, 100);
        run(w);
    }
    w->disk.fail_sync = MESH_E_DISK;
    put(w, 5000, 0, 0, 900 * 1000 / 4);
    store_forget(w->s, w->now, 1, 0);
    run(w);
    w->disk.fail_sync = 0;
    assert_int_equal(store_failing(w->s, w->now), MESH_E_DISK);
    put(w, 1, 0, 1, 100); /* not taken */
    for (unsigned i = 0; i < REMOVALS_MAX + 5; i++)
        log_removed(w->s, w->now, &(struct record){ .kind = RECORD_DROP, .key = 3 });
    run(w);
    again = model_open(&w->disk, &small);
    assert_int_equal(store_things(again), 0);
    store_free(again);
    w->now += SEC(100);
    assert_int_equal(put(w, 9, 0, 0, 100), 0);
    run(w);
    assert_true(there(w, 9, 0, 0, 100));
    end(w);
}

/* The same with a disk that is slow: the segment at the log's end goes with the others. */
static void removals_too_many_end_the_log_too(void **state)
{
    struct world *w = start();

    (void)state;
    w->disk.slow = true;
    put(w, 1, 0, 0, 100);
    run(w);
    put(w, 2, 0, 0, 100);
    for (unsigned i = 0; store_counters(w->s)->abandoned == 0; i++) {
        assert_true(i <= REMOVALS_MAX);
        log_removed(w->s, w->now, &(struct record){ .kind = RECORD_DROP, .key = 3 });
    }
    assert_int_equal(store_things(w->s), 0);
    assert_int_equal(store_bytes(w->s), 0);
    assert_int_equal(put(w, 4, 0, 0, 100), 0);
    model_catch_up(&w->disk, w->s, w->now);
    assert_true(there(w, 4, 0, 0, 100));
    struct store *again = model_open(&w->disk, &small);
    assert_int_equal(store_things(again), 1);
    store_free(again);
    end(w);
}

static void all_is_synced_in_a_while(void **state)
{
    struct world *w = start();
    struct store_op *op;
    int err = 0;

    (void)state;
    assert_int_equal(store_due(w->s), MESH_NS_NEVER);
    put(w, 1, 0, 0, 100);
    assert_int_equal(store_due(w->s), w->now + STORE_SYNC_NS);
    run(w);
    w->now += STORE_SYNC_NS;
    op = store_poll(w->s, w->now);
    assert_int_equal(op->kind, STORE_SYNC);
    assert_int_equal(op->segment, 1);
    assert_false(store_done(w->s, w->now, op, &err));
    assert_int_equal(store_due(w->s), MESH_NS_NEVER);
    end(w);
}

static void limits_out_of_range_are_refused(void **state)
{
    struct store_config cfg = small;

    (void)state;
    assert_int_equal(store_segment_bytes(1), STORE_SEGMENT_MIN);
    assert_int_equal(store_segment_bytes(UINT64_C(1) << 30), 16u << 20);
    assert_int_equal(store_segment_bytes(UINT64_C(1) << 44), STORE_SEGMENT_MAX);
    cfg.limit = STORE_LIMIT_MIN - 1;
    assert_null(store_new(&cfg));
    cfg = small;
    cfg.segment_bytes = 100;
    assert_null(store_new(&cfg));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_read),
        cmocka_unit_test(a_name_has_one_thing_and_a_variant_its_own),
        cmocka_unit_test(a_body_goes_with_all_its_parts),
        cmocka_unit_test(what_is_removed_meanwhile_is_not_read),
        cmocka_unit_test(the_oldest_goes_and_what_was_used_stays),
        cmocka_unit_test(what_was_only_looked_at_goes),
        cmocka_unit_test(what_is_all_used_still_makes_room),
        cmocka_unit_test(a_slow_disk_bounds_what_waits),
        cmocka_unit_test(what_is_on_its_way_is_told),
        cmocka_unit_test(what_the_disk_did_not_take_is_not_on_its_way),
        cmocka_unit_test(a_read_too_many_is_a_miss),
        cmocka_unit_test(rob_F2_what_is_damaged_is_gone_and_counted),
        cmocka_unit_test(rob_DK2_a_read_that_fails_costs_what_was_to_be_read),
        cmocka_unit_test(rob_DK2_a_sync_that_fails_gives_up_its_segment),
        cmocka_unit_test(rob_DK1_a_full_disk_is_lived_with),
        cmocka_unit_test(rob_DK2_a_synced_removal_outlives_its_segment),
        cmocka_unit_test(rob_DK2_a_removal_of_a_run_before_outlives_its_segment),
        cmocka_unit_test(a_segment_of_many_removals_is_ended_early),
        cmocka_unit_test(what_is_there_at_a_start_is_synced),
        cmocka_unit_test(removals_that_cannot_be_written_are_not_lost),
        cmocka_unit_test(removals_too_many_end_the_log_too),
        cmocka_unit_test(all_is_synced_in_a_while),
        cmocka_unit_test(limits_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
