/* test_forwarded.c - what goes on is written anew (ROBUSTNESS S13): of heads put together at random out of odd
 * pieces, each that the parser takes becomes a request to the origin, or an answer to a viewer, that is exactly one
 * message in the one plain form, and holds nothing but what was parsed and what we say ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/core/forward.h"
#include "node/core/key.h"
#include "node/dist/url.h"
#include "node/http/parse.h"
#include "node/io/answer.h"
#include "node/io/upstream_request.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define ROUNDS     20000
#define PICK(list) (list)[rand_below(r, sizeof(list) / sizeof((list)[0]))]

static const struct mesh_id mesh = { { 1 } };
static struct http_request request, again;
static struct http_response response, answer_again;

static const char *const starts[] = { "", "", "", "\r\n", "\n", " " };
static const char *const targets[] = {
    "/",          "/a", "/a/../b?c", "/%61%2f?%", "http://h/x", "HTTP://H:80/x", "//h/a",      "/a\tb", "/a b",
    "/a?b=\"<>|", "*",  "h:1",       "/\xC3\xA4", "/a;b=c",     "/a//b",         "/%0d%0aX:y", "/%00",  "/a#b",
};
static const char *const names[] = {
    "Accept",
    "COOKIE",
    "x-own",
    "X-Forwarded-For",
    "Connection",
    "TE",
    "Upgrade",
    "Keep-Alive",
    "Via",
    "CDN-Loop",
    "User-Agent",
    "Accept-Encoding",
    "Authorization",
    "If-None-Match",
    "Range",
    "X-Request-Id",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Host",
    "Trailer",
    "X Y",
    "X:",
    "",
    "\xC3\xA4",
    "Set-Cookie",
    "Age",
    "Cache-Status",
    "X-Cache",
    "Date",
    "ETag",
    "Proxy-Connection",
};
static const char *const colons[] = { ":", ":", ": ", ": ", ":\t ", " :", "", ":\r\n " };
static const char *const values[] = {
    "",      "a",       "x-own", "close",     "keep-alive, x-own", "0",
    "5",     "chunked", "h",     "a \t b",    "\xFF\x80",          "\"a, b\"",
    "a\rb",  "a\nb",    "a\x01", "a\r\nX: y", "100-continue",      ", ,",
    "a\x7F",
};
static const char *const ends[] = { "\r\n",    "\r\n",   "\r\n", "\r\n", "\r\n",  "\r\n",
                                    " \t\r\n", "\t\r\n", "\n",   "\r",   "\r\r\n" };

static void add_fields(struct buf *out, struct rand *r)
{
    for (uint64_t n = rand_below(r, 6); n > 0; n--) {
        buf_add_str(out, PICK(names));
        buf_add_str(out, PICK(colons));
        buf_add_str(out, PICK(values));
        buf_add_str(out, PICK(ends));
    }
    buf_add_str(out, rand_below(r, 16) == 0 ? "\n" : "\r\n");
}

static void make_request(struct buf *out, struct rand *r)
{
    buf_clear(out);
    buf_add_str(out, PICK(starts));
    buf_add_str(out, "GET ");
    buf_add_str(out, PICK(targets));
    buf_add_str(out, rand_below(r, 2) == 0 ? " HTTP/1.1" : " HTTP/1.7");
    buf_add_str(out, PICK(ends));
    buf_add_str(out, "Host:h\r\n");
    add_fields(out, r);
}

/* The one plain form of |f| behind a first line of |first| bytes. */
static void check_plain(const struct buf *out, size_t first, const struct fields *f)
{
    struct buf plain = BUF_EMPTY;

    buf_add_slice(&plain, slice_head(buf_slice(out), first));
    for (size_t i = 0; i < f->n; i++)
        buf_addf(&plain, "%.*s: %.*s\r\n", SLICE_FMT(f->at[i].name), SLICE_FMT(f->at[i].value));
    buf_add_str(&plain, "\r\n");
    if (!slice_eq(buf_slice(&plain), buf_slice(out)))
        fail_msg("written as %.*s", SLICE_FMT(buf_slice(out)));
    buf_free(&plain);
}

