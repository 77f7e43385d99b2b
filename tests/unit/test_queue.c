/* The simulator's queue of events: earliest first, equal times in the order of adding,
 * wherever an event was kept: in the slot at hand, on the wheel, beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/rand.h"
#include "sim/members/queue.h"

#define SLOT  ((mesh_ns)1 << QUEUE_SLOT_BITS)
#define WHEEL (SLOT * QUEUE_SLOTS)

static void an_empty_queue_has_nothing(void **state)
{
    struct queue q;
    struct queue_event ev;

    (void)state;
    queue_init(&q);
    assert_false(queue_take(&q, MESH_NS_NEVER, &ev));
    queue_add(&q, 5, 1, 2, 3);
    assert_false(queue_take(&q, 4, &ev));
    assert_true(queue_take(&q, 5, &ev));
    assert_int_equal(ev.at, 5);
    assert_int_equal(ev.kind, 1);
    assert_int_equal(ev.a, 2);
    assert_int_equal(ev.b, 3);
    assert_false(queue_take(&q, MESH_NS_NEVER, &ev));
    queue_fini(&q);
}

static void equal_times_come_in_the_order_of_adding(void **state)
{
    static const mesh_ns times[] = { 0, SLOT - 1, SLOT, 3 * SLOT, WHEEL - 1, WHEEL, WHEEL + SLOT, 5 * WHEEL + 7 };
    struct queue q;
    struct queue_event ev;

    (void)state;
    queue_init(&q);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = sizeof(times) / sizeof(times[0]); i-- > 0;)
            queue_add(&q, times[i], 0, round, i);
    }
    for (uint32_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        for (uint32_t round = 0; round < 3; round++) {
            assert_true(queue_take(&q, MESH_NS_NEVER - 1, &ev));
            assert_int_equal(ev.at, times[i]);
            assert_int_equal(ev.a, round);
        }
    }
    queue_fini(&q);
}

/* What an event set while another one is handled may be: at once, soon, late. */
static mesh_ns later(struct rand *r)
{
    static const mesh_ns spans[] = { 1, SLOT / 3, SLOT * 20, WHEEL - 1, WHEEL * 3 };
    uint64_t span = (uint64_t)spans[rand_below(r, 5)];

    return (mesh_ns)rand_below(r, span + 1);
}

static void many_events_come_in_order(void **state)
{
    struct rand r = rand_of(1, 2, 3);
    struct queue q;
    struct queue_event ev, last = { 0 };
    uint32_t added = 0, taken = 0;

    (void)state;
    queue_init(&q);
    while (added < 1000)
        queue_add(&q, later(&r), 0, added++, 0);
    while (queue_take(&q, MESH_NS_NEVER - 1, &ev)) {
        assert_true(taken == 0 || ev.at > last.at || (ev.at == last.at && ev.seq > last.seq));
        last = ev;
        taken++;
        for (unsigned n = taken % 1000 == 0 ? 3 : 1; n > 0 && added < 300000; n--)
            queue_add(&q, ev.at + later(&r), 0, added++, 0);
    }
    assert_int_equal(taken, 300000);
    assert_true(q.pool_n < 4000); /* given back and used again */
    queue_fini(&q);
}

/* Taking only until some time must not lose what is added before the next event. */
static void looking_ahead_passes_over_nothing(void **state)
{
    struct queue q;
    struct queue_event ev;

    (void)state;
    queue_init(&q);
    queue_add(&q, 9 * SLOT, 0, 2, 0);
    assert_false(queue_take(&q, 8 * SLOT, &ev));
    queue_add(&q, 8 * SLOT + 1, 0, 1, 0);
    assert_true(queue_take(&q, MESH_NS_NEVER - 1, &ev));
    assert_int_equal(ev.a, 1);
    assert_true(queue_take(&q, MESH_NS_NEVER - 1, &ev));
    assert_int_equal(ev.a, 2);
    queue_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_has_nothing),
        cmocka_unit_test(equal_times_come_in_the_order_of_adding),
        cmocka_unit_test(many_events_come_in_order),
        cmocka_unit_test(looking_ahead_passes_over_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
