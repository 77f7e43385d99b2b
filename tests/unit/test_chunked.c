/* test_chunked.c - bodies in chunks, one test a row; each also cut at every byte and fed byte
 * by byte, which must not change the outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/http/chunked.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct row {
    const char *name;
    struct slice in;
    const char *want; /* data and +bytes left behind the end, or the data so far and why not */
};
#define ROW(name, in, want)                                   \
    {                                                         \
        name, { (const uint8_t *)(in), sizeof(in) - 1 }, want \
    }

#define SIZE    " ! bad chunk size"
#define NO_CRLF " ! no CRLF behind a chunk"
#define BARE_CR " ! bare CR"

static const struct row rows[] = {
    ROW("empty_body", "0\r\n\r\n", " +0"),
    ROW("one_chunk", "5\r\nhello\r\n0\r\n\r\n", "hello +0"),
    ROW("two_chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world +0"),
    ROW("pipelined_bytes_are_left", "1\r\na\r\n0\r\n\r\nGET /", "a +5"),
    ROW("data_that_looks_like_chunks", "7\r\n0\r\n\r\n0\r\r\n0\r\n\r\n", "0\r\n\r\n0\r +0"),
    ROW("hex_of_both_cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a +0"),
    ROW("leading_zeros", "0000000000000001\r\na\r\n0000\r\n\r\n", "a +0"),
    ROW("short_size", "5", " ..."),
    ROW("short_data", "5\r\nhel", "hel ..."),
    ROW("short_end", "5\r\nhello\r\n0\r\n", "hello ..."),
    ROW("short_last_lf", "0\r\n\r", " ..."),

    ROW("rob_S4_plus", "+5\r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_minus", "-5\r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_0x", "0x5\r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_leading_space", " 5\r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_trailing_space", "5 \r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_trailing_tab", "5\t\r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_space_before_extension", "5 ;a\r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_not_hex", "g\r\n", SIZE),
    ROW("rob_S4_nul", "5\0\r\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_high_byte", "5\x85\r\n", SIZE),
    ROW("rob_S4_empty_size", "\r\nhello\r\n", SIZE),
    ROW("rob_S4_empty_size_with_extension", ";a\r\nhello\r\n", SIZE),
    ROW("rob_S4_empty_second_size", "1\r\na\r\n\r\n", "a" SIZE),
    ROW("rob_S4_17_digits", "00000000000000001\r\na\r\n0\r\n\r\n", " ! chunk size too long"),
    ROW("rob_S4_beyond_int64", "8000000000000000\r\na", " ! chunk too large"),
    ROW("rob_S4_int64_is_fine", "7fffffffffffffff\r\na", "a ..."),
    ROW("rob_S4_beyond_int64_in_sum", "1\r\na\r\n7fffffffffffffff\r\nb", "a ! chunk too large"),
    ROW("rob_S4_bare_lf_in_size_line", "5\nhello\r\n0\r\n\r\n", SIZE),
    ROW("rob_S4_bare_cr_in_size_line", "5\rhello\r\n0\r\n\r\n", BARE_CR),
    ROW("rob_S4_two_crs_in_size_line", "5\r\r\nhello\r\n0\r\n\r\n", BARE_CR),
    ROW("rob_S4_bare_lf_in_extension", "5;a\nhello\r\n0\r\n\r\n", " ! control byte in a chunk extension"),
    ROW("rob_S4_bare_cr_in_extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", BARE_CR),
    ROW("rob_S4_nul_in_extension", "5;\0\r\nhello\r\n0\r\n\r\n", " ! control byte in a chunk extension"),
    ROW("rob_S4_lf_in_quoted_extension", "5;a=\"\n\"\r\nhello\r\n", " ! control byte in a chunk extension"),
    ROW("rob_S4_bare_lf_behind_data", "5\r\nhello\n0\r\n\r\n", "hello" NO_CRLF),
    ROW("rob_S4_bare_cr_behind_data", "5\r\nhello\r0\r\n\r\n", "hello" BARE_CR),
    ROW("rob_S4_nothing_behind_data", "5\r\nhello0\r\n\r\n", "hello" NO_CRLF),
    ROW("rob_S4_data_too_long", "5\r\nhello!\r\n0\r\n\r\n", "hello" NO_CRLF),
    ROW("rob_S4_data_too_short", "5\r\nhell\r\n0\r\n\r\n", "hell\r" NO_CRLF),
    ROW("rob_S4_bare_lf_last_size", "0\n\r\n", SIZE),
    ROW("rob_S4_bare_lf_at_the_end", "0\r\n\n", " ! bad trailer"),
    ROW("rob_S4_bare_cr_at_the_end", "0\r\n\rX", BARE_CR),
    ROW("rob_S4_bare_lf_in_trailer", "0\r\nA: b\n\r\n", " ! control byte in a trailer"),
    ROW("rob_S4_bare_cr_in_trailer", "0\r\nA: b\rc\r\n\r\n", BARE_CR),

    ROW("rob_S5_extension", "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n", "hello +0"),
    ROW("rob_S5_extension_empty", "5;\r\nhello\r\n0\r\n\r\n", "hello +0"),
    ROW("rob_S5_extension_of_blanks_and_high_bytes", "5; \t\x80\r\nhello\r\n0\r\n\r\n", "hello +0"),

    ROW("rob_S7_trailers", "0\r\nContent-Length: 5\r\nHost:h\r\nAuthorization:\r\n\r\nrest", " +4"),
    ROW("rob_S7_trailer_folded", "0\r\nA: b\r\n c\r\n\r\n", " ! bad trailer"),
    ROW("rob_S7_trailer_without_colon", "0\r\nA\r\n\r\n", " ! bad trailer"),
    ROW("rob_S7_trailer_blank_before_colon", "0\r\nA : b\r\n\r\n", " ! bad trailer"),
    ROW("rob_S7_trailer_without_name", "0\r\n: b\r\n\r\n", " ! bad trailer"),
    ROW("rob_S7_trailer_with_nul", "0\r\nA: \0\r\n\r\n", " ! control byte in a trailer"),
    ROW("rob_S7_request_in_the_trailer", "0\r\nGET / HTTP/1.1\r\n\r\n", " ! bad trailer"),
};

