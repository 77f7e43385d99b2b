/* test_session_refusal.c - who may not come in is told why, and bytes that somebody changed end the session. */
#include "session_pair.h"

/* ---- refusals, by name and on both sides ---- */

static int revoked(void *ctx, const struct cert *cert)
{
    return strcmp(cert->name, ctx) == 0 ? MESH_E_REVOKED : 0;
}

/* |bad| meets bob, dialling and answering, with either pattern. */
static void refused_everywhere(const struct identity *bad, int err, unsigned refusal)
{
    for (int side = 0; side <= 1; side++) {
        for (int ik = 0; ik <= 1; ik++) {
            struct session_config b = config(bad, 1), good = config(&bob, 2);
            char name[] = "revoked";
            good.judge = revoked;
            good.ctx = name;
            struct pair p = side == DIALLER ? pair_of(&b, &good, ik ? bob.dh_key : NULL)
                                            : pair_of(&good, &b, ik ? bad->dh_key : NULL);
            run(&p);
            check_closed(&p, side, MESH_E_REFUSED, refusal);
            check_closed(&p, 1 - side, err, refusal);
            assert_null(session_peer(p.end[1 - side]));
            part(&p);
        }
    }
}

static void rob_M2_bad_certificates_are_refused_by_name_on_both_sides(void **state)
{
    (void)state;
    struct identity id = admit(&authority, "old", NOW - 9 * DAY, NOW - DAY);
    refused_everywhere(&id, MESH_E_EXPIRED, REFUSE_EXPIRED);

    id = admit(&authority, "early", NOW + DAY, NOW + 9 * DAY);
    refused_everywhere(&id, MESH_E_NOT_YET, REFUSE_NOT_YET);

    id = admit(&authority, "revoked", NOW - DAY, NOW + DAY);
    refused_everywhere(&id, MESH_E_REVOKED, REFUSE_REVOKED);

    /* It pretends to be of our mesh, with another mesh's certificate. */
    id = admit(&stranger, "guest", NOW - DAY, NOW + DAY);
    id.mesh = authority.mesh;
    refused_everywhere(&id, MESH_E_WRONG_MESH, REFUSE_WRONG_MESH);

    /* A certificate of our mesh, signed by somebody else. */
    struct authority forger = stranger;
    forger.mesh.id = authority.mesh.id;
    id = admit(&forger, "forged", NOW - DAY, NOW + DAY);
    id.mesh = authority.mesh;
    refused_everywhere(&id, MESH_E_SIGNATURE, REFUSE_CERTIFICATE);

    /* Ann's certificate, which anyone can have, without Ann's key. */
    id = admit(&authority, "thief", NOW - DAY, NOW + DAY);
    memcpy(id.cert_raw, ann.cert_raw, ann.cert_len);
    id.cert_len = ann.cert_len;
    refused_everywhere(&id, MESH_E_SIGNATURE, REFUSE_CERTIFICATE);

    /* No certificate at all is what a dialler shows that is about to refuse: but it must. */
    id = admit(&authority, "mute", NOW - DAY, NOW + DAY);
    id.cert_len = 0;
    struct session_config mute = config(&id, 1), good = config(&bob, 2);
    struct pair p = pair_of(&mute, &good, NULL);
    run(&p);
    check_closed(&p, RESPONDER, MESH_E_MISSING, REFUSE_CERTIFICATE);
    check_closed(&p, DIALLER, MESH_E_REFUSED, REFUSE_CERTIFICATE);
    part(&p);
}

static void a_node_does_not_talk_to_itself(void **state)
{
    (void)state;
    for (int ik = 0; ik <= 1; ik++) {
        struct session_config a = config(&ann, 1);
        struct pair p = pair_of(&a, &a, ik ? ann.dh_key : NULL);
        run(&p);
        /* The dialler sees the certificate first in XX; in IK both see it. */
        check_closed(&p, DIALLER, MESH_E_EXISTS, REFUSE_SELF);
        check_closed(&p, RESPONDER, ik ? MESH_E_EXISTS : MESH_E_REFUSED, REFUSE_SELF);
        part(&p);
    }
}

static void rob_M2_another_mesh_is_refused_before_any_key(void **state)
{
    (void)state;
    struct identity id = admit(&stranger, "guest", NOW - DAY, NOW + DAY);

    for (int ik = 0; ik <= 1; ik++) {
        struct session_config a = config(&id, 1), b = config(&bob, 2);
        struct pair p = pair_of(&a, &b, ik ? bob.dh_key : NULL);
        run(&p);
        check_closed(&p, DIALLER, MESH_E_REFUSED, REFUSE_WRONG_MESH);
        check_closed(&p, RESPONDER, MESH_E_WRONG_MESH, REFUSE_WRONG_MESH);
        assert_int_equal(p.moved[RESPONDER], PREAMBLE_BYTES);
        part(&p);
    }
}

