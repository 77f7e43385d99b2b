/* The world of members: the same seed is the same run; its checks see what is wrong; its
 * figures are what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/figures.h"
#include "sim/members/drawn.h"
#include "sim/members/members_report.h"

static struct crowd *live(const char *text, uint64_t seed, struct members_figures *f)
{
    struct scenario sc;
    struct scenario_error err;

    scenario_init(&sc, &words_of_members);
    if (scenario_parse(&sc, slice_str(text), &err) != 0 || scenario_check(&sc, &err) != 0)
        fail_msg("line %u: %s", err.line, err.text);
    sc.seed = seed;
    struct crowd *c = crowd_run(&sc);
    assert_non_null(c);
    crowd_figures(c, f);
    scenario_fini(&sc);
    c->sc.actions_n = c->sc.expectations_n = 0;
    return c;
}

static const char small[] = "nodes 12\njoin-every 10ms\nwarmup 5s\ntime 20s\n";

static void the_same_seed_is_the_same_run(void **state)
{
    static const char story[] =
        "nodes 12\nloss-pct 5\nburst-loss-pct 3\ndup-pct 2\nreorder-pct 5\nwarmup 5s\ntime 15s\n"
        "at 6s crash 3\nat 7s start 3\nat 8s freeze 5 1s 2s\n";
    uint64_t hash[3][2];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct members_figures f;
        struct crowd *c = live(story, i == 1 ? 2 : 1, &f);
        hash[i][0] = c->trace[0];
        hash[i][1] = c->trace[1];
        crowd_free(c);
    }
    assert_memory_equal(hash[0], hash[2], sizeof(hash[0]));
    assert_memory_not_equal(hash[0], hash[1], sizeof(hash[0]));
}

static void a_quiet_crowd_agrees(void **state)
{
    struct members_figures f;
    struct buf out = BUF_EMPTY;
    struct crowd *c = live(small, 1, &f);

    (void)state;
    assert_true(members_report(&out, c, &f, true, "again"));
    assert_int_equal(f.live, 12);
    assert_int_equal(f.stuck, 0);
    assert_int_equal(f.wrong_deaths, 0);
    assert_int_equal(f.crashes, 0);
    assert_true(f.joined_ms < 5000);
    assert_true(f.idle_bytes > 50);
    buf_free(&out);
    crowd_free(c);
}

/* A view that lacks somebody, or holds a dead one for live, is no right view. */
static void the_check_sees_a_view_that_is_not_right(void **state)
{
    struct members_figures f;
    struct buf out = BUF_EMPTY;
    struct crowd *c = live(small, 1, &f);

    (void)state;
    agree_look(c);
    assert_string_equal(c->wrong, "");
    assert_int_equal(agree_stuck(c), 0);

    gossip_forget(c->nodes[4].g, c->now, &c->ids[7]);
    life_pump(c, 4);
    agree_look(c);
    assert_string_not_equal(c->wrong, "");
    assert_int_equal(agree_stuck(c), 1);
    assert_false(members_report(&out, c, &f, false, "again"));
    buf_free(&out);
    crowd_free(c);

    c = live(small, 1, &f);
    life_end(c, 7, true); /* just now, so that nobody can know */
    agree_look(c);
    assert_string_not_equal(c->wrong, "");
    assert_int_equal(agree_stuck(c), 11);
    crowd_free(c);
}

/* Deaths are told to the notice as gossip tells them: of one that runs, it is wrong. */
static void a_death_is_wrong_only_without_a_reason(void **state)
{
    struct members_figures f;
    struct crowd *c = live(small, 1, &f);
    struct member_record r = *gossip_find(c->nodes[2].g, &c->ids[5]);

    (void)state;
    assert_int_equal(r.state, MEMBER_ALIVE);
    r.state = MEMBER_SUSPECT;
    gossip_learn(c->nodes[2].g, c->now, &r);
    life_pump(c, 2);
    assert_int_equal(c->wrong_deaths, 0);
    struct gossip_out o = { .kind = GOSSIP_CHANGED, .to = c->ids[5], .was = MEMBER_SUSPECT, .is = MEMBER_DEAD };
    notice_change(c, 2, &o);
    assert_int_equal(c->wrong_deaths, 1);
    notice_change(c, 3, &o); /* the same incarnation counts once, the view counts */
    assert_int_equal(c->wrong_deaths, 1);
    assert_int_equal(c->wrong_views, 2);
    c->nodes[6].excused = c->now + 1;
    o.to = c->ids[6];
    notice_change(c, 2, &o);
    assert_int_equal(c->wrong_deaths, 1);
    assert_int_equal(c->faulty_deaths, 1);
    c->mass_cut_until = MESH_NS_NEVER;
    o.to = c->ids[7];
    notice_change(c, 2, &o);
    assert_int_equal(c->wrong_deaths, 1);
    crowd_free(c);
}

