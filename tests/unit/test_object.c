/* test_object.c - a body on the grid: filled by us or by a peer, proved, read, trimmed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/core/object.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define UNKNOWN    UINT64_MAX
#define GENERATION 77
#define BODY_MAX   (40 * LEAF_BYTES)

static struct authority authority;
static struct identity ann;
static struct object_memory memory;
static uint8_t body[BODY_MAX];

static int start(void **state)
{
    struct rand r = rand_of(1, 1, 1);
    const struct admission what = { .name = SLICE_LIT("ann"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };

    (void)state;
    authority_make(&authority, 16);
    assert_int_equal(authority_admit(&ann, &authority, &what), 0);
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)rand_u64(&r);
    return 0;
}

/* Whatever a test did: nothing may be held at its end. */
static int end(void **state)
{
    (void)state;
    bool clean = memory.bytes == 0;
    memory.bytes = 0;
    return clean ? 0 : -1;
}

static struct object *make_of(uint64_t length, uint16_t status, const char *etag, const struct identity *self,
                              struct signer *signer)
{
    struct head h = { .generation = GENERATION, .status = status, .fetched_s = 1, .has_length = length != UNKNOWN };
    struct buf b = BUF_EMPTY;

    h.length = h.has_length ? length : 0;
    h.key.bytes[0] = 7;
    fields_add(&h.fields, SLICE_LIT("Date"), SLICE_LIT("today"));
    if (etag != NULL)
        fields_add(&h.fields, SLICE_LIT("ETag"), slice_str(etag));
    assert_int_equal(head_encode(&b, &h), 0);
    struct object *o = object_new(&memory, buf_slice(&b), self, signer);
    assert_non_null(o);
    buf_free(&b);
    return o;
}

static struct object *make(uint64_t length)
{
    return make_of(length, 200, "\"1\"", &ann, NULL);
}

static struct object *make_of_peer(uint64_t length)
{
    struct signer *s = signer_new(&ann.cert, identity_cert(&ann));
    struct object *o = make_of(length, 200, "\"1\"", NULL, s);
    signer_unref(s);
    return o;
}

static void append(struct object *o, uint64_t from, uint64_t len)
{
    assert_int_equal(object_append(o, SEC(1), slice_of(body + from, len)), 0);
    assert_true(o->bytes <= memory.bytes);
}

static struct object *filled(uint64_t length, bool announced)
{
    struct object *o = make(announced ? length : UNKNOWN);
    append(o, 0, length);
    return o;
}

static struct object *whole(uint64_t length)
{
    struct object *o = filled(length, true);
    assert_int_equal(object_finish(o), 0);
    return o;
}

/* What can be read from |at| on is the body's from there. */
static void check_readable(const struct object *o, uint64_t at, uint64_t available)
{
    struct slice pieces[3];
    size_t n;

    assert_true(object_available(o) == available);
    while ((n = object_read(o, at, pieces, COUNT(pieces))) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(pieces[i].len > 0 && pieces[i].len <= LEAF_BYTES && at + pieces[i].len <= available);
            assert_memory_equal(pieces[i].data, body + at, pieces[i].len);
            at += pieces[i].len;
        }
    }
    assert_true(at >= available);
}

static void check_grid(const struct object *o, uint64_t length)
{
    assert_int_equal(o->leaves_n, leaf_count(length));
    assert_int_equal(o->hashes_n, o->leaves_n);
    for (uint32_t i = 0; i < o->leaves_n; i++) {
        struct digest d;
        uint64_t from = (uint64_t)i * LEAF_BYTES, left = length - from;
        assert_int_equal(o->leaves[i].raw_len, left < LEAF_BYTES ? left : LEAF_BYTES);
        leaf_hash(&d, slice_of(body + from, o->leaves[i].raw_len));
        assert_true(digest_eq(&d, &o->hashes[i]));
    }
}

static const uint64_t lengths[] = {
    0, 1, 127, 1023, 1024, 1025, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 2 * LEAF_BYTES, 3 * LEAF_BYTES + 5
};

/* ---- filling ---- */

