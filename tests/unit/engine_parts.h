/* engine_parts.h - what the engines' world is made of: nodes, connections, visits to the
 * origin, and viewers, who read and check each byte. */
#ifndef HEDGEROW_TESTS_ENGINE_PARTS_H
#define HEDGEROW_TESTS_ENGINE_PARTS_H

#include "engine_cast.h"
#include "node/dist/dist_make.h"

/* ---- the world ---- */

struct world;

enum event_kind { EVENT_CONNECT, EVENT_CONNECTED, EVENT_BYTES, EVENT_GONE, EVENT_ORIGIN };
struct event {
    mesh_ns at;
    uint64_t seq;
    enum event_kind kind;
    int node; /* whom it happens to */
    struct conn *conn;
    int end;
    struct visit *visit;
    uint8_t *bytes;
    size_t len;
    struct event *next;
};

struct conn {
    int node[2]; /* dialler, dialled */
    struct link *link[2];
    size_t flying[2];   /* bytes sent by this end, not arrived yet */
    mesh_ns last_at[2]; /* the last of them arrive then */
    bool wants[2];      /* this end has more to write */
};

struct visit { /* a fetch at the origin */
    struct fetch *fetch;
    struct site *site;
    int node;
    bool head_told, unchanged;
    uint64_t at, end, version;
    char *lines; /* as they were when it began, like the version: no head tells of other bytes than come */
    bool ranged;
    struct event *event; /* its next step */
    struct visit *next;
};

struct viewer {
    struct request r;
    struct world *w;
    int node;
    struct site *site;
    struct fields fields;
    uint64_t allow; /* reads no further than this */
    bool codes;     /* takes a body in a coding, into |coded| */
    struct buf coded;
    bool wait_whole; /* shows nothing before the body is complete: a rim that buffers */
    /* what came of it */
    bool done, failed, ended;
    bool head_sent;
    uint64_t got, version;
    bool right; /* each byte so far was */
    uint16_t status;
    mesh_ns first_at, end_at; /* its first body byte; its end */
    struct answer answer;     /* as it was at the head; head is NULL */
    char lines[600];          /* the head's fields: "name: value|" ... */
    struct viewer *next;
};

struct node {
    struct engine *engine;
    struct engine_config cfg;
    struct mesh_addr addr;
    bool frozen, deaf; /* stopped as a whole; takes no new connections */
    mesh_ns slow;      /* what is sent to it takes so much longer */
    mesh_ns drip;      /* what it sends goes a byte at a time, which takes so long; 0: it does not */
    struct event *held, **held_last;
    unsigned twins;
    struct model_disk *disk; /* what its store lies on; NULL: it has none */
    struct buf purges;       /* its file of them */
    struct buf configs[64];  /* versions of the configuration that it has kept */
    size_t configs_n;
    struct buf in_force;                                  /* the text that it was told last */
    void (*adopts)(struct node *node, struct slice text); /* what it does by that; NULL: nothing */
    bool judges; /* what others send, as long as the test likes: it says judged() */
    struct slice to_judge;
    bool older;     /* it cannot read what has "new" in it */
    bool disk_full; /* which takes none */
    bool disk_slow; /* it is not told when it is done */
};

struct world {
    mesh_ns now, delay;
    size_t window; /* bytes that may be under way on a connection; 0: any number */
    size_t reads;  /* at most so many at once; 0: all */
    uint64_t seq;
    int n;
    struct node nodes[NODES];
    struct conn conns[CONNS_MAX];
    size_t conns_n;
    struct site sites[SITES_MAX];
    size_t sites_n;
    struct visit *visits;
    struct viewer *viewers;
    struct event *first;
    uint64_t wire_bytes;    /* over all connections */
    bool cut[NODES][NODES]; /* nothing gets from one to the other, for now; connections stand */
};

static inline void later(struct world *w, mesh_ns after, struct event e)
{
    struct event *n = malloc(sizeof(*n)), **at = &w->first;

    assert_non_null(n);
    *n = e;
    n->at = w->now + after;
    n->seq = w->seq++;
    while (*at != NULL && (*at)->at <= n->at)
        at = &(*at)->next;
    n->next = *at;
    *at = n;
    if (e.visit != NULL)
        e.visit->event = n;
}

