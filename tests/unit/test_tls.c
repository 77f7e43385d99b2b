/* TLS without sockets: a client and a server in memory, certificates that are right and wrong, and bytes that are not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/certificates.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ROOM       (64u << 10)

static struct made root, other_root, middle, site, star, by_middle, rsa, expired, early, self_made, address;
static struct buf why;

static struct tls_certs *certs_of(enum tls_policy policy, const struct tls_certs *before, size_t n,
                                  const struct made *const *made)
{
    struct tls_pem pems[8];

    for (size_t i = 0; i < n; i++)
        pems[i] = made_show(made[i]);
    buf_clear(&why);
    return tls_certs_new(pems, n, policy, before, (int64_t)time(NULL), &why);
}

static struct tls_certs *one(const struct made *m)
{
    struct tls_certs *certs = certs_of(TLS_INTERMEDIATE, NULL, 1, &m);

    assert_non_null(certs);
    return certs;
}

static struct tls_trust *trust_in(const struct made *m, enum tls_policy policy)
{
    struct tls_trust *trust = tls_trust_new(buf_slice(&m->chain), "root.crt", NULL, policy, &why);

    assert_non_null(trust);
    return trust;
}

/* ---- two ends ---- */

struct ends {
    struct tls *client, *server;
    struct buf to_client, to_server; /* plaintext that arrived */
    size_t step;                     /* ciphertext goes in pieces of so many bytes */
};

static bool carry(struct tls *from, struct tls *to, struct buf *plain, size_t step)
{
    struct slice out = slice_head(tls_out(from), step), rest = out;
    static uint8_t room[ROOM + (16u << 10)];

    if (out.len == 0)
        return false;
    buf_add(plain, room, tls_read(to, &rest, room, sizeof(room)));
    assert_int_equal(rest.len, 0);
    tls_sent(from, out.len);
    return true;
}

static void talk(struct ends *e)
{
    size_t step = e->step != 0 ? e->step : ROOM;
    bool more = true;

    while (more) {
        more = carry(e->client, e->server, &e->to_server, step);
        more = carry(e->server, e->client, &e->to_client, step) || more;
    }
}

static struct ends meet_for(struct tls_certs *certs, struct tls_trust *trust, const char *name, struct slice session,
                            size_t step)
{
    struct tls_want want = { slice_str(name), session };
    struct ends e = { .client = tls_client(trust, &want), .server = tls_server(certs), .step = step };

    assert_non_null(e.client);
    assert_non_null(e.server);
    talk(&e);
    return e;
}

static struct ends meet(struct tls_certs *certs, struct tls_trust *trust, const char *name)
{
    return meet_for(certs, trust, name, SLICE_EMPTY, 0);
}

static void part(struct ends *e)
{
    tls_free(e->client);
    tls_free(e->server);
    buf_free(&e->to_client);
    buf_free(&e->to_server);
}

static void say(struct ends *e, struct tls *from, const char *text)
{
    struct slice piece = slice_str(text);

    assert_int_equal(tls_write(from, &piece, 1), piece.len);
    talk(e);
}

static void check_open(struct ends *e)
{
    assert_int_equal(tls_state(e->client), TLS_OPEN);
    assert_int_equal(tls_state(e->server), TLS_OPEN);
}

static void check_text(struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->data, text, b->len);
    buf_clear(b);
}

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

/* ---- tests ---- */

static void test_both_versions_carry_bytes_both_ways_however_they_are_cut(void **state)
{
    static const size_t steps[] = { 1, 2, 3, 5, 7, 64, 333, 4096, ROOM };
    struct tls_certs *certs = one(&site);
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE);

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct ends e = meet_for(certs, trust, "example.com", SLICE_EMPTY, steps[i]);
        check_open(&e);
        assert_string_equal(tls_version(e.server), "TLSv1.3");
        assert_memory_equal(tls_cipher(e.server), "TLS_", 4);
        say(&e, e.client, "GET / HTTP/1.1\r\n\r\n");
        check_text(&e.to_server, "GET / HTTP/1.1\r\n\r\n");
        say(&e, e.server, "HTTP/1.1 200 OK\r\n\r\n");
        check_text(&e.to_client, "HTTP/1.1 200 OK\r\n\r\n");
        assert_false(tls_partial(e.server));
        part(&e);
    }
    tls_certs_unref(certs);
    tls_trust_unref(trust);
}

