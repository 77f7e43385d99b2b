/* test_mesh_ring.c - when members make a new ring, and whom it holds. */
#include "mesh_world.h"

static void a_burst_of_joins_is_few_new_rings(void **state)
{
    (void)state;
    struct world *w = world_new();

    start(w, 0, 1);
    run_for(w, SEC(2));
    for (int i = 1; i < NODES; i++) { /* the quiet second never comes, but patience ends after three */
        join(w, i, 1, 0);
        run_for(w, MS(800));
    }
    assert_int_equal(ring_changes(w, 0), 2);
    run_for(w, SEC(5));
    check_agreed(w, NODES, NODES);
    assert_in_range(ring_changes(w, 0), 2, 4);
    world_free(w);
}

static void a_crash_moves_the_ring_only_after_the_delay(void **state)
{
    (void)state;
    struct world *w = company(5);
    uint64_t before = epoch(w, 0);
    mesh_ns crashed = w->now, dead = 0;
    struct mesh_member m;

    stop(w, 3);
    while (view(w, 0, 3) != MEMBER_DEAD && w->now < crashed + SEC(30)) {
        run_for(w, MS(100));
        dead = w->now;
    }
    assert_in_range(dead - crashed, SEC(3), SEC(12));
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 3), &m));
    assert_false(m.reachable); /* skipped at once */
    run_for(w, MS(9800));
    assert_int_equal(epoch(w, 0), before);
    run_for(w, MS(300));
    assert_int_not_equal(epoch(w, 0), before);
    run_for(w, SEC(5));
    assert_int_equal(w->nodes[0].deaths, 1);
    assert_int_not_equal(epoch(w, 0), before);
    check_agreed(w, 4, 4);
    run_for(w, SEC(20));
    for (int i = 0; i < 3; i++)
        assert_in_range(ring_changes(w, i), 3, 4);
    world_free(w);
}

static void a_restart_moves_nothing(void **state)
{
    (void)state;
    struct world *w = company(4);
    uint64_t before = epoch(w, 0), changes = ring_changes(w, 0);
    struct mesh_member m;

    stop(w, 2);
    run_for(w, SEC(7)); /* long enough to be found dead */
    join(w, 2, 13, 0);
    run_for(w, SEC(15));
    check_agreed(w, 4, 4);
    assert_int_equal(epoch(w, 0), before);
    assert_int_equal(ring_changes(w, 0), changes);
    assert_true(mesh_find(mesh_of(w, 1), id_of(w, 2), &m));
    assert_int_equal(m.record->boot, 13);
    assert_int_equal(mesh_boot(mesh_of(w, 2)).number, 13);
    world_free(w);
}

static void a_ring_holds_its_own_region_and_the_weights_that_certificates_allow(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct identity far = admit(&authority, "far", "us/z1", 1);
    const struct ring *r;

    w->nodes[3].id = &far;
    start(w, 0, 1);
    struct mesh_config cfg = config_of(w, 1);
    cfg.weight = 50;
    start_with(w, 1, &cfg);
    cfg = config_of(w, 2);
    cfg.weight = 10000; /* its certificate allows 100 */
    start_with(w, 2, &cfg);
    start(w, 3, 1);
    for (int i = 1; i <= 3; i++)
        exchange(w, i, 0);
    run_for(w, SEC(6));
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 4);
    r = mesh_ring(mesh_of(w, 0));
    assert_int_equal(ring_size(r), 3);
    assert_int_equal(ring_share(r, &far.cert.id), 0);
    double half = (double)ring_share(r, id_of(w, 1)), full = (double)ring_share(r, id_of(w, 2));
    assert_true(full / half > 1.7 && full / half < 2.3);
    assert_int_equal(epoch(w, 1), epoch(w, 2));

    r = mesh_ring(mesh_of(w, 3)); /* alone in its region */
    assert_int_equal(ring_size(r), 1);
    assert_int_equal(ring_share(r, &far.cert.id), ring_arcs(r));
    world_free(w);
}

static void rob_G6_a_liar_s_weight_is_clamped(void **state)
{
    (void)state;
    struct world *w = company(2);
    struct identity liar = admit(&authority, "liar", "eu/z8", 1);
    struct member_record record = paper(&liar, 60000);

    tell(mesh_of(w, 0), w->now, WALL, identity_cert(&liar), &record);
    run_for(w, SEC(3));
    const struct ring *r = mesh_ring(mesh_of(w, 0));
    assert_int_equal(ring_size(r), 3);
    double ratio = (double)ring_share(r, &liar.cert.id) / (double)ring_share(r, id_of(w, 0));
    assert_true(ratio > 0.8 && ratio < 1.25);
    world_free(w);
}

