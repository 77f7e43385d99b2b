/* Who has which purges. On each new session, each second with one peer, and when an asker names a frontier that we do
 * not know, two nodes compare digests; where these differ each says how far it has each log, and sends what the other
 * lacks: so a purge reaches everybody though its issuer has died, and a node that was away.
 *
 *   FRONTIER digest --differs--> FRONTIER whole, reply --> PURGE ..., FRONTIER whole --> PURGE ...
 *
 * At the start, and when we find that we have been stopped for a while, we ask under a number: only what answers to
 * that is not old.
 *
 * An asker may have purged what we still have: its ask waits until we have all of its purges, or is refused as busy. */
#include "node/core/purges_impl.h"

#define SYNC_EACH     SEC(1)
#define SYNC_SESSIONS 8
#define SYNC_DIALS    32
#define BEHIND_EACH   SEC(1)  /* so often a peer that lacks something is told */
#define WHOLE_EACH    MS(100) /* a whole frontier goes to one peer no more often */
#define HOLD_MAX      MS(400)
#define HELD_BYTES    (4u << 20)   /* of asks that wait */
#define PUSH_MAX      (256u << 10) /* bytes that a link may hold back before no more purges are put on it */

uint64_t purge_frontier(const struct engine *e)
{
    return e->purges->logs.digest;
}

/* ---- sending ---- */

static void send_frontier(struct engine *e, mesh_ns now, struct link *l, bool whole, uint64_t asks, uint64_t answers)
{
    struct msg_frontier m = { .digest = e->purges->logs.digest, .asks = asks, .answers = answers, .whole = whole };
    struct buf vector = BUF_EMPTY;

    if (whole) {
        purge_logs_vector(&e->purges->logs, &vector);
        m.vector = buf_slice(&vector);
        l->frontier_at = now;
    }
    if (buf_ok(&vector)) {
        msg_put_frontier(session_begin(l->session), &m);
        link_commit(e, l);
    }
    buf_free(&vector);
}

static void commit(struct engine *e, struct link *l, struct msg_purge_out *m)
{
    if (m->n > 0 && link_is_open(l)) {
        msg_put_purge(session_begin(l->session), m);
        link_commit(e, l);
    }
    buf_free(&m->items);
}

void purge_send(struct engine *e, struct link *l, const struct purge_log *log, uint64_t after)
{
    struct slice cert = slice_of(log->cert_raw, log->cert_len);
    struct msg_purge_out m = { .cert = cert };
    uint64_t last = after;
    bool ours = node_id_eq(&log->id.issuer, &e->cfg.mesh.self->cert.id);

    LIST_EACH (at, &log->kept) {
        const struct purge_kept *k = OBJ_OF(at, struct purge_kept, in_log);
        if (k->number <= after)
            continue;
        if (link_backlog(l) > PUSH_MAX || (ours && k->number > purge_sendable(e->purges, log)))
            break;
        struct slice raw = slice_of(k->bytes, k->len);
        if (m.n > 0 && !msg_purge_add(&m, raw)) {
            commit(e, l, &m);
            m = (struct msg_purge_out){ .cert = cert };
        }
        if (m.n == 0) {
            m.folded = k->number > last + 1;
            if (!msg_purge_add(&m, raw))
                break;
        }
        last = k->number;
    }
    commit(e, l, &m);
}

/* What |l|'s peer lacks by its |vector|. */
static void push(struct engine *e, struct link *l, struct slice vector)
{
    LIST_EACH (at, &e->purges->logs.logs) {
        const struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        uint64_t theirs = purge_vector_last(vector, &log->id);
        if (theirs < log->last && link_is_open(l))
            purge_send(e, l, log, theirs);
    }
}

/* ---- asks that wait ---- */

bool purge_may_answer(struct engine *e, mesh_ns now, struct link *l, uint64_t frontier)
{
    const struct purge_logs *logs = &e->purges->logs;

    if (frontier == logs->digest)
        return true;
    if (!purge_logs_passed(logs, frontier))
        return false;
    if (l->behind_told == 0 || now - l->behind_told >= BEHIND_EACH) { /* it is the asker that lacks something */
        l->behind_told = now;
        send_frontier(e, now, l, false, 0, 0);
    }
    return true;
}

