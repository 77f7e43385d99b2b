/* test_engine_mesh.c - several nodes: who asks whom, and what comes over the backbone. */
#include "engine_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct world *w;

static int begin(void **state)
{
    (void)state;
    w = world_new(NODES);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_calm(w);
    world_free(w);
    return 0;
}

/* The sum of one counter over all nodes. */
#define SUM(name) (count(w, 0)->name + count(w, 1)->name + count(w, 2)->name + count(w, 3)->name)

/* No transfer was refused, no session broke: all that this file does is honest. */
static void check_honest(void)
{
    for (int i = 0; i < w->n; i++) {
        if (w->nodes[i].engine == NULL)
            continue;
        assert_int_equal(count(w, i)->transfers_rejected, 0);
        assert_int_equal(count(w, i)->sessions_broken, 0);
        assert_int_equal(count(w, i)->sessions_refused, 0);
    }
}

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
    check_honest();
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
    check_honest();
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
    assert_int_equal(SUM(transfers_verified), 2 * 4 * COUNT(lengths));
    check_honest();
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
    check_honest();
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
    check_honest();
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
    check_honest();
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
    check_honest();
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
    check_honest();
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
            node_stop(w, 0, true);
            node_stop(w, 1, true);
            world_run(w, SEC(1));
            node_start(w, 0, true);
            node_start(w, 1, true);
            w->sites_n = 0;
        }
    }
}

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
        check_honest();
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
    /* We wait so long, then the second owner does: it asks the first one too. */
    assert_in_range(v->first_at - asked, MS(800), MS(900));
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
    check_honest();
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
    check_honest();
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
    check_honest();
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
    assert_in_range(v->first_at - asked, MS(1400), MS(1500)); /* ours, and the second owner's patience */
    node_thaw(w, 1);
    world_run(w, SEC(1));
}

static void owners_fail_one_after_the_other(void **state)
{
    struct site *s = slow_site(path_owned(w, 0, "123"));
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, MS(303));
    node_stop(w, 1, true);
    world_run(w, MS(303));
    node_stop(w, 2, true);
    world_run(w, MS(303));
    node_stop(w, 3, true);
    world_run(w, SEC(3));
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
    check_honest();
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
    check_honest();
}

static void another_configuration_is_not_asked_twice(void **state)
{
    struct site *s;
    struct viewer *v;

    (void)state;
    node_stop(w, 0, false);
    w->nodes[0].cfg.distribution.default_ttl_s = 60;
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
    check_honest();
}

/* ---- bodies larger than the cache, over two hops ---- */

#define LIMIT (UINT64_C(16) << 20)
#define LARGE (UINT64_C(20) << 20)

static struct site *large_site(void)
{
    for (int i = 0; i < NODES; i++) {
        node_stop(w, i, false);
        w->nodes[i].cfg.memory_limit = LIMIT;
        node_start(w, i, true);
    }
    struct site *s = site_at(w, path_owned(w, 0, "123"), LARGE);
    s->piece = 400000;
    s->every = MS(10);
    return s;
}

static void check_memory(void)
{
    for (int i = 0; i < NODES; i++) {
        struct engine_usage u;
        engine_usage(engine_of(w, i), &u);
        assert_true(u.memory_bytes <= LIMIT);
    }
}

static void feat_C15_large_bodies_pass_through_both_hops(void **state)
{
    struct site *s = large_site();
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
        struct engine_usage u;
        engine_usage(engine_of(w, i), &u);
        assert_int_equal(u.memory_bytes, 0);
    }
    check_honest();
}

static void a_slow_viewer_is_felt_as_far_as_the_origin(void **state)
{
    struct site *s = large_site();
    struct viewer *v = viewer_new(w, 0, s->path);

    (void)state;
    v->allow = 500000;
    viewer_ask(v);
    world_run(w, SEC(20));
    assert_int_equal(v->got, 500000);
    /* A window here, what may be ahead on the link, a window there. */
    assert_true(s->sent < (UINT64_C(20) << 20));
    check_memory();
    uint64_t sent = s->sent;
    world_run(w, SEC(20));
    assert_int_equal(s->sent, sent);
    assert_int_equal(SUM(links_silent), 0);
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, SEC(5));
    check_result(v, RESULT_MISS);
    assert_int_equal(s->fetches, 1);
    check_honest();
}

static void fast_and_slow_edges_both_get_all(void **state)
{
    struct site *s = large_site();
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
    check_honest();
}

static void a_viewer_who_leaves_ends_what_passes_through(void **state)
{
    struct site *s = large_site();
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, MS(200));
    assert_int_equal(s->open, 1);
    viewer_end(v);
    world_run(w, MS(20));
    assert_int_equal(s->open, 0); /* the word went to the owner, and from there to the origin */
    world_calm(w);
}

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
    assert_int_equal(u.links, 0);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_M6_a_neighbour_is_asked_before_the_origin),
        TEST(feat_M7_one_fetch_for_the_whole_mesh),
        TEST(feat_C1_bodies_of_all_sizes_over_two_hops),
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
        TEST(rob_K1_an_owner_dies_in_mid_body),
        TEST(a_changed_rest_is_never_joined_to_what_was_shown),
        TEST(a_rest_with_another_tag_is_another_answer),
        TEST(what_changes_behind_what_was_shown_is_one_answer_still),
        TEST(an_owner_that_is_gone_costs_no_time),
        TEST(rob_N3_a_silent_owner_costs_one_silence),
        TEST(an_owner_that_falls_silent_in_mid_body),
        TEST(a_slow_origin_is_no_silent_owner),
        TEST(an_owner_nobody_reaches_costs_one_dial),
        TEST(owners_fail_one_after_the_other),
        TEST(a_dead_owners_place_is_taken_once),
        TEST(feat_M5_two_nodes_each_name_the_other),
        TEST(feat_M5_two_owners_each_rank_the_other_first),
        TEST(another_configuration_is_not_asked_twice),
        TEST(feat_C15_large_bodies_pass_through_both_hops),
        TEST(a_slow_viewer_is_felt_as_far_as_the_origin),
        TEST(fast_and_slow_edges_both_get_all),
        TEST(a_viewer_who_leaves_ends_what_passes_through),
        TEST(an_asker_whose_host_is_gone_holds_nothing),
        TEST(nodes_may_end_in_the_midst_of_things),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
