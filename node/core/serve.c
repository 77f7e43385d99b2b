/* A peer asks us: answered at once, then streamed from the object as it grows, within
 * the credit given and the link's backlog. */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/second.h"
#include "node/core/spread.h"
#include "node/core/tier.h"
#include "node/core/warm.h"

static void slip_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct serve *s = OBJ_OF(t, struct serve, slip_timer);

    (void)now;
    if (s->reader.object != NULL) {
        object_slip(s->reader.object);
        engine_changed(e, s->reader.object);
    }
}

static void answer(struct engine *e, struct link *l, uint32_t stream, uint8_t status, uint8_t reason)
{
    struct msg_answer m = { .status = status, .reason = reason, .epoch = ring_epoch(mesh_ring(e->mesh)) };

    if (status == ANSWER_NOT_OWNER)
        e->counters.asks_not_owner++;
    if (status == ANSWER_BUSY)
        m.load = health_load(e, l);
    msg_put_answer(session_begin(l->session), stream, &m);
    link_commit(e, l);
}

static void say_abort(struct engine *e, struct link *l, uint32_t stream, unsigned reason, unsigned status)
{
    msg_put_abort(session_begin(l->session), stream, reason, status);
    link_commit(e, l);
}

static struct serve *serve_find(const struct link *l, uint32_t stream)
{
    LIST_EACH (at, &l->serves) {
        struct serve *s = OBJ_OF(at, struct serve, link);
        if (s->stream == stream)
            return s;
    }
    return NULL;
}

static struct serve *serve_new(struct engine *e, mesh_ns now, struct link *l, uint32_t stream, const struct msg_ask *m)
{
    struct serve *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->magic = SERVE_MAGIC;
    s->l = l;
    s->stream = stream;
    s->credit = m->credit;
    s->have = m->have;
    s->far = shield_far(e, l);
    s->slip_timer.fire = slip_fire;
    list_init(&s->hold);
    reader_init(&s->reader, true);
    s->reader.along = (m->flags & ASK_ALONG) != 0;
    list_push_back(&l->serves, &s->link);
    l->serves_n++;
    e->serves_n += !s->reader.along; /* for which no end of ours waits */
    link_watch(e, now, l);
    return s;
}

void serve_end(struct engine *e, mesh_ns now, struct serve *s)
{
    struct object *o = s->reader.object;

    OBJ_CHECK(s, SERVE_MAGIC);
    timer_stop(e, &s->slip_timer);
    timer_stop(e, &s->late);
    purge_unhold(e, s);
    list_remove(&s->reader.ready_link);
    list_remove(&s->reader.wait_link);
    list_remove(&s->link);
    s->l->serves_n--;
    e->serves_n -= !s->reader.along;
    if (o != NULL) {
        object_ref(o);
        reader_detach(&s->reader);
        flight_readers_moved(e, now, o);
        object_unref(o);
    }
    forward_unref(s->reader.forward);
    s->magic = 0;
    free(s);
}

void serve_abort(struct engine *e, mesh_ns now, struct serve *s, unsigned reason, unsigned status)
{
    if (link_is_open(s->l))
        say_abort(e, s->l, s->stream, reason, status);
    serve_end(e, now, s);
}

/* ---- being asked ---- */

/* What a peer names must be of our configuration, and in our normal form: its bytes go to the origin. */
bool serve_sound(struct engine *e, const struct msg_ask *m, struct digest *primary)
{
    struct buf normal = BUF_EMPTY;
    struct digest key;
    bool ok = slice_eq(m->distribution, e->cfg.distribution.name) && m->config == e->distribution &&
              key_path(&normal, m->path) == 0 && slice_eq(buf_slice(&normal), m->path);

    buf_clear(&normal);
    ok = ok && key_host(&normal, m->host) == 0 && slice_eq(buf_slice(&normal), m->host);
    buf_free(&normal);
    if (!ok)
        return false;
    key_hash(primary, &e->cfg.mesh.self->mesh, &e->cfg.distribution, SLICE_EMPTY, m->path);
    if ((m->flags & ASK_LEAF) == 0)
        return digest_eq(primary, &m->key);
    key_leaf(&key, primary, m->first_leaf);
    return m->first_leaf < LEAF_COUNT_MAX && digest_eq(&key, &m->key);
}

