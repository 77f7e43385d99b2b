/* test_digest.c - known answers (Python's hashlib.blake2b), and that parts are one message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/digest.h"

static void check_hex(const struct digest *d, const char *hex)
{
    char got[2 * DIGEST_BYTES + 1];

    for (size_t i = 0; i < DIGEST_BYTES; i++)
        snprintf(got + 2 * i, 3, "%02x", d->bytes[i]);
    assert_string_equal(got, hex);
}

static void known_answers(void **state)
{
    struct digest d;
    uint8_t key[32];
    struct slice abc = SLICE_LIT("abc");
    (void)state;

    digest_one(&d, abc);
    check_hex(&d, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    assert_true(digest_u64(&d) == UINT64_C(0xbddd813c63423972));
    digest_one(&d, SLICE_EMPTY);
    check_hex(&d, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    digest_of(&d, NULL, 0);
    check_hex(&d, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    digest_keyed(&d, key, &abc, 1);
    check_hex(&d, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
}

static void parts_are_hashed_as_one_message(void **state)
{
    struct digest whole, parts;
    uint8_t bytes[300];
    (void)state;

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    digest_one(&whole, SLICE_OF(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 11) {
        struct slice p[3] = { slice_of(bytes, cut), SLICE_EMPTY, slice_of(bytes + cut, sizeof(bytes) - cut) };
        digest_of(&parts, p, 3);
        assert_true(digest_eq(&whole, &parts));
    }
    bytes[299] ^= 1;
    digest_one(&parts, SLICE_OF(bytes));
    assert_false(digest_eq(&whole, &parts));
}

static void randomness_fills_all_of_it_and_differs(void **state)
{
    uint8_t a[64] = { 0 }, b[64] = { 0 };
    (void)state;

    secret_random(a, sizeof(a));
    secret_random(b, sizeof(b));
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a + 32, b + 32, 32);
    assert_true(secret_random_u64() != secret_random_u64());
}

static int start(void **state)
{
    (void)state;
    return crypto_start() | crypto_start(); /* twice is fine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(parts_are_hashed_as_one_message),
        cmocka_unit_test(randomness_fills_all_of_it_and_differs),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
