/* test_engine_owners.c - owners that die, fall silent or see another ring, and who takes their place. */
#include "engine_four.h"

/* ---- trouble with owners ---- */

static struct site *slow_site(const char *path)
{
    struct site *s = site_at(w, path, 1000000);
    s->piece = 10000;
    s->every = MS(10); /* a second in all */
    return s;
}

static void rob_K1_an_owner_dies_in_mid_body(void **state)
{
    (void)state;
    for (int told = 0; told <= 1; told++) {
        struct site *s = slow_site(path_owned(w, 0, "123"));
        struct viewer *a = ask(w, 0, s->path), *b = ask(w, 3, s->path);
        world_run(w, MS(503)); /* in the midst of a leaf */
        assert_true(a->got > LEAF_BYTES && a->got % LEAF_BYTES != 0 && a->got < s->length);
        uint64_t seen = a->got;
        node_stop(w, 1, told);
        world_run(w, SEC(3));
        check_whole(a); /* the same head, the same bytes, no seam */
        check_whole(b);
        assert_true(a->got > seen);
        assert_in_range(s->fetches, 2, 2); /* M7: at most two */
        assert_int_equal(count(w, 0)->moved, told + 1);
        struct viewer *v = ask(w, 0, s->path);
        check_result(v, RESULT_HIT);
        node_start(w, 1, true);
        world_run(w, SEC(1));
        check_honest(w);
    }
}

static void a_changed_rest_is_never_joined_to_what_was_shown(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *shown = ask(w, 0, s->path), *waits = viewer_new(w, 3, s->path);

    (void)state;
    s->changed_at = 300000;
    waits->wait_whole = true; /* has shown its viewer nothing yet */
    viewer_ask(waits);
    world_run(w, MS(503));
    assert_true(shown->got > 300000 && !waits->head_sent);
    s->version = 2;
    node_stop(w, 1, true);
    world_run(w, SEC(3));
    check_failed(shown, 0);
    check_whole(waits); /* all of it from the new one */
    assert_int_equal(waits->version, 2);
    assert_int_equal(s->fetches, 2);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(v->version, 2);
}

static void a_rest_with_another_tag_is_another_answer(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, MS(503));
    s->lines = "ETag: \"2\"\n"; /* the same bytes so far, but who knows */
    node_stop(w, 1, true);
    world_run(w, SEC(3));
    check_failed(v, 0);
}

/* It begins with the very bytes that were shown; but who was told what they all sum up to would find them wrong. */
static void a_rest_with_another_digest_is_another_answer(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v;

    (void)state;
    s->lines = "Repr-Digest: sha-256=:MQ==:\n";
    s->changed_at = 900000;
    v = ask(w, 0, s->path);
    world_run(w, MS(503));
    s->version = 2;
    s->lines = "Repr-Digest: sha-256=:Mg==:\n";
    node_stop(w, 1, true);
    world_run(w, SEC(3));
    check_failed(v, 0);
}

