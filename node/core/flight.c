/* One fetch per key: its sources one after the other, and who waits for it.
 *
 *   GO --ask an owner--> ASKING --no--> GO ... --none left--> the parent region's owners likewise (shield.c)
 *                                              --none left--> ORIGIN
 *   ASKING, ORIGIN --head--> readers attached, FILLING --end--> gone
 *   FILLING --the peer fails--> GO, the readers wait to be moved to the next copy
 *
 * A reader whose viewer has seen bytes is moved only to a copy that begins with the very
 * same bytes, compared by leaf hashes. */
#include <stdlib.h>

#include "node/core/flight_impl.h"
#include "node/core/handoff.h"
#include "node/core/key.h"
#include "node/core/second.h"
#include "node/core/tier.h"
#include "node/core/vary.h"
#include "node/core/warm.h"

#define REST_LITTLE     (UINT64_C(8) << 20) /* of a body that nobody reads any more */
#define PATIENCE_WARNED MS(50)              /* and four round trips: for an owner that others find silent */

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
        origin_silent(e, now, f);
        flight_fail(e, now, f, 504, "Neither another node nor the origin answered in time.");
    } else if (f->ask.l != NULL && f->ask.credit == 0) { /* it waits for our readers */
        timer_set(e, t, now + e->timers.fetch);
    } else if (f->ask.l != NULL) {
        e->counters.transfers_failed++;
        health_failed(e, now, &f->ask.l->peer);
        ask_failed(e, now, f);
    }
}

/* An owner above us is asked only whether it has the object: it may not cost more than this. */
static void patience_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct flight *f = OBJ_OF(t, struct flight, patience);

    if (f->load != NULL) { /* the disk takes too long */
        tier_leave(e, f);
        f->looks = UINT32_MAX;
        e->tier.late++;
        flight_go(e, now, f);
        return;
    }
    if (f->ask.l != NULL && !f->ask.answered) {
        health_failed(e, now, &f->ask.l->peer);
        ask_failed(e, now, f);
    }
}

static void forget(struct flight *f)
{
    route_drop(&f->route);
    buf_free(&f->wanted);
    buf_free(&f->host);
    buf_free(&f->path);
    buf_free(&f->request_id);
    buf_free(&f->method);
    forward_unref(f->forward);
    object_unref(f->stale);
    object_unref(f->varying);
    object_unref(f->audited);
    prior_forget(f);
    f->magic = 0;
    free(f);
}

static struct object *held(struct object *o)
{
    return o != NULL ? object_ref(o) : NULL;
}

/* By host, path and key, where nobody knows any more how it was come by. */
static bool find_route(const struct engine *e, struct route *out, const struct aim *aim)
{
    struct digest key;

    if (!route_find(out, e->cfg.set, e->cfg.zone, aim->host, aim->path, false))
        return false;
    if (!out->behaviour->key_has_scheme)
        return true;
    int err = route_key(&key, &e->cfg.mesh.self->mesh, out, aim->host, aim->path);
    out->https = !digest_eq(&key, aim->leaf ? &aim->primary : &aim->key);
    return err == 0;
}

struct flight *flight_new(struct engine *e, mesh_ns now, enum flight_class class, const struct aim *aim)
{
    struct flight *f = e->flights_n < FLIGHTS_MAX ? calloc(1, sizeof(*f)) : NULL;

    if (f == NULL)
        return NULL;
    f->route = aim->route;
    if (f->route.set == NULL && !find_route(e, &f->route, aim)) {
        free(f);
        return NULL;
    }
    route_hold(&f->route);
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
    f->run = aim->run;
    f->primary = aim->leaf ? aim->primary : aim->key;
    f->outdated = aim->outdated;
    f->position = e->purged;
    if (class != FLIGHT_DIRECT) {
        purges_settle(e, now, &f->key, &f->route, aim->path);
        f->stale = held(cache_stale(e->cache, now, &f->key, flight_fields(f)));
        f->varying = held(cache_varying(e->cache, &f->key));
        f->solo = f->stale != NULL && f->stale->lifetime == 0;
        aside_take(e, f);
    }
    list_init(&f->waiters);
    list_init(&f->ask.link);
    list_init(&f->hedge.ask.link);
    list_init(&f->run_link);
    list_init(&f->window_link);
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
    flight_seek(e, now, &place, f);
    return f;
}

