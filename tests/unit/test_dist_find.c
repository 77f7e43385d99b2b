/* test_dist_find.c - whose is a host, and what holds for a path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/dist/dist_make.h"

#define S(text) SLICE_LIT(text)

static struct dist_behaviour all = { .path = S("*") };

static struct dist make(const char *name, const struct slice *hosts, size_t n)
{
    return (struct dist){
        .name = slice_str(name), .enabled = true, .hosts = hosts, .hosts_n = n, .behaviours = &all, .behaviours_n = 1
    };
}

static void is_of(const struct dist_set *s, const char *host, const char *zone, const char *want)
{
    const struct dist *d = dist_find(s, slice_str(host), slice_str(zone));

    if (want == NULL && d != NULL)
        fail_msg("%s is %.*s's", host, SLICE_FMT(d->name));
    if (want != NULL && (d == NULL || !slice_eq(d->name, slice_str(want))))
        fail_msg("%s is not %s's", host, want);
}

static void feat_V3_exact_names_before_wildcards_the_longest_first(void **state)
{
    static const struct slice a[] = { S("example.com"), S("*.example.com") };
    static const struct slice b[] = { S("www.example.com"), S("*.img.example.com"), S("10.0.0.7"), S("[::1]") };
    static const struct slice c[] = { S("off.example.com"), S("*.org") };
    struct dist dists[] = { make("c", c, 2), make("a", a, 2), make("b", b, 4) };

    (void)state;
    dists[0].enabled = false;
    struct dist_set *s = dist_set_of(dists, 3);
    assert_non_null(s);
    assert_true(slice_eq(s->dists[0].name, S("a")) && slice_eq(s->dists[2].name, S("c")));
    assert_int_equal(s->dists[2].index, 2);
    is_of(s, "example.com", "", "a");
    is_of(s, "www.example.com", "", "b");
    is_of(s, "x.example.com", "", "a");
    is_of(s, "x.y.example.com", "", "a");
    is_of(s, "img.example.com", "", "a");
    is_of(s, "x.img.example.com", "", "b");
    is_of(s, "x.y.img.example.com", "", "b");
    is_of(s, "10.0.0.7", "", "b");
    is_of(s, "[::1]", "", "b");
    is_of(s, "xexample.com", "", NULL);
    is_of(s, ".example.com", "", NULL);
    is_of(s, "com", "", NULL);
    is_of(s, "", "", NULL);
    is_of(s, "*.example.com", "", "a"); /* a name like any other */
    /* One that is switched off keeps its names: no wildcard of somebody else's gets them. */
    is_of(s, "off.example.com", "", NULL);
    is_of(s, "x.org", "", NULL);
    dist_set_unref(s);
}

static void feat_A2_the_name_below_the_zone(void **state)
{
    static const struct slice hosts[] = { S("a.example") };
    struct dist dists[] = { make("a", hosts, 1), make("b", NULL, 0) };
    struct dist_set *s = dist_set_of(dists, 2), *again = dist_set_of(&dists[1], 1);
    char name[80];

    (void)state;
    snprintf(name, sizeof(name), "%.*s.cdn.example", SLICE_FMT(s->dists[1].assigned));
    is_of(s, name, "cdn.example", "b");
    is_of(again, name, "cdn.example", "b"); /* whatever else there is */
    is_of(s, name, "", NULL);
    is_of(s, name, "other.example", NULL);
    name[1]++;
    is_of(s, name, "cdn.example", NULL);
    snprintf(name, sizeof(name), "%.*s", SLICE_FMT(s->dists[1].assigned));
    is_of(s, name, "cdn.example", NULL);
    assert_false(slice_eq(s->dists[0].assigned, s->dists[1].assigned));
    dist_set_unref(s);
    dist_set_unref(again);
}

static void feat_A2_nobody_gets_it_by_a_wildcard(void **state)
{
    static const struct slice hosts[] = { S("*.cdn.example") };
    struct dist dists[] = { make("a", hosts, 1), make("b", NULL, 0), make("c", NULL, 0) };

    (void)state;
    dists[2].enabled = false;
    struct dist_set *s = dist_set_of(dists, 3);
    char name[80];
    snprintf(name, sizeof(name), "%.*s.cdn.example", SLICE_FMT(s->dists[1].assigned));
    is_of(s, name, "cdn.example", "b");
    is_of(s, name, "", "a");
    is_of(s, "www.cdn.example", "cdn.example", "a");
    snprintf(name, sizeof(name), "%.*s.cdn.example", SLICE_FMT(s->dists[2].assigned));
    is_of(s, name, "cdn.example", NULL); /* it keeps it while it is switched off */
    dist_set_unref(s);
}

