/* test_coding.c - which coding a request prefers, and which answers may have one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/core/coding.h"

static enum coding choose(const char *accept, unsigned off)
{
    struct fields f = { 0 };

    assert_int_equal(fields_add(&f, SLICE_LIT("Accept-Encoding"), slice_str(accept)), 0);
    return coding_choose(&f, off);
}

static void feat_R22_what_a_viewer_prefers(void **state)
{
    static const struct {
        const char *accept, *want;
    } rows[] = {
        { "", "identity" },
        { "gzip", "gzip" },
        { "br", "br" },
        { "zstd", "zstd" },
        { "x-gzip", "gzip" },
        { "GZip", "gzip" },
        { "identity", "identity" },
        { "deflate", "identity" },
        { "compress, deflate, sdch", "identity" },
        { "gzip, deflate, br, zstd", "br" }, /* browsers */
        { "gzip, deflate", "gzip" },
        { "gzip, zstd", "zstd" },
        { "*", "br" },
        { "gzip, *;q=0", "gzip" },
        { "br;q=0, *", "zstd" },
        { "*;q=0.5, gzip", "gzip" },
        { "*;q=0", "identity" },
        { "br;q=0", "identity" },
        { "gzip;q=0.5, br;q=0.4", "gzip" },
        { "gzip;q=0.001, br;q=0.002", "br" },
        { "gzip;q=1.000,br;q=0.999", "gzip" },
        { "br;q=0.5;gzip", "identity" },       /* no weight */
        { "br;q=1.001, gzip;q=0.1", "gzip" },  /* more than all */
        { "br;q=0.1234, gzip;q=0.1", "gzip" }, /* finer than there is */
        { "br;q=, gzip;q=0.1", "gzip" },
        { "br;q=x, gzip;q=0.1", "gzip" },
        { "br;level=9, gzip;q=0.1", "gzip" },
        { "br ; Q=0.2 , gzip\t;\tq=0.1", "br" },
        { "br;q = 0.2, gzip;q=0.1", "br" },
        { ",, gzip ,", "gzip" },
        { "gzip;q=0, gzip", "identity" },       /* the first time counts */
        { "identity, gzip;q=0.9", "identity" }, /* it likes the body as it is better */
        { "identity;q=0.5, gzip;q=0.5", "gzip" },
        { "identity;q=0, gzip", "gzip" },
        { "identity;q=0", "identity" }, /* nothing is allowed: as it is, is the least surprise */
        { "identity;q=0, *;q=0", "identity" },
        { "gzipped, brotli, z", "identity" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice name = coding_name(choose(rows[i].accept, 0));
        if (!slice_eq(name, slice_str(rows[i].want)))
            fail_msg("%s: %.*s, not %s", rows[i].accept, SLICE_FMT(name), rows[i].want);
    }
}

static void what_is_off_is_not_chosen(void **state)
{
    (void)state;
    assert_int_equal(choose("gzip, br, zstd", CODING_BIT(CODING_BR)), CODING_ZSTD);
    assert_int_equal(choose("gzip, br, zstd", CODING_BIT(CODING_BR) | CODING_BIT(CODING_ZSTD)), CODING_GZIP);
    assert_int_equal(choose("*", CODINGS_ALL), CODING_IDENTITY);
    assert_int_equal(choose("br", CODING_BIT(CODING_BR)), CODING_IDENTITY);
}

static void lines_are_one_list_and_none_is_no_wish(void **state)
{
    struct fields f = { 0 };

    (void)state;
    assert_int_equal(coding_choose(&f, 0), CODING_IDENTITY);
    assert_int_equal(coding_choose(NULL, 0), CODING_IDENTITY);
    fields_add(&f, SLICE_LIT("Accept-Encoding"), SLICE_LIT("gzip;q=0.5"));
    fields_add(&f, SLICE_LIT("accept-encoding"), SLICE_LIT("zstd;q=0.6, deflate"));
    assert_int_equal(coding_choose(&f, 0), CODING_ZSTD);
    fields_add(&f, SLICE_LIT("Cache-Control"), SLICE_LIT("no-cache, no-transform"));
    assert_int_equal(coding_choose(&f, 0), CODING_IDENTITY);
}

static void feat_R24_many_spellings_few_outcomes(void **state)
{
    static const char *const names[] = { "gzip", "br", "zstd", "deflate", "identity", "*", "x-gzip", "compress" };
    static const char *const weights[] = { "", ";q=0", ";q=0.3", "; q=0.8", ";q=1.0" };
    unsigned seen = 0, spellings = 0;
    char text[120];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < 8; k++) {
            for (size_t q = 0; q < 25; q++, spellings++) {
                snprintf(text, sizeof(text), "%s%s,%s%s", names[i], weights[q % 5], names[k], weights[q / 5]);
                seen |= CODING_BIT(choose(text, 0));
            }
        }
    }
    assert_true(spellings > 200);
    assert_int_equal(seen, CODINGS_ALL | CODING_BIT(CODING_IDENTITY));
}

