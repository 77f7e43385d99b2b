/* test_payload.c - records and packets: bytes, order, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden.h"
#include "gossip/payload.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

static struct member_record example(void)
{
    struct member_record r = { .boot = 7, .counter = 300, .state = MEMBER_SUSPECT, .weight = 100, .serial = 70000 };

    memset(r.id.bytes, 0xab, NODE_ID_BYTES);
    r.addrs[r.addrs_n++] = mesh_addr_v4(0xc0000201, 7400);
    assert_int_equal(mesh_addr_parse(SLICE_LIT("[2001:db8::1]:7401"), &r.addrs[r.addrs_n++]), 0);
    return r;
}

static bool equal(const struct member_record *a, const struct member_record *b)
{
    return node_id_eq(&a->id, &b->id) && a->boot == b->boot && a->counter == b->counter && a->state == b->state &&
           member_record_same_facts(a, b);
}

static void golden_record(void **state)
{
    struct member_record r = example(), back;
    struct buf b = BUF_EMPTY;
    (void)state;

    member_record_put(&b, &r);
    check_golden(buf_slice(&b),
                 "97c410abababababababababababababababab07cd012c0192c406c00002011ce8c41220010db80000000000000000"
                 "000000011ce964ce00011170");
    assert_int_equal(member_record_get(buf_slice(&b), &back), 0);
    assert_true(equal(&r, &back));
    assert_int_equal(member_record_hash(&r), member_record_hash(&back));
    buf_free(&b);
}

/* One record written by hand, field by field, to break each. */
struct shape {
    uint32_t fields;
    size_t id_len, addr_len;
    uint64_t boot, counter, state, port, weight;
    uint32_t addrs;
};

static int try_shape(const struct shape *s)
{
    static const uint8_t zeros[32];
    struct member_record r;
    struct buf b = BUF_EMPTY;
    uint8_t addr[18] = { 0x20 };

    be16_put(addr + (s->addr_len >= 2 && s->addr_len <= 18 ? s->addr_len - 2 : 0), (uint16_t)s->port);
    wire_put_array(&b, s->fields);
    if (s->fields > 0)
        wire_put_bin(&b, slice_of(zeros, s->id_len));
    if (s->fields > 1)
        wire_put_u64(&b, s->boot);
    if (s->fields > 2)
        wire_put_u64(&b, s->counter);
    if (s->fields > 3)
        wire_put_u64(&b, s->state);
    if (s->fields > 4) {
        wire_put_array(&b, s->addrs);
        for (uint32_t i = 0; i < s->addrs; i++)
            wire_put_bin(&b, slice_of(addr, s->addr_len));
    }
    if (s->fields > 5)
        wire_put_u64(&b, s->weight);
    for (uint32_t i = 6; i < s->fields; i++)
        wire_put_u64(&b, 1);
    int err = member_record_get(buf_slice(&b), &r);
    buf_free(&b);
    return err;
}

static void records_out_of_bounds(void **state)
{
    const struct shape good = { .fields = 7, .id_len = 16, .addr_len = 6, .port = 1, .addrs = 4 };
    struct shape s;
    (void)state;

#define WITH(field, value) (s = good, s.field = (value), try_shape(&s))
    assert_int_equal(try_shape(&good), 0);
    assert_int_equal(WITH(addrs, 0), 0);
    assert_int_equal(WITH(addr_len, 18), 0);
    assert_int_equal(WITH(fields, 9), 0); /* of a later version */
    assert_int_equal(WITH(fields, 17), MESH_E_RANGE);
    assert_int_equal(WITH(fields, 6), MESH_E_RANGE);
    assert_int_equal(WITH(fields, 0), MESH_E_RANGE);
    assert_int_equal(WITH(id_len, 15), MESH_E_RANGE);
    assert_int_equal(WITH(id_len, 17), MESH_E_RANGE);
    assert_int_equal(WITH(addr_len, 7), MESH_E_RANGE);
    assert_int_equal(WITH(addr_len, 4), MESH_E_RANGE);
    assert_int_equal(WITH(addrs, 5), MESH_E_RANGE);
    assert_int_equal(WITH(port, 0), MESH_E_RANGE);
    assert_int_equal(WITH(boot, GOSSIP_BOOT_MAX), 0);
    assert_int_equal(WITH(boot, GOSSIP_BOOT_MAX + 1), MESH_E_RANGE);
    assert_int_equal(WITH(counter, UINT32_MAX), 0);
    assert_int_equal(WITH(counter, UINT64_C(0x100000000)), MESH_E_RANGE);
    assert_int_equal(WITH(state, MEMBER_LEFT), 0);
    assert_int_equal(WITH(state, MEMBER_LEFT + 1), MESH_E_RANGE);
    assert_int_equal(WITH(weight, UINT64_C(0x100000000)), MESH_E_RANGE);
#undef WITH
    struct member_record r;
    assert_int_equal(member_record_get(SLICE_LIT("\x80"), &r), MESH_E_TYPE);
    assert_int_equal(member_record_get(SLICE_LIT("\x01"), &r), MESH_E_TYPE);
    assert_int_equal(member_record_get(SLICE_EMPTY, &r), MESH_E_SHORT);
}