static void one_that_answers_any_host(void **state)
{
    static const struct slice hosts[] = { S("a.example"), S("*.a.example") };
    struct dist dists[] = { make("a", hosts, 2), make("default", NULL, 0) };

    (void)state;
    dists[1].any_host = true;
    dists[0].enabled = false;
    struct dist_set *s = dist_set_of(dists, 2);
    is_of(s, "b.example", "", "default");
    is_of(s, "", "", "default");
    is_of(s, "a.example", "", NULL);
    is_of(s, "x.a.example", "", NULL);
    dist_set_unref(s);
}

/* The longest look-up there is: every label of the longest host could be somebody's wildcard. */
static void hosts_by_the_thousand(void **state)
{
    enum { N = 5000, LONG = 255 };
    struct dist *dists = calloc(N, sizeof(*dists));
    struct slice *hosts = calloc(2 * N, sizeof(*hosts));
    char(*text)[2][32] = calloc(N, sizeof(*text)), (*names)[16] = calloc(N, sizeof(*names));
    char host[LONG + 1];

    (void)state;
    for (int i = 0; i < N; i++) {
        snprintf(text[i][0], sizeof(text[i][0]), "h%d.example", i);
        snprintf(text[i][1], sizeof(text[i][1]), "*.w%d.example", i);
        snprintf(names[i], sizeof(names[i]), "d%d", i);
        hosts[2 * i] = slice_str(text[i][0]);
        hosts[2 * i + 1] = slice_str(text[i][1]);
        dists[i] = make(names[i], &hosts[2 * i], 2);
    }
    struct dist_set *s = dist_set_of(dists, N);
    for (int i = 0; i < N; i++) {
        snprintf(host, sizeof(host), "x.%s", text[i][1] + 2);
        is_of(s, text[i][0], "", names[i]);
        is_of(s, host, "", names[i]);
        is_of(s, text[i][1] + 2, "", NULL);
    }
    for (int i = 0; i < LONG; i++)
        host[i] = i % 2 == 0 ? 'a' : '.';
    host[LONG] = 0;
    is_of(s, host, "", NULL);
    dist_set_unref(s);
    free(dists);
    free(hosts);
    free(text);
    free(names);
}

static void a_set_lives_as_long_as_it_is_held(void **state)
{
    struct dist d = make("a", NULL, 0);
    struct dist_set *s = dist_set_of(&d, 1);

    (void)state;
    dist_set_ref(s);
    dist_set_unref(s);
    assert_true(slice_eq(s->dists[0].name, S("a")));
    dist_set_unref(s);
    dist_set_unref(NULL);
    s = dist_set_of(NULL, 0);
    is_of(s, "a", "", NULL);
    dist_set_unref(s);
}

/* ---- paths ---- */

static void is_fit(const char *pattern, const char *path, bool want)
{
    struct dist_behaviour list[2] = { { .path = slice_str(pattern) }, { .path = S("*") } };
    struct dist d = { .name = S("a"), .behaviours = list, .behaviours_n = 2 };
    struct dist_set *s = dist_set_of(&d, 1);
    const struct dist_behaviour *b = dist_behaviour(&s->dists[0], slice_str(path));

    if ((b->index == 0) != want)
        fail_msg("%s %s %s", pattern, want ? "does not fit" : "fits", path);
    dist_set_unref(s);
}

