/* test_engine.c - one node: its viewers, its cache, its origin. */
#include "engine_world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct world *w;

static int begin(void **state)
{
    (void)state;
    w = world_new(1);
    return 0;
}

/* At the end of each story nothing is under way and nothing is left. */
static int end(void **state)
{
    (void)state;
    world_calm(w);
    world_free(w);
    return 0;
}

static uint64_t memory(void)
{
    struct engine_usage u;
    engine_usage(engine_of(w, 0), &u);
    return u.memory_bytes;
}

static uint64_t objects(void)
{
    struct engine_usage u;
    engine_usage(engine_of(w, 0), &u);
    return u.objects;
}

/* ---- a copy for all ---- */

static void feat_R13_one_fetch_for_all_who_ask_at_once(void **state)
{
    struct site *s = site_at(w, "/a", 100000);
    struct viewer *v[100];

    (void)state;
    s->head_after = SEC(1);
    for (int i = 0; i < 100; i++) {
        v[i] = ask(w, 0, "/a");
        world_run(w, MS(5));
    }
    world_run(w, SEC(2));
    assert_int_equal(s->fetches, 1);
    for (int i = 0; i < 100; i++) {
        check_result(v[i], i == 0 ? RESULT_MISS : RESULT_HIT);
        assert_int_equal(v[i]->answer.collapsed, i > 0);
        assert_true(v[i]->answer.stored && v[i]->answer.has_length && v[i]->answer.length == 100000);
        assert_false(v[i]->answer.via_peer);
    }
    assert_int_equal(count(w, 0)->collapsed, 99);
    assert_int_equal(count(w, 0)->requests_origin, 1);
    assert_int_equal(count(w, 0)->requests_hit, 99);
    assert_int_equal(count(w, 0)->bytes_origin, 100000);
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    assert_string_equal(s->last_from, "example.com id-1");
    assert_string_equal(s->last_fields, ""); /* nothing of a viewer's goes into what all get */
}

static void feat_R14_waiters_stream(void **state)
{
    struct site *s = site_at(w, "/a", 200000);

    (void)state;
    s->piece = 1000;
    s->every = MS(10); /* two seconds in all */
    struct viewer *first = ask(w, 0, "/a");
    world_run(w, MS(25));
    assert_int_equal(first->got, 0);
    world_run(w, MS(10));
    assert_int_equal(first->got, 1000); /* at once, not by the leaf */
    struct viewer *waiter = ask(w, 0, "/a");
    assert_int_equal(waiter->got, 1000);
    world_run(w, SEC(1));
    struct viewer *late = ask(w, 0, "/a");
    assert_int_equal(late->got, first->got);
    assert_true(late->answer.collapsed);
    viewer_end(first); /* the leader leaves: that breaks nobody */
    world_run(w, SEC(2));
    check_result(waiter, RESULT_HIT);
    check_result(late, RESULT_HIT);
    assert_int_equal(s->fetches, 1);
}

static void a_viewer_who_leaves_kills_no_fetch(void **state)
{
    struct site *s = site_at(w, "/a", 50000);
    struct viewer *v = ask(w, 0, "/a");

    (void)state;
    world_run(w, MS(1));
    viewer_end(v); /* before there is a head */
    world_run(w, SEC(1));
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    assert_int_equal(s->fetches, 1);
}

static void feat_C1_bodies_of_all_sizes(void **state)
{
    static const uint64_t lengths[] = {
        0, 1, 1000, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 3 * LEAF_BYTES, 1000003
    };
    char paths[2 * COUNT(lengths)][8];

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(lengths); i++) {
        snprintf(paths[i], sizeof(paths[i]), "/%u", (unsigned)i);
        struct site *s = site_at(w, paths[i], lengths[i / 2]);
        s->chunked = i % 2 == 1;
        s->piece = 7777;
        struct viewer *v = ask(w, 0, paths[i]);
        world_run(w, SEC(1));
        check_result(v, RESULT_MISS);
        assert_int_equal(v->answer.has_length, !s->chunked);
        v = ask(w, 0, paths[i]);
        check_result(v, RESULT_HIT);
        assert_true(v->answer.has_length && v->answer.length == s->length); /* known by now */
        assert_false(v->answer.collapsed);
    }
    assert_int_equal(objects(), 2 * COUNT(lengths));
}

