/* What the relay decides: each fault as often and as strong as asked, the same from the same seed,
 * and none when nothing is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/relay/faults.h"

#define MB ((size_t)1 << 20)

/* A datagram each millisecond; |arrivals| gets when each first copy came, 0 for lost. */
static unsigned run(struct faults *f, enum faults_way way, unsigned n, mesh_ns *arrivals)
{
    unsigned copies = 0;

    for (unsigned i = 0; i < n; i++) {
        mesh_ns at[2] = { 0, 0 };
        unsigned c = faults_datagram(f, way, MS(i), 100, at);
        copies += c;
        if (arrivals != NULL)
            arrivals[i] = c > 0 ? at[0] : 0;
    }
    return copies;
}

static void nothing_asked_nothing_done(void **state)
{
    struct faults f;
    mesh_ns at[2], last = 0;
    uint8_t bytes[1000] = { 0 }, zero[1000] = { 0 };

    (void)state;
    faults_init(&f, 7);
    assert_int_equal(faults_datagram(&f, FAULTS_UP, SEC(5), 1200, at), 1);
    assert_int_equal(at[0], SEC(5));
    assert_int_equal(faults_stream(&f, FAULTS_DOWN, SEC(6), 65536, &last), SEC(6));
    assert_int_equal(faults_flip(&f, FAULTS_UP, bytes, sizeof(bytes)), 0);
    assert_memory_equal(bytes, zero, sizeof(bytes));
    assert_true(faults_passes(&f, FAULTS_UP) && faults_passes(&f, FAULTS_DOWN));
}

static void loss_is_as_often_as_asked(void **state)
{
    /* Of 20,000, and four standard deviations of the binomial around it. */
    static const struct {
        uint64_t pct, want, around;
    } rows[] = {
        { 0, 0, 0 }, { 1, 200, 57 }, { 20, 4000, 227 }, { 50, 10000, 283 }, { 100, 20000, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct faults f;
        faults_init(&f, 11);
        f.set.loss_pct = rows[i].pct;
        unsigned arrived = run(&f, FAULTS_UP, 20000, NULL);
        assert_in_range(20000 - arrived, rows[i].want - rows[i].around, rows[i].want + rows[i].around);
        assert_int_equal(f.seen.lost, 20000 - arrived);
        assert_int_equal(f.seen.datagrams_up, 20000);
        assert_int_equal(f.seen.bytes_up, 2000000);
    }
}

static void same_seed_same_faults_other_seed_others(void **state)
{
    mesh_ns first[500], again[500], other[500];
    const struct {
        uint64_t seed;
        mesh_ns *arrivals;
    } runs[] = { { 3, first }, { 3, again }, { 4, other } };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct faults f;
        faults_init(&f, runs[i].seed);
        f.set = (struct faults_setting){ .loss_pct = 30, .reorder_pct = 10, .jitter = MS(9), .delay = MS(20) };
        run(&f, FAULTS_UP, 500, runs[i].arrivals);
    }
    assert_memory_equal(first, again, sizeof(first));
    assert_memory_not_equal(first, other, sizeof(first));
}

static void one_fault_does_not_disturb_another(void **state)
{
    mesh_ns alone[500], beside[500];
    struct faults f;

    (void)state;
    faults_init(&f, 3);
    f.set.loss_pct = 30;
    run(&f, FAULTS_UP, 500, alone);
    faults_init(&f, 3);
    f.set.loss_pct = 30;
    f.set.duplicate_pct = 50;
    run(&f, FAULTS_DOWN, 500, NULL); /* the other way draws from numbers of its own */
    run(&f, FAULTS_UP, 500, beside);
    assert_memory_equal(alone, beside, sizeof(alone));
}

static void jitter_keeps_order_and_reordering_breaks_it(void **state)
{
    mesh_ns arrivals[2000];
    struct faults f;
    unsigned backwards = 0;

    (void)state;
    faults_init(&f, 5);
    f.set.delay = MS(10);
    f.set.jitter = MS(30);
    run(&f, FAULTS_UP, 2000, arrivals);
    for (unsigned i = 0; i < 2000; i++) {
        assert_in_range(arrivals[i] - MS(i), MS(10), MS(40));
        assert_true(i == 0 || arrivals[i] >= arrivals[i - 1]);
    }
    faults_init(&f, 5);
    f.set.reorder_pct = 10;
    run(&f, FAULTS_UP, 2000, arrivals);
    for (unsigned i = 1; i < 2000; i++)
        backwards += arrivals[i] < arrivals[i - 1];
    assert_in_range(f.seen.reordered, 160, 240);
    assert_in_range(backwards, 80, 240);
}

static void duplicates_come_twice_and_not_before_the_first(void **state)
{
    struct faults f;
    mesh_ns at[2];

    (void)state;
    faults_init(&f, 5);
    f.set.duplicate_pct = 100;
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(faults_datagram(&f, FAULTS_DOWN, MS(i), 10, at), 2);
        assert_true(at[1] >= at[0]);
    }
    assert_int_equal(f.seen.duplicated, 100);
}