int serve_forward(struct forward **out, struct slice raw)
{
    if (raw.len > 0)
        return forward_read(out, raw);
    *out = forward_of(NULL, FORWARD_SHARED, NULL);
    return *out != NULL ? 0 : MESH_E_NOMEM;
}

static struct aim aim_of(const struct serve *s, const struct msg_ask *m)
{
    return (struct aim){ .key = m->key,
                         .leaf = (m->flags & ASK_LEAF) != 0,
                         .index = m->first_leaf,
                         .run = m->run,
                         .primary = s->primary,
                         .outdated = (m->flags & ASK_OTHER) != 0 ? m->generation : 0,
                         .host = m->host,
                         .path = m->path,
                         .request_id = m->request_id,
                         .forward = s->reader.forward };
}

static void join(struct engine *e, struct serve *s, struct flight *f)
{
    answer(e, s->l, s->stream, ANSWER_FILLING, 0);
    flight_join(f, &s->reader);
    e->counters.collapsed += s->reader.joined;
}

/* Begins (or joins) the one fetch for this key that we make as an owner. False: no memory. */
static bool fetch_as_owner(struct engine *e, mesh_ns now, struct serve *s, const struct msg_ask *m)
{
    struct aim aim = aim_of(s, m);
    const struct object *stale = cache_stale(e->cache, now, &m->key, reader_fields(&s->reader));
    bool solo = stale != NULL && stale->lifetime == 0;
    struct flight *f = solo ? NULL : flight_find(e, &m->key, reader_fields(&s->reader), shield_need(&s->reader));

    if (f != NULL) {
        join(e, s, f);
        if (m->rank > 0)
            flight_passed_over(e, now, f);
        return true;
    }
    if ((f = flight_toward(e, now, true, &aim)) == NULL)
        return false;
    answer(e, s->l, s->stream, tier_has(e, &m->key) ? ANSWER_FILLING : ANSWER_LEASED, 0);
    flight_join(f, &s->reader);
    f->passed_over = m->rank > 0;
    flight_go(e, now, f);
    return true;
}

static void read_from_here(struct engine *e, struct serve *s, struct object *o)
{
    object_batch_anew(o);
    answer(e, s->l, s->stream, o->state == OBJECT_COMPLETE ? ANSWER_HAVE : ANSWER_FILLING, 0);
    reader_attach(&s->reader, o);
    engine_ready_reader(e, &s->reader);
}

/* A copy past its time, for a peer that has none itself. */
static bool read_stale(struct engine *e, mesh_ns now, struct serve *s, const struct msg_ask *m)
{
    struct object *o = cache_stale(e->cache, now, &m->key, reader_fields(&s->reader));
    struct aim aim = aim_of(s, m);
    bool refresh;

    if (o == NULL || !stale_served(o, now, &refresh) || (refresh && (m->flags & ASK_MUST_FRESH) != 0))
        return false;
    read_from_here(e, s, o);
    if (refresh)
        stale_refresh(e, now, true, &aim);
    return true;
}

/* For who wants nothing but what is here: it may be on the disk. False: it is not. */
static bool read_from_disk(struct engine *e, mesh_ns now, struct serve *s, const struct msg_ask *m)
{
    struct aim aim = aim_of(s, m);
    struct flight *f = NULL;

    if ((m->flags & ASK_NO_ORIGIN) == 0 || !tier_has(e, &m->key) ||
        flight_find(e, &m->key, reader_fields(&s->reader), FLIGHT_AT_ORIGIN) != NULL ||
        (f = flight_new(e, now, FLIGHT_OWNER, &aim)) == NULL)
        return false;
    f->kept_only = f->solo = true;
    answer(e, s->l, s->stream, ANSWER_FILLING, 0);
    flight_join(f, &s->reader);
    flight_go(e, now, f);
    return true;
}

