/* test_key.c - one normal form for key and origin alike, and where it is placed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "golden.h"
#include "node/core/key.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The normal form of |target|, or "!SYNTAX", "!RANGE". */
static const char *path_of(struct slice target)
{
    static char text[KEY_PATH_MAX + 1];
    struct buf out = BUF_EMPTY;

    buf_add_str(&out, "kept:"); /* appends; an error cuts back */
    int err = key_path(&out, target);
    assert_memory_equal(out.data, "kept:", 5);
    if (err != 0)
        assert_int_equal(out.len, 5);
    if (err == 0)
        snprintf(text, sizeof(text), "%.*s", (int)out.len - 5, (const char *)out.data + 5);
    else
        snprintf(text, sizeof(text), "%s", err == MESH_E_SYNTAX ? "!SYNTAX" : err == MESH_E_RANGE ? "!RANGE" : "!");
    buf_free(&out);
    return text;
}

struct row {
    const char *target, *normal;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(path_of(slice_str(rows[i].target)), rows[i].normal);
        if (rows[i].normal[0] == '/')
            assert_string_equal(path_of(slice_str(rows[i].normal)), rows[i].normal);
    }
}

static void rob_P4_one_normal_path(void **state)
{
    static const struct row rows[] = {
        { "/", "/" },
        { "/a", "/a" },
        { "/A", "/A" }, /* case counts in a path */
        { "//", "//" }, /* empty segments are names too */
        { "//a///b/", "//a///b/" },
        { "/a/./b", "/a/b" },
        { "/./", "/" },
        { "/.", "/" },
        { "/a/.", "/a/" },
        { "/a/..", "/" },
        { "/a/b/..", "/a/" },
        { "/a/../b", "/b" },
        { "/../../a", "/a" }, /* above the root there is only the root */
        { "/..", "/" },
        { "//../a", "/a" },
        { "/a//../b", "/a/b" },
        { "/...", "/..." },
        { "/.a/..b/c.", "/.a/..b/c." },
        { "/a/%2e/b", "/a/b" }, /* an encoded dot is a dot */
        { "/a/%2E%2e/b", "/b" },
        { "/a/.%2e/b", "/b" },
        { "/a%2fb", "/a%2Fb" }, /* an encoded slash is none */
        { "/a%2F..%2fb", "/a%2F..%2Fb" },
        { "/static/..%2faccount", "/static/..%2Faccount" },
        { "/a;p", "/a;p" },
        { "/a;p=1;q/b", "/a;p=1;q/b" },
        { "/a%3bp", "/a%3Bp" }, /* reserved ones mean something else when encoded */
        { "/%61%7E%7a%30%2d%5f", "/a~z0-_" },
        { "/%3c%3C", "/%3C%3C" },
        { "/a b", "/a%20b" },
        { "/a\"<>\\^`{|}", "/a%22%3C%3E%5C%5E%60%7B%7C%7D" },
        { "/[::1]", "/%5B::1%5D" },
        { "/\xc3\xa9", "/%C3%A9" },
        { "/%c3%A9", "/%C3%A9" },
        { "/!$&'()*+,;=:@", "/!$&'()*+,;=:@" },
        { "/%", "/%25" }, /* begins no encoding: is itself encoded */
        { "/%2", "/%252" },
        { "/%zz", "/%25zz" },
        { "/%%32%65", "/%252e" },
        { "/%252e%252e/a", "/%252e%252e/a" }, /* decoded once only */
        { "/%7f", "/%7F" },
        { "/%0a%0D", "/%0A%0D" },
        { "/account%0Ax.css", "/account%0Ax.css" },
        { "/%00", "!SYNTAX" },
        { "/a%00b", "!SYNTAX" },
        { "/a?b%00", "!SYNTAX" },
        { "/a#b", "!SYNTAX" },
        { "/a?b#c", "!SYNTAX" },
        { "/%23", "/%23" },
        { "/a\nb", "!SYNTAX" },
        { "/a\tb", "!SYNTAX" },
        { "/a\x7f", "!SYNTAX" },
        { "", "!SYNTAX" },
        { "*", "!SYNTAX" },
        { "a/b", "!SYNTAX" },
        { "?a", "!SYNTAX" },
        { "http://h/a", "!SYNTAX" },
    };

    (void)state;
    check_rows(rows, COUNT(rows));
    assert_string_equal(path_of(slice_of("/a\0b", 4)), "!SYNTAX");
}

