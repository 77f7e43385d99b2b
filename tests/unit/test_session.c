/* test_session.c - a session opens, carries frames, and ends when one of its sides breaks the rules. */
#include "session_pair.h"

/* ---- the common story ---- */

static void opens(bool ik)
{
    struct pair p = meet(ik);

    assert_int_equal(session_state(p.end[DIALLER]), SESSION_HANDSHAKE);
    assert_null(session_peer(p.end[DIALLER]));
    run(&p);
    check_open(&p);
    assert_true(session_dialled(p.end[DIALLER]));
    assert_false(session_dialled(p.end[RESPONDER]));
    assert_string_equal(session_peer(p.end[DIALLER])->name, "bob");
    assert_string_equal(session_peer(p.end[RESPONDER])->name, "ann");
    assert_true(slice_eq(session_peer_cert_raw(p.end[RESPONDER]), identity_cert(&ann)));
    assert_int_equal(session_peer_boot(p.end[DIALLER]).number, 2);
    assert_int_equal(session_peer_boot(p.end[RESPONDER]).salt, 1000);
    assert_int_equal(session_peer_port(p.end[RESPONDER]), 7001);

    say(p.end[DIALLER], MSG_ASK, 1, 10);
    say(p.end[RESPONDER], MSG_ANSWER, 3, 0);
    say(p.end[RESPONDER], 200, 5, RECORD_PLAIN_MAX - MSG_HEAD_BYTES); /* a type of the future is shown too */
    run(&p);
    assert_int_equal(p.frames[RESPONDER], 1);
    assert_int_equal(p.frames[DIALLER], 2);
    assert_int_equal(p.streams[DIALLER], 5);
    assert_int_equal(p.bytes[DIALLER], RECORD_PLAIN_MAX - MSG_HEAD_BYTES);
    check_open(&p);
    part(&p);
}

static void both_patterns_open_and_carry_frames(void **state)
{
    (void)state;
    opens(false);
    opens(true);
}

static void any_split_of_the_bytes_will_do(void **state)
{
    (void)state;
    for (int ik = 0; ik <= 1; ik++) {
        for (size_t chunk = 1; chunk < 700; chunk += chunk < 60 ? 1 : 13) {
            struct pair p = meet(ik);
            p.chunk = chunk;
            run(&p);
            check_open(&p);
            say(p.end[DIALLER], MSG_ASK, 7, 300);
            say(p.end[DIALLER], MSG_ASK, 8, 1);
            say(p.end[RESPONDER], MSG_ANSWER, 9, 5);
            run(&p);
            assert_int_equal(p.frames[RESPONDER], 2);
            assert_int_equal(p.bytes[RESPONDER], 301);
            assert_int_equal(p.frames[DIALLER], 1);
            part(&p);
        }
    }
}

static void output_waits_in_order_and_is_dropped_piece_by_piece(void **state)
{
    (void)state;
    struct pair p = meet(true);
    size_t total = 0;

    run(&p);
    for (uint32_t i = 1; i <= 200; i++) {
        size_t len = i * 37 % 5000;
        say(p.end[DIALLER], MSG_LEAF, i, len);
        total += len;
        if (i % 3 == 0) {
            p.chunk = i * 11;
            move(&p, DIALLER);
        }
    }
    assert_true(session_output(p.end[DIALLER]).len > total / 2);
    p.chunk = 4096;
    run(&p);
    assert_int_equal(p.frames[RESPONDER], 200);
    assert_int_equal(p.bytes[RESPONDER], total);
    assert_int_equal(session_output(p.end[DIALLER]).len, 0);
    check_open(&p);
    part(&p);
}

/* ---- peers that keep the seal and break the rules ---- */

struct liar {
    uint8_t was, is;
};

static void change_type(void *ctx, uint8_t *frame, size_t len)
{
    const struct liar *l = ctx;

    assert_true(len >= MSG_HEAD_BYTES);
    if (frame[0] == l->was)
        frame[0] = l->is;
}

