/* test_upstream_key.c - which origins share connections, which do not, and what causes are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/dist/dist_make.h"
#include "node/io/cause.h"
#include "node/io/origin_files.h"
#include "node/io/upstream_key.h"

static struct dist_origin usual(void)
{
    struct dist_origin o;

    dist_origin_default(&o);
    o.scheme = DIST_ORIGIN_HTTPS;
    o.host = SLICE_LIT("origin.example");
    return o;
}

static bool shares(const struct dist_origin *a, const struct dist_origin *b)
{
    struct digest one, other;

    upstream_key(&one, a, upstream_https(a, false));
    upstream_key(&other, b, upstream_https(b, false));
    return digest_eq(&one, &other);
}

#define SHARES(expected, change)                 \
    do {                                         \
        struct dist_origin a = usual(), b = a;   \
        b.change;                                \
        assert_true(shares(&a, &b) == expected); \
    } while (0)

static void feat_C4_what_a_connection_depends_on(void **state)
{
    (void)state;
    SHARES(true, id = SLICE_LIT("another"));
    SHARES(true, prefix = SLICE_LIT("/production"));
    SHARES(true, attempts = 1);
    SHARES(true, response_timeout = SEC(1));
    SHARES(true, http_port = 81); /* it is asked over https */
    SHARES(true, tls_name = SLICE_LIT("origin.example"));
    SHARES(false, https_port = 444);
    SHARES(false, host = SLICE_LIT("origin.exampl"));
    SHARES(false, scheme = DIST_ORIGIN_HTTP);
    SHARES(false, tls_name = SLICE_LIT("other.example"));
    SHARES(false, tls_ca = SLICE_LIT("mine"));
    SHARES(false, tls_client = SLICE_LIT("mine"));
    SHARES(false, tls_min = DIST_TLS_1_3);
    SHARES(false, idle_timeout = SEC(6));
    SHARES(false, connections = 7);
}

/* What belongs to one text is never taken for the end of another. */
static void texts_are_framed(void **state)
{
    struct dist_origin a = usual(), b = a;

    (void)state;
    a.tls_name = b.tls_name = SLICE_LIT("n");
    a.tls_ca = SLICE_LIT("xy");
    a.tls_client = SLICE_LIT("z");
    b.tls_ca = SLICE_LIT("x");
    b.tls_client = SLICE_LIT("yz");
    assert_false(shares(&a, &b));
}

static void feat_C11_the_scheme_may_be_the_viewers(void **state)
{
    struct dist_origin o = usual();
    struct digest plain, secure;

    (void)state;
    assert_true(upstream_https(&o, false));
    o.scheme = DIST_ORIGIN_HTTP;
    assert_false(upstream_https(&o, true));
    o.scheme = DIST_ORIGIN_MATCH_VIEWER;
    assert_false(upstream_https(&o, false));
    assert_true(upstream_https(&o, true));
    assert_int_equal(upstream_port(&o, false), 80);
    assert_int_equal(upstream_port(&o, true), 443);
    upstream_key(&plain, &o, false);
    upstream_key(&secure, &o, true);
    assert_false(digest_eq(&plain, &secure));
}

static void feat_C18_no_two_causes_have_one_word(void **state)
{
    (void)state;
    for (int i = 0; i < CAUSES_N; i++) {
        assert_int_equal(strlen(cause_word((enum cause)i)) > 0, i != CAUSE_NONE);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(cause_word((enum cause)i), cause_word((enum cause)j));
        if (i != CAUSE_NONE && cause_details((enum cause)i) == NULL)
            assert_string_equal(cause_word((enum cause)i), proxy_error_token(cause_error((enum cause)i)));
    }
    assert_string_equal(cause_details(CAUSE_TLS_NAME), "certificate_for_another_name");
    assert_null(cause_details(CAUSE_REFUSED));
}

/* Each fault of TLS has a cause of its own. */
static void feat_C11_faults_have_causes(void **state)
{
    (void)state;
    for (int i = 1; i <= TLS_FAULT_NOMEM; i++) {
        for (int j = 1; j < i; j++)
            assert_int_not_equal(cause_of_tls((enum tls_fault)i), cause_of_tls((enum tls_fault)j));
    }
}

static void a_name_of_a_file_leads_nowhere_else(void **state)
{
    char long_name[ORIGIN_FILE_NAME_MAX + 1];

    memset(long_name, 'x', sizeof(long_name));
    (void)state;
    assert_true(origin_file_name_ok(SLICE_LIT("ca.pem")));
    assert_true(origin_file_name_ok(SLICE_LIT("A-1_b")));
    assert_true(origin_file_name_ok(slice_of(long_name, sizeof(long_name) - 1)));
    assert_false(origin_file_name_ok(SLICE_LIT(ORIGIN_CA_GIVEN)));
    assert_false(origin_file_name_ok(SLICE_LIT("")));
    assert_false(origin_file_name_ok(SLICE_LIT("..")));
    assert_false(origin_file_name_ok(SLICE_LIT(".hidden")));
    assert_false(origin_file_name_ok(SLICE_LIT("../x")));
    assert_false(origin_file_name_ok(SLICE_LIT("a/b")));
    assert_false(origin_file_name_ok(SLICE_LIT("a\0b")));
    assert_false(origin_file_name_ok(slice_of(long_name, sizeof(long_name))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C4_what_a_connection_depends_on),
        cmocka_unit_test(texts_are_framed),
        cmocka_unit_test(feat_C11_the_scheme_may_be_the_viewers),
        cmocka_unit_test(feat_C18_no_two_causes_have_one_word),
        cmocka_unit_test(feat_C11_faults_have_causes),
        cmocka_unit_test(a_name_of_a_file_leads_nowhere_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
