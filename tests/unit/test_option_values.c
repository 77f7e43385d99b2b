/* test_option_values.c - sizes, times, addresses and timers as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/cli/options.h"
#include "node/cli/timers.h"

static bool reads(option_read *read, const char *text, void *field)
{
    struct buf why = BUF_EMPTY;
    int err = read(text, field, &why);

    assert_int_equal(err != 0, why.len > 0); /* a refusal says why, and nothing else does */
    buf_free(&why);
    return err == 0;
}

static void sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        { "0", 0 },
        { "1048576", 1048576 },
        { "512MiB", UINT64_C(512) << 20 },
        { "20GiB", UINT64_C(20) << 30 },
        { "1.5KiB", 1536 },
        { "0.5TiB", UINT64_C(1) << 39 },
        { "5MB", 5000000 },
        { "7kB", 7000 },
        { "9223372036854775807B", INT64_MAX },
    };
    static const char *const bad[] = { "",           "MiB",
                                       "-1",         "+1",
                                       "1 MiB",      "1mib",
                                       "1M",         "1.MiB",
                                       ".5MiB",      "1.5.5MiB",
                                       "0x10",       "9223372036854775808",
                                       "8388608TiB", "1.0000000001MiB" };
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(reads(option_size, good[i].text, &v));
        assert_true(v == good[i].bytes);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(option_size, bad[i], &v));
}

static void codings(void **state)
{
    static const struct {
        const char *text;
        unsigned off;
    } good[] = {
        { "off", CODINGS_ALL },
        { "br,zstd,gzip", 0 },
        { "gzip", CODING_BIT(CODING_BR) | CODING_BIT(CODING_ZSTD) },
        { "br,gzip", CODING_BIT(CODING_ZSTD) },
    };
    static const char *const bad[] = { "", "on", "off,br", "br,", "br gzip", "br,br", "GZIP", "identity", "deflate" };
    unsigned off;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(reads(option_codings, good[i].text, &off));
        assert_int_equal(off, good[i].off);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(option_codings, bad[i], &off));
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        mesh_ns ns;
    } good[] = {
        { "400ms", MS(400) }, { "2s", SEC(2) },    { "1.5s", MS(1500) }, { "0.25ms", US(250) },
        { "5m", SEC(300) },   { "1h", SEC(3600) }, { "10us", US(10) },   { "1d", SEC(86400) },
    };
    static const char *const bad[] = { "",    "0s", "0.0000000001s", "5",           "s", "-1s",
                                       "1 s", "1S", "106752d",       "99999999999h" };
    char text[OPTION_DURATION_MAX];
    mesh_ns v;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(reads(option_duration, good[i].text, &v));
        assert_true(v == good[i].ns);
        mesh_ns again;
        assert_true(reads(option_duration, option_duration_text(v, text), &again));
        assert_true(again == v);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(option_duration, bad[i], &v));
    assert_string_equal(option_duration_text(MS(1500), text), "1500ms");
    assert_string_equal(option_duration_text(SEC(120), text), "2m");
}

static void addresses(void **state)
{
    static const char *const bad[] = { "",
                                       "8080",
                                       ":8080",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "127.0.0.1:65536",
                                       "256.0.0.1:1",
                                       "example.net:80",
                                       "localhost",
                                       "::1:80",
                                       "localhost:http" };
    struct option_addr a = { .given = false };

    (void)state;
    assert_true(reads(option_listen, "0.0.0.0:8080", &a));
    assert_true(a.given && a.addr.port == 8080 && mesh_addr_is_v4(&a.addr));
    assert_true(reads(option_listen, "[::]:0", &a));
    assert_true(a.addr.port == 0 && !mesh_addr_is_v4(&a.addr));
    assert_true(reads(option_listen, "localhost:7401", &a));
    assert_true(mesh_addr_is_loopback(&a.addr) && a.addr.port == 7401);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(option_listen, bad[i], &a));
}

static void hosts(void **state)
{
    static const char *const good[] = { "edge1.example.net:7400", "a:1", "192.0.2.7:65535", "[2001:db8::7]:7400",
                                        "x_y-z.:9" };
    static const char *const bad[] = {
        "",       ":1",     "a",    "a:", "a:0", "a:65536", "a:b", "-a:1", "a b:1", "a/b:1", "2001:db8::7:74",
        "[::1:1", "[zz]:1", "a@b:1"
    };
    struct option_hosts h = { .n = 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(reads(option_host, good[i], &h));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(option_host, bad[i], &h));
    assert_int_equal(h.n, sizeof(good) / sizeof(good[0]));
}

static void timers(void **state)
{
    static const char *const bad[] = { "",
                                       "probe",
                                       "probe=",
                                       "=1s",
                                       "probe=1",
                                       "porbe=1s",
                                       "suspect=1s,",
                                       "suspect=2s,suspect=3s",
                                       "a-name-that-is-far-too-long-to-be-a-timer-of-any-kind-whatever-it-says=1s" };
    struct node_config *cfg = calloc(1, sizeof(*cfg));

    (void)state;
    assert_non_null(cfg);
    assert_true(reads(timers_read, "peer-silence=2s,probe=300ms", cfg));
    assert_true(reads(timers_read, "origin-response=1s", cfg)); /* the flag may be repeated */
    assert_true(cfg->engine.peer_silence == SEC(2));
    assert_true(cfg->probe_period == MS(300));
    assert_true(cfg->timers.origin_response == SEC(1));
    assert_true(cfg->suspect_timeout == 0);
    assert_false(reads(timers_read, "probe=1s", cfg)); /* but not the timer */
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(reads(timers_read, bad[i], cfg));
    free(cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),     cmocka_unit_test(codings), cmocka_unit_test(durations),
        cmocka_unit_test(addresses), cmocka_unit_test(hosts),   cmocka_unit_test(timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
