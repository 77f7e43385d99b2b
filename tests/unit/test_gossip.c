/* test_gossip.c - stories of a few nodes that watch each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossip_world.h"
#include "proto/base/err.h"
#include "proto/datagram.h"

static void a_lone_node_is_a_mesh(void **state)
{
    struct world *w = world_new(1, 1);
    (void)state;

    world_run(w, SEC(60));
    assert_int_equal(gossip_count(w->nodes[0].g), 1);
    assert_int_equal(w->packets, 0);
    assert_int_equal(gossip_member(w->nodes[0].g, 0)->state, MEMBER_ALIVE);
    assert_null(gossip_member(w->nodes[0].g, 1));
    gossip_leave(w->nodes[0].g, w->now);
    assert_true(gossip_left(w->nodes[0].g));
    world_free(w);
}

/* Only the seed is told of the newcomer, the others hear of it and fetch its certificate. */
static void newcomer_is_known_everywhere(void **state)
{
    struct world *w = world_joined(19, 2);
    (void)state;

    assert_true(world_agree(w));
    world_start(w, w->n, 1);
    w->n++;
    world_join(w, 19, 0);
    mesh_ns took = world_until(w, 19, MEMBER_ALIVE, SEC(5));
    assert_in_range(took, 0, SEC(1));
    assert_int_equal(gossip_count(w->nodes[19].g), 20);
    world_run(w, SEC(3));
    assert_true(world_agree(w));
    assert_int_equal(w->deaths, 0);
    assert_true(w->cert_asks >= 18);
    world_free(w);
}

static void records_without_certificate_wait(void **state)
{
    struct world *w = world_joined(5, 3);
    (void)state;

    w->withhold_certs = true;
    world_start(w, w->n, 1);
    w->n++;
    world_join(w, 5, 0);
    world_run(w, SEC(10));
    size_t knew = 0;
    for (size_t i = 0; i < 5; i++)
        knew += world_view(w, i, 5) >= 0;
    /* The seed, and those whom the newcomer spoke to itself: its packets prove that they hold the certificate. */
    assert_true(knew >= 1);
    w->withhold_certs = false;
    world_run(w, SEC(5));
    assert_true(world_all(w, 5, MEMBER_ALIVE));
    assert_true(world_agree(w));
    world_free(w);
}

static void partition_heals_by_itself(void **state)
{
    static const mesh_ns spans[] = { SEC(60), SEC(7200) };
    (void)state;

    for (size_t s = 0; s < 2; s++) {
        struct world *w = world_joined(10, 13 + s);
        world_split(w, 4, true);
        world_run(w, spans[s]);
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(world_view(w, 0, i), i < 4 ? MEMBER_ALIVE : MEMBER_DEAD);
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(world_view(w, 9, i), i < 4 ? MEMBER_DEAD : MEMBER_ALIVE);
        size_t deaths = w->deaths;
        world_split(w, 4, false);
        world_run(w, SEC(12)); /* the dead are pinged each 10 s after the first 10 minutes */
        for (size_t i = 0; i < 10; i++)
            assert_true(world_all(w, i, MEMBER_ALIVE));
        assert_true(world_agree(w));
        assert_int_equal(w->deaths, deaths);
        world_free(w);
    }
}

/* One node comes back from isolation with everybody dead in its view: nobody else is moved by that. */
static void the_isolated_one_does_not_infect(void **state)
{
    struct world *w = world_joined(12, 15);
    (void)state;

    world_run(w, SEC(20)); /* until n0 has had an answer from everybody: it accuses no others */
    world_split(w, 1, true);
    world_run(w, SEC(60));
    for (size_t i = 1; i < 12; i++)
        assert_int_equal(world_view(w, 0, i), MEMBER_DEAD);
    assert_true(world_all(w, 0, MEMBER_DEAD));
    size_t deaths = w->deaths;
    world_split(w, 1, false);
    world_run(w, SEC(5));
    for (size_t i = 0; i < 12; i++)
        assert_true(world_all(w, i, MEMBER_ALIVE));
    assert_int_equal(w->deaths, deaths);
    world_run(w, SEC(3));
    assert_true(world_agree(w));
    world_free(w);
}

static void restart_with_a_higher_boot(void **state)
{
    struct world *w = world_joined(5, 16);
    struct node_id id = world_id(3);
    (void)state;

    world_crash(w, 3);
    world_run(w, SEC(1));
    world_start(w, 3, 2);
    world_join(w, 3, 1);
    world_run(w, SEC(10));
    assert_true(world_all(w, 3, MEMBER_ALIVE));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(gossip_find(w->nodes[i].g, &id)->boot, 2);
    assert_int_equal(w->deaths, 0);
    assert_true(world_agree(w));
    world_free(w);
}

