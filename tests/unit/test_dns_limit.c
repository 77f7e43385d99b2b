/* test_dns_limit.c - how many answers a network gets over UDP. */
#include "node/dns/limit.h"
#include "tests/unit/dns_world.h"

static const uint8_t key[16] = "a key for hashes";

static unsigned passed(struct dns_limits *l, const char *ip, mesh_ns now, unsigned n, unsigned *slipped)
{
    struct mesh_addr a = world_ip(ip);
    unsigned ok = 0;

    *slipped = 0;
    for (unsigned i = 0; i < n; i++) {
        enum dns_verdict v = dns_limits_take(l, &a, now);
        ok += v == DNS_PASS;
        *slipped += v == DNS_SLIP;
    }
    return ok;
}

static void rob_G1_a_network_gets_its_rate_and_every_second_one_more_slips(void **state)
{
    struct dns_limits *l = dns_limits_new(key, 10);
    unsigned slipped;

    (void)state;
    assert_int_equal(passed(l, "192.0.2.1", SEC(1), 100, &slipped), 20); /* two seconds' at once */
    assert_int_equal(slipped, 40);
    assert_int_equal(passed(l, "192.0.2.200", SEC(1), 4, &slipped), 0); /* the same /24 */
    assert_int_equal(slipped, 2);
    assert_int_equal(passed(l, "192.0.3.1", SEC(1), 4, &slipped), 4);
    assert_int_equal(passed(l, "192.0.2.1", SEC(2), 100, &slipped), 10);
    assert_int_equal(passed(l, "192.0.2.1", SEC(2) + MS(99), 10, &slipped), 0);
    assert_int_equal(passed(l, "192.0.2.1", SEC(2) + MS(100), 10, &slipped), 1);
    assert_int_equal(passed(l, "192.0.2.1", SEC(1000), 100, &slipped), 20); /* never more than that */
    assert_int_equal(passed(l, "2001:db8:0:ff::1", SEC(1), 100, &slipped), 20);
    assert_int_equal(passed(l, "2001:db8:0:1::9", SEC(1), 100, &slipped), 0); /* the same /56 */
    assert_int_equal(passed(l, "2001:db8:0:100::9", SEC(1), 100, &slipped), 20);
    dns_limits_free(l);
    l = dns_limits_new(key, 0);
    assert_int_equal(passed(l, "192.0.2.1", SEC(1), 1000, &slipped), 2 * DNS_LIMIT_RATE);
    dns_limits_free(l);
}

/* So many networks that the table is full many times over: those that asked last are remembered. */
static void rob_R5_a_flood_of_networks_takes_no_more_memory(void **state)
{
    struct dns_limits *l = dns_limits_new(key, 1);
    unsigned slipped, remembered = 0;

    (void)state;
    for (uint32_t i = 0; i < 20 * DNS_LIMIT_SLOTS; i++) {
        struct mesh_addr a = mesh_addr_v4(i << 8, 53);
        assert_int_equal(dns_limits_take(l, &a, SEC(1) + MS(i)), DNS_PASS);
    }
    assert_int_equal(passed(l, "203.0.113.1", SEC(1000), 10, &slipped), 2);
    assert_int_equal(passed(l, "203.0.113.1", SEC(1000), 10, &slipped), 0);
    /* A quarter of the table's worth again: nearly all of them are still known when they ask for the third time. */
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < DNS_LIMIT_SLOTS / 4; i++) {
            struct mesh_addr a = mesh_addr_v4(0x0a000000 + (i << 8), 53);
            remembered += dns_limits_take(l, &a, SEC(2000)) != DNS_PASS;
        }
    }
    assert_in_range(remembered, DNS_LIMIT_SLOTS / 4 * 9 / 10, DNS_LIMIT_SLOTS / 4);
    dns_limits_free(l);
}

static unsigned answers(struct world *w, const char *name, unsigned n, struct slice options, bool opt)
{
    unsigned said = 0;

    for (unsigned i = 0; i < n; i++) {
        if (opt)
            world_get_opt(w, name, A, 1232, options);
        else
            world_get(w, name, A);
        said += w->len > 0 && w->heard.records_n > 0;
    }
    return said;
}

static void rob_G1_what_is_too_many_says_come_over_tcp_or_nothing(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    w->limits = dns_limits_new(key, 5);
    assert_int_equal(answers(w, "cdn.example", 10, SLICE_EMPTY, false), 10);
    SAYS(world_get(w, "cdn.example", A), "NOERROR tc\n");
    assert_int_equal(w->len, 12 + 17);
    SAYS(world_get(w, "cdn.example", A), "");
    SAYS(world_get_opt(w, "nowhere.example", A, 1232, SLICE_EMPTY), "NOERROR tc\n"); /* whatever was asked */
    assert_true(w->heard.opt);
    assert_int_equal(w->counters.limited, 1);
    assert_int_equal(w->counters.truncated, 2);
    w->from.addr = world_ip("198.51.101.7");
    assert_int_equal(answers(w, "cdn.example", 1, SLICE_EMPTY, false), 1);
    /* Over TCP nobody is limited. */
    w->from.addr = world_ip("198.51.100.7");
    w->from.tcp = true;
    assert_int_equal(answers(w, "cdn.example", 20, SLICE_EMPTY, false), 20);
    world_free(w);
}

static void rob_G1_who_shows_a_good_cookie_is_not_limited(void **state)
{
    struct world *w = world_new(true);
    uint8_t cookie[4 + 24] = "\0\x0a\0\x08"
                             "client..";

    (void)state;
    w->limits = dns_limits_new(key, 5);
    answers(w, "cdn.example", 10, SLICE_EMPTY, false);
    /* What is too many brings a cookie, and BADCOOKIE in place of TC (RFC 7873 section 5.2.3); with that it goes on. */
    SAYS(world_get_opt(w, "cdn.example", A, 1232, slice_of(cookie, 12)), "BADCOOKIE\n");
    assert_int_equal(w->heard.cookie.len, 24);
    cookie[3] = 24;
    memcpy(cookie + 4, w->heard.cookie.data, 24);
    assert_int_equal(answers(w, "cdn.example", 50, SLICE_OF(cookie), true), 50);
    assert_int_equal(w->counters.cookies_good, 50);
    w->from.addr = world_ip("198.51.100.8"); /* somebody else's */
    assert_int_equal(answers(w, "cdn.example", 50, SLICE_OF(cookie), true), 0);
    assert_int_equal(w->counters.cookies_bad, 50);
    assert_int_equal(w->counters.limited, 25);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rob_G1_a_network_gets_its_rate_and_every_second_one_more_slips),
        cmocka_unit_test(rob_R5_a_flood_of_networks_takes_no_more_memory),
        cmocka_unit_test(rob_G1_what_is_too_many_says_come_over_tcp_or_nothing),
        cmocka_unit_test(rob_G1_who_shows_a_good_cookie_is_not_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
