/* engine_world.h - a few engines in a world of virtual time: streams in memory with a
 * delay, one scripted origin, viewers who check each byte. Include first in a test. */
#ifndef HEDGEROW_TESTS_ENGINE_WORLD_H
#define HEDGEROW_TESTS_ENGINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_mesh.h"
#include "node/core/engine.h"
#include "node/core/key.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define NODES     4
#define CONNS_MAX 8192
#define SITES_MAX 16
#define WALL      INT64_C(1800000000)

/* ---- randomness that repeats ---- */

static struct rand source;

static inline const char *source_name(void)
{
    return "test";
}

static inline uint32_t source_u32(void)
{
    return (uint32_t)rand_u64(&source);
}

static inline void source_buf(void *const out, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rand_u64(&source);
}

static struct randombytes_implementation repeatable = { source_name, source_u32, NULL, NULL, source_buf, NULL };
static struct authority authority;
static struct identity identities[NODES];

static inline int setup(void **state)
{
    (void)state;
    source = rand_of(1, 1, 1);
    randombytes_set_implementation(&repeatable);
    assert_int_equal(crypto_start(), 0);
    authority_make(&authority, MESH_ARC_BITS_MIN);
    for (int i = 0; i < NODES; i++) {
        char name[8];
        snprintf(name, sizeof(name), "n%d", i);
        const struct admission what = { .name = slice_str(name),
                                        .zone = SLICE_LIT("eu/z"),
                                        .not_after_s = WALL + 86400 };
        assert_int_equal(authority_admit(&identities[i], &authority, &what), 0);
    }
    return 0;
}

/* ---- what the origin has ---- */

struct site {
    const char *path;
    uint64_t length;
    bool chunked;       /* the length is not announced */
    uint64_t announced; /* not 0: the length that is announced, true or not */
    uint16_t status;
    const char *lines;      /* more fields: "Name: value\n" ... */
    uint64_t version;       /* of its bytes, told in X-Version */
    uint64_t changed_at;    /* bytes from here on depend on the version */
    bool text;              /* bytes that can be packed */
    mesh_ns head_after;     /* from the request on */
    mesh_ns every;          /* a piece ... */
    uint64_t piece;         /* ... of so many bytes */
    uint64_t cut_at;        /* the connection ends here, with ... */
    int cut_err;            /* ... this; at 0: before a head */
    bool stuck;             /* never says more than it has said */
    unsigned fetches, open; /* begun; under way */
    uint64_t sent;          /* body bytes given out */
    char last_from[100];    /* the last request's host and id */
    char last_fields[512];  /* what the last request carried: "name: value|" ... */
};

/* site_bytes writes |len| bytes of a version, from byte |at| on. */
static inline void site_bytes(const struct site *s, uint64_t version, uint64_t at, uint8_t *out, size_t len)
{
    static const char words[] = "Under the hedge the small roads meet, and nobody asks twice. ";
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++, at++) {
        uint64_t v = at < s->changed_at ? 0 : version;
        if (s->text) {
            out[i] = (uint8_t)words[(at + v) % (sizeof(words) - 1)];
            continue;
        }
        if (i == 0 || at % 8 == 0 || at == s->changed_at)
            word = rand_mix((at / 8) * 1000003 + v + s->length);
        out[i] = (uint8_t)(word >> 8 * (at % 8));
    }
}

static inline bool site_has(const struct site *s, uint64_t version, uint64_t at, struct slice bytes)
{
    static uint8_t want[LEAF_BYTES];

    assert_true(bytes.len <= sizeof(want));
    site_bytes(s, version, at, want, bytes.len);
    return memcmp(bytes.data, want, bytes.len) == 0;
}

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
    size_t flying[2]; /* bytes sent by this end, not arrived yet */
    bool wants[2];    /* this end has more to write */
};

struct visit { /* a fetch at the origin */
    struct fetch *fetch;
    struct site *site;
    int node;
    bool head_told;
    uint64_t at, version;
    struct event *event; /* its next step */
    struct visit *next;
};