static void rob_P4_one_normal_path_one_copy(void **state)
{
    static const char *const same[] = { "/b/a~?x=%2F", "/b/./%61%7e?x=%2f", "/c/../b/a~?x=%2F", "/%62/a%7E?x=%2F" };
    struct site *s = site_at(w, same[0], 100);

    (void)state;
    for (size_t i = 0; i < COUNT(same); i++) {
        struct viewer *v = ask(w, 0, same[i]); /* the origin is asked for the normal form */
        v->site = s;
        world_run(w, MS(100));
        check_result(v, i == 0 ? RESULT_MISS : RESULT_HIT);
    }
    assert_int_equal(s->fetches, 1);
}

/* ---- freshness ---- */

static void feat_R2_a_day_by_default(void **state)
{
    struct site *s = site_at(w, "/a", 100);

    (void)state;
    s->head_after = 0;
    check_result(ask(w, 0, "/a"), RESULT_MISS);
    world_run(w, SEC(86399));
    struct viewer *v = ask(w, 0, "/a");
    check_result(v, RESULT_HIT);
    assert_true(v->answer.age_ns == SEC(86399) && v->answer.ttl_ns == SEC(1));
    world_run(w, SEC(2));
    s->version = 2;
    v = ask(w, 0, "/a");
    check_result(v, RESULT_MISS);
    assert_int_equal(v->version, 2);
    assert_int_equal(s->fetches, 2);
}

static void feat_R20_errors_are_kept_for_ten_seconds(void **state)
{
    struct site *s = site_at(w, "/a", 100);

    (void)state;
    s->status = 404;
    s->head_after = 0;
    check_result(ask(w, 0, "/a"), RESULT_MISS);
    world_run(w, SEC(9));
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    world_run(w, SEC(2));
    check_result(ask(w, 0, "/a"), RESULT_MISS);
    assert_int_equal(s->fetches, 2);
}

static void an_answer_may_be_old_when_it_comes(void **state)
{
    struct site *s = site_at(w, "/a", 100), *old = site_at(w, "/old", 100);

    (void)state;
    s->lines = "Cache-Control: max-age=60\nAge: 40\n";
    old->lines = "Cache-Control: max-age=60\nAge: 90\n";
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(10));
    check_result(v, RESULT_MISS);
    assert_true(v->answer.age_ns == SEC(40) + MS(20)); /* the time on its way counts */
    assert_null(strstr(v->lines, "Age:"));             /* each hop states its own */
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    world_run(w, SEC(10));
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    /* One that is stale already is for those who waited for it, and for nobody else. */
    struct viewer *a = ask(w, 0, "/old"), *b = ask(w, 0, "/old");
    world_run(w, SEC(1));
    check_result(a, RESULT_MISS);
    check_result(b, RESULT_HIT);
    assert_int_equal(old->fetches, 1);
    a = ask(w, 0, "/old");
    world_run(w, SEC(1));
    check_result(a, RESULT_MISS);
    assert_int_equal(old->fetches, 2);
}

/* ---- what is one request's alone ---- */

static void feat_R15_an_uncacheable_answer_is_not_shared(void **state)
{
    struct site *s = site_at(w, "/a", 70000);
    struct viewer *v[20];

    (void)state;
    s->lines = "Set-Cookie: who=you\n";
    s->head_after = MS(100);
    for (int i = 0; i < 20; i++)
        v[i] = ask(w, 0, "/a");
    assert_int_equal(s->open, 1);
    world_run(w, MS(110));
    assert_int_equal(s->open, 19); /* all at once, none behind another */
    world_run(w, MS(110));
    for (int i = 0; i < 20; i++) {
        check_result(v[i], RESULT_MISS);
        assert_false(v[i]->answer.stored);
    }
    assert_int_equal(s->fetches, 20);
    assert_int_equal(objects(), 0);
    assert_int_equal(memory(), 0);
    /* It is remembered for a minute: nobody waits for another one's answer. */
    v[0] = ask(w, 0, "/a");
    v[1] = ask(w, 0, "/a");
    assert_int_equal(s->open, 2);
    world_run(w, SEC(61));
    v[0] = ask(w, 0, "/a");
    v[1] = ask(w, 0, "/a");
    assert_int_equal(s->open, 1);
    world_run(w, SEC(1));
    assert_int_equal(s->fetches, 24);
}

