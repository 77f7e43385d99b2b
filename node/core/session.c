#include "node/core/session.h"

#include "proto/base/err.h"
#include "proto/base/obj.h"
#include "proto/handshake.h"

#include <stdlib.h>

#define SESSION_MAGIC UINT32_C(0x73657373)
#define LENGTH_BYTES  2 /* in front of each handshake message */
#define SEALED_MAX    (RECORD_HEAD_BYTES + RECORD_PLAIN_MAX + RECORD_TAG_BYTES)
#define IDLE_BYTES    (16 * 1024) /* an empty buffer larger than this is given back */

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
    struct handshake hs;
    int verdict; /* on the peer's certificate; 0 = sound, or not seen yet */
    struct record_half send, recv;

    struct buf in, out;
    size_t in_at, out_at; /* consumed and sent prefixes */
    size_t mark;          /* the record being built in |out| */

    char peer_name[CERT_NAME_MAX + 1]; /* as it says */
    bool peer_known, unproven;
    struct cert peer;
    uint8_t peer_raw[CERT_BYTES_MAX];
    size_t peer_raw_len;
    struct boot peer_boot;
    uint16_t peer_port;
    struct mesh_addr seen; /* we, by the peer */
};

/* ---- the two buffers ---- */

static size_t in_left(const struct session *s)
{
    return s->in.len - s->in_at;
}

static const uint8_t *in_data(const struct session *s)
{
    return s->in.data + s->in_at;
}

/* Idle sessions are many: they hold no large buffers. */
static void give_back(struct buf *b, size_t *at)
{
    if (b->len != *at)
        return;
    b->len = *at = 0;
    if (b->cap > IDLE_BYTES)
        buf_free(b);
}

static void close_with(struct session *s, int err)
{
    assert(err != 0 && s->phase != PHASE_CLOSED);
    s->phase = PHASE_CLOSED;
    s->err = err;
    buf_free(&s->in);
    s->in_at = 0;
    handshake_wipe(&s->hs);
    record_wipe(&s->send);
    record_wipe(&s->recv);
}

/* ---- session frames of our own ---- */

static int seal(struct session *s)
{
    size_t at = s->mark + RECORD_HEAD_BYTES;

    if (s->cfg.outgoing != NULL && buf_ok(&s->out) && s->out.len > at)
        s->cfg.outgoing(s->cfg.ctx, s->out.data + at, s->out.len - at);
    return record_finish(&s->send, &s->out, s->mark);
}

static int send_hello(struct session *s)
{
    struct msg_hello hello = {
        .features = s->features, .boot = s->cfg.boot, .version = s->cfg.version, .port = s->cfg.port, .you = s->cfg.you
    };

    mesh_params_digest(&hello.params, &s->cfg.self->mesh);
    s->mark = record_begin(&s->out);
    msg_put_hello(&s->out, &hello);
    return seal(s);
}

/* ---- refusing by name ---- */

static unsigned refusal_of(int err)
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
    s->refusal = refusal_of(err);
    put_preamble(s, PREAMBLE_REFUSED, s->refusal);
    close_with(s, err);
}

static void refuse_sealed(struct session *s, int err)
{
    s->refusal = refusal_of(err);
    s->mark = record_begin(&s->out);
    msg_put_refuse(&s->out, s->refusal);
    seal(s); /* short of memory: then the peer sees only the end */
    close_with(s, err);
}

static void refused(struct session *s, unsigned reason)
{
    s->refusal = reason;
    close_with(s, MESH_E_REFUSED);
}

/* ---- the handshake ---- */

/* |preamble|: the initiator's, whose bytes both sides have. */
static void start_noise(struct session *s, struct slice preamble, enum handshake_pattern pattern,
                        const uint8_t *remote_dh)
{
    const struct identity *self = s->cfg.self;

    handshake_init(&s->hs, pattern, s->dialled ? HANDSHAKE_INITIATOR : HANDSHAKE_RESPONDER, self->dh_secret,
                   self->dh_key, remote_dh, preamble);
}

