/* The disk behind memory: what is written, what comes from there, and what does not any more. The disk is a model,
 * which outlives the engine. */
#define LIMIT      (UINT64_C(512) << 10)
#define DISK_BYTES (16u << 20)
#include "engine_disks.h"

#define FLOOD 9u /* things of 65,000 bytes are more than that */

static struct site *thing(const char *path)
{
    struct site *s = site_at(w, path, path[1] == 'f' ? 65000 : 50000);
    s->lines = "ETag: \"1\"\nCache-Control: max-age=1000\n";
    s->validator = "\"1\"";
    return s;
}

static struct viewer *asked(int n, const char *path)
{
    struct viewer *v = ask(w, n, path);
    world_run(w, SEC(1));
    return v;
}

static void sites(void)
{
    static char paths[FLOOD][16];

    for (unsigned i = 0; i < FLOOD; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/flood%u", i);
        thing(paths[i]);
    }
}

/* More than memory holds goes by. */
static void flood(int n)
{
    static char paths[FLOOD][16];

    for (unsigned i = 0; i < FLOOD; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/flood%u", i);
        asked(n, paths[i]);
    }
}

static void check_disk(const struct viewer *v, bool from_disk)
{
    check_result(v, RESULT_HIT);
    check_whole(v);
    assert_int_equal(v->answer.from_disk, from_disk);
}

static void what_is_used_again_comes_from_the_disk(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    sites();
    check_result(asked(0, "/a"), RESULT_MISS);
    assert_int_equal(store_things(stores[0]), 0); /* it may be the only time */
    check_disk(asked(0, "/a"), false);
    assert_int_equal(store_things(stores[0]), 1);
    flood(0);
    assert_int_equal(store_things(stores[0]), 1); /* those were asked for once */
    world_run(w, SEC(1));
    mesh_ns age = w->now;
    struct viewer *v = asked(0, "/a");
    check_disk(v, true);
    assert_true(v->answer.age_ns > SEC(9) && v->answer.age_ns <= age);
    check_disk(asked(0, "/a"), false); /* it is in memory now */
    assert_int_equal(s->fetches, 1);
    assert_int_equal(count(w, 0)->disk_hits, 1);
    assert_int_equal(count(w, 0)->disk_written, 1);
    /* A ghost that comes again is written, too. */
    check_result(asked(0, "/flood7"), RESULT_HIT);
    uint64_t before = store_things(stores[0]);
    check_result(asked(0, "/flood0"), RESULT_MISS);
    assert_int_equal(store_things(stores[0]), before + 1);
}

static void it_outlives_the_process_and_grows_old(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    asked(0, "/a");
    check_disk(asked(0, "/a"), false);
    stop_node(0); /* a kill: nothing was closed */
    world_run(w, SEC(500));
    start_node(0, 2);
    world_run(w, SEC(1));
    struct viewer *v = asked(0, "/a");
    check_disk(v, true);
    assert_in_range(v->answer.age_ns, SEC(500), SEC(510));
    assert_int_equal(s->fetches, 1);
    stop_node(0);
    world_run(w, SEC(500));
    start_node(0, 3);
    world_run(w, SEC(1));
    check_result(asked(0, "/a"), RESULT_REFRESH); /* past its time: validated as any other */
    assert_int_equal(s->validated, 1);
    assert_int_equal(s->sent, 50000);
}

static void at_a_clean_end_memory_is_written(void **state)
{
    (void)state;
    sites();
    for (unsigned i = 0; i < 10; i++)
        asked(0, (const char *[]){ "/flood0", "/flood1", "/flood2", "/flood3", "/flood4" }[i % 5]);
    asked(0, "/flood8");
    uint64_t before = store_things(stores[0]);
    engine_disk_close(engine_of(w, 0), w->now);
    world_run(w, SEC(1));
    assert_true(engine_disk_closed(engine_of(w, 0)));
    assert_true(before == 5 && store_things(stores[0]) == 6);
    stop_node(0);
    start_node(0, 2);
    world_run(w, SEC(1));
    check_disk(asked(0, "/flood8"), true);
}

