/* Ranges of a body that is not here: each leaf that is needed is an object by itself, fetched, kept, owned and proved
 * like any other, and the answer is read from one after the other, as their bytes come.
 *
 *   parts_begin --> the first leaf's head tells the length and the validator --> REQUEST_BODY
 *   reading on, a few leaves ahead are asked for; each must be of the same representation
 *   the origin has no ranges, or the body is small: the whole of it is asked for instead
 *   an owner has the whole by now: so, too; an answer that has begun goes on from there, if it is the same
 *
 * What befalls its readers is only noted, and looked at by parts_pump in the next tick: it happens in the midst of
 * lists that the consequences would change. */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key.h"

#define AHEAD 16 /* leaves asked for at once */
/* So many are announced together, and come from the origin by one request: those of a stripe, but fewer at first where
 * the range has no end, since its reader may soon leave. */
#define RUN_MAX  KEY_STRIPE_LEAVES
#define RUN_OPEN AHEAD

struct part {
    struct reader reader; /* first, see part_of */
    struct parts *parts;
    uint32_t index;
    bool open, renewed, failed;
    bool ahead;      /* asked for before it was read: if that comes to nothing, it is asked for once more when it is */
    uint16_t status; /* of the failure */
    const char *text;
};

enum verdict { VERDICT_NONE, VERDICT_WHOLE, VERDICT_RELAY };

struct parts {
    struct request *r;
    struct timer timer;
    struct digest primary;
    struct route route; /* held */
    struct buf host, path;
    uint32_t begin;              /* the leaf that is asked for first */
    uint64_t last;               /* read ahead up to this byte */
    uint32_t run_first, run_end; /* leaves that were announced ... */
    uint32_t run_next;           /* ... and how many are to be so the next time */
    uint64_t outdated;           /* generation of the first leaf that is not wanted again */
    bool again;                  /* begun anew once already */
    bool goes_on;                /* from the whole, of which there is no head yet */
    enum verdict verdict;
    /* What the first leaf said of all */
    struct kept_head *head;
    uint64_t length;
    mesh_ns born, lifetime;
    struct part part[AHEAD]; /* that of leaf i at i % AHEAD */
};

static struct part *part_of(struct reader *r)
{
    return OBJ_OF(r, struct part, reader);
}

/* ---- is it all of one representation? ---- */

static bool same(const struct parts *p, const struct object *o)
{
    struct content_range r;
    return parts_place(o->head, &r) && r.length == p->length &&
           slice_eq(parts_validator(o->head), parts_validator(p->head));
}

/* The head of the whole, as the leaf |o| tells it. */
static bool make_head(struct parts *p, const struct object *o)
{
    struct content_range r;
    struct fields fields;
    struct head head = { .generation = o->head->generation, .status = 200, .has_length = true };

    if (!parts_place(o->head, &r))
        return false;
    object_fields(o, &fields);
    parts_of_whole(&head.fields, &fields);
    p->head = kept_head_new(&head);
    p->length = r.length;
    p->born = o->born;
    p->lifetime = o->lifetime;
    return p->head != NULL;
}

static void drop_head(struct parts *p)
{
    free(p->head);
    p->head = NULL;
}

/* ---- its readers ---- */

static void close_part(struct engine *e, mesh_ns now, struct part *t)
{
    struct object *o = t->reader.object;
    struct flight *f = t->reader.flight;

    if (!t->open)
        return;
    t->open = t->failed = false;
    list_remove(&t->reader.wait_link);
    t->reader.flight = NULL;
    if (o != NULL) {
        object_ref(o);
        reader_detach(&t->reader);
        flight_readers_moved(e, now, o);
        object_unref(o);
    }
    if (f != NULL)
        flight_left(e, f);
    forward_unref(t->reader.forward);
    t->reader.forward = NULL;
}

