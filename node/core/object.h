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
#include "node/core/held.h"
#include "node/core/kept_head.h"
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
    bool along;              /* the second owner's: a window goes on without it, and not for it */
    struct list ready_link;  /* in the engine's queue */
    struct list wait_link;   /* in the flight's waiters */
    struct flight *flight;   /* waited for; NULL: none */
    struct forward *forward; /* what goes along with a fetch for it, held; NULL where it was answered at once */
    bool joined;             /* came to a flight that was under way */
};

/* The bytes all objects of a cache hold, whether still indexed or only read. */
struct object_memory {
    uint64_t bytes;
    struct evict *evict; /* of those that are indexed; NULL: none are */
};

/* What a renewal took away, while others may still read it. */
struct object_past {
    struct kept_head *head;
    struct object_lines *lines;
};
void object_past_free(struct object_past *past);

struct shelved;

/* object_cost is what a block of |n| bytes takes of the heap, as glibc's malloc has it: 8 bytes before it, all in steps
 * of 16, 32 at the least. Reckoned and not asked for, so that whatever malloc a build has, its cache keeps the same. */
static inline size_t object_cost(size_t n)
{
    return n == 0 ? 0 : n <= 24 ? 32 : (n + 23) / 16 * 16;
}

/* Lines of a head, in one block with their length. */
struct object_lines;

/* What only filling needs: until the object is complete and its flight has let go of it. */
struct object_fill {
    struct flight *flight; /* what fills it; NULL when nothing does */
    uint8_t *tail;         /* the open leaf */
    uint32_t tail_len, tail_cap;
    mesh_ns tail_since;                   /* oldest byte not yet in a slip; MESH_NS_NEVER: none */
    struct object_slip *slips;            /* of the open leaf */
    uint32_t slips_n, slips_cap, slipped; /* bytes covered */
    uint32_t hashes_n;                    /* as far as known: may run ahead of the leaves */
};

/* What proves a body of several leaves, and its head apart from them. */
struct object_proof {
    uint8_t head_sig[SIGNATURE_BYTES];
    bool has_head_sig;
    struct leaf_batch *batches;
    uint32_t batches_n, batches_cap, batched; /* leaves covered */
    struct digest chain;                      /* behind the last batched leaf */
};

/* What few objects need. */
struct object_more {
    struct object_proof *proof;       /* NULL: nothing was signed */
    struct object_part *part;         /* NULL: it is no leaf of a body alone */
    struct coded *coded[CODINGS - 1]; /* the body as viewers take it (coded.h); NULL: not asked for yet */
    struct shelved *shelved; /* what other threads may read of it, with its present head (shelved.h); NULL: nothing */
    struct object_pieces *pieces; /* its leaves lie on the disk, and are here as they are read; NULL: all are here */
    struct spill *spill;          /* it is being written there, piece by piece (spill.c); NULL: it is not */
    mesh_ns retry_at;             /* the origin failed: until then it is not asked again */
    struct digest variant;        /* vary_digest, where it varies */
};

/* One of a body's leaves alone. */
struct object_part {
    struct object *object; /* which holds us */
    uint32_t index;
    struct digest primary; /* of the object with this key */
    struct list body_link; /* the cache's: among others of its body */
};

/* What is to be known of a body whose leaves lie on the disk (pages.c). */
struct object_pieces {
    struct paging *paging; /* somebody reads it; NULL: nobody does */
    uint32_t each;         /* leaves in a piece; in the last one there may be fewer */
    uint32_t host_len, path_len;
    uint8_t text[]; /* host and path, for whoever has to fetch it after all */
};

/* The leaves of a body, and their hashes. Most bodies have one. */
union object_body {
    struct {
        struct object_leaf leaf;
        struct digest hash;
    } one;
    struct {
        struct object_leaf *leaves; /* closed ones */
        struct digest *hashes;
        uint32_t leaves_cap, hashes_cap;
        uint32_t first_held; /* leaves below were dropped */
    } many;
};

/* Small, since most objects are, and one block with its head and a small body: what is asked for at random lies
 * together, and no gaps are left among blocks of many sizes. What a look-up reads comes first, then what a hit reads
 * besides. */
#define OBJECT_ROOM_MAX 16384
struct object {
    struct map_node by_key;
    struct digest key; /* the head's */
    mesh_ns born;      /* when its age was 0 */
    mesh_ns lifetime;  /* 0: each use is to be validated */

