#include "node/core/cache.h"

#include <stdlib.h>

#include "node/core/vary.h"
#include "proto/base/err.h"

#define HITS_MAX 3           /* S3-FIFO's two-bit counter */
#define SMALL_SHARE 10       /* the small queue is a tenth of the limit */
#define GHOSTS_MIN 1024
#define PASS_SHARE 8         /* what is longer than an eighth of the cache passes through */

enum { QUEUE_SMALL, QUEUE_MAIN };

struct queue {
    struct list objects; /* oldest first */
    uint64_t bytes;      /* kept by object_hold */
};

struct mark {
    struct map_node by_key;
    struct list order;
    struct digest key;
    mesh_ns until;
};

/* Fingerprints of lately evicted keys, in a ring; the table holds, per slot, the
 * fingerprint's place. A wrong match costs only a place in the main queue. */
struct ghosts {
    uint32_t *ring, *slots;
    uint32_t n, at; /* n: power of two */
};

struct cache {
    struct map objects, marks;
    struct map leaves; /* objects of one leaf, by the key of the whole */
    struct list mark_order;
    struct object_memory memory;
    struct queue small, main;
    struct ghosts ghosts;
    uint64_t limit, evictions, puts;
};

static struct slice key_slice(const struct digest *key)
{
    return SLICE_OF(key->bytes);
}

struct cache *cache_new(uint64_t limit, const uint8_t hash_key[MAP_KEY_BYTES])
{
    struct cache *c = calloc(1, sizeof(*c));
    uint32_t ghosts = GHOSTS_MIN;

    if (c == NULL)
        return NULL;
    while (ghosts < (UINT32_C(1) << 22) && (uint64_t)ghosts * 8192 < limit)
        ghosts *= 2;
    c->ghosts.n = ghosts;
    c->ghosts.ring = calloc(ghosts, sizeof(uint32_t));
    c->ghosts.slots = calloc(ghosts, sizeof(uint32_t));
    if (map_init(&c->objects, hash_key) != 0 || map_init(&c->leaves, hash_key) != 0 ||
        map_init(&c->marks, hash_key) != 0 || c->ghosts.ring == NULL || c->ghosts.slots == NULL) {
        map_fini(&c->objects);
        map_fini(&c->leaves);
        map_fini(&c->marks);
        free(c->ghosts.ring);
        free(c->ghosts.slots);
        free(c);
        return NULL;
    }
    list_init(&c->small.objects);
    list_init(&c->main.objects);
    list_init(&c->mark_order);
    c->limit = limit;
    return c;
}

struct object_memory *cache_memory(struct cache *c)
{
    return &c->memory;
}

/* ---- ghosts ---- */

static uint32_t fingerprint(uint64_t hash)
{
    uint32_t f = (uint32_t)(hash >> 32);
    return f != 0 ? f : 1;
}

static void ghost_add(struct ghosts *g, uint64_t hash)
{
    g->ring[g->at] = fingerprint(hash);
    g->slots[hash & (g->n - 1)] = g->at;
    g->at = (g->at + 1) & (g->n - 1);
}

static bool ghost_take(struct ghosts *g, uint64_t hash)
{
    uint32_t at = g->slots[hash & (g->n - 1)];

    if (g->ring[at] != fingerprint(hash))
        return false;
    g->ring[at] = 0;
    return true;
}

/* ---- queues ---- */

static struct queue *queue_of(struct cache *c, const struct object *o)
{
    return o->queue_id == QUEUE_SMALL ? &c->small : &c->main;
}

static void enter(struct cache *c, struct object *o, uint8_t id)
{
    o->queue_id = id;
    o->queue_bytes = &queue_of(c, o)->bytes;
    *o->queue_bytes += o->bytes;
    list_push_back(&queue_of(c, o)->objects, &o->queue);
}

static void leave(struct object *o)
{
    *o->queue_bytes -= o->bytes;
    o->queue_bytes = NULL;
    list_remove(&o->queue);
}

static void take_out(struct cache *c, struct object *o)
{
    leave(o);
    map_remove(&c->objects, &o->by_key);
    if (o->leaf)
        map_remove(&c->leaves, &o->by_primary);
    o->indexed = false;
    object_unref(o);
}

static void evict(struct cache *c, struct object *o)
{
    c->evictions++;
    take_out(c, o);
}

