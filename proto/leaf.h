/* leaf.h - how bytes prove where they came from. A body is cut on a fixed grid:
 * leaf i is bytes [64Ki*i, 64Ki*(i+1)). Leaf hashes (SHA-256, FIPS 180-4) are chained, and
 * the node that spoke to the origin (the signer) signs
 *   - the head (key, generation, status, fields ...) of an object,
 *   - each batch of leaves: the chain value behind its last leaf; the last batch
 *     carries FINAL and the body's length,
 *   - for an object of at most one leaf: head, leaf and length in one signature,
 *   - a slip: a piece of a leaf that is not full yet.
 * Every signature covers a domain string, mesh, signer, key and generation, and is
 * passed on unchanged by later holders. Pure functions; thread safe. */
#ifndef HEDGEROW_PROTO_LEAF_H
#define HEDGEROW_PROTO_LEAF_H

#include "proto/identity.h"

#define LEAF_BYTES     65536u
#define LEAF_BATCH_MAX 16u /* leaves in one signed batch: the ramp is 1, 2, 4, 8, 16 */
#define LEAF_HASH_ID   2   /* SHA-256; it is in what is signed, so that another can follow */
#define LEAF_COUNT_MAX UINT32_MAX
#define LEAF_BODY_MAX  ((uint64_t)LEAF_COUNT_MAX * LEAF_BYTES)

/* |body_bytes| <= LEAF_BODY_MAX. */
static inline uint32_t leaf_count(uint64_t body_bytes)
{
    return (uint32_t)((body_bytes + LEAF_BYTES - 1) / LEAF_BYTES);
}

/* leaf_hash: every byte that a node takes or gives is hashed once, and processors have instructions for
 * SHA-256: so not BLAKE2b, which everything else here is hashed with. */
void leaf_hash(struct digest *out, struct slice raw);

/* leaf_chain: chain value before leaf 0 (from generation), and stepping over one leaf. */
void leaf_chain_start(struct digest *chain, uint64_t generation);
void leaf_chain_step(struct digest *chain, const struct digest *leaf);

/* Who and what a signature is about. All lent. */
struct leaf_claim {
    const struct mesh_id *mesh;
    const struct node_id *signer;
    const struct digest *key; /* the object's primary key hash */
    uint64_t generation;
};

/* A batch: leaves first .. first+count-1, |chain| the value behind the last of them.
 * |final|: the body ends here, after |length| bytes. A final batch may have no leaves:
 * the body is empty, or it ended exactly with leaves that were all sent before. */
struct leaf_batch {
    uint32_t first, count;
    bool final;
    uint64_t length; /* 0 unless final */
    struct digest chain;
    uint8_t sig[SIGNATURE_BYTES];
};

/* leaf_batch_ok and leaf_slip_ok: numbers that can be true of a body. A final batch
 * ends where |length| does, and only it may be without leaves or state a length; a slip
 * has bytes and stays inside its leaf. */
bool leaf_batch_ok(const struct leaf_batch *b);
bool leaf_slip_ok(uint32_t leaf, uint32_t offset, size_t len);

/* The _sign functions fill the signature with |id|'s key (id must be claim->signer) and
 * assert that the numbers are ok; the _verify ones return 0 or MESH_E_SIGNATURE (also for
 * numbers that are not ok). |sign_key| is the one in claim->signer's certificate.
 * |head| is the head's wire bytes. */
void leaf_sign_head(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, const struct leaf_claim *c,
                    struct slice head);
int leaf_verify_head(const uint8_t sig[SIGNATURE_BYTES], const uint8_t sign_key[SIGN_KEY_BYTES],
                     const struct leaf_claim *c, struct slice head);

/* An object of at most one leaf; |leaf| is the hash of its bytes (of none when length is 0). */
void leaf_sign_one(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, const struct leaf_claim *c,
                   struct slice head, const struct digest *leaf, uint64_t length);
int leaf_verify_one(const uint8_t sig[SIGNATURE_BYTES], const uint8_t sign_key[SIGN_KEY_BYTES],
                    const struct leaf_claim *c, struct slice head, const struct digest *leaf, uint64_t length);

void leaf_sign_batch(struct leaf_batch *b, const struct identity *id, const struct leaf_claim *c);
int leaf_verify_batch(const struct leaf_batch *b, const uint8_t sign_key[SIGN_KEY_BYTES], const struct leaf_claim *c);

void leaf_sign_slip(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, const struct leaf_claim *c, uint32_t leaf,
                    uint32_t offset, struct slice bytes);
int leaf_verify_slip(const uint8_t sig[SIGNATURE_BYTES], const uint8_t sign_key[SIGN_KEY_BYTES],
                     const struct leaf_claim *c, uint32_t leaf, uint32_t offset, struct slice bytes);

#endif
