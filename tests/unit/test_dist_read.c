/* test_dist_read.c - distributions from text and back: what is taken, what each refusal says, and the canonical form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/coding/coder.h"
#include "node/dist/dist_read.h"
#include "proto/base/err.h"

static struct dist_set *take(const char *text)
{
    struct buf errors = BUF_EMPTY;
    struct dist_set *s = NULL;

    if (dist_set_read(slice_str(text), "f.yaml", &s, &errors) != 0)
        fail_msg("%.*s", SLICE_FMT(buf_slice(&errors)));
    assert_int_equal(errors.len, 0);
    buf_free(&errors);
    return s;
}

static void is_text(struct slice s, const char *want)
{
    if (!slice_eq(s, slice_str(want)))
        fail_msg("\"%.*s\", not \"%s\"", SLICE_FMT(s), want);
}

static const char whole[] =
    "node: { name: fra-1, listen: { http: \"127.0.0.1:0\" }, seeds: [ a:1, b:2 ] }\n"
    "distributions:\n"
    "  - name: photos\n"
    "    hosts: [ Example.com., \"*.example.com\" ]\n"
    "    comment: \"all of\\nit\"\n"
    "    root: /index.html\n"
    "    origins:\n"
    "      - { id: web, url: \"HTTP://Origin.example.net:80/site/\", headers: { X-A: \"b c\" }, connections: 7 }\n"
    "      - id: both-ways\n"
    "        url: https://o.example\n"
    "        protocol: match-viewer\n"
    "        http_port: 8080\n"
    "        connect_timeout: 1500ms\n"
    "        tls: { name: Real.example, min: 1.3 }\n"
    "      - { id: s3, type: s3, url: \"https://b.s3.example\", region: eu-central-1, credentials: main }\n"
    "      - { id: disk, type: directory, root: /srv/www }\n"
    "    groups:\n"
    "      - { id: safe, origins: [ both-ways, s3 ], statuses: [ 500, 404 ] }\n"
    "    behaviours:\n"
    "      - path: img/*.jpg\n"
    "        group: safe\n"
    "        methods: [ HEAD, OPTIONS, GET, PROPFIND ]\n"
    "        viewer_protocol: https-only\n"
    "        ttl: { min: 1m, default: heuristic, error: 0 }\n"
    "        cache: { query: [ b, a ], headers: { except: [ X-A ] }, cookies: none, set_cookie: strip, sort_query: "
    "true,\n"
    "                 viewer_cache_control: obey, options: true }\n"
    "        request: { query: all, headers: [ User-Agent ], cookies: [ s ] }\n"
    "        host: viewer\n"
    "        compress: [ gzip ]\n"
    "        response:\n"
    "          cors: { origins: [ \"https://a.example\", \"https://*.b.example:8443\" ], credentials: true, max_age: "
    "1h }\n"
    "          headers: { X-Frame-Options: DENY, X-B: { value: \"1; 2\", override: true } }\n"
    "          remove: [ X-Powered-By, Server ]\n"
    "        rules:\n"
    "          - { path: \"/old/*\", host: \"*.example.com\", redirect: \"/new/$1\", status: 301 }\n"
    "          - { header: { Accept-Language: \"de*\" }, rewrite: \"/de/$1\" }\n"
    "          - { query: { v: \"?\" }, set_request: { X-V: one } }\n"
    "          - { remove_response: Server }\n"
    "        rate: { requests: 10, burst: 20 }\n"
    "      - { path: \"*\", origin: web, policy: disabled, compress: off }\n"
    "    errors:\n"
    "      - { status: 404, ttl: 5m, page: /404.html, as: 200 }\n"
    "      - { status: 503, ttl: 0 }\n"
    "    sha1: forbidden\n"
    "    countries: { block: [ FR, DE ] }\n"
    "  - { name: a, origins: http://10.0.0.7, enabled: false, log: off, hosts: \"*\" }\n";

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

#define HEAD            "distributions:\n  - name: a\n"
#define ONE             HEAD "    origins: [ { id: web, url: http://o.example } ]\n"
#define BEHAVIOUR(text) ONE "    behaviours: [ { path: \"*\", " text " } ]\n"

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

/* ---- refusals ---- */

