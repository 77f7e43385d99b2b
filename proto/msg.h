/* msg.h - the frames of a backbone stream. A frame is the plaintext of one record:
 * u8 type, u32 stream (0: the session itself), then a msgpack map, or for LEAF and
 * SLIP a fixed binary layout. Encoders append to a buf; decoders lend slices from
 * the frame (and from |wire| where one is given, until wire_close).
 * Bytes in PROTOCOL.md, golden in tests/unit/test_msg.c. Thread safe. */
#ifndef HEDGEROW_PROTO_MSG_H
#define HEDGEROW_PROTO_MSG_H

#include "proto/datagram.h"
#include "proto/leaf.h"
#include "proto/wire.h"

#define PROTOCOL_VERSION 1
#define MSG_HEAD_BYTES 5

enum msg_type {
    MSG_HELLO = 1,    /* session: first frame of each side */
    MSG_REFUSE = 2,   /* session: why we will not talk, then close */
    MSG_MEMBERS = 3,  /* session: certificates and member records */
    MSG_PROGRESS = 4, /* session: still working on your asks */
    MSG_GOODBYE = 5,  /* session: leaving; open streams will finish */
    MSG_ASK = 16,     /* asker opens a stream for one object */
    MSG_ANSWER = 17,  /* asked: HAVE, FILLING, LEASED ... at once */
    MSG_HEAD = 18,    /* asked: the object's head */
    MSG_BATCH = 19,   /* asked: signed hashes of the leaves that follow */
    MSG_LEAF = 20,    /* asked: one leaf */
    MSG_SLIP = 21,    /* asked: a piece of an unfinished leaf */
    MSG_ABORT = 22,   /* asked: the stream ends without FINAL */
    MSG_CREDIT = 23,  /* asker: may send so many more leaves */
    MSG_CANCEL = 24,  /* asker: stop */
};

struct msg_frame {
    uint8_t type;
    uint32_t stream;
    struct slice body;
};

/* msg_open splits a frame. 0 or MESH_E_SHORT. Unknown types are the caller's to skip. */
int msg_open(struct slice frame, struct msg_frame *out);

/* ---- before the sealed records: the clear preamble of a stream ---- */
#define PREAMBLE_BYTES 26 /* "HGRW", version u8, pattern u8, features u32, mesh id 16 */
struct preamble {
    uint8_t version, pattern;
    uint32_t features;
    struct mesh_id mesh;
};
void preamble_put(struct buf *b, const struct preamble *p);
/* preamble_get: 0, MESH_E_SHORT (need more), MESH_E_SYNTAX (not our protocol), MESH_E_VERSION. */
int preamble_get(struct slice s, struct preamble *p);

/* ---- session frames ---- */
enum msg_refusal { /* stable numbers, also sent in clear as a refused preamble */
    REFUSE_VERSION = 1,
    REFUSE_WRONG_MESH = 2,
    REFUSE_CERTIFICATE = 3, /* bad signature or malformed */
    REFUSE_EXPIRED = 4,
    REFUSE_NOT_YET = 5,
    REFUSE_REVOKED = 6,
    REFUSE_PARAMS = 7, /* authorities, salt or arc bits differ */
    REFUSE_BUSY = 8,
    REFUSE_SELF = 9, /* that is our own identity */
};
const char *msg_refusal_text(unsigned reason);

struct msg_hello {
    uint32_t features;
    struct boot boot;
    struct digest params; /* mesh_params_digest */
    struct slice version; /* software, for people; at most 32 bytes */
    uint16_t port;        /* where we listen for the mesh, 0 = nowhere */
};
int msg_put_hello(struct buf *b, const struct msg_hello *m);
int msg_get_hello(struct wire *w, struct slice body, struct msg_hello *m);

int msg_put_refuse(struct buf *b, unsigned reason);
int msg_get_refuse(struct slice body, unsigned *reason);

/* MEMBERS: an array of [certificate, record] (record = gossip's bytes). Written item
 * by item: msg_members_begin, then _add up to MSG_MEMBERS_MAX times, then _finish. */
