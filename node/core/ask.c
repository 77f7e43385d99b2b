/* We ask a peer: an ask goes out on a link, and what comes back is verified frame by
 * frame before a byte of it becomes readable (PROTOCOL.md, Leaves and signatures). */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/second.h"
#include "node/core/spread.h"

#define AGE_MS_MAX UINT64_C(3153600000000) /* a hundred years: no lifetime is longer (fresh.h) */

bool ask_open(struct engine *e, mesh_ns now, struct flight *f, struct ask *a, const struct node_id *id)
{
    struct link *l = link_to(e, now, id);

    if (l == NULL)
        return false;
    *a = (struct ask){ .l = l, .flight = f };
    a->stream = l->next_stream * 2 + (session_dialled(l->session) ? 1 : 2); /* odd: the dialler's */
    l->next_stream = (l->next_stream + 1) & 0x3fffffff;
    list_init(&a->link);
    list_push_back(&l->asks, &a->link);
    return true;
}

bool ask_start(struct engine *e, mesh_ns now, struct flight *f, const struct node_id *id)
{
    if (!ask_open(e, now, f, &f->ask, id))
        return false;
    f->from_peer = true;
    f->peer_hit = f->parent_hit = false;
    f->peer_name[0] = f->parent_name[0] = '\0';
    if (link_is_open(f->ask.l))
        ask_send(e, now, &f->ask);
    else
        hedge_watch(e, now, f);
    return true;
}

void ask_send(struct engine *e, mesh_ns now, struct ask *a)
{
    struct flight *f = a->flight;
    unsigned at = (unsigned)(hedge_is(a) ? f->hedge.at : f->source_at);
    bool hedge = hedge_is(a), parent = f->shield == SHIELD_ASKED;
    bool upward = (f->class == FLIGHT_OWNER && !parent) || (f->hinted && at == f->hint_at);
    bool insists = f->hinted && at == f->hint_at + 1;

    a->sent = true;
    a->sent_at = now;
    a->credit = ASK_CREDIT;
    a->have = hedge ? 0 : prior_leaves(f);
    if (!hedge)
        memcpy(f->peer_name, session_peer(a->l->session)->name, sizeof(f->peer_name));
    struct msg_ask m = {
        .key = f->key,
        .distribution = f->route.dist->name,
        .host = buf_slice(&f->host),
        .path = buf_slice(&f->path),
        .request_id = buf_slice(&f->request_id),
        .epoch = ring_epoch(mesh_ring(e->mesh)),
        .config = f->route.dist->digest,
        .frontier = purge_frontier(e),
        .deadline_ms = deadline_left_ms(e, now, f),
        .hops = parent   ? 3
                : upward ? (f->far ? 4 : 2)
                         : 1,
        .rank = (uint8_t)(at - (f->hinted && at > f->hint_at)),
        .generation = f->outdated,
        .first_leaf = f->index,
        .flags = ASK_AS_OWNER | (f->leaf ? ASK_LEAF : 0) | (f->outdated != 0 ? ASK_OTHER : 0) |
                 (upward || hedge ? ASK_NO_ORIGIN : 0) | (insists ? ASK_INSIST : 0) |
                 (f->stale != NULL ? ASK_MUST_FRESH : 0) | (second_reads(f) ? ASK_ALONG : 0) |
                 (f->route.https ? ASK_HTTPS : 0),
        .credit = a->credit,
        .fields = f->forward != NULL ? f->forward->raw : SLICE_EMPTY,
        .run = f->run,
        .have = a->have,
        .load = spread_load(e, now),
    };
    msg_put_ask(session_begin(a->l->session), a->stream, &m);
    link_commit(e, a->l);
    if (hedge)
        e->counters.hedges++;
    else
        e->counters.asks_out++;
    e->counters.asks_parent += parent;
    link_watch(e, now, a->l);
    if (!hedge)
        hedge_watch(e, now, f);
}

static void ask_over(struct engine *e, struct flight *f)
{
    list_remove(&f->ask.link);
    link_rests(e, f->ask.l);
    f->ask.l = NULL;
    hedge_stop(e, f);
}

void ask_cancel(struct engine *e, mesh_ns now, struct flight *f)
{
    struct link *l = f->ask.l;

    (void)now;
    if (l == NULL)
        return;
    if (f->ask.sent && link_is_open(l)) {
        msg_put_empty(session_begin(l->session), MSG_CANCEL, f->ask.stream);
        link_commit(e, l);
    }
    ask_over(e, f);
}