/* Amazon CloudFront Developer Guide, "Cache behavior settings", path pattern. */
static void feat_M18_the_first_origin_of_all_is_measured(void **state)
{
    static const struct slice host = S("*.org");
    static const struct dist_origin files[] = { { .id = S("f"), .kind = DIST_DIRECTORY } };
    static const struct dist_origin some[] = { { .id = S("f"), .kind = DIST_DIRECTORY },
                                               { .id = S("s"), .kind = DIST_S3 },
                                               { .id = S("h"), .kind = DIST_HTTP } };
    static const struct dist_origin off[] = { { .id = S("off"), .kind = DIST_HTTP } };
    struct dist dists[] = { make("c", &host, 1), make("b", NULL, 0), make("a", NULL, 0) };

    (void)state;
    dists[0].origins = some; /* the last by name */
    dists[0].origins_n = 3;
    dists[1].origins = files;
    dists[1].origins_n = 1;
    dists[2].origins = off;
    dists[2].origins_n = 1;
    dists[2].enabled = false;
    struct dist_set *s = dist_set_of(dists, 3);
    assert_non_null(s);
    assert_true(slice_eq(dist_measured(s)->id, S("s")));
    dist_set_unref(s);
    s = dist_set_of(dists + 1, 2);
    assert_non_null(s);
    assert_null(dist_measured(s));
    assert_null(dist_measured(NULL));
    dist_set_unref(s);
}

static void feat_R7_the_documented_patterns(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool fits;
    } cases[] = {
        { "*", "/", true },
        { "*", "/a/b", true },
        { "images/*.jpg", "/images/sample1.jpg", true },
        { "images/*.jpg", "/images/a/b.jpg", true },
        { "images/*.jpg", "/images/.jpg", true },
        { "images/*.jpg", "/images/sample1.gif", false },
        { "images/*.jpg", "/old/images/a.jpg", false },
        { "/images/*.jpg", "/images/sample1.jpg", true },
        { "*.jpg", "/product.jpg", true },
        { "*.jpg", "/images/product.jpg", true },
        { "*.jpg", "/LOGO.JPG", false }, /* patterns have a case */
        { "/*.jpg", "/a/b.jpg", true },
        { "images/*", "/images/a", true },
        { "images/*", "/images/", true },
        { "images/*", "/images", false },
        { "images*", "/images", true },
        { "images*", "/images/a", true },
        { "images*", "/images-old/a", true },
        { "a*.jpg", "/apple.jpg", true },
        { "a*.jpg", "/appalachian_trail_2012_05_21.jpg", true },
        { "a*.jpg", "/a.jpg", true },
        { "a*.jpg", "/b/apple.jpg", false },
        { "a??.jpg", "/ant.jpg", true },
        { "a??.jpg", "/abe.jpg", true },
        { "a??.jpg", "/apple.jpg", false },
        { "*.doc*", "/a.doc", true },
        { "*.doc*", "/a.docx", true },
        { "*.doc*", "/a.docm", true },
        { "*.doc*", "/a.do", false },
        { "images/*/*.gif", "/images/a/b.gif", true },
        { "images/*/*.gif", "/images/a/b/c.gif", true },
        { "images/*/*.gif", "/images/b.gif", false },
        { "index.html", "/index.html", true },
        { "/index.html", "/index.html", true },
        { "index.html", "/a/index.html", false },
        { "index.html", "/index.html2", false },
        { "a*a", "/a", false }, /* prefix and suffix do not share a byte */
        { "a*a", "/aa", true },
        { "ab*ba", "/aba", false },
        { "*?", "/", false },
        { "*?", "/a", true },
        { "?*", "/abc", true },
        { "a*b*c?d", "/a-b-b-cxd", true },
        { "a*b*c?d", "/a-b-b-cd", false },
        { "", "/", true },
        { "", "/a", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        is_fit(cases[i].pattern, cases[i].path, cases[i].fits);
}

static void feat_R7_the_first_that_fits_the_last_is_for_all(void **state)
{
    static const struct dist_behaviour list[] = {
        { .path = S("/images/*.jpg") }, { .path = S("/images/*") }, { .path = S("*.gif") }, { .path = S("*") }
    };
    static const struct {
        const char *path;
        uint64_t index;
    } cases[] = {
        { "/images/a.jpg", 0 }, { "/images/a.gif", 1 }, { "/a.gif", 2 }, { "/a.jpg", 3 }, { "", 3 }, { "*", 3 }
    };
    struct dist d = { .name = S("a"), .behaviours = list, .behaviours_n = 4 };
    struct dist_set *s = dist_set_of(&d, 1);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(dist_behaviour(&s->dists[0], slice_str(cases[i].path))->index, cases[i].index);
    dist_set_unref(s);
}

/* By definition: a star is nothing, or any byte and a star again. */
static bool slowly(const char *p, const char *t)
{
    if (*p == 0)
        return *t == 0;
    if (*p == '*')
        return slowly(p + 1, t) || (*t != 0 && slowly(p, t + 1));
    return *t != 0 && (*p == '?' || *p == *t) && slowly(p + 1, t + 1);
}

static uint32_t draw(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 16) % n;
}