/* A member dies beside another within the same second: one new table for both. */
static void deaths_of_one_second_are_one_new_ring(void **state)
{
    (void)state;
    struct world *w = company(6);
    uint64_t changes = ring_changes(w, 0);

    stop(w, 3);
    stop(w, 4);
    stop(w, 5);
    mesh_ns first = 0, last = 0;
    for (mesh_ns end = w->now + SEC(20); w->now < end && last == 0;) {
        run_for(w, MS(20));
        unsigned dead = 0;
        for (int i = 3; i < 6; i++)
            dead += view(w, 0, i) == MEMBER_DEAD;
        first = dead > 0 && first == 0 ? w->now : first;
        last = dead == 3 ? w->now : 0;
    }
    assert_true(first > 0 && last > 0);
    run_for(w, first + MS(9900) - w->now);
    assert_int_equal(ring_size(mesh_ring(mesh_of(w, 0))), 6);
    run_for(w, SEC(5));
    assert_int_equal(ring_size(mesh_ring(mesh_of(w, 0))), 3);
    assert_in_range(ring_changes(w, 0) - changes, 1, last - first > SEC(1) ? 2 : 1);
    run_for(w, SEC(5));
    check_agreed(w, 3, 3);
    world_free(w);
}

/* The table before is there to compare with; what is made and given up leaves no trace. */
static void a_change_that_is_taken_back_moves_nothing(void **state)
{
    struct ring_change c;
    (void)state;
    struct world *w = company(4);
    struct mesh *m = mesh_of(w, 0);
    uint64_t before = epoch(w, 0), changes = ring_changes(w, 0);

    assert_non_null(mesh_ring_before(m));
    assert_int_not_equal(ring_epoch(mesh_ring_before(m)), before);
    mesh_drain(m, w->now, true);
    run_for(w, MS(600)); /* before the quiet second is over */
    mesh_drain(m, w->now, false);
    run_for(w, SEC(5));
    for (int i = 0; i < 4; i++)
        assert_int_equal(epoch(w, i), before);
    assert_int_equal(ring_changes(w, 0), changes);

    mesh_drain(m, w->now, true);
    run_for(w, SEC(5));
    check_agreed(w, 4, 4);
    assert_int_equal(ring_share(mesh_ring(m), id_of(w, 0)), 0);
    assert_int_equal(ring_changes(w, 0), changes + 1);
    uint32_t at = 0, lost = 0;
    const struct ring *old = mesh_ring_before(m), *now = mesh_ring(m);
    while (ring_delta(old, now, &at, ring_arcs(now), &c)) {
        assert_true(ring_change_lost(&c, id_of(w, 0)));
        lost += c.first_moved;
    }
    assert_int_equal(lost, ring_share(old, id_of(w, 0)));
    mesh_drain(m, w->now, false);
    run_for(w, SEC(5));
    check_agreed(w, 4, 4);
    assert_int_equal(epoch(w, 2), before);
    world_free(w);
}

/* All that owned something are drained: then all own something again. */
static void somebody_always_owns(void **state)
{
    (void)state;
    struct world *w = company(3);
    uint64_t before = epoch(w, 0);

    for (int i = 0; i < 3; i++)
        mesh_drain(mesh_of(w, i), w->now, true);
    run_for(w, SEC(5));
    check_agreed(w, 3, 3);
    assert_int_equal(epoch(w, 0), before); /* three normal ones */
    for (int i = 0; i < 3; i++)
        assert_true(ring_share(mesh_ring(mesh_of(w, 0)), id_of(w, i)) > 0);
    world_free(w);
}

static struct ring *shared[2];

static struct ring *find_shared(void *ctx, uint64_t wanted, uint32_t arcs)
{
    (*(unsigned *)ctx)++;
    for (size_t i = 0; i < 2; i++) {
        if (shared[i] != NULL && ring_epoch(shared[i]) == wanted && ring_arcs(shared[i]) == arcs)
            return ring_ref(shared[i]);
    }
    return NULL;
}

static void keep_shared(void *ctx, struct ring *made)
{
    (void)ctx;
    ring_unref(shared[1]);
    shared[1] = shared[0];
    shared[0] = ring_ref(made);
}

/* As the simulator has it: who comes to the same members has the same table, not one like it. */
static void tables_may_be_shared(void **state)
{
    unsigned asked = 0;
    (void)state;
    struct world *w = world_new();

    for (int i = 0; i < 3; i++) {
        struct mesh_config cfg = config_of(w, i);
        cfg.rings = (struct mesh_rings){ &asked, find_shared, keep_shared };
        start_with(w, i, &cfg);
        if (i > 0)
            exchange(w, i, 0);
    }
    run_for(w, SEC(8));
    check_agreed(w, 3, 3);
    assert_true(asked >= 3);
    assert_ptr_equal(mesh_ring(mesh_of(w, 0)), mesh_ring(mesh_of(w, 1)));
    assert_ptr_equal(mesh_ring(mesh_of(w, 0)), mesh_ring(mesh_of(w, 2)));
    world_free(w);
    for (size_t i = 0; i < 2; i++) {
        ring_unref(shared[i]);
        shared[i] = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deaths_of_one_second_are_one_new_ring),
        cmocka_unit_test(a_change_that_is_taken_back_moves_nothing),
        cmocka_unit_test(somebody_always_owns),
        cmocka_unit_test(tables_may_be_shared),
        cmocka_unit_test(a_burst_of_joins_is_few_new_rings),
        cmocka_unit_test(a_crash_moves_the_ring_only_after_the_delay),
        cmocka_unit_test(a_restart_moves_nothing),
        cmocka_unit_test(a_ring_holds_its_own_region_and_the_weights_that_certificates_allow),
        cmocka_unit_test(rob_G6_a_liar_s_weight_is_clamped),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