/* A fresh copy is here. */
static void answer_at_once(struct engine *e, mesh_ns now, struct serve *s, const struct msg_ask *m, struct object *o)
{
    struct msg_answer elsewhere = { .status = ANSWER_BUSY, .has_other = true };
    struct aim aim = aim_of(s, m);

    warm_answered(e, now, o, &aim, NULL, &s->l->peer);
    if (!spread_elsewhere(e, now, s->l, m, o, &elsewhere.other)) {
        spread_answered(e, now);
        read_from_here(e, s, o);
        return;
    }
    msg_put_answer(session_begin(s->l->session), s->stream, &elsewhere);
    link_commit(e, s->l);
    serve_end(e, now, s);
}

static void take_ask(struct engine *e, mesh_ns now, struct link *l, uint32_t stream, const struct msg_ask *m)
{
    const struct ring *ring = mesh_ring(e->mesh);
    struct digest primary, place;
    struct object *o;
    struct serve *s;

    if (!serve_sound(e, m, &primary)) {
        answer(e, l, stream, ANSWER_NOT_OWNER, NOT_OWNER_CONFIG);
        return;
    }
    if (m->generation != 0 && (m->flags & ASK_OTHER) == 0) { /* from the beginning only, for now */
        answer(e, l, stream, ANSWER_GONE, 0);
        return;
    }
    if (l->serves_n >= SERVES_PER_LINK_MAX || (s = serve_new(e, now, l, stream, m)) == NULL) {
        answer(e, l, stream, ANSWER_BUSY, 0);
        return;
    }
    s->primary = primary;
    int err = serve_forward(&s->reader.forward, m->fields);
    if (err != 0) {
        answer(e, l, stream, err == MESH_E_NOMEM ? ANSWER_BUSY : ANSWER_NOT_OWNER,
               err == MESH_E_NOMEM ? 0 : NOT_OWNER_CONFIG);
        serve_end(e, now, s);
        return;
    }
    purges_settle(e, now, &m->key, m->path);
    if ((m->flags & ASK_LEAF) != 0)
        purges_settle(e, now, &primary, m->path);
    o = cache_get(e->cache, now, &m->key, reader_fields(&s->reader));
    if (o != NULL && (m->flags & ASK_OTHER) != 0 && o->head->generation == m->generation) {
        cache_remove(e->cache, o);
        o = NULL;
    }
    if (o == NULL && m->have > 0)
        o = window_find(e, &m->key, reader_fields(&s->reader), m->have);
    if (o != NULL) {
        answer_at_once(e, now, s, m, o);
        return;
    }
    spread_answered(e, now);
    if (cache_marked(e->cache, now, &primary)) {
        serve_abort(e, now, s, ABORT_UNCACHEABLE, 0);
        return;
    }
    if ((m->flags & ASK_LEAF) != 0 && parts_unwanted(e, now, &primary, reader_fields(&s->reader))) {
        serve_abort(e, now, s, ABORT_WHOLE, 0);
        return;
    }
    if (read_stale(e, now, s, m) || read_from_disk(e, now, s, m))
        return;
    key_stripe(&place, &primary, (m->flags & ASK_LEAF) != 0 ? m->first_leaf : 0);
    if (ring_size(ring) == 0 || ring_rank(ring, ring_arc(ring, &place), &e->cfg.mesh.self->cert.id) < 0) {
        answer(e, l, stream, ANSWER_NOT_OWNER, NOT_OWNER_RING);
        serve_end(e, now, s);
        return;
    }
    deadline_watch(e, now, s, m->deadline_ms);
    struct flight *f = NULL;
    if ((m->flags & ASK_NO_ORIGIN) != 0 &&
        (f = flight_find(e, &m->key, reader_fields(&s->reader), FLIGHT_AT_ORIGIN)) == NULL) {
        answer(e, l, stream, ANSWER_NONE, 0);
        serve_end(e, now, s);
        return;
    }
    if (f != NULL) {
        join(e, s, f);
    } else if (!fetch_as_owner(e, now, s, m)) {
        answer(e, l, stream, ANSWER_BUSY, 0);
        serve_end(e, now, s);
    }
}

