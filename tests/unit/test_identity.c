/* test_identity.c - node and authority files: what they carry, and what is no such file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "golden.h"
#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/identity.h"
#include "proto/wire.h"

static struct authority authority;
static struct identity node;
static const struct admission fra = { .name = { (const uint8_t *)"fra-1", sizeof("fra-1") - 1 },
                                      .zone = { (const uint8_t *)"eu/fra", sizeof("eu/fra") - 1 },
                                      .not_before_s = 1700000000,
                                      .not_after_s = 1731536000,
                                      .serial = 9 };

static int decode(struct slice text)
{
    struct identity id;
    int err = identity_decode(&id, text);

    if (err != 0)
        assert_true(sodium_is_zero((const uint8_t *)&id, sizeof(id)));
    identity_wipe(&id);
    return err;
}

static void a_node_file_brings_all_of_it_back(void **state)
{
    struct buf text = BUF_EMPTY, again = BUF_EMPTY;
    struct identity got;
    (void)state;

    assert_int_equal(identity_encode(&text, &node), 0);
    assert_true(text.len <= NODE_FILE_MAX);
    assert_int_equal(identity_decode(&got, buf_slice(&text)), 0);
    assert_memory_equal(got.sign_key, node.sign_key, SIGN_KEY_BYTES);
    assert_memory_equal(got.sign_secret, node.sign_secret, SIGN_SECRET_BYTES);
    assert_memory_equal(got.dh_key, node.dh_key, DH_KEY_BYTES);
    assert_memory_equal(got.dh_secret, node.dh_secret, DH_KEY_BYTES);
    assert_true(slice_eq(identity_cert(&got), identity_cert(&node)));
    assert_string_equal(got.cert.name, "fra-1");
    assert_string_equal(got.cert.zone, "eu/fra");
    assert_true(node_id_eq(&got.cert.id, &node.cert.id));
    assert_memory_equal(got.mesh.salt, authority.mesh.salt, MESH_SALT_BYTES);
    assert_memory_equal(got.mesh.id.bytes, authority.mesh.id.bytes, MESH_ID_BYTES);
    assert_int_equal(got.mesh.arc_bits, MESH_ARC_BITS_DEFAULT);
    assert_int_equal(got.mesh.authorities_n, 1);
    assert_memory_equal(got.mesh.authorities[0], authority.key, SIGN_KEY_BYTES);
    assert_int_equal(identity_encode(&again, &got), 0);
    assert_true(slice_eq(buf_slice(&again), buf_slice(&text)));
    buf_free(&text);
    buf_free(&again);
}

static void a_retired_founder_is_named_but_not_trusted(void **state)
{
    struct authority next;
    struct identity id, got;
    struct buf text = BUF_EMPTY;
    struct digest before, after;
    (void)state;

    authority_make_next(&next, &authority);
    assert_memory_not_equal(next.key, authority.key, SIGN_KEY_BYTES);
    memcpy(next.mesh.authorities[1], next.key, SIGN_KEY_BYTES);
    next.mesh.authorities_n = 2;
    next.mesh.founder_retired = true;
    next.mesh.sequence = 70000;
    assert_int_equal(authority_admit(&id, &next, &fra), 0);
    assert_int_equal(identity_encode(&text, &id), 0);
    assert_int_equal(identity_decode(&got, buf_slice(&text)), 0);
    assert_true(got.mesh.founder_retired);
    assert_int_equal(got.mesh.sequence, 70000);
    mesh_params_digest(&before, &authority.mesh);
    mesh_params_digest(&after, &got.mesh);
    assert_true(digest_eq(&before, &after)); /* the mesh is the same */

    /* What the founder signs is void in such a file, and a file in which nobody is trusted is none. */
    got = node;
    got.mesh = next.mesh;
    buf_clear(&text);
    assert_int_equal(identity_encode(&text, &got), 0);
    assert_int_equal(decode(buf_slice(&text)), MESH_E_SIGNATURE);
    got.mesh.authorities_n = 1;
    buf_clear(&text);
    assert_int_equal(identity_encode(&text, &got), 0);
    assert_int_equal(decode(buf_slice(&text)), MESH_E_RANGE);
    buf_free(&text);
}

