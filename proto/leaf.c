#include "proto/leaf.h"

#include "proto/base/err.h"

#include <assert.h>
#include <gnutls/crypto.h>

/* What is signed is the domain, its final zero included, and one digest over all
 * fields, each behind its length. So no two kinds of claim and no two sets of fields
 * are ever the same bytes. */
#define DOMAIN_HEAD  "hedgerow head 1"
#define DOMAIN_ONE   "hedgerow one 1"
#define DOMAIN_BATCH "hedgerow batch 1"
#define DOMAIN_SLIP  "hedgerow slip 1"
#define DOMAIN_CHAIN "hedgerow chain 1"

#define FIELDS_MAX 10
#define DOMAIN_MAX 20

struct transcript {
    struct slice domain;
    uint8_t lengths[FIELDS_MAX][4];
    uint8_t numbers[FIELDS_MAX][8];
    struct slice parts[2 * FIELDS_MAX];
    size_t n;
};

static void add(struct transcript *t, const void *data, size_t len)
{
    assert(t->n < FIELDS_MAX && len <= UINT32_MAX);
    be32_put(t->lengths[t->n], (uint32_t)len);
    t->parts[2 * t->n] = SLICE_OF(t->lengths[t->n]);
    t->parts[2 * t->n + 1] = slice_of(data, len);
    t->n++;
}

/* A number of 1, 4 or 8 bytes, big-endian. */
static void add_number(struct transcript *t, uint64_t v, size_t bytes)
{
    assert(t->n < FIELDS_MAX);
    be64_put(t->numbers[t->n], v);
    add(t, t->numbers[t->n] + 8 - bytes, bytes);
}

#define DOMAIN(text) slice_of(text, sizeof(text))

static void begin(struct transcript *t, struct slice domain, const struct leaf_claim *c)
{
    t->domain = domain;
    t->n = 0;
    add(t, c->mesh->bytes, MESH_ID_BYTES);
    add(t, c->signer->bytes, NODE_ID_BYTES);
    add(t, c->key->bytes, DIGEST_BYTES);
    add_number(t, c->generation, 8);
}

static struct slice message(const struct transcript *t, uint8_t bytes[DOMAIN_MAX + DIGEST_BYTES])
{
    struct digest d;

    assert(t->domain.len <= DOMAIN_MAX);
    digest_of(&d, t->parts, 2 * t->n);
    memcpy(bytes, t->domain.data, t->domain.len);
    memcpy(bytes + t->domain.len, d.bytes, DIGEST_BYTES);
    return slice_of(bytes, t->domain.len + DIGEST_BYTES);
}

static void sign(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, const struct leaf_claim *c,
                 const struct transcript *t)
{
    uint8_t bytes[DOMAIN_MAX + DIGEST_BYTES];

    assert(node_id_eq(&id->cert.id, c->signer));
    identity_sign(sig, id, message(t, bytes));
}

#ifndef HEDGEROW_BREAK_VERIFY
#define VERIFY_BROKEN 0
#else
#define VERIFY_BROKEN 1 /* takes anything: a build in which the tests must fail */
#endif

/* |sound|: the fields are ones that an honest signer could have signed. */
static int verify(const uint8_t sig[SIGNATURE_BYTES], const uint8_t key[SIGN_KEY_BYTES], const struct transcript *t,
                  bool sound)
{
    uint8_t bytes[DOMAIN_MAX + DIGEST_BYTES];

    if (VERIFY_BROKEN)
        return 0;
    if (!sound)
        return MESH_E_SIGNATURE;
    return identity_verify(sig, key, message(t, bytes));
}

/* ---- hashes ---- */

void leaf_hash(struct digest *out, struct slice raw)
{
    int err = gnutls_hash_fast(GNUTLS_DIG_SHA256, raw.data, raw.len, out->bytes);

    assert(err == 0); /* it fails where the algorithm is not there only */
}

void leaf_chain_start(struct digest *chain, uint64_t generation)
{
    uint8_t number[8];

    be64_put(number, generation);
    digest_of(chain, (const struct slice[]){ DOMAIN(DOMAIN_CHAIN), SLICE_OF(number) }, 2);
}

void leaf_chain_step(struct digest *chain, const struct digest *leaf)
{
    struct digest before = *chain;

    digest_of(chain, (const struct slice[]){ DOMAIN(DOMAIN_CHAIN), SLICE_OF(before.bytes), SLICE_OF(leaf->bytes) }, 3);
}

/* ---- head ---- */

static void head_transcript(struct transcript *t, const struct leaf_claim *c, struct slice head)
{
    begin(t, DOMAIN(DOMAIN_HEAD), c);
    add(t, head.data, head.len);
}