static void patterns_cut_up_decide_as_whole_ones(void **state)
{
    uint32_t seed = 7;
    char pattern[9], path[9] = "/";

    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t n = draw(&seed, 8), m = draw(&seed, 7);
        for (size_t j = 0; j < n; j++)
            pattern[j] = "ab*?"[draw(&seed, 4)];
        pattern[n] = 0;
        for (size_t j = 0; j < m; j++)
            path[j + 1] = "ab"[draw(&seed, 2)];
        path[m + 1] = 0;
        bool want = slowly(pattern, path + 1);
        assert_int_equal(dist_matches(slice_str(pattern), slice_str(path + 1)), want);
        is_fit(pattern, path, want);
    }
}

static void a_pattern_full_of_stars_is_no_trap(void **state)
{
    char pattern[256], text[8192];

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(pattern); i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    pattern[254] = 'b';
    memset(text, 'a', sizeof(text));
    for (int i = 0; i < 100; i++)
        assert_false(dist_matches(slice_of(pattern, 255), slice_of(text, sizeof(text))));
}

static void feat_R5_which_names_count(void **state)
{
    static const struct slice list[] = { S("accept-language"), S("x") };
    struct dist_names names = { .names = list, .n = 2 };

    (void)state;
    for (names.which = DIST_NONE; names.which <= DIST_ALL_BUT; names.which++) {
        bool listed = names.which == DIST_ALL || names.which == DIST_LISTED;
        bool other = names.which == DIST_ALL || names.which == DIST_ALL_BUT;
        assert_int_equal(dist_named(&names, S("x"), false), listed);
        assert_int_equal(dist_named(&names, S("Accept-Language"), true), listed);
        assert_int_equal(dist_named(&names, S("X"), false), other);
        assert_int_equal(dist_named(&names, S("y"), true), other);
    }
}

static void feat_R21_the_rule_for_a_status(void **state)
{
    static const struct dist_error errors[] = { { .status = 404, .ttl_s = 5 }, { .status = 500 } };
    struct dist d = { .name = S("a"), .errors = errors, .errors_n = 2 };

    (void)state;
    assert_int_equal(dist_error_of(&d, 404)->ttl_s, 5);
    assert_ptr_equal(dist_error_of(&d, 500), &errors[1]);
    assert_null(dist_error_of(&d, 502));
}

static void the_distribution_of_flags(void **state)
{
    static const struct slice other[] = { S("PROPFIND") };
    struct dist_flags flags = { .url = { 0 } };
    const char *why;

    (void)state;
    assert_int_equal(origin_url_parse(S("HTTP://Origin.example:8000/site/"), &flags.url, &why), 0);
    dist_behaviour_default(&flags.behaviour);
    dist_origin_default(&flags.origin);
    flags.behaviour.cache.ttl_default_s = 60;
    flags.behaviour.methods_other = other;
    flags.behaviour.methods_other_n = 1;
    flags.origin.attempts = 2;
    struct dist_set *s = dist_set_of_origin(&flags);
    const struct dist *d = dist_find(s, S("whoever.example"), SLICE_EMPTY);
    assert_non_null(d);
    assert_true(slice_eq(d->name, S("default")) && d->any_host);
    assert_true(slice_eq(d->origins[0].url, S("http://origin.example:8000/site")));
    assert_true(slice_eq(d->origins[0].prefix, S("/site")));
    assert_int_equal(d->origins[0].http_port, 8000);
    assert_int_equal(d->origins[0].attempts, 2);
    const struct dist_behaviour *b = dist_behaviour(d, S("/x"));
    assert_int_equal(b->cache.ttl_default_s, 60);
    assert_true(slice_eq(b->methods_other[0], S("PROPFIND")) && b->methods_other[0].data != other[0].data);
    /* How long a node waits tells it from no other; what it serves does. */
    flags.origin.attempts = 3;
    struct dist_set *patient = dist_set_of_origin(&flags);
    flags.behaviour.cache.ttl_default_s = 61;
    struct dist_set *longer = dist_set_of_origin(&flags);
    assert_int_equal(patient->dists[0].origins[0].attempts, 3);
    assert_true(patient->dists[0].digest == d->digest && longer->dists[0].digest != d->digest);
    dist_set_unref(patient);
    dist_set_unref(longer);
    dist_set_unref(s);
}

