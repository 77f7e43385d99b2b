/* test_engine_dist.c - requests by distributions and behaviours: whose host it is, what is part of the key, what the
 * origin is shown. */
#include "engine_dists.h"

/* ---- what is part of the key ---- */

#define NONE               \
    {                      \
        .which = DIST_NONE \
    }
#define ALL               \
    {                     \
        .which = DIST_ALL \
    }

LIST(ab, S("a"), S("b"));
LIST(lang, S("x-lang"));
LIST(session, S("session"));

struct policy {
    struct dist_names query, fields, cookies;
    bool sorted;
    unsigned variants; /* of the eight requests below */
};
static const struct policy policies[] = {
    { NONE, NONE, NONE, false, 1 },
    { ALL, NONE, NONE, false, 5 },
    { ALL, NONE, NONE, true, 4 },
    { LISTED(ab), NONE, NONE, false, 4 },
    { LISTED(ab), NONE, NONE, true, 3 },
    { ALL_BUT(ab), NONE, NONE, false, 2 },
    { NONE, LISTED(lang), NONE, false, 3 },
    { NONE, NONE, LISTED(session), false, 3 },
    { NONE, NONE, ALL, false, 4 },
    { NONE, NONE, ALL_BUT(session), false, 2 },
    { NONE, LISTED(lang), LISTED(session), false, 6 },
    { ALL, LISTED(lang), ALL, false, 8 },
};
static const struct {
    const char *query, *lines;
} asked[8] = {
    { "", "" },
    { "?a=1&b=2", "" },
    { "?b=2&a=1", "X-Lang: de\n" },
    { "?a=1", "X-Lang: fr\nCookie: session=1\n" },
    { "?a=1&c=3", "X-Lang: de\nCookie: other=1; session=1\n" },
    { "?a=1", "Cookie: session=1\nUser-Agent: x\n" },
    { "?a=1", "X-Lang: fr\nCookie: session=2\n" },
    { "?a=1", "X-Lang: de\nCookie: session=1; other=1\n" },
};

/* In two rounds: what the first one stored is all that the second one needs. */
static void check_policy(const struct policy *p, size_t number, int nodes)
{
    static char paths[24][24];
    struct dist_behaviour b = usual("*");
    char target[64];
    struct site *s;

    b.cache.query = p->query;
    b.cache.query_sorted = p->sorted;
    b.cache.fields = p->fields;
    b.cache.cookies = p->cookies;
    b.request_fields = (struct dist_names){ .which = DIST_NONE };
    apply_one(&b, 1);
    w->sites_n = 0;
    s = site_at(w, "*", 1000);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 8; i++) {
            char *path = paths[number];
            snprintf(path, sizeof(paths[0]), "/policy%zu", number);
            snprintf(target, sizeof(target), "%s%s", path, asked[i].query);
            struct viewer *v = ask_with((int)(i + round) % nodes, "a.example", target, asked[i].lines, false);
            v->r.target = SLICE_EMPTY;
            world_run(w, SEC(1));
            assert_int_equal(v->status, 200);
        }
        if (s->fetches != p->variants)
            fail_msg("policy %zu, round %zu: %u fetches instead of %u", number, round, s->fetches, p->variants);
    }
}

static void feat_R5_as_many_variants_as_the_policy_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        check_policy(&policies[i], i, 1);
}

static void feat_R5_the_same_at_all_nodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        check_policy(&policies[i], 12 + i, 3);
}

static void feat_R6_beside_the_key(void **state)
{
    LIST(agent, S("user-agent"));
    LIST(page, S("page"));
    LIST(seen, S("seen"));
    struct dist_behaviour b = usual("*");
    struct site *s = site_at(w, "*", 1000);
    char lines[96];

    (void)state;
    b.cache.query = (struct dist_names){ .which = DIST_NONE };
    b.request_query = (struct dist_names)LISTED(page);
    b.request_fields = (struct dist_names)LISTED(agent);
    b.request_cookies = (struct dist_names)LISTED(seen);
    apply_one(&b, 1);
    for (int i = 0; i < 50; i++) {
        snprintf(lines, sizeof(lines), "User-Agent: agent %d\nX-Other: 1\nCookie: b=1; seen=%d; a=2\n", i, i);
        assert_int_equal(got(i % 3, "a.example", "/a?x=1&page=7&y=2", lines), 200);
    }
    assert_int_equal(s->fetches, 1);
    assert_string_equal(s->last_path, "/a?page=7");
    assert_string_equal(s->last_fields, "User-Agent: agent 0|Cookie: seen=0|");
}