/* One step of S3-FIFO on the small queue: on to main when it was asked for again, else out. */
static void step_small(struct cache *c)
{
    struct object *o = OBJ_OF(list_first(&c->small.objects), struct object, queue);

    if (o->hits > 0) {
        o->hits = 0;
        leave(o);
        enter(c, o, QUEUE_MAIN);
        return;
    }
    ghost_add(&c->ghosts, o->by_key.hash);
    evict(c, o);
}

static void step_main(struct cache *c)
{
    struct object *o = OBJ_OF(list_first(&c->main.objects), struct object, queue);

    if (o->hits > 0) {
        o->hits--;
        leave(o);
        enter(c, o, QUEUE_MAIN);
        return;
    }
    evict(c, o);
}

uint64_t cache_purge(struct cache *c, bool (*gone)(void *ctx, const struct object *o), void *ctx)
{
    struct list *queues[] = { &c->small.objects, &c->main.objects };
    uint64_t n = 0;

    for (size_t i = 0; i < 2; i++) {
        LIST_EACH_SAFE (at, queues[i]) {
            struct object *o = OBJ_OF(at, struct object, queue);
            if (gone(ctx, o)) {
                take_out(c, o);
                n++;
            }
        }
    }
    return n;
}

void cache_fit(struct cache *c)
{
    while (c->memory.bytes > c->limit && c->objects.count > 0) {
        bool small = !list_empty(&c->small.objects);
        bool main = !list_empty(&c->main.objects);
        if (small && (!main || c->small.bytes > c->limit / SMALL_SHARE))
            step_small(c);
        else
            step_main(c);
    }
}

/* ---- the index ---- */

static struct object *under(struct map_node *n, const struct digest *key)
{
    for (; n != NULL; n = map_same(n)) {
        struct object *o = OBJ_OF(n, struct object, by_key);
        if (digest_eq(&o->head->key, key))
            return o;
    }
    return NULL;
}

static struct object *first_under(const struct cache *c, const struct digest *key)
{
    return under(map_find(&c->objects, map_hash(&c->objects, key_slice(key))), key);
}

static struct object *next_under(struct object *o)
{
    return under(map_same(&o->by_key), &o->head->key);
}

bool cache_is_for(const struct object *o, const struct fields *fields)
{
    struct digest variant;

    if (!o->varies)
        return true;
    vary_digest(&variant, &o->head->fields, fields);
    return digest_eq(&variant, &o->variant);
}

static struct object *latest_for(const struct cache *c, const struct digest *key, const struct fields *fields)
{
    struct object *latest = NULL;

    for (struct object *o = first_under(c, key); o != NULL; o = next_under(o)) {
        if ((latest == NULL || o->order > latest->order) && cache_is_for(o, fields))
            latest = o;
    }
    return latest;
}

static bool usable(const struct object *o, mesh_ns now)
{
    return (o->state == OBJECT_FILLING && o->lifetime > 0) ||
           (o->state == OBJECT_COMPLETE && now - o->born < o->lifetime);
}

static struct object *used(struct object *o)
{
    if (o->hits < HITS_MAX)
        o->hits++;
    return o;
}

struct object *cache_get(struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields)
{
    struct object *o = latest_for(c, key, fields);
    return o != NULL && usable(o, now) ? used(o) : NULL;
}

struct object *cache_peek(const struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields)
{
    struct object *o = latest_for(c, key, fields);
    return o != NULL && usable(o, now) ? o : NULL;
}

struct object *cache_stale(struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields)
{
    struct object *o = latest_for(c, key, fields);
    return o != NULL && o->state == OBJECT_COMPLETE && !usable(o, now) ? used(o) : NULL;
}

struct object *cache_varying(const struct cache *c, const struct digest *key)
{
    struct object *latest = NULL;

    for (struct object *o = first_under(c, key); o != NULL; o = next_under(o)) {
        if (o->varies && (latest == NULL || o->order > latest->order))
            latest = o;
    }
    return latest;
}

/* Those that |o|, got for |fields|, takes the place of; and the oldest, where there are too many. */
static void make_way(struct cache *c, const struct digest *key, const struct fields *fields)
{
    struct object *oldest = NULL, *next;
    unsigned n = 0;

    for (struct object *o = first_under(c, key); o != NULL; o = next) {
        next = next_under(o);
        if (cache_is_for(o, fields)) {
            take_out(c, o);
            continue;
        }
        n++;
        if (oldest == NULL || o->order < oldest->order)
            oldest = o;
    }
    if (n >= CACHE_VARIANTS_MAX)
        evict(c, oldest);
}

