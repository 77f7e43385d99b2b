/* test_datagram.c - first contact, restarts and replays, told between a few nodes. */
#include "datagram_world.h"

static void first_contact_takes_one_exchange_for_both_directions(void **state)
{
    (void)state;
    world();
    assert_int_equal(tell(A, B, "ping"), 1);
    assert_true(nodes[A].peer[B].boot_known && nodes[B].peer[A].boot_known);
    assert_int_equal(nodes[B].peer[A].boot.number, 5);
    assert_int_equal(tell(B, A, "ack"), 0); /* B learned the rest from A's datagram */
    assert_int_equal(tell(A, B, ""), 0);
    assert_int_equal(tell(A, C, ""), 1); /* an empty one is large enough to be answered */
}

static void payloads_are_bounded(void **state)
{
    uint8_t bytes[DATAGRAM_MAX] = { 0 };
    struct buf b = BUF_EMPTY;
    size_t max = datagram_payload_max();
    (void)state;

    world();
    assert_true(max >= 1024);
    assert_int_equal(datagram_seal(&nodes[A].peer[B], &nodes[A].self, slice_of(bytes, max), &b), 0);
    assert_int_equal(b.len, DATAGRAM_MAX);
    assert_int_equal(datagram_seal(&nodes[A].peer[B], &nodes[A].self, slice_of(bytes, max + 1), &b), MESH_E_RANGE);
    assert_int_equal(b.len, DATAGRAM_MAX);
    buf_free(&b);
}

/* rob_M3 */
static void rob_M3_each_datagram_counts_once_within_a_window_of_64(void **state)
{
    static struct packet k[200];
    (void)state;

    world();
    tell(A, B, "hello");
    for (int i = 0; i < 200; i++)
        k[i] = seal(A, B, "x");
    assert_int_equal(receive(B, A, &k[70], "x"), 0);
    assert_int_equal(receive(B, A, &k[70], "x"), MESH_E_REPLAY);
    for (int i = 69; i >= 7; i--) { /* the 63 below it, backwards */
        assert_int_equal(receive(B, A, &k[i], "x"), 0);
        assert_int_equal(receive(B, A, &k[i], "x"), MESH_E_REPLAY);
    }
    assert_int_equal(receive(B, A, &k[6], "x"), MESH_E_REPLAY); /* never seen, but too old to tell */
    assert_int_equal(receive(B, A, &k[71], "x"), 0);
    assert_int_equal(receive(B, A, &k[7], "x"), MESH_E_REPLAY);
    assert_int_equal(receive(B, A, &k[134], "x"), 0);
    assert_int_equal(receive(B, A, &k[71], "x"), MESH_E_REPLAY);
    assert_int_equal(receive(B, A, &k[72], "x"), 0);
    assert_int_equal(receive(B, A, &k[199], "x"), 0); /* beyond the whole window */
    assert_int_equal(receive(B, A, &k[198], "x"), 0);
    assert_int_equal(receive(B, A, &k[135], "x"), MESH_E_REPLAY);
    assert_int_equal(receive(B, A, &k[199], "x"), MESH_E_REPLAY);
}

static void first_datagrams_that_cross_meet_in_one_exchange(void **state)
{
    (void)state;
    world();
    struct packet ab = seal(A, B, "from a"), ba = seal(B, A, "from b");
    assert_int_equal(receive(B, A, &ab, ""), MESH_E_STATE);
    assert_int_equal(receive(A, B, &ba, ""), MESH_E_STATE);
    struct packet boot_b = boot_answer(B, A, &ab), boot_a = boot_answer(A, B, &ba);
    assert_int_equal(receive(A, B, &boot_b, NULL), 0);
    assert_int_equal(receive(B, A, &boot_a, NULL), 0);
    assert_int_equal(tell(A, B, "again"), 0);
    assert_int_equal(tell(B, A, "again"), 0);

    /* The same, but A answers only after it has adopted B. */
    world();
    ab = seal(A, B, "from a");
    ba = seal(B, A, "from b");
    assert_int_equal(receive(B, A, &ab, ""), MESH_E_STATE);
    boot_b = boot_answer(B, A, &ab);
    assert_int_equal(receive(A, B, &boot_b, NULL), 0);
    assert_int_equal(receive(A, B, &ba, ""), MESH_E_STATE);
    boot_a = boot_answer(A, B, &ba);
    assert_int_equal(receive(B, A, &boot_a, NULL), 0);
    assert_int_equal(tell(B, A, "again"), 0);
    assert_int_equal(tell(A, B, "again"), 0);
}

