/* test_url_token.c - the short form: what it lets in, how long it makes a URL, and that none of it can be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/signed/signed.h"
#include "node/signed/url_token.h"
#include "proto/base/err.h"
#include "tests/unit/signing_keys.h"

#define NOW 1700000000
#define ID  "twenty-four-characters-1"

static struct test_key key;
static struct signers *signers;
static struct signed_work *work;
static const struct slice group = { (const uint8_t *)"g", 1 };

static int start(void **state)
{
    struct slice id = SLICE_LIT(ID);
    struct buf why = BUF_EMPTY;

    (void)state;
    assert_int_equal(crypto_start(), 0);
    work = calloc(1, sizeof(*work));
    test_key_make(&key, TEST_ED25519);
    signers = signers_new();
    assert_int_equal(signers_add(signers, id, buf_slice(&key.pem), &why), 0);
    assert_int_equal(signers_group(signers, group, &id, 1, &why), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_key_free(&key);
    signers_free(signers);
    signed_work_fini(work);
    free(work);
    return 0;
}

/* "Hedgerow=..." for |target| as it is without it. */
static void make(struct buf *out, const char *target, int64_t ends_s, int64_t starts_s, size_t prefix, const char *net)
{
    struct buf head = BUF_EMPTY, text = BUF_EMPTY;
    struct url_token t;

    url_token_head(&head, SLICE_LIT(ID), ends_s, starts_s, prefix, slice_str(net));
    buf_add_str(out, URL_TOKEN_NAME "=");
    buf_add_slice(out, buf_slice(&head));
    buf_add_str(&head, "~");
    assert_int_equal(url_token_read(&t, buf_slice(&head)), 0);
    assert_int_equal(url_token_text(&text, &t, SLICE_LIT("A.example:8080"), slice_str(target)), 0);
    buf_add_str(out, "~");
    test_key_sign(&key, TEST_ED25519, true, buf_slice(&text), out);
    buf_free(&head);
    buf_free(&text);
}

static struct signed_request request(struct slice target)
{
    return (struct signed_request){ .host = SLICE_LIT("a.example"),
                                    .target = target,
                                    .address = mesh_addr_v4(0xc0000207, 4242),
                                    .wall_s = NOW,
                                    .groups = &group,
                                    .groups_n = 1 };
}

static enum signed_reason reason_of(const struct signed_request *r)
{
    struct signed_verdict v;

    signed_check(work, signers, r, &v);
    return v.reason;
}

static void feat_S7_the_longest_token_adds_no_more_than_200_characters(void **state)
{
    struct buf url = BUF_EMPTY;

    (void)state;
    buf_add_str(&url, "/v/a.mp4?");
    make(&url, "/v/a.mp4", POLICY_TIME_MAX, POLICY_TIME_MAX, 5, "");
    size_t longest_net = sizeof("~affff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128") - 1;
    assert_true(url.len - sizeof("/v/a.mp4") + 1 + longest_net + sizeof("99999") - sizeof("5") <= 200);
    assert_int_equal(url.len - sizeof("/v/a.mp4?" URL_TOKEN_NAME "=") + 1 + longest_net + 4, URL_TOKEN_MAX);
    buf_free(&url);
}

static void feat_S7_one_url_or_all_below_a_prefix(void **state)
{
    struct buf url = BUF_EMPTY, cookie = BUF_EMPTY;
    struct slice cookies;
    struct signed_verdict v;

    (void)state;
    buf_add_str(&url, "/v/a.mp4?q=1&");
    make(&url, "/v/a.mp4?q=1", NOW + 60, -1, SIZE_MAX, "");
    struct signed_request r = request(buf_slice(&url));
    assert_true(signed_check(work, signers, &r, &v));
    assert_true(slice_eq(v.target, SLICE_LIT("/v/a.mp4?q=1")) && slice_eq(v.key_id, SLICE_LIT(ID)));
    r.https = true;
    r.host = SLICE_LIT("A.Example:443");
    assert_int_equal(reason_of(&r), SIGNED_OK);
    r.host = SLICE_LIT("b.example");
    assert_int_equal(reason_of(&r), SIGNED_WRONG);
    url.data[9] = 'r';
    r.host = SLICE_LIT("a.example");
    assert_int_equal(reason_of(&r), SIGNED_WRONG);

    make(&cookie, "/v/", NOW + 60, -1, 3, "");
    cookies = buf_slice(&cookie);
    r = request(SLICE_LIT("/v/b.ts?any"));
    r.cookies = &cookies;
    r.cookies_n = 1;
    assert_true(signed_check(work, signers, &r, &v));
    assert_true(slice_eq(v.target, r.target));
    static const char *const not [] = { "/V/b.ts", "/w/b.ts", "/v", "/", "/v/../w", "/v/%2E%2e/w" };
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
        r.target = slice_str(not [i]);
        assert_true(reason_of(&r) == SIGNED_WRONG || reason_of(&r) == SIGNED_RESOURCE);
    }
    buf_free(&url);
    buf_free(&cookie);
}

