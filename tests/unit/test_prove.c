/* test_prove.c - a proof holds for just the bytes, the path, the origin and the fetcher that it is of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/core/distribution.h"
#include "node/core/key.h"
#include "node/core/prove.h"
#include "proto/base/err.h"

#define LEAVES   19
#define BODY_MAX (LEAVES * LEAF_BYTES - 7)

static struct authority authority;
static struct identity ann;
static uint8_t body[BODY_MAX];

/* A whole proof of |length| bytes, with its parts where they can be altered. */
struct case_ {
    struct proof p;
    struct proof_claims claims;
    struct buf head, cert;
    struct digest hashes[LEAVES];
    struct leaf_batch batches[8];
};

static int start(void **state)
{
    const struct admission what = { .name = SLICE_LIT("ann"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };

    (void)state;
    authority_make(&authority, 16);
    assert_int_equal(authority_admit(&ann, &authority, &what), 0);
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 7 + i / 65536);
    return 0;
}

static void batches(struct case_ *c, const struct leaf_claim *claim)
{
    struct digest chain;
    uint32_t leaf = 0, n = (uint32_t)c->p.hashes_n;

    leaf_chain_start(&chain, claim->generation);
    do {
        struct leaf_batch *b = &c->batches[c->p.batches_n++];
        *b = (struct leaf_batch){ .first = leaf, .count = n - leaf < 8 ? n - leaf : 8 };
        for (uint32_t i = 0; i < b->count; i++)
            leaf_chain_step(&chain, &c->hashes[leaf++]);
        b->final = leaf == n;
        b->length = b->final ? c->p.length : 0;
        b->chain = chain;
        leaf_sign_batch(b, &ann, claim);
        memset(&b->chain, 0, sizeof(b->chain)); /* a checker makes its own */
    } while (leaf < n);
    c->p.batches = c->batches;
}

static void make(struct case_ *c, size_t length, bool one)
{
    struct head h = { .generation = 77, .status = 200, .fetched_s = 1800000000 };

    memset(c, 0, sizeof(*c));
    c->claims = (struct proof_claims){ SLICE_LIT("default"), SLICE_LIT("/a"), SLICE_LIT("http://o:80"),
                                       slice_of(body, length) };
    key_hash(&h.key, &ann.mesh, SLICE_LIT("default"), SLICE_EMPTY, c->claims.path);
    h.origin = distribution_origin(c->claims.origin);
    assert_int_equal(head_encode(&c->head, &h), 0);
    buf_add_slice(&c->cert, identity_cert(&ann));
    c->p.length = length;
    c->p.hashes_n = leaf_count(length);
    c->p.hashes = c->hashes;
    for (size_t i = 0; i < c->p.hashes_n; i++)
        leaf_hash(&c->hashes[i], slice_head(slice_from(c->claims.body, i * LEAF_BYTES), LEAF_BYTES));
    if (c->p.hashes_n == 0)
        leaf_hash(&c->hashes[0], SLICE_EMPTY);
    const struct leaf_claim claim = { &ann.mesh.id, &ann.cert.id, &h.key, h.generation };
    c->p.head = buf_slice(&c->head);
    c->p.cert = buf_slice(&c->cert);
    c->p.one = one;
    if (one) {
        leaf_sign_one(c->p.sig, &ann, &claim, c->p.head, &c->hashes[0], length);
    } else {
        leaf_sign_head(c->p.sig, &ann, &claim, c->p.head);
        batches(c, &claim);
    }
}

static enum proof_step check(const struct case_ *c)
{
    struct cert signer;
    struct head head;
    enum proof_step step = proof_check(&c->p, &ann.mesh, &c->claims, &signer, &head);

    if (step > PROOF_HEAD) {
        assert_string_equal(signer.name, "ann");
        assert_int_equal(head.fetched_s, 1800000000);
    }
    return step;
}

static void end(struct case_ *c)
{
    buf_free(&c->head);
    buf_free(&c->cert);
}

