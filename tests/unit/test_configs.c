/* test_configs.c - a change of the configuration that one node takes is in force on all, whatever is late, cut, lies,
 * stops or starts anew meanwhile; and of two made at once one wins everywhere, and the other is told. */
#include "engine_stage.h"

static struct config_version version_of(int n)
{
    return config_log_version(engine_config_log(engine_of(w, n)));
}

static struct engine_configs at(int n)
{
    struct engine_configs c;

    engine_configs(engine_of(w, n), &c);
    return c;
}

/* |text| is handed in at |n|, by who has seen what is in force there. */
static int change(int n, struct slice text)
{
    struct config_version before = version_of(n);
    struct buf why = BUF_EMPTY;
    int err = engine_config_change(engine_of(w, n), w->now, text, &before, "a test", &why);

    buf_free(&why);
    return err;
}

static void must_change(int n, const char *text)
{
    assert_int_equal(change(n, slice_str(text)), 0);
}

static void check_in_force(int n, const char *text)
{
    if (!slice_eq(buf_slice(&w->nodes[n].in_force), slice_str(text)))
        fail_msg("n%d works by \"%.*s\", not \"%s\"", n, SLICE_FMT(buf_slice(&w->nodes[n].in_force)), text);
}

static void check_one_version(void)
{
    for (int n = 1; n < w->n; n++) {
        struct config_version a = version_of(0), b = version_of(n);
        assert_int_equal(config_version_cmp(&a, &b), 0);
        assert_true(slice_eq(buf_slice(&w->nodes[n].in_force), buf_slice(&w->nodes[0].in_force)));
    }
}

static bool alarmed(int n, enum alarm a)
{
    return (engine_alarms(engine_of(w, n), w->now) & UINT32_C(1) << a) != 0;
}

static enum config_state state_of(int n, const struct config_version *v)
{
    const struct config_kept *k = config_log_find(engine_config_log(engine_of(w, n)), &v->hash);

    assert_non_null(k);
    return k->state;
}

/* ---- at once, everywhere ---- */

static void feat_A3_one_change_is_in_force_on_every_node(void **state)
{
    (void)state;
    must_change(1, "one");
    check_in_force(1, "one");
    world_run(w, 20 * w->delay); /* sessions may have to be made */
    check_one_version();
    for (int n = 0; n < 3; n++) {
        check_in_force(n, "one");
        assert_true(at(n).version.counter == 1 && at(n).kept && at(n).superseded == 0);
        assert_int_equal(w->nodes[n].configs_n, 1);
        struct config_peer_state s;
        assert_true(n == 1 || engine_config_of(engine_of(w, 1), id_of(n), &s)); /* and who made it knows that */
        assert_true(n == 1 || (s.kept && s.version.counter == 1 && !s.refuses));
    }
    must_change(2, "two");
    must_change(2, "three");
    world_run(w, 20 * w->delay);
    check_one_version();
    check_in_force(0, "three");
    assert_int_equal(at(0).version.counter, 3);
    assert_false(alarmed(0, ALARM_config_superseded));
}

static void feat_A4_stale_if_match_is_told(void **state)
{
    struct config_version none = { .counter = 0 }, first;
    struct buf why = BUF_EMPTY;

    (void)state;
    must_change(0, "one");
    first = version_of(0);
    assert_int_equal(engine_config_change(engine_of(w, 0), w->now, SLICE_LIT("two"), &none, "", &why), MESH_E_STATE);
    check_in_force(0, "one");
    assert_int_equal(engine_config_change(engine_of(w, 0), w->now, SLICE_LIT("two"), &first, "", &why), 0);
    assert_int_equal(engine_config_change(engine_of(w, 0), w->now, SLICE_LIT("three"), &first, "", &why), MESH_E_STATE);
    check_in_force(0, "two");
    buf_free(&why);
}

static void what_is_bad_is_refused_and_changes_nothing(void **state)
{
    struct config_version none = { .counter = 0 };
    struct buf why = BUF_EMPTY;

    (void)state;
    assert_int_equal(engine_config_try(engine_of(w, 0), SLICE_LIT("bad one"), &why), MESH_E_TYPE);
    assert_true(slice_eq(buf_slice(&why), SLICE_LIT("line 1: it is bad")));
    buf_clear(&why);
    assert_int_equal(engine_config_change(engine_of(w, 0), w->now, SLICE_LIT("bad one"), &none, "", &why), MESH_E_TYPE);
    assert_true(slice_eq(buf_slice(&why), SLICE_LIT("line 1: it is bad")));
    assert_int_equal(engine_config_try(engine_of(w, 0), SLICE_LIT("a good one"), &why), 0);
    world_run(w, SEC(1));
    assert_int_equal(at(0).version.counter, 0);
    assert_int_equal(at(1).version.counter, 0);
    assert_int_equal(w->nodes[0].configs_n, 0);
    buf_free(&why);
}

