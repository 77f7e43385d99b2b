/* Copies past their time: served as they are where that is allowed, or validated with the origin, whose 304 makes
 * them fresh again (RFC 9111 sections 4.2.4 and 4.3, RFC 5861). */
#include "node/core/date.h"
#include "node/core/engine_impl.h"
#include "node/core/selection.h"
#include "node/core/warm.h"

#define RETRY_AFTER SEC(10) /* an origin that fails is asked again for an object no sooner */

static mesh_ns beyond(const struct object *o, mesh_ns now)
{
    return now - o->born - o->lifetime;
}

bool stale_while_revalidate(const struct object *o, mesh_ns now)
{
    return beyond(o, now) < SEC(o->stale_while_revalidate_s);
}

bool stale_if_error(const struct object *o, mesh_ns now)
{
    return beyond(o, now) < SEC(o->stale_if_error_s);
}

bool stale_served(const struct object *o, mesh_ns now, bool *refresh)
{
    *refresh = o->more == NULL || now >= o->more->retry_at;
    return (!*refresh && stale_if_error(o, now)) || stale_while_revalidate(o, now);
}

void stale_refresh(struct engine *e, mesh_ns now, bool as_owner, const struct aim *aim)
{
    struct flight *f = flight_find(e, &aim->key, &aim->forward->fields, FLIGHT_ANY);

    if (f != NULL || (f = flight_toward(e, now, as_owner, aim)) == NULL)
        return;
    f->background = true;
    f->solo = false;
    flight_go(e, now, f);
}

bool stale_rescue(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = f->stale;

    if (o == NULL || !stale_if_error(o, now))
        return false;
    if (object_more_of(o) != NULL) /* else it is asked again at the next occasion */
        o->more->retry_at = now + RETRY_AFTER;
    f->rescued = true;
    flight_share(e, now, f, o, NULL);
    return true;
}

/* ---- 304 ---- */

/* What describes the very bytes that we have is not for a message without any to change (RFC 9111 section 3.2). */
static bool updates(const struct fields *all, const struct field *field)
{
    static const char *const body[] = { "content-digest", "content-encoding", "content-length",
                                        "content-md5",    "content-range",    "etag" };

    for (size_t i = 0; i < sizeof(body) / sizeof(body[0]); i++) {
        if (slice_eq_nocase(field->name, slice_str(body[i])))
            return false;
    }
    return !fields_hop_by_hop(all, field);
}

/* The stored head with each field that |fields| says anew. |date| is where the time goes that it lacks. */
static int merge(struct head *out, const struct head *stored, const struct fields *fields, int64_t wall_s,
                 char date[DATE_TEXT_BYTES + 1])
{
    int err = 0;

    memcpy(out, stored, offsetof(struct head, fields));
    out->fetched_s = wall_s;
    fields_clear(&out->fields);
    for (size_t i = 0; i < stored->fields.n && err == 0; i++) {
        const struct field *old = &stored->fields.at[i], *anew = fields_find(fields, old->name);
        bool dated = slice_eq_nocase(old->name, SLICE_LIT("date"));
        if (!dated && (anew == NULL || !updates(fields, anew)))
            err = fields_add(&out->fields, old->name, old->value);
    }
    for (size_t i = 0; i < fields->n && err == 0; i++) {
        if (updates(fields, &fields->at[i]))
            err = fields_add(&out->fields, fields->at[i].name, fields->at[i].value);
    }
    if (err == 0 && fields_find(fields, SLICE_LIT("date")) == NULL) {
        date_format(wall_s, date);
        err = fields_add(&out->fields, SLICE_LIT("Date"), slice_str(date));
    }
    return err;
}

/* Does the 304 name another representation than ours? Then its fields are not for ours (section 4.3.4); that nothing
 * has changed since our validator it says all the same. */
static bool of_another(const struct kept_head *stored, const struct fields *fields)
{
    const struct field *theirs = fields_find(fields, SLICE_LIT("etag"));
    struct slice ours;

    return kept_head_find(stored, SLICE_LIT("etag"), &ours) && theirs != NULL &&
           !etag_weakly_equal(ours, theirs->value);
}

/* The head gets a new signature, and where the body was another node's, so does that: a peer in the midst of
 * reading could make nothing of the rest. */
static bool renew(struct engine *e, mesh_ns now, struct object *o)
{
    const struct identity *self = e->cfg.mesh.self;

    LIST_EACH_SAFE (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        if (r->of_peer && object_self(o) != self)
            serve_abort(e, now, reader_serve(r), ABORT_GONE, 0);
    }
    struct object_past past;
    cache_take_in(e->cache, o); /* other threads find it with its new head, or not at all */
    if (!object_renew(o, buf_slice(&e->scratch), self, &past))
        return false;
    shelved_past(o, &past);
    LIST_EACH (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        if (!r->of_peer && !r->of_parts)
            reader_request(r)->answer.head = o->head;
    }
    return true;
}

static bool update(struct engine *e, mesh_ns now, struct flight *f, const struct fields *fields)
{
    struct object *o = f->stale;
    static const struct fields nothing;
    struct buf policy = BUF_EMPTY;
    struct fields ours;
    char date[DATE_TEXT_BYTES + 1];
    struct freshness fresh;
    struct head stored, head;

    if (of_another(o->head, fields))
        fields = &nothing;
    kept_head_decode(o->head, &o->key, o->length, &stored);
    bool ok = flight_fields_of(f, fields, false, &policy, &ours) == 0 &&
              merge(&head, &stored, &ours, e->wall_s, date) == 0 && object_more_of(o) != NULL;
    if (ok)
        flight_fresh(e, f, f->leaf ? 200 : head.status, &head.fields, now - f->origin->began, &fresh);
    buf_clear(&e->scratch);
    ok = ok && head_encode(&e->scratch, &head) == 0;
    buf_free(&policy);
    if (!ok || !renew(e, now, o))
        return false;
    o->born = now - fresh.age_ns;
    o->evict.note = WARM_SEEN; /* the other copy is as old as it was */
    o->more->retry_at = 0;
    o->uncacheable = !fresh.storable;
    return flight_dress(f, o, &fresh); /* which has the memory that it needs */
}

void stale_validated(struct engine *e, mesh_ns now, struct flight *f, const struct fields *fields)
{
    struct object *o = f->stale;

    if (!update(e, now, f, fields)) { /* then we want all of it */
        origin_leave(f);
        object_unref(f->stale);
        f->stale = NULL;
        if (!origin_start(e, now, f))
            flight_fail(e, now, f, 503, "This node is out of memory for more fetches.");
        return;
    }
    e->counters.origin_validated++;
    origin_leave(f);
    if (o->uncacheable || f->dropped)
        cache_remove(e->cache, o);
    else if (!o->indexed && cache_peek(e->cache, now, &f->key, &f->forward->fields) == NULL)
        cache_put(e->cache, o, &f->forward->fields);
    f->validated = true;
    flight_share(e, now, f, o, NULL);
}
