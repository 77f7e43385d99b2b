/* Answers that are for some requests only, here and through their owners; and viewers' fields, on their way to the
 * origin. */
#include "engine_stage.h"

static struct site *varying(const char *path)
{
    struct site *s = site_at(w, path, 1000);
    s->lines = "ETag: \"1\"\nVary: X-Variant\n";
    s->by_variant = true;
    return s;
}

/* ask_as: for the |variant|th of the answers. */
static struct viewer *ask_as(int n, const char *path, unsigned variant)
{
    static char texts[1000][8];
    struct viewer *v = viewer_new(w, n, path);

    assert_true(variant < 1000);
    snprintf(texts[variant], sizeof(texts[0]), "%u", variant);
    fields_add(&v->fields, SLICE_LIT("X-Variant"), slice_str(texts[variant]));
    viewer_ask(v);
    return v;
}

static void check_as(const struct viewer *v, unsigned variant)
{
    check_whole(v);
    assert_int_equal(v->version, variant);
}

static void feat_R25_each_gets_the_right_one(void **state)
{
    struct site *s = varying("/a");

    (void)state;
    for (unsigned i = 1; i <= 5; i++) {
        struct viewer *v = ask_as(0, "/a", i);
        world_run(w, SEC(1));
        check_as(v, i);
        check_result(v, RESULT_MISS);
    }
    for (unsigned i = 1; i <= 5; i++) {
        struct viewer *v = ask_as(0, "/a", i);
        check_as(v, i);
        check_result(v, RESULT_HIT);
    }
    assert_int_equal(s->fetches, 5);
}

/* They wait together, since nobody knows yet that it varies; then each variant is fetched once, all at once. */
static void feat_R25_those_that_waited_together_part(void **state)
{
    struct site *s = varying("/a");
    struct viewer *v[40];

    (void)state;
    s->head_after = MS(100);
    for (unsigned i = 0; i < 40; i++)
        v[i] = ask_as(0, "/a", 1 + i % 4);
    assert_int_equal(s->open, 1);
    world_run(w, MS(250));
    for (unsigned i = 0; i < 40; i++)
        check_as(v[i], 1 + i % 4);
    assert_int_equal(s->fetches, 4);
    /* Now it is known beforehand. */
    world_run(w, SEC(86400));
    for (unsigned i = 0; i < 40; i++)
        v[i] = ask_as(0, "/a", 1 + i % 4);
    assert_int_equal(s->open, 4);
    world_run(w, SEC(1));
    for (unsigned i = 0; i < 40; i++)
        check_as(v[i], 1 + i % 4);
    assert_int_equal(s->fetches, 8);
}

static void feat_R25_through_the_owner(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = varying(path);
    struct viewer *v[40];

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        v[i] = ask_as((int)(i % 3), path, 1 + i / 3 % 4);
    world_run(w, SEC(2));
    for (unsigned i = 0; i < 40; i++)
        check_as(v[i], 1 + i / 3 % 4);
    assert_int_equal(s->fetches, 4);
    for (unsigned i = 0; i < 40; i++) {
        v[i] = ask_as((int)(i % 3), path, 1 + i / 3 % 4);
        check_result(v[i], RESULT_HIT);
        check_as(v[i], 1 + i / 3 % 4);
    }
}

static void rob_P3_variants_are_capped(void **state)
{
    struct site *s = varying("/a");
    struct engine_usage u;

    (void)state;
    for (unsigned i = 1; i <= 200; i++) {
        ask_as(0, "/a", i);
        world_run(w, MS(100));
    }
    engine_usage(engine_of(w, 0), &u);
    assert_int_equal(u.objects, CACHE_VARIANTS_MAX);
    assert_int_equal(s->fetches, 200);
    check_result(ask_as(0, "/a", 200), RESULT_HIT);
    check_result(ask_as(0, "/a", 200 - CACHE_VARIANTS_MAX + 1), RESULT_HIT);
    struct viewer *v = ask_as(0, "/a", 200 - CACHE_VARIANTS_MAX); /* the oldest had to go */
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
}

static void rob_P3_vary_of_anything_is_not_stored(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->lines = "Vary: *\n";
    for (int i = 0; i < 3; i++) {
        struct viewer *v = ask(w, 0, "/a");
        world_run(w, SEC(1));
        check_result(v, RESULT_MISS);
        assert_false(v->answer.stored);
    }
}

static void rob_P3_a_field_that_the_request_lacks(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->lines = "Vary: X-Other\n";
    ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    struct viewer *v = viewer_new(w, 0, "/a");
    fields_add(&v->fields, SLICE_LIT("X-Other"), SLICE_LIT("1"));
    viewer_ask(v);
    world_run(w, SEC(1));
    check_result(v, RESULT_MISS);
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    assert_int_equal(s->fetches, 2);
}

/* An answer that is no more the same for all takes the place of one that was. */
static void an_answer_begins_to_vary(void **state)
{
    struct site *s = varying("/a");

    (void)state;
    s->lines = "Cache-Control: max-age=10\n";
    ask_as(0, "/a", 1);
    world_run(w, SEC(1));
    check_as(ask_as(0, "/a", 2), 1); /* says the origin */
    world_run(w, SEC(10));
    s->lines = "Vary: X-Variant\n";
    struct viewer *v = ask_as(0, "/a", 2);
    world_run(w, SEC(1));
    check_as(v, 2);
    v = ask_as(0, "/a", 1);
    world_run(w, SEC(1));
    check_as(v, 1);
    check_as(ask_as(0, "/a", 2), 2);
}

/* ---- fields on their way ---- */

static void feat_R6_fields_outside_the_key_reach_the_origin(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 1000);
    static char agents[50][16];

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct viewer *v = viewer_new(w, i % 3, path);
        snprintf(agents[i], sizeof(agents[0]), "agent %d", i);
        fields_add(&v->fields, SLICE_LIT("User-Agent"), slice_str(agents[i]));
        fields_add(&v->fields, SLICE_LIT("Cookie"), SLICE_LIT("who=me"));
        viewer_ask(v);
        world_run(w, SEC(1));
        check_whole(v);
    }
    assert_int_equal(s->fetches, 1);
    assert_string_equal(s->last_fields, "User-Agent: agent 0|"); /* node 0 asked node 1, which asked the origin */
}

static void uncacheable_answers_see_each_viewers_fields(void **state)
{
    struct site *s = varying("/a");

    (void)state;
    s->lines = "Cache-Control: no-store\n";
    for (unsigned i = 1; i < 4; i++) {
        struct viewer *v = ask_as(0, "/a", i), *u = ask_as(0, "/a", i + 10);
        world_run(w, SEC(1));
        check_as(v, i);
        check_as(u, i + 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(feat_R25_each_gets_the_right_one),
        ONE(feat_R25_those_that_waited_together_part),
        THREE(feat_R25_through_the_owner),
        ONE(rob_P3_variants_are_capped),
        ONE(rob_P3_vary_of_anything_is_not_stored),
        ONE(rob_P3_a_field_that_the_request_lacks),
        ONE(an_answer_begins_to_vary),
        THREE(feat_R6_fields_outside_the_key_reach_the_origin),
        ONE(uncacheable_answers_see_each_viewers_fields),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
