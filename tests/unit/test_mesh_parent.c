/* test_mesh_parent.c - members find their origin's parent region, and know its ring besides their own. */
#include "mesh_world.h"

#define EACH MS(20000) /* which region is nearest is asked so often here */

static struct identity far[3];

/* Nodes 0 to 2 are in eu, 3 to 5 in us. */
static int regions(void **state)
{
    setup(state);
    for (int i = 0; i < 3; i++) {
        char name[16], zone[16];
        snprintf(name, sizeof(name), "f%d", i);
        snprintf(zone, sizeof(zone), "us/z%d", i);
        far[i] = admit(&authority, name, zone, 1);
    }
    return 0;
}

/* |parent| as configured; the origin is so far from each region. */
static struct world *two_regions(const char *parent, mesh_ns from_eu, mesh_ns from_us, const struct mesh_rings *rings)
{
    struct world *w = world_new();

    for (int i = 0; i < NODES; i++) {
        struct node *node = &w->nodes[i];
        if (i >= 3)
            node->id = &far[i - 3];
        node->origin_rtt = i < 3 ? from_eu : from_us;
        node->boot = 1;
        struct mesh_config cfg = config_of(w, i);
        cfg.parent_region = slice_str(parent);
        cfg.parent_period = EACH;
        if (rings != NULL)
            cfg.rings = *rings;
        start_with(w, i, &cfg);
        if (i > 0)
            exchange(w, i, 0);
    }
    return w;
}

/* All say that |want| is the parent; |parents| of the other region know its ring. */
static void check_parent(struct world *w, const char *want)
{
    for (int i = 0; i < NODES; i++) {
        bool measured, child = want[0] != '\0' && strcmp(want, i < 3 ? "eu" : "us") != 0;
        struct mesh *m = w->nodes[i].mesh;
        if (m == NULL)
            continue;
        struct slice name = mesh_parent_name(m, &measured);
        if (!slice_eq(name, slice_str(want)))
            fail_msg("n%d: the parent is \"%.*s\", not \"%s\"", i, SLICE_FMT(name), want);
        assert_int_equal(mesh_parent_ring(m) != NULL, child);
        if (child)
            assert_int_equal(ring_epoch(mesh_parent_ring(m)), epoch(w, i < 3 ? 3 : 0));
        assert_int_equal(ring_size(mesh_ring(m)), 3);
    }
}

static void feat_M18_the_nearest_region_is_the_parent(void **state)
{
    struct parent_region r[4];
    struct world *w = two_regions("auto", MS(80), MS(5), NULL);

    (void)state;
    run_for(w, SEC(20));
    check_parent(w, "us");
    for (int i = 0; i < NODES; i++) { /* each has measured once, and heard of all others */
        assert_int_equal(w->nodes[i].probes, 1);
        assert_int_equal(mesh_parent_regions(mesh_of(w, i), r, 4), 2);
        assert_true(slice_eq(r[0].name, SLICE_LIT("eu")) && r[0].median_us == 80000 && r[0].members == 3);
        assert_true(slice_eq(r[1].name, SLICE_LIT("us")) && r[1].median_us == 5000 && r[1].stated == 3);
    }
    world_free(w);
}

static void it_moves_with_what_is_measured_but_not_for_little(void **state)
{
    struct world *w = two_regions("", MS(80), MS(75), NULL);

    (void)state;
    run_for(w, SEC(20));
    check_parent(w, "us");
    for (int i = 0; i < NODES; i++)
        mesh_origin_rtt(mesh_of(w, i), w->now, i < 3 ? MS(40) : MS(75)); /* smoothed: eu comes to 70 */
    run_for(w, 2 * EACH);
    check_parent(w, "us");
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < 3; i++)
            mesh_origin_rtt(mesh_of(w, i), w->now, MS(40));
    }
    run_for(w, 2 * EACH);
    check_parent(w, "eu");
    world_free(w);
}

/* All are told so of another configuration. */
static void feat_M18_another_origin_is_measured_anew(void **state)
{
    struct world *w = two_regions("", MS(80), MS(5), NULL);
    struct parent_region r[2];

    (void)state;
    run_for(w, SEC(20));
    check_parent(w, "us");
    for (int i = 0; i < NODES; i++) {
        w->nodes[i].origin_rtt = i < 3 ? MS(5) : MS(80);
        mesh_origin_other(mesh_of(w, i), w->now);
    }
    run_for(w, SEC(1));
    for (int i = 0; i < NODES; i++)
        assert_int_equal(w->nodes[i].probes, 2); /* at once */
    run_for(w, 2 * EACH);
    check_parent(w, "eu");
    assert_int_equal(mesh_parent_regions(mesh_of(w, 0), r, 2), 2);
    assert_int_equal(r[0].median_us, 5000); /* not smoothed with what was before */
    world_free(w);
}