static void an_end_is_followed_until_all_know(void **state)
{
    struct members_figures f;
    struct crowd *c = live("nodes 12\njoin-every 10ms\nwarmup 5s\ntime 30s\nat 6s crash 4\n", 1, &f);

    (void)state;
    assert_int_equal(f.live, 11);
    assert_int_equal(f.crashes, 1);
    assert_int_equal(f.crash_missed, 0);
    assert_true(f.crash_max_ms > 1000 && f.crash_max_ms < 10000);
    assert_int_equal(f.wrong_deaths, 0);
    crowd_free(c);

    /* Nobody can hear of it in so short a time. */
    c = live("nodes 12\njoin-every 10ms\nwarmup 5s\ntime 7s\nquiet 0s\nat 6s crash 4\n", 1, &f);
    assert_int_equal(f.crash_missed, 1);
    assert_int_equal(f.crash_max_ms, FIGURE_NEVER);
    assert_int_equal(f.stuck, 11);
    crowd_free(c);
}

static void an_update_is_followed_until_all_have_it(void **state)
{
    struct members_figures f;
    struct crowd *c = live("nodes 12\njoin-every 10ms\nwarmup 5s\ntime 30s\nat 6s update all 5 2s\n", 1, &f);

    (void)state;
    assert_int_equal(f.updates, 5);
    assert_int_equal(f.updates_lost, 0);
    assert_true(f.update_max_ms >= 5 && f.update_max_ms < 3000);
    assert_true(f.update_node_mean_ms <= f.update_mean_ms);
    crowd_free(c);

    c = live("nodes 12\njoin-every 10ms\nwarmup 5s\ntime 30s\nat 6s cut 1-6 7-12\nat 7s update 1 1 1s\n", 1, &f);
    assert_int_equal(f.updates_lost, 1); /* no way to the other half */
    crowd_free(c);
}

static void a_full_socket_drops_and_a_frozen_node_reads_the_rest(void **state)
{
    struct members_figures f;
    struct crowd *c =
        live("nodes 12\njoin-every 10ms\nwarmup 5s\ntime 20s\nsocket-buffer 4096\nat 6s pause 4 5s\n", 1, &f);

    (void)state;
    assert_true(f.socket_drops > 0);
    assert_int_equal(f.wrong_deaths, 0);
    assert_int_equal(f.stuck, 0);
    crowd_free(c);
    c = live("nodes 12\njoin-every 10ms\nwarmup 5s\ntime 20s\nat 6s pause 4 2s\n", 1, &f);
    assert_int_equal(f.socket_drops, 0);
    crowd_free(c);
}

/* A settled mesh has nothing to say, and notices an end like any other. */
static void a_settled_crowd_begins_with_equal_views(void **state)
{
    struct members_figures f;
    struct crowd *c = live("nodes 30\nsettled yes\nwarmup 5s\ntime 30s\nat 6s crash 4\n", 1, &f);

    (void)state;
    assert_int_equal(f.joined_ms, 0);
    assert_int_equal(f.certs, 0);
    assert_int_equal(f.crash_missed, 0);
    assert_int_equal(f.stuck, 0);
    assert_int_equal(f.wrong_deaths, 0);
    crowd_free(c);
}

/* A drawn fault has its end within the time, and what is written down is the same story. */
static void drawn_faults_can_be_written_down(void **state)
{
    static const char text[] = "nodes 20\nwarmup 5s\ntime 20s\nfaults 12\n";
    struct scenario_error err;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct scenario sc, read;
        struct buf out = BUF_EMPTY, again = BUF_EMPTY;
        scenario_init(&sc, &words_of_members);
        assert_int_equal(scenario_parse(&sc, slice_str(text), &err), 0);
        sc.seed = seed;
        drawn_faults(&sc);
        assert_true(sc.actions_n >= 12);
        assert_int_equal(scenario_check(&sc, &err), 0);
        scenario_put(&out, &sc);
        scenario_init(&read, &words_of_members);
        assert_int_equal(scenario_parse(&read, buf_slice(&out), &err), 0);
        scenario_put(&again, &read);
        assert_true(slice_eq(buf_slice(&out), buf_slice(&again)));
        scenario_fini(&sc);
        scenario_fini(&read);
        buf_free(&out);
        buf_free(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(a_quiet_crowd_agrees),
        cmocka_unit_test(the_check_sees_a_view_that_is_not_right),
        cmocka_unit_test(a_death_is_wrong_only_without_a_reason),
        cmocka_unit_test(an_end_is_followed_until_all_know),
        cmocka_unit_test(an_update_is_followed_until_all_have_it),
        cmocka_unit_test(a_settled_crowd_begins_with_equal_views),
        cmocka_unit_test(drawn_faults_can_be_written_down),
        cmocka_unit_test(a_full_socket_drops_and_a_frozen_node_reads_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
