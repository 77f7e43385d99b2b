/* test_object.c - a body on the grid: filled by us or by a peer, read, compared, trimmed. */
#include "object_parts.h"

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
            assert_true(o->has_length && o->length == lengths[i] && o->fill == NULL);
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
        assert_int_equal(o->fill->tail_len, at % LEAF_BYTES);
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

static bool over(const struct object *o)
{
    const struct object_proof *p = o->more != NULL ? o->more->proof : NULL;
    return p != NULL && p->batches_n > 0 && p->batches[p->batches_n - 1].final;
}

static void take_batch(struct object *to, struct object *from)
{
    const struct leaf_batch *b = object_batch(from, object_batched(to));
    assert_non_null(b);
    assert_int_equal(object_add_batch(to, b, b->count > 0 ? &object_hashes(from)[b->first] : NULL), 0);
}

static void take_leaf(struct object *to, const struct object *from)
{
    const struct object_leaf *l = object_leaf(from, to->leaves_n);
    uint8_t *raw = malloc(l->raw_len), *packed = malloc(10);
    assert_true(raw != NULL && packed != NULL);
    memcpy(raw, l->raw, l->raw_len);
    assert_int_equal(object_add_leaf(to, raw, l->raw_len, packed, 10), 0);
    assert_true(memory.bytes == object_bytes(to) + object_bytes(from));
}

