/* What the page of members draws: every node that should know is counted once, in its step; and the epidemic beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/epidemic.h"
#include "sim/members/crowd.h"
#include "sim/members/members_page.h"

static uint64_t sum_of(const struct curve *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < CURVE_STEPS; i++)
        sum += c->at[i];
    return sum;
}

static void times_are_in_their_steps(void **state)
{
    struct members_curves m;

    (void)state;
    curves_init(&m, SEC(100));
    curve_add(&m.update, MS(9));
    curve_add(&m.update, MS(10));
    curve_add(&m.update, SEC(600)); /* beyond the last */
    assert_int_equal(m.update.at[0], 1);
    assert_int_equal(m.update.at[1], 1);
    assert_int_equal(sum_of(&m.update), 2);
}

static void a_moment_shows_its_worst(void **state)
{
    struct members_curves m;

    (void)state;
    curves_init(&m, SEC(300)); /* a second each, about */
    curves_look(&m, MS(100), 5, 5);
    curves_look(&m, MS(200), 5, 2);
    curves_look(&m, MS(300), 4, 4);
    curves_look(&m, MS(5500), 4, 3);
    assert_int_equal(m.moments_n, 6);
    assert_int_equal(m.moments[0].live, 4);
    assert_int_equal(m.moments[0].right, 2);
    assert_int_equal(m.moments[3].live, 4); /* as before, where nothing was seen */
    assert_int_equal(m.moments[5].right, 3);
    curves_look(&m, SEC(900), 1, 1);
    assert_int_equal(m.moments_n, 6);
}

static void every_node_that_lives_comes_to_know_once(void **state)
{
    static const char text[] = "nodes 25\njoin-every 10ms\nwarmup 6s\ntime 24s\nat 7s update 1 5 500ms\nat 7.003s "
                               "vanish 2\nat 11s crashes all 1 8s\n";
    struct members_curves *m = calloc(1, sizeof(*m));
    struct scenario_error err;
    struct scenario sc;

    (void)state;
    scenario_init(&sc, &words_of_members);
    assert_int_equal(scenario_parse(&sc, slice_str(text), &err), 0);
    assert_int_equal(scenario_check(&sc, &err), 0);
    struct crowd *plain = crowd_run(&sc), *c = crowd_watched_run(&sc, m);
    assert_int_equal(c->trace[0], plain->trace[0]); /* who looks on changes nothing */
    assert_int_equal(c->trace[1], plain->trace[1]);
    assert_int_equal(c->updates_lost, 0);
    assert_int_equal(m->update.of, 5 * 23); /* n2 ends before it can know, and need not */
    assert_int_equal(sum_of(&m->update), 5 * 23);
    assert_int_equal(m->crash.of, 2 * 23); /* who ends second need not have noticed the first */
    assert_int_equal(sum_of(&m->crash), 2 * 23);
    assert_int_equal(m->moments[m->moments_n - 1].live, 23);
    assert_int_equal(m->moments[m->moments_n - 1].right, 23);
    crowd_free(plain);
    crowd_free(c);
    scenario_fini(&sc);
    free(m);
}

/* One that tells 4 of 999: 1 - (998/999)^4 of the others know after a hop, 3.994 of them; those tell others, and so
 * does the first one again when its time comes. */
static void an_epidemic_is_as_pittel_says(void **state)
{
    struct epidemic e;
    uint64_t known;

    (void)state;
    epidemic_init(&e, 1000, EPIDEMIC_AGAIN * 10); /* again within a hop: at each */
    assert_int_equal(epidemic_known(&e), 1);
    epidemic_next(&e);
    assert_in_range((999 * 1024 - e.ignorant) * 1000 / 1024, 3990, 3998);
    known = epidemic_known(&e);
    while (e.hops + 1 < 20) {
        epidemic_next(&e);
        assert_true(epidemic_known(&e) >= known);
        known = epidemic_known(&e);
    }
    assert_int_equal(known, 1000);
    /* Without a second telling within these hops some are missed by all: 1 - x = e^(-4x), x = 0.980. */
    epidemic_init(&e, 100000, EPIDEMIC_AGAIN / 50);
    for (size_t i = 0; i < 40; i++)
        epidemic_next(&e);
    assert_in_range(epidemic_known(&e), 975, 985);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_in_their_steps),
        cmocka_unit_test(a_moment_shows_its_worst),
        cmocka_unit_test(every_node_that_lives_comes_to_know_once),
        cmocka_unit_test(an_epidemic_is_as_pittel_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
