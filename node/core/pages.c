/* A body whose leaves lie on the disk, read as its readers go along: the piece that each is at, and one ahead. What no
 * reader wants goes again, unless all of the body has room in memory: that fills up and is an object like any other.
 *
 *   a reader finds a leaf absent --> its piece is read --> verified, leaf by leaf --> all readers look again
 *
 * A piece that is not there, is not sound, or does not come in time is a miss of the whole: the copy is dropped, here
 * and there, and its readers wait for one from another node or the origin, of which they go on only if it is the same.
 */
#include <stdlib.h>

#include "node/core/flight_impl.h"
#include "node/core/tier_impl.h"

#define PATIENCE       SEC(2)
#define AGAIN          MS(10) /* the disk has too much to do, or the piece is still on its way to it */
#define AHEAD          2u     /* pieces for a reader, if there is room */
#define PART_OF_MEMORY 4u     /* of it for pieces, before none is read ahead */

enum { WANTED = 1, COMING = 2 };

struct paging {
    struct list link; /* in the tier's */
    struct timer timer;
    struct object *object; /* held */
    uint32_t each, pieces_n;
    unsigned coming;
    mesh_ns since;   /* a reader has waited; MESH_NS_NEVER: none does */
    uint8_t marks[]; /* by piece */
};

static uint32_t pieces_of(const struct object *o)
{
    return (o->leaves_n + object_pieces(o)->each - 1) / object_pieces(o)->each;
}

static uint32_t leaves_in(const struct paging *p, uint32_t piece)
{
    uint32_t left = p->object->leaves_n - piece * p->each;

    return left < p->each ? left : p->each;
}

static bool is_here(const struct paging *p, uint32_t piece)
{
    return object_leaf(p->object, piece * p->each)->raw != NULL;
}

static bool stays(const struct engine *e, const struct object *o)
{
    return o->length <= cache_object_max(e->cache);
}

/* ---- beginning and end ---- */

static void fire(struct engine *e, mesh_ns now, struct timer *t);

static struct paging *paging_of(struct engine *e, struct object *o)
{
    struct object_pieces *at = object_pieces(o);
    uint32_t n = pieces_of(o);
    struct paging *p = at->paging;

    if (p != NULL || (p = calloc(1, sizeof(*p) + n)) == NULL)
        return p;
    list_init(&p->link);
    p->timer.fire = fire;
    p->object = object_ref(o);
    p->each = at->each;
    p->pieces_n = n;
    p->since = MESH_NS_NEVER;
    at->paging = p;
    list_push_back(&e->tier.pagings, &p->link);
    return p;
}

static void drop_piece(struct engine *e, struct paging *p, uint32_t piece)
{
    for (uint32_t i = 0; i < leaves_in(p, piece); i++) {
        e->tier.paged -= object_leaf(p->object, piece * p->each + i)->raw_len;
        object_drop_leaf(p->object, piece * p->each + i);
    }
}

static void take_piece(struct engine *e, const struct paging *p, uint32_t piece)
{
    for (uint32_t i = 0; i < leaves_in(p, piece) && !stays(e, p->object); i++)
        e->tier.paged += object_leaf(p->object, piece * p->each + i)->raw_len;
}

static void end(struct engine *e, struct paging *p)
{
    struct object *o = p->object;

    for (uint32_t i = 0; i < p->pieces_n && !stays(e, o); i++) {
        if (is_here(p, i))
            drop_piece(e, p, i);
    }
    LIST_EACH (at, &e->tier.loads) {
        struct load *l = OBJ_OF(at, struct load, link);
        if (l->paging == p)
            l->paging = NULL;
    }
    timer_stop(e, &p->timer);
    list_remove(&p->link);
    object_pieces(o)->paging = NULL;
    free(p);
    object_unref(o);
}

void pages_free(struct engine *e)
{
    LIST_EACH_SAFE (at, &e->tier.pagings)
        end(e, OBJ_OF(at, struct paging, link));
}

/* ---- what comes to nothing ---- */

/* A flight for all who read |o|. Of a copy that is not for all it cannot be told whom it is for: who found it here has
 * left no word of that. NULL: none. */
