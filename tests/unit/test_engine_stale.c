/* Copies past their time: validated by the origin's 304, here or at the owner; served while that happens, or
 * because the origin fails; and answers that are to be validated for each use. */
#include "engine_stage.h"

static struct viewer *asked(int n, const char *path)
{
    struct viewer *v = ask(w, n, path);
    world_run(w, SEC(1));
    return v;
}

static struct site *lasting(const char *path, uint64_t length)
{
    struct site *s = site_at(w, path, length);
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60\n";
    s->validator = "\"1\"";
    return s;
}

/* ---- one node ---- */

static void feat_R9_a_304_renews_what_is_stored(void **state)
{
    struct site *s = lasting("/a", 200000);
    struct viewer *v[10];

    (void)state;
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->lines =
        "ETag: W/\"1\"\nCache-Control: max-age=100\nX-New: yes\nContent-Type: text/other\nContent-Encoding: x-other\n";
    for (int i = 0; i < 10; i++)
        v[i] = ask(w, 0, "/a");
    world_run(w, SEC(1));
    for (int i = 0; i < 10; i++) { /* one question for all of them */
        check_result(v[i], RESULT_REFRESH);
        assert_true(v[i]->answer.stored && v[i]->answer.age_ns < SEC(1));
        assert_true(v[i]->answer.ttl_ns > SEC(99));
        assert_non_null(strstr(v[i]->lines, "X-New: yes|"));
        assert_null(strstr(v[i]->lines, "x-other")); /* the body is as it was */
        assert_non_null(strstr(v[i]->lines, "text/other|"));
        assert_non_null(strstr(v[i]->lines, "Date: "));
        assert_non_null(strstr(v[i]->lines, "ETag: \"1\"|")); /* and as strong */
    }
    assert_int_equal(s->fetches, 2);
    assert_int_equal(s->validated, 1);
    assert_int_equal(s->sent, 200000); /* no byte of the body came twice */
    assert_int_equal(count(w, 0)->origin_validated, 1);
    world_run(w, SEC(98));
    check_result(asked(0, "/a"), RESULT_HIT);
    world_run(w, SEC(2));
    check_result(asked(0, "/a"), RESULT_REFRESH);
}

static void what_has_changed_comes_whole(void **state)
{
    struct site *s = lasting("/a", 200000);

    (void)state;
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->version = 2;
    s->validator = "\"2\"";
    s->lines = "ETag: \"2\"\nCache-Control: max-age=60\n";
    struct viewer *v = asked(0, "/a");
    check_result(v, RESULT_MISS);
    assert_true(v->version == 2 && v->answer.was_stale);
    assert_int_equal(s->validated, 0);
    v = asked(0, "/a");
    check_result(v, RESULT_HIT);
    assert_int_equal(v->version, 2);
}

/* RFC 9111 section 4.3.4: the fields of a 304 that names another representation are not for ours. */
static void a_304_that_names_something_else_changes_no_field(void **state)
{
    struct site *s = lasting("/a", 1000);

    (void)state;
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->lines = "ETag: \"2\"\nCache-Control: max-age=600\nX-New: yes\n"; /* in answer to If-None-Match: "1" */
    struct viewer *v = asked(0, "/a");
    check_result(v, RESULT_REFRESH);
    assert_non_null(strstr(v->lines, "ETag: \"1\"|"));
    assert_null(strstr(v->lines, "X-New"));
    assert_true(v->answer.ttl_ns < SEC(61));
}

static void a_304_that_was_not_asked_for_is_an_error(void **state)
{
    struct site *s = site_at(w, "/a", 0);

    (void)state;
    s->status = 304;
    check_failed(asked(0, "/a"), 502);
    assert_int_equal(count(w, 0)->origin_failures, 1);
}