static void rob_P2_what_speaks_for_others_goes_only_where_it_is_listed(void **state)
{
    static const char *const names[] = {
        "X-Forwarded-Host", "X-Forwarded-Proto",      "X-Forwarded-Scheme",
        "X-Original-URL",   "X-Rewrite-URL",          "Forwarded",
        "X-Host",           "X-HTTP-Method-Override",
    };
    struct dist_behaviour b = usual("*");
    struct site *s = site_at(w, "*", 1000);
    char line[64], lower[32], path[16];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t c = 0; c <= strlen(names[i]); c++)
            lower[c] = names[i][c] >= 'A' && names[i][c] <= 'Z' ? (char)(names[i][c] | 0x20) : names[i][c];
        struct slice list[] = { slice_str(lower) };
        b.cache.fields = (struct dist_names){ .which = DIST_NONE };
        b.request_fields = (struct dist_names)LISTED(list); /* beside the key: a viewer would speak for all */
        apply_one(&b, 1);
        snprintf(path, sizeof(path), "/%zu", i);
        snprintf(line, sizeof(line), "%s: evil\n", names[i]);
        s->fetches = 0;
        assert_int_equal(got(1, "a.example", path, line), 200);
        assert_string_equal(s->last_fields, "");
        assert_int_equal(got(0, "a.example", path, ""), 200);
        assert_int_equal(s->fetches, 1); /* it is no part of the key */
        b.request_fields = (struct dist_names){ .which = DIST_NONE };
        b.cache.fields = (struct dist_names)LISTED(list);
        apply_one(&b, 1);
        assert_int_equal(got(1, "a.example", path, line), 200);
        snprintf(line, sizeof(line), "%s: evil|", names[i]);
        assert_string_equal(s->last_fields, line);
        assert_int_equal(got(2, "a.example", path, ""), 200);
        assert_string_equal(s->last_fields, "");
        assert_int_equal(s->fetches, 3); /* who says nothing is not given what somebody else asked for */
    }
}

/* ---- whose it is ---- */

static void feat_V3_a_host_selects_its_distribution(void **state)
{
    LIST(a_hosts, S("a.example"), S("*.wild.example"));
    LIST(b_hosts, S("b.example"), S("in.wild.example"));
    LIST(off_hosts, S("off.example"));
    struct dist_origin oa = origin_called("oa", "http://a"), ob = origin_called("ob", "http://b");
    struct dist_behaviour all = usual("*");
    struct dist dists[] = {
        { .name = S("a"), .hosts = a_hosts, .hosts_n = 2, .origins = &oa },
        { .name = S("b"), .hosts = b_hosts, .hosts_n = 2, .origins = &ob },
        { .name = S("off"), .hosts = off_hosts, .hosts_n = 1, .origins = &ob },
    };
    static const struct {
        const char *host;
        unsigned status;
        int of; /* 0: a, 1: b */
    } rows[] = {
        { "a.example", 200, 0 },       { "A.Example.", 200, 0 },    { "x.wild.example", 200, 0 },
        { "in.wild.example", 200, 1 }, { "b.example", 200, 1 },     { "off.example", 421, -1 },
        { "c.example", 421, -1 },      { "wild.example", 421, -1 }, { "", 421, -1 },
    };
    struct site *s[2];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        dists[i].enabled = i < 2;
        dists[i].origins_n = dists[i].behaviours_n = 1;
        dists[i].behaviours = &all;
    }
    apply(dists, 3);
    for (int i = 0; i < 2; i++) {
        s[i] = site_at(w, "/x", 1000 + (uint64_t)i);
        s[i]->origin = i == 0 ? "oa" : "ob";
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int n = 0; n < 3; n++) {
            struct viewer *v = ask_with(n, rows[i].host, "/x", "", false);
            world_run(w, SEC(1));
            if (v->status != rows[i].status || (rows[i].of >= 0 && v->got != 1000 + (uint64_t)rows[i].of))
                fail_msg("%s: %u, %llu bytes", rows[i].host, v->status, (unsigned long long)v->got);
        }
    }
    /* One copy for each host: the final dot, and the letters' case, are no other one. */
    assert_int_equal(s[0]->fetches, 2);
    assert_int_equal(s[1]->fetches, 2);
    dists[2].enabled = true;
    apply(dists, 3);
    assert_int_equal(got(0, "off.example", "/x", ""), 200);
}