static void bodies_lie_on_the_grid(void **state)
{
    static const size_t pieces[] = { 1000, LEAF_BYTES, 4096, 70000, BODY_MAX };

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (size_t k = 0; k < 2 * COUNT(pieces); k++) {
            bool announced = k % 2 == 0;
            struct object *o = make(announced ? lengths[i] : UNKNOWN);
            size_t piece = pieces[k / 2];
            for (uint64_t at = 0; at < lengths[i]; at += piece) {
                append(o, at, lengths[i] - at < piece ? lengths[i] - at : piece);
                check_readable(o, at, at + (lengths[i] - at < piece ? lengths[i] - at : piece));
            }
            assert_int_equal(o->state, OBJECT_FILLING);
            assert_int_equal(o->has_length, announced);
            assert_int_equal(object_finish(o), 0);
            assert_int_equal(o->state, OBJECT_COMPLETE);
            assert_true(o->has_length && o->length == lengths[i] && o->tail == NULL && o->tail_len == 0);
            check_grid(o, lengths[i]);
            check_readable(o, 0, lengths[i]);
            /* Nothing is held beyond the body and what it is held in. */
            assert_true(memory.bytes >= lengths[i] && memory.bytes < lengths[i] + 2000);
            object_unref(o);
            assert_true(memory.bytes == 0);
        }
    }
}

static void any_split_gives_the_same_leaves(void **state)
{
    const uint64_t length = 2 * LEAF_BYTES + 3;

    (void)state;
    for (uint64_t at = 0; at <= length; at++) {
        /* Each split near an edge, and some between. */
        if (at % LEAF_BYTES > 5 && at % LEAF_BYTES < LEAF_BYTES - 5 && at % 9973 != 0)
            continue;
        struct object *o = make(at % 2 == 0 ? length : UNKNOWN);
        append(o, 0, at);
        assert_int_equal(o->leaves_n, at / LEAF_BYTES);
        assert_int_equal(o->tail_len, at % LEAF_BYTES);
        check_readable(o, 0, at);
        append(o, at, length - at);
        assert_int_equal(object_finish(o), 0);
        check_grid(o, length);
        object_unref(o);
    }
}

static void a_body_is_no_longer_than_announced(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct object *o = make(lengths[i]);
        assert_int_equal(object_append(o, 0, slice_of(body, lengths[i] + 1)), MESH_E_RANGE);
        check_readable(o, 0, 0); /* nothing of it was taken */
        append(o, 0, lengths[i]);
        assert_int_equal(object_append(o, 0, slice_of(body, 1)), MESH_E_RANGE);
        append(o, 0, 0);
        assert_int_equal(object_finish(o), 0);
        object_unref(o);
    }
}

static void a_body_is_no_shorter_than_announced(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT(lengths); i++) {
        struct object *o = make(lengths[i]);
        append(o, 0, lengths[i] - 1);
        assert_int_equal(object_finish(o), MESH_E_SHORT);
        assert_int_equal(o->state, OBJECT_FILLING);
        check_readable(o, 0, lengths[i] - 1);
        object_fail(o);
        assert_int_equal(o->state, OBJECT_FAILED);
        check_readable(o, 0, lengths[i] - 1); /* what is there stays readable */
        object_unref(o);
    }
}

static void a_complete_body_does_not_fail_any_more(void **state)
{
    struct object *o = whole(10);

    (void)state;
    object_fail(o);
    assert_int_equal(o->state, OBJECT_COMPLETE);
    object_unref(o);
}

/* ---- a copy of a peer's ---- */

static void take_batch(struct object *to, struct object *from)
{
    const struct leaf_batch *b = object_batch(from, to->batched);
    assert_non_null(b);
    assert_int_equal(object_add_batch(to, b, b->count > 0 ? &from->hashes[b->first] : NULL), 0);
}

