/* test_engine_shield.c - one region's nodes turn to the origin, for all others too. */
#include "engine_world.h"

static struct world *w;

/* n0 and n1 are in eu, n2 and n3 in us. */
static int regions(void **state)
{
    setup(state);
    for (int i = 2; i < NODES; i++) {
        char name[8];
        snprintf(name, sizeof(name), "n%d", i);
        const struct admission what = { .name = slice_str(name), .zone = SLICE_LIT("us/z"), .not_after_s = WALL + 86400 };
        assert_int_equal(authority_admit(&identities[i], &authority, &what), 0);
    }
    return 0;
}

/* Node |n| holds these for the parent region's owners, mostly in this order. */
static void parent(int n, const char *members)
{
    const struct identity *ids[NODES];
    size_t k = 0;

    for (; members[k] != '\0'; k++)
        ids[k] = &identities[members[k] - '0'];
    fake_parent(mesh_of(w, n), ids, k, true);
}

/* Each region has a ring of its own, and us is the parent of eu. */
static int begin(void **state)
{
    (void)state;
    w = world_new(NODES);
    world_ranks(w, 0, "10");
    world_ranks(w, 1, "10");
    world_ranks(w, 2, "23");
    world_ranks(w, 3, "23");
    parent(0, "23");
    parent(1, "23");
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_run(w, SEC(5));
    world_calm(w);
    world_free(w);
    return 0;
}

/* The sum of one counter over all nodes. */
#define SUM(name) (count(w, 0)->name + count(w, 1)->name + count(w, 2)->name + count(w, 3)->name)

/* A site that n1 owns before n0, and n2 before n3. */
static struct site *site_of_all(uint64_t length)
{
    return site_at(w, path_seen(w, 0, "10", 2, "23"), length);
}

static void feat_M19_only_the_parents_nodes_ask_the_origin(void **state)
{
    struct site *s = site_of_all(300000);
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_string_equal(v->answer.peer_name, "n1");
    assert_string_equal(v->answer.parent_name, "n2"); /* a member for each hop */
    assert_false(v->answer.peer_hit || v->answer.parent_hit);
    assert_int_equal(count(w, 1)->asks_parent, 1);
    assert_int_equal(count(w, 2)->origin_fetches, 1);
    v = ask(w, 3, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_PEER);
    assert_string_equal(v->answer.parent_name, "");
    check_result(ask(w, 1, s->path), RESULT_HIT);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(SUM(bytes_far_in), 300000); /* once for the whole region */
    assert_int_equal(SUM(bytes_peer_in), 900000);
    check_honest(w);
}

static void what_the_parent_has_is_no_miss(void **state)
{
    static const uint64_t lengths[] = { 0, 1000, 200000 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct site *s = site_of_all(lengths[i]);
        ask(w, 3, s->path);
        world_run(w, SEC(1));
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, SEC(1));
        check_result(v, RESULT_PEER);
        assert_true(!v->answer.peer_hit && v->answer.parent_hit);
        assert_string_equal(v->answer.parent_name, "n2");
        v = ask(w, 1, s->path); /* it has it by now, and a hop beyond is nobody's business */
        check_result(v, RESULT_HIT);
        assert_int_equal(s->fetches, 1);
    }
    check_honest(w);
}

static void many_of_both_regions_are_one_fetch(void **state)
{
    struct site *s = site_of_all(500000);
    struct viewer *v[40];

    (void)state;
    s->head_after = MS(60);
    s->every = MS(30);
    s->piece = 50000;
    for (int i = 0; i < 40; i++) {
        v[i] = ask(w, i % NODES, s->path);
        world_run(w, MS(7));
    }
    world_run(w, SEC(2));
    for (int i = 0; i < 40; i++)
        check_whole(v[i]);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(count(w, 2)->origin_fetches, 1);
    check_honest(w);
}

