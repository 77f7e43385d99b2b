/* test_mesh_forged.c - datagrams that somebody made up, kept, or sends from where he is not: what comes of them
 * (nothing), what they cost whoever is named as their source, and which counter says so. */
#include "mesh_world.h"

#define VICTIM mesh_addr_v4(0xc6336401, 53) /* it has nothing to do with any of this */

/* What is on its way to |to|, in bytes and datagrams. */
static size_t bound_for(struct world *w, const struct mesh_addr *to, unsigned *n)
{
    size_t bytes = 0;

    *n = 0;
    for (int i = 0; i < NODES; i++) {
        if (w->nodes[i].mesh != NULL)
            drain(w, i);
    }
    for (const struct packet *k = w->first; k != NULL; k = k->next) {
        if (mesh_addr_eq(&k->to, to)) {
            bytes += k->len;
            ++*n;
        }
    }
    return bytes;
}

/* The next datagram to |to| of that |kind| is taken off the way. */
static struct packet catch_kind(struct world *w, int to, enum datagram_kind kind)
{
    for (;;) {
        for (struct packet **at = &w->first; *at != NULL; at = &(*at)->next) {
            struct datagram_head head;
            struct packet *k = *at, got = *k;
            if (!mesh_addr_eq(&k->to, &w->nodes[to].addr) || datagram_peek(slice_of(k->bytes, k->len), &head) != 0 ||
                head.kind != kind)
                continue;
            *at = k->next;
            if (*at == NULL)
                w->last = at;
            free(k);
            return got;
        }
        assert_true(w->now < SEC(200));
        run_for(w, DELAY / 4);
    }
}

static void from_victim(struct world *w, int to, struct slice datagram)
{
    struct mesh_addr victim = VICTIM;
    mesh_recv(mesh_of(w, to), w->now, WALL, &victim, datagram);
}

/* ---- G1: who is named as the source gets no more than was sent in its name ---- */

static void rob_G1_strangers_get_no_more_bytes_than_they_send(void **state)
{
    (void)state;
    struct world *w = company(2);
    struct identity guest = admit(&authority, "guest", "eu/z9", 1);
    struct datagram_self self = { &guest, { 1, 1 } };
    struct datagram_peer peer = { .magic = 0 };
    struct mesh_addr victim = VICTIM;
    uint8_t zeros[DATAGRAM_MAX] = { 0 };
    size_t sent = 0, got = 0;
    unsigned n = 0;

    /* True, cut, and made up at every length: of every kind. */
    assert_int_equal(datagram_peer_init(&peer, &self, &identities[1].cert), 0);
    for (size_t len = 0; len <= datagram_payload_max(); len += 97) {
        struct buf b = BUF_EMPTY;
        assert_int_equal(datagram_seal(&peer, &self, slice_of(zeros, len), &b), 0);
        for (uint8_t kind = 0; kind < 6; kind++) {
            for (size_t cut = 0; cut <= b.len; cut += 31) {
                b.data[3] = kind;
                from_victim(w, 1, slice_head(buf_slice(&b), b.len - cut));
                sent += b.len - cut;
                got = bound_for(w, &victim, &n);
                assert_true(got <= sent);
            }
        }
        buf_free(&b);
    }
    assert_true(n > 10); /* the true ones are answered */
    assert_true(got * 2 < sent);
    datagram_peer_wipe(&peer);
    world_free(w);
}

/* A member's datagrams, kept by whoever stands on the way and sent again in somebody's name. */
static void rob_G1_a_tape_played_in_a_victims_name_is_answered_by_no_more(void **state)
{
    (void)state;
    struct world *w = company(2);
    struct mesh_addr victim = VICTIM;
    struct packet tape[8];
    size_t sent = 0;
    unsigned n = 0;

    for (int i = 0; i < 8; i++)
        tape[i] = catch_kind(w, 1, DATAGRAM_DATA);
    stop(w, 1);
    join(w, 1, 90, 0); /* another run: what was for the one before is answered with BOOT */
    run_for(w, SEC(2));
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < 8; i++) {
            from_victim(w, 1, slice_of(tape[i].bytes, tape[i].len));
            sent += tape[i].len;
            assert_true(bound_for(w, &victim, &n) <= sent);
        }
    }
    assert_true(n > 0);
    world_free(w);
}

