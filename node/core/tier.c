#include <stdlib.h>

#include "node/core/purges.h"
#include "node/core/tier_impl.h"
#include "node/core/vary.h"
#include "node/core/warm.h"

#define PATIENCE    MS(500) /* a disk that takes longer is slower than another node, or the origin */
#define GHOSTS_MIN  256u
#define GHOSTS_NEW  4096u /* as long as nothing has to go for what is written */
#define LOOKS_MAX   2u
#define CLOSING_OPS 64u /* objects put in a row at the end */

bool tier_has(const struct engine *e, const struct digest *key)
{
    return e->cfg.store != NULL && store_find(e->cfg.store, key_of(key)) != INDEX_NONE;
}

/* ---- writing ---- */

static int find_signer(void *ctx, struct slice raw, struct held_cert **out)
{
    struct engine *e = ctx;
    struct cert cert;
    int err = cert_parse(&cert, raw);

    if (err == 0)
        err = mesh_vouches(e->mesh, &cert, raw);
    if (err == 0 && (*out = held_take(mesh_certs(e->mesh), &cert, raw)) == NULL)
        err = MESH_E_NOMEM;
    return err;
}

struct pack_frame tier_frame(struct engine *e, uint16_t rules)
{
    return (struct pack_frame){ .now = e->now,
                                .wall_s = e->wall_s,
                                .run = e->tier.run,
                                .purges = purges_runs(e),
                                .distribution = rules,
                                .self = e->cfg.mesh.self,
                                .memory = cache_memory(e->cache),
                                .zpack = e->zpack,
                                .signer = find_signer,
                                .ctx = e };
}

/* MESH_E_FULL: the disk is behind. Other codes: it is not to be written, or not at once. */
static int try_to_write(struct engine *e, struct object *o)
{
    struct store_name name = tier_name(o);
    struct pack_frame f = tier_frame(e, o->rules);
    struct buf head = BUF_EMPTY;

    if (object_pieces(o) != NULL)
        return tier_write_head(e, o, object_pieces(o)->each);
    if (!object_pack_fits(o) || object_pack_bytes(o) > store_put_max(e->cfg.store))
        return spill_begin(e, o);
    if (!store_takes(e->cfg.store, e->now, object_pack_bytes(o)))
        return MESH_E_FULL;
    struct slice *pieces = calloc(o->leaves_n + 1, sizeof(*pieces));
    int err = pieces != NULL ? object_pack(&head, pieces + 1, o, &f) : MESH_E_NOMEM;
    if (err == 0) {
        pieces[0] = buf_slice(&head);
        err = store_put(e->cfg.store, e->now, &name, pieces, o->leaves_n + 1);
    }
    buf_free(&head);
    free(pieces);
    o->on_disk = o->on_disk || err == 0;
    return err;
}

static int write_object(struct engine *e, struct object *o)
{
    int err = try_to_write(e, o);

    if (err == MESH_E_FULL && !e->tier.ending) /* else it is tried again */
        tier_behind(e);
    return err;
}

/* Where |o| is on the disk, as it is; INDEX_NONE. */
static uint32_t place_of(const struct engine *e, const struct object *o)
{
    return o->on_disk ? store_find_variant(e->cfg.store, key_of(&o->key), variant_in(o)) : INDEX_NONE;
}

int tier_write_head(struct engine *e, struct object *o, uint32_t each)
{
    struct store_name name = tier_name(o);
    struct pack_frame f = tier_frame(e, o->rules);
    struct buf head = BUF_EMPTY;
    int err = object_pack_head(&head, o, each, &f);
    struct slice piece = buf_slice(&head);

    if (err == 0)
        err = store_put(e->cfg.store, e->now, &name, &piece, 1);
    buf_free(&head);
    o->on_disk = o->on_disk || err == 0;
    return err;
}

static void on_used(void *ctx, struct object *o)
{
    if (!o->on_disk && (o->state == OBJECT_COMPLETE || o->pass_through))
        write_object(ctx, o);
}

/* S3-FIFO remembers as many as there are in its main queue, and so do we until something has to go for what is written.
 * From then on a third of that spares two fifths of the writes, for half a point more missed requests at the most
 * (bench_tier): a disk wears out. */
