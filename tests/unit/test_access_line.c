/* test_access_line.c - what a line of the log looks like in CloudFront's and in the combined format, whatever the
 * request held. (JSON: test_access_log.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/io/access_line.h"
#include "node/io/access_mask.h"
#include "node/io/cause.h"
#include "node/signed/doors.h"

static struct access_second second;
static struct access_more more;

static struct access_entry entry(const char *uri)
{
    more = (struct access_more){
        .client = mesh_addr_v4(0xc0000201, 50123),
        .pop = SLICE_LIT("eu/fra/fra-1"),
        .authority = SLICE_LIT("example.com:8080"),
        .referer = SLICE_LIT("https://example.org/?a=b"),
        .user_agent = SLICE_LIT("Mozilla/5.0 (X11; Linux)"),
        .version = SLICE_LIT("HTTP/1.1"),
        .received = 321,
        .sent = 12345679201,
        .first_byte_ns = 999999,
        .type = SLICE_LIT("text/html; charset=utf-8"),
        .has_length = true,
        .length = 12345678901,
    };
    return (struct access_entry){
        .wall_us = INT64_C(1709210096789012), /* a leap day, 12:34:56 */
        .node = SLICE_LIT("fra-1"),
        .host = SLICE_LIT("example.com"),
        .method = SLICE_LIT("GET"),
        .uri = slice_str(uri),
        .status = 200,
        .bytes = 12345678901,
        .result = RESULT_HIT,
        .request_id = SLICE_LIT("00ff"),
        .duration_ns = 4234999999,
        .more = &more,
    };
}

