/* bench_tamper - row 26: bits flipped at random in what carries an object between two nodes: its leaves, their
 * hashes, the signed batch and who is said to have signed it. How many of a million are taken (none may be), and what
 * finding one out costs. Usage: bench_tamper [flips] */
#include "proto/leaf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY   4096
#define LEAVES 4
/* The leaves' bytes are cheap to judge, since their hash is: nine of ten flips go there. */
#define SIGNED_EACH 10

static struct identity id;
static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t draw(void) /* xorshift64* (Vigna, 2016) */
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1du;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What travels, as a receiver has it before it judges. */
struct transfer {
    uint8_t leaves[LEAVES][BODY];
    struct digest hashes[LEAVES];
    struct leaf_batch batch;
    struct mesh_id mesh;
    struct node_id signer;
    uint8_t sign_key[SIGN_KEY_BYTES];
    struct digest key;
    uint64_t generation;
};

static struct leaf_claim claim_of(const struct transfer *t)
{
    return (struct leaf_claim){ &t->mesh, &t->signer, &t->key, t->generation };
}

static bool batch_holds(const struct transfer *t)
{
    struct leaf_claim claim = claim_of(t);
    struct leaf_batch b = t->batch;

    leaf_chain_start(&b.chain, t->generation);
    for (int i = 0; i < LEAVES; i++)
        leaf_chain_step(&b.chain, &t->hashes[i]);
    return leaf_verify_batch(&b, t->sign_key, &claim) == 0;
}

static bool leaf_holds(const struct transfer *t, size_t i)
{
    struct digest d;

    leaf_hash(&d, SLICE_OF(t->leaves[i]));
    return digest_eq(&d, &t->hashes[i]);
}

static void fill(struct transfer *t)
{
    memset(t, 0, sizeof(*t));
    for (size_t i = 0; i < sizeof(t->leaves); i++)
        t->leaves[i / BODY][i % BODY] = (uint8_t)draw();
    t->mesh = id.mesh.id;
    t->signer = id.cert.id;
    memcpy(t->sign_key, id.sign_key, sizeof(t->sign_key));
    t->key.bytes[3] = 7;
    t->generation = draw();
    t->batch = (struct leaf_batch){ .first = 0, .count = LEAVES };
    leaf_chain_start(&t->batch.chain, t->generation);
    for (int i = 0; i < LEAVES; i++) {
        leaf_hash(&t->hashes[i], SLICE_OF(t->leaves[i]));
        leaf_chain_step(&t->batch.chain, &t->hashes[i]);
    }
    struct leaf_claim claim = claim_of(t);
    leaf_sign_batch(&t->batch, &id, &claim);
}

int main(int argc, char **argv)
{
    unsigned long flips = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, taken = 0, in_leaves = 0;
    struct authority authority;
    struct transfer t;
    const struct admission what = { .name = SLICE_LIT("n"), .zone = SLICE_LIT("z"), .not_after_s = 2000000000 };

    int err = crypto_start();
    assert(err == 0);
    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    err = authority_admit(&id, &authority, &what);
    assert(err == 0);
    fill(&t);
    bool sound = batch_holds(&t) && leaf_holds(&t, 0) && leaf_holds(&t, LEAVES - 1);
    assert(sound);
    /* What is signed; the numbers of the batch too, but not the chain value, which a receiver makes itself. */
    const struct slice parts[] = { SLICE_OF(t.mesh.bytes), SLICE_OF(t.signer.bytes), SLICE_OF(t.sign_key),
                                   SLICE_OF(t.key.bytes),  slice_of(&t.generation, sizeof(t.generation)),
                                   slice_of(t.hashes, sizeof(t.hashes)), SLICE_OF(t.batch.sig),
                                   slice_of(&t.batch.first, sizeof(t.batch.first)),
                                   slice_of(&t.batch.count, sizeof(t.batch.count)) };
    double began = now_s();
    for (unsigned long n = 0; n < flips; n++) {
        uint8_t *at, bit = (uint8_t)(1u << draw() % 8);
        if (n % SIGNED_EACH != 0) {
            size_t leaf = draw() % LEAVES;
            at = &t.leaves[leaf][draw() % BODY];
            *at ^= bit;
            taken += leaf_holds(&t, leaf);
            in_leaves++;
        } else {
            const struct slice *part = &parts[draw() % (sizeof(parts) / sizeof(parts[0]))];
            at = (uint8_t *)(uintptr_t)part->data + draw() % part->len;
            *at ^= bit;
            taken += batch_holds(&t);
        }
        *at ^= bit;
    }
    double took = now_s() - began;
    sound = batch_holds(&t) && leaf_holds(&t, 0);
    printf("row 26  %lu flips, %lu of them in leaves: %lu taken   target 0  %s   %.1f us each\n", flips, in_leaves, taken,
           taken == 0 && sound ? "pass" : "MISS", took * 1e6 / (double)(flips > 0 ? flips : 1));
    return taken == 0 && sound ? 0 : 1;
}
