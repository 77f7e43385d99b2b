/* test_fresh.c - may an answer be stored, for how long, and how old is it already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "field_lines.h"
#include "node/core/cache_control.h"
#include "node/core/distribution.h"
#include "node/core/fresh.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE     "Date: Sun, 06 Nov 1994 08:49:37 GMT\n"
#define CENTURY  INT64_C(3153600000)
#define NOT      INT64_C(-1) /* not storable */

static int64_t error_ttl_s = ERROR_TTL_DEFAULT_S;
static enum set_cookie set_cookie = SET_COOKIE_PRIVATE;

static struct freshness judge(int64_t default_ttl_s, uint16_t status, const char *lines, mesh_ns delay)
{
    struct dist_cache c = { .ttl_default_s = default_ttl_s,
                            .ttl_max_s = DELTA_SECONDS_MAX,
                            .error_ttl_s = error_ttl_s,
                            .set_cookie = (uint8_t)set_cookie };
    struct freshness f;

    fresh_of(&f, &c, NULL, status, fields_of(lines), NOW, delay);
    return f;
}

struct row {
    uint16_t status;
    const char *lines;
    int64_t lifetime_s; /* or NOT */
};

static void check_rows(int64_t default_ttl_s, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct freshness f = judge(default_ttl_s, rows[i].status, rows[i].lines, 0);
        int64_t got = f.storable ? f.lifetime_ns / SEC(1) : NOT;
        if (got != rows[i].lifetime_s)
            fail_msg("%u %s: %lld instead of %lld", rows[i].status, rows[i].lines, (long long)got,
                     (long long)rows[i].lifetime_s);
        if (f.storable)
            assert_true(f.lifetime_ns == SEC(rows[i].lifetime_s));
        else
            assert_true(f.lifetime_ns == 0 && f.age_ns == 0);
    }
}

static void feat_R1_s_maxage_then_max_age_then_expires(void **state)
{
    static const struct row rows[] = {
        { 200, "Cache-Control: s-maxage=30, max-age=20\nExpires: Sun, 06 Nov 1994 08:49:47 GMT\n" DATE, 30 },
        { 200, "Expires: Sun, 06 Nov 1994 08:49:47 GMT\nCache-Control: max-age=20\nCache-Control: s-maxage=30\n" DATE,
          30 },
        { 200, "Cache-Control: max-age=20\nExpires: Sun, 06 Nov 1994 08:49:47 GMT\n" DATE, 20 },
        { 200, "Expires: Sun, 06 Nov 1994 08:49:47 GMT\n" DATE, 10 },
        { 200, "Expires: Sun, 06 Nov 1994 08:49:47 GMT\n", 10 }, /* no Date: from now */
        { 200, "Expires: Sun, 06 Nov 1994 08:49:47 GMT\nDate: Sun, 06 Nov 1994 08:49:27 GMT\n", 20 },
        { 200, "Expires: Sunday, 06-Nov-94 08:49:47 GMT\n" DATE, 10 },
        /* What is for CDNs alone is all that counts for this one (RFC 9213). */
        { 200, "Cache-Control: no-store\nCDN-Cache-Control: max-age=20, s-maxage=30\n", 30 },
        { 200, "CDN-Cache-Control: max-age=20\nExpires: Sun, 06 Nov 1994 08:49:47 GMT\n" DATE, 20 },
        { 200, "CDN-Cache-Control: foo\nExpires: Sun, 06 Nov 1994 08:49:47 GMT\n" DATE, TTL_DEFAULT_S },
        { 200, "Cache-Control: max-age=20\nCDN-Cache-Control: private\n", NOT },
        { 200, DATE, TTL_DEFAULT_S },
        { 200, "", TTL_DEFAULT_S },
        /* What says "already" is not kept. */
        { 200, "Cache-Control: s-maxage=0, max-age=20\n", NOT },
        { 200, "Cache-Control: max-age=0\nExpires: Sun, 06 Nov 1994 08:49:47 GMT\n" DATE, NOT },
        { 200, "Expires: Sun, 06 Nov 1994 08:49:37 GMT\n" DATE, NOT },
        { 200, "Expires: Sun, 06 Nov 1994 08:49:36 GMT\n" DATE, NOT },
        { 200, "Expires: 0\n" DATE, NOT },
        { 200, "Expires: -1\n", NOT },
        { 200, "Expires: \n", NOT },
        /* A revalidation duty changes no lifetime. */
        { 200, "Cache-Control: max-age=20, must-revalidate, proxy-revalidate, public, immutable\n", 20 },
    };

    (void)state;
    check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
}

