/* Backbone connections: dialling members and seeds, joining, reading and writing. */
#include <stdlib.h>

#include "node/core/drop.h"
#include "node/core/engine_impl.h"
#include "node/core/warm.h"
#include "proto/base/rare.h"

#define SEED_BACKOFF_MAX SEC(8)
#define SEED_LOOK        SEC(5) /* in company: how often a seed that is no member is tried */

/* ---- birth and death ---- */

static void dial_fire(struct engine *e, mesh_ns now, struct timer *t);

/* Session and engine have a context each. */
static void outgoing(void *ctx, uint8_t *frame, size_t len)
{
    const struct engine *e = ctx;
    e->cfg.outgoing(e->cfg.outgoing_ctx, frame, len);
}

/* For a session with |peer|, whom we dial there, or (port 0) who dialled us from there. */
static struct session_config session_config(struct engine *e, const struct mesh_addr *peer)
{
    return (struct session_config){
        .self = e->cfg.mesh.self,
        .boot = mesh_boot(e->mesh), /* it grows when peers remember a higher one */
        .version = e->cfg.version,
        .port = e->cfg.mesh_port,
        .you = *peer,
        .suites = e->cfg.suites,
        .judge = rolls_judge,
        .probation = true,
        .outgoing = e->cfg.outgoing != NULL ? outgoing : NULL,
        .ctx = e,
        .certs = mesh_certs(e->mesh),
    };
}

static struct link *link_new(struct engine *e, mesh_ns now, const struct mesh_addr *addr, struct session *s)
{
    struct link *l = s != NULL && e->links_n < LINKS_MAX ? calloc(1, sizeof(*l)) : NULL;

    if (l == NULL) {
        session_free(s);
        return NULL;
    }
    l->magic = LINK_MAGIC;
    l->session = s;
    l->addr = *addr;
    l->last_heard = l->last_frame = l->last_sent = now;
    list_init(&l->asks);
    list_init(&l->serves);
    list_init(&l->todo);
    list_init(&l->half);
    l->dial_timer.fire = dial_fire;
    link_watched(l);
    list_push_back(&e->links, &l->link);
    e->links_n++;
    timer_set(e, &l->dial_timer, now + e->timers.peer_dial);
    return l;
}

static void know_peer(struct engine *e, struct link *l, const struct node_id *id)
{
    if (l->has_peer) {
        if (node_id_eq(&l->peer, id))
            return;
        map_remove(&e->links_by_peer, &l->by_peer);
    }
    l->peer = *id;
    l->has_peer = true;
    map_insert(&e->links_by_peer, &l->by_peer, map_hash(&e->links_by_peer, SLICE_OF(id->bytes)));
}

void link_free(struct engine *e, struct link *l)
{
    OBJ_CHECK(l, LINK_MAGIC);
    LIST_EACH_SAFE (at, &l->serves)
        serve_end(e, e->now, OBJ_OF(at, struct serve, link));
    assert(list_empty(&l->asks));
    if (l->has_peer)
        map_remove(&e->links_by_peer, &l->by_peer);
    if (l->opened)
        e->sessions_n--;
    timer_stop(e, &l->dial_timer);
    timer_stop(e, &l->silence_timer);
    timer_stop(e, &l->progress_timer);
    list_remove(&l->todo);
    list_remove(&l->link);
    accept_over(e, l);
    e->links_n--;
    session_free(l->session);
    l->magic = 0;
    free(l);
}

void link_give_up_asks(struct engine *e, mesh_ns now, struct link *l)
{
    if (!list_empty(&l->asks))
        health_failed(e, now, &l->peer);
    /* Each step may begin other asks, on other links: ours only get fewer. */
    while (!list_empty(&l->asks)) {
        struct ask *a = OBJ_OF(list_first(&l->asks), struct ask, link);
        struct flight *f = a->flight;
        if (hedge_is(a)) {
            hedge_stop(e, f);
            continue;
        }
        ask_cancel(e, now, f);
        flight_source_failed(e, now, f);
    }
}

static bool usable(const struct link *l)
{
    return !l->closing && !l->silent;
}

/* The best link to |id| but |except| that is no trouble: an open one if there is any. */
static struct link *link_known(const struct engine *e, const struct node_id *id, const struct link *except)
{
    struct link *best = NULL;