struct viewer {
    struct request r;
    struct world *w;
    int node;
    struct site *site;
    struct fields fields;
    uint64_t allow;  /* reads no further than this */
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
    struct event *held, **held_last;
    unsigned twins;
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
    uint64_t wire_bytes; /* over all connections */
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

static inline void node_start(struct world *w, int n, bool knows_all)
{
    struct node *node = &w->nodes[n];

    node->engine = engine_new(&node->cfg, w->now);
    assert_non_null(node->engine);
    engine_clock(node->engine, w->now, WALL + w->now / SEC(1));
    for (int i = 0; knows_all && i < w->n; i++)
        fake_add(mesh_of(w, n), &identities[i].cert, identity_cert(&identities[i]), &w->nodes[i].addr);
    if (knows_all)
        world_ring(w, n, w->n == 1 ? "0" : w->n == 2 ? "01" : w->n == 3 ? "012" : "0123");
}

static inline void node_config(struct world *w, int n)
{
    struct node *node = &w->nodes[n];

    node->addr = mesh_addr_v4(0x0a000001u + (uint32_t)n, 7400);
    node->held_last = &node->held;
    node->cfg = (struct engine_config){ .version = SLICE_LIT("test"),
                                        .mesh_port = 7400,
                                        .memory_limit = UINT64_C(64) << 20,
                                        .hash_key = "sixteen secrets" };
    node->cfg.distribution = (struct distribution){ .name = SLICE_LIT("default"),
                                                    .origin = SLICE_LIT("http://o/"),
                                                    .default_ttl_s = TTL_DEFAULT_S };
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

    key_hash(&key, &identities[0].mesh, &w->nodes[at].cfg.distribution, SLICE_EMPTY, slice_str(path));
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
    const struct field *version;

    v->head_sent = v->r.head_sent = true;
    request_answer(engine_of(v->w, v->node), v->w->now, &v->r);
    v->answer = v->r.answer;
    v->answer.head = NULL;
    v->status = v->r.answer.head->status;
    fields_text(&v->r.answer.head->fields, v->lines, sizeof(v->lines));
    version = fields_find(&v->r.answer.head->fields, SLICE_LIT("x-version"));
    if (version != NULL)
        assert_int_equal(slice_u64(version->value, &v->version), 0);
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
        v->right = v->right && (v->site == NULL || site_has(v->site, v->version, v->got, piece));
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

/* ---- streams ---- */

static inline int node_at(const struct world *w, const struct mesh_addr *addr)
{
    for (int i = 0; i < w->n; i++) {
        if (mesh_addr_eq(&w->nodes[i].addr, addr))
            return i;
    }
    return -1;
}

static inline void conn_write(struct world *w, struct conn *c, int end)
{
    while (c->link[end] != NULL && c->node[1 - end] >= 0) {
        struct slice out = link_output(c->link[end]);
        if (w->window != 0 && out.len > w->window - c->flying[end])
            out.len = w->window - c->flying[end];
        c->wants[end] = link_output(c->link[end]).len > out.len;
        if (out.len == 0)
            return;
        struct event e = { .kind = EVENT_BYTES, .conn = c, .end = 1 - end, .node = c->node[1 - end], .len = out.len };
        e.bytes = malloc(out.len);
        assert_non_null(e.bytes);
        memcpy(e.bytes, out.data, out.len);
        c->flying[end] += out.len;
        w->wire_bytes += out.len;
        later(w, w->delay, e);
        engine_sent(engine_of(w, c->node[end]), w->now, c->link[end], out.len);
    }
}

static inline void conn_gone(struct world *w, struct conn *c, int end)
{
    if (c->link[end] == NULL)
        return;
    struct link *l = c->link[end];
    c->link[end] = NULL;
    engine_disconnected(engine_of(w, c->node[end]), w->now, l);
}

static inline void conn_close(struct world *w, struct conn *c, int end)
{
    conn_write(w, c, end);
    conn_gone(w, c, end);
    if (c->node[1] < 0)
        return;
    later(w, w->delay, (struct event){ .kind = EVENT_GONE, .conn = c, .end = 1 - end, .node = c->node[1 - end] });
}

static inline void dial(struct world *w, int n, struct link *l, const struct mesh_addr *to)
{
    struct conn *c = &w->conns[w->conns_n++];

    assert_true(w->conns_n <= CONNS_MAX);
    *c = (struct conn){ .node = { n, node_at(w, to) }, .link = { l, NULL } };
    link_set_io(l, c);
    if (c->node[1] < 0) /* nobody there, and nobody says so */
        return;
    later(w, w->delay, (struct event){ .kind = EVENT_CONNECT, .conn = c, .end = 1, .node = c->node[1] });
}

static inline void take_connect(struct world *w, struct conn *c)
{
    struct node *to = &w->nodes[c->node[1]];

    if (c->link[0] == NULL)
        return; /* given up meanwhile */
    if (to->engine == NULL || to->deaf) {
        later(w, w->delay, (struct event){ .kind = EVENT_GONE, .conn = c, .end = 0, .node = c->node[0] });
        return;
    }
    c->link[1] = engine_accept(to->engine, w->now, &w->nodes[c->node[0]].addr);
    assert_non_null(c->link[1]);
    link_set_io(c->link[1], c);
    later(w, w->delay, (struct event){ .kind = EVENT_CONNECTED, .conn = c, .end = 0, .node = c->node[0] });
}

static inline void take_bytes(struct world *w, struct event *e)
{
    struct slice rest = slice_of(e->bytes, e->len);

    while (rest.len > 0 && e->conn->link[e->end] != NULL) {
        struct slice part = w->reads != 0 ? slice_head(rest, w->reads) : rest;
        engine_received(engine_of(w, e->node), w->now, e->conn->link[e->end], part);
        rest = slice_from(rest, part.len);
    }
    if (rest.len > 0) /* nobody expects them: a reset */
        later(w, w->delay,
              (struct event){
                  .kind = EVENT_GONE, .conn = e->conn, .end = 1 - e->end, .node = e->conn->node[1 - e->end] });
    e->conn->flying[1 - e->end] -= e->len;
    if (e->conn->wants[1 - e->end] && !w->nodes[e->conn->node[1 - e->end]].frozen)
        conn_write(w, e->conn, 1 - e->end);
}

/* ---- the origin ---- */

static inline void visit_end(struct world *w, struct visit *v)
{
    struct visit **at = &w->visits;

    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    v->site->open--;
    if (v->event != NULL)
        v->event->visit = NULL;
    free(v);
}

static inline void visit_step(struct world *w, struct visit *v);

static inline void visit_later(struct world *w, struct visit *v, mesh_ns after)
{
    later(w, after, (struct event){ .kind = EVENT_ORIGIN, .node = v->node, .visit = v });
}

static inline void visit_head(struct world *w, struct visit *v)
{
    const struct site *s = v->site;
    struct slice rest = slice_str(s->lines), line, name;
    char version[24];
    struct fields f = { 0 };

    while (slice_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        slice_split(&line, ':', &name);
        fields_add(&f, name, slice_trim(line));
    }
    snprintf(version, sizeof(version), "%llu", (unsigned long long)s->version);
    fields_add(&f, SLICE_LIT("X-Version"), slice_str(version));
    v->version = s->version;
    v->head_told = true;
    engine_fetch_head(engine_of(w, v->node), w->now, v->fetch, s->status, &f,
                      s->chunked ? -1 : (int64_t)(s->announced != 0 ? s->announced : s->length));
}

static inline void visit_step(struct world *w, struct visit *v)
{
    struct site *s = v->site;
    struct engine *e = engine_of(w, v->node);
    uint64_t end = s->cut_at < s->length ? s->cut_at : s->length;

    v->event = NULL;
    if (s->cut_at == 0) {
        engine_fetch_end(e, w->now, v->fetch, s->cut_err);
        visit_end(w, v);
    } else if (!v->head_told) {
        visit_head(w, v);
        visit_later(w, v, s->every);
    } else if (v->at < end) {
        uint64_t n = end - v->at < s->piece ? end - v->at : s->piece;
        uint8_t *bytes = malloc(n);
        assert_non_null(bytes);
        site_bytes(s, v->version, v->at, bytes, n);
        v->at += n;
        s->sent += n;
        struct fetch *f = v->fetch;
        if (!f->paused)
            visit_later(w, v, s->every);
        engine_fetch_body(e, w->now, f, slice_of(bytes, n));
        free(bytes);
    } else if (!s->stuck) {
        engine_fetch_end(e, w->now, v->fetch, s->cut_at <= s->length ? s->cut_err : 0);
        visit_end(w, v);
    }
}

static inline void fetch_begin(struct world *w, int n, struct fetch *f)
{
    struct visit *v = calloc(1, sizeof(*v));

    assert_non_null(v);
    v->fetch = f;
    v->node = n;
    v->site = site_of(w, f->path);
    assert_non_null(v->site); /* nobody makes up a path */
    v->site->fetches++;
    v->site->open++;
    snprintf(v->site->last_from, sizeof(v->site->last_from), "%.*s %.*s", SLICE_FMT(f->host), SLICE_FMT(f->request_id));
    v->site->last_fields[0] = '\0';
    if (f->forward != NULL)
        fields_text(f->forward, v->site->last_fields, sizeof(v->site->last_fields));
    f->io = v;
    v->next = w->visits;
    w->visits = v;
    visit_later(w, v, v->site->head_after);
}

/* ---- running ---- */

static inline bool poll_node(struct world *w, int n)
{
    struct engine_out out;
    struct visit *v;

    if (!engine_poll(w->nodes[n].engine, &out))
        return false;
    switch (out.kind) {
    case ENGINE_DATAGRAM: break;
    case ENGINE_DIAL: dial(w, n, out.link, &out.addr); break;
    case ENGINE_WRITE: {
        struct conn *c = link_io(out.link);
        conn_write(w, c, c->link[0] == out.link ? 0 : 1);
        break;
    }
    case ENGINE_CLOSE: {
        struct conn *c = link_io(out.link);
        if (c == NULL)
            engine_disconnected(w->nodes[n].engine, w->now, out.link);
        else
            conn_close(w, c, c->link[0] == out.link ? 0 : 1);
        break;
    }
    case ENGINE_FETCH: fetch_begin(w, n, out.fetch); break;
    case ENGINE_FETCH_FLOW:
        v = out.fetch->io;
        if (!out.fetch->paused && v->event == NULL)
            visit_later(w, v, v->site->every);
        break;
    case ENGINE_FETCH_STOP: visit_end(w, out.fetch->io); break;
    case ENGINE_REQUEST: viewer_read(out.request->io); break;
    case ENGINE_TWIN: w->nodes[n].twins++; break;
    }
    return true;
}

static inline void settle(struct world *w)
{
    unsigned steps = 0;

    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < w->n; i++) {
            while (w->nodes[i].engine != NULL && !w->nodes[i].frozen && poll_node(w, i)) {
                any = true;
                assert_true(++steps < 1000000); /* nobody spins */
            }
        }
    }
}