static inline struct engine *engine_of(struct world *w, int n)
{
    assert_non_null(w->nodes[n].engine);
    return w->nodes[n].engine;
}

static inline const struct engine_counters *count(struct world *w, int n)
{
    return engine_counters(engine_of(w, n));
}

static inline const struct node_id *id_of(int n)
{
    return &identities[n].cert.id;
}

static inline struct mesh *mesh_of(struct world *w, int n)
{
    return engine_mesh(engine_of(w, n));
}

static inline void set_ring(struct world *w, int n, const char *members, bool steep)
{
    const struct identity *ids[NODES];
    size_t k = 0;

    for (; members[k] != '\0'; k++)
        ids[k] = &identities[members[k] - '0'];
    fake_ring(mesh_of(w, n), ids, k, steep);
}

/* world_ring: node |n| sees a ring of these nodes ("0123"); world_ranks: and mostly in this
 * order. */
static inline void world_ring(struct world *w, int n, const char *members)
{
    set_ring(w, n, members, false);
}

static inline void world_ranks(struct world *w, int n, const char *members)
{
    set_ring(w, n, members, true);
}

static inline bool config_validate(void *ctx, struct slice text, struct buf *why)
{
    const struct node *node = ctx;

    if (slice_eq(slice_head(text, 3), SLICE_LIT("bad")))
        buf_add_str(why, "line 1: it is bad");
    else if (node->older && memmem(text.data, text.len, "new", 3) != NULL)
        buf_add_str(why, "line 1: \"new\" is not known");
    else
        return true;
    return false;
}

static inline void config_adopt(void *ctx, struct slice text)
{
    struct node *node = ctx;

    buf_clear(&node->in_force);
    buf_add_slice(&node->in_force, text);
    if (node->adopts != NULL && node->engine != NULL)
        node->adopts(node, text);
}

static inline void config_judge(void *ctx, struct slice text)
{
    struct node *node = ctx;

    assert_int_equal(node->to_judge.len, 0); /* one at a time */
    node->to_judge = text;
}

static inline void node_start(struct world *w, int n, bool knows_all)
{
    struct node *node = &w->nodes[n];
    struct slice kept[64];

    for (size_t i = 0; i < node->configs_n; i++)
        kept[i] = buf_slice(&node->configs[i]);
    node->cfg.configs = kept;
    node->cfg.configs_n = node->configs_n;
    node->cfg.config = (struct config_hooks){ .validate = config_validate,
                                              .adopt = config_adopt,
                                              .ctx = node,
                                              .judge = node->judges ? config_judge : NULL,
                                              .judge_ctx = node };
    node->cfg.purges = buf_slice(&node->purges);
    node->engine = engine_new(&node->cfg, w->now);
    assert_non_null(node->engine);
    engine_clock(node->engine, w->now, WALL + w->now / SEC(1));
    for (int i = 0; knows_all && i < w->n; i++)
        fake_add(mesh_of(w, n), &identities[i].cert, identity_cert(&identities[i]), &w->nodes[i].addr);
    if (knows_all)
        world_ring(w, n, w->n == 1 ? "0" : w->n == 2 ? "01" : w->n == 3 ? "012" : "0123");
}

/* world_set is the set of one distribution that any host stands for, as the flags of a node make it, with what |by|
 * says (NULL: as usual). The caller's. */
static inline struct dist_set *world_set(const struct dist_behaviour *by)
{
    static const struct slice methods[] = { SLICE_LIT("PROPFIND"), SLICE_LIT("M-SEARCH") };
    struct dist_flags flags = { .url = { .host = SLICE_LIT("o"), .authority = SLICE_LIT("o"), .port = 80 } };

    dist_behaviour_default(&flags.behaviour);
    dist_origin_default(&flags.origin);
    flags.behaviour.cache.ttl_max_s = INT64_C(3153600000);
    flags.behaviour.methods_other = methods;
    flags.behaviour.methods_other_n = 2;
    if (by != NULL)
        flags.behaviour = *by;
    struct dist_set *set = dist_set_of_origin(&flags);
    assert_non_null(set);
    return set;
}

/* node_behaves lets what holds at node |n|, which does not run yet, be changed: what is returned is put in force by
 * node_behaves_so. */