static void other_parameters_are_refused_by_both(void **state)
{
    (void)state;
    struct identity id = admit(&authority, "salty", NOW - DAY, NOW + DAY);
    id.mesh.salt[0] ^= 1;

    for (int ik = 0; ik <= 1; ik++) {
        struct session_config a = config(&id, 1), b = config(&bob, 2);
        struct pair p = pair_of(&a, &b, ik ? bob.dh_key : NULL);
        run(&p);
        for (int end = 0; end <= 1; end++) {
            assert_int_equal(session_state(p.end[end]), SESSION_CLOSED);
            assert_int_equal(session_refusal(p.end[end]), REFUSE_PARAMS);
        }
        part(&p);
    }
}

static void a_stale_pinned_key_leads_to_xx_on_the_same_connection(void **state)
{
    (void)state;
    struct session_config a = config(&ann, 1), b = config(&bob, 2);
    struct identity former = admit(&authority, "bob", NOW - DAY, NOW + DAY);

    for (size_t chunk = 0; chunk < 200; chunk += 67) {
        struct pair p = pair_of(&a, &b, former.dh_key);
        p.chunk = chunk;
        run(&p);
        check_open(&p);
        assert_true(session_began_anew(p.end[DIALLER]) && session_began_anew(p.end[RESPONDER]));
        assert_true(node_id_eq(&session_peer(p.end[DIALLER])->id, &bob.cert.id)); /* proven, whatever was pinned */
        say(p.end[DIALLER], MSG_ASK, 1, 10);
        run(&p);
        assert_int_equal(p.frames[RESPONDER], 1);
        part(&p);
    }
    struct pair p = meet(true);
    run(&p);
    assert_false(session_began_anew(p.end[DIALLER]) || session_began_anew(p.end[RESPONDER]));
    part(&p);
}

static void beginning_anew_happens_once_and_only_from_ik(void **state)
{
    (void)state;
    struct session_config a = config(&ann, 1);
    struct preamble pre = {
        .version = PROTOCOL_VERSION, .pattern = PREAMBLE_AGAIN, .features = AGAIN_XX, .mesh = ann.mesh.id
    };
    struct buf again = BUF_EMPTY;

    preamble_put(&again, &pre);
    struct session *s = session_dial(&a, bob.dh_key);
    assert_int_equal(session_recv(s, NOW, buf_slice(&again)), 0);
    assert_int_equal(session_state(s), SESSION_HANDSHAKE);
    assert_int_equal(session_recv(s, NOW, buf_slice(&again)), MESH_E_SYNTAX);
    session_free(s);
    s = session_dial(&a, NULL);
    assert_int_equal(session_recv(s, NOW, buf_slice(&again)), MESH_E_SYNTAX);
    session_free(s);

    pre.features = AGAIN_XX + 1; /* for a reason of the future */
    buf_clear(&again);
    preamble_put(&again, &pre);
    s = session_dial(&a, bob.dh_key);
    assert_int_equal(session_recv(s, NOW, buf_slice(&again)), MESH_E_SYNTAX);
    session_free(s);
    buf_free(&again);
}

/* A dialler that never opens anything is refused by name at the second try. */
static void a_second_first_message_that_does_not_open_is_refused(void **state)
{
    (void)state;
    struct session_config a = config(&ann, 1), b = config(&bob, 2);
    struct identity former = admit(&authority, "bob", NOW - DAY, NOW + DAY);
    struct session *s = session_accept(&b);

    for (int i = 0; i < 2; i++) {
        struct session *dialler = session_dial(&a, former.dh_key);
        assert_int_equal(session_recv(s, NOW, session_output(dialler)), i == 0 ? 0 : MESH_E_SEAL);
        session_free(dialler);
    }
    assert_int_equal(session_refusal(s), REFUSE_CERTIFICATE);
    assert_int_equal(session_output(s).len, 2 * PREAMBLE_BYTES);
    session_free(s);
}

static void another_version_is_refused_by_name(void **state)
{
    (void)state;
    struct session_config a = config(&ann, 1), b = config(&bob, 2);
    struct pair p = pair_of(&a, &b, NULL);
    struct buf future = BUF_EMPTY;

    struct preamble pre = { .version = PROTOCOL_VERSION + 1, .pattern = 9, .features = 77, .mesh = ann.mesh.id };
    preamble_put(&future, &pre);
    assert_int_equal(session_recv(p.end[RESPONDER], NOW, buf_slice(&future)), MESH_E_VERSION);
    check_closed(&p, RESPONDER, MESH_E_VERSION, REFUSE_VERSION);
    move(&p, RESPONDER); /* a dialler reads it, of whatever version */
    check_closed(&p, DIALLER, MESH_E_REFUSED, REFUSE_VERSION);
    part(&p);

    p = pair_of(&a, &b, NULL);
    assert_int_equal(session_recv(p.end[DIALLER], NOW, buf_slice(&future)), MESH_E_VERSION);
    check_closed(&p, DIALLER, MESH_E_VERSION, REFUSE_VERSION);
    part(&p);

    p = pair_of(&a, &b, NULL);
    buf_clear(&future);
    pre.pattern = PREAMBLE_REFUSED;
    pre.features = REFUSE_BUSY;
    preamble_put(&future, &pre);
    assert_int_equal(session_recv(p.end[DIALLER], NOW, buf_slice(&future)), MESH_E_REFUSED);
    check_closed(&p, DIALLER, MESH_E_REFUSED, REFUSE_BUSY);
    part(&p);
    buf_free(&future);
}

