/* test_object_proof.c - what proves a body: signatures over head, batches and slips; packed leaves. */
#include "object_parts.h"

/* ---- proofs ---- */

static void the_head_is_signed_when_asked_for(void **state)
{
    struct object *o = make(UNKNOWN), *copy = make_of_peer(UNKNOWN);
    struct leaf_claim c = claim_of(o);
    struct buf wire = wire_of(o);

    (void)state;
    assert_null(o->more);
    assert_true(object_sign_head(o));
    const uint8_t *sig = o->more->proof->head_sig;
    assert_int_equal(leaf_verify_head(sig, ann.sign_key, &c, buf_slice(&wire)), 0);
    assert_int_equal(leaf_verify_head(sig, ann.sign_key, &c, slice_head(buf_slice(&wire), wire.len - 1)),
                     MESH_E_SIGNATURE);
    assert_false(object_sign_head(copy)); /* it is not ours to sign */
    assert_false(object_sign_one(copy));
    c = claim_of(copy);
    buf_free(&wire);
    object_unref(o);
    object_unref(copy);
}

static void one_signature_over_a_small_object(void **state)
{
    static const uint64_t small[] = { 0, 1, LEAF_BYTES };

    (void)state;
    for (size_t i = 0; i < COUNT(small); i++) {
        struct object *o = filled(small[i], i % 2 == 0);
        struct digest leaf;
        assert_false(object_sign_one(o)); /* not complete yet */
        assert_int_equal(object_finish(o), 0);
        assert_true(object_sign_one(o));
        leaf_hash(&leaf, slice_of(body, small[i]));
        struct leaf_claim c = claim_of(o);
        struct buf head = wire_of(o);
        assert_int_equal(leaf_verify_one(o->one_sig, ann.sign_key, &c, buf_slice(&head), &leaf, small[i]), 0);
        assert_int_equal(leaf_verify_one(o->one_sig, ann.sign_key, &c, buf_slice(&head), &leaf, small[i] + 1),
                         MESH_E_SIGNATURE);
        buf_free(&head);
        object_unref(o);
    }
    struct object *o = whole(LEAF_BYTES + 1);
    assert_false(object_sign_one(o));
    object_unref(o);
}