static uint64_t ghosts_n(const struct engine *e)
{
    uint64_t things = store_things(e->cfg.store);

    return store_full(e->cfg.store) ? things / 3 + GHOSTS_MIN : things + GHOSTS_NEW;
}

void tier_remember(struct engine *e, const struct object *o)
{
    ghosts_room(&e->tier.ghosts, ghosts_n(e));
    ghosts_add(&e->tier.ghosts, cache_fingerprint(e->cache, &o->key));
}

static bool came_again(struct engine *e, const struct object *o)
{
    return ghosts_has(&e->tier.ghosts, cache_fingerprint(e->cache, &o->key), ghosts_n(e));
}

static void on_evicted(void *ctx, struct object *o, bool worth)
{
    struct engine *e = ctx;
    uint32_t at = place_of(e, o);

    if (at != INDEX_NONE && worth)
        store_used(e->cfg.store, at);
    else if (at == INDEX_NONE && worth && object_pack_bytes(o) <= store_put_max(e->cfg.store))
        write_object(e, o); /* longer ones were begun with when they were used, or they would stay in memory */
    else if (at == INDEX_NONE)
        tier_remember(e, o);
}

void tier_forget(struct engine *e, const struct object *o)
{
    struct store_name name = tier_name(o);

    if (store_find(e->cfg.store, name.key) == INDEX_NONE)
        return;
    store_forget(e->cfg.store, e->now, name.key, name.variant);
    if (object_part(o) == NULL &&
        !o->varies) /* its pieces. Those of a variant go with their segments: nobody asks for them */
        store_drop_body(e->cfg.store, e->now, name.body);
}

static void on_gone(void *ctx, struct object *o)
{
    tier_stop(ctx, o);
    if (o->state != OBJECT_FAILED || o->on_disk) /* else nothing of it is there */
        tier_forget(ctx, o);
}

static void on_put(void *ctx, struct object *o)
{
    struct engine *e = ctx;
    struct store_name name = tier_name(o);

    if (spill_says(e, o)) /* what is being written is just that */
        return;
    spill_stop_name(e, &o->key, &name.variant);
    if (object_pieces(o) != NULL) /* its head is another one now, its pieces are the same */
        store_forget(e->cfg.store, e->now, name.key, name.variant);
    else
        tier_forget(e, o);
    o->on_disk = false;
}

void tier_complete(struct engine *e, struct object *o)
{
    tier_grew(e, o);
    if (e->cfg.store != NULL && o->indexed && !o->on_disk && came_again(e, o))
        write_object(e, o);
}

/* A body too large for memory has no second use there: it is written when it comes again. */
void tier_passes(struct engine *e, struct object *o)
{
    if (e->cfg.store == NULL || !o->indexed || object_part(o) != NULL)
        return;
    if (!came_again(e, o))
        tier_remember(e, o);
    else if (spill_begin(e, o) == MESH_E_FULL)
        tier_behind(e);
}

void tier_drop(struct engine *e, const struct digest *key)
{
    if (e->cfg.store == NULL)
        return;
    spill_stop_name(e, key, NULL);
    store_forget(e->cfg.store, e->now, key_of(key), 0);
    store_drop_body(e->cfg.store, e->now, body_of(key));
}

/* ---- loading ---- */

/* What answers |f|, as far as can be told without reading it. */
static uint32_t look_up(const struct engine *e, const struct flight *f)
{
    const struct fields *fields = f->forward != NULL ? &f->forward->fields : NULL;
    uint64_t key = key_of(&f->key);
    struct digest variant;
    struct fields names;

    if (f->varying == NULL)
        return store_find(e->cfg.store, key);
    object_fields(f->varying, &names);
    vary_digest(&variant, &names, fields);
    uint32_t at = store_find_variant(e->cfg.store, key, variant_of(&variant));
    return at != INDEX_NONE ? at : store_find_variant(e->cfg.store, key, 0);
}

