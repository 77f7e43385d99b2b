/* test_purge_from.c - who may PURGE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/io/purge_from.h"
#include "proto/base/err.h"

static bool has(const char *list, const char *from)
{
    struct purge_from p;
    struct mesh_addr a;
    const char *why = NULL;

    if (purge_from_parse(&p, slice_str(list), &why) != 0)
        fail_msg("%s: %s", list, why);
    assert_int_equal(mesh_addr_parse(slice_str(from), &a), 0);
    return purge_from_has(&p, &a);
}

static void feat_I10_addresses_and_networks(void **state)
{
    (void)state;
    assert_true(has("10.0.0.7", "10.0.0.7:999"));
    assert_false(has("10.0.0.7", "10.0.0.6:999"));
    assert_true(has("10.0.0.0/31", "10.0.0.1:1") && !has("10.0.0.0/31", "10.0.0.2:1"));
    assert_true(has("192.168.0.0/16", "192.168.255.1:1") && !has("192.168.0.0/16", "192.169.0.1:1"));
    assert_true(has("fd00::/8,10.0.0.1", "[fdff::1]:1") && has("fd00::/8,10.0.0.1", "10.0.0.1:1"));
    assert_false(has("fd00::/8,10.0.0.1", "[fe00::1]:1") || has("fd00::/8", "10.0.0.1:1"));
    assert_true(has("::1", "[::1]:80") && !has("::1", "127.0.0.1:80"));
    assert_true(has("0.0.0.0/0", "8.8.8.8:1") && !has("0.0.0.0/0", "[::1]:1"));
    assert_false(has("token", "127.0.0.1:1"));
}

static void feat_I10_what_is_no_list_is_refused_and_changes_nothing(void **state)
{
    static const char *const wrong[] = { "",        "x",        "10.0.0.7/33", "10.0.0.7/",   "10.0.0.7,",
                                         "::1/129", "10.0.0/8", "tokens",      "1.2.3.4:80",  "[::1]",
                                         " ::1",    "::1/-1",   "localhost",   "1.2.3.4 ,::1" };
    struct purge_from p = { .token = true };
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (purge_from_parse(&p, slice_str(wrong[i]), &why) != MESH_E_SYNTAX)
            fail_msg("\"%s\" was read", wrong[i]);
    }
    assert_int_equal(purge_from_parse(&p,
                                      SLICE_LIT("1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
                                                "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
                                                "1.1.1.1"),
                                      &why),
                     MESH_E_FULL);
    assert_true(p.token && p.n == 0);
    assert_false(purge_from_any(&(struct purge_from){ .n = 0 }));
    assert_true(purge_from_any(&p));
}

static void feat_I10_a_token_is_one_as_a_whole(void **state)
{
    (void)state;
    assert_true(token_given("secret", SLICE_LIT("Bearer secret")));
    assert_true(token_given("secret", SLICE_LIT("bearer  secret ")));
    assert_false(token_given("secret", SLICE_LIT("Bearer secre")));
    assert_false(token_given("secret", SLICE_LIT("Bearer secrets")));
    assert_false(token_given("secret", SLICE_LIT("Basic secret")));
    assert_false(token_given("secret", SLICE_LIT("secret")));
    assert_false(token_given("secret", SLICE_EMPTY));
    assert_false(token_given("", SLICE_LIT("Bearer ")));
    assert_false(token_given(NULL, SLICE_LIT("Bearer x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_I10_addresses_and_networks),
        cmocka_unit_test(feat_I10_what_is_no_list_is_refused_and_changes_nothing),
        cmocka_unit_test(feat_I10_a_token_is_one_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
