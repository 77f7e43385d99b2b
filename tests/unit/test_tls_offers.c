/* TLS with another end, of which everything can be chosen: what it may offer, and what it may ask for. */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/tls_world.h"

/* ---- the other end ---- */

struct raw {
    gnutls_session_t session;
    gnutls_certificate_credentials_t cred;
    struct buf out;
    struct slice in;
};

static ssize_t raw_push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
    struct raw *r = ptr;

    buf_add(&r->out, data, len);
    return (ssize_t)len;
}

static ssize_t raw_pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
    struct raw *r = ptr;
    size_t n = len < r->in.len ? len : r->in.len;

    if (n == 0) {
        gnutls_transport_set_errno(r->session, EAGAIN);
        return -1;
    }
    memcpy(data, r->in.data, n);
    r->in = slice_from(r->in, n);
    return (ssize_t)n;
}

static int raw_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
    (void)ptr;
    (void)ms;
    return 1;
}

/* How the handshake of a client with |priority| ends for the server: its fault, and the version agreed to. */
static const char *raw_cipher; /* agreed to by the last that met */
static enum tls_fault raw_meet(struct tls_certs *certs, const char *priority, const char *alpn, const char **version)
{
    struct raw r = { .out = BUF_EMPTY };
    struct tls *server = tls_server(certs);
    uint8_t room[ROOM];
    int err = GNUTLS_E_AGAIN;

