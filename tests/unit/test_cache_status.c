#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/http/cache_status.h"

#define S(text) SLICE_LIT(text)

static void members_as_rfc_9211_has_them(void **state)
{
    (void)state;
    const struct {
        struct cache_status status;
        const char *want;
    } rows[] = {
        { { .name = S("fra-1") }, "fra-1; hit" },
        { { .name = S("fra-1"), .has_ttl = true, .ttl_s = 30 }, "fra-1; hit; ttl=30" },
        { { .name = S("fra-1"), .has_ttl = true, .ttl_s = -412 }, "fra-1; hit; ttl=-412" },
        { { .name = S("a"), .has_ttl = true, .ttl_s = INT64_MAX }, "a; hit; ttl=999999999999999" },
        { { .name = S("a"), .has_ttl = true, .ttl_s = INT64_MIN }, "a; hit; ttl=-999999999999999" },
        { { .name = S("a"), .fwd = CACHE_STATUS_URI_MISS, .fwd_status = 200, .stored = true, .collapsed = true },
          "a; fwd=uri-miss; fwd-status=200; stored; collapsed" },
        { { .name = S("a"), .fwd = CACHE_STATUS_BYPASS }, "a; fwd=bypass" },
        { { .name = S("a"), .fwd = CACHE_STATUS_METHOD }, "a; fwd=method" },
        { { .name = S("a"), .fwd = CACHE_STATUS_VARY_MISS }, "a; fwd=vary-miss" },
        { { .name = S("a"), .fwd = CACHE_STATUS_MISS }, "a; fwd=miss" },
        { { .name = S("a"), .fwd = CACHE_STATUS_REQUEST }, "a; fwd=request" },
        { { .name = S("a"), .fwd = CACHE_STATUS_STALE, .fwd_status = 304 }, "a; fwd=stale; fwd-status=304" },
        { { .name = S("a"), .fwd = CACHE_STATUS_PARTIAL, .has_ttl = true }, "a; fwd=partial; ttl=0" },
        /* What belongs to going on is not said of a hit. */
        { { .name = S("a"), .fwd_status = 200, .stored = true, .collapsed = true }, "a; hit" },
        /* A token where it can be one, else a string. */
        { { .name = S("1st") }, "\"1st\"; hit" },
        { { .name = S("two words") }, "\"two words\"; hit" },
        { { .name = S("*a:/b") }, "*a:/b; hit" },
        { { .name = S("") }, "\"\"; hit" },
        { { .name = S("a\"b\\c") }, "\"a\\\"b\\\\c\"; hit" },
        { { .name = S("a"), .detail = S("peer/ams-2") }, "a; hit; detail=peer/ams-2" },
        { { .name = S("a"), .detail = S("no peer") }, "a; hit; detail=\"no peer\"" },
        { { .name = S("a"), .key = S("token") }, "a; hit; key=\"token\"" },
        /* rob_J1: whatever is echoed, it stays one line of visible ASCII. */
        { { .name = S("a"), .key = S("/x\r\nSet-Cookie: a"), .detail = S("\x7F\xC3\xA4") },
          "a; hit; key=\"/x%0D%0ASet-Cookie: a\"; detail=\"%7F%C3%A4\"" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf got = BUF_EMPTY;
        cache_status_put(&got, &rows[i].status);
        buf_add_u8(&got, 0);
        assert_string_equal((char *)got.data, rows[i].want);
        buf_free(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(members_as_rfc_9211_has_them) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