/* How a run of |a| ends and the next begins: with a grown number, with the same one and
 * another salt (its boot file was restored or lost at the wrong moment), or anew. */
static void after_a_restart_one_exchange_is_enough(void **state)
{
    static const struct {
        uint64_t a, b; /* boot numbers after; 0: does not restart */
    } rows[] = { { 6, 0 }, { 5, 0 }, { 1, 0 }, { 0, 7 }, { 0, 6 }, { 0, 1 }, { 6, 7 }, { 5, 6 }, { 1, 1 } };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int first = A; first <= B; first++) { /* whoever speaks first */
            world();                               /* A has boot 5, B has boot 6 */
            tell(A, B, "before");
            tell(B, A, "before");
            if (rows[i].a != 0)
                boots(A, rows[i].a);
            if (rows[i].b != 0)
                boots(B, rows[i].b);
            assert_int_equal(tell(first, A + B - first, "after"), 1);
            assert_int_equal(tell(A + B - first, first, "after"), 0);
            assert_int_equal(tell(first, A + B - first, "after"), 0);
        }
    }
}

static void a_node_learns_that_it_was_further_once(void **state)
{
    (void)state;
    world();
    boots(A, 9);
    tell(A, B, "as 9");
    boots(A, 1);
    /* B speaks first: its datagram claims to know 9, and A tells B otherwise. */
    struct packet k = seal(B, A, "to 9");
    assert_int_equal(receive(A, B, &k, ""), MESH_E_STATE);
    assert_int_equal(seen, 9);
    /* A speaks first: the BOOT answer says what B knew. */
    k = seal(A, B, "as 1");
    assert_int_equal(receive(B, A, &k, ""), MESH_E_STATE);
    assert_int_equal(seen, 0); /* A claims to know nothing of B */
    struct packet boot = boot_answer(B, A, &k);
    assert_int_equal(receive(A, B, &boot, NULL), 0);
    assert_int_equal(seen, 9);
    /* It jumps above, while it runs. The answer it holds serves the new boot as well;
     * later jumps take an exchange. */
    nodes[A].self.boot.number = 10;
    assert_int_equal(tell(A, B, "as 10"), 0);
    assert_int_equal(nodes[B].peer[A].boot.number, 10);
    assert_int_equal(tell(B, A, "to 10"), 0);
    assert_int_equal(seen, 10);
    nodes[A].self.boot.number = 12;
    assert_int_equal(tell(A, B, "as 12"), 1);
    assert_int_equal(tell(B, A, "to 12"), 0);
    assert_int_equal(seen, 12);
    /* A forged datagram teaches nothing. */
    k = seal(B, A, "to 12");
    k.bytes[k.len - 1] ^= 1;
    assert_int_equal(receive(A, B, &k, ""), MESH_E_SEAL);
    assert_int_equal(seen, 0);
}

/* What is in flight when the other side jumps to a new boot is lost, never taken twice. */
static void a_jump_refuses_what_was_made_for_the_boot_before(void **state)
{
    (void)state;
    world();
    tell(A, B, "hello");
    struct packet old = seal(B, A, "to 5");
    assert_int_equal(receive(A, B, &old, "to 5"), 0);
    nodes[A].self.boot.number = 10;
    assert_int_equal(receive(A, B, &old, ""), MESH_E_STATE);
    assert_int_equal(tell(B, A, "to 10"), 1);
    assert_int_equal(receive(A, B, &old, ""), MESH_E_STATE);
}

