/* test_engine_group.c - two origins: the first is asked first each time, and the second where that one fails. */
#include "engine_dists.h"

static struct site *first, *second;

static void group_of_two(void)
{
    static const uint16_t statuses[] = { 404, 500, 503 };
    static struct dist_origin origins[2];
    static const struct dist_group group = {
        .id = SLICE_LIT("g"), .members = { 0, 1 }, .statuses = statuses, .statuses_n = 3
    };
    struct dist_behaviour b = usual("*");
    struct dist d = one_dist(&b, 1);

    origins[0] = origin_called("first", "http://first");
    origins[1] = origin_called("second", "http://second");
    b.to_group = true;
    d.origins = origins;
    d.origins_n = 2;
    d.groups = &group;
    d.groups_n = 1;
    apply(&d, 1);
    first = site_at(w, "*", 1000);
    first->origin = "first";
    second = site_at(w, "*", 2000);
    second->origin = "second";
}

static struct viewer *did(const char *method, int n, const char *path)
{
    struct viewer *v = by(method, n, path);

    v->site = NULL;
    world_run(w, SEC(1));
    return v;
}

static void feat_C6_the_second_answers_where_the_first_fails(void **state)
{
    static const struct {
        uint16_t status; /* of the first; 0: ... */
        int err;         /* ... it ends so */
        uint16_t want;
        uint64_t length;
    } rows[] = {
        { 200, 0, 200, 1000 },
        { 404, 0, 200, 2000 },
        { 500, 0, 200, 2000 },
        { 503, 0, 200, 2000 },
        { 403, 0, 403, 1000 },
        { 502, 0, 502, 1000 },
        { 0, MESH_E_REFUSED, 200, 2000 },
        { 0, MESH_E_CLOSED, 200, 2000 },
        { 0, MESH_E_TIMEOUT, 200, 2000 },
        { 0, MESH_E_SYNTAX, 200, 2000 },
    };
    char path[16];

    (void)state;
    group_of_two();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        first->status = rows[i].status;
        first->cut_at = rows[i].status == 0 ? 0 : UINT64_MAX;
        first->cut_err = rows[i].err;
        unsigned before = first->fetches, other = second->fetches;
        snprintf(path, sizeof(path), "/a%zu", i);
        struct viewer *v = did("GET", (int)i % 3, path);
        if (v->status != rows[i].want || v->got != rows[i].length)
            fail_msg("%u, %d: %u, %llu bytes", rows[i].status, rows[i].err, v->status, (unsigned long long)v->got);
        assert_int_equal(first->fetches, before + 1); /* tried first each time */
        assert_int_equal(second->fetches, other + (rows[i].length == 2000));
    }
}

static void feat_C6_what_changes_something_is_never_sent_twice(void **state)
{
    static const struct {
        const char *method;
        bool again;
    } rows[] = { { "GET", true },  { "HEAD", true },   { "OPTIONS", true }, { "POST", false },
                 { "PUT", false }, { "PATCH", false }, { "DELETE", false } };

    (void)state;
    group_of_two();
    for (int how = 0; how < 2; how++) {
        first->status = 503;
        first->cut_at = how == 0 ? UINT64_MAX : 0;
        first->cut_err = MESH_E_REFUSED;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            char path[16];
            unsigned before = second->fetches;
            snprintf(path, sizeof(path), "/%d%zu", how, i);
            struct viewer *v = did(rows[i].method, (int)i % 3, path);
            assert_int_equal(second->fetches, before + rows[i].again);
            assert_int_equal(v->status, rows[i].again ? 200 : how == 0 ? 503 : 502);
        }
    }
    unsigned before = second->fetches;
    struct viewer *v = viewer_new(w, 0, "/x");
    v->r.method = S("OPTIONS"); /* with a body, which may have been read */
    v->site = NULL;
    fields_add(&v->fields, S("Content-Length"), S("7"));
    viewer_ask(v);
    world_run(w, SEC(1));
    assert_int_equal(second->fetches, before);
}

static void feat_C6_both_fail(void **state)
{
    (void)state;
    group_of_two();
    first->cut_at = 0;
    first->cut_err = MESH_E_TIMEOUT;
    second->status = 503;
    assert_int_equal(did("GET", 0, "/a")->status, 503);
    second->cut_at = 0;
    second->cut_err = MESH_E_REFUSED;
    assert_int_equal(did("GET", 0, "/b")->status, 502);
    assert_int_equal(first->fetches, 2);
    assert_int_equal(second->fetches, 2);
}

/* Many wait for one fetch, and leaves for a run. */
static void feat_C6_all_who_wait_are_answered(void **state)
{
    struct viewer *v[20];

    (void)state;
    group_of_two();
    first->status = 500;
    second->length = 10 * LEAF_BYTES;
    second->ranges = true;
    for (int i = 0; i < 20; i++) {
        v[i] = ask(w, i % 3, "/a");
        v[i]->site = second;
    }
    world_run(w, SEC(2));
    for (int i = 0; i < 20; i++)
        assert_true(v[i]->done && v[i]->right && v[i]->got == second->length);
    assert_int_equal(first->fetches, 1);
    assert_int_equal(second->fetches, 1);
    struct viewer *part = viewer_new(w, 1, "/b");
    part->r.range = S("bytes=65536-327679");
    part->site = second;
    part->r.io = NULL;
    engine_request(engine_of(w, 1), w->now, &part->r);
    world_run(w, SEC(2));
    assert_int_equal(part->r.state, REQUEST_BODY);
    assert_int_equal(second->fetches, 2);
    viewer_end(part);
}

/* A dead origin is no reason to leave another one alone. */
static void rob_OR1_each_origin_has_a_breaker_of_its_own(void **state)
{
    struct dist_behaviour b[] = { usual("/dead/*"), usual("*") };
    struct dist_origin origins[] = { origin_called("dead", "http://dead"), origin_called("well", "http://well") };
    struct dist d = one_dist(b, 2);
    char path[16];

    (void)state;
    b[1].target = 1;
    d.origins = origins;
    d.origins_n = 2;
    apply(&d, 1);
    struct site *dead = site_at(w, "*", 1000), *well = site_at(w, "*", 2000);
    dead->origin = "dead";
    dead->cut_at = 0;
    dead->cut_err = MESH_E_REFUSED;
    well->origin = "well";
    for (int i = 0; i < 20; i++) { /* for two seconds */
        snprintf(path, sizeof(path), "/dead/%d", i);
        struct viewer *v = ask(w, 0, path);
        world_run(w, MS(70));
        assert_int_equal(v->status, 502);
        snprintf(path, sizeof(path), "/%d", i);
        v = ask(w, 0, path);
        v->site = well;
        world_run(w, MS(30));
        assert_int_equal(v->status, 200);
    }
    assert_true(dead->fetches < 15);
    assert_int_equal(well->fetches, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(feat_C6_the_second_answers_where_the_first_fails),
        THREE(feat_C6_what_changes_something_is_never_sent_twice),
        ONE(feat_C6_both_fail),
        THREE(feat_C6_all_who_wait_are_answered),
        ONE(rob_OR1_each_origin_has_a_breaker_of_its_own),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