static void feat_C4_each_pattern_reaches_its_own_origin(void **state)
{
    enum { N = 25 };
    static struct dist_origin origins[N];
    static struct dist_behaviour b[N];
    static char text[N][3][24];
    struct dist d = one_dist(b, N);

    (void)state;
    d.origins = origins;
    d.origins_n = N;
    w->sites_n = 0;
    for (int i = 0; i < N; i++) {
        snprintf(text[i][0], sizeof(text[i][0]), "o%d", i);
        snprintf(text[i][1], sizeof(text[i][1]), i == N - 1 ? "*" : "/p%d/*", i);
        snprintf(text[i][2], sizeof(text[i][2]), "http://o%d", i);
        origins[i] = origin_called(text[i][0], text[i][2]);
        b[i] = usual(text[i][1]);
        b[i].target = (uint16_t)i;
    }
    apply(&d, 1);
    for (int i = 0; i < N; i++) {
        char path[24];
        w->sites_n = 0;
        struct site *s = site_at(w, "*", 1000);
        s->origin = text[i][0];
        snprintf(path, sizeof(path), "/p%d/x", i); /* the last one's has no pattern of its own */
        assert_int_equal(got(0, "x", path, ""), 200);
        assert_int_equal(s->fetches, 1);
    }
}

static void who_looks_at_our_signature_alone_is_shown_no_viewers(void **state)
{
    struct dist_behaviour b = usual("*");
    struct dist d = one_dist(&b, 1);
    struct dist_origin o[2] = { origin_called("o", "http://o"), origin_called("p", "http://p") };
    struct dist_group g = { .id = S("g"), .members = { 0, 1 } };
    LIST(pass, S("authorization"));
    static const struct {
        enum dist_origin_kind kind, second;
        enum dist_sign sign;
        bool shown;
    } rows[] = {
        { DIST_S3, DIST_S3, DIST_SIGN_ALWAYS, false },     { DIST_DIRECTORY, DIST_S3, DIST_SIGN_ALWAYS, false },
        { DIST_S3, DIST_S3, DIST_SIGN_NO_OVERRIDE, true }, { DIST_S3, DIST_S3, DIST_SIGN_NEVER, true },
        { DIST_HTTP, DIST_S3, DIST_SIGN_ALWAYS, true },    { DIST_S3, DIST_HTTP, DIST_SIGN_ALWAYS, true },
    };

    (void)state;
    d.origins = o;
    d.origins_n = 2;
    d.groups = &g;
    d.groups_n = 1;
    b.to_group = true;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[16];
        snprintf(path, sizeof(path), "/%u", i);
        w->sites_n = 0;
        struct site *s = site_at(w, "*", 1000);
        o[0].kind = rows[i].kind;
        o[1].kind = rows[i].second;
        o[0].sign = o[1].sign = rows[i].sign;
        apply(&d, 1);
        for (int n = 0; n < 4; n++) {
            assert_int_equal(got(n % w->n, "x", path, n < 3 ? "Authorization: Basic x\n" : ""), 200);
            if (n < 3 && (strstr(s->last_fields, "Authorization") != NULL) != rows[i].shown)
                fail_msg("row %u, viewer %d: the origin saw %s", i, n, s->last_fields);
        }
        if (s->fetches != (rows[i].shown ? 4 : 1))
            fail_msg("row %u: %u fetches", i, (unsigned)s->fetches);
    }
    /* The owner's word counts more. */
    b.cache.fields = (struct dist_names)LISTED(pass);
    o[0].kind = o[1].kind = DIST_S3;
    o[0].sign = o[1].sign = DIST_SIGN_ALWAYS;
    apply(&d, 1);
    w->sites_n = 0;
    struct site *s = site_at(w, "*", 1000);
    assert_int_equal(got(0, "x", "/named", "Authorization: Basic x\n"), 200);
    assert_non_null(strstr(s->last_fields, "Authorization: Basic x"));
}