/* Cut at each byte of the client's first record once: what is there is partial, and then it goes on. */
static void test_a_record_that_is_not_whole_is_known_to_be_so(void **state)
{
    struct tls_certs *certs = one(&site);
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, "example.com");
    struct slice piece = SLICE_LIT("hello");
    uint8_t room[ROOM];

    (void)state;
    for (size_t cut = 1; cut < 27; cut++) {
        assert_int_equal(tls_write(e.client, &piece, 1), 5);
        struct slice out = tls_out(e.client), first = slice_head(out, cut), rest = slice_from(out, cut);
        assert_int_equal(out.len, 27); /* a header, five bytes, their kind, and a tag */
        assert_int_equal(tls_read(e.server, &first, room, sizeof(room)), 0);
        assert_true(tls_partial(e.server));
        assert_int_equal(tls_read(e.server, &rest, room, sizeof(room)), 5);
        assert_false(tls_partial(e.server));
        tls_sent(e.client, out.len);
    }
    check_open(&e);
    part(&e);
    tls_certs_unref(certs);
    tls_trust_unref(trust);
}

static void test_plaintext_is_taken_out_in_any_portions(void **state)
{
    struct tls_certs *certs = one(&site);
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, "example.com");
    struct slice pieces[] = { SLICE_LIT("head "), SLICE_EMPTY, SLICE_LIT("and body") };
    uint8_t room[4];

    (void)state;
    assert_int_equal(tls_write(e.client, pieces, 3), 13);
    assert_int_equal(tls_out(e.client).len, 5 + 13 + 1 + 16); /* one record */
    struct slice rest = tls_out(e.client);
    for (;;) {
        size_t n = tls_read(e.server, &rest, room, sizeof(room));
        buf_add(&e.to_server, room, n);
        if (n < sizeof(room))
            break;
    }
    assert_int_equal(rest.len, 0);
    check_text(&e.to_server, "head and body");
    part(&e);
    tls_certs_unref(certs);
    tls_trust_unref(trust);
}

static void test_a_megabyte_goes_through_and_no_more_waits_than_may(void **state)
{
    struct tls_certs *certs = one(&site);
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, "example.com");
    size_t total = 1u << 20, done = 0;
    uint8_t *body = malloc(total);

    (void)state;
    for (size_t i = 0; i < total; i++)
        body[i] = (uint8_t)(i * 31 + (i >> 9));
    while (done < total) {
        struct slice pieces[] = { slice_head(slice_of(body + done, total - done), 700),
                                  slice_from(slice_of(body + done, total - done), 700) };
        size_t n = tls_write(e.server, pieces, 2);
        assert_true(n > 0);
        assert_true(tls_out(e.server).len <= TLS_OUT_MAX + (17u << 10));
        done += n;
        assert_true(done == total || tls_write(e.server, pieces, 2) == 0); /* full: nothing is taken */
        talk(&e);
    }
    assert_int_equal(e.to_client.len, total);
    assert_memory_equal(e.to_client.data, body, total);
    free(body);
    part(&e);
    tls_certs_unref(certs);
    tls_trust_unref(trust);
}

static void test_a_clean_end_is_told_from_a_cut(void **state)
{
    struct tls_certs *certs = one(&site);
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, "example.com");
    struct slice more = SLICE_LIT("more");

    (void)state;
    say(&e, e.server, "half");
    assert_int_equal(tls_state(e.client), TLS_OPEN); /* a socket that ends now was cut */
    tls_close(e.server);
    assert_int_equal(tls_write(e.server, &more, 1), 0);
    talk(&e);
    assert_int_equal(tls_state(e.client), TLS_ENDED);
    check_text(&e.to_client, "half");
    say(&e, e.client, "still"); /* only one direction has ended */
    check_text(&e.to_server, "still");
    part(&e);
    tls_certs_unref(certs);
    tls_trust_unref(trust);
}

