/* test_roll.c - what a roll says, who may say it, and all that it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "golden.h"
#include "proto/base/err.h"
#include "proto/roll.h"
#include "proto/wire.h"

static struct mesh_params mesh;
static uint8_t keys[4][SIGN_KEY_BYTES], secrets[4][SIGN_SECRET_BYTES];

static int setup(void **state)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    (void)state;

    assert_int_equal(crypto_start(), 0);
    for (uint8_t i = 0; i < 4; i++) {
        memset(seed, 0x40 + i, sizeof(seed));
        crypto_sign_seed_keypair(keys[i], secrets[i], seed);
    }
    memset(mesh.id.bytes, 0x11, MESH_ID_BYTES);
    mesh.arc_bits = MESH_ARC_BITS_DEFAULT;
    memcpy(mesh.authorities[0], keys[0], SIGN_KEY_BYTES);
    mesh.authorities_n = 1;
    return 0;
}

static struct roll_revoked entry(uint8_t id, const char *name, bool drop)
{
    struct roll_revoked v = { .serial = id, .at_s = 1700000000, .drop = drop };

    memset(v.id.bytes, id, NODE_ID_BYTES);
    strcpy(v.name, name);
    return v;
}

static struct roll example(void)
{
    struct roll_revoked b = entry(0x77, "fra-2", true), a = entry(0x33, "ams-1", false);
    struct roll r;

    roll_init(&r, &mesh);
    r.sequence = 7;
    r.at_s = 1700000100;
    assert_int_equal(roll_revoke(&r, &b), 0);
    assert_int_equal(roll_revoke(&r, &a), 0);
    return r;
}

/* Signed by |secret| and parsed again into |out|; |b| holds the bytes. */
static void sign(struct roll *r, const uint8_t *secret, struct buf *b, struct roll *out)
{
    buf_clear(b);
    assert_int_equal(roll_sign(b, r, secret), 0);
    assert_int_equal(roll_parse(out, buf_slice(b)), 0);
}

static int check(const struct roll *r, const struct buf *b, const uint8_t (*trusted)[SIGN_KEY_BYTES], size_t n)
{
    return roll_check(r, buf_slice(b), &mesh.id, trusted, n);
}

#define TRUST(i) ((const uint8_t(*)[SIGN_KEY_BYTES]) & keys[i])

static void golden_roll(void **state)
{
    struct roll r = example();
    struct buf b = BUF_EMPTY;
    (void)state;

    assert_int_equal(roll_add(&r, keys[1], 1700000200, secrets[0]), 0);
    assert_int_equal(roll_sign(&b, &r, secrets[0]), 0);
    check_golden(buf_slice(&b),
                 "9288000101c41011111111111111111111111111111111020703ce6553f16404c420677a74d964e4a84ffa5025"
                 "a8b5537b5c4a37ad6d146e854783ac734684a207c4059292c420677a74d964e4a84ffa5025a8b5537b5c4a37ad"
                 "6d146e854783ac734684a207c40092c420db995fe25169d141cab9bbba92baa01f9f2e1ece7df4cb2ac05190f3"
                 "7fcc1f9dce6553f1c8069193c420db995fe25169d141cab9bbba92baa01f9f2e1ece7df4cb2ac05190f37fcc1f"
                 "9dc420677a74d964e4a84ffa5025a8b5537b5c4a37ad6d146e854783ac734684a207c4c440d3577d8307373e9a"
                 "7dfbf56b11b2ffd93172601e00ded8f51006bf919b578f42660ac0175247ac95f6e0f12717aeb7da386eee04f7"
                 "e5cade04aab40a99661902079295c41033333333333333333333333333333333a5616d732d3133ce6553f100c2"
                 "95c41077777777777777777777777777777777a56672612d3277ce6553f100c3c4409d08a8b8f7264d2cf89fc5"
                 "d09e4c2fe1ca811e9f7ea85f74536082e4b7af56ed8a4e48c08675b9e6de1c89f471707dd7a75df0733799af65"
                 "0cdefb55b6974301");
    buf_free(&b);
    roll_free(&r);
}

