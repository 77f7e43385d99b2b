/* test_engine_coding.c - bodies in content codings: for whom, from whichever node they came; made once, in small turns,
 * and let go of with the object. Linked with --wrap=zpack_deflate. */
#include "decoded.h"
#include "engine_stage.h"
#include "packs_otherwise.h"

#define HTML     "ETag: \"1\"\nContent-Type: text/html\n"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LENGTH   (5 * LEAF_BYTES + 1234)

static int none(void **state)
{
    (void)state;
    packs_otherwise = false;
    return 0;
}

static struct site *page(const char *path, uint64_t length)
{
    struct site *s = site_at(w, path, length);

    s->lines = HTML;
    s->text = true;
    return s;
}

static struct viewer *accepting(int n, const char *path, const char *accept)
{
    struct viewer *v = viewer_new(w, n, path);

    v->codes = true;
    fields_add(&v->fields, SLICE_LIT("Accept-Encoding"), slice_str(accept));
    return v;
}

static struct viewer *ask_in(int n, const char *path, const char *accept)
{
    struct viewer *v = accepting(n, path, accept);
    viewer_ask(v);
    return v;
}

static void check_coding(const struct viewer *v, enum coding coding)
{
    struct buf back = BUF_EMPTY;
    uint8_t *want;

    assert_true(v->done && v->right);
    assert_int_equal(v->answer.coding, coding);
    if (coding == CODING_IDENTITY) {
        check_whole(v);
        return;
    }
    assert_true(v->answer.negotiated);
    if (v->answer.has_length)
        assert_true(v->answer.length == v->got);
    assert_true(decoded(coding, buf_slice(&v->coded), v->site->length + 1, &back));
    assert_int_equal(back.len, v->site->length);
    want = malloc(back.len);
    assert_non_null(want);
    site_bytes(v->site, v->version, 0, want, back.len);
    assert_memory_equal(back.data, want, back.len);
    free(want);
    buf_free(&back);
}

static void feat_R22_each_gets_what_it_likes_and_nothing_is_made_twice(void **state)
{
    static const char *const accepts[] = { "br, gzip", "gzip", "zstd", "deflate", "gzip;q=0.1, br;q=0.2" };
    static const enum coding want[] = { CODING_BR, CODING_GZIP, CODING_ZSTD, CODING_IDENTITY, CODING_BR };
    struct site *s = page("/a", LENGTH);
    struct viewer *v;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        v = ask_in(0, "/a", accepts[i]);
        world_run(w, SEC(1));
        check_coding(v, want[i]);
        assert_true(v->answer.negotiated);
    }
    uint64_t in = count(w, 0)->coder_bytes_in;
    assert_int_equal(in, 2 * LENGTH); /* zstd is there: nothing is coded for it */
    for (size_t i = 0; i < 5; i++) {
        v = ask_in(0, "/a", accepts[i]);
        check_coding(v, want[i]); /* at once, and with its length */
        assert_true(v->answer.has_length);
    }
    assert_int_equal(count(w, 0)->coder_bytes_in, in);
    assert_int_equal(count(w, 0)->answers_coded, 8);
    assert_true(count(w, 0)->coder_bytes_out < in / 10);
    assert_int_equal(s->fetches, 1);
}

static void feat_R22_lengths_and_what_is_left_alone(void **state)
{
    static const struct {
        uint64_t length;
        const char *lines;
        bool coded;
    } rows[] = {
        { 999, HTML, false },
        { 1000, HTML, true },
        { 10000000, HTML, true },
        { 10000001, HTML, false },
        { 5000, "Content-Type: image/png\n", false },
        { 5000, "", false },
        { 5000, HTML "Content-Encoding: gzip\n", false },
        { 5000, HTML "Cache-Control: no-transform\n", false },
        { 5000, HTML "Cache-Control: no-store\n", true }, /* one request's alone, and all the same */
    };
    static char paths[9][16];

    (void)state;
    w = world_bare(1);
    w->nodes[0].cfg.memory_limit = UINT64_C(256) << 20; /* an eighth holds the longest */
    node_start(w, 0, true);
    for (unsigned i = 0; i < 9; i++) {
        snprintf(paths[i], sizeof(paths[0]), "/r%u", i);
        page(paths[i], rows[i].length)->lines = rows[i].lines;
        for (int again = 0; again < 2; again++) {
            struct viewer *v = ask_in(0, paths[i], "gzip");
            world_run(w, SEC(2));
            check_coding(v, rows[i].coded ? CODING_GZIP : CODING_IDENTITY);
            assert_int_equal(v->answer.negotiated, rows[i].coded);
        }
    }
}