    const struct kept_head *head;
    struct object_lines *lines; /* what the rim keeps with the head; see request_keep */
    uint64_t position;          /* it is good by all purges up to this one (purge_log.h) */
    uint64_t length;
    uint16_t magic;
    uint16_t rules; /* by which it was fetched: of the digest of its distribution (route_rules) */
    uint32_t refs;
    uint32_t leaves_n;
    uint8_t state;             /* enum object_state */
    uint8_t coded_no_gain : 4; /* CODING_BITs that do not pay */
    bool indexed : 1;          /* in the cache */
    bool varies : 1;           /* it is for those alone who say the same in the fields that its Vary names */
    bool uncacheable : 1;      /* one request's alone */
    bool for_authorized : 1;   /* the origin said that it is for those who show a pass, too */
    bool has_length : 1;       /* the length is known (announced, or complete) */
    bool pass_through : 1;     /* only a window of leaves is kept */
    bool is_ours : 1;          /* we are the signer and may sign */
    bool head_apart : 1;       /* the head is a block of its own */
    bool on_disk : 1;          /* the disk tier was given it as it is */
    bool : 0;                  /* what comes next does not change when it is complete: other threads read it then */
    bool many : 1;             /* of body, that is it */
    bool has_room : 1;         /* behind it and its first head is room for all of its body */
    struct list readers;
    struct object_fill *fill; /* NULL: it is complete */

    struct evict_node evict; /* its bytes are all that we hold */
    struct object_memory *memory;
    union {
        const struct identity *self; /* where it is ours */
        struct held_cert *signer;
    } by;
    uint8_t *one_sig; /* of head and body together; NULL: there is none */
    struct object_more *more;
    uint32_t stale_while_revalidate_s, stale_if_error_s; /* beyond its lifetime */
    union object_body body;
};

/* object_new takes a decoded head's wire bytes (copied). |self| when we are the signer, else |signer| (a reference is
 * taken). NULL: out of memory, or they do not decode. One reference, the caller's. */
struct object *object_new(struct object_memory *memory, struct slice head_raw, const struct identity *self,
                          struct held_cert *signer);
struct object *object_ref(struct object *o);
void object_unref(struct object *o);

/* object_bytes: what it holds, all told. object_hold keeps the sums of that: its own, its cache's, its queue's while it
 * is indexed. */
static inline uint64_t object_bytes(const struct object *o)
{
    return o->evict.bytes;
}
void object_hold(struct object *o, int64_t bytes);

/* object_keep_lines copies |lines|, of answers by the policy |by| (response.h), in place of those kept; without memory,
 * none are kept. object_lines lends those by |by|, object_lines_by says whose there are. object_lines_past gives them
 * to |past|: others may read them yet. */
void object_keep_lines(struct object *o, uint64_t by, struct slice lines);
struct slice object_lines(const struct object *o, uint64_t by);
uint64_t object_lines_by(const struct object *o);
void object_lines_past(struct object *o, struct object_past *past);

/* object_fields lends the head's fields; see kept_head_value for one. object_head_wire appends the head's wire form:
 * 0 or MESH_E_NOMEM. */
static inline void object_fields(const struct object *o, struct fields *out)
{
    kept_head_fields(o->head, out);
}
int object_head_wire(const struct object *o, struct buf *out);

/* object_more_of and object_proof_of make what was not there. NULL: out of memory. */
struct object_more *object_more_of(struct object *o);
struct object_proof *object_proof_of(struct object *o);
/* object_set_part: |o| is leaf |index| of the body with key |primary|. False: out of memory. */
bool object_set_part(struct object *o, uint32_t index, const struct digest *primary);
/* object_set_pieces: its leaves, absent until they are put, lie on the disk in pieces of |each|. False: out of memory.
 * object_whole: all of them are here to stay. */
bool object_set_pieces(struct object *o, uint32_t each, struct slice host, struct slice path);
void object_whole(struct object *o);

static inline struct object_part *object_part(const struct object *o)
{
    return o->more != NULL ? o->more->part : NULL;
}

static inline struct object_pieces *object_pieces(const struct object *o)
{
    return o->more != NULL ? o->more->pieces : NULL;
}

static inline struct shelved *object_shelved(const struct object *o)
{
    return o->more != NULL ? o->more->shelved : NULL;
}

static inline struct object_leaf *object_leaf(const struct object *o, uint32_t i)
{
    const struct object_leaf *l = o->many ? &o->body.many.leaves[i] : &o->body.one.leaf;
    return (struct object_leaf *)(uintptr_t)l;
}

/* object_hashes lends the leaves' hashes, of which object_hashes_n are known. */
static inline const struct digest *object_hashes(const struct object *o)
{
    return o->many ? o->body.many.hashes : &o->body.one.hash;
}

static inline uint32_t object_hashes_n(const struct object *o)
{
    return o->fill != NULL ? o->fill->hashes_n : o->leaves_n;
}

/* object_first_held: leaves below were dropped. */
static inline uint32_t object_first_held(const struct object *o)
{
    if (o->many)
        return o->body.many.first_held;
    return o->leaves_n > 0 && o->body.one.leaf.raw == NULL ? 1 : 0;
}

/* object_batched: how many leaves are in signed batches. */
static inline uint32_t object_batched(const struct object *o)
{
    return o->more != NULL && o->more->proof != NULL ? o->more->proof->batched : 0;
}

static inline const struct identity *object_self(const struct object *o)
{
    return o->is_ours ? o->by.self : NULL;
}

