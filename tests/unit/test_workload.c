/* What a log becomes: keys, sizes, order, places; samples of it; and what else a run may be made of: presets, Zipf's
 * law in integers, and how much memory it will take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/body.h"
#include "sim/estimate.h"
#include "sim/figures.h"
#include "sim/input/gather.h"
#include "sim/origin_model.h"
#include "sim/presets.h"
#include "sim/report.h"
#include "sim/rules/check.h"
#include "sim/sample.h"
#include "sim/topology.h"
#include "sim/viewer_model.h"
#include "sim/zipf.h"

static struct workload *gathered(const char *text, uint64_t sample)
{
    struct gather *g = gather_new(sample);
    struct slice rest = slice_str(text), line;

    assert_non_null(g);
    while (slice_split(&rest, '\n', &line))
        gather_line(g, line);
    assert_true(gather_ok(g));
    struct workload *l = gather_end(g);
    assert_non_null(l);
    gather_free(g);
    return l;
}

/* As gathered() does, but for lines of "--": there another log begins. */
static struct workload *gathered_from_several(const char *text)
{
    struct gather *g = gather_new(1);
    struct slice rest = slice_str(text), line;

    assert_non_null(g);
    while (slice_split(&rest, '\n', &line)) {
        if (slice_eq(line, SLICE_LIT("--")))
            gather_next(g);
        else
            assert_null(gather_line(g, line));
    }
    struct workload *l = gather_end(g);
    assert_non_null(l);
    gather_free(g);
    return l;
}

static void several_logs_are_one_workload(void **state)
{
    static const struct {
        uint64_t at_us, key;
    } want[] = { { 0, 2 }, { 250000, 1 }, { 500000, 1 }, { 500000, 1 }, { 1000000, 3 } };
    struct workload *l = gathered_from_several("time,uri,edge\n101,/z,n1\n100,/y,n1\n100,/x,n1\n--\n"
                                               "uri,time,edge\n/x,100.5,n2\n/x,100.25,n2\n--\n--\n");

    (void)state;
    assert_int_equal(l->n, 5);
    assert_int_equal(l->keys_n, 3);
    assert_int_equal(l->edges_n, 2);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(l->requests[i].at_us, want[i].at_us);
    }
    assert_int_equal(l->requests[2].key, l->requests[1].key); /* whole seconds are spread within a log */
    assert_string_equal(l->format, "csv");
    workload_free(l);
    l = gathered_from_several("time,uri\n1,/x\n--\n"
                              "9.9.9.9 - - [01/Dec/2026:10:00:00 +0000] \"GET /x HTTP/1.1\" 200 5\n");
    assert_int_equal(l->keys_n, 1); /* neither names a host */
    assert_string_equal(l->format, "several formats");
    workload_free(l);
}

static void init(struct scenario *sc, const struct workload *l)
{
    scenario_init(sc, &words_of_run);
    sc->load = l;
    if (l == NULL)
        return;
    sc->keys = l->keys_n;
    sc->requests = l->n;
}

static void requests_are_in_order_and_keys_are_objects(void **state)
{
    struct workload *l = gathered("time,host,uri,bytes,status,method\n"
                                  "10.5,A.example,/x,100,200,GET\n"
                                  "9.25,a.example,/y,5,200,GET\n"
                                  "10.5,a.example,/x,70,200,GET\n"
                                  "10.5,b.example,/x,9999,206,GET\n"
                                  "12,a.example,/x,100,200,POST\n"
                                  "12,a.example,/z,100,404,GET\n"
                                  "12,a.example,/z,100\n"
                                  "11,b.example,/x,0,304,\n",
                                  1);

    (void)state;
    assert_int_equal(l->n, 5);
    assert_int_equal(l->keys_n, 3);
    assert_true(l->lines == 10 && l->broken == 1 && l->methods == 1 && l->statuses == 1 && l->others == 0);
    static const struct workload_request want[] = {
        { 0, 2, 0 }, { 1250000, 1, 0 }, { 1250000, 1, 0 }, { 1250000, 3, 0 }, { 1750000, 3, 0 }
    };
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(l->requests[i].at_us, want[i].at_us);
        assert_int_equal(l->requests[i].key, want[i].key);
    }
    assert_int_equal(l->keys[0].bytes, 100); /* the most of those that were whole */
    assert_int_equal(l->keys[2].bytes, 9999);
    assert_false(l->keys[2].whole);
    workload_free(l);
}

