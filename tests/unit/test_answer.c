/* test_answer.c - the head of an answer, whole: what the stored head says, what we say, and how
 * the body is framed for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/io/answer.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define OURS "Via: 1.1 fra-1 (hedgerow)\r\nX-Hedgerow-Pop: eu/fra/fra-1\r\nX-Cache: "

static struct head head;
static union {
    struct kept_head head;
    uint8_t room[4096];
} kept; /* what the answer lends: |head| */
static const struct selection whole;

static struct answer answer_of(uint16_t status, enum request_result result)
{
    memset(&head, 0, sizeof(head));
    head.status = status;
    kept_head_put(&kept.head, &head, SLICE_EMPTY);
    return (struct answer){
        .head = &kept.head,
        .age_ns = SEC(7) + MS(900),
        .ttl_ns = SEC(52) + MS(100),
        .has_length = true,
        .length = 5,
        .result = result,
    };
}

static struct answer_to viewer(uint8_t minor)
{
    return (struct answer_to){ .node = SLICE_LIT("fra-1"),
                               .pop = SLICE_LIT("eu/fra/fra-1"),
                               .request_id = SLICE_LIT("0a1b"),
                               .date = SLICE_LIT(DATE),
                               .minor = minor };
}

static void add(const char *name, const char *value)
{
    struct slice none = SLICE_EMPTY;

    assert_int_equal(fields_add(&head.fields, slice_str(name), slice_str(value)), 0);
    assert_true(kept_head_size(&head, &none) <= sizeof(kept));
    kept_head_put(&kept.head, &head, none);
}

