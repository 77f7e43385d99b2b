/* test_engine_large.c - bodies too large to be kept pass through a window, at the pace of their
 * fastest reader, on one node and over two hops. */
#include "engine_world.h"

#define LIMIT (UINT64_C(16) << 20)
#define LARGE (UINT64_C(24) << 20)

static struct world *w;

static int begin(void **state)
{
    (void)state;
    w = world_bare(NODES);
    for (int i = 0; i < NODES; i++) {
        w->nodes[i].cfg.memory_limit = LIMIT;
        node_start(w, i, true);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_calm(w);
    world_free(w);
    return 0;
}

static struct engine_usage usage(int n)
{
    struct engine_usage u;
    engine_usage(engine_of(w, n), &u);
    return u;
}

/* ---- on one node ---- */

static struct site *alone(bool chunked)
{
    world_ring(w, 0, "0");
    struct site *s = site_at(w, "/large", LARGE);
    s->chunked = chunked;
    s->every = MS(10);
    s->piece = 300000;
    return s;
}

static void feat_C15_a_body_larger_than_the_cache_passes_through(void **state)
{
    (void)state;
    for (int chunked = 0; chunked <= 1; chunked++) {
        struct site *s = alone(chunked);
        struct viewer *v = ask(w, 0, "/large");
        uint64_t most = 0;
        for (int i = 0; i < 100; i++) {
            world_run(w, MS(10));
            most = usage(0).memory_bytes > most ? usage(0).memory_bytes : most;
        }
        check_result(v, RESULT_MISS);
        assert_true(most <= LIMIT && most >= LIMIT / 8);
        assert_int_equal(usage(0).objects, 0); /* and it is not kept */
        assert_int_equal(usage(0).memory_bytes, 0);
        assert_int_equal(s->fetches, 1);
        w->sites_n = 0;
    }
}

static void a_slow_viewer_slows_only_what_passes_through(void **state)
{
    struct site *s = alone(false);
    struct viewer *v = viewer_new(w, 0, "/large");

    (void)state;
    v->allow = 1000000;
    viewer_ask(v);
    world_run(w, SEC(5));
    assert_int_equal(v->got, 1000000);
    /* A window ahead of its only reader the origin is not read any further. */
    assert_true(s->sent >= (UINT64_C(8) << 20) && s->sent <= (UINT64_C(10) << 20));
    uint64_t sent = s->sent;
    world_run(w, SEC(60));
    assert_int_equal(s->sent, sent);
    assert_true(usage(0).memory_bytes <= UINT64_C(11) << 20);
    v->allow = 3000000;
    viewer_read(v);
    world_run(w, SEC(5));
    assert_true(s->sent > sent && s->sent < sent + 3000000);
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, SEC(5));
    check_result(v, RESULT_MISS);
    assert_int_equal(s->fetches, 1);
}

static void fast_and_slow_viewers_both_get_all(void **state)
{
    struct site *s = alone(false);
    struct viewer *slow = viewer_new(w, 0, "/large"), *fast;

    (void)state;
    slow->allow = 100001;
    viewer_ask(slow);
    fast = ask(w, 0, "/large");
    world_run(w, SEC(2));
    check_result(fast, RESULT_HIT);  /* it did not wait for the slow one */
    assert_int_equal(s->fetches, 2); /* which fell out of the window, and came again for itself */
    for (uint64_t at = 200000; at < LARGE; at += 800000) {
        slow->allow = at;
        viewer_read(slow);
        world_run(w, MS(50));
        assert_true(usage(0).memory_bytes <= LIMIT);
    }
    slow->allow = UINT64_MAX;
    viewer_read(slow);
    world_run(w, SEC(2));
    check_whole(slow);
    assert_int_equal(count(w, 0)->moved, 1);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(usage(0).memory_bytes, 0);
}

/* The slow one comes again while others have begun anew: it is ahead of their copy. */
static void a_slow_viewer_is_not_held_to_a_newer_copy(void **state)
{
    struct site *s = alone(false);
    struct viewer *slow = viewer_new(w, 0, "/large"), *fast, *third;

    (void)state;
    slow->allow = 5000000;
    viewer_ask(slow);
    fast = ask(w, 0, "/large");
    world_run(w, MS(250));
    s->head_after = MS(500);
    while (s->fetches < 2) /* out of the window now */
        world_run(w, MS(10));
    s->head_after = MS(20);
    s->every = MS(50);
    third = ask(w, 0, "/large");
    assert_int_equal(s->fetches, 3);
    world_run(w, MS(400));
    assert_in_range(third->got, 1, 4000000);
    slow->allow = UINT64_MAX;
    viewer_read(slow);
    world_run(w, SEC(10));
    check_whole(fast);
    check_whole(third);
    check_whole(slow);
    assert_int_equal(s->fetches, 3);
}

static void a_slow_viewer_is_not_served_a_changed_rest(void **state)
{
    struct site *s = alone(false);
    struct viewer *slow = viewer_new(w, 0, "/large"), *fast;

    (void)state;
    s->changed_at = 50000; /* what the slow one has read is different then */
    slow->allow = 100001;
    viewer_ask(slow);
    fast = ask(w, 0, "/large");
    world_run(w, MS(100));
    s->version = 2;
    world_run(w, SEC(3));
    check_whole(fast);
    check_failed(slow, 0);
    assert_int_equal(slow->got, 100001);
}

