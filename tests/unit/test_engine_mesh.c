/* test_engine_mesh.c - several nodes: who asks whom, and what comes over the backbone. */
#include "engine_four.h"

/* ---- neighbours before the origin ---- */

static void feat_M6_a_neighbour_is_asked_before_the_origin(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 300000);
    struct viewer *v;

    (void)state;
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS); /* the owner fetched it for us */
    assert_true(v->answer.via_peer && !v->answer.peer_hit);
    assert_string_equal(v->answer.peer_name, "n1");
    assert_int_equal(count(w, 1)->origin_fetches, 1);
    v = ask(w, 2, s->path); /* owner of second rank */
    world_run(w, SEC(1));
    check_result(v, RESULT_PEER);
    assert_true(v->answer.via_peer && v->answer.peer_hit && v->answer.stored);
    v = ask(w, 3, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_PEER);
    check_result(ask(w, 1, s->path), RESULT_HIT);
    for (int i = 0; i < NODES; i++)
        check_result(ask(w, i, s->path), RESULT_HIT);
    assert_int_equal(s->fetches, 1);
    assert_string_equal(s->last_from, "example.com id-1"); /* these travel, too */
    assert_string_equal(s->last_fields, "");
    assert_int_equal(SUM(asks_out), 3);
    assert_int_equal(count(w, 1)->asks_in, 3);
    assert_int_equal(SUM(transfers_verified), 3);
    assert_int_equal(count(w, 1)->bytes_peer_out, 900000);
    assert_int_equal(SUM(bytes_peer_in), 900000);
    assert_int_equal(SUM(bytes_peer_in_wire), SUM(bytes_peer_out_wire));
    check_honest(w);
}

static void feat_M7_one_fetch_for_the_whole_mesh(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 500000);
    struct viewer *v[100];

    (void)state;
    s->every = MS(30);
    s->piece = 50000;
    for (int i = 0; i < 100; i++) {
        v[i] = ask(w, i % NODES, s->path);
        if (i % 5 == 0)
            world_run(w, MS(11)); /* before there is a head, while it is filled, and after */
    }
    world_run(w, SEC(2));
    assert_int_equal(s->fetches, 1);
    for (int i = 0; i < 100; i++)
        check_whole(v[i]);
    assert_int_equal(SUM(requests), 100);
    check_honest(w);
}

static void feat_C1_bodies_of_all_sizes_over_two_hops(void **state)
{
    static const uint64_t lengths[] = {
        0, 1, 127, 1000, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 3 * LEAF_BYTES, 2500003
    };

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (int how = 0; how < 4; how++) {
            struct site *s = site_at(w, path_owned(w, 0, "123"), lengths[i]);
            s->chunked = how % 2 == 1;
            s->text = how / 2 == 1;
            s->piece = 33333;
            s->every = MS(1);
            struct viewer *joins = ask(w, 0, s->path); /* while it is fetched */
            world_run(w, SEC(1));
            check_result(joins, RESULT_MISS);
            struct viewer *later_one = ask(w, 3, s->path); /* when it is there */
            world_run(w, SEC(1));
            check_result(later_one, RESULT_PEER);
            assert_true(later_one->answer.has_length || lengths[i] > LEAF_BYTES);
            check_result(ask(w, 0, s->path), RESULT_HIT);
            assert_int_equal(s->fetches, 1);
            world_calm(w);
            w->sites_n = 0;
        }
    }
    /* What took longer was read along by the second owner; of all else it took a copy when it was warm. */
    assert_int_equal(SUM(transfers_verified), 2 * 4 * COUNT(lengths) + SUM(seconded) + SUM(copies));
    assert_int_equal(SUM(seconded), 4);
    assert_int_equal(SUM(copies), 4 * COUNT(lengths) - 4);
    check_honest(w);
}

/* What is packed for a peer is kept, and counts: something else goes for it. */
static void feat_R29_what_is_packed_for_peers_fits(void **state)
{
    static char paths[8][16];
    struct engine_usage u;

    (void)state;
    node_stop(w, 1, true);
    w->nodes[1].cfg.memory_limit = 1 << 20;
    node_start(w, 1, true);
    world_ring(w, 1, "1"); /* it has nobody take copies */
    for (unsigned n = 0, serial = 0; n < COUNT(paths); serial++) {
        snprintf(paths[n], sizeof(paths[n]), "/text%u", serial);
        if (!owned(w, 0, paths[n], "123"))
            continue;
        site_at(w, paths[n], 60000)->text = true;
        ask(w, 1, paths[n++]);
    }
    site_at(w, "*", 1);
    world_run(w, SEC(1));
    for (unsigned i = 0; count(w, 1)->evictions < 20; i++) { /* up to the limit, but for a few bytes */
        char path[16];
        snprintf(path, sizeof(path), "/fill%u", i);
        ask(w, 1, path);
        world_run(w, MS(30));
        if (i % 16 == 0) {
            for (unsigned n = 0; n < COUNT(paths); n++)
                ask(w, 1, paths[n]);
        }
    }
    for (unsigned n = 0; n < COUNT(paths); n++) {
        struct viewer *v = ask(w, 0, paths[n]);
        world_run(w, SEC(1));
        check_result(v, RESULT_PEER);
        engine_usage(engine_of(w, 1), &u);
        assert_true(u.memory_bytes <= u.memory_limit);
    }
}

