/* The hash over a run's events: whatever differs between two runs shows, wherever it lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/trace_hash.h"

#define EVENTS 700

static uint8_t bytes[768];

/* Events of many lengths; the |odd|-th is another one, in |how| it is told. */
static void run(char text[TRACE_HASH_TEXT_MAX], int odd, char how)
{
    struct trace_hash h;

    trace_hash_init(&h);
    for (int i = 0; i < EVENTS; i++) {
        bool other = i == odd;
        size_t len = i % 50 == 49 ? sizeof(bytes) - 1 : (size_t)(i % 40 * 13);
        bytes[len] = other && how == 'b';
        trace_hash_add(&h, MS(i) + (other && how == 't'), other && how == 'k' ? NOTE_ASK : NOTE_TICK,
                       other && how == 'n' ? 3 : 2,
                       slice_of(bytes, other && (how == 'l' || how == 'b') ? len + 1 : len));
        bytes[len] = 0;
    }
    assert_int_equal(h.events, EVENTS);
    trace_hash_text(&h, text);
    char again[TRACE_HASH_TEXT_MAX];
    assert_string_equal(trace_hash_text(&h, again), text); /* to look changes nothing */
}

static void each_event_counts(void **state)
{
    char want[TRACE_HASH_TEXT_MAX], got[TRACE_HASH_TEXT_MAX];

    (void)state;
    run(want, -1, 0);
    run(got, -1, 0);
    assert_string_equal(got, want);
    for (const char *how = "tknlb"; *how != '\0'; how++) {
        for (int odd = 0; odd < EVENTS; odd += odd < 100 ? 1 : 83) {
            run(got, odd, *how);
            if (strcmp(got, want) == 0)
                fail_msg("event %d is another one (%c), and the hash is the same", odd, *how);
        }
    }
}

/* Bytes may not wander from one event to the next. */
static void lengths_count(void **state)
{
    char a[TRACE_HASH_TEXT_MAX], b[TRACE_HASH_TEXT_MAX];
    struct trace_hash h;

    (void)state;
    trace_hash_init(&h);
    trace_hash_add(&h, 1, NOTE_SAYS, 0, SLICE_LIT("ab"));
    trace_hash_add(&h, 1, NOTE_SAYS, 0, SLICE_LIT("c"));
    trace_hash_text(&h, a);
    trace_hash_init(&h);
    trace_hash_add(&h, 1, NOTE_SAYS, 0, SLICE_LIT("a"));
    trace_hash_add(&h, 1, NOTE_SAYS, 0, SLICE_LIT("bc"));
    trace_hash_text(&h, b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_counts),
        cmocka_unit_test(lengths_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
