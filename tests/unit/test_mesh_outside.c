/* test_mesh_outside.c - our address as others see it. */
#include "mesh_world.h"

static const struct mesh_addr outside = { .ip = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 }, .port = 7401 };

static struct world *learners(bool learn)
{
    struct world *w = world_new();

    for (int n = 0; n < 4; n++) {
        struct mesh_config cfg = config_of(w, n);
        cfg.learn_addr = learn;
        cfg.port = 7400;
        start_with(w, n, &cfg);
        if (n > 0) {
            met(w, n, 0);
            exchange(w, n, 0);
        }
    }
    settle(w);
    run_for(w, SEC(5));
    return w;
}

/* The addresses of node 0 as node |n| has them. */
static size_t addrs(struct world *w, int n, struct mesh_addr out[GOSSIP_ADDRS_MAX])
{
    struct mesh_member m;

    assert_true(mesh_find(mesh_of(w, n), id_of(w, 0), &m));
    memcpy(out, m.record->addrs, sizeof(m.record->addrs));
    return m.record->addrs_n;
}

static void says(struct world *w, int by, struct mesh_addr at)
{
    mesh_outside(mesh_of(w, 0), w->now, id_of(w, by), &at);
    drain(w, 0);
}

static void what_two_agree_on_is_stated_to_all(void **state)
{
    struct world *w = learners(true);
    struct mesh_addr got[GOSSIP_ADDRS_MAX], own[GOSSIP_ADDRS_MAX];
    size_t n = addrs(w, 0, own);
    (void)state;

    says(w, 1, outside);
    says(w, 1, outside); /* one is one, however often it says so */
    assert_int_equal(addrs(w, 0, got), n);
    says(w, 2, outside);
    assert_int_equal(addrs(w, 0, got), n + 1);
    run_for(w, SEC(3));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(addrs(w, i, got), n + 1);
        assert_true(mesh_addr_eq(&got[0], &own[0]));
        assert_true(mesh_addr_eq(&got[n], &outside));
    }
    /* Another one takes its place; an ip alone goes with our own port. */
    struct mesh_addr moved = outside;
    moved.ip[15]++;
    moved.port = 0;
    says(w, 1, moved);
    says(w, 3, moved);
    moved.port = 7400;
    assert_int_equal(addrs(w, 0, got), n + 1);
    assert_true(mesh_addr_eq(&got[n], &moved));
    world_free(w);
}

static void what_is_no_use_to_others_is_not_learnt(void **state)
{
    struct world *w = learners(true);
    struct mesh_addr got[GOSSIP_ADDRS_MAX];
    size_t n = addrs(w, 0, got);
    static const uint8_t bad[][16] = {
        { 0 },
        { [15] = 1 },
        { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 },
        { [10] = 0xff, [11] = 0xff },
        { [10] = 0xff, [11] = 0xff, [12] = 169, [13] = 254, [15] = 9 },
        { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 1 },
        { 0xfe, 0x80, [15] = 1 },
        { 0xff, 0x02, [15] = 1 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mesh_addr at = { .port = 7400 };
        memcpy(at.ip, bad[i], sizeof(at.ip));
        for (int by = 1; by < 4; by++)
            says(w, by, at);
        assert_int_equal(addrs(w, 0, got), n);
    }
    for (int by = 1; by < 4; by++)
        says(w, by, got[0]); /* the one it has */
    assert_int_equal(addrs(w, 0, got), n);
    world_free(w);
}

static void who_was_told_where_it_is_reached_learns_nothing(void **state)
{
    struct world *w = learners(false);
    struct mesh_addr got[GOSSIP_ADDRS_MAX];
    size_t n = addrs(w, 0, got);
    (void)state;

    for (int by = 1; by < 4; by++)
        says(w, by, outside);
    assert_int_equal(addrs(w, 0, got), n);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_agree_on_is_stated_to_all),
        cmocka_unit_test(what_is_no_use_to_others_is_not_learnt),
        cmocka_unit_test(who_was_told_where_it_is_reached_learns_nothing),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
