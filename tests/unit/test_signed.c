/* test_signed.c - who is let in by a signed URL, signed cookies or a token, and why the others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/signed/signed.h"
#include "proto/base/err.h"
#include "tests/unit/signing_keys.h"

#define NOW 1700000000
#define END "1700000060"

static struct test_key keys[3], stranger;
static struct signers *signers;
static struct signed_work *work;
static const struct slice groups[] = { { (const uint8_t *)"editors", 7 }, { (const uint8_t *)"short", 5 } };

static int start(void **state)
{
    struct buf why = BUF_EMPTY;
    struct slice ids[] = { SLICE_LIT("KRSA"), SLICE_LIT("KP256"), SLICE_LIT("KED") }, other = SLICE_LIT("KOTHER");

    (void)state;
    assert_int_equal(crypto_start(), 0);
    work = calloc(1, sizeof(*work));
    signers = signers_new();
    for (unsigned i = 0; i < 3; i++) {
        test_key_make(&keys[i], (enum test_key_kind)i);
        assert_int_equal(signers_add(signers, ids[i], buf_slice(&keys[i].pem), &why), 0);
    }
    test_key_make(&stranger, TEST_RSA);
    assert_int_equal(signers_add(signers, other, buf_slice(&stranger.pem), &why), 0);
    assert_int_equal(signers_group(signers, groups[0], ids, 2, &why), 0);
    assert_int_equal(signers_group(signers, groups[1], ids + 2, 1, &why), 0);
    assert_int_equal(signers_group(signers, SLICE_LIT("others"), &other, 1, &why), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        test_key_free(&keys[i]);
    test_key_free(&stranger);
    signers_free(signers);
    signed_work_fini(work);
    free(work);
    return 0;
}

static struct signed_request request(const char *target)
{
    return (struct signed_request){ .https = true,
                                    .host = SLICE_LIT("a.example"),
                                    .target = slice_str(target),
                                    .address = mesh_addr_v4(0xc0000207, 4242),
                                    .wall_s = NOW,
                                    .groups = groups,
                                    .groups_n = 2 };
}

static enum signed_reason judge(const struct signed_request *r, struct signed_verdict *v)
{
    struct signed_verdict again;

    signed_check(work, signers, r, v);
    enum signed_reason reason = v->reason;
    /* What is remembered changes nothing. */
    assert_int_equal(signed_check(work, signers, r, &again), reason == SIGNED_OK);
    assert_int_equal(again.reason, reason);
    assert_true(reason != SIGNED_OK || again.from_memory);
    *v = again;
    return reason;
}

static enum signed_reason reason_of(const char *target)
{
    struct signed_request r = request(target);
    struct signed_verdict v;

    return judge(&r, &v);
}

static char *take(struct buf *b)
{
    char *text = malloc(b->len + 1);

    memcpy(text, b->data, b->len);
    text[b->len] = 0;
    buf_free(b);
    return text;
}

/* A signed URL's target: |own| parameters first. */
static char *canned_url(enum test_key_kind kind, const char *id, bool sha256, const char *resource, const char *target)
{
    struct buf text = BUF_EMPTY, out = BUF_EMPTY;

    buf_addf(&text,
             "{\"Statement\":[{\"Resource\":\"%s\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":" END "}}}]}",
             resource);
    buf_addf(&out, "%s%cExpires=" END "&Signature=", target, strchr(target, '?') != NULL ? '&' : '?');
    test_key_sign(&keys[kind], kind, sha256, buf_slice(&text), &out);
    buf_addf(&out, "&Key-Pair-Id=%s%s", id, sha256 ? "&Hash-Algorithm=SHA256" : "");
    buf_free(&text);
    return take(&out);
}

static char *custom_url(enum test_key_kind kind, const char *id, const char *policy, const char *target)
{
    struct buf out = BUF_EMPTY;

    buf_addf(&out, "%s%cPolicy=", target, strchr(target, '?') != NULL ? '&' : '?');
    b64_put(&out, slice_str(policy), B64_CLOUDFRONT);
    buf_add_str(&out, "&Signature=");
    test_key_sign(&keys[kind], kind, true, slice_str(policy), &out);
    buf_addf(&out, "&Key-Pair-Id=%s&Hash-Algorithm=SHA256", id);
    return take(&out);
}

