/* test_mesh_weight.c - what a member states as its weight: growing as a newcomer, nothing
 * while it is found dead too often. */
#include "mesh_world.h"

static uint32_t weight_of(struct world *w, int n, int of)
{
    struct mesh_member m;
    assert_true(mesh_find(mesh_of(w, n), id_of(w, of), &m));
    return m.record->weight;
}

static double share_of(struct world *w, int n, int of)
{
    const struct ring *r = mesh_ring(mesh_of(w, n));
    return (double)ring_share(r, id_of(w, of)) / ring_arcs(r);
}

static void a_newcomer_among_old_ones_grows_in_four_steps(void **state)
{
    static const struct {
        mesh_ns after;
        uint32_t weight;
    } steps[] = {
        { SEC(5), 12 }, { SEC(19), 12 }, { SEC(24), 25 }, { SEC(44), 50 }, { SEC(64), 100 }, { SEC(130), 100 }
    };
    (void)state;
    struct world *w = company(4);

    run_for(w, SEC(60));
    uint64_t changes = ring_changes(w, 0);
    mesh_ns joined = w->now;
    join(w, 4, 14, 2);
    double most = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        run_for(w, joined + steps[i].after - w->now);
        check_agreed(w, 5, 5);
        for (int n = 0; n < 5; n++)
            assert_int_equal(weight_of(w, n, 4), steps[i].weight);
        double share = share_of(w, 0, 4), fair = steps[i].weight / (400.0 + steps[i].weight);
        assert_true(share > fair * 0.9 && share < fair * 1.1);
        assert_true(share >= most); /* never gives back */
        most = share;
    }
    assert_int_equal(ring_changes(w, 0) - changes, 4); /* never more of it at once: it was not in with all first */
    world_free(w);
}

static void a_ramp_s_length_is_set_and_its_first_step_is_never_nothing(void **state)
{
    (void)state;
    struct world *w = world_new();

    for (int i = 0; i < 4; i++) {
        struct mesh_config cfg = config_of(w, i);
        cfg.ramp = SEC(6);
        cfg.weight = i == 3 ? 5 : 0;
        if (i == 3)
            run_for(w, SEC(10));
        start_with(w, i, &cfg);
        if (i > 0)
            exchange(w, i, 0);
    }
    mesh_ns joined = w->now;
    run_for(w, MS(1500));
    assert_int_equal(weight_of(w, 0, 3), 1); /* an eighth of five would be none */
    run_for(w, joined + SEC(5) - w->now);
    assert_int_equal(weight_of(w, 0, 3), 2);
    run_for(w, SEC(3));
    assert_int_equal(weight_of(w, 0, 3), 5);
    world_free(w);
}

