/* msg.h - the frames of a backbone stream. A frame is the plaintext of one record:
 * u8 type, u32 stream (0: the session itself), then a msgpack map, or for LEAF and
 * SLIP a fixed binary layout. Decoders lend slices from the frame, and from |wire|
 * where one is given, until wire_close; after an error |wire| is closed and the result
 * means nothing. Bytes in PROTOCOL.md, golden in tests/unit/test_msg.c. Thread safe.
 *
 * msg_put_* append one frame: 0, MESH_E_NOMEM, or MESH_E_RANGE (a field above its
 * limit, or a frame above RECORD_PLAIN_MAX); on an error |b| is cut back.
 * msg_get_* : 0, MESH_E_SHORT, MESH_E_SYNTAX, MESH_E_RANGE, MESH_E_TYPE,
 * MESH_E_MISSING (see wire.h), MESH_E_NOMEM. */
#ifndef HEDGEROW_PROTO_MSG_H
#define HEDGEROW_PROTO_MSG_H

#include "proto/base/addr.h"
#include "proto/config_doc.h"
#include "proto/datagram.h"
#include "proto/leaf.h"
#include "proto/roll.h"
#include "proto/wire.h"

#define PROTOCOL_VERSION    1
#define MSG_HEAD_BYTES      5
#define MSG_SESSION_MAX     15 /* types up to here speak of the session (stream 0), later ones of a stream */
#define MSG_NAME_MAX        255
#define MSG_HOST_MAX        255
#define MSG_PATH_MAX        16384
#define MSG_REQUEST_ID_MAX  64
#define MSG_VERSION_MAX     32
#define MSG_OBJECT_HEAD_MAX 64000
#define MSG_FIELDS_MAX      24000

enum msg_type {
    MSG_HELLO = 1,        /* session: first frame of each side */
    MSG_REFUSE = 2,       /* session: why we will not talk, then close */
    MSG_MEMBERS = 3,      /* session: certificates and member records */
    MSG_PROGRESS = 4,     /* session: still working on your asks */
    MSG_GOODBYE = 5,      /* session: leaving; open streams will finish */
    MSG_PURGE = 6,        /* session: content that has to go */
    MSG_PURGED = 7,       /* session: it is gone here, signed */
    MSG_FRONTIER = 8,     /* session: which purges the sender has */
    MSG_TAKE = 9,         /* session: take a copy of this from me */
    MSG_CONFIG = 10,      /* session: which configuration the sender has */
    MSG_CONFIG_PART = 11, /* session: a piece of one, or a request for some */
    MSG_ROLL = 12,        /* session: what the authorities say: its number, or all of it */
    MSG_CALL = 13,        /* session: dial me, so that I know that I am reached */
    MSG_DROP = 14,        /* session: what is under this key was changed */
    MSG_DROPPED = 15,     /* session: done */
    MSG_ASK = 16,         /* asker opens a stream for one object */
    MSG_ANSWER = 17,      /* asked: HAVE, FILLING, LEASED ... at once */
    MSG_HEAD = 18,        /* asked: the object's head */
    MSG_LEAF_BATCH = 19,  /* asked: signed hashes of the leaves that follow */
    MSG_LEAF = 20,        /* asked: one leaf */
    MSG_SLIP = 21,        /* asked: a piece of an unfinished leaf */
    MSG_ABORT = 22,       /* asked: the stream ends without FINAL */
    MSG_CREDIT = 23,      /* asker: may send so many more leaves */
    MSG_CANCEL = 24,      /* asker: stop */
};

struct msg_frame {
    uint8_t type;
    uint32_t stream;
    struct slice body;
};

/* msg_open splits a frame. 0, MESH_E_SHORT, or MESH_E_SYNTAX (a session frame on a
 * stream, or the other way round). Unknown types are the caller's to skip. */
int msg_open(struct slice frame, struct msg_frame *out);

