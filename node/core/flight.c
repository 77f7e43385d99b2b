/* One fetch per key: its sources one after the other, and who waits for it.
 *
 *   GO --ask an owner--> ASKING --no--> GO ... --none left--> ORIGIN
 *   ASKING, ORIGIN --head--> readers attached, FILLING --end--> gone
 *   FILLING --the peer fails--> GO, the readers wait to be moved to the next copy
 *
 * A reader whose viewer has seen bytes is moved only to a copy that begins with the very
 * same bytes, compared by leaf hashes. */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/vary.h"

#define PATIENCE_WARNED MS(50) /* and four round trips: for an owner that others find silent */

static void ask_failed(struct engine *e, mesh_ns now, struct flight *f)
{
    ask_cancel(e, now, f);
    flight_source_failed(e, now, f);
}

/* No head in time; or a peer's body that is in its midst has stopped, though its link has not. */
static void deadline_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct flight *f = OBJ_OF(t, struct flight, deadline);

    if (f->object == NULL) {
        flight_fail(e, now, f, 504, "Neither another node nor the origin answered in time.");
    } else if (f->ask.l != NULL && f->ask.credit == 0) { /* it waits for our readers */
        timer_set(e, t, now + e->timers.fetch);
    } else if (f->ask.l != NULL) {
        e->counters.transfers_failed++;
        ask_failed(e, now, f);
    }
}

/* An owner above us is asked only whether it has the object: it may not cost more than this. */
static void patience_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct flight *f = OBJ_OF(t, struct flight, patience);

    if (f->ask.l != NULL && !f->ask.answered)
        ask_failed(e, now, f);
}

static void forget(struct flight *f)
{
    buf_free(&f->wanted);
    buf_free(&f->host);
    buf_free(&f->path);
    buf_free(&f->request_id);
    buf_free(&f->method);
    forward_unref(f->forward);
    object_unref(f->stale);
    object_unref(f->varying);
    f->magic = 0;
    free(f);
}

static const struct fields *fields_of(const struct flight *f)
{
    return f->forward != NULL ? &f->forward->fields : NULL;
}

static struct object *held(struct object *o)
{
    return o != NULL ? object_ref(o) : NULL;
}

struct flight *flight_new(struct engine *e, mesh_ns now, enum flight_class class, const struct aim *aim)
{
    struct flight *f = e->flights_n < FLIGHTS_MAX ? calloc(1, sizeof(*f)) : NULL;

    if (f == NULL)
        return NULL;
    f->forward = forward_ref(aim->forward);
    buf_add_slice(&f->host, aim->host);
    buf_add_slice(&f->path, aim->path);
    buf_add_slice(&f->request_id, aim->request_id);
    if (!buf_ok(&f->host) || !buf_ok(&f->path) || !buf_ok(&f->request_id)) {
        forget(f);
        return NULL;
    }
    f->magic = FLIGHT_MAGIC;
    f->class = class;
    f->key = aim->key;
    f->leaf = aim->leaf;
    f->index = aim->index;
    f->primary = aim->leaf ? aim->primary : aim->key;
    f->outdated = aim->outdated;
    if (class != FLIGHT_DIRECT) {
        f->stale = held(cache_stale(e->cache, now, &f->key, fields_of(f)));
        f->varying = held(cache_varying(e->cache, &f->key));
        f->solo = f->stale != NULL && f->stale->lifetime == 0;
    }
    list_init(&f->waiters);
    list_init(&f->ask.link);
    f->deadline.fire = deadline_fire;
    f->patience.fire = patience_fire;
    list_push_back(&e->flights, &f->link);
    e->flights_n++;
    e->counters.flights++;
    return f;
}

struct flight *flight_toward(struct engine *e, mesh_ns now, bool as_owner, const struct aim *aim)
{
    struct flight *f = flight_new(e, now, as_owner ? FLIGHT_OWNER : FLIGHT_EDGE, aim);

