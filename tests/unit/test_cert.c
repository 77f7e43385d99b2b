/* test_cert.c - what a certificate says, and all that it must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "golden.h"
#include "proto/base/err.h"
#include "proto/cert.h"
#include "proto/wire.h"

static uint8_t authority[SIGN_KEY_BYTES], authority_secret[SIGN_SECRET_BYTES];
static uint8_t other[SIGN_KEY_BYTES], other_secret[SIGN_SECRET_BYTES];

static struct cert example(void)
{
    struct cert c = { .name = "fra-1",
                      .zone = "eu/fra",
                      .weight_max = 150,
                      .roles = CERT_ROLE_NODE | CERT_ROLE_OPERATOR,
                      .not_before_s = 1700000000,
                      .not_after_s = 1731536000,
                      .serial = 7 };

    memset(c.mesh.bytes, 0x11, sizeof(c.mesh.bytes));
    memset(c.sign_key, 0x22, sizeof(c.sign_key));
    memset(c.dh_key, 0x33, sizeof(c.dh_key));
    return c;
}

static int check(struct slice bytes, int64_t wall_s)
{
    struct cert want = example(), c;
    int err = cert_parse(&c, bytes);

    return err != 0 ? err
                    : cert_check(&c, bytes, &want.mesh, (const uint8_t(*)[SIGN_KEY_BYTES]) & authority, 1, wall_s);
}

static void golden_certificate(void **state)
{
    struct cert c = example();
    struct buf b = BUF_EMPTY;
    (void)state;

    assert_int_equal(cert_sign(&b, &c, authority_secret), 0);
    check_golden(buf_slice(&b),
                 "928c000101c4101111111111111111111111111111111102c42022222222222222222222222222222222222222"
                 "2222222222222222222222222203c4203333333333333333333333333333333333333333333333333333333333"
                 "33333304a56672612d3105a665752f66726106cc96070308ce6553f10009ce673524800a070bc420e734ea6c2b"
                 "6257de72355e472aa05a4c487e6b463c029ed306df2f01b5636b58c440456927abb7788d0c901d9d69e03bec84"
                 "91a747775e2b467b0cd4a67e604b94da48709ec6632950bf03b7a32d35a17e9b53739d09371a16a43771e1fbec"
                 "240e0e");
    buf_free(&b);
}

static void every_field_comes_back(void **state)
{
    struct cert c = example(), got;
    struct node_id id;
    char text[NODE_ID_TEXT_MAX];
    struct buf b = BUF_EMPTY;
    (void)state;

    assert_int_equal(cert_sign(&b, &c, authority_secret), 0);
    assert_int_equal(cert_parse(&got, buf_slice(&b)), 0);
    assert_memory_equal(got.mesh.bytes, c.mesh.bytes, MESH_ID_BYTES);
    assert_memory_equal(got.sign_key, c.sign_key, SIGN_KEY_BYTES);
    assert_memory_equal(got.dh_key, c.dh_key, DH_KEY_BYTES);
    assert_string_equal(got.name, "fra-1");
    assert_string_equal(got.zone, "eu/fra");
    assert_int_equal(got.weight_max, 150);
    assert_int_equal(got.roles, CERT_ROLE_NODE | CERT_ROLE_OPERATOR);
    assert_int_equal(got.not_before_s, 1700000000);
    assert_int_equal(got.not_after_s, 1731536000);
    assert_int_equal(got.serial, 7);
    assert_memory_equal(got.authority, authority, SIGN_KEY_BYTES);
    node_id_of(&id, c.sign_key);
    assert_true(node_id_eq(&got.id, &id));
    assert_int_equal(node_id_cmp(&got.id, &id), 0);
    assert_string_equal(node_id_text(&id, text), "e2a94e18647fe0c6283a31e40c46ae1c");
    buf_free(&b);

    struct node_id back;
    assert_int_equal(node_id_read(&back, slice_str(text)), 0);
    assert_true(node_id_eq(&back, &id));
    assert_int_equal(node_id_read(&back, SLICE_LIT("E2A94E18647FE0C6283A31E40C46AE1C")), 0);
    assert_true(node_id_eq(&back, &id));
    assert_int_equal(node_id_read(&back, slice_head(slice_str(text), 31)), MESH_E_SYNTAX);
    assert_int_equal(node_id_read(&back, SLICE_LIT("e2a94e18647fe0c6283a31e40c46ae1g")), MESH_E_SYNTAX);
    assert_int_equal(node_id_read(&back, SLICE_EMPTY), MESH_E_SYNTAX);
}

static void the_longest_certificate_fits(void **state)
{
    struct cert c = example(), got;
    struct buf b = BUF_EMPTY;
    (void)state;

    memset(c.name, 'n', CERT_NAME_MAX);
    memset(c.zone, 'z', CERT_ZONE_MAX);
    c.weight_max = CERT_WEIGHT_MAX;
    c.roles = UINT32_MAX;
    c.not_before_s = c.not_after_s = CERT_TIME_MAX_S;
    c.serial = UINT64_MAX;
    assert_int_equal(cert_sign(&b, &c, authority_secret), 0);
    assert_in_range(b.len, 300, CERT_BYTES_MAX);
    assert_int_equal(cert_parse(&got, buf_slice(&b)), 0);
    assert_true(got.serial == UINT64_MAX);
    assert_int_equal(strlen(got.name), CERT_NAME_MAX);
    buf_free(&b);
}

static void names_and_zones(void **state)
{
    static const char *const names[] = { "a", "fra-1", "Fra_1.x", "0", "_x" };
    static const char *const bad_names[] = { "", "-a", ".a", "a b", "a/b", "a\n", "\xc3\xa4", "a:b", "a,b" };
    static const char *const zones[] = { "fra", "eu/fra", "eu-1/a.b" };
    static const char *const bad_zones[] = { "", "/", "eu/", "/fra", "a/b/c", "eu//fra", "eu/-x", "eu /fra" };
    char longest[CERT_NAME_MAX + 1];
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_true(cert_name_ok(slice_str(names[i])));
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++)
        assert_false(cert_name_ok(slice_str(bad_names[i])));
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
        assert_true(cert_zone_ok(slice_str(zones[i])));
    for (size_t i = 0; i < sizeof(bad_zones) / sizeof(bad_zones[0]); i++)
        assert_false(cert_zone_ok(slice_str(bad_zones[i])));
    assert_false(cert_name_ok(SLICE_LIT("a\0b")));
    memset(longest, 'a', sizeof(longest));
    assert_true(cert_name_ok(slice_of(longest, CERT_NAME_MAX)));
    assert_false(cert_name_ok(slice_of(longest, CERT_NAME_MAX + 1)));
    longest[31] = '/';
    assert_true(cert_zone_ok(slice_of(longest, CERT_ZONE_MAX)));
    assert_false(cert_zone_ok(slice_of(longest, CERT_ZONE_MAX + 1)));
}

static void the_region_is_in_front_of_the_slash(void **state)
{
    struct cert c = example();
    (void)state;

    assert_true(slice_eq(cert_region(&c), SLICE_LIT("eu")));
    strcpy(c.zone, "fra");
    assert_true(slice_eq(cert_region(&c), SLICE_LIT("default")));
}

static void what_cannot_be_said_is_not_signed(void **state)
{
    struct buf b = BUF_EMPTY;
    (void)state;

#define REFUSED(change)                                                      \
    do {                                                                     \
        struct cert c = example();                                           \
        change;                                                              \
        assert_int_equal(cert_sign(&b, &c, authority_secret), MESH_E_RANGE); \
        assert_int_equal(b.len, 0);                                          \
    } while (0)
    REFUSED(c.name[0] = 0);
    REFUSED(c.name[0] = '-');
    REFUSED(c.zone[0] = '/');
    REFUSED(c.not_before_s = -1);
    REFUSED(c.not_after_s = c.not_before_s - 1);
    REFUSED(c.not_after_s = CERT_TIME_MAX_S + 1);
    buf_free(&b);
}

static void mesh_authority_and_time_are_judged(void **state)
{
    struct cert c = example(), got;
    struct mesh_id elsewhere = { { 1 } };
    uint8_t both[2][SIGN_KEY_BYTES];
    struct buf b = BUF_EMPTY;
    (void)state;

    assert_int_equal(cert_sign(&b, &c, authority_secret), 0);
    struct slice s = buf_slice(&b);
    assert_int_equal(check(s, 1700000000), 0);
    assert_int_equal(check(s, 1700000000 - 600), 0);
    assert_int_equal(check(s, 1700000000 - 601), MESH_E_NOT_YET);
    assert_int_equal(check(s, 1731536000 + 600), 0);
    assert_int_equal(check(s, 1731536000 + 601), MESH_E_EXPIRED);
    assert_int_equal(check(s, INT64_MAX), MESH_E_EXPIRED);
    assert_int_equal(check(s, 0), MESH_E_NOT_YET);
    assert_int_equal(check(s, -1), 0); /* not judged */

    assert_int_equal(cert_parse(&got, s), 0);
    const uint8_t(*one)[SIGN_KEY_BYTES] = (const uint8_t(*)[SIGN_KEY_BYTES]) & authority;
    const uint8_t(*two)[SIGN_KEY_BYTES] = (const uint8_t(*)[SIGN_KEY_BYTES])both;
    assert_int_equal(cert_check(&got, s, &elsewhere, one, 1, -1), MESH_E_WRONG_MESH);
    assert_int_equal(cert_check(&got, s, &c.mesh, one, 0, -1), MESH_E_SIGNATURE);
    memcpy(both[0], other, SIGN_KEY_BYTES);
    memcpy(both[1], authority, SIGN_KEY_BYTES);
    assert_int_equal(cert_check(&got, s, &c.mesh, two, 1, -1), MESH_E_SIGNATURE);
    assert_int_equal(cert_check(&got, s, &c.mesh, two, 2, -1), 0);
    buf_clear(&b);
    c.weight_max = CERT_WEIGHT_MAX + 1;
    assert_int_equal(cert_sign(&b, &c, authority_secret), 0);
    assert_int_equal(check(buf_slice(&b), 1700000000), MESH_E_OVERWEIGHT);
    assert_int_equal(check(buf_slice(&b), -1), MESH_E_OVERWEIGHT);
    buf_free(&b);
}

