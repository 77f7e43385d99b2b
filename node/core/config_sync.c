/* Versions of the configuration on their way. Each session begins with which one each side has; a new one is told on
 * all sessions at once and to a few members without one, and a node at which it was handed in sees to it that all hear
 * of it. Who hears of a better one fetches it in pieces, of one peer at a time:
 *
 *   CONFIG (a better one) --> CONFIG_PART head, 8 pieces wanted --> head, piece 0 ... 7
 *                             each piece that is good asks for one more; the last one is the end
 *
 * Gossip's packets bear a version's mark, so that whoever was left out is found. */
#include "node/core/configs_impl.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/rare.h"

#define PIECES_AHEAD 8
#define FETCH_LOOK   MS(250)
#define ASK_AGAIN    MS(600)    /* nothing came of what was asked for: once more */
#define FETCH_STALL  SEC(2)     /* another peer goes on */
#define SHUN         SEC(5)     /* ... and that one is left alone */
#define SEND_MAX     (1u << 20) /* bytes that a link may hold back before no more pieces are put on it */
#define MARK_AGAIN   SEC(1)     /* so often a peer whose mark differs is told, */
#define MARK_STRANGE SEC(60)    /* or one that seems to know nothing of all this */
#define SPREAD_EACH  MS(500)
#define SPREAD_SPAN  SEC(60)
#define SPREAD_DIALS 32 /* each time */

/* ---- telling ---- */

static void say(struct engine *e, struct link *l, bool reply)
{
    struct configs *c = e->configs;
    struct msg_config m = { .version = config_log_version(&c->log),
                            .kept = c->log.current != NULL && c->log.current->durable,
                            .reply = reply,
                            .has_refused = c->refused.counter > 0,
                            .refused = c->refused.hash };

    l->config_said = m.version;
    l->config_said_kept = m.kept;
    l->config_said_refused = c->refused;
    msg_put_config(session_begin(l->session), &m);
    link_commit(e, l);
}

/* Unless the peer has been told so. */
static void say_news(struct engine *e, struct link *l)
{
    const struct configs *c = e->configs;
    struct config_version v = config_log_version(&c->log);
    bool kept = c->log.current != NULL && c->log.current->durable;

    if (link_is_open(l) && !l->probation &&
        (config_version_cmp(&v, &l->config_said) != 0 || kept != l->config_said_kept ||
         config_version_cmp(&c->refused, &l->config_said_refused) != 0))
        say(e, l, false);
}

void config_tell(struct engine *e, mesh_ns now)
{
    struct node_id strangers[STRANGERS_MAX];

    LIST_EACH_SAFE (at, &e->links)
        say_news(e, OBJ_OF(at, struct link, link));
    if (config_log_version(&e->configs->log).counter == 0)
        return;
    size_t n = links_strangers(e, config_log_version(&e->configs->log).counter, strangers);
    for (size_t i = 0; i < n; i++)
        link_to(e, now, &strangers[i]); /* it begins with CONFIG */
}

void configs_greet(struct engine *e, struct link *l)
{
    const struct configs *c = e->configs;

    if (c->log.current != NULL || c->refused.counter > 0 || !c->caught_up)
        say(e, l, !c->caught_up);
}

void configs_answered(struct engine *e, const struct link *l)
{
    struct config_version ours = config_log_version(&e->configs->log);

    if (!l->config_heard || config_version_cmp(&l->config, &ours) <= 0 || configs_refused(e->configs, &l->config))
        e->configs->caught_up = true;
}

/* ---- who has which ---- */

struct config_peer *config_peer_find(const struct configs *c, const struct node_id *id)
{
    for (struct map_node *n = map_find(&c->peers_by_id, map_hash_digest(&c->peers_by_id, id->bytes)); n != NULL;
         n = map_same(n)) {
        struct config_peer *p = OBJ_OF(n, struct config_peer, by_id);
        if (node_id_eq(&p->id, id))
            return p;
    }
    return NULL;
}

static void forget(struct configs *c, struct config_peer *p)
{
    map_remove(&c->peers_by_id, &p->by_id);
    list_remove(&p->link);
    c->peers_n--;
    free(p);
}

/* The entry of |id|, as the latest. NULL: no memory. */
static struct config_peer *peer_of(struct configs *c, const struct node_id *id)
{
    struct config_peer *p = config_peer_find(c, id);

    if (p != NULL) {
        list_remove(&p->link);
        list_push_back(&c->peers, &p->link);
        return p;
    }
    if (c->peers_n == CONFIG_PEERS_MAX)
        forget(c, OBJ_OF(list_first(&c->peers), struct config_peer, link));
    if ((p = calloc(1, sizeof(*p))) == NULL)
        return NULL;
    p->id = *id;
    list_init(&p->link);
    list_push_back(&c->peers, &p->link);
    map_insert(&c->peers_by_id, &p->by_id, map_hash_digest(&c->peers_by_id, id->bytes));
    c->peers_n++;
    return p;
}

