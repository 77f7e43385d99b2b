/* datagram.h - sealed gossip datagrams between nodes that hold each other's
 * certificate. A pair's key comes from their static X25519 keys, both boots and
 * both salts (64 bits drawn at each start), so a lost or cloned boot file never
 * repeats a key and nonce. A window refuses replays. A receiver that does not
 * know our boot answers BOOT (sealed under the boot-less pair key, random nonce,
 * echoing our nonce), one that does not know us answers UNKNOWN; neither answer
 * is ever larger than what it answers. Wire form in PROTOCOL.md. Not thread safe. */
#ifndef HEDGEROW_PROTO_DATAGRAM_H
#define HEDGEROW_PROTO_DATAGRAM_H

#include "proto/identity.h"

#define DATAGRAM_MAX 1200
#define DATAGRAM_WINDOW 64

/* The largest payload datagram_seal takes. */
size_t datagram_payload_max(void);

/* What one start of a node is known by. */
struct boot {
    uint64_t number; /* persisted counter, grows with each start */
    uint64_t salt;   /* drawn at each start */
};

/* Our end. */
struct datagram_self {
    const struct identity *id; /* lent */
    struct boot boot;
};

/* What we keep per peer. Zeroed at birth, then datagram_peer_init. */
struct datagram_peer {
    uint32_t magic;
    struct node_id id;
    uint8_t static_key[32]; /* the boot-less pair key */
    struct boot boot;       /* as far as known; salt 0 = not known */
    bool boot_known;
    uint8_t send_key[32], recv_key[32];
    uint64_t send_counter;
    uint64_t recv_top, recv_seen; /* replay window: highest counter and 64 bits below it */
    uint64_t last_nonce;          /* of our last sealed datagram, echoed by BOOT */
};

/* datagram_peer_init derives the pair key from |cert|. 0 or MESH_E_RANGE (a weak public key). */
int datagram_peer_init(struct datagram_peer *p, const struct datagram_self *self, const struct cert *cert);

/* datagram_peer_boot notes the peer's boot, told by an authenticated source
 * (a backbone HELLO). An older number than the known one is ignored. */
void datagram_peer_boot(struct datagram_peer *p, const struct datagram_self *self, struct boot boot);

/* datagram_seal appends one datagram with |payload|. While the peer's boot is not
 * known the datagram cannot be opened by it and only fetches its BOOT answer;
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
 * first). BOOT: 0, payload empty, the peer's boot adopted: send again.
 * MESH_E_SEAL, MESH_E_REPLAY, MESH_E_SHORT: drop and count; nothing changed.
 * MESH_E_STATE: the sender does not know our present boot: answer datagram_boot.
 * |*own_boot_seen|, when not NULL, gets the highest boot number of ours that the
 * peer authentically claims to know (a node told of a higher one jumps above it). */
int datagram_open(struct datagram_peer *p, const struct datagram_self *self, struct slice bytes,
                  struct buf *payload, uint64_t *own_boot_seen);

/* datagram_boot appends the stateless BOOT answer to |request| from |p|,
 * datagram_unknown the UNKNOWN answer to it, datagram_cert a CERT datagram with our
 * certificate in answer to UNKNOWN. All at most as long as |request| except CERT,
 * which is sent only after UNKNOWN echoed our own nonce (see PROTOCOL.md).
 * 0, MESH_E_SHORT (the request is too small to be answered), MESH_E_NOMEM. */
int datagram_boot(struct datagram_peer *p, const struct datagram_self *self, struct slice request, struct buf *out);
int datagram_unknown(const struct datagram_self *self, struct slice request, struct buf *out);
int datagram_cert(const struct datagram_self *self, const struct node_id *to, struct buf *out);

/* datagram_cert_read lends the certificate bytes of a CERT datagram. */
int datagram_cert_read(struct slice bytes, struct slice *cert);

/* datagram_unknown_answers: does this UNKNOWN answer our last datagram to |p|? */
bool datagram_unknown_answers(const struct datagram_peer *p, struct slice bytes);

#endif