/* Reads |in| as far as it goes. Returns the last code; the data goes behind |out|. */
static int feed(struct http_chunked *c, struct slice *in, struct buf *out)
{
    struct slice data;
    int err;

    while ((err = http_chunked_read(c, in, &data)) == 0 && !http_chunked_done(c)) {
        assert_true(data.len > 0);
        buf_add_slice(out, data);
    }
    if (err == MESH_E_SHORT)
        assert_int_equal(in->len, 0);
    return err;
}

/* The same, gathered in a room of |room_len| bytes. */
static int gather(struct http_chunked *c, struct slice *in, struct buf *out, size_t room_len)
{
    uint8_t *room = malloc(room_len);
    struct slice data;
    int err;

    assert_non_null(room);
    do {
        err = http_chunked_gather(c, in, &data, room, room_len);
        buf_add_slice(out, data);
        assert_true(err != 0 || data.len > 0 || http_chunked_done(c));
    } while (err == 0 && !http_chunked_done(c));
    free(room);
    if (err == MESH_E_SHORT)
        assert_int_equal(in->len, 0);
    return err;
}

/* In steps of |step| bytes, the first one |first| bytes long; each on the heap of its own. |room|: 0 to read, else
 * to gather in so many bytes. */
static void check_fed(const struct row *row, size_t first, size_t step, size_t room)
{
    struct buf out = BUF_EMPTY;
    struct http_chunked c;
    int err = MESH_E_SHORT;
    size_t left = 0;

    http_chunked_init(&c);
    for (size_t at = 0, n = first; at < row->in.len && err == MESH_E_SHORT; at += n, n = step) {
        if (n > row->in.len - at)
            n = row->in.len - at;
        uint8_t *copy = malloc(n > 0 ? n : 1);
        assert_non_null(copy);
        memcpy(copy, row->in.data + at, n);
        struct slice in = slice_of(copy, n);
        err = room == 0 ? feed(&c, &in, &out) : gather(&c, &in, &out, room);
        left = in.len + row->in.len - at - n;
        free(copy);
    }
    if (err == 0)
        buf_addf(&out, " +%zu", left);
    else if (err == MESH_E_SHORT)
        buf_add_str(&out, " ...");
    else
        buf_addf(&out, " ! %s", c.reason);
    assert_int_equal(out.len, strlen(row->want));
    assert_memory_equal(out.data, row->want, out.len);
    buf_free(&out);
}

