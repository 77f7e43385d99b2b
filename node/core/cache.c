#include "node/core/cache.h"

#include <stdlib.h>

#include "node/core/vary.h"
#include "proto/base/err.h"
#include "proto/base/rare.h"

#define PASS_SHARE 8 /* what is longer than an eighth of the cache passes through */
/* What other threads are about to let go may be beyond the limit: a sixteenth of it, or, if that is more, what comes in
 * the longest of their turns. */
#define LEAVING_SHARE 16
#define LEAVING_MIN   (8u << 20)

struct mark {
    struct map_node by_key;
    struct list order;
    struct digest key;
    mesh_ns until;
};

/* What leaves that are here belong to. It goes with the last of them. */
struct cache_body {
    struct map_node by_key;
    struct digest key;
    struct list leaves;
};

struct cache {
    struct map objects, marks;
    struct map bodies; /* of which there are leaves */
    struct list mark_order;
    struct object_memory memory;
    struct evict evict;
    struct shelf *shelf; /* NULL: there is one thread alone */
    struct cache_word word;
    uint64_t limit, evictions;
    const struct cache_hooks *hooks;
};

struct cache *cache_new(uint64_t limit, enum evict_policy eviction, const uint8_t hash_key[MAP_KEY_BYTES])
{
    struct cache *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    if (map_init(&c->objects, hash_key) != 0 || map_init(&c->bodies, hash_key) != 0 ||
        map_init(&c->marks, hash_key) != 0 || evict_init(&c->evict, eviction, limit) != 0) {
        map_fini(&c->objects);
        map_fini(&c->bodies);
        map_fini(&c->marks);
        free(c);
        return NULL;
    }
    list_init(&c->mark_order);
    c->memory.evict = &c->evict;
    c->limit = limit;
    return c;
}

struct object_memory *cache_memory(struct cache *c)
{
    return &c->memory;
}

/* ---- going ---- */

static struct cache_body *body_of(const struct cache *c, const struct digest *key)
{
    struct map_node *n = map_find(&c->bodies, map_hash_digest(&c->bodies, key->bytes));

    while (n != NULL && !digest_eq(&OBJ_OF(n, struct cache_body, by_key)->key, key))
        n = map_same(n);
    return n != NULL ? OBJ_OF(n, struct cache_body, by_key) : NULL;
}

/* False: out of memory. */
static bool enter_body(struct cache *c, struct object *o)
{
    struct cache_body *b = body_of(c, &object_part(o)->primary);

    if (b == NULL) {
        if ((b = calloc(1, sizeof(*b))) == NULL)
            return false;
        b->key = object_part(o)->primary;
        list_init(&b->leaves);
        map_insert(&c->bodies, &b->by_key, map_hash_digest(&c->bodies, b->key.bytes));
    }
    list_push_back(&b->leaves, &object_part(o)->body_link);
    return true;
}

static void leave_body(struct cache *c, struct object *o)
{
    struct cache_body *b = body_of(c, &object_part(o)->primary);

    list_remove(&object_part(o)->body_link);
    if (!list_empty(&b->leaves))
        return;
    map_remove(&c->bodies, &b->by_key);
    free(b);
}

/* |o| is in no queue any more. */
static void forget(struct cache *c, struct object *o)
{
    if (object_shelved(o) != NULL) /* held by the index and the shelf alone it goes as soon as nobody reads it */
        shelved_take(c->shelf, o, o->refs == 2 ? object_bytes(o) : 0);
    map_remove(&c->objects, &o->by_key);
    if (object_part(o) != NULL)
        leave_body(c, o);
    o->indexed = false;
    object_unref(o);
}

static void take_out(struct cache *c, struct object *o)
{
    if (c->hooks != NULL)
        c->hooks->gone(c->hooks->ctx, o);
    evict_remove(&c->evict, &o->evict);
    forget(c, o);
}

struct purge {
    struct cache *cache;
    bool (*gone)(void *ctx, const struct object *o);
    void *ctx;
    uint64_t n;
};

static void purge_one(void *ctx, struct evict_node *n)
{
    struct purge *p = ctx;
    struct object *o = OBJ_OF(n, struct object, evict);

    if (!p->gone(p->ctx, o))
        return;
    take_out(p->cache, o);
    p->n++;
}

uint64_t cache_purge(struct cache *c, bool (*gone)(void *ctx, const struct object *o), void *ctx)
{
    struct purge p = { .cache = c, .gone = gone, .ctx = ctx };

    evict_each(&c->evict, purge_one, &p);
    return p.n;
}

static bool is_over(const struct cache *c)
{
    uint64_t leaving = c->shelf != NULL ? shelf_leaving(c->shelf) : 0;
    uint64_t most = c->limit / LEAVING_SHARE > LEAVING_MIN ? c->limit / LEAVING_SHARE : LEAVING_MIN;

    return c->memory.bytes - (leaving < most ? leaving : most) > c->limit;
}