#define L50 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
static const struct {
    const char *text, *want;
} refusals[] = {
    { "", "f.yaml: there is nothing in it." },
    { "a", "f.yaml:1:1: : must be a map with node and distributions, not a single value." },
    { "{}", "f.yaml:1:1: : distributions is missing." },
    { "distribution: []",
      "f.yaml:1:1: : there is no part \"distribution\". Did you mean distributions; there are node and "
      "distributions." },
    { "distributions: []\ndistributions: []", "f.yaml:2:1: : distributions is there twice." },
    { "distributions: 7", "f.yaml:1:16: distributions: must be a list of distributions, not a single value." },
    { "a: [", "f.yaml:2:1: this is not YAML" },
    { "a: b: c", "f.yaml:1:5: this is not YAML: mapping values are not allowed in this context" },
    { "a: \x01", "f.yaml:1:4: this is no text that YAML may hold, from byte 3 on" },
    { "a: &x b", "f.yaml:1:4: an anchor (&) cannot be used here" },
    { "a: *x", "f.yaml:1:4: an alias (*x) cannot be used here" },
    { "a: !!str b", "f.yaml:1:4: a tag (!) cannot be used here" },
    { "? [ a ]\n: b", "f.yaml:1:3: a field's name must be a word, not a list." },
    { "a: b\n---\nc: d", "f.yaml:2:1: a second document" },
    { "a: [[[[[[[[[[[[[[]]]]]]]]]]]]]]", "f.yaml:1:15: this is nested too deeply" },
    /* distributions */
    { HEAD "    origins: [ { id: web, url: http://o.example } ]\n    nmae: b\n",
      "f.yaml:4:5: distributions[0]: a distribution has no field \"nmae\". Did you mean name?" },
    { HEAD "    zzz: 1\n    origins: http://o.example\n",
      "f.yaml:3:5: distributions[0]: a distribution has no field \"zzz\"; it has name, enabled, comment," },
    { ONE "    name: b\n", "f.yaml:4:5: distributions[0]: name is there twice." },
    { "distributions: [ { origins: http://o.example } ]", "f.yaml:1:18: distributions[0].name: must be given" },
    { HEAD, "f.yaml:2:5: distributions[0].origins: must be given" },
    { HEAD "    origins: []\n", "distributions[0].origins: has 0 entries; 1 to 100 are allowed." },
    { "distributions:\n  - name: a b\n    origins: http://o.example",
      "f.yaml:2:11: distributions[0].name: \"a b\" must be letters, digits, and of -_." },
    { "distributions:\n  - name: \"a\\0b\"\n    origins: http://o.example", "must be letters, digits, and of -_." },
    { "distributions:\n  - name:\n    origins: http://o.example",
      "f.yaml:2:10: distributions[0].name: must be a name, not nothing." },
    { "distributions:\n  - name: [ a ]\n    origins: http://o.example",
      "distributions[0].name: must be a name, not a list." },
    { ONE "    enabled: yes\n", "f.yaml:4:14: distributions[0].enabled: \"yes\" must be true or false." },
    { ONE "    log: onn\n", "distributions[0].log: \"onn\" must be off or on. Did you mean on?" },
    { ONE "    root: /\n", "distributions[0].root: \"/\" must be a path below /" },
    { ONE "    root: a?b\n", "distributions[0].root: \"a?b\" must be a path alone, without ? and #" },
    { ONE "    sha1: no\n", "distributions[0].sha1: \"no\" must be allowed or forbidden." },
    { ONE "    countries: [ DE ]\n", "distributions[0].countries: must be { allow: [ DE, FR ] }" },
    { ONE "    countries: { allow: [ Germany ] }\n", "\"Germany\" must be a country's two capital letters" },
    /* hosts */
    { ONE "    hosts: [ \"a.example:80\" ]\n",
      "distributions[0].hosts[0]: \"a.example:80\" must be a host alone, without port." },
    { ONE "    hosts: [ http://a.example ]\n", "must be a host alone" },
    { ONE "    hosts: [ a..example ]\n", "must have 1 to 63 bytes between its dots" },
    { ONE "    hosts: [ -a.example ]\n", "must not have a - at the start or end of a part" },
    { ONE "    hosts: [ \"a.*.example\" ]\n",
      "f.yaml:4:14: distributions[0].hosts[0]: \"a.*.example\" may have a star at its "
      "start alone" },
    { ONE "    hosts: [ \"*a.example\" ]\n", "may have a star at its start alone" },
    { ONE "    hosts: [ b\xc3\xbc"
          "cher.example ]\n",
      "must be written in ASCII" },
    { ONE "    hosts: [ a_b.example, \"x y\" ]\n", "must be letters, digits, dots, - and _" },
    { ONE "    hosts: [ a.example, A.example. ]\n", "distributions[0].hosts: \"a.example\" is there twice." },
    { ONE "    hosts: [ a.example, \"*\" ]\n", "\"*\" is any host: no other goes with it." },
    { ONE "  - { name: a, origins: http://o.example }\n",
      "f.yaml:4:13: distributions: the name \"a\" is that of \"a\" already." },
    { ONE "    hosts: [ x.example ]\n  - { name: b, origins: http://o.example, hosts: [ X.example ] }\n",
      "f.yaml:5:50: distributions: the host \"x.example\" is that of \"a\" already." },
    { ONE "    hosts: \"*\"\n  - { name: b, origins: http://o.example, hosts: \"*\" }\n",
      "the host \"*\" is that of \"a\" already." },
    /* origins */
    { HEAD "    origins: ftp://o.example\n",
      "f.yaml:3:14: distributions[0].origins[0]: \"ftp://o.example\": it does not" },
    { HEAD "    origins: { id: web, url: http://o }\n", "must be a list, not a map." },
    { HEAD "    origins: [ ftp://o.example ]\n",
      "f.yaml:3:16: distributions[0].origins[0]: \"ftp://o.example\": it does not begin with http:// or https://" },
    { HEAD "    origins: [ { id: web } ]\n", "f.yaml:3:16: distributions[0].origins[0].url: must be given" },
    { HEAD "    origins: [ { id: web, url: \"http://o.example/?a\" } ]\n", "an origin has no query and no fragment" },
    { HEAD "    origins: [ http://a, http://b ]\n", "distributions[0].origins[1]: the id \"origin\" is there twice." },
    { HEAD "    origins: [ { id: web, url: http://o, type: s4 } ]\n",
      "\"s4\" must be http, s3, media or directory. Did you mean s3?" },
    { HEAD "    origins: [ { id: web, url: http://o, protocol: https } ]\n",
      "https does not go with the url, which says http." },
    { HEAD "    origins: [ { id: web, url: http://o, https_port: 444 } ]\n", "the url says the port" },
    { HEAD "    origins: [ { id: web, url: http://o, protocol: match-viewer, http_port: 81 } ]\n",
      "the url says the port" },
    { HEAD "    origins: [ { id: web, url: http://o, connect_timeout: 11 } ]\n",
      "connect_timeout: \"11\" must be a time from 1s to 10s" },
    { HEAD "    origins: [ { id: web, url: http://o, response_timeout: 5 minutes } ]\n",
      "must be a time from 1s to 2m" },
    { HEAD "    origins: [ { id: web, url: http://o, idle_timeout: 1.0005s } ]\n", "must be a time from 1s to 2m" },
    { HEAD "    origins: [ { id: web, url: http://o, attempts: 0 } ]\n", "must be a whole number from 1 to 3." },
    { HEAD "    origins: [ { id: web, url: http://o, root: /x } ]\n", "root: is for an origin of type directory." },
    { HEAD "    origins: [ { id: web, url: http://o, region: x } ]\n", "region: is for an origin of type s3." },
    { HEAD "    origins: [ { id: web, url: http://o, tls: { min: 1.2 } } ]\n",
      "tls: is for an origin that is spoken to over https." },
    { HEAD "    origins: [ { id: web, url: https://o, tls: { min: 1.1 } } ]\n",
      "tls.min: \"1.1\" must be 1.2 or 1.3." },
    { HEAD "    origins: [ { id: web, type: s3, url: http://o } ]\n",
      "region: must be given for an origin of type s3" },
    { HEAD "    origins: [ { id: web, type: s3, url: http://o, region: r } ]\n", "credentials: must be given" },
    { HEAD "    origins: [ { id: web, type: s3, url: http://o, region: r, credentials: ../x } ]\n",
      "it is a name, not a path" },
    { HEAD "    origins: [ { id: web, type: directory } ]\n", "root: must be given: the folder" },
    { HEAD "    origins: [ { id: web, type: directory, root: srv } ]\n", "must be a folder from / on" },
    { HEAD "    origins: [ { id: web, type: directory, root: /a/../b } ]\n", "must be a folder from / on" },
    { HEAD "    origins: [ { id: web, type: directory, root: /a, url: http://o } ]\n",
      "url: is not for an origin of type directory, unless" },
    { HEAD "    origins: [ { id: web, type: s3, url: file:///srv } ]\n", "it does not begin with http:// or https://" },
    { HEAD "    origins: [ { id: web, type: http, url: file:///srv } ]\n", "type: does not go with the url" },
    { HEAD "    origins: [ { id: web, url: file:///srv, root: /srv } ]\n", "root: is said by the url already." },
    { HEAD "    origins: [ { id: web, url: file:///srv, headers: { A: b } } ]\n",
      "headers: is not for an origin of type directory." },
    { HEAD "    origins: [ file://host/srv ]\n", "has three slashes" },
    { HEAD "    origins: [ \"file:///srv?a\" ]\n", "has three slashes" },
    { HEAD "    origins: [ \"file:///srv%2\" ]\n", "has three slashes" },
    { HEAD "    origins: [ \"file:///srv%ff\" ]\n", "and UTF-8" },
    { HEAD "    origins: [ \"file:///srv%00\" ]\n", "must be a folder from / on" },
    { HEAD "    origins: [ file:///srv/%2e%2E/etc ]\n", "must be a folder from / on" },
    { HEAD
      "    origins: [ { id: web, type: s3, url: http://o, credentials: c, region: r123456789012345678901234567890123456"
      "789012345678901234567890123 } ]\n",
      "63" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { Host: a } } ]\n",
      "f.yaml:3:53: distributions[0].origins[0].headers: \"Host\" is the node's own affair" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { if-none-match: a } } ]\n",
      "\"if-none-match\" is the node's own" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { RANGE: a } } ]\n", "\"RANGE\" is the node's own" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { X-Edge-Foo: a } } ]\n",
      "\"X-Edge-Foo\" is the node's own" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { Transfer-Encoding: a } } ]\n", "is the node's own" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { X A: a } } ]\n", "must be the name of a field" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { X-A: \"a\\r\\nb\" } } ]\n", "must have no line ends" },
    { HEAD "    origins: [ { id: web, url: http://o, headers: { X-A: 1, x-a: 2 } } ]\n", "\"x-a\" is there twice." },
    /* groups */
    { ONE "    groups: [ { id: g, origins: [ web ] } ]\n", "must be a list of exactly two origins" },
    { ONE "    groups: [ { id: g, origins: [ web, web ] } ]\n", "both are the same origin." },
    { ONE "    groups: [ { id: g, origins: [ web, wbe ] } ]\n", "there is no origin \"wbe\". Did you mean \"web\"?" },
    { HEAD "    origins: [ { id: a, url: http://a }, { id: b, url: http://b } ]\n"
           "    groups: [ { id: g, origins: [ a, b ], statuses: [ 500, 418 ] } ]\n",
      "f.yaml:4:60: distributions[0].groups[0].statuses: \"418\" must be of 400, 403, 404" },
    { HEAD "    origins: [ { id: a, url: http://a }, { id: b, url: http://b } ]\n",
      "f.yaml:2:5: distributions[0].behaviours: must be given where there is more than one origin." },
    /* behaviours */
    { ONE "    behaviours: [ { path: \"/a\" } ]\n", "the last must be for all other paths" },
    { ONE "    behaviours: [ { path: \"/*\" }, { path: \"*\" } ]\n", "the path * is for all" },
    { ONE "    behaviours: [ { path: \"*\" }, { path: \"/a\" } ]\n", "the path * is for all" },
    { ONE "    behaviours: [ { path: a }, { path: /a }, { path: \"*\" } ]\n", "the path /a is there twice" },
    { ONE "    behaviours: [ { path: /a/../b }, { path: \"*\" } ]\n", "holds a \".\" or \"..\"" },
    { ONE "    behaviours: [ { path: \"a#b\" }, { path: \"*\" } ]\n", "must be a path alone" },
    { BEHAVIOUR("origin: wbe"),
      "f.yaml:4:40: distributions[0].behaviours[0].origin: there is no origin \"wbe\". Did you mean "
      "\"web\"?" },
    { BEHAVIOUR("group: g"), "there is no group \"g\"." },
    { BEHAVIOUR("key_groups: [ g ]"), "there is no key group \"g\"." },
    { BEHAVIOUR("policy: disable"), "Did you mean disabled?" },
    { BEHAVIOUR("type: medai"), "\"medai\" must be plain or media. Did you mean media?" },
    { ONE "    behaviours: [ { path: \"/" L50 L50 L50 L50 "%%%%%%%%%%%%%%%%%%%%%%\" }, { path: \"*\" } ]\n",
      "has 267 bytes in its normal form; 255 are allowed." },
    { ONE "    behaviours: [ { path: \"/" L50 L50 L50 L50 L50 "/*\", type: media }, { path: \"*\" } ]\n",
      "is too long for type media" },
    { ONE "    behaviours: [ { path: /a, type: media }, { path: \"*\" } ]\n", "must end in a star for type media" },
    { BEHAVIOUR("methods: [ TRACE ]"), "\"TRACE\" must be get, options, all, or a method but TRACE and CONNECT" },
    { BEHAVIOUR("methods: [ \"A B\" ]"), "must be get, options, all" },
    { BEHAVIOUR("viewer_protocol: https"), "\"https\" must be any, redirect or https-only." },
    { BEHAVIOUR("ttl: { min: 10, max: 5 }"), "ttl.max: 5 is less than min, which is 10." },
    { BEHAVIOUR("ttl: { default: 10, max: 5 }"), "ttl.default: 10 is more than max, which is 5." },
    { BEHAVIOUR("ttl: { min: 10, default: 5 }"), "ttl.default: 5 is less than min, which is 10." },
    { BEHAVIOUR("ttl: { default: heuristics }"), "must be a time" },
    { BEHAVIOUR("ttl: { min: 1500ms }"), "must be whole seconds" },
    { BEHAVIOUR("ttl: { min: -1 }"), "must be a time" },
    { BEHAVIOUR("cache: { query: a }"), "\"a\" must be none, all, a list of names or { except: [ names ] }." },
    { BEHAVIOUR("cache: { query: { but: [ a ] } }"), "must be none, all, a list of names" },
    { BEHAVIOUR("cache: { query: [ a, b, c, d, e, f, g, h, i, j, k ] }"), "has 11 entries; 1 to 10 are allowed." },
    { BEHAVIOUR("cache: { query: [ a=b ] }"), "must be the name of a query parameter" },
    { BEHAVIOUR("cache: { headers: [ Cookie ] }"), "\"Cookie\" is the node's own affair" },
    { BEHAVIOUR("cache: { headers: [ Range ] }"), "is the node's own affair" },
    { BEHAVIOUR("cache: { cookies: [ \"a;b\" ] }"), "must be a cookie's name" },
    { BEHAVIOUR("cache: { set_cookie: kep }"), "Did you mean keep?" },
    { BEHAVIOUR("compress: [ br, deflate ]"), "\"deflate\" must be br, gzip or zstd." },
    { BEHAVIOUR("compress: on"), "\"on\" must be off or a list of br, gzip and zstd." },
    { BEHAVIOUR("rate: 0"), "must be a whole number from 1 to 1000000." },
    { BEHAVIOUR("rate: { burst: 3 }"), "burst: goes with requests." },
    { BEHAVIOUR("response: { remove: [ Transfer-Encoding ] }"), "\"Transfer-Encoding\" is the node's own affair" },
    { BEHAVIOUR("response: { remove: [ X-Cache ] }"), "is the node's own affair" },
    { BEHAVIOUR("response: { headers: { Content-Length: 1 } }"), "is the node's own affair" },
    { BEHAVIOUR("response: { headers: { X-A: { vale: 1 } } }"), "must be a text, or { value: TEXT, override: true }." },
    { BEHAVIOUR("response: { cors: { origins: [ example.com ] } }"), "must be *, or begin with http:// or https://" },
    { BEHAVIOUR("response: { cors: { credentials: true } }"), "does not go with any origin" },
    /* rules */
    { BEHAVIOUR("rules: [ { path: /a } ]"), "must have exactly one of redirect, rewrite" },
    { BEHAVIOUR("rules: [ { redirect: /a, rewrite: /b } ]"), "must have exactly one of" },
    { BEHAVIOUR("rules: [ { rewrite: /b, status: 301 } ]"), "status: goes with redirect." },
    { BEHAVIOUR("rules: [ { redirect: /b, status: 304 } ]"), "\"304\" must be 301, 302, 303, 307 or 308." },
    { BEHAVIOUR("rules: [ { path: \"/a/*\", redirect: /b/$2 } ]"), "says $2, and the path has 1 stars." },
    { BEHAVIOUR("rules: [ { redirect: //evil.example } ]"), "must begin with one slash, http:// or https://" },
    { BEHAVIOUR("rules: [ { redirect: \"javascript:x\" } ]"), "must begin with one slash" },
    { BEHAVIOUR("rules: [ { rewrite: b } ]"), "must begin with a slash" },
    { BEHAVIOUR("rules: [ { rewrite: \"/a b\" } ]"), "holds a byte that may not stand in a URL" },
    { BEHAVIOUR("rules: [ { set_request: { Host: x } } ]"), "is the node's own affair" },
    { BEHAVIOUR("rules: [ { set_response: { Connection: x } } ]"), "is the node's own affair" },
    { BEHAVIOUR("rules: [ { header: [ a ], redirect: /b } ]"), "must be one name and its value" },
    { BEHAVIOUR("rules: [ { path: /a, rewrite: /a } ]"), "leads to the path that it is for." },
    /* errors, keys */
    { ONE "    errors: [ { status: 418, ttl: 1 } ]\n", "\"418\" must be 400, 403, 404, 405, 414, 416, or 500 to 504." },
    { ONE "    errors: [ { status: 404 } ]\n", "says nothing: give ttl, or page, or both." },
    { ONE "    errors: [ { status: 404, ttl: 1, as: 200 } ]\n", "as: goes with a page." },
    { ONE "    errors: [ { status: 404, ttl: 1 }, { status: 404, ttl: 2 } ]\n", "the status 404 is there twice." },
    { ONE "    keys: [ { id: k, pem: abc } ]\n", "must be a public key as PEM" },
    { ONE "    keys: [ { id: k, pem: \"-----BEGIN RSA PRIVATE KEY-----\" } ]\n", "is a private key" },
    { ONE "    key_groups: [ { id: g, keys: [ k ] } ]\n", "there is no key \"k\"." },
};