static inline void happen(struct world *w, struct event *e)
{
    struct node *to = &w->nodes[e->node];

    if (e->kind == EVENT_ORIGIN && e->visit == NULL) {
        free(e);
        return;
    }
    if (to->frozen) {
        *to->held_last = e;
        to->held_last = &e->next;
        e->next = NULL;
        return;
    }
    if (to->engine != NULL) {
        engine_clock(to->engine, w->now, WALL + w->now / SEC(1));
        switch (e->kind) {
        case EVENT_CONNECT: take_connect(w, e->conn); break;
        case EVENT_CONNECTED:
            if (e->conn->link[0] != NULL)
                engine_connected(to->engine, w->now, e->conn->link[0]);
            break;
        case EVENT_BYTES: take_bytes(w, e); break;
        case EVENT_GONE: conn_gone(w, e->conn, e->end); break;
        case EVENT_ORIGIN: visit_step(w, e->visit); break;
        }
    } else if (e->kind == EVENT_CONNECT) {
        take_connect(w, e->conn);
    }
    free(e->bytes);
    free(e);
}

/* world_run lets |ns| go by. */
static inline void world_run(struct world *w, mesh_ns ns)
{
    mesh_ns until = w->now + ns;
    unsigned turns = 0;

    for (;;) {
        settle(w);
        mesh_ns next = w->first != NULL ? w->first->at : MESH_NS_NEVER;
        for (int i = 0; i < w->n; i++) {
            if (w->nodes[i].engine != NULL && !w->nodes[i].frozen)
                next = mesh_ns_min(next, engine_deadline(w->nodes[i].engine));
        }
        if (next > until)
            break;
        turns = next > w->now ? 0 : turns + 1;
        assert_true(turns < 100000); /* time goes on */
        w->now = next > w->now ? next : w->now;
        for (int i = 0; i < w->n; i++) {
            if (w->nodes[i].engine != NULL && !w->nodes[i].frozen && engine_deadline(w->nodes[i].engine) <= w->now) {
                engine_clock(w->nodes[i].engine, w->now, WALL + w->now / SEC(1));
                engine_tick(w->nodes[i].engine, w->now);
            }
        }
        settle(w);
        while (w->first != NULL && w->first->at <= w->now) {
            struct event *e = w->first;
            w->first = e->next;
            happen(w, e);
            settle(w);
        }
    }
    w->now = until;
    for (int i = 0; i < w->n; i++) {
        if (w->nodes[i].engine != NULL && !w->nodes[i].frozen)
            engine_clock(w->nodes[i].engine, w->now, WALL + w->now / SEC(1));
    }
}

