/* test_config_hold.c - who is asked by a later configuration than its own gets that first, if it comes at once: so a
 * change under load costs the origin one fetch for each key, and not one for each node. n3 owns everything here. */
#include "engine_dists.h"

#include "node/core/configs_impl.h"
#include "proto/msg.h"

/* The text is the lifetime of what says none: another one, another digest of the distribution, and the same keys. */
static void adopts(struct node *node, struct slice text)
{
    struct dist_behaviour b = usual("*");
    struct dist d = one_dist(&b, 1);
    struct slice number;
    uint64_t seconds;

    assert_true(slice_split(&text, ' ', &number));
    assert_int_equal(slice_u64(number, &seconds), 0);
    b.cache.ttl_default_s = (int64_t)seconds;
    struct dist_set *set = dist_set_of(&d, 1);
    assert_non_null(set);
    assert_int_equal(engine_configure(node->engine, w->now, set), 0);
    dist_set_unref(set);
}

static int change(int n, struct slice text)
{
    struct config_version before = config_log_version(engine_config_log(engine_of(w, n)));
    struct buf why = BUF_EMPTY;
    int err = engine_config_change(engine_of(w, n), w->now, text, &before, "a test", &why);

    buf_free(&why);
    return err;
}

static uint64_t version_at(int n)
{
    return config_log_version(engine_config_log(engine_of(w, n))).counter;
}

static bool lies;

/* A node that tells of what it has, and does not deliver it: its frames say nothing. */
static void keeps_back(void *ctx, uint8_t *frame, size_t len)
{
    (void)ctx;
    if (lies && len > 100 && frame[0] == MSG_CONFIG_PART)
        frame[0] = MSG_PROGRESS;
}

/* All have the first one, and sessions with n3. */
static int honest(void **state)
{
    (void)state;
    lies = false;
    w = world_bare(4);
    w->nodes[0].cfg.outgoing = keeps_back;
    for (int n = 0; n < 4; n++) {
        w->nodes[n].adopts = adopts;
        node_start(w, n, true);
    }
    for (int n = 0; n < 4; n++)
        world_ring(w, n, "3");
    world_run(w, SEC(1));
    assert_int_equal(change(0, S("100")), 0);
    world_run(w, SEC(1));
    site_at(w, "*", 1000);
    for (int n = 0; n < 3; n++)
        assert_int_equal(got(n, "x", "/before", ""), 200);
    assert_int_equal(w->sites[0].fetches, 1);
    assert_int_equal(version_at(3), 1);
    return 0;
}

static int lying(void **state)
{
    (void)honest(state);
    lies = true;
    return 0;
}

static int at_peace(void **state)
{
    (void)state;
    world_run(w, SEC(100));
    world_calm(w);
    for (int n = 0; n < 4; n++)
        assert_int_equal(engine_of(w, n)->configs->held_bytes, 0);
    world_free(w);
    return 0;
}

static void feat_A3_who_asks_by_a_later_configuration_is_answered_by_it(void **state)
{
    (void)state;
    assert_int_equal(change(0, S("200")), 0);
    struct viewer *v = ask_with(0, "x", "/a", "", false); /* the ask is there right behind the news of it */
    world_run(w, MS(150));
    check_whole(v);
    assert_true(v->answer.via_peer);
    assert_int_equal(w->sites[0].fetches, 2);
    assert_int_equal(count(w, 3)->asks_awaiting_config, 1);
    assert_int_equal(count(w, 3)->asks_not_owner, 0);
}

/* n3 is the last to hear of it, and meanwhile asked by all others, for ten keys. */
static void a_change_under_load_does_not_multiply_fetches(void **state)
{
    static char paths[10][8];
    struct viewer *v[10][3];

    (void)state;
    w->nodes[3].slow = MS(40);
    assert_int_equal(change(0, S("200")), 0);
    world_run(w, MS(35));
    for (int n = 0; n < 4; n++)
        assert_int_equal(version_at(n), n < 3 ? 2 : 1);
    for (int i = 0; i < 10; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/%d", i);
        for (int n = 0; n < 3; n++)
            v[i][n] = ask_with(n, "x", paths[i], "", false);
    }
    world_run(w, SEC(1));
    for (int i = 0; i < 30; i++)
        check_whole(v[i / 3][i % 3]);
    assert_int_equal(w->sites[0].fetches, 11); /* and not 31 */
    assert_in_range(count(w, 3)->asks_awaiting_config, 10, 30);
}

/* n1 asks n3 by what was in force before: it hears of the later one, goes to the origin this once, and has it then. */
static void who_asks_by_an_earlier_one_goes_to_the_origin_and_gets_it(void **state)
{
    (void)state;
    w->nodes[1].slow = MS(40);
    assert_int_equal(change(0, S("200")), 0);
    world_run(w, MS(35));
    assert_int_equal(version_at(3), 2);
    assert_int_equal(version_at(1), 1);
    struct viewer *v = ask_with(1, "x", "/a", "", false);
    world_run(w, MS(200));
    check_whole(v);
    assert_false(v->answer.via_peer);
    assert_int_equal(count(w, 3)->asks_not_owner, 1);
    assert_int_equal(count(w, 3)->asks_awaiting_config, 0);
    assert_int_equal(version_at(1), 2);
    struct viewer *u = ask_with(1, "x", "/b", "", false);
    world_run(w, SEC(1));
    assert_true(u->answer.via_peer);
}