static void flags_make_buckets_and_directories_too(void **state)
{
    struct dist_flags flags;
    const char *why;

    (void)state;
    assert_int_equal(origin_url_parse(S("https://photos.s3.example"), &flags.url, &why), 0);
    dist_behaviour_default(&flags.behaviour);
    dist_origin_default(&flags.origin);
    flags.origin.kind = DIST_S3;
    flags.origin.region = S("eu-central-1");
    flags.origin.credentials = S("cdn");
    flags.origin.sign = DIST_SIGN_NO_OVERRIDE;
    struct dist_set *s = dist_set_of_origin(&flags);
    const struct dist_origin *o = &s->dists[0].origins[0];
    assert_true(o->kind == DIST_S3 && o->sign == DIST_SIGN_NO_OVERRIDE && slice_eq(o->region, S("eu-central-1")));
    assert_true(slice_eq(o->credentials, S("cdn")) && o->credentials.data != flags.origin.credentials.data);
    /* What this node calls its keys tells it from no other; whose signature counts does. */
    flags.origin.credentials = S("mine");
    struct dist_set *named = dist_set_of_origin(&flags);
    flags.origin.sign = DIST_SIGN_ALWAYS;
    struct dist_set *always = dist_set_of_origin(&flags);
    assert_true(named->digest == s->digest && always->digest != s->digest);
    assert_true(always->dists[0].behaviours[0].own_identity && !s->dists[0].behaviours[0].own_identity);
    flags.origin.kind = DIST_DIRECTORY;
    flags.origin.root = S("/srv/my www%");
    struct dist_set *folder = dist_set_of_origin(&flags);
    o = &folder->dists[0].origins[0];
    assert_true(o->kind == DIST_DIRECTORY && slice_eq(o->root, S("/srv/my www%")));
    assert_true(slice_eq(o->url, S("file:///srv/my%20www%25")) && folder->dists[0].behaviours[0].own_identity);
    dist_set_unref(s);
    dist_set_unref(named);
    dist_set_unref(always);
    dist_set_unref(folder);
}

static void an_arena_has_a_limit(void **state)
{
    struct dist_arena *a = dist_arena_new(100000);

    (void)state;
    uint8_t *p = dist_arena_get(a, 3, 7), *q = dist_arena_get(a, 1, 50000);
    assert_true(p != NULL && q != NULL && (uintptr_t)p % 16 == 0 && (uintptr_t)q % 16 == 0);
    memset(q, 1, 50000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(((const uint8_t *)dist_arena_get(a, 1, 1))[0], 0);
    assert_non_null(dist_arena_get(a, 0, 1000));
    assert_true(dist_arena_ok(a) && dist_arena_bytes(a) <= 100000);
    assert_null(dist_arena_get(a, SIZE_MAX / 2, 4));
    assert_null(dist_arena_get(a, 1, 1));
    assert_false(dist_arena_ok(a));
    dist_arena_free(a);
    dist_arena_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_V3_exact_names_before_wildcards_the_longest_first),
        cmocka_unit_test(feat_A2_the_name_below_the_zone),
        cmocka_unit_test(feat_A2_nobody_gets_it_by_a_wildcard),
        cmocka_unit_test(one_that_answers_any_host),
        cmocka_unit_test(hosts_by_the_thousand),
        cmocka_unit_test(a_set_lives_as_long_as_it_is_held),
        cmocka_unit_test(feat_M18_the_first_origin_of_all_is_measured),
        cmocka_unit_test(feat_R7_the_documented_patterns),
        cmocka_unit_test(feat_R7_the_first_that_fits_the_last_is_for_all),
        cmocka_unit_test(patterns_cut_up_decide_as_whole_ones),
        cmocka_unit_test(a_pattern_full_of_stars_is_no_trap),
        cmocka_unit_test(feat_R5_which_names_count),
        cmocka_unit_test(feat_R21_the_rule_for_a_status),
        cmocka_unit_test(the_distribution_of_flags),
        cmocka_unit_test(flags_make_buckets_and_directories_too),
        cmocka_unit_test(an_arena_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