static void take_leaf(struct object *to, const struct object *from)
{
    const struct object_leaf *l = &from->leaves[to->leaves_n];
    uint8_t *raw = malloc(l->raw_len), *packed = malloc(10);
    assert_true(raw != NULL && packed != NULL);
    memcpy(raw, l->raw, l->raw_len);
    assert_int_equal(object_add_leaf(to, raw, l->raw_len, packed, 10), 0);
    assert_true(memory.bytes == to->bytes + from->bytes);
}

static void a_peers_copy_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (int announced = 0; announced <= 1; announced++) {
            struct object *from = whole(lengths[i]);
            struct object *to = make_of_peer(announced ? lengths[i] : UNKNOWN);
            while (to->batches_n == 0 || !to->batches[to->batches_n - 1].final) {
                take_batch(to, from);
                while (to->leaves_n < to->hashes_n) {
                    take_leaf(to, from);
                    uint64_t there = (uint64_t)to->leaves_n * LEAF_BYTES;
                    check_readable(to, 0, there < lengths[i] ? there : lengths[i]);
                }
            }
            to->has_length = true;
            to->length = lengths[i];
            assert_int_equal(object_finish(to), 0);
            check_grid(to, lengths[i]);
            check_readable(to, 0, lengths[i]);
            assert_int_equal(object_same(from, to, lengths[i]), 1);
            object_unref(from);
            object_unref(to);
        }
    }
}

static void batches_come_in_order(void **state)
{
    struct object *from = whole(5 * LEAF_BYTES), *to = make_of_peer(UNKNOWN);

    (void)state;
    assert_non_null(object_batch(from, 0));
    assert_non_null(object_batch(from, 1));
    struct leaf_batch copy = *object_batch(from, 2);
    assert_int_equal(copy.first, 1);
    assert_null(object_batch(to, 5)); /* a peer's copy has what came */
    assert_int_equal(object_add_batch(to, &copy, &from->hashes[1]), MESH_E_STATE);
    take_batch(to, from);
    assert_int_equal(object_add_batch(to, object_batch(from, 0), from->hashes), MESH_E_STATE);
    assert_int_equal(object_add_batch(to, &copy, &from->hashes[1]), 0);
    assert_int_equal(to->hashes_n, 3);
    assert_int_equal(to->leaves_n, 0); /* hashes may run ahead */
    object_unref(from);
    object_unref(to);
}

/* ---- proofs ---- */

static struct leaf_claim claim_of(const struct object *o)
{
    struct leaf_claim c;
    object_claim(o, &c);
    assert_true(c.generation == GENERATION && node_id_eq(c.signer, &ann.cert.id) && c.key->bytes[0] == 7);
    return c;
}

static void the_head_is_signed_when_asked_for(void **state)
{
    struct object *o = make(UNKNOWN), *copy = make_of_peer(UNKNOWN);
    struct leaf_claim c = claim_of(o);

    (void)state;
    assert_false(o->has_head_sig);
    assert_true(object_sign_head(o));
    assert_int_equal(leaf_verify_head(o->head_sig, ann.sign_key, &c, slice_of(o->head_raw, o->head_len)), 0);
    assert_int_equal(leaf_verify_head(o->head_sig, ann.sign_key, &c, slice_of(o->head_raw, o->head_len - 1)),
                     MESH_E_SIGNATURE);
    assert_false(object_sign_head(copy)); /* it is not ours to sign */
    assert_false(object_sign_one(copy));
    c = claim_of(copy);
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
        struct slice head = slice_of(o->head_raw, o->head_len);
        assert_int_equal(leaf_verify_one(o->one_sig, ann.sign_key, &c, head, &leaf, small[i]), 0);
        assert_int_equal(leaf_verify_one(o->one_sig, ann.sign_key, &c, head, &leaf, small[i] + 1), MESH_E_SIGNATURE);
        object_unref(o);
    }
    struct object *o = whole(LEAF_BYTES + 1);
    assert_false(object_sign_one(o));
    object_unref(o);
}

