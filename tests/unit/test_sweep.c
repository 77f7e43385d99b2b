/* A sweep: which combinations there are, means and bands against known values, and the sentence that is made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/amounts.h"
#include "sim/sweep/compare.h"
#include "sim/sweep/sweep.h"

/* ---- statistics ---- */

static void quantiles_are_those_of_student(void **state)
{
    (void)state;
    assert_int_equal(student_t(1), 12706);
    assert_int_equal(student_t(4), 2776);
    assert_int_equal(student_t(30), 2042);
    assert_int_equal(student_t(35), 2042); /* the wider of 30 and 40 */
    assert_int_equal(student_t(119), 2000);
    assert_int_equal(student_t(5000), 1980);
    for (size_t n = 2; n < 200; n++)
        assert_true(student_t(n) <= student_t(n - 1));
}

static void bands_are_as_wide_as_t_says(void **state)
{
    const int64_t three[] = { 10000, 12000, 14000 }; /* s = 2000, t = 4.303: 4.303 * 2000 / sqrt(3) = 4968.7 */
    const int64_t eight[] = { 2000000, 4000000, 4000000, 4000000, 5000000, 5000000, 7000000, 9000000 };
    const int64_t huge[] = { STATISTICS_VALUE_MAX, -STATISTICS_VALUE_MAX };
    const int64_t small[] = { -1, 0, 0, 0 };
    struct band b = band_of(three, 3);

    (void)state;
    assert_int_equal(b.mean, 12000);
    assert_int_equal(b.half, 4969);
    b = band_of(eight, 8); /* s = 2.13809e6, t = 2.365 */
    assert_int_equal(b.mean, 5000000);
    assert_int_equal(b.half, 1787772);
    b = band_of(huge, 2); /* s = sqrt(2) * max, and t by s / sqrt(2) is 12.706 * max */
    assert_int_equal(b.mean, 0);
    assert_in_range(b.half / (STATISTICS_VALUE_MAX / 1000000), 12705999, 12706000);
    b = band_of(small, 4); /* 0.25 -> 0; s = 0.5, t = 3.182: 0.80 */
    assert_int_equal(b.mean, 0);
    assert_int_equal(b.half, 1);
}

static void chance_that_is_not_there_makes_no_band(void **state)
{
    const int64_t same[] = { 7, 7, 7 };
    struct band b = band_of(same, 3);

    (void)state;
    assert_int_equal(b.mean, 7);
    assert_int_equal(b.half, 0);
    assert_false(band_has(&b, 0));
    b = band_of(same, 1); /* one run says nothing about chance */
    assert_int_equal(b.mean, 7);
    assert_true(band_has(&b, 0));
    assert_int_equal(band_of(same, 0).n, 0);
}

static void changes_are_of_what_was_there_before(void **state)
{
    int64_t ppm;

    (void)state;
    assert_true(change_ppm(200, 150, &ppm));
    assert_int_equal(ppm, -250000);
    assert_true(change_ppm(3, 4, &ppm));
    assert_int_equal(ppm, 333333);
    assert_false(change_ppm(0, 5, &ppm));
    assert_false(change_ppm(1, STATISTICS_VALUE_MAX, &ppm));
}

/* ---- axes ---- */

