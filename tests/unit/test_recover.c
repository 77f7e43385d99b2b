/* test_recover.c - rob_K3: whatever moment the disk is taken back to, what is found there is what was there: each thing
 * complete or absent, never what had been replaced or removed by then, and nothing missing that was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model_disk.h"

#define KEYS 400u

static const struct store_config small = { .limit = 8u << 20, .segment_bytes = 1u << 20, .seed = 77, .secret = 5 };

/* What was done to a key, in order, and where the log ended then. */
struct event {
    uint32_t key, version; /* version 0: removed */
    uint32_t segment, end;
};
static struct event *events;
static size_t events_n;

static struct slice body(uint32_t key, uint32_t version)
{
    static uint8_t bytes[40000];
    struct rand r = rand_of(key, version, 1);
    size_t len = 8 + rand_below(&r, rand_below(&r, 10) == 0 ? 39000 : 4000);

    for (size_t i = 8; i < len; i++)
        bytes[i] = (uint8_t)(key + version + i);
    be32_put(bytes, key);
    be32_put(bytes + 4, version);
    return slice_of(bytes, len);
}

static void note(const struct store *s, uint32_t key, uint32_t version)
{
    events[events_n++] = (struct event){ key, version, s->segments[s->tail.slot].number, s->tail.end };
}

/* Puts, reads and removals at random, over more than the store holds. */
static void live(struct model_disk *d, struct store *s, uint64_t seed, unsigned steps, struct model_got *got)
{
    struct rand r = rand_of(seed, 0, 0);

    for (unsigned n = 0; n < steps; n++) {
        uint32_t key = (uint32_t)rand_below(&r, KEYS);
        switch (rand_below(&r, 20)) {
        case 0:
            if (store_forget(s, SEC(1), key, 0) > 0)
                note(s, key, 0);
            break;
        case 1:
            if (store_drop_body(s, SEC(1), key) > 0)
                note(s, key, 0);
            break;
        case 2:
        case 3: model_get(d, s, key, 0, got); break;
        default: {
            struct slice b = body(key, n + 1);
            if (store_put(s, SEC(1) + n, &(struct store_name){ key, key, 0 }, &b, 1) == 0)
                note(s, key, n + 1);
        }
        }
        if (rand_below(&r, 3) == 0)
            model_run(d, s, SEC(1) + n, got);
    }
}

/* Was |e| on |d| for certain? */
static bool reached(const uint32_t written[MODEL_FILES], uint32_t newest, const struct event *e)
{
    return e->segment < newest || (e->segment == newest && e->end <= written[e->segment % MODEL_FILES]);
}

/* Each thing that |d| holds is one that may be there; returns how many there are. */
static unsigned check(struct model_disk *d, uint32_t written[MODEL_FILES], uint32_t newest)
{
    struct store *s = model_open(d, &small);
    struct model_got got = { 0 };
    size_t last[KEYS] = { 0 }; /* the latest event of each key that was written, counted from 1 */
    unsigned n = 0;

    for (size_t i = 0; i < events_n; i++) {
        if (reached(written, newest, &events[i]))
            last[events[i].key] = i + 1;
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        size_t any = last[key] > 0 ? last[key] - 1 : 0;
        if (model_get(d, s, key, 0, &got) != 0)
            continue;
        n++;
        assert_true(got.len >= 8 && be32_get(got.bytes) == key);
        uint32_t version = be32_get(got.bytes + 4);
        struct slice want = body(key, version);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.bytes, want.data, want.len);
        while (any < events_n && (events[any].key != key || events[any].version != version))
            any++;
        assert_true(any < events_n); /* the latest that was written, or one that was being written */
        assert_true(last[key] == 0 || any == last[key] - 1 || !reached(written, newest, &events[any]));
    }
    free(got.bytes);
    store_free(s);
    return n;
}

static unsigned things_on(const struct model_disk *d)
{
    struct store *s = model_open(d, &small);
    unsigned n = (unsigned)store_things(s);

    store_free(s);
    return n;
}

/* How far each segment was written behind |n| steps: that of its records, not of its list. */
static uint32_t reach(const struct model_disk *d, size_t n, uint32_t written[MODEL_FILES])
{
    uint32_t newest = 0;

    memset(written, 0, MODEL_FILES * sizeof(*written));
    for (size_t i = 0; i < n; i++) {
        const struct model_step *s = &d->steps[i];
        if (s->kind == STORE_WRITE && s->offset == written[s->segment % MODEL_FILES])
            written[s->segment % MODEL_FILES] += s->len;
        if (s->kind == STORE_WRITE && s->segment > newest)
            newest = s->segment;
    }
    return newest;
}