#define POLICY(resource, more)                                                                                        \
    "{\"Statement\":[{\"Resource\":\"" resource "\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":" END "}" more \
    "}}]}"

static void feat_S1_canned_urls_of_each_kind_are_taken_and_stripped(void **state)
{
    static const char *const ids[] = { "KRSA", "KP256" };
    struct signed_verdict v;

    (void)state;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (unsigned sha256 = 0; sha256 < 2; sha256++) {
            char *url = canned_url((enum test_key_kind)kind, ids[kind], sha256, "https://a.example/f.mp4?x=1&y",
                                   "/f.mp4?x=1&y");
            struct signed_request r = request(url);
            assert_int_equal(judge(&r, &v), SIGNED_OK);
            assert_true(slice_eq(v.target, SLICE_LIT("/f.mp4?x=1&y")));
            assert_true(slice_eq(v.key_id, slice_str(ids[kind])));
            free(url);
        }
    }
    char *bare = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f.mp4", "/f.mp4");
    struct signed_request r = request(bare);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    assert_true(slice_eq(v.target, SLICE_LIT("/f.mp4")));
    free(bare);
}

/* Each byte of what was signed is flipped once, and so is each byte of the signature. */
static void feat_S1_any_byte_that_is_changed_refuses(void **state)
{
    char *urls[] = { canned_url(TEST_RSA, "KRSA", false, "https://a.example/f.mp4?x=1", "/f.mp4?x=1"),
                     canned_url(TEST_P256, "KP256", true, "https://a.example/f.mp4?x=1", "/f.mp4?x=1"),
                     custom_url(TEST_P256, "KP256", POLICY("https://a.example/f*", ""), "/f.mp4") };

    (void)state;
    for (unsigned u = 0; u < 3; u++) {
        assert_int_equal(reason_of(urls[u]), SIGNED_OK);
        size_t len = strlen(urls[u]), from = u == 2 ? (size_t)(strstr(urls[u], "Policy=") - urls[u]) : 1;
        for (size_t i = from; i < len; i++) {
            char was = urls[u][i];
            urls[u][i] = was == 'A' ? 'B' : 'A';
            if (reason_of(urls[u]) == SIGNED_OK)
                fail_msg("byte %zu of %s", i, urls[u]);
            urls[u][i] = was;
        }
        free(urls[u]);
    }
}

static void feat_S1_path_query_host_and_scheme_are_what_was_signed(void **state)
{
    char *url = canned_url(TEST_RSA, "KRSA", true, "https://a.example/f.mp4?x=1", "/f.mp4?x=1");
    struct signed_request r = request(url);
    struct signed_verdict v;

    (void)state;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    r.host = SLICE_LIT("b.example");
    assert_int_equal(judge(&r, &v), SIGNED_WRONG);
    r.host = SLICE_LIT("a.example");
    r.https = false;
    assert_int_equal(judge(&r, &v), SIGNED_WRONG);
    free(url);
    url = canned_url(TEST_RSA, "KRSA", true, "https://a.example/f.mp4?x=1", "/f.mp4?x=1&z=2");
    assert_int_equal(reason_of(url), SIGNED_WRONG);
    free(url);
    url = canned_url(TEST_RSA, "KRSA", true, "https://a.example/f.mp4?x=1", "/g.mp4?x=1");
    assert_int_equal(reason_of(url), SIGNED_WRONG);
    free(url);
    /* Own parameters may stand behind ours, and between. */
    url = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f.mp4?x=1&y=2&&z", "/f.mp4?x=1");
    struct buf more = BUF_EMPTY;
    buf_addf(&more, "%s&y=2&&z", url);
    free(url);
    url = take(&more);
    r = request(url);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    assert_true(slice_eq(v.target, SLICE_LIT("/f.mp4?x=1&y=2&&z")));
    free(url);
}

