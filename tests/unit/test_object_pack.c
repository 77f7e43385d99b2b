/* test_object_pack.c - an object comes back from its bytes as it was, only older; damaged bytes are refused, whatever
 * they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/core/object_pack.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

static struct authority authority;
static struct identity self, other;
static struct object_memory memory;
static struct zpack *zpack;
static struct purge_runs runs;

static int signer_of(void *ctx, struct slice raw, struct held_cert **out)
{
    struct cert cert;

    (void)ctx;
    assert_int_equal(cert_parse(&cert, raw), 0);
    *out = held_take(NULL, &cert, raw);
    return *out != NULL ? 0 : MESH_E_NOMEM;
}

static struct pack_frame frame(mesh_ns now, int64_t wall_s, uint64_t run)
{
    return (struct pack_frame){ .now = now,
                                .wall_s = wall_s,
                                .run = run,
                                .distribution = 7,
                                .self = &self,
                                .purges = &runs,
                                .memory = &memory,
                                .zpack = zpack,
                                .signer = signer_of };
}

static int setup(void **state)
{
    struct admission what = { .name = SLICE_LIT("a"), .zone = SLICE_LIT("z"), .not_after_s = 1000000, .serial = 1 };

    (void)state;
    assert_int_equal(crypto_start(), 0);
    authority_make(&authority, MESH_ARC_BITS_MIN);
    assert_int_equal(authority_admit(&self, &authority, &what), 0);
    what.name = SLICE_LIT("b");
    assert_int_equal(authority_admit(&other, &authority, &what), 0);
    zpack = zpack_new();
    return zpack == NULL;
}

static int teardown(void **state)
{
    (void)state;
    zpack_free(zpack);
    return 0;
}

/* An object of ours of |len| bytes, of which half can be packed. */
static struct object *make(size_t len)
{
    struct head h = { .generation = 5, .status = 200, .fetched_s = 100 };
    struct buf raw = BUF_EMPTY;
    struct rand r = rand_of(len, 0, 0);

    memset(h.key.bytes, 0x42, DIGEST_BYTES);
    fields_add(&h.fields, SLICE_LIT("content-type"), SLICE_LIT("text/plain"));
    fields_add(&h.fields, SLICE_LIT("vary"), SLICE_LIT("accept-language"));
    assert_int_equal(head_encode(&raw, &h), 0);
    struct object *o = object_new(&memory, buf_slice(&raw), &self, NULL);
    buf_free(&raw);
    assert_non_null(o);
    uint8_t *body = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        body[i] = i / LEAF_BYTES % 2 == 0 ? (uint8_t)rand_u64(&r) : (uint8_t)(i / 1000);
    assert_int_equal(object_append(o, SEC(1), slice_of(body, len)), 0);
    free(body);
    assert_int_equal(object_finish(o), 0);
    o->lifetime = SEC(1000);
    o->stale_if_error_s = 50;
    o->stale_while_revalidate_s = 60;
    o->born = SEC(90);
    assert_true(object_set_part(o, 3, &h.key) && object_more_of(o) != NULL);
    o->varies = true;
    memset(o->more->variant.bytes, 9, DIGEST_BYTES);
    for (uint32_t i = 0; i < o->leaves_n; i++)
        object_packed(o, i, zpack);
    assert_true(object_pack_fits(o));
    return o;
}

static struct buf pack(struct object *o, const struct pack_frame *f)
{
    struct slice *leaves = calloc(o->leaves_n + 1, sizeof(*leaves));
    struct buf b = BUF_EMPTY;

    assert_int_equal(object_pack(&b, leaves, o, f), 0);
    for (uint32_t i = 0; i < o->leaves_n; i++)
        buf_add_slice(&b, leaves[i]);
    assert_true(buf_ok(&b));
    assert_true(b.len <= object_pack_bytes(o));
    free(leaves);
    return b;
}

