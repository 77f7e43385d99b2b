/* We ask the origin: one struct origin per request to it. It outlives its flight until
 * the rim has let go of it. */
#include <stdlib.h>

#include "node/core/drop.h"
#include "node/core/engine_impl.h"
#include "node/core/key.h"

static struct origin *of(struct fetch *f)
{
    return OBJ_OF(f, struct origin, fetch);
}

void origin_free(struct engine *e, struct origin *o)
{
    if (o == NULL)
        return;
    list_remove(&o->todo);
    gate_leave(e, o);
    forward_unref(o->forward);
    route_drop(&o->route);
    free(o->head);
    free(o);
}

struct request *fetch_asker(struct fetch *f)
{
    const struct flight *flight = of(f)->flight;
    struct reader *r;

    if (flight == NULL || flight->object != NULL || list_empty(&flight->waiters))
        return NULL;
    r = OBJ_OF(flight->waiters.next, struct reader, wait_link);
    return r->of_peer || r->of_parts || r->object != NULL ? NULL : reader_request(r);
}

/* The fetch lends its texts from the flight, which must not go before the rim has let
 * go: so the origin keeps copies of its own, behind itself in one piece of memory. */
static struct slice keep(uint8_t **at, struct slice s)
{
    struct slice kept = slice_of(*at, s.len);
    if (s.len > 0)
        memcpy(*at, s.data, s.len);
    *at += s.len;
    return kept;
}

/* The validators of |o|, as conditions (RFC 9111 section 4.3.1). */
static void conditions(const struct object *o, struct slice *etag, struct slice *modified)
{
    *etag = o != NULL ? kept_head_value(o->head, SLICE_LIT("etag")) : SLICE_EMPTY;
    *modified = o != NULL ? kept_head_value(o->head, SLICE_LIT("last-modified")) : SLICE_EMPTY;
}

bool origin_start(struct engine *e, mesh_ns now, struct flight *f)
{
    struct slice etag, modified;

    conditions(f->range.len > 0 ? NULL : f->stale, &etag, &modified);
    size_t texts = f->path.len + f->host.len + f->request_id.len + f->method.len + etag.len + modified.len +
                   f->range.len + f->if_range.len;
    struct origin *o = calloc(1, sizeof(*o) + texts);
    if (o == NULL)
        return false;
    uint8_t *at = (uint8_t *)(o + 1);
    o->route = f->route;
    route_hold(&o->route);
    o->fetch.origin = route_origin(&f->route, f->member);
    o->fetch.viewer_host = f->route.behaviour->viewer_host;
    o->fetch.https = f->route.https;
    o->fetch.path = keep(&at, buf_slice(&f->path));
    o->fetch.host = keep(&at, buf_slice(&f->host));
    o->fetch.request_id = keep(&at, buf_slice(&f->request_id));
    o->fetch.method = keep(&at, buf_slice(&f->method));
    o->fetch.from = f->from;
    o->fetch.if_none_match = keep(&at, etag);
    o->fetch.if_modified_since = keep(&at, modified);
    o->fetch.range = keep(&at, f->range);
    o->fetch.if_range = keep(&at, f->if_range);
    o->forward = forward_ref(f->forward);
    o->fetch.forward = o->forward != NULL ? &o->forward->fields : NULL;
    o->state = ORIGIN_NEW;
    o->flight = f;
    o->began = now;
    f->origin = o;
    list_init(&o->todo);
    list_init(&o->run);
    if (f->leaf)
        run_gather(e, now, o, f);
    gate_enter(e, now, o);
    return true;
}

void origin_leave(struct flight *f)
{
    f->origin->flight = NULL;
    f->origin = NULL;
}

static bool is_needless(const struct origin *o)
{
    return o->flight == NULL && list_empty(&o->run);
}

/* Of the flights that wait for |o| the one whose turn is first; NULL: none is left. */
static struct flight *first_flight(const struct origin *o)
{
    if (o->flight != NULL || list_empty(&o->run))
        return o->flight;
    return OBJ_OF(list_first(&o->run), struct flight, run_link);
}

static void drop(struct engine *e, struct origin *o)
{
    if (o->state == ORIGIN_OVER) /* see engine_fetch_end */
        return;
    list_remove(&o->todo);
    if (o->state == ORIGIN_NEW) {
        origin_free(e, o);
        return;
    }
    o->state = ORIGIN_STOPPING;
    list_push_back(&e->stops, &o->todo);
}

