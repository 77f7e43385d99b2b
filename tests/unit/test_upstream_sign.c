/* test_upstream_sign.c - a head before and after it is signed. The example's signature is of the S3 API Reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "node/io/upstream_sign.h"
#include "proto/base/err.h"

#define WALL_S INT64_C(1369353600) /* 2013-05-24 */

static struct profile example(bool token)
{
    static const char id[] = "AKIAIOSFODNN7EXAMPLE", secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    struct profile p = { .id_len = sizeof(id) - 1, .secret_len = sizeof(secret) - 1 };

    memcpy(p.id, id, p.id_len);
    memcpy(p.secret, secret, p.secret_len);
    if (token) {
        memcpy(p.token, "the token", 9);
        p.token_len = 9;
    }
    return p;
}

/* |head| signed, as text; freed by the caller. */
static struct buf signed_of(const char *head, enum upstream_signing how, bool https, bool token, bool *chunks)
{
    struct profile keys = example(token);
    struct sigv4_memo memo = { .of = { 0 } };
    struct sigv4_chain chain;
    struct upstream_signing_by by = { how, SLICE_LIT("us-east-1"), &keys, &memo, https };
    struct buf b = BUF_EMPTY;

    buf_add_str(&b, head);
    assert_int_equal(upstream_sign(&b, &by, WALL_S, &chain, chunks), 0);
    buf_add_u8(&b, 0);
    return b;
}

static void check(const char *head, bool https, bool token, bool want_chunks, const char *want)
{
    bool chunks;
    struct buf got = signed_of(head, UPSTREAM_SIGN_ALWAYS, https, token, &chunks);
    char *authorization = strstr((char *)got.data, "\r\nAuthorization: ");

    assert_non_null(authorization);
    size_t n = strlen((char *)got.data);
    assert_string_equal((char *)got.data + n - 4, "\r\n\r\n");
    const char *ours = strstr(want, "SignedHeaders=");
    if (ours != NULL) { /* those names, and perhaps that signature */
        assert_non_null(strstr(authorization, ours));
        n = (size_t)(ours - want);
    } else {
        n = strlen(want);
    }
    authorization[2] = 0;
    if (strncmp((char *)got.data, want, n) != 0 || strlen((char *)got.data) != n)
        fail_msg("%s\n, not\n%.*s", (char *)got.data, (int)n, want);
    assert_int_equal(chunks, want_chunks);
    buf_free(&got);
}

#define EMPTY "X-Amz-Content-Sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
#define DATE  "X-Amz-Date: 20130524T000000Z\r\n"
#define HOST  "Host: examplebucket.s3.amazonaws.com\r\n"

static void feat_C3_the_reference_example_is_what_is_sent(void **state)
{
    (void)state;
    check("GET /test.txt HTTP/1.1\r\n" HOST "Range: bytes=0-9\r\nVia: 1.1 fra-1\r\n\r\n", false, false, false,
          "GET /test.txt HTTP/1.1\r\n" HOST "Range: bytes=0-9\r\nVia: 1.1 fra-1\r\n" DATE EMPTY
          "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
          "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n");
}

static void feat_C3_what_a_viewer_says_of_signatures_is_ours_to_say(void **state)
{
    (void)state;
    check("GET /a+b?x=%7e HTTP/1.1\r\n" HOST "Authorization: mine\r\nx-amz-security-token: mine\r\nX-Amz-Date: mine\r\n"
          "X-AMZ-Meta-A: mine\r\nX-Amzn: stays\r\n\r\n",
          false, true, false,
          "GET /a%2Bb?x=~ HTTP/1.1\r\n" HOST "X-Amzn: stays\r\n" DATE EMPTY "X-Amz-Security-Token: the token\r\n"
          "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ");
    check("PUT /a HTTP/1.1\r\n" HOST "X-Amz-Acl: private\r\nX-Amz-Content-Sha256: mine\r\nContent-Length: 0\r\n\r\n",
          false, false, false,
          "PUT /a HTTP/1.1\r\n" HOST "X-Amz-Acl: private\r\nContent-Length: 0\r\n" DATE EMPTY
          "SignedHeaders=host;x-amz-acl;x-amz-content-sha256;x-amz-date, ");
}