static void a_peers_copy_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (int announced = 0; announced <= 1; announced++) {
            struct object *from = whole(lengths[i]);
            struct object *to = make_of_peer(announced ? lengths[i] : UNKNOWN);
            while (!over(to)) {
                take_batch(to, from);
                while (to->leaves_n < object_hashes_n(to)) {
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
    struct object *from = filled(5 * LEAF_BYTES, false), *to = make_of_peer(UNKNOWN);

    (void)state;
    assert_non_null(object_batch(from, 0));
    assert_non_null(object_batch(from, 1));
    struct leaf_batch copy = *object_batch(from, 2);
    assert_int_equal(copy.first, 1);
    assert_null(object_batch(to, 5)); /* a peer's copy has what came */
    assert_int_equal(object_add_batch(to, &copy, &object_hashes(from)[1]), MESH_E_STATE);
    take_batch(to, from);
    assert_int_equal(object_add_batch(to, object_batch(from, 0), object_hashes(from)), MESH_E_STATE);
    assert_int_equal(object_add_batch(to, &copy, &object_hashes(from)[1]), 0);
    assert_int_equal(object_hashes_n(to), 3);
    assert_int_equal(to->leaves_n, 0); /* hashes may run ahead */
    object_unref(from);
    object_unref(to);
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

/* Who reads a range further on than a copy ever reached has seen nothing of it: what is there decides. */
static void beyond_a_copys_end_nothing_was_seen(void **state)
{
    const uint64_t length = 4 * LEAF_BYTES, at = 3 * LEAF_BYTES + 7;
    struct object *b = filled(length, true);

    (void)state;
    for (uint64_t have = 0; have <= LEAF_BYTES + 50; have += have == 0 ? 50 : LEAF_BYTES) {
        struct object *a = make(length);
        append(a, 0, have);
        assert_int_equal(object_same(a, b, at), 1);
        object_unref(a);
        if (have == 0)
            continue;
        a = make(length);
        body[have - 1] ^= 1;
        append(a, 0, have);
        body[have - 1] ^= 1;
        assert_int_equal(object_same(a, b, at), 0);
        object_unref(a);
    }
    object_unref(b);
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

static struct object *told(const char *name, const char *value)
{
    struct head h = { .generation = GENERATION, .status = 200, .fetched_s = 1, .has_length = true, .length = 100 };
    struct buf b = BUF_EMPTY;

    fields_add(&h.fields, slice_str(name), slice_str(value));
    assert_int_equal(head_encode(&b, &h), 0);
    struct object *o = object_new(&memory, buf_slice(&b), &ann, NULL);
    assert_non_null(o);
    buf_free(&b);
    return o;
}

/* Where only one of them says it, the other may be the same all the same. */
static void another_digest_is_another_copy(void **state)
{
    static const char *const names[] = { "Repr-Digest", "Content-Digest", "Digest", "Content-MD5" };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct object *a = told(names[i], "sha-256=:MQ==:"), *same = told(names[i], "sha-256=:MQ==:"),
                      *other = told(names[i], "sha-256=:Mg==:"), *none = told("X-Other", "1");
        assert_int_equal(object_same(a, same, 0), 1);
        assert_int_equal(object_same(a, other, 0), 0);
        assert_int_equal(object_same(a, none, 0), 1);
        assert_int_equal(object_same(none, a, 0), 1);
        object_unref(a);
        object_unref(same);
        object_unref(other);
        object_unref(none);
    }
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
    assert_true(memory.bytes == object_bytes(b));
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
    assert_int_equal(object_first_held(o), 0); /* no more than the window is there */
    object_trim(o, 3, 10);
    assert_int_equal(object_first_held(o), 3); /* never beyond the fastest */
    object_trim(o, 20, 10);
    assert_int_equal(object_first_held(o), 10);
    object_trim(o, 20, 10);
    assert_int_equal(object_first_held(o), 10);
    assert_true(memory.bytes == before - 10 * object_cost(LEAF_BYTES));
    assert_int_equal(object_read(o, 9 * LEAF_BYTES, &piece, 1), 0);
    check_readable(o, 10 * LEAF_BYTES, 20 * LEAF_BYTES + 7);
    /* The hashes stay: batches still cover the whole. */
    assert_string_equal(batches_of(o), "1 2 4 8 5 ");
    object_trim(o, UINT32_MAX, 0);
    assert_int_equal(object_first_held(o), 20);
    check_readable(o, 20 * LEAF_BYTES, 20 * LEAF_BYTES + 7);
    assert_int_equal(object_finish(o), 0);
    check_readable(o, 20 * LEAF_BYTES, 20 * LEAF_BYTES + 7);
    object_unref(o);
}

/* What many servers say of a small file; all blocks count, with what malloc adds to each. */
static void a_small_object_takes_little_beside_its_bytes(void **state)
{
    static const char *const fields[][2] = {
        { "Date", "Sun, 06 Nov 1994 08:49:37 GMT" },         { "Server", "bench" },
        { "Content-Type", "application/octet-stream" },      { "Cache-Control", "public, max-age=86400" },
        { "ETag", "\"bench-1024\"" },                        { "Last-Modified", "Mon, 06 Jan 2025 10:00:00 GMT" },
    };
    struct head h = { .generation = GENERATION, .status = 200, .fetched_s = 1800000000, .has_length = true };
    struct buf b = BUF_EMPTY;

    (void)state;
    h.length = 1024;
    size_t values = 0;
    for (size_t i = 0; i < COUNT(fields); i++) {
        fields_add(&h.fields, slice_str(fields[i][0]), slice_str(fields[i][1]));
        values += strlen(fields[i][1]);
    }
    assert_int_equal(head_encode(&b, &h), 0);
    struct object *o = object_new(&memory, buf_slice(&b), &ann, NULL);
    append(o, 0, h.length);
    assert_int_equal(object_finish(o), 0);
    print_message("an object is %zu bytes; one of 1,024 and %zu of fields' values takes %llu\n", sizeof(*o), values,
                  (unsigned long long)object_bytes(o));
    assert_true(object_bytes(o) == object_cost(sizeof(*o) + kept_head_bytes(o->head) + 1024)); /* one block */
    assert_true(object_bytes(o) <= 1024 + values + 320);
    buf_free(&b);
    object_unref(o);
}

static void a_head_that_does_not_decode_makes_no_object(void **state)
{
    struct object *o = object_new(&memory, SLICE_LIT("\x80"), &ann, NULL);

    (void)state;
    assert_null(o);
    assert_null(object_new(&memory, SLICE_EMPTY, &ann, NULL));
}

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
        TEST(two_copies_are_compared_as_far_as_was_read),
        TEST(beyond_a_copys_end_nothing_was_seen),
        TEST(another_body_is_noticed),
        TEST(another_head_is_another_copy),
        TEST(another_digest_is_another_copy),
        TEST(a_promised_length_must_turn_out_right),
        TEST(readers_hold_what_they_read),
        TEST(a_window_moves_with_the_fastest_reader),
        TEST(a_small_object_takes_little_beside_its_bytes),
        TEST(a_head_that_does_not_decode_makes_no_object),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, start, NULL);
}
