/* test_engine_rules.c - an owner's edge rules: redirects, rewrites before the key is made, fields. */
#include "engine_dists.h"

#include "node/core/route.h"
#include "node/core/rules.h"

static void what_stars_stand_for(void **state)
{
    static const struct {
        const char *to, *pattern, *text, *want; /* NULL: it does not fit */
    } rows[] = {
        { "/new/$1", "/old/*", "/old/a/b.html", "/new/a/b.html" },
        { "/$2/$1", "/*/*", "/a/b/c", "/b/c/a" },
        { "/$1.webp", "*.png", "/img/x.png", "//img/x.webp" },
        { "$1", "/a?c*", "/abcdef", "def" },
        { "/x$9$$1$0", "/*", "/y", "/x$y$0" },
        { "/x", "/a", "/b", NULL },
        { "/x", "/a*c", "/ab", NULL },
        { "$1-$2-$3", "*a*a*", "banana", "b-n-na" },
        { "$1$2$3$4$5$6$7$8$9!", "***********a*", "xya", "!" },
        { "", "", "/x", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = BUF_EMPTY;
        bool fits = rules_expand(&out, slice_str(rows[i].to), slice_str(rows[i].pattern), slice_str(rows[i].text));
        if (fits != (rows[i].want != NULL) || (fits && !slice_eq(buf_slice(&out), slice_str(rows[i].want))))
            fail_msg("%s by %s: %.*s", rows[i].text, rows[i].pattern, SLICE_FMT(buf_slice(&out)));
        buf_free(&out);
    }
}

static const struct dist_rule rules[] = {
    { .path = SLICE_LIT("/old/*"), .action = DIST_REDIRECT, .status = 308, .to = SLICE_LIT("/new/$1") },
    { .path = SLICE_LIT("/away/*"),
      .action = DIST_REDIRECT,
      .status = 302,
      .to = SLICE_LIT("https://b.example/$1?x=1") },
    { .path = SLICE_LIT("/loop"), .action = DIST_REDIRECT, .status = 302, .to = SLICE_LIT("/loop") },
    { .path = SLICE_LIT("/app/*"), .action = DIST_REWRITE, .to = SLICE_LIT("/v2/app/$1") },
    { .path = SLICE_LIT("/v2/app/secret"), .action = DIST_REWRITE, .to = SLICE_LIT("/v2/app/open?why=1") },
    { .path = SLICE_LIT("/m"),
      .field = SLICE_LIT("user-agent"),
      .field_value = SLICE_LIT("*Mobile*"),
      .action = DIST_REWRITE,
      .to = SLICE_LIT("/mobile") },
    { .path = SLICE_LIT("/q"),
      .query = SLICE_LIT("v"),
      .query_value = SLICE_LIT("1*"),
      .action = DIST_REWRITE,
      .to = SLICE_LIT("/q1") },
    { .host = SLICE_LIT("*.host.example"),
      .action = DIST_SET_REQUEST_FIELD,
      .name = SLICE_LIT("x-tenant"),
      .to = SLICE_LIT("t") },
    { .path = SLICE_LIT("/strip"), .action = DIST_REMOVE_REQUEST_FIELD, .name = SLICE_LIT("x-a") },
};

static void with_rules(void)
{
    static struct dist_behaviour b[2];

    b[0] = usual("/v2/*");
    b[0].cache.query.which = DIST_NONE;
    b[1] = usual("*");
    b[1].rules = rules;
    b[1].rules_n = sizeof(rules) / sizeof(rules[0]);
    apply_one(b, 2);
}

static void feat_R38_redirects_are_answered_here(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
        const char *location;
    } rows[] = {
        { "/old/a", 308, "/new/a" },
        { "/old/a/../b%41?q=1", 308, "/new/bA?q=1" },
        { "/away/a", 302, "https://b.example/a?x=1" },
        { "/away/a?y=2", 302, "https://b.example/a?x=1" },
        { "/loop", 508, "" },
    };
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    with_rules();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct viewer *v = viewer_new(w, 0, rows[i].target);
        engine_request(engine_of(w, 0), w->now, &v->r);
        if (v->r.error_status != rows[i].status || !slice_eq(v->r.location, slice_str(rows[i].location)))
            fail_msg("%s: %u %.*s", rows[i].target, v->r.error_status, SLICE_FMT(v->r.location));
        viewer_read(v);
    }
    assert_int_equal(s->fetches, 0);
}

static void feat_R38_a_rewrite_comes_before_the_key(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    with_rules();
    assert_int_equal(got(0, "x", "/app/a", ""), 200);
    assert_string_equal(s->last_path, "/v2/app/a");
    assert_int_equal(got(1, "x", "/v2/app/a?q=1", ""), 200); /* by the behaviour of what it has become */
    assert_int_equal(got(2, "x", "/app/a?q=2", ""), 200);
    assert_int_equal(s->fetches, 1);
    assert_int_equal(got(0, "x", "/app/secret", ""), 200); /* one on what another one made */
    assert_string_equal(s->last_path, "/v2/app/open");
    struct site *mobile = site_at(w, "/mobile", 777);
    for (int i = 0; i < 4; i++) { /* a copy that is here is not taken for who asks otherwise */
        struct viewer *v = ask_with(0, "x", "/m", "User-Agent: a Mobile b\n", false);
        v->site = mobile;
        world_run(w, SEC(1));
        assert_int_equal(v->got, 777);
        v = ask_with(0, "x", "/m", "User-Agent: a\n", false);
        world_run(w, SEC(1));
        assert_int_equal(v->got, 1000);
        assert_int_equal(got(0, "x", "/q?v=12", ""), 200);
        assert_int_equal(got(0, "x", "/q?v=2", ""), 200);
        assert_int_equal(s->fetches, 5);
    }
    assert_string_equal(s->last_path, "/q?v=2");
}

