/* test_cache.c - what is kept, what has to go, and what is remembered of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/core/cache.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define NOW      SEC(1000)
#define LIFETIME SEC(60)
#define BODY     10000

static struct identity ann;
static uint8_t body[8 * LEAF_BYTES];
static const uint8_t hash_key[MAP_KEY_BYTES] = "sixteen secrets";

static int start(void **state)
{
    const struct admission what = { .name = SLICE_LIT("ann"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };
    struct authority authority;

    (void)state;
    authority_make(&authority, 16);
    return authority_admit(&ann, &authority, &what);
}

static struct digest key_of(uint32_t n)
{
    struct digest d = { { 0 } };
    be32_put(d.bytes, n);
    return d;
}

/* An object under key |n|; one reference, the caller's. */
static struct object *make(struct cache *c, uint32_t n)
{
    struct head h = { .key = key_of(n), .generation = n, .status = 200 };
    struct buf b = BUF_EMPTY;

    assert_int_equal(head_encode(&b, &h), 0);
    struct object *o = object_new(cache_memory(c), buf_slice(&b), &ann, NULL);
    assert_non_null(o);
    buf_free(&b);
    o->born = NOW;
    o->lifetime = LIFETIME;
    return o;
}

static void put(struct cache *c, uint32_t n, size_t len)
{
    struct object *o = make(c, n);

    assert_int_equal(object_append(o, NOW, slice_of(body, len)), 0);
    assert_int_equal(object_finish(o), 0);
    cache_put(c, o, NULL);
    object_unref(o);
}

static struct object *get(struct cache *c, uint32_t n)
{
    struct digest key = key_of(n);
    return cache_get(c, NOW, &key, NULL);
}

static bool has(struct cache *c, uint32_t n)
{
    struct digest key = key_of(n);
    return cache_peek(c, NOW, &key, NULL) != NULL;
}

/* Which of the keys below |n| are there. */
static const char *contents(struct cache *c, uint32_t n)
{
    static char text[200];

    text[0] = '\0';
    for (uint32_t i = 0; i < n; i++) {
        if (has(c, i))
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", i);
    }
    return text;
}

/* What one object of BODY bytes costs, all told. */
static uint64_t cost(void)
{
    struct cache *c = cache_new(UINT64_C(1) << 30, 0, hash_key);
    put(c, 0, BODY);
    uint64_t bytes = cache_bytes(c);
    cache_free(c);
    return bytes;
}

static struct cache *room_for(uint64_t objects)
{
    struct cache *c = cache_new(objects * cost() + cost() / 2, 0, hash_key);
    assert_non_null(c);
    return c;
}

/* ---- the index ---- */

static void feat_R2_fresh_ones_are_found(void **state)
{
    struct cache *c = room_for(100);
    struct digest key = key_of(1);

    (void)state;
    assert_null(get(c, 1));
    put(c, 1, 10);
    assert_int_equal(cache_objects(c), 1);
    assert_non_null(cache_get(c, NOW + LIFETIME - 1, &key, NULL));
    assert_ptr_equal(cache_peek(c, NOW + LIFETIME - 1, &key, NULL), cache_get(c, NOW, &key, NULL));
    assert_null(cache_stale(c, NOW + LIFETIME - 1, &key, NULL));
    assert_null(cache_peek(c, NOW + LIFETIME, &key, NULL));
    assert_null(cache_get(c, NOW + LIFETIME, &key, NULL)); /* it stays, to be validated */
    assert_ptr_equal(cache_stale(c, NOW + LIFETIME, &key, NULL), cache_get(c, NOW, &key, NULL));
    assert_int_equal(cache_objects(c), 1);
    assert_int_equal(cache_evictions(c), 0);
    cache_free(c);
}

static void a_filling_one_is_found_whatever_its_age(void **state)
{
    struct cache *c = room_for(100);
    struct digest key = key_of(1);
    struct object *o = make(c, 1);

    (void)state;
    cache_put(c, o, NULL);
    assert_ptr_equal(cache_get(c, NOW + 10 * LIFETIME, &key, NULL), o);
    object_fail(o);
    assert_null(cache_peek(c, NOW, &key, NULL));
    assert_null(cache_get(c, NOW, &key, NULL));
    assert_null(cache_stale(c, NOW + 10 * LIFETIME, &key, NULL));
    cache_remove(c, o);
    cache_remove(c, o); /* being out of it is fine */
    assert_false(o->indexed);
    object_unref(o);
    cache_free(c);
}