static void a_cacheable_answer_ends_the_mark(void **state)
{
    struct site *s = site_at(w, "/a", 100);

    (void)state;
    s->lines = "Cache-Control: no-store\n";
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    s->lines = "Cache-Control: max-age=1\n";
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_true(v->answer.stored);
    world_run(w, SEC(1));
    ask(w, 0, "/a");
    ask(w, 0, "/a");
    assert_int_equal(s->open, 1); /* together again */
    world_run(w, SEC(1));
}

static void rob_P7_who_shows_a_pass_gets_an_answer_of_their_own(void **state)
{
    struct site *s = site_at(w, "/a", 100);
    struct viewer *v = viewer_new(w, 0, "/a"), *other;

    (void)state;
    fields_add(&v->fields, SLICE_LIT("Authorization"), SLICE_LIT("Basic x"));
    fields_add(&v->fields, SLICE_LIT("Accept"), SLICE_LIT("text/html"));
    fields_add(&v->fields, SLICE_LIT("Cookie"), SLICE_LIT("a=b"));
    fields_add(&v->fields, SLICE_LIT("Host"), SLICE_LIT("evil"));
    fields_add(&v->fields, SLICE_LIT("Range"), SLICE_LIT("bytes=0-0"));
    fields_add(&v->fields, SLICE_LIT("If-None-Match"), SLICE_LIT("*"));
    fields_add(&v->fields, SLICE_LIT("Connection"), SLICE_LIT("x-hop"));
    fields_add(&v->fields, SLICE_LIT("X-Hop"), SLICE_LIT("1"));
    fields_add(&v->fields, SLICE_LIT("Transfer-Encoding"), SLICE_LIT("chunked"));
    fields_add(&v->fields, SLICE_LIT("Content-Length"), SLICE_LIT("5"));
    other = ask(w, 0, "/a");
    viewer_ask(v);
    assert_int_equal(s->open, 2); /* not together with anybody */
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    check_result(other, RESULT_MISS);
    assert_false(v->answer.stored);
    assert_true(other->answer.stored);
    assert_string_equal(s->last_fields, "Authorization: Basic x|Accept: text/html|Cookie: a=b|");
    /* Not out of the cache either, and it leaves no mark. */
    v = viewer_new(w, 0, "/a");
    fields_add(&v->fields, SLICE_LIT("authorization"), SLICE_LIT("y"));
    viewer_ask(v);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_int_equal(s->fetches, 3);
    check_result(ask(w, 0, "/a"), RESULT_HIT);
}

/* ---- trouble ---- */

static void feat_C18_what_ails_the_origin_is_told(void **state)
{
    static const struct {
        int err;
        uint16_t status;
    } rows[] = {
        { MESH_E_TIMEOUT, 504 }, { MESH_E_REFUSED, 502 }, { MESH_E_CLOSED, 502 }, { MESH_E_SYNTAX, 502 }, { 0, 502 }
    };
    struct site *s = site_at(w, "/a", 100);

    (void)state;
    s->cut_at = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        s->cut_err = rows[i].err;
        struct viewer *a = ask(w, 0, "/a"), *b = ask(w, 0, "/a");
        world_run(w, SEC(1));
        check_failed(a, rows[i].status);
        check_failed(b, rows[i].status); /* those who waited learn it too */
        assert_true(strlen(a->r.error_text) > 20);
        for (size_t k = 0; k < i; k++)
            assert_true(rows[k].err == 0 || rows[k].status != rows[i].status || rows[k].err != rows[i].err);
    }
    assert_int_equal(s->fetches, COUNT(rows)); /* and it is not kept */
    assert_int_equal(count(w, 0)->origin_failures, COUNT(rows));
    assert_int_equal(count(w, 0)->requests_error, 2 * COUNT(rows));
    s->cut_at = UINT64_MAX;
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
}

/* A part of a body is no body, whatever the origin calls it, and it is not kept as one. */
static void a_part_that_nobody_asked_for_is_a_failure(void **state)
{
    struct site *s = site_at(w, "/a", 4096);

    (void)state;
    s->status = 206;
    s->lines = "Content-Range: bytes 4-4099/9000\n";
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_failed(v, 502);
    assert_int_equal(count(w, 0)->origin_failures, 1);
    s->status = 200;
    s->lines = "";
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
}