/* RFC 3986 section 5.4: what follows the base "/b/c/" in each example. */
static void rfc3986_examples_of_dot_segments(void **state)
{
    static const struct row rows[] = {
        { "/b/c/g", "/b/c/g" },
        { "/b/c/./g", "/b/c/g" },
        { "/b/c/g/", "/b/c/g/" },
        { "/b/c/.", "/b/c/" },
        { "/b/c/./", "/b/c/" },
        { "/b/c/..", "/b/" },
        { "/b/c/../", "/b/" },
        { "/b/c/../g", "/b/g" },
        { "/b/c/../..", "/" },
        { "/b/c/../../", "/" },
        { "/b/c/../../g", "/g" },
        { "/b/c/../../../g", "/g" },
        { "/b/c/../../../../g", "/g" },
        { "/./g", "/g" },
        { "/../g", "/g" },
        { "/b/c/g.", "/b/c/g." },
        { "/b/c/.g", "/b/c/.g" },
        { "/b/c/g..", "/b/c/g.." },
        { "/b/c/..g", "/b/c/..g" },
        { "/b/c/./../g", "/b/g" },
        { "/b/c/./g/.", "/b/c/g/" },
        { "/b/c/g/./h", "/b/c/g/h" },
        { "/b/c/g/../h", "/b/c/h" },
        { "/b/c/g;x=1/./y", "/b/c/g;x=1/y" },
        { "/b/c/g;x=1/../y", "/b/c/y" },
        { "/a/b/c/./../../g", "/a/g" },                               /* 5.2.4 */
        { "/%7Efoo/../%62/./%7bfoo%7d?%7efoo", "/b/%7Bfoo%7D?~foo" }, /* after 6.2.2 */
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void rob_P5_the_query_is_kept(void **state)
{
    static const struct row rows[] = {
        { "/a?", "/a?" }, /* an empty query is one */
        { "/a?b=1&b=2", "/a?b=1&b=2" },
        { "/a?b=2&a=1&b=1", "/a?b=2&a=1&b=1" },
        { "/a?b;c", "/a?b;c" },
        { "/a?b?c", "/a?b?c" },
        { "/a?../b/./c", "/a?../b/./c" }, /* dots mean nothing here */
        { "/a/..?b/..", "/?b/.." },
        { "/a?x=%2f%3f", "/a?x=%2F%3F" },
        { "/a?x=%61+b", "/a?x=a+b" },
        { "/a?x=a b", "/a?x=a%20b" },
        { "/a?x=[1]", "/a?x=%5B1%5D" },
        { "/a?x=%", "/a?x=%25" },
        { "/a%3Fb", "/a%3Fb" }, /* an encoded question mark begins none */
    };

    (void)state;
    check_rows(rows, COUNT(rows));
}

static void paths_are_bounded(void **state)
{
    static char text[KEY_PATH_MAX + 2];
    struct buf out = BUF_EMPTY;

    (void)state;
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    assert_int_equal(key_path(&out, slice_of(text, KEY_PATH_MAX)), 0);
    assert_int_equal(out.len, KEY_PATH_MAX);
    buf_clear(&out);
    assert_int_equal(key_path(&out, slice_of(text, KEY_PATH_MAX + 1)), MESH_E_RANGE);
    /* Encoding makes it longer: its normal form has to fit too, or no peer would take it. */
    size_t n = (KEY_PATH_MAX - 1) / 3;
    memset(text + 1, ' ', n);
    assert_int_equal(key_path(&out, slice_of(text, 1 + n)), 0);
    assert_int_equal(out.len, 1 + 3 * n);
    buf_clear(&out);
    text[1 + n] = ' ';
    assert_int_equal(key_path(&out, slice_of(text, 2 + n)), MESH_E_RANGE);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

/* Random targets, thick with what normalising cares for. */
static struct slice random_target(struct rand *r, char *text, size_t max)
{
    static const char *const bits[] = { "/",   ".",   "..",  "/.",   "/..", "//", "%",   "%2",  "%2e",
                                        "%2E", "%2f", "%25", "%41",  "%c3", "?",  "a",   "Z",   ";",
                                        "=",   " ",   "[",   "\xff", "~",   "%7", "%7E", "%3f", "%20" };
    size_t len = 0, want = (size_t)rand_below(r, 12);

    text[len++] = '/';
    for (size_t i = 0; i < want; i++) {
        const char *bit = bits[rand_below(r, COUNT(bits))];
        if (len + strlen(bit) > max)
            break;
        memcpy(text + len, bit, strlen(bit));
        len += strlen(bit);
    }
    return slice_of(text, len);
}

static void check_normal(struct slice path)
{
    struct slice p = path, segment;
    bool query = false;

    for (size_t i = 0; i < path.len; i++) {
        assert_true(path.data[i] > 0x20 && path.data[i] < 0x7f && path.data[i] != '#');
        if (path.data[i] == '%')
            assert_true(i + 2 < path.len);
        if (path.data[i] == '?' && !query) {
            query = true;
            p = slice_head(path, i);
        }
    }
    while (slice_split(&p, '/', &segment))
        assert_false(slice_eq(segment, SLICE_LIT(".")) || slice_eq(segment, SLICE_LIT("..")));
}

static void a_normal_path_is_its_own_normal_form(void **state)
{
    struct rand r = rand_of(4711, 1, 1);
    struct buf once = BUF_EMPTY, twice = BUF_EMPTY;
    char text[64];
    unsigned good = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct slice target = random_target(&r, text, sizeof(text));
        buf_clear(&once);
        buf_clear(&twice);
        if (key_path(&once, target) != 0)
            continue;
        good++;
        assert_int_equal(once.data[0], '/');
        check_normal(buf_slice(&once));
        assert_int_equal(key_path(&twice, buf_slice(&once)), 0);
        if (!slice_eq(buf_slice(&once), buf_slice(&twice)))
            fail_msg("%.*s -> %.*s -> %.*s", SLICE_FMT(target), SLICE_FMT(buf_slice(&once)),
                     SLICE_FMT(buf_slice(&twice)));
    }
    assert_true(good > 150000);
    buf_free(&once);
    buf_free(&twice);
}

static void rob_P1_one_normal_host(void **state)
{
    static const struct row rows[] = {
        { "", "" },
        { "example.com", "example.com" },
        { "EXAMPLE.Com", "example.com" },
        { "example.com.", "example.com" },
        { "example.com:8080", "example.com" },
        { "example.com.:8080", "example.com" },
        { "example.com:", "example.com" },
        { "127.0.0.1:80", "127.0.0.1" },
        { "[2001:DB8::1]", "[2001:db8::1]" },
        { "[2001:DB8::1]:8443", "[2001:db8::1]" },
        { "x_y-z~", "x_y-z~" },
        { "example.com..", "!SYNTAX" },
        { ".", "!SYNTAX" },
        { "..", "!SYNTAX" },
        { "[::1", "!SYNTAX" },
        { "[::1]x", "!SYNTAX" },
        { "[::1].", "!SYNTAX" },
        { "a b", "!SYNTAX" },
        { "a/b", "!SYNTAX" },
        { "a@b", "!SYNTAX" },
        { "a\"b", "!SYNTAX" },
        { "a\x80", "!SYNTAX" },
        { "a\r\nb", "!SYNTAX" },
    };
    char text[300];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = BUF_EMPTY;
        int err = key_host(&out, slice_str(rows[i].target));
        snprintf(text, sizeof(text), "%.*s", SLICE_FMT(buf_slice(&out)));
        assert_string_equal(err == 0 ? text : "!SYNTAX", rows[i].normal);
        assert_true(err == 0 || out.len == 0);
        buf_free(&out);
    }
    struct buf out = BUF_EMPTY;
    memset(text, 'h', sizeof(text));
    assert_int_equal(key_host(&out, slice_of(text, 255)), 0);
    assert_int_equal(key_host(&out, slice_of(text, 256)), MESH_E_SYNTAX);
    assert_int_equal(key_host(&out, slice_of("a\0b", 3)), MESH_E_SYNTAX);
    assert_int_equal(out.len, 255);
    buf_free(&out);
}

static void a_normal_host_is_its_own_normal_form(void **state)
{
    static const char alphabet[] = "aZ.:[]1-_%/ ";
    struct rand r = rand_of(4711, 2, 1);

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct buf once = BUF_EMPTY, twice = BUF_EMPTY;
        char text[8];
        size_t len = (size_t)rand_below(&r, sizeof(text) + 1);
        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[rand_below(&r, sizeof(alphabet) - 1)];
        if (key_host(&once, slice_of(text, len)) == 0) {
            assert_int_equal(key_host(&twice, buf_slice(&once)), 0);
            assert_true(slice_eq(buf_slice(&once), buf_slice(&twice)));
        }
        buf_free(&once);
        buf_free(&twice);
    }
}

