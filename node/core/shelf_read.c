#include "node/core/shelf_read.h"

#include "node/core/cache.h"
#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/nearest.h"
#include "node/core/purges.h"
#include "node/core/route.h"
#include "node/core/vary.h"

void shelf_reader_init(struct shelf_reader *rd, const struct engine *e, unsigned number)
{
    *rd = (struct shelf_reader){
        .shelf = cache_shelf(e->cache),
        .word = cache_word(e->cache),
        .number = number,
        .mesh = e->cfg.mesh.self->mesh,
        .zone = e->cfg.zone,
        .codings_off = e->cfg.codings_off,
        .uses_max = cache_memory(e->cache)->evict->uses_max,
    };
    assert(rd->shelf != NULL);
}

void shelf_reader_fini(struct shelf_reader *rd)
{
    key_memo_fini(&rd->memo);
    buf_free(&rd->path);
    buf_free(&rd->host);
}

void shelf_reader_begin(struct shelf_reader *rd)
{
    shelf_enter(rd->shelf, rd->number);
    uint64_t configured = atomic_load(&rd->word->configured);
    if (configured == rd->configured)
        return;
    rd->configured = configured;
    rd->set = atomic_load(&rd->word->set);
    key_memo_fini(&rd->memo); /* which lends from what was there before */
}

void shelf_reader_end(struct shelf_reader *rd)
{
    shelf_leave(rd->shelf, rd->number);
}