static void numbers_are_read_as_rfc9111_wants(void **state)
{
    static const struct row rows[] = {
        { 200, "Cache-Control: max-age=10, max-age=20\n", 10 }, /* the first one counts */
        { 200, "Cache-Control: max-age=10\nCache-Control: max-age=20\n", 10 },
        { 200, "Cache-Control: s-maxage=10, s-maxage=0\n", 10 },
        { 200, "Cache-Control: max-age=\"10\"\n", 10 },
        { 200, "cache-control: MAX-AGE=10\n", 10 },
        { 200, "Cache-Control: max-age = 10 ,,\n", 10 },
        { 200, "Cache-Control: ,\t, public ,max-age=10\n", 10 },
        { 200, "Cache-Control: max-age=010\n", 10 },
        { 200, "Cache-Control: max-age=3153599999\n", CENTURY - 1 },
        { 200, "Cache-Control: max-age=3153600000\n", CENTURY },
        { 200, "Cache-Control: max-age=3153600001\n", CENTURY },
        { 200, "Cache-Control: max-age=2147483648\n", INT64_C(2147483648) },
        { 200, "Cache-Control: max-age=4294967296\n", CENTURY },
        { 200, "Cache-Control: max-age=18446744073709551617\n", CENTURY },
        { 200, "Cache-Control: max-age=99999999999999999999999999999999999999999999\n", CENTURY },
        { 200, "Expires: Fri, 31 Dec 9999 23:59:59 GMT\n" DATE, CENTURY },
        { 200, "Expires: Fri, 31 Dec 9999 23:59:59 GMT\nDate: Mon, 01 Jan 0001 00:00:00 GMT\n", CENTURY },
        /* What is no number makes it stale at once. */
        { 200, "Cache-Control: max-age\n", NOT },
        { 200, "Cache-Control: max-age=\n", NOT },
        { 200, "Cache-Control: max-age=\"\"\n", NOT },
        { 200, "Cache-Control: max-age=\"\n", NOT },
        { 200, "Cache-Control: max-age=-1\n", NOT },
        { 200, "Cache-Control: max-age=+1\n", NOT },
        { 200, "Cache-Control: max-age=1.5\n", NOT },
        { 200, "Cache-Control: max-age=1e3\n", NOT },
        { 200, "Cache-Control: max-age=10 20\n", NOT },
        { 200, "Cache-Control: max-age='10'\n", NOT },
        { 200, "Cache-Control: max-age=ten, s-maxage=5\n", 5 },
        { 200, "Cache-Control: max-age=x, max-age=10\n", NOT },
        /* A name inside a string, or with something glued to it, is another directive. */
        { 200, "Cache-Control: ext=\"no-store, max-age=5\", max-age=10\n", 10 },
        { 200, "Cache-Control: ext=\"a\\\", no-store, \", max-age=10\n", 10 },
        { 200, "Cache-Control: xmax-age=5, max-agex=6\n", TTL_DEFAULT_S },
        { 200, "Cache-Control: nostore, x-private, no-cached\n", TTL_DEFAULT_S },
        { 200, "Surrogate-Control: no-store\nPragma: no-cache\n", TTL_DEFAULT_S }, /* a request's field */
    };

    (void)state;
    check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
}

