/* test_steer_news.c - the datagram between nodes, to the byte; and whatever is wrong with one, nothing of it is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden.h"
#include "node/steer/steer_impl.h"
#include "proto/base/err.h"
#include "steer_fleet.h"

#define NOW SEC(2000)

static struct steer_facts all_facts(void)
{
    struct steer_facts facts = { .addrs_n = 2,
                                 .http = 80,
                                 .https = 443,
                                 .dns = 53,
                                 .ready = true,
                                 .load_permille = 700,
                                 .located = true,
                                 .lat_e4 = 501109,
                                 .lon_e4 = -86821 };

    facts.addrs[0] = mesh_addr_v4(0xc6336401, 0);
    facts.addrs[1] = (struct mesh_addr){ .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
    return facts;
}

/* What edge 1 says to edge 0, to be freed. */
static struct buf said(const struct steer_facts *facts, unsigned nets)
{
    struct fleet f = { .n = 2, .now = NOW };
    struct steer_out out;
    struct buf b = BUF_EMPTY;

    f.nodes[1] = fleet_node(1, 0, 0, NOW);
    steer_self(f.nodes[1], NOW, facts);
    for (unsigned i = 0; i < nets; i++) {
        struct mesh_addr a = mesh_addr_v4(0xcb007101u + (i << 8), 1);
        steer_sample(f.nodes[1], NOW, &a, "nl", MS(12));
    }
    fleet_member(&f, 1, 0, true);
    f.now += SEC(2); /* by then figures are due, too */
    steer_tick(f.nodes[1], f.now);
    assert_true(steer_poll(f.nodes[1], &out));
    buf_add_slice(&b, out.bytes);
    assert_false(steer_poll(f.nodes[1], &out));
    steer_free(f.nodes[1]);
    return b;
}

static struct steer *hearer(void)
{
    struct fleet f = { .n = 1, .now = NOW };

    f.nodes[0] = fleet_node(0, 0, 0, NOW);
    fleet_member(&f, 0, 1, true);
    return f.nodes[0];
}

static void a_datagram_has_these_bytes(void **state)
{
    struct steer_facts facts = all_facts();
    struct buf b = said(&facts, 1);

    (void)state;
    check_golden(buf_slice(&b), "8d"
                                "0002"
                                "0101"
                                "0292c404c6336401c41020010db8000000000000000000000001"
                                "0350"
                                "04cd01bb"
                                "0535"
                                "06c3"
                                "07c2"
                                "08cd02bc"
                                "0900"
                                "0ac416"
                                "00000000000000000000000000000000000000000000"
                                "0bc408"
                                "0007a575fffeacdb"
                                "0cc428"
                                "05"
                                "000000000000"
                                "0078"
                                "00"
                                "04"
                                "4e4c00000000"
                                "0078"
                                "00"
                                "01"
                                "cb0000000000"
                                "0078"
                                "00"
                                "00"
                                "cb0071000000"
                                "0078"
                                "00");
    assert_true(steer_is(buf_slice(&b)));
    buf_free(&b);
}

static void what_was_said_is_heard(void **state)
{
    struct steer_facts facts = all_facts();
    struct buf b = said(&facts, 3);
    struct steer *s = hearer();
    struct node_id from = fleet_id(1), stranger = fleet_id(9), self = fleet_id(0);
    struct mesh_addr a = mesh_addr_v4(0xcb007163, 0);
    struct steer_prefix p = prefix_of(&a, 0), nl;

    (void)state;
    steer_prefix_country(&nl, "NL");
    assert_int_equal(steer_take(s, NOW, &stranger, buf_slice(&b)), MESH_E_UNKNOWN);
    assert_int_equal(steer_take(s, NOW, &self, buf_slice(&b)), MESH_E_UNKNOWN);
    assert_int_equal(steer_take(s, NOW, &from, buf_slice(&b)), 0);
    assert_int_equal(rtt_known(s, NOW, &p, 1), 120);
    assert_int_equal(rtt_known(s, NOW, &nl, 1), 120);
    struct steer_view *v = steer_view(s, NOW);
    const struct steer_facts *got = &v->edges[view_edge(v, 1)].facts;
    assert_memory_equal(got->addrs, facts.addrs, sizeof(facts.addrs));
    assert_int_equal(got->addrs_n, 2);
    assert_int_equal(got->dns, 53);
    assert_true(got->ready && !got->draining && got->located);
    assert_int_equal(got->load_permille, 700);
    assert_int_equal(got->lat_e4, 501109);
    assert_int_equal(got->lon_e4, -86821);
    steer_view_unref(v);
    assert_int_equal(steer_counters(s)->heard, 1);
    assert_int_equal(steer_counters(s)->refused, 0);
    steer_free(s);
    buf_free(&b);
}

static void datagrams_are_no_longer_than_they_may_be(void **state)
{
    struct steer_facts facts = all_facts();

    (void)state;
    facts.addrs_n = STEER_ADDRS_MAX;
    for (size_t i = 0; i < STEER_ADDRS_MAX; i++)
        facts.addrs[i] = facts.addrs[1];
    facts.load_permille = UINT16_MAX;
    facts.dns = UINT16_MAX;
    struct buf b = said(&facts, 500);
    assert_in_range(b.len, STEER_DATAGRAM_MAX - 12, STEER_DATAGRAM_MAX);
    buf_free(&b);
}