static void feat_C5_a_cut_answer_is_never_kept(void **state)
{
    struct site *s = site_at(w, "/a", 4096);

    (void)state;
    s->piece = 1;
    for (uint64_t at = 1; at <= 4096; at += at < 20 || at > 4070 ? 1 : 97) {
        for (int chunked = 0; chunked <= 1; chunked++) {
            s->chunked = chunked;
            s->cut_at = at;
            s->piece = 1000;
            /* Announced, all of it may be there before the end is: but then it is whole. */
            s->cut_err = at < 4096 && !chunked ? 0 : MESH_E_CLOSED;
            struct viewer *v = ask(w, 0, "/a");
            world_run(w, MS(100));
            check_failed(v, 0);
            assert_int_equal(v->got, at);
            assert_int_equal(objects(), 0);
            assert_int_equal(memory(), 0);
        }
    }
    s->cut_at = UINT64_MAX;
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
}

static void an_answer_longer_than_announced_is_refused(void **state)
{
    struct site *s = site_at(w, "/a", 1001);
    struct viewer *v = ask(w, 0, "/a");

    (void)state;
    s->announced = 1000;
    s->piece = 400;
    world_run(w, SEC(1));
    check_failed(v, 0);
    assert_int_equal(v->got, 800);
    assert_int_equal(objects(), 0);
    assert_int_equal(count(w, 0)->origin_failures, 1);
}

static void rob_OR2_a_silent_origin_is_not_waited_for_for_ever(void **state)
{
    struct site *s = site_at(w, "/a", 100);
    struct viewer *a, *b;

    (void)state;
    s->lines = "Cache-Control: max-age=86400, must-revalidate\nETag: \"1\"\n"; /* no old copy may stand in */
    a = ask(w, 0, "/a");
    world_run(w, 0);
    s->head_after = SEC(1000);
    b = ask(w, 0, "/a");
    world_run(w, MS(100));
    check_whole(a);
    check_whole(b);
    world_run(w, SEC(86401));
    a = ask(w, 0, "/a");
    world_run(w, SEC(30));
    b = ask(w, 0, "/a");
    world_run(w, SEC(29));
    assert_false(a->ended);
    world_run(w, SEC(2));
    check_failed(a, 504);
    check_failed(b, 504); /* all together */
    assert_int_equal(s->open, 0);
}

