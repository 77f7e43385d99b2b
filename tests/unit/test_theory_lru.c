/* A node's cache with LRU against Che's approximation (Che, Tung and Wang, "Hierarchical Web caching systems", 2002):
 * in a cache for C objects of one size, asked for independently, object i, with the share p(i) of all requests, is
 * found with 1 - exp(-p(i) t), where t, the same for all, is such that C objects are in: the sum of these over all i.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "sim/edge.h"
#include "sim/figures.h"
#include "sim/report.h"

#define KEYS   30000u
#define WARM   40000u
#define ASKED  120000u
#define POINTS 0.5

/* What the node of one run did: requests behind the first WARM, hits among them. */
struct seen {
    uint64_t asked, hits;
};

static void read_along(void *ctx, const char *line)
{
    struct seen *s = ctx;
    const char *end = strstr(line, " ask-end ");
    unsigned long long number, bytes;
    int how, result;

    if (end == NULL || sscanf(end, " ask-end %llu %d %d %llu", &number, &how, &result, &bytes) != 4 || number < WARM)
        return;
    s->asked++;
    s->hits += result == RESULT_HIT;
}

/* The hit ratio, in per cent, of a node with so much memory; |objects|: how many it holds in the end. */
static double hit_ratio(unsigned memory_mib, uint64_t *objects)
{
    struct scenario sc;
    struct scenario_error err;
    struct engine_usage usage;
    struct seen s = { 0 };
    char text[300];

    snprintf(text, sizeof(text),
             "nodes 1\nkeys %u\nrequests %u\nmemory %uMiB\neviction lru\nsize-min 100\nsize-max 100\nchunked-pct 0\n"
             "origin-delay-ms 0\norigin-jitter-ms 0\nwarmup 1s\ntime 1000s\nquiet 1s\n",
             KEYS, ASKED, memory_mib);
    scenario_init(&sc, &words_of_run);
    if (scenario_parse(&sc, slice_str(text), &err) != 0 || scenario_check(&sc, &err) != 0)
        fail_msg("line %u: %s", err.line, err.text);
    struct tap tap = { .line = read_along, .ctx = &s };
    struct world *w = world_run(&sc, &tap);
    assert_non_null(w);
    assert_true(report_ok(w));
    engine_usage(w->edges[0].engine, &usage);
    *objects = usage.objects;
    world_free(w);
    scenario_fini(&sc);
    assert_int_equal(s.asked, ASKED - WARM);
    return 100 * (double)s.hits / (double)s.asked;
}

/* Sums over all keys with popularity 1 / i: how many are in at characteristic time |t|, and the share of hits. */
static double objects_in(double t, double all, double *hits)
{
    double in = 0;

    *hits = 0;
    for (unsigned i = 1; i <= KEYS; i++) {
        double p = 1 / (i * all), found = 1 - exp(-p * t);
        in += found;
        *hits += p * found;
    }
    return in;
}

static double che(double objects)
{
    double all = 0, low = 0, high = 1, hits;

    for (unsigned i = 1; i <= KEYS; i++)
        all += 1.0 / i;
    while (objects_in(high, all, &hits) < objects)
        high *= 2;
    for (unsigned again = 0; again < 60; again++) {
        double middle = (low + high) / 2;
        if (objects_in(middle, all, &hits) < objects)
            low = middle;
        else
            high = middle;
    }
    return 100 * hits;
}

static void lru_hits_as_often_as_che_says(void **state)
{
    (void)state;
    for (unsigned memory_mib = 1; memory_mib <= 4; memory_mib *= 2) {
        uint64_t objects;
        double got = hit_ratio(memory_mib, &objects), want = che((double)objects);
        print_message("%u of %u objects fit: %.2f %% of %u requests are hits, theory %.2f %%, %+.2f points\n",
                      (unsigned)objects, KEYS, got, ASKED - WARM, want, got - want);
        assert_true(objects < KEYS);
        assert_true(fabs(got - want) <= POINTS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lru_hits_as_often_as_che_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
