/* test_dns_cookie.c - server cookies: the examples of RFC 9018, and what makes one bad. */
#include "node/dns/cookie.h"
#include "tests/unit/dns_world.h"

static const char secret[] = "e5e973e5a6b2a43f48e7dc849e37bfcf";

static void unhex(uint8_t *out, const char *text)
{
    for (size_t i = 0; text[2 * i] != 0; i++)
        out[i] = (uint8_t)(hex_digit((uint8_t)text[2 * i]) << 4 | hex_digit((uint8_t)text[2 * i + 1]));
}

static bool good(const char *cookie, const char *ip, int64_t wall_s, const char *key)
{
    uint8_t bytes[64], s[16];
    struct mesh_addr from = world_ip(ip);

    unhex(bytes, cookie);
    unhex(s, key);
    return dns_cookie_good(slice_of(bytes, strlen(cookie) / 2), &from, wall_s, s);
}

/* Appendix A: the client's cookie and the server's behind it. */
static void made(const char *cookie, const char *ip, int64_t wall_s, const char *key)
{
    uint8_t want[24], s[16], out[DNS_COOKIE_SERVER_BYTES];
    struct mesh_addr from = world_ip(ip);

    unhex(want, cookie);
    unhex(s, key);
    dns_cookie_make(out, want, &from, wall_s, s);
    assert_memory_equal(out, want + 8, sizeof(out));
    assert_true(good(cookie, ip, wall_s, key));
}

static void feat_L2_cookies_are_those_of_rfc_9018(void **state)
{
    static const char other[] = "dd3bdf9344b678b185a6f5cb60fca715", v6[] = "2001:db8:220:1:59de:d0f4:8769:82b8";

    (void)state;
    made("2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559731985, secret);
    made("2464c4abcf10c957010000005cf7a871d4a564a1442aca77", "198.51.100.100", 1559734385, secret);
    made("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", "203.0.113.203", 1559734700, secret);
    made("22681ab97d52c298010000005cf7c57926556bd0934c72f8", v6, 1559741817, other);
    made("22681ab97d52c298010000005cf7c609a6bb79d16625507a", v6, 1559741961, "445536bcd2513298075a5d379663c962");
    /* Reserved bytes that are not zero count as they came. */
    assert_true(good("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "203.0.113.203", 1559727985, secret));
}

static void rob_G1_cookies_of_others_old_ones_and_changed_ones_are_bad(void **state)
{
    static const char cookie[] = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
    const int64_t at = 1559731985;
    char changed[sizeof(cookie)];

    (void)state;
    assert_true(good(cookie, "198.51.100.100", at + 3600, secret));
    assert_false(good(cookie, "198.51.100.100", at + 3601, secret));
    assert_true(good(cookie, "198.51.100.100", at - 300, secret));
    assert_false(good(cookie, "198.51.100.100", at - 301, secret));
    assert_false(good(cookie, "198.51.100.101", at, secret));
    assert_false(good(cookie, "198.51.100.100", at, "e5e973e5a6b2a43f48e7dc849e37bfce"));
    for (size_t i = 0; i < sizeof(cookie) - 1; i++) {
        memcpy(changed, cookie, sizeof(cookie));
        changed[i] = changed[i] == '0' ? '1' : '0';
        assert_false(good(changed, "198.51.100.100", at, secret));
    }
    assert_false(good("2464c4abcf10c957", "198.51.100.100", at, secret));
    assert_false(good("2464c4abcf10c957010000005cf79f111f8130c3eee2948000", "198.51.100.100", at, secret));
}

static void seconds_may_wrap(void **state)
{
    uint8_t cookie[24] = "client..", s[16] = { 0 };
    struct mesh_addr from = world_ip("192.0.2.9");
    const int64_t wrap = INT64_C(1) << 32;

    (void)state;
    dns_cookie_make(cookie + 8, cookie, &from, wrap - 10, s);
    assert_true(dns_cookie_good(SLICE_OF(cookie), &from, wrap + 100, s));
    assert_false(dns_cookie_good(SLICE_OF(cookie), &from, wrap + 3600, s));
    dns_cookie_make(cookie + 8, cookie, &from, wrap + 100, s);
    assert_true(dns_cookie_good(SLICE_OF(cookie), &from, wrap - 10, s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_L2_cookies_are_those_of_rfc_9018),
        cmocka_unit_test(rob_G1_cookies_of_others_old_ones_and_changed_ones_are_bad),
        cmocka_unit_test(seconds_may_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
