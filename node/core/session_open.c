/* How a session begins: preambles, the handshake's messages, certificates, HELLO. */
#include "node/core/session_impl.h"

#include <stdlib.h>

#define LENGTH_BYTES 2 /* in front of each handshake message */

static int send_hello(struct session *s)
{
    struct msg_hello hello = {
        .features = s->features, .boot = s->cfg.boot, .version = s->cfg.version, .port = s->cfg.port, .you = s->cfg.you
    };

    mesh_params_digest(&hello.params, &s->cfg.self->mesh);
    s->mark = record_begin(&s->out);
    msg_put_hello(&s->out, &hello);
    return session_seal(s);
}

static void put_preamble(struct session *s, uint8_t pattern, uint32_t features)
{
    const struct preamble p = {
        .version = PROTOCOL_VERSION, .pattern = pattern, .features = features, .mesh = s->cfg.self->mesh.id
    };
    preamble_put(&s->out, &p);
}

/* Before there are keys; only the responder can, in place of its preamble. */
static void refuse_clear(struct session *s, int err)
{
    s->refusal = session_refusal_of(err);
    put_preamble(s, PREAMBLE_REFUSED, s->refusal);
    session_close_with(s, err);
}

/* ---- the handshake ---- */

/* |preamble|: the initiator's, whose bytes both sides have. */
static void start_noise(struct session *s, struct slice preamble, enum handshake_pattern pattern,
                        const uint8_t *remote_dh)
{
    const struct identity *self = s->cfg.self;

    handshake_init(s->hs, pattern, s->dialled ? HANDSHAKE_INITIATOR : HANDSHAKE_RESPONDER, self->dh_secret,
                   self->dh_key, remote_dh, preamble);
}

/* Do handshake messages of this step carry their sender's certificate? All but XX's first do. */
static bool step_certifies(const struct session *s, unsigned step)
{
    return s->hs->pattern == HANDSHAKE_IK || step > 0;
}

static int write_message(struct session *s)
{
    struct slice payload = SLICE_EMPTY;

    if (!s->dialled && s->hs->step == 1) /* its first */
        put_preamble(s, (uint8_t)s->hs->pattern, s->features);
    size_t mark = s->out.len;
    /* A responder that did not prove itself learns no more of us than it has to. */
    if (step_certifies(s, s->hs->step) && !(s->dialled && s->verdict != 0))
        payload = identity_cert(s->cfg.self);
    buf_add_u16(&s->out, 0);
    int err = handshake_write(s->hs, payload, &s->out);
    if (err != 0) {
        s->out.len = mark;
        return err;
    }
    be16_put(s->out.data + mark, (uint16_t)(s->out.len - mark - LENGTH_BYTES));
    return 0;
}

static bool unknown_authority(const struct session *s, const struct cert *c)
{
    const struct mesh_params *mesh = &s->cfg.self->mesh;

    for (size_t i = 0; i < mesh_trusted_n(mesh); i++) {
        if (memcmp(mesh_trusted(mesh)[i], c->authority, SIGN_KEY_BYTES) == 0)
            return false;
    }
    return memcmp(c->mesh.bytes, mesh->id.bytes, MESH_ID_BYTES) == 0;
}

int session_judge_cert(const struct session *s, int64_t wall_s, const struct cert *c, struct slice raw)
{
    const struct mesh_params *mesh = &s->cfg.self->mesh;
    int err = cert_check(c, raw, &mesh->id, mesh_trusted(mesh), mesh_trusted_n(mesh), wall_s);

    return err == 0 && s->cfg.judge != NULL ? s->cfg.judge(s->cfg.ctx, c) : err;
}

/* The certificate must be sound, of our mesh, of somebody else, and its X25519 key the
 * one that the handshake proves. */
static int check_peer(struct session *s, int64_t wall_s, struct slice raw)
{
    const struct identity *self = s->cfg.self;
    struct cert c;
    int err;

    if ((err = cert_parse(&c, raw)) != 0)
        return err;
    memcpy(s->peer_name, c.name, sizeof(s->peer_name));
    if (memcmp(c.dh_key, handshake_remote(s->hs), DH_KEY_BYTES) != 0)
        return MESH_E_SIGNATURE;
    if (node_id_eq(&c.id, &self->cert.id))
        return MESH_E_EXISTS;
    s->unproven = s->cfg.probation && unknown_authority(s, &c);
    err = s->unproven ? 0 : session_judge_cert(s, wall_s, &c, raw);
    if (err != 0)
        return err;
    held_drop(s->peer);
    s->peer = held_take(s->cfg.certs, &c, raw);
    return s->peer != NULL ? 0 : MESH_E_NOMEM;
}