static void check_same(const struct object *a, const struct object *b)
{
    struct slice x, y;

    assert_int_equal(b->state, OBJECT_COMPLETE);
    struct buf p = BUF_EMPTY, q = BUF_EMPTY;
    assert_true(digest_eq(&a->key, &b->key) && digest_eq(&object_part(a)->primary, &object_part(b)->primary));
    assert_true(object_part(b)->index == 3 && a->varies == b->varies &&
                digest_eq(&a->more->variant, &b->more->variant));
    assert_true(a->length == b->length && a->leaves_n == b->leaves_n);
    assert_int_equal(object_hashes_n(b), object_hashes_n(a));
    assert_int_equal(object_head_wire(a, &p), 0);
    assert_int_equal(object_head_wire(b, &q), 0);
    assert_true(slice_eq(buf_slice(&p), buf_slice(&q)));
    buf_free(&p);
    buf_free(&q);
    for (uint64_t at = 0; at < a->length; at += LEAF_BYTES) {
        assert_int_equal(object_read(a, at, &x, 1), 1);
        assert_int_equal(object_read(b, at, &y, 1), 1);
        assert_true(slice_eq(x, y));
        assert_true(digest_eq(&object_hashes(a)[at / LEAF_BYTES], &object_hashes(b)[at / LEAF_BYTES]));
    }
    assert_true(a->lifetime == b->lifetime && a->stale_if_error_s == b->stale_if_error_s);
}

static void it_comes_back_as_it_was(void **state)
{
    static const size_t sizes[] = { 0, 1, 100, 65535, 65536, 65537, 300000, 1500000 };

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        for (int signed_by = 0; signed_by < 2; signed_by++) {
            struct object *o = make(sizes[i]), *back = NULL;
            struct pack_frame f = frame(SEC(100), 5000, 1);
            if (signed_by == 1) {
                object_sign_head(o);
                object_sign_one(o);
                for (uint32_t n = 0; n < o->leaves_n; n++)
                    object_batch(o, n);
            }
            struct buf b = pack(o, &f);
            f = frame(SEC(130), 0, 1);
            assert_int_equal(object_unpack(&back, buf_slice(&b), &f), 0);
            check_same(o, back);
            assert_int_equal(f.now - back->born, SEC(40));
            assert_ptr_equal(object_self(back), &self);
            assert_int_equal(object_batched(back), object_batched(o));
            assert_int_equal(back->one_sig != NULL, o->one_sig != NULL);
            if (signed_by == 1) {
                const struct object_proof *x = o->more->proof, *y = back->more->proof;
                assert_true(x->batches_n == y->batches_n && digest_eq(&x->chain, &y->chain) && y->has_head_sig);
                assert_memory_equal(x->head_sig, y->head_sig, SIGNATURE_BYTES);
                for (uint32_t n = 0; n < x->batches_n; n++)
                    assert_memory_equal(x->batches[n].sig, y->batches[n].sig, SIGNATURE_BYTES);
            }
            object_unref(back);
            f.self = &other; /* we are somebody else by now: what we signed is signed anew */
            assert_int_equal(object_unpack(&back, buf_slice(&b), &f), 0);
            check_same(o, back);
            assert_int_equal(object_batched(back), 0);
            assert_false((back->more->proof != NULL && back->more->proof->has_head_sig) || back->one_sig != NULL);
            object_unref(back);
            f.distribution++;
            assert_int_equal(object_unpack(&back, buf_slice(&b), &f), MESH_E_STATE);
            buf_free(&b);
            object_unref(o);
        }
    }
    assert_true(memory.bytes == 0);
}

/* Its age at a restart: |wall_s| is when it comes back, put there at 5000 with an age of 10 s. */
static mesh_ns age_at(int64_t wall_s, uint64_t run, mesh_ns now)
{
    struct object *o = make(100), *back = NULL;
    struct pack_frame f = frame(SEC(100), 5000, 1);
    struct buf b = pack(o, &f);

    f = frame(now, wall_s, run);
    assert_int_equal(object_unpack(&back, buf_slice(&b), &f), 0);
    mesh_ns age = f.now - back->born;
    assert_int_equal(back->stale_while_revalidate_s,
                     age == back->lifetime ? 0 : 60); /* 0: nobody knows how old it is */
    object_unref(back);
    object_unref(o);
    buf_free(&b);
    return age;
}

static void rob_CL1_its_age_never_stands_still(void **state)
{
    (void)state;
    assert_int_equal(age_at(5000, 2, SEC(7)), SEC(10));
    assert_int_equal(age_at(5100, 2, SEC(7)), SEC(110));
    assert_int_equal(age_at(4999, 2, SEC(7)), SEC(10));   /* a clock may be set by that much */
    assert_int_equal(age_at(4000, 2, SEC(7)), SEC(1000)); /* before it was put there: no time is left */
    assert_int_equal(age_at(0, 2, SEC(7)), SEC(1000));    /* there is no clock */
    assert_int_equal(age_at(1000, 1, SEC(160)), SEC(70)); /* in the same run the wall clock does not count */
    assert_int_equal(age_at(INT64_MAX, 2, SEC(7)), SEC(10) + SEC(INT64_C(1) << 31));
}