/* An IPv4 address has one form, so equal records are equal bytes. */
static void mapped_v4_is_refused(void **state)
{
    struct member_record r = example();
    struct buf b = BUF_EMPTY;
    (void)state;

    r.addrs_n = 2;
    member_record_put(&b, &r);
    uint8_t *v6 = b.data + b.len - 6 - 18;
    assert_int_equal(v6[0], 0x20);
    memcpy(v6, "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", 16);
    assert_int_equal(member_record_get(buf_slice(&b), &r), MESH_E_SYNTAX);
    buf_free(&b);
}

static void order_of_records(void **state)
{
    struct member_record a = example(), b = a;
    (void)state;

    assert_int_equal(member_record_cmp(&a, &b), 0);
    b.state = MEMBER_DEAD; /* graver */
    assert_true(member_record_cmp(&a, &b) < 0);
    b.counter--; /* but an older incarnation */
    assert_true(member_record_cmp(&a, &b) > 0);
    b.boot++; /* of a later run */
    assert_true(member_record_cmp(&a, &b) < 0);
    b = a;
    b.weight++; /* two that differ in facts alone still have an order */
    assert_true(member_record_cmp(&a, &b) != 0);
    assert_true((member_record_cmp(&a, &b) < 0) == (member_record_cmp(&b, &a) > 0));
    b = a;
    b.addrs[0].port++;
    assert_false(member_record_same_facts(&a, &b));
    b.addrs_n = 1;
    assert_false(member_record_same_facts(&a, &b));
    b = a;
    b.addrs[3].port = 9; /* behind the end: not part of it */
    assert_int_equal(member_record_cmp(&a, &b), 0);
    assert_true(incarnation_cmp(1, 9, 2, 0) < 0);
    assert_true(incarnation_cmp(2, 1, 2, 0) > 0);
    assert_int_equal(incarnation_cmp(2, 1, 2, 1), 0);
}

static struct payload example_payload(void)
{
    struct payload p = {
        .kind = PAYLOAD_ACK, .seq = 77, .view = UINT64_C(0x1122334455667788), .boot = 3, .counter = 2
    };

    p.has_target = p.want = true;
    memset(p.target.bytes, 0xcd, NODE_ID_BYTES);
    return p;
}

static void put(struct buf *b, const struct payload *p, size_t records)
{
    struct buf raw = BUF_EMPTY;
    struct member_record r = example();

    for (size_t i = 0; i < records; i++) {
        r.id.bytes[0] = (uint8_t)i;
        member_record_put(&raw, &r);
    }
    payload_put(b, p, buf_slice(&raw), records);
    buf_free(&raw);
}

static void golden_payload(void **state)
{
    struct payload p = example_payload(), back;
    struct buf b = BUF_EMPTY;
    (void)state;

    put(&b, &p, 1);
    check_golden(buf_slice(&b),
                 "880102024d03cf11223344556677880403050206c410cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd07c3089197c41000abab"
                 "ababababababababababababab07cd012c0192c406c00002011ce8c41220010db800000000000000000000"
                 "00011ce964ce00011170");
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    assert_int_equal(back.kind, PAYLOAD_ACK);
    assert_int_equal(back.seq, 77);
    assert_int_equal(back.view, p.view);
    assert_int_equal(back.boot, 3);
    assert_int_equal(back.counter, 2);
    assert_true(back.has_target && back.want);
    assert_memory_equal(back.target.bytes, p.target.bytes, NODE_ID_BYTES);
    assert_int_equal(back.records_n, 1);
    assert_int_equal(back.records[0].serial, 70000);

    buf_clear(&b);
    p.kind = PAYLOAD_NACK;
    p.want = false;
    put(&b, &p, 0);
    check_golden(buf_slice(&b), "860105024d03cf11223344556677880403050206c410cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd");
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    assert_int_equal(back.kind, PAYLOAD_NACK);
    assert_true(back.has_target);

    buf_clear(&b);
    p.kind = PAYLOAD_ACK;
    p.has_target = p.want = false;
    put(&b, &p, 0);
    check_golden(buf_slice(&b), "850102024d03cf112233445566778804030502");
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    assert_false(back.has_target || back.want);
    assert_int_equal(back.records_n, 0);
    assert_int_equal(back.roll, 0);

    buf_clear(&b);
    p.roll = 300;
    put(&b, &p, 0);
    check_golden(buf_slice(&b), "860102024d03cf1122334455667788040305020ccd012c");
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    assert_int_equal(back.roll, 300);
    assert_int_equal(back.origin_us, 0);

    buf_clear(&b);
    p.origin_us = 12345;
    put(&b, &p, 0);
    check_golden(buf_slice(&b), "870102024d03cf1122334455667788040305020ccd012c0dcd3039");
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    assert_int_equal(back.origin_us, 12345);
    assert_int_equal(back.parent, 0);
    p.parent = UINT32_MAX;
    buf_clear(&b);
    put(&b, &p, 0);
    check_golden(buf_slice(&b), "880102024d03cf1122334455667788040305020ccd012c0dcd30390eceffffffff");
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    assert_int_equal(back.parent, UINT32_MAX);
    b.data[b.len - 5] = 0xcf; /* a number that is not there */
    assert_true(payload_get(buf_slice(&b), &back) < 0);
    buf_free(&b);
}