/* RFC 9111 section 3.5: the origin says that the answer is for others too. */
static void rob_P7_what_is_public_is_shared_in_spite_of_a_pass(void **state)
{
    static const struct {
        const char *path, *lines;
        bool shared;
    } rows[] = {
        { "/a", "Cache-Control: max-age=60, public\n", true },
        { "/b", "Cache-Control: s-maxage=60\n", true },
        { "/c", "Cache-Control: max-age=60, must-revalidate\n", true },
        { "/d", "Cache-Control: max-age=60\n", false },
        { "/e", "Cache-Control: max-age=60, public\nVary: Authorization\n", false },
        { "/f", "Cache-Control: max-age=60, public\nVary: X-A, Cookie\n", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct site *s = site_at(w, rows[i].path, 100);
        struct viewer *v = viewer_new(w, 0, rows[i].path);
        s->lines = rows[i].lines;
        fields_add(&v->fields, SLICE_LIT("Authorization"), SLICE_LIT("Basic x"));
        viewer_ask(v);
        world_run(w, SEC(1));
        check_result(v, RESULT_MISS);
        v = ask(w, 0, rows[i].path);
        world_run(w, SEC(1));
        check_result(v, rows[i].shared ? RESULT_HIT : RESULT_MISS);
        v = viewer_new(w, 0, rows[i].path);
        fields_add(&v->fields, SLICE_LIT("Authorization"), SLICE_LIT("Basic y"));
        viewer_ask(v);
        world_run(w, SEC(1));
        check_result(v, rows[i].shared ? RESULT_HIT : RESULT_MISS);
        assert_int_equal(s->fetches, rows[i].shared ? 1 : 3);
    }
}

static void targets_that_are_none(void **state)
{
    static char long_target[KEY_PATH_MAX + 2];
    struct viewer *v;

    (void)state;
    check_failed(ask(w, 0, "/a%00"), 400);
    check_failed(ask(w, 0, "/a#b"), 400);
    check_failed(ask(w, 0, "*"), 400);
    check_failed(ask(w, 0, ""), 400);
    memset(long_target, 'a', sizeof(long_target) - 1);
    long_target[0] = '/';
    check_failed(ask(w, 0, long_target), 413);
    v = viewer_new(w, 0, "/a");
    v->r.host = SLICE_LIT("a b");
    viewer_ask(v);
    check_failed(v, 400);
    assert_int_equal(count(w, 0)->requests_error, 6);
    assert_int_equal(count(w, 0)->flights, 0);
}

static void heads_that_cannot_be_kept_are_refused(void **state)
{
    static char lines[50000];
    struct site *s = site_at(w, "/a", 100);
    struct viewer *v;

    (void)state;
    memset(lines, 'x', 45000);
    memcpy(lines, "X: ", 3);
    s->lines = lines;
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_failed(v, 502);
    s->lines = "X y: a\n";
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_failed(v, 502);
    s->lines = "X: a\x01\n";
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_failed(v, 502);
    assert_int_equal(count(w, 0)->origin_failures, 3);
    s->lines = "Connection: x-hop\nX-Hop: 1\nTransfer-Encoding: chunked\nContent-Length: 5\nX-Kept: 1\n";
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_string_equal(v->lines, "X-Kept: 1|X-Version: 1|");
}

static void an_uncacheable_fetch_ends_with_its_viewer(void **state)
{
    struct site *s = site_at(w, "/a", 1000000);
    struct viewer *v;

    (void)state;
    s->lines = "Cache-Control: private\n";
    s->piece = 1000;
    s->every = MS(10);
    v = ask(w, 0, "/a");
    world_run(w, MS(200));
    viewer_end(v);
    world_run(w, 0);
    assert_int_equal(s->open, 0);
    v = ask(w, 0, "/a"); /* goes direct */
    world_run(w, MS(10));
    viewer_end(v); /* before there is a head */
    world_run(w, 0);
    assert_int_equal(s->open, 0);
    assert_int_equal(s->fetches, 2);
}

/* ---- life ---- */

static void the_budget_holds_while_many_are_filled(void **state)
{
    static char paths[SITES_MAX][8];
    struct viewer *v[SITES_MAX];

    (void)state;
    node_stop(w, 0, false);
    w->nodes[0].cfg.memory_limit = 4 << 20;
    node_start(w, 0, true);
    for (int i = 0; i < SITES_MAX; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/%d", i);
        struct site *s = site_at(w, paths[i], 400000);
        s->every = MS(10);
        s->piece = 20000;
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SITES_MAX; i++) {
            v[i] = ask(w, 0, paths[i]);
            world_run(w, MS(40));
            assert_true(memory() <= UINT64_C(4) << 20);
        }
        world_run(w, SEC(1));
        for (int i = 0; i < SITES_MAX; i++)
            check_whole(v[i]);
    }
    assert_true(count(w, 0)->evictions > 0);
}

static void what_the_rim_keeps_with_a_copy_counts(void **state)
{
    static char paths[12][8], lines[300000];

    (void)state;
    node_stop(w, 0, false);
    w->nodes[0].cfg.memory_limit = 4 << 20;
    node_start(w, 0, true);
    for (int i = 0; i < 12; i++) {
        snprintf(paths[i], sizeof(paths[i]), "/%d", i);
        site_at(w, paths[i], 400000);
        ask(w, 0, paths[i]);
        world_run(w, MS(100));
    }
    unsigned kept = 0;
    for (int i = 0; i < 12; i++) {
        struct viewer *v = viewer_new(w, 0, paths[i]);
        v->allow = 1;
        viewer_ask(v);
        if (v->r.state == REQUEST_BODY && v->r.answer.result == RESULT_HIT) {
            request_keep(&v->r, SLICE_OF(lines));
            kept++;
            assert_true(memory() <= UINT64_C(4) << 20 || v->r.reader.object->indexed == false);
        }
        v->allow = UINT64_MAX;
        viewer_read(v);
        world_run(w, MS(100));
        check_whole(v); /* whoever had to go for it */
        assert_true(memory() <= UINT64_C(4) << 20);
    }
    assert_in_range(kept, 4, 12);
}