static void feat_C3_payloads_are_signed_where_tls_does_not_guard_them(void **state)
{
    static const char put[] = "PUT /a HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 65537\r\n\r\n";
    static const char stream[] = "PUT /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";

    (void)state;
    check(put, true, false, false,
          "PUT /a HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 65537\r\n" DATE
          "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n");
    /* 65,536 in hex are five digits, 1 is one, the last chunk one: 85 bytes besides for each, and 4 more digits. */
    check(put, false, false, true,
          "PUT /a HTTP/1.1\r\n" HOST "Content-Length: 65799\r\nX-Amz-Decoded-Content-Length: 65537\r\n"
          "Content-Encoding: aws-chunked,gzip\r\n" DATE "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n");
    check(stream, false, false, false,
          "PUT /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" DATE
          "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n");
}

static void check_same(const char *head, enum upstream_signing how, bool same)
{
    bool chunks;
    struct buf got = signed_of(head, how, false, false, &chunks);

    assert_int_equal(strcmp((char *)got.data, head) == 0, same);
    assert_int_equal(strstr((char *)got.data, "AWS4-HMAC-SHA256 Credential=") != NULL, !same);
    buf_free(&got);
}

static void feat_C3_a_viewers_signature_is_overridden_or_not(void **state)
{
    static const char none[] = "GET /a+b HTTP/1.1\r\n" HOST "\r\n";
    static const char field[] = "GET /a+b HTTP/1.1\r\n" HOST "authorization: mine\r\nX-Amz-Date: mine\r\n\r\n";
    static const char query[] = "GET /a?b&X-Amz-Signature=mine HTTP/1.1\r\n" HOST "\r\n";
    static const char path[] = "GET /a&X-Amz-Signature=mine HTTP/1.1\r\n" HOST "\r\n";

    (void)state;
    check_same(none, UPSTREAM_SIGN_ALWAYS, false);
    check_same(field, UPSTREAM_SIGN_ALWAYS, false);
    check_same(none, UPSTREAM_SIGN_NO_OVERRIDE, false);
    check_same(field, UPSTREAM_SIGN_NO_OVERRIDE, true);
    check_same(query, UPSTREAM_SIGN_NO_OVERRIDE, true);
    check_same(path, UPSTREAM_SIGN_NO_OVERRIDE, false);
    check_same(none, UPSTREAM_SIGN_NEVER, true);
    check_same(field, UPSTREAM_SIGN_NEVER, true);
}

static void what_is_no_head_is_refused(void **state)
{
    struct profile keys = example(false);
    struct sigv4_memo memo = { .of = { 0 } };
    struct upstream_signing_by by = { UPSTREAM_SIGN_ALWAYS, SLICE_LIT("us-east-1"), &keys, &memo, false };
    struct sigv4_chain chain;
    struct buf b = BUF_EMPTY;
    bool chunks;

    (void)state;
    assert_int_equal(upstream_sign(&b, &by, WALL_S, &chain, &chunks), MESH_E_SYNTAX);
    buf_add_str(&b, "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= SIGV4_FIELDS_MAX; i++)
        buf_add_str(&b, "a: b\r\n");
    assert_int_equal(upstream_sign(&b, &by, WALL_S, &chain, &chunks), MESH_E_FULL);
    buf_clear(&b);
    buf_add_str(&b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(upstream_sign(&b, &by, -1, &chain, &chunks), MESH_E_RANGE);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C3_the_reference_example_is_what_is_sent),
        cmocka_unit_test(feat_C3_what_a_viewer_says_of_signatures_is_ours_to_say),
        cmocka_unit_test(feat_C3_payloads_are_signed_where_tls_does_not_guard_them),
        cmocka_unit_test(feat_C3_a_viewers_signature_is_overridden_or_not),
        cmocka_unit_test(what_is_no_head_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
