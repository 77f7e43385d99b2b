/* test_doors.c - country, rate and signature before a behaviour, from a set of distributions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/signed/doors.h"
#include "node/signed/signing.h"
#include "proto/base/err.h"

#define NOW 1700000000

static const struct slice staff = { (const uint8_t *)"staff", 5 };
static const uint16_t first[] = { 0 };
static const struct slice germans[] = { { (const uint8_t *)"DE", 2 } };
static struct rates rates;
static struct signed_work *work;
static struct signing_key *keys[2];
static struct buf public[2];

static int start(void **state)
{
    struct buf secret = BUF_EMPTY;

    (void)state;
    assert_int_equal(crypto_start(), 0);
    work = calloc(1, sizeof(*work));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(signing_key_new(&keys[i], SIGNER_P256), 0);
        assert_int_equal(signing_key_pem(keys[i], &secret, &public[i]), 0);
    }
    buf_free(&secret);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        signing_key_free(keys[i]);
        buf_free(&public[i]);
    }
    signed_work_fini(work);
    free(work);
    return 0;
}

/* Two distributions: an open one, and one with a private behaviour behind a list of countries and a rate. */
struct world {
    struct dist_key key;
    struct dist_key_group group;
    struct dist_behaviour open, private[2];
    struct dist dists[2];
    struct dist_set set;
};

static void world_make(struct world *w, unsigned key)
{
    *w = (struct world){ .key = { SLICE_LIT("K1"), buf_slice(&public[key]) }, .group = { staff, first, 1 } };
    w->private[0] = (struct dist_behaviour){
        .path = SLICE_LIT("/p/*"), .key_groups = &staff, .key_groups_n = 1, .rate = 10, .rate_burst = 3
    };
    w->private[1] = (struct dist_behaviour){ .path = SLICE_LIT("*"), .index = 1 };
    w->dists[0] = (struct dist){ .name = SLICE_LIT("open"), .behaviours = &w->open, .behaviours_n = 1, .digest = 1 };
    w->dists[1] = (struct dist){ .name = SLICE_LIT("films"),
                                 .behaviours = w->private,
                                 .behaviours_n = 2,
                                 .keys = &w->key,
                                 .keys_n = 1,
                                 .key_groups = &w->group,
                                 .key_groups_n = 1,
                                 .geo = DIST_GEO_ALLOW,
                                 .countries = germans,
                                 .countries_n = 1,
                                 .digest = 2,
                                 .index = 1 };
    w->set = (struct dist_set){ .dists = w->dists, .n = 2 };
    rates_init(&rates, (const uint8_t *)"sixteen secrets");
}

static char *signed_target(unsigned key, bool sha256)
{
    struct signing_wish wish = { .url = SLICE_LIT("https://a.example/p/x?y=1"),
                                 .key_id = SLICE_LIT("K1"),
                                 .ends_s = NOW + 60,
                                 .starts_s = -1,
                                 .sha256 = sha256 };
    struct buf out = BUF_EMPTY, why = BUF_EMPTY;
    struct signing_made made;

    assert_int_equal(signing_make(&made, keys[key], &wish, &why), 0);
    signing_url(&out, SLICE_LIT("/p/x?y=1"), &made);
    buf_add_u8(&out, 0);
    signing_fini(&made);
    return (char *)out.data;
}

static struct doors_request request(const char *target)
{
    return (struct doors_request){ .https = true,
                                   .host = SLICE_LIT("a.example"),
                                   .target = slice_str(target),
                                   .address = mesh_addr_v4(1, 1),
                                   .country = "DE",
                                   .wall_s = NOW,
                                   .now = SEC(9) };
}