/* What only passes through is coded where all of it is there at once. */
static void a_body_too_long_to_be_kept(void **state)
{
    (void)state;
    w = world_bare(1);
    w->nodes[0].cfg.memory_limit = UINT64_C(4) << 20;
    node_start(w, 0, true);
    struct site *s = page("/window", UINT64_C(7) << 20);
    s->piece = 100000;
    s->every = MS(1);
    page("/beyond", UINT64_C(9) << 20);
    struct viewer *slow = accepting(0, "/window", "zstd");
    struct viewer *v[] = { ask_in(0, "/window", "gzip"), ask_in(0, "/beyond", "gzip"), ask_in(0, "/window", "zstd"),
                           ask_in(0, "/beyond", "zstd") };
    slow->allow = 100;
    viewer_ask(slow);
    world_run(w, SEC(2));
    check_coding(v[0], CODING_GZIP);
    check_coding(v[2], CODING_ZSTD);
    for (size_t i = 1; i < COUNT(v); i += 2) {
        check_coding(v[i], CODING_IDENTITY);
        assert_false(v[i]->answer.negotiated);
    }
    slow->allow = UINT64_MAX; /* its leaves are lent, and there all the while */
    viewer_read(slow);
    check_coding(slow, CODING_ZSTD);
}

static void who_shows_a_pass_gets_it_as_the_origin_made_it(void **state)
{
    page("/a", LENGTH)->lines = HTML "Cache-Control: private\n";
    struct viewer *v = accepting(0, "/a", "gzip");

    (void)state;
    fields_add(&v->fields, SLICE_LIT("Authorization"), SLICE_LIT("Basic x"));
    viewer_ask(v);
    world_run(w, SEC(1));
    check_coding(v, CODING_IDENTITY);
    assert_true(v->answer.negotiated);
    assert_non_null(strstr(v->site->last_fields, "Accept-Encoding: gzip|"));
}

static void a_body_of_unknown_length_is_coded_once_it_is_known(void **state)
{
    page("/a", LENGTH)->chunked = true;
    struct viewer *v = ask_in(0, "/a", "br");

    (void)state;
    world_run(w, SEC(1));
    check_coding(v, CODING_IDENTITY);
    assert_true(v->answer.negotiated);
    v = ask_in(0, "/a", "br");
    world_run(w, SEC(1));
    check_coding(v, CODING_BR);
}

static void what_does_not_shrink_goes_as_it_is(void **state)
{
    struct site *s = page("/a", LENGTH);
    struct engine_usage before, after;
    struct viewer *v;

    (void)state;
    s->text = false;
    v = ask_in(0, "/a", "gzip");
    world_run(w, SEC(1));
    check_coding(v, CODING_GZIP); /* it could not be known */
    for (int i = 0; i < 2; i++) {
        v = ask_in(0, "/a", "gzip");
        check_coding(v, CODING_IDENTITY);
        engine_usage(engine_of(w, 0), i == 0 ? &before : &after);
    }
    assert_int_equal(count(w, 0)->coder_bytes_in, LENGTH);
    assert_true(before.memory_bytes == after.memory_bytes && after.memory_bytes < LENGTH + 10000); /* and is not kept */
}

static void many_read_along_while_it_is_made(void **state)
{
    struct site *s = page("/a", 20 * LEAF_BYTES);
    struct viewer *v[40];

    (void)state;
    s->piece = 30000;
    s->every = MS(1);
    for (size_t i = 0; i < COUNT(v); i++) {
        v[i] = accepting(0, "/a", i % 2 == 0 ? "br" : "gzip");
        v[i]->allow = i % 4 == 1 ? 100 : UINT64_MAX;
        viewer_ask(v[i]);
        world_run(w, MS(1));
    }
    assert_true(v[0]->first_at > 0 && v[0]->first_at < w->now && !v[0]->done); /* before the body is all there */
    world_run(w, SEC(1));
    for (size_t i = 0; i < COUNT(v); i++) {
        v[i]->allow = UINT64_MAX;
        viewer_read(v[i]);
        check_coding(v[i], i % 2 == 0 ? CODING_BR : CODING_GZIP);
    }
    assert_int_equal(count(w, 0)->coder_bytes_in, 2 * s->length);
    assert_int_equal(s->fetches, 1);
}