/* A rewrite to / and then the root's page: the path has moved twice, and has the last one's behaviour. */
static void feat_R38_a_rewrite_to_the_root_has_its_behaviour(void **state)
{
    static const struct dist_rule home[] = {
        { .path = SLICE_LIT("/start/*"), .action = DIST_REWRITE, .to = SLICE_LIT("/") }
    };
    static struct dist_behaviour b[2];
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    b[0] = usual("/index.html");
    b[0].cache.enabled = false;
    b[1] = usual("*");
    b[1].rules = home;
    b[1].rules_n = 1;
    struct dist d = one_dist(b, 2);
    d.root = S("index.html");
    apply(&d, 1);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(got(0, "x", "/start/a", ""), 200);
        assert_string_equal(s->last_path, "/index.html");
        assert_int_equal(s->fetches, i);
    }
}

static void feat_R38_fields_are_edited(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    with_rules();
    assert_int_equal(got(0, "a.host.example", "/a", "X-Tenant: mine\nX-B: 1\n"), 200);
    assert_string_equal(s->last_fields, "X-B: 1|x-tenant: t|");
    assert_int_equal(got(0, "x", "/strip", "X-A: 1\nX-B: 1\n"), 200);
    assert_string_equal(s->last_fields, "X-B: 1|");
}

/* ---- purges ---- */

static void purge(int n, const char *host, const char *path)
{
    struct purge_target t = { .kind = PURGE_URL, .value = slice_str(path) };
    struct slice name = slice_str(host);
    const struct purge_order order = { .who = S("test"), .targets = &t, .targets_n = 1, .hosts = &name };
    char id[PURGE_ID_MAX];

    assert_int_equal(engine_purge(engine_of(w, n), w->now, &order, id), 0);
    world_run(w, SEC(1));
}

static void a_purge_means_what_its_url_became(void **state)
{
    static struct dist_behaviour b[3];
    static const struct slice kept[] = { SLICE_LIT("k") };
    struct site *s = site_at(w, "*", 1000);
    static const char *const urls[] = { "/app/a", "/", "/m", "/some?k=1&x=2" };

    (void)state;
    b[0] = usual("/v2/*");
    b[1] = usual("/some");
    b[1].cache.query = (struct dist_names)LISTED(kept);
    b[2] = usual("*");
    b[2].rules = rules;
    b[2].rules_n = sizeof(rules) / sizeof(rules[0]);
    struct dist d = one_dist(b, 3);
    d.root = S("index.html");
    apply(&d, 1);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        const char *lines = "User-Agent: Mobile\n";
        for (int n = 0; n < 3; n++)
            assert_int_equal(got(n, "x", urls[i], lines), 200);
        assert_int_equal(s->fetches, 1);
        purge((int)i % 3, "x", urls[i]);
        s->version++;
        for (int n = 0; n < 3; n++) {
            struct viewer *v = ask_with(n, "x", urls[i], lines, false);
            world_run(w, SEC(1));
            assert_int_equal(v->version, s->version);
        }
        assert_int_equal(s->fetches, 2);
        s->fetches = 0;
    }
}

static void a_purge_is_of_one_distribution(void **state)
{
    static const struct slice a_host[] = { SLICE_LIT("a.example") }, b_host[] = { SLICE_LIT("b.example") };
    static struct dist_behaviour all;
    static struct dist_origin oa, ob;
    struct dist dists[2];
    struct site *s[2];

    (void)state;
    all = usual("*");
    oa = origin_called("oa", "http://a");
    ob = origin_called("ob", "http://b");
    dists[0] = dists[1] = one_dist(&all, 1);
    dists[0].any_host = dists[1].any_host = false;
    dists[0].name = S("a");
    dists[1].name = S("b");
    dists[0].hosts = a_host;
    dists[1].hosts = b_host;
    dists[0].hosts_n = dists[1].hosts_n = 1;
    dists[0].origins = &oa;
    dists[1].origins = &ob;
    apply(dists, 2);
    for (int i = 0; i < 2; i++) {
        s[i] = site_at(w, "/x", 1000);
        s[i]->origin = i == 0 ? "oa" : "ob";
    }
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 3; n++) {
            assert_int_equal(got(n, "a.example", "/x", ""), 200);
            assert_int_equal(got(n, "b.example", "/x", ""), 200);
        }
        purge(1, round == 0 ? "a.example" : "nobody.example", "/x"); /* whose that is, nobody knows: of all */
    }
    assert_int_equal(s[0]->fetches, 3);
    assert_int_equal(s[1]->fetches, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stars_stand_for),
        ONE(feat_R38_redirects_are_answered_here),
        THREE(feat_R38_a_rewrite_comes_before_the_key),
        ONE(feat_R38_fields_are_edited),
        ONE(feat_R38_a_rewrite_to_the_root_has_its_behaviour),
        THREE(a_purge_means_what_its_url_became),
        THREE(a_purge_is_of_one_distribution),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