/* ---- what comes back at once ---- */

static void feat_V5_https_is_asked_for_or_demanded(void **state)
{
    struct dist_behaviour b[] = { usual("/to/*"), usual("/only/*"), usual("*") };
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    b[0].viewer_scheme = DIST_VIEWER_REDIRECT;
    b[1].viewer_scheme = DIST_VIEWER_HTTPS_ONLY;
    apply_one(b, 3);
    struct viewer *v = viewer_new(w, 0, "/to/./a?x=1&y=%41");
    engine_request(engine_of(w, 0), w->now, &v->r);
    assert_int_equal(v->r.error_status, 301);
    assert_true(slice_eq(v->r.location, S("https://example.com/to/a?x=1&y=A")));
    viewer_end(v);
    v->ended = true;
    assert_int_equal(got(0, "example.com", "/only/a", ""), 403);
    assert_int_equal(got(0, "example.com", "/a", ""), 200);
    assert_int_equal(ask_with(0, "example.com", "/to/a", "", true)->r.error_status, 0);
    assert_int_equal(ask_with(0, "example.com", "/only/a", "", true)->r.error_status, 0);
    world_run(w, SEC(1));
    assert_int_equal(s->fetches, 3);
    /* A copy that is here does not change it, nor does what was asked for before. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(got(0, "example.com", "/to/a", ""), 301);
        assert_int_equal(got(0, "example.com", "/only/a", ""), 403);
        check_result(ask_with(0, "example.com", "/to/a", "", true), RESULT_HIT);
        check_result(ask_with(0, "example.com", "/only/a", "", true), RESULT_HIT);
    }
}

static void the_viewers_scheme_is_in_the_key_where_the_origin_is_asked_by_it(void **state)
{
    struct dist_behaviour b = usual("*");
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    b.key_has_scheme = true;
    apply_one(&b, 1);
    for (int n = 0; n < 3; n++) {
        (void)ask_with(n, "example.com", "/a", "", n == 1);
        world_run(w, SEC(1));
    }
    assert_int_equal(s->fetches, 2);
}

static void feat_C16_methods_by_behaviour(void **state)
{
    struct dist_behaviour b[] = { usual("/get/*"), usual("/options/*"), usual("*") };
    static const struct {
        const char *method;
        unsigned want[3];
    } rows[] = {
        { "GET", { 200, 200, 200 } },    { "HEAD", { 200, 200, 200 } }, { "OPTIONS", { 403, 200, 200 } },
        { "POST", { 403, 403, 200 } },   { "PUT", { 403, 403, 200 } },  { "PATCH", { 403, 403, 200 } },
        { "DELETE", { 403, 403, 200 } }, { "BREW", { 403, 403, 403 } },
    };
    static const char *const paths[] = { "/get/a", "/options/a", "/a" };

    (void)state;
    site_at(w, "*", 1000);
    b[0].methods = DIST_METHODS_GET;
    b[1].methods = DIST_METHODS_OPTIONS;
    apply_one(b, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int k = 0; k < 3; k++) {
            struct viewer *v = viewer_new(w, 0, paths[k]);
            v->r.method = slice_str(rows[i].method);
            engine_request(engine_of(w, 0), w->now, &v->r);
            if (rows[i].want[k] == 403)
                assert_true(slice_eq(v->r.allow, k == 0   ? S("GET, HEAD")
                                                 : k == 1 ? S("GET, HEAD, OPTIONS")
                                                          : S("GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE")));
            viewer_read(v);
            world_run(w, SEC(1));
            if (v->status != rows[i].want[k])
                fail_msg("%s %s: %u", rows[i].method, paths[k], v->status);
        }
    }
}

static void feat_C17_the_root_alone_stands_for_a_page(void **state)
{
    struct dist_behaviour b = usual("*");
    struct dist d = one_dist(&b, 1);
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    d.root = S("index.html");
    apply(&d, 1);
    assert_int_equal(got(0, "x", "/?q=1", ""), 200);
    assert_string_equal(s->last_path, "/index.html?q=1");
    assert_int_equal(got(0, "x", "/", ""), 200);
    assert_string_equal(s->last_path, "/index.html");
    assert_int_equal(got(0, "x", "/index.html", ""), 200);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(got(0, "x", "/sub/", ""), 200);
    assert_string_equal(s->last_path, "/sub/");
}

static void feat_C12_the_prefix_is_no_part_of_the_path(void **state)
{
    struct dist_behaviour b = usual("*");
    struct dist d = one_dist(&b, 1);
    struct dist_origin o = origin_called("o", "http://o/production");
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    o.prefix = S("/production");
    d.origins = &o;
    apply(&d, 1);
    assert_int_equal(got(0, "x", "/a", ""), 200);
    assert_string_equal(s->last_path, "/a");
    o.prefix = S("/other");
    apply(&d, 1);
    assert_int_equal(got(0, "x", "/a", ""), 200);
    assert_int_equal(s->fetches, 1); /* the same key */
}

