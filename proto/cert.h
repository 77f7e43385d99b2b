/* cert.h - what a mesh authority says of one node: canonical msgpack, signed with
 * Ed25519. A certificate binds keys, name, zone and limits; it binds no address.
 * Wire form in PROTOCOL.md. Pure functions; thread safe. */
#ifndef HEDGEROW_PROTO_CERT_H
#define HEDGEROW_PROTO_CERT_H

#include "proto/base/buf.h"
#include "proto/digest.h"

#define NODE_ID_BYTES          16
#define MESH_ID_BYTES          16
#define SIGN_KEY_BYTES         32
#define SIGN_SECRET_BYTES      64
#define SIGNATURE_BYTES        64
#define DH_KEY_BYTES           32
#define CERT_NAME_MAX          63
#define CERT_ZONE_MAX          63
#define CERT_BYTES_MAX         512
#define CERT_CLOCK_TOLERANCE_S 600
#define CERT_ROLE_NODE         1u
#define CERT_ROLE_OPERATOR     2u
#define CERT_WEIGHT_NORMAL     100u
#define CERT_WEIGHT_MAX        10000u
#define CERT_TIME_MAX_S        INT64_C(253402300799) /* the end of the year 9999 */

struct node_id {
    uint8_t bytes[NODE_ID_BYTES];
};

struct mesh_id {
    uint8_t bytes[MESH_ID_BYTES];
};

static inline bool node_id_eq(const struct node_id *a, const struct node_id *b)
{
    return memcmp(a->bytes, b->bytes, NODE_ID_BYTES) == 0;
}

static inline int node_id_cmp(const struct node_id *a, const struct node_id *b)
{
    return memcmp(a->bytes, b->bytes, NODE_ID_BYTES);
}

#define NODE_ID_TEXT_MAX (2 * NODE_ID_BYTES + 1)
/* node_id_text writes lower-case hex and returns |text|. */
const char *node_id_text(const struct node_id *id, char text[NODE_ID_TEXT_MAX]);

/* node_id_read reads 32 hex digits of either case. 0 or MESH_E_SYNTAX. */
int node_id_read(struct node_id *out, struct slice text);

/* node_id_of is the first 16 bytes of BLAKE2b-256 of the node's Ed25519 key. */
void node_id_of(struct node_id *out, const uint8_t sign_key[SIGN_KEY_BYTES]);

struct cert {
    struct mesh_id mesh;
    struct node_id id; /* derived from sign_key */
    uint8_t sign_key[SIGN_KEY_BYTES];
    uint8_t dh_key[DH_KEY_BYTES];
    char name[CERT_NAME_MAX + 1];
    char zone[CERT_ZONE_MAX + 1];      /* whole: "eu/fra", or "fra" (region "default") */
    uint32_t weight_max;               /* CERT_WEIGHT_NORMAL = a normal node */
    uint32_t roles;                    /* CERT_ROLE_* */
    int64_t not_before_s, not_after_s; /* Unix time */
    uint64_t serial;
    uint8_t authority[SIGN_KEY_BYTES]; /* the key that signed */
};

/* cert_sign appends the wire form of |c|, signed by |authority_secret|.
 * |c->id| and |c->authority| are ignored and derived. 0, MESH_E_NOMEM, or
 * MESH_E_RANGE (a name or zone that is not ok, times that are negative, too late or in the
 * wrong order); on an error |out| is as before. A weight above CERT_WEIGHT_MAX is signed, and
 * refused by whoever is shown it. */
int cert_sign(struct buf *out, const struct cert *c, const uint8_t authority_secret[SIGN_SECRET_BYTES]);

/* cert_parse reads a wire form strictly (canonical, nothing behind it) without
 * judging it. 0, MESH_E_SYNTAX, MESH_E_RANGE, MESH_E_TYPE, MESH_E_MISSING, MESH_E_VERSION. */
int cert_parse(struct cert *out, struct slice bytes);

/* cert_check judges a certificate parsed from |bytes|: mesh, signature by one of
 * the |authorities_n| keys, and validity at |wall_s| within the clock tolerance
 * (wall_s < 0: validity is not judged). 0, MESH_E_WRONG_MESH, MESH_E_SIGNATURE,
 * MESH_E_OVERWEIGHT (above CERT_WEIGHT_MAX), MESH_E_EXPIRED, MESH_E_NOT_YET. */
int cert_check(const struct cert *c, struct slice bytes, const struct mesh_id *mesh,
               const uint8_t (*authorities)[SIGN_KEY_BYTES], size_t authorities_n, int64_t wall_s);

/* cert_name_ok: 1..63 of a-z A-Z 0-9 . _ - , not starting with '-' or '.'.
 * cert_zone_ok: one or two such parts, joined by '/'. */
bool cert_name_ok(struct slice name);
bool cert_zone_ok(struct slice zone);

/* cert_region is the part of the zone before '/', or "default". Lends from |c| or static text. */
struct slice cert_region(const struct cert *c);

#endif
