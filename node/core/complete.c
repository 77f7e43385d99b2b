/* A whole body of which leaves are here, from ranges that were asked for before: they are used, and the origin is asked
 * only for what lies between them (RFC 9111 section 3.4). All must have the same strong validator. Or its beginning is
 * here, from a source that failed in mid-body (prior.c): then the one gap is the rest.
 *
 *   complete_start --a gap--> its Range, If-Range --206--> the head of the whole; leaves, the gap, leaves, a gap ...
 *                  --none---> the head of the whole, from a leaf's; leaves
 *
 * A first answer that is not for what was asked for is taken for what it is, a later one means that the flight begins
 * anew without leaves. The origin waits while leaves in front of a gap, or a reader of a body too large to be kept,
 * are not there yet. */
#include <stdlib.h>

#include "node/core/flight_impl.h"
#include "node/core/key.h"
#include "node/core/second.h"

#define TURN 16 /* leaves in a row: hashing them takes the loop's time */
#define GAPS_MAX \
    16 /* each is a request, and the viewer waits for one after the other: the last goes to the body's end */

struct completion {
    struct timer timer;
    struct flight *f;
    struct kept_head *like; /* of one of the leaves: the others must be of the same body */
    uint32_t given;         /* so many leaves were here when a source failed; 0: those that there are, are looked for */
    struct object *prior;   /* which has them, held until they are in the flight's object */
    uint64_t length;        /* its own; 0: not known, and the origin will say it */
    uint32_t count, next;   /* leaves that it has; that are in the flight's object */
    unsigned gaps;          /* that were asked for */
    uint32_t gap, gap_end;  /* those that the origin is asked for; none: both 0 */
    bool again;             /* it was asked for this gap before, and nothing has come since */
};

void complete_free(struct engine *e, struct flight *f)
{
    if (f->completion == NULL)
        return;
    timer_stop(e, &f->completion->timer);
    free(f->completion->like);
    object_unref(f->completion->prior);
    free(f->completion);
    f->completion = NULL;
    f->range = f->if_range = SLICE_EMPTY;
}

/* ---- what is here ---- */

/* Only of leaves that we had from the origin ourselves: we sign the whole, and another's bytes are not ours to sign
 * where that can be helped. */
static bool is_good(const struct flight *f, mesh_ns now, const struct object *o)
{
    return o->state == OBJECT_COMPLETE && o->is_ours && now - o->born < o->lifetime &&
           cache_is_for(o, flight_fields(f)) && parts_validator(o->head).len > 0;
}

static struct object *newest(struct engine *e, mesh_ns now, const struct flight *f)
{
    struct object *best = NULL;

    purges_settle_leaves(e, now, &f->primary, &f->route, buf_slice(&f->path));
    for (struct object *o = NULL; (o = cache_next_leaf(e->cache, &f->primary, o)) != NULL;) {
        if (is_good(f, now, o) && (best == NULL || o->born > best->born))
            best = o;
    }
    return best;
}

static bool is_same(const struct completion *c, const struct object *o)
{
    struct content_range r;

    return parts_place(o->head, &r) && r.length == c->length &&
           slice_eq(parts_validator(o->head), parts_validator(c->like));
}

static struct object *leaf_here(struct engine *e, mesh_ns now, const struct completion *c, uint32_t index)
{
    struct digest key;

    key_leaf(&key, &c->f->primary, index);
    struct object *o = cache_peek(e->cache, now, &key, flight_fields(c->f));
    return o != NULL && is_good(c->f, now, o) && is_same(c, o) ? o : NULL;
}

/* The first leaf behind |from| that is here; else behind the last one. */
static uint32_t end_of_gap(struct engine *e, mesh_ns now, const struct completion *c, uint32_t from)
{
    uint32_t end = c->count;

    if (c->given > 0)
        return end;
    for (struct object *o = NULL; (o = cache_next_leaf(e->cache, &c->f->primary, o)) != NULL;) {
        uint32_t index = object_part(o)->index;
        if (index > from && index < end && is_good(c->f, now, o) && is_same(c, o))
            end = index;
    }
    return end;
}

/* ---- gaps ---- */

static uint64_t first_byte(const struct completion *c, uint32_t index)
{
    uint64_t at = (uint64_t)index * LEAF_BYTES;
    return at < c->length || c->length == 0 ? at : c->length;
}

