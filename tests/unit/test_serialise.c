#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/http/chunked.h"
#include "node/http/serialise.h"
#include "proto/base/err.h"

#define S(text)        SLICE_LIT(text)
#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define NO_BODY        ((struct http_body){ HTTP_BODY_NONE, false, 0 })
#define BODY_OF(bytes) ((struct http_body){ HTTP_BODY_LENGTH, true, bytes })
#define CHUNKED        ((struct http_body){ HTTP_BODY_CHUNKED, false, 0 })

static struct fields f;

static int empty(void **state)
{
    (void)state;
    fields_clear(&f);
    return 0;
}

static void add(struct slice name, struct slice value)
{
    assert_int_equal(fields_add(&f, name, value), 0);
}

static void check(struct buf *got, const char *want)
{
    assert_true(buf_ok(got));
    buf_add_u8(got, 0);
    assert_string_equal((char *)got->data, want);
    buf_free(got);
}

static void check_request(const struct http_request_head *head, const char *want)
{
    struct buf b = BUF_EMPTY;

    assert_int_equal(http_put_request(&b, head), 0);
    check(&b, want);
}

static void check_response(const struct http_response_head *head, const char *want)
{
    struct buf b = BUF_EMPTY;

    assert_int_equal(http_put_response(&b, head), 0);
    check(&b, want);
}