/* Checks one batch as a receiver would. */
static void check_batch(const struct object *o, const struct leaf_batch *b, struct digest *chain)
{
    struct leaf_claim c = claim_of(o);
    struct leaf_batch got = *b;

    for (uint32_t i = 0; i < b->count; i++)
        leaf_chain_step(chain, &o->hashes[b->first + i]);
    got.chain = *chain;
    assert_int_equal(leaf_verify_batch(&got, ann.sign_key, &c), 0);
    got.chain.bytes[0] ^= 1;
    assert_int_equal(leaf_verify_batch(&got, ann.sign_key, &c), MESH_E_SIGNATURE);
}

/* The batches' sizes, the final one's behind "final". */
static const char *batches_of(struct object *o)
{
    static char text[200];
    struct digest chain;
    uint32_t leaf = 0;
    size_t n = 0;

    text[0] = '\0';
    leaf_chain_start(&chain, GENERATION);
    for (;;) {
        const struct leaf_batch *b = object_batch(o, leaf);
        if (b == NULL)
            break;
        assert_int_equal(b->first, leaf);
        assert_ptr_equal(b, &o->batches[n++]);
        check_batch(o, b, &chain);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u ", b->final ? "final " : "", b->count);
        leaf += b->count;
        if (b->final) {
            assert_true(b->length == o->length);
            break;
        }
    }
    return text;
}

static void batches_ramp_up_and_end_with_final(void **state)
{
    static const struct {
        uint64_t length;
        const char *batches;
    } rows[] = {
        { 0, "final 0 " },
        { 1, "final 1 " },
        { LEAF_BYTES, "final 1 " },
        { LEAF_BYTES + 1, "1 final 1 " },
        { 3 * LEAF_BYTES, "1 final 2 " },
        { 3 * LEAF_BYTES + 1, "1 2 final 1 " },
        { 15 * LEAF_BYTES, "1 2 4 final 8 " },
        { 31 * LEAF_BYTES, "1 2 4 8 final 16 " },
        { 40 * LEAF_BYTES - 1, "1 2 4 8 16 final 9 " },
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
        assert_true(o->bytes == memory.bytes);
        object_unref(o);
    }
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
    const struct object_slip *s = &o->slips[i];
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
    assert_int_equal(o->slips_n, 0);
    assert_true(o->tail_since == MESH_NS_NEVER);
    append(o, LEAF_BYTES, 10);
    assert_true(o->tail_since == SEC(1));
    assert_int_equal(object_append(o, SEC(2), slice_of(body + LEAF_BYTES + 10, 5)), 0);
    assert_true(o->tail_since == SEC(1)); /* its oldest byte */
    object_slip(o);
    object_slip(o);
    assert_int_equal(o->slips_n, 1);
    check_slip(o, 0, 0, 15);
    assert_true(o->tail_since == MESH_NS_NEVER);
    for (uint32_t i = 1; i < 20; i++) {
        append(o, LEAF_BYTES + 14 + i, 1);
        object_slip(o);
        check_slip(o, i, 14 + i, 1);
    }
    assert_int_equal(o->slipped, 34);
    append(o, LEAF_BYTES + 34, LEAF_BYTES); /* closes it: slips are of the open leaf only */
    assert_int_equal(o->slips_n, 0);
    assert_int_equal(o->slipped, 0);
    object_slip(o);
    check_slip(o, 0, 0, 34);
    assert_int_equal(object_finish(o), 0);
    assert_int_equal(o->slips_n, 0);
    object_slip(o);
    assert_int_equal(o->slips_n, 0);
    assert_true(o->bytes == memory.bytes);
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
    assert_int_equal(o->slips_n, 2); /* not ours to sign */
    /* The whole leaf takes their place. */
    uint8_t *raw = malloc(LEAF_BYTES);
    assert_non_null(raw);
    memcpy(raw, body, LEAF_BYTES);
    assert_int_equal(object_add_leaf(o, raw, LEAF_BYTES, NULL, 0), 0);
    assert_int_equal(o->slips_n, 0);
    check_readable(o, 0, LEAF_BYTES);
    assert_int_equal(add_slip(o, 0, LEAF_BYTES), 0); /* a leaf in one slip */
    check_readable(o, 0, 2 * LEAF_BYTES);
    assert_true(o->bytes == memory.bytes);
    object_unref(o);
}

