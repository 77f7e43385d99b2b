/* test_steer_own.c - what a node makes of the round-trip times that it measures: smoothed, quick where a path has
 * changed, and bounded, whoever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/steer/steer_impl.h"
#include "steer_fleet.h"

static mesh_ns now;

static struct steer *begun(size_t own_max)
{
    now = SEC(50);
    return fleet_node(0, own_max, 0, now);
}

/* Half a second later. */
static void sample(struct steer *s, uint32_t ip, mesh_ns rtt)
{
    struct mesh_addr a = mesh_addr_v4(ip, 4000);

    now += MS(500);
    steer_sample(s, now, &a, "de", rtt);
}

static unsigned known(struct steer *s, uint32_t ip, unsigned level)
{
    struct mesh_addr a = mesh_addr_v4(ip, 0);
    struct steer_prefix p = prefix_of(&a, level);

    now += SEC(1); /* views are no more frequent */
    return rtt_known(s, now, &p, 0);
}

#define NET 0xcb007107u /* 203.0.113.7 */

static void times_are_smoothed_for_networks_countries_and_all(void **state)
{
    struct steer *s = begun(0);
    struct steer_prefix de, all;

    (void)state;
    for (int i = 0; i < 100; i++)
        sample(s, NET + (uint32_t)i % 4, MS(20) + US(500) * (i % 5 - 2));
    assert_in_range(known(s, NET, 0), 195, 205);
    assert_in_range(known(s, NET, 1), 195, 205);
    steer_prefix_country(&de, "DE");
    steer_prefix_all(&all);
    assert_in_range(rtt_known(s, now, &de, 0), 195, 205);
    assert_in_range(rtt_known(s, now, &all, 0), 195, 205);
    assert_int_equal(steer_counters(s)->samples, 100);
    assert_int_equal(steer_counters(s)->samples_coarse, 0);
    steer_free(s);
}

static void one_that_is_far_off_is_an_accident(void **state)
{
    struct steer *s = begun(0);

    (void)state;
    for (int i = 0; i < 50; i++)
        sample(s, NET, MS(20));
    for (int i = 0; i < 50; i++) {
        sample(s, NET, MS(900));
        sample(s, NET, MS(20));
        sample(s, NET, MS(800));
        sample(s, NET, MS(1));
        assert_int_equal(known(s, NET, 0), 200);
    }
    steer_free(s);
}

static void feat_L4_a_path_that_has_changed_counts_after_two_samples_that_agree_or_three(void **state)
{
    struct steer *s = begun(0);

    (void)state;
    for (int i = 0; i < 50; i++)
        sample(s, NET, MS(20) + US(100) * (i % 3));
    sample(s, NET, MS(90));
    assert_in_range(known(s, NET, 0), 200, 202);
    sample(s, NET, MS(90) + US(100));
    assert_in_range(known(s, NET, 0), 895, 905);
    for (int i = 0; i < 20; i++)
        sample(s, NET, MS(90));
    sample(s, NET, MS(200));
    sample(s, NET, MS(300)); /* these do not: a queue */
    assert_in_range(known(s, NET, 0), 895, 905);
    sample(s, NET, MS(220));
    assert_in_range(known(s, NET, 0), 2350, 2450);
    for (int i = 0; i < 20; i++)
        sample(s, NET, MS(90));
    for (int i = 0; i < 4; i++)
        sample(s, NET, MS(5));
    assert_int_equal(known(s, NET, 0), 50);
    steer_free(s);
}

/* One network, of which half the viewers are near and half are far: it lies between, and does not turn to and fro. */
static void two_kinds_of_viewers_are_no_changed_path(void **state)
{
    struct steer *s = begun(0);
    struct rand r = rand_of(1, 2, 3);
    unsigned turns = 0, before = 0;

    (void)state;
    for (int i = 0; i < 10; i++)
        sample(s, NET, MS(10));
    for (int i = 0; i < 2000; i++) {
        sample(s, NET, rand_below(&r, 2) == 0 ? MS(10) : MS(80));
        const struct own_figure *f = own_at(&s->own, own_count(&s->own) - 1);
        assert_int_equal(f->prefix.bits, 24);
        turns += i > 0 && (f->srtt_us > before ? f->srtt_us - before : before - f->srtt_us) > 20000;
        before = f->srtt_us;
    }
    print_message("%u turns\n", turns);
    assert_in_range(turns, 1, 10);
    steer_free(s);
}

static void nonsense_is_dropped(void **state)
{
    struct steer *s = begun(0);
    struct mesh_addr none = { .port = 1 };
    struct steer_size size;

    (void)state;
    sample(s, NET, 0);
    sample(s, NET, -5);
    sample(s, NET, SEC(10) + 1);
    steer_sample(s, now, &none, "de", MS(1));
    steer_size(s, &size);
    assert_int_equal(size.own, 0);
    assert_int_equal(steer_counters(s)->samples, 0);
    sample(s, NET, 1);
    assert_int_equal(known(s, NET, 0), 1); /* not less than a unit */
    sample(s, NET + 0x10000, SEC(10));
    assert_int_equal(known(s, NET + 0x10000, 0), UINT16_MAX);
    steer_free(s);
}

