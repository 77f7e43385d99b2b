/* What one lays out and many read: who is found, when what was taken off goes, and that nobody ever reads what has
 * gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "node/core/shelf.h"
#include "proto/base/obj.h"
#include "proto/base/rand.h"
#include "proto/base/slice.h"

#define WORDS 6
#define KEYS  512
#define SEED  5

static const uint8_t table_key[SHELF_KEY_BYTES] = { 3, 1, 4, 1, 5 };

/* Of all that it says one word follows from another. */
struct thing {
    struct shelf_item item;
    uint64_t version;
    uint64_t words[WORDS];
};

static uint64_t gone_n;

static struct digest key_of(uint64_t n)
{
    struct rand r = rand_of(n, 1, 2);
    struct digest d;

    for (size_t i = 0; i < sizeof(d.bytes); i += 8) {
        uint64_t v = rand_u64(&r);
        memcpy(d.bytes + i, &v, 8);
    }
    return d;
}

static uint64_t word_of(const struct thing *t, size_t i)
{
    return t->version * 31 + t->item.key.bytes[i] * 7 + i;
}

static struct thing *thing_new(uint64_t key, uint64_t version)
{
    struct thing *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    t->item.key = key_of(key);
    t->version = version;
    for (size_t i = 0; i < WORDS; i++)
        t->words[i] = word_of(t, i);
    return t;
}

static bool is_sound(const struct thing *t, const struct digest *key)
{
    bool sound = digest_eq(&t->item.key, key);

    for (size_t i = 0; i < WORDS; i++)
        sound = sound && t->words[i] == word_of(t, i);
    return sound;
}

/* Who still reads it is to see that it has gone. */
static void gone(void *ctx, struct shelf_item *i)
{
    struct thing *t = OBJ_OF(i, struct thing, item);

    (void)ctx;
    gone_n++;
    memset(t->words, 0xdd, sizeof(t->words));
    free(t);
}

static struct shelf *make(unsigned readers)
{
    struct shelf *s = shelf_new(readers, table_key, gone, NULL);

    assert_non_null(s);
    gone_n = 0;
    return s;
}

static struct thing *found(const struct shelf *s, uint64_t key)
{
    struct digest d = key_of(key);
    struct shelf_look look;
    struct shelf_item *i = shelf_first(s, &d, &look);

    return i != NULL ? OBJ_OF(i, struct thing, item) : NULL;
}

static size_t found_n(const struct shelf *s, uint64_t key)
{
    struct digest d = key_of(key);
    struct shelf_look look;
    size_t n = 0;

    for (struct shelf_item *i = shelf_first(s, &d, &look); i != NULL; i = shelf_next(&look)) {
        assert_true(is_sound(OBJ_OF(i, struct thing, item), &d));
        n++;
    }
    return n;
}

/* ---- one thread ---- */

static void what_was_put_is_found_until_it_is_taken(void **state)
{
    struct shelf *s = make(1);
    struct thing *a = thing_new(1, 1), *b = thing_new(2, 1);

    (void)state;
    shelf_enter(s, 0);
    assert_null(found(s, 1));
    assert_int_equal(shelf_put(s, &a->item), 0);
    assert_int_equal(shelf_put(s, &b->item), 0);
    assert_ptr_equal(found(s, 1), a);
    assert_ptr_equal(found(s, 2), b);
    assert_true(shelf_count(s) == 2);
    shelf_take(s, &a->item, 0);
    assert_null(found(s, 1));
    assert_ptr_equal(found(s, 2), b);
    assert_true(shelf_count(s) == 1);
    shelf_leave(s, 0);
    shelf_free(s);
    assert_int_equal(gone_n, 2);
}

static void several_may_lie_under_one_key(void **state)
{
    struct shelf *s = make(1);
    struct thing *t[5];

    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        t[i] = thing_new(7, i);
        assert_int_equal(shelf_put(s, &t[i]->item), 0);
    }
    assert_int_equal(found_n(s, 7), 5);
    shelf_take(s, &t[2]->item, 0);
    assert_int_equal(found_n(s, 7), 4);
    assert_int_equal(found_n(s, 8), 0);
    shelf_free(s);
    assert_int_equal(gone_n, 5);
}

