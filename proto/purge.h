/* purge.h - what a node says when content has to go: one *purge*, numbered within a log of its issuer and signed by it,
 * and the receipt by which another node says, signed, that it is in force there. Canonical msgpack, bounded; wire form
 * and rules in PROTOCOL.md, "Purges". Pure functions; thread safe. */
#ifndef HEDGEROW_PROTO_PURGE_H
#define HEDGEROW_PROTO_PURGE_H

#include "proto/cert.h"
#include "proto/identity.h"
#include "proto/wire.h"

#define PURGE_TARGETS_MAX 1024
#define PURGE_BYTES_MAX   49152 /* of a whole purge */
#define PURGE_VALUE_MAX   16384
#define PURGE_TAG_MAX     256
#define PURGE_WHO_MAX     128
#define PURGE_NAME_MAX    255 /* of a distribution */
#define PURGE_NUMBER_MAX  (UINT64_C(1) << 53)

enum purge_kind {                   /* stable numbers */
                  PURGE_URL = 1,    /* a normal path (node/core/key.h), with a query or for all of them */
                  PURGE_PREFIX = 2, /* what a normal path with its query begins with */
                  PURGE_TAG = 3,    /* a tag, in lower case */
                  PURGE_ALL = 4,    /* no value */
};

struct purge_target {
    enum purge_kind kind;
    struct slice value; /* visible ASCII without quotation mark and backslash */
};

/* A log is one issuer's. It begins anew, as another one, where the issuer has lost what it said before: |begun| says
 * when that was, so numbers are never given twice. */
struct purge_log_id {
    struct node_id issuer;
    uint64_t begun;
};

static inline int purge_log_id_cmp(const struct purge_log_id *a, const struct purge_log_id *b)
{
    int c = node_id_cmp(&a->issuer, &b->issuer);
    return c != 0 ? c : (a->begun > b->begun) - (a->begun < b->begun);
}

struct purge {
    struct mesh_id mesh;
    struct purge_log_id log;
    uint64_t number;  /* in its log: 1, 2, 3 ... */
    int64_t at_s;     /* Unix time at the issuer, for people */
    struct slice who; /* for people; as a value above, at most PURGE_WHO_MAX bytes, blanks allowed */
    struct slice distribution;
    bool soft; /* stale rather than gone */
    size_t targets_n;
    const wire_value *targets; /* of one that was read: see purge_target */
};

/* purge_value_ok: may |value| be that of a target of this kind? */
bool purge_value_ok(enum purge_kind kind, struct slice value);
bool purge_who_ok(struct slice who);

/* purge_sign appends the wire form, signed by |id|, which is the issuer (|p|'s is ignored, as are its mesh and
 * targets). 0, MESH_E_NOMEM, MESH_E_RANGE (no targets, too many, too long or not ok; the number); then |out| is as
 * before. */
int purge_sign(struct buf *out, const struct purge *p, const struct purge_target *targets, size_t n,
               const struct identity *id);

/* purge_parse reads a wire form strictly without judging it; |p| lends from |bytes| and from |w| until wire_close. On
 * an error |w| is closed. MESH_E_SYNTAX, MESH_E_RANGE, MESH_E_TYPE, MESH_E_MISSING, MESH_E_VERSION, MESH_E_NOMEM.
 * purge_target lends the |i|th target, i < targets_n, of one that was read. */
int purge_parse(struct wire *w, struct slice bytes, struct purge *p);
struct purge_target purge_target(const struct purge *p, size_t i);

/* purge_verify: is a parsed purge signed by |issuer|, which is the one that it names? 0, MESH_E_SIGNATURE,
 * MESH_E_NOMEM. */
int purge_verify(const struct purge *p, struct slice bytes, const struct cert *issuer);

/* That all of a log up to |number| is in force at |node|, and kept over a restart. */
struct purge_receipt {
    struct mesh_id mesh;
    struct node_id node;
    struct purge_log_id log;
    uint64_t number;
    int64_t at_s; /* Unix time at |node|, for people */
};
void purge_receipt_sign(uint8_t sig[SIGNATURE_BYTES], const struct purge_receipt *r, const struct identity *id);
int purge_receipt_verify(const uint8_t sig[SIGNATURE_BYTES], const struct purge_receipt *r,
                         const uint8_t sign_key[SIGN_KEY_BYTES]);

#endif
