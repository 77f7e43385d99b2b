/* test_engine_accept.c - connections of strangers: how many may be half open, how often they may come, and that
 * members come through meanwhile. */
#include "engine_world.h"

#define FLOOD 4000

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
    world_free(w);
    return 0;
}

static struct engine_usage usage(int n)
{
    struct engine_usage u;
    engine_usage(engine_of(w, n), &u);
    return u;
}

static struct link *knock(int n, const struct mesh_addr *from)
{
    struct link *l = engine_accept(engine_of(w, n), w->now, from);
    struct conn *c;

    if (l == NULL)
        return NULL;
    c = &w->conns[w->conns_n++];
    assert_true(w->conns_n <= CONNS_MAX);
    *c = (struct conn){ .node = { n, n } };
    c->link[1] = l;
    link_set_io(l, c);
    return l;
}

static struct mesh_addr stranger(uint32_t i)
{
    return mesh_addr_v4(0xc0000000u + i, 40000);
}

static void rob_W2_one_address_has_so_many_half_open(void **state)
{
    struct mesh_addr from = stranger(1), other = stranger(2);

    (void)state;
    node_start(w, 0, true);
    for (int i = 0; i < 64; i++)
        assert_non_null(knock(0, &from));
    from.port++;
    assert_null(knock(0, &from));
    assert_int_equal(usage(0).handshakes, 64);
    assert_int_equal(count(w, 0)->handshakes_limited, 1);
    assert_non_null(knock(0, &other)); /* which is nobody else's trouble */
    /* They say nothing for a second, counted from their first moment, and are gone. */
    world_run(w, MS(900));
    assert_int_equal(usage(0).handshakes, 65);
    world_run(w, MS(200));
    assert_int_equal(usage(0).handshakes, 0);
    assert_int_equal(usage(0).links, 0);
    assert_non_null(knock(0, &from));
    world_run(w, SEC(2));
}

/* A byte now and then does not put the deadline off. */
static void rob_W1_a_slow_handshake_is_let_go(void **state)
{
    struct mesh_addr from = stranger(1);
    struct buf b = BUF_EMPTY;
    const struct preamble p = { .version = PROTOCOL_VERSION, .pattern = 1, .mesh = authority.mesh.id };

    (void)state;
    node_start(w, 0, true);
    struct link *l = knock(0, &from);
    preamble_put(&b, &p);
    for (size_t i = 0; i < 9; i++) {
        engine_received(engine_of(w, 0), w->now, l, slice_of(b.data + i, 1));
        world_run(w, MS(100));
    }
    assert_int_equal(usage(0).links, 1);
    world_run(w, MS(150));
    assert_int_equal(usage(0).links, 0);
    buf_free(&b);
}

static void rob_W3_one_address_has_a_pace(void **state)
{
    struct mesh_addr from = stranger(1);
    unsigned taken = 0;

    (void)state;
    node_start(w, 0, true);
    for (int i = 0; i < FLOOD; i++) { /* each is closed at once and comes again */
        struct link *l = engine_accept(engine_of(w, 0), w->now, &from);
        if (l != NULL)
            engine_disconnected(engine_of(w, 0), w->now, l);
        taken += l != NULL;
    }
    assert_int_equal(taken, 256);
    assert_int_equal(count(w, 0)->handshakes_limited, FLOOD - 256);
    world_run(w, SEC(1));
    assert_non_null(knock(0, &from));
    world_run(w, SEC(2));
}

/* From ever new addresses: there is an end to how many are held and how many come, the oldest make room, and a
 * member's address is let in all the same. */
static void rob_W2_a_flood_from_everywhere_does_not_lock_members_out(void **state)
{
    unsigned taken = 0;

    (void)state;
    w->delay = US(500); /* the member arrives before the pace of all lets another one in */
    for (int i = 0; i < 2; i++) {
        node_start(w, i, true);
        world_ring(w, i, "01");
    }
    struct link *first = NULL;
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct mesh_addr from = stranger(i);
        struct link *l = knock(0, &from);
        first = first != NULL ? first : l;
        taken += l != NULL;
    }
    assert_in_range(taken, 2048, 2048);
    assert_int_equal(usage(0).handshakes, 2048);
    assert_int_equal(count(w, 0)->handshakes_limited, FLOOD - 2048);
    assert_int_equal(count(w, 0)->handshakes_shed, 0);
    /* The member comes through, for which the oldest is given up. */
    struct viewer *v = ask(w, 1, site_at(w, path_owned(w, 1, "0"), 1000)->path);
    world_run(w, MS(100));
    check_result(v, RESULT_MISS);
    assert_true(v->answer.via_peer);
    assert_int_equal(usage(0).sessions, 1);
    assert_int_equal(count(w, 0)->handshakes_shed, 1);
    assert_int_equal(usage(0).handshakes, 2047);
    world_run(w, SEC(2));
    assert_int_equal(usage(0).handshakes, 0);
    assert_int_equal(usage(0).sessions, 1);
    world_calm(w);
}

/* What is no session yet costs no session its place. */
static void an_open_session_is_no_handshake_under_way(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        node_start(w, i, true);
        world_ring(w, i, "01");
    }
    ask(w, 1, site_at(w, path_owned(w, 1, "0"), 1000)->path);
    world_run(w, MS(11)); /* the connection is there */
    assert_int_equal(usage(0).handshakes, 1);
    world_run(w, MS(100));
    assert_int_equal(usage(0).handshakes, 0);
    assert_int_equal(usage(0).sessions, 1);
    assert_int_equal(usage(1).handshakes, 0); /* our own dials are not strangers' */
    struct engine_session s, of_dialler;
    assert_true(engine_session(engine_of(w, 0), id_of(1), &s));
    assert_true(engine_session(engine_of(w, 1), id_of(0), &of_dialler));
    assert_true(of_dialler.dialled && !s.dialled);
    assert_int_equal(s.suite, of_dialler.suite);
    assert_in_range(w->now - s.opened_at, MS(60), MS(111));
    assert_false(engine_session(engine_of(w, 0), id_of(2), &s));
    node_stop(w, 1, true);
    world_run(w, MS(20));
    assert_false(engine_session(engine_of(w, 0), id_of(1), &s));
    world_run(w, SEC(1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rob_W2_one_address_has_so_many_half_open),
        TEST(rob_W1_a_slow_handshake_is_let_go),
        TEST(rob_W3_one_address_has_a_pace),
        TEST(rob_W2_a_flood_from_everywhere_does_not_lock_members_out),
        TEST(an_open_session_is_no_handshake_under_way),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
