/* session.h - one backbone stream between two nodes: preamble, Noise handshake with
 * certificates, HELLO, then frames in sealed records (PROTOCOL.md, Streams). Bytes go
 * in and come out; it opens no socket. A session serves both directions, whoever
 * dialled. Not thread safe. */
#ifndef HEDGEROW_CORE_SESSION_H
#define HEDGEROW_CORE_SESSION_H

#include "node/core/held.h"
#include "proto/base/time.h"
#include "proto/identity.h"
#include "proto/msg.h"
#include "proto/record.h"

enum session_state {
    SESSION_HANDSHAKE, /* preamble, handshake, HELLO still under way */
    SESSION_OPEN,      /* both HELLOs exchanged: frames may flow */
    SESSION_CLOSED,    /* broken or refused: write what output is left, then close */
};

struct session_config {
    const struct identity *self; /* lent for the session's life */
    struct boot boot;
    struct slice version; /* software, for people */
    uint16_t port;        /* our mesh port */
    struct mesh_addr you; /* where we see the peer, for it to know: see msg_hello */
    unsigned suites;      /* RECORD_SUITE_BITs offered for records; 0: all that the processor has */
    /* Further judgement of a certificate that is sound in itself (revocation): 0, or the
     * MESH_E_* that it is refused by. NULL: none. */
    int (*judge)(void *ctx, const struct cert *cert);
    /* A certificate of our mesh by an authority that we do not know is let in all the same, and
     * the session is then *unproven*: the peer may know a later roll than we do. The caller
     * takes nothing from it but that, then session_prove, or session_refuse. */
    bool probation;
    /* Sees, and may change, each frame before it is sealed: lying peers of tests and
     * of the simulator. NULL in a node. */
    void (*outgoing)(void *ctx, uint8_t *frame, size_t len);
    void *ctx;
    struct held_store *certs; /* where the peer's is held; NULL: the session has a copy of its own */
};

struct session;

/* session_dial begins as initiator: IK when |remote_dh| is the peer's pinned X25519
 * key, XX when NULL. If the peer has another key by now, the two go on with XX at once. session_accept begins as
 * responder. Owned by the caller until session_free (NULL is fine). NULL: out of memory. */
struct session *session_dial(const struct session_config *cfg, const uint8_t *remote_dh);
struct session *session_accept(const struct session_config *cfg);
void session_free(struct session *s);

enum session_state session_state(const struct session *s);
/* Why it is CLOSED: a MESH_E_* and, where one side refused by name, its enum msg_refusal (else 0).
 * MESH_E_REFUSED: the peer refused. We refused: MESH_E_VERSION, MESH_E_WRONG_MESH, MESH_E_EXPIRED,
 * MESH_E_NOT_YET, MESH_E_OVERWEIGHT, MESH_E_REVOKED, MESH_E_PARAMS, MESH_E_EXISTS (that is our own
 * identity), or what cert_parse and cert_check say. MESH_E_SEAL, MESH_E_SYNTAX, MESH_E_RANGE, MESH_E_STATE ...: the
 * bytes are not what they have to be. */
int session_error(const struct session *s);
unsigned session_refusal(const struct session *s);

/* session_recv takes bytes that arrived; |wall_s| judges certificates' validity.
 * 0, or a MESH_E_* with the session CLOSED (a named refusal may be left in the output). */
int session_recv(struct session *s, int64_t wall_s, struct slice bytes);

/* session_next lends the next frame (valid until the next session_recv, session_next or
 * session_free); session frames of the handshake itself (HELLO, REFUSE) are not shown. False: none left, or the
 * session broke (see session_state). Call until false after each session_recv: at most a part of
 * one record may be left when the next bytes come. */
bool session_next(struct session *s, struct msg_frame *frame);

/* session_begin returns the buffer to append exactly one frame to (with msg_put_*),
 * session_commit seals it. Only when OPEN. session_commit: 0 or MESH_E_NOMEM with the
 * session CLOSED. */
struct buf *session_begin(struct session *s);
int session_commit(struct session *s);

/* session_unproven: OPEN, but nothing is known of the peer's certificate yet. session_prove
 * judges it as the handshake would have: 0, and it is unproven no more, or a MESH_E_*. */
bool session_unproven(const struct session *s);
int session_prove(struct session *s, int64_t wall_s);

/* session_refuse sends the peer away by name (enum msg_refusal of |err|, a MESH_E_*): OPEN
 * becomes CLOSED with the REFUSE left in the output. */
void session_refuse(struct session *s, int err);

/* What is to be written to the peer: lends; session_sent drops the first |n| bytes of it. */
struct slice session_output(const struct session *s);
void session_sent(struct session *s, size_t n);

/* The peer, once its certificate was checked (always when OPEN, though it may be unproven; may
 * be NULL before).
 * session_peer_cert_raw lends the certificate's bytes. */
const struct cert *session_peer(const struct session *s);
/* The name in the certificate that the peer showed, sound or not ("" before it did). */
const char *session_peer_name(const struct session *s);
struct slice session_peer_cert_raw(const struct session *s);
struct boot session_peer_boot(const struct session *s);
uint16_t session_peer_port(const struct session *s);
/* session_seen: where the peer sees us (msg_hello.you). */
struct mesh_addr session_seen(const struct session *s);
/* The suite of its records; meaningful once OPEN. */
enum record_suite session_suite(const struct session *s);
bool session_dialled(const struct session *s);
/* The dialler had pinned a key that the responder has no more, and XX was used instead. */
bool session_began_anew(const struct session *s);

#endif