static void a_turn_takes_one_leaf(void **state)
{
    page("/a", 40 * LEAF_BYTES);
    struct viewer *v = ask(w, 0, "/a");
    struct engine *e = engine_of(w, 0);

    (void)state;
    world_run(w, SEC(1));
    check_whole(v);
    v = ask_in(0, "/a", "br");
    ask_in(0, "/a", "gzip");
    for (unsigned turns = 0; turns < 80; turns++) {
        uint64_t before = count(w, 0)->coder_bytes_in;
        w->now++;
        assert_true(engine_deadline(e) <= w->now); /* and the next one is due at once */
        engine_tick(e, w->now);
        engine_tick(e, w->now);
        settle(w);
        assert_int_equal(count(w, 0)->coder_bytes_in - before, turns < 78 ? LEAF_BYTES : 0);
        if (turns == 77)
            break;
    }
    world_run(w, MS(1));
    assert_int_equal(count(w, 0)->coder_bytes_in, 80 * LEAF_BYTES);
    check_coding(v, CODING_BR);
}

/* The budget holds, with what was coded in it, and what goes goes whole. */
static void memory_has_its_limit(void **state)
{
    static char paths[60][16];
    struct engine_usage u;

    (void)state;
    w = world_bare(1);
    w->nodes[0].cfg.memory_limit = UINT64_C(4) << 20;
    node_start(w, 0, true);
    page("*", 3 * LEAF_BYTES);
    for (unsigned i = 0; i < COUNT(paths); i++) {
        snprintf(paths[i], sizeof(paths[0]), "/m%u", i);
        for (int again = 0; again < 2; again++) {
            struct viewer *v = ask_in(0, paths[i], i % 2 == 0 ? "gzip" : "br");
            world_run(w, SEC(1));
            check_coding(v, i % 2 == 0 ? CODING_GZIP : CODING_BR);
            engine_usage(engine_of(w, 0), &u);
            assert_true(u.memory_bytes <= u.memory_limit);
        }
    }
    assert_true(count(w, 0)->evictions > 20);
}

static void feat_R22_through_the_owner(void **state)
{
    static const char *const accepts[] = { "br", "gzip", "zstd" };
    const char *path = path_owned(w, 0, "12");
    struct site *s = page(path, LENGTH);

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct viewer *v = ask_in(i, path, accepts[i]);
        world_run(w, SEC(1));
        check_coding(v, i == 0 ? CODING_BR : i == 1 ? CODING_GZIP : CODING_ZSTD);
        assert_int_equal(count(w, i)->coder_bytes_in, i == 2 ? 0 : LENGTH);
    }
    assert_int_equal(s->fetches, 1);
}

static void feat_R23_frames_that_came_over_the_mesh(void **state)
{
    static const uint64_t lengths[] = { 1000, LEAF_BYTES, LENGTH };
    struct engine_usage before, after;

    (void)state;
    for (unsigned n = 0; n < COUNT(lengths); n++) {
        const char *path = path_owned(w, 0, "12");
        page(path, lengths[n]);
        struct viewer *v = ask(w, 0, path); /* the owner packs it for the edge */
        world_run(w, SEC(1));
        check_whole(v);
        for (int i = 0; i < 2; i++) {
            engine_usage(engine_of(w, i), &before);
            v = ask_in(i, path, "zstd"); /* it is there at once */
            check_coding(v, CODING_ZSTD);
            assert_true(v->answer.has_length);
            engine_usage(engine_of(w, i), &after);
            assert_true(after.memory_bytes - before.memory_bytes < 500); /* and is not kept twice */
            assert_int_equal(count(w, i)->coder_bytes_in, 0);
            assert_int_equal(count(w, i)->answers_coded, n + 1);
        }
    }
}

