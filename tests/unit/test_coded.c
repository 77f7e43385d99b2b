/* test_coded.c - an object's body in a coding: made once, a leaf at a time, the same at whatever pace the body comes;
 * its bytes are the object's, and go with it. As zstd it is the frames that nodes exchange. */
#include "decoded.h"
#include "object_parts.h"

#include "node/core/coded.h"

static struct coders coders;
static struct zpack *zpack;

static int start_text(void **state)
{
    struct rand r = rand_of(7, 8, 9);

    start(state);
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t) "the small roads meet"[rand_u64(&r) % 20];
    coders_init(&coders);
    zpack = zpack_new();
    assert_non_null(zpack);
    return 0;
}

static int stop_text(void **state)
{
    (void)state;
    zpack_free(zpack);
    return 0;
}

/* Does all that is to be done, and says in how many turns; no turn takes more than a leaf. */
static unsigned work(void)
{
    unsigned turns = 0;

    for (struct list *first; (first = list_first(&coders.turns)) != NULL; turns++) {
        struct coded *c = OBJ_OF(first, struct coded, turn);
        uint64_t before = coders.bytes_in;
        assert_true(coded_ready(c));
        assert_int_equal(coded_step(c, zpack), 0);
        assert_true(coders.bytes_in - before <= LEAF_BYTES);
        assert_true(object_bytes(c->object) <= memory.bytes);
    }
    return turns;
}

/* All that there is from |at| on. */
static void read_on(const struct coded *c, struct coded_place *at, size_t max, struct buf *out)
{
    struct slice pieces[8];
    size_t n;

    while ((n = coded_read(c, *at, pieces, max)) > 0) {
        size_t bytes = 0;
        for (size_t i = 0; i < n; i++) {
            assert_true(pieces[i].len > 0);
            buf_add_slice(out, pieces[i]);
            bytes += pieces[i].len;
        }
        assert_false(coded_over(c, *at));
        coded_take(c, at, bytes);
    }
    assert_int_equal(out->len, c->length);
    assert_int_equal(coded_seen(c, *at), c->in);
    assert_int_equal(coded_over(c, *at), c->done);
}

static void read_all(const struct coded *c, size_t max, struct buf *out)
{
    struct coded_place at = { 0 };

    read_on(c, &at, max, out);
}

static void check_coded(const struct coded *c, uint64_t length)
{
    struct buf out = BUF_EMPTY, back = BUF_EMPTY;

    assert_true(c->done && c->in == length && c->length < length);
    read_all(c, 8, &out);
    assert_true(decoded(c->coding, buf_slice(&out), length + 1, &back));
    assert_true(slice_eq(buf_slice(&back), slice_of(body, length)));
    buf_free(&out);
    buf_free(&back);
}

static void a_whole_body(void **state)
{
    static const uint64_t lengths[] = { 1000, LEAF_BYTES, LEAF_BYTES + 1, 5 * LEAF_BYTES, 9 * LEAF_BYTES + 77 };

    (void)state;
    for (int coding = CODING_GZIP; coding < CODINGS; coding++) {
        for (size_t i = 0; i < COUNT(lengths); i++) {
            struct object *o = whole(lengths[i]);
            uint64_t before = object_bytes(o);
            struct coded *c = coded_open(&coders, o, (enum coding)coding, false);
            assert_non_null(c);
            assert_ptr_equal(coded_open(&coders, o, (enum coding)coding, false), c); /* made once */
            assert_int_equal(coders.n, coding == CODING_ZSTD ? 0 : 1);
            /* An end that is too short to be packed is a frame as it is. */
            assert_int_equal(work(), coding == CODING_ZSTD ? (lengths[i] + LEAF_BYTES - ZPACK_MIN) / LEAF_BYTES
                                                           : leaf_count(lengths[i]));
            assert_int_equal(coders.n, 0);
            check_coded(c, lengths[i]);
            assert_false(coded_no_gain(o, (enum coding)coding));
            assert_true(object_bytes(o) >= before + c->length && memory.bytes == object_bytes(o));
            assert_true(object_bytes(o) <= before + c->length + 2048); /* and no room is kept that is not needed */
            object_unref(o);
            assert_int_equal(memory.bytes, 0);
        }
    }
}