/* |f| may be gone afterwards. */
static void ask_gap(struct engine *e, mesh_ns now, struct completion *c, uint32_t from)
{
    struct flight *f = c->f;

    c->gap = from;
    c->gap_end = ++c->gaps < GAPS_MAX ? end_of_gap(e, now, c, from) : c->count;
    buf_clear(&f->wanted);
    buf_addf(&f->wanted, "bytes=%llu-", (unsigned long long)first_byte(c, c->gap));
    if (c->length > 0)
        buf_addf(&f->wanted, "%llu", (unsigned long long)first_byte(c, c->gap_end) - 1);
    size_t range = f->wanted.len;
    buf_add_slice(&f->wanted, parts_validator(c->like));
    f->range = slice_head(buf_slice(&f->wanted), range);
    f->if_range = slice_from(buf_slice(&f->wanted), range);
    if (!buf_ok(&f->wanted) || !origin_start(e, now, f))
        flight_fail(e, now, f, 503, "This node is out of memory for more fetches.");
}

static bool is_gap(struct completion *c, uint16_t status, const struct fields *fields, int64_t length)
{
    struct content_range r;

    if (c->length == 0 && status == 206 && parts_place_of(fields, &r) && r.length <= LEAF_BODY_MAX) {
        c->length = r.length; /* of the rest alone: where it is not that, nothing is made of it */
        c->count = c->gap_end = leaf_count(r.length);
    }
    return status == 206 && parts_place_of(fields, &r) && r.length == c->length &&
           slice_eq(parts_validator_of(fields), parts_validator(c->like)) && r.first == first_byte(c, c->gap) &&
           r.last + 1 == first_byte(c, c->gap_end) && length >= 0 && (uint64_t)length == r.last + 1 - r.first;
}

bool complete_holds(const struct flight *f)
{
    return f->completion != NULL && f->completion->next < f->completion->gap;
}

void complete_wake(struct engine *e, struct flight *f)
{
    struct completion *c = f->completion;

    if (c != NULL && f->object != NULL && (c->gap_end == 0 || c->next < c->gap))
        timer_set(e, &c->timer, e->now);
}

/* ---- putting it together ---- */

/* The next leaf is in |from|. False: |c|'s flight is gone. */
static bool add(struct engine *e, mesh_ns now, struct completion *c, const struct object *from)
{
    struct flight *f = c->f;
    struct object *o = object_ref(f->object);
    const struct object_leaf *leaf = object_leaf(from, 0); /* where it is one alone */
    int err =
        from == c->prior ? prior_give(from, c->next, o) : object_append(o, now, slice_of(leaf->raw, leaf->raw_len));

    c->next++;
    c->again = false;
    if (c->next == c->given) {
        object_unref(c->prior);
        c->prior = NULL;
    }
    if (err != 0)
        flight_fail(e, now, f, 503, "This node is out of memory for more fetches.");
    else
        flight_grew(e, now, f);
    bool goes_on = object_flight(o) == f;
    object_unref(o);
    return goes_on;
}

static struct object *next_here(struct engine *e, mesh_ns now, const struct completion *c)
{
    if (c->given == 0)
        return leaf_here(e, now, c, c->next);
    return c->next < c->given ? c->prior : NULL;
}

static void turn(struct engine *e, mesh_ns now, struct completion *c)
{
    struct flight *f = c->f;
    struct object *leaf;

    for (unsigned n = 0; n < TURN && c->next < c->count; n++) {
        if (c->gap_end > 0 && c->next == c->gap) { /* the origin goes on */
            origin_flow(e, f);
            return;
        }
        if (flight_ahead(f) >= WINDOW_LEAVES)
            return;
        if ((leaf = next_here(e, now, c)) == NULL) { /* gone meanwhile, where a gap lies behind it */
            origin_stop(e, f);
            ask_gap(e, now, c, c->next);
            return;
        }
        if (!add(e, now, c, leaf))
            return;
    }
    if (c->next < c->count)
        complete_wake(e, f);
    else if (object_finish(f->object) == 0)
        flight_complete(e, now, f);
    else
        flight_fail(e, now, f, 503, "This node is out of memory for more fetches.");
}

static void timer_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    turn(e, now, OBJ_OF(t, struct completion, timer));
}

/* The head of the whole, as an answer with one part of it tells it. False: the flight is gone. */
static bool begin(struct engine *e, mesh_ns now, struct flight *f, const struct fields *fields,
                  const struct freshness *fresh)
{
    struct fields whole;

    parts_of_whole(&whole, fields);
    struct object *o;
    int err = origin_object(e, f, 200, &whole, fresh, (int64_t)f->completion->length, &o);
    if (err != 0) {
        origin_unfit(e, now, f, err);
        return false;
    }
    f->from_peer = false;
    return flight_head(e, now, f, o);
}