static void feat_S4_times_are_to_the_second(void **state)
{
    char *url = custom_url(TEST_RSA, "KRSA",
                           POLICY("https://a.example/*", ",\"DateGreaterThan\":{\"AWS:EpochTime\":1700000000}"), "/f"),
         *canned = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f", "/f");
    struct signed_request r = request(url);
    struct signed_verdict v;

    (void)state;
    assert_int_equal(judge(&r, &v), SIGNED_EARLY); /* on or before: not yet */
    r.wall_s = NOW + 1;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    r.wall_s = NOW + 59;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    r.wall_s = NOW + 60;
    assert_int_equal(judge(&r, &v), SIGNED_EXPIRED);
    r.target = slice_str(canned);
    assert_int_equal(judge(&r, &v), SIGNED_EXPIRED);
    r.wall_s--;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    free(url);
    free(canned);
}

static void feat_S1_the_address_has_to_be_in_the_network(void **state)
{
    static const struct {
        const char *net;
        bool v4, v6;
    } rows[] = { { "192.0.2.0/24", true, false },    { "192.0.2.7/32", true, false },  { "192.0.2.7", true, false },
                 { "192.0.2.8/32", false, false },   { "192.0.2.0/30", false, false }, { "0.0.0.0/0", true, false },
                 { "2001:db8::/32", false, true },   { "2001:db8::1", false, true },   { "::/0", true, true },
                 { "2001:db8::2/128", false, false } };
    struct mesh_addr v6 = { .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .port = 9 };
    struct signed_verdict v;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf policy = BUF_EMPTY;
        assert_int_equal(
            policy_custom(&policy, SLICE_LIT("https://a.example/*"), NOW + 60, NOW - 1, slice_str(rows[i].net)), 0);
        char *text = take(&policy), *url = custom_url(TEST_P256, "KP256", text, "/f");
        struct signed_request r = request(url);
        assert_int_equal(judge(&r, &v), rows[i].v4 ? SIGNED_OK : SIGNED_ADDRESS);
        r.address = v6;
        assert_int_equal(judge(&r, &v), rows[i].v6 ? SIGNED_OK : SIGNED_ADDRESS);
        free(text);
        free(url);
    }
}

static void feat_S3_a_policy_covers_what_its_resource_fits(void **state)
{
    char *url = custom_url(TEST_RSA, "KRSA", POLICY("https://a.example/free/*", ""), "/free/x?y=1");
    struct signed_verdict v;
    struct signed_request r = request(url);

    (void)state;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    assert_true(slice_eq(v.target, SLICE_LIT("/free/x?y=1")));
    free(url);
    static const char *const not [] = { "/paid/x", "/free", "/free/../paid/x", "/free/%2e%2e/paid/x",
                                        "/free/..%2fpaid/x" };
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
        url = custom_url(TEST_RSA, "KRSA", POLICY("https://a.example/free/*", ""), not [i]);
        assert_int_equal(reason_of(url), SIGNED_RESOURCE);
        free(url);
    }
    url = custom_url(TEST_RSA, "KRSA",
                     "{\"Statement\":[{\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":" END "}}}]}", "/any/thing");
    assert_int_equal(reason_of(url), SIGNED_OK);
    free(url);
}

static void feat_S1_what_a_policy_says_beyond_what_is_known_refuses(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"Statement\":[]}",
        "{\"Statement\":{}}",
        "{\"Statement\":[{\"Resource\":\"*\"}]}",
        "{\"Statement\":[{\"Resource\":\"*\",\"Condition\":{}}]}",
        "{\"Statement\":[{\"Resource\":\"*\",\"Condition\":{\"DateGreaterThan\":{\"AWS:EpochTime\":1}}}]}",
        "{\"Statement\":[{\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":" END "}}}]}",
        "{\"Statement\":[{\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":\"" END "\"}}}]}",
        "{\"Statement\":[{\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":99999999999}}}]}",
        "{\"Statement\":[{\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":" END "}}]}",
        POLICY("*", ",\"StringEquals\":{\"a\":\"b\"}"),
        POLICY("*", ",\"IpAddress\":{\"AWS:SourceIp\":\"here\"}"),
        POLICY("*", ",\"IpAddress\":{\"AWS:SourceIp\":\"192.0.2.0/33\"}"),
        POLICY("*", ",\"IpAddress\":{\"AWS:SourceIp\":[\"192.0.2.0/24\"]}"),
        POLICY("*", ",\"DateLessThan\":{\"AWS:EpochTime\":1800000000}"),
        POLICY("*", "") "x",
        "{\"Statement\":[{\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":" END
        "}}},{\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":" END "}}}]}",
        "{\"Statement\":[{\"Effect\":\"Deny\",\"Resource\":\"*\",\"Condition\":{\"DateLessThan\":{\"AWS:"
        "EpochTime\":" END "}}}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *url = custom_url(TEST_P256, "KP256", bad[i], "/f");
        if (reason_of(url) != SIGNED_POLICY)
            fail_msg("%s", bad[i]);
        free(url);
    }
    char *blanks = custom_url(TEST_P256, "KP256",
                              "{ \"Statement\": [ { \"Resource\":\"https://a.example/*\",\r\n \"Condition\":{"
                              "\"DateLessThan\":{\"AWS:EpochTime\":" END "}}}]}\n",
                              "/f");
    assert_int_equal(reason_of(blanks), SIGNED_OK);
    free(blanks);
}