/* Whatever came and went before, and however often the table was made anew. */
static void all_are_found_while_the_table_grows_and_is_worked_over(void **state)
{
    struct shelf *s = make(1);
    static struct thing *t[20000];
    struct rand r = rand_of(SEED, 1, 1);

    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        t[i] = thing_new(i, i);
        assert_int_equal(shelf_put(s, &t[i]->item), 0);
    }
    for (uint64_t i = 0; i < 20000; i++)
        assert_ptr_equal(found(s, i), t[i]);
    for (unsigned n = 0; n < 200000; n++) { /* ten times as many come and go as there is room for */
        uint64_t i = rand_u64(&r) % 20000;
        if (t[i] == NULL) {
            t[i] = thing_new(i, n);
            assert_int_equal(shelf_put(s, &t[i]->item), 0);
        } else {
            shelf_take(s, &t[i]->item, 0);
            t[i] = NULL;
        }
        if (n % 97 == 0)
            shelf_settle(s);
    }
    uint64_t count = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        assert_ptr_equal(found(s, i), t[i]);
        count += t[i] != NULL;
    }
    assert_true(shelf_count(s) == count);
    shelf_free(s);
}

static void what_was_taken_goes_when_all_readers_have_moved_on(void **state)
{
    struct shelf *s = make(2);
    struct thing *t = thing_new(1, 1);

    (void)state;
    assert_int_equal(shelf_put(s, &t->item), 0);
    shelf_enter(s, 0);
    shelf_enter(s, 1);
    shelf_take(s, &t->item, 100);
    assert_true(shelf_leaving(s) == 100);
    shelf_settle(s);
    assert_int_equal(gone_n, 0);
    shelf_enter(s, 0); /* another turn: it cannot have it any more */
    shelf_settle(s);
    assert_int_equal(gone_n, 0);
    assert_true(is_sound(t, &t->item.key));
    shelf_leave(s, 1); /* nor can who sleeps */
    shelf_settle(s);
    assert_int_equal(gone_n, 1);
    assert_true(shelf_leaving(s) == 0);
    assert_true(shelf_settled(s));
    shelf_leave(s, 0);
    shelf_free(s);
}

static void a_reader_that_came_after_holds_nothing_up(void **state)
{
    struct shelf *s = make(2);
    struct thing *t = thing_new(1, 1);

    (void)state;
    assert_int_equal(shelf_put(s, &t->item), 0);
    shelf_take(s, &t->item, 0);
    shelf_enter(s, 0);
    shelf_settle(s);
    assert_int_equal(gone_n, 1);
    shelf_leave(s, 0);
    shelf_free(s);
}

static void a_pin_holds_it_beyond_its_turn(void **state)
{
    struct shelf *s = make(1);
    struct thing *t = thing_new(1, 1);

    (void)state;
    assert_int_equal(shelf_put(s, &t->item), 0);
    shelf_enter(s, 0);
    shelf_pin(&found(s, 1)->item);
    shelf_leave(s, 0);
    shelf_take(s, &t->item, 10);
    for (int i = 0; i < 3; i++) {
        shelf_settle(s);
        assert_int_equal(gone_n, 0);
        assert_true(shelf_leaving(s) == 0); /* nobody knows for how long */
    }
    shelf_unpin(&t->item);
    shelf_settle(s);
    assert_int_equal(gone_n, 1);
    shelf_free(s);
}

static void of_many_that_are_held_all_go_in_time(void **state)
{
    struct shelf *s = make(1);
    struct thing *t[300];

    (void)state;
    for (uint64_t i = 0; i < 300; i++) {
        t[i] = thing_new(i, i);
        assert_int_equal(shelf_put(s, &t[i]->item), 0);
        shelf_pin(&t[i]->item);
        shelf_take(s, &t[i]->item, 0);
    }
    shelf_settle(s);
    for (uint64_t i = 100; i < 300; i++)
        shelf_unpin(&t[i]->item);
    for (int i = 0; i < 10; i++)
        shelf_settle(s);
    assert_int_equal(gone_n, 200);
    for (uint64_t i = 0; i < 100; i++)
        shelf_unpin(&t[i]->item);
    shelf_free(s);
    assert_int_equal(gone_n, 300);
}

/* Before it has gone, and also while somebody holds it. */
static void what_was_taken_may_be_put_back(void **state)
{
    struct shelf *s = make(1);
    struct thing *t = thing_new(1, 1);

    (void)state;
    assert_int_equal(shelf_put(s, &t->item), 0);
    shelf_enter(s, 0);
    shelf_take(s, &t->item, 10);
    assert_int_equal(shelf_put(s, &t->item), 0);
    assert_true(shelf_leaving(s) == 0);
    shelf_enter(s, 0);
    shelf_settle(s);
    assert_ptr_equal(found(s, 1), t);
    shelf_pin(&t->item);
    shelf_take(s, &t->item, 10);
    shelf_leave(s, 0);
    shelf_settle(s);
    assert_int_equal(t->item.state, SHELF_HELD);
    assert_int_equal(shelf_put(s, &t->item), 0);
    shelf_unpin(&t->item);
    shelf_settle(s);
    assert_ptr_equal(found(s, 1), t);
    assert_int_equal(gone_n, 0);
    shelf_free(s);
    assert_int_equal(gone_n, 1);
}