    if (f == NULL)
        return NULL;
    struct digest place;
    key_stripe(&place, &f->primary, f->index);
    flight_owners(e, &place, f->sources, &f->sources_n);
    if (f->sources_n == 0) /* first among the owners: what we fetch, we fetch for all */
        f->class = FLIGHT_OWNER;
    return f;
}

static void enter_map(struct engine *e, struct flight *f)
{
    if (f->class == FLIGHT_DIRECT || f->solo || f->mapped || f->dropped)
        return;
    f->mapped = true;
    map_insert(&e->flights_by_key, &f->by_key, map_hash(&e->flights_by_key, SLICE_OF(f->key.bytes)));
}

static void leave_map(struct engine *e, struct flight *f)
{
    if (f->mapped)
        map_remove(&e->flights_by_key, &f->by_key);
    f->mapped = false;
}

void flight_drop(struct engine *e, struct flight *f)
{
    f->dropped = true;
    leave_map(e, f);
}

/* May somebody with |fields| hope to be answered by what |f| brings? */
static bool suits(const struct flight *f, const struct fields *fields)
{
    struct digest theirs, ours;

    if (f->varying == NULL)
        return true;
    vary_digest(&theirs, &f->varying->head->fields, fields);
    vary_digest(&ours, &f->varying->head->fields, fields_of(f));
    return digest_eq(&theirs, &ours);
}

struct flight *flight_find(struct engine *e, const struct digest *key, const struct fields *fields,
                           enum flight_need need)
{
    for (struct map_node *n = map_find(&e->flights_by_key, map_hash(&e->flights_by_key, SLICE_OF(key->bytes))); n != NULL;
         n = map_same(n)) {
        struct flight *f = OBJ_OF(n, struct flight, by_key);
        bool fits = need == FLIGHT_ANY || (f->class == FLIGHT_OWNER && (need == FLIGHT_FOR_PEER || f->origin != NULL));
        if (digest_eq(&f->key, key) && fits && suits(f, fields))
            return f;
    }
    return NULL;
}

void flight_join(struct flight *f, struct reader *r)
{
    assert(!list_linked(&r->wait_link));
    r->joined = !list_empty(&f->waiters);
    r->flight = f;
    list_push_back(&f->waiters, &r->wait_link);
}

int flight_owners(struct engine *e, const struct digest *key, struct node_id out[RING_OWNERS], size_t *n)
{
    const struct ring *ring = mesh_ring(e->mesh);
    const struct ring_member *owners[RING_OWNERS];

    *n = 0;
    if (ring_size(ring) == 0 || mesh_behind(e->mesh, e->now))
        return 0; /* alone, not in a ring yet, or not sure who is still a peer: act ourselves */
    size_t count = ring_owners(ring, ring_arc(ring, key), owners);
    for (size_t i = 0; i < count; i++) {
        if (node_id_eq(&owners[i]->id, &e->cfg.mesh.self->cert.id))
            return (int)i;
        out[(*n)++] = owners[i]->id;
    }
    return -1;
}

/* ---- sources that fail ---- */

/* The object being filled is lost: nobody new may find it, its readers wait for another. */
static void lose_object(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = f->object;

    f->object = NULL;
    o->flight = NULL;
    timer_stop(e, &f->deadline);
    object_fail(o);
    cache_remove(e->cache, o);
    LIST_EACH_SAFE (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        if (list_linked(&r->wait_link))
            continue; /* fell out of the window: waits elsewhere already */
        if (r->of_peer) {
            serve_abort(e, now, reader_serve(r), ABORT_GONE, 0);
            continue;
        }
        if (r->forward == NULL) /* it found the copy here: what holds for the fetch holds for it */
            r->forward = forward_ref(f->forward);
        if (r->of_parts || !reader_request(r)->head_sent) { /* as if it had never been */
            reader_detach(r);
            r->at = 0;
            if (!r->of_parts)
                reader_request(r)->state = REQUEST_WAITING;
        }
        r->flight = f;
        list_push_back(&f->waiters, &r->wait_link);
    }
    object_unref(o);
}

void flight_source_failed(struct engine *e, mesh_ns now, struct flight *f)
{
    f->source_at++;
    flight_source_again(e, now, f);
}