static void rob_K3_a_kill_at_any_moment_leaves_what_was_written(void **state)
{
    uint32_t written[MODEL_FILES];
    struct model_disk disk, then;
    unsigned sure = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct store *s = store_new(&small);
        struct model_got got = { 0 };
        events = calloc(20000, sizeof(*events));
        events_n = 0;
        model_init(&disk, true);
        live(&disk, s, seed, 5000, &got);
        model_run(&disk, s, SEC(1), &got);
        assert_true(store_counters(s)->reclaimed > 3);
        struct rand r = rand_of(seed, 1, 1);
        for (unsigned n = 0; n < 25; n++) {
            size_t step = n == 0 ? disk.steps_n : (size_t)rand_below(&r, disk.steps_n);
            uint32_t len = step < disk.steps_n ? disk.steps[step].len : 0;
            uint32_t torn = len > 0 && n % 3 != 0 ? (uint32_t)rand_below(&r, len + 1) : 0;
            model_at(&then, &disk, step, torn);
            uint32_t newest = reach(&disk, step, written);
            if (step < disk.steps_n) { /* before anything is read, which begins to make room */
                assert_true(things_on(&then) >= disk.steps[step].certain);
                sure += disk.steps[step].certain > 0;
            }
            unsigned found = check(&then, written, newest);
            if (n == 0)
                assert_int_equal(found, store_things(s)); /* nothing is missing */
            model_fini(&then);
        }
        free(got.bytes);
        free(events);
        store_free(s);
        model_fini(&disk);
    }
    assert_true(sure > 40);
}

/* The same with each byte of one write. */
static void rob_K3_a_write_torn_at_any_byte_is_absent_or_complete(void **state)
{
    uint32_t written[MODEL_FILES];
    struct model_disk disk, then;
    struct model_got got = { 0 };
    struct store *s = store_new(&small);

    (void)state;
    events = calloc(20000, sizeof(*events));
    events_n = 0;
    model_init(&disk, true);
    for (uint32_t key = 0; key < 20; key++) {
        struct slice b = body(key, 1);
        assert_int_equal(store_put(s, SEC(1), &(struct store_name){ key, key, 0 }, &b, 1), 0);
        note(s, key, 1);
        if (key == 9)
            model_run(&disk, s, SEC(1), &got);
    }
    store_forget(s, SEC(1), 3, 0);
    note(s, 3, 0);
    model_run(&disk, s, SEC(1), &got);
    unsigned before = 0;
    for (uint32_t torn = 0; torn <= disk.steps[1].len; torn += torn < 500 ? 1 : 97) {
        model_at(&then, &disk, 1, torn);
        unsigned found = check(&then, written, reach(&disk, 1, written));
        assert_true(found >= before && found >= 10);
        before = found;
        model_fini(&then);
    }
    model_at(&then, &disk, disk.steps_n, 0);
    assert_int_equal(check(&then, written, reach(&disk, disk.steps_n, written)), 19);
    model_fini(&then);
    free(got.bytes);
    free(events);
    store_free(s);
    model_fini(&disk);
}

/* A loss of power: of what was not synced any pages may be there, in any order. */
static void pages_lost_in_any_order_leave_no_half(void **state)
{
    struct model_disk disk, then;
    struct model_got got = { 0 };
    uint32_t none[MODEL_FILES] = { 0 };
    struct store *s = store_new(&small);

    (void)state;
    events = calloc(20000, sizeof(*events));
    events_n = 0;
    model_init(&disk, true);
    live(&disk, s, 5, 300, &got);
    model_run(&disk, s, SEC(1), &got);
    struct rand r = rand_of(9, 9, 9);
    for (unsigned n = 0; n < 20; n++) {
        model_at(&then, &disk, disk.steps_n, 0);
        struct model_file *f = &then.files[1];
        for (unsigned lost = 0; lost < 10; lost++) {
            uint32_t page = (uint32_t)rand_below(&r, f->len / 4096 + 1) * 4096;
            memset(f->bytes + page, 0, f->len - page < 4096 ? f->len - page : 4096);
        }
        check(&then, none, 0);
        model_fini(&then);
    }
    free(got.bytes);
    free(events);
    store_free(s);
    model_fini(&disk);
}