static void only_an_operator_changes_anything(void **state)
{
    (void)state;
    assert_false(at(3).is_operator);
    assert_int_equal(change(3, SLICE_LIT("one")), MESH_E_REFUSED);
    must_change(0, "one");
    world_run(w, SEC(1));
    check_one_version();
    mesh_of(w, 1)->revoked = id_of(1);
    assert_int_equal(change(1, SLICE_LIT("two")), MESH_E_REVOKED);
    check_in_force(1, "one");
}

/* ---- two at once ---- */

static void feat_A3_of_two_racing_writers_one_wins_and_the_other_is_told(void **state)
{
    struct config_version a, b;

    (void)state;
    must_change(0, "zero");
    world_run(w, SEC(1));
    must_change(0, "from n0");
    must_change(1, "from n1");
    a = version_of(0);
    b = version_of(1);
    bool first = config_version_cmp(&a, &b) > 0;
    world_run(w, SEC(1));
    check_one_version();
    check_in_force(2, first ? "from n0" : "from n1");
    int loser = first ? 1 : 0;
    assert_int_equal(state_of(loser, first ? &b : &a), CONFIG_SUPERSEDED);
    assert_int_equal(state_of(loser, first ? &a : &b), CONFIG_CURRENT);
    for (int n = 0; n < 3; n++) /* everybody knows, so that nobody's disk is the only one */
        assert_true(at(n).superseded == 1 && alarmed(n, ALARM_config_superseded));
    struct buf text = BUF_EMPTY; /* nothing is lost */
    const struct config_kept *lost = config_log_find(engine_config_log(engine_of(w, loser)), first ? &b.hash : &a.hash);
    assert_int_equal(engine_config_text(engine_of(w, loser), lost, &text), 0);
    assert_true(slice_eq(buf_slice(&text), slice_str(first ? "from n1" : "from n0")));
    buf_free(&text);
    must_change(loser, "both"); /* it was seen to */
    world_run(w, SEC(1));
    check_one_version();
    check_in_force(0, "both");
    assert_false(alarmed(loser, ALARM_config_superseded));
}

/* Each side of a cut goes on by itself; the longer history wins, whatever the hashes. */
static void after_a_cut_there_is_one_version(void **state)
{
    (void)state;
    must_change(0, "zero");
    world_run(w, SEC(1));
    world_cut(w, 0, 2, true);
    world_cut(w, 1, 2, true);
    must_change(0, "left");
    world_run(w, SEC(1));
    must_change(2, "right 1");
    must_change(2, "right 2");
    world_run(w, SEC(10));
    check_in_force(1, "left");
    check_in_force(2, "right 2");
    world_cut(w, 0, 2, false);
    world_cut(w, 1, 2, false);
    world_run(w, SEC(90));
    must_change(0, "after"); /* by gossip they find each other; here nobody gossips */
    world_run(w, SEC(10));
    must_change(0, "after");
    world_run(w, SEC(10));
    check_one_version();
    for (int n = 0; n < 3; n++)
        assert_true(at(n).version.counter >= 3);
}

/* ---- large ones, lies ---- */

static struct buf large(size_t n, unsigned seed)
{
    struct rand r = rand_of(seed, 7, 7);
    struct buf b = BUF_EMPTY;

    for (size_t i = 0; i < n; i += 8)
        buf_add_u32(&b, (uint32_t)rand_u64(&r)), buf_add_u32(&b, 0x20202020);
    assert_true(buf_ok(&b));
    b.len = n;
    return b;
}

static void a_large_one_goes_in_pieces(void **state)
{
    struct buf text = large(3 << 20, 1);

    (void)state;
    assert_int_equal(change(0, buf_slice(&text)), 0);
    world_run(w, SEC(2));
    check_one_version();
    assert_true(slice_eq(buf_slice(&w->nodes[2].in_force), buf_slice(&text)));
    assert_int_equal(count(w, 2)->config_pieces_in, 64);
    buf_free(&text);
}

