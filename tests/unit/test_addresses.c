/* test_addresses.c - in which order an origin's addresses are tried, and for how long what DNS said holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/io/addresses.h"

#define V4 "192.0.2."
#define V6 "[2001:db8::"

/* "4a 6b ...": the family, and which one of it. */
static size_t read_all(struct mesh_addr *out, const char *text)
{
    size_t n = 0;

    for (; *text != 0; text += text[2] == ' ' ? 3 : 2) {
        char one[64];
        int id = text[1] - 'a' + 1;
        snprintf(one, sizeof(one), text[0] == '4' ? V4 "%d:80" : V6 "%d]:80", id);
        assert_int_equal(mesh_addr_parse(slice_str(one), &out[n++]), 0);
    }
    return n;
}

static void check_same(const struct mesh_addr *all, size_t n, const char *want)
{
    struct mesh_addr wanted[RESOLVE_ADDRS_MAX];
    size_t wanted_n = read_all(wanted, want);

    assert_int_equal(n, wanted_n);
    for (size_t i = 0; i < n; i++)
        assert_true(mesh_addr_eq(&all[i], &wanted[i]));
}

static void check_order(const char *in, const char *first, const char *want)
{
    struct mesh_addr addrs[RESOLVE_ADDRS_MAX], ordered[RESOLVE_ADDRS_MAX], good = { .port = 0 };
    size_t n = read_all(addrs, in);

    read_all(&good, first);
    check_same(ordered, addresses_order(ordered, addrs, n, &good), want);
}

static void feat_C19_families_take_turns(void **state)
{
    (void)state;
    check_order("", "", "");
    check_order("4a", "", "4a");
    check_order("6a 6b 4a 4b", "", "6a 4a 6b 4b");
    check_order("4a 4b 6a", "", "6a 4a 4b");
    check_order("4a 4b 4c", "", "4a 4b 4c");
    check_order("6a 6b 6c 4a", "", "6a 4a 6b 6c");
    check_order("4a 4a 6a 4a 6a", "", "6a 4a"); /* none twice */
}

static void feat_C19_who_answered_last_comes_first(void **state)
{
    (void)state;
    check_order("6a 6b 4a 4b", "4b", "4b 6a 4a 6b");
    check_order("6a 6b 4a 4b", "6b", "6b 4a 6a 4b");
    check_order("6a 4a", "4c", "6a 4a"); /* it is not among them any more */
}

static struct resolve_answer answer_of(struct mesh_addr *addrs, const char *text, mesh_ns ttl)
{
    return (struct resolve_answer){ .addrs = addrs, .n = read_all(addrs, text), .ttl = ttl, .whole = true };
}

static void what_was_known_is_used_while_dns_fails(void **state)
{
    struct mesh_addr addrs[RESOLVE_ADDRS_MAX];
    struct addresses a = { .n = 0 };
    struct resolve_answer answer = answer_of(addrs, "4a 4b 6a", SEC(60));

    (void)state;
    assert_true(a.until == 0); /* nothing is known: it is due */
    addresses_take(&a, SEC(1), &answer);
    check_same(a.at, a.n, "6a 4a 4b");
    assert_true(a.until == SEC(61));
    addresses_worked(&a, &addrs[1]);
    check_same(a.at, a.n, "4b 6a 4a");

    answer = answer_of(addrs, "", SEC(5)); /* it could not be asked */
    addresses_take(&a, SEC(61), &answer);
    check_same(a.at, a.n, "4b 6a 4a");
    assert_true(a.until == SEC(66));

    answer = answer_of(addrs, "4c 4b 4a", SEC(60)); /* it has moved in part */
    addresses_take(&a, SEC(66), &answer);
    check_same(a.at, a.n, "4b 4c 4a");

    answer = answer_of(addrs, "", SEC(5));
    answer.absent = true; /* it is gone, for certain */
    addresses_take(&a, SEC(126), &answer);
    assert_int_equal(a.n, 0);
    assert_true(a.until == SEC(131));
}

static void who_does_not_answer_is_asked_for_before_its_time(void **state)
{
    struct mesh_addr addrs[RESOLVE_ADDRS_MAX];
    struct addresses a = { .n = 0 };
    struct resolve_answer answer = answer_of(addrs, "4a", SEC(60));

    (void)state;
    addresses_take(&a, SEC(100), &answer);
    addresses_doubt(&a, SEC(101));
    assert_true(a.until == SEC(105));
    addresses_doubt(&a, SEC(110));
    assert_true(a.until == SEC(105));
    a.until = SEC(160);
    addresses_doubt(&a, SEC(120));
    assert_true(a.until == SEC(120));
    check_same(a.at, a.n, "4a"); /* they are used meanwhile */
}

static void servers_are_addresses_with_ports(void **state)
{
    (void)state;
    assert_true(resolve_servers_ok(SLICE_LIT("127.0.0.1:53")));
    assert_true(resolve_servers_ok(SLICE_LIT("127.0.0.1:53,[::1]:5353")));
    assert_true(resolve_servers_ok(SLICE_LIT("10.0.0.1:1,10.0.0.2:1,10.0.0.3:1,10.0.0.4:1")));
    assert_false(resolve_servers_ok(SLICE_LIT("10.0.0.1:1,10.0.0.2:1,10.0.0.3:1,10.0.0.4:1,10.0.0.5:1")));
    assert_false(resolve_servers_ok(SLICE_LIT("")));
    assert_false(resolve_servers_ok(SLICE_LIT("127.0.0.1:53,")));
    assert_false(resolve_servers_ok(SLICE_LIT("127.0.0.1")));
    assert_false(resolve_servers_ok(SLICE_LIT("127.0.0.1:0")));
    assert_false(resolve_servers_ok(SLICE_LIT("dns.example:53")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C19_families_take_turns),
        cmocka_unit_test(feat_C19_who_answered_last_comes_first),
        cmocka_unit_test(what_was_known_is_used_while_dns_fails),
        cmocka_unit_test(who_does_not_answer_is_asked_for_before_its_time),
        cmocka_unit_test(servers_are_addresses_with_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