static struct aim aim_of(const struct parts *p)
{
    return (struct aim){ .key = p->primary,
                         .primary = p->primary,
                         .route = p->route,
                         .host = buf_slice(&p->host),
                         .path = buf_slice(&p->path),
                         .request_id = p->r->request_id,
                         .forward = p->r->reader.forward };
}

/* Where it is read, once the viewer's side has said so. */
static uint32_t leaf_at(const struct parts *p)
{
    return p->head != NULL && p->r->head_sent ? (uint32_t)(p->r->reader.at / LEAF_BYTES) : p->begin;
}

/* Behind the last leaf that is wanted, as far as is known. */
static uint32_t wanted_end(const struct parts *p)
{
    uint64_t until = p->r->head_sent ? p->r->until : p->last < UINT64_MAX ? p->last + 1 : p->last;

    if (p->head != NULL && until > p->length)
        until = p->length;
    return leaf_count(until < LEAF_BODY_MAX ? until : LEAF_BODY_MAX);
}

/* Is the leaf |index| of |aim|'s body here? */
static bool is_here(struct engine *e, mesh_ns now, const struct aim *aim, uint32_t index)
{
    struct digest key;

    key_leaf(&key, &aim->primary, index);
    purges_settle(e, now, &key, &aim->route, aim->path);
    return cache_peek(e->cache, now, &key, &aim->forward->fields) != NULL;
}

/* How many leaves from |index| on, which is not here, will be asked for: of those that are owned together. */
static uint32_t announce(struct engine *e, mesh_ns now, struct parts *p, const struct aim *aim, uint32_t index)
{
    uint32_t end = wanted_end(p), i = index + 1;

    if (index >= p->run_first && index < p->run_end)
        return p->run_end - index;
    while (i < end && i % KEY_STRIPE_LEAVES != 0 && i - index < p->run_next && !is_here(e, now, aim, i))
        i++;
    p->run_first = index;
    p->run_end = i;
    p->run_next = 2 * p->run_next < RUN_MAX ? 2 * p->run_next : RUN_MAX;
    return i - index;
}

static void open_part(struct engine *e, mesh_ns now, struct parts *p, uint32_t index, uint64_t outdated)
{
    struct part *t = &p->part[index % AHEAD];
    struct aim aim = aim_of(p);
    struct object *o;
    struct flight *f;

    close_part(e, now, t);
    t->renewed = t->index == index && outdated != 0;
    t->index = index;
    t->ahead = index != leaf_at(p);
    t->open = true;
    t->parts = p;
    reader_init(&t->reader, false);
    t->reader.of_parts = true;
    t->reader.forward = forward_ref(p->r->reader.forward);
    aim.leaf = true;
    aim.index = index;
    aim.outdated = outdated;
    key_leaf(&aim.key, &p->primary, index);
    purges_settle(e, now, &aim.key, &aim.route, aim.path);
    if ((o = cache_get(e->cache, now, &aim.key, reader_fields(&t->reader))) != NULL) {
        if (p->head == NULL)
            p->r->answer.result = RESULT_HIT;
        reader_attach(&t->reader, o);
        return;
    }
    if ((f = flight_find(e, &aim.key, reader_fields(&t->reader), FLIGHT_ANY)) != NULL) {
        flight_join(f, &t->reader);
        e->counters.collapsed += t->reader.joined;
        return;
    }
    aim.run = announce(e, now, p, &aim, index);
    if ((f = flight_toward(e, now, false, &aim)) == NULL) {
        part_failed(e, &t->reader, 503, "This node is busy with too many fetches. Try again in a moment.");
    } else {
        flight_join(f, &t->reader);
        flight_go(e, now, f);
    }
}

static void look_soon(struct engine *e, struct parts *p)
{
    timer_set(e, &p->timer, e->now);
}

void part_attached(struct engine *e, struct reader *r, const struct flight *f, bool leader)
{
    struct parts *p = part_of(r)->parts;

    if (p->head == NULL)
        answer_source(&p->r->answer, r->object, f, leader);
    look_soon(e, p);
}