static void feat_S7_times_and_networks_hold(void **state)
{
    struct buf url = BUF_EMPTY;

    (void)state;
    buf_add_str(&url, "/a?");
    make(&url, "/a", NOW + 60, NOW, SIZE_MAX, "192.0.2.0/29");
    struct signed_request r = request(buf_slice(&url));
    assert_int_equal(reason_of(&r), SIGNED_EARLY);
    r.wall_s = NOW + 1;
    assert_int_equal(reason_of(&r), SIGNED_OK);
    r.address = mesh_addr_v4(0xc0000208, 1);
    assert_int_equal(reason_of(&r), SIGNED_ADDRESS);
    r.address = (struct mesh_addr){ .port = 1 };
    assert_int_equal(reason_of(&r), SIGNED_ADDRESS);
    r.wall_s = NOW + 60;
    assert_int_equal(reason_of(&r), SIGNED_EXPIRED);
    buf_free(&url);
}

static void feat_S7_no_byte_of_a_token_can_be_changed_or_left_out(void **state)
{
    struct buf url = BUF_EMPTY;

    (void)state;
    buf_add_str(&url, "/v/a.mp4?");
    make(&url, "/v/a.mp4", NOW + 60, NOW - 60, 3, "192.0.2.0/24");
    struct signed_request r = request(buf_slice(&url));
    assert_int_equal(reason_of(&r), SIGNED_OK);
    for (size_t i = 1; i < url.len; i++) {
        if (i >= 3 && i < 8)
            continue; /* behind the prefix */
        for (uint8_t bit = 1; bit < 128; bit = (uint8_t)(bit << 1)) {
            url.data[i] ^= bit;
            if (reason_of(&r) == SIGNED_OK)
                fail_msg("%.*s", SLICE_FMT(r.target));
            url.data[i] ^= bit;
        }
        r.target = slice_head(buf_slice(&url), i);
        assert_true(reason_of(&r) != SIGNED_OK);
        r.target = buf_slice(&url);
    }
    buf_free(&url);
}

static void feat_S7_fields_have_one_order_and_one_form(void **state)
{
    static const char *const bad[] = { "",
                                       "~",
                                       "1",
                                       "1~",
                                       "1~k",
                                       "1~k~",
                                       "1~k~x",
                                       "2~k~e1~x",
                                       "1~~e1~x",
                                       "1~k~e~x",
                                       "1~k~e01~x",
                                       "1~k~e0~x",
                                       "1~k~e12345678901~x",
                                       "1~k~s1~e2~x",
                                       "1~k~e2~e2~x",
                                       "1~k~e2~a1.2.3.4~p1~x",
                                       "1~k~e2~p0~x",
                                       "1~k~e2~p~x",
                                       "1~k~e2~p100000~x",
                                       "1~k~e2~a~x",
                                       "1~k~e2~a1.2.3.4/33~x",
                                       "1~k~e2~~x",
                                       "1~k~e2~z1~x",
                                       "1~k~s1~x",
                                       "1~k.~e2~x",
                                       "1~twenty-five-characters-12~e1~x",
                                       "1~k~e-1~x",
                                       "1~k~e+1~x" };
    struct url_token t;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (url_token_read(&t, slice_str(bad[i])) == 0)
            fail_msg("%s", bad[i]);
    }
    assert_int_equal(url_token_read(&t, SLICE_LIT("1~k~e2~s1~p7~a::/0~x")), 0);
    assert_true(t.ends_s == 2 && t.starts_s == 1 && t.by_prefix && t.prefix == 7 && t.has_net && t.net.bits == 0);
    assert_true(slice_eq(t.signature, SLICE_LIT("x")) && slice_eq(t.key_id, SLICE_LIT("k")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_S7_the_longest_token_adds_no_more_than_200_characters),
        cmocka_unit_test(feat_S7_one_url_or_all_below_a_prefix),
        cmocka_unit_test(feat_S7_times_and_networks_hold),
        cmocka_unit_test(feat_S7_no_byte_of_a_token_can_be_changed_or_left_out),
        cmocka_unit_test(feat_S7_fields_have_one_order_and_one_form),
    };
    return cmocka_run_group_tests(tests, start, end);
}
