/* test_dist_refuse.c - what is refused of distributions, by line and column, and what each refusal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dist_texts.h"
#include "proto/base/err.h"

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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_says_where_and_why),
        cmocka_unit_test(several_faults_at_once_and_no_end_of_them),
        cmocka_unit_test(feat_R38_redirects_that_lead_to_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
