/* A scenario's text: what is read, what is written again, and where it says a line is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/err.h"
#include "sim/faults/fault.h"
#include "sim/scenario.h"
#include "sim/scenario_value.h"

static int parse(struct scenario *sc, const char *text, struct scenario_error *err)
{
    scenario_init(sc, &words_of_run);
    return scenario_parse(sc, slice_str(text), err);
}

static void accept_text(struct scenario *sc, const char *text)
{
    struct scenario_error err = { 0 };

    if (parse(sc, text, &err) != 0 || scenario_check(sc, &err) != 0)
        fail_msg("%u:%u: %s", err.line, err.column, err.text);
}

static void refuse_text(const char *text, unsigned line, unsigned column, const char *part)
{
    struct scenario_error err = { 0 };
    struct scenario sc;
    int code = parse(&sc, text, &err);

    if (code == 0)
        code = scenario_check(&sc, &err);
    scenario_fini(&sc);
    assert_true(code < 0);
    if (err.line != line || err.column != column || strstr(err.text, part) == NULL)
        fail_msg("\"%s\": %u:%u: %s", text, err.line, err.column, err.text);
}

static void settings_are_read_in_their_units(void **state)
{
    struct scenario sc;

    (void)state;
    accept_text(&sc, "# a comment\n\nnodes 7 # and another\r\n\tzones  2\ntime 90s\ndelay-ms 2.5\nloss-pct 0.05\n"
                     "size-max 64KiB\nevery-node yes\neviction sieve");
    assert_int_equal(sc.nodes, 7);
    assert_int_equal(sc.zones, 2);
    assert_int_equal(sc.time, SEC(90));
    assert_int_equal(sc.delay, US(2500));
    assert_int_equal(sc.loss, 500);
    assert_int_equal(sc.size_max, 65536);
    assert_int_equal(sc.every_node, 1);
    assert_int_equal(sc.eviction, EVICT_SIEVE);
    assert_int_equal(sc.keys, 1000); /* untouched: the default */
    scenario_fini(&sc);
}

static void actions_lie_in_order_of_time_then_of_writing(void **state)
{
    struct scenario sc;

    (void)state;
    accept_text(&sc, "at 9s heal\nat 2s crash 3\nat 9s start all\nat 2s leave 1\nat 500ms origin hangs\n");
    const enum action_kind want[] = { ACTION_ORIGIN, ACTION_CRASH, ACTION_LEAVE, ACTION_HEAL, ACTION_START };
    assert_int_equal(sc.actions_n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sc.actions[i].kind, want[i]);
    assert_int_equal(sc.actions[0].origin, ORIGIN_HANGS);
    scenario_fini(&sc);
}