/* Credit is given back as leaves are verified; in a pass-through only as they are read. */
void ask_credit(struct engine *e, struct flight *f)
{
    struct ask *a = &f->ask;

    if (a->l == NULL || f->object == NULL || !link_is_open(a->l))
        return;
    uint32_t ahead = flight_ahead(f), want = ahead < WINDOW_LEAVES ? WINDOW_LEAVES - ahead : 0;
    if (want > ASK_CREDIT)
        want = ASK_CREDIT;
    if (want < a->credit + ASK_CREDIT / 4)
        return;
    msg_put_credit(session_begin(a->l->session), a->stream, want - a->credit);
    link_commit(e, a->l);
    a->credit = want;
}

/* What was promised by a signature does not hold, or the frames make no sense together:
 * nothing of it was shown to anybody. The peer is dropped and for a while not asked, the flight
 * goes elsewhere. */
static void reject(struct engine *e, mesh_ns now, struct flight *f, const char *what, int err)
{
    struct link *l = f->ask.l;

    if (err == MESH_E_NOMEM) { /* that is our own fault: nobody lied */
        e->counters.transfers_failed++;
        ask_cancel(e, now, f);
        flight_source_failed(e, now, f);
        return;
    }
    e->counters.transfers_rejected++;
    trace_f(&e->cfg.trace, now, "transfer from %s rejected: %s: %s", f->peer_name, what, mesh_strerror(err));
    mesh_ns until = mesh_distrust(e->mesh, now, &l->peer, e->timers.distrust);
    if (until > e->distrust_until)
        e->distrust_until = until;
    ask_over(e, f);
    flight_source_failed(e, now, f);
    link_close(e, now, l);
}

static void complete(struct engine *e, mesh_ns now, struct flight *f)
{
    int err = object_finish(f->object);

    if (err != 0) {
        reject(e, now, f, "the body's length", err);
        return;
    }
    e->counters.transfers_verified++;
    audit_consider(e, now, f);
    ask_over(e, f);
    flight_complete(e, now, f);
}

/* ---- the frames of an answer ---- */

static void on_answer(struct engine *e, mesh_ns now, struct flight *f, struct slice body)
{
    struct msg_answer m;

    if (msg_get_answer(body, &m) != 0 || f->ask.answered) {
        reject(e, now, f, "ANSWER", MESH_E_SYNTAX);
        return;
    }
    f->ask.answered = true;
    f->ask.status = m.status;
    health_answered(e, now, &f->ask, &m);
    switch (m.status) {
    case ANSWER_HAVE:
    case ANSWER_FILLING: f->peer_hit = true; break;
    case ANSWER_LEASED: break;
    default: /* BUSY, NOT_OWNER, NONE, GONE, and what newer peers may say */
        if (m.status == ANSWER_NOT_OWNER && m.reason == NOT_OWNER_CONFIG)
            config_missed(e, now, f->ask.l);
        ask_over(e, f);
        if (m.status == ANSWER_BUSY && m.has_other && f->class == FLIGHT_EDGE && !f->hinted) {
            spread_hint(f, &m.other);
            flight_source_again(e, now, f);
            return;
        }
        flight_source_failed(e, now, f);
    }
}

/* The signer's certificate: the peer's own, or one that came along, judged by chain only:
 * a signature outlives its certificate. */
static int find_signer(struct engine *e, const struct link *l, const struct msg_head *m, struct held_cert **out)
{
    struct slice raw = m->signer_cert.len > 0 ? m->signer_cert : session_peer_cert_raw(l->session);
    const struct held_cert *held = held_find(mesh_certs(e->mesh), &m->signer, raw);
    struct cert cert;
    int err = 0;

    if (held != NULL)
        cert = held->cert;
    else
        err = cert_parse(&cert, raw);
    if (err == 0)
        err = mesh_vouches(e->mesh, &cert, raw);
    if (err == 0 && !node_id_eq(&cert.id, &m->signer))
        err = MESH_E_SIGNATURE;
    if (err == 0 && (*out = held_take(mesh_certs(e->mesh), &cert, raw)) == NULL)
        err = MESH_E_NOMEM;
    return err;
}

static int verify_head(const struct flight *f, const struct head *head, const struct msg_head *m,
                       const struct held_cert *s)
{
    struct leaf_claim claim = { &s->cert.mesh, &s->cert.id, &f->key, head->generation };

    if (!digest_eq(&head->key, &f->key))
        return MESH_E_SIGNATURE;
    if (!parts_sound(f, head))
        return MESH_E_RANGE;
    if (m->form == HEAD_ONE) {
        if (!m->has_length || m->length > LEAF_BYTES || (head->has_length && head->length != m->length))
            return MESH_E_RANGE;
        return leaf_verify_one(m->sig, s->cert.sign_key, &claim, m->head, &m->leaf, m->length);
    }
    return leaf_verify_head(m->sig, s->cert.sign_key, &claim, m->head);
}