static void what_changed_does_not_come_back(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    sites();
    asked(0, "/a");
    asked(0, "/a");
    flood(0);
    assert_int_equal(store_things(stores[0]), 1); /* on the disk alone */
    by("DELETE", 0, "/a");
    world_run(w, SEC(1));
    assert_int_equal(store_things(stores[0]), 0);
    stop_node(0);
    start_node(0, 2);
    world_run(w, SEC(1));
    check_result(asked(0, "/a"), RESULT_MISS);
    /* Nor what it was before a newer one took its place in memory. */
    asked(0, "/a");
    flood(0);
    world_run(w, SEC(1000));
    s->version = 2;
    s->validator = "\"2\"";
    s->lines = "ETag: \"2\"\nCache-Control: max-age=1000\n";
    check_result(asked(0, "/a"), RESULT_MISS);
    stop_node(0);
    start_node(0, 3);
    world_run(w, SEC(1));
    struct viewer *v = asked(0, "/a");
    assert_int_equal(v->version, 2);
}

/* The slow disk gets on with what it was told. */
static void catch_up(int n)
{
    disks[n].slow = false;
    while (!list_empty(&disks[n].held)) {
        struct store_op *op = OBJ_OF(list_first(&disks[n].held), struct store_op, link);
        list_remove(&op->link);
        engine_disk_done(engine_of(w, n), w->now, op, model_do(&disks[n], op));
    }
    world_run(w, SEC(1));
}

static void a_drop_meets_a_read_under_way(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    sites();
    asked(0, "/a");
    asked(0, "/a");
    flood(0);
    disks[0].slow = true;
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, MS(10));
    assert_false(list_empty(&disks[0].held));
    by("DELETE", 0, "/a");
    s->version = 2;
    world_run(w, MS(200));
    catch_up(0);
    check_whole(v);
    assert_int_equal(v->version, 2);
    assert_int_equal(count(w, 0)->disk_hits, 0);
}

static void rob_DK3_a_slow_disk_is_not_waited_for(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    sites();
    asked(0, "/a");
    asked(0, "/a");
    flood(0);
    disks[0].slow = true;
    struct viewer *v = ask(w, 0, "/a");
    mesh_ns began = w->now;
    world_run(w, SEC(3));
    check_result(v, RESULT_MISS);
    check_whole(v);
    assert_in_range(v->end_at - began, MS(500), MS(800));
    assert_int_equal(s->fetches, 2);
    assert_int_equal(count(w, 0)->disk_late, 1);
    assert_int_equal(store_things(stores[0]), 0); /* what came took its place there, too */
    catch_up(0);                                  /* what comes then is nobody's */
    check_disk(asked(0, "/a"), false);
}

/* What a disk does not take while it fails is counted, so that it can be seen. */
static void rob_DK2_what_a_failing_disk_does_not_take_is_counted(void **state)
{
    (void)state;
    thing("/a");
    thing("/b");
    asked(0, "/a");
    asked(0, "/b");
    disks[0].fail_write = MESH_E_DISK;
    asked(0, "/a");
    assert_int_equal(count(w, 0)->disk_failures, 1);
    assert_int_equal(count(w, 0)->disk_behind, 0);
    asked(0, "/b");
    assert_int_equal(count(w, 0)->disk_behind, 1);
    assert_int_equal(count(w, 0)->disk_written, 1);
}

static void rob_F2_what_does_not_verify_is_missed(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    sites();
    asked(0, "/a");
    asked(0, "/a");
    flood(0);
    disks[0].files[1].bytes[20000] ^= 1;
    check_result(asked(0, "/a"), RESULT_MISS);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(count(w, 0)->disk_corrupt, 1);
}

static void purge(int n, const char *path)
{
    struct purge_target t = { PURGE_URL, slice_str(path) };
    struct purge_order order = { .who = SLICE_LIT("a test"), .targets = &t, .targets_n = 1 };
    char id[PURGE_ID_MAX];

    assert_int_equal(engine_purge(engine_of(w, n), w->now, &order, id), 0);
}

static void put_on_disk(const char *path)
{
    asked(0, path);
    check_disk(asked(0, path), false);
    flood(0);
}