    assert_int_equal(gnutls_init(&r.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
    assert_int_equal(gnutls_priority_set_direct(r.session, priority, NULL), 0);
    gnutls_certificate_allocate_credentials(&r.cred);
    gnutls_credentials_set(r.session, GNUTLS_CRD_CERTIFICATE, r.cred);
    gnutls_transport_set_ptr(r.session, &r);
    gnutls_transport_set_push_function(r.session, raw_push);
    gnutls_transport_set_pull_function(r.session, raw_pull);
    gnutls_transport_set_pull_timeout_function(r.session, raw_timeout);
    if (alpn != NULL) {
        char name[16];
        snprintf(name, sizeof(name), "%s", alpn);
        gnutls_datum_t protocol = { (unsigned char *)name, (unsigned)strlen(name) };
        gnutls_alpn_set_protocols(r.session, &protocol, 1, 0);
    }
    for (int i = 0; i < 8 && tls_state(server) == TLS_HANDSHAKE; i++) {
        struct slice out = tls_out(server);
        r.in = out;
        if (err == GNUTLS_E_AGAIN)
            err = gnutls_handshake(r.session);
        tls_sent(server, out.len);
        struct slice rest = buf_slice(&r.out);
        tls_read(server, &rest, room, sizeof(room));
        buf_clear(&r.out);
    }
    enum tls_fault fault = tls_fault(server);
    *version = fault == TLS_FAULT_NONE ? tls_version(server) : NULL;
    raw_cipher = fault == TLS_FAULT_NONE ? tls_cipher(server) : NULL;
    assert_int_equal(tls_state(server), fault == TLS_FAULT_NONE ? TLS_OPEN : TLS_BROKEN);
    if (fault == TLS_FAULT_VERSION)
        assert_true(tls_out(server).len >= 7); /* an alert */
    gnutls_deinit(r.session);
    gnutls_certificate_free_credentials(r.cred);
    tls_free(server);
    buf_free(&r.out);
    return fault;
}

/* A server that asks for a certificate of |anchor|'s, and whether a client with |trust| gets through. */
static bool asked_for_certificate(const struct made *anchor, struct tls_trust *trust)
{
    struct raw r = { .out = BUF_EMPTY };
    struct tls_want want = { SLICE_LIT("example.com"), SLICE_EMPTY };
    struct tls *client = tls_client(trust, &want);
    uint8_t room[ROOM];
    int err = GNUTLS_E_AGAIN;

    assert_non_null(client);
    assert_int_equal(gnutls_init(&r.session, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
    gnutls_set_default_priority(r.session);
    gnutls_certificate_allocate_credentials(&r.cred);
    gnutls_certificate_set_x509_key(r.cred, (gnutls_x509_crt_t[]){ site.crt }, 1, site.key);
    gnutls_certificate_set_x509_trust(r.cred, (gnutls_x509_crt_t[]){ anchor->crt }, 1);
    gnutls_credentials_set(r.session, GNUTLS_CRD_CERTIFICATE, r.cred);
    gnutls_certificate_server_set_request(r.session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert(r.session, NULL, 0);
    gnutls_transport_set_ptr(r.session, &r);
    gnutls_transport_set_push_function(r.session, raw_push);
    gnutls_transport_set_pull_function(r.session, raw_pull);
    gnutls_transport_set_pull_timeout_function(r.session, raw_timeout);
    for (int i = 0; i < 8; i++) {
        struct slice out = tls_out(client);
        r.in = out;
        if (err == GNUTLS_E_AGAIN)
            err = gnutls_handshake(r.session);
        tls_sent(client, out.len);
        struct slice rest = buf_slice(&r.out);
        tls_read(client, &rest, room, sizeof(room));
        buf_clear(&r.out);
    }
    gnutls_deinit(r.session);
    gnutls_certificate_free_credentials(r.cred);
    tls_free(client);
    buf_free(&r.out);
    return err == 0;
}

/* ---- tests ---- */

static void test_feat_C21_a_client_shows_its_certificate_where_it_is_asked_for(void **state)
{
    struct tls_pem own = made_show(&by_middle);
    struct tls_trust *with = tls_trust_new(buf_slice(&root.chain), "ca.pem", &own, TLS_INTERMEDIATE, &why);
    struct tls_trust *without = trust_in(&root, TLS_INTERMEDIATE);

    (void)state;
    assert_non_null(with);
    assert_true(asked_for_certificate(&root, with));
    assert_false(asked_for_certificate(&other_root, with));
    assert_false(asked_for_certificate(&root, without));
    tls_trust_unref(with);
    tls_trust_unref(without);
}

static void test_policies_refuse_old_versions_and_cbc(void **state)
{
    static const char tls11[] = "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:%COMPAT";
    static const char cbc[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC";
    static const char key_exchange[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA";
    static const char gcm12[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    const struct made *all[] = { &site, &rsa };
    struct tls_certs *middle_set = certs_of(TLS_INTERMEDIATE, NULL, 2, all);
    struct tls_certs *modern = certs_of(TLS_MODERN, NULL, 2, all);
    const char *version;

    (void)state;
    assert_int_equal(raw_meet(middle_set, tls11, NULL, &version), TLS_FAULT_VERSION);
    assert_int_equal(raw_meet(middle_set, cbc, NULL, &version), TLS_FAULT_VERSION);
    assert_int_equal(raw_meet(middle_set, key_exchange, NULL, &version), TLS_FAULT_VERSION);
    assert_int_equal(raw_meet(middle_set, gcm12, NULL, &version), TLS_FAULT_NONE);
    assert_string_equal(version, "TLSv1.2");
    assert_int_equal(raw_meet(middle_set, "NORMAL", NULL, &version), TLS_FAULT_NONE);
    assert_string_equal(version, "TLSv1.3");
    assert_int_equal(raw_meet(modern, gcm12, NULL, &version), TLS_FAULT_VERSION);
    assert_int_equal(raw_meet(modern, "NORMAL", NULL, &version), TLS_FAULT_NONE);
    tls_certs_unref(middle_set);
    tls_certs_unref(modern);
}

static void test_feat_O2_ciphers_are_called_what_openssl_calls_them(void **state)
{
    static const struct {
        const char *priority, *want;
    } all[] = {
        { "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM", "TLS_AES_128_GCM_SHA256" },
        { "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM", "TLS_AES_256_GCM_SHA384" },
        { "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305", "TLS_CHACHA20_POLY1305_SHA256" },
#define TWO "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:-CIPHER-ALL:"
        { TWO "+ECDHE-RSA:+AES-128-GCM", "ECDHE-RSA-AES128-GCM-SHA256" },
        { TWO "+ECDHE-RSA:+AES-256-GCM", "ECDHE-RSA-AES256-GCM-SHA384" },
        { TWO "+ECDHE-RSA:+CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305" },
        { TWO "+ECDHE-ECDSA:+AES-128-GCM", "ECDHE-ECDSA-AES128-GCM-SHA256" },
        { TWO "+ECDHE-ECDSA:+AES-256-GCM", "ECDHE-ECDSA-AES256-GCM-SHA384" },
        { TWO "+ECDHE-ECDSA:+CHACHA20-POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305" },
#undef TWO
    };
    const struct made *kinds[] = { &site, &rsa };
    struct tls_certs *certs = certs_of(TLS_INTERMEDIATE, NULL, 2, kinds);
    const char *version;

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(raw_meet(certs, all[i].priority, NULL, &version), TLS_FAULT_NONE);
        assert_string_equal(raw_cipher, all[i].want);
    }
    tls_certs_unref(certs);
}

static void test_of_two_kinds_of_key_the_one_that_the_viewer_knows(void **state)
{
    const struct made *all[] = { &site, &rsa };
    struct tls_certs *certs = certs_of(TLS_INTERMEDIATE, NULL, 2, all);
    const char *version;

    (void)state;
    assert_int_equal(raw_meet(certs, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA", NULL, &version), 0);
    assert_int_equal(raw_meet(certs, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA", NULL, &version), 0);
    assert_int_equal(raw_meet(certs, "NORMAL:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256", NULL, &version), 0);
    tls_certs_unref(certs);
}

static void test_http_1_1_is_the_protocol_and_what_cannot_be_agreed_to_is_refused(void **state)
{
    struct tls_certs *certs = one(&site);
    const char *version;

    (void)state;
    assert_int_equal(raw_meet(certs, "NORMAL", "http/1.1", &version), TLS_FAULT_NONE);
    assert_int_not_equal(raw_meet(certs, "NORMAL", "h2", &version), TLS_FAULT_NONE);
    tls_certs_unref(certs);
}

/* ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feat_C21_a_client_shows_its_certificate_where_it_is_asked_for),
        cmocka_unit_test(test_policies_refuse_old_versions_and_cbc),
        cmocka_unit_test(test_feat_O2_ciphers_are_called_what_openssl_calls_them),
        cmocka_unit_test(test_of_two_kinds_of_key_the_one_that_the_viewer_knows),
        cmocka_unit_test(test_http_1_1_is_the_protocol_and_what_cannot_be_agreed_to_is_refused),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