bool tier_load(struct engine *e, mesh_ns now, struct flight *f)
{
    struct load *l;
    uint32_t at;

    if (e->cfg.store == NULL || f->class == FLIGHT_DIRECT || f->dropped || f->stale != NULL || f->looks >= LOOKS_MAX ||
        (f->looks > 0 && f->varying == NULL) || (at = look_up(e, f)) == INDEX_NONE ||
        (l = calloc(1, sizeof(*l))) == NULL)
        return false;
    list_init(&l->link);
    f->looks++;
    if (store_read(e->cfg.store, at, l) != 0) {
        free(l);
        return false;
    }
    list_push_back(&e->tier.loads, &l->link);
    l->flight = f;
    f->load = l;
    timer_set(e, &f->patience, now + PATIENCE);
    return true;
}

void tier_leave(struct engine *e, struct flight *f)
{
    if (f->load == NULL)
        return;
    f->load->flight = NULL;
    f->load = NULL;
    timer_stop(e, &f->patience);
}

/* Is |o| what |f| looked for? */
static bool right(const struct flight *f, const struct object *o)
{
    const struct object_part *part = object_part(o);

    return digest_eq(&o->key, &f->key) && digest_eq(primary_of(o), &f->primary) && (part != NULL) == f->leaf &&
           (part == NULL || part->index == f->index) && (f->outdated == 0 || o->head->generation != f->outdated);
}

/* What was read is an object now, or nothing. */
static struct object *take(struct engine *e, const struct flight *f, const struct store_op *op)
{
    struct pack_frame frame = tier_frame(e, route_rules(&f->route));
    struct object *o = NULL;

    frame.host = buf_slice(&f->host);
    frame.path = buf_slice(&f->path);
    int err = object_unpack(&o, store_op_payload(op), &frame);

    if (err == MESH_E_HASH || err == MESH_E_SYNTAX || err == MESH_E_RANGE)
        e->tier.unsound++;
    if (o == NULL)
        return NULL;
    o->on_disk = true;
    o->rules = route_rules(&f->route);
    if (right(f, o) && pages_are_there(e, o))
        return o;
    object_unref(o);
    return NULL;
}

/* |o|, which the flight holds from here on, has come. */
static void arrived(struct engine *e, mesh_ns now, struct flight *f, struct object *o)
{
    const struct fields *fields = f->forward != NULL ? &f->forward->fields : NULL;
    struct object *here = cache_peek(e->cache, now, &f->key, fields);

    if (here != NULL) { /* it came another way meanwhile */
        flight_share(e, now, f, here, object_flight(here));
        return;
    }
    warm_place(e, f, o);
    cache_put_back(e->cache, o);
    purges_settle(e, now, &f->key, &f->route, buf_slice(&f->path));
    if (!o->indexed) { /* it was purged since it was written */
        flight_go(e, now, f);
        return;
    }
    if (!cache_is_for(o, fields)) { /* but it says which one is */
        object_unref(f->varying);
        f->varying = object_ref(o);
    } else if (now - o->born < o->lifetime) {
        e->counters.disk_hits++;
        f->from_disk = true;
        flight_share(e, now, f, o, NULL);
        return;
    } else {
        f->stale = object_ref(o);
        f->from_disk = true;
    }
    flight_go(e, now, f);
}

void engine_disk_done(struct engine *e, mesh_ns now, struct store_op *op, int err)
{
    e->now = now;
    struct load *l = op->kind == STORE_READ ? op->token : NULL;
    if (!store_done(e->cfg.store, now, op, &err)) {
        spills_wake(e);
        return;
    }
    if (l->of_pages) {
        pages_come(e, now, l, op, err);
        return;
    }
    struct flight *f = l->flight;
    struct object *o = NULL;
    if (f != NULL) {
        tier_leave(e, f);
        o = err == 0 ? take(e, f, op) : NULL;
    }
    list_remove(&l->link);
    free(l);
    store_op_free(op);
    if (f == NULL)
        return;
    if (o == NULL) {
        flight_go(e, now, f);
        return;
    }
    arrived(e, now, f, o);
    object_unref(o);
    cache_fit(e->cache);
}

/* ---- beginning and end ---- */