/* |b| with |with| in place of the bytes |what|, which are there once. */
static struct buf but(const struct buf *b, struct slice what, struct slice with)
{
    uint8_t *at = memmem(b->data, b->len, what.data, what.len);
    struct buf out = BUF_EMPTY;

    assert_non_null(at);
    buf_add(&out, b->data, (size_t)(at - b->data));
    buf_add_slice(&out, with);
    buf_add(&out, at + what.len, b->len - (size_t)(at - b->data) - what.len);
    return out;
}

static void refused(struct slice bytes, int want)
{
    struct steer *s = hearer();
    struct node_id from = fleet_id(1);
    struct steer_size size;

    int err = steer_take(s, NOW, &from, bytes);
    assert_true(err < 0);
    if (want != 0)
        assert_int_equal(err, want);
    assert_int_equal(steer_counters(s)->refused, 1);
    steer_size(s, &size);
    assert_int_equal(size.rows, 0);
    struct steer_view *v = steer_view(s, NOW);
    assert_int_equal(v->edges[view_edge(v, 1)].heard, 0);
    steer_view_unref(v);
    steer_free(s);
}

static void rob_M1_what_is_wrong_with_a_datagram_makes_it_void(void **state)
{
#define L SLICE_LIT
    const struct wrong {
        struct slice what, with;
        int err;
    } all[] = {
        { L("\x00\x02"), L("\x00\x01"), MESH_E_RANGE },                                 /* another kind */
        { L("\x01\x01\x02"), L("\x01\x02\x02"), MESH_E_RANGE },                         /* another version */
        { L("\x03\x50"), L("\x03\xcc\x50"), MESH_E_SYNTAX },                            /* not the shortest form */
        { L("\x03\x50"), L("\x03\xce\x00\x01\x00\x00"), MESH_E_RANGE },                 /* a port of 65,536 */
        { L("\x03\x50"), L("\x03\xc3"), MESH_E_TYPE },                                  /* a port that is true */
        { L("\x07\xc2"), L("\x07\x00"), MESH_E_TYPE },                                  /* draining: 0 */
        { L("\x07\xc2\x08"), L("\x06\xc2\x08"), MESH_E_SYNTAX },                        /* a key twice */
        { L("\x09\x00"), L("\x09\xcd\x03\xe9"), MESH_E_RANGE },                         /* sheds 1,001 permille */
        { L("\xc4\x04\xc6\x33\x64\x01"), L("\xc4\x03\xc6\x33\x64"), MESH_E_RANGE },     /* three bytes of an address */
        { L("\xc6\x33\x64\x01"), L("\x00\x00\x00\x00"), MESH_E_RANGE },                 /* no address */
        { L("\x0b\xc4\x08\x00\x07"), L("\x0b\xc4\x08\x00\x17"), MESH_E_RANGE },         /* north of the pole */
        { L("\x0a\xc4\x16\x00"), L("\x0a\xc4\x16\x7f"), MESH_E_RANGE },                 /* too far out */
        { L("\x0c\xc4\x28\x05"), L("\x0c\xc4\x28\x06"), MESH_E_RANGE },                 /* a kind that is none */
        { L("\x05\x00\x00\x00"), L("\x05\x01\x00\x00"), MESH_E_RANGE },                 /* all, but of something */
        { L("NL"), L("N!"), MESH_E_RANGE },                                             /* no country */
        { L("\xcb\x00\x71\x00"), L("\xcb\x00\x71\x01"), MESH_E_RANGE },                 /* bits behind the network */
        { L("\x71\x00\x00\x00\x00\x78"), L("\x71\x00\x00\x00\x00\x00"), MESH_E_RANGE }, /* no time at all */
    };
#undef L
    struct steer_facts facts = all_facts();
    struct buf b = said(&facts, 1);

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct buf bad = but(&b, all[i].what, all[i].with);
        print_message("%zu\n", i);
        refused(buf_slice(&bad), all[i].err);
        buf_free(&bad);
    }
    for (size_t len = 0; len < b.len; len++) {
        uint8_t *copy = malloc(len + 1);
        memcpy(copy, b.data, len);
        refused(slice_of(copy, len), 0);
        free(copy);
    }
    buf_add_u8(&b, 0);
    refused(buf_slice(&b), MESH_E_SYNTAX); /* something follows */
    buf_free(&b);
}

static void what_a_later_version_adds_is_ignored(void **state)
{
    struct steer_facts facts = all_facts();
    struct buf b = said(&facts, 1);
    struct steer *s = hearer();
    struct node_id from = fleet_id(1);

    (void)state;
    b.data[0]++;
    buf_add_str(&b, "\x20\xc3");
    assert_true(steer_is(buf_slice(&b)));
    assert_int_equal(steer_take(s, NOW, &from, buf_slice(&b)), 0);
    steer_free(s);
    buf_free(&b);
}

static void a_purge_is_none_of_steers(void **state)
{
    (void)state;
    assert_false(steer_is(SLICE_LIT("\x92\x8a\x00\x01\x01\xc4\x10")));
    assert_false(steer_is(SLICE_LIT("\x8d\x00\x02")));
    assert_false(steer_is(SLICE_EMPTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_has_these_bytes),
        cmocka_unit_test(what_was_said_is_heard),
        cmocka_unit_test(datagrams_are_no_longer_than_they_may_be),
        cmocka_unit_test(rob_M1_what_is_wrong_with_a_datagram_makes_it_void),
        cmocka_unit_test(what_a_later_version_adds_is_ignored),
        cmocka_unit_test(a_purge_is_none_of_steers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