static struct object *make_object(struct engine *e, mesh_ns now, const struct flight *f, const struct head *head,
                                  const struct msg_head *m, struct held_cert *s)
{
    struct object *o = object_new(cache_memory(e->cache), m->head, NULL, s);
    struct freshness fresh;

    if (o == NULL)
        return NULL;
    flight_fresh(e, f, f->leaf ? 200 : head->status, &head->fields, 0, &fresh);
    o->uncacheable = m->uncacheable || !fresh.storable;
    /* Its age as the sender measured it, grown by the time since we asked: never by wall
     * clocks, so no hop renews a lifetime. */
    uint64_t age_ms = m->age_ms < AGE_MS_MAX ? m->age_ms : AGE_MS_MAX;
    o->born = now - MS(age_ms) - (now - f->ask.sent_at);
    bool ok = flight_dress(f, o, &fresh);
    if (m->form == HEAD_ONE) {
        o->has_length = true;
        o->length = m->length;
        ok = ok && object_keep_one_sig(o, m->sig);
    } else {
        ok = ok && object_keep_head_sig(o, m->sig);
    }
    if (ok)
        return o;
    object_unref(o);
    return NULL;
}

static void on_head(struct engine *e, mesh_ns now, struct flight *f, struct slice body)
{
    struct wire w = { 0 };
    struct msg_head m;
    struct head head;
    struct held_cert *signer = NULL;
    struct object *o = NULL;
    int err = msg_get_head(&w, body, &m);

    if (err == 0 && (f->object != NULL || !f->ask.answered))
        err = MESH_E_STATE;
    if (err == 0)
        err = head_decode(&head, m.head);
    if (err == 0)
        err = find_signer(e, f->ask.l, &m, &signer);
    if (err == 0 && suspects_shunned(&e->suspects, now, &signer->cert.id))
        err = MESH_E_REVOKED; /* here, by us; whoever passes it on does not know */
    if (err == 0)
        err = verify_head(f, &head, &m, signer);
    if (err == 0 && (o = make_object(e, now, f, &head, &m, signer)) == NULL)
        err = MESH_E_NOMEM;
    held_drop(signer);
    if (err == 0) {
        shield_told(f, &m);
        f->ask.one = m.form == HEAD_ONE;
        f->ask.one_leaf = m.leaf;
        /* Who asked the origin for us would have signed it, and who asked the parent region would say so: this is from
         * a copy that another node had. */
        if (!node_id_eq(&m.signer, &f->ask.l->peer) && m.parent.len == 0)
            f->peer_hit = true;
    }
    bool empty = err == 0 && f->ask.one && m.length == 0;
    wire_close(&w);
    if (err == 0)
        hedge_stop(e, f);
    if (err == MESH_E_REVOKED || err == MESH_E_UNKNOWN) { /* the holder knows an earlier or a later roll */
        e->counters.transfers_failed++;
        ask_cancel(e, now, f);
        flight_source_failed(e, now, f);
        return;
    }
    if (err != 0) {
        reject(e, now, f, "HEAD", err);
        return;
    }
    if (flight_head(e, now, f, o) && empty)
        complete(e, now, f);
}

static int check_batch(const struct flight *f, struct leaf_batch *b, const struct digest *hashes)
{
    struct object *o = f->object;
    const struct object_proof *proof = object_proof_of(o);
    struct leaf_claim claim;
    int err;

    if (proof == NULL)
        return MESH_E_NOMEM;
    if (f->ask.one || f->ask.has_final || b->first != proof->batched || b->count > UINT32_MAX - b->first)
        return MESH_E_STATE;
    b->chain = proof->chain;
    for (uint32_t i = 0; i < b->count; i++)
        leaf_chain_step(&b->chain, &hashes[i]);
    object_claim(o, &claim);
    if ((err = leaf_verify_batch(b, o->by.signer->cert.sign_key, &claim)) != 0)
        return err;
    if (b->final && (b->length > UINT64_C(1) << 46 || leaf_count(b->length) != b->first + b->count ||
                     (o->has_length && o->length != b->length)))
        return MESH_E_RANGE;
    return 0;
}