/* The asker has purges that we may not have. */
static void hold(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame, const struct msg_ask *m)
{
    struct serve *s = l->serves_n < SERVES_PER_LINK_MAX ? serve_new(e, now, l, frame->stream, m) : NULL;

    if (s != NULL && purge_hold(e, now, s, frame->body))
        return;
    answer(e, l, frame->stream, ANSWER_BUSY, 0);
    if (s != NULL)
        serve_end(e, now, s);
}

void serve_ask(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame)
{
    struct wire w = { 0 };
    struct msg_ask m;

    if (msg_get_ask(&w, frame->body, &m) != 0 || serve_find(l, frame->stream) != NULL) {
        wire_close(&w);
        e->counters.sessions_broken++;
        link_close(e, now, l);
        return;
    }
    e->counters.asks_in++;
    spread_heard(l, now, m.load);
    if (purge_may_answer(e, now, l, m.frontier))
        take_ask(e, now, l, frame->stream, &m);
    else
        hold(e, now, l, frame, &m);
    wire_close(&w);
}

void serve_held(struct engine *e, mesh_ns now, struct serve *s, bool busy)
{
    struct link *l = s->l;
    uint32_t stream = s->stream;
    struct buf body = BUF_EMPTY;
    struct wire w = { 0 };
    struct msg_ask m;

    buf_add_slice(&body, buf_slice(&s->held));
    serve_end(e, now, s);
    if (busy || !link_is_open(l) || !buf_ok(&body) || msg_get_ask(&w, buf_slice(&body), &m) != 0) {
        if (link_is_open(l))
            answer(e, l, stream, ANSWER_BUSY, 0);
    } else {
        take_ask(e, now, l, stream, &m);
    }
    wire_close(&w);
    buf_free(&body);
}

void serve_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame)
{
    struct serve *s = serve_find(l, frame->stream);
    uint32_t leaves;

    if (s == NULL) /* it ended meanwhile */
        return;
    if (frame->type == MSG_CANCEL) {
        serve_end(e, now, s);
        return;
    }
    if (msg_get_credit(frame->body, &leaves) != 0)
        return;
    s->credit = leaves > UINT32_MAX - s->credit ? UINT32_MAX : s->credit + leaves;
    engine_ready_reader(e, &s->reader);
}

void serve_attached(struct serve *s, const struct flight *f)
{
    shield_tell(s, f);
    s->next_leaf = s->slip_sent = s->announced = 0;
}

/* ---- streaming ---- */

/* False: not yet, or |s| is gone. */
static bool send_head(struct engine *e, mesh_ns now, struct serve *s)
{
    struct object *o = s->reader.object;
    struct msg_head m = { .uncacheable = o->uncacheable };
    mesh_ns age = now > o->born ? now - o->born : 0;

    m.age_ms = (uint64_t)(age / MS(1));
    if (object_sign_one(o) && o->state == OBJECT_COMPLETE) {
        m.form = HEAD_ONE;
        memcpy(m.sig, o->one_sig, SIGNATURE_BYTES);
        m.has_length = true;
        m.length = o->length;
        if (o->leaves_n > 0)
            m.leaf = object_hashes(o)[0];
        else
            leaf_hash(&m.leaf, SLICE_EMPTY);
        s->announced = o->leaves_n;
        s->final_sent = true;
        s->have = 0;
    } else if (object_sign_head(o)) {
        m.form = HEAD_ALONE;
        memcpy(m.sig, o->more->proof->head_sig, SIGNATURE_BYTES);
        m.has_length = o->has_length;
        m.length = o->length;
    } else if (o->is_ours) { /* there was no memory to sign it */
        serve_abort(e, now, s, ABORT_INTERNAL, 0);
        return false;
    } else {
        return false; /* a copy of one leaf whose bytes are still on their way to us */
    }
    buf_clear(&e->scratch);
    if (object_head_wire(o, &e->scratch) != 0) {
        serve_abort(e, now, s, ABORT_INTERNAL, 0);
        return false;
    }
    m.head = buf_slice(&e->scratch);
    m.parent = slice_str(s->parent_name);
    m.parent_hit = s->parent_hit;
    m.signer = o->is_ours ? o->by.self->cert.id : o->by.signer->cert.id;
    if (!o->is_ours)
        m.signer_cert = slice_of(o->by.signer->cert_raw, o->by.signer->cert_len);
    msg_put_head(session_begin(s->l->session), s->stream, &m);
    link_commit(e, s->l);
    s->head_sent = true;
    return true;
}

