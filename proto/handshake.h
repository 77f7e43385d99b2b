/* handshake.h - Noise_XX_25519_ChaChaPoly_SHA256 and Noise_IK_25519_ChaChaPoly_SHA256
 * (The Noise Protocol Framework, revision 34), as a state machine over bytes.
 * The static keys are the nodes' X25519 keys; the payloads carry certificates,
 * which the caller checks. Any error ends the handshake. Not thread safe. */
#ifndef HEDGEROW_PROTO_HANDSHAKE_H
#define HEDGEROW_PROTO_HANDSHAKE_H

#include "proto/base/buf.h"

#define HANDSHAKE_MESSAGE_MAX 1024
#define HANDSHAKE_PAYLOAD_MAX (HANDSHAKE_MESSAGE_MAX - 96) /* keys and tags take at most 96 bytes */

enum handshake_pattern { HANDSHAKE_XX = 1, HANDSHAKE_IK = 2 };
enum handshake_role { HANDSHAKE_INITIATOR, HANDSHAKE_RESPONDER };

struct handshake {
    uint32_t magic;
    enum handshake_pattern pattern;
    enum handshake_role role;
    unsigned step; /* messages done */
    uint8_t ck[32], h[32], k[32];
    uint64_t n;
    bool has_key;
    uint8_t s_secret[32], s_key[32]; /* ours */
    uint8_t e_secret[32], e_key[32];
    uint8_t rs_key[32], re_key[32]; /* theirs, once known */
    bool has_rs, fixed_e;
    bool failed; /* an error ended it, or it was wiped */
};

/* handshake_init begins. |secret|,|key|: our static pair. |remote| is the
 * responder's static key, needed by an IK initiator, else NULL. */
void handshake_init(struct handshake *hs, enum handshake_pattern pattern, enum handshake_role role,
                    const uint8_t secret[32], const uint8_t key[32], const uint8_t *remote, struct slice prologue);

/* handshake_fix_ephemeral replaces the random ephemeral key: only for test vectors. */
void handshake_fix_ephemeral(struct handshake *hs, const uint8_t secret[32]);

/* handshake_my_turn: true when the next message is ours to write. */
bool handshake_my_turn(const struct handshake *hs);
bool handshake_done(const struct handshake *hs);

/* handshake_write appends our next message with |payload|. 0, MESH_E_NOMEM, MESH_E_STATE,
 * MESH_E_RANGE (the payload is too long), MESH_E_SEAL (the other side's public key is
 * weak: the shared secret would be all zero). On an error |out| is as long as before. */
int handshake_write(struct handshake *hs, struct slice payload, struct buf *out);

/* handshake_read takes the other side's next message, exactly, and appends its payload.
 * 0, MESH_E_SEAL (altered, not for us, or a weak key), MESH_E_SHORT, MESH_E_RANGE (longer
 * than HANDSHAKE_MESSAGE_MAX), MESH_E_STATE, MESH_E_NOMEM. On an error |payload| is as
 * long as before. */
int handshake_read(struct handshake *hs, struct slice message, struct buf *payload);

/* handshake_split gives the two directions' keys once done: for us to send and to receive.
 * Copy these and handshake_remote, then wipe. */
void handshake_split(const struct handshake *hs, uint8_t send_key[32], uint8_t recv_key[32]);

/* The other side's static key; valid when has_rs. */
static inline const uint8_t *handshake_remote(const struct handshake *hs)
{
    return hs->has_rs ? hs->rs_key : NULL;
}

/* handshake_wipe overwrites the secrets and forgets the other side; fine on a zeroed one. */
void handshake_wipe(struct handshake *hs);

#endif
