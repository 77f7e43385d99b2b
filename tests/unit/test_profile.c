#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "node/sigv4/profile.h"
#include "proto/base/err.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char sound[] = "# made by hand\n"
                            "[default]\n"
                            "aws_access_key_id = AKIDONE\n"
                            "aws_secret_access_key=secret/+one=\r\n"
                            "region = eu-central-1\n"
                            "s3 =\n"
                            "    max_concurrent_requests = 20\n"
                            "    no sign in here\n"
                            "\n"
                            "; another\n"
                            "[ profile other ]  \n"
                            "AWS_ACCESS_KEY_ID=AKIDTWO\n"
                            "aws_secret_access_key\t=\tsecrettwo\n"
                            "aws_session_token = tok/en==\n"
                            "[last]\n"
                            "aws_access_key_id = AKIDTHREE\n"
                            "aws_secret_access_key = secretthree";

static void check(const char *name, const char *id, const char *secret, const char *token)
{
    struct buf why = BUF_EMPTY;
    struct profile p;
    size_t line;

    assert_int_equal(profile_read(&p, slice_str(sound), slice_str(name), &line, &why), 0);
    assert_true(slice_eq(slice_of(p.id, p.id_len), slice_str(id)));
    assert_true(slice_eq(slice_of(p.secret, p.secret_len), slice_str(secret)));
    assert_true(slice_eq(slice_of(p.token, p.token_len), slice_str(token)));
    assert_int_equal(why.len, 0);
    buf_free(&why);
    profile_wipe(&p);
    assert_int_equal(p.secret_len, 0);
}

static void feat_C3_a_profile_is_taken_out_of_a_file(void **state)
{
    (void)state;
    check("default", "AKIDONE", "secret/+one=", "");
    check("other", "AKIDTWO", "secrettwo", "tok/en==");
    check("last", "AKIDTHREE", "secretthree", "");
}

static void feat_C3_a_bad_file_is_refused_by_line_and_tells_no_secret(void **state)
{
    static const struct {
        const char *text;
        int err;
        size_t line;
        const char *why;
    } rows[] = {
        { "", MESH_E_ABSENT, 0, "no profile [p]" },
        { "[q]\naws_access_key_id=a\naws_secret_access_key=HUSH\n", MESH_E_ABSENT, 0, "no profile [p]" },
        { "[p]\naws_secret_access_key=HUSH\n", MESH_E_MISSING, 0, "no aws_access_key_id" },
        { "[p]\naws_access_key_id=a\n", MESH_E_MISSING, 0, "no aws_secret_access_key" },
        { "[p\naws_access_key_id=a\n", MESH_E_SYNTAX, 1, "bracket" },
        { "[p]\naws_access_key_id a\n", MESH_E_SYNTAX, 2, "neither" },
        { "\n\n[q]\nHUSH\n[p]\n", MESH_E_SYNTAX, 4, "neither" },
        { "[p]\naws_secret_access_key=HUSH\naws_secret_access_key=HUSH\n", MESH_E_SYNTAX, 3, "second time" },
        { "[p]\naws_access_key_id=a\naws_secret_access_key=HUSH\n[p]\n", MESH_E_SYNTAX, 4, "second time" },
        { "[p]\naws_access_key_id=\n", MESH_E_SYNTAX, 2, "visible" },
        { "[p]\naws_access_key_id=a\naws_secret_access_key=HU SH\n", MESH_E_SYNTAX, 3, "visible" },
        { "[p]\naws_access_key_id=a\naws_secret_access_key=HUSH\xc3\xa9\n", MESH_E_SYNTAX, 3, "visible" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf why = BUF_EMPTY;
        struct profile p;
        size_t line;
        assert_int_equal(profile_read(&p, slice_str(rows[i].text), SLICE_LIT("p"), &line, &why), rows[i].err);
        assert_int_equal(line, rows[i].line);
        buf_add_u8(&why, 0);
        assert_non_null(strstr((const char *)why.data, rows[i].why));
        assert_null(strstr((const char *)why.data, "HU"));
        assert_int_equal(p.secret_len, 0);
        assert_null(memchr(&p, 'H', sizeof(p))); /* nothing is left of it */
        buf_free(&why);
    }
}

static void values_and_files_are_bounded(void **state)
{
    struct buf text = BUF_EMPTY, why = BUF_EMPTY;
    struct profile p;
    size_t line;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        buf_clear(&text);
        buf_add_str(&text, "[p]\naws_access_key_id=a\naws_secret_access_key=");
        for (size_t i = 0; i < PROFILE_SECRET_MAX + extra; i++)
            buf_add_u8(&text, 'x');
        int err = profile_read(&p, buf_slice(&text), SLICE_LIT("p"), &line, &why);
        assert_int_equal(err, extra == 0 ? 0 : MESH_E_SYNTAX);
    }
    buf_clear(&text);
    memset(buf_reserve(&text, PROFILE_FILE_MAX + 1), '\n', PROFILE_FILE_MAX + 1);
    text.len = PROFILE_FILE_MAX + 1;
    assert_int_equal(profile_read(&p, buf_slice(&text), SLICE_LIT("p"), &line, &why), MESH_E_SYNTAX);
    buf_free(&text);
    buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C3_a_profile_is_taken_out_of_a_file),
        cmocka_unit_test(feat_C3_a_bad_file_is_refused_by_line_and_tells_no_secret),
        cmocka_unit_test(values_and_files_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