/* Whom the server shows to a client that asks for |name|: which of the made. */
static void check_pick(struct tls_certs *certs, const char *name, const struct made *shown)
{
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE), *none = trust_in(&other_root, TLS_INTERMEDIATE);
    struct ends e = meet(certs, trust, name), no = meet(certs, none, name);
    const char *const *at = NULL;

    (void)at;
    if (shown != NULL)
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
    check_pick(certs, "example.com", &site);
    check_pick(certs, "EXAMPLE.com", &site);
    check_pick(certs, "a.example.net", &star);
    check_pick(certs, "exact.example.net", &by_middle);
    check_pick(certs, "a.b.example.net", NULL); /* a wildcard is for one label */
    check_pick(certs, "example.net", NULL);
    check_pick(certs, "nobody.test", NULL);
    check_pick(certs, "192.0.2.7", NULL); /* an address is not asked for: the first is shown */
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

static void check_resumes(enum tls_policy client)
{
    const struct made *all[] = { &site };
    struct tls_certs *certs = one(&site), *next;
    struct tls_trust *trust = trust_in(&root, client);
    struct ends e = meet(certs, trust, "example.com");
    struct buf session = BUF_EMPTY;

    assert_false(tls_resumed(e.server));
    say(&e, e.server, "x");
    assert_true(tls_session(e.client, &session));
    part(&e);
    e = meet_for(certs, trust, "example.com", buf_slice(&session), 0);
    check_open(&e);
    assert_true(tls_resumed(e.server));
    assert_true(tls_resumed(e.client));
    part(&e);
    next = certs_of(TLS_INTERMEDIATE, certs, 1, all); /* as at a reload */
    tls_certs_unref(certs);
    e = meet_for(next, trust, "example.com", buf_slice(&session), 0);
    check_open(&e);
    assert_true(tls_resumed(e.server));
    part(&e);
    certs = one(&site); /* as after a restart: the ticket means nothing, and a full handshake follows */
    e = meet_for(certs, trust, "example.com", buf_slice(&session), 0);
    check_open(&e);
    assert_false(tls_resumed(e.server));
    part(&e);
    e = meet_for(certs, trust, "example.com", SLICE_LIT("what nobody wrote"), 0);
    check_open(&e);
    part(&e);
    tls_certs_unref(certs);
    tls_certs_unref(next);
    tls_trust_unref(trust);
    buf_free(&session);
}

static void test_sessions_resume_also_over_a_reload(void **state)
{
    (void)state;
    check_resumes(TLS_INTERMEDIATE);
    check_resumes(TLS_MODERN);
}

static void test_a_connection_keeps_the_set_that_it_began_with(void **state)
{
    struct tls_certs *certs = one(&site);
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE);
    struct tls_want want = { SLICE_LIT("example.com"), SLICE_EMPTY };
    struct ends e = { .client = tls_client(trust, &want), .server = tls_server(certs) };

    (void)state;
    tls_certs_unref(certs);
    tls_trust_unref(trust);
    talk(&e);
    check_open(&e);
    part(&e);
}

/* ---- another client, of which everything can be chosen ---- */

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

/* Each byte of a session changed once, on its way to the server: it breaks, or nothing was changed that counts. */
static void test_changed_bytes_never_come_through(void **state)
{
    struct tls_certs *certs = one(&site);
    struct tls_trust *trust = trust_in(&root, TLS_INTERMEDIATE);
    uint8_t room[ROOM];

    (void)state;
    for (size_t at = 0; at < 27; at++) {
        struct ends e = meet(certs, trust, "example.com");
        struct slice piece = SLICE_LIT("hello");
        uint8_t bytes[64];
        assert_int_equal(tls_write(e.client, &piece, 1), 5);
        struct slice out = tls_out(e.client), rest;
        memcpy(bytes, out.data, out.len);
        bytes[at] ^= 0x10;
        rest = slice_of(bytes, out.len);
        assert_int_equal(tls_read(e.server, &rest, room, sizeof(room)), 0);
        if (at == 3 || at == 4) /* a longer record: the rest never comes */
            assert_true(tls_state(e.server) == TLS_BROKEN || tls_partial(e.server));
        else
            assert_int_equal(tls_state(e.server), TLS_BROKEN);
        assert_int_equal(rest.len, 0);
        part(&e);
    }
    tls_certs_unref(certs);
    tls_trust_unref(trust);
}

