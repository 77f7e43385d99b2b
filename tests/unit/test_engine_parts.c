/* Ranges of bodies that are not here: only the leaves that are needed are fetched, here and through their owners. */
#include "engine_wants.h"

static void feat_R17_only_the_leaves_that_are_needed(void **state)
{
    struct site *s = large("/a", 10240 * MIB);
    struct want *v = want(0, "/a", 5000 * MIB + 100, MIB);

    (void)state;
    run(SEC(2));
    check_want(v);
    assert_int_equal(v->answer.length, 10240 * MIB);
    assert_int_equal(v->answer.result, RESULT_MISS);
    assert_null(strstr(v->lines, "Content-Range"));
    assert_int_equal(s->sent, 17 * LEAF_BYTES); /* not a leaf more */
    assert_string_equal(s->last_range, "bytes=5242880000-5243994111");
    assert_int_equal(s->fetches, 1);
    /* Neighbours use them again. */
    unsigned fetches = s->fetches;
    v = want(0, "/a", 5000 * MIB + 65536, MIB - 65536);
    read_on(v);
    check_want(v); /* at once */
    assert_int_equal(v->answer.result, RESULT_HIT);
    assert_int_equal(s->fetches, fetches);
    v = want(0, "/a", 5000 * MIB + 65536, MIB);
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->sent, 17 * LEAF_BYTES);
    end_all();
}

static void rob_R2_one_byte_costs_a_leaf(void **state)
{
    struct site *s = large("/a", 1024 * MIB);

    (void)state;
    for (int i = 0; i < 100; i++)
        check_want((run(MS(1)), want(0, "/a", 500 * MIB + (unsigned)i, 1), run(MS(100)), wants));
    assert_int_equal(s->sent, LEAF_BYTES);
    assert_int_equal(s->fetches, 1);
    end_all();
}

static void feat_R17_through_the_owners(void **state)
{
    struct site *s = large("/a", 10240 * MIB);
    struct want *v[12];

    (void)state;
    for (unsigned i = 0; i < 12; i++)
        v[i] = want((int)(i % 3), "/a", 3000 * MIB + i / 3 * 30000, 2 * MIB);
    run(SEC(3));
    for (unsigned i = 0; i < 12; i++)
        check_want(v[i]);
    assert_int_equal(s->sent, 34 * LEAF_BYTES); /* each leaf once for all nodes ... */
    assert_true(s->fetches <= 8);               /* ... and many at once */
    end_all();
}

static void an_open_range_is_read_at_the_viewers_pace(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want_text(0, "/a", "bytes=0-", 0, 0);

    (void)state;
    run(SEC(1));
    assert_true(v->done); /* it wanted no byte in the end */
    assert_true(s->sent <= 17 * LEAF_BYTES);
    v = want_text(0, "/a", "bytes=0-", 0, UINT64_MAX);
    v->stop = 10 * MIB;
    run(SEC(10));
    assert_true(v->got == v->stop && v->right);
    assert_true(s->sent <= 10 * MIB + (16 + KEY_STRIPE_LEAVES) * LEAF_BYTES); /* asked for ahead, and what came along */
    end_all();
}

static void to_the_very_end(void **state)
{
    struct site *s = large("/a", 100 * MIB + 10);
    struct want *v = want_text(0, "/a", "bytes=104857000-", 104857000, 100 * MIB + 10 - 104857000);

    (void)state;
    run(SEC(1));
    check_want(v);
    assert_true(request_done(&v->r));
    v = want_text(0, "/a", "bytes=-700", 100 * MIB + 10 - 700, 700);
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->sent, 2 * LEAF_BYTES + 10); /* the first one told how long it is */
    end_all();
}

/* However far beyond: all of a body is never fetched for that. */
static void rob_R2_beyond_any_end(void **state)
{
    static const char *const ranges[] = { "bytes=281474976710656-", "bytes=281474976645120-281474976710655",
                                          "bytes=18446744073709551615-", "bytes=99999999999999999999999-" };
    struct site *s = large("/a", 100 * MIB);

    (void)state;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct want *v = want_text(0, "/a", ranges[i], 0, 0);
        run(SEC(1));
        check_want(v);
        end_all();
        assert_int_equal(s->sent, LEAF_BYTES);
    }
}

