/* test_mesh_roll.c - revoked at once and for good; authorities that come and go. */
#include "mesh_world.h"

/* The next roll of the world's authority. */
static struct roll roll;
static struct buf bytes;

static int fresh(void **state)
{
    (void)state;
    roll_free(&roll);
    roll_init(&roll, &authority.mesh);
    buf_free(&bytes);
    return 0;
}

static struct slice publish(const struct authority *by)
{
    roll.sequence++;
    roll.at_s = WALL;
    buf_clear(&bytes);
    assert_int_equal(roll_sign(&bytes, &roll, by->secret), 0);
    return buf_slice(&bytes);
}

static struct slice publish_revoked(const struct identity *id, bool drop)
{
    struct roll_revoked v = { .id = id->cert.id, .serial = 1, .at_s = WALL, .drop = drop };

    strcpy(v.name, id->cert.name);
    assert_int_equal(roll_revoke(&roll, &v), 0);
    return publish(&authority);
}

static bool knows(struct world *w, int n, int of)
{
    struct mesh_member m;
    return mesh_find(mesh_of(w, n), id_of(w, of), &m);
}

static void check_without(struct world *w, int gone, size_t left)
{
    for (int i = 0; i < NODES; i++) {
        if (i == gone || w->nodes[i].mesh == NULL)
            continue;
        assert_false(knows(w, i, gone));
        assert_int_equal(mesh_alive(mesh_of(w, i)), left);
        assert_int_equal(ring_size(mesh_ring(mesh_of(w, i))), left);
        assert_int_equal(epoch(w, i), epoch(w, 0));
    }
}

static void revoked_is_out_of_the_ring_in_the_same_instant(void **state)
{
    (void)state;
    struct world *w = company(4);
    struct slice r = publish_revoked(&identities[2], true);

    assert_int_equal(mesh_admits(mesh_of(w, 0), &identities[2].cert), 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, r), 0);
    assert_false(knows(w, 0, 2));
    assert_int_equal(ring_size(mesh_ring(mesh_of(w, 0))), 3);
    assert_int_equal(mesh_admits(mesh_of(w, 0), &identities[2].cert), MESH_E_REVOKED);
    drain(w, 0);
    assert_int_equal(w->nodes[0].outs, 1);
    assert_int_equal(w->nodes[0].rolls, 1);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, r), MESH_E_EXISTS);
    assert_true(slice_eq(mesh_roll_bytes(mesh_of(w, 0)), r));
    world_free(w);
}

static void gossip_tells_everybody_that_there_is_a_roll(void **state)
{
    (void)state;
    struct world *w = company(5);
    mesh_ns began = w->now;

    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish_revoked(&identities[4], true)), 0);
    for (int i = 1; i < 4; i++) {
        while (mesh_roll(mesh_of(w, i))->sequence == 0) {
            run_for(w, MS(50));
            assert_true(w->now < began + SEC(5));
        }
    }
    run_for(w, SEC(20)); /* the revoked one goes on talking all the while */
    check_without(w, 4, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(w->nodes[i].outs, 1);
        assert_int_equal(w->nodes[i].deaths, 0);
        assert_true(mesh_counters(mesh_of(w, i))->datagrams_revoked > 0);
    }
    world_free(w);
}

static void neither_rumour_nor_members_nor_a_stream_bring_it_back(void **state)
{
    (void)state;
    struct world *w = company(4);
    struct member_record r = paper(&identities[3], 100);

    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish_revoked(&identities[3], true)), 0);
    r.boot = 1000;
    w->no_streams = true; /* so nobody else hears of the roll: they go on speaking of it */
    tell(mesh_of(w, 0), w->now, WALL, identity_cert(&identities[3]), &r);
    give_members(w, 1, 0);
    run_for(w, SEC(20));
    assert_true(knows(w, 1, 3));
    assert_false(knows(w, 0, 3));
    assert_int_equal(ring_size(mesh_ring(mesh_of(w, 0))), 3);
    assert_true(mesh_counters(mesh_of(w, 0))->certs_refused >= 2);
    assert_int_equal(mesh_met(mesh_of(w, 0), w->now, &identities[3].cert, identity_cert(&identities[3]),
                              mesh_boot(mesh_of(w, 3)), &w->nodes[3].addr),
                     MESH_E_REVOKED);
    world_free(w);
}

static void a_node_that_was_away_learns_it_when_it_is_back(void **state)
{
    (void)state;
    struct world *w = company(4);

    stop(w, 1);
    run_for(w, SEC(1));
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish_revoked(&identities[3], true)), 0);
    run_for(w, SEC(5));
    join(w, 1, 50, 2);
    assert_false(mesh_behind(mesh_of(w, 1), w->now));
    mesh_roll_claimed(mesh_of(w, 1), w->now, id_of(w, 2), mesh_roll(mesh_of(w, 2))->sequence, 0);
    assert_true(mesh_behind(mesh_of(w, 1), w->now));
    run_for(w, SEC(10));
    assert_false(mesh_behind(mesh_of(w, 1), w->now));
    check_without(w, 3, 3);
    world_free(w);
}