void flight_source_again(struct engine *e, mesh_ns now, struct flight *f)
{
    if (f->object != NULL)
        lose_object(e, now, f);
    if (list_empty(&f->waiters) && !f->background) {
        flight_free(e, f);
        return;
    }
    flight_go(e, now, f);
}

static void fail_reader(struct engine *e, mesh_ns now, struct reader *r, uint16_t status, const char *text)
{
    if (!r->of_peer && !r->of_parts && r->flight != NULL)
        reader_request(r)->error_cause = r->flight->cause;
    list_remove(&r->wait_link);
    r->flight = NULL;
    if (r->of_peer)
        serve_abort(e, now, reader_serve(r), status == 503 ? ABORT_BUSY : ABORT_ORIGIN, status);
    else if (r->of_parts)
        part_failed(e, r, status, text);
    else
        request_failed(e, reader_request(r), status, text);
}

void flight_fail(struct engine *e, mesh_ns now, struct flight *f, uint16_t status, const char *text)
{
    struct object *o = f->object;

    OBJ_CHECK(f, FLIGHT_MAGIC);
    if (o == NULL && stale_rescue(e, now, f))
        return;
    leave_map(e, f);
    if (o != NULL) {
        f->object = NULL;
        o->flight = NULL;
        object_fail(o);
        cache_remove(e->cache, o);
        LIST_EACH_SAFE (at, &o->readers) {
            struct reader *r = OBJ_OF(at, struct reader, link);
            if (!list_linked(&r->wait_link)) /* else it waits elsewhere already */
                fail_reader(e, now, r, status, text);
        }
        object_unref(o);
    }
    LIST_EACH_SAFE (at, &f->waiters)
        fail_reader(e, now, OBJ_OF(at, struct reader, wait_link), status, text);
    flight_free(e, f);
}

void flight_free(struct engine *e, struct flight *f)
{
    OBJ_CHECK(f, FLIGHT_MAGIC);
    ask_cancel(e, e->now, f);
    origin_stop(e, f);
    leave_map(e, f);
    timer_stop(e, &f->deadline);
    timer_stop(e, &f->patience);
    LIST_EACH_SAFE (at, &f->waiters) {
        OBJ_OF(at, struct reader, wait_link)->flight = NULL;
        list_remove(at);
    }
    if (f->object != NULL) {
        f->object->flight = NULL;
        if (f->object->state == OBJECT_FILLING) {
            object_fail(f->object);
            cache_remove(e->cache, f->object);
        }
        object_unref(f->object);
    }
    list_remove(&f->link);
    e->flights_n--;
    forget(f);
}

/* A body that only passes through needs somebody to pass it to; so does a fetch for one
 * request alone. All others are finished for those who will ask next. */
static bool purposeless(const struct flight *f)
{
    if (!list_empty(&f->waiters))
        return false;
    return f->object != NULL ? f->object->pass_through && list_empty(&f->object->readers) : f->class == FLIGHT_DIRECT;
}

void flight_left(struct engine *e, struct flight *f)
{
    if (purposeless(f))
        flight_free(e, f);
}

/* ---- a head has come ---- */

static void attach(struct engine *e, struct flight *f, struct reader *r, struct object *o, bool leader)
{
    list_remove(&r->wait_link);
    r->flight = NULL;
    reader_attach(r, o);
    if (r->of_peer)
        serve_attached(reader_serve(r));
    else if (r->of_parts)
        part_attached(e, r, f, leader);
    else
        request_attached(reader_request(r), o, f, leader);
    engine_ready_reader(e, r);
}

/* Moves those whose viewers saw part of a lost copy, as far as |o| reaches by now. */
static void move_readers(struct engine *e, mesh_ns now, struct flight *f, struct object *o)
{
    LIST_EACH_SAFE (at, &f->waiters) {
        struct reader *r = OBJ_OF(at, struct reader, wait_link);
        int same = r->object != NULL ? object_same(r->object, o, r->at) : -1;
        bool held = r->at / LEAF_BYTES >= o->first_held;
        if (same < 0)
            continue;
        if (same == 0 || !held) {
            fail_reader(e, now, r, 502, "The rest of this answer has changed at the origin.");
            continue;
        }
        struct object *old = object_ref(r->object);
        list_remove(&r->wait_link);
        r->flight = NULL;
        reader_attach(r, o);
        reader_request(r)->answer.head = o->head;
        e->counters.moved++;
        engine_ready_reader(e, r);
        flight_readers_moved(e, now, old);
        object_unref(old);
    }
}

