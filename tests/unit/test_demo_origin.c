/* test_demo_origin.c - the demo's origin, in this process, asked as nodes and curl ask it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>

#include "node/cli/demo_origin.h"
#include "node/cli/http_get.h"
#include "node/io/blocking.h"
#include "proto/digest.h"

static struct demo_site site;
static struct demo_origin_counts counts;
static struct mesh_addr addr;
static int listener;

static void *serve(void *arg)
{
    (void)arg;
    demo_origin_serve(listener, &site, &counts, false);
    return NULL;
}

static int setup(void **state)
{
    struct mesh_addr any = mesh_addr_v4(0x7f000001, 0);
    pthread_t thread;

    (void)state;
    if (crypto_start() != 0 || demo_site_make(&site, SLICE_LIT("{}\n"), 1735689600) != 0 ||
        blocking_listen(&any, &listener, &addr) != 0 || pthread_create(&thread, NULL, serve, NULL) != 0)
        return -1;
    pthread_detach(thread);
    return 0;
}

/* Sends |request| and reads to the connection's end (each ends with Connection: close). */
static char *exchange(const char *request)
{
    static char text[65536];
    size_t at = 0, n = 1;
    int fd;

    assert_int_equal(blocking_connect(&addr, SEC(5), &fd), 0);
    assert_int_equal(blocking_write(fd, slice_str(request)), 0);
    while (n > 0 && at < sizeof(text) - 1) {
        assert_int_equal(blocking_read(fd, text + at, sizeof(text) - 1 - at, &n), 0);
        at += n;
    }
    blocking_close(fd);
    text[at] = 0;
    return text;
}

static void every_file_is_served_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEMO_SITE_FILES; i++) {
        const struct demo_file *f = &site.files[i];
        struct http_get got;
        struct buf why = BUF_EMPTY;
        assert_int_equal(http_get(&got, &addr, f->path, NULL, SEC(20), &why), 0);
        assert_int_equal(got.status, 200);
        assert_true(got.body.len == f->length);
        if (!f->generated)
            assert_memory_equal(got.body.data, f->bytes.data, f->bytes.len);
        assert_true(slice_eq(fields_find(&got.fields, SLICE_LIT("etag"))->value, slice_str(f->etag)));
        assert_non_null(fields_find(&got.fields, SLICE_LIT("cache-control")));
        assert_int_equal(atomic_load(&counts.files[i]), 1);
        http_get_free(&got);
        buf_free(&why);
    }
}

static void parts_of_the_download_fit_together(void **state)
{
    const struct demo_file *f = demo_site_find(&site, SLICE_LIT("/download.bin"));
    enum { N = 1000 };
    uint8_t whole[N], part[N];

    (void)state;
    assert_true(f->length == DEMO_DOWNLOAD_BYTES);
    demo_site_read(f, 12345, whole, N);
    for (size_t cut = 1; cut < N; cut += 37) {
        demo_site_read(f, 12345, part, cut);
        demo_site_read(f, 12345 + cut, part + cut, N - cut);
        assert_memory_equal(part, whole, N);
    }
    demo_site_read(f, f->length - 3, part, 3);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    const char *text = exchange("GET /mesh.json HTTP/1.1\r\nHost: a\r\n\r\n"
                                "HEAD /style.css HTTP/1.1\r\nHost: a\r\n\r\n"
                                "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const char *first = strstr(text, "\r\n\r\n{}\nHTTP/1.1 200 OK\r\n");
    assert_non_null(first);
    const char *second = strstr(first, "text/css");
    assert_non_null(second);
    assert_non_null(strstr(second, "\r\n\r\nHTTP/1.1 404 Not Found\r\n"));
}

static void conditions_and_ranges(void **state)
{
    char request[256];
    const struct demo_file *f = demo_site_find(&site, SLICE_LIT("/style.css"));

    (void)state;
    snprintf(request, sizeof(request),
             "GET /style.css HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", %s\r\nConnection: close\r\n\r\n", f->etag);
    const char *text = exchange(request);
    assert_int_equal(strncmp(text, "HTTP/1.1 304 ", 13), 0);
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n"); /* and no body */

    text = exchange("GET /style.css HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\nConnection: close\r\n\r\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 206 ", 13), 0);
    assert_non_null(strstr(text, "\r\nContent-Range: bytes 2-4/"));
    assert_memory_equal(text + strlen(text) - 3, f->bytes.data + 2, 3);

    text = exchange("GET /style.css HTTP/1.1\r\nHost: a\r\nRange: bytes=-2\r\nConnection: close\r\n\r\n");
    assert_memory_equal(text + strlen(text) - 2, f->bytes.data + f->bytes.len - 2, 2);

    text = exchange("GET /style.css HTTP/1.1\r\nHost: a\r\nRange: bytes=9999999-\r\nConnection: close\r\n\r\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 416 ", 13), 0);

    text = exchange(
        "GET /style.css HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\nIf-Range: \"x\"\r\nConnection: close\r\n\r\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
}

static void what_is_no_request_ends_the_connection(void **state)
{
    (void)state;
    assert_int_equal(strncmp(exchange("NONSENSE\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 ", 13), 0);
    assert_int_equal(
        strncmp(exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), "HTTP/1.1 405 ", 13), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_served_whole),
        cmocka_unit_test(parts_of_the_download_fit_together),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(conditions_and_ranges),
        cmocka_unit_test(what_is_no_request_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