void leaf_sign_head(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, const struct leaf_claim *c,
                    struct slice head)
{
    struct transcript t;

    head_transcript(&t, c, head);
    sign(sig, id, c, &t);
}

int leaf_verify_head(const uint8_t sig[SIGNATURE_BYTES], const uint8_t sign_key[SIGN_KEY_BYTES],
                     const struct leaf_claim *c, struct slice head)
{
    struct transcript t;

    head_transcript(&t, c, head);
    return verify(sig, sign_key, &t, true);
}

/* ---- head and one leaf ---- */

static void one_transcript(struct transcript *t, const struct leaf_claim *c, struct slice head,
                           const struct digest *leaf, uint64_t length)
{
    begin(t, DOMAIN(DOMAIN_ONE), c);
    add(t, head.data, head.len);
    add_number(t, LEAF_HASH_ID, 1);
    add(t, leaf->bytes, DIGEST_BYTES);
    add_number(t, length, 8);
}

void leaf_sign_one(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, const struct leaf_claim *c,
                   struct slice head, const struct digest *leaf, uint64_t length)
{
    struct transcript t;

    assert(length <= LEAF_BYTES);
    one_transcript(&t, c, head, leaf, length);
    sign(sig, id, c, &t);
}

int leaf_verify_one(const uint8_t sig[SIGNATURE_BYTES], const uint8_t sign_key[SIGN_KEY_BYTES],
                    const struct leaf_claim *c, struct slice head, const struct digest *leaf, uint64_t length)
{
    struct transcript t;

    one_transcript(&t, c, head, leaf, length);
    return verify(sig, sign_key, &t, length <= LEAF_BYTES);
}

/* ---- batches ---- */

bool leaf_batch_ok(const struct leaf_batch *b)
{
    uint64_t end = (uint64_t)b->first + b->count;

    if (b->count > LEAF_BATCH_MAX || end > LEAF_COUNT_MAX)
        return false;
    if (!b->final)
        return b->count > 0 && b->length == 0;
    return b->length <= LEAF_BODY_MAX && leaf_count(b->length) == end;
}

static void batch_transcript(struct transcript *t, const struct leaf_claim *c, const struct leaf_batch *b)
{
    begin(t, DOMAIN(DOMAIN_BATCH), c);
    add_number(t, LEAF_HASH_ID, 1);
    add_number(t, b->first, 4);
    add_number(t, b->count, 4);
    add_number(t, b->final ? 1 : 0, 1);
    add_number(t, b->length, 8);
    add(t, b->chain.bytes, DIGEST_BYTES);
}

void leaf_sign_batch(struct leaf_batch *b, const struct identity *id, const struct leaf_claim *c)
{
    struct transcript t;

    assert(leaf_batch_ok(b));
    batch_transcript(&t, c, b);
    sign(b->sig, id, c, &t);
}

int leaf_verify_batch(const struct leaf_batch *b, const uint8_t sign_key[SIGN_KEY_BYTES], const struct leaf_claim *c)
{
    struct transcript t;

    batch_transcript(&t, c, b);
    return verify(b->sig, sign_key, &t, leaf_batch_ok(b));
}

/* ---- slips ---- */

bool leaf_slip_ok(uint32_t leaf, uint32_t offset, size_t len)
{
    return leaf < LEAF_COUNT_MAX && offset < LEAF_BYTES && len > 0 && len <= LEAF_BYTES - offset;
}

static void slip_transcript(struct transcript *t, const struct leaf_claim *c, uint32_t leaf, uint32_t offset,
                            struct slice bytes)
{
    begin(t, DOMAIN(DOMAIN_SLIP), c);
    add_number(t, leaf, 4);
    add_number(t, offset, 4);
    add(t, bytes.data, bytes.len);
}

void leaf_sign_slip(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, const struct leaf_claim *c, uint32_t leaf,
                    uint32_t offset, struct slice bytes)
{
    struct transcript t;

    assert(leaf_slip_ok(leaf, offset, bytes.len));
    slip_transcript(&t, c, leaf, offset, bytes);
    sign(sig, id, c, &t);
}

int leaf_verify_slip(const uint8_t sig[SIGNATURE_BYTES], const uint8_t sign_key[SIGN_KEY_BYTES],
                     const struct leaf_claim *c, uint32_t leaf, uint32_t offset, struct slice bytes)
{
    struct transcript t;

    slip_transcript(&t, c, leaf, offset, bytes);
    return verify(sig, sign_key, &t, leaf_slip_ok(leaf, offset, bytes.len));
}
