/* test_steer_shed.c - the controller against viewers who keep an answer of DNS for as long as it lets them: they turn
 * up, or stay away, late. All would go to one edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/steer/shed.h"
#include "proto/base/rand.h"

#define VIEWERS  2000
#define HEARD_S  4  /* until all that answer know what the edge states */
#define SMOOTH_S 10 /* of the load that it states */

struct fleet {
    struct shed shed;
    uint32_t stated[HEARD_S];
    uint64_t load_e3; /* permille times 1,000, smoothed */
    unsigned ttl, t;
    unsigned place[VIEWERS], asks_at[VIEWERS]; /* where among 1,000 its network stands */
    bool here[VIEWERS];
    unsigned lowest, highest, turns; /* of the load; how often |shed| turned about */
    int direction;
};

static void fleet_begin(struct fleet *f, unsigned ttl)
{
    struct rand r = rand_of(1, ttl, 1);

    *f = (struct fleet){ .ttl = ttl };
    for (unsigned i = 0; i < VIEWERS; i++) {
        f->place[i] = (unsigned)rand_below(&r, 1000);
        f->asks_at[i] = (unsigned)rand_below(&r, ttl);
        f->here[i] = true;
    }
}

static void watch(struct fleet *f, uint32_t before)
{
    unsigned load = (unsigned)(f->load_e3 / 1000);
    int direction = f->shed.permille > before ? 1 : f->shed.permille < before ? -1 : 0;

    f->lowest = load < f->lowest ? load : f->lowest;
    f->highest = load > f->highest ? load : f->highest;
    f->turns += direction != 0 && f->direction == -direction;
    f->direction = direction != 0 ? direction : f->direction;
}

/* |demand| permille of the capacity would come, were nothing shed. */
static void fleet_second(struct fleet *f, unsigned demand)
{
    uint32_t heard = f->stated[f->t % HEARD_S], before = f->shed.permille;
    uint64_t n = 0;

    for (unsigned i = 0; i < VIEWERS; i++) {
        if (f->asks_at[i] == f->t) {
            f->here[i] = f->place[i] >= heard;
            f->asks_at[i] += f->ttl;
        }
        n += f->here[i];
    }
    uint64_t load_e3 = n * demand * 1000 / VIEWERS;
    f->load_e3 = f->t == 0 ? load_e3 : (f->load_e3 * (SMOOTH_S - 1) + load_e3) / SMOOTH_S;
    shed_step(&f->shed, (uint32_t)(f->load_e3 / 1000));
    f->stated[f->t++ % HEARD_S] = f->shed.permille;
    watch(f, before);
}

static void fleet_run(struct fleet *f, unsigned seconds, unsigned demand)
{
    f->lowest = UINT32_MAX;
    f->highest = f->turns = 0;
    f->direction = 0;
    for (unsigned i = 0; i < seconds; i++)
        fleet_second(f, demand);
}

static const unsigned ttls[] = { 5, 20, 60 }, demands[] = { 1050, 1200, 1500, 2000, 3000, 6000 };

#define EACH_OF(at, all) for (size_t at = 0; at < sizeof(all) / sizeof(*(all)); at++)

static void feat_L5_the_load_comes_to_rest_below_the_capacity(void **state)
{
    static struct fleet f;

    (void)state;
    EACH_OF(t, ttls)
    {
        EACH_OF(d, demands)
        {
            fleet_begin(&f, ttls[t]);
            fleet_run(&f, 180, demands[d]);
            fleet_run(&f, 600, demands[d]);
            print_message("ttl %u s, demand %u: load %u to %u, sheds %u, %u turns\n", ttls[t], demands[d], f.lowest,
                          f.highest, f.shed.permille, f.turns);
            assert_in_range(f.lowest, 800, 1000);
            assert_in_range(f.highest, 800, 1000);
            assert_in_range(f.turns, 0, 1);
        }
    }
}

/* Five times as long as answers of 20 s let them. */
static void feat_L5_viewers_who_stay_longer_make_no_swing(void **state)
{
    static struct fleet f;

    (void)state;
    EACH_OF(d, demands)
    {
        fleet_begin(&f, 100);
        fleet_run(&f, 300, demands[d]);
        fleet_run(&f, 600, demands[d]);
        print_message("100 s, demand %u: load %u to %u, sheds %u, %u turns\n", demands[d], f.lowest, f.highest,
                      f.shed.permille, f.turns);
        assert_in_range(f.lowest, 800, 1000);
        assert_in_range(f.highest, 800, 1000);
    }
}

static void feat_L5_new_viewers_go_elsewhere_soon(void **state)
{
    static struct fleet f;

    (void)state;
    EACH_OF(d, demands)
    {
        unsigned goal = 1000 - 1000 * 1000 / demands[d], s = 0;
        fleet_begin(&f, 60);
        for (; f.shed.permille < goal && s < 60; s++)
            fleet_second(&f, demands[d]);
        print_message("demand %u: sheds what is too much after %u s\n", demands[d], s);
        assert_in_range(s, 1, 45);
    }
}

static void feat_L5_who_has_room_again_takes_all_back(void **state)
{
    static struct fleet f;

    (void)state;
    EACH_OF(t, ttls)
    {
        fleet_begin(&f, ttls[t]);
        fleet_run(&f, 300, 3000);
        assert_in_range(f.shed.permille, 500, SHED_MAX);
        fleet_run(&f, 240, 600);
        assert_int_equal(f.shed.permille, 0);
        fleet_run(&f, 600, 600);
        assert_int_equal(f.shed.permille, 0);
        assert_int_equal(f.lowest, f.highest);
    }
}

static void nothing_changes_between_the_marks(void **state)
{
    struct shed d = { .permille = 300 };

    (void)state;
    for (unsigned load = SHED_LOW; load <= SHED_HIGH; load++)
        shed_step(&d, load);
    assert_int_equal(d.permille, 300);
    for (int i = 0; i < 200; i++)
        shed_step(&d, UINT32_MAX);
    assert_int_equal(d.permille, SHED_MAX);
    shed_step(&d, 0);
    assert_int_equal(d.permille, SHED_MAX - SHED_FALL_MAX);
    for (int i = 0; i < 200; i++)
        shed_step(&d, 0);
    assert_int_equal(d.permille, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_L5_the_load_comes_to_rest_below_the_capacity),
        cmocka_unit_test(feat_L5_viewers_who_stay_longer_make_no_swing),
        cmocka_unit_test(feat_L5_new_viewers_go_elsewhere_soon),
        cmocka_unit_test(feat_L5_who_has_room_again_takes_all_back),
        cmocka_unit_test(nothing_changes_between_the_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