static void the_pace_makes_no_difference(void **state)
{
    const uint64_t length = 9 * LEAF_BYTES + 77;

    (void)state;
    for (int coding = CODING_GZIP; coding < CODINGS; coding++) {
        struct object *at_once = whole(length), *slow = make(length);
        struct buf one = BUF_EMPTY, other = BUF_EMPTY;
        struct coded_place at_other = { 0 };
        struct coded *a = coded_open(&coders, at_once, (enum coding)coding, false);
        struct coded *b = coded_open(&coders, slow, (enum coding)coding, false);
        assert_true(a != NULL && b != NULL);
        for (uint64_t at = 0; at < length; at += 10007) {
            append(slow, at, length - at < 10007 ? length - at : 10007);
            coded_grew(slow);
            work();
            read_on(b, &at_other, 1, &other);
        }
        assert_false(b->done); /* its last leaf waits for the body to be complete */
        assert_int_equal(b->in, 9 * LEAF_BYTES);
        assert_int_equal(object_finish(slow), 0);
        coded_grew(slow);
        work();
        read_on(b, &at_other, 1, &other);
        read_all(a, 8, &one);
        assert_true(slice_eq(buf_slice(&one), buf_slice(&other)));
        check_coded(b, length);
        buf_free(&one);
        buf_free(&other);
        object_unref(at_once);
        object_unref(slow);
    }
}

/* Each viewer reads along: what was taken in so far can be decoded, but for less than four leaves; as zstd, all of it.
 */
static void who_reads_along_does_not_wait_long(void **state)
{
    (void)state;
    for (int coding = CODING_GZIP; coding < CODINGS; coding++) {
        struct object *o = make(20 * LEAF_BYTES);
        struct coded *c = coded_open(&coders, o, (enum coding)coding, false);
        assert_non_null(c);
        for (unsigned i = 1; i < 10; i++) {
            struct buf out = BUF_EMPTY, back = BUF_EMPTY;
            append(o, (i - 1) * LEAF_BYTES, LEAF_BYTES);
            coded_grew(o);
            assert_int_equal(work(), 1);
            read_all(c, 8, &out);
            assert_int_equal(decoded(c->coding, buf_slice(&out), 20 * LEAF_BYTES, &back), coding == CODING_ZSTD);
            assert_true(back.len >= (uint64_t)(coding == CODING_ZSTD ? i : i < 4 ? 1 : i / 4 * 4) * LEAF_BYTES);
            assert_true(slice_eq(buf_slice(&back), slice_of(body, back.len)));
            buf_free(&out);
            buf_free(&back);
        }
        object_unref(o); /* in the midst of it all */
        assert_int_equal(coders.n, 0);
    }
}

static void what_does_not_shrink_is_noted(void **state)
{
    struct rand r = rand_of(1, 2, 3);
    uint8_t noise[3000];

    (void)state;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)rand_u64(&r);
    for (int coding = CODING_GZIP; coding < CODINGS; coding++) {
        struct object *o = make(sizeof(noise));
        struct buf out = BUF_EMPTY, back = BUF_EMPTY;
        assert_int_equal(object_append(o, SEC(1), SLICE_OF(noise)), 0);
        assert_int_equal(object_finish(o), 0);
        struct coded *c = coded_open(&coders, o, (enum coding)coding, false);
        assert_non_null(c);
        work();
        assert_true(c->done && coded_no_gain(o, (enum coding)coding));
        read_all(c, 8, &out); /* who reads it gets it all the same */
        assert_true(decoded(c->coding, buf_slice(&out), sizeof(noise), &back));
        assert_true(slice_eq(buf_slice(&back), SLICE_OF(noise)));
        coded_drop(c);
        assert_null(coded_of(o, (enum coding)coding));
        assert_true(coded_no_gain(o, (enum coding)coding));
        buf_free(&out);
        buf_free(&back);
        object_unref(o);
    }
}

/* Leaves of text and of noise, and a short end. */
#define MIXED      (6 * LEAF_BYTES + 77)
#define MIXED_TEXT 0x15u /* a bit for each leaf of text */

static uint8_t mixed_body[MIXED];

static void make_mixed(void)
{
    struct rand r = rand_of(4, 4, 4);

    for (size_t i = 0; i < MIXED; i++)
        mixed_body[i] = (MIXED_TEXT >> i / LEAF_BYTES & 1) != 0 ? body[i] : (uint8_t)rand_u64(&r);
}

static struct object *mixed(void)
{
    struct object *o = make(MIXED);