static void feat_R3_what_may_not_be_stored(void **state)
{
    static const struct row rows[] = {
        { 200, "Cache-Control: no-store\n", NOT },
        { 200, "Cache-Control: no-store, max-age=60\n", NOT },
        { 200, "Cache-Control: max-age=60\nCache-Control: public, No-Store\n", NOT },
        { 200, "Cache-Control: private\n", NOT },
        { 200, "Cache-Control: no-cache\n", NOT },
        { 200, "Cache-Control: no-cache, max-age=60\nETag: \"a\"\n", 0 }, /* only to be validated each time */
        { 200, "Cache-Control: max-age=0\nLast-Modified: Sun, 06 Nov 1904 08:49:37 GMT\n", 0 },
        { 200, "Cache-Control: no-store, max-age=60\nETag: \"a\"\n", NOT },
        { 200, "Set-Cookie: a=b\nCache-Control: public, max-age=60\n", NOT },
        { 200, "set-cookie: \n", NOT },
        { 200, "Vary: *\nCache-Control: max-age=60\n", NOT },
        { 200, "Vary: accept, *\n", NOT },
        { 200, "Vary: accept\nVary: *\n", NOT },
        { 200, "Vary: accept-encoding, accept\nCache-Control: max-age=60\n", 60 },
        { 200, "Vary: *x\n", TTL_DEFAULT_S },
        { 404, "Cache-Control: no-store\n", NOT },
        { 500, "Set-Cookie: a=b\n", NOT },
    };

    (void)state;
    check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
    check_rows(TTL_HEURISTIC, rows, COUNT(rows) - 4); /* those that state no lifetime differ there */
}

/* RFC 9111 sections 5.2.2.4 and 5.2.2.7: with names it is about these fields. If none of them is there, it is about
 * nothing; else we take it for all of the answer, as the RFC lets a cache do. */
static void private_and_no_cache_with_names_of_fields(void **state)
{
    static const struct row rows[] = {
        { 200, "Cache-Control: private=\"set-cookie\", max-age=60\n", 60 },
        { 200, "Cache-Control: private=\"set-cookie, x-user\", max-age=60\n", 60 },
        { 200, "Cache-Control: private=set-cookie, max-age=60\n", 60 },
        { 200, "Cache-Control: private=\"x-user\", max-age=60\nX-User: 7\n", NOT },
        { 200, "Cache-Control: max-age=60, private=\"x-a ,\tX-USER\"\nX-User: 7\nETag: \"a\"\n", NOT },
        { 200, "Cache-Control: private=\"\", max-age=60\n", NOT }, /* no name: without names */
        { 200, "Cache-Control: private=\" , \", max-age=60\n", NOT },
        { 200, "Cache-Control: private=, max-age=60\n", NOT },
        { 200, "Cache-Control: private=\"x-user\", private, max-age=60\n", NOT },
        { 200, "Cache-Control: private, private=\"x-user\", max-age=60\n", NOT },
        { 200, "Cache-Control: no-cache=\"x-user\", max-age=60\n", 60 },
        { 200, "Cache-Control: no-cache=\"x-user\", max-age=60\nX-User: 7\nETag: \"a\"\n", 0 },
        { 200, "Cache-Control: no-cache=\"x-user\", max-age=60\nX-User: 7\n", NOT },
        { 200, "Cache-Control: no-cache, no-cache=\"x-user\", max-age=60\nETag: \"a\"\n", 0 },
        { 200, "Cache-Control: no-cache=\"set-cookie\", max-age=60\nSet-Cookie: a=b\nETag: \"a\"\n", NOT },
    };

    (void)state;
    check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
    check_rows(TTL_HEURISTIC, rows, COUNT(rows));
}

