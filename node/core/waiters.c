/* Who waits for a flight: a viewer's request, a peer's ask, a leaf of a body that is read in parts. When a head has
 * come they read it, or go on their own way where it is not for them. */
#include "node/core/flight_impl.h"
#include "node/core/warm.h"

void flight_join(struct flight *f, struct reader *r)
{
    assert(!list_linked(&r->wait_link));
    r->joined = !list_empty(&f->waiters);
    r->flight = f;
    f->far = f->far || (r->of_peer && reader_serve(r)->far);
    list_push_back(&f->waiters, &r->wait_link);
}

static bool fail_with_page(struct engine *e, mesh_ns now, const struct flight *f, struct request *r, uint16_t status,
                           const char *text)
{
    r->error_text = text;
    return error_page_begin(e, now, r, &f->route, buf_slice(&f->host), status, NULL);
}

void waiter_fail(struct engine *e, mesh_ns now, struct reader *r, uint16_t status, const char *text)
{
    if (!r->of_peer && !r->of_parts && r->flight != NULL)
        reader_request(r)->error_cause = r->flight->cause;
    struct flight *f = r->flight;
    list_remove(&r->wait_link);
    r->flight = NULL;
    if (r->of_peer)
        serve_abort(e, now, reader_serve(r), status == 503 ? ABORT_BUSY : ABORT_ORIGIN, status);
    else if (r->of_parts)
        part_failed(e, r, status, text);
    else if (error_page_failed(e, reader_request(r)))
        return;
    else if (f == NULL || !fail_with_page(e, now, f, reader_request(r), status, text))
        request_failed(e, reader_request(r), status, text);
}

static void attach(struct engine *e, struct flight *f, struct reader *r, struct object *o, bool leader)
{
    list_remove(&r->wait_link);
    r->flight = NULL;
    reader_attach(r, o);
    warm_joined(o, r->of_peer, leader);
    if (r->of_peer)
        serve_attached(reader_serve(r), f);
    else if (r->of_parts)
        part_attached(e, r, f, leader);
    else
        request_attached(reader_request(r), o, f, leader);
    engine_ready_reader(e, r);
}

void waiters_move(struct engine *e, mesh_ns now, struct flight *f, struct object *o)
{
    LIST_EACH_SAFE (at, &f->waiters) {
        struct reader *r = OBJ_OF(at, struct reader, wait_link);
        int same = r->object != NULL ? object_same(r->object, o, r->at) : -1;
        bool held = r->at / LEAF_BYTES >= object_first_held(o);
        if (same < 0)
            continue;
        if (same == 0 || !held) {
            waiter_fail(e, now, r, 502, "The rest of this answer has changed at the origin.");
            continue;
        }
        if (!coded_request_leaves(reader_request(r))) {
            waiter_fail(e, now, r, 503, "This node is out of memory for more answers.");
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
    else if (r->object != NULL || reader_request(r)->head_sent)
        request_failed(e, reader_request(r), 502, "The rest of this answer is no longer to be had.");
    else
        request_go_direct(e, now, reader_request(r), f);
}

void flight_disperse(struct engine *e, mesh_ns now, struct flight *f)
{
    cache_mark(e->cache, now, &f->primary);
    flight_leave_map(e, f);
    LIST_EACH_SAFE (at, &f->waiters)
        disperse(e, now, f, OBJ_OF(at, struct reader, wait_link));
    flight_free(e, f);
}

struct aim waiter_aim(const struct flight *f, const struct reader *r)
{
    return (struct aim){ .key = f->key,
                         .leaf = f->leaf,
                         .index = f->index,
                         .run = f->run,
                         .primary = f->primary,
                         .outdated = f->outdated,
                         .route = f->route,
                         .host = buf_slice(&f->host),
                         .path = buf_slice(&f->path),
                         .request_id = buf_slice(&f->request_id),
                         .forward = r->forward };
}

/* What |f| brought is not for |r|: to another flight, or to one of its own, that nobody |solo| joins. */
static void leave(struct engine *e, mesh_ns now, struct flight *f, struct reader *r, bool solo)
{
    struct aim aim = waiter_aim(f, r);
    struct flight *other = solo ? NULL : flight_find(e, &f->key, reader_fields(r), shield_need(r));

    list_remove(&r->wait_link);
    r->flight = NULL;
    if (other != NULL) {
        flight_join(other, r);
        r->joined = true;
        return;
    }
    if ((other = flight_toward(e, now, r->of_peer, &aim)) == NULL) {
        waiter_fail(e, now, r, 503, "This node is busy with too many fetches. Try again in a moment.");
        return;
    }
    other->solo = other->solo || solo;
    flight_join(other, r);
    flight_go(e, now, other);
}

void waiters_attach(struct engine *e, mesh_ns now, struct flight *f, struct object *o)
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
            attach(e, f, r, o, first && (object_flight(o) == f || f->validated || f->rescued));
        first = false;
    }
}

void flight_share(struct engine *e, mesh_ns now, struct flight *f, struct object *o, struct flight *other)
{
    flight_leave_map(e, f);
    if (o != NULL)
        waiters_attach(e, now, f, o);
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
        waiters_move(e, now, other != NULL ? other : f, o);
    LIST_EACH_SAFE (at, &f->waiters)
        waiter_fail(e, now, OBJ_OF(at, struct reader, wait_link), 502, "The copy this answer came from was lost.");
    flight_free(e, f);
}