/* UNKNOWN is small and calls for a certificate and a datagram; BOOT calls for a datagram. True ones, held up and sent on
 * from elsewhere, have them go to the peer. */
static void rob_G1_what_unknown_and_boot_call_for_goes_to_the_peer(void **state)
{
    static const enum datagram_kind kinds[] = { DATAGRAM_UNKNOWN, DATAGRAM_BOOT };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world *w = company(2);
        struct mesh_addr victim = VICTIM;
        unsigned before, after, n;

        w->no_streams = true;
        stop(w, 1);
        start(w, 1, 50); /* it knows nobody */
        if (kinds[i] == DATAGRAM_BOOT)
            give_members(w, 0, 1); /* or nobody's boot */
        int at = kinds[i] == DATAGRAM_UNKNOWN ? 0 : 1; /* who spoke first and is answered so */
        const struct mesh_addr *peer = &w->nodes[1 - at].addr;
        struct packet k = catch_kind(w, at, kinds[i]);
        bound_for(w, peer, &before);
        from_victim(w, at, slice_of(k.bytes, k.len));
        assert_int_equal(bound_for(w, &victim, &n), 0);
        bound_for(w, peer, &after);
        assert_int_equal(after, before + (kinds[i] == DATAGRAM_UNKNOWN ? 2 : 1));
        from_victim(w, at, slice_of(k.bytes, k.len)); /* and only once */
        bound_for(w, peer, &n);
        assert_int_equal(n, after);
        run_for(w, SEC(8)); /* none of which does harm */
        assert_int_equal(mesh_alive(mesh_of(w, 1)), 2);
        world_free(w);
    }
}

/* An UNKNOWN that nobody sent needs the counter of a datagram of ours: 62 bits to be guessed. */
static void rob_G1_a_made_up_unknown_calls_for_nothing(void **state)
{
    (void)state;
    struct world *w = company(2);
    struct rand r = rand_of(4, 4, 4);
    struct packet k = catch_kind(w, 1, DATAGRAM_DATA);
    uint64_t counter = be64_get(k.bytes + 100);
    struct mesh_counters before = *mesh_counters(mesh_of(w, 0));
    uint8_t made[44];
    unsigned n, none;

    memcpy(made, "HG\1\3", 4);
    memcpy(made + 4, id_of(w, 1)->bytes, NODE_ID_BYTES);
    memcpy(made + 20, id_of(w, 0)->bytes, NODE_ID_BYTES);
    bound_for(w, &w->nodes[1].addr, &none);
    for (int i = 0; i < 2000; i++) {
        be64_put(made + 36, i < 1000 ? counter + 2 + (uint64_t)i : rand_u64(&r) >> 2);
        from_victim(w, 0, SLICE_OF(made));
    }
    bound_for(w, &w->nodes[1].addr, &n);
    assert_int_equal(n, none);
    assert_int_equal(mesh_counters(mesh_of(w, 0))->datagrams_unsealed, before.datagrams_unsealed + 2000);
    world_free(w);
}

static void rob_G1_answers_have_a_pace(void **state)
{
    (void)state;
    struct world *w = company(2);
    struct identity guest = admit(&authority, "guest", "eu/z9", 1);
    struct datagram_self self = { &guest, { 1, 1 } };
    struct datagram_peer peer = { .magic = 0 };
    struct mesh_addr victim = VICTIM;
    struct buf b = BUF_EMPTY;
    unsigned n;

    assert_int_equal(datagram_peer_init(&peer, &self, &identities[1].cert), 0);
    assert_int_equal(datagram_seal(&peer, &self, SLICE_EMPTY, &b), 0);
    for (int i = 0; i < 1000; i++)
        from_victim(w, 1, buf_slice(&b));
    bound_for(w, &victim, &n);
    assert_int_equal(n, 256);
    assert_int_equal(mesh_counters(mesh_of(w, 1))->answers_limited, 744);
    /* In all, too: whatever is named as the source. */
    unsigned all = n;
    for (uint32_t i = 0; i < 8000; i++) {
        struct mesh_addr from = mesh_addr_v4(0xc6000000u + i, 53);
        mesh_recv(mesh_of(w, 1), w->now, WALL, &from, buf_slice(&b));
        bound_for(w, &from, &n);
        all += n;
    }
    assert_int_equal(all, 4096);
    assert_int_equal(mesh_counters(mesh_of(w, 1))->answers_limited, 744 + 8000 - (4096 - 256));
    /* A member that is restarted meanwhile waits for its turn and gets it. */
    run_for(w, MS(100));
    stop(w, 0);
    w->no_streams = true;
    start(w, 0, 60);
    give_members(w, 1, 0);
    run_for(w, SEC(4));
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 2);
    buf_free(&b);
    world_free(w);
}