#define TAPE 64
static struct packet tape[TAPE];
static int tape_from[TAPE];
static size_t tape_n;

static void record(int from, const struct packet *k)
{
    assert_true(tape_n < TAPE);
    tape_from[tape_n] = from;
    tape[tape_n++] = *k;
}

/* Nothing on the tape may be taken, by whoever it was for. */
static void play_the_tape(void)
{
    for (size_t i = 0; i < tape_n; i++) {
        int to = A + B - tape_from[i];
        assert_int_not_equal(receive(to, tape_from[i], &tape[i], ""), 0);
    }
}

/* A conversation of which everything is recorded, the answers too. */
static void recorded_talk(void)
{
    struct packet k = seal(A, B, "a");
    record(A, &k);
    if (receive(B, A, &k, "a") != 0) {
        struct packet boot = boot_answer(B, A, &k);
        record(B, &boot);
        assert_int_equal(receive(A, B, &boot, NULL), 0);
        k = seal(A, B, "a");
        record(A, &k);
        assert_int_equal(receive(B, A, &k, "a"), 0);
    }
    k = seal(B, A, "b");
    record(B, &k);
    assert_int_equal(receive(A, B, &k, "b"), 0);
}

/* rob_M3: a capture of all earlier runs is worth nothing in any later one, whichever
 * way the numbers went, before and after the two have met again. */
static void rob_M3_no_run_takes_what_another_one_said(void **state)
{
    static const uint64_t a[] = { 5, 6, 6, 1, 6, 6 }, b[] = { 6, 6, 0, 6, 1, 0 };
    (void)state;

    world();
    tape_n = 0;
    for (size_t run = 0; run < sizeof(a) / sizeof(a[0]); run++) {
        boots(A, a[run]);
        if (b[run] != 0) /* 0: B runs on */
            boots(B, b[run]);
        play_the_tape();
        recorded_talk();
        play_the_tape();
        assert_int_equal(tell(A, B, "still well"), 0);
        assert_int_equal(tell(B, A, "still well"), 0);
    }
}

/* A peer dropped and taken in again within one run has an empty window, yet a new link. */
static void rob_M3_forgetting_a_peer_does_not_open_the_window(void **state)
{
    (void)state;
    world();
    tape_n = 0;
    recorded_talk();
    meet(B, A);
    play_the_tape();
    assert_int_equal(tell(A, B, "hello again"), 1);
    play_the_tape();
    assert_int_equal(tell(B, A, "hello again"), 0);
    /* The sender forgot: its new counters are none of the old window's business. */
    meet(A, B);
    play_the_tape();
    assert_int_equal(tell(A, B, "and again"), 1);
    play_the_tape();
    assert_int_equal(tell(B, A, "and again"), 0);
}

static void a_renewed_certificate_changes_nothing(void **state)
{
    (void)state;
    world();
    tell(A, B, "hello");
    struct packet k = seal(A, B, "x");
    assert_int_equal(receive(B, A, &k, "x"), 0);
    assert_int_equal(datagram_peer_init(&nodes[B].peer[A], &nodes[B].self, &identities[A].cert), 0);
    assert_int_equal(receive(B, A, &k, "x"), MESH_E_REPLAY);
    assert_int_equal(tell(A, B, "hello"), 0);
    datagram_peer_wipe(&nodes[B].peer[A]);
    assert_true(sodium_is_zero((const uint8_t *)&nodes[B].peer[A], sizeof(nodes[B].peer[A])));
}

