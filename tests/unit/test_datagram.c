/* test_datagram.c - first contact, restarts, replays and forgeries, told between a
 * few nodes; the bytes of each kind, made by an independent implementation; and a
 * long run over a bad network in which nothing may be taken twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "golden.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/datagram.h"

/* ---- randomness that repeats ---- */

static struct rand source;

static const char *source_name(void)
{
    return "test";
}

static uint32_t source_u32(void)
{
    return (uint32_t)rand_u64(&source);
}

static void source_buf(void *const out, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rand_u64(&source);
}

static struct randombytes_implementation repeatable = { source_name, source_u32, NULL, NULL, source_buf, NULL };

/* ---- a few nodes ---- */

#define NODES 3
enum { A, B, C };

static struct authority authority;
static struct identity identities[NODES];

struct node {
    struct datagram_self self;
    struct datagram_peer peer[NODES];
};

static struct node nodes[NODES];

static void meet(int n, int m)
{
    memset(&nodes[n].peer[m], 0, sizeof(nodes[n].peer[m]));
    assert_int_equal(datagram_peer_init(&nodes[n].peer[m], &nodes[n].self, &identities[m].cert), 0);
}

/* A start of |n|: all it knew of its peers is gone. */
static void boots(int n, uint64_t number)
{
    nodes[n].self = (struct datagram_self){ &identities[n], { number, secret_random_u64() } };
    for (int m = 0; m < NODES; m++) {
        if (m != n)
            meet(n, m);
    }
}

static void world(void)
{
    source = rand_of(1, 1, 1);
    for (int n = 0; n < NODES; n++)
        boots(n, (uint64_t)n + 5);
}

/* One datagram on its way. */
struct packet {
    uint8_t bytes[DATAGRAM_MAX];
    size_t len;
};

static struct slice packet_slice(const struct packet *k)
{
    return slice_of(k->bytes, k->len);
}

static struct packet packet_of(struct buf *b)
{
    struct packet k = { .len = b->len };

    assert_in_range(b->len, 1, DATAGRAM_MAX);
    memcpy(k.bytes, b->data, b->len);
    buf_free(b);
    return k;
}

static struct packet seal(int from, int to, const char *text)
{
    struct buf b = BUF_EMPTY;

    assert_int_equal(datagram_seal(&nodes[from].peer[to], &nodes[from].self, slice_str(text), &b), 0);
    return packet_of(&b);
}

static uint64_t seen; /* what the last receive() learned of its own boot */

/* |to| takes a datagram that claims to be from |from|; |text| is its payload, or NULL
 * for a BOOT. */
static int receive(int to, int from, const struct packet *k, const char *text)
{
    struct buf payload = BUF_EMPTY;

    buf_add_str(&payload, "left over");
    int err = datagram_open(&nodes[to].peer[from], &nodes[to].self, packet_slice(k), &payload, &seen);
    if (err == 0 && text != NULL)
        assert_true(slice_eq(buf_slice(&payload), slice_str(text)));
    else
        assert_int_equal(payload.len, 0);
    buf_free(&payload);
    return err;
}

static struct packet boot_answer(int n, int m, const struct packet *request)
{
    struct buf b = BUF_EMPTY;

    assert_int_equal(datagram_boot(&nodes[n].peer[m], &nodes[n].self, packet_slice(request), &b), 0);
    assert_true(b.len <= request->len);
    return packet_of(&b);
}

/* |from| has something to say to |to|, as a node does it: send, and once more if the
 * answer is BOOT. Returns how many exchanges of BOOT that took. */
static int tell(int from, int to, const char *text)
{
    struct packet k = seal(from, to, text);
    int err = receive(to, from, &k, text);

    if (err == 0)
        return 0;
    assert_int_equal(err, MESH_E_STATE);
    struct packet boot = boot_answer(to, from, &k);
    assert_int_equal(receive(from, to, &boot, NULL), 0);
    k = seal(from, to, text);
    assert_int_equal(receive(to, from, &k, text), 0);
    return 1;
}