static void beyond_the_end(void **state)
{
    struct site *s = large("/a", 100 * MIB);
    struct want *v = want_text(0, "/a", "bytes=999999999999-", 0, 0);

    (void)state;
    run(SEC(1));
    check_want(v); /* the rim knows the length now, and says 416 */
    assert_int_equal(v->answer.length, 100 * MIB);
    assert_int_equal(s->sent, LEAF_BYTES);
    end_all();
}

static void a_small_body_is_fetched_whole(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = large(path, 5000);
    struct want *v = want(0, path, 1000, 100);

    (void)state;
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->fetches, 1);
    check_result(ask(w, 1, path), RESULT_HIT);
    check_result(ask(w, 2, path), RESULT_HIT); /* n0 asked twice: there is a second copy */
    assert_int_equal(s->fetches, 1);
    end_all();
}

static void decision_15_an_origin_without_ranges(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 2 * MIB);
    struct want *v = want(0, path, MIB, 100), *u;

    (void)state;
    run(SEC(2));
    check_want(v);
    u = want(2, path, 1000, 100);
    run(SEC(2));
    check_want(u);
    assert_int_equal(s->fetches, 1); /* its first answer is used, and it is remembered */
    end_all();
}

static void other_answers_are_for_the_whole(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 100);
    struct want *v = want(0, path, 0, 100);

    (void)state;
    s->status = 404;
    run(SEC(1));
    assert_true(v->done);
    assert_int_equal(v->answer.head->status, 404);
    assert_int_equal(s->fetches, 1);
    end_all();
}

static void feat_R17_a_changed_validator_drops_what_was_kept(void **state)
{
    struct site *s = large("/a", 100 * MIB);
    struct want *v = want(0, "/a", 10 * MIB, MIB);

    (void)state;
    run(SEC(1));
    check_want(v);
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    v = want(0, "/a", 10 * MIB + MIB / 2, MIB); /* half of it is kept, of the old version */
    run(SEC(2));
    if (v->failed) /* it had begun with old bytes: that cannot be gone on with */
        assert_int_equal(v->r.error_status, 502);
    v = want(0, "/a", 10 * MIB + MIB / 2, MIB);
    run(SEC(2));
    check_want(v);
    assert_int_equal(v->version, 2);
    v = want(0, "/a", 10 * MIB, 2 * MIB); /* and so with all of it */
    run(SEC(2));
    if (v->failed)
        v = want(0, "/a", 10 * MIB, 2 * MIB);
    run(SEC(2));
    check_want(v);
    end_all();
}

/* Who meets the new ones far behind the old ones may have begun with those; the next one does not. */
static void feat_R17_old_leaves_are_dropped_however_far_apart(void **state)
{
    struct site *s = large("/a", 100 * MIB);

    (void)state;
    check_want((want(0, "/a", 10 * MIB, MIB), run(SEC(1)), wants));
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    check_want((want(0, "/a", 13 * MIB, MIB), run(SEC(1)), wants));
    want(0, "/a", 10 * MIB, 4 * MIB);
    run(SEC(1));
    assert_true(wants->failed && wants->right && wants->version == 1);
    check_want((want(0, "/a", 10 * MIB, 4 * MIB), run(SEC(1)), wants));
    assert_int_equal(wants->version, 2);
    end_all();
}

static void without_a_strong_validator_nothing_is_combined(void **state)
{
    struct site *s = large("/a", 100 * MIB);
    struct viewer *all;

    (void)state;
    s->lines = "ETag: W/\"1\"\n";
    struct want *v = want(0, "/a", 10 * MIB, MIB);
    run(SEC(1));
    assert_true(v->r.state == REQUEST_BODY);
    assert_int_equal(v->r.answer.head->status, 206); /* as the origin gave it */
    assert_string_equal(s->last_range, v->range);
    assert_false(v->r.answer.stored);
    end_all();
    all = ask(w, 0, "/a");
    assert_non_null(all);
    viewer_end(all);
}

