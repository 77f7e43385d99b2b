/* test_url.c - which origins are taken, how they are cut, and why others are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/dist/url.h"
#include "proto/base/err.h"

#define CHECK_SLICE(s, text)                               \
    do {                                                   \
        assert_int_equal((s).len, strlen(text));           \
        assert_memory_equal((s).data, text, strlen(text)); \
    } while (0)

static void check(const char *text, const char *host, uint16_t port, const char *authority, const char *prefix,
                  const char *normal)
{
    struct origin_url u;
    struct buf b = BUF_EMPTY;
    const char *why = NULL;

    assert_int_equal(origin_url_parse(slice_str(text), &u, &why), 0);
    CHECK_SLICE(u.host, host);
    assert_int_equal(u.port, port);
    CHECK_SLICE(u.authority, authority);
    CHECK_SLICE(u.prefix, prefix);
    origin_url_normal(&b, &u);
    CHECK_SLICE(b, normal);
    buf_free(&b);
}

static void the_parts_of_a_url(void **state)
{
    (void)state;
    check("http://origin.example.net", "origin.example.net", 80, "origin.example.net", "", "http://origin.example.net");
    check("HTTP://Origin.Example:8090/", "Origin.Example", 8090, "Origin.Example:8090", "",
          "http://origin.example:8090");
    check("http://127.0.0.1:80/production/", "127.0.0.1", 80, "127.0.0.1", "/production",
          "http://127.0.0.1/production");
    check("http://[2001:DB8::1]:81/a/b", "2001:DB8::1", 81, "[2001:DB8::1]:81", "/a/b", "http://[2001:db8::1]:81/a/b");
    check("http://[::1]", "::1", 80, "[::1]", "", "http://[::1]");
    check("http://[::1]:80//x//", "::1", 80, "[::1]", "//x", "http://[::1]//x");
    check("https://h", "h", 443, "h", "", "https://h");
    check("https://h:80/P%2fq", "h", 80, "h:80", "/P%2fq", "https://h:80/P%2fq");
    check("http://h/a...b/.well-known", "h", 80, "h", "/a...b/.well-known", "http://h/a...b/.well-known");
}

static void refuse(const char *text, const char *reason)
{
    struct origin_url u = { .port = 7 };
    const char *why = NULL;

    assert_int_equal(origin_url_parse(slice_str(text), &u, &why), MESH_E_SYNTAX);
    assert_non_null(why);
    assert_non_null(strstr(why, reason));
    assert_int_equal(u.port, 7);
}

static void what_is_no_origin(void **state)
{
    (void)state;
    refuse("", "does not begin");
    refuse("origin.example.net", "does not begin");
    refuse("ftp://h/", "does not begin");
    refuse("http:/h", "does not begin");
    refuse("http://", "host or port");
    refuse("http:///path", "host or port");
    refuse("http://:80", "host or port");
    refuse("http://h:", "host or port");
    refuse("http://h:0", "host or port");
    refuse("http://h:65536", "host or port");
    refuse("http://h:+80", "host or port");
    refuse("http://h:80:80", "host or port");
    refuse("http://::1/", "host or port");
    refuse("http://[::1", "host or port");
    refuse("http://[::1]x", "host or port");
    refuse("http://[1.2.3.4]", "host or port");
    refuse("http://h h/", "host or port");
    refuse("http://-h/", "host or port");
    refuse("http://user@h/", "user name");
    refuse("http://h/?q", "query");
    refuse("http://h?q", "query");
    refuse("http://h/a#f", "fragment");
    refuse("http://h/a b", "byte");
    refuse("http://h/a\x7f", "byte");
    refuse("http://h/\xc3\xa9", "byte");
    refuse("http://h/%4", "hex");
    refuse("http://h/%zz", "hex");
    refuse("http://h/a/../b", "segment");
    refuse("http://h/.", "segment");
}

static void host_and_port(void **state)
{
    struct slice host = SLICE_LIT("before");
    uint16_t port = 1;

    (void)state;
    assert_int_equal(host_port_parse(SLICE_LIT("edge1.example.net:7400"), &host, &port), 0);
    CHECK_SLICE(host, "edge1.example.net");
    assert_int_equal(port, 7400);
    assert_int_equal(host_port_parse(SLICE_LIT("[fe80::1]:65535"), &host, &port), 0);
    CHECK_SLICE(host, "fe80::1");
    assert_int_equal(port, 65535);

    static const char *const bad[] = {
        "", "h", "h:", ":1", "h:0", "h:65536", "h:1x", "[::1]", "::1:80", "h:1:2", "h :1"
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(host_port_parse(slice_str(bad[i]), &host, &port), MESH_E_SYNTAX);
    CHECK_SLICE(host, "fe80::1");
    assert_int_equal(port, 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_url),
        cmocka_unit_test(what_is_no_origin),
        cmocka_unit_test(host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
