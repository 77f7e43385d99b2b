/* test_access_log.c - a line is one line of JSON whatever the request held, and no line is
 * lost or torn: not by rotation, not at the end, not by a full disk that is full no more. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "node/io/access_log.h"

static struct access_second second;

static struct access_entry entry(const char *uri)
{
    return (struct access_entry){
        .wall_us = INT64_C(1709210096789012), /* a leap day */
        .node = SLICE_LIT("fra-1"),
        .host = SLICE_LIT("example.com"),
        .method = SLICE_LIT("GET"),
        .uri = slice_str(uri),
        .status = 200,
        .bytes = 12345678901,
        .result = RESULT_HIT,
        .request_id = SLICE_LIT("00ff"),
        .duration_ns = 1234999,
    };
}

static void check_line(const struct access_entry *e, const char *want)
{
    struct buf b = BUF_EMPTY;

    access_line(&b, ACCESS_JSON, &second, e);
    buf_add_u8(&b, 0);
    assert_true(buf_ok(&b));
    assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

static void a_line(void **state)
{
    struct access_entry e = entry("/a?b=c");

    (void)state;
    check_line(&e,
               "{\"time\":\"2024-02-29T12:34:56.789Z\",\"node\":\"fra-1\",\"host\":\"example.com\",\"method\":\"GET\","
               "\"uri\":\"/a?b=c\",\"status\":200,\"bytes\":12345678901,\"result\":\"Hit\",\"request_id\":\"00ff\","
               "\"duration_us\":1234}\n");
}

static void check_time(int64_t wall_s, const char *want)
{
    struct access_entry e = entry("/");
    struct buf b = BUF_EMPTY;

    e.wall_us = wall_s * 1000000;
    access_line(&b, ACCESS_JSON, &second, &e);
    assert_memory_equal(b.data + strlen("{\"time\":\""), want, strlen(want));
    buf_free(&b);
}

static void days_of_the_calendar(void **state)
{
    (void)state;
    check_time(0, "1970-01-01T00:00:00.000Z");
    check_time(951782399, "2000-02-28T23:59:59.000Z");
    check_time(951868800, "2000-03-01T00:00:00.000Z");
    check_time(1735689599, "2024-12-31T23:59:59.000Z");
    check_time(4107542400, "2100-03-01T00:00:00.000Z"); /* 2100 has no leap day */
    check_time(-5, "1970-01-01T00:00:00.000Z");
}

static void check_uri(const char *uri, size_t len, const char *want)
{
    struct access_entry e = entry("");
    struct buf b = BUF_EMPTY;

    e.uri = slice_of(uri, len);
    access_line(&b, ACCESS_JSON, &second, &e);
    buf_add_u8(&b, 0);
    const char *at = strstr((const char *)b.data, "\"uri\":\"") + strlen("\"uri\":\"");
    assert_memory_equal(at, want, strlen(want));
    assert_memory_equal(at + strlen(want), "\",\"status\"", 10);
    assert_ptr_equal(memchr(b.data, '\n', b.len), b.data + b.len - 2);
    buf_free(&b);
}

static void hostile_bytes_stay_inside_their_string(void **state)
{
    (void)state;
    check_uri("/\"\\", 3, "/\\\"\\\\");
    check_uri("/\r\n\0\x1f\x7f", 6, "/\\u000d\\u000a\\u0000\\u001f\\u007f");
    check_uri("/\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xb3", 10, "/\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xb3");
    check_uri("\xe9", 1, "\\u00e9");                                  /* Latin-1 */
    check_uri("\xc3", 1, "\\u00c3");                                  /* cut at the end */
    check_uri("\xc0\xaf", 2, "\\u00c0\\u00af");                       /* longer than need be */
    check_uri("\xe0\x9f\xbf", 3, "\\u00e0\\u009f\\u00bf");            /* the same in three */
    check_uri("\xed\xa0\x80", 3, "\\u00ed\\u00a0\\u0080");            /* a surrogate */
    check_uri("\xf4\x90\x80\x80", 4, "\\u00f4\\u0090\\u0080\\u0080"); /* behind the last character */
    check_uri("\xe2\x82"
              "a",
              3, "\\u00e2\\u0082a");
}

/* ---- files ---- */

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[2][128];
    static int turn;

    turn ^= 1;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_access_log.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path_of("log"));
    unlink(path_of("log.1"));
    return rmdir(folder);
}

