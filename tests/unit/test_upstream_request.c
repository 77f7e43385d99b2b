/* test_upstream_request.c - what an origin is sent, what of a viewer never reaches it, and how a
 * request that comes back to its mesh is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/dist/dist_make.h"
#include "node/dist/url.h"
#include "node/io/upstream_request.h"
#include "proto/base/err.h"

static const struct mesh_id mesh = { { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8 } };
#define LOOP "CDN-Loop: hedgerow;mesh=0123456789abcdef0102030405060708\r\n"

static struct dist_origin origin_at(const char *text)
{
    struct dist_origin o;
    struct origin_url u;
    const char *why;

    assert_int_equal(origin_url_parse(slice_str(text), &u, &why), 0);
    dist_origin_default(&o);
    o.authority = u.authority;
    o.prefix = u.prefix;
    return o;
}

static struct fetch fetch_of(const char *path)
{
    return (
        struct fetch){ .path = slice_str(path), .host = SLICE_LIT("viewer.example"), .request_id = SLICE_LIT("0a1b") };
}

static void check(const char *url, const struct fetch *f, const char *want)
{
    struct dist_origin u = origin_at(url);
    struct buf b = BUF_EMPTY;

    assert_int_equal(upstream_request(&b, &u, f, NULL, SLICE_EMPTY, SLICE_LIT("fra-1"), &mesh), 0);
    buf_add_u8(&b, 0);
    assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

static void the_whole_request(void **state)
{
    struct fetch f = fetch_of("/a/b?c=d");

    (void)state;
    check("http://origin.example:8090/production/", &f,
          "GET /production/a/b?c=d HTTP/1.1\r\n"
          "Host: origin.example:8090\r\n"
          "X-Request-Id: 0a1b\r\n"
          "User-Agent: hedgerow\r\n"
          "Accept-Encoding: identity\r\n"
          "Via: 1.1 fra-1 (hedgerow)\r\n" LOOP "\r\n");
}

static void add(struct fields *fields, const char *name, const char *value)
{
    assert_int_equal(fields_add(fields, slice_str(name), slice_str(value)), 0);
}

static void a_viewers_own_fields(void **state)
{
    struct fields fields = { .n = 0 };
    struct fetch f = fetch_of("/");

    (void)state;
    add(&fields, "Authorization", "Basic eA==");
    add(&fields, "accept", "text/plain");
    add(&fields, "User-Agent", "curl");
    add(&fields, "Accept-Encoding", "gzip");
    add(&fields, "Via", "1.0 fred");
    add(&fields, "Cookie", "a=b");
    add(&fields, "CDN-Loop", "other");
    f.forward = &fields;
    check("http://h", &f,
          "GET / HTTP/1.1\r\n"
          "Host: h\r\n"
          "Authorization: Basic eA==\r\n"
          "accept: text/plain\r\n"
          "User-Agent: curl\r\n"
          "Accept-Encoding: gzip\r\n"
          "Cookie: a=b\r\n"
          "Via: 1.0 fred\r\n"
          "CDN-Loop: other\r\n"
          "X-Request-Id: 0a1b\r\n"
          "Via: 1.1 fra-1 (hedgerow)\r\n" LOOP "\r\n");
}

static void feat_C12_C13_what_the_owner_says_stands(void **state)
{
    const struct dist_field headers[] = {
        { SLICE_LIT("X-Origin-Secret"), SLICE_LIT("s3cret") },
        { SLICE_LIT("User-Agent"), SLICE_LIT("edge") },
        { SLICE_LIT("Accept-Encoding"), SLICE_LIT("br") },
    };
    struct dist_origin o = origin_at("http://h:81/production");
    struct fields fields = { .n = 0 };
    struct fetch f = fetch_of("/a?b");
    struct buf b = BUF_EMPTY;

    (void)state;
    o.headers = headers;
    o.headers_n = 3;
    for (int forwards = 0; forwards < 2; forwards++) {
        if (forwards) {
            add(&fields, "x-origin-secret", "guessed");
            add(&fields, "user-agent", "curl");
            add(&fields, "X-ORIGIN-SECRET", "again");
            add(&fields, "accept-encoding", "gzip");
            f.forward = &fields;
        }
        buf_clear(&b);
        assert_int_equal(upstream_request(&b, &o, &f, NULL, SLICE_EMPTY, SLICE_LIT("fra-1"), &mesh), 0);
        buf_add_u8(&b, 0);
        assert_string_equal((const char *)b.data, "GET /production/a?b HTTP/1.1\r\n"
                                                  "Host: h:81\r\n"
                                                  "X-Origin-Secret: s3cret\r\n"
                                                  "User-Agent: edge\r\n"
                                                  "Accept-Encoding: br\r\n"
                                                  "X-Request-Id: 0a1b\r\n"
                                                  "Via: 1.1 fra-1 (hedgerow)\r\n" LOOP "\r\n");
    }
    buf_free(&b);
}

static void feat_S12_the_nodes_secret_and_never_a_viewers(void **state)
{
    struct dist_origin o = origin_at("http://h");
    struct fields fields = { .n = 0 };
    struct fetch f = fetch_of("/");
    struct buf b = BUF_EMPTY;

    (void)state;
    add(&fields, "X-Origin-Secret", "guessed");
    f.forward = &fields;
    assert_int_equal(upstream_request(&b, &o, &f, NULL, SLICE_LIT("ours"), SLICE_LIT("n"), &mesh), 0);
    buf_add_u8(&b, 0);
    assert_non_null(strstr((const char *)b.data, "\r\nX-Origin-Secret: ours\r\n"));
    assert_null(strstr((const char *)b.data, "guessed"));
    buf_clear(&b);
    assert_int_equal(upstream_request(&b, &o, &f, NULL, SLICE_EMPTY, SLICE_LIT("n"), &mesh), 0);
    buf_add_u8(&b, 0);
    assert_null(strstr((const char *)b.data, "Origin-Secret"));
    buf_free(&b);
}

static void host_is_the_viewers_where_that_is_wanted(void **state)
{
    struct fetch f = fetch_of("/");

    (void)state;
    f.viewer_host = true;
    check("http://h:81", &f,
          "GET / HTTP/1.1\r\nHost: viewer.example\r\nX-Request-Id: 0a1b\r\nUser-Agent: hedgerow\r\n"
          "Accept-Encoding: identity\r\nVia: 1.1 fra-1 (hedgerow)\r\n" LOOP "\r\n");
    f.host = SLICE_EMPTY; /* it named none */
    check("http://h:81", &f,
          "GET / HTTP/1.1\r\nHost: h:81\r\nX-Request-Id: 0a1b\r\nUser-Agent: hedgerow\r\n"
          "Accept-Encoding: identity\r\nVia: 1.1 fra-1 (hedgerow)\r\n" LOOP "\r\n");
}