static void disperse(struct engine *e, mesh_ns now, struct flight *f, struct reader *r)
{
    list_remove(&r->wait_link);
    r->flight = NULL;
    if (r->of_peer)
        serve_abort(e, now, reader_serve(r), ABORT_UNCACHEABLE, 0);
    else if (r->of_parts)
        part_uncacheable(e, r);
    else if (r->object != NULL)
        request_failed(e, reader_request(r), 502, "The rest of this answer is no longer to be had.");
    else
        request_go_direct(e, now, reader_request(r), f);
}

void flight_disperse(struct engine *e, mesh_ns now, struct flight *f)
{
    cache_mark(e->cache, now, &f->primary);
    leave_map(e, f);
    LIST_EACH_SAFE (at, &f->waiters)
        disperse(e, now, f, OBJ_OF(at, struct reader, wait_link));
    flight_free(e, f);
}

static struct aim aim_of(const struct flight *f, const struct reader *r)
{
    return (struct aim){ .key = f->key,
                         .leaf = f->leaf,
                         .index = f->index,
                         .primary = f->primary,
                         .outdated = f->outdated,
                         .host = buf_slice(&f->host),
                         .path = buf_slice(&f->path),
                         .request_id = buf_slice(&f->request_id),
                         .forward = r->forward };
}

/* What |f| brought is not for |r|: to another flight, or to one of its own, that nobody |solo| joins. */
static void leave(struct engine *e, mesh_ns now, struct flight *f, struct reader *r, bool solo)
{
    struct aim aim = aim_of(f, r);
    struct flight *other =
        solo ? NULL : flight_find(e, &f->key, reader_fields(r), r->of_peer ? FLIGHT_FOR_PEER : FLIGHT_ANY);

    list_remove(&r->wait_link);
    r->flight = NULL;
    if (other != NULL) {
        flight_join(other, r);
        r->joined = true;
        return;
    }
    if ((other = flight_toward(e, now, r->of_peer, &aim)) == NULL) {
        fail_reader(e, now, r, 503, "This node is busy with too many fetches. Try again in a moment.");
        return;
    }
    other->solo = other->solo || solo;
    flight_join(other, r);
    flight_go(e, now, other);
}

static void attach_waiters(struct engine *e, mesh_ns now, struct flight *f, struct object *o)
{
    bool first = true;

    LIST_EACH_SAFE (at, &f->waiters) {
        struct reader *r = OBJ_OF(at, struct reader, wait_link);
        if (r->object != NULL)
            continue; /* waits to be moved */
        if (o->uncacheable && !first)
            disperse(e, now, f, r);
        else if (!cache_is_for(o, reader_fields(r)) && !o->uncacheable)
            leave(e, now, f, r, false);
        else if (o->lifetime == 0 && !first && !f->rescued)
            leave(e, now, f, r, true);
        else
            attach(e, f, r, o, first && (o->flight == f || f->validated || f->rescued));
        first = false;
    }
}

void flight_share(struct engine *e, mesh_ns now, struct flight *f, struct object *o, struct flight *other)
{
    leave_map(e, f);
    if (o != NULL)
        attach_waiters(e, now, f, o);
    LIST_EACH_SAFE (at, &f->waiters) { /* those left have no head yet, or wait to be moved */
        struct reader *r = OBJ_OF(at, struct reader, wait_link);
        if (other == NULL)
            continue;
        list_remove(at);
        r->flight = NULL;
        flight_join(other, r);
        r->joined = true;
    }
    if (o != NULL)
        move_readers(e, now, other != NULL ? other : f, o);
    LIST_EACH_SAFE (at, &f->waiters)
        fail_reader(e, now, OBJ_OF(at, struct reader, wait_link), 502, "The copy this answer came from was lost.");
    flight_free(e, f);
}

