#include "node/core/prove.h"

#include "node/core/distribution.h"
#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/purges.h"

/* ---- handing it out ---- */

static struct object *whole_copy(struct engine *e, const struct digest *key)
{
    struct object *o = NULL;

    while ((o = cache_next_under(e->cache, key, o)) != NULL) {
        if (o->state == OBJECT_COMPLETE && object_first_held(o) == 0)
            return o;
    }
    return NULL;
}

/* Ours is signed now, if it was not yet. */
static int batches_of(struct object *o, struct proof *p)
{
    const struct leaf_batch *b;
    uint32_t leaf = 0;

    if (!object_sign_head(o))
        return o->is_ours ? MESH_E_NOMEM : MESH_E_STATE;
    do {
        if ((b = object_batch(o, leaf)) == NULL)
            return o->is_ours ? MESH_E_NOMEM : MESH_E_STATE;
        leaf = b->first + b->count;
    } while (!b->final);
    memcpy(p->sig, o->more->proof->head_sig, SIGNATURE_BYTES);
    p->batches = o->more->proof->batches;
    p->batches_n = o->more->proof->batches_n;
    return 0;
}

static int proof_of(struct object *o, struct proof *p)
{
    p->length = o->length;
    p->hashes = object_hashes(o);
    p->hashes_n = o->leaves_n;
    p->cert = o->is_ours ? identity_cert(o->by.self) : held_raw(o->by.signer);
    p->one = object_sign_one(o);
    if (!p->one)
        return batches_of(o, p);
    memcpy(p->sig, o->one_sig, SIGNATURE_BYTES);
    return 0;
}

int engine_prove(struct engine *e, mesh_ns now, struct slice host, struct slice path, prove_show *show, void *ctx)
{
    struct buf wire = BUF_EMPTY;
    struct proof p = { .length = 0 };
    struct digest key;
    struct route route;
    struct object *o;

    e->now = now;
    if (!route_find(&route, e->cfg.set, e->cfg.zone, host, path, false) ||
        route_key(&key, &e->cfg.mesh.self->mesh, &route, host, path) != 0)
        return MESH_E_MISSING;
    purges_settle(e, now, &key, &route, path);
    if ((o = whole_copy(e, &key)) == NULL)
        return MESH_E_MISSING;
    int err = object_head_wire(o, &wire);
    if (err == 0)
        err = proof_of(o, &p);
    if (err == 0) {
        p.head = buf_slice(&wire);
        p.distribution = route.dist->name;
        p.origin = route_origin(&route, 0)->url;
        show(ctx, &p, now > o->born ? now - o->born : 0);
    }
    buf_free(&wire);
    return err;
}

/* ---- checking ---- */

const char *proof_step_text(enum proof_step step)
{
    static const char *const texts[] = {
        [PROOF_CERT] = "the fetcher's certificate is by the mesh's authority",
        [PROOF_HEAD] = "the answer's head is signed by the fetcher",
        [PROOF_KEY] = "it is the head of this URL",
        [PROOF_ORIGIN] = "it came from this origin",
        [PROOF_HASHES] = "the hashes of the body are signed by the fetcher",
        [PROOF_BODY] = "the bytes are those of the body",
        [PROOF_HOLDS] = "all of it holds",
    };
    return texts[step];
}

/* The hash of the |i|-th leaf as it is claimed; of an empty body there is one, of nothing. */
static void hash_at(const struct proof *p, size_t i, struct digest *out)
{
    if (i < p->hashes_n)
        *out = p->hashes[i];
    else
        leaf_hash(out, SLICE_EMPTY);
}

static bool head_is_signed(const struct proof *p, const struct cert *signer, const struct leaf_claim *claim)
{
    struct digest leaf;

    if (!p->one)
        return leaf_verify_head(p->sig, signer->sign_key, claim, p->head) == 0;
    hash_at(p, 0, &leaf);
    return p->hashes_n <= 1 && leaf_verify_one(p->sig, signer->sign_key, claim, p->head, &leaf, p->length) == 0;
}

/* Batches in order, without gaps, the last of them FINAL, each over the chain that the hashes give. */
static bool hashes_are_signed(const struct proof *p, const struct cert *signer, const struct leaf_claim *claim)
{
    struct digest chain;
    size_t leaf = 0;

    if (p->hashes_n != leaf_count(p->length))
        return false;
    leaf_chain_start(&chain, claim->generation);
    for (size_t i = 0; i < p->batches_n && !p->one; i++) {
        struct leaf_batch b = p->batches[i];
        if (b.first != leaf || b.count > p->hashes_n - leaf || b.final != (i + 1 == p->batches_n))
            return false;
        for (uint32_t n = 0; n < b.count; n++)
            leaf_chain_step(&chain, &p->hashes[leaf++]);
        b.chain = chain;
        if (leaf_verify_batch(&b, signer->sign_key, claim) != 0 || (b.final && b.length != p->length))
            return false;
    }
    return p->one || (leaf == p->hashes_n && p->batches_n > 0);
}

static bool body_is_it(const struct proof *p, struct slice body)
{
    if (body.len != p->length)
        return false;
    for (size_t i = 0; i < p->hashes_n; i++) {
        struct digest hash;
        leaf_hash(&hash, slice_head(slice_from(body, i * LEAF_BYTES), LEAF_BYTES));
        if (!digest_eq(&hash, &p->hashes[i]))
            return false;
    }
    return true;
}

enum proof_step proof_check(const struct proof *p, const struct mesh_params *mesh, const struct proof_claims *claims,
                            struct cert *signer, struct head *head)
{
    struct digest key;

    memset(signer, 0, sizeof(*signer));
    memset(head, 0, sizeof(*head));
    if (cert_parse(signer, p->cert) != 0 ||
        cert_check(signer, p->cert, &mesh->id, mesh_trusted(mesh), mesh_trusted_n(mesh), -1) != 0)
        return PROOF_CERT;
    if (head_decode(head, p->head) != 0)
        return PROOF_HEAD;
    const struct leaf_claim claim = { &mesh->id, &signer->id, &head->key, head->generation };
    if (!head_is_signed(p, signer, &claim))
        return PROOF_HEAD;
    key_hash(&key, mesh, claims->distribution, SLICE_EMPTY, claims->path);
    if (!digest_eq(&key, &head->key))
        return PROOF_KEY;
    if (head->origin != distribution_origin(claims->origin))
        return PROOF_ORIGIN;
    if (!hashes_are_signed(p, signer, &claim))
        return PROOF_HASHES;
    return body_is_it(p, claims->body) ? PROOF_HOLDS : PROOF_BODY;
}
