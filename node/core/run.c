/* A run: leaves that lie together come by one request to the origin. Each has a flight of its own, which others find
 * and join while it waits for its turn, and becomes an object of its own as its last byte comes.
 *
 *   run_gather: flights for the leaves behind --Range of all--> run_begin --> leaf after leaf --> the last one's end
 *
 * A flight that leaves early costs nothing but its bytes, which are let by. The origin may send less than was asked
 * for, or nothing that can be kept: then the run is cut, and who waits behind the cut flies for itself. */
#include <stdio.h>
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key.h"

static uint64_t first_byte(uint32_t index)
{
    return (uint64_t)index * LEAF_BYTES;
}

/* Behind the last leaf that may come along with that of |f|: as far as was said to be wanted, its owners own what lies
 * there, too, and one run does not sweep the cache. */
static uint32_t farthest(const struct engine *e, const struct flight *f)
{
    uint64_t most = cache_object_max(e->cache) / LEAF_BYTES, n = f->run < most ? f->run : most;
    uint32_t stripe = KEY_STRIPE_LEAVES - f->index % KEY_STRIPE_LEAVES;

    return f->index + (uint32_t)(n > stripe ? stripe : n > 0 ? n : 1);
}

static void gather(struct engine *e, mesh_ns now, struct origin *o, const struct flight *f)
{
    struct aim aim = { .leaf = true,
                       .primary = f->primary,
                       .route = f->route,
                       .host = buf_slice(&f->host),
                       .path = buf_slice(&f->path),
                       .request_id = buf_slice(&f->request_id),
                       .forward = f->forward };
    uint32_t end = farthest(e, f);

    if (f->stale != NULL || f->solo || f->dropped || f->class != FLIGHT_OWNER)
        return;
    for (; o->end_leaf < end; o->end_leaf++) {
        aim.index = o->end_leaf;
        aim.run = end - aim.index;
        key_leaf(&aim.key, &f->primary, aim.index);
        struct flight *next = flight_along(e, now, &aim, o);
        if (next == NULL)
            return;
        next->member = f->member;
        list_push_back(&o->run, &next->run_link);
    }
}

static void say_range(struct origin *o)
{
    int n = snprintf(o->range, sizeof(o->range), "bytes=%llu-%llu", (unsigned long long)first_byte(o->leaf),
                     (unsigned long long)first_byte(o->end_leaf) - 1);
    o->fetch.range = slice_of(o->range, (size_t)n);
}

void run_gather(struct engine *e, mesh_ns now, struct origin *o, const struct flight *f)
{
    o->leaf = f->index;
    o->end_leaf = f->index + 1;
    gather(e, now, o, f);
    say_range(o);
}

bool run_adopt(struct origin *o, struct flight *f)
{
    if (o->state != ORIGIN_NEW || !f->leaf || f->index != o->end_leaf || f->object != NULL || f->stale != NULL)
        return false;
    f->origin = o;
    list_push_back(&o->run, &f->run_link);
    o->end_leaf++;
    say_range(o);
    return true;
}

bool run_answered(struct origin *o, uint16_t status, const struct fields *fields, int64_t length, bool *all)
{
    const struct field *field = fields_find(fields, SLICE_LIT("content-range"));
    struct content_range r;

    *all = false;
    if (status != 206 || field == NULL || !content_range_read(&r, field->value) || r.first != first_byte(o->leaf) ||
        length < 0 || (uint64_t)length != r.last - r.first + 1 || r.last >= first_byte(o->end_leaf) ||
        ((uint64_t)length < LEAF_BYTES && r.last + 1 != r.length))
        return false;
    o->end = r.last + 1;
    o->length = r.length;
    *all = r.first == 0 && o->end == r.length;
    return true;
}

/* The leaves from |from| on do not come by this request. */
static void cut(struct engine *e, mesh_ns now, struct origin *o, uint32_t from)
{
    LIST_EACH_SAFE (at, &o->run) {
        struct flight *f = OBJ_OF(at, struct flight, run_link);
        if (f->index < from)
            continue;
        origin_let_go(o, f);
        flight_source_again(e, now, f);
    }
}

