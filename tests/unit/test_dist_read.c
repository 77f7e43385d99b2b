/* test_dist_read.c - distributions from text: what is said is there, and what holds where nothing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dist_texts.h"
#include "node/coding/coder.h"
#include "proto/base/err.h"

static void what_is_said_is_there(void **state)
{
    struct dist_set *s = take(whole);

    (void)state;
    assert_int_equal(s->n, 2);
    const struct dist *a = &s->dists[0], *d = &s->dists[1];
    is_text(a->name, "a");
    assert_true(a->any_host && !a->enabled && a->log == DIST_LOG_OFF);
    is_text(a->origins[0].id, "origin");
    assert_int_equal(a->behaviours_n, 1);
    is_text(d->hosts[0], "*.example.com");
    is_text(d->hosts[1], "example.com");
    is_text(d->comment, "all of\nit");
    is_text(d->root, "index.html");
    const struct dist_origin *o = d->origins;
    is_text(o[0].url, "http://origin.example.net/site");
    is_text(o[0].authority, "origin.example.net");
    is_text(o[0].prefix, "/site");
    is_text(o[0].headers[0].value, "b c");
    assert_int_equal(o[0].connections, 7);
    assert_int_equal(o[0].attempts, 3);
    assert_int_equal(o[1].scheme, DIST_ORIGIN_MATCH_VIEWER);
    assert_int_equal(o[1].http_port, 8080);
    assert_int_equal(o[1].https_port, 443);
    assert_int_equal(o[1].connect_timeout, MS(1500));
    is_text(o[1].tls_name, "real.example");
    assert_int_equal(o[1].tls_min, DIST_TLS_1_3);
    assert_int_equal(o[2].kind, DIST_S3);
    assert_int_equal(o[3].kind, DIST_DIRECTORY);
    assert_int_equal(d->groups[0].members[1], 2);
    assert_int_equal(d->groups[0].statuses_n, 2);
    const struct dist_behaviour *b = &d->behaviours[0];
    is_text(b->path, "/img/*.jpg");
    assert_true(b->to_group && b->target == 0 && b->key_has_scheme && b->viewer_host);
    assert_int_equal(b->methods, DIST_METHODS_OPTIONS);
    is_text(b->methods_other[0], "PROPFIND");
    assert_int_equal(b->cache.ttl_min_s, 60);
    assert_int_equal(b->cache.ttl_default_s, DIST_TTL_HEURISTIC);
    assert_int_equal(b->cache.error_ttl_s, 0);
    assert_true(b->cache.query.which == DIST_LISTED && b->cache.query.n == 2 && b->cache.query_sorted);
    is_text(b->cache.query.names[0], "a");
    assert_int_equal(b->cache.fields.which, DIST_ALL_BUT);
    is_text(b->cache.fields.names[0], "x-a");
    assert_true(b->cache.set_cookie == DIST_COOKIE_STRIP && b->cache.obeys_viewers && b->cache.caches_options);
    assert_int_equal(b->codings_off, CODING_BIT(CODING_BR) | CODING_BIT(CODING_ZSTD));
    assert_true(b->response.cors && b->response.cors_credentials && b->response.cors_max_age_s == 3600);
    is_text(b->response.cors_origins, "https://a.example, https://*.b.example:8443");
    is_text(b->response.cors_methods, "GET, HEAD, OPTIONS");
    assert_true(!b->response.override[0] && b->response.override[1]);
    is_text(b->response.remove[0], "server");
    assert_int_equal(b->rules_n, 4);
    assert_int_equal(b->rules[0].status, 301);
    assert_int_equal(b->rules[1].action, DIST_REWRITE);
    is_text(b->rules[1].field, "accept-language");
    assert_int_equal(b->rate_burst, 20);
    assert_true(!d->behaviours[1].cache.enabled && d->behaviours[1].codings_off == CODINGS_ALL);
    assert_int_equal(d->behaviours[1].request_cookies.which, DIST_ALL);
    assert_int_equal(dist_error_of(d, 404)->ttl_s, 300);
    assert_int_equal(dist_error_of(d, 503)->ttl_s, 0);
    assert_true(d->sha1_forbidden && d->geo == DIST_GEO_BLOCK && d->countries_n == 2);
    dist_set_unref(s);
}

static void presets(void **state)
{
    struct dist_set *s =
        take(HEAD "    origins: [ { id: p, type: media, url: http://p.example }, { id: w, url: http://w.example } ]\n"
                  "    behaviours:\n"
                  "      - { path: \"/live/*\", origin: p, ttl: { max: 1h } }\n"
                  "      - { path: \"/x/*\", origin: p, type: plain }\n"
                  "      - { path: \"/vod/*\", origin: w, type: media, ttl: { min: 10, max: 20 } }\n"
                  "      - { path: \"/opt/*\", origin: w, policy: optimized }\n"
                  "      - { path: \"/orig/*\", origin: w, policy: origin }\n"
                  "      - { path: \"*\", origin: w, cache: false }\n");
    const struct dist *d = &s->dists[0];
    const struct dist_behaviour *b = dist_behaviour(d, SLICE_LIT("/live/a/b.m3u8"));

    (void)state;
    is_text(b->path, "/live/*.m3u8");
    assert_int_equal(b->cache.ttl_default_s, 2);
    assert_int_equal(b->cache.ttl_max_s, 5);
    assert_int_equal(dist_behaviour(d, SLICE_LIT("/live/a.mpd"))->cache.ttl_max_s, 5);
    b = dist_behaviour(d, SLICE_LIT("/live/a.ts"));
    assert_int_equal(b->cache.ttl_max_s, 3600);
    assert_int_equal(b->cache.ttl_default_s, 3600);
    assert_int_equal(b->cache.error_ttl_s, 1);
    assert_int_equal(dist_behaviour(d, SLICE_LIT("/x/a.mpd"))->cache.ttl_max_s, 31536000);
    b = dist_behaviour(d, SLICE_LIT("/vod/a.mpd"));
    assert_true(b->cache.ttl_min_s == 5 && b->cache.ttl_max_s == 5 && b->cache.ttl_default_s == 5);
    assert_int_equal(dist_behaviour(d, SLICE_LIT("/vod/a.mp4"))->cache.ttl_min_s, 10);
    b = dist_behaviour(d, SLICE_LIT("/opt/a"));
    assert_true(b->cache.query.which == DIST_NONE && b->cache.ttl_min_s == 1);
    assert_int_equal(dist_behaviour(d, SLICE_LIT("/orig/a"))->cache.ttl_default_s, 0);
    assert_false(dist_behaviour(d, SLICE_LIT("/a"))->cache.enabled);
    assert_int_equal(d->origins[0].connect_timeout, SEC(2));
    dist_set_unref(s);
}

static void what_is_signed_takes_no_writes_unless_it_is_said(void **state)
{
    struct dist_set *s = take(
        HEAD
        "    origins:\n"
        "      - { id: s, type: s3, url: http://s.example, region: r, credentials: c }\n"
        "      - { id: n, type: s3, url: http://n.example, sign: never }\n"
        "      - { id: f, type: directory, root: \"/srv/a b\" }\n"
        "      - { id: u, url: \"FILE:///srv/a%20%62%25\" }\n"
        "      - { id: w, url: http://w.example }\n"
        "    groups: [ { id: g, origins: [ w, s ] } ]\n"
        "    behaviours: [ { path: /s, origin: s }, { path: /sa, origin: s, methods: all }, { path: /n, origin: n },\n"
        "      { path: /f, origin: f }, { path: /u, origin: u }, { path: /fo, origin: f, methods: options },\n"
        "      { path: /g, group: g }, { path: /ng, origin: n, methods: get }, { path: \"*\", origin: w } ]\n");
    static const enum dist_methods want[] = { DIST_METHODS_GET, DIST_METHODS_ALL, DIST_METHODS_ALL,
                                              DIST_METHODS_GET, DIST_METHODS_GET, DIST_METHODS_OPTIONS,
                                              DIST_METHODS_GET, DIST_METHODS_GET, DIST_METHODS_ALL };
    static const bool own[] = { true, true, false, true, true, true, false, false, false };
    const struct dist *d = &s->dists[0];

    (void)state;
    assert_int_equal(d->behaviours_n, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(d->behaviours[i].methods, want[i]);
        assert_int_equal(d->behaviours[i].own_identity, own[i]);
    }
    is_text(d->origins[2].url, "file:///srv/a%20b");
    assert_int_equal(d->origins[3].kind, DIST_DIRECTORY);
    is_text(d->origins[3].root, "/srv/a b%");
    is_text(d->origins[3].url, "file:///srv/a%20b%25");
    comes_back(s);
    dist_set_unref(s);
    /* What YAML takes only where it is escaped. */
    s = take("distributions: [ { name: a, comment: \"a\\x85\\u2028\\u2029\\uFEFF\\x80\", origins: "
             "file:///s%C2%85%EF%BF%BE } ]\n");
    is_text(s->dists[0].origins[0].root, "/s\xc2\x85\xef\xbf\xbe");
    comes_back(s);
    dist_set_unref(s);
    /* One without behaviours, and one that is a URL alone. */
    s = take("distributions: [ { name: a, origins: file:///srv } ]\n");
    assert_int_equal(s->dists[0].behaviours[0].methods, DIST_METHODS_GET);
    is_text(s->dists[0].origins[0].root, "/srv");
    comes_back(s);
    dist_set_unref(s);
}