static void every_field_comes_back(void **state)
{
    struct roll r = example(), got;
    struct buf b = BUF_EMPTY;
    const struct roll_revoked *v;
    (void)state;

    assert_int_equal(roll_add(&r, keys[1], 1700000200, secrets[0]), 0);
    sign(&r, secrets[1], &b, &got);
    assert_memory_equal(got.mesh.bytes, mesh.id.bytes, MESH_ID_BYTES);
    assert_int_equal(got.sequence, 7);
    assert_int_equal(got.at_s, 1700000100);
    assert_memory_equal(got.signer, keys[1], SIGN_KEY_BYTES);
    assert_int_equal(got.live_n, 2);
    assert_int_equal(got.live[1].since_s, 1700000200);
    assert_true(roll_live(&got, keys[0]) && roll_live(&got, keys[1]) && !roll_live(&got, keys[2]));
    assert_int_equal(got.links_n, 1);
    assert_int_equal(got.revoked_n, 2);
    assert_true(node_id_cmp(&got.revoked[0].id, &got.revoked[1].id) < 0);
    struct roll_revoked a = entry(0x33, "", false), none = entry(0x34, "", false);
    assert_non_null(v = roll_revoked(&got, &a.id));
    assert_string_equal(v->name, "ams-1");
    assert_int_equal(v->serial, 0x33);
    assert_int_equal(v->at_s, 1700000000);
    assert_false(v->drop);
    assert_null(roll_revoked(&got, &none.id));
    roll_free(&got);
    roll_free(&got); /* fine */
    roll_free(&r);
    buf_free(&b);
}

static void only_who_is_trusted_or_linked_to_may_sign(void **state)
{
    struct roll r = example(), got;
    struct buf b = BUF_EMPTY;
    (void)state;

    sign(&r, secrets[0], &b, &got);
    assert_int_equal(check(&got, &b, TRUST(0), 1), 0);
    assert_int_equal(check(&got, &b, TRUST(1), 1), MESH_E_SIGNATURE);
    assert_int_equal(check(&got, &b, TRUST(0), 0), MESH_E_SIGNATURE);
    struct mesh_id other = { { 1 } };
    assert_int_equal(roll_check(&got, buf_slice(&b), &other, TRUST(0), 1), MESH_E_WRONG_MESH);
    roll_free(&got);

    /* 0 -> 1 -> 2, then 0 and 1 are retired: whoever knew any of them follows, nobody else. */
    assert_int_equal(roll_add(&r, keys[1], 1, secrets[0]), 0);
    assert_int_equal(roll_add(&r, keys[2], 2, secrets[1]), 0);
    assert_int_equal(roll_retire(&r, keys[0]), 0);
    assert_int_equal(roll_retire(&r, keys[1]), 0);
    assert_int_equal(roll_sign(&b, &r, secrets[0]), MESH_E_STATE);
    sign(&r, secrets[2], &b, &got);
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(&got, &b, TRUST(i), 1), 0);
    assert_int_equal(check(&got, &b, TRUST(3), 1), MESH_E_SIGNATURE);
    roll_free(&got);

    /* A link that is not signed by whom it names leads nowhere. */
    r.links[1].sig[5] ^= 1;
    sign(&r, secrets[2], &b, &got);
    assert_int_equal(check(&got, &b, TRUST(0), 1), MESH_E_SIGNATURE);
    assert_int_equal(check(&got, &b, TRUST(2), 1), 0);
    roll_free(&got);
    roll_free(&r);
    buf_free(&b);
}

