/* test_mesh_certs.c - how certificates are come by, refused, renewed and passed on. */
#include "mesh_world.h"

static void a_forgetful_node_is_found_again_by_datagrams(void **state)
{
    (void)state;
    struct world *w = company(4);
    mesh_ns began;

    stop(w, 2);
    run_for(w, MS(300));
    start(w, 2, 50); /* no seeds, no certificates: it only listens */
    began = w->now;
    while (view(w, 0, 2) != MEMBER_ALIVE || mesh_alive(mesh_of(w, 2)) < 4) {
        run_for(w, MS(100));
        assert_true(w->now < began + SEC(15));
    }
    assert_true(mesh_counters(mesh_of(w, 2))->datagrams_unknown > 0);
    run_for(w, SEC(8));
    check_agreed(w, 4, 4);
    world_free(w);
}

static void known_certificates_suffice_for_a_first_word(void **state)
{
    (void)state;
    struct world *w = world_new();

    /* Each holds the other's certificate and record, but no boots were exchanged by HELLO:
     * the first datagram fetches BOOT, and what it carried goes again at once. */
    w->no_streams = true;
    start(w, 0, 1);
    start(w, 1, 1);
    give_members(w, 0, 1);
    while (mesh_counters(mesh_of(w, 0))->datagrams_in == 0) {
        run_for(w, DELAY / 5);
        assert_true(w->now < SEC(103));
    }
    run_for(w, 8 * DELAY); /* UNKNOWN, CERT and the payload, BOOT, the payload again */
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 2);
    run_for(w, SEC(3));
    assert_int_equal(mesh_alive(mesh_of(w, 1)), 2);
    assert_true(mesh_gossip_counters(mesh_of(w, 1))->acks > 0);
    assert_int_equal(mesh_gossip_counters(mesh_of(w, 1))->suspicions, 0);
    world_free(w);
}

/* A well-sealed datagram to |to| of an identity that nobody admitted here. */
static void foreign_datagram(struct world *w, const struct identity *id, int to, struct buf *data, struct buf *cert)
{
    struct datagram_self self = { id, { 1, 1 } };
    struct datagram_peer peer = { .magic = 0 };

    assert_int_equal(datagram_peer_init(&peer, &self, &w->nodes[to].id->cert), 0);
    assert_int_equal(datagram_seal(&peer, &self, SLICE_LIT("let me in"), data), 0);
    assert_int_equal(datagram_cert(&self, id_of(w, to), cert), 0);
}

static void a_foreign_mesh_gets_nowhere(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct authority stranger;
    struct buf data = BUF_EMPTY, cert = BUF_EMPTY;
    struct mesh *m = mesh_of(w, 1);
    uint64_t unknown = mesh_counters(m)->datagrams_unknown;
    struct mesh_member member;
    struct mesh_out out;

    authority_make(&stranger, MESH_ARC_BITS_MIN);
    struct identity guest = admit(&stranger, "guest", "eu/z9", 1);
    struct mesh_addr from = mesh_addr_v4(0x0a090909, 7400);
    foreign_datagram(w, &guest, 1, &data, &cert);
    mesh_recv(m, w->now, WALL, &from, buf_slice(&data));
    assert_int_equal(mesh_counters(m)->datagrams_unknown, unknown + 1);
    assert_true(mesh_poll(m, &out) && out.kind == MESH_SEND && out.bytes.len <= data.len);
    assert_false(mesh_poll(m, &out));

    for (int i = 0; i < 200; i++)
        mesh_recv(m, w->now, WALL, &from, buf_slice(&cert));
    assert_in_range(mesh_counters(m)->certs_refused, 1, 199); /* and few of them cost a signature check */
    assert_false(mesh_poll(m, &out));
    assert_false(mesh_find(m, &guest.cert.id, &member));
    assert_int_equal(mesh_count(m), 3);
    run_for(w, SEC(2));
    check_agreed(w, 3, 3);
    buf_free(&data);
    buf_free(&cert);
    world_free(w);
}

static void crowd(struct mesh *m, mesh_ns now, unsigned n, int64_t wall_s)
{
    for (unsigned i = 0; i < n; i++) {
        char name[24];
        snprintf(name, sizeof(name), "paper%u", i);
        struct identity id = admit(&authority, name, "us/paper", 1);
        struct member_record record = paper(&id, 100);
        tell(m, now, wall_s, identity_cert(&id), &record);
    }
}