    for (struct map_node *n = map_find(&e->links_by_peer, map_hash(&e->links_by_peer, SLICE_OF(id->bytes))); n != NULL;
         n = map_same(n)) {
        struct link *l = OBJ_OF(n, struct link, by_peer);
        if (l != except && node_id_eq(&l->peer, id) && usable(l) && (best == NULL || (l->opened && !best->opened)))
            best = l;
    }
    return best;
}

void link_shun(struct engine *e, mesh_ns now, const struct link *l)
{
    const struct link *other = l->has_peer ? link_known(e, &l->peer, l) : NULL;

    if (l->has_peer && (other == NULL || !other->opened))
        steering_link(e, now, &l->peer, now + LINK_RETRY);
}

void link_close(struct engine *e, mesh_ns now, struct link *l)
{
    if (l->closing)
        return;
    l->closing = true;
    accept_over(e, l);
    timer_stop(e, &l->dial_timer);
    timer_stop(e, &l->silence_timer);
    timer_stop(e, &l->progress_timer);
    list_remove(&l->todo);
    list_push_back(&e->closes, &l->todo);
    LIST_EACH_SAFE (at, &l->serves)
        serve_end(e, now, OBJ_OF(at, struct serve, link));
    link_give_up_asks(e, now, l);
}

/* ---- dialling ---- */

struct link *link_to(struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct link *best = link_known(e, id, NULL);

    return best != NULL ? best : link_dial(e, now, id);
}

struct link *link_open_to(const struct engine *e, const struct node_id *id)
{
    struct link *l = link_known(e, id, NULL);

    return l != NULL && link_is_open(l) ? l : NULL;
}

struct link *link_dial(struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct mesh_member m;
    char text[MESH_ADDR_TEXT_MAX];

    if (!mesh_find(e->mesh, id, &m) || m.addr.port == 0 || m.cert == NULL)
        return NULL;
    struct session_config cfg = session_config(e, &m.addr);
    struct link *l = link_new(e, now, &m.addr, session_dial(&cfg, m.cert->dh_key));
    if (l == NULL)
        return NULL;
    know_peer(e, l, id);
    list_push_back(&e->dials, &l->todo);
    trace_f(&e->cfg.trace, now, "dial %s at %s", m.cert->name, mesh_addr_text(&l->addr, text));
    return l;
}

static void dial_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct link *l = OBJ_OF(t, struct link, dial_timer);

    link_shun(e, now, l);
    link_close(e, now, l);
}

void engine_seeds(struct engine *e, mesh_ns now, const struct mesh_addr *addrs, size_t n)
{
    e->now = now;
    e->seeds_n = n < ENGINE_SEEDS_MAX ? n : ENGINE_SEEDS_MAX;
    for (size_t i = 0; i < e->seeds_n; i++)
        e->seeds[i] = (struct engine_seed){ .addr = addrs[i] };
    if (!e->seed_timer.node.queued)
        timer_set(e, &e->seed_timer, now);
}

static bool is_live(const struct member_record *r)
{
    return r != NULL && (r->state == MEMBER_ALIVE || r->state == MEMBER_SUSPECT);
}

/* Does a live member (ourselves too) say that it is to be found where |s| is, or did one answer there? */
static bool seed_is_member(const struct engine *e, const struct engine_seed *s)
{
    if (s->answered && is_live(mesh_record_of(e->mesh, &s->id)))
        return true;
    for (size_t i = 0; i < mesh_count(e->mesh); i++) {
        const struct member_record *r = mesh_record(e->mesh, i);
        for (size_t a = 0; is_live(r) && a < r->addrs_n; a++) {
            if (mesh_addr_eq(&r->addrs[a], &s->addr))
                return true;
        }
    }
    return false;
}

static void dial_seed(struct engine *e, mesh_ns now, const struct engine_seed *s)
{
    struct session_config cfg = session_config(e, &s->addr);
    struct link *l = link_new(e, now, &s->addr, session_dial(&cfg, NULL));
    char text[MESH_ADDR_TEXT_MAX];

    if (l == NULL)
        return;
    l->join = true;
    list_push_back(&e->dials, &l->todo);
    trace_f(&e->cfg.trace, now, "dial seed %s", mesh_addr_text(&s->addr, text));
}

