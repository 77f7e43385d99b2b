/* The simulator's disks: what a loss of power takes and what not, what a start finds, and that the world's books notice
 * what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/err.h"
#include "sim/rules/check.h"
#include "sim/disk/disk_check.h"
#include "sim/disk/disk_files.h"
#include "sim/report.h"
#include "sim/viewer_model.h"

#define FILE_BYTES (1u << 20)
#define PIECE      10000u

/* ---- files ---- */

static uint8_t ones[PIECE], got[PIECE];

static void put(struct disk_files *d, mesh_ns now, uint32_t number, uint32_t offset)
{
    memset(ones, 0xff, sizeof(ones));
    assert_int_equal(disk_files_write(d, now, number, offset, slice_of(ones, PIECE), offset == 0), 0);
}

/* How many bytes of what was put at |offset| are there. */
static size_t there(const struct disk_files *d, uint32_t number, uint32_t offset)
{
    int64_t n = disk_files_read(d, number, offset, got, PIECE);
    size_t is = 0;

    for (int64_t i = 0; i < n; i++) {
        assert_true(got[i] == 0xff || got[i] == 0);
        is += got[i] == 0xff;
    }
    return is;
}

static void what_is_synced_is_safe_and_all_else_may_go(void **state)
{
    unsigned whole = 0, none = 0, part = 0, cut = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct rand r = rand_of(seed, 0, 0);
        struct disk_files d;
        disk_files_init(&d, FILE_BYTES);
        put(&d, SEC(1), 1, 0);
        assert_int_equal(disk_files_sync(&d, SEC(1), 1), 0);
        put(&d, SEC(2), 1, 2 * PIECE);
        assert_int_equal(there(&d, 1, 2 * PIECE), PIECE);
        assert_true(disk_files_unsafe_since(&d, SEC(2)) == SEC(2));
        struct disk_loss loss = disk_files_lose(&d, SEC(3), &r);
        assert_int_equal(there(&d, 1, 0), PIECE);
        size_t left = there(&d, 1, 2 * PIECE);
        assert_int_equal(loss.bytes, PIECE - left);
        whole += left == PIECE;
        none += left == 0;
        part += left > 0 && left < PIECE;
        cut += left > 0 && left < PIECE && got[0] == 0xff && left % DISK_BLOCK != 0;
        assert_true(disk_files_unsafe_since(&d, SEC(3)) == MESH_NS_NEVER);
        disk_files_wipe(&d);
    }
    assert_true(whole > 80 && none > 80 && part > 60 && cut > 20);
}

static void what_is_old_was_written_by_the_system(void **state)
{
    struct rand r = rand_of(1, 0, 0);
    struct disk_files d;

    (void)state;
    disk_files_init(&d, FILE_BYTES);
    for (uint32_t number = 1; number <= 20; number++)
        put(&d, SEC(1), number, 0);
    struct disk_loss loss = disk_files_lose(&d, SEC(1) + DISK_WRITEBACK, &r);
    assert_int_equal(loss.bytes + loss.made, 0);
    assert_int_equal(disk_files_n(&d), 20);
    disk_files_wipe(&d);
}

/* What was there before is there again where it was written over. */
static void what_was_written_over_comes_back(void **state)
{
    static uint8_t twos[PIECE];

    (void)state;
    memset(twos, 0x22, sizeof(twos));
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct rand r = rand_of(seed, 0, 0);
        struct disk_files d;
        disk_files_init(&d, FILE_BYTES);
        put(&d, SEC(1), 1, 0);
        disk_files_sync(&d, SEC(1), 1);
        disk_files_write(&d, SEC(2), 1, 0, slice_of(twos, PIECE), false);
        struct disk_loss loss = disk_files_lose(&d, SEC(3), &r);
        assert_int_equal(disk_files_read(&d, 1, 0, got, PIECE), PIECE);
        size_t back = 0;
        for (size_t i = 0; i < PIECE; i++) {
            assert_true(got[i] == 0xff || got[i] == 0x22);
            back += got[i] == 0xff;
        }
        assert_int_equal(loss.bytes, back);
        disk_files_wipe(&d);
    }
}

