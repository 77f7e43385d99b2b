/* Runs: leaves that lie together come by one request to the origin, no more of them than somebody wants. */
#include "engine_wants.h"

#define AT(leaf) ((uint64_t)(leaf) * LEAF_BYTES)

static struct want *want_leaves(int n, uint32_t first, uint32_t count)
{
    return want(n, "/a", AT(first), AT(count));
}

/* 1,024 leaves; the first requests are small, since whoever wants "all" may soon have enough. */
static void an_open_range_costs_few_requests(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want_text(0, "/a", "bytes=0-", 0, UINT64_MAX);

    (void)state;
    v->stop = 64 * MIB;
    run(SEC(10));
    assert_true(v->got == v->stop && v->right);
    assert_true(s->fetches <= 19); /* 16 + 32 + 16 leaves, then one a stripe, and the one that is read ahead of */
    assert_true(s->sent <= 68 * MIB);
    end_all();
}

static void a_run_ends_with_its_stripe(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want_leaves(0, KEY_STRIPE_LEAVES - 3, 10);

    (void)state;
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(s->sent, AT(10));
    end_all();
}

static void what_is_here_is_not_fetched_again(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v;

    (void)state;
    for (int n = 0; n < 3; n++) {
        check_want((v = want_leaves(0, 20, 2), run(SEC(1)), v));
        check_want((v = want_leaves(n, 10, 30), run(SEC(1)), v));
        assert_int_equal(s->fetches, 3); /* 20 and 21, what lies before, what lies behind */
        assert_int_equal(s->sent, AT(30));
    }
    end_all();
}

/* Who comes while it is under way finds each leaf, come or not. */
static void others_join_a_run(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v[9];

    (void)state;
    s->piece = 10000;
    s->every = MS(2);
    for (int i = 0; i < 9; i++) {
        v[i] = want_leaves(i % 3, (uint32_t)(100 + i), 16);
        run(MS(30));
    }
    run(SEC(2));
    for (int i = 0; i < 9; i++)
        check_want(v[i]);
    assert_int_equal(s->sent, AT(24));
    assert_true(s->fetches <= 9);
    end_all();
}

static void the_cache_bounds_a_run(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v;

    (void)state;
    node_stop(w, 0, true);
    w->nodes[0].cfg.memory_limit = 4 * MIB;
    node_start(w, 0, true);
    v = want_leaves(0, 0, 60);
    run(MS(10));
    assert_string_equal(s->last_range, "bytes=0-524287"); /* an eighth of it */
    run(SEC(2));
    check_want(v);
    assert_int_equal(s->sent, AT(60));
    end_all();
}

/* All of the body in one answer is kept as a whole. */
static void a_body_that_a_run_brings_whole(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = large(path, 300000);
    struct want *v = want_text(0, path, "bytes=0-", 0, 300000);

    (void)state;
    run(SEC(1));
    check_want(v);
    check_result(ask(w, 1, path), RESULT_HIT);
    v = want_text(2, path, "bytes=70000-", 70000, 230000);
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->fetches, 1);
    end_all();
}

static void to_the_end_of_a_body(void **state)
{
    struct site *s = large("/a", 90 * MIB + 10);
    struct want *v = want_text(0, "/a", "bytes=94200000-", 94200000, 90 * MIB + 10 - 94200000);

    (void)state;
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(s->sent, AT(3) + 10);
    end_all();
}

/* RFC 9110 section 15.3.7: a server may have its reasons to send less than was asked for. */
static void an_origin_that_sends_less(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want_leaves(0, 10, 20);

    (void)state;
    s->most = AT(5) + 1000;
    run(SEC(2));
    check_want(v);
    assert_true(s->sent <= AT(20) + 20 * 1000);
    end_all();
}