/* ---- several ---- */

#define READERS 3
#define CHANGES 60000
#define PINNED  16

struct hammer {
    struct shelf *shelf;
    unsigned number;
    _Atomic bool *over;
    uint64_t looks, wrong;
    _Atomic uint64_t hits;
};

static bool all_have_found_some(const struct hammer h[READERS])
{
    for (unsigned i = 0; i < READERS; i++) {
        if (atomic_load(&h[i].hits) < 100)
            return false;
    }
    return true;
}

static void check(struct hammer *h, const struct thing *t, const struct digest *key)
{
    atomic_fetch_add_explicit(&h->hits, 1, memory_order_relaxed);
    h->wrong += !is_sound(t, key);
}

static void *read_on(void *ctx)
{
    struct hammer *h = ctx;
    struct rand r = rand_of(SEED, 2, h->number);
    struct thing *pinned[PINNED] = { NULL };
    struct digest keys[KEYS];

    for (uint64_t i = 0; i < KEYS; i++)
        keys[i] = key_of(i);
    while (!atomic_load(h->over)) {
        shelf_enter(h->shelf, h->number);
        for (unsigned n = 0; n < 8; n++) {
            const struct digest *key = &keys[rand_u64(&r) % KEYS];
            struct shelf_look look;
            h->looks++;
            for (struct shelf_item *i = shelf_first(h->shelf, key, &look); i != NULL; i = shelf_next(&look)) {
                struct thing *t = OBJ_OF(i, struct thing, item), **at = &pinned[rand_u64(&r) % PINNED];
                check(h, t, key);
                if (*at != NULL || rand_u64(&r) % 8 != 0)
                    continue;
                shelf_pin(i);
                *at = t;
            }
        }
        if (rand_u64(&r) % 4 == 0)
            shelf_leave(h->shelf, h->number);
        struct thing **at = &pinned[rand_u64(&r) % PINNED]; /* held since some turn or other */
        if (*at != NULL) {
            check(h, *at, &(*at)->item.key);
            shelf_unpin(&(*at)->item);
            *at = NULL;
        }
    }
    for (size_t i = 0; i < PINNED; i++) {
        if (pinned[i] != NULL)
            shelf_unpin(&pinned[i]->item);
    }
    shelf_leave(h->shelf, h->number);
    return NULL;
}

static void readers_find_whole_things_whatever_the_writer_does(void **state)
{
    struct shelf *s = make(READERS);
    struct rand r = rand_of(SEED, 3, 3);
    struct hammer h[READERS];
    pthread_t threads[READERS];
    struct thing *t[KEYS] = { NULL };
    _Atomic bool over = false;
    uint64_t made = 0;

    (void)state;
    for (unsigned i = 0; i < READERS; i++) {
        h[i] = (struct hammer){ .shelf = s, .number = i, .over = &over };
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &h[i]), 0);
    }
    for (uint64_t n = 0; n < CHANGES || !all_have_found_some(h); n++) {
        uint64_t room = n / 1000 % 2 == 0 ? KEYS : KEYS / 16; /* the table grows, and is made anew smaller */
        uint64_t i = rand_u64(&r) % KEYS;
        if (t[i] != NULL && (i >= room || rand_u64(&r) % 2 == 0)) {
            shelf_take(s, &t[i]->item, 0);
            if (rand_u64(&r) % 4 == 0)
                assert_int_equal(shelf_put(s, &t[i]->item), 0); /* and back again */
            else
                t[i] = NULL;
        } else if (t[i] == NULL && i < room) {
            t[i] = thing_new(i, n);
            made++;
            assert_int_equal(shelf_put(s, &t[i]->item), 0);
        }
        shelf_settle(s);
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(h[i].wrong, 0);
    }
    assert_true(gone_n > 0); /* while they read */
    shelf_free(s);
    assert_true(gone_n == made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_it_is_taken),
        cmocka_unit_test(several_may_lie_under_one_key),
        cmocka_unit_test(all_are_found_while_the_table_grows_and_is_worked_over),
        cmocka_unit_test(what_was_taken_goes_when_all_readers_have_moved_on),
        cmocka_unit_test(a_reader_that_came_after_holds_nothing_up),
        cmocka_unit_test(a_pin_holds_it_beyond_its_turn),
        cmocka_unit_test(of_many_that_are_held_all_go_in_time),
        cmocka_unit_test(what_was_taken_may_be_put_back),
        cmocka_unit_test(readers_find_whole_things_whatever_the_writer_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