static void test_garbage_breaks_at_once_and_stays_broken(void **state)
{
    static const char *const garbage[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x40\x01....",
                                           "\x16\x03\x01\x02\x00\x01\xff\xff\xff\x03\x03...................." };
    struct tls_certs *certs = one(&site);
    uint8_t room[ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        struct tls *server = tls_server(certs);
        uint8_t bytes[2000] = { 0 };
        memcpy(bytes, garbage[i], strlen(garbage[i]));
        struct slice rest = slice_of(bytes, sizeof(bytes));
        assert_int_equal(tls_read(server, &rest, room, sizeof(room)), 0);
        assert_int_equal(tls_state(server), TLS_BROKEN);
        assert_int_equal(tls_fault(server), TLS_FAULT_PROTOCOL);
        assert_true(strlen(tls_detail(server)) > 0);
        rest = slice_of(bytes, sizeof(bytes));
        assert_int_equal(tls_read(server, &rest, room, sizeof(room)), 0);
        rest = SLICE_LIT("x");
        assert_int_equal(tls_write(server, &rest, 1), 0);
        tls_free(server);
    }
    tls_certs_unref(certs);
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

static int make_all(void **state)
{
    struct make a = { .ca = true };

    (void)state;
    made_new(&root, &a);
    made_new(&other_root, &a);
    a.issuer = &root;
    made_new(&middle, &a);
    struct make how = { .names = NAMES("example.com", "www.example.com"), .issuer = &root };
    made_new(&site, &how);
    made_new(&self_made, &(struct make){ .names = how.names, .ca = true });
    made_new(&expired, &(struct make){ .names = how.names, .issuer = &root, .from_s = -7200, .until_s = -60 });
    made_new(&early, &(struct make){ .names = how.names, .issuer = &root, .from_s = 7200 });
    made_new(&star, &(struct make){ .names = NAMES("*.example.net"), .issuer = &root });
    made_new(&by_middle, &(struct make){ .names = NAMES("exact.example.net"), .issuer = &middle });
    made_new(&rsa, &(struct make){ .names = NAMES("rsa.example.com"), .issuer = &root, .rsa = true });
    made_new(&address, &(struct make){ .names = NAMES("#192.0.2.7"), .issuer = &root });
    return 0;
}

static int free_all(void **state)
{
    struct made *all[] = { &root, &other_root, &middle, &site,      &star,   &by_middle,
                           &rsa,  &expired,    &early,  &self_made, &address };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        made_free(all[i]);
    buf_free(&why);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_versions_carry_bytes_both_ways_however_they_are_cut),
        cmocka_unit_test(test_a_record_that_is_not_whole_is_known_to_be_so),
        cmocka_unit_test(test_plaintext_is_taken_out_in_any_portions),
        cmocka_unit_test(test_a_megabyte_goes_through_and_no_more_waits_than_may),
        cmocka_unit_test(test_a_clean_end_is_told_from_a_cut),
        cmocka_unit_test(test_the_name_chooses_exact_before_wildcard_before_the_first),
        cmocka_unit_test(test_an_exact_name_wins_though_the_wildcard_stands_first),
        cmocka_unit_test(test_each_kind_of_wrong_certificate_has_its_own_word),
        cmocka_unit_test(test_a_chain_without_its_middle_leads_nowhere),
        cmocka_unit_test(test_sessions_resume_also_over_a_reload),
        cmocka_unit_test(test_a_connection_keeps_the_set_that_it_began_with),
        cmocka_unit_test(test_feat_C21_a_client_shows_its_certificate_where_it_is_asked_for),
        cmocka_unit_test(test_policies_refuse_old_versions_and_cbc),
        cmocka_unit_test(test_feat_O2_ciphers_are_called_what_openssl_calls_them),
        cmocka_unit_test(test_of_two_kinds_of_key_the_one_that_the_viewer_knows),
        cmocka_unit_test(test_http_1_1_is_the_protocol_and_what_cannot_be_agreed_to_is_refused),
        cmocka_unit_test(test_changed_bytes_never_come_through),
        cmocka_unit_test(test_garbage_breaks_at_once_and_stays_broken),
        cmocka_unit_test(test_a_wrong_file_is_named_with_what_to_do),
        cmocka_unit_test(test_one_file_may_hold_both),
        cmocka_unit_test(test_one_that_has_expired_is_taken_with_a_warning),
        cmocka_unit_test(test_no_authorities_no_trust),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