static void a_newer_one_takes_the_place(void **state)
{
    struct cache *c = room_for(100);

    (void)state;
    put(c, 1, 10);
    put(c, 2, 10);
    struct object *old = object_ref(get(c, 1));
    put(c, 1, 20);
    assert_int_equal(cache_objects(c), 2);
    assert_false(old->indexed);
    assert_true(get(c, 1) != old);
    assert_true(get(c, 1)->length == 20);
    cache_remove(c, old);
    assert_non_null(get(c, 1));
    cache_remove(c, get(c, 1));
    assert_null(get(c, 1));
    object_unref(old);
    cache_free(c);
}

/* ---- what goes (test_evict.c has the policies) ---- */

static void uses_keep_what_looks_do_not(void **state)
{
    struct cache *c = room_for(10);

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        put(c, i, BODY);
    (void)get(c, 0); /* 0 and 1 are in the small queue */
    (void)get(c, 0);
    (void)has(c, 1);
    (void)has(c, 1);
    for (uint32_t i = 10; i < 13; i++)
        put(c, i, BODY);
    assert_string_equal(contents(c, 20), "0 3 4 5 6 7 8 9 10 12 ");
    assert_int_equal(cache_evictions(c), 3);
    cache_free(c);
}

static void validated_ones_were_used(void **state)
{
    struct cache *c = room_for(10);
    struct digest key = key_of(0);

    (void)state;
    for (uint32_t i = 0; i < 10; i++)
        put(c, i, BODY);
    assert_non_null(cache_stale(c, NOW + LIFETIME, &key, NULL));
    assert_non_null(cache_stale(c, NOW + LIFETIME, &key, NULL));
    for (uint32_t i = 10; i < 13; i++)
        put(c, i, BODY);
    assert_true(has(c, 0));
    cache_free(c);
}

static void the_policy_is_chosen(void **state)
{
    struct cache *c = cache_new(3 * cost(), EVICT_LRU, hash_key);

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        put(c, i, BODY);
    (void)get(c, 0);
    put(c, 3, BODY);
    assert_string_equal(contents(c, 20), "0 2 3 ");
    cache_free(c);
}

static void a_ghost_enters_the_main_queue(void **state)
{
    struct cache *c = room_for(10);

    (void)state;
    for (uint32_t i = 0; i < 11; i++)
        put(c, i, BODY);
    assert_false(has(c, 0));
    put(c, 0, BODY); /* came back: now it is worth more */
    for (uint32_t i = 20; i < 60; i++)
        put(c, i, BODY);
    assert_true(has(c, 0));
    cache_free(c);

    c = room_for(10);
    put(c, 0, BODY);
    cache_remove(c, get(c, 0)); /* went for another reason: no ghost */
    put(c, 0, BODY);
    for (uint32_t i = 20; i < 60; i++)
        put(c, i, BODY);
    assert_false(has(c, 0));
    cache_free(c);
}

static void a_scan_does_not_wash_the_cache(void **state)
{
    struct cache *c = room_for(100);
    struct rand r = rand_of(3, 1, 1);
    unsigned asked = 0, hit = 0;

    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        put(c, i, BODY);
    for (uint32_t i = 1000; i < 7000; i++) {
        put(c, i, BODY); /* each once, never again */
        if (i % 10 != 0)
            continue; /* a hot one is asked for after ten of them: 500 between two of its uses */
        uint32_t hot = (uint32_t)rand_below(&r, 50);
        asked++;
        if (get(c, hot) != NULL)
            hit++;
        else
            put(c, hot, BODY);
    }
    assert_int_equal(asked, 600);
    assert_true(hit > 450); /* 50 of a hundred places are theirs; under LRU it would be next to none */
    cache_free(c);
}

/* ---- bytes ---- */