void origin_let_go(struct origin *o, struct flight *f)
{
    f->origin = NULL;
    list_remove(&f->run_link);
    if (o->flight == f)
        o->flight = NULL;
}

void origin_stop(struct engine *e, struct flight *f)
{
    struct origin *o = f->origin;

    if (o == NULL)
        return;
    origin_let_go(o, f);
    /* After the last leaf the rim ends the exchange in its own time. */
    if (is_needless(o) && (o->state != ORIGIN_RUNNING || o->end == 0 || (uint64_t)o->leaf * LEAF_BYTES < o->end))
        drop(e, o);
}

/* All who wait for |o| have waited in vain. */
static void fail(struct engine *e, mesh_ns now, struct origin *o, uint16_t status, const char *text)
{
    struct flight *f;

    while ((f = first_flight(o)) != NULL) {
        f->cause = o->fetch.cause;
        flight_fail(e, now, f, status, text);
    }
}

void origin_refuse(struct engine *e, mesh_ns now, struct origin *o, unsigned cause, const char *text)
{
    list_remove(&o->todo);
    o->state = ORIGIN_OVER;
    o->fetch.cause = cause;
    fail(e, now, o, 503, text);
    origin_free(e, o);
}

void origin_silent(struct engine *e, mesh_ns now, const struct flight *f)
{
    if (f->origin != NULL && f->origin->state == ORIGIN_RUNNING)
        gate_failed(e, now, f->origin, MESH_E_TIMEOUT);
}

/* A pass-through body is taken only as fast as its fastest reader reads. */
void origin_flow(struct engine *e, struct flight *f)
{
    struct origin *o = f->origin;

    if (o == NULL || f->object == NULL || o->state != ORIGIN_RUNNING)
        return;
    bool paused = flight_ahead(f) >= WINDOW_LEAVES || complete_holds(f);
    if (paused == o->fetch.paused)
        return;
    o->fetch.paused = paused;
    if (!list_linked(&o->todo))
        list_push_back(&e->flows, &o->todo);
}

#define NO_MEMORY "This node is out of memory for more fetches."

/* Nothing can be made of what |o| brought, or of it in this node. */
static void unfit(struct engine *e, mesh_ns now, struct origin *o, int err)
{
    if (err == MESH_E_NOMEM) {
        fail(e, now, o, 503, NO_MEMORY);
        return;
    }
    e->counters.origin_failures++;
    fail(e, now, o, 502, "The origin's answer has a head that is too large or not well formed.");
}

void origin_unfit(struct engine *e, mesh_ns now, struct flight *f, int err)
{
    if (err == MESH_E_NOMEM)
        flight_fail(e, now, f, 503, NO_MEMORY);
    else
        flight_fail(e, now, f, 502, "The origin's answer has a head that is too large.");
}

/* Of a passage only what is short: no reader of it ever falls out of a window, or has to go on elsewhere. */
static bool may_be_kept(const struct flight *f, int64_t length)
{
    return !is_passage(f) || (f->kept && length >= 0 && length <= LEAF_BYTES);
}

int origin_object(struct engine *e, struct flight *f, uint16_t status, const struct fields *fields,
                  const struct freshness *fresh, int64_t length, struct object **out)
{
    struct head head = { .key = f->key,
                         .generation = secret_random_u64(),
                         .status = status,
                         .fetched_s = e->wall_s,
                         .origin = distribution_origin(route_origin(&f->route, f->member)->url) };
    struct buf policy = BUF_EMPTY;
    bool for_one = !may_be_kept(f, length) || f->unkept || !fresh->storable || (f->personal && !fresh->for_authorized);

    head.has_length = length >= 0;
    head.length = length >= 0 ? (uint64_t)length : 0;
    buf_clear(&e->scratch);
    int err = flight_fields_of(f, fields, for_one, &policy, &head.fields);
    if (err == 0)
        err = head_encode(&e->scratch, &head);
    buf_free(&policy);
    if (err != 0)
        return err;
    struct object *o = object_new(cache_memory(e->cache), buf_slice(&e->scratch), e->cfg.mesh.self, NULL);
    if (o == NULL) { /* is it the head? */
        err = head_decode(&head, buf_slice(&e->scratch));
        return err != 0 ? err : MESH_E_NOMEM;
    }
    o->uncacheable = for_one;
    o->born = e->now - fresh->age_ns;
    if (!flight_dress(f, o, fresh)) {
        object_unref(o);
        return MESH_E_NOMEM;
    }
    *out = o;
    return 0;
}

