/* test_config_doc.c - what a version of the configuration says, who may say it, and all that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "golden.h"
#include "proto/base/err.h"
#include "proto/config_doc.h"

static struct identity operator, plain_node;
static struct zpack *z;

static void identify(struct identity *id, uint8_t seed_byte, uint32_t roles, const struct authority *a)
{
    struct admission what = { .name = SLICE_LIT("ada"),
                              .zone = SLICE_LIT("desk"),
                              .roles = roles,
                              .not_before_s = 1700000000,
                              .not_after_s = 1900000000,
                              .serial = seed_byte };

    assert_int_equal(authority_admit(id, a, &what), 0);
}

static int setup(void **state)
{
    struct authority a;

    (void)state;
    assert_int_equal(crypto_start(), 0);
    authority_make(&a, MESH_ARC_BITS_DEFAULT);
    identify(&operator, 1, CERT_ROLE_NODE | CERT_ROLE_OPERATOR, &a);
    identify(&plain_node, 2, CERT_ROLE_NODE, &a);
    authority_wipe(&a);
    assert_non_null(z = zpack_new());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    zpack_free(z);
    return 0;
}

/* So many bytes that pack well in part, and in part not at all. */
static struct buf text_of(size_t n)
{
    struct buf b = BUF_EMPTY;

    for (size_t i = 0; i < n; i++)
        buf_add_u8(&b, i < n / 2 ? (uint8_t)('a' + i % 7) : (uint8_t)randombytes_random());
    assert_true(buf_ok(&b));
    return b;
}

static struct config_doc *make_after(const struct config_doc *before, struct slice text, const char *who)
{
    struct config_head head = { .at_s = 1800000000 };
    struct config_doc *d;

    config_doc_follow(&head, before != NULL ? &before->head : NULL);
    snprintf(head.who, sizeof(head.who), "%s", who);
    assert_int_equal(config_doc_make(&d, z, &head, text, &operator), 0);
    return d;
}

static struct config_doc *read_back(const struct config_doc *d)
{
    struct config_doc *out;

    assert_int_equal(config_doc_read(&out, z, buf_slice(&d->bytes)), 0);
    return out;
}

static void check_round_trip(size_t n)
{
    struct buf text = text_of(n), got = BUF_EMPTY;
    struct config_doc *d = make_after(NULL, buf_slice(&text), "Ada"), *again = read_back(d);

    assert_int_equal(config_doc_check(again, &operator.mesh.id), 0);
    assert_int_equal(config_version_cmp(&d->head.version, &again->head.version), 0);
    assert_string_equal(again->head.who, "Ada");
    assert_int_equal(again->head.length, n);
    assert_int_equal(config_doc_text(again, z, &got), 0);
    assert_true(slice_eq(buf_slice(&got), buf_slice(&text)));
    config_doc_free(d);
    config_doc_free(again);
    buf_free(&text);
    buf_free(&got);
}

static void what_is_signed_comes_back(void **state)
{
    (void)state;
    const size_t sizes[] = {
        0, 1, 127, 128, CONFIG_PIECE - 1, CONFIG_PIECE, CONFIG_PIECE + 1, 5 * CONFIG_PIECE + 77, CONFIG_TEXT_MAX
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_round_trip(sizes[i]);
}

static void only_an_operator_signs(void **state)
{
    struct config_head head = { .at_s = 1 };
    struct config_doc *d;

    (void)state;
    config_doc_follow(&head, NULL);
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &plain_node), MESH_E_REFUSED);
    assert_null(d);
    /* Nor does it help to say so in one's own copy of the certificate. */
    struct identity forged = plain_node;
    forged.cert.roles |= CERT_ROLE_OPERATOR;
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &forged), 0);
    struct config_doc *again = read_back(d);
    assert_int_equal(config_doc_check(again, &operator.mesh.id), MESH_E_REFUSED);
    config_doc_free(d);
    config_doc_free(again);
    /* ... or to sign with other keys under an operator's certificate. */
    forged = operator;
    memcpy(forged.sign_secret, plain_node.sign_secret, sizeof(forged.sign_secret));
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &forged), 0);
    assert_int_equal(config_doc_check(d, &operator.mesh.id), MESH_E_SIGNATURE);
    config_doc_free(d);
    identity_wipe(&forged);
}

static void another_mesh_is_refused(void **state)
{
    struct config_doc *d = make_after(NULL, SLICE_LIT("x"), "");
    struct mesh_id other = operator.mesh.id;

    (void)state;
    other.bytes[0] ^= 1;
    assert_int_equal(config_doc_check(d, &other), MESH_E_WRONG_MESH);
    config_doc_free(d);
}

/* Whatever bit of a whole document is another one: it does not pass. */
static void every_flipped_bit_is_refused(void **state)
{
    struct buf text = text_of(700), bad = BUF_EMPTY;
    struct config_doc *first = make_after(NULL, SLICE_LIT("x"), "w"), *d = make_after(first, buf_slice(&text), "w"),
                      *got;

    (void)state;
    for (size_t bit = 0; bit < 8 * d->bytes.len; bit++) {
        buf_clear(&bad);
        buf_add_slice(&bad, buf_slice(&d->bytes));
        bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (config_doc_read(&got, z, buf_slice(&bad)) != 0) {
            assert_null(got);
            continue;
        }
        if (config_doc_check(got, &operator.mesh.id) == 0)
            /* What the frame around a piece says beside its bytes may vary; what it makes may not. */
            assert_int_equal(config_version_cmp(&got->head.version, &d->head.version), 0);
        struct buf out = BUF_EMPTY;
        if (config_doc_check(got, &operator.mesh.id) == 0) {
            assert_int_equal(config_doc_text(got, z, &out), 0);
            assert_true(slice_eq(buf_slice(&out), buf_slice(&text)));
        }
        buf_free(&out);
        config_doc_free(got);
    }
    config_doc_free(first);
    config_doc_free(d);
    buf_free(&text);
    buf_free(&bad);
}

