/* A body of more than one record goes to the disk in pieces of some leaves, while it comes or when it is here, and at
 * last its head: from then on it is there. Whatever ends the writing before leaves pieces that nobody can find, and
 * that go with their segments.
 *
 *   spill_begin --piece, piece, ...--> complete --head--> on the disk
 *               --the disk is behind for too long, the body fails, another one takes its place--> not
 *
 * A body that passes through memory is not let go before it was written, so its source waits for the disk: briefly. */
#include <stdlib.h>

#include "node/core/tier_impl.h"

#define PIECE_LEAVES 8u /* half a megabyte: a disk with a head reads that as fast as it goes there */
#define PATIENCE     MS(500)
#define SPILLS_MAX   16u
#define PART_OF_DISK 2u  /* of the disk, one body */
#define LEAF_TAKES   64u /* bytes of memory, while the body is read: its hash, and where it is */

struct spill {
    struct list link; /* in the tier's */
    struct timer timer;
    struct object *object; /* held */
    uint32_t each, next;   /* leaves in a piece; that is to be written next */
    mesh_ns held_up;       /* the disk has taken nothing since; MESH_NS_NEVER: it does */
};

static struct spill *spill_of(const struct object *o)
{
    return o->more != NULL ? o->more->spill : NULL;
}

/* The source of what passes through may go on. */
static void flow(struct engine *e, struct object *o)
{
    struct flight *f = object_flight(o);

    if (f == NULL || f->object != o || !o->pass_through)
        return;
    origin_flow(e, f);
    ask_credit(e, f);
    complete_wake(e, f);
}

static void stop(struct engine *e, struct spill *s)
{
    struct object *o = s->object;

    timer_stop(e, &s->timer);
    list_remove(&s->link);
    e->tier.spills_n--;
    o->more->spill = NULL;
    free(s);
    flow(e, o);
    object_unref(o);
}

/* ---- writing ---- */

/* How many leaves the next piece has; 0: they are not here yet, or there are none. */
static uint32_t ready(const struct spill *s)
{
    const struct object *o = s->object;
    uint32_t n = o->leaves_n - s->next;

    return n >= s->each ? s->each : o->state == OBJECT_COMPLETE ? n : 0;
}

static int write_piece(struct engine *e, struct spill *s, uint32_t n)
{
    struct object *o = s->object;
    struct store_name name = piece_name(o, s->next / s->each);
    struct slice pieces[PIECE_LEAVES + 1];
    struct buf head = BUF_EMPTY;

    for (uint32_t i = 0; i < n; i++) {
        if (object_leaf(o, s->next + i)->raw == NULL)
            return MESH_E_ABSENT;
    }
    int err = object_pack_piece(&head, pieces + 1, o, s->next, n);
    pieces[0] = buf_slice(&head);
    if (err == 0)
        err = store_put(e->cfg.store, e->now, &name, pieces, n + 1);
    buf_free(&head);
    return err;
}

/* One step; MESH_E_FULL: not at present. |*more|: there is another. */
static int step(struct engine *e, struct spill *s, bool *more)
{
    struct object *o = s->object;
    uint32_t n = ready(s);
    int err;

    *more = false;
    if (n == 0 && o->state != OBJECT_COMPLETE)
        return 0;
    if (!store_takes(e->cfg.store, e->now, n > 0 ? (uint64_t)n * LEAF_BYTES : object_pack_head_bytes(o->leaves_n)))
        return MESH_E_FULL;
    if (n == 0)
        return tier_write_head(e, o, s->each);
    if ((err = write_piece(e, s, n)) == 0) {
        s->next += n;
        *more = true;
    }
    return err;
}

/* True: it is over. */
static bool work(struct engine *e, mesh_ns now, struct spill *s)
{
    bool more = true;
    int err = 0;

    while (more) {
        err = step(e, s, &more);
        if (more)
            s->held_up = MESH_NS_NEVER;
    }
    if (err == MESH_E_FULL && store_failing(e->cfg.store, now) == 0) {
        if (!s->object->pass_through) /* nobody waits for it: until the disk has done something */
            return false;
        if (s->held_up == MESH_NS_NEVER)
            s->held_up = now;
        timer_set(e, &s->timer, s->held_up + PATIENCE);
        if (now - s->held_up < PATIENCE)
            return false;
    }
    if (err == MESH_E_FULL)
        tier_behind(e);
    return err != 0 || s->object->on_disk;
}