static void nodes_are_named_in_five_ways(void **state)
{
    struct node_set s;

    (void)state;
    assert_int_equal(nodes_parse(SLICE_LIT("2-4,n9"), &s), 0);
    assert_int_equal(s.by, NODES_LIST);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(node_set_has(&s, i), (i >= 1 && i <= 3) || i == 8);
    assert_int_equal(nodes_parse(SLICE_LIT("all"), &s), 0);
    assert_int_equal(s.by, NODES_ALL);
    assert_int_equal(nodes_parse(SLICE_LIT("zone:2"), &s), 0);
    assert_true(s.by == NODES_ZONE && s.number == 2);
    assert_int_equal(nodes_parse(SLICE_LIT("owner:17"), &s), 0);
    assert_true(s.by == NODES_OWNER && s.number == 17);
    static const char *const wrong[] = { "", "0", "3-2", "20001", "n", "1,,2", "1-", "zone:", "group:1", "2..4" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_true(nodes_parse(slice_str(wrong[i]), &s) < 0);
}

static void a_wrong_line_is_named_with_what_was_meant(void **state)
{
    (void)state;
    refuse_text("nodes 5\nnode 5\n", 2, 1, "\"nodes\"?");
    refuse_text("nodes 5\n  time 60\n", 2, 8, "a time such as");
    refuse_text("nodes 5000\n", 1, 7, "from 1 to 1000");
    refuse_text("nodes 5 6\n", 1, 9, "one word too many");
    refuse_text("loss-pct\n", 1, 9, "missing");
    refuse_text("at 5s crush 2\n", 1, 7, "\"crash\"?");
    refuse_text("at 5s crash\n", 1, 12, "which nodes");
    refuse_text("at 5s crash 2-\n", 1, 13, "nodes are written");
    refuse_text("at 5s set nodes 9\n", 1, 11, "cannot change");
    refuse_text("at 5s set loss-pct 101\n", 1, 20, "from 0 to 100");
    refuse_text("eviction arc\n", 1, 10, "s3-fifo-size, s3-fifo, sieve or lru");
    refuse_text("at 5s origin gone\n", 1, 14, "unknown state");
    refuse_text("expect fetches = 3\n", 1, 8, "unknown figure");
    refuse_text("expect origin_fetch = 3\n", 1, 8, "\"origin_fetches\"?");
    refuse_text("expect origin_fetches < 3\n", 1, 23, "<=, = or >=");
    refuse_text("every-node 1\n", 1, 12, "yes or no");
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    refuse_text("nodes 4\nat 5s crash 5\n", 2, 1, "only 4 nodes");
    refuse_text("zones 2\nat 5s crash zone:3\n", 2, 1, "2 zones");
    refuse_text("keys 9\nat 5s flash 10 3\n", 2, 1, "9 keys");
    refuse_text("time 20s\nat 21s heal\n", 2, 1, "after the end");
    refuse_text("size-min 10\nsize-max 9\n", 0, 1, "above size-max");
    refuse_text("warmup 90s\n", 0, 1, "warm-up");
    refuse_text("nodes 3\nabsent 4\n", 0, 1, "only 3 nodes");
    refuse_text("absent all\n", 1, 1, "by number");
}

static void a_value_keeps_every_digit_or_is_refused(void **state)
{
    uint64_t v = 42;

    (void)state;
    assert_int_equal(value_parse(SETTING_MS, SLICE_LIT("0.000001"), &v), 0);
    assert_int_equal(v, 1);
    assert_int_equal(value_parse(SETTING_TIME, SLICE_LIT("1.5m"), &v), 0);
    assert_int_equal(v, SEC(90));
    v = 42;
    assert_true(value_parse(SETTING_MS, SLICE_LIT("0.0000001"), &v) < 0);
    assert_true(value_parse(SETTING_PCT, SLICE_LIT("1."), &v) < 0);
    assert_true(value_parse(SETTING_PCT, SLICE_LIT(".5"), &v) < 0);
    assert_true(value_parse(SETTING_COUNT, SLICE_LIT("-1"), &v) < 0);
    assert_true(value_parse(SETTING_SIZE, SLICE_LIT("1KB"), &v) < 0);
    assert_true(value_parse(SETTING_TIME, SLICE_LIT("9999999999999999999s"), &v) < 0);
    assert_int_equal(v, 42);
}

static void what_is_written_reads_the_same(void **state)
{
    static const char text[] = "seed 5\nnodes 9\neviction lru\ndelay-ms 0.25\nloss-pct 1.5\ntime 61s\nabsent 4,6-7\n"
                               "faults 40\nat 3s cut 1-4 zone:2\nat 4s pause 2 250ms\nat 5s set jitter-ms 7.5\n"
                               "at 6s flash 3 20\nat 7s origin down\nat 8s vanish owner:7\nexpect p99_us <= 5000\n";
    struct scenario first, second;
    struct buf one = BUF_EMPTY, two = BUF_EMPTY;

    (void)state;
    accept_text(&first, text);
    fault_draw(&first); /* 40 drawn ones, each with its end */
    assert_true(first.actions_n > 46);
    scenario_put(&one, &first);
    buf_add_u8(&one, '\0');
    accept_text(&second, (const char *)one.data);
    scenario_put(&two, &second);
    buf_add_u8(&two, '\0');
    assert_string_equal((const char *)one.data, (const char *)two.data);
    assert_int_equal(second.faults, 0);
    assert_int_equal(first.actions_n, second.actions_n);
    buf_free(&one);
    buf_free(&two);
    scenario_fini(&first);
    scenario_fini(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_in_their_units),
        cmocka_unit_test(actions_lie_in_order_of_time_then_of_writing),
        cmocka_unit_test(nodes_are_named_in_five_ways),
        cmocka_unit_test(a_wrong_line_is_named_with_what_was_meant),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_value_keeps_every_digit_or_is_refused),
        cmocka_unit_test(what_is_written_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