static void what_passes_through_ends_with_its_last_reader(void **state)
{
    struct site *s = alone(false);
    struct viewer *a = ask(w, 0, "/large"), *b = ask(w, 0, "/large");

    (void)state;
    world_run(w, MS(100));
    assert_int_equal(s->fetches, 1);
    viewer_end(a);
    world_run(w, MS(100));
    assert_int_equal(s->open, 1);
    viewer_end(b);
    world_run(w, 0);
    assert_int_equal(s->open, 0);
    assert_int_equal(usage(0).memory_bytes, 0);
}

/* ---- over two hops ---- */

static struct site *shared(void)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), LARGE);
    s->piece = 400000;
    s->every = MS(10);
    return s;
}

static void check_memory(void)
{
    for (int i = 0; i < NODES; i++) {
        assert_true(usage(i).memory_bytes <= LIMIT);
    }
}

static void feat_C15_large_bodies_pass_through_both_hops(void **state)
{
    struct site *s = shared();
    struct viewer *a = ask(w, 0, s->path), *b = ask(w, 3, s->path);

    (void)state;
    for (int i = 0; i < 100; i++) {
        world_run(w, MS(20));
        check_memory();
    }
    check_result(a, RESULT_MISS);
    check_result(b, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(usage(i).memory_bytes, 0);
    }
    check_honest(w);
}

/* A body without a length that is a little too long, which shows only with its last leaf: no node keeps it, neither the
 * one that asked the origin nor the one that asked that one. */
static void feat_C15_what_is_too_long_at_its_very_end_is_not_kept(void **state)
{
    (void)state;
    for (int over = 0; over <= 1; over++) {
        struct site *s = site_at(w, path_owned(w, 0, "123"), LIMIT / 8 + (uint64_t)over);
        s->chunked = true;
        s->piece = 1000000;
        s->every = MS(1);
        struct viewer *v = ask(w, 0, s->path);
        uint64_t objects = 0;
        world_run(w, SEC(2));
        check_result(v, RESULT_MISS);
        for (int i = 0; i < NODES; i++)
            objects += usage(i).objects;
        assert_in_range(objects, over ? 0 : 2, over ? 0 : 3); /* at its node, its owner, perhaps the second one */
        assert_int_equal(usage(0).objects, 1 - over);
        check_honest(w);
        if (over == 0) {
            end(NULL);
            begin(NULL);
        }
    }
}

static void a_slow_viewer_is_felt_as_far_as_the_origin(void **state)
{
    struct site *s = shared();
    struct viewer *v = viewer_new(w, 0, s->path);

    (void)state;
    v->allow = 500000;
    viewer_ask(v);
    world_run(w, SEC(20));
    assert_int_equal(v->got, 500000);
    /* A window here, what may be ahead on the link, a window there. */
    assert_true(s->sent < LARGE - 1000000);
    check_memory();
    uint64_t sent = s->sent;
    world_run(w, SEC(20));
    assert_int_equal(s->sent, sent);
    assert_int_equal(count(w, 0)->links_silent, 0);
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, SEC(5));
    check_result(v, RESULT_MISS);
    assert_int_equal(s->fetches, 1);
    check_honest(w);
}

static void fast_and_slow_edges_both_get_all(void **state)
{
    struct site *s = shared();
    struct viewer *slow = viewer_new(w, 0, s->path), *fast;

    (void)state;
    slow->allow = 500001;
    viewer_ask(slow);
    fast = ask(w, 3, s->path);
    world_run(w, SEC(3));
    check_whole(fast);
    check_memory();
    slow->allow = UINT64_MAX;
    viewer_read(slow);
    world_run(w, SEC(5));
    check_whole(slow); /* though the owner's window had left it behind */
    assert_in_range(s->fetches, 2, 3);
    check_honest(w);
}

static void a_viewer_who_leaves_ends_what_passes_through(void **state)
{
    struct site *s = shared();
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, MS(200));
    assert_int_equal(s->open, 1);
    viewer_end(v);
    world_run(w, MS(20));
    assert_int_equal(s->open, 0); /* the word went to the owner, and from there to the origin */
    world_calm(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_C15_a_body_larger_than_the_cache_passes_through),
        TEST(a_slow_viewer_slows_only_what_passes_through),
        TEST(fast_and_slow_viewers_both_get_all),
        TEST(a_slow_viewer_is_not_held_to_a_newer_copy),
        TEST(a_slow_viewer_is_not_served_a_changed_rest),
        TEST(what_passes_through_ends_with_its_last_reader),
        TEST(feat_C15_large_bodies_pass_through_both_hops),
        TEST(feat_C15_what_is_too_long_at_its_very_end_is_not_kept),
        TEST(a_slow_viewer_is_felt_as_far_as_the_origin),
        TEST(fast_and_slow_edges_both_get_all),
        TEST(a_viewer_who_leaves_ends_what_passes_through),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
