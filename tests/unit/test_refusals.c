/* test_refusals.c - the list of who was sent away stays short and says the latest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "node/core/refusals.h"

static struct refusal of(const char *name, unsigned reason, bool by_us, bool proven)
{
    struct refusal r = { .addr = mesh_addr_v4(0x0a000001, 7400), .reason = reason, .by_us = by_us, .proven = proven };
    strcpy(r.name, name);
    return r;
}

static void equal_ones_share_an_entry(void **state)
{
    struct refusals list = { .n = 0 };
    struct refusal a = of("fra-1", 6, true, true), b = of("fra-1", 6, false, true), c = of("fra-1", 4, true, true);
    struct refusal nobody = of("", 3, true, false), elsewhere = nobody;
    (void)state;

    for (int i = 0; i < 3; i++)
        refusals_note(&list, SEC(i + 1), &a);
    refusals_note(&list, SEC(5), &b);
    refusals_note(&list, SEC(6), &c);
    assert_int_equal(list.n, 3);
    assert_int_equal(list.at[0].count, 3);
    assert_true(list.at[0].last == SEC(3));
    elsewhere.addr = mesh_addr_v4(0x0a000002, 7400);
    refusals_note(&list, SEC(7), &nobody);
    refusals_note(&list, SEC(8), &nobody);
    refusals_note(&list, SEC(9), &elsewhere);
    assert_int_equal(list.n, 5);
    assert_int_equal(list.at[3].count, 2);
}

static void the_oldest_makes_room(void **state)
{
    struct refusals list = { .n = 0 };
    char name[16];
    (void)state;

    for (int i = 0; i < REFUSALS_MAX + 5; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        struct refusal r = of(name, 6, true, true);
        refusals_note(&list, SEC(i + 1), &r);
    }
    assert_int_equal(list.n, REFUSALS_MAX);
    for (size_t i = 0; i < list.n; i++) {
        assert_string_not_equal(list.at[i].name, "n4");
        assert_int_equal(list.at[i].count, 1);
    }
    assert_string_equal(list.at[4].name, "n36");
}

static void only_what_others_proved_counts_as_said_by_them(void **state)
{
    struct refusals list = { .n = 0 };
    struct refusal ours = of("a", 6, true, true), forged = of("b", 6, false, false), other = of("c", 4, false, true);
    struct refusal real = of("d", 6, false, true), later = of("e", 6, false, true);
    (void)state;

    refusals_note(&list, SEC(1), &ours);
    refusals_note(&list, SEC(2), &forged);
    refusals_note(&list, SEC(3), &other);
    assert_null(refusals_last(&list, 6));
    refusals_note(&list, SEC(4), &real);
    refusals_note(&list, SEC(5), &later);
    assert_string_equal(refusals_last(&list, 6)->name, "e");
    refusals_note(&list, SEC(6), &real);
    assert_string_equal(refusals_last(&list, 6)->name, "d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ones_share_an_entry),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(only_what_others_proved_counts_as_said_by_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