static void boot_answers_count_once_and_in_order(void **state)
{
    (void)state;
    world();
    struct packet one = seal(A, B, "1"), two = seal(A, B, "2"), three = seal(A, B, "3");
    assert_int_equal(receive(B, A, &one, ""), MESH_E_STATE);
    struct packet boot1 = boot_answer(B, A, &one), boot2 = boot_answer(B, A, &two);
    assert_int_equal(receive(A, B, &boot2, NULL), 0);
    assert_int_equal(receive(A, B, &boot2, NULL), MESH_E_REPLAY);
    assert_int_equal(receive(A, B, &boot1, NULL), MESH_E_REPLAY); /* overtaken */
    /* B restarts: an answer of its run before, to a datagram still open, is believed,
     * and set right by the next exchange. */
    struct packet late = boot_answer(B, A, &three);
    boots(B, 7);
    assert_int_equal(receive(A, B, &late, NULL), 0);
    assert_int_equal(tell(A, B, "now"), 1);
    assert_int_equal(nodes[A].peer[B].boot.number, 7);
    assert_int_equal(tell(B, A, "now"), 0);
    /* An answer to a datagram that A never sent. */
    struct packet k = seal(A, B, "x");
    be64_put(k.bytes + 100, nodes[A].peer[B].send_counter + 1);
    struct packet forged = boot_answer(B, A, &k);
    assert_int_equal(receive(A, B, &forged, NULL), MESH_E_REPLAY);
    /* An answer to a run before. */
    boots(A, 6);
    k = seal(A, B, "x");
    struct packet stale = boot_answer(B, A, &k);
    uint64_t counter = nodes[A].peer[B].send_counter;
    boots(A, 7);
    nodes[A].peer[B].send_counter = counter; /* even if the counters were the same */
    nodes[A].peer[B].boot_floor = counter - 1;
    assert_int_equal(receive(A, B, &stale, NULL), MESH_E_SEAL);
}

/* Duplicates and reordering around a restart: late datagrams of the run before neither
 * count nor turn anything back. */
static void late_datagrams_of_the_run_before_turn_nothing_back(void **state)
{
    (void)state;
    world();
    tell(A, B, "hello");
    struct packet old1 = seal(A, B, "old"), old2 = seal(A, B, "old");
    boots(A, 6);
    assert_int_equal(receive(B, A, &old1, "old"), 0); /* late, but nobody knows yet */
    struct packet ask = seal(A, B, "x");
    assert_int_equal(receive(B, A, &ask, ""), MESH_E_STATE);
    assert_int_equal(receive(B, A, &ask, ""), MESH_E_STATE); /* a duplicate: asked and answered again */
    struct packet boot = boot_answer(B, A, &ask), twice = boot_answer(B, A, &ask);
    assert_int_equal(receive(A, B, &boot, NULL), 0);
    assert_int_equal(receive(A, B, &twice, NULL), MESH_E_REPLAY);
    struct packet one = seal(A, B, "1"), two = seal(A, B, "2");
    assert_int_equal(receive(B, A, &two, "2"), 0); /* reordered: the second brings the new run */
    assert_int_equal(receive(B, A, &old2, ""), MESH_E_STATE);
    assert_int_equal(receive(B, A, &one, "1"), 0);
    assert_int_equal(receive(B, A, &one, "1"), MESH_E_REPLAY);
    assert_int_equal(nodes[B].peer[A].boot.number, 6);
    assert_int_equal(tell(B, A, "ack"), 0);
}

/* Two runs of one identity (a cloned machine): each gets through, with an exchange. */
static void twins_both_get_through(void **state)
{
    struct node first, second;
    (void)state;

    world();
    tell(A, B, "first");
    first = nodes[A];
    boots(A, 5);
    second = nodes[A];
    for (int i = 0; i < 3; i++) {
        nodes[A] = second;
        assert_int_equal(tell(A, B, "second"), 1);
        second = nodes[A];
        nodes[A] = first;
        assert_int_equal(tell(A, B, "first"), 1);
        first = nodes[A];
    }
}

/* B meets a twin of A and A again: by then A must name a later epoch, and what B sent
 * to it before must not turn that back. */