static void renewing_keeps_the_keys(void **state)
{
    struct identity again = node;
    struct admission what = fra;
    (void)state;

    what.serial = 10;
    what.not_after_s += 1000;
    assert_int_equal(authority_readmit(&again, &node, &authority, &what), 0);
    assert_true(node_id_eq(&again.cert.id, &node.cert.id));
    assert_memory_equal(again.sign_secret, node.sign_secret, SIGN_SECRET_BYTES);
    assert_memory_equal(again.dh_secret, node.dh_secret, DH_KEY_BYTES);
    assert_int_equal(again.cert.serial, 10);
    what.serial = 11;
    assert_int_equal(authority_readmit(&again, &again, &authority, &what), 0); /* in place */
    assert_int_equal(again.cert.serial, 11);
    assert_memory_equal(again.dh_key, node.dh_key, DH_KEY_BYTES);
    what.zone = SLICE_LIT("a/b/c");
    assert_int_equal(authority_readmit(&again, &node, &authority, &what), MESH_E_RANGE);
    assert_true(sodium_is_zero((const uint8_t *)&again, sizeof(again)));
}

static void the_first_line_is_for_people(void **state)
{
    struct buf text = BUF_EMPTY;
    struct slice rest, line;
    (void)state;

    assert_int_equal(identity_encode(&text, &node), 0);
    rest = buf_slice(&text);
    assert_true(slice_split(&rest, '\n', &line));
    assert_true(slice_eq(line, SLICE_LIT("hedgerow node file v1: fra-1 in eu/fra, keep secret")));
    while (slice_split(&rest, '\n', &line))
        assert_true(line.len <= 64);
    assert_int_equal(text.data[text.len - 1], '\n');
    buf_free(&text);
}

static void admission_fills_in_what_is_normal(void **state)
{
    struct admission what = fra;
    struct identity id;
    (void)state;

    assert_int_equal(node.cert.weight_max, CERT_WEIGHT_NORMAL);
    assert_int_equal(node.cert.roles, CERT_ROLE_NODE);
    assert_int_equal(node.cert.serial, 9);
    assert_int_equal(cert_check(&node.cert, identity_cert(&node), &authority.mesh.id,
                                (const uint8_t(*)[SIGN_KEY_BYTES])authority.mesh.authorities, 1, 1710000000),
                     0);
    what.weight_max = 25;
    what.roles = CERT_ROLE_NODE | CERT_ROLE_OPERATOR;
    assert_int_equal(authority_admit(&id, &authority, &what), 0);
    assert_int_equal(id.cert.weight_max, 25);
    assert_int_equal(id.cert.roles, 3);
    assert_memory_not_equal(id.sign_key, node.sign_key, SIGN_KEY_BYTES);
    assert_memory_not_equal(id.dh_key, node.dh_key, DH_KEY_BYTES);
    identity_wipe(&id);
    assert_true(sodium_is_zero((const uint8_t *)&id, sizeof(id)));
}

static void a_bad_admission_leaves_nothing_behind(void **state)
{
    struct identity id;
    char longest[CERT_NAME_MAX + 1];
    (void)state;

    memset(longest, 'a', sizeof(longest));
    const struct slice bad[] = { SLICE_EMPTY, SLICE_LIT("-x"), SLICE_LIT("a b"), SLICE_LIT("a\0b"), SLICE_OF(longest) };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct admission what = fra;
        what.name = bad[i];
        assert_int_equal(authority_admit(&id, &authority, &what), MESH_E_RANGE);
        assert_true(sodium_is_zero((const uint8_t *)&id, sizeof(id)));
        what = fra;
        what.zone = bad[i];
        assert_int_equal(authority_admit(&id, &authority, &what), MESH_E_RANGE);
    }
    struct admission what = fra;
    what.not_after_s = what.not_before_s - 1;
    assert_int_equal(authority_admit(&id, &authority, &what), MESH_E_RANGE);
    what = fra;
    what.weight_max = CERT_WEIGHT_MAX + 1;
    assert_int_equal(authority_admit(&id, &authority, &what), MESH_E_RANGE);
    assert_true(sodium_is_zero((const uint8_t *)&id, sizeof(id)));
}