static void a_frame_before_hello_ends_the_session(void **state)
{
    (void)state;
    struct liar liar = { MSG_HELLO, MSG_MEMBERS };
    struct session_config a = config(&ann, 1), b = config(&bob, 2);

    a.outgoing = change_type;
    a.ctx = &liar;
    struct pair p = pair_of(&a, &b, NULL);
    run(&p);
    check_closed(&p, RESPONDER, MESH_E_STATE, 0);
    part(&p);
}

static void in_the_open_session_hello_is_wrong_and_refuse_is_final(void **state)
{
    (void)state;
    struct pair p = meet(true);
    run(&p);
    struct buf *b = session_begin(p.end[DIALLER]);
    struct msg_hello hello = { .boot = { 1, 1 }, .port = 1 };
    assert_int_equal(msg_put_hello(b, &hello), 0);
    session_commit(p.end[DIALLER]);
    say(p.end[DIALLER], MSG_ASK, 1, 1);
    run(&p);
    check_closed(&p, RESPONDER, MESH_E_STATE, 0);
    assert_int_equal(p.frames[RESPONDER], 0);
    part(&p);

    p = meet(false);
    run(&p);
    b = session_begin(p.end[RESPONDER]);
    assert_int_equal(msg_put_refuse(b, REFUSE_REVOKED), 0);
    session_commit(p.end[RESPONDER]);
    run(&p);
    check_closed(&p, DIALLER, MESH_E_REFUSED, REFUSE_REVOKED);
    part(&p);
}

static void a_frame_too_short_for_its_head_is_malformed(void **state)
{
    (void)state;
    struct pair p = meet(true);
    run(&p);
    buf_add_str(session_begin(p.end[DIALLER]), "abc");
    session_commit(p.end[DIALLER]);
    run(&p);
    check_closed(&p, RESPONDER, MESH_E_SYNTAX, 0);
    part(&p);
}

static void features_changed_in_clear_are_noticed(void **state)
{
    (void)state;
    for (size_t at = 6; at < 10; at++) {
        struct pair p = meet(false);
        p.flip_at[RESPONDER] = at;
        p.flip = 0x10;
        run(&p);
        check_closed(&p, DIALLER, MESH_E_STATE, 0);
        part(&p);
    }
}

/* bob is of a later authority of the mesh, and knows both; ann knows only the first. */
static void an_unknown_authority_may_be_let_in_to_prove_itself_later(void **state)
{
    (void)state;
    struct authority next = authority;
    struct identity knowing = ann, young;

    authority_make_next(&next, &authority);
    memcpy(next.mesh.authorities[1], next.key, SIGN_KEY_BYTES);
    next.mesh.authorities_n = 2;
    young = admit(&next, "young", NOW - DAY, NOW + DAY);
    for (int ik = 0; ik < 2; ik++) {
        for (int probation = 0; probation < 2; probation++) {
            struct session_config a = config(&knowing, 1), b = config(&young, 2);
            knowing.mesh = ann.mesh;
            a.probation = probation != 0;
            struct pair p = pair_of(&a, &b, ik ? young.dh_key : NULL);
            run(&p);
            assert_string_equal(session_peer_name(p.end[DIALLER]), "young");
            if (!probation) {
                assert_int_equal(session_error(p.end[DIALLER]), MESH_E_SIGNATURE);
                assert_int_equal(session_refusal(p.end[RESPONDER]), REFUSE_CERTIFICATE);
                part(&p);
                continue;
            }
            assert_int_equal(session_state(p.end[DIALLER]), SESSION_OPEN);
            assert_true(session_unproven(p.end[DIALLER]));
            assert_false(session_unproven(p.end[RESPONDER]));
            assert_int_equal(session_prove(p.end[DIALLER], NOW), MESH_E_SIGNATURE);
            assert_true(session_unproven(p.end[DIALLER]));
            knowing.mesh = next.mesh; /* it has learnt of it */
            assert_int_equal(session_prove(p.end[DIALLER], NOW + 2 * DAY), MESH_E_EXPIRED);
            assert_int_equal(session_prove(p.end[DIALLER], NOW), 0);
            assert_false(session_unproven(p.end[DIALLER]));
            session_refuse(p.end[RESPONDER], MESH_E_REVOKED);
            assert_int_equal(session_state(p.end[RESPONDER]), SESSION_CLOSED);
            run(&p);
            assert_int_equal(session_error(p.end[DIALLER]), MESH_E_REFUSED);
            assert_int_equal(session_refusal(p.end[DIALLER]), REFUSE_REVOKED);
            part(&p);
        }
    }
}

