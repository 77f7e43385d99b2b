/* test_mesh.c - joining, restarts, leaving, twins, and what replays and forgeries do. */
#include "mesh_world.h"
#include "node/core/mesh_impl.h"

static void a_node_alone_owns_everything_at_once(void **state)
{
    (void)state;
    struct world *w = world_new();
    const struct ring_member *owners[RING_OWNERS];
    struct mesh_member m;

    start(w, 0, 1);
    assert_int_equal(ring_owners(mesh_ring(mesh_of(w, 0)), 77, owners), 1);
    assert_true(node_id_eq(&owners[0]->id, id_of(w, 0)));
    assert_int_equal(mesh_count(mesh_of(w, 0)), 1);
    assert_true(mesh_member(mesh_of(w, 0), 0, &m));
    assert_string_equal(m.cert->name, "n0");
    assert_false(mesh_member(mesh_of(w, 0), 1, &m));
    assert_false(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    run_for(w, SEC(5));
    assert_int_equal(ring_changes(w, 0), 1);
    world_free(w);
}

static void joined_nodes_agree_on_members_and_ring(void **state)
{
    (void)state;
    struct world *w = company(5);
    struct mesh_member m;

    check_agreed(w, 5, 5);
    for (int i = 0; i < 5; i++) {
        assert_in_range(ring_changes(w, i), 2, 3);
        assert_int_equal(w->nodes[i].deaths, 0);
        assert_int_equal(mesh_counters(mesh_of(w, i))->datagrams_malformed, 0);
        assert_int_equal(mesh_counters(mesh_of(w, i))->datagrams_replayed, 0);
        assert_int_equal(mesh_counters(mesh_of(w, i))->certs_refused, 0);
    }
    run_for(w, SEC(10));
    assert_true(mesh_find(mesh_of(w, 1), id_of(w, 2), &m));
    assert_true(m.reachable);
    assert_true(m.rtt >= 2 * DELAY && m.rtt < 4 * DELAY);
    assert_true(slice_eq(m.cert_raw, identity_cert(&identities[2])));
    world_free(w);
}

static void a_lost_boot_file_is_outgrown(void **state)
{
    (void)state;
    struct world *w = company(4);
    struct mesh_member m;

    for (int again = 0; again < 2; again++) { /* restarted at once, and after it was found dead */
        stop(w, 2);
        run_for(w, again ? SEC(12) : MS(500));
        join(w, 2, 1, 0);
        run_for(w, SEC(8));
        check_agreed(w, 4, 4);
        assert_true(mesh_boot(mesh_of(w, 2)).number > 12);
        assert_true(mesh_find(mesh_of(w, 1), id_of(w, 2), &m));
        assert_int_equal(m.record->boot, mesh_boot(mesh_of(w, 2)).number);
        assert_int_equal(m.record->state, MEMBER_ALIVE);
        assert_int_equal(w->nodes[2].twins, 0);
    }
    world_free(w);
}

/* Who will never say that it could not open our last datagram has none kept. */
static void last_payloads_are_forgotten(void **state)
{
    (void)state;
    struct world *w = company(5);
    struct mesh *m = mesh_of(w, 0);
    struct mesh_peer *one = mesh_peer_find(m, id_of(w, 1)), *other = mesh_peer_find(m, id_of(w, 2));

    mesh_send_payload(m, one, &one->seen, SLICE_LIT("hello"));
    m->now += MESH_LAST_KEPT - 1;
    mesh_send_payload(m, other, &other->seen, SLICE_LIT("hello"));
    assert_non_null(one->last);
    m->now++;
    mesh_send_payload(m, other, &other->seen, SLICE_LIT("again"));
    assert_null(one->last);
    assert_int_equal(other->last->len, 5);
    world_free(w);
}

/* A datagram for node |to| that was on its way. */
static struct packet catch_one(struct world *w, int to)
{
    struct packet k;

    w->catch = to;
    w->caught.len = 0;
    for (int i = 0; i < 100 && w->caught.len == 0; i++)
        run_for(w, MS(50));
    assert_int_not_equal(w->caught.len, 0);
    w->catch = -1;
    k = w->caught;
    return k;
}

static void replayed_and_forged_datagrams_are_counted_and_dropped(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct packet k = catch_one(w, 1);
    struct mesh *m = mesh_of(w, 1);
    struct mesh_counters before = *mesh_counters(m);
    uint64_t digest = mesh_digest(m);
    struct mesh_out out;

    mesh_recv(m, w->now, WALL, &k.from, slice_of(k.bytes, k.len));
    assert_int_equal(mesh_counters(m)->datagrams_replayed, before.datagrams_replayed + 1);
    k.bytes[k.len - 1] ^= 1;
    mesh_recv(m, w->now, WALL, &k.from, slice_of(k.bytes, k.len));
    for (size_t len = 0; len < k.len; len++)
        mesh_recv(m, w->now, WALL, &k.from, slice_of(k.bytes, len));
    assert_true(mesh_counters(m)->datagrams_malformed > before.datagrams_malformed);
    assert_int_equal(mesh_counters(m)->datagrams_in, before.datagrams_in + 2 + k.len);
    assert_false(mesh_poll(m, &out)); /* nothing of this is answered */
    assert_int_equal(mesh_digest(m), digest);
    world_free(w);
}

static void whoever_leaves_is_gone_from_the_ring_soon(void **state)
{
    (void)state;
    struct world *w = company(4);
    mesh_ns began = w->now;

    mesh_leave(mesh_of(w, 3), w->now);
    while (!mesh_left(mesh_of(w, 3))) {
        run_for(w, MS(50));
        assert_true(w->now < began + SEC(5));
    }
    stop(w, 3);
    run_for(w, SEC(6));
    assert_int_equal(view(w, 0, 3), MEMBER_LEFT);
    assert_int_equal(w->nodes[0].deaths, 0);
    check_agreed(w, 3, 3);
    world_free(w);
}

static void a_node_that_states_no_address_is_reached_where_it_is_seen(void **state)
{
    (void)state;
    struct world *w = company(2);
    struct mesh_config cfg = config_of(w, 2);
    const struct mesh_addr nowhere = { .port = 0 };

    cfg.addrs_n = 0;
    w->no_streams = true; /* which would tell */
    start_with(w, 2, &cfg);
    for (int i = 0; i < 2; i++) {
        met(w, 2, i);
        assert_int_equal(
            mesh_met(mesh_of(w, i), w->now, &identities[2].cert, identity_cert(&identities[2]), cfg.boot, &nowhere), 0);
    }
    give_members(w, 2, 0);
    give_members(w, 0, 2);
    run_for(w, SEC(15));
    check_agreed(w, 3, 3);
    assert_int_equal(w->nodes[0].deaths + w->nodes[1].deaths, 0);
    assert_true(mesh_gossip_counters(mesh_of(w, 2))->acks > 0);
    world_free(w);
}

static void link_health_steers_requests_and_not_the_ring(void **state)
{
    (void)state;
    struct world *w = company(3);
    uint64_t before = epoch(w, 0);
    struct mesh_member m;

    (void)mesh_links_lapse(mesh_of(w, 0)); /* certificates have come */
    assert_int_equal(mesh_links_lapse(mesh_of(w, 0)), MESH_NS_NEVER);
    mesh_ns until = w->now + SEC(2);
    mesh_link(mesh_of(w, 0), id_of(w, 1), until);
    mesh_link(mesh_of(w, 0), id_of(w, 2), until + SEC(60));
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    assert_false(m.reachable);
    assert_int_equal(m.record->state, MEMBER_ALIVE);
    assert_int_equal(mesh_links_lapse(mesh_of(w, 0)), until);
    run_for(w, SEC(3));
    assert_int_equal(mesh_links_lapse(mesh_of(w, 0)), until); /* told once, then comes the next */
    assert_int_equal(mesh_links_lapse(mesh_of(w, 0)), until + SEC(60));
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    assert_true(m.reachable);
    mesh_link(mesh_of(w, 0), id_of(w, 1), w->now + SEC(100));
    mesh_link(mesh_of(w, 0), id_of(w, 1), 0);
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    assert_true(m.reachable);
    assert_int_equal(epoch(w, 0), before);
    world_free(w);
}

/* It could not be reached, and was restarted: the news of that is enough to try again. */
static void row_30_a_restart_makes_up_for_a_failed_link(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct mesh_member m;

    stop(w, 1);
    mesh_link(mesh_of(w, 0), id_of(w, 1), MESH_NS_NEVER);
    run_for(w, MS(500));
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    assert_false(m.reachable);
    join(w, 1, 20, 2); /* through another one */
    run_for(w, MS(200));
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    assert_int_equal(m.record->boot, 20);
    assert_true(m.reachable);
    world_free(w);
}

static void a_twin_is_told_to_the_one_that_came_last(void **state)
{
    (void)state;
    struct world *w = company(4);
    mesh_ns began;

    run_for(w, SEC(40));
    w->nodes[4].id = &identities[2]; /* a copy of node 2's files, started elsewhere */
    join(w, 4, 13, 0);
    began = w->now;
    while (w->nodes[4].twins == 0 && w->now < began + SEC(30))
        run_for(w, MS(50));
    assert_int_equal(w->nodes[4].twins, 1);
    assert_true(w->nodes[4].twin_boot > 13);
    assert_int_equal(w->nodes[2].twins, 0);
    stop(w, 4);
    run_for(w, SEC(20));
    assert_int_equal(w->nodes[2].twins, 0);
    check_agreed(w, 4, 4);
    world_free(w);
}

/* What is cast arrives sealed and whole, also at one that had to be asked first who it is now; gossip sees none of it.
 */
static void feat_I1_what_is_cast_arrives_after_one_way(void **state)
{
    static const uint8_t bytes[MESH_CAST_MAX] = { 1, 2, 3 };
    struct mesh_member to;

    (void)state;
    struct world *w = company(3);
    for (size_t len = 0; len <= sizeof(bytes); len += 250) {
        assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &to));
        mesh_cast(mesh_of(w, 0), w->now, &to, slice_of(bytes, len));
        drain(w, 0);
        run_for(w, DELAY);
        assert_int_equal(w->nodes[1].casts, 1 + len / 250);
        assert_true(slice_eq(buf_slice(&w->nodes[1].cast), slice_of(bytes, len)));
    }
    assert_int_equal(w->nodes[2].casts, 0);
    assert_int_equal(mesh_gossip_counters(mesh_of(w, 1))->malformed, 0);
    stop(w, 1);
    start(w, 1, 99); /* another run: it is told so, and the bytes go again */
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &to));
    mesh_cast(mesh_of(w, 0), w->now, &to, SLICE_LIT("again"));
    drain(w, 0);
    run_for(w, 5 * DELAY);
    assert_true(slice_eq(buf_slice(&w->nodes[1].cast), SLICE_LIT("again")));
    world_free(w);
}