/* What comes back may be older than the change: who waited gets it, and nobody after. */
static void a_304_that_comes_after_a_change_keeps_nothing(void **state)
{
    struct site *s = lasting("/a", 1000);

    (void)state;
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->head_after = MS(500);
    struct viewer *early = ask(w, 0, "/a");
    world_run(w, MS(100));
    by("POST", 0, "/a");
    world_run(w, SEC(1));
    check_result(early, RESULT_REFRESH);
    check_result(asked(0, "/a"), RESULT_MISS);
}

static void a_304_may_end_the_storing(void **state)
{
    struct site *s = lasting("/a", 1000);

    (void)state;
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->lines = "ETag: \"1\"\nCache-Control: no-store\n";
    struct viewer *v = asked(0, "/a");
    check_result(v, RESULT_REFRESH);
    assert_false(v->answer.stored);
    struct engine_usage u;
    engine_usage(engine_of(w, 0), &u);
    assert_int_equal(u.objects, 0);
    asked(0, "/a");
    assert_int_equal(s->validated, 1);
    assert_int_equal(s->fetches, 3);
}

/* A reader in the midst of the body goes on while its head is replaced. */
static void readers_outlive_their_head(void **state)
{
    struct site *s = lasting("/a", 300000);
    struct viewer *slow = viewer_new(w, 0, "/a");

    (void)state;
    check_result(asked(0, "/a"), RESULT_MISS);
    slow->allow = 1000;
    viewer_ask(slow);
    world_run(w, SEC(60));
    s->lines = "ETag: \"1\"\nX-New: yes\n";
    check_result(asked(0, "/a"), RESULT_REFRESH);
    assert_true(kept_head_value(slow->r.answer.head, SLICE_LIT("x-new")).len > 0);
    slow->allow = UINT64_MAX;
    viewer_read(slow);
    check_whole(slow);
}

static void feat_R3_no_cache_is_asked_for_each_time(void **state)
{
    struct site *s = site_at(w, "/a", 1000);
    struct viewer *v[10];

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: no-cache, max-age=60\n";
    s->validator = "\"1\"";
    s->head_after = MS(100);
    for (int i = 0; i < 10; i++)
        v[i] = ask(w, 0, "/a");
    world_run(w, MS(210)); /* the first by itself, then all others at once */
    for (int i = 0; i < 10; i++)
        check_whole(v[i]);
    assert_int_equal(s->fetches, 10);
    assert_int_equal(s->validated, 0); /* there was no whole copy yet to be validated */
    uint64_t sent = s->sent;
    for (int i = 0; i < 10; i++)
        v[i] = ask(w, 0, "/a");
    assert_int_equal(s->open, 10);
    world_run(w, SEC(1));
    for (int i = 0; i < 10; i++)
        check_result(v[i], RESULT_REFRESH);
    assert_int_equal(s->fetches, 20);
    assert_int_equal(s->validated, 10);
    assert_int_equal(s->sent, sent);
}

static void feat_R18_stale_while_revalidate(void **state)
{
    struct site *s = lasting("/a", 1000);
    struct viewer *v;

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60, stale-while-revalidate=30\n";
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->head_after = MS(500);
    for (int i = 0; i < 100; i++) {
        v = ask(w, 0, "/a");
        check_result(v, RESULT_STALE); /* at once */
        assert_true(v->answer.ttl_ns < 0);
    }
    assert_int_equal(s->fetches, 2);
    world_run(w, SEC(1));
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    assert_int_equal(s->validated, 1);
    world_run(w, SEC(91)); /* past the window */
    check_result(asked(0, "/a"), RESULT_REFRESH);
}

