/* test_resource.c - which URLs fit a policy's Resource. The rows are the examples of CloudFront's developer guide
 * ("Create a signed URL using a custom policy", Resource, and the example policies), and what follows from its rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/signed/resource.h"

static bool fits(const char *pattern, const char *url)
{
    struct slice rest = slice_str(url);
    struct resource_url u = { .scheme = SLICE_LIT("http") };

    if (strncmp(url, "https", 5) == 0)
        u.scheme = SLICE_LIT("https");
    rest = slice_from(rest, u.scheme.len + 3);
    const uint8_t *slash = memchr(rest.data, '/', rest.len);
    u.host = slice_head(rest, (size_t)(slash - rest.data));
    u.query = slice_from(rest, u.host.len);
    slice_split(&u.query, '?', &u.path);
    return resource_fits(slice_str(pattern), &u);
}

struct row {
    const char *pattern, *url;
    bool fits;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fits(rows[i].pattern, rows[i].url) != rows[i].fits)
            fail_msg("%s %s %s", rows[i].pattern, rows[i].fits ? "does not fit" : "fits", rows[i].url);
    }
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows[0]))

#define D "https://d111111abcdef8.cloudfront.net"

static void feat_S3_every_example_of_the_guide(void **state)
{
    static const struct row rows[] = {
        { D "/images/horizon.jpg?size=large&license=yes", D "/images/horizon.jpg?size=large&license=yes", true },
        { D "/images/horizon.jpg\\?size=large&license=yes", D "/images/horizon.jpg?size=large&license=yes", true },
        { "https://www.example.com/hello*world", "https://www.example.com/helloworld", true },
        { "https://www.example.com/hello*world", "https://www.example.com/hello-world", true },
        { "https://www.example.com/hello*world", "https://www.example.net/hello?world", false },
        { "https://www.example.com/hello*world", "https://www.example.com/hello?world", false },
        { "http://example.com/hello*", "http://example.com/hello", true },
        { "http://example.com/hello*", "http://example.com/hello/there?a=b", true },
        { "http://example.com/hello*\\?*", "http://example.com/hello/there?a=b", true },
        { "http://example.com/hello*\\?*", "http://example.com/hello", true },
        { "http://example.com*", "http://example.com/a/b?c=d", true },
        { "http://example.com*", "http://example.community/a?c", true },
        { "http://example.com*/*\\?*", "http://example.community/a?c", true },
        { "http://example.com*", "https://example.com/a", false },
        { "*example.com", "https://www.example.com/", true },
        { "*://*example.com/", "https://www.example.com/", true },
        { "*example.com", "http://example.com/", true },
        { "*example.com", "http://example.com/a", false },
        { "*", "https://anything.at.all/?x", true },
        { D "/*game_download.zip*", D "/game_download.zip", true },
        { D "/*game_download.zip*", D "/example_game_download.zip?license=yes", true },
        { D "/*game_download.zip*", D "/test_game_download.zip?license=temp", true },
        { D "/*game_download.zip*", D "/game_download.zi", false },
        { D "/game_download.zip", D "/game_download.zip", true },
        { D "/training/*", D "/training/orientation.pdf", true },
        { D "/training/*", D "/trainings/orientation.pdf", false },
        { "https://*", D "/training/orientation.pdf", true },
        { "https://*", "http://d111111abcdef8.cloudfront.net/training/orientation.pdf", false },
        { "http*://*", D "/training/orientation.pdf", true },
    };

    (void)state;
    CHECK(rows);
}

static void feat_S3_a_wildcard_stays_in_its_section(void **state)
{
    static const struct row rows[] = {
        { "http*://a.example/", "https://a.example/", true },
        { "http*://a.example/", "http://a.example/", true },
        { "*://a.example/x", "https://a.example/x", true },
        { "http?://a.example/", "https://a.example/", true },
        { "http?://a.example/", "http://a.example/", false },
        { "http://*.example/x", "http://a.b.example/x", true },
        { "http://*.example/x", "http://evil/.example/x", false },
        { "http://*/x", "http://evil/x/x", false },
        { "http://?.example/", "http://a.example/", true },
        { "http://?.example/", "http://ab.example/", false },
        { "http://A.EXAMPLE/", "http://a.example/", true },
        { "http://a.example/A", "http://a.example/a", false },
        { "http://a.example:81/", "http://a.example:81/", true },
        { "http://a.example/", "http://a.example:81/", false },
        { "http://a.example/*/c", "http://a.example/b?x/c", false },
        { "http://a.example/*/c", "http://a.example/b/b/c", true },
        { "http://a.example/?", "http://a.example/b", true },
        { "http://a.example/?", "http://a.example/bb", false },
        { "http://a.example/b?x=*", "http://a.example/b?x=1&y=2", true },
        { "http://a.example/b?x=?", "http://a.example/b?x=1", true },
        { "http://a.example/b?x=?", "http://a.example/b?x=12", false },
        { "http://a.example/b", "http://a.example/b?x", false },
        { "http://a.example/?.js?v=1", "http://a.example/b.js?v=1", true },
        { "http://a.example/?.js?v=1", "http://a.example/b.js?v=2", false },
        { "http://a.example/*?v=1", "http://a.example/b/c?v=1", true },
        { "http://a.example/*\\?v=1", "http://a.example/b/c?v=2", false },
        { "http://a.example/b\\?x=?", "http://a.example/b?x=7", true },
        { "http://a.example/*a*b*c", "http://a.example/xaybzc", true },
        { "http://a.example/*a*b*c", "http://a.example/xaybz", false },
        { "a.example/b", "http://a.example/b", false },
        { "", "http://a.example/", false },
        { "ftp://a.example/", "http://a.example/", false },
        { "*a.example/b*", "http://a.example/b/c?d", true },
        { "http://", "http://a.example/", false },
    };

    (void)state;
    CHECK(rows);
}

static void feat_S3_segments_of_dots_are_seen_through_their_encodings(void **state)
{
    static const char *const dots[] = { "/a/../b", "/a/./b",    "/..",         "/.",        "/a/%2e%2E/b",
                                        "/a/.%2e", "/a/..%2fb", "/a%2F..%2fb", "/a\\..\\b", "/a%5c..%5Cb" };
    static const char *const fine[] = { "/",      "/a/...", "/a.b/c..d/.x/x.", "/a/%2e%2e%2e/b",
                                        "/a/..b", "/%2",    "/a/%2e.%41" };

    (void)state;
    for (size_t i = 0; i < sizeof(dots) / sizeof(dots[0]); i++) {
        if (!resource_dots(slice_str(dots[i])))
            fail_msg("%s", dots[i]);
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        if (resource_dots(slice_str(fine[i])))
            fail_msg("%s", fine[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_S3_every_example_of_the_guide),
        cmocka_unit_test(feat_S3_a_wildcard_stays_in_its_section),
        cmocka_unit_test(feat_S3_segments_of_dots_are_seen_through_their_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
