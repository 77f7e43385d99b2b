/* prove.h - provenance: what proves who fetched a body, when and from where, and that bytes are what it fetched.
 * Whoever has a copy can hand it out, and whoever knows the mesh's authorities can check it, without trust in who
 * handed it out:
 *
 *   authority --signs--> certificate --signs--> head and leaf hashes --of--> the bytes
 */
#ifndef HEDGEROW_CORE_PROVE_H
#define HEDGEROW_CORE_PROVE_H

#include "node/core/head.h"
#include "proto/base/time.h"
#include "proto/identity.h"
#include "proto/leaf.h"

struct engine;

/* As it lies with the copy. All lent. */
struct proof {
    struct slice head, cert; /* wire forms */
    bool one;                /* |sig| is over head and body together: of one leaf at most */
    uint8_t sig[SIGNATURE_BYTES];
    uint64_t length; /* of the body */
    const struct digest *hashes;
    size_t hashes_n;
    const struct leaf_batch *batches; /* unless |one|; their chain values are not looked at */
    size_t batches_n;
    struct slice distribution,
        origin; /* whose it is, and the URL of where it is fetched from; said by who hands it out */
};

/* engine_prove shows the proof of the complete copy of |path| (as purge_read makes it of a URL) at |host|, of the
 * latest of several variants, to |show|, for the call. 0; MESH_E_MISSING: there is none in memory; MESH_E_STATE: it has
 * no whole proof; MESH_E_NOMEM. */
typedef void prove_show(void *ctx, const struct proof *p, mesh_ns age_ns);
int engine_prove(struct engine *e, mesh_ns now, struct slice host, struct slice path, prove_show *show, void *ctx);

/* What is claimed besides, by whoever handed the proof out. */
struct proof_claims {
    struct slice distribution, path, origin;
    struct slice body; /* the bytes as they were got */
};

/* How far a proof holds: each step stands on those before it. */
enum proof_step {
    PROOF_CERT,   /* the certificate is by one of the mesh's authorities */
    PROOF_HEAD,   /* the head is signed by that certificate's key */
    PROOF_KEY,    /* it is the head of this path */
    PROOF_ORIGIN, /* fetched from this origin */
    PROOF_HASHES, /* the leaf hashes are signed by it */
    PROOF_BODY,   /* the bytes have these hashes, and are all of the body */
    PROOF_HOLDS,  /* nothing failed */
};
const char *proof_step_text(enum proof_step step); /* what holds */

/* proof_check checks |p| by |mesh|'s authorities. Returns the first step that does not hold, or PROOF_HOLDS. |signer|
 * and |head| (which lends from |p|) are filled as far as they are known. */
enum proof_step proof_check(const struct proof *p, const struct mesh_params *mesh, const struct proof_claims *claims,
                            struct cert *signer, struct head *head);

#endif