#define MSG_MEMBERS_MAX 96
struct msg_members_out {
    struct buf items;
    uint32_t n;
};
void msg_members_add(struct msg_members_out *m, struct slice cert, struct slice record);
/* msg_put_members appends the frame; |reply_wanted| asks the other side for its own. */
int msg_put_members(struct buf *b, struct msg_members_out *m, bool reply_wanted);
struct msg_members {
    bool reply_wanted;
    size_t n;
    const wire_value *items;
};
int msg_get_members(struct wire *w, struct slice body, struct msg_members *m);
int msg_members_item(const struct msg_members *m, size_t i, struct slice *cert, struct slice *record);

/* PROGRESS and GOODBYE have empty bodies. */
int msg_put_empty(struct buf *b, enum msg_type type, uint32_t stream);

/* ---- asking ---- */
enum { /* ask flags */
    ASK_AS_OWNER = 1,   /* the asker's ring names you an owner */
    ASK_NO_ORIGIN = 2,  /* from store or running fill only */
    ASK_MUST_FRESH = 4, /* revalidate before answering */
};
struct msg_ask {
    struct digest key;                     /* primary key hash */
    struct slice distribution, host, path; /* path with query, normal form; host may be empty */
    struct slice request_id;               /* for logs; at most 64 bytes */
    uint64_t epoch;                        /* asker's ring */
    uint64_t config;                       /* digest of the asker's distribution */
    uint64_t frontier;                     /* asker's purge frontier id */
    uint32_t deadline_ms;                  /* time left */
    uint8_t hops;                          /* 1: from the edge; 2: upward ask of an owner */
    uint8_t rank;                          /* 0: you are first owner */
    uint32_t flags;                        /* ASK_* */
    uint64_t generation;                   /* 0, or: only this one, from first_leaf */
    uint32_t first_leaf;
    uint32_t credit;                       /* leaves you may send */
};
int msg_put_ask(struct buf *b, uint32_t stream, const struct msg_ask *m);
int msg_get_ask(struct wire *w, struct slice body, struct msg_ask *m);

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
};
int msg_put_answer(struct buf *b, uint32_t stream, const struct msg_answer *m);
int msg_get_answer(struct slice body, struct msg_answer *m);

enum msg_head_form { HEAD_ALONE = 1 /* sig over the head */, HEAD_ONE = 2 /* over head, leaf, length */ };
struct msg_head {
    uint8_t form;
    struct slice head;   /* object head, see PROTOCOL.md and node/core/head.h */
    uint64_t age_ms;     /* current age when sent */
    struct node_id signer;
    struct slice signer_cert; /* empty when the signer is the sender itself */
    uint8_t sig[SIGNATURE_BYTES];
    bool uncacheable;    /* for the asker whose request it was alone: nobody keeps it */
    bool has_length;
    uint64_t length;     /* body bytes, when known */
    struct digest leaf;  /* HEAD_ONE: hash of the one leaf */
};
int msg_put_head(struct buf *b, uint32_t stream, const struct msg_head *m);
int msg_get_head(struct wire *w, struct slice body, struct msg_head *m);

/* BATCH: |hashes| are batch->count digests. */
int msg_put_batch(struct buf *b, uint32_t stream, const struct leaf_batch *batch, const struct digest *hashes);
/* msg_get_batch fills |batch| (chain is left for the receiver to compute) and |hashes|,
 * room for LEAF_BATCH_MAX. */
int msg_get_batch(struct slice body, struct leaf_batch *batch, struct digest hashes[LEAF_BATCH_MAX]);

enum msg_leaf_encoding { LEAF_RAW = 0, LEAF_ZSTD = 1, LEAF_JOINED = 2 /* its slips already brought it */ };
struct msg_leaf {
    uint32_t index;
    uint8_t encoding;
    uint32_t raw_len; /* <= LEAF_BYTES */
    struct slice bytes;
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
    ABORT_ORIGIN = 1,    /* origin failed; |status| is what a viewer would get (502, 504) */
    ABORT_BUSY = 2,
    ABORT_GONE = 3,      /* evicted or replaced while sending */
    ABORT_BEHIND = 4,    /* fell out of a pass-through window */
    ABORT_SHUTDOWN = 5,
    ABORT_INTERNAL = 6,
};
int msg_put_abort(struct buf *b, uint32_t stream, unsigned reason, unsigned status);
int msg_get_abort(struct slice body, unsigned *reason, unsigned *status);

int msg_put_credit(struct buf *b, uint32_t stream, uint32_t leaves);
int msg_get_credit(struct slice body, uint32_t *leaves);

#endif
