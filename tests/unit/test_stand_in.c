/* What takes cryptography's place in large worlds: as strict, as long, and off unless asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "sim/stand_in.h"

#define TEXT 37 /* no whole number of words */

static uint8_t key[32], nonce[24], ad[19], text[TEXT], sealed[TEXT + 16], opened[TEXT];
static unsigned long long len;

static int open_it(void)
{
    return crypto_aead_chacha20poly1305_ietf_decrypt(opened, &len, NULL, sealed, sizeof(sealed), ad, sizeof(ad), nonce,
                                                     key);
}

/* Each bit of |part| counts. */
static void each_bit_counts(uint8_t *part, size_t n)
{
    for (size_t bit = 0; bit < 8 * n; bit++) {
        part[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (open_it() == 0)
            fail_msg("bit %zu of %zu bytes does not count", bit, n);
        part[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(open_it(), 0);
}

static void what_is_damaged_is_refused(void **state)
{
    (void)state;
    stand_in_use(true);
    memset(text, 'x', sizeof(text));
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed, &len, text, sizeof(text), ad, sizeof(ad), NULL, nonce, key);
    assert_int_equal(len, sizeof(sealed));
    each_bit_counts(sealed, sizeof(sealed));
    each_bit_counts(ad, sizeof(ad));
    each_bit_counts(nonce, crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
    each_bit_counts(key, sizeof(key));
    assert_int_equal(len, sizeof(text));
    assert_memory_equal(opened, text, sizeof(text));
    assert_int_equal(
        crypto_aead_chacha20poly1305_ietf_decrypt(opened, &len, NULL, sealed, 15, ad, sizeof(ad), nonce, key), -1);

    /* In place and apart, as records have it; and the long nonce of strangers. */
    uint8_t mac[16];
    memcpy(opened, text, sizeof(text));
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(opened, mac, &len, opened, sizeof(opened), ad, 3, NULL, nonce,
                                                       key);
    assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt_detached(opened, NULL, opened, sizeof(opened), mac, ad,
                                                                        3, nonce, key),
                     0);
    mac[15] ^= 1;
    assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt_detached(opened, NULL, opened, sizeof(opened), mac, ad,
                                                                        3, nonce, key),
                     -1);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, &len, text, sizeof(text), NULL, 0, NULL, nonce, key);
    nonce[23] ^= 1;
    assert_int_equal(
        crypto_aead_xchacha20poly1305_ietf_decrypt(opened, &len, NULL, sealed, sizeof(sealed), NULL, 0, nonce, key),
        -1);
    nonce[23] ^= 1;
    assert_int_equal(
        crypto_aead_xchacha20poly1305_ietf_decrypt(opened, &len, NULL, sealed, sizeof(sealed), NULL, 0, nonce, key), 0);
}

static void signatures_bind_the_message_and_the_signer(void **state)
{
    uint8_t pk[32], sk[64], other[32], other_sk[64], sig[64];

    (void)state;
    stand_in_use(true);
    crypto_sign_keypair(pk, sk);
    crypto_sign_keypair(other, other_sk);
    crypto_sign_detached(sig, NULL, text, sizeof(text), sk);
    assert_int_equal(crypto_sign_verify_detached(sig, text, sizeof(text), pk), 0);
    assert_int_equal(crypto_sign_verify_detached(sig, text, sizeof(text), other), -1);
    assert_int_equal(crypto_sign_verify_detached(sig, text, sizeof(text) - 1, pk), -1);
    for (size_t i = 0; i < sizeof(sig); i++) {
        sig[i] ^= 1;
        assert_int_equal(crypto_sign_verify_detached(sig, text, sizeof(text), pk), -1);
        sig[i] ^= 1;
    }
}

static void two_agree_and_a_third_does_not(void **state)
{
    uint8_t pk[3][32], sk[3][32], a[32], b[32], made[32];

    (void)state;
    stand_in_use(true);
    for (int i = 0; i < 3; i++)
        crypto_box_keypair(pk[i], sk[i]);
    crypto_scalarmult_base(made, sk[0]);
    assert_memory_equal(made, pk[0], 32);
    assert_int_equal(crypto_scalarmult(a, sk[0], pk[1]), 0);
    assert_int_equal(crypto_scalarmult(b, sk[1], pk[0]), 0);
    assert_memory_equal(a, b, 32);
    assert_int_equal(crypto_scalarmult(b, sk[2], pk[0]), 0);
    assert_memory_not_equal(a, b, 32);
}

/* RFC 8032, 7.1, test 1; and that the stand-in's own marks are worth nothing then. */
static void when_off_it_is_libsodium(void **state)
{
    static const uint8_t want[8] = { 0xe5, 0x56, 0x43, 0x00, 0xc3, 0x60, 0xac, 0x72 };
    static const uint8_t seed[32] = { 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
                                      0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
                                      0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60 };
    uint8_t pk[32], sk[64], sig[64];

    (void)state;
    crypto_sign_seed_keypair(pk, sk, seed);
    stand_in_use(true);
    crypto_sign_detached(sig, NULL, NULL, 0, sk);
    stand_in_use(false);
    assert_int_equal(crypto_sign_verify_detached(sig, NULL, 0, pk), -1);
    crypto_sign_detached(sig, NULL, NULL, 0, sk);
    assert_memory_equal(sig, want, sizeof(want));
    memset(text, 'x', sizeof(text));
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed, &len, text, sizeof(text), ad, sizeof(ad), NULL, nonce, key);
    assert_memory_not_equal(sealed, text, sizeof(text));
    each_bit_counts(sealed, sizeof(sealed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_damaged_is_refused),
        cmocka_unit_test(signatures_bind_the_message_and_the_signer),
        cmocka_unit_test(two_agree_and_a_third_does_not),
        cmocka_unit_test(when_off_it_is_libsodium),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
