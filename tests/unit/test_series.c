/* What happens over time: nothing is lost or counted twice in the buckets, however often they are joined, and the page
 * made of it holds what anybody may have written into a scenario. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/rules/check.h"
#include "sim/net/net.h"
#include "sim/origin_model.h"
#include "sim/page/page.h"
#include "sim/report.h"
#include "sim/series.h"
#include "sim/viewer_model.h"

static const char faults[] =
    "nodes 5\nzones 2\nkeys 20\nrequests 200\nsize-min 120KiB\nsize-max 150KiB\nwarmup 4s\ntime 45s\nleavers-pct "
    "10\nslow-viewers-pct "
    "60\n"
    "loss-pct 2\nat 5s crash 2\nat 12s start 2\nat 8s cut 1 3\nat 9s heal\nat 19.98s flash 2 60\nat 20s vanish 4\n"
    "at 10s origin down\nat 11s origin up\nat 6s purge 1 3\n";

static struct world *run(struct scenario *sc, const char *text)
{
    struct scenario_error err;

    scenario_init(sc, &words_of_run);
    assert_int_equal(scenario_parse(sc, slice_str(text), &err), 0);
    assert_int_equal(scenario_check(sc, &err), 0);
    sc->seed = 5;
    struct world *w = world_run(sc, NULL);
    assert_non_null(w);
    return w;
}

static uint64_t sum_of(const struct world *w, size_t offset)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < w->series->n; i++)
        sum += *(const uint64_t *)(const void *)((const char *)&w->series->buckets[i] + offset);
    return sum;
}
#define SUM(w, field) sum_of(w, offsetof(struct series_bucket, field))

static void the_buckets_hold_what_the_world_counted(void **state)
{
    struct scenario sc;
    struct world *w = run(&sc, faults);
    struct figures f;
    uint64_t ends = 0, between = 0;

    (void)state;
    report_figures(w, &f);
    assert_true(w->series->width > SERIES_FIRST); /* so they were joined */
    assert_true(w->series->n <= SERIES_BUCKETS_MAX);
    for (size_t i = 0; i < SERIES_ENDS_N; i++)
        ends += sum_of(w, offsetof(struct series_bucket, ends) + i * sizeof(uint64_t));
    assert_int_equal(ends, w->viewers->ended);
    assert_int_equal(SUM(w, ends[SERIES_GONE]), f.gone);
    assert_int_equal(SUM(w, ends[SERIES_FAILED]), w->viewers->ends[VIEWER_FAILED] + w->viewers->ends[VIEWER_CUT]);
    assert_true(f.gone > 0 && f.cut > 0);
    assert_int_equal(SUM(w, fetches), f.origin_fetches);
    assert_int_equal(SUM(w, bytes[SERIES_VIEWERS]), f.viewer_bytes);
    assert_int_equal(SUM(w, bytes[SERIES_FETCHED]), f.origin_bytes);
    assert_int_equal(SUM(w, bytes[SERIES_NODES]), f.stream_bytes);
    assert_int_equal(SUM(w, bytes[SERIES_GOSSIP]), f.datagram_bytes);
    for (size_t i = 0; i < w->series->places * w->series->places; i++)
        between += w->series->between[i];
    assert_int_equal(between, f.stream_bytes);
    assert_int_equal(w->series->spreads_n, 3);
    world_free(w);
    scenario_fini(&sc);
}

/* Served ones have a time, by how they were served and by when they asked. */
static void every_answer_has_its_time_once(void **state)
{
    struct scenario sc;
    struct world *w = run(&sc, faults);
    uint64_t by_end = 0, by_bucket = 0;

    (void)state;
    for (size_t i = 0; i < SERIES_ENDS_N; i++)
        by_end += w->series->first_byte[i].n;
    for (size_t i = 0; i < w->series->n; i++)
        by_bucket += w->series->buckets[i].first_byte.n;
    assert_int_equal(by_end, w->viewers->ends[VIEWER_SERVED]);
    assert_int_equal(by_bucket, by_end);
    world_free(w);
    scenario_fini(&sc);
}

static void coarser_buckets_hold_the_same(void **state)
{
    struct scenario sc;
    struct world *w = run(&sc, faults);
    struct series_book *coarse = world_alloc(sizeof(*coarse));
    uint64_t fetches = 0;

    (void)state;
    series_coarser(w->series, 7, coarse);
    for (size_t i = 0; i < coarse->n; i++)
        fetches += coarse->buckets[i].fetches;
    assert_int_equal(coarse->width, 7 * w->series->width);
    assert_int_equal(fetches, SUM(w, fetches));
    free(coarse);
    world_free(w);
    scenario_fini(&sc);
}