/* What was whole before the cut stays; who waits for the rest asks again, as long as that brings anything. */
static void an_origin_that_cuts_a_run(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want_leaves(0, 10, 20);

    (void)state;
    s->cut_at = AT(14) + 5000;
    run(MS(30));
    s->cut_at = UINT64_MAX;
    run(SEC(2));
    check_want(v);
    assert_int_equal(s->sent, AT(20) + 5000);
    v = want_leaves(0, 100, 20);
    s->cut_at = AT(104) + 5000;
    run(SEC(2));
    assert_true(v->failed && v->right && v->got == AT(4));
    assert_true(s->fetches < 20);
    end_all();
}

static void what_is_not_to_be_combined_is_not_fetched_ahead(void **state)
{
    static const char *const lines[] = { "ETag: W/\"1\"\n", "ETag: \"1\"\nCache-Control: no-store\n",
                                         "ETag: \"1\"\nCache-Control: no-cache\n" };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *path = path_owned(w, 0, "0");
        struct site *s = large(path, 1024 * MIB);
        s->lines = lines[i];
        s->piece = 1000;
        s->every = MS(1);
        want(0, path, 0, 10 * MIB);
        run(MS(10)); /* before it is told that a leaf is of no use */
        end_all();
        run(SEC(5));
        assert_true(s->sent < AT(2));
    }
}

static void what_is_stale_is_validated_by_itself(void **state)
{
    struct site *s = large("/a", 100 * MIB);
    struct want *v = want_leaves(0, 13, 1);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=60\n";
    s->validator = "\"1\"";
    run(SEC(1));
    check_want(v);
    world_run(w, SEC(61));
    v = want_leaves(0, 10, 11);
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->validated, 1);
    assert_int_equal(s->sent, AT(11));
    end_all();
}

/* In its asks: that all leaves of a body, say, will be asked for. */
static void exaggerate(void *ctx, uint8_t *frame, size_t len)
{
    (void)ctx;
    if (frame[0] == MSG_ASK && frame[len - 4] == 17) /* behind it is the asker's load */
        frame[len - 3] = 127;
}

static void a_peer_that_exaggerates(void **state)
{
    const char *path;
    struct site *s;

    (void)state;
    node_stop(w, 0, true);
    w->nodes[0].cfg.outgoing = exaggerate;
    node_start(w, 0, true);
    s = large(path = path_owned(w, 0, "12"), 1024 * MIB);
    struct want *v = want(0, path, AT(KEY_STRIPE_LEAVES - 5), AT(2));
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->sent, AT(5)); /* what the asked one owns, at most */
    end_all();
}

/* What a POST changed meanwhile: none of it is kept, and nobody's wait is in vain. */
static void feat_R28_a_run_is_dropped_under_way(void **state)
{
    struct site *s = large("/a", 100 * MIB), *target = site_at(w, "/post", 10);
    struct viewer *post = viewer_new(w, 2, "/post");
    struct want *v[3];

    (void)state;
    s->piece = 10000;
    s->every = MS(2);
    target->lines = "Content-Location: /a\n";
    for (int n = 0; n < 3; n++)
        v[n] = want_leaves(n, 70, 16);
    run(MS(80));
    post->r.method = SLICE_LIT("POST");
    s->version = 2;
    s->lines = "ETag: \"2\"\n";
    viewer_ask(post);
    run(SEC(3));
    for (int n = 0; n < 3; n++)
        assert_true(v[n]->right && (v[n]->done || v[n]->r.error_status == 502));
    for (int n = 0; n < 3; n++)
        v[n] = want_leaves(n, 70, 16);
    run(SEC(3));
    for (int n = 0; n < 3; n++) {
        check_want(v[n]);
        assert_int_equal(v[n]->version, 2);
    }
    end_all();
}

/* Leaves that a slow origin brings late fail nobody, as long as they come. */
static void a_slow_origin(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v = want_leaves(0, 10, 30);

    (void)state;
    s->piece = 1000;
    s->every = MS(100); /* a leaf takes more than six seconds */
    run(SEC(220));
    check_want(v);
    assert_true(s->sent <= AT(31));
    end_all();
}