/* What the answer's head says of each of its leaves. */
static bool keep_head(struct engine *e, struct origin *o, const struct fields *fields, const struct freshness *fresh)
{
    struct head head = { .status = 206 };

    parts_of_whole(&head.fields, fields);
    o->head = head_copy(&head, &e->scratch);
    o->fresh = *fresh;
    o->answered = e->now;
    return o->head != NULL;
}

static int make_leaf(struct engine *e, const struct origin *o, struct flight *f, struct object **out)
{
    uint64_t first = first_byte(o->leaf);
    struct freshness fresh = o->fresh;
    struct fields fields;
    char range[80];

    memcpy(&fields, &o->head->fields, offsetof(struct fields, at) + o->head->fields.n * sizeof(struct field));
    snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)first,
             (unsigned long long)(first + o->left - 1), (unsigned long long)o->length);
    int err = fields_add(&fields, SLICE_LIT("Content-Range"), slice_str(range));
    if (err != 0)
        return err;
    fresh.age_ns += e->now - o->answered;
    return origin_object(e, f, 206, &fields, &fresh, o->left, out);
}

/* The next leaf begins: its flight's turn, if it has one still. */
static void begin_leaf(struct engine *e, mesh_ns now, struct origin *o)
{
    uint64_t left = o->end - first_byte(o->leaf);
    struct list *next = list_first(&o->run);
    struct object *object;

    o->left = left < LEAF_BYTES ? (uint32_t)left : LEAF_BYTES;
    if (o->flight == NULL && next != NULL && OBJ_OF(next, struct flight, run_link)->index == o->leaf) {
        list_remove(next);
        o->flight = OBJ_OF(next, struct flight, run_link);
    }
    if (o->flight == NULL)
        return;
    o->flight->from_peer = false;
    int err = make_leaf(e, o, o->flight, &object);
    if (err != 0)
        origin_unfit(e, now, o->flight, err);
    else
        flight_head(e, now, o->flight, object);
}

bool run_begin(struct engine *e, mesh_ns now, struct origin *o, const struct fields *fields,
               const struct freshness *fresh)
{
    if (!keep_head(e, o, fields, fresh))
        return false;
    LIST_EACH (at, &o->run)
        timer_stop(e, &OBJ_OF(at, struct flight, run_link)->deadline);
    /* What is not kept, or not to be put together, is not fetched ahead. A leaf that is not whole ends the body. */
    bool keeps = fresh->storable && fresh->lifetime_ns > 0 && parts_validator_of(&o->head->fields).len > 0;
    uint32_t end = o->end == o->length ? leaf_count(o->end) : (uint32_t)(o->end / LEAF_BYTES);
    cut(e, now, o, keeps ? end : o->leaf + 1);
    begin_leaf(e, now, o);
    return true;
}

static void take(struct engine *e, mesh_ns now, struct flight *f, struct slice bytes)
{
    int err = object_append(f->object, now, bytes);

    if (err == 0 && object_available(f->object) == f->object->length)
        err = object_finish(f->object);
    if (err != 0)
        flight_fail(e, now, f, 503, "This node is out of memory for more fetches.");
    else if (f->object->state == OBJECT_COMPLETE)
        flight_complete(e, now, f);
    else
        flight_grew(e, now, f);
}

void run_body(struct engine *e, mesh_ns now, struct origin *o, struct slice bytes)
{
    while (bytes.len > 0 && o->state == ORIGIN_RUNNING && o->left > 0) {
        struct slice piece = slice_head(bytes, o->left);
        bytes = slice_from(bytes, piece.len);
        o->left -= (uint32_t)piece.len;
        if (o->left == 0)
            o->leaf++; /* before |take|: the flight ends there, and may be the last */
        if (o->flight != NULL)
            take(e, now, o->flight, piece);
        if (o->left == 0 && first_byte(o->leaf) < o->end && o->state == ORIGIN_RUNNING)
            begin_leaf(e, now, o);
    }
}
