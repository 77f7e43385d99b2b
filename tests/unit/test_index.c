/* test_index.c - the index against a plain table, through many sizes; what one entry costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/store/index.h"
#include "proto/base/rand.h"

#define KEYS  3000u
#define SLOTS 8u

struct plain {
    bool there;
    uint32_t slot, offset, body, length;
};
static struct plain table[KEYS][3]; /* by key and variant */
static struct index ix;

static uint64_t key_of(uint32_t k)
{
    return rand_mix(k / 2) << 1 | (k & 1);
}

static void check(uint32_t k)
{
    uint32_t seen = 0, want = 0;

    for (uint32_t i = index_find(&ix, key_of(k)); i != INDEX_NONE; i = index_next(&ix, i)) {
        const struct index_entry *e = index_at(&ix, i);
        assert_true(e->variant < 3 && !e->dead);
        const struct plain *p = &table[k][e->variant];
        assert_true(p->there && p->slot == e->slot && p->offset == index_offset(e) && p->body == e->body);
        assert_int_equal(index_bytes(e), record_bytes(p->length));
        seen++;
    }
    for (uint32_t v = 0; v < 3; v++)
        want += table[k][v].there;
    assert_int_equal(seen, want);
}

static uint32_t live(void)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < KEYS; k++)
        for (uint32_t v = 0; v < 3; v++)
            n += table[k][v].there;
    return n;
}

static uint32_t drop(const struct record *r, uint32_t of_key)
{
    uint32_t n = 0;

    for (uint32_t k = 0; k < KEYS; k++) {
        for (uint32_t v = 0; v < 3; v++) {
            struct plain *p = &table[k][v];
            bool gone = r->kind == RECORD_DROP_BODY ? p->body == r->body
                                                    : k == of_key && (r->variant == 0 || v == r->variant || v == 0);
            n += p->there && gone;
            p->there = p->there && !gone;
        }
    }
    return n;
}

static void it_is_a_table(void **state)
{
    struct rand rnd = rand_of(1, 2, 3);
    uint32_t at[SLOTS] = { 0 };

    (void)state;
    memset(table, 0, sizeof(table));
    assert_int_equal(index_init(&ix, 99), 0);
    for (uint32_t n = 0; n < 60000; n++) {
        uint32_t k = (uint32_t)rand_below(&rnd, KEYS), v = (uint32_t)rand_below(&rnd, 3);
        uint32_t slot = (uint32_t)rand_below(&rnd, SLOTS);
        struct record r = { .kind = RECORD_ENTRY, .key = key_of(k), .variant = v, .length = (uint32_t)rand_below(&rnd, 500),
                            .body = (uint32_t)rand_below(&rnd, 200) };
        switch (rand_below(&rnd, 40)) {
        case 0:
            r.kind = RECORD_DROP;
            assert_int_equal(index_drop(&ix, &r), drop(&r, k));
            break;
        case 1:
            r.kind = RECORD_DROP_BODY;
            assert_int_equal(index_drop(&ix, &r), drop(&r, k));
            break;
        case 2:
            if (at[slot] > 100 * STORE_UNIT) {
                index_clear(&ix, slot);
                at[slot] = 0;
                for (uint32_t i = 0; i < KEYS * 3; i++)
                    if (table[i / 3][i % 3].slot == slot)
                        table[i / 3][i % 3].there = false;
            }
            break;
        default:
            assert_int_not_equal(index_add(&ix, &r, slot, at[slot]), INDEX_NONE);
            table[k][v] = (struct plain){ true, slot, at[slot], r.body, r.length };
            at[slot] += (uint32_t)record_bytes(r.length);
            assert_int_equal(index_at(&ix, index_find(&ix, r.key))->variant, v); /* the latest comes first */
        }
        check(k);
        if (n % 5000 == 0)
            for (k = 0; k < KEYS; k++)
                check(k);
    }
    assert_int_equal(ix.live, live());
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        index_clear(&ix, slot);
    assert_int_equal(ix.live, 0);
    uint32_t used = ix.used;
    for (uint32_t k = 0; k < used; k++) /* what was given back is used again */
        index_add(&ix, &(struct record){ .kind = RECORD_ENTRY, .key = k }, 0, STORE_UNIT * k);
    assert_int_equal(ix.used, used);
    index_fini(&ix);
}

static void an_entry_costs_48_bytes_at_most(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct index_entry), 40);
    assert_int_equal(index_init(&ix, 99), 0);
    for (uint32_t k = 0; k < 300000; k++) {
        index_add(&ix, &(struct record){ .kind = RECORD_ENTRY, .key = rand_mix(k), .body = k }, 0, STORE_UNIT * (k % 100000));
        if (k > 30000 && k % 1000 == 0)
            assert_true(ix.bytes <= UINT64_C(48) * ix.live + 200000); /* and what is begun of each piece */
    }
    index_fini(&ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_table),
        cmocka_unit_test(an_entry_costs_48_bytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
