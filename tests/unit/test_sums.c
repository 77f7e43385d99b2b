#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gossip/sums.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define VIEW 300

static struct node_id id_of(unsigned i)
{
    struct node_id id;

    be64_put(id.bytes, rand_mix(i));
    be64_put(id.bytes + 8, rand_mix(i + 100000));
    return id;
}

/* Member i in a version of its own; |but| has another record, |renewed| another certificate, |lacks| is not there. */
static void view(struct sums *s, size_t n, unsigned but, unsigned renewed, unsigned lacks)
{
    sums_init(s, n);
    for (unsigned i = 0; i < VIEW; i++) {
        struct node_id id = id_of(i);
        if (i != lacks)
            sums_add(s, &id, rand_mix(i + (i == but ? 7000u : 0u)), sums_cert(&id, i == renewed ? 2 : 1, 5));
    }
}

static struct view_diff differ(const struct sums *ours, const struct sums *theirs)
{
    struct buf bytes = BUF_EMPTY, sent = BUF_EMPTY;
    struct view_diff d, again;

    sums_put(theirs, &bytes);
    assert_int_equal(bytes.len, theirs->n * SUMS_ITEM);
    assert_int_equal(sums_count(buf_slice(&bytes)), theirs->n);
    sums_differ(ours, buf_slice(&bytes), &d);
    diff_put(&d, &sent);
    assert_int_equal(sent.len, theirs->n / 4);
    assert_int_equal(diff_get(buf_slice(&sent), &again), 0);
    assert_memory_equal(&d, &again, sizeof(d));
    buf_free(&bytes);
    buf_free(&sent);
    return d;
}

static unsigned picked(const struct view_diff *d, unsigned *with_cert)
{
    unsigned n = 0;

    *with_cert = 0;
    for (unsigned i = 0; i < VIEW; i++) {
        struct node_id id = id_of(i);
        bool cert;
        if (!diff_has(d, &id, &cert))
            continue;
        n++;
        *with_cert += cert;
    }
    return n;
}

static bool has(const struct view_diff *d, unsigned i, bool want_cert)
{
    struct node_id id = id_of(i);
    bool cert;

    return diff_has(d, &id, &cert) && cert == want_cert;
}

static void only_buckets_that_differ_are_picked(void **state)
{
    struct sums a, b;
    unsigned certs;
    (void)state;

    for (size_t n = SUMS_MIN; n <= SUMS_MAX; n *= 2) {
        view(&a, n, VIEW, VIEW, VIEW);
        struct view_diff d = differ(&a, &a);
        assert_int_equal(picked(&d, &certs), 0);

        view(&b, n, 17, VIEW, VIEW); /* another record: no certificates */
        d = differ(&a, &b);
        assert_true(has(&d, 17, false));
        assert_in_range(picked(&d, &certs), 1, 3 * VIEW / n + 6);
        assert_int_equal(certs, 0);

        view(&b, n, VIEW, 18, VIEW); /* another certificate */
        d = differ(&b, &a);
        assert_true(has(&d, 18, true));
        unsigned n_picked = picked(&d, &certs);
        assert_int_equal(n_picked, certs);

        view(&b, n, 17, VIEW, 19); /* one is not known there */
        d = differ(&b, &a);
        assert_true(has(&d, 19, true));
        assert_true(picked(&d, &certs) > 1 || n == SUMS_MAX);
    }
}

/* A record that one side has and a certificate change of another node cannot hide each other. */
static void the_order_of_members_does_not_matter(void **state)
{
    struct sums a, b;
    unsigned certs;
    (void)state;

    sums_init(&a, 32);
    sums_init(&b, 32);
    for (unsigned i = 0; i < VIEW; i++) {
        struct node_id first = id_of(i), last = id_of(VIEW - 1 - i);
        sums_add(&a, &first, rand_mix(i), sums_cert(&first, 1, 1));
        sums_add(&b, &last, rand_mix(VIEW - 1 - i), sums_cert(&last, 1, 1));
    }
    struct view_diff d = differ(&a, &b);
    assert_int_equal(picked(&d, &certs), 0);
}

static void sizes_that_nobody_sends_are_refused(void **state)
{
    static const uint8_t bytes[2 * SUMS_BYTES_MAX];
    struct view_diff d;
    size_t sums = 0, diffs = 0;
    (void)state;

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        size_t n = sums_count(slice_of(bytes, len));
        assert_true(n == 0 || (n >= SUMS_MIN && n <= SUMS_MAX && n * SUMS_ITEM == len));
        sums += n != 0;
        int err = diff_get(slice_of(bytes, len), &d);
        assert_true(err == MESH_E_RANGE || (err == 0 && d.n / 4 == len && d.n <= SUMS_MAX));
        diffs += err == 0;
    }
    assert_int_equal(sums, 5); /* 16, 32, 64, 128, 256 */
    assert_int_equal(diffs, 5);
}

static void buckets_grow_with_the_view(void **state)
{
    (void)state;

    assert_int_equal(sums_wanted(0), SUMS_MIN);
    assert_int_equal(sums_wanted(128), 16);
    assert_int_equal(sums_wanted(129), 32);
    assert_int_equal(sums_wanted(1000), 128);
    assert_int_equal(sums_wanted(1000000), SUMS_MAX);
}

/* What two nodes compare is the same on every machine. */
static void golden_bytes(void **state)
{
    struct node_id id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41 } }; /* the exclusive or is 0x41 */
    struct buf b = BUF_EMPTY;
    struct sums s;
    (void)state;

    sums_init(&s, 16);
    sums_add(&s, &id, UINT64_C(0x1122334455667788), 0xa1b2c3d4u);
    sums_put(&s, &b);
    assert_int_equal(b.len, 192);
    for (size_t i = 0; i < 192; i++) {
        static const uint8_t sum[12] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0xa1, 0xb2, 0xc3, 0xd4 };
        assert_int_equal(b.data[i], i / 12 == 1 ? sum[i % 12] : 0);
    }
    assert_int_equal(sums_cert(&id, 3, 1700000000), 0x483c0666u);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_buckets_that_differ_are_picked),
        cmocka_unit_test(the_order_of_members_does_not_matter),
        cmocka_unit_test(sizes_that_nobody_sends_are_refused),
        cmocka_unit_test(buckets_grow_with_the_view),
        cmocka_unit_test(golden_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