static void an_editors_line_ends_do_no_harm(void **state)
{
    struct buf text = BUF_EMPTY, other = BUF_EMPTY;
    (void)state;

    assert_int_equal(identity_encode(&text, &node), 0);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n')
            buf_add_u8(&other, '\r');
        buf_add_u8(&other, text.data[i]);
    }
    assert_int_equal(decode(buf_slice(&other)), 0);
    buf_add_str(&other, "\r\n \n");
    assert_int_equal(decode(buf_slice(&other)), 0);
    buf_add_u8(&other, 0);
    assert_int_equal(decode(buf_slice(&other)), MESH_E_SYNTAX);
    assert_int_equal(decode(slice_of(text.data, text.len - 1)), 0); /* no newline at the end */
    buf_free(&text);
    buf_free(&other);
}

/* Each bit of the text, and each place to cut it: never accepted, never a crash. */
static void no_single_bit_can_be_changed(void **state)
{
    struct buf text = BUF_EMPTY;
    int damaged = 0;
    (void)state;

    assert_int_equal(identity_encode(&text, &node), 0);
    for (size_t bit = 0; bit < 8 * text.len; bit++) {
        text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int err = decode(buf_slice(&text));
        assert_int_not_equal(err, 0);
        damaged += err == MESH_E_HASH;
        text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(damaged > 500); /* most of it says what it is: damage */
    for (size_t n = 0; n + 1 < text.len; n++)
        assert_int_not_equal(decode(slice_of(text.data, n)), 0);
    buf_free(&text);
}

static void other_files_are_told_apart(void **state)
{
    struct buf text = BUF_EMPTY, secret = BUF_EMPTY;
    struct authority a;
    uint8_t big[NODE_FILE_MAX + 1];
    (void)state;

    assert_int_equal(decode(SLICE_EMPTY), MESH_E_SYNTAX);
    assert_int_equal(decode(SLICE_LIT("hello\nworld\n")), MESH_E_SYNTAX);
    assert_int_equal(decode(SLICE_LIT("hedgerow node file v1: a in b, keep secret\n")), MESH_E_SYNTAX);
    assert_int_equal(decode(SLICE_LIT("hedgerow node file v1: a in b, keep secret\n????\n")), MESH_E_SYNTAX);
    assert_int_equal(decode(SLICE_LIT("hedgerow node file v1: a in b, keep secret\nkoCA\n")), MESH_E_TYPE);
    assert_int_equal(decode(SLICE_LIT("hedgerow node file v2: a in b, keep secret\nAA==\n")), MESH_E_VERSION);
    assert_int_equal(decode(SLICE_LIT("hedgerow node file v10: a in b, keep secret\nAA==\n")), MESH_E_VERSION);
    memset(big, ' ', sizeof(big));
    assert_int_equal(decode(SLICE_OF(big)), MESH_E_RANGE);

    assert_int_equal(identity_encode(&text, &node), 0);
    assert_int_equal(authority_encode(&secret, &authority), 0);
    assert_int_equal(decode(buf_slice(&secret)), MESH_E_SYNTAX);
    assert_int_equal(authority_decode(&a, buf_slice(&text)), MESH_E_SYNTAX);
    /* Another node's name in the first line. */
    memcpy(text.data + strlen("hedgerow node file v1: "), "ams-1", 5);
    assert_int_equal(decode(buf_slice(&text)), MESH_E_SYNTAX);
    buf_free(&text);
    buf_free(&secret);
}

/* Files that are whole but say what cannot be. */
static void keys_certificate_and_mesh_must_belong_together(void **state)
{
    struct buf text = BUF_EMPTY;
    struct authority second;
    struct identity other, bad;
    (void)state;

#define REFUSED(code, change)                              \
    do {                                                   \
        bad = node;                                        \
        change;                                            \
        buf_clear(&text);                                  \
        assert_int_equal(identity_encode(&text, &bad), 0); \
        assert_int_equal(decode(buf_slice(&text)), code);  \
    } while (0)
    assert_int_equal(authority_admit(&other, &authority, &fra), 0);
    authority_make(&second, 16);
    REFUSED(MESH_E_STATE, memcpy(bad.sign_secret, other.sign_secret, SIGN_SECRET_BYTES));
    REFUSED(MESH_E_STATE, memcpy(bad.dh_secret, other.dh_secret, DH_KEY_BYTES));
    REFUSED(MESH_E_WRONG_MESH, bad.mesh.id.bytes[0] ^= 1);
    REFUSED(MESH_E_SIGNATURE, memcpy(bad.mesh.authorities[0], second.key, SIGN_KEY_BYTES));
    REFUSED(MESH_E_SIGNATURE, bad.cert_raw[bad.cert_len - 1] ^= 1);
    REFUSED(MESH_E_RANGE, bad.mesh.arc_bits = MESH_ARC_BITS_MIN - 1);
    REFUSED(MESH_E_RANGE, bad.mesh.arc_bits = MESH_ARC_BITS_MAX + 1);
    REFUSED(MESH_E_SYNTAX, bad.cert_len--);
    REFUSED(0, bad.mesh.arc_bits = MESH_ARC_BITS_MAX);
    REFUSED(0, bad.mesh.salt[0] ^= 1);
    buf_free(&text);
}

/* An authority file made by hand, naming |n| authorities. */
static void file_with_authorities(struct buf *text, uint32_t n)
{
    static const char domain[] = "hedgerow file 1";
    struct buf map = BUF_EMPTY, body = BUF_EMPTY;
    struct digest d;
    char mesh[2 * MESH_ID_BYTES + 1], base64[2048];

    wire_put_map(&map, 5);
    wire_put_u64(&map, 1);
    wire_put_bin(&map, slice_of(authority.secret, 32));
    wire_put_u64(&map, 4);
    wire_put_bin(&map, SLICE_OF(authority.mesh.id.bytes));
    wire_put_u64(&map, 5);
    wire_put_bin(&map, SLICE_OF(authority.mesh.salt));
    wire_put_u64(&map, 6);
    wire_put_u64(&map, 18);
    wire_put_u64(&map, 7);
    wire_put_array(&map, n);
    for (uint32_t i = 0; i < n; i++)
        wire_put_bin(&map, SLICE_OF(authority.key));
    digest_of(&d, (const struct slice[]){ SLICE_OF(domain), buf_slice(&map) }, 2);
    wire_put_array(&body, 2);
    wire_put_raw(&body, buf_slice(&map));
    wire_put_bin(&body, slice_of(d.bytes, 8));
    sodium_bin2hex(mesh, sizeof(mesh), authority.mesh.id.bytes, MESH_ID_BYTES);
    sodium_bin2base64(base64, sizeof(base64), body.data, body.len, sodium_base64_VARIANT_ORIGINAL);
    buf_clear(text);
    buf_addf(text, "hedgerow authority file v1: mesh %s, keep secret and offline\n%s\n", mesh, base64);
    buf_free(&map);
    buf_free(&body);
}

static void one_to_four_authorities(void **state)
{
    struct buf text = BUF_EMPTY;
    struct authority a;
    (void)state;

    for (uint32_t n = 0; n <= MESH_AUTHORITIES_MAX + 2; n++) {
        file_with_authorities(&text, n);
        int want = n >= 1 && n <= MESH_AUTHORITIES_MAX ? 0 : MESH_E_RANGE;
        assert_int_equal(authority_decode(&a, buf_slice(&text)), want);
    }
    buf_free(&text);
}

static void an_authority_file_brings_all_of_it_back(void **state)
{
    struct buf text = BUF_EMPTY;
    struct authority got;
    struct identity id;
    (void)state;

    assert_int_equal(authority_encode(&text, &authority), 0);
    assert_true(slice_eq(slice_head(buf_slice(&text), 30), SLICE_LIT("hedgerow authority file v1: me")));
    assert_int_equal(authority_decode(&got, buf_slice(&text)), 0);
    assert_memory_equal(&got, &authority, sizeof(got));
    assert_int_equal(authority_admit(&id, &got, &fra), 0); /* and can sign */
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] ^= 1;
        assert_int_not_equal(authority_decode(&got, buf_slice(&text)), 0);
        assert_true(sodium_is_zero((const uint8_t *)&got, sizeof(got)));
        text.data[i] ^= 1;
    }
    /* A secret that is none of the mesh's authorities. */
    got = authority;
    got.mesh.authorities[0][0] ^= 1;
    buf_clear(&text);
    assert_int_equal(authority_encode(&text, &got), 0);
    assert_int_equal(authority_decode(&got, buf_slice(&text)), MESH_E_STATE);
    buf_free(&text);
}