#define POPULAR 60

static uint32_t popular(unsigned i)
{
    return 0x0a000001u + (i << 16) + (i << 8); /* each in a /16 of its own */
}

static bool is_kept(const struct steer *s, uint32_t ip, unsigned level)
{
    struct mesh_addr a = mesh_addr_v4(ip, 0);
    struct steer_prefix p = prefix_of(&a, level);

    for (size_t i = 0; i < own_count(&s->own); i++) {
        if (steer_prefix_eq(&own_at(&s->own, i)->prefix, &p))
            return true;
    }
    return false;
}

static unsigned kept_of(const struct steer *s, unsigned n, unsigned level)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++)
        kept += is_kept(s, popular(i), level);
    return kept;
}

static void sample_soon(struct steer *s, uint32_t ip, mesh_ns rtt)
{
    struct mesh_addr a = mesh_addr_v4(ip, 4000);

    now += MS(1);
    steer_sample(s, now, &a, "", rtt);
}

/* A hundred strangers for each viewer of a network that is used. */
static void rob_a_flood_of_networks_leaves_those_that_are_used(void **state)
{
    struct steer *s = begun(512);
    struct rand r = rand_of(1, 2, 3);
    struct steer_size before, after;

    (void)state;
    for (int i = 0; i < POPULAR * 20; i++)
        sample_soon(s, popular((unsigned)i % POPULAR), MS(30));
    for (int i = 0; i < 200000; i++) {
        sample_soon(s, 0x20000000u + (uint32_t)rand_below(&r, 0x90000000u), MS(50));
        if (i == 10000)
            steer_size(s, &before);
        if (i % 100 == 0)
            sample_soon(s, popular((unsigned)i / 100 % POPULAR), MS(30));
    }
    steer_size(s, &after);
    print_message("%u of %u, of /16 %u; %zu own, %zu B\n", kept_of(s, POPULAR, 0), POPULAR, kept_of(s, POPULAR, 1),
                  after.own, after.bytes);
    assert_in_range(kept_of(s, POPULAR, 0), POPULAR - 1, POPULAR);
    assert_in_range(kept_of(s, POPULAR, 1), POPULAR - 1, POPULAR);
    assert_int_equal(after.own, 512);
    assert_int_equal(after.own, before.own);
    assert_in_range(after.bytes, 1, before.bytes + 33000 * sizeof(struct row)); /* the rows: test_steer_rows */
    assert_in_range(steer_counters(s)->samples_coarse, 80000, 120000); /* each second one gets a place for a moment */
    assert_in_range(after.rows, 1, 1500);                              /* and nobody hears of it */
    steer_free(s);
}

/* What was popular yesterday makes room for what is today. */
static void networks_that_are_used_no_more_make_room(void **state)
{
    struct steer *s = begun(64);

    (void)state;
    for (int i = 0; i < 48 * 100; i++)
        sample_soon(s, popular((unsigned)i % 48), MS(30));
    assert_int_equal(kept_of(s, 48, 0), 48);
    now += SEC(3 * 3600);
    for (int i = 0; i < 40 * 50; i++)
        sample_soon(s, popular(100 + (unsigned)i % 40), MS(30));
    unsigned kept = 0;
    for (unsigned i = 0; i < 40; i++)
        kept += is_kept(s, popular(100 + i), 0);
    print_message("%u of 40 new ones\n", kept);
    assert_in_range(kept, 35, 40);
    steer_free(s);
}

static void who_has_no_room_counts_for_its_country(void **state)
{
    struct steer *s = begun(64);
    struct steer_prefix de, all;
    uint32_t last = NET + (48 << 8);

    (void)state;
    for (int i = 0; i < 100 * 48; i++)
        sample(s, NET + ((uint32_t)i % 48 << 8), MS(10));
    for (int i = 0; i < 5; i++)
        sample(s, last, MS(70));
    assert_int_equal(steer_counters(s)->samples_coarse, 5);
    assert_int_equal(known(s, last, 0), 0);
    assert_in_range(known(s, last, 1), 690, 710);
    steer_prefix_country(&de, "DE");
    steer_prefix_all(&all);
    assert_in_range(rtt_known(s, now, &de, 0), 690, 710);
    assert_in_range(rtt_known(s, now, &all, 0), 690, 710);
    steer_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_smoothed_for_networks_countries_and_all),
        cmocka_unit_test(one_that_is_far_off_is_an_accident),
        cmocka_unit_test(feat_L4_a_path_that_has_changed_counts_after_two_samples_that_agree_or_three),
        cmocka_unit_test(two_kinds_of_viewers_are_no_changed_path),
        cmocka_unit_test(nonsense_is_dropped),
        cmocka_unit_test(rob_a_flood_of_networks_leaves_those_that_are_used),
        cmocka_unit_test(networks_that_are_used_no_more_make_room),
        cmocka_unit_test(who_has_no_room_counts_for_its_country),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