/* With each segment's list, or where the heads alone must tell. */
static void turn_bits(bool listed)
{
    struct model_disk disk;
    struct model_got got = { 0 };
    uint32_t none[MODEL_FILES] = { 0 };
    struct store *s = store_new(&small);
    unsigned all = 60;

    events = calloc(20000, sizeof(*events));
    events_n = 0;
    model_init(&disk, false);
    for (uint32_t key = 0; key < all; key++) {
        struct slice b = body(key, 1);
        store_put(s, SEC(1), &(struct store_name){ key, key, 0 }, &b, 1);
        note(s, key, 1);
    }
    if (listed)
        store_close(s, SEC(2));
    model_run(&disk, s, SEC(2), &got);
    assert_int_equal(things_on(&disk), all);
    struct model_file *f = &disk.files[1];
    struct rand r = rand_of(3, 3, 3);
    for (uint32_t at = 0; at < f->len;
         at += 1 + (uint32_t)rand_below(&r, at < 3000 || at > f->len - 3000 ? 100 : 10000)) {
        f->bytes[at] ^= 1 << at % 8;
        unsigned found = check(&disk, none, 0);
        assert_true(found >= all - 1 || (at < STORE_UNIT && found == 0));
        f->bytes[at] ^= 1 << at % 8;
    }
    free(got.bytes);
    free(events);
    store_free(s);
    model_fini(&disk);
}

static void rob_F2_no_turned_bit_costs_more_than_what_it_lies_in(void **state)
{
    (void)state;
    turn_bits(true);
    turn_bits(false);
}

/* A start after a clean end reads no head, and goes on in the same segment; so does one after a kill behind that. */
static unsigned reads;
static int64_t counting(void *ctx, uint32_t segment, uint32_t offset, void *into, size_t len)
{
    reads++;
    return model_read(ctx, segment, offset, into, len);
}

static void lists_spare_the_heads(void **state)
{
    struct model_disk disk;
    struct model_got got = { 0 };
    struct store *s = store_new(&small);
    uint32_t numbers[] = { 1, 2, 3, 4, 5, 6, 7 };

    (void)state;
    events = calloc(200000, sizeof(*events));
    events_n = 0;
    model_init(&disk, false);
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t key = 0; key < 50; key++) {
            struct slice b = body(key + 50 * (round % 8), round + 1);
            assert_int_equal(store_put(s, SEC(1), &(struct store_name){ key + 50 * (round % 8), 1, 0 }, &b, 1), 0);
        }
        uint64_t things = store_things(s);
        uint32_t segments = s->slots_used;
        if (round % 3 != 2)
            store_close(s, SEC(2));
        model_run(&disk, s, SEC(2), &got);
        store_free(s);
        s = store_new(&small);
        reads = 0;
        assert_int_equal(store_recover(s, numbers, segments, counting, &disk), 0);
        assert_int_equal(store_things(s), things);
        assert_true(round % 3 == 2 || reads <= 5 * segments + STORE_SEGMENT_MIN / 65536);
        assert_true(s->tail.open);
        for (uint32_t key = 0; key < 50; key++) {
            struct slice b = body(key + 50 * (round % 8), round + 1);
            assert_int_equal(model_get(&disk, s, key + 50 * (round % 8), 0, &got), 0);
            assert_int_equal(got.len, b.len);
            assert_memory_equal(got.bytes, b.data, b.len);
        }
    }
    assert_true(s->slots_used >= 4);
    free(got.bytes);
    free(events);
    store_free(s);
    model_fini(&disk);
}

static void a_smaller_limit_keeps_the_latest(void **state)
{
    struct store_config large = small;
    struct model_disk disk;
    struct model_got got = { 0 };

    (void)state;
    large.limit = 32u << 20;
    struct store *s = store_new(&large);
    model_init(&disk, false);
    for (uint32_t key = 0; key < 6000; key++) {
        struct slice b = slice_of(body(key, 1).data, 3000);
        store_put(s, SEC(1), &(struct store_name){ key, key, 0 }, &b, 1);
        model_run(&disk, s, SEC(1), &got);
    }
    assert_true(store_bytes(s) > small.limit);
    store_free(s);
    s = model_open(&disk, &small);
    model_run(&disk, s, SEC(1), &got);
    assert_true(store_bytes(s) < small.limit && model_bytes(&disk) < small.limit);
    assert_int_equal(model_get(&disk, s, 5999, 0, &got), 0);
    assert_int_equal(store_find(s, 0), INDEX_NONE);
    free(got.bytes);
    store_free(s);
    model_fini(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rob_K3_a_kill_at_any_moment_leaves_what_was_written),
        cmocka_unit_test(rob_K3_a_write_torn_at_any_byte_is_absent_or_complete),
        cmocka_unit_test(pages_lost_in_any_order_leave_no_half),
        cmocka_unit_test(rob_F2_no_turned_bit_costs_more_than_what_it_lies_in),
        cmocka_unit_test(lists_spare_the_heads),
        cmocka_unit_test(a_smaller_limit_keeps_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