static void what_was_kept_holds_from_the_first_instant(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct slice r = publish_revoked(&identities[2], true);
    struct mesh_config cfg = config_of(w, 3);

    cfg.roll = r;
    start_with(w, 3, &cfg);
    assert_int_equal(mesh_roll(mesh_of(w, 3))->sequence, 1);
    assert_int_equal(mesh_admits(mesh_of(w, 3), &identities[2].cert), MESH_E_REVOKED);
    cfg = config_of(w, 4);
    cfg.roll = slice_head(r, r.len - 1);
    start_with(w, 4, &cfg);
    assert_int_equal(mesh_roll(mesh_of(w, 4))->sequence, 0);
    assert_int_equal(mesh_admits(mesh_of(w, 4), &identities[2].cert), 0);
    world_free(w);
}

static unsigned kept;
static uint64_t kept_when; /* how many rolls were in force as it was kept */

static void keep(void *ctx, struct slice r)
{
    struct world *w = ctx;

    kept++;
    kept_when = mesh_roll(mesh_of(w, 0))->sequence;
    assert_true(slice_eq(r, buf_slice(&bytes)));
}

static void a_roll_is_kept_before_it_is_in_force_and_only_if_it_is_news(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct mesh_config cfg = config_of(w, 0);
    struct authority stranger;
    struct buf other = BUF_EMPTY;

    cfg.keep_roll = keep;
    cfg.keep_ctx = w;
    start_with(w, 0, &cfg);
    kept = 0;
    kept_when = 99;
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish_revoked(&identities[2], true)), 0);
    assert_int_equal(kept, 1);
    assert_int_equal(kept_when, 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, buf_slice(&bytes)), MESH_E_EXISTS);
    buf_add_slice(&other, buf_slice(&bytes));
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish_revoked(&identities[3], true)), 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, buf_slice(&other)), MESH_E_STATE);
    assert_int_equal(kept, 2);

    authority_make(&stranger, MESH_ARC_BITS_MIN);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, SLICE_LIT("nonsense")), MESH_E_SYNTAX);
    struct roll theirs;
    roll_init(&theirs, &stranger.mesh);
    theirs.sequence = 100;
    buf_clear(&other);
    assert_int_equal(roll_sign(&other, &theirs, stranger.secret), 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, buf_slice(&other)), MESH_E_WRONG_MESH);
    theirs.mesh = authority.mesh.id;
    buf_clear(&other);
    assert_int_equal(roll_sign(&other, &theirs, stranger.secret), 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, buf_slice(&other)), MESH_E_SIGNATURE);
    assert_int_equal(kept, 2);
    assert_int_equal(mesh_roll(mesh_of(w, 0))->sequence, 2);
    buf_free(&other);
    world_free(w);
}

static void two_rolls_of_one_number_end_with_the_same_everywhere(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct buf a = BUF_EMPTY;

    start(w, 0, 1);
    start(w, 1, 1);
    buf_add_slice(&a, publish_revoked(&identities[2], true));
    roll.sequence--;
    struct slice b = publish_revoked(&identities[3], true);
    int err0 = mesh_roll_take(mesh_of(w, 0), w->now, buf_slice(&a));
    assert_int_equal(err0, 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 1), w->now, b), 0);
    int first = mesh_roll_take(mesh_of(w, 0), w->now, b), second = mesh_roll_take(mesh_of(w, 1), w->now, buf_slice(&a));
    assert_true((first == 0) != (second == 0));
    assert_true(slice_eq(mesh_roll_bytes(mesh_of(w, 0)), mesh_roll_bytes(mesh_of(w, 1))));
    assert_int_equal(mesh_roll_forked(mesh_of(w, 0)), first == 0);
    assert_int_equal(mesh_roll_forked(mesh_of(w, 1)), second == 0);
    buf_free(&a);
    world_free(w);
}

static void a_boaster_holds_nobody_up_for_long(void **state)
{
    (void)state;
    struct world *w = company(3);

    run_for(w, SEC(100)); /* the clock is well past its beginning */
    w->no_streams = true;
    mesh_roll_claimed(mesh_of(w, 0), w->now, id_of(w, 1), 1000, 0);
    assert_true(mesh_behind(mesh_of(w, 0), w->now));
    run_for(w, SEC(3));
    assert_false(mesh_behind(mesh_of(w, 0), w->now));
    for (int i = 0; i < 20; i++) {
        mesh_roll_claimed(mesh_of(w, 0), w->now, id_of(w, 1), 1001, 0);
        assert_false(mesh_behind(mesh_of(w, 0), w->now));
        run_for(w, SEC(1));
    }
    assert_in_range(w->nodes[0].asks, 1, 22);
    mesh_roll_claimed(mesh_of(w, 0), w->now, id_of(w, 2), 1000, 0); /* somebody else's word */
    assert_true(mesh_behind(mesh_of(w, 0), w->now));
    world_free(w);
}

