/* test_known.c - who is remembered over a restart. */
#include "mesh_world.h"

#include "node/core/known.h"

/* |n| nodes on paper, each in zone |zone| and at an address of network |network|. */
static void tell_some(struct mesh *m, mesh_ns now, unsigned n, const char *zone, uint32_t network)
{
    static uint64_t serial = 100;

    for (unsigned i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "p%llu", (unsigned long long)++serial);
        struct identity id = admit(&authority, name, zone, serial);
        struct member_record r = paper(&id, 100);
        r.addrs[0] = mesh_addr_v4(network << 16 | (uint32_t)serial, 7400);
        tell(m, now, WALL, identity_cert(&id), &r);
    }
}

static size_t lines_with(const struct buf *text, const char *word)
{
    struct slice rest = buf_slice(text), line;
    size_t n = 0;

    while (slice_split(&rest, '\n', &line))
        n += memmem(line.data, line.len, word, strlen(word)) != NULL;
    return n;
}

static void every_member_of_a_small_mesh_is_kept(void **state)
{
    (void)state;
    struct world *w = company(4);
    struct mesh_addr addrs[KNOWN_MAX];
    struct buf text = BUF_EMPTY;
    char id[NODE_ID_TEXT_MAX];

    known_put(&text, mesh_of(w, 0));
    assert_int_equal(known_get(buf_slice(&text), addrs, KNOWN_MAX), 3);
    for (int i = 1; i < 4; i++) {
        assert_true(mesh_addr_eq(&addrs[i - 1], &w->nodes[i].addr));
        assert_int_equal(lines_with(&text, node_id_text(id_of(w, i), id)), 1);
    }
    assert_int_equal(known_get(buf_slice(&text), addrs, 2), 2);
    stop(w, 3);
    run_for(w, SEC(15));
    buf_clear(&text);
    known_put(&text, mesh_of(w, 0));
    assert_int_equal(known_get(buf_slice(&text), addrs, KNOWN_MAX), 2); /* not who is dead */
    buf_free(&text);
    world_free(w);
}

static void rob_G3_few_of_each_zone_and_network_make_room_for_others(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct mesh_addr addrs[KNOWN_MAX];
    struct buf text = BUF_EMPTY;

    start(w, 0, 1);
    tell_some(mesh_of(w, 0), w->now, 200, "eu/crowd", 0x0a01); /* a crowd that came first */
    tell_some(mesh_of(w, 0), w->now, 50, "eu/other", 0x0a01);  /* of the same network */
    tell_some(mesh_of(w, 0), w->now, 3, "us/far", 0x0a02);
    tell_some(mesh_of(w, 0), w->now, 1, "ap/alone", 0x0a03);
    known_put(&text, mesh_of(w, 0));
    assert_int_equal(known_get(buf_slice(&text), addrs, KNOWN_MAX), KNOWN_MAX);
    assert_true(text.len <= KNOWN_BYTES_MAX);
    assert_int_equal(lines_with(&text, "us/far"), 3);
    assert_int_equal(lines_with(&text, "ap/alone"), 1);
    assert_true(lines_with(&text, "eu/other") >= 1);
    assert_int_equal(lines_with(&text, ":7400 "), KNOWN_MAX);
    buf_free(&text);
    world_free(w);
}

static void what_is_no_list_of_members_gives_none(void **state)
{
    struct mesh_addr addrs[4];
    (void)state;

    assert_int_equal(known_get(SLICE_EMPTY, addrs, 4), 0);
    assert_int_equal(known_get(SLICE_LIT("\n\n# x\n1.2.3.4 x\n1.2.3.4:0 x\nname:7400\n\xff\xfe"), addrs, 4), 0);
    assert_int_equal(known_get(SLICE_LIT("nonsense\n10.0.0.7:7400 id name zone\n[2001:db8::1]:1"), addrs, 4), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_a_small_mesh_is_kept),
        cmocka_unit_test(rob_G3_few_of_each_zone_and_network_make_room_for_others),
        cmocka_unit_test(what_is_no_list_of_members_gives_none),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