/* Nor does what a later answer's bytes sum up to, which is a part, say anything of the whole. */
static void a_digest_of_the_rest_is_none_of_the_whole(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v;

    (void)state;
    s->ranges = true;
    s->lines = "ETag: \"1\"\nContent-Digest: sha-256=:MQ==:\n";
    v = ask(w, 0, s->path);
    world_run(w, MS(503));
    s->lines = "ETag: \"1\"\nContent-Digest: sha-256=:Mg==:\n";
    node_stop(w, 1, true);
    world_run(w, SEC(3));
    check_whole(v);
    assert_true(s->last_range[0] != '\0');
    v = ask(w, 2, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    assert_null(strstr(v->lines, "Digest"));
}

static void what_changes_behind_what_was_shown_is_one_answer_still(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    s->changed_at = 900000;
    world_run(w, MS(503));
    s->version = 2;
    node_stop(w, 1, true);
    v->version = 2; /* what it gets is all of the second version */
    world_run(w, SEC(3));
    check_whole(v);
}

static void an_owner_that_is_gone_costs_no_time(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    node_stop(w, 1, true); /* its host says so when dialled */
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_string_equal(v->answer.peer_name, "n2");
    assert_true(v->first_at - asked < MS(100));
    /* Membership has not noticed yet, but for a second it is not dialled again. */
    size_t dials = w->conns_n;
    s = site_at(w, path_owned(w, 0, "123"), 1000);
    v = ask(w, 0, s->path);
    world_run(w, MS(100));
    check_whole(v);
    assert_int_equal(w->conns_n, dials);
}

static void rob_N3_a_silent_owner_costs_one_silence(void **state)
{
    struct site *warm = site_at(w, path_owned(w, 0, "123"), 1000), *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    ask(w, 0, warm->path); /* there is a session */
    world_run(w, SEC(1));
    node_freeze(w, 1);
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(2));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n2");
    /* The second owner asks the first one too, but knows by then that we have waited. */
    assert_in_range(v->first_at - asked, MS(450), MS(520));
    assert_int_equal(count(w, 0)->links_silent, 1);
    assert_int_equal(count(w, 0)->asks_out, 3);
    /* The next ones do not even try. */
    struct site *next = site_at(w, path_owned(w, 0, "123"), 1000);
    asked = w->now;
    v = ask(w, 0, next->path);
    world_run(w, MS(500));
    check_whole(v);
    assert_true(v->first_at - asked < MS(100));
    node_thaw(w, 1);
    world_run(w, SEC(4));
    next = site_at(w, path_owned(w, 0, "123"), 1000);
    v = ask(w, 0, next->path);
    world_run(w, SEC(1));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n1"); /* it is back */
    check_honest(w);
}

/* It lives, but a byte a second is no answer: at first, or in mid-body. */
static void rob_N3_an_owner_that_drips_is_left(void **state)
{
    struct site *warm = site_at(w, path_owned(w, 0, "123"), 1000), *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    ask(w, 0, warm->path); /* there is a session */
    world_run(w, SEC(1));
    w->nodes[1].drip = SEC(1) / 4;
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(3));
    check_whole(v);
    assert_string_equal(v->answer.peer_name, "n2");
    assert_true(v->first_at - asked < MS(2200)); /* five silences, and what the second owner takes */
    world_run(w, SEC(5));
    s = site_at(w, path_owned(w, 0, "123"), 1000);
    asked = w->now;
    v = ask(w, 0, s->path); /* bytes alone have made it no better */
    world_run(w, SEC(1));
    check_whole(v);
    assert_true(v->first_at - asked < MS(150));
    w->nodes[1].drip = 0;
    world_run(w, SEC(60));

    s = slow_site(path_owned(w, 0, "123"));
    v = ask(w, 0, s->path);
    world_run(w, MS(503));
    assert_string_equal(v->answer.peer_name, "n1");
    w->nodes[1].drip = SEC(1) / 4;
    world_run(w, SEC(6));
    check_whole(v);
    w->nodes[1].drip = 0;
    world_run(w, SEC(60));
    check_honest(w);
}

static void an_owner_that_falls_silent_in_mid_body(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, MS(503));
    node_freeze(w, 1);
    world_run(w, SEC(3));
    check_whole(v);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(count(w, 0)->moved, 1);
    node_thaw(w, 1); /* finishes for itself what it had begun */
    world_run(w, SEC(4));
    s = site_at(w, path_owned(w, 0, "123"), 1000);
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    assert_string_equal(v->answer.peer_name, "n1");
    check_honest(w);
}

static void a_slow_origin_is_no_silent_owner(void **state)
{
    struct site *slow = site_at(w, path_owned(w, 0, "123"), 100000);

    (void)state;
    slow->head_after = SEC(20);
    slow->piece = 50000;
    slow->every = SEC(20);
    struct viewer *v = ask(w, 0, slow->path);
    world_run(w, SEC(100));
    check_result(v, RESULT_MISS);
    assert_int_equal(slow->fetches, 1);
    assert_int_equal(SUM(links_silent), 0);
    check_honest(w);
}