static void check(const struct answer *a, const struct answer_to *to, const char *want)
{
    struct buf b = BUF_EMPTY;

    answer_head(&b, a, &whole, to);
    buf_add_u8(&b, 0);
    assert_true(buf_ok(&b));
    assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

static void a_hit(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct answer_to to = viewer(1);

    (void)state;
    add("Content-Type", "text/plain");
    add("Via", "1.1 before");
    check(&a, &to,
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nVia: 1.1 before\r\nDate: " DATE "\r\nContent-Length: 5\r\n"
          "Age: 7\r\n" OURS "Hit from hedgerow\r\nCache-Status: fra-1; hit; ttl=52\r\nX-Request-Id: 0a1b\r\n\r\n");
}

/* What is kept, with the copy and of the node, makes no difference but that it is faster. */
static void what_is_kept_is_what_would_be_written(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct answer_to to = viewer(1);
    struct buf plain = BUF_EMPTY, lines = BUF_EMPTY, hit = BUF_EMPTY, again = BUF_EMPTY;

    (void)state;
    add("Content-Type", "text/html");
    assert_false(answer_lines(&lines, &a, &whole, NULL)); /* without a Date it is now's */
    add("Date", DATE);
    a.negotiated = true;
    answer_head(&plain, &a, &whole, &to);
    assert_true(answer_lines(&lines, &a, &whole, NULL));
    answer_hit(&hit, to.node, to.pop);
    a.lines = buf_slice(&lines);
    to.hit = buf_slice(&hit);
    answer_head(&again, &a, &whole, &to);
    assert_true(slice_eq(buf_slice(&plain), buf_slice(&again)));

    /* What is not such an answer is written anew. */
    a.coding = CODING_BR;
    a.result = RESULT_STALE;
    buf_clear(&plain);
    buf_clear(&again);
    answer_head(&again, &a, &whole, &to);
    a.lines = to.hit = SLICE_EMPTY;
    answer_head(&plain, &a, &whole, &to);
    assert_true(slice_eq(buf_slice(&plain), buf_slice(&again)));
    struct buf *all[] = { &plain, &lines, &hit, &again };
    for (size_t i = 0; i < 4; i++)
        buf_free(all[i]);
}

static void what_the_stored_head_says_of_its_own_hop_is_replaced(void **state)
{
    struct answer a = answer_of(404, RESULT_HIT);
    struct answer_to to = viewer(1);

    (void)state;
    add("DATE", "Mon, 07 Nov 1994 08:49:37 GMT");
    add("age", "1000");
    add("Content-Length", "99");
    add("x-cache", "Hit from elsewhere");
    add("X-Request-ID", "theirs");
    add("Cache-Status", "elsewhere; hit");
    check(&a, &to,
          "HTTP/1.1 404 Not Found\r\nDATE: Mon, 07 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\nAge: 7\r\n" OURS
          "Hit from hedgerow\r\nCache-Status: fra-1; hit; ttl=52\r\nX-Request-Id: 0a1b\r\n\r\n");
}

static void check_status(const struct answer *a, const char *x_cache, const char *cache_status)
{
    struct answer_to to = viewer(1);
    struct buf b = BUF_EMPTY, want = BUF_EMPTY;

    answer_head(&b, a, &whole, &to);
    buf_addf(&want, "X-Cache: %s from hedgerow\r\nCache-Status: %s\r\n", x_cache, cache_status);
    if (memmem(b.data, b.len, want.data, want.len) == NULL)
        fail_msg("no \"%.*s\" in \"%.*s\"", SLICE_FMT(want), SLICE_FMT(b));
    buf_free(&want);
    buf_free(&b);
}

static void one_member_a_hop(void **state)
{
    struct answer a = answer_of(200, RESULT_MISS);

    (void)state;
    check_status(&a, "Miss", "fra-1; fwd=uri-miss");
    a.stored = a.collapsed = true;
    check_status(&a, "Miss", "fra-1; fwd=uri-miss; stored; collapsed; ttl=52");
    a.collapsed = false;
    a.via_peer = true;
    strcpy(a.peer_name, "7-ams");
    check_status(&a, "Miss", "\"7-ams\"; fwd=uri-miss, fra-1; fwd=uri-miss; stored; ttl=52");
    a.result = RESULT_PEER;
    a.peer_hit = true;
    strcpy(a.peer_name, "ams-2");
    check_status(&a, "PeerHit", "ams-2; hit, fra-1; fwd=uri-miss; stored; ttl=52");
    a.peer_hit = false; /* it had it from the parent region */
    a.parent_hit = true;
    strcpy(a.parent_name, "us-1");
    check_status(&a, "PeerHit", "us-1; hit, ams-2; fwd=uri-miss, fra-1; fwd=uri-miss; stored; ttl=52");
    a.parent_hit = false;
    a.result = RESULT_MISS;
    check_status(&a, "Miss", "us-1; fwd=uri-miss, ams-2; fwd=uri-miss, fra-1; fwd=uri-miss; stored; ttl=52");
    a = answer_of(200, RESULT_REFRESH);
    check_status(&a, "RefreshHit", "fra-1; fwd=stale; fwd-status=304; ttl=52");
    a = answer_of(200, RESULT_STALE);
    a.ttl_ns = -MS(1);
    check_status(&a, "StaleHit", "fra-1; hit; ttl=-1");
    a.ttl_ns = -SEC(3);
    check_status(&a, "StaleHit", "fra-1; hit; ttl=-3");
}

static void how_a_body_of_unknown_length_is_framed(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct answer_to to = viewer(1);
    const char *end =
        "Age: 7\r\n" OURS "Hit from hedgerow\r\nCache-Status: fra-1; hit; ttl=52\r\nX-Request-Id: 0a1b\r\n";
    struct buf want = BUF_EMPTY;

    (void)state;
    a.has_length = false;
    assert_int_equal(answer_framing(&a, &whole, &to), ANSWER_CHUNKED);
    buf_addf(&want, "HTTP/1.1 200 OK\r\nDate: %s\r\nTransfer-Encoding: chunked\r\n%s\r\n%c", DATE, end, 0);
    check(&a, &to, (const char *)want.data);

    to = viewer(0);
    assert_int_equal(answer_framing(&a, &whole, &to), ANSWER_UNTIL_CLOSE);
    to.close = true;
    buf_clear(&want);
    buf_addf(&want, "HTTP/1.1 200 OK\r\nDate: %s\r\n%sConnection: close\r\n\r\n%c", DATE, end, 0);
    check(&a, &to, (const char *)want.data);

    to = viewer(1);
    to.head_only = true;
    assert_int_equal(answer_framing(&a, &whole, &to), ANSWER_BARE);
    buf_clear(&want);
    buf_addf(&want, "HTTP/1.1 200 OK\r\nDate: %s\r\n%s\r\n%c", DATE, end, 0);
    check(&a, &to, (const char *)want.data);
    buf_free(&want);
}

static void answers_without_a_body(void **state)
{
    static const uint16_t statuses[] = { 204, 304 };
    struct answer_to to = viewer(0);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct answer a = answer_of(statuses[i], RESULT_HIT);
        struct buf b = BUF_EMPTY;
        a.length = 0;
        assert_int_equal(answer_framing(&a, &whole, &to), ANSWER_BARE);
        answer_head(&b, &a, &whole, &to);
        assert_null(memmem(b.data, b.len, "Content-Length", 14));
        assert_null(memmem(b.data, b.len, "Transfer-Encoding", 17));
        /* HTTP/1.0 is told that the connection stays. */
        assert_non_null(memmem(b.data, b.len, "\r\nConnection: keep-alive\r\n", 26));
        buf_free(&b);
    }
    struct answer a = answer_of(200, RESULT_HIT);
    to = viewer(1);
    to.head_only = true;
    struct buf b = BUF_EMPTY;
    answer_head(&b, &a, &whole, &to);
    assert_non_null(memmem(b.data, b.len, "\r\nContent-Length: 5\r\n", 21));
    buf_free(&b);
}