/* Both sides' features are authenticated: the initiator's preamble is the handshake's prologue, and
 * whoever changes the responder's makes the two seal differently, so that nothing opens. */
static enum record_suite choose_suite(const struct session *s)
{
    return (s->features & s->peer_preamble.features & FEATURE_AES_256_GCM) != 0 ? RECORD_AES_256_GCM
                                                                                : RECORD_CHACHA20_POLY1305;
}

static void keys_up(struct session *s)
{
    uint8_t send[32], recv[32];

    handshake_split(s->hs, send, recv);
    int err = record_init(&s->send, choose_suite(s), send);
    if (err == 0)
        err = record_init(&s->recv, choose_suite(s), recv);
    explicit_bzero(send, sizeof(send));
    explicit_bzero(recv, sizeof(recv));
    handshake_wipe(s->hs);
    free(s->hs);
    s->hs = NULL;
    if (err != 0) {
        session_close_with(s, err);
        return;
    }
    s->phase = PHASE_HELLO;
    if (s->verdict != 0) {
        session_refuse_sealed(s, s->verdict);
        return;
    }
    /* A dialler that shows no certificate is about to refuse ours: let it speak. */
    err = s->peer != NULL ? send_hello(s) : 0;
    if (err != 0)
        session_close_with(s, err);
}

/* Writes what is ours to write now and, after the last message, takes the keys into use. */
static void go_on(struct session *s)
{
    if (handshake_my_turn(s->hs)) {
        int err = write_message(s);
        if (err != 0) {
            session_close_with(s, err);
            return;
        }
    }
    if (handshake_done(s->hs))
        keys_up(s);
}

void session_begin_dialling(struct session *s, const uint8_t *remote_dh)
{
    enum handshake_pattern pattern = remote_dh != NULL ? HANDSHAKE_IK : HANDSHAKE_XX;

    put_preamble(s, (uint8_t)pattern, s->features);
    if (!buf_ok(&s->out)) {
        session_close_with(s, MESH_E_NOMEM);
        return;
    }
    start_noise(s, slice_from(buf_slice(&s->out), s->out.len - PREAMBLE_BYTES), pattern, remote_dh);
    go_on(s);
}

/* ---- what arrives before the first frame: each returns true when it got on ---- */

/* The initiator's preamble, or why it will not do. */
static int judge_dialler(const struct session *s, int err, const struct preamble *pre)
{
    if (err != 0)
        return err;
    if (memcmp(pre->mesh.bytes, s->cfg.self->mesh.id.bytes, MESH_ID_BYTES) != 0)
        return MESH_E_WRONG_MESH;
    return pre->pattern == HANDSHAKE_XX || pre->pattern == HANDSHAKE_IK ? 0 : MESH_E_SYNTAX;
}

/* The responder's. A refusal is readable in any version. */
static int judge_answer(const struct session *s, int err, const struct preamble *pre)
{
    if (err == MESH_E_SYNTAX)
        return err;
    if (pre->pattern == PREAMBLE_REFUSED)
        return pre->features != 0 ? MESH_E_REFUSED : MESH_E_SYNTAX;
    if (err != 0)
        return err;
    if (memcmp(pre->mesh.bytes, s->cfg.self->mesh.id.bytes, MESH_ID_BYTES) != 0)
        return MESH_E_WRONG_MESH;
    if (pre->pattern == PREAMBLE_AGAIN) /* after XX there is nothing to begin anew with */
        return s->hs->pattern == HANDSHAKE_IK && pre->features == AGAIN_XX ? 0 : MESH_E_SYNTAX;
    return pre->pattern == s->hs->pattern ? 0 : MESH_E_SYNTAX;
}

