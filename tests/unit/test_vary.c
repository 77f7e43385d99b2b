/* Which requests a stored answer is for, and what of a viewer's fields goes along with a fetch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "field_lines.h"
#include "node/core/forward.h"
#include "node/core/vary.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/wire.h"

static bool same(const char *vary, const char *a, const char *b)
{
    struct digest x, y;
    struct fields *response = fields_of(vary);

    vary_digest(&x, response, fields_of(a));
    vary_digest(&y, response, fields_of(b));
    return digest_eq(&x, &y);
}

static void feat_R25_named_fields_tell_requests_apart(void **state)
{
    static const struct {
        const char *vary, *a, *b;
        bool same;
    } rows[] = {
        { "Vary: Foo\n", "Foo: 1\n", "Foo: 1\nBar: 2\n", true },
        { "Vary: Foo\n", "Foo: 1\n", "foo: 1\n", true },
        { "Vary: Foo\n", "Foo: 1\n", "Foo: 2\n", false },
        { "Vary: Foo\n", "Foo: 1\n", "", false },
        { "Vary: Foo\n", "Foo: \n", "", false }, /* being there and saying nothing is something */
        { "Vary: Foo\n", "", "Bar: 1\n", true },
        { "Vary: Foo, Bar\n", "Foo: 1\nBar: 2\n", "Bar: 2\nFoo: 1\n", true },
        { "Vary: Foo, Bar\n", "Foo: 1\nBar: 2\n", "Foo: 1\nBar: 3\n", false },
        { "Vary: Foo\nVary: Bar\n", "Foo: 1\nBar: 2\n", "Foo: 1\nBar: 3\n", false },
        { "Vary: Foo, Bar\n", "Foo: 1\n", "Bar: 1\n", false },
        /* one list, however it is written */
        { "Vary: Foo\n", "Foo: 1, 2\n", "Foo: 1\nFoo:  2\n", true },
        { "Vary: Foo\n", "Foo: 1,2\n", "Foo: 1 , 2\n", true },
        { "Vary: Foo\n", "Foo: 1, 2\n", "Foo: 12\n", false },
        { "Vary: Foo\n", "Foo: 1, 2\n", "Foo: 2, 1\n", false },
        { "Vary: Foo, Bar\n", "Foo: 1, 2\nBar: 3\n", "Foo: 1\nBar: 2, 3\n", false },
        /* languages */
        { "Vary: Accept-Language\n", "Accept-Language: en, de\n", "Accept-Language: DE,  EN\n", true },
        { "Vary: Accept-Language\n", "Accept-Language: en;q=0.5, de\n", "Accept-Language: de, en; q=0.50\n", true },
        { "Vary: Accept-Language\n", "Accept-Language: en;q=0.5, de\n", "Accept-Language: de;q=0.5, en\n", false },
        { "Vary: Accept-Language\n", "Accept-Language: en;q=0.5\n", "Accept-Language: en;q=0.51\n", false },
        { "Vary: Accept-Language\n", "Accept-Language: en\n", "Accept-Language: en-gb\n", false },
        { "Vary: Accept-Language\n", "Accept-Language: en;level=1, de\n", "Accept-Language: de, en;level=1\n", false },
        { "Vary: Accept-Language\n", "Accept-Language: en;q=2, de\n", "Accept-Language: de, en;q=2\n", false },
        /* what an origin is not shown cannot matter to it */
        { "Vary: Accept-Encoding\n", "Accept-Encoding: gzip\n", "Accept-Encoding: br\n", true },
        { "Vary: Cookie\n", "Cookie: a=b\n", "", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (same(rows[i].vary, rows[i].a, rows[i].b) != rows[i].same)
            fail_msg("row %zu: %s %s | %s", i, rows[i].vary, rows[i].a, rows[i].b);
    }
    assert_true(vary_names(fields_of("Vary: a\n")) && !vary_names(fields_of("Vary: ,\nX: 1\n")));
}

static void more_languages_than_are_sorted(void **state)
{
    char a[400] = "Accept-Language: ", b[400] = "Accept-Language: ";

    (void)state;
    for (int i = 0; i < 17; i++) {
        snprintf(a + strlen(a), 20, "x%d, ", i);
        snprintf(b + strlen(b), 20, "x%d, ", 16 - i);
    }
    assert_true(same("Vary: Accept-Language\n", a, a));
    assert_false(same("Vary: Accept-Language\n", a, b)); /* taken as it is written */
}

static const char *text_of(const struct forward *f)
{
    static char text[600];

    text[0] = '\0';
    for (size_t i = 0; i < f->fields.n; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s: %.*s|", SLICE_FMT(f->fields.at[i].name),
                 SLICE_FMT(f->fields.at[i].value));
    return text;
}