void cache_fit(struct cache *c)
{
    bool fits = c->memory.bytes <= c->limit;
    if (fits && !RARE(EVICT_NOW))
        return;
    cache_settle(c);
    for (bool one = fits; (one || is_over(c)) && c->objects.count > 0; one = false) {
        c->evictions++;
        struct object *o = OBJ_OF(evict_victim(&c->evict), struct object, evict);
        if (c->hooks != NULL)
            c->hooks->evicted(c->hooks->ctx, o, o->evict.used);
        forget(c, o);
    }
}

/* ---- the index ---- */

static struct object *under(struct map_node *n, const struct digest *key)
{
    for (; n != NULL; n = map_same(n)) {
        struct object *o = OBJ_OF(n, struct object, by_key);
        if (digest_eq(&o->key, key))
            return o;
    }
    return NULL;
}

/* Of the objects under one key the latest put comes first. */
static struct object *first_under(const struct cache *c, const struct digest *key)
{
    return under(map_find(&c->objects, map_hash_digest(&c->objects, key->bytes)), key);
}

static struct object *next_under(struct object *o)
{
    return under(map_same(&o->by_key), &o->key);
}

struct object *cache_next_under(const struct cache *c, const struct digest *key, struct object *o)
{
    return o == NULL ? first_under(c, key) : next_under(o);
}

bool cache_is_for(const struct object *o, const struct fields *fields)
{
    struct digest variant;
    struct fields ours;

    if (!o->varies)
        return true;
    object_fields(o, &ours);
    vary_digest(&variant, &ours, fields);
    return digest_eq(&variant, &o->more->variant);
}

static struct object *latest_for(const struct cache *c, const struct digest *key, const struct fields *fields)
{
    struct object *o = first_under(c, key);

    while (o != NULL && !cache_is_for(o, fields))
        o = next_under(o);
    return o;
}

static bool usable(const struct object *o, mesh_ns now)
{
    return (o->state == OBJECT_FILLING && o->lifetime > 0) ||
           (o->state == OBJECT_COMPLETE && now - o->born < o->lifetime);
}

static struct object *used(struct cache *c, struct object *o)
{
    evict_use(&c->evict, &o->evict);
    if (c->hooks != NULL)
        c->hooks->used(c->hooks->ctx, o);
    return o;
}

struct object *cache_get(struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields)
{
    struct object *o = latest_for(c, key, fields);
    return o != NULL && usable(o, now) ? used(c, o) : NULL;
}

struct object *cache_peek(const struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields)
{
    struct object *o = latest_for(c, key, fields);
    return o != NULL && usable(o, now) ? o : NULL;
}

struct object *cache_stale(struct cache *c, mesh_ns now, const struct digest *key, const struct fields *fields)
{
    struct object *o = latest_for(c, key, fields);
    return o != NULL && o->state == OBJECT_COMPLETE && !usable(o, now) ? used(c, o) : NULL;
}

uint32_t cache_fingerprint(const struct cache *c, const struct digest *key)
{
    return evict_fingerprint(map_hash_digest(&c->objects, key->bytes));
}

bool cache_hot(const struct cache *c, const struct object *o)
{
    return o->indexed && o->evict.uses >= c->evict.uses_max;
}

struct object *cache_varying(const struct cache *c, const struct digest *key)
{
    struct object *o = first_under(c, key);

    while (o != NULL && !o->varies)
        o = next_under(o);
    return o;
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
        cache_take_in(c, o); /* it may not be the one that is meant any more */
        n++;
        oldest = o;
    }
    if (n >= CACHE_VARIANTS_MAX) {
        c->evictions++;
        take_out(c, oldest);
    }
}

static bool enter(struct cache *c, struct object *o)
{
    uint64_t hash = map_hash_digest(&c->objects, o->key.bytes);

    assert(!o->indexed);
    if (object_part(o) != NULL && !enter_body(c, o))
        return false;
    object_ref(o);
    o->indexed = true;
    map_insert(&c->objects, &o->by_key, hash);
    evict_add(&c->evict, &o->evict, object_bytes(o), hash);
    cache_fit(c);
    return true;
}

void cache_put(struct cache *c, struct object *o, const struct fields *fields)
{
    make_way(c, &o->key, fields);
    if (c->hooks != NULL)
        c->hooks->put(c->hooks->ctx, o);
    enter(c, o); /* without memory only who waits for it gets it */
}

bool cache_put_back(struct cache *c, struct object *o)
{
    unsigned n = 0;

    for (struct object *x = first_under(c, &o->key); x != NULL; x = next_under(x)) {
        if (!x->varies || !o->varies || digest_eq(&x->more->variant, &o->more->variant) || ++n >= CACHE_VARIANTS_MAX)
            return false;
    }
    return enter(c, o);
}

void cache_hook(struct cache *c, const struct cache_hooks *hooks)
{
    c->hooks = hooks;
}

struct visiting {
    void (*visit)(void *ctx, struct object *o);
    void *ctx;
    bool used;
};