/* Of a small object lines are as much again as the rest of it: who is asked for now and then has none. */
static void lines_of_small_objects_are_kept_of_the_hot_ones(void **state)
{
    unsigned uses = 0, kept_large = 0;

    (void)state;
    site_at(w, "/small", 1000);
    site_at(w, "/large", 5000);
    ask(w, 0, "/small");
    ask(w, 0, "/large");
    world_run(w, MS(100));
    for (bool kept = false; !kept; uses++) {
        struct viewer *v[] = { viewer_new(w, 0, "/small"), viewer_new(w, 0, "/large") };
        for (int i = 0; i < 2; i++) {
            v[i]->allow = 1;
            viewer_ask(v[i]);
            assert_true(v[i]->r.state == REQUEST_BODY && v[i]->r.answer.result == RESULT_HIT);
        }
        kept = request_keeps(&v[0]->r);
        kept_large += request_keeps(&v[1]->r);
        request_keep(&v[0]->r, SLICE_LIT("lines"));
        request_answer(engine_of(w, 0), w->now, &v[0]->r);
        assert_int_equal(v[0]->r.answer.lines.len, kept ? 5 : 0);
        for (int i = 0; i < 2; i++) {
            v[i]->allow = UINT64_MAX;
            viewer_read(v[i]);
        }
        world_run(w, MS(10));
    }
    assert_int_equal(uses, 7); /* as often as is counted */
    assert_int_equal(kept_large, 7);
}

static void a_node_may_end_in_the_midst_of_things(void **state)
{
    struct site *s = site_at(w, "/a", 500000), *slow = site_at(w, "/slow", 100), *own = site_at(w, "/own", 500000);

    (void)state;
    s->every = own->every = MS(10);
    s->piece = own->piece = 10000;
    slow->head_after = SEC(10);
    own->lines = "Cache-Control: no-store\n";
    ask(w, 0, "/a");
    ask(w, 0, "/a");
    ask(w, 0, "/own");
    ask(w, 0, "/own");
    world_run(w, MS(100));
    ask(w, 0, "/slow");
    node_stop(w, 0, false);
}

static void readiness_names_what_is_missing(void **state)
{
    const char *why;

    (void)state;
    assert_true(engine_ready(engine_of(w, 0), NULL));
    assert_true(engine_ready(engine_of(w, 0), &why));
    assert_null(why);
    world_ring(w, 0, "");
    assert_false(engine_ready(engine_of(w, 0), &why));
    assert_string_equal(why, "the ring is not built yet");
    /* Without a ring there is nobody to ask: a node serves on its own. */
    site_at(w, "/a", 10);
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    engine_leave(engine_of(w, 0), w->now);
    assert_false(engine_ready(engine_of(w, 0), &why));
    assert_string_equal(why, "leaving the mesh");
    assert_true(engine_left(engine_of(w, 0)));
    check_result(ask(w, 0, "/a"), RESULT_HIT); /* and serves on */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_R13_one_fetch_for_all_who_ask_at_once),
        TEST(feat_R14_waiters_stream),
        TEST(a_viewer_who_leaves_kills_no_fetch),
        TEST(feat_C1_bodies_of_all_sizes),
        TEST(rob_P4_one_normal_path_one_copy),
        TEST(feat_R2_a_day_by_default),
        TEST(feat_R20_errors_are_kept_for_ten_seconds),
        TEST(an_answer_may_be_old_when_it_comes),
        TEST(feat_R15_an_uncacheable_answer_is_not_shared),
        TEST(a_cacheable_answer_ends_the_mark),
        TEST(rob_P7_who_shows_a_pass_gets_an_answer_of_their_own),
        TEST(feat_C18_what_ails_the_origin_is_told),
        TEST(a_part_that_nobody_asked_for_is_a_failure),
        TEST(feat_C5_a_cut_answer_is_never_kept),
        TEST(an_answer_longer_than_announced_is_refused),
        TEST(rob_OR2_a_silent_origin_is_not_waited_for_for_ever),
        TEST(rob_P7_what_is_public_is_shared_in_spite_of_a_pass),
        TEST(targets_that_are_none),
        TEST(heads_that_cannot_be_kept_are_refused),
        TEST(an_uncacheable_fetch_ends_with_its_viewer),
        TEST(the_budget_holds_while_many_are_filled),
        TEST(what_the_rim_keeps_with_a_copy_counts),
        TEST(lines_of_small_objects_are_kept_of_the_hot_ones),
        TEST(a_node_may_end_in_the_midst_of_things),
        TEST(readiness_names_what_is_missing),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