void flight_seek(struct engine *e, mesh_ns now, const struct digest *place, struct flight *f)
{
    flight_owners(e, place, f->sources, &f->sources_n);
    f->source_at = 0;
    if (f->sources_n == 0) /* first among the owners: what we fetch, we fetch for all */
        f->class = FLIGHT_OWNER;
    if (f->class == FLIGHT_OWNER)
        handoff_former(e, now, place, f);
}

static void enter_map(struct engine *e, struct flight *f)
{
    if (f->class == FLIGHT_DIRECT || f->solo || f->mapped || f->dropped)
        return;
    f->mapped = true;
    map_insert(&e->flights_by_key, &f->by_key, map_hash_digest(&e->flights_by_key, f->key.bytes));
}

void flight_leave_map(struct engine *e, struct flight *f)
{
    if (f->mapped)
        map_remove(&e->flights_by_key, &f->by_key);
    f->mapped = false;
}

void flight_drop(struct engine *e, struct flight *f)
{
    f->dropped = true;
    flight_leave_map(e, f);
    if (f->object != NULL)
        tier_stop(e, f->object);
}

/* May somebody with |fields| hope to be answered by what |f| brings? */
static bool suits(const struct flight *f, const struct fields *fields)
{
    struct digest theirs, ours;
    struct fields varying;

    if (f->varying == NULL)
        return true;
    object_fields(f->varying, &varying);
    vary_digest(&theirs, &varying, fields);
    vary_digest(&ours, &varying, flight_fields(f));
    return digest_eq(&theirs, &ours);
}

static bool fits(const struct flight *f, enum flight_need need)
{
    switch (need) {
    case FLIGHT_ANY: return true;
    case FLIGHT_FOR_PEER: return f->class == FLIGHT_OWNER;
    case FLIGHT_FOR_REGION: return f->class == FLIGHT_OWNER && f->shield != SHIELD_ASKED;
    case FLIGHT_AT_ORIGIN: return f->class == FLIGHT_OWNER && f->origin != NULL && f->origin->admitted;
    }
    return false;
}

struct flight *flight_find(struct engine *e, const struct digest *key, const struct fields *fields,
                           enum flight_need need)
{
    for (struct map_node *n = map_find(&e->flights_by_key, map_hash_digest(&e->flights_by_key, key->bytes));
         n != NULL; n = map_same(n)) {
        struct flight *f = OBJ_OF(n, struct flight, by_key);
        if (digest_eq(&f->key, key) && fits(f, need) && suits(f, fields))
            return f;
    }
    return NULL;
}

struct flight *flight_along(struct engine *e, mesh_ns now, const struct aim *aim, struct origin *o)
{
    const struct fields *fields = &aim->forward->fields;
    struct flight *f;

