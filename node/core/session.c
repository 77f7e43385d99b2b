/* A session's records, once there are keys, and the caller's side of it. */
#include "node/core/session_impl.h"

#include <stdlib.h>

#define SEALED_MAX (RECORD_HEAD_BYTES + RECORD_PLAIN_MAX + RECORD_TAG_BYTES)
#define IDLE_BYTES 128 /* an empty buffer larger than this is given back */

/* Idle sessions are many: they hold no large buffers. */
static void give_back(struct buf *b, size_t *at)
{
    if (b->len != *at)
        return;
    b->len = *at = 0;
    if (b->cap > IDLE_BYTES)
        buf_free(b);
}

void session_close_with(struct session *s, int err)
{
    assert(err != 0 && s->phase != PHASE_CLOSED);
    s->phase = PHASE_CLOSED;
    s->err = err;
    buf_free(&s->in);
    s->in_at = 0;
    if (s->hs != NULL)
        handshake_wipe(s->hs);
    record_wipe(&s->send);
    record_wipe(&s->recv);
}

/* ---- refusing by name ---- */

unsigned session_refusal_of(int err)
{
    switch (err) {
    case MESH_E_VERSION: return REFUSE_VERSION;
    case MESH_E_WRONG_MESH: return REFUSE_WRONG_MESH;
    case MESH_E_EXPIRED: return REFUSE_EXPIRED;
    case MESH_E_OVERWEIGHT: return REFUSE_OVERWEIGHT;
    case MESH_E_NOT_YET: return REFUSE_NOT_YET;
    case MESH_E_REVOKED: return REFUSE_REVOKED;
    case MESH_E_PARAMS: return REFUSE_PARAMS;
    case MESH_E_EXISTS: return REFUSE_SELF;
    default: return REFUSE_CERTIFICATE;
    }
}

void session_refused(struct session *s, unsigned reason)
{
    s->refusal = reason;
    session_close_with(s, MESH_E_REFUSED);
}

/* ---- records ---- */

int session_seal(struct session *s)
{
    size_t at = s->mark + RECORD_HEAD_BYTES;

    if (s->cfg.outgoing != NULL && buf_ok(&s->out) && s->out.len > at)
        s->cfg.outgoing(s->cfg.ctx, s->out.data + at, s->out.len - at);
    return record_finish(&s->send, &s->out, s->mark);
}

bool session_next_record(struct session *s, struct msg_frame *frame)
{
    struct slice plain;
    size_t used;

    int err = in_left(s) == 0 ? MESH_E_SHORT : record_open(&s->recv, s->in.data + s->in_at, in_left(s), &used, &plain);
    if (err == MESH_E_SHORT)
        return false;
    if (err == 0) {
        s->in_at += used;
        if (msg_open(plain, frame) != 0)
            err = MESH_E_SYNTAX;
    }
    if (err != 0)
        session_close_with(s, err);
    return err == 0;
}

void session_take_refuse(struct session *s, const struct msg_frame *frame)
{
    unsigned reason;

    if (msg_get_refuse(frame->body, &reason) != 0)
        session_close_with(s, MESH_E_SYNTAX);
    else
        session_refused(s, reason);
}

void session_refuse_sealed(struct session *s, int err)
{
    s->refusal = session_refusal_of(err);
    s->mark = record_begin(&s->out);
    msg_put_refuse(&s->out, s->refusal);
    session_seal(s); /* short of memory: then the peer sees only the end */
    session_close_with(s, err);
}

/* ---- the caller's side ---- */

static struct session *session_new(const struct session_config *cfg, bool dialled)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL || (s->hs = calloc(1, sizeof(*s->hs))) == NULL) {
        free(s);
        return NULL;
    }
    s->magic = SESSION_MAGIC;
    s->cfg = *cfg;
    s->cfg.version = slice_of(s->version, cfg->version.len < MSG_VERSION_MAX ? cfg->version.len : MSG_VERSION_MAX);
    if (s->cfg.version.len > 0)
        memcpy(s->version, cfg->version.data, s->cfg.version.len);
    unsigned suites = cfg->suites != 0 ? cfg->suites & record_suites() : record_suites();
    if ((suites & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) != 0)
        s->features |= FEATURE_AES_256_GCM;
    s->dialled = dialled;
    s->phase = PHASE_PREAMBLE;
    return s;
}