/* Two nodes that found each other through one seed, and others through another one, are two
 * meshes that know nothing of each other: so seeds that are no members are tried for ever. */
static void look_for_others(struct engine *e, mesh_ns now)
{
    if (now < e->seed_look)
        return;
    e->seed_look = now + SEED_LOOK;
    for (size_t i = 0; i < e->seeds_n; i++) {
        e->seed_at = (e->seed_at + 1) % e->seeds_n;
        if (!seed_is_member(e, &e->seeds[e->seed_at])) {
            dial_seed(e, now, &e->seeds[e->seed_at]);
            return;
        }
    }
}

/* links_seek dials the next seed: soon while we are alone, now and then in company. */
void links_seek(struct engine *e, mesh_ns now)
{
    if (e->leaving || e->seeds_n == 0 || engine_outcast(e) != 0)
        return;
    timer_set(e, &e->seed_timer, now + e->seed_backoff);
    if (mesh_alive(e->mesh) > 1) {
        e->seed_backoff = e->timers.seed_retry;
        look_for_others(e, now);
        return;
    }
    if (++e->seed_at >= e->seeds_n) {
        e->seed_at = 0; /* a whole round went by */
        e->seed_backoff = mesh_ns_min(e->seed_backoff * 2, SEED_BACKOFF_MAX);
    }
    dial_seed(e, now, &e->seeds[e->seed_at]);
}

static void seed_answered(struct engine *e, const struct mesh_addr *addr, const struct node_id *id)
{
    for (size_t i = 0; i < e->seeds_n; i++) {
        if (mesh_addr_eq(&e->seeds[i].addr, addr)) {
            e->seeds[i].id = *id;
            e->seeds[i].answered = true;
        }
    }
}

struct link *engine_accept(struct engine *e, mesh_ns now, const struct mesh_addr *from)
{
    struct mesh_addr seen = *from;
    seen.port = 0;
    struct session_config cfg = session_config(e, &seen);

    e->now = now;
    if (RARE(ACCEPT_REFUSED) || !accept_admits(e, now, from))
        return NULL;
    struct link *l = link_new(e, now, from, session_accept(&cfg));
    if (l == NULL)
        return NULL;
    l->connected = l->dial_told = true;
    accept_begun(e, l);
    return l;
}

void engine_connected(struct engine *e, mesh_ns now, struct link *l)
{
    OBJ_CHECK(l, LINK_MAGIC);
    e->now = now;
    l->connected = true;
    link_wrote(e, l);
}

void engine_disconnected(struct engine *e, mesh_ns now, struct link *l)
{
    OBJ_CHECK(l, LINK_MAGIC);
    e->now = now;
    if (!l->closing) {
        if (!l->opened || l->silent) /* else it may just have been restarted: the next dial will tell */
            link_shun(e, now, l);
        link_close(e, now, l);
    }
    link_free(e, l);
}

/* ---- writing ---- */

/* No memory for a frame: the stream has a hole. It ends at the next timer turn, since the
 * caller is in the midst of its asks or serves. */
static void shutdown_soon(struct engine *e, struct link *l)
{
    timer_set(e, &l->dial_timer, e->now);
}

bool engine_session(const struct engine *e, const struct node_id *id, struct engine_session *out)
{
    const struct link *l = link_known(e, id, NULL);

    if (l == NULL || !link_is_open(l))
        return false;
    *out = (struct engine_session){ session_suite(l->session), l->opened_at, session_dialled(l->session) };
    return true;
}

size_t link_backlog(const struct link *l)
{
    return session_output(l->session).len;
}

void link_wrote(struct engine *e, struct link *l)
{
    if (l->connected && !l->closing && !l->write_told && !list_linked(&l->todo) && link_backlog(l) > 0)
        list_push_back(&e->writes, &l->todo);
}

bool link_is_open(const struct link *l)
{
    return l->opened && !l->closing && session_state(l->session) == SESSION_OPEN;
}

void link_commit(struct engine *e, struct link *l)
{
    if (session_commit(l->session) == 0)
        link_wrote(e, l);
    else
        shutdown_soon(e, l);
}