static struct flight *another(struct engine *e, mesh_ns now, const struct object *o)
{
    struct forward *forward = o->varies ? NULL : forward_of(NULL, FORWARD_SHARED, NULL);
    const struct object_pieces *at = object_pieces(o);
    struct aim aim = { .key = o->key,
                       .primary = o->key,
                       .host = slice_of(at->text, at->host_len),
                       .path = slice_of(at->text + at->host_len, at->path_len),
                       .request_id = SLICE_LIT("-"),
                       .forward = forward };

    struct flight *f = forward != NULL ? flight_toward(e, now, false, &aim) : NULL;
    forward_unref(forward);
    return f;
}

static void fail_all(struct engine *e, mesh_ns now, struct object *o)
{
    LIST_EACH_SAFE (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        if (!list_linked(&r->wait_link))
            waiter_fail(e, now, r, 503, "This node is busy with too many fetches. Try again in a moment.");
    }
}

static void lost(struct engine *e, mesh_ns now, struct paging *p)
{
    struct object *o = object_ref(p->object);

    end(e, p);
    cache_remove(e->cache, o);
    tier_forget(e, o);
    tier_remember(e, o);
    struct flight *f = !list_empty(&o->readers) ? another(e, now, o) : NULL;
    if (f != NULL) {
        f->object = object_ref(o);
        flight_source_again(e, now, f);
    } else {
        fail_all(e, now, o);
    }
    object_unref(o);
}

/* ---- reading ---- */

/* Up to where a reader wants to read; 0: it has not said yet. */
static uint64_t wanted_until(struct reader *r)
{
    if (r->of_peer)
        return UINT64_MAX;
    return reader_request(r)->head_sent ? reader_request(r)->until : 0;
}

/* Marks what readers want. True: one of them waits. */
static bool mark(const struct engine *e, struct paging *p)
{
    struct object *o = p->object;
    uint64_t bytes = (uint64_t)p->each * LEAF_BYTES;
    uint32_t ahead = e->tier.paged > cache_limit(e->cache) / PART_OF_MEMORY ? 1 : AHEAD;
    bool waits = false;

    for (uint32_t i = 0; i < p->pieces_n; i++)
        p->marks[i] &= (uint8_t)~WANTED;
    LIST_EACH (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        uint64_t until = wanted_until(r);
        if (list_linked(&r->wait_link) || r->at >= o->length)
            continue;
        for (uint32_t i = 0; i < ahead; i++) {
            uint64_t piece = r->at / bytes + i;
            if (piece >= p->pieces_n || (i == 0 ? r->at : piece * bytes) >= until)
                break;
            p->marks[piece] |= WANTED;
            waits = waits || (i == 0 && !is_here(p, (uint32_t)piece));
        }
    }
    return waits;
}

/* Of a segment half at the most is written again: of a body that fills whole ones that would leave nothing but holes.
 */
static bool laps(const struct engine *e, const struct object *o)
{
    return o->length <= store_segment(e->cfg.store) / 4;
}

/* 0, MESH_E_FULL (not at present), or it is not to be had. */
static int read_piece(struct engine *e, struct paging *p, uint32_t piece)
{
    struct store_name name = piece_name(p->object, piece);
    uint32_t found = store_find_variant(e->cfg.store, name.key, name.variant);

    if (found == INDEX_NONE)
        return MESH_E_ABSENT;
    struct load *l = calloc(1, sizeof(*l));
    int err = l == NULL            ? MESH_E_NOMEM
              : laps(e, p->object) ? store_read(e->cfg.store, found, l)
                                   : store_look(e->cfg.store, found, l);
    if (err != 0) {
        free(l);
        return MESH_E_FULL;
    }
    list_init(&l->link);
    list_push_back(&e->tier.loads, &l->link);
    l->of_pages = true;
    l->paging = p;
    l->piece = piece;
    p->marks[piece] |= COMING;
    p->coming++;
    return 0;
}

