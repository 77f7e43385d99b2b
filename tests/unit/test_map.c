/* test_map.c - the hash table beside a plain array, with hashes chosen to collide in every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "proto/base/map.h"
#include "proto/base/rand.h"

#define NODES 4000

static const uint8_t key[MAP_KEY_BYTES] = "sixteen secrets";

/* What should be in the table: nodes in the order of their insertion. */
struct model {
    struct map map;
    struct map_node nodes[NODES], *in[NODES];
    size_t in_n, used;
    struct rand r;
};

static struct model *start(uint64_t seed)
{
    struct model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    assert_int_equal(map_init(&m->map, key), 0);
    m->r = rand_of(seed, 1, 1);
    return m;
}

static void end(struct model *m)
{
    map_fini(&m->map);
    free(m);
}

/* All nodes with |hash|, the latest first. */
static void check(struct model *m, uint64_t hash)
{
    struct map_node *n = map_find(&m->map, hash);

    for (size_t i = m->in_n; i-- > 0;) {
        if (m->in[i]->hash != hash)
            continue;
        assert_ptr_equal(n, m->in[i]);
        n = map_same(n);
    }
    assert_null(n);
    assert_int_equal(m->map.count, m->in_n);
}

static void insert(struct model *m, uint64_t hash)
{
    assert_true(m->used < NODES);
    m->in[m->in_n] = &m->nodes[m->used++];
    map_insert(&m->map, m->in[m->in_n++], hash);
}

static void remove_at(struct model *m, size_t i)
{
    map_remove(&m->map, m->in[i]);
    m->in_n--;
    memmove(&m->in[i], &m->in[i + 1], (m->in_n - i) * sizeof(m->in[0]));
}

/* Of |tags| and |places| in the table: few of both make long chains, and nodes where they do not belong. */
static uint64_t some_hash(struct model *m, uint64_t tags, uint64_t places)
{
    return rand_below(&m->r, tags) << 56 | rand_below(&m->r, 3) << 40 | rand_below(&m->r, places);
}

static void come_and_go(uint64_t tags, uint64_t places, size_t most)
{
    struct model *m = start(tags * 1000 + places);

    for (int step = 0; step < 6000 && m->used < NODES; step++) {
        bool full = m->in_n >= most - rand_below(&m->r, most / 2 + 1);
        if (m->in_n > 0 && (full || rand_below(&m->r, 3) == 0))
            remove_at(m, rand_below(&m->r, m->in_n));
        else
            insert(m, some_hash(m, tags, places));
        check(m, some_hash(m, tags, places));
    }
    while (m->in_n > 0) {
        uint64_t hash = m->in[0]->hash;
        remove_at(m, 0);
        check(m, hash);
    }
    end(m);
}

static void equal_hashes_are_met_latest_first(void **state)
{
    (void)state;
    come_and_go(3, 2, 40);
    come_and_go(12, 1, 30); /* more tags than a line has chains */
    come_and_go(256, 1, 20);
    come_and_go(256, 16, 400);
}

static void a_line_may_overflow_by_any_number(void **state)
{
    (void)state;
    come_and_go(256, 1, 1200);
}

static void order_outlives_growth(void **state)
{
    struct model *m = start(1);

    (void)state;
    for (uint64_t i = 0; i < NODES; i++) {
        insert(m, some_hash(m, 256, 64) << 1 | i % 2);
        if (i % 100 == 99) {
            for (size_t k = 0; k < 20; k++)
                check(m, m->in[rand_below(&m->r, m->in_n)]->hash);
        }
    }
    assert_true(m->map.chunks_n >= NODES / 8);
    end(m);
}

static void an_empty_one_finds_nothing(void **state)
{
    struct map zeroed = { 0 };
    struct model *m = start(1);

    (void)state;
    assert_null(map_find(&m->map, 0));
    assert_null(map_find(&m->map, UINT64_MAX));
    insert(m, 0); /* the tag of an empty chain */
    check(m, 0);
    check(m, UINT64_C(1) << 56);
    insert(m, UINT64_C(1) << 56);
    check(m, UINT64_C(1) << 56);
    check(m, 0);
    end(m);
    map_fini(&zeroed);
}

/* Keys that differ in few bits, as the worst that hashes of names could be: all parts of the hash are spread evenly,
 * and another secret spreads them otherwise. */
static void digests_are_spread_by_the_secret(void **state)
{
    static const uint8_t other_key[MAP_KEY_BYTES] = "sixteen secreta";
    struct model *m = start(1);
    struct map other;
    uint32_t low[256] = { 0 }, high[256] = { 0 }, both = 0;

    (void)state;
    assert_int_equal(map_init(&other, other_key), 0);
    for (uint32_t i = 0; i < 65536; i++) {
        const uint8_t digest[32] = { [3] = (uint8_t)i, [12] = (uint8_t)(i >> 8), [31] = 1 };
        uint64_t hash = map_hash_digest(&m->map, digest);
        low[hash & 255]++;
        high[hash >> 56]++;
        both += hash == map_hash_digest(&other, digest);
    }
    for (size_t i = 0; i < 256; i++) { /* 256 each, give or take five sigma */
        assert_in_range(low[i], 176, 336);
        assert_in_range(high[i], 176, 336);
    }
    assert_int_equal(both, 0);
    map_fini(&other);
    end(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_hashes_are_met_latest_first),
        cmocka_unit_test(a_line_may_overflow_by_any_number),
        cmocka_unit_test(order_outlives_growth),
        cmocka_unit_test(an_empty_one_finds_nothing),
        cmocka_unit_test(digests_are_spread_by_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
