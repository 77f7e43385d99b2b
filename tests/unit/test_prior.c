/* test_prior.c - what a flight has of a body from a source that failed, leaf by leaf: taken where it is what the next
 * copy's hashes announce, and fits there. */
#include "object_parts.h"

#include "node/core/flight_impl.h"
#include "node/core/second.h"

/* A flight with |prior|, whose next copy is |o|; it holds neither in the end. */
static struct flight flight_with(struct object *prior, struct object *o)
{
    struct flight f = { .object = o, .prior = object_ref(prior), .ask.have = prior->leaves_n };
    list_init(&f.waiters);
    return f;
}

/* The first |n| leaves of |from| are announced as |o|'s. */
static void announce(struct object *o, const struct object *from, uint32_t n)
{
    struct leaf_batch b = { .first = 0, .count = n };
    assert_int_equal(object_add_batch(o, &b, object_hashes(from)), 0);
}

static void what_is_announced_is_taken(void **state)
{
    struct object *prior = filled(5 * LEAF_BYTES, true), *o = make_of_peer(5 * LEAF_BYTES + 9);
    struct flight f = flight_with(prior, o);
    struct slice piece;

    (void)state;
    announce(o, prior, 3);
    assert_int_equal(prior_fill(&f), 0);
    assert_int_equal(o->leaves_n, 3);
    assert_ptr_equal(f.prior, prior); /* two are to come yet */
    assert_int_equal(object_read(o, 2 * LEAF_BYTES, &piece, 1), 1);
    assert_memory_equal(piece.data, body + 2 * LEAF_BYTES, LEAF_BYTES);
    f.ask.have = 3;
    assert_int_equal(prior_fill(&f), 0);
    assert_null(f.prior);
    object_unref(o);
    object_unref(prior);
}

/* A signer may announce what it likes: a leaf that is too short or too long for its place is not taken. */
static void a_leaf_of_another_length_is_another_leaf(void **state)
{
    static const uint64_t lengths[] = { UNKNOWN, LEAF_BYTES + 8, LEAF_BYTES + 7, LEAF_BYTES, 3 * LEAF_BYTES };

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct object *prior = filled(LEAF_BYTES + 7, true), *o = make_of_peer(lengths[i]);
        assert_int_equal(object_finish(prior), 0); /* its second leaf has 7 bytes */
        struct flight f = flight_with(prior, o);
        announce(o, prior, 2);
        assert_int_equal(prior_fill(&f), lengths[i] == LEAF_BYTES + 7 ? 0 : MESH_E_HASH);
        assert_int_equal(o->leaves_n, lengths[i] == LEAF_BYTES + 7 ? 2 : 1);
        prior_forget(&f);
        object_unref(o);
        object_unref(prior);
    }
}

/* What slips have shown of a leaf, it must begin with. */
static void slips_and_the_leaf_must_be_one(void **state)
{
    (void)state;
    for (int same = 0; same <= 1; same++) {
        struct object *prior = filled(2 * LEAF_BYTES, true), *o = make_of_peer(2 * LEAF_BYTES);
        struct flight f = flight_with(prior, o);
        struct object_slip slip = { .offset = 0, .len = 100 };
        assert_int_equal(object_add_slip(o, &slip, slice_of(body + !same, 100)), 0);
        announce(o, prior, 1);
        assert_int_equal(prior_fill(&f), same ? 0 : MESH_E_HASH);
        prior_forget(&f);
        object_unref(o);
        object_unref(prior);
    }
}

/* Of a window only its end is there: the rest goes over as what it is, hashes. */
static void a_window_goes_over_as_one(void **state)
{
    struct object *prior = filled(9 * LEAF_BYTES, true), *o = make_of_peer(9 * LEAF_BYTES);
    struct slice piece;

    (void)state;
    object_trim(prior, 5, 2);
    assert_int_equal(object_first_held(prior), 5);
    struct flight f = flight_with(prior, o);
    announce(o, prior, 9);
    assert_int_equal(prior_fill(&f), 0);
    assert_int_equal(o->leaves_n, 9);
    assert_int_equal(object_first_held(o), 5);
    assert_true(o->pass_through);
    assert_int_equal(object_same(prior, o, 8 * LEAF_BYTES + 5), 1);
    assert_int_equal(object_read(o, 4 * LEAF_BYTES, &piece, 1), 0);
    assert_int_equal(object_read(o, 5 * LEAF_BYTES, &piece, 1), 1);
    assert_memory_equal(piece.data, body + 5 * LEAF_BYTES, LEAF_BYTES);
    object_unref(o);
    object_unref(prior);
}

/* Of two lost copies of one body the longer one is kept; of two bodies the later. */
static void the_longer_one_is_kept(void **state)
{
    struct object *longer = filled(4 * LEAF_BYTES, true), *shorter = filled(2 * LEAF_BYTES, true);
    struct object *other = make_of(4 * LEAF_BYTES, 200, "\"2\"", &ann, NULL), *none = make(4 * LEAF_BYTES);
    struct flight f = { .magic = FLIGHT_MAGIC };

    (void)state;
    shorter->length = longer->length;
    append(other, LEAF_BYTES, 2 * LEAF_BYTES);
    prior_keep(&f, shorter);
    assert_ptr_equal(f.prior, shorter);
    prior_keep(&f, longer);
    prior_keep(&f, shorter);
    prior_keep(&f, none);
    assert_ptr_equal(f.prior, longer);
    prior_keep(&f, other);
    assert_ptr_equal(f.prior, other);
    prior_forget(&f);
    struct object *all[] = { longer, shorter, other, none };
    for (size_t i = 0; i < COUNT(all); i++)
        object_unref(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_announced_is_taken),
        TEST(a_leaf_of_another_length_is_another_leaf),
        TEST(slips_and_the_leaf_must_be_one),
        TEST(a_window_goes_over_as_one),
        TEST(the_longer_one_is_kept),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