static void feat_S6_only_keys_of_the_groups_that_count(void **state)
{
    struct signed_verdict v;
    char *url = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f", "/f"),
         *unknown = canned_url(TEST_RSA, "KNOBODY", false, "https://a.example/f", "/f"),
         *other = canned_url(TEST_RSA, "KOTHER", false, "https://a.example/f", "/f"),
         *mixed = canned_url(TEST_RSA, "KP256", false, "https://a.example/f", "/f"),
         *ed = canned_url(TEST_RSA, "KED", false, "https://a.example/f", "/f");
    struct signed_request r = request(url);
    struct slice others = SLICE_LIT("others"), gone = SLICE_LIT("gone");

    (void)state;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    assert_int_equal(reason_of(unknown), SIGNED_UNKNOWN_KEY);
    assert_int_equal(reason_of(other), SIGNED_UNKNOWN_KEY);
    assert_int_equal(reason_of(mixed), SIGNED_WRONG);
    assert_int_equal(reason_of(ed), SIGNED_UNKNOWN_KEY);
    r.groups = &others;
    r.groups_n = 1;
    assert_int_equal(judge(&r, &v), SIGNED_UNKNOWN_KEY);
    r.groups = &gone;
    assert_int_equal(judge(&r, &v), SIGNED_UNKNOWN_KEY);
    r.groups_n = 0; /* none needed: nothing is looked at, and nothing stripped */
    signed_check(work, NULL, &r, &v);
    assert_int_equal(v.reason, SIGNED_OK);
    assert_true(slice_eq(v.target, slice_str(url)));
    free(url);
    free(unknown);
    free(other);
    free(mixed);
    free(ed);
}

/* The same id, another key: what was verified before does not count any more. */
static void feat_S6_memory_is_of_the_key_not_of_its_id(void **state)
{
    char *url = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f", "/f");
    struct signers *rotated = signers_new();
    struct buf why = BUF_EMPTY;
    struct slice id = SLICE_LIT("KRSA");
    struct signed_request r = request(url);
    struct signed_verdict v;

    (void)state;
    assert_int_equal(signers_add(rotated, id, buf_slice(&stranger.pem), &why), 0);
    assert_int_equal(signers_group(rotated, groups[0], &id, 1, &why), 0);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    assert_false(signed_check(work, rotated, &r, &v));
    assert_int_equal(v.reason, SIGNED_WRONG);
    signers_free(rotated);
    free(url);
}

static void feat_S5_sha1_can_be_forbidden(void **state)
{
    char *url = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f", "/f"),
         *sha256 = canned_url(TEST_RSA, "KRSA", true, "https://a.example/f", "/f");
    struct signed_request r = request(url);
    struct signed_verdict v;
    struct buf said = BUF_EMPTY;

    (void)state;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    buf_addf(&said, "%s&Hash-Algorithm=SHA1", url);
    r.target = buf_slice(&said);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    r.sha1_forbidden = true;
    assert_int_equal(judge(&r, &v), SIGNED_SHA1);
    r.target = slice_str(url);
    assert_int_equal(judge(&r, &v), SIGNED_SHA1);
    r.target = slice_str(sha256);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    /* A signature with one hash is none with the other. */
    buf_clear(&said);
    buf_addf(&said, "%s&Hash-Algorithm=SHA256", url);
    r.target = buf_slice(&said);
    assert_int_equal(judge(&r, &v), SIGNED_WRONG);
    buf_free(&said);
    free(url);
    free(sha256);
}