/* Who has some of it goes on with the rest, of another node. */
static void a_source_that_dies_is_followed_by_another(void **state)
{
    struct buf text = large(4 << 20, 2);

    (void)state;
    world_cut(w, 0, 2, true);
    assert_int_equal(change(0, buf_slice(&text)), 0);
    world_run(w, SEC(2));
    assert_true(slice_eq(buf_slice(&w->nodes[1].in_force), buf_slice(&text)));
    world_cut(w, 0, 2, false);
    w->window = 20000; /* a slow line */
    node_stop(w, 2, true);
    node_start(w, 2, true);
    world_run(w, MS(400));
    must_change(0, "x"); /* so that they speak */
    buf_free(&text);
    text = large(4 << 20, 3);
    assert_int_equal(change(0, buf_slice(&text)), 0);
    for (int i = 0; i < 100 && at(2).pieces < 10; i++)
        world_run(w, MS(50));
    assert_in_range(at(2).pieces, 10, 80);
    uint64_t had = count(w, 2)->config_pieces_in;
    w->window = 0;
    world_run(w, MS(20)); /* n1 has it by then, or never */
    world_run(w, MS(500));
    node_stop(w, 0, true);
    world_run(w, SEC(10));
    assert_true(slice_eq(buf_slice(&w->nodes[2].in_force), buf_slice(&text)));
    assert_true(count(w, 2)->config_pieces_in >= had);
    node_start(w, 0, true);
    world_run(w, SEC(1));
    buf_free(&text);
}

static bool is_part(const uint8_t *frame, size_t len)
{
    return len > 1000 && frame[0] == MSG_CONFIG_PART;
}

static void lie(void *ctx, uint8_t *frame, size_t len)
{
    unsigned *lies = ctx;

    if (is_part(frame, len)) {
        frame[len - 100] ^= 1;
        ++*lies;
    }
}

static void who_lies_is_found_out_and_distrusted(void **state)
{
    struct buf text = large(1 << 20, 4);
    unsigned lies = 0;

    (void)state;
    node_stop(w, 1, true);
    w->nodes[1].cfg.outgoing = lie;
    w->nodes[1].cfg.outgoing_ctx = &lies;
    node_start(w, 1, true);
    world_cut(w, 0, 2, true);
    assert_int_equal(change(0, buf_slice(&text)), 0);
    world_run(w, SEC(1)); /* so n2 can have it of n1 alone */
    assert_true(lies > 0);
    assert_true(count(w, 2)->config_pieces_rejected > 0);
    assert_int_equal(at(2).version.counter, 0);
    assert_true(alarmed(2, ALARM_member_lies));
    world_cut(w, 0, 2, false);
    world_run(w, SEC(10));
    assert_true(slice_eq(buf_slice(&w->nodes[2].in_force), buf_slice(&text)));
    buf_free(&text);
}

/* ---- stopped and started ---- */

static void a_late_joiner_has_it_before_it_is_caught_up(void **state)
{
    struct buf text = large(2 << 20, 5);

    (void)state;
    node_stop(w, 2, true);
    assert_int_equal(change(0, buf_slice(&text)), 0);
    world_run(w, SEC(1));
    w->nodes[2].cfg.has_seeds = true;
    node_start(w, 2, true);
    assert_false(at(2).caught_up);
    must_change(1, "x");
    assert_int_equal(change(1, buf_slice(&text)), 0);
    for (int i = 0; i < 2000 && !at(2).caught_up; i++)
        world_run(w, MS(1));
    assert_true(at(2).caught_up);
    assert_int_equal(at(2).version.counter, 3);
    assert_true(slice_eq(buf_slice(&w->nodes[2].in_force), buf_slice(&text)));
    buf_free(&text);
}

static void feat_A3_a_version_outlives_a_restart(void **state)
{
    (void)state;
    must_change(0, "one");
    must_change(0, "two");
    world_run(w, SEC(1));
    struct config_version before = version_of(2);
    for (int n = 0; n < 3; n++)
        node_stop(w, n, true);
    buf_clear(&w->nodes[2].in_force);
    node_start(w, 2, true); /* alone */
    check_in_force(2, "two");
    struct config_version after = version_of(2);
    assert_int_equal(config_version_cmp(&before, &after), 0);
    assert_true(at(2).kept);
    must_change(2, "three");
    node_start(w, 0, true);
    node_start(w, 1, true);
    world_run(w, SEC(1));
    check_one_version();
    check_in_force(0, "three");
}