static void rob_F2_damaged_bytes_are_refused(void **state)
{
    struct object *o = make(70000), *back = NULL;
    struct pack_frame f = frame(SEC(100), 5000, 1);
    struct rand r = rand_of(1, 1, 1);

    (void)state;
    object_sign_head(o);
    object_batch(o, 0);
    object_batch(o, 1);
    struct buf b = pack(o, &f);
    for (size_t n = 0; n < b.len; n += n < 1500 ? 1 : 997)
        assert_int_not_equal(object_unpack(&back, slice_of(b.data, n), &f), 0);
    unsigned taken = 0;
    for (unsigned n = 0; n < 3000; n++) {
        size_t at = (size_t)rand_below(&r, n % 2 == 0 ? 1500 : b.len);
        uint8_t was = b.data[at];
        b.data[at] ^= (uint8_t)(1 + rand_below(&r, 255));
        if (object_unpack(&back, buf_slice(&b), &f) == 0) { /* a time or a flag, but never the body */
            struct slice x, y;
            taken++;
            for (uint64_t i = 0; i < o->length; i += LEAF_BYTES) {
                object_read(o, i, &x, 1);
                object_read(back, i, &y, 1);
                assert_true(slice_eq(x, y));
            }
            object_unref(back);
        }
        b.data[at] = was;
    }
    assert_true(taken < 1500);
    buf_free(&b);
    object_unref(o);
    assert_true(memory.bytes == 0);
}

static struct buf piece(const struct object *o, uint32_t first, uint32_t n)
{
    struct slice leaves[8];
    struct buf b = BUF_EMPTY;

    assert_int_equal(object_pack_piece(&b, leaves, o, first, n), 0);
    for (uint32_t i = 0; i < n; i++)
        buf_add_slice(&b, leaves[i]);
    assert_true(buf_ok(&b));
    return b;
}

/* Head and pieces apart; a piece's bytes may be anything, even where no checksum says so. */
static void rob_F2_a_body_comes_back_in_pieces(void **state)
{
    struct object *o = make(5 * LEAF_BYTES + 1000), *back;
    struct pack_frame f = frame(SEC(100), 5000, 1);
    struct buf head = BUF_EMPTY, first = piece(o, 0, 4), last = piece(o, 4, 2);
    struct slice x, y;

    (void)state;
    f.host = SLICE_LIT("h");
    f.path = SLICE_LIT("/p");
    assert_int_equal(object_pack_head(&head, o, 4, &f), 0);
    assert_true(head.len <= object_pack_head_bytes(o->leaves_n));
    assert_int_equal(object_unpack(&back, buf_slice(&head), &f), 0);
    assert_true(back->state == OBJECT_COMPLETE && object_pieces(back)->each == 4 && back->length == o->length);
    assert_int_equal(object_read(back, 0, &x, 1), 0);
    for (size_t at = 3; at < last.len; at += 997) { /* a length, or a byte of a leaf */
        last.data[at] ^= 0x10;
        assert_int_not_equal(object_unpack_piece(back, buf_slice(&last), 4, 2, zpack), 0);
        last.data[at] ^= 0x10;
    }
    for (size_t n = 0; n < last.len; n += 911)
        assert_int_not_equal(object_unpack_piece(back, slice_of(last.data, n), 4, 2, zpack), 0);
    assert_int_not_equal(object_unpack_piece(back, buf_slice(&first), 0, 3, zpack), 0);
    assert_int_equal(object_unpack_piece(back, buf_slice(&last), 4, 2, zpack), 0);
    assert_int_equal(object_unpack_piece(back, buf_slice(&first), 0, 4, zpack), 0);
    for (uint64_t at = 0; at < o->length; at += LEAF_BYTES) {
        assert_int_equal(object_read(o, at, &x, 1) + object_read(back, at, &y, 1), 2);
        assert_true(slice_eq(x, y));
    }
    uint64_t bytes = object_bytes(back);
    object_drop_leaf(back, 2);
    object_drop_leaf(back, 2);
    assert_true(object_bytes(back) < bytes - 100);
    assert_int_equal(object_read(back, 2 * LEAF_BYTES, &x, 1), 0);
    buf_free(&head);
    buf_free(&first);
    buf_free(&last);
    object_unref(back);
    object_unref(o);
    assert_true(memory.bytes == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back_as_it_was),
        cmocka_unit_test(rob_CL1_its_age_never_stands_still),
        cmocka_unit_test(rob_F2_damaged_bytes_are_refused),
        cmocka_unit_test(rob_F2_a_body_comes_back_in_pieces),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