/* No other node has it: now we would ask the origin. But while we asked, somebody may
 * have asked us as an owner, and that fetch is the one for all. */
static bool shared_already(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = cache_peek(e->cache, now, &f->key, fields_of(f));
    struct flight *other;

    if (f->class == FLIGHT_DIRECT || f->solo)
        return false;
    if (o != NULL) {
        flight_share(e, now, f, o, o->flight);
        return true;
    }
    leave_map(e, f);
    other = flight_find(e, &f->key, fields_of(f), FLIGHT_FOR_PEER);
    enter_map(e, f);
    if (other == NULL)
        return false;
    flight_share(e, now, f, NULL, other);
    return true;
}

/* Who is well answers an ask at once, so if another node has waited for the owners above us in
 * vain, a few round trips are enough: else their silence would be waited for twice. */
static mesh_ns patience(const struct engine *e, const struct flight *f, const struct mesh_member *above)
{
    return f->passed_over ? mesh_ns_min(PATIENCE_WARNED + 4 * above->rtt, e->timers.peer_silence)
                          : e->timers.peer_silence;
}

void flight_passed_over(struct engine *e, mesh_ns now, struct flight *f)
{
    struct mesh_member m;

    if (f->passed_over)
        return;
    f->passed_over = true;
    if (f->class != FLIGHT_OWNER || f->ask.l == NULL || f->ask.answered ||
        !mesh_find(e->mesh, &f->sources[f->source_at], &m))
        return;
    mesh_ns at = now + patience(e, f, &m);
    if (f->patience.node.queued && at < f->patience.node.at)
        timer_set(e, &f->patience, at);
}

static bool ask_next(struct engine *e, mesh_ns now, struct flight *f)
{
    struct mesh_member m;

    for (; f->source_at < f->sources_n; f->source_at++) {
        const struct node_id *id = &f->sources[f->source_at];
        if (!mesh_find(e->mesh, id, &m) || !m.reachable || now < m.distrusted_until || !ask_start(e, now, f, id))
            continue;
        if (f->class == FLIGHT_OWNER)
            timer_set(e, &f->patience, now + patience(e, f, &m));
        return true;
    }
    return false;
}

void flight_go(struct engine *e, mesh_ns now, struct flight *f)
{
    enter_map(e, f);
    if (!f->deadline.node.queued && !is_passage(f)) /* a body may take long: the rim watches over it */
        timer_set(e, &f->deadline, now + e->timers.fetch);
    if (ask_next(e, now, f))
        return;
    f->from_peer = f->peer_hit = false;
    if (shared_already(e, now, f))
        return;
    f->class = f->class == FLIGHT_EDGE ? FLIGHT_OWNER : f->class; /* it waits on no peer any more */
    if (!origin_start(e, now, f))
        flight_fail(e, now, f, 503, "This node is out of memory for more fetches.");
}

void flight_dress(const struct flight *f, struct object *o, const struct freshness *fresh)
{
    o->leaf = f->leaf;
    o->primary = f->primary;
    o->lifetime = fresh->lifetime_ns;
    o->for_authorized = fresh->for_authorized;
    o->stale_while_revalidate = fresh->stale_while_revalidate_ns;
    o->stale_if_error = fresh->stale_if_error_ns;
    o->varies = vary_names(&o->head->fields);
    if (o->varies)
        vary_digest(&o->variant, &o->head->fields, fields_of(f));
}

/* The origin's pace is the rim's affair. */
static void watch_body(struct engine *e, mesh_ns now, struct flight *f)
{
    if (f->ask.l != NULL)
        timer_set(e, &f->deadline, now + e->timers.fetch);
    else
        timer_stop(e, &f->deadline);
}