static void it_is_confirmed_only_when_it_is_durable(void **state)
{
    struct config_peer_state s;

    (void)state;
    w->nodes[2].disk_full = true;
    must_change(0, "one");
    world_run(w, SEC(1));
    check_in_force(2, "one"); /* it obeys */
    assert_true(engine_config_of(engine_of(w, 0), id_of(2), &s));
    assert_true(s.version.counter == 1 && !s.kept && !at(2).kept);
    assert_true(engine_config_of(engine_of(w, 0), id_of(1), &s) && s.kept);
    w->nodes[2].disk_full = false;
    world_run(w, SEC(2));
    assert_true(engine_config_of(engine_of(w, 0), id_of(2), &s) && s.kept && at(2).kept);
}

/* Its software is older than who wrote it. */
static void who_cannot_read_it_keeps_what_it_has_and_says_so(void **state)
{
    struct config_peer_state s;

    (void)state;
    w->nodes[1].older = true;
    must_change(0, "one");
    world_run(w, SEC(1));
    must_change(0, "one and something new");
    world_run(w, SEC(2));
    check_in_force(2, "one and something new");
    check_in_force(1, "one");
    assert_true(at(1).version.counter == 1 && at(1).refused.counter == 2 && at(1).caught_up);
    assert_string_equal(at(1).refused_why, "line 1: \"new\" is not known");
    assert_true(alarmed(1, ALARM_config_refused));
    assert_true(engine_config_of(engine_of(w, 0), id_of(1), &s) && s.refuses && s.version.counter == 1);
    assert_int_equal(count(w, 1)->configs_refused, 1); /* and does not ask again and again */
    node_stop(w, 1, true);
    node_start(w, 1, true);
    check_in_force(1, "one");
    must_change(2, "new again");
    world_run(w, SEC(1));
    check_in_force(1, "one");
    w->nodes[1].older = false;
    node_stop(w, 1, true);
    node_start(w, 1, true);
    must_change(2, "the newest");
    world_run(w, SEC(1));
    check_one_version();
    assert_false(alarmed(1, ALARM_config_refused));
}

static void a_revoked_operator_s_version_is_not_taken(void **state)
{
    (void)state;
    node_stop(w, 2, true);
    must_change(0, "one");
    world_run(w, SEC(1));
    node_start(w, 2, true);
    mesh_of(w, 2)->revoked = id_of(0);
    mesh_of(w, 1)->revoked = id_of(0);
    for (int i = 0; i < 3; i++) { /* so that they speak */
        world_run(w, SEC(2));
        assert_int_equal(at(2).version.counter, 0);
    }
    assert_true(alarmed(1, ALARM_config_operator_out)); /* which has it still */
    check_in_force(1, "one");
    must_change(1, "signed anew");
    world_run(w, SEC(1));
    check_one_version();
    assert_false(alarmed(1, ALARM_config_operator_out));
}

/* What was true once and comes again, with a good signature, changes nothing. */
static void an_old_version_is_not_taken_again(void **state)
{
    struct buf old = BUF_EMPTY, why = BUF_EMPTY;

    (void)state;
    must_change(0, "one");
    must_change(0, "two");
    must_change(0, "three");
    world_run(w, SEC(1));
    buf_add_slice(&old, buf_slice(&w->nodes[0].configs[1]));
    assert_int_equal(engine_config_take(engine_of(w, 1), w->now, buf_slice(&old), &why), MESH_E_STATE);
    assert_int_equal(engine_config_take(engine_of(w, 0), w->now, buf_slice(&old), &why), MESH_E_EXISTS);
    old.data[old.len - 1] ^= 1;
    assert_int_equal(engine_config_take(engine_of(w, 1), w->now, buf_slice(&old), &why), MESH_E_HASH);
    check_in_force(1, "three");
    buf_free(&old);
    buf_free(&why);
}

/* ---- judged on another thread ---- */

/* What the rim's other thread says of what it was given at |n|. */
static void judged(int n)
{
    struct node *node = &w->nodes[n];
    struct slice text = node->to_judge;
    struct buf why = BUF_EMPTY;
    bool good = config_validate(node, text, &why);

    assert_true(text.len > 0);
    node->to_judge = SLICE_EMPTY; /* the next one may be given at once */
    engine_config_judged(engine_of(w, n), w->now, good, buf_slice(&why));
    buf_free(&why);
    world_run(w, SEC(1));
}

