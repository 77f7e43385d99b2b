/* test_purge_log.c - logs without gaps, frontiers that tell what is lacking, and bounds that nobody passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "node/core/purge_log.h"
#include "proto/base/err.h"

static const uint8_t hash_key[MAP_KEY_BYTES] = "sixteen secrets";

static int setup(void **state)
{
    (void)state;
    return crypto_start();
}

/* A purge of issuer |who|'s log, of |len| bytes. */
static int take_long(struct purge_logs *l, uint32_t who, uint64_t begun, uint64_t number, int64_t at_s, bool folded,
                     bool *gap, size_t len)
{
    static uint8_t raw[PURGE_BYTES_MAX];
    struct cert cert = { .weight_max = 1 };
    struct purge p = { .log.begun = begun, .number = number, .at_s = at_s };

    be32_put(cert.id.bytes, who);
    p.log.issuer = cert.id;
    be64_put(raw, number);
    return purge_logs_take(l, &p, slice_of(raw, len), &cert, SLICE_LIT("a certificate"), folded, gap);
}

static int take(struct purge_logs *l, uint32_t who, uint64_t begun, uint64_t number)
{
    bool gap;
    return take_long(l, who, begun, number, 1000, false, &gap, 8);
}

static struct purge_log_id id_of(uint32_t who, uint64_t begun)
{
    struct purge_log_id id = { .begun = begun };
    be32_put(id.issuer.bytes, who);
    return id;
}

static void numbers_follow_each_other(void **state)
{
    struct purge_logs l;
    bool gap;

    (void)state;
    assert_int_equal(purge_logs_init(&l, hash_key), 0);
    assert_int_equal(take(&l, 1, 5, 2), MESH_E_STATE);
    assert_true(l.position == 0 && l.digest == 0 && l.logs_n == 0);
    assert_int_equal(take(&l, 1, 5, 1), 0);
    assert_int_equal(take(&l, 1, 5, 1), MESH_E_EXISTS);
    assert_int_equal(take(&l, 1, 5, 3), MESH_E_STATE);
    assert_int_equal(take(&l, 1, 5, 2), 0);
    assert_int_equal(take(&l, 2, 9, 1), 0);
    assert_int_equal(take_long(&l, 1, 5, 7, 1000, true, &gap, 8), 0); /* 3 to 6 are gone for good */
    assert_true(gap);
    assert_int_equal(take(&l, 1, 5, 5), MESH_E_EXISTS);
    assert_int_equal(take_long(&l, 1, 5, 8, 1000, true, &gap, 8), 0);
    assert_false(gap);
    assert_true(l.position == 5);
    struct purge_log_id id = id_of(1, 5);
    const struct purge_log *log = purge_logs_find(&l, &id);
    uint64_t next = 7; /* what is kept has no gap inside */
    LIST_EACH (at, &log->kept)
        assert_int_equal(OBJ_OF(at, struct purge_kept, in_log)->number, next++);
    assert_int_equal(next, 9);
    purge_logs_fini(&l);
}

/* The digest depends on how far each log goes, not on the way there. */
static void frontiers_tell_what_is_lacking(void **state)
{
    struct purge_logs a, b;
    struct buf va = BUF_EMPTY, vb = BUF_EMPTY;

    (void)state;
    assert_int_equal(purge_logs_init(&a, hash_key), 0);
    assert_int_equal(purge_logs_init(&b, hash_key), 0);
    assert_int_equal(take(&a, 1, 5, 1) | take(&a, 2, 5, 1) | take(&a, 1, 5, 2), 0);
    uint64_t halfway = a.digest;
    assert_int_equal(take(&b, 2, 5, 1) | take(&b, 1, 5, 1), 0);
    assert_true(a.digest != b.digest);
    purge_logs_vector(&a, &va);
    purge_logs_vector(&b, &vb);
    assert_true(purge_vector_ok(buf_slice(&va)) && purge_vector_ok(buf_slice(&vb)));
    assert_true(purge_logs_lack(&b, buf_slice(&va)));
    assert_false(purge_logs_lack(&a, buf_slice(&vb)));
    struct purge_log_id one = id_of(1, 5), two = id_of(2, 5), none = id_of(1, 6);
    assert_int_equal(purge_vector_last(buf_slice(&va), &one), 2);
    assert_int_equal(purge_vector_last(buf_slice(&va), &two), 1);
    assert_int_equal(purge_vector_last(buf_slice(&va), &none), 0);
    assert_true(purge_logs_passed(&a, 0) && purge_logs_passed(&a, a.digest));
    assert_false(purge_logs_passed(&b, halfway));
    assert_int_equal(take(&b, 1, 5, 2), 0);
    assert_true(a.digest == b.digest);
    assert_int_equal(take(&b, 3, 5, 1), 0);
    assert_true(purge_logs_passed(&b, halfway)); /* where we were before */
    assert_false(purge_logs_passed(&a, b.digest));
    purge_logs_pass(&a, b.digest);
    assert_true(purge_logs_passed(&a, b.digest));
    buf_free(&va);
    buf_free(&vb);
    purge_logs_fini(&a);
    purge_logs_fini(&b);
}

