/* Access logs line by line: each format is known by itself and says the same of the same request; what is broken is
 * told apart from what is only of no interest, and the lines after it are read as if it had not been there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/input/log_format.h"

static const char *why;

static enum log_result read_line(struct log_reader *r, const char *text, struct log_line *out)
{
    return log_read(r, slice_str(text), out, &why);
}

static int64_t clf(const char *text)
{
    int64_t us = -1;
    return log_time_clf(slice_str(text), &us) == 0 ? us : -1;
}

static int64_t rfc(const char *text)
{
    int64_t us = -1;
    return log_time_rfc3339(slice_str(text), &us) == 0 ? us : -1;
}

static int64_t number(const char *text)
{
    int64_t us = -1;
    return log_time_number(slice_str(text), &us) == 0 ? us : -1;
}

static void times_of_all_ways_are_the_same_moment(void **state)
{
    const int64_t us = INT64_C(1796119200) * 1000000; /* date -u -d 2026-12-01T10:00:00Z +%s */

    (void)state;
    assert_int_equal(number("1796119200"), us);
    assert_int_equal(number("1796119200.25"), us + 250000);
    assert_int_equal(number("0.0000019"), 1);
    assert_int_equal(rfc("2026-12-01T10:00:00Z"), us);
    assert_int_equal(rfc("2026-12-01 10:00:00.25"), us + 250000);
    assert_int_equal(rfc("2026-12-01T11:30:00.123456789+01:30"), us + 123456);
    assert_int_equal(rfc("2026-12-01T02:00:00-0800"), us);
    assert_int_equal(clf("01/Dec/2026:10:00:00 +0000"), us);
    assert_int_equal(clf("01/Dec/2026:05:00:00 -0500"), us);
    assert_int_equal(rfc("2024-02-29T00:00:00Z") + INT64_C(86400) * 1000000, rfc("2024-03-01T00:00:00Z"));
    assert_int_equal(rfc("1970-01-01T00:00:00Z"), 0);
}

static void what_is_no_time_is_none(void **state)
{
    static const char *const wrong[] = { "",
                                         ".",
                                         "1.",
                                         "-1",
                                         "1e9",
                                         "2026",
                                         "253402300800",
                                         "2026-12-01",
                                         "2026-13-01T10:00:00Z",
                                         "2026-12-01T24:00:00Z",
                                         "2026-12-01T10:00:00.Z",
                                         "2026-12-01T10:00:00+1",
                                         "2026-12-01T10:00:00X",
                                         "01/Dec/2026:10:00:00",
                                         "01/Dez/2026:10:00:00 +0000",
                                         "1/Dec/2026:10:00:00 +0000" };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bool year = i == 5; /* a number, though a small one */
        if ((number(wrong[i]) != -1) != year || rfc(wrong[i]) != -1 || clf(wrong[i]) != -1)
            fail_msg("\"%s\" is taken for a time", wrong[i]);
    }
}

static void is_the_request(const struct log_line *l, bool client)
{
    assert_true(slice_eq(l->host, SLICE_LIT("www.example")));
    assert_true(slice_eq(l->uri, SLICE_LIT("/a/b.png")));
    assert_true(slice_eq(l->method, SLICE_LIT("GET")));
    assert_int_equal(l->at_us, INT64_C(1796119200) * 1000000);
    assert_true(l->has_status && l->status == 200 && l->whole && l->has_bytes && l->bytes == 2326);
    assert_true(slice_eq(l->client, client ? SLICE_LIT("192.0.2.7") : SLICE_EMPTY));
}