static void check_row(void **state)
{
    const struct row *row = *state;

    for (size_t room = 0; room <= 64; room += 8) {
        check_fed(row, row->in.len, 1, room);
        check_fed(row, 1, 1, room);
        for (size_t cut = 0; cut < row->in.len; cut++)
            check_fed(row, cut, row->in.len, room);
    }
}

static int feed_buf(struct buf *b, struct http_chunked *c, uint64_t *data_bytes)
{
    struct buf out = BUF_EMPTY;
    struct slice in = buf_slice(b);

    http_chunked_init(c);
    int err = feed(c, &in, &out);
    *data_bytes = out.len;
    buf_free(&out);
    buf_free(b);
    return err;
}

static void add_many(struct buf *b, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        buf_add_str(b, text);
}

static void rob_S5_extensions_at_their_limits(void **state)
{
    (void)state;
    struct http_chunked c;
    uint64_t got;

    for (size_t n = HTTP_CHUNK_EXTENSION_MAX; n <= HTTP_CHUNK_EXTENSION_MAX + 1; n++) {
        struct buf b = BUF_EMPTY;
        buf_add_str(&b, "1;");
        add_many(&b, n - 1, "x");
        buf_add_str(&b, "\r\na\r\n0\r\n\r\n");
        assert_int_equal(feed_buf(&b, &c, &got), n == HTTP_CHUNK_EXTENSION_MAX ? 0 : MESH_E_FULL);
    }
    /* 16 bytes in each chunk. */
    for (size_t extra = 0; extra <= 1; extra++) {
        struct buf b = BUF_EMPTY;
        add_many(&b, HTTP_CHUNK_EXTENSIONS_MAX / 16, "8;123456789abcdef\r\n01234567\r\n");
        buf_add_str(&b, extra > 0 ? "0;\r\n\r\n" : "0\r\n\r\n");
        assert_int_equal(feed_buf(&b, &c, &got), extra > 0 ? MESH_E_FULL : 0);
        assert_int_equal(got, HTTP_CHUNK_EXTENSIONS_MAX / 16 * 8);
    }
    assert_string_equal(c.reason, "chunk extensions too long");
}

static void rob_S6_one_byte_chunks_pass(void **state)
{
    (void)state;
    struct buf b = BUF_EMPTY;
    struct http_chunked c;
    uint64_t got;

    add_many(&b, 1024 * 1024, "1\r\na\r\n");
    buf_add_str(&b, "0\r\n\r\n");
    struct slice in = buf_slice(&b);
    struct buf out = BUF_EMPTY;
    http_chunked_init(&c);
    assert_int_equal(gather(&c, &in, &out, 4096), 0); /* in larger steps, and counted all the same */
    assert_int_equal(out.len, 1024 * 1024);
    assert_int_equal(c.data_bytes, out.len);
    assert_int_equal(c.other_bytes, 5 * out.len + 5);
    buf_free(&out);
    assert_int_equal(feed_buf(&b, &c, &got), 0);
    assert_int_equal(got, 1024 * 1024);
    assert_int_equal(c.data_bytes, got);
    assert_int_equal(c.other_bytes, 5 * got + 5);
}

/* Short runs come many at a time, and long ones are lent from where they are. */
static void rob_S6_short_runs_are_gathered(void **state)
{
    (void)state;
    struct buf b = BUF_EMPTY, out = BUF_EMPTY;
    struct http_chunked c;
    struct slice data;
    uint8_t room[64], *end;
    size_t calls = 0;

    add_many(&b, 640, "1\r\na\r\n");
    buf_add_str(&b, "10\r\n0123456789abcdef\r\n");
    add_many(&b, 3, "2\r\nbc\r\n");
    buf_add_str(&b, "0\r\n\r\n");
    struct slice in = buf_slice(&b);
    end = b.data + b.len;
    http_chunked_init(&c);
    while (!http_chunked_done(&c)) {
        assert_int_equal(http_chunked_gather(&c, &in, &data, room, sizeof(room)), 0);
        bool lent = data.data >= b.data && data.data < end;
        assert_int_equal(lent, data.len == 16);
        buf_add_slice(&out, data);
        calls++;
    }
    assert_in_range(calls, 640 / 64, 640 / 48 + 4);
    assert_int_equal(out.len, 640 + 16 + 6);
    assert_memory_equal(out.data + 640, "0123456789abcdefbcbcbc", 22);
    buf_free(&b);
    buf_free(&out);
}