static void a_late_datagram_does_not_turn_the_epoch_back(void **state)
{
    struct node first;
    (void)state;

    world();
    tell(A, B, "first");
    struct packet late = seal(B, A, "late");
    first = nodes[A];
    boots(A, 5);
    assert_int_equal(tell(A, B, "second"), 1);
    nodes[A] = first;
    assert_int_equal(tell(A, B, "first"), 1);
    assert_int_equal(receive(A, B, &late, "late"), 0);
    assert_int_equal(tell(A, B, "first"), 0);
}

/* What UNKNOWN and BOOT must echo cannot be guessed. */
static void counters_begin_anywhere(void **state)
{
    (void)state;
    world();
    uint64_t b = nodes[A].peer[B].send_counter, c = nodes[A].peer[C].send_counter;
    assert_true(b > UINT32_MAX && c > UINT32_MAX && b != c);
    meet(A, B);
    assert_true(nodes[A].peer[B].send_counter > UINT32_MAX && nodes[A].peer[B].send_counter != b);
}

/* Neither at 2^32, nor at the largest number at which counting may begin, nor far beyond: a counter is
 * 64 bits, and what was seen before stays seen. */
static void rob_M3_counters_pass_every_edge(void **state)
{
    static const uint64_t edges[] = { UINT64_C(1) << 16, UINT64_C(1) << 32, UINT64_C(1) << 48, UINT64_C(1) << 62,
                                      UINT64_C(1) << 63, UINT64_MAX - 100 };
    static struct packet k[160];

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        world();
        nodes[A].peer[B].send_counter = nodes[A].peer[B].boot_floor = edges[i] - 90;
        tell(A, B, "hello");
        for (int n = 0; n < 160; n++)
            k[n] = seal(A, B, "x");
        for (int n = 0; n < 160; n++)
            assert_int_equal(receive(B, A, &k[n], "x"), 0);
        for (int n = 159; n >= 0; n--)
            assert_int_equal(receive(B, A, &k[n], "x"), MESH_E_REPLAY);
        assert_true(nodes[B].peer[A].recv_top > edges[i]);
    }
}

static void hello_ends_the_run_before(void **state)
{
    (void)state;
    world();
    tell(A, B, "hello");
    struct packet old = seal(A, B, "old");
    /* The same boot, or an older one, says nothing new. */
    datagram_peer_boot(&nodes[B].peer[A], &nodes[B].self, nodes[A].self.boot);
    datagram_peer_boot(&nodes[B].peer[A], &nodes[B].self, (struct boot){ 4, 1 });
    assert_int_equal(receive(B, A, &old, "old"), 0);
    old = seal(A, B, "old");
    boots(A, 6);
    datagram_peer_boot(&nodes[B].peer[A], &nodes[B].self, nodes[A].self.boot);
    assert_int_equal(receive(B, A, &old, ""), MESH_E_STATE);
    assert_int_equal(tell(B, A, "hello 6"), 1);
    assert_int_equal(tell(A, B, "hello"), 0);
    /* Told before any datagram. */
    datagram_peer_boot(&nodes[A].peer[C], &nodes[A].self, nodes[C].self.boot);
    assert_true(nodes[A].peer[C].boot_known);
    assert_int_equal(tell(A, C, "hello"), 1);
    assert_int_equal(tell(C, A, "hello"), 0);
}

static void a_datagram_is_for_one_pair_and_direction(void **state)
{
    (void)state;
    world();
    tell(A, B, "x");
    tell(A, C, "x");
    tell(C, B, "x");
    struct packet k = seal(A, B, "x"), swapped = k;
    assert_int_equal(receive(C, A, &k, ""), MESH_E_SEAL);
    assert_int_equal(receive(B, C, &k, ""), MESH_E_SEAL);
    assert_int_equal(receive(A, B, &k, ""), MESH_E_SEAL); /* reflected */
    memcpy(swapped.bytes + 4, k.bytes + 20, 16);
    memcpy(swapped.bytes + 20, k.bytes + 4, 16);
    assert_int_equal(receive(A, B, &swapped, ""), MESH_E_SEAL);
    memcpy(swapped.bytes + 36, k.bytes + 68, 32);
    memcpy(swapped.bytes + 68, k.bytes + 36, 32);
    assert_int_equal(receive(A, B, &swapped, ""), MESH_E_SEAL);
    assert_int_equal(receive(B, A, &k, "x"), 0);
}