    purges_settle(e, now, &aim->key, &aim->route, aim->path);
    /* As many again are left for those that somebody waits for. */
    if (e->flights_n >= FLIGHTS_MAX / 2 || tier_has(e, &aim->key) ||
        cache_peek(e->cache, now, &aim->key, fields) != NULL || flight_find(e, &aim->key, fields, FLIGHT_ANY) != NULL ||
        (f = flight_new(e, now, FLIGHT_OWNER, aim)) == NULL)
        return NULL;
    if (f->stale != NULL) {
        flight_free(e, f);
        return NULL;
    }
    f->origin = o;
    enter_map(e, f);
    timer_set(e, &f->deadline, now + e->timers.fetch);
    return f;
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

void flight_lose(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = f->object;

    f->object = NULL;
    object_set_flight(o, NULL);
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
    prior_keep(f, o);
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
        flight_lose(e, now, f);
    if (list_empty(&f->waiters) && !f->background) {
        flight_free(e, f);
        return;
    }
    flight_go(e, now, f);
}

void flight_fail(struct engine *e, mesh_ns now, struct flight *f, uint16_t status, const char *text)
{
    struct object *o = f->object;

    OBJ_CHECK(f, FLIGHT_MAGIC);
    if (o == NULL && stale_rescue(e, now, f))
        return;
    flight_leave_map(e, f);
    if (o != NULL) {
        f->object = NULL;
        object_set_flight(o, NULL);
        object_fail(o);
        cache_remove(e->cache, o);
        LIST_EACH_SAFE (at, &o->readers) {
            struct reader *r = OBJ_OF(at, struct reader, link);
            if (!list_linked(&r->wait_link)) /* else it waits elsewhere already */
                waiter_fail(e, now, r, status, text);
        }
        object_unref(o);
    }
    LIST_EACH_SAFE (at, &f->waiters)
        waiter_fail(e, now, OBJ_OF(at, struct reader, wait_link), status, text);
    flight_free(e, f);
}

void flight_free(struct engine *e, struct flight *f)
{
    OBJ_CHECK(f, FLIGHT_MAGIC);
    ask_cancel(e, e->now, f);
    second_over(e, e->now, f);
    tier_leave(e, f);
    warm_ended(e, f);
    origin_stop(e, f);
    complete_free(e, f);
    flight_leave_map(e, f);
    timer_stop(e, &f->deadline);
    timer_stop(e, &f->patience);
    LIST_EACH_SAFE (at, &f->waiters) {
        OBJ_OF(at, struct reader, wait_link)->flight = NULL;
        list_remove(at);
    }
    if (f->object != NULL) {
        object_set_flight(f->object, NULL);
        if (f->object->state == OBJECT_FILLING) {
            object_fail(f->object);
            cache_remove(e->cache, f->object);
            engine_changed(e, f->object); /* somebody may have read along */
        }
        object_unref(f->object);
    }
    list_remove(&f->window_link);
    list_remove(&f->link);
    e->flights_n--;
    forget(f);
}

/* Nobody reads: is it to be had all the same, for who asks next? Yes where the rest is little, or less than what has
 * come, since a fetch that is broken off has cost that in vain. */
static bool worth_finishing(const struct flight *f)
{
    const struct object *o = f->object;
    uint64_t come = object_available(o);

    if (o->pass_through || f->background)
        return !o->pass_through;
    return o->has_length ? o->length - come <= come || o->length - come <= REST_LITTLE : come <= REST_LITTLE;
}

bool flight_purposeless(const struct flight *f)
{
    if (!list_empty(&f->waiters) || f->audited != NULL)
        return false;
    if (f->object == NULL)
        return f->class == FLIGHT_DIRECT;
    return !object_is_read(f->object) && !second_reads(f) && !worth_finishing(f);
}

void flight_left(struct engine *e, struct flight *f)
{
    if (flight_purposeless(f))
        flight_free(e, f);
}

/* No other node has it: now we would ask the origin. But while we asked, somebody may
 * have asked us as an owner, and that fetch is the one for all. */
static bool shared_already(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = cache_peek(e->cache, now, &f->key, flight_fields(f));
    struct flight *other;

    if (f->class == FLIGHT_DIRECT || f->solo)
        return false;
    if (o != NULL) {
        flight_share(e, now, f, o, object_flight(o));
        return true;
    }
    flight_leave_map(e, f);
    other = flight_find(e, &f->key, flight_fields(f), f->far ? FLIGHT_FOR_REGION : FLIGHT_FOR_PEER);
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
    if (f->class != FLIGHT_OWNER || f->shield == SHIELD_ASKED || f->ask.l == NULL || f->ask.answered ||
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
        if (!mesh_find(e->mesh, id, &m) || !m.reachable || now < m.distrusted_until || !health_lets(e, now, id) ||
            !ask_start(e, now, f, id))
            continue;
        if (f->class == FLIGHT_OWNER && f->shield != SHIELD_ASKED)
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
    if (tier_load(e, now, f) || ask_next(e, now, f))
        return;
    if (second_needless(f)) {
        flight_free(e, f);
        return;
    }
    second_leaves(e, f);
    f->from_peer = f->peer_hit = false;
    if (f->kept_only) {
        object_unref(f->stale);
        f->stale = NULL;
        flight_fail(e, now, f, 503, "It is not here any more.");
        return;
    }
    if (f->copy) {
        warm_failed(e, now, f);
        return;
    }
    if (shared_already(e, now, f))
        return;
    f->class = f->class == FLIGHT_EDGE ? FLIGHT_OWNER : f->class; /* it waits on no peer of ours any more */
    if (shield_begin(e, f) && ask_next(e, now, f))
        return;
    f->shield = SHIELD_OVER;
    if (complete_start(e, now, f) || !gate_lets(e, now, f))
        return;
    if (!origin_start(e, now, f))
        flight_fail(e, now, f, 503, "This node is out of memory for more fetches.");
}