static void every_cut_is_refused(void **state)
{
    struct buf text = text_of(700), longer = BUF_EMPTY;
    struct config_doc *d = make_after(NULL, buf_slice(&text), "w"), *got;

    (void)state;
    for (size_t n = 0; n < d->bytes.len; n++)
        assert_true(config_doc_read(&got, z, slice_of(d->bytes.data, n)) < 0 && got == NULL);
    buf_add_slice(&longer, buf_slice(&d->bytes));
    buf_add_u8(&longer, 0);
    assert_int_equal(config_doc_read(&got, z, buf_slice(&longer)), MESH_E_SYNTAX);
    config_doc_free(d);
    buf_free(&text);
    buf_free(&longer);
}

/* A peer that sends the pieces of another text, or the right ones in another order, is found out at each. */
static void a_wrong_piece_is_refused_when_it_comes(void **state)
{
    struct buf text = text_of(3 * CONFIG_PIECE), other = text_of(3 * CONFIG_PIECE), got = BUF_EMPTY;
    struct config_doc *d = make_after(NULL, buf_slice(&text), ""), *lie = make_after(NULL, buf_slice(&other), ""), *in;
    bool packed;

    (void)state;
    assert_int_equal(config_doc_begin(&in, config_doc_head(d)), 0);
    for (size_t i = 0; i < 3; i++) {
        struct slice wrong = config_doc_packed(lie, 2, &packed);
        assert_true(config_doc_piece(in, z, wrong, packed) < 0);
        wrong = config_doc_packed(d, (i + 1) % 3, &packed);
        assert_true(config_doc_piece(in, z, wrong, packed) < 0);
        struct slice right = config_doc_packed(d, i, &packed);
        assert_false(config_doc_whole(in));
        assert_int_equal(config_doc_piece(in, z, right, packed), 0);
    }
    assert_true(config_doc_whole(in));
    assert_int_equal(config_doc_piece(in, z, config_doc_packed(d, 2, &packed), packed), MESH_E_RANGE);
    assert_int_equal(config_doc_text(in, z, &got), 0);
    assert_true(slice_eq(buf_slice(&got), buf_slice(&text)));
    config_doc_free(d);
    config_doc_free(lie);
    config_doc_free(in);
    buf_free(&text);
    buf_free(&other);
    buf_free(&got);
}

static void a_version_knows_what_it_follows_from(void **state)
{
    struct config_doc *chain[40], *fork;

    (void)state;
    for (size_t i = 0; i < 40; i++)
        chain[i] = make_after(i > 0 ? chain[i - 1] : NULL, SLICE_LIT("x"), "");
    fork = make_after(chain[29], SLICE_LIT("y"), "");
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(chain[i]->head.version.counter, i + 1);
        assert_true(config_doc_descends(&chain[39]->head, &chain[i]->head.version));
        assert_true(i <= 29 ? config_doc_descends(&fork->head, &chain[i]->head.version)
                            : !config_doc_descends(&fork->head, &chain[i]->head.version));
    }
    assert_false(config_doc_descends(&chain[39]->head, &fork->head.version));
    for (size_t i = 0; i < 40; i++)
        config_doc_free(chain[i]);
    config_doc_free(fork);
}

static void what_is_too_much_is_not_signed(void **state)
{
    struct config_head head = { .at_s = 1 };
    struct buf text = BUF_EMPTY;
    struct config_doc *d;

    (void)state;
    config_doc_follow(&head, NULL);
    assert_non_null(buf_reserve(&text, CONFIG_TEXT_MAX + 1));
    memset(text.data, 'x', CONFIG_TEXT_MAX + 1);
    text.len = CONFIG_TEXT_MAX + 1;
    assert_int_equal(config_doc_make(&d, z, &head, buf_slice(&text), &operator), MESH_E_RANGE);
    head.who[0] = '"';
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &operator), MESH_E_RANGE);
    head.who[0] = 0;
    head.at_s = -1;
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &operator), MESH_E_RANGE);
    head.at_s = 1;
    head.lineage_n = 1; /* the first version has none before it */
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &operator), MESH_E_RANGE);
    head.lineage_n = 0;
    head.version.counter = 0;
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &operator), MESH_E_RANGE);
    head.version.counter = CONFIG_COUNTER_MAX + 1;
    head.lineage_n = CONFIG_LINEAGE_MAX;
    assert_int_equal(config_doc_make(&d, z, &head, SLICE_LIT("x"), &operator), MESH_E_RANGE);
    buf_free(&text);
}

static void a_version_as_text(void **state)
{
    char text[CONFIG_VERSION_TEXT_MAX];
    struct config_version v = { .counter = 0 };

    (void)state;
    assert_string_equal(config_version_text(&v, text), "0");
    v.counter = 17;
    v.hash.bytes[0] = 0xab;
    v.hash.bytes[7] = 0x01;
    assert_string_equal(config_version_text(&v, text), "17-ab00000000000001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_comes_back),
        cmocka_unit_test(only_an_operator_signs),
        cmocka_unit_test(another_mesh_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(a_wrong_piece_is_refused_when_it_comes),
        cmocka_unit_test(a_version_knows_what_it_follows_from),
        cmocka_unit_test(what_is_too_much_is_not_signed),
        cmocka_unit_test(a_version_as_text),
    };
    return cmocka_run_group_tests_name("config_doc", tests, setup, teardown);
}