    make_mixed();
    assert_int_equal(object_append(o, SEC(1), SLICE_OF(mixed_body)), 0);
    assert_int_equal(object_finish(o), 0);
    return o;
}

/* The same from a neighbour whose library packs otherwise. */
static struct object *mixed_of_peer(void)
{
    struct object *o = make_of_peer(MIXED);

    make_mixed();
    for (uint32_t i = 0; i < leaf_count(MIXED); i++) {
        size_t len = i < MIXED / LEAF_BYTES ? LEAF_BYTES : MIXED % LEAF_BYTES, packed_len = 0;
        uint8_t *raw = malloc(len), *packed = NULL;
        assert_non_null(raw);
        memcpy(raw, mixed_body + (size_t)i * LEAF_BYTES, len);
        if ((MIXED_TEXT >> i & 1) != 0) {
            packed = malloc(LEAF_BYTES);
            assert_non_null(packed);
            packed_len = ZSTD_compress(packed, LEAF_BYTES, raw, len, 1);
            assert_false(ZSTD_isError(packed_len));
        }
        assert_int_equal(object_add_leaf(o, raw, (uint32_t)len, packed, (uint32_t)packed_len), 0);
    }
    assert_int_equal(object_finish(o), 0);
    return o;
}

static void check_mixed(struct slice out)
{
    struct buf back = BUF_EMPTY;

    assert_true(decoded(CODING_ZSTD, out, MIXED + 1, &back));
    assert_true(slice_eq(buf_slice(&back), SLICE_OF(mixed_body)));
    buf_free(&back);
}

static void feat_R23_stored_frames_are_lent(void **state)
{
    struct object *o = mixed();
    struct slice pieces[20];

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        object_packed(o, i, zpack); /* as they went to another node */
    uint64_t before = object_bytes(o), bytes_in = coders.bytes_in;
    struct coded *c = coded_open(&coders, o, CODING_ZSTD, false);
    assert_non_null(c);
    assert_int_equal(work(), 2); /* those four and a fifth; the sixth, and the end, which is too short to be tried */
    assert_int_equal(coders.bytes_in, bytes_in);
    size_t n = coded_read(c, (struct coded_place){ 0 }, pieces, COUNT(pieces)), at = 0;
    for (uint32_t i = 0; i < o->leaves_n; i++) {
        const struct object_leaf *l = object_leaf(o, i);
        assert_int_equal(l->packed != NULL, (MIXED_TEXT >> i & 1) != 0);
        if (l->packed == NULL)
            assert_int_equal(pieces[at++].len, ZPACK_RAW_HEAD);
        assert_ptr_equal(pieces[at].data, l->packed != NULL ? l->packed : l->raw);
        assert_int_equal(pieces[at++].len, l->packed != NULL ? l->packed_len : l->raw_len);
    }
    assert_int_equal(n, at);
    assert_true(object_bytes(o) - before == object_cost(sizeof(struct object_more)) + object_cost(sizeof(*c)) +
                                                object_cost(object_leaf(o, 4)->packed_len)); /* nothing is held twice */
    assert_false(coded_no_gain(o, CODING_ZSTD));
    object_unref(o);
}

/* Wherever the copy is lost, what is left of the frame at hand comes from it, and all else from the other. */
static void feat_R23_a_copy_packed_otherwise_goes_on_at_a_leafs_end(void **state)
{
    struct object *o[] = { mixed(), mixed_of_peer() };
    struct coded *c[2];

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_non_null(c[i] = coded_open(&coders, o[i], CODING_ZSTD, false));
    work();
    assert_true(c[0]->done && c[1]->done && c[0]->length != c[1]->length);
    for (uint64_t cut = 0; cut < c[0]->length; cut += 1999) {
        struct coded_place at = { 0 };
        struct buf out = BUF_EMPTY, rest = BUF_EMPTY;
        struct slice piece;
        while (out.len < cut && coded_read(c[0], at, &piece, 1) == 1) {
            piece = slice_head(piece, cut - out.len);
            buf_add_slice(&out, piece);
            coded_take(c[0], &at, piece.len);
        }
        uint64_t seen = coded_seen(c[0], at);
        coded_leave(c[0], &at, &rest);
        assert_int_equal(at.at, 0);
        assert_true(seen == (uint64_t)at.leaf * LEAF_BYTES || (seen == MIXED && at.leaf == leaf_count(MIXED)));
        assert_true(rest.len <= LEAF_BYTES + ZPACK_RAW_HEAD);
        buf_add_slice(&out, buf_slice(&rest));
        while (coded_read(c[1], at, &piece, 1) == 1) {
            buf_add_slice(&out, piece);
            coded_take(c[1], &at, piece.len);
        }
        assert_true(coded_over(c[1], at));
        check_mixed(buf_slice(&out));
        buf_free(&rest);
        buf_free(&out);
    }
    object_unref(o[0]);
    object_unref(o[1]);
}