static void feat_C4_from_25_to_100_origins(void **state)
{
    (void)state;
    for (int n = 25; n <= 101; n += n < 100 ? 75 : 1) {
        struct buf text = BUF_EMPTY, errors = BUF_EMPTY;
        struct dist_set *s = NULL;
        char path[32];
        buf_add_str(&text, HEAD "    origins:\n");
        for (int i = 0; i < n; i++)
            buf_addf(&text, "      - { id: o%d, url: http://o%d.example }\n", i, i);
        buf_add_str(&text, "    behaviours:\n");
        for (int i = 0; i < 74; i++)
            buf_addf(&text, "      - { path: \"/p%d/*\", origin: o%d }\n", i, i % n);
        buf_add_str(&text, "      - { path: \"*\", origin: o24 }\n");
        int err = dist_set_read(buf_slice(&text), "f", &s, &errors);
        assert_int_equal(err, n <= DIST_ORIGINS_MAX ? 0 : MESH_E_SYNTAX);
        for (int i = 0; s != NULL && i < 74; i++) {
            snprintf(path, sizeof(path), "/p%d/x", i);
            assert_int_equal(dist_behaviour(&s->dists[0], slice_str(path))->target, i % n);
        }
        dist_set_unref(s);
        buf_free(&text);
        buf_free(&errors);
    }
}

