/* What takes the place of hashes in the simulator: it sees any bit and any length, and is the same on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/mark.h"

#define LONGEST 70

static void mark_of(const uint8_t *bytes, size_t len, uint8_t out[32])
{
    struct mark m = { 1, 2 };

    mark_bytes(&m, bytes, len);
    mark_put(m, out, 32);
}

static void each_bit_counts(void **state)
{
    uint8_t bytes[LONGEST] = { 0 }, want[32], got[32];

    (void)state;
    for (size_t len = 1; len <= LONGEST; len++) {
        mark_of(bytes, len, want);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            mark_of(bytes, len, got);
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (memcmp(got, want, sizeof(want)) == 0)
                fail_msg("bit %zu of %zu bytes is another one, and the mark is the same", bit, len);
        }
    }
}

static void each_length_counts(void **state)
{
    static const uint8_t zeros[LONGEST];
    uint8_t marks[LONGEST + 1][32];

    (void)state;
    for (size_t len = 0; len <= LONGEST; len++) {
        mark_of(zeros, len, marks[len]);
        for (size_t other = 0; other < len; other++)
            assert_memory_not_equal(marks[len], marks[other], 32);
    }
}

/* What was put is a beginning of what is put when more is wanted. */
static void what_is_put_goes_on(void **state)
{
    uint8_t all[32], some[13];
    struct mark m = { 3, 4 };

    (void)state;
    mark_put(m, all, sizeof(all));
    mark_put(m, some, sizeof(some));
    assert_memory_equal(all, some, sizeof(some));
    assert_memory_not_equal(all, all + 8, 8);
}

static void it_is_the_same_on_every_machine(void **state)
{
    static const uint8_t want[8] = { 0x4a, 0x7c, 0x78, 0xbd, 0x2f, 0xa8, 0xa7, 0x57 };
    uint8_t got[32];

    (void)state;
    mark_of((const uint8_t *)"the mark of these bytes", 23, got);
    assert_memory_equal(got, want, sizeof(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bit_counts),
        cmocka_unit_test(each_length_counts),
        cmocka_unit_test(what_is_put_goes_on),
        cmocka_unit_test(it_is_the_same_on_every_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