/* Counts lines numbered from |from| on, in order; anything else fails. */
static unsigned count_lines(const char *name, unsigned from)
{
    FILE *f = fopen(path_of(name), "r");
    char line[512];
    unsigned n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        char want[32];
        snprintf(want, sizeof(want), "\"uri\":\"/%u\"", from + n);
        assert_non_null(strstr(line, want));
        assert_int_equal(line[strlen(line) - 2], '}');
        n++;
    }
    fclose(f);
    return n;
}

static struct access_gather gather;

static void close_log(struct access_log *log)
{
    access_log_flush(log, &gather);
    access_log_close(log);
    access_gather_fini(&gather);
    gather = (struct access_gather){ .lines_n = 0 };
}

static void add_numbered(struct access_log *log, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        char uri[16];
        snprintf(uri, sizeof(uri), "/%u", i);
        struct access_entry e = entry(uri);
        access_log_add(log, &gather, &e);
    }
}

static void rotation_loses_nothing(void **state)
{
    struct access_log *log = access_log_open(path_of("log"), ACCESS_JSON);
    struct stat st;

    (void)state;
    assert_non_null(log);
    assert_int_equal(stat(path_of("log"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    add_numbered(log, 0, 2000);
    assert_int_equal(rename(path_of("log"), path_of("log.1")), 0);
    add_numbered(log, 2000, 500);
    access_log_flush(log, &gather);
    access_log_reopen(log);
    for (int i = 0; i < 2000 && access(path_of("log"), F_OK) != 0; i++)
        usleep(1000);
    add_numbered(log, 2500, 700);
    assert_int_equal(gather.taken, 3200);
    assert_int_equal(access_log_dropped(log), 0);
    close_log(log);
    assert_int_equal(count_lines("log.1", 0), 2500);
    assert_int_equal(count_lines("log", 2500), 700);
}

/* A request whose distribution wants no line has none, and is none of those taken. */
static void feat_O2_off_writes_no_line(void **state)
{
    struct access_log *log = access_log_open(path_of("log"), ACCESS_JSON);
    struct access_entry e = entry("/off");

    (void)state;
    assert_non_null(log);
    add_numbered(log, 0, 10);
    e.off = true;
    access_log_add(log, &gather, &e);
    add_numbered(log, 10, 10);
    assert_int_equal(gather.taken, 20);
    close_log(log);
    assert_int_equal(count_lines("log", 0), 20);
}

/* What a file begins with, it begins with once, however often the log is opened. */
static void feat_O2_a_file_has_one_heading(void **state)
{
    struct slice heading = access_heading(ACCESS_CLOUDFRONT);
    struct stat st;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct access_log *log = access_log_open(path_of("log"), ACCESS_CLOUDFRONT);
        assert_non_null(log);
        access_log_reopen(log);
        close_log(log);
        assert_int_equal(stat(path_of("log"), &st), 0);
        assert_int_equal((size_t)st.st_size, heading.len);
    }
}

#define GATHERERS 3
#define EACH      3000

struct gatherer {
    struct access_log *log;
    unsigned number;
};

static void *gather_on(void *ctx)
{
    const struct gatherer *me = ctx;
    struct access_gather own = { .lines_n = 0 };

    for (unsigned i = 0; i < EACH; i++) {
        char uri[32];
        snprintf(uri, sizeof(uri), "/%u/%u", me->number, i);
        struct access_entry e = entry(uri);
        access_log_add(me->log, &own, &e);
        if (i % 100 == 0)
            access_log_flush(me->log, &own);
    }
    access_log_flush(me->log, &own);
    access_gather_fini(&own);
    return NULL;
}

static void several_gather_for_one_log_each_in_its_own_order(void **state)
{
    struct access_log *log = access_log_open(path_of("log"), ACCESS_JSON);
    struct gatherer all[GATHERERS];
    pthread_t threads[GATHERERS];
    unsigned next[GATHERERS] = { 0 };
    char line[1024];

    (void)state;
    assert_non_null(log);
    for (unsigned i = 0; i < GATHERERS; i++) {
        all[i] = (struct gatherer){ log, i };
        assert_int_equal(pthread_create(&threads[i], NULL, gather_on, &all[i]), 0);
    }
    for (unsigned i = 0; i < GATHERERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    close_log(log);
    FILE *f = fopen(path_of("log"), "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        const char *uri = strstr(line, "\"uri\":\"/");
        unsigned who, n;
        assert_non_null(uri);
        assert_int_equal(sscanf(uri, "\"uri\":\"/%u/%u\"", &who, &n), 2);
        assert_true(who < GATHERERS);
        assert_int_equal(n, next[who]);
        next[who]++;
    }
    fclose(f);
    for (unsigned i = 0; i < GATHERERS; i++)
        assert_int_equal(next[i], EACH);
}

static void flush_reaches_the_file(void **state)
{
    struct access_log *log = access_log_open(path_of("log"), ACCESS_JSON);
    struct stat st = { 0 };

    (void)state;
    add_numbered(log, 0, 3);
    assert_int_equal(stat(path_of("log"), &st), 0);
    assert_int_equal(st.st_size, 0);
    access_log_flush(log, &gather);
    for (int i = 0; i < 2000 && st.st_size == 0; i++) {
        usleep(1000);
        stat(path_of("log"), &st);
    }
    assert_int_equal(count_lines("log", 0), 3);
    close_log(log);
    assert_int_equal(count_lines("log", 0), 3);
}

static void a_log_that_cannot_be_opened_says_why(void **state)
{
    (void)state;
    errno = 0;
    assert_null(access_log_open(path_of("missing/log"), ACCESS_JSON));
    assert_int_equal(errno, ENOENT);
}

static void a_full_disk_is_told_once_and_counted(void **state)
{
    struct access_log *log;
    int error = 0;

    (void)state;
    if (access("/dev/full", W_OK) != 0) {
        print_message("SKIPPED: no /dev/full here\n");
        skip();
    }
    log = access_log_open("/dev/full", ACCESS_JSON);
    assert_non_null(log);
    add_numbered(log, 0, 5);
    access_log_flush(log, &gather);
    for (int i = 0; i < 2000 && error == 0; i++) {
        usleep(1000);
        error = access_log_error(log);
    }
    assert_int_equal(error, ENOSPC);
    assert_int_equal(access_log_error(log), 0);
    assert_int_equal(access_log_dropped(log), 0); /* still hoping */
    close_log(log);
}

static void a_reopened_log_takes_what_the_full_one_did_not(void **state)
{
    struct access_log *log;
    int error = 0;

    (void)state;
    if (access("/dev/full", W_OK) != 0) {
        print_message("SKIPPED: no /dev/full here\n");
        skip();
    }
    assert_int_equal(symlink("/dev/full", path_of("log")), 0);
    log = access_log_open(path_of("log"), ACCESS_JSON);
    add_numbered(log, 0, 5);
    access_log_flush(log, &gather);
    for (int i = 0; i < 2000 && error == 0; i++) {
        usleep(1000);
        error = access_log_error(log);
    }
    assert_int_equal(error, ENOSPC);
    assert_int_equal(unlink(path_of("log")), 0);
    access_log_flush(log, &gather);
    access_log_reopen(log);
    add_numbered(log, 5, 5);
    close_log(log);
    assert_int_equal(count_lines("log", 0), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line),
        cmocka_unit_test(days_of_the_calendar),
        cmocka_unit_test(hostile_bytes_stay_inside_their_string),
        cmocka_unit_test_setup_teardown(rotation_loses_nothing, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(feat_O2_off_writes_no_line, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(feat_O2_a_file_has_one_heading, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(several_gather_for_one_log_each_in_its_own_order, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(flush_reaches_the_file, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(a_log_that_cannot_be_opened_says_why, make_folder, drop_folder),
        cmocka_unit_test(a_full_disk_is_told_once_and_counted),
        cmocka_unit_test_setup_teardown(a_reopened_log_takes_what_the_full_one_did_not, make_folder, drop_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
