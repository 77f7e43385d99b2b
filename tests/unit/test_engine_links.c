/* test_engine_links.c - backbone connections: joining through seeds, telling of members,
 * refusals, broken bytes, limits; and what an asker may say. */
#include "engine_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct world *w;

static int begin(void **state)
{
    (void)state;
    w = world_bare(NODES);
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

static void start_alone(int n, int seed)
{
    w->nodes[n].cfg.has_seeds = true;
    node_start(w, n, false);
    engine_seeds(engine_of(w, n), w->now, &w->nodes[seed].addr, 1);
}

/* ---- joining ---- */

static void feat_M1_one_seed_tells_of_all(void **state)
{
    const char *why;

    (void)state;
    node_start(w, 0, false);
    start_alone(1, 0);
    assert_false(engine_ready(engine_of(w, 1), &why));
    assert_string_equal(why, "no seed has answered yet");
    world_run(w, SEC(1));
    assert_int_equal(mesh_count(mesh_of(w, 0)), 2);
    assert_int_equal(mesh_count(mesh_of(w, 1)), 2);
    assert_int_equal(count(w, 0)->sessions_opened, 1);
    start_alone(2, 0);
    world_run(w, SEC(1));
    start_alone(3, 2); /* any member will do */
    world_run(w, SEC(1));
    /* More than one frame holds: they come in several. */
    assert_int_equal(mesh_count(mesh_of(w, 3)), 4);
    assert_int_equal(mesh_count(mesh_of(w, 2)), 4);
    world_ring(w, 3, "0123"); /* it was a ring that was missing then */
    assert_int_equal(usage(0).sessions, 2);
    /* Members, and so seeds no more: nobody dials on. */
    size_t dials = w->conns_n;
    world_run(w, SEC(60));
    assert_int_equal(w->conns_n, dials);
}

/* Two found each other through one seed, two others through another one: neither is alone,
 * and nobody tells them of each other but a seed that is no member yet. */
static void two_meshes_find_each_other_through_a_seed(void **state)
{
    struct mesh_addr seeds[2] = { w->nodes[0].addr, w->nodes[2].addr };

    (void)state;
    node_start(w, 0, false);
    w->nodes[1].cfg.has_seeds = true;
    node_start(w, 1, false);
    engine_seeds(engine_of(w, 1), w->now, seeds, 2);
    world_run(w, SEC(3));
    node_start(w, 2, false);
    start_alone(3, 2);
    world_run(w, MS(500));
    assert_int_equal(mesh_count(mesh_of(w, 1)), 2);
    assert_int_equal(mesh_count(mesh_of(w, 3)), 2);
    world_run(w, SEC(7));
    assert_int_equal(mesh_count(mesh_of(w, 1)), 4);
    assert_int_equal(mesh_count(mesh_of(w, 2)), 4);
    size_t dials = w->conns_n;
    world_run(w, SEC(60)); /* members now: nobody dials on */
    assert_int_equal(w->conns_n, dials);
}

/* A seed may be reached where no member says that it is: it is known by who answers there. */
static void a_seed_behind_another_address_is_dialled_once(void **state)
{
    (void)state;
    node_start(w, 0, false);
    start_alone(1, 0);
    world_run(w, SEC(1));
    assert_int_equal(mesh_count(mesh_of(w, 1)), 2);
    fake_moved(mesh_of(w, 1), id_of(0));
    size_t dials = w->conns_n;
    world_run(w, SEC(60));
    assert_int_equal(w->conns_n, dials);
}

static void seeds_are_tried_in_turn_less_and_less_often(void **state)
{
    struct mesh_addr seeds[3];

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        seeds[i] = mesh_addr_v4(0x0a0000f0u + i, 7400); /* nobody is there, and nobody says so */
    w->nodes[0].cfg.has_seeds = true;
    node_start(w, 0, false);
    engine_seeds(engine_of(w, 0), w->now, seeds, 3);
    world_run(w, SEC(9));
    size_t dials = w->conns_n;
    assert_in_range(dials, 4, 7); /* a second apart, then two */
    world_run(w, SEC(200));
    assert_in_range(w->conns_n - dials, 22, 30); /* eight */
    assert_in_range(usage(0).links, 0, 1);       /* each dial was given up */
    assert_true(engine_ready(engine_of(w, 0), NULL) == false);
    world_ring(w, 0, "0");
    assert_true(engine_ready(engine_of(w, 0), NULL)); /* ten seconds are enough: it serves alone */
    /* One comes up: it is found at the next turn. */
    node_start(w, 1, false);
    engine_seeds(engine_of(w, 0), w->now, &w->nodes[1].addr, 1);
    world_run(w, SEC(10));
    assert_int_equal(mesh_count(mesh_of(w, 0)), 2);
}

static void one_seed_may_be_ourselves(void **state)
{
    (void)state;
    start_alone(0, 0);
    world_run(w, SEC(20));
    assert_int_equal(mesh_count(mesh_of(w, 0)), 1);
    assert_true(count(w, 0)->sessions_refused > 0); /* by name */
    assert_int_equal(count(w, 0)->sessions_broken, 0);
    assert_int_equal(usage(0).sessions, 0);
}

static void members_are_told_when_views_differ(void **state)
{
    (void)state;
    node_start(w, 0, true);
    node_start(w, 1, true);
    fake_sync(mesh_of(w, 0), id_of(1)); /* over a new link */
    world_run(w, SEC(1));
    assert_int_equal(mesh_of(w, 0)->takes, 2); /* two frames hold four members here */
    assert_int_equal(mesh_of(w, 1)->takes, 2);
    fake_sync(mesh_of(w, 1), id_of(0)); /* and over that one */
    world_run(w, SEC(1));
    assert_int_equal(mesh_of(w, 0)->takes, 4);
    assert_int_equal(mesh_of(w, 1)->takes, 4);
    assert_int_equal(w->conns_n, 1);
}

/* ---- two links ---- */

static void both_may_dial_at_once(void **state)
{
    struct site *a, *b;

    (void)state;
    node_start(w, 0, true);
    node_start(w, 1, true);
    world_ring(w, 0, "01");
    world_ring(w, 1, "01");
    a = site_at(w, path_owned(w, 0, "1"), 300000);
    b = site_at(w, path_owned(w, 0, "0"), 300000);
    struct viewer *v = ask(w, 0, a->path), *u = ask(w, 1, b->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    check_result(u, RESULT_MISS);
    assert_int_equal(w->conns_n, 2);
    assert_int_equal(usage(0).sessions, 2);
    /* From now on one serves both ways. */
    for (int i = 0; i < 5; i++) {
        v = ask(w, 0, site_at(w, path_owned(w, 0, "1"), 3000)->path);
        u = ask(w, 1, site_at(w, path_owned(w, 0, "0"), 3000)->path);
        world_run(w, SEC(1));
        check_whole(v);
        check_whole(u);
    }
    assert_int_equal(w->conns_n, 2);
    assert_int_equal(a->fetches + b->fetches, 2);
}

/* ---- a peer that is restarted ---- */

/* Lets time go by until |n| has |sessions| open; returns how long that took. */
static mesh_ns until_sessions(int n, size_t sessions)
{
    mesh_ns began = w->now;

    while (usage(n).sessions < sessions && w->now - began < SEC(5))
        world_run(w, US(100));
    return w->now - began;
}

static void two_in_session(mesh_ns delay)
{
    w->delay = delay;
    for (int i = 0; i < 2; i++) {
        node_start(w, i, true);
        world_ring(w, i, "01");
    }
    struct viewer *v = ask(w, 0, site_at(w, path_owned(w, 0, "1"), 1000)->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_int_equal(usage(0).sessions, 1);
}

/* What is answered is not watched any more: no turn of the loop for a silence or for PROGRESS that nobody waits for. */
static void an_answered_ask_wakes_nobody(void **state)
{
    static const mesh_ns delay = MS(1);

    (void)state;
    two_in_session(delay);
    struct viewer *v = ask(w, 0, site_at(w, path_owned(w, 0, "1"), 1000)->path);
    while (!v->done)
        world_run(w, US(100));
    world_run(w, 2 * delay); /* and the last credit has come */
    mesh_ns until = w->now + MS(450);
    unsigned woken = 0;
    for (; w->now < until; world_run(w, MS(1))) {
        for (int i = 0; i < 2; i++)
            woken += engine_deadline(w->nodes[i].engine) <= w->now + MS(1);
    }
    assert_int_equal(woken, 0);
    world_calm(w);
}

/* Dies, is seen to, and is up again after |away|: what is asked at once goes to it, over a session
 * that takes the connection's round trip and that of the handshake. */
static void row_30_a_restarted_peer_is_asked_again_within_two_round_trips(void **state)
{
    static const mesh_ns delays[] = { US(500), MS(5), MS(40), MS(150) };

    (void)state;
    for (size_t i = 0; i < COUNT(delays); i++) {
        const mesh_ns rtt = 2 * delays[i];
        two_in_session(delays[i]);
        node_stop(w, 1, true);
        world_run(w, rtt); /* its end is seen, and nothing asked meanwhile */
        assert_int_equal(usage(0).sessions, 0);
        node_start(w, 1, true);
        world_ring(w, 1, "01");
        struct site *s = site_at(w, path_owned(w, 0, "1"), 1000);
        struct viewer *v = ask(w, 0, s->path);
        mesh_ns took = until_sessions(0, 1);
        assert_in_range(took, rtt, 2 * rtt + MS(50));
        assert_true(took <= 2 * rtt + US(200)); /* and no time but theirs */
        world_run(w, SEC(2));
        check_result(v, RESULT_MISS);
        assert_true(v->answer.via_peer); /* it was the owner that was asked */
        assert_int_equal(count(w, 0)->sessions_repinned, 0);
        world_calm(w);
        world_free(w);
        w = world_bare(NODES);
    }
}

/* Under a new X25519 key it costs two round trips more, on the one connection: no dial fails. */
static void row_30_a_peer_under_another_key_costs_no_second_connection(void **state)
{
    struct identity renewed;
    const struct admission what = {
        .name = SLICE_LIT("n1"), .zone = SLICE_LIT("eu/z1"), .not_after_s = WALL + 86400, .serial = 2
    };

    (void)state;
    two_in_session(MS(20));
    node_stop(w, 1, true);
    world_run(w, SEC(1));
    assert_int_equal(authority_admit(&renewed, &authority, &what), 0);
    w->nodes[1].cfg.mesh.self = &renewed;
    node_start(w, 1, true);
    size_t dials = w->conns_n;
    ask(w, 0, site_at(w, path_owned(w, 0, "1"), 1000)->path);
    assert_in_range(until_sessions(0, 1), 1, 4 * MS(40) + US(200));
    assert_int_equal(w->conns_n, dials + 1);
    assert_int_equal(count(w, 0)->sessions_repinned, 1);
    world_run(w, SEC(3));
}

/* Who is asked while it is away is left alone for a second; the session of another link is no reason to. */
static void a_peer_that_dials_back_is_left_alone_no_longer(void **state)
{
    struct mesh_member m;

    (void)state;
    two_in_session(MS(5));
    node_stop(w, 1, true);
    world_run(w, MS(20));
    ask(w, 0, site_at(w, path_owned(w, 0, "1"), 1000)->path);
    world_run(w, MS(20));
    assert_true(mesh_find(mesh_of(w, 0), id_of(1), &m));
    assert_false(m.reachable); /* it was not there */
    start_alone(1, 0);
    world_run(w, MS(40));
    assert_int_equal(usage(0).sessions, 1);
    assert_true(mesh_find(mesh_of(w, 0), id_of(1), &m));
    assert_true(m.reachable);
    world_run(w, SEC(1));
}

/* ---- who may not come in, and what is no stream of ours ---- */

static void a_node_of_another_mesh_is_refused_by_name(void **state)
{
    struct authority other;
    struct identity guest;
    const struct admission what = { .name = SLICE_LIT("n1"), .zone = SLICE_LIT("z"), .not_after_s = WALL + 86400 };

    (void)state;
    authority_make(&other, MESH_ARC_BITS_MIN);
    assert_int_equal(authority_admit(&guest, &other, &what), 0);
    w->nodes[1].cfg.mesh.self = &guest;
    node_start(w, 0, true);
    start_alone(1, 0);
    world_run(w, SEC(1));
    assert_true(count(w, 0)->sessions_refused >= 1);
    assert_true(count(w, 1)->sessions_refused >= 1);
    assert_int_equal(count(w, 0)->sessions_broken + count(w, 1)->sessions_broken, 0);
    assert_int_equal(mesh_count(mesh_of(w, 1)), 1);
    /* And who wants something of it goes elsewhere. */
    world_ring(w, 0, "1");
    struct site *s = site_at(w, path_owned(w, 0, "1"), 1000);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_false(v->answer.via_peer);
}

static void bytes_that_are_no_stream_are_counted(void **state)
{
    struct rand r = rand_of(8, 8, 8);
    uint8_t bytes[400];

    (void)state;
    node_start(w, 0, true);
    for (int i = 0; i < 50; i++) {
        struct conn *c = &w->conns[w->conns_n++];
        *c = (struct conn){ .node = { -1, 0 } };
        c->link[1] = engine_accept(engine_of(w, 0), w->now, &w->nodes[1].addr);
        assert_non_null(c->link[1]);
        link_set_io(c->link[1], c);
        for (size_t k = 0; k < sizeof(bytes); k++)
            bytes[k] = (uint8_t)rand_u64(&r);
        if (i % 2 == 0) { /* almost one of ours */
            struct buf b = BUF_EMPTY;
            const struct preamble p = { .version = PROTOCOL_VERSION,
                                        .pattern = (uint8_t)(i % 4),
                                        .mesh = authority.mesh.id };
            preamble_put(&b, &p);
            memcpy(bytes, b.data, b.len);
            buf_free(&b);
        }
        engine_received(engine_of(w, 0), w->now, c->link[1], SLICE_OF(bytes));
        /* The world cannot write to who is nobody: what is left to say is dropped. */
        struct engine_out out;
        while (engine_poll(engine_of(w, 0), &out)) {
            if (out.kind == ENGINE_CLOSE) {
                c->link[1] = NULL;
                engine_disconnected(engine_of(w, 0), w->now, out.link);
            }
        }
        if (c->link[1] != NULL) /* it waits for more */
            engine_disconnected(engine_of(w, 0), w->now, c->link[1]);
        c->link[1] = NULL;
        c->node[0] = 0;
    }
    assert_true(count(w, 0)->sessions_broken + count(w, 0)->sessions_refused > 40);
    assert_int_equal(usage(0).links, 0);
}

static void who_connects_and_says_nothing_is_let_go(void **state)
{
    (void)state;
    node_start(w, 0, true);
    struct conn *c = &w->conns[w->conns_n++];
    *c = (struct conn){ .node = { 0, 0 } };
    c->link[1] = engine_accept(engine_of(w, 0), w->now, &w->nodes[1].addr);
    link_set_io(c->link[1], c);
    world_run(w, MS(900));
    assert_int_equal(usage(0).links, 1);
    world_run(w, MS(200));
    assert_int_equal(usage(0).links, 0);
}

/* ---- limits ---- */

static void feat_R3_more_asks_than_a_link_takes_go_elsewhere(void **state)
{
    static char paths[1100][16];
    struct site *s;

    (void)state;
    for (int i = 0; i < NODES; i++)
        node_start(w, i, true);
    s = site_at(w, "*", 100);
    s->head_after = SEC(5);
    for (size_t i = 0; i < COUNT(paths); i++) {
        memcpy(paths[i], path_owned(w, 0, "12"), sizeof(paths[i]));
        ask(w, 0, paths[i]);
    }
    world_run(w, SEC(4));
    assert_int_equal(usage(1).serves, 1024);
    assert_int_equal(usage(2).serves, COUNT(paths) - 1024);
    world_run(w, SEC(10));
    for (struct viewer *v = w->viewers; v != NULL; v = v->next)
        check_whole(v);
    assert_int_equal(s->fetches, COUNT(paths));
}

/* ---- what an asker says ---- */

struct lie {
    bool armed, told;
    uint8_t type;
    size_t bit;
};

static void outgoing(void *ctx, uint8_t *frame, size_t len)
{
    struct lie *l = ctx;

    if (!l->armed || frame[0] != l->type)
        return;
    l->armed = false;
    l->told = l->bit < 8 * len;
    if (l->told)
        frame[l->bit / 8] ^= (uint8_t)(1u << l->bit % 8);
}

/* Whatever the ask says: the owner serves what it can stand for, or refuses, and asks the
 * origin for nothing but what the key is of (the world knows of no other path). */
static void any_bit_of_an_ask_may_be_wrong(void **state)
{
    struct lie lie = { .armed = false };
    size_t bit = 0;

    (void)state;
    w->delay = US(10);
    w->nodes[0].cfg.outgoing = outgoing;
    w->nodes[0].cfg.outgoing_ctx = &lie;
    for (int i = 0; i < 3; i++) {
        node_start(w, i, true);
        world_ring(w, i, "012");
    }
    do {
        w->sites_n = 0;
        struct site *s = site_at(w, path_owned(w, 0, "12"), 24);
        s->head_after = 0;
        lie = (struct lie){ .armed = true, .type = MSG_ASK, .bit = bit };
        bit += 3; /* each place in a byte has its turn */
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, SEC(4));
        if (!v->ended) /* it gave less credit than it knows: its own fault, but not for ever */
            world_run(w, SEC(60));
        check_whole(v);
        assert_in_range(s->fetches, 1, 2);
        assert_int_equal(count(w, 0)->transfers_rejected, 0);
    } while (lie.told);
    assert_true(bit > 600);
    assert_true(count(w, 1)->asks_not_owner > 100); /* key, distribution, path and host belong together */
    assert_true(count(w, 1)->sessions_broken > 3);  /* and what is no ask is no stream of ours */
}

/* A peer with all keys sends a map of four thousand million: its session is over, and it is counted. */
static void bomb(void *ctx, uint8_t *frame, size_t len)
{
    static const uint8_t header[] = { 0xdf, 0xff, 0xff, 0xff, 0xff };
    struct lie *l = ctx;

    if (!l->armed || frame[0] != l->type || len < MSG_HEAD_BYTES + sizeof(header))
        return;
    l->armed = false;
    memcpy(frame + MSG_HEAD_BYTES, header, sizeof(header));
}

static void rob_M1_a_bomb_in_a_frame_is_counted(void **state)
{
    struct lie lie = { .armed = true, .type = MSG_ASK };

    (void)state;
    w->nodes[0].cfg.outgoing = bomb;
    w->nodes[0].cfg.outgoing_ctx = &lie;
    for (int i = 0; i < 2; i++) {
        node_start(w, i, true);
        world_ring(w, i, "01");
    }
    struct viewer *v = ask(w, 0, site_at(w, path_owned(w, 0, "1"), 1000)->path);
    world_run(w, SEC(2));
    assert_false(lie.armed);
    assert_int_equal(count(w, 1)->sessions_broken, 1);
    assert_int_equal(count(w, 1)->asks_in, 0);
    check_whole(v); /* from the origin */
}

static void any_bit_of_credit_and_cancel_may_be_wrong(void **state)
{
    static const uint8_t types[] = { MSG_CREDIT, MSG_CANCEL };
    struct lie lie = { .armed = false };

    (void)state;
    w->nodes[0].cfg.outgoing = outgoing;
    w->nodes[0].cfg.outgoing_ctx = &lie;
    for (int i = 0; i < NODES; i++) {
        w->nodes[i].cfg.memory_limit = 4 << 20;
        node_start(w, i, true);
    }
    for (size_t i = 0; i < COUNT(types); i++) {
        size_t bit = 0;
        do {
            w->sites_n = 0;
            struct site *s = site_at(w, path_owned(w, 0, "12"), types[i] == MSG_CREDIT ? 6000000 : 1000000);
            s->piece = types[i] == MSG_CREDIT ? 1000000 : 10000;
            s->every = MS(10);
            lie = (struct lie){ .armed = true, .type = types[i], .bit = bit };
            bit += types[i] == MSG_CREDIT ? 5 : 1;
            struct viewer *v = ask(w, 0, s->path);
            if (types[i] == MSG_CANCEL) {
                world_run(w, MS(200));
                viewer_end(v);
            }
            world_run(w, SEC(65));
            if (types[i] == MSG_CREDIT)
                check_whole(v);
        } while (lie.told);
        assert_true(bit > 40);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_M1_one_seed_tells_of_all),
        TEST(two_meshes_find_each_other_through_a_seed),
        TEST(a_seed_behind_another_address_is_dialled_once),
        TEST(seeds_are_tried_in_turn_less_and_less_often),
        TEST(one_seed_may_be_ourselves),
        TEST(members_are_told_when_views_differ),
        TEST(both_may_dial_at_once),
        TEST(an_answered_ask_wakes_nobody),
        TEST(row_30_a_restarted_peer_is_asked_again_within_two_round_trips),
        TEST(row_30_a_peer_under_another_key_costs_no_second_connection),
        TEST(a_peer_that_dials_back_is_left_alone_no_longer),
        TEST(a_node_of_another_mesh_is_refused_by_name),
        TEST(bytes_that_are_no_stream_are_counted),
        TEST(who_connects_and_says_nothing_is_let_go),
        TEST(feat_R3_more_asks_than_a_link_takes_go_elsewhere),
        TEST(any_bit_of_an_ask_may_be_wrong),
        TEST(any_bit_of_credit_and_cancel_may_be_wrong),
        TEST(rob_M1_a_bomb_in_a_frame_is_counted),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