static void many_members_travel_in_several_frames(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct msg_members_out out = { .n = 0 };
    struct mesh_member a, b;

    start(w, 0, 1);
    start(w, 1, 1);
    crowd(mesh_of(w, 0), w->now, 230, WALL);
    assert_int_equal(mesh_count(mesh_of(w, 0)), 231);
    size_t next = mesh_members_put(mesh_of(w, 0), 0, NULL, &out);
    assert_int_equal(out.n, next);
    assert_in_range(next, 60, MSG_MEMBERS_MAX);
    assert_true(out.items.len <= 60000);
    buf_free(&out.items);
    give_members(w, 0, 1);
    assert_int_equal(mesh_count(mesh_of(w, 1)), 232); /* and itself */
    assert_true(mesh_member(mesh_of(w, 0), 230, &a));
    assert_true(mesh_find(mesh_of(w, 1), &a.record->id, &b));
    assert_true(slice_eq(a.cert_raw, b.cert_raw));
    world_free(w);
}

static void expired_certificates_are_skipped_and_counted(void **state)
{
    (void)state;
    struct world *w = world_new();

    start(w, 0, 1);
    crowd(mesh_of(w, 0), w->now, 5, WALL + INT64_C(30) * 86400);
    assert_int_equal(mesh_count(mesh_of(w, 0)), 1);
    assert_int_equal(mesh_counters(mesh_of(w, 0))->certs_refused, 5);
    world_free(w);
}

static struct identity renew(const struct identity *old)
{
    struct identity id = *old;
    struct buf raw = BUF_EMPTY;

    id.cert.serial++;
    id.cert.weight_max = 400;
    strcpy(id.cert.zone, "eu/moved");
    assert_int_equal(cert_sign(&raw, &id.cert, authority.secret), 0);
    memcpy(id.cert_raw, raw.data, raw.len);
    id.cert_len = raw.len;
    buf_free(&raw);
    return id;
}

static void a_renewed_certificate_takes_the_place_of_the_old(void **state)
{
    (void)state;
    struct world *w = company(4);
    struct identity renewed = renew(&identities[1]);
    struct mesh_member m;

    stop(w, 1);
    w->nodes[1].id = &renewed;
    join(w, 1, 20, 0);
    run_for(w, SEC(8));
    for (int i = 0; i < 4; i++) { /* also those who hear only by gossip that there is a later one */
        assert_true(mesh_find(mesh_of(w, i), id_of(w, 1), &m));
        assert_int_equal(m.cert->serial, 2);
        assert_string_equal(m.cert->zone, "eu/moved");
        assert_int_equal(m.record->weight, 400);
    }
    check_agreed(w, 4, 4);

    /* Who still shows the old one changes nothing. */
    const struct identity *old = &identities[1];
    struct boot boot = { 1, 1 };
    assert_int_equal(mesh_met(mesh_of(w, 0), w->now, &old->cert, identity_cert(old), boot, &w->nodes[1].addr), 0);
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    assert_int_equal(m.cert->serial, 2);
    world_free(w);
}

static void exchanges_are_asked_for_once_a_second_at_most(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct boot boot = { 5, 5 };

    w->no_streams = true;
    start(w, 0, 1);
    for (int i = 0; i < 50; i++) { /* 2.5 seconds of a peer that we know no record of */
        assert_int_equal(mesh_met(mesh_of(w, 0), w->now, &identities[1].cert, identity_cert(&identities[1]), boot,
                                  &w->nodes[1].addr),
                         0);
        run_for(w, MS(50));
    }
    assert_int_equal(w->nodes[0].syncs, 3);
    run_for(w, SEC(5)); /* what was asked for meanwhile comes when its second is over, once */
    assert_int_equal(w->nodes[0].syncs, 4);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forgetful_node_is_found_again_by_datagrams),
        cmocka_unit_test(known_certificates_suffice_for_a_first_word),
        cmocka_unit_test(a_foreign_mesh_gets_nowhere),
        cmocka_unit_test(many_members_travel_in_several_frames),
        cmocka_unit_test(expired_certificates_are_skipped_and_counted),
        cmocka_unit_test(a_renewed_certificate_takes_the_place_of_the_old),
        cmocka_unit_test(exchanges_are_asked_for_once_a_second_at_most),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