static void an_owner_dies_in_the_midst_of_a_run(void **state)
{
    struct site *s = large("/a", 1024 * MIB);
    struct want *v[3];

    (void)state;
    s->piece = 20000;
    s->every = MS(5);
    for (int n = 0; n < 3; n += 2)
        v[n] = want_leaves(n, 100, 40);
    run(MS(200));
    node_stop(w, 1, true);
    run(SEC(20));
    check_want(v[0]);
    check_want(v[2]);
    end_all();
}

/* ---- at random: SWARM_SEEDS=200 runs more of them ---- */

/* A version has a validator of its own, some of them a weak one. */
static void change(struct site *s)
{
    static char lines[40];

    s->version++;
    snprintf(lines, sizeof(lines), "ETag: %s\"%llu\"\n", s->version % 4 == 0 ? "W/" : "",
             (unsigned long long)s->version);
    s->lines = lines;
}

static void some_trouble(struct site *s, struct rand *r)
{
    s->cut_at = rand_below(r, 4) == 0 ? AT(rand_below(r, 200)) + rand_below(r, 3) * 1000 : UINT64_MAX;
    s->most = rand_below(r, 4) == 0 ? AT(rand_below(r, 10)) + 1 + rand_below(r, 3) * 1000 : 0;
    s->ranges = rand_below(r, 20) != 0;
    s->piece = 1000 + rand_below(r, 100000);
    s->every = MS(rand_below(r, 5));
    if (s->open == 0 && rand_below(r, 3) == 0)
        change(s);
}

static void one_step(struct site *s, struct rand *r)
{
    uint32_t leaves = leaf_count(s->length), first = (uint32_t)rand_below(r, leaves - 1);
    uint32_t count = 1 + (uint32_t)rand_below(r, leaves - first - 1);
    int n = (int)rand_below(r, (uint64_t)w->n);

    switch (rand_below(r, 12)) {
    case 0: some_trouble(s, r); break;
    case 1: end_all(); break;
    case 2: ask(w, n, "/a")->allow = rand_below(r, 2) * UINT64_MAX; break;
    case 3: want_text(n, "/a", "bytes=0-", 0, s->length); break;
    case 4: want_leaves(n, first, count)->stop = AT(1 + rand_below(r, count)); break;
    case 5: by("DELETE", n, "/a"); break;
    default: want_leaves(n, first, count < 20 ? count : 20);
    }
}

static void one_swarm(uint64_t seed)
{
    struct rand r = rand_of(seed, 2, 3);
    struct site *s = large("/a", AT(seed % 3 == 0 ? 200 : 20) + 77);

    for (int i = 0; i < 120; i++) {
        one_step(s, &r);
        run(MS(rand_below(&r, 60)));
        for (struct want *v = wants; v != NULL; v = v->next)
            assert_true(v->right);
    }
    for (struct viewer *v = w->viewers; v != NULL; v = v->next)
        viewer_end(v);
    end_all();
    s->cut_at = UINT64_MAX;
    s->most = 0;
    change(s);
    run(SEC(200));
    world_calm(w);
}

static void swarms(void **state)
{
    uint64_t seeds = getenv("SWARM_SEEDS") != NULL ? strtoull(getenv("SWARM_SEEDS"), NULL, 10) : 4;

    (void)state;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        w = world_new(seed % 2 == 0 ? 1 : 3);
        world_run(w, SEC(1));
        one_swarm(seed);
        check_honest(w);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(an_open_range_costs_few_requests),
        THREE(a_run_ends_with_its_stripe),
        THREE(what_is_here_is_not_fetched_again),
        THREE(others_join_a_run),
        ONE(the_cache_bounds_a_run),
        THREE(a_body_that_a_run_brings_whole),
        ONE(to_the_end_of_a_body),
        THREE(to_the_end_of_a_body),
        THREE(an_origin_that_sends_less),
        ONE(an_origin_that_cuts_a_run),
        THREE(what_is_not_to_be_combined_is_not_fetched_ahead),
        ONE(what_is_stale_is_validated_by_itself),
        THREE(a_peer_that_exaggerates),
        THREE(feat_R28_a_run_is_dropped_under_way),
        THREE(a_slow_origin),
        THREE(an_owner_dies_in_the_midst_of_a_run),
        cmocka_unit_test(swarms),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