void part_changed(struct engine *e, struct reader *r)
{
    const struct part *t = part_of(r);

    if (r->object != NULL && (r->object->state != OBJECT_FILLING || t->index == leaf_at(t->parts)))
        look_soon(e, t->parts);
}

void part_failed(struct engine *e, struct reader *r, uint16_t status, const char *text)
{
    struct part *t = part_of(r);

    t->failed = true;
    t->status = status;
    t->text = text;
    look_soon(e, t->parts);
}

void part_uncacheable(struct engine *e, struct reader *r)
{
    struct parts *p = part_of(r)->parts;

    p->verdict = VERDICT_RELAY;
    look_soon(e, p);
}

/* ---- no leaves to be had ---- */

static void none_mark(struct digest *out, const struct digest *primary)
{
    key_leaf(out, primary, UINT32_MAX);
}

bool parts_unwanted(struct engine *e, mesh_ns now, const struct digest *primary, const struct fields *fields)
{
    struct digest mark;

    none_mark(&mark, primary);
    const struct object *whole = cache_peek(e->cache, now, primary, fields);
    return cache_marked(e->cache, now, &mark) || (whole != NULL && object_pieces(whole) == NULL);
}

void parts_none(struct engine *e, mesh_ns now, struct flight *f)
{
    struct digest mark;

    none_mark(&mark, &f->primary);
    cache_mark(e->cache, now, &mark);
    LIST_EACH_SAFE (at, &f->waiters) {
        struct reader *r = OBJ_OF(at, struct reader, wait_link);
        list_remove(&r->wait_link);
        r->flight = NULL;
        if (r->of_peer) {
            serve_abort(e, now, reader_serve(r), ABORT_WHOLE, 0);
            continue;
        }
        part_of(r)->parts->verdict = VERDICT_WHOLE;
        look_soon(e, part_of(r)->parts);
    }
    flight_free(e, f);
}

/* ---- reading on ---- */

/* How far to ask ahead; |at|: not at all. */
static uint32_t window_end(const struct parts *p, uint32_t at)
{
    uint32_t end = wanted_end(p);

    if (p->head == NULL)
        return at + 1;
    if (end <= at)
        return at;
    return end - at > AHEAD ? at + AHEAD : end;
}

/* What is older than |o| and of another representation is not what the origin has any more. */
static void drop_older(struct engine *e, const struct parts *p, const struct object *o)
{
    struct object *next = cache_next_leaf(e->cache, &p->primary, NULL), *old;

    while ((old = next) != NULL) {
        next = cache_next_leaf(e->cache, &p->primary, old);
        if (old->born < o->born && !slice_eq(parts_validator(old->head), parts_validator(o->head)))
            cache_remove(e->cache, old);
    }
}

/* The leaf |t| is of another representation than what was answered so far. */
static void differs(struct engine *e, mesh_ns now, struct parts *p, struct part *t)
{
    struct object *o = object_ref(t->reader.object);

    if (o->born < p->born && !t->renewed) { /* it is the older one: once more, but not this */
        cache_remove(e->cache, o);
        open_part(e, now, p, t->index, o->head->generation);
        object_unref(o);
        return;
    }
    drop_older(e, p, o);
    if (!p->r->head_sent && !p->again) {
        p->again = true;
        p->begin = leaf_at(p);
        p->outdated = p->head->generation;
        p->r->state = REQUEST_WAITING;
        drop_head(p);
        for (unsigned i = 0; i < AHEAD; i++)
            close_part(e, now, &p->part[i]);
        open_part(e, now, p, p->begin, p->outdated);
        look_soon(e, p);
    } else {
        request_failed(e, p->r, 502, "The rest of this answer has changed at the origin.");
    }
    object_unref(o);
}