/* ---- before the sealed records: the clear preamble of a stream ---- */
#define PREAMBLE_BYTES 26 /* "HGRW", version u8, pattern u8, features u32, mesh id 16 */
/* Feature bits: what the sender of a preamble can do beyond version 1. */
#define FEATURE_AES_256_GCM (UINT32_C(1) << 0) /* records: used where both sides have it */
#define FEATURE_AEGIS_128L  (UINT32_C(1) << 1) /* kept for it */
#define PREAMBLE_REFUSED    0                  /* as pattern: no, and |features| holds the enum msg_refusal */
#define PREAMBLE_AGAIN      128                /* as pattern: begin anew on this connection, and |features| says how */
#define AGAIN_XX            1                  /* with XX: your first message does not open */
struct preamble {
    uint8_t version, pattern;
    uint32_t features;
    struct mesh_id mesh;
};
void preamble_put(struct buf *b, const struct preamble *p);
/* preamble_get: 0, MESH_E_SHORT (need more), MESH_E_SYNTAX (not our protocol, seen from
 * the first wrong byte on), MESH_E_VERSION (|p| is filled: its layout never changes). */
int preamble_get(struct slice s, struct preamble *p);

/* ---- session frames ---- */
/* Stable numbers, also sent in clear as a refused preamble. */
enum msg_refusal {
    REFUSE_VERSION = 1,
    REFUSE_WRONG_MESH = 2,
    REFUSE_CERTIFICATE = 3, /* bad signature or malformed */
    REFUSE_EXPIRED = 4,
    REFUSE_NOT_YET = 5,
    REFUSE_REVOKED = 6,
    REFUSE_PARAMS = 7, /* authorities, salt or arc bits differ */
    REFUSE_BUSY = 8,
    REFUSE_SELF = 9,        /* that is our own identity */
    REFUSE_OVERWEIGHT = 10, /* a certificate with more than CERT_WEIGHT_MAX */
};
const char *msg_refusal_text(unsigned reason);

struct msg_hello {
    uint32_t features;
    struct boot boot;
    struct digest params; /* mesh_params_digest */
    struct slice version; /* software, for people; at most MSG_VERSION_MAX bytes */
    uint16_t port;        /* where we listen for the mesh, 0 = nowhere */
    struct mesh_addr you; /* the reader as the sender sees it; port 0: the reader dialled, and only its
                             ip says something; all zero: not said */
};
int msg_put_hello(struct buf *b, const struct msg_hello *m);
int msg_get_hello(struct wire *w, struct slice body, struct msg_hello *m);

int msg_put_refuse(struct buf *b, unsigned reason);
int msg_get_refuse(struct slice body, unsigned *reason);

/* MEMBERS: an array of [certificate, record] (record = gossip's bytes; one of both may be empty: an
 * empty certificate is one that the reader holds). |sums| and |diff| say which are asked for, or meant.
 * Begin with a zeroed msg_members_out and add; false: this frame is full (or memory is
 * short; what was added before is whole, and goes), put it and begin another. */
#define MSG_MEMBERS_MAX 96
struct msg_members_out {
    struct buf items;
    uint32_t n;
    uint32_t settled;        /* how many members of the sender's ring are no newcomers */
    bool placed;             /* the reader has a place in it */
    struct slice sums, diff; /* lent; empty: none */
};
#define MSG_SUMS_MAX 3072
#define MSG_DIFF_MAX 64
bool msg_members_add(struct msg_members_out *m, struct slice cert, struct slice record);
/* msg_put_members appends the frame and leaves |m| empty; |reply_wanted| asks the other side for its own. */
int msg_put_members(struct buf *b, struct msg_members_out *m, bool reply_wanted);
struct msg_members {
    bool reply_wanted, placed;
    uint32_t settled;
    struct slice sums; /* with |reply_wanted|: only what differs from these sums of the sender's view */
    struct slice diff; /* with |reply_wanted|: only these buckets */
    size_t n;
    const wire_value *items;
};
/* msg_get_members has checked each item: msg_members_item lends the |i|th, i < n, and returns 0. */
int msg_get_members(struct wire *w, struct slice body, struct msg_members *m);
int msg_members_item(const struct msg_members *m, size_t i, struct slice *cert, struct slice *record);

