/* test_dist_write.c - distributions written: the canonical form, its digests, and the reference in the README. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dist_texts.h"

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
        cmocka_unit_test(the_canonical_form),
        cmocka_unit_test(a_thousand_sets_come_back),
        cmocka_unit_test(a_digest_tells_sets_apart),
        cmocka_unit_test(the_readme_has_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