/* ---- what befalls nodes ---- */

static inline void node_freeze(struct world *w, int n)
{
    w->nodes[n].frozen = true;
}

static inline void node_thaw(struct world *w, int n)
{
    struct event *e = w->nodes[n].held;

    w->nodes[n].frozen = false;
    w->nodes[n].held = NULL;
    w->nodes[n].held_last = &w->nodes[n].held;
    while (e != NULL) {
        struct event *next = e->next;
        later(w, 0, *e);
        free(e);
        e = next;
    }
    world_run(w, 0);
}

static inline void drop_held(struct node *node)
{
    while (node->held != NULL) {
        struct event *e = node->held;
        node->held = e->next;
        free(e->bytes);
        free(e);
    }
    node->held_last = &node->held;
}

/* node_stop: the process ends at once; |told|: its peers see their connections end. */
static inline void node_stop(struct world *w, int n, bool told)
{
    struct node *node = &w->nodes[n];

    for (struct viewer *v = w->viewers; v != NULL; v = v->next) {
        if (v->node == n)
            viewer_end(v);
    }
    for (size_t i = 0; i < w->conns_n; i++) {
        struct conn *c = &w->conns[i];
        for (int end = 0; end <= 1; end++) {
            if (c->node[end] != n)
                continue;
            if (told && c->link[end] != NULL)
                later(w, w->delay,
                      (struct event){ .kind = EVENT_GONE, .conn = c, .end = 1 - end, .node = c->node[1 - end] });
            conn_gone(w, c, end);
        }
    }
    for (struct visit *v = w->visits, *next; v != NULL; v = next) {
        next = v->next;
        if (v->node == n) {
            v->fetch = NULL;
            visit_end(w, v);
        }
    }
    engine_free(node->engine);
    node->engine = NULL;
    node->frozen = false;
    drop_held(node);
}

