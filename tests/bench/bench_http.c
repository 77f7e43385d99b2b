/* bench_http - what a head costs on one core: a browser's GET read, an answer written and read.
 * Medians, in nanoseconds. Usage: bench_http [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/core/date.h"
#include "node/http/cache_status.h"
#include "node/http/chunked.h"
#include "node/http/serialise.h"
#include "proto/base/err.h"
#include "tests/bench/heads.h"

#define ROUNDS_MAX 1001
#define CALLS      20000

static const char plain_get[] = "GET /k/12345 HTTP/1.1\r\nHost: localhost:8081\r\n\r\n";

static struct http_request request;
static struct http_response response;
static struct fields answer_fields;
static struct buf answer, out;
static struct http_response_head head;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void parse(struct slice in)
{
    struct http_cursor at = { 0 };
    size_t used;

    if (http_parse_request(in, &at, &request, &used) != 0)
        abort();
}

static void read_browser(void)
{
    parse(slice_str(browser_heads[0]));
}

static void read_plain(void)
{
    parse(slice_of(plain_get, sizeof(plain_get) - 1));
}

/* Not a whole nanosecond matters here, but that time grows with the bytes and not their square. */
static void read_dripped(void)
{
    struct http_cursor at = { 0 };
    size_t used, len = 1;

    while (http_parse_request(slice_of(browser_heads[0], len), &at, &request, &used) == MESH_E_SHORT)
        len++;
    if (len != strlen(browser_heads[0]))
        abort();
}

static void write_answer(void)
{
    buf_clear(&out);
    if (http_put_response(&out, &head) != 0)
        abort();
}

static void read_answer(void)
{
    struct http_cursor at = { 0 };
    size_t used;

    if (http_parse_response(buf_slice(&answer), &at, false, &response, &used) != 0)
        abort();
}

static void write_cache_status(void)
{
    struct cache_status s = { .name = SLICE_LIT("fra-1"), .has_ttl = true, .ttl_s = 3600 };

    buf_clear(&out);
    cache_status_put(&out, &s);
}

static void write_date(void)
{
    static int64_t s = 1700000000;
    char text[DATE_TEXT_BYTES + 1];

    date_format(s++, text);
}

static void read_date(void)
{
    int64_t s;

    if (date_parse(SLICE_LIT("Sun, 06 Nov 1994 08:49:37 GMT"), &s) != 0)
        abort();
}

/* 64 chunks of |size| bytes, made once. */
static void read_chunks(struct buf *body, size_t size)
{
    struct http_chunked c;
    struct slice in, data;

    if (body->len == 0) {
        uint8_t *bytes = calloc(1, size);
        if (bytes == NULL)
            abort();
        for (int i = 0; i < 64; i++)
            http_put_chunk(body, slice_of(bytes, size));
        http_put_last_chunk(body);
        free(bytes);
    }
    in = buf_slice(body);
    http_chunked_init(&c);
    while (http_chunked_read(&c, &in, &data) == 0 && !http_chunked_done(&c))
        ;
    if (!http_chunked_done(&c))
        abort();
}

static void read_tiny_chunks(void)
{
    static struct buf body;

    read_chunks(&body, 1);
}

static void read_large_chunks(void)
{
    static struct buf body;

    read_chunks(&body, 16384);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void row(const char *name, void (*run)(void), int rounds, int calls)
{
    static double ns[ROUNDS_MAX];

    for (int i = 0; i < rounds; i++) {
        uint64_t begin = now_ns();
        for (int k = 0; k < calls; k++)
            run();
        ns[i] = (double)(now_ns() - begin) / calls;
    }
    qsort(ns, (size_t)rounds, sizeof(ns[0]), by_value);
    printf("%-44s %9.1f ns\n", name, ns[rounds / 2]);
}

static void add(const char *name, const char *value)
{
    if (fields_add(&answer_fields, slice_str(name), slice_str(value)) != 0)
        abort();
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 31;

    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    add("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    add("Content-Type", "image/webp");
    add("Cache-Control", "public, max-age=31536000, immutable");
    add("ETag", "\"5f3c2e1a-1b2c3\"");
    add("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    add("Age", "1234");
    add("Via", "1.1 fra-1 (hedgerow)");
    add("X-Request-Id", "0123456789abcdef0123456789abcdef");
    add("X-Cache", "Hit from hedgerow");
    add("Cache-Status", "fra-1; hit; ttl=3600");
    head = (struct http_response_head){
        .status = 200, .minor = 1, .fields = &answer_fields, .body = { HTTP_BODY_LENGTH, true, 65536 }
    };
    if (http_put_response(&answer, &head) != 0)
        abort();

    row("read a browser's GET (708 B, 14 fields)", read_browser, rounds, CALLS);
    row("read a load tester's GET (47 B, 1 field)", read_plain, rounds, CALLS);
    row("read the browser's GET byte by byte", read_dripped, rounds, CALLS / 100);
    row("write an answer (10 fields and a length)", write_answer, rounds, CALLS);
    row("read that answer", read_answer, rounds, CALLS);
    row("write a Cache-Status member", write_cache_status, rounds, CALLS);
    row("write a date", write_date, rounds, CALLS);
    row("read a date", read_date, rounds, CALLS);
    row("read 64 chunks of 1 B", read_tiny_chunks, rounds, CALLS / 100);
    row("read 64 chunks of 16 KiB", read_large_chunks, rounds, CALLS / 100);
    buf_free(&answer);
    buf_free(&out);
    return 0;
}
