/* test_steering.c - the engine between the mesh and node/steer: what one node measures others choose by, and nobody is
 * sent to who is dead, silent, drained, or on a link that is not well. */
#include "engine_world.h"

#include "node/steer/choose.h"

static struct world *w;
static const char *const viewer_text = "203.0.113.7:1";

static void deliver(struct mesh *m, const struct node_id *to, struct slice bytes)
{
    for (int i = 0; i < w->n; i++) {
        if (node_id_eq(id_of(i), to) && w->nodes[i].engine != NULL)
            fake_cast(mesh_of(w, i), &m->self->cert.id, bytes);
    }
}

static struct steer_facts facts_of(int n)
{
    return (struct steer_facts){
        .addrs = { mesh_addr_v4(0x0a000001u + (uint32_t)n, 0) }, .addrs_n = 1, .http = 80, .ready = true
    };
}

static int begin(void **state)
{
    (void)state;
    w = world_new(3);
    for (int i = 0; i < 3; i++) {
        mesh_of(w, i)->cast = deliver;
        for (size_t k = 1; k < mesh_of(w, i)->n; k++)
            mesh_of(w, i)->members[k].rtt = MS(20);
    }
    world_run(w, SEC(2));
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

static void all_are_edges(void)
{
    for (int i = 0; i < 3; i++) {
        struct steer_facts f = facts_of(i);
        engine_edge(engine_of(w, i), w->now, &f);
    }
    world_run(w, SEC(5));
}

static void measured(int n, mesh_ns rtt)
{
    struct mesh_addr viewer;

    assert_int_equal(mesh_addr_parse(slice_str(viewer_text), &viewer), 0);
    for (int i = 0; i < 8; i++)
        engine_viewer_rtt(engine_of(w, n), w->now, &viewer, "", rtt);
}

/* Which node |at| sends the viewer to, -1: none; |*why| (if not NULL) is what it holds of node |of|. */
static int chosen(int at, int of, enum steer_reason *why, struct steer_pick *first)
{
    struct steer_view *v = steer_view(engine_steer(engine_of(w, at)), w->now);
    struct steer_ask ask = { .client_bits = 32 };
    struct steer_pick all[NODES];
    struct steer_choice c;
    int who = -1;

    assert_non_null(v);
    assert_int_equal(mesh_addr_parse(slice_str(viewer_text), &ask.client), 0);
    steer_choose(v, &ask, &c);
    for (int i = 0; i < w->n && c.n > 0; i++) {
        if (node_id_eq(id_of(i), &v->edges[c.picks[0].edge].id))
            who = i;
    }
    if (first != NULL)
        *first = c.picks[0];
    size_t n = steer_explain(v, &ask, all, NODES);
    for (size_t i = 0; i < n && why != NULL; i++) {
        if (node_id_eq(id_of(of), &v->edges[all[i].edge].id))
            *why = all[i].reason;
    }
    steer_view_unref(v);
    return who;
}

/* ---- stories ---- */

static void who_is_no_edge_says_nothing(void **state)
{
    (void)state;
    measured(0, MS(10));
    world_run(w, SEC(20));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(steer_counters(engine_steer(engine_of(w, i)))->said, 0);
        assert_int_equal(steer_counters(engine_steer(engine_of(w, i)))->heard, 0);
    }
}

static void feat_L4_what_one_measures_all_choose_by(void **state)
{
    struct steer_pick first;

    (void)state;
    all_are_edges();
    measured(1, MS(12));
    measured(2, MS(80));
    world_run(w, SEC(6));
    for (int at = 0; at < 3; at++) {
        assert_int_equal(chosen(at, 0, NULL, &first), 1);
        assert_int_equal(first.basis, STEER_BY_MEASURED);
        assert_in_range(first.us, 11000, 13000);
        assert_true(steer_counters(engine_steer(engine_of(w, at)))->heard > 0);
        assert_int_equal(steer_counters(engine_steer(engine_of(w, at)))->refused, 0);
    }
}