static void refuse(const char *first, const char *second, const char *part)
{
    struct buf wrong = BUF_EMPTY;
    struct axes a;
    int result;

    axes_init(&a, &words_of_run);
    result = axes_add(&a, first, &wrong);
    if (second != NULL) {
        assert_int_equal(result, 0);
        result = axes_add(&a, second, &wrong);
    }
    assert_true(result < 0);
    buf_add_u8(&wrong, '\0');
    if (strstr((const char *)wrong.data, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", (const char *)wrong.data, part);
    buf_free(&wrong);
}

static void what_is_wrong_with_a_value_is_said(void **state)
{
    (void)state;
    refuse("memory", NULL, "say a setting and its values");
    refuse("=4", NULL, "say a setting and its values");
    refuse("memry=4MiB", NULL, "\"memory\"?");
    refuse("memory=64MiB,lots,1GiB", NULL, "value 2, \"lots\"");
    refuse("memory=64MiB,lots,1GiB", NULL, "a size such as");
    refuse("nodes=5,0", NULL, "from 1 to 1000");
    refuse("nodes=5,", NULL, "value 2, \"\"");
    refuse("memory=1GiB,1024MiB", NULL, "1GiB is there twice");
    refuse("nodes=5", "nodes=6", "nodes is there twice");
    refuse("seed=1,2", NULL, "--seeds N");
    refuse("seeds=1,2", NULL, "--seeds N");
    refuse("keys=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33", NULL,
           "more than 32 values");
}

static void every_combination_is_there_once(void **state)
{
    struct buf wrong = BUF_EMPTY, name = BUF_EMPTY;
    struct axes a;

    (void)state;
    axes_init(&a, &words_of_run);
    assert_int_equal(axes_combinations(&a), 0);
    assert_int_equal(axes_add(&a, "memory=64MiB,131072KiB", &wrong), 0);
    assert_int_equal(axes_add(&a, "eviction=lru,sieve,s3-fifo", &wrong), 0);
    assert_int_equal(axes_combinations(&a), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(axes_at(&a, i, 0), i / 3);
        assert_int_equal(axes_at(&a, i, 1), i % 3);
    }
    axes_name(&a, 4, &name);
    buf_add_u8(&name, '\0');
    assert_string_equal((const char *)name.data, "memory 128MiB, eviction sieve");
    assert_false(axis_has_words(&a, 0));
    assert_true(axis_has_words(&a, 1));
    assert_string_equal(axis_name(&a, 1), "eviction");
    assert_int_equal(axes_add(&a, "nodes=1,2", &wrong), 0);
    assert_true(axes_add(&a, "keys=1,2", &wrong) < 0);
    buf_free(&name);
    buf_free(&wrong);
}

/* ---- what is made of the runs ---- */

static struct sweep *sweep_new(const char *axis, size_t seeds)
{
    struct sweep *s = calloc(1, sizeof(*s));
    struct buf wrong = BUF_EMPTY;

    axes_init(&s->axes, &words_of_run);
    assert_int_equal(axes_add(&s->axes, axis, &wrong), 0);
    s->first_seed = 11;
    s->seeds = seeds;
    s->runs = calloc(axes_combinations(&s->axes) * seeds, sizeof(*s->runs));
    for (size_t i = 0; i < axes_combinations(&s->axes) * seeds; i++) {
        s->runs[i].ended = true;
        s->runs[i].figures = (struct figures){
            .requests = 1010, .gone = 10, .hit = 500, .peer = 200, .first_byte_p50_us = 100, .first_byte_p99_us = 90000
        };
    }
    return s;
}

static void sweep_end(struct sweep *s)
{
    free(s->runs);
    free(s);
}

static void set_fetches(struct sweep *s, size_t combination, const uint64_t *fetches)
{
    for (size_t i = 0; i < s->seeds; i++)
        s->runs[combination * s->seeds + i].figures.origin_fetches = fetches[i];
}

/* Seeds differ by more than the setting does: only in pairs is it seen. */
static void differences_are_taken_seed_by_seed(void **state)
{
    struct sweep *s = sweep_new("memory=64MiB,128MiB", 4);
    struct band b;

    (void)state;
    set_fetches(s, 0, (const uint64_t[]){ 100, 1000, 5000, 20000 });
    set_fetches(s, 1, (const uint64_t[]){ 90, 900, 4500, 18000 });
    b = sweep_change(s, 0, 1, MEASURE_FETCHES);
    assert_int_equal(b.mean, -100000);
    assert_int_equal(b.half, 0);
    b = sweep_mean(s, 1, MEASURE_FETCHES);
    assert_true(band_has(&b, sweep_mean(s, 0, MEASURE_FETCHES).mean));
    s->runs[2].ended = false; /* the third seed is in neither, then */
    assert_int_equal(sweep_change(s, 0, 1, MEASURE_FETCHES).n, 3);
    sweep_end(s);
}

static void shares_are_of_who_stayed(void **state)
{
    struct sweep *s = sweep_new("memory=64MiB,128MiB", 1);

    (void)state;
    assert_int_equal(measure_of(MEASURE_EDGE, &s->runs[0].figures), 500000);
    assert_int_equal(measure_of(MEASURE_MESH, &s->runs[0].figures), 700000);
    s->runs[1].figures.hit = 600;
    assert_int_equal(sweep_change(s, 0, 1, MEASURE_EDGE).mean, 100000); /* ten points */
    s->runs[1].figures = (struct figures){ .first_byte_p99_us = FIGURE_NEVER };
    assert_int_equal(measure_of(MEASURE_EDGE, &s->runs[1].figures), MEASURE_NONE);
    assert_int_equal(measure_of(MEASURE_P99, &s->runs[1].figures), MEASURE_NONE);
    assert_int_equal(sweep_mean(s, 1, MEASURE_P99).n, 0);
    sweep_end(s);
}

static void says(struct sweep *s, const char *part)
{
    struct buf out = BUF_EMPTY;

    sweep_answer(&out, s);
    buf_add_u8(&out, '\0');
    if (strstr((const char *)out.data, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", (const char *)out.data, part);
    buf_free(&out);
}

static void the_answer_says_where_more_brings_nothing(void **state)
{
    struct sweep *s = sweep_new("memory=64MiB,128MiB,256MiB,512MiB", 3);

    (void)state;
    set_fetches(s, 0, (const uint64_t[]){ 1000, 1020, 980 });
    set_fetches(s, 1, (const uint64_t[]){ 690, 703, 676 });
    set_fetches(s, 2, (const uint64_t[]){ 500, 510, 490 });
    set_fetches(s, 3, (const uint64_t[]){ 495, 505, 485 });
    says(s, "Origin requests fall by 50.0 % from memory 64MiB to 256MiB; beyond 256MiB less than 2 % is gained");
    set_fetches(s, 3, (const uint64_t[]){ 395, 405, 385 });
    says(s, "fall by 60.");
    says(s, "to 512MiB, and the last step, from 256MiB, still brings 21.0 % (20.");
    set_fetches(s, 3, (const uint64_t[]){ 600, 612, 588 });
    says(s, "to 256MiB; up to 512MiB they rise again by 20.0 %");
    says(s, "With memory 256MiB the mesh answers 70.0 % of requests");
    sweep_end(s);
}

static void the_answer_says_that_nothing_changes(void **state)
{
    struct sweep *s = sweep_new("jitter-ms=0,5", 2);

    (void)state;
    set_fetches(s, 0, (const uint64_t[]){ 1000, 1000 });
    set_fetches(s, 1, (const uint64_t[]){ 1005, 1009 });
    says(s, "Origin requests are all but the same: jitter-ms 0 has 1,000, and nothing else is further from that than "
            "0.7 %");
    set_fetches(s, 1, (const uint64_t[]){ 1500, 1502 });
    says(s, "Origin requests rise by 50.1 % (48.8 to 51.4) from jitter-ms 0 to 5; they are fewest with 0");
    sweep_end(s);
}

static void the_answer_names_the_best_word(void **state)
{
    struct sweep *s = sweep_new("eviction=lru,sieve", 2);

    (void)state;
    set_fetches(s, 0, (const uint64_t[]){ 1000, 2000 });
    set_fetches(s, 1, (const uint64_t[]){ 900, 1800 });
    says(s, "Origin requests are fewest with eviction sieve: 10.0 % fewer than with eviction lru");
    snprintf(s->runs[1].broken, sizeof(s->runs[1].broken), "BROKEN (a)");
    says(s, "In 1 of 4 runs something did not hold");
    for (size_t i = 0; i < 4; i++)
        s->runs[i].ended = false;
    says(s, "No run came to its end");
    sweep_end(s);
}

/* What is written for other programs: as many cells in each line, and no number where there is none. */
static void tables_are_whole(void **state)
{
    struct sweep *s = sweep_new("memory=64MiB,128MiB", 2);
    struct buf out = BUF_EMPTY;
    size_t lines = 0, cells = 0;

    (void)state;
    s->runs[3].ended = false;
    snprintf(s->runs[3].broken, sizeof(s->runs[3].broken), "crashed: signal \"SIGABRT\" <i>");
    snprintf(s->runs[3].how, sizeof(s->runs[3].how), "hedgerow-sim run <again> --memory 128MiB");
    sweep_csv(&out, s);
    struct slice rest = buf_slice(&out), line, cell;
    while (slice_split(&rest, '\n', &line) && line.len > 0) {
        size_t n = 0;
        while (slice_split(&line, ',', &cell))
            n++;
        assert_true(lines++ == 0 || n == cells);
        cells = n;
    }
    assert_int_equal(lines, 5);
    assert_int_equal(cells, 3 + words_of_run.figures_n);
    buf_free(&out);
    sweep_json(&out, s, "how");
    buf_add_u8(&out, '\0');
    assert_non_null(strstr((const char *)out.data, "\"broken\":\"crashed: signal \\\"SIGABRT\\\" <i>\""));
    assert_non_null(strstr((const char *)out.data, "{\"memory\":\"128MiB\",\"seed\":12,\"ok\":false"));
    buf_free(&out);
    sweep_page(&out, s, "how");
    buf_add_u8(&out, '\0');
    assert_non_null(strstr((const char *)out.data, "1 of 4 runs did not hold"));
    assert_non_null(strstr((const char *)out.data, "hedgerow-sim run &lt;again&gt; --memory 128MiB"));
    assert_null(strstr((const char *)out.data, "<again>"));
    assert_null(strstr((const char *)out.data, "<i>"));
    buf_free(&out);
    sweep_end(s);
}

/* ---- runs beside each other ---- */

static void runs_are_told_apart(void **state)
{
    struct compare_run *runs = calloc(2, sizeof(*runs));
    struct buf out = BUF_EMPTY;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        runs[i] = (struct compare_run){ .name = "a<b", .ok = i == 0, .step_ms = 100, .steps = 2 };
        runs[i].figures = (struct figures){
            .requests = 1000, .hit = 500, .origin_fetches = 400 - 100 * i, .first_byte_p99_us = FIGURE_NEVER
        };
        runs[i].fetches[1] = 7;
    }
    compare_answer(&out, runs, 2);
    buf_add_u8(&out, '\0');
    assert_string_equal(
        (const char *)out.data,
        "a<b against a<b: origin requests from 400 to 300 (-25.0 %); answered without the origin from 50.0 % "
        "to 50.0 % (0.0 points). In a<b a rule was broken.");
    buf_free(&out);
    compare_text(&out, runs, 2);
    buf_add_u8(&out, '\0');
    assert_non_null(strstr((const char *)out.data, "                    400                   300     -25%\n"));
    buf_free(&out);
    compare_page(&out, runs, 2);
    buf_add_u8(&out, '\0');
    assert_null(strstr((const char *)out.data, "a<b"));
    assert_non_null(strstr((const char *)out.data, "a&lt;b"));
    buf_free(&out);
    free(runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_student),
        cmocka_unit_test(bands_are_as_wide_as_t_says),
        cmocka_unit_test(chance_that_is_not_there_makes_no_band),
        cmocka_unit_test(changes_are_of_what_was_there_before),
        cmocka_unit_test(what_is_wrong_with_a_value_is_said),
        cmocka_unit_test(every_combination_is_there_once),
        cmocka_unit_test(differences_are_taken_seed_by_seed),
        cmocka_unit_test(shares_are_of_who_stayed),
        cmocka_unit_test(the_answer_says_where_more_brings_nothing),
        cmocka_unit_test(the_answer_says_that_nothing_changes),
        cmocka_unit_test(the_answer_names_the_best_word),
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(runs_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