/* The cookies that say what |url| says. */
static char *as_cookies(const char *url)
{
    struct buf out = BUF_EMPTY;
    struct slice rest = slice_str(strchr(url, '?') + 1), part;

    buf_add_str(&out, "theme=dark");
    while (slice_split(&rest, '&', &part))
        buf_addf(&out, "; CloudFront-%.*s", SLICE_FMT(part));
    return take(&out);
}

static void feat_S2_cookies_of_both_kinds_are_taken(void **state)
{
    char *canned = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f?q=1", "/f"),
         *custom = custom_url(TEST_P256, "KP256", POLICY("https://a.example/*", ""), "/f"), *one = as_cookies(canned),
         *two = as_cookies(custom);
    struct signed_request r = request("/f?q=1");
    struct slice cookies[2] = { slice_str(one), slice_str(two) };
    struct signed_verdict v;

    (void)state;
    r.cookies = cookies;
    r.cookies_n = 1;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    assert_true(slice_eq(v.target, r.target));
    r.target = SLICE_LIT("/f?q=2");
    assert_int_equal(judge(&r, &v), SIGNED_WRONG);
    cookies[0] = slice_str(two);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    cookies[0] = SLICE_LIT("CloudFront-Policy=; CloudFront-Signature=; CloudFront-Key-Pair-Id=KP256");
    assert_int_equal(judge(&r, &v), SIGNED_WRONG);
    cookies[0] = SLICE_LIT("CloudFront-Signature=abcd; CloudFront-Key-Pair-Id=KP256");
    assert_int_equal(judge(&r, &v), SIGNED_MALFORMED);
    cookies[0] = SLICE_LIT("theme=dark; cloudfront-policy=x");
    assert_int_equal(judge(&r, &v), SIGNED_UNSIGNED);
    r.cookies_n = 0;
    assert_int_equal(judge(&r, &v), SIGNED_UNSIGNED);
    /* The fields may be one or many; of a name the first counts. */
    cookies[0] = slice_str(two);
    cookies[1] = SLICE_LIT("CloudFront-Signature=abcd");
    r.cookies_n = 2;
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    free(canned);
    free(custom);
    free(one);
    free(two);
}

static void feat_S2_the_url_decides_where_both_are(void **state)
{
    char *custom = custom_url(TEST_P256, "KP256", POLICY("https://a.example/*", ""), "/f"), *good = as_cookies(custom),
         *url = canned_url(TEST_RSA, "KRSA", false, "https://a.example/other", "/f");
    struct slice cookies = slice_str(good), bad = SLICE_LIT("CloudFront-Policy=x; CloudFront-Signature=y");
    struct signed_request r = request(url);
    struct signed_verdict v;

    (void)state;
    r.cookies = &cookies;
    r.cookies_n = 1;
    assert_int_equal(judge(&r, &v), SIGNED_WRONG);
    r.target = SLICE_LIT("/f?Expires=1");
    assert_int_equal(judge(&r, &v), SIGNED_MALFORMED);
    r.target = SLICE_LIT("/f");
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    r.cookies = &bad;
    r.target = slice_str(custom);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    free(custom);
    free(good);
    free(url);
}