/* ---- G2: there is no coming in without an authority ---- */

static void rob_G2_a_thousand_unsigned_nodes_are_no_members(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct authority other;
    struct mesh *m = mesh_of(w, 1);
    uint64_t at_first = epoch(w, 1), digest = mesh_digest(m), refused = mesh_counters(m)->certs_refused;
    struct mesh_addr from = VICTIM;

    authority_make(&other, MESH_ARC_BITS_MIN);
    other.mesh = authority.mesh; /* it says so, and signs with another key */
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "sybil%d", i);
        struct identity id = admit(&other, name, "eu/z9", 1);
        struct datagram_self self = { &id, { 1, 1 } };
        struct member_record record = paper(&id, 100);
        struct buf cert = BUF_EMPTY;
        assert_int_equal(datagram_cert(&self, id_of(w, 1), &cert), 0);
        mesh_recv(m, w->now, WALL, &from, buf_slice(&cert));
        tell(m, w->now, WALL, identity_cert(&id), &record); /* by a member that lies */
        buf_free(&cert);
    }
    assert_true(mesh_counters(m)->certs_refused >= refused + 1000);
    assert_int_equal(mesh_count(m), 3);
    assert_int_equal(mesh_digest(m), digest);
    run_for(w, SEC(5));
    check_agreed(w, 3, 3);
    assert_int_equal(epoch(w, 1), at_first);
    world_free(w);
}

/* ---- M2: who may not speak is not listened to ---- */

static void sealed_by(const struct identity *id, struct world *w, int to, struct slice payload, struct buf *out)
{
    struct datagram_self self = { id, { 1, 1 } };
    struct datagram_peer peer = { .magic = 0 };

    assert_int_equal(datagram_peer_init(&peer, &self, &w->nodes[to].id->cert), 0);
    assert_int_equal(datagram_seal(&peer, &self, payload, out), 0);
    datagram_peer_wipe(&peer);
}

static void rob_M2_wrong_keys_are_dropped_by_the_header_and_the_seal(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct mesh *m = mesh_of(w, 1);
    const struct mesh_counters *c = mesh_counters(m);
    uint64_t digest = mesh_digest(m), malformed = mesh_gossip_counters(m)->malformed;
    struct authority other;
    struct buf b = BUF_EMPTY;
    struct mesh_counters before;

    authority_make(&other, MESH_ARC_BITS_MIN);
    struct identity unknown = admit(&authority, "unknown", "z", 1), foreign = admit(&other, "foreign", "z", 1);
    struct identity thief = unknown; /* says that it is node 0, without its key */
    thief.cert.id = *id_of(w, 0);
    const struct identity *speakers[] = { &unknown, &foreign, &thief };
    for (size_t i = 0; i < 3; i++) {
        before = *c;
        buf_clear(&b);
        sealed_by(speakers[i], w, 1, SLICE_LIT("\x81 what gossip would never forgive"), &b);
        from_victim(w, 1, buf_slice(&b));
        assert_int_equal(c->datagrams_unknown, before.datagrams_unknown + (i < 2));
        assert_int_equal(c->datagrams_unsealed, before.datagrams_unsealed + (i == 2));
    }
    /* Right key, wrong mesh: the pair key holds the mesh's id. */
    struct identity moved = *w->nodes[0].id;
    moved.mesh.id.bytes[0] ^= 1;
    before = *c;
    buf_clear(&b);
    sealed_by(&moved, w, 1, SLICE_LIT("hello"), &b);
    from_victim(w, 1, buf_slice(&b));
    assert_int_equal(c->datagrams_unsealed, before.datagrams_unsealed + 1);
    /* Revoked: by the id in the header, before anything is opened. */
    struct roll roll = { .mesh = authority.mesh.id, .sequence = 1, .at_s = WALL, .live_n = 1 };
    struct roll_revoked v = { .id = *id_of(w, 0), .serial = 1, .at_s = WALL };
    struct buf signed_roll = BUF_EMPTY;
    strcpy(v.name, "n0");
    memcpy(roll.live[0].key, authority.key, SIGN_KEY_BYTES);
    assert_int_equal(roll_revoke(&roll, &v), 0);
    assert_int_equal(roll_sign(&signed_roll, &roll, authority.secret), 0);
    struct packet k = catch_kind(w, 1, DATAGRAM_DATA);
    assert_int_equal(mesh_roll_take(m, w->now, buf_slice(&signed_roll)), 0);
    before = *c;
    buf_clear(&b);
    sealed_by(w->nodes[0].id, w, 1, SLICE_LIT("hello"), &b);
    from_victim(w, 1, buf_slice(&b));
    from_victim(w, 1, slice_of(k.bytes, k.len));
    assert_in_range(c->datagrams_revoked - before.datagrams_revoked, 1, 2); /* |k| may be of node 2 */
    assert_int_equal(c->datagrams_unsealed, before.datagrams_unsealed);
    assert_int_equal(mesh_gossip_counters(m)->malformed, malformed); /* none of it was read */
    assert_true(digest != 0);
    roll_free(&roll);
    buf_free(&signed_roll);
    buf_free(&b);
    world_free(w);
}