void engine_sent(struct engine *e, mesh_ns now, struct link *l, size_t n)
{
    OBJ_CHECK(l, LINK_MAGIC);
    e->now = now;
    size_t before = link_backlog(l);
    session_sent(l->session, n);
    if (n > 0)
        l->last_sent = now;
    size_t after = link_backlog(l);
    if (after == 0)
        l->write_told = false;
    if (!l->closing && before > LINK_BACKLOG_LOW && after <= LINK_BACKLOG_LOW) {
        struct list *first = list_first(&l->serves);
        LIST_EACH (at, &l->serves)
            engine_ready_reader(e, &OBJ_OF(at, struct serve, link)->reader);
        if (first != NULL) { /* somebody else is first next time */
            list_remove(first);
            list_push_back(&l->serves, first);
        }
    }
}

struct slice link_output(const struct link *l)
{
    struct slice out = session_output(l->session);
    return RARE(OUTPUT_SHORT) ? slice_head(out, 1) : out;
}

void *link_io(const struct link *l)
{
    return l->io;
}

void link_set_io(struct link *l, void *io)
{
    l->io = io;
}

/* ---- joining ---- */

/* links_sync exchanges members with |id|, over the link we have or a new one. */
void links_sync(struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct link *l = link_to(e, now, id);

    if (l == NULL)
        return;
    if (link_is_open(l))
        exchange_ask(e, now, l);
    else
        l->sync_wanted = true;
}

void links_opened(struct engine *e, mesh_ns now, struct link *l)
{
    const struct cert *cert = session_peer(l->session);
    struct mesh_addr at = l->addr;
    int err;

    l->opened = true;
    l->opened_at = now;
    accept_over(e, l);
    e->sessions_n++;
    e->counters.sessions_opened++;
    e->counters.sessions_aes_256_gcm += session_suite(l->session) == RECORD_AES_256_GCM;
    timer_stop(e, &l->dial_timer);
    know_peer(e, l, &cert->id);
    if ((err = mesh_admits(e->mesh, cert)) != 0) { /* a roll came in mid-handshake */
        rolls_refuse(e, now, l, err);
        return;
    }
    if (!session_dialled(l->session))
        at.port = session_peer_port(l->session); /* its address as we see it, its port as it says */
    mesh_met(e->mesh, now, cert, session_peer_cert_raw(l->session), session_peer_boot(l->session), &at);
    steering_link(e, now, &cert->id, 0);
    health_opened(e, now, &cert->id);
    at = session_seen(l->session);
    mesh_outside(e->mesh, now, &cert->id, &at);
    if (!session_dialled(l->session))
        reach_dialled(e, now);
    if (session_began_anew(l->session))
        e->counters.sessions_repinned++;
    trace_f(&e->cfg.trace, now, "session with %s open%s", cert->name,
            session_began_anew(l->session) ? ", under another key than was known" : "");
    rolls_greet(e, l);
    if (link_is_open(l))
        configs_greet(e, l);
    if (link_is_open(l))
        purge_greet(e, now, l);
    if (!link_is_open(l))
        return;
    if (l->join)
        seed_answered(e, &l->addr, &cert->id);
    if (l->join || l->sync_wanted)
        exchange_ask(e, now, l);
    drop_opened(e, l);
    purge_calls_opened(e, now, l);
    LIST_EACH_SAFE (a, &l->asks) {
        struct ask *one = OBJ_OF(a, struct ask, link);
        if (!one->sent && link_is_open(l))
            ask_send(e, now, one);
    }
}

/* ---- members without a link ---- */

static bool linked(const struct engine *e, const struct node_id *id)
{
    for (struct map_node *n = map_find(&e->links_by_peer, map_hash(&e->links_by_peer, SLICE_OF(id->bytes))); n != NULL;
         n = map_same(n)) {
        const struct link *l = OBJ_OF(n, struct link, by_peer);
        if (node_id_eq(&l->peer, id) && !l->closing)
            return true;
    }
    return false;
}

