/* How news spread among members against an epidemic: the mean field of what a node does with news (gossip/README.md,
 * "How news travel"). Whoever hears it tells FANOUT random others at once and FANOUT more each PERIOD, until it was
 * sent or heard again SPENT times (rumour mongering with feedback and counter: Demers and others, "Epidemic algorithms
 * for replicated database maintenance", 1987). Of many nodes the share that is ignorant still falls, with each packet
 * that arrives at a random one of n - 1 others, by the factor 1 - 1 / (n - 1) (Pittel, "On spreading a rumor", 1987).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <math.h>

#include "sim/members/crowd.h"

#define NODES     600u
#define FANOUT    4
#define PERIOD_MS 60
#define SPENT     12
#define STEPS     2000 /* of a millisecond */
#define LIMIT_MS  15.0 /* a quarter of a period */

static const double shares[UPDATE_SHARES] = { 0.50, 0.90, 0.99 };

/* The chance that fewer than |most| came where |mean| are expected, and they are Poisson's. */
static double fewer_than(int most, double mean)
{
    double p = exp(-mean), sum = 0;

    for (int i = 0; i < most; i++) {
        sum += p;
        p *= mean / (i + 1);
    }
    return most > 0 ? sum : 0;
}

/* When the shares are reached, if a packet takes from |least| to |most| ms. */
static void epidemic(int least, int most, double at[UPDATE_SHARES])
{
    static double fresh[STEPS], comes[STEPS], came[STEPS + 1];
    double ignorant = NODES - 1;
    size_t share = 0;

    for (int t = 0; t < STEPS; t++)
        fresh[t] = comes[t] = 0;
    fresh[0] = 1;
    came[0] = 0;
    for (int t = 0; t < STEPS && share < UPDATE_SHARES; t++) {
        double before = ignorant, missed = pow(1 - 1.0 / (NODES - 1), comes[t]);
        ignorant *= missed;
        fresh[t] += before - ignorant;
        came[t + 1] = came[t] + comes[t] / (NODES - 1); /* packets that a node had so far */
        while (share < UPDATE_SHARES && ignorant <= NODES * (1 - shares[share])) {
            double part = before > ignorant ? (before - NODES * (1 - shares[share])) / (before - ignorant) : 0;
            at[share++] = t - 1 + part;
        }
        double sent = 0;
        for (int again = 0; again * FANOUT < SPENT && t - again * PERIOD_MS >= 0; again++) {
            int heard = t - again * PERIOD_MS;
            sent += FANOUT * fresh[heard] * fewer_than(SPENT - again * FANOUT, came[t] - came[heard]);
        }
        for (int delay = least; delay <= most && t + delay < STEPS; delay++)
            comes[t + delay] += sent / (most - least + 1);
    }
    assert_int_equal(share, UPDATE_SHARES);
}

static void spread(int least, int most, uint64_t got[UPDATE_SHARES])
{
    struct scenario sc;
    struct scenario_error err;
    struct members_figures f;
    char text[300];

    snprintf(text, sizeof(text),
             "nodes %u\nzones 1\nsettled yes\ndelay-ms %d\njitter-ms %d\nwarmup 2s\ntime 44s\nquiet 1s\n"
             "at 2s update all 20 2s\nexpect updates_lost = 0\n",
             NODES, least, most - least);
    scenario_init(&sc, &words_of_members);
    if (scenario_parse(&sc, slice_str(text), &err) != 0 || scenario_check(&sc, &err) != 0)
        fail_msg("line %u: %s", err.line, err.text);
    struct crowd *c = crowd_run(&sc);
    assert_non_null(c);
    crowd_figures(c, &f);
    assert_int_equal(f.updates, 20);
    assert_int_equal(f.updates_lost, 0);
    got[0] = f.update_half_ms;
    got[1] = f.update_90_ms;
    got[2] = f.update_99_ms;
    crowd_free(c);
    scenario_fini(&sc);
}

static void news_spread_as_an_epidemic(void **state)
{
    static const int delays[][2] = { { 5, 15 }, { 40, 80 } };

    (void)state;
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        double want[UPDATE_SHARES];
        uint64_t got[UPDATE_SHARES];
        epidemic(delays[i][0], delays[i][1], want);
        spread(delays[i][0], delays[i][1], got);
        for (size_t s = 0; s < UPDATE_SHARES; s++) {
            print_message("a way takes %d to %d ms: %.0f %% know after %u ms, theory %.0f ms\n", delays[i][0],
                          delays[i][1], 100 * shares[s], (unsigned)got[s], want[s]);
            assert_true(fabs((double)got[s] - want[s]) <= LIMIT_MS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_spread_as_an_epidemic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
