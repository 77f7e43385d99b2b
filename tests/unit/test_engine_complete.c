/* Whole bodies of which leaves are here (RFC 9111 section 3.4): the origin sends what is missing, and nothing else. */
#include "engine_wants.h"

#define AT(leaf) ((uint64_t)(leaf) * LEAF_BYTES)

static void leaves_of(int n, const char *path, uint32_t first, uint32_t count)
{
    check_want((want(n, path, AT(first), AT(count)), run(SEC(1)), wants));
    end_all();
}

static void a_whole_costs_what_is_missing(void **state)
{
    static const struct {
        uint32_t first, count;
        unsigned fetches;
    } had[] = { { 0, 10, 1 }, { 30, 12, 2 }, { 69, 12, 1 }, { 0, 81, 0 }, { 40, 1, 2 } };

    (void)state;
    for (size_t i = 0; i < sizeof(had) / sizeof(had[0]); i++) {
        const char *path = path_owned(w, 0, "0");
        struct site *s = large(path, AT(80) + 7);
        uint64_t bytes = had[i].first + had[i].count > 80 ? s->length - AT(had[i].first) : AT(had[i].count);
        /* Never all of it by one request. */
        for (uint32_t at = had[i].first; at < had[i].first + had[i].count; at += 20) {
            uint64_t length = bytes - AT(at - had[i].first);
            check_want((want(0, path, AT(at), length < AT(20) ? length : AT(20)), run(SEC(1)), wants));
            end_all();
        }
        assert_int_equal(s->sent, bytes);
        unsigned before = s->fetches;
        struct viewer *v = ask(w, 0, path);
        world_run(w, SEC(2));
        check_result(v, had[i].fetches > 0 ? RESULT_MISS : RESULT_HIT);
        assert_null(strstr(v->lines, "Content-Range"));
        assert_int_equal(s->sent, s->length);
        assert_int_equal(s->fetches - before, had[i].fetches);
        check_result(ask(w, 0, path), RESULT_HIT);
    }
}

/* At the owner, whoever asks; who has leaves but owns nothing asks the owner. */
static void for_other_nodes_too(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = large(path, AT(50));
    struct viewer *v[3];

    (void)state;
    leaves_of(0, path, 5, 3);
    leaves_of(2, path, 20, 3);
    for (int n = 0; n < 3; n++)
        v[n] = ask(w, n, path);
    world_run(w, SEC(2));
    for (int n = 0; n < 3; n++)
        check_whole(v[n]);
    assert_int_equal(s->sent, s->length);
}

/* Who signs a body has had all of it from the origin: what a peer brought is not made our own. */
static void what_others_signed_is_not_signed_by_us(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = large(path, AT(50));

    (void)state;
    leaves_of(2, path, 5, 3); /* by way of their owner, 1, who signed them */
    assert_int_equal(s->sent, AT(3));
    node_stop(w, 1, false);
    struct viewer *v = ask(w, 2, path);
    world_run(w, SEC(3));
    check_whole(v);
    assert_int_equal(s->sent, AT(3) + s->length);
    assert_string_equal(s->last_range, "");
}

static void a_cold_whole_is_one_request(void **state)
{
    struct site *s = large("/a", AT(50)), *other = large("/b", AT(50));

    (void)state;
    leaves_of(0, "/b", 5, 3);
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(s->fetches, 1);
    assert_string_equal(s->last_range, "");
    assert_int_equal(other->fetches, 1);
}

/* If-Range has the origin send all of it: nothing old is in the answer, or stays. */
static void feat_R17_what_has_changed(void **state)
{
    struct site *s = large("/a", AT(50));
    struct engine_usage u;

    (void)state;
    leaves_of(0, "/a", 5, 3);
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(v->version, 2);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(s->sent, AT(53));
    engine_usage(engine_of(w, 0), &u);
    assert_int_equal(u.objects, 1);
}

/* Leaves of what was there before lie among those of what is. */
static void leaves_of_two_bodies(void **state)
{
    struct site *s = large("/a", AT(50));

    (void)state;
    leaves_of(0, "/a", 0, 3);
    leaves_of(0, "/a", 23, 3);
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    leaves_of(0, "/a", 20, 3);
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(v->version, 2);
    assert_int_equal(s->sent, AT(6 + 50));
}