static void a_whole_answer_says_more_than_a_longer_part(void **state)
{
    struct workload *l = gathered(
        "time,uri,bytes,status,max_age\n1,/a,500,206,\n2,/a,300,200,60\n3,/a,700,206,\n4,/b,5,200,0\n5,/c,,304,", 1);
    struct scenario sc;

    (void)state;
    init(&sc, l);
    assert_int_equal(body_size(&sc, 1), 300);
    assert_true(body_max_age(&sc, 1) == SEC(60) && !body_no_store(&sc, 1));
    assert_true(body_size(&sc, 2) == 5 && body_no_store(&sc, 2));
    assert_int_equal(l->keys[2].bytes, WORKLOAD_UNKNOWN);
    sc.size_min = sc.size_max = 777; /* as drawn ones are */
    assert_int_equal(body_size(&sc, 3), 777);
    assert_int_equal(body_max_age(&sc, 3), SEC(86400));
    scenario_fini(&sc);
    workload_free(l);
}

static void whole_seconds_are_spread_and_others_are_not(void **state)
{
    struct workload *l = gathered("time,uri\n7,/a\n7,/b\n7,/c\n7,/d\n9,/a\n", 1);

    (void)state;
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(l->requests[i].at_us, i * 250000);
    assert_int_equal(l->requests[4].at_us, 2000000);
    workload_free(l);
    l = gathered("time,uri\n7,/a\n7,/b\n7.5,/c\n", 1);
    assert_true(l->requests[1].at_us == 0 && l->requests[2].at_us == 500000);
    workload_free(l);
}

static void many_out_of_order_are_sorted_as_they_were_written(void **state)
{
    struct gather *g = gather_new(1);
    char line[64];

    (void)state;
    gather_line(g, SLICE_LIT("time,uri,bytes"));
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t at = i * 7919 % 1000;
        int n = snprintf(line, sizeof(line), "%llu.5,/%llu,%llu", (unsigned long long)at, (unsigned long long)i,
                         (unsigned long long)(at * 5000 + i));
        assert_null(gather_line(g, slice_of(line, (size_t)n)));
    }
    struct workload *l = gather_end(g);
    assert_non_null(l);
    assert_true(l->n == 5000 && l->keys_n == 5000);
    for (uint64_t i = 1; i < l->n; i++) /* its length says where it belongs */
        assert_true(l->keys[l->requests[i - 1].key - 1].bytes < l->keys[l->requests[i].key - 1].bytes);
    workload_free(l);
    gather_free(g);
}

static void a_viewer_stays_with_a_node_and_names_are_nodes(void **state)
{
    struct workload *l = gathered(
        "time,uri,client,edge\n0.5,/a,v1,\n1,/b,v2,\n2,/a,v1,\n3,/a,v9,n3\n4,/a,v1,paris\n5,/a,v1,n77\n6,/a,,lon-1\n",
        1);
    struct topology_node nodes[] = { { .name = "zed" }, { .name = "lon-1", .region = 1 } };
    struct topology t = { .nodes = nodes, .n = 2, .regions = 2, .zones = 1 };
    struct scenario sc;

    (void)state;
    init(&sc, l);
    sc.nodes = 5;
    assert_int_equal(workload_of(&sc, 0).node, workload_of(&sc, 2).node);
    assert_int_equal(workload_of(&sc, 3).node, 2);
    assert_int_equal(workload_of(&sc, 4).node, 1); /* the second name */
    assert_int_equal(workload_of(&sc, 5).node, 2); /* the third: there is no n77 */
    assert_int_equal(workload_of(&sc, 6).node, 3);
    sc.topology = &t;
    sc.rings = 2;
    sc.nodes = 4;
    assert_int_equal(workload_of(&sc, 6).node, 1);
    assert_int_equal(topology_place(&sc, 3).region, 1); /* the second one again */
    sc.nodes = 1;
    assert_int_equal(workload_of(&sc, 6).node, 0);
    sc.nodes = 5;
    sc.ask_from = 5;
    assert_int_equal(workload_of(&sc, 0).node, 4);
    scenario_fini(&sc);
    workload_free(l);
}

static void viewers_are_spread_over_all_nodes(void **state)
{
    struct gather *g = gather_new(1);
    uint64_t here[8] = { 0 };
    struct scenario sc;
    char line[64];

    (void)state;
    gather_line(g, SLICE_LIT("time,uri,client"));
    for (int i = 0; i < 4000; i++) {
        int n = snprintf(line, sizeof(line), "%d,/a,192.0.%d.%d", i, i / 250, i % 250);
        gather_line(g, slice_of(line, (size_t)n));
    }
    struct workload *l = gather_end(g);
    init(&sc, l);
    sc.nodes = 8;
    for (uint64_t i = 0; i < l->n; i++)
        here[workload_of(&sc, i).node]++;
    for (size_t i = 0; i < 8; i++)
        assert_true(here[i] > 400 && here[i] < 600);
    scenario_fini(&sc);
    workload_free(l);
    gather_free(g);
}