static void feat_S1_what_is_no_set_of_parameters_is_malformed(void **state)
{
    static const char *const bad[] = {
        "/f?Signature=abcd",
        "/f?Expires=" END "&Key-Pair-Id=KRSA",
        "/f?Expires=" END "&Signature=abcd",
        "/f?Expires=" END "&Policy=abcd&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Expires=" END "&Expires=" END "&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Expires=" END "&Signature=abcd&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Expires=tomorrow&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Expires=&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Expires=0" END "&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Expires=-1&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Expires=" END "&Signature=ab+d&Key-Pair-Id=KRSA",
        "/f?Expires=" END "&Signature=ab%2&Key-Pair-Id=KRSA",
        "/f?Expires=" END "&Signature=a&Key-Pair-Id=KRSA",
        "/f?Expires=" END "&Signature=abcd&Key-Pair-Id=KRSA&Hash-Algorithm=MD5",
        "/f\"x?Expires=" END "&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Policy=%&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Policy=a&Signature=abcd&Key-Pair-Id=KRSA",
        "/f?Hedgerow=1",
        "/f?Hedgerow=1~KED~e" END "~x&Signature=abcd&Key-Pair-Id=KRSA",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (reason_of(bad[i]) != SIGNED_MALFORMED)
            fail_msg("%s", bad[i]);
    }
    assert_int_equal(reason_of("/f"), SIGNED_UNSIGNED);
    assert_int_equal(reason_of("/f?expires=1&signature=2"), SIGNED_UNSIGNED);
    assert_string_equal(signed_detail(SIGNED_EXPIRED), "SignatureExpired");
    assert_string_equal(signed_sentence(SIGNED_UNSIGNED), "This needs a signed URL or signed cookies.");
}

/* Browsers and libraries may encode what needs no encoding. */
static void feat_S1_values_may_be_percent_encoded(void **state)
{
    char *url = canned_url(TEST_RSA, "KRSA", false, "https://a.example/f?a=%7E~", "/f?a=%7E~");
    struct buf encoded = BUF_EMPTY;
    struct signed_verdict v;

    (void)state;
    const char *value = strstr(url, "Signature=") + 10, *key = strstr(url, "&Key-Pair-Id=");
    buf_add(&encoded, url, (size_t)(value - url));
    for (const char *at = value; at < key; at++)
        buf_addf(&encoded, (*at >= '0' && *at <= '9') ? "%c" : at[0] % 2 ? "%%%02x" : "%%%02X", *at);
    buf_add_str(&encoded, key);
    struct signed_request r = request("");
    r.target = buf_slice(&encoded);
    assert_int_equal(judge(&r, &v), SIGNED_OK);
    assert_true(slice_eq(v.target, SLICE_LIT("/f?a=%7E~")));
    buf_free(&encoded);
    free(url);
}

/* boto's tests (tests/unit/cloudfront/test_signed_urls.py, MIT) have the policies of an early developer guide, a key,
 * and what is to come out: RSA with SHA-1 has one signature only. The key's public half; too short for us by itself. */
static const char boto_key[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDA7ki9gI/lRygIoOjV1yymgx6F\n"
                               "YFlzJ+z1ATMaLo57nL57AavWhb68HYY8EA0GJU9xQdMVaHBogF3eiCWYXSUZCWM/\n"
                               "+M5+ZcdQraRRScucmn6g4EvY2K4W2pxbqH8vmUikPxir41EeBPLjMOzKvbzzQy9e\n"
                               "/zzIQVREKSp/7y1mywIDAQAB\n"
                               "-----END PUBLIC KEY-----\n";

static void boto_verify(struct slice text, const char *signature)
{
    gnutls_datum_t pem = { (unsigned char *)(uintptr_t)boto_key, sizeof(boto_key) - 1 };
    gnutls_datum_t data = { (unsigned char *)(uintptr_t)text.data, (unsigned)text.len };
    struct buf raw = BUF_EMPTY;
    gnutls_pubkey_t key;

    assert_int_equal(b64_read(&raw, slice_str(signature), B64_CLOUDFRONT), 0);
    gnutls_datum_t sig = { raw.data, (unsigned)raw.len };
    assert_int_equal(gnutls_pubkey_init(&key), 0);
    assert_int_equal(gnutls_pubkey_import(key, &pem, GNUTLS_X509_FMT_PEM), 0);
    assert_true(
        gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_RSA_SHA1, GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1, &data, &sig) >= 0);
    gnutls_pubkey_deinit(key);
    struct buf again = BUF_EMPTY;
    b64_put(&again, buf_slice(&raw), B64_CLOUDFRONT);
    assert_true(slice_eq(buf_slice(&again), slice_str(signature)));
    buf_free(&again);
    buf_free(&raw);
}