/* A purge finds it there, too, now and after a restart. */
static void what_was_purged_does_not_come_back(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    thing("/b");
    sites();
    put_on_disk("/a");
    put_on_disk("/b");
    purge(0, "/a");
    s->version = 2;
    struct viewer *v = asked(0, "/a");
    check_result(v, RESULT_MISS);
    assert_int_equal(v->version, 2);
    flood(0);
    check_disk(asked(0, "/b"), true); /* which was not meant */
    put_on_disk("/a");
    purge(0, "/a");
    world_run(w, SEC(1));
    stop_node(0);
    start_node(0, 2);
    world_run(w, SEC(1));
    s->version = 3;
    v = asked(0, "/a");
    check_result(v, RESULT_MISS);
    assert_int_equal(v->version, 3);
}

/* While it was away something was purged; who asks as soon as it is back gets none of that from its disk. */
static void feat_I2_what_was_purged_while_away_does_not_come_from_the_disk(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    sites();
    put_on_disk("/a");
    stop_node(0);
    purge(1, "/a");
    s->version = 2;
    world_run(w, SEC(5));
    w->nodes[0].cfg.has_seeds = true;
    start_node(0, 2);
    struct viewer *v = asked(0, "/a");
    assert_int_equal(v->version, 2);
}

/* With nobody to tell it a node goes on with what it has, after a while. */
static void who_is_alone_goes_on_with_its_disk(void **state)
{
    (void)state;
    thing("/a");
    sites();
    put_on_disk("/a");
    for (int n = 0; n < 3; n++)
        stop_node(n);
    w->nodes[0].cfg.has_seeds = true;
    start_node(0, 2);
    struct viewer *v = asked(0, "/a");
    assert_false(v->done);
    world_run(w, SEC(2));
    check_disk(v, true);
}

/* A purge that was in force but not kept has given its number back: what was fetched since bears it, and must not
 * pass for looked at when the next one takes the same. */
static void lose_a_purge_then_purge(struct site *s)
{
    sites();
    w->nodes[0].disk_full = true;
    purge(0, "/x");
    put_on_disk("/a");
    stop_node(0);
    w->nodes[0].disk_full = false;
    start_node(0, 2);
    world_run(w, SEC(1));
    purge(0, "/a");
    s->version = 2;
}

static void begin_again(uint8_t run)
{
    world_run(w, SEC(1));
    stop_node(0);
    start_node(0, run);
    world_run(w, SEC(1));
}

static void check_is_new(const struct viewer *v)
{
    check_result(v, RESULT_MISS);
    assert_int_equal(v->version, 2);
}

static void a_purge_that_was_lost_does_not_cover_the_next(void **state)
{
    (void)state;
    lose_a_purge_then_purge(thing("/a"));
    check_is_new(asked(0, "/a"));
}

/* Nor in any run after that, when there are as many purges again as the copy was looked at by. */
static void nor_when_it_has_begun_again_since(void **state)
{
    (void)state;
    lose_a_purge_then_purge(thing("/a"));
    begin_again(3);
    check_is_new(asked(0, "/a"));
}

static void a_lost_file_of_purges_covers_none(void **state)
{
    struct site *s = thing("/a");

    (void)state;
    sites();
    purge(0, "/x");
    put_on_disk("/a");
    buf_clear(&w->nodes[0].purges);
    begin_again(2);
    purge(0, "/a");
    s->version = 2;
    begin_again(3);
    check_is_new(asked(0, "/a"));
}

/* As long as the file is there, no copy is fetched again for a purge that came before it, however often we begin. */
static void what_came_after_a_purge_stays(void **state)
{
    (void)state;
    thing("/a");
    sites();
    purge(0, "/a");
    put_on_disk("/a");
    begin_again(2);
    check_disk(asked(0, "/a"), true);
    purge(0, "/x");
    begin_again(3);
    check_disk(asked(0, "/a"), true);
}

static void each_variant_is_found(void **state)
{
    struct site *s = site_at(w, "/v", 1000);
    struct viewer *v;

    (void)state;
    sites();
    s->lines = "ETag: \"1\"\nVary: X-Variant\n";
    s->by_variant = true;
    static const char *const texts[] = { "1", "2", "3" };
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < 3; i++) {
            v = viewer_new(w, 0, "/v");
            fields_add(&v->fields, SLICE_LIT("X-Variant"), slice_str(texts[i]));
            viewer_ask(v);
            world_run(w, SEC(1));
            check_whole(v);
            assert_int_equal(v->version, i + 1);
            if (turn == 2)
                check_result(v, RESULT_HIT);
        }
        if (turn == 1) {
            stop_node(0);
            start_node(0, 2);
            world_run(w, SEC(1));
        }
    }
    assert_int_equal(s->fetches, 3);
    assert_int_equal(count(w, 0)->disk_hits, 2); /* the latest came first, and told what to look for */
}