/* Announces the leaves of the next batch. False: there is none yet. */
static bool send_batch(struct engine *e, struct serve *s)
{
    struct object *o = s->reader.object;
    const struct leaf_batch *b = object_batch(o, s->announced);

    if (b == NULL || b->first != s->announced)
        return false;
    msg_put_batch(session_begin(s->l->session), s->stream, b, b->count > 0 ? &object_hashes(o)[b->first] : NULL);
    link_commit(e, s->l);
    s->announced += b->count;
    s->final_sent = b->final;
    return true;
}

/* What slips brought of a leaf is not sent again: the rest of it goes as one more, unless the
 * whole leaf, packed, is shorter. Only the signer can do so. */
static void send_last_slip(struct engine *e, struct serve *s)
{
    struct object *o = s->reader.object;
    const struct object_leaf *l = object_leaf(o, s->next_leaf);
    struct msg_slip m = { .index = s->next_leaf, .offset = s->slip_sent };
    struct leaf_claim claim;

    if (!o->is_ours || s->slip_sent == 0 || s->slip_sent == l->raw_len)
        return;
    m.bytes = slice_of(l->raw + s->slip_sent, l->raw_len - s->slip_sent);
    if (object_packed(o, s->next_leaf, e->zpack) && l->packed_len <= m.bytes.len)
        return;
    object_claim(o, &claim);
    leaf_sign_slip(m.sig, o->by.self, &claim, m.index, m.offset, m.bytes);
    msg_put_slip(session_begin(s->l->session), s->stream, &m);
    link_commit(e, s->l);
    s->slip_sent = l->raw_len;
    e->counters.bytes_peer_out_wire += m.bytes.len;
}

static void send_leaf(struct engine *e, struct serve *s)
{
    struct object *o = s->reader.object;
    uint32_t i = s->next_leaf;
    struct msg_leaf m = { .index = i, .raw_len = object_leaf(o, i)->raw_len };

    send_last_slip(e, s);
    if (!link_is_open(s->l)) /* no memory for it */
        return;
    if (s->slip_sent == m.raw_len) {
        m.encoding = LEAF_JOINED;
    } else if (object_packed(o, i, e->zpack)) {
        m.encoding = LEAF_ZSTD;
        m.bytes = slice_of(object_leaf(o, i)->packed, object_leaf(o, i)->packed_len);
    } else {
        m.encoding = LEAF_RAW;
        m.bytes = slice_of(object_leaf(o, i)->raw, m.raw_len);
    }
    msg_put_leaf(session_begin(s->l->session), s->stream, &m);
    link_commit(e, s->l);
    e->counters.bytes_peer_out += m.raw_len;
    e->counters.bytes_peer_out_wire += m.bytes.len;
    s->credit--;
    s->next_leaf++;
    s->slip_sent = 0;
    s->reader.at = (uint64_t)s->next_leaf * LEAF_BYTES;
}