struct session *session_dial(const struct session_config *cfg, const uint8_t *remote_dh)
{
    struct session *s = session_new(cfg, true);

    if (s == NULL)
        return NULL;
    session_begin_dialling(s, remote_dh);
    return s;
}

struct session *session_accept(const struct session_config *cfg)
{
    return session_new(cfg, false);
}

void session_free(struct session *s)
{
    if (s == NULL)
        return;
    OBJ_CHECK(s, SESSION_MAGIC);
    if (s->phase != PHASE_CLOSED)
        session_close_with(s, MESH_E_CLOSED);
    buf_free(&s->out);
    held_drop(s->peer);
    free(s->hs);
    s->magic = 0;
    free(s);
}

enum session_state session_state(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    if (s->phase == PHASE_CLOSED)
        return SESSION_CLOSED;
    return s->phase == PHASE_FRAMES ? SESSION_OPEN : SESSION_HANDSHAKE;
}

int session_error(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->err;
}

unsigned session_refusal(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->refusal;
}

int session_recv(struct session *s, int64_t wall_s, struct slice bytes)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    if (s->phase == PHASE_CLOSED)
        return s->err;
    /* The caller has read all frames, so what is left is a part of one record. Moving
     * it costs less than was taken since it was last moved. */
    assert(in_left(s) < SEALED_MAX);
    buf_drop(&s->in, s->in_at);
    s->in_at = 0;
    buf_add_slice(&s->in, bytes);
    if (!buf_ok(&s->in))
        session_close_with(s, MESH_E_NOMEM);
    while (session_advance(s, wall_s))
        ;
    if (s->phase != PHASE_CLOSED)
        give_back(&s->in, &s->in_at);
    return s->err;
}

bool session_next(struct session *s, struct msg_frame *frame)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    if (s->phase != PHASE_FRAMES)
        return false;
    if (!session_next_record(s, frame)) {
        if (s->phase != PHASE_CLOSED)
            give_back(&s->in, &s->in_at);
        return false;
    }
    if (frame->type == MSG_REFUSE)
        session_take_refuse(s, frame);
    else if (frame->type == MSG_HELLO)
        session_close_with(s, MESH_E_STATE);
    return s->phase == PHASE_FRAMES;
}

struct buf *session_begin(struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    assert(s->phase == PHASE_FRAMES && !s->building);
    s->building = true;
    s->mark = record_begin(&s->out);
    return &s->out;
}

int session_commit(struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    assert(s->phase == PHASE_FRAMES && s->building);
    s->building = false;
    int err = session_seal(s);
    assert(err == 0 || err == MESH_E_NOMEM); /* a frame that fits no record is our own bug */
    if (err != 0)
        session_close_with(s, err);
    return err;
}

bool session_unproven(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->unproven;
}

int session_prove(struct session *s, int64_t wall_s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    assert(s->peer != NULL);
    int err = session_judge_cert(s, wall_s, &s->peer->cert, session_peer_cert_raw(s));
    s->unproven = s->unproven && err != 0;
    return err;
}

void session_refuse(struct session *s, int err)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    assert(s->phase == PHASE_FRAMES && !s->building && err != 0);
    session_refuse_sealed(s, err);
}

struct slice session_output(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    assert(!s->building);
    return s->out.len == s->out_at ? SLICE_EMPTY : slice_from(buf_slice(&s->out), s->out_at);
}

void session_sent(struct session *s, size_t n)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    assert(!s->building && n <= s->out.len - s->out_at);
    s->out_at += n;
    give_back(&s->out, &s->out_at);
    /* Moves at most as many bytes as were sent since the last move. */
    if (s->out_at > s->out.len / 2) {
        buf_drop(&s->out, s->out_at);
        s->out_at = 0;
    }
}

const char *session_peer_name(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->peer_name;
}

const struct cert *session_peer(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->peer != NULL ? &s->peer->cert : NULL;
}

struct slice session_peer_cert_raw(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->peer != NULL ? held_raw(s->peer) : SLICE_EMPTY;
}

struct boot session_peer_boot(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->peer_boot;
}

uint16_t session_peer_port(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->peer_port;
}

struct mesh_addr session_seen(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->seen;
}

enum record_suite session_suite(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->send.suite;
}

bool session_dialled(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->dialled;
}

bool session_began_anew(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return s->began_anew;
}
