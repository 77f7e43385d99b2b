/* Certificates of TLS: which one a name gets, who is refused and with what word, and files that are wrong. */
#include "tests/unit/tls_world.h"

/* ---- which one is shown ---- */

/* Is a client that asks for |name| shown a certificate that names it, and is issued by whom it trusts? */
static void check_pick(struct tls_certs *certs, const char *name, bool named)
{
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE), *none = trust_in(&other_root, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, name), no = meet(certs, none, name);

    if (named)
        check_open(&e);
    else
        assert_int_equal(tls_fault(e.client), TLS_FAULT_NAME);
    assert_int_equal(tls_fault(no.client), TLS_FAULT_ISSUER);
    part(&e);
    part(&no);
    tls_trust_unref(trust);
    tls_trust_unref(none);
}

static void test_the_name_chooses_exact_before_wildcard_before_the_first(void **state)
{
    const struct made *all[] = { &site, &star, &by_middle, &address };
    struct tls_certs *certs = certs_of(TLS_INTERMEDIATE, NULL, 4, all);

    (void)state;
    assert_int_equal(tls_certs_n(certs), 4);
    check_pick(certs, "example.com", true);
    check_pick(certs, "EXAMPLE.com", true);
    check_pick(certs, "a.example.net", true);
    check_pick(certs, "exact.example.net", true);
    check_pick(certs, "a.b.example.net", false); /* a wildcard is for one label */
    check_pick(certs, "example.net", false);
    check_pick(certs, "nobody.test", false);
    check_pick(certs, "192.0.2.7", false); /* an address is not asked for: the first is shown */
    tls_certs_unref(certs);
}

static void test_an_exact_name_wins_though_the_wildcard_stands_first(void **state)
{
    struct made exact;
    struct make how = { .names = NAMES("exact.example.net"), .issuer = &other_root };
    made_new(&exact, &how);
    const struct made *all[] = { &star, &exact };
    struct tls_certs *certs = certs_of(TLS_INTERMEDIATE, NULL, 2, all);
    struct tls_trust *trust = trust_in(&other_root, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, "exact.example.net"), no = meet(certs, trust, "other.example.net");

    (void)state;
    check_open(&e);
    assert_int_equal(tls_fault(no.client), TLS_FAULT_ISSUER); /* the wildcard's is of the root, not this one */
    part(&e);
    part(&no);
    tls_trust_unref(trust);
    tls_certs_unref(certs);
    made_free(&exact);
}

/* ---- who is refused ---- */

/* What the client holds against |made|'s certificate. */
static enum tls_fault refused_for(const struct made *made, const struct made *anchor, const char *name)
{
    struct tls_certs *certs = one(made);
    struct tls_trust *trust = trust_in(anchor, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, name);
    enum tls_fault fault = tls_fault(e.client);

    if (fault != TLS_FAULT_NONE) {
        assert_int_equal(tls_state(e.client), TLS_BROKEN);
        assert_int_equal(tls_state(e.server), TLS_BROKEN); /* it was told, and is not left waiting */
        assert_int_equal(tls_fault(e.server), TLS_FAULT_REFUSED);
    } else {
        check_open(&e);
    }
    part(&e);
    tls_certs_unref(certs);
    tls_trust_unref(trust);
    return fault;
}

static void test_each_kind_of_wrong_certificate_has_its_own_word(void **state)
{
    (void)state;
    assert_int_equal(refused_for(&site, &root, "example.com"), TLS_FAULT_NONE);
    assert_int_equal(refused_for(&rsa, &root, "rsa.example.com"), TLS_FAULT_NONE);
    assert_int_equal(refused_for(&by_middle, &root, "exact.example.net"), TLS_FAULT_NONE);
    assert_int_equal(refused_for(&address, &root, "192.0.2.7"), TLS_FAULT_NONE);
    assert_int_equal(refused_for(&address, &root, "192.0.2.8"), TLS_FAULT_NAME);
    assert_int_equal(refused_for(&site, &root, "other.com"), TLS_FAULT_NAME);
    assert_int_equal(refused_for(&expired, &root, "example.com"), TLS_FAULT_EXPIRED);
    assert_int_equal(refused_for(&early, &root, "example.com"), TLS_FAULT_NOT_YET);
    assert_int_equal(refused_for(&site, &other_root, "example.com"), TLS_FAULT_ISSUER);
    assert_int_equal(refused_for(&self_made, &root, "example.com"), TLS_FAULT_SELF_SIGNED);
    assert_int_equal(refused_for(&self_made, &self_made, "example.com"), TLS_FAULT_NONE);
    assert_true(strlen(tls_fault_text(TLS_FAULT_SELF_SIGNED)) > 10);
}

