/* test_passage.c - methods that no copy answers: from the node that was asked to the origin, and nowhere else. */
#include "engine_stage.h"

static void feat_C16_straight_to_the_origin(void **state)
{
    static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND" };
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 200000);
    uint64_t asks = count(w, 0)->asks_out;

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct viewer *v = viewer_new(w, 0, path);
        v->r.method = slice_str(methods[i]);
        fields_add(&v->fields, SLICE_LIT("If-Match"), SLICE_LIT("\"1\""));
        fields_add(&v->fields, SLICE_LIT("Host"), SLICE_LIT("x"));
        fields_add(&v->fields, SLICE_LIT("TE"), SLICE_LIT("trailers"));
        viewer_ask(v);
        world_run(w, SEC(1));
        check_result(v, RESULT_MISS);
        assert_true(v->answer.passed && !v->answer.stored && !v->answer.via_peer);
        assert_string_equal(s->last_method, methods[i]);
        assert_string_equal(s->last_fields, "If-Match: \"1\"|");
        assert_int_equal(s->fetches, i + 1);
    }
    assert_int_equal(count(w, 0)->asks_out, asks);
    assert_int_equal(count(w, 0)->passages, 6);
    assert_int_equal(count(w, 1)->asks_in + count(w, 2)->asks_in, 0);
}

static void each_is_heard_by_itself(void **state)
{
    struct site *s = site_at(w, "/a", 1000);
    struct viewer *v[4];

    (void)state;
    s->head_after = SEC(1);
    v[0] = ask(w, 0, "/a");
    for (int i = 1; i < 4; i++)
        v[i] = by("OPTIONS", 0, "/a"); /* one that changes nothing */
    world_run(w, SEC(3));
    assert_int_equal(s->fetches, 4); /* none joined another, nor the GET */
    for (int i = 0; i < 4; i++)
        check_whole(v[i]);
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    assert_int_equal(s->fetches, 4); /* and no mark was left: the copy is everybody's */
}

/* A body may take its time to go up: nothing of the engine's ends it. */
static void the_rim_has_the_time(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->head_after = SEC(300);
    struct viewer *v = by("PUT", 1, "/a");
    world_run(w, SEC(301));
    check_result(v, RESULT_MISS);
}

static void a_viewer_who_leaves_ends_it(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->head_after = SEC(1);
    struct viewer *v = by("POST", 1, "/a");
    world_run(w, MS(10));
    assert_int_equal(s->open, 1);
    viewer_end(v);
    world_run(w, 0);
    assert_int_equal(s->open, 0);
}

static void what_ails_the_origin_is_told(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->cut_at = 0;
    struct viewer *v = by("POST", 0, "/a");
    world_run(w, SEC(1));
    check_failed(v, 502);
    assert_int_equal(s->fetches, 1); /* and nobody tries it anywhere else */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(feat_C16_straight_to_the_origin), THREE(each_is_heard_by_itself),      THREE(the_rim_has_the_time),
        THREE(a_viewer_who_leaves_ends_it),     THREE(what_ails_the_origin_is_told),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