/* ---- not kept at all ---- */

static void what_is_not_cached_goes_to_the_origin_each_time(void **state)
{
    struct dist_behaviour b[] = { usual("/live/*"), usual("*") };
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    b[0].cache.enabled = false;
    apply_one(b, 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(got(i % 3, "x", "/live/a", ""), 200);
    assert_int_equal(s->fetches, 4);
    for (int n = 0; n < 3; n++)
        assert_int_equal(count(w, n)->asks_in, 0);
}

/* ---- another configuration ---- */

static void who_waits_goes_on_by_what_it_began_with(void **state)
{
    struct dist_behaviour b = usual("*");
    struct dist_origin before = origin_called("before", "http://before"),
                       after = origin_called("after", "http://after");
    struct dist d = one_dist(&b, 1);
    struct site *old = site_at(w, "*", 1000), *new = site_at(w, "*", 2000);

    (void)state;
    old->origin = "before";
    old->head_after = SEC(1);
    old->length = 300000;
    old->piece = 100000;
    old->every = MS(300);
    new->origin = "after";
    d.origins = &before;
    apply(&d, 1);
    struct viewer *v = ask_with(0, "x", "/a", "", false), *u = ask_with(1, "x", "/b", "", false);
    v->site = u->site = old;
    world_run(w, MS(500));
    d.origins = &after;
    b.cache.query.which = DIST_NONE; /* other keys */
    apply(&d, 1);
    struct viewer *x = ask_with(0, "x", "/a", "", false);
    world_run(w, SEC(5));
    assert_true(v->done && v->right && v->got == 300000);
    assert_true(u->done && u->right && u->got == 300000);
    assert_true(x->done && x->got == 2000);
    assert_int_equal(old->fetches, 2);
    assert_int_equal(new->fetches, 1);
    for (int i = 0; i < 50; i++) { /* again and again, with somebody under way each time */
        struct dist_behaviour one = usual("*");
        char path[16];
        one.cache.query.which = i % 2 == 0 ? DIST_NONE : DIST_ALL;
        apply_one(&one, 1);
        snprintf(path, sizeof(path), "/c%d", i);
        site_at(w, "*", 1000);
        v = ask_with(i % 3, "x", path, "", false);
        v->r.target = SLICE_EMPTY;
        world_run(w, MS(7));
        w->sites_n = w->sites_n > 3 ? 3 : w->sites_n;
    }
    world_run(w, SEC(5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(feat_R5_as_many_variants_as_the_policy_says),
        THREE(feat_R5_the_same_at_all_nodes),
        THREE(feat_R6_beside_the_key),
        THREE(rob_P2_what_speaks_for_others_goes_only_where_it_is_listed),
        THREE(feat_V3_a_host_selects_its_distribution),
        ONE(feat_C4_each_pattern_reaches_its_own_origin),
        THREE(who_looks_at_our_signature_alone_is_shown_no_viewers),
        ONE(feat_V5_https_is_asked_for_or_demanded),
        THREE(the_viewers_scheme_is_in_the_key_where_the_origin_is_asked_by_it),
        ONE(feat_C16_methods_by_behaviour),
        ONE(feat_C17_the_root_alone_stands_for_a_page),
        ONE(feat_C12_the_prefix_is_no_part_of_the_path),
        THREE(what_is_not_cached_goes_to_the_origin_each_time),
        THREE(who_waits_goes_on_by_what_it_began_with),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