static void on_batch(struct engine *e, mesh_ns now, struct flight *f, struct slice body)
{
    struct digest hashes[LEAF_BATCH_MAX];
    struct leaf_batch b;
    int err = msg_get_batch(body, &b, hashes);

    if (err == 0)
        err = f->object != NULL ? check_batch(f, &b, hashes) : MESH_E_STATE;
    if (err == 0)
        err = object_add_batch(f->object, &b, hashes);
    if (err == 0 && b.final) {
        f->ask.has_final = true;
        f->ask.final_length = b.length;
        f->object->has_length = true;
        f->object->length = b.length;
    }
    uint32_t had = err == 0 ? f->object->leaves_n : 0;
    if (err == 0 && (err = prior_fill(f)) == MESH_E_HASH) {
        prior_differs(e, now, f);
        return;
    }
    if (err != 0) {
        reject(e, now, f, "BATCH", err);
        return;
    }
    if (b.final && f->object->leaves_n == b.first + b.count)
        complete(e, now, f);
    else if (f->object->leaves_n > had)
        flight_grew(e, now, f);
}

/* How long leaf |i| must be: 64 KiB, or up to that at the end, as far as the end is known. */
static bool right_length(const struct flight *f, uint32_t i, uint32_t len)
{
    const struct object *o = f->object;

    if (len == 0 || len > LEAF_BYTES)
        return false;
    if (!o->has_length)
        return len == LEAF_BYTES;
    uint64_t before = (uint64_t)i * LEAF_BYTES;
    uint64_t left = o->length > before ? o->length - before : 0;
    return len == (left < LEAF_BYTES ? left : LEAF_BYTES);
}

/* Unpacks and checks a leaf; on 0 |*raw| is the caller's. */
static int open_leaf(struct engine *e, const struct flight *f, const struct msg_leaf *m, const struct digest *want,
                     uint8_t **raw)
{
    const struct object_fill *open = f->object->fill;
    struct digest got;
    int err = 0;

    if ((*raw = malloc(m->raw_len)) == NULL)
        return MESH_E_NOMEM;
    if (m->encoding == LEAF_JOINED) {
        if (open->tail_len != m->raw_len || m->bytes.len != 0)
            err = MESH_E_STATE;
        else
            memcpy(*raw, open->tail, m->raw_len);
    } else if (m->encoding == LEAF_ZSTD) {
        err = zpack_inflate(e->zpack, m->bytes, *raw, m->raw_len);
    } else if (m->encoding == LEAF_RAW && m->bytes.len == m->raw_len) {
        memcpy(*raw, m->bytes.data, m->raw_len);
    } else {
        err = MESH_E_SYNTAX;
    }
    if (err == 0) {
        leaf_hash(&got, slice_of(*raw, m->raw_len));
        if (!digest_eq(&got, want))
            err = MESH_E_HASH;
    }
    /* What slips brought was shown to viewers already: the leaf must begin with it. */
    if (err == 0 &&
        (open->tail_len > m->raw_len || (open->tail_len > 0 && memcmp(*raw, open->tail, open->tail_len) != 0)))
        err = MESH_E_HASH;
    if (err != 0)
        free(*raw);
    return err;
}

/* An owner may pass a leaf on as it came; an edge has no use for the packed form. */
static uint8_t *keep_packed(struct engine *e, const struct flight *f, const struct msg_leaf *m)
{
    const struct ring *ring = mesh_ring(e->mesh);
    struct digest place;
    uint8_t *packed = NULL;

    key_stripe(&place, &f->primary, f->index);
    if (m->encoding == LEAF_ZSTD && ring_rank(ring, ring_arc(ring, &place), &e->cfg.mesh.self->cert.id) >= 0)
        packed = malloc(m->bytes.len);
    if (packed != NULL)
        memcpy(packed, m->bytes.data, m->bytes.len);
    return packed;
}

