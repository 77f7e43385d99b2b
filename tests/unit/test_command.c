/* How the relay is told what to do: every fault by flag and by command, and nothing changes when the
 * words are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/err.h"
#include "tests/relay/command.h"

static void commands_set_what_they_name(void **state)
{
    static const char *const lines[] = { "delay 20",  "jitter 5",    "loss 2",    "reorder 3", "duplicate 4",
                                         "rate 8000", "flip 10 500", "cut  down", "half-open" };
    struct faults f;

    (void)state;
    faults_init(&f, 1);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_int_equal(command_apply(&f, slice_str(lines[i])), 0);
    assert_int_equal(f.set.delay, MS(20));
    assert_int_equal(f.set.jitter, MS(5));
    assert_int_equal(f.set.loss_pct, 2);
    assert_int_equal(f.set.reorder_pct, 3);
    assert_int_equal(f.set.duplicate_pct, 4);
    assert_int_equal(f.set.rate_kbps, 8000);
    assert_int_equal(f.set.flips_left, 10);
    assert_int_equal(f.set.flips_per_mb, 500);
    assert_true(f.set.cut[FAULTS_DOWN] && !f.set.cut[FAULTS_UP] && f.set.half_open);
    assert_int_equal(command_apply(&f, SLICE_LIT("cut both")), 0);
    assert_true(f.set.cut[FAULTS_DOWN] && f.set.cut[FAULTS_UP]);
    assert_int_equal(command_apply(&f, SLICE_LIT("heal")), 0);
    assert_true(!f.set.cut[FAULTS_DOWN] && !f.set.cut[FAULTS_UP] && !f.set.half_open);
    assert_int_equal(command_apply(&f, SLICE_LIT("flip always")), 0);
    assert_int_equal(f.set.flips_left, FAULTS_NO_END);
    assert_int_equal(f.set.flips_per_mb, FAULTS_FLIPS_PER_MB);
}

static void wrong_words_change_nothing(void **state)
{
    static const struct {
        const char *line;
        int err;
    } rows[] = {
        { "", MESH_E_UNKNOWN },          { "los 5", MESH_E_UNKNOWN },  { "loss", MESH_E_SYNTAX },
        { "loss 101", MESH_E_RANGE },    { "loss -1", MESH_E_SYNTAX }, { "loss 5 6", MESH_E_SYNTAX },
        { "delay 60001", MESH_E_RANGE }, { "cut", MESH_E_SYNTAX },     { "cut sideways", MESH_E_SYNTAX },
        { "flip", MESH_E_SYNTAX },       { "flip x", MESH_E_SYNTAX },  { "flip 5 0", MESH_E_RANGE },
        { "flip 5 6 7", MESH_E_SYNTAX }, { "heal me", MESH_E_SYNTAX }, { "flip 1 8388609", MESH_E_RANGE },
    };
    struct faults f, before;

    (void)state;
    memset(&f, 0, sizeof(f));
    faults_init(&f, 1);
    before = f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(command_apply(&f, slice_str(rows[i].line)), rows[i].err);
        assert_memory_equal(&f.set, &before.set, sizeof(f.set));
    }
}

static int flag(struct faults *f, const char *name, const char *value)
{
    return command_flag(f, slice_str(name), slice_str(value));
}

static void flags_set_what_they_name(void **state)
{
    struct faults f;

    (void)state;
    faults_init(&f, 1);
    assert_int_equal(flag(&f, "delay-ms", "20"), 0);
    assert_int_equal(f.set.delay, MS(20));
    assert_int_equal(flag(&f, "loss-pct", "7"), 0);
    assert_int_equal(f.set.loss_pct, 7);
    assert_int_equal(flag(&f, "rate-kbps", "100"), 0);
    assert_int_equal(f.set.rate_kbps, 100);
    assert_int_equal(flag(&f, "half-open", ""), 0);
    assert_true(f.set.half_open);
    assert_false(command_flag_has_value(SLICE_LIT("half-open")));
    assert_true(command_flag_has_value(SLICE_LIT("loss-pct")));
    assert_int_equal(flag(&f, "loss", "7"), MESH_E_UNKNOWN);
    assert_int_equal(flag(&f, "loss-pct", "x"), MESH_E_SYNTAX);
    assert_int_equal(flag(&f, "one-way", "both"), MESH_E_SYNTAX);
}

static void one_way_names_the_way_that_passes(void **state)
{
    struct faults f;

    (void)state;
    faults_init(&f, 1);
    assert_int_equal(flag(&f, "one-way", "up"), 0);
    assert_true(faults_passes(&f, FAULTS_UP) && !faults_passes(&f, FAULTS_DOWN));
    faults_init(&f, 1);
    assert_int_equal(flag(&f, "one-way", "down"), 0);
    assert_true(!faults_passes(&f, FAULTS_UP) && faults_passes(&f, FAULTS_DOWN));
}

static void flags_for_flips_come_in_any_order(void **state)
{
    struct faults f;

    (void)state;
    faults_init(&f, 1);
    assert_int_equal(flag(&f, "bitflip-count", "40"), 0);
    assert_int_equal(f.set.flips_per_mb, FAULTS_FLIPS_PER_MB);
    assert_int_equal(flag(&f, "bitflip-per-mb", "9"), 0);
    assert_true(f.set.flips_left == 40 && f.set.flips_per_mb == 9);
    faults_init(&f, 1);
    assert_int_equal(flag(&f, "bitflip-per-mb", "9"), 0);
    assert_int_equal(f.set.flips_left, FAULTS_NO_END);
    assert_int_equal(flag(&f, "bitflip-count", "40"), 0);
    assert_true(f.set.flips_left == 40 && f.set.flips_per_mb == 9);
    assert_int_equal(flag(&f, "bitflip-per-mb", "0"), MESH_E_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_set_what_they_name),       cmocka_unit_test(wrong_words_change_nothing),
        cmocka_unit_test(flags_set_what_they_name),          cmocka_unit_test(one_way_names_the_way_that_passes),
        cmocka_unit_test(flags_for_flips_come_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