/* ---- M3 and row 29: what was said once is not said again ---- */

#define TAPE 400

/* All that two nodes said to each other, in this run and through a restart of either with its boot file and without:
 * played again, in order and backwards, at every turn. */
static void row_29_a_tape_of_all_datagrams_is_void_after_any_restart(void **state)
{
    static struct packet tape[TAPE];
    static const uint64_t boots[] = { 20, 10, 30, 5 }; /* a good file, one of an old copy, a good one, a lost one */

    (void)state;
    struct world *w = company(3);
    size_t n = 0;

    for (size_t i = 0; i < 5; i++) {
        for (int k = 0; k < 12 && n < TAPE; k++) {
            tape[n] = catch_kind(w, 1, DATAGRAM_DATA);
            struct packet *p = &tape[n++];
            mesh_recv(mesh_of(w, 1), w->now, WALL, &p->from, slice_of(p->bytes, p->len));
        }
        uint64_t digest = mesh_digest(mesh_of(w, 1));
        struct mesh_counters before = *mesh_counters(mesh_of(w, 1));
        struct gossip_counters heard = *mesh_gossip_counters(mesh_of(w, 1));
        for (size_t k = 0; k < 2 * n; k++) {
            const struct packet *p = &tape[k < n ? k : 2 * n - 1 - k];
            mesh_recv(mesh_of(w, 1), w->now, WALL, &p->from, slice_of(p->bytes, p->len));
        }
        const struct mesh_counters *after = mesh_counters(mesh_of(w, 1));
        /* Each was dropped and counted, or was answered with BOOT: gossip saw none of them. */
        assert_true(after->datagrams_replayed >= before.datagrams_replayed + 2 * 12);
        assert_int_equal(mesh_digest(mesh_of(w, 1)), digest);
        assert_int_equal(memcmp(&heard, mesh_gossip_counters(mesh_of(w, 1)), sizeof(heard)), 0);
        if (i == 4)
            break;
        stop(w, i % 2 == 0 ? 1 : 0);
        join(w, i % 2 == 0 ? 1 : 0, boots[i], 2);
        run_for(w, SEC(6));
        check_agreed(w, 3, 3);
    }
    run_for(w, SEC(6));
    check_agreed(w, 3, 3);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rob_G1_strangers_get_no_more_bytes_than_they_send),
        cmocka_unit_test(rob_G1_a_tape_played_in_a_victims_name_is_answered_by_no_more),
        cmocka_unit_test(rob_G1_what_unknown_and_boot_call_for_goes_to_the_peer),
        cmocka_unit_test(rob_G1_a_made_up_unknown_calls_for_nothing),
        cmocka_unit_test(rob_G1_answers_have_a_pace),
        cmocka_unit_test(rob_G2_a_thousand_unsigned_nodes_are_no_members),
        cmocka_unit_test(rob_M2_wrong_keys_are_dropped_by_the_header_and_the_seal),
        cmocka_unit_test(row_29_a_tape_of_all_datagrams_is_void_after_any_restart),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