/* Nobody else writes there. */
static void add(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

/* ---- finding a copy ---- */

/* False: that is for the engine to say: what the words alone do not tell, or lead elsewhere, or are no good. */
static bool key_of(struct shelf_reader *rd, const struct request *r, struct digest *out,
                   const struct dist_behaviour **b)
{
    const struct digest *known = key_memo_find(&rd->memo, 0, r->https, r->host, r->target, b);
    struct route route;

    if (known != NULL) {
        *out = *known;
        return true;
    }
    buf_clear(&rd->path);
    buf_clear(&rd->host);
    if (key_path(&rd->path, r->target) != 0 || key_host(&rd->host, r->host) != 0)
        return false;
    bool at_edge = route_main_host(&rd->host, rd->set, rd->zone);
    if (!buf_ok(&rd->host) ||
        !route_find(&route, rd->set, rd->zone, buf_slice(&rd->host), buf_slice(&rd->path), r->https))
        return false;
    route.at_edge = at_edge;
    struct slice path = buf_slice(&rd->path);
    bool root = route.dist->root.len > 0 && (path.len == 1 || path.data[1] == '?');
    *b = route.behaviour;
    if (root || nearest_list_of(route.dist, path) != NEAREST_NO_LIST || !route.behaviour->cache.enabled ||
        route.behaviour->rules_n > 0 || !route_by_words(&route) || !route_shows_all(&route) ||
        (route.behaviour->viewer_scheme != DIST_VIEWER_ANY && !r->https))
        return false;
    return route_key(out, &rd->mesh, &route, buf_slice(&rd->host), path) == 0;
}

static bool is_for(const struct shelved *c, const struct fields *fields)
{
    struct digest variant;
    struct fields ours;

    if (!c->varies)
        return true;
    kept_head_fields(c->head, &ours);
    vary_digest(&variant, &ours, fields);
    return digest_eq(&variant, &c->variant);
}

/* Of those that are out under one key one at most is for a request (cache_lay_out). */
static struct shelved *find(const struct shelf_reader *rd, const struct digest *key, const struct fields *fields)
{
    struct shelf_look look;

    for (struct shelf_item *i = shelf_first(rd->shelf, key, &look); i != NULL; i = shelf_next(&look)) {
        struct shelved *c = OBJ_OF(i, struct shelved, item);
        if (is_for(c, fields))
            return c;
    }
    return NULL;
}

/* What may be different for this one (see engine_request). */
static bool asks_for_more(const struct dist_behaviour *b, const struct fields *fields)
{
    if (fields == NULL)
        return false;
    if (fields_find(fields, SLICE_LIT("authorization")) != NULL)
        return true;
    return b->cache.obeys_viewers && (fields_find(fields, SLICE_LIT("cache-control")) != NULL ||
                                      fields_find(fields, SLICE_LIT("pragma")) != NULL);
}

static bool may_be_coded(const struct shelf_reader *rd, const struct shelved *c)
{
    return rd->codings_off != CODINGS_ALL && c->head->codable && coding_length(c->length);
}

/* Is there all that |prefers| may want? */
static bool has_coding(const struct shelf_reader *rd, const struct shelved *c, enum coding prefers)
{
    return prefers == CODING_IDENTITY || !may_be_coded(rd, c) || shelved_no_gain(c, prefers) ||
           shelved_coded(c, prefers) != NULL;
}

static void begin(struct shelf_reader *rd, struct request *r, struct shelved *c, const struct dist_behaviour *b,
                  enum coding prefers)
{
    struct answer *a = &r->answer;

    memset(a, 0, sizeof(*a));
    r->shelved = c;
    r->shelf_reader = rd;
    r->pinned = false;
    r->head_sent = false;
    r->prefers = prefers;
    r->codable = true;
    r->coded_at = (struct coded_place){ 0 };
    r->reader.at = 0;
    r->until = UINT64_MAX;
    r->state = REQUEST_BODY;
    r->policy = (struct response){ .by = 0 };
    if (b->response.digest != 0)
        response_begin(&r->policy, b, r->fields); /* its head is made in this turn */
    a->head = c->head;
    a->has_length = true;
    a->length = c->length;
    a->stored = true;
    a->result = RESULT_HIT;
}

/* The engine's thread has looked at |c| since the last purge that touches it, and is there: if it stands still all of
 * us may have stood still, and what was purged meanwhile nobody knows here yet (purge_wake.c). */
static bool is_sure(const struct shelf_reader *rd, mesh_ns now, const struct shelved *c)
{
    mesh_ns turned = atomic_load(&rd->word->turned);

    return atomic_load_explicit(&c->position, memory_order_relaxed) >= atomic_load(&rd->word->purged) &&
           (turned == MESH_NS_NEVER || now - turned <= PURGE_STOPPED);
}

/* One use more of |c|: its eviction is the engine's affair. */
static void use(const struct shelf_reader *rd, struct shelved *c)
{
    evict_use_shared(rd->uses_max, &c->object->evict);
}

/* Does the distribution have pages in place of errors? */
static bool may_have_page(struct shelf_reader *rd, const struct request *r)
{
    struct route route;

    buf_clear(&rd->host);
    return key_host(&rd->host, r->host) != 0 ||
           !route_find(&route, rd->set, rd->zone, buf_slice(&rd->host), SLICE_LIT("/"), r->https) ||
           route.dist->errors_n > 0;
}

bool shelf_request(struct shelf_reader *rd, mesh_ns now, struct request *r)
{
    enum coding prefers = CODING_IDENTITY;
    const struct dist_behaviour *b;
    struct digest key;

    if (!key_of(rd, r, &key, &b) || asks_for_more(b, r->fields))
        return false;
    struct shelved *c = find(rd, &key, r->fields);
    if (c == NULL || now - c->born >= c->lifetime || !is_sure(rd, now, c))
        return false;
    if (c->head->status >= 400 && may_have_page(rd, r))
        return false;
    if (c->head->codable)
        prefers = b->codings_off != 0 ? coding_choose(r->fields, rd->codings_off | b->codings_off)
                                      : coding_choose_as_before(&rd->coding_memo, r->fields, rd->codings_off);
    if (!has_coding(rd, c, prefers))
        return false;
    key_memo_keep(&rd->memo, 0, r->https, r->host, r->target, &key, b);
    use(rd, c);
    r->dist = b->of;
    begin(rd, r, c, b, prefers);
    return true;
}

void request_hold(struct request *r)
{
    if (r->shelved == NULL || r->pinned)
        return;
    shelf_pin(&r->shelved->item);
    r->pinned = true;
}

/* ---- the answer ---- */

void shelf_answer(struct request *r, mesh_ns now)
{
    const struct shelved *c = r->shelved;
    struct answer *a = &r->answer;

    a->age_ns = now > c->born ? now - c->born : 0;
    a->ttl_ns = c->lifetime - a->age_ns;
    if (a->coding == CODING_IDENTITY)
        a->lines = shelved_lines(c, r->policy.by);
}

void shelf_code(struct request *r, bool identity, bool head_only)
{
    const struct shelved *c = r->shelved;
    struct shelf_reader *rd = r->shelf_reader;
    struct answer *a = &r->answer;

    assert(!r->head_sent);
    if (!may_be_coded(rd, c))
        return;
    a->negotiated = true;
    if (identity || r->prefers == CODING_IDENTITY || shelved_no_gain(c, r->prefers))
        return;
    a->coding = r->prefers;
    a->length = shelved_coded(c, r->prefers)->length;
    if (!head_only)
        add(&rd->coded, 1);
}

size_t shelf_body(const struct request *r, struct slice *pieces, size_t max)
{
    const struct coded *coded = shelved_coded(r->shelved, r->answer.coding);

    return coded != NULL ? coded_read(coded, r->coded_at, pieces, max)
                         : object_read(r->shelved->object, r->reader.at, pieces, max);
}

void shelf_take_bytes(struct request *r, size_t n)
{
    const struct coded *coded = shelved_coded(r->shelved, r->answer.coding);

    if (coded != NULL) {
        coded_take(coded, &r->coded_at, n);
        return;
    }
    assert(r->reader.at + n <= r->shelved->length);
    r->reader.at += n;
}

bool shelf_done(const struct request *r)
{
    const struct coded *coded = shelved_coded(r->shelved, r->answer.coding);

    return coded != NULL ? coded_over(coded, r->coded_at) : r->reader.at == r->shelved->length;
}

void shelf_request_end(struct request *r, bool count)
{
    struct shelf_reader *rd = r->shelf_reader;

    if (count)
        add(r->state == REQUEST_FAILED ? &rd->errors : &rd->hits, 1);
    if (r->pinned)
        shelf_unpin(&r->shelved->item);
    if (r->policy.by != 0)
        response_end(&r->policy);
    r->shelved = NULL;
    r->pinned = false;
    r->state = REQUEST_IDLE;
}

/* ---- counting ---- */

void shelf_count_sent(struct shelf_reader *rd, uint64_t body_bytes)
{
    add(&rd->bytes, body_bytes);
}

void shelf_reader_count(const struct shelf_reader *rd, struct engine_counters *sum)
{
    uint64_t hits = atomic_load_explicit(&rd->hits, memory_order_relaxed);
    uint64_t errors = atomic_load_explicit(&rd->errors, memory_order_relaxed);

    sum->requests += hits + errors;
    sum->requests_hit += hits;
    sum->requests_error += errors;
    sum->bytes_viewer += atomic_load_explicit(&rd->bytes, memory_order_relaxed);
    sum->answers_coded += atomic_load_explicit(&rd->coded, memory_order_relaxed);
}