size_t links_strangers(const struct engine *e, uint64_t salt, struct node_id out[STRANGERS_MAX])
{
    uint64_t best[STRANGERS_MAX];
    struct mesh_member m;
    size_t n = 0;

    for (size_t i = 1; i < mesh_count(e->mesh); i++) {
        if (!mesh_member(e->mesh, i, &m) || !m.reachable || linked(e, &m.record->id))
            continue;
        uint64_t hash = map_hash(&e->links_by_peer, SLICE_OF(m.record->id.bytes)) ^ salt;
        size_t at = n < STRANGERS_MAX ? n++ : STRANGERS_MAX;
        while (at > 0 && best[at - 1] > hash) {
            if (at < STRANGERS_MAX) {
                best[at] = best[at - 1];
                out[at] = out[at - 1];
            }
            at--;
        }
        if (at < STRANGERS_MAX) {
            best[at] = hash;
            out[at] = m.record->id;
        }
    }
    return n;
}

/* ---- reading ---- */

static void frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *f)
{
    if (l->probation) {
        if (f->type == MSG_ROLL)
            rolls_frame(e, now, l, f->body);
        return;
    }
    switch (f->type) {
    case MSG_MEMBERS: exchange_take(e, now, l, f->body); break;
    case MSG_ROLL: rolls_frame(e, now, l, f->body); break;
    case MSG_CONFIG:
    case MSG_CONFIG_PART: configs_frame(e, now, l, f); break;
    case MSG_CALL: reach_called(e, now, l); break;
    case MSG_DROP:
    case MSG_DROPPED: drop_frame(e, now, l, f); break;
    case MSG_TAKE: warm_frame(e, now, l, f->body); break;
    case MSG_PURGE:
    case MSG_PURGED:
    case MSG_FRONTIER: purge_frame(e, now, l, f); break;
    case MSG_ASK: serve_ask(e, now, l, f); break;
    case MSG_CREDIT:
    case MSG_CANCEL: serve_frame(e, now, l, f); break;
    case MSG_ANSWER:
    case MSG_HEAD:
    case MSG_LEAF_BATCH:
    case MSG_LEAF:
    case MSG_SLIP:
    case MSG_ABORT: ask_frame(e, now, l, f); break;
    default: /* PROGRESS has done its work by arriving; newer frames are not for us */ break;
    }
}

void links_refused(struct engine *e, mesh_ns now, struct link *l, bool by_us)
{
    struct refusal what = {
        .addr = l->addr,
        .reason = session_refusal(l->session),
        .by_us = by_us,
        .proven = session_peer(l->session) != NULL && !session_unproven(l->session),
    };
    char text[MESH_ADDR_TEXT_MAX];

    strcpy(what.name, session_peer_name(l->session));
    refusals_note(&e->refusals, now, &what);
    e->counters.sessions_refused++;
    trace_f(&e->cfg.trace, now, "session with %s %s refused: %s", what.name, mesh_addr_text(&l->addr, text),
            msg_refusal_text(what.reason));
}

static void broken(struct engine *e, mesh_ns now, struct link *l)
{
    char text[MESH_ADDR_TEXT_MAX];

    if (session_refusal(l->session) != 0) {
        links_refused(e, now, l, session_error(l->session) != MESH_E_REFUSED);
    } else {
        e->counters.sessions_broken++;
        trace_f(&e->cfg.trace, now, "session with %s broken: %s", mesh_addr_text(&l->addr, text),
                mesh_strerror(session_error(l->session)));
    }
    link_shun(e, now, l);
    link_close(e, now, l);
}

void engine_received(struct engine *e, mesh_ns now, struct link *l, struct slice bytes)
{
    struct msg_frame f;

    OBJ_CHECK(l, LINK_MAGIC);
    e->now = now;
    if (l->closing)
        return;
    l->last_heard = now;
    l->doubted = false;
    session_recv(l->session, e->wall_s, bytes);
    if (!l->opened && !l->probation && session_state(l->session) == SESSION_OPEN) {
        if (session_unproven(l->session))
            rolls_probation(e, now, l);
        else
            links_opened(e, now, l);
    }
    while (!l->closing && session_next(l->session, &f)) {
        link_heard(e, now, l);
        frame(e, now, l, &f);
    }
    if (!l->closing && session_state(l->session) == SESSION_CLOSED)
        broken(e, now, l);
    link_wrote(e, l);
}