/* object_flight is what fills |o|; NULL: nothing does. object_set_flight: |f|, or nothing any more. */
static inline struct flight *object_flight(const struct object *o)
{
    return o->fill != NULL ? o->fill->flight : NULL;
}
void object_set_flight(struct object *o, struct flight *f);

/* ---- filling; each returns 0 or a MESH_E_* with the object as before ---- */
/* object_append adds body bytes from the origin and closes leaves as they fill. MESH_E_NOMEM,
 * MESH_E_RANGE (more than the announced length). */
int object_append(struct object *o, mesh_ns now, struct slice bytes);
/* object_add_batch takes a verified batch that came from a peer. */
int object_add_batch(struct object *o, const struct leaf_batch *batch, const struct digest *hashes);
/* object_add_leaf takes ownership of |raw| (malloc'd, verified against its hash) and of
 * |packed| (may be NULL). What slips brought of it is replaced. */
int object_add_leaf(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len);
/* object_add_one is object_add_leaf for a leaf whose |hash| came with the head, or from the disk, and not by a batch.
 */
int object_add_one(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len,
                   const struct digest *hash);
/* object_add_absent is object_add_one for a leaf that is not here. object_put_leaf brings one that was absent, as
 * verified, and takes |raw| and |packed|; object_drop_leaf takes it away again. */
int object_add_absent(struct object *o, uint32_t raw_len, const struct digest *hash);
void object_put_leaf(struct object *o, uint32_t i, uint8_t *raw, uint8_t *packed, uint32_t packed_len);
void object_drop_leaf(struct object *o, uint32_t i);
/* object_add_dropped is object_add_one for a leaf that is not here, and was dropped elsewhere as object_trim does: only
 * as long as none is held. */
int object_add_dropped(struct object *o, uint32_t raw_len, const struct digest *hash);
/* object_add_slip takes a verified piece of the open leaf. MESH_E_STATE (it is not the next one), MESH_E_RANGE. */
int object_add_slip(struct object *o, const struct object_slip *slip, struct slice bytes);
/* object_close_tail closes the open leaf (of a peer's object, its hash checked by the caller). */
int object_close_tail(struct object *o);
/* object_finish: the body is complete. MESH_E_SHORT when less than announced came. */
int object_finish(struct object *o);
void object_fail(struct object *o);

/* object_renew replaces the head of a complete object by what a validation made of it (RFC 9111 section 4.3.4), and
 * gives its hitherto head, and the lines kept with it, to |past|: readers must not lend them any more, but for other
 * threads, for whose sake they are freed later. From now on |self| is the signer; unless it was so before, no peer may
 * be in the midst of reading. False: out of memory, and nothing has changed. */
bool object_renew(struct object *o, struct slice head_raw, const struct identity *self, struct object_past *past);

/* ---- proving (our own objects are signed when a peer first needs it) ---- */
/* object_sign_head, object_sign_one: the signature is there afterwards (in more->proof, and one_sig); false: we are not
 * the signer and do not have that one, or out of memory. sign_one needs a complete body of one leaf at most.
 * object_keep_head_sig, object_keep_one_sig take the one that came with it. False: out of memory. */
bool object_sign_head(struct object *o);
bool object_sign_one(struct object *o);
bool object_keep_head_sig(struct object *o, const uint8_t sig[SIGNATURE_BYTES]);
bool object_keep_one_sig(struct object *o, const uint8_t sig[SIGNATURE_BYTES]);
/* object_batch lends the batch that covers |leaf|; NULL: none yet. If we are the signer, a new
 * one is closed over what is there: |leaf| is then at most the first without one. |leaf| =
 * leaf count of a complete body lends an empty final batch if there is one. */
const struct leaf_batch *object_batch(struct object *o, uint32_t leaf);
/* object_batch_anew: small batches were for those who waited for the body. If it is complete, ours, and no peer is in
 * the midst of reading, larger ones take their place: whoever comes now verifies fewer signatures. */
void object_batch_anew(struct object *o);
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
/* object_read lends up to |max| pieces from byte |at| on; returns how many. Of a complete object with all its leaves it
 * reads nothing that still changes: any thread may call it then. */
size_t object_read(const struct object *o, uint64_t at, struct slice *pieces, size_t max);
/* object_same: may a reader of |a|'s head and first |bytes| go on with |b|? Compares what the
 * heads say of their bodies (validators, digests), hashes of whole leaves and the bytes of the rest. 1 yes, 0 no,
 * -1 |b| has not enough yet. */
int object_same(const struct object *a, const struct object *b, uint64_t bytes);

void reader_init(struct reader *r, bool of_peer);
void reader_attach(struct reader *r, struct object *o); /* takes a reference; lets the old one go */
void reader_detach(struct reader *r);

/* object_fastest is the furthest reader's position in leaves; object_is_read: is there any? Not of those that only read
 * along. */
uint32_t object_fastest(const struct object *o);
bool object_is_read(const struct object *o);
/* object_trim drops closed leaves below |fastest| that lie more than |window| leaves
 * behind the fill's end (pass-through). Their hashes stay. */
void object_trim(struct object *o, uint32_t fastest, uint32_t window);

#endif