static void a_rate_spaces_bytes_out_and_its_queue_ends(void **state)
{
    struct faults f;
    mesh_ns at[2], last = 0;
    unsigned arrived = 0;

    (void)state;
    faults_init(&f, 5);
    f.set.rate_kbps = 8000; /* a byte each microsecond */
    assert_int_equal(faults_stream(&f, FAULTS_UP, 0, 50000, &last), MS(50));
    assert_int_equal(faults_datagram(&f, FAULTS_UP, 0, 1000, at), 1);
    assert_int_equal(at[0], MS(51));
    assert_int_equal(faults_datagram(&f, FAULTS_DOWN, 0, 1000, at), 1);
    assert_int_equal(at[0], MS(1)); /* the way back is a wire of its own */
    for (unsigned i = 0; i < 2000; i++)
        arrived += faults_datagram(&f, FAULTS_UP, 0, 1000, at);
    assert_in_range(arrived, 940, 960); /* a second's worth, less what was there */
    assert_int_equal(f.seen.overflowed, 2000 - arrived);
    assert_int_equal(faults_stream(&f, FAULTS_UP, SEC(10), 1000, &last), SEC(10) + MS(1));
    assert_int_equal(faults_window(&f), 250000);
}

static void a_stream_is_held_up_and_keeps_its_order(void **state)
{
    struct faults f;
    mesh_ns last = 0, before = 0, other = 0;

    (void)state;
    faults_init(&f, 5);
    f.set.loss_pct = 50;
    f.set.delay = MS(10);
    f.set.jitter = MS(50);
    for (unsigned i = 0; i < 300; i++) {
        mesh_ns at = faults_stream(&f, FAULTS_UP, MS(i), 100, &last);
        assert_true(at >= before && at >= MS(i) + MS(10));
        before = at;
    }
    assert_in_range(f.seen.stalled, 120, 180);
    assert_int_equal(f.seen.lost, 0);
    /* Another connection waits for nobody: a round trip and a timeout at most. */
    assert_true(faults_stream(&f, FAULTS_UP, 0, 100, &other) <= MS(10 + 50 + 30 + 200));
}

static size_t bits_of(const uint8_t *bytes, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += (size_t)__builtin_popcount(bytes[i]);
    return n;
}

static void flips_are_as_many_and_as_dense_as_asked(void **state)
{
    static uint8_t bytes[MB];
    struct faults f;
    size_t flips = 0;

    (void)state;
    faults_init(&f, 5);
    faults_flips(&f, FAULTS_NO_END, 1000);
    /* In pieces of any size: the distance between flips goes on across them. */
    for (size_t at = 0, len = 1; at < MB; at += len, len = len % 7919 + 1)
        flips += faults_flip(&f, FAULTS_UP, bytes + at, len < MB - at ? len : MB - at);
    assert_in_range(flips, 900, 1100);
    assert_int_equal(f.seen.flips, flips);
    assert_int_equal(bits_of(bytes, MB), flips);

    faults_init(&f, 5);
    memset(bytes, 0, MB);
    faults_flips(&f, 10, 100000);
    faults_flips(&f, 15, 100000);
    assert_int_equal(faults_flip(&f, FAULTS_UP, bytes, MB), 25);
    assert_int_equal(faults_flip(&f, FAULTS_DOWN, bytes, MB), 0);
    assert_int_equal(bits_of(bytes, MB), 25);
    assert_int_equal(f.set.flips_left, 0);
}

static void every_bit_can_be_flipped_at_once(void **state)
{
    uint8_t bytes[3] = { 0x00, 0xa5, 0xff };
    const uint8_t want[3] = { 0xff, 0x5a, 0x00 };
    struct faults f;

    (void)state;
    faults_init(&f, 5);
    faults_flips(&f, FAULTS_NO_END, (uint64_t)8 << 20);
    assert_int_equal(faults_flip(&f, FAULTS_UP, bytes, sizeof(bytes)), 24);
    assert_memory_equal(bytes, want, sizeof(bytes));
    assert_int_equal(faults_flip(&f, FAULTS_UP, bytes, 0), 0);
}

static void a_cut_is_one_way_and_heals(void **state)
{
    struct faults f;
    mesh_ns at[2];

    (void)state;
    faults_init(&f, 5);
    f.set.cut[FAULTS_UP] = true;
    f.set.delay = MS(3);
    f.set.loss_pct = 100;
    faults_flips(&f, 5, 1000);
    assert_false(faults_passes(&f, FAULTS_UP));
    assert_true(faults_passes(&f, FAULTS_DOWN));
    assert_int_equal(faults_datagram(&f, FAULTS_UP, 0, 10, at), 0);
    faults_heal(&f);
    assert_true(faults_passes(&f, FAULTS_UP));
    assert_int_equal(faults_datagram(&f, FAULTS_UP, 0, 10, at), 1);
    assert_int_equal(at[0], MS(3)); /* distance is no illness */
    assert_int_equal(f.set.flips_left, 0);
    f.set.half_open = true;
    assert_false(faults_passes(&f, FAULTS_UP) || faults_passes(&f, FAULTS_DOWN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_nothing_done),
        cmocka_unit_test(loss_is_as_often_as_asked),
        cmocka_unit_test(same_seed_same_faults_other_seed_others),
        cmocka_unit_test(one_fault_does_not_disturb_another),
        cmocka_unit_test(jitter_keeps_order_and_reordering_breaks_it),
        cmocka_unit_test(duplicates_come_twice_and_not_before_the_first),
        cmocka_unit_test(a_rate_spaces_bytes_out_and_its_queue_ends),
        cmocka_unit_test(a_stream_is_held_up_and_keeps_its_order),
        cmocka_unit_test(flips_are_as_many_and_as_dense_as_asked),
        cmocka_unit_test(every_bit_can_be_flipped_at_once),
        cmocka_unit_test(a_cut_is_one_way_and_heals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
