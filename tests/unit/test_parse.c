/* test_parse.c - heads that are read, heads that are refused and why, one test a row. Every
 * row is also fed cut at each byte and byte by byte: the outcome must not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/http_describe.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* |want| is describe_request's line, with +N for the bytes left behind the head. */
struct row {
    const char *name;
    struct slice in;
    const char *want;
};
#define ROW(name, in, want)                                   \
    {                                                         \
        name, { (const uint8_t *)(in), sizeof(in) - 1 }, want \
    }

/* A request of 1.1 with one more field line, or with another Host. */
#define GET(more)        "GET / HTTP/1.1\r\nHost: h\r\n" more "\r\n"
#define POST(more)       "POST / HTTP/1.1\r\nHost: h\r\n" more "\r\n"
#define OLD(more)        "POST / HTTP/1.0\r\n" more "\r\n"
#define TO(target, host) "GET " target " HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define LINE(line)       line "\r\nHost: h\r\n\r\n"
#define GOT              "GET origin / at h:0 1.1 keep none +0"

#define BAD_TE     "400 bad Transfer-Encoding"
#define BAD_LENGTH "400 bad Content-Length"
#define CONTROL    "400 control byte in the head"

static const struct row requests[] = {
    ROW("plain_get", GET(""), GOT),
    ROW("query", LINE("GET /a/b?c=d?e HTTP/1.1"), "GET origin /a/b?c=d?e at h:0 1.1 keep none +0"),
    ROW("empty_query_is_a_query", LINE("GET /a? HTTP/1.1"), "GET origin /a? at h:0 1.1 keep none +0"),
    ROW("head", LINE("HEAD / HTTP/1.1"), "HEAD origin / at h:0 1.1 keep none +0"),
    ROW("method_has_a_case", LINE("get / HTTP/1.1"), "get origin / at h:0 1.1 keep none +0"),
    ROW("unknown_method_is_read", LINE("M-SEARCH / HTTP/1.1"), "M-SEARCH origin / at h:0 1.1 keep none +0"),
    ROW("later_minor_is_ours", LINE("GET / HTTP/1.9"), GOT),
    ROW("one_leading_empty_line", "\r\n" GET(""), GOT),
    ROW("two_leading_empty_lines", "\r\n\r\n" GET(""), "400 bad method"),
    ROW("blanks_around_value", GET("A: \t b c\t \r\n"), GOT),
    ROW("empty_value", GET("A:\r\n"), GOT),
    ROW("value_of_high_bytes_and_tab", GET("A: \x80\xFF\tb\r\n"), GOT),
    ROW("pipelined_bytes_are_left", GET("") "GET /2", "GET origin / at h:0 1.1 keep none +6"),
    ROW("body_length", POST("Content-Length: 5\r\n") "hello", "POST origin / at h:0 1.1 keep length=5 +5"),
    ROW("body_length_zero", POST("Content-Length: 0\r\n"), "POST origin / at h:0 1.1 keep length=0 +0"),
    ROW("body_chunked", POST("transfer-ENCODING: Chunked\r\n"), "POST origin / at h:0 1.1 keep chunked +0"),
    ROW("expect", POST("Content-Length: 5\r\nExpect: 100-Continue\r\n"),
        "POST origin / at h:0 1.1 keep length=5 expect +0"),
    ROW("expect_without_body_is_void", GET("Expect: 100-continue\r\n"), GOT),
    ROW("expect_in_1_0_is_void", OLD("Expect: 100-continue\r\nContent-Length: 1\r\n"),
        "POST origin / at :0 1.0 close length=1 +0"),
    ROW("expect_something_else", GET("Expect: a-pony\r\n"), "417 unknown expectation"),
    ROW("close", GET("Connection: close\r\n"), "GET origin / at h:0 1.1 close none +0"),
    ROW("close_in_a_list", GET("Connection: x,\tCLOSE ,y\r\n"), "GET origin / at h:0 1.1 close none +0"),
    ROW("close_in_a_second_field", GET("Connection: keep-alive\r\nConnection: close\r\n"),
        "GET origin / at h:0 1.1 close none +0"),
    ROW("closed_is_not_close", GET("Connection: closed\r\n"), GOT),
    ROW("1_0_closes", OLD(""), "POST origin / at :0 1.0 close none +0"),
    ROW("1_0_keep_alive", OLD("Connection: Keep-Alive\r\n"), "POST origin / at :0 1.0 keep none +0"),
    ROW("1_0_close_wins", OLD("Connection: keep-alive, close\r\n"), "POST origin / at :0 1.0 close none +0"),
    ROW("1_0_with_host", OLD("Host: H:8\r\n"), "POST origin / at H:8 1.0 close none +0"),
    ROW("browser_bytes_in_a_query", LINE("GET /?a={|}^`\"<>\\[] HTTP/1.1"),
        "GET origin /?a={|}^`\"<>\\[] at h:0 1.1 keep none +0"),

    ROW("rob_S1_length_then_encoding", POST("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        "400 Content-Length with Transfer-Encoding"),
    ROW("rob_S1_encoding_then_length", POST("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
        "400 Content-Length with Transfer-Encoding"),
    ROW("rob_S1_length_zero", POST("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        "400 Content-Length with Transfer-Encoding"),
    ROW("rob_S1_in_1_0", OLD("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        "400 Content-Length with Transfer-Encoding"),

    ROW("rob_S2_two_same", POST("Content-Length: 5\r\nContent-Length: 5\r\n"), "400 two Content-Length fields"),
    ROW("rob_S2_two_different", POST("Content-Length: 5\r\ncontent-length: 6\r\n"), "400 two Content-Length fields"),
    ROW("rob_S2_list", POST("Content-Length: 5, 5\r\n"), BAD_LENGTH),
    ROW("rob_S2_list_ends_empty", POST("Content-Length: 5,\r\n"), BAD_LENGTH),
    ROW("rob_S2_plus", POST("Content-Length: +5\r\n"), BAD_LENGTH),
    ROW("rob_S2_minus_zero", POST("Content-Length: -0\r\n"), BAD_LENGTH),
    ROW("rob_S2_minus", POST("Content-Length: -1\r\n"), BAD_LENGTH),
    ROW("rob_S2_hex", POST("Content-Length: 0x5\r\n"), BAD_LENGTH),
    ROW("rob_S2_underscore", POST("Content-Length: 5_0\r\n"), BAD_LENGTH),
    ROW("rob_S2_inner_blank", POST("Content-Length: 5 0\r\n"), BAD_LENGTH),
    ROW("rob_S2_point", POST("Content-Length: 5.0\r\n"), BAD_LENGTH),
    ROW("rob_S2_quoted", POST("Content-Length: \"5\"\r\n"), BAD_LENGTH),
    ROW("rob_S2_empty", POST("Content-Length:\r\n"), BAD_LENGTH),
    ROW("rob_S2_high_digit", POST("Content-Length: \xD9\xA5\r\n"), BAD_LENGTH),
    ROW("rob_S2_20_digits", POST("Content-Length: 00000000000000000005\r\n"), BAD_LENGTH),
    ROW("rob_S2_beyond_int64", POST("Content-Length: 9223372036854775808\r\n"), BAD_LENGTH),
    ROW("rob_S2_beyond_uint64", POST("Content-Length: 18446744073709551617\r\n"), BAD_LENGTH),
    ROW("rob_S2_int64_is_fine", POST("Content-Length: 9223372036854775807\r\n"),
        "POST origin / at h:0 1.1 keep length=9223372036854775807 +0"),

    ROW("rob_S3_list", POST("Transfer-Encoding: gzip, chunked\r\n"), "501 unknown transfer coding"),
    ROW("rob_S3_list_of_chunked", POST("Transfer-Encoding: chunked, chunked\r\n"), "501 unknown transfer coding"),
    ROW("rob_S3_leading_comma", POST("Transfer-Encoding: ,chunked\r\n"), "501 unknown transfer coding"),
    ROW("rob_S3_chunked_not_last", POST("Transfer-Encoding: chunked, gzip\r\n"), BAD_TE),
    ROW("rob_S3_trailing_comma", POST("Transfer-Encoding: chunked,\r\n"), BAD_TE),
    ROW("rob_S3_two_fields", POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        "400 two Transfer-Encoding fields"),
    ROW("rob_S3_second_is_identity", POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        "400 two Transfer-Encoding fields"),
    ROW("rob_S3_identity", POST("Transfer-Encoding: identity\r\n"), BAD_TE),
    ROW("rob_S3_xchunked", POST("Transfer-Encoding: xchunked\r\n"), BAD_TE),
    ROW("rob_S3_chunkedx", POST("Transfer-Encoding: chunkedx\r\n"), BAD_TE),
    ROW("rob_S3_quoted", POST("Transfer-Encoding: \"chunked\"\r\n"), BAD_TE),
    ROW("rob_S3_parameter", POST("Transfer-Encoding: chunked;q=1\r\n"), BAD_TE),
    ROW("rob_S3_empty", POST("Transfer-Encoding:\r\n"), BAD_TE),
    ROW("rob_S3_high_byte_before",
        POST("Transfer-Encoding: \x85"
             "chunked\r\n"),
        BAD_TE),
    ROW("rob_S3_high_byte_behind", POST("Transfer-Encoding: chunked\xA0\r\n"), BAD_TE),
    ROW("rob_S3_vertical_tab", POST("Transfer-Encoding: \vchunked\r\n"), CONTROL),
    ROW("rob_S3_form_feed", POST("Transfer-Encoding: chunked\f\r\n"), CONTROL),
    ROW("rob_S3_nul", POST("Transfer-Encoding: chunked\0\r\n"), CONTROL),
    ROW("rob_S3_folded", POST("Transfer-Encoding:\r\n chunked\r\n"), "400 folded field line"),
    ROW("rob_S3_tab_before", POST("Transfer-Encoding:\tchunked\r\n"), "400 a tab around Transfer-Encoding"),
    ROW("rob_S3_tab_among_blanks_before", POST("Transfer-Encoding: \t chunked\r\n"),
        "400 a tab around Transfer-Encoding"),
    ROW("rob_S3_tab_behind", POST("Transfer-Encoding: chunked \t\r\n"), "400 a tab around Transfer-Encoding"),
    ROW("rob_S3_only_a_tab", POST("Transfer-Encoding:\t\r\n"), "400 a tab around Transfer-Encoding"),
    ROW("rob_S3_blanks_around_are_fine", POST("Transfer-Encoding:   chunked  \r\n"),
        "POST origin / at h:0 1.1 keep chunked +0"),
    ROW("rob_S2_tab_before", POST("Content-Length:\t5\r\n"), "400 a tab around Content-Length"),
    ROW("rob_S2_tab_behind", POST("Content-Length: 5\t\r\n"), "400 a tab around Content-Length"),
    ROW("rob_S2_blanks_around_are_fine", POST("Content-Length:  5 \r\n"), "POST origin / at h:0 1.1 keep length=5 +0"),
    ROW("rob_S3_1_0", OLD("Transfer-Encoding: chunked\r\n"), "400 Transfer-Encoding in HTTP/1.0"),
    ROW("rob_S3_1_0_list", OLD("Transfer-Encoding: gzip, chunked\r\n"), "400 Transfer-Encoding in HTTP/1.0"),
    ROW("rob_S3_1_0_identity", OLD("Transfer-Encoding: identity\r\n"), "400 Transfer-Encoding in HTTP/1.0"),
    ROW("rob_S3_blank_before_colon", POST("Transfer-Encoding : chunked\r\n"), "400 bad field name"),

    ROW("feat_V2_bare_lf_request_line", "GET / HTTP/1.1\nHost: h\r\n\r\n", "400 bare LF"),
    ROW("feat_V2_bare_lf_field", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", "400 bare LF"),
    ROW("feat_V2_bare_lf_end", "GET / HTTP/1.1\r\nHost: h\r\n\n", "400 bare LF"),
    ROW("feat_V2_bare_lf_only", "\n", "400 bare LF"),
    ROW("feat_V2_bare_cr_in_value", GET("A: b\rc\r\n"), "400 bare CR"),
    ROW("feat_V2_bare_cr_in_name", GET("A\r: b\r\n"), "400 bare CR"),
    ROW("feat_V2_bare_cr_twice", GET("A: b\r\r\n"), "400 bare CR"),
    ROW("feat_V2_bare_cr_request_line", "GET /\rHTTP/1.1\r\n\r\n", "400 bare CR"),
    ROW("feat_V2_bare_cr_first", "\rGET / HTTP/1.1\r\n\r\n", "400 bare CR"),
    ROW("feat_V2_fold_space", GET("A: b\r\n c\r\n"), "400 folded field line"),
    ROW("feat_V2_fold_tab", GET("A: b\r\n\tc: d\r\n"), "400 folded field line"),
    ROW("feat_V2_fold_first_field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400 folded field line"),
    ROW("feat_V2_blank_line_of_spaces", "GET / HTTP/1.1\r\nHost: h\r\n \r\n\r\n", "400 folded field line"),
    ROW("feat_V2_blank_before_colon", GET("A : b\r\n"), "400 bad field name"),
    ROW("feat_V2_tab_before_colon", GET("A\t: b\r\n"), "400 bad field name"),
    ROW("feat_V2_empty_name", GET(": b\r\n"), "400 empty field name"),
    ROW("feat_V2_no_colon", GET("A\r\n"), "400 bad field name"),
    ROW("feat_V2_name_with_high_byte", GET("A\xE4: b\r\n"), "400 bad field name"),
    ROW("feat_V2_name_with_slash", GET("A/b: c\r\n"), "400 bad field name"),
    ROW("feat_V2_name_with_quote", GET("A\": c\r\n"), "400 bad field name"),

    ROW("rob_C2_nul_in_value", GET("A: b\0c\r\n"), CONTROL),
    ROW("rob_C2_bell_in_value", GET("A: \a\r\n"), CONTROL),
    ROW("rob_C2_del_in_value", GET("A: \x7F\r\n"), CONTROL),
    ROW("rob_C2_nul_in_name", GET("A\0: b\r\n"), CONTROL),
    ROW("rob_C2_unit_separator_behind_eight_bytes", GET("A: 0123456789abcdef\x1F\r\n"), CONTROL),
    ROW("rob_C2_tls_client_hello", "\x16\x03\x01\x02\x00\x01\x00", CONTROL),

    ROW("rob_P4_nul_in_path", LINE("GET /a\0b HTTP/1.1"), CONTROL),
    ROW("rob_P4_tab_in_path", LINE("GET /a\tb HTTP/1.1"), "400 bad request target"),
    ROW("rob_P4_fragment", LINE("GET /a#b HTTP/1.1"), "400 bad request target"),
    ROW("rob_P4_fragment_in_query", LINE("GET /a?b#c HTTP/1.1"), "400 bad request target"),
    ROW("rob_P4_high_byte", LINE("GET /\xC3\xA4 HTTP/1.1"), "400 bad request target"),
    ROW("rob_P4_space", LINE("GET /a b HTTP/1.1"), "400 bad protocol version"),
    ROW("rob_P4_dots_are_not_our_business", LINE("GET //a/./../%2e%2F;p HTTP/1.1"),
        "GET origin //a/./../%2e%2F;p at h:0 1.1 keep none +0"),

    ROW("line_two_spaces", LINE("GET  / HTTP/1.1"), "400 bad request target"),
    ROW("line_two_spaces_behind", LINE("GET /  HTTP/1.1"), "400 bad protocol version"),
    ROW("line_trailing_space", LINE("GET / HTTP/1.1 "), "400 bad protocol version"),
    ROW("line_leading_space", LINE(" GET / HTTP/1.1"), "400 bad method"),
    ROW("line_tab", LINE("GET\t/ HTTP/1.1"), "400 bad method"),
    ROW("line_0_9", LINE("GET /"), "400 bad request target"),
    ROW("line_only_method", LINE("GET"), "400 bad method"),
    ROW("line_method_no_token", LINE("G(T / HTTP/1.1"), "400 bad method"),
    ROW("line_long_method", LINE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1"), "501 unknown method"),
    ROW("line_longest_method", LINE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1"),
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF origin / at h:0 1.1 keep none +0"),
    ROW("line_version_2", LINE("GET / HTTP/2.0"), "505 unknown major version"),
    ROW("line_h2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 unknown major version"),
    ROW("line_version_0_9", LINE("GET / HTTP/0.9"), "505 unknown major version"),
    ROW("line_version_lower_case", LINE("GET / http/1.1"), "400 bad protocol version"),
    ROW("line_version_long", LINE("GET / HTTP/1.10"), "400 bad protocol version"),
    ROW("line_version_short", LINE("GET / HTTP/1."), "400 bad protocol version"),
    ROW("line_version_letters", LINE("GET / HTTP/1.x"), "400 bad protocol version"),
    ROW("line_version_comma", LINE("GET / HTTP/1,1"), "400 bad protocol version"),
    ROW("line_no_slash", LINE("GET a HTTP/1.1"), "400 bad request target"),
    ROW("line_ftp", LINE("GET ftp://h/ HTTP/1.1"), "400 bad request target"),
    ROW("line_asterisk", LINE("OPTIONS * HTTP/1.1"), "OPTIONS asterisk * at h:0 1.1 keep none +0"),
    ROW("line_asterisk_of_get", LINE("GET * HTTP/1.1"), "400 bad request target"),
    ROW("line_connect", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
        "CONNECT authority  at h:443 1.1 keep none +0"),
    ROW("line_connect_with_length", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nContent-Length: 1\r\n\r\n",
        "400 a body where none may be"),
    ROW("line_connect_with_chunks", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        "400 a body where none may be"),
    ROW("line_connect_no_port", LINE("CONNECT h HTTP/1.1"), "400 bad authority"),
    ROW("line_connect_path", LINE("CONNECT /h HTTP/1.1"), "400 bad authority"),

    ROW("rob_U1_host_with_port", TO("/", "a.b:8080"), "GET origin / at a.b:8080 1.1 keep none +0"),
    ROW("rob_U1_host_with_empty_port", TO("/", "a.b:"), "GET origin / at a.b:0 1.1 keep none +0"),
    ROW("rob_U1_port_zero", TO("/", "a.b:0"), "400 bad Host"),
    ROW("rob_U1_port_too_large", TO("/", "a.b:65536"), "400 bad Host"),
    ROW("rob_U1_port_letters", TO("/", "a.b:80x"), "400 bad Host"),
    ROW("rob_U1_port_signed", TO("/", "a.b:+80"), "400 bad Host"),
    ROW("rob_U1_two_colons", TO("/", "a:b:80"), "400 bad Host"),
    ROW("rob_U1_ipv6", TO("/", "[2001:DB8::1]:81"), "GET origin / at [2001:DB8::1]:81 1.1 keep none +0"),
    ROW("rob_U1_ipv6_any", TO("/", "[::]"), "GET origin / at [::]:0 1.1 keep none +0"),
    ROW("rob_U1_ipv6_v4", TO("/", "[::ffff:1.2.3.4]"), "GET origin / at [::ffff:1.2.3.4]:0 1.1 keep none +0"),
    ROW("rob_U1_ipv6_open", TO("/", "[::1"), "400 bad Host"),
    ROW("rob_U1_ipv6_empty", TO("/", "[]"), "400 bad Host"),
    ROW("rob_U1_ipv6_zone", TO("/", "[fe80::1%25eth0]"), "400 bad Host"),
    ROW("rob_U1_ipv6_bare", TO("/", "::1"), "400 bad Host"),
    ROW("rob_U1_behind_bracket", TO("/", "[::1]x"), "400 bad Host"),
    ROW("rob_U1_empty_host", TO("/", ""), "400 bad Host"),
    ROW("rob_U1_empty_host_1_0", OLD("Host:\r\n"), "400 bad Host"),
    ROW("rob_U1_only_port", TO("/", ":80"), "400 bad Host"),
    ROW("rob_U1_no_host", "GET / HTTP/1.1\r\n\r\n", "400 no Host"),
    ROW("rob_U1_absolute_without_host", "GET http://h/ HTTP/1.1\r\n\r\n", "400 no Host"),
    ROW("rob_U1_absolute_without_host_1_0", "GET http://h/ HTTP/1.0\r\n\r\n",
        "GET absolute http:/ at h:0 1.0 close none +0"),
    ROW("rob_U1_two_hosts", GET("Host: h\r\n"), "400 two Host fields"),
    ROW("rob_U1_two_hosts_in_one", TO("/", "a, b"), "400 bad Host"),
    ROW("rob_U1_userinfo_in_host", TO("/", "u@h"), "400 bad Host"),
    ROW("rob_U1_userinfo_in_target", TO("http://u:p@h/", "h"), "400 bad authority"),
    ROW("rob_U1_path_in_host", TO("/", "h/a"), "400 bad Host"),
    ROW("rob_U1_blank_in_host", TO("/", "h a"), "400 bad Host"),
    ROW("rob_U1_percent_in_host", TO("/", "h%2e"), "400 bad Host"),
    ROW("rob_U1_high_byte_in_host", TO("/", "h\xC3\xA4"), "400 bad Host"),
    ROW("rob_U1_absolute", TO("http://a.b/c?d", "a.b"), "GET absolute http:/c?d at a.b:0 1.1 keep none +0"),
    ROW("rob_U1_absolute_case", TO("HTTP://A.b/", "a.B"), "GET absolute http:/ at A.b:0 1.1 keep none +0"),
    ROW("rob_U1_absolute_https", TO("https://h/", "h"), "GET absolute https:/ at h:0 1.1 keep none +0"),
    ROW("rob_U1_absolute_no_path", TO("http://h", "h"), "GET absolute http:/ at h:0 1.1 keep none +0"),
    ROW("rob_U1_absolute_only_query", TO("http://h?q", "h"), "GET absolute http:/?q at h:0 1.1 keep none +0"),
    ROW("rob_U1_absolute_empty_host", TO("http:///a", "h"), "400 bad authority"),
    ROW("rob_U1_absolute_other_host", TO("http://a/", "b"), "400 Host is not the target's"),
    ROW("rob_U1_absolute_other_port", TO("http://a:81/", "a:82"), "400 Host is not the target's"),
    ROW("rob_U1_absolute_port_not_said", TO("http://a:81/", "a"), "400 Host is not the target's"),
    ROW("rob_U1_absolute_usual_port", TO("http://a:80/", "a"), "GET absolute http:/ at a:80 1.1 keep none +0"),
    ROW("rob_U1_absolute_usual_https_port", TO("https://a/", "a:443"), "GET absolute https:/ at a:0 1.1 keep none +0"),
    ROW("rob_U1_absolute_http_is_not_443", TO("http://a/", "a:443"), "400 Host is not the target's"),
    ROW("rob_U1_connect_other_host", "CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\n", "400 Host is not the target's"),

    ROW("short_nothing", "", "short"),
    ROW("short_cr", "\r", "short"),
    ROW("short_empty_line", "\r\n", "short"),
    ROW("short_line", "GET / HTT", "short"),
    ROW("short_fields", "GET / HTTP/1.1\r\nHost: h\r\nA", "short"),
    ROW("short_last_lf", "GET / HTTP/1.1\r\nHost: h\r\n\r", "short"),
    ROW("early_refusal_needs_no_end", "GET / HTTP/1.1\r\nHost : h\r\n", "400 bad field name"),
};

static const bool to_get = false, to_head = true;

#define OK(more)           "HTTP/1.1 200 OK\r\n" more "\r\n"
#define STATUS(line, more) line "\r\n" more "\r\n"

static const struct row responses[] = {
    ROW("length", OK("Content-Length: 5\r\n") "hello", "200 'OK' 1.1 keep length=5 +5"),
    ROW("chunked", OK("Transfer-Encoding: chunked\r\n"), "200 'OK' 1.1 keep chunked +0"),
    ROW("until_close", OK(""), "200 'OK' 1.1 close until-close +0"),
    ROW("close", OK("Content-Length: 5\r\nConnection: close\r\n"), "200 'OK' 1.1 close length=5 +0"),
    ROW("1_0", STATUS("HTTP/1.0 200 OK", "Content-Length: 5\r\n"), "200 'OK' 1.0 close length=5 +0"),
    ROW("1_0_keep_alive", STATUS("HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n"),
        "200 'OK' 1.0 keep length=5 +0"),
    ROW("no_reason", STATUS("HTTP/1.1 204 ", ""), "204 '' 1.1 keep none +0"),
    ROW("no_reason_no_space", STATUS("HTTP/1.1 204", ""), "204 '' 1.1 keep none +0"),
    ROW("long_reason", STATUS("HTTP/1.1 404 Not\tHere \xE4", "Content-Length: 0\r\n"),
        "404 'Not\tHere \xE4' 1.1 keep length=0 +0"),
    ROW("interim", STATUS("HTTP/1.1 103 Early Hints", "Link: a\r\n") "HTTP", "103 'Early Hints' 1.1 keep none +4"),
    ROW("switching", STATUS("HTTP/1.1 101 S", "Upgrade: websocket\r\nConnection: upgrade\r\n"),
        "101 'S' 1.1 keep none +0"),
    ROW("not_modified", STATUS("HTTP/1.1 304 N", "Content-Length: 9\r\n"), "304 'N' 1.1 keep none=9 +0"),
    ROW("not_modified_chunked", STATUS("HTTP/1.1 304 N", "Transfer-Encoding: chunked\r\n"), "304 'N' 1.1 keep none +0"),
    ROW("no_content_length_zero", STATUS("HTTP/1.1 204 N", "Content-Length: 0\r\n"), "204 'N' 1.1 keep none=0 +0"),
    ROW("host_in_a_response", OK("Host: a\r\nContent-Length: 0\r\n"), "200 'OK' 1.1 keep length=0 +0"),

    ROW("rob_S11_length_and_encoding", OK("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        "502 Content-Length with Transfer-Encoding"),
    ROW("rob_S11_two_lengths", OK("Content-Length: 5\r\nContent-Length: 5\r\n"), "502 two Content-Length fields"),
    ROW("rob_S11_length_list", OK("Content-Length: 5, 5\r\n"), "502 bad Content-Length"),
    ROW("rob_S11_gzip_chunked", OK("Transfer-Encoding: gzip, chunked\r\n"), "502 unknown transfer coding"),
    ROW("rob_S11_identity", OK("Transfer-Encoding: identity\r\n"), "502 bad Transfer-Encoding"),
    ROW("rob_S11_encoding_in_1_0", STATUS("HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n"),
        "502 Transfer-Encoding in HTTP/1.0"),
    ROW("rob_S11_204_with_length", STATUS("HTTP/1.1 204 N", "Content-Length: 5\r\n"), "502 a body where none may be"),
    ROW("rob_S11_204_chunked", STATUS("HTTP/1.1 204 N", "Transfer-Encoding: chunked\r\n"),
        "502 a body where none may be"),
    ROW("rob_S11_1xx_with_length", STATUS("HTTP/1.1 100 C", "Content-Length: 5\r\n"), "502 a body where none may be"),
    ROW("rob_S11_bare_lf", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "502 bare LF"),
    ROW("rob_S11_folded", OK("A: b\r\n c\r\n"), "502 folded field line"),
    ROW("rob_S11_nul", OK("A: \0\r\n"), "502 control byte in the head"),
    ROW("rob_S11_blank_before_colon", OK("Content-Length : 5\r\n"), "502 bad field name"),
    ROW("rob_S11_leading_empty_line", "\r\n" OK(""), "502 bad protocol version"),
    ROW("line_0_9", "<html>\r\n\r\n", "502 bad protocol version"),
    ROW("line_icy", STATUS("ICY 200 OK", ""), "502 bad protocol version"),
    ROW("line_2", STATUS("HTTP/2.0 200 OK", ""), "502 unknown major version"),
    ROW("line_two_digits", STATUS("HTTP/1.1 20", ""), "502 bad status line"),
    ROW("line_four_digits", STATUS("HTTP/1.1 2000", ""), "502 bad status line"),
    ROW("line_099", STATUS("HTTP/1.1 099 A", ""), "502 bad status line"),
    ROW("line_600", STATUS("HTTP/1.1 600 A", ""), "502 bad status line"),
    ROW("line_sign", STATUS("HTTP/1.1 +20 A", ""), "502 bad status line"),
    ROW("line_two_spaces", STATUS("HTTP/1.1  200 A", ""), "502 bad status line"),
    ROW("line_no_space", STATUS("HTTP/1.1200 A", ""), "502 bad status line"),
    ROW("short", "HTTP/1.1 200 OK\r\nA: b\r\n", "short"),
};

static const struct row responses_to_head[] = {
    ROW("length", OK("Content-Length: 5\r\n"), "200 'OK' 1.1 keep none=5 +0"),
    ROW("chunked", OK("Transfer-Encoding: chunked\r\n"), "200 'OK' 1.1 keep none +0"),
    ROW("nothing", OK(""), "200 'OK' 1.1 keep none +0"),
    ROW("rob_S11_length_and_encoding", OK("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        "502 Content-Length with Transfer-Encoding"),
};

static struct buf whole(struct slice in, const bool *head)
{
    struct http_cursor at = { 0 };
    int err;

    return describe_call(in.data, in.len, &at, head, true, &err);
}

static void check_same(struct buf *got, const struct buf *want)
{
    if (!slice_eq(buf_slice(got), buf_slice(want)))
        fail_msg("in pieces: %.*s; whole: %.*s", SLICE_FMT(buf_slice(got)), SLICE_FMT(buf_slice(want)));
    buf_free(got);
}

/* The line without its +N: the same head may leave more or less behind it. */
static void drop_rest(struct buf *line)
{
    while (line->len > 0 && line->data[line->len - 1] != '+')
        line->len--;
}

/* Two calls, the first with the bytes up to |cut|: whichever of them decides must say what one
 * call with all of them says. */
static void check_cut(struct slice in, const bool *head, size_t cut)
{
    struct http_cursor at = { 0 };
    int err;

    struct buf got = describe_call(in.data, cut, &at, head, true, &err);
    struct buf want = whole(in, head);
    if (err == MESH_E_SHORT) {
        buf_free(&got);
        got = describe_call(in.data, in.len, &at, head, true, &err);
    } else if (err == 0) {
        drop_rest(&got);
        drop_rest(&want);
    }
    check_same(&got, &want);
    buf_free(&want);
}

/* Byte by byte: each prefix must say what a fresh parse of it says. */
static void check_drip(struct slice in, const bool *head)
{
    struct http_cursor at = { 0 };
    int err = MESH_E_SHORT;

    for (size_t len = 0; len <= in.len && err == MESH_E_SHORT; len++) {
        struct buf got = describe_call(in.data, len, &at, head, true, &err);
        struct buf fresh = whole(slice_head(in, len), head);
        check_same(&got, &fresh);
        buf_free(&fresh);
    }
    if (err == 0)
        assert_int_equal(at.line + at.seen + at.fields, 0);
}

static void check_row(const struct row *row, const bool *head)
{
    struct http_cursor at = { 0 };
    int err;

    struct buf got = describe_call(row->in.data, row->in.len, &at, head, false, &err);
    buf_add_u8(&got, 0);
    assert_string_equal((char *)got.data, row->want);
    buf_free(&got);
    for (size_t cut = 0; cut <= row->in.len; cut++)
        check_cut(row->in, head, cut);
    check_drip(row->in, head);
}

static void request_row(void **state)
{
    check_row(*state, NULL);
}

static void response_row(void **state)
{
    check_row(*state, &to_get);
}

static void response_to_head_row(void **state)
{
    check_row(*state, &to_head);
}

/* A request whose URL has |url| bytes, its head |head|, in |n| fields besides Host. */
static struct buf sized(size_t url, size_t head, size_t n)
{
    struct buf b = BUF_EMPTY;

    buf_add_str(&b, "GET /");
    for (size_t i = 1; i < url; i++)
        buf_add_u8(&b, 'u');
    buf_add_str(&b, " HTTP/1.1\r\nHost: h\r\n");
    for (size_t i = 0; i < n; i++)
        buf_add_str(&b, "A:b\r\n");
    if (head > 0) {
        buf_add_str(&b, "Pad: ");
        while (b.len < head - 4)
            buf_add_u8(&b, 'p');
        buf_add_str(&b, "\r\n");
    }
    buf_add_str(&b, "\r\n");
    assert_true(head == 0 || b.len == head);
    return b;
}

static void check_sized(struct buf request, const char *want)
{
    struct http_cursor at = { 0 };
    int err = MESH_E_SHORT;

    for (size_t len = 0; len < request.len && err == MESH_E_SHORT;) {
        len = len + 97 < request.len ? len + 97 : request.len;
        struct buf got = describe_call(request.data, len, &at, NULL, false, &err);
        struct buf fresh = whole(slice_of(request.data, len), NULL);
        if (err != 0)
            check_same(&got, &fresh);
        if (err != MESH_E_SHORT && want != NULL) {
            buf_add_u8(&fresh, 0);
            assert_string_equal((char *)fresh.data, want);
        }
        buf_free(&got);
        buf_free(&fresh);
    }
    assert_int_equal(err == 0, want == NULL);
    buf_free(&request);
}

static void feat_V11_sizes_at_their_limits(void **state)
{
    (void)state;
    check_sized(sized(8192, 0, 0), NULL);
    check_sized(sized(8193, 0, 0), "413 URL too long");
    check_sized(sized(1, 20480, 0), NULL);
    check_sized(sized(1, 20481, 0), "413 head too large");
    check_sized(sized(20481, 0, 0), "413 head too large");
    check_sized(sized(8192, 20480, 0), NULL);
    check_sized(sized(1, 31 * 1024, 0), "413 head too large"); /* rob_C1 */
    check_sized(sized(1, 0, FIELDS_MAX - 1), NULL);
    check_sized(sized(1, 0, FIELDS_MAX), "431 too many fields");
}

static void rob_U1_host_at_its_limit(void **state)
{
    (void)state;
    for (size_t n = 255; n <= 256; n++) {
        struct buf b = BUF_EMPTY;
        buf_add_str(&b, "GET / HTTP/1.1\r\nHost: ");
        for (size_t i = 0; i < n; i++)
            buf_add_u8(&b, 'h');
        buf_add_str(&b, ":80\r\n\r\n");
        check_sized(b, n == 255 ? NULL : "400 bad Host");
    }
}

static void leading_empty_line_does_not_count(void **state)
{
    (void)state;
    struct buf b = BUF_EMPTY, request = sized(1, 20480, 0);

    buf_add_str(&b, "\r\n");
    buf_add_slice(&b, buf_slice(&request));
    buf_free(&request);
    check_sized(b, NULL);
}

static void head_without_any_line_end_is_refused_at_the_limit(void **state)
{
    (void)state;
    static uint8_t bytes[HTTP_RESPONSE_HEAD_MAX + 1];
    struct http_request *r = malloc(sizeof(*r));
    struct http_response *s = malloc(sizeof(*s));
    struct http_cursor at = { 0 };
    size_t used = 42;

    assert_non_null(r);
    assert_non_null(s);
    memset(bytes, 'G', sizeof(bytes));
    assert_int_equal(http_parse_request(SLICE_EMPTY, &at, r, &used), MESH_E_SHORT);
    assert_int_equal(http_parse_response(SLICE_EMPTY, &at, false, s, &used), MESH_E_SHORT);
    assert_int_equal(http_parse_request(slice_of(bytes, HTTP_REQUEST_HEAD_MAX), &at, r, &used), MESH_E_SHORT);
    assert_int_equal(http_parse_request(slice_of(bytes, HTTP_REQUEST_HEAD_MAX + 1), &at, r, &used), MESH_E_FULL);
    assert_int_equal(r->fault.status, 413);
    at = (struct http_cursor){ 0 };
    assert_int_equal(http_parse_response(slice_of(bytes, HTTP_RESPONSE_HEAD_MAX), &at, false, s, &used), MESH_E_SHORT);
    assert_int_equal(http_parse_response(slice_of(bytes, HTTP_RESPONSE_HEAD_MAX + 1), &at, false, s, &used),
                     MESH_E_FULL);
    assert_int_equal(s->fault.status, 502);
    assert_int_equal(used, 42);
    free(r);
    free(s);
}

static void slices_lend_from_the_input(void **state)
{
    (void)state;
    static const char text[] = "GET /p?q HTTP/1.1\r\nHost: h:80\r\nX-A:  b \r\n\r\nrest";
    struct slice in = slice_of(text, sizeof(text) - 1);
    struct http_request *r = malloc(sizeof(*r));
    struct http_cursor at = { 0 };
    size_t used = 0;

    assert_non_null(r);
    assert_int_equal(http_parse_request(in, &at, r, &used), 0);
    assert_int_equal(used, in.len - 4);
    assert_int_equal(r->method, HTTP_GET);
    assert_ptr_equal(r->method_text.data, in.data);
    assert_ptr_equal(r->target.data, in.data + 4);
    assert_ptr_equal(r->query.data, in.data + 7);
    assert_true(slice_eq(r->authority, SLICE_LIT("h:80")));
    assert_true(slice_eq(r->host, SLICE_LIT("h")));
    assert_int_equal(r->fields.n, 2);
    assert_true(slice_eq(r->fields.at[1].name, SLICE_LIT("X-A")));
    assert_true(slice_eq(r->fields.at[1].value, SLICE_LIT("b")));
    assert_ptr_equal(r->fields.at[1].value.data, (const uint8_t *)strstr(text, "b \r\n"));
    free(r);
}

/* The access log names what was refused; nothing behind it is executed (row S10). */
static void rob_S10_refused_request_still_has_its_line(void **state)
{
    (void)state;
    static const char text[] = "PUT /p HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
    struct http_request *r = malloc(sizeof(*r));
    struct http_cursor at = { 0 };
    size_t used = 42;

    assert_non_null(r);
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        int err = http_parse_request(slice_of(text, len), &at, r, &used);
        if (err == MESH_E_SHORT)
            continue;
        assert_int_equal(err, MESH_E_SYNTAX);
        break;
    }
    assert_int_equal(used, 42);
    assert_int_equal(r->method, HTTP_PUT);
    assert_true(slice_eq(r->target, SLICE_LIT("/p")));
    assert_string_equal(r->fault.reason, "two Host fields");
    free(r);
}

static void every_known_method_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum http_method method;
    } rows[] = { { "GET", HTTP_GET },         { "HEAD", HTTP_HEAD },     { "POST", HTTP_POST },
                 { "PUT", HTTP_PUT },         { "DELETE", HTTP_DELETE }, { "PATCH", HTTP_PATCH },
                 { "OPTIONS", HTTP_OPTIONS }, { "TRACE", HTTP_TRACE },   { "CONNECT", HTTP_CONNECT },
                 { "GOT", HTTP_OTHER },       { "PURGE", HTTP_OTHER },   { "HEAX", HTTP_OTHER },
                 { "POSX", HTTP_OTHER },      { "X", HTTP_OTHER },       { "OPTIONX", HTTP_OTHER },
                 { "DELETX", HTTP_OTHER } };
    struct http_request *r = malloc(sizeof(*r));

    assert_non_null(r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[80];
        struct http_cursor at = { 0 };
        size_t used;
        snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].text,
                 rows[i].method == HTTP_CONNECT ? "h:1" : "/");
        assert_int_equal(http_parse_request(slice_str(text), &at, r, &used), 0);
        assert_int_equal(r->method, rows[i].method);
    }
    free(r);
}

static void add_rows(struct CMUnitTest *tests, size_t *n, const struct row *rows, size_t count, CMUnitTestFunction run)
{
    for (size_t i = 0; i < count; i++)
        tests[(*n)++] = (struct CMUnitTest){ rows[i].name, run, NULL, NULL, (void *)(uintptr_t)&rows[i] };
}

int main(void)
{
    static struct CMUnitTest tests[COUNT(requests) + COUNT(responses) + COUNT(responses_to_head) + 16] = {
        cmocka_unit_test(feat_V11_sizes_at_their_limits),
        cmocka_unit_test(rob_U1_host_at_its_limit),
        cmocka_unit_test(leading_empty_line_does_not_count),
        cmocka_unit_test(head_without_any_line_end_is_refused_at_the_limit),
        cmocka_unit_test(slices_lend_from_the_input),
        cmocka_unit_test(rob_S10_refused_request_still_has_its_line),
        cmocka_unit_test(every_known_method_is_named),
    };
    size_t n = 7;

    add_rows(tests, &n, requests, COUNT(requests), request_row);
    add_rows(tests, &n, responses, COUNT(responses), response_row);
    add_rows(tests, &n, responses_to_head, COUNT(responses_to_head), response_to_head_row);
    return _cmocka_run_group_tests("parse", tests, n, NULL, NULL);
}