static void feat_C2_first_bytes_do_not_wait_for_a_leaf(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 20000);
    struct viewer *v = ask(w, 0, s->path), *second;

    (void)state;
    s->chunked = true;
    s->piece = 100;
    s->every = MS(100);
    world_run(w, MS(300)); /* one session and one head later */
    for (int i = 0; i < 100; i++) {
        world_run(w, MS(100));
        /* The owner keeps a piece for 10 ms, and it is 5 ms on its way. */
        assert_in_range(s->sent - v->got, 0, 100);
    }
    assert_true(v->got > 9000);
    second = ask(w, 3, s->path); /* joins in mid-leaf */
    world_run(w, MS(200));
    assert_in_range(s->sent - second->got, 0, 100);
    world_run(w, SEC(20));
    check_result(v, RESULT_MISS);
    check_whole(second);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(SUM(bytes_peer_in_wire), SUM(bytes_peer_out_wire));
    assert_true(SUM(bytes_peer_in_wire) >= 40000); /* slips are bytes too */
    check_honest(w);
}

static void drips_over_several_leaves(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 3 * LEAF_BYTES + 77);
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    s->piece = 7001;
    s->every = MS(25);
    world_run(w, SEC(3));
    check_result(v, RESULT_MISS);
    assert_int_equal(count(w, 0)->bytes_peer_in_wire, s->length); /* and none of them twice */
    v = ask(w, 3, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_PEER);
    s = site_at(w, path_owned(w, 0, "123"), 3 * LEAF_BYTES + 77);
    s->text = true; /* a leaf that packs well comes whole, though a slip went before it */
    s->piece = 7001;
    s->every = MS(2);
    uint64_t before = count(w, 0)->bytes_peer_in_wire;
    v = ask(w, 0, s->path);
    world_run(w, SEC(3));
    check_result(v, RESULT_MISS);
    assert_true(count(w, 0)->bytes_peer_in_wire - before < s->length);
    check_honest(w);
}

static void feat_M8_text_travels_packed(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 500000), *noise = site_at(w, path_owned(w, 0, "123"), 500000);

    (void)state;
    s->text = true;
    for (int i = 0; i < 2; i++) {
        struct viewer *v = ask(w, i == 0 ? 0 : 3, s->path);
        world_run(w, SEC(1));
        check_whole(v);
    }
    assert_int_equal(count(w, 0)->bytes_peer_in, 500000);
    assert_true(count(w, 0)->bytes_peer_in_wire < 500000 / 3);
    w->wire_bytes = 0;
    struct viewer *v = ask(w, 0, noise->path);
    world_run(w, SEC(1));
    check_whole(v);
    assert_in_range(w->wire_bytes, 500000, 502000); /* noise goes raw, at little cost */
}

static void feat_R11_a_hop_renews_no_lifetime(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);
    struct viewer *v;

    (void)state;
    s->lines = "Cache-Control: max-age=60\n";
    s->head_after = 0;
    ask(w, 1, s->path);
    world_run(w, SEC(40));
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_PEER);
    /* Older by the time the answer took, never younger. */
    assert_in_range(v->answer.age_ns, SEC(40), SEC(40) + MS(50));
    assert_true(v->answer.age_ns + v->answer.ttl_ns == SEC(60));
    world_run(w, SEC(18));
    check_result(ask(w, 0, s->path), RESULT_HIT);
    world_run(w, SEC(2));
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_int_equal(s->fetches, 2);
}

static void asks_on_one_link_share_it(void **state)
{
    struct site *s[5];
    struct viewer *v[5];

    (void)state;
    w->window = 64 << 10; /* 64 KiB each 10 ms */
    w->reads = 5000;
    for (int i = 0; i < 5; i++) {
        s[i] = site_at(w, path_owned(w, 0, "123"), i == 4 ? 100000 : 4000000);
        ask(w, 1, s[i]->path);
    }
    world_run(w, SEC(1));
    for (int i = 0; i < 5; i++)
        v[i] = ask(w, 0, s[i]->path);
    mesh_ns asked = w->now;
    world_run(w, SEC(10));
    for (int i = 0; i < 5; i++)
        check_whole(v[i]);
    assert_true(v[4]->end_at - asked < SEC(1)); /* the small one did not wait for the large ones */
    check_honest(w);
}

/* ---- what is one request's alone ---- */