static void feat_S1_a_private_behaviour_lets_in_who_is_signed(void **state)
{
    char *url = signed_target(0, true), *sha1 = signed_target(0, false);
    struct buf why = BUF_EMPTY;
    struct doors_verdict v;
    struct doors *d;
    struct world w;

    (void)state;
    world_make(&w, 0);
    assert_int_equal(doors_new(&d, &w.set, &why), 0);
    struct doors_request r = request(url);
    assert_true(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
    assert_true(v.status == 0 && slice_eq(v.target, SLICE_LIT("/p/x?y=1")) && slice_eq(v.key_id, SLICE_LIT("K1")));
    r.target = SLICE_LIT("/p/x?y=1");
    assert_false(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
    assert_int_equal(v.status, 403);
    assert_string_equal(v.detail, "SignatureMissing");
    /* Where nothing is asked for, nothing is taken away. */
    r.target = slice_str(url);
    assert_true(doors_pass(d, &rates, work, &w.dists[1], &w.private[1], &r, &v));
    assert_true(slice_eq(v.target, slice_str(url)) && v.detail == NULL);
    assert_true(doors_pass(d, &rates, work, &w.dists[0], &w.open, &r, &v));
    r.target = slice_str(sha1);
    r.now += SEC(1);
    assert_true(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
    w.dists[1].sha1_forbidden = true;
    assert_false(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
    assert_string_equal(v.detail, "SignatureSha1");
    doors_unref(d);
    buf_free(&why);
    free(url);
    free(sha1);
}

/* S6: another set with another key; who still holds the first one goes on with it. */
static void feat_S6_a_key_comes_and_goes_with_its_set(void **state)
{
    char *urls[] = { signed_target(0, true), signed_target(1, true) };
    struct buf why = BUF_EMPTY;
    struct doors *d[2];
    struct doors_verdict v;
    struct world w[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        world_make(&w[i], i);
        assert_int_equal(doors_new(&d[i], &w[i].set, &why), 0);
    }
    assert_ptr_equal(doors_ref(d[0]), d[0]);
    doors_unref(d[0]);
    for (unsigned i = 0; i < 4; i++) {
        struct doors_request r = request(urls[i % 2]);
        r.now += SEC(i);
        bool in = doors_pass(d[i / 2], &rates, work, &w[i / 2].dists[1], &w[i / 2].private[0], &r, &v);
        assert_int_equal(in, i % 2 == i / 2);
    }
    doors_unref(d[0]);
    doors_unref(d[1]);
    free(urls[0]);
    free(urls[1]);

    w[0].key.pem = SLICE_LIT("nothing");
    assert_int_equal(doors_new(&d[0], &w[0].set, &why), MESH_E_SYNTAX);
    assert_null(d[0]);
    assert_true(memmem(why.data, why.len, "distribution films, key K1 is no public key", 43) != NULL);
    buf_free(&why);
}

static void feat_S8_feat_S10_country_first_then_rate_then_signature(void **state)
{
    struct buf why = BUF_EMPTY;
    struct doors_verdict v;
    struct doors *d;
    struct world w;

    (void)state;
    world_make(&w, 0);
    assert_int_equal(doors_new(&d, &w.set, &why), 0);
    struct doors_request r = request("/p/x");
    r.country = "FR";
    for (unsigned i = 0; i < 10; i++) {
        assert_false(doors_pass(d, &rates, work, &w.dists[1], &w.private[i % 2], &r, &v));
        assert_true(v.status == 403 && strcmp(v.detail, "CountryBlocked") == 0);
    }
    r.country = "";
    for (unsigned i = 0; i < 3; i++) {
        assert_false(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
        assert_int_equal(v.status, 403);
    }
    assert_false(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
    assert_true(v.status == 429 && v.retry_after_s == 1 && strcmp(v.detail, "RateExceeded") == 0);
    assert_true(doors_pass(d, &rates, work, &w.dists[1], &w.private[1], &r, &v)); /* it has no rate */
    r.address = mesh_addr_v4(2, 1);
    assert_false(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
    assert_int_equal(v.status, 403);
    w.dists[1].geo = DIST_GEO_ANY;
    w.dists[1].keys_n = w.dists[1].key_groups_n = 0;
    doors_unref(d);
    assert_int_equal(doors_new(&d, &w.set, &why), 0);
    assert_false(doors_pass(d, &rates, work, &w.dists[1], &w.private[0], &r, &v));
    assert_string_equal(v.detail, "SignatureUnknownKey");
    doors_unref(d);
    buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_S1_a_private_behaviour_lets_in_who_is_signed),
        cmocka_unit_test(feat_S6_a_key_comes_and_goes_with_its_set),
        cmocka_unit_test(feat_S8_feat_S10_country_first_then_rate_then_signature),
    };
    return cmocka_run_group_tests(tests, start, end);
}
