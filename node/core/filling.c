/* What a flight brings: its object, from the head to the last byte. A body that is too large to be kept, or is one
 * request's alone, passes through a window at the pace of its fastest reader. */
#include "node/core/flight_impl.h"
#include "node/core/second.h"
#include "node/core/tier.h"
#include "node/core/vary.h"
#include "node/core/warm.h"

static uint32_t seconds(mesh_ns ns)
{
    return ns / SEC(1) < UINT32_MAX ? (uint32_t)(ns / SEC(1)) : UINT32_MAX;
}

void flight_fresh(const struct engine *e, const struct flight *f, uint16_t status, const struct fields *fields,
                  mesh_ns delay, struct freshness *out)
{
    fresh_of(out, &f->route.behaviour->cache, dist_error_of(f->route.dist, status), status, fields, e->wall_s, delay);
}

int flight_fields_of(const struct flight *f, const struct fields *fields, bool for_one, struct buf *policy,
                     struct fields *out)
{
    const struct dist_cache *c = &f->route.behaviour->cache;
    bool strips = !for_one && c->set_cookie == SET_COOKIE_STRIP;

    fields_clear(out);
    for (size_t i = 0; i < fields->n; i++) {
        struct slice name = fields->at[i].name;
        if (!(strips && slice_eq_nocase(name, SLICE_LIT("set-cookie"))) && !slice_eq_nocase(name, VARY_POLICY))
            (void)fields_add(out, name, fields->at[i].value); /* there is room for as many */
    }
    vary_policy(policy, c);
    if (!buf_ok(policy))
        return MESH_E_NOMEM;
    return policy->len > 0 ? fields_add(out, VARY_POLICY, buf_slice(policy)) : 0;
}

bool flight_dress(const struct flight *f, struct object *o, const struct freshness *fresh)
{
    struct fields fields;

    object_fields(o, &fields);
    bool varies = vary_names(&fields);
    if ((f->leaf && !object_set_part(o, f->index, &f->primary)) || (varies && object_more_of(o) == NULL))
        return false;
    o->position = f->position;
    o->rules = route_rules(&f->route);
    o->lifetime = fresh->lifetime_ns;
    o->for_authorized = fresh->for_authorized;
    o->stale_while_revalidate_s = seconds(fresh->stale_while_revalidate_ns);
    o->stale_if_error_s = seconds(fresh->stale_if_error_ns);
    o->varies = varies;
    if (varies)
        vary_digest(&o->more->variant, &fields, flight_fields(f));
    return true;
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
    bool unique = o->uncacheable || f->dropped || f->anew;
    struct object *other = unique ? NULL : cache_peek(e->cache, now, &f->key, flight_fields(f));

    OBJ_CHECK(f, FLIGHT_MAGIC);
    assert(f->object == NULL);
    watch_body(e, now, f);
    flight_leave_map(e, f);
    if (other != NULL) { /* another flight was faster: one copy is enough */
        object_unref(o);
        flight_share(e, now, f, other, object_flight(other));
        return false;
    }
    f->object = o;
    object_set_flight(o, f);
    o->pass_through = o->uncacheable || (o->has_length && o->length > cache_object_max(e->cache));
    if (!o->uncacheable && !f->dropped) {
        cache_unmark(e->cache, &f->primary);
        warm_place(e, f, o);
        cache_put(e->cache, o, flight_fields(f));
        if (o->pass_through && !second_reads(f)) /* to read along is no use of it */
            tier_passes(e, o);
    } else if (o->uncacheable && f->class != FLIGHT_DIRECT) {
        cache_mark(e->cache, now, &f->primary);
    }
    if (o->uncacheable && f->stale != NULL && o->head->status < 500)
        cache_remove(e->cache, f->stale); /* it is not what the origin says any more */
    waiters_attach(e, now, f, o);
    if (flight_purposeless(f) || !second_fits(e, f)) {
        flight_free(e, f);
        return false;
    }
    second_begin(e, now, f);
    return true;
}

/* ---- the body comes ---- */

/* Up to which leaf the window may follow: that of the fastest reader, or what goes to the disk. */
static uint32_t fastest(const struct flight *f)
{
    uint32_t most = second_reads(f) ? f->object->leaves_n : object_fastest(f->object);
    uint32_t written = tier_written(f->object);

    LIST_EACH (at, &f->waiters) {
        const struct reader *r = OBJ_OF(at, struct reader, wait_link);
        if (r->at / LEAF_BYTES > most)
            most = (uint32_t)(r->at / LEAF_BYTES);
    }
    return most < written ? most : written;
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
    return r->at / LEAF_BYTES < object_first_held(o);
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
        struct aim aim = waiter_aim(object_flight(o), r);
        aim.forward = object_flight(o)->forward;
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
    if (object_first_held(o) > 0) {
        if (!list_linked(&f->window_link))
            list_push_back(&e->windows, &f->window_link);
        cache_let_pass(e->cache, o);
        let_fall(e, now, o);
    }
}

struct object *window_find(const struct engine *e, const struct digest *key, const struct fields *fields, uint32_t leaf)
{
    LIST_EACH (at, &e->windows) {
        const struct flight *f = OBJ_OF(at, struct flight, window_link);
        struct object *o = f->object;
        if (o != NULL && digest_eq(&f->key, key) && !f->dropped && !o->uncacheable && o->lifetime > 0 &&
            cache_is_for(o, fields) && object_first_held(o) <= leaf)
            return o;
    }
    return NULL;
}

/* What did not say its length shows it as it comes, some with its last leaf alone. */
static void too_long_by_now(struct engine *e, struct object *o)
{
    if (o->pass_through || object_available(o) <= cache_object_max(e->cache))
        return;
    o->pass_through = true;
    tier_passes(e, o);
}

/* The last thing to be done with |f|: its readers may have found that it is not for them. */
void flight_grew(struct engine *e, mesh_ns now, struct flight *f)
{
    if (f->audited != NULL) {
        audit_grew(e, now, f, false);
        return;
    }
    struct object *o = object_ref(f->object);

    too_long_by_now(e, o);
    tier_grew(e, o);
    watch_body(e, now, f);
    second_grew(e, now, f);
    waiters_move(e, now, f, o);
    trim(e, now, f);
    origin_flow(e, f);
    ask_credit(e, f);
    complete_wake(e, f);
    cache_fit(e->cache);
    engine_changed(e, o);
    if (flight_purposeless(f))
        flight_free(e, f);
    object_unref(o);
}

void flight_complete(struct engine *e, mesh_ns now, struct flight *f)
{
    struct object *o = f->object;

    if (f->audited != NULL) {
        audit_grew(e, now, f, true);
        return;
    }
    too_long_by_now(e, o);
    if (o->pass_through)
        cache_let_pass(e->cache, o);
    tier_complete(e, o);
    warm_came(e, now, f);
    waiters_move(e, now, f, o);
    cache_fit(e->cache);
    engine_changed(e, o);
    flight_free(e, f);
}

void flight_readers_moved(struct engine *e, mesh_ns now, struct object *o)
{
    struct flight *f = object_flight(o);

    if (object_pieces(o) != NULL)
        pages_moved(e, o);
    if (f == NULL)
        return;
    if (flight_purposeless(f)) {
        flight_free(e, f);
        return;
    }
    if (!o->pass_through)
        return;
    trim(e, now, f);
    origin_flow(e, f);
    ask_credit(e, f);
    complete_wake(e, f);
}