/* Each of |f| is one of |from| that may go on, in the same order, or begins with one of |ours|. */
static void check_known(const struct fields *f, const struct fields *from, const char *const *ours)
{
    size_t at = 0;

    for (size_t i = 0; i < f->n; i++) {
        const struct field *one = &f->at[i];
        size_t was = at;
        while (at < from->n && !(slice_eq(from->at[at].name, one->name) && slice_eq(from->at[at].value, one->value) &&
                                 !fields_hop_by_hop(from, &from->at[at])))
            at++;
        if (at++ < from->n)
            continue;
        at = was;
        const char *const *own = ours;
        while (*own != NULL && !slice_eq_nocase(one->name, slice_str(*own)))
            own++;
        if (*own == NULL)
            fail_msg("%.*s: %.*s is neither theirs nor ours", SLICE_FMT(one->name), SLICE_FMT(one->value));
    }
}

static size_t first_line(const struct buf *out)
{
    const uint8_t *lf = memchr(out->data, '\n', out->len);

    assert_non_null(lf);
    return (size_t)(lf - out->data) + 1;
}

/* Returns whether the request went on. */
static bool check_request(const struct buf *in, bool personal)
{
    static const char *const ours[] = { "Host", "X-Request-Id", "User-Agent",      "Accept-Encoding",
                                        "Via",  "CDN-Loop",     "X-Forwarded-For", NULL };
    struct origin_url url;
    struct dist_origin origin = { .attempts = 1 };
    struct buf path = BUF_EMPTY, out = BUF_EMPTY;
    struct http_cursor at = { 0 };
    const char *why;
    size_t used;

    if (http_parse_request(buf_slice(in), &at, &request, &used) != 0 || request.body.framing != HTTP_BODY_NONE ||
        key_path(&path, request.form == HTTP_FORM_ABSOLUTE ? request.path : request.target) != 0) {
        buf_free(&path);
        return false;
    }
    struct fetch f = { .path = buf_slice(&path), .host = request.host, .request_id = SLICE_LIT("0a1b") };
    f.forward = personal ? &request.fields : NULL;
    assert_int_equal(origin_url_parse(SLICE_LIT("http://origin.example/p"), &url, &why), 0);
    origin.authority = url.authority;
    origin.prefix = url.prefix;
    assert_int_equal(upstream_request(&out, &origin, &f, NULL, SLICE_EMPTY, SLICE_LIT("fra-1"), &mesh), 0);
    assert_int_equal(http_parse_request(buf_slice(&out), &at, &again, &used), 0);
    assert_int_equal(used, out.len); /* one message: nothing follows it */
    assert_int_equal(again.body.framing, HTTP_BODY_NONE);
    assert_int_equal(again.target.len, path.len + 2);
    check_plain(&out, first_line(&out), &again.fields);
    static const struct fields none = { .n = 0 };
    check_known(&again.fields, personal ? &request.fields : &none, ours);
    assert_null(fields_find(&again.fields, SLICE_LIT("connection")));
    buf_free(&path);
    buf_free(&out);
    return true;
}

static void rob_S13_requests_are_written_from_the_parsed_form(void **state)
{
    struct rand r = rand_of(1, 2, 3);
    struct buf in = BUF_EMPTY;
    size_t went = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        make_request(&in, &r);
        went += check_request(&in, i % 2 == 0);
    }
    assert_in_range(went, ROUNDS / 50, ROUNDS / 2); /* both kinds were there, and many */
    buf_free(&in);
}