/* Told or not, before it has answered or in mid-body: the next of the parent's owners goes on. */
static void feat_M19_a_dead_parent_has_a_successor_within_5_s(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct site *s = site_of_all(1000000);
        s->head_after = MS(100);
        s->piece = 10000;
        s->every = MS(10);
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, how / 2 == 0 ? MS(60) : MS(503));
        mesh_ns died = w->now;
        uint64_t shown = v->got;
        node_stop(w, 2, how % 2 == 0);
        if (how / 2 == 1)
            assert_true(shown > 0);
        while (v->got <= shown && w->now < died + SEC(10))
            world_run(w, MS(20));
        assert_true(w->now - died <= SEC(5));
        world_run(w, SEC(4));
        check_whole(v);
        assert_int_equal(count(w, 0)->origin_fetches + count(w, 1)->origin_fetches, 0);
        assert_int_equal(s->fetches, 2);
        node_start(w, 2, true);
        world_ranks(w, 2, "23");
        world_run(w, SEC(5));
    }
}

static void without_a_parent_that_answers_nothing_fails(void **state)
{
    struct site *s = site_of_all(100000);

    (void)state;
    node_stop(w, 2, true);
    node_stop(w, 3, false);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(5));
    check_result(v, RESULT_MISS);
    assert_int_equal(count(w, 1)->origin_fetches, 1);
    assert_string_equal(v->answer.parent_name, "");
    node_start(w, 2, true);
    node_start(w, 3, true);
    world_ring(w, 2, ""); /* these do not know it yet */
    world_ring(w, 3, "");
    world_run(w, SEC(5));
    s = site_at(w, path_owned(w, 0, "10"), 100000);
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_int_equal(count(w, 1)->origin_fetches, 2);
    assert_int_equal(count(w, 2)->asks_not_owner + count(w, 3)->asks_not_owner, 2);
}

/* Whatever each region holds the other for, whoever is asked first: nobody waits for who waits for him. */
static void two_regions_may_each_take_the_other_for_the_parent(void **state)
{
    (void)state;
    parent(2, "10");
    parent(3, "10");
    for (int mask = 1; mask < 16; mask++) {
        struct site *s = site_of_all(mask % 2 == 0 ? 1000 : 200000);
        struct viewer *v[NODES];
        mesh_ns asked = w->now;
        for (int i = 0; i < NODES; i++) {
            v[i] = (mask & 1 << i) != 0 ? ask(w, i, s->path) : NULL;
            if (mask % 3 == 0)
                world_run(w, MS(4));
        }
        world_run(w, SEC(1));
        for (int i = 0; i < NODES; i++) {
            if (v[i] == NULL)
                continue;
            check_whole(v[i]);
            assert_true(v[i]->end_at - asked < MS(200)); /* and without patience having to end */
        }
        assert_in_range(s->fetches, 1, 2);
        world_run(w, SEC(1));
        world_calm(w);
        w->sites_n = 0;
    }
    check_honest(w);
}

/* A fetch for which the parent had nothing is the origin's by then, and for those there as well. */
static void who_turned_to_the_origin_in_the_end_fetches_for_both(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "10"), 1000);

    (void)state;
    world_ring(w, 2, "");
    world_ring(w, 3, "");
    parent(3, "10");
    s->head_after = MS(300);
    struct viewer *here = ask(w, 0, s->path);
    world_run(w, MS(100));
    assert_int_equal(count(w, 1)->origin_fetches, 1);
    struct viewer *there = ask(w, 3, s->path);
    world_run(w, SEC(1));
    check_whole(here);
    check_whole(there);
    assert_int_equal(s->fetches, 1);
    check_honest(w);
}

/* A copy past its time is validated by the parent, who asks the origin, not us. */
static void feat_M19_copies_are_validated_through_the_parent(void **state)
{
    struct site *s = site_of_all(1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=2\n";
    s->validator = "\"1\"";
    for (int i = 0; i < 3; i++) {
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, SEC(5));
        check_whole(v);
    }
    assert_int_equal(s->fetches, 3);
    assert_int_equal(s->validated, 2);
    assert_int_equal(count(w, 2)->origin_fetches, 3);
    check_honest(w);
}