static void weak_keys_and_ourselves_are_no_peers(void **state)
{
    struct datagram_peer p = { 0 };
    struct cert weak = identities[B].cert;
    (void)state;

    world();
    memset(weak.dh_key, 0, sizeof(weak.dh_key));
    assert_int_equal(datagram_peer_init(&p, &nodes[A].self, &weak), MESH_E_RANGE);
    weak.dh_key[0] = 1;
    assert_int_equal(datagram_peer_init(&p, &nodes[A].self, &weak), MESH_E_RANGE);
    assert_int_equal(datagram_peer_init(&p, &nodes[A].self, &identities[A].cert), MESH_E_RANGE);
    assert_int_equal(p.magic, 0);
}

/* B does not hold A's certificate. */
static void unknown_is_answered_by_one_certificate(void **state)
{
    struct buf b = BUF_EMPTY;
    struct cert cert;
    struct slice raw;
    (void)state;

    world();
    struct packet k = seal(A, B, "hello");
    assert_int_equal(datagram_unknown(&nodes[B].self, packet_slice(&k), &b), 0);
    assert_true(b.len <= k.len);
    struct packet unknown = packet_of(&b), bad = unknown;
    bad.bytes[bad.len - 1] ^= 1; /* not our counter */
    assert_false(datagram_unknown_answers(&nodes[A].peer[B], &nodes[A].self, packet_slice(&bad)));
    assert_false(datagram_unknown_answers(&nodes[A].peer[C], &nodes[A].self, packet_slice(&unknown)));
    assert_true(datagram_unknown_answers(&nodes[A].peer[B], &nodes[A].self, packet_slice(&unknown)));
    assert_false(datagram_unknown_answers(&nodes[A].peer[B], &nodes[A].self, packet_slice(&unknown))); /* once */

    assert_int_equal(datagram_cert(&nodes[A].self, &identities[B].cert.id, &b), 0);
    struct packet c = packet_of(&b);
    assert_int_equal(datagram_cert_read(&nodes[C].self, packet_slice(&c), &cert, &raw), MESH_E_STATE);
    assert_int_equal(datagram_cert_read(&nodes[B].self, packet_slice(&c), &cert, &raw), 0);
    assert_true(slice_eq(raw, identity_cert(&identities[A])));
    assert_true(node_id_eq(&cert.id, &identities[A].cert.id));
    c.bytes[4] ^= 1; /* another sender than the certificate's */
    assert_int_equal(datagram_cert_read(&nodes[B].self, packet_slice(&c), &cert, &raw), MESH_E_STATE);
    assert_int_equal(tell(A, B, "hello"), 1);
}