static void payloads_out_of_bounds(void **state)
{
    struct payload p = example_payload(), back;
    struct buf b = BUF_EMPTY;
    (void)state;

    p.kind = PAYLOAD_ASK;
    put(&b, &p, 0);
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    buf_clear(&b);
    p.has_target = false; /* whom? */
    put(&b, &p, 0);
    assert_int_equal(payload_get(buf_slice(&b), &back), MESH_E_MISSING);
    buf_clear(&b);
    p.kind = PAYLOAD_NACK;
    put(&b, &p, 0);
    assert_int_equal(payload_get(buf_slice(&b), &back), MESH_E_MISSING);
    buf_clear(&b);
    p.kind = 99; /* of a later version: understood as far as it goes */
    put(&b, &p, 2);
    assert_int_equal(payload_get(buf_slice(&b), &back), 0);
    assert_int_equal(back.records_n, 2);
    buf_clear(&b);
    p.boot = GOSSIP_BOOT_MAX + 1;
    put(&b, &p, 0);
    assert_int_equal(payload_get(buf_slice(&b), &back), MESH_E_RANGE);
    buf_clear(&b);
    p.boot = 1;
    put(&b, &p, 20); /* longer than a payload may be */
    assert_true(b.len > GOSSIP_PAYLOAD_MAX);
    assert_int_equal(payload_get(buf_slice(&b), &back), MESH_E_RANGE);
    buf_free(&b);

    /* Many records that fit by their bytes would not be records. */
    wire_put_map(&b, 6);
    for (uint64_t key = 1; key <= 5; key++) {
        wire_put_u64(&b, key);
        wire_put_u64(&b, 1);
    }
    wire_put_u64(&b, 8);
    wire_put_array(&b, PAYLOAD_RECORDS_MAX + 1);
    for (size_t i = 0; i <= PAYLOAD_RECORDS_MAX; i++)
        wire_put_u64(&b, 1);
    assert_int_equal(payload_get(buf_slice(&b), &back), MESH_E_RANGE);
    b.data[b.len - PAYLOAD_RECORDS_MAX - 2]--; /* one less: now the first one is looked at */
    b.len--;
    assert_int_equal(payload_get(buf_slice(&b), &back), MESH_E_TYPE);
    buf_free(&b);
    assert_int_equal(payload_get(SLICE_LIT("\x90"), &back), MESH_E_TYPE);
    assert_int_equal(payload_get(SLICE_LIT("\x80"), &back), MESH_E_MISSING);
}

/* The head's promised bound holds for the largest numbers. */
static void head_is_bounded(void **state)
{
    struct payload p = example_payload();
    struct buf b = BUF_EMPTY;
    (void)state;

    p.kind = PAYLOAD_NEWS;
    p.seq = p.view = p.boot = UINT64_MAX;
    p.counter = p.origin_us = p.parent = UINT32_MAX;
    p.roll = p.config = UINT64_MAX;
    payload_put(&b, &p, SLICE_LIT("\x01"), 37);
    assert_in_range(b.len - 1, 60, PAYLOAD_HEAD_MAX);
    buf_free(&b);
}

static void cut_and_flipped_payloads(void **state)
{
    struct payload p = example_payload(), back;
    struct buf b = BUF_EMPTY;
    size_t refused = 0;
    (void)state;

    put(&b, &p, 6);
    for (size_t len = 0; len < b.len; len++)
        assert_int_not_equal(payload_get(slice_of(b.data, len), &back), 0);
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused += payload_get(buf_slice(&b), &back) != 0;
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(refused > b.len); /* the forms at least; values may be others (a seal lies around them) */
    struct rand r = rand_of(1, 2, 3);
    for (int i = 0; i < 20000; i++) {
        uint8_t junk[64];
        size_t len = (size_t)rand_below(&r, sizeof(junk));
        for (size_t j = 0; j < len; j++)
            junk[j] = (uint8_t)rand_u64(&r);
        assert_int_not_equal(payload_get(slice_of(junk, len), &back), 0);
    }
    buf_free(&b);
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(member_state_word(MEMBER_ALIVE), "alive");
    assert_string_equal(member_state_word(MEMBER_SUSPECT), "suspect");
    assert_string_equal(member_state_word(MEMBER_DEAD), "dead");
    assert_string_equal(member_state_word(MEMBER_LEFT), "left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_record),
        cmocka_unit_test(records_out_of_bounds),
        cmocka_unit_test(mapped_v4_is_refused),
        cmocka_unit_test(order_of_records),
        cmocka_unit_test(golden_payload),
        cmocka_unit_test(payloads_out_of_bounds),
        cmocka_unit_test(head_is_bounded),
        cmocka_unit_test(cut_and_flipped_payloads),
        cmocka_unit_test(words),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