static void check(enum access_format format, const struct access_entry *e, const char *want)
{
    struct buf b = BUF_EMPTY;

    access_line(&b, format, &second, e);
    buf_add_u8(&b, 0);
    assert_true(buf_ok(&b));
    assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

/* The |n|th value of a line in CloudFront's format, from 1 on; the line has 33 whatever they are. */
static const char *value(const struct access_entry *e, unsigned n)
{
    static char text[65536];
    struct buf b = BUF_EMPTY;
    unsigned tabs = 0;

    access_line(&b, ACCESS_CLOUDFRONT, &second, e);
    assert_true(buf_ok(&b) && b.len < sizeof(text));
    for (size_t i = 0; i < b.len; i++) {
        tabs += b.data[i] == '\t';
        assert_true(b.data[i] == '\t' || (b.data[i] > ' ' && b.data[i] < 127) || i == b.len - 1);
    }
    assert_int_equal(b.data[b.len - 1], '\n');
    assert_int_equal(tabs, 32);
    memcpy(text, b.data, b.len);
    text[b.len - 1] = '\0';
    buf_free(&b);
    char *at = text;
    while (--n > 0)
        at = strchr(at, '\t') + 1;
    at[strcspn(at, "\t")] = '\0';
    return at;
}

static void feat_O2_the_33_fields(void **state)
{
    struct access_entry e = entry("/a/b?c=d&e=f");

    (void)state;
    check(ACCESS_CLOUDFRONT, &e,
          "2024-02-29\t12:35:01\teu/fra/fra-1\t12345679201\t192.0.2.1\tGET\texample.com\t/a/b\t200\t"
          "https://example.org/?a=b\tMozilla/5.0%20(X11;%20Linux)\tc=d&e=f\t-\tHit\t00ff\texample.com:8080\thttp\t321\t"
          "4.234\t-\t-\t-\tHit\tHTTP/1.1\t-\t-\t50123\t0.000\tHit\ttext/html;%20charset=utf-8\t12345678901\t-\t-\n");
    e.more = NULL; /* short of memory: still a line */
    check(ACCESS_CLOUDFRONT, &e,
          "2024-02-29\t12:35:01\tfra-1\t0\t-\tGET\texample.com\t/a/b\t200\t-\t-\tc=d&e=f\t-\tHit\t00ff\t-\thttp\t0\t"
          "4.234\t-\t-\t-\tHit\t-\t-\t-\t-\t4.234\tHit\t-\t-\t-\t-\n");
}

/* As many names as values, and those of CloudFront's developer guide. */
static void feat_O2_a_file_begins_with_two_lines(void **state)
{
    struct slice h = access_heading(ACCESS_CLOUDFRONT);
    const char *fields = "#Version: 1.0\n#Fields: date time x-edge-location ";
    unsigned names = 0;

    (void)state;
    assert_memory_equal(h.data, fields, strlen(fields));
    for (size_t i = strlen("#Version: 1.0\n#Fields:"); i < h.len; i++)
        names += h.data[i] == ' ';
    assert_int_equal(names, 33);
    assert_int_equal(h.data[h.len - 1], '\n');
    assert_int_equal(access_heading(ACCESS_JSON).len, 0);
    assert_int_equal(access_heading(ACCESS_COMBINED).len, 0);
}

static void feat_O2_values_are_encoded(void **state)
{
    struct access_entry e = entry("/");

    (void)state;
    e.uri = slice_of("/\t\n\r\0\x7f\xc3\xa9 \"<>#%20{}|\\^~[]`'?x=\ty?z", 33);
    assert_string_equal(value(&e, 8), "/%09%0A%0D%00%7F%C3%A9%20%22%3C%3E%23%2520%7B%7D%7C%5C%5E%7E%5B%5D%60%27");
    assert_string_equal(value(&e, 12), "x=%09y?z");
    e.uri = SLICE_LIT("http://example.com/abs?q");
    assert_string_equal(value(&e, 8), "/abs");
    assert_string_equal(value(&e, 12), "q");
    e.uri = SLICE_LIT("*");
    assert_string_equal(value(&e, 8), "*");
    e.uri = SLICE_LIT("a:");
    assert_string_equal(value(&e, 8), "a:");
    e.uri = e.method = e.host = SLICE_EMPTY;
    assert_string_equal(value(&e, 8), "-");
    assert_string_equal(value(&e, 6), "-");
    assert_string_equal(value(&e, 7), "-");
    more.referer = slice_of("\n2024-01-01\t00:00:00", 20);
    assert_string_equal(value(&e, 10), "%0A2024-01-01%0900:00:00");
}

static void feat_O2_what_is_there_is_said(void **state)
{
    struct access_entry e = entry("/");

    (void)state;
    more.cookie = SLICE_LIT("a=b; c=d");
    more.forwarded_for = SLICE_LIT("198.51.100.7");
    more.ssl_protocol = SLICE_LIT("TLSv1.3");
    more.ssl_cipher = SLICE_LIT("TLS_AES_128_GCM_SHA256");
    more.has_range = true;
    more.first = 5;
    more.last = 9;
    more.domain = SLICE_LIT("photos.example.net");
    assert_string_equal(value(&e, 7), "photos.example.net");
    assert_string_equal(value(&e, 13), "a=b;%20c=d");
    assert_string_equal(value(&e, 17), "https");
    assert_string_equal(value(&e, 20), "198.51.100.7");
    assert_string_equal(value(&e, 21), "TLSv1.3");
    assert_string_equal(value(&e, 22), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(value(&e, 32), "5");
    assert_string_equal(value(&e, 33), "9");
    memset(more.client.ip, 0, 16);
    more.client.ip[15] = 1;
    assert_string_equal(value(&e, 5), "::1");
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Any bytes at all, in each value that is a viewer's or an origin's: a reader gets them back. */
static void rob_J1_any_bytes_stay_in_their_value(void **state)
{
    static const unsigned places[] = { 10, 11, 13, 16, 20, 30 };
    static uint8_t bytes[8192];
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct access_entry e = entry("/");
        struct slice *at[] = { &more.referer,   &more.user_agent,    &more.cookie,
                               &more.authority, &more.forwarded_for, &more.type };
        unsigned which = round % 6;
        size_t len = round % 100 == 0 ? sizeof(bytes) : 1 + round % 300, n = 0;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        if (len == 1 && bytes[0] == '-')
            continue; /* which is as nothing */
        *at[which] = slice_of(bytes, len);
        for (const char *c = value(&e, places[which]); *c != '\0'; n++) {
            assert_true(n < len);
            assert_int_equal(*c == '%' ? nibble(c[1]) * 16 + nibble(c[2]) : *c, bytes[n]);
            c += *c == '%' ? 3 : 1;
        }
        assert_int_equal(n, len);
        /* and the combined line is one line, with its six quotes that no backslash precedes */
        struct buf b = BUF_EMPTY;
        unsigned quotes = 0;
        access_line(&b, ACCESS_COMBINED, &second, &e);
        assert_true(buf_ok(&b));
        for (size_t i = 0; i < b.len; i++) {
            assert_true((b.data[i] >= ' ' && b.data[i] < 127) || i == b.len - 1);
            if (b.data[i] == '\\')
                i++; /* what it escapes is no end */
            else
                quotes += b.data[i] == '"';
        }
        assert_int_equal(quotes, 6);
        buf_free(&b);
    }
}

/* A viewer that left: before an answer, then in the middle of one that had begun as a hit. */
static void feat_O2_a_viewer_that_left(void **state)
{
    struct access_entry e = entry("/");

    (void)state;
    e.status = 499;
    e.result = RESULT_ERROR;
    e.detail = ACCESS_CLIENT_HUNG_UP;
    more.first_byte_ns = -1;
    assert_string_equal(value(&e, 9), "000");
    assert_string_equal(value(&e, 14), "Error");
    assert_string_equal(value(&e, 23), "Error");
    assert_string_equal(value(&e, 28), "4.234");
    assert_string_equal(value(&e, 29), "ClientHungUpRequest");
    e.status = 200;
    e.result = RESULT_HIT;
    e.detail = ACCESS_CLIENT_COMM_ERROR;
    e.said = ACCESS_HIT;
    assert_string_equal(value(&e, 9), "200");
    assert_string_equal(value(&e, 14), "Error");
    assert_string_equal(value(&e, 23), "Hit");
    assert_string_equal(value(&e, 29), "ClientCommError");
}

static void feat_O2_combined(void **state)
{
    struct access_entry e = entry("/a?b=c");

    (void)state;
    check(ACCESS_COMBINED, &e,
          "192.0.2.1 - - [29/Feb/2024:12:34:56 +0000] \"GET /a?b=c HTTP/1.1\" 200 12345678901 "
          "\"https://example.org/?a=b\" \"Mozilla/5.0 (X11; Linux)\"\n");
    e.uri = slice_of("/\"\\\t\n\0\x7f\xc3\xa9", 9);
    e.bytes = 0;
    more.referer = SLICE_EMPTY;
    more.user_agent = SLICE_LIT("a\" 200 1 \"");
    check(ACCESS_COMBINED, &e,
          "192.0.2.1 - - [29/Feb/2024:12:34:56 +0000] \"GET /\\\"\\\\\\x09\\x0a\\x00\\x7f\\xc3\\xa9 HTTP/1.1\" 200 - "
          "\"-\" \"a\\\" 200 1 \\\"\"\n");
    e.method = e.uri = SLICE_EMPTY;
    e.status = 400;
    e.more = NULL;
    check(ACCESS_COMBINED, &e, "- - - [29/Feb/2024:12:34:56 +0000] \"-\" 400 - \"-\" \"-\"\n");
}

static void formats_by_name(void **state)
{
    enum access_format f = ACCESS_JSON;

    (void)state;
    assert_true(access_format_read(&f, SLICE_LIT("cloudfront")) && f == ACCESS_CLOUDFRONT);
    assert_true(access_format_read(&f, SLICE_LIT("combined")) && f == ACCESS_COMBINED);
    assert_true(access_format_read(&f, SLICE_LIT("json")) && f == ACCESS_JSON);
    assert_false(access_format_read(&f, SLICE_LIT("w3c")));
}

/* ---- classes ---- */

static enum access_detail failed(uint16_t status, unsigned cause, bool begun)
{
    struct access_end end = { .result = RESULT_ERROR, .error_status = status, .error_cause = cause, .begun = begun };
    return access_detail_of(&end);
}

static void feat_O3_each_failure_has_its_detail(void **state)
{
    static const struct {
        unsigned cause;
        enum access_detail want;
    } table[] = {
        { CAUSE_DNS_ERROR, ACCESS_ORIGIN_DNS },       { CAUSE_DNS_NO_ADDRESS, ACCESS_ORIGIN_DNS },
        { CAUSE_DNS_TIMEOUT, ACCESS_ORIGIN_DNS },     { CAUSE_REFUSED, ACCESS_ORIGIN_CONNECT },
        { CAUSE_UNROUTABLE, ACCESS_ORIGIN_CONNECT },  { CAUSE_CONNECT_TIMEOUT, ACCESS_ORIGIN_CONNECT },
        { CAUSE_READ_TIMEOUT, ACCESS_ORIGIN_COMM },   { CAUSE_WHOLE_TIMEOUT, ACCESS_ORIGIN_COMM },
        { CAUSE_WRITE_TIMEOUT, ACCESS_ORIGIN_WRITE }, { CAUSE_TERMINATED, ACCESS_ORIGIN_READ },
        { CAUSE_INCOMPLETE, ACCESS_ABORTED_ORIGIN },  { CAUSE_HEADER_SIZE, ACCESS_ORIGIN_HEADER_TOO_BIG },
        { CAUSE_MALFORMED, ACCESS_ORIGIN_INVALID },   { CAUSE_FULL, ACCESS_CAPACITY_EXCEEDED },
        { FETCH_CAUSE_FULL, ACCESS_LIMIT_EXCEEDED },  { CAUSE_INTERNAL, ACCESS_CAPACITY_EXCEEDED },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(failed(502, table[i].cause, false), table[i].want);
    for (unsigned c = CAUSE_TLS_EXPIRED; c <= CAUSE_TLS_SETTINGS; c++)
        assert_int_equal(failed(502, c, false), ACCESS_ORIGIN_CONNECT);
    for (unsigned c = CAUSE_NONE + 1; c < CAUSES_N; c++) /* none is without one */
        assert_int_equal(access_detail_counted(failed(502, c, false)), RESULT_ERROR);
    assert_int_equal(failed(502, 0, false), ACCESS_ORIGIN_ERROR);
    assert_int_equal(failed(503, 0, false), ACCESS_CAPACITY_EXCEEDED);
    assert_int_equal(failed(504, 0, false), ACCESS_ORIGIN_COMM);
    assert_int_equal(failed(400, 0, false), ACCESS_INVALID_REQUEST);
    assert_int_equal(failed(502, 0, true), ACCESS_ABORTED_ORIGIN);
    assert_int_equal(failed(502, CAUSE_READ_TIMEOUT, true), ACCESS_ORIGIN_COMM);
    assert_int_equal(failed(502, 4711, false), ACCESS_ORIGIN_ERROR); /* no cause that we know */
}

static void feat_O3_each_answer_has_its_detail(void **state)
{
    struct answer a = { .via_peer = false };
    struct access_end end = { .answer = &a };

    (void)state;
    for (end.result = RESULT_HIT; end.result <= RESULT_MISS; end.result++)
        assert_string_equal(access_detail_word(access_detail_of(&end)), request_result_word(end.result));
    a.via_peer = true;
    end.result = RESULT_MISS;
    assert_int_equal(access_detail_of(&end), ACCESS_PEER_MISS);
    end.result = RESULT_PEER;
    assert_int_equal(access_detail_of(&end), ACCESS_PEER_HIT);
    a.parent_hit = true;
    assert_int_equal(access_detail_of(&end), ACCESS_ORIGIN_SHIELD_HIT);
    end.cut = true;
    assert_int_equal(access_detail_of(&end), ACCESS_CLIENT_COMM_ERROR);
    end.unanswered = true;
    assert_int_equal(access_detail_of(&end), ACCESS_CLIENT_HUNG_UP);
}

static void feat_O3_each_refusal_has_its_detail(void **state)
{
    (void)state;
    assert_int_equal(access_refused(400), ACCESS_INVALID_REQUEST);
    assert_int_equal(access_refused(414), ACCESS_INVALID_REQUEST);
    assert_int_equal(access_refused(403), ACCESS_INVALID_BLOCKED);
    assert_int_equal(access_refused(405), ACCESS_INVALID_METHOD);
    assert_int_equal(access_refused(431), ACCESS_INVALID_HEADER);
    assert_int_equal(access_refused(421), ACCESS_INVALID_CERTIFICATE);
    assert_int_equal(access_refused(429), ACCESS_LIMIT_EXCEEDED);
    assert_int_equal(access_refused(503), ACCESS_CAPACITY_EXCEEDED);
    assert_int_equal(access_refused(508), ACCESS_ERROR);
}

static void feat_O3_who_is_not_let_in_has_its_detail(void **state)
{
    struct request r = { .state = REQUEST_FAILED, .error_status = 301, .location = SLICE_LIT("/a") };

    (void)state;
    assert_int_equal(access_refused_by(&r), ACCESS_REDIRECT);
    r = (struct request){ .state = REQUEST_FAILED, .error_status = 403, .detail = COUNTRY_DETAIL };
    assert_int_equal(access_refused_by(&r), ACCESS_CLIENT_GEO_BLOCKED);
    r.detail = DOORS_RATE_DETAIL;
    r.error_status = 429;
    assert_int_equal(access_refused_by(&r), ACCESS_LIMIT_EXCEEDED);
    r.detail = signed_detail(SIGNED_NOMEM);
    r.error_status = 500;
    assert_int_equal(access_refused_by(&r), ACCESS_CAPACITY_EXCEEDED);
    for (int reason = SIGNED_OK + 1; reason < SIGNED_NOMEM; reason++) {
        r.detail = signed_detail((enum signed_reason)reason);
        r.error_status = 403;
        assert_int_equal(access_refused_by(&r), ACCESS_INVALID_BLOCKED);
    }
    r.detail = NULL;
    r.error_status = 421;
    assert_int_equal(access_refused_by(&r), ACCESS_INVALID_CERTIFICATE);
}

static void check_masked(const char *given, const char *want, bool cookies)
{
    struct buf room = BUF_EMPTY;
    struct slice in = slice_str(given), out = cookies ? access_masked_cookies(&room, in) : access_masked(&room, in);

    assert_true(slice_eq(out, slice_str(want)));
    if (strcmp(given, want) == 0)
        assert_ptr_equal(out.data, in.data); /* nothing was copied */
    buf_free(&room);
}

static void feat_O2_what_signs_is_masked(void **state)
{
    static const struct {
        const char *given, *want;
    } urls[] = {
        { "/a", "/a" },
        { "/a?", "/a?" },
        { "/a?&&", "/a?&&" },
        { "/Signature=x", "/Signature=x" },
        { "/a?Expires=1&Hash-Algorithm=SHA1&signature=x&Signatures=y",
          "/a?Expires=1&Hash-Algorithm=SHA1&signature=x&Signatures=y" },
        { "/a?Signature", "/a?Signature" },
        { "/a?Signature=", "/a?Signature=*" },
        { "/a?Signature=x", "/a?Signature=*" },
        { "/a?b=c&&Policy=x=y&Signature=x&Key-Pair-Id=K&Hedgerow=t&d",
          "/a?b=c&&Policy=*&Signature=*&Key-Pair-Id=*&Hedgerow=*&d" },
        { "/a?b&Signature=x?y&Signature=z&", "/a?b&Signature=*&Signature=*&" },
        { "https://b/a?Signature=x#y", "https://b/a?Signature=*" },
        { "?Policy=x", "?Policy=*" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        check_masked(urls[i].given, urls[i].want, false);
    check_masked("", "", true);
    check_masked("a=b; Signature=x; Policy=y", "a=b; Signature=x; Policy=y", true);
    check_masked(
        "a=b;CloudFront-Signature=x ; CloudFront-Policy=y;  CloudFront-Expires=1; Hedgerow=\"t\"; "
        "CloudFront-Key-Pair-Id=K",
        "a=b;CloudFront-Signature=*; CloudFront-Policy=*;  CloudFront-Expires=1; Hedgerow=*; CloudFront-Key-Pair-Id=*",
        true);
}

static void feat_O3_json_has_the_reason(void **state)
{
    struct access_entry e = entry("/");
    struct access_second kept = { 0 };
    struct buf out = BUF_EMPTY;

    (void)state;
    e.result = RESULT_ERROR;
    e.detail = ACCESS_INVALID_BLOCKED;
    e.reason = SLICE_LIT("SignatureExpired");
    access_line(&out, ACCESS_JSON, &kept, &e);
    buf_add_u8(&out, 0);
    assert_non_null(
        strstr((const char *)out.data, "\"detail\":\"InvalidRequestBlocked\",\"reason\":\"SignatureExpired\",\""));
    buf_free(&out);
}

/* By a line alone it can be told in which counter a request is. */
static void feat_O3_details_agree_with_what_is_counted(void **state)
{
    (void)state;
    for (int d = ACCESS_UNKNOWN + 1; d < ACCESS_DETAILS_N; d++) {
        const char *class = access_detail_class((enum access_detail)d);
        enum request_result r = access_detail_counted((enum access_detail)d);
        bool named = strcmp(class, "Redirect") == 0 || strstr(class, "Exceeded") != NULL;
        if (!named)
            assert_string_equal(class, request_result_word(r));
        assert_true(d == ACCESS_REDIRECT || strstr(class, "Exceeded") == NULL || r == RESULT_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_O2_the_33_fields),
        cmocka_unit_test(feat_O2_a_file_begins_with_two_lines),
        cmocka_unit_test(feat_O2_values_are_encoded),
        cmocka_unit_test(feat_O2_what_is_there_is_said),
        cmocka_unit_test(rob_J1_any_bytes_stay_in_their_value),
        cmocka_unit_test(feat_O2_a_viewer_that_left),
        cmocka_unit_test(feat_O2_combined),
        cmocka_unit_test(formats_by_name),
        cmocka_unit_test(feat_O3_each_failure_has_its_detail),
        cmocka_unit_test(feat_O3_who_is_not_let_in_has_its_detail),
        cmocka_unit_test(feat_O2_what_signs_is_masked),
        cmocka_unit_test(feat_O3_json_has_the_reason),
        cmocka_unit_test(feat_O3_each_answer_has_its_detail),
        cmocka_unit_test(feat_O3_each_refusal_has_its_detail),
        cmocka_unit_test(feat_O3_details_agree_with_what_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