static void feat_M13_a_proof_holds_for_bodies_of_all_sizes(void **state)
{
    static const size_t sizes[] = { 0, 1, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 8 * LEAF_BYTES, BODY_MAX };
    struct case_ c;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int one = 0; one < (sizes[i] <= LEAF_BYTES ? 2 : 1); one++) {
            make(&c, sizes[i], one == 1);
            if (check(&c) != PROOF_HOLDS)
                fail_msg("%zu bytes, one %d: %s does not hold", sizes[i], one, proof_step_text(check(&c)));
            end(&c);
        }
    }
}

/* Each bit of a proof is needed for something. */
static void feat_M13_altered_proofs_do_not_hold(void **state)
{
    struct case_ c;

    (void)state;
    for (int one = 0; one < 2; one++) {
        make(&c, one ? 1000 : BODY_MAX, one == 1);
        struct {
            uint8_t *at;
            size_t len;
        } parts[] = { { c.head.data, c.head.len },
                      { c.cert.data, c.cert.len },
                      { c.p.sig, SIGNATURE_BYTES },
                      { (uint8_t *)c.hashes, c.p.hashes_n * DIGEST_BYTES },
                      { c.batches[0].sig, one ? 0 : SIGNATURE_BYTES },
                      { c.batches[2].sig, one ? 0 : SIGNATURE_BYTES } };
        for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
            for (size_t i = 0; i < parts[part].len; i += 1 + parts[part].len / 40) {
                parts[part].at[i] ^= 1;
                if (check(&c) == PROOF_HOLDS)
                    fail_msg("one %d: byte %zu of part %zu counts for nothing", one, i, part);
                parts[part].at[i] ^= 1;
            }
        }
        assert_int_equal(check(&c), PROOF_HOLDS);
        end(&c);
    }
}

static void feat_M13_each_step_is_named_that_does_not_hold(void **state)
{
    struct authority other;
    struct identity stranger;
    const struct admission what = { .name = SLICE_LIT("ann"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };
    uint8_t copy[3 * LEAF_BYTES];
    struct case_ c;

    (void)state;
    make(&c, sizeof(copy), false);
    memcpy(copy, body, sizeof(copy));
    c.claims.body = SLICE_OF(copy);
    assert_int_equal(check(&c), PROOF_HOLDS);
    copy[2 * LEAF_BYTES + 5] ^= 1; /* one bit of the client's bytes */
    assert_int_equal(check(&c), PROOF_BODY);
    copy[2 * LEAF_BYTES + 5] ^= 1;
    c.claims.body.len--;
    assert_int_equal(check(&c), PROOF_BODY);
    c.claims.body.len++;
    c.claims.path = SLICE_LIT("/b");
    assert_int_equal(check(&c), PROOF_KEY);
    c.claims.path = SLICE_LIT("/a");
    c.claims.origin = SLICE_LIT("http://p:80");
    assert_int_equal(check(&c), PROOF_ORIGIN);
    c.claims.origin = SLICE_LIT("http://o:80");
    c.p.batches_n--; /* cut */
    assert_int_equal(check(&c), PROOF_HASHES);
    c.p.batches_n++;
    c.p.hashes_n--;
    assert_int_equal(check(&c), PROOF_HASHES);
    c.p.hashes_n++;
    c.p.sig[0] ^= 1;
    assert_int_equal(check(&c), PROOF_HEAD);
    c.p.sig[0] ^= 1;
    authority_make(&other, 16);
    assert_int_equal(authority_admit(&stranger, &other, &what), 0);
    c.p.cert = identity_cert(&stranger);
    assert_int_equal(check(&c), PROOF_CERT);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_M13_a_proof_holds_for_bodies_of_all_sizes),
        cmocka_unit_test(feat_M13_altered_proofs_do_not_hold),
        cmocka_unit_test(feat_M13_each_step_is_named_that_does_not_hold),
    };
    return crypto_start() == 0 ? cmocka_run_group_tests(tests, start, NULL) : 1;
}
