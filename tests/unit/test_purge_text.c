/* test_purge_text.c - a file of purges says to the next start what was said to this one, and to people who did what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/purge_text.h"
#include "proto/base/err.h"

static const uint8_t hash_key[MAP_KEY_BYTES] = "sixteen secrets";
static struct identity self, stranger;
static struct purge_logs l, again;
static struct buf text;
static size_t told, gaps;
static uint64_t last_told, from;

static int make(void **state)
{
    struct admission what = { .name = SLICE_LIT("fra-1"), .zone = SLICE_LIT("eu/fra"), .not_after_s = 1900000000 };
    struct authority a;

    (void)state;
    assert_int_equal(crypto_start(), 0);
    authority_make(&a, MESH_ARC_BITS_DEFAULT);
    assert_int_equal(authority_admit(&self, &a, &what), 0);
    authority_make(&a, MESH_ARC_BITS_DEFAULT);
    assert_int_equal(authority_admit(&stranger, &a, &what), 0);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    told = gaps = 0;
    return purge_logs_init(&l, hash_key) | purge_logs_init(&again, hash_key);
}

static int teardown(void **state)
{
    (void)state;
    purge_logs_fini(&l);
    purge_logs_fini(&again);
    buf_free(&text);
    return 0;
}

/* Takes the next purge of |id|'s log and appends its line. */
static void take(const struct identity *id, uint64_t number, const char *path, bool with_cert)
{
    struct purge p = { .log.begun = 3, .number = number, .at_s = 1800000000, .who = SLICE_LIT("Ada") };
    struct purge_target t = { PURGE_URL, slice_str(path) };
    struct buf raw = BUF_EMPTY;
    struct wire w;
    bool gap;

    assert_int_equal(purge_sign(&raw, &p, &t, 1, id), 0);
    assert_int_equal(purge_parse(&w, buf_slice(&raw), &p), 0);
    assert_int_equal(purge_logs_take(&l, &p, buf_slice(&raw), &id->cert, identity_cert(id), true, &gap), 0);
    purge_text_put(&text, purge_logs_find(&l, &p.log), &p, buf_slice(&raw), l.position, l.runs.own, gap, with_cert);
    wire_close(&w);
    buf_free(&raw);
}

static void took(void *ctx, const struct purge *p, uint64_t position, bool gap)
{
    (void)ctx;
    (void)p;
    told++;
    gaps += gap;
    last_told = position;
}

static int read(struct slice s)
{
    return purge_text_read(&again, &self.mesh.id, s, took, NULL, &from);
}

static void people_can_read_it(void **state)
{
    char id[PURGE_ID_MAX], node[NODE_ID_TEXT_MAX];
    struct buf want = BUF_EMPTY;

    (void)state;
    take(&self, 1, "/a?b=1", false);
    struct purge_log_id log = { self.cert.id, 3 };
    node_id_text(&self.cert.id, node);
    node[8] = '\0';
    buf_addf(&want, "%s-3-1", node);
    buf_add_u8(&want, 0);
    assert_string_equal(purge_text_id(&log, 1, id), (const char *)want.data);
    buf_clear(&want);
    buf_addf(
        &want,
        "{\"position\":1,\"time\":\"Fri, 15 Jan 2027 08:00:00 GMT\",\"node\":\"fra-1\",\"id\":\"%s\",\"who\":\"Ada\","
        "\"soft\":false,\"count\":1,\"targets\":[{\"url\":\"/a?b=1\"}],\"entry\":\"",
        id);
    assert_true(slice_eq(slice_head(buf_slice(&text), want.len), buf_slice(&want)));
    assert_memory_equal(text.data + text.len - 3, "\"}\n", 3);
    buf_free(&want);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    take(&self, 1, "/a", true);
    take(&self, 2, "/b", false);
    take(&self, 3, "/c", false);
    assert_int_equal(read(buf_slice(&text)), 0);
    assert_true(told == 3 && gaps == 0 && last_told == 3 && from == 0);
    assert_true(again.digest == l.digest && again.position == 3 && again.kept_n == 3);
}

/* A node that was stopped in mid-write, or whose disk has lost a sector. */
static void damaged_lines_are_skipped(void **state)
{
    (void)state;
    take(&self, 1, "/a", true);
    size_t first = text.len;
    take(&self, 2, "/b", false);
    size_t second = text.len;
    take(&self, 3, "/c", false);
    assert_int_equal(read(slice_head(buf_slice(&text), text.len - 5)), 1);
    assert_true(told == 2 && again.position == 2);
    purge_logs_fini(&again);
    assert_int_equal(purge_logs_init(&again, hash_key), 0);
    told = 0;
    text.data[(first + second) / 2] ^= 1;
    assert_int_equal(read(buf_slice(&text)), 1);
    assert_true(told == 2 && again.position == 3);
    assert_int_equal(gaps, 1); /* whatever was in it counts as everything */
    text.data[10] = 'x';
    purge_logs_fini(&again);
    assert_int_equal(purge_logs_init(&again, hash_key), 0);
    assert_int_equal(read(buf_slice(&text)), 3); /* without a certificate nobody is known */
    assert_int_equal(again.position, 0);
}