/* Everybody is cold: a ramp would move arcs and warm nothing. */
static void a_young_mesh_has_no_ramps(void **state)
{
    (void)state;
    struct world *w = company(3); /* eight seconds old */
    uint64_t changes = ring_changes(w, 0);

    join(w, 3, 13, 0);
    join(w, 4, 14, 1);
    run_for(w, SEC(70));
    check_agreed(w, 5, 5);
    assert_int_equal(weight_of(w, 0, 3), 100);
    assert_int_equal(ring_changes(w, 0) - changes, 1);
    world_free(w);

    w = company(2); /* old, but more of them come than there are */
    run_for(w, SEC(60));
    for (int i = 2; i < 5; i++)
        start(w, i, 10);
    for (int i = 3; i < 5; i++)
        exchange(w, i, 2); /* in company with each other already */
    run_for(w, SEC(3));
    exchange(w, 2, 0);
    run_for(w, SEC(5));
    check_agreed(w, 5, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(weight_of(w, 1, i), 100);
    world_free(w);
}

/* One that came a moment ago passes on what it was told of the ring's age. */
static void a_newcomer_s_newcomer_grows_too(void **state)
{
    (void)state;
    struct world *w = company(4);

    run_for(w, SEC(60));
    join(w, 4, 14, 0);
    run_for(w, SEC(2));
    join(w, 5, 15, 4);
    run_for(w, SEC(5));
    check_agreed(w, 6, 6);
    assert_int_equal(weight_of(w, 0, 4), 12);
    assert_int_equal(weight_of(w, 0, 5), 12);
    world_free(w);
}

static void a_restart_in_place_has_no_ramp_and_a_late_one_has(void **state)
{
    (void)state;
    struct world *w = company(4);

    run_for(w, SEC(60));
    uint64_t before = epoch(w, 0), changes = ring_changes(w, 0);
    stop(w, 2);
    run_for(w, SEC(8)); /* found dead, but its place is kept */
    join(w, 2, 13, 0);
    for (int i = 0; i < 40; i++) {
        run_for(w, MS(500));
        assert_int_equal(epoch(w, 0), before);
    }
    assert_int_equal(ring_changes(w, 0), changes);
    assert_int_equal(weight_of(w, 0, 2), 100);

    stop(w, 2);
    run_for(w, SEC(30)); /* its place is gone */
    assert_int_equal(ring_size(mesh_ring(mesh_of(w, 0))), 3);
    join(w, 2, 14, 0);
    run_for(w, SEC(5));
    check_agreed(w, 4, 4);
    assert_int_equal(weight_of(w, 0, 2), 12);
    run_for(w, SEC(60));
    assert_int_equal(epoch(w, 0), before);
    world_free(w);
}

/* ---- damping ---- */

/* What a peer says that holds |of| for dead. It is not true, and |of| refutes it. */
static void accuse(struct world *w, int of)
{
    struct mesh_member m;

    assert_true(mesh_find(mesh_of(w, of), id_of(w, of), &m));
    struct member_record dead = *m.record;
    dead.state = MEMBER_DEAD;
    tell(mesh_of(w, of), w->now, WALL, identity_cert(w->nodes[of].id), &dead);
    run_for(w, MS(10));
}

static void rob_N4_the_third_death_in_ten_minutes_damps(void **state)
{
    static const mesh_ns lengths[] = { SEC(60), SEC(120), SEC(240) };
    (void)state;
    struct world *w = company(4);
    uint64_t before = epoch(w, 0);

    for (size_t round = 0; round < 3; round++) {
        accuse(w, 1);
        run_for(w, SEC(100));
        accuse(w, 1);
        run_for(w, SEC(100));
        assert_int_equal(weight_of(w, 0, 1), 100);
        assert_int_equal(epoch(w, 0), before);
        accuse(w, 1);
        run_for(w, SEC(5));
        check_agreed(w, 4, 4);
        assert_int_equal(weight_of(w, 0, 1), 0);
        assert_int_equal(ring_share(mesh_ring(mesh_of(w, 0)), id_of(w, 1)), 0);
        assert_int_equal(mesh_counters(mesh_of(w, 1))->dampings, round + 1);
        run_for(w, lengths[round] - SEC(6));
        assert_int_equal(weight_of(w, 0, 1), 0);
        run_for(w, SEC(6));
        check_agreed(w, 4, 4);
        assert_int_equal(weight_of(w, 0, 1), 100);
        assert_int_equal(epoch(w, 0), before);
    }
    run_for(w, SEC(3700)); /* an hour in peace: it begins anew */
    for (int i = 0; i < 3; i++)
        accuse(w, 1);
    run_for(w, SEC(50));
    assert_int_equal(weight_of(w, 0, 1), 0);
    run_for(w, SEC(14));
    assert_int_equal(weight_of(w, 0, 1), 100);
    world_free(w);
}

static void deaths_far_apart_do_no_harm(void **state)
{
    (void)state;
    struct world *w = company(3);

    for (int i = 0; i < 5; i++) {
        accuse(w, 1);
        run_for(w, SEC(305));
        assert_int_equal(weight_of(w, 0, 1), 100);
    }
    assert_int_equal(mesh_counters(mesh_of(w, 1))->dampings, 0);
    world_free(w);
}

/* When most have given up their place, it is the network; who is left keeps its own. */
static void not_all_are_damped(void **state)
{
    unsigned damped = 0;
    (void)state;
    struct world *w = company(5);

    for (int i = 0; i < 5; i++) {
        for (int death = 0; death < 3; death++)
            accuse(w, i);
        run_for(w, SEC(3));
    }
    check_agreed(w, 5, 5);
    for (int i = 0; i < 5; i++)
        damped += weight_of(w, 0, i) == 0;
    assert_in_range(damped, 1, 3);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newcomer_among_old_ones_grows_in_four_steps),
        cmocka_unit_test(a_ramp_s_length_is_set_and_its_first_step_is_never_nothing),
        cmocka_unit_test(a_young_mesh_has_no_ramps),
        cmocka_unit_test(a_newcomer_s_newcomer_grows_too),
        cmocka_unit_test(a_restart_in_place_has_no_ramp_and_a_late_one_has),
        cmocka_unit_test(rob_N4_the_third_death_in_ten_minutes_damps),
        cmocka_unit_test(deaths_far_apart_do_no_harm),
        cmocka_unit_test(not_all_are_damped),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