/* What is wanted is begun to be read, what is not goes. False: |p| is gone. */
static bool look(struct engine *e, mesh_ns now, struct paging *p)
{
    bool waits = mark(e, p), again = false;

    p->since = !waits ? MESH_NS_NEVER : p->since == MESH_NS_NEVER ? now : p->since;
    if (waits && now - p->since >= PATIENCE) {
        e->tier.late++;
        lost(e, now, p);
        return false;
    }
    for (uint32_t i = 0; i < p->pieces_n; i++) {
        bool wanted = (p->marks[i] & WANTED) != 0, here = is_here(p, i);
        if (here && !wanted && !stays(e, p->object))
            drop_piece(e, p, i);
        if (here || !wanted || (p->marks[i] & COMING) != 0)
            continue;
        int err = read_piece(e, p, i);
        again = again || err == MESH_E_FULL;
        if (err == 0 || err == MESH_E_FULL)
            continue;
        lost(e, now, p);
        return false;
    }
    if (again)
        timer_set(e, &p->timer, now + AGAIN);
    else if (waits)
        timer_set(e, &p->timer, p->since + PATIENCE);
    else if (list_empty(&p->object->readers) && p->coming == 0) {
        end(e, p);
        return false;
    }
    return true;
}

static void fire(struct engine *e, mesh_ns now, struct timer *t)
{
    look(e, now, OBJ_OF(t, struct paging, timer));
}

static int take(struct engine *e, struct paging *p, uint32_t piece, struct slice bytes)
{
    int err = object_unpack_piece(p->object, bytes, piece * p->each, leaves_in(p, piece), e->zpack);

    if (err == 0)
        take_piece(e, p, piece);
    else if (err != MESH_E_NOMEM)
        e->tier.unsound++;
    return err;
}

/* All of it is here, and has room. */
static bool is_whole(const struct engine *e, const struct paging *p)
{
    uint32_t i = 0;

    while (i < p->pieces_n && is_here(p, i))
        i++;
    return i == p->pieces_n && stays(e, p->object);
}

static void came(struct engine *e, mesh_ns now, struct paging *p)
{
    struct object *o = object_ref(p->object);

    p->since = MESH_NS_NEVER;
    if (is_whole(e, p)) {
        end(e, p);
        object_whole(o);
    } else {
        look(e, now, p);
    }
    engine_changed(e, o);
    object_unref(o);
    cache_fit(e->cache);
}

void pages_come(struct engine *e, mesh_ns now, struct load *l, struct store_op *op, int err)
{
    struct paging *p = l->paging;

    list_remove(&l->link);
    if (p != NULL) {
        p->coming--;
        p->marks[l->piece] &= (uint8_t)~COMING;
        if (err == 0)
            err = take(e, p, l->piece, store_op_payload(op));
        if (err == 0)
            came(e, now, p);
        else
            lost(e, now, p);
    }
    free(l);
    store_op_free(op);
}

/* ---- for readers ---- */

bool pages_want(struct engine *e, struct object *o)
{
    struct paging *p = object_pieces(o) != NULL ? paging_of(e, o) : NULL;

    if (p == NULL)
        return false;
    timer_set(e, &p->timer, e->now);
    return true;
}

size_t pages_body(struct request *r, struct slice *pieces, size_t max)
{
    struct object *o = r->reader.object;
    size_t n = object_read(o, r->reader.at, pieces, max);

    if (n == 0 && object_pieces(o) != NULL && r->reader.at < o->length && r->state == REQUEST_BODY &&
        !list_linked(&r->reader.wait_link) && !pages_want(r->engine, o))
        request_failed(r->engine, r, 503, "This node is out of memory for more answers.");
    return n;
}

void pages_moved(struct engine *e, struct object *o)
{
    if (object_pieces(o)->paging != NULL)
        timer_set(e, &object_pieces(o)->paging->timer, e->now);
}

bool pages_are_there(struct engine *e, struct object *o)
{
    if (object_pieces(o) == NULL)
        return true;
    for (uint32_t i = 0, n = pieces_of(o); i < n; i++) {
        struct store_name name = piece_name(o, i);
        if (store_find_variant(e->cfg.store, name.key, name.variant) != INDEX_NONE)
            continue;
        tier_forget(e, o);
        tier_remember(e, o);
        return false;
    }
    return true;
}