static void a_retired_authority_cannot_come_back_by_itself(void **state)
{
    struct roll r = example(), got;
    struct buf b = BUF_EMPTY;
    (void)state;

    /* Who trusts only 1 takes nothing from 0, even if 0 links a key of its own. */
    assert_int_equal(roll_add(&r, keys[3], 1, secrets[0]), 0);
    sign(&r, secrets[3], &b, &got);
    assert_int_equal(check(&got, &b, TRUST(1), 1), MESH_E_SIGNATURE);
    roll_free(&got);
    roll_free(&r);
    buf_free(&b);
}

static void rob_M4_no_bit_of_a_roll_may_be_altered(void **state)
{
    struct roll r = example(), got;
    struct buf b = BUF_EMPTY;
    (void)state;

    sign(&r, secrets[0], &b, &got);
    roll_free(&got);
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (roll_parse(&got, buf_slice(&b)) == 0) {
            assert_int_not_equal(check(&got, &b, TRUST(0), 1), 0);
            roll_free(&got);
        }
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < b.len; len++)
        assert_int_not_equal(roll_parse(&got, slice_of(b.data, len)), 0);
    buf_add_u8(&b, 0);
    assert_int_equal(roll_parse(&got, buf_slice(&b)), MESH_E_SYNTAX);
    roll_free(&r);
    buf_free(&b);
}

static void what_is_revoked_stays_so_and_may_get_worse(void **state)
{
    struct roll r = example();
    struct roll_revoked keeps = entry(0x33, "ams-1", false), drops = entry(0x33, "ams-1", true);
    (void)state;

    assert_int_equal(roll_revoke(&r, &keeps), MESH_E_EXISTS);
    assert_int_equal(roll_revoke(&r, &drops), 0);
    assert_true(roll_revoked(&r, &keeps.id)->drop);
    assert_int_equal(roll_revoke(&r, &drops), MESH_E_EXISTS);
    assert_int_equal(roll_revoke(&r, &keeps), MESH_E_EXISTS);
    assert_int_equal(r.revoked_n, 2);
    roll_free(&r);
}

static void the_fullest_roll_fits(void **state)
{
    struct roll r, got;
    struct buf b = BUF_EMPTY;
    struct roll_revoked v = { .serial = UINT64_MAX, .at_s = CERT_TIME_MAX_S, .drop = true };
    (void)state;

    roll_init(&r, &mesh);
    memset(v.name, 'n', CERT_NAME_MAX);
    for (int i = 0; i < ROLL_REVOKED_MAX; i++) {
        memset(v.id.bytes, 0xff, NODE_ID_BYTES);
        be32_put(v.id.bytes, (uint32_t)i * 2654435761u); /* not in order */
        assert_int_equal(roll_revoke(&r, &v), 0);
    }
    memset(v.id.bytes, 0, NODE_ID_BYTES);
    v.id.bytes[15] = 1;
    assert_int_equal(roll_revoke(&r, &v), MESH_E_FULL);
    for (int i = 0; i < ROLL_LINKS_MAX; i++) {
        const uint8_t *next = keys[(i + 1) % 2];
        assert_int_equal(roll_add(&r, next, CERT_TIME_MAX_S, secrets[i % 2]), 0);
        assert_int_equal(roll_add(&r, next, CERT_TIME_MAX_S, secrets[i % 2]), MESH_E_EXISTS);
        assert_int_equal(roll_retire(&r, keys[i % 2]), 0);
    }
    assert_int_equal(roll_retire(&r, keys[0]), MESH_E_STATE);
    assert_int_equal(roll_retire(&r, keys[2]), MESH_E_ABSENT);
    assert_int_equal(roll_add(&r, keys[2], 1, secrets[0]), MESH_E_FULL);
    assert_int_equal(roll_add(&r, keys[2], 1, secrets[3]), MESH_E_STATE);
    r.sequence = ROLL_SEQUENCE_MAX;
    r.at_s = CERT_TIME_MAX_S;
    sign(&r, secrets[0], &b, &got);
    assert_in_range(b.len, 40000, ROLL_BYTES_MAX);
    assert_int_equal(got.revoked_n, ROLL_REVOKED_MAX);
    assert_int_equal(check(&got, &b, TRUST(0), 1), 0);
    roll_free(&got);
    r.sequence++;
    assert_int_equal(roll_sign(&b, &r, secrets[0]), MESH_E_RANGE);
    r.sequence = 0;
    assert_int_equal(roll_sign(&b, &r, secrets[0]), MESH_E_RANGE);
    roll_free(&r);
    buf_free(&b);
}

