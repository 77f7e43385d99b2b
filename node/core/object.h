/* object.h - one answer's body in memory, as leaves on the 64 KiB grid, with what proves
 * it: the signed head, leaf hashes, signed batches, slips of the leaf still open. Filled
 * from an origin (then we are the signer) or from another node (then each byte was
 * verified before it came here). Readers read at their own pace and are told when
 * something changed. Reference counted; not thread safe. */
#ifndef HEDGEROW_CORE_OBJECT_H
#define HEDGEROW_CORE_OBJECT_H

#include "node/coding/coder.h"
#include "node/core/evict.h"
#include "node/core/forward.h"
#include "node/core/head.h"
#include "proto/base/buf.h"
#include "proto/base/list.h"
#include "proto/base/map.h"
#include "proto/base/time.h"
#include "proto/identity.h"
#include "proto/leaf.h"
#include "proto/zpack.h"

enum object_state {
    OBJECT_FILLING,
    OBJECT_COMPLETE,
    OBJECT_FAILED, /* will never be complete; what is there stays readable */
};

struct object_leaf {
    uint8_t *raw; /* NULL: dropped (pass-through) */
    uint8_t *packed;
    uint32_t raw_len, packed_len; /* packed_len 0: not tried; UINT32_MAX: does not pay */
};

struct object_slip {
    uint32_t offset, len;
    uint8_t sig[SIGNATURE_BYTES];
};

/* Somebody who wants an object: a viewer's request or a peer's ask. It waits in a flight
 * until there is a head, then reads. */
struct reader {
    struct list link;      /* in object->readers; reader_init before the first use */
    struct object *object; /* held */
    uint64_t at;           /* bytes read so far */
    bool of_peer, of_parts;
    struct list ready_link; /* in the engine's queue */
    struct list wait_link;  /* in the flight's waiters */
    struct flight *flight;  /* waited for; NULL: none */
    struct forward *forward; /* what goes along with a fetch for it, held; NULL where it was answered at once */
    bool joined;            /* came to a flight that was under way */
};

/* Who vouches for an object. Shared by reference among objects of one signer. */
struct signer {
    uint32_t refs;
    struct cert cert;
    uint8_t cert_raw[CERT_BYTES_MAX];
    size_t cert_len;
};
struct signer *signer_new(const struct cert *cert, struct slice raw);
struct signer *signer_ref(struct signer *s);
void signer_unref(struct signer *s);

/* The bytes all objects of a cache hold, whether still indexed or only read. */
struct object_memory {
    uint64_t bytes;
    struct evict *evict; /* of those that are indexed; NULL: none are */
};

struct object {
    uint32_t magic;
    uint32_t refs;
    /* The cache's, with what it looks at to find an object: two cache lines */
    struct map_node by_key;
    struct digest key; /* the head's */
    mesh_ns born;      /* when its age was 0 */
    mesh_ns lifetime;  /* 0: each use is to be validated */
    enum object_state state;
    bool indexed;
    bool varies;             /* it is for those alone who say the same in the fields that its Vary names */
    struct evict_node evict; /* while it is indexed */
    struct object_memory *memory;
    /* What it is */
    const struct head *head; /* lends from head_raw */
    uint8_t *head_raw;
    size_t head_len;
    uint8_t *lines;      /* what the rim keeps with the head; see request_keep */
    uint32_t lines_len;
    struct signer *signer;
    const struct identity *self; /* not NULL: we are the signer and may sign */
    uint8_t head_sig[SIGNATURE_BYTES], one_sig[SIGNATURE_BYTES];
    bool has_head_sig, has_one_sig;
    bool uncacheable;    /* one request's alone */
    bool for_authorized; /* the origin said that it is for those who show a pass, too */
    bool leaf;           /* one of a body's leaves alone ... */
    uint32_t index;      /* ... this one ... */
    struct digest primary; /* ... of the object with this key */
    struct digest variant; /* vary_digest, where it varies */
    /* Freshness */
    mesh_ns stale_while_revalidate, stale_if_error; /* beyond its lifetime */
    mesh_ns retry_at;                               /* the origin failed: until then it is not asked again */
    /* The body */
    bool has_length; /* the length is known (announced, or complete) */
    uint64_t length;
    struct object_leaf *leaves; /* closed ones */
    struct digest *hashes;      /* as far as known: may run ahead of the leaves */
    uint32_t leaves_n, leaves_cap, hashes_n, hashes_cap;
    uint32_t first_held;        /* leaves below were dropped */
    bool pass_through;          /* only a window of leaves is kept */
    uint8_t *tail;              /* the open leaf */
    uint32_t tail_len, tail_cap;
    mesh_ns tail_since;         /* oldest byte not yet in a slip; MESH_NS_NEVER: none */
    struct object_slip *slips;  /* of the open leaf */
    uint32_t slips_n, slips_cap, slipped; /* bytes covered */
    struct leaf_batch *batches;
    uint32_t batches_n, batches_cap, batched; /* leaves covered */
    struct digest chain;        /* behind the last batched leaf */
    struct coded *coded[CODINGS - 1]; /* the body as viewers take it (coded.h); NULL: not asked for yet */
    uint8_t coded_no_gain;            /* CODING_BITs that do not pay */
    uint64_t bytes;             /* what we hold, all told */
    struct list readers;
    struct flight *flight; /* what fills it; NULL when nothing does */
    struct list body_link; /* the cache's, of a leaf: among others of its body */
};

