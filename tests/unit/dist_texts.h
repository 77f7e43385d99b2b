/* dist_texts.h - texts of distributions, and what is read of them: one text that says nearly all that can be said, and
 * the beginnings of small ones. */
#ifndef HEDGEROW_TESTS_DIST_TEXTS_H
#define HEDGEROW_TESTS_DIST_TEXTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/dist/dist_read.h"

#define HEAD            "distributions:\n  - name: a\n"
#define ONE             HEAD "    origins: [ { id: web, url: http://o.example } ]\n"
#define BEHAVIOUR(text) ONE "    behaviours: [ { path: \"*\", " text " } ]\n"

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

/* take reads |text|, in which no fault may be found. */
static inline struct dist_set *take(const char *text)
{
    struct buf errors = BUF_EMPTY;
    struct dist_set *s = NULL;

    if (dist_set_read(slice_str(text), "f.yaml", &s, &errors) != 0)
        fail_msg("%.*s", SLICE_FMT(buf_slice(&errors)));
    assert_int_equal(errors.len, 0);
    buf_free(&errors);
    return s;
}

static inline void is_text(struct slice s, const char *want)
{
    if (!slice_eq(s, slice_str(want)))
        fail_msg("\"%.*s\", not \"%s\"", SLICE_FMT(s), want);
}

/* comes_back: what is written of |s|, and what is shown of it, is read as the same again. */
static inline void comes_back(const struct dist_set *s)
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

#endif