static void a_parent_region_that_dies_is_none(void **state)
{
    struct world *w = two_regions("auto", MS(80), MS(5), NULL);

    (void)state;
    run_for(w, SEC(20));
    for (int i = 3; i < NODES; i++)
        stop(w, i);
    run_for(w, SEC(60));
    for (int i = 0; i < 3; i++) {
        bool measured;
        assert_null(mesh_parent_ring(mesh_of(w, i)));
        assert_true(slice_eq(mesh_parent_name(mesh_of(w, i), &measured), SLICE_LIT("eu")));
    }
    world_free(w);
}

static void a_parent_may_be_named(void **state)
{
    static const struct {
        const char *configured, *want;
    } cases[] = { { "eu", "eu" }, { "us", "us" }, { "none", "" } };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world *w = two_regions(cases[i].configured, MS(80), MS(5), NULL);
        run_for(w, SEC(15));
        check_parent(w, cases[i].want);
        for (int n = 0; n < NODES; n++)
            assert_int_equal(w->nodes[n].probes, 0); /* nobody needs to know */
        world_free(w);
    }
    struct world *w = two_regions("mars", 0, 0, NULL); /* nobody is there */
    run_for(w, SEC(15));
    for (int i = 0; i < NODES; i++)
        assert_null(mesh_parent_ring(mesh_of(w, i)));
    world_free(w);
}

static void one_region_measures_and_chooses_nothing(void **state)
{
    struct world *w = company(3);
    bool measured;

    (void)state;
    mesh_origin_rtt(mesh_of(w, 0), w->now, MS(10)); /* a fetch's */
    run_for(w, SEC(400));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w->nodes[i].probes, 0);
        assert_int_equal(mesh_parent_name(mesh_of(w, i), &measured).len, 0);
        assert_null(mesh_parent_ring(mesh_of(w, i)));
    }
    struct parent_region r[2];
    assert_int_equal(mesh_parent_regions(mesh_of(w, 1), r, 2), 1);
    assert_int_equal(r[0].stated, 0); /* n0 has not said it */
    world_free(w);
}

static void the_parents_ring_follows_its_members(void **state)
{
    struct world *w = two_regions("us", 0, 0, NULL);

    (void)state;
    run_for(w, SEC(10));
    uint64_t changes = ring_changes(w, 0);
    stop(w, 4);
    run_for(w, SEC(30));
    assert_int_equal(ring_size(mesh_parent_ring(mesh_of(w, 0))), 2);
    assert_int_equal(ring_epoch(mesh_parent_ring(mesh_of(w, 0))), epoch(w, 3));
    assert_int_equal(ring_changes(w, 0), changes); /* ours has not moved */
    for (int i = 0; i < NODES; i++) {
        if (i != 4)
            assert_int_equal(mesh_alive(mesh_of(w, i)), 5);
    }
    world_free(w);
}

static struct ring *shelf[8];

static struct ring *find(void *ctx, uint64_t wanted, uint32_t arcs)
{
    (void)ctx;
    for (size_t i = 0; i < 8; i++) {
        if (shelf[i] != NULL && ring_epoch(shelf[i]) == wanted && ring_arcs(shelf[i]) == arcs)
            return ring_ref(shelf[i]);
    }
    return NULL;
}

static void keep(void *ctx, struct ring *made)
{
    unsigned *next = ctx;

    ring_unref(shelf[*next % 8]);
    shelf[(*next)++ % 8] = ring_ref(made);
}

static void the_parents_table_may_be_shared(void **state)
{
    unsigned next = 0;
    struct mesh_rings rings = { &next, find, keep };
    struct world *w = two_regions("us", 0, 0, &rings);

    (void)state;
    run_for(w, SEC(10));
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(mesh_parent_ring(mesh_of(w, i)), mesh_ring(mesh_of(w, 3)));
    world_free(w);
    for (size_t i = 0; i < 8; i++)
        ring_unref(shelf[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_M18_the_nearest_region_is_the_parent),
        cmocka_unit_test(it_moves_with_what_is_measured_but_not_for_little),
        cmocka_unit_test(feat_M18_another_origin_is_measured_anew),
        cmocka_unit_test(a_parent_region_that_dies_is_none),
        cmocka_unit_test(a_parent_may_be_named),
        cmocka_unit_test(one_region_measures_and_chooses_nothing),
        cmocka_unit_test(the_parents_ring_follows_its_members),
        cmocka_unit_test(the_parents_table_may_be_shared),
    };
    return cmocka_run_group_tests(tests, regions, NULL);
}