/* ---- the same bytes? ---- */

static void two_copies_are_compared_as_far_as_was_read(void **state)
{
    const uint64_t length = 2 * LEAF_BYTES + 100;
    struct object *a = filled(length, true);

    (void)state;
    for (uint64_t have = 0; have <= length; have += have % LEAF_BYTES == 0 ? 50 : LEAF_BYTES - 50) {
        struct object *b = make(length);
        append(b, 0, have);
        /* b reaches so far, but a leaf that is whole in a must be whole in b to be compared. */
        for (uint64_t read = 0; read <= length; read += read % LEAF_BYTES == 0 ? 50 : LEAF_BYTES - 50) {
            bool enough = read <= have && (read / LEAF_BYTES == 2 || leaf_count(read) <= have / LEAF_BYTES);
            assert_int_equal(object_same(a, b, read), enough ? 1 : -1);
        }
        object_fail(b); /* what is not there now never will be */
        assert_int_equal(object_same(a, b, have + 1), 0);
        object_unref(b);
    }
    object_unref(a);
}

static void another_body_is_noticed(void **state)
{
    const uint64_t length = 2 * LEAF_BYTES + 100;
    static const uint64_t at[] = { 0, 5, LEAF_BYTES - 1, LEAF_BYTES, 2 * LEAF_BYTES, 2 * LEAF_BYTES + 99 };

    (void)state;
    for (size_t i = 0; i < COUNT(at); i++) {
        struct object *a = filled(length, false), *b = make(UNKNOWN);
        body[at[i]] ^= 1;
        append(b, 0, length);
        body[at[i]] ^= 1;
        assert_int_equal(object_same(a, b, length), 0);
        assert_int_equal(object_same(a, b, at[i] + 1), 0);
        /* In a's open leaf only what was read counts; a whole leaf counts whole. */
        bool open = at[i] / LEAF_BYTES == 2;
        assert_int_equal(object_same(a, b, at[i]), open || at[i] % LEAF_BYTES == 0 ? 1 : 0);
        object_unref(a);
        object_unref(b);
    }
}

static void another_head_is_another_copy(void **state)
{
    struct object *a = make(100),
                  *others[] = { make_of(100, 404, "\"1\"", &ann, NULL), make_of(100, 200, "\"2\"", &ann, NULL),
                                make_of(100, 200, "W/\"1\"", &ann, NULL), make_of(100, 200, NULL, &ann, NULL),
                                make(101) };

    (void)state;
    append(a, 0, 0);
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(object_same(a, others[i], 0), 0);
        assert_int_equal(object_same(others[i], a, 0), 0);
        object_unref(others[i]);
    }
    object_unref(a);
}

static void a_promised_length_must_turn_out_right(void **state)
{
    (void)state;
    for (uint64_t length = 99; length <= 101; length++) {
        struct object *a = make(100), *b = make(UNKNOWN);
        append(a, 0, 50);
        append(b, 0, length);
        assert_int_equal(object_same(b, a, 50), 1); /* none was promised */
        assert_int_equal(object_same(a, b, 50), -1);
        b->pass_through = true; /* it cannot be waited for */
        assert_int_equal(object_same(a, b, 50), 0);
        b->pass_through = false;
        assert_int_equal(object_finish(b), 0);
        assert_int_equal(object_same(a, b, 50), length == 100);
        object_unref(a);
        object_unref(b);
    }
}

/* ---- readers and the window ---- */

static void readers_hold_what_they_read(void **state)
{
    struct object *a = whole(10), *b = whole(20);
    struct reader r, s;

    (void)state;
    reader_init(&r, false);
    reader_init(&s, true);
    assert_int_equal(object_fastest(a), 0);
    reader_attach(&r, a);
    reader_attach(&s, a);
    r.at = LEAF_BYTES - 1;
    s.at = 7 * LEAF_BYTES;
    assert_int_equal(object_fastest(a), 7);
    reader_detach(&s);
    assert_int_equal(object_fastest(a), 0);
    object_unref(a);
    check_readable(r.object, 0, 10);
    reader_attach(&r, r.object); /* to itself */
    check_readable(r.object, 0, 10);
    reader_attach(&r, b); /* lets the old one go */
    assert_true(memory.bytes == b->bytes);
    reader_detach(&r);
    assert_null(r.object);
    reader_detach(&r);
    object_unref(b);
}