static void note(struct engine *e, const struct node_id *id, const struct msg_config *m)
{
    struct config_peer *p = peer_of(e->configs, id);

    if (p == NULL)
        return;
    p->version = m->version;
    p->heard = true;
    p->kept = m->kept;
    p->has_refused = m->has_refused;
    p->refused = m->refused;
}

void configs_marked(struct engine *e, mesh_ns now, const struct node_id *id, uint64_t mark)
{
    struct configs *c = e->configs;
    struct config_version ours = config_log_version(&c->log);
    struct config_peer *p = peer_of(c, id);

    if (p == NULL || mark == (ours.counter > 0 ? digest_u64(&ours.hash) : 0))
        return;
    if (p->has_refused && ours.counter > 0 && digest_eq(&p->refused, &ours.hash))
        return; /* it knows, and cannot */
    if (c->refused.counter > 0 && mark == digest_u64(&c->refused.hash))
        return; /* so it is with us */
    if (p->marked_at != 0 && now - p->marked_at < (p->heard ? MARK_AGAIN : MARK_STRANGE))
        return;
    p->marked_at = now;
    struct link *l = link_to(e, now, id);
    if (l != NULL && link_is_open(l))
        say(e, l, true);
}

/* ---- sending ---- */

static void send_part(struct engine *e, struct link *l, const struct msg_config_part *m)
{
    msg_put_config_part(session_begin(l->session), m);
    link_commit(e, l);
}

/* As far as the link's backlog allows: who wants more asks again. */
static void answer(struct engine *e, struct link *l, const struct msg_config_part *wanted)
{
    const struct config_kept *k = config_log_find(&e->configs->log, &wanted->hash);
    struct msg_config_part m = { .hash = wanted->hash, .piece = wanted->piece };

    if (k == NULL) {
        m.gone = true;
        send_part(e, l, &m);
        return;
    }
    for (uint32_t i = 0; i < wanted->want && link_is_open(l) && link_backlog(l) < SEND_MAX; i++, m.piece++) {
        m.packed = false;
        if (m.piece == CONFIG_PIECE_HEAD)
            m.bytes = config_doc_head(k->doc);
        else if (m.piece < k->doc->head.pieces_n)
            m.bytes = config_doc_packed(k->doc, m.piece, &m.packed);
        else
            break;
        e->counters.config_pieces_out++;
        send_part(e, l, &m);
    }
}

/* ---- fetching ---- */

static void stop(struct engine *e)
{
    struct config_fetch *f = &e->configs->fetch;

    config_doc_free(f->doc);
    *f = (struct config_fetch){ .active = false };
    timer_stop(e, &e->configs->fetch_timer);
}

/* Asks for what follows what is here, the head first. */
static void ask(struct engine *e, mesh_ns now, struct link *l)
{
    struct config_fetch *f = &e->configs->fetch;
    unsigned ahead = RARE(PIECES_FEW) ? 1 : PIECES_AHEAD;
    struct msg_config_part m = { .hash = f->want.hash, .piece = CONFIG_PIECE_HEAD, .want = 1 + ahead };

    if (f->doc != NULL) {
        m.piece = (uint32_t)f->doc->have;
        m.want = ahead;
    }
    f->asked = (f->doc != NULL ? f->doc->have : 0) + ahead;
    f->asked_at = now;
    send_part(e, l, &m);
}

/* Of those peers that have the best version, one that nothing speaks against. */
static struct link *best_source(struct engine *e, mesh_ns now)
{
    struct config_version best = configs_best(e->configs);
    struct link *found = NULL;

    LIST_EACH (at, &e->links) {
        struct link *l = OBJ_OF(at, struct link, link);
        if (!link_is_open(l) || l->probation || now < l->config_after || l->config.counter == 0 ||
            configs_refused(e->configs, &l->config) || config_version_cmp(&l->config, &best) <= 0)
            continue;
        best = l->config;
        found = l;
    }
    return found;
}

static void note_heard(struct configs *c, const struct config_version *v, const struct node_id *from)
{
    if (v->counter == 0 || config_log_find(&c->log, &v->hash) != NULL || configs_refused(c, v))
        return;
    for (size_t i = 0; i < CONFIG_HEARD; i++) {
        if (config_version_cmp(&c->heard[i].version, v) == 0)
            return;
    }
    c->heard[c->heard_at++ % CONFIG_HEARD] = (struct config_heard){ *v, *from };
}

/* A version that a peer had, and that lost against ours without being one of those that it follows from, is somebody's
 * change: it is to be kept here, too, or its maker's disk would be the only one that has it. */
