/* test_ghosts.c - lately evicted ones are remembered, for as long as they should be, in little room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/ghosts.h"
#include "proto/base/rand.h"

static uint32_t name(uint32_t i)
{
    return (uint32_t)rand_mix(i);
}

static struct ghosts start(void)
{
    struct ghosts g;
    assert_int_equal(ghosts_init(&g), 0);
    return g;
}

/* How many of the names [from, to) are among the latest |n|. */
static uint32_t known(const struct ghosts *g, uint32_t from, uint32_t to, uint64_t n)
{
    uint32_t k = 0;
    for (uint32_t i = from; i < to; i++)
        k += ghosts_has(g, name(i), n);
    return k;
}

static void those_who_left_are_known(void **state)
{
    struct ghosts g = start();

    (void)state;
    assert_false(ghosts_has(&g, name(1), 1000));
    assert_false(ghosts_has(&g, 0, 1000)); /* as an empty entry would have it */
    ghosts_add(&g, name(1));
    ghosts_add(&g, 0);
    assert_true(ghosts_has(&g, name(1), 1000));
    assert_true(ghosts_has(&g, name(1), 1000)); /* to be asked for takes none out */
    assert_true(ghosts_has(&g, 0, 1000));
    assert_false(ghosts_has(&g, name(2), 1000));
    ghosts_fini(&g);
}

static void they_are_forgotten_by_number(void **state)
{
    struct ghosts g = start();

    (void)state;
    for (uint32_t i = 0; i < 100000; i++)
        ghosts_add(&g, name(i));
    assert_in_range(known(&g, 100000 - 1000, 100000, 1000), 960, 1000); /* an epoch is a part of the table */
    assert_in_range(known(&g, 100000 - 2000, 100000, 1000), 960, 1100);
    assert_in_range(known(&g, 100000 - 3000, 100000, 3000), 2850, 3000);
    assert_int_equal(known(&g, 0, 90000, 4096), 0);
    ghosts_fini(&g);
}

/* Long after its epoch's number came again nobody is taken for lately gone. */
static void epochs_come_again_and_nobody_with_them(void **state)
{
    struct ghosts g = start();
    uint32_t wrong = 0;

    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        ghosts_add(&g, name(i));
        if (i >= 8000)
            wrong += ghosts_has(&g, name(i - 8000), 2000);
    }
    assert_in_range(wrong, 0, 20); /* of 192,000 */
    ghosts_fini(&g);
}

static void growth_keeps_them(void **state)
{
    struct ghosts g = start();

    (void)state;
    for (uint32_t i = 0; i < 4000; i++)
        ghosts_add(&g, name(i));
    uint32_t before = known(&g, 0, 4000, 4000);
    assert_true(before > 3500);
    ghosts_room(&g, 8192);
    assert_int_equal(g.n, 8192);
    assert_int_equal(known(&g, 0, 4000, 4000), before);
    assert_in_range(known(&g, 0, 4000, 2000), 1800, 2100);
    ghosts_room(&g, 100000);
    assert_int_equal(g.n, 131072);
    for (uint32_t i = 4000; i < 100000; i++)
        ghosts_add(&g, name(i));
    assert_true(known(&g, 0, 100000, 100000) > 97000);
    ghosts_room(&g, 10);
    assert_int_equal(g.n, 131072);
    ghosts_room(&g, UINT64_MAX);
    assert_int_equal(g.n, GHOSTS_MAX);
    ghosts_fini(&g);
}

static void few_are_taken_for_others(void **state)
{
    struct ghosts g = start();

    (void)state;
    ghosts_room(&g, 65536);
    for (uint32_t i = 0; i < 65536; i++)
        ghosts_add(&g, name(i));
    assert_in_range(known(&g, 1000000, 2000000, 65536), 0, 60); /* 2^16 of 2^32 are known: 15 of a million */
    ghosts_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_left_are_known),
        cmocka_unit_test(they_are_forgotten_by_number),
        cmocka_unit_test(epochs_come_again_and_nobody_with_them),
        cmocka_unit_test(growth_keeps_them),
        cmocka_unit_test(few_are_taken_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