/* A roll whose map has the given value under |key| and is sound else. */
static int with(uint64_t key, void (*put)(struct buf *b))
{
    struct buf b = BUF_EMPTY;
    uint8_t sig[SIGNATURE_BYTES] = { 0 };
    struct roll got;

    wire_put_array(&b, 2);
    wire_put_map(&b, 8);
    for (uint64_t k = 0; k < 8; k++) {
        wire_put_u64(&b, k);
        if (k == key) {
            put(&b);
            continue;
        }
        switch (k) {
        case 0: wire_put_u64(&b, 1); break;
        case 1: wire_put_bin(&b, SLICE_OF(mesh.id.bytes)); break;
        case 2: wire_put_u64(&b, 7); break;
        case 3: wire_put_u64(&b, 1700000000); break;
        case 4: wire_put_bin(&b, SLICE_OF(keys[0])); break;
        case 5:
            wire_put_array(&b, 1);
            wire_put_array(&b, 2);
            wire_put_bin(&b, SLICE_OF(keys[0]));
            wire_put_u64(&b, 1);
            break;
        default: wire_put_array(&b, 0); break;
        }
    }
    wire_put_bin(&b, SLICE_OF(sig));
    int err = roll_parse(&got, buf_slice(&b));
    if (err == 0)
        roll_free(&got);
    buf_free(&b);
    return err;
}

static void put_zero(struct buf *b)
{
    wire_put_u64(b, 0);
}

static void put_two(struct buf *b)
{
    wire_put_u64(b, 2);
}

static void put_far(struct buf *b)
{
    wire_put_u64(b, UINT64_MAX);
}

static void put_none(struct buf *b)
{
    wire_put_array(b, 0);
}

static void put_other_key(struct buf *b)
{
    wire_put_bin(b, SLICE_OF(keys[1]));
}

static void put_short_key(struct buf *b)
{
    wire_put_bin(b, slice_of(keys[0], 31));
}

static void put_live(struct buf *b, uint32_t n, bool same)
{
    wire_put_array(b, n);
    for (uint32_t i = 0; i < n; i++) {
        wire_put_array(b, 2);
        wire_put_bin(b, SLICE_OF(keys[same ? 0 : i]));
        wire_put_u64(b, 1);
    }
}

static void put_four_live(struct buf *b)
{
    put_live(b, 4, false);
}

static void put_three_live(struct buf *b)
{
    put_live(b, 3, false);
}

static void put_live_twice(struct buf *b)
{
    put_live(b, 2, true);
}

static void put_revoked(struct buf *b, uint8_t first, uint8_t second, const char *name, uint32_t values)
{
    wire_put_array(b, 2);
    for (int i = 0; i < 2; i++) {
        struct roll_revoked v = entry(i == 0 ? first : second, "x", true);
        wire_put_array(b, values);
        wire_put_bin(b, SLICE_OF(v.id.bytes));
        wire_put_str(b, slice_str(name));
        wire_put_u64(b, 1);
        wire_put_u64(b, 1);
        for (uint32_t k = 4; k < values; k++)
            wire_put_bool(b, false);
    }
}

static void put_in_order(struct buf *b)
{
    put_revoked(b, 1, 2, "x", 6); /* a later version has a sixth value */
}

static void put_disorder(struct buf *b)
{
    put_revoked(b, 2, 1, "x", 5);
}