static void rob_S6_chunks_of_mostly_zeros_do_not(void **state)
{
    (void)state;
    struct buf b = BUF_EMPTY;
    struct http_chunked c;
    uint64_t got;

    add_many(&b, 64 * 1024, "0000000000000001\r\na\r\n");
    assert_int_equal(feed_buf(&b, &c, &got), MESH_E_FULL);
    assert_string_equal(c.reason, "chunks too small");
    assert_true(got < 4096); /* 20 bytes for one: the slack ends after 16384 / (20 - 8) chunks */
}

static void nothing_is_not_the_end(void **state)
{
    (void)state;
    struct slice in = SLICE_EMPTY, data;
    struct http_chunked c;

    http_chunked_init(&c);
    assert_int_equal(http_chunked_read(&c, &in, &data), MESH_E_SHORT);
    assert_int_equal(data.len, 0);
}

static void failed_is_failed_for_good(void **state)
{
    (void)state;
    struct slice in = SLICE_LIT("x"), more = SLICE_LIT("1\r\na\r\n0\r\n\r\n"), data;
    struct http_chunked c;

    http_chunked_init(&c);
    assert_int_equal(http_chunked_read(&c, &in, &data), MESH_E_SYNTAX);
    assert_int_equal(http_chunked_read(&c, &more, &data), MESH_E_SYNTAX);
    assert_int_equal(data.len, 0);
    assert_int_equal(more.len, 11);
    assert_false(http_chunked_done(&c));
}

static void rob_S7_trailer_at_its_limit(void **state)
{
    (void)state;
    struct http_chunked c;
    uint64_t got;

    for (size_t n = HTTP_TRAILER_MAX; n <= HTTP_TRAILER_MAX + 1; n++) {
        struct buf b = BUF_EMPTY;
        buf_add_str(&b, "0\r\nA:");
        add_many(&b, n - strlen("A:\r\n\r\n"), "x");
        buf_add_str(&b, "\r\n\r\n");
        assert_int_equal(feed_buf(&b, &c, &got), n == HTTP_TRAILER_MAX ? 0 : MESH_E_FULL);
    }
}

static void data_is_lent_in_place(void **state)
{
    (void)state;
    struct slice in = SLICE_LIT("5\r\nhello\r\n0\r\n\r\n"), whole = in, data;
    struct http_chunked c;

    http_chunked_init(&c);
    assert_int_equal(http_chunked_read(&c, &in, &data), 0);
    assert_ptr_equal(data.data, whole.data + 3);
    assert_int_equal(data.len, 5);
    assert_ptr_equal(in.data, whole.data + 8);
    assert_int_equal(http_chunked_read(&c, &in, &data), 0);
    assert_true(http_chunked_done(&c));
    assert_int_equal(in.len, 0);
    assert_int_equal(http_chunked_read(&c, &in, &data), 0); /* and stays at the end */
    assert_true(http_chunked_done(&c));
}

int main(void)
{
    static struct CMUnitTest tests[COUNT(rows) + 8] = {
        cmocka_unit_test(rob_S5_extensions_at_their_limits), cmocka_unit_test(rob_S6_one_byte_chunks_pass),
        cmocka_unit_test(rob_S6_short_runs_are_gathered),    cmocka_unit_test(rob_S6_chunks_of_mostly_zeros_do_not),
        cmocka_unit_test(failed_is_failed_for_good),         cmocka_unit_test(nothing_is_not_the_end),
        cmocka_unit_test(rob_S7_trailer_at_its_limit),       cmocka_unit_test(data_is_lent_in_place),
    };
    size_t n = 8;

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[n++] = (struct CMUnitTest){ rows[i].name, check_row, NULL, NULL, (void *)(uintptr_t)&rows[i] };
    return _cmocka_run_group_tests("chunked", tests, n, NULL, NULL);
}