/* Its boot file is lost: the others know a higher boot, it is told and jumps above. */
static void restart_with_a_lost_boot_file(void **state)
{
    struct world *w = world_new(4, 17);
    struct node_id id = world_id(3);
    (void)state;

    world_crash(w, 3);
    world_start(w, 3, 40);
    for (size_t i = 1; i < 4; i++)
        world_join(w, i, 0);
    world_run(w, SEC(5));
    world_crash(w, 3);
    world_run(w, SEC(10));
    assert_true(world_all(w, 3, MEMBER_DEAD));
    world_start(w, 3, 1);
    world_join(w, 3, 0);
    world_run(w, SEC(5));
    assert_true(w->self_boots >= 1);
    assert_true(world_all(w, 3, MEMBER_ALIVE));
    assert_int_equal(gossip_find(w->nodes[1].g, &id)->boot, 41);
    assert_true(world_agree(w));
    world_free(w);
}

static void duplicates_and_reordering_do_not_matter(void **state)
{
    struct world *w = world_joined(8, 19);
    (void)state;

    w->duplicate_ppm = 300000;
    w->jitter = MS(250); /* later ones overtake */
    for (uint32_t round = 0; round < 20; round++) {
        gossip_weight(w->nodes[round % 8].g, w->now, 100 + round);
        world_poll(w, round % 8);
        world_run(w, MS(300));
    }
    world_run(w, SEC(10));
    assert_true(world_agree(w));
    for (size_t i = 0; i < 8; i++) {
        struct node_id id = world_id(i);
        assert_int_equal(gossip_find(w->nodes[(i + 1) % 8].g, &id)->weight, i < 4 ? 116 + i : 108 + i);
    }
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

/* An update that everybody missed, as if all packets with it had been lost, is found by the digests. */
static void views_that_differ_meet_again(void **state)
{
    struct world *w = world_joined(6, 24);
    struct node_id id = world_id(4);
    (void)state;

    struct member_record r = *gossip_find(w->nodes[0].g, &id);
    w->loss_ppm = 1000000;
    r.counter += 3; /* n4 stated it, n0 alone heard it, and says it to the void */
    r.weight = 50;
    assert_int_equal(gossip_learn(w->nodes[0].g, w->now, &r), 0);
    world_poll(w, 0);
    world_run(w, SEC(1));
    w->loss_ppm = 0;
    world_run(w, SEC(15));
    assert_true(world_agree(w));
    /* n4 heard of it as well, and of itself it knows better. */
    assert_int_equal(gossip_find(w->nodes[1].g, &id)->weight, 100);
    assert_int_equal(gossip_find(w->nodes[1].g, &id)->counter, r.counter + 1);
    size_t after = w->syncs;
    world_run(w, SEC(60));
    assert_int_equal(w->syncs, after); /* nothing to exchange any more */
    world_free(w);
}

/* What nobody has on his lips any more, and is lost in one place, only an exchange brings back. */
static void views_that_go_on_differing_are_exchanged(void **state)
{
    struct world *w = world_joined(6, 24);
    struct node_id id = world_id(5);
    (void)state;

    gossip_leave(w->nodes[5].g, w->now);
    world_poll(w, 5);
    world_run(w, SEC(2));
    world_crash(w, 5);
    world_run(w, SEC(60));
    size_t syncs = w->syncs;
    gossip_forget(w->nodes[0].g, w->now, &id);
    assert_false(world_agree(w));
    world_run(w, SEC(15));
    assert_true(w->syncs > syncs);
    assert_true(world_agree(w));
    assert_int_equal(world_view(w, 0, 5), MEMBER_LEFT);
    size_t after = w->syncs;
    world_run(w, SEC(60));
    assert_int_equal(w->syncs, after);
    world_free(w);
}

static void round_trips_are_measured(void **state)
{
    struct world *w = world_joined(4, 25);
    (void)state;

    w->latency = MS(20);
    w->jitter = 0;
    world_run(w, SEC(120));
    for (size_t i = 1; i < 4; i++) {
        struct node_id id = world_id(i);
        assert_in_range(gossip_rtt(w->nodes[0].g, &id), MS(39), MS(41));
    }
    world_free(w);
}

static void idle_traffic_is_small(void **state)
{
    struct world *w = world_joined(20, 26);
    (void)state;

    world_run(w, SEC(30));
    size_t packets = w->packets;
    uint64_t bytes = w->bytes;
    world_run(w, SEC(60));
    /* Two probes a second and node, a ping and an ack each; nothing rides on them. */
    assert_in_range(w->packets - packets, 60 * 20 * 3, 60 * 20 * 4 + 40);
    assert_in_range((w->bytes - bytes) / (w->packets - packets), 10, 40);
    world_free(w);
}

static void a_restatement_reaches_all(void **state)
{
    struct world *w = world_joined(20, 27);
    struct node_id id = world_id(11);
    (void)state;

    struct member_record own = *gossip_member(w->nodes[11].g, 0);
    own.serial = 77;
    own.addrs[own.addrs_n++] = mesh_addr_v4(0x7f000001, 99);
    gossip_restate(w->nodes[11].g, w->now, &own);
    gossip_restate(w->nodes[11].g, w->now, &own); /* the same again is no news */
    world_poll(w, 11);
    world_run(w, MS(400));
    for (size_t i = 0; i < 20; i++) {
        const struct member_record *r = gossip_find(w->nodes[i].g, &id);
        assert_int_equal(r->serial, 77);
        assert_int_equal(r->addrs_n, 2);
        assert_int_equal(r->counter, 1);
    }
    assert_true(world_agree(w));
    world_free(w);
}

/* One changes its weight: all have it after a few hops, and nobody goes on about it. */
static void news_reach_all_soon_and_are_then_dropped(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct world *w = world_joined(60, 300 + seed);
        struct node_id id = world_id(7);
        size_t know = 0;

        gossip_weight(w->nodes[7].g, w->now, 42);
        world_poll(w, 7);
        uint64_t before = w->bytes;
        world_run(w, MS(300));
        for (size_t i = 0; i < w->n; i++)
            know += gossip_find(w->nodes[i].g, &id)->weight == 42;
        assert_int_equal(know, w->n);
        world_run(w, SEC(2));
        assert_in_range(w->bytes - before, 1, 60 * 22 * 100); /* with the probes of that time */
        before = w->packets;
        uint64_t bytes = w->bytes;
        world_run(w, SEC(5));
        assert_in_range((w->bytes - bytes) / (w->packets - before), 1, 40); /* no record rides any more */
        world_free(w);
    }
}