static int three_one_judges(void **state)
{
    (void)state;
    w = world_bare(3);
    w->nodes[2].judges = true;
    for (int n = 0; n < 3; n++)
        node_start(w, n, true);
    world_run(w, SEC(1));
    return 0;
}

#define JUDGE(f) cmocka_unit_test_setup_teardown(f, three_one_judges, close_world)

static void what_is_being_judged_is_not_in_force_yet(void **state)
{
    (void)state;
    must_change(0, "one");
    world_run(w, SEC(20)); /* and nothing is fetched again meanwhile */
    assert_int_equal(at(2).version.counter, 0);
    check_in_force(1, "one");
    assert_int_equal(count(w, 2)->config_pieces_in, 1);
    judged(2);
    check_one_version();
    assert_true(at(2).kept);
    must_change(2, "two"); /* what is handed in here is answered at once */
    check_in_force(2, "two");
    world_run(w, SEC(1));
    check_one_version();
}

/* Of those that come while one is judged the best one is next; the others need no judging. */
static void the_latest_is_judged_next(void **state)
{
    static const char *const texts[] = { "one", "two", "three", "four" };

    (void)state;
    for (int i = 0; i < 4; i++) {
        must_change(0, texts[i]);
        world_run(w, SEC(1));
    }
    assert_true(slice_eq(w->nodes[2].to_judge, SLICE_LIT("one")));
    judged(2);
    check_in_force(2, "one");
    assert_true(slice_eq(w->nodes[2].to_judge, SLICE_LIT("four")));
    judged(2);
    check_in_force(2, "four");
    check_one_version();
    assert_int_equal(count(w, 2)->config_pieces_in, 4); /* each was fetched once */
}

static void what_is_judged_bad_is_refused(void **state)
{
    (void)state;
    w->nodes[2].older = true;
    must_change(0, "new one");
    world_run(w, SEC(1));
    must_change(1, "an old one");
    world_run(w, SEC(1));
    judged(2);
    assert_true(at(2).refused.counter == 1 && at(2).version.counter == 0);
    judged(2);
    check_in_force(2, "an old one");
    check_one_version();
}

/* What was handed in here meanwhile is of the same counter: one of them wins, everywhere the same one. */
static void a_change_made_here_meanwhile_wins_or_loses(void **state)
{
    (void)state;
    must_change(0, "theirs");
    world_run(w, SEC(1));
    must_change(2, "ours");
    world_run(w, SEC(1));
    judged(2);
    world_run(w, SEC(5));
    check_one_version();
    for (int n = 0; n < 3; n++)
        assert_int_equal(at(n).superseded, 1);
}

static void who_ends_while_it_judges_leaves_nothing(void **state)
{
    (void)state;
    must_change(0, "one");
    world_run(w, SEC(1));
    must_change(0, "two");
    world_run(w, SEC(1));
    assert_int_equal(w->nodes[2].to_judge.len, 3); /* and close_world ends it */
}

/* As close_world, where sessions were refused. */
static int leave_world(void **state)
{
    (void)state;
    world_run(w, SEC(100));
    world_calm(w);
    world_free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(feat_A3_one_change_is_in_force_on_every_node),
        THREE(feat_A4_stale_if_match_is_told),
        THREE(what_is_bad_is_refused_and_changes_nothing),
        FOUR(only_an_operator_changes_anything),
        THREE(feat_A3_of_two_racing_writers_one_wins_and_the_other_is_told),
        THREE(after_a_cut_there_is_one_version),
        THREE(a_large_one_goes_in_pieces),
        THREE(a_source_that_dies_is_followed_by_another),
        THREE(who_lies_is_found_out_and_distrusted),
        THREE(a_late_joiner_has_it_before_it_is_caught_up),
        THREE(feat_A3_a_version_outlives_a_restart),
        THREE(it_is_confirmed_only_when_it_is_durable),
        THREE(who_cannot_read_it_keeps_what_it_has_and_says_so),
        cmocka_unit_test_setup_teardown(a_revoked_operator_s_version_is_not_taken, three, leave_world),
        THREE(an_old_version_is_not_taken_again),
        JUDGE(what_is_being_judged_is_not_in_force_yet),
        JUDGE(the_latest_is_judged_next),
        JUDGE(what_is_judged_bad_is_refused),
        JUDGE(a_change_made_here_meanwhile_wins_or_loses),
        JUDGE(who_ends_while_it_judges_leaves_nothing),
    };
    return cmocka_run_group_tests_name("configs", tests, setup, NULL);
}