/* ---- stories ---- */

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
static void each_datagram_counts_once_within_a_window_of_64(void **state)
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
static void no_run_takes_what_another_one_said(void **state)
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
static void forgetting_a_peer_does_not_open_the_window(void **state)
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

/* ---- forgeries: rob_M4, rob_N5 ---- */

/* |try| says whether the packet is accepted; it must not be, with any bit flipped or
 * any length but its own, and must be at the end. */
static void no_bit_and_no_length_can_be_changed(struct packet k, bool (*try)(const struct packet *))
{
    for (size_t bit = 0; bit < 8 * k.len; bit++) {
        k.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(try(&k));
        k.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    size_t len = k.len;
    for (k.len = 0; k.len < len; k.len++)
        assert_false(try(&k));
    k.bytes[len] = 0;
    k.len = len + 1;
    assert_false(try(&k));
    k.len = len;
    assert_true(try(&k));
}

static bool b_takes(const struct packet *k)
{
    struct datagram_peer before = nodes[B].peer[A];
    int err = receive(B, A, k, "payload");

    if (err != 0) /* "nothing changed" */
        assert_memory_equal(&before, &nodes[B].peer[A], sizeof(before));
    return err == 0;
}

static bool a_takes_boot(const struct packet *k)
{
    struct datagram_peer before = nodes[A].peer[B];
    int err = receive(A, B, k, NULL);

    if (err != 0)
        assert_memory_equal(&before, &nodes[A].peer[B], sizeof(before));
    return err == 0;
}

/* A stale one has its authentic claim: no changed bit may be answered, either. */
static bool b_would_answer(const struct packet *k)
{
    return receive(B, A, k, "") == MESH_E_STATE;
}

static bool a_takes_unknown(const struct packet *k)
{
    return datagram_unknown_answers(&nodes[A].peer[B], &nodes[A].self, packet_slice(k));
}

static bool b_takes_cert(const struct packet *k)
{
    struct cert cert;
    struct slice raw;

    return datagram_cert_read(&nodes[B].self, packet_slice(k), &cert, &raw) == 0 &&
           cert_check(&cert, raw, &authority.mesh.id, (const uint8_t(*)[SIGN_KEY_BYTES])authority.mesh.authorities, 1,
                      1710000000) == 0;
}

static void flipping_any_bit_of_any_datagram_is_refused(void **state)
{
    struct buf b = BUF_EMPTY;
    (void)state;

    world();
    struct packet first = seal(A, B, "payload");
    no_bit_and_no_length_can_be_changed(first, b_would_answer);
    no_bit_and_no_length_can_be_changed(boot_answer(B, A, &first), a_takes_boot);
    no_bit_and_no_length_can_be_changed(seal(A, B, "payload"), b_takes); /* brings a new run */
    no_bit_and_no_length_can_be_changed(seal(A, B, "payload"), b_takes); /* within a run */

    /* UNKNOWN has no seal: what it must know is the counter of a datagram still open. */
    world();
    first = seal(A, B, "payload");
    assert_int_equal(datagram_unknown(&nodes[B].self, packet_slice(&first), &b), 0);
    no_bit_and_no_length_can_be_changed(packet_of(&b), a_takes_unknown);
    assert_int_equal(datagram_cert(&nodes[A].self, &identities[B].cert.id, &b), 0);
    no_bit_and_no_length_can_be_changed(packet_of(&b), b_takes_cert);
}

/* ---- golden bytes ---- */

static struct identity fixed_identity(uint8_t n)
{
    struct identity id = { .mesh = { .arc_bits = 18, .authorities_n = 1 } };
    uint8_t seed[crypto_sign_SEEDBYTES], auth[SIGN_KEY_BYTES], auth_secret[SIGN_SECRET_BYTES];
    struct buf b = BUF_EMPTY;

    memset(seed, 0xaa, sizeof(seed));
    crypto_sign_seed_keypair(auth, auth_secret, seed);
    memset(seed, n, sizeof(seed));
    crypto_sign_seed_keypair(id.sign_key, id.sign_secret, seed);
    memset(id.dh_secret, n + 1, sizeof(id.dh_secret));
    crypto_scalarmult_base(id.dh_key, id.dh_secret);
    memset(id.mesh.id.bytes, 0x11, MESH_ID_BYTES);
    memset(id.mesh.salt, 0x12, MESH_SALT_BYTES);
    memcpy(id.mesh.authorities[0], auth, SIGN_KEY_BYTES);
    struct cert c = { .mesh = id.mesh.id,
                      .name = "fra-1",
                      .zone = "eu/fra",
                      .weight_max = 100,
                      .roles = CERT_ROLE_NODE,
                      .not_before_s = 1700000000,
                      .not_after_s = 1731536000,
                      .serial = n };
    memcpy(c.sign_key, id.sign_key, SIGN_KEY_BYTES);
    memcpy(c.dh_key, id.dh_key, DH_KEY_BYTES);
    assert_int_equal(cert_sign(&b, &c, auth_secret), 0);
    memcpy(id.cert_raw, b.data, b.len);
    id.cert_len = b.len;
    assert_int_equal(cert_parse(&id.cert, identity_cert(&id)), 0);
    buf_free(&b);
    return id;
}

/* Made by an independent implementation of PROTOCOL.md (hashlib's BLAKE2b and the
 * OpenSSL primitives). */
static void golden_datagrams(void **state)
{
    struct identity a = fixed_identity(1), b = fixed_identity(2), got;
    struct datagram_self self_a = { &a, { 3, UINT64_C(0x0102030405060708) } };
    struct datagram_self self_b = { &b, { 4, UINT64_C(0x1112131415161718) } };
    struct datagram_peer ab = { 0 }, ba = { 0 };
    struct buf first = BUF_EMPTY, out = BUF_EMPTY, payload = BUF_EMPTY;
    (void)state;

    assert_int_equal(datagram_peer_init(&ab, &self_a, &b.cert), 0);
    assert_int_equal(datagram_peer_init(&ba, &self_b, &a.cert), 0);
    ab.own_link = UINT64_C(0xa1a2a3a4a5a6a7a8);
    ba.own_link = UINT64_C(0xb1b2b3b4b5b6b7b8);
    ab.send_counter = ab.boot_floor = ab.unknown_floor = 1000;

    assert_int_equal(datagram_seal(&ab, &self_a, SLICE_LIT("ping"), &first), 0);
    check_golden(buf_slice(&first),
                 "48470101c5e21ab1c9f6022d81c3b25e3436cb7fc11ae4092c56101421f745612bdc6b51000000000000000301"
                 "02030405060708a1a2a3a4a5a6a7a8000000000000000000000000000000000000000000000000000000000000"
                 "0000000000000000000000000000000003e9b35da6c71c83e4e7b267c49185c670bd790ddcb4");
    assert_int_equal(datagram_open(&ba, &self_b, buf_slice(&first), &payload, NULL), MESH_E_STATE);

    assert_int_equal(datagram_boot(&ba, &self_b, buf_slice(&first), &out), 0);
    assert_int_equal(out.len, 124);
    /* Its nonce is random: this one was made with a fixed one. */
    static const char boot_hex[] =
        "48470102c11ae4092c56101421f745612bdc6b51c5e21ab1c9f6022d81c3b25e3436cb7f000102030405060708"
        "090a0b0c0d0e0f101112131415161700000000000003e9b0219f41d2aac93b1e787e1d79b0bf41417d229d3c10"
        "83025606b485ab725141f11fa79dbdc18da877724c6ee2aa5f036ad46f9ed0788e58";
    uint8_t boot[124];
    size_t n;
    assert_int_equal(sodium_hex2bin(boot, sizeof(boot), boot_hex, strlen(boot_hex), NULL, &n, NULL), 0);
    assert_int_equal(n, sizeof(boot));
    assert_memory_equal(out.data, boot, 36);
    assert_memory_equal(out.data + 60, boot + 60, 8);
    assert_int_equal(datagram_open(&ab, &self_a, SLICE_OF(boot), &payload, NULL), 0);
    assert_int_equal(ab.epoch, 1);
    assert_int_equal(ab.boot.number, 4);

    buf_clear(&out);
    assert_int_equal(datagram_seal(&ab, &self_a, SLICE_LIT("ping"), &out), 0);
    check_golden(buf_slice(&out),
                 "48470101c5e21ab1c9f6022d81c3b25e3436cb7fc11ae4092c56101421f745612bdc6b51000000000000000301"
                 "02030405060708a1a2a3a4a5a6a7a8000000000000000100000000000000041112131415161718b1b2b3b4b5b6"
                 "b7b8000000000000000100000000000003ea58d362ecb9b4b0f11289309e86dc1f8c0a82d9cf");
    assert_int_equal(datagram_open(&ba, &self_b, buf_slice(&out), &payload, NULL), 0);
    assert_true(slice_eq(buf_slice(&payload), SLICE_LIT("ping")));

    buf_clear(&out);
    assert_int_equal(datagram_unknown(&self_b, buf_slice(&first), &out), 0);
    check_golden(buf_slice(&out),
                 "48470103c11ae4092c56101421f745612bdc6b51c5e21ab1c9f6022d81c3b25e3436cb7f00000000000003e9");
    buf_clear(&out);
    assert_int_equal(datagram_cert(&self_a, &b.cert.id, &out), 0);
    check_golden(buf_slice(&out),
                 "48470104c5e21ab1c9f6022d81c3b25e3436cb7fc11ae4092c56101421f745612bdc6b51928c000101c4101111"
                 "111111111111111111111111111102c4208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801"
                 "b40f6f5c03c420ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d5904a56672612d"
                 "3105a665752f6672610664070108ce6553f10009ce673524800a010bc420e734ea6c2b6257de72355e472aa05a"
                 "4c487e6b463c029ed306df2f01b5636b58c44028004ca5f15e835d8aa0a6a3499e7883ad057d540afe69355577"
                 "b23cb718ae2a5b7bd49c1621190fd19e94e853dedf03942fc8a700b1e4b927e667a5f243ee09");

    /* The node file of the first of them. */
    buf_clear(&out);
    assert_int_equal(identity_encode(&out, &a), 0);
    assert_true(slice_eq(buf_slice(&out), slice_str("hedgerow node file v1: fra-1 in eu/fra, keep secret\n"
                                                    "kocBxCABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQLEIAICAgICAgIC\n"
                                                    "AgICAgICAgICAgICAgICAgICAgICAgICA8TjkowAAQHEEBERERERERERERERERER\n"
                                                    "ERECxCCKiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXAPEIM6NOtHMtjPs\n"
                                                    "e3DBeBSlx27NApaFBQ00R0W6BYcOWH1ZBKVmcmEtMQWmZXUvZnJhBmQHAQjOZVPx\n"
                                                    "AAnOZzUkgAoBC8Qg5zTqbCtiV95yNV5HKqBaTEh+a0Y8Ap7TBt8vAbVja1jEQCgA\n"
                                                    "TKXxXoNdiqCmo0meeIOtBX1UCv5pNVV3sjy3GK4qW3vUnBYhGQ/RnpToU97fA5Qv\n"
                                                    "yKcAseS5J+ZnpfJD7gkExBARERERERERERERERERERERBcQgEhISEhISEhISEhIS\n"
                                                    "EhISEhISEhISEhISEhISEhISEhIGEgeRxCDnNOpsK2JX3nI1XkcqoFpMSH5rRjwC\n"
                                                    "ntMG3y8BtWNrWMQIjteYF5yaW5U=\n")));
    assert_int_equal(identity_decode(&got, buf_slice(&out)), 0);
    assert_memory_equal(&got, &a, sizeof(a));
    buf_free(&first);
    buf_free(&out);
    buf_free(&payload);
}

/* ---- a long run over a bad network ---- */

#define ROUNDS 20000
#define FLIGHT 24

struct flying {
    struct packet packet;
    int from, to;
};

struct storm {
    struct rand r;
    struct flying flight[FLIGHT];
    size_t n;
    uint64_t next; /* payloads are numbered: each may be taken once */
    uint8_t taken[2 * ROUNDS];
    uint64_t numbers[NODES];
    int delivered;
};

static void fly(struct storm *s, int from, int to, struct buf *b)
{
    size_t i = s->n < FLIGHT ? s->n++ : rand_below(&s->r, FLIGHT); /* a full sky drops one */

    s->flight[i] = (struct flying){ packet_of(b), from, to };
}

static void storm_send(struct storm *s, int from, int to)
{
    uint8_t payload[8];
    struct buf b = BUF_EMPTY;

    be64_put(payload, s->next++);
    assert_int_equal(datagram_seal(&nodes[from].peer[to], &nodes[from].self, SLICE_OF(payload), &b), 0);
    fly(s, from, to, &b);
}

static void storm_land(struct storm *s)
{
    struct buf payload = BUF_EMPTY, answer = BUF_EMPTY;

    if (s->n == 0)
        return;
    size_t i = rand_below(&s->r, s->n); /* any order */
    struct flying f = s->flight[i];
    if (rand_below(&s->r, 3) != 0) /* a third comes again */
        s->flight[i] = s->flight[--s->n];
    if (rand_below(&s->r, 5) == 0)
        return;
    struct datagram_peer *p = &nodes[f.to].peer[f.from];
    int err = datagram_open(p, &nodes[f.to].self, packet_slice(&f.packet), &payload, NULL);
    if (err == 0 && payload.len > 0) {
        uint64_t number = be64_get(payload.data);
        assert_true(number < s->next);
        assert_int_equal(s->taken[number], 0);
        s->taken[number] = 1;
        s->delivered++;
    } else if (err == 0) {
        storm_send(s, f.to, f.from);
    } else if (err == MESH_E_STATE) {
        assert_int_equal(datagram_boot(p, &nodes[f.to].self, packet_slice(&f.packet), &answer), 0);
        fly(s, f.to, f.from, &answer);
    } else if (err == MESH_E_SEAL) {
        assert_int_equal(f.packet.bytes[3], DATAGRAM_BOOT); /* an answer to the boot before a jump */
    } else {
        assert_int_equal(err, MESH_E_REPLAY);
    }
    buf_free(&payload);
}

static void nothing_is_taken_twice_in_a_storm(void **state)
{
    static struct storm s;
    (void)state;

    world();
    s.r = rand_of(7, 7, 7);
    for (int round = 0; round < ROUNDS && s.next < 2 * ROUNDS - 1; round++) {
        int from = (int)rand_below(&s.r, NODES), to = (from + 1 + (int)rand_below(&s.r, NODES - 1)) % NODES;
        if (rand_below(&s.r, 3) == 0)
            storm_send(&s, from, to);
        switch (rand_below(&s.r, 400)) {
        case 0: boots(from, ++s.numbers[from]); break;
        case 1: boots(from, s.numbers[from]); break;      /* lost the last write of its boot file */
        case 2: boots(from, rand_below(&s.r, 3)); break;  /* lost all of it */
        case 3: meet(from, to); break;                    /* forgot a peer */
        case 4: nodes[from].self.boot.number += 2; break; /* jumped */
        }
        storm_land(&s);
    }
    assert_true(s.delivered > 2000);
    /* Calm: every pair understands each other, after one exchange and without one. */
    for (int n = 0; n < NODES; n++) {
        for (int m = 0; m < NODES; m++) {
            if (n == m)
                continue;
            assert_in_range(tell(n, m, "calm"), 0, 1);
            assert_int_equal(tell(n, m, "calm"), 0);
            assert_int_equal(tell(m, n, "calm"), 0);
        }
    }
}

/* A pair of key and counter is used once, over restarts with cloned boot files too. */
static void no_key_and_counter_come_twice(void **state)
{
    static struct digest used[4000];
    size_t n = 0;
    (void)state;

    world();
    for (int run = 0; run < 40; run++) {
        if (run % 2 == 0)
            boots(A, 5); /* always the same number */
        else
            meet(A, B);
        for (int i = 0; i < 50; i++) {
            if (i == 20)
                tell(A, B, "x");
            if (i == 40)
                boots(B, 6);
            struct packet k = seal(A, B, "x");
            uint8_t counter[8];
            be64_put(counter, nodes[A].peer[B].send_counter);
            assert_memory_equal(counter, k.bytes + 100, 8);
            digest_of(&used[n++], (const struct slice[]){ SLICE_OF(nodes[A].peer[B].send_key), SLICE_OF(counter) }, 2);
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(digest_eq(&used[i], &used[j]));
    }
}

static int start(void **state)
{
    static const char *const names[NODES] = { "fra-1", "ams-1", "lon-1" };
    (void)state;

    source = rand_of(1, 2, 3);
    randombytes_set_implementation(&repeatable);
    int err = crypto_start();
    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    for (int n = 0; n < NODES; n++) {
        struct admission what = { .name = slice_str(names[n]),
                                  .zone = SLICE_LIT("eu/x"),
                                  .not_before_s = 1700000000,
                                  .not_after_s = 1731536000,
                                  .serial = (uint64_t)n };
        err |= authority_admit(&identities[n], &authority, &what);
    }
    return err;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_contact_takes_one_exchange_for_both_directions),
        cmocka_unit_test(payloads_are_bounded),
        cmocka_unit_test(each_datagram_counts_once_within_a_window_of_64),
        cmocka_unit_test(first_datagrams_that_cross_meet_in_one_exchange),
        cmocka_unit_test(after_a_restart_one_exchange_is_enough),
        cmocka_unit_test(a_node_learns_that_it_was_further_once),
        cmocka_unit_test(a_jump_refuses_what_was_made_for_the_boot_before),
        cmocka_unit_test(no_run_takes_what_another_one_said),
        cmocka_unit_test(forgetting_a_peer_does_not_open_the_window),
        cmocka_unit_test(a_renewed_certificate_changes_nothing),
        cmocka_unit_test(boot_answers_count_once_and_in_order),
        cmocka_unit_test(late_datagrams_of_the_run_before_turn_nothing_back),
        cmocka_unit_test(twins_both_get_through),
        cmocka_unit_test(a_late_datagram_does_not_turn_the_epoch_back),
        cmocka_unit_test(counters_begin_anywhere),
        cmocka_unit_test(hello_ends_the_run_before),
        cmocka_unit_test(a_datagram_is_for_one_pair_and_direction),
        cmocka_unit_test(weak_keys_and_ourselves_are_no_peers),
        cmocka_unit_test(unknown_is_answered_by_one_certificate),
        cmocka_unit_test(only_data_is_answered),
        cmocka_unit_test(headers_are_read_strictly),
        cmocka_unit_test(flipping_any_bit_of_any_datagram_is_refused),
        cmocka_unit_test(golden_datagrams),
        cmocka_unit_test(nothing_is_taken_twice_in_a_storm),
        cmocka_unit_test(no_key_and_counter_come_twice),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
