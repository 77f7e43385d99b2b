/* test_engine_warm.c - second copies of what is popular, and a ring that changes without cold owners. */
#include "engine_four.h"

static void asked(int n, const char *path, enum request_result want)
{
    struct viewer *v = ask(w, n, path);
    world_run(w, SEC(1));
    check_result(v, want);
}

/* ---- the second copy ---- */

static void feat_M15_what_peers_ask_for_again_has_a_second_copy(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 300000);

    (void)state;
    asked(0, s->path, RESULT_MISS);
    assert_int_equal(SUM(takes_out), 0);
    asked(3, s->path, RESULT_PEER); /* from now on two answer their viewers, and the owner does not see it */
    assert_int_equal(count(w, 1)->takes_out, 1);
    assert_int_equal(count(w, 2)->copies, 1);
    asked(3, s->path, RESULT_HIT);
    asked(3, s->path, RESULT_HIT);
    assert_int_equal(SUM(takes_out), 1); /* that copy had come from a copy */
    node_stop(w, 1, true);
    node_stop(w, 3, true);
    node_start(w, 3, true);
    asked(3, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(count(w, 2)->requests, 0);
}

static void feat_M15_what_the_owners_viewers_hit_twice_has_one(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    asked(1, s->path, RESULT_MISS);
    asked(1, s->path, RESULT_HIT);
    assert_int_equal(SUM(takes_out), 0);
    asked(1, s->path, RESULT_HIT);
    assert_int_equal(count(w, 2)->copies, 1);
    asked(1, s->path, RESULT_HIT);
    assert_int_equal(SUM(takes_out), 1);
    node_stop(w, 1, true);
    asked(3, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
}

/* The owner has seen one ask alone. */
static void feat_M15_what_one_edge_hits_twice_has_one(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    asked(0, s->path, RESULT_MISS);
    asked(0, s->path, RESULT_HIT);
    asked(0, s->path, RESULT_HIT);
    assert_int_equal(count(w, 0)->takes_out, 1);
    assert_int_equal(count(w, 2)->copies, 1);
    node_stop(w, 1, true);
    asked(3, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
}

static void without_second_copies_the_owner_has_the_only_one(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    for (int n = 0; n < 4; n++) {
        node_stop(w, n, false);
        w->nodes[n].cfg.uncopied = true;
        node_start(w, n, true);
    }
    asked(1, s->path, RESULT_MISS);
    asked(1, s->path, RESULT_HIT);
    asked(1, s->path, RESULT_HIT);
    asked(3, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(SUM(takes_out), 0);
    assert_int_equal(SUM(copies), 0);
}

/* Two who wait for the same fetch have viewers of their own, both. */
static void feat_M15_what_two_wait_for_has_one(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    ask(w, 0, s->path);
    asked(3, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(count(w, 1)->takes_out, 1);
    assert_int_equal(count(w, 2)->copies, 1);
}

/* An edge has it from a fetch of the owner's, whose own viewer hits it once: the edge's may have done so, too. */
static void feat_M15_what_is_hit_at_two_nodes_has_one(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    asked(0, s->path, RESULT_MISS);
    asked(0, s->path, RESULT_HIT);
    assert_int_equal(SUM(takes_out), 0);
    asked(1, s->path, RESULT_HIT);
    assert_int_equal(count(w, 1)->takes_out, 1);
    assert_int_equal(count(w, 2)->copies, 1);
}

static void feat_M15_any_node_may_die(void **state)
{
    (void)state;
    for (int dead = 0; dead < NODES; dead++) {
        struct site *sites[8];
        w->sites_n = 0;
        for (size_t i = 0; i < COUNT(sites); i++)
            sites[i] = site_at(w, path_owned(w, 0, ""), 1000);
        for (size_t i = 0; i < 3 * COUNT(sites); i++) { /* two hits, wherever they are */
            ask(w, (int)(i * 7 % 3 + i / 8) % NODES, sites[i % COUNT(sites)]->path);
            world_run(w, MS(100));
        }
        world_run(w, SEC(1));
        node_stop(w, dead, true);
        for (int n = 0; n < NODES; n++) {
            for (size_t i = 0; i < COUNT(sites) && n != dead; i++)
                ask(w, n, sites[i]->path);
            world_run(w, SEC(2));
        }
        for (size_t i = 0; i < COUNT(sites); i++)
            assert_int_equal(sites[i]->fetches, 1);
        node_start(w, dead, true);
        world_run(w, SEC(2));
    }
}

static void a_copy_has_the_age_that_it_has(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    s->lines = "Cache-Control: max-age=60\n";
    asked(0, s->path, RESULT_MISS);
    world_run(w, SEC(40));
    asked(3, s->path, RESULT_PEER);
    node_stop(w, 1, true);
    struct viewer *v = ask(w, 2, s->path);
    check_result(v, RESULT_HIT);
    assert_in_range(v->answer.age_ns, SEC(41), SEC(44));
    world_run(w, SEC(20));
    asked(2, s->path, RESULT_MISS); /* and not a moment longer */
}

static void what_is_renewed_is_taken_anew(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60\n";
    s->validator = "\"1\"";
    asked(0, s->path, RESULT_MISS);
    asked(3, s->path, RESULT_PEER);
    assert_int_equal(count(w, 2)->copies, 1);
    world_run(w, SEC(70));
    asked(0, s->path, RESULT_MISS);
    asked(3, s->path, RESULT_PEER);
    assert_int_equal(s->validated, 1);
    assert_int_equal(count(w, 2)->copies, 2);
    node_stop(w, 1, true);
    check_result(ask(w, 2, s->path), RESULT_HIT);
    assert_int_equal(s->fetches, 2);
}

static void what_is_not_worth_it_has_no_second_copy(void **state)
{
    struct site *brief = site_at(w, path_owned(w, 0, "123"), 1000),
                *large = site_at(w, path_owned(w, 0, "123"), 9 << 20);
    struct site *own = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    brief->lines = "Cache-Control: max-age=4\n";
    own->lines = "Cache-Control: private\n";
    for (int i = 0; i < 8; i++) {
        ask(w, i % NODES, brief->path);
        ask(w, i % NODES, large->path); /* passes through */
        ask(w, i % NODES, own->path);
        world_run(w, MS(300));
    }
    assert_int_equal(SUM(takes_out), 0);
}

static void variants_have_copies_of_their_own(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);
    struct viewer *v = NULL;

    (void)state;
    s->lines = "Vary: X-Variant\n";
    s->by_variant = true;
    for (int i = 0; i < 6; i++) {
        v = viewer_new(w, i / 2 % 2 * 3, s->path);
        fields_add(&v->fields, SLICE_LIT("X-Variant"), i % 2 == 0 ? SLICE_LIT("4") : SLICE_LIT("5"));
        viewer_ask(v);
        world_run(w, SEC(1));
        check_whole(v);
        assert_int_equal(v->version, 4 + i % 2);
    }
    assert_int_equal(count(w, 2)->copies, 2);
    node_stop(w, 1, true);
    for (int i = 0; i < 2; i++) {
        v = viewer_new(w, 2, s->path);
        fields_add(&v->fields, SLICE_LIT("X-Variant"), i % 2 == 0 ? SLICE_LIT("4") : SLICE_LIT("5"));
        viewer_ask(v);
        check_result(v, RESULT_HIT);
        assert_int_equal(v->version, 4 + i % 2);
    }
    assert_int_equal(s->fetches, 2);
}

/* ---- bounds ---- */

/* Many keys become warm at once. */
static void copies_have_a_pace(void **state)
{
    static char paths[1000][16];
    unsigned n = 0;

    (void)state;
    site_at(w, "*", 100);
    for (unsigned serial = 0; n < COUNT(paths); serial++) {
        snprintf(paths[n], sizeof(paths[n]), "/many%u", serial);
        n += owned(w, 0, paths[n], "1");
    }
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < n; i++)
            ask(w, 1, paths[i]);
        if (round < 2)
            world_run(w, SEC(1));
    }
    assert_in_range(SUM(takes_out), 0, 1);
    world_run(w, SEC(1));
    assert_in_range(SUM(takes_out), 90, 110);
    world_run(w, SEC(10));
    assert_in_range(SUM(takes_out), 450, 520); /* as many as waited; the others are when they are hit again */
    for (unsigned i = 0; i < n; i++)
        ask(w, 1, paths[i]);
    world_run(w, SEC(10));
    assert_in_range(SUM(takes_out), n - 10, n);
    assert_in_range(SUM(copies), n - 10, n);
    assert_int_equal(SUM(origin_fetches), n);
}

static void who_is_no_owner_takes_nothing(void **state)
{
    struct site *s;

    (void)state;
    world_ring(w, 0, "02"); /* it alone thinks that n2 has a part in this */
    s = site_at(w, path_seen(w, 0, "02", 1, "1"), 1000);
    world_ring(w, 2, "013");
    asked(0, s->path, RESULT_MISS);
    for (int i = 0; i < 4; i++)
        asked(0, s->path, RESULT_HIT);
    assert_int_equal(count(w, 2)->takes_in, 1);
    assert_int_equal(count(w, 2)->copies, 0);
    check_honest(w);
}

static void who_waits_for_a_copy_that_does_not_come_gets_one(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    asked(0, s->path, RESULT_MISS);
    ask(w, 3, s->path);
    for (int i = 0; i < 100 && count(w, 2)->copies == 0; i++)
        world_run(w, MS(1));
    assert_int_equal(count(w, 2)->copies, 1);
    node_freeze(w, 1); /* its ask is on its way, and is not answered */
    struct viewer *own = ask(w, 2, s->path);
    assert_int_equal(own->r.state, REQUEST_WAITING);
    world_run(w, SEC(3));
    check_whole(own);
    assert_int_equal(s->fetches, 2);
    node_thaw(w, 1);
    world_run(w, SEC(1));
    check_honest(w);
}

/* ---- another ring ---- */

static void change_ring(const char *members, bool steep)
{
    for (int i = 0; i < NODES; i++) {
        if (w->nodes[i].engine == NULL)
            continue;
        struct ring *was = ring_ref(mesh_of(w, i)->ring);
        set_ring(w, i, members, steep);
        fake_ring_changed(mesh_of(w, i), was);
    }
    world_run(w, 0);
}

static void all_rings(const char *members)
{
    for (int i = 0; i < NODES; i++)
        set_ring(w, i, members, true);
}

static void feat_M21_a_new_owner_asks_who_was_one_before(void **state)
{
    (void)state;
    all_rings("013");
    struct site *s = site_at(w, path_owned(w, 0, "013"), 100000);
    asked(3, s->path, RESULT_MISS); /* not warm: nobody is told of it */
    change_ring("2103", true);
    for (int i = 0; i < 10 && !owned(w, 0, s->path, "210"); i++) { /* most keys are owned in that order */
        all_rings("013");
        s = site_at(w, path_owned(w, 0, "013"), 100000);
        asked(3, s->path, RESULT_MISS);
        change_ring("2103", true);
    }
    assert_int_equal(SUM(takes_out), 0);
    asked(1, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(count(w, 2)->asks_out, 1); /* of n0, that was the first */
    /* After a while nobody asks that way any more. */
    world_run(w, SEC(600));
    struct site *later = site_at(w, path_owned(w, 0, "210"), 1000);
    uint64_t asks = SUM(asks_out);
    asked(1, later->path, RESULT_MISS);
    assert_int_equal(SUM(asks_out), asks + 1);
}

/* Of several changes only the last is known: so for a while the second owner is asked, too. */
static void feat_M21_a_ring_that_changes_again_and_again(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000), *cold = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    asked(0, s->path, RESULT_MISS);
    asked(3, s->path, RESULT_PEER); /* n2 has the second copy */
    node_stop(w, 1, true);
    node_start(w, 1, true);
    change_ring("0123", false);
    world_run(w, SEC(31));
    change_ring("0123", false); /* after some time in peace */
    change_ring("0123", false);
    asked(1, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
    world_run(w, SEC(180));
    uint64_t asks = SUM(asks_out);
    asked(1, cold->path, RESULT_MISS);
    assert_int_equal(SUM(asks_out), asks);
}

static void feat_M21_a_cold_owner_asks_its_second(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    asked(0, s->path, RESULT_MISS);
    asked(3, s->path, RESULT_PEER);
    node_stop(w, 1, true);
    node_start(w, 1, true); /* at once: its place was kept, its memory was not */
    mesh_of(w, 1)->late = true;
    asked(1, s->path, RESULT_PEER);
    assert_int_equal(s->fetches, 1);
    struct site *cold = site_at(w, path_owned(w, 0, "123"), 1000);
    asked(1, cold->path, RESULT_MISS);
    assert_int_equal(cold->fetches, 1);
}

static void hand_over(bool drained)
{
    struct site *s[6];

    all_rings("013");
    for (size_t i = 0; i < COUNT(s); i++) {
        s[i] = site_at(w, path_owned(w, 0, "013"), 1000);
        asked(0, s[i]->path, RESULT_MISS);
        asked(0, s[i]->path, RESULT_HIT);
        asked(0, s[i]->path, RESULT_HIT);
    }
    assert_int_equal(count(w, 1)->copies, COUNT(s));
    for (int i = 1; i < NODES && !drained; i++)
        fake_down(mesh_of(w, i), id_of(0), true);
    if (!drained)
        node_stop(w, 0, true);
    change_ring("123", false);
    world_run(w, SEC(2));
    if (drained)
        node_stop(w, 0, true);
    node_stop(w, 1, true);
    for (size_t i = 0; i < COUNT(s); i++) {
        bool handed = owned(w, 2, s[i]->path, "12") || owned(w, 2, s[i]->path, "21") || owned(w, 2, s[i]->path, "23") ||
                      owned(w, 2, s[i]->path, "32");
        asked(2, s[i]->path, handed ? RESULT_HIT : RESULT_PEER);
        assert_int_equal(s[i]->fetches, 1);
    }
}

/* A node that is drained is in no ring any more, but there: it hands over what is warm, and may go. */
static void feat_M21_who_is_drained_hands_over(void **state)
{
    (void)state;
    hand_over(true);
}

/* For one that is dead the second owner does so. */
static void feat_M15_there_are_two_copies_again(void **state)
{
    (void)state;
    hand_over(false);
}

/* A ring that changes is looked at for what is warm, and not for what could be: no turn of the loop for a table that
 * is empty, few for one that is not. */
static void little_that_is_warm_is_little_work(void **state)
{
    (void)state;
    all_rings("01");
    change_ring("012", false);
    world_run(w, 0);
    assert_true(engine_deadline(w->nodes[0].engine) > w->now + MS(10));
    struct site *s = site_at(w, path_owned(w, 0, "012"), 1000);
    for (int i = 0; i < 3; i++)
        asked(0, s->path, i == 0 ? RESULT_MISS : RESULT_HIT);
    world_run(w, SEC(2));
    change_ring("0123", false);
    assert_true(engine_deadline(w->nodes[0].engine) <= w->now + MS(10));
    world_run(w, MS(500));
    assert_true(engine_deadline(w->nodes[0].engine) > w->now + MS(10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_M15_what_peers_ask_for_again_has_a_second_copy),
        TEST(feat_M15_what_the_owners_viewers_hit_twice_has_one),
        TEST(feat_M15_what_one_edge_hits_twice_has_one),
        TEST(without_second_copies_the_owner_has_the_only_one),
        TEST(feat_M15_what_two_wait_for_has_one),
        TEST(feat_M15_what_is_hit_at_two_nodes_has_one),
        TEST(feat_M15_any_node_may_die),
        TEST(a_copy_has_the_age_that_it_has),
        TEST(what_is_renewed_is_taken_anew),
        TEST(what_is_not_worth_it_has_no_second_copy),
        TEST(variants_have_copies_of_their_own),
        TEST(copies_have_a_pace),
        TEST(who_is_no_owner_takes_nothing),
        TEST(who_waits_for_a_copy_that_does_not_come_gets_one),
        TEST(feat_M21_a_new_owner_asks_who_was_one_before),
        TEST(feat_M21_a_ring_that_changes_again_and_again),
        TEST(feat_M21_a_cold_owner_asks_its_second),
        TEST(feat_M21_who_is_drained_hands_over),
        TEST(feat_M15_there_are_two_copies_again),
        TEST(little_that_is_warm_is_little_work),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