/* The first leaf is here. False: it cannot speak for all. */
static bool answer(struct parts *p, struct object *o)
{
    if (parts_validator(o->head).len == 0 || !make_head(p, o)) {
        drop_head(p);
        return false;
    }
    p->r->answer.head = p->head;
    p->r->answer.has_length = true;
    p->r->answer.length = p->length;
    p->r->answer.stored = true;
    p->r->state = REQUEST_BODY;
    return true;
}

/* False: nothing more is to be looked at now. */
static bool look(struct engine *e, mesh_ns now, struct parts *p, struct part *t)
{
    struct object *o = t->reader.object;

    if (t->failed && p->head == NULL && t->status == 416) {
        if (t->index == 0)
            p->verdict = VERDICT_WHOLE;
        p->begin = 0; /* its answer tells how long the body is */
        p->last = 0;
        close_part(e, now, t);
        look_soon(e, p);
        return false;
    }
    if (t->failed && t->index == leaf_at(p)) {
        request_failed(e, p->r, t->status, t->text);
        return false;
    }
    if (t->failed || o == NULL || o->state == OBJECT_FAILED)
        return true;
    if (o->uncacheable)
        p->verdict = VERDICT_RELAY;
    else if (p->head == NULL && !answer(p, o))
        p->verdict = VERDICT_RELAY;
    else if (!same(p, o))
        differs(e, now, p, t);
    else
        return true;
    return false;
}

/* An answer that has begun is read on from the whole, as soon as that has a head. */
static void go_on(struct engine *e, mesh_ns now, struct parts *p)
{
    struct aim aim = aim_of(p);

    for (unsigned i = 0; i < AHEAD; i++)
        close_part(e, now, &p->part[i]);
    p->goes_on = true;
    request_go_on(e, now, p->r, &aim);
}

void parts_over(struct engine *e, mesh_ns now, struct request *r)
{
    struct parts *p = r->parts;
    struct object *o = r->reader.object;
    bool same = o->head->status == 200 && (!o->has_length || o->length == p->length) &&
                slice_eq(parts_validator(o->head), parts_validator(p->head)) &&
                r->reader.at / LEAF_BYTES >= object_first_held(o);

    if (!same) {
        request_failed(e, r, 502, "The rest of this answer has changed at the origin.");
        return;
    }
    r->answer.head = o->head;
    parts_free(e, now, r);
    e->counters.moved++;
}

/* It is not to be read leaf by leaf after all. */
static void give_up(struct engine *e, mesh_ns now, struct parts *p)
{
    struct request *r = p->r;
    enum verdict verdict = p->verdict;
    struct buf host = p->host, path = p->path;
    struct aim aim = aim_of(p);

    if (p->head != NULL && verdict == VERDICT_WHOLE && r->head_sent) {
        go_on(e, now, p);
        return;
    }
    if (p->head != NULL && verdict != VERDICT_WHOLE) {
        request_failed(e, r, 502, "The rest of this answer is no longer to be had.");
        return;
    }
    p->host = p->path = BUF_EMPTY; /* |aim| lends them */
    parts_free(e, now, r);
    if (verdict == VERDICT_RELAY)
        request_relay(e, now, r, &aim);
    else
        request_seek_again(e, now, r, &aim);
    buf_free(&host);
    buf_free(&path);
}

static void pump(struct engine *e, mesh_ns now, struct parts *p)
{
    uint32_t at = leaf_at(p), end = window_end(p, at);

    if (p->r->state == REQUEST_FAILED || p->goes_on)
        return;
    for (uint32_t i = at; i < end && p->verdict == VERDICT_NONE; i++) {
        struct part *t = &p->part[i % AHEAD];
        bool headless = p->head == NULL;
        if (!t->open || t->index != i || (t->failed && t->ahead && i == at))
            open_part(e, now, p, i, headless ? p->outdated : 0);
        if (!look(e, now, p, t))
            break;
        if (headless && p->head != NULL) /* now it is known how far it goes */
            end = window_end(p, at);
    }
    if (p->verdict != VERDICT_NONE)
        give_up(e, now, p);
    else if (p->head != NULL)
        engine_ready_reader(e, &p->r->reader);
}