static void what_is_one_viewers_alone_goes_to_the_origin_from_here(void **state)
{
    struct site *s = site_of_all(1000);

    (void)state;
    s->lines = "Cache-Control: private\n";
    struct viewer *v = ask(w, 0, s->path); /* nobody knows it yet */
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(count(w, 2)->origin_fetches, 1);
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(count(w, 0)->origin_fetches, 1);
    check_honest(w);
}

/* Where the origin makes the parent wait for too long no other owner could do better: nobody goes on asking. */
static void an_origin_that_is_too_slow_is_so_for_all(void **state)
{
    struct site *s = site_of_all(1000);

    (void)state;
    s->head_after = SEC(100);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(70));
    check_failed(v, 504);
    assert_int_equal(SUM(asks_out), 2);
    assert_int_equal(SUM(origin_fetches), 1);
}

/* The parent's owner that has more to do than others sends nobody to another region, and nobody of another region
 * anywhere: he asks for all of his. */
static void a_busy_parent_answers_other_regions_itself(void **state)
{
    (void)state;
    world_ring(w, 2, "23"); /* so that half of all that is asked is its part */
    for (int i = 0; i < 60; i++) {
        struct site *s = site_of_all(1000);
        int first = i % 2 == 0 ? 0 : 3;
        ask(w, first, s->path);
        world_run(w, MS(40));
        struct viewer *v = ask(w, 3 - first, s->path);
        world_run(w, MS(40));
        check_result(v, RESULT_PEER);
        assert_string_equal(first == 0 ? v->answer.peer_name : v->answer.parent_name, "n2");
        assert_int_equal(s->fetches, 1);
        w->sites_n = 0;
    }
    assert_int_equal(count(w, 1)->asks_parent, 60);
    assert_int_equal(SUM(asks_spread), 0);
    check_honest(w);
}

/* A ring of its own members is what a node waits for when it starts; there may be none. */
static void who_is_alone_in_its_region_is_ready_at_once(void **state)
{
    const char *why;

    (void)state;
    for (int i = 0; i < NODES; i++)
        node_stop(w, i, false);
    w->nodes[1].cfg.has_seeds = true;
    node_start(w, 2, false);
    world_ring(w, 2, "2");
    node_start(w, 1, false);
    world_ring(w, 1, "1");
    engine_seeds(engine_of(w, 1), w->now, &w->nodes[2].addr, 1);
    assert_false(engine_ready(engine_of(w, 1), &why));
    world_run(w, SEC(1));
    if (!engine_ready(engine_of(w, 1), &why))
        fail_msg("%s", why);
    fake_add(mesh_of(w, 1), &identities[0].cert, identity_cert(&identities[0]), &w->nodes[0].addr);
    assert_false(engine_ready(engine_of(w, 1), &why));
    assert_string_equal(why, "the ring does not hold the other members yet");
}

/* What a viewer's POST has changed is not had again from the parent: it has confirmed before the answer ends. */
static void feat_R28_the_parent_drops_what_was_changed(void **state)
{
    struct site *s = site_of_all(1000);

    (void)state;
    for (int i = 0; i < NODES; i++) {
        ask(w, i, s->path);
        world_run(w, SEC(1));
    }
    assert_int_equal(s->fetches, 1);
    struct viewer *post = viewer_new(w, 0, s->path);
    post->r.method = SLICE_LIT("POST");
    viewer_ask(post);
    while (!post->ended)
        world_run(w, MS(1));
    s->version = 2;
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(v->version, 2);
    assert_int_equal(s->fetches, 3);
}

/* ---- three in eu, whose parent is n3 ---- */

static int three_and_one(void **state)
{
    setup(state);
    const struct admission what = { .name = SLICE_LIT("n3"), .zone = SLICE_LIT("us/z"), .not_after_s = WALL + 86400 };
    return authority_admit(&identities[3], &authority, &what);
}