bool flight_head(struct engine *e, mesh_ns now, struct flight *f, struct object *o)
{
    struct object *other = o->uncacheable || f->dropped ? NULL : cache_peek(e->cache, now, &f->key, fields_of(f));

    OBJ_CHECK(f, FLIGHT_MAGIC);
    assert(f->object == NULL);
    watch_body(e, now, f);
    leave_map(e, f);
    if (other != NULL) { /* another flight was faster: one copy is enough */
        object_unref(o);
        flight_share(e, now, f, other, other->flight);
        return false;
    }
    f->object = o;
    o->flight = f;
    o->pass_through = o->uncacheable || (o->has_length && o->length > cache_object_max(e->cache));
    if (!o->uncacheable && !f->dropped) {
        cache_unmark(e->cache, &f->primary);
        cache_put(e->cache, o, fields_of(f));
    } else if (o->uncacheable && f->class != FLIGHT_DIRECT) {
        cache_mark(e->cache, now, &f->primary);
    }
    if (o->uncacheable && f->stale != NULL && o->head->status < 500)
        cache_remove(e->cache, f->stale); /* it is not what the origin says any more */
    attach_waiters(e, now, f, o);
    if (purposeless(f)) {
        flight_free(e, f);
        return false;
    }
    return true;
}

/* ---- the body comes ---- */

static uint32_t fastest(const struct flight *f)
{
    uint32_t most = object_fastest(f->object);

    LIST_EACH (at, &f->waiters) {
        const struct reader *r = OBJ_OF(at, struct reader, wait_link);
        if (r->at / LEAF_BYTES > most)
            most = (uint32_t)(r->at / LEAF_BYTES);
    }
    return most;
}

uint32_t flight_ahead(const struct flight *f)
{
    const struct object *o = f->object;
    uint32_t most;

    if (!o->pass_through)
        return 0;
    most = fastest(f);
    return o->leaves_n > most ? o->leaves_n - most : 0;
}

static bool fell_out(const struct reader *r, const struct object *o)
{
    return r->at / LEAF_BYTES < o->first_held;
}

/* Readers that a pass-through window has left behind ask again for themselves. */
static void let_fall(struct engine *e, mesh_ns now, struct object *o)
{
    LIST_EACH_SAFE (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        if (!fell_out(r, o) || list_linked(&r->wait_link))
            continue;
        if (r->of_peer) { /* it finds its next leaf gone */
            engine_ready_reader(e, r);
            continue;
        }
        struct aim aim = aim_of(o->flight, r);
        aim.forward = o->flight->forward;
        struct flight *own = flight_new(e, now, FLIGHT_DIRECT, &aim);
        if (own == NULL || o->uncacheable) {
            if (own != NULL)
                flight_free(e, own);
            request_failed(e, reader_request(r), 502, "This answer was read too slowly to be kept.");
            continue;
        }
        flight_join(own, r);
        flight_go(e, now, own);
    }
}

static void trim(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = f->object;

    if (!o->pass_through)
        return;
    object_trim(o, fastest(f), WINDOW_LEAVES);
    if (o->first_held > 0) {
        cache_remove(e->cache, o);
        let_fall(e, now, o);
    }
}

/* The last thing to be done with |f|: its readers may have found that it is not for them. */
void flight_grew(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = object_ref(f->object);

    if (!o->pass_through && object_available(o) > cache_object_max(e->cache))
        o->pass_through = true;
    watch_body(e, now, f);
    move_readers(e, now, f, o);
    trim(e, now, f);
    origin_flow(e, f);
    ask_credit(e, f);
    cache_fit(e->cache);
    engine_changed(e, o);
    if (purposeless(f))
        flight_free(e, f);
    object_unref(o);
}

void flight_complete(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = f->object;

    if (o->pass_through)
        cache_remove(e->cache, o);
    move_readers(e, now, f, o);
    cache_fit(e->cache);
    engine_changed(e, o);
    flight_free(e, f);
}

void flight_readers_moved(struct engine *e, mesh_ns now, struct object *o)
{
    struct flight *f = o->flight;

    if (f == NULL || !o->pass_through)
        return;
    if (purposeless(f)) {
        flight_free(e, f);
        return;
    }
    trim(e, now, f);
    origin_flow(e, f);
    ask_credit(e, f);
}
