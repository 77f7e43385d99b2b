/* We ask the origin: one struct origin per request to it. It outlives its flight until
 * the rim has let go of it. */
#include <stdio.h>
#include <stdlib.h>

#include "node/core/drop.h"
#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/range.h"

static struct origin *of(struct fetch *f)
{
    return OBJ_OF(f, struct origin, fetch);
}

void origin_free(struct origin *o)
{
    if (o == NULL)
        return;
    list_remove(&o->todo);
    forward_unref(o->forward);
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
    const struct field *f = o != NULL ? fields_find(&o->head->fields, SLICE_LIT("etag")) : NULL;

    *etag = f != NULL ? f->value : SLICE_EMPTY;
    f = o != NULL ? fields_find(&o->head->fields, SLICE_LIT("last-modified")) : NULL;
    *modified = f != NULL ? f->value : SLICE_EMPTY;
}

/* "bytes=0-65535" */
static struct slice leaf_range(const struct flight *f, char text[64])
{
    unsigned long long first = (unsigned long long)f->index * LEAF_BYTES;
    int n = snprintf(text, 64, "bytes=%llu-%llu", first, first + LEAF_BYTES - 1);

    return slice_of(text, (size_t)n);
}

bool origin_start(struct engine *e, mesh_ns now, struct flight *f)
{
    struct slice etag, modified, range;
    char text[64];

    conditions(f->stale, &etag, &modified);
    range = f->leaf ? leaf_range(f, text) : f->range;
    size_t texts = f->path.len + f->host.len + f->request_id.len + f->method.len + etag.len + modified.len + range.len +
                   f->if_range.len;
    struct origin *o = calloc(1, sizeof(*o) + texts);
    if (o == NULL)
        return false;
    uint8_t *at = (uint8_t *)(o + 1);
    o->fetch.path = keep(&at, buf_slice(&f->path));
    o->fetch.host = keep(&at, buf_slice(&f->host));
    o->fetch.request_id = keep(&at, buf_slice(&f->request_id));
    o->fetch.method = keep(&at, buf_slice(&f->method));
    o->fetch.from = f->from;
    o->fetch.if_none_match = keep(&at, etag);
    o->fetch.if_modified_since = keep(&at, modified);
    o->fetch.range = keep(&at, range);
    o->fetch.if_range = keep(&at, f->if_range);
    o->forward = forward_ref(f->forward);
    o->fetch.forward = o->forward != NULL ? &o->forward->fields : NULL;
    o->state = ORIGIN_NEW;
    o->flight = f;
    o->began = now;
    f->origin = o;
    list_init(&o->todo);
    list_push_back(&e->starts, &o->todo);
    e->counters.origin_fetches++;
    return true;
}

void origin_leave(struct flight *f)
{
    f->origin->flight = NULL;
    f->origin = NULL;
}

void origin_stop(struct engine *e, struct flight *f)
{
    struct origin *o = f->origin;

    if (o == NULL)
        return;
    f->origin = NULL;
    o->flight = NULL;
    list_remove(&o->todo);
    if (o->state == ORIGIN_NEW) {
        origin_free(o);
        return;
    }
    o->state = ORIGIN_STOPPING;
    list_push_back(&e->stops, &o->todo);
}

/* A pass-through body is taken only as fast as its fastest reader reads. */
void origin_flow(struct engine *e, struct flight *f)
{
    struct origin *o = f->origin;

    if (o == NULL || f->object == NULL || o->state != ORIGIN_RUNNING)
        return;
    bool paused = flight_ahead(f) >= WINDOW_LEAVES;
    if (paused == o->fetch.paused)
        return;
    o->fetch.paused = paused;
    if (!list_linked(&o->todo))
        list_push_back(&e->flows, &o->todo);
}

/* Makes the object of an answer from the origin. NULL: out of memory, or its head is too long. */
static struct object *make_object(struct engine *e, struct flight *f, uint16_t status, const struct fields *fields,
                                  const struct freshness *fresh, int64_t length)
{
    struct head head = { .key = f->key, .generation = secret_random_u64(), .status = status, .fetched_s = e->wall_s };
    bool for_one = is_passage(f) || f->unkept || !fresh->storable || (f->personal && !fresh->for_authorized);

    head.has_length = length >= 0;
    head.length = length >= 0 ? (uint64_t)length : 0;
    if (!for_one && e->cfg.distribution.set_cookie == SET_COOKIE_STRIP)
        fields_without(&head.fields, fields, SLICE_LIT("set-cookie"));
    else
        memcpy(&head.fields, fields, offsetof(struct fields, at) + fields->n * sizeof(struct field));
    buf_clear(&e->scratch);
    if (head_encode(&e->scratch, &head) != 0)
        return NULL;
    struct object *o = object_new(cache_memory(e->cache), buf_slice(&e->scratch), e->cfg.mesh.self, NULL);
    if (o == NULL)
        return NULL;
    o->uncacheable = for_one;
    o->born = e->now - fresh->age_ns;
    flight_dress(f, o, fresh);
    return o;
}

/* RFC 5861 section 4. */
static bool fails(uint16_t status)
{
    return status == 500 || (status >= 502 && status <= 504);
}

/* |f| wanted a leaf, and what comes is of another kind: all of the body, or another answer altogether. It is taken as
 * the answer for the whole, where we are the ones to have that; those who wait ask for the whole. The flight that goes
 * on with the fetch, or NULL. */
