/* What is looked at with each sample, and after all faults: a world in which it holds, and books made wrong in which
 * just that rule is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/net/net.h"
#include "sim/origin_model.h"
#include "sim/report.h"
#include "sim/rules/afterwards.h"
#include "sim/rules/check.h"
#include "sim/rules/check_answer.h"
#include "sim/rules/watch.h"
#include "sim/viewer_model.h"

static const char small[] = "nodes 4\nkeys 20\nrequests 40\nsize-max 8KiB\nwarmup 4s\ntime 12s\nat 6s crash 2\n";

static struct world *world_of(struct scenario *sc, const char *more)
{
    struct scenario_error err;

    scenario_init(sc, &words_of_run);
    assert_int_equal(scenario_parse(sc, slice_str(small), &err), 0);
    assert_int_equal(scenario_parse(sc, slice_str(more), &err), 0);
    assert_int_equal(scenario_check(sc, &err), 0);
    struct world *w = world_run(sc, NULL);
    assert_true(report_ok(w));
    return w;
}

static void only_broken(struct world *w, enum rule rule)
{
    for (size_t i = 0; i < RULES_N; i++)
        assert_int_equal(w->check->broken[i] > 0, i == rule);
    world_free(w);
}

static void incarnations_grow(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "at 9s start 2\n");
    assert_int_equal(w->watch->nodes[1].latest_boot, 2);
    watch_sample(w);
    assert_true(report_ok(w));
    w->watch->nodes[1].boot = 3;
    watch_sample(w); /* nothing has changed since */
    assert_true(report_ok(w));
    w->watch->nodes[1].digest = 0;
    watch_sample(w);
    only_broken(w, RULE_INCARNATION);
    scenario_fini(&sc);
}

static void nobody_holds_an_incarnation_that_never_was(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, ""); /* n2 is down, and all remember it */
    w->watch->nodes[1].latest_boot = 0;
    watch_sample(w); /* views that were looked through are not looked through again */
    assert_true(report_ok(w));
    w->watch->nodes[2].digest = 0;
    watch_sample(w);
    assert_int_equal(w->check->broken[RULE_INCARNATION], 1);
    only_broken(w, RULE_INCARNATION);
    scenario_fini(&sc);
}

static void a_chatterbox_is_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "");
    uint64_t all = 0;
    for (uint32_t i = 0; i < 4; i++)
        all += w->edges[i].datagram_bytes_out;
    assert_int_equal(all, w->net->counts.datagram_bytes);
    w->edges[3].datagram_bytes_out = w->watch->nodes[3].bytes_before + WATCH_BYTES;
    w->now = w->watch->span_from + WATCH_SPAN - 1;
    watch_sample(w);
    assert_true(report_ok(w)); /* too soon to tell */
    w->now++;
    w->edges[3].datagram_bytes_out++;
    watch_sample(w);
    assert_int_equal(w->check->broken[RULE_BUDGET], 1);
    only_broken(w, RULE_BUDGET);
    scenario_fini(&sc);
}

static void all_answer_afterwards_each_from_its_own_copy(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "afterwards yes\nrequests 0\n");
    uint64_t hits = 0, all = 0;
    for (uint32_t i = 0; i < 4; i++) {
        hits += w->edges[i].counted[RESULT_HIT];
        for (size_t k = 0; k < 6; k++)
            all += w->edges[i].counted[k];
    }
    assert_int_equal(all, 6); /* three nodes live */
    assert_true(hits >= 3);
    world_free(w);
    scenario_fini(&sc);
}

static void who_does_not_answer_afterwards_is_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "requests 0\n");
    origin_model_set(w, ORIGIN_DOWN);
    afterwards_ask(w, check_settled);
    assert_int_equal(w->check->broken[RULE_RETURNS], 3);
    only_broken(w, RULE_RETURNS);
    scenario_fini(&sc);
}

/* What may not be kept is not asked for: that there is no copy of it proves nothing. */
static void what_may_not_be_kept_is_not_asked_for_afterwards(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "afterwards yes\nrequests 0\nno-store-pct 100\n");
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(w->edges[i].fetches, 0);
    world_free(w);
    scenario_fini(&sc);
}

/* The origin hangs for longer than a node waits: who asks has an error by then, and it explains itself. */
static void what_waits_for_an_origin_that_hangs_is_given_up_in_time(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "fetch-timeout 2s\ntime 16s\nat 4s origin hangs\nat 15s origin up\n");
    assert_true(w->viewers->ends[VIEWER_FAILED] > 0);
    assert_int_equal(w->viewers->ends[VIEWER_FAILED] + w->viewers->ends[VIEWER_SERVED] + w->viewers->ends[VIEWER_CUT],
                     40);
    world_free(w);
    scenario_fini(&sc);
}

static void an_answer_that_comes_too_late_is_noticed(void **state)
{
    struct scenario sc;

    (void)state;
    struct world *w = world_of(&sc, "fetch-timeout 4s\n");
    struct edge *e = &w->edges[2];
    check_waited(w, e, 1, w->now - SEC(10));
    e->paused_until = w->now - SEC(11);
    check_waited(w, e, 1, w->now - SEC(12)); /* it stood still */
    assert_true(report_ok(w));
    check_waited(w, e, 1, w->now - SEC(10) - MS(1));
    assert_int_equal(w->check->broken[RULE_ENDS], 1);
    only_broken(w, RULE_ENDS);
    scenario_fini(&sc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(incarnations_grow),
        cmocka_unit_test(nobody_holds_an_incarnation_that_never_was),
        cmocka_unit_test(a_chatterbox_is_noticed),
        cmocka_unit_test(all_answer_afterwards_each_from_its_own_copy),
        cmocka_unit_test(who_does_not_answer_afterwards_is_noticed),
        cmocka_unit_test(what_may_not_be_kept_is_not_asked_for_afterwards),
        cmocka_unit_test(what_waits_for_an_origin_that_hangs_is_given_up_in_time),
        cmocka_unit_test(an_answer_that_comes_too_late_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
