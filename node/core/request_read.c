/* What is read of a copy: its age, what is kept with it, its body. */
#include "node/core/engine_impl.h"
#include "node/core/shelf_read.h"
#include "node/core/shelved.h"
#include "node/core/tier.h"
#include "proto/base/rare.h"

void request_answer(struct engine *e, mesh_ns now, struct request *r)
{
    const struct object *o = r->reader.object;
    mesh_ns born, lifetime;

    (void)e;
    if (r->shelved != NULL) {
        shelf_answer(r, now);
        return;
    }
    if (r->parts != NULL) {
        parts_age(r, &born, &lifetime);
    } else {
        born = o->born;
        lifetime = o->lifetime;
    }
    r->answer.age_ns = now > born ? now - born : 0;
    r->answer.ttl_ns = lifetime - r->answer.age_ns;
    if (r->parts != NULL || r->answer.coding != CODING_IDENTITY)
        return;
    if (r->answer.as == 0)
        r->answer.lines = object_lines(o, r->policy.by);
    r->answer.has_length = o->has_length;
    r->answer.length = o->length;
}

#define LINES_BODY_MIN 4096 /* beside such a body lines are little; and other threads make none themselves */

bool request_keeps(const struct request *r)
{
    const struct object *o = r->reader.object;

    if (r->parts != NULL || r->answer.as != 0 || o->state != OBJECT_COMPLETE || o->uncacheable || o->pass_through)
        return false;
    return o->length >= LINES_BODY_MIN || cache_shelf(r->engine->cache) != NULL || cache_hot(r->engine->cache, o);
}

/* Those kept are by another policy, as after a change of configuration: what is laid out next has the new ones. */
static void renew_lines(struct engine *e, struct object *o)
{
    struct object_past past;

    cache_take_in(e->cache, o);
    object_lines_past(o, &past);
    shelved_past(o, &past);
}

void request_keep(struct request *r, struct slice lines)
{
    struct object *o = r->reader.object;

    if (!request_keeps(r))
        return;
    if (object_shelved(o) != NULL && o->lines != NULL) { /* others may read them */
        if (object_lines_by(o) == r->policy.by)
            return;
        renew_lines(r->engine, o);
    }
    object_keep_lines(o, r->policy.by, lines);
    cache_fit(r->engine->cache); /* |o| itself may go: who reads it holds it */
}

void request_lay_out(struct request *r)
{
    if (r->shelved == NULL && r->parts == NULL && r->answer.result == RESULT_HIT)
        cache_lay_out(r->engine->cache, r->reader.object);
}

/* ---- the body ---- */

static size_t body(struct request *r, struct slice *pieces, size_t max)
{
    if (r->shelved != NULL)
        return shelf_body(r, pieces, max);
    if (r->parts != NULL)
        return parts_read(r, pieces, max);
    if (r->answer.coding != CODING_IDENTITY)
        return coded_request_body(r, pieces, max);
    return r->reader.object != NULL ? pages_body(r, pieces, max) : 0;
}

size_t request_body(struct request *r, struct slice *pieces, size_t max)
{
    size_t n = body(r, pieces, max);

    if (n == 0 || !RARE(BODY_SHORT))
        return n;
    pieces[0] = slice_head(pieces[0], 1);
    return 1;
}

void request_read_on(struct engine *e, mesh_ns now, struct request *r, uint64_t at)
{
    uint64_t leaf = r->reader.at / LEAF_BYTES;

    e->now = now;
    assert(at >= r->reader.at);
    r->reader.at = at;
    if (r->parts != NULL)
        parts_moved(e, now, r);
    else if (at / LEAF_BYTES != leaf)
        flight_readers_moved(e, now, r->reader.object);
}

void request_seek(struct engine *e, mesh_ns now, struct request *r, uint64_t at, uint64_t length)
{
    r->until = at + length;
    if (r->shelved != NULL)
        r->reader.at = at;
    else
        request_read_on(e, now, r, at);
}

void request_take(struct engine *e, mesh_ns now, struct request *r, size_t n)
{
    if (r->shelved != NULL) {
        shelf_take_bytes(r, n);
        return;
    }
    if (r->answer.coding != CODING_IDENTITY) {
        coded_request_take(e, now, r, n);
        return;
    }
    assert(r->parts != NULL || r->reader.at + n <= object_available(r->reader.object));
    request_read_on(e, now, r, r->reader.at + n);
}

bool request_done(const struct request *r)
{
    const struct object *o = r->reader.object;

    if (r->shelved != NULL)
        return shelf_done(r);
    if (r->parts != NULL)
        return r->state == REQUEST_BODY && r->reader.at == r->answer.length;
    if (r->answer.coding != CODING_IDENTITY)
        return coded_request_done(r);
    return o != NULL && o->state == OBJECT_COMPLETE && r->reader.at == o->length;
}