/* object_new takes a decoded head's wire bytes (copied). |self| when we are the signer,
 * else |signer| (a reference is taken). NULL: out of memory. One reference, the caller's. */
struct object *object_new(struct object_memory *memory, struct slice head_raw, const struct identity *self,
                          struct signer *signer);
struct object *object_ref(struct object *o);
void object_unref(struct object *o);

/* object_keep_lines copies |lines| in place of those kept; without memory, none are kept. */
void object_keep_lines(struct object *o, struct slice lines);

/* object_hold keeps the sums of what |o| holds: its own, its cache's, its queue's while it is indexed. */
void object_hold(struct object *o, int64_t bytes);

/* ---- filling; each returns 0 or a MESH_E_* with the object as before ---- */
/* object_append adds body bytes from the origin and closes leaves as they fill. MESH_E_NOMEM,
 * MESH_E_RANGE (more than the announced length). */
int object_append(struct object *o, mesh_ns now, struct slice bytes);
/* object_add_batch takes a verified batch that came from a peer. */
int object_add_batch(struct object *o, const struct leaf_batch *batch, const struct digest *hashes);
/* object_add_leaf takes ownership of |raw| (malloc'd, verified against its hash) and of
 * |packed| (may be NULL). What slips brought of it is replaced. */
int object_add_leaf(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len);
/* object_add_slip takes a verified piece of the open leaf. */
int object_add_slip(struct object *o, const struct object_slip *slip, struct slice bytes);
/* object_close_tail closes the open leaf (of a peer's object, its hash checked by the caller). */
int object_close_tail(struct object *o);
/* object_finish: the body is complete. MESH_E_SHORT when less than announced came. */
int object_finish(struct object *o);
void object_fail(struct object *o);

/* object_renew replaces the head of a complete object by what a validation made of it (RFC 9111 section 4.3.4), and
 * takes its hitherto head away: readers must not lend it any more. From now on |self| is the signer; unless it was so
 * before, no peer may be in the midst of reading. False: out of memory, and nothing has changed. */
bool object_renew(struct object *o, struct slice head_raw, const struct identity *self);

/* ---- proving (our own objects are signed when a peer first needs it) ---- */
/* object_sign_head, object_sign_one: the signature is there afterwards; false: we are not
 * the signer and do not have that one. sign_one needs a complete body of one leaf at most. */
bool object_sign_head(struct object *o);
bool object_sign_one(struct object *o);
/* object_batch lends the batch that covers |leaf|; NULL: none yet. If we are the signer, a new
 * one is closed over what is there: |leaf| is then at most the first without one. |leaf| =
 * leaf count of a complete body lends an empty final batch if there is one. */
const struct leaf_batch *object_batch(struct object *o, uint32_t leaf);
/* object_slip signs what the open leaf has beyond its slips (our own objects). */
void object_slip(struct object *o);
/* object_packed packs leaf |i| if it was not tried yet; false: send it raw. What it found stays so. object_pack_known:
 * it has nothing to do any more. */
bool object_pack_known(const struct object *o, uint32_t i);
bool object_packed(struct object *o, uint32_t i, struct zpack *z);
void object_claim(const struct object *o, struct leaf_claim *claim);

/* ---- reading ---- */
/* object_available is how many bytes can be read from the start. */
uint64_t object_available(const struct object *o);
/* object_read lends up to |max| pieces from byte |at| on; returns how many. */
size_t object_read(const struct object *o, uint64_t at, struct slice *pieces, size_t max);
/* object_same: may a reader of |a|'s head and first |bytes| go on with |b|? Compares what the
 * heads say of their bodies, hashes of whole leaves and the bytes of the rest. 1 yes, 0 no,
 * -1 |b| has not enough yet. */
int object_same(const struct object *a, const struct object *b, uint64_t bytes);

void reader_init(struct reader *r, bool of_peer);
void reader_attach(struct reader *r, struct object *o); /* takes a reference; lets the old one go */
void reader_detach(struct reader *r);

/* object_fastest is the furthest reader's position in leaves. */
uint32_t object_fastest(const struct object *o);
/* object_trim drops closed leaves below |fastest| that lie more than |window| leaves
 * behind the fill's end (pass-through). Their hashes stay. */
void object_trim(struct object *o, uint32_t fastest, uint32_t window);

#endif