static inline struct dist_behaviour node_behaves(const struct world *w, int n)
{
    return w->nodes[n].cfg.set->dists[0].behaviours[0];
}

static inline void node_behaves_so(struct world *w, int n, const struct dist_behaviour *by)
{
    struct dist_set *old = w->nodes[n].cfg.set;

    w->nodes[n].cfg.set = world_set(by);
    dist_set_unref(old);
}

static inline void node_config(struct world *w, int n)
{
    struct node *node = &w->nodes[n];

    node->addr = mesh_addr_v4(0x0a000001u + (uint32_t)n, 7400);
    node->held_last = &node->held;
    node->cfg = (struct engine_config){ .version = SLICE_LIT("test"),
                                        .mesh_port = 7400,
                                        .memory_limit = UINT64_C(64) << 20,
                                        .spread_floor = 24,
                                        .hash_key = "sixteen secrets" };
    node->cfg.set = world_set(NULL);
    node->cfg.timers.reach_wait = SEC(86400); /* nobody dials only to see whether it can (test_engine_reach.c) */
    node->cfg.mesh =
        (struct mesh_config){ .self = &identities[n], .boot = { 1, 1 }, .addrs = { node->addr }, .addrs_n = 1 };
}

/* A world of |n| nodes that are not running: node_start each, after changes to its cfg. */
static inline struct world *world_bare(int n)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->n = n;
    w->now = SEC(1000);
    w->delay = MS(5);
    for (int i = 0; i < n; i++)
        node_config(w, i);
    return w;
}

static inline struct world *world_new(int n)
{
    struct world *w = world_bare(n);

    for (int i = 0; i < n; i++)
        node_start(w, i, true);
    return w;
}

/* site_at: the origin has |length| bytes at |path|, all at once after 20 ms. */
static inline struct site *site_at(struct world *w, const char *path, uint64_t length)
{
    struct site *s = &w->sites[w->sites_n++];

    assert_true(w->sites_n <= SITES_MAX);
    *s = (struct site){ .path = path,
                        .length = length,
                        .status = 200,
                        .lines = "ETag: \"1\"\n",
                        .version = 1,
                        .head_after = MS(20),
                        .piece = 1 << 20,
                        .cut_at = UINT64_MAX,
                        .cut_err = MESH_E_CLOSED };
    return s;
}

static inline bool owned(struct world *w, int at, const char *path, const char *owners)
{
    const struct ring *ring = mesh_ring(mesh_of(w, at));
    const struct ring_member *members[RING_OWNERS];
    struct digest key;
    size_t k = 0;

    key_hash(&key, &identities[0].mesh, SLICE_LIT("default"), SLICE_EMPTY, slice_str(path));
    size_t n = ring_owners(ring, ring_arc(ring, &key), members);
    while (owners[k] != '\0' && k < n && node_id_eq(&members[k]->id, id_of(owners[k] - '0')))
        k++;
    return owners[k] == '\0';
}

/* path_seen is a path whose owners begin with |owners_a| ("21") as node |a| sees them, and
 * with |owners_b| as |b| does; path_owned asks one node alone. */
static inline const char *path_seen(struct world *w, int a, const char *owners_a, int b, const char *owners_b)
{
    static char paths[2 * SITES_MAX][16];
    static unsigned used, serial;
    char *path = paths[used++ % (2 * SITES_MAX)];

    do {
        snprintf(path, sizeof(paths[0]), "/p%u", serial++);
    } while (!owned(w, a, path, owners_a) || !owned(w, b, path, owners_b));
    return path;
}

static inline const char *path_owned(struct world *w, int at, const char *owners)
{
    return path_seen(w, at, owners, at, owners);
}

/* ---- viewers ---- */

static inline void fields_text(const struct fields *f, char *text, size_t cap)
{
    text[0] = '\0';
    for (size_t i = 0; i < f->n; i++)
        snprintf(text + strlen(text), cap - strlen(text), "%.*s: %.*s|", SLICE_FMT(f->at[i].name),
                 SLICE_FMT(f->at[i].value));
}

static inline void viewer_end(struct viewer *v)
{
    struct engine *e = v->w->nodes[v->node].engine;

    if (v->ended)
        return;
    v->ended = true;
    v->end_at = v->w->now;
    if (e != NULL)
        engine_request_end(e, v->w->now, &v->r, true);
}