static bool check_answer(const struct buf *in)
{
    static const char *const ours[] = {
        "Date",         "Age",          "Via",        "X-Cache",        "X-Hedgerow-Pop",
        "X-Request-Id", "Cache-Status", "Connection", "Content-Length", NULL
    };
    static struct head parsed;
    struct http_cursor at = { 0 };
    struct buf wire = BUF_EMPTY, out = BUF_EMPTY;
    struct selection all = { .how = SELECT_WHOLE };
    size_t used;

    if (http_parse_response(buf_slice(in), &at, false, &response, &used) != 0 || response.status < 200)
        return false;
    parsed = (struct head){ .generation = 1, .status = response.status };
    memcpy(&parsed.fields, &response.fields, sizeof(response.fields));
    assert_int_equal(head_encode(&wire, &parsed), 0);
    struct kept_head *kept = kept_head_of(buf_slice(&wire));
    assert_non_null(kept);
    struct answer a = { .head = kept, .has_length = true, .length = 7, .result = RESULT_HIT, .stored = true };
    struct answer_to to = { .node = SLICE_LIT("fra-1"),
                            .pop = SLICE_LIT("eu/fra/fra-1"),
                            .request_id = SLICE_LIT("0a1b"),
                            .minor = 1,
                            .date = SLICE_LIT("Sun, 06 Nov 1994 08:49:37 GMT") };
    assert_int_equal(answer_head(&out, &a, &all, &to), response.status);
    bool bare = response.status == 204 || response.status == 304;
    assert_int_equal(http_parse_response(buf_slice(&out), &at, false, &answer_again, &used), 0);
    assert_int_equal(used, out.len);
    assert_int_equal(answer_again.status, response.status);
    assert_int_equal(answer_again.body.framing, bare ? HTTP_BODY_NONE : HTTP_BODY_LENGTH);
    assert_true(bare || answer_again.body.length == 7);
    check_plain(&out, first_line(&out), &answer_again.fields);
    check_known(&answer_again.fields, &response.fields, ours);
    free(kept);
    buf_free(&wire);
    buf_free(&out);
    return true;
}

static void rob_S13_answers_are_written_from_the_parsed_form(void **state)
{
    static const char *const lines[] = { "HTTP/1.1 200 OK", "HTTP/1.1 404",      "HTTP/1.0 200 \xE4",
                                         "HTTP/1.1 304 N",  "HTTP/1.1 500 a\tb", "HTTP/1.1 200 OK\r",
                                         "HTTP/1.1 103 E" };
    struct rand random = rand_of(4, 5, 6), *r = &random;
    struct buf in = BUF_EMPTY;
    size_t went = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        buf_clear(&in);
        buf_add_str(&in, PICK(lines));
        buf_add_str(&in, "\r\n");
        add_fields(&in, r);
        went += check_answer(&in);
    }
    assert_in_range(went, ROUNDS / 50, ROUNDS / 2);
    buf_free(&in);
}

/* What the documentation of Amazon CloudFront lists of request headers, and what becomes of each on the way to an
 * origin.
 * '-': stops here. '+': goes on, of a shared fetch too. '1': only with a fetch for this viewer alone. 'p': only with
 * methods that no copy answers, since a copy answers it. '=': we say it ourselves. */
static const struct {
    const char *name;
    char fate;
} listed[] = {
    { "Accept", '+' },
    { "Accept-Charset", '+' },
    { "Accept-Encoding", '1' },
    { "Accept-Language", '+' },
    { "Authorization", '1' },
    { "Cache-Control", '+' },
    { "CloudFront-Forwarded-Proto", '+' },
    { "CloudFront-Is-Desktop-Viewer", '+' },
    { "CloudFront-Is-Mobile-Viewer", '+' },
    { "CloudFront-Is-Tablet-Viewer", '+' },
    { "CloudFront-Viewer-Country", '+' },
    { "Connection", '-' },
    { "Content-Length", '-' },
    { "Content-MD5", '+' },
    { "Content-Type", '+' },
    { "Cookie", '1' },
    { "Date", '+' },
    { "Expect", '-' },
    { "From", '+' },
    { "Host", '-' },
    { "If-Match", 'p' },
    { "If-Modified-Since", 'p' },
    { "If-None-Match", 'p' },
    { "If-Range", 'p' },
    { "If-Unmodified-Since", 'p' },
    { "Max-Forwards", 'p' },
    { "Origin", '+' },
    { "Pragma", '+' },
    { "Proxy-Authenticate", '-' },
    { "Proxy-Authorization", '-' },
    { "Proxy-Connection", '-' },
    { "Range", 'p' },
    { "Referer", '+' },
    { "Request-Range", '+' },
    { "TE", '-' },
    { "Trailer", '-' },
    { "Transfer-Encoding", '-' },
    { "Upgrade", '-' },
    { "User-Agent", '+' },
    { "Via", '+' },
    { "Warning", '+' },
    { "X-Amz-Cf-Id", '+' },
    { "X-Edge-Anything", '-' },
    { "X-Forwarded-For", '-' }, /* by itself: see below */
    { "X-Forwarded-Proto", '-' },
    { "X-HTTP-Method-Override", '-' },
    { "X-Real-IP", '-' },
    { "X-Anything-Else", '+' },
    /* and besides that list */
    { "Keep-Alive", '-' },
    { "HTTP2-Settings", '-' },
    { "Proxy", '-' },
    { "Forwarded", '-' },
    { "X-Forwarded-Host", '-' },
    { "X-Original-URL", '-' },
    { "X-Rewrite-URL", '-' },
    { "X-Request-Id", '-' },
};

