/* test_engine_reach.c - can the others dial us, and where? CALL, what follows when they cannot, and what
 * each side says of the other's address. */
#include "engine_world.h"

static struct world *w;

/* Node 1 joins through node 0. Both look each second whether they are reached. */
static int begin(void **state)
{
    (void)state;
    w = world_bare(2);
    for (int i = 0; i < 2; i++) {
        w->nodes[i].cfg.timers.reach_wait = SEC(6);
        w->nodes[i].cfg.has_seeds = i > 0;
        node_start(w, i, false);
    }
    engine_seeds(engine_of(w, 1), w->now, &w->nodes[0].addr, 1);
    world_run(w, MS(500));
    assert_int_equal(mesh_count(mesh_of(w, 0)), 2);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

static bool lost(int n)
{
    bool alarm = (engine_alarms(engine_of(w, n), w->now) & ALARM_BIT(unreached)) != 0;
    assert_int_equal(mesh_of(w, n)->unreached, alarm);
    return alarm;
}

static size_t dials_by(int n)
{
    size_t sum = 0;
    for (size_t i = 0; i < w->conns_n; i++)
        sum += w->conns[i].node[0] == n;
    return sum;
}

static void who_only_dialled_is_dialled_for_once(void **state)
{
    (void)state;
    assert_int_equal(dials_by(0), 0);
    world_run(w, SEC(120));
    assert_int_equal(dials_by(0), 1);
    assert_int_equal(dials_by(1), 1);
    assert_false(lost(0));
    assert_false(lost(1));
}

/* Node 0 dials where node 1 says that it is, and nobody is there. However often it is called, it
 * does so each 4 s at most. */
static void who_is_reached_nowhere_gives_up_its_weight_until_it_is_reached(void **state)
{
    (void)state;
    fake_moved(mesh_of(w, 0), id_of(1));
    world_run(w, SEC(4));
    assert_false(lost(1));
    world_run(w, SEC(56));
    assert_true(lost(1));
    assert_false(lost(0));
    assert_in_range(dials_by(0), 10, 15);
    fake_find(mesh_of(w, 0), id_of(1))->record.addrs[0].port--;
    world_run(w, SEC(10));
    assert_false(lost(1));
}

static void who_is_alone_is_not_to_blame(void **state)
{
    (void)state;
    node_stop(w, 0, true);
    fake_down(mesh_of(w, 1), id_of(0), true);
    world_run(w, SEC(60));
    assert_false(lost(1));
}

/* Who was dialled learns at what address, the other one from where its bytes come. */
static void each_is_told_where_it_is_seen(void **state)
{
    struct mesh_addr dialler = w->nodes[1].addr;
    (void)state;
    dialler.port = 0;
    assert_true(mesh_addr_eq(&mesh_of(w, 0)->outside, &w->nodes[0].addr));
    assert_true(mesh_addr_eq(&mesh_of(w, 1)->outside, &dialler));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_only_dialled_is_dialled_for_once),
        TEST(who_is_reached_nowhere_gives_up_its_weight_until_it_is_reached),
        TEST(each_is_told_where_it_is_seen),
        TEST(who_is_alone_is_not_to_blame),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