/* Each slot begins where the one before ends, and is no wider than a sixteenth of its beginning. */
static void slots_follow_one_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i + 1 < LATENCY_SLOTS; i++) {
        uint64_t from = latency_from_us(i), to = latency_from_us(i + 1);
        assert_true(to > from && (to - from == 1 || (to - from) * LATENCY_STEPS <= from));
        assert_int_equal(latency_slot((mesh_ns)from * US(1)), i);
        assert_int_equal(latency_slot((mesh_ns)to * US(1) - 1), i);
    }
    assert_int_equal(latency_slot(-1), 0);
    assert_int_equal(latency_slot(INT64_MAX), LATENCY_SLOTS - 1);
}

static void quantiles_are_of_the_slots(void **state)
{
    struct latency l = { 0 };

    (void)state;
    assert_int_equal(latency_at(&l, 500), FIGURE_NEVER);
    for (int i = 0; i < 99; i++)
        latency_add(&l, US(10));
    latency_add(&l, MS(64));
    assert_int_equal(latency_at(&l, 500), 10);
    assert_int_equal(latency_at(&l, 989), 10);
    assert_int_equal(latency_at(&l, 1000), latency_from_us(latency_slot(MS(64))));
}

static size_t count(struct slice text, const char *what)
{
    size_t n = 0, len = strlen(what);

    for (size_t i = 0; i + len <= text.len; i++)
        n += memcmp(text.data + i, what, len) == 0;
    return n;
}

/* The command is the one text that a user writes. */
static void the_page_holds_the_command_and_no_script(void **state)
{
    struct scenario sc;
    struct world *w = run(&sc, faults);
    struct figures f;
    struct buf page = BUF_EMPTY, twin = BUF_EMPTY;

    (void)state;
    report_figures(w, &f);
    page_write(&page, w, &f, "hedgerow-sim run --scenario '<script>alert(\"&\")</script>'", NULL);
    page_write(&twin, w, &f, "hedgerow-sim run --scenario '<script>alert(\"&\")</script>'", NULL);
    assert_true(buf_ok(&page) && slice_eq(buf_slice(&page), buf_slice(&twin)));
    assert_int_equal(count(buf_slice(&page), "<script"), 0);
    assert_true(count(buf_slice(&page), "&#39;&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;&#39;") >= 1);
    assert_int_equal(count(buf_slice(&page), "All rules held"), report_ok(w));
    assert_int_equal(count(buf_slice(&page), "<section>"), count(buf_slice(&page), "</section>"));
    assert_true(count(buf_slice(&page), "How news of members spread") == 1);
    check_broken(w, RULE_BODY, "a body <b>was</b> wrong");
    buf_clear(&page);
    page_write(&page, w, &f, "again", NULL);
    assert_int_equal(count(buf_slice(&page), "a body &lt;b&gt;was&lt;/b&gt; wrong"), 1);
    assert_int_equal(count(buf_slice(&page), "All rules held"), 0);
    assert_int_equal(count(buf_slice(&page), "<pre>again</pre>"), 2);
    buf_free(&page);
    buf_free(&twin);
    world_free(w);
    scenario_fini(&sc);
}

/* Nobody asks, nobody answers: the panels say so instead of dividing by nothing. */
static void a_run_without_viewers_has_a_page(void **state)
{
    struct scenario sc;
    struct world *w = run(&sc, "nodes 1\nrequests 0\nwarmup 1s\ntime 2s\n");
    struct figures f;
    struct buf page = BUF_EMPTY;

    (void)state;
    report_figures(w, &f);
    page_write(&page, w, &f, "again", NULL);
    assert_true(buf_ok(&page));
    assert_int_equal(count(buf_slice(&page), "No viewer asked for anything"), 1);
    assert_int_equal(count(buf_slice(&page), "Not shown: "), 1);
    buf_free(&page);
    world_free(w);
    scenario_fini(&sc);
}

static void the_table_has_a_line_for_each_bucket(void **state)
{
    struct scenario sc;
    struct world *w = run(&sc, faults);
    struct buf csv = BUF_EMPTY;

    (void)state;
    series_csv(&csv, w->series);
    assert_int_equal(count(buf_slice(&csv), "\n"), w->series->n + 1);
    assert_int_equal(count(buf_slice(&csv), ","), (w->series->n + 1) * 16);
    buf_free(&csv);
    world_free(w);
    scenario_fini(&sc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_buckets_hold_what_the_world_counted),
        cmocka_unit_test(every_answer_has_its_time_once),
        cmocka_unit_test(coarser_buckets_hold_the_same),
        cmocka_unit_test(slots_follow_one_another),
        cmocka_unit_test(quantiles_are_of_the_slots),
        cmocka_unit_test(the_page_holds_the_command_and_no_script),
        cmocka_unit_test(a_run_without_viewers_has_a_page),
        cmocka_unit_test(the_table_has_a_line_for_each_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