/* Of files made and removed the last ones may be undone, and none without those after it. */
static void the_directory_goes_back_in_order(void **state)
{
    unsigned undone = 0, kept = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rand r = rand_of(seed, 0, 0);
        struct disk_files d;
        disk_files_init(&d, FILE_BYTES);
        put(&d, SEC(1), 1, 0);
        disk_files_sync(&d, SEC(1), 1);
        disk_files_remove(&d, SEC(2), 1);
        assert_null(disk_files_find(&d, 1));
        put(&d, SEC(2), 2, 0);
        put(&d, SEC(2), 3, 0);
        disk_files_lose(&d, SEC(3), &r);
        bool first = disk_files_find(&d, 1) != NULL, second = disk_files_find(&d, 2) != NULL,
             third = disk_files_find(&d, 3) != NULL;
        assert_true(!first || !second);
        assert_true(second || !third);
        assert_true(!first || there(&d, 1, 0) == PIECE);
        undone += first;
        kept += third;
        disk_files_wipe(&d);
    }
    assert_true(undone > 20 && kept > 20);
}

static void blocks_are_counted_once(void **state)
{
    struct disk_files d;

    (void)state;
    disk_files_init(&d, FILE_BYTES);
    assert_int_equal(disk_files_growth(&d, 1, 0, PIECE), 3 * DISK_BLOCK);
    put(&d, 0, 1, 0);
    assert_int_equal(disk_files_used(&d), 3 * DISK_BLOCK);
    assert_int_equal(disk_files_growth(&d, 1, PIECE, 100), 0);
    assert_int_equal(disk_files_growth(&d, 1, PIECE, PIECE), 2 * DISK_BLOCK);
    assert_int_equal(disk_files_write(&d, 0, 2, 0, slice_of(ones, 10), false), MESH_E_ABSENT);
    assert_int_equal(disk_files_sync(&d, 0, 2), MESH_E_ABSENT);
    disk_files_wipe(&d);
}

/* ---- in the world ---- */

static const char small[] = "nodes 3\nkeys 20\nrequests 300\nsize-max 150KiB\nwarmup 4s\ntime 16s\ndisk 8MiB\n";

static void read_scenario(struct scenario *sc, const char *more)
{
    struct scenario_error err;

    scenario_init(sc, &words_of_run);
    assert_int_equal(scenario_parse(sc, slice_str(small), &err), 0);
    assert_int_equal(scenario_parse(sc, slice_str(more), &err), 0);
    assert_int_equal(scenario_check(sc, &err), 0);
}

static void run(struct figures *f, const char *more, struct disk_counts *counts)
{
    struct scenario sc;

    read_scenario(&sc, more);
    struct world *w = world_run(&sc, NULL);
    report_figures(w, f);
    *counts = disks_counted(w);
    for (size_t i = 0; i < w->check->messages_n; i++)
        fail_msg("%s", w->check->messages[i]);
    world_free(w);
    scenario_fini(&sc);
}

static void a_start_finds_what_was_written(void **state)
{
    struct figures with, wiped;
    struct disk_counts counts;

    (void)state;
    run(&with, "at 10s leave all\nat 12s start all\n", &counts);
    assert_int_equal(with.origin_fetches, with.keys_asked);
    assert_true(with.disk_hits > 5 && with.disk_objects > 20);
    assert_int_equal(counts.wiped, 0);
    run(&wiped, "at 10s leave all\nat 12s start-wiped all\n", &counts);
    assert_true(wiped.origin_fetches > wiped.keys_asked + 10);
    assert_int_equal(counts.wiped, 3);
}

/* Each fault is felt where it was told, and nobody is served worse for it. */
static void faults_are_felt(void **state)
{
    static const char warm[] = "memory 1MiB\nkeys 40\nrequests 900\n";
    struct figures f;
    struct disk_counts c;
    char text[200];

    (void)state;
    snprintf(text, sizeof(text), "%sat 5s disk-errors all 50\n", warm);
    run(&f, text, &c);
    assert_true(c.read_errors > 0 && c.failures == c.read_errors);
    snprintf(text, sizeof(text), "%sat 5s disk-write-errors all 10\n", warm);
    run(&f, text, &c);
    assert_true(c.write_errors > 0 && f.disk_failures >= c.write_errors);
    snprintf(text, sizeof(text), "%sat 5s disk-corrupt all 50\n", warm);
    run(&f, text, &c);
    assert_true(c.corrupt > 0 && f.disk_corrupt == c.corrupt);
    snprintf(text, sizeof(text), "%sat 5s disk-torn all 50\n", warm);
    run(&f, text, &c);
    assert_true(c.torn > 0 && f.disk_corrupt > 0);
    snprintf(text, sizeof(text), "%sat 5s disk-full all 200KiB\n", warm);
    run(&f, text, &c);
    assert_true(c.full > 0);
    snprintf(text, sizeof(text), "%sat 5s disk-slow all 1s\n", warm);
    run(&f, text, &c);
    assert_true(c.slow > 0 && f.disk_late > 0);
    snprintf(text, sizeof(text), "%sat 9s vanish 2\nat 10s start 2\nat 12s vanish 3\nat 13s start 3\n", warm);
    run(&f, text, &c);
    assert_true(c.lost > 0);
}