static void hold_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    serve_held(e, now, OBJ_OF(t, struct serve, hold_timer), true);
}

bool purge_hold(struct engine *e, mesh_ns now, struct serve *s, struct slice body)
{
    struct purges *p = e->purges;

    if (p->held_bytes + body.len > HELD_BYTES)
        return false;
    buf_add_slice(&s->held, body);
    if (!buf_ok(&s->held)) {
        buf_free(&s->held);
        return false;
    }
    p->held_bytes += body.len;
    list_push_back(&p->held, &s->hold);
    s->hold_timer.fire = hold_fire;
    timer_set(e, &s->hold_timer, now + HOLD_MAX);
    e->counters.asks_held++;
    if (s->l->frontier_at == 0 || now - s->l->frontier_at >= WHOLE_EACH)
        send_frontier(e, now, s->l, true, e->purges->question, 0);
    return true;
}

void purge_unhold(struct engine *e, struct serve *s)
{
    timer_stop(e, &s->hold_timer);
    list_remove(&s->hold);
    e->purges->held_bytes -= s->held.len;
    buf_free(&s->held);
}

/* The peer on |l| has nothing that we lack. */
static void release(struct engine *e, mesh_ns now, struct link *l)
{
    struct list due;

    list_init(&due); /* each step may close links and end other serves */
    LIST_EACH_SAFE (at, &e->purges->held) {
        if (OBJ_OF(at, struct serve, hold)->l != l)
            continue;
        list_remove(at);
        list_push_back(&due, at);
    }
    while (!list_empty(&due))
        serve_held(e, now, OBJ_OF(list_first(&due), struct serve, hold), false);
}

/* ---- receiving ---- */

static void broken(struct engine *e, mesh_ns now, struct link *l)
{
    e->counters.purges_refused++;
    e->counters.sessions_broken++;
    link_close(e, now, l);
}

/* The issuer's certificate counts by the roll that we have; a peer may have another one. */
static int read_issuer(const struct engine *e, struct cert *cert, struct slice raw)
{
    int err = cert_parse(cert, raw);

    if (err != 0)
        return MESH_E_SYNTAX;
    err = mesh_vouches(e->mesh, cert, raw);
    return err == MESH_E_REVOKED || err == MESH_E_UNKNOWN ? MESH_E_UNKNOWN : err;
}

static int take_items(struct engine *e, const struct msg_purge *m, const struct cert *cert, bool *known)
{
    bool folded = m->folded;
    int err = 0;

    for (size_t i = 0; i < m->n && (err == 0 || err == MESH_E_EXISTS); i++) {
        err = purges_take(e, msg_purge_item(m, i), cert, m->cert, folded);
        *known = *known || err == MESH_E_EXISTS;
        folded = folded && err == MESH_E_EXISTS; /* only the first one has a gap before it */
    }
    return err == MESH_E_EXISTS ? 0 : err;
}

static void on_purge(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct wire w = { 0 };
    struct msg_purge m;
    struct cert cert;
    bool known = false;
    int err = msg_get_purge(&w, body, &m);

    if (err == 0 && (err = read_issuer(e, &cert, m.cert)) == 0)
        err = take_items(e, &m, &cert, &known);
    wire_close(&w);
    purges_in_force(e, now);
    switch (err) {
    case 0:
        if (known)
            purge_receipts(e, l);
        break;
    case MESH_E_STATE: /* others came before it: what they are, the peer knows */
        if (l->frontier_at == 0 || now - l->frontier_at >= WHOLE_EACH)
            send_frontier(e, now, l, true, e->purges->question, 0);
        break;
    case MESH_E_UNKNOWN: /* by our roll it does not count, or not yet */
    case MESH_E_NOMEM:
    case MESH_E_FULL: break; /* our own fault: it is offered again */
    default: broken(e, now, l); break;
    }
}

