/* test_datagram_forged.c - forgeries; the bytes of each kind, made by an independent
 * implementation; and a long run over a bad network in which nothing may be taken twice. */
#include "datagram_world.h"

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

static void rob_M4_flipping_any_bit_of_any_datagram_is_refused(void **state)
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

static void row_29_nothing_is_taken_twice_in_a_storm(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rob_M4_flipping_any_bit_of_any_datagram_is_refused),
        cmocka_unit_test(golden_datagrams),
        cmocka_unit_test(row_29_nothing_is_taken_twice_in_a_storm),
        cmocka_unit_test(no_key_and_counter_come_twice),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