/* ROLL: which roll (roll.h) the sender has, and perhaps the roll itself. */
struct msg_roll {
    uint64_t sequence; /* 0: none */
    uint64_t mark;     /* roll_mark; 0: none */
    struct slice roll; /* empty, or all of it; at most ROLL_BYTES_MAX */
};
int msg_put_roll(struct buf *b, const struct msg_roll *m);
int msg_get_roll(struct wire *w, struct slice body, struct msg_roll *m);

/* DROP: copies under |key| are not what the origin has any more. */
struct msg_drop {
    struct digest key;
    uint64_t number; /* DROPPED says it; 0: no answer is wanted */
    bool relay;      /* an owner shall tell all with whom it has sessions */
};
int msg_put_drop(struct buf *b, const struct msg_drop *m);
int msg_get_drop(struct slice body, struct msg_drop *m);
/* |number| > 0. */
int msg_put_dropped(struct buf *b, uint64_t number);
int msg_get_dropped(struct slice body, uint64_t *number);

/* PURGE: purges (purge.h) of one log, in order. Begin with a zeroed msg_purge_out and add; false: this frame is full
 * (or memory is short, which msg_put_purge tells), put it and begin another. */
#define MSG_PURGES_MAX 512
struct msg_purge_out {
    struct buf items;
    uint32_t n;
    bool folded;       /* the sender has none before these any more */
    struct slice cert; /* the issuer's; lent */
};
bool msg_purge_add(struct msg_purge_out *m, struct slice purge);
int msg_put_purge(struct buf *b, struct msg_purge_out *m); /* leaves |m| without purges */
struct msg_purge {
    struct slice cert;
    bool folded;
    size_t n; /* at least one */
    const wire_value *items;
};
/* msg_get_purge has checked that each is a binary: msg_purge_item lends the |i|th, i < n. */
int msg_get_purge(struct wire *w, struct slice body, struct msg_purge *m);
struct slice msg_purge_item(const struct msg_purge *m, size_t i);

/* PURGED: a receipt (purge.h) of the sender, to the issuer: the reader. */
struct msg_purged {
    uint64_t begun, number;
    int64_t at_s;
    uint8_t sig[SIGNATURE_BYTES];
};
int msg_put_purged(struct buf *b, const struct msg_purged *m);
int msg_get_purged(struct slice body, struct msg_purged *m);

/* FRONTIER: how far the sender has each log. */
#define MSG_FRONTIER_MAX 32768
struct msg_frontier {
    uint64_t digest;     /* 0: it has none */
    uint64_t asks;       /* the reader's is wanted, and shall say this number; 0: it is not */
    uint64_t answers;    /* the number that the reader asked by; 0: not asked for */
    bool whole;          /* |vector| is there, though it may be empty */
    struct slice vector; /* node/core/purge_log.h */
};
int msg_put_frontier(struct buf *b, const struct msg_frontier *m);
int msg_get_frontier(struct wire *w, struct slice body, struct msg_frontier *m);

/* CONFIG: which version of the configuration (config_doc.h) the sender has. */
struct msg_config {
    struct config_version version; /* counter 0: none */
    bool kept;                     /* it lies on the sender's disk */
    bool reply;                    /* the reader's is wanted */
    bool has_refused;
    struct digest refused; /* a version that the sender cannot read: it stays with its own */
};
int msg_put_config(struct buf *b, const struct msg_config *m);
int msg_get_config(struct slice body, struct msg_config *m);

/* CONFIG_PART: with |want| a request for so many pieces of |hash| from |piece| on; else that piece. */
#define MSG_CONFIG_WANT_MAX 16
struct msg_config_part {
    struct digest hash;
    uint32_t piece; /* CONFIG_PIECE_HEAD: the head, as |bytes|, and then the text's from 0 on */
    uint32_t want;
    bool packed, gone; /* |gone|: the sender does not have it any more */
    struct slice bytes;
};
#define CONFIG_PIECE_HEAD UINT32_C(0xffffffff)
int msg_put_config_part(struct buf *b, const struct msg_config_part *m);
/* |m| lends from |body| and |w| until wire_close. */
int msg_get_config_part(struct wire *w, struct slice body, struct msg_config_part *m);

/* PROGRESS, GOODBYE, CALL and CANCEL have empty bodies; a reader ignores what is there. */
int msg_put_empty(struct buf *b, enum msg_type type, uint32_t stream);