/* Written anew: without what was let go, but with all that it counted for. */
static void a_file_written_anew_says_the_same(void **state)
{
    (void)state;
    l.kept_max = 2;
    take(&stranger, 1, "/x", true); /* its only one is let go */
    for (uint64_t n = 1; n <= 4; n++)
        take(&self, n, "/a", n == 1);
    buf_clear(&text);
    purge_text_whole(&text, &l);
    assert_true(buf_ok(&text));
    assert_int_equal(purge_text_read(&again, &stranger.mesh.id, buf_slice(&text), took, NULL, &from), 0);
    assert_true(again.logs_n == 1 && again.kept_n == 0); /* of that mesh there is one log */
    purge_logs_fini(&again);
    assert_int_equal(purge_logs_init(&again, hash_key), 0);
    assert_int_equal(read(buf_slice(&text)), 0);
    assert_true(again.position == 5 && again.kept_n == 2);
    assert_int_equal(from, 3); /* nothing is known of those up to here */
    struct purge_log_id id = { self.cert.id, 3 };
    assert_int_equal(purge_logs_find(&again, &id)->last, 4);
}

/* All are let go: positions go on where they were. */
static void positions_never_go_back(void **state)
{
    (void)state;
    l.kept_max = 0;
    for (uint64_t n = 1; n <= 4; n++)
        take(&self, n, "/a", n == 1);
    buf_clear(&text);
    purge_text_whole(&text, &l);
    assert_int_equal(read(buf_slice(&text)), 0);
    assert_true(again.position == 4 && from == 4 && again.digest == l.digest);
}

/* A line says which run has given its position; |run| gives the next |n|. */
static void give(uint64_t run, uint64_t n)
{
    l.runs.own = run;
    for (uint64_t i = 0; i < n; i++) {
        take(&self, l.position + 1, "/a", l.position == 0);
        purge_runs_given(&l.runs, run, l.position);
    }
}

static void check_runs(uint64_t last_of_7)
{
    purge_logs_fini(&again);
    assert_int_equal(purge_logs_init(&again, hash_key), 0);
    read(buf_slice(&text));
    assert_int_equal(purge_runs_hold(&again.runs, 7, 2), last_of_7 >= 2);
    assert_int_equal(purge_runs_hold(&again.runs, 7, 3), last_of_7 >= 3);
    assert_false(purge_runs_hold(&again.runs, 7, 4)); /* that was another one */
    assert_true(purge_runs_hold(&again.runs, 8, 5));
    assert_false(purge_runs_hold(&again.runs, 8, 6) || purge_runs_hold(&again.runs, 9, 1));
    assert_true(purge_runs_of(&again.runs, 4) == 8 && purge_runs_of(&again.runs, 6) == again.runs.own);
}

static void positions_are_known_by_their_runs(void **state)
{
    (void)state;
    give(7, 3);
    give(8, 2);
    check_runs(3);
    assert_int_equal(purge_runs_of(&again.runs, 1), 7);
    buf_clear(&text);
    purge_text_whole(&text, &l);
    check_runs(3);
    purge_logs_let_go(&l, purge_logs_find(&l, &(struct purge_log_id){ self.cert.id, 3 }));
    buf_clear(&text);
    purge_text_whole(&text, &l);
    check_runs(0); /* by then the later one's line is all that there is, and vouches for those before */
    assert_int_equal(purge_runs_of(&again.runs, 1), 8);
}

static void runs_are_bounded(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= PURGE_RUNS_MAX + 2; run++)
        purge_runs_given(&l.runs, run, 10 * run);
    assert_false(purge_runs_hold(&l.runs, 2, 20));
    assert_true(purge_runs_hold(&l.runs, 3, 30) && purge_runs_hold(&l.runs, PURGE_RUNS_MAX + 2, 0));
    assert_int_equal(purge_runs_of(&l.runs, 20), 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(people_can_read_it),        T(what_was_written_is_read),
        T(damaged_lines_are_skipped), T(a_file_written_anew_says_the_same),
        T(positions_never_go_back),   T(positions_are_known_by_their_runs),
        T(runs_are_bounded),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}