static void coders_are_few(void **state)
{
    struct object *o[CODERS_MAX + 2];

    (void)state;
    for (size_t i = 0; i < CODERS_MAX + 2; i++)
        o[i] = whole(1000);
    for (size_t i = 0; i < CODERS_MAX; i++)
        assert_non_null(coded_open(&coders, o[i], CODING_GZIP, false));
    assert_null(coded_open(&coders, o[CODERS_MAX], CODING_GZIP, false));
    assert_non_null(coded_open(&coders, o[CODERS_MAX + 1], CODING_GZIP, true)); /* who was promised one */
    assert_non_null(coded_open(&coders, o[CODERS_MAX], CODING_ZSTD, false));    /* which takes none */
    work();
    assert_int_equal(coders.n, 0);
    assert_non_null(coded_open(&coders, o[CODERS_MAX], CODING_GZIP, false));
    for (size_t i = 0; i < CODERS_MAX + 2; i++)
        object_unref(o[i]);
    assert_true(list_empty(&coders.turns));
    assert_int_equal(coders.n, 0);
}

static void a_body_that_fails_is_coded_no_further(void **state)
{
    struct object *o = make(3 * LEAF_BYTES);
    struct coded *c = coded_open(&coders, o, CODING_BR, false);

    (void)state;
    append(o, 0, 2 * LEAF_BYTES);
    coded_grew(o);
    assert_true(coded_ready(c));
    object_fail(o);
    assert_false(coded_ready(c));
    assert_int_equal(coded_step(c, zpack), 0);
    assert_true(c->in == 0 && list_empty(&coders.turns));
    object_unref(o);
    assert_int_equal(coders.n, 0);
}

/* What slips brought of a leaf is to be read before the leaf is closed; it is no frame before. */
static void feat_R23_an_open_leaf_is_no_frame(void **state)
{
    struct object *o = make_of_peer(2 * LEAF_BYTES);
    const struct object_slip slip = { .len = LEAF_BYTES };
    struct coded *c = coded_open(&coders, o, CODING_ZSTD, false);

    (void)state;
    assert_int_equal(object_add_slip(o, &slip, slice_of(body, LEAF_BYTES)), 0);
    assert_int_equal(object_available(o), LEAF_BYTES);
    coded_grew(o);
    assert_int_equal(work(), 0);
    assert_int_equal(object_close_tail(o), 0);
    coded_grew(o);
    assert_int_equal(work(), 1);
    assert_int_equal(c->in, LEAF_BYTES);
    object_unref(o);
}

static void a_renewed_head_keeps_it(void **state)
{
    struct object *o = whole(5000);
    struct coded *c = coded_open(&coders, o, CODING_GZIP, false);

    (void)state;
    work();
    uint64_t made = coders.bytes_in;
    struct object_past past;
    struct buf head = BUF_EMPTY;
    assert_int_equal(object_head_wire(o, &head), 0);
    assert_true(object_renew(o, buf_slice(&head), &ann, &past));
    object_past_free(&past);
    buf_free(&head);
    assert_ptr_equal(coded_open(&coders, o, CODING_GZIP, false), c);
    work();
    assert_int_equal(coders.bytes_in, made);
    check_coded(c, 5000);
    object_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_body),
        TEST(the_pace_makes_no_difference),
        TEST(who_reads_along_does_not_wait_long),
        TEST(what_does_not_shrink_is_noted),
        TEST(feat_R23_stored_frames_are_lent),
        TEST(feat_R23_a_copy_packed_otherwise_goes_on_at_a_leafs_end),
        TEST(coders_are_few),
        TEST(a_body_that_fails_is_coded_no_further),
        TEST(feat_R23_an_open_leaf_is_no_frame),
        TEST(a_renewed_head_keeps_it),
    };

    return cmocka_run_group_tests(tests, start_text, stop_text);
}