/* ---- bytes that somebody changed ---- */

static bool expected_when_changed(int err)
{
    return err == MESH_E_SEAL || err == MESH_E_SYNTAX || err == MESH_E_RANGE || err == MESH_E_VERSION ||
           err == MESH_E_WRONG_MESH || err == MESH_E_STATE || err == MESH_E_REFUSED;
}

/* Runs a conversation in which byte |at| of what |from| sends is changed: what came
 * before it counts, nothing behind it does, and the receiver closes. False: there is no
 * such byte. */
static bool flip_one(bool ik, int from, size_t at, uint8_t flip)
{
    static const uint8_t more[RECORD_PLAIN_MAX + 64];
    int to = 1 - from;
    struct pair p = meet(ik);

    p.flip_at[from] = at;
    p.flip = flip;
    run(&p);
    if (open_at(&p, DIALLER) && open_at(&p, RESPONDER)) {
        say(p.end[from], MSG_ASK, 1, 20);
        say(p.end[from], MSG_ASK, 2, 20);
        run(&p);
    }
    bool hit = p.moved[from] > at;
    bool anew = session_began_anew(p.end[DIALLER]);
    if (hit && anew) { /* what was changed was thrown away, and all was said again */
        assert_true(ik && from == DIALLER);
        check_open(&p);
        assert_int_equal(p.frames[to], 2);
    } else if (hit) {
        /* A length that grew may wait for bytes that the sender never had. */
        if (session_state(p.end[to]) != SESSION_CLOSED)
            session_recv(p.end[to], NOW, SLICE_OF(more));
        read_frames(&p, to);
        bool theirs = session_state(p.end[to]) == SESSION_CLOSED && expected_when_changed(session_error(p.end[to]));
        /* XX's first message seals nothing: there the dialler notices, by the answer. */
        bool ours = session_state(p.end[from]) == SESSION_CLOSED && expected_when_changed(session_error(p.end[from]));
        assert_true(theirs || ours);
        assert_true(p.frames[to] < 2);
        assert_false(open_at(&p, to));
    }
    part(&p);
    return hit;
}

static void rob_M4_every_changed_byte_ends_the_session(void **state)
{
    (void)state;
    for (int ik = 0; ik <= 1; ik++) {
        for (int from = 0; from <= 1; from++) {
            size_t at = 0;
            while (flip_one(ik, from, at, (uint8_t)(1 << at % 8)))
                at++;
            assert_in_range(at, 400, 1500); /* all of a conversation */
        }
    }
}

static void what_is_no_stream_of_ours_is_not_answered(void **state)
{
    (void)state;
    static const char *const junk[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "HGRx" };
    struct session_config b = config(&bob, 2);

    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        struct session *s = session_accept(&b);
        assert_int_equal(session_recv(s, NOW, slice_str(junk[i])), MESH_E_SYNTAX);
        assert_int_equal(session_output(s).len, 0);
        assert_int_equal(session_state(s), SESSION_CLOSED);
        assert_int_equal(session_recv(s, NOW, SLICE_LIT("more")), MESH_E_SYNTAX); /* and stays so */
        session_free(s);
    }
    struct session *s = session_accept(&b);
    struct buf bytes = BUF_EMPTY;
    struct preamble pre = { .version = PROTOCOL_VERSION, .pattern = 3, .mesh = bob.mesh.id };
    preamble_put(&bytes, &pre);
    assert_int_equal(session_recv(s, NOW, buf_slice(&bytes)), MESH_E_SYNTAX);
    session_free(s);

    s = session_accept(&b);
    bytes.data[5] = 1;
    buf_add_u16(&bytes, 1025); /* no handshake message is so long: not waited for */
    assert_int_equal(session_recv(s, NOW, buf_slice(&bytes)), MESH_E_RANGE);
    session_free(s);
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rob_M2_bad_certificates_are_refused_by_name_on_both_sides),
        cmocka_unit_test(a_node_does_not_talk_to_itself),
        cmocka_unit_test(rob_M2_another_mesh_is_refused_before_any_key),
        cmocka_unit_test(other_parameters_are_refused_by_both),
        cmocka_unit_test(a_stale_pinned_key_leads_to_xx_on_the_same_connection),
        cmocka_unit_test(beginning_anew_happens_once_and_only_from_ik),
        cmocka_unit_test(a_second_first_message_that_does_not_open_is_refused),
        cmocka_unit_test(another_version_is_refused_by_name),
        cmocka_unit_test(rob_M4_every_changed_byte_ends_the_session),
        cmocka_unit_test(what_is_no_stream_of_ours_is_not_answered),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