static bool goes_on(const char *name, enum forward_into into)
{
    struct fields fields = { .n = 0 };

    assert_int_equal(fields_add(&fields, slice_str(name), SLICE_LIT("v")), 0);
    struct forward *f = forward_of(&fields, into, NULL);
    assert_non_null(f);
    assert_true(f->fields.n <= 1);
    bool on = f->fields.n == 1;
    forward_unref(f);
    return on;
}

static void feat_V13_each_listed_header_has_its_fate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        const char *name = listed[i].name;
        char fate = listed[i].fate;
        if (goes_on(name, FORWARD_SHARED) != (fate == '+') ||
            goes_on(name, FORWARD_ALONE) != (fate == '+' || fate == '1') ||
            goes_on(name, FORWARD_PASSAGE) != (fate != '-'))
            fail_msg("%s", name);
    }
}

static void check_forwarded_for(const struct fields *fields, enum forward_into into, const char *viewer,
                                const char *want)
{
    struct mesh_addr addr;

    assert_int_equal(mesh_addr_parse(slice_str(viewer), &addr), 0);
    struct forward *f = forward_of(fields, into, &addr);
    assert_non_null(f);
    const struct field *field = fields_find(&f->fields, SLICE_LIT("x-forwarded-for"));
    if (want == NULL) {
        assert_null(field);
    } else {
        assert_non_null(field);
        assert_null(fields_next(&f->fields, SLICE_LIT("x-forwarded-for"), field));
        if (!slice_eq(field->value, slice_str(want)))
            fail_msg("%.*s", SLICE_FMT(field->value));
    }
    forward_unref(f);
}

/* A forged address keeps its place; the last one is true. */
static void feat_V13_the_viewers_address_comes_last(void **state)
{
    struct fields none = { .n = 0 }, forged = { .n = 0 };

    (void)state;
    assert_int_equal(fields_add(&forged, SLICE_LIT("x-forwarded-FOR"), SLICE_LIT("192.0.2.4,192.0.2.3")), 0);
    assert_int_equal(fields_add(&forged, SLICE_LIT("Accept"), SLICE_LIT("*")), 0);
    assert_int_equal(fields_add(&forged, SLICE_LIT("X-Forwarded-For"), SLICE_EMPTY), 0);
    assert_int_equal(fields_add(&forged, SLICE_LIT("X-Forwarded-For"), SLICE_LIT("198.51.100.2")), 0);
    check_forwarded_for(&none, FORWARD_ALONE, "203.0.113.9:1234", "203.0.113.9");
    check_forwarded_for(&none, FORWARD_PASSAGE, "[2001:db8::1]:80", "2001:db8::1");
    check_forwarded_for(&forged, FORWARD_ALONE, "203.0.113.9:1234", "192.0.2.4,192.0.2.3, 198.51.100.2, 203.0.113.9");
    check_forwarded_for(&forged, FORWARD_PASSAGE, "[::1]:80", "192.0.2.4,192.0.2.3, 198.51.100.2, ::1");
    check_forwarded_for(&forged, FORWARD_SHARED, "203.0.113.9:1234", NULL);
    check_forwarded_for(NULL, FORWARD_ALONE, "203.0.113.9:1", "203.0.113.9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rob_S13_requests_are_written_from_the_parsed_form),
        cmocka_unit_test(feat_V13_each_listed_header_has_its_fate),
        cmocka_unit_test(feat_V13_the_viewers_address_comes_last),
        cmocka_unit_test(rob_S13_answers_are_written_from_the_parsed_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
