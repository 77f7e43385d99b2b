/* roll.h - what the authorities of a mesh say of the mesh: which of their keys are live,
 * and which nodes are revoked. One signed document that always holds all of it, numbered:
 * whoever has a higher number has everything. Canonical msgpack, bounded; wire form and
 * rules in PROTOCOL.md, "The roll". Not thread safe as long as a roll is changed. */
#ifndef HEDGEROW_PROTO_ROLL_H
#define HEDGEROW_PROTO_ROLL_H

#include "proto/cert.h"
#include "proto/identity.h"

#define ROLL_LIVE_MAX     (MESH_AUTHORITIES_MAX - 1) /* the founder has a place of its own, live or not */
#define ROLL_LINKS_MAX    32
#define ROLL_REVOKED_MAX  512
#define ROLL_BYTES_MAX    (56 * 1024)
#define ROLL_SEQUENCE_MAX (UINT64_C(1) << 53)

struct roll_authority {
    uint8_t key[SIGN_KEY_BYTES];
    int64_t since_s; /* Unix time, for people */
};

/* |by| says that |key| may speak for the mesh: how those who knew only |by| come to trust it. */
struct roll_link {
    uint8_t key[SIGN_KEY_BYTES], by[SIGN_KEY_BYTES];
    uint8_t sig[SIGNATURE_BYTES];
};

/* A node whose keys are void, whatever certificate comes with them. */
struct roll_revoked {
    struct node_id id;
    char name[CERT_NAME_MAX + 1]; /* and the serial of its last certificate: for people */
    uint64_t serial;
    int64_t at_s; /* Unix time, for people */
    bool drop;    /* objects that it signed are void too */
};

struct roll {
    struct mesh_id mesh;
    uint64_t sequence; /* 0: there is no roll yet */
    int64_t at_s;      /* when it was signed */
    uint8_t signer[SIGN_KEY_BYTES];
    struct roll_authority live[ROLL_LIVE_MAX]; /* in the order they came */
    size_t live_n;
    struct roll_link links[ROLL_LINKS_MAX]; /* oldest first */
    size_t links_n;
    struct roll_revoked *revoked; /* by ascending id; owned */
    size_t revoked_n;
};

/* roll_init makes roll number 0 of |mesh|, with its authorities live; roll_free gives the
 * memory back and leaves a zeroed roll (one may be freed). */
void roll_init(struct roll *r, const struct mesh_params *mesh);
void roll_free(struct roll *r);

/* roll_sign appends the wire form, signed by |secret|; |r->signer| is derived. 0, MESH_E_NOMEM,
 * MESH_E_STATE (the signer is not live), MESH_E_RANGE (number 0 or too high). */
int roll_sign(struct buf *out, struct roll *r, const uint8_t secret[SIGN_SECRET_BYTES]);

/* roll_parse reads a wire form strictly without judging it. |out| is roll_free's afterwards,
 * zeroed on an error. The codes of cert_parse, and MESH_E_NOMEM. */
int roll_parse(struct roll *out, struct slice bytes);

/* roll_check judges a roll parsed from |bytes| for somebody who trusts the |trusted_n| keys:
 * its signer must be one of them, or reached from them by links. 0, MESH_E_WRONG_MESH,
 * MESH_E_SIGNATURE. */
int roll_check(const struct roll *r, struct slice bytes, const struct mesh_id *mesh,
               const uint8_t (*trusted)[SIGN_KEY_BYTES], size_t trusted_n);

/* roll_mark tells documents of one number apart, which an honest authority never makes:
 * the larger mark wins everywhere. */
uint64_t roll_mark(struct slice bytes);

bool roll_live(const struct roll *r, const uint8_t key[SIGN_KEY_BYTES]);
/* roll_revoked lends the entry of |id|, or NULL. */
const struct roll_revoked *roll_revoked(const struct roll *r, const struct node_id *id);

/* ---- what an authority does to it; the number is the caller's to raise ---- */

/* roll_revoke adds |entry| (copied). 0, MESH_E_EXISTS (is revoked already, and nothing would
 * change), MESH_E_FULL, MESH_E_NOMEM. */
int roll_revoke(struct roll *r, const struct roll_revoked *entry);

/* roll_add makes |key| live, linked by the live |by_secret|. 0, MESH_E_EXISTS, MESH_E_FULL
 * (so many are live already, or there were too many changes), MESH_E_STATE (|by_secret| is
 * not live). */
int roll_add(struct roll *r, const uint8_t key[SIGN_KEY_BYTES], int64_t since_s,
             const uint8_t by_secret[SIGN_SECRET_BYTES]);

/* roll_retire takes |key| off. 0, MESH_E_ABSENT, MESH_E_STATE (it is the last one). */
int roll_retire(struct roll *r, const uint8_t key[SIGN_KEY_BYTES]);

/* An authority's name for people is that of its key, as a node's is. */
static inline void authority_id(struct node_id *out, const uint8_t key[SIGN_KEY_BYTES])
{
    node_id_of(out, key);
}

#endif
