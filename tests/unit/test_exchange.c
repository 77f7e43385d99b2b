/* test_exchange.c - two views meet by the sums of their buckets: only what differs travels. */
#include "mesh_world.h"

#define CROWD 200

static struct identity crowd_ids[CROWD];

static void teach(struct world *w, int node, unsigned i, uint32_t counter)
{
    struct member_record r = paper(&crowd_ids[i], 100);

    r.counter = counter;
    tell(mesh_of(w, node), w->now, WALL, identity_cert(&crowd_ids[i]), &r);
}

struct sent {
    size_t items, certs, bytes;
};

static struct sent give_part(struct world *w, int from, int to, const struct view_diff *part)
{
    struct sent sent = { 0 };
    size_t at = 0;

    do {
        struct msg_members_out out = { .n = 0 };
        struct buf frame = BUF_EMPTY;
        struct msg_members in;
        struct msg_frame f;
        struct wire wire = { 0 };
        struct slice cert, record;
        at = mesh_members_put(mesh_of(w, from), at, part, &out);
        assert_int_equal(msg_put_members(&frame, &out, false), 0);
        assert_int_equal(msg_open(buf_slice(&frame), &f), 0);
        assert_int_equal(msg_get_members(&wire, f.body, &in), 0);
        for (size_t i = 0; i < in.n; i++) {
            assert_int_equal(msg_members_item(&in, i, &cert, &record), 0);
            sent.certs += cert.len > 0;
        }
        sent.items += in.n;
        sent.bytes += frame.len;
        mesh_members_take(mesh_of(w, to), w->now, WALL, &in);
        wire_close(&wire);
        buf_free(&frame);
    } while (at != 0);
    return sent;
}

/* |from| asks |of| what differs. */
static struct view_diff question(struct world *w, int from, int of)
{
    struct msg_members_out out = { .n = 0 };
    struct buf sums = BUF_EMPTY;
    struct view_diff d;

    assert_true(mesh_members_ask(mesh_of(w, from), &out, &sums));
    assert_int_equal(out.n, 1);
    assert_int_equal(mesh_members_differ(mesh_of(w, of), out.sums, &d), 0);
    buf_free(&out.items);
    buf_free(&sums);
    return d;
}

static struct world *crowded(void)
{
    struct world *w = world_new();

    start(w, 0, 1);
    start(w, 1, 1);
    for (unsigned i = 0; i < CROWD; i++) {
        char name[24];
        snprintf(name, sizeof(name), "paper%u", i);
        crowd_ids[i] = admit(&authority, name, "us/paper", 1);
        teach(w, 0, i, 0);
    }
    give_members(w, 0, 1);
    give_members(w, 1, 0);
    assert_int_equal(mesh_digest(mesh_of(w, 0)), mesh_digest(mesh_of(w, 1)));
    return w;
}

static void equal_views_exchange_nothing(void **state)
{
    (void)state;
    struct world *w = crowded();

    struct view_diff d = question(w, 0, 1);
    struct sent sent = give_part(w, 1, 0, &d);
    assert_int_equal(sent.items, 0);
    world_free(w);
}

static void a_record_that_differs_travels_without_certificates(void **state)
{
    (void)state;
    struct world *w = crowded();

    teach(w, 0, 7, 3);
    teach(w, 1, 9, 4);
    assert_int_not_equal(mesh_digest(mesh_of(w, 0)), mesh_digest(mesh_of(w, 1)));
    struct view_diff d = question(w, 0, 1);
    struct sent sent = give_part(w, 1, 0, &d);
    assert_in_range(sent.items, 1, CROWD / 4);
    assert_int_equal(sent.certs, 0);
    sent = give_part(w, 0, 1, &d);
    assert_in_range(sent.items, 1, CROWD / 4);
    assert_int_equal(sent.certs, 0);
    assert_true(sent.bytes < CROWD / 4 * 100);
    assert_int_equal(mesh_digest(mesh_of(w, 0)), mesh_digest(mesh_of(w, 1)));
    world_free(w);
}

static void one_who_is_not_known_comes_with_a_certificate(void **state)
{
    (void)state;
    struct world *w = crowded();
    struct identity late = admit(&authority, "late", "us/paper", 1);
    struct mesh_member m;

    crowd_ids[0] = late;
    teach(w, 1, 0, 0);
    assert_false(mesh_find(mesh_of(w, 0), &late.cert.id, &m));
    struct view_diff d = question(w, 0, 1);
    struct sent sent = give_part(w, 1, 0, &d);
    assert_true(sent.certs > 0 && sent.certs == sent.items && sent.items < CROWD / 4);
    assert_true(mesh_find(mesh_of(w, 0), &late.cert.id, &m));
    assert_int_equal(mesh_digest(mesh_of(w, 0)), mesh_digest(mesh_of(w, 1)));
    world_free(w);
}

/* A record alone, of one whose certificate is not held, is no reason to believe in him. */
static void a_record_without_a_certificate_makes_no_member(void **state)
{
    (void)state;
    struct world *w = crowded();
    struct view_diff all;
    uint8_t bits[4] = { 0xff, 0xff, 0, 0 };

    start(w, 2, 1);
    assert_int_equal(diff_get(SLICE_OF(bits), &all), 0);
    struct sent sent = give_part(w, 0, 2, &all);
    assert_int_equal(sent.items, CROWD + 2);
    assert_int_equal(sent.certs, 0);
    assert_int_equal(mesh_count(mesh_of(w, 2)), 1);
    world_free(w);
}

static void a_newcomer_has_nothing_to_sum_up(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct msg_members_out out = { .n = 0 };
    struct buf sums = BUF_EMPTY;
    struct view_diff d;

    start(w, 0, 1);
    assert_false(mesh_members_ask(mesh_of(w, 0), &out, &sums));
    assert_int_equal(mesh_members_differ(mesh_of(w, 0), SLICE_LIT("sums"), &d), MESH_E_RANGE);
    buf_free(&out.items);
    buf_free(&sums);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_views_exchange_nothing),
        cmocka_unit_test(a_record_that_differs_travels_without_certificates),
        cmocka_unit_test(one_who_is_not_known_comes_with_a_certificate),
        cmocka_unit_test(a_record_without_a_certificate_makes_no_member),
        cmocka_unit_test(a_newcomer_has_nothing_to_sum_up),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