static struct flight *as_whole(struct engine *e, mesh_ns now, struct flight *f)
{
    struct aim aim = { .key = f->primary,
                       .host = buf_slice(&f->host),
                       .path = buf_slice(&f->path),
                       .request_id = buf_slice(&f->request_id),
                       .forward = f->forward };
    const struct fields *fields = &f->forward->fields;
    struct flight *whole = NULL;

    if (f->index < KEY_STRIPE_LEAVES && cache_peek(e->cache, now, &f->primary, fields) == NULL &&
        flight_find(e, &f->primary, fields, FLIGHT_ANY) == NULL)
        whole = flight_new(e, now, FLIGHT_OWNER, &aim);
    if (whole != NULL) {
        whole->background = true;
        whole->dropped = f->dropped;
        whole->origin = f->origin;
        whole->origin->flight = whole;
        f->origin = NULL;
    } else {
        origin_stop(e, f);
    }
    parts_none(e, now, f);
    return whole;
}

/* Is it the leaf that |f| wants? |*all|: and the whole body besides. */
static bool is_leaf(const struct flight *f, uint16_t status, const struct fields *fields, int64_t length, bool *all)
{
    const struct field *field = fields_find(fields, SLICE_LIT("content-range"));
    uint64_t first = (uint64_t)f->index * LEAF_BYTES;
    struct content_range r;

    *all = false;
    if (status != 206 || field == NULL || !content_range_read(&r, field->value) || r.first != first || length < 0 ||
        (uint64_t)length != r.last - r.first + 1 || length > (int64_t)LEAF_BYTES ||
        (length < (int64_t)LEAF_BYTES && r.last + 1 != r.length))
        return false;
    *all = first == 0 && r.last + 1 == r.length;
    return true;
}

void engine_fetch_head(struct engine *e, mesh_ns now, struct fetch *fetch, uint16_t status, const struct fields *fields,
                       int64_t length)
{
    struct origin *o = of(fetch);
    struct flight *f = o->flight;
    struct freshness fresh;

    e->now = now;
    if (f == NULL)
        return;
    if (status == 304 && f->stale != NULL) {
        stale_validated(e, now, f, fields);
        return;
    }
    if (status == 304 && !is_passage(f)) {
        e->counters.origin_failures++;
        flight_fail(e, now, f, 502, "The origin says that nothing has changed, but it was not asked that.");
        return;
    }
    if (fails(status) && stale_rescue(e, now, f))
        return;
    struct fields whole;
    if (f->leaf && status == 416) {
        origin_stop(e, f);
        flight_fail(e, now, f, 416, "There are no such bytes.");
        return;
    }
    bool all, leaf = f->leaf && is_leaf(f, status, fields, length, &all);
    if (f->leaf && (!leaf || all)) {
        if ((f = as_whole(e, now, f)) == NULL)
            return;
        if (leaf) {
            fields_without(&whole, fields, SLICE_LIT("content-range"));
            fields = &whole;
            status = 200;
        }
        leaf = false;
    }
    fresh_of(&fresh, &e->cfg.distribution, leaf ? 200 : status, fields, e->wall_s, now - o->began);
    struct object *body = make_object(e, f, status, fields, &fresh, length);
    if (body == NULL) {
        f->cause = fetch->cause;
        e->counters.origin_failures++;
        origin_stop(e, f);
        flight_fail(e, now, f, 502, "The origin's answer has a head that is too large or not well formed.");
        return;
    }
    f->from_peer = false;
    drop_changed(e, now, f, status, fields);
    flight_head(e, now, f, body);
}

void engine_fetch_body(struct engine *e, mesh_ns now, struct fetch *fetch, struct slice bytes)
{
    struct origin *o = of(fetch);
    struct flight *f = o->flight;

    e->now = now;
    if (f == NULL || f->object == NULL)
        return;
    e->counters.bytes_origin += bytes.len;
    if (object_append(f->object, now, bytes) != 0) {
        e->counters.origin_failures++;
        origin_stop(e, f);
        flight_fail(e, now, f, 502, "The origin's answer is longer than it said.");
        return;
    }
    flight_grew(e, now, f);
}

void engine_fetch_end(struct engine *e, mesh_ns now, struct fetch *fetch, int err)
{
    struct origin *o = of(fetch);
    struct flight *f = o->flight;

    e->now = now;
    if (f != NULL)
        f->cause = fetch->cause;
    origin_free(o);
    if (f == NULL)
        return;
    f->origin = NULL;
    if (err == 0 && (f->object == NULL || object_finish(f->object) != 0))
        err = MESH_E_CLOSED;
    if (err == 0) {
        flight_complete(e, now, f);
        return;
    }
    e->counters.origin_failures++;
    if (err == MESH_E_TIMEOUT)
        flight_fail(e, now, f, 504, "The origin did not answer in time.");
    else if (err == MESH_E_REFUSED)
        flight_fail(e, now, f, 502, "The origin cannot be reached.");
    else if (err == MESH_E_SYNTAX)
        flight_fail(e, now, f, 502, "The origin's answer is not well-formed HTTP.");
    else
        flight_fail(e, now, f, 502, "The origin ended the connection before its answer was complete.");
}