static void put_the_same(struct buf *b)
{
    put_revoked(b, 1, 1, "x", 5);
}

static void put_bad_name(struct buf *b)
{
    put_revoked(b, 1, 2, "-x", 5);
}

static void put_too_few(struct buf *b)
{
    put_revoked(b, 1, 2, "x", 4);
}

static void what_no_authority_writes_is_refused(void **state)
{
    (void)state;
    assert_int_equal(with(8, NULL), 0);
    assert_int_equal(with(0, put_two), MESH_E_VERSION);
    assert_int_equal(with(1, put_short_key), MESH_E_RANGE);
    assert_int_equal(with(2, put_zero), MESH_E_RANGE);
    assert_int_equal(with(2, put_far), MESH_E_RANGE);
    assert_int_equal(with(3, put_far), MESH_E_RANGE);
    assert_int_equal(with(4, put_other_key), MESH_E_STATE);
    assert_int_equal(with(4, put_short_key), MESH_E_RANGE);
    assert_int_equal(with(5, put_none), MESH_E_RANGE);
    assert_int_equal(with(5, put_zero), MESH_E_TYPE);
    assert_int_equal(with(5, put_three_live), 0);
    assert_int_equal(with(5, put_four_live), MESH_E_RANGE);
    assert_int_equal(with(5, put_live_twice), MESH_E_SYNTAX);
    assert_int_equal(with(6, put_three_live), MESH_E_MISSING);
    assert_int_equal(with(7, put_in_order), 0);
    assert_int_equal(with(7, put_disorder), MESH_E_SYNTAX);
    assert_int_equal(with(7, put_the_same), MESH_E_SYNTAX);
    assert_int_equal(with(7, put_bad_name), MESH_E_RANGE);
    assert_int_equal(with(7, put_too_few), MESH_E_MISSING);
}

static void a_mark_tells_two_of_one_number_apart(void **state)
{
    struct roll r = example();
    struct buf one = BUF_EMPTY, two = BUF_EMPTY;
    (void)state;

    assert_int_equal(roll_sign(&one, &r, secrets[0]), 0);
    r.at_s++;
    assert_int_equal(roll_sign(&two, &r, secrets[0]), 0);
    assert_true(roll_mark(buf_slice(&one)) != roll_mark(buf_slice(&two)));
    assert_true(roll_mark(SLICE_EMPTY) == 0);
    buf_free(&one);
    buf_free(&two);
    roll_free(&r);
}

static void a_retired_founder_is_not_live_at_first(void **state)
{
    struct mesh_params p = mesh;
    struct roll r;
    (void)state;

    memcpy(p.authorities[1], keys[1], SIGN_KEY_BYTES);
    p.authorities_n = 2;
    roll_init(&r, &p);
    assert_true(roll_live(&r, keys[0]) && roll_live(&r, keys[1]));
    assert_int_equal(mesh_trusted_n(&p), 2);
    p.founder_retired = true;
    roll_init(&r, &p);
    assert_true(!roll_live(&r, keys[0]) && roll_live(&r, keys[1]));
    assert_int_equal(mesh_trusted_n(&p), 1);
    assert_memory_equal(mesh_trusted(&p)[0], keys[1], SIGN_KEY_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_roll),
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(only_who_is_trusted_or_linked_to_may_sign),
        cmocka_unit_test(a_retired_authority_cannot_come_back_by_itself),
        cmocka_unit_test(rob_M4_no_bit_of_a_roll_may_be_altered),
        cmocka_unit_test(what_is_revoked_stays_so_and_may_get_worse),
        cmocka_unit_test(the_fullest_roll_fits),
        cmocka_unit_test(what_no_authority_writes_is_refused),
        cmocka_unit_test(a_mark_tells_two_of_one_number_apart),
        cmocka_unit_test(a_retired_founder_is_not_live_at_first),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