/* Answers to answers would run for ever. */
static void only_data_is_answered(void **state)
{
    struct buf b = BUF_EMPTY;
    struct cert cert;
    struct slice raw;
    (void)state;

    world();
    struct packet k = seal(A, B, "hello"), boot = boot_answer(B, A, &k);
    assert_int_equal(datagram_unknown(&nodes[A].self, packet_slice(&boot), &b), MESH_E_STATE);
    assert_int_equal(datagram_unknown(&nodes[C].self, packet_slice(&k), &b), MESH_E_STATE); /* not to us */
    assert_int_equal(datagram_unknown(&nodes[B].self, slice_of(k.bytes, 123), &b), MESH_E_SHORT);
    assert_int_equal(datagram_boot(&nodes[B].peer[A], &nodes[B].self, slice_of(k.bytes, 123), &b), MESH_E_SHORT);
    assert_int_equal(datagram_unknown(&nodes[B].self, packet_slice(&k), &b), 0);
    struct packet unknown = packet_of(&b);
    assert_int_equal(datagram_unknown(&nodes[A].self, packet_slice(&unknown), &b), MESH_E_STATE);
    assert_int_equal(receive(A, B, &unknown, NULL), MESH_E_SYNTAX);
    assert_int_equal(datagram_cert_read(&nodes[A].self, packet_slice(&unknown), &cert, &raw), MESH_E_STATE);
    assert_false(datagram_unknown_answers(&nodes[A].peer[B], &nodes[A].self, packet_slice(&boot)));
}

static void headers_are_read_strictly(void **state)
{
    struct datagram_head head;
    (void)state;

    world();
    struct packet k = seal(A, B, "x");
    assert_int_equal(datagram_peek(packet_slice(&k), &head), 0);
    assert_int_equal(head.kind, DATAGRAM_DATA);
    assert_true(node_id_eq(&head.from, &identities[A].cert.id));
    assert_true(node_id_eq(&head.to, &identities[B].cert.id));
    for (size_t n = 0; n < 36; n++)
        assert_int_equal(datagram_peek(slice_of(k.bytes, n), &head), MESH_E_SHORT);
    k.bytes[2] = 2;
    assert_int_equal(datagram_peek(packet_slice(&k), &head), MESH_E_VERSION);
    assert_int_equal(receive(B, A, &k, ""), MESH_E_VERSION);
    k.bytes[2] = 1;
    k.bytes[3] = 5;
    assert_int_equal(datagram_peek(packet_slice(&k), &head), MESH_E_SYNTAX);
    k.bytes[3] = 0;
    assert_int_equal(datagram_peek(packet_slice(&k), &head), MESH_E_SYNTAX);
    k.bytes[3] = 1;
    k.bytes[0] = 'h';
    assert_int_equal(datagram_peek(packet_slice(&k), &head), MESH_E_SYNTAX);
    uint8_t big[DATAGRAM_MAX + 1] = { 'H', 'G', 1, 1 };
    assert_int_equal(datagram_peek(SLICE_OF(big), &head), MESH_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_contact_takes_one_exchange_for_both_directions),
        cmocka_unit_test(payloads_are_bounded),
        cmocka_unit_test(rob_M3_each_datagram_counts_once_within_a_window_of_64),
        cmocka_unit_test(first_datagrams_that_cross_meet_in_one_exchange),
        cmocka_unit_test(after_a_restart_one_exchange_is_enough),
        cmocka_unit_test(a_node_learns_that_it_was_further_once),
        cmocka_unit_test(a_jump_refuses_what_was_made_for_the_boot_before),
        cmocka_unit_test(rob_M3_no_run_takes_what_another_one_said),
        cmocka_unit_test(rob_M3_forgetting_a_peer_does_not_open_the_window),
        cmocka_unit_test(a_renewed_certificate_changes_nothing),
        cmocka_unit_test(boot_answers_count_once_and_in_order),
        cmocka_unit_test(late_datagrams_of_the_run_before_turn_nothing_back),
        cmocka_unit_test(twins_both_get_through),
        cmocka_unit_test(a_late_datagram_does_not_turn_the_epoch_back),
        cmocka_unit_test(counters_begin_anywhere),
        cmocka_unit_test(rob_M3_counters_pass_every_edge),
        cmocka_unit_test(hello_ends_the_run_before),
        cmocka_unit_test(a_datagram_is_for_one_pair_and_direction),
        cmocka_unit_test(weak_keys_and_ourselves_are_no_peers),
        cmocka_unit_test(unknown_is_answered_by_one_certificate),
        cmocka_unit_test(only_data_is_answered),
        cmocka_unit_test(headers_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
