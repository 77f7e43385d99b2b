/* test_held.c - certificates, each held once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/core/held.h"
#include "proto/identity.h"

static const uint8_t key[MAP_KEY_BYTES] = "a secret of run";
static struct authority authority;
static struct identity ann, bob;

static void admit(struct identity *id, const char *name, uint64_t serial)
{
    const struct admission what = {
        .name = slice_str(name), .zone = SLICE_LIT("eu/z"), .not_after_s = 1900000000, .serial = serial
    };

    assert_int_equal(authority_admit(id, &authority, &what), 0);
}

static void all_who_hold_one_hold_the_same(void **state)
{
    struct held_store s = { .n = 0 };

    (void)state;
    assert_int_equal(held_store_init(&s, key), 0);
    struct held_cert *a = held_take(&s, &ann.cert, identity_cert(&ann));
    struct held_cert *again = held_take(&s, &ann.cert, identity_cert(&ann));
    struct held_cert *other = held_take(&s, &bob.cert, identity_cert(&bob));
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, other);
    assert_int_equal(s.n, 2);
    assert_ptr_equal(held_find(&s, &ann.cert.id, identity_cert(&ann)), a);
    assert_null(held_find(&s, &ann.cert.id, identity_cert(&bob))); /* these very bytes */
    assert_null(held_find(NULL, &ann.cert.id, identity_cert(&ann)));
    assert_true(slice_eq(held_raw(a), identity_cert(&ann)));
    assert_string_equal(a->cert.name, "ann");
    held_drop(a);
    assert_int_equal(s.n, 2);
    held_drop(held_ref(again));
    held_drop(again);
    assert_int_equal(s.n, 1);
    assert_null(held_find(&s, &ann.cert.id, identity_cert(&ann)));
    held_drop(other);
    held_drop(NULL);
    held_store_fini(&s);
}

static void a_renewed_one_is_another(void **state)
{
    struct held_store s = { .n = 0 };
    struct cert cert = ann.cert;
    struct buf raw = BUF_EMPTY;

    (void)state;
    assert_int_equal(held_store_init(&s, key), 0);
    cert.serial = 9;
    assert_int_equal(cert_sign(&raw, &cert, authority.secret), 0);
    struct held_cert *old = held_take(&s, &ann.cert, identity_cert(&ann));
    struct held_cert *new = held_take(&s, &cert, buf_slice(&raw));
    assert_ptr_not_equal(old, new);
    assert_int_not_equal(old->sum, new->sum);
    assert_true(old->region == new->region && old->zone == new->zone && old->zone != old->region);
    assert_ptr_equal(held_find(&s, &ann.cert.id, identity_cert(&ann)), old);
    assert_ptr_equal(held_find(&s, &ann.cert.id, buf_slice(&raw)), new);
    held_drop(old);
    held_drop(new);
    held_store_fini(&s);
    buf_free(&raw);
}

static void without_a_store_each_has_its_own(void **state)
{
    (void)state;
    uint8_t long_one[CERT_BYTES_MAX + 1] = { 0 };
    struct held_cert *a = held_take(NULL, &ann.cert, identity_cert(&ann));
    struct held_cert *b = held_take(NULL, &ann.cert, identity_cert(&ann));

    assert_ptr_not_equal(a, b);
    held_drop(a);
    held_drop(b);
    assert_null(held_take(NULL, &ann.cert, SLICE_OF(long_one)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_who_hold_one_hold_the_same),
        cmocka_unit_test(a_renewed_one_is_another),
        cmocka_unit_test(without_a_store_each_has_its_own),
    };

    if (crypto_start() != 0)
        return 1;
    authority_make(&authority, 16);
    admit(&ann, "ann", 1);
    admit(&bob, "bob", 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
