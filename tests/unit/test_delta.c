/* test_delta.c - which arcs changed hands between two tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ring_members.h"

/* By the definition, for each arc. */
static void check_delta(const struct ring *was, const struct ring *is, size_t n)
{
    uint32_t at = 0, expected = 0, first = 0, arc = 0;
    struct ring_change c;

    while (ring_delta(was, is, &at, ring_arcs(was), &c)) {
        for (; arc < c.arc; arc++)
            assert_true(same_owners(was, is, arc)); /* none is passed over */
        assert_false(same_owners(was, is, arc));
        arc++;
        size_t lost = 0, gained = 0;
        for (size_t i = 0; i < n; i++) {
            int before = ring_rank(was, c.arc, &members[i].id), now = ring_rank(is, c.arc, &members[i].id);
            assert_int_equal(ring_change_lost(&c, &members[i].id), before >= 0 && now < 0);
            assert_int_equal(ring_change_gained(&c, &members[i].id), before < 0 && now >= 0);
            assert_true(before < 0 || node_id_eq(&c.was[before]->id, &members[i].id));
            assert_true(now < 0 || node_id_eq(&c.is[now]->id, &members[i].id));
            lost += before >= 0 && now < 0;
            gained += before < 0 && now >= 0;
        }
        assert_int_equal(c.lost_n, lost);
        assert_int_equal(c.gained_n, gained);
        assert_int_equal(c.is_n + lost, c.was_n + gained);
        first += c.first_moved;
        expected++;
    }
    for (; arc < ring_arcs(was); arc++)
        assert_true(same_owners(was, is, arc));
    assert_int_equal(ring_moved(was, is), first);
    assert_true(expected >= first);
}

static void every_change_is_told_and_nothing_else(void **state)
{
    (void)state;
    for (size_t zones = 1; zones <= 5; zones += 2) {
        make(14, zones, 100, 3);
        struct ring *few = ring_new(members, 2, 9), *some = ring_new(members, 12, 9),
                    *others = ring_new(members + 2, 12, 9);
        members[5].weight = 170;
        members[7].weight = 0;
        struct ring *weighed = ring_new(members, 12, 9), *none = ring_new(NULL, 0, 9);
        const struct ring *all[] = { few, some, others, weighed, none };
        for (size_t i = 0; i < 5; i++) {
            for (size_t j = 0; j < 5; j++)
                check_delta(all[i], all[j], 14);
        }
        ring_unref(few);
        ring_unref(some);
        ring_unref(others);
        ring_unref(weighed);
        ring_unref(none);
    }
}

static void a_delta_may_be_read_in_slices(void **state)
{
    (void)state;
    make(30, 3, 100, 4);
    struct ring *a = ring_new(members, 29, 10), *b = ring_new(members, 30, 10);
    uint32_t at = 0, whole = 0, sliced = 0;
    struct ring_change c;

    while (ring_delta(a, b, &at, 1024, &c))
        whole++;
    assert_int_equal(at, 1024);
    assert_false(ring_delta(a, b, &at, 1024, &c));
    at = 0;
    for (uint32_t end = 100; at < 1024; end = end + 100 < 1024 ? end + 100 : 1024) {
        while (ring_delta(a, b, &at, end, &c)) {
            assert_true(c.arc < end);
            sliced++;
        }
        assert_int_equal(at, end);
        assert_false(ring_delta(a, b, &at, end - 50, &c)); /* an end that lies behind does no harm */
        assert_int_equal(at, end);
    }
    assert_int_equal(sliced, whole);
    assert_in_range(whole, 60, 150); /* a tenth of the arcs */
    ring_unref(a);
    ring_unref(b);
}

/* The same members in another ring are no change, and cost nothing to see. */
static void the_same_epoch_is_the_same_table(void **state)
{
    struct ring_change c;
    uint32_t at = 0;
    (void)state;

    make(10, 3, 100, 5);
    struct ring *a = ring_new(members, 10, 12);
    shuffle(10, 1);
    struct ring *b = ring_new(members, 10, 12);
    assert_false(ring_delta(a, b, &at, 4096, &c));
    assert_int_equal(at, 4096);
    ring_unref(a);
    ring_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_told_and_nothing_else),
        cmocka_unit_test(a_delta_may_be_read_in_slices),
        cmocka_unit_test(the_same_epoch_is_the_same_table),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
