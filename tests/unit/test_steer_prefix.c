/* test_steer_prefix.c - networks of viewers, and nodes' names as labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/steer/prefix.h"

static struct mesh_addr addr(const char *text)
{
    struct mesh_addr a;

    assert_int_equal(mesh_addr_parse(slice_str(text), &a), 0);
    return a;
}

static void check(const char *address, unsigned level, const char *want)
{
    struct mesh_addr a = addr(address);
    struct steer_prefix p;
    char text[STEER_PREFIX_TEXT_MAX];

    assert_true(steer_prefix_of(&p, &a, level));
    assert_string_equal(steer_prefix_text(&p, text), want);
}

static void a_network_is_24_or_48_bits_and_coarser_16_or_32(void **state)
{
    (void)state;
    check("203.0.113.77:1", 0, "203.0.113.0/24");
    check("203.0.113.77:1", 1, "203.0.0.0/16");
    check("[2001:db8:1:2::3]:1", 0, "2001:db8:1::/48");
    check("[2001:db8:1:2::3]:1", 1, "2001:db8::/32");
}

static void loopback_and_private_addresses_have_networks_like_all_others(void **state)
{
    (void)state;
    check("127.0.0.1:1", 0, "127.0.0.0/24");
    check("10.1.2.3:1", 0, "10.1.2.0/24");
    check("192.168.7.9:1", 1, "192.168.0.0/16");
    check("[::1]:1", 0, "::/48");
    check("[fe80::1]:1", 0, "fe80::/48");
}

static void nobody_has_no_network(void **state)
{
    static const char *const nobody[] = { "0.0.0.0:1", "224.0.0.1:1", "239.1.2.3:1", "[::]:1", "[ff02::1]:1" };
    struct steer_prefix p;
    (void)state;

    for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
        struct mesh_addr a = addr(nobody[i]);
        assert_false(steer_prefix_of(&p, &a, 0));
    }
    struct mesh_addr a = addr("1.2.3.4:1");
    assert_false(steer_prefix_of(&p, &a, STEER_LEVELS));
}

static void equal_networks_are_equal_and_others_are_not(void **state)
{
    struct mesh_addr a = addr("203.0.113.1:1"), b = addr("203.0.113.200:9"), c = addr("203.0.112.1:1");
    struct steer_prefix x, y;
    (void)state;

    steer_prefix_of(&x, &a, 0);
    steer_prefix_of(&y, &b, 0);
    assert_true(steer_prefix_eq(&x, &y));
    steer_prefix_of(&y, &c, 0);
    assert_false(steer_prefix_eq(&x, &y));
    steer_prefix_of(&x, &a, 1);
    steer_prefix_of(&y, &c, 1);
    assert_true(steer_prefix_eq(&x, &y));
    steer_prefix_all(&x);
    steer_prefix_all(&y);
    assert_true(steer_prefix_eq(&x, &y));
}

static void a_country_is_two_capital_letters_and_all_is_all(void **state)
{
    struct steer_prefix p, q;
    char text[STEER_PREFIX_TEXT_MAX];
    (void)state;

    steer_prefix_country(&p, "de");
    steer_prefix_country(&q, "DE");
    assert_true(steer_prefix_eq(&p, &q));
    assert_string_equal(steer_prefix_text(&p, text), "DE");
    steer_prefix_all(&p);
    assert_string_equal(steer_prefix_text(&p, text), "all");
    assert_false(steer_prefix_eq(&p, &q));
}

static const uint8_t id[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 7 };

static void check_label(const char *name, const char *want)
{
    char label[STEER_LABEL_MAX + 1];

    steer_label(label, slice_str(name), id);
    assert_string_equal(label, want);
}

static void a_name_that_is_a_label_stays_in_lower_case(void **state)
{
    (void)state;
    check_label("Fra-1", "fra-1");
    check_label("7", "7");
    check_label("abcdefghijabcdefghijabcdefghijabcdefghij", "abcdefghijabcdefghijabcdefghijabcdefghij");
}

static void any_other_name_becomes_a_label_of_the_id(void **state)
{
    static const char *const names[] = { "",    "-a",       "a-",
                                         "a.b", "a_b",      "a--b",
                                         "a b", "\xc3\xa9", "abcdefghijabcdefghijabcdefghijabcdefghijk" };
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_label(names[i], "n77777777aaaaaaab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_is_24_or_48_bits_and_coarser_16_or_32),
        cmocka_unit_test(loopback_and_private_addresses_have_networks_like_all_others),
        cmocka_unit_test(nobody_has_no_network),
        cmocka_unit_test(equal_networks_are_equal_and_others_are_not),
        cmocka_unit_test(a_country_is_two_capital_letters_and_all_is_all),
        cmocka_unit_test(a_name_that_is_a_label_stays_in_lower_case),
        cmocka_unit_test(any_other_name_becomes_a_label_of_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
