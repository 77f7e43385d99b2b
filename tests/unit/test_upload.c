/* test_upload.c - a request's body between its viewer and the origin: what is taken, and when no more is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/io/upload.h"
#include "proto/base/err.h"

static struct upload *begin(enum http_framing framing, uint64_t length)
{
    struct http_request q = { .body = { framing, framing == HTTP_BODY_LENGTH, length }, .expect_continue = true };
    struct upload *u = upload_new(NULL, &q);

    assert_non_null(u);
    assert_true(upload_wants(u) && u->expects && !u->begun);
    return u;
}

static void a_length_is_kept_to(void **state)
{
    struct upload *u = begin(HTTP_BODY_LENGTH, 10);
    struct slice in = SLICE_LIT("01234");

    (void)state;
    assert_int_equal(upload_take(u, &in), 0);
    assert_int_equal(in.len, 0);
    assert_true(u->begun && !u->expects && !u->ended);
    in = SLICE_LIT("56789GET /");
    assert_int_equal(upload_take(u, &in), 0);
    assert_true(slice_eq(in, SLICE_LIT("GET /"))); /* the next request's */
    assert_true(u->ended && !upload_wants(u));
    assert_int_equal(upload_take(u, &in), 0);
    assert_int_equal(in.len, 5);
    assert_true(slice_eq(upload_ready(u), SLICE_LIT("0123456789")));
    upload_sent(u, 4);
    assert_true(slice_eq(upload_ready(u), SLICE_LIT("456789")));
    upload_sent(u, 6);
    assert_int_equal(upload_ready(u).len, 0);
    upload_free(u);
}

static void chunks_cut_anywhere(void **state)
{
    static const char text[] = "5\r\nhello\r\n1;x=y\r\n,\r\n6\r\n world\r\n0\r\nA: b\r\n\r\nPOST /";

    (void)state;
    for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
        struct upload *u = begin(HTTP_BODY_CHUNKED, 0);
        struct slice in = slice_of(text, cut);
        assert_int_equal(upload_take(u, &in), 0);
        struct slice rest = slice_of(text + cut - in.len, sizeof(text) - 1 - cut + in.len);
        assert_int_equal(upload_take(u, &rest), 0);
        assert_true(u->ended);
        assert_true(slice_eq(rest, SLICE_LIT("POST /")));
        assert_true(slice_eq(upload_ready(u), SLICE_LIT("hello, world")));
        upload_free(u);
    }
}

static void malformed_chunks(void **state)
{
    struct upload *u = begin(HTTP_BODY_CHUNKED, 0);
    struct slice in = SLICE_LIT("5\r\nhello\r\n+5\r\nworld\r\n");

    (void)state;
    assert_int_equal(upload_take(u, &in), MESH_E_SYNTAX);
    assert_non_null(u->chunked.reason);
    assert_false(u->ended);
    upload_free(u);
}

/* Bytes that count up, so that a lost, doubled or displaced one shows. */
static void fill(uint8_t *bytes, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)((at + i) * 2654435761u >> 16);
}

static void no_more_is_held_than_there_is_room_for(void **state)
{
    static uint8_t in_bytes[40000], want[UPLOAD_BYTES];
    struct upload *u = begin(HTTP_BODY_LENGTH, UINT64_C(5000000));
    uint64_t in_at = 0, out_at = 0;
    size_t full = 0;

    (void)state;
    for (unsigned turn = 0; out_at < 5000000; turn++) {
        size_t n = 1 + turn * 7919 % sizeof(in_bytes);
        fill(in_bytes, n, in_at);
        struct slice in = slice_of(in_bytes, n < 5000000 - in_at ? n : 5000000 - in_at);
        size_t given = in.len;
        assert_int_equal(upload_take(u, &in), 0);
        in_at += given - in.len;
        struct slice ready = upload_ready(u);
        assert_true(ready.len <= UPLOAD_BYTES && u->ready.cap <= UPLOAD_BYTES);
        full += in.len > 0 && !u->ended;
        assert_true(u->ended || in.len == 0 || !upload_wants(u)); /* what is left over is so for want of room */
        size_t sent = ready.len < turn * 104729 % 33000 ? ready.len : turn * 104729 % 33000;
        fill(want, sent, out_at);
        assert_memory_equal(ready.data, want, sent);
        upload_sent(u, sent);
        out_at += sent;
    }
    assert_true(full > 10); /* it has been full: the test tests something */
    assert_true(u->ended && in_at == 5000000);
    upload_free(u);
}

static void nobody_takes_what_nobody_sends(void **state)
{
    struct upload *u = begin(HTTP_BODY_LENGTH, 10);
    struct slice in = SLICE_LIT("01234");

    (void)state;
    u->closed = true;
    assert_false(upload_wants(u));
    assert_int_equal(upload_take(u, &in), 0);
    assert_int_equal(in.len, 5);
    upload_free(u);
    upload_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_is_kept_to),
        cmocka_unit_test(chunks_cut_anywhere),
        cmocka_unit_test(malformed_chunks),
        cmocka_unit_test(no_more_is_held_than_there_is_room_for),
        cmocka_unit_test(nobody_takes_what_nobody_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