/* ---- authorities ---- */

static void a_new_authority_admits_and_a_retired_one_does_not(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct authority next;
    struct identity young;

    authority_make_next(&next, &authority);
    young = admit(&next, "young", "eu/z9", 9);
    memcpy(next.mesh.authorities[1], next.key, SIGN_KEY_BYTES);
    assert_int_equal(mesh_admits(mesh_of(w, 0), &young.cert), MESH_E_SIGNATURE);
    assert_int_equal(roll_add(&roll, next.key, WALL, authority.secret), 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish(&next)), 0);
    drain(w, 0);
    assert_int_equal(mesh_admits(mesh_of(w, 0), &young.cert), 0);
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 3); /* nothing happens to those of the old one */
    assert_int_equal(w->nodes[0].outs, 0);
    assert_int_equal(mesh_self(mesh_of(w, 0))->mesh.authorities_n, 2);
    struct member_record r = paper(&young, 100);
    tell(mesh_of(w, 0), w->now, WALL, identity_cert(&young), &r);
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 4);
    assert_int_equal(mesh_vouches(mesh_of(w, 0), &young.cert, identity_cert(&young)), 0);

    assert_int_equal(roll_retire(&roll, authority.key), 0);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish(&next)), 0);
    drain(w, 0);
    assert_int_equal(w->nodes[0].outs, 2);
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 2); /* ourselves, whatever that means now, and the young one */
    assert_int_equal(mesh_admits(mesh_of(w, 0), &identities[0].cert), MESH_E_SIGNATURE);
    assert_true(mesh_self(mesh_of(w, 0))->mesh.founder_retired);
    assert_memory_equal(mesh_self(mesh_of(w, 0))->mesh.authorities[0], authority.key, SIGN_KEY_BYTES);
    assert_int_equal(mesh_vouches(mesh_of(w, 0), &identities[1].cert, identity_cert(&identities[1])), MESH_E_UNKNOWN);
    assert_false(mesh_still_vouches(mesh_of(w, 0), &identities[1].cert));
    world_free(w);
}

/* Node 1's keys, certified again. */
static struct identity renewed(const struct authority *by, uint64_t serial, const char *zone, uint32_t weight)
{
    struct identity id;
    const struct admission what = { .name = SLICE_LIT("n1"),
                                    .zone = slice_str(zone),
                                    .not_after_s = WALL + 9999,
                                    .serial = serial,
                                    .weight_max = weight };

    assert_int_equal(authority_readmit(&id, &identities[1], by, &what), 0);
    return id;
}

static void a_renewed_certificate_reaches_everybody_and_moves_nothing(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct identity other = renewed(&authority, 5, "eu/z1", 100), fork = identities[2];
    uint64_t before = epoch(w, 0), rings = w->nodes[0].rings;
    struct mesh_member m;

    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &identities[1]), MESH_E_EXISTS);
    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &fork), MESH_E_STATE);
    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &other), 0);
    struct identity moved = renewed(&authority, 6, "eu/z2", 100), older = renewed(&authority, 4, "eu/z1", 100);
    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &moved), MESH_E_STATE);
    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &older), MESH_E_RANGE);
    run_for(w, SEC(10));
    for (int i = 0; i < 3; i++) {
        assert_true(mesh_find(mesh_of(w, i), id_of(w, 1), &m));
        assert_int_equal(m.cert->serial, 5);
        assert_int_equal(m.record->serial, 5);
        assert_int_equal(m.record->state, MEMBER_ALIVE);
        assert_int_equal(w->nodes[i].deaths, 0);
    }
    assert_int_equal(epoch(w, 0), before);
    assert_int_equal(w->nodes[0].rings, rings);

    /* A smaller limit counts at once. */
    struct identity small = renewed(&authority, 7, "eu/z1", 30);
    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &small), 0);
    run_for(w, SEC(10));
    assert_true(mesh_find(mesh_of(w, 0), id_of(w, 1), &m));
    assert_int_equal(m.record->weight, 30);
    world_free(w);
}