static void feat_R29_the_budget_holds(void **state)
{
    const uint64_t limit = 3000000;
    struct cache *c = cache_new(limit, 0, hash_key);
    struct rand r = rand_of(9, 1, 1);
    struct object *filling = NULL;

    (void)state;
    assert_int_equal(cache_limit(c), limit);
    assert_int_equal(cache_object_max(c), limit / 8);
    for (int i = 0; i < 6000; i++) {
        uint32_t n = (uint32_t)rand_below(&r, 600);
        if (filling != NULL) { /* one object grows while others come and go */
            size_t left = sizeof(body) - (size_t)object_available(filling), piece = left < 3000 ? left : 3000;
            assert_int_equal(object_append(filling, NOW, slice_of(body, piece)), 0);
            cache_fit(c);
            if (left == 0) {
                assert_int_equal(object_finish(filling), 0);
                object_unref(filling);
                filling = NULL;
            }
        } else if (get(c, n) == NULL) {
            filling = make(c, n);
            cache_put(c, filling, NULL);
        }
        put(c, n + 1000, (size_t)rand_below(&r, 20000) >> rand_below(&r, 12));
        assert_true(cache_bytes(c) <= limit);
    }
    assert_true(cache_evictions(c) > 1000);
    assert_true(cache_bytes(c) > limit * 9 / 10); /* and it is made use of */
    object_unref(filling);
    cache_free(c);
}

static void what_is_read_counts_until_it_is_gone(void **state)
{
    struct cache *c = room_for(10);
    struct reader r;

    (void)state;
    put(c, 0, BODY);
    reader_init(&r, false);
    reader_attach(&r, get(c, 0));
    r.object->evict.uses = 0;
    for (uint32_t i = 1; i < 20; i++)
        put(c, i, BODY);
    assert_false(has(c, 0));
    assert_false(r.object->indexed);
    assert_int_equal(cache_objects(c), 9); /* it still takes the room of one */
    assert_int_equal(cache_bytes(c), 10 * cost());
    reader_detach(&r);
    assert_int_equal(cache_bytes(c), 9 * cost());
    put(c, 30, BODY);
    assert_int_equal(cache_objects(c), 10);
    cache_free(c);
}

static void what_is_read_can_take_all_the_room(void **state)
{
    struct cache *c = room_for(3);
    struct reader r[3];

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        put(c, i, BODY);
        reader_init(&r[i], false);
        reader_attach(&r[i], get(c, i));
        cache_remove(c, r[i].object);
    }
    put(c, 9, BODY); /* no room: it goes at once, and nothing loops */
    assert_int_equal(cache_objects(c), 0);
    for (uint32_t i = 0; i < 3; i++)
        reader_detach(&r[i]);
    assert_int_equal(cache_bytes(c), 0);
    put(c, 9, BODY);
    assert_true(has(c, 9));
    cache_free(c);
}

static void one_larger_than_all_does_not_stay(void **state)
{
    struct cache *c = room_for(3);

    (void)state;
    put(c, 1, BODY);
    put(c, 2, 4 * BODY);
    assert_false(has(c, 2));
    assert_int_equal(cache_bytes(c), cache_objects(c) * cost());
    cache_free(c);
}

/* ---- marks ---- */

static bool marked(struct cache *c, mesh_ns now, uint32_t n)
{
    struct digest key = key_of(n);
    return cache_marked(c, now, &key);
}

static void mark(struct cache *c, mesh_ns now, uint32_t n)
{
    struct digest key = key_of(n);
    cache_mark(c, now, &key);
}

/* Leaf |index| of the body with key |n|, under a key that nobody else has. */
static void put_leaf(struct cache *c, uint32_t n, uint32_t index)
{
    struct object *o = make(c, 100000 * n + index);

    struct digest whole = key_of(n);
    assert_true(object_set_part(o, index, &whole));
    assert_int_equal(object_append(o, NOW, slice_of(body, 100)), 0);
    assert_int_equal(object_finish(o), 0);
    cache_put(c, o, NULL);
    object_unref(o);
}

static uint32_t leaves_of(const struct cache *c, uint32_t n)
{
    struct digest key = key_of(n);
    uint32_t seen = 0;

    for (struct object *o = NULL; (o = cache_next_leaf(c, &key, o)) != NULL;) {
        assert_true(digest_eq(&object_part(o)->primary, &key));
        assert_int_equal(seen & 1u << object_part(o)->index, 0);
        seen |= 1u << object_part(o)->index;
    }
    return seen;
}

