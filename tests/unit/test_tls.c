/* Connections of TLS: bytes however they are cut, ends, sessions that resume, and bytes that are wrong. */
#include <stdlib.h>

#include "tests/unit/tls_world.h"

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

/* ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_versions_carry_bytes_both_ways_however_they_are_cut),
        cmocka_unit_test(test_a_record_that_is_not_whole_is_known_to_be_so),
        cmocka_unit_test(test_plaintext_is_taken_out_in_any_portions),
        cmocka_unit_test(test_a_megabyte_goes_through_and_no_more_waits_than_may),
        cmocka_unit_test(test_a_clean_end_is_told_from_a_cut),
        cmocka_unit_test(test_sessions_resume_also_over_a_reload),
        cmocka_unit_test(test_a_connection_keeps_the_set_that_it_began_with),
        cmocka_unit_test(test_changed_bytes_never_come_through),
        cmocka_unit_test(test_garbage_breaks_at_once_and_stays_broken),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