/* With lifetime 0 too: one question behind the answers, not one for each. */
static void stale_while_revalidate_of_what_is_never_fresh(void **state)
{
    struct site *s = lasting("/a", 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=0, stale-while-revalidate=30\n";
    check_result(asked(0, "/a"), RESULT_MISS);
    for (int i = 0; i < 10; i++)
        check_result(ask(w, 0, "/a"), RESULT_STALE);
    world_run(w, SEC(1));
    assert_int_equal(s->fetches, 2);
}

static void feat_R19_an_origin_that_fails_is_bridged(void **state)
{
    struct site *s = lasting("/a", 1000);
    static const uint16_t fails[] = { 500, 502, 503, 504 };

    (void)state;
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->validator = NULL;
    for (unsigned i = 0; i < 4; i++) {
        s->status = fails[i];
        struct viewer *v = asked(0, "/a");
        s->status = 200;
        check_result(v, RESULT_STALE);
        assert_int_equal(s->fetches, 2 + 2 * i);
        for (int j = 0; j < 20; j++) { /* it is left alone for a while */
            v = ask(w, 0, "/a");
            check_result(v, RESULT_STALE);
        }
        assert_int_equal(s->fetches, 2 + 2 * i);
        world_run(w, SEC(10));
        s->cut_at = 0; /* no answer at all */
        check_result(asked(0, "/a"), RESULT_STALE);
        s->cut_at = UINT64_MAX;
        world_run(w, SEC(10));
    }
    s->status = 404; /* that is an answer */
    struct viewer *v = asked(0, "/a");
    check_result(v, RESULT_MISS);
    assert_int_equal(v->status, 404);
}

static void feat_R19_how_long_is_the_origins_word(void **state)
{
    struct site *s = lasting("/a", 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60, stale-if-error=30\n";
    check_result(asked(0, "/a"), RESULT_MISS);
    world_run(w, SEC(60));
    s->cut_at = 0;
    check_result(asked(0, "/a"), RESULT_STALE);
    world_run(w, SEC(30));
    check_failed(asked(0, "/a"), 502);
    s->cut_at = UINT64_MAX;
    check_result(asked(0, "/a"), RESULT_REFRESH);
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60, must-revalidate\n";
    world_run(w, SEC(61));
    check_result(asked(0, "/a"), RESULT_REFRESH);
    world_run(w, SEC(61));
    s->cut_at = 0;
    check_failed(asked(0, "/a"), 502);
}

/* ---- a mesh ---- */

static void feat_R9_the_owner_validates_for_all(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = lasting(path, 200000);

    (void)state;
    check_result(asked(0, path), RESULT_MISS);
    world_run(w, SEC(60));
    struct viewer *a = ask(w, 0, path), *b = ask(w, 2, path);
    world_run(w, SEC(1));
    check_whole(a);
    check_whole(b);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(s->sent, 200000);
    assert_true(a->answer.ttl_ns > SEC(58) && b->answer.ttl_ns > SEC(58));
    check_result(asked(0, path), RESULT_HIT);
}

/* Node 0 has node 1's bytes under node 1's name; then it validates them itself and passes them on as its own. */
static void a_body_of_another_signer_becomes_ours(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = lasting(path, 1 << 20);

    (void)state;
    check_result(asked(0, path), RESULT_MISS);
    world_run(w, SEC(60));
    for (int i = 0; i < 3; i++)
        world_ranks(w, i, "0"); /* now 0 is the owner */
    check_result(asked(0, path), RESULT_REFRESH);
    assert_int_equal(s->sent, 1 << 20);
    struct viewer *v = asked(2, path);
    check_result(v, RESULT_PEER);
    assert_string_equal(v->answer.peer_name, "n0");
    assert_int_equal(count(w, 2)->transfers_verified, 1);
}

/* And who reads from it meanwhile is let go, and asks again. */
static void a_change_of_signer_in_mid_transfer(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = lasting(path, 4 << 20);
    struct viewer *slow;

    (void)state;
    check_result(asked(0, path), RESULT_MISS);
    for (int i = 0; i < 3; i++)
        world_ranks(w, i, "0");
    w->window = 2000;
    w->delay = MS(50);
    slow = ask(w, 2, path);
    world_run(w, SEC(4));
    assert_true(slow->head_sent && !slow->done);
    world_run(w, SEC(56));
    assert_false(slow->done);
    check_result(asked(0, path), RESULT_REFRESH);
    assert_false(slow->done);
    w->window = 0;
    w->delay = MS(5);
    world_run(w, SEC(5));
    check_whole(slow);
    assert_int_equal(s->sent, 4 << 20);
}

static void feat_R18_a_refresh_reaches_the_origin_through_the_owner(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = lasting(path, 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60, stale-while-revalidate=30\n";
    check_result(asked(0, path), RESULT_MISS);
    check_result(asked(2, path), RESULT_PEER);
    world_run(w, SEC(60));
    for (int i = 0; i < 10; i++) {
        check_result(ask(w, 0, path), RESULT_STALE);
        check_result(ask(w, 2, path), RESULT_STALE);
    }
    world_run(w, SEC(1));
    assert_int_equal(s->fetches, 2); /* the owner's own copy is in its window too, and yet it asked */
    check_result(ask(w, 0, path), RESULT_HIT);
    check_result(ask(w, 2, path), RESULT_HIT);
}

/* A node that has no copy gets the owner's stale one at once. */
static void feat_R18_of_an_owners_copy(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = lasting(path, 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60, stale-while-revalidate=30\n";
    check_result(asked(0, path), RESULT_MISS);
    world_run(w, SEC(60));
    s->head_after = SEC(3);
    struct viewer *v = asked(2, path);
    check_result(v, RESULT_PEER);
    assert_true(v->answer.ttl_ns < 0);
    world_run(w, SEC(5));
    assert_int_equal(s->fetches, 2);
}

static void feat_R19_a_dead_origin_in_a_mesh(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = lasting(path, 1000);

    (void)state;
    check_result(asked(0, path), RESULT_MISS);
    world_run(w, SEC(60));
    s->cut_at = 0;
    check_whole(asked(0, path)); /* from the owner, or our own: both are old */
    check_whole(asked(2, path));
    assert_true(s->fetches == 2);
    node_stop(w, 1, true);
    world_run(w, SEC(20));
    check_whole(asked(0, path));
}

static void feat_R3_no_cache_through_the_owner(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 100000);
    struct viewer *v[10];

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: no-cache\n";
    s->validator = "\"1\"";
    check_result(asked(0, path), RESULT_MISS);
    for (int i = 0; i < 10; i++)
        v[i] = ask(w, i % 3, path);
    world_run(w, SEC(2));
    for (int i = 0; i < 10; i++)
        check_whole(v[i]);
    assert_int_equal(s->fetches, 11);
    assert_int_equal(s->sent, 100000); /* the body once for the whole mesh */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(feat_R9_a_304_renews_what_is_stored),
        ONE(what_has_changed_comes_whole),
        ONE(a_304_that_names_something_else_changes_no_field),
        ONE(a_304_that_was_not_asked_for_is_an_error),
        ONE(a_304_that_comes_after_a_change_keeps_nothing),
        ONE(a_304_may_end_the_storing),
        ONE(readers_outlive_their_head),
        ONE(feat_R3_no_cache_is_asked_for_each_time),
        ONE(feat_R18_stale_while_revalidate),
        ONE(stale_while_revalidate_of_what_is_never_fresh),
        ONE(feat_R19_an_origin_that_fails_is_bridged),
        ONE(feat_R19_how_long_is_the_origins_word),
        THREE(feat_R9_the_owner_validates_for_all),
        THREE(a_body_of_another_signer_becomes_ours),
        THREE(a_change_of_signer_in_mid_transfer),
        THREE(feat_R18_a_refresh_reaches_the_origin_through_the_owner),
        THREE(feat_R18_of_an_owners_copy),
        THREE(feat_R19_a_dead_origin_in_a_mesh),
        THREE(feat_R3_no_cache_through_the_owner),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