/* RFC 5861 section 4. */
static bool fails(uint16_t status)
{
    return status == 500 || (status >= 502 && status <= 504);
}

/* Leaves were wanted, and what comes is of another kind: all of the body, or another answer altogether. It is taken as
 * the answer for the whole, where we are the ones to have that; those who wait ask for the whole. The flight that goes
 * on with the fetch, or NULL. */
static struct flight *as_whole(struct engine *e, mesh_ns now, struct origin *o)
{
    struct flight *f = first_flight(o), *whole = NULL;
    struct aim aim = { .key = f->primary,
                       .route = f->route,
                       .host = buf_slice(&f->host),
                       .path = buf_slice(&f->path),
                       .request_id = buf_slice(&f->request_id),
                       .forward = f->forward };
    const struct fields *fields = &f->forward->fields;

    if (f->index < KEY_STRIPE_LEAVES && cache_peek(e->cache, now, &f->primary, fields) == NULL &&
        flight_find(e, &f->primary, fields, FLIGHT_ANY) == NULL)
        whole = flight_new(e, now, FLIGHT_OWNER, &aim);
    if (whole != NULL) {
        whole->background = true;
        whole->member = f->member;
        whole->dropped = f->dropped;
        whole->position = f->position; /* the fetch began no later */
    }
    while ((f = first_flight(o)) != NULL) {
        origin_let_go(o, f);
        parts_none(e, now, f);
    }
    o->flight = whole;
    if (whole != NULL)
        whole->origin = o;
    else
        drop(e, o);
    return whole;
}

/* ---- groups of two ---- */

bool origin_may_fail_over(const struct flight *f)
{
    return f->member + 1 < route_members(&f->route) && (!is_passage(f) || f->replayable);
}

static bool status_fails_over(const struct flight *f, uint16_t status)
{
    const struct dist_behaviour *b = f->route.behaviour;

    if (!origin_may_fail_over(f) || f->object != NULL)
        return false;
    const struct dist_group *g = &f->route.dist->groups[b->target];
    for (size_t i = 0; i < g->statuses_n; i++) {
        if (g->statuses[i] == status)
            return true;
    }
    return false;
}

/* Begins for |f|, a leaf's, what those behind it may join again. NULL: nothing; |f| may be gone. */
static struct origin *begin_run(struct engine *e, mesh_ns now, struct flight *f)
{
    if (list_empty(&f->waiters) && !f->background) {
        flight_free(e, f);
        return NULL;
    }
    if (!gate_lets(e, now, f))
        return NULL;
    if (origin_start(e, now, f))
        return f->origin;
    flight_fail(e, now, f, 503, NO_MEMORY);
    return NULL;
}

/* All who wait for |o| have the second origin asked, as if the first one were none; leaves by one request, as before.
 */
static void fail_over(struct engine *e, mesh_ns now, struct origin *o)
{
    struct origin *next = NULL;
    struct flight *f;

    e->counters.origin_failovers++;
    while ((f = first_flight(o)) != NULL) {
        origin_let_go(o, f);
        f->member = 1;
        if (f->completion != NULL)
            complete_free(e, f);
        if (next != NULL && run_adopt(next, f))
            continue;
        if (f->leaf && next == NULL)
            next = begin_run(e, now, f);
        else
            flight_source_again(e, now, f);
    }
    drop(e, o);
}

/* What comes is the whole body, and shorter than what was asked for: is it worth to be kept as one? */
static bool is_small(const struct engine *e, const struct origin *o)
{
    return o->length <= LEAF_BYTES || o->length <= cache_object_max(e->cache);
}