static void a_node_file_may_know_an_authority_before_any_roll_does(void **state)
{
    (void)state;
    struct world *w = company(3);
    struct authority next;

    authority_make_next(&next, &authority);
    struct identity early = renewed(&next, 5, "eu/z1", 100);
    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &early), MESH_E_SIGNATURE);
    memcpy(next.mesh.authorities[1], next.key, SIGN_KEY_BYTES);
    next.mesh.authorities_n = 2;
    next.mesh.sequence = 1;
    early = renewed(&next, 5, "eu/z1", 100);
    assert_int_equal(mesh_renew(mesh_of(w, 1), w->now, &early), 0);
    assert_int_equal(mesh_admits(mesh_of(w, 1), &early.cert), 0);
    assert_int_equal(mesh_admits(mesh_of(w, 0), &early.cert), MESH_E_SIGNATURE);
    assert_true(mesh_once_admitted(mesh_of(w, 0), &identities[2].cert, identity_cert(&identities[2])));
    assert_false(mesh_once_admitted(mesh_of(w, 0), &early.cert, identity_cert(&early)));
    world_free(w);
}

static void who_ran_out_is_dropped_after_a_while_but_never_most_at_once(void **state)
{
    (void)state;
    struct world *w = company(4);
    int64_t end = WALL + 86400;
    struct identity longer[2];

    assert_true(mesh_expire(mesh_of(w, 0), w->now, end + 600 + 3600));
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 4);
    assert_false(mesh_expire(mesh_of(w, 0), w->now, end + 600 + 3601)); /* all of them: our clock, then */
    assert_int_equal(mesh_alive(mesh_of(w, 0)), 4);
    for (int i = 0; i < 2; i++) {
        const struct admission what = { .name = slice_str(identities[i + 1].cert.name),
                                        .zone = slice_str(identities[i + 1].cert.zone),
                                        .not_after_s = end + 86400,
                                        .serial = 2 };
        assert_int_equal(authority_readmit(&longer[i], &identities[i + 1], &authority, &what), 0);
        assert_int_equal(mesh_renew(mesh_of(w, i + 1), w->now, &longer[i]), 0);
    }
    run_for(w, SEC(10));
    assert_true(mesh_expire(mesh_of(w, 0), w->now, end + 600 + 3601));
    drain(w, 0);
    assert_int_equal(w->nodes[0].outs, 1);
    assert_false(knows(w, 0, 3));
    assert_int_equal(ring_size(mesh_ring(mesh_of(w, 0))), 3);
    world_free(w);
}

static void objects_of_a_revoked_node_are_kept_only_if_the_roll_says_so(void **state)
{
    (void)state;
    struct world *w = company(2);

    publish_revoked(&identities[3], true);
    assert_int_equal(mesh_roll_take(mesh_of(w, 0), w->now, publish_revoked(&identities[2], false)), 0);
    assert_int_equal(mesh_vouches(mesh_of(w, 0), &identities[2].cert, identity_cert(&identities[2])), 0);
    assert_true(mesh_still_vouches(mesh_of(w, 0), &identities[2].cert));
    assert_int_equal(mesh_vouches(mesh_of(w, 0), &identities[3].cert, identity_cert(&identities[3])), MESH_E_REVOKED);
    assert_false(mesh_still_vouches(mesh_of(w, 0), &identities[3].cert));
    assert_true(mesh_still_vouches(mesh_of(w, 0), &identities[1].cert));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(revoked_is_out_of_the_ring_in_the_same_instant, fresh, fresh),
        cmocka_unit_test_setup_teardown(gossip_tells_everybody_that_there_is_a_roll, fresh, fresh),
        cmocka_unit_test_setup_teardown(neither_rumour_nor_members_nor_a_stream_bring_it_back, fresh, fresh),
        cmocka_unit_test_setup_teardown(a_node_that_was_away_learns_it_when_it_is_back, fresh, fresh),
        cmocka_unit_test_setup_teardown(what_was_kept_holds_from_the_first_instant, fresh, fresh),
        cmocka_unit_test_setup_teardown(a_roll_is_kept_before_it_is_in_force_and_only_if_it_is_news, fresh, fresh),
        cmocka_unit_test_setup_teardown(two_rolls_of_one_number_end_with_the_same_everywhere, fresh, fresh),
        cmocka_unit_test_setup_teardown(a_boaster_holds_nobody_up_for_long, fresh, fresh),
        cmocka_unit_test_setup_teardown(a_new_authority_admits_and_a_retired_one_does_not, fresh, fresh),
        cmocka_unit_test_setup_teardown(a_renewed_certificate_reaches_everybody_and_moves_nothing, fresh, fresh),
        cmocka_unit_test_setup_teardown(a_node_file_may_know_an_authority_before_any_roll_does, fresh, fresh),
        cmocka_unit_test_setup_teardown(who_ran_out_is_dropped_after_a_while_but_never_most_at_once, fresh, fresh),
        cmocka_unit_test_setup_teardown(objects_of_a_revoked_node_are_kept_only_if_the_roll_says_so, fresh, fresh),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
