/* test_drop.c - what a request that is not safe has changed is asked for anew, at every node. */
#include "engine_stage.h"
#include "node/core/drop.h"

static void all_have(const char *path)
{
    for (int n = 0; n < 3; n++) {
        ask(w, n, path);
        world_run(w, SEC(1));
        check_result(ask(w, n, path), RESULT_HIT);
    }
}

/* Whether |n| has a copy. */
static bool has(int n, const char *path)
{
    struct viewer *v = ask(w, n, path);
    bool hit = v->answer.result == RESULT_HIT && v->done;

    world_run(w, SEC(1));
    return hit;
}

static void feat_R28_the_next_get_goes_to_the_origin_at_every_node(void **state)
{
    static const struct {
        const char *method;
        uint16_t status;
        bool drops;
    } rows[] = {
        { "POST", 200, true },    { "PUT", 204, true },      { "DELETE", 200, true },   { "PATCH", 303, true },
        { "M-SEARCH", 200, true }, { "POST", 404, false },   { "PUT", 412, false },     { "DELETE", 500, false },
        { "OPTIONS", 200, false }, { "PROPFIND", 207, false },
    };
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 1000);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int at = (int)(i % 3);
        all_have(path);
        unsigned before = s->fetches;
        s->status = rows[i].status;
        s->version++;
        struct viewer *v = by(rows[i].method, at, path);
        world_run(w, SEC(1));
        assert_int_equal(v->status, rows[i].status);
        s->status = 200;
        assert_int_equal(s->fetches, before + 1);
        for (int n = 0; n < 3; n++) {
            v = ask(w, n, path);
            world_run(w, SEC(1));
            if (!v->done || v->version != (rows[i].drops ? s->version : s->version - 1))
                fail_msg("%s %u: n%d has version %llu", rows[i].method, rows[i].status, n, (unsigned long long)v->version);
        }
        assert_int_equal(s->fetches, before + (rows[i].drops ? 2 : 1)); /* once for all */
        if (!rows[i].drops)
            s->version--;
    }
}

/* The answer waits for the owners, who confirm after a round trip; for a silent one 100 ms. */
static void the_answer_waits_for_the_owners(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 1000);

    (void)state;
    by("POST", 0, path); /* now both owners have sessions with us */
    world_run(w, SEC(1));
    all_have(path);
    mesh_ns began = w->now;
    struct viewer *v = by("POST", 0, path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_int_equal(v->end_at - began, s->head_after + 2 * w->delay);
    all_have(path);
    node_freeze(w, 1);
    began = w->now;
    v = by("POST", 0, path);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    assert_int_equal(v->end_at - began, s->head_after + MS(100));
    v = by("POST", 0, path); /* its viewer leaves meanwhile */
    world_run(w, s->head_after + MS(50));
    viewer_end(v);
    node_thaw(w, 1);
    world_run(w, SEC(1));
}

/* What was asked for before may be what was there before: who waits for it gets it, but nobody afterwards. */
static void a_fetch_under_way_is_not_kept(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 1000);

    (void)state;
    for (int at = 0; at < 3; at++) {
        s->head_after = SEC(1);
        struct viewer *early = ask(w, at, path);
        world_run(w, MS(500));
        assert_int_equal(s->open, 1);
        s->head_after = MS(20);
        by("DELETE", 0, path);
        world_run(w, MS(200));
        struct viewer *late = ask(w, 2, path);
        world_run(w, MS(100));
        check_whole(late); /* it did not wait for the earlier fetch */
        by("DELETE", 0, path);
        world_run(w, SEC(2));
        check_whole(early);
        assert_false(has(at, path));
        by("DELETE", 0, path);
        world_run(w, SEC(1));
    }
}

static void where_it_leads_is_dropped_too(void **state)
{
    site_at(w, "/a/list", 1000);
    site_at(w, "/a/item?x=1", 1000);
    site_at(w, "/other", 1000);
    struct site *s = site_at(w, "/a/do", 10);

    (void)state;
    s->lines = "Location: item?x=1\nContent-Location: http://EXAMPLE.com:80/a/list#top\n";
    s->status = 201;
    all_have("/a/list");
    all_have("/a/item?x=1");
    all_have("/other");
    by("POST", 2, "/a/do");
    world_run(w, SEC(1));
    for (int n = 0; n < 3; n++)
        assert_true(has(n, "/other"));
    assert_false(has(0, "/a/list"));
    assert_false(has(1, "/a/item?x=1"));
    s->lines = "Location: //elsewhere.example/other\nContent-Location: ftp://example.com/other\n";
    by("POST", 2, "/a/do");
    world_run(w, SEC(1));
    for (int n = 0; n < 3; n++)
        assert_true(has(n, "/other"));
}

static void check_target(const char *base, const char *ref, const char *want)
{
    struct buf b = BUF_EMPTY;
    bool ok = drop_target(&b, slice_str(base), SLICE_LIT("example.com"), slice_str(ref));

    buf_add_u8(&b, 0);
    assert_int_equal(ok, want != NULL);
    if (want != NULL)
        assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

static void references(void **state)
{
    (void)state;
    check_target("/a/b?c", "/x", "/x");
    check_target("/a/b?c", "x?y", "/a/x?y");
    check_target("/a/b?c", "?y", "/a/b?y");
    check_target("/a/b?c", "", "/a/b?c");
    check_target("/a/b?c", "#f", "/a/b?c");
    check_target("/a/b?c/d", "../x", "/a/../x"); /* dots go in the normal form */
    check_target("/a/b", "http://example.com", "/");
    check_target("/a/b", "HTTPS://Example.COM:8443?q", "/?q");
    check_target("/a/b", "//example.com/x#f", "/x");
    check_target("/a/b", "x/y:z", "/a/x/y:z");
    check_target("/a/b", "http://example.org/x", NULL);
    check_target("/a/b", "http://example.com.evil/x", NULL);
    check_target("/a/b", "urn:x", NULL);
    check_target("/a/b", "ftp://example.com/x", NULL);
}

/* Beyond 100 in a second only the owners hear of it. */
static void many_at_once_are_told_to_owners_alone(void **state)
{
    const char *path = path_owned(w, 0, "12"), *last = path_owned(w, 0, "01");

    (void)state;
    site_at(w, path, 10);
    site_at(w, last, 10);
    all_have(path);
    all_have(last);
    for (int i = 0; i < 100; i++)
        by("POST", 0, path);
    world_run(w, MS(500));
    by("POST", 0, last);
    world_run(w, MS(200));
    assert_false(has(0, last));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(feat_R28_the_next_get_goes_to_the_origin_at_every_node),
        THREE(the_answer_waits_for_the_owners),
        THREE(a_fetch_under_way_is_not_kept),
        THREE(where_it_leads_is_dropped_too),
        THREE(references),
        THREE(many_at_once_are_told_to_owners_alone),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