/* Do handshake messages of this step carry their sender's certificate? All but XX's first do. */
static bool step_certifies(const struct session *s, unsigned step)
{
    return s->hs.pattern == HANDSHAKE_IK || step > 0;
}

static int write_message(struct session *s)
{
    struct slice payload = SLICE_EMPTY;

    if (!s->dialled && s->hs.step == 1) /* its first */
        put_preamble(s, (uint8_t)s->hs.pattern, s->features);
    size_t mark = s->out.len;
    /* A responder that did not prove itself learns no more of us than it has to. */
    if (step_certifies(s, s->hs.step) && !(s->dialled && s->verdict != 0))
        payload = identity_cert(s->cfg.self);
    buf_add_u16(&s->out, 0);
    int err = handshake_write(&s->hs, payload, &s->out);
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

static int judge_cert(const struct session *s, int64_t wall_s, const struct cert *c, struct slice raw)
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
    if (memcmp(c.dh_key, handshake_remote(&s->hs), DH_KEY_BYTES) != 0)
        return MESH_E_SIGNATURE;
    if (node_id_eq(&c.id, &self->cert.id))
        return MESH_E_EXISTS;
    s->unproven = s->cfg.probation && unknown_authority(s, &c);
    err = s->unproven ? 0 : judge_cert(s, wall_s, &c, raw);
    if (err != 0)
        return err;
    s->peer = c;
    assert(raw.len <= sizeof(s->peer_raw)); /* cert_parse bounds it */
    memcpy(s->peer_raw, raw.data, raw.len);
    s->peer_raw_len = raw.len;
    s->peer_known = true;
    return 0;
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

    handshake_split(&s->hs, send, recv);
    int err = record_init(&s->send, choose_suite(s), send);
    if (err == 0)
        err = record_init(&s->recv, choose_suite(s), recv);
    explicit_bzero(send, sizeof(send));
    explicit_bzero(recv, sizeof(recv));
    handshake_wipe(&s->hs);
    if (err != 0) {
        close_with(s, err);
        return;
    }
    s->phase = PHASE_HELLO;
    if (s->verdict != 0) {
        refuse_sealed(s, s->verdict);
        return;
    }
    /* A dialler that shows no certificate is about to refuse ours: let it speak. */
    err = s->peer_known ? send_hello(s) : 0;
    if (err != 0)
        close_with(s, err);
}

/* Writes what is ours to write now and, after the last message, takes the keys into use. */
static void go_on(struct session *s)
{
    if (handshake_my_turn(&s->hs)) {
        int err = write_message(s);
        if (err != 0) {
            close_with(s, err);
            return;
        }
    }
    if (handshake_done(&s->hs))
        keys_up(s);
}

/* Our preamble and the first message. */
static void begin_dialling(struct session *s, const uint8_t *remote_dh)
{
    enum handshake_pattern pattern = remote_dh != NULL ? HANDSHAKE_IK : HANDSHAKE_XX;

    put_preamble(s, (uint8_t)pattern, s->features);
    if (!buf_ok(&s->out)) {
        close_with(s, MESH_E_NOMEM);
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
        return s->hs.pattern == HANDSHAKE_IK && pre->features == AGAIN_XX ? 0 : MESH_E_SYNTAX;
    return pre->pattern == s->hs.pattern ? 0 : MESH_E_SYNTAX;
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
        refused(s, s->peer_preamble.features);
    } else if (named && !s->dialled) {
        refuse_clear(s, err);
    } else if (err != 0) {
        s->refusal = named ? refusal_of(err) : 0;
        close_with(s, err);
    } else if (s->dialled && s->peer_preamble.pattern == PREAMBLE_AGAIN) {
        s->in_at += PREAMBLE_BYTES;
        s->began_anew = true;
        begin_dialling(s, NULL);
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
        close_with(s, MESH_E_RANGE);
        return true;
    }
    if (in_left(s) < LENGTH_BYTES + len)
        return false;
    bool certifies = step_certifies(s, s->hs.step), first = s->hs.step == 0;
    bool pinned = first && s->hs.pattern == HANDSHAKE_IK;
    int err = handshake_read(&s->hs, slice_of(in_data(s) + LENGTH_BYTES, len), &payload);
    s->in_at += LENGTH_BYTES + len;
    if (err == MESH_E_SEAL && pinned && !s->dialled && !s->began_anew) {
        put_preamble(s, PREAMBLE_AGAIN, AGAIN_XX); /* the initiator pinned another key */
        s->began_anew = true;
        s->phase = PHASE_PREAMBLE;
    } else if (err == MESH_E_SEAL && first && !s->dialled) {
        s->refusal = REFUSE_CERTIFICATE;
        put_preamble(s, PREAMBLE_REFUSED, s->refusal);
        close_with(s, err);
    } else if (err != 0) {
        close_with(s, err == MESH_E_SHORT ? MESH_E_SYNTAX : err);
    } else {
        bool silent = payload.len == 0 && handshake_done(&s->hs) && !s->dialled;
        if (certifies && !silent)
            s->verdict = check_peer(s, wall_s, buf_slice(&payload));
        go_on(s);
    }
    buf_free(&payload);
    return true;
}