static void count_more_bytes(struct world *w)
{
    w->edges[1].disk->counts.written_bytes++;
}
static void count_a_failure(struct world *w)
{
    w->edges[2].disk->counts.failures++;
}
static void count_something_damaged(struct world *w)
{
    w->edges[0].disk->counts.unsound++;
}
static void count_no_read(struct world *w)
{
    w->edges[0].disk->counts.read_bytes = w->edges[0].disk->counts.reads = 0;
}
static void forget_what_was_written(struct world *w)
{
    disk_book_clear(w->edges[1].disk->book);
}
static void find_less_than_there_is(struct world *w)
{
    struct disk_model *d = w->edges[1].disk;
    struct store *before = d->store;
    struct store_config cfg = {
        .limit = w->sc.disk, .segment_bytes = d->files.file_bytes, .seed = d->seed, .secret = 1
    };

    d->store = store_new(&cfg);
    disk_check_opened(d, true);
    store_free(d->store);
    d->store = before;
}

static void wrong_books_are_noticed(void **state)
{
    static const struct {
        enum rule rule;
        void (*apply)(struct world *w);
    } tampers[] = {
        { RULE_COUNTERS, count_more_bytes },        { RULE_COUNTERS, count_a_failure },
        { RULE_COUNTERS, count_something_damaged }, { RULE_COUNTERS, count_no_read },
        { RULE_DISK, forget_what_was_written },     { RULE_DISK, find_less_than_there_is },
    };
    struct scenario sc;

    (void)state;
    read_scenario(&sc, "memory 1MiB\nkeys 40\n");
    for (size_t i = 0; i < sizeof(tampers) / sizeof(tampers[0]); i++) {
        struct world *w = world_run(&sc, NULL);
        assert_true(report_ok(w));
        tampers[i].apply(w);
        check_end(w);
        for (size_t rule = 0; rule < RULES_N; rule++) {
            if ((w->check->broken[rule] > 0) != (rule == tampers[i].rule))
                fail_msg("tampering %zu: rule %zu is broken %llu times", i, rule,
                         (unsigned long long)w->check->broken[rule]);
        }
        world_free(w);
    }
    scenario_fini(&sc);
}

/* ---- its words ---- */

static void refused(const char *line, unsigned column, const char *text)
{
    struct scenario_error err;
    struct scenario sc;

    scenario_init(&sc, &words_of_run);
    int got_err = scenario_parse(&sc, slice_str(line), &err);
    if (got_err == 0)
        got_err = scenario_check(&sc, &err);
    assert_int_not_equal(got_err, 0);
    assert_int_equal(err.column, column);
    assert_non_null(strstr(err.text, text));
    scenario_fini(&sc);
}

static void words_are_read_and_written(void **state)
{
    static const char lines[] = "at 1s disk-errors 1-2 12.5\nat 2s disk-write-errors all 1\nat 3s disk-corrupt 3 100\n"
                                "at 4s disk-torn 3 0.5\nat 5s disk-full 2 3MiB\nat 6s disk-slow 1 250ms\n"
                                "at 7s start-wiped 2\n";
    struct scenario_error err;
    struct buf out = BUF_EMPTY;
    struct scenario sc;

    (void)state;
    scenario_init(&sc, &words_of_run);
    assert_int_equal(scenario_parse(&sc, slice_str(lines), &err), 0);
    scenario_put(&out, &sc);
    assert_true(slice_eq(buf_slice(&out), slice_str(lines)));
    buf_free(&out);
    scenario_fini(&sc);
    refused("at 1s disk-errors 1 101\n", 21, "100 per cent at the most");
    refused("at 1s disk-errors 1\n", 20, "is missing here");
    refused("at 1s disk-full 1 some\n", 19, "a size");
    refused("disk 7MiB\n", 1, "8MiB and more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_synced_is_safe_and_all_else_may_go),
        cmocka_unit_test(what_is_old_was_written_by_the_system),
        cmocka_unit_test(what_was_written_over_comes_back),
        cmocka_unit_test(the_directory_goes_back_in_order),
        cmocka_unit_test(blocks_are_counted_once),
        cmocka_unit_test(a_start_finds_what_was_written),
        cmocka_unit_test(faults_are_felt),
        cmocka_unit_test(wrong_books_are_noticed),
        cmocka_unit_test(words_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