/* A second authority of the same mesh: its nodes and those of the first get along. */
static void a_later_authority_is_as_good(void **state)
{
    struct authority second;
    struct identity id, got;
    struct buf text = BUF_EMPTY;
    struct digest one, two;
    (void)state;

    authority_make(&second, 18);
    second.mesh = authority.mesh;
    memcpy(second.mesh.authorities[1], second.key, SIGN_KEY_BYTES);
    second.mesh.authorities_n = 2;
    assert_int_equal(authority_admit(&id, &second, &fra), 0);
    assert_int_equal(identity_encode(&text, &id), 0);
    assert_int_equal(identity_decode(&got, buf_slice(&text)), 0);
    assert_memory_equal(got.cert.authority, second.key, SIGN_KEY_BYTES);
    assert_int_equal(got.mesh.authorities_n, 2);
    mesh_params_digest(&one, &node.mesh);
    mesh_params_digest(&two, &got.mesh);
    assert_true(digest_eq(&one, &two));
    buf_free(&text);
}

static void constants_of_a_mesh_have_a_digest(void **state)
{
    struct mesh_params p = { .arc_bits = 18, .authorities_n = 1 };
    struct digest d, other;
    (void)state;

    memset(p.id.bytes, 1, sizeof(p.id.bytes));
    memset(p.salt, 2, sizeof(p.salt));
    memset(p.authorities[0], 3, SIGN_KEY_BYTES);
    mesh_params_digest(&d, &p);
    check_golden(SLICE_OF(d.bytes), "4a224b577c761f3228413ef21a03d01e59f3f863330a57aec82a5ff255bca4e6");
#define DIFFERS(change)                      \
    do {                                     \
        struct mesh_params q = p, *c = &q;   \
        change;                              \
        mesh_params_digest(&other, c);       \
        assert_false(digest_eq(&d, &other)); \
    } while (0)
    DIFFERS(c->id.bytes[15] ^= 1);
    DIFFERS(c->salt[31] ^= 1);
    DIFFERS(c->arc_bits = 20);
    DIFFERS(c->authorities[0][31] ^= 1);
}

