/* identity.h - who this node is: its keys, its certificate and the constants of
 * its mesh, and the one-file form of it (the node file). Bytes only, no files. */
#ifndef HEDGEROW_PROTO_IDENTITY_H
#define HEDGEROW_PROTO_IDENTITY_H

#include "proto/cert.h"

#define MESH_AUTHORITIES_MAX  4
#define MESH_SALT_BYTES       32
#define MESH_ARC_BITS_DEFAULT 18

#define MESH_ARC_BITS_MIN 16
#define MESH_ARC_BITS_MAX 20
#define NODE_FILE_MAX     4096 /* no node or authority file is longer */

/* The constants of a mesh. The salt is secret: with it one could choose arcs.
 * The first authority founded the mesh and stays first for good, even when it is retired
 * and trusted no more; others may follow. */
struct mesh_params {
    struct mesh_id id;
    uint8_t salt[MESH_SALT_BYTES];
    uint8_t arc_bits; /* MESH_ARC_BITS_MIN.._MAX */
    uint8_t authorities[MESH_AUTHORITIES_MAX][SIGN_KEY_BYTES];
    size_t authorities_n;
    bool founder_retired;
    uint64_t sequence; /* of the roll (roll.h) that these authorities are from; 0: of none */
};

/* The authorities that are trusted now: all, or all but the retired founder. */
static inline const uint8_t (*mesh_trusted(const struct mesh_params *p))[SIGN_KEY_BYTES]
{
    return (const uint8_t(*)[SIGN_KEY_BYTES])p->authorities + p->founder_retired;
}

static inline size_t mesh_trusted_n(const struct mesh_params *p)
{
    return p->authorities_n - p->founder_retired;
}

/* mesh_params_digest is what two sides compare in their HELLO: over id, salt, arc
 * bits and the founding authority. Later authorities are left out, so that a mesh
 * that is taking on a new one does not fall apart; each certificate is judged by
 * the authorities themselves. */
void mesh_params_digest(struct digest *out, const struct mesh_params *p);

/* mesh_dns_secret writes the 16 bytes that DNS cookies are made by (RFC 9018 section 3): the same on all nodes of the
 * mesh, and known to nobody else. */
#define MESH_DNS_SECRET_BYTES 16
void mesh_dns_secret(const struct mesh_params *p, uint8_t out[MESH_DNS_SECRET_BYTES]);

struct identity {
    uint8_t sign_key[SIGN_KEY_BYTES], sign_secret[SIGN_SECRET_BYTES];
    uint8_t dh_key[DH_KEY_BYTES], dh_secret[DH_KEY_BYTES];
    struct cert cert;
    uint8_t cert_raw[CERT_BYTES_MAX];
    size_t cert_len;
    struct mesh_params mesh;
};

static inline struct slice identity_cert(const struct identity *id)
{
    return slice_of(id->cert_raw, id->cert_len);
}

/* The authority: keeps the signing secret offline. */
struct authority {
    uint8_t key[SIGN_KEY_BYTES], secret[SIGN_SECRET_BYTES];
    struct mesh_params mesh;
};

/* authority_make draws a new authority and a new mesh with |arc_bits| (in range). */
void authority_make(struct authority *out, uint8_t arc_bits);

/* authority_make_next draws another key for the mesh of |old|: it is to be made known by a
 * roll before anything that it signs is taken. */
void authority_make_next(struct authority *out, const struct authority *old);

/* authority_encode appends / authority_decode reads the secret file's text form.
 * Codes and care as for the node file below. authority_wipe overwrites the secrets. */
int authority_encode(struct buf *out, const struct authority *a);
int authority_decode(struct authority *out, struct slice text);
void authority_wipe(struct authority *a);

/* What `mesh admit` may say of a node. Zero weight_max and roles mean the normal ones. */
struct admission {
    struct slice name, zone;
    uint32_t weight_max, roles;
    int64_t not_before_s, not_after_s;
    uint64_t serial;
};

/* authority_admit draws keys for a new node and certifies them.
 * 0, MESH_E_NOMEM, or MESH_E_RANGE (what cert_sign refuses). On an error |out| is wiped. */
int authority_admit(struct identity *out, const struct authority *a, const struct admission *what);

/* authority_readmit certifies the keys of |old| anew; the rest as authority_admit. |out| may be |old|. */
int authority_readmit(struct identity *out, const struct identity *old, const struct authority *a,
                      const struct admission *what);

/* identity_encode appends the node file: a readable first line, then base64. The
 * bytes are secret: overwrite |out| (sodium_memzero) before it is freed. 0 or MESH_E_NOMEM.
 * identity_decode reads one and checks that keys and certificate belong together
 * and that the certificate is of this mesh and signed (validity in time is left
 * to the caller). Blank lines and line ends of either kind are no fault.
 * MESH_E_SYNTAX (not such a file, or its first line names another node), MESH_E_VERSION,
 * MESH_E_HASH (damaged), MESH_E_RANGE, MESH_E_TYPE, MESH_E_MISSING, MESH_E_WRONG_MESH,
 * MESH_E_SIGNATURE, MESH_E_STATE (keys and certificate do not belong together),
 * MESH_E_NOMEM; |out| is then wiped. */
int identity_encode(struct buf *out, const struct identity *id);
int identity_decode(struct identity *out, struct slice text);

/* identity_wipe overwrites the secrets. */
void identity_wipe(struct identity *id);

/* Ed25519 over |bytes|. identity_verify: 0 or MESH_E_SIGNATURE. */
void identity_sign(uint8_t sig[SIGNATURE_BYTES], const struct identity *id, struct slice bytes);
int identity_verify(const uint8_t sig[SIGNATURE_BYTES], const uint8_t key[SIGN_KEY_BYTES], struct slice bytes);

#endif