/* Leaves that the asker has are announced as others are, which says whether they are the same, and not sent. */
static void pass_over(struct engine *e, struct serve *s)
{
    struct object *o = s->reader.object;

    while (s->next_leaf < s->have && s->next_leaf < o->leaves_n && link_is_open(s->l) &&
           link_backlog(s->l) <= LINK_BACKLOG_HIGH) {
        if (s->next_leaf >= s->announced && !send_batch(e, s))
            return;
        uint32_t end = s->have < o->leaves_n ? s->have : o->leaves_n;
        s->next_leaf = s->announced < end ? s->announced : end;
        s->reader.at = (uint64_t)s->next_leaf * LEAF_BYTES;
    }
}

static void send_slips(struct engine *e, struct serve *s)
{
    struct object *o = s->reader.object;
    const struct object_fill *open = o->fill;

    /* A leaf's slips go on that leaf's credit. */
    if (open == NULL || s->credit == 0 || s->next_leaf < s->have)
        return;
    for (uint32_t i = 0; i < open->slips_n; i++) {
        const struct object_slip *slip = &open->slips[i];
        if (slip->offset != s->slip_sent)
            continue;
        struct msg_slip m = { .index = o->leaves_n, .offset = slip->offset };
        memcpy(m.sig, slip->sig, SIGNATURE_BYTES);
        m.bytes = slice_of(open->tail + slip->offset, slip->len);
        msg_put_slip(session_begin(s->l->session), s->stream, &m);
        link_commit(e, s->l);
        s->slip_sent += slip->len;
        e->counters.bytes_peer_out_wire += slip->len;
    }
    if (o->is_ours && open->tail_len > open->slipped && !s->slip_timer.node.queued)
        timer_set(e, &s->slip_timer, open->tail_since + e->timers.slip);
}

/* Sends what may be sent of the closed leaves, a few in a row: then it is the next one's
 * turn on this link. */
enum sent { SENT_ALL /* that is there */, SENT_SOME, SENT_ABORT /* and |s| is gone */ };
static enum sent send_leaves(struct engine *e, mesh_ns now, struct serve *s)
{
    struct object *o = s->reader.object;
    unsigned turn = 0;

    pass_over(e, s);
    while (s->next_leaf < o->leaves_n && link_is_open(s->l)) {
        if (s->next_leaf < s->have) /* the link is full */
            return SENT_SOME;
        if (turn++ == SERVE_TURN) {
            engine_ready_reader(e, &s->reader);
            return SENT_SOME;
        }
        if (s->credit == 0 || link_backlog(s->l) > LINK_BACKLOG_HIGH)
            return SENT_SOME;
        if (s->next_leaf >= s->announced && !send_batch(e, s))
            return SENT_SOME;
        if (object_leaf(o, s->next_leaf)->raw == NULL && pages_want(e, o))
            return SENT_SOME;
        if (object_leaf(o, s->next_leaf)->raw == NULL) {
            serve_abort(e, now, s, ABORT_BEHIND, 0);
            return SENT_ABORT;
        }
        send_leaf(e, s);
    }
    return link_is_open(s->l) ? SENT_ALL : SENT_SOME;
}

void serve_pump(struct engine *e, mesh_ns now, struct serve *s)
{
    struct object *o = s->reader.object;
    uint64_t before = s->reader.at;

    OBJ_CHECK(s, SERVE_MAGIC);
    if (o == NULL || !link_is_open(s->l))
        return;
    if (o->state == OBJECT_FAILED) {
        serve_abort(e, now, s, ABORT_GONE, 0);
        return;
    }
    if (!s->head_sent && !send_head(e, now, s))
        return;
    enum sent sent = send_leaves(e, now, s);
    cache_fit(e->cache); /* what was packed for it is kept */
    if (sent == SENT_ABORT)
        return;
    if (sent == SENT_ALL && o->state == OBJECT_COMPLETE) {
        if (s->final_sent || send_batch(e, s)) {
            if (!s->far) /* nobody is sent to another region */
                spread_taken(e, o, &s->l->peer);
            serve_end(e, now, s);
        }
        return;
    }
    if (sent == SENT_ALL)
        send_slips(e, s);
    if (s->reader.at != before)
        flight_readers_moved(e, now, o);
}