/* rob_M4: the signature covers all of it. */
static void rob_M4_no_single_bit_of_a_certificate_can_be_changed(void **state)
{
    struct cert c = example();
    struct buf b = BUF_EMPTY;
    (void)state;

    assert_int_equal(cert_sign(&b, &c, authority_secret), 0);
    for (size_t bit = 0; bit < 8 * b.len; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(check(buf_slice(&b), -1), 0);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(check(slice_of(b.data, n), -1), MESH_E_SYNTAX);
    assert_int_equal(check(buf_slice(&b), -1), 0);
    buf_add_u8(&b, 0);
    assert_int_equal(check(buf_slice(&b), -1), MESH_E_SYNTAX);
    buf_free(&b);
}

/* A certificate made by hand: |version|, one key left out (|without|), one given as a
 * boolean (|mistyped|), and an unknown key if |extra|. Signed by |secret|. */
static void by_hand(struct buf *out, uint64_t version, int without, int mistyped, bool extra, const uint8_t *secret)
{
    static const char domain[] = "hedgerow certificate 1";
    struct cert c = example();
    struct buf b = BUF_EMPTY;
    uint8_t sig[SIGNATURE_BYTES];

    buf_add(&b, domain, sizeof(domain));
    wire_put_map(&b, 12 - (without >= 0) + extra);
    for (int key = 0; key < 12; key++) {
        if (key == without)
            continue;
        wire_put_u64(&b, (uint64_t)key);
        if (key == mistyped) {
            wire_put_bool(&b, true);
            continue;
        }
        switch (key) {
        case 0: wire_put_u64(&b, version); break;
        case 1: wire_put_bin(&b, SLICE_OF(c.mesh.bytes)); break;
        case 2: wire_put_bin(&b, SLICE_OF(c.sign_key)); break;
        case 3: wire_put_bin(&b, SLICE_OF(c.dh_key)); break;
        case 4: wire_put_str(&b, slice_str(c.name)); break;
        case 5: wire_put_str(&b, slice_str(c.zone)); break;
        case 6: wire_put_u64(&b, c.weight_max); break;
        case 7: wire_put_u64(&b, c.roles); break;
        case 8: wire_put_i64(&b, c.not_before_s); break;
        case 9: wire_put_i64(&b, c.not_after_s); break;
        case 10: wire_put_u64(&b, c.serial); break;
        case 11: wire_put_bin(&b, SLICE_OF(authority)); break;
        }
    }
    if (extra) {
        wire_put_u64(&b, 60);
        wire_put_str(&b, SLICE_LIT("from the future"));
    }
    crypto_sign_detached(sig, NULL, b.data, b.len, secret);
    buf_clear(out);
    wire_put_array(out, 2);
    wire_put_raw(out, slice_from(buf_slice(&b), sizeof(domain)));
    wire_put_bin(out, SLICE_OF(sig));
    buf_free(&b);
}

static void fields_are_demanded_and_unknown_ones_ignored(void **state)
{
    struct cert c = example();
    struct buf b = BUF_EMPTY, same = BUF_EMPTY;
    (void)state;

    by_hand(&b, 1, -1, -1, false, authority_secret);
    assert_int_equal(cert_sign(&same, &c, authority_secret), 0);
    assert_true(slice_eq(buf_slice(&b), buf_slice(&same)));
    by_hand(&b, 1, -1, -1, true, authority_secret);
    assert_int_equal(check(buf_slice(&b), -1), 0);
    by_hand(&b, 2, -1, -1, false, authority_secret);
    assert_int_equal(check(buf_slice(&b), -1), MESH_E_VERSION);
    for (int key = 0; key < 12; key++) {
        by_hand(&b, 1, key, -1, false, authority_secret);
        assert_int_equal(check(buf_slice(&b), -1), MESH_E_MISSING);
        by_hand(&b, 1, -1, key, false, authority_secret);
        assert_int_equal(check(buf_slice(&b), -1), MESH_E_TYPE);
    }
    /* Names a good authority, but another key signed. */
    by_hand(&b, 1, -1, -1, false, other_secret);
    assert_int_equal(check(buf_slice(&b), -1), MESH_E_SIGNATURE);
    buf_free(&b);
    buf_free(&same);
}

static void other_shapes_are_refused(void **state)
{
    struct buf b = BUF_EMPTY;
    uint8_t big[CERT_BYTES_MAX + 1] = { 0xc5, 0x01, 0xfe };
    uint8_t sig[SIGNATURE_BYTES] = { 0 };
    struct cert c;
    (void)state;

    assert_int_equal(cert_parse(&c, SLICE_EMPTY), MESH_E_SYNTAX);
    assert_int_equal(cert_parse(&c, SLICE_LIT("\x01")), MESH_E_TYPE);
    assert_int_equal(cert_parse(&c, SLICE_LIT("\x92\x80\x01")), MESH_E_TYPE);
    assert_int_equal(cert_parse(&c, SLICE_LIT("\x92\x80\xc4\x00")), MESH_E_RANGE);
    assert_int_equal(cert_parse(&c, SLICE_OF(big)), MESH_E_RANGE);
    wire_put_array(&b, 2);
    wire_put_array(&b, 0);
    wire_put_bin(&b, SLICE_OF(sig));
    assert_int_equal(cert_parse(&c, buf_slice(&b)), MESH_E_TYPE);
    buf_free(&b);
}

static int start(void **state)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    (void)state;

    int err = crypto_start();
    memset(seed, 0xaa, sizeof(seed));
    crypto_sign_seed_keypair(authority, authority_secret, seed);
    memset(seed, 0xbb, sizeof(seed));
    crypto_sign_seed_keypair(other, other_secret, seed);
    return err;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_certificate),
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(the_longest_certificate_fits),
        cmocka_unit_test(names_and_zones),
        cmocka_unit_test(the_region_is_in_front_of_the_slash),
        cmocka_unit_test(what_cannot_be_said_is_not_signed),
        cmocka_unit_test(mesh_authority_and_time_are_judged),
        cmocka_unit_test(rob_M4_no_single_bit_of_a_certificate_can_be_changed),
        cmocka_unit_test(fields_are_demanded_and_unknown_ones_ignored),
        cmocka_unit_test(other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