static void feat_S1_published_signatures_verify(void **state)
{
    struct buf text = BUF_EMPTY, why = BUF_EMPTY;
    struct policy p;

    (void)state;
    assert_int_equal(policy_canned(&text, SLICE_LIT("http"), SLICE_LIT("d604721fxaaqy9.cloudfront.net"),
                                   SLICE_LIT("/horizon.jpg?large=yes&license=yes"), SLICE_LIT("1258237200")),
                     0);
    boto_verify(buf_slice(&text),
                "Nql641NHEUkUaXQHZINK1FZ~SYeUSoBJMxjdgqrzIdzV2gyEXPDNv0pYdWJkflDKJ3xIu7lbwRpSkG98NBlg"
                "Pi4ZJpRRnVX4kXAJK6tdNx6FucDB7OVqzcxkxHsGFd8VCG1BkC-Afh9~lOCMIYHIaiOB6~5jt9w2EOwi6sIIqrg_");
    buf_clear(&text);
    assert_int_equal(b64_read(&text,
                              SLICE_LIT("eyAKICAgIlN0YXRlbWVudCI6IFt7IAogICAgICAiUmVzb3VyY2UiOiJodHRwOi8vZDYwNDcyMW"
                                        "Z4YWFxeTkuY2xvdWRmcm9udC5uZXQvdHJhaW5pbmcvKiIsIAogICAgICAiQ29uZGl0aW9uIjp7"
                                        "IAogICAgICAgICAiSXBBZGRyZXNzIjp7IkFXUzpTb3VyY2VJcCI6IjE0NS4xNjguMTQzLjAvMj"
                                        "QifSwgCiAgICAgICAgICJEYXRlTGVzc1RoYW4iOnsiQVdTOkVwb2NoVGltZSI6MTI1ODIzNzIw"
                                        "MH0gICAgICAKICAgICAgfSAKICAgfV0gCn0K"),
                              B64_CLOUDFRONT),
                     0);
    boto_verify(buf_slice(&text),
                "cPFtRKvUfYNYmxek6ZNs6vgKEZP6G3Cb4cyVt~FjqbHOnMdxdT7eT6pYmhHYzuDsFH4Jpsctke2Ux6PCXcKx"
                "UcTIm8SO4b29~1QvhMl-CIojki3Hd3~Unxjw7Cpo1qRjtvrimW0DPZBZYHFZtiZXsaPt87yBP9GWnTQoaVysMxQ_");
    assert_int_equal(policy_read(&p, buf_slice(&text)), 0);
    assert_true(
        slice_eq(slice_of(p.resource, p.resource_len), SLICE_LIT("http://d604721fxaaqy9.cloudfront.net/training/*")));
    assert_true(p.ends_s == 1258237200 && p.starts_s == -1 && p.has_net && p.net.bits == 120);
    buf_free(&text);
    struct signers *s = signers_new();
    assert_int_equal(signers_add(s, SLICE_LIT("PK123456789754"), SLICE_LIT(boto_key), &why), MESH_E_TYPE);
    assert_true(memmem(why.data, why.len, "1024 bits", 9) != NULL);
    signers_free(s);
    buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_S1_canned_urls_of_each_kind_are_taken_and_stripped),
        cmocka_unit_test(feat_S1_any_byte_that_is_changed_refuses),
        cmocka_unit_test(feat_S1_path_query_host_and_scheme_are_what_was_signed),
        cmocka_unit_test(feat_S4_times_are_to_the_second),
        cmocka_unit_test(feat_S1_the_address_has_to_be_in_the_network),
        cmocka_unit_test(feat_S3_a_policy_covers_what_its_resource_fits),
        cmocka_unit_test(feat_S1_what_a_policy_says_beyond_what_is_known_refuses),
        cmocka_unit_test(feat_S6_only_keys_of_the_groups_that_count),
        cmocka_unit_test(feat_S6_memory_is_of_the_key_not_of_its_id),
        cmocka_unit_test(feat_S5_sha1_can_be_forbidden),
        cmocka_unit_test(feat_S2_cookies_of_both_kinds_are_taken),
        cmocka_unit_test(feat_S2_the_url_decides_where_both_are),
        cmocka_unit_test(feat_S1_what_is_no_set_of_parameters_is_malformed),
        cmocka_unit_test(feat_S1_values_may_be_percent_encoded),
        cmocka_unit_test(feat_S1_published_signatures_verify),
    };
    return cmocka_run_group_tests(tests, start, end);
}