static void each_refusal_says_where_and_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct buf errors = BUF_EMPTY;
        struct dist_set *s = (void *)&errors; /* stays as it is */
        int err = dist_set_read(slice_str(refusals[i].text), "f.yaml", &s, &errors);
        buf_add_u8(&errors, 0);
        if (err == 0 || (void *)s != (void *)&errors)
            fail_msg("taken: %s", refusals[i].text);
        if (strstr((const char *)errors.data, refusals[i].want) == NULL)
            fail_msg("%s\nsays: %s\nnot:  %s", refusals[i].text, (const char *)errors.data, refusals[i].want);
        buf_free(&errors);
    }
}

static size_t lines_of(const struct buf *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->len; i++)
        n += b->data[i] == '\n';
    return n;
}

static void several_faults_at_once_and_no_end_of_them(void **state)
{
    struct buf text = BUF_EMPTY, errors = BUF_EMPTY;
    struct dist_set *s = NULL;

    (void)state;
    buf_add_str(&text, "distributions:\n  - { name: a b, origins: [ x ] }\n  - { nme: b }\n");
    assert_int_equal(dist_set_read(buf_slice(&text), "f", &s, &errors), MESH_E_SYNTAX);
    assert_int_equal(lines_of(&errors), 5); /* two, and three: the field, and what is missing */
    buf_clear(&errors);
    for (int i = 0; i < 1000; i++)
        buf_add_str(&text, "  - { nme: b }\n");
    assert_int_equal(dist_set_read(buf_slice(&text), "f", &s, &errors), MESH_E_SYNTAX);
    assert_int_equal(lines_of(&errors), FAULTS_MAX + 1);
    /* What comes behind the last that is said is not looked at any more, each kind of list in its turn. */
    buf_clear(&text);
    buf_clear(&errors);
    buf_add_str(&text, HEAD);
    for (int i = 0; i < 30; i++)
        buf_addf(&text, "    x%d: y\n", i);
    buf_add_str(&text,
                "    origins: [ { id: web, url: http://o } ]\n    groups: [ { id: g, origins: [ web, web ] } ]\n"
                "    keys: [ { id: k, pem: p } ]\n    key_groups: [ { id: g, keys: [ k ] } ]\n"
                "    errors: [ { status: 1 } ]\n    behaviours: [ { path: \"*\", origin: web, rules: [ {} ] } ]\n");
    assert_int_equal(dist_set_read(buf_slice(&text), "f", &s, &errors), MESH_E_SYNTAX);
    assert_int_equal(lines_of(&errors), FAULTS_MAX + 1);
    buf_free(&text);
    buf_free(&errors);
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

static void feat_R38_redirects_that_lead_to_themselves(void **state)
{
    static const struct {
        const char *rules;
        bool loops;
    } cases[] = {
        { "{ path: \"/a/*\", redirect: \"/b/$1\" }", false },
        { "{ path: \"/a/*\", redirect: \"/a/b/$1\" }", true },
        { "{ path: \"/*\", redirect: \"/de/$1\" }", true },
        { "{ redirect: / }", true },
        { "{ path: /a, redirect: /b }, { path: /b, redirect: /a }", true },
        { "{ path: /a, redirect: /b }, { path: /b, redirect: /c }", false },
        { "{ redirect: \"https://www.example.com/$1\" }", true },
        { "{ redirect: \"https://other.example/$1\" }", false },
        { "{ host: example.com, redirect: \"https://www.example.com/$1\" }", false },
        { "{ host: \"*.example.com\", redirect: \"https://www.example.com/$1\" }", true },
        { "{ path: \"/*.htm\", redirect: \"/$1.html\" }", false },
        { "{ path: \"/a*\", redirect: \"/$1\" }", false },
        { "{ path: /a, rewrite: /b }, { path: /b, redirect: /a }", true },
        { "{ path: \"/*\", rewrite: \"/site/$1\" }", false }, /* a rewrite is done once */
        { "{ path: /a, header: { X: y }, redirect: /b }, { path: /b, redirect: /a }", true },
        { "{ path: /a, header: { X: y }, redirect: /b }, { path: /b, header: { X: z }, redirect: /a }", false },
        { "{ path: /a, redirect: \"/a?x=1\" }", true },
        { "{ path: \"/a?\", redirect: \"/a\" }", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text = BUF_EMPTY, errors = BUF_EMPTY;
        struct dist_set *s = NULL;
        buf_addf(&text,
                 ONE
                 "    hosts: [ example.com, \"*.example.com\" ]\n    behaviours: [ { path: \"*\", rules: [ %s ] } ]\n",
                 cases[i].rules);
        int err = dist_set_read(buf_slice(&text), "f", &s, &errors);
        buf_add_u8(&errors, 0);
        if ((err != 0) != cases[i].loops || (err != 0 && strstr((const char *)errors.data, "to itself") == NULL))
            fail_msg("%s: %s", cases[i].rules, (const char *)errors.data);
        dist_set_unref(s);
        buf_free(&text);
        buf_free(&errors);
    }
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

/* ---- and back ---- */

static void comes_back(const struct dist_set *s)
{
    struct buf one = BUF_EMPTY, two = BUF_EMPTY, three = BUF_EMPTY, shown = BUF_EMPTY, errors = BUF_EMPTY;
    struct dist_set *again = NULL, *seen = NULL;

    dist_set_write(&one, s);
    if (dist_set_read(buf_slice(&one), "canonical", &again, &errors) != 0)
        fail_msg("%.*s%.*s", SLICE_FMT(buf_slice(&errors)), SLICE_FMT(buf_slice(&one)));
    dist_set_write(&two, again);
    assert_true(slice_eq(buf_slice(&one), buf_slice(&two)));
    assert_true(again->digest == s->digest);
    assert_true(dist_set_show(&shown, s));
    if (dist_set_read(buf_slice(&shown), "shown", &seen, &errors) != 0)
        fail_msg("%.*s%.*s", SLICE_FMT(buf_slice(&errors)), SLICE_FMT(buf_slice(&shown)));
    dist_set_write(&three, seen);
    if (!slice_eq(buf_slice(&one), buf_slice(&three)))
        fail_msg("%.*s\n%.*s", SLICE_FMT(buf_slice(&one)), SLICE_FMT(buf_slice(&three)));
    dist_set_unref(again);
    dist_set_unref(seen);
    buf_free(&one);
    buf_free(&two);
    buf_free(&three);
    buf_free(&shown);
    buf_free(&errors);
}

static void the_canonical_form(void **state)
{
    static const char golden[] =
        "{\"distributions\":[\n"
        "{\"name\":\"a\",\"enabled\":false,\"log\":\"off\",\"hosts\":[\"*\"],\"origins\":[{\"id\":\"origin\","
        "\"url\":\"http://10.0.0.7\"}],\"behaviours\":[{\"path\":\"*\",\"origin\":\"origin\"}]},\n"
        "{\"name\":\"photos\",\"comment\":\"all of\\u000ait\",\"hosts\":[\"*.example.com\",\"example.com\"],"
        "\"root\":\"index.html\",\"origins\":[{\"id\":\"web\",\"url\":\"http://origin.example.net/site\",\"headers\":"
        "{\"X-A\":\"b c\"},\"connections\":7},{\"id\":\"both-ways\",\"url\":\"https://o.example\",\"protocol\":"
        "\"match-viewer\",\"http_port\":8080,\"connect_timeout\":\"1500ms\",\"tls\":{\"name\":\"real.example\",\"min\":"
        "\"1.3\"}},{\"id\":\"s3\",\"type\":\"s3\",\"url\":\"https://b.s3.example\",\"region\":\"eu-central-1\","
        "\"credentials\":\"main\"},{\"id\":\"disk\",\"type\":\"directory\",\"root\":\"/srv/www\"}],\"groups\":[{\"id\":"
        "\"safe\",\"origins\":[\"both-ways\",\"s3\"],\"statuses\":[500,404]}],\"behaviours\":[{\"path\":\"/img/*.jpg\","
        "\"group\":\"safe\",\"methods\":[\"options\",\"PROPFIND\"],\"viewer_protocol\":\"https-only\",\"host\":"
        "\"viewer\","
        "\"cache\":{\"query\":[\"a\",\"b\"],\"sort_query\":true,\"headers\":{\"except\":[\"x-a\"]},\"set_cookie\":"
        "\"strip\","
        "\"viewer_cache_control\":\"obey\",\"options\":true},\"ttl\":{\"min\":60,\"default\":\"heuristic\",\"error\":0}"
        ","
        "\"request\":{\"query\":\"all\",\"headers\":[\"user-agent\"],\"cookies\":[\"s\"]},\"compress\":[\"gzip\"],"
        "\"response\":{\"cors\":{\"origins\":[\"https://a.example\",\"https://*.b.example:8443\"],\"credentials\":true,"
        "\"max_age\":3600},\"headers\":{\"X-Frame-Options\":\"DENY\",\"X-B\":{\"value\":\"1; 2\",\"override\":true}},"
        "\"remove\":[\"server\",\"x-powered-by\"]},\"rules\":[{\"path\":\"/old/"
        "*\",\"host\":\"*.example.com\",\"redirect\":"
        "\"/new/$1\",\"status\":301},{\"header\":{\"accept-language\":\"de*\"},\"rewrite\":\"/de/"
        "$1\"},{\"query\":{\"v\":"
        "\"?\"},\"set_request\":{\"X-V\":\"one\"}},{\"remove_response\":\"Server\"}],\"rate\":{\"requests\":10,"
        "\"burst\":"
        "20}},{\"path\":\"*\",\"origin\":\"web\",\"cache\":{\"enabled\":false},\"request\":{\"cookies\":\"all\"},"
        "\"compress\":\"off\"}],\"errors\":[{\"status\":404,\"ttl\":300,\"page\":\"/"
        "404.html\",\"as\":200},{\"status\":503,"
        "\"ttl\":0}],\"sha1\":\"forbidden\",\"countries\":{\"block\":[\"DE\",\"FR\"]}}\n]}\n";
    struct dist_set *s = take(whole);
    struct buf out = BUF_EMPTY;

    (void)state;
    dist_set_write(&out, s);
    if (!slice_eq(buf_slice(&out), SLICE_LIT(golden)))
        fail_msg("%.*s", SLICE_FMT(buf_slice(&out)));
    comes_back(s);
    /* Two nodes of two versions have to agree on it. */
    assert_int_equal(s->dists[0].digest, UINT64_C(0xca2ae6cf70cd9eac));
    buf_free(&out);
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

static uint32_t draw(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 16) % n;
}

/* A behaviour's fields, each or not, with values that are fine by themselves and with the others. */
static void some_fields(struct buf *out, uint32_t *seed)
{
    static const char *const fields[] = {
        "policy: optimized",
        "policy: origin",
        "policy: disabled",
        "type: media",
        "methods: get",
        "methods: [ options, LINK, UNLINK ]",
        "viewer_protocol: redirect",
        "host: viewer",
        "cache: false",
        "cache: { query: none, cookies: { except: [ a, b ] } }",
        "cache: { headers: all, sort_query: true }",
        "ttl: { min: 5 }",
        "ttl: { max: 7 }",
        "ttl: { default: heuristic, error: 1d }",
        "ttl: { max: 1d, default: 1h, min: 1m }",
        "request: { headers: none }",
        "request: { query: { except: [ \"a%20b\" ] }, cookies: all }",
        "compress: off",
        "compress: [ zstd, br ]",
        "response: { security: true }",
        "response: { cors: true, remove: [ b, a ] }",
        "response: { headers: { A: \"\", B: \"x: \\\"y\\\" # z\", C: { value: \"- q\" } } }",
        "rules: [ { set_response: { A: b } }, { path: \"/x*y?z\", rewrite: \"/q/$1?r=s\" } ]",
        "rate: 7",
        "rate: { requests: 1, burst: 9 }",
    };
    uint64_t done = 0;

    for (uint32_t n = draw(seed, 8); n > 0; n--) {
        const char *f = fields[draw(seed, sizeof(fields) / sizeof(fields[0]))];
        uint64_t bit = UINT64_C(1) << ((uint8_t)f[0] * 7 + (uint8_t)f[1] * 3 + (uint8_t)f[2]) % 64;
        if ((done & bit) != 0)
            continue;
        done |= bit;
        buf_addf(out, ", %s", f);
    }
}

static void a_thousand_sets_come_back(void **state)
{
    uint32_t seed = 11;

    (void)state;
    for (int round = 0; round < 1000; round++) {
        struct buf text = BUF_EMPTY;
        buf_add_str(&text, "distributions:\n");
        for (uint32_t i = 0, n = draw(&seed, 4); i < n; i++) {
            buf_addf(&text,
                     "  - name: d%u\n    origins: [ { id: a, url: \"http://a:%u/p\" }, "
                     "{ id: b, url: \"https://[2001:db8::%u]\", attempts: %u, response_timeout: %ums } ]\n"
                     "    groups: [ { id: g, origins: [ b, a ] } ]\n    behaviours:\n",
                     (unsigned)i, (unsigned)draw(&seed, 9) + 80, (unsigned)draw(&seed, 9), (unsigned)draw(&seed, 3) + 1,
                     (unsigned)draw(&seed, 9000) + 1000);
            for (uint32_t j = draw(&seed, 4); j > 0; j--) {
                buf_addf(&text, "      - { path: \"/p%u/*\", %s", (unsigned)j,
                         draw(&seed, 2) ? "origin: a" : "group: g");
                some_fields(&text, &seed);
                buf_add_str(&text, " }\n");
            }
            buf_add_str(&text, "      - { path: \"*\", origin: b");
            some_fields(&text, &seed);
            buf_add_str(&text, " }\n");
        }
        buf_add_u8(&text, 0);
        if (strcmp((const char *)text.data, "distributions:\n") != 0) {
            struct dist_set *s = take((const char *)text.data);
            comes_back(s);
            dist_set_unref(s);
        }
        buf_free(&text);
    }
}

static void a_digest_tells_sets_apart(void **state)
{
    struct dist_set *a = take(ONE), *b = take(ONE "    behaviours: [ { path: \"*\", ttl: { min: 1 } } ]\n"),
                    *c = take(ONE "    behaviours: [ { path: \"*\", ttl: { min: 0, default: 1d }, methods: all } ]\n");

    (void)state;
    assert_true(a->dists[0].digest != b->dists[0].digest && a->digest != b->digest);
    assert_true(a->dists[0].digest == c->dists[0].digest && a->digest == c->digest); /* the same, said otherwise */
    dist_set_unref(a);
    dist_set_unref(b);
    dist_set_unref(c);
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

static void the_readme_has_the_reference(void **state)
{
    struct buf want = BUF_EMPTY, have = BUF_EMPTY;
    FILE *file = fopen(SOURCE_DIR "/node/dist/README.md", "r");
    int c;

    (void)state;
    assert_non_null(file);
    while ((c = fgetc(file)) != EOF)
        buf_add_u8(&have, (uint8_t)c);
    fclose(file);
    dist_reference(&want);
    if (memmem(have.data, have.len, want.data, want.len) == NULL) {
        printf("%.*s", SLICE_FMT(buf_slice(&want)));
        fail_msg("node/dist/README.md has another reference than this");
    }
    buf_free(&want);
    buf_free(&have);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_there),
        cmocka_unit_test(what_is_signed_takes_no_writes_unless_it_is_said),
        cmocka_unit_test(presets),
        cmocka_unit_test(each_refusal_says_where_and_why),
        cmocka_unit_test(several_faults_at_once_and_no_end_of_them),
        cmocka_unit_test(feat_C4_from_25_to_100_origins),
        cmocka_unit_test(feat_A8_ten_thousand_distributions),
        cmocka_unit_test(feat_R38_redirects_that_lead_to_themselves),
        cmocka_unit_test(what_stars_stood_for),
        cmocka_unit_test(the_canonical_form),
        cmocka_unit_test(a_thousand_sets_come_back),
        cmocka_unit_test(a_digest_tells_sets_apart),
        cmocka_unit_test(what_stands_under_node),
        cmocka_unit_test(the_readme_has_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
