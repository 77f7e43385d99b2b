/* A peer asks us: answered at once, then streamed (serve_stream.c). */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/second.h"
#include "node/core/spread.h"
#include "node/core/tier.h"
#include "node/core/warm.h"

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
    s->slip_timer.fire = serve_slip_fire;
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
    if (s->awaits_config)
        config_unhold(e, s);
    else
        purge_unhold(e, s);
    list_remove(&s->reader.ready_link);
    list_remove(&s->reader.wait_link);
    list_remove(&s->link);
    s->l->serves_n--;
    link_rests(e, s->l);
    e->serves_n -= !s->reader.along;
    if (o != NULL) {
        object_ref(o);
        reader_detach(&s->reader);
        flight_readers_moved(e, now, o);
        object_unref(o);
    }
    forward_unref(s->reader.forward);
    route_drop(&s->route);
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
bool serve_sound(struct engine *e, const struct msg_ask *m, struct digest *primary, struct route *route)
{
    struct buf normal = BUF_EMPTY;
    struct digest key;
    bool ok = key_path(&normal, m->path) == 0 && slice_eq(buf_slice(&normal), m->path);

    buf_clear(&normal);
    ok = ok && key_host(&normal, m->host) == 0 && slice_eq(buf_slice(&normal), m->host);
    ok = ok && route_find(route, e->cfg.set, e->cfg.zone, m->host, m->path, (m->flags & ASK_HTTPS) != 0) &&
         slice_eq(m->distribution, route->dist->name) && m->config == route->dist->digest;
    buf_clear(&normal);
    ok = ok && route_path(&normal, route, m->path) == 0 && slice_eq(buf_slice(&normal), m->path);
    buf_free(&normal);
    if (!ok || route_key(primary, &e->cfg.mesh.self->mesh, route, m->host, m->path) != 0)
        return false;
    if ((m->flags & ASK_LEAF) == 0)
        return digest_eq(primary, &m->key);
    key_leaf(&key, primary, m->first_leaf);
    return m->first_leaf < LEAF_COUNT_MAX && digest_eq(&key, &m->key);
}

int serve_forward(struct forward **out, const struct route *route, struct slice raw)
{
    if (raw.len > 0)
        return forward_read(out, route->behaviour, raw);
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
                         .route = s->route,
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

/* The asker goes by another configuration than we. If that is the later one we may have it in a moment. */
static void other_config(struct engine *e, mesh_ns now, struct link *l, uint32_t stream, const struct msg_ask *m,
                         struct slice body)
{
    struct serve *s = NULL;

    if (l->serves_n < SERVES_PER_LINK_MAX && config_awaited(e, now, l))
        s = serve_new(e, now, l, stream, m);
    if (s != NULL && config_hold(e, now, s, body))
        return;
    answer(e, l, stream, ANSWER_NOT_OWNER, NOT_OWNER_CONFIG);
    if (s != NULL)
        serve_end(e, now, s);
}

/* |m| was read from |body|. */
static void take_ask(struct engine *e, mesh_ns now, struct link *l, uint32_t stream, const struct msg_ask *m,
                     struct slice body)
{
    const struct ring *ring = mesh_ring(e->mesh);
    struct digest primary, place;
    struct route route;
    struct object *o;
    struct serve *s;

    if (!serve_sound(e, m, &primary, &route)) {
        other_config(e, now, l, stream, m, body);
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
    s->route = route;
    route_hold(&s->route);
    int err = serve_forward(&s->reader.forward, &route, m->fields);
    if (err != 0) {
        answer(e, l, stream, err == MESH_E_NOMEM ? ANSWER_BUSY : ANSWER_NOT_OWNER,
               err == MESH_E_NOMEM ? 0 : NOT_OWNER_CONFIG);
        serve_end(e, now, s);
        return;
    }
    purges_settle(e, now, &m->key, &route, m->path);
    if ((m->flags & ASK_LEAF) != 0)
        purges_settle(e, now, &primary, &route, m->path);
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
        take_ask(e, now, l, frame->stream, &m, frame->body);
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
        take_ask(e, now, l, stream, &m, buf_slice(&body));
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