static void each_format_says_the_same(void **state)
{
    static const struct {
        enum log_format format;
        const char *names, *line;
        bool client;
    } formats[] = {
        { LOG_JSON, NULL,
          "{\"time\":\"2026-12-01T10:00:00.000Z\",\"node\":\"fra-1\",\"host\":\"www.example\",\"method\":\"GET\","
          "\"uri\":"
          "\"/a/b.png\",\"status\":200,\"bytes\":2326,\"result\":\"Hit\",\"request_id\":\"00\",\"duration_us\":1234}\n",
          false },
        { LOG_CLOUDFRONT,
          "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
          "x-host-header sc-content-len",
          "2026-12-01\t10:00:00\tFRA56-C1\t2700\t192.0.2.7\tGET\td111.cloudfront.net\t/a/"
          "b.png\t200\t-\twww.example\t2326",
          true },
        { LOG_COMBINED, NULL,
          "www.example:443 192.0.2.7 - - [01/Dec/2026:10:00:00 +0000] \"GET /a/b.png HTTP/1.1\" 200 2326 \"-\" "
          "\"curl/8\"",
          true },
        { LOG_CSV, "\xef\xbb\xbfuri,Time,bytes,host,method,status,client,other",
          "/a/b.png,1796119200,2326,www.example,GET,200,\"192.0.2.7\",\"a,\"\"b\"\"\"\r\n", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct log_reader r = { 0 };
        struct log_line l;
        if (formats[i].names != NULL)
            assert_int_equal(read_line(&r, formats[i].names, &l), LOG_NOTHING);
        assert_int_equal(read_line(&r, formats[i].line, &l), LOG_REQUEST);
        assert_int_equal(r.format, formats[i].format);
        is_the_request(&l, formats[i].client);
    }
}

static void a_host_before_the_client_is_no_matter_of_luck(void **state)
{
    struct log_reader r = { 0 };
    struct log_line l;

    (void)state;
    assert_int_equal(
        read_line(&r, "2001:db8::1 - bob [01/Dec/2026:10:00:00 +0000] \"GET http://x.example/y HTTP/1.0\" 304 -", &l),
        LOG_REQUEST);
    assert_true(slice_eq(l.client, SLICE_LIT("2001:db8::1")) && slice_eq(l.host, SLICE_LIT("x.example")));
    assert_true(slice_eq(l.uri, SLICE_LIT("/y")) && l.status == 304 && !l.whole && l.has_bytes && l.bytes == 0);
    assert_int_equal(
        read_line(&r, "www.example 192.0.2.7 - - [01/Dec/2026:10:00:00 +0000] \"GET /\\\"q\\\" HTTP/1.1\" 200 5", &l),
        LOG_REQUEST);
    assert_true(slice_eq(l.host, SLICE_LIT("www.example")) && slice_eq(l.uri, SLICE_LIT("/\\\"q\\\"")));
}

static void a_broken_line_says_why_and_harms_no_other(void **state)
{
    static const struct {
        const char *line, *why;
    } broken[] = {
        { "x", "it has fewer columns than were named" },
        { "\"x,1,2", "a quote is not closed" },
        { "/a,,5", "it has no time" },
        { "/a,soon,5", "its time is none: seconds, or as in 2026-12-01T10:00:00Z" },
        { ",1,5", "it has no uri" },
        { "-,1,5", "it has no uri" },
        { "/a,1,many", "its bytes are no number" },
    };
    struct log_reader r = { 0 };
    struct log_line l;

    (void)state;
    assert_int_equal(read_line(&r, "uri,time,bytes", &l), LOG_NOTHING);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(read_line(&r, broken[i].line, &l), LOG_BROKEN);
        assert_string_equal(why, broken[i].why);
        assert_int_equal(read_line(&r, "/a,7.5,5", &l), LOG_REQUEST);
        assert_int_equal(l.at_us, 7500000);
    }
    assert_int_equal(read_line(&r, "", &l), LOG_NOTHING);
    assert_int_equal(read_line(&r, "# a comment", &l), LOG_NOTHING);
}

static void columns_may_change_in_the_middle(void **state)
{
    struct log_reader r = { 0 };
    struct log_line l;

    (void)state;
    assert_int_equal(read_line(&r, "#Version: 1.0", &l), LOG_NOTHING);
    assert_int_equal(read_line(&r, "#Fields: date time cs-uri-stem", &l), LOG_NOTHING);
    assert_int_equal(read_line(&r, "2026-12-01\t10:00:00\t/a", &l), LOG_REQUEST);
    assert_int_equal(read_line(&r, "#Fields: cs-uri-stem date time cs-uri-query time-taken", &l), LOG_NOTHING);
    assert_int_equal(read_line(&r, "/b\t2026-12-01\t10:00:05\tx=1\t3.200", &l), LOG_REQUEST);
    assert_true(slice_eq(l.uri, SLICE_LIT("/b")) && slice_eq(l.query, SLICE_LIT("x=1")));
    assert_int_equal(l.at_us, INT64_C(1796119202) * 1000000); /* it began three seconds before its line */
}

static void json_is_read_past_what_is_nested(void **state)
{
    static const char *const broken[] = { "{",
                                          "{}}",
                                          "{\"time\":}",
                                          "{\"time\":1,}",
                                          "{\"time\":1 \"uri\":2}",
                                          "{\"time\":1,\"uri\":\"/a}",
                                          "{\"a\":[1,2}",
                                          "[1]" };
    struct log_reader r = { 0 };
    struct log_line l;

    (void)state;
    assert_int_equal(
        read_line(&r,
                  " { \"x\" : {\"uri\":\"}\\\"\", \"y\":[1,{}]}, \"uri\": \"/a\\\\\" , \"time\":12.5, \"max_age\":0,"
                  "\"host\":null, \"client\":\"a\"} ",
                  &l),
        LOG_REQUEST);
    assert_true(slice_eq(l.uri, SLICE_LIT("/a\\\\")) && l.host.len == 0 && l.at_us == 12500000);
    assert_true(l.has_max_age && l.max_age_s == 0 && !l.has_bytes && !l.has_status && l.whole);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        if (read_line(&r, broken[i], &l) != LOG_BROKEN)
            fail_msg("%s is understood", broken[i]);
    }
}

static void what_is_of_no_format_is_said_to_be_of_none(void **state)
{
    struct log_reader r = { 0 };
    struct log_line l;

    (void)state;
    assert_int_equal(read_line(&r, "root:x:0:0:root:/root:/bin/bash", &l), LOG_BROKEN);
    assert_non_null(strstr(why, "no format"));
    assert_int_equal(r.format, LOG_UNKNOWN);
    assert_int_equal(read_line(&r, "time,uri", &l), LOG_NOTHING);
    assert_int_equal(r.format, LOG_CSV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_of_all_ways_are_the_same_moment),
        cmocka_unit_test(what_is_no_time_is_none),
        cmocka_unit_test(each_format_says_the_same),
        cmocka_unit_test(a_host_before_the_client_is_no_matter_of_luck),
        cmocka_unit_test(a_broken_line_says_why_and_harms_no_other),
        cmocka_unit_test(columns_may_change_in_the_middle),
        cmocka_unit_test(json_is_read_past_what_is_nested),
        cmocka_unit_test(what_is_of_no_format_is_said_to_be_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