static void timer_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    pump(e, now, OBJ_OF(t, struct parts, timer));
}

void parts_moved(struct engine *e, mesh_ns now, struct request *r)
{
    struct parts *p = r->parts;
    uint32_t at = leaf_at(p);

    for (unsigned i = 0; i < AHEAD; i++) {
        if (p->part[i].open && p->part[i].index < at)
            close_part(e, now, &p->part[i]);
    }
    pump(e, now, p);
}

/* It is read where no leaf was asked for: all of it may be the answer, though it was a part that was wanted. */
static bool is_elsewhere(const struct parts *p)
{
    const struct part *t = &p->part[leaf_at(p) % AHEAD];

    return p->head != NULL && p->r->head_sent && !p->goes_on && (!t->open || t->index != leaf_at(p));
}

size_t parts_read(struct request *r, struct slice *pieces, size_t max)
{
    struct parts *p = r->parts;
    size_t n = 0;

    if (is_elsewhere(p))
        look_soon(r->engine, p);

    for (uint32_t i = leaf_at(p); p->head != NULL && n < max; i++) {
        const struct part *t = &p->part[i % AHEAD];
        const struct object *o = t->reader.object;
        uint64_t first = (uint64_t)i * LEAF_BYTES, at = r->reader.at > first ? r->reader.at - first : 0;
        if (!t->open || t->index != i || o == NULL || o->state == OBJECT_FAILED || !same(p, o))
            break;
        n += object_read(o, at, pieces + n, max - n);
        if (o->state != OBJECT_COMPLETE)
            break;
    }
    return n;
}

/* ---- beginning and end ---- */

bool parts_begin(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim)
{
    uint64_t first = 0, last = UINT64_MAX;
    struct parts *p;

    if (r->range.len == 0 || parts_unwanted(e, now, &aim->key, reader_fields(&r->reader)))
        return false;
    if (!ranges_begin(r->range, &first, &last)) { /* perhaps the end of it: the first leaf tells where that is */
        if (memchr(r->range.data, '-', r->range.len) == NULL)
            return false;
        first = last = 0;
    }
    if (first / LEAF_BYTES >= UINT32_MAX) /* beyond the end of any body: the first leaf tells where that is, too */
        first = last = 0;
    if ((p = calloc(1, sizeof(*p))) == NULL)
        return false;
    buf_add_slice(&p->host, aim->host);
    buf_add_slice(&p->path, aim->path);
    if (!buf_ok(&p->host) || !buf_ok(&p->path)) {
        buf_free(&p->host);
        buf_free(&p->path);
        free(p);
        return false;
    }
    p->r = r;
    p->route = aim->route;
    route_hold(&p->route);
    p->primary = aim->key;
    p->begin = (uint32_t)(first / LEAF_BYTES);
    p->last = last;
    p->run_next = last < LEAF_BODY_MAX ? RUN_MAX : RUN_OPEN;
    p->timer.fire = timer_fire;
    for (unsigned i = 0; i < AHEAD; i++)
        reader_init(&p->part[i].reader, false);
    r->parts = p;
    r->state = REQUEST_WAITING;
    pump(e, now, p);
    return true;
}

void parts_free(struct engine *e, mesh_ns now, struct request *r)
{
    struct parts *p = r->parts;

    if (p == NULL)
        return;
    r->parts = NULL;
    timer_stop(e, &p->timer);
    for (unsigned i = 0; i < AHEAD; i++)
        close_part(e, now, &p->part[i]);
    drop_head(p);
    route_drop(&p->route);
    buf_free(&p->host);
    buf_free(&p->path);
    free(p);
}

void parts_age(const struct request *r, mesh_ns *born, mesh_ns *lifetime)
{
    *born = r->parts->born;
    *lifetime = r->parts->lifetime;
}