static void feat_R26_an_uncacheable_answer_reaches_one_asker(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 100000);
    struct viewer *v[12];

    (void)state;
    s->lines = "Set-Cookie: a=b\n";
    for (int i = 0; i < 12; i++)
        v[i] = ask(w, i % NODES, s->path);
    world_run(w, SEC(2));
    for (int i = 0; i < 12; i++) {
        check_whole(v[i]);
        assert_false(v[i]->answer.stored);
        assert_string_equal(request_result_word(v[i]->answer.result), "Miss");
    }
    assert_int_equal(s->fetches, 12); /* each its own */
    uint64_t asks = SUM(asks_out);
    for (int i = 0; i < 12; i++)
        v[i] = ask(w, i % NODES, s->path);
    world_run(w, SEC(2));
    for (int i = 0; i < 12; i++)
        check_whole(v[i]);
    assert_int_equal(s->fetches, 24);
    assert_int_equal(SUM(asks_out), asks); /* R26, M20: peers have no part in it any more */
    for (int i = 0; i < NODES; i++) {
        struct engine_usage u;
        engine_usage(engine_of(w, i), &u);
        assert_int_equal(u.objects, 0);
        assert_int_equal(u.memory_bytes, 0);
    }
    check_honest(w);
}

static void an_owner_that_knows_better_sends_to_the_origin(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);
    struct viewer *v;

    (void)state;
    s->lines = "Cache-Control: private\n";
    v = ask(w, 1, s->path); /* leaves its mark at the owner */
    world_run(w, SEC(1));
    v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_false(v->answer.via_peer);
    assert_int_equal(count(w, 0)->origin_fetches, 1);
    assert_int_equal(count(w, 1)->origin_fetches, 1);
    assert_int_equal(SUM(transfers_failed), 0); /* nothing had begun */
}

static void who_shows_a_pass_meets_no_peer(void **state)
{
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);
    struct viewer *v = viewer_new(w, 0, s->path);

    (void)state;
    fields_add(&v->fields, SLICE_LIT("Authorization"), SLICE_LIT("x"));
    viewer_ask(v);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_int_equal(SUM(asks_out), 0);
    assert_int_equal(SUM(sessions_opened), 0);
}

/* ---- trouble at the origin ---- */

static void the_origins_trouble_is_told_over_two_hops(void **state)
{
    static const struct {
        int err;
        uint16_t status;
    } rows[] = { { MESH_E_TIMEOUT, 504 }, { MESH_E_REFUSED, 502 }, { MESH_E_CLOSED, 502 }, { MESH_E_SYNTAX, 502 } };
    struct site *s = site_at(w, path_owned(w, 0, "123"), 1000);

    (void)state;
    s->cut_at = 0;
    s->head_after = MS(100); /* all of them wait by then */
    for (size_t i = 0; i < COUNT(rows); i++) {
        s->cut_err = rows[i].err;
        struct viewer *edge = ask(w, 0, s->path), *owner = ask(w, 1, s->path), *other = ask(w, 3, s->path);
        world_run(w, SEC(1));
        check_failed(edge, rows[i].status);
        check_failed(other, rows[i].status);
        check_failed(owner, rows[i].status);
        assert_int_equal(s->fetches, i + 1); /* nobody tries it once more on their own */
    }
    check_honest(w);
}

static void rob_OR3_a_cut_answer_ends_cut_over_two_hops(void **state)
{
    static const uint64_t cuts[] = { 1, 500, LEAF_BYTES, 100000, 2 * LEAF_BYTES, 199999 };

    (void)state;
    for (size_t i = 0; i < COUNT(cuts); i++) {
        for (int chunked = 0; chunked <= 1; chunked++) {
            struct site *s = site_at(w, path_owned(w, 0, "123"), 200000);
            s->chunked = chunked;
            s->cut_at = cuts[i];
            s->piece = 10000;
            s->every = MS(20);
            struct viewer *v = ask(w, 0, s->path);
            world_run(w, SEC(2));
            check_failed(v, 0);
            assert_true(v->got <= cuts[i]);
            for (int n = 0; n < NODES; n++) {
                struct engine_usage u;
                engine_usage(engine_of(w, n), &u);
                assert_int_equal(u.objects, 0);
            }
            s->cut_at = UINT64_MAX;
            v = ask(w, 0, s->path);
            world_run(w, SEC(2));
            check_result(v, RESULT_MISS);
            for (int n = 0; n <= 2; n++) /* the second owner has read along */
                node_stop(w, n, true);
            world_run(w, SEC(1));
            for (int n = 0; n <= 2; n++)
                node_start(w, n, true);
            w->sites_n = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_M6_a_neighbour_is_asked_before_the_origin),
        TEST(feat_M7_one_fetch_for_the_whole_mesh),
        TEST(feat_C1_bodies_of_all_sizes_over_two_hops),
        TEST(feat_R29_what_is_packed_for_peers_fits),
        TEST(feat_C2_first_bytes_do_not_wait_for_a_leaf),
        TEST(drips_over_several_leaves),
        TEST(feat_M8_text_travels_packed),
        TEST(feat_R11_a_hop_renews_no_lifetime),
        TEST(asks_on_one_link_share_it),
        TEST(feat_R26_an_uncacheable_answer_reaches_one_asker),
        TEST(an_owner_that_knows_better_sends_to_the_origin),
        TEST(who_shows_a_pass_meets_no_peer),
        TEST(the_origins_trouble_is_told_over_two_hops),
        TEST(rob_OR3_a_cut_answer_ends_cut_over_two_hops),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