/* A cast that is cut or has more in it than it may is nobody's. */
static void a_malformed_cast_is_dropped(void **state)
{
    (void)state;
    struct world *w = company(2);
    const struct mesh_counters *c = mesh_counters(mesh_of(w, 1));
    uint64_t before = c->datagrams_malformed;
    struct held_cert held = { .cert = identities[0].cert };
    const struct mesh_peer from = { .held = &held };

    assert_true(mesh_cast_take(mesh_of(w, 1), &from, SLICE_LIT("\x82\x01\x06\x09\xc4\x05hell")));
    assert_true(mesh_cast_take(mesh_of(w, 1), &from, SLICE_LIT("\x82\x01\x06\x09\xa5hello")));
    assert_true(mesh_cast_take(mesh_of(w, 1), &from, SLICE_LIT("\x82\x01\x06\x09\xc4\x05hello!")));
    assert_int_equal(c->datagrams_malformed, before + 3);
    assert_false(mesh_cast_take(mesh_of(w, 1), &from, SLICE_LIT("\x83\x01\x06\x09\xc4\x05hello")));
    assert_false(mesh_cast_take(mesh_of(w, 1), &from, SLICE_LIT("\x82\x01")));
    drain(w, 1);
    assert_int_equal(w->nodes[1].casts, 0);
    assert_true(mesh_cast_take(mesh_of(w, 1), &from, SLICE_LIT("\x82\x01\x06\x09\xc4\x05hello")));
    drain(w, 1);
    assert_true(slice_eq(buf_slice(&w->nodes[1].cast), SLICE_LIT("hello")));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_alone_owns_everything_at_once),
        cmocka_unit_test(joined_nodes_agree_on_members_and_ring),
        cmocka_unit_test(a_lost_boot_file_is_outgrown),
        cmocka_unit_test(last_payloads_are_forgotten),
        cmocka_unit_test(replayed_and_forged_datagrams_are_counted_and_dropped),
        cmocka_unit_test(whoever_leaves_is_gone_from_the_ring_soon),
        cmocka_unit_test(a_node_that_states_no_address_is_reached_where_it_is_seen),
        cmocka_unit_test(link_health_steers_requests_and_not_the_ring),
        cmocka_unit_test(row_30_a_restart_makes_up_for_a_failed_link),
        cmocka_unit_test(a_twin_is_told_to_the_one_that_came_last),
        cmocka_unit_test(feat_I1_what_is_cast_arrives_after_one_way),
        cmocka_unit_test(a_malformed_cast_is_dropped),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