static int begin_three(void **state)
{
    (void)state;
    w = world_new(NODES);
    for (int i = 0; i < 3; i++) {
        world_ring(w, i, "012");
        parent(i, "3");
    }
    world_ring(w, 3, "3");
    return 0;
}

/* Where a busy owner has sent us says nothing of the parent's owners, who come when all of ours are dead. */
static void after_a_hint_that_fails_the_parent_is_asked_as_ever(void **state)
{
    struct site *s;

    (void)state;
    for (int i = 0; i < 40; i++) {
        s = site_at(w, path_owned(w, 0, "12"), 1000);
        ask(w, 2, s->path);
        world_run(w, MS(60));
        if (i == 39)
            break;
        ask(w, 0, s->path);
        world_run(w, MS(60));
        w->sites_n = 0;
    }
    node_stop(w, 3, true);
    node_start(w, 3, true); /* it has nothing any more */
    world_ring(w, 3, "3");
    world_run(w, SEC(2));
    uint64_t spread = count(w, 1)->asks_spread;
    node_freeze(w, 2);
    struct viewer *v = ask(w, 0, s->path);
    while (count(w, 1)->asks_spread == spread)
        world_run(w, MS(1));
    world_run(w, MS(10));
    node_stop(w, 1, true);
    world_run(w, SEC(3));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n3");
    assert_int_equal(count(w, 3)->origin_fetches, 1);
    assert_int_equal(count(w, 3)->asks_in, 1);
    assert_int_equal(count(w, 0)->origin_fetches, 0);
    node_thaw(w, 2);
}

static void asked(int n, const char *path)
{
    ask(w, n, path);
    world_run(w, MS(20));
}

/* n1 answers more than the others of its ring, and less than the parent, who answers for all: it is n1 that is busy. */
static void what_a_parent_answers_is_no_measure_of_what_is_much(void **state)
{
    (void)state;
    site_at(w, "*", 1000);
    parent(3, "1");
    for (int i = 0; i < 20; i++) {
        asked(0, path_owned(w, 0, "12"));
        asked(0, path_owned(w, 0, "12"));
        asked(0, path_owned(w, 0, "2"));
        asked(1, path_owned(w, 1, "0"));
    }
    asked(3, path_owned(w, 1, "1")); /* and says how much it is */
    const char *path = path_owned(w, 0, "12");
    asked(2, path);
    world_run(w, MS(100));
    assert_int_equal(count(w, 1)->asks_spread, 0);
    struct viewer *v = ask(w, 0, path);
    world_run(w, MS(100));
    check_result(v, RESULT_PEER);
    assert_string_equal(v->answer.peer_name, "n2");
    assert_int_equal(count(w, 1)->asks_spread, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_M19_only_the_parents_nodes_ask_the_origin),
        TEST(what_the_parent_has_is_no_miss),
        TEST(many_of_both_regions_are_one_fetch),
        TEST(feat_M19_a_dead_parent_has_a_successor_within_5_s),
        TEST(without_a_parent_that_answers_nothing_fails),
        TEST(two_regions_may_each_take_the_other_for_the_parent),
        TEST(who_turned_to_the_origin_in_the_end_fetches_for_both),
        TEST(feat_M19_copies_are_validated_through_the_parent),
        TEST(what_is_one_viewers_alone_goes_to_the_origin_from_here),
        TEST(feat_R28_the_parent_drops_what_was_changed),
        TEST(an_origin_that_is_too_slow_is_so_for_all),
        TEST(a_busy_parent_answers_other_regions_itself),
        TEST(who_is_alone_in_its_region_is_ready_at_once),
    };

    const struct CMUnitTest three[] = {
        cmocka_unit_test_setup_teardown(after_a_hint_that_fails_the_parent_is_asked_as_ever, begin_three, end),
        cmocka_unit_test_setup_teardown(what_a_parent_answers_is_no_measure_of_what_is_much, begin_three, end),
    };

    return cmocka_run_group_tests(tests, regions, NULL) + cmocka_run_group_tests(three, three_and_one, NULL);
}