static void seek_lost(struct engine *e, mesh_ns now)
{
    struct configs *c = e->configs;
    struct config_version ours = config_log_version(&c->log);

    for (size_t i = 0; i < CONFIG_HEARD && !c->fetch.active && ours.counter > 0; i++) {
        struct config_heard h = c->heard[i];
        if (h.version.counter == 0 || config_version_cmp(&h.version, &ours) > 0)
            continue;
        c->heard[i] = (struct config_heard){ .version.counter = 0 };
        struct link *l = link_open_to(e, &h.from);
        if (l == NULL || config_log_find(&c->log, &h.version.hash) != NULL ||
            config_doc_descends(&c->log.current->doc->head, &h.version))
            continue;
        c->fetch = (struct config_fetch){
            .active = true, .lost = true, .want = h.version, .from = h.from, .progress_at = now
        };
        timer_set(e, &c->fetch_timer, now + FETCH_LOOK);
        ask(e, now, l);
    }
}

void config_seek(struct engine *e, mesh_ns now)
{
    struct config_fetch *f = &e->configs->fetch;
    struct config_version ours = configs_best(e->configs);
    struct link *l = best_source(e, now);

    bool needless = config_version_cmp(&f->want, &ours) <= 0 && !f->lost;
    if (f->active && (needless || (f->lost && l != NULL) || configs_refused(e->configs, &f->want)))
        stop(e);
    if (l == NULL) { /* the timer looks again while one is on its way */
        seek_lost(e, now);
        return;
    }
    bool same = f->active && config_version_cmp(&l->config, &f->want) == 0;
    if (f->active && !same && config_version_cmp(&l->config, &f->want) < 0)
        return; /* the better one may come yet */
    const struct link *from = same ? link_open_to(e, &f->from) : NULL;
    if (from != NULL && now >= from->config_after)
        return; /* it is at it */
    if (!same) {
        stop(e);
        f->want = l->config;
        f->active = true;
    }
    f->from = l->peer;
    f->progress_at = now;
    timer_set(e, &e->configs->fetch_timer, now + FETCH_LOOK);
    ask(e, now, l);
}

static void fetch_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct config_fetch *f = &e->configs->fetch;
    struct link *l = link_open_to(e, &f->from);

    timer_set(e, t, now + FETCH_LOOK);
    if (l != NULL && now - f->progress_at >= FETCH_STALL) {
        l->config_after = now + SHUN;
        l = NULL;
    }
    if (l == NULL && (f->lost || (best_source(e, now) == NULL && now - f->progress_at >= SHUN))) {
        stop(e); /* who speaks of it the next time is asked */
        return;
    }
    if (l == NULL)
        config_seek(e, now);
    else if (now - f->asked_at >= ASK_AGAIN && now - f->progress_at >= ASK_AGAIN)
        ask(e, now, l);
}

/* The peer on |l| has sent what cannot be: it is left alone, and another one goes on from what was good. */
static void lied(struct engine *e, mesh_ns now, struct link *l, int err)
{
    char name[CERT_NAME_MAX + 1];

    strcpy(name, session_peer_name(l->session));
    trace_f(&e->cfg.trace, now, "configuration from %s rejected: %s", name, mesh_strerror(err));
    e->counters.config_pieces_rejected++;
    l->config_after = now + e->timers.distrust;
    if (e->configs->fetch.lost)
        stop(e);
    mesh_ns until = mesh_distrust(e->mesh, now, &l->peer, e->timers.distrust);
    if (until > e->distrust_until)
        e->distrust_until = until;
    link_close(e, now, l);
    config_seek(e, now);
}

static void take_head(struct engine *e, mesh_ns now, struct link *l, struct slice bytes)
{
    struct config_fetch *f = &e->configs->fetch;
    struct config_doc *d;
    int err = config_doc_begin(&d, bytes);

    if (err == MESH_E_NOMEM)
        return;
    if (f->lost && (err == MESH_E_VERSION || (err == 0 && configs_judge(e, d, -1) != 0))) {
        config_doc_free(d);
        stop(e);
        return;
    }
    if (err == 0 && config_version_cmp(&d->head.version, &f->want) != 0)
        err = MESH_E_HASH;
    if (err == 0)
        err = config_doc_check(d, &e->cfg.mesh.self->mesh.id);
    if (err == MESH_E_VERSION) { /* a form of a later software: all that it says cannot be judged */
        configs_refuse(e, now, &f->want, false, slice_str(mesh_strerror(err)));
        config_seek(e, now);
        return;
    }
    if (err == MESH_E_NOMEM) { /* ours: nobody lied, and it is asked for again */
        config_doc_free(d);
        return;
    }
    if (err != 0) {
        config_doc_free(d);
        lied(e, now, l, err);
        return;
    }
    if ((err = configs_judge(e, d, -1)) != 0) { /* the peer's roll may be another one than ours */
        config_doc_free(d);
        configs_refuse(e, now, &f->want, true, SLICE_LIT("who signed it is no operator by the authorities' roll"));
        config_seek(e, now);
        return;
    }
    f->doc = d;
    f->progress_at = now;
}