/* ---- where it is placed ---- */

static struct digest hash_of(const char *name, const char *host, const char *path, uint8_t salt0)
{
    struct mesh_params mesh = { .arc_bits = 18 };
    struct digest out;

    for (size_t i = 0; i < MESH_SALT_BYTES; i++)
        mesh.salt[i] = (uint8_t)(i + salt0);
    key_hash(&out, &mesh, slice_str(name), slice_str(host), slice_str(path));
    return out;
}

/* Made by hashlib.blake2b(b"hedgerow key 1" + name length + host length (8 bytes each,
 * big-endian) + name + host + path, key=bytes(range(32)), digest_size=32). */
static void feat_R4_keys_are_the_same_everywhere(void **state)
{
    (void)state;
    struct digest d = hash_of("default", "", "/a", 0);
    check_golden(SLICE_OF(d.bytes), "7e573e879a0e91abaf4395104be2586ba76dad53bef6902bd321927316353dca");
    d = hash_of("photos", "example.com", "/img/a%20b.png?x=1", 0);
    check_golden(SLICE_OF(d.bytes), "796d38ab6426126f2f4b742ceafa9e71421c629ee9e1db2042e13d7b95bc8a44");
}

static void every_part_of_a_key_counts(void **state)
{
    (void)state;
    struct digest d[] = {
        hash_of("default", "", "/a", 0), hash_of("default", "", "/a", 1), /* another mesh's salt */
        hash_of("default", "", "/A", 0), hash_of("default", "", "/a?", 0), hash_of("default", "", "/a/", 0),
        hash_of("default", "/", "a", 0), /* no part runs into the next */
        hash_of("default/", "", "a", 0), hash_of("defaul", "t", "/a", 0),  hash_of("default", "h", "/a", 0),
    };
    for (size_t i = 0; i < COUNT(d); i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(digest_eq(&d[i], &d[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rob_P4_one_normal_path),
        cmocka_unit_test(rfc3986_examples_of_dot_segments),
        cmocka_unit_test(rob_P5_the_query_is_kept),
        cmocka_unit_test(paths_are_bounded),
        cmocka_unit_test(a_normal_path_is_its_own_normal_form),
        cmocka_unit_test(rob_P1_one_normal_host),
        cmocka_unit_test(a_normal_host_is_its_own_normal_form),
        cmocka_unit_test(feat_R4_keys_are_the_same_everywhere),
        cmocka_unit_test(every_part_of_a_key_counts),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