static void a_page_of_ours(void **state)
{
    struct answer_to to = viewer(1);
    struct buf b = BUF_EMPTY;
    const char *page =
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>405 Method Not Allowed</title>\n"
        "<h1>405 Method Not Allowed</h1>\n<p>Bare LF.</p>\n<p><small>fra-1, request 0a1b</small></p>\n"
        "</html>\n";
    struct answer_page refusal = { .status = 405, .text = "bare LF", .allow = SLICE_LIT("GET, HEAD") };
    struct buf want = BUF_EMPTY;

    (void)state;
    to.close = true;
    size_t at = answer_page(&b, &refusal, &to);
    buf_addf(&want,
             "HTTP/1.1 405 Method Not Allowed\r\nDate: " DATE "\r\nContent-Type: text/html; charset=utf-8\r\n"
             "Content-Length: %zu\r\nCache-Control: no-store\r\nAllow: GET, HEAD\r\nAge: 0\r\n" OURS
             "Error from hedgerow\r\n"
             "X-Request-Id: 0a1b\r\nConnection: close\r\n\r\n",
             strlen(page));
    assert_int_equal(at, want.len);
    buf_add_str(&want, page);
    assert_int_equal(b.len, want.len);
    assert_memory_equal(b.data, want.data, want.len);

    /* HEAD: the same head, no page. */
    buf_clear(&b);
    to.head_only = true;
    assert_int_equal(answer_page(&b, &refusal, &to), at);
    assert_int_equal(b.len, at);
    assert_memory_equal(b.data, want.data, at);
    buf_free(&b);
    buf_free(&want);
}

static void a_page_about_what_lies_behind_us(void **state)
{
    struct answer_page page = {
        .status = 502, .text = "The origin cannot be reached.", .forwarded = true, .error = PROXY_CONNECTION_REFUSED
    };
    struct answer_to to = viewer(1);
    struct buf b = BUF_EMPTY;
    const char *want = "X-Cache: Error from hedgerow\r\nCache-Status: fra-1; fwd=uri-miss\r\n"
                       "Proxy-Status: fra-1; error=connection_refused\r\nX-Request-Id: 0a1b\r\n\r\n";

    (void)state;
    answer_page(&b, &page, &to);
    assert_non_null(memmem(b.data, b.len, want, strlen(want)));
    assert_non_null(memmem(b.data, b.len, "<p>The origin cannot be reached.</p>", 36));
    buf_free(&b);
}