static bool recv_preamble(struct session *s)
{
    struct slice raw = slice_of(in_data(s), in_left(s));
    int err = preamble_get(raw, &s->peer_preamble);
    bool named;

    if (err == MESH_E_SHORT)
        return false;
    err = (s->dialled ? judge_answer : judge_dialler)(s, err, &s->peer_preamble);
    named = err == MESH_E_VERSION || err == MESH_E_WRONG_MESH;
    if (err == MESH_E_REFUSED) {
        session_refused(s, s->peer_preamble.features);
    } else if (named && !s->dialled) {
        refuse_clear(s, err);
    } else if (err != 0) {
        s->refusal = named ? session_refusal_of(err) : 0;
        session_close_with(s, err);
    } else if (s->dialled && s->peer_preamble.pattern == PREAMBLE_AGAIN) {
        s->in_at += PREAMBLE_BYTES;
        s->began_anew = true;
        session_begin_dialling(s, NULL);
    } else {
        if (!s->dialled)
            start_noise(s, slice_head(raw, PREAMBLE_BYTES), (enum handshake_pattern)s->peer_preamble.pattern, NULL);
        s->in_at += PREAMBLE_BYTES;
        s->phase = PHASE_NOISE;
    }
    return true;
}

static bool recv_noise(struct session *s, int64_t wall_s)
{
    struct buf payload = BUF_EMPTY;

    if (in_left(s) < LENGTH_BYTES)
        return false;
    size_t len = be16_get(in_data(s));
    if (len > HANDSHAKE_MESSAGE_MAX) {
        session_close_with(s, MESH_E_RANGE);
        return true;
    }
    if (in_left(s) < LENGTH_BYTES + len)
        return false;
    bool certifies = step_certifies(s, s->hs->step), first = s->hs->step == 0;
    bool pinned = first && s->hs->pattern == HANDSHAKE_IK;
    int err = handshake_read(s->hs, slice_of(in_data(s) + LENGTH_BYTES, len), &payload);
    s->in_at += LENGTH_BYTES + len;
    if (err == MESH_E_SEAL && pinned && !s->dialled && !s->began_anew) {
        put_preamble(s, PREAMBLE_AGAIN, AGAIN_XX); /* the initiator pinned another key */
        s->began_anew = true;
        s->phase = PHASE_PREAMBLE;
    } else if (err == MESH_E_SEAL && first && !s->dialled) {
        s->refusal = REFUSE_CERTIFICATE;
        put_preamble(s, PREAMBLE_REFUSED, s->refusal);
        session_close_with(s, err);
    } else if (err != 0) {
        session_close_with(s, err == MESH_E_SHORT ? MESH_E_SYNTAX : err);
    } else {
        bool silent = payload.len == 0 && handshake_done(s->hs) && !s->dialled;
        if (certifies && !silent)
            s->verdict = check_peer(s, wall_s, buf_slice(&payload));
        go_on(s);
    }
    buf_free(&payload);
    return true;
}

static void take_hello(struct session *s, const struct msg_frame *frame)
{
    struct msg_hello hello;
    struct digest ours;
    struct wire w = { 0 };

    if (s->peer == NULL) {
        session_refuse_sealed(s, MESH_E_MISSING);
        return;
    }
    int err = msg_get_hello(&w, frame->body, &hello);
    if (err != 0) {
        session_close_with(s, err == MESH_E_SHORT ? MESH_E_SYNTAX : err);
        goto out;
    }
    if (hello.features != s->peer_preamble.features) {
        session_close_with(s, MESH_E_STATE); /* somebody changed what was said in clear */
        goto out;
    }
    mesh_params_digest(&ours, &s->cfg.self->mesh);
    if (!digest_eq(&ours, &hello.params)) {
        session_refuse_sealed(s, MESH_E_PARAMS);
        goto out;
    }
    s->peer_boot = hello.boot;
    s->peer_port = hello.port;
    s->seen = hello.you;
    s->phase = PHASE_FRAMES;
out:
    wire_close(&w);
}

static bool recv_hello(struct session *s)
{
    struct msg_frame frame;

    if (!session_next_record(s, &frame))
        return false;
    switch (frame.type) {
    case MSG_HELLO: take_hello(s, &frame); break;
    case MSG_REFUSE: session_take_refuse(s, &frame); break;
    default: session_close_with(s, MESH_E_STATE); break;
    }
    return true;
}

bool session_advance(struct session *s, int64_t wall_s)
{
    if (in_left(s) == 0)
        return false;
    switch (s->phase) {
    case PHASE_PREAMBLE: return recv_preamble(s);
    case PHASE_NOISE: return recv_noise(s, wall_s);
    case PHASE_HELLO: return recv_hello(s);
    case PHASE_FRAMES:
    case PHASE_CLOSED: break;
    }
    return false;
}