/* Nanoseconds of such a date would come round to the log's beginning. */
static void a_date_far_away_is_late_and_nothing_else(void **state)
{
    struct workload *l = gathered("time,uri\n0,/a\n5.5,/b\n18446744073.709552,/c\n", 1);
    struct scenario sc;

    (void)state;
    init(&sc, l);
    sc.warmup = SEC(5);
    sc.time = SEC(60);
    assert_true(workload_of(&sc, 2).at > SEC(86400) * 36500);
    assert_true(workload_span(&sc) > SEC(86400) * 36500);
    assert_int_equal(workload_seconds(&sc), 18446744073);
    assert_int_equal(workload_count(&sc), 2);
    sc.log_speed = 1000000;
    assert_int_equal(workload_of(&sc, 2).at, SEC(5) + INT64_C(18446744073709));
    scenario_fini(&sc);
    workload_free(l);
}

static void time_is_scaled_and_cut(void **state)
{
    struct workload *l = gathered("time,uri\n100.5,/a\n101,/b\n110.5,/c\n", 1);
    struct scenario sc;

    (void)state;
    init(&sc, l);
    sc.warmup = SEC(5);
    sc.time = SEC(60);
    assert_int_equal(workload_of(&sc, 2).at, SEC(15));
    assert_int_equal(workload_span(&sc), SEC(10));
    assert_int_equal(workload_count(&sc), 3);
    sc.time = MS(5500);
    assert_int_equal(workload_count(&sc), 2);
    sc.time = MS(5499);
    assert_int_equal(workload_count(&sc), 1);
    sc.time = SEC(60);
    sc.requests = 2;
    assert_int_equal(workload_count(&sc), 2);
    sc.log_speed = 3;
    assert_int_equal(workload_of(&sc, 2).at, SEC(5) + SEC(10) / 3 / 1000 * 1000 + 333);
    scenario_fini(&sc);
    workload_free(l);
}

/* All requests of an object are in a sample, or none; and about one in N objects. */
static void a_sample_is_of_objects(void **state)
{
    struct gather *whole = gather_new(1), *part = gather_new(8);
    char line[64];

    (void)state;
    gather_line(whole, SLICE_LIT("time,uri,bytes"));
    gather_line(part, SLICE_LIT("time,uri,bytes"));
    for (int i = 0; i < 24000; i++) { /* each of 8,000 three times */
        int n = snprintf(line, sizeof(line), "%d.5,/%d,%d", i, i % 8000, i % 8000);
        gather_line(whole, slice_of(line, (size_t)n));
        gather_line(part, slice_of(line, (size_t)n));
    }
    struct workload *a = gather_end(whole), *b = gather_end(part);
    assert_int_equal(a->n, 24000);
    assert_int_equal(b->n, 3 * b->keys_n);
    assert_int_equal(b->n + b->others, 24000);
    assert_true(b->keys_n > 900 && b->keys_n < 1100);
    workload_free(a);
    workload_free(b);
    gather_free(whole);
    gather_free(part);
}

static struct world *run(const struct workload *l, const char *text, struct scenario *sc, struct figures *f)
{
    struct scenario_error err;

    init(sc, l);
    assert_int_equal(scenario_parse(sc, slice_str(text), &err), 0);
    assert_int_equal(scenario_check(sc, &err), 0);
    struct world *w = world_run(sc, NULL);
    assert_non_null(w);
    report_figures(w, f);
    assert_true(report_ok(w));
    return w;
}

static void a_world_asks_what_was_logged(void **state)
{
    struct workload *l =
        gathered("time,uri,bytes,edge,max_age\n0.5,/a,1000,n1,\n1.5,/b,2000,n2,0\n2.5,/b,2000,n2,0\n3.5,/a,1000,n1,\n"
                 "4.5,/a,1000,n3,\n9.5,/c,1,n1,\n",
                 1);
    struct scenario sc;
    struct figures f;

    (void)state;
    struct world *w = run(l, "nodes 3\nwarmup 6s\ntime 14s\n", &sc, &f);
    assert_int_equal(f.requests, 5); /* the sixth is after the end */
    assert_int_equal(f.viewer_bytes, 3 * 1000 + 2 * 2000);
    assert_int_equal(f.hit, 1);
    assert_int_equal(w->origin->keys[0].fetches, 1);
    assert_int_equal(w->origin->keys[1].fetches, 2); /* may not be kept */
    assert_int_equal(w->edges[0].counted[0] + w->edges[0].counted[1] + w->edges[0].counted[2] + w->edges[0].counted[3] +
                         w->edges[0].counted[4] + w->edges[0].counted[5],
                     2);
    world_free(w);
    scenario_fini(&sc);
    workload_free(l);
}