/* Between two gaps: who has seen nothing begins anew, who has seen the beginning is told. */
static void rob_OR5_what_changes_under_way_is_never_joined(void **state)
{
    struct site *s = large("/a", AT(60));
    struct viewer *v, *u = viewer_new(w, 0, "/a");

    (void)state;
    leaves_of(0, "/a", 20, 10);
    s->every = MS(10);
    v = ask(w, 0, "/a");
    u->wait_whole = true;
    viewer_ask(u);
    run(MS(30));
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    s->changed_at = 0;
    world_run(w, SEC(3));
    assert_true(v->failed && v->head_sent && v->right);
    check_whole(u);
    assert_int_equal(u->version, 2);
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_result(v, RESULT_HIT);
}

static void an_origin_that_knows_no_if_range(void **state)
{
    struct site *s = large("/a", AT(50));

    (void)state;
    leaves_of(0, "/a", 5, 3);
    s->deaf = true;
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(v->version, 2);
    assert_string_equal(s->last_range, "");
}

static void what_cannot_be_combined(void **state)
{
    struct site *s = large("/a", AT(50));

    (void)state;
    s->lines = "ETag: W/\"1\"\n";
    want(0, "/a", AT(5), AT(3));
    run(SEC(1));
    end_all();
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
    assert_string_equal(s->last_range, "");
}

/* Leaves with a gap behind each would cost a request for each. */
static void many_gaps_are_no_more_than_a_few_requests(void **state)
{
    struct site *s = large("/a", AT(120));

    (void)state;
    for (uint32_t at = 0; at < 120; at += 2)
        leaves_of(0, "/a", at, 1);
    unsigned before = s->fetches;
    assert_int_equal(before, 60);
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(s->fetches - before, 16);
    assert_int_equal(s->sent, AT(60 + 15 + 120 - 31)); /* the last one from leaf 31 to the end */
}

/* A body that is too large to be kept passes through at its reader's pace, leaves that are here, too. */
static void a_large_one_passes_through(void **state)
{
    struct site *s = large("/a", AT(600) + 1);

    (void)state;
    leaves_of(0, "/a", 0, 60);
    leaves_of(0, "/a", 60, 100);
    leaves_of(0, "/a", 200, 150);
    uint64_t sent = s->sent;
    struct viewer *v = viewer_new(w, 0, "/a");
    v->allow = AT(3);
    viewer_ask(v);
    world_run(w, SEC(2));
    assert_int_equal(v->got, AT(3));
    assert_int_equal(s->sent, sent); /* it waits with what lies behind leaf 160 */
    for (v->allow = 0; !v->ended; v->allow += AT(7)) {
        viewer_read(v);
        world_run(w, MS(10));
    }
    check_whole(v);
    assert_int_equal(s->sent, s->length);
}

/* What was here goes, for lack of space, before it is its turn; and an origin does not wait for ever. */
static void leaves_that_go_under_way(void **state)
{
    struct site *s = large("/a", AT(600)), *other = large("/b", AT(3000));

    (void)state;
    leaves_of(0, "/a", 0, 64);
    leaves_of(0, "/a", 64, 64);
    leaves_of(0, "/a", 128, 64);
    struct viewer *v = viewer_new(w, 0, "/a");
    v->allow = AT(3);
    viewer_ask(v);
    world_run(w, SEC(1));
    for (uint32_t at = 0; at < 4000; at += 20) /* each twice: what is used once goes before what waits here */
        leaves_of(0, "/b", at / 40 * 20, 20);
    assert_true(other->fetches >= 100);
    s->cut_at = AT(100);
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, MS(25));
    s->cut_at = UINT64_MAX;
    world_run(w, SEC(5));
    check_whole(v);
    assert_true(s->sent > s->length + AT(50)); /* what had gone came once more */
}

static void an_origin_that_fails_in_a_gap(void **state)
{
    struct site *s = large("/a", AT(60));
    struct viewer *v;

    (void)state;
    leaves_of(0, "/a", 20, 10);
    s->cut_at = AT(10) + 5;
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_failed(v, 0);
    s->cut_at = UINT64_MAX;
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_whole_costs_what_is_missing),
        THREE(for_other_nodes_too),
        THREE(what_others_signed_is_not_signed_by_us),
        ONE(a_cold_whole_is_one_request),
        ONE(feat_R17_what_has_changed),
        ONE(leaves_of_two_bodies),
        ONE(rob_OR5_what_changes_under_way_is_never_joined),
        ONE(an_origin_that_knows_no_if_range),
        ONE(what_cannot_be_combined),
        ONE(many_gaps_are_no_more_than_a_few_requests),
        ONE(a_large_one_passes_through),
        ONE(leaves_that_go_under_way),
        ONE(an_origin_that_fails_in_a_gap),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