/* ---- asking ---- */
/* Flags of an ask. */
enum {
    ASK_AS_OWNER = 1,   /* the asker's ring names you an owner */
    ASK_NO_ORIGIN = 2,  /* from store or running fill only */
    ASK_MUST_FRESH = 4, /* revalidate before answering */
    ASK_LEAF = 8,       /* |key| is that of the leaf |first_leaf|, which is wanted alone */
    ASK_OTHER = 16,     /* |generation| is outdated: another one is wanted */
    ASK_ALONG = 32,     /* the asker reads along as the second owner: no window waits for it */
    ASK_INSIST = 64,    /* you have named another node, which did not have it: answer yourself */
    ASK_HTTPS = 128,    /* the viewer came by https; counts where the key says by which it came */
};
struct msg_ask {
    struct digest key;                     /* primary key hash */
    struct slice distribution, host, path; /* path with query, normal form; host may be empty */
    struct slice request_id;               /* for logs; at most MSG_REQUEST_ID_MAX bytes */
    uint64_t epoch;                        /* asker's ring */
    uint64_t config;                       /* digest of the asker's distribution */
    uint64_t frontier;                     /* asker's purge frontier id */
    uint32_t deadline_ms;                  /* time left */
    uint8_t hops;                          /* 1: from the edge; 2: upward ask of an owner */
    uint8_t rank;                          /* 0: you are first owner */
    uint32_t flags;                        /* ASK_* */
    uint64_t generation;                   /* 0, or: only this one, from first_leaf */
    uint32_t first_leaf;
    uint32_t credit;     /* leaves you may send */
    struct slice fields; /* of the viewer's request, see PROTOCOL.md; at most MSG_FIELDS_MAX bytes */
    uint32_t run;        /* with ASK_LEAF: leaves that will be asked for from this one on, it included; 0: not told */
    uint32_t have;       /* leaves that the asker has from the beginning: announce them, and leave out their bytes */
    uint32_t load;       /* asks that the asker answered in the last 10 s or so, and one; 0: it does not say */
};
int msg_put_ask(struct buf *b, uint32_t stream, const struct msg_ask *m);
int msg_get_ask(struct wire *w, struct slice body, struct msg_ask *m);

/* TAKE: the sender has, or is about to have, what the reader, an owner, should have, too, and is to be asked for it. */
enum msg_take_reason {
    TAKE_WARM = 1,   /* it is asked for again and again, and this would be the second copy */
    TAKE_HANDED = 2, /* the ring has changed, and the reader owns now what the sender owned before */
    TAKE_ALONG = 3,  /* it is on its way from the origin: read along, as the owner that comes next if the sender dies */
};
struct msg_take {
    /* Of it only what says what it is: key, distribution, host, path, config, flags (ASK_LEAF alone), first_leaf,
     * generation, fields. The rest is 0. */
    struct msg_ask what;
    uint8_t reason; /* enum msg_take_reason; a reader does nothing about one that it does not know */
};
int msg_put_take(struct buf *b, const struct msg_take *m);
int msg_get_take(struct wire *w, struct slice body, struct msg_take *m);

enum msg_answer_status {
    ANSWER_HAVE = 1,
    ANSWER_FILLING = 2,
    ANSWER_LEASED = 3,    /* we fetch it now */
    ANSWER_BUSY = 4,      /* ask elsewhere */
    ANSWER_NOT_OWNER = 5, /* see reason and epoch */
    ANSWER_NONE = 6,      /* NO_ORIGIN and we have nothing */
    ANSWER_GONE = 7,      /* not that generation any more */
};
enum msg_not_owner { NOT_OWNER_RING = 1, NOT_OWNER_CONFIG = 2, NOT_OWNER_DRAINING = 3 };
struct msg_answer {
    uint8_t status; /* enum msg_answer_status */
    uint8_t reason; /* enum msg_not_owner, else 0 */
    uint64_t epoch; /* ours */
    uint32_t load;  /* percent */
    bool has_other; /* ANSWER_BUSY: |other| has it, and is to be asked, before we are asked again (ASK_INSIST) */
    struct node_id other;
};
int msg_put_answer(struct buf *b, uint32_t stream, const struct msg_answer *m);
int msg_get_answer(struct slice body, struct msg_answer *m);