/* Opens the next record into |frame|. False: none whole, or CLOSED now. */
static bool next_record(struct session *s, struct msg_frame *frame)
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
        close_with(s, err);
    return err == 0;
}

static void take_refuse(struct session *s, const struct msg_frame *frame)
{
    unsigned reason;

    if (msg_get_refuse(frame->body, &reason) != 0)
        close_with(s, MESH_E_SYNTAX);
    else
        refused(s, reason);
}

static void take_hello(struct session *s, const struct msg_frame *frame)
{
    struct msg_hello hello;
    struct digest ours;
    struct wire w = { 0 };

    if (!s->peer_known) {
        refuse_sealed(s, MESH_E_MISSING);
        return;
    }
    int err = msg_get_hello(&w, frame->body, &hello);
    if (err != 0) {
        close_with(s, err == MESH_E_SHORT ? MESH_E_SYNTAX : err);
        goto out;
    }
    if (hello.features != s->peer_preamble.features) {
        close_with(s, MESH_E_STATE); /* somebody changed what was said in clear */
        goto out;
    }
    mesh_params_digest(&ours, &s->cfg.self->mesh);
    if (!digest_eq(&ours, &hello.params)) {
        refuse_sealed(s, MESH_E_PARAMS);
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

    if (!next_record(s, &frame))
        return false;
    switch (frame.type) {
    case MSG_HELLO: take_hello(s, &frame); break;
    case MSG_REFUSE: take_refuse(s, &frame); break;
    default: close_with(s, MESH_E_STATE); break;
    }
    return true;
}

static bool advance(struct session *s, int64_t wall_s)
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

/* ---- the caller's side ---- */

static struct session *session_new(const struct session_config *cfg, bool dialled)
{
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
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
    begin_dialling(s, remote_dh);
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
        close_with(s, MESH_E_CLOSED);
    buf_free(&s->out);
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
        close_with(s, MESH_E_NOMEM);
    while (advance(s, wall_s))
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
    if (!next_record(s, frame)) {
        if (s->phase != PHASE_CLOSED)
            give_back(&s->in, &s->in_at);
        return false;
    }
    if (frame->type == MSG_REFUSE)
        take_refuse(s, frame);
    else if (frame->type == MSG_HELLO)
        close_with(s, MESH_E_STATE);
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
    int err = seal(s);
    assert(err == 0 || err == MESH_E_NOMEM); /* a frame that fits no record is our own bug */
    if (err != 0)
        close_with(s, err);
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
    assert(s->peer_known);
    int err = judge_cert(s, wall_s, &s->peer, session_peer_cert_raw(s));
    s->unproven = s->unproven && err != 0;
    return err;
}

void session_refuse(struct session *s, int err)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    assert(s->phase == PHASE_FRAMES && !s->building && err != 0);
    refuse_sealed(s, err);
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
    return s->peer_known ? &s->peer : NULL;
}

struct slice session_peer_cert_raw(const struct session *s)
{
    OBJ_CHECK(s, SESSION_MAGIC);
    return slice_of(s->peer_raw, s->peer_raw_len);
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