/* Probation is for authorities only: whoever is of another mesh or shows a forged certificate stays out. */
static void probation_lets_no_stranger_in(void **state)
{
    (void)state;
    struct identity forged = bob, elsewhere = admit(&stranger, "far", NOW - DAY, NOW + DAY);
    struct session_config a = config(&ann, 1), b = config(&forged, 2), c = config(&elsewhere, 3);

    a.probation = true;
    forged.cert_raw[forged.cert_len - 1] ^= 1; /* by a known authority, but not signed by it */
    struct pair p = pair_of(&a, &b, NULL);
    run(&p);
    assert_int_equal(session_error(p.end[DIALLER]), MESH_E_SIGNATURE);
    part(&p);
    p = pair_of(&a, &c, NULL);
    run(&p);
    assert_int_equal(session_error(p.end[RESPONDER]), MESH_E_WRONG_MESH);
    part(&p);
}

/* AES-256-GCM needs both sides: what only one offers is not used. */
static void the_suite_is_one_that_both_have(void **state)
{
    const unsigned chacha = RECORD_SUITE_BIT(RECORD_CHACHA20_POLY1305);
    const unsigned both = chacha | RECORD_SUITE_BIT(RECORD_AES_256_GCM);

    (void)state;
    if (record_suites() != both)
        skip();
    for (unsigned i = 0; i < 4; i++) {
        struct session_config a = config(&ann, 1), b = config(&bob, 2);
        a.suites = (i & 1) != 0 ? 0 : chacha; /* 0: all */
        b.suites = (i & 2) != 0 ? both : chacha;
        struct pair p = pair_of(&a, &b, bob.dh_key);
        run(&p);
        for (int e = 0; e < 2; e++) {
            assert_int_equal(session_state(p.end[e]), SESSION_OPEN);
            assert_int_equal(session_suite(p.end[e]), i == 3 ? RECORD_AES_256_GCM : RECORD_CHACHA20_POLY1305);
        }
        part(&p);
    }
}

/* Whoever is on the way cannot talk the two into the other suite. What the dialler says is bound to
 * its first message: the two begin anew, and agree on what both have. The responder's word is in
 * clear when it comes, but then the two seal differently. */
static void a_suite_cannot_be_taken_away_on_the_way(void **state)
{
    (void)state;
    if ((record_suites() & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) == 0)
        skip();
    for (int from = 0; from < 2; from++) {
        struct pair p = meet(true);
        p.flip_at[from] = 9; /* the features' lowest byte */
        p.flip = FEATURE_AES_256_GCM;
        run(&p);
        if (from == DIALLER) {
            check_open(&p);
            assert_true(session_began_anew(p.end[DIALLER]));
            assert_int_equal(session_suite(p.end[DIALLER]), RECORD_AES_256_GCM);
            assert_int_equal(session_suite(p.end[RESPONDER]), RECORD_AES_256_GCM);
        } else {
            check_closed(&p, DIALLER, session_error(p.end[DIALLER]), 0);
            check_closed(&p, RESPONDER, MESH_E_SEAL, 0);
        }
        part(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_authority_may_be_let_in_to_prove_itself_later),
        cmocka_unit_test(probation_lets_no_stranger_in),
        cmocka_unit_test(both_patterns_open_and_carry_frames),
        cmocka_unit_test(any_split_of_the_bytes_will_do),
        cmocka_unit_test(output_waits_in_order_and_is_dropped_piece_by_piece),
        cmocka_unit_test(a_frame_before_hello_ends_the_session),
        cmocka_unit_test(in_the_open_session_hello_is_wrong_and_refuse_is_final),
        cmocka_unit_test(a_frame_too_short_for_its_head_is_malformed),
        cmocka_unit_test(features_changed_in_clear_are_noticed),
        cmocka_unit_test(the_suite_is_one_that_both_have),
        cmocka_unit_test(a_suite_cannot_be_taken_away_on_the_way),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