static void no_store_is_relayed(void **state)
{
    struct site *s = large("/a", 100 * MIB);
    struct engine_usage u;

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: no-store\n";
    for (int i = 0; i < 2; i++) {
        struct want *v = want(0, "/a", 10 * MIB, 1000);
        run(SEC(1));
        assert_true(v->r.state == REQUEST_BODY);
        assert_int_equal(v->r.answer.head->status, 206);
        assert_string_equal(s->last_range, v->range);
    }
    end_all();
    engine_usage(engine_of(w, 0), &u);
    assert_int_equal(u.objects, 0);
}

/* RFC 9111 section 4.4: what an unsafe method changed is dropped, leaf by leaf too. */
static void feat_R28_leaves_are_dropped(void **state)
{
    struct site *s = large("/a", 100 * MIB), *other = large("/b", 100 * MIB);
    struct viewer *post = viewer_new(w, 0, "/a");

    (void)state;
    want(0, "/a", 10 * MIB, 300000);
    want(0, "/b", 10 * MIB, 300000);
    run(SEC(1));
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    s->ranges = false;
    s->length = 10;
    post->r.method = SLICE_LIT("POST");
    viewer_ask(post);
    run(SEC(1));
    assert_true(post->done);
    s->ranges = true;
    s->length = 100 * MIB;
    uint64_t sent = other->sent;
    struct want *v = want(0, "/a", 10 * MIB, 300000), *u = want(0, "/b", 10 * MIB, 300000);
    run(SEC(1));
    check_want(v);
    check_want(u);
    assert_int_equal(v->version, 2);
    assert_int_equal(other->sent, sent); /* and only that */
    end_all();
}

/* The fetch of a leaf may turn into one of the whole, and may have begun before the change all the same. */
static void feat_R28_what_a_leafs_fetch_becomes_is_not_kept_either(void **state)
{
    struct site *s = site_at(w, "/a", 1000), *target = site_at(w, "/post", 10);
    struct viewer *post = viewer_new(w, 0, "/post");
    struct want *v;

    (void)state;
    s->head_after = MS(500);
    target->lines = "Content-Location: /a\n";
    want(0, "/a", 0, 100);
    run(MS(100));
    post->r.method = SLICE_LIT("POST");
    s->version = 2;
    viewer_ask(post);
    run(SEC(2));
    v = want(0, "/a", 0, 100);
    check_want(v);
    assert_int_equal(v->version, 2);
    assert_int_equal(s->fetches, 2);
    end_all();
}

/* Who wanted a part of another version gets all of this one, from its beginning on, though the part is what is here. */
static void all_is_read_where_a_part_was_wanted(void **state)
{
    (void)large("/a", 3 * MIB);
    struct want *v = want(0, "/a", 2 * MIB, 1000);

    (void)state;
    run(SEC(1));
    check_want(v);
    v = want(0, "/a", 2 * MIB, 1000);
    end(v);
    v->r = (struct request){ .host = v->r.host,
                             .target = v->r.target,
                             .request_id = v->r.request_id,
                             .fields = v->r.fields,
                             .range = v->r.range };
    v->all = true;
    v->first = v->got = 0;
    v->done = false;
    v->length = 3 * MIB;
    engine_request(engine_of(w, 0), w->now, &v->r);
    run(SEC(2));
    check_want(v);
    end_all();
}

static const char *const six[] = { "/a", "/b", "/c", "/d", "/e", "/f" };

/* In the midst of an answer that is read leaf by leaf the other nodes have all of the body, as |version| then, and give
 * no leaves of it: unless this one owns the leaves that are still to come, and fetches them. */
static struct want *begun_before_others_had_all(const char *path, uint64_t version)
{
    struct site *s = large(path, 6 * MIB);
    struct want *v = want(0, path, 0, 6 * MIB);

    v->stop = 1000;
    run(SEC(1));
    assert_int_equal(v->got, 1000);
    s->version = version;
    if (version != 1)
        s->lines = "ETag: \"2\"\n";
    for (int n = 1; n < 3; n++) {
        struct viewer *all = ask(w, n, path);
        assert_non_null(all);
        viewer_end(all);
    }
    v->stop = 0;
    run(SEC(3));
    return v;
}

static void an_answer_goes_on_from_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(six) / sizeof(six[0]); i++)
        check_want(begun_before_others_had_all(six[i], 1));
    assert_true(engine_counters(engine_of(w, 0))->moved > 0);
    end_all();
}