static void leaves_of_a_body_come_from_the_disk(void **state)
{
    struct site *s = large("/large", 1024 * MIB);

    (void)state;
    sites();
    s->lines = "ETag: \"1\"\nCache-Control: max-age=10000\n";
    for (int turn = 0; turn < 2; turn++) {
        struct want *v = want(0, "/large", 500 * MIB, 200000);
        run(SEC(1));
        read_on(v);
        check_want(v);
    }
    uint64_t sent = s->sent;
    end_all();
    stop_node(0);
    start_node(0, 2);
    run(SEC(1));
    struct want *v = want(0, "/large", 500 * MIB + 1000, 100000);
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->sent, sent);
    assert_int_equal(count(w, 0)->disk_hits, 2);
    end_all();
}

static void peers_are_served_from_the_disk(void **state)
{
    static const char *const paths[] = { "/a", "/b", "/c", "/d", "/e", "/g" };
    unsigned peer = 0;

    (void)state;
    sites();
    for (unsigned i = 0; i < 6; i++) {
        thing(paths[i]);
        for (int n = 0; n < 6; n++)
            asked(n % 3, paths[i]);
    }
    for (int n = 0; n < 30; n++) /* until memory holds none of them any more */
        flood(n % 3);
    disks[0].fail_read = MESH_E_DISK; /* nothing is left here */
    uint64_t before = count(w, 1)->disk_hits + count(w, 2)->disk_hits;
    for (unsigned i = 0; i < 6; i++) {
        struct viewer *v = asked(0, paths[i]);
        check_whole(v);
        if (v->answer.result != RESULT_PEER)
            continue; /* it is the first owner itself */
        assert_true(v->answer.peer_hit);
        peer++;
    }
    assert_in_range(peer, 1, 6);
    assert_in_range(count(w, 1)->disk_hits + count(w, 2)->disk_hits, before + 1, before + 6);
}

/* Who asks without origin gets what is on the disk, but nobody goes further for it. */
static void feat_M21_who_is_asked_upward_looks_on_the_disk(void **state)
{
    struct site *s[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        s[i] = thing(path_owned(w, 0, "12"));
        check_result(asked(1, s[i]->path), RESULT_MISS);
        check_disk(asked(1, s[i]->path), false);
    }
    assert_int_equal(store_things(stores[1]), 2);
    stop_node(1);
    start_node(1, 2); /* with nothing in memory */
    fake_down(mesh_of(w, 0), id_of(1), true);
    check_result(asked(0, s[0]->path), RESULT_PEER);
    assert_int_equal(s[0]->fetches, 1);
    assert_int_equal(count(w, 1)->disk_hits, 1);
    disks[1].fail_read = MESH_E_DISK;
    check_result(asked(0, s[1]->path), RESULT_MISS);
    assert_int_equal(s[1]->fetches, 2);
    assert_int_equal(count(w, 1)->origin_fetches, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK(what_is_used_again_comes_from_the_disk),
        DISK(it_outlives_the_process_and_grows_old),
        DISK(at_a_clean_end_memory_is_written),
        DISK(what_changed_does_not_come_back),
        DISK(a_drop_meets_a_read_under_way),
        DISK(rob_DK3_a_slow_disk_is_not_waited_for),
        DISK(rob_DK2_what_a_failing_disk_does_not_take_is_counted),
        DISK(rob_F2_what_does_not_verify_is_missed),
        DISK(what_was_purged_does_not_come_back),
        DISKS(feat_I2_what_was_purged_while_away_does_not_come_from_the_disk),
        DISKS(who_is_alone_goes_on_with_its_disk),
        DISK(a_purge_that_was_lost_does_not_cover_the_next),
        DISK(nor_when_it_has_begun_again_since),
        DISK(a_lost_file_of_purges_covers_none),
        DISK(what_came_after_a_purge_stays),
        DISK(each_variant_is_found),
        DISK(leaves_of_a_body_come_from_the_disk),
        DISKS(peers_are_served_from_the_disk),
        DISKS(feat_M21_who_is_asked_upward_looks_on_the_disk),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