static void a_page_for_those_who_come_too_many(void **state)
{
    struct answer_page page = { .status = 503, .text = "This node is busy." };
    struct answer_to to = viewer(1);
    struct buf b = BUF_EMPTY;

    (void)state;
    answer_page(&b, &page, &to);
    assert_non_null(memmem(b.data, b.len, "\r\nRetry-After: 1\r\n", 18));
    buf_clear(&b);
    page.status = 502;
    answer_page(&b, &page, &to);
    assert_null(memmem(b.data, b.len, "Retry-After", 11));
    buf_clear(&b);
    page.status = 429;
    page.retry_after_s = 17;
    answer_page(&b, &page, &to);
    assert_non_null(memmem(b.data, b.len, "\r\nRetry-After: 17\r\n", 19));
    buf_free(&b);
}

static void check_selected(const struct answer *a, const struct selection *s, const char *want)
{
    struct answer_to to = viewer(1);
    struct buf b = BUF_EMPTY;

    answer_head(&b, a, s, &to);
    for (size_t i = 0; s->ranges.n > 1 && i <= s->ranges.n; i++)
        answer_part(&b, a, s, i, &to);
    buf_add_u8(&b, 0);
    assert_true(buf_ok(&b));
    assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

#define TAIL                                                                                            \
    "Age: 7\r\n" OURS "Hit from hedgerow\r\nCache-Status: fra-1; hit; ttl=52\r\nX-Request-Id: 0a1b\r\n" \
    "\r\n"

static void feat_R10_what_is_not_modified_has_no_body_and_says_nothing_of_it(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct selection s = { .how = SELECT_NOT_MODIFIED };
    struct answer_to to = viewer(1);

    (void)state;
    add("Content-Type", "text/plain");
    add("Content-Encoding", "gzip");
    add("Content-Location", "/a.txt");
    add("Content-Security-Policy", "default-src 'none'");
    add("content-type-options", "x");
    add("ETag", "\"a\"");
    add("Vary", "Accept-Encoding");
    assert_int_equal(answer_framing(&a, &s, &to), ANSWER_BARE);
    check_selected(&a, &s,
                   "HTTP/1.1 304 Not Modified\r\nContent-Location: /a.txt\r\n"
                   "Content-Security-Policy: default-src 'none'\r\ncontent-type-options: x\r\nETag: \"a\"\r\nVary: "
                   "Accept-Encoding\r\n"
                   "Date: " DATE "\r\n" TAIL);
}

static void feat_R22_a_coded_body(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct selection not_modified = { .how = SELECT_NOT_MODIFIED };

    (void)state;
    add("Content-Type", "text/plain");
    add("Accept-Ranges", "bytes");
    add("ETag", "\"a\"");
    add("Content-Digest", "sha-256=:eA==:");
    add("Vary", "Origin");
    a.negotiated = true;
    a.coding = CODING_BR;
    check_selected(&a, &whole,
                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: W/\"a\"\r\nVary: Origin\r\nDate: " DATE "\r\n"
                   "Content-Encoding: br\r\nVary: Accept-Encoding\r\nContent-Length: 5\r\n" TAIL);
    check_selected(&a, &not_modified,
                   "HTTP/1.1 304 Not Modified\r\nETag: W/\"a\"\r\nVary: Origin\r\nDate: " DATE "\r\n"
                   "Vary: Accept-Encoding\r\n" TAIL);
    a.coding = CODING_IDENTITY; /* the same, as it is */
    check_selected(&a, &whole,
                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nAccept-Ranges: bytes\r\nETag: \"a\"\r\n"
                   "Content-Digest: sha-256=:eA==:\r\nVary: Origin\r\nDate: " DATE "\r\n"
                   "Vary: Accept-Encoding\r\nContent-Length: 5\r\n" TAIL);
    a = answer_of(200, RESULT_HIT);
    a.negotiated = true;
    a.coding = CODING_GZIP;
    a.has_length = false;
    add("ETag", "W/\"b\"");
    add("Vary", "x, accept-encoding"); /* which is said already */
    check_selected(&a, &whole,
                   "HTTP/1.1 200 OK\r\nETag: W/\"b\"\r\nVary: x, accept-encoding\r\nDate: " DATE "\r\n"
                   "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n" TAIL);
}

static void feat_R16_one_range_and_several(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct selection s = { .how = SELECT_RANGES, .ranges = { .n = 1, .at = { { 10, 20 }, { 50, 1 } } } };

    (void)state;
    a.length = 100;
    add("Content-Type", "text/plain");
    add("Content-Digest", "sha-256=:eA==:"); /* of all of it, and so not of this answer's content */
    add("Content-MD5", "eA==");
    add("Repr-Digest", "sha-256=:eA==:");
    check_selected(&a, &s,
                   "HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\n"
                   "Repr-Digest: sha-256=:eA==:\r\nDate: " DATE "\r\n"
                   "Content-Range: bytes 10-29/100\r\nContent-Length: 20\r\n" TAIL);
    s.ranges.n = 2;
    const char *parts = "\r\n--0a1b\r\nContent-Type: text/plain\r\nContent-Range: bytes 10-29/100\r\n\r\n"
                        "\r\n--0a1b\r\nContent-Type: text/plain\r\nContent-Range: bytes 50-50/100\r\n\r\n"
                        "\r\n--0a1b--\r\n";
    char want[1024];
    snprintf(want, sizeof(want),
             "HTTP/1.1 206 Partial Content\r\nRepr-Digest: sha-256=:eA==:\r\nDate: " DATE "\r\n"
             "Content-Type: multipart/byteranges; boundary=0a1b\r\nContent-Length: %zu\r\n" TAIL "%s",
             strlen(parts) + 21, parts);
    check_selected(&a, &s, want);
}

/* What selection.c counts for a part is enough for the longest one: numbers of 20 digits, an id of 32 bytes,
 * and the end's delimiter besides. */
static void a_part_is_no_longer_than_it_is_taken_for(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct selection s = { .how = SELECT_RANGES, .ranges = { .n = 1, .at = { { UINT64_MAX - 2, 1 } } } };
    struct answer_to to = viewer(1);
    struct buf b = BUF_EMPTY;

    (void)state;
    a.length = UINT64_MAX;
    add("Content-Type", "");
    to.request_id = SLICE_LIT("0123456789abcdef0123456789abcdef");
    answer_part(&b, &a, &s, 0, &to);
    answer_part(&b, &a, &s, 1, &to);
    assert_in_range(b.len, 100, 192);
    buf_free(&b);
}

static void a_page_about_bytes_that_are_not_there(void **state)
{
    struct answer a = answer_of(200, RESULT_HIT);
    struct answer_page page = { .status = 416, .text = "There are no such bytes.", .of = &a };
    struct answer_to to = viewer(1);
    struct buf b = BUF_EMPTY;

    (void)state;
    answer_page(&b, &page, &to);
    buf_add_u8(&b, 0);
    assert_ptr_equal(strstr((char *)b.data, "HTTP/1.1 416 "), b.data);
    assert_non_null(strstr((char *)b.data, "\r\nContent-Range: bytes */5\r\n"));
    assert_non_null(strstr((char *)b.data, "\r\nX-Cache: Hit from hedgerow\r\nCache-Status: fra-1; hit; ttl=52\r\n"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hit),
        cmocka_unit_test(what_is_kept_is_what_would_be_written),
        cmocka_unit_test(what_the_stored_head_says_of_its_own_hop_is_replaced),
        cmocka_unit_test(one_member_a_hop),
        cmocka_unit_test(how_a_body_of_unknown_length_is_framed),
        cmocka_unit_test(answers_without_a_body),
        cmocka_unit_test(a_page_of_ours),
        cmocka_unit_test(feat_R10_what_is_not_modified_has_no_body_and_says_nothing_of_it),
        cmocka_unit_test(feat_R22_a_coded_body),
        cmocka_unit_test(feat_R16_one_range_and_several),
        cmocka_unit_test(a_part_is_no_longer_than_it_is_taken_for),
        cmocka_unit_test(a_page_about_bytes_that_are_not_there),
        cmocka_unit_test(a_page_about_what_lies_behind_us),
        cmocka_unit_test(a_page_for_those_who_come_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