static void isolated_nodes_fetch_each_for_itself(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    struct world *w =
        run(NULL, "nodes 4\nkeys 20\nrequests 0\nevery-node yes\nwarmup 3s\ntime 9s\nisolated yes\n", &sc, &f);
    assert_int_equal(f.requests, 0 + 80);
    assert_int_equal(f.origin_fetches, 80);
    assert_true(f.peer == 0 && f.datagrams == 0 && f.streams == 0);
    world_free(w);
    scenario_fini(&sc);
}

static void a_sampled_run_is_a_part(void **state)
{
    struct scenario sc;
    struct figures f;

    (void)state;
    struct world *w =
        run(NULL, "nodes 2\nkeys 400\nrequests 805\nwarmup 3s\ntime 9s\nsample 8\nmemory 64MiB\n", &sc, &f);
    assert_true(w->sc.keys == 50 && w->sc.requests == 101 && w->sc.memory == 8 << 20);
    assert_true(w->plan->keys == 400 && f.requests == 101);
    /* Key 1 stands for ranks 1 to 8, and is asked for as often as they are on average. */
    assert_int_equal(w->viewers->popularity[0], (UINT64_C(1) << 32) + (UINT64_C(1) << 31) + (UINT64_C(1) << 32) / 3 +
                                                    (1u << 30) + (UINT64_C(1) << 32) / 5 + (UINT64_C(1) << 32) / 6 +
                                                    (UINT64_C(1) << 32) / 7 + (1u << 29));
    world_free(w);
    scenario_fini(&sc);
}

static void zipf_is_exact_enough(void **state)
{
    static const struct {
        uint64_t rank, ppm, want; /* want: 2^32 / rank^a, by 40 decimals */
    } rows[] = {
        { 1, 700000, UINT64_C(4294967296) },  { 2, 500000, UINT64_C(3037000500) },
        { 10, 700000, UINT64_C(856958639) },  { 1000000, 600000, UINT64_C(1078847) },
        { 12345, 850000, UINT64_C(1429527) }, { 3, 2000000, UINT64_C(477218588) },
        { 7, 0, UINT64_C(4294967296) },       { 10000000, 3000000, 0 },
        { 3, 1000000, UINT64_C(1431655765) },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t w = zipf_weight(rows[i].rank, rows[i].ppm), most = rows[i].want / (1u << 20) + 1;
        if (w + most < rows[i].want || w > rows[i].want + most)
            fail_msg("%llu ^ -%llu ppm is %llu, not %llu", (unsigned long long)rows[i].rank,
                     (unsigned long long)rows[i].ppm, (unsigned long long)w, (unsigned long long)rows[i].want);
    }
    assert_int_equal(zipf_log2(1), 0);
    assert_int_equal(zipf_log2(8), UINT64_C(3) << 32);
    assert_int_equal(zipf_log2(UINT64_C(1) << 63), UINT64_C(63) << 32);
    assert_in_range(zipf_log2(10), UINT64_C(14267572520), UINT64_C(14267572530)); /* 3.321928... */
    for (uint64_t rank = 2; rank < 3000; rank++)                                  /* never rises */
        assert_true(zipf_weight(rank, 830000) <= zipf_weight(rank - 1, 830000));
}

static uint64_t value(struct scenario *sc, const char *text, const char *name)
{
    struct scenario_error err;

    scenario_init(sc, &words_of_run);
    if (scenario_parse(sc, slice_str(text), &err) != 0)
        fail_msg("%u:%u: %s", err.line, err.column, err.text);
    for (size_t i = 0; i < sc->words->settings_n; i++) {
        if (strcmp(sc->words->settings[i].name, name) == 0)
            return *setting_of(sc, i);
    }
    fail_msg("no setting %s", name);
    return 0;
}

