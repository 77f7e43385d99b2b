/* What a peer asked for goes to it from the object, as that grows, within the credit given and the link's backlog. */
#include "node/core/engine_impl.h"
#include "node/core/spread.h"
#include "node/core/tier.h"

void serve_slip_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct serve *s = OBJ_OF(t, struct serve, slip_timer);

    (void)now;
    if (s->reader.object != NULL) {
        object_slip(s->reader.object);
        engine_changed(e, s->reader.object);
    }
}

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
        m.signer_cert = held_raw(o->by.signer);
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