/* Of a node and second, as they travel. */
static uint64_t sealed_rate(const struct world *w, uint64_t bytes, uint64_t packets, mesh_ns span)
{
    uint64_t all = w->bytes - bytes + (w->packets - packets) * (DATAGRAM_MAX - datagram_payload_max());
    return all / (uint64_t)(span / SEC(1)) / w->n;
}

/* However much is new, a node spreads no more than it may. */
static void a_storm_of_news_keeps_to_the_budget(void **state)
{
    struct world *w = world_joined(40, 31);
    (void)state;

    uint64_t bytes = w->bytes, packets = w->packets;
    for (uint32_t turn = 1; turn <= 100; turn++) {
        for (size_t i = 0; i < w->n; i++) {
            gossip_weight(w->nodes[i].g, w->now, turn);
            world_poll(w, i);
        }
        world_run(w, MS(100));
    }
    assert_in_range(sealed_rate(w, bytes, packets, SEC(10)), 1024, 16 << 10);
    world_run(w, SEC(5));
    assert_true(world_agree(w));
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

/* Little news in many packets: most of what travels is their seals. */
static void a_storm_of_small_packets_keeps_to_the_budget(void **state)
{
    struct world *w = world_joined(12, 34);
    (void)state;

    uint64_t bytes = w->bytes, packets = w->packets;
    for (uint32_t turn = 1; turn <= 500; turn++) {
        for (size_t i = 0; i < 3; i++) {
            gossip_weight(w->nodes[i].g, w->now, turn);
            world_poll(w, i);
        }
        world_run(w, MS(20));
    }
    assert_in_range(sealed_rate(w, bytes, packets, SEC(10)), 1024, 16 << 10);
    world_run(w, SEC(5));
    assert_true(world_agree(w));
    assert_int_equal(w->deaths, 0);
    world_free(w);
}

/* Who missed what has stopped being spread is shown it, without an exchange of everything. */
static void a_latecomer_is_shown_what_changed_last(void **state)
{
    struct world *w = world_joined(30, 33);
    struct node_id id = world_id(3);
    (void)state;

    for (size_t i = 0; i < 29; i++)
        w->cut[i][29] = true;
    gossip_weight(w->nodes[3].g, w->now, 42);
    world_poll(w, 3);
    world_run(w, MS(1500));
    assert_int_not_equal(gossip_find(w->nodes[29].g, &id)->weight, 42);
    assert_int_equal(gossip_find(w->nodes[28].g, &id)->weight, 42);
    for (size_t i = 0; i < 29; i++)
        w->cut[i][29] = false;
    size_t syncs = w->syncs;
    world_run(w, MS(2500));
    assert_int_equal(gossip_find(w->nodes[29].g, &id)->weight, 42);
    assert_int_equal(w->syncs, syncs);
    world_free(w);
}

/* What a node says of the origin is in its own packets: who gets none does not hear of it, and the view is the same. */
/* A network held packets back and lets all go at once: each is answered, and what changed lately is shown to those only
 * that the budget is enough for. */
static void old_pings_at_once_keep_to_the_budget(void **state)
{
    enum { PINGS = 200, BARE = 40 };
    struct world *w = world_joined(12, 33);
    struct buf ping = BUF_EMPTY;
    (void)state;

    for (size_t i = 8; i < 12; i++)
        world_crash(w, i);
    world_run(w, SEC(12));
    struct node_id from = world_id(1);
    const struct member_record *own = gossip_find(w->nodes[1].g, &from);
    struct payload p = { .kind = PAYLOAD_PING, .seq = 1, .view = 1, .boot = own->boot, .counter = own->counter };
    payload_put(&ping, &p, SLICE_EMPTY, 0);
    uint64_t bytes = w->bytes, packets = w->packets;
    for (size_t i = 0; i < PINGS; i++) {
        assert_int_equal(gossip_recv(w->nodes[0].g, w->now, &from, buf_slice(&ping)), 0);
        world_poll(w, 0);
    }
    assert_in_range(w->packets - packets, PINGS, PINGS + 4);
    assert_in_range(w->bytes - bytes, PINGS * 20, 8192 + (PINGS + 4) * BARE);
    buf_free(&ping);
    world_run(w, SEC(10));
    assert_true(world_agree(w));
    world_free(w);
}

static void a_soft_fact_is_heard_from_its_subject_alone(void **state)
{
    struct world *w = world_joined(3, 31);
    (void)state;

    world_cut(w, 0, 2, true);
    world_cut(w, 2, 0, true);
    gossip_origin(w->nodes[0].g, 12345, 0);
    world_run(w, SEC(10));
    assert_int_equal(w->origins_heard[1][0], 12345);
    assert_int_equal(w->origins_heard[2][0], 0);
    assert_int_equal(w->origins_heard[0][1], 0);
    assert_true(world_agree(w));
    gossip_origin(w->nodes[0].g, 777, 9);
    world_cut(w, 0, 2, false);
    world_run(w, SEC(10));
    assert_int_equal(w->origins_heard[1][0], 777);
    assert_int_equal(w->origins_heard[2][0], 777);
    world_free(w);
}

/* Which configuration a node has is heard of whoever has another one, and of nobody who has the same. */
static void another_configuration_is_heard_of(void **state)
{
    struct world *w = world_joined(3, 32);
    (void)state;

    world_run(w, SEC(5));
    gossip_config(w->nodes[0].g, 7);
    gossip_config(w->nodes[1].g, 7);
    world_run(w, SEC(10));
    assert_int_equal(w->configs_heard[2][0], 7);
    assert_int_equal(w->configs_heard[2][1], 7);
    assert_int_equal(w->configs_heard[0][1], 0);
    assert_true(world_agree(w));
    gossip_config(w->nodes[1].g, UINT64_MAX);
    world_run(w, SEC(10));
    assert_true(w->configs_heard[0][1] == UINT64_MAX && w->configs_heard[1][0] == 7);
    world_free(w);
}

static void same_seed_same_history(void **state)
{
    uint64_t hash[3];
    (void)state;

    for (size_t run = 0; run < 3; run++) {
        struct world *w = world_joined(9, run < 2 ? 28 : 29);
        w->loss_ppm = 50000;
        world_run(w, SEC(20));
        world_crash(w, 4);
        world_run(w, SEC(20));
        hash[run] = w->hash;
        world_free(w);
    }
    assert_int_equal(hash[0], hash[1]);
    assert_int_not_equal(hash[0], hash[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_node_is_a_mesh),
        cmocka_unit_test(newcomer_is_known_everywhere),
        cmocka_unit_test(records_without_certificate_wait),
        cmocka_unit_test(partition_heals_by_itself),
        cmocka_unit_test(the_isolated_one_does_not_infect),
        cmocka_unit_test(restart_with_a_higher_boot),
        cmocka_unit_test(restart_with_a_lost_boot_file),
        cmocka_unit_test(duplicates_and_reordering_do_not_matter),
        cmocka_unit_test(views_that_differ_meet_again),
        cmocka_unit_test(views_that_go_on_differing_are_exchanged),
        cmocka_unit_test(round_trips_are_measured),
        cmocka_unit_test(idle_traffic_is_small),
        cmocka_unit_test(a_restatement_reaches_all),
        cmocka_unit_test(news_reach_all_soon_and_are_then_dropped),
        cmocka_unit_test(a_storm_of_news_keeps_to_the_budget),
        cmocka_unit_test(a_storm_of_small_packets_keeps_to_the_budget),
        cmocka_unit_test(a_latecomer_is_shown_what_changed_last),
        cmocka_unit_test(old_pings_at_once_keep_to_the_budget),
        cmocka_unit_test(a_soft_fact_is_heard_from_its_subject_alone),
        cmocka_unit_test(another_configuration_is_heard_of),
        cmocka_unit_test(same_seed_same_history),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