/* A turn of ours that took long: what the owner said meanwhile is there, but not read yet. */
static void a_busy_asker_hears_first_and_judges_then(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    s->head_after = SEC(3);
    for (mesh_ns start = 0; start < MS(400); start += MS(7)) { /* any place in the timer's round */
        ask(w, 0, path_owned(w, 0, "123"));
        world_run(w, SEC(1) + start);
        node_freeze(w, 0);
        world_run(w, MS(390));
        node_thaw(w, 0);
        world_run(w, SEC(3));
    }
    assert_int_equal(count(w, 0)->links_silent, 0);
    assert_int_equal(count(w, 0)->requests_error, 0);
}

static void an_owner_nobody_reaches_costs_one_dial(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    node_freeze(w, 1); /* its kernel takes the connection, and that is all */
    mesh_ns asked = w->now;
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(3));
    check_whole(v);
    assert_in_range(v->first_at - asked, MS(1050), MS(1150)); /* ours, and the second owner's patience */
    node_thaw(w, 1);
    world_run(w, SEC(1));
}

static void owners_fail_one_after_the_other(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    owners_die_in_turn(w);
    check_whole(v); /* from the origin itself in the end */
    assert_in_range(s->fetches, 2, 4);
    assert_int_equal(count(w, 0)->origin_fetches, 1);
}

static void a_dead_owners_place_is_taken_once(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v[9];

    s->head_after = MS(100);
    (void)state;
    for (int i = 0; i < NODES; i++) {
        if (i != 1)
            fake_down(mesh_of(w, i), id_of(1), true);
    }
    node_stop(w, 1, true);
    /* The second owner has viewers of its own, and is asked by others: one fetch for all. */
    v[0] = ask(w, 2, s->path);
    for (int i = 1; i < 9; i++) {
        v[i] = ask(w, i % 3 == 0 ? 0 : i % 3 == 1 ? 2 : 3, s->path);
        world_run(w, MS(3));
    }
    world_run(w, SEC(3));
    for (int i = 0; i < 9; i++)
        check_whole(v[i]);
    assert_int_equal(s->fetches, 1);
    s = slow_site(path_owned(w, 0, "123")); /* and the other way round */
    s->head_after = MS(100);
    v[0] = ask(w, 0, s->path);
    world_run(w, MS(18));
    for (int i = 1; i < 9; i++)
        v[i] = ask(w, 2, s->path);
    world_run(w, SEC(3));
    for (int i = 0; i < 9; i++)
        check_whole(v[i]);
    assert_int_equal(s->fetches, 1);
}

/* ---- other views ---- */

static void feat_M5_two_nodes_each_name_the_other(void **state)
{
    struct site *s;

    (void)state;
    world_ring(w, 0, "1");
    world_ring(w, 1, "0");
    s = site_at(w, path_owned(w, 0, "1"), 1000);
    struct viewer *a = ask(w, 0, s->path), *b = ask(w, 1, s->path);
    world_run(w, SEC(1));
    check_whole(a);
    check_whole(b);
    assert_int_equal(SUM(asks_out), 2); /* one hop each, then the origin */
    assert_int_equal(SUM(asks_not_owner), 2);
    assert_int_equal(s->fetches, 2);
    check_honest(w);
}

/* Each ranks the other above itself, and both are asked by others who do so too: an upward
 * ask must not wait for a fetch that itself waits for the asker. */
static void feat_M5_two_owners_each_rank_the_other_first(void **state)
{
    (void)state;
    world_ranks(w, 0, "10");
    world_ranks(w, 1, "01");
    world_ranks(w, 2, "01");
    world_ranks(w, 3, "10");
    for (int mask = 1; mask < 16; mask++) {
        struct site *s = site_at(w, path_seen(w, 0, "10", 1, "01"), 1000);
        struct viewer *v[NODES];
        for (int i = 0; i < NODES; i++)
            v[i] = (mask & 1 << i) != 0 ? ask(w, i, s->path) : NULL;
        world_run(w, SEC(1));
        for (int i = 0; i < NODES; i++) {
            if (v[i] != NULL)
                check_whole(v[i]);
        }
        assert_in_range(s->fetches, 1, 2);
        world_run(w, SEC(1));
        world_calm(w);
        w->sites_n = 0;
    }
    check_honest(w);
}