int tier_start(struct engine *e)
{
    static const struct cache_hooks hooks = { on_used, on_evicted, on_put, on_gone, NULL };

    list_init(&e->tier.loads);
    list_init(&e->tier.spills);
    list_init(&e->tier.pagings);
    if (e->cfg.store == NULL)
        return 0;
    e->tier.run = be64_get(e->cfg.hash_key);
    e->tier.hooks = hooks;
    e->tier.hooks.ctx = e;
    cache_hook(e->cache, &e->tier.hooks);
    return ghosts_init(&e->tier.ghosts);
}

static void closing_free(struct engine *e)
{
    for (; e->tier.closing_at < e->tier.closing_n; e->tier.closing_at++)
        object_unref(e->tier.closing[e->tier.closing_at]);
    free(e->tier.closing);
    e->tier.closing = NULL;
}

void tier_free(struct engine *e)
{
    if (e->cache == NULL || e->tier.loads.next == NULL) /* it was never started */
        return;
    cache_hook(e->cache, NULL);
    closing_free(e);
    spills_free(e);
    pages_free(e);
    while (!list_empty(&e->tier.loads)) {
        struct load *l = OBJ_OF(list_first(&e->tier.loads), struct load, link);
        list_remove(&l->link);
        free(l);
    }
    ghosts_fini(&e->tier.ghosts);
}

static void note_closing(void *ctx, struct object *o)
{
    struct engine *e = ctx;

    if (e->tier.closing_n == e->tier.closing_cap || !object_pack_fits(o) || place_of(e, o) != INDEX_NONE)
        return;
    e->tier.closing_bytes += object_pack_bytes(o);
    if (e->tier.closing_bytes < store_limit(e->cfg.store) / 4 * 3)
        e->tier.closing[e->tier.closing_n++] = object_ref(o);
}

void engine_disk_close(struct engine *e, mesh_ns now)
{
    e->now = now;
    if (e->cfg.store == NULL || e->tier.ending)
        return;
    e->tier.ending = true;
    spills_end(e);
    e->tier.closing_cap = (size_t)cache_objects(e->cache);
    e->tier.closing = calloc(e->tier.closing_cap + 1, sizeof(struct object *));
    if (e->tier.closing != NULL)
        cache_each(e->cache, note_closing, e);
}

/* What is in memory follows as fast as the disk takes it. */
static void close_some(struct engine *e)
{
    struct engine_tier *t = &e->tier;

    for (unsigned n = 0; n < CLOSING_OPS && t->closing_at < t->closing_n; n++) {
        if (write_object(e, t->closing[t->closing_at]) == MESH_E_FULL && store_failing(e->cfg.store, e->now) == 0)
            return; /* again when there is room */
        object_unref(t->closing[t->closing_at++]);
    }
    if (t->closing_at < t->closing_n || t->closed || t->spills_n > 0)
        return;
    t->closed = true;
    store_close(e->cfg.store, e->now);
}

bool engine_disk_closed(const struct engine *e)
{
    return e->cfg.store == NULL || (e->tier.closed && store_idle(e->cfg.store));
}

struct store_op *tier_poll(struct engine *e)
{
    if (e->cfg.store == NULL)
        return NULL;
    if (e->tier.ending)
        close_some(e);
    return store_poll(e->cfg.store, e->now);
}

void tier_count(struct engine *e)
{
    struct engine_counters *c = &e->counters;

    if (e->cfg.store == NULL)
        return;
    const struct store_counters *s = store_counters(e->cfg.store);
    c->disk_corrupt = e->tier.unsound + s->corrupt;
    c->disk_late = e->tier.late + s->busy;
    c->disk_written = s->written;
    c->disk_written_bytes = s->written_bytes;
    c->disk_again = s->again;
    c->disk_behind = e->tier.behind;
    c->disk_read_bytes = s->read_bytes;
    c->disk_failures = s->failed_reads + s->failed_writes;
    c->disk_abandoned = s->abandoned;
}

mesh_ns tier_due(const struct engine *e)
{
    return e->cfg.store != NULL ? store_due(e->cfg.store) : MESH_NS_NEVER;
}