/* world_calm: nothing is under way any more, anywhere. */
static inline void world_calm(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        struct engine_usage u;
        if (w->nodes[i].engine == NULL)
            continue;
        engine_usage(w->nodes[i].engine, &u);
        assert_int_equal(u.flights, 0);
        assert_int_equal(u.requests, 0);
        assert_int_equal(u.serves, 0);
        assert_true(u.memory_bytes <= u.memory_limit);
        const struct engine_counters *c = count(w, i);
        assert_int_equal(c->requests, c->requests_hit + c->requests_refresh + c->requests_stale + c->requests_peer +
                                          c->requests_origin + c->requests_error);
    }
    for (size_t i = 0; i < w->sites_n; i++)
        assert_int_equal(w->sites[i].open, 0);
}

static inline void world_free(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        if (w->nodes[i].engine != NULL)
            node_stop(w, i, false);
    }
    while (w->first != NULL) {
        struct event *e = w->first;
        w->first = e->next;
        free(e->bytes);
        free(e);
    }
    while (w->viewers != NULL) {
        struct viewer *v = w->viewers;
        w->viewers = v->next;
        free(v);
    }
    free(w);
}

/* ---- what is to be seen ---- */

/* check_whole: the viewer has all of it, each byte right. */
static inline void check_whole(const struct viewer *v)
{
    if (!v->done || !v->right || v->got != v->site->length)
        fail_msg("%s at n%d: state %d, status %u, %llu of %llu bytes, %s", v->site->path, v->node, v->r.state,
                 v->status, (unsigned long long)v->got, (unsigned long long)v->site->length,
                 v->right ? "right" : "WRONG");
    assert_int_equal(v->status, v->site->status);
}

static inline void check_result(const struct viewer *v, enum request_result want)
{
    check_whole(v);
    assert_string_equal(request_result_word(v->answer.result), request_result_word(want));
}

static inline void check_failed(const struct viewer *v, uint16_t status)
{
    assert_true(v->failed && v->right);
    assert_int_equal(v->head_sent, status == 0); /* 0: in mid-body */
    if (status != 0)
        assert_int_equal(v->status, status);
}

#endif