static void the_time_to_members_makes_coordinates(void **state)
{
    (void)state;
    all_are_edges();
    world_run(w, SEC(60));
    struct steer_view *v = steer_view(engine_steer(engine_of(w, 0)), w->now);
    assert_non_null(v);
    assert_int_equal(v->edges_n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(v->edges[i].facts.at.error_permille != 0);
    steer_view_unref(v);
}

static void feat_L3_who_is_known_to_be_dead_is_never_chosen(void **state)
{
    enum steer_reason why;

    (void)state;
    all_are_edges();
    measured(1, MS(12));
    world_run(w, SEC(6));
    assert_int_equal(chosen(0, 1, &why, NULL), 1);
    node_stop(w, 1, true);
    fake_down(mesh_of(w, 0), id_of(1), true);
    fake_find(mesh_of(w, 0), id_of(1))->record.state = MEMBER_DEAD;
    world_run(w, SEC(1) + MS(1)); /* the fake mesh tells of no change: it is looked at */
    assert_true(chosen(0, 1, &why, NULL) != 1);
    assert_int_equal(why, STEER_REASON_DEAD);
}

static void feat_L3_who_is_silent_is_gone_within_10_s(void **state)
{
    enum steer_reason why;

    (void)state;
    all_are_edges();
    measured(1, MS(12));
    world_run(w, SEC(6));
    node_stop(w, 1, false); /* nobody notices */
    world_run(w, SEC(10) + MS(1));
    assert_true(chosen(0, 1, &why, NULL) != 1);
    assert_int_equal(why, STEER_REASON_SILENT);
}

static void feat_L3_a_drain_is_known_at_once(void **state)
{
    struct steer_facts f = facts_of(1);
    enum steer_reason why;

    (void)state;
    all_are_edges();
    measured(1, MS(12));
    world_run(w, SEC(6));
    assert_int_equal(chosen(0, 1, NULL, NULL), 1);
    f.draining = true;
    engine_edge(engine_of(w, 1), w->now, &f);
    world_run(w, MS(5)); /* it is said, */
    world_run(w, MS(5)); /* and heard */
    assert_true(chosen(0, 1, &why, NULL) != 1);
    assert_int_equal(why, STEER_REASON_DRAINING);
}

/* Membership is slow; what our own links show is not. */
static void feat_L3_who_does_not_answer_us_is_not_chosen(void **state)
{
    enum steer_reason why;

    (void)state;
    all_are_edges();
    measured(1, MS(12));
    world_run(w, SEC(6));
    mesh_link(mesh_of(w, 0), id_of(1), MESH_NS_NEVER);
    world_run(w, SEC(1) + MS(1));
    assert_true(chosen(0, 1, &why, NULL) != 1);
    assert_int_equal(why, STEER_REASON_DEAD);
    mesh_link(mesh_of(w, 0), id_of(1), 0);
    world_run(w, SEC(1) + MS(1));
    assert_int_equal(chosen(0, 1, &why, NULL), 1);
}

static void who_is_no_member_any_more_leaves_views(void **state)
{
    struct mesh *m = mesh_of(w, 0);

    (void)state;
    all_are_edges();
    node_stop(w, 2, false);
    m->n--; /* the last one */
    world_run(w, SEC(61));
    struct steer_view *v = steer_view(engine_steer(engine_of(w, 0)), w->now);
    assert_non_null(v);
    assert_int_equal(v->edges_n, 2);
    steer_view_unref(v);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_no_edge_says_nothing),
        TEST(feat_L4_what_one_measures_all_choose_by),
        TEST(the_time_to_members_makes_coordinates),
        TEST(feat_L3_who_is_known_to_be_dead_is_never_chosen),
        TEST(feat_L3_who_is_silent_is_gone_within_10_s),
        TEST(feat_L3_a_drain_is_known_at_once),
        TEST(feat_L3_who_does_not_answer_us_is_not_chosen),
        TEST(who_is_no_member_any_more_leaves_views),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