static void on_frontier(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct purge_logs *logs = &e->purges->logs;
    struct wire w = { 0 };
    struct msg_frontier m;
    bool sound = msg_get_frontier(&w, body, &m) == 0 && purge_vector_ok(m.vector);
    bool lacks = sound && (m.whole ? purge_logs_lack(logs, m.vector) : !purge_logs_passed(logs, m.digest));
    bool again = l->frontier_at == 0 || now - l->frontier_at >= WHOLE_EACH;
    /* Who was stopped, too, or has just begun, knows no more than the asker. */
    uint64_t answers = purges_are_complete(e) && configs_are_complete(e) ? m.asks : 0;

    if (sound && m.answers != 0 && m.answers == e->purges->question)
        l->answered = m.answers; /* and so does what follows it */
    if (sound && m.digest == logs->digest) {
        if (m.asks != 0)
            send_frontier(e, now, l, false, 0, answers);
    } else if (sound && !m.whole) {
        if (again || m.asks != 0)
            send_frontier(e, now, l, true, e->purges->question, answers);
    } else if (sound) {
        push(e, l, m.vector);
        if (!lacks)
            purge_logs_pass(logs, m.digest);
        if (link_is_open(l)) /* if only so that it knows when it has all */
            send_frontier(e, now, l, m.asks != 0, 0, answers);
    }
    wire_close(&w);
    if (!sound) {
        broken(e, now, l);
        return;
    }
    if (l->answered != 0)
        configs_answered(e, l);
    if (!lacks && l->answered == e->purges->question)
        purge_sure(e, now);
    if (!lacks)
        release(e, now, l);
}

void purge_ask(struct engine *e, mesh_ns now, struct link *l)
{
    send_frontier(e, now, l, false, e->purges->question, 0);
}

void purge_greet(struct engine *e, mesh_ns now, struct link *l)
{
    bool has_some = purge_frontier(e) != 0;

    if (!e->purges->caught_up || !configs_are_complete(e) || (has_some && session_dialled(l->session)))
        send_frontier(e, now, l, false, e->purges->question, 0);
}

/* ---- each second ---- */

/* The member whose turn it is. Few sessions are enough for all to hear of everything, if their ends are many; more are
 * made only now and then, so that a mesh in two halves that know nothing of each other cannot stay so. */
static struct link *next_link(struct engine *e, mesh_ns now)
{
    size_t count = mesh_count(e->mesh), turn = ++e->purges->sync_turn;
    bool dials = e->sessions_n < SYNC_SESSIONS || turn % SYNC_DIALS == 0;
    struct mesh_member m;

    for (size_t i = 0; i < count; i++) {
        if (!mesh_member(e->mesh, (turn + i) % count, &m) || !m.reachable)
            continue;
        struct node_id id = m.record->id;
        struct link *l = dials ? link_to(e, now, &id) : link_open_to(e, &id);
        if (l == NULL)
            continue;
        e->purges->sync_turn += i;
        return link_is_open(l) ? l : NULL; /* a new one begins with it */
    }
    return NULL;
}

static void sync_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct link *l = next_link(e, now);

    timer_set(e, t, now + SYNC_EACH);
    if (l != NULL)
        send_frontier(e, now, l, false, 0, 0);
    purge_calls_again(e, now);
}

void purge_sync_start(struct engine *e)
{
    list_init(&e->purges->held);
    e->purges->sync_timer.fire = sync_fire;
    purge_wake_start(e);
}

void purge_sync_on(struct engine *e)
{
    if (!e->purges->sync_timer.node.queued && e->purged > 0)
        timer_set(e, &e->purges->sync_timer, e->now + SYNC_EACH);
}

void purge_sync_fini(struct engine *e)
{
    timer_stop(e, &e->purges->sync_timer);
    timer_stop(e, &e->purges->write_timer);
    timer_stop(e, &e->purges->wake_timer);
}

/* ---- receipts ---- */

static void on_purged(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct msg_purged m;

    if (msg_get_purged(body, &m) != 0 || !purge_calls_receipt(e, l, &m))
        broken(e, now, l);
}

void purge_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame)
{
    switch (frame->type) {
    case MSG_PURGE: on_purge(e, now, l, frame->body); break;
    case MSG_PURGED: on_purged(e, now, l, frame->body); break;
    default: on_frontier(e, now, l, frame->body); break;
    }
}