static void what_is_said_beside_a_preset_wins(void **state)
{
    static const char *const all[] = { "network lan",    "network good",        "network wan",  "network bad",
                                       "network awful",  "workload web",        "workload cdn", "workload hot",
                                       "workload media", "workload flash-crowd" };
    struct scenario_error err;
    struct scenario sc;

    (void)state;
    assert_int_equal(value(&sc, "network bad\n", "loss-pct"), 10000);
    assert_int_equal(value(&sc, "loss-pct 3\nnetwork bad\n", "loss-pct"), 30000);
    assert_int_equal(value(&sc, "network bad\nloss-pct 3\n", "loss-pct"), 30000);
    assert_int_equal(value(&sc, "workload cdn\nkeys 5\n", "keys"), 5);
    assert_int_equal(value(&sc, "workload cdn\nkeys 5\n", "zipf-exponent"), 700000);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        value(&sc, all[i], "nodes");
        assert_int_equal(scenario_check(&sc, &err), 0);
    }
    scenario_init(&sc, &words_of_run);
    assert_true(scenario_parse(&sc, SLICE_LIT("nodes 4\nnetwork slow\n"), &err) != 0);
    assert_true(err.line == 2 && err.column == 9);
    assert_string_equal(err.text, "network is lan, good, wan, bad or awful, not \"slow\"");
    assert_true(scenario_parse(&sc, SLICE_LIT("workload\n"), &err) != 0);
    assert_string_equal(err.text, "which one is missing here");
    scenario_init(&sc, &words_of_members);
    assert_true(scenario_parse(&sc, SLICE_LIT("network lan\n"), &err) != 0);
}

static void what_shows_nothing_is_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "nodes 3\nabsent 1-3\n", "all nodes are absent" },
        { "isolated yes\nsettled yes\n", "nodes that do not know each other are no settled mesh" },
        { "isolated yes\npurges 3\n", "isolated nodes hear of no purge" },
        { "isolated yes\nat 20s configure 1\n", "isolated nodes hear of no purge" },
        { "memory 4MiB\nsample 5\n", "sample is at most 4 here" },
        { "keys 100\nsample 10\nat 20s flash 11 5\n", "there are 10 keys" },
    };
    struct scenario_error err;
    struct scenario sc;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        value(&sc, rows[i].text, "nodes");
        assert_true(scenario_check(&sc, &err) != 0);
        assert_non_null(strstr(err.text, rows[i].want));
        scenario_fini(&sc);
    }
    value(&sc, "nodes 3\nabsent 1-3\nat 5s start 2\n", "nodes");
    assert_int_equal(scenario_check(&sc, &err), 0);
    scenario_fini(&sc);
}

static void memory_is_foreseen(void **state)
{
    struct estimate e, less;
    struct scenario sc;

    (void)state;
    value(&sc, "workload cdn\nnodes 20\n", "nodes");
    estimate_run(&e, &sc);
    assert_in_range(e.caches, UINT64_C(20) << 30, UINT64_C(20) << 30); /* all are full */
    assert_int_equal(e.all, e.caches + e.nodes + e.objects + e.requests);
    sc.sample = 64;
    estimate_run(&less, &sc);
    assert_in_range(less.all, e.all / 100, e.all / 32);
    sc.sample = 1;
    assert_int_equal(estimate_sample(&sc, UINT64_C(4) << 30), 8);
    assert_int_equal(estimate_sample(&sc, 1 << 20), 0);
    value(&sc, "nodes 3\nkeys 100\nsize-min 1000\nsize-max 1000\n", "nodes");
    estimate_run(&e, &sc);
    assert_in_range(e.caches, 3 * 100 * 900, 3 * 100 * 1000); /* no more than there is */
    value(&sc, "nodes 100\nkeys 1000\nrequests 10\nsize-min 1000\nsize-max 1000\n", "nodes");
    estimate_run(&e, &sc);
    assert_in_range(e.caches, 10 * 900, 10 * 5000); /* nor than was asked for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_in_order_and_keys_are_objects),
        cmocka_unit_test(several_logs_are_one_workload),
        cmocka_unit_test(a_whole_answer_says_more_than_a_longer_part),
        cmocka_unit_test(whole_seconds_are_spread_and_others_are_not),
        cmocka_unit_test(many_out_of_order_are_sorted_as_they_were_written),
        cmocka_unit_test(a_viewer_stays_with_a_node_and_names_are_nodes),
        cmocka_unit_test(viewers_are_spread_over_all_nodes),
        cmocka_unit_test(a_date_far_away_is_late_and_nothing_else),
        cmocka_unit_test(time_is_scaled_and_cut),
        cmocka_unit_test(a_sample_is_of_objects),
        cmocka_unit_test(a_world_asks_what_was_logged),
        cmocka_unit_test(isolated_nodes_fetch_each_for_itself),
        cmocka_unit_test(a_sampled_run_is_a_part),
        cmocka_unit_test(zipf_is_exact_enough),
        cmocka_unit_test(what_is_said_beside_a_preset_wins),
        cmocka_unit_test(what_shows_nothing_is_refused),
        cmocka_unit_test(memory_is_foreseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