static void on_leaf(struct engine *e, mesh_ns now, struct flight *f, struct slice body)
{
    struct object *o = f->object;
    struct msg_leaf m;
    uint8_t *raw = NULL;
    int err = msg_get_leaf(body, &m);

    if (err == 0 && o != NULL && f->ask.credit > 0 && m.index < o->leaves_n && m.index < f->ask.have) {
        f->ask.credit--; /* a node that knows no |have| sends them all */
        ask_credit(e, f);
        return;
    }
    if (err == 0 &&
        (o == NULL || m.index != o->leaves_n || (f->ask.one ? m.index != 0 : m.index >= object_hashes_n(o))))
        err = MESH_E_STATE;
    if (err == 0 && f->ask.credit == 0)
        err = MESH_E_STATE;
    if (err == 0 && !right_length(f, m.index, m.raw_len))
        err = MESH_E_RANGE;
    if (err == 0)
        err = open_leaf(e, f, &m, f->ask.one ? &f->ask.one_leaf : &object_hashes(o)[m.index], &raw);
    if (err == 0) {
        uint8_t *packed = keep_packed(e, f, &m);
        uint32_t packed_len = packed != NULL ? (uint32_t)m.bytes.len : 0;
        err = f->ask.one ? object_add_one(o, raw, m.raw_len, packed, packed_len, &f->ask.one_leaf)
                         : object_add_leaf(o, raw, m.raw_len, packed, packed_len);
        if (err != 0) {
            free(packed);
            free(raw);
        }
    }
    if (err != 0) {
        reject(e, now, f, "LEAF", err);
        return;
    }
    f->ask.credit--;
    e->counters.bytes_peer_in += m.raw_len;
    e->counters.bytes_far_in += shield_far(e, f->ask.l) ? m.raw_len : 0;
    e->counters.bytes_peer_in_wire += m.bytes.len;
    if (f->ask.one || (f->ask.has_final && o->leaves_n == leaf_count(f->ask.final_length))) {
        complete(e, now, f);
        return;
    }
    flight_grew(e, now, f);
}

static void on_slip(struct engine *e, mesh_ns now, struct flight *f, struct slice body)
{
    struct object *o = f->object;
    struct leaf_claim claim;
    struct msg_slip m;
    int err = msg_get_slip(body, &m);

    if (err == 0 && (o == NULL || f->ask.one || m.index != o->leaves_n))
        err = MESH_E_STATE;
    if (err == 0 && o->has_length && object_available(o) + m.bytes.len > o->length)
        err = MESH_E_RANGE;
    if (err == 0) {
        object_claim(o, &claim);
        err = leaf_verify_slip(m.sig, o->by.signer->cert.sign_key, &claim, m.index, m.offset, m.bytes);
    }
    if (err == 0) {
        struct object_slip slip = { .offset = m.offset, .len = (uint32_t)m.bytes.len };
        memcpy(slip.sig, m.sig, SIGNATURE_BYTES);
        err = object_add_slip(o, &slip, m.bytes);
    }
    if (err != 0) {
        reject(e, now, f, "SLIP", err);
        return;
    }
    e->counters.bytes_peer_in_wire += m.bytes.len;
    flight_grew(e, now, f);
}

static void on_abort(struct engine *e, mesh_ns now, struct flight *f, struct slice body)
{
    unsigned reason, status;

    if (msg_get_abort(body, &reason, &status) != 0) {
        reject(e, now, f, "ABORT", MESH_E_SYNTAX);
        return;
    }
    e->counters.transfers_failed += f->object != NULL;
    if (reason == ABORT_BUSY || reason == ABORT_INTERNAL)
        health_failed(e, now, &f->ask.l->peer);
    ask_over(e, f);
    if (reason == ABORT_UNCACHEABLE && f->object == NULL)
        flight_disperse(e, now, f);
    else if (reason == ABORT_WHOLE && f->object == NULL && f->leaf)
        parts_none(e, now, f);
    else if (reason == ABORT_ORIGIN && status == 416)
        flight_fail(e, now, f, 416, "There are no such bytes.");
    else if (reason == ABORT_ORIGIN && status == 504)
        flight_fail(e, now, f, 504, "The origin did not answer in time.");
    else if (reason == ABORT_ORIGIN)
        flight_fail(e, now, f, 502, "The origin cannot be reached, or its answer was not well formed.");
    else if ((reason == ABORT_GONE || reason == ABORT_BEHIND) && f->agains++ < ASK_AGAIN_MAX)
        flight_source_again(e, now, f); /* its own source died, say: it fetches anew, once for all */
    else
        flight_source_failed(e, now, f);
}

void ask_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame)
{
    struct ask *a = NULL;

    LIST_EACH (at, &l->asks) {
        struct ask *candidate = OBJ_OF(at, struct ask, link);
        if (candidate->sent && candidate->stream == frame->stream) {
            a = candidate;
            break;
        }
    }
    if (a == NULL) /* cancelled meanwhile */
        return;
    struct flight *f = a->flight;
    if (hedge_is(a) && !hedge_frame(e, now, a, frame))
        return;
    switch (frame->type) {
    case MSG_ANSWER: on_answer(e, now, f, frame->body); break;
    case MSG_HEAD: on_head(e, now, f, frame->body); break;
    case MSG_LEAF_BATCH: on_batch(e, now, f, frame->body); break;
    case MSG_LEAF: on_leaf(e, now, f, frame->body); break;
    case MSG_SLIP: on_slip(e, now, f, frame->body); break;
    case MSG_ABORT: on_abort(e, now, f, frame->body); break;
    default: break;
    }
}