static void a_window_moves_with_the_fastest_reader(void **state)
{
    struct object *o = make(UNKNOWN);
    struct slice piece;

    (void)state;
    append(o, 0, 20 * LEAF_BYTES + 7);
    uint64_t before = memory.bytes;
    object_trim(o, 20, 20);
    assert_int_equal(o->first_held, 0); /* no more than the window is there */
    object_trim(o, 3, 10);
    assert_int_equal(o->first_held, 3); /* never beyond the fastest */
    object_trim(o, 20, 10);
    assert_int_equal(o->first_held, 10);
    object_trim(o, 20, 10);
    assert_int_equal(o->first_held, 10);
    assert_true(memory.bytes == before - 10 * LEAF_BYTES);
    assert_int_equal(object_read(o, 9 * LEAF_BYTES, &piece, 1), 0);
    check_readable(o, 10 * LEAF_BYTES, 20 * LEAF_BYTES + 7);
    /* The hashes stay: batches still cover the whole. */
    assert_string_equal(batches_of(o), "1 2 4 8 5 ");
    object_trim(o, UINT32_MAX, 0);
    assert_int_equal(o->first_held, 20);
    check_readable(o, 20 * LEAF_BYTES, 20 * LEAF_BYTES + 7);
    assert_int_equal(object_finish(o), 0);
    check_readable(o, 20 * LEAF_BYTES, 20 * LEAF_BYTES + 7);
    object_unref(o);
}

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
    assert_true(o->leaves[0].packed_len < 1000);
    assert_true(memory.bytes == before + o->leaves[0].packed_len && o->bytes == memory.bytes);
    const uint8_t *first = o->leaves[0].packed;
    assert_true(object_packed(o, 0, z));
    assert_ptr_equal(o->leaves[0].packed, first);
    assert_int_equal(zpack_inflate(z, slice_of(first, o->leaves[0].packed_len), back, LEAF_BYTES), 0);
    assert_memory_equal(back, text, LEAF_BYTES);
    assert_false(object_packed(o, 1, z));
    assert_false(object_packed(o, 1, z));
    assert_false(object_packed(o, 2, z));
    assert_true(memory.bytes == before + o->leaves[0].packed_len);
    object_trim(o, 2, 0); /* gone with what was packed */
    object_unref(o);
    zpack_free(z);
}

static void a_head_that_does_not_decode_makes_no_object(void **state)
{
    struct object *o = object_new(&memory, SLICE_LIT("\x80"), &ann, NULL);

    (void)state;
    assert_null(o);
    assert_null(object_new(&memory, SLICE_EMPTY, &ann, NULL));
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bodies_lie_on_the_grid),
        TEST(any_split_gives_the_same_leaves),
        TEST(a_body_is_no_longer_than_announced),
        TEST(a_body_is_no_shorter_than_announced),
        TEST(a_complete_body_does_not_fail_any_more),
        TEST(a_peers_copy_is_the_same),
        TEST(batches_come_in_order),
        TEST(the_head_is_signed_when_asked_for),
        TEST(one_signature_over_a_small_object),
        TEST(batches_ramp_up_and_end_with_final),
        TEST(batches_take_what_is_there),
        TEST(slips_cover_the_open_leaf_without_gaps),
        TEST(a_peers_slips_join),
        TEST(two_copies_are_compared_as_far_as_was_read),
        TEST(another_body_is_noticed),
        TEST(another_head_is_another_copy),
        TEST(a_promised_length_must_turn_out_right),
        TEST(readers_hold_what_they_read),
        TEST(a_window_moves_with_the_fastest_reader),
        TEST(leaves_are_packed_once_where_it_pays),
        TEST(a_head_that_does_not_decode_makes_no_object),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, start, NULL);
}