static void take_piece(struct engine *e, mesh_ns now, struct link *l, const struct msg_config_part *m)
{
    struct config_fetch *f = &e->configs->fetch;
    int err = config_doc_piece(f->doc, e->zpack, m->bytes, m->packed);

    if (err == MESH_E_NOMEM)
        return;
    if (err != 0) {
        lied(e, now, l, err);
        return;
    }
    e->counters.config_pieces_in++;
    f->progress_at = now;
    if (f->asked < f->doc->head.pieces_n) {
        struct msg_config_part next = { .hash = f->want.hash, .piece = (uint32_t)f->asked++, .want = 1 };
        send_part(e, l, &next);
    }
}

static void take_part(struct engine *e, mesh_ns now, struct link *l, const struct msg_config_part *m)
{
    struct config_fetch *f = &e->configs->fetch;

    if (!f->active || !node_id_eq(&f->from, &l->peer) || !digest_eq(&m->hash, &f->want.hash))
        return;
    if (m->gone) {
        l->config_after = now + SHUN;
        if (f->lost)
            stop(e);
        config_seek(e, now);
        return;
    }
    if (f->doc == NULL && m->piece == CONFIG_PIECE_HEAD)
        take_head(e, now, l, m->bytes);
    else if (f->doc != NULL && m->piece == f->doc->have && !config_doc_whole(f->doc))
        take_piece(e, now, l, m);
    if (!f->active || f->doc == NULL || !config_doc_whole(f->doc))
        return;
    struct config_doc *d = f->doc;
    f->doc = NULL;
    stop(e);
    configs_receive(e, now, d);
    config_seek(e, now);
}

/* ---- frames ---- */

static void broken(struct engine *e, mesh_ns now, struct link *l)
{
    e->counters.sessions_broken++;
    link_close(e, now, l);
}

static void on_config(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct configs *c = e->configs;
    struct config_version ours = config_log_version(&c->log);
    struct msg_config m;

    if (msg_get_config(body, &m) != 0) {
        broken(e, now, l);
        return;
    }
    l->config = m.version;
    l->config_heard = true;
    note(e, &l->peer, &m);
    note_heard(c, &m.version, &l->peer);
    if (m.reply)
        say(e, l, false);
    else if (config_version_cmp(&m.version, &ours) < 0)
        say_news(e, l);
    config_seek(e, now);
}

static void on_part(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct msg_config_part m;
    struct wire w = { 0 };

    if (msg_get_config_part(&w, body, &m) != 0) {
        broken(e, now, l);
        return;
    }
    if (m.want > 0)
        answer(e, l, &m);
    else
        take_part(e, now, l, &m);
    wire_close(&w);
}

void configs_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame)
{
    if (frame->type == MSG_CONFIG)
        on_config(e, now, l, frame->body);
    else
        on_part(e, now, l, frame->body);
    if (!l->closing && l->config_heard && l->answered != 0)
        configs_answered(e, l);
}

/* ---- what was handed in here ---- */

static bool has_ours(const struct engine *e, const struct node_id *id)
{
    struct config_version ours = config_log_version(&e->configs->log);
    const struct config_peer *p = config_peer_find(e->configs, id);

    return p != NULL && config_version_cmp(&p->version, &ours) >= 0 && p->kept;
}

static void spread_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    unsigned dials = 0;
    struct mesh_member m;

    for (size_t i = 1; i < mesh_count(e->mesh) && dials < SPREAD_DIALS; i++) {
        if (!mesh_member(e->mesh, i, &m) || !m.reachable || has_ours(e, &m.record->id))
            continue;
        struct node_id id = m.record->id;
        struct link *l = link_open_to(e, &id);
        if (l != NULL)
            say(e, l, true);
        else
            dials += link_to(e, now, &id) != NULL;
    }
    if (now < e->configs->spread_until)
        timer_set(e, t, now + SPREAD_EACH);
}

void config_spread(struct engine *e, mesh_ns now)
{
    e->configs->spread_until = now + SPREAD_SPAN;
    timer_set(e, &e->configs->spread_timer, now);
}

void config_sync_start(struct engine *e)
{
    struct configs *c = e->configs;

    list_init(&c->peers);
    list_init(&c->held);
    c->fetch_timer.fire = fetch_fire;
    c->spread_timer.fire = spread_fire;
}

void config_sync_fini(struct engine *e)
{
    stop(e);
    timer_stop(e, &e->configs->spread_timer);
    LIST_EACH_SAFE (at, &e->configs->peers)
        forget(e->configs, OBJ_OF(at, struct config_peer, link));
}