void cache_put(struct cache *c, struct object *o, const struct fields *fields)
{
    uint64_t hash = map_hash(&c->objects, key_slice(&o->head->key));

    assert(!o->indexed);
    make_way(c, &o->head->key, fields);
    object_ref(o);
    o->indexed = true;
    o->hits = 0;
    o->order = c->puts++;
    map_insert(&c->objects, &o->by_key, hash);
    if (o->leaf)
        map_insert(&c->leaves, &o->by_primary, map_hash(&c->leaves, key_slice(&o->primary)));
    enter(c, o, ghost_take(&c->ghosts, hash) ? QUEUE_MAIN : QUEUE_SMALL);
    cache_fit(c);
}

void cache_drop(struct cache *c, const struct digest *key)
{
    struct object *o;

    while ((o = first_under(c, key)) != NULL)
        take_out(c, o);
    cache_drop_leaves(c, key);
}

struct object *cache_next_leaf(const struct cache *c, const struct digest *key, struct object *o)
{
    struct map_node *n =
        o != NULL ? map_same(&o->by_primary) : map_find(&c->leaves, map_hash(&c->leaves, key_slice(key)));

    while (n != NULL && !digest_eq(&OBJ_OF(n, struct object, by_primary)->primary, key))
        n = map_same(n);
    return n != NULL ? OBJ_OF(n, struct object, by_primary) : NULL;
}

void cache_drop_leaves(struct cache *c, const struct digest *key)
{
    struct object *o, *next = cache_next_leaf(c, key, NULL);

    while ((o = next) != NULL) {
        next = cache_next_leaf(c, key, o);
        take_out(c, o);
    }
}

void cache_remove(struct cache *c, struct object *o)
{
    if (o->indexed)
        take_out(c, o);
}

uint64_t cache_object_max(const struct cache *c)
{
    return c->limit / PASS_SHARE;
}

/* ---- marks ---- */

static struct mark *mark_of(const struct cache *c, const struct digest *key)
{
    for (struct map_node *n = map_find(&c->marks, map_hash(&c->marks, key_slice(key))); n != NULL; n = map_same(n)) {
        struct mark *m = OBJ_OF(n, struct mark, by_key);
        if (digest_eq(&m->key, key))
            return m;
    }
    return NULL;
}

static void mark_drop(struct cache *c, struct mark *m)
{
    list_remove(&m->order);
    map_remove(&c->marks, &m->by_key);
    free(m);
}

void cache_mark(struct cache *c, mesh_ns now, const struct digest *key)
{
    struct mark *m = mark_of(c, key);

    if (m == NULL) {
        if (c->marks.count >= CACHE_MARKS_MAX)
            mark_drop(c, OBJ_OF(list_first(&c->mark_order), struct mark, order));
        m = calloc(1, sizeof(*m));
        if (m == NULL)
            return; /* then each request finds out anew */
        m->key = *key;
        list_init(&m->order);
        map_insert(&c->marks, &m->by_key, map_hash(&c->marks, key_slice(key)));
    }
    m->until = now + CACHE_MARK_NS;
    list_remove(&m->order);
    list_push_back(&c->mark_order, &m->order);
}

void cache_unmark(struct cache *c, const struct digest *key)
{
    struct mark *m = mark_of(c, key);
    if (m != NULL)
        mark_drop(c, m);
}

bool cache_marked(struct cache *c, mesh_ns now, const struct digest *key)
{
    struct mark *m = mark_of(c, key);

    if (m == NULL)
        return false;
    if (now < m->until)
        return true;
    mark_drop(c, m);
    return false;
}

void cache_free(struct cache *c)
{
    if (c == NULL)
        return;
    struct queue *queues[] = { &c->small, &c->main };
    for (size_t i = 0; i < 2; i++) {
        LIST_EACH_SAFE (at, &queues[i]->objects)
            take_out(c, OBJ_OF(at, struct object, queue));
    }
    LIST_EACH_SAFE (at, &c->mark_order)
        mark_drop(c, OBJ_OF(at, struct mark, order));
    assert(c->memory.bytes == 0);
    map_fini(&c->objects);
    map_fini(&c->leaves);
    map_fini(&c->marks);
    free(c->ghosts.ring);
    free(c->ghosts.slots);
    free(c);
}

uint64_t cache_objects(const struct cache *c)
{
    return c->objects.count;
}

uint64_t cache_bytes(const struct cache *c)
{
    return c->memory.bytes;
}

uint64_t cache_limit(const struct cache *c)
{
    return c->limit;
}

uint64_t cache_evictions(const struct cache *c)
{
    return c->evictions;
}
