/* datagram.h - sealed gossip datagrams between nodes that hold each other's
 * certificate. A pair's key comes from their static X25519 keys; each direction's
 * key also takes what both ends are in this run (boot number, salt, link), so a lost
 * or cloned boot file never repeats a key and nonce. A window refuses replays. A
 * receiver that does not know the sender as it is now, or is not what the sender
 * believes, answers BOOT (sealed under the boot-less pair key, random nonce, echoing
 * the datagram's counter); one that does not hold its certificate answers UNKNOWN.
 * Neither answer is ever larger than what it answers. Wire form and the reasons in
 * PROTOCOL.md. Not thread safe. */
#ifndef HEDGEROW_PROTO_DATAGRAM_H
#define HEDGEROW_PROTO_DATAGRAM_H

#include "proto/identity.h"

#define DATAGRAM_MAX    1200
#define DATAGRAM_WINDOW 64

/* The largest payload datagram_seal takes (more than 1,024 bytes). */
size_t datagram_payload_max(void);

/* What one start of a node is known by. */
struct boot {
    uint64_t number; /* persisted counter, grows with each start */
    uint64_t salt;   /* drawn at each start, not 0 */
};

/* Our end. The boot may grow while running (a node told of a higher boot of its own
 * jumps above it): peers then learn it in one exchange. */
struct datagram_self {
    const struct identity *id; /* lent */
    struct boot boot;
};

/* What we keep per peer. Zeroed at birth, then datagram_peer_init. */
struct datagram_peer {
    uint32_t magic;
    bool boot_known;
    bool send_fresh, recv_fresh; /* are the two keys those of the present ends? */
    struct node_id id;
    uint8_t static_key[32]; /* the boot-less pair key */
    struct boot own;        /* ours, when the keys were made */
    uint64_t own_link;      /* drawn when this struct was made: we forget no replay window unnoticed */
    uint64_t own_epoch;     /* grows when the peer turns out to be another run; the peer must name it */
    struct boot boot;       /* theirs, as far as known */
    uint64_t link, epoch;   /* theirs; link 0 = not known */
    uint8_t send_key[32], recv_key[32];
    uint64_t send_counter;              /* of our last sealed datagram; starts at a random number */
    uint64_t recv_top, recv_seen;       /* highest counter, and bit i: recv_top - i was seen */
    uint64_t boot_floor, unknown_floor; /* counters up to here have had their answer */
};

/* datagram_peer_init derives the pair key from |cert|. Once more for a renewed
 * certificate with the same keys changes nothing. 0 or MESH_E_RANGE (a weak public
 * key, or our own certificate). datagram_peer_wipe overwrites the keys. */
int datagram_peer_init(struct datagram_peer *p, const struct datagram_self *self, const struct cert *cert);
void datagram_peer_wipe(struct datagram_peer *p);

/* datagram_peer_boot notes the peer's boot, told by an authenticated source
 * (a backbone HELLO): datagrams of an earlier run are refused from here on. It does
 * not save the BOOT exchange. An older number than the known one is ignored. */
void datagram_peer_boot(struct datagram_peer *p, const struct datagram_self *self, struct boot boot);

/* datagram_seal appends one datagram with |payload|. While the peer is not known as
 * it is now, the datagram cannot be taken by it and only fetches its BOOT answer;
 * the caller then sends again. 0, MESH_E_RANGE (too long), MESH_E_NOMEM. */
int datagram_seal(struct datagram_peer *p, const struct datagram_self *self, struct slice payload, struct buf *out);

enum datagram_kind { DATAGRAM_DATA = 1, DATAGRAM_BOOT = 2, DATAGRAM_UNKNOWN = 3, DATAGRAM_CERT = 4 };

/* The clear header of a datagram. */
struct datagram_head {
    enum datagram_kind kind;
    struct node_id from, to;
};

/* datagram_peek reads the clear header: who claims to send. Nothing is proved yet.
 * 0, MESH_E_SHORT, MESH_E_SYNTAX, MESH_E_VERSION. */
int datagram_peek(struct slice bytes, struct datagram_head *head);

/* datagram_open opens DATA or BOOT from |p|. DATA: 0 and |payload| filled (cleared
 * first). BOOT: 0, payload empty, the peer's boot adopted: send again, once.
 * MESH_E_SEAL (also when it is not from |p| or not to us), MESH_E_REPLAY, MESH_E_SHORT,
 * MESH_E_SYNTAX (no DATA or BOOT), MESH_E_VERSION, MESH_E_NOMEM: drop and count;
 * nothing changed.
 * MESH_E_STATE: authentic, but made for or by another run: answer datagram_boot.
 * |*own_boot_seen|, when not NULL, gets the highest boot number of ours that the
 * peer authentically claims to know, 0 if it claims none (a node told of a higher
 * one jumps above it). It counts with 0 and with MESH_E_STATE. */
int datagram_open(struct datagram_peer *p, const struct datagram_self *self, struct slice bytes, struct buf *payload,
                  uint64_t *own_boot_seen);

/* datagram_boot appends the stateless BOOT answer to |request|, for which
 * datagram_open said MESH_E_STATE. Never longer than |request|. 0, MESH_E_SHORT,
 * MESH_E_NOMEM. */
int datagram_boot(struct datagram_peer *p, const struct datagram_self *self, struct slice request, struct buf *out);

/* datagram_unknown appends the stateless UNKNOWN answer to DATA of somebody whose
 * certificate we do not hold. Never longer than |request|. 0, MESH_E_SHORT,
 * MESH_E_STATE (no DATA, or not to us: never answer it), MESH_E_NOMEM. */
int datagram_unknown(const struct datagram_self *self, struct slice request, struct buf *out);

/* datagram_unknown_answers: is this an UNKNOWN that echoes a datagram of ours to |p|
 * which was not answered so yet? If so it counts as answered now, and |p| gets one
 * CERT: only somebody who saw our datagram can ask, and each datagram pays for one. */
bool datagram_unknown_answers(struct datagram_peer *p, const struct datagram_self *self, struct slice bytes);

/* datagram_cert appends a CERT datagram with our certificate. 0 or MESH_E_NOMEM. */
int datagram_cert(const struct datagram_self *self, const struct node_id *to, struct buf *out);

/* datagram_cert_read parses the certificate of a CERT datagram to us and lends its
 * bytes in |raw|. The sender's id is the certificate's; who signed it and whether
 * it is valid is the caller's to judge (cert_check). 0, MESH_E_STATE (no CERT, not to
 * us, or of another id), or the codes of datagram_peek and cert_parse. */
int datagram_cert_read(const struct datagram_self *self, struct slice bytes, struct cert *cert, struct slice *raw);

#endif