static void two_that_ask_each_other_do_not_wait_for_each_other(void **state)
{
    (void)state;
    for (int n = 0; n < 4; n++)
        world_ring(w, n, "03");
    const char *of_3 = path_owned(w, 0, "30"), *of_0 = path_owned(w, 3, "03");
    (void)got(3, "x", of_0, ""); /* a session */
    assert_int_equal(change(0, S("200")), 0);
    struct viewer *a = ask_with(0, "x", of_3, "", false), *b = ask_with(3, "x", of_0, "", false);
    world_run(w, MS(150));
    check_whole(a);
    check_whole(b);
}

/* It costs the one who says so 200 ms, and again only after 5 s; nobody else anything. */
static void feat_A3_a_version_that_never_comes_is_waited_for_once(void **state)
{
    (void)state;
    for (int n = 1; n < 3; n++)
        world_cut(w, n, 0, true);
    assert_int_equal(change(0, S("200")), 0);
    mesh_ns began = w->now;
    struct viewer *v = ask_with(0, "x", "/a", "", false), *other = ask_with(1, "x", "/b", "", false);
    world_run(w, MS(100));
    check_whole(other);
    assert_false(v->done);
    struct viewer *late = ask_with(0, "x", "/c", "", false); /* it waits no longer than the first one */
    world_run(w, SEC(1));
    check_whole(v);
    check_whole(late);
    assert_in_range(v->end_at - began, MS(200), MS(260));
    assert_in_range(late->end_at - began, MS(200), MS(260));
    for (int i = 0; i < 9; i++) { /* for 4 s */
        static char paths[9][8];
        snprintf(paths[i], sizeof(paths[i]), "/d%d", i);
        began = w->now;
        v = ask_with(0, "x", paths[i], "", false);
        world_run(w, MS(400));
        check_whole(v);
        assert_in_range(v->end_at - began, 0, MS(60));
    }
    assert_int_equal(count(w, 3)->asks_awaiting_config, 2);
    assert_int_equal(version_at(3), 1);
}

static void what_the_owner_cannot_read_is_not_waited_for(void **state)
{
    (void)state;
    w->nodes[3].older = true;
    assert_int_equal(change(0, S("200 new")), 0);
    struct viewer *v = ask_with(0, "x", "/a", "", false);
    world_run(w, MS(100));
    check_whole(v); /* it was told at once */
    assert_int_equal(count(w, 3)->asks_awaiting_config, 1);
    assert_int_equal(count(w, 3)->asks_not_owner, 1);
    v = ask_with(0, "x", "/b", "", false);
    world_run(w, MS(100));
    check_whole(v);
    assert_int_equal(count(w, 3)->asks_awaiting_config, 1);
    assert_int_equal(count(w, 3)->asks_not_owner, 2);
}

/* 4 MiB of asks, with paths of 15,000 bytes: what is beyond is told at once. And who leaves meanwhile takes its ask
 * along. */
static void asks_that_wait_have_an_end(void **state)
{
    enum { N = 400 };
    static char paths[N][15001];
    struct viewer *v[N];
    unsigned waited;

    (void)state;
    for (int n = 1; n < 3; n++)
        world_cut(w, n, 0, true);
    assert_int_equal(change(0, S("200")), 0);
    for (int i = 0; i < N; i++) {
        memset(paths[i], 'a', 15000);
        snprintf(paths[i], sizeof(paths[i]), "/%06d", i);
        paths[i][7] = 'a';
        v[i] = ask_with(0, "x", paths[i], "", false);
    }
    world_run(w, MS(100));
    waited = (unsigned)count(w, 3)->asks_awaiting_config;
    assert_in_range(waited, 200, 290);
    for (int i = 0; i < N; i += 2)
        viewer_end(v[i]);
    world_run(w, SEC(1));
    for (int i = 1; i < N; i += 2)
        check_whole(v[i]);
}

int main(void)
{
#define STORY(f) cmocka_unit_test_setup_teardown(f, honest, at_peace)
#define LIE(f)   cmocka_unit_test_setup_teardown(f, lying, at_peace)
    const struct CMUnitTest tests[] = {
        STORY(feat_A3_who_asks_by_a_later_configuration_is_answered_by_it),
        STORY(a_change_under_load_does_not_multiply_fetches),
        STORY(who_asks_by_an_earlier_one_goes_to_the_origin_and_gets_it),
        STORY(two_that_ask_each_other_do_not_wait_for_each_other),
        STORY(what_the_owner_cannot_read_is_not_waited_for),
        LIE(feat_A3_a_version_that_never_comes_is_waited_for_once),
        LIE(asks_that_wait_have_an_end),
    };
    return cmocka_run_group_tests_name("config_hold", tests, setup, NULL);
}