static void request_of_an_edge(void **state)
{
    (void)state;
    add(S("Accept"), S("*/*"));
    add(S("Via"), S("1.1 fra-1"));
    check_request(&(struct http_request_head){ S("GET"), S("/a?b"), S("h:80"), &f, NO_BODY, false, SLICE_EMPTY },
                  "GET /a?b HTTP/1.1\r\nHost: h:80\r\nAccept: */*\r\nVia: 1.1 fra-1\r\n\r\n");
    check_request(&(struct http_request_head){ S("POST"), S("/"), S("h"), NULL, BODY_OF(5), true, SLICE_EMPTY },
                  "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\n");
    check_request(&(struct http_request_head){ S("PUT"), S("/"), S("h"), NULL, CHUNKED, false, SLICE_EMPTY },
                  "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    check_request(&(struct http_request_head){ S("GET"), S("/"), S("h"), NULL, NO_BODY, false, S("websocket") },
                  "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

/* Rows S1, S9, S13: framing and connection are ours, whatever the parsed fields said. */
static void rob_S13_framing_of_the_viewer_goes_nowhere(void **state)
{
    (void)state;
    add(S("host"), S("evil"));
    add(S("content-LENGTH"), S("7"));
    add(S("Transfer-Encoding"), S("chunked"));
    add(S("Expect"), S("100-continue"));
    add(S("Upgrade"), S("h2c"));
    add(S("HTTP2-Settings"), S("x"));
    add(S("Connection"), S("Upgrade, HTTP2-Settings"));
    add(S("Keep-Alive"), S("timeout=5"));
    add(S("TE"), S("trailers"));
    add(S("Proxy-Authorization"), S("Basic x"));
    add(S("Accept"), S("*/*"));
    check_request(&(struct http_request_head){ S("GET"), S("/"), S("h"), &f, NO_BODY, false, SLICE_EMPTY },
                  "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n");
    check_response(&(struct http_response_head){ 200, 1, &f, BODY_OF(3), false, SLICE_EMPTY, SLICE_EMPTY },
                   "HTTP/1.1 200 OK\r\nhost: evil\r\nExpect: 100-continue\r\nAccept: */*\r\nContent-Length: 3\r\n\r\n");
}

static void response_to_a_viewer(void **state)
{
    (void)state;
    add(S("ETag"), S("\"x\""));
    check_response(&(struct http_response_head){ 200, 1, &f, BODY_OF(0), false, S("today"), SLICE_EMPTY },
                   "HTTP/1.1 200 OK\r\nDate: today\r\nETag: \"x\"\r\nContent-Length: 0\r\n\r\n");
    add(S("date"), S("yesterday"));
    check_response(&(struct http_response_head){ 200, 1, &f, CHUNKED, true, S("today"), SLICE_EMPTY },
                   "HTTP/1.1 200 OK\r\nETag: \"x\"\r\ndate: yesterday\r\nConnection: close\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n");
    check_response(
        &(struct http_response_head){
            200, 0, NULL, { HTTP_BODY_UNTIL_CLOSE, false, 0 }, true, SLICE_EMPTY, SLICE_EMPTY },
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    check_response(&(struct http_response_head){ 200, 0, NULL, BODY_OF(1), false, SLICE_EMPTY, SLICE_EMPTY },
                   "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n");
    /* The length that a GET would bring: HEAD and 304. */
    check_response(
        &(struct http_response_head){ 304, 1, NULL, { HTTP_BODY_NONE, true, 9 }, false, SLICE_EMPTY, SLICE_EMPTY },
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
    check_response(&(struct http_response_head){ 204, 1, NULL, BODY_OF(0), false, SLICE_EMPTY, SLICE_EMPTY },
                   "HTTP/1.1 204 No Content\r\n\r\n");
    check_response(&(struct http_response_head){ 599, 1, NULL, BODY_OF(0), false, SLICE_EMPTY, SLICE_EMPTY },
                   "HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n");
}

static void interim_answers(void **state)
{
    (void)state;
    struct buf b = BUF_EMPTY;

    add(S("Link"), S("</a>"));
    check_response(&(struct http_response_head){ 103, 0, &f, NO_BODY, true, S("today"), SLICE_EMPTY },
                   "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    check_response(&(struct http_response_head){ 101, 1, NULL, NO_BODY, false, S("today"), S("websocket") },
                   "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    http_put_continue(&b);
    check(&b, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* One bad part, and nothing at all is written. */
static void rob_J1_no_value_ends_a_line(void **state)
{
    (void)state;
    static const struct {
        struct slice name, value;
    } bad[] = { { { (const uint8_t *)"A", 1 }, { (const uint8_t *)"b\r\nc", 4 } },
                { { (const uint8_t *)"A", 1 }, { (const uint8_t *)"b\rc", 3 } },
                { { (const uint8_t *)"A", 1 }, { (const uint8_t *)"b\nc", 3 } },
                { { (const uint8_t *)"A", 1 }, { (const uint8_t *)"b\0c", 3 } },
                { { (const uint8_t *)"A", 1 }, { (const uint8_t *)"\x7F", 1 } },
                { { (const uint8_t *)"A", 1 }, { (const uint8_t *)"0123456789\n", 11 } },
                { { (const uint8_t *)"", 0 }, { (const uint8_t *)"b", 1 } },
                { { (const uint8_t *)"A:", 2 }, { (const uint8_t *)"b", 1 } },
                { { (const uint8_t *)"A ", 2 }, { (const uint8_t *)"b", 1 } },
                { { (const uint8_t *)"A\n", 2 }, { (const uint8_t *)"b", 1 } },
                { { (const uint8_t *)"\xC4", 1 }, { (const uint8_t *)"b", 1 } } };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf b = BUF_EMPTY;
        buf_add_str(&b, "before");
        fields_clear(&f);
        add(S("Fine"), S("yes"));
        add(bad[i].name, bad[i].value);
        assert_int_equal(http_put_field(&b, bad[i].name, bad[i].value), MESH_E_SYNTAX);
        assert_int_equal(http_put_request(&b, &(struct http_request_head){ S("GET"), S("/"), S("h"), &f, NO_BODY, false,
                                                                           SLICE_EMPTY }),
                         MESH_E_SYNTAX);
        assert_int_equal(
            http_put_response(&b, &(struct http_response_head){ 200, 1, &f, NO_BODY, false, SLICE_EMPTY, SLICE_EMPTY }),
            MESH_E_SYNTAX);
        check(&b, "before");
    }
}

static void rob_J1_no_part_of_a_request_ends_its_line(void **state)
{
    (void)state;
    const struct {
        struct slice method, target, host, upgrade;
    } bad[] = {
        { S("GET /x"), S("/"), S("h"), S("") },      { S(""), S("/"), S("h"), S("") },
        { S("GET"), S(""), S("h"), S("") },          { S("GET"), S("/ HTTP/1.1\r\nA: b"), S("h"), S("") },
        { S("GET"), S("/a b"), S("h"), S("") },      { S("GET"), S("/a#b"), S("h"), S("") },
        { S("GET"), S("/\xC3\xA4"), S("h"), S("") }, { S("GET"), S("/"), S("h\r\nA: b"), S("") },
        { S("GET"), S("/"), S("h"), S("a\nb") },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct buf b = BUF_EMPTY;
        struct http_request_head head = { bad[i].method, bad[i].target, bad[i].host,   NULL,
                                          NO_BODY,       false,         bad[i].upgrade };
        assert_int_equal(http_put_request(&b, &head), MESH_E_SYNTAX);
        assert_int_equal(b.len, 0);
        buf_free(&b);
    }
    struct buf b = BUF_EMPTY;
    struct http_response_head head = { .status = 200, .date = S("a\r\nb") };
    assert_int_equal(http_put_response(&b, &head), MESH_E_SYNTAX);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void rob_J1_uri_of_a_viewers_bytes(void **state)
{
    (void)state;
    struct buf b = BUF_EMPTY;

    http_put_uri(&b, S("https://h/a b?c=\"<>\\^`{|}\r\nX: \0%41#\x7F\xFF"));
    check(&b, "https://h/a%20b?c=%22%3C%3E%5C%5E%60%7B%7C%7D%0D%0AX:%20%00%41#%7F%FF");
    http_put_uri(&b, S(""));
    assert_int_equal(b.len, 0);
}

static void numbers_of_every_length(void **state)
{
    (void)state;
    struct buf b = BUF_EMPTY;

    http_put_number(&b, S("Age"), 0);
    http_put_number(&b, S("N"), 1234567890);
    http_put_number(&b, S("N"), UINT64_MAX);
    check(&b, "Age: 0\r\nN: 1234567890\r\nN: 18446744073709551615\r\n");
}

static void chunks_come_back(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        const char *line;
    } rows[] = { { 1, "1\r\n" },
                 { 15, "f\r\n" },
                 { 16, "10\r\n" },
                 { 65536, "10000\r\n" },
                 { 0xABCDEF, "abcdef\r\n" },
                 { UINT64_MAX, "ffffffffffffffff\r\n" } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t line[HTTP_CHUNK_LINE_MAX];
        size_t n = http_chunk_line(line, rows[i].size);
        assert_int_equal(n, strlen(rows[i].line));
        assert_memory_equal(line, rows[i].line, n);
    }

    struct buf b = BUF_EMPTY, body = BUF_EMPTY;
    http_put_chunk(&b, S("hello"));
    http_put_chunk(&b, S("")); /* would end the body: nothing */
    http_put_chunk(&b, S(" to everybody here"));
    http_put_last_chunk(&b);
    struct slice in = buf_slice(&b), data;
    struct http_chunked c;
    http_chunked_init(&c);
    while (http_chunked_read(&c, &in, &data) == 0 && !http_chunked_done(&c))
        buf_add_slice(&body, data);
    assert_true(http_chunked_done(&c));
    check(&body, "hello to everybody here");
    check(&b, "5\r\nhello\r\n12\r\n to everybody here\r\n0\r\n\r\n");
}

/* What we write we also read, with the same meaning. */
static void heads_come_back(void **state)
{
    (void)state;
    struct http_request *r = malloc(sizeof(*r));
    struct buf b = BUF_EMPTY;
    struct http_cursor at = { 0 };
    size_t used;

    assert_non_null(r);
    add(S("Accept"), S("*/*"));
    add(S("Empty"), S(""));
    struct http_request_head head = { S("POST"), S("/a?b"), S("h:81"), &f, BODY_OF(77), true, SLICE_EMPTY };
    assert_int_equal(http_put_request(&b, &head), 0);
    assert_int_equal(http_parse_request(buf_slice(&b), &at, r, &used), 0);
    assert_int_equal(used, b.len);
    assert_int_equal(r->method, HTTP_POST);
    assert_true(slice_eq(r->target, S("/a?b")));
    assert_true(slice_eq(r->authority, S("h:81")));
    assert_int_equal(r->body.framing, HTTP_BODY_LENGTH);
    assert_int_equal(r->body.length, 77);
    assert_false(r->keep_alive);
    assert_int_equal(r->fields.n, 5);
    buf_free(&b);
    free(r);
}

static void reasons_of_the_registry(void **state)
{
    (void)state;
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(206), "Partial Content");
    assert_string_equal(http_reason(413), "Content Too Large");
    assert_string_equal(http_reason(421), "Misdirected Request");
    assert_string_equal(http_reason(508), "Loop Detected");
    assert_string_equal(http_reason(418), "");
    assert_string_equal(http_reason(0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(request_of_an_edge, empty),
        cmocka_unit_test_setup(rob_S13_framing_of_the_viewer_goes_nowhere, empty),
        cmocka_unit_test_setup(response_to_a_viewer, empty),
        cmocka_unit_test_setup(interim_answers, empty),
        cmocka_unit_test_setup(rob_J1_no_value_ends_a_line, empty),
        cmocka_unit_test_setup(rob_J1_no_part_of_a_request_ends_its_line, empty),
        cmocka_unit_test_setup(rob_J1_uri_of_a_viewers_bytes, empty),
        cmocka_unit_test_setup(numbers_of_every_length, empty),
        cmocka_unit_test_setup(chunks_come_back, empty),
        cmocka_unit_test_setup(heads_come_back, empty),
        cmocka_unit_test_setup(reasons_of_the_registry, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
