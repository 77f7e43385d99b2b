/* test_cache_control.c - what an answer says to a shared cache, and to a CDN alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "field_lines.h"
#include "node/core/cache_control.h"

static void directives_of_a_shared_cache(void **state)
{
    struct cache_control cc;

    (void)state;
    cache_control_read(&cc, fields_of(""));
    assert_false(cc.no_store || cc.no_cache || cc.is_private || cc.is_public || cc.must_revalidate ||
                 cc.proxy_revalidate || cc.must_understand || cc.immutable);
    assert_true(cc.max_age_s == -1 && cc.s_maxage_s == -1);
    cache_control_read(&cc, fields_of("Cache-Control: no-store, no-cache, private, public, must-revalidate, "
                                      "proxy-revalidate, must-understand, immutable, max-age=1, s-maxage=2\n"));
    assert_true(cc.no_store && cc.no_cache && cc.is_private && cc.is_public && cc.must_revalidate &&
                cc.proxy_revalidate && cc.must_understand && cc.immutable);
    assert_true(cc.max_age_s == 1 && cc.s_maxage_s == 2);
}

static struct cache_control read_lines(const char *lines)
{
    struct cache_control cc;

    cache_control_read(&cc, fields_of(lines));
    return cc;
}

#define LONG "Cache-Control: max-age=1000\n"

static void feat_R33_a_cdn_hears_what_is_for_cdns(void **state)
{
    static const struct {
        const char *lines;
        bool targeted;
        int64_t max_age_s;
    } rows[] = {
        { LONG "CDN-Cache-Control: max-age=60\n", true, 60 },
        { "cdn-cache-control: foobar, MAX-AGE=1, max-age=60;q=1\n", false, -1 }, /* keys have no upper case */
        { "cdn-cache-control: foobar, max-age=60;q=1\n", true, 60 },
        { LONG "CDN-Cache-Control: max-age=60, max-age=50\n", true, 50 },
        { LONG "CDN-Cache-Control: a\nCDN-Cache-Control: max-age=70\n", true, 70 },
        { LONG "CDN-Cache-Control: max-age=70\nCDN-Cache-Control: max-age=\n", false, 1000 },
        { LONG "CDN-Cache-Control: max-age=99999999999\n", true, DELTA_SECONDS_MAX },
        { LONG "CDN-Cache-Control: must-revalidate\n", true, -1 },
        /* What is no number of seconds is no max-age, but the field counts. */
        { LONG "CDN-Cache-Control: max-age=\"60\"\n", true, -1 },
        { LONG "CDN-Cache-Control: max-age=60.5\n", true, -1 },
        { LONG "CDN-Cache-Control: max-age=-1\n", true, -1 },
        { LONG "CDN-Cache-Control: max-age=(60)\n", true, -1 },
        { LONG "CDN-Cache-Control: max-age\n", true, -1 },
        /* Fields that are empty, or that cannot be read, are not there. */
        { LONG "CDN-Cache-Control:\n", false, 1000 },
        { LONG "CDN-Cache-Control: max-age=60, &&&\n", false, 1000 },
        { LONG "CDN-Cache-Control: max-age =60\n", false, 1000 },
        { LONG "CDN-Cache-Control: max-age= 60\n", false, 1000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cache_control cc = read_lines(rows[i].lines);
        if (cc.targeted != rows[i].targeted || cc.max_age_s != rows[i].max_age_s)
            fail_msg("%s: %d, %lld", rows[i].lines, cc.targeted, (long long)cc.max_age_s);
    }
}

static void feat_R33_what_is_for_cdns_stands_alone(void **state)
{
    struct cache_control cc;

    (void)state;
    cc = read_lines("Cache-Control: no-store, private\nCDN-Cache-Control: max-age=1\n");
    assert_true(cc.targeted && !cc.no_store && !cc.is_private);
    cc = read_lines(LONG "CDN-Cache-Control: no-store, private, no-cache=?1, must-revalidate;a\n");
    assert_true(cc.no_store && cc.is_private && cc.no_cache && cc.must_revalidate && cc.max_age_s == -1);
    cc = read_lines(LONG "CDN-Cache-Control: no-store=?0, private=?0, max-age=5\n");
    assert_true(!cc.no_store && !cc.is_private && cc.max_age_s == 5);
    /* A restriction with a value of a type that it has not is one all the same. */
    cc = read_lines(LONG "CDN-Cache-Control: no-store=1, private=(a), no-cache=2\n");
    assert_true(cc.no_store && cc.is_private && cc.no_cache);
    cc = read_lines("A: 1\nCDN-Cache-Control: no-cache=\"b, c\", private=b, max-age=5\n");
    assert_true(!cc.no_cache && !cc.is_private);
    cc = read_lines("A: 1\nCDN-Cache-Control: no-cache=\"b, a\", private=a, max-age=5\n");
    assert_true(cc.no_cache && cc.is_private);
}

static void feat_R33_more_lines_than_anybody_sends_are_no_field(void **state)
{
    char lines[2048] = LONG;

    (void)state;
    for (size_t i = 0; i < 16; i++)
        strcat(lines, "CDN-Cache-Control: max-age=7\n");
    assert_int_equal(read_lines(lines).max_age_s, 7);
    strcat(lines, "CDN-Cache-Control: max-age=7\n");
    assert_int_equal(read_lines(lines).max_age_s, 1000);
}

static struct request_control wants(const char *lines)
{
    struct request_control rc;

    request_control_read(&rc, fields_of(lines));
    return rc;
}

static void what_a_request_wants_of_copies(void **state)
{
    static const struct {
        const char *lines;
        int64_t age_s, lifetime_s;
        bool takes;
    } rows[] = {
        { "", 5, 10, true },
        { "", 10, 10, false },
        { "Cache-Control: no-cache\n", 0, 10, false },
        { "Pragma: no-cache\n", 0, 10, false },
        { "Pragma: no-cache\nCache-Control: max-age=5\n", 5, 10, true }, /* RFC 9111 section 5.4 */
        { "Cache-Control: max-age=5\n", 6, 10, false },
        { "Cache-Control: max-age=0\n", 0, 10, true },
        { "Cache-Control: max-age=x\n", 1, 10, false },
        { "Cache-Control: min-fresh=5\n", 5, 10, true },
        { "Cache-Control: min-fresh=6\n", 5, 10, false },
        { "Cache-Control: max-stale\n", 1000, 10, true },
        { "Cache-Control: max-stale=5\n", 15, 10, true },
        { "Cache-Control: max-stale=5\n", 16, 10, false },
        { "Cache-Control: max-stale=5, max-age=12\n", 13, 10, false },
        { "Cache-Control: no-store, only-if-cached\n", 5, 10, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request_control rc = wants(rows[i].lines);
        if (request_takes(&rc, SEC(rows[i].age_s), SEC(rows[i].lifetime_s)) != rows[i].takes)
            fail_msg("%s at %lld of %lld s", rows[i].lines, (long long)rows[i].age_s, (long long)rows[i].lifetime_s);
    }
    struct request_control rc = wants("Cache-Control: no-store, Only-If-Cached\n");
    assert_true(rc.no_store && rc.only_if_cached && !rc.no_cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directives_of_a_shared_cache),
        cmocka_unit_test(feat_R33_a_cdn_hears_what_is_for_cdns),
        cmocka_unit_test(feat_R33_what_is_for_cdns_stands_alone),
        cmocka_unit_test(feat_R33_more_lines_than_anybody_sends_are_no_field),
        cmocka_unit_test(what_a_request_wants_of_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