/* A viewer in the midst of a frame when its source is lost. The next copy's frames have other lengths. */
static void feat_R23_a_lost_source_whose_frames_were_made_otherwise(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = page(path, 20 * LEAF_BYTES);
    struct viewer *v[8];

    (void)state;
    s->piece = 30000;
    s->every = MS(10);
    packs_otherwise = true;
    for (size_t i = 0; i < COUNT(v); i++) {
        v[i] = accepting(0, path, "zstd");
        v[i]->allow = 1 + 23 * i; /* frames have some 80 bytes */
        viewer_ask(v[i]);
    }
    world_run(w, MS(300));
    packs_otherwise = false;
    node_stop(w, 1, true);
    world_run(w, SEC(5));
    assert_int_equal(count(w, 0)->moved, COUNT(v));
    for (size_t i = 0; i < COUNT(v); i++) {
        assert_true(v[i]->got == v[i]->allow && v[i]->r.coded_rest.len > 0);
        v[i]->allow += 3; /* in several turns */
        viewer_read(v[i]);
        assert_true(v[i]->got == v[i]->allow);
        v[i]->allow = UINT64_MAX;
        viewer_read(v[i]);
        world_run(w, MS(1));
        check_coding(v[i], CODING_ZSTD);
    }
}

static void a_lost_source_in_mid_body(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = page(path, 20 * LEAF_BYTES);

    (void)state;
    s->piece = 30000;
    s->every = MS(10);
    struct viewer *v[] = { ask_in(0, path, "br"), ask_in(0, path, "gzip"), ask_in(0, path, "zstd") };
    world_run(w, MS(300));
    for (size_t i = 0; i < COUNT(v); i++)
        assert_true(v[i]->got > 0 && !v[i]->done);
    node_stop(w, 1, true);
    world_run(w, SEC(5));
    check_coding(v[0], CODING_BR);
    check_coding(v[1], CODING_GZIP);
    check_coding(v[2], CODING_ZSTD);
    assert_int_equal(count(w, 0)->moved, 3);
}

static void a_lost_source_whose_successor_says_something_else(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = page(path, 20 * LEAF_BYTES);

    (void)state;
    s->piece = 30000;
    s->every = MS(10);
    struct viewer *v[] = { ask_in(0, path, "gzip"), accepting(0, path, "zstd") };
    v[1]->allow = 1; /* in the midst of its first frame */
    viewer_ask(v[1]);
    world_run(w, MS(300));
    for (size_t i = 0; i < COUNT(v); i++)
        assert_true(v[i]->got > 0 && !v[i]->done);
    s->version = 5; /* the same head, and other bytes from the start */
    node_stop(w, 1, true);
    world_run(w, SEC(5));
    for (size_t i = 0; i < COUNT(v); i++)
        assert_true(v[i]->failed && !v[i]->done);
}

static void a_node_may_have_none(void **state)
{
    (void)state;
    w = world_bare(1);
    page("/a", LENGTH);
    w->nodes[0].cfg.codings_off = CODINGS_ALL;
    node_start(w, 0, true);
    struct viewer *v = ask_in(0, "/a", "gzip");
    world_run(w, SEC(1));
    check_coding(v, CODING_IDENTITY);
    assert_false(v->answer.negotiated);
}

#define IN(world, f) cmocka_unit_test_setup_teardown(f, world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN(one, feat_R22_each_gets_what_it_likes_and_nothing_is_made_twice),
        IN(none, feat_R22_lengths_and_what_is_left_alone),
        IN(none, a_body_too_long_to_be_kept),
        IN(one, who_shows_a_pass_gets_it_as_the_origin_made_it),
        IN(one, a_body_of_unknown_length_is_coded_once_it_is_known),
        IN(one, what_does_not_shrink_goes_as_it_is),
        IN(one, many_read_along_while_it_is_made),
        IN(one, a_turn_takes_one_leaf),
        IN(none, memory_has_its_limit),
        IN(none, a_node_may_have_none),
        IN(three, feat_R22_through_the_owner),
        IN(three, feat_R23_frames_that_came_over_the_mesh),
        IN(three, feat_R23_a_lost_source_whose_frames_were_made_otherwise),
        IN(three, a_lost_source_in_mid_body),
        IN(three, a_lost_source_whose_successor_says_something_else),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
