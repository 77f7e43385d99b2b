/* test_admin_server.c - which Host names the admin address answers to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/io/admin_server.h"

static void addresses_and_localhost_only(void **state)
{
    static const char *const good[] = {
        "", "localhost", "LOCALHOST", "127.0.0.1", "10.1.2.3", "[::1]", "[2001:db8::7]"
    };
    static const char *const bad[] = {
        "rebound.example", "localhost.example", "127.0.0.1.example", "localhost.",        "::1",         "[::1",
        "127.1",           "2130706433",        "0x7f000001",        "[rebound.example]", "127.0.0.1:80"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!admin_host_ok(slice_str(good[i])))
            fail_msg("\"%s\" is refused", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (admin_host_ok(slice_str(bad[i])))
            fail_msg("\"%s\" is taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_localhost_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