static void signatures_bind_key_and_bytes(void **state)
{
    uint8_t sig[SIGNATURE_BYTES];
    (void)state;

    identity_sign(sig, &node, SLICE_LIT("bytes"));
    assert_int_equal(identity_verify(sig, node.sign_key, SLICE_LIT("bytes")), 0);
    assert_int_equal(identity_verify(sig, node.sign_key, SLICE_LIT("bytez")), MESH_E_SIGNATURE);
    assert_int_equal(identity_verify(sig, authority.key, SLICE_LIT("bytes")), MESH_E_SIGNATURE);
    sig[40] ^= 1;
    assert_int_equal(identity_verify(sig, node.sign_key, SLICE_LIT("bytes")), MESH_E_SIGNATURE);
    identity_sign(sig, &node, SLICE_EMPTY);
    assert_int_equal(identity_verify(sig, node.sign_key, SLICE_EMPTY), 0);
}

static int start(void **state)
{
    (void)state;
    int err = crypto_start();
    if (err != 0)
        return err;
    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    return authority_admit(&node, &authority, &fra);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_file_brings_all_of_it_back),
        cmocka_unit_test(a_retired_founder_is_named_but_not_trusted),
        cmocka_unit_test(renewing_keeps_the_keys),
        cmocka_unit_test(the_first_line_is_for_people),
        cmocka_unit_test(admission_fills_in_what_is_normal),
        cmocka_unit_test(a_bad_admission_leaves_nothing_behind),
        cmocka_unit_test(an_editors_line_ends_do_no_harm),
        cmocka_unit_test(no_single_bit_can_be_changed),
        cmocka_unit_test(other_files_are_told_apart),
        cmocka_unit_test(keys_certificate_and_mesh_must_belong_together),
        cmocka_unit_test(one_to_four_authorities),
        cmocka_unit_test(an_authority_file_brings_all_of_it_back),
        cmocka_unit_test(a_later_authority_is_as_good),
        cmocka_unit_test(constants_of_a_mesh_have_a_digest),
        cmocka_unit_test(signatures_bind_key_and_bytes),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