static void visit_one(void *ctx, struct evict_node *n)
{
    const struct visiting *v = ctx;

    if (n->used == v->used)
        v->visit(v->ctx, OBJ_OF(n, struct object, evict));
}

void cache_each(struct cache *c, void (*visit)(void *ctx, struct object *o), void *ctx)
{
    struct visiting v = { visit, ctx, true };

    evict_each(&c->evict, visit_one, &v);
    v.used = false;
    evict_each(&c->evict, visit_one, &v);
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
    const struct cache_body *b = body_of(c, key);
    struct list *next = b == NULL ? NULL : o != NULL ? object_part(o)->body_link.next : b->leaves.next;

    return next != NULL && next != &b->leaves ? OBJ_OF(next, struct object_part, body_link)->object : NULL;
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

void cache_let_pass(struct cache *c, struct object *o)
{
    if (!o->indexed)
        return;
    evict_remove(&c->evict, &o->evict);
    forget(c, o);
}

/* ---- what other threads read ---- */

int cache_share(struct cache *c, unsigned readers, const uint8_t key[SHELF_KEY_BYTES])
{
    assert(c->shelf == NULL);
    atomic_init(&c->word.turned, MESH_NS_NEVER);
    c->shelf = shelved_shelf(readers, key);
    return c->shelf != NULL ? 0 : MESH_E_NOMEM;
}

const struct cache_word *cache_word(const struct cache *c)
{
    return &c->word;
}

/* Sequentially consistent, as what is on the shelf: who looks after this has returned finds no more than it allows. */
void cache_tell(struct cache *c, mesh_ns now, uint64_t purged)
{
    if (c->shelf == NULL)
        return;
    atomic_store(&c->word.turned, now);
    atomic_store(&c->word.purged, purged);
}

void cache_tell_set(struct cache *c, struct dist_set *set)
{
    atomic_store(&c->word.set, set);
    atomic_fetch_add(&c->word.configured, 1);
}

struct shelf *cache_shelf(const struct cache *c)
{
    return c->shelf;
}

static bool same_vary(const struct fields *a, const struct fields *b)
{
    const struct field *x = NULL, *y = NULL;

    do {
        x = fields_next(a, SLICE_LIT("vary"), x);
        y = fields_next(b, SLICE_LIT("vary"), y);
        if ((x == NULL) != (y == NULL) || (x != NULL && !slice_eq(x->value, y->value)))
            return false;
    } while (x != NULL);
    return true;
}

/* Is |o| meant by all whom it is for? One that is for everybody is, if none came after it; of those that differ by the
 * same fields one alone is for anybody. */
static bool is_meant(const struct cache *c, const struct object *o)
{
    struct object *other = first_under(c, &o->key);
    struct fields ours, others;

    if (!o->varies)
        return other == o;
    object_fields(o, &ours);
    for (; other != NULL; other = next_under(other)) {
        if (!other->varies)
            return false;
        object_fields(other, &others);
        if (!same_vary(&others, &ours))
            return false;
    }
    return true;
}

void cache_lay_out(struct cache *c, struct object *o)
{
    if (c->shelf == NULL || !o->indexed || o->state != OBJECT_COMPLETE)
        return;
    struct shelved *out = object_shelved(o);
    if (out != NULL && out->item.state == SHELF_ON) {
        shelved_add(o);
        return;
    }
    if (object_part(o) != NULL || o->uncacheable || o->pass_through || object_first_held(o) > 0 ||
        object_pieces(o) != NULL || o->lifetime <= 0 || !is_meant(c, o))
        return;
    (void)shelved_put(c->shelf, o); /* without memory the engine goes on answering */
    cache_fit(c);
}

void cache_take_in(struct cache *c, struct object *o)
{
    if (object_shelved(o) != NULL)
        shelved_take(c->shelf, o, 0);
}

void cache_settle(struct cache *c)
{
    if (c->shelf != NULL)
        shelf_settle(c->shelf);
}

uint64_t cache_object_max(const struct cache *c)
{
    return c->limit / PASS_SHARE;
}

/* ---- marks ---- */

static struct mark *mark_of(const struct cache *c, const struct digest *key)
{
    for (struct map_node *n = map_find(&c->marks, map_hash_digest(&c->marks, key->bytes)); n != NULL; n = map_same(n)) {
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
        map_insert(&c->marks, &m->by_key, map_hash_digest(&c->marks, key->bytes));
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

static bool any(void *ctx, const struct object *o)
{
    (void)ctx;
    (void)o;
    return true;
}

void cache_free(struct cache *c)
{
    if (c == NULL)
        return;
    c->hooks = NULL;
    cache_purge(c, any, NULL);
    LIST_EACH_SAFE (at, &c->mark_order)
        mark_drop(c, OBJ_OF(at, struct mark, order));
    shelf_free(c->shelf);
    assert(c->memory.bytes == 0);
    map_fini(&c->objects);
    map_fini(&c->bodies);
    map_fini(&c->marks);
    evict_fini(&c->evict);
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