/* ---- which answers ---- */

static struct head head;

static bool may(uint16_t status, const char *type, const char *name, const char *value)
{
    memset(&head, 0, sizeof(head));
    head.status = status;
    if (type != NULL)
        fields_add(&head.fields, SLICE_LIT("Content-Type"), slice_str(type));
    if (name != NULL)
        fields_add(&head.fields, slice_str(name), slice_str(value));
    return coding_head(&head);
}

static void feat_R22_lengths(void **state)
{
    (void)state;
    assert_false(coding_length(0));
    assert_false(coding_length(999));
    assert_true(coding_length(1000));
    assert_true(coding_length(10000000));
    assert_false(coding_length(10000001));
}

static void feat_R22_statuses_types_and_what_speaks_against(void **state)
{
    static const char *const good[] = { "text/html",
                                        "TEXT/HTML",
                                        "text/html; charset=utf-8",
                                        "text/css ;x=y",
                                        "application/json",
                                        "application/wasm",
                                        "image/svg+xml",
                                        "font/ttf",
                                        "application/manifest+json",
                                        "application/atom+xml",
                                        "vnd.apple.mpegurl",
                                        "application/dash+xml",
                                        "text/xml",
                                        "application/x-javascript" };
    static const char *const bad[] = { "image/png",
                                       "video/mp4",
                                       "application/octet-stream",
                                       "application/zip",
                                       "text/event-stream",
                                       "font/woff2",
                                       "",
                                       "text",
                                       "text/htm",
                                       "text/html5",
                                       "+json" };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!may(200, good[i], NULL, NULL))
            fail_msg("%s is not coded", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (may(200, bad[i], NULL, NULL))
            fail_msg("%s is coded", bad[i]);
    }
    assert_false(may(200, NULL, NULL, NULL));
    for (uint16_t status = 200; status < 600; status++)
        assert_int_equal(may(status, "text/html", NULL, NULL), status == 200 || status == 403 || status == 404);
    assert_true(may(200, "text/html", "Cache-Control", "public, max-age=5"));
    assert_false(may(200, "text/html", "Cache-Control", "public, No-Transform"));
    assert_false(may(200, "text/html", "content-encoding", "gzip"));
    assert_false(may(200, "text/html", "Content-Encoding", "identity"));
    assert_false(may(200, "text/html", "Content-Range", "bytes 0-999/1000"));
}

static void what_was_chosen_before_is_chosen_again(void **state)
{
    struct coding_memo m = { 0 };
    static const struct {
        const char *accepts, *control;
        enum coding coding;
    } rows[] = {
        { "gzip, br", NULL, CODING_BR },
        { "gzip, br", NULL, CODING_BR },
        { "gzip, br", "no-transform", CODING_IDENTITY },
        { "gzip, br", NULL, CODING_BR },
        { "gzip", NULL, CODING_GZIP },
        { NULL, NULL, CODING_IDENTITY },
        { "gzip", NULL, CODING_GZIP },
        { "", NULL, CODING_IDENTITY },
        { "gzip;q=0.1, zstd;q=0.2, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, CODING_ZSTD },
        { "gzip", NULL, CODING_GZIP },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fields f = { 0 };
        if (rows[i].accepts != NULL)
            fields_add(&f, SLICE_LIT("Accept-Encoding"), slice_str(rows[i].accepts));
        if (rows[i].control != NULL)
            fields_add(&f, SLICE_LIT("Cache-Control"), slice_str(rows[i].control));
        assert_int_equal(coding_choose_as_before(&m, &f, 0), rows[i].coding);
    }
    struct fields two = { 0 }; /* lines */
    fields_add(&two, SLICE_LIT("Accept-Encoding"), SLICE_LIT("gzip"));
    fields_add(&two, SLICE_LIT("Accept-Encoding"), SLICE_LIT("br"));
    assert_int_equal(coding_choose_as_before(&m, &two, 0), CODING_BR);
    assert_int_equal(coding_choose_as_before(&m, NULL, 0), CODING_IDENTITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_R22_what_a_viewer_prefers),
        cmocka_unit_test(what_is_off_is_not_chosen),
        cmocka_unit_test(lines_are_one_list_and_none_is_no_wish),
        cmocka_unit_test(feat_R24_many_spellings_few_outcomes),
        cmocka_unit_test(feat_R22_lengths),
        cmocka_unit_test(feat_R22_statuses_types_and_what_speaks_against),
        cmocka_unit_test(what_was_chosen_before_is_chosen_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
