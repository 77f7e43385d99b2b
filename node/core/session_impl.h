/* session_impl.h - what session.c, the records' way through a session, and session_open.c, all that comes before the
 * first frame, share. Nobody else includes it. */
#ifndef HEDGEROW_CORE_SESSION_IMPL_H
#define HEDGEROW_CORE_SESSION_IMPL_H

#include "node/core/session.h"
#include "proto/base/err.h"
#include "proto/base/obj.h"
#include "proto/handshake.h"

#define SESSION_MAGIC UINT32_C(0x73657373)

/* PREAMBLE -> NOISE -> HELLO -> FRAMES, and from each of them -> CLOSED; where the first message
 * of IK does not open, NOISE -> PREAMBLE once, for XX. A certificate that
 * does not pass is refused once there are keys, so NOISE runs to its end all the same. */
enum phase { PHASE_PREAMBLE, PHASE_NOISE, PHASE_HELLO, PHASE_FRAMES, PHASE_CLOSED };

struct session {
    uint32_t magic;
    struct session_config cfg;
    uint8_t version[MSG_VERSION_MAX]; /* cfg.version points here */
    enum phase phase;
    bool dialled, building;
    bool began_anew;   /* a dialler's pinned key was stale: the second try, by XX, is under way */
    uint32_t features; /* ours */
    int err;
    unsigned refusal;

    struct preamble peer_preamble;
    struct handshake *hs; /* until there are keys */
    int verdict;          /* on the peer's certificate; 0 = sound, or not seen yet */
    struct record_half send, recv;

    struct buf in, out;
    size_t in_at, out_at; /* consumed and sent prefixes */
    size_t mark;          /* the record being built in |out| */

    char peer_name[CERT_NAME_MAX + 1]; /* as it says */
    bool unproven;
    struct held_cert *peer; /* NULL: not known yet */
    struct boot peer_boot;
    uint16_t peer_port;
    struct mesh_addr seen; /* we, by the peer */
};

static inline size_t in_left(const struct session *s)
{
    return s->in.len - s->in_at;
}

static inline const uint8_t *in_data(const struct session *s)
{
    return s->in.data + s->in_at;
}

/* session_close_with ends |s|: nothing arrives any more; what was to be sent is still there. */
void session_close_with(struct session *s, int err);
/* session_seal seals the record being built. */
int session_seal(struct session *s);
/* session_next_record opens the next record into |frame|. False: none whole, or CLOSED now. */
bool session_next_record(struct session *s, struct msg_frame *frame);

/* ---- refusing by name ---- */
unsigned session_refusal_of(int err);
void session_refuse_sealed(struct session *s, int err);   /* once there are keys */
void session_refused(struct session *s, unsigned reason); /* the peer did */
void session_take_refuse(struct session *s, const struct msg_frame *frame);

/* ---- before the first frame (session_open.c) ---- */
int session_judge_cert(const struct session *s, int64_t wall_s, const struct cert *c, struct slice raw);
/* session_begin_dialling writes our preamble and the first message; by XX where |remote_dh| is NULL. */
void session_begin_dialling(struct session *s, const uint8_t *remote_dh);
/* session_advance takes the next whole piece of what has arrived. False: there is none, or frames begin. */
bool session_advance(struct session *s, int64_t wall_s);

#endif