static void but_not_from_the_whole_of_another_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(six) / sizeof(six[0]); i++) {
        const struct want *v = begun_before_others_had_all(six[i], 2);
        assert_true(v->failed && v->right);
    }
    assert_int_equal(engine_counters(engine_of(w, 0))->moved, 0);
    end_all();
}

static void a_stale_leaf_is_validated(void **state)
{
    struct site *s = large("/a", 100 * MIB);
    struct want *v = want(0, "/a", 10 * MIB, 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60\n";
    s->validator = "\"1\"";
    run(SEC(1));
    check_want(v);
    world_run(w, SEC(61));
    v = want(0, "/a", 10 * MIB, 1000);
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->validated, 1);
    assert_int_equal(s->sent, LEAF_BYTES);
    end_all();
}

static void an_owner_dies_under_way(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want(0, "/a", 100 * MIB, 40 * MIB);

    (void)state;
    s->head_after = MS(50);
    run(MS(300));
    assert_false(v->done);
    node_stop(w, 1, true);
    run(SEC(20));
    check_want(v);
    end_all();
}

/* A leaf is read as it comes, and when the node that it comes from dies, from another one on. */
static void bytes_are_seen_as_they_come(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct viewer *u = viewer_new(w, 0, "/a");
    struct want *v[2];

    (void)state;
    s->piece = 1000;
    s->every = MS(10);
    v[0] = want(0, "/a", 100 * MIB + 500, 100000);
    v[1] = want(2, "/a", 100 * MIB + 500, 100000);
    u->r.range = SLICE_LIT("bytes=0-99999");
    u->allow = 20000;
    viewer_ask(u);
    run(MS(300));
    assert_int_equal(u->got, u->allow); /* it looks only when it is told that there is something */
    viewer_end(u);
    for (int i = 0; i < 2; i++)
        assert_true(v[i]->got > 15000 && v[i]->got < 30000);
    node_stop(w, 1, true);
    run(SEC(5));
    check_want(v[0]);
    check_want(v[1]);
    end_all();
}

static void an_origin_that_fails_in_the_midst(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want(0, "/a", 100 * MIB, 40 * MIB);

    (void)state;
    s->head_after = MS(50);
    run(MS(300));
    s->cut_at = 0;
    run(SEC(5));
    assert_true(v->failed && v->right && v->got > 0);
    end_all();
}

static void viewers_leave(void **state)
{
    struct site *s = large("/a", 1024 * MIB);

    (void)state;
    s->head_after = MS(50);
    for (int i = 0; i < 60; i++) {
        want(i % 3, "/a", (uint64_t)i * MIB, 10 * MIB);
        run(MS(7));
        if (i % 4 == 3)
            end_all();
    }
    end_all();
    run(SEC(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(feat_R17_only_the_leaves_that_are_needed),
        ONE(rob_R2_one_byte_costs_a_leaf),
        THREE(feat_R17_through_the_owners),
        ONE(an_open_range_is_read_at_the_viewers_pace),
        ONE(to_the_very_end),
        ONE(beyond_the_end),
        ONE(rob_R2_beyond_any_end),
        THREE(a_small_body_is_fetched_whole),
        ONE(all_is_read_where_a_part_was_wanted),
        THREE(an_answer_goes_on_from_the_whole),
        THREE(but_not_from_the_whole_of_another_version),
        THREE(decision_15_an_origin_without_ranges),
        THREE(other_answers_are_for_the_whole),
        ONE(feat_R17_a_changed_validator_drops_what_was_kept),
        ONE(feat_R17_old_leaves_are_dropped_however_far_apart),
        ONE(without_a_strong_validator_nothing_is_combined),
        ONE(no_store_is_relayed),
        ONE(feat_R28_leaves_are_dropped),
        ONE(feat_R28_what_a_leafs_fetch_becomes_is_not_kept_either),
        ONE(a_stale_leaf_is_validated),
        THREE(an_owner_dies_under_way),
        THREE(bytes_are_seen_as_they_come),
        ONE(an_origin_that_fails_in_the_midst),
        THREE(viewers_leave),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