void engine_fetch_head(struct engine *e, mesh_ns now, struct fetch *fetch, uint16_t status, const struct fields *fields,
                       int64_t length)
{
    struct origin *o = of(fetch);
    struct flight *f = first_flight(o);
    struct freshness fresh;

    e->now = now;
    o->answered_at_all = true;
    gate_answered(o);
    if (f != NULL && status_fails_over(f, status)) {
        fail_over(e, now, o);
        return;
    }
    if (f == NULL || complete_head(e, now, f, status, fields, length))
        return;
    if (status == 304 && f->stale != NULL) {
        stale_validated(e, now, f, fields);
        return;
    }
    if (status == 304 && !is_passage(f)) {
        e->counters.origin_failures++;
        fail(e, now, o, 502, "The origin says that nothing has changed, but it was not asked that.");
        return;
    }
    if (fails(status) && stale_rescue(e, now, f))
        return;
    if (f->leaf && status == 416) {
        fail(e, now, o, 416, "There are no such bytes.");
        return;
    }
    struct fields whole;
    bool all, leaves = f->leaf && run_answered(o, status, fields, length, &all);
    if (status == 206 && !is_passage(f) && (f->leaf ? !leaves : fetch->range.len == 0)) {
        e->counters.origin_failures++;
        fail(e, now, o, 502, "The origin sends other bytes than it was asked for.");
        return;
    }
    if (f->leaf && (!leaves || (all && is_small(e, o)))) {
        if ((f = as_whole(e, now, o)) == NULL)
            return;
        if (leaves) {
            fields_without(&whole, fields, SLICE_LIT("content-range"));
            fields = &whole;
            status = 200;
        }
        leaves = false;
    }
    flight_fresh(e, f, leaves ? 200 : status, fields, now - o->began, &fresh);
    struct object *body = NULL;
    int err = leaves ? (run_begin(e, now, o, fields, &fresh) ? 0 : MESH_E_RANGE)
                     : origin_object(e, f, status, fields, &fresh, length, &body);
    if (err != 0)
        unfit(e, now, o, err);
    if (body == NULL)
        return;
    f->from_peer = false;
    drop_changed(e, now, f, status, fields);
    flight_head(e, now, f, body);
}

void engine_fetch_body(struct engine *e, mesh_ns now, struct fetch *fetch, struct slice bytes)
{
    struct origin *o = of(fetch);
    struct flight *f = first_flight(o);

    e->now = now;
    if (f == NULL)
        return;
    if (f->leaf) {
        e->counters.bytes_origin += bytes.len;
        run_body(e, now, o, bytes);
        return;
    }
    if (f->object == NULL)
        return;
    e->counters.bytes_origin += bytes.len;
    int err = object_append(f->object, now, bytes);
    if (err == MESH_E_NOMEM) {
        fail(e, now, o, 503, NO_MEMORY);
        return;
    }
    if (err != 0) {
        e->counters.origin_failures++;
        fail(e, now, o, 502, "The origin's answer is longer than it said.");
        return;
    }
    flight_grew(e, now, f);
}

static void failed(struct engine *e, mesh_ns now, struct origin *o, int err)
{
    if (err == MESH_E_FULL || err == MESH_E_NOMEM) { /* it was not even asked */
        fail(e, now, o, 503,
             err == MESH_E_FULL
                 ? "The origin has as many requests from this node as it may have. Try again in a moment."
                 : NO_MEMORY);
        return;
    }
    e->counters.origin_failures++;
    if (err == MESH_E_TIMEOUT)
        fail(e, now, o, 504, "The origin did not answer in time.");
    else if (err == MESH_E_REFUSED)
        fail(e, now, o, 502, "The origin cannot be reached.");
    else if (err == MESH_E_SYNTAX)
        fail(e, now, o, 502, "The origin's answer is not well-formed HTTP.");
    else
        fail(e, now, o, 502, "The origin ended the connection before its answer was complete.");
}

void engine_fetch_end(struct engine *e, mesh_ns now, struct fetch *fetch, int err)
{
    struct origin *o = of(fetch);
    struct flight *f = first_flight(o);

    e->now = now;
    gate_failed(e, now, o, err);
    list_remove(&o->todo);
    o->state = ORIGIN_OVER;
    if (f != NULL && err != 0 && !o->answered_at_all && err != MESH_E_FULL && err != MESH_E_NOMEM &&
        origin_may_fail_over(f)) {
        fail_over(e, now, o);
    } else if (f != NULL && !complete_end(e, now, f, err)) {
        if (err == 0 && !f->leaf && f->object != NULL && object_finish(f->object) == 0)
            flight_complete(e, now, f);
        else
            failed(e, now, o, err);
    }
    origin_free(e, o);
}