static void test_a_chain_without_its_middle_leads_nowhere(void **state)
{
    struct made leaf_only = by_middle;

    (void)state;
    leaf_only.chain = BUF_EMPTY;
    made_pem(&leaf_only.chain, by_middle.crt);
    assert_int_equal(refused_for(&leaf_only, &root, "exact.example.net"), TLS_FAULT_ISSUER);
    buf_free(&leaf_only.chain);
}

/* ---- files ---- */

static void check_refused(struct tls_pem pem, const char *words)
{
    buf_clear(&why);
    assert_null(tls_certs_new(&pem, 1, TLS_INTERMEDIATE, NULL, (int64_t)time(NULL), &why));
    buf_add_u8(&why, 0);
    if (strstr((const char *)why.data, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", (const char *)why.data, words);
}

static void test_a_wrong_file_is_named_with_what_to_do(void **state)
{
    struct tls_pem pem = made_show(&site);
    struct buf mixed = BUF_EMPTY;

    (void)state;
    pem.key = buf_slice(&star.pem_key);
    check_refused(pem, "site.key is not the key of the first certificate in site.crt");
    pem = made_show(&site);
    pem.chain = SLICE_LIT("nothing");
    check_refused(pem, "site.crt holds no certificate");
    pem.chain = SLICE_LIT("-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n");
    check_refused(pem, "site.crt: ");
    pem = made_show(&site);
    pem.key = buf_slice(&site.chain);
    check_refused(pem, "site.key holds no private key");
    pem.key = SLICE_LIT("-----BEGIN ENCRYPTED PRIVATE KEY-----\nbm90aGluZw==\n-----END ENCRYPTED PRIVATE KEY-----\n");
    check_refused(pem, "site.key is encrypted");
    pem = made_show(&site);
    buf_add_slice(&mixed, buf_slice(&site.chain));
    buf_add_slice(&mixed, buf_slice(&star.chain));
    pem.chain = buf_slice(&mixed);
    check_refused(pem, "no chain");
    buf_free(&mixed);
}

static void test_one_file_may_hold_both(void **state)
{
    struct tls_pem pem = made_show(&site);
    struct buf both = BUF_EMPTY;

    (void)state;
    buf_add_slice(&both, buf_slice(&site.chain));
    buf_add_slice(&both, buf_slice(&site.pem_key));
    pem.chain = pem.key = buf_slice(&both);
    buf_clear(&why);
    struct tls_certs *certs = tls_certs_new(&pem, 1, TLS_INTERMEDIATE, NULL, (int64_t)time(NULL), &why);
    assert_non_null(certs);
    assert_int_equal(why.len, 0);
    tls_certs_unref(certs);
    buf_free(&both);
}

static void test_one_that_has_expired_is_taken_with_a_warning(void **state)
{
    const struct made *all[] = { &expired, &site, &early };
    struct tls_certs *certs = certs_of(TLS_INTERMEDIATE, NULL, 3, all);

    (void)state;
    assert_non_null(certs);
    buf_add_u8(&why, 0);
    assert_non_null(strstr((const char *)why.data, "the certificate expired 20"));
    assert_non_null(strstr((const char *)why.data, "is not valid before 20"));
    tls_certs_unref(certs);
}

static void test_no_authorities_no_trust(void **state)
{
    (void)state;
    buf_clear(&why);
    assert_null(tls_trust_new(SLICE_LIT("nobody"), "ca.pem", NULL, TLS_INTERMEDIATE, &why));
    assert_memory_equal(why.data, "ca.pem holds no", 15);
    struct tls_pem client = made_show(&site);
    client.key = buf_slice(&star.pem_key);
    buf_clear(&why);
    assert_null(tls_trust_new(buf_slice(&root.chain), "ca.pem", &client, TLS_INTERMEDIATE, &why));
    assert_memory_equal(why.data, "site.key is not", 15);
}

/* ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_name_chooses_exact_before_wildcard_before_the_first),
        cmocka_unit_test(test_an_exact_name_wins_though_the_wildcard_stands_first),
        cmocka_unit_test(test_each_kind_of_wrong_certificate_has_its_own_word),
        cmocka_unit_test(test_a_chain_without_its_middle_leads_nowhere),
        cmocka_unit_test(test_a_wrong_file_is_named_with_what_to_do),
        cmocka_unit_test(test_one_file_may_hold_both),
        cmocka_unit_test(test_one_that_has_expired_is_taken_with_a_warning),
        cmocka_unit_test(test_no_authorities_no_trust),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