/* RFC 9111 section 5.2.2.3. */
static void must_understand_is_about_the_status(void **state)
{
    static const struct row rows[] = {
        { 200, "Cache-Control: must-understand, no-store, max-age=60\n", 60 },
        { 200, "Cache-Control: no-store, max-age=60\nCache-Control: Must-Understand\n", 60 },
        { 404, "Cache-Control: must-understand, no-store\n", 10 },
        { 303, "Cache-Control: must-understand, max-age=60\n", 60 },
        { 426, "Cache-Control: must-understand, no-store, max-age=60\n", 60 },
        { 200, "Cache-Control: must-understand, no-store, private, max-age=60\n", NOT },
        { 200, "Cache-Control: must-understand, no-store, max-age=60\nSet-Cookie: a=b\n", NOT },
        { 599, "Cache-Control: must-understand, max-age=60\n", NOT },
        { 599, "Cache-Control: must-understand, no-store, max-age=60\nETag: \"a\"\n", NOT },
        { 599, "Cache-Control: max-age=60\n", 60 },
        { 226, "Cache-Control: must-understand, max-age=60\n", NOT },
        { 306, "Cache-Control: must-understand, max-age=60\n", NOT },
        { 418, "Cache-Control: must-understand, max-age=60\n", NOT },
        { 506, "Cache-Control: must-understand, max-age=60\n", NOT },
        { 206, "Cache-Control: must-understand, no-store, max-age=60\n", NOT }, /* known, and not kept */
        { 304, "Cache-Control: must-understand, no-store, max-age=60\n", NOT },
        { 416, "Cache-Control: must-understand, no-store, max-age=60\n", NOT },
    };

    (void)state;
    check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
}

/* An error of another lifetime, or of none: then it is kept only where it can be validated. */
static void feat_R26_set_cookie_is_for_one_unless_told_otherwise(void **state)
{
    static const struct row kept[] = { { 200, "Set-Cookie: a=b\nCache-Control: max-age=5\n", 5 },
                                       { 200, "Set-Cookie: a=b\nCache-Control: private, max-age=5\n", NOT } };
    static const struct row not_kept[] = { { 200, "Set-Cookie: a=b\nCache-Control: max-age=5\n", NOT } };

    (void)state;
    check_rows(TTL_DEFAULT_S, not_kept, COUNT(not_kept));
    set_cookie = SET_COOKIE_STRIP;
    check_rows(TTL_DEFAULT_S, kept, COUNT(kept));
    set_cookie = SET_COOKIE_KEEP;
    check_rows(TTL_DEFAULT_S, kept, COUNT(kept));
    set_cookie = SET_COOKIE_PRIVATE;
}

static void errors_last_as_long_as_is_said(void **state)
{
    static const struct row minute[] = { { 404, "", 60 }, { 503, "", 60 }, { 404, "Cache-Control: max-age=5\n", 5 } };
    static const struct row none[] = { { 404, "", NOT },
                                       { 503, "", NOT },
                                       { 404, "ETag: \"a\"\n", 0 },
                                       { 404, "Cache-Control: max-age=5\n", 5 },
                                       { 200, "", TTL_DEFAULT_S } };

    (void)state;
    error_ttl_s = 60;
    check_rows(TTL_DEFAULT_S, minute, COUNT(minute));
    error_ttl_s = 0;
    check_rows(TTL_DEFAULT_S, none, COUNT(none));
    error_ttl_s = ERROR_TTL_DEFAULT_S;
}

