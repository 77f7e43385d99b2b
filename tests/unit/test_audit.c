/* test_audit.c - a node that fetches for others and tells them something else than the origin said, under signatures
 * that are all good. Here the origin itself does so while that node asks it. */
#include "engine_stage.h"
#include "node/core/audit.h"

#define LIAR 1

static int begin(void **state)
{
    (void)state;
    w = world_bare(3);
    w->nodes[0].cfg.audit_one_in = 1;
    for (int i = 0; i < 3; i++)
        node_start(w, i, true);
    world_run(w, SEC(1));
    return 0;
}

#define AUDITED(f) cmocka_unit_test_setup_teardown(f, begin, close_world)

static struct site *owned_by_liar(const char *owners, uint64_t length)
{
    return site_at(w, path_owned(w, 0, owners), length);
}

/* The liar has version 2 of |s|, the origin version 1. */
static void lie_about(struct site *s)
{
    s->version = 2;
    struct viewer *v = ask(w, LIAR, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    s->version = 1;
}

static struct viewer *asked(int n, const struct site *s)
{
    struct viewer *v = ask(w, n, s->path);
    world_run(w, SEC(2)); /* with an audit behind it */
    check_whole(v);
    return v;
}

static void rob_G5_who_tells_otherwise_than_the_origin_is_found_out(void **state)
{
    struct site *a = owned_by_liar("12", 1000), *b = owned_by_liar("12", 200000), *c = owned_by_liar("12", 1000),
                *d = owned_by_liar("12", 1000);

    (void)state;
    lie_about(a);
    lie_about(b);
    lie_about(c);
    lie_about(d);
    assert_int_equal(asked(0, a)->version, 2);
    assert_int_equal(count(w, 0)->audits, 1);
    assert_int_equal(count(w, 0)->audits_failed, 1);
    assert_int_equal(asked(0, a)->version, 2); /* nothing is left of it, and one thing may be an accident */
    assert_int_equal(count(w, 0)->audits_failed, 2);
    assert_int_equal(engine_alarms(engine_of(w, 0), w->now) & ALARM_BIT(member_lies), 0);
    assert_int_equal(asked(0, b)->version, 2);
    assert_int_equal(count(w, 0)->audits_failed, 3);
    assert_true(engine_alarms(engine_of(w, 0), w->now) & ALARM_BIT(member_lies));
    for (int again = 0; again < 2; again++) {
        assert_int_equal(asked(0, a)->version, 1);
        assert_int_equal(asked(0, b)->version, 1);
        assert_int_equal(asked(0, c)->version, 1);
    }
    /* What it made up does not come by way of another either. */
    world_run(w, AUDIT_QUARANTINE / 2);
    assert_int_equal(asked(0, d)->version, 1);
    assert_int_equal(count(w, 0)->transfers_rejected, 0);
}

/* n2, the second owner, has it from the liar, and nobody has told n2. */
static void what_was_made_up_is_not_taken_from_a_third(void **state)
{
    struct site *s[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        lie_about(s[i] = owned_by_liar("12", 1000));
    assert_int_equal(asked(2, s[2])->version, 2);
    asked(0, s[0]);
    asked(0, s[1]);
    assert_int_equal(count(w, 0)->audits_failed, 2);
    uint64_t failed = count(w, 0)->transfers_failed;
    struct viewer *v = asked(0, s[2]);
    assert_int_equal(v->version, 1);
    assert_int_equal(count(w, 0)->transfers_failed, failed + 1); /* n2 was asked, and had it */
}

static void the_honest_are_never_suspected(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        struct site *s = owned_by_liar("12", i == 0 ? 0 : (uint64_t)i * 40000);
        asked(LIAR, s);
        assert_int_equal(asked(0, s)->version, 1);
        check_result(asked(0, s), RESULT_HIT);
        assert_int_equal(s->fetches, i == 0 ? 1 : 2);
    }
    assert_int_equal(count(w, 0)->audits, 9);
    assert_int_equal(count(w, 0)->audits_failed, 0);
}

static void one_begins_a_second(void **state)
{
    struct site *s[10];

    (void)state;
    for (int i = 0; i < 10; i++)
        asked(LIAR, s[i] = owned_by_liar("12", 1000));
    for (int i = 0; i < 10; i++)
        ask(w, 0, s[i]->path);
    world_run(w, SEC(2));
    assert_int_equal(count(w, 0)->transfers_verified, 10);
    assert_int_equal(count(w, 0)->audits, 1);
}

/* Nothing can be said where the origin does not say that it is the same, or does not answer. */
static void what_cannot_be_compared_is_nobodys_fault(void **state)
{
    struct site *changed = owned_by_liar("12", 1000), *weak = owned_by_liar("12", 1000),
                *large = owned_by_liar("12", AUDIT_BYTES_MAX + 1), *down = owned_by_liar("12", 1000);

    (void)state;
    weak->lines = "ETag: W/\"1\"\n";
    lie_about(changed);
    lie_about(weak);
    lie_about(large);
    lie_about(down);
    changed->lines = "ETag: \"2\"\n";
    down->cut_at = 500;
    asked(0, changed);
    asked(0, down);
    assert_int_equal(count(w, 0)->audits, 2);
    asked(0, weak);
    asked(0, large);
    assert_int_equal(count(w, 0)->audits, 2);
    assert_int_equal(count(w, 0)->audits_failed, 0);
}

static void another_length_is_a_lie(void **state)
{
    struct site *s = owned_by_liar("12", 1000);

    (void)state;
    lie_about(s);
    s->length = 50000000; /* which is not read to its end */
    s->chunked = true;
    s->piece = 10000;
    s->every = MS(1);
    ask(w, 0, s->path);
    world_run(w, SEC(2));
    assert_int_equal(count(w, 0)->audits_failed, 1);
    assert_true(s->sent < 100000);
}

static void suspects_are_few_and_the_latest(void **state)
{
    struct suspects s = { 0 };
    struct node_id id = { { 0 } };
    struct digest key = { { 0 } };

    (void)state;
    for (int i = 0; i < SUSPECTS_MAX + 1; i++) {
        id.bytes[0] = (uint8_t)i;
        assert_false(suspects_strike(&s, SEC(i + 1), &id, &key));
    }
    assert_true(suspects_suspected(&s, &id));
    key.bytes[0] = 1;
    assert_true(suspects_strike(&s, SEC(100), &id, &key));
    assert_true(suspects_shunned(&s, SEC(101), &id));
    assert_false(suspects_shunned(&s, SEC(100) + AUDIT_QUARANTINE, &id));
    id.bytes[0] = 0; /* whose strike was the oldest */
    assert_false(suspects_suspected(&s, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDITED(rob_G5_who_tells_otherwise_than_the_origin_is_found_out),
        AUDITED(what_was_made_up_is_not_taken_from_a_third),
        AUDITED(the_honest_are_never_suspected),
        AUDITED(one_begins_a_second),
        AUDITED(what_cannot_be_compared_is_nobodys_fault),
        AUDITED(another_length_is_a_lie),
        cmocka_unit_test(suspects_are_few_and_the_latest),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