/* Nothing has to be fetched. */
static void begin_from(struct engine *e, mesh_ns now, struct flight *f, const struct object *leaf)
{
    struct freshness fresh = { .storable = true,
                               .for_authorized = leaf->for_authorized,
                               .lifetime_ns = leaf->lifetime,
                               .stale_while_revalidate_ns = SEC(leaf->stale_while_revalidate_s),
                               .stale_if_error_ns = SEC(leaf->stale_if_error_s),
                               .age_ns = now - leaf->born };

    struct fields fields;

    object_fields(leaf, &fields);
    if (begin(e, now, f, &fields, &fresh))
        complete_wake(e, f);
}

static struct completion *completion_new(struct engine *e, struct flight *f, const struct object *like, uint64_t length)
{
    struct completion *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->f = f;
    c->timer.fire = timer_fire;
    c->length = length;
    c->count = leaf_count(length);
    f->completion = c;
    if ((c->like = kept_head_copy(like->head)) != NULL)
        return c;
    complete_free(e, f);
    return NULL;
}

/* A source failed, and |prior| has the first |leaves|. */
static bool start_behind(struct engine *e, mesh_ns now, struct flight *f, const struct object *prior, uint32_t leaves)
{
    struct completion *c = completion_new(e, f, prior, prior->has_length ? prior->length : 0);

    if (c == NULL)
        return false;
    c->prior = f->prior; /* its reference goes over */
    f->prior = NULL;
    c->given = leaves;
    f->resumes++;
    e->counters.resumed++;
    if (prior->has_length && leaves == c->count)
        begin_from(e, now, f, prior);
    else
        ask_gap(e, now, c, leaves);
    return true;
}

bool complete_start(struct engine *e, mesh_ns now, struct flight *f)
{
    struct content_range r;
    uint32_t here = 0, leaves;
    const struct object *prior = prior_rest(e, f, &leaves);

    if (prior != NULL)
        return start_behind(e, now, f, prior, leaves);
    if (f->leaf || f->class != FLIGHT_OWNER || f->solo || f->stale != NULL || f->dropped)
        return false;
    struct object *leaf = newest(e, now, f);
    bool known = leaf != NULL && parts_place(leaf->head, &r) && r.length <= LEAF_BODY_MAX;
    struct completion *c = known ? completion_new(e, f, leaf, r.length) : NULL;
    if (c == NULL)
        return false;
    while (here < c->count && leaf_here(e, now, c, here) != NULL)
        here++;
    if (here == c->count)
        begin_from(e, now, f, leaf);
    else if (gate_lets(e, now, f))
        ask_gap(e, now, c, here);
    return true;
}

/* ---- the origin's answers ---- */

bool complete_head(struct engine *e, mesh_ns now, struct flight *f, uint16_t status, const struct fields *fields,
                   int64_t length)
{
    struct freshness fresh;

    if (f->completion == NULL)
        return false;
    if (is_gap(f->completion, status, fields, length)) {
        flight_fresh(e, f, 200, fields, now - f->origin->began, &fresh);
        if (f->object == NULL && begin(e, now, f, fields, &fresh)) {
            origin_flow(e, f);
            complete_wake(e, f);
        }
        return true;
    }
    if (f->completion->given == 0)
        cache_drop_leaves(e->cache, &f->primary); /* they are of what was there before */
    complete_free(e, f);
    if (f->object == NULL && status != 206 && status != 416)
        return false;
    origin_stop(e, f);
    flight_source_again(e, now, f);
    return true;
}

bool complete_end(struct engine *e, mesh_ns now, struct flight *f, int err)
{
    struct completion *c = f->completion;

    if (c == NULL || f->object == NULL)
        return false;
    uint64_t have = object_available(f->object);
    bool all = err == 0 && c->next == c->gap && have == first_byte(c, c->gap_end);
    bool none = have == first_byte(c, c->next); /* perhaps it had to wait too long */
    if (!all && (!none || c->again))
        return false;
    c->again = !all;
    c->next = all ? c->gap_end : c->next;
    c->gap = c->gap_end = 0;
    origin_let_go(f->origin, f);
    turn(e, now, c);
    return true;
}