static void a_whole_body_has_few_batches(void **state)
{
    static const struct {
        uint64_t length;
        const char *batches;
    } rows[] = {
        { 0, "final 0 " },
        { 1, "final 1 " },
        { LEAF_BYTES, "final 1 " },
        { LEAF_BYTES + 1, "final 2 " },
        { 16 * LEAF_BYTES, "final 16 " },
        { 31 * LEAF_BYTES, "16 final 15 " },
        { 40 * LEAF_BYTES - 1, "16 16 final 8 " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct object *o = whole(rows[i].length);
        assert_string_equal(batches_of(o), rows[i].batches);
        assert_string_equal(batches_of(o), rows[i].batches); /* lent again, not made again */
        for (uint32_t leaf = 0; leaf < o->leaves_n; leaf++) {
            const struct leaf_batch *b = object_batch(o, leaf);
            assert_true(b != NULL && b->first <= leaf && leaf < b->first + b->count);
        }
        assert_true(object_bytes(o) == memory.bytes);
        object_unref(o);
    }
}

static void batches_ramp_up_while_the_body_comes(void **state)
{
    struct object *o = make(UNKNOWN);

    (void)state;
    append(o, 0, 35 * LEAF_BYTES);
    assert_string_equal(batches_of(o), "1 2 4 8 16 4 ");
    append(o, 35 * LEAF_BYTES, 1);
    assert_int_equal(object_finish(o), 0);
    assert_string_equal(batches_of(o), "1 2 4 8 16 4 final 1 ");
    object_unref(o);
}

/* |from| as a peer has it. */
static struct object *copied(struct object *from)
{
    struct object *o = make_of_peer(UNKNOWN);

    for (uint32_t n = 0, at = 0; n < from->more->proof->batches_n; n++) {
        const struct leaf_batch *b = &from->more->proof->batches[n];
        assert_int_equal(object_add_batch(o, b, b->count > 0 ? &object_hashes(from)[b->first] : NULL), 0);
        for (; at < b->first + b->count; at++) {
            uint8_t *raw = malloc(LEAF_BYTES);
            assert_non_null(raw);
            memcpy(raw, body + (uint64_t)at * LEAF_BYTES, LEAF_BYTES);
            assert_int_equal(object_add_leaf(o, raw, LEAF_BYTES, NULL, 0), 0);
        }
    }
    assert_int_equal(object_finish(o), 0);
    return o;
}

/* Who reads by the small ones goes on with them. */
static void batches_are_made_anew_when_no_peer_reads(void **state)
{
    struct object *o = make(UNKNOWN), *copy;
    struct reader peer, viewer;

    (void)state;
    append(o, 0, 5 * LEAF_BYTES);
    assert_string_equal(batches_of(o), "1 2 2 ");
    object_batch_anew(o);
    assert_string_equal(batches_of(o), "1 2 2 "); /* not complete yet */
    assert_int_equal(object_finish(o), 0);
    assert_string_equal(batches_of(o), "1 2 2 final 0 ");
    reader_init(&peer, true);
    reader_init(&viewer, false);
    reader_attach(&peer, o);
    reader_attach(&viewer, o);
    object_batch_anew(o);
    assert_string_equal(batches_of(o), "1 2 2 final 0 ");
    copy = copied(o);
    object_batch_anew(copy);
    assert_string_equal(batches_of(copy), "1 2 2 final 0 "); /* another's, and we cannot sign for it */
    reader_detach(&peer);
    object_batch_anew(o);
    assert_string_equal(batches_of(o), "final 5 ");
    const struct leaf_batch *b = object_batch(o, 0);
    struct leaf_claim c = claim_of(o);
    assert_int_equal(leaf_verify_batch(b, ann.sign_key, &c), 0);
    struct digest chain;
    leaf_chain_start(&chain, o->head->generation);
    for (uint32_t i = 0; i < 5; i++)
        leaf_chain_step(&chain, &object_hashes(o)[i]);
    assert_true(digest_eq(&chain, &b->chain));
    object_batch_anew(o);
    assert_ptr_equal(object_batch(o, 4), b); /* there are no fewer */
    reader_detach(&viewer);
    object_unref(o);
    object_unref(copy);
}

static void batches_take_what_is_there(void **state)
{
    struct object *o = make(UNKNOWN);

    (void)state;
    assert_string_equal(batches_of(o), "");
    append(o, 0, LEAF_BYTES - 1);
    assert_string_equal(batches_of(o), "");
    append(o, LEAF_BYTES - 1, 1);
    assert_string_equal(batches_of(o), "1 ");
    append(o, LEAF_BYTES, LEAF_BYTES + 5);
    assert_string_equal(batches_of(o), "1 1 "); /* two were due, one is there */
    append(o, 2 * LEAF_BYTES + 5, 6 * LEAF_BYTES - 5);
    assert_string_equal(batches_of(o), "1 1 4 2 ");
    assert_int_equal(object_finish(o), 0);
    assert_string_equal(batches_of(o), "1 1 4 2 final 0 "); /* the end came after its last leaf */
    object_unref(o);
}

/* ---- slips ---- */

static void check_slip(const struct object *o, uint32_t i, uint32_t offset, uint32_t len)
{
    struct leaf_claim c = claim_of(o);
    const struct object_slip *s = &o->fill->slips[i];
    const uint8_t *bytes = body + (uint64_t)o->leaves_n * LEAF_BYTES + offset;

    assert_int_equal(s->offset, offset);
    assert_int_equal(s->len, len);
    assert_int_equal(leaf_verify_slip(s->sig, ann.sign_key, &c, o->leaves_n, offset, slice_of(bytes, len)), 0);
    assert_int_equal(leaf_verify_slip(s->sig, ann.sign_key, &c, o->leaves_n + 1, offset, slice_of(bytes, len)),
                     MESH_E_SIGNATURE);
}

static void slips_cover_the_open_leaf_without_gaps(void **state)
{
    struct object *o = make(UNKNOWN);

    (void)state;
    append(o, 0, LEAF_BYTES);
    object_slip(o); /* nothing is open */
    assert_int_equal(o->fill->slips_n, 0);
    assert_true(o->fill->tail_since == MESH_NS_NEVER);
    append(o, LEAF_BYTES, 10);
    assert_true(o->fill->tail_since == SEC(1));
    assert_int_equal(object_append(o, SEC(2), slice_of(body + LEAF_BYTES + 10, 5)), 0);
    assert_true(o->fill->tail_since == SEC(1)); /* its oldest byte */
    object_slip(o);
    object_slip(o);
    assert_int_equal(o->fill->slips_n, 1);
    check_slip(o, 0, 0, 15);
    assert_true(o->fill->tail_since == MESH_NS_NEVER);
    for (uint32_t i = 1; i < 20; i++) {
        append(o, LEAF_BYTES + 14 + i, 1);
        object_slip(o);
        check_slip(o, i, 14 + i, 1);
    }
    assert_int_equal(o->fill->slipped, 34);
    append(o, LEAF_BYTES + 34, LEAF_BYTES); /* closes it: slips are of the open leaf only */
    assert_int_equal(o->fill->slips_n, 0);
    assert_int_equal(o->fill->slipped, 0);
    object_slip(o);
    check_slip(o, 0, 0, 34);
    assert_int_equal(object_finish(o), 0);
    assert_null(o->fill);
    object_slip(o); /* nothing is open */
    assert_true(object_bytes(o) == memory.bytes);
    object_unref(o);
}

static int add_slip(struct object *o, uint32_t offset, uint32_t len)
{
    struct object_slip s = { .offset = offset, .len = len };
    return object_add_slip(o, &s, slice_of(body + (uint64_t)o->leaves_n * LEAF_BYTES + offset, len));
}

static void a_peers_slips_join(void **state)
{
    struct object *o = make_of_peer(UNKNOWN);
    struct object_slip liar = { .offset = 0, .len = 2 };

    (void)state;
    assert_int_equal(add_slip(o, 1, 1), MESH_E_STATE);
    assert_int_equal(object_add_slip(o, &liar, slice_of(body, 1)), MESH_E_STATE);
    assert_int_equal(add_slip(o, 0, 10), 0);
    assert_int_equal(add_slip(o, 0, 10), MESH_E_STATE);
    assert_int_equal(add_slip(o, 11, 1), MESH_E_STATE);
    assert_int_equal(add_slip(o, 10, 0), MESH_E_STATE);
    assert_int_equal(add_slip(o, 10, 90), 0);
    check_readable(o, 0, 100);
    assert_int_equal(add_slip(o, 100, LEAF_BYTES - 99), MESH_E_STATE); /* beyond the leaf */
    object_slip(o);
    assert_int_equal(o->fill->slips_n, 2); /* not ours to sign */
    /* The whole leaf takes their place. */
    uint8_t *raw = malloc(LEAF_BYTES);
    assert_non_null(raw);
    memcpy(raw, body, LEAF_BYTES);
    assert_int_equal(object_add_leaf(o, raw, LEAF_BYTES, NULL, 0), 0);
    assert_int_equal(o->fill->slips_n, 0);
    check_readable(o, 0, LEAF_BYTES);
    assert_int_equal(add_slip(o, 0, LEAF_BYTES), 0); /* a leaf in one slip */
    check_readable(o, 0, 2 * LEAF_BYTES);
    assert_true(object_bytes(o) == memory.bytes);
    object_unref(o);
}

/* The room for a small body lies behind its object. */
static void slips_are_no_longer_than_announced(void **state)
{
    struct object *o = make_of_peer(100);
    uint64_t before = object_bytes(o);

    (void)state;
    assert_int_equal(add_slip(o, 0, 101), MESH_E_RANGE);
    assert_int_equal(add_slip(o, 0, 60), 0);
    assert_int_equal(add_slip(o, 60, 41), MESH_E_RANGE);
    check_readable(o, 0, 60);
    uint8_t *raw = malloc(100);
    assert_non_null(raw);
    memcpy(raw, body, 100);
    assert_int_equal(object_add_leaf(o, raw, 100, NULL, 0), 0);
    check_readable(o, 0, 100);
    assert_true(object_bytes(o) == before + object_cost(o->fill->slips_cap * sizeof(struct object_slip)));
    object_trim(o, 1, 0);
    assert_int_equal(object_first_held(o), 1);
    object_unref(o);
}

/* ---- packing ---- */

static void leaves_are_packed_once_where_it_pays(void **state)
{
    static uint8_t text[LEAF_BYTES];
    struct zpack *z = zpack_new();
    struct object *o = make(UNKNOWN);
    uint8_t back[LEAF_BYTES];

    (void)state;
    assert_non_null(z);
    memset(text, 'a', sizeof(text));
    assert_int_equal(object_append(o, 0, SLICE_OF(text)), 0);
    append(o, 0, LEAF_BYTES); /* noise */
    assert_int_equal(object_append(o, 0, slice_of(text, ZPACK_MIN - 1)), 0);
    assert_int_equal(object_finish(o), 0);
    uint64_t before = memory.bytes;
    assert_true(object_packed(o, 0, z));
    assert_true(object_leaf(o, 0)->packed_len < 1000);
    assert_true(memory.bytes == before + object_cost(object_leaf(o, 0)->packed_len) && object_bytes(o) == memory.bytes);
    const uint8_t *first = object_leaf(o, 0)->packed;
    assert_true(object_packed(o, 0, z));
    assert_ptr_equal(object_leaf(o, 0)->packed, first);
    assert_int_equal(zpack_inflate(z, slice_of(first, object_leaf(o, 0)->packed_len), back, LEAF_BYTES), 0);
    assert_memory_equal(back, text, LEAF_BYTES);
    assert_false(object_packed(o, 1, z));
    assert_false(object_packed(o, 1, z));
    assert_false(object_packed(o, 2, z));
    assert_true(memory.bytes == before + object_cost(object_leaf(o, 0)->packed_len));
    object_trim(o, 2, 0); /* gone with what was packed */
    object_unref(o);
    zpack_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_head_is_signed_when_asked_for),
        TEST(one_signature_over_a_small_object),
        TEST(a_whole_body_has_few_batches),
        TEST(batches_ramp_up_while_the_body_comes),
        TEST(batches_are_made_anew_when_no_peer_reads),
        TEST(batches_take_what_is_there),
        TEST(slips_cover_the_open_leaf_without_gaps),
        TEST(a_peers_slips_join),
        TEST(slips_are_no_longer_than_announced),
        TEST(leaves_are_packed_once_where_it_pays),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, start, NULL);
}