static void another_configuration_is_not_asked_twice(void **state)
{
    struct site *s;
    struct viewer *v;

    (void)state;
    node_stop(w, 0, false);
    struct dist_behaviour by = node_behaves(w, 0);
    by.cache.ttl_default_s = 60;
    node_behaves_so(w, 0, &by);
    node_start(w, 0, true);
    s = site_at(w, path_owned(w, 0, "123"), 1000);
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_false(v->answer.via_peer);
    assert_int_equal(count(w, 0)->origin_fetches, 1);
    assert_int_equal(count(w, 1)->asks_not_owner, 1);
    assert_int_equal(count(w, 1)->origin_fetches, 0);
    /* And nothing of it is taken over from there. */
    s = site_at(w, path_owned(w, 1, "0"), 1000);
    v = ask(w, 1, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    assert_in_range(count(w, 0)->asks_not_owner, 1, 2); /* the second owner asked upward too */
    assert_int_equal(count(w, 0)->origin_fetches, 1);
    check_honest(w);
}

/* ---- and askers ---- */

static void an_asker_whose_host_is_gone_holds_nothing(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 5000000);
    struct engine_usage u;

    (void)state;
    w->window = 100000;
    ask(w, 1, s->path);
    world_run(w, SEC(1));
    ask(w, 0, s->path);
    world_run(w, MS(100));
    node_stop(w, 0, false);
    world_run(w, SEC(9));
    engine_usage(engine_of(w, 1), &u);
    assert_int_equal(u.serves, 1);
    world_run(w, SEC(2));
    engine_usage(engine_of(w, 1), &u);
    assert_int_equal(u.serves, 0);
    assert_int_equal(u.links, 1); /* with the second owner */
}

static void nodes_may_end_in_the_midst_of_things(void **state)
{
    (void)state;
    for (int i = 0; i < NODES; i++) {
        struct site *s = slow_site(path_owned(w, i, i == 0 ? "1" : "0"));
        for (int k = 0; k < NODES; k++)
            ask(w, k, s->path);
    }
    world_run(w, MS(203));
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);
    s->head_after = SEC(5);
    for (int k = 0; k < NODES; k++)
        ask(w, k, s->path);
    world_run(w, MS(8));
    for (int k = 0; k < NODES; k++)
        node_stop(w, k, k % 2 == 0);
    for (size_t i = 0; i < w->sites_n; i++)
        assert_int_equal(w->sites[i].open, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rob_K1_an_owner_dies_in_mid_body),
        TEST(a_changed_rest_is_never_joined_to_what_was_shown),
        TEST(a_rest_with_another_tag_is_another_answer),
        TEST(a_rest_with_another_digest_is_another_answer),
        TEST(a_digest_of_the_rest_is_none_of_the_whole),
        TEST(what_changes_behind_what_was_shown_is_one_answer_still),
        TEST(an_owner_that_is_gone_costs_no_time),
        TEST(rob_N3_a_silent_owner_costs_one_silence),
        TEST(rob_N3_an_owner_that_drips_is_left),
        TEST(an_owner_that_falls_silent_in_mid_body),
        TEST(a_slow_origin_is_no_silent_owner),
        TEST(a_busy_asker_hears_first_and_judges_then),
        TEST(an_owner_nobody_reaches_costs_one_dial),
        TEST(owners_fail_one_after_the_other),
        TEST(a_dead_owners_place_is_taken_once),
        TEST(feat_M5_two_nodes_each_name_the_other),
        TEST(feat_M5_two_owners_each_rank_the_other_first),
        TEST(another_configuration_is_not_asked_twice),
        TEST(an_asker_whose_host_is_gone_holds_nothing),
        TEST(nodes_may_end_in_the_midst_of_things),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