static void vectors_are_checked(void **state)
{
    struct purge_logs l;
    struct buf v = BUF_EMPTY;
    static uint8_t many[(PURGE_LOGS_MAX + 1) * PURGE_VECTOR_ITEM];

    (void)state;
    assert_int_equal(purge_logs_init(&l, hash_key), 0);
    for (uint32_t who = 3; who > 0; who--)
        assert_int_equal(take(&l, who, 5, 1), 0);
    purge_logs_vector(&l, &v);
    assert_true(purge_vector_ok(buf_slice(&v)) && purge_vector_ok(SLICE_EMPTY));
    assert_false(purge_vector_ok(slice_head(buf_slice(&v), v.len - 1)));
    v.data[PURGE_VECTOR_ITEM + 3] = 1; /* the second is called as the first */
    assert_false(purge_vector_ok(buf_slice(&v)));
    v.data[PURGE_VECTOR_ITEM + 3] = 2;
    memset(v.data + NODE_ID_BYTES + 8, 0, 8); /* a log without purges */
    assert_false(purge_vector_ok(buf_slice(&v)));
    memset(v.data + NODE_ID_BYTES + 8, 0xff, 8);
    assert_false(purge_vector_ok(buf_slice(&v)));
    for (uint32_t i = 0; i <= PURGE_LOGS_MAX; i++) {
        be32_put(many + i * PURGE_VECTOR_ITEM, i);
        be64_put(many + i * PURGE_VECTOR_ITEM + NODE_ID_BYTES + 8, 1);
    }
    assert_true(purge_vector_ok(slice_of(many, PURGE_LOGS_MAX * PURGE_VECTOR_ITEM)));
    assert_false(purge_vector_ok(SLICE_OF(many)));
    buf_free(&v);
    purge_logs_fini(&l);
}

/* What is kept is bounded by number and by bytes; who lacks what was let go sees a gap. */
static void the_oldest_are_let_go(void **state)
{
    struct purge_logs l;
    bool gap;

    (void)state;
    assert_int_equal(purge_logs_init(&l, hash_key), 0);
    l.kept_max = 10;
    for (uint64_t n = 1; n <= 8; n++)
        assert_int_equal(take(&l, 1, 5, n) | take(&l, 2, 5, n), 0);
    assert_true(l.kept_n == 10 && l.position == 16);
    struct purge_log_id id = id_of(1, 5);
    assert_int_equal(OBJ_OF(list_first(&purge_logs_find(&l, &id)->kept), struct purge_kept, in_log)->number, 4);
    l.kept_max = PURGE_KEPT_MAX;
    for (uint64_t n = 9; n <= 1000; n++)
        assert_int_equal(take_long(&l, 1, 5, n, 1000, false, &gap, PURGE_BYTES_MAX), 0);
    assert_true(l.kept_bytes <= PURGE_KEPT_BYTES && l.kept_n == PURGE_KEPT_BYTES / PURGE_BYTES_MAX);
    purge_logs_fini(&l);
    assert_true(l.kept_n == 0 && l.kept_bytes == 0 && l.logs_n == 0);
}

static void logs_are_bounded(void **state)
{
    struct purge_logs l;
    bool gap;

    (void)state;
    assert_int_equal(purge_logs_init(&l, hash_key), 0);
    for (uint64_t begun = 1; begun <= 6; begun++)
        assert_int_equal(take(&l, 1, begun, 1), 0);
    assert_int_equal(l.logs_n, PURGE_LOGS_EACH); /* the latest of one issuer */
    struct purge_log_id id = id_of(1, 2);
    assert_null(purge_logs_find(&l, &id));
    assert_int_equal(take(&l, 1, 2, 1), MESH_E_EXISTS); /* and an older one does not come back */
    struct buf old = BUF_EMPTY;
    buf_add(&old, id.issuer.bytes, NODE_ID_BYTES);
    buf_add_u64(&old, 2);
    buf_add_u64(&old, 9);
    assert_false(purge_logs_lack(&l, buf_slice(&old)));
    buf_free(&old);
    assert_int_equal(purge_logs_own(&l, &id.issuer)->id.begun, 6);
    for (uint32_t who = 2; l.logs_n < PURGE_LOGS_MAX; who++)
        assert_int_equal(take_long(&l, who, 1, 1, 2000 + who, false, &gap, 8), 0);
    assert_int_equal(take_long(&l, 5000, 1, 1, 999, false, &gap, 8), MESH_E_EXISTS); /* older than all */
    assert_int_equal(l.logs_n, PURGE_LOGS_MAX);
    assert_int_equal(take_long(&l, 5000, 1, 1, 3000, false, &gap, 8), 0);
    assert_int_equal(l.logs_n, PURGE_LOGS_MAX);
    id = id_of(1, 3);
    assert_null(purge_logs_find(&l, &id)); /* the one with the oldest last purge */
    purge_logs_fini(&l);
}

static bool not_two(void *ctx, const struct cert *cert)
{
    (void)ctx;
    return be32_get(cert->id.bytes) != 2;
}

/* Two nodes with the same roll have the same frontier, whoever of them had heard of the one who is out. */
static void who_is_out_leaves_the_frontier(void **state)
{
    struct purge_logs a, b;

    (void)state;
    assert_int_equal(purge_logs_init(&a, hash_key), 0);
    assert_int_equal(purge_logs_init(&b, hash_key), 0);
    assert_int_equal(take(&a, 1, 5, 1) | take(&a, 2, 5, 1) | take(&b, 1, 5, 1), 0);
    uint64_t before = a.digest;
    purge_logs_void(&a, not_two, NULL);
    assert_true(a.digest == b.digest && a.logs_n == 1 && a.kept_n == 1 && a.position == 2);
    assert_true(purge_logs_passed(&a, before));
    purge_logs_fini(&a);
    purge_logs_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_follow_each_other), cmocka_unit_test(frontiers_tell_what_is_lacking),
        cmocka_unit_test(vectors_are_checked),       cmocka_unit_test(the_oldest_are_let_go),
        cmocka_unit_test(logs_are_bounded),          cmocka_unit_test(who_is_out_leaves_the_frontier),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