static void feat_R20_errors_code_by_code(void **state)
{
    static const uint16_t always[] = { 404, 410, 414, 500, 501, 502, 503, 504 };
    static const uint16_t stated[] = { 201, 202, 204, 205, 302, 303, 307, 400, 401, 403, 405,
                                       406, 408, 409, 411, 412, 415, 422, 429, 451, 505, 599 };
    static const uint16_t never[] = { 206, 304, 413, 416, 431 };

    (void)state;
    for (size_t i = 0; i < COUNT(always); i++) {
        const struct row rows[] = { { always[i], "", 10 },
                                    { always[i], "Last-Modified: Fri, 04 Nov 1994 08:49:37 GMT\n", 10 },
                                    { always[i], "Cache-Control: max-age=60\n", 60 },
                                    { always[i], "Cache-Control: max-age=1\n", 1 },
                                    { always[i], "Cache-Control: no-cache\n", NOT } };
        check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
    }
    for (size_t i = 0; i < COUNT(stated); i++) {
        const struct row rows[] = { { stated[i], "", NOT },
                                    { stated[i], "Cache-Control: public\n", NOT },
                                    { stated[i], "Cache-Control: s-maxage=60\n", 60 },
                                    { stated[i], "Expires: Sun, 06 Nov 1994 08:49:47 GMT\n" DATE, 10 } };
        check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
    }
    for (size_t i = 0; i < COUNT(never); i++) {
        const struct row rows[] = { { never[i], "", NOT }, { never[i], "Cache-Control: s-maxage=60\n", NOT } };
        check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
        check_rows(TTL_HEURISTIC, rows, COUNT(rows));
    }
}

static void feat_R2_default_lifetimes(void **state)
{
    static const struct row day[] = { { 200, "", 86400 }, { 203, "", 86400 }, { 300, "", 86400 }, { 301, "", 86400 },
                                      { 308, "", 86400 }, { 204, "", NOT },   { 302, "", NOT },   { 307, "", NOT } };
    static const struct row minute[] = { { 200, "", 60 }, { 301, "", 60 }, { 404, "", 10 } };
    static const struct row none[] = { { 200, "", NOT }, { 301, "", NOT }, { 200, "Cache-Control: max-age=5\n", 5 } };
    struct freshness f = judge(TTL_DEFAULT_S, 200, DATE, 0);

    (void)state;
    assert_true(f.age_ns == 0 && f.lifetime_ns == SEC(86400));
    check_rows(86400, day, COUNT(day));
    check_rows(60, minute, COUNT(minute));
    check_rows(0, none, COUNT(none));
}