enum msg_head_form { HEAD_ALONE = 1 /* sig over the head */, HEAD_ONE = 2 /* over head, leaf, length */ };
struct msg_head {
    uint8_t form;
    struct slice head; /* object head, see PROTOCOL.md; at most MSG_OBJECT_HEAD_MAX bytes */
    uint64_t age_ms;   /* current age when sent */
    struct node_id signer;
    struct slice signer_cert; /* empty when the signer is the sender itself */
    uint8_t sig[SIGNATURE_BYTES];
    bool uncacheable; /* for the asker whose request it was alone: nobody keeps it */
    bool has_length;
    uint64_t length;     /* body bytes, when known; HEAD_ONE: always, at most LEAF_BYTES */
    struct digest leaf;  /* HEAD_ONE: hash of the one leaf */
    struct slice parent; /* name of the parent region's node that the sender had it from; empty: none */
    bool parent_hit;     /* which had a copy */
};
int msg_put_head(struct buf *b, uint32_t stream, const struct msg_head *m);
int msg_get_head(struct wire *w, struct slice body, struct msg_head *m);

/* BATCH: |hashes| are batch->count digests. |before|, not NULL where a stream begins
 * inside the body, is the chain value in front of the batch (it needs no trust: the
 * signed value behind the batch would not come out). MESH_E_RANGE: see leaf_batch_ok. */
int msg_put_batch_from(struct buf *b, uint32_t stream, const struct leaf_batch *batch, const struct digest *before,
                       const struct digest *hashes);
int msg_put_batch(struct buf *b, uint32_t stream, const struct leaf_batch *batch, const struct digest *hashes);
/* msg_get_batch fills |batch| (chain is left for the receiver to compute) and |hashes|,
 * room for LEAF_BATCH_MAX. msg_get_batch_from also fills |before| where |*has_before|. */
int msg_get_batch_from(struct slice body, struct leaf_batch *batch, struct digest *before, bool *has_before,
                       struct digest hashes[LEAF_BATCH_MAX]);
int msg_get_batch(struct slice body, struct leaf_batch *batch, struct digest hashes[LEAF_BATCH_MAX]);

enum msg_leaf_encoding { LEAF_RAW = 0, LEAF_ZSTD = 1, LEAF_JOINED = 2 /* its slips already brought it */ };
struct msg_leaf {
    uint32_t index;
    uint8_t encoding;
    uint32_t raw_len;   /* 1..LEAF_BYTES */
    struct slice bytes; /* raw_len of them if raw, fewer if packed, none if joined */
};
int msg_put_leaf(struct buf *b, uint32_t stream, const struct msg_leaf *m);
int msg_get_leaf(struct slice body, struct msg_leaf *m);

struct msg_slip {
    uint32_t index, offset; /* offset within the leaf */
    uint8_t sig[SIGNATURE_BYTES];
    struct slice bytes;
};
int msg_put_slip(struct buf *b, uint32_t stream, const struct msg_slip *m);
int msg_get_slip(struct slice body, struct msg_slip *m);

enum msg_abort_reason {
    ABORT_ORIGIN = 1, /* origin failed; |status| is what a viewer would get (502, 504) */
    ABORT_BUSY = 2,
    ABORT_GONE = 3,   /* evicted or replaced while sending */
    ABORT_BEHIND = 4, /* fell out of a pass-through window */
    ABORT_SHUTDOWN = 5,
    ABORT_INTERNAL = 6,
    ABORT_WHOLE = 8,       /* there are no leaves of it to be had: ask for all of it */
    ABORT_UNCACHEABLE = 7, /* the answer belongs to one request alone: go to the origin yourself */
};
int msg_put_abort(struct buf *b, uint32_t stream, unsigned reason, unsigned status);
int msg_get_abort(struct slice body, unsigned *reason, unsigned *status);

/* |leaves| > 0. */
int msg_put_credit(struct buf *b, uint32_t stream, uint32_t leaves);
int msg_get_credit(struct slice body, uint32_t *leaves);

#endif