static void leaves_of_a_body_are_found_and_dropped(void **state)
{
    struct cache *c = cache_new(100 * BODY, 0, hash_key);
    struct digest key = key_of(7);

    (void)state;
    put(c, 7, BODY);
    for (uint32_t i = 0; i < 20; i++) {
        put_leaf(c, 7, i);
        put_leaf(c, 8, i / 2);
    }
    assert_int_equal(leaves_of(c, 7), (1u << 20) - 1);
    assert_int_equal(leaves_of(c, 8), (1u << 10) - 1);
    assert_int_equal(leaves_of(c, 9), 0);
    cache_drop_leaves(c, &key);
    assert_int_equal(leaves_of(c, 7), 0);
    assert_int_equal(leaves_of(c, 8), (1u << 10) - 1);
    assert_true(has(c, 7));
    put_leaf(c, 7, 3);
    cache_drop(c, &key);
    assert_int_equal(leaves_of(c, 7), 0);
    assert_false(has(c, 7));
    cache_free(c);
}

/* A film of a gigabyte is twenty thousand leaves: each must be found, and go, as fast as if it were alone. */
static void leaves_of_one_body_are_not_in_each_others_way(void **state)
{
    struct cache *c = cache_new(24 << 20, 0, hash_key);
    clock_t before = clock();

    (void)state;
    for (uint32_t i = 0; i < 60000; i++)
        put_leaf(c, 7, i);
    assert_true(cache_objects(c) > 10000 && cache_evictions(c) > 10000);
    assert_true(clock() - before < 8 * CLOCKS_PER_SEC); /* of 30, were they in one chain */
    cache_free(c);
}

static void a_mark_lasts_a_minute(void **state)
{
    struct cache *c = room_for(3);
    struct digest key = key_of(1);

    (void)state;
    assert_false(marked(c, NOW, 1));
    mark(c, NOW, 1);
    assert_true(marked(c, NOW, 1));
    assert_false(marked(c, NOW, 2));
    assert_true(marked(c, NOW + CACHE_MARK_NS - 1, 1));
    assert_false(marked(c, NOW + CACHE_MARK_NS, 1));
    assert_false(marked(c, NOW, 1)); /* it was dropped */
    mark(c, NOW, 1);
    mark(c, NOW + SEC(30), 1); /* anew */
    assert_true(marked(c, NOW + SEC(89), 1));
    cache_unmark(c, &key);
    assert_false(marked(c, NOW + SEC(89), 1));
    cache_unmark(c, &key);
    cache_free(c);
}

static void marks_are_bounded(void **state)
{
    struct cache *c = room_for(3);

    (void)state;
    for (uint32_t i = 0; i < CACHE_MARKS_MAX; i++)
        mark(c, NOW, i);
    mark(c, NOW, 0); /* the oldest, but made anew */
    for (uint32_t i = 0; i < 1000; i++)
        mark(c, NOW, CACHE_MARKS_MAX + i);
    assert_true(marked(c, NOW, 0));
    for (uint32_t i = 1; i < CACHE_MARKS_MAX + 1000; i++)
        assert_int_equal(marked(c, NOW, i), i > 1000);
    assert_int_equal(cache_bytes(c), 0);
    cache_free(c); /* with all that are left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_R2_fresh_ones_are_found),
        cmocka_unit_test(a_filling_one_is_found_whatever_its_age),
        cmocka_unit_test(a_newer_one_takes_the_place),
        cmocka_unit_test(uses_keep_what_looks_do_not),
        cmocka_unit_test(validated_ones_were_used),
        cmocka_unit_test(the_policy_is_chosen),
        cmocka_unit_test(a_ghost_enters_the_main_queue),
        cmocka_unit_test(a_scan_does_not_wash_the_cache),
        cmocka_unit_test(feat_R29_the_budget_holds),
        cmocka_unit_test(what_is_read_counts_until_it_is_gone),
        cmocka_unit_test(what_is_read_can_take_all_the_room),
        cmocka_unit_test(one_larger_than_all_does_not_stay),
        cmocka_unit_test(leaves_of_a_body_are_found_and_dropped),
        cmocka_unit_test(leaves_of_one_body_are_not_in_each_others_way),
        cmocka_unit_test(a_mark_lasts_a_minute),
        cmocka_unit_test(marks_are_bounded),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, start, NULL);
}
