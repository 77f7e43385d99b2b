#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/http/proxy_status.h"
#include "node/sf/sf.h"

#define S(text) SLICE_LIT(text)

static void members_as_rfc_9209_has_them(void **state)
{
    (void)state;
    const struct {
        struct proxy_status status;
        const char *want;
    } rows[] = {
        { { .name = S("fra-1") }, "fra-1" },
        { { .name = S("fra-1"), .error = PROXY_CONNECTION_REFUSED }, "fra-1; error=connection_refused" },
        { { .name = S("a b"), .error = PROXY_DNS_TIMEOUT }, "\"a b\"; error=dns_timeout" },
        { { .name = S("a"), .error = PROXY_PROXY_LOOP_DETECTED }, "a; error=proxy_loop_detected" },
        { { .name = S("a"), .next_hop = S("backend.example.org:8001"), .received_status = 503 },
          "a; next-hop=backend.example.org:8001; received-status=503" },
        { { .name = S("a"), .next_hop = S("[::1]:80") }, "a; next-hop=\"[::1]:80\"" },
        { { .name = S("a"), .error = PROXY_HTTP_PROTOCOL_ERROR, .details = S("token") },
          "a; error=http_protocol_error; details=\"token\"" },
        /* Whatever is echoed, it stays one line of visible ASCII. */
        { { .name = S("a\r\nb"), .next_hop = S("\xC3\xA4"), .details = S("x\r\nSet-Cookie: \"a\"") },
          "\"a%0D%0Ab\"; next-hop=\"%C3%A4\"; details=\"x%0D%0ASet-Cookie: \\\"a\\\"\"" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf got = BUF_EMPTY;
        struct sf_cursor c;
        proxy_status_put(&got, &rows[i].status);
        assert_int_equal(sf_open(&c, SF_LIST, buf_slice(&got)), 0);
        buf_add_u8(&got, 0);
        assert_string_equal((char *)got.data, rows[i].want);
        buf_free(&got);
    }
}

/* Each type is said as a token, and no two as the same one. */
static void error_types_are_tokens(void **state)
{
    (void)state;
    assert_string_equal(proxy_error_token(PROXY_OK), "");
    assert_int_equal(PROXY_ERRORS_N - 1, 32); /* as many as RFC 9209 registers */
    for (int e = PROXY_OK + 1; e < PROXY_ERRORS_N; e++) {
        struct buf out = BUF_EMPTY;
        assert_int_equal(sf_put_token(&out, slice_str(proxy_error_token((enum proxy_error)e))), 0);
        buf_free(&out);
        for (int other = PROXY_OK + 1; other < e; other++)
            assert_string_not_equal(proxy_error_token((enum proxy_error)e), proxy_error_token((enum proxy_error)other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_as_rfc_9209_has_them),
        cmocka_unit_test(error_types_are_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