static inline void viewer_head(struct viewer *v)
{
    struct fields fields;
    struct slice version;

    request_answer(engine_of(v->w, v->node), v->w->now, &v->r);
    if (v->codes)
        request_code(engine_of(v->w, v->node), v->w->now, &v->r, false, false);
    v->head_sent = v->r.head_sent = true;
    v->answer = v->r.answer;
    v->answer.head = NULL;
    v->status = v->r.answer.head->status;
    kept_head_fields(v->r.answer.head, &fields);
    fields_text(&fields, v->lines, sizeof(v->lines));
    if (kept_head_find(v->r.answer.head, SLICE_LIT("x-version"), &version))
        assert_int_equal(slice_u64(version, &v->version), 0);
}

/* viewer_read takes what there is, as far as it is allowed to. */
static inline void viewer_read(struct viewer *v)
{
    struct engine *e = engine_of(v->w, v->node);
    struct slice piece;

    if (v->ended)
        return;
    if (v->r.state == REQUEST_FAILED) {
        v->failed = true;
        if (!v->head_sent)
            v->status = v->r.error_status;
        viewer_end(v);
        return;
    }
    if (v->r.state != REQUEST_BODY || (v->wait_whole && v->r.reader.object->state != OBJECT_COMPLETE))
        return;
    if (!v->head_sent)
        viewer_head(v);
    while (v->got < v->allow && request_body(&v->r, &piece, 1) == 1) {
        if (piece.len > v->allow - v->got)
            piece.len = v->allow - v->got;
        bool coded = v->answer.coding != CODING_IDENTITY;
        if (coded)
            buf_add_slice(&v->coded, piece);
        v->right = v->right && (coded || v->site == NULL || site_has(v->site, v->version, v->got, piece) ||
                                site_became(v->site, &v->version, v->got, piece));
        if (v->got == 0)
            v->first_at = v->w->now;
        v->got += piece.len;
        request_take(e, v->w->now, &v->r, piece.len);
    }
    if (request_done(&v->r)) {
        v->done = true;
        viewer_end(v);
    }
}

static inline void world_run(struct world *w, mesh_ns ns);

/* The site at |path|, or that at "*", which is at every other one. */
static inline struct site *site_of(struct world *w, struct slice path)
{
    struct site *found = NULL;

    for (size_t i = 0; i < w->sites_n; i++) {
        if (slice_eq(slice_str(w->sites[i].path), path))
            return &w->sites[i];
        if (strcmp(w->sites[i].path, "*") == 0)
            found = &w->sites[i];
    }
    return found;
}

/* Where |f| finds what it wants: at its own origin, rather than at any. */
static inline struct site *site_for(struct world *w, const struct fetch *f)
{
    struct site *found = NULL;

    for (size_t i = 0; i < w->sites_n; i++) {
        struct site *s = &w->sites[i];
        bool here = slice_eq(slice_str(s->path), f->path) || strcmp(s->path, "*") == 0;
        if (here && s->origin != NULL && slice_eq(slice_str(s->origin), f->origin->id))
            return s;
    }
    found = site_of(w, f->path);
    return found != NULL && found->origin == NULL ? found : NULL;
}

static inline struct viewer *viewer_new(struct world *w, int n, const char *path)
{
    struct viewer *v = calloc(1, sizeof(*v));

    assert_non_null(v);
    v->w = w;
    v->node = n;
    v->allow = UINT64_MAX;
    v->right = true;
    v->r.io = v;
    v->r.host = SLICE_LIT("example.com");
    v->r.target = slice_str(path);
    v->r.request_id = SLICE_LIT("id-1");
    v->r.fields = &v->fields;
    v->site = site_of(w, slice_str(path));
    v->next = w->viewers;
    w->viewers = v;
    return v;
}

static inline void viewer_ask(struct viewer *v)
{
    engine_request(engine_of(v->w, v->node), v->w->now, &v->r);
    viewer_read(v);
    world_run(v->w, 0);
}

/* ask: a viewer at node |n| asks for |path| now. */
static inline struct viewer *ask(struct world *w, int n, const char *path)
{
    struct viewer *v = viewer_new(w, n, path);
    viewer_ask(v);
    return v;
}

#endif