static void rob_P2_what_goes_along(void **state)
{
    static const char lines[] =
        "Host: h\nUser-Agent: me\nAccept: text/html\nAccept: image/png\nCookie: a=b\nAuthorization: Basic x\n"
        "Accept-Encoding: br\nRange: bytes=0-1\nIf-None-Match: *\nIf-Range: \"1\"\nConnection: x-hop, close\nX-Hop: 1\n"
        "TE: trailers\nContent-Length: 3\nTransfer-Encoding: chunked\nExpect: 100-continue\nX-Forwarded-Host: evil\n"
        "Forwarded: for=1\nX-Original-URL: /admin\nX-HTTP-Method-Override: PUT\nMax-Forwards: 3\nX-Request-Id: 1\n"
        "Via: 1.1 before\nCDN-Loop: other\nX-Mine: \n";
    struct forward *shared = forward_of(fields_of(lines), FORWARD_SHARED, NULL),
                   *alone = forward_of(fields_of(lines), FORWARD_ALONE, NULL), *back;

    (void)state;
    assert_string_equal(text_of(shared), "User-Agent: me|Accept: text/html|Accept: image/png|Via: 1.1 before|"
                                         "CDN-Loop: other|X-Mine: |");
    assert_int_equal(forward_read(&back, NULL, shared->raw), 0);
    assert_string_equal(text_of(back), text_of(shared));
    assert_ptr_equal(forward_ref(back), back);
    forward_unref(back);
    forward_unref(back);
    assert_string_equal(text_of(alone),
                        "User-Agent: me|Accept: text/html|Accept: image/png|Cookie: a=b|"
                        "Authorization: Basic x|Accept-Encoding: br|Via: 1.1 before|CDN-Loop: other|X-Mine: |");
    assert_int_equal(forward_read(&back, NULL, alone->raw), MESH_E_SYNTAX); /* no peer may bring that */
    forward_unref(shared);
    forward_unref(alone);
    struct forward *none = forward_of(NULL, FORWARD_SHARED, NULL);
    assert_int_equal(none->fields.n, 0);
    forward_unref(none);
    assert_null(forward_ref(NULL));
    forward_unref(NULL);
}

static int reads(const char *const *parts, size_t n)
{
    struct buf b = BUF_EMPTY;
    struct forward *f = NULL;

    wire_put_map(&b, 1);
    wire_put_u64(&b, 1);
    wire_put_array(&b, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        wire_put_bin(&b, slice_str(parts[i]));
    int err = forward_read(&f, NULL, buf_slice(&b));
    forward_unref(f);
    buf_free(&b);
    return err;
}

static void what_peers_may_not_say(void **state)
{
    static const char *const fine[] = { "X", "1" }, *const odd[] = { "X" }, *const name[] = { "X Y", "1" },
                             *const value[] = { "X", "1\r\nEvil: 2" }, *const host[] = { "Host", "evil" },
                             *const empty[] = { "", "1" };
    static const char *many[2 * (FIELDS_MAX + 1)];
    struct forward *f;
    uint8_t *big = calloc(1, FORWARD_BYTES_MAX + 1);

    (void)state;
    assert_int_equal(reads(fine, 2), 0);
    assert_int_equal(reads(odd, 1), MESH_E_SYNTAX);
    assert_int_equal(reads(name, 2), MESH_E_SYNTAX);
    assert_int_equal(reads(empty, 2), MESH_E_SYNTAX);
    assert_int_equal(reads(value, 2), MESH_E_SYNTAX);
    assert_int_equal(reads(host, 2), MESH_E_SYNTAX);
    for (size_t i = 0; i < 2 * (FIELDS_MAX + 1); i++)
        many[i] = "x";
    assert_int_equal(reads(many, 2 * FIELDS_MAX), 0);
    assert_int_equal(reads(many, 2 * FIELDS_MAX + 2), MESH_E_SYNTAX);
    assert_int_equal(forward_read(&f, NULL, slice_of(big, FORWARD_BYTES_MAX + 1)), MESH_E_RANGE);
    assert_true(forward_read(&f, NULL, SLICE_LIT("\x80")) < 0);
    assert_true(forward_read(&f, NULL, SLICE_EMPTY) < 0);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_R25_named_fields_tell_requests_apart),
        cmocka_unit_test(more_languages_than_are_sorted),
        cmocka_unit_test(rob_P2_what_goes_along),
        cmocka_unit_test(what_peers_may_not_say),
    };

    assert_int_equal(crypto_start(), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