static void fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct spill *s = OBJ_OF(t, struct spill, timer);

    if (s->object->state == OBJECT_FAILED || work(e, now, s))
        stop(e, s);
    else
        flow(e, s->object);
}

/* ---- what is written so ---- */

static uint32_t piece_leaves(const struct store *s)
{
    uint64_t n = store_put_max(s) / (LEAF_BYTES + 8);

    return n < PIECE_LEAVES ? (uint32_t)n : PIECE_LEAVES;
}

/* Of a length that is not known, all that has come. */
static bool fits(const struct engine *e, const struct object *o)
{
    const struct store *s = e->cfg.store;
    uint64_t bytes = o->has_length ? o->length : object_available(o);
    uint64_t leaves = bytes / LEAF_BYTES + 1;

    return bytes <= store_limit(s) / PART_OF_DISK && leaves * LEAF_TAKES <= cache_object_max(e->cache) &&
           object_pack_head_bytes(leaves) <= store_put_max(s);
}

static struct spill *of_name(const struct engine *e, const struct digest *key, const uint32_t *variant)
{
    LIST_EACH (at, &e->tier.spills) {
        struct spill *s = OBJ_OF(at, struct spill, link);
        if (digest_eq(&s->object->key, key) && (variant == NULL || variant_in(s->object) == *variant))
            return s;
    }
    return NULL;
}

int spill_begin(struct engine *e, struct object *o)
{
    uint32_t variant = variant_in(o);
    struct spill *s;

    if (o->state == OBJECT_FAILED || o->uncacheable || o->lifetime <= 0 || object_part(o) != NULL ||
        object_pieces(o) != NULL || object_first_held(o) > 0 || !fits(e, o) || of_name(e, &o->key, &variant) != NULL)
        return MESH_E_RANGE;
    if (e->tier.spills_n >= SPILLS_MAX || store_failing(e->cfg.store, e->now) != 0)
        return MESH_E_FULL;
    if (object_more_of(o) == NULL || (s = calloc(1, sizeof(*s))) == NULL)
        return MESH_E_NOMEM;
    list_init(&s->link);
    s->timer.fire = fire;
    s->object = object_ref(o);
    s->each = piece_leaves(e->cfg.store);
    s->held_up = MESH_NS_NEVER;
    o->more->spill = s;
    list_push_back(&e->tier.spills, &s->link);
    e->tier.spills_n++;
    timer_set(e, &s->timer, e->now);
    return 0;
}

bool spill_says(const struct engine *e, const struct object *o)
{
    uint32_t variant = variant_in(o);
    const struct spill *s = of_name(e, &o->key, &variant);
    struct slice tag = s != NULL ? parts_validator(s->object->head) : SLICE_EMPTY;

    return s != NULL && s->object != o && s->object->state != OBJECT_FAILED && tag.len > 0 &&
           slice_eq(tag, parts_validator(o->head)) && object_same(s->object, o, 0) > 0;
}

/* ---- news ---- */

uint32_t tier_written(const struct object *o)
{
    const struct spill *s = spill_of(o);

    return s != NULL ? s->next : UINT32_MAX;
}

void tier_grew(struct engine *e, struct object *o)
{
    struct spill *s = spill_of(o);

    if (s == NULL)
        return;
    if (!fits(e, o))
        stop(e, s);
    else if (ready(s) > 0 || o->state != OBJECT_FILLING)
        timer_set(e, &s->timer, e->now);
}

void tier_stop(struct engine *e, struct object *o)
{
    if (spill_of(o) != NULL)
        stop(e, spill_of(o));
}

void spill_stop_name(struct engine *e, const struct digest *key, const uint32_t *variant)
{
    struct spill *s;

    while ((s = of_name(e, key, variant)) != NULL)
        stop(e, s);
}

void spills_wake(struct engine *e)
{
    LIST_EACH (at, &e->tier.spills)
        timer_set(e, &OBJ_OF(at, struct spill, link)->timer, e->now);
}

void spills_end(struct engine *e)
{
    LIST_EACH_SAFE (at, &e->tier.spills) {
        struct spill *s = OBJ_OF(at, struct spill, link);
        if (s->object->state != OBJECT_COMPLETE)
            stop(e, s);
    }
}

void spills_free(struct engine *e)
{
    LIST_EACH_SAFE (at, &e->tier.spills)
        stop(e, OBJ_OF(at, struct spill, link));
}