static void feat_A8_ten_thousand_distributions(void **state)
{
    struct buf text = BUF_EMPTY, errors = BUF_EMPTY;
    struct dist_set *s = NULL;
    char host[64];

    (void)state;
    buf_add_str(&text, "distributions:\n");
    for (int i = 0; i < DISTS_MAX; i++)
        buf_addf(&text, "- { name: d%d, hosts: [ h%d.example, \"*.w%d.example\" ], origins: http://o%d.example }\n", i,
                 i, i, i);
    if (dist_set_read(buf_slice(&text), "f", &s, &errors) != 0)
        fail_msg("%.*s", SLICE_FMT(buf_slice(&errors)));
    for (int i = 0; i < DISTS_MAX; i += 97) {
        snprintf(host, sizeof(host), "a.w%d.example", i);
        const struct dist *d = dist_find(s, slice_str(host), SLICE_EMPTY);
        snprintf(host, sizeof(host), "d%d", i);
        assert_non_null(d);
        is_text(d->name, host);
    }
    dist_set_unref(s);
    buf_add_str(&text, "- { name: more, origins: http://o.example }\n");
    assert_int_equal(dist_set_read(buf_slice(&text), "f", &s, &errors), MESH_E_SYNTAX);
    assert_non_null(memmem(errors.data, errors.len, "has 10001 entries; 10000 are allowed", 36));
    buf_free(&text);
    buf_free(&errors);
}

static void what_stars_stood_for(void **state)
{
    static const struct {
        const char *path, *to, *of, *want;
    } cases[] = {
        { "/a/*", "/b/$1", "/a/x/y", "/b/x/y" },
        { "/*/x/*", "/$2/$1", "/a/x/b/x/c", "/b/x/c/a" },
        { "*.jpg", "/$1.webp", "/i/a.jpg", "/i/a.webp" },
        { "", "/de/$1", "/i/a", "/de/i/a" },
        { "/a?b*", "/$1$9$", "/axbc", "/c$" },
        { "/a*", "/$1", "/a", "/" },
        { "/*-*-*", "/$3/$2/$1", "/a-b-c-d", "/c-d/b/a" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dist_rule u = { .path = slice_str(cases[i].path), .to = slice_str(cases[i].to) };
        struct buf out = BUF_EMPTY;
        dist_rule_to(&out, &u, slice_str(cases[i].of));
        is_text(buf_slice(&out), cases[i].want);
        buf_free(&out);
    }
}

/* ---- a node's file ---- */

static void what_stands_under_node(void **state)
{
    static const struct {
        const char *key, *value;
        unsigned line, column;
    } want[] = { { "name", "fra-1", 1, 15 },
                 { "listen.http", "127.0.0.1:0", 1, 38 },
                 { "seeds", "a:1", 1, 64 },
                 { "seeds", "b:2", 1, 69 } };
    struct buf errors = BUF_EMPTY;
    struct dist_file f = { 0 };

    (void)state;
    assert_int_equal(dist_file_read(SLICE_LIT(whole), "f", &f, &errors), 0);
    assert_int_equal(f.entries_n, 4);
    for (size_t i = 0; i < 4; i++) {
        is_text(f.entries[i].key, want[i].key);
        is_text(f.entries[i].value, want[i].value);
        assert_int_equal(f.entries[i].mark.line, want[i].line);
        assert_int_equal(f.entries[i].mark.column, want[i].column);
    }
    assert_int_equal(f.set->n, 2);
    dist_file_free(&f);
    assert_int_equal(dist_file_read(SLICE_LIT("node: { data: /x }\n"), "f", &f, &errors), 0);
    assert_true(f.set == NULL && f.entries_n == 1);
    dist_file_free(&f);
    assert_int_equal(dist_file_read(SLICE_LIT("node: [ a ]\n"), "f", &f, &errors), MESH_E_SYNTAX);
    assert_int_equal(dist_file_read(SLICE_LIT("node: {}\ndistributions: [ a ]\n"), "f", &f, &errors), MESH_E_SYNTAX);
    buf_free(&errors);
    dist_file_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_there),
        cmocka_unit_test(what_is_signed_takes_no_writes_unless_it_is_said),
        cmocka_unit_test(presets),
        cmocka_unit_test(feat_C4_from_25_to_100_origins),
        cmocka_unit_test(feat_A8_ten_thousand_distributions),
        cmocka_unit_test(what_stars_stood_for),
        cmocka_unit_test(what_stands_under_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