static void what_never_passes(void **state)
{
    static const char *const names[] = {
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Expect",
        "Range",
        "If-Range",
        "If-None-Match",
        "If-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "X-Request-Id",
        "Forwarded",
        "X-Forwarded-Server",
        "Proxy",
        "HTTP2-Settings",
        "X-Edge-Anything",
        "X-Forwarded-Host",
        "X-FORWARDED-PROTO",
        "X-Forwarded-Scheme",
        "X-Forwarded-Port",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Host",
        "X-Real-IP",
        "x-hop",
    };
    struct dist_origin u = origin_at("http://h");

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fields fields = { .n = 0 };
        struct fetch f = fetch_of("/");
        struct buf b = BUF_EMPTY;
        add(&fields, names[i], "planted");
        add(&fields, "Connection", "X-Hop");
        f.forward = &fields;
        assert_int_equal(upstream_request(&b, &u, &f, NULL, SLICE_EMPTY, SLICE_LIT("n"), &mesh), 0);
        if (memmem(b.data, b.len, "planted", 7) != NULL)
            fail_msg("%s reached the origin", names[i]);
        buf_free(&b);
    }
}

static void check_passage(const char *method, struct http_body body, bool expect, const struct fields *fields,
                          const char *want)
{
    struct dist_origin u = origin_at("http://h");
    struct fetch f = fetch_of("/a");
    struct upstream_body along = { .body = body, .expect = expect };
    struct buf b = BUF_EMPTY;

    f.method = slice_str(method);
    f.forward = fields;
    assert_int_equal(upstream_request(&b, &u, &f, &along, SLICE_EMPTY, SLICE_LIT("n"), &mesh), 0);
    buf_add_u8(&b, 0);
    char *end = strstr((char *)b.data, "User-Agent: ");
    assert_non_null(end);
    *end = '\0';
    assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

static void feat_C16_a_passage_is_framed_anew(void **state)
{
    const struct http_body none = { HTTP_BODY_NONE, false, 0 }, empty = { HTTP_BODY_LENGTH, true, 0 };
    const struct http_body five = { HTTP_BODY_LENGTH, true, 5 }, chunked = { HTTP_BODY_CHUNKED, false, 0 };

    (void)state;
#define HEAD(method) method " /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: 0a1b\r\n"
    check_passage("POST", none, false, NULL, HEAD("POST") "Content-Length: 0\r\n");
    check_passage("PATCH", none, false, NULL, HEAD("PATCH") "Content-Length: 0\r\n");
    check_passage("DELETE", none, false, NULL, HEAD("DELETE"));
    check_passage("DELETE", empty, false, NULL, HEAD("DELETE") "Content-Length: 0\r\n");
    check_passage("PROPFIND", five, false, NULL, HEAD("PROPFIND") "Content-Length: 5\r\n");
    check_passage("PUT", chunked, false, NULL, HEAD("PUT") "Transfer-Encoding: chunked\r\n");
    check_passage("PUT", five, true, NULL, HEAD("PUT") "Content-Length: 5\r\nExpect: 100-continue\r\n");
#undef HEAD
}

/* There is no copy that a condition could make another one: it is the origin's to judge. */
static void a_passage_takes_conditions_along(void **state)
{
    const struct http_body none = { HTTP_BODY_NONE, false, 0 };
    struct fields fields = { .n = 0 };

    (void)state;
    add(&fields, "If-Match", "\"1\"");
    add(&fields, "Range", "bytes=0-1");
    add(&fields, "Content-Length", "7");
    add(&fields, "Expect", "100-continue");
    add(&fields, "X-Real-IP", "planted");
    add(&fields, "Max-Forwards", "10");
    add(&fields, "Transfer-Encoding", "chunked");
#define HEAD(method, left)                                                                                \
    method " /a HTTP/1.1\r\nHost: h\r\nIf-Match: \"1\"\r\nRange: bytes=0-1\r\nMax-Forwards: " left "\r\n" \
           "X-Request-Id: 0a1b\r\n"
    check_passage("DELETE", none, false, &fields, HEAD("DELETE", "10"));
    check_passage("OPTIONS", none, false, &fields, HEAD("OPTIONS", "9"));
#undef HEAD
}

/* Request ids and paths of peers' asks come from outside. */
static void what_could_not_stand_in_a_request(void **state)
{
    struct dist_origin u = origin_at("http://h");
    struct fields fields = { .n = 0 };
    struct buf b = BUF_EMPTY;
    struct fetch f;

    (void)state;
    f = fetch_of("/a b");
    assert_int_equal(upstream_request(&b, &u, &f, NULL, SLICE_EMPTY, SLICE_LIT("n"), &mesh), MESH_E_SYNTAX);
    f = fetch_of("/a\r\nX: y");
    assert_int_equal(upstream_request(&b, &u, &f, NULL, SLICE_EMPTY, SLICE_LIT("n"), &mesh), MESH_E_SYNTAX);
    f = fetch_of("/");
    f.request_id = SLICE_LIT("a\nb");
    assert_int_equal(upstream_request(&b, &u, &f, NULL, SLICE_EMPTY, SLICE_LIT("n"), &mesh), MESH_E_SYNTAX);
    f = fetch_of("/");
    add(&fields, "Cookie", "a\rb");
    f.forward = &fields;
    assert_int_equal(upstream_request(&b, &u, &f, NULL, SLICE_EMPTY, SLICE_LIT("n"), &mesh), MESH_E_SYNTAX);
    buf_free(&b);
}

static bool loops(const char *value)
{
    struct fields fields = { .n = 0 };

    add(&fields, "Host", "h");
    add(&fields, "cdn-loop", "first.example");
    add(&fields, "CDN-Loop", value);
    return upstream_loops(&fields, &mesh);
}

static void our_own_requests_are_known(void **state)
{
    struct fields none = { .n = 0 };

    (void)state;
    assert_false(upstream_loops(&none, &mesh));
    assert_true(loops("hedgerow;mesh=0123456789abcdef0102030405060708"));
    assert_true(loops("a; b=c, hedgerow ; mesh=0123456789ABCDEF0102030405060708 ; x=y"));
    assert_false(loops("hedgerow"));
    assert_false(loops("hedgerow;mesh=0123456789abcdef0102030405060709")); /* another mesh before us is no loop */
    assert_false(loops("hedgerow;mesh=0123456789abcdef01020304050607"));
    assert_false(loops("a;b=\",mesh=0123456789abcdef0102030405060708\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_request),
        cmocka_unit_test(a_viewers_own_fields),
        cmocka_unit_test(feat_C12_C13_what_the_owner_says_stands),
        cmocka_unit_test(feat_S12_the_nodes_secret_and_never_a_viewers),
        cmocka_unit_test(host_is_the_viewers_where_that_is_wanted),
        cmocka_unit_test(what_never_passes),
        cmocka_unit_test(feat_C16_a_passage_is_framed_anew),
        cmocka_unit_test(a_passage_takes_conditions_along),
        cmocka_unit_test(what_could_not_stand_in_a_request),
        cmocka_unit_test(our_own_requests_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