/* RFC 9111 section 4.2.2, as a choice. */
static void heuristic_lifetimes(void **state)
{
    static const struct row rows[] = {
        { 200, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\n", 10 }, /* 100 s ago */
        { 200, "Last-Modified: Sun, 06 Nov 1994 08:49:27 GMT\n", 1 },
        { 200, "Last-Modified: Sun, 06 Nov 1994 08:49:28 GMT\n", 0 }, /* a tenth of 9 s is none */
        { 200, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n", 0 },
        { 200, "Last-Modified: Mon, 07 Nov 1994 08:49:37 GMT\n", 0 },     /* not modified yet */
        { 200, "Last-Modified: Sun, 06 Nov 1904 08:49:37 GMT\n", 86400 }, /* a day at most */
        { 200, "Last-Modified: Mon, 01 Jan 0001 00:00:00 GMT\n", 86400 },
        { 200, "Last-Modified: yesterday\n", 0 },
        { 200, "", NOT },
        { 200, "ETag: \"a\"\n", 0 }, /* to be validated each time */
        { 302, "ETag: \"a\"\n", NOT },
        { 204, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\n", 10 },
        { 404, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\n", 10 },
        { 501, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\n", 10 },
        { 404, "", NOT }, /* nothing is stored by default here, no error either */
        { 500, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\n", NOT },
        { 302, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\n", NOT },
        { 200, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\nCache-Control: max-age=3\n", 3 },
        { 599, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\nCache-Control: public\n", 10 }, /* marked cacheable */
        { 413, "Last-Modified: Sun, 06 Nov 1994 08:47:57 GMT\nCache-Control: public\n", NOT },
        { 500, "Cache-Control: max-age=3\n", 3 },
    };

    (void)state;
    check_rows(TTL_HEURISTIC, rows, COUNT(rows));
}

/* RFC 9111 section 4.2.3. */
static void an_answer_has_an_age_when_it_comes(void **state)
{
    static const struct {
        const char *lines;
        mesh_ns delay, age;
    } rows[] = {
        { "", 0, 0 },
        { DATE, 0, 0 },
        { DATE, MS(1500), MS(1500) }, /* the time on its way */
        { "Age: 7\n", 0, SEC(7) },
        { "Age: 7\n", MS(1500), MS(8500) },
        { "Age: 7\n" DATE, MS(1500), MS(8500) },
        { "Date: Sun, 06 Nov 1994 08:49:27 GMT\n", MS(1500), SEC(10) }, /* the apparent age is larger */
        { "Date: Sun, 06 Nov 1994 08:49:36 GMT\n", MS(2), MS(2) },      /* a second began on its way */
        { "Date: Sun, 06 Nov 1994 08:49:36 GMT\nAge: 1\n", MS(2), MS(1002) },
        { "Date: Sun, 06 Nov 1994 08:49:35 GMT\n", MS(2), SEC(2) },
        { "Date: Sun, 06 Nov 1994 08:49:27 GMT\nAge: 9\n", MS(1500), MS(10500) },
        { "Date: Sun, 06 Nov 1994 08:49:27 GMT\nAge: 30\n", 0, SEC(30) },
        { "Date: Sun, 06 Nov 1994 09:49:37 GMT\n", 0, 0 }, /* their clock is ahead */
        { "Date: Sun, 06 Nov 1994 09:49:37 GMT\nAge: 5\n", SEC(1), SEC(6) },
        { "Date: today\nAge: 5\n", 0, SEC(5) },
        { "Age: 5, 90\n", 0, SEC(5) }, /* the first one counts */
        { "Age: 5 \t, x\n", 0, SEC(5) },
        { "Age: 99999999999999999999999\n", 0, SEC(CENTURY) },
        { "Age: 99999999999999999999999\n", SEC(86400), SEC(CENTURY + 86400) },
        { "Date: Mon, 01 Jan 0001 00:00:00 GMT\n", 0, SEC(CENTURY) },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct freshness f = judge(TTL_DEFAULT_S, 200, rows[i].lines, rows[i].delay);
        assert_true(f.storable); /* though perhaps stale: its waiters may share it */
        if (f.age_ns != rows[i].age)
            fail_msg("%s: %lld instead of %lld", rows[i].lines, (long long)f.age_ns, (long long)rows[i].age);
        assert_true(f.lifetime_ns == SEC(TTL_DEFAULT_S));
    }
}

/* RFC 9111 section 4.2.4 and RFC 5861; without a word from the origin its failures are bridged as long as need be. */
static void feat_R18_feat_R19_how_long_it_may_be_served_stale(void **state)
{
    static const struct {
        const char *lines;
        int64_t revalidate_s, error_s;
    } rows[] = {
        { "Cache-Control: max-age=60\n", 0, 3153600000 },
        { "Cache-Control: max-age=60, stale-while-revalidate=30\n", 30, 3153600000 },
        { "Cache-Control: max-age=60, stale-if-error=20, stale-while-revalidate=\"30\"\n", 30, 20 },
        { "Cache-Control: max-age=60, stale-if-error=0\n", 0, 0 },
        { "Cache-Control: max-age=60, stale-if-error=20, stale-while-revalidate=30, must-revalidate\n", 0, 0 },
        { "Cache-Control: max-age=60, stale-if-error=20, stale-while-revalidate=30, proxy-revalidate\n", 0, 0 },
        { "Cache-Control: s-maxage=60, stale-if-error=20, stale-while-revalidate=30\n", 0, 0 },
        { "Cache-Control: no-cache, stale-if-error=20, stale-while-revalidate=30\nETag: \"a\"\n", 0, 0 },
        { "Cache-Control: max-age=60, stale-while-revalidate=99999999999999999999\n", 3153600000, 3153600000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct freshness f = judge(TTL_DEFAULT_S, 200, rows[i].lines, 0);
        assert_true(f.storable);
        if (f.stale_while_revalidate_ns != SEC(rows[i].revalidate_s) || f.stale_if_error_ns != SEC(rows[i].error_s))
            fail_msg("%s: %lld and %lld s", rows[i].lines, (long long)(f.stale_while_revalidate_ns / SEC(1)),
                     (long long)(f.stale_if_error_ns / SEC(1)));
    }
}

/* Who says an age has one: what cannot be read may be any. */
static void an_answer_of_an_unclear_age_is_not_kept(void **state)
{
    static const struct row rows[] = {
        { 200, "Cache-Control: max-age=60\nAge: -5\nETag: \"a\"\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: x\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: 1.0\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: \n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: 5;a=b\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: \"5\"\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: , 5\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: x, 5\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: 5\nAge: 5\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: 0\nAge: 90\n", NOT },
        { 200, "Cache-Control: max-age=60\nAge: 0, 90\n", 60 },
        { 200, "Cache-Control: max-age=60\nAge: 007\n", 60 },
    };

    (void)state;
    check_rows(TTL_DEFAULT_S, rows, COUNT(rows));
}

/* Amazon CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)": what becomes of an
 * object by what the origin says, where the least lifetime is zero, and where it is above. */
static void feat_R8_the_table_of_two_columns(void **state)
{
    static const struct {
        const char *lines;
        int64_t zero, above; /* with 0, 100 and 1000; with 50, 100 and 1000 seconds as least, default and most */
    } rows[] = {
        { "Cache-Control: max-age=300\n", 300, 300 },
        { "Cache-Control: max-age=20\n", 20, 50 },
        { "Cache-Control: max-age=5000\n", 1000, 1000 },
        { "", 100, 100 },
        { "Cache-Control: max-age=300, s-maxage=20\n", 20, 50 },
        { "Cache-Control: max-age=20, s-maxage=300\n", 300, 300 },
        { "Cache-Control: max-age=20, s-maxage=5000\n", 1000, 1000 },
        { "Expires: Sun, 06 Nov 1994 08:54:37 GMT\n" DATE, 300, 300 },
        { "Expires: Sun, 06 Nov 1994 08:49:57 GMT\n" DATE, 20, 50 },
        { "Expires: Sun, 06 Nov 1994 10:49:37 GMT\n" DATE, 1000, 1000 },
        { "Expires: Sun, 06 Nov 1994 08:49:37 GMT\n" DATE, NOT, 50 },
        { "Cache-Control: no-cache\n", NOT, 50 },
        { "Cache-Control: no-store\n", NOT, 50 },
        { "Cache-Control: private\n", NOT, 50 },
        { "Cache-Control: no-store, max-age=300\n", NOT, 50 },
        { "Cache-Control: private, s-maxage=300\n", NOT, 50 },
        { "Cache-Control: max-age=0\n", NOT, 50 },
        /* What speaks to one viewer, or to requests alike in all, is not overruled. */
        { "Set-Cookie: a=1\nCache-Control: max-age=300\n", NOT, NOT },
        { "Vary: *\nCache-Control: max-age=300\n", NOT, NOT },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int least = 0; least <= 50; least += 50) {
            struct dist_cache c = { .ttl_min_s = least, .ttl_default_s = 100, .ttl_max_s = 1000, .error_ttl_s = 10 };
            int64_t want = least == 0 ? rows[i].zero : rows[i].above;
            struct freshness f;
            fresh_of(&f, &c, NULL, 200, fields_of(rows[i].lines), NOW, 0);
            if ((f.storable ? f.lifetime_ns / SEC(1) : NOT) != want)
                fail_msg("%s, least %d: %lld", rows[i].lines, least,
                         (long long)(f.storable ? f.lifetime_ns / SEC(1) : NOT));
        }
    }
    struct dist_cache c = { .ttl_min_s = 200, .ttl_default_s = 100, .ttl_max_s = 1000 };
    struct freshness f;
    fresh_of(&f, &c, NULL, 200, fields_of(""), NOW, 0);
    assert_true(f.lifetime_ns == SEC(200)); /* the greater of least and default */
    fresh_of(&f, &c, NULL, 500, fields_of("Cache-Control: no-store\n"), NOW, 0);
    assert_false(f.storable); /* an error is none of that */
}

/* The same guide, "How CloudFront processes and caches HTTP 4xx and 5xx status codes". */
static void feat_R20_errors_by_rules_of_the_owner(void **state)
{
    static const struct {
        uint16_t status;
        int64_t silent, stated, ruled, both; /* without a word; max-age=5; a rule of 60 s; both */
    } rows[] = {
        { 400, NOT, 5, 60, 60 }, { 403, NOT, 5, 60, 60 }, { 404, 10, 5, 60, 60 },  { 405, NOT, 5, 60, 60 },
        { 412, NOT, 5, 60, 60 }, { 414, 10, 5, 60, 60 },  { 415, NOT, 5, 60, 60 }, { 416, NOT, NOT, NOT, NOT },
        { 500, 10, 5, 60, 60 },  { 501, 10, 5, 60, 60 },  { 502, 10, 5, 60, 60 },  { 503, 10, 5, 60, 60 },
        { 504, 10, 5, 60, 60 },
    };
    struct dist_cache c = { .ttl_default_s = 100, .ttl_max_s = 1000, .error_ttl_s = 10 };
    struct freshness f;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct dist_error rule = { .status = rows[i].status, .ttl_s = 60 };
        int64_t want[] = { rows[i].silent, rows[i].stated, rows[i].ruled, rows[i].both };
        for (int k = 0; k < 4; k++) {
            fresh_of(&f, &c, k >= 2 ? &rule : NULL, rows[i].status,
                     fields_of(k % 2 == 1 ? "Cache-Control: max-age=5\n" : ""), NOW, 0);
            if ((f.storable ? f.lifetime_ns / SEC(1) : NOT) != want[k])
                fail_msg("%u, %d: %lld", rows[i].status, k, (long long)(f.storable ? f.lifetime_ns / SEC(1) : NOT));
        }
        const struct dist_error none = { .status = rows[i].status, .ttl_s = 0 }, unsaid = { .ttl_s = -1 };
        fresh_of(&f, &c, &none, rows[i].status, fields_of(""), NOW, 0);
        assert_false(f.storable);
        fresh_of(&f, &c, &unsaid, rows[i].status, fields_of(""), NOW, 0);
        assert_int_equal(f.storable, want[0] != NOT);
        fresh_of(&f, &c, NULL, rows[i].status, fields_of("Cache-Control: no-store\n"), NOW, 0);
        assert_false(f.storable);
    }
    const struct dist_error rule = { .status = 404, .ttl_s = 60 };
    fresh_of(&f, &c, &rule, 404, fields_of("Cache-Control: max-age=600\n"), NOW, 0);
    assert_true(f.lifetime_ns == SEC(600)); /* the greater one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_R8_the_table_of_two_columns),
        cmocka_unit_test(feat_R20_errors_by_rules_of_the_owner),
        cmocka_unit_test(feat_R1_s_maxage_then_max_age_then_expires),
        cmocka_unit_test(numbers_are_read_as_rfc9111_wants),
        cmocka_unit_test(feat_R3_what_may_not_be_stored),
        cmocka_unit_test(private_and_no_cache_with_names_of_fields),
        cmocka_unit_test(must_understand_is_about_the_status),
        cmocka_unit_test(feat_R20_errors_code_by_code),
        cmocka_unit_test(feat_R26_set_cookie_is_for_one_unless_told_otherwise),
        cmocka_unit_test(errors_last_as_long_as_is_said),
        cmocka_unit_test(feat_R2_default_lifetimes),
        cmocka_unit_test(heuristic_lifetimes),
        cmocka_unit_test(an_answer_has_an_age_when_it_comes),
        cmocka_unit_test(feat_R18_feat_R19_how_long_it_may_be_served_stale),
        cmocka_unit_test(an_answer_of_an_unclear_age_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
